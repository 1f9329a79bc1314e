"""A run computes as exactly as it says: fp32 is not tf32, and whatever was switched is switched back."""

from dataclasses import replace

import pytest
import torch
from cases import POINTS
from helpers import short, small

from ganvae_lib import LINKS, Adversary, Match
from ganvae_lib.training.settings import in_precision

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
