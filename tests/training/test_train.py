"""Training: seeds in company, noise, known optima, errors, saving; the laws of every model are in tests/laws."""

import json
import math
import os
from dataclasses import replace

import pytest
import torch
from helpers import assert_same_run, drift, images, points, prepared, short, small
from torch import nn

from ganvae_lib import (
    KL,
    LINKS,
    MMD,
    Adversary,
    Batch,
    Data,
    Match,
    Model,
    Noise,
    NonFiniteLoss,
    Reconstruct,
    Run,
    build,
    exact,
    fit,
    nets,
    zoo,
)
from ganvae_lib.objective.links import gradient_penalty
from ganvae_lib.training.batches import Batches

X, Z, GAN_X, GAN_Z = Reconstruct("x"), Reconstruct("z"), Match("x", Adversary()), Match("z", Adversary())
POINTS, IMAGES = points(), images()


# ---------------------------------------------------------------- gradients


def test_the_gradient_penalty_agrees_with_finite_differences():
    model, batch = prepared(zoo.WGAN_GP)
    weights = model.discriminator_x.trunk[1].weight

    def loss():
        batch.noise = Noise(3)
        return gradient_penalty(model.discriminator_x, (batch.x,), (batch.x_from_z.detach(),), batch.noise)

    (slope,) = torch.autograd.grad(loss(), weights)
    for i in (0, 3, 7):
        values = []
        for step in (1e-6, -1e-6):
            weights.data[i, 0] += step
            values.append(loss().item())
            weights.data[i, 0] -= step
        assert math.isclose((values[0] - values[1]) / 2e-6, slope[i, 0], rel_tol=1e-5)


# ---------------------------------------------------------------- networks of one's own, going on


def convolutional_networks(objective):
    down = lambda out: nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, out))
    up = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 64))
    makers = {
        "encoder": lambda: nets.Encoder(down(6)),
        "discriminator_x": lambda: nets.Discriminator(down(1)),
        "decoder": lambda: nets.Decoder(
            up, nets.BernoulliPixels() if "encoder" in objective.networks else nets.PointPixels(squash=True), (1, 8, 8)
        ),
    }
    return Model(objective, {n: makers[n]() for n in objective.networks}, nets.StandardNormal(3))


@pytest.mark.parametrize("objective", [zoo.VAE, zoo.GAN], ids=["VAE", "GAN"])
def test_plain_torch_networks_train_stacked_and_are_kept(objective, tmp_path):
    model = convolutional_networks(objective)
    together = short(model, IMAGES, seeds=[1, 4], steps=20)
    assert_same_run(together, short(model, IMAGES, seeds=[4], steps=20), 1)
    with pytest.warns(UserWarning, match=r"read them back, pass a model.*Run.load\(path, model\)"):
        together.save(tmp_path)
    again = Run.load(tmp_path, convolutional_networks(objective))
    assert torch.equal(again.sample(4), together.sample(4))
    with pytest.raises(ValueError, match=r"pass a model with the same.*Run.load\(path, model\)"):
        Run.load(tmp_path)


def test_training_goes_on_from_where_it_stopped():
    first = short(small(zoo.VAE, POINTS), seeds=[1, 4], steps=30)
    more = short(first.model, seeds=first.seeds, fresh=False, steps=5)
    assert (more.history["reconstruct x"][0] < first.history["reconstruct x"][0] - 0.05).all()
    start = short(small(zoo.VAE, POINTS), seeds=[1, 4], steps=5)
    assert (more.history["reconstruct x"][0] < start.history["reconstruct x"][0]).all()


# ---------------------------------------------------------------- noise, batches


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_noise_is_the_same_in_any_company_and_across_blocks(law):
    numbers = lambda seeds, *others: [
        [getattr(noise, law)("z", 4, 2), *(noise.normal(o, 3) for o in others)][0]
        for noise in [Noise(seeds)]
        for _ in range(600)
    ]
    alone, together = numbers(3), numbers([1, 3, 2], "x", "y")
    assert all(torch.equal(a, b[1]) for a, b in zip(alone, together, strict=True))
    everything = torch.stack(together).double()
    assert len(everything.unique()) > 0.99 * everything.numel()  # nothing repeats: not over seeds, nor over blocks
    mean, variance = (0.0, 1.0) if law == "normal" else (0.5, 1 / 12)
    assert abs(everything.mean() - mean) < 5 * (variance / everything.numel()) ** 0.5
    assert abs(everything.var() / variance - 1) < 0.05


def test_streams_of_seeds_and_names_are_unrelated():
    noise = Noise(list(range(6)))
    rows = torch.cat([noise.normal(name, 4000) for name in ("z", "z from x")])
    assert (torch.corrcoef(rows) - torch.eye(12)).abs().max() < 0.08


def test_large_shapes_draw_in_small_blocks_with_the_same_law():
    a, b = Noise(7), Noise([7])
    for _ in range(3):
        assert torch.equal(a.normal("x", 2**19), b.normal("x", 2**19)[0])


def test_batches_visit_every_example_once_per_epoch():
    x = torch.arange(10.0)[:, None]
    pairs = Batches([x, -x], 3, Noise([0, 1]))
    assert all(torch.equal(a, -b) for a, b in (pairs.next() for _ in range(7)))
    batches = Batches([x], 3, Noise([0, 1]))
    epochs = [torch.cat([batches.next()[0] for _ in range(3)], 1).squeeze(-1) for _ in range(4)]
    for epoch in epochs:
        assert all(len(seed.unique()) == 9 for seed in epoch)
    assert not torch.equal(epochs[0], epochs[1]) and not torch.equal(epochs[0][0], epochs[0][1])
    alone = Batches([x], 3, Noise(1))
    assert torch.equal(torch.cat([alone.next()[0] for _ in range(3)]).squeeze(-1), epochs[0][1])


def test_a_batch_draws_once_and_forgets_what_depends_on_a_moved_player():
    model, batch = prepared(X + Z + GAN_X)
    read = lambda: {n: getattr(batch, n) for n in ("z", "q_z_given_x", "z_from_x", "x_from_z", "x_again", "z_again")}
    kept = lambda a, b: {n for n in a if a[n] is b[n]}
    first = read()
    assert kept(first, read()) == set(first)
    for players, stays in [
        (("phi",), set(first)),
        (("theta",), {"z", "q_z_given_x", "z_from_x"}),
        (("eta",), {"z", "x_from_z"}),
        (("theta", "eta"), {"z"}),
    ]:
        before = read()
        batch.moved(players)
        assert kept(before, read()) == stays
    assert not Batch(model, batch.x, Noise(3), detached=True).x_from_z.requires_grad


# ---------------------------------------------------------------- determinism


def test_deterministic_algorithms_are_no_obstacle():
    torch.use_deterministic_algorithms(True)
    try:
        short(small(zoo.GAN, IMAGES, architecture="conv", width=8), IMAGES, seeds=2, steps=2)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("objective", [zoo.VAE, zoo.GAN], ids=["VAE", "GAN"])
@pytest.mark.parametrize("precision, tolerance", [("tf32", 1e-3), ("bf16", 0.1)])
def test_lower_precision_stays_near_full_precision(objective, precision, tolerance):
    model = small(objective, IMAGES, architecture="conv", width=8)
    full, low = (short(model, IMAGES, seeds=2, steps=10, precision=p) for p in ("fp32", precision))
    for key in full.history:
        assert drift(low.history[key], full.history[key]) < tolerance
    assert all(p.dtype == torch.float32 for p in low.model.parameters())
    assert torch.get_float32_matmul_precision() == "highest"
    if precision == "bf16":
        assert not torch.equal(low.history[key], full.history[key])


@pytest.mark.parametrize(
    "objective",
    [zoo.WAE_MMD, zoo.ALI, zoo.PREDICTABILITY_MINIMISATION, zoo.VAE_GAN],
    ids=["WAE-MMD", "ALI", "predictability minimisation", "VAE/GAN"],
)
def test_new_comparisons_bear_lower_precision(objective):
    model = small(objective, IMAGES, architecture="conv", width=8, codes={zoo.WAE_MMD: "implicit"}.get(objective))
    full, low = (short(model, IMAGES, seeds=2, steps=10, precision=p) for p in ("fp32", "bf16"))
    for key in full.history:
        assert drift(low.history[key], full.history[key], 7.0 if "match z" in key else 0.0) < 0.1, key


def test_mmd_bears_data_far_from_the_origin():
    a, b = POINTS.x[:200], POINTS.x[200:400] * 1.3
    near, far = MMD().distance(a, b), MMD().distance(a + 1000, b + 1000)
    torch.testing.assert_close(far, near, rtol=0, atol=2e-3)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(MMD().distance(a, b), near, rtol=1e-5, atol=0)


def test_history_points_are_means_since_the_last_point():
    model = small(zoo.GAN, POINTS)
    fine, coarse = (short(model, seeds=2, steps=10, log_every=every) for every in (1, 4))
    assert coarse.history.steps == [4, 8, 10] and fine.history.steps == list(range(1, 11))
    for key in fine.history:
        expected = torch.stack([rows.mean(0) for rows in fine.history[key].split(4)])
        torch.testing.assert_close(coarse.history[key], expected, rtol=1e-12, atol=0)
    with pytest.raises(KeyError, match="no loss 'x'"):
        fine.history["x"]


# ---------------------------------------------------------------- known optima


def test_maximum_likelihood_finds_the_moments_of_the_data():
    run = fit(build(zoo.LIKELIHOOD, POINTS), POINTS, 400, batch=512, seeds=2, lr=0.05)
    density = run.model.density()
    for k in range(2):
        torch.testing.assert_close(density.mean[k, 0], POINTS.x.mean(0), rtol=0, atol=1e-3)
        torch.testing.assert_close(density.covariance_matrix[k, 0], POINTS.x.T.cov(correction=0), rtol=1e-3, atol=1e-3)
    drawn = run.sample(50_000)[1]
    torch.testing.assert_close(drawn.T.cov(), density.covariance_matrix[1, 0], rtol=0, atol=0.06)


def test_the_best_discriminator_measures_the_jensen_shannon_divergence():
    """E_d[-log D] + E_g[-log(1-D)] = 2 log 2 - 2 JSD(d, g) at the optimum (Eq. eq-jsd-value)."""

    class Quadratic(nn.Module):  # the log ratio of two normals is a quadratic
        def __init__(self):
            super().__init__()
            self.last = nets.Linear(2, 1)

        def forward(self, x):
            return self.last(torch.cat((x, x**2), -1))

    ranks = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    data = Data(1 + torch.special.ndtri(ranks).float()[:, None], name="normal")
    networks = {
        "decoder": nets.Decoder(nn.Linear(1, 1), nets.PointPixels(), (1,)),
        "discriminator_x": nets.Discriminator(Quadratic()),
    }
    model = Model(zoo.GAN, networks, nets.StandardNormal(1))
    with torch.no_grad():
        for p, value in zip(model.decoder.parameters(), (1.5, 0.0), strict=True):
            p.fill_(value)
    run = fit(model, data, 800, batch=1000, fresh=False, lr={"theta": 0.0, "phi": 0.02}, log_every=400)
    line = exact.line(-12, 12, 4001)
    log_d, log_g = (torch.distributions.Normal(m, s).log_prob(line.points) for m, s in ((1.0, 1.0), (0.0, 1.5)))
    value = 2 * math.log(2) - 2 * line.js(log_d, log_g)
    assert abs(run.history["match x, discriminator"][-1].item() - value) < 0.004
    assert torch.equal(run.model.decoder.trunk.weight, model.decoder.trunk.weight)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("bad, name", [(math.nan, "nan"), (math.inf, "inf")])
def test_the_first_loss_that_is_not_finite_is_named(bad, name, monkeypatch):
    calls = []

    def bomb(t):
        calls.append(1)
        return t + (torch.tensor([[0.0], [bad]]) if len(calls) == 7 else 0)

    monkeypatch.setitem(LINKS, "bomb", replace(LINKS["non-saturating"], generator=bomb))
    model = small(Match("x", Adversary("bomb")), POINTS)
    with pytest.raises(NonFiniteLoss, match=rf"'match x' is {name} at step 7, seed 9; lower lr") as error:
        short(model, seeds=[4, 9], steps=20, log_every=5)
    run = error.value.run
    assert len(calls) == 10 and run.history.steps == [5] and run.history["match x"].isfinite().all()
    assert run.sample(2)[0].isfinite().all()


def test_divergence_is_noticed_in_any_term():
    with pytest.raises(NonFiniteLoss, match=r"at step \d+, seed 0"):
        short(small(zoo.VAE, POINTS), lr=1e6, steps=50)


def test_a_batch_larger_than_the_data_is_the_whole_of_them():
    assert short(small(zoo.LIKELIHOOD, POINTS), batch=10**6, steps=2).history["match x"].shape == (2, 1)


# ---------------------------------------------------------------- samples, saving


def test_samples_are_reproducible_and_shared_codes_show_what_differs():
    run = short(small(zoo.VAE, IMAGES), IMAGES, seeds=2, steps=2)
    assert torch.equal(run.sample(5, seed=1), run.sample(5, seed=1)) and not torch.equal(
        run.sample(5), run.sample(5, seed=1)
    )
    assert set(run.sample(5).unique().tolist()) == {0.0, 1.0}
    z = torch.ones(4, 3)
    for k in range(2):
        expected = run.model.single(k).decoder(z).mean
        torch.testing.assert_close(run.sample(4, z=z, mean=True)[k], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="no decoder"):
        short(small(Match("z", KL()), POINTS), steps=1).sample(3)


@pytest.fixture
def saved(tmp_path):
    run = short(small(zoo.GAN, POINTS), seeds=2, steps=3)
    return run, run.save(tmp_path / "run")


def test_saved_files_are_json_and_safetensors(saved):
    _, path = saved
    assert sorted(p.suffix for p in path.iterdir()) == [".json", ".safetensors"]
    card = json.loads((path / "run.json").read_text())
    assert card["data"]["name"] == "ring" and card["config"]["steps"] == 3
    assert b"pickle" not in (path / card["weights"]).read_bytes()


def the(path, end):
    (found,) = path.glob(f"*{end}")
    return found


@pytest.mark.parametrize("end", ["run.json", ".safetensors"])
@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda p: p.unlink(), "is missing"),
        (lambda p: p.write_bytes(p.read_bytes()[:-20]), "damaged"),
        (lambda p: p.write_bytes(b""), "damaged"),
        (lambda p: p.write_bytes(b"\xff" * 100), "damaged"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\x01"), "damaged"),
        (lambda p: p.write_bytes(b"[1, 2]"), "damaged"),
        (lambda p: p.write_bytes(b'{"objective": 1}'), "damaged"),
    ],
    ids=["missing", "truncated", "empty", "noise", "altered", "list", "other"],
)
def test_damaged_files_are_refused(saved, end, damage, words):
    _, path = saved
    damage(the(path, end))
    with pytest.raises(ValueError, match=words):
        Run.load(path)


def test_weights_of_another_model_are_refused(saved):
    _, path = saved
    with pytest.raises(ValueError, match="do not fit the model"):
        Run.load(path, small(zoo.GAN, POINTS, hidden=(4,)))


@pytest.mark.parametrize("fails_at", [0, 1])
def test_an_interrupted_save_keeps_the_old_run(saved, fails_at, monkeypatch):
    run, path = saved
    other = short(small(zoo.GAN, POINTS), seeds=[7, 8], steps=4)
    done = []

    def interrupted(source, target):
        if len(done) == fails_at:
            raise OSError("no space left")
        done.append(target)
        return rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(OSError):
        other.save(path)
    monkeypatch.undo()
    assert torch.equal(Run.load(path).sample(3), run.sample(3)) and Run.load(path).seeds == [0, 1]
    other.save(path)
    assert torch.equal(Run.load(path).sample(3), other.sample(3)) and len(list(path.iterdir())) == 2
