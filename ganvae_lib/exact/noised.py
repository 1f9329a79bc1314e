"""Mixtures of Gaussians under noise: every density, score, velocity and KL rate in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..distributions.paths import NoisePath
from .quadrature import Space

__all__ = ["NoisedMixture", "kl_rate", "random_noised_mixtures"]


@dataclass(frozen=True, eq=False)
class NoisedMixture:
    """x ~ Σ_k w_k N(m_k, s_k² I), and z_t = α_t x + σ_t ε, which is Σ_k w_k N(α_t m_k, (α_t² s_k² + σ_t²) I).
    Eq. ``eq-noised`` (chapter 20).

    ``weights`` [K], ``means`` [K, D], ``stds`` [K], float64. Points z are [..., D], times t a float64 tensor [].

    >>> from ganvae_lib.distributions.paths import PATHS
    >>> (world,) = random_noised_mixtures(PATHS["linear"], 1)
    >>> world.score(torch.zeros(3, 1, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)).shape
    torch.Size([3, 1])
    """

    weights: Tensor
    means: Tensor
    stds: Tensor
    path: NoisePath

    @classmethod
    def of(cls, mixture: Any, path: NoisePath) -> NoisedMixture:
        """Of a ``Mixture`` whose components are round. Raises ValueError for others."""
        stds = mixture.factors[:, 0, 0]
        if not torch.equal(mixture.factors, stds[:, None, None] * torch.eye(mixture.factors.shape[-1]).double()):
            raise ValueError("a mixture is noised in closed form here if each component has one standard deviation.")
        return cls(mixture.weights, mixture.means, stds, path)

    def _components(self, z: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log w_k N(z; α m_k, v_k) [..., K], z - α m_k [..., K, D], and v_k [K]."""
        variance = (self.path.alpha(t) * self.stds).square() + self.path.sigma(t).square()
        from_mean = z[..., None, :] - self.path.alpha(t) * self.means
        log_normal = -from_mean.square().sum(-1) / (2 * variance) - z.shape[-1] / 2 * (2 * math.pi * variance).log()
        return self.weights.log() + log_normal, from_mean, variance

    def log_density(self, z: Tensor, t: Tensor) -> Tensor:
        """log m_t(z), [...]."""
        return self._components(z, t)[0].logsumexp(-1)

    def score(self, z: Tensor, t: Tensor) -> Tensor:
        """∇ log m_t(z) = -Σ_k r_k(z) (z - α m_k)/v_k, [..., D], with r_k the posterior weights of the components."""
        log_joint, from_mean, variance = self._components(z, t)
        return -(log_joint.softmax(-1)[..., None] * from_mean / variance[:, None]).sum(-2)

    def denoised(self, z: Tensor, t: Tensor) -> Tensor:
        """E[x | z_t = z] = Σ_k r_k(z) (m_k + α s_k² (z - α m_k)/v_k), [..., D]: the best denoiser.

        By Eq. ``eq-tweedie`` (chapter 20) it is (z + σ² score)/α.
        """
        log_joint, from_mean, variance = self._components(z, t)
        gain = self.path.alpha(t) * self.stds.square() / variance
        return (log_joint.softmax(-1)[..., None] * (self.means + gain[:, None] * from_mean)).sum(-2)

    def velocity(self, z: Tensor, t: Tensor) -> Tensor:
        """u_t(z) = E[α' x + σ' ε | z_t = z], [..., D]: Eq. ``eq-velocity`` (chapter 20)."""
        x, path = self.denoised(z, t), self.path
        return path.d_alpha(t) * x + path.d_sigma(t) * (z - path.alpha(t) * x) / path.sigma(t)

    def error(self, space: Space, t: Tensor) -> Tensor:
        """mmse(t) = E‖x - E[x|z_t]‖², on a line; what the best denoiser cannot know."""
        z = space.points[:, None]
        second_moment = (self.weights * (self.means.square().sum(-1) + self.stds.square())).sum()
        return second_moment - space.expect(self.log_density(z, t), self.denoised(z, t).square().sum(-1))


def kl_rate(asked: NoisedMixture, other: NoisedMixture, space: Space, t: Tensor) -> Tensor:
    """-d/dt KL(asked_t ‖ other_t) = ½ g²(t) E_{asked_t} ‖∇log asked_t - ∇log other_t‖², on a line; nats per time.

    Whose noisy samples are asked is the direction: the data's in denoising training, the model's in distillation.
    Eq. ``eq-kl-rate`` (chapter 20).
    """
    z = space.points[:, None]
    squared_difference = (asked.score(z, t) - other.score(z, t)).square().sum(-1)
    return asked.path.diffusion(t) / 2 * space.expect(asked.log_density(z, t), squared_difference)


def random_noised_mixtures(
    path: NoisePath, n: int, seed: int = 0, components: int = 3, dimensions: int = 1
) -> list[NoisedMixture]:
    """``n`` random mixtures for checks: means in [-3, 3], standard deviations in [0.4, 1.2]."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    def random_mixture() -> NoisedMixture:
        weights, means = (2 * uniform(components)).softmax(0), 6 * uniform(components, dimensions) - 3
        return NoisedMixture(weights, means, 0.4 + 0.8 * uniform(components), path)

    return [random_mixture() for _ in range(n)]
