"""The law of a grey level in [0, 1]: the continuous Bernoulli, right for logits of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

__all__ = ["ContinuousBernoulli"]

# Up to |t| = SERIES_LIMIT the series of log(sinh(t/2) / (t/2)) is used, made of B_2, B_4, ..., B_20: it is
# right to 1e-11. Beyond it the closed forms lose hardly a digit of single precision to cancellation.
FIRST_BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66)
LATER_BERNOULLI_NUMBERS = (-691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
SERIES_COEFFICIENTS = tuple(
    number / (2 * math.factorial(2 * n))
    for n, number in enumerate(FIRST_BERNOULLI_NUMBERS + LATER_BERNOULLI_NUMBERS, 1)
)
SERIES_LIMIT = 1.5
QUANTILE_SERIES_LIMIT = 0.25


def _bernoulli_series(t: Tensor, factor: Callable[[int], float]) -> Tensor:
    """Σ_n factor(n) B_2n t^(2n-2) / (2 (2n)!), by Horner's rule."""
    t_squared = t * t
    total = torch.zeros_like(t)
    for n in range(len(SERIES_COEFFICIENTS), 0, -1):
        total = total * t_squared + factor(n) * SERIES_COEFFICIENTS[n - 1]
    return total


class ContinuousBernoulli(Distribution):
    """p(x) = t eᵗˣ / (eᵗ - 1) on [0, 1] with the logit t (Loaiza-Ganem and Cunningham, 2019).

    log p(x) = x t - softplus(t) + log C(t), where log C(t) = log|t| + log(1 + e^-|t|) - log(1 - e^-|t|), and log 2 +
    t²/12 + ... near t = 0: in nats, for ``logits`` and x of any shapes that broadcast. It is what
    ``torch.distributions.ContinuousBernoulli`` is meant to be, which takes |t| > 15.94 for 15.94 in single precision.

    log p(0) = log(-t) + ... and log p(1) = log t + ... grow without bound with |t|: on pixels that are exactly 0 or 1
    no likelihood is the largest (chapter 03). ``rsample`` has a gradient; ``icdf`` is the quantile function.

    >>> p = ContinuousBernoulli(logits=torch.tensor([0.0, 100.0]))
    >>> p.mean, p.log_prob(torch.ones(2))
    (tensor([0.5000, 0.9900]), tensor([0.0000, 4.6052]))
    """

    arg_constraints = {"logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, validate_args: bool | None = None):
        self.logits = logits
        super().__init__(logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ContinuousBernoulli:
        return ContinuousBernoulli(self.logits.expand(batch_shape), validate_args=False)

    def _split_near_zero(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where the series counts; logits for it, and |t| for the closed forms, harmless where the other one counts."""
        abs_logit = self.logits.abs()
        is_near_zero = abs_logit < SERIES_LIMIT
        return (
            is_near_zero,
            torch.where(is_near_zero, self.logits, 0.0),
            torch.where(is_near_zero, SERIES_LIMIT, abs_logit),
        )

    @property
    def probs(self) -> Tensor:
        """λ = σ(t), of which Bernoulli's formula is λˣ (1 - λ)¹⁻ˣ; not the mean."""
        return self.logits.sigmoid()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        is_near_zero, logit, abs_logit = self._split_near_zero()
        series_value = (value - 1 / 2) * logit - logit * logit * _bernoulli_series(logit, lambda n: 1 / n)
        # From the end that the density leans to, so that nothing large is subtracted from something large.
        distance_to_end = torch.where(self.logits > 0, 1 - value, value)
        closed_form = abs_logit.log() - (-torch.expm1(-abs_logit)).log() - abs_logit * distance_to_end
        return torch.where(is_near_zero, series_value, closed_form)

    @property
    def mean(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        distance_to_end = self._mean_distance(abs_logit)
        closed_form = torch.where(self.logits > 0, 1 - distance_to_end, distance_to_end)
        return torch.where(is_near_zero, 1 / 2 + logit * _bernoulli_series(logit, lambda n: 2), closed_form)

    @staticmethod
    def _mean_distance(abs_logit: Tensor) -> Tensor:
        """Of x from the end that the density leans to: 1/|t| - 1/(e^|t| - 1), without overflow."""
        return 1 / abs_logit + (-abs_logit).exp() / torch.expm1(-abs_logit)

    @property
    def variance(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        closed_form = 1 / abs_logit**2 - (-abs_logit).exp() / torch.expm1(-abs_logit) ** 2
        return torch.where(is_near_zero, _bernoulli_series(logit, lambda n: 2 * (2 * n - 1)), closed_form)

    def entropy(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        closed_form = abs_logit * self._mean_distance(abs_logit) - abs_logit.log() + (-torch.expm1(-abs_logit)).log()
        return torch.where(is_near_zero, logit * logit * _bernoulli_series(logit, lambda n: 1 / n - 2), closed_form)

    def cdf(self, value: Tensor) -> Tensor:
        abs_logit = self.logits.abs()
        is_uniform = abs_logit == 0
        abs_logit = torch.where(is_uniform, 1.0, abs_logit)
        is_positive = self.logits > 0
        distance_to_end = torch.where(is_positive, 1 - value, value)
        # P(x nearer to the end than the value).
        tail = torch.expm1(-abs_logit * distance_to_end) / torch.expm1(-abs_logit)
        return torch.where(is_uniform, value, torch.where(is_positive, 1 - tail, tail))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function log(1 + u (eᵗ - 1)) / t at u = ``value``, with its gradient in t."""
        level, logits = torch.broadcast_tensors(value, self.logits)
        is_near_zero = logits.abs() < QUANTILE_SERIES_LIMIT
        logit = torch.where(is_near_zero, logits, 0.0)
        abs_logit = torch.where(is_near_zero, 1.0, logits.abs())
        is_positive = logits > 0
        tail = torch.where(is_positive, 1 - level, level)  # the quantile of -t at 1 - u mirrors that of t: no overflow
        is_at_end = tail == 1  # where the logarithm may be infinite
        tail = torch.where(is_at_end, 0.0, tail)
        # Two forms of 1 - beyond (1 - e^-|t|): one knows how far it is from 1, the other how far from 0.
        log_remaining = torch.where(
            tail < 1 / 2,
            torch.log1p(tail * torch.expm1(-abs_logit)),
            (1 - tail + tail * (-abs_logit).exp()).log(),
        )
        distance_to_end = torch.where(is_at_end, 1.0, -log_remaining / abs_logit)
        closed_form = torch.where(is_positive, 1 - distance_to_end, distance_to_end)
        return torch.where(is_near_zero, _quantile_series(logit, level), closed_form)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))


def _quantile_series(logit: Tensor, level: Tensor) -> Tensor:
    """log(1 + u (eᵗ - 1)) / t = Σ_n κ_n t^(n-1) / n! with the cumulants κ_n of a coin with probability u, to t⁶."""
    variance, skew = level * (1 - level), 1 - 2 * level
    cumulants = (  # κ_2 to κ_7: each is u (1 - u) times the derivative in u of the one before
        variance,
        variance * skew,
        variance * (1 - 6 * variance),
        variance * skew * (1 - 12 * variance),
        variance * (1 - 30 * variance + 120 * variance**2),
        variance * skew * (1 - 60 * variance + 360 * variance**2),
    )
    total = torch.zeros_like(level)
    for n, cumulant in reversed(list(enumerate(cumulants, 2))):
        total = (total + cumulant / math.factorial(n)) * logit
    return level + total


def _kl(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    """KL(p || q): log q is linear, so its mean under p is its value at the end that q leans to, and a slope."""
    q_is_positive = q.logits > 0
    mean_distance = torch.where(q_is_positive, ContinuousBernoulli(-p.logits, validate_args=False).mean, -p.mean)
    return q.logits * mean_distance - q.log_prob(q_is_positive.to(q.logits)) - p.entropy()


register_kl(ContinuousBernoulli, ContinuousBernoulli)(_kl)
