"""The terms of which objectives are sums; one more, ``Bound``, is in ``operators``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ..distributions.spaces import BOTH, SPACES, Space
from ..errors import check_choice
from ..figures.formula import Writer, expectation
from .contract import TOOLS, Term, Tool

if TYPE_CHECKING:
    from ..distributions.batch import Batch

__all__ = ["Match", "Reconstruct"]


@dataclass(frozen=True)
class Match(Term):
    """Make the model's distribution agree with its target in ``space``, a name in ``SPACES``, compared by ``tool``.

    With ``KL`` in z it is E_d KL(q_η(z|x) ‖ p(z)), the second term of Eq. ``eq-elbo`` (chapter 03); an adversary in z|x
    is that term for an encoder without a density (chapter 13). A player who makes samples of the target descends the
    discriminator's answers there with y reversed: eta in xz (chapter 13), and theta, who makes both sides, in features:
    Eq. ``eq-ada`` (chapter 06). Raises ValueError for an unknown space, and for a tool that cannot compare there.

    >>> from ganvae_lib import MMD, Match
    >>> print(10 * Match("z", MMD()))
    10 * Match('z', MMD('inverse multiquadric'))
      η descends 10 MMD²(q_η(z), p(z))
    """

    space: str
    tool: Tool
    takes_labels = True  # it can compare what is given a label

    def __post_init__(self) -> None:
        check_choice("space", self.space, SPACES)
        if not isinstance(self.tool, Tool):
            raise TypeError(f"the tool must be one of {', '.join(f'{t}()' for t in sorted(TOOLS))}, got {self.tool!r}.")
        if reason := self.tool.where(self.sides):
            raise ValueError(f"in {self.space} {reason}; got {self.tool!r}.")
        is_unlabelled = "other" in self.sides.reads
        if self.given and (is_unlabelled or not self.tool.takes_labels):
            reason = "the other domain has no labels" if is_unlabelled else f"{self.tool.title} sees no label"
            raise ValueError(
                f"{self.tool!r} in {self.space} cannot be told a label: {reason}; use KL or Adversary in x, z or xz."
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
    detail = property(lambda self: getattr(self.tool, "link", self.title))  # two adversaries differ by their links
    reaches = property(lambda self: tuple(p for p in BOTH if p in self.sides.made_by + self.sides.target_by))

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.sides.reads, *super().reads)

    @property
    def discriminator(self) -> str:
        name = self.sides.discriminator_given(self.given) if self.adversarial else ""
        return name.replace("discriminator", self.tool.network_name)

    @property
    def networks(self) -> tuple[str, ...]:
        networks = self.tool.networks(self.sides)
        return (*networks, self.discriminator) if self.adversarial else networks

    def loss(self, batch: Batch) -> Tensor:
        discriminator = batch.model.networks[self.discriminator] if self.adversarial else None
        return self.tool.loss(batch, self.sides, discriminator)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        target = tuple(sample.detach() for sample in batch.read(self.sides.target))
        made = tuple(sample.detach() for sample in batch.read(self.sides.made))
        return self.tool.discriminator_loss(batch.model.networks[self.discriminator], target, made, batch.noise)

    def model_stands(self, player: str) -> str:
        makes_both = player in self.sides.made_by and player in self.sides.target_by
        return "on both sides" if makes_both else self.tool.model_stands

    def swapped(self) -> Term:
        return self.mirrored(space=self.sides.mirror) if self.sides.mirror else super().swapped()

    @property
    def gradient_through(self) -> str | None:
        if self.tool.explicit or "decoder" not in self.sides.networks:
            return None
        return "mean" if self.sides.sees == ("x",) else "sample"

    def formula(self, writer: Writer, player: str) -> str:
        return self.tool.formula(writer, self.sides, player)

    @property
    def compared(self) -> tuple[str, ...]:
        return () if self.tool.explicit else tuple(dict.fromkeys((*self.sides.sees, *self.sides.made_arguments)))

    @property
    def answer(self) -> tuple[str, str]:
        if self.tool.network_name != "discriminator" or not self.adversarial:
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
    reaches = BOTH  # the players on whom the loss depends
    takes_labels = True  # it can compare what is given a label
    space = property(lambda self: self.variable)

    def __post_init__(self) -> None:
        check_choice("variable", self.variable, ("x", "z"))
        check_choice("place to compare in", self.within, (None, "discriminator"))
        if self.within and self.given:
            raise ValueError("a reconstruction within the discriminator cannot be told a label; leave one of them out.")
        super().__post_init__()

    discriminator = property(lambda self: SPACES[self.variable].discriminator if self.within else "")
    networks = property(lambda self: ("encoder", "decoder") + ((self.discriminator,) if self.within else ()))
    needs_decoder_density = property(lambda self: self.variable == "x" and not self.within)
    gradient_through = property(lambda self: "sample" if self.variable == "z" and "theta" in self.movers else None)

    def loss(self, batch: Batch) -> Tensor:
        if self.within:
            layer = batch.model.networks[self.discriminator].hidden
            value, back = batch.read((self.variable, f"{self.variable}_back"))  # such as x and its reconstruction
            return (layer(value) - layer(back)).square().flatten(len(batch.noise.seeds_shape) + 1).sum(-1).mean(-1) / 2
        if self.variable == "x":
            return -batch.x_again.log_prob(batch.x).mean(-1)
        return -batch.z_again.log_prob(batch.z).mean(-1)

    def model_stands(self, player: str) -> str:
        if self.within:
            return super().model_stands(player)
        return "second" if (player, self.variable) in (("theta", "x"), ("eta", "z")) else "first"

    def swapped(self) -> Term:
        return self.mirrored(variable=SPACES[self.variable].mirror)

    def formula(self, writer: Writer, player: str) -> str:
        v = self.variable
        if self.within:
            return expectation(SPACES[f"{v} again"].made_law(writer), rf"\tfrac12\|h_\phi({v})-h_\phi(\hat {v})\|^2")
        if v == "x":
            return expectation(writer.product(writer.d, writer.q("z", "x")), rf"-\log {writer.p('x', 'z')}")
        return expectation(writer.made("p(z)", writer.p("x", "z")), rf"-\log {writer.q('z', 'x')}")

    title = property(lambda self: f"reconstruction in the {self.within}" if self.within else "reconstruction")
    detail = property(lambda self: self.within or "likelihood")
