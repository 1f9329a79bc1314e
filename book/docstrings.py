"""A docstring of the library as reStructuredText, in which every sign stands for itself and each label is a link."""

import inspect
import re
from collections.abc import Callable

from registry import LABEL, Registry

__all__ = ["Text"]

MARKED = re.compile(r"(``.+?``|:[\w:]+:`[^`]+`|`[^`]+`)")  # what of a docstring is no plain text
NAMED = re.compile(rf"(?:(?:Eqs?\.|Lemmas?|Theorems?|Corollary|Proposition|Definition)\s+)?``({LABEL})``")
WORD = r"(?:\"[^\"]+\"|\*{0,2}[a-z_]\w*(?:=\"?\w+\"?)?)"  # link, "x", given="label"
ROW = re.compile(rf"^({WORD}(?:(?:, | \.\.\. | and ){WORD})*):\s+(.+)$")  # link:     a name in ``LINKS``
ITEM = re.compile(r"^(- )(.+)$")


class Text:
    """Gives the lines of a docstring; ``anchor`` says where the entry of a name stands, or None."""

    def __init__(self, registry: Registry, anchor: Callable[[str], str | None]):
        self.registry, self.anchor = registry, anchor

    def __call__(self, docstring: str) -> list[str]:
        paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring))
        return [line for paragraph in paragraphs if paragraph for line in [*self.block(paragraph), ""]]

    def block(self, paragraph: str) -> list[str]:
        """An example, a table as it stands, or text with its rows as a list."""
        lines = paragraph.splitlines()
        for indent, kind in ((">>>", "pycon"), ("    ", "text")):
            if all(line.startswith(indent) for line in (lines if kind == "text" else lines[:1])):
                cut = 4 if kind == "text" else 0
                return [f".. code-block:: {kind}", "", *("   " + line[cut:] for line in lines)]
        parts: list[tuple[str, list[str]]] = []  # what a row is called, or "", and its text
        for line in lines:
            if row := ROW.match(line) or ITEM.match(line):
                parts.append((row[1], [row[2]]))
            elif parts and (not parts[-1][0] or line.startswith("  ") or not parts[-1][1][-1].endswith((".", ";"))):
                parts[-1][1].append(line)
            else:
                parts.append(("", [line]))
        made = []
        for name, text in parts:
            named = "" if name == "- " else f"``{name}``: "
            made += [("* " + named if name else "") + self.inline(" ".join(text)), ""]
        return made[:-1]

    def inline(self, text: str) -> str:
        """Running text."""
        known = self.registry.statements
        text = NAMED.sub(lambda m: f":label:`{m[1]}`" if m[1] in known else m[0], " ".join(text.split()))
        made = ""
        for number, part in enumerate(MARKED.split(text)):
            if number % 2 and made and made[-1] not in " (":
                made += "\\ "  # markup begins and ends at a space, which may be one that is not seen
            made += self.marked(part) + ("\\ " if number % 2 else "") if number % 2 else self.plain(part)
        return re.sub(r"\\ (?=[\s).,;:]|$)", "", made)

    def marked(self, part: str) -> str:
        if found := re.fullmatch(r":label:`(.+)`", part):
            equation = self.registry.statements[found[1]].kind == "equation"
            return f":eq:`{found[1]}`" if equation else f":prf:ref:`{found[1]}`"
        name = re.sub(r"^(:[\w:]+:)?`+~?(ganvae_lib\.)?|( <.*>)?`+$", "", part)
        anchor = self.anchor(name.removesuffix("()"))
        return f":py:obj:`{name} <{anchor}>`" if anchor and not anchor.startswith("module-") else f"``{name}``"

    def plain(self, part: str) -> str:
        part = re.sub(r"([\\*|_`])", r"\\\1", part)
        return re.sub(r"\bchapter (\d\d)\b", self.chapter, part)

    def chapter(self, found: re.Match) -> str:
        page = next((page for page in self.registry.titles if page.startswith(f"notebooks/{found[1]}_")), None)
        return f":doc:`chapter {int(found[1])} </{page}>`" if page else found[0]
