"""The measures of benchmarks/cyclegan.py, and that its record still says what chapter 12 says of it."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import cyclegan  # noqa: E402

from ganvae_lib import Point, clouds  # noqa: E402

CARD = json.loads((ROOT / "results" / "cyclegan.json").read_text(encoding="utf-8"))


def pretend(encode):
    """A run of one copy whose encoder is the given function."""
    model = SimpleNamespace(encoder=lambda x: Point(encode(x), 1))
    return SimpleNamespace(seeds=[0], model=SimpleNamespace(single=lambda k: model))


@pytest.mark.parametrize(
    "pairs", [clouds(), clouds(symmetric=True), cyclegan.separate()], ids=["overlapping", "symmetric", "separate"]
)
def test_the_truth_has_no_misfit_and_a_shift_has_some(pairs):
    assert abs(cyclegan.misfit(pretend(pairs.truth), pairs)[0]) < 1e-4
    assert cyclegan.misfit(pretend(lambda x: pairs.truth(x) + 0.2), pairs)[0] > 0.05


def test_symmetries_have_no_misfit():
    square = clouds(symmetric=True)
    for s in square.symmetries.float():
        assert abs(cyclegan.misfit(pretend(lambda x, s=s: square.truth(x @ s.T)), square)[0]) < 1e-4


def test_separate_places_are_pairs():
    pairs = cyclegan.separate()
    assert torch.allclose(pairs.truth(pairs.test.x), pairs.test.other, atol=1e-5)
    assert pairs.errors(pairs.truth(pairs.test.x)[None]).item() < 1e-5


def test_weight_zero_is_the_games_alone():
    assert len(cyclegan.cycle(0).terms) == 2 and cyclegan.cycle(1) == cyclegan.zoo.CYCLEGAN


def test_the_record_is_what_the_chapter_says():
    square, worlds = CARD["clouds"]["square"], CARD["clouds"]["worlds"]
    assert sum(square["counts"]) == len(square["seeds"]) == 128
    assert sum(error > 0.25 for error in square["pairing"]["values"]) < 0.1 * 128
    right = {name: torch.tensor(found["pairing"]["values"]) < 0.25 for name, found in worlds.items()}
    fit = {name: torch.tensor(found["misfit"]["values"]) for name, found in worlds.items()}
    judges = {name: torch.tensor(found["judges"]["values"]) for name, found in worlds.items()}
    for name, known in right.items():
        assert 0 < known.sum() < len(known) / 2, name  # most copies are wrong everywhere
    assert fit["separate"][right["separate"]].max() < fit["separate"][~right["separate"]].min()
    assert judges["separate"][right["separate"]].min() > judges["separate"][~right["separate"]].max()
    models = CARD["images"]["models"]
    assert models["convolutional"]["kept"]["mean"] > 0.9 > 0.3 > models["fully connected"]["kept"]["mean"]
    close = {row["weight"]: row["close"] for row in CARD["weights"]}
    assert close[1] == close[0.1] == 1 and max(close[0], close[100]) < 0.7
    noise = {row["std"]: row["round_trip"]["mean"] for row in CARD["thin"]["noise"]}
    assert noise[0.0] < 0.1 and abs(noise[0.05] - 6**-0.5) < 0.05
