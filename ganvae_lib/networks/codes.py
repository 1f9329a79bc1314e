"""What a code can be: its prior p(z), and the encoders q_η(z|x) that suit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, OneHotCategorical, Uniform

from ..distributions.densities import Point, Product, Pushforward, full

__all__ = ["CODES", "Encoder", "ImplicitEncoder", "Kind", "Prior", "StandardNormal", "features_of"]


def _gaussian(features: Tensor) -> Distribution:
    loc, log_variance = features.chunk(2, -1)
    return Independent(Normal(loc, (log_variance / 2).exp()), 1)


class Kind(NamedTuple):
    """The prior, made of a vector of zeros; the encoder's distribution, made of features; features a dimension."""

    prior: Callable[[Tensor], Distribution]
    encode: Callable[[Tensor], Distribution]
    features: int


_NORMAL = lambda zero: Independent(Normal(zero, torch.ones_like(zero)), 1)


#: The kinds of code. "point" and "unit" are inferred without noise, "unit" in (0, 1); "implicit" has an encoder with
#: noise inputs and no density; a "one-hot" code is a class.
CODES = {
    "gaussian": Kind(_NORMAL, _gaussian, 2),
    "bernoulli": Kind(
        lambda zero: Independent(Bernoulli(logits=zero), 1), lambda f: Independent(Bernoulli(logits=f), 1), 1
    ),
    "one-hot": Kind(lambda zero: OneHotCategorical(logits=zero), lambda f: OneHotCategorical(logits=f), 1),
    "uniform": Kind(lambda zero: Independent(Uniform(zero - 1, zero + 1), 1), _gaussian, 2),
    "point": Kind(_NORMAL, lambda f: Point(f, 1), 1),
    "unit": Kind(lambda zero: Independent(Uniform(zero, zero + 1), 1), lambda f: Point(f.sigmoid(), 1), 1),
    "implicit": Kind(_NORMAL, lambda f: Point(f, 1), 1),
}


def features_of(codes: Mapping[str, int]) -> list[int]:
    """How many features an encoder needs for each part of the code."""
    return [CODES[kind].features * n for kind, n in codes.items()]


class Prior(nn.Module):
    """p(z) for parts of given kinds and sizes, such as {"one-hot": 10, "uniform": 2}; calling it returns it."""

    def __init__(self, codes: Mapping[str, int]):
        super().__init__()
        self.codes = dict(codes)
        for i, n in enumerate(self.codes.values()):
            self.register_buffer(f"zero{i}", torch.zeros(n), persistent=False)

    def forward(self) -> Distribution:
        parts = [CODES[kind].prior(getattr(self, f"zero{i}")) for i, kind in enumerate(self.codes)]
        return parts[0] if len(parts) == 1 else Product(parts)


class StandardNormal(Prior):
    """The prior p(z) = N(0, 1) on ``latent`` dimensions."""

    def __init__(self, latent: int):
        super().__init__({"gaussian": latent})


class Encoder(nn.Module):
    """q_η(z|x). By default N(z; μ(x), diag σ²(x)): the trunk gives μ and log σ², so 2 x latent features.

    ``codes`` says what the parts of z are, as for :class:`Prior`; the trunk gives the features of each in turn.
    """

    def __init__(self, trunk: nn.Module, codes: Mapping[str, int] | None = None):
        super().__init__()
        self.trunk, self.codes = trunk, codes and dict(codes)

    def forward(self, x: Tensor) -> Distribution:
        features = full(self.trunk(x))
        if self.codes is None:
            return _gaussian(features)
        pieces = features.split(features_of(self.codes), -1)
        parts = [CODES[kind].encode(f) for kind, f in zip(self.codes, pieces, strict=True)]
        return parts[0] if len(parts) == 1 else Product(parts)


class ImplicitEncoder(nn.Module):
    """z = head(trunk(x), ε): an encoder with noise inputs and no density (Mescheder et al., 2017; chapter 13)."""

    def __init__(self, trunk: nn.Module, head: nn.Module, latent: int, noise: int):
        super().__init__()
        self.trunk, self.head, self.latent, self.noise = trunk, head, latent, noise

    def forward(self, x: Tensor) -> Distribution:
        h = self.trunk(x)
        push = lambda e: full(self.head(torch.cat((h, e.to(h)), -1)))
        return Pushforward(push, self.noise, h.shape[:-1], (self.latent,))
