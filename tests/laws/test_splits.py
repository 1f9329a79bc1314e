"""No two parts and seeds of drawn data share their random numbers: a test part is no training part of another seed."""

from itertools import combinations

import pytest
import torch

from ganvae_lib import clouds, load, styles
from ganvae_lib.data import loading
from ganvae_lib.data.loading import TOYS

SEEDS = range(4)


def traces(name):
    """For each split and seed, a number of each example, in order, that tells what was drawn for it."""
    for split in ("train", "test"):
        for seed in SEEDS:
            data = load(name, split, seed=seed)
            yield data.factors["rotation"] if data.factors else data.x[:, 0]


def shared(a, b):
    """The part of a's values that b has too, in whatever order."""
    return torch.isin(a, b).double().mean()


@pytest.mark.parametrize("name", [*TOYS, "glyphs"])
def test_parts_of_any_two_seeds_have_nothing_in_common(name, monkeypatch):
    if name == "glyphs":
        monkeypatch.setattr(loading, "glyphs", lambda n, seed, glyphs=loading.glyphs: glyphs(40, seed))
    parts = [trace[:500].double() for trace in traces(name)]
    assert len(parts) == 2 * len(SEEDS)
    for a, b in combinations(parts, 2):
        assert shared(a, b) < 0.02  # a coincidence of two fp32 numbers
    again = next(traces(name))
    assert torch.equal(again[:500].double(), parts[0])  # and a part is what it was


def drawn(pairs, data):
    """A number of each example that tells what was drawn for it: its turn, or where it was before it was moved."""
    if data.factors:
        return data.factors["rotation"].double()
    x = data.x.double()
    return (pairs.inverse(x) if data.name.startswith("image") else x)[:, 0]


@pytest.mark.parametrize("make", [clouds, styles])
def test_pairs_of_any_two_seeds_have_nothing_in_common(make):
    """Each seed has three streams: the source and the target to learn from, and one for both sides of the test."""
    streams = []
    for seed in SEEDS:
        pairs = make(n=60, n_test=50, seed=seed)
        streams += [drawn(pairs, data) for data in (pairs.train.source, pairs.train.target, pairs.test.source)]
        assert (drawn(pairs, pairs.test.source) - drawn(pairs, pairs.test.target)).abs().max() < 1e-5  # true partners
    for a, b in combinations(streams, 2):
        near = torch.cdist(a[:, None], b[:, None]).min(1).values < 1e-5
        assert near.double().mean() < 0.05
