"""A step as one graph has the losses of an eager one. The graph is traced for many models, compiled for few: that is slow."""

import copy
import shutil

import pytest
import torch
from helpers import points, same_run, short, small, suited
from torch import nn

from ganvae_lib import KL, MMD, Match, Model, Reconstruct, Run, fit, linear, nets, zoo
from ganvae_lib.training import Settings, compiled

DATA = points(256)


@pytest.fixture
def uncompiled(monkeypatch):
    """The graphs run as they were traced; a list of them."""
    graphs = []
    monkeypatch.setattr(compiled, "_graphs", {})
    monkeypatch.setattr(torch, "compile", lambda graph, **options: graphs.append(graph) or graph)
    return graphs


@pytest.mark.parametrize(
    "device, how", [("cpu", {"options": {"max_fusion_size": 8}}), ("cuda", {"mode": "reduce-overhead"})]
)
def test_on_a_gpu_the_launches_of_a_graph_are_sent_as_one(device, how, monkeypatch):
    asked = []
    monkeypatch.setattr(compiled, "_graphs", {})
    monkeypatch.setattr(torch, "compile", lambda graph, **options: asked.append(options) or graph)
    graph = compiled._compiled_graph(lambda x: 2 * x, [torch.ones(3)], torch.device(device))
    assert torch.equal(graph(torch.arange(3.0)), torch.tensor([0.0, 2.0, 4.0]))
    assert asked == [dict(fullgraph=True, dynamic=False, **how)]


def far_apart(a, b):
    """The largest difference of two runs: of their losses, of their weights."""
    losses = [(a.history[name] - b.history[name]).abs().max().item() for name in a.history]
    pairs = zip(a.model.state_dict().values(), b.model.state_dict().values(), strict=True)
    return max(losses), max((x.double() - y.double()).abs().max().item() for x, y in pairs)


def both(objective, steps=50, data=DATA, build=None, **options):
    """An eager run and a compiled one."""
    model = small(objective, suited(objective, data), hidden=(8,), **(build or {}))
    return [short(model, data, steps, compile=how, device="cpu", **options) for how in (False, True)]


WARM = Reconstruct("x") + linear(0.1, 1, steps=20) * Match("z", KL())
SETTINGS = {
    "VAE": (zoo.VAE, {}),
    "GAN of 2 seeds": (zoo.GAN, dict(seeds=2)),
    "WGAN-GP": (zoo.WGAN_GP, {}),  # five updates of the critic a step, and a gradient of a gradient
    "CVAE": (zoo.CVAE, {}),  # labels
    "CycleGAN": (zoo.CYCLEGAN, dict(seeds=[3, 1])),  # two domains
    "IWAE in bf16": (zoo.IWAE, dict(precision="bf16")),
    "GAN in bf16": (zoo.GAN, dict(precision="bf16")),  # each player sees the other after its update
    "VQ-VAE": (zoo.VQ_VAE, {}),
    # The generator's phase has moved theta when the encoder's reads what theta makes of z.
    "wake, sleep and MMD": (zoo.ALL["Helmholtz machine"] + Match("x", MMD()), {}),
    "a weight, rates and clipping": (WARM, dict(lr=linear(0.01, 1e-3, steps=30), clip=0.5, ema=0.9, seeds=2)),
    "Adam with decay": (zoo.VAE, dict(optimizer={"name": "Adam", "weight_decay": 0.1, "eps": 1e-4})),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_graph_has_the_losses_of_an_eager_step(case, uncompiled):
    objective, options = SETTINGS[case]
    eager, graph = both(objective, **options)
    losses, weights = far_apart(eager, graph)
    assert losses < 1e-4 and weights < 1e-4 and len(uncompiled) == 1
    assert all(len(set(curve.flatten().tolist())) > 40 for curve in graph.history.values()), "the numbers move"
    if "ema" in options:
        assert far_apart(eager.averaged, graph.averaged)[1] < 1e-4
    assert graph.config == eager.config | {"compile": True} and "compile" not in eager.config


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "cl"))), reason="torch compiles with a C++ compiler")
def test_compiled_it_is_one_graph_which_serves_an_equal_model_again(monkeypatch):
    monkeypatch.setattr(compiled, "_graphs", {})
    torch._dynamo.reset()
    counted = torch._dynamo.utils.counters["stats"]
    counted.clear()
    for seed in (0, 5):  # other weights and numbers, the same graph
        eager, whole = both(zoo.GAN, batch=64, seeds=[seed])
        assert max(far_apart(eager, whole)) < 1e-4
    assert counted["unique_graphs"] == 1 and len(compiled._graphs) == 1


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "cl"))), reason="torch compiles with a C++ compiler")
def test_a_graph_whose_loops_torch_did_not_write_is_compiled():
    eager, whole = both(zoo.LIKELIHOOD, steps=20, seeds=2)  # a warning that it was not compiled would be an error
    assert max(far_apart(eager, whole)) < 1e-5


def test_it_resumes_and_goes_on_with_the_bits_of_a_run_that_did_not_stop(tmp_path, uncompiled):
    model = small(zoo.GAN, DATA, hidden=(8,))
    how = dict(batch=48, seeds=2, log_every=5, compile=True, device="cpu", progress=False)
    whole = fit(model, DATA, 30, **how)
    stopped = fit(
        model, DATA, 30, checkpoint=tmp_path / "kept", on_point=lambda run: len(run.history.steps) == 3, **how
    )
    assert stopped.stopped == "stopped by on_point at step 15 of 30"
    assert same_run(fit(model, DATA, 30, checkpoint=tmp_path / "kept", resume=True, **how), whole)
    assert same_run(fit(stopped, steps=15, log_every=5, progress=False), whole)  # it keeps what it had: compile, too
    stopped.save(tmp_path / "run")
    assert same_run(fit(Run.load(tmp_path / "run"), DATA, 15, log_every=5, progress=False), whole)
    assert len(uncompiled) == 1, "the graph is that of an equal model"


def test_an_eager_run_goes_on_compiled_and_the_other_way_round(uncompiled):
    model = small(zoo.GAN, DATA, hidden=(8,))
    how = dict(log_every=5, progress=False)
    whole = fit(model, DATA, 20, batch=48, device="cpu", **how)
    for first in (False, True):
        half = fit(model, DATA, 10, batch=48, device="cpu", compile=first, **how)
        assert max(far_apart(fit(half, steps=10, compile=not first, **how), whole)) < 1e-5
    assert len(uncompiled) == 1  # how often it has moved is an input, too


class Tossing(nn.Module):
    """Another way through for some data: what no graph holds."""

    def forward(self, x):
        return x if x.sum() > 0 else 2 * x


@pytest.mark.parametrize(
    ("layer", "options", "said"),
    [
        (nn.Dropout(0.5), {}, "a network or a term draws from torch's generator"),
        (Tossing(), {}, "this training is not compiled, and goes on without: "),
        (nn.Tanh(), dict(optimizer=torch.optim.SGD, lr=0.1), "the graph updates by Adam with betas, eps and weight"),
    ],
)
def test_what_has_no_graph_trains_without_and_says_why(layer, options, said, uncompiled):
    networks = {
        "encoder": nets.Encoder(nn.Sequential(nn.Linear(2, 8), layer, nn.Linear(8, 4))),
        "decoder": nets.Decoder(nn.Linear(2, 2), nets.Gaussian(), (2,)),
    }
    model = Model(zoo.VAE, networks, nets.StandardNormal(2))
    eager = short(model, DATA, 10, device="cpu", **options)
    with pytest.warns(RuntimeWarning, match=said) as told:
        other = short(model, DATA, 10, device="cpu", compile=True, **options)
    assert same_run(eager, other) and len(told) == 1 and uncompiled == []


def test_a_graph_with_other_losses_is_not_used(monkeypatch):
    def wrong(graph, **options):
        return lambda *tensors: graph(*tensors) + 0.01

    monkeypatch.setattr(compiled, "_graphs", {})
    monkeypatch.setattr(torch, "compile", wrong)
    model = small(zoo.VAE, DATA, hidden=(8,))
    eager = short(model, DATA, 5, device="cpu")
    with pytest.warns(RuntimeWarning, match="its graph has other losses than a step without"):
        assert same_run(short(model, DATA, 5, device="cpu", compile=True), eager)


def test_nothing_is_compiled_unasked_or_for_a_short_training(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *a, **k: pytest.fail("compiled"))
    model = small(zoo.VAE, DATA, hidden=(8,))
    assert same_run(short(model, DATA, 5), short(model, DATA, 5, compile="auto"))
    settings = [Settings(zoo.VAE, steps=1, compile=how) for how in (None, False, True, "auto")]
    assert [[s.compiles(n) for n in (1, 49_999, 50_000)] for s in settings] == [
        *([[False] * 3] * 2),
        [True] * 3,
        [False, False, True],
    ]
    with pytest.raises(ValueError, match="compile, where it is not 'auto', must be True or False, got 'yes'"):
        fit(model, DATA, 5, compile="yes")
    assert copy.deepcopy(settings[3]).config["compile"] == "auto"
