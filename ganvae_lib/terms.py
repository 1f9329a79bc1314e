r"""The terms of which objectives are sums.

Match(space, tool)       make the model agree with its target in a space
Reconstruct(variable)    get "x" back after a round trip through the code, or "z" through the sample
Unpredictable(variable)  make each unit of a code unpredictable from the others
Classify()               name the class of a labelled example from its features, or from itself
Bound(k)                 the k-sample bound of the log-likelihood (``bound``)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import Tensor

from . import tools
from .bound import Bound
from .formula import GREEK
from .match import BOTH, SPACES, Match
from .objective import Objective, Sum, Term
from .tools import TOOLS

__all__ = ["Bound", "Classify", "Match", "Reconstruct", "Unpredictable", "from_dict", "to_dict"]


@dataclass(frozen=True, repr=False)
class Reconstruct(Term):
    """Get a variable back after a round trip.

    "x": E_{d(x) q_η(z|x)}[-log p_θ(x|z)], the first term of Eq. ``eq-elbo`` (chapter 03);
    "z": E_{p(z) p_θ(x|z)}[-log q_η(z|x)]. Each for one player ``only``: the wake phase (``def-wake``, chapter 09) and
    the sleep phase (``def-sleep``, chapter 09).
    ``within="discriminator"`` compares what the discriminator's last layer sees instead, E[½‖h_φ(x) - h_φ(x̂)‖²]:
    Eq. ``eq-feature-reconstruction`` (chapter 13). The discriminator does not descend it.
    """

    variable: str
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    within: str | None = None
    given: str | None = None
    _place = "variable"
    reaches = BOTH

    def __post_init__(self):
        if self.variable not in ("x", "z"):
            raise tools.unknown("variable", self.variable, ("x", "z"))
        if self.within not in (None, "discriminator"):
            raise tools.unknown("place to compare in", self.within, ("discriminator",))
        if self.within and self.given:
            raise ValueError("a reconstruction within the discriminator cannot be told a label; leave one of them out.")
        self._check()

    def _arguments(self) -> str:
        return repr(self.variable) + (f", within={self.within!r}" if self.within else "")

    @property
    def networks(self) -> tuple[str, ...]:
        return ("encoder", "decoder", *((self.judge,) if self.within else ()))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("labels",) if self.given else ()

    @property
    def judge(self) -> str:
        return f"discriminator_{self.variable}"

    @property
    def name(self) -> str:
        return f"reconstruct {self.variable}{self._for}"

    @property
    def detail(self) -> str:
        return self.within or "likelihood"

    def loss(self, world) -> Tensor:
        if self.within:
            seen = world.model.networks[self.judge].hidden
            there, back = world.read((self.variable, f"{self.variable}_back"))
            return (seen(there) - seen(back)).square().flatten(len(world.noise.lead) + 1).sum(-1).mean(-1) / 2
        if self.variable == "x":
            return -world.x_again.log_prob(world.x).mean(-1)
        return -world.z_again.log_prob(world.z).mean(-1)

    def formula(self, player: str) -> str:
        if player not in self.movers:
            return ""
        if self.within:
            v, space = self.variable, SPACES[f"{self.variable} again"]
            return rf"\mathbb{{E}}_{{{space.made_tex}}}[\tfrac12\|h_\phi({v})-h_\phi(\hat {v})\|^2]"
        if self.variable == "x":
            return r"\mathbb{E}_{d(x)\,q_\eta(z|x)}[-\log p_\theta(x|z)]"
        return r"\mathbb{E}_{p(z)\,p_\theta(x|z)}[-\log q_\eta(z|x)]"

    def row(self) -> tuple[str, ...]:
        stands, other = ("second", "first") if self.variable == "x" else ("first", "second")
        if self.within:
            stands = other = "neither: not a KL"
        if "theta" not in self.movers:
            stands = f"absent (eta: {other})"
        how = f"reconstruction{f' in the {self.within}' if self.within else ''}"
        return repr(self), self.variable, how, ", ".join(GREEK[p] for p in self.movers), stands


@dataclass(frozen=True, repr=False)
class Unpredictable(Term):
    """Make each unit of a code unpredictable from the others: predictability minimisation (Schmidhuber, 1992).

    A predictor φ descends Σ_i E[½(z_i - ẑ_i(z_{-i}))²] and the maker of z ascends it: Eq. ``eq-predictability``
    (chapter 11). It wants codes with bounded units, codes="unit": otherwise growing is the cheapest way to surprise.
    """

    variable: str = "z"
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    _place = "variable"
    adversarial = True
    steps = 1
    detail = "predictor"

    def __post_init__(self):
        if self.variable not in ("x", "z"):
            raise tools.unknown("variable", self.variable, ("x", "z"))
        self._check()

    def _arguments(self) -> str:
        return repr(self.variable)

    @property
    def reaches(self) -> tuple[str, ...]:
        return SPACES[self.variable].made_by

    @property
    def judge(self) -> str:
        return f"predictor_{self.variable}"

    @property
    def networks(self) -> tuple[str, ...]:
        return (*SPACES[self.variable].networks, self.judge)

    @property
    def name(self) -> str:
        return f"unpredictable {self.variable}"

    def _miss(self, world, sample: Tensor) -> Tensor:
        units = sample.flatten(len(world.noise.lead) + 1)
        return (units - world.model.networks[self.judge](units)).square().sum(-1).mean(-1) / 2

    def critic_loss(self, world) -> Tensor:
        """The predictor's loss, [*seeds]; the code carries no gradient."""
        return self._miss(world, world.read(SPACES[self.variable].made)[0].detach())

    def loss(self, world) -> Tensor:
        return -self._miss(world, world.read(SPACES[self.variable].made)[0])

    def formula(self, player: str) -> str:
        v = self.variable
        miss = rf"\mathbb{{E}}_{{{SPACES[v].made_tex}}}[\tfrac12\|{v}-\hat {v}_\phi\|^2]"
        return miss if player == "phi" else "-" + miss if player in self.movers else ""

    def row(self) -> tuple[str, ...]:
        who = ", ".join(GREEK[p] for p in self.movers) + f" against {GREEK['phi']}"
        stands = "neither: not a KL" if "theta" in self.movers else "absent (eta: neither: not a KL)"
        return repr(self), self.variable, "predictor", who, stands


@dataclass(frozen=True, repr=False)
class Classify(Term):
    """Name the class t of a labelled example.

    "features": from its features x, E_{p_θ(x,t|y=1)}[-log p_θ(t|x)]; the features and the classifier are both theta's:
    Eq. ``def-classify`` (chapter 06). "x": from the example itself, E_{d(x,t)}[-log q_η(t|x)]; the label is a part of
    the code, and eta infers it: Eq. ``eq-svae`` (chapter 17).
    """

    weight: float = 1.0
    only: tuple[str, ...] | None = None
    seen: str = "features"
    place = "label"
    needs = ("labels",)
    name = "classify"

    def __post_init__(self):
        if self.seen not in ("features", "x"):
            raise tools.unknown("thing to classify by", self.seen, ("features", "x"))
        self._check()

    def _arguments(self) -> str:
        return "" if self.seen == "features" else f"seen={self.seen!r}"

    @property
    def reaches(self) -> tuple[str, ...]:
        return ("theta",) if self.seen == "features" else ("eta",)

    @property
    def networks(self) -> tuple[str, ...]:
        return ("features", "classifier") if self.seen == "features" else ("labeller",)

    def loss(self, world) -> Tensor:
        model = world.model
        named = model.classifier(world.features) if self.seen == "features" else model.labeller(world.x)
        return -named.log_prob(world.labels).mean(-1)

    def formula(self, player: str) -> str:
        if player not in self.movers:
            return ""
        if self.seen == "x":
            return r"\mathbb{E}_{d(x,t)}[-\log q_\eta(t|x)]"
        return r"\mathbb{E}_{p_\theta(x,t|y=1)}[-\log p_\theta(t|x)]"

    def row(self) -> tuple[str, ...]:
        return (
            repr(self),
            "label",
            "likelihood",
            GREEK[self.reaches[0]],
            "second" if self.seen == "features" else ("absent (eta: second)"),
        )


def to_dict(objective: Objective) -> list[dict]:
    """The objective as plain JSON values."""
    return [
        {
            "term": type(t).__name__,
            **asdict(t),
            **({"tool": {"name": type(t.tool).__name__, **asdict(t.tool)}} if isinstance(t, Match) else {}),
        }
        for t in objective.terms
    ]


def from_dict(terms: list[dict]) -> Objective:
    """The inverse of ``to_dict``. Raises ValueError for a term or tool that does not exist."""
    built = []
    for entry in map(dict, terms):
        kinds = {kind.__name__: kind for kind in (Match, Reconstruct, Unpredictable, Classify, Bound)}
        kind = kinds.get(name := entry.pop("term", None))
        if kind is None:
            raise tools.unknown("term", name, kinds)
        if entry.get("only") is not None:
            entry["only"] = tuple(entry["only"])
        if kind is Match:
            tool = dict(entry["tool"])
            if (name := tool.pop("name")) not in TOOLS:
                raise tools.unknown("tool", name, TOOLS)
            entry["tool"] = TOOLS[name](**tool)
        built.append(kind(**entry))
    return Sum.of(*built)
