"""Checkpoints of a training: everything that decides what comes next, so that a resumed run is the run.

A checkpoint is a folder with ``checkpoint.json`` and one safetensors file, which the JSON names: weights, Adam's
moments, the state of every stream of noise and of the order of the data, and the learning curves so far. No pickle. On
the CPU a run that was killed and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ..data.dataset import Examples, as_data
from ..errors import flag, instance, whole
from ..models.checks import check_data
from ..models.model import Model
from ..objective.contract import to_dict
from ..storage.cards import read, write
from .settings import Settings, seed_list
from .state import Training, checked_state

__all__ = ["Checkpoint", "begin", "open_checkpoint"]

#: What makes a training another one. With another batch, rate, precision or device it goes on.
IDENTITY = ("objective", "networks", "seeds", "fresh", "data")


class Checkpoint:
    """Where a training keeps its state; ``config`` says which training it is, and its ``IDENTITY`` must be the same.

    ``fit`` makes one when it is asked for a ``checkpoint``; a loop of one's own calls ``save`` and ``restore``.
    """

    def __init__(self, folder: str | os.PathLike[str], config: dict[str, Any], every: int = 1):
        self.folder, self.every = Path(folder), every
        self._last = 0  # the step that was kept last
        self.config = json.loads(json.dumps(config))  # as it will be read back: tuples are lists

    @property
    def exists(self) -> bool:
        """Is there one already?"""
        return (self.folder / "checkpoint.json").exists()

    def save(self, training: Training) -> None:
        """Keep the state of the training. A full disk is a warning: it goes on, and the last checkpoint stays."""
        card, tensors = training.state()
        try:
            write(self.folder, "checkpoint.json", dict(format=2, config=self.config) | card, "state", tensors)
        except OSError as error:
            warnings.warn(
                f"no checkpoint at step {training.done}: {error.strerror} ({self.folder}); training goes on, and the "
                "one before is whole.",
                RuntimeWarning,
                stacklevel=3,
            )

    def try_to_write(self) -> None:
        """Raise ValueError if nothing can be written in the folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise ValueError(
                f"no checkpoint can be kept in {self.folder} ({error.strerror}); name a folder that can be written in."
            ) from error

    def at_point(self, training: Training, at_once: bool = False) -> None:
        """Keep the state if it is time: ``every`` so many steps, at the last one, and ``at_once`` when it stops."""
        due = training.done - self._last >= self.every or training.done == training.settings.steps
        if (due or at_once) and training.noise.share.rank == 0:  # of several processes, the first keeps it
            self._last = training.done
            self.save(training)

    def restore(self, training: Training) -> None:
        """Put everything back. Raises ValueError for a damaged checkpoint, or one of another training."""
        try:
            card, tensors = read(self.folder, "checkpoint.json")
            saved = dict(card["config"])
            if card.get("format") == 1:
                raise ValueError("it is of a version of the library before fit(run, ...)")
            checked_state(card)
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the checkpoint in {self.folder} is damaged ({error}); remove it.") from error
        of_both = [name for name in IDENTITY if name in self.config and name in saved]
        if different := [name for name in of_both if self.config[name] != saved[name]]:
            name = different[0]
            raise ValueError(
                f"the checkpoint in {self.folder} is of another training: {name} was {saved[name]!r} and is now "
                f"{self.config[name]!r}; use the same arguments, or another folder."
            )
        try:
            training.restore(card, tensors)
        except (RuntimeError, KeyError) as error:
            raise ValueError(f"the checkpoint in {self.folder} does not fit the model: {error}") from error
        if training.done > training.settings.steps:
            warnings.warn(
                f"the checkpoint in {self.folder} is of step {training.done}, after the {training.settings.steps} that "
                "were asked for; it is only read back.",
                RuntimeWarning,
                stacklevel=4,
            )


def open_checkpoint(
    folder: str | os.PathLike[str] | None, every: int | None, resume: bool, training: Training, data: Any
) -> Checkpoint | None:
    """The checkpoint of this training; if there is one already, the training goes on from it.

    ``data`` are name, digest and note of what it learns from. Raises ValueError for a folder in which nobody can write,
    and for one that holds a checkpoint, unless ``resume`` says to go on from it.
    """
    settings, left = training.settings, training.settings.steps - training.done
    flag("resume", resume)
    every = max(1, left // 10) if every is None else whole("checkpoint_every", every)
    if folder is None:
        if resume:
            raise ValueError("resume=True goes on from a checkpoint; say from which: checkpoint=folder.")
        return None
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"checkpoint must be the path of a folder, got {folder!r}.")
    fresh = {} if training.done else {"fresh": settings.fresh}  # a run that goes on keeps what it was
    config = dict(
        objective=to_dict(training.model.objective),
        networks=training.model.config,
        seeds=settings.seeds,
        data=data,
        **fresh,
        **settings.config | {"device": settings.device.type},
    )
    checkpoint = Checkpoint(folder, config, every)
    if checkpoint.exists and not resume:
        raise ValueError(f"{folder} holds a checkpoint; pass resume=True to go on from it, or another folder.")
    if checkpoint.exists:
        checkpoint.restore(training)
    elif training.noise.share.rank == 0:
        checkpoint.try_to_write()
    checkpoint._last = training.done
    return checkpoint


def begin(
    model: Any, data: Examples | None, steps: int | None, asked: dict[str, Any], on_point: Any = None
) -> Training:
    """The training of copies of a model; or that of a run, which goes on, with what is ``asked`` for changed."""
    if on_point is not None and not callable(on_point):
        raise ValueError(f"on_point must be a function of a run, got {on_point!r}.")
    more = whole("steps", steps)
    if hasattr(model, "going"):
        return _go_on(model, data, more, asked)
    instance("model", model, Model, "build(objective, data) makes one, and fit(run, steps=...) goes on with a run")
    settings = Settings(model.objective, more, **asked)
    if data is None:
        raise ValueError("say what to learn from: fit(model, data, steps).")
    data = as_data(data)
    check_data(model, data)
    return Training(model, data, settings)


def _go_on(run: Any, data: Examples | None, more: int, asked: dict[str, Any]) -> Training:
    card, tensors = run.going.state() if run.going else (None, {})
    if card is None:
        why = f" ({run.stopped})" if run.stopped else ""
        raise ValueError(
            f"this run has no state of its training from which to go on{why}; begin a new training from its weights: "
            "fit(run.model, data, steps, seeds=run.seeds, fresh=False)."
        )
    asked = dict(asked)
    seeds, fresh = asked.pop("seeds"), asked.pop("fresh")
    if fresh or (seeds is not None and seed_list(seeds) != run.seeds):
        raise ValueError(
            f"a run goes on with its seeds {run.seeds} and its weights: leave out seeds= and fresh=, or fit a model."
        )
    data = run.going.data if data is None else data
    if data is None:
        raise ValueError("this run was read from a file, without its data; pass them: fit(run, data, steps=...).")
    settings = Settings.going_on(run.model.objective, card["step"] + more, run.seeds, run.config, asked)
    data = as_data(data)
    check_data(run.model, data)
    return Training(run.model, data, settings, (card, tensors))
