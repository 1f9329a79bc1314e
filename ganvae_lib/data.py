"""Data: toys with a known density, rendered glyphs, the embedded digits and text, and MNIST and others with checksums.

Most readers need only ``load(name, split, fraction)``. Images are float32 in [0, 1], [N, C, H, W], C = 1 or 3.

Environment: ``GANVAE_DATA`` names a folder that already holds the files, each set's in a folder with the set's name
(texts' in ``text/``); ``GANVAE_CACHE`` says where downloads are kept; ``GANVAE_SCALE`` is "small" or "full": ``scale``.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from . import colour, sources, toys
from .sources import DataError
from .toys import grid, mixture1d, moons, pinwheel, ring

__all__ = ["Data", "DataError", "Domains", "NAMES", "load", "scale", "ring", "grid", "moons", "pinwheel", "mixture1d"]

_TOYS = ("ring", "grid", "moons", "pinwheel", "mixture1d")
_TEXTS = ("text", "tinyshakespeare")
_SETS = sources.SETS | colour.COLOUR
NAMES = (*_SETS, "glyphs", *_TEXTS, *_TOYS)


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Examples x [N, *shape], float32, and perhaps labels y [N], int64.

    ``world`` is the distribution that made them, if it is known; ``note`` says where they come from; ``factors`` are
    the true causes of the examples, if they are known: [N] each, float32 if continuous and int64 if discrete.

    >>> Data(torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 2, 1]), name="blank")
    Data('blank': 4 examples of shape (1, 8, 8), 3 classes)
    >>> Data(torch.zeros(0, 2))
    Traceback (most recent call last):
    ValueError: data: x is empty; give at least one example.
    """

    x: Tensor
    y: Tensor | None = None
    name: str = "data"
    world: Any = None
    note: str = ""
    factors: dict[str, Tensor] | None = None

    def __post_init__(self):
        x, y, name = self.x, self.y, self.name
        found = lambda v: f"{v.dtype} of shape {tuple(v.shape)}" if hasattr(v, "dtype") else type(v).__name__
        fits = lambda v, *kinds: isinstance(v, Tensor) and v.dtype in kinds and v.shape == x.shape[:1]
        if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.ndim < 2:
            raise ValueError(
                f"{name}: x must be a float32 tensor [N, ...], not {found(x)}; "
                "convert it with torch.as_tensor(x).float() and scale images to [0, 1]."
            )
        if x.numel() == 0:
            raise ValueError(f"{name}: x is empty; give at least one example.")
        if not torch.stack(x.aminmax()).isfinite().all():  # isfinite(x) would need as much memory again as x
            bad = (~torch.isfinite(x)).flatten(1).any(1).nonzero()[0].item()
            raise ValueError(f"{name}: x holds NaN or infinity, first in example {bad}; remove or repair it.")
        for factor, v in (self.factors or {}).items():
            if not fits(v, torch.float32, torch.int64):
                raise ValueError(
                    f"{name}: the factor {factor!r} must be float32 (continuous) or int64 (discrete), "
                    f"with one value for each of the {len(x)} examples, not {found(v)}."
                )
            if not torch.isfinite(v).all():
                raise ValueError(f"{name}: the factor {factor!r} holds NaN or infinity; remove or repair it.")
        if y is not None and not fits(y, torch.int64):
            raise ValueError(
                f"{name}: y must be an int64 tensor with one label for each of the {len(x)} examples, not {found(y)}."
            )
        if y is not None and y.min() < 0:
            raise ValueError(f"{name}: y holds a negative label; number the classes from 0.")

    shape = property(lambda self: tuple(self.x.shape[1:]), doc="Shape of one example.")
    classes = property(lambda self: 0 if self.y is None else int(self.y.max()) + 1, doc="How many classes; 0 if none.")

    def __len__(self):
        return len(self.x)

    def __repr__(self):
        classes = f", {self.classes} classes" if self.classes else ""
        factors = f", {len(self.factors)} factors" if self.factors else ""
        return f"Data({self.name!r}: {len(self)} examples of shape {self.shape}{classes}{factors})"

    def _each(self, change) -> Data:
        """x, y and every factor changed alike."""
        y = None if self.y is None else change(self.y)
        factors = self.factors and {name: change(v) for name, v in self.factors.items()}
        return replace(self, x=change(self.x), y=y, factors=factors)

    def __getitem__(self, rows) -> Data:
        """Some of the examples, with their labels and factors: a slice or a tensor of indices.

        >>> load("digits")[:100]
        Data('digits': 100 examples of shape (1, 8, 8), 10 classes)
        """
        if isinstance(rows, int):
            raise TypeError(f"{self.name}: one example is {self.name}.x[{rows}]; for data give a slice or a tensor.")
        return self._each(lambda v: v[rows])

    def to(self, device) -> Data:
        """The same data on another device."""
        return self._each(lambda v: v.to(device))

    def map(self, change, name: str) -> Data:
        """The same examples with x changed by a function, under another name.

        >>> load("digits").map(lambda x: 1 - x, "inverted digits")
        Data('inverted digits': 1500 examples of shape (1, 8, 8), 10 classes)
        """
        return Data(change(self.x), self.y, name, None, f"{name}, from {self.name}; {self.note}", self.factors)

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of x and y: two runs with the same digest saw the same data.

        It is computed once, so leave x and y as they are, and make changed data with ``dataclasses.replace``.
        """
        sha = hashlib.sha256()
        for part in (self.x,) if self.y is None else (self.x, self.y):
            sha.update(part.cpu().contiguous().numpy())
        return sha.hexdigest()[:12]


@dataclass(frozen=True, eq=False, repr=False)
class Domains:
    """Examples of two domains: a source (y = 1), labelled where labels are needed, and a target (y = 0).

    It takes the place of ``Data`` in ``build`` and ``fit``: x and labels are the source's, ``other`` is the target's x.
    Labels of the target are never read. A model that compares features needs examples of one shape: ``one_shape``.
    """

    source: Data
    target: Data

    def one_shape(self) -> None:
        """Raise ValueError if the examples of the two domains differ in shape."""
        if self.source.shape != self.target.shape:
            raise ValueError(
                f"examples of both domains must have one shape, got {self.source.shape} in {self.source.name} and "
                f"{self.target.shape} in {self.target.name}; resize one with .map(...)."
            )

    x, y, shape, classes, world = (
        property(lambda self, n=n: getattr(self.source, n)) for n in ("x", "y", "shape", "classes", "world")
    )
    other = property(lambda self: self.target.x, doc="The target's examples.")
    name = property(lambda self: f"{self.source.name} -> {self.target.name}")
    note = property(lambda self: f"source: {self.source.note}; target: {self.target.note}")
    digest = property(lambda self: f"{self.source.digest} {self.target.digest}")

    def __len__(self):
        return len(self.source)

    def __repr__(self):
        return f"Domains({self.source!r}, {self.target!r})"


def load(name: str, split: str = "train", fraction: float = 1.0, seed: int = 0, binarize: str | None = None) -> Data:
    """A data set by name; see ``NAMES``.

    split: "train" or "test". fraction: a stratified subset, each class keeping its share and at least one
    example; with one seed a smaller fraction is part of a larger one. seed: of the subset, of toys and of glyphs.
    binarize: None (grey levels), "threshold" (x > 1/2) or "sample" (every pixel drawn once from
    Bernoulli(grey level), the same draw whatever the fraction and seed).
    "glyphs" are 10,000 and 2,000 images with ``factors`` (see ``glyphs.glyphs``), "text" and "tinyshakespeare" are
    windows of 64 characters (see ``text.Text``). "svhn" and "cifar10" are in colour. "cifar10-jpeg" is a lossy copy
    of CIFAR-10, only from ``GANVAE_DATA``: name it so, and compare it with no result on CIFAR-10.
    Raises ValueError on a bad argument, DataError if files are missing, altered or cannot be downloaded.

    >>> digits = load("digits")
    >>> digits
    Data('digits': 1500 examples of shape (1, 8, 8), 10 classes)
    >>> len(load("digits", fraction=0.1)), len(load("digits", "test"))
    (150, 297)
    >>> ring = load("ring", "test")
    >>> ring.x.shape, ring.world.log_prob(ring.x).shape
    (torch.Size([20000, 2]), torch.Size([20000]))
    >>> load("minst")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: no data set 'minst'; did you mean 'mnist'? There are digits, mnist, ..., pinwheel, mixture1d.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(str(name).lower(), NAMES, 1, 0.0)[0]
        raise ValueError(f"no data set {name!r}; did you mean {near!r}? There are {', '.join(NAMES)}.")
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}.")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], not {fraction}; 0.1 keeps 10% of every class.")
    if binarize not in (None, "threshold", "sample"):
        raise ValueError(f"binarize must be None, 'threshold' or 'sample', not {binarize!r}.")
    if binarize and name in (*_TOYS, *_TEXTS):
        raise ValueError(f"{name} holds {'points' if name in _TOYS else 'text'}, not images; leave binarize out.")
    if name in _TOYS:
        world = getattr(toys, name)()
        x, y = world.sample(20_000, 2 * seed + (split == "test"), labels=True)
        data = Data(x.float(), y, name, world, f"drawn from the toy, seed {seed}")
    elif name in _TEXTS:
        from .text import text

        data = text(name, split)
    elif name == "glyphs":
        from .glyphs import glyphs

        drawn = glyphs(10_000 if split == "train" else 2_000, 2 * seed + (split == "test"))
        data = replace(drawn, x=_binarized(drawn.x, binarize, split), note=drawn.note + _NOTES[binarize])
    else:
        x, y, note = _SETS[name](name, split)
        x, y = torch.as_tensor(x).float(), torch.tensor(y).long()  # x is new and may be large: no copy
        data = Data(_binarized(x, binarize, split), y, name, None, note + _NOTES[binarize])
    return data[_stratified(data, fraction, seed)] if fraction < 1 else data


def parted(data: Data, fraction: float, seed: int = 0) -> tuple[Data, Data]:
    """A stratified subset, as ``load`` takes it, and the remainder: labelled and unlabelled examples, say.

    Raises ValueError if nothing would remain.

    >>> parted(load("digits"), 0.1)[1]
    Data('digits': 1350 examples of shape (1, 8, 8), 10 classes)
    """
    kept = torch.zeros(len(data), dtype=torch.bool)
    kept[_stratified(data, fraction, seed)] = True
    if not 0 < fraction < 1 or kept.all():
        raise ValueError(f"a fraction of {fraction} of {data.name} leaves no remainder; choose one between 0 and 1.")
    return data[kept], data[~kept]


_NOTES = {
    None: "",
    "threshold": "; binarised at 1/2",
    "sample": "; binarised once, each pixel drawn from Bernoulli(grey level)",
}


def _binarized(x: Tensor, how: str | None, split: str) -> Tensor:
    if how == "threshold":
        x = (x > 0.5).float()
    elif how == "sample":
        noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(17 + (split == "test")))
        x = (noise < x).float()
    return x


def _stratified(data: Data, fraction: float, seed: int) -> Tensor:
    """Sorted indices of the subset: the start of a seeded shuffle of every class, so that subsets nest."""
    generator, kept = torch.Generator().manual_seed(seed), []
    y = torch.zeros(len(data)) if data.y is None else data.y  # without labels: one class
    for label in range(max(data.classes, 1)):
        members = (y == label).nonzero().squeeze(1)
        members = members[torch.randperm(len(members), generator=generator)]
        kept.append(members[: max(1, math.floor(fraction * len(members) + 0.5))])
    return torch.cat(kept).sort().values


def scale() -> str:
    """The switch GANVAE_SCALE: "small" (default: embedded data, seconds) or "full" (real sets)."""
    value = os.environ.get("GANVAE_SCALE") or "small"
    if value not in ("small", "full"):
        raise ValueError(f"GANVAE_SCALE is {value!r}; set it to small or full, or leave it unset for small.")
    return value
