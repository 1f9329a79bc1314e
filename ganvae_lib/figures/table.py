"""Tables that print as text and show as tables in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ShownAsTable", "Table"]


@dataclass(frozen=True)
class Table:
    """Rows under a header, printed as text and shown as a table in a notebook.

    >>> Table(("term", "tool"), (("Match(x)", "Adversary"), ("z", "KL")))
    term      tool
    Match(x)  Adversary
    z         KL
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        lines = (self.header, *self.rows) if isinstance(self.rows, tuple) else (None,)
        if not all(isinstance(line, tuple) and len(line) == len(self.header) for line in lines):
            raise ValueError("a table is a tuple of names and a tuple of rows, each a tuple of as many cells.")

    def __str__(self) -> str:
        lines = (self.header, *self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
        return "\n".join("  ".join(line).rstrip() for line in padded)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = _html_row(self.header, "th")
        body = "".join(_html_row(row, "td") for row in self.rows)
        # The class is the one that notebook pages have a style for.
        return f'<table class="dataframe"><thead>{head}</thead><tbody>{body}</tbody></table>'


class ShownAsTable:
    """What shows itself as the table that ``_table`` makes: as text, and as a table in a notebook."""

    def _table(self) -> Table:
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def _html_row(cells: tuple[str, ...], tag: str) -> str:
    from html import escape

    cell_texts = [escape(cell).replace(" %", "\u00a0%") for cell in cells]  # no line ends before a per cent sign
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cell_texts) + "</tr>"
