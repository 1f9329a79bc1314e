"""``python -m ganvae_lib course list|make|grade``: homework from the command line."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from .exercise import chapter
from .grading import Grader, Mark, as_table, grade, grader_beside
from .making import FORMS, make
from .remote import Limits

CHAPTERS = range(1, 21)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The commands and their options."""
    commands = parser.add_subparsers(dest="what", required=True)
    listed = commands.add_parser("list", help="the exercises: kind, difficulty, minutes, points, goal")
    listed.add_argument("chapter", nargs="?", type=int, help="of one chapter (default: all)")
    made = commands.add_parser("make", help="write a notebook for students, its key and its grader")
    made.add_argument("chapter", type=int, help="such as 07")
    made.add_argument("--out", type=Path, default=Path("homework"), help="folder (default homework)")
    made.add_argument("--variant", type=int, default=0, help="another number, other numbers; 0 is the book's (default)")
    made.add_argument("--exercises", default="", help="labels with commas between them (default: all)")
    made.add_argument("--form", default="plain", help=f"{', '.join(FORMS)}, with commas between them (default plain)")
    graded = commands.add_parser("grade", help="grade notebooks: a table, and grades.csv")
    graded.add_argument("notebooks", nargs="+", type=Path)
    graded.add_argument("--grader", type=Path, help="what `make` wrote (default: the only one beside the notebooks)")
    graded.add_argument("--out", type=Path, help="folder of grades.csv (default: that of the grader)")
    graded.add_argument(
        "--seconds", type=float, default=Limits.seconds, help="of computing, for each exercise (default 60)"
    )
    graded.add_argument("--megabytes", type=int, default=Limits.megabytes, help="for each exercise (default 2048)")
    graded.add_argument("--jobs", type=int, default=1, help="notebooks at a time (default 1)")


def known_chapters() -> list[int]:
    """The chapters that have exercises."""
    return [number for number in CHAPTERS if find_spec(f"ganvae_course.chapters.ch{number:02}")]


def listing(numbers: list[int]) -> str:
    """A line an exercise."""
    lines = []
    for number in numbers:
        asked = chapter(number)
        total = sum(exercise.points for exercise in asked.exercises.values())
        minutes = sum(exercise.minutes for exercise in asked.exercises.values())
        lines.append(f"chapter {number:02}: {len(asked.exercises)} exercises, {total} points, {minutes} minutes")
        for label, exercise in asked.exercises.items():
            hard = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty)
            facts = f"{exercise.kind:8} {hard} {exercise.minutes:3} min {exercise.points} p"
            lines.append(f"  {label:28} {facts}  {exercise.title}")
    return "\n".join(lines)


def main(options: argparse.Namespace) -> int:
    """Do what was asked for. Raises ValueError for what cannot be, OSError for files that cannot be read or written."""
    if options.what == "list":
        print(listing([options.chapter] if options.chapter is not None else known_chapters()))
        return 0
    if options.what == "make":
        if options.variant < 0:
            raise ValueError("a variant is 0 (the book's) or a positive number.")
        labels = [label for label in options.exercises.split(",") if label]
        forms = [form for form in options.form.split(",") if form]
        for path in make(options.chapter, options.out, options.variant, labels, forms):
            print(path)
        return 0
    paths = list(dict.fromkeys(options.notebooks))
    if missing := [path for path in paths if not path.is_file()]:
        raise ValueError(f"there is no notebook {missing[0]}.")
    if not 0 < options.seconds < 86_400 or options.megabytes < 1 or options.jobs < 1:
        raise ValueError("--seconds, --megabytes and --jobs are positive.")
    where = options.grader or grader_beside(paths)
    grader = Grader.load(where)

    def told(name: str, marks: list[Mark]) -> None:
        for one in marks:
            if one.failed:
                print(f"{name}: {one.label}: {one.failed}")

    out = options.out or where.parent
    table = grade(paths, grader, out, Limits(options.seconds, options.megabytes), options.jobs, told)
    print(as_table(table, grader))
    print(f"written: {out / 'grades.csv'}")
    return 0
