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
from .rows import STUDY_MARK, Rows, about
from .study import Study, compared, measured, rounded, shown

__all__ = ["Order", "find", "run"]

ROOT = Path(__file__).resolve().parents[2]  # of the repository; an installed library has no studies beside it


@dataclass(frozen=True)
class Order:
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
    def work(self) -> Path:
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
    order: Order,
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
    own_rows = engines.share() if array else slice(0)
    rows = Rows(order.study(), Path(order.out), order.work, order.command, order.file)
    path = Path(order.out) / f"{order.work.name}.json"
    has_begun = rows.begun()
    if not records.begin(path, order.command, order.work / STUDY_MARK, has_begun, resume or array, say):
        records.clear(order.work)
        return path
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        stack.enter_context(interrupts_raise())
        if array and not _share_is_trained(rows, order, own_rows, path, say):
            return None
        try:
            stack.enter_context(records.lock_folder(order.work))
        except TimeoutError:
            if not array:
                raise
            say(f"another task writes {path}.")
            return None
        if not array:
            rows.begin(afresh=not has_begun)
        if workers or scheduler:
            _hand_out(rows, order, say, workers, scheduler)
        if rows.is_unfinished():  # else another task has written the record since
            record, panels = _measure_all_rows(rows, say)
            records.write(path, record)
            if rows.study.picture is not None:
                rows.study.picture(panels, path.with_suffix(""))
            (order.work / STUDY_MARK).unlink(missing_ok=True)  # first: what is left after it is no run
            records.clear(order.work)
    records.clear(order.work)
    return path


def _share_is_trained(rows: Rows, order: Order, own_rows: slice, path: Path, say: Callable[[str], None]) -> bool:
    """Train the share of a task of an array; is the record to be written then, or written already?"""
    was_there = path.exists()
    rows.begin(afresh=False)
    if path.exists() and not was_there:  # another task has written it since this one began, and has taken its mark away
        (order.work / STUDY_MARK).unlink(missing_ok=True)
    run_id = uuid.uuid4().hex
    for row in rows.all_rows[own_rows]:
        try:
            if rows.is_unfinished():
                say(finish(order, order.command, run_id, row.number))
        except (ValueError, OSError):
            if rows.is_unfinished():  # else the row is gone because the record is there
                raise
    missing = rows.missing() if rows.is_unfinished() else []
    if missing:  # who writes the last row sees all of them
        say(f"{len(missing)} of {len(rows.all_rows)} rows are not there yet; whoever trains the last writes {path}.")
    return not missing


@contextmanager
def one_thread() -> Iterator[None]:
    """Results do not depend on the number of cores, and small networks are as fast."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def finish(order: Order, command: str, run_id: str, number: int) -> str:
    """Train and measure one row, in whatever process, if it is not there; what can be said of it in a line.

    ``command`` is that of the record, as the paths of ``order`` may be others here, and ``run_id`` a name by which a
    process that lives longer knows that the study may have changed. Raises ValueError as ``kept`` does.
    """
    rows = Rows(_cached_study(order, run_id), Path(order.out), order.work, command, order.file)
    row = rows.all_rows[number]
    if rows.is_finished(row):
        rows.read_row(row)  # refuses one of other settings
        return f"{row.name}: was finished"
    with one_thread():
        return rows.train(row, _cached_world(order, run_id, row.world))


@lru_cache(maxsize=1)
def _cached_study(order: Order, run: str) -> Study:
    return order.study()


@lru_cache(maxsize=1)
def _cached_world(order: Order, run: str, name: str) -> SimpleNamespace:
    """A world is loaded and prepared once for the rows of a process that follow one another."""
    return _cached_study(order, run).world(name)


def _hand_out(rows: Rows, order: Order, say: Callable[[str], None], workers: int | None, scheduler: str | None) -> None:
    """Have the rows that are missing trained by a cluster."""
    numbers = [row.number for row in rows.missing()]
    if not numbers:
        return
    name = os.path.abspath(order.name) if order.name.endswith(".py") else order.name
    there = dataclasses.replace(order, name=name, out=Path(os.path.abspath(order.out)))  # whatever folder it works in
    task = partial(finish, there, order.command, uuid.uuid4().hex)
    lines = engines.done(task, numbers, workers, scheduler)
    for line in tqdm(lines, total=len(numbers), disable=_quiet(), unit="row"):
        say(line)


def _quiet() -> bool:
    return os.environ.get("GANVAE_PROGRESS", "1") == "0"


def _measure_all_rows(rows: Rows, say: Callable[[str], None]) -> tuple[dict, dict[str, Tensor]]:
    """The record of a study, all of whose rows are there or are trained now; and its panels."""
    study = rows.study
    seeds = list(study.seeds)
    by_world = {}  # what the record says of each world
    panels: dict[str, Tensor] = {}
    with tqdm(total=len(rows.all_rows), disable=_quiet() or not rows.missing(), unit="row") as bar:
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
            references = {name: measured(entry) for name, entry in study.references(study_data, seeds).items()}
            by_world[world_name] = {
                "data": {name: about(data) for name, data in study_data.sets.items()},
                "facts": rounded(study_data.facts),
                "references": {name: shown(entry) for name, entry in references.items()},
                "models": {name: shown(entry) for name, entry in entries.items()},
                "comparisons": compared(study, references | entries, seeds),
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
        "notes": rounded(dict(study.notes)),
        **(by_world[""] if "" in by_world else {"worlds": by_world}),  # "" is the name of a study's only world
        "environment": records.environment(),
    }
    return record, panels
