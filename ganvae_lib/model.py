"""A model is an objective, the networks that it needs, and a prior; ``build`` makes networks that suit a data set."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from . import nets, stacking
from .objective import Objective
from .terms import Reconstruct
from .tools import unknown

__all__ = ["Model", "build", "check"]

PLAYER = {"decoder": "theta", "density": "theta", "features": "theta", "classifier": "theta", "encoder": "eta"}
# Every other network is a discriminator and belongs to phi.


class Model(nn.Module):
    """An objective, the networks that it needs, and the prior p(z).

    ``networks`` maps "decoder" p(x|z), "encoder" q(z|x), "density" p(x), "features", "classifier", "discriminator_x",
    "discriminator_z", "discriminator_features" to modules that return distributions; also ``model.decoder`` (or
    ``.generator``), ``model.encoder``, ...
    ``config`` is what ``build`` was asked for, or None for networks of one's own.
    Raises ValueError when a network that the objective needs is missing.
    """

    def __init__(
        self, objective: Objective, networks: dict[str, nn.Module], prior: nn.Module, config: dict | None = None
    ):
        super().__init__()
        if missing := [n for n in objective.networks if n not in networks]:
            raise ValueError(f"{objective} needs the networks {', '.join(missing)}, which were not given.")
        self.objective, self.config = objective, config
        self.networks = nn.ModuleDict({n: networks[n] for n in objective.networks})
        self.prior = prior
        self.seeds: int | list[int] = 0  # one int for a single model, a list for stacked copies

    def __getattr__(self, name: str):
        if name == "generator":
            name = "decoder"
        networks = self.__dict__["_modules"].get("networks", {})
        if name in networks:
            return networks[name]
        return super().__getattr__(name)

    @property
    def lead(self) -> tuple[int, ...]:
        """The seeds axis: () for a single model, (K,) for K stacked copies."""
        return () if isinstance(self.seeds, int) else (len(self.seeds),)

    def of(self, players: Sequence[str]) -> list[nn.Parameter]:
        """The parameters of these players."""
        return [p for n, net in self.networks.items() if PLAYER.get(n, "phi") in players for p in net.parameters()]

    def copies(self, seeds: int | list[int], fresh: bool = True) -> Model:
        """A copy per seed, stacked if ``seeds`` is a list; ``fresh`` draws new initial weights from each seed.

        Raises TypeError for copies that are stacked already, except to go on with them all (not fresh, same seeds).
        """
        if self.lead:
            if not fresh and seeds == self.seeds:
                return copy.deepcopy(self)
            raise TypeError(f"this model holds stacked copies, of seeds {self.seeds}; take one with model.single(k), "
                            "or go on with all by seeds=run.seeds, fresh=False.")  # fmt: skip
        make = lambda seed: stacking.initialise(self, seed) if fresh else self
        if isinstance(seeds, int):
            model = copy.deepcopy(make(seeds))
        else:
            model = stacking.stack([make(seed) for seed in seeds])
        model.seeds = seeds
        return model

    def single(self, k: int) -> Model:
        """The k-th stacked copy as an ordinary model."""
        model = stacking.unstack(self, k)
        model.seeds = self.seeds[k]
        return model


def build(
    objective: Objective,
    data,
    *,
    latent: int | None = None,
    hidden: Sequence[int] = (128, 128),
    architecture: str = "mlp",
    width: int = 32,
    observation: str | None = None,
    scale: float | None = None,
    activation: str = "relu",
    codes: str = "gaussian",
    classes: int | None = None,
) -> Model:
    """A model: ``objective`` and suitable networks for ``data``.

    data:          a ``Data`` (or the shape of one example).
    latent:        dimensions of z, or of the features; by default 2 for points and 20 for images.
    hidden:        widths of the hidden layers (mlp); ``width`` the first number of channels (conv).
    observation:   p(x|z): "bernoulli", "continuous bernoulli", "gaussian" (``scale`` fixes its σ) or "point"
                   (an implicit model). By default a point if the generator is only compared by samples, else Gaussian
                   for points in the plane and, for images, Bernoulli if they are binary, continuous Bernoulli if not.
    codes:         z is "gaussian" or "bernoulli": real numbers under N(0, 1), or bits under fair coins.
    classes:       how many classes a classifier tells apart; by default those of the data.
    Raises ValueError for unknown names, sizes that are not positive, and data that do not suit the observation.
    """
    shape = tuple(getattr(data, "shape", data))
    image = len(shape) == 3
    latent = (20 if image else 2) if latent is None else latent
    sizes = (latent, width, *shape, *([hidden] if isinstance(hidden, (int, float)) else hidden))
    if isinstance(hidden, int) or not all(isinstance(s, int) and s > 0 for s in sizes):
        raise ValueError(f"sizes must be positive integers, hidden a list of them; got latent={latent}, "
                         f"hidden={hidden}, width={width} and examples of shape {shape}.")  # fmt: skip
    if scale is not None and not 0 < scale < float("inf"):
        raise ValueError(f"scale must be a positive number, got {scale}.")
    if architecture not in ("mlp", "conv"):
        raise unknown("architecture", architecture, ("mlp", "conv"))
    if codes not in nets.CODES:
        raise unknown("kind of code", codes, nets.CODES)
    classes = getattr(data, "classes", 0) if classes is None else classes
    if "classifier" in objective.networks and not classes:
        raise ValueError(f"{objective!r} learns from labels; give data with labels y.")
    if observation is None:
        explicit = any(isinstance(t, Reconstruct) and t.variable == "x" for t in objective.terms)
        x = getattr(data, "x", None)
        binary = x is not None and _binary(x)
        pixels = "bernoulli" if binary else "continuous bernoulli"
        observation = "point" if not explicit else pixels if image else "gaussian"
    if observation not in nets.OBSERVATIONS:
        raise unknown("observation", observation, nets.OBSERVATIONS)
    noise = {"gaussian": {"scale": scale}, "point": {"squash": image}}.get(observation, {})

    def down(inputs: Sequence[int], out: int, activation: str) -> nn.Module:
        if architecture == "conv" and len(inputs) == 3:
            return nets.conv_down(inputs, width, out, activation)
        return nets.mlp(inputs, hidden, out, activation)

    prior, encoder, per_code = nets.CODES[codes]

    def make(name: str) -> nn.Module:
        size = torch.Size(shape).numel()
        if name == "density":
            return nets.GaussianDensity(shape)
        if name == "encoder":
            return encoder(down(shape, per_code * latent, activation))
        if name == "features":
            return nets.Features(down(shape, latent, activation))
        if name == "classifier":
            return nets.Classifier(nets.mlp((latent,), (), classes))
        if name == "decoder":
            trunk = (
                nets.conv_up(latent, width, shape, activation)
                if architecture == "conv"
                else nets.mlp((latent,), hidden, size, activation)
            )
            return nets.Decoder(trunk, nets.OBSERVATIONS[observation](**noise), shape)
        return nets.Discriminator(down(shape if name == "discriminator_x" else (latent,), 1, "leaky relu"))

    config = dict(shape=list(shape), latent=latent, hidden=list(hidden), architecture=architecture, width=width,
                  observation=observation, scale=scale, activation=activation, codes=codes,
                  classes=classes if "classifier" in objective.networks else None)  # fmt: skip
    model = Model(objective, {n: make(n) for n in objective.networks}, prior(latent), config)
    if hasattr(data, "x"):
        check(model, data)
    return model


def _binary(x: torch.Tensor) -> bool:
    """Is every number 0 or 1? By parts that fit a cache: whole data sets come this way before every ``fit``."""
    return all(torch.equal(part * part, part) for part in x.split(1000))


def check(model: Model, data) -> None:
    """Raise ValueError, saying what to do, if ``data`` do not fit the model."""
    shape = (model.config or {}).get("shape")
    if shape is not None and tuple(shape) != tuple(data.shape):
        raise ValueError(
            f"the model was built for examples of shape {tuple(shape)}, the data have {tuple(data.shape)}."
        )
    if "labels" in model.objective.reads and getattr(data, "y", None) is None:
        raise ValueError(f"{model.objective!r} learns from labels, which {data.name} does not have; give data with y.")
    if "other" in model.objective.reads and getattr(data, "other", None) is None:
        raise ValueError(
            f"{model.objective!r} compares two domains; put them together with data.Domains(source, target)."
        )
    classes = (model.config or {}).get("classes")
    if classes and data.classes > classes:
        raise ValueError(f"the model tells {classes} classes apart, the data have {data.classes}.")
    observation = getattr(model.networks["decoder"], "observation", None) if "decoder" in model.networks else None
    x = data.x
    if isinstance(observation, nets.BernoulliPixels) and not _binary(x):
        raise ValueError(
            "a Bernoulli observation needs pixels that are 0 or 1; load the data with binarize='threshold' or "
            "'sample', or build with observation='continuous bernoulli'."
        )
    if isinstance(observation, nets.ContinuousBernoulliPixels) and not bool(((x >= 0) & (x <= 1)).all()):
        raise ValueError("a continuous-Bernoulli observation needs pixels in [0, 1]; rescale x, or use 'gaussian'.")
