"""Match: the term that makes two distributions agree, and the spaces in which it can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor
from torch.distributions import kl_divergence

from . import tools
from .formula import GREEK
from .objective import Term
from .tools import KL, LINKS, LOGISTIC, MMD, REVERSIBLE, TOOLS, Adversary, Likelihood, Summaries

__all__ = ["SPACES", "Match", "Space"]


class Space(NamedTuple):
    """What is compared in a space: variables of the ``World``, who makes them, who judges them, and how it is written.

    Both sides are samples; a side that nobody makes is given.
    """

    target: tuple[str, ...]
    made: tuple[str, ...]
    target_by: tuple[str, ...]
    made_by: tuple[str, ...]
    networks: tuple[str, ...]
    judge: str
    target_tex: str
    made_tex: str
    arguments: tuple[str, str]  # of the discriminator, on the two sides


BOTH = ("theta", "eta")
# Features are written x, as in chapter 06: there x is what theta makes of an example, and y is its domain.
SPACES = {
    "x": Space(
        ("x",), ("x_from_z",), (), ("theta",), ("decoder",), "discriminator_x", "d(x)", r"p_\theta(x)", ("x", "x")
    ),
    "z": Space(("z",), ("z_from_x",), (), ("eta",), ("encoder",), "discriminator_z", "p(z)", r"q_\eta(z)", ("z", "z")),
    "features": Space(
        ("features",),
        ("other_features",),
        ("theta",),
        ("theta",),
        ("features",),
        "discriminator_features",
        r"p_\theta(x|y=1)",
        r"p_\theta(x|y=0)",
        ("x", "x"),
    ),
    "xz": Space(
        ("x", "z_from_x"),
        ("x_from_z", "z"),
        ("eta",),
        ("theta",),
        ("encoder", "decoder"),
        "discriminator_xz",
        r"d(x)\,q_\eta(z|x)",
        r"p(z)\,p_\theta(x|z)",
        ("x,z", "x,z"),
    ),
    "x|z": Space(
        ("x", "z"),
        ("x_from_z", "z"),
        (),
        ("theta",),
        ("decoder",),
        "discriminator_x_given_z",
        "d(x)\\,p(z)",
        r"p(z)\,p_\theta(x|z)",
        ("x|z", "x|z"),
    ),
    "z|x": Space(
        ("x", "z"),
        ("x", "z_from_x"),
        (),
        ("eta",),
        ("encoder",),
        "discriminator_z_given_x",
        "d(x)\\,p(z)",
        r"d(x)\,q_\eta(z|x)",
        ("z|x", "z|x"),
    ),
    "x again": Space(
        ("x",),
        ("x_back",),
        (),
        BOTH,
        ("encoder", "decoder"),
        "discriminator_x",
        "d(x)",
        r"d(x)\,q_\eta(z|x)\,p_\theta(\hat x|z)",
        ("x", r"\hat x"),
    ),
    "z again": Space(
        ("z",),
        ("z_back",),
        (),
        BOTH,
        ("encoder", "decoder"),
        "discriminator_z",
        "p(z)",
        r"p(z)\,p_\theta(x|z)\,q_\eta(\hat z|x)",
        ("z", r"\hat z"),
    ),
}


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
            raise tools.unknown("space", self.space, SPACES)
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
    def adversarial(self) -> bool:
        return isinstance(self.tool, Adversary)

    @property
    def steps(self) -> int:
        return getattr(self.tool, "steps", 0)

    @property
    def needs(self) -> tuple[str, ...]:
        return (*(["other"] if self.space == "features" else []), *(["labels"] if self.given else []))

    @property
    def judge(self) -> str:
        """The discriminator that the term asks."""
        return SPACES[self.space].judge + (f"_given_{self.given}" if self.given else "")

    @property
    def networks(self) -> tuple[str, ...]:
        if isinstance(self.tool, Likelihood) and self.space == "x":
            return ("density",)
        return (*SPACES[self.space].networks, *((self.judge,) if self.adversarial else ()))

    @property
    def name(self) -> str:
        """The key of the term's loss in a run's history."""
        return f"match {self.space}{self._for}"

    @property
    def detail(self) -> str:
        """What tells the term from another of the same name."""
        return getattr(self.tool, "link", self.tool.title)

    def critic_loss(self, world) -> Tensor:
        """The discriminator's loss (Eq. ``eq-gan-value``, chapter 04), [*seeds]; the samples carry no gradient."""
        of = SPACES[self.space]
        target, made = (tuple(v.detach() for v in world.read(side)) for side in (of.target, of.made))
        return self.tool.critic(world.model.networks[self.judge], target, made, world.noise)

    def loss(self, world) -> Tensor:
        """The loss of the players who make the samples, [*seeds], in nats where the tool measures nats."""
        of = SPACES[self.space]
        match self.tool, self.space:
            case Adversary(), _:
                both = world.read(of.target) if of.target_by else None
                return self.tool.generator(
                    world.model.networks[self.judge], world.read(of.made), both, world.noise.share
                )
            case MMD() | Summaries(), _:
                return self.tool.loss(world.read(of.target), world.read(of.made), len(world.noise.lead))
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

    def row(self) -> tuple[str, ...]:
        stands = "on both sides" if self.space == "features" else self.tool.stands
        if "theta" not in self.movers:
            stands = f"absent (eta: {stands})"
        players = ", ".join(GREEK[p] for p in self.movers)
        if isinstance(self.tool, Adversary):
            players += f" against {GREEK['phi']}"
        return repr(self), self.space, self.tool.title, players, stands
