"""Tools: the exchangeable ways of comparing a model distribution with its target.

``KL`` needs the density of the target, ``Likelihood`` that of the model, an ``Adversary`` only samples of both sides;
its *link* (``links``) chooses which divergence the other player descends. Two more are in ``further``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ..distributions.noise import Noise, Share
from ..distributions.spaces import Space
from ..errors import check_choice, check_int, check_real
from ..figures.formula import Writer, expectation, kl, number
from .contract import Network, Samples, Tool, as_tuple
from .links import LINKS, gradient_penalty, weighted_mean

if TYPE_CHECKING:
    from ..distributions.batch import Batch

__all__ = ["Adversary", "KL", "Likelihood"]


@dataclass(frozen=True)
class KL(Tool):
    """KL(model ‖ target), in nats: the tool for a target whose density is known (Eq. ``eq-kl``, chapter 02).

    >>> from ganvae_lib import KL, Match
    >>> print(Match("z", KL()))
    Match('z', KL())
      η descends E_{d(x)}[KL(q_η(z|x)‖p(z))]
    """

    model_stands = "first"  # in the KL that is descended
    explicit = True  # it needs a density, not samples alone
    takes_labels = True  # it can compare what is given a label

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        if space.distributions:
            target, model = batch.read(space.distributions)
            try:
                return kl_divergence(model, target).mean(-1)
            except NotImplementedError:
                pass  # an encoder without a density
        raise TypeError(f"{self!r} needs densities in {space}, which are unknown; use Adversary() there.")

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        return space.kl_formula(writer) if space.kl_formula else kl(space.made_law(writer), space.target_law(writer))


@dataclass(frozen=True)
class Likelihood(Tool):
    """Exact maximum likelihood, ``-E_target[log p_model]``: the tool for a model whose density is known.

    Up to the entropy of the target this is KL(target ‖ model) (Eq. ``eq-kl``, chapter 02).

    >>> from ganvae_lib import Likelihood, Match
    >>> print(Match("x", Likelihood()))
    Match('x', Likelihood())
      θ descends E_{d(x)}[-log p_θ(x)]
    """

    model_stands = "second"  # in the KL that is descended
    explicit = True  # it needs a density, not samples alone

    def networks(self, space: Space) -> tuple[str, ...]:
        return (space.density,) if space.density else space.networks

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        if not space.density:
            raise TypeError(f"{self!r} needs the model's density in {space}, which is unknown; use Adversary() there.")
        return -batch.model.networks[space.density]().log_prob(*batch.read(space.target)).mean(-1)

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        return expectation(space.target_law(writer), rf"-\log {space.made_law(writer)}")


@dataclass(frozen=True)
class Adversary(Tool):
    """A discriminator that tells the target's samples from the model's (Eq. ``eq-gan-value``, chapter 04).

    link:     a name in ``LINKS``: the losses of both sides.
    steps:    updates of the discriminator per update of the other players; 0 where another term trains it.
    penalty:  weight of the gradient penalty E[(‖∇_x t(x)‖ - 1)²] between the two samples
              (Eq. ``eq-wgan-gp``, chapter 04; Gulrajani et al., 2017).
    k:        samples are weighted by their odds w ∝ D/(1-D) in groups of k of the minibatch, or all of it, "batch":
              Eq. ``eq-iwgan`` (chapter 15; Hu et al., 2018). 1 for no weights; others need the non-saturating link.
    Raises ValueError for other values of these.

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
    adversarial = True  # a discriminator comes with it
    takes_labels = True  # it can compare what is given a label
    always_shown = ("link",)  # printed at its default, too

    def __post_init__(self) -> None:
        if self.k != "batch":
            object.__setattr__(self, "k", check_int("k, a number of samples or 'batch',", self.k))
        check_choice("link", self.link, LINKS)
        if self.k != 1 and self.link != "non-saturating":
            raise ValueError(f"importance weights belong to the non-saturating link; {self.link!r} has no such use.")
        object.__setattr__(self, "steps", check_int("steps", self.steps, least=0))
        object.__setattr__(self, "penalty", check_real("penalty", self.penalty, least=0))

    @property
    def model_stands(self) -> str:
        return LINKS[self.link].model_stands

    @property
    def title(self) -> str:
        return f"Adversary ({self.link}{', importance-weighted' if self.k != 1 else ''})"

    def where(self, space: Space) -> str | None:
        # A player who makes both sides descends the answers with y reversed in both; these must be a posterior.
        makes_both = set(space.target_by) & set(space.made_by)
        allowed_links = [name for name, link in LINKS.items() if (link.logistic if makes_both else link.reversible)]
        if not space.target_by or self.link in allowed_links:
            return super().where(space)
        link_names = ", ".join(allowed_links)
        return f"both sides are samples that move, so an Adversary needs a link that can be reversed, {link_names}"

    def loss(self, batch: Batch, space: Space, discriminator: Network) -> Tensor:
        target = batch.read(space.target) if space.target_by else None
        return self.generator_loss(discriminator, batch.read(space.made), target, batch.noise.share)

    def generator_loss(
        self, discriminator: Network, model: Samples, target: Samples | None = None, share: Share | None = None
    ) -> Tensor:
        """Loss of the player that makes ``model``, [*seeds]; ``share`` is what part of the minibatch this is.

        When a player makes ``target``, its samples enter with y reversed, that is with -t: Eq. ``eq-ada``
        (chapter 06). Raises ValueError for a minibatch that groups of k do not divide.
        """
        loss = self._mean(discriminator(*as_tuple(model)).logits, share)
        if target is not None:
            loss = loss + self._mean(-discriminator(*as_tuple(target)).logits, share)
        return loss

    def _mean(self, logits: Tensor, share: Share | None) -> Tensor:
        """The mean of the link's loss over logits [*seeds, batch]."""
        losses = LINKS[self.link].generator(logits)
        return losses.mean(-1) if self.k == 1 else weighted_mean(losses, logits.detach(), self.k, share)

    def discriminator_loss(self, discriminator: Network, target: Samples, model: Samples, noise: Noise) -> Tensor:
        link = LINKS[self.link]
        axis = len(noise.seeds_shape)  # that of the batch
        target, model = as_tuple(target), as_tuple(model)
        # One pass over the samples of both sides: the networks hold no batch statistics, so this equals two passes.
        logits = discriminator(*(torch.cat(both_sides, axis) for both_sides in zip(target, model, strict=True))).logits
        target_logits, model_logits = logits.split((target[0].shape[axis], model[0].shape[axis]), -1)
        loss = link.real(target_logits).mean(-1) + link.fake(model_logits).mean(-1)
        if self.penalty:
            loss = loss + self.penalty * gradient_penalty(discriminator, target, model, noise)
        return loss

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        link = LINKS[self.link]
        target, model = space.target_law(writer), space.made_law(writer)  # of the two sides
        at_target, at_model = (writer.at(names, space.separator) for names in (space.arguments, space.made_arguments))
        if player == "phi":
            loss = f"{expectation(target, link.real_tex(at_target))} + {expectation(model, link.fake_tex(at_model))}"
            if not self.penalty:
                return loss
            gradient_norm = rf"\|\nabla {at_model.t}\|" if writer.given else r"\|\nabla t_\phi\|"
            return rf"{loss} + {number(self.penalty)}\,\mathbb{{E}}[({gradient_norm}-1)^2]"
        model_loss = [self._weighted(model, at_model)] if player in space.made_by else []
        target_loss = [self._weighted(target, at_target.reversed)] if player in space.target_by else []
        return " + ".join(model_loss + target_loss)

    def _weighted(self, law: str, writer: Writer) -> str:
        """The loss of one side, importance-weighted where k is not 1."""
        if self.k == 1:
            return expectation(law, LINKS[self.link].generator_tex(writer))
        k_text = "B" if self.k == "batch" else self.k
        one_law = f"({law})" if r"\," in law else law  # a product in brackets, for k samples of it are its k-th power
        sample = writer.indexed("i")
        weight = rf"\tilde w_i\propto {sample.D}/{sample.not_D}"
        return expectation(rf"{one_law}^{{{k_text}}}", rf"-\sum_i\tilde w_i\,\log {sample.D};\,{weight}")
