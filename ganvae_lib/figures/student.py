"""Student's t interval: the one place of its quantile, for the bands of figures and for the numbers of tables."""

from __future__ import annotations

from typing import Any

__all__ = ["half_width"]


def half_width(standard_error: Any, freedom: float, level: float = 0.95) -> Any:
    """Half of the width of the t interval around an estimate, t s: a number, or an array like ``standard_error``.

    ``freedom`` counts the degrees of freedom: for the mean of n values n - 1.

    >>> round(float(half_width(1.0, 3)), 4)
    3.1824
    """
    from scipy.special import stdtrit  # the t quantile without the slow import of scipy.stats

    return stdtrit(freedom, (1 + level) / 2) * standard_error
