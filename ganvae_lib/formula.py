"""How objectives show themselves: LaTeX turned into plain text, what is given, tables, and names that are not known."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["GREEK", "Table", "plain", "told", "unknown"]

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


def unknown(kind: str, name: object, known) -> ValueError:
    """The error for a name that is not in a registry: it lists the names and offers the nearest one."""
    from difflib import get_close_matches

    near = get_close_matches(str(name).lower(), [str(k).lower() for k in known], n=1)
    hint = next((f" Did you mean {k!r}?" for k in known if near and str(k).lower() == near[0]), "")
    return ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(map(repr, known))}.{hint}")


@dataclass(frozen=True)
class Table:
    """Rows under a header, printed as text and shown as a table in a notebook."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(len(r[i]) for r in (self.header, *self.rows)) for i in range(len(self.header))]
        return "\n".join(
            "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in (self.header, *self.rows)
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        cell = lambda c: escape(c).replace(" %", "\u00a0%")  # no line ends between them
        line = lambda row, tag: "<tr>" + "".join(f"<{tag}>{cell(c)}</{tag}>" for c in row) + "</tr>"
        rows = "".join(line(row, "td") for row in self.rows)
        # The class is the one that notebook pages have a style for.
        return f'<table class="dataframe"><thead>{line(self.header, "th")}</thead><tbody>{rows}</tbody></table>'
