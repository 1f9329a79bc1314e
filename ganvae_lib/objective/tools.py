"""Tools: the exchangeable ways of comparing a model distribution with its target.

Here are those that need a density: ``KL`` that of the target, ``Likelihood`` that of the model. Those that need only
samples of both sides are in ``samples``; what a tool owes is in ``contract``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor
from torch.distributions import kl_divergence

from ..figures.formula import Writer, expectation, kl
from .contract import TOOLS, Network, Tool
from .samples import MMD, Adversary, Summaries
from .spaces import Space

if TYPE_CHECKING:
    from ..distributions.world import World

__all__ = ["Adversary", "KL", "Likelihood", "MMD", "Summaries", "TOOLS", "Tool"]


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

    def loss(self, world: World, space: Space, discriminator: Network | None = None) -> Tensor:
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

    def loss(self, world: World, space: Space, discriminator: Network | None = None) -> Tensor:
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
