"""The page "What the machine checks", and for Sphinx a line with an anchor at every cell that checks something."""

import json
from pathlib import Path

from cells import Census
from docutils import nodes
from folding import line
from myst_nb.sphinx_ import HideCodeCellNode
from registry import Registry, labels_of

__all__ = ["filled", "setup"]

PLACE = "% registry\n"  # a comment in book/checks.md: here the counts and the tables go
CELLS = "% cells\n"  # another one, for how many cells are asserted and compared
CENSUS = ["Chapter", "Cells with code", "Asserted", "Compared", "Neither", "Of these drawn"]


def filled(text: str, registry: Registry, pages: list[str], counts: dict[str, Census] | None = None) -> str:
    """book/checks.md with the statements of `pages`, whose numbers come from Sphinx, and the counts of their cells."""
    counts = counts or {}
    rows = [(f"{{doc}}`/{page}`", *counts[page].row()) for page in pages if page in counts]
    rows.append(("**Together**", *(f"**{n}**" for n in sum(counts.values(), Census()).row())))
    text = text.replace(CELLS, table(CENSUS, rows, "checks-counts") + "\n")
    pages = [page for page in pages if registry.count([page])[0]]
    rows = [(f"{{doc}}`/{page}`", *registry.count([page]), registry.proved([page])) for page in pages]
    rows.append(("**Together**", *(f"**{n}**" for n in (*registry.count(pages), registry.proved(pages)))))
    parts = [table(["Chapter", "Statements", "Checked", "Exempt", "Proved"], rows, "checks-counts")]
    for page in pages:
        rows = [row(s, registry) for s in registry.statements.values() if s.page == page]
        head = ["Statement", "About", "Check", "Code", "Proof", "Fails without"]
        parts += [f"## {registry.titles[page]}", table(head, rows, "checks-list")]
    return text.replace(PLACE, "\n\n".join(parts) + "\n")


def row(s, registry: Registry) -> tuple[str, ...]:
    number = f"{{eq}}`{s.label}`" if s.kind == "equation" else f"{{prf:ref}}`{s.label}`"
    check = "exempt" if s.exempt else f"[`{s.label}`](#check-{s.label})"
    code = " ".join(f"`{name}`" for name in s.code)
    return number, s.title, check, code, proof(registry.proofs.get(s.label, {})), without(s.label, registry)


def without(label: str, registry: Registry) -> str:
    """The hypotheses without which a test shows a statement fail; or why it needs none."""
    if label in registry.alike:
        return f"as `{registry.alike[label]}`"
    if label in registry.free:
        return f"nothing: {registry.free[label]}"
    return "; ".join(registry.needs.get(label, {}))


def proof(functions: dict[str, str]) -> str:
    """What proves a statement on finite spaces; for a part of it only, with the case."""
    names = ", ".join(f"`{name}` for {only}" if only else f"`{name}`" for name, only in functions.items())
    return f"proved: {names}" if names else ""


def table(head: list[str], rows: list[tuple], name: str) -> str:
    lines = [head, ["---"] + ["---" if name == "checks-list" else "--:"] * (len(head) - 1), *rows]
    cells = [[str(cell).replace("|", r"\|") for cell in line] for line in lines]
    return f":::{{div}} {name}\n" + "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n:::"


# -- the extension of Sphinx -----------------------------------------------------------------------------------


def anchors(app, doctree) -> None:
    """Puts the line of what was checked before each cell that ran, and makes #check-LABEL a target there."""
    about = "/book/checks" if "book/checks" in app.env.found_docs else ""
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") == "cell_code" and (labels := labels_of(cell.astext())):
            place = cell
            if counts := cell["cell_metadata"].get("checked"):
                place = nodes.container("", line(counts, app.env.docname, about), classes=["check"])
                cell.parent.replace(cell, place)  # replace_self would give it the classes of the cell
                place += cell
            for label in labels:
                place["ids"].append(f"check-{label}")
                app.env.get_domain("std").note_hyperlink_target(f"check-{label}", app.env.docname, f"check-{label}")


def unfold(translator, node) -> None:
    """A fold whose name is what it says: myst-nb's own tells a screen reader something else."""
    translator.body.append(f'<details class="code-fold"><summary>{node["prompt_show"]}</summary>\n')


def indexed(app, doctree) -> None:
    """Enters the lemmas and the models of a page into the index."""
    entries = Path(app.srcdir, "index.json")
    known = json.loads(entries.read_text(encoding="utf8")) if entries.is_file() else {}
    found = [("single", name, anchor, "", None) for name, anchor in known.get(app.env.docname, ())]
    app.env.get_domain("index").entries.setdefault(app.env.docname, []).extend(found)


def setup(app):
    app.connect("doctree-read", anchors)
    app.connect("doctree-read", indexed)
    app.add_node(
        HideCodeCellNode, override=True, html=(unfold, lambda translator, node: translator.body.append("</details>\n"))
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
