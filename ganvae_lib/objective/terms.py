r"""The terms of which objectives are sums.

Match(space, tool)       make the model agree with its target in a space
Reconstruct(variable)    get "x" back after a round trip through the code, or "z" through the sample
Unpredictable(variable)  make each unit of a code unpredictable from the others
Classify()               name the class of a labelled example from its features, or from itself
Bound(k)                 the k-sample bound of the log-likelihood (``operators``)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ..errors import unknown
from ..figures.formula import Writer, expectation
from .contract import TOOLS, Term, Tool, from_dict, to_dict
from .spaces import BOTH, SPACES, Space

if TYPE_CHECKING:
    from ..distributions.world import World

__all__ = ["Classify", "Match", "Reconstruct", "Unpredictable", "from_dict", "to_dict"]


@dataclass(frozen=True)
class Match(Term):
    """Make the model's distribution agree with its target in ``space``, compared by ``tool``.

    "x"         generated data p_θ(x) with the data d(x); theta descends
    "z"         inferred codes q_η(z) with the prior p(z); eta descends. With ``KL`` the term is
                E_d KL(q_η(z|x) ‖ p(z)), the second term of Eq. ``eq-elbo`` (chapter 03)
    "xz"        generated pairs p(z) p_θ(x|z) with inferred pairs d(x) q_η(z|x); each player makes one side and
                descends the discriminator's answers there, eta with y reversed (chapter 13)
    "z|x"       inferred pairs with independent ones, d(x) p(z); eta descends. The density ratio is p(z)/q_η(z|x), so
                this is the KL term of the VAE for an encoder without a density (chapter 13). "x|z" is its mirror
    "x again"   reconstructions with the data, told apart by the discriminator of x; theta and eta descend (chapter 13).
                "z again" is its mirror
    "features"  features of the other domain (y=0) with the source's (y=1), both made by theta, who descends the
                discriminator's answers with y reversed in both: Eq. ``eq-ada`` (chapter 06)

    Raises ValueError for an unknown space, and for a tool that cannot compare there.

    >>> from ganvae_lib import MMD, Match
    >>> print(10 * Match("z", MMD()))
    10 * Match('z', MMD('inverse multiquadric'))
      η descends 10 MMD²(q_η(z), p(z))
    """

    space: str
    tool: Tool
    takes_labels = True

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise unknown("space", self.space, SPACES)
        if not isinstance(self.tool, Tool):
            raise TypeError(f"the tool must be one of {', '.join(f'{t}()' for t in TOOLS)}, got {self.tool!r}.")
        if reason := self.tool.where(self.sides):
            raise ValueError(f"in {self.space} {reason}; got {self.tool!r}.")
        unlabelled = "other" in self.sides.reads
        if self.given and (unlabelled or not self.tool.takes_labels):
            why = "the other domain has no labels" if unlabelled else f"{self.tool.title} sees no label"
            raise ValueError(
                f"{self.tool!r} in {self.space} cannot be told a label: {why}; use KL or Adversary in x, z or xz."
            )
        super().__post_init__()

    @property
    def sides(self) -> Space:
        """The two sides that are compared."""
        return SPACES[self.space]

    adversarial = property(lambda self: self.tool.adversarial)
    steps = property(lambda self: self.tool.steps)
    whole_batches = property(lambda self: self.tool.whole_batches)
    title = property(lambda self: self.tool.title)
    detail = property(lambda self: self.tool.detail)
    reaches = property(lambda self: tuple(p for p in BOTH if p in self.sides.made_by + self.sides.target_by))

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.sides.reads, *super().reads)

    discriminator = property(lambda self: self.sides.discriminator_given(self.given) if self.adversarial else "")

    @property
    def networks(self) -> tuple[str, ...]:
        networks = self.tool.networks(self.sides)
        return (*networks, self.discriminator) if self.adversarial else networks

    def loss(self, world: World) -> Tensor:
        discriminator = world.model.networks[self.discriminator] if self.adversarial else None
        return self.tool.loss(world, self.sides, discriminator)

    def discriminator_loss(self, world: World) -> Tensor:
        target, made = (tuple(v.detach() for v in world.read(side)) for side in (self.sides.target, self.sides.made))
        return self.tool.discriminator_loss(world.model.networks[self.discriminator], target, made, world.noise)

    def model_stands(self, player: str) -> str:
        both = player in self.sides.made_by and player in self.sides.target_by
        return "on both sides" if both else self.tool.model_stands

    def swapped(self) -> Term:
        return self.mirrored(space=self.sides.mirror)

    @property
    def gradient_through(self) -> str | None:
        if self.tool.explicit or "decoder" not in self.sides.networks:
            return None
        return "mean" if self.sides.sees == ("x",) else "sample"

    def formula(self, w: Writer, player: str) -> str:
        return self.tool.formula(w, self.sides, player)

    @property
    def compared(self) -> tuple[str, ...]:
        return () if self.tool.explicit else tuple(dict.fromkeys((*self.sides.sees, *self.sides.made_arguments)))

    @property
    def answer(self) -> tuple[str, str]:
        if not self.adversarial:
            return r"\approx", self.title
        arguments = Writer(self.given).at(self.sides.arguments, self.sides.separator).arguments
        return "y", rf"$D_\phi({arguments})$" if self.sides.separator == "|" else rf"$q_\phi(y|{arguments})$"


@dataclass(frozen=True)
class Reconstruct(Term):
    """Get a variable back after a round trip.

    "x": E_{d(x) q_η(z|x)}[-log p_θ(x|z)], the first term of Eq. ``eq-elbo`` (chapter 03);
    "z": E_{p(z) p_θ(x|z)}[-log q_η(z|x)]. Each for one player ``only``: the wake phase (``def-wake``, chapter 09) and
    the sleep phase (``def-sleep``, chapter 09).
    ``within="discriminator"`` compares what the discriminator's last layer sees instead, E[½‖h_φ(x) - h_φ(x̂)‖²]:
    Eq. ``eq-feature-reconstruction`` (chapter 13). The discriminator does not descend it.

    >>> from ganvae_lib import Reconstruct
    >>> print(Reconstruct("z", only=("eta",)))
    Reconstruct('z', only=('eta',))
      η descends E_{p(z) p_θ(x|z)}[-log q_η(z|x)]
    """

    variable: str
    within: str | None = None
    reaches = BOTH
    takes_labels = True
    space = property(lambda self: self.variable)

    def __post_init__(self) -> None:
        if self.variable not in ("x", "z"):
            raise unknown("variable", self.variable, ("x", "z"))
        if self.within not in (None, "discriminator"):
            raise unknown("place to compare in", self.within, ("discriminator",))
        if self.within and self.given:
            raise ValueError("a reconstruction within the discriminator cannot be told a label; leave one of them out.")
        super().__post_init__()

    discriminator = property(lambda self: SPACES[self.variable].discriminator if self.within else "")
    networks = property(lambda self: ("encoder", "decoder") + ((self.discriminator,) if self.within else ()))
    needs_decoder_density = property(lambda self: self.variable == "x" and not self.within)
    gradient_through = property(lambda self: "sample" if self.variable == "z" and "theta" in self.movers else None)

    def loss(self, world: World) -> Tensor:
        if self.within:
            seen = world.model.networks[self.discriminator].hidden
            there, back = world.read((self.variable, f"{self.variable}_back"))
            return (seen(there) - seen(back)).square().flatten(len(world.noise.seeds_shape) + 1).sum(-1).mean(-1) / 2
        if self.variable == "x":
            return -world.x_again.log_prob(world.x).mean(-1)
        return -world.z_again.log_prob(world.z).mean(-1)

    def model_stands(self, player: str) -> str:
        if self.within:
            return super().model_stands(player)
        return "second" if (player, self.variable) in (("theta", "x"), ("eta", "z")) else "first"

    def swapped(self) -> Term:
        return self.mirrored(variable=SPACES[self.variable].mirror)

    def formula(self, w: Writer, player: str) -> str:
        v = self.variable
        if self.within:
            return expectation(SPACES[f"{v} again"].made_law(w), rf"\tfrac12\|h_\phi({v})-h_\phi(\hat {v})\|^2")
        if v == "x":
            return expectation(w.product(w.d, w.q("z", "x")), rf"-\log {w.p('x', 'z')}")
        return expectation(w.made("p(z)", w.p("x", "z")), rf"-\log {w.q('z', 'x')}")

    title = property(lambda self: f"reconstruction in the {self.within}" if self.within else "reconstruction")
    detail = property(lambda self: self.within or "likelihood")

    @property
    def remark(self) -> str:
        return rf"$h_\phi({self.variable})\approx h_\phi(\hat {self.variable})$" if self.within else ""


@dataclass(frozen=True)
class Unpredictable(Term):
    """Make each unit of a code unpredictable from the others: predictability minimisation (Schmidhuber, 1992).

    A predictor φ descends Σ_i E[½(z_i - ẑ_i(z_{-i}))²] and the maker of z ascends it: Eq. ``eq-predictability``
    (chapter 11). It wants codes with bounded units, codes="unit": otherwise growing is the cheapest way to surprise.

    >>> from ganvae_lib import Unpredictable
    >>> print(Unpredictable("z").explain())
    term                space  tool       players      where theta stands
    Unpredictable('z')  z      predictor  η against φ  absent (eta: neither: not a KL)
    """

    variable: str = "z"
    adversarial = True
    steps = 1
    detail = "predictor"
    title = "predictor"
    always_shown = ("variable",)
    space = property(lambda self: self.variable)

    def __post_init__(self) -> None:
        if self.variable not in ("x", "z"):
            raise unknown("variable", self.variable, ("x", "z"))
        super().__post_init__()

    reaches = property(lambda self: SPACES[self.variable].made_by)
    discriminator = property(lambda self: f"predictor_{self.variable}")
    networks = property(lambda self: (*SPACES[self.variable].networks, self.discriminator))

    def loss(self, world: World) -> Tensor:
        return -self._miss(world, *world.read(SPACES[self.variable].made))

    def discriminator_loss(self, world: World) -> Tensor:
        (sample,) = world.read(SPACES[self.variable].made)
        return self._miss(world, sample.detach())

    def _miss(self, world: World, sample: Tensor) -> Tensor:
        units = sample.flatten(len(world.noise.seeds_shape) + 1)
        return (units - world.model.networks[self.discriminator](units)).square().sum(-1).mean(-1) / 2

    def swapped(self) -> Term:
        return self.mirrored(variable=SPACES[self.variable].mirror)

    def formula(self, w: Writer, player: str) -> str:
        v = self.variable
        miss = expectation(SPACES[v].made_law(w), rf"\tfrac12\|{v}-\hat {v}_\phi\|^2")
        return miss if player == "phi" else f"-{miss}"

    compared = property(lambda self: (self.variable,))

    @property
    def answer(self) -> tuple[str, str]:
        v = self.variable
        return rf"\hat {v}", rf"$\hat {v}_\phi({v}_{{\backslash i}})$"


@dataclass(frozen=True)
class Classify(Term):
    """Name the class t of a labelled example.

    "features": from its features x, E_{p_θ(x,t|y=1)}[-log p_θ(t|x)]; the features and the classifier are both theta's:
    Eq. ``def-classify`` (chapter 06). "x": from the example itself, E_{d(x,t)}[-log q_η(t|x)]; the label is a part of
    the code, and eta infers it: Eq. ``eq-svae`` (chapter 17).

    >>> from ganvae_lib import Classify
    >>> print(Classify(seen="x"))
    Classify(seen='x')
      η descends E_{d(x,t)}[-log q_η(t|x)]
    """

    seen: str = "features"
    space = "label"
    reads = ("labels",)
    name = "classify"
    title = "likelihood"

    def __post_init__(self) -> None:
        if self.seen not in ("features", "x"):
            raise unknown("thing to classify by", self.seen, ("features", "x"))
        super().__post_init__()

    reaches = property(lambda self: ("theta",) if self.seen == "features" else ("eta",))
    networks = property(lambda self: ("features", "classifier") if self.seen == "features" else ("labeller",))

    def loss(self, world: World) -> Tensor:
        model = world.model
        named = model.classifier(world.features) if self.seen == "features" else model.labeller(world.x)
        return -named.log_prob(world.labels).mean(-1)

    def model_stands(self, player: str) -> str:
        return "second"

    def swapped(self) -> Term:
        return self

    def formula(self, w: Writer, player: str) -> str:
        if self.seen == "x":
            return expectation("d(x,t)", r"-\log q_\eta(t|x)")
        return expectation(r"p_\theta(x,t|y=1)", r"-\log p_\theta(t|x)")
