"""Who trains the rows of a study, or runs of chapter 18: a Dask cluster, or the tasks of a Slurm array."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from ..distributions.noise import DrawnUnseeded

__all__ = ["results_as_completed", "task_slice"]

Result = TypeVar("Result")
_TRAINING_LOCK = threading.Lock()


def _distributed() -> Any:
    """Dask's ``distributed``, imported where it is used. Raises ValueError, saying how to get it."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask"):
            raise
        raise ValueError(
            '--workers and --scheduler need Dask\'s distributed: pip install "ganvae_lib[cluster]".'
        ) from None
    return distributed


def results_as_completed(
    task: Callable[[int], Result], numbers: Sequence[int], workers: int | None = None, scheduler: str | None = None
) -> Iterator[Result]:
    """What ``task`` returns of each number, as it gets done: by a cluster of ``workers`` processes here, or at the
    address of a ``scheduler``. The number of a worker that dies is given to another one.

    Raises ValueError if ``distributed`` is not installed; OSError if no scheduler answers there, and for a number at
    which one worker after another has died; and whatever ``task`` raises.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        if scheduler is None:  # without a limit of memory, at which Dask would end a worker: one process has none
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
            )
            scheduler = stack.enter_context(cluster)
        client = stack.enter_context(distributed.Client(scheduler))
        futures = {client.submit(_run_in_worker, task, number, pure=False): number for number in numbers}
        for future in distributed.as_completed(futures):
            try:
                yield future.result()
            except distributed.KilledWorker:
                raise ChildProcessError(
                    f"row {futures[future]} has ended one worker after another; look at their memory, or train it here."
                ) from None


def _run_in_worker(task: Callable[[int], Result], number: int) -> Result:
    """The work of a worker, in whose process other threads may be given rows: training is for one at a time."""
    with _TRAINING_LOCK:
        os.environ["GANVAE_PROGRESS"] = "0"  # its bars would run through those of the others
        for attempts_left in reversed(range(10)):
            try:
                return task(number)
            except ValueError as error:
                # Threads of Dask draw from Python's generator now and then, and a dry call of a network cannot tell
                # who drew. A network that draws does so each time.
                if not (attempts_left and isinstance(error.__cause__ or error, DrawnUnseeded)):
                    raise
    raise AssertionError("the last attempt returns or raises")


def task_slice(environment: Mapping[str, str] = os.environ) -> slice:
    """Which rows are those of this task of a Slurm array: of N tasks, the third takes the third row and each Nth after.

    Read are SLURM_ARRAY_TASK_ID and _COUNT, and _MIN (0) and _STEP (1) where they are set. Raises ValueError where they
    are missing, and for an array whose numbers are not evenly spaced.

    >>> task_slice({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"})
    slice(2, None, 4)
    """
    try:
        task_id, n_tasks = (int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "COUNT"))
        first, step = (
            int(environment.get(f"SLURM_ARRAY_TASK_{name}", default)) for name, default in (("MIN", 0), ("STEP", 1))
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"--array reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, which Slurm sets in the tasks of "
            f"sbatch --array=0-9; here {error} is missing or no number."
        ) from None
    task_index, remainder = divmod(task_id - first, step) if step else (-1, 0)
    if remainder or not 0 <= task_index < n_tasks:
        raise ValueError(
            f"--array needs tasks that are evenly spaced, such as sbatch --array=0-9; this one is number {task_id} of "
            f"{n_tasks}, counted from {first} by {step}."
        )
    return slice(task_index, None, n_tasks)
