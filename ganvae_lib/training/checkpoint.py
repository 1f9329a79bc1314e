"""Checkpoints of a training: everything that decides what comes next, so that a resumed run is the run.

A checkpoint is a folder with ``checkpoint.json`` and one safetensors file, which the JSON names: weights, Adam's
moments, the state of every stream of noise and of the order of the data, and the learning curves so far. No pickle. On
the CPU a run that was killed and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..storage.cards import read, write

if TYPE_CHECKING:
    from .state import Training

__all__ = ["Checkpoint"]


class Checkpoint:
    """Where a training keeps its state; ``config`` says which training it is, and must be the same on resuming.

    ``fit`` makes one when it is asked for a ``checkpoint``; a loop of one's own calls ``save`` and ``restore``.
    """

    def __init__(self, folder: str | os.PathLike[str], config: dict[str, Any]):
        self.folder = Path(folder)
        self.config = json.loads(json.dumps(config))  # as it will be read back: tuples are lists

    @property
    def exists(self) -> bool:
        """Is there one already?"""
        return (self.folder / "checkpoint.json").exists()

    def save(self, training: Training) -> None:
        """Keep the state of the training. A full disk is a warning: it goes on, and the last checkpoint stays."""
        card, tensors = training.state()
        try:
            write(self.folder, "checkpoint.json", dict(format=1, config=self.config) | card, "state", tensors)
        except OSError as error:
            warnings.warn(
                f"no checkpoint at step {training.done}: {error.strerror} ({self.folder}); training goes on, and the "
                "one before is whole.",
                RuntimeWarning,
                stacklevel=3,
            )

    def restore(self, training: Training) -> None:
        """Put everything back. Raises ValueError for a damaged checkpoint, or one of another training."""
        try:
            card, tensors = read(self.folder, "checkpoint.json")
            saved = dict(card["config"])
            state = dict(step=int(card["step"]), streams=list(card["streams"]), steps=list(card["steps"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the checkpoint in {self.folder} is damaged ({error}); remove it.") from error
        if different := [name for name in self.config | saved if self.config.get(name) != saved.get(name)]:
            name = different[0]
            raise ValueError(
                f"the checkpoint in {self.folder} is of another training: {name} was {saved.get(name)!r} and is now "
                f"{self.config.get(name)!r}; use the same arguments, or another folder."
            )
        training.restore(state, tensors)
