"""What fit is asked for: numbers of NumPy and torch are numbers, and what is none is named in one sentence."""

import io
import json
import math
import re
import time

import numpy as np
import pytest
import torch
from helpers import points, same_run, small

from ganvae_lib import NonFiniteLoss, Run, build, fit, zoo
from ganvae_lib.measure import history
from ganvae_lib.training import Settings
from ganvae_lib.training.settings import find_device

DATA = points(100)
HOW = dict(batch=32, progress=False, device="cpu")


def model(objective=zoo.VAE):
    return small(objective, DATA, hidden=(8,))


def test_each_of_several_processes_takes_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert find_device("cuda") == find_device("auto") == torch.device("cuda:1")
    assert find_device("cuda:0") == torch.device("cuda:0")


def test_numbers_of_numpy_and_torch_are_numbers(tmp_path):
    plain = fit(model(), DATA, 6, batch=16, lr=0.5**10, betas=(0.0, 0.5), seeds=[0, 3], log_every=2, progress=False)
    numbers = dict(
        batch=np.int64(16), lr=np.float32(0.5**10), betas=(0, np.float64(0.5)), seeds=np.array([0, 3]),
        log_every=torch.tensor(2), device=torch.device("cpu"), checkpoint_every=np.int32(3),
    )  # fmt: skip
    run = fit(model(), DATA, np.int64(6), progress=np.bool_(False), checkpoint=tmp_path / "kept", **numbers)
    assert same_run(run, plain) and run.config == plain.config
    json.dumps(run.config)
    assert same_run(Run.load(run.save(tmp_path / "run")), plain)
    rates = {"theta": np.float64(1e-3), "eta": torch.tensor(1e-3)}
    assert type(fit(model(), DATA, 2, lr=rates, **HOW).config["lr"]["eta"]) is float
    for seeds in (range(2), (0, 1), np.int64(2), torch.tensor([0, 1])):
        assert Settings(zoo.VAE, 2, seeds=seeds).seeds == [0, 1]


@pytest.mark.parametrize(
    "wrong, words",
    [
        (dict(steps=2.5), "steps must be a whole number of at least 1, got 2.5"),
        (dict(steps=True), "steps must be a whole number of at least 1, got True"),
        (dict(steps="20"), "steps must be a whole number of at least 1, got '20'"),
        (dict(batch=0), "batch must be a whole number of at least 1, got 0"),
        (dict(batch=[32]), "batch must be a whole number"),
        (dict(log_every=-1), "log_every must be a whole number of at least 1, got -1"),
        (dict(seeds=0), "seeds .* must be a whole number from 1 to 100000, got 0"),
        (dict(seeds=10**9), "seeds .* must be a whole number from 1 to 100000, got 1000000000"),
        (dict(seeds=[]), "seeds must be different, and one or more"),
        (dict(seeds=[1, 1]), "seeds must be different"),
        (dict(seeds=[-1]), "each of seeds must be a whole number from 0 to 4294967295, got -1"),
        (dict(seeds=[0.5]), "each of seeds must be a whole number"),
        (dict(seeds="3"), "seeds .* must be a whole number"),
        (dict(seeds=[2**32]), "each of seeds must be a whole number"),
        (dict(fresh="no"), "fresh must be True or False, got 'no'"),
        (dict(device="gpu"), "unknown device 'gpu'; choose one of 'auto', 'cpu', 'cuda', 'mps'"),
        (dict(device=3.5), "unknown device 3.5"),
        (dict(precision="fp16"), "unknown precision 'fp16'"),
        (dict(precision=16), "unknown precision 16"),
        (dict(lr="1e-3"), "lr must be a finite number of at least 0, got '1e-3'"),
        (dict(lr=-1.0), "lr must be a finite number of at least 0, got -1.0"),
        (dict(lr=math.nan), "lr must be a finite number"),
        (dict(lr=[1e-3]), "lr must be a finite number"),
        (dict(lr={"theta": "a", "eta": 1}), "lr of theta must be a finite number"),
        (dict(lr={"teta": 1, "eta": 1}), "unknown player 'teta'.*Did you mean"),
        (dict(betas=(0.5,)), r"betas must be two numbers of \[0, 1\), such as \(0.9, 0.999\), got \(0.5,\)"),
        (dict(betas=0.5), "betas must be two numbers"),
        (dict(betas="ab"), "betas must be two numbers"),
        (dict(betas=(0.5, 1)), r"betas must lie in \[0, 1\), got \(0.5, 1\)"),
        (dict(betas=(0.5, "a")), "each of betas must be a finite number"),
        (
            dict(checkpoint="kept", checkpoint_every="a"),
            "checkpoint_every must be a whole number of at least 1, got 'a'",
        ),
        (dict(checkpoint="kept", checkpoint_every=math.nan), "checkpoint_every must be a whole number"),
        (dict(checkpoint="kept", resume="no"), "resume must be True or False, got 'no'"),
        (dict(progress="no"), "progress must be True or False, got 'no'"),
        (dict(on_point=3), "on_point must be a function of a run, got 3"),
        (dict(checkpoint=3), "checkpoint must be the path of a folder, got 3"),
    ],
    ids=str,
)
def test_what_is_none_is_named(wrong, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, TypeError), match=words) as error:
        fit(model(), DATA, **(dict(steps=3) | wrong))
    assert str(error.value).count(". ") < 2 and len(str(error.value)) < 300
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("wrong", [zoo.VAE, DATA, None, "VAE", torch.zeros(3)], ids=lambda value: type(value).__name__)
def test_what_is_no_model_is_named(wrong):
    with pytest.raises(TypeError, match=r"model must be of type Model, got .*; build\(objective, data\) makes one"):
        fit(wrong, DATA, 3)
    with pytest.raises(ValueError, match="say what to learn from: fit"):
        fit(model(), steps=3)


# ---------------------------------------------------------------- losses that are not finite


def test_at_the_first_step_the_data_are_spoken_of():
    far = DATA.map(lambda x: 1e25 * x, "far")
    with pytest.raises(NonFiniteLoss, match=r"at step 1, seed 4; .*look at the data.* Standardise") as error:
        fit(build(zoo.VAE, far), far, 5, seeds=[4], log_every=5, progress=False, device="cpu")
    assert "lr" not in str(error.value)
    assert (error.value.term, error.value.step, error.value.seed) == ("reconstruct x", 1, 4)
    with pytest.raises(NonFiniteLoss, match=r"at step \d+, seed 0; lower lr"):
        fit(model(), DATA, 50, lr=1e6, **HOW)


def test_a_run_that_diverged_says_that_it_cannot_go_on():
    with pytest.raises(NonFiniteLoss) as error:
        fit(model(), DATA, 50, lr=1e6, **HOW)
    with pytest.raises(ValueError, match=r"no state of its training.*\(NonFiniteLoss at step \d+\); begin a new"):
        fit(error.value.run, steps=5)


# ---------------------------------------------------------------- the bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def bar_of(monkeypatch, steps, seconds=0.0, **options):
    """What the bar writes."""
    from tqdm import auto

    terminal, drawn = Terminal(), []
    plain = auto.tqdm
    monkeypatch.setattr(auto, "tqdm", lambda **how: plain(file=terminal, ncols=200, **how))

    class Slow(history.Bar):
        def advance(self):
            time.sleep(seconds)
            super().advance()

    from ganvae_lib.training import fitting

    monkeypatch.setattr(fitting, "Bar", Slow)
    run = fit(model(), DATA, steps, batch=32, device="cpu", progress=True, **options)
    drawn += [text for text in terminal.getvalue().split("\r") if text.strip()]
    return run, drawn, terminal.getvalue()


def test_it_moves_by_time_and_shows_steps_time_left_and_losses(monkeypatch):
    _, drawn, everything = bar_of(monkeypatch, 60, seconds=0.02, log_every=30)
    steps = [int(re.search(r"(\d+)/60", text)[1]) for text in drawn]
    assert len({step for step in steps if 0 < step < 30}) >= 2  # before the history has a point
    assert steps == sorted(steps) and len(drawn) < 20  # every fifth of a second, and not at every step
    assert re.search(r"\d+/60 \[00:\d\d<00:\d\d", drawn[2])  # time left
    assert re.search(r"reconstruct x -?[\d.]+, match z [\d.]+", drawn[-1])
    last = everything.split("\r")[-2:]
    assert not "".join(last).strip(), "it leaves nothing behind"


def test_it_goes_on_where_the_training_does(monkeypatch):
    run = fit(model(), DATA, 10, **HOW)
    from tqdm import auto

    begun = []
    plain = auto.tqdm
    monkeypatch.setattr(auto, "tqdm", lambda **how: (begun.append(how), plain(disable=True, total=how["total"]))[1])
    fit(run, steps=5, progress=True)
    assert (begun[0]["initial"], begun[0]["total"]) == (10, 15)
    for value, shown in (("0", 0), ("1", 1)):
        begun.clear()
        monkeypatch.setenv("GANVAE_PROGRESS", value)
        fit(model(), DATA, 2, batch=32, device="cpu")
        assert len(begun) == shown
