"""Checkpoints of a training: everything that decides what comes next, so that a resumed run is the run.

A checkpoint is a folder with ``checkpoint.json`` and one safetensors file, which the JSON names: weights, Adam's
moments, the state of every stream of noise and of the order of the data, and the learning curves so far. No pickle. On
the CPU a run that was killed and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from ..data.dataset import Examples, as_data
from ..errors import check_bool, check_folder as folder_path, check_int, check_type
from ..models.checks import check_data
from ..models.model import Model
from ..storage.cards import as_json, read, write
from ..storage.locks import folder_lock
from ..storage.strangers import check_state, most_bytes
from .run import Run
from .settings import Settings, seed_list
from .state import Training

__all__ = ["AnotherTraining", "Checkpoint", "begin_training", "checkpoint_in_folder"]

#: What makes a training another one. With another batch, rate, precision or device it goes on.
IDENTITY = ("objective", "networks", "seeds", "fresh", "data")


class AnotherTraining(ValueError):
    """The checkpoint is whole, but of a training with other arguments."""


class Checkpoint:
    """Where a training keeps its state; ``config`` says which training it is, and its ``IDENTITY`` must be the same.

    ``fit`` makes one when it is asked for a ``checkpoint``; a loop of one's own calls ``save`` and ``restore``, within
    ``alone`` where another training might choose the same folder. Raises ValueError for a ``config`` that a file of
    JSON cannot hold.
    """

    def __init__(self, folder: str | os.PathLike[str], config: dict[str, Any], every: int = 1):
        self.folder, self.every = folder_path("checkpoint", folder), every
        self._last_saved_step = 0  # the step that was kept last
        self.config = as_json(config)

    @property
    def exists(self) -> bool:
        """Is there one already?"""
        return (self.folder / "checkpoint.json").exists()

    def save(self, training: Training) -> None:
        """Keep the state of the training. A full disk is a warning: it goes on, and the last checkpoint stays."""
        state_card, tensors = training.state()
        try:
            write(self.folder, "checkpoint.json", dict(config=self.config) | state_card, "state", tensors)
        except OSError as error:
            warnings.warn(
                f"no checkpoint at step {training.done}: {error.strerror or error} ({self.folder}); training goes on, "
                "and the one before is whole.",
                RuntimeWarning,
                stacklevel=3,
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for the life of a training. Raises ValueError if another one has it, or nobody can write."""
        with ExitStack() as stack:
            try:
                stack.enter_context(folder_lock(self.folder, wait=0.5))
            except OSError as error:
                reason = error.strerror or error
                raise ValueError(
                    f"no checkpoint can be kept in {self.folder} ({reason}); name a folder that can be written in."
                ) from error
            yield

    def at_point(self, training: Training, at_once: bool = False) -> None:
        """Keep the state if it is time: ``every`` so many steps, at the last one, and ``at_once`` when it stops."""
        is_due = training.done - self._last_saved_step >= self.every or training.done == training.settings.steps
        if (is_due or at_once) and training.noise.share.rank == 0:  # of several processes, the first keeps it
            self._last_saved_step = training.done
            self.save(training)

    def restore(self, training: Training) -> None:
        """Put everything back. Raises ValueError for a damaged checkpoint, or one of another training."""
        try:
            card, tensors = read(self.folder, "checkpoint.json", lambda card: self._most_bytes(card, training))
            check_state(card, tensors)
            training.restore(card, tensors)
        except AnotherTraining:
            raise
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(
                f"the checkpoint in {self.folder} is damaged: {error}; remove it, or name another folder."
            ) from error
        if training.done > training.settings.steps:
            warnings.warn(
                f"the checkpoint in {self.folder} is of step {training.done}, after the {training.settings.steps} that "
                "were asked for; it is only read back.",
                RuntimeWarning,
                stacklevel=5,
            )

    def _most_bytes(self, state_card: dict[str, Any], training: Training) -> int:
        """How many bytes the state of this training can have. Raises ValueError for a card of another one."""
        saved_config = dict(state_card["config"])
        if state_card["format"] == 1:
            raise ValueError("it is of a version of the library before fit(run, ...)")
        shared_names = [name for name in IDENTITY if name in self.config and name in saved_config]
        if changed_names := [name for name in shared_names if self.config[name] != saved_config[name]]:
            name = changed_names[0]
            raise AnotherTraining(
                f"the checkpoint in {self.folder} is of another training: {name} was {saved_config[name]!r} and is now "
                f"{self.config[name]!r}; use the same arguments, or another folder."
            )
        return most_bytes(training.model.state_dict(), state_card)


@contextmanager
def checkpoint_in_folder(
    folder: str | os.PathLike[str] | None, every: int | None, resume: bool, training: Training, run: Run
) -> Iterator[Checkpoint | None]:
    """The checkpoint of this training, in a folder of its own; if there is one already, the training goes on from it.

    Raises ValueError for a run that could not be saved, for a folder in which nobody can write or another training
    does, and for one that holds a checkpoint, unless ``resume`` says to go on from it.
    """
    settings, steps_left = training.settings, training.settings.steps - training.done
    run_card = as_json(run.card())  # what could not be saved is refused before the first step
    check_bool("resume", resume)
    every = max(1, steps_left // 10) if every is None else check_int("checkpoint_every", every)
    if folder is None:
        if resume:
            raise ValueError("resume=True goes on from a checkpoint; say from which: checkpoint=folder.")
        yield None
        return
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"checkpoint must be the path of a folder, got {folder!r}.")
    fresh_option = {} if training.done else {"fresh": settings.fresh}  # a run that goes on keeps what it was
    config = {name: run_card[name] for name in ("objective", "networks", "data")} | dict(
        seeds=settings.seeds,
        **fresh_option,
        **settings.config | {"device": settings.device.type},
    )
    checkpoint = Checkpoint(folder, config, every)
    with checkpoint.alone() if training.noise.share.rank == 0 else nullcontext():  # of several processes, one writes
        if checkpoint.exists and not resume:
            raise ValueError(f"{folder} holds a checkpoint; pass resume=True to go on from it, or another folder.")
        if checkpoint.exists:
            checkpoint.restore(training)
        checkpoint._last_saved_step = training.done
        yield checkpoint


def begin_training(
    model: Any, data: Examples | None, steps: int | None, arguments: dict[str, Any], on_point: Any = None
) -> Training:
    """The training of copies of a model; or that of a run, which goes on, but for the ``arguments``."""
    if on_point is not None and not callable(on_point):
        raise ValueError(f"on_point must be a function of a run, got {on_point!r}.")
    new_steps = check_int("steps", steps)
    if hasattr(model, "going"):
        return _continue_run(model, data, new_steps, arguments)
    check_type("model", model, Model, "build(objective, data) makes one, and fit(run, steps=...) goes on with a run")
    settings = Settings(model.objective, new_steps, **arguments)
    if data is None:
        raise ValueError("say what to learn from: fit(model, data, steps).")
    data = as_data(data)
    check_data(model, data)
    return Training(model, data, settings)


def _continue_run(run: Any, data: Examples | None, new_steps: int, arguments: dict[str, Any]) -> Training:
    state_card, tensors = run.going.state() if run.going else (None, {})
    if state_card is None:
        reason_text = f" ({run.stopped})" if run.stopped else ""
        raise ValueError(
            f"this run has no state of its training from which to go on{reason_text}; begin a new training from its "
            "weights: fit(run.model, data, steps, seeds=run.seeds, fresh=False)."
        )
    arguments = dict(arguments)
    seeds, fresh = arguments.pop("seeds"), arguments.pop("fresh")
    if fresh or (seeds is not None and seed_list(seeds) != run.seeds):
        raise ValueError(
            f"a run goes on with its seeds {run.seeds} and its weights: leave out seeds= and fresh=, or fit a model."
        )
    data = run.going.data if data is None else data
    if data is None:
        raise ValueError("this run was read from a file, without its data; pass them: fit(run, data, steps=...).")
    settings = Settings.going_on(run.model.objective, state_card["step"] + new_steps, run.seeds, run.config, arguments)
    data = as_data(data)
    check_data(run.model, data)
    try:
        return Training(run.model, data, settings, (state_card, tensors))
    except (LookupError, TypeError) as error:
        raise ValueError(f"what was kept of this training cannot go on ({error}); begin a new one.") from error
