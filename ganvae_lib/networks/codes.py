"""What a code can be: its prior p(z), and the encoders q_η(z|x) that suit it.

A kind of code of one's own is a :class:`Kind` in the table: ``CODES["laplace"] = Kind(prior, encode, features=2)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, OneHotCategorical, Uniform

from ..distributions.densities import Point, Product, Pushforward, full

__all__ = ["CODES", "Encoder", "ImplicitEncoder", "Kind", "Prior", "StandardNormal", "features_of", "way"]


@dataclass(frozen=True)
class Kind:
    """A kind of code.

    prior:     makes p(z) of a vector of zeros, [dimensions].
    encode:    makes q(z|x) of an encoder's features, [..., features x dimensions].
    features:  how many features q(z|x) needs for each dimension.
    density:   does log q(z|x) - log p(z) exist? Not for an encoder without noise, nor where the encoder reaches beyond
               what the prior allows. Without it there is no bound in nats.
    implicit:  the encoder has noise inputs (:class:`ImplicitEncoder`); such a code has no other parts.
    """

    prior: Callable[[Tensor], Distribution]
    encode: Callable[[Tensor], Distribution]
    features: int
    density: bool = True
    implicit: bool = False


def _standard_normal(zeros: Tensor) -> Distribution:
    return Independent(Normal(zeros, torch.ones_like(zeros)), 1)


def _gaussian(features: Tensor) -> Distribution:
    loc, log_variance = features.chunk(2, -1)
    return Independent(Normal(loc, (log_variance / 2).exp()), 1)


def _coins(logits: Tensor) -> Distribution:
    return Independent(Bernoulli(logits=logits), 1)


def _one_hot(logits: Tensor) -> Distribution:
    return OneHotCategorical(logits=logits)


def _uniform_around_zero(zeros: Tensor) -> Distribution:
    return Independent(Uniform(zeros - 1, zeros + 1), 1)


def _uniform_units(zeros: Tensor) -> Distribution:
    return Independent(Uniform(zeros, zeros + 1), 1)


def _point(features: Tensor) -> Distribution:
    return Point(features, 1)


def _point_in_unit_cube(features: Tensor) -> Distribution:
    return Point(features.sigmoid(), 1)


#: The kinds of code. "point" and "unit" are inferred without noise, "unit" in (0, 1); "implicit" has an encoder with
#: noise inputs and no density; a "one-hot" code is a class.
CODES: dict[str, Kind] = {
    "gaussian": Kind(_standard_normal, _gaussian, features=2),
    "bernoulli": Kind(_coins, _coins, features=1),
    "one-hot": Kind(_one_hot, _one_hot, features=1),
    "uniform": Kind(_uniform_around_zero, _gaussian, features=2, density=False),
    "point": Kind(_standard_normal, _point, features=1, density=False),
    "unit": Kind(_uniform_units, _point_in_unit_cube, features=1, density=False),
    "implicit": Kind(_standard_normal, _point, features=1, density=False, implicit=True),
}


def features_of(codes: Mapping[str, int]) -> list[int]:
    """How many features an encoder needs for each part of the code."""
    return [CODES[kind].features * size for kind, size in codes.items()]


def _side_by_side(parts: list[Distribution]) -> Distribution:
    """The parts as independent pieces of one code."""
    return parts[0] if len(parts) == 1 else Product(parts)


class Prior(nn.Module):
    """p(z) for parts of given kinds and sizes; calling it returns it."""

    def __init__(self, codes: Mapping[str, int]):
        super().__init__()
        self.codes = dict(codes)
        for i, size in enumerate(self.codes.values()):
            # Buffers follow the model to its device, and so do the priors that are made of them.
            self.register_buffer(f"zero{i}", torch.zeros(size), persistent=False)

    def forward(self) -> Distribution:
        priors = [CODES[kind].prior(getattr(self, f"zero{i}")) for i, kind in enumerate(self.codes)]
        return _side_by_side(priors)


class StandardNormal(Prior):
    """The prior p(z) = N(0, 1) on ``latent`` dimensions."""

    def __init__(self, latent: int):
        super().__init__({"gaussian": latent})


class Encoder(nn.Module):
    """q_η(z|x). By default N(z; μ(x), diag σ²(x)): the trunk gives μ and log σ², so 2 x latent features.

    ``codes`` says what the parts of z are, as for :class:`Prior`; the trunk gives the features of each in turn.

    >>> encoder = Encoder(nn.Linear(5, 6))
    >>> encoder(torch.zeros(4, 5)).rsample().shape
    torch.Size([4, 3])
    """

    def __init__(self, trunk: nn.Module, codes: Mapping[str, int] | None = None):
        super().__init__()
        self.trunk = trunk
        self.codes = None if codes is None else dict(codes)

    @property
    def has_density(self) -> bool:
        """Is log q(z|x) - log p(z) known?"""
        return self.codes is None or all(CODES[kind].density for kind in self.codes)

    def forward(self, x: Tensor) -> Distribution:
        features = full(self.trunk(x))
        if self.codes is None:
            return _gaussian(features)
        pieces = features.split(features_of(self.codes), -1)
        posteriors = [CODES[kind].encode(piece) for kind, piece in zip(self.codes, pieces, strict=True)]
        return _side_by_side(posteriors)


class ImplicitEncoder(nn.Module):
    """z = head(trunk(x), ε): an encoder with noise inputs and no density (Mescheder et al., 2017; chapter 13).

    >>> encoder = ImplicitEncoder(nn.Linear(5, 7), nn.Linear(7 + 2, 3), latent=3, noise=2)
    >>> encoder(torch.zeros(4, 5)).rsample().shape
    torch.Size([4, 3])
    """

    has_density = False

    def __init__(self, trunk: nn.Module, head: nn.Module, latent: int, noise: int):
        super().__init__()
        self.trunk, self.head, self.latent, self.noise = trunk, head, latent, noise

    def forward(self, x: Tensor) -> Distribution:
        features = self.trunk(x)

        def code_from(noise: Tensor) -> Tensor:
            return full(self.head(torch.cat((features, noise.to(features)), -1)))

        return Pushforward(code_from, self.noise, features.shape[:-1], (self.latent,))


def way(z0: Tensor, z1: Tensor, n: int, spherical: bool) -> Tensor:
    """n codes on the way from z0 to z1, [seeds, pairs, *shape]: [seeds, n, pairs, *shape]."""
    s = torch.linspace(0, 1, n, dtype=z0.dtype, device=z0.device).reshape(n, *[1] * (z0.ndim - 1))
    z0, z1 = z0.unsqueeze(1), z1.unsqueeze(1)
    line = (1 - s) * z0 + s * z1
    if not spherical:
        return line
    lengths = z0.norm(dim=-1, keepdim=True) * z1.norm(dim=-1, keepdim=True)
    cosine = (z0 * z1).sum(-1, keepdim=True) / lengths.clamp_min(torch.finfo(z0.dtype).tiny)
    angle = cosine.clamp(-1, 1).acos()
    bent = angle.sin() > 1e-4  # else the codes, or one of them and 0, lie on a line
    safe = torch.where(bent, angle, 1.0)
    arc = (((1 - s) * safe).sin() * z0 + (s * safe).sin() * z1) / safe.sin()
    return torch.where(bent, arc, line)
