"""What a code can be: its prior p(z), and the encoders q_η(z|x) that suit it.

A kind of code of one's own is a :class:`Kind` in the table: ``CODES["laplace"] = Kind(prior, encode, features=2)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, OneHotCategorical, Uniform
from torch.nn.functional import one_hot

from ..distributions.densities import Point, Product, Pushforward, full_precision
from ..distributions.noise import Noise
from ..distributions.sample import draw

__all__ = [
    "CODES",
    "Codebook",
    "Encoder",
    "ImplicitEncoder",
    "Kind",
    "Prior",
    "Quantised",
    "StandardNormal",
    "features_of",
    "interpolated_codes",
]


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


def _independent_bernoulli(logits: Tensor) -> Distribution:
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


class _CodebookPrior(Point):
    """In the place of p(z) where a code is one of the entries of a codebook: a learned prior alone knows them."""

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> _CodebookPrior:
        return _CodebookPrior(self.value.expand(*batch_shape, *self.event_shape), 1)


@draw.register
def _(p: _CodebookPrior, noise: Noise, name: str) -> Tensor:  # ``noise`` is a source of random numbers
    raise TypeError(
        "codes of a codebook are drawn by a prior that is learned, and no term compares with it; add "
        "Match('code', Likelihood()) and sample from the run."
    )


def _codebook_prior(zeros: Tensor) -> Distribution:
    return _CodebookPrior(zeros, 1)


#: The kinds of code. "point" and "unit" are inferred without noise, "unit" in (0, 1); "implicit" has an encoder with
#: noise inputs and no density; a "one-hot" code is a class; one from a "codebook" is the nearest of its entries.
CODES: dict[str, Kind] = {
    "gaussian": Kind(_standard_normal, _gaussian, features=2),
    "bernoulli": Kind(_independent_bernoulli, _independent_bernoulli, features=1),
    "one-hot": Kind(_one_hot, _one_hot, features=1),
    "uniform": Kind(_uniform_around_zero, _gaussian, features=2, density=False),
    "point": Kind(_standard_normal, _point, features=1, density=False),
    "unit": Kind(_uniform_units, _point_in_unit_cube, features=1, density=False),
    "implicit": Kind(_standard_normal, _point, features=1, density=False, implicit=True),
    "codebook": Kind(_codebook_prior, _point, features=1, density=False),
}


def features_of(codes: Mapping[str, int]) -> list[int]:
    """How many features an encoder needs for each part of the code."""
    return [CODES[kind].features * size for kind, size in codes.items()]


def _product(components: list[Distribution]) -> Distribution:
    """The parts as independent pieces of one code."""
    return components[0] if len(components) == 1 else Product(components)


class Prior(nn.Module):
    """p(z) for parts of given kinds and sizes; calling it returns it."""

    def __init__(self, codes: Mapping[str, int]):
        super().__init__()
        self.codes = dict(codes)
        for i, size in enumerate(self.codes.values()):
            # Buffers follow the model to its device, and so do the priors that are made of them.
            self.register_buffer(f"zero{i}", torch.zeros(size), persistent=False)

    def forward(self) -> Distribution:
        priors = [CODES[kind].prior(getattr(self, f"zero{index}")) for index, kind in enumerate(self.codes)]
        return _product(priors)


class StandardNormal(Prior):
    """The prior p(z) = N(0, 1) on ``latent`` dimensions."""

    def __init__(self, latent: int):
        super().__init__({"gaussian": latent})


class Quantised(Point):
    """What the encoder says, e, and the nearest entries z of a codebook: all mass on z, whose gradient goes to e.

    ``said`` and ``entries`` are e and z, [..., latent]; ``indices`` the numbers of the entries, [..., parts].
    """

    def __init__(self, encoded: Tensor, nearest_entries: Tensor, indices: Tensor):
        self.said, self.entries, self.indices = encoded, nearest_entries, indices
        super().__init__(nearest_entries.detach() + (encoded - encoded.detach()), 1)


class Codebook(nn.Module):
    """``entries`` vectors; each of the ``parts`` of a code is the nearest of them (van den Oord et al., 2017).

    >>> codebook = Codebook(8, parts=2, latent=6)
    >>> codebook(torch.zeros(4, 6)).indices.shape, codebook.look_up(torch.zeros(4, 2)).shape
    (torch.Size([4, 2]), torch.Size([4, 6]))
    """

    stackable = True  # its parameters can carry a seeds axis

    def __init__(self, entries: int, parts: int, latent: int):
        super().__init__()
        self.parts = parts
        self.entries = nn.Parameter(torch.empty(entries, latent // parts))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.entries)

    def forward(self, encoded: Tensor) -> Quantised:
        """The nearest entries of codes [*seeds, batch, latent]."""
        with torch.no_grad():
            code_parts = encoded.unflatten(-1, (self.parts, 1, -1))
            # By differences, not by products: two entries may lie close to each other and far from 0.
            indices = (code_parts - self.entries[..., None, None, :, :]).square().sum(-1).argmin(-1)
        return Quantised(encoded, self.look_up(indices), indices)

    def look_up(self, indices: Tensor) -> Tensor:
        """Codes [*seeds, batch, latent] of the numbers of their entries, [*seeds, batch, parts]."""
        one_hot_indices = one_hot(indices.long(), self.entries.shape[-2]).to(self.entries.dtype)
        return (one_hot_indices @ self.entries.unsqueeze(-3)).flatten(-2)


class Encoder(nn.Module):
    """q_η(z|x). By default N(z; μ(x), diag σ²(x)): the trunk gives μ and log σ², so 2 x latent features.

    ``codes`` says what the parts of z are, as for :class:`Prior`; the trunk gives the features of each in turn. With a
    ``codebook`` z is the nearest of its entries.

    >>> encoder = Encoder(nn.Linear(5, 6))
    >>> encoder(torch.zeros(4, 5)).rsample().shape
    torch.Size([4, 3])
    """

    def __init__(self, trunk: nn.Module, codes: Mapping[str, int] | None = None, codebook: Codebook | None = None):
        super().__init__()
        self.trunk = trunk
        self.codes = None if codes is None else dict(codes)
        self.codebook = codebook

    @property
    def has_density(self) -> bool:
        """Is log q(z|x) - log p(z) known?"""
        return self.codebook is None and (self.codes is None or all(CODES[kind].density for kind in self.codes))

    def forward(self, x: Tensor) -> Distribution:
        features = full_precision(self.trunk(x))
        if self.codebook is not None:
            return self.codebook(features)
        if self.codes is None:
            return _gaussian(features)
        feature_parts = features.split(features_of(self.codes), -1)
        posteriors = [
            CODES[kind].encode(kind_features) for kind, kind_features in zip(self.codes, feature_parts, strict=True)
        ]
        return _product(posteriors)


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
            return full_precision(self.head(torch.cat((features, noise.to(features)), -1)))

        return Pushforward(code_from, self.noise, features.shape[:-1], (self.latent,))


def interpolated_codes(z0: Tensor, z1: Tensor, n_steps: int, spherical: bool) -> Tensor:
    """n codes on the way from z0 to z1, [seeds, pairs, *shape]: [seeds, n, pairs, *shape]."""
    fraction = torch.linspace(0, 1, n_steps, dtype=z0.dtype, device=z0.device).reshape(n_steps, *[1] * (z0.ndim - 1))
    z0, z1 = z0.unsqueeze(1), z1.unsqueeze(1)
    straight_line = (1 - fraction) * z0 + fraction * z1
    if not spherical:
        return straight_line
    lengths = z0.norm(dim=-1, keepdim=True) * z1.norm(dim=-1, keepdim=True)
    cosine = (z0 * z1).sum(-1, keepdim=True) / lengths.clamp_min(torch.finfo(z0.dtype).tiny)
    angle = cosine.clamp(-1, 1).acos()
    is_curved = angle.sin() > 1e-4  # else the codes, or one of them and 0, lie on a line
    safe_angle = torch.where(is_curved, angle, 1.0)
    arc = (((1 - fraction) * safe_angle).sin() * z0 + (fraction * safe_angle).sin() * z1) / safe_angle.sin()
    return torch.where(is_curved, arc, straight_line)
