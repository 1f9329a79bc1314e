"""Samples through which gradients flow, from named noise; the free energy, which needs them; the law of a grey."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, distributions
from torch.distributions import Distribution, constraints, register_kl
from torch.nn.functional import one_hot

from .densities import Noiseless, Point, Product, Pushforward, tiled
from .noise import Noise

__all__ = ["ContinuousBernoulli", "draw", "free_energy"]


# Up to |t| = NEAR the series of log(sinh(t/2) / (t/2)) is used, made of B_2, B_4, ..., B_20: it is right to 1e-11.
# Beyond it the closed forms lose hardly a digit of single precision to cancellation.
FIRST_BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66)
LATER_BERNOULLI_NUMBERS = (-691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
COEFFICIENTS = tuple(
    number / (2 * math.factorial(2 * n))
    for n, number in enumerate(FIRST_BERNOULLI_NUMBERS + LATER_BERNOULLI_NUMBERS, 1)
)
NEAR = 1.5
QUANTILE_SERIES_LIMIT = 0.25


def _series(t: Tensor, weight: Callable[[int], float]) -> Tensor:
    """Σ_n weight(n) B_2n t^(2n-2) / (2 (2n)!), by Horner's rule."""
    t_squared = t * t
    total = torch.zeros_like(t)
    for n in range(len(COEFFICIENTS), 0, -1):
        total = total * t_squared + weight(n) * COEFFICIENTS[n - 1]
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
        is_near_zero = abs_logit < NEAR
        return is_near_zero, torch.where(is_near_zero, self.logits, 0.0), torch.where(is_near_zero, NEAR, abs_logit)

    @property
    def probs(self) -> Tensor:
        """λ = σ(t), of which Bernoulli's formula is λˣ (1 - λ)¹⁻ˣ; not the mean."""
        return self.logits.sigmoid()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        is_near_zero, logit, abs_logit = self._split_near_zero()
        series_value = (value - 1 / 2) * logit - logit * logit * _series(logit, lambda n: 1 / n)
        # From the end that the density leans to, so that nothing large is subtracted from something large.
        gap = torch.where(self.logits > 0, 1 - value, value)
        closed_form = abs_logit.log() - (-torch.expm1(-abs_logit)).log() - abs_logit * gap
        return torch.where(is_near_zero, series_value, closed_form)

    @property
    def mean(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        gap = self._mean_distance(abs_logit)
        closed_form = torch.where(self.logits > 0, 1 - gap, gap)
        return torch.where(is_near_zero, 1 / 2 + logit * _series(logit, lambda n: 2), closed_form)

    @staticmethod
    def _mean_distance(abs_logit: Tensor) -> Tensor:
        """Of x from the end that the density leans to: 1/|t| - 1/(e^|t| - 1), without overflow."""
        return 1 / abs_logit + (-abs_logit).exp() / torch.expm1(-abs_logit)

    @property
    def variance(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        closed_form = 1 / abs_logit**2 - (-abs_logit).exp() / torch.expm1(-abs_logit) ** 2
        return torch.where(is_near_zero, _series(logit, lambda n: 2 * (2 * n - 1)), closed_form)

    def entropy(self) -> Tensor:
        is_near_zero, logit, abs_logit = self._split_near_zero()
        closed_form = abs_logit * self._mean_distance(abs_logit) - abs_logit.log() + (-torch.expm1(-abs_logit)).log()
        return torch.where(is_near_zero, logit * logit * _series(logit, lambda n: 1 / n - 2), closed_form)

    def cdf(self, value: Tensor) -> Tensor:
        abs_logit = self.logits.abs()
        is_uniform = abs_logit == 0
        abs_logit = torch.where(is_uniform, 1.0, abs_logit)
        is_positive = self.logits > 0
        gap = torch.where(is_positive, 1 - value, value)
        tail = torch.expm1(-abs_logit * gap) / torch.expm1(-abs_logit)  # P(x nearer to the end than the value)
        return torch.where(is_uniform, value, torch.where(is_positive, 1 - tail, tail))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function log(1 + u (eᵗ - 1)) / t at u = ``value``, with its gradient in t."""
        level, logits = torch.broadcast_tensors(value, self.logits)
        is_near_zero = logits.abs() < QUANTILE_SERIES_LIMIT
        logit = torch.where(is_near_zero, logits, 0.0)
        abs_logit = torch.where(is_near_zero, 1.0, logits.abs())
        is_positive = logits > 0
        tail = torch.where(is_positive, 1 - level, level)  # the quantile of -t at 1 - u mirrors that of t: no overflow
        at_the_end = tail == 1  # where the logarithm may be infinite
        tail = torch.where(at_the_end, 0.0, tail)
        # Two forms of 1 - beyond (1 - e^-|t|): one knows how far it is from 1, the other how far from 0.
        log_remaining = torch.where(
            tail < 1 / 2,
            torch.log1p(tail * torch.expm1(-abs_logit)),
            (1 - tail + tail * (-abs_logit).exp()).log(),
        )
        gap = torch.where(at_the_end, 1.0, -log_remaining / abs_logit)
        closed_form = torch.where(is_positive, 1 - gap, gap)
        return torch.where(is_near_zero, _quantile_series(logit, level), closed_form)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))


def _quantile_series(logit: Tensor, level: Tensor) -> Tensor:
    """log(1 + u (eᵗ - 1)) / t = Σ_n κ_n t^(n-1) / n! with the cumulants κ_n of a coin with probability u, to t⁶."""
    variance, skew = level * (1 - level), 1 - 2 * level
    cumulants = (
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


@singledispatch
def draw(p: distributions.Distribution, noise: Noise, name: str) -> Tensor:
    """A sample of ``p`` through which gradients flow (Eq. ``eq-reparameterisation``, chapter 03), from named noise.

    Bernoulli and one-hot have no such sample: they are drawn all the same, and TypeError is raised by a gradient that
    needs it. A distribution of one's own brings its sampler along by ``draw.register``; TypeError without one.

    >>> from torch.distributions import Gumbel, Normal
    >>> draw(Normal(torch.zeros(2), 1.0), Noise(0), "z").shape
    torch.Size([2])
    >>> @draw.register
    ... def _(p: Gumbel, noise, name):
    ...     return p.loc - p.scale * (-noise.uniform(name, *p.batch_shape).log()).log()
    >>> draw(Gumbel(torch.zeros(2), 1.0), Noise(0), "z").isfinite()
    tensor([True, True])
    """
    raise TypeError(
        f"do not know how to draw from {type(p).__name__} with a gradient; use a Normal or a Point, or say how by "
        "draw.register."
    )


def _batch_shape(p: distributions.Distribution, noise: Noise) -> torch.Size:
    """The batch shape of ``p`` without the seeds axis, which the noise has of its own."""
    return p.batch_shape[len(noise.seeds_shape) :]


@draw.register
def _(p: distributions.Independent, noise: Noise, name: str) -> Tensor:
    return draw(p.base_dist, noise, name)


@draw.register
def _(p: Product, noise: Noise, name: str) -> Tensor:
    return torch.cat([draw(part, noise, f"{name}, part {i}") for i, part in enumerate(p.parts)], -1)


@draw.register(Point)
@draw.register(Noiseless)
def _(p: Point | Noiseless, noise: Noise, name: str) -> Tensor:
    return p.mean


@draw.register
def _(p: Pushforward, noise: Noise, name: str) -> Tensor:
    return p.function(noise.normal(name, *_batch_shape(p, noise), p.noise))


@draw.register
def _(p: distributions.Normal, noise: Noise, name: str) -> Tensor:
    return p.loc + p.scale * noise.normal(name, *_batch_shape(p, noise))


@draw.register
def _(p: distributions.Uniform, noise: Noise, name: str) -> Tensor:
    return p.low + (p.high - p.low) * noise.uniform(name, *_batch_shape(p, noise))


@draw.register
def _(p: distributions.Laplace, noise: Noise, name: str) -> Tensor:
    u = noise.uniform(name, *_batch_shape(p, noise))
    return p.icdf(u.clamp_min(2**-25))  # u is a multiple of 2^-24 below 1, and at 0 the quantile would be infinite


@draw.register(ContinuousBernoulli)
@draw.register(distributions.ContinuousBernoulli)
def _(p: ContinuousBernoulli | distributions.ContinuousBernoulli, noise: Noise, name: str) -> Tensor:
    return ContinuousBernoulli(p.logits, validate_args=False).icdf(noise.uniform(name, *_batch_shape(p, noise)))


@draw.register
def _(p: distributions.Bernoulli, noise: Noise, name: str) -> Tensor:
    sample = noise.uniform(name, *_batch_shape(p, noise)) < p.probs
    return _Discrete.apply(p.probs, sample, name, "Bernoulli")


@draw.register
def _(p: distributions.OneHotCategorical, noise: Noise, name: str) -> Tensor:
    u = noise.uniform(name, *_batch_shape(p, noise), 1)
    # The quantile function: as many classes lie below u as have a cumulative probability below it; never all of them.
    class_index = (p.probs.cumsum(-1)[..., :-1] < u).sum(-1)
    return _Discrete.apply(p.probs, one_hot(class_index, p.event_shape[0]), name, "one-hot")


class _Discrete(torch.autograd.Function):
    """A discrete sample. A gradient that would have to pass through it is an error, not a silent zero."""

    @staticmethod
    def forward(ctx: Any, probs: Tensor, sample: Tensor, name: str, law_name: str) -> Tensor:
        ctx.description = f"{name} is drawn from a {law_name}"
        return sample.to(probs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> None:
        raise TypeError(
            f"{ctx.description}, whose samples carry no gradient; choose observation='gaussian', 'continuous "
            "bernoulli' or 'point', codes='gaussian', or a term for one player only, as in wake-sleep."
        )


def free_energy(model: Any, x: Tensor, noise: Noise, k: int = 1, name: str = "z from x") -> Tensor:
    """F_k(x) = E_{z_1..k ~ q_η(z|x)}[-log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x)]: Eq. ``eq-iwae`` (chapter 03).

    The negative bound of log p_θ(x), with k samples of the code: examples [*seeds, batch, *shape] -> [*seeds, batch],
    in nats. ``name`` is that of the noise of z. For k = 1 it is the negative ELBO of ``eq-elbo`` (chapter 03), and
    the KL term is exact. Raises TypeError for an encoder or a prior without a density.

    >>> from ganvae_lib import Noise, build, free_energy, ring, zoo
    >>> model, x = build(zoo.VAE, (2,)), ring().sample(5, 0)
    >>> free_energy(model, x, Noise(0)).shape, free_energy(model, x, Noise(0), k=8).shape
    (torch.Size([5]), torch.Size([5]))
    """
    batch_axis = len(noise.seeds_shape)  # that of the batch
    posterior = model.encoder(x)
    try:
        if k == 1:
            kl = distributions.kl_divergence(posterior, model.prior().expand(posterior.batch_shape))
            return kl - model.decoder(draw(posterior, noise, name)).log_prob(x)
        posterior = tiled(posterior, k, batch_axis)  # k minibatches side by side: [*seeds, k x batch]
        z = draw(posterior, noise.tiled(k), f"{name}, {k} samples")
        log_weights = model.prior().log_prob(z) - posterior.log_prob(z)
    except NotImplementedError as error:
        raise TypeError("a bound needs the densities of q(z|x) and p(z); choose codes='gaussian'.") from error
    # log p_θ(x, z)/q_η(z|x), the log weight of each sample.
    log_weights = log_weights + model.decoder(z).log_prob(torch.cat([x] * k, batch_axis))
    return math.log(k) - log_weights.unflatten(batch_axis, (k, -1)).logsumexp(batch_axis)
