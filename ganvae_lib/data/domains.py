"""Two domains: examples of both for one model, and worlds in which the map between them is known (chapter 12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import check_bool, check_int
from .dataset import Data, Examples, as_data
from .rendered import DIGITS, FONTS, glyphs
from .toys import Mixture, Pinwheel, Toy

__all__ = ["Domains", "Moved", "Paired", "clouds", "styles"]

Map = Callable[[Tensor], Tensor]

_SANS_SERIF, _SERIF = FONTS.index("cmss10"), FONTS.index("DejaVuSerif")


class Domains(Examples):
    """Examples of two domains: a source (y = 1), labelled where labels are needed, and a target (y = 0).

    Both are ``Data``, or what ``Data`` takes.

    It takes the place of ``Data`` in ``build`` and ``fit``: x and labels are the source's, ``other`` is the target's x.
    Labels of the target are never read. A model that compares features needs examples of one shape: ``one_shape``.

    >>> Domains(Data(torch.zeros(4, 2), name="here"), Data(torch.ones(3, 2), name="there"))
    Domains(Data('here': 4 examples of shape (2,)), Data('there': 3 examples of shape (2,)))
    """

    other: Tensor

    def __init__(self, source: Any, target: Any):
        source, target = self.source, self.target = as_data(source), as_data(target)
        if not isinstance(source, Data) or not isinstance(target, Data):
            raise ValueError("Domains needs Data of a source and of a target, not domains in turn.")
        self.x, self.y, self.law, self.origin = source.x, source.y, source.law, source.origin
        self.other = target.x
        self.streamed = source.streamed or target.streamed
        # Of images and points the images; where both are images, the network's check sees that they agree.
        self.range = target.range if source.range == "real" else source.range
        self.name = f"{source.name} -> {target.name}"
        self.note = f"source: {source.note}; target: {target.note}"

    @property
    def classes(self) -> int:
        return int(self.source.classes)

    @property
    def digest(self) -> str:
        return f"{self.source.digest} {self.target.digest}"

    def one_shape(self) -> None:
        """Raise ValueError if the examples of the two domains differ in shape."""
        if self.source.shape != self.target.shape:
            raise ValueError(
                f"examples of both domains must have one shape, got {self.source.shape} in {self.source.name} and "
                f"{self.target.shape} in {self.target.name}; resize one with .map(...)."
            )

    def __repr__(self) -> str:
        return f"Domains({self.source!r}, {self.target!r})"


@dataclass(frozen=True, eq=False)
class Paired:
    """Two domains with a hidden pairing: ``train`` to learn from, ``test`` where the i-th target is the i-th source's.

    ``truth`` maps the source to the target and ``inverse`` back, if they are functions of the example alone.
    ``symmetries`` [S, D, D], the identity first, are orthogonal maps that leave the source's density as it is: by
    samples alone ``truth`` cannot be told from ``truth`` after any of them.

    >>> pairs = clouds(n=100, n_test=10)
    >>> pairs.train
    Domains(Data('cloud': 100 examples of shape (2,), 3 classes),
            Data('image of the cloud': 100 examples of shape (2,), 3 classes))
    >>> pairs.errors(pairs.truth(pairs.test.x))
    tensor([0.])
    """

    train: Domains
    test: Domains
    truth: Map | None = None
    inverse: Map | None = None
    symmetries: Tensor | None = None

    def errors(self, moved: Tensor) -> Tensor:
        """Root of the mean squared error of each number in ``moved`` [..., n, *shape], made from ``test.x``: [..., S].

        The first is the distance from the true partners, the others that from the truth after each symmetry.
        """
        targets = self.test.other[None]
        if self.symmetries is not None and self.truth is not None:
            symmetries = self.symmetries.to(self.test.x)
            targets = torch.stack([self.truth(self.test.x @ symmetry.T) for symmetry in symmetries])
        # target [S, n, *shape]: moved gets an axis of length 1 before n, and every axis after S is averaged over.
        differences = moved.unsqueeze(-targets.ndim) - targets.to(moved)
        return differences.square().flatten(-targets.ndim + 1).mean(-1).sqrt()


class Moved(Toy):
    """y = f(x) for x from a world, where f changes every area alike: p(y) = p_x(f⁻¹(y)) / |det f'|."""

    def __init__(self, source_law: Toy, truth: Map, inverse: Map, log_det: float):
        self.law, self.truth, self.inverse, self.log_det = source_law, truth, inverse, log_det
        self.dim, self.std = source_law.dim, source_law.std
        self.modes = None if source_law.modes is None else truth(source_law.modes)

    def _draw(self, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        x, component = self.law._draw(n, generator)
        return self.truth(x), component

    def _log_density(self, x: Tensor) -> Tensor:
        return self.law._log_density(self.inverse(x)) - self.log_det


def clouds(symmetric: bool = False, bent: bool = False, n: int = 5000, n_test: int = 1000, seed: int = 0) -> Paired:
    """Two clouds in the plane, the second the image of the first: y = A x + b, ``bent`` into a spiral if wished.

    symmetric: four equal Gaussians at the corners of a square, which eight turns and reflections leave as they are;
    otherwise three that overlap, of different weights and widths, which no orthogonal map but the identity leaves. Bent
    maps keep a density in both cases, even with reversed orientation, so neither cloud identifies the truth without a
    preference for simple maps.

    >>> clouds(symmetric=True).symmetries.shape
    torch.Size([8, 2, 2])
    """
    n, n_test, seed = check_int("n", n), check_int("n_test", n_test), check_int("seed", seed, 0, 2**60)
    symmetric, bent = check_bool("symmetric", symmetric), check_bool("bent", bent)
    quarter_turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    quarter_turns = torch.stack([torch.linalg.matrix_power(quarter_turn, turn_count) for turn_count in range(4)])
    if symmetric:
        source_law = Mixture([0.25] * 4, [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], 0.25)
        reflection = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))
        symmetries = torch.cat([quarter_turns, quarter_turns @ reflection])
    else:
        source_law = Mixture([0.5, 0.3, 0.2], [[-0.7, -0.3], [0.5, -0.1], [1.1, 0.9]], torch.tensor([0.5, 0.35, 0.25]))
        symmetries = quarter_turns[:1]  # the identity
    # y = A x + b: a turn by 35 degrees, a stretch along one axis and a squeeze along the other, and a shift.
    rotation = torch.tensor([[0.8192, -0.5736], [0.5736, 0.8192]], dtype=torch.float64)
    stretching = torch.diag(torch.tensor([1.4, 0.7], dtype=torch.float64))
    matrix = stretching @ rotation
    shift = torch.tensor([0.5, -0.3]).double()
    twist_angle = 0.6 if bent else 0.0  # radians for each unit of distance from the origin

    def truth(x: Tensor) -> Tensor:
        return Pinwheel.turn(x @ matrix.T.to(x) + shift.to(x), twist_angle)

    def inverse(y: Tensor) -> Tensor:
        return (Pinwheel.turn(y, -twist_angle) - shift.to(y)) @ torch.linalg.inv(matrix).T.to(y)

    target_law = Moved(source_law, truth, inverse, float(torch.linalg.slogdet(matrix).logabsdet))

    def draw_data(source_law: Toy, n: int, stream: int, name: str) -> Data:  # three streams of numbers for each seed
        x, labels = source_law.sample(n, 3 * seed + stream, labels=True)
        return Data(x, labels, name, source_law, f"drawn from the toy, seed {seed}")

    train_domains = Domains(draw_data(source_law, n, 0, "cloud"), draw_data(target_law, n, 1, "image of the cloud"))
    # Both from stream 2, the same draws: each target is the image of its source.
    test_domains = Domains(
        draw_data(source_law, n_test, 2, "cloud"), draw_data(target_law, n_test, 2, "image of the cloud")
    )
    return Paired(train_domains, test_domains, truth, inverse, symmetries)


def styles(n: int = 4000, n_test: int = 500, side: int = 16, seed: int = 0, characters: str = DIGITS) -> Paired:
    """The same characters in two styles: light upright sans serif, and bold slanted serif; a little turned and scaled.

    Class, rotation and scale are drawn afresh for each example of the training sets and shared by the partners of the
    test set. The classes are equally frequent, so samples alone do not say which character becomes which.

    >>> styles(n=20, n_test=10).test
    Domains(Data('glyphs': 10 images of shape (1, 16, 16) in [0, 1], 10 classes, 6 factors),
            Data('glyphs': 10 images of shape (1, 16, 16) in [0, 1], 10 classes, 6 factors))
    """
    n, n_test, seed = check_int("n", n), check_int("n_test", n_test), check_int("seed", seed, 0, 2**60)
    shared_factors: dict[str, Any] = dict(
        characters=characters, side=side, vary=("class",), rotation=(-15.0, 15.0), scale=(0.85, 1.15)
    )

    def light_glyphs(n: int, stream_index: int) -> Data:  # three streams of random numbers for each seed
        return glyphs(n, 3 * seed + stream_index, font=_SANS_SERIF, **shared_factors)

    def bold_glyphs(n: int, stream_index: int) -> Data:
        return glyphs(n, 3 * seed + stream_index, font=_SERIF, weight=1.4, slant=0.3, **shared_factors)

    train_domains = Domains(light_glyphs(n, 0), bold_glyphs(n, 1))
    # Both from stream 2, the same draws: partners agree in class, rotation and scale.
    test_domains = Domains(light_glyphs(n_test, 2), bold_glyphs(n_test, 2))
    return Paired(train_domains, test_domains)
