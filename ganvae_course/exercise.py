"""What an exercise is, and where it is found: ``exercise("ex-07-odds")``."""

from __future__ import annotations

import io
import random
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from .answers import Answers, Check, Wrong

WIDTH = 88  # of a line of code on a page, in characters
KINDS = ("derive", "predict", "build")


class Draw(random.Random):
    """The numbers of one variant of an exercise: 0 is the one in the book. The same variant has the same numbers.

    >>> Draw(0).simplex(3) == Draw(0).simplex(3), round(sum(Draw(4).simplex(5)), 6)
    (True, 1.0)
    """

    def __init__(self, variant: int, label: str = ""):
        super().__init__(f"{label} {variant}")
        self.variant = variant

    def real(self, low: float, high: float, digits: int = 2) -> float:
        """A number between two, of so many digits after the point."""
        return round(self.uniform(low, high), digits)

    def reals(self, count: int, low: float, high: float, digits: int = 2) -> list[float]:
        """Several such numbers, no two alike."""
        found: list[float] = []
        while len(found) < count:
            number = self.real(low, high, digits)
            found += [number] if number not in found else []
        return found

    def simplex(self, count: int, digits: int = 2, least: float = 0.05) -> list[float]:
        """Probabilities of so many events, each at least ``least``: they sum to one."""
        unit = 10**digits
        free = unit - count * round(least * unit)
        cuts = sorted(self.randint(0, free) for _ in range(count - 1))
        parts = [high - low for low, high in zip([0, *cuts], [*cuts, free], strict=True)]
        return [round((part + round(least * unit)) / unit, digits) for part in parts]


def _assigned(name: str, value: Any) -> str:
    """A line of code that gives a name its value; a list that is too long for a line goes over several."""
    line = f"{name} = {value!r}"
    if len(line) <= WIDTH or not isinstance(value, list):
        return line
    lines = ["   "]
    for item in value:
        if len(lines[-1]) + len(f" {item!r},") > WIDTH:
            lines.append("   ")
        lines[-1] += f" {item!r},"
    if len(lines) == 1:
        lines = [lines[0].removesuffix(",")]
    return "\n".join([f"{name} = [", *lines, "]"])


@dataclass(frozen=True)
class Exercise:
    """One exercise: what it gives, what it asks for, and the judge.

    ``defines`` says of each name to define what it is, with its shape. ``given(draw)`` returns the names that the
    exercise gives, plain literals; another variant has others. ``judge(answers, **given)`` raises Wrong for what is
    not right.
    """

    label: str
    title: str
    kind: str
    difficulty: int
    minutes: int
    points: int
    goal: str
    defines: Mapping[str, str]
    judge: Check
    given: Callable[[Draw], dict[str, Any]]

    def values(self, variant: int = 0) -> dict[str, Any]:
        """What a variant gives, by name."""
        return self.given(Draw(variant, self.label))

    def given_code(self, variant: int = 0) -> str:
        """The cell that states what is given; an empty text where nothing is."""
        return "\n".join(_assigned(name, value) for name, value in self.values(variant).items())

    def check_code(self) -> str:
        """The cell that checks an answer."""
        names = [f"{name}={name}" for name in self.defines]
        line = f'check("{self.label}", {", ".join(names)})'
        if len(line) <= WIDTH:
            return line
        return "\n".join([f'check(\n    "{self.label}",', *(f"    {name}," for name in names), ")"])

    def blank_code(self) -> str:
        """The cell in which an answer is written."""
        return "\n".join(f"{name} = ...  # {meaning}" for name, meaning in self.defines.items())

    def headline(self) -> str:
        """The first line of the exercise's text: what kind it is, how hard and how long."""
        points = f"{self.points} point" + "s" * (self.points > 1)
        hard = "●" * self.difficulty + "○" * (3 - self.difficulty)
        return f"*{self.kind.capitalize()} · {hard} · {self.minutes} minutes · {points}*"

    def grade(self, answers: Answers, variant: int = 0) -> None:
        """Judge the answers to a variant. Raises Wrong for the first that is not right."""
        for name in self.defines:
            answers.read(name)  # what is blank is said first
        self.judge(answers, **self.values(variant))


class Chapter:
    """The exercises of a chapter, in its order, and what a learner can do afterwards (``goals``: name to sentence)."""

    def __init__(self, number: int, goals: Mapping[str, str]):
        self.number, self.goals = number, dict(goals)
        self.exercises: dict[str, Exercise] = {}

    def exercise(
        self,
        name: str,
        title: str,
        *,
        kind: str,
        difficulty: int,
        minutes: int,
        points: int,
        goal: str,
        defines: Mapping[str, str],
        given: Callable[[Draw], dict[str, Any]] = lambda draw: {},
    ) -> Callable[[Check], Check]:
        """Register the function below as the judge of an exercise: ``name`` "odds" of chapter 7 is ex-07-odds."""
        label = f"ex-{self.number:02}-{name}"
        if kind not in KINDS or goal not in self.goals or not 1 <= difficulty <= 3 or label in self.exercises:
            raise ValueError(f"{label}: unknown kind, goal or difficulty, or a label that is taken.")

        def register(judge: Check) -> Check:
            self.exercises[label] = Exercise(
                label, title, kind, difficulty, minutes, points, goal, dict(defines), judge, given
            )
            return judge

        return register


@cache
def chapter(number: int) -> Chapter:
    """The exercises of a chapter. Raises ValueError for a chapter that has none."""
    try:
        return import_module(f"ganvae_course.chapters.ch{number:02}").CHAPTER
    except ModuleNotFoundError as error:
        if error.name != f"ganvae_course.chapters.ch{number:02}":
            raise
        raise ValueError(f"chapter {number} has no exercises.") from None


def exercise(label: str) -> Exercise:
    """An exercise by its label. Raises ValueError for an unknown one, with the labels of its chapter."""
    parts = label.split("-") if isinstance(label, str) else []
    if len(parts) < 3 or parts[0] != "ex" or not parts[1].isdigit():
        raise ValueError(f"an exercise has a label such as 'ex-07-odds', not {label!r}.")
    known = chapter(int(parts[1])).exercises
    if label not in known:
        raise ValueError(f"there is no exercise {label!r}; chapter {int(parts[1])} has {', '.join(known)}.")
    return known[label]


def right(asked: Exercise) -> str:
    """What ``check`` says of right answers."""
    return f"{asked.label}: right ({asked.points} point{'s' * (asked.points > 1)})."


def check(label: str, *, variant: int = 0, **answers: Any) -> None:
    """Say whether the answers to an exercise are right. Raises Wrong, a sentence without a traceback, where one is not.

    What someone has been given in a notebook counts as that of ``variant``: 0 is the exercise of the book.
    """
    asked = exercise(label)
    if unknown := [name for name in answers if name not in asked.defines]:
        raise Wrong(f"{label} asks for {', '.join(asked.defines)}, not for {', '.join(unknown)}.")
    silence = io.StringIO()  # a warning of the answer's code is no fault, but some graders take it for one
    with redirect_stdout(silence), redirect_stderr(silence), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked.grade(Answers(answers), variant)
    print(right(asked))
