"""The measures of the studies of CycleGAN, and that their records still say what chapter 12 says of them."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ganvae_lib import Point, clouds, zoo
from studies import cyclegan

RESULTS = Path(__file__).resolve().parents[2] / "results"
POINTS, IMAGES = (
    json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("cyclegan", "cyclegan_images")
)


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
    assert len(cyclegan.cycle(0).terms) == 2 and cyclegan.cycle(1) == zoo.CYCLEGAN


def test_the_record_is_what_the_chapter_says():
    worlds = {
        name: {model: entry["measures"] for model, entry in world["models"].items()}
        for name, world in POINTS["worlds"].items()
    }
    square, values = worlds["square"], lambda measure: torch.tensor(measure["values"])
    assert (
        sum(round(128 * square["CycleGAN"][f"symmetry {k}"]["mean"]) for k in range(8)) == 128 == len(POINTS["seeds"])
    )
    assert len(values(square["CycleGAN"]["nearest"])) == 128
    assert (values(square["CycleGAN"]["nearest"]) > 0.25).sum() < 0.1 * 128
    longer = {name: models["weight 0.1, longer"] for name, models in worlds.items() if name != "line"}
    right = {name: values(found["pairing"]) < 0.25 for name, found in longer.items()}
    fit = {name: values(found["misfit"]) for name, found in longer.items()}
    losses = {name: values(found["discriminators"]) for name, found in longer.items()}
    assert list(right) == ["square", "overlapping", "separate"]
    for name, known in right.items():
        assert 0 < known.sum() < len(known) / 2, name  # most copies are wrong everywhere
    assert fit["separate"][right["separate"]].max() < fit["separate"][~right["separate"]].min()
    assert losses["separate"][right["separate"]].min() > losses["separate"][~right["separate"]].max()
    images = {name: entry["measures"] for name, entry in IMAGES["models"].items()}
    assert images["convolutional"]["kept"]["mean"] > 0.9 > 0.3 > images["fully connected"]["kept"]["mean"]
    weights = (0, 0.01, 0.1, 1, 10, 100)
    close = {w: (values(square[f"weight {w:g}"]["nearest"]) < 0.25).double().mean() for w in weights}
    assert close[1] == close[0.1] == 1 and max(close[0], close[100]) < 0.7
    line = worlds["line"]["CycleGAN, longer"]
    trip = {std: line[f"round_trip, noise {std:g}"]["mean"] for std in cyclegan.NOISE}
    assert trip[0.0] < 0.1 and abs(trip[0.05] - 6**-0.5) < 0.05
