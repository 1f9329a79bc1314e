"""Observation models p(x|features), and a density without a code."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Distribution,
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
    ReshapeTransform,
    TransformedDistribution,
)

from ..distributions.densities import Point

__all__ = [
    "BernoulliPixels",
    "ContinuousBernoulliPixels",
    "Gaussian",
    "GaussianDensity",
    "LaplacePixels",
    "OBSERVATIONS",
    "PointPixels",
]


class GaussianDensity(nn.Module):
    """p_θ(x) = N(x; μ, L Lᵀ) with no latent variable; calling it returns the distribution.

    Its maximum-likelihood fit has the moments of the data (Eq. ``eq-forward-kl-moments``, chapter 02).
    """

    stackable = True

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        n = math.prod(shape)
        self.loc, self.log_diagonal, self.below = (nn.Parameter(torch.zeros(s)) for s in ((n,), (n,), (n, n)))

    def reset_parameters(self) -> None:
        with torch.no_grad():
            for p in self.parameters():
                p.zero_()

    def forward(self) -> Distribution:
        tril = self.below.tril(-1) + torch.diag_embed(self.log_diagonal.exp())
        # The batch axis has length 1: one density for all examples, beside a possible seeds axis.
        flat = MultivariateNormal(self.loc.unsqueeze(-2), scale_tril=tril.unsqueeze(-3))
        n = self.loc.shape[-1]
        return flat if len(self.shape) == 1 else TransformedDistribution(flat, ReshapeTransform((n,), self.shape))

    def draw(self, n: int, noise) -> Tensor:
        """``n`` draws x ~ p_θ(x), [*seeds, n, *shape], from named noise."""
        flat = getattr(p := self(), "base_dist", p)
        e = noise.normal("sample x", n, self.loc.shape[-1])
        return (flat.loc + e @ flat.scale_tril.squeeze(-3).mT).unflatten(-1, self.shape)


class Gaussian(nn.Module):
    """Observation model N(x; features, σ²), with one σ for all dimensions, learned unless ``scale`` fixes it.

    ``squash`` keeps the means of images in [0, 1].
    """

    stackable = True
    law = Normal

    def __init__(self, scale: float | None = None, squash: bool = False):
        super().__init__()
        start = torch.zeros(1) if scale is None else torch.full((1,), math.log(scale))
        self.start, self.squash = float(start), squash
        if scale is None:
            self.log_scale = nn.Parameter(start)
        else:
            self.register_buffer("log_scale", start)

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.log_scale.fill_(self.start)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        scale = self.log_scale.exp()
        loc = features.sigmoid() if self.squash else features
        return Independent(self.law(loc, scale.reshape(*scale.shape[:-1], *[1] * (dims + 1))), dims)


class LaplacePixels(Gaussian):
    """Observation model Laplace(x; features, b): misses are priced by |x - features|/b."""

    law = Laplace


class BernoulliPixels(nn.Module):
    """Observation model with independent pixels in {0, 1}; the features are their logits."""

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(Bernoulli(logits=features), dims)


class ContinuousBernoulliPixels(nn.Module):
    """Observation model for grey levels in [0, 1] (Loaiza-Ganem and Cunningham, 2019): a true density."""

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(ContinuousBernoulli(logits=features), dims)


class PointPixels(nn.Module):
    """No noise at all: the generator of an implicit model. ``squash`` keeps images in [0, 1]."""

    def __init__(self, squash: bool = False):
        super().__init__()
        self.squash = squash

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Point(features.sigmoid() if self.squash else features, dims)


OBSERVATIONS = {
    "bernoulli": BernoulliPixels,
    "continuous bernoulli": ContinuousBernoulliPixels,
    "gaussian": Gaussian,
    "laplace": LaplacePixels,
    "point": PointPixels,
}
