"""The study of adaptation at full scale: its script, and the record that the chapter reads."""

import json

import adaptation
import pytest
import torch
from helpers import ROOT

from ganvae_lib import interval, zoo

MODELS = {"source only": zoo.SOURCE_ONLY, "DANN": zoo.DANN, "ADA": zoo.ADA}


def test_the_script_trains_the_zoos_objectives_on_images_of_one_shape():
    assert {name: adaptation.objective(name) for name in adaptation.LINKS} == MODELS
    flat = torch.full((2, 1, 28, 28), 0.3)
    assert torch.allclose(adaptation.shrink(flat), torch.full((2, 1, 16, 16), 0.3))
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(adaptation.turn(x, 0.0), x, atol=1e-5)
    assert torch.allclose(adaptation.turn(x, 90.0), x.rot90(1, (2, 3)), atol=1e-4)  # against the clock, as in the plane


def test_the_record_of_mnist_to_usps_is_what_the_chapter_reads():
    card = json.loads((ROOT / "results" / "adaptation.json").read_text(encoding="utf8"))
    assert len(card["seeds"]) == 8 and not set(card["seeds"]) & set(card["pilot"]["seeds"])
    for model, scores in card["accuracy"].items():
        values = torch.tensor(scores["target"]["values"], dtype=torch.float64)
        mean, half = interval(values)
        assert mean == pytest.approx(scores["target"]["mean"], abs=1e-4), model
        assert half == pytest.approx(scores["target"]["half_width_95"], abs=2e-4), model
    for model, chosen in card["chosen"].items():
        best = max(
            (row for row in card["pilot"]["rows"] if row["model"] == model), key=lambda row: row["accuracy"]["mean"]
        )
        assert (best["lr"], best["weight"]) == (chosen["lr"], chosen["weight"])
    for model in ("ADA", "DANN"):  # what the chapter says of the two
        gain = card["gain"][model]
        assert gain["mean"] - gain["half_width_95"] > 0
