"""What every recorded result has in common: the machine, the versions, intervals, and a safe way to write."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy
import torch
import torch.distributed as dist

from ..errors import check_type
from ..storage.cards import read_card, write_card
from ..storage.locks import LOCK, folder_lock

__all__ = [
    "check_seeds",
    "environment",
    "lock_folder",
    "needs_run",
    "recorded",
    "remove_work_folder",
    "seconds_before_this_part",
    "seeds_text",
    "write",
]


def recorded(name: str | None = None) -> Path:
    """A committed record or picture of the book, such as "kernels.json"; without a name, the folder of all.

    In a clone they lie in ``results/``; an installed library brings them along. Raises ValueError for an unknown name,
    with the nearest one, TypeError for what is no name, and FileNotFoundError where there are none.

    >>> recorded("kernels.json").name
    'kernels.json'
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "results", package / "results"):
        if (folder / "kernels.json").is_file():  # not a folder of results of somebody's own
            break
    else:
        raise FileNotFoundError("the records of the book are not here; install the library again, or clone the book.")
    if name is None:
        return folder
    if not check_type("name", name, str, 'give that of a file such as "kernels.json"') or not (folder / name).exists():
        record_names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        closest = get_close_matches(name, record_names, n=1)
        hint = f" Did you mean {closest[0]!r}?" if closest else ""
        raise ValueError(f"there is no record {name[:60]!r} among the {len(record_names)} in {folder.name}/.{hint}")
    return folder / name


def environment(device: str = "cpu") -> dict[str, Any]:
    """Versions, processor and device; no names of hosts or folders."""
    from .. import __version__

    description: dict[str, Any] = {
        "ganvae_lib": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "threads": torch.get_num_threads(),
        "device": device,
        "processes": dist.get_world_size() if dist.is_initialized() else 1,
        "processor": platform.processor() or platform.machine(),
    }
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        pairs = (line.split(":", 1) for line in cpu_info.read_text().splitlines() if ":" in line)
        entries = {key.strip(): value.strip() for key, value in pairs}
        flags = entries.get("flags", "").split()
        description["processor"] = entries.get("model name", description["processor"])
        description["instructions"] = [
            name for name in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if name in flags
        ]
    if torch.cuda.is_available():
        description["gpu"] = torch.cuda.get_device_name()
    return description


def write(path: str | os.PathLike, content: dict) -> Path:
    """Write JSON with a checksum beside its final name, then move it there: readers see the old file or the new one.

    Raises OSError if the disk is full, and leaves the old file as it was; ValueError for what JSON cannot hold.
    """
    path = Path(path)
    write_card(path, content, indent=1)
    return path


def seeds_text(seeds: int | tuple[int, ...]) -> str:
    """Seeds as the command line takes them: how many, or which; one alone is ``3,``."""
    if isinstance(seeds, int):
        return str(seeds)
    if len(seeds) == 1:
        return f"{seeds[0]},"  # without the comma it would be a number of seeds
    return ",".join(map(str, seeds))


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raise ValueError for seeds that are none, repeated or out of range."""
    repeated = len(set(seeds)) < len(seeds)
    if not seeds or repeated or not all(0 <= seed < 2**32 for seed in seeds):
        raise ValueError(f"give one seed or more, all different, from 0 to 2**32-1; got {seeds}.")


def _recorded_command(path: Path) -> str | None:
    """The command of a record, or of a run that was interrupted; None if there is none, or a damaged one."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        return read_card(path)["command"]
    return None


def needs_run(
    path: Path, command: str, unfinished_mark: Path, was_interrupted: bool, resume: bool, say: Callable[[str], None]
) -> bool:
    """Is there anything to do for the ``command``, whose record is ``path``? ``unfinished_mark`` is the file
    that says so of a run that began.

    Raises ValueError where the record of another command would be replaced, for a run that ``was_interrupted`` and is
    not to be resumed, and for one of another command. A run that was finished is left as it is, for ``resume``.
    """
    work_folder = unfinished_mark.parent
    recorded_command = _recorded_command(path)
    if recorded_command not in (None, command):
        raise ValueError(
            f"{path} is the record of another run, {recorded_command!r}; give another --out, or move it away."
        )
    if was_interrupted and not resume:
        raise ValueError(f"{work_folder} holds an interrupted run; go on with it by --resume, or remove that folder.")
    interrupted_command = _recorded_command(unfinished_mark) if was_interrupted else None
    if interrupted_command not in (None, command):
        raise ValueError(f"{work_folder} holds an interrupted run of {interrupted_command!r}; remove that folder.")
    if resume and not was_interrupted:
        say(
            f"{path.stem}: "
            + ("was finished; leave out --resume to run it again" if recorded_command else "from the start")
        )
    return not (resume and recorded_command and not was_interrupted)


def lock_folder(folder: Path) -> AbstractContextManager[None]:
    """Hold ``folder`` for this process, however it ends. Raises OSError if another one has it, or it cannot be made."""
    return folder_lock(folder, wait=0.5)


def remove_work_folder(work_folder: Path) -> None:
    """Remove what a finished run has left of its work, unless somebody is at work there."""
    if work_folder.exists():
        with suppress(OSError), lock_folder(work_folder):
            for card in sorted(work_folder.rglob("*.json"), key=lambda path: path.name == "clock.json"):
                card.unlink()  # before its tensors: a card without them is what a damaged run leaves
            shutil.rmtree(work_folder)
    with suppress(OSError):  # other runs are at work there
        work_folder.parent.rmdir()


def seconds_before_this_part(folder: Path, command: str) -> float:
    """Seconds that the parts of an interrupted run took, as far as the files of ``folder`` tell; a new part begins.

    It is that of ``command``. Raises OSError if nothing can be written there.
    """
    clock = folder / "clock.json"
    seconds_before = 0.0
    if any(folder.rglob("checkpoint.json")):
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # the time is lost, the training is not
            last_part = read_card(clock)
            files = [file for file in folder.rglob("*") if file.is_file() and file.name != LOCK]
            last_sign_of_life = max(file.stat().st_mtime for file in files)
            seconds_before = last_part["earlier"] + last_sign_of_life - last_part["begun"]
    write(clock, {"command": command, "earlier": seconds_before, "begun": time.time()})
    return seconds_before
