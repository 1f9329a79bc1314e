"""Weights and rates that depend on the step: their numbers, how they are written and saved, and what trains with them."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers import assert_same_run, points, same_run, short, small

from ganvae_lib import (
    KL,
    Match,
    Noise,
    Reconstruct,
    Run,
    Schedule,
    constant,
    cosine,
    cyclical,
    fit,
    linear,
    swapped,
    zoo,
)
from ganvae_lib.distributions import SCHEDULES
from ganvae_lib.objective import from_dict, to_dict
from ganvae_lib.training import Settings
from ganvae_lib.training.batches import batch_source

DATA = points(200)
HOW = dict(batch=32, progress=False, device="cpu")
WARM = zoo.beta_vae(linear(0, 1, steps=10))


def model(objective, **options):
    return small(objective, DATA, hidden=(8,), **options)


# ---------------------------------------------------------------- numbers


def test_the_numbers_are_those_of_their_formulas():
    for s in range(25):
        assert linear(2, 0.5, steps=10)(s) == pytest.approx(2 - 1.5 * min(1, s / 10), abs=1e-15)
        assert cosine(1e-3, 1e-4, steps=12)(s) == pytest.approx(
            1e-4 + 9e-4 * (1 + math.cos(math.pi * min(1, s / 12))) / 2, abs=1e-15
        )
        assert cyclical(0, 4, period=8, rise=0.25)(s) == min(4, 4 * (s % 8) / 2)
        assert constant(3)(s) == 3
        assert (linear(0, 1, steps=5) * cosine(2, 0, steps=20))(s) == linear(0, 1, steps=5)(s) * cosine(2, 0, steps=20)(
            s
        )
        assert (3 * cosine(2, 0, steps=20))(s) == pytest.approx(3 * cosine(2, 0, steps=20)(s))
        assert (np.float64(3) * linear(0, 1, steps=20) * 2)(s) == pytest.approx(6 * linear(0, 1, steps=20)(s))


def value_of(formula, s):
    """What a formula in LaTeX says at a step, read by Python."""
    for latex, python in ((r"\min", "min"), (r"\cos", "math.cos"), (r"\pi", "math.pi"), (r"\bmod", "%"), (r"\,", "*")):
        formula = formula.replace(latex, python)
    return eval(formula, {"math": math, "s": s, "min": min})


@pytest.mark.parametrize(
    "schedule",
    [
        linear(0, 1, steps=7),
        linear(0, -2, steps=7),
        linear(1, 0, steps=3),
        linear(2, 0.5, steps=3),
        cosine(0, 1, steps=9),
        cosine(1e-3, 0, steps=9),
        cyclical(0, 1, period=5),
        cyclical(0.5, 3, period=8, rise=0.75),
        constant(2.5),
        linear(0, 1, steps=4) * cosine(0.1, 0.05, steps=9),
    ],
    ids=repr,
)
def test_what_is_written_is_what_is_computed(schedule):
    for s in range(20):
        assert value_of(schedule.formula(), s) == pytest.approx(schedule(s), abs=1e-12)
    assert eval(repr(schedule), dict(SCHEDULES)) == schedule


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: linear(0, 1, steps=0), "steps of linear must be a whole number of at least 1, got 0"),
        (lambda: linear("0", 1, steps=3), "start of linear must be a finite number, got '0'"),
        (lambda: cosine(0, math.nan, steps=3), "end of cosine must be a finite number"),
        (lambda: cyclical(0, 1, period=4, rise=0), "rise of cyclical must be a finite number above 0"),
        (lambda: zoo.beta_vae(constant(0)), r"finite and not zero, got constant\(0\)"),
        (lambda: fit(model(zoo.VAE), DATA, 3, lr=linear(1, -1, steps=3)), "least of lr must be .* at least 0, got -1"),
        (lambda: fit(model(zoo.VAE), DATA, 3, lr={"theta": 1e-3}), "lr names no rate for eta"),
    ],
)
def test_wrong_numbers_are_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_what_cannot_be_added_or_multiplied_is_said():
    with pytest.raises(TypeError, match="cannot be added; write their sum as one schedule"):
        WARM + Match("z", KL())
    with pytest.raises(TypeError):
        linear(0, 1, steps=3) * "2"
    assert sum([linear(0, 1, steps=3)]) == linear(0, 1, steps=3)


# ---------------------------------------------------------------- as a weight


def test_an_objective_with_a_schedule_is_written_with_its_letter():
    assert repr(WARM) == "Reconstruct('x') + linear(0, 1, steps=10) * Match('z', KL())"
    assert str(WARM).splitlines()[2:] == [
        "  η descends E_{d(x) q_η(z|x)}[-log p_θ(x|z)] + β(s) E_{d(x)}[KL(q_η(z|x)‖p(z))]",
        "  where β(s) = min(1, s/10), after s steps",
    ]
    assert r"\beta(s)\,\mathbb{E}_{d(x)}" in WARM._repr_latex_() and r"&\beta(s) = \min(1, s/10)" in WARM._repr_latex_()
    two = cosine(2, 1, steps=5) * Reconstruct("x") - 3 * linear(0, 1, steps=10) * Match("z", KL())
    assert r"\beta_1(s)\,\mathbb{E}" in two.lines()["theta"] and r" + \beta_2(s)\,\mathbb{E}" in two.lines()["eta"]
    assert str(two).splitlines()[-2:] == [
        "  where β_1(s) = 2 - (1-cos(π min(1, s/5)))/2, after s steps",
        "  where β_2(s) = -3 min(1, s/10), after s steps",
    ]


def test_it_is_a_value_like_any_weight():
    assert WARM == zoo.beta_vae(linear(0.0, 1.0, steps=10)) != zoo.beta_vae(linear(0, 1, steps=11))
    assert linear(0, 1, steps=10) * Match("z", KL()) == Match("z", KL(), weight=linear(0, 1, steps=10))
    assert (2 * WARM).terms[1].weight == linear(0, 2, steps=10) and (-WARM).terms[1].weight == linear(0, -1, steps=10)
    assert hash(WARM) == hash(zoo.beta_vae(linear(0, 1, steps=10)))
    assert zoo.name(WARM) == "VAE" and swapped(WARM).terms[1].weight == linear(0, 1, steps=10)
    assert from_dict(json.loads(json.dumps(to_dict(WARM)))) == WARM
    product = zoo.beta_vae(linear(0, 1, steps=10) * cosine(1, 0.5, steps=20))
    assert from_dict(json.loads(json.dumps(to_dict(product)))) == product


def test_one_of_ones_own_prints_trains_and_is_saved(tmp_path):
    @dataclass(frozen=True, repr=False)
    class halves(Schedule):
        first: float
        second: float
        after: int
        values = ("first", "second")

        def __call__(self, step):
            return self.first if step < self.after else self.second

        def formula(self):
            return f"{self.first:g}, {self.second:g}"

        @property
        def extremes(self):
            return self.first, self.second

    try:
        objective = zoo.beta_vae(2 * halves(0, 1, after=5))
        assert repr(objective.terms[1].weight) == "halves(0, 2, after=5)"
        run = fit(model(objective), DATA, 10, **HOW)
        assert Run.load(run.save(tmp_path)).model.objective == objective
        same = fit(model(zoo.beta_vae(linear(0, 1, steps=10))), DATA, 1, **HOW)  # both begin at 0
        assert torch.equal(run.history["match z"][0], same.history["match z"][0])
    finally:
        del SCHEDULES["halves"]


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
def test_it_trains_as_a_loop_by_hand(seeds):
    """Adam by torch over both networks, the sum of the two terms with the weights written out."""
    warm, rate = (lambda s: min(1, s / 10)), (lambda s: 1e-2 * (1 + math.cos(math.pi * min(1, s / 20))) / 2)
    run = fit(model(WARM), DATA, 25, seeds=seeds, lr=cosine(1e-2, 0, steps=20), log_every=1, **HOW)
    copies = model(zoo.VAE).copies(run.model.seeds)
    noise = Noise(copies.seeds)
    next_batch, _ = batch_source(copies, DATA, 32, noise, torch.device("cpu"))
    adam = torch.optim.Adam(copies.parameters(), lr=1.0, fused=True)
    for s in range(25):
        batch = next_batch()
        reconstruct, match = (term.loss(batch) for term in zoo.VAE.terms)
        for group in adam.param_groups:
            group["lr"] = rate(s)
        adam.zero_grad()
        (reconstruct + warm(s) * match).sum().backward()
        adam.step()
        torch.testing.assert_close(run.history["match z"][s], match.detach().double().reshape(-1), rtol=1e-5, atol=1e-6)
    for by_hand, parameter in zip(copies.parameters(), run.model.parameters(), strict=True):
        torch.testing.assert_close(parameter, by_hand, rtol=1e-5, atol=1e-6)


def test_a_weight_of_zero_leaves_a_player_alone_and_then_moves_it():
    still = zoo.VAE.terms[0] + linear(0, 1, steps=10) * zoo.VAE.terms[1]
    only = constant(1) * Reconstruct("x", only=("theta",)) + cyclical(0, 1, period=4, rise=1) * Match("z", KL())
    start, run = (fit(model(only), DATA, steps, **HOW) for steps in (1, 2))
    fresh = model(only).copies(0)
    same = lambda a, b: all(torch.equal(x, y) for x, y in zip(a.of(["eta"]), b.of(["eta"]), strict=True))
    assert same(start.model, fresh) and not same(run.model, fresh) and still == WARM


def test_seeds_in_company_and_stages_see_the_same_weights(tmp_path):
    options = dict(lr={"theta": cosine(1e-2, 1e-3, steps=30), "eta": 1e-3}, log_every=1)
    together = short(model(WARM), DATA, seeds=[5, 2], steps=30, **options)
    assert_same_run(together, short(model(WARM), DATA, seeds=[2], steps=30, **options), 1)
    first = short(model(WARM), DATA, seeds=[5, 2], steps=7, **options)
    again = Run.load(first.save(tmp_path / "run"))
    assert again.config["lr"] == first.config["lr"] and again.model.objective == WARM
    for run in (first, again):
        assert same_run(fit(run, DATA, steps=23), together)
    kept = dict(checkpoint=tmp_path / "kept", checkpoint_every=4)
    short(model(WARM), DATA, seeds=[5, 2], steps=12, **kept, **options)
    assert same_run(short(model(WARM), DATA, seeds=[5, 2], steps=30, resume=True, **kept, **options), together)


def test_a_schedule_in_a_discriminators_game_weighs_the_other_player_only():
    objective = linear(0, 1, steps=5) * zoo.GAN
    run = fit(model(objective), DATA, 1, **HOW)
    plain = fit(model(zoo.GAN), DATA, 1, **HOW)
    of = lambda run, player: list(run.model.of([player]))
    assert all(torch.equal(a, b) for a, b in zip(of(run, "phi"), of(plain, "phi"), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(of(run, "theta"), of(plain, "theta"), strict=True))
    assert str(objective).count("β(s)") == 2  # for theta, and where it is said what it is


def test_a_rate_is_settings_and_config():
    settings = Settings(zoo.VAE, 10, lr=linear(0, 1e-3, steps=5))
    assert settings.config["lr"] == {"name": "linear", "start": 0, "end": 1e-3, "steps": 5}
    assert Settings(zoo.VAE, 10, lr=settings.config["lr"]).lr == linear(0, 1e-3, steps=5)
