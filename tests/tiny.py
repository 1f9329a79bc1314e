"""Small data and models that several test files share."""

from dataclasses import replace

import torch

from ganvae_lib.data import Data, Domains, ring
from ganvae_lib.model import build

KEPT = 1e-5  # how closely two runs must agree over the first 50 steps


def points(n=512):
    """Points of the ring world."""
    return Data(ring().sample(n, 0), name="ring", world=ring())


def suited(objective, data):
    """``data``, or two domains made of it with labels, where the objective reads them."""
    if not objective.reads:
        return data
    source = replace(data, y=(data.x.flatten(1)[:, 0] > 0).long(), world=None)
    return Domains(source, source.map(lambda x: x.flip(0) + 0.5, "moved"))


def images(side=8, n=192, binary=True, seed=0):
    """Images with one grey level per image and noise on it, so that there is something to learn."""
    g = torch.Generator().manual_seed(seed)
    x = (torch.rand(n, 1, 1, 1, generator=g) + torch.rand(n, 1, side, side, generator=g)) / 2
    return Data((x > 0.5).float() if binary else x, torch.arange(n) % 4, name="blobs")


def small(objective, data, **options):
    """A model with little in it."""
    return build(objective, data, **{"hidden": (16,), "latent": 3, **options})


def drift(a, b):
    """Largest difference of two learning curves, relative to the larger of the value and the curve's mean size.

    The second matters for losses that cross zero.
    """
    return float(((a - b).abs() / torch.maximum(b.abs(), b.abs().mean(0))).max())
