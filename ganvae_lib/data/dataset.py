"""What data are: examples with a name, labels and a digest, of a kind and in a range."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor

from ..distributions.densities import as_floats
from ..errors import check_bool, check_int, described
from .sources import labels_of, read, usual_kind, with_axes

__all__ = ["Data", "Examples", "as_data", "within_range"]


class Examples:
    """What ``build``, ``fit`` and the measures ask of data; ``Data``, ``Text`` and ``Domains`` answer.

    x [N, *shape], ``shape``, ``name``, ``note``, ``digest`` always say something. The others are None, empty or 0 where
    there is no such thing: labels ``y`` [N] and how many ``classes``, examples of an ``other`` domain, the ``alphabet``
    of a text, the ``law`` that the examples were drawn from, and their ``origin``: the name by which ``load`` knows
    them. x are bytes or lie in a file where they were given so: read them by ``as_floats(data.x[rows])``.
    """

    x: Tensor
    name: str
    note: str
    digest: str
    y: Tensor | None = None
    other: Tensor | None = None
    alphabet: str = ""
    law: Any = None
    origin: str | None = None
    kind: Any = None
    range: Any = None
    streamed: bool = False
    parts: tuple[tuple[str, int], ...] = ()  # of a row of a table: kinds of observation, and how many numbers each has

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


class _Inferred:
    """Marks what was not stated but read off the data: other data, made by ``replace``, are read anew."""


class _InferredInt(int, _Inferred):
    pass


class _InferredString(str, _Inferred):
    pass


class _InferredInterval(tuple[float, float], _Inferred):
    pass


@dataclass(frozen=True, eq=False, repr=False)
class Data(Examples):
    """Examples x [N, *shape] and perhaps labels y [N], int64, as networks can be trained on them.

    x may be a tensor or an array of any real type, a list of these or of image files, a torch ``Dataset``, each item of
    which is read once, a ``DataLoader``, of which only its data set counts, or a data frame of numbers. It becomes
    float32 without a graph, in the same memory where that can be, with two exceptions, which minibatches convert. Bytes
    (uint8) of images stay bytes, a quarter of the memory, and stand for x/255. A ``numpy.memmap`` or a tensor of
    ``torch.from_file`` stays in its file, and is read as a whole twice: to find NaN, and for the digest.

    What the data are is understood from shape and values, said by ``repr``, and can be stated:

    kind:      "images", [channels, height, width]; "points", one vector each; or "arrays".
    channels:  "last" for images [height, width, channels], whose axes are then exchanged.
    range:     (low, high), between which networks make samples; or "real". Images are understood to lie in (0, 1) or
               (-1, 1); with others range is None, and a model whose output is bounded refuses them.
    classes:   how many, where some may be missing in y.
    streamed:  x stays where it is, and each minibatch is copied to the device; so it is for files.

    ``law`` is the distribution that made them, if it is known; ``note`` says where they come from; ``factors`` are
    the true causes of the examples, if they are known: [N] each, float32 if continuous and int64 if discrete.
    ``origin`` is the name by which ``load`` knows the data; it is set by ``load``.
    Raises ValueError, saying what to do, for a shape or a type that does not fit, and for NaN and infinity.

    >>> Data(torch.zeros(4, 1, 8, 8), [0, 1, 2, 1], name="blank")
    Data('blank': 4 images of shape (1, 8, 8) in [0, 1], 3 classes)
    >>> Data(torch.zeros(4, 8, 8, 3, dtype=torch.uint8), channels="last")
    Data('data': 4 images of shape (3, 8, 8) in [0, 1], kept as bytes)
    >>> Data(torch.zeros(0, 2))
    Traceback (most recent call last):
    ValueError: data: x is empty; give at least one example.
    """

    x: Any
    y: Any = None
    name: str = "data"
    law: Any = None
    note: str = ""
    factors: dict[str, Tensor] | None = None
    origin: str | None = None
    kind: Any = field(default=None, kw_only=True)
    channels: str | None = field(default=None, kw_only=True)
    range: Any = field(default=None, kw_only=True)
    classes: Any = field(default=None, kw_only=True)
    streamed: bool = field(default=False, kw_only=True)
    min_max: tuple[float, float] = field(init=False)  # the least and the greatest number of x

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.factors, (dict, type(None))):
            raise ValueError(
                f"name must be a string and factors a dict, not {described(self.name)}, {described(self.factors)}."
            )
        raw = read(self.x, self.name, keep_dtype=check_bool("streamed", self.streamed))
        kind = "images" if self.channels is not None and _stated(self.kind) is None else _stated(self.kind)
        x = with_axes(raw.x, self.name, kind, self.channels, raw.on_disk)
        y = raw.y if self.y is None else self.y
        self._assign(x=x, y=None if y is None else labels_of(y), channels=None, streamed=self.streamed or raw.on_disk)
        self._assign(note=self.note or raw.note, kind=kind or _InferredString(usual_kind(self.shape)))
        if x.numel() == 0:
            raise ValueError(f"{self.name}: x is empty; give at least one example.")
        self._assign(min_max=self._check_finite())
        found = _find_range(self.name, self.kind, stated := _stated(self.range), self.min_max, x.dtype == torch.uint8)
        self._assign(range=_as_inferred(found) if stated is None else found)
        for factor, factor_values in (self.factors or {}).items():
            self._check_factor(factor, factor_values)
        self._check_labels()

    def _assign(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

    def _check_finite(self) -> tuple[float, float]:
        """The least and the greatest number of x, in one pass without a copy."""
        if self.x.dtype == torch.uint8:
            return 0.0, 1.0
        low, high = torch.stack(self.x.aminmax()).float().tolist()
        if not math.isfinite(low + high):
            is_finite = torch.cat([chunk.float().isfinite().flatten(1).all(1) for chunk in self.x.split(1000)])
            first_not_finite = int((~is_finite).nonzero()[0])
            raise ValueError(
                f"{self.name}: x holds NaN or infinity, first in example {first_not_finite}; remove or repair it."
            )
        return low, high

    def _check_factor(self, factor: str, factor_values: Tensor) -> None:
        if not self._has_one_per_example(factor_values, torch.float32, torch.int64):
            raise ValueError(
                f"{self.name}: the factor {factor!r} must be float32 (continuous) or int64 (discrete), "
                f"with one value for each of the {len(self.x)} examples, not {described(factor_values)}."
            )
        if not torch.isfinite(factor_values).all():
            raise ValueError(f"{self.name}: the factor {factor!r} holds NaN or infinity; remove or repair it.")

    def _check_labels(self) -> None:
        stated = _stated(self.classes)
        if self.y is None:
            return self._assign(classes=_InferredInt(0))
        if not self._has_one_per_example(self.y, torch.int64):
            raise ValueError(
                f"{self.name}: y must be an int64 tensor with one label for each of the {len(self.x)} examples, "
                f"not {described(self.y)}{'; of one-hot rows take y.argmax(1)' * _is_one_hot(self.y)}."
            )
        if self.y.min() < 0:
            raise ValueError(f"{self.name}: y holds a negative label; number the classes from 0.")
        n_classes = int(self.y.max()) + 1
        self._assign(classes=_InferredInt(n_classes) if stated is None else check_int("classes", stated, n_classes))

    def _has_one_per_example(self, values: object, *dtypes: torch.dtype) -> bool:
        """Is this one value of such a type for each example?"""
        return isinstance(values, Tensor) and values.dtype in dtypes and values.shape == self.x.shape[:1]

    def __repr__(self) -> str:
        noun = "images" if self.kind == "images" else "examples"
        range_text = "" if self.range == "real" else " in [{:g}, {:g}]".format(*self.range or self.min_max)
        range_warning = "" if self.range else ", a range that is not clear"
        bytes_text = ", kept as bytes" if self.x.dtype == torch.uint8 else ""
        streamed_text = ", streamed" if self.streamed else ""
        classes_text = f", {self.classes} classes" if self.classes else ""
        factors_text = f", {len(self.factors)} factors" if self.factors else ""
        description = f"{len(self)} {noun} of shape {self.shape}{range_text}{range_warning}{bytes_text}{streamed_text}"
        return f"Data({self.name!r}: {description}{classes_text}{factors_text})"

    def __getitem__(self, rows: Any) -> Self:
        """Some of the examples, with their labels and factors: a slice or a tensor of indices.

        >>> from ganvae_lib import load
        >>> load("digits")[:100]
        Data('digits': 100 images of shape (1, 8, 8) in [0, 1], 10 classes)
        """
        if isinstance(rows, int):
            raise TypeError(f"{self.name}: one example is {self.name}.x[{rows}]; for data give a slice or a tensor.")
        try:
            indices = torch.arange(len(self))[rows if isinstance(rows, slice) else torch.as_tensor(rows)]
        except (IndexError, TypeError, ValueError, RuntimeError):
            indices = torch.zeros(())
        if indices.ndim != 1:
            raise ValueError(f"{self.name}: give a slice or indices from 0 to {len(self) - 1}, not {described(rows)}.")
        rows = rows if isinstance(rows, slice) else indices
        chosen_labels = None if self.y is None else self.y[rows]
        chosen_factors = None
        if self.factors is not None:
            chosen_factors = {name: values[rows] for name, values in self.factors.items()}
        stays_streamed = self.streamed and isinstance(rows, slice)  # other rows have been copied into memory
        return replace(self, x=self.x[rows], y=chosen_labels, factors=chosen_factors, streamed=stays_streamed)

    def map(self, change: Callable[[Tensor], Tensor], name: str) -> Data:
        """The same examples with x, float32, changed by a function, under another name.

        >>> from ganvae_lib import load
        >>> load("digits").map(lambda x: 1 - x, "inverted digits")
        Data('inverted digits': 1500 images of shape (1, 8, 8) in [0, 1], 10 classes)
        """
        note = f"{name}, from {self.name}; {self.note}"
        return Data(change(as_floats(self.x)), self.y, name, None, note, self.factors, classes=self.classes)

    @functools.cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of x and y: two runs with the same digest saw the same data.

        It is computed once, when it is first asked for, piece by piece; so leave x and y as they are, and make changed
        data with ``dataclasses.replace``.
        """
        sha256 = hashlib.sha256()
        tensors = [self.x] if self.y is None else [self.x, self.y]
        for tensor in tensors:
            for chunk in tensor.split(1000):
                sha256.update(chunk.cpu().contiguous().numpy().data)
        return sha256.hexdigest()[:12]


def as_data(source: Any) -> Examples:
    """Data as they are; whatever else holds examples as ``Data``. Raises ValueError for what does not.

    >>> as_data([[0.0, 1.0], [1.0, 0.0]])
    Data('data': 2 examples of shape (2,))
    """
    is_data = isinstance(source, Examples) or all(hasattr(source, name) for name in ("x", "shape", "name"))
    return source if is_data else Data(source)


def _is_one_hot(y: Any) -> bool:
    return len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1


def _stated(value: Any) -> Any:
    """What a user has said, or None."""
    return None if isinstance(value, _Inferred) else value


def _as_inferred(range: Any) -> Any:
    return _InferredString(range) if isinstance(range, str) else None if range is None else _InferredInterval(range)


def _find_range(name: str, kind: str, stated_range: Any, min_max: tuple[float, float], is_bytes: bool) -> Any:
    """The range that was stated, if x keeps to it; else what is understood, None for images if it is not clear."""
    if stated_range is None and kind != "images":
        return "real"
    if stated_range is None:
        return next((candidate for candidate in ((0.0, 1.0), (-1.0, 1.0)) if within_range(min_max, candidate)), None)
    if isinstance(stated_range, str) and stated_range == "real":
        return stated_range
    try:
        low, high = (float(end) for end in stated_range)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            f"{name}: range must be (low, high), two numbers in this order, or 'real', not {described(stated_range)}."
        )
    if is_bytes and (low, high) != (0, 1):
        raise ValueError(
            f"{name}: range must be (0, 1) for bytes, which stand for x/255; convert x to another range first."
        )
    if not within_range(min_max, (low, high)):
        raise ValueError(
            f"{name}: x must lie in the range that was stated, {low:g} to {high:g}, and goes from {min_max[0]:g} to "
            f"{min_max[1]:g}; rescale x or correct the range."
        )
    return (low, high)


def within_range(min_max: tuple[float, float], bounds: tuple[float, float]) -> bool:
    """Does what goes from one number to another stay in a range, but for rounding?"""
    slack = 1e-3 * (bounds[1] - bounds[0])
    return bounds[0] - slack <= min_max[0] and min_max[1] <= bounds[1] + slack
