"""Grade notebooks: each exercise of each in a process of its own; points come from the judge, never from a notebook.

What a notebook shows (outputs, the text of its checks, the numbers that it was given) is not read. What is finished is
kept in the folder ``graded``, so that a grading that was stopped goes on where it was.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ganvae_lib.storage import folder_lock, read_card, write_card, write_whole
from ganvae_lib.storage.files import make_folder

from .answers import Wrong
from .exercise import Exercise, chapter
from .remote import Limits, answers
from .source import text_of

MOST_BYTES = 64 * 2**20  # of a notebook
LABEL = re.compile(r"\bex-\d\d-[a-z0-9-]+\b")
GRADER = "grader.json"
USUAL = Limits()


@dataclass(frozen=True)
class Grader:
    """Which exercises are graded, in which variant: what ``make`` writes beside the notebook for students."""

    number: int
    variant: int
    labels: tuple[str, ...]
    setup: str

    @property
    def exercises(self) -> list[Exercise]:
        known = chapter(self.number).exercises
        return [known[label] for label in self.labels]

    @property
    def points(self) -> int:
        """What a perfect answer to everything gets."""
        return sum(asked.points for asked in self.exercises)

    def save(self, path: Path) -> None:
        content = {"chapter": self.number, "variant": self.variant, "exercises": list(self.labels), "setup": self.setup}
        write_card(path, content, indent=1)

    @staticmethod
    def load(path: Path) -> Grader:
        """The grader in a file. Raises ValueError where there is none, or a damaged or foreign one."""
        if not path.is_file():
            raise ValueError(f"there is no grader {path}; `course make` writes one beside the notebook for students.")
        card = read_card(path)
        number, variant, labels, setup = (card.get(key) for key in ("chapter", "variant", "exercises", "setup"))
        if type(number) is not int or type(variant) is not int or type(setup) is not str or type(labels) is not list:
            raise ValueError(f"{path} is no grader; make one with `course make`.")
        if unknown := [label for label in labels if label not in chapter(number).exercises]:
            raise ValueError(f"{path} asks for {unknown[0]!r}, which this version of the course does not know.")
        return Grader(number, variant, tuple(labels), setup)


@dataclass(frozen=True)
class Mark:
    """What one exercise of one notebook got, and why not all."""

    label: str
    points: int
    of: int
    failed: str = ""


def cells_of(path: Path) -> dict[str, list[str]]:
    """The code that a notebook holds for each exercise, by label; "" has what stands before the first one.

    Raises ValueError for a file that is no notebook.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} is larger than {MOST_BYTES // 2**20} MB; clear its outputs.")
    try:
        cells = json.loads(path.read_bytes())["cells"]
        found: dict[str, list[str]] = {"": []}
        label = ""
        for cell in cells:
            noted = cell.get("metadata", {}).get("ganvae", {})
            text = text_of(cell)
            if cell["cell_type"] == "markdown":
                if noted.get("role") == "exercise" or text.lstrip().startswith(("#", "```{exercise")):
                    named = noted.get("exercise") or next(iter(LABEL.findall(text)), label)
                    label = str(named)
            elif cell["cell_type"] == "code" and noted.get("role") != "given":
                found.setdefault(label, []).append(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path.name} is no notebook.") from None
    return found


def mark(asked: Exercise, grader: Grader, cells: dict[str, list[str]], limits: Limits) -> Mark:
    """Run and judge one exercise of a notebook."""
    if asked.label not in cells:
        return Mark(asked.label, 0, asked.points, "it is not in the notebook.")
    codes = [grader.setup, *cells[""], asked.given_code(grader.variant), *cells[asked.label]]
    try:
        with answers(codes, limits) as given:
            asked.grade(given, grader.variant)
    except Wrong as wrong:
        return Mark(asked.label, 0, asked.points, _printable(str(wrong)))
    except Exception as error:  # a judge that an odd answer surprises must not end the batch
        return Mark(asked.label, 0, asked.points, _printable(f"the answer cannot be judged ({type(error).__name__})."))
    return Mark(asked.label, asked.points, asked.points)


def grade_one(path: Path, grader: Grader, limits: Limits) -> list[Mark]:
    """The marks of one notebook; one that cannot be read gets no points and says why."""
    try:
        cells = cells_of(path)
    except (OSError, ValueError) as error:
        return [Mark(asked.label, 0, asked.points, _printable(str(error))) for asked in grader.exercises]
    return [mark(asked, grader, cells, limits) for asked in grader.exercises]


def grade(
    paths: Sequence[Path],
    grader: Grader,
    out: Path,
    limits: Limits = USUAL,
    jobs: int = 1,
    told: Callable[[str, list[Mark]], None] = lambda name, marks: None,
) -> dict[str, list[Mark]]:
    """The marks of every notebook, by file name; writes grades.csv in ``out``, keeps what is finished in ``graded``.

    ``told`` hears of each notebook when it is done. Raises ValueError for two notebooks of one name, and OSError where
    nothing can be written.
    """
    names = [path.name for path in paths]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two notebooks are called {sorted(twice)[0]}; give each student's another name.")
    kept = out / "graded"
    make_folder(kept)

    def finished(path: Path) -> list[Mark]:
        digest = _digest(path, grader, limits)
        record = kept / f"{path.stem}.json"
        marks = _kept(record, digest)
        if marks is None:
            marks = grade_one(path, grader, limits)
            write_card(record, {"digest": digest, "marks": [vars(one) for one in marks]}, indent=1)
        told(path.name, marks)
        return marks

    with ThreadPoolExecutor(jobs) as pool:
        table = dict(zip(names, pool.map(finished, paths), strict=True))
    with folder_lock(out):
        write_whole(out / "grades.csv", as_csv(table, grader).encode("utf8"))
    return table


def _digest(path: Path, grader: Grader, limits: Limits) -> str:
    """Of everything that a notebook's marks depend on: the notebook, the exercises, the judges, the limits."""
    from ganvae_lib import __version__

    judges = Path(__file__).parent / "chapters" / f"ch{grader.number:02}.py"
    try:
        content = path.read_bytes()
    except OSError:
        content = b"unreadable"
    parts = (content, judges.read_bytes(), repr((grader, limits, __version__)).encode())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _kept(record: Path, digest: str) -> list[Mark] | None:
    """The marks that an earlier grading left for the same notebook, or None."""
    try:
        card = read_card(record)
        return [Mark(**one) for one in card["marks"]] if card.get("digest") == digest else None
    except (OSError, ValueError, KeyError, TypeError):  # none, or a damaged one: grade again
        return None


def as_csv(table: dict[str, list[Mark]], grader: Grader) -> str:
    """A row a notebook: name, points, points of each exercise, what failed."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["notebook", "points", "of", *grader.labels, "what failed"])
    for name, marks in table.items():
        failed = " | ".join(f"{one.label}: {one.failed}" for one in marks if one.failed)
        total = sum(one.points for one in marks)
        rows.writerow([_cell(name), total, grader.points, *(one.points for one in marks), failed])
    return text.getvalue()


def as_table(table: dict[str, list[Mark]], grader: Grader) -> str:
    """The same to read: a line a notebook, a mark an exercise."""
    width = max(map(len, table), default=8)
    short = [label.split("-", 2)[2] for label in grader.labels]
    lines = [f"{'notebook':{width}}  points  " + "  ".join(short)]
    for name, marks in table.items():
        total = sum(one.points for one in marks)
        each = "  ".join(f"{one.points:>{len(title)}}" for one, title in zip(marks, short, strict=True))
        lines.append(f"{_printable(name):{width}}  {total:>2}/{grader.points:<3}  {each}")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:500]


def grader_beside(paths: Iterable[Path]) -> Path:
    """The only grader in the folders of some notebooks. Raises ValueError where there is none, or more than one."""
    found = sorted({file for path in paths for file in path.parent.glob(f"*{GRADER}")})
    if len(found) != 1:
        there = "no grader" if not found else f"{len(found)} graders ({', '.join(file.name for file in found)})"
        raise ValueError(f"there is {there} beside the notebooks; name one with --grader.")
    return found[0]
