"""In a run everyone learns, and a run that is saved comes back bit by bit: what it says, draws, infers and scores."""

import pytest
import torch
from cases import ADAPTATION, AUTOREGRESSIVE, CASES, CONV, IMAGES, POINTS, SLEEP, every, made
from helpers import images, short, small

from ganvae_lib import Batch, Domains, Noise, Run, accuracy, adversary_activated, zoo


def shifts(model):
    """Last biases of discriminators whose loss asks for differences of t only: they have no gradient."""
    return {
        f"networks.{term.discriminator}.trunk.{len(model.networks[term.discriminator].trunk) - 1}.bias"
        for term in model.objective.adversaries
        if getattr(getattr(term, "tool", None), "link", None) in ("hinge", "Wasserstein")
    }


def what_it_makes(run, data):
    """Samples, codes and losses of a run of two seeds."""
    model, found = run.model, []
    labels = {"labels": data.y[:5]} if model.objective.conditional else {}
    if {"decoder", "density", "denoiser_x"} & set(model.networks):
        z = {"z": data.other[:5]} if hasattr(model.prior, "shape") else {}
        found.append(run.sample(5, **z, **labels))
    if "encoder" in model.networks:
        found.append(run.infer(data.x[:5], **labels))

    def minibatch(part):
        return part[:8].expand(2, 8, *part.shape[1:])

    y = minibatch(data.y) if "labels" in model.reads else None
    other = minibatch(data.other) if "other" in model.reads else None
    batch = Batch(model, minibatch(data.x), Noise([0, 1]), y, other)
    return found + [loss for phase in model.objective.phases() for loss in phase.losses(batch).values()]


def assert_a_run_is_whole(model, data, path):
    run = short(model, data, steps=4, seeds=[3, 8], lr=1e-2)
    start = model.copies([3, 8]).state_dict()
    assert all(curve.shape == (4, 2) and curve.isfinite().all() for curve in run.history.values())
    still = shifts(model)
    for name, value in run.model.named_parameters():  # every other parameter of a player has had a gradient
        assert name in still or all(not torch.equal(value[k], start[name][k]) for k in range(2)), name
    again = Run.load(run.save(path))
    assert again.model.objective == model.objective and again.model.config == model.config
    assert all(torch.equal(again.history[key], run.history[key]) for key in run.history)
    for a, b in zip(what_it_makes(run, data), what_it_makes(again, data), strict=True):
        assert torch.equal(a, b) and a.isfinite().all() and a.shape[0] == 2


IMAGE_CASES = {name: (entry, IMAGES, {"architecture": "conv", "width": 8}) for name, entry in zoo.ALL.items()}


@every(CASES | AUTOREGRESSIVE | {f"{name} on images": case for name, case in IMAGE_CASES.items()})
def test_everyone_learns_and_the_run_can_be_kept(case, tmp_path):
    model, data = made(case)
    assert_a_run_is_whole(model, data, tmp_path)


def test_convolutions_translate_between_images(tmp_path):
    data = Domains(IMAGES, images(seed=1, binary=False))
    model = small(zoo.CYCLEGAN, data, architecture="conv", width=8, observation="gaussian")
    assert_a_run_is_whole(model, data, tmp_path)
    run = short(model, data, steps=2)
    assert run.sample(3, z=data.other[:3]).shape == run.infer(data.x[:3]).shape == (1, 3, 1, 8, 8)
    assert run.reconstruct(data.x[:3]).isfinite().all()


SAVED = {
    "conv VAE": (zoo.VAE, IMAGES, {"architecture": "conv", "width": 8}),
    "VAE": (zoo.VAE, POINTS, {"scale": 0.5}),
    "WGAN-GP": (zoo.WGAN_GP, POINTS, {}),
    "likelihood": (zoo.LIKELIHOOD, POINTS, {}),
    "wake-sleep": (SLEEP, POINTS, {}),
    "CGAN": (zoo.CGAN, IMAGES, CONV),
    "CVAE": (zoo.CVAE, IMAGES, {}),
    "AASVAE": (adversary_activated(zoo.SVAE), POINTS, {}),
}


@pytest.mark.parametrize("seeds", [1, [3], [3, 5]], ids=str)
@every(SAVED)
def test_a_saved_run_comes_back_bit_by_bit(case, seeds, tmp_path):
    model, data = made(case)
    run = short(model, data, seeds=seeds, steps=3)
    again = Run.load(run.save(tmp_path / "new" / "run"))
    assert again.history.keys() == run.history.keys() and again.history.steps == run.history.steps
    assert all(torch.equal(again.history[key], run.history[key]) for key in run.history)
    assert (again.seeds, again.config, again.data) == (run.seeds, run.config, run.data)
    assert again.model.objective == model.objective and again.model.config == run.model.config
    assert again.model.seeds_shape == run.model.seeds_shape and not again.model.training
    conditional = bool(model.objective.conditional)
    labels = {"labels": torch.arange(6) % data.classes} if conditional else {}
    assert torch.equal(again.sample(6, **labels), run.sample(6, **labels))
    if conditional:
        assert not torch.equal(run.sample(6, **labels), run.sample(6, labels=labels["labels"].flip(0)))
    if "encoder" in model.networks:
        assert torch.equal(again.infer(data.x[:6], **labels), run.infer(data.x[:6], **labels))
        assert torch.equal(again.reconstruct(data.x[:6], **labels), run.reconstruct(data.x[:6], **labels))
    if {"encoder", "decoder"} <= set(model.networks) and model.objective != SLEEP:
        scores, kept = (r.evaluate(data, k=3) for r in (run, again))
        assert all(torch.equal(scores[name], kept[name]) for name in scores)
        assert ("accuracy" in scores) == ("labeller" in model.networks) and "ELBO (nats)" in scores


@pytest.mark.parametrize("seeds", [1, 3])
@every(ADAPTATION)
def test_a_saved_classifier_comes_back_bit_by_bit(case, seeds, tmp_path):
    model, data = made(case)
    run = short(model, data, steps=4, batch=16, seeds=seeds)
    again = Run.load(run.save(tmp_path))
    assert again.model.objective == model.objective and again.data == run.data
    assert torch.equal(accuracy(again.model, data.source), accuracy(run.model, data.source))
    assert all(torch.equal(again.history[key], run.history[key]) for key in run.history)
