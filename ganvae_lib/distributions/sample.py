"""Samples through which gradients flow, from named noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Distribution,
    Independent,
    Laplace,
    Normal,
    OneHotCategorical,
    Uniform,
)

from .densities import Noiseless, Point, Product, Pushforward, grey
from .noise import Noise

__all__ = ["draw"]


class _Discrete(torch.autograd.Function):
    """A discrete sample. A gradient that would have to pass through it is an error, not a silent zero."""

    @staticmethod
    def forward(ctx, probs: Tensor, sample: Tensor, name: str, law: str) -> Tensor:
        ctx.what = f"{name} is drawn from a {law}"
        return sample.to(probs)

    @staticmethod
    def backward(ctx, gradient):
        raise TypeError(
            f"{ctx.what}, whose samples carry no gradient; choose observation='gaussian', 'continuous bernoulli' or "
            "'point', codes='gaussian', or a term for one player only, as in wake-sleep."
        )


def draw(p: Distribution, noise: Noise, name: str) -> Tensor:
    """A sample of ``p`` through which gradients flow (Eq. ``eq-reparameterisation``, chapter 03), from named noise.

    Bernoulli and one-hot have no such sample: they are drawn all the same, and TypeError is raised by a gradient that
    needs it.
    """
    if isinstance(p, Point | Noiseless):
        return p.mean
    if isinstance(p, Product):
        return torch.cat([draw(part, noise, f"{name}, part {i}") for i, part in enumerate(p.parts)], -1)
    base = p.base_dist if isinstance(p, Independent) else p
    shape = base.batch_shape[len(noise.seeds_shape) :]
    match base:
        case Normal():
            return base.loc + base.scale * noise.normal(name, *shape)
        case Uniform():
            return base.low + (base.high - base.low) * noise.uniform(name, *shape)
        case Laplace():  # the ends of the interval are at infinity
            return base.icdf(noise.uniform(name, *shape).clamp(1e-6, 1 - 1e-6))
        case ContinuousBernoulli():
            return grey(base.logits, noise.uniform(name, *shape))
        case Pushforward():
            return base.function(noise.normal(name, *shape, base.noise))
        case Bernoulli():
            return _Discrete.apply(base.probs, noise.uniform(name, *shape) < base.probs, name, "Bernoulli")
        case OneHotCategorical():
            u, n = noise.uniform(name, *shape, 1), base.event_shape[0]
            index = (base.probs.cumsum(-1)[..., :-1] < u).sum(-1)
            return _Discrete.apply(base.probs, torch.nn.functional.one_hot(index, n), name, "one-hot")
    raise TypeError(f"do not know how to draw from {type(base).__name__} with a gradient; use a Normal or a Point.")
