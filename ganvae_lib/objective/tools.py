"""Tools: the exchangeable ways of comparing a model distribution with its target.

Each says where it can compare, then what its loss is, then how that is written. ``KL`` needs the density of the target,
``Likelihood`` that of the model; ``MMD``, ``Summaries`` and ``Adversary`` (in ``adversary``) need only samples of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ..errors import unknown
from .contract import TOOLS, Samples, Tool
from .formula import Writer, expectation, kl
from .spaces import Space

__all__ = ["KL", "Likelihood", "MMD", "Samples", "Summaries", "TOOLS", "Tool", "parts"]


@dataclass(frozen=True)
class KL(Tool):
    """KL(model ‖ target), in nats: the tool for a target whose density is known (Eq. ``eq-kl``, chapter 02).

    >>> from ganvae_lib import KL, Match
    >>> print(Match("z", KL()))
    Match('z', KL())
      η descends E_{d(x)}[KL(q_η(z|x)‖p(z))]
    """

    model_stands = "first"
    explicit = True
    takes_labels = True

    def where(self, space: Space) -> str | None:
        return _needs_density(space)

    def loss(self, world, space: Space, discriminator=None) -> Tensor:
        if space.distributions:
            target, model = world.read(space.distributions)
            try:
                return kl_divergence(model, target).mean(-1)
            except NotImplementedError:
                pass  # an encoder without a density
        raise TypeError(f"{self!r} needs densities in {space}, which are unknown; use Adversary() there.")

    def formula(self, w: Writer, space: Space, player: str) -> str:
        return space.kl_formula(w) if space.kl_formula else kl(space.made_law(w), space.target_law(w))


@dataclass(frozen=True)
class Likelihood(Tool):
    """Exact maximum likelihood, ``-E_target[log p_model]``: the tool for a model whose density is known.

    Up to the entropy of the target this is KL(target ‖ model) (Eq. ``eq-kl``, chapter 02).

    >>> from ganvae_lib import Likelihood, Match
    >>> print(Match("x", Likelihood()))
    Match('x', Likelihood())
      θ descends E_{d(x)}[-log p_θ(x)]
    """

    model_stands = "second"
    explicit = True

    def where(self, space: Space) -> str | None:
        return _needs_density(space)

    def networks(self, space: Space) -> tuple[str, ...]:
        return (space.density,) if space.density else space.networks

    def loss(self, world, space: Space, discriminator=None) -> Tensor:
        if not space.density:
            raise TypeError(f"{self!r} needs the model's density in {space}, which is unknown; use Adversary() there.")
        return -world.model.networks[space.density]().log_prob(*world.read(space.target)).mean(-1)

    def formula(self, w: Writer, space: Space, player: str) -> str:
        return expectation(space.target_law(w), rf"-\log {space.made_law(w)}")


def _needs_density(space: Space) -> str | None:
    if space.target_by:
        return "both sides are samples that move; use MMD, Summaries or an Adversary with a link that can be reversed"
    known = space.density or space.distributions
    return None if known else "there are only samples to compare; use Adversary, MMD or Summaries"


def parts(samples: Tensor | Samples) -> Samples:
    """Samples as a tuple: one tensor, or a pair."""
    return (samples,) if isinstance(samples, Tensor) else samples


def _flat(samples: Tensor | Samples, seeds_axes: int) -> Tensor:
    return torch.cat([part.flatten(seeds_axes + 1) for part in parts(samples)], -1)


_KERNELS = {
    "gaussian": lambda squares, width: (-squares / (2 * width)).exp(),
    "inverse multiquadric": lambda squares, width: width / (width + squares),
}


@dataclass(frozen=True)
class MMD(Tool):
    """Maximum mean discrepancy, E k(a, a') + E k(b, b') - 2 E k(a, b): Eq. ``eq-mmd`` (chapter 14). No discriminator.

    kernel:  "gaussian" exp(-‖a - b‖²/2w) or "inverse multiquadric" w/(w + ‖a - b‖²).
    scales:  the kernel is the sum over these widths, w = 2 D s for samples in D dimensions: ‖a - b‖² is 2 D on average
             for two draws from N(0, 1). Data of another size want other scales.
    The estimate is unbiased (pairs of one sample with itself are left out), so it can be negative (Gretton et al.,
    2012). Raises ValueError for an unknown kernel or scales that are not positive, TypeError for a single example.

    >>> import torch
    >>> from ganvae_lib import MMD
    >>> print(f"{MMD('gaussian', (0.5,)).distance(torch.zeros(2, 1), torch.ones(2, 1)):.3f}")  # 2 - 2 exp(-1/2)
    0.787
    """

    kernel: str = "inverse multiquadric"
    scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    whole_batches = True
    always_shown = ("kernel",)

    def __post_init__(self):
        if self.kernel not in _KERNELS:
            raise unknown("kernel", self.kernel, _KERNELS)
        object.__setattr__(self, "scales", tuple(self.scales))
        if not self.scales or not all(0 < s < math.inf for s in self.scales):
            raise ValueError(f"scales must be positive numbers, got {self.scales}.")

    def loss(self, world, space: Space, discriminator=None) -> Tensor:
        return self.distance(world.read(space.target), world.read(space.made), len(world.noise.seeds_shape))

    def distance(self, target: Tensor | Samples, model: Tensor | Samples, seeds_axes: int = 0) -> Tensor:
        """The unbiased estimate, [*seeds], of samples [*seeds, batch, *shape]; ``seeds_axes`` counts the first axes."""
        a, b = _flat(target, seeds_axes), _flat(model, seeds_axes)
        if min(a.shape[seeds_axes], b.shape[seeds_axes]) < 2:
            raise TypeError("MMD compares pairs of examples; give minibatches of two or more.")
        # Distances by a product of matrices are small differences of large numbers: near 0, and never in bf16.
        centre = b.detach().mean(-2, keepdim=True)
        a, b = a - centre, b - centre
        with torch.autocast(a.device.type, enabled=False):
            return self._mean(a, a) + self._mean(b, b) - 2 * self._mean(a, b)

    def _mean(self, a: Tensor, b: Tensor) -> Tensor:
        """The mean of the kernel over pairs of a row of a and a row of b, each [*seeds, batch, D]."""
        norms = lambda s: s.square().sum(-1)
        squares = (norms(a).unsqueeze(-1) + norms(b).unsqueeze(-2) - 2 * a @ b.mT).clamp_min(0)
        k = sum(_KERNELS[self.kernel](squares, 2 * a.shape[-1] * s) for s in self.scales)
        if a is not b:
            return k.mean((-2, -1))
        n = a.shape[-2]
        return (k.sum((-2, -1)) - k.diagonal(dim1=-2, dim2=-1).sum(-1)) / (n * (n - 1))

    def formula(self, w: Writer, space: Space, player: str) -> str:
        return rf"\mathrm{{MMD}}^2({space.made_law(w)},\,{space.target_law(w)})"


_SUMMARIES = {"mean": lambda x: x.mean(-2), "variance": lambda x: x.var(-2)}


@dataclass(frozen=True)
class Summaries(Tool):
    """Squared distance of summary statistics of two samples: Eq. ``eq-summaries`` (chapter 14).

    statistics:  of "mean" and "variance", per dimension. They see nothing else of a distribution.
    ``fit`` descends the distance (simulated moments; McFadden, 1989); where the simulator has no gradient,
    ``rejection.sample`` accepts parameters for which it is small (approximate Bayesian computation).
    Raises ValueError for an unknown statistic.

    >>> import torch
    >>> from ganvae_lib import Summaries
    >>> Summaries().distance(torch.zeros(2, 1), torch.full((2, 1), 3.0))
    tensor(9.)
    """

    statistics: tuple[str, ...] = ("mean", "variance")
    whole_batches = True

    def __post_init__(self):
        object.__setattr__(self, "statistics", tuple(self.statistics))
        for name in self.statistics:
            if name not in _SUMMARIES:
                raise unknown("statistic", name, _SUMMARIES)

    def __repr__(self) -> str:
        return "Summaries()" if self == Summaries() else f"Summaries({self.statistics!r})"

    def of(self, samples: Tensor | Samples, seeds_axes: int = 0) -> Tensor:
        """s(x): the statistics side by side, [*seeds, number of statistics x D]."""
        flat = _flat(samples, seeds_axes)
        return torch.cat([_SUMMARIES[name](flat) for name in self.statistics], -1)

    def loss(self, world, space: Space, discriminator=None) -> Tensor:
        return self.distance(world.read(space.target), world.read(space.made), len(world.noise.seeds_shape))

    def distance(self, target: Tensor | Samples, model: Tensor | Samples, seeds_axes: int = 0) -> Tensor:
        """‖s(target) - s(model)‖², [*seeds]."""
        return (self.of(target, seeds_axes) - self.of(model, seeds_axes)).square().sum(-1)

    def formula(self, w: Writer, space: Space, player: str) -> str:
        return rf"\|s({space.made_law(w)})-s({space.target_law(w)})\|^2"
