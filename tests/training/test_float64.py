"""float64 never reaches a device that has none, as Apple's has: a stand-in refuses it, over training and every measure."""

import weakref

import pytest
import torch
from cases import CASES, every, made
from helpers import suited
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ganvae_lib import Data, Run, build, coverage, fit, interval, measure, ring, zoo

FACTORIES = {torch.zeros, torch.ones, torch.full, torch.empty, torch.rand, torch.randn, torch.arange, torch.tensor}


class Without(TorchFunctionMode):
    """Every tensor is on a device without float64, but those that were fetched from it, or came from no tensor.

    A tensor that is made without a device is the host's; ``.cpu()`` fetches one; what is made of the host's tensors is
    the host's; ``.to(device)`` and copying into a tensor of the device bring it there.
    """

    def __init__(self):
        self.device = {}  # of tensors on the device, by id: kept alive by a weak reference with a callback

    def on_device(self, tensor):
        return id(tensor) in self.device

    def mark(self, tensor):
        key = id(tensor)
        self.device[key] = weakref.ref(tensor, lambda _: self.device.pop(key, None))

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        inside = any(self.on_device(tensor) for tensor in tensors)
        out = func(*args, **kwargs)
        if name in ("cpu", "tolist", "item", "numpy") or (name == "to" and goes_to(args, kwargs, "host")):
            return out.clone() if isinstance(out, torch.Tensor) and out is args[0] else out
        if (name == "to" and goes_to(args, kwargs, "device")) or (
            func in FACTORIES and kwargs.get("device") is not None
        ):
            inside = True
            out = out.clone() if tensors and out is tensors[0] and not self.on_device(out) else out
        for leaf in tree_leaves(out):
            if inside and isinstance(leaf, torch.Tensor):
                if leaf.dtype == torch.float64:
                    raise TypeError(f"{name}: the device has no float64")
                self.mark(leaf)
        return out


def goes_to(args, kwargs, where):
    """Does this call of ``to`` go to the host, said by name, or to the device, said by a torch.device?"""
    target = kwargs.get("device", args[1] if len(args) > 1 else None)
    return target == "cpu" if where == "host" and isinstance(target, str) else (
        where == "device" and isinstance(target, torch.device)
    )  # fmt: skip


def test_the_stand_in_refuses_float64_on_the_device_only():
    with Without() as mode:
        x = torch.zeros(3, device=torch.device("cpu"))
        assert mode.on_device(x) and mode.on_device(x + 1) and not mode.on_device(torch.zeros(3).double())
        assert (x + 1).cpu().double().sum() == 3
        for wrong in (
            lambda: x.double(),
            lambda: (x + 1).to(torch.float64),
            lambda: torch.zeros(3, dtype=torch.float64).to(torch.device("cpu")),
            lambda: torch.zeros(3, dtype=torch.float64, device=torch.device("cpu")),
            lambda: torch.mul(x, torch.ones(3, dtype=torch.float64)),
        ):
            with pytest.raises(TypeError, match="no float64"):
                wrong()


@every({name: CASES[name] for name in ("VAE", "GAN", "WGAN-GP", "SVAE", "ADA", "GMMN", "maximum likelihood", "ABC")})
@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
def test_training_going_on_and_evaluation(case, seeds, tmp_path):
    model, data = made(case)
    how = dict(batch=32, log_every=2, progress=False, device="cpu", seeds=seeds)
    plain = fit(model, data, 5, **how)
    with Without() as mode:
        for parameter in model.parameters():  # the user may have moved the model there
            mode.mark(parameter)
        run = fit(model, data, 3, checkpoint=tmp_path / "kept", ema=0.9, clip=1.0, **how)
        run = fit(run, steps=2, clip=1e9)
        run.save(tmp_path / "run")
        run.sample(3) if not model.objective.conditional and "decoder" in model.networks else None
        labelled = data if data.y is not None else suited(zoo.CVAE, data)
        scores = [run.evaluate(d, k=2, n=40) for d in (labelled, data) if has_scores(run, d)]
    assert run.history.steps == plain.history.steps
    assert all(value.dtype == torch.float64 and value.isfinite().all() for score in scores for value in score.values())
    assert Run.load(tmp_path / "run").history.steps == [2, 4, 5]


def has_scores(run, data):
    try:
        run.evaluate(data, k=1, n=10)
    except ValueError:
        return False
    return True


def test_measures_of_tensors_on_the_device():
    samples = ring().sample(100, 0)[None]
    code, label = torch.randn(60), torch.arange(60) % 3
    with Without() as mode:
        bring = lambda tensor: tensor.to(torch.device("cpu"))
        on_device = bring(samples)
        assert mode.on_device(on_device)
        assert coverage(on_device, ring())["modes"].dtype == torch.float64
        assert interval(bring(torch.tensor([1.0, 2.0, 4.0])))[0] == pytest.approx(7 / 3)
        assert measure.mutual_information(bring(code), bring(label)) >= 0
        model = build(zoo.SOURCE_ONLY, Data(torch.randn(50, 2), torch.arange(50) % 3), hidden=(4,)).to(
            torch.device("cpu")
        )
        for parameter in model.parameters():
            mode.mark(parameter)
        assert measure.accuracy(model, Data(torch.randn(50, 2), torch.arange(50) % 3)).dtype == torch.float64
