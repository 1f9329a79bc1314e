"""How objectives show themselves: LaTeX turned into plain text, and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["GREEK", "Table", "plain"]

GREEK = {"theta": "θ", "eta": "η", "phi": "φ"}
_AS_TEXT = (
    (r"\\mathbb\{E\}_\{((?:[^{}]|\{[^{}]*\})*)\}", r"E_{\1}"), (r"\\mathbb\{E\}", "E"), (r"\\mathrm\{(\w+)\}", r"\1"),
    (r"\\hat ([xz])", "\\1\u0302"), (r"\\big", ""),
    (r"\\frac\{(.*?)\}\{(.*?)\}", r"(\1/(\2))"), (r"\\tfrac(\d)(\d)", r"\1/\2 "), (r"\\\|", "‖"), (r"\\,", " "),
    *((rf"\\{name}", sign) for name, sign in GREEK.items()), (r"\\nabla ", "∇"),
    (r"\\(log|max) ?", r"\1 "), (r"\^2", "²"),
    (r" ‖ ", "‖"), (r"log \(", "log("), (r"max \(", "max("),
)  # fmt: skip


def plain(latex: str) -> str:
    """The formula as text, for terminals."""
    for pattern, text in _AS_TEXT:
        latex = re.sub(pattern, text, latex)
    return latex


@dataclass(frozen=True)
class Table:
    """Rows under a header, printed as text and shown as a table in a notebook."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(len(r[i]) for r in (self.header, *self.rows)) for i in range(len(self.header))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip()
                         for r in (self.header, *self.rows))  # fmt: skip

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        line = lambda row, tag: "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in row) + "</tr>"
        rows = "".join(line(row, "td") for row in self.rows)
        # The class is the one that notebook pages have a style for.
        return f'<table class="dataframe"><thead>{line(self.header, "th")}</thead><tbody>{rows}</tbody></table>'
