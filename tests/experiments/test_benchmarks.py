"""The measures that the studies report, on inputs whose answer is known."""

import json
import math
from pathlib import Path

import pytest
import torch

from ganvae_lib import NonFiniteLoss, build, load, ring, zoo
from ganvae_lib.experiments.study import difference
from ganvae_lib.measure.intervals import summary
from studies import activated, blind, blur, exact_modes, measures

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_frequencies_that_are_right_have_no_divergence_and_a_missing_class_costs_much():
    even = torch.full((4,), 0.25)
    right = measures.frequency_kl(torch.full((4,), 250), even)
    assert right == pytest.approx({"kl_d_g": 0, "kl_g_d": 0}, abs=1e-12)
    one = measures.frequency_kl(torch.tensor([1000, 0, 0, 0]), even)
    assert one["kl_g_d"] == pytest.approx(math.log(4), abs=0.03)
    assert one["kl_d_g"] == pytest.approx(0.25 * math.log(0.25 / 0.997) + 0.75 * math.log(0.25 * 1004), abs=1e-3)


def test_histogram_counts_every_point_once_and_knows_the_outside():
    counts = measures.histogram(torch.tensor([[[-3.95, -3.95], [0.05, 0.15], [9.0, 0.0]]]))
    assert counts.shape == (1, 1601) and counts.sum() == 3
    assert counts[0, 0] == counts[0, 20 * 40 + 20] == counts[0, -1] == 1


def test_histograms_of_the_same_points_have_no_divergence():
    counts = measures.histogram(ring().sample(5000, 0))
    found = measures.histogram_divergences(counts, counts / 5000)
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-12)


def test_modes_of_the_world_itself_and_of_half_of_it():
    world = ring()
    x, component = world.sample(20_000, 0, labels=True)
    d = measures.histogram(x) / len(x)
    whole = measures.modes(x, world, d)
    assert whole["modes"] == 8 and whole["missed_mass"] == 0
    assert whole["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    half = measures.modes(x[component < 4], world, d)
    assert half["modes"] == 4 and half["missed_mass"] == pytest.approx(0.5)
    assert half["kl_g_d"] == pytest.approx(math.log(2), abs=0.02) and half["kl_d_g"] > 2


def test_energies_of_white_noise_and_of_a_ramp():
    noise = torch.randn(400, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert measures.laplacian_energy(noise) == pytest.approx(20, rel=0.05)
    assert measures.gradient_energy(noise) == pytest.approx(4, rel=0.05)
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert measures.laplacian_energy(ramp) == 0 and measures.gradient_energy(ramp) == 1


def test_the_nearest_of_shifted_images_is_the_shift():
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert measures.nearest(images + 0.01, images) == pytest.approx(0.01, abs=1e-4)


def test_kernel_density_is_the_mixture_that_it_says():
    centres, x = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double(), torch.tensor([[0.5, 0.25]]).double()
    square = torch.cdist(x, centres).square()
    each = torch.distributions.Normal(centres, 0.5).log_prob(x).sum(-1)
    expected = each.logsumexp(0) - math.log(2)
    assert blur.kernel_log_density(square, 0.5, 2).item() == pytest.approx(expected.item())
    square[0, 1] = math.inf
    assert blur.kernel_log_density(square, 0.5, 2).item() == pytest.approx(each[0].item())


def test_noise_between_the_grey_levels_keeps_them():
    digits = load("digits", "test")
    noisy = blur.with_noise(digits, 1)
    assert torch.equal((noisy.x * blur.LEVELS).floor(), 16 * digits.x) and torch.equal(noisy.y, digits.y)
    assert 0 < noisy.x.min() and noisy.x.max() < 1 and noisy.digest == blur.with_noise(digits, 1).digest
    position = noisy.x * blur.LEVELS - 16 * digits.x  # in its cell
    assert position.mean().item() == pytest.approx(0.5, abs=0.01)


def test_exact_worlds_are_densities_and_keep_their_own_modes():
    for gap in exact_modes.GAPS.values():
        law = exact_modes.Law(gap)
        assert law.space.integrate(law.log_d.exp()).item() == pytest.approx(1, abs=1e-9)
        found = law.measures(law.log_density(law.wide.points)[None])
        assert found["modes"].item() == 4 and abs(found["jsd"].item()) < 1e-12
    first = [torch.tensor([v]).double() for v in (0, law.means[0], 0.5)]  # the first of the modes that are far apart
    found = law.measures(exact_modes.log_mixture(law.wide.points, *first)[None])
    kept = [found[f"keeps {weight}"].item() for weight in (0.45, 0.05, 0.3, 0.2)]
    assert kept == [1, 0, 0, 0] and found["missed_mass"].item() == pytest.approx(0.55)


def test_a_start_that_fails_is_named():
    trial = exact_modes.STUDY.merged(exact_modes.STUDY.models["KL(d||g), learned"])
    world = exact_modes.STUDY.world("near, together")
    trial.training.update(steps=1, lr=math.inf)
    with pytest.raises(NonFiniteLoss, match="seed 4"):
        exact_modes.train(trial, world, [4, 5])
    trial.training.update(lr=0.02)
    assert exact_modes.train(trial, world, [4, 5]).seeds == [4, 5]


def test_differences_have_welchs_interval_and_constants_none():
    from scipy.stats import ttest_ind

    a, b = [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0, 10.0]
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    found = difference(a, b)
    assert found["mean"] == -3.5 and found["half_width_95"] == pytest.approx((high - low) / 2, abs=1e-4)
    assert found["agree"] == (low <= 0 <= high)
    assert difference([8, 8, 8], [8, 8]) == {"mean": 0.0, "half_width_95": 0.0, "agree": True}
    assert difference([8, 8, 8], [7, 7])["agree"] is False


def test_gains_over_the_vae_are_the_differences_of_their_seeds():
    study = json.loads((RESULTS / "activated.json").read_text(encoding="utf-8"))
    assert list(study["worlds"]) == activated.WORLDS
    for world in study["worlds"].values():
        values = {name: {k: v["values"] for k, v in m["measures"].items()} for name, m in world["models"].items()}
        assert len(world["comparisons"]) == len(world["models"]) - 1
        for pair, gains in world["comparisons"].items():
            one, other = pair.split(" - ")
            assert set(gains) == {"last", "best", "elbo"}
            for key, gain in gains.items():
                found = summary([a - b for a, b in zip(values[one][key], values[other][key], strict=True)])
                assert gain["values"] == pytest.approx(found["values"], abs=2e-4)
                assert gain["mean"] == pytest.approx(found["mean"], abs=2e-4)
                assert gain["half_width_95"] == pytest.approx(found["half_width_95"], abs=2e-4)
        for name, model in world["models"].items():
            last = [curve[-1] for curve in model["series"]["test"]]
            assert values[name]["last"] == last and len(last) == len(study["seeds"]) >= 10


def test_models_of_a_seed_differ_only_in_who_weighs_the_examples():
    x = torch.stack([ring().sample(16, s) for s in (0, 1)])
    objectives = {"VAE": zoo.VAE, "AAVAE": zoo.AAVAE}
    template = {name: build(o, (2,), **activated.NETWORKS["moons"]) for name, o in objectives.items()}
    start = {name: model.copies([0, 1]) for name, model in template.items()}
    for a, b in zip(start["VAE"].of(("theta", "eta")), start["AAVAE"].of(("theta", "eta")), strict=True):
        assert torch.equal(a, b)
    discriminator = lambda model: torch.cat([p.detach().flatten() for p in model.of(("phi",))])
    for name, moves in (("blind", False), ("stopped", False), ("AAVAE", True), ("strong", True), ("informed", True)):
        how = {"steps": 2, "batch_size": 8, "lr": 3e-3} | activated.STUDY.models[name].training
        model, found = activated.weighed(template["AAVAE"], x, x[0], [0, 1], lambda m: 0, **how)
        assert (not torch.equal(discriminator(model), discriminator(start["AAVAE"]))) == moves and found == [0, 0]


def test_the_blind_control_is_paired_with_the_records_beside_it():
    worlds = json.loads((RESULTS / "blind.json").read_text(encoding="utf8"))["worlds"]
    assert list(worlds) == list(blind.BESIDE)
    for name, world in worlds.items():
        known = json.loads((RESULTS / "experiments" / f"{name}.json").read_text(encoding="utf8"))
        train, test = (world["data"][split] for split in ("train", "test"))
        assert all(train[key] == known["data"][key] for key in ("name", "digest", "note"))
        assert (train["n"], test["n"]) == (known["data"]["examples"], known["data"]["test_examples"])
        assert test["digest"] == known["data"]["test_digest"]
        assert world["facts"]["config"] == known["config"] | {"lr": known["config"]["lr"] | {"phi": 0.0}}
        bound = world["models"]["blind"]["measures"]["bound"]["values"]
        assert len(bound) == len(known["seeds"]) == 10
        for who in ("base", "variant"):
            values = known["scores"]["lower bound"][who]["values"]
            assert world["references"][who]["measures"]["bound"]["values"] == values
            deltas = torch.tensor([b - a for a, b in zip(values, bound, strict=True)]).double()
            half = 2.262157 * deltas.std().item() / math.sqrt(10)  # t of 9 degrees of freedom
            found = world["comparisons"][f"blind - {who}"]["bound"]
            assert found["mean"] == pytest.approx(deltas.mean().item(), abs=2e-4)
            assert found["half_width_95"] == pytest.approx(half, abs=2e-4)
