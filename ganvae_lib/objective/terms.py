r"""The terms of which objectives are sums.

Match(space, tool)       make the model agree with its target in a space
Reconstruct(variable)    get "x" back after a round trip through the code, or "z" through the sample
Unpredictable(variable)  make each unit of a code unpredictable from the others
Classify()               name the class of a labelled example from its features, or from itself
Bound(k)                 the k-sample bound of the log-likelihood (``bound``)
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from ..errors import unknown
from .algebra import Objective, Sum, Term
from .bound import Bound
from .formula import GREEK
from .links import LINKS, LOGISTIC, REVERSIBLE
from .spaces import BOTH, SPACES
from .tools import KL, MMD, TOOLS, Adversary, Likelihood, Summaries

__all__ = ["Classify", "Match", "Reconstruct", "Unpredictable", "from_dict", "to_dict"]


def _mean(law: str, loss: str, k: int | str) -> str:
    """E_law[loss], importance-weighted where k is not 1."""
    if k == 1:
        return rf"\mathbb{{E}}_{{{law}}}[{loss}]"
    number, law = "B" if k == "batch" else k, rf"({law})" if r"\," in law else law
    answer = re.sub(r"\b([xz])\b", r"\1_i", loss.removeprefix(r"-\log").strip())
    other = answer[3:-1] if answer.startswith("(1-") else f"(1-{answer})"
    weight = rf"\tilde w_i\propto {answer}/{other}"
    return rf"\mathbb{{E}}_{{{law}^{{{number}}}}}[-\sum_i\tilde w_i\,\log {answer};\,{weight}]"


@dataclass(frozen=True, repr=False)
class Match(Term):
    """Make the model's distribution agree with its target in ``space``, compared by ``tool``.

    "x"         generated data p_θ(x) with the data d(x); theta descends
    "z"         inferred codes q_η(z) with the prior p(z); eta descends. With ``KL`` the term is
                E_d KL(q_η(z|x) ‖ p(z)), the second term of Eq. ``eq-elbo`` (chapter 03)
    "xz"        generated pairs p(z) p_θ(x|z) with inferred pairs d(x) q_η(z|x); each player makes one side and
                descends the discriminator's answers there, eta with y reversed (chapter 13)
    "z|x"       inferred pairs with independent ones, d(x) p(z); eta descends. The density ratio is p(z)/q_η(z|x), so
                this is the KL term of the VAE for an encoder without a density (chapter 13). "x|z" is its mirror
    "x again"   reconstructions with the data, judged by the discriminator of x; theta and eta descend (chapter 13).
                "z again" is its mirror
    "features"  features of the other domain (y=0) with the source's (y=1), both made by theta, who descends the
                discriminator's answers with y reversed in both: Eq. ``eq-ada`` (chapter 06)

    Raises ValueError for an unknown space, and for a tool that cannot compare there.
    """

    space: str
    tool: KL | Likelihood | Adversary | MMD | Summaries
    weight: float = 1.0
    only: tuple[str, ...] | None = None
    given: str | None = None
    _place = "space"

    def __post_init__(self):
        if self.space not in SPACES:
            raise unknown("space", self.space, SPACES)
        if not isinstance(self.tool, tuple(TOOLS.values())):
            raise TypeError(f"the tool must be one of {', '.join(f'{t}()' for t in TOOLS)}, got {self.tool!r}.")
        if SPACES[self.space].target_by:
            links = LOGISTIC if self.space == "features" else REVERSIBLE
            if isinstance(self.tool, KL | Likelihood) or getattr(self.tool, "link", links[0]) not in links:
                raise ValueError(
                    f"in {self.space} both sides are samples that move, so the tool must be MMD, Summaries or an "
                    f"Adversary with a link that can be reversed, {', '.join(links)}; got {self.tool!r}."
                )
        elif isinstance(self.tool, KL | Likelihood) and self.space not in ("x", "z"):
            raise ValueError(f"in {self.space} there are only samples to compare; use Adversary, MMD or Summaries.")
        if self.given and (self.space == "features" or not isinstance(self.tool, KL | Adversary)):
            why = "the other domain has no labels" if self.space == "features" else f"{self.tool.title} sees no label"
            raise ValueError(
                f"{self.tool!r} in {self.space} cannot be told a label: {why}; use KL or Adversary in x, z or xz."
            )
        self._check()

    def _arguments(self) -> str:
        return f"{self.space!r}, {self.tool!r}"

    @property
    def reaches(self) -> tuple[str, ...]:
        of = SPACES[self.space]
        return tuple(p for p in BOTH if p in of.made_by + of.target_by)

    @property
    def gradient_through(self) -> str | None:
        of = SPACES[self.space]
        if "decoder" not in of.networks or isinstance(self.tool, KL | Likelihood):
            return None
        return "mean" if of.sees == ("x",) else "sample"

    @property
    def adversarial(self) -> bool:
        return isinstance(self.tool, Adversary)

    @property
    def steps(self) -> int:
        return getattr(self.tool, "steps", 0)

    @property
    def reads(self) -> tuple[str, ...]:
        return (*(["other"] if self.space == "features" else []), *(["labels"] if self.given else []))

    @property
    def discriminator(self) -> str:
        """The discriminator that the term asks."""
        return SPACES[self.space].discriminator + (f"_given_{self.given}" if self.given else "")

    @property
    def networks(self) -> tuple[str, ...]:
        if isinstance(self.tool, Likelihood) and self.space == "x":
            return ("density",)
        return (*SPACES[self.space].networks, *((self.discriminator,) if self.adversarial else ()))

    @property
    def name(self) -> str:
        """The key of the term's loss in a run's history."""
        return f"match {self.space}{self._for}"

    @property
    def detail(self) -> str:
        """What tells the term from another of the same name."""
        return getattr(self.tool, "link", self.tool.title)

    def discriminator_loss(self, world) -> Tensor:
        """The discriminator's loss (Eq. ``eq-gan-value``, chapter 04), [*seeds]; the samples carry no gradient."""
        of = SPACES[self.space]
        target, made = (tuple(v.detach() for v in world.read(side)) for side in (of.target, of.made))
        return self.tool.critic(world.model.networks[self.discriminator], target, made, world.noise)

    def loss(self, world) -> Tensor:
        """The loss of the players who make the samples, [*seeds], in nats where the tool measures nats."""
        of = SPACES[self.space]
        match self.tool, self.space:
            case Adversary(), _:
                both = world.read(of.target) if of.target_by else None
                return self.tool.generator(
                    world.model.networks[self.discriminator], world.read(of.made), both, world.noise.share
                )
            case MMD() | Summaries(), _:
                return self.tool.loss(world.read(of.target), world.read(of.made), len(world.noise.seeds_shape))
            case KL(), "z":
                q = world.q_z_given_x
                try:
                    return kl_divergence(q, world.model.prior().expand(q.batch_shape)).mean(-1)
                except NotImplementedError:
                    pass  # an encoder without a density
            case Likelihood(), "x":
                return -world.model.density().log_prob(world.x).mean(-1)
        needs = "densities" if isinstance(self.tool, KL) else "the model's density"
        raise TypeError(f"{self!r} needs {needs} in {self.space}, which are not known; use Adversary() there.")

    def formula(self, player: str) -> str:
        of = SPACES[self.space]
        if isinstance(self.tool, Adversary):
            link = LINKS[self.tool.link]
            put = lambda tex, side: re.sub(r"(D|t)_\\phi", lambda m: m[0] + f"({of.arguments[side]})", tex)
            if player == "phi":
                if not self.tool.steps:
                    return ""
                real, fake = put(link.real_tex, 0), put(link.fake_tex, 1)
                text = rf"\mathbb{{E}}_{{{of.target_tex}}}[{real}] + \mathbb{{E}}_{{{of.made_tex}}}[{fake}]"
                if self.tool.penalty:
                    norm = r"\|\nabla t_\phi\|"
                    text += rf" + {self.tool.penalty:g}\,\mathbb{{E}}[({norm}-1)^2]"
                return text
            sides = [_mean(of.made_tex, put(link.generator_tex, 1), self.tool.k)] * (player in of.made_by)
            sides += [_mean(of.target_tex, put(link.reversed_tex, 0), self.tool.k)] * (player in of.target_by)
            return " + ".join(sides) if player in self.movers else ""
        if player not in self.movers:
            return ""
        match self.tool:
            case Likelihood():
                return rf"\mathbb{{E}}_{{{of.target_tex}}}[-\log {of.made_tex}]"
            case MMD():
                return rf"\mathrm{{MMD}}^2({of.made_tex},\,{of.target_tex})"
            case Summaries():
                return rf"\|s({of.made_tex})-s({of.target_tex})\|^2"
        if self.space == "z":
            return r"\mathbb{E}_{d(x)}[\mathrm{KL}(q_\eta(z|x)\,\|\,p(z))]"
        return rf"\mathrm{{KL}}({of.made_tex}\,\|\,{of.target_tex})"

    def as_row(self) -> tuple[str, ...]:
        stands = "on both sides" if self.space == "features" else self.tool.stands
        if "theta" not in self.movers:
            stands = f"absent (eta: {stands})"
        players = ", ".join(GREEK[p] for p in self.movers)
        if isinstance(self.tool, Adversary):
            players += f" against {GREEK['phi']}"
        return repr(self), self.space, self.tool.title, players, stands


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
            raise unknown("variable", self.variable, ("x", "z"))
        if self.within not in (None, "discriminator"):
            raise unknown("place to compare in", self.within, ("discriminator",))
        if self.within and self.given:
            raise ValueError("a reconstruction within the discriminator cannot be told a label; leave one of them out.")
        self._check()

    def _arguments(self) -> str:
        return repr(self.variable) + (f", within={self.within!r}" if self.within else "")

    @property
    def networks(self) -> tuple[str, ...]:
        return ("encoder", "decoder", *((self.discriminator,) if self.within else ()))

    @property
    def explicit(self) -> bool:
        return self.variable == "x" and not self.within

    @property
    def gradient_through(self) -> str | None:
        return "sample" if self.variable == "z" and "theta" in self.movers else None

    @property
    def reads(self) -> tuple[str, ...]:
        return ("labels",) if self.given else ()

    @property
    def discriminator(self) -> str:
        return f"discriminator_{self.variable}"

    @property
    def name(self) -> str:
        return f"reconstruct {self.variable}{self._for}"

    @property
    def detail(self) -> str:
        return self.within or "likelihood"

    def loss(self, world) -> Tensor:
        if self.within:
            seen = world.model.networks[self.discriminator].hidden
            there, back = world.read((self.variable, f"{self.variable}_back"))
            return (seen(there) - seen(back)).square().flatten(len(world.noise.seeds_shape) + 1).sum(-1).mean(-1) / 2
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

    def as_row(self) -> tuple[str, ...]:
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
            raise unknown("variable", self.variable, ("x", "z"))
        self._check()

    def _arguments(self) -> str:
        return repr(self.variable)

    @property
    def reaches(self) -> tuple[str, ...]:
        return SPACES[self.variable].made_by

    @property
    def discriminator(self) -> str:
        return f"predictor_{self.variable}"

    @property
    def networks(self) -> tuple[str, ...]:
        return (*SPACES[self.variable].networks, self.discriminator)

    @property
    def name(self) -> str:
        return f"unpredictable {self.variable}"

    def _miss(self, world, sample: Tensor) -> Tensor:
        units = sample.flatten(len(world.noise.seeds_shape) + 1)
        return (units - world.model.networks[self.discriminator](units)).square().sum(-1).mean(-1) / 2

    def discriminator_loss(self, world) -> Tensor:
        """The predictor's loss, [*seeds]; the code carries no gradient."""
        return self._miss(world, world.read(SPACES[self.variable].made)[0].detach())

    def loss(self, world) -> Tensor:
        return -self._miss(world, world.read(SPACES[self.variable].made)[0])

    def formula(self, player: str) -> str:
        v = self.variable
        miss = rf"\mathbb{{E}}_{{{SPACES[v].made_tex}}}[\tfrac12\|{v}-\hat {v}_\phi\|^2]"
        return miss if player == "phi" else "-" + miss if player in self.movers else ""

    def as_row(self) -> tuple[str, ...]:
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
    reads = ("labels",)
    name = "classify"

    def __post_init__(self):
        if self.seen not in ("features", "x"):
            raise unknown("thing to classify by", self.seen, ("features", "x"))
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

    def as_row(self) -> tuple[str, ...]:
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
            raise unknown("term", name, kinds)
        if entry.get("only") is not None:
            entry["only"] = tuple(entry["only"])
        if kind is Match:
            tool = dict(entry["tool"])
            if (name := tool.pop("name")) not in TOOLS:
                raise unknown("tool", name, TOOLS)
            entry["tool"] = TOOLS[name](**tool)
        built.append(kind(**entry))
    return Sum.of(*built)
