r"""The algebra of objectives: sums of terms, the players who descend them, and the phases of a step.

An objective is a frozen value. It adds, scales, compares (order does not count), prints as text and as LaTeX with one
line per player, and knows its *phases*: which players descend which loss. Players are theta (generation), eta
(inference) and phi (discriminators). All losses are minimised, in nats, averaged over the batch and not rescaled.
The terms themselves are in ``terms``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce

from torch import Tensor

from ..errors import unknown
from ..figures.table import Table
from .formula import GREEK, plain, told
from .spaces import SWAP

__all__ = ["Objective", "Phase", "Sum", "Term"]


class Objective:
    """What a term and a sum of terms have in common."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Sum.of(*self.terms, *other.terms) if isinstance(other, Objective) else NotImplemented

    def __mul__(self, weight: float) -> Objective:
        return Sum.of(*(replace(t, weight=weight * t.weight) for t in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1 * self

    def __sub__(self, other: Objective) -> Objective:
        return self + -other if isinstance(other, Objective) else NotImplemented

    @property
    def adversaries(self) -> tuple[Term, ...]:
        """The terms that bring a discriminator with them."""
        return tuple(t for t in self.terms if t.adversarial)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that the objective needs, by name."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.networks))

    @property
    def conditional(self) -> tuple[str, ...]:
        """The networks that are told the label of an example."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.conditional))

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: "labels", and examples of the "other" domain."""
        return tuple(dict.fromkeys(part for t in self.terms for part in t.reads))

    @property
    def players(self) -> tuple[str, ...]:
        """Everyone who descends something: theta, eta, phi."""
        movers = {p for t in self.terms for p in t.movers} | ({"phi"} if any(t.steps for t in self.terms) else set())
        return tuple(p for p in ("theta", "eta", "phi") if p in movers)

    def phases(self) -> tuple[Phase, ...]:
        """Who descends which terms, in the order of a step: discriminators first, then the others.

        Two players share a phase when the sum of their terms has the right gradient for both: no term reaches a
        player whom it does not name.
        """
        steps = sorted({t.steps for t in self.adversaries} - {0})
        phases = [Phase(("phi",), tuple(t for t in self.adversaries if t.steps == s), True, s) for s in steps]
        rest: list[Phase] = []
        for player in ("theta", "eta"):
            terms = tuple(t for t in self.terms if player in t.movers)
            if not terms:
                continue
            for i, phase in enumerate(rest):
                union = Phase((*phase.players, player), tuple(dict.fromkeys((*phase.terms, *terms))))
                if all(p in t.movers or p not in t.reaches for t in union.terms for p in union.players):
                    rest[i] = union
                    break
            else:
                rest.append(Phase((player,), terms))
        return (*phases, *rest)

    def _lines(self) -> list[tuple[str, str]]:
        """Per player, what it descends, in LaTeX."""
        lines = []
        for player in self.players:
            parts = [(1.0 if player == "phi" else t.weight, t.written(player)) for t in self.terms]
            text = " + ".join(_weighted(w, p) for w, p in parts if p)
            lines.append((player, text.replace("+ -", "- ")))
        return lines

    def _repr_latex_(self) -> str:
        rows = [rf"\min_{{\{player}}}\;& {text}" for player, text in self._lines()]
        return "$$\\begin{aligned}\n" + "\\\\\n".join(rows) + "\n\\end{aligned}$$"

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms)).replace("+ -", "- ")

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {GREEK[p]} descends {plain(text)}" for p, text in self._lines())])

    def explain(self) -> Table:
        """A table with a row per term: space, tool, who descends it, and where theta stands in the KL."""
        return Table(("term", "space", "tool", "players", "where theta stands"), tuple(t.as_row() for t in self.terms))

    def draw(self, ax=None):
        """The schematic graph: solid arrows generate, dashed arrows infer, dotted ones are adversarial."""
        from ..figures.graph import schematic

        return schematic(self, ax)


class Term(Objective):
    """One summand: it has a ``weight``, and may be meant for some players ``only``."""

    adversarial = False  # does a discriminator come with it?
    steps = 0  # updates of that discriminator per step
    detail = ""  # what tells the term from another of the same name
    explicit = False  # does it ask for log p(x|z)?
    gradient_through: str | None = None  # theta's: the "mean" of p(x|z) will do, a "sample" it must be, or neither
    reads: tuple[str, ...] = ()  # what it reads beside x
    given: str | None = None  # what all its networks are told beside: "label"

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self,)

    @property
    def conditional(self) -> tuple[str, ...]:
        return self.networks if self.given else ()

    def written(self, player: str) -> str:
        """What ``player`` descends, in LaTeX, with what is given."""
        return told(self.formula(player)) if self.given else self.formula(player)

    @property
    def movers(self) -> tuple[str, ...]:
        """The players who descend the term."""
        return self.reaches if self.only is None else self.only

    @property
    def _for(self) -> str:
        return "" if self.only is None else f" (for {', '.join(self.only)})"

    def _check(self) -> None:
        if self.given not in (None, "label"):
            raise unknown("thing to be given", self.given, ("label",))
        if not abs(self.weight) > 0 or abs(self.weight) == float("inf"):
            raise ValueError(f"the weight of a term must be finite and not zero, got {self.weight}.")
        if self.only is not None:
            if not self.only or isinstance(self.only, str) or not set(self.only) <= set(self.reaches):
                raise ValueError(f"only={self.only!r} must be a tuple of players of this term, {self.reaches}.")
            # One way of writing it, so that equal terms compare equal.
            only = tuple(p for p in self.reaches if p in self.only)
            object.__setattr__(self, "only", None if only == self.reaches else only)

    def __repr__(self) -> str:
        only = "" if self.only is None else f", only={self.only}"
        given = "" if self.given is None else f", given={self.given!r}"
        text = f"{type(self).__name__}({self._arguments()}{only}{given})".replace("(, ", "(")
        return text if self.weight == 1 else f"{self.weight:g} * {text}"

    @property
    def place(self) -> str:
        """Where the term stands: its space or its variable."""
        return getattr(self, self._place)

    def swapped(self) -> Term:
        """The term with x and z, theta and eta exchanged; what knows neither x nor z stays as it is."""
        if self.place not in SWAP:
            return self
        only = self.only and tuple(SWAP[p] for p in self.only)
        return replace(self, **{self._place: SWAP[self.place]}, only=only)


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Objective):
    """A sum of terms. Equal terms are collected; the order does not count in comparisons."""

    terms: tuple[Term, ...]

    @classmethod
    def of(cls, *terms: Term) -> Objective:
        """The sum, with equal terms collected; a sum of one term is that term."""
        weights: dict[Term, float] = {}
        for term in terms:
            bare = replace(term, weight=1.0)
            weights[bare] = weights.get(bare, 0.0) + term.weight
        collected = tuple(replace(term, weight=weight) for term, weight in weights.items())
        return collected[0] if len(collected) == 1 else cls(collected)

    def __eq__(self, other: object) -> bool:
        return Counter(self.terms) == Counter(other.terms) if isinstance(other, Sum) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.terms))


def _weighted(weight: float, formula: str) -> str:
    if weight == 1:
        return formula
    if r" + \mathbb" in formula:
        formula = rf"\big({formula}\big)"
    return rf"{-weight:g}\,{formula[1:]}" if formula.startswith("-") else rf"{weight:g}\,{formula}"


@dataclass(frozen=True)
class Phase:
    """These ``players`` descend the sum of these ``terms``; a critic's phase is repeated ``steps`` times."""

    players: tuple[str, ...]
    terms: tuple[Term, ...]
    discriminates: bool = False
    steps: int = 1

    @property
    def keys(self) -> tuple[str, ...]:
        """The name of each term's loss; where two terms share a name, it says how they differ."""
        forms = [[t.name, f"{t.name} ({t.detail})", f"{t.name} ({t!r})"] for t in self.terms]
        alone = lambda name, i: sum(name == form[i] for form in forms) == 1
        names = [next(name for i, name in enumerate(form) if alone(name, i)) for form in forms]
        return tuple(f"{n}, discriminator" if self.discriminates else n for n in names)

    def losses(self, world) -> dict[str, Tensor]:
        """The value of every term, unweighted, [*seeds]."""
        values = [t.discriminator_loss(world) if self.discriminates else t.loss(world) for t in self.terms]
        return dict(zip(self.keys, values, strict=True))

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """What the phase descends: the weighted sum, [*seeds]."""
        # The discriminator's own optimum does not depend on the weight of its term.
        weights = [1.0 if self.discriminates else t.weight for t in self.terms]
        return reduce(lambda a, b: a + b, (w * v for w, v in zip(weights, losses.values(), strict=True)))
