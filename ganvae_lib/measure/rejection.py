"""Approximate Bayesian computation: a parameter is accepted when what it simulates looks like what was observed.

The tool is ``Summaries``, the player is chance: no density and no gradient is needed, only a simulator (chapter 14).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..objective.further import Summaries

__all__ = ["Accepted", "sample"]

# Parameters simulated at once: bounds the memory. Another value would give a seed other random numbers.
_CHUNK_SIZE = 2**14

Prior = Callable[[int, torch.Generator], Tensor]
Simulator = Callable[[Tensor, torch.Generator], Tensor]
Summary = Callable[[Tensor], Tensor]


class Accepted(NamedTuple):
    """Parameters that were accepted, nearest first, with their distances; the tolerance; and the acceptance rate."""

    theta: Tensor
    distance: Tensor
    tolerance: float
    rate: float


def sample(
    prior: Prior,
    simulate: Simulator,
    observed: Tensor,
    summaries: Summaries | Summary,
    *,
    draws: int = 100_000,
    keep: int | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> Accepted:
    """Draws from p(θ | ‖s(x) - s(observed)‖ ≤ tolerance): Eq. ``eq-abc`` (chapter 14).

    prior:      (n, generator) -> n parameters, [n, ...].
    simulate:   (parameters [n, ...], generator) -> one data set for each, [n, size, *shape].
    observed:   a data set [size, *shape].
    summaries:  s(x): the tool, or a function from data sets to [n, S].
    draws:      how many parameters to try. Of these are accepted the ``keep`` nearest, or those within ``tolerance``:
                give one of the two.
    As the tolerance falls this tends to p(θ | s(observed)), which is the posterior if s is sufficient (Tavaré et al.,
    1997; Pritchard et al., 1999). Raises ValueError for arguments out of range, shapes that do not fit, summaries that
    are not finite, and a tolerance that accepts nobody.

    A mean of four observations, its prior N(0, 1), and the mean as the summary: the posterior has the mean 4/5 · 1.

    >>> accepted = sample(
    ...     lambda n, generator: torch.randn(n, 1, generator=generator),
    ...     lambda theta, generator: theta[:, None] + torch.randn(len(theta), 4, 1, generator=generator),
    ...     observed=torch.ones(4, 1), summaries=lambda x: x.mean(1), draws=10_000, keep=500,
    ... )
    >>> accepted.rate, round(float(accepted.theta.mean()), 1)
    (0.05, 0.8)
    """
    if (keep is None) == (tolerance is None):
        raise ValueError("give keep (how many to accept) or tolerance (how near is near enough), and not both.")
    keep_is_valid = keep is None or 1 <= keep <= draws
    tolerance_is_valid = tolerance is None or tolerance >= 0
    if draws < 1 or not keep_is_valid or not tolerance_is_valid:
        raise ValueError(f"need 1 <= keep <= draws, or tolerance >= 0; got {draws=}, {keep=}, {tolerance=}.")
    theta, distance = _simulate_all(prior, simulate, observed, summaries, draws, seed)
    distance, nearest_first = distance.sort(stable=True)
    if keep is None:
        assert tolerance is not None  # one of the two is given
        n_accepted = int((distance <= tolerance).sum())
    else:
        n_accepted = keep
        tolerance = float(distance[keep - 1])  # of the farthest that is kept
    if n_accepted == 0:
        raise ValueError(
            f"none of {draws} draws is within {tolerance}; the nearest is at {distance[0]:.3g}. "
            "Raise the tolerance, or draw more."
        )
    return Accepted(theta[nearest_first[:n_accepted]], distance[:n_accepted], tolerance, n_accepted / draws)


def _simulate_all(
    prior: Prior, simulate: Simulator, observed: Tensor, summaries: Summaries | Summary, draws: int, seed: int
) -> tuple[Tensor, Tensor]:
    """All parameters that were drawn, [draws, ...], and how far each one's summaries are from the observed, [draws]."""

    def summarise(data_sets: Tensor) -> Tensor:
        """s(x) of data sets [n, size, *shape]: [n, S]."""
        return summaries.of(data_sets, 1) if isinstance(summaries, Summaries) else summaries(data_sets)

    observed_s = summarise(observed.unsqueeze(0))
    generator = torch.Generator().manual_seed(seed)
    parameters, distances = [], []
    for start in range(0, draws, _CHUNK_SIZE):
        n = min(_CHUNK_SIZE, draws - start)
        theta = prior(n, generator)
        simulated_summaries = summarise(simulate(theta, generator))
        if len(theta) != n or simulated_summaries.shape != (n, *observed_s.shape[1:]) or simulated_summaries.ndim != 2:
            raise ValueError(
                f"for {n} parameters, prior must give {n} rows and summaries [{n}, {observed_s[0].numel()}]; "
                f"got {list(theta.shape)} and {list(simulated_summaries.shape)}."
            )
        parameters.append(theta)
        distances.append((simulated_summaries - observed_s).norm(dim=-1))
    distance = torch.cat(distances)
    if not bool(distance.isfinite().all()):
        raise ValueError("a summary is NaN or infinite; look at the simulator, or choose other summaries.")
    return torch.cat(parameters), distance
