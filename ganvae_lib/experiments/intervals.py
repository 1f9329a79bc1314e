"""Until it stands in measure.intervals."""

from __future__ import annotations

import torch

__all__ = ["difference"]


def difference(a, b) -> dict:
    """Mean of a minus mean of b with Welch's 95 % interval; ``agree`` when it holds 0. Constants have width 0."""
    from scipy.stats import t

    a, b = (torch.tensor([float(v) for v in values], dtype=torch.float64) for values in (a, b))
    va, vb = a.var() / len(a), b.var() / len(b)
    half = 0.0
    if va + vb > 0:
        freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
        half = float(t.ppf(0.975, freedom.item()) * (va + vb).sqrt())
    mean = (a.mean() - b.mean()).item()
    return {"mean": round(mean, 4), "half_width_95": round(half, 4), "agree": abs(mean) <= half}
