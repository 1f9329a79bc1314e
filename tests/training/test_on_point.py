"""One hook: called when history gets a point, between two steps; it may stop the training and moves no stream."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import environment, points, same_run, small

from ganvae_lib import Data, Run, fit, linear, ring, zoo
from ganvae_lib.training import state

DATA, HELD_OUT = points(200), Data(ring().sample(100, 9), name="held out")
HOW = dict(batch=32, progress=False, device="cpu", log_every=5)


def model(objective=zoo.VAE):
    return small(objective, DATA, hidden=(8,))


# ---------------------------------------------------------------- what it is for, each in a few lines


def test_a_held_out_bound():
    bounds = []
    run = fit(model(), DATA, 20, on_point=lambda run: bounds.append(run.evaluate(HELD_OUT, k=2)["ELBO (nats)"]), **HOW)
    assert torch.equal(bounds[-1], run.evaluate(HELD_OUT, k=2)["ELBO (nats)"]) and len(bounds) == 4
    assert bounds[-1] > bounds[0]


def test_early_stopping():
    best = []

    def patience(run, wait=2):
        best.append(run.history["reconstruct x"][-1].mean().item())
        return len(best) - best.index(min(best)) > wait

    run = fit(model(), DATA, 500, lr=0.3, seeds=2, on_point=patience, **HOW)
    assert run.stopped == f"stopped by on_point at step {5 * len(best)} of 500"
    assert (
        best.index(min(best)) == len(best) - 3 and run.config["steps"] == run.history.steps[-1] == 5 * len(best) < 500
    )


def test_a_table_on_disk(tmp_path):
    with open(tmp_path / "losses.csv", "w", newline="") as file:
        table = csv.writer(file)
        write = lambda run: table.writerow(
            [run.history.steps[-1], *(v[-1].mean().item() for v in run.history.values())]
        )
        run = fit(model(), DATA, 20, seeds=2, on_point=write, **HOW)
    rows = [line.split(",") for line in (tmp_path / "losses.csv").read_text().splitlines()]
    assert [int(row[0]) for row in rows] == [5, 10, 15, 20]
    assert float(rows[1][2]) == run.history["match z"][1].mean().item()


def test_saving_the_best(tmp_path):
    scores = []

    def keep(run):
        scores.append(run.evaluate(HELD_OUT, k=2)["ELBO (nats)"].mean().item())
        if scores[-1] == max(scores):
            run.save(tmp_path)

    fit(model(), DATA, 60, lr=linear(1e-2, 5.0, steps=40), on_point=keep, **HOW)
    best = Run.load(tmp_path)
    at = 5 * (scores.index(max(scores)) + 1)
    assert best.config["steps"] == best.history.steps[-1] == at < 60
    assert best.evaluate(HELD_OUT, k=2)["ELBO (nats)"].item() == max(scores)
    whole = fit(model(), DATA, 60, lr=linear(1e-2, 5.0, steps=40), **HOW)
    assert same_run(fit(best, DATA, 60 - at), whole)  # it goes on, too


class Writer:
    """Stands in for that of TensorBoard."""

    def __init__(self):
        self.lines = []

    def add_scalar(self, tag, value, step):
        self.lines.append((tag, float(value), step))


def test_a_logger():
    writer = Writer()

    def log(run):
        for name, values in run.history.items():
            writer.add_scalar(f"loss/{name}", values[-1].mean(), run.history.steps[-1])

    run = fit(model(), DATA, 10, on_point=log, **HOW)
    assert writer.lines == [
        (f"loss/{name}", run.history[name][i].mean().item(), step)
        for i, step in enumerate((5, 10))
        for name in ("reconstruct x", "match z")
    ]


# ---------------------------------------------------------------- what it may not do


@pytest.mark.parametrize("objective", [zoo.VAE, zoo.GAN, zoo.WGAN_GP], ids=["VAE", "GAN", "WGAN-GP"])
@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
def test_looking_at_a_run_changes_nothing(objective, seeds):
    modes = []

    def look(run):
        modes.append((run.model.training, torch.is_autocast_enabled("cpu"), torch.distributions.Normal._validate_args))
        run.sample(7)
        run.evaluate(HELD_OUT if objective == zoo.VAE else None, n=50, k=2)
        torch.rand(3)

    plain = fit(model(objective), DATA, 20, seeds=seeds, precision="bf16", **HOW)
    watched = fit(model(objective), DATA, 20, seeds=seeds, precision="bf16", on_point=look, **HOW)
    assert same_run(plain, watched)
    assert set(modes) == {(False, False, __debug__)} and len(modes) == 4
    assert not watched.model.training


def test_in_training_the_model_is_in_training_mode_again(monkeypatch):
    seen = []
    step = state.Training.step
    monkeypatch.setattr(state.Training, "step", lambda self: (seen.append(self.model.training), step(self)))
    fit(model(), DATA, 15, on_point=lambda run: None, **HOW)
    assert seen == [True] * 15


@pytest.mark.parametrize(
    "answer", [True, np.bool_(True), np.True_, torch.tensor(True)], ids=["bool", "numpy", "np.True_", "tensor"]
)
def test_true_stops_it_and_it_goes_on_exactly(answer, tmp_path):
    stopped = fit(model(), DATA, 20, seeds=2, on_point=lambda run: answer, checkpoint=tmp_path, **HOW)
    assert stopped.stopped == "stopped by on_point at step 5 of 20" and stopped.history.steps == [5]
    whole = fit(model(), DATA, 20, seeds=2, **HOW)
    assert whole.stopped is None
    assert same_run(fit(stopped, steps=15), whole)
    assert same_run(fit(model(), DATA, 20, seeds=2, checkpoint=tmp_path, resume=True, **HOW), whole)
    assert Run.load(stopped.save(tmp_path / "run")).stopped == stopped.stopped


@pytest.mark.parametrize("answer", [None, False, 1, 17, "path", torch.tensor(2.5), [1]], ids=repr)
def test_anything_else_does_not(answer):
    assert fit(model(), DATA, 10, on_point=lambda run: answer, **HOW).history.steps == [5, 10]


def test_an_error_of_the_users_loses_nothing(tmp_path):
    def breaks(run):
        if run.history.steps[-1] == 10:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as error:
        fit(model(), DATA, 20, seeds=2, on_point=breaks, checkpoint=tmp_path, checkpoint_every=100, **HOW)
    run, whole = error.value.run, fit(model(), DATA, 20, seeds=2, **HOW)
    assert run.stopped == "ZeroDivisionError at step 10" and not run.model.training
    assert same_run(fit(run, steps=10), whole)
    assert same_run(fit(model(), DATA, 20, seeds=2, checkpoint=tmp_path, resume=True, **HOW), whole)


def test_an_error_within_a_step_cannot_go_on(monkeypatch):
    calls, descend = [], state.descend

    def full(*args):
        calls.append(1)
        if len(calls) == 7:
            raise MemoryError
        return descend(*args)

    monkeypatch.setattr(state, "descend", full)
    with pytest.raises(MemoryError) as error:
        fit(model(), DATA, 20, **HOW)
    with pytest.raises(
        ValueError, match=r"no state .* \(MemoryError at step 6\); begin a new training from its weights"
    ):
        fit(error.value.run, steps=2)


TWO = """
import sys, torch
from helpers import points, small
from ganvae_lib import fit, zoo
asked = []
run = fit(small(zoo.VAE, points(200), hidden=(8,)), points(200), 20, batch=32, log_every=5, progress=False,
          on_point=lambda run: (asked.append(run.history.steps[-1]), run.history.steps[-1] == 10)[1])
rank = torch.distributed.get_rank()
open(f"{sys.argv[1]}/{rank}", "w").write(f'{run.config["steps"]} {asked}')
torch.distributed.destroy_process_group()
"""


def test_of_two_processes_the_first_is_asked_and_both_stop(tmp_path):
    (tmp_path / "two.py").write_text(TWO)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launch, str(tmp_path / "two.py"), str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    said = [(tmp_path / rank).read_text() for rank in "01"]  # what they print could stand in one another
    assert said == ["10 [5, 10]", "10 []"]
