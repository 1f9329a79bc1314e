"""What data are: examples with a name, labels and a digest, and two domains of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

__all__ = ["Data", "Domains"]


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Examples x [N, *shape], float32, and perhaps labels y [N], int64.

    ``law`` is the distribution that made them, if it is known; ``note`` says where they come from; ``factors`` are
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
    law: Any = None
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

        >>> from ganvae_lib import load
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

        >>> from ganvae_lib import load
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

    x, y, shape, classes, law = (
        property(lambda self, n=n: getattr(self.source, n)) for n in ("x", "y", "shape", "classes", "law")
    )
    other = property(lambda self: self.target.x, doc="The target's examples.")
    name = property(lambda self: f"{self.source.name} -> {self.target.name}")
    note = property(lambda self: f"source: {self.source.note}; target: {self.target.note}")
    digest = property(lambda self: f"{self.source.digest} {self.target.digest}")

    def __len__(self):
        return len(self.source)

    def __repr__(self):
        return f"Domains({self.source!r}, {self.target!r})"
