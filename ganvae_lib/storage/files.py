"""Files that are written whole: what a reader finds after an interruption or a power cut is the old file or the new."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["make_folder", "sync_folder", "write_whole"]

_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # of file systems that cannot sync a folder


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, and keep their entries. Raises OSError."""
    missing_folders = [new_folder for new_folder in (folder, *folder.parents) if not new_folder.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for new_folder in missing_folders:
        sync_folder(new_folder.parent)


def sync_folder(folder: Path) -> None:
    """Keep the entries of a folder: until then a power cut may undo that a file was moved into it."""
    if os.name == "nt":  # Windows has no such call
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the final name, then move it there; two writers at once need a lock (``locks``).

    Raises OSError if the disk is full, and leaves the old file as it was.
    """
    partial_file = path.with_name(path.name + ".part")
    try:
        with open(partial_file, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it is renamed, or a power cut would leave an empty file
        os.replace(partial_file, path)
    except OSError:
        partial_file.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
