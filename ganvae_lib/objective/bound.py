r"""Bound: the log-likelihood from below, with k samples of the code, labels known or inferred, and examples weighed.

``F(x)`` is the negative bound of one example: for k = 1 the negative ELBO of ``eq-elbo`` (chapter 03), for k > 1

    F_k(x) = E_{z_1..k ~ q_η(z|x)}[-log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x)]      Eq. ``eq-iwae`` (chapter 03)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ..distributions.densities import tiled
from ..distributions.sample import draw
from ..errors import unknown
from .algebra import Term
from .formula import GREEK, told
from .tools import Adversary

__all__ = ["Bound", "free_energy"]


def free_energy(model, x: Tensor, noise, k: int = 1, name: str = "z from x") -> Tensor:
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


@dataclass(frozen=True, repr=False)
class Bound(Term):
    """E_{d(x)} F_k(x): the importance-weighted bound, Eq. ``eq-iwae`` (chapter 03); for k = 1 the VAE.

    given="label":     labels are told to encoder and decoder, E_{d(x,t)} F(x,t): Eq. ``eq-cvae`` (chapter 17).
    inferred="label":  examples of the other domain have no labels; they are inferred and summed over,
                       E_{d(x)} Σ_t q_η(t|x)[F(x,t) + log q_η(t|x)] + log C for C classes, uniform a priori:
                       Eq. ``eq-svae`` (chapter 17; Kingma et al., 2014).
    activated:         a discriminator weighs real and generated examples, ½E_d[D F] + ½E_{p_θ}[D F]; the generated ones
                       carry no gradient: Eq. ``eq-aavae`` (chapter 16; Hu et al., 2018).
    Raises ValueError for a k below 1, labels both given and inferred, and ``only`` one player where nothing says so.
    """

    explicit = True
    k: int = 1
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    given: str | None = None
    inferred: str | None = None
    activated: bool = False
    place = "x"
    reaches = ("theta", "eta")

    def __post_init__(self):
        if not isinstance(self.k, int) or self.k < 1:
            raise ValueError(f"k must be a positive number of samples, got {self.k!r}.")
        if self.inferred not in (None, "label"):
            raise unknown("thing to be inferred", self.inferred, ("label",))
        if self.given and self.inferred:
            raise ValueError("the label is either given or inferred, not both.")
        self._check()

    def _arguments(self) -> str:
        parts = [f"k={self.k}"] * (self.k > 1) + [f"inferred={self.inferred!r}"] * bool(self.inferred)
        return ", ".join(parts + ["activated=True"] * self.activated)

    @property
    def adversarial(self) -> bool:
        return self.activated

    @property
    def steps(self) -> int:
        return int(self.activated)

    @property
    def discriminator(self) -> str:
        return "discriminator_x" + (f"_given_{self.given}" if self.given else "")

    @property
    def networks(self) -> tuple[str, ...]:
        labeller = ("labeller",) if self.inferred else ()
        return ("encoder", "decoder", *labeller, *((self.discriminator,) if self.activated else ()))

    @property
    def conditional(self) -> tuple[str, ...]:
        return ("encoder", "decoder") if self.inferred else super().conditional

    @property
    def reads(self) -> tuple[str, ...]:
        return ("other", "labels") if self.inferred else ("labels",) if self.given else ()

    @property
    def name(self) -> str:
        return f"bound{' without labels' if self.inferred else ''}{self._for}"

    @property
    def detail(self) -> str:
        return f"k={self.k}"

    def swapped(self) -> Term:
        raise TypeError(f"{self!r} is a bound on the likelihood of x, which has no mirror image in z.")

    def discriminator_loss(self, world) -> Tensor:
        """The discriminator's loss of ``eq-gan-value`` (chapter 04), [*seeds]: real examples against generated ones."""
        real = world.other if self.inferred else world.x
        judge = world.model.networks[self.discriminator]
        return Adversary().critic(judge, real, world.x_from_z.detach(), world.noise)

    def loss(self, world) -> Tensor:
        x = world.other if self.inferred else world.x
        if not self.activated:
            return self._energy(world, x).mean(-1)
        # As many generated examples as real ones: the mean over both is the two halves of the formula.
        x = torch.cat((x, world.x_from_z.detach()), len(world.noise.seeds_shape))
        trust = world.model.networks[self.discriminator](x).logits.detach().sigmoid()
        return (trust * self._energy(world, x)).mean(-1)

    def _energy(self, world, x: Tensor) -> Tensor:
        """The negative bound of each example, [*seeds, batch]."""
        axis = len(world.noise.seeds_shape)
        n, noise = x.shape[axis], world.noise.tiled(x.shape[axis] // world.batch)
        if not self.inferred:
            return free_energy(world.model, x, noise, self.k)
        q = world.model.labeller(x)
        classes = q.logits.shape[-1]
        labels = torch.arange(classes, device=x.device).repeat_interleave(n).expand(*world.noise.seeds_shape, -1)
        at = world.model.at(labels)
        f = free_energy(at, torch.cat([x] * classes, axis), noise.tiled(classes), self.k, "z from x, unlabelled")
        log_q = q.logits.mT.log_softmax(axis)
        return (log_q.exp() * (f.unflatten(axis, (classes, n)) + log_q)).sum(axis) + math.log(classes)

    def formula(self, player: str) -> str:
        if player == "phi" and self.activated:
            return r"\mathbb{E}_{d(x)}[-\log D_\phi(x)] + \mathbb{E}_{p_\theta(x)}[-\log(1-D_\phi(x))]"
        if player not in self.movers:
            return ""
        f = r"\mathbb{E}_{q_\eta(z|x)}[-\log p_\theta(x|z)] + \mathrm{KL}(q_\eta(z|x)\,\|\,p(z))"
        if self.k > 1:
            ratio = r"\sum_i p_\theta(x,z_i)/q_\eta(z_i|x)"
            f = rf"\mathbb{{E}}_{{q_\eta(z_{{1:{self.k}}}|x)}}[-\log\tfrac{{1}}{{{self.k}}}{ratio}]"
        if self.inferred:
            f = rf"\mathbb{{E}}_{{q_\eta(t|x)}}[{told(f)} + \log q_\eta(t|x)] + \log C"
        if self.activated:
            both = r"(\mathbb{E}_{d(x)} + \mathbb{E}_{p_{\theta_0}(x)})"
            return rf"\tfrac12{both}[D_\phi(x)\,({f})]"
        return rf"\mathbb{{E}}_{{d(x)}}[{f}]"

    def as_row(self) -> tuple[str, ...]:
        players = ", ".join(GREEK[p] for p in self.movers) + (f" against {GREEK['phi']}" if self.activated else "")
        how = [f"{self.k} samples"] * (self.k > 1) + ["weighed"] * self.activated
        return repr(self), "x", f"bound ({', '.join(how)})" if how else "bound", players, "second"
