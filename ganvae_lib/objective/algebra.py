r"""The algebra of objectives: sums of terms, the players who descend them, and the phases of a step.

An objective is a frozen value. Players are theta (generation), eta (inference) and phi (discriminators). All losses
are minimised, in nats, averaged over the batch and not rescaled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..distributions.schedules import as_weight, at, letters
from ..figures.formula import GREEK, plain, weighted
from ..figures.table import Table

if TYPE_CHECKING:
    from ..distributions.batch import Batch
    from .contract import Term

__all__ = ["Objective", "Phase", "Sum"]


class Objective:
    """What a term and a sum of terms have in common.

    >>> from ganvae_lib import KL, Match, Reconstruct
    >>> vae = Reconstruct("x") + Match("z", KL())
    >>> print(vae + vae == 2 * vae, vae.networks, vae.players)
    True ('encoder', 'decoder') ('theta', 'eta')
    >>> print(vae)
    Reconstruct('x') + Match('z', KL())
      θ descends E_{d(x) q_η(z|x)}[-log p_θ(x|z)]
      η descends E_{d(x) q_η(z|x)}[-log p_θ(x|z)] + E_{d(x)}[KL(q_η(z|x)‖p(z))]
    """

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Sum.of(*self.terms, *other.terms) if isinstance(other, Objective) else NotImplemented

    def __mul__(self, weight: float) -> Objective:
        weight = as_weight(weight)
        return Sum.of(*(replace(term, weight=weight * term.weight) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1 * self

    def __sub__(self, other: Objective) -> Objective:
        return self + -other if isinstance(other, Objective) else NotImplemented

    @property
    def adversaries(self) -> tuple[Term, ...]:
        """The terms with a discriminator."""
        return tuple(term for term in self.terms if term.adversarial)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that the objective needs, by name."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.networks))  # each once, in order

    @property
    def conditional(self) -> tuple[str, ...]:
        """The networks that are given the label of an example."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.conditional))

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: "labels", and examples of the "other" domain."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.reads))

    @property
    def players(self) -> tuple[str, ...]:
        """Everyone who descends something: theta, eta, phi."""
        return tuple(p for p in ("theta", "eta", "phi") if any(term.is_descended_by(p) for term in self.terms))

    @property
    def schedules(self) -> dict[Any, str]:
        """The weights that depend on the step, each with its letter in the formula."""
        return letters(term.weight for term in self.terms)

    def phases(self) -> tuple[Phase, ...]:
        """Who descends which terms, in the order of a step: discriminators first, then the others.

        Two players share a phase when the sum of their terms has the right gradient for both: no term reaches a
        player whom it does not name.
        """
        step_counts = sorted({t.steps for t in self.adversaries} - {0})  # 0: another term trains the discriminator
        discriminators = [Phase(("phi",), tuple(t for t in self.adversaries if t.steps == n), n) for n in step_counts]
        player_phases = [Phase((who,), tuple(t for t in self.terms if who in t.movers)) for who in ("theta", "eta")]
        player_phases = [phase for phase in player_phases if phase.terms]
        players = tuple(player for phase in player_phases for player in phase.players)
        shared_phase = Phase(players, tuple(dict.fromkeys(term for phase in player_phases for term in phase.terms)))
        may_share = all(who in t.movers or who not in t.reaches for t in shared_phase.terms for who in players)
        return (*discriminators, *([shared_phase] if players and may_share else player_phases))

    def lines(self) -> dict[str, str]:
        """What each player descends, in LaTeX."""
        lines = {}
        for player in self.players:
            # The discriminator's own optimum does not depend on the weight of its term.
            terms = [term for term in self.terms if term.is_descended_by(player)]
            weights = [1.0 if player == "phi" else self.schedules.get(term.weight, term.weight) for term in terms]
            formulas = [term.written(player) for term in terms]
            lines[player] = " + ".join(map(weighted, weights, formulas)).replace("+ -", "- ")
        return lines

    def _repr_latex_(self) -> str:
        latex_lines = [rf"\min_{{\{player}}}\;& {text}" for player, text in self.lines().items()]
        latex_lines += [rf"&{letter} = {schedule.formula()}" for schedule, letter in self.schedules.items()]
        return "$$\\begin{aligned}\n" + "\\\\\n".join(latex_lines) + "\n\\end{aligned}$$"

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms)).replace("+ -", "- ")

    def __str__(self) -> str:
        text_lines = [f"  {GREEK[player]} descends {text}" for player, text in self.lines().items()]
        text_lines += [f"  where {letter} = {beta.formula()}, after s steps" for beta, letter in self.schedules.items()]
        return "\n".join([repr(self), *map(plain, text_lines)])

    def explain(self) -> Table:
        """A table with a row per term: space, tool, who descends it, and where theta stands in the KL."""
        return Table(("term", "space", "tool", "players", "where theta stands"), tuple(t.as_row() for t in self.terms))

    def draw(self, ax: Any = None) -> Any:
        """The graph, on the axes ``ax`` or new ones, which it returns."""
        from ..figures.graph import schematic

        return schematic(self, ax)


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Objective):
    """A sum of terms. Equal terms are collected; the order does not count in comparisons."""

    terms: tuple[Term, ...]

    @classmethod
    def of(cls, *terms: Term) -> Objective:
        """The sum, with equal terms collected; a sum of one term is that term."""
        weights: dict[Term, Any] = {}
        for term in terms:
            unweighted = replace(term, weight=1.0)
            weights[unweighted] = weights.get(unweighted, 0.0) + term.weight
        collected = tuple(replace(term, weight=weight) for term, weight in weights.items())
        return collected[0] if len(collected) == 1 else cls(collected)

    def __eq__(self, other: object) -> bool:
        return Counter(self.terms) == Counter(other.terms) if isinstance(other, Sum) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.terms))


@dataclass(frozen=True)
class Phase:
    """These ``players`` descend the sum of these ``terms``; a discriminator's phase is repeated ``steps`` times.

    >>> from ganvae_lib import zoo
    >>> [(phase.players, phase.steps, phase.keys) for phase in zoo.WGAN_GP.phases()]
    [(('phi',), 5, ('match x, discriminator',)), (('theta',), 1, ('match x',))]
    """

    players: tuple[str, ...]
    terms: tuple[Term, ...]
    steps: int = 1

    @property
    def discriminates(self) -> bool:
        """Is it the discriminators' phase, whose loss is not that of the other players?"""
        return self.players == ("phi",)

    @property
    def keys(self) -> tuple[str, ...]:
        """The name of each term's loss; where two terms share a name, it says how they differ."""
        names = [term.name for term in self.terms]
        for longer in ("{0.name} ({0.detail})", "{0.name} ({0!r})"):  # the second only where the first does not do
            counts = Counter(names)
            names = [longer.format(t) if counts[name] > 1 else name for t, name in zip(self.terms, names, strict=True)]
        return tuple(f"{name}, discriminator" if self.discriminates else name for name in names)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The value of every term, unweighted, [*seeds]."""
        values = [term.discriminator_loss(batch) if self.discriminates else term.loss(batch) for term in self.terms]
        return dict(zip(self.keys, values, strict=True))

    def total(self, losses: dict[str, Tensor], step: int = 0) -> Tensor:
        """What the phase descends after so many steps: the weighted sum, [*seeds]; a discriminator's have no weight."""
        weights = [1.0 if self.discriminates else at(term.weight, step) for term in self.terms]
        return reduce(lambda a, b: a + b, (weight * v for weight, v in zip(weights, losses.values(), strict=True)))
