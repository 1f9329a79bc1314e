"""Intervals over seeds: of a mean, and of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["interval", "paired", "summary"]


def interval(values: Tensor, level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of Student's t interval over the last axis: mean ± t s/√n.

    With one value the half-width is NaN. Raises ValueError for no value at all.
    """
    from scipy.stats import t

    values = torch.as_tensor(values, dtype=torch.float64).flatten()
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value.")
    if n == 1:
        return values.item(), math.nan
    return values.mean().item(), float(t.ppf((1 + level) / 2, n - 1) * values.std() / math.sqrt(n))


def summary(values: Sequence[float]) -> dict:
    """Values by seed, their mean, and the half-width of the 95 % t interval; None with one seed."""
    values = [float(v) for v in values]
    mean, half = interval(torch.tensor(values, dtype=torch.float64))
    return {
        "values": [round(v, 4) for v in values],
        "mean": round(mean, 4),
        "half_width_95": None if math.isnan(half) else round(half, 4),
    }


def paired(base: Sequence[float], variant: Sequence[float]) -> dict:
    """The differences variant - base seed by seed: mean, 95 % t interval, and the effect size e = mean/sd.

    e is None where all differences are equal, or there is one.
    """
    found = summary([b - a for a, b in zip(base, variant, strict=True)])
    spread = torch.tensor(found["values"], dtype=torch.float64).std().item() if len(found["values"]) > 1 else 0.0
    return found | {"effect_size": round(found["mean"] / spread, 3) if spread > 0 else None}
