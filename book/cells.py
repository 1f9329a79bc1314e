"""What the cells of a chapter promise and keep, and how many of them are asserted, compared or neither."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from execute import Chapter, code_cells
from outputs import compared, differences, pictures

__all__ = ["Census", "broken", "census", "figures", "unlike"]


def asserts(cell) -> list[str]:
    """The asserts in a cell's code, as the kernel names them: "number of the cell:line:column"."""
    found = (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Assert))
    return [f"{cell.execution_count}:{node.lineno}:{node.col_offset}" for node in found]


def broken(page: str, chapter: Chapter) -> list[str]:
    """The promises that a chapter does not keep, a line each."""
    found, prose = [], []
    for number, cell in enumerate(chapter.notebook.cells, 1):
        if cell.cell_type != "code":
            prose.append(cell.source)
            continue
        where = f"{page}, cell {number}"
        for name in asserts(cell):
            if name not in chapter.asserts:
                line = int(name.split(":")[1])
                code = cell.source.splitlines()[line - 1].strip()
                found.append(f"{where}: the assert in line {line} did not run, or failed unseen: {code}")
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure is not None and not any(map(pictures, cell.outputs)):
            found.append(f"{where}: there is no picture for the figure {figure.get('name', 'without a name')}")
    text = "\n\n".join(prose)
    asked = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n(?:\s*:\w+:[^\n]*\n)*?\s*:label:\s*([\w-]+)", text)
    solved = re.findall(r"\{solution(?:-start)?\}\s*([\w-]+)", text)
    return found + [f"{page}: the exercise {label} has no solution" for label in asked if label not in solved]


def figures(notebooks: dict[str, Chapter], folder: Path) -> int:
    """Write the SVG of each figure into a folder, named as the text names it; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for chapter in notebooks.values():
        for cell in code_cells(chapter.notebook):
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            drawn = [
                output.data["image/svg+xml"] for output in cell.outputs if "image/svg+xml" in output.get("data", {})
            ]
            if name and drawn:
                (folder / f"{name}.svg").write_text(drawn[0], encoding="utf8")
                count += 1
    return count


def unlike(page: str, chapter: Chapter, loosely: float) -> list[str]:
    """Where a chapter gives something else than its notebook holds, a line each."""
    code = {id(cell): stored for cell, stored in zip(code_cells(chapter.notebook), chapter.stored, strict=True)}
    cells = [(n, cell) for n, cell in enumerate(chapter.notebook.cells, 1) if id(cell) in code]
    return [f"{page}, cell {n}: {said}" for n, cell in cells for said in differences(cell, code[id(cell)], loosely)]


@dataclass(frozen=True)
class Census:
    """How many cells with code there are; an asserted cell may be compared, too."""

    code: int = 0
    asserted: int = 0
    compared: int = 0
    neither: int = 0
    drawn: int = 0  # of those that are neither: how many draw a picture, which is checked to be there

    def __add__(self, other: "Census") -> "Census":
        return Census(*(a + b for a, b in zip(self.row(), other.row(), strict=True)))

    def row(self) -> tuple[int, ...]:
        return self.code, self.asserted, self.compared, self.neither, self.drawn

    def __str__(self) -> str:
        return (
            f"Cells: {self.code} with code; {self.asserted} asserted, {self.compared} compared with stored outputs, "
            f"{self.neither} neither ({self.drawn} of these draw a picture)"
        )


def census(chapter: Chapter) -> Census:
    """A cell is asserted if an assert held while it ran, wherever that stands."""
    count = Census()
    held = {cell for cells in chapter.asserts.values() for cell in cells}
    for cell in code_cells(chapter.notebook):
        if cell.source.strip():
            one, two = cell.execution_count in held, compared(cell)
            neither = not (one or two)
            count += Census(1, one, two, neither, neither and any(map(pictures, cell.outputs)))
    return count
