"""Running a study from the command line: it is found, trained model by model, resumed, and written down once."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..data import Data, Domains
from ..errors import unknown
from ..measure.history import interrupts_end_it
from ..storage.cards import read, write
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
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    study = getattr(loaded, "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"{path} defines no STUDY = Study(...).")
    return study


def finished_models(file: Path, command: str) -> dict[str, tuple[dict, dict]]:
    """Entry and images of the models that an interrupted run has finished; none if ``file`` does not exist.

    Raises ValueError if they are damaged, or those of another command.
    """
    if not file.exists():
        return {}
    try:
        kept, images = read(file.parent, file.name)
        command_before = kept["command"]
        models = {
            name: (card, {title: images[_key(name, title)] for title in titles})
            for name, (card, titles) in kept["models"].items()
        }
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the interrupted run in {file.parent} is damaged: {error}; remove that folder.") from error
    if command_before != command:
        raise ValueError(f"{file.parent} holds an interrupted run of {command_before!r}; remove that folder.")
    return models


def save_finished(file: Path, command: str, models: dict[str, tuple[dict, dict]]) -> None:
    """Write the finished models, for an interruption at any moment: their entries on a card, and their images."""
    cards = {name: (card, list(panels)) for name, (card, panels) in models.items()}
    images = {_key(name, title): image for name, (_, panels) in models.items() for title, image in panels.items()}
    write(file.parent, file.name, {"command": command, "models": cards}, "finished", images)


def _key(name: str, title: str) -> str:
    """The name of an image in a file: that of its model, and its title."""
    return json.dumps([name, title])


def run(order: Order, resume: bool = False, say: Callable[[str], None] = print) -> Path:
    """Train and measure every model of the study, and write ``out/NAME.json``; return its path.

    ``resume`` goes on with an interrupted run of the same command: models that were finished are kept, and a study
    that was finished is left as it is. Raises ValueError for an unknown study, for an interrupted run without
    ``resume``, and where the record of another command would be replaced; OSError if the folder cannot be written.
    """
    out = Path(order.out)
    name = Path(order.name).stem
    study = order.study()
    path = out / f"{name}.json"
    work = out / "work" / name
    file = work / "finished.json"
    if not records.begin(path, order.command, work, file.exists(), resume, say):
        records.clear(work)
        return path
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # results do not depend on the number of cores, and small networks are as fast
    try:
        with records.alone(work), interrupts_end_it():
            record, panels = _measured(study, order, file, say)
            records.write(path, record)
            if study.picture is not None:
                study.picture(panels, path.with_suffix(""))
            records.clear(work)
    finally:
        torch.set_num_threads(threads)
    records.clear(work)
    return path


def _measured(study: Study, order: Order, file: Path, say: Callable[[str], None]) -> tuple[dict, dict[str, Tensor]]:
    """The record of a study, all of whose models are trained and measured now or stand in ``file``; and its panels."""
    models = finished_models(file, order.command)
    blocks = {}  # what the record says of each world
    panels: dict[str, Tensor] = {}
    trials = study.models(Path(order.out)) if callable(study.models) else study.models
    quiet = os.environ.get("GANVAE_PROGRESS", "1") == "0"
    for world_name in study.worlds():
        world = study.world(world_name)
        seeds = list(study.seeds)
        entries = {}
        panels |= study.panels("", None, world)
        trials_here = {
            name: trial for name, trial in trials.items() if trial.worlds is None or world_name in trial.worlds
        }
        for name, trial in tqdm(trials_here.items(), disable=quiet, unit="model"):
            key = f"{world_name}, {name}" if world_name else name
            if key not in models:
                card, images = entry(study, name, trial, world, seeds)
                # Copies, as a view would save all that it is a part of.
                models[key] = card, {title: x.clone() for title, x in images.items()}
                save_finished(file, order.command, models)
                means = {
                    measure: round(sum(values) / len(values), 4)
                    for measure, values in card["measures"].items()
                    if values
                }
                say(f"{key}: {means}, {card['seconds']} s {card['failed'] or ''}")
            entries[name] = models[key][0]
            panels |= models[key][1]
        references = {name: measured(card) for name, card in study.references(world, seeds).items()}
        blocks[world_name] = {
            "data": {name: _about(data) for name, data in world.sets.items()},
            "facts": rounded(world.facts),
            "references": {name: shown(card) for name, card in references.items()},
            "models": {name: shown(card) for name, card in entries.items()},
            "comparisons": compared(study, references | entries, seeds),
        }
    all_cards = [
        card for block in blocks.values() for part in ("models", "references") for card in block[part].values()
    ]
    # "means: laplacian" is the measure "laplacian" of a second view of the model.
    measures = {key.split(": ")[-1] for card in all_cards for key in (*card["measures"], *card["series"])}
    record = {
        "title": study.title,
        "command": order.command,
        "seeds": list(study.seeds),
        "words": {key: words for key, words in study.words.items() if key in measures},
        "config": {"steps": study.steps, "networks": dict(study.networks), "training": dict(study.training)},
        "notes": rounded(dict(study.notes)),
        **(blocks[""] if "" in blocks else {"worlds": blocks}),  # "" is the name of a study's only world
        "environment": records.environment(),
    }
    return record, panels


def _about(data: Any) -> Any:
    """What the record says of a data set."""
    if isinstance(data, Domains):
        return {"source": _about(data.source), "target": _about(data.target)}
    if isinstance(data, Data):
        return {"name": data.name, "n": len(data), "digest": data.digest, "note": data.note}
    return repr(data)
