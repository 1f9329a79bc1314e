"""One lock per folder: who writes there holds it, and the others wait for it or are refused in a sentence.

It is a lock of the operating system on the file ``.lock``, so that it ends with its process, however that ends. Reading
needs none: files are written whole, and folders that cannot be written can be read.
"""

from __future__ import annotations

import errno
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from .files import make_folder

__all__ = ["LOCK", "PATIENCE", "folder_lock"]

LOCK = ".lock"  # in the folder, while somebody writes there
PATIENCE = 60.0  # seconds for which a writer waits for another one

_ATTEMPTS = 20  # to make a folder that others remove
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}  # of file systems without locks


@contextmanager
def folder_lock(folder: str | os.PathLike[str], wait: float = PATIENCE) -> Iterator[None]:
    """Hold ``folder``, which is made if there is none; whoever holds it already in this thread may hold it again.

    Raises TimeoutError (an OSError) if another process has it for more than ``wait`` seconds, and OSError if the folder
    cannot be written. Where the file system has no locks, nothing is held, and a RuntimeWarning says so.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with folder_lock(folder):
    ...         print(os.listdir(folder))
    ...     print(os.listdir(folder))
    ['.lock']
    []
    """
    folder = Path(os.path.abspath(folder))
    # One object per path and thread, so that it counts how often it is held; the file is ours to remove.
    lock = filelock.FileLock(folder / LOCK, is_singleton=True, preserve_lock_file=True)
    for attempt_index in range(_ATTEMPTS):
        try:
            make_folder(folder)
            lock.acquire(timeout=wait)
        except FileNotFoundError:  # who had the folder has removed it since
            if attempt_index + 1 == _ATTEMPTS:
                raise
            time.sleep(0.01)
            continue
        except filelock.Timeout:
            raise TimeoutError(
                f"another process is at work in {folder}; wait until it has ended, or choose another folder."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            warnings.warn(
                f"the file system of {folder} has no locks; let one process at a time write there.",
                RuntimeWarning,
                stacklevel=3,
            )
        break
    try:
        yield
    finally:
        if lock.lock_counter == 1:  # the last to let go: those who wait see that the file that they opened is gone
            with suppress(OSError):
                os.unlink(folder / LOCK)
        lock.release()
