"""What a tool and a term owe: the written contract of a comparison, and of a summand of an objective.

Both are frozen values. They enter a registry by name when they are defined, in the library or in a file of one's own
(``tests/test_extend.py`` shows one of each), and print and are saved by their fields.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..distributions.schedules import Schedule, as_weight
from ..distributions.spaces import OTHER, Space
from ..errors import unknown
from ..figures.formula import GREEK, Writer, number
from ..figures.values import field_names, format_call, register
from .algebra import Objective

if TYPE_CHECKING:
    from ..distributions.batch import Batch
    from ..distributions.noise import Noise

__all__ = ["Network", "Samples", "TERMS", "TOOLS", "Term", "Tool", "as_tuple"]

Samples = Tensor | tuple[Tensor, ...]  # one tensor, or several such as (x, z), each [*seeds, batch, *shape]
Network = Callable[..., Any]  # a discriminator: called with samples, it answers with a distribution of logits t

TOOLS: dict[str, type[Tool]] = {}  # by name
TERMS: dict[str, type[Term]] = {}


def as_tuple(samples: Samples) -> tuple[Tensor, ...]:
    """Samples as a tuple: one tensor, or a pair."""
    return (samples,) if isinstance(samples, Tensor) else samples


@dataclass(frozen=True, repr=False)
class Tool(ABC):
    """A way of comparing a model with its target. A subclass is a frozen dataclass and enters ``TOOLS``.

    >>> from ganvae_lib import KL, SPACES, Adversary
    >>> KL().where(SPACES["z"]), KL().model_stands, Adversary("KL").model_stands
    (None, 'first', 'second')
    """

    model_stands = "neither: not a KL"  # where the model stands in the KL that is descended
    explicit = False  # does it need a density, rather than samples of both sides?
    adversarial = False  # does a discriminator come with it?
    network_name = "discriminator"  # what that network is called
    steps = 0  # updates of that discriminator per step
    takes_labels = False  # can it compare what is given a label?
    whole_batches = False  # does it compare whole minibatches, rather than average over examples?
    always_shown: ClassVar[tuple[str, ...]] = ()  # the fields that stand in its text even where they have their default

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        register(cls, TOOLS)

    def __repr__(self) -> str:
        return format_call(self, field_names(self), self.always_shown)

    @property
    def title(self) -> str:
        """Its name in a table."""
        return type(self).__name__

    def where(self, space: Space) -> str | None:
        """Why the tool cannot compare in ``space``; None where it can."""
        if not self.explicit:
            return None if space.made else "there is no sample that carries a gradient; use Likelihood or Denoise"
        if space.target_by:
            return "both sides are samples that move; use MMD, Summaries or Adversary with a link that can be reversed"
        has_density = space.density or space.distributions
        return None if has_density else "there are only samples to compare; use Adversary, MMD or Summaries"

    def networks(self, space: Space) -> tuple[str, ...]:
        """Those that it needs there, beside a discriminator."""
        return space.networks

    @abstractmethod
    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        """The loss of the players who make the samples, [*seeds]; ``discriminator`` is a network, or None."""

    def discriminator_loss(self, discriminator: Network, target: Samples, model: Samples, noise: Noise) -> Tensor:
        """The loss of the discriminator, [*seeds], on samples of both sides that carry no gradient."""
        raise TypeError(f"{self!r} has no discriminator to train.")

    @abstractmethod
    def formula(self, writer: Writer, space: Space, player: str) -> str:
        """What ``player`` descends there, in LaTeX."""


@dataclass(frozen=True, repr=False, kw_only=True)
class Term(Objective, ABC):
    """One summand of an objective. A subclass is a frozen dataclass of its own fields and enters ``TERMS``.

    weight:  in the sum; finite and not zero, or a schedule (``linear``), a number for every step.
    only:    the players who descend the term, of those whom it reaches; None for all of them.
    given:   "label" where its networks are given the label of each example.
    Raises ValueError for other values of these.

    >>> from ganvae_lib import zoo
    >>> [(term.name, term.reaches, term.networks) for term in zoo.VAE.terms]
    [('reconstruct x', ('theta', 'eta'), ('encoder', 'decoder')), ('match z', ('eta',), ('encoder',))]
    """

    weight: float | Schedule = 1.0
    only: tuple[str, ...] | None = None
    given: str | None = None

    takes_labels = False  # may it be given labels?
    adversarial = False  # does a discriminator come with it?
    steps = 0  # updates of that discriminator per step
    discriminator = ""  # the network of phi that it uses
    whole_batches = False  # does it compare whole minibatches, rather than average over examples?
    detail = ""  # what tells the term from another of the same name
    needs_decoder_density = False  # does it ask for log p(x|z)?
    gradient_through: ClassVar[str | None] = None  # theta's: does it need a "sample" of p(x|z), or will its "mean" do?
    always_shown: ClassVar[tuple[str, ...]] = ()  # the fields that stand in its text even where they have their default
    compared: ClassVar[tuple[str, ...]] = ()  # in the graph: the letters of what is compared by samples

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        register(cls, TERMS)

    def __post_init__(self) -> None:
        if self.given not in (None, "label"):
            raise unknown("thing to be given", self.given, ("label",))
        if self.given and not self.takes_labels:
            raise ValueError(f"{type(self).__name__} has no place for a label; leave out given={self.given!r}.")
        object.__setattr__(self, "weight", as_weight(self.weight))
        if self.only is not None:
            if not isinstance(self.only, list | tuple) or not self.only or not set(self.only) <= set(self.reaches):
                raise ValueError(f"only={self.only!r} must be a tuple of players of this term, {self.reaches}.")
            # One way of writing it, so that equal terms compare equal.
            chosen_players = tuple(player for player in self.reaches if player in self.only)
            object.__setattr__(self, "only", None if chosen_players == self.reaches else chosen_players)

    if TYPE_CHECKING:  # not at work: a dataclass would take it for the default of a field ``space``

        @property
        def space(self) -> str:
            """Where it stands: a name in ``SPACES``, or a word for the table."""

    @property
    @abstractmethod
    def reaches(self) -> tuple[str, ...]:
        """The players on whom the loss depends, of theta and eta."""

    @property
    @abstractmethod
    def networks(self) -> tuple[str, ...]:
        """The networks that it needs, by name, with its discriminator."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The loss of the players who descend it, [*seeds], in nats where it measures nats."""

    @abstractmethod
    def formula(self, writer: Writer, player: str) -> str:
        """What ``player``, one of those who descend it, descends, in LaTeX."""

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """The loss of its discriminator, [*seeds]; what theta and eta make carries no gradient."""
        raise TypeError(f"{self!r} has no discriminator to train.")

    def model_stands(self, player: str) -> str:
        """Where the distribution that ``player`` makes stands in the KL that is descended: "first" or "second"."""
        return "neither: not a KL"

    def swapped(self) -> Term:
        """The term with x and z, theta and eta exchanged. Raises TypeError where that is not defined."""
        raise TypeError(f"{self!r} has no mirror image.")

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self,)

    @property
    def movers(self) -> tuple[str, ...]:
        """The players who descend the term."""
        return self.reaches if self.only is None else self.only

    def is_descended_by(self, player: str) -> bool:
        """Does this player descend the term, or train its discriminator?"""
        return player in self.movers or (player == "phi" and self.steps > 0)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("labels",) if self.given else ()

    @property
    def conditional(self) -> tuple[str, ...]:
        return self.networks if self.given else ()

    def mirrored(self, **fields: Any) -> Term:
        """The term with theta and eta exchanged and these fields changed."""
        return replace(self, only=self.only and tuple(OTHER[player] for player in self.only), **fields)

    # How it prints and is saved.

    @property
    def name(self) -> str:
        """The key of the term's loss in a run's history."""
        return f"{type(self).__name__.lower()} {self.space}{self.for_whom}"

    @property
    def for_whom(self) -> str:
        return "" if self.only is None else f" (for {', '.join(self.only)})"

    @property
    def title(self) -> str:
        """What it compares by, in a table."""
        return type(self).__name__.lower()

    @property
    def answer(self) -> tuple[str, str]:
        """In the graph, above what is ``compared``: a letter, and its label."""
        return "y", rf"$q_\phi(y|{Writer(self.given).at(self.compared).arguments})$"

    def written(self, player: str) -> str:
        """What ``player`` descends, in LaTeX; empty if nothing."""
        return self.formula(Writer(self.given), player) if self.is_descended_by(player) else ""

    def as_row(self) -> tuple[str, ...]:
        """Its row of the table: the term, its space, its tool, who descends it, where theta stands."""
        players = ", ".join(GREEK[p] for p in self.movers) + (f" against {GREEK['phi']}" if self.adversarial else "")
        theta_absent = f"absent (eta: {self.model_stands('eta')})"
        theta_position = self.model_stands("theta") if "theta" in self.movers else theta_absent
        return repr(self), self.space, self.title, players, theta_position

    def __repr__(self) -> str:
        own_fields = tuple(name for name in field_names(self) if name not in ("weight", "only", "given"))
        text = format_call(self, (*own_fields, "only", "given"), self.always_shown)
        return text if self.weight == 1 else f"{number(self.weight)} * {text}"
