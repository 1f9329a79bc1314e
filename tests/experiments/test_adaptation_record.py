"""The study of adaptation at full scale, its pilot, and the record that the chapter reads."""

import json

import pytest
import torch
from helpers import ROOT

from ganvae_lib import interval, zoo
from studies import adaptation, adaptation_pilot as pilot

MODELS = {"source only": zoo.SOURCE_ONLY, "DANN": zoo.DANN, "ADA": zoo.ADA}


def test_the_pilot_trains_the_zoos_objectives_on_images_of_one_shape():
    assert {name: pilot.objective(name) for name in pilot.LINKS} == MODELS
    flat = torch.full((2, 1, 28, 28), 0.3)
    assert torch.allclose(pilot.shrink(flat), torch.full((2, 1, 16, 16), 0.3))
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(pilot.turn(x, 0.0), x, atol=1e-5)
    assert torch.allclose(pilot.turn(x, 90.0), x.rot90(1, (2, 3)), atol=1e-4)  # against the clock, as in the plane


def test_the_record_of_mnist_to_usps_is_what_the_chapter_reads():
    read = lambda name: json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf8"))
    card, tried = read("adaptation"), read("adaptation_pilot")
    assert len(card["seeds"]) == 8 and not set(card["seeds"]) & set(tried["seeds"])
    for model, entry in card["models"].items():
        score = entry["measures"]["target"]
        mean, half = interval(torch.tensor(score["values"], dtype=torch.float64))
        assert mean == pytest.approx(score["mean"], abs=1e-4), model
        assert half == pytest.approx(score["half_width_95"], abs=2e-4), model
    assert list(adaptation.models(ROOT / "results")) == list(card["models"]) == [*pilot.LINKS, "target labels"]
    for model in MODELS:
        rows = [row for row in tried["models"].values() if row["model"] == model]
        best = max(rows, key=lambda row: row["measures"]["accuracy"]["mean"])
        chosen = card["models"][model]
        assert (best["lr"], best["weight"]) == (chosen["training"]["lr"], chosen["weight"])
        assert adaptation.models(ROOT / "results")[model].training["lr"] == best["lr"]
    for model in ("ADA", "DANN"):  # what the chapter says of the two
        gain = card["comparisons"][f"{model} - source only"]["target"]
        assert gain["mean"] - gain["half_width_95"] > 0
