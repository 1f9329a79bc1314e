"""An interrupt ends the step, and nothing is lost: the run comes back, goes on, and later trainings are what they were."""

import functools
import signal
import threading
import time

import children
import pytest
import torch
from children import child
from helpers import points, same_run, small

from ganvae_lib import Model, Run, fit, zoo
from ganvae_lib.measure.history import Interrupts, interrupts_raise
from ganvae_lib.training.state import Training

DATA = points(200)
HOW = dict(batch=32, progress=False, device="cpu", log_every=5)


def model(objective=zoo.VAE):
    return small(objective, DATA, hidden=(8,))


def interrupt_in(monkeypatch, step, times=1):
    """An interrupt in the middle of this step."""
    following = Training.step

    def interrupted(self):
        drawn_next = self.next_batch

        def next_batch(**options):
            if self.done + 1 == step:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            return drawn_next(**options)

        self.next_batch = next_batch
        following(self)
        self.next_batch = drawn_next

    monkeypatch.setattr(Training, "step", interrupted)


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
@pytest.mark.parametrize("at", [1, 10, 13, 40])
def test_it_waits_for_the_end_of_the_step_and_the_run_goes_on(at, seeds, monkeypatch, capsys):
    whole = fit(model(zoo.GAN), DATA, 40, seeds=seeds, **HOW)
    with monkeypatch.context() as patch:
        interrupt_in(patch, at)
        run = fit(model(zoo.GAN), DATA, 40, seeds=seeds, **HOW)
    left = 40 - at
    assert run.config["steps"] == run.history.steps[-1] == at
    assert capsys.readouterr().out == (
        f"fit was interrupted at step {at} of 40. The run is as far as it came; "
        f"fit(run, steps={left or 'more'}) goes on.\n"
    )
    assert same_run(fit(run, steps=left) if left else run, whole)


def test_a_checkpoint_is_written(tmp_path, monkeypatch):
    whole = fit(model(), DATA, 40, seeds=2, **HOW)
    kept = dict(checkpoint=tmp_path, checkpoint_every=1000, seeds=2)
    with monkeypatch.context() as patch:
        interrupt_in(patch, 13)
        fit(model(), DATA, 40, **kept, **HOW)
    assert same_run(fit(model(), DATA, 40, resume=True, **kept, **HOW), whole)


def test_a_second_one_does_not_wait_and_leaves_nothing_behind(monkeypatch):
    start = model()
    before = state()
    with monkeypatch.context() as patch:
        interrupt_in(patch, 13, times=2)
        with pytest.raises(KeyboardInterrupt):
            fit(start, DATA, 40, precision="bf16", **HOW)
    assert state() == before
    assert fit(model(), DATA, 5, **HOW).history.steps == [5]


def state():
    """What a training sets for a time."""
    return (
        torch.distributions.Distribution._validate_args,
        torch.is_autocast_enabled("cpu"),
        torch.get_float32_matmul_precision(),
        signal.getsignal(signal.SIGINT),
        bytes(torch.get_rng_state().tolist()),
    )


def test_one_in_the_function_of_the_user_comes_at_once_and_ends_the_training(monkeypatch):
    looked = []

    def look(run):
        looked.append(run.history.steps[-1])
        if len(looked) == 2:
            signal.raise_signal(signal.SIGINT)
            looked.append("never")

    whole = fit(model(), DATA, 40, **HOW)
    run = fit(model(), DATA, 40, on_point=look, **HOW)
    assert looked == [5, 10] and run.stopped == "interrupted at step 10 of 40"
    assert same_run(fit(run, steps=30), whole)


def test_one_before_the_first_step_ends_with_a_run_of_no_or_one_step(monkeypatch):
    start = model()
    before, copies = state(), Model.copies

    def slow(self, *args, **options):
        signal.raise_signal(signal.SIGINT)
        return copies(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Model, "copies", slow)
        run = fit(start, DATA, 40, seeds=2, **HOW)
    assert run.config["steps"] == 1 and run.sample(3).isfinite().all() and state() == before
    assert same_run(fit(run, steps=39), fit(model(), DATA, 40, seeds=2, **HOW))


def test_a_handler_that_raises_nothing_decides(monkeypatch):
    came = []
    before = signal.signal(signal.SIGINT, lambda *call: came.append(call))
    try:
        interrupt_in(monkeypatch, 13)
        assert fit(model(), DATA, 20, **HOW).stopped is None and len(came) == 1
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_touched():
    handlers = []
    work = threading.Thread(
        target=lambda: fit(
            model(), DATA, 5, on_point=lambda run: handlers.append(signal.getsignal(signal.SIGINT)), **HOW
        )
    )
    work.start()
    work.join()
    assert handlers == [signal.getsignal(signal.SIGINT)] and not isinstance(
        getattr(handlers[0], "__self__", None), Interrupts
    )


def test_programs_that_record_are_ended(monkeypatch, tmp_path):
    with monkeypatch.context() as patch, interrupts_raise():
        interrupt_in(patch, 13)
        with pytest.raises(KeyboardInterrupt, match="interrupted at step 13 of 40"):
            fit(model(), DATA, 40, checkpoint=tmp_path, checkpoint_every=100, **HOW)
    whole = fit(model(), DATA, 40, **HOW)
    assert same_run(fit(model(), DATA, 40, checkpoint=tmp_path, resume=True, **HOW), whole)


TRAIN = """
import sys
from helpers import points, small
from ganvae_lib import fit, zoo
from ganvae_lib.training import fitting
data, begin = points(200), fitting.begin_training
def beginning(*args):
    print("begins", flush=True)
    return begin(*args)
fitting.begin_training = beginning
seen = lambda run: print("point", flush=True)
how = dict(batch=32, device="cpu", log_every=200, seeds=2)
run = fit(small(zoo.GAN, data, hidden=(8,)), data, 3000, on_point=seen, progress=True, **how)
stopped = run.config["steps"]
assert (run.stopped is None) == (stopped == 3000), run.stopped
fit(run, steps=3000 - stopped, progress=False).save(sys.argv[1]) if stopped < 3000 else run.save(sys.argv[1])
print("done", stopped, flush=True)
"""


@functools.cache
def uninterrupted():
    return fit(small(zoo.GAN, DATA, hidden=(8,)), DATA, 3000, seeds=2, **(HOW | dict(log_every=200)))


@pytest.mark.parametrize("delay", [None, 0.0, 0.05, 0.35])
def test_a_signal_from_outside(delay, tmp_path):
    """At once after the start of fit, whatever it is doing then, and in the middle of the training."""
    process = child("-c", TRAIN, tmp_path)
    process.stdout.readline()
    if delay is None:
        process.stdout.readline()  # the first point of the history
    else:
        time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error[-2000:]
    stopped = int(out.split("done ")[1])
    if stopped < 3000:
        assert f"fit was interrupted at step {stopped} of 3000. The run is as far" in out
    assert "Traceback" not in error
    if delay is None:
        assert 200 <= stopped < 3000
    assert same_run(Run.load(tmp_path), uninterrupted())


CELL = """
import os, signal, sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from helpers import points, small; from ganvae_lib import fit, zoo; data = points(200)")
signal.signal(signal.SIGINT, signal.default_int_handler)  # as a kernel of Jupyter does for each cell
threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
result = shell.run_cell("run = fit(small(zoo.GAN, data), data, 10**6, progress=False, device='cpu', log_every=50)")
assert result.success, result
shell.run_cell("print(0 < run.config['steps'] < 10**6, fit(run, steps=5, progress=False).stopped)")
"""


def test_in_a_cell_of_a_notebook():
    done = children.run("-c", CELL)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("fit was interrupted at step") == 1 and done.stdout.endswith("True None\n")
    assert "Traceback" not in done.stdout + done.stderr
