"""The dry run on a GPU that is not there sees what it is there for; its runs of the zoo are no part of the tests."""

import pytest
import torch
from helpers import ROOT

from ganvae_lib import Domains, Noise, zoo


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import dry_cuda

    return dry_cuda


@pytest.mark.parametrize(
    "fault",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.stack([x, torch.ones(3)]),
        lambda x: x.index_select(0, torch.arange(2)),
        lambda x: x.cpu(),
        lambda x: x.sum().tolist(),
        lambda x: torch.ones(3).to(x),
        lambda x: torch.tensor([1.0, 2.0], device="cuda"),
        lambda x: torch.tensor(2.0).to("cuda"),
        lambda x: x.copy_(torch.tensor(2.0)),
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: float(x.sum()),
        lambda x: x.nonzero(),
        lambda x: x.masked_select(x > 0),
        lambda x: torch.equal(x, x),
        lambda x: torch.linalg.inv(x.expand(3, 3)),
    ],
)
def test_what_mixes_devices_or_waits_raises(script, fault):
    with script.fake():
        x = torch.ones(3, device="cuda")
        with script.NoWaits(), pytest.raises((RuntimeError, NotImplementedError)):
            fault(x)


def test_what_a_gpu_takes_without_waiting_passes(script):
    with script.fake():
        x, number = torch.ones(3, device="cuda"), torch.tensor(2.0)  # the kernel takes the number along
        (generator,) = Noise(3, "cuda").generators("u")
        with script.NoWaits():
            results = [
                x * number,
                (x > 0).float().mean(),
                torch.rand(2, 5, generator=generator, device=generator.device),
            ]
    assert [tuple(result.shape) for result in results] == [(3,), (), (2, 5)]
    assert {result.device.type for result in results} == {"cuda"}
    assert torch.Generator().device.type == "cpu", "and afterwards all is as before"


def test_a_fault_is_told_with_its_place(script, monkeypatch, capsys):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr("sys.argv", ["dry_cuda.py", "VAE"])
    monkeypatch.setattr(script, "dry_run", lambda *_: Noise(0, "nowhere"))
    assert script.main() == 1
    assert "VAE " in (said := capsys.readouterr().out) and "distributions/noise.py:" in said and "1 failed" in said
    monkeypatch.setattr(script, "dry_run", lambda *_: None)
    assert script.main() == 0
    assert capsys.readouterr().out.split() == ["VAE", "passed", "0", "failed"]


@pytest.mark.parametrize("name", ["VAE", "DANN", "SVAE"])
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_examples_suit_what_an_objective_reads(script, name, shape):
    examples = script.suited(zoo.ALL[name], shape)
    assert tuple(examples.shape) == shape and examples.y is not None
    assert ("other" in zoo.ALL[name].reads) == isinstance(examples, Domains)
