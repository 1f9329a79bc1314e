"""A run computes as exactly as it says: fp32 is not tf32, and whatever was switched is switched back."""

from dataclasses import replace

import pytest
import torch
from cases import POINTS
from helpers import short, small

from ganvae_lib import LINKS, Adversary, Match, zoo
from ganvae_lib.training.settings import Settings, in_precision
from ganvae_lib.training.state import Training, descend

CPU = torch.device("cpu")
#: Products of matrices, convolutions, autocast.
WANTED = {"fp32": ("highest", False, False), "tf32": ("high", True, False), "bf16": ("highest", False, True)}


def switches():
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.is_autocast_enabled("cpu"),
    )


@pytest.fixture
def restored():
    before = switches()
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("convolutions", [True, False])
def test_each_precision_switches_what_it_names(name, convolutions, restored):
    torch.backends.cudnn.allow_tf32 = convolutions
    before = switches()
    assert before == ("highest", convolutions, False)
    with in_precision(name, CPU):
        assert switches() == WANTED[name]
    assert switches() == before
    with pytest.raises(ZeroDivisionError), in_precision(name, CPU):
        1 / 0  # noqa: B018
    assert switches() == before


def test_what_a_caller_allows_is_put_back(restored):
    torch.set_float32_matmul_precision("medium")
    for name, (wanted, *_) in WANTED.items():  # a run that says fp32 computes in it, whatever the caller allows
        with in_precision(name, CPU):
            assert switches()[0] == wanted
        assert switches()[0] == "medium"


@pytest.mark.parametrize("name", WANTED)
def test_every_step_of_a_run_has_its_precision(name, monkeypatch, restored):
    seen = set()

    def watched(t):
        seen.add(switches())
        return t

    monkeypatch.setitem(LINKS, "watched", replace(LINKS["reverse KL"], generator=watched))
    before = switches()
    short(small(Match("x", Adversary("watched")), POINTS), steps=2, precision=name, device="cpu")
    assert seen == {WANTED[name]} and switches() == before


# Autocast keeps the weights in bf16 that it has made once, until it ends: an update must let go of them.


def test_bf16_is_the_same_run_however_often_it_is_recorded():
    model = small(zoo.VAE, POINTS)
    often, seldom = (short(model, steps=6, log_every=n, precision="bf16", lr=0.05, device="cpu") for n in (1, 6))
    pairs = zip(often.model.state_dict().items(), seldom.model.state_dict().values(), strict=True)
    assert [name for (name, a), b in pairs if not torch.equal(a, b)] == []


def test_in_bf16_the_generator_sees_the_discriminator_that_has_just_moved():
    settings = Settings(zoo.GAN, steps=1, batch=32, device="cpu", lr=0.05)
    whole, parts = (Training(small(zoo.GAN, POINTS), POINTS, settings) for _ in range(2))
    with in_precision("bf16", CPU):
        whole.step()
    batch = parts.next_batch()
    for phase, optimizer in zip(parts.phases, parts.optimizers, strict=True):
        with in_precision("bf16", CPU):  # one after another: nothing is kept from phase to phase
            losses = descend(phase, batch, optimizer)
        batch.moved(phase.players)
    assert whole.history["match x"].item() == losses["match x"].item()
    pairs = zip(whole.model.state_dict().items(), parts.model.state_dict().values(), strict=True)
    assert [name for (name, a), b in pairs if not torch.equal(a, b)] == []
