"""Intervals over seeds: of a mean, of paired differences, and of a difference of two means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import check_real
from ..figures.plots import half_width
from ..models.inputs import numbers

__all__ = ["difference", "format_interval", "interval", "paired", "summary"]


def interval(values: Tensor | Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of Student's t interval over all values: mean ± t s/√n.

    With one value there is no interval, and the half-width is NaN; ``format_interval`` leaves it out. Equal values
    have the half-width 0. Raises ValueError for no value at all, for NaN or infinity, and for a level outside (0, 1).

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> mean, round(half, 2)
    (2.0, 2.48)
    """
    if check_real("level", level, above=0) >= 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}.")
    values = _as_column("values", values)
    count = len(values)
    if count == 1:
        return values.item(), math.nan
    standard_error = values.std().item() / math.sqrt(count)
    return values.mean().item(), float(half_width(standard_error, count - 1, level))


def _as_column(name: str, values: Any) -> Tensor:
    """Finite values, one or more, [n], float64."""
    if isinstance(values, list | tuple) and all(isinstance(value, int | float) for value in values):
        values = torch.tensor(values, dtype=torch.float64)  # else they would be rounded to single precision
    column = numbers(name, values).cpu().double().flatten()
    if not len(column):
        raise ValueError(f"{name} are empty: an interval needs at least one value.")
    return column


def format_interval(
    mean: float, half_width: float | None, within: tuple[float, float] | None = None, digits: int = 2
) -> str:
    """A mean with its interval as text: mean ± half-width; the mean alone if there is no interval (None or NaN).

    ``within`` is the range of what was averaged, such as a count of at most 8 or a share: an interval that would leave
    it is cut there, which loses nothing, as the true mean lies in the range, too.

    >>> format_interval(7.5, 0.2, (0, 8)), format_interval(1.75, 3.28, (0, 8)), format_interval(1.75, None)
    ('7.50 ± 0.20', '1.75, 0.00 to 5.03', '1.75')
    """
    if half_width is None or math.isnan(half_width):
        return f"{mean:.{digits}f}"
    low, high = within or (-math.inf, math.inf)
    if low <= mean - half_width and mean + half_width <= high:
        return f"{mean:.{digits}f} ± {half_width:.{digits}f}"
    return f"{mean:.{digits}f}, {max(low, mean - half_width):.{digits}f} to {min(high, mean + half_width):.{digits}f}"


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Values by seed, their mean, and the half-width of the 95 % t interval; None with one seed.

    >>> summary([1.0, 2.0, 3.0])
    {'values': [1.0, 2.0, 3.0], 'mean': 2.0, 'half_width_95': 2.4841}
    """
    mean, half_width_95 = interval(values)
    return {
        "values": [round(value, 4) for value in _as_column("values", values).tolist()],
        "mean": round(mean, 4),
        "half_width_95": None if math.isnan(half_width_95) else round(half_width_95, 4),
    }


def paired(base: Sequence[float], variant: Sequence[float]) -> dict[str, Any]:
    """The differences variant - base seed by seed: mean, 95 % t interval, and the effect size e = mean/sd.

    e is None where all differences are equal, or there is one. Raises ValueError unless there are as many of each.

    >>> paired([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    {'values': [1.0, 2.0, 3.0], 'mean': 2.0, 'half_width_95': 2.4841, 'effect_size': 2.0}
    """
    base_values, variant_values = _as_column("base", base), _as_column("variant", variant)
    if len(base_values) != len(variant_values):
        raise ValueError(
            f"values are paired seed by seed; got {len(base_values)} of base and {len(variant_values)} of variant."
        )
    differences = variant_values - base_values
    std = differences.std().item() if len(differences) > 1 else 0.0
    largest = max(base_values.abs().max().item(), variant_values.abs().max().item())
    rounding_error = 1e-12 * largest  # the spread of differences that are equal
    effect_size = round(differences.mean().item() / std, 3) if std > rounding_error else None
    return summary(differences.tolist()) | {"effect_size": effect_size}


def difference(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """Mean of ``first`` less mean of ``second`` with Welch's 95 % interval; ``agree`` when it holds 0.

    The two may have different numbers of values and different variances. Constants have an interval of width 0.
    Raises ValueError for fewer than two values of one of them, which have no variance.

    >>> difference([1.0, 2.0, 3.0], [1.5, 2.5])
    {'mean': 0.0, 'half_width_95': 2.4877, 'agree': True}
    """
    values_1, values_2 = _as_column("first", first), _as_column("second", second)
    if min(len(values_1), len(values_2)) < 2:
        raise ValueError(
            f"a difference of means needs two values or more of each, got {len(values_1)} and {len(values_2)}."
        )
    first_variance, second_variance = values_1.var() / len(values_1), values_2.var() / len(values_2)  # of the two means
    variance = first_variance + second_variance  # of their difference
    half_width_95 = 0.0
    if variance > 0:
        # Welch and Satterthwaite: the degrees of freedom of a sum of two estimated variances.
        degrees_of_freedom = variance**2 / (
            first_variance**2 / (len(values_1) - 1) + second_variance**2 / (len(values_2) - 1)
        )
        half_width_95 = float(half_width(variance.sqrt().item(), degrees_of_freedom.item()))
    mean = (values_1.mean() - values_2.mean()).item()
    return {"mean": round(mean, 4), "half_width_95": round(half_width_95, 4), "agree": abs(mean) <= half_width_95}
