"""Spaces, tools and terms that few models need: MMD, Summaries; Unpredictable, Classify, Quantise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..distributions.spaces import BOTH, SPACES, Space
from ..errors import check_choice, check_int, check_real, check_reals
from ..figures.formula import Writer, expectation, number
from .contract import Network, Samples, Term, Tool, as_tuple

if TYPE_CHECKING:
    from ..distributions.batch import Batch

__all__ = ["Classify", "MMD", "Quantise", "Summaries", "Unpredictable"]


SPACES |= {
    "features": Space(  # of the other domain (y=0) with the source's (y=1); they are written x, as in chapter 06
        target=("features",),
        target_by=("theta",),
        target_law=lambda writer: r"p_\theta(x|y=1)",
        made=("other_features",),
        made_by=("theta",),
        made_law=lambda writer: r"p_\theta(x|y=0)",
        networks=("features",),
        sees=("features",),
        arguments=("x",),
        mirror="features",
        reads=("other",),
    ),
    "x again": Space(
        target=("x",),
        target_law=lambda writer: writer.d,
        made=("x_back",),
        made_by=BOTH,
        made_law=lambda writer: writer.product(writer.d, writer.q("z", "x"), writer.p(r"\hat x", "z")),
        sees=("x",),
        made_arguments=(r"\hat x",),
        mirror="z again",
    ),
    "z again": Space(
        target=("z",),
        target_law=lambda writer: writer.made("p(z)"),
        made=("z_back",),
        made_by=BOTH,
        made_law=lambda writer: writer.made("p(z)", writer.p("x", "z"), writer.q(r"\hat z", "x")),
        sees=("z",),
        made_arguments=(r"\hat z",),
        mirror="x again",
    ),
}


def _flatten_samples(samples: Samples, seeds_axes: int) -> Tensor:
    """Each example as one vector, [*seeds, batch, D]: all of its variables side by side."""
    return torch.cat([part.flatten(seeds_axes + 1) for part in as_tuple(samples)], -1)


_KERNELS = {  # functions of the squared distance ‖a - b‖² and of the width
    "gaussian": lambda square_distance, width: (-square_distance / (2 * width)).exp(),
    "inverse multiquadric": lambda square_distance, width: width / (width + square_distance),
}


@dataclass(frozen=True)
class MMD(Tool):
    """Maximum mean discrepancy, E k(a, a') + E k(b, b') - 2 E k(a, b): Eq. ``eq-mmd`` (chapter 14). No discriminator.

    kernel:  "gaussian" exp(-‖a - b‖²/2w) or "inverse multiquadric" w/(w + ‖a - b‖²).
    scales:  the kernel is the sum over these widths, w = 2 D s for samples in D dimensions: ‖a - b‖² is 2 D on average
             for two draws from N(0, 1). Data of another size want other scales.
    The estimate is unbiased (pairs of one sample with itself are left out), so it can be negative (Gretton et al.,
    2012). Raises ValueError for an unknown kernel or scales that are not positive, TypeError for a single example.

    >>> import torch
    >>> from ganvae_lib import MMD
    >>> print(f"{MMD('gaussian', (0.5,)).distance(torch.zeros(2, 1), torch.ones(2, 1)):.3f}")  # 2 - 2 exp(-1/2)
    0.787
    """

    kernel: str = "inverse multiquadric"
    scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    whole_batches = True  # it compares minibatches, not examples
    always_shown = ("kernel",)  # printed at its default, too

    def __post_init__(self) -> None:
        check_choice("kernel", self.kernel, _KERNELS)
        object.__setattr__(self, "scales", tuple(check_reals("scales", self.scales, above=0)))

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        return self.distance(batch.read(space.target), batch.read(space.made), len(batch.noise.seeds_shape))

    def distance(self, target: Samples, model: Samples, seeds_axes: int = 0) -> Tensor:
        """The unbiased estimate, [*seeds], of samples [*seeds, batch, *shape]; ``seeds_axes`` counts the first axes."""
        x_d, x_g = _flatten_samples(target, seeds_axes), _flatten_samples(model, seeds_axes)  # data d, model g
        if min(x_d.shape[seeds_axes], x_g.shape[seeds_axes]) < 2:
            raise TypeError("MMD compares pairs of examples; give minibatches of two or more.")
        # Distances by a product of matrices are small differences of large numbers: so centre them, and no bf16.
        centre = x_g.detach().mean(-2, keepdim=True)
        x_d, x_g = x_d - centre, x_g - centre
        with torch.autocast(x_d.device.type, enabled=False):
            return self._mean(x_d, x_d) + self._mean(x_g, x_g) - 2 * self._mean(x_d, x_g)

    def _mean(self, a: Tensor, b: Tensor) -> Tensor:
        """The mean of the kernel over pairs of a row of a and a row of b, each [*seeds, batch, D]."""
        square_norm = lambda rows: rows.square().sum(-1)
        square_distance = (square_norm(a).unsqueeze(-1) + square_norm(b).unsqueeze(-2) - 2 * a @ b.mT).clamp_min(0)
        kernel_sum = sum(_KERNELS[self.kernel](square_distance, 2 * a.shape[-1] * scale) for scale in self.scales)
        if a is not b:
            return kernel_sum.mean((-2, -1))
        n_rows = a.shape[-2]
        # Without the diagonal, the pairs of an example with itself: n (n - 1) pairs are left.
        return (kernel_sum.sum((-2, -1)) - kernel_sum.diagonal(dim1=-2, dim2=-1).sum(-1)) / (n_rows * (n_rows - 1))

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        return rf"\mathrm{{MMD}}^2({space.made_law(writer)},\,{space.target_law(writer)})"


_SUMMARIES = {"mean": lambda x: x.mean(-2), "variance": lambda x: x.var(-2)}  # over the batch, per dimension


@dataclass(frozen=True)
class Summaries(Tool):
    """Squared distance of summary statistics of two samples: Eq. ``eq-summaries`` (chapter 14).

    statistics:  of "mean" and "variance", per dimension. They see nothing else of a distribution.
    ``fit`` descends the distance (simulated moments; McFadden, 1989); where the simulator has no gradient,
    ``rejection.sample`` accepts parameters for which it is small (approximate Bayesian computation).
    Raises ValueError for an unknown statistic.

    >>> import torch
    >>> from ganvae_lib import Summaries
    >>> Summaries().distance(torch.zeros(2, 1), torch.full((2, 1), 3.0))
    tensor(9.)
    """

    statistics: tuple[str, ...] = ("mean", "variance")
    whole_batches = True  # it compares minibatches, not examples

    def __post_init__(self) -> None:
        names = self.statistics if isinstance(self.statistics, list | tuple) else ()
        if not names:
            raise ValueError(f"statistics must be a list of names, one or more, got {self.statistics!r}.")
        object.__setattr__(self, "statistics", tuple(check_choice("statistic", name, _SUMMARIES) for name in names))

    def __repr__(self) -> str:
        return "Summaries()" if self == Summaries() else f"Summaries({self.statistics!r})"

    def of(self, samples: Samples, seeds_axes: int = 0) -> Tensor:
        """s(x): the statistics side by side, [*seeds, number of statistics x D]."""
        flat_samples = _flatten_samples(samples, seeds_axes)
        return torch.cat([_SUMMARIES[name](flat_samples) for name in self.statistics], -1)

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        return self.distance(batch.read(space.target), batch.read(space.made), len(batch.noise.seeds_shape))

    def distance(self, target: Samples, model: Samples, seeds_axes: int = 0) -> Tensor:
        """‖s(target) - s(model)‖², [*seeds]."""
        return (self.of(target, seeds_axes) - self.of(model, seeds_axes)).square().sum(-1)

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        return rf"\|s({space.made_law(writer)})-s({space.target_law(writer)})\|^2"


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
    adversarial = True  # a discriminator comes with it
    steps = 1
    title = "predictor"
    always_shown = ("variable",)  # printed at its default, too
    space = property(lambda self: self.variable)

    def __post_init__(self) -> None:
        check_choice("variable", self.variable, ("x", "z"))
        super().__post_init__()

    reaches = property(lambda self: SPACES[self.variable].made_by)
    discriminator = property(lambda self: f"predictor_{self.variable}")
    networks = property(lambda self: (*SPACES[self.variable].networks, self.discriminator))

    def loss(self, batch: Batch) -> Tensor:
        (sample,) = batch.read(SPACES[self.variable].made)
        return -self._squared_error(batch, sample)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        (sample,) = batch.read(SPACES[self.variable].made)
        return self._squared_error(batch, sample.detach())

    def _squared_error(self, batch: Batch, sample: Tensor) -> Tensor:
        """Half the squared error of the predictor, [*seeds]."""
        units = sample.flatten(len(batch.noise.seeds_shape) + 1)
        predicted = batch.model.networks[self.discriminator](units)  # each unit from the others
        return (units - predicted).square().sum(-1).mean(-1) / 2

    def swapped(self) -> Term:
        return self.mirrored(variable=SPACES[self.variable].mirror)

    def formula(self, writer: Writer, player: str) -> str:
        letter = self.variable
        error = expectation(SPACES[letter].made_law(writer), rf"\tfrac12\|{letter}-\hat {letter}_\phi\|^2")
        return error if player == "phi" else f"-{error}"

    compared = property(lambda self: (self.variable,))

    @property
    def answer(self) -> tuple[str, str]:
        letter = self.variable
        return rf"\hat {letter}", rf"$\hat {letter}_\phi({letter}_{{\backslash i}})$"


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
        check_choice("thing to classify by", self.seen, ("features", "x"))
        super().__post_init__()

    reaches = property(lambda self: ("theta",) if self.seen == "features" else ("eta",))
    networks = property(lambda self: ("features", "classifier") if self.seen == "features" else ("labeller",))

    def loss(self, batch: Batch) -> Tensor:
        model = batch.model
        predicted = model.classifier(batch.features) if self.seen == "features" else model.labeller(batch.x)
        return -predicted.log_prob(batch.labels).mean(-1)

    def model_stands(self, player: str) -> str:
        return "second"

    def swapped(self) -> Term:
        return self

    def formula(self, writer: Writer, player: str) -> str:
        if self.seen == "x":
            return expectation("d(x,t)", r"-\log q_\eta(t|x)")
        return expectation(r"p_\theta(x,t|y=1)", r"-\log p_\theta(t|x)")


@dataclass(frozen=True)
class Quantise(Term):
    """Codes are the nearest of ``entries`` vectors, each of their ``parts`` on its own: Eq. ``eq-vq`` (chapter 20).

    E_d[‖sg(e) - z‖² + commitment ‖e - sg(z)‖²] of what the encoder says, e, and the nearest entries, z: the first moves
    these, the second the encoder (van den Oord et al., 2017). Raises ValueError for sizes that are not positive.

    >>> Quantise(64, parts=4)
    Quantise(entries=64, parts=4)
    """

    entries: int = 32
    parts: int = 1
    commitment: float = 0.25
    space, reaches, networks, title = "z", ("eta",), ("encoder",), "codebook"

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", check_int("entries", self.entries, least=2))
        object.__setattr__(self, "parts", check_int("parts", self.parts))
        object.__setattr__(self, "commitment", check_real("commitment", self.commitment, least=0))
        super().__post_init__()

    def loss(self, batch: Batch) -> Tensor:
        encoded, z = (getattr(batch.q_z_given_x, name) for name in ("said", "entries"))
        return ((encoded.detach() - z).square() + self.commitment * (encoded - z.detach()).square()).sum(-1).mean(-1)

    def formula(self, writer: Writer, player: str) -> str:
        beta, nearest = number(self.commitment), r";\,z=\mathrm{nearest}(e)"
        return expectation(writer.d, rf"\|\mathrm{{sg}}(e)-z\|^2+{beta}\,\|e-\mathrm{{sg}}(z)\|^2" + nearest)
