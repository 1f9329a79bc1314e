"""Clipping, averages and other optimizers: as torch has them, and each seed's for itself."""

import functools
import math

import numpy as np
import pytest
import torch
from helpers import assert_same_run, points, same_run, short, small
from torch import nn

from ganvae_lib import Model, Run, fit, nets, zoo
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.optimizers import OPTIMIZERS, Recipe, _laid_out_like

DATA = points(200)
HOW = dict(batch=32, progress=False, device="cpu", log_every=5)
SGD = functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True)
CHOICES = {
    "SGD": (SGD, dict(lr=1e-2)),
    "AdamW": (functools.partial(torch.optim.AdamW, weight_decay=0.1), {}),
    "RMSprop": (torch.optim.RMSprop, dict(lr=1e-3)),
    "Adagrad": (torch.optim.Adagrad, dict(lr=1e-2)),
    "Adadelta": (torch.optim.Adadelta, dict(lr=1.0)),
    "Adamax": (torch.optim.Adamax, {}),
    "NAdam": (torch.optim.NAdam, {}),
    "RAdam": (torch.optim.RAdam, {}),
    "ASGD": (torch.optim.ASGD, dict(lr=1e-2)),
    "Rprop": (torch.optim.Rprop, dict(lr=1e-4)),
    "Adam of one's own": (functools.partial(torch.optim.Adam, weight_decay=0.1, amsgrad=True), {}),
}


def model(objective=zoo.VAE):
    return small(objective, DATA, hidden=(8,))


def own():
    """Networks of which some layers carry the seeds axis and some do not."""
    trunk = lambda out: nn.Sequential(nn.Linear(2, 8), nn.PReLU(), nn.Linear(8, out))
    networks = {"encoder": nets.Encoder(trunk(4)), "decoder": nets.Decoder(trunk(2), nets.Gaussian(), (2,))}
    return Model(zoo.VAE, networks, nets.StandardNormal(2))


# ---------------------------------------------------------------- optimizers


@pytest.mark.parametrize("name", CHOICES)
def test_a_seed_in_company_is_the_seed_alone_and_goes_on_exactly(name, tmp_path):
    optimizer, rates = CHOICES[name]
    options = dict(optimizer=optimizer, steps=20, **rates)
    together = short(model(), DATA, seeds=[5, 2], **options)
    assert_same_run(together, short(model(), DATA, seeds=[2], **options), 1)
    first = short(model(), DATA, seeds=[5, 2], **(options | dict(steps=8)))
    for run in (first, Run.load(first.save(tmp_path))):
        assert same_run(fit(run, DATA, steps=12), together)
    plain = short(model(), DATA, seeds=[5, 2], **(options | dict(optimizer=None)))
    assert not same_run(plain, together)


def test_it_is_torchs():
    run = fit(model(), DATA, 12, optimizer=SGD, lr=1e-2, **HOW)
    by_hand = Training(model(), DATA, Settings(zoo.VAE, 12, batch=32, device="cpu", lr=1e-2))
    by_hand.optimizers = [torch.optim.SGD(by_hand.model.parameters(), lr=1e-2, momentum=0.9, nesterov=True)]
    by_hand.optimizers[0].param_groups[0]["rate"] = 1e-2
    for _ in range(12):
        by_hand.step()
    assert all(torch.equal(a, b) for a, b in zip(run.model.parameters(), by_hand.model.parameters(), strict=True))
    assert run.config["optimizer"] == {"name": "SGD", "momentum": 0.9, "nesterov": True}


def test_adam_is_torchs():
    """To the bit, though torch wraps its own methods, and ours are not wrapped; and so is what it says of itself."""
    run = fit(model(), DATA, 12, progress=False, batch=32, device="cpu")
    by_hand = Training(model(), DATA, Settings(zoo.VAE, 12, batch=32, device="cpu"))
    ours = by_hand.optimizers[0]
    groups = [group | dict(params=list(group["params"])) for group in ours.param_groups]
    theirs = torch.optim.Adam(groups, fused=True)
    assert type(ours) is not type(theirs) and isinstance(ours, torch.optim.Adam)
    by_hand.optimizers = [theirs]
    for _ in range(12):
        by_hand.step()
    assert all(torch.equal(a, b) for a, b in zip(run.model.parameters(), by_hand.model.parameters(), strict=True))
    ours.load_state_dict(theirs.state_dict())
    a, b = ours.state_dict(), theirs.state_dict()
    assert a["param_groups"] == b["param_groups"] and a["state"].keys() == b["state"].keys() and a["state"]
    assert all(torch.equal(a["state"][i][name], value) for i in b["state"] for name, value in b["state"][i].items())


def test_adam_that_is_to_be_differentiable_is_that_of_torch():
    weight = torch.ones(2, requires_grad=True)
    moved = weight.clone()
    moved.grad, copied = 2 * weight, moved.grad_fn
    adam = Recipe(functools.partial(torch.optim.Adam, differentiable=True))
    adam([{"params": [moved], "lr": 0.1}], (0.9, 0.999), torch.device("cpu")).step()
    assert moved.grad_fn is not copied, "the step is in the graph"


def test_the_usual_one_is_adam_to_the_bit():
    usual, named = (fit(model(zoo.GAN), DATA, 10, seeds=2, optimizer=o, **HOW) for o in (None, torch.optim.Adam))
    assert same_run(usual, named) and "optimizer" not in usual.config


class Coupled(torch.optim.Optimizer):
    """Divides by the norm of a whole parameter, over all seeds."""

    def __init__(self, params, lr=1e-3):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad / (p.grad.norm() + 1e-8)


@pytest.mark.parametrize(
    "optimizer, words",
    [
        (Coupled, "Coupled mixes parameters across seeds.*one seed at a time"),
        (torch.optim.Adafactor, "Adafactor mixes parameters across seeds"),
        (torch.optim.LBFGS, "LBFGS needs a closure"),
        (torch.optim.SparseAdam, "SparseAdam cannot train these networks"),
        ("SGD", "must be a class of torch.optim, such as torch.optim.SGD.*got 'SGD'"),
        (nn.Linear, "must be a class of torch.optim"),
        (functools.partial(torch.optim.SGD, lr=1.0), "lr=1.0 cannot be an option.*fit's lr="),
        (functools.partial(torch.optim.SGD, momentum=torch.ones(1)), "momentum=.* cannot be an option"),
        (functools.partial(torch.optim.SGD, momentum=-1.0), "SGD cannot train these networks: Invalid momentum"),
    ],
    ids=str,
)
def test_what_is_no_optimizer_of_seeds_is_refused_by_name(optimizer, words):
    with pytest.raises(ValueError, match=words):
        fit(model(), DATA, 2, seeds=2, optimizer=optimizer, lr=1e-3, **HOW)


def test_an_optimizer_that_has_its_weights_already_is_refused():
    optimizer = torch.optim.SGD(
        [torch.zeros(1)], lr=1.0
    )  # not as a case above: each process of the tests would make it
    with pytest.raises(ValueError, match="must be a class of torch.optim.*got SGD "):
        fit(model(), DATA, 2, seeds=2, optimizer=optimizer, lr=1e-3, **HOW)


def test_one_that_mixes_may_train_one_seed():
    for optimizer in (Coupled, torch.optim.Adafactor):
        run = fit(model(), DATA, 4, seeds=[3], optimizer=optimizer, lr=1e-3, **HOW)
        assert same_run(fit(fit(model(), DATA, 2, seeds=[3], optimizer=optimizer, lr=1e-3, **HOW), steps=2), run)
    del OPTIMIZERS["Coupled"]


def test_rates_and_betas_of_others_must_be_said():
    with pytest.raises(ValueError, match="SGD has no betas and no usual rate: say lr="):
        fit(model(), DATA, 2, optimizer=torch.optim.SGD, **HOW)
    with pytest.raises(ValueError, match="SGD has no betas"):
        fit(model(), DATA, 2, optimizer=torch.optim.SGD, lr=1e-3, betas=(0.9, 0.9), **HOW)


def test_another_optimizer_on_the_way_begins_without_moments():
    first = fit(model(), DATA, 5, seeds=2, **HOW)
    other = fit(first, steps=5, optimizer=SGD, lr=1e-2)
    bare = Training(first.model, DATA, Settings(zoo.VAE, 10, batch=32, seeds=2, fresh=False, optimizer=SGD, lr=1e-2))
    for _ in range(5):
        bare.step()
    assert all(torch.equal(a, b) for a, b in zip(other.model.parameters(), bare.model.parameters(), strict=True))


def test_the_check_of_an_optimizer_sees_a_coupling():
    Recipe(Coupled).check((0.9, 0.999), stacked=False)
    with pytest.raises(ValueError, match="mixes"):
        Recipe(Coupled).check((0.9, 0.999), stacked=True)
    del OPTIMIZERS["Coupled"]


# ---------------------------------------------------------------- clipping


@pytest.mark.parametrize("shape", [(3, 300, 400), (3, 4, 5), (300, 400), (2, 3, 4, 5)])
def test_a_gradient_that_lies_across_is_turned_and_has_the_same_numbers(shape):
    parameter, gradient = torch.zeros(shape), torch.randn(*shape[:-2], shape[-1], shape[-2]).mT
    turned = _laid_out_like(parameter, gradient)
    assert turned.stride() == parameter.stride() != gradient.stride() and torch.equal(turned, gradient)
    assert _laid_out_like(parameter, turned) is turned


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
@pytest.mark.parametrize("networks", [lambda: model(zoo.GAN), own], ids=["GAN", "own"])
def test_clipping_is_torchs_for_each_player_of_each_seed(networks, seeds):
    """A step of plain descent with rate 1 subtracts the clipped gradient."""
    start = networks()
    rule = dict(optimizer=torch.optim.SGD, lr=1.0, seeds=seeds, **HOW)
    free, clipped = (fit(start, DATA, 1, clip=clip, **rule) for clip in (None, 0.05))
    copies = start.copies(clipped.model.seeds)
    listed = seeds if isinstance(seeds, list) else range(seeds)
    for player in copies.objective.players:
        for k, _ in enumerate(listed):
            of_seed = lambda tensors, k=k, player=player: [
                t[k] if copies.seeds_shape and copies.seed_of(p) is None else t
                for t, p in zip(tensors, copies.of([player]), strict=True)
                if copies.seed_of(p) in (None, k)
            ]
            moved = lambda run, p=player: [a - b for a, b in zip(copies.of([p]), run.model.of([p]), strict=True)]
            gradients = [nn.Parameter(torch.zeros_like(g)) for g in of_seed(moved(free))]
            for parameter, gradient in zip(gradients, of_seed(moved(free)), strict=True):
                parameter.grad = gradient.detach().clone()
            norm = nn.utils.clip_grad_norm_(gradients, 0.05)
            found = of_seed(moved(clipped))
            if player == "phi" or copies.objective == zoo.VAE:  # who moves first sees the same in both
                for a, parameter in zip(found, gradients, strict=True):
                    torch.testing.assert_close(a, parameter.grad, rtol=1e-4, atol=1e-6)
            assert norm > 0.05 and torch.stack([f.square().sum() for f in found]).sum().sqrt() < 0.0501


@pytest.mark.parametrize("networks", [lambda: model(zoo.WGAN_GP), own], ids=["WGAN-GP", "own"])
def test_clipped_in_company_is_clipped_alone(networks):
    options = dict(clip=0.1, steps=20)
    together = short(networks(), DATA, seeds=[5, 2], **options)
    assert_same_run(together, short(networks(), DATA, seeds=[2], **options), 1)
    assert not same_run(together, short(networks(), DATA, seeds=[5, 2], steps=20))


def test_a_wide_limit_changes_nothing_and_none_can_be_asked_for():
    plain, wide = (fit(model(), DATA, 8, clip=clip, seeds=2, **HOW) for clip in (None, 1e9))
    assert same_run(plain, wide) and wide.config["clip"] == 1e9
    assert "clip" not in fit(wide, steps=1, clip=math.inf).config and fit(wide, steps=1).config["clip"] == 1e9


# ---------------------------------------------------------------- averages


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
@pytest.mark.parametrize("networks", [model, own], ids=["built", "own"])
def test_averages_are_torchs(networks, seeds, tmp_path):
    run = fit(networks(), DATA, 12, seeds=seeds, ema=0.8, **HOW)
    settings = Settings(zoo.VAE, 12, batch=32, seeds=seeds, device="cpu", log_every=5)
    training = Training(networks(), DATA, settings)
    expected = torch.optim.swa_utils.AveragedModel(
        training.model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.8)
    )
    for _ in range(12):
        training.step()
        expected.update_parameters(training.model)
    same = lambda a, b: all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert same(run.averaged.model, expected.module) and same(run.model, training.model)
    if networks is model:
        for again in (Run.load(run.save(tmp_path)), Run.load(run.save(tmp_path, training=False))):
            assert same(again.averaged.model, run.averaged.model) and same(again.model, run.model)
    first = fit(networks(), DATA, 5, seeds=seeds, ema=0.8, **HOW)
    assert same(fit(first, steps=7).averaged.model, run.averaged.model)
    assert run.averaged.sample(4).shape == run.sample(4).shape and not torch.equal(
        run.averaged.sample(4), run.sample(4)
    )


def test_averages_in_the_hook_and_by_checkpoint(tmp_path):
    seen = []
    look = lambda run: seen.append(run.averaged.sample(2))
    run = fit(model(), DATA, 10, ema=0.9, seeds=2, on_point=look, **HOW)
    assert torch.equal(seen[-1], run.averaged.sample(2)) and not torch.equal(seen[0], seen[1])
    fit(model(), DATA, 5, ema=0.9, seeds=2, checkpoint=tmp_path, **HOW)
    resumed = fit(model(), DATA, 10, ema=0.9, seeds=2, checkpoint=tmp_path, resume=True, **HOW)
    assert torch.equal(resumed.averaged.sample(2), run.averaged.sample(2))


def test_without_averages_it_says_so():
    run = fit(model(), DATA, 2, **HOW)
    with pytest.raises(ValueError, match=r"kept no averages.*fit\(..., ema=0.999\)"):
        _ = run.averaged
    later = fit(run, steps=3, ema=0.5)  # they begin with the first step that they see
    assert not torch.equal(later.averaged.sample(3), later.sample(3))
    with pytest.raises(ValueError, match="kept no averages"):
        _ = fit(later, steps=1, ema=0).averaged


@pytest.mark.parametrize(
    "bad", [dict(clip=0), dict(clip=-1), dict(clip="1"), dict(ema=1), dict(ema=-0.1), dict(ema="a")]
)
def test_numbers_out_of_range_are_named(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"{name} must be a finite number"):
        fit(model(), DATA, 2, **bad, **HOW)
    assert fit(model(), DATA, 2, clip=np.float32(1), **HOW).config["clip"] == 1.0
