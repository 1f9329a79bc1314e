"""What was trained can be saved: numbers are Python's where they enter, and what no file holds is refused at once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import points, same_run, short, small

from ganvae_lib import MMD, Data, Match, Run, fit, zoo
from ganvae_lib.objective import TOOLS, Tool

DATA = points(64)
LABELLED = Data(DATA.x, (DATA.x[:, 0] > 0).long(), "halves")
NUMBERS = [np.float32(0.5), np.float64(0.5), np.float16(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64)]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__} {number.dtype}")
def test_numbers_of_numpy_and_torch_are_saved_as_numbers(number, tmp_path):
    for objective in (zoo.VAE * number, Match("x", MMD("gaussian", (number, 2.0)), weight=number) + zoo.VAE):
        weights = [term.weight for term in objective.terms]
        assert 0.5 in weights and all(type(weight) in (int, float) for weight in weights)
        run = short(
            small(objective, DATA, hidden=(4,), scale=number),
            DATA,
            steps=2,
            checkpoint=tmp_path / "kept" / repr(objective)[:9],
        )
        again = Run.load(run.save(tmp_path / "run"))
        assert again.model.objective == objective and again.model.spec.scale == 0.5 and same_run(again, run)


@pytest.mark.parametrize("classes", [LABELLED.y.max() + 1, np.int64(2), (LABELLED.y.max() + 1).numpy()])
def test_how_many_classes_may_be_counted_by_numpy_or_torch(classes, tmp_path):
    run = short(small(zoo.CVAE, LABELLED, hidden=(4,), classes=classes), LABELLED, steps=2)
    again = Run.load(run.save(tmp_path))
    assert type(again.model.spec.classes) is int and again.model.spec == run.model.spec


@pytest.mark.parametrize("weight", [0, np.float32(0), torch.tensor(0.0), np.nan, torch.tensor(torch.inf)])
def test_what_is_no_weight_is_refused(weight):
    with pytest.raises(ValueError, match="the weight of a term must be finite and not zero, got"):
        Match("x", MMD(), weight=weight)


@dataclass(frozen=True)
class Gap(Tool):
    """The distance of the means of any function of the samples."""

    of: Any = lambda x: x

    def loss(self, batch, space, discriminator=None):
        (target,), (made,) = batch.read(space.target), batch.read(space.made)
        return (self.of(target).mean(-2) - self.of(made).mean(-2)).square().sum(-1)

    def formula(self, w, space, player):
        return "gap"


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    TOOLS["Gap"] = Gap


def test_an_objective_that_json_cannot_hold_is_trained_and_its_weights_are_saved(tmp_path):
    objective = Match("x", Gap(lambda x: x**2))
    model = small(objective, DATA, hidden=(4,))
    options = dict(checkpoint=tmp_path / "kept", checkpoint_every=1, steps=6, batch=16, log_every=1, progress=False)
    run = fit(model, DATA, **options)
    with pytest.warns(UserWarning, match=r"JSON holds no such objective.*pass a model .*Run.load\(path, model\)"):
        run.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())["objective"] is None
    with pytest.raises(
        ValueError, match=r"has an objective of its own; pass a model with the same: Run.load\(path, model\)"
    ):
        Run.load(tmp_path / "run")
    again = Run.load(tmp_path / "run", model)
    assert same_run(again, run) and again.model.objective == objective
    assert same_run(fit(model, DATA, resume=True, **options), run)


def test_what_no_file_holds_is_refused_before_the_first_step(monkeypatch):
    monkeypatch.setattr("ganvae_lib.training.state.Training.step", lambda self: pytest.fail("a step"))
    data = Data(DATA.x, name="x", note=Path("somewhere"))
    with pytest.raises(ValueError, match="a file of JSON cannot hold data.note, a PosixPath, so it could not be saved"):
        short(small(zoo.VAE, data), data)
