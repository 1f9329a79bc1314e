"""What a cell of a chapter says when it stops in Jupyter: which cell makes a missing name, and what a check compared.

``style``, which every chapter calls first, puts these sentences in place of a bare NameError or AssertionError. A line
whose value is meant to be changed says what the book has: ``steps = 600  # change me (book: 600)``.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["MARKED", "changed_values", "describe_failed_check", "explain", "find_making_cell"]

#: A line whose value is meant to be changed: its name, its value, and what the book has.
MARKED = re.compile(r"^ *([\w, ]+?) = (.+?)  # change me \(book: (.+)\)$", re.MULTILINE)
_RUN_ABOVE = "Run > Run All Above Selected Cell runs it, and what it needs in its turn."


def explain(shell: Any) -> None:
    """Let an IPython shell say more of a NameError and of an AssertionError in a cell.

    >>> class Shell:
    ...     def set_custom_exc(self, kinds, handler):
    ...         print(*(kind.__name__ for kind in kinds))
    >>> explain(Shell())
    NameError AssertionError
    """

    def handler(
        shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None
    ) -> Any:
        try:
            message = _message_for(shell, error, trace)
        except Exception:  # whatever it is, the error itself must be shown
            message = ""
        if message:
            error.args = (message,)
        traceback_lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
        shell._showtraceback(kind, error, traceback_lines)
        return traceback_lines

    shell.set_custom_exc((NameError, AssertionError), handler)


def _message_for(shell: Any, error: BaseException, trace: TracebackType) -> str:
    """What is said of an error, if it is one of a cell's own lines; else nothing."""
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    if frame.f_globals is not shell.user_ns:
        return ""
    cells = [text for text in shell.user_ns.get("In", ()) if text]
    if isinstance(error, NameError):
        advice = find_making_cell(error.name or "", cells[-1] if cells else "", _notebook(shell.user_ns))
        return f"{error}. {advice}" if advice and not isinstance(error, UnboundLocalError) else ""
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    failing_asserts = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert) and node.lineno <= trace.tb_lineno <= (node.end_lineno or 0)
    ]
    if not failing_asserts:
        return ""
    own_message = f"{error}. " if str(error) else ""
    check = ast.get_source_segment(source, failing_asserts[-1].test) or ""
    return (
        f"{own_message}{describe_failed_check(' '.join(check.split()), frame.f_globals | frame.f_locals)} "
        f"{_changed_values_text(cells)}"
    )


def changed_values(cells: list[str]) -> dict[str, tuple[str, str]]:
    """The marked values that are not the book's, among cells in the order in which they ran: (here, in the book).

    >>> changed_values(["steps = 60  # change me (book: 600)", "seeds = 8  # change me (book: 8)"])
    {'steps': ('60', '600')}
    """
    latest_values = {
        name: (current_value, book_value) for text in cells for name, current_value, book_value in MARKED.findall(text)
    }
    return {
        name: (current_value, book_value)
        for name, (current_value, book_value) in latest_values.items()
        if current_value.split() != book_value.split()
    }


def _changed_values_text(cells: list[str]) -> str:
    changes = changed_values(cells)
    if changes:
        each = " and ".join(
            f"{name} is {current_value}, where the book has {book_value}"
            for name, (current_value, book_value) in changes.items()
        )
        return (
            f"You changed what comes before: {each}. So this may be expected: the check is made for the book's values."
        )
    return (
        "No line marked '# change me' was changed, so it should hold. Restart the kernel and run all cells; if it does "
        "not then, the fault is the book's."
    )


def find_making_cell(name: str, cell_text: str, notebook: list[dict] | None) -> str:
    """Which cell makes a name that is missing in the cell with the text ``cell_text``; "" if none does.

    >>> cells = [{"cell_type": "markdown", "source": "## Data"}, {"cell_type": "code", "source": "x = load('ring')"},
    ...          {"cell_type": "code", "source": "print(x)"}]
    >>> find_making_cell("x", "print(x)", cells)[:77]
    "The cell that makes it has not run: number 2, under 'Data', begins with 'x = "
    """
    if notebook is None:
        return f"If an earlier cell makes it, that has not run in this kernel: {_RUN_ABOVE}"
    texts = ["".join(cell["source"]) for cell in notebook]
    code_numbers = [number for number, cell in enumerate(notebook) if cell["cell_type"] == "code"]
    asking_cell = next((number for number in code_numbers if texts[number].strip() == cell_text.strip()), len(texts))
    # Exercises make names of their own.
    is_exercise = asking_cell < len(texts) and "ganvae" in notebook[asking_cell].get("metadata", {})
    code_numbers = [
        number for number in code_numbers if ("ganvae" in notebook[number].get("metadata", {})) == is_exercise
    ]
    making_cells = [
        number for number in code_numbers if number < asking_cell and name in _assigned_names(texts[number])
    ]
    if not making_cells:
        return ""
    markdown_above = [
        text for text, cell in zip(texts[: making_cells[-1]], notebook, strict=False) if cell["cell_type"] == "markdown"
    ]
    headings = re.findall(r"^#+ (.+)$", "\n".join(markdown_above), re.MULTILINE)
    heading = f", under '{headings[-1]}'," if headings else ""
    first_line = next(
        line for line in texts[making_cells[-1]].splitlines() if line.strip() and not line.startswith("#")
    )
    return (
        f"The cell that makes it has not run: number {making_cells[-1] + 1}{heading} begins with '{first_line}'. "
        f"{_RUN_ABOVE}"
    )


def _assigned_names(text: str) -> set[str]:
    """The names that a cell makes for others."""
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for child in ast.iter_child_nodes(node):
                visit(child)

    try:
        visit(ast.parse(text))
    except SyntaxError:  # a magic: it makes no name that we know
        pass
    return names


def _notebook(names: dict[str, Any]) -> list[dict] | None:
    """The cells of the notebook that runs here, where Jupyter's server or an editor has told its path."""
    path = Path(str(names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")))
    return json.loads(path.read_text(encoding="utf8"))["cells"] if path.suffix == ".ipynb" and path.is_file() else None


# -- what a check compared -------------------------------------------------------------------------------------


def describe_failed_check(check: str, names: dict[str, Any]) -> str:
    """A check that failed, and the values on its sides, worked out once more.

    >>> describe_failed_check("abs(a - b) < 0.1 and a > 0", {"a": 2.0, "b": 1.5})
    'The check abs(a - b) < 0.1 does not hold: a is 2, b is 1.5, abs(a - b) is 0.5.'
    >>> describe_failed_check("all(n > 2 for n in found)", {"found": [3, 1]})
    'The check n > 2 does not hold: n is 1.'
    """
    false_part, names = _first_false(ast.parse(check, mode="eval").body, names)
    sides = [side for side in _sides_to_show(false_part) if not isinstance(side, ast.Constant)]
    value_of_side = {ast.unparse(side): _value_text(side, names) for side in sides}
    values_text = ", ".join(f"{text} is {value}" for text, value in value_of_side.items() if value)
    return f"The check {ast.unparse(false_part)} does not hold{': ' if values_text else ''}{values_text}."


def _first_false(check: ast.expr, names: dict[str, Any]) -> tuple[ast.expr, dict[str, Any]]:
    """The part of a check that is false: of several the first, and of all(...) the first case, with its names."""
    if isinstance(check, ast.BoolOp) and isinstance(check.op, ast.And):
        return _first_false(
            next((part for part in check.values if not _evaluate(part, names)), check.values[-1]), names
        )
    if isinstance(check, ast.Compare) and len(check.ops) > 1:
        sides = [check.left, *check.comparators]
        pairs = [ast.Compare(a, [op], [b]) for (a, b), op in zip(pairwise(sides), check.ops, strict=True)]
        return next((pair for pair in pairs if not _evaluate(pair, names)), check), names
    if isinstance(check, ast.Call) and ast.unparse(check.func) == "all" and isinstance(check.args[0], ast.GeneratorExp):
        element, loops = check.args[0].elt, check.args[0].generators
        bound = sorted({n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)})
        bindings = ast.Dict([ast.Constant(name) for name in bound], [ast.Name(name, ast.Load()) for name in bound])
        cases = (names | bindings for bindings in _evaluate(ast.GeneratorExp(bindings, loops), names))
        false_case = next((bindings for bindings in cases if not _evaluate(element, bindings)), None)
        return (check, names) if false_case is None else _first_false(element, false_case)
    return check, names


def _sides_to_show(check: ast.expr) -> Iterator[ast.expr]:
    """What to show of a check: the sides of a comparison, and those of a difference there; or what a call is given."""
    if isinstance(check, ast.UnaryOp):
        yield from _sides_to_show(check.operand)
    elif isinstance(check, ast.Compare):
        for side in (check.left, *check.comparators):
            inner = side
            while isinstance(inner, ast.Call):  # abs(a - b), or (a - b).abs().max()
                inner = inner.func.value if isinstance(inner.func, ast.Attribute) else (*inner.args, inner.func)[0]
            if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub):
                yield from (inner.left, inner.right)
            yield side
    elif isinstance(check, ast.Call) and check.args:
        yield from check.args[:2]
    else:
        yield check


def _evaluate(part: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.fix_missing_locations(ast.Expression(part)), "<check>", "eval"), dict(names))


def _value_text(part: ast.expr, names: dict[str, Any]) -> str:
    """A value as it is shown in a sentence; "" if it cannot be had once more."""
    try:
        value = _evaluate(part, names)
    except Exception:
        return ""
    return _short(value)


def _short(value: Any) -> str:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() > 8:
            low, high = _short(value.min().item()), _short(value.max().item())
            return f"a tensor of shape {list(value.shape)}, from {low} to {high}"
        value = value.tolist()
    if isinstance(value, float):
        return f"{value:.6g}"
    if type(value) in (list, tuple) and len(value) <= 8:
        elements_text = ", ".join(_short(element) for element in value)
        return f"[{elements_text}]" if isinstance(value, list) else f"({elements_text})"
    text = repr(value)
    return text if len(text) <= 120 and "\n" not in text and " at 0x" not in text else f"a {type(value).__name__}"
