"""The studies of missing modes, of blur and of autoregressive networks: rates, divergences, ways of looking, pixels."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ganvae_lib import LINKS, zoo
from studies import measures, mnist_autoregressive, modes

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_the_rates_of_the_record_are_those_that_its_pilot_chose():
    rates = modes.chosen_rates(RESULTS)
    assert set(rates) == set(modes.MODELS) and len(set(rates.values())) > 1
    record = json.loads((RESULTS / "modes.json").read_text(encoding="utf-8"))
    assert list(record["worlds"]) == list(modes.WORLDS)
    for world in record["worlds"].values():
        assert {name: model["training"]["lr"] for name, model in world["models"].items()} == rates


@pytest.mark.parametrize("failed, expected", [((), 1e-3), ((1e-3,), 1e-2), ((1e-4, 1e-3, 1e-2), 1e-4)])
def test_the_nearest_rate_without_a_failure_is_chosen(failed, expected, tmp_path):
    distance = {1e-4: 0.7, 1e-3: 0.5, 1e-2: 0.6}
    models = {
        f"GAN, {rate:g}": {
            "of": "GAN",
            "training": {"lr": rate},
            "failed": {"100": "the loss is nan"} if rate in failed else {},
            "measures": {"bins_tv": {"mean": mean}},
        }
        for rate, mean in distance.items()
    }
    (tmp_path / "modes_pilot.json").write_text(json.dumps({"models": models}), encoding="utf-8")
    assert modes.chosen_rates(tmp_path) == {"GAN": expected}


def test_what_is_descended_is_the_links_the_bounds_or_the_likelihoods_divergence():
    assert measures.divergence(zoo.REVERSE_KL_GAN) == LINKS[zoo.REVERSE_KL_GAN.tool.link].descends
    assert measures.divergence(zoo.VAE) == r"\mathrm{KL}(d\,q_\eta\,\|\,p_\theta)"
    assert measures.divergence(zoo.LIKELIHOOD) == r"\mathrm{KL}(d\,\|\,g)"


def test_frequencies_count_good_samples_at_their_own_mode():
    world = modes.WORLDS["unequal"]
    x, component = world.sample(50_000, 0, labels=True)
    found = modes.frequencies(x, world)
    assert torch.allclose(found, component.bincount(minlength=8) / 50_000, atol=0.01)
    assert modes.frequencies(x + 10, world).sum() == 0  # nothing is near a mode


def test_a_pixel_is_lonely_if_it_differs_from_all_four_neighbours():
    x = torch.zeros(2, 1, 5, 5)
    x[0, 0, 2, 2] = 1
    x[1, 0, 1, 1] = x[1, 0, 1, 2] = 1  # two that touch are not
    found = mnist_autoregressive.lonely(torch.stack([x[:1], x[1:]]))  # of two sets of one image
    assert found.tolist() == [1, 0] and mnist_autoregressive.lonely(x) == 0.5


def test_the_means_of_models_with_an_encoder_are_looked_at_too():
    run = lambda *networks: SimpleNamespace(model=SimpleNamespace(networks=networks))
    look = lambda mean: {"a": [float(mean)]}
    assert measures.in_both_ways(run("decoder"), look) == {"a": [0.0]}
    assert measures.in_both_ways(run("decoder", "encoder"), look) == {"a": [0.0], "means: a": [1.0]}
    panels = measures.wrapped("VAE", run("decoder", "encoder"), lambda mean: torch.tensor(float(mean)))
    assert {title: x.item() for title, x in panels.items()} == {"VAE samples": 0, "VAE means": 1}


def test_a_cloud_is_its_points_with_two_digits():
    assert measures.cloud(torch.tensor([[1.0, -0.126], [2.5, 3.0]])) == "1.00,-0.13 2.50,3.00"
