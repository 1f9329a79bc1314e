"""What a page shows at once: a check is one line, made from what its run measured, with its code beneath it; code that
prints a table or draws is beneath its output, and so is the answer where the reader is asked to predict. All of it
unfolds by a click or a key, and in print.

The notebooks stay as they are: this changes the copies that Sphinx reads.
"""

import ast
import copy
import re

from docutils import nodes
from execute import Chapter, code_cells
from outputs import pictures
from registry import labels_of
from sphinx.addnodes import pending_xref

__all__ = ["folded", "line", "lines"]

TOOL = re.compile(r"^# NBVAL_\w+\n?", re.M)  # a comment for nbval, which a reader has no use for
MAKES = re.compile(r"\b(fit|build)\(")  # code that trains is to be read, however much it prints
ASKS = re.compile(r"^\w[^#\n]*=[^#\n]*# your\b", re.M)  # the reader is to guess first: the answer waits for a click
WIDTH = 88  # characters of a line of code
TABLE = 4  # fewer lines need no fold
FOLDS = {"hide-input", "hide-cell"}


def talks(node) -> bool:
    """Whether a statement is there to print."""
    if isinstance(node, ast.For | ast.With | ast.If):
        return any(map(talks, node.body))
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in {"print", "display"}


def makes_a_table(code: str) -> bool:
    """Whether the code ends in a Table, or most of its lines print; and none trains."""
    count, body = len(code.splitlines()), ast.parse(code).body
    told = sum(node.end_lineno - node.lineno + 1 for node in body if talks(node))
    shown = body and isinstance(body[-1], ast.Expr) and ast.unparse(body[-1]).startswith("Table(")
    return count >= TABLE and (shown or told >= 0.6 * count) and not MAKES.search(code)


def folded(chapter: Chapter):
    """The chapter's notebook with tags that fold, and with what each check has measured in its cell's metadata."""
    notebook = copy.deepcopy(chapter.notebook)
    for cell in code_cells(notebook):
        cell.source = TOOL.sub("", cell.source)
        tags, drawn = set(cell.metadata.get("tags", [])), any(map(pictures, cell.outputs))
        counts, labels = chapter.measured.get(str(cell.execution_count)), labels_of(cell.source)
        if labels and counts:
            cell.metadata["checked"] = {"labels": labels, **counts}
            tags.add("hide-input" if drawn else "hide-cell")
            if cell.outputs and not drawn:
                cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = "show code and output"
        elif ASKS.search(cell.source) and cell.outputs and not drawn:
            tags.add("hide-output")
            cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = "show the answer"
        elif drawn or (cell.outputs and makes_a_table(cell.source)):
            tags.add("hide-input")
        if tags:
            cell.metadata["tags"] = sorted(tags)
    return notebook


def lines(notebook) -> tuple[int, int, int]:
    """How many lines of code a page has, how many it shows before anything is unfolded, and how many are too long."""
    shown = [cell for cell in code_cells(notebook) if FOLDS.isdisjoint(cell.metadata.get("tags", []))]
    every, seen = (
        [line for cell in some for line in cell.source.splitlines()] for some in (code_cells(notebook), shown)
    )
    return len(every), len(seen), sum(len(line) > WIDTH for line in every)


def measured(counts: dict) -> str:
    """What the asserts of a check compared, in words; all of it was counted when they ran."""
    if counts["difference"] is None:
        number = counts["asserts"]
        return f": {number:,} assert{'s hold' if number > 1 else ' holds'}"
    many = next((f"{counts[what]:,} {what}" for what in ("worlds", "values") if counts[what] > 1), "one value")
    far = re.sub("e(.)0", r"e\1", f"{counts['difference']:.0e}") if counts["difference"] else "0"
    return f" on {many}, largest difference {far}"


def line(counts: dict, page: str, about: str) -> nodes.paragraph:
    """``checked: Eq. 7.8, Lemma 7.1 on 1,600 worlds, largest difference 2e-13``; Sphinx knows the numbers.

    The first word leads to the page ``about`` the checks, if that is a page.
    """
    made = nodes.paragraph(classes=["check-line"])
    word = nodes.inline("", "checked")
    made += pending_xref("", word, refdomain="std", reftype="doc", reftarget=about, refdoc=page, refexplicit=True,
                         refwarn=True) if about else word  # fmt: skip
    for number, label in enumerate(counts["labels"]):
        domain, kind = ("math", "eq") if label.startswith("eq-") else ("prf", "ref")
        made += nodes.Text(", " if number else ": ")
        made += pending_xref("", nodes.literal(label, label), refdomain=domain, reftype=kind, reftarget=label,
                             refdoc=page, refexplicit=False, refwarn=True)  # fmt: skip
    said, space, last = measured(counts).rpartition(" ")  # 2e-16 stays on one line
    made += [nodes.Text(said + space), nodes.inline("", last, classes=["whole"])]
    return made
