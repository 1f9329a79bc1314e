"""Running a study from the command line: it is found, trained row by row, resumed, and written down once."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import unknown
from ..measure.history import interrupts_raise
from . import engines, record as records
from .rows import UNFINISHED_MARK, StudyRows, describe_data
from .study import Study, compare_pairs, round_numbers, split_measures, summarise_entry

__all__ = ["StudyRequest", "find", "run"]

ROOT = Path(__file__).resolve().parents[2]  # of the repository; an installed library has no studies beside it


@dataclass(frozen=True)
class StudyRequest:
    """What ``python -m ganvae_lib study`` was asked for; None takes the study's own number.

    ``name`` is that of a module in ``studies/``, or the path of a file that defines STUDY. ``seeds`` is how many,
    counted from the study's first, or which.
    """

    name: str
    steps: int | None = None
    seeds: int | tuple[int, ...] | None = None
    out: Path = Path("results")

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"give at least one step, not {self.steps}.")
        if isinstance(self.seeds, int):
            if self.seeds < 1:
                raise ValueError("give one seed or more.")
        elif self.seeds is not None:
            records.check_seeds(self.seeds)

    @property
    def command(self) -> str:
        """The command line that was typed, but for the folder of the record, --resume, and who trains the rows."""
        words = [f"python -m ganvae_lib study {self.name}"]
        if self.steps is not None:
            words.append(f"--steps {self.steps}")
        if self.seeds is not None:
            words.append(f"--seeds {records.seeds_text(self.seeds)}")
        return " ".join(words)

    @property
    def file(self) -> Path:
        """The one that defines the study."""
        return Path(self.name) if self.name.endswith(".py") else ROOT / "studies" / f"{self.name}.py"

    @property
    def work_folder(self) -> Path:
        """The folder of the rows, until the record is there."""
        return Path(self.out) / "work" / Path(self.name).stem

    def study(self) -> Study:
        """The study with the steps and the seeds that were asked for. Raises ValueError if there is none."""
        study = find(self.name)
        seeds: Sequence[int] = study.seeds
        if isinstance(self.seeds, int):
            seeds = range(study.seeds[0], study.seeds[0] + self.seeds)
        elif self.seeds:
            seeds = self.seeds
        return dataclasses.replace(study, steps=self.steps or study.steps, seeds=tuple(seeds))


def find(name: str) -> Study:
    """The STUDY of a module in ``studies/``, or of a file. Raises ValueError, offering the nearest name."""
    if name.endswith(".py"):
        path = Path(name).resolve()
        folder, module = path.parent, path.stem
        if not path.is_file():
            raise ValueError(f"there is no file {name}.")
    else:
        folder, module, path = ROOT, f"studies.{name}", ROOT / "studies" / f"{name}.py"
        files = path.parent.glob("*.py")
        study_names = sorted(file.stem for file in files if "\nSTUDY = " in file.read_text(encoding="utf-8"))
        if not study_names:
            raise ValueError(f"{path.parent} holds no studies; give the path of a file that defines STUDY.")
        if name not in study_names:
            raise unknown("study", name, study_names)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # a study may import what stands beside it, as any script may
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be loaded.")
    study_module = importlib.util.module_from_spec(spec)
    # From the file itself: what Python has cached of it is told from it by its second and its length only.
    exec(compile(path.read_bytes(), str(path), "exec"), vars(study_module))
    study = getattr(study_module, "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"{path} defines no STUDY = Study(...).")
    return study


def run(
    request: StudyRequest,
    resume: bool = False,
    say: Callable[[str], None] = print,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    array: bool = False,
) -> Path | None:
    """Train and measure every row of the study, and write ``out/NAME.json``; return its path.

    The rows are trained by this process; by ``workers`` processes of this machine, or by those of the Dask
    ``scheduler`` at this address; or, in an ``array`` of Slurm, some by each task, of which the last puts the record
    together and the others return None. Records are alike but for times and for where they were made.

    ``resume`` goes on with an interrupted run of the same command: rows that were finished are kept, and a study that
    was finished is left as it is; the tasks of an array always do so. Raises ValueError for an unknown study, for an
    interrupted run without ``resume``, for finished rows of other settings, where the record of another command would
    be replaced, and as :mod:`~ganvae_lib.experiments.engines` does; OSError if the folder cannot be written.
    """
    task_rows = engines.task_slice() if array else slice(0)
    rows = StudyRows(request.study(), Path(request.out), request.work_folder, request.command, request.file)
    path = Path(request.out) / f"{request.work_folder.name}.json"
    was_interrupted = rows.has_unfinished_rows()
    if not records.needs_run(
        path, request.command, request.work_folder / UNFINISHED_MARK, was_interrupted, resume or array, say
    ):
        records.remove_work_folder(request.work_folder)
        return path
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        stack.enter_context(interrupts_raise())
        if array and not _train_rows_of_task(rows, request, task_rows, path, say):
            return None
        try:
            stack.enter_context(records.lock_folder(request.work_folder))
        except TimeoutError:
            if not array:
                raise
            say(f"another task writes {path}.")
            return None
        if not array:
            rows.mark_unfinished(remove_rows=not was_interrupted)
        if workers or scheduler:
            _train_on_cluster(rows, request, say, workers, scheduler)
        if rows.is_unfinished():  # else another task has written the record since
            record, panels = _measure_all_rows(rows, say)
            records.write(path, record)
            if rows.study.picture is not None:
                rows.study.picture(panels, path.with_suffix(""))
            (request.work_folder / UNFINISHED_MARK).unlink(missing_ok=True)  # first: what is left after it is no run
            records.remove_work_folder(request.work_folder)
    records.remove_work_folder(request.work_folder)
    return path


def _train_rows_of_task(
    rows: StudyRows, request: StudyRequest, task_rows: slice, path: Path, say: Callable[[str], None]
) -> bool:
    """Train the rows of one task of a Slurm array; True if no row is missing then, or the record is written already."""
    was_recorded = path.exists()
    rows.mark_unfinished(remove_rows=False)
    if path.exists() and not was_recorded:  # another task has written it meanwhile, and has taken its mark away
        (request.work_folder / UNFINISHED_MARK).unlink(missing_ok=True)
    run_id = uuid.uuid4().hex
    for row in rows.all_rows[task_rows]:
        try:
            if rows.is_unfinished():
                say(train_row(request, request.command, run_id, row.number))
        except (ValueError, OSError):
            if rows.is_unfinished():  # else the row is gone because the record is there
                raise
    missing_rows = rows.missing_rows() if rows.is_unfinished() else []
    if missing_rows:  # who writes the last row sees all of them
        say(
            f"{len(missing_rows)} of {len(rows.all_rows)} rows are not there yet; whoever trains "
            f"the last writes {path}."
        )
    return not missing_rows


@contextmanager
def one_thread() -> Iterator[None]:
    """Results do not depend on the number of cores, and small networks are as fast."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def train_row(request: StudyRequest, command: str, run_id: str, number: int) -> str:
    """Train and measure one row, in whatever process, if it is not there; what can be said of it in a line.

    ``command`` is that of the record, as the paths of ``request`` may be others here, and ``run_id`` a name by which a
    process that lives longer knows that the study may have changed. Raises ValueError as ``read_row`` does.
    """
    rows = StudyRows(_cached_study(request, run_id), Path(request.out), request.work_folder, command, request.file)
    row = rows.all_rows[number]
    if rows.is_finished(row):
        rows.read_row(row)  # refuses one of other settings
        return f"{row.name}: was finished"
    with one_thread():
        return rows.train(row, _cached_study_data(request, run_id, row.world))


@lru_cache(maxsize=1)
def _cached_study(request: StudyRequest, run_id: str) -> Study:
    return request.study()


@lru_cache(maxsize=1)
def _cached_study_data(request: StudyRequest, run: str, name: str) -> SimpleNamespace:
    """A world is loaded and prepared once for the rows of a process that follow one another."""
    return _cached_study(request, run).world(name)


def _train_on_cluster(
    rows: StudyRows, request: StudyRequest, say: Callable[[str], None], workers: int | None, scheduler: str | None
) -> None:
    """Have the rows that are missing trained by a cluster."""
    numbers = [row.number for row in rows.missing_rows()]
    if not numbers:
        return
    name = os.path.abspath(request.name) if request.name.endswith(".py") else request.name
    # With full paths, whatever folder a worker works in.
    worker_request = dataclasses.replace(request, name=name, out=Path(os.path.abspath(request.out)))
    task = partial(train_row, worker_request, request.command, uuid.uuid4().hex)
    messages = engines.results_as_completed(task, numbers, workers, scheduler)
    for message in tqdm(messages, total=len(numbers), disable=_hides_progress(), unit="row"):
        say(message)


def _hides_progress() -> bool:
    return os.environ.get("GANVAE_PROGRESS", "1") == "0"


def _measure_all_rows(rows: StudyRows, say: Callable[[str], None]) -> tuple[dict, dict[str, Tensor]]:
    """The record of a study, all of whose rows are there or are trained now; and its panels."""
    study = rows.study
    seeds = list(study.seeds)
    by_world = {}  # what the record says of each world
    panels: dict[str, Tensor] = {}
    with tqdm(total=len(rows.all_rows), disable=_hides_progress() or not rows.missing_rows(), unit="row") as bar:
        for world_name in study.worlds():
            study_data = study.world(world_name)
            entries = {}
            panels |= study.panels("", None, study_data)
            for row in [row for row in rows.all_rows if row.world == world_name]:
                if not rows.is_finished(row):
                    say(rows.train(row, study_data))
                entries[row.model], images = rows.read_row(row, study_data)
                panels |= images
                bar.update()
            references = {name: split_measures(entry) for name, entry in study.references(study_data, seeds).items()}
            by_world[world_name] = {
                "data": {name: describe_data(data) for name, data in study_data.sets.items()},
                "facts": round_numbers(study_data.facts),
                "references": {name: summarise_entry(entry) for name, entry in references.items()},
                "models": {name: summarise_entry(entry) for name, entry in entries.items()},
                "comparisons": compare_pairs(study, references | entries, seeds),
            }
    all_entries = [
        entry for block in by_world.values() for kind in ("models", "references") for entry in block[kind].values()
    ]
    # "means: laplacian" is the measure "laplacian" of a second view of the model.
    measures = {name.split(": ")[-1] for entry in all_entries for name in (*entry["measures"], *entry["series"])}
    record = {
        "title": study.title,
        "command": rows.command,
        "seeds": list(study.seeds),
        "words": {name: words for name, words in study.words.items() if name in measures},
        "config": {"steps": study.steps, "networks": dict(study.networks), "training": dict(study.training)},
        "notes": round_numbers(dict(study.notes)),
        **(by_world[""] if "" in by_world else {"worlds": by_world}),  # "" is the name of a study's only world
        "environment": records.environment(),
    }
    return record, panels
