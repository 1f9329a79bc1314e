"""A JSON card with a checksum, and the tensors that it names: whatever stops the writing, the old or new are there."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from .files import write_whole
from .locks import PATIENCE, folder_lock

__all__ = [
    "FORMAT",
    "as_json",
    "await_written",
    "is_json",
    "parse",
    "read",
    "read_card",
    "text",
    "weights_of",
    "write",
    "write_card",
]

FORMAT = 2  # cards of format 1, and records that do not say theirs, have no checksum
_EXTRA_BYTES = 2**20  # bytes that a file of tensors may have beside the tensors themselves
_WEIGHTS_FILE_NAME = re.compile(r"[a-z]+-[0-9a-f]{12}\.safetensors")  # the file that a card may name


def text(content: dict[str, Any], indent: int | None = None) -> bytes:
    """The JSON of a card with its format and its checksum. Raises ValueError for what JSON cannot hold.

    >>> parse(text({"seeds": (1, 2)}))["seeds"]
    [1, 2]
    >>> parse(text({"seeds": (1, 2)}).replace(b"1, 2", b"1, 3"))
    Traceback (most recent call last):
    ValueError: its checksum is not that of what it holds
    """
    plain = as_json(content)
    plain = {name: value for name, value in plain.items() if name != "checksum"} | {"format": FORMAT}
    return (json.dumps(plain | {"checksum": _checksum(plain)}, indent=indent, ensure_ascii=False) + "\n").encode()


def as_json(content: Any) -> Any:
    """A value as a file of JSON gives it back: tuples are lists, keys are strings. Raises ValueError if it cannot."""
    try:
        return json.loads(json.dumps(content))
    except (TypeError, RecursionError) as error:
        location, value = _find_not_json(content)
        raise ValueError(
            f"a file of JSON cannot hold {location or 'it'}, a {type(value).__name__}, so it could not be saved; "
            "give numbers, texts, or lists and dicts of them."
        ) from error


def is_json(content: Any) -> bool:
    """Can a file of JSON hold it?"""
    try:
        as_json(content)
    except ValueError:
        return False
    return True


def _find_not_json(content: Any, location: str = "") -> tuple[str, Any]:
    """Where in a value something stands that JSON does not know, and what."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in entries:
        try:
            json.dumps(value)
        except (TypeError, RecursionError):
            return _find_not_json(value, f"{location}.{name}" if location else str(name))
    return location, content


def _checksum(content: dict[str, Any]) -> str:
    """Of all that a card says, however it is laid out."""
    return sha256(json.dumps(content).encode()).hexdigest()


def parse(content: bytes) -> dict[str, Any]:
    """What the bytes of a card say, with ``format`` and ``checksum``.

    Raises ValueError for what is no JSON object, names a thing twice, is too deep, has a checksum that is not its own,
    or is of a format that is not known here.
    """
    try:
        card = json.loads(content, object_pairs_hook=_reject_repeated_names)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(card, dict):
        raise ValueError("it holds no JSON object")
    without_checksum = {name: value for name, value in card.items() if name != "checksum"}
    card_format = card.get("format", 1)
    if card_format not in (1, FORMAT) or isinstance(card_format, bool | float):
        raise ValueError(f"it is of format {card_format!r}, of which this version of the library does not know")
    if card_format == FORMAT or "checksum" in card:
        if card.get("checksum") != _checksum(without_checksum):
            raise ValueError("its checksum is not that of what it holds")
    return card


def _reject_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("it names a thing twice")
    return dict(pairs)


def read_card(path: Path) -> dict[str, Any]:
    """The card in a file. Raises FileNotFoundError, or ValueError for a damaged one."""
    return parse(_read_regular_file(path))


def write_card(path: Path, content: dict[str, Any], indent: int | None = None) -> None:
    """Write a card alone. Raises OSError if it cannot be written, TimeoutError if another process has the folder."""
    card_bytes = text(content, indent)
    with folder_lock(path.parent):
        write_whole(path, card_bytes)


def write(folder: Path, card_name: str, card: dict[str, Any], file_stem: str, tensors: dict[str, torch.Tensor]) -> None:
    """Write ``tensors`` and the JSON ``card`` that names their file.

    The card is moved into place last, so whatever stops this, the folder holds the old pair or the new one.
    Raises OSError if the disk is full, and leaves the old pair as it was; TimeoutError (an OSError) if another process
    has the folder; ValueError for what JSON cannot hold.
    """
    weights_bytes, weights_entry = weights_of(tensors, file_stem)
    card_bytes = text(card | weights_entry)
    with folder_lock(folder):
        is_new = not (folder / weights_entry["weights"]).exists()
        try:
            write_whole(folder / weights_entry["weights"], weights_bytes)
            write_whole(folder / card_name, card_bytes)
        except OSError:
            if is_new:
                (folder / weights_entry["weights"]).unlink(missing_ok=True)
            raise
        for old_file in set(folder.glob(f"{file_stem}-*.safetensors*")) - {folder / weights_entry["weights"]}:
            with suppress(OSError):  # a reader has it open (Windows); the next writing removes it
                old_file.unlink()


def weights_of(tensors: dict[str, torch.Tensor], file_stem: str) -> tuple[bytes, dict[str, str]]:
    """The bytes of a file of tensors, and what a card says of it: its name and its sha256."""
    from safetensors.torch import save

    weights_bytes = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    sha256_digest = sha256(weights_bytes).hexdigest()
    return weights_bytes, {"weights": f"{file_stem}-{sha256_digest[:12]}.safetensors", "sha256": sha256_digest}


def read(
    folder: Path, card_name: str, size: Callable[[dict[str, Any]], int] | None = None
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The card and the tensors that ``write`` left, of one and the same writing, whoever writes there meanwhile.

    ``size`` says of a card how many bytes its tensors may have; it may raise ValueError for a card that it refuses.
    Raises FileNotFoundError, or ValueError for damaged files.
    """
    card_bytes = _read_regular_file(folder / card_name)
    while True:
        card = parse(card_bytes)
        max_bytes = None if size is None else size(card)
        try:
            return card, _read_tensors(folder, card, max_bytes)
        except (FileNotFoundError, ValueError):
            previous_bytes, card_bytes = card_bytes, _read_regular_file(folder / card_name)
            if card_bytes == previous_bytes:  # nobody has replaced the card and its tensors between the two readings
                raise


def await_written(folder: Path, card_name: str, digest: str, wait: float = 10 * PATIENCE) -> None:
    """Return when the folder holds the card of tensors with this sha256, which another process writes.

    Raises TimeoutError if that does not happen.
    """
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):  # not yet there, or not for this process
            card = read_card(folder / card_name)
            if card.get("sha256") == digest and (folder / str(card.get("weights"))).is_file():
                return
        time.sleep(0.02)
    raise TimeoutError(
        f"the first process has not written {folder / card_name} in {wait:.0f} seconds; look at its error."
    )


def _read_tensors(folder: Path, card: dict[str, Any], max_bytes: int | None) -> dict[str, torch.Tensor]:
    """The tensors that a card names. Raises FileNotFoundError, and ValueError for a name or a file that cannot be."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    name = card.get("weights")
    if not isinstance(name, str) or not _WEIGHTS_FILE_NAME.fullmatch(name):
        raise ValueError(f"its weights are {name!r}, which is not the name of a file of weights in the same folder")
    if (folder / name).resolve().parent != folder.resolve():
        raise ValueError(f"{name} is a link to a file elsewhere")
    weights_bytes = _read_regular_file(folder / name, None if max_bytes is None else max_bytes + _EXTRA_BYTES)
    if sha256(weights_bytes).hexdigest() != card.get("sha256"):
        raise ValueError(f"{name} is not the file that was saved")
    try:
        return load(weights_bytes)
    except SafetensorError as error:
        raise ValueError(f"{name} is no file of tensors: {error}") from error


def _read_regular_file(path: Path, most: int | None = None) -> bytes:
    """What a regular file holds. Raises ValueError for another kind, which might never end, and more than ``most``."""
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        raise ValueError(f"{path.name} is not an ordinary file")
    if most is not None and state.st_size > most:
        raise ValueError(f"{path.name} has {state.st_size:,} bytes, more than the {most:,} that its tensors can have")
    try:
        return path.read_bytes()
    except MemoryError:
        raise ValueError(f"{path.name} has {state.st_size:,} bytes, more than fit into memory") from None
