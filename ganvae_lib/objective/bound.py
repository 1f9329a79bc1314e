r"""Bound: the log-likelihood from below, with k samples of the code, labels known or inferred, and examples weighted.

``F(x)`` is the negative bound of one example: for k = 1 the negative ELBO of ``eq-elbo`` (chapter 03), for k > 1

    F_k(x) = E_{z_1..k ~ q_η(z|x)}[-log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x)]      Eq. ``eq-iwae`` (chapter 03)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ..distributions.densities import tiled
from ..distributions.noise import Noise
from ..distributions.sample import draw
from ..errors import unknown
from .contract import Term
from .formula import Writer, expectation, kl
from .samples import Adversary
from .spaces import BOTH, SPACES

if TYPE_CHECKING:
    from ..distributions.world import World

__all__ = ["Bound", "free_energy"]


def free_energy(model: Any, x: Tensor, noise: Noise, k: int = 1, name: str = "z from x") -> Tensor:
    """F_k(x) of examples [*seeds, batch, *shape], in nats: [*seeds, batch]. ``name`` is that of the noise of z.

    For k = 1 the KL term is exact. Raises TypeError for an encoder or a prior without a density.
    """
    axis = len(noise.seeds_shape)
    q = model.encoder(x)
    try:
        if k == 1:
            kl = kl_divergence(q, model.prior().expand(q.batch_shape))
            return kl - model.decoder(draw(q, noise, name)).log_prob(x)
        q = tiled(q, k, axis)
        z = draw(q, noise.tiled(k), f"{name}, {k} samples")
        log_w = model.prior().log_prob(z) - q.log_prob(z)
    except NotImplementedError as error:
        raise TypeError("a bound needs the densities of q(z|x) and p(z); choose codes='gaussian'.") from error
    log_w = log_w + model.decoder(z).log_prob(torch.cat([x] * k, axis))
    return math.log(k) - log_w.unflatten(axis, (k, -1)).logsumexp(axis)


@dataclass(frozen=True)
class Bound(Term):
    """E_{d(x)} F_k(x): the importance-weighted bound, Eq. ``eq-iwae`` (chapter 03); for k = 1 the VAE.

    given="label":     labels are given to encoder and decoder, E_{d(x,t)} F(x,t): Eq. ``eq-cvae`` (chapter 17).
    inferred="label":  examples of the other domain have no labels; they are inferred and summed over,
                       E_{d(x)} Σ_t q_η(t|x)[F(x,t) + log q_η(t|x)] + log C for C classes, uniform a priori:
                       Eq. ``eq-svae`` (chapter 17; Kingma et al., 2014).
    activated:         a discriminator weights real and generated examples, ½E_d[D F] + ½E_{p_θ}[D F]; the generated
                       ones carry no gradient: Eq. ``eq-aavae`` (chapter 16; Hu et al., 2018).
    Raises ValueError for a k below 1, labels both given and inferred, and ``only`` one player where nothing says so.

    >>> from ganvae_lib import Bound
    >>> print(Bound(k=5))
    Bound(k=5)
      θ descends E_{d(x)}[E_{q_η(z_1..5|x)}[-log 1/5 Σ_i p_θ(x,z_i)/q_η(z_i|x)]]
      η descends E_{d(x)}[E_{q_η(z_1..5|x)}[-log 1/5 Σ_i p_θ(x,z_i)/q_η(z_i|x)]]
    """

    k: int = 1
    inferred: str | None = None
    activated: bool = False
    space = "x"
    reaches = BOTH
    takes_labels = True
    needs_decoder_density = True

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise ValueError(f"k must be a positive number of samples, got {self.k!r}.")
        if self.inferred not in (None, "label"):
            raise unknown("thing to be inferred", self.inferred, ("label",))
        if self.given and self.inferred:
            raise ValueError("the label is either given or inferred, not both.")
        super().__post_init__()

    @property
    def adversarial(self) -> bool:
        return self.activated

    @property
    def steps(self) -> int:
        return int(self.activated)

    @property
    def discriminator(self) -> str:
        return SPACES["x"].discriminator_given(self.given) if self.activated else ""

    @property
    def networks(self) -> tuple[str, ...]:
        labeller = ("labeller",) if self.inferred else ()
        return ("encoder", "decoder", *labeller, *((self.discriminator,) if self.activated else ()))

    @property
    def conditional(self) -> tuple[str, ...]:
        return ("encoder", "decoder") if self.inferred else super().conditional

    @property
    def reads(self) -> tuple[str, ...]:
        return ("other", "labels") if self.inferred else super().reads

    def loss(self, world: World) -> Tensor:
        x = world.other if self.inferred else world.x
        if not self.activated:
            return self._energy(world, x).mean(-1)
        # As many generated examples as real ones: the mean over both is the two halves of the formula.
        x = torch.cat((x, world.x_from_z.detach()), len(world.noise.seeds_shape))
        D = world.model.networks[self.discriminator](x).logits.detach().sigmoid()
        return (D * self._energy(world, x)).mean(-1)

    def _energy(self, world: World, x: Tensor) -> Tensor:
        """The negative bound of each example, [*seeds, batch]."""
        axis = len(world.noise.seeds_shape)
        n, noise = x.shape[axis], world.noise.tiled(x.shape[axis] // world.batch)
        if not self.inferred:
            return free_energy(world.model, x, noise, self.k)
        q = world.model.labeller(x)
        classes = q.logits.shape[-1]
        labels = torch.arange(classes, device=x.device).repeat_interleave(n).expand(*world.noise.seeds_shape, -1)
        conditioned, each = world.model.at(labels), torch.cat([x] * classes, axis)
        f = free_energy(conditioned, each, noise.tiled(classes), self.k, "z from x, unlabelled")
        log_q = q.logits.mT.log_softmax(axis)
        return (log_q.exp() * (f.unflatten(axis, (classes, n)) + log_q)).sum(axis) + math.log(classes)

    def discriminator_loss(self, world: World) -> Tensor:
        """The discriminator's loss of ``eq-gan-value`` (chapter 04), [*seeds]: real examples against generated ones."""
        real = world.other if self.inferred else world.x
        discriminator = world.model.networks[self.discriminator]
        return Adversary().discriminator_loss(discriminator, real, world.x_from_z.detach(), world.noise)

    def model_stands(self, player: str) -> str:
        return "second"

    def swapped(self) -> Term:
        raise TypeError(f"{self!r} is a bound on the likelihood of x, which has no mirror image in z.")

    def formula(self, w: Writer, player: str) -> str:
        if player == "phi":
            return Adversary().formula(w, SPACES["x"], player)
        f = self._energy_formula(Writer("label") if self.inferred else w)
        if self.inferred:
            f = expectation(r"q_\eta(t|x)", rf"{f} + \log q_\eta(t|x)") + r" + \log C"
        if not self.activated:
            return expectation(w.d, f)
        frozen = w.made(w.p("x", theta=r"{\theta_0}"))
        both = rf"(\mathbb{{E}}_{{{w.d}}} + \mathbb{{E}}_{{{frozen}}})"
        return rf"\tfrac12{both}[{w.at(('x',)).D}\,({f})]"

    def _energy_formula(self, w: Writer) -> str:
        if self.k == 1:
            miss = rf"-\log {w.p('x', 'z')}"
            return f"{expectation(w.q('z', 'x'), miss)} + {kl(w.q('z', 'x'), 'p(z)')}"
        ratio = rf"\sum_i {w.p('x,z_i')}/{w.q('z_i', 'x')}"
        return expectation(w.q(f"z_{{1:{self.k}}}", "x"), rf"-\log\tfrac{{1}}{{{self.k}}}{ratio}")

    @property
    def name(self) -> str:
        return f"bound{' without labels' if self.inferred else ''}{self.for_whom}"

    @property
    def detail(self) -> str:
        return f"k={self.k}"

    @property
    def title(self) -> str:
        samples = (f"{self.k} samples",) if self.k > 1 else ()
        how = (*samples, "weighed") if self.activated else samples
        return f"bound ({', '.join(how)})" if how else "bound"

    @property
    def compared(self) -> tuple[str, ...]:
        return ("x",) if self.activated else ()
