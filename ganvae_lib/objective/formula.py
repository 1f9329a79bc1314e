"""How objectives show themselves: LaTeX turned into plain text, and what is given."""

from __future__ import annotations

import re

__all__ = ["GREEK", "plain", "told"]

GREEK = {"theta": "θ", "eta": "η", "phi": "φ"}


_AS_TEXT = (
    (r"\\mathbb\{E\}_\{((?:[^{}]|\{[^{}]*\})*)\}", r"E_{\1}"),
    (r"\\mathbb\{E\}", "E"),
    (r"\\mathrm\{(\w+)\}", r"\1"),
    (r"\\hat ([xz])", "\\1\u0302"),
    (r"\\big", ""),
    (r"\\frac\{(.*?)\}\{(.*?)\}", r"(\1/(\2))"),
    (r"\\tfrac(\d)(\d)", r"\1/\2 "),
    (r"\\\|", "‖"),
    (r"\\,", " "),
    *((rf"\\{name}", sign) for name, sign in GREEK.items()),
    (r"\\nabla ", "∇"),
    (r"\\(log|max) ?", r"\1 "),
    (r"\^2", "²"),
    (r"\\sum_i ?", "Σ_i "),
    (r"\\tilde w", "w\u0303"),
    (r"\\propto", " ∝"),
    (r"_\{1:(\w+)\}", r"_1..\1"),
    (r"\\tfrac\{(\w+)\}\{(\w+)\}", r"\1/\2 "),
    (r"_\{θ_0\}", "_θ₀"),
    (r"\^\{(\w+)\}", r"^\1"),
    (r" ‖ ", "‖"),
    (r"log \(", "log("),
    (r"max \(", "max("),
)


def plain(latex: str) -> str:
    """The formula as text, for terminals."""
    for pattern, text in _AS_TEXT:
        latex = re.sub(pattern, text, latex)
    return latex


# Every law of an example becomes one of the example and its label t, or of the example at its label.
_GIVEN = (
    (r"d\(x\)", "d(x,t)"),
    (r"([pq]_\\(?:theta|theta_0|eta)|[pq]_\{\\theta_0\})\(([^()|]*)\)", r"\1(\2|t)"),
    (r"([pq]_\\(?:theta|eta))\(([^()|]*)\|([^()]*)\)", r"\1(\2|\3,t)"),
    (r"\|t,t\)", "|t)"),
    (r"([Dt]_\\phi)\(([^()]*)\)", r"\1(\2,t)"),
)


def told(latex: str) -> str:
    """The formula of a term whose networks are told the label t."""
    for pattern, text in _GIVEN:
        latex = re.sub(pattern, text, latex)
    # Each of several weighted samples has a label of its own.
    latex = re.sub(r"_\{((?:p_\\theta\(x|q_\\eta\(z)\|t\))\^", r"_{(\1)^", latex).replace("_i,t)", "_i,t_i)")
    # What is made, not drawn from the data, is made for labels of the data.
    return re.sub(r"(\\mathbb\{E\}_\{\(?)(?=p[_(]|q_\\eta\(z\|t\))", r"\1d(t)\\,", latex)
