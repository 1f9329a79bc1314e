"""Log-likelihoods and their bounds, in nats per example."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from ..distributions.noise import Noise
from ..distributions.sample import draw
from ..distributions.world import OtherDomain
from ..networks.codes import ImplicitEncoder

__all__ = ["elbo", "iwae", "log_likelihood"]


def _chunks(model, data, limit: int = 2**20):
    """Pieces of the data, with the model's seeds axis, and the model at their labels, where it is told labels.

    The length of a piece does not depend on the number of seeds.
    """
    device = next(model.parameters()).device
    size = max(1, min(2**14, limit // math.prod(data.shape)))
    for start in range(0, len(data), size):
        x, y = (v if v is None else v[start : start + size].to(device) for v in (data.x, getattr(data, "y", None)))
        yield model.at(y if y is None else y.expand(*model.seeds_shape, -1)), x.expand(*model.seeds_shape, *x.shape)


def _bound(model, data, seed: int, pieces) -> Tensor:
    if not {"encoder", "decoder"} <= set(model.networks):
        raise TypeError(f"{model.objective} has no encoder and decoder, so it has no such bound.")
    device = next(model.parameters()).device
    lead = model.seeds_shape
    noise = Noise([seed] * math.prod(lead) if lead else seed, device)  # the same noise for every copy
    total = torch.zeros(lead, dtype=torch.float64, device=device)
    with torch.no_grad():
        for at, x in _chunks(model, data):
            total += pieces(at, x, noise).double().sum(-1)
    return (total / len(data)).reshape(-1).cpu()


def elbo(model, data, *, seed: int = 0) -> Tensor:
    """E_d[E_q log p_θ(x|z) - KL(q_η(z|x) ‖ p(z))], one z per x (Eq. ``eq-elbo``, chapter 03): [seeds], nats."""

    def pieces(model, x, noise):
        q = model.encoder(x)
        return model.decoder(draw(q, noise, "z")).log_prob(x) - kl_divergence(q, model.prior().expand(q.batch_shape))

    return _bound(model, data, seed, pieces)


def iwae(model, data, k: int = 64, *, seed: int = 0) -> Tensor:
    """E_d log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x), z_i ~ q (Eq. ``eq-iwae``, chapter 03): [seeds], nats per example.

    A lower bound on E_d log p_θ(x) for every k, tight as k grows (Burda et al., 2016). Raises ValueError for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")

    def pieces(model, x, noise):
        q = model.encoder(x)
        weights = []
        for _ in range(k):
            z = draw(q, noise, "z")
            weights.append(model.decoder(z).log_prob(x) + model.prior().log_prob(z) - q.log_prob(z))
        return torch.stack(weights).logsumexp(0) - math.log(k)

    return _bound(model, data, seed, pieces)


def log_likelihood(model, data) -> Tensor:
    """E_d log p_θ(x) of a model without codes (Eq. ``eq-chain-rule``, chapter 05): [seeds], nats per example.

    Exact, not a bound. Raises TypeError for a model without a density.
    """
    if "density" not in model.networks:
        raise TypeError(f"{model.objective} has no density of x, so its likelihood cannot be computed.")
    total = torch.zeros(model.seeds_shape, dtype=torch.float64, device=next(model.parameters()).device)
    with torch.no_grad():
        for _, x in _chunks(model, data):
            total += model.density().log_prob(x).double().sum(-1)
    return (total / len(data)).reshape(-1).cpu()


def _has_density(model) -> bool:
    """Has q_η(z|x) a density, against a prior that has one?"""
    if isinstance(model.prior, OtherDomain) or isinstance(model.encoder, ImplicitEncoder):
        return False
    return not {"point", "unit", "uniform"} & set(getattr(model.encoder, "codes", None) or ())
