"""Samples through which gradients flow, from named noise; and the free energy of examples, which needs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, distributions, nn
from torch.nn.functional import one_hot

from ..errors import check_sizes
from .densities import Noiseless, Point, Product, Pushforward, tiled
from .grey import ContinuousBernoulli
from .noise import Noise

__all__ = ["OtherDomain", "draw", "free_energy"]


class OtherDomain(nn.Module):
    """In the place of a prior: z is data too, the examples of a second domain (chapter 12), and is not drawn."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = check_sizes("shape", shape)

    def forward(self) -> distributions.Distribution:
        raise TypeError("here z is data of a second domain, which has no density and is not drawn; pass z=...")


@singledispatch
def draw(p: distributions.Distribution, noise: Noise, name: str) -> Tensor:  # ``noise`` is a source of random numbers
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
