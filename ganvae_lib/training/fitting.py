"""Training: ``fit`` makes one, goes on step by step, and writes down what it learns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from torch.optim import Optimizer

from ..data.dataset import Examples
from ..distributions.schedules import Schedule
from ..measure.history import Bar, Interrupts, is_true_answer
from ..models.model import Model
from .checkpoint import Checkpoint, begin_training, checkpoint_in_folder
from .compiled import whole_step
from .run import Run
from .settings import in_precision, keeping_freed_memory, without_argument_checks
from .state import Training

__all__ = ["fit"]

Hook = Callable[[Run], Any]


def fit(
    model: Model | Run,
    data: Examples | None = None,
    steps: int | None = None,
    *,
    batch: int | None = None,
    seeds: int | Sequence[int] | None = None,
    fresh: bool | None = None,
    device: str | None = None,
    precision: str | None = None,
    lr: float | Schedule | dict[str, float | Schedule] | None = None,
    betas: tuple[float, float] | None = None,
    log_every: int | None = None,
    optimizer: Callable[..., Optimizer] | None = None,
    clip: float | None = None,
    ema: float | None = None,
    compile: bool | str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_point: Hook | None = None,
) -> Run:
    """Train copies of ``model`` on ``data`` and return a :class:`~ganvae_lib.Run`; ``model`` stays as it is.

    A run in the place of the model goes on, for ``steps`` more, as if it had not stopped: 20 and 20 steps are 40, bit
    for bit on the CPU. Data and settings are its own unless others are given. It stays as it is; a new one is returned.

    batch ... compile: how it trains, and on what device; ``training.Settings`` says what each means, and its default.
    checkpoint: a folder that keeps the state about every ``checkpoint_every`` steps (by default ten times in all), when
                history gets a point, and at an interrupt. ``resume=True`` goes on from there, if there is one, to
                ``steps`` in all; with the same arguments, on the CPU, with the bits of a run that was not interrupted.
    progress:   show a bar; by default unless the environment has GANVAE_PROGRESS=0.
    on_point:   a function of the run so far, called when history gets a point; True from it stops the training.
    An interrupt (Ctrl-C, Jupyter's stop) waits for the end of the step and returns the run as far as it came.
    Under ``torchrun`` every process takes its share of each minibatch, and all end with the same run (``parallel``).
    Raises ValueError for what does not fit, NonFiniteLoss (term, step, seed); errors have the run so far as ``.run``.

    >>> from ganvae_lib import build, load, zoo
    >>> data = load("ring", fraction=0.01)
    >>> run = fit(build(zoo.VAE, data), data, 20, batch=32, seeds=2, device="cpu", progress=False)
    >>> run.sample(5).shape, fit(run, steps=20, progress=False).history["reconstruct x"].shape
    (torch.Size([2, 5, 2]), torch.Size([40, 2]))
    """
    arguments = dict(batch=batch, seeds=seeds, fresh=fresh, device=device, precision=precision, lr=lr, betas=betas)
    more_arguments = dict(log_every=log_every, optimizer=optimizer, clip=clip, ema=ema, compile=compile)
    with Interrupts() as interrupts:
        training = begin_training(model, data, steps, arguments | more_arguments, on_point)
        run = Run(training.model, training.history, training.data, training.settings.config, training)
        with checkpoint_in_folder(checkpoint, checkpoint_every, resume, training, run) as open_checkpoint:
            try:
                _train(training, run, open_checkpoint, Bar(training, progress), interrupts, on_point)
            except Exception as error:
                run.stopped, error.run = f"{type(error).__name__} at step {training.done}", run  # type: ignore[attr-defined]
                raise
            finally:
                run.pause_training(training)
    return run


def _train(
    training: Training, run: Run, checkpoint: Checkpoint | None, bar: Bar, interrupts: Interrupts, on_point: Hook | None
) -> None:
    """Go on to the last step, or until something stops it; at a point of the history, say and keep where it is."""
    settings, stop_reason, training.compiled = training.settings, None, whole_step(training)
    with bar, keeping_freed_memory():
        while training.done < settings.steps and not run.stopped:
            with without_argument_checks(), in_precision(settings.precision, settings.device):
                training.step()
                while not (training.recorded or interrupts.is_waiting):
                    bar.advance()
                    training.step()
            bar.advance()
            stop_reason = "interrupted" if interrupts.take_pending() else None
            if training.recorded and on_point and not stop_reason:
                stop_reason = _call_on_point(on_point, training, run, checkpoint, interrupts)
            if stop_reason:
                run.stopped = f"{stop_reason} at step {training.done} of {settings.steps}"
                training.record()
            if checkpoint is not None:
                checkpoint.at_point(training, at_once=bool(stop_reason))
    if stop_reason == "interrupted":
        interrupts.print_or_raise(str(run.stopped), settings.steps - training.done)


def _call_on_point(
    on_point: Hook, training: Training, run: Run, checkpoint: Checkpoint | None, interrupts: Interrupts
) -> str | None:
    """Show the user's function the run between two steps. What stops the training, if anything does."""
    run.config["steps"] = training.done
    training.pause()
    try:
        with interrupts.deliver_at_once():
            user_stops = training.decided_by_first_process(lambda: is_true_answer(on_point(run)))
    except KeyboardInterrupt:
        return "interrupted"
    except Exception:
        if checkpoint is not None:
            checkpoint.at_point(training, at_once=True)
        raise
    training.model.train()
    return "stopped by on_point" if user_stops else None
