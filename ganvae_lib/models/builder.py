"""``build`` makes a model: an objective, and networks that suit a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples, as_data
from ..data.sources import is_shape
from ..distributions.sample import OtherDomain
from ..networks.codes import Prior
from ..objective.algebra import Objective
from ..objective.operators import from_dict
from ..storage.strangers import NoModel, check_card
from .checks import check_data
from .model import Model
from .roles import make_network
from .spec import Spec

__all__ = ["OPTIONS", "build", "model_of", "shapes_of"]


def build(
    objective: Objective,
    data: Any,
    *,
    latent: int | None = None,
    hidden: Sequence[int] = (128, 128),
    architecture: str = "mlp",
    width: int = 32,
    depth: int = 2,
    observation: str | Mapping[str, int] | Sequence[tuple[str, int]] | None = None,
    scale: float | None = None,
    noiseless: bool | None = None,
    noise: int = 0,
    activation: str = "relu",
    codes: str | dict[str, int] | None = None,
    classes: int | None = None,
    density: str | None = None,
    other: Sequence[int] | None = None,
    range: str | tuple[float, float] | None = None,
) -> Model:
    """A model: ``objective`` and suitable networks for ``data``, or for examples of a shape, a tuple of sizes.

    data:          ``Data``, or whatever ``Data`` takes: arrays, a torch Dataset or DataLoader, files, a data frame.
                   With ``Domains``, z is data of the second domain, unless the objective compares features.
    latent:        dimensions of z, or of the features; by default 2 for points and 20 for images.
    hidden:        widths of the hidden layers (mlp); ``width`` the first number of channels (conv), ``depth`` how often
                   they double while the side halves.
    observation:   p(x|z): "bernoulli", "continuous bernoulli", "gaussian", "laplace" (``scale`` fixes its σ or b) or
                   "point" (an implicit model). By default a point if x is only compared by samples, else Gaussian for
                   points in the plane and, for images, Bernoulli if they are binary, continuous Bernoulli if not, and
                   Gaussian beyond [0, 1]. Parts share out the numbers of a row, such as (("gaussian", 2),
                   ("one-hot", 3)); by default those of a table, with a scale for each Gaussian column.
    noiseless:     samples of x are the mean of p(x|z); by default where x is reconstructed and compared by samples.
    noise:         so many noise inputs of the generator beside z, for the observation "point".
    codes:         a name of ``CODES``, or a dict of names and dimensions such as {"one-hot": 10, "uniform": 2}.
    classes:       of a classifier or of the labels that are given, or characters in a text; by default the data's.
    density:       p(x) without a code: "gaussian", "pixelcnn", "pixelrnn", "rnn" or "lines"; by default "rnn" for text,
                   "lines" for padded lines.
    other:         shape of the second domain; by default that of the data.
    range:         (low, high), between which samples and means are kept where p(x|z) is a point or ``noiseless``; or
                   "real". By default the data's, and [0, 1] for the shape of an image.
    Raises ValueError for unknown names, sizes that are not positive, and data that do not suit the observation.

    >>> from ganvae_lib import zoo
    >>> model = build(zoo.VAE, (1, 28, 28), latent=16, architecture="conv")
    >>> list(model.networks), model.spec.observation
    (['encoder', 'decoder'], 'continuous bernoulli')
    """
    choices = dict(locals())  # all that stands after the star
    del choices["objective"], choices["data"]
    if not isinstance(objective, Objective):
        raise ValueError(f"build needs an objective first, such as zoo.VAE, then data, not {type(objective).__name__}.")
    examples = data if is_shape(data) else as_data(data)
    return _make_model(Spec.of(objective, examples, **choices), examples)


def _make_model(spec: Spec, data: Examples | Sequence[int]) -> Model:
    """The model that ``spec`` describes, checked against the data if they are at hand."""
    networks = {name: make_network(spec, name) for name in spec.objective.networks}
    prior = Prior(spec.parts) if spec.other is None else OtherDomain(spec.other)
    model = Model(spec.objective, networks, prior, spec)
    if not isinstance(data, Sequence):  # not only the shape of an example
        check_data(model, data)
    return model


# ---------------------------------------------------------------- what a saved run speaks of

#: The options of networks with their types, as a saved run may have them.
OPTIONS = {field.name: str(field.type) for field in fields(Spec) if field.name != "objective"}


def model_of(run_card: dict[str, Any]) -> Model:
    """The model of which a card speaks, where torch makes tensors at the time: on "meta" it takes no memory.

    Raises NoModel (a ValueError) for networks or an objective of one's own, and ValueError for what is no model.
    """
    networks, objective = run_card["networks"], run_card["objective"]
    if networks is None or objective is None:
        own_thing = "networks" if networks is None else "an objective"
        raise NoModel(f"this run has {own_thing} of its own; pass a model with the same: Run.load(path, model).")
    try:
        objective = from_dict(objective)
        return build(objective, networks["shape"], **{name: networks[name] for name in networks if name != "shape"})
    except ValueError as error:  # which says by itself what to do
        raise NoModel(str(error)) from error
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:  # RecursionError is one
        raise ValueError(f"it describes no model: {error}") from error


def shapes_of(run_card: dict[str, Any], model: Model | None) -> dict[str, Tensor]:
    """The weights of which a card speaks, on "meta", without memory; or those of copies of a given ``model``.

    Raises ValueError for a card that cannot be, NoModel (another) for one whose model cannot be made here.
    """
    check_card(run_card, OPTIONS)
    if model is not None:  # as they are: on "meta" weights that are tied would come apart
        return model.copies(run_card["seeds"], fresh=False).state_dict()
    with torch.device("meta"):
        return model_of(run_card).copies(run_card["seeds"], fresh=False).state_dict()
