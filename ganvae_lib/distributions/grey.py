"""The law of a grey level in [0, 1]: the continuous Bernoulli, right for logits of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

__all__ = ["ContinuousBernoulli"]

# Up to |t| = NEAR the series of log(sinh(t/2) / (t/2)) is used, made of B_2, B_4, ..., B_20: it is right to 1e-11.
# Beyond it the closed forms lose hardly a digit of single precision to cancellation.
FIRST_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66)
LATER_NUMBERS = (-691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
COEFFICIENTS = tuple(number / (2 * math.factorial(2 * n)) for n, number in enumerate(FIRST_NUMBERS + LATER_NUMBERS, 1))
NEAR = 1.5
NEAR_FOR_QUANTILES = 0.25


def _series(t: Tensor, weight: Callable[[int], float]) -> Tensor:
    """Σ_n weight(n) B_2n t^(2n-2) / (2 (2n)!), by Horner's rule."""
    square = t * t
    total = torch.zeros_like(t)
    for n in range(len(COEFFICIENTS), 0, -1):
        total = total * square + weight(n) * COEFFICIENTS[n - 1]
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

    def _split(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where the series counts; logits for it, and |t| for the closed forms, harmless where the other one counts."""
        size = self.logits.abs()
        near = size < NEAR
        return near, torch.where(near, self.logits, 0.0), torch.where(near, NEAR, size)

    @property
    def probs(self) -> Tensor:
        """λ = σ(t), of which Bernoulli's formula is λˣ (1 - λ)¹⁻ˣ; not the mean."""
        return self.logits.sigmoid()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        near, t, size = self._split()
        inside = (value - 1 / 2) * t - t * t * _series(t, lambda n: 1 / n)
        # From the end that the density leans to, so that nothing large is subtracted from something large.
        distance = torch.where(self.logits > 0, 1 - value, value)
        outside = size.log() - (-torch.expm1(-size)).log() - size * distance
        return torch.where(near, inside, outside)

    @property
    def mean(self) -> Tensor:
        near, t, size = self._split()
        distance = self._mean_distance(size)
        outside = torch.where(self.logits > 0, 1 - distance, distance)
        return torch.where(near, 1 / 2 + t * _series(t, lambda n: 2), outside)

    @staticmethod
    def _mean_distance(size: Tensor) -> Tensor:
        """Of x from the end that the density leans to: 1/|t| - 1/(e^|t| - 1), without overflow."""
        return 1 / size + (-size).exp() / torch.expm1(-size)

    @property
    def variance(self) -> Tensor:
        near, t, size = self._split()
        outside = 1 / size**2 - (-size).exp() / torch.expm1(-size) ** 2
        return torch.where(near, _series(t, lambda n: 2 * (2 * n - 1)), outside)

    def entropy(self) -> Tensor:
        near, t, size = self._split()
        outside = size * self._mean_distance(size) - size.log() + (-torch.expm1(-size)).log()
        return torch.where(near, t * t * _series(t, lambda n: 1 / n - 2), outside)

    def cdf(self, value: Tensor) -> Tensor:
        size = self.logits.abs()
        flat = size == 0
        size = torch.where(flat, 1.0, size)
        positive = self.logits > 0
        distance = torch.where(positive, 1 - value, value)
        beyond = torch.expm1(-size * distance) / torch.expm1(-size)  # P(x nearer to the end than the value)
        return torch.where(flat, value, torch.where(positive, 1 - beyond, beyond))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function log(1 + u (eᵗ - 1)) / t at u = ``value``, with its gradient in t."""
        u, logits = torch.broadcast_tensors(value, self.logits)
        near = logits.abs() < NEAR_FOR_QUANTILES
        t = torch.where(near, logits, 0.0)
        size = torch.where(near, 1.0, logits.abs())
        positive = logits > 0
        beyond = torch.where(positive, 1 - u, u)  # the quantile of -t at 1 - u mirrors that of t: no overflow
        at_the_end = beyond == 1  # where the logarithm may be infinite
        beyond = torch.where(at_the_end, 0.0, beyond)
        # Two forms of 1 - beyond (1 - e^-|t|): one knows how far it is from 1, the other how far from 0.
        log_left = torch.where(
            beyond < 1 / 2,
            torch.log1p(beyond * torch.expm1(-size)),
            (1 - beyond + beyond * (-size).exp()).log(),
        )
        distance = torch.where(at_the_end, 1.0, -log_left / size)
        outside = torch.where(positive, 1 - distance, distance)
        return torch.where(near, _quantile_series(t, u), outside)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))


def _quantile_series(t: Tensor, u: Tensor) -> Tensor:
    """log(1 + u (eᵗ - 1)) / t = Σ_n κ_n t^(n-1) / n! with the cumulants κ_n of a coin with probability u, to t⁶."""
    v, lean = u * (1 - u), 1 - 2 * u
    cumulants = (
        v,
        v * lean,
        v * (1 - 6 * v),
        v * lean * (1 - 12 * v),
        v * (1 - 30 * v + 120 * v**2),
        v * lean * (1 - 60 * v + 360 * v**2),
    )
    total = torch.zeros_like(u)
    for n, cumulant in reversed(list(enumerate(cumulants, 2))):
        total = (total + cumulant / math.factorial(n)) * t
    return u + total


def _kl(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    """KL(p || q): log q is linear, so its mean under p is its value at the end that q leans to, and a slope."""
    positive = q.logits > 0
    mean_distance = torch.where(positive, ContinuousBernoulli(-p.logits, validate_args=False).mean, -p.mean)
    return q.logits * mean_distance - q.log_prob(positive.to(q.logits)) - p.entropy()


register_kl(ContinuousBernoulli, ContinuousBernoulli)(_kl)
