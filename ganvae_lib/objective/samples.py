"""Tools that need only samples of both sides: Adversary, MMD, Summaries.

Each says where it can compare, then what its loss is, then how that is written. The *link* of an adversary (``links``)
chooses which divergence the other player descends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..distributions.noise import Noise, Share
from ..errors import unknown
from ..figures.formula import Writer, expectation
from .contract import Network, Samples, Tool
from .links import LINKS
from .spaces import Space

if TYPE_CHECKING:
    from ..distributions.world import World

__all__ = ["Adversary", "MMD", "Summaries"]


def _parts(samples: Samples) -> tuple[Tensor, ...]:
    """Samples as a tuple: one tensor, or a pair."""
    return (samples,) if isinstance(samples, Tensor) else samples


def _flat(samples: Samples, seeds_axes: int) -> Tensor:
    return torch.cat([part.flatten(seeds_axes + 1) for part in _parts(samples)], -1)


@dataclass(frozen=True)
class Adversary(Tool):
    """A discriminator that tells the target's samples from the model's (Eq. ``eq-gan-value``, chapter 04).

    link:     a name in ``LINKS``: the losses of both sides.
    steps:    updates of the discriminator, on fresh minibatches, per update of the other players; 0 for a term that
              only uses a discriminator which another term trains.
    penalty:  weight of the gradient penalty E[(‖∇_x t(x)‖ - 1)²] between the two samples
              (Eq. ``eq-wgan-gp``, chapter 04; Gulrajani et al., 2017).
    k:        samples are weighted by their odds w ∝ D/(1-D) in groups of k of the minibatch, or all of it, "batch":
              Eq. ``eq-iwgan`` (chapter 15; Hu et al., 2018). 1 for no weights.
    Raises ValueError for an unknown link, a negative number of steps or a negative penalty, a k that is no positive
    number or "batch", and weights with a link that is not non-saturating.

    >>> from ganvae_lib import Adversary, Match
    >>> print(Match("x", Adversary("reverse KL")))
    Match('x', Adversary('reverse KL'))
      θ descends E_{p_θ(x)}[-log(D_φ(x)/(1-D_φ(x)))]
      φ descends E_{d(x)}[-log D_φ(x)] + E_{p_θ(x)}[-log(1-D_φ(x))]
    """

    link: str = "non-saturating"
    steps: int = 1
    penalty: float = 0.0
    k: int | str = 1
    adversarial = True
    takes_labels = True
    always_shown = ("link",)

    def __post_init__(self) -> None:
        if self.k != "batch" and (not isinstance(self.k, int) or self.k < 1):
            raise ValueError(f"k must be a positive number of samples or 'batch', got {self.k!r}.")
        if self.k != 1 and self.link != "non-saturating":
            raise ValueError(
                f"importance weights belong to the non-saturating link, whose loss is -log q(y|x) with y "
                f"reversed; {self.link!r} has no such reading."
            )
        if self.link not in LINKS:
            raise unknown("link", self.link, LINKS)
        if self.steps < 0 or not 0 <= self.penalty < math.inf:
            raise ValueError(f"steps and penalty must not be negative, and penalty be finite, got {self}.")

    @property
    def model_stands(self) -> str:
        return LINKS[self.link].model_stands

    @property
    def title(self) -> str:
        return f"Adversary ({self.link}{', importance-weighted' if self.k != 1 else ''})"

    @property
    def detail(self) -> str:
        return self.link

    def where(self, space: Space) -> str | None:
        # A player who makes both sides descends the answers with y reversed in both; these must be a posterior.
        one_player = set(space.target_by) & set(space.made_by)
        links = [name for name, link in LINKS.items() if (link.logistic if one_player else link.reversible)]
        if not space.target_by or self.link in links:
            return None
        known = ", ".join(links)
        return f"both sides are samples that move, so an Adversary needs a link that can be reversed, {known}"

    def loss(self, world: World, space: Space, discriminator: Network | None = None) -> Tensor:
        target = world.read(space.target) if space.target_by else None
        return self.generator_loss(discriminator, world.read(space.made), target, world.noise.share)

    def generator_loss(
        self, discriminator: Network, model: Samples, target: Samples | None = None, share: Share | None = None
    ) -> Tensor:
        """Loss of the player that makes ``model``, [*seeds]; ``share`` is what part of the minibatch this is.

        When a player makes ``target``, its samples enter with y reversed, that is with -t: Eq. ``eq-ada``
        (chapter 06). Raises ValueError for a minibatch that groups of k do not divide.
        """
        loss = self._mean(discriminator(*_parts(model)).logits, share)
        if target is not None:
            loss = loss + self._mean(-discriminator(*_parts(target)).logits, share)
        return loss

    def _mean(self, t: Tensor, share: Share | None) -> Tensor:
        """The mean of the link's loss over logits [*seeds, batch], weighted within groups of k."""
        loss, n = LINKS[self.link].generator(t), t.shape[-1]
        if self.k == 1:
            return loss.mean(-1)
        whole, log_odds = self.k == "batch", t.detach()  # the weights are constants
        if not whole and n % self.k:
            whose = " for each process" if share and share.size > 1 else ""
            raise ValueError(
                f"a minibatch of {n}{whose} cannot be cut into groups of k={self.k}; make it a multiple of k."
            )
        if whole and share and share.size > 1:
            return ((log_odds - share.logsumexp(log_odds)).exp() * loss).sum(-1) * share.size
        groups = (-1, n if whole else self.k)
        return (log_odds.unflatten(-1, groups).softmax(-1) * loss.unflatten(-1, groups)).sum(-1).mean(-1)

    def discriminator_loss(self, discriminator: Network, target: Samples, model: Samples, noise: Noise) -> Tensor:
        link, axis = LINKS[self.link], len(noise.seeds_shape)
        target, model = _parts(target), _parts(model)
        # One pass over both halves: the networks hold no batch statistics, so this equals two passes.
        t = discriminator(*(torch.cat(pair, axis) for pair in zip(target, model, strict=True))).logits
        t_target, t_model = t.split((target[0].shape[axis], model[0].shape[axis]), -1)
        loss = link.real(t_target).mean(-1) + link.fake(t_model).mean(-1)
        if self.penalty:
            loss = loss + self.penalty * self.gradient_penalty(discriminator, target, model, noise)
        return loss

    def gradient_penalty(self, discriminator: Network, target: Samples, model: Samples, noise: Noise) -> Tensor:
        """E[(‖∇t‖ - 1)²] on the segments between samples of the two sides, [*seeds]."""
        target, model = _parts(target), _parts(model)
        u = noise.uniform("segment", target[0].shape[len(noise.seeds_shape)])
        between = []
        for a, b in zip(target, model, strict=True):
            share = u.reshape(*u.shape, *[1] * (a.ndim - u.ndim))
            between.append((share * a + (1 - share) * b).requires_grad_())
        slopes = torch.autograd.grad(discriminator(*between).logits.sum(), between, create_graph=True)
        squares = sum(slope.flatten(u.ndim).square().sum(-1) for slope in slopes)
        return ((squares + 1e-12).sqrt() - 1).square().mean(-1)  # 1e-12: the root has no slope at 0

    def formula(self, w: Writer, space: Space, player: str) -> str:
        link = LINKS[self.link]
        target, model = space.target_law(w), space.made_law(w)
        at_target, at_model = w.at(space.arguments, space.separator), w.at(space.made_arguments, space.separator)
        if player == "phi":
            both = f"{expectation(target, link.real_tex(at_target))} + {expectation(model, link.fake_tex(at_model))}"
            if not self.penalty:
                return both
            slope = rf"\|\nabla {at_model.t}\|" if w.given else r"\|\nabla t_\phi\|"
            return rf"{both} + {self.penalty:g}\,\mathbb{{E}}[({slope}-1)^2]"
        sides = []
        if player in space.made_by:
            sides.append(self._weighted(model, at_model))
        if player in space.target_by:
            sides.append(self._weighted(target, at_target.reversed))
        return " + ".join(sides)

    def _weighted(self, law: str, w: Writer) -> str:
        """The loss of one side, importance-weighted where k is not 1."""
        if self.k == 1:
            return expectation(law, LINKS[self.link].generator_tex(w))
        number = "B" if self.k == "batch" else self.k
        law, one = f"({law})" if r"\," in law else law, w.indexed("i")
        weight = rf"\tilde w_i\propto {one.D}/{one.not_D}"
        return expectation(rf"{law}^{{{number}}}", rf"-\sum_i\tilde w_i\,\log {one.D};\,{weight}")


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

    def __post_init__(self) -> None:
        if self.kernel not in _KERNELS:
            raise unknown("kernel", self.kernel, _KERNELS)
        object.__setattr__(self, "scales", tuple(self.scales))
        if not self.scales or not all(0 < s < math.inf for s in self.scales):
            raise ValueError(f"scales must be positive numbers, got {self.scales}.")

    def loss(self, world: World, space: Space, discriminator: Network | None = None) -> Tensor:
        return self.distance(world.read(space.target), world.read(space.made), len(world.noise.seeds_shape))

    def distance(self, target: Samples, model: Samples, seeds_axes: int = 0) -> Tensor:
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", tuple(self.statistics))
        for name in self.statistics:
            if name not in _SUMMARIES:
                raise unknown("statistic", name, _SUMMARIES)

    def __repr__(self) -> str:
        return "Summaries()" if self == Summaries() else f"Summaries({self.statistics!r})"

    def of(self, samples: Samples, seeds_axes: int = 0) -> Tensor:
        """s(x): the statistics side by side, [*seeds, number of statistics x D]."""
        flat = _flat(samples, seeds_axes)
        return torch.cat([_SUMMARIES[name](flat) for name in self.statistics], -1)

    def loss(self, world: World, space: Space, discriminator: Network | None = None) -> Tensor:
        return self.distance(world.read(space.target), world.read(space.made), len(world.noise.seeds_shape))

    def distance(self, target: Samples, model: Samples, seeds_axes: int = 0) -> Tensor:
        """‖s(target) - s(model)‖², [*seeds]."""
        return (self.of(target, seeds_axes) - self.of(model, seeds_axes)).square().sum(-1)

    def formula(self, w: Writer, space: Space, player: str) -> str:
        return rf"\|s({space.made_law(w)})-s({space.target_law(w)})\|^2"
