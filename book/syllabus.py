"""The page for teachers: its tables of exercises and goals, and two syllabi, made from the exercises as they are."""

from dataclasses import dataclass
from pathlib import Path

import slides
from checks import table

__all__ = ["COURSES", "Week", "essential", "filled"]

PLACE = "% {} weeks\n"  # comments in book/teachers.md: here the syllabi go
SLIDES = "% slides\n"  # the decks
EXERCISES = "% exercises\n"  # and here the goals with their exercises


@dataclass(frozen=True)
class Week:
    """A week of a course: its theme, the chapters read, the sections of them to skip.

    Homework is from the chapters in ``homework``, or from all.
    """

    theme: str
    chapters: tuple[int, ...]
    skip: tuple[str, ...] = ()
    homework: tuple[int, ...] = ()


COURSES = {
    6: (
        Week(
            "Two families",
            (1, 2),
            ("Real handwriting", "The linear-Gaussian world", "Which direction can you pay for?"),
        ),
        Week("The VAE", (3,), ("A likelihood must be a density", "MNIST at full scale")),
        Week("The GAN", (4,), ("The game in one parameter", "Which mode is kept?", "MNIST at full scale")),
        Week("One formulation", (7, 8), ("How large is the JSD?", "Digits", "An adversary that errs")),
        Week("What the directions explain", (10, 14), ("Claims C and D, at full length", "Accept what looks alike")),
        Week("Techniques that travel", (15, 18), ("What the operator makes of others", "How to rerun a row"), (15,)),
    ),
    12: (
        Week("Two processes, two directions", (1, 2), ("The linear-Gaussian world", "Real digits")),
        Week("Variational inference", (3,), ("MNIST at full scale",)),
        Week("Adversarial learning", (4,), ("MNIST at full scale",)),
        Week("Likelihood without latents", (5,), ("MNIST",)),
        Week("Domain adaptation, the bridge", (6, 7), ("When alignment must fail", "MNIST to USPS at full scale")),
        Week("The VAE's adversary", (8,)),
        Week("The common ancestor, and training fast", (9, 19), ("What goes wrong",)),
        Week("Opposite directions", (10,)),
        Week("Exchange, and cycles", (11, 12), ("Rotations and swirls",)),
        Week("Joint models, the symmetric view", (13, 14), ("A classifier in the place of a KL: AVB",)),
        Week("Weigh and activate", (15, 16), ("What the operator makes of others", "On other models")),
        Week("Labels, tables, and beyond", (17, 18, 20), ("Composition", "How to rerun a row"), (17, 20)),
    ),
}


def essential(exercises: dict) -> list[str]:
    """Few exercises that test every goal of a chapter, by label: of each goal the shortest, in the chapter's order."""
    shortest: dict = {}
    for label, asked in exercises.items():
        if asked.goal not in shortest or asked.minutes < exercises[shortest[asked.goal]].minutes:
            shortest[asked.goal] = label
    return [label for label in exercises if label in shortest.values()]


def filled(text: str, toc: Path) -> str:
    """book/teachers.md with its tables, and the decks of the parts of a _toc.yml."""
    named = slides.decks(toc).items()
    decks = "".join(f'- <a href="../slides/{name}.html">{title}</a>\n' for name, (title, _) in named)
    for weeks, course in COURSES.items():
        text = text.replace(PLACE.format(weeks), plan(course) + "\n")
    text = text.replace(SLIDES, decks)
    return text.replace(EXERCISES, "\n\n".join(map(goals, numbers())) + "\n")


def numbers() -> list[int]:
    """The chapters that have exercises."""
    from ganvae_course.command import known_chapters

    return known_chapters()


def plan(course: tuple[Week, ...]) -> str:
    """A row a week: what is read, which exercises are homework, how long they take."""
    from ganvae_course import chapter

    rows = []
    for number, week in enumerate(course, 1):
        minutes, labels = 0, []
        for place in week.homework or week.chapters:
            exercises = chapter(place).exercises
            chosen = essential(exercises)
            minutes += sum(exercises[label].minutes for label in chosen)
            labels += [f"{{ref}}`{label}`" for label in chosen]
        read = "{chap}`" + ", ".join(map(str, week.chapters)) + "`"
        rows.append((number, week.theme, read, "; ".join(week.skip) or "nothing", " ".join(labels), minutes))
    return table(["Week", "Theme", "Read", "To skip", "Homework", "Minutes"], rows, "checks-list")


def goals(number: int) -> str:
    """The goals of a chapter, each with the exercises that test it."""
    from ganvae_course import chapter

    asked = chapter(number)
    rows = []
    for name, sentence in asked.goals.items():
        testing = [exercise for exercise in asked.exercises.values() if exercise.goal == name]
        told = [f"{{ref}}`{one.label}` ({one.kind}, {one.minutes} min, {one.points} p)" for one in testing]
        rows.append((sentence, "; ".join(told)))
    minutes = sum(one.minutes for one in asked.exercises.values())
    points = sum(one.points for one in asked.exercises.values())
    head = f"Chapter {number}: {len(asked.exercises)} exercises, {points} points, {minutes} minutes"
    return f"### {head}\n\n{table(['After it you can', 'Tested by'], rows, 'checks-list')}"
