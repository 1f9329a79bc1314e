r"""Numbers that depend on the step: a weight that warms up, a learning rate that decays.

A schedule is a frozen value and a function of s, the number of steps that are done: 0 at the first one. It multiplies a
term, or is an ``lr`` of ``fit``; it prints, and is saved with the objective and the run.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from ..errors import check_int, check_real, described
from ..figures.formula import number as short
from ..figures.values import register

__all__ = ["SCHEDULES", "Schedule", "as_weight", "at", "constant", "cosine", "cyclical", "letters", "linear", "times"]

SCHEDULES: dict[str, type[Schedule]] = {}  # by name


@dataclass(frozen=True, repr=False)
class Schedule(ABC):
    """A number for every step. One's own is a frozen dataclass with ``__call__``, ``formula`` and ``extremes``.

    A number times a schedule is the schedule with its ``values`` multiplied: a subclass says which fields these are.

    >>> from ganvae_lib import KL, Match
    >>> 2 * linear(0, 1, steps=1000), -constant(3)
    (linear(0, 2, steps=1000), constant(-3))
    >>> print(linear(0, 1, steps=1000) * Match("z", KL()))
    linear(0, 1, steps=1000) * Match('z', KL())
      η descends β(s) E_{d(x)}[KL(q_η(z|x)‖p(z))]
      where β(s) = min(1, s/1000), after s steps
    """

    values: ClassVar[tuple[str, ...]] = ()  # the fields that a factor multiplies
    __array_ufunc__ = None  # a number of NumPy leaves the product to us

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        register(cls, SCHEDULES)

    def __post_init__(self) -> None:
        """Check the fields: numbers, of which those that count steps are positive and whole."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Schedule):
                continue
            check = check_int if field.type == "int" else check_real
            object.__setattr__(self, field.name, check(f"{field.name} of {type(self).__name__}", value))

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The number after so many steps."""

    @abstractmethod
    def formula(self) -> str:
        """The number as a formula in s, in LaTeX."""

    @property
    @abstractmethod
    def extremes(self) -> tuple[float, ...]:
        """Its least and its greatest number among others."""

    def __repr__(self) -> str:
        arguments = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and value.is_integer():
                value = int(value)  # 1 and not 1.0, as one would write it
            if field.name in self.values or isinstance(value, Schedule):
                arguments.append(repr(value))
            elif value != field.default:
                arguments.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __mul__(self, factor: Any) -> Any:
        if isinstance(factor, Schedule):
            return times(self, factor)
        if isinstance(factor, str | bytes) or not hasattr(factor, "__float__"):
            return NotImplemented  # such as a term, which takes a schedule for its weight
        return self._scaled(check_real("the factor of a schedule", factor))

    def _scaled(self, factor: float) -> Schedule:
        return replace(self, **{name: factor * getattr(self, name) for name in self.values})

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return -1 * self

    def __add__(self, other: Any) -> Any:
        if type(other) in (int, float) and other == 0:
            return self
        raise TypeError(f"{self!r} and {other!r} cannot be added; write their sum as one schedule.")

    __radd__ = __add__

    # Where a weight stands, it answers for its greatest number: its sign, and whether it is zero.

    def __float__(self) -> float:
        return float(max(self.extremes, key=abs))

    def __abs__(self) -> float:
        return abs(float(self))

    def __format__(self, specification: str) -> str:
        return repr(self)


def as_weight(value: Any) -> Any:
    """The weight of a term: a schedule, or a number of Python. Raises ValueError if it is not finite, or zero.

    >>> as_weight(2), as_weight(linear(0, 1, steps=10))
    (2, linear(0, 1, steps=10))
    """
    number = math.nan
    with suppress(ValueError):
        number = abs(value) if isinstance(value, Schedule) else check_real("weight", value)
    if not math.isfinite(number) or number == 0:
        raise ValueError(f"the weight of a term must be finite and not zero, got {described(value)}.")
    return value if isinstance(value, Schedule) else number


def letters(numbers: Iterable[Any]) -> dict[Any, str]:
    r"""A letter for each schedule among these numbers, in LaTeX.

    >>> letters([1.0, linear(0, 1, steps=10)]), letters([constant(2), constant(3), constant(2)])
    ({linear(0, 1, steps=10): '\\beta(s)'}, {constant(2): '\\beta_1(s)', constant(3): '\\beta_2(s)'})
    """
    schedules = list(dict.fromkeys(number for number in numbers if isinstance(number, Schedule)))
    if len(schedules) == 1:
        return {schedules[0]: r"\beta(s)"}
    return {schedule: rf"\beta_{index}(s)" for index, schedule in enumerate(schedules, 1)}


def at(number: Any, step: int) -> float:
    """A number, or what a schedule says after so many steps."""
    return number(step) if isinstance(number, Schedule) else number


def _text(number: float) -> str:
    return short(number)


@dataclass(frozen=True, repr=False)
class constant(Schedule):
    """The same number at every step.

    >>> constant(0.5)(1000)
    0.5
    """

    value: float
    values = ("value",)  # the fields that a factor multiplies

    def __call__(self, step: int) -> float:
        return float(self.value)

    def formula(self) -> str:
        return _text(self.value)

    @property
    def extremes(self) -> tuple[float, ...]:
        return (self.value,)


@dataclass(frozen=True, repr=False)
class linear(Schedule):
    """From ``start`` to ``end`` in ``steps`` equal parts, and there it stays.

    >>> warm_up = linear(0, 1, steps=4)
    >>> [warm_up(step) for step in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    start: float
    end: float
    steps: int
    values = ("start", "end")  # the fields that a factor multiplies

    def __call__(self, step: int) -> float:
        fraction = min(1.0, step / self.steps)
        return self.start + (self.end - self.start) * fraction

    def formula(self) -> str:
        return _between(self.start, self.end, rf"\min(1, s/{self.steps})")

    @property
    def extremes(self) -> tuple[float, ...]:
        return self.start, self.end


@dataclass(frozen=True, repr=False)
class cosine(Schedule):
    """From ``start`` to ``end`` in ``steps``, along half a wave of a cosine, and there it stays.

    >>> decay = cosine(1, 0, steps=4)
    >>> [round(decay(step), 4) for step in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """

    start: float
    end: float
    steps: int
    values = ("start", "end")  # the fields that a factor multiplies

    def __call__(self, step: int) -> float:
        fraction = (1 - math.cos(math.pi * min(1.0, step / self.steps))) / 2
        return self.start + (self.end - self.start) * fraction

    def formula(self) -> str:
        return _between(self.start, self.end, rf"(1-\cos(\pi\,\min(1, s/{self.steps})))/2")

    @property
    def extremes(self) -> tuple[float, ...]:
        return self.start, self.end


@dataclass(frozen=True, repr=False)
class cyclical(Schedule):
    """Again and again from ``low`` to ``high``: in each ``period`` of steps it rises for a share, ``rise``, then stays.

    The annealing of a VAE's KL term by Fu et al. (2019).

    >>> again = cyclical(0, 1, period=4)
    >>> [again(step) for step in range(9)]
    [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0, 0.0]
    """

    low: float
    high: float
    period: int
    rise: float = 0.5
    values = ("low", "high")  # the fields that a factor multiplies

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("rise of cyclical", self.rise, above=0, most=1)

    def __call__(self, step: int) -> float:
        fraction = min(1.0, (step % self.period) / (self.rise * self.period))
        return self.low + (self.high - self.low) * fraction

    def formula(self) -> str:
        return _between(self.low, self.high, rf"\min(1, (s \bmod {self.period})/{_text(self.rise * self.period)})")

    @property
    def extremes(self) -> tuple[float, ...]:
        return self.low, self.high


@dataclass(frozen=True, repr=False)
class times(Schedule):
    """The product of two schedules: what ``linear(0, 1, steps=100) * cosine(1e-3, 0, steps=5000)`` makes.

    >>> rate = linear(0, 1, steps=2) * constant(0.1)
    >>> rate, [rate(step) for step in range(4)]
    (times(linear(0, 1, steps=2), constant(0.1)), [0.0, 0.05, 0.1, 0.1])
    """

    first: Schedule
    second: Schedule

    def __call__(self, step: int) -> float:
        return self.first(step) * self.second(step)

    def formula(self) -> str:
        return rf"({self.first.formula()})\,({self.second.formula()})"

    @property
    def extremes(self) -> tuple[float, ...]:
        return tuple(first_extreme * b for first_extreme in self.first.extremes for b in self.second.extremes)

    def _scaled(self, factor: float) -> Schedule:
        return replace(self, first=self.first._scaled(factor))


def _between(start: float, end: float, fraction: str) -> str:
    """start + (end - start) share, as one would write it."""
    difference = end - start
    scaled_fraction = fraction if abs(difference) == 1 else rf"{_text(abs(difference))}\,{fraction}"
    if start == 0:
        return scaled_fraction if difference > 0 else f"-{scaled_fraction}"
    return f"{_text(start)} {'+' if difference >= 0 else '-'} {scaled_fraction}"
