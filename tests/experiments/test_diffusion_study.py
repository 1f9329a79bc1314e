"""The study of chapter 20: equal parameters, its measures on inputs whose answer is known, and its record's rates."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT

from ganvae_lib import build, fit, zoo
from ganvae_lib.experiments import Trial
from studies import denoisers, diffusion, measures, teacher


def test_all_models_have_equally_many_parameters():
    data = measures.train_only("ring", diffusion.WORLDS["ring"])["train"]
    counts = []
    for objective, hidden, _ in diffusion.MODELS.values():
        model = build(objective, data, hidden=hidden, latent=diffusion.LATENT)
        counts.append(sum(p.numel() for network in model.networks.values() for p in network.parameters()))
    assert max(counts) / min(counts) < 1.02


def test_points_on_a_line_are_counted_and_those_outside_too():
    counts = diffusion.of_line(torch.tensor([[-3.95], [-3.85], [3.99], [4.01], [-9.0]]))
    assert counts.shape == (41,) and counts.sum() == 5
    assert counts[0] == 2 and counts[39] == 1 and counts[40] == 2


@pytest.mark.parametrize("name", ["line", "needle", "unequal", "grid"])
def test_perfect_samples_are_perfect_and_others_are_not(name):
    world = SimpleNamespace(train=SimpleNamespace(law=diffusion.WORLDS[name]), law=diffusion.WORLDS[name])
    world.count = diffusion.of_line if name in ("line", "needle") else measures.histogram
    world.bins = world.count(world.law.sample(200_000, 1)) / 200_000
    x = world.law.sample(5000, 3)
    (modes,), (missed,), (good,) = (diffusion.look(x[None], world)[k] for k in ("modes", "missed_mass", "high_quality"))
    assert modes == len(world.law.modes) and missed == 0 and good > 0.98
    heavy = int(world.law.weights.argmax())
    one = world.law.modes[heavy] + diffusion.widths(world.law)[heavy] * torch.randn(
        5000, x.shape[-1], generator=torch.Generator().manual_seed(0)
    )
    found = diffusion.look(one[None], world)
    assert found["modes"] == [1.0] and abs(found["missed_mass"][0] - 1 + float(world.law.weights[heavy])) < 1e-6
    least = 0.3 if name == "needle" else 1.0  # a tenth is missed there, and 0.1 log 0.1/p + 0.9 log 0.9 is 0.4
    assert abs(found["spread"][0] - 1) < 0.05 and found["bins_kl_d_g"][0] > least


def test_near_a_mode_is_counted_in_the_modes_own_width():
    law = diffusion.WORLDS["needle"]
    assert diffusion.widths(law).tolist() == pytest.approx([0.8, 0.1]) and law.std == pytest.approx(0.8)
    world = SimpleNamespace(law=law, count=diffusion.of_line, bins=torch.full((41,), 1 / 41, dtype=torch.float64))
    beside = torch.tensor([[[2.6 + 0.25], [2.6 - 0.35], [-1.2 + 2.3], [-1.2 - 2.5]]])
    found = diffusion.look(beside, world)
    assert found["high_quality"] == [0.5] and found["spread"] == pytest.approx([(2.5**2 / 2 + 2.875**2 / 2) ** 0.5])


def test_each_model_has_the_rate_that_was_best_on_the_pinwheel():
    pilot = json.loads((ROOT / "results" / "diffusion_pilot.json").read_text())["models"]
    for name, trial in diffusion.models(Path("nowhere")).items():
        distances = {e["training"]["lr"]: e["measures"]["bins_tv"]["mean"] for e in pilot.values() if e["of"] == name}
        assert len(distances) == 3 and trial.training["lr"] == min(distances, key=distances.get)


def test_a_teacher_is_trained_before_and_then_stays_as_it_is():
    world = SimpleNamespace(train=measures.train_only("ring", diffusion.WORLDS["ring"])["train"])
    networks, training = dict(hidden=(8,), latent=2), dict(steps=4, batch=8, lr=1e-2)
    run = teacher.train(Trial(zoo.DMD, networks | dict(taught=True), training), world, [0, 1])
    by_itself = training | dict(lr=teacher.TEACHERS_RATE, device="cpu", seeds=[0, 1])
    alone = fit(build(teacher.TEACHER, world.train, **networks), world.train, **by_itself)
    pair, start = run.model.networks["scores_x"], build(zoo.DMD, world.train, **networks).copies([0, 1])
    assert all(map(torch.equal, pair.of_data.parameters(), alone.model.networks["denoiser_x"].parameters()))
    moved = start.networks["scores_x"].of_model.parameters()
    assert not any(map(torch.equal, pair.of_model.parameters(), moved))
    untaught = teacher.train(Trial(zoo.DMD, networks, training), world, [0, 1])
    assert not torch.equal(run.sample(5), untaught.sample(5))


def test_denoisers_differ_in_one_thing_at_a_time_and_in_nothing_else():
    trials = denoisers.STUDY.models
    for name, trial in trials.items():
        tool = trial.objective.tool
        assert (tool.path, tool.predicts, tool.weight) == tuple(trial.about.values()) == tuple(name.split(", "))
        assert not trial.networks and not trial.training and trial.share == 1
    said = {(trial.about["says"], trial.about["weight"]) for trial in trials.values()}
    every = {(says, weight) for says in ("velocity", "noise") for weight in ("velocity", "noise", "bound")}
    assert every - said == {("noise", "velocity")} and len(trials) == 2 * len(said) + 1
    record = json.loads((ROOT / "results" / "diffusion.json").read_text())["worlds"]["unequal"]["models"]
    assert all(record[name]["training"]["lr"] == denoisers.RATE for name in ("flow matching", "diffusion, bound"))
