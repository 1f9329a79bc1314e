"""What ``build`` is asked for, and the observation model that suits data."""

from __future__ import annotations

from torch import Tensor, equal

from ..objective.algebra import Objective
from ..objective.bound import Bound
from ..objective.terms import Match, Reconstruct
from ..objective.tools import KL, Likelihood

__all__ = ["observation"]


def observation(objective: Objective, image: bool, made: list[Tensor | None]) -> tuple[str, bool]:
    """The default p(x|z), and whether samples are its mean."""
    spaces = {t.space for t in objective.terms if isinstance(t, Match) and not isinstance(t.tool, KL | Likelihood)}
    explicit = any(
        isinstance(t, Bound) or (isinstance(t, Reconstruct) and t.variable == "x" and not t.within)
        for t in objective.terms
    )
    mean = explicit and bool(spaces & {"x", "x again"})
    if not explicit:
        return "point", False
    if not image:
        return "gaussian", mean
    # A sample of binary pixels has no gradient: where one is needed, and the mean does not serve, pixels are grey.
    descends = any(isinstance(t, Reconstruct) and t.variable == "z" and "theta" in t.movers for t in objective.terms)
    smooth = bool(spaces & {"xz", "x|z", "z again"}) or descends
    binary = (mean or not smooth) and all(x is not None and _binary(x) for x in made)
    return "bernoulli" if binary else "continuous bernoulli", mean


def _binary(x: Tensor) -> bool:
    """Is every number 0 or 1? By parts that fit a cache: whole data sets come this way before every ``fit``."""
    return all(equal(part * part, part) for part in x.split(1000))
