"""Distributions on a few atoms, with symbols for their probabilities, and what is computed from them.

A distribution on n atoms has n - 1 symbols; the last probability is one minus their sum. So its symbols run through
*all* distributions with positive probabilities.

Gradients. Let the probabilities g(theta) depend on parameters. By the chain rule a slope of F(g(theta)) along any
direction of theta is the slope of F at g along the derivative of g, and all that is known of that derivative is that
its entries sum to zero. So a slope along a vector of symbols with this sum (``tangent``) is the gradient for every
differentiable parametrisation at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr, Integer, Rational, Symbol, log, symbols

__all__ = [
    "HALF",
    "STEP",
    "PROOFS",
    "Identity",
    "conditionals",
    "entropy",
    "expect",
    "js",
    "kl",
    "marginal",
    "mixture",
    "moved",
    "numbers",
    "proof",
    "slope",
    "distribution",
    "tangent",
    "tangents",
    "xlogx",
]

HALF = Rational(1, 2)
STEP = Symbol("step", real=True)  # how far a distribution has moved along its tangent
PROOFS: dict[str, Callable[[], list["Identity"]]] = {}  # "bounds.gap_of_the_bound" -> the function


@dataclass(frozen=True)
class Identity:
    """left = right for all values of the symbols, and left = false not.

    `labels` are the statements of the book that it proves, "eq-gap, lem-gap". A lemma of several identities has its
    label at each of them. `only` says for which case, if the statements say more than is proved.
    """

    labels: str
    left: Expr
    right: Expr
    false: Expr
    only: str = ""


def proof(function: Callable[[], list[Identity]]) -> Callable[[], list[Identity]]:
    """Registers a function that returns identities; its docstring says what is proved and how generally."""
    PROOFS[f"{function.__module__.split('.')[-1]}.{function.__name__}"] = function
    return function


# -- symbols -------------------------------------------------------------------------------------------------


def distribution(name: str, atoms: int) -> list[Expr]:
    """Any distribution on `atoms` atoms with positive probabilities."""
    first = symbols(f"{name}1:{atoms}", positive=True)
    return [*first, 1 - sum(first)]


def conditionals(name: str, given: int, atoms: int) -> list[list[Expr]]:
    """A distribution for each of `given` conditions."""
    return [distribution(f"{name}_{i}_", atoms) for i in range(given)]


def numbers(name: str, count: int) -> list[Symbol]:
    """Symbols without a condition; where they stand for answers of a discriminator, between 0 and 1."""
    return list(symbols(f"{name}1:{count + 1}", positive=True))


def tangent(name: str, atoms: int) -> list[Expr]:
    """Any derivative of a distribution: its entries sum to zero."""
    first = symbols(f"{name}1:{atoms}", real=True)
    return [*first, -sum(first)]


def tangents(name: str, given: int, atoms: int) -> list[list[Expr]]:
    """A derivative for each of `given` conditions."""
    return [tangent(f"{name}_{i}_", atoms) for i in range(given)]


def moved(p: list, along: list) -> list:
    """The distribution, or the table of conditionals, after a step along a tangent."""
    if isinstance(p[0], list):
        return [moved(row, direction) for row, direction in zip(p, along, strict=True)]
    return [a + STEP * b for a, b in zip(p, along, strict=True)]


def slope(expression: Expr) -> Expr:
    """Its derivative at the start of the step."""
    return expression.diff(STEP).xreplace({STEP: Integer(0)})


# -- what is computed of them ----------------------------------------------------------------------------------


def expect(p: list[Expr], f: list[Expr]) -> Expr:
    return sum((a * b for a, b in zip(p, f, strict=True)), Integer(0))


def kl(p: list[Expr], q: list[Expr]) -> Expr:
    """KL(p || q), Eq. ``eq-kl``."""
    return expect(p, [log(a / b) for a, b in zip(p, q, strict=True)])


def entropy(p: list[Expr]) -> Expr:
    return -expect(p, [log(a) for a in p])


def mixture(p: list[Expr], q: list[Expr], weight: Expr = HALF) -> list[Expr]:
    """The second with this weight, the first with the rest."""
    return [(1 - weight) * a + weight * b for a, b in zip(p, q, strict=True)]


def js(p: list[Expr], q: list[Expr], weight: Expr = HALF) -> Expr:
    """JSD, Eq. ``eq-js``; with another weight of q, the weighted one of ``eq-compensation-weighted``."""
    m = mixture(p, q, weight)
    return (1 - weight) * kl(p, m) + weight * kl(q, m)


def marginal(p: list[Expr], given: list[list[Expr]]) -> list[Expr]:
    """The law of x where c has the law p and x given c the law given[c]."""
    return [expect(p, column) for column in zip(*given, strict=True)]


def xlogx(a: Expr) -> Expr:
    """a log a, and zero at zero."""
    return Integer(0) if a == 0 else a * log(a)
