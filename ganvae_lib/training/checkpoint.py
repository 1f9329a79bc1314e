"""Checkpoints of a training: everything that decides what comes next, so that a resumed run is the run.

A checkpoint is a folder with ``checkpoint.json`` and one safetensors file, which the JSON names: weights, Adam's
moments, the state of every stream of noise and of the order of the data, and the learning curves so far. No pickle. On
the CPU a run that was killed and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import os
import warnings
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from .state import Training

__all__ = ["Checkpoint", "read", "write"]


def write(folder: Path, card_name: str, card: dict[str, Any], stem: str, tensors: dict[str, torch.Tensor]) -> None:
    """Write ``tensors`` and the JSON ``card`` that names their file.

    The card is moved into place last, so whatever stops this, the folder holds the old pair or the new one.
    Raises OSError if the disk is full, and leaves the old pair as it was.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    digest = sha256(content).hexdigest()
    card = card | {"weights": f"{stem}-{digest[:12]}.safetensors", "sha256": digest}
    files_before = set(folder.iterdir())
    for name, data in ((card["weights"], content), (card_name, json.dumps(card).encode())):
        part = folder / (name + ".part")
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it is renamed, or a power cut would leave an empty file
            os.replace(part, folder / name)
        except OSError:
            for new in {part, folder / card["weights"]} - files_before:
                new.unlink(missing_ok=True)
            raise
    for old in set(folder.glob(f"{stem}-*.safetensors*")) - {folder / card["weights"]}:
        old.unlink()


def read(folder: Path, card_name: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The card and the tensors that ``write`` left. Raises FileNotFoundError, or ValueError for damaged files."""
    from safetensors.torch import load

    card = json.loads((folder / card_name).read_bytes())
    content = (folder / card["weights"]).read_bytes()
    if sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(f"{card['weights']} is not the file that was saved")
    return card, load(content)


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
