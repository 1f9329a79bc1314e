"""The studies of chapter 20 on images: equal parameters, digits that nothing has seen, measures with a known answer."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT

from ganvae_lib import build
from ganvae_lib.experiments import Trial
from studies import diffusion_digits as digits, diffusion_digits_pilot, diffusion_mnist as mnist


def parameters(model):
    return sum(p.numel() for network in model.networks.values() for p in network.parameters())


def test_all_models_have_equally_many_parameters_at_every_size():
    counts = [
        parameters(build(objective, (1, 8, 8), latent=8, **networks))
        for objective, networks, _ in digits.MODELS.values()
    ]
    assert max(counts) / min(counts) < 1.005
    for size in (mnist.SMALL, mnist.FULL):
        counts = []
        for name, networks in size["networks"].items():
            objective, own, _ = digits.MODELS[name]
            observation = own.get("observation")
            shape = (1, size["side"], size["side"])
            model = build(objective, shape, architecture="conv", observation=observation, **networks)
            counts.append(parameters(model))
        assert max(counts) / min(counts) < 1.02


def test_adversaries_get_half_of_the_steps():
    assert {name for name, (_, _, share) in digits.MODELS.items() if share == 0.5} == {"GAN", "diffusion-GAN"}
    assert {share for _, _, share in digits.MODELS.values()} == {0.5, 1.0}


def test_the_three_parts_of_the_digits_share_none():
    parts = digits.data()
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [1200, 300, 297]
    every = torch.cat([data.x for data in parts.values()]).flatten(1)
    assert len(every.unique(dim=0)) == 1797 and 0 < every.min() and every.max() < 1


@pytest.fixture(scope="module")
def world():
    parts = digits.data()
    found = SimpleNamespace(sets=parts, **parts)
    vars(found).update(digits.prepare(found))
    return found


def test_the_classifier_knows_the_test_digits(world):
    assert world.facts["accuracy of the classifier"] > 0.95


def test_measures_of_real_digits_of_one_class_and_of_noise(world):
    look = lambda x: {key: values[0] for key, values in digits.look(x[None], world).items()}
    same = look(world.test.x)
    assert same["frechet"] == pytest.approx(0, abs=1e-3) and same["precision"] == same["recall"] == 1
    assert same["laplacian"] == 1 and same["classes"] == 10
    others = look(world.validation.x)
    assert others["classes"] == 10 and others["confident"] > 0.9 and min(others["precision"], others["recall"]) > 0.8
    zero = world.train.x[world.train.y == 0]
    zeros = look(zero.repeat(3, 1, 1, 1)[:297])
    assert zeros["classes"] == 1 and zeros["recall"] < 0.3 and zeros["precision"] > 0.8
    noise = look(torch.rand(297, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert max(noise["precision"], noise["recall"]) < 0.05 and noise["laplacian"] > 1.5
    blurred = look(torch.nn.functional.avg_pool2d(world.validation.x, 3, 1, padding=1))
    assert blurred["laplacian"] < 0.1 and blurred["recall"] < 0.05 and blurred["confident"] < 0.5
    assert others["frechet"] < 5 and min(found["frechet"] for found in (zeros, noise, blurred)) > 100


def test_each_model_has_the_rate_that_was_best_on_the_held_out_digits():
    pilot = json.loads((ROOT / "results" / "diffusion_digits_pilot.json").read_text())
    assert not set(pilot["seeds"]) & set(digits.STUDY.seeds)
    trials, of_mnist = digits.models(Path("nowhere")), mnist.models(Path("nowhere"))
    for name, trial in trials.items():
        entries = [entry for entry in pilot["models"].values() if entry["of"] == name]
        distances = {entry["training"]["lr"]: entry["measures"]["frechet"]["mean"] for entry in entries}
        assert set(distances) == set(diffusion_digits_pilot.RATES)
        assert trial.training["lr"] == min(distances, key=distances.get)
    assert all(trial.training == trials[name.split(",")[0]].training for name, trial in of_mnist.items())


def test_a_denoiser_with_its_trunk_alone_differs_by_the_skip_only():
    trials = mnist.models(Path("nowhere"))
    for name in ("diffusion", "flow matching"):
        assert trials[name].about == {"skip": True} and trials[name + mnist.ALONE].about == {"skip": False}
        assert replace(trials[name + mnist.ALONE], about=trials[name].about) == trials[name]


@pytest.mark.parametrize("size, device", [(mnist.SMALL, "cpu"), (mnist.FULL, None)])
@pytest.mark.parametrize("skip", [False, True])
def test_a_denoiser_has_its_skip_and_the_full_size_the_device_that_there_is(size, device, skip, monkeypatch):
    asked = []
    monkeypatch.setattr(mnist, "fit", lambda model, data, **settings: asked.append((model, settings)))
    monkeypatch.setattr(mnist, "SIZE", size)
    networks = dict(architecture="conv", width=8)
    trial = Trial(digits.MODELS["flow matching"][0], networks, dict(steps=3), about={"skip": skip})
    mnist.train(trial, SimpleNamespace(train=digits.data()["train"]), [0, 1])
    ((model, settings),) = asked
    assert settings == dict(seeds=[0, 1], steps=3, device=device) and model.networks["denoiser_x"].skip is skip


@pytest.mark.parametrize(
    "name, answer, share",
    [
        ("diffusion", torch.zeros_like, 0),
        ("diffusion", torch.clone, 1.01**-0.5),  # σ, as α² + σ² = 1 and α²/σ² = 0.01
        ("flow matching", torch.zeros_like, 1 / 1.1),  # a velocity of 0 is the noise z; σ = t, as (1 - t)/t = 0.1
    ],
)
def test_the_share_that_is_handed_back(name, answer, share, world):
    denoisers = {"denoiser_x": lambda x, time: answer(x)}
    model = SimpleNamespace(objective=digits.MODELS[name][0], networks=denoisers, seeds_shape=())
    (found,) = mnist.handed_back(SimpleNamespace(model=model), SimpleNamespace(real=world.test.x))
    assert found == pytest.approx(share, abs=2e-3)
