"""A JSON card and the tensors that it names: whatever stops the writing, the old pair or the new is there."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

__all__ = ["read", "write"]


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
