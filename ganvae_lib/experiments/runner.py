"""Running a study from the command line: it is found, trained model by model, resumed, and written down once."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..data import Data, Domains
from ..errors import unknown
from . import record as records
from .study import Study, compared, entry, measured, rounded, shown

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

    def __post_init__(self):
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"give at least one step, not {self.steps}.")
        if self.seeds is not None and (self.seeds == () or (isinstance(self.seeds, int) and self.seeds < 1)):
            raise ValueError("give one seed or more.")

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def command(self) -> str:
        """The command line that was typed, but for the folder of the record and for --resume."""
        words = [f"python -m ganvae_lib study {self.name}"]
        if self.steps is not None:
            words.append(f"--steps {self.steps}")
        if self.seeds is not None:
            words.append(f"--seeds {records.named(self.seeds)}")
        return " ".join(words)

    def study(self) -> Study:
        """The study with the steps and the seeds that were asked for. Raises ValueError if there is none."""
        study = find(self.name)
        steps, seeds = self.steps or study.steps, self.seeds or tuple(study.seeds)
        if isinstance(seeds, int):
            seeds = range(study.seeds[0], study.seeds[0] + seeds)
        return dataclasses.replace(study, steps=steps, seeds=tuple(seeds))


def find(name: str) -> Study:
    """The STUDY of a module in ``studies/``, or of a file. Raises ValueError, offering the nearest name."""
    if name.endswith(".py"):
        path = Path(name).resolve()
        folder, module = path.parent, path.stem
        if not path.is_file():
            raise ValueError(f"there is no file {name}.")
    else:
        path = ROOT / "studies" / f"{name}.py"
        folder, module = ROOT, f"studies.{name}"
        modules = path.parent.glob("*.py")
        known = sorted(file.stem for file in modules if "\nSTUDY = " in file.read_text(encoding="utf-8"))
        if not known:
            raise ValueError(f"{path.parent} holds no studies; give the path of a file that defines STUDY.")
        if name not in known:
            raise unknown("study", name, known)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # a study may import what stands beside it, as any script may
    spec = importlib.util.spec_from_file_location(module, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    found = getattr(loaded, "STUDY", None)
    if not isinstance(found, Study):
        raise ValueError(f"{path} defines no STUDY = Study(...).")
    return found


class Finished:
    """The models that a run has finished, kept in the folder ``work`` until all are: their entries and images.

    Raises ValueError if the folder holds the models of another command.
    """

    def __init__(self, work: Path, command: str):
        self.work, self.file = work, work / "finished.json"
        self.kept: dict = {"command": command, "models": {}}
        if self.file.exists():
            self.kept = json.loads(self.file.read_text(encoding="utf-8"))
        if self.kept["command"] != command:
            raise ValueError(f"{work} holds an interrupted run of {self.kept['command']!r}; remove that folder.")

    def add(self, key: str, found: dict, images: dict) -> None:
        models = self.kept["models"]
        if images:
            # Copies, as a view would save all that it is a part of.
            torch.save({title: x.clone() for title, x in images.items()}, self.work / f"{len(models)}.pt")
        models[key] = {"entry": found, "images": f"{len(models)}.pt" if images else None}
        records.write(self.file, self.kept)

    def __contains__(self, key: str) -> bool:
        return key in self.kept["models"]

    def entry(self, key: str) -> dict:
        return self.kept["models"][key]["entry"]

    def images(self, key: str) -> dict:
        name = self.kept["models"][key]["images"]
        return torch.load(self.work / name, weights_only=True) if name else {}


def run(order: Order, resume: bool = False, say: Callable[[str], None] = print) -> Path:
    """Train and measure every model of the study, and write ``out/NAME.json``; return its path.

    ``resume`` goes on with an interrupted run of the same command: models that were finished are kept, and a study
    that was finished is left as it is. Raises ValueError for an unknown study, for an interrupted run without
    ``resume``, and where the record of another command would be replaced; OSError if the folder cannot be written.
    """
    out, study = Path(order.out), order.study()
    path, work = out / f"{order.stem}.json", out / "work" / order.stem
    if not records.begin(path, order.command, work, (work / "finished.json").exists(), resume, say):
        return path
    with records.alone(work), _one_thread():
        finished, panels, blocks = Finished(work, order.command), {}, {}
        trials = study.models(out) if callable(study.models) else study.models
        for world in study.worlds():
            here = {name: t for name, t in trials.items() if t.worlds is None or world in t.worlds}
            blocks[world] = _block(study, world, here, finished, panels, say)
        card = {
            "title": study.title,
            "command": order.command,
            "seeds": list(study.seeds),
            "words": _words(study, blocks),
            "config": {"steps": study.steps, "networks": dict(study.networks), "training": dict(study.training)},
            "notes": rounded(dict(study.notes)),
        }
        card |= blocks[""] if "" in blocks else {"worlds": blocks}
        records.write(path, card | {"environment": records.environment()})
        if study.picture is not None:
            study.picture(panels, path.with_suffix(""))
        shutil.rmtree(work)
    with suppress(OSError):  # other studies are at work there
        work.parent.rmdir()
    return path


def _block(study: Study, world: str, trials: dict, finished: Finished, panels: dict, say: Callable) -> dict:
    """Everything that is recorded of one world; images for the picture join ``panels``."""
    at, seeds, entries = study.at(world), list(study.seeds), {}
    panels |= study.panels("", None, at)
    for name, trial in _bar(trials.items()):
        key = f"{world}, {name}" if world else name
        if key not in finished:
            found, images = entry(study, name, trial, at, seeds)
            finished.add(key, found, images)
            means = {measure: round(sum(v) / len(v), 4) for measure, v in found["measures"].items() if v}
            say(f"{key}: {means}, {found['seconds']} s {found['failed'] or ''}")
        entries[name] = finished.entry(key)
        panels |= finished.images(key)
    references = {name: measured(found) for name, found in study.references(at, seeds).items()}
    return {
        "data": {name: _about(data) for name, data in at.sets.items()},
        "facts": rounded(at.facts),
        "references": {name: shown(found) for name, found in references.items()},
        "models": {name: shown(found) for name, found in entries.items()},
        "comparisons": compared(study, references | entries, seeds),
    }


def _words(study: Study, blocks: dict) -> dict:
    """What the measures of this record mean."""
    entries = [e for block in blocks.values() for part in ("models", "references") for e in block[part].values()]
    measures = {key.split(": ")[-1] for e in entries for key in (*e["measures"], *e["series"])}
    return {key: words for key, words in study.words.items() if key in measures}


def _bar(trials):
    """The trials, with a bar that counts them; none if the environment has GANVAE_PROGRESS=0."""
    from tqdm.auto import tqdm

    return tqdm(trials, disable=os.environ.get("GANVAE_PROGRESS", "1") == "0", unit="model")


def _about(data: Any) -> Any:
    """What the record says of a data set."""
    if isinstance(data, Domains):
        return {"source": _about(data.source), "target": _about(data.target)}
    if isinstance(data, Data):
        return {"name": data.name, "n": len(data), "digest": data.digest, "note": data.note}
    return repr(data)


@contextmanager
def _one_thread():
    """One thread: results do not depend on the machine's number of cores, and small networks are as fast."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
