"""How objectives are written: formulas in LaTeX and as text, values as the call that makes them, and as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ..errors import check_type

__all__ = ["GREEK", "Writer", "expectation", "kl", "number", "plain", "weighted"]

GREEK = {"theta": "θ", "eta": "η", "phi": "φ"}

_TEXT_OF_LATEX = (  # a pattern of LaTeX and what stands for it in text, in the order in which they are applied
    (r"\\mathbb\{E\}_\{((?:[^{}]|\{[^{}]*\})*)\}", r"E_{\1}"),
    (r"\\mathbb\{E\}", "E"),
    (r"\\mathrm\{(\w+)\}", r"\1"),
    (r"\\hat ([xzu])", "\\1\u0302"),
    (r"\\hat\\epsilon", "ε\u0302"),
    (r"\\tilde ([xz])", "\\1\u0303"),
    (r"\\big", ""),
    (r"\\frac\{(.*?)\}\{(.*?)\}", r"(\1/(\2))"),
    (r"\\tfrac(\d)(\d)", r"\1/\2 "),
    (r"\\\|", "‖"),
    (r"\\,", " "),
    *((rf"\\{name}", sign) for name, sign in GREEK.items()),
    (r"\\nabla ", "∇"),
    (r"\\sqrt\{(.*?)\}", r"√(\1)"),
    (r"\\alpha", "α"),
    (r"\\beta", "β"),
    (r"\\epsilon", "ε"),
    (r"\\sigma", "σ"),
    (r"\\tau", "τ"),
    (r"\\pi", "π"),
    (r"\\bmod", "mod"),
    (r"\\(log|max|min|cos|sin) ?", r"\1 "),
    (r"\^2", "²"),
    (r"\\sum_i ?", "Σ_i "),
    (r"\\tilde w", "w\u0303"),
    (r"\\propto", " ∝"),
    (r"_\{1:(\w+)\}", r"_1..\1"),
    (r"\\tfrac\{(\w+)\}\{(\w+)\}", r"\1/\2 "),
    (r"_\{θ_0\}", "_θ₀"),
    (r"\^\{(\w+)\}", r"^\1"),
    (r" ‖ ", "‖"),
    (r"(log|max|min|cos|sin) \(", r"\1("),
)


def plain(latex: str) -> str:
    r"""The formula as text, for terminals.

    >>> plain(r"\mathbb{E}_{d(x)}[-\log p_\theta(x)]")
    'E_{d(x)}[-log p_θ(x)]'
    """
    check_type("latex", latex, str)
    for pattern, text in _TEXT_OF_LATEX:
        latex = re.sub(pattern, text, latex)
    return latex


def expectation(law: str, inside: str) -> str:
    """E_law[inside], in LaTeX."""
    return rf"\mathbb{{E}}_{{{law}}}[{inside}]"


def kl(first: str, second: str) -> str:
    """KL(first ‖ second), in LaTeX."""
    return rf"\mathrm{{KL}}({first}\,\|\,{second})"


def weighted(weight: Any, formula: str) -> str:
    """A formula times a number, or times the letter of one, in LaTeX."""
    if weight == 1:
        return formula
    if r" + \mathbb" in formula or (isinstance(weight, str) and formula.startswith("-")):
        formula = rf"\big({formula}\big)"
    if isinstance(weight, str):
        return rf"{weight}\,{formula}"
    # A formula's own minus sign joins that of the weight: no 2-log.
    return rf"{number(-weight)}\,{formula[1:]}" if formula.startswith("-") else rf"{number(weight)}\,{formula}"


def number(value: Any) -> str:
    """A number as short as it can be without being another one; a schedule as itself.

    >>> number(10.0), number(0.1234567), number(1 / 3)
    ('10', '0.1234567', '0.3333333333333333')
    """
    short_text = f"{value:g}"
    is_exact = not isinstance(value, int | float) or float(short_text) == value
    return short_text if is_exact else repr(float(value))


@dataclass(frozen=True)
class Writer:
    r"""Writes the laws and the discriminator of a formula in LaTeX, each with the label t where one is given.

    given:      "label" or None.
    variables:  what the discriminator is shown; set by ``at``.
    separator:  what stands between them, "," or "|".
    index:      of a weighted sample; set by ``indexed``.
    swapped:    y is reversed: D and 1 - D, t and -t change places; set by ``reversed``.

    >>> w, labelled = Writer(), Writer("label")
    >>> print(w.q("z", "x"), labelled.q("z", "x"), labelled.d)
    q_\eta(z|x) q_\eta(z|x,t) d(x,t)
    >>> print(w.at(("x", "z")).log_D, labelled.at(("x",)).reversed.log_D)
    \log D_\phi(x,z) \log(1-D_\phi(x,t))
    """

    given: str | None = None
    variables: tuple[str, ...] = ()
    separator: str = ","
    index: str = ""
    swapped: bool = False

    def at(self, variables: tuple[str, ...], separator: str = ",") -> Writer:
        """The writer of a discriminator that is shown these variables."""
        return replace(self, variables=variables, separator=separator)

    def indexed(self, index: str) -> Writer:
        """The writer of one of several weighted samples, each of which has a label of its own."""
        return replace(self, index=f"_{index}")

    @property
    def reversed(self) -> Writer:
        """The writer of the discriminator's answer with y reversed."""
        return replace(self, swapped=not self.swapped)

    # Laws: d of the data, p of theta, q of eta.

    @property
    def d(self) -> str:
        """The law of the data."""
        return "d(x,t)" if self.given else "d(x)"

    def product(self, *laws: str) -> str:
        """The law of what is drawn from these in turn."""
        return r"\,".join(laws)

    def made(self, *laws: str) -> str:
        """The law of what is drawn from these in turn, none of which is that of the data: labels come from there."""
        return self.product("d(t)", *laws) if self.given else self.product(*laws)

    def p(self, variable: str, *conditions: str, theta: str = r"\theta") -> str:
        """The law of what theta makes; ``theta`` may be other parameters, such as frozen ones."""
        return self._law(f"p_{theta}", variable, conditions)

    def q(self, variable: str, *conditions: str) -> str:
        """The law of what eta makes."""
        return self._law(r"q_\eta", variable, conditions)

    def _law(self, name: str, variable: str, conditions: tuple[str, ...]) -> str:
        conditions = (*conditions, "t") if self.given else conditions
        return f"{name}({variable}|{','.join(conditions)})" if conditions else f"{name}({variable})"

    # The discriminator: t is its output, D = sigmoid(t).

    @property
    def arguments(self) -> str:
        """What the discriminator is shown, "x,z" or "x|z", and the label."""
        shown = self.separator.join(variable + self.index for variable in self.variables)
        return f"{shown},t{self.index}" if self.given else shown

    @property
    def t(self) -> str:
        """The discriminator's output t; -t where y is reversed."""
        return rf"{'-' if self.swapped else ''}t_\phi({self.arguments})"

    @property
    def minus_t(self) -> str:
        """-t; t where y is reversed."""
        return self.reversed.t

    @property
    def D(self) -> str:
        """D = sigmoid(t), as a factor; (1 - D) where y is reversed."""
        D = rf"D_\phi({self.arguments})"
        return f"(1-{D})" if self.swapped else D

    @property
    def not_D(self) -> str:
        """(1 - D), as a factor; D where y is reversed."""
        return self.reversed.D

    @property
    def log_D(self) -> str:
        """log D; log(1 - D) where y is reversed."""
        return rf"\log{self.D}" if self.swapped else rf"\log {self.D}"

    @property
    def log_not_D(self) -> str:
        """log(1 - D); log D where y is reversed."""
        return self.reversed.log_D

    @property
    def odds(self) -> str:
        """D over 1 - D as a fraction; its inverse where y is reversed."""
        D = rf"D_\phi({self.arguments})"
        numerator, denominator = (f"1-{D}", D) if self.swapped else (D, f"1-{D}")
        return rf"\frac{{{numerator}}}{{{denominator}}}"
