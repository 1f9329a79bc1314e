"""The rows of a study: one trial on one world, with all its seeds. Each is written whole to files of its own.

    out/work/NAME/study.json            the command: until this file goes, the folder is that of an unfinished run
    out/work/NAME/0003/row.json         the settings of row 3, what it was measured on and where, and its entry
    out/work/NAME/0003/row-....safetensors    its images

A row depends on its settings and on nothing else that was trained, so that it may be trained anywhere, and twice: the
second writing replaces the first by the same values. Its seeds are not handed out one by one: those that are stacked
equal those that are trained alone only up to rounding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ..data import Data, Domains
from ..storage.cards import as_json, read, write, write_card
from .record import environment
from .study import Study, Trial, train_and_measure

__all__ = ["Row", "StudyRows", "UNFINISHED_MARK", "describe_data"]

UNFINISHED_MARK = "study.json"  # a file that is there as long as the study has no record
ROW_CARD = "row.json"


@dataclass(frozen=True)
class Row:
    """One trial on one world: its number among the rows of its study, and its name in what is said of it."""

    number: int
    world: str
    model: str
    trial: Trial

    @property
    def name(self) -> str:
        """Such as "b, GAN"; without its world where there is only one.

        >>> Row(3, "b", "GAN", Trial(None)).name
        'b, GAN'
        """
        return f"{self.world}, {self.model}" if self.world else self.model


class StudyRows:
    """The rows of ``study``, in the order of the record, and their files in ``work_folder``.

    ``out`` is the folder of the records, ``command`` that of the run, and ``file`` the one that defines the study, if
    there is one: what it says is part of a row's settings.
    """

    def __init__(self, study: Study, out: Path, work_folder: Path, command: str, file: Path | None = None):
        self.study, self.work_folder, self.command = study, work_folder, command
        trials = study.models(out) if callable(study.models) else study.models
        pairs = [
            (world, name, trial)
            for world in study.worlds()
            for name, trial in trials.items()
            if trial.worlds is None or world in trial.worlds
        ]
        self.all_rows = [Row(number, *pair) for number, pair in enumerate(pairs)]
        self._file = sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else None

    def has_unfinished_rows(self) -> bool:
        """Has a run that is not finished left rows?"""
        return self.is_unfinished() and any(self.work_folder.glob(f"*/{ROW_CARD}"))

    def is_unfinished(self) -> bool:
        """Is the record not written yet? Who has written it takes the mark away, and then the rows."""
        return (self.work_folder / UNFINISHED_MARK).exists()

    def mark_unfinished(self, remove_rows: bool) -> None:
        """Mark the folder as that of an unfinished run; after ``remove_rows`` without any rows. Raises OSError."""
        if remove_rows:
            for card in self.work_folder.glob(f"*/{ROW_CARD}"):  # of a run that ended while it tidied up
                card.unlink()
        if not self.is_unfinished():
            write_card(self.work_folder / UNFINISHED_MARK, {"command": self.command})

    def missing_rows(self) -> list[Row]:
        """The rows that are not there yet."""
        return [row for row in self.all_rows if not self.is_finished(row)]

    def is_finished(self, row: Row) -> bool:
        """Has somebody finished it?"""
        return (self._folder(row) / ROW_CARD).exists()

    def _folder(self, row: Row) -> Path:
        return self.work_folder / f"{row.number:04d}"

    def settings(self, row: Row) -> dict[str, Any]:
        """All that the command and the study say of a row; what two rows differ in is not the same here."""
        merged_trial = self.study.merged(row.trial)
        row_settings = {
            "command": self.command,
            "file": self._file,
            "world": row.world,
            "model": row.model,
            "objective": merged_trial.objective,
            "networks": merged_trial.networks,
            "training": merged_trial.training,
            "about": merged_trial.about,
            "seeds": list(self.study.seeds)[: merged_trial.seeds],
            "apart": self.study.apart,
        }
        return as_json(_as_json_values(row_settings))

    def read_row(self, row: Row, study_data: SimpleNamespace | None = None) -> tuple[dict, dict[str, Tensor]]:
        """The entry and the images of a row that is finished; ``study_data`` is that on which it was measured.

        Raises ValueError if its files are damaged, or if it is a row of other settings or of other data.
        """
        folder = self._folder(row)
        try:
            row_card, images = read(folder, ROW_CARD)
            saved_settings, row_entry = dict(row_card["settings"]), dict(row_card["entry"])
            if row_card["environment"] != environment():  # that of a record is the environment that puts it together
                row_entry["environment"] = row_card["environment"]
            panels = {title: images[str(number)] for number, title in enumerate(row_card["titles"])}
            data = row_card["data"]
        except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the row in {folder} is damaged: {error}; remove that folder.") from error
        settings = self.settings(row)
        changed_names = [name for name in settings if saved_settings.get(name) != settings[name]]
        if study_data is not None and data != _describe_data_of_world(study_data):
            changed_names.append("data")
        if changed_names:
            raise ValueError(
                f"{folder} holds a row of other settings ({', '.join(changed_names)}: not what the study says now); "
                f"remove {self.work_folder} to train all rows again, or that folder to train this one."
            )
        return row_entry, panels

    def train(self, row: Row, study_data: SimpleNamespace) -> str:
        """Train and measure a row, and write it whole; what can be said of it in a line. Raises OSError."""
        row_entry, panels = train_and_measure(self.study, row.model, row.trial, study_data, list(self.study.seeds))
        content = {
            "settings": self.settings(row),
            "data": _describe_data_of_world(study_data),
            "environment": environment(),
            "entry": row_entry,
            "titles": list(panels),
        }
        # Copies, as a view would save all that it is a part of.
        images = {str(number): image.clone() for number, image in enumerate(panels.values())}
        write(self._folder(row), ROW_CARD, content, "row", images)
        means = {name: round(sum(values) / len(values), 4) for name, values in row_entry["measures"].items() if values}
        return f"{row.name}: {means}, {row_entry['seconds']} s {row_entry['failed'] or ''}"


def describe_data(data: Any) -> Any:
    """What a record says of a data set."""
    if isinstance(data, Domains):
        return {"source": describe_data(data.source), "target": describe_data(data.target)}
    if isinstance(data, Data):
        return {"name": data.name, "n": len(data), "digest": data.digest, "note": data.note}
    return repr(data)


def _describe_data_of_world(study_data: SimpleNamespace) -> Any:
    return as_json(_as_json_values({name: describe_data(data) for name, data in study_data.sets.items()}))


def _as_json_values(value: Any) -> Any:
    """Settings as JSON can hold them, alike in every process: functions by their names, others as they print."""
    if isinstance(value, Mapping):
        return {str(key): _as_json_values(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json_values(element) for element in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))  # the address of an object
