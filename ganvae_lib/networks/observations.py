"""Observation models p(x|features).

An observation model of one's own is a subclass of :class:`Observation`, entered in the table: ``OBSERVATIONS["student"]
= Student`` lets ``build(..., observation="student")`` find it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, ContinuousBernoulli, Distribution, Independent, Laplace, Normal

from ..distributions.densities import Point

__all__ = [
    "OBSERVATIONS",
    "BernoulliPixels",
    "ContinuousBernoulliPixels",
    "Gaussian",
    "LaplacePixels",
    "Observation",
    "PointPixels",
]


class Observation(nn.Module):
    """What an observation model is: a module that turns features into the distribution p(x|features) of x.

    >>> class Wide(Observation):
    ...     def forward(self, features, dims):
    ...         return Independent(Normal(features, 2.0), dims)
    >>> OBSERVATIONS["wide"] = Wide  # now build(..., observation="wide") knows it
    >>> Wide()(torch.zeros(5, 3), 1).event_shape
    torch.Size([3])
    >>> del OBSERVATIONS["wide"]
    """

    #: Has p(x|features) a density? Where it has none, the model is implicit.
    explicit = True
    #: What to do about examples that the model cannot have made.
    advice = "choose another observation"

    @classmethod
    def of(cls, scale: float | None, squash: bool) -> Observation:
        """The observation model that ``build`` asks for; it takes the options that it knows.

        scale:   fixes the width of the noise; None learns it.
        squash:  the means are those of images and belong into [0, 1].
        """
        return cls()

    def forward(self, features: Tensor, dims: int) -> Distribution:
        """p(x|features), [..., *shape] with event axes as many as ``dims``."""
        raise NotImplementedError

    def supports(self, x: Tensor) -> bool:
        """Can the model have made all of x, [N, *shape]?"""
        return True

    def check(self, x: Tensor) -> None:
        """Raise ValueError, saying what to do, if the model cannot have made x."""
        if not self.supports(x):
            raise ValueError(self.advice)


class Gaussian(Observation):
    """Observation model N(x; features, σ²), with one σ for all dimensions, learned unless ``scale`` fixes it.

    ``squash`` keeps the means of images in [0, 1].
    """

    stackable = True
    law: type[Normal] | type[Laplace] = Normal

    def __init__(self, scale: float | None = None, squash: bool = False):
        super().__init__()
        initial = torch.zeros(1) if scale is None else torch.full((1,), math.log(scale))
        self.initial_log_scale = float(initial)
        self.squash = squash
        if scale is None:
            self.log_scale = nn.Parameter(initial)
        else:
            self.register_buffer("log_scale", initial)

    @classmethod
    def of(cls, scale: float | None, squash: bool) -> Gaussian:
        return cls(scale, squash)

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.log_scale.fill_(self.initial_log_scale)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        loc = features.sigmoid() if self.squash else features
        # [*seeds, 1] becomes [*seeds, 1, 1, ...]: one scale for the batch and for all axes of an example.
        scale = self.log_scale.exp()
        scale = scale.reshape(*scale.shape[:-1], *[1] * (dims + 1))
        return Independent(self.law(loc, scale), dims)


class LaplacePixels(Gaussian):
    """Observation model Laplace(x; features, b): misses are priced by |x - features|/b."""

    law = Laplace


class BernoulliPixels(Observation):
    """Observation model with independent pixels in {0, 1}; the features are their logits."""

    advice = (
        "a Bernoulli observation needs pixels that are 0 or 1; load the data with binarize='threshold' or "
        "'sample', or build with observation='continuous bernoulli'."
    )

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(Bernoulli(logits=features), dims)

    def supports(self, x: Tensor) -> bool:
        # 0 and 1 are their own squares. In parts that fit a cache: ``fit`` checks the whole data set each time.
        return all(torch.equal(part * part, part) for part in x.split(1000))


class ContinuousBernoulliPixels(Observation):
    """Observation model for grey levels in [0, 1] (Loaiza-Ganem and Cunningham, 2019): a true density."""

    advice = "a continuous-Bernoulli observation needs pixels in [0, 1]; rescale x, or use 'gaussian'."

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(ContinuousBernoulli(logits=features), dims)

    def supports(self, x: Tensor) -> bool:
        return bool(((x >= 0) & (x <= 1)).all())


class PointPixels(Observation):
    """No noise at all: the generator of an implicit model. ``squash`` keeps images in [0, 1]."""

    explicit = False

    def __init__(self, squash: bool = False):
        super().__init__()
        self.squash = squash

    @classmethod
    def of(cls, scale: float | None, squash: bool) -> PointPixels:
        return cls(squash)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Point(features.sigmoid() if self.squash else features, dims)


#: Every observation model by name.
OBSERVATIONS: dict[str, type[Observation]] = {
    "bernoulli": BernoulliPixels,
    "continuous bernoulli": ContinuousBernoulliPixels,
    "gaussian": Gaussian,
    "laplace": LaplacePixels,
    "point": PointPixels,
}
