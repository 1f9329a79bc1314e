r"""Objectives: sums of a few kinds of term over the random variables of a step.

    Match(space, tool)     make the model agree with its target in a space: "x", "z", or "features" of two domains
    Reconstruct(variable)  get "x" back after a round trip through the code, or "z" through the sample
    Classify()             name the class of a labelled example from its features

An objective is a frozen value. It adds, scales, compares (order does not count), prints as text and as LaTeX with one
line per player, and knows its *phases*: which players descend which loss. Players are theta (generation), eta
(inference) and phi (discriminators). All losses are minimised, in nats, averaged over the batch and not rescaled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import reduce

from torch import Tensor
from torch.distributions import kl_divergence

from . import tools
from .formula import GREEK, Table, plain
from .tools import KL, LINKS, LOGISTIC, Adversary, Likelihood

__all__ = ["Classify", "Match", "Objective", "Phase", "Reconstruct", "Sum", "Term", "from_dict", "to_dict"]

SPACES = ("x", "z", "features")
MAKER = {"x": ("theta",), "z": ("eta",), "features": ("theta",)}  # who makes the model's sample in a space
SWAP = {"x": "z", "z": "x", "theta": "eta", "eta": "theta"}
# Features are written x, as in chapter 06: there x is what theta makes of an example, and y is its domain.
_TARGET = {"x": "d(x)", "z": "p(z)", "features": r"p_\theta(x|y=1)"}
_MODEL = {"x": r"p_\theta(x)", "z": r"q_\eta(z)", "features": r"p_\theta(x|y=0)"}


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
    def adversaries(self) -> tuple[Match, ...]:
        """The terms that bring a discriminator with them."""
        return tuple(t for t in self.terms if isinstance(t, Match) and isinstance(t.tool, Adversary))

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that the objective needs, by name."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.networks))

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: "labels", and examples of the "other" domain."""
        labels = ("labels",) if any(isinstance(t, Classify) for t in self.terms) else ()
        return (*labels, *(("other",) if any(t.place == "features" for t in self.adversaries) else ()))

    @property
    def players(self) -> tuple[str, ...]:
        """Everyone who descends something: theta, eta, phi."""
        movers = {p for t in self.terms for p in t.movers} | ({"phi"} if self.adversaries else set())
        return tuple(p for p in ("theta", "eta", "phi") if p in movers)

    def phases(self) -> tuple[Phase, ...]:
        """Who descends which terms, in the order of a step: discriminators first, then the others.

        Two players share a phase when the sum of their terms has the right gradient for both: no term reaches a
        player whom it does not name.
        """
        steps = sorted({t.tool.steps for t in self.adversaries})
        phases = [Phase(("phi",), tuple(t for t in self.adversaries if t.tool.steps == s), True, s) for s in steps]
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
            parts = [(1.0 if player == "phi" else t.weight, t.formula(player)) for t in self.terms]
            text = " + ".join(("" if w == 1 else rf"{w:g}\,") + p for w, p in parts if p)
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
        return Table(("term", "space", "tool", "players", "where theta stands"), tuple(t.row() for t in self.terms))

    def draw(self, ax=None):
        """The schematic graph: solid arrows generate, dashed arrows infer, dotted ones are adversarial."""
        from .draw import schematic

        return schematic(self, ax)


class Term(Objective):
    """One summand: it has a ``weight``, and may be meant for some players ``only``."""

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self,)

    @property
    def movers(self) -> tuple[str, ...]:
        """The players who descend the term."""
        return self.reaches if self.only is None else self.only

    @property
    def _for(self) -> str:
        return "" if self.only is None else f" (for {', '.join(self.only)})"

    def _check(self) -> None:
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
        text = f"{type(self).__name__}({self._arguments()}{only})"
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


@dataclass(frozen=True, repr=False)
class Match(Term):
    """Make the model's distribution agree with its target in ``space``, compared by ``tool``.

    In x the target is the data d(x) and theta makes the model's samples; in z the target is the prior p(z) and eta
    makes them. With ``KL`` in z the term is E_d KL(q_η(z|x) ‖ p(z)), the second term of Eq. ``eq-elbo`` (chapter 03).
    In "features" theta makes both sides, the features of the source domain (y=1) and of the other one (y=0), and
    descends the discriminator's answers with y reversed in both: Eq. ``eq-ada`` (chapter 06).

    Raises ValueError for an unknown space, and in "features" for a link without a logistic discriminator.
    """

    space: str
    tool: KL | Likelihood | Adversary
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    _place = "space"

    def __post_init__(self):
        if self.space not in SPACES:
            raise tools.unknown("space", self.space, SPACES)
        if not isinstance(self.tool, (KL, Likelihood, Adversary)):
            raise TypeError(f"the tool must be KL(), Likelihood() or Adversary(...), got {self.tool!r}.")
        if self.space == "features" and getattr(self.tool, "link", "") not in LOGISTIC:
            raise ValueError(f"in features both sides are samples that move, so the tool must be an Adversary with a "
                             f"link that can be reversed, {', '.join(LOGISTIC)}; got {self.tool!r}.")  # fmt: skip
        self._check()

    def _arguments(self) -> str:
        return f"{self.space!r}, {self.tool!r}"

    @property
    def reaches(self) -> tuple[str, ...]:
        return MAKER[self.space]

    @property
    def networks(self) -> tuple[str, ...]:
        if isinstance(self.tool, Likelihood) and self.space == "x":
            return ("density",)
        made = {"x": "decoder", "z": "encoder", "features": "features"}[self.space]
        return (made, f"discriminator_{self.space}") if isinstance(self.tool, Adversary) else (made,)

    @property
    def name(self) -> str:
        """The key of the term's loss in a run's history."""
        return f"match {self.space}{self._for}"

    def critic_loss(self, world) -> Tensor:
        """The discriminator's loss (Eq. ``eq-gan-value``, chapter 04), [*seeds]; the samples carry no gradient."""
        target, made = world.target(self.space).detach(), world.made(self.space).detach()
        return self.tool.critic(world.model.networks[f"discriminator_{self.space}"], target, made, world.noise)

    def loss(self, world) -> Tensor:
        """The loss of the players who make the sample, [*seeds], in nats where the tool measures nats."""
        match self.tool, self.space:
            case Adversary(), space:
                both = world.target(space) if space == "features" else None
                return self.tool.generator(world.model.networks[f"discriminator_{space}"], world.made(space), both)
            case KL(), "z":
                q = world.q_z_given_x
                return kl_divergence(q, world.model.prior().expand(q.batch_shape)).mean(-1)
            case Likelihood(), "x":
                return -world.model.density().log_prob(world.x.flatten(len(world.noise.lead) + 1)).mean(-1)
        needs = "the target's density" if isinstance(self.tool, KL) else "the model's density"
        raise TypeError(f"{self!r} needs {needs} in {self.space}, which is not known; use Adversary() there.")

    def formula(self, player: str) -> str:
        target, made, arg = _TARGET[self.space], _MODEL[self.space], "(z)" if self.space == "z" else "(x)"
        if isinstance(self.tool, Adversary):
            link = LINKS[self.tool.link]
            put = lambda tex: tex.replace(r"D_\phi", rf"D_\phi{arg}").replace(r"t_\phi", rf"t_\phi{arg}")
            if player == "phi":
                real, fake = put(link.real_tex), put(link.fake_tex)
                text = rf"\mathbb{{E}}_{{{target}}}[{real}] + \mathbb{{E}}_{{{made}}}[{fake}]"
                if self.tool.penalty:
                    norm = r"\|\nabla t_\phi\|"
                    text += rf" + {self.tool.penalty:g}\,\mathbb{{E}}[({norm}-1)^2]"
                return text
            if player not in self.movers:
                return ""
            text = rf"\mathbb{{E}}_{{{made}}}[{put(link.generator_tex)}]"
            if self.space == "features":
                text += rf" + \mathbb{{E}}_{{{target}}}[{put(link.reversed_tex)}]"
            return text
        if player not in self.movers:
            return ""
        if isinstance(self.tool, Likelihood):
            return rf"\mathbb{{E}}_{{{target}}}[-\log {made}]"
        if self.space == "z":
            return r"\mathbb{E}_{d(x)}[\mathrm{KL}(q_\eta(z|x)\,\|\,p(z))]"
        return rf"\mathrm{{KL}}({made}\,\|\,{target})"

    def row(self) -> tuple[str, ...]:
        tool = type(self.tool).__name__
        if isinstance(self.tool, Adversary):
            tool += f" ({self.tool.link})"
            stands = "on both sides" if self.space == "features" else LINKS[self.tool.link].model_stands
        else:
            stands = {KL: "first", Likelihood: "second"}[type(self.tool)]
        if "theta" not in self.movers:
            stands = f"absent (eta: {stands})"
        players = ", ".join(GREEK[p] for p in self.movers)
        if isinstance(self.tool, Adversary):
            players += f" against {GREEK['phi']}"
        return repr(self), self.space, tool, players, stands


@dataclass(frozen=True, repr=False)
class Reconstruct(Term):
    """Get a variable back after a round trip.

    "x": E_{d(x) q_η(z|x)}[-log p_θ(x|z)], the first term of Eq. ``eq-elbo`` (chapter 03);
    "z": E_{p(z) p_θ(x|z)}[-log q_η(z|x)].
    """

    variable: str
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    _place = "variable"
    reaches = ("theta", "eta")
    networks = ("encoder", "decoder")

    def __post_init__(self):
        if self.variable not in ("x", "z"):
            raise tools.unknown("variable", self.variable, ("x", "z"))
        self._check()

    def _arguments(self) -> str:
        return repr(self.variable)

    @property
    def name(self) -> str:
        return f"reconstruct {self.variable}{self._for}"

    def loss(self, world) -> Tensor:
        if self.variable == "x":
            return -world.x_again.log_prob(world.x).mean(-1)
        return -world.z_again.log_prob(world.z).mean(-1)

    def formula(self, player: str) -> str:
        if player not in self.movers:
            return ""
        if self.variable == "x":
            return r"\mathbb{E}_{d(x)\,q_\eta(z|x)}[-\log p_\theta(x|z)]"
        return r"\mathbb{E}_{p(z)\,p_\theta(x|z)}[-\log q_\eta(z|x)]"

    def row(self) -> tuple[str, ...]:
        stands, other = ("second", "first") if self.variable == "x" else ("first", "second")
        if "theta" not in self.movers:
            stands = f"absent (eta: {other})"
        return repr(self), self.variable, "reconstruction", ", ".join(GREEK[p] for p in self.movers), stands


@dataclass(frozen=True, repr=False)
class Classify(Term):
    """Name the class of a labelled example from its features: E_{p_θ(x,t|y=1)}[-log p_θ(t|x)].

    The features x and the classifier are both theta's; t is the label: Eq. ``def-classify`` (chapter 06).
    """

    weight: float = 1.0
    only: tuple[str, ...] | None = None
    place = "label"
    reaches = ("theta",)
    networks = ("features", "classifier")
    name = "classify"

    def __post_init__(self):
        self._check()

    def _arguments(self) -> str:
        return ""

    def loss(self, world) -> Tensor:
        return -world.model.classifier(world.features).log_prob(world.labels).mean(-1)

    def formula(self, player: str) -> str:
        return r"\mathbb{E}_{p_\theta(x,t|y=1)}[-\log p_\theta(t|x)]" if player == "theta" else ""

    def row(self) -> tuple[str, ...]:
        return repr(self), "label", "likelihood", GREEK["theta"], "second"


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


@dataclass(frozen=True)
class Phase:
    """These ``players`` descend the sum of these ``terms``; a critic's phase is repeated ``steps`` times."""

    players: tuple[str, ...]
    terms: tuple[Term, ...]
    critic: bool = False
    steps: int = 1

    def losses(self, world) -> dict[str, Tensor]:
        """The value of every term, unweighted, [*seeds]."""
        if self.critic:
            return {f"{t.name}, discriminator": t.critic_loss(world) for t in self.terms}
        return {t.name: t.loss(world) for t in self.terms}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """What the phase descends: the weighted sum, [*seeds]."""
        # The discriminator's own optimum does not depend on the weight of its term.
        weights = [1.0 if self.critic else t.weight for t in self.terms]
        return reduce(lambda a, b: a + b, (w * v for w, v in zip(weights, losses.values(), strict=True)))


def to_dict(objective: Objective) -> list[dict]:
    """The objective as plain JSON values."""
    return [{"term": type(t).__name__, **asdict(t), **({"tool": {"name": type(t.tool).__name__, **asdict(t.tool)}}
             if isinstance(t, Match) else {})} for t in objective.terms]  # fmt: skip


def from_dict(terms: list[dict]) -> Objective:
    """The inverse of ``to_dict``. Raises ValueError for a term or tool that does not exist."""
    built = []
    for entry in map(dict, terms):
        kinds = {"Match": Match, "Reconstruct": Reconstruct, "Classify": Classify}
        kind = kinds.get(name := entry.pop("term", None))
        if kind is None:
            raise tools.unknown("term", name, kinds)
        if entry.get("only") is not None:
            entry["only"] = tuple(entry["only"])
        if kind is Match:
            tool = dict(entry["tool"])
            known = {"KL": KL, "Likelihood": Likelihood, "Adversary": Adversary}
            if (name := tool.pop("name")) not in known:
                raise tools.unknown("tool", name, known)
            entry["tool"] = known[name](**tool)
        built.append(kind(**entry))
    return Sum.of(*built)
