"""Objectives and their parts are values: nothing of them can be changed, and what they say of themselves is so."""

import re
from dataclasses import FrozenInstanceError, fields

import pytest
import torch
from cases import CASES
from torch.nn.functional import softplus

from ganvae_lib import (
    KL,
    LINKS,
    MMD,
    SPACES,
    Adversary,
    Bound,
    Classify,
    Denoise,
    Distill,
    Likelihood,
    Match,
    Quantise,
    Summaries,
    Unpredictable,
    semi_supervised,
    zoo,
)
from ganvae_lib.distributions import linear
from ganvae_lib.distributions.noise import Share
from ganvae_lib.objective import TERMS, TOOLS, Reconstruct

PARTS = [
    *(KL(), Likelihood(), Adversary(), MMD(), Summaries(), Denoise(), Distill(), SPACES["x"], LINKS["KL"]),
    *(Match("x", Adversary()), Reconstruct("x"), Bound(), Classify(), Unpredictable(), Quantise()),
    *(zoo.VAE, zoo.VAE.phases()[0]),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_no_part_can_be_changed(part):
    for field in fields(part):
        with pytest.raises(FrozenInstanceError):
            setattr(part, field.name, getattr(part, field.name))


def test_every_kind_of_part_was_tried():
    ours = {kind for kind in (TERMS | TOOLS).values() if kind.__module__.startswith("ganvae_lib.")}
    missing = ours - {type(part) for part in PARTS}
    assert ours and not missing, f"add one of each to PARTS in tests/objective/test_values.py: {missing}"


@pytest.mark.parametrize("tool", [MMD(), Summaries(), KL(), Likelihood(), Adversary()], ids=repr)
def test_a_tool_that_compares_whole_minibatches_is_no_mean_over_halves(tool):
    """The loss of a minibatch is the mean of those of its halves, or the tool says that it is not."""
    distance = getattr(tool, "distance", None)
    assert tool.whole_batches == (distance is not None)
    if distance:
        a, b = (torch.randn(8, 2, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
        halves = (distance(a[:4], b[:4]) + distance(a[4:], b[4:])) / 2
        assert abs(distance(a, b) - halves) > 1e-3
        with pytest.raises(ValueError, match="compares whole minibatches, not examples; train it in one process"):
            Share(1, 2).check(Match("z", tool), 8)
    elif tool.where(SPACES["z"]) is None:
        Share(1, 2).check(Match("z", tool), 8)


@pytest.mark.parametrize("name", [name for name, link in LINKS.items() if link.reversible])
def test_a_link_that_can_be_reversed_is_its_own_mirror_image(name):
    t = torch.linspace(-4, 4, 33, dtype=torch.float64)
    torch.testing.assert_close(LINKS[name].real(-t), LINKS[name].fake(t))


@pytest.mark.parametrize("name", LINKS)
def test_a_link_says_whether_it_is_logistic_and_can_be_reversed(name):
    link, t = LINKS[name], torch.linspace(-4, 4, 33, dtype=torch.float64)
    real, fake = link.real(t), link.fake(t)
    assert link.logistic == (torch.allclose(real, softplus(-t)) and torch.allclose(fake, softplus(t)))
    assert link.reversible == torch.allclose(real, link.fake(-t))


def test_equal_objectives_are_one_key():
    for objective, _, _ in CASES.values():
        assert len({objective, sum(reversed(objective.terms[:-1]), start=objective.terms[-1])}) == 1


@pytest.mark.parametrize(
    ("objective", "culprit"),
    [
        (zoo.VAE + zoo.GAN, "Match('x', Adversary('non-saturating'))"),
        (zoo.GAN + zoo.VAE, "Match('x', Adversary('non-saturating'))"),
        (zoo.VAE + Bound(k=2), "Bound(k=2)"),
        (Bound(inferred="label"), "Bound(inferred='label')"),
    ],
    ids=["last", "first", "two bounds", "inferred already"],
)
def test_what_cannot_be_semi_supervised_is_named(objective, culprit):
    with pytest.raises(TypeError, match="but " + re.escape(culprit) + " is no part of one"):
        semi_supervised(objective)


def test_a_phase_has_its_first_weights_unless_told_the_step():
    (phase,) = (linear(2, 1, steps=10) * Reconstruct("x") + Match("z", KL())).phases()
    losses = dict(zip(phase.keys, torch.tensor([3.0, 5.0]), strict=True))
    assert [phase.total(losses).item(), *(phase.total(losses, step).item() for step in (0, 5, 10, 99))] == [
        *(11.0, 11.0, 9.5, 8.0, 8.0)
    ]
