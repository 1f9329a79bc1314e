"""What data are: examples with a name, labels and a digest; what ``load`` knows by name; how a law is found again."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from ..errors import unknown

__all__ = ["DATA_SETS", "TOYS", "Data", "Examples", "law_card", "law_from", "register", "toy"]


class Examples:
    """What ``build``, ``fit`` and the measures ask of data; ``Data``, ``Text`` and ``Domains`` answer.

    x [N, *shape], ``shape``, ``name``, ``note``, ``digest`` always say something. The others are None, empty or 0 where
    there is no such thing: labels ``y`` [N] and how many ``classes``, examples of an ``other`` domain, the ``alphabet``
    of a text, the ``law`` that the examples were drawn from, and their ``origin``: the name by which ``load`` knows
    them.
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
                f"{name}: x must be a float32 tensor [N, ...], not {_described(x)}; "
                "convert it with torch.as_tensor(x).float() and scale images to [0, 1]."
            )
        if x.numel() == 0:
            raise ValueError(f"{name}: x is empty; give at least one example.")
        if not torch.stack(x.aminmax()).isfinite().all():  # isfinite(x) would need as much memory again as x
            is_bad_example = (~torch.isfinite(x)).flatten(1).any(1)
            first_bad = is_bad_example.nonzero()[0].item()
            raise ValueError(f"{name}: x holds NaN or infinity, first in example {first_bad}; remove or repair it.")

    def _check_factor(self, factor: str, values: Tensor) -> None:
        if not self._one_each(values, torch.float32, torch.int64):
            raise ValueError(
                f"{self.name}: the factor {factor!r} must be float32 (continuous) or int64 (discrete), "
                f"with one value for each of the {len(self.x)} examples, not {_described(values)}."
            )
        if not torch.isfinite(values).all():
            raise ValueError(f"{self.name}: the factor {factor!r} holds NaN or infinity; remove or repair it.")

    def _check_y(self) -> None:
        if self.y is None:
            return
        if not self._one_each(self.y, torch.int64):
            raise ValueError(
                f"{self.name}: y must be an int64 tensor with one label for each of the {len(self.x)} examples, "
                f"not {_described(self.y)}."
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

    def __getitem__(self, rows: Any) -> Data:
        """Some of the examples, with their labels and factors: a slice or a tensor of indices.

        >>> from ganvae_lib import load
        >>> load("digits")[:100]
        Data('digits': 100 examples of shape (1, 8, 8), 10 classes)
        """
        if isinstance(rows, int):
            raise TypeError(f"{self.name}: one example is {self.name}.x[{rows}]; for data give a slice or a tensor.")
        y = None if self.y is None else self.y[rows]
        factors = None
        if self.factors is not None:
            factors = {name: values[rows] for name, values in self.factors.items()}
        return replace(self, x=self.x[rows], y=y, factors=factors)

    def map(self, change: Callable[[Tensor], Tensor], name: str) -> Data:
        """The same examples with x changed by a function, under another name.

        >>> from ganvae_lib import load
        >>> load("digits").map(lambda x: 1 - x, "inverted digits")
        Data('inverted digits': 1500 examples of shape (1, 8, 8), 10 classes)
        """
        return Data(change(self.x), self.y, name, None, f"{name}, from {self.name}; {self.note}", self.factors)

    @functools.cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of x and y: two runs with the same digest saw the same data.

        It is computed once, so leave x and y as they are, and make changed data with ``dataclasses.replace``.
        """
        sha256 = hashlib.sha256()
        tensors = [self.x] if self.y is None else [self.x, self.y]
        for tensor in tensors:
            sha256.update(tensor.cpu().contiguous().numpy().data)
        return sha256.hexdigest()[:12]


def _described(value: Any) -> str:
    """A value as error messages name it: dtype and shape of a tensor or an array, else the type."""
    if hasattr(value, "dtype"):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return type(value).__name__


#: Name -> function (split, seed) -> Data, in the order in which they were registered.
DATA_SETS: dict[str, Callable[[str, int], Data]] = {}

#: Name -> function that makes the toy.
TOYS: dict[str, Callable[..., Any]] = {}

TOY_SIZE = 20_000  # examples that ``load`` draws from a toy

Arguments = ParamSpec("Arguments")
Law = TypeVar("Law")


def register(name: str, make: Callable[[str, int], Data]) -> None:
    """Let ``load(name)`` answer ``make(split, seed)``, with split "train" or "test". A name given again is replaced.

    >>> from ganvae_lib import load
    >>> register("zeros", lambda split, seed: Data(torch.zeros(30 if split == "train" else 10, 2), name="zeros"))
    >>> load("zeros", "test")
    Data('zeros': 10 examples of shape (2,))
    >>> del DATA_SETS["zeros"]
    """
    DATA_SETS[name] = make


def toy(make: Callable[Arguments, Law]) -> Callable[Arguments, Law]:
    """Register a function that makes a toy under its own name, as a decorator.

    Then ``load`` draws data from the toy, and a run that was trained on it finds it again after ``Run.load``, because
    the toy remembers the name and the arguments that made it, as its ``recipe``. The function can be called without
    arguments; a toy whose arguments JSON cannot hold has no recipe.

    >>> from ganvae_lib import Mixture, load
    >>> @toy
    ... def pair(distance=2.0):
    ...     return Mixture([0.5, 0.5], [[-distance / 2], [distance / 2]], 0.1)
    >>> pair(3.0).recipe
    {'toy': 'pair', 'arguments': {'distance': 3.0}}
    >>> load("pair")
    Data('pair': 20000 examples of shape (1,), 2 classes)
    >>> del TOYS["pair"], DATA_SETS["pair"]
    """
    name = make.__name__
    signature = inspect.signature(make)

    @functools.wraps(make)
    def make_with_recipe(*args: Arguments.args, **options: Arguments.kwargs) -> Law:
        law = make(*args, **options)
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        law.recipe = _recipe(name, bound.arguments)  # type: ignore[attr-defined]
        return law

    TOYS[name] = make_with_recipe
    register(name, functools.partial(_draw_data, name))
    return make_with_recipe


def _recipe(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Name and arguments of a toy as JSON reads them back; None if JSON cannot hold them."""
    without_tensors = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in arguments.items()}
    try:
        return json.loads(json.dumps({"toy": name, "arguments": without_tensors}))
    except TypeError:
        return None


def _draw_data(name: str, split: str, seed: int) -> Data:
    """Data drawn from a toy."""
    law = TOYS[name]()
    split_seed = 2 * seed + (split == "test")  # no two pairs of split and seed share their random numbers
    x, y = law.sample(TOY_SIZE, split_seed, labels=True)
    return Data(x.float(), y, name, law, f"drawn from the toy, seed {seed}")


def law_card(data: Examples) -> dict[str, Any] | None:
    """What a saved run writes down of the law of its data, so that ``law_from`` finds it again; None without a law."""
    if data.law is None:
        return None
    recipe = getattr(data.law, "recipe", None)  # a law may be any object of a user's
    if recipe is not None:
        return recipe
    if data.origin is not None:
        return {"data set": data.origin}
    return {"lost": type(data.law).__name__}


def law_from(card: dict[str, Any]) -> Any:
    """The law of which ``law_card`` wrote. Raises ValueError, saying what to do, if it cannot be found again."""
    if "lost" in card:
        raise ValueError(
            f"the law of the data, a {card['lost']}, was not saved with the run: neither it nor the data are "
            "registered (data.toy, data.register). Pass data that know it: Data(x, law=...)."
        )
    kind = "toy" if "toy" in card else "data set"
    name = card[kind]
    registered = TOYS if kind == "toy" else DATA_SETS
    if name not in registered:
        raise ValueError(
            f"the run was trained on {name!r}, and {unknown(kind, name, registered)} Import the file that registers it."
        )
    if kind == "toy":
        return TOYS[name](**card["arguments"])
    return DATA_SETS[name]("train", 0).law
