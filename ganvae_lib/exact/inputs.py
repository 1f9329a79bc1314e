"""What users hand to an exact world, as tensors; or an error that says what to hand over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..errors import described

__all__ = ["as_tensor", "at_parameters", "is_true_everywhere"]

Result = TypeVar("Result")


def as_tensor(name: str, value: Any) -> Tensor:
    """A tensor as it is, and an array, a list or a number as one of float64. Raises ValueError for anything else."""
    if isinstance(value, Tensor):
        return value
    try:
        return torch.tensor(value.tolist() if hasattr(value, "tolist") else value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be a tensor, an array or a list of numbers, got {described(value)}") from None


def is_true_everywhere(condition: Tensor) -> bool:
    """Is it true everywhere? Under ``vmap``, where nobody may look, it is taken to be."""
    try:
        return bool(condition.all())
    except RuntimeError:
        return True


def at_parameters(function: Callable[[Tensor], Result], name: str, value: Any, like: Tensor) -> Result:
    """function(value), of parameters such as ``like``. Raises ValueError for what it cannot take, and for NaN."""
    parameters = as_tensor(name, value)
    if is_true_everywhere(parameters.isfinite()):
        with suppress(RuntimeError):  # a shape that does not fit
            return function(parameters)
    raise ValueError(f"{name} must be finite parameters [..., {like.shape[-1]}], got {described(parameters)}.")
