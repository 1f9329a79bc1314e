"""Observation models p(x|features).

An observation model of one's own is a subclass of :class:`Observation`, entered in the table: ``OBSERVATIONS["student"]
= Student`` lets ``build(..., observation="student")`` find it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Laplace, Normal, OneHotCategorical

from ..distributions.densities import Point, Product, as_floats
from ..distributions.sample import ContinuousBernoulli

__all__ = [
    "OBSERVATIONS",
    "BernoulliPixels",
    "ContinuousBernoulliPixels",
    "Columns",
    "Gaussian",
    "LaplacePixels",
    "Observation",
    "OneHot",
    "PointPixels",
    "Squash",
    "observation_of",
]

Squash = bool | tuple[float, float]


def squashed(features: Tensor, squash: Squash) -> Tensor:
    """Features as the means of what lies in a range: True for [0, 1], False for the real line, or (low, high).

    >>> squashed(torch.tensor([-99.0, 0.0, 99.0]), (-1, 1))
    tensor([-1.,  0.,  1.])
    """
    if isinstance(squash, bool):
        return features.sigmoid() if squash else features
    low, high = squash
    return (low + high) / 2 + (high - low) / 2 * features.tanh()


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
    def of(cls, scale: float | None, squash: Squash) -> Observation:
        """The observation model that ``build`` asks for; it takes the options that it knows.

        scale:   fixes the width of the noise; None learns it.
        squash:  the means belong into [0, 1], as pixels do; or into a range (low, high).
        """
        return cls()

    def forward(self, features: Tensor, dims: int) -> Distribution:
        """p(x|features), [..., *shape] with event axes as many as ``dims``."""
        raise NotImplementedError

    def supports(self, x: Tensor) -> bool:
        """Can the model have made all of x, [N, *shape], float32?"""
        return True

    def check(self, x: Tensor) -> None:
        """Raise ValueError, saying what to do, if the model cannot have made x."""
        if not self.suits(x):
            raise ValueError(self.advice)

    def suits(self, x: Tensor) -> bool:
        """Does the model support all of x, which may be large, bytes, or in a file?"""
        supports_all = type(self).supports is Observation.supports  # then nothing need be read
        return supports_all or all(self.supports(as_floats(chunk)) for chunk in x.split(1000))


class Gaussian(Observation):
    """Observation model N(x; features, σ²), with one σ for all dimensions, learned unless ``scale`` fixes it.

    ``squash`` keeps the means in [0, 1] or in a range (low, high). ``own`` counts the columns of a table, each with its
    own σ.
    """

    stackable = True
    law: type[Normal] | type[Laplace] = Normal

    def __init__(self, scale: float | None = None, squash: Squash = False, own: int = 1):
        super().__init__()
        self.initial_log_scale = 0.0 if scale is None else math.log(scale)
        initial_value = torch.full((own,), self.initial_log_scale)
        self.squash = squash
        if scale is None:
            self.log_scale = nn.Parameter(initial_value)
        else:
            self.register_buffer("log_scale", initial_value)

    @classmethod
    def of(cls, scale: float | None, squash: Squash) -> Gaussian:
        return cls(scale, squash)

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.log_scale.fill_(self.initial_log_scale)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        loc = squashed(features, self.squash)
        # [*seeds, 1] becomes [*seeds, 1, 1, ...]: one scale for the batch and for all axes of an example.
        scale = self.log_scale.exp()
        scale = scale.reshape(*scale.shape[:-1], *[1] * dims, scale.shape[-1])
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
        return torch.equal(x * x, x)  # 0 and 1 are their own squares


class ContinuousBernoulliPixels(Observation):
    """Observation model for grey levels in [0, 1] (Loaiza-Ganem and Cunningham, 2019): a true density.

    On pixels that are exactly 0 or 1 its likelihood has no upper bound; x with noise between the grey levels has one
    (chapter 03). The features are the logits.
    """

    advice = "a continuous-Bernoulli observation needs pixels in [0, 1]; rescale x, or use 'gaussian'."

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(ContinuousBernoulli(logits=features), dims)

    def supports(self, x: Tensor) -> bool:
        low, high = x.aminmax()
        return bool(low >= 0 and high <= 1)


class PointPixels(Observation):
    """No noise at all: the generator of an implicit model. ``squash`` keeps images in [0, 1], or in (low, high)."""

    explicit = False

    def __init__(self, squash: Squash = False):
        super().__init__()
        self.squash = squash

    @classmethod
    def of(cls, scale: float | None, squash: Squash) -> PointPixels:
        return cls(squash)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Point(squashed(features, self.squash), dims)


class OneHot(Observation):
    """Observation model of a category, one-hot; the features are its logits."""

    advice = "a one-hot observation needs rows with a single 1 and else 0; encode the categories with table(...)."

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return OneHotCategorical(logits=features)

    def supports(self, x: Tensor) -> bool:
        return torch.equal(x * x, x) and bool((x.sum(-1) == 1).all())


class Columns(Observation):
    """Observation models side by side: columns of a table that are independent given the features.

    >>> both = Columns([Gaussian(own=2), OneHot()], [2, 3])  # two numbers and one of three categories
    >>> both(torch.zeros(5, 5), 1).log_prob(torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0]))[0].item()  # -log 2π - log 3
    -2.93648934364...
    """

    def __init__(self, observations: Sequence[Observation], sizes: Sequence[int]):
        super().__init__()
        self.parts: Any = nn.ModuleList(observations)
        self.sizes = list(sizes)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        feature_parts = features.split(self.sizes, -1)
        return Product([observation(piece, 1) for observation, piece in zip(self.parts, feature_parts, strict=True)])

    def check(self, x: Tensor) -> None:
        for observation, own_columns in zip(self.parts, x.split(self.sizes, -1), strict=True):
            observation.check(own_columns)


#: Every observation model by name.
OBSERVATIONS: dict[str, type[Observation]] = {
    "bernoulli": BernoulliPixels,
    "continuous bernoulli": ContinuousBernoulliPixels,
    "gaussian": Gaussian,
    "laplace": LaplacePixels,
    "point": PointPixels,
    "one-hot": OneHot,
}


def observation_of(choice: str | Sequence[tuple[str, int]], scale: float | None, squash: Squash) -> Observation:
    """The observation model of a name; or of parts, each a name and how many numbers of x it explains.

    A Gaussian part has a scale of its own for each number.
    """
    if isinstance(choice, str):
        return OBSERVATIONS[choice].of(scale, squash)
    observations = [
        OBSERVATIONS[name](scale, squash, own=size)
        if issubclass(OBSERVATIONS[name], Gaussian)
        else OBSERVATIONS[name].of(scale, squash)
        for name, size in choice
    ]
    return Columns(observations, [size for _, size in choice])
