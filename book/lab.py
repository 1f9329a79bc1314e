"""Copies of the chapters for JupyterLab, with the numbers, citations and captions of the book as text.

    python book/lab.py FOLDER    a copy of each chapter that is not there yet; one that is there stays as it is

Sphinx knows what JupyterLab does not: the numbers that the book has, what stands in other chapters, the bibliography,
and captions. A copy says "Lemma 2.1" where the chapter says ``{prf:ref}`lem-gibbs```. Code and outputs are the same.
"""

import json
import re
import sys
from pathlib import Path

from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[1]
ROLE = re.compile(r"\{([Cc]hap|cite:t|cite:p|cite:year|doc|eq|index|numref|prf:ref|ref|term)\}`([^`]*)`")
EQUATION = re.compile(r"^([ \t]*)\$\$(?!\$)(.*?)\$\$[ \t]*(?:\(([\w-]+)\))?[ \t]*$", re.M | re.S)
BLOCK = re.compile(
    r"^(`{3,})\{(prf:)?(corollary|definition|exercise|lemma|proof|theorem)\}[ \t]*(.*)\n((?:[ \t]*:\w+:.*\n)*)", re.M
)
SOLUTION = re.compile(r"^`{3,}\{solution-start\} (\S+)\n(?:.*\n)*?`{3,}$", re.M)
GONE = re.compile(r"^`{3,}\{(?:index|solution-end)\}.*\n(?:.*\n)*?`{3,}\n?", re.M)


def text_of(cell: dict) -> str:
    return "".join(cell["source"])


def label_of(options: str) -> str:
    found = re.search(r":label:\s*(\S+)", options)
    return found[1] if found else ""


class Book:
    """What the chapters refer to: ``names`` label -> (chapter, "Lemma 2.1"), ``titles`` of pages, ``works`` cited."""

    def __init__(self, root: Path):
        self.names: dict[str, tuple[str, str]] = {}
        self.titles: dict[str, str] = {}
        self.works = parse_file(str(root / "book" / "references.bib")).entries
        self.chapters = {
            path.stem: json.loads(path.read_text(encoding="utf8"))
            for path in sorted((root / "notebooks").glob("*.ipynb"))
        }
        for path in (root / "book").glob("*.md"):
            self.titles[path.stem] = path.read_text(encoding="utf8").partition("\n")[0].lstrip("# ")
        for stem, notebook in self.chapters.items():
            self._number(stem, notebook["cells"])

    def _number(self, stem: str, cells: list[dict]) -> None:
        counts: dict[str, int] = {}

        def name(kind: str, label: str) -> None:
            counts[kind] = counts.get(kind, 0) + 1
            if label:
                self.names[label] = stem, f"{kind} {int(stem[:2])}.{counts[kind]}"

        for cell in cells:
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            if figure:
                name("Figure", figure["name"])
            if cell["cell_type"] != "markdown":
                continue
            self.titles.setdefault(stem, text_of(cell).partition("\n")[0].lstrip("# "))
            for _, _, label in EQUATION.findall(text_of(cell)):
                if label:
                    name("Eq.", label)
            for _, _, kind, _, options in BLOCK.findall(text_of(cell)):
                if kind != "proof":
                    name(kind.capitalize(), label_of(options))

    def said(self, stem: str, role: str, content: str) -> str:
        """A role in a chapter as text, with a link where one can follow it."""
        found = re.fullmatch(r"(.*?)\s*<(.*)>", content, re.S)
        words, target = found.groups() if found else ("", content)
        if role in ("index", "term"):
            return words or target
        if role.startswith("cite"):
            return self._cited(role, target.split(","))
        if role in ("chap", "Chap"):
            return self._chapters(role, target)
        if role == "doc":
            page = target.rpartition("/")[2]
            words = words or self.titles[page]
            return f"[{words}]({page}.ipynb)" if page in self.chapters else f"*{words}*"
        if target not in self.names:
            return words or target
        chapter, name = self.names[target]
        return f"[{words or name}](#{target})" if chapter == stem else f"[{words or name}]({chapter}.ipynb)"

    def _chapters(self, role: str, numbers: str) -> str:
        files = {int(stem[:2]): f"{stem}.ipynb" for stem in self.chapters}
        several = re.search(r"\d\D+\d", numbers)
        linked, text = (r"\d+", f"{role}ters {numbers}") if several else (r".*?(\d+)", f"{role}ter {numbers}")
        return re.sub(linked, lambda found: f"[{found[0]}]({files[int(found[found.re.groups])]})", text)

    def _cited(self, role: str, keys: list[str]) -> str:
        told = []
        for key in keys:
            work = self.works[key.strip()]
            people = [" ".join(map(str, (*p.rich_prelast_names, *p.rich_last_names))) for p in work.persons["author"]]
            who = people[0] if len(people) == 1 else " and ".join(people) if len(people) == 2 else f"{people[0]} et al."
            told.append((who, work.fields["year"]))
        if role == "cite:p":
            return "(" + "; ".join(f"{who}, {year}" for who, year in told) + ")"
        return ", ".join(f"({year})" if role == "cite:year" else f"{who} ({year})" for who, year in told)

    def text(self, stem: str, text: str) -> str:
        """The text of a cell as JupyterLab shows it well."""

        def equation(found: re.Match) -> str:
            margin, formula, label = found.groups()
            tag = rf"\tag{{{self.names[label][1].split()[1]}}}" if label else ""
            lines = [":::{math}", *([f":label: {label}"] if label else []), ":enumerated: false", formula.strip() + tag]
            return "\n".join(margin + line for line in (*lines, ":::"))

        def block(found: re.Match) -> str:
            fence, _, kind, title, options = found.groups()
            label = label_of(options)
            name = self.names[label][1] if label else kind.capitalize()
            shown = f"{name} ({title})" if title else name
            return f"{fence}{{admonition}} {shown}\n" + (f":name: {label}\n" if label else "")

        text = GONE.sub("", text)
        text = SOLUTION.sub(lambda found: f"**Solution of {self.names[found[1]][1]}**, folded: click to see it.", text)
        text = BLOCK.sub(block, EQUATION.sub(equation, text))
        return ROLE.sub(lambda found: self.said(stem, *found.groups()), text)

    def copy(self, stem: str) -> dict:
        """A chapter for JupyterLab."""
        cells = []
        for cell in self.chapters[stem]["cells"]:
            if cell["cell_type"] == "markdown":
                text = self.text(stem, text_of(cell))
                if text.strip():
                    cells.append(cell | {"source": text})
                continue
            cells.append(cell)
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            if figure:
                label, caption = figure["name"], self.text(stem, figure["caption"])
                caption = f"({label})=\n*{self.names[label][1]}.* {caption}"
                cells.append({"cell_type": "markdown", "id": f"{cell['id']}-said", "metadata": {}, "source": caption})
        return self.chapters[stem] | {"cells": cells}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    book = Book(ROOT)
    for stem in book.chapters:
        path = folder / f"{stem}.ipynb"
        if not path.exists():
            path.write_text(json.dumps(book.copy(stem), indent=1, ensure_ascii=False) + "\n", encoding="utf8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
