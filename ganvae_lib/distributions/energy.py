r"""The free energy of examples: the negative bound of their log-likelihood under a model, with k samples of the code.

For k = 1 it is the negative ELBO of ``eq-elbo`` (chapter 03), for k > 1

    F_k(x) = E_{z_1..k ~ q_η(z|x)}[-log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x)]      Eq. ``eq-iwae`` (chapter 03)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from .densities import tiled
from .noise import Noise
from .sample import draw

__all__ = ["free_energy"]


def free_energy(model: Any, x: Tensor, noise: Noise, k: int = 1, name: str = "z from x") -> Tensor:
    """F_k(x) of examples [*seeds, batch, *shape], in nats: [*seeds, batch]. ``name`` is that of the noise of z.

    For k = 1 the KL term is exact. Raises TypeError for an encoder or a prior without a density.

    >>> from ganvae_lib import Noise, build, free_energy, ring, zoo
    >>> model, x = build(zoo.VAE, (2,)), ring().sample(5, 0)
    >>> free_energy(model, x, Noise(0)).shape, free_energy(model, x, Noise(0), k=8).shape
    (torch.Size([5]), torch.Size([5]))
    """
    axis = len(noise.seeds_shape)
    q = model.encoder(x)
    try:
        if k == 1:
            kl = kl_divergence(q, model.prior().expand(q.batch_shape))
            return kl - model.decoder(draw(q, noise, name)).log_prob(x)
        q = tiled(q, k, axis)
        z = draw(q, noise.tiled(k), f"{name}, {k} samples")
        log_w = model.prior().log_prob(z) - q.log_prob(z)
    except NotImplementedError as error:
        raise TypeError("a bound needs the densities of q(z|x) and p(z); choose codes='gaussian'.") from error
    log_w = log_w + model.decoder(z).log_prob(torch.cat([x] * k, axis))
    return math.log(k) - log_w.unflatten(axis, (k, -1)).logsumexp(axis)
