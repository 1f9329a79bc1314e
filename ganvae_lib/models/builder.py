"""``build`` makes a model: an objective, and networks that suit a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..distributions.world import OtherDomain
from ..networks.codes import Prior
from ..objective.algebra import Objective
from .checks import check_data
from .model import Model
from .roles import make_network
from .spec import Spec

if TYPE_CHECKING:
    from ..data import Data, Domains

__all__ = ["build"]


def build(
    objective: Objective,
    data: Data | Domains | Sequence[int],
    *,
    latent: int | None = None,
    hidden: Sequence[int] = (128, 128),
    architecture: str = "mlp",
    width: int = 32,
    depth: int = 2,
    observation: str | None = None,
    scale: float | None = None,
    noiseless: bool | None = None,
    noise: int = 0,
    activation: str = "relu",
    codes: str | dict[str, int] | None = None,
    classes: int | None = None,
    density: str | None = None,
    other: Sequence[int] | None = None,
) -> Model:
    """A model: ``objective`` and suitable networks for ``data``, or for examples of a shape.

    data:          with ``Domains``, z is data of the second domain, unless the objective compares features.
    latent:        dimensions of z, or of the features; by default 2 for points and 20 for images.
    hidden:        widths of the hidden layers (mlp); ``width`` the first number of channels (conv), ``depth`` how often
                   they double while the side halves.
    observation:   p(x|z): "bernoulli", "continuous bernoulli", "gaussian", "laplace" (``scale`` fixes its σ or b) or
                   "point" (an implicit model). By default a point if x is only compared by samples, else Gaussian for
                   points in the plane and, for images, Bernoulli if they are binary, continuous Bernoulli if not.
    noiseless:     samples of x are the mean of p(x|z); by default where x is reconstructed and compared by samples.
    noise:         so many noise inputs of the generator beside z, for the observation "point".
    codes:         a name of ``CODES``, or a dict of names and dimensions such as {"one-hot": 10, "uniform": 2}.
    classes:       of a classifier or of the labels that are given, or characters in a text; by default the data's.
    density:       p(x) without a code: "gaussian", "pixelcnn", "pixelrnn" or "rnn"; by default "rnn" for text.
    other:         shape of the second domain; by default that of the data.
    Raises ValueError for unknown names, sizes that are not positive, and data that do not suit the observation.

    >>> from ganvae_lib import zoo
    >>> model = build(zoo.VAE, (1, 28, 28), latent=16, architecture="conv")
    >>> list(model.networks), model.spec.observation
    (['encoder', 'decoder'], 'continuous bernoulli')
    """
    spec = Spec.of(
        objective,
        data,
        latent=latent,
        hidden=hidden,
        architecture=architecture,
        width=width,
        depth=depth,
        observation=observation,
        scale=scale,
        noiseless=noiseless,
        noise=noise,
        activation=activation,
        codes=codes,
        classes=classes,
        density=density,
        other=other,
    )
    return _make_model(spec, data)


def _make_model(spec: Spec, data: Data | Domains | Sequence[int]) -> Model:
    """The model that ``spec`` describes, checked against the data if they are at hand."""
    networks = {name: make_network(spec, name) for name in spec.objective.networks}
    prior = Prior(spec.parts) if spec.other is None else OtherDomain(spec.other)
    model = Model(spec.objective, networks, prior, spec)
    if not isinstance(data, Sequence):  # not only the shape of an example
        check_data(model, data)
    return model
