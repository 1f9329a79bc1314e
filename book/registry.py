"""The registry: every numbered statement of the book, the cell that checks it, the code that names it.

    python book/registry.py    prints the counts and what is wrong; exits with 1 if something is

A statement is an equation with a label, or a lemma, theorem, corollary, proposition or definition. A code cell with a
line ``# check: eq-elbo, lem-gap`` checks those two. ``Identity("eq-elbo, lem-gap", ...)`` in book/proofs proves them on
finite spaces, and ``@needs("eq-elbo, lem-gap", "finite terms")`` marks a test that shows them fail without; the labels
are read, nothing is run. A label that begins with ``def-`` marks what can be neither true nor
false, a definition or a modelling choice: it is exempt.
"""

import ast
import functools
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

STATEMENT = re.compile(
    r"^\#{2,6}\ +(?P<heading>.+?)\ *$"
    r"|\$\$[\ \t]*\((?P<equation>[\w-]+)\)[\ \t]*$"
    r"|^\s*(?:`{3,}|:{3,})\{math\}.*\n(?:\s*:\w+:.*\n)*?\s*:label:\s*(?P<math>[\w-]+)"
    r"|^\s*(?:`{3,}|:{3,})\{prf:(?P<kind>\w+)\}[\ \t]*(?P<title>.*)\n(?P<options>(?:\s*:\w+:.*\n)*)",
    re.M | re.X,
)
# Sphinx numbers these without a label, outside of $$.
BARE = re.compile(r"^\s*\\begin\{(equation|align|gather|multline|alignat|flalign|eqnarray)\}", re.M)
PREFIX = {
    "lemma": "lem",
    "theorem": "thm",
    "corollary": "cor",
    "proposition": "prop",
    "property": "prop",
    "criterion": "prop",
    "observation": "prop",
    "definition": "def",
    "assumption": "def",
    "axiom": "def",
    "conjecture": "def",
}
LABEL = r"\b(?:eq|lem|thm|cor|prop|def)-[a-z0-9]+(?:-[a-z0-9]+)*"
CITED = re.compile(LABEL)
# A docstring's "``eq-kl`` and ``eq-js`` (chapter 02)": all labels of the row stand in that chapter.
ROW = re.compile(rf"((?:{LABEL}(?:[\s,;#(`]|and\b|or\b|Eqs?\.|Lemma|Theorem|Definition)*)+)chapter (\d\d)")


@dataclass
class Statement:
    label: str
    kind: str  # "equation", "lemma", ...
    title: str  # the block's own, or that of the section in which it stands
    page: str  # "notebooks/03_variational_inference_and_the_vae", without suffix
    cell: int  # counted from 1; 0 in a page without cells
    code: dict = field(default_factory=dict)  # module.qualname of what names the label -> line

    @property
    def exempt(self) -> bool:
        return self.label.startswith("def-")

    @property
    def place(self) -> str:
        return f"{self.page}, cell {self.cell}" if self.cell else self.page


def labels_of(code: str) -> list[str]:
    """What a code cell checks."""
    return [label for line in re.findall(r"^# check:(.*)$", code, re.M) for label in re.split(r"[,\s]+", line.strip())]


class Registry:
    """Read once from the sources under `root`; what stands wrongly there is told by `problems`."""

    def __init__(self, root: Path):
        self.statements: dict[str, Statement] = {}
        self.checks: dict[str, tuple[str, int]] = {}  # label -> page, cell
        self.proofs: dict[str, dict[str, str]] = {}  # label -> "bounds.gap_of_the_bound" -> for which case only
        self.needs: dict[str, dict[str, str]] = {}  # label -> hypothesis -> the test that drops it
        self.titles: dict[str, str] = {}  # page -> its heading
        self.problems: list[str] = []
        for path in [*sorted((root / "book").glob("*.md")), *sorted((root / "notebooks").glob("*.ipynb"))]:
            self._page(path, f"{path.parent.name}/{path.stem}")
        for path in sorted((root / "book" / "proofs").glob("*.py")):
            self._proofs(path)
        for path in sorted((root / "tests" / "book").glob("test_hypotheses*.py")):
            self._needs(path)
        self.free, self.alike = self._tables(root / "tests" / "book" / "needs.py")
        for path in sorted((root / "ganvae_lib").rglob("*.py")):
            self._code(path, path.relative_to(root).with_suffix("").parts[1:])
        self._compare()

    def count(self, pages=None) -> tuple[int, int, int]:
        """(all, checked, exempt) statements, of some pages or of all."""
        some = [s for s in self.statements.values() if pages is None or s.page in pages]
        return len(some), sum(s.label in self.checks for s in some), sum(s.exempt for s in some)

    def proved(self, pages=None) -> int:
        """How many statements of some pages, or of all, book/proofs proves on finite spaces, not in one case only."""
        whole = {label for label, functions in self.proofs.items() if "" in functions.values()}
        return sum(s.label in whole for s in self.statements.values() if pages is None or s.page in pages)

    def __str__(self) -> str:
        counts = "Registry: {} statements, {} checked, {} definitions exempt".format(*self.count())
        return f"{counts}, {self.proved()} proved on finite spaces" if self.proofs else counts

    def _page(self, path: Path, page: str) -> None:
        text = path.read_text(encoding="utf8")
        cells = json.loads(text)["cells"] if path.suffix == ".ipynb" else [{"cell_type": "markdown", "source": text}]
        heading = re.search(r"^# +(.+)|\Z", "".join(cells[0]["source"]) if cells else "", re.M)[1] or page
        self.titles[page] = heading
        for number, cell in enumerate(cells, 1 if path.suffix == ".ipynb" else 0):
            source, place = "".join(cell["source"]), f"{page}, cell {number}" if number else page
            if cell["cell_type"] == "code":
                for label in labels_of(source):
                    if label in self.checks:
                        self.problems.append(f"{place}: {label} is checked a second time.")
                    self.checks.setdefault(label, (page, number))
                continue
            for name in BARE.findall(re.sub(r"\$\$.*?\$\$", "", source, flags=re.S)):
                self.problems.append(f"{place}: an equation in {name} has no label; write $$ ... $$ (eq-name).")
            for found in STATEMENT.finditer(source):
                heading = found["heading"] or heading
                if label := found["equation"] or found["math"]:
                    self._add(Statement(label, "equation", heading, page, number))
                elif found["kind"] in PREFIX:
                    label = "".join(re.findall(r":label:\s*([\w-]+)", found["options"]))
                    self._add(Statement(label, found["kind"], found["title"].strip() or heading, page, number))

    def _add(self, new: Statement) -> None:
        old = self.statements.setdefault(new.label, new) if new.label else new
        allowed = ("eq", "def") if new.kind == "equation" else (PREFIX[new.kind],)
        if not new.label.startswith(tuple(prefix + "-" for prefix in allowed)):
            wanted = " or ".join(prefix + "-" for prefix in allowed)
            self.problems.append(f"{new.place}: the label {new.label!r} of the {new.kind} must begin with {wanted}.")
        elif old is not new:
            self.problems.append(f"{new.place}: the label {new.label} stands in {old.place} already.")

    def _code(self, path: Path, parts: tuple[str, ...]) -> None:
        text, module = path.read_text(encoding="utf8"), ".".join(part for part in parts if part != "__init__")
        for found in CITED.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            if found[0] in self.statements:
                name = ".".join(part for part in (module, _holder(text, line)) if part)
                self.statements[found[0]].code.setdefault(name, line)
            else:
                self.problems.append(f"ganvae_lib/{path.name}, line {line}: {found[0]} stands nowhere in the book.")
        for row in ROW.finditer(text):
            for label in CITED.findall(row[1]):
                at = self.statements.get(label)
                if at and not at.page.split("/")[1].startswith(row[2]):
                    where = f"ganvae_lib/{path.name}, line {text.count(chr(10), 0, row.start()) + 1}"
                    self.problems.append(f"{where}: {label} stands in {at.page}, not in chapter {row[2]}.")

    def _proofs(self, path: Path) -> None:
        text = path.read_text(encoding="utf8")
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Identity"):
                continue
            place, first = f"book/proofs/{path.name}, line {node.lineno}", node.args[0] if node.args else None
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                self.problems.append(f'{place}: write the labels out, Identity("eq-name, lem-name", ...).')
                continue
            name = f"{path.stem}.{_holder(text, node.lineno)}"
            only = "".join(ast.literal_eval(word.value) for word in node.keywords if word.arg == "only")
            for label in re.split(r"[,\s]+", first.value.strip()):
                if label not in self.statements:
                    self.problems.append(f"{place}: it proves {label}, which stands nowhere in the book.")
                elif self.statements[label].exempt:
                    self.problems.append(f"{place}: {label} is exempt, and yet it is proved.")
                else:
                    self.proofs.setdefault(label, {})[name] = only

    def _needs(self, path: Path) -> None:
        for test in ast.parse(path.read_text(encoding="utf8")).body:
            for mark in getattr(test, "decorator_list", ()):
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "needs":
                    labels, hypothesis = map(ast.literal_eval, mark.args)
                    place = f"tests/book/{path.name}, line {mark.lineno}"
                    for label in labels.split(", "):
                        if label not in self.statements:
                            self.problems.append(f"{place}: it shows {label} fail, which stands nowhere in the book.")
                        elif self.statements[label].exempt:
                            self.problems.append(f"{place}: {label} is exempt, and yet it is shown to fail.")
                        else:
                            self.needs.setdefault(label, {})[hypothesis] = f"{path.stem}.{test.name}"

    def _tables(self, path: Path) -> list[dict[str, str]]:
        """Why a statement needs nothing, by label; and which other statement it is, in other letters."""
        tree = ast.parse(path.read_text(encoding="utf8")) if path.exists() else ast.Module([], [])
        found = {n.targets[0].id: ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign)}
        return [found.get("FREE", {}), found.get("AS", {})]

    def _compare(self) -> None:
        for s in self.statements.values():
            page = self.checks.get(s.label, (None,))[0]
            if page is None and not s.exempt:
                self.problems.append(f"{s.place}: {s.label} has no check; a cell needs a line `# check: {s.label}`.")
            elif page is not None and s.exempt:
                self.problems.append(f"{s.place}: {s.label} is exempt, and yet {page} checks it.")
            elif page not in (None, s.page) and s.page.startswith("notebooks/"):
                self.problems.append(f"{s.place}: {s.label} is checked in another chapter, {page}.")
        for label, (page, cell) in self.checks.items():
            if label not in self.statements:
                self.problems.append(f"{page}, cell {cell}: it checks {label}, which stands nowhere in the book.")


def _holder(text: str, line: int) -> str:
    """The qualified name of the function, class or constant that holds a line, or whose comment does."""
    return ".".join(name for name, first, last in _names(text) if first <= line <= last)


@functools.lru_cache(8)  # one after the other: a file is asked about some twenty times
def _names(text: str) -> list[tuple[str, int, int]]:
    """What a text names, the outer ones first, and its lines, which begin with the comment above."""
    lines, tree, found = text.splitlines(), ast.parse(text), []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node in tree.body:
            name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        else:
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        found.append((name, first, node.end_lineno))
    return found


if __name__ == "__main__":
    registry = Registry(Path(__file__).resolve().parents[1])
    print("\n".join([str(registry), *registry.problems]))
    sys.exit(bool(registry.problems))
