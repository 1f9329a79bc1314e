"""Intervals over seeds: of a mean, of paired differences, and of a difference of two means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..figures.plots import half_width

__all__ = ["difference", "interval", "paired", "summary"]


def interval(values: Tensor | Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of Student's t interval over all values: mean ± t s/√n.

    With one value the half-width is NaN. Raises ValueError for no value at all.

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> mean, round(half, 2)
    (2.0, 2.48)
    """
    values = torch.as_tensor(values, dtype=torch.float64).flatten()
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value.")
    if n == 1:
        return values.item(), math.nan
    standard_error = values.std().item() / math.sqrt(n)
    return values.mean().item(), float(half_width(standard_error, n - 1, level))


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Values by seed, their mean, and the half-width of the 95 % t interval; None with one seed.

    >>> summary([1.0, 2.0, 3.0])
    {'values': [1.0, 2.0, 3.0], 'mean': 2.0, 'half_width_95': 2.4841}
    """
    values = [float(value) for value in values]
    mean, half = interval(values)
    return {
        "values": [round(value, 4) for value in values],
        "mean": round(mean, 4),
        "half_width_95": None if math.isnan(half) else round(half, 4),
    }


def paired(base: Sequence[float], variant: Sequence[float]) -> dict[str, Any]:
    """The differences variant - base seed by seed: mean, 95 % t interval, and the effect size e = mean/sd.

    e is None where all differences are equal, or there is one.

    >>> paired([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    {'values': [1.0, 2.0, 3.0], 'mean': 2.0, 'half_width_95': 2.4841, 'effect_size': 2.0}
    """
    differences = summary([b - a for a, b in zip(base, variant, strict=True)])
    values = torch.tensor(differences["values"], dtype=torch.float64)
    deviation = values.std().item() if len(values) > 1 else 0.0
    effect_size = round(differences["mean"] / deviation, 3) if deviation > 0 else None
    return differences | {"effect_size": effect_size}


def difference(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """Mean of ``first`` less mean of ``second`` with Welch's 95 % interval; ``agree`` when it holds 0.

    The two may have different numbers of values and different variances. Constants have an interval of width 0.

    >>> difference([1.0, 2.0, 3.0], [1.5, 2.5])
    {'mean': 0.0, 'half_width_95': 2.4877, 'agree': True}
    """
    a = torch.tensor([float(value) for value in first], dtype=torch.float64)
    b = torch.tensor([float(value) for value in second], dtype=torch.float64)
    variance_a, variance_b = a.var() / len(a), b.var() / len(b)  # of the two means
    variance = variance_a + variance_b  # of their difference
    half = 0.0
    if variance > 0:
        # Welch and Satterthwaite: the degrees of freedom of a sum of two estimated variances.
        degrees_of_freedom = variance**2 / (variance_a**2 / (len(a) - 1) + variance_b**2 / (len(b) - 1))
        half = float(half_width(variance.sqrt().item(), degrees_of_freedom.item()))
    mean = (a.mean() - b.mean()).item()
    return {"mean": round(mean, 4), "half_width_95": round(half, 4), "agree": abs(mean) <= half}
