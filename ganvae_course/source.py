"""The exercises as they stand in a chapter's notebook: their text, what they give, their solution, their check."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    """The cells of one exercise: ``text`` and ``told`` (the solution in words) are Markdown, the others are code."""

    label: str
    text: str = ""
    given: str = ""
    told: str = ""
    solution: str = ""
    check: str = ""


@dataclass
class Source:
    """A chapter's exercises, in order, and the cell of imports that they share."""

    title: str
    setup: str = ""
    asked: dict[str, Asked] = field(default_factory=dict)


def text_of(cell: dict[str, Any]) -> str:
    """The source of a cell of a notebook, whichever of the two forms it is stored in."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


FOLDED = ("% The solution, in words\n", "# The solution\n")  # the line that JupyterLab shows of a folded solution


def read(path: Path) -> Source:
    """The exercises of a chapter's notebook, found by what is noted in their cells' metadata."""
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    source = Source(title=text_of(cells[0]).splitlines()[0].removeprefix("# "))
    for cell in cells:
        noted = cell["metadata"].get("ganvae", {})
        role, text = noted.get("role"), text_of(cell)
        for line in FOLDED:
            text = text.removeprefix(line).lstrip("\n") if role == "solution" else text
        if role == "setup":
            source.setup = text
        elif label := noted.get("exercise"):
            asked = source.asked.setdefault(label, Asked(label))
            if role == "exercise":
                asked.text = text
            elif role == "solution" and cell["cell_type"] == "code":
                asked.solution += text + "\n"
            elif role == "solution" and not text.startswith("```{solution"):
                asked.told += text + "\n"
            elif role in ("given", "check"):
                setattr(asked, role, text)
    return source
