"""Densities p(x) with no latent variable: a Gaussian, and every density by name.

One of one's own is a module whose call returns the distribution, with ``draw(n, noise)``: ``DENSITIES["mine"] = lambda
spec: Mine(spec.shape)`` lets ``build(..., density="mine")`` find it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal, ReshapeTransform, TransformedDistribution

from ..distributions.noise import Noise
from .autoregressive import CharRNN, PixelCNN, PixelRNN

__all__ = ["DENSITIES", "GaussianDensity"]


class GaussianDensity(nn.Module):
    """p_θ(x) = N(x; μ, L Lᵀ) with no latent variable; calling it returns the distribution.

    Its maximum-likelihood fit has the moments of the data (Eq. ``eq-forward-kl-moments``, chapter 02).
    """

    stackable = True

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        size = math.prod(shape)
        self.loc = nn.Parameter(torch.zeros(size))
        self.log_diagonal = nn.Parameter(torch.zeros(size))
        self.below = nn.Parameter(torch.zeros(size, size))

    def reset_parameters(self) -> None:
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()

    def flat(self) -> MultivariateNormal:
        """The distribution of the flattened example."""
        scale_tril = self.below.tril(-1) + torch.diag_embed(self.log_diagonal.exp())
        # The batch axis has length 1: one density for all examples, beside a possible seeds axis.
        return MultivariateNormal(self.loc.unsqueeze(-2), scale_tril=scale_tril.unsqueeze(-3))

    def forward(self) -> Distribution:
        if len(self.shape) == 1:
            return self.flat()
        unflatten = ReshapeTransform(self.loc.shape[-1:], torch.Size(self.shape))
        return TransformedDistribution(self.flat(), unflatten)

    def draw(self, n: int, noise: Noise) -> Tensor:
        """``n`` draws x ~ p_θ(x), [*seeds, n, *shape], from named noise."""
        p = self.flat()
        standard = noise.normal("sample x", n, self.loc.shape[-1])
        return (p.loc + standard @ p.scale_tril.squeeze(-3).mT).unflatten(-1, self.shape)


#: Every density by name: made of the ``Spec`` of a model.
DENSITIES: dict[str, Callable[[Any], nn.Module]] = {
    "gaussian": lambda spec: GaussianDensity(spec.shape),
    "pixelcnn": lambda spec: PixelCNN(spec.shape, spec.width),
    "pixelrnn": lambda spec: PixelRNN(spec.shape, spec.width),
    "rnn": lambda spec: CharRNN(spec.shape[0], spec.classes, spec.hidden[0]),
}
