"""What data are: examples with a name, labels and a digest, and two domains of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

__all__ = ["Data", "Domains", "Examples"]


class Examples:
    """What ``build``, ``fit`` and the measures ask of data; ``Data``, ``Text`` and ``Domains`` answer.

    x [N, *shape], ``shape``, ``name``, ``note``, ``digest`` always say something. The others are None, empty or 0 where
    there is no such thing: labels ``y`` [N] and how many ``classes``, examples of an ``other`` domain, the ``alphabet``
    of a text, the ``law`` that the examples were drawn from, and their ``origin``: the name by which ``load`` knows
    them.
    """

    if TYPE_CHECKING:  # fields of Data, properties of Domains

        @property
        def x(self) -> Tensor: ...

        @property
        def name(self) -> str: ...

        @property
        def note(self) -> str: ...

        @property
        def digest(self) -> str: ...

    @property
    def y(self) -> Tensor | None:
        return None

    @property
    def other(self) -> Tensor | None:
        return None

    @property
    def alphabet(self) -> str:
        return ""

    @property
    def law(self) -> Any:
        return None

    @property
    def origin(self) -> str | None:
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.x.shape[1:])

    @property
    def classes(self) -> int:
        """How many classes; 0 if none."""
        return 0 if self.y is None else int(self.y.max()) + 1

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False, repr=False)
class Data(Examples):
    """Examples x [N, *shape], float32, and perhaps labels y [N], int64.

    ``law`` is the distribution that made them, if it is known; ``note`` says where they come from; ``factors`` are
    the true causes of the examples, if they are known: [N] each, float32 if continuous and int64 if discrete.
    ``origin`` is the name by which ``load`` knows the data; it is set by ``load``.
    Raises ValueError, saying what to do, for a shape or a type that does not fit, and for NaN and infinity.

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
    origin: str | None = None

    def __post_init__(self) -> None:
        self._check_x()
        for factor, values in (self.factors or {}).items():
            self._check_factor(factor, values)
        self._check_y()

    def _check_x(self) -> None:
        x, name = self.x, self.name
        if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.ndim < 2:
            raise ValueError(
                f"{name}: x must be a float32 tensor [N, ...], not {_found(x)}; "
                "convert it with torch.as_tensor(x).float() and scale images to [0, 1]."
            )
        if x.numel() == 0:
            raise ValueError(f"{name}: x is empty; give at least one example.")
        if not torch.stack(x.aminmax()).isfinite().all():  # isfinite(x) would need as much memory again as x
            bad = (~torch.isfinite(x)).flatten(1).any(1).nonzero()[0].item()
            raise ValueError(f"{name}: x holds NaN or infinity, first in example {bad}; remove or repair it.")

    def _check_factor(self, factor: str, values: Tensor) -> None:
        if not self._one_each(values, torch.float32, torch.int64):
            raise ValueError(
                f"{self.name}: the factor {factor!r} must be float32 (continuous) or int64 (discrete), "
                f"with one value for each of the {len(self.x)} examples, not {_found(values)}."
            )
        if not torch.isfinite(values).all():
            raise ValueError(f"{self.name}: the factor {factor!r} holds NaN or infinity; remove or repair it.")

    def _check_y(self) -> None:
        if self.y is None:
            return
        if not self._one_each(self.y, torch.int64):
            raise ValueError(
                f"{self.name}: y must be an int64 tensor with one label for each of the {len(self.x)} examples, "
                f"not {_found(self.y)}."
            )
        if self.y.min() < 0:
            raise ValueError(f"{self.name}: y holds a negative label; number the classes from 0.")

    def _one_each(self, values: object, *dtypes: torch.dtype) -> bool:
        """Is this one value of such a type for each example?"""
        return isinstance(values, Tensor) and values.dtype in dtypes and values.shape == self.x.shape[:1]

    def __repr__(self) -> str:
        classes = f", {self.classes} classes" if self.classes else ""
        factors = f", {len(self.factors)} factors" if self.factors else ""
        return f"Data({self.name!r}: {len(self)} examples of shape {self.shape}{classes}{factors})"

    def _each(self, change: Callable[[Tensor], Tensor]) -> Data:
        """x, y and every factor changed alike."""
        y = None if self.y is None else change(self.y)
        factors = self.factors and {name: change(values) for name, values in self.factors.items()}
        return replace(self, x=change(self.x), y=y, factors=factors)

    def __getitem__(self, rows: Any) -> Data:
        """Some of the examples, with their labels and factors: a slice or a tensor of indices.

        >>> from ganvae_lib import load
        >>> load("digits")[:100]
        Data('digits': 100 examples of shape (1, 8, 8), 10 classes)
        """
        if isinstance(rows, int):
            raise TypeError(f"{self.name}: one example is {self.name}.x[{rows}]; for data give a slice or a tensor.")
        return self._each(lambda v: v[rows])

    def to(self, device: torch.device | str) -> Data:
        """The same data on another device."""
        return self._each(lambda v: v.to(device))

    def map(self, change: Callable[[Tensor], Tensor], name: str) -> Data:
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
class Domains(Examples):
    """Examples of two domains: a source (y = 1), labelled where labels are needed, and a target (y = 0).

    It takes the place of ``Data`` in ``build`` and ``fit``: x and labels are the source's, ``other`` is the target's x.
    Labels of the target are never read. A model that compares features needs examples of one shape: ``one_shape``.

    >>> Domains(Data(torch.zeros(4, 2), name="here"), Data(torch.ones(3, 2), name="there"))
    Domains(Data('here': 4 examples of shape (2,)), Data('there': 3 examples of shape (2,)))
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

    @property
    def x(self) -> Tensor:
        return self.source.x

    @property
    def y(self) -> Tensor | None:
        return self.source.y

    @property
    def law(self) -> Any:
        return self.source.law

    @property
    def origin(self) -> str | None:
        return self.source.origin

    @property
    def other(self) -> Tensor:
        """The target's examples."""
        return self.target.x

    @property
    def name(self) -> str:
        return f"{self.source.name} -> {self.target.name}"

    @property
    def note(self) -> str:
        return f"source: {self.source.note}; target: {self.target.note}"

    @property
    def digest(self) -> str:
        return f"{self.source.digest} {self.target.digest}"

    def __repr__(self) -> str:
        return f"Domains({self.source!r}, {self.target!r})"


def _found(value: object) -> str:
    """What was given, in the words of an error."""
    return f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "dtype") else type(value).__name__
