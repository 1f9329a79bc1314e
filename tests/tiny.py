"""Small data and models that several test files share."""

from dataclasses import replace

import torch

from ganvae_lib import Data, Domains, Noise, World, build, fit, ring

KEPT = 1e-5  # how closely two runs must agree over the first 50 steps


def points(n=512):
    """Points of the ring world."""
    return Data(ring().sample(n, 0), name="ring", law=ring())


def suited(objective, data):
    """``data`` with labels, or two domains made of them, where the objective reads labels or the other domain."""
    if not objective.reads or isinstance(data, Domains):
        return data
    if data.y is None:
        data = replace(data, y=(data.x.flatten(1)[:, 0] > 0).long())
    if "other" not in objective.reads:
        return data
    apart = (
        0.5 if any(t.space == "features" for t in objective.terms) else 0.0
    )  # or unlabelled examples of the same kind
    return Domains(replace(data, law=None), data.map(lambda x: x.flip(0) + apart, "moved"))


def images(side=8, n=192, binary=True, seed=0):
    """Images with one grey level per image and noise on it, so that there is something to learn."""
    g = torch.Generator().manual_seed(seed)
    x = (torch.rand(n, 1, 1, 1, generator=g) + torch.rand(n, 1, side, side, generator=g)) / 2
    return Data((x > 0.5).float() if binary else x, torch.arange(n) % 4, name="blobs")


def small(objective, data, **options):
    """A model with little in it."""
    return build(objective, data, **{"hidden": (16,), "latent": 3, **options})


def short(model, data=None, steps=50, **options):
    """A run of few steps, each of which is recorded."""
    data = suited(model.objective, points() if data is None else data)
    return fit(model, data, steps, **{"batch": 32, "log_every": 1, **options})


def prepared(objective, data=None, seed=3, n=16, **options):
    """A model of two-layer networks in float64, and one minibatch."""
    data = suited(objective, points() if data is None else data)
    model = small(objective, data, **{"hidden": (8,), **options}).copies(seed).double()
    for i, p in enumerate(model.parameters()):  # away from special values such as a zero mean
        p.data += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)).double()
    labels = data.y[:n] if "labels" in model.reads else None
    other = data.other[:n].double() if "other" in model.reads else None
    return model, World(model, data.x[:n].double(), Noise(seed), labels, other)


def drift(a, b, size=0.0):
    """Largest difference of two learning curves, relative to the largest of the value, the curve's mean size and ``size``.

    The last two matter for losses that cross zero: ``size`` is that of the numbers of which they are differences.
    """
    scale = torch.maximum(b.abs(), b.abs().mean(0)).clamp_min(size)
    return float(((a - b).abs() / scale).max())


def assert_same_run(together, alone, column, sizes=None):
    """Seed ``column`` of a run in company has the curves of the run alone."""
    assert together.history.keys() == alone.history.keys()
    for key in alone.history:
        size = (sizes or {}).get(key, 0.0)
        assert drift(together.history[key][:50, column], alone.history[key][:50, 0], size) < KEPT, key
