"""Write homework: a notebook for students, its key, its grader, and the forms that nbgrader and Otter-Grader take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganvae_lib.storage import folder_lock, write_whole

from .exercise import Exercise, chapter, right
from .grading import GRADER, Grader
from .source import Asked, Source, read

BOOK = Path(__file__).parent.parent / "notebooks"
WORKS = BOOK.parent / "book" / "references.bib"
FORMS = ("plain", "nbgrader", "otter")
WELCOME = """# {title}: exercises

Homework of chapter {number} of *GANs and VAEs as one problem*; {points} points, about {hours}. \
It needs `pip install ganvae_lib`.

Run the first cell. For each exercise, run the cell of what it gives, replace each `...` by your answer, and run the \
check: it says whether the answer is right. Numbers count to four digits: compute them, and do not round. Each \
exercise stands alone. Leave the cells of givens and checks as they are; add cells of your own below an exercise where \
you like."""
CODE = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
ROLES = re.compile(r"\{(?P<role>[A-Za-z]+(?::[a-z]+)?)\}`(?P<text>[^`]*)`")


def sources(number: int, book: Path = BOOK) -> Source:
    """The exercises in a chapter's notebook. Raises ValueError where the chapters are not at hand."""
    if not (found := sorted(book.glob(f"{number:02}_*.ipynb"))):
        raise ValueError(f"there is no chapter {number:02} in {book.name}/; make homework in a clone of the book.")
    return read(found[0])


def cited(key: str) -> str:
    """A work with its authors and year, as the book's bibliography has them under ``key``, "hu2018unifying"."""
    name, year = re.findall(r"^([a-z]+)(\d{4})", key)[0]
    entries = WORKS.read_text(encoding="utf8") if WORKS.is_file() else ""
    found = re.search(rf"\{{{key},\s*author\s*=\s*\{{(.*)\}},\n", entries)
    people = [person.split(",")[0] for person in found[1].split(" and ")] if found else [name.capitalize(), "", ""]
    return f"{' and '.join(people) if len(people) < 3 else people[0] + ' et al.'} [{year}]"


def spoken(text: str) -> str:
    """A chapter's text as it reads outside the book: its references become words."""

    def said(found: re.Match[str]) -> str:
        role, target = found["role"], found["text"]
        if role.startswith("cite"):
            return ", ".join(cited(key.strip()) for key in target.split(","))
        if role in ("chap", "Chap"):
            return f"{role}ters {target}" if re.search(r"\d\D+\d", target) else f"{role}ter {target}"
        if role == "doc":
            return f"chapter {Path(target).name[:2]}"
        if role in ("eq", "numref", "prf:ref", "ref"):
            kinds = {"eq": "Eq.", "numref": "", "prf:ref": "", "ref": ""}
            return f"{kinds[role]} `{target}` of the book".strip()
        return target

    return ROLES.sub(said, text)


def asked_text(asked: Asked, exercise: Exercise, place: int) -> str:
    """An exercise as a student's notebook shows it."""
    body = "\n".join(asked.text.splitlines()[3:-1]).strip()
    defines = "\n".join(f"- `{name}`: {meaning}" for name, meaning in exercise.defines.items())
    return (
        f"## {place}. {exercise.title}\n\n`{exercise.label}` · {exercise.headline().strip('*')}\n\n"
        f"{spoken(body)}\n\nDefine:\n\n{defines}"
    )


def check_code(exercise: Exercise, variant: int) -> str:
    """The check of a variant."""
    code = exercise.check_code()
    return code if not variant else code.replace(f'"{exercise.label}"', f'"{exercise.label}", variant={variant}', 1)


def markdown(text: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": metadata, "source": text}


def code(text: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "source": text, "execution_count": None, "outputs": []}


def raw(text: str) -> dict[str, Any]:
    return {"cell_type": "raw", "metadata": {}, "source": text}


def noted(exercise: Exercise, role: str, **more: Any) -> dict[str, Any]:
    return {"ganvae": {"exercise": exercise.label, "role": role}, **more}


def notebook(cells: Sequence[dict[str, Any]], **metadata: Any) -> bytes:
    """The bytes of a notebook of some cells; each gets its place as its name."""
    named = [{**cell, "id": f"cell-{place:03}"} for place, cell in enumerate(cells)]
    content = {"cells": named, "metadata": {**CODE, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf8")


def _head(source: Source, grader: Grader) -> str:
    minutes = sum(exercise.minutes for exercise in grader.exercises)
    hours = f"{minutes} minutes" if minutes < 90 else f"{minutes / 60:.0f} hours"
    return WELCOME.format(title=source.title, number=grader.number, points=grader.points, hours=hours)


def plain(source: Source, grader: Grader, key: bool) -> bytes:
    """The notebook for students, or with ``key`` the same with its answers."""
    setup = {"ganvae": {"role": "setup"}}
    cells = [markdown(_head(source, grader)), code(source.setup, **setup)]
    for place, exercise in enumerate(grader.exercises, 1):
        asked = source.asked[exercise.label]
        cells.append(markdown(asked_text(asked, exercise, place), **noted(exercise, "exercise")))
        if given := exercise.given_code(grader.variant):
            cells.append(code(given, **noted(exercise, "given")))
        if key:
            cells.append(markdown(spoken(asked.told.strip()), **noted(exercise, "solution")))
        answer = asked.solution.strip() if key else exercise.blank_code()
        cells.append(code(answer, **noted(exercise, "answer")))
        cells.append(code(check_code(exercise, grader.variant), **noted(exercise, "check")))
    return notebook(cells)


def nbgrader(source: Source, grader: Grader) -> bytes:
    """The source version for nbgrader: a graded check an exercise, its solution between nbgrader's marks.

    nbgrader reads points from what a check's cell puts out: ours prints nothing to stderr, and ends in no value.
    """

    def part(name: str, **more: Any) -> dict[str, Any]:
        return {"nbgrader": {"schema_version": 3, "grade_id": name, "task": False, **more}}

    locked = {"locked": True, "solution": False, "grade": False}
    cells = [
        markdown(_head(source, grader), **part("welcome", **locked)),
        code(source.setup, **part("setup", **locked)),
    ]
    for place, exercise in enumerate(grader.exercises, 1):
        asked, name = source.asked[exercise.label], exercise.label
        cells.append(markdown(asked_text(asked, exercise, place), **part(f"{name}-text", **locked)))
        if given := exercise.given_code(grader.variant):
            cells.append(code(given, **part(f"{name}-given", **locked)))
        answer = f"### BEGIN SOLUTION\n{asked.solution.strip()}\n### END SOLUTION"
        cells.append(code(answer, **part(f"{name}-answer", locked=False, solution=True, grade=False)))
        graded = part(f"{name}-check", locked=True, solution=False, grade=True, points=exercise.points)
        cells.append(code(check_code(exercise, grader.variant), **graded))
    return notebook(cells)


def otter(source: Source, grader: Grader) -> bytes:
    """The source version for ``otter assign``: a question an exercise, solutions between its marks for blocks."""
    config = "# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false\ngenerate: true\n"
    cells = [raw(config), markdown(_head(source, grader)), code(source.setup)]
    for place, exercise in enumerate(grader.exercises, 1):
        asked = source.asked[exercise.label]
        name = exercise.label.replace("-", "_")
        cells.append(raw(f"# BEGIN QUESTION\nname: {name}\npoints: {exercise.points}"))
        cells.append(markdown(asked_text(asked, exercise, place)))
        if given := exercise.given_code(grader.variant):
            cells.append(code(given))
        blank = f'""" # BEGIN PROMPT\n{exercise.blank_code()}\n""" # END PROMPT'
        cells.append(raw("# BEGIN SOLUTION"))
        cells.append(code(f"{blank}\n# BEGIN SOLUTION\n{asked.solution.strip()}\n# END SOLUTION"))
        cells.append(raw("# END SOLUTION"))
        cells.append(raw("# BEGIN TESTS"))
        tested = code(check_code(exercise, grader.variant))  # what a test is to put out is what is stored with it
        tested["outputs"] = [{"output_type": "stream", "name": "stdout", "text": right(exercise) + "\n"}]
        cells.append(tested)
        cells.append(raw("# END TESTS"))
        cells.append(raw("# END QUESTION"))
    return notebook(cells)


def make(
    number: int,
    out: Path,
    variant: int = 0,
    labels: Sequence[str] = (),
    forms: Sequence[str] = ("plain",),
    book: Path = BOOK,
) -> list[Path]:
    """Write the homework of a chapter into a folder; returns the files. ``labels`` chooses exercises (default: all).

    Raises ValueError for an unknown chapter, exercise or form.
    """
    known = chapter(number).exercises
    if unknown := [label for label in labels if label not in known]:
        raise ValueError(f"chapter {number:02} has no exercise {unknown[0]!r}; it has {', '.join(known)}.")
    if unknown := [form for form in forms if form not in FORMS]:
        raise ValueError(f"unknown form {unknown[0]!r}; choose among {', '.join(FORMS)}.")
    source = sources(number, book)
    grader = Grader(number, variant, tuple(label for label in known if not labels or label in labels), source.setup)
    stem = f"{number:02}"
    writers: dict[str, Callable[[], bytes]] = {}
    if "plain" in forms:
        writers[f"{stem}_student.ipynb"] = lambda: plain(source, grader, key=False)
        writers[f"{stem}_key.ipynb"] = lambda: plain(source, grader, key=True)
    if "nbgrader" in forms:
        writers[f"nbgrader/source/{stem}/{stem}.ipynb"] = lambda: nbgrader(source, grader)
    if "otter" in forms:
        writers[f"otter/{stem}.ipynb"] = lambda: otter(source, grader)
    written = []
    with folder_lock(out):
        for name, content in writers.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content())
            written.append(path)
        if "plain" in forms:
            grader.save(out / f"{stem}_{GRADER}")
            written.append(out / f"{stem}_{GRADER}")
    return written
