"""Errors that the whole library shares: each says what to do."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "DataError",
    "NonFiniteLoss",
    "check_choice",
    "described",
    "check_bool",
    "check_folder",
    "check_type",
    "check_finite",
    "check_real",
    "check_reals",
    "check_sizes",
    "unknown",
    "check_int",
]

Kind = TypeVar("Kind")


def unknown(kind: str, name: object, known: Iterable[object]) -> ValueError:
    """The error for a name that is not in a registry: it lists the names and offers the nearest one.

    >>> unknown("link", "hing", ["hinge", "KL"])
    ValueError("unknown link 'hing'; choose one of 'hinge', 'KL'. Did you mean 'hinge'?")
    """
    from difflib import get_close_matches

    names = list(known)
    lower_case = [str(known_name).lower() for known_name in names]
    closest = get_close_matches(str(name).lower(), lower_case, n=1)
    hint = f" Did you mean {names[lower_case.index(closest[0])]!r}?" if closest else ""
    return ValueError(f"unknown {kind} {_short(name)}; choose one of {', '.join(map(repr, names))}.{hint}")


def check_choice(kind: str, name: Any, known: Collection[Any]) -> Any:
    """The name, if it is among those that are known. Raises ValueError, as ``unknown`` says it."""
    if not any(type(name) is type(option) and name == option for option in known):
        raise unknown(kind, name, known)
    return name


def check_int(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """An argument that counts something, as an int: of Python, NumPy or torch. Raises ValueError for anything else.

    >>> check_int("steps", 20)
    20
    >>> check_int("steps", 2.5)
    Traceback (most recent call last):
    ValueError: steps must be a whole number of at least 1, got 2.5.
    """
    try:
        number = None if isinstance(value, bool) or _ndim(value) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {limits}, got {_short(value)}.")
    return number


def check_real(
    name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf
) -> float:
    """An argument that measures something, as it is or as a float. Raises ValueError for what is not finite or too far.

    >>> check_real("std", 0.1, above=0), check_real("std", 2, above=0)
    (0.1, 2)
    >>> check_real("std", -1, above=0)
    Traceback (most recent call last):
    ValueError: std must be a finite number above 0, got -1.
    """
    number = math.nan
    if not isinstance(value, bool | str | bytes) and not _ndim(value) and hasattr(value, "__float__"):
        number = value if type(value) in (int, float) else float(value)
    if not math.isfinite(number) or not above < number or not least <= number <= most:
        limits = f" above {above:g}" * (above > -math.inf) + f" of at least {least:g}" * (least > -math.inf)
        limits += f" and at most {most:g}" * (most < math.inf)
        raise ValueError(f"{name} must be a finite number{limits}, got {_short(value)}.")
    return number


def check_reals(name: str, values: Any, above: float = -math.inf) -> list[float]:
    """An argument that lists one number or more, each a ``check_real``. Raises ValueError for anything else."""
    value_list = [] if isinstance(values, str | bytes | dict) or not hasattr(values, "__iter__") else list(values)
    try:
        if value_list:
            return [check_real(name, value, above=above) for value in value_list]
    except ValueError:
        pass
    kind_of_number = "positive" if above == 0 else "finite"
    raise ValueError(f"{name} must be {kind_of_number} numbers, one or more, got {_short(values)}.")


def check_finite(name: str, values: Any) -> Any:
    """Finite numbers of any shape, a tensor of float64 on the CPU. Raises ValueError for anything else.

    >>> check_finite("means", [[0.1, 2]])
    tensor([[0.1000, 2.0000]], dtype=torch.float64)
    """
    import torch

    try:
        is_tensor = isinstance(values, torch.Tensor)
        tensor = values.detach().cpu() if is_tensor else torch.as_tensor(values, dtype=torch.float64)
        if bool(tensor.isfinite().all()) and tensor.layout == torch.strided and not tensor.is_complex():
            return tensor.double()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass
    raise ValueError(f"{name} must be finite numbers, got {described(values)}.")


def check_sizes(name: str, values: Any) -> tuple[int, ...]:
    """An argument that lists sizes, each at least 1. Raises ValueError for anything else."""
    value_list = () if isinstance(values, str | bytes | dict) or not hasattr(values, "__iter__") else tuple(values)
    if not value_list:
        raise ValueError(f"{name} must be a list of positive whole numbers, got {_short(values)}.")
    return tuple(check_int(f"each number of {name}", value) for value in value_list)


def check_folder(name: str, value: Any) -> Path:
    """An argument that is the path of a folder. Raises TypeError for what is no path."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be the path of a folder, got {_short(value)}.")
    return Path(value)


def check_bool(name: str, value: Any) -> bool:
    """An argument that is True or False. Raises ValueError for anything else, such as "no"."""
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # NumPy's has these names
        raise ValueError(f"{name} must be True or False, got {_short(value)}.")
    return bool(value)


def check_type(name: str, value: Any, kind: type[Kind], advice: str = "") -> Kind:
    """An argument of a type of ours. Raises TypeError, with the ``advice``, for anything else."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be of type {kind.__name__}, got {_short(value)}{advice and '; ' + advice}.")
    return value


def _ndim(value: Any) -> int:
    """How many axes an array or a tensor has; 0 for a number."""
    axes = getattr(value, "ndim", 0)
    return axes if isinstance(axes, int) else 0


def _short(value: Any) -> str:
    """A value as an error shows it: short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def described(value: Any) -> str:
    """A value as an error shows it: dtype and shape of an array or a tensor, else the value, if it is short.

    >>> import torch
    >>> described(torch.zeros(3, 2)), described("a")
    ('torch.float32 of shape (3, 2)', "'a'")
    """
    return f"{value.dtype} of shape {tuple(value.shape)}" if _ndim(value) and hasattr(value, "dtype") else _short(value)


class NonFiniteLoss(ArithmeticError):
    """A loss became NaN or infinite: the first ``term``, ``step`` and ``seed`` where it did.

    ``run``, a ``Run``, holds everything up to the point of the history before, to look at or to save.

    >>> error = NonFiniteLoss("the loss is nan", term="match x", step=7, seed=3)
    >>> error.term, error.step, error.seed
    ('match x', 7, 3)
    """

    def __init__(self, message: str, *, term: str | None = None, step: int | None = None, seed: int | None = None):
        super().__init__(message)
        self.term, self.step, self.seed = term, step, seed
        self.run: Any = None


class DataError(RuntimeError):
    """A data set could not be had, or its file is not what was published. The message says what to do.

    >>> from ganvae_lib.data.images import read_idx
    >>> read_idx(b"<html>not found</html>", "train-images")
    Traceback (most recent call last):
    ganvae_lib.errors.DataError: train-images is not an IDX file of bytes; put the published file in its place.
    """
