"""Tables that print as text and show as tables in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Table"]


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
