r"""The terms of which objectives are sums.

    Match(space, tool)     make the model agree with its target in a space: "x", "z", or "features" of two domains
    Reconstruct(variable)  get "x" back after a round trip through the code, or "z" through the sample
    Classify()             name the class of a labelled example from its features
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from . import tools
from .formula import GREEK
from .objective import Objective, Sum, Term
from .tools import KL, LINKS, LOGISTIC, Adversary, Likelihood

__all__ = ["Classify", "Match", "Reconstruct", "from_dict", "to_dict"]

SPACES = ("x", "z", "features")
MAKER = {"x": ("theta",), "z": ("eta",), "features": ("theta",)}  # who makes the model's sample in a space
# Features are written x, as in chapter 06: there x is what theta makes of an example, and y is its domain.
_TARGET = {"x": "d(x)", "z": "p(z)", "features": r"p_\theta(x|y=1)"}
_MODEL = {"x": r"p_\theta(x)", "z": r"q_\eta(z)", "features": r"p_\theta(x|y=0)"}


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
    def adversarial(self) -> bool:
        return isinstance(self.tool, Adversary)

    @property
    def needs(self) -> tuple[str, ...]:
        return ("other",) if self.space == "features" else ()

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
    "z": E_{p(z) p_θ(x|z)}[-log q_η(z|x)]. Each for one player ``only``: the wake phase (``def-wake``, chapter 09) and
    the sleep phase (``def-sleep``, chapter 09).
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
    needs = ("labels",)
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
