"""A cell that stops says which cell makes what it needs, what its check compared, and what was changed before."""

import json
import os
import re
import subprocess
import sys

import pytest

from ganvae_lib.figures.cells import changed_values, describe_failed_check, find_making_cell

CELLS = [
    ("markdown", "# A chapter\n\n## The world"),
    ("code", "import math\n\nfrom ganvae_lib import draw\n\ndraw.style()\nWIDTH = 2.0  # change me (book: 1.0)"),
    ("code", "# check: eq-a\narea = WIDTH**2\ndef side():\n    return missing_root"),
    ("code", "missing_root = math.sqrt(area)"),
    ("code", "assert abs(area - 1.0) < 1e-9 and area > 0, 'the square is a unit'"),
    ("code", "side()"),
    ("code", "print(typing_error)"),
    ("code", "math.sqrt(area, 1)"),
    ("code", "WIDTH = 1.0  # change me (book: 1.0)\nassert WIDTH > 1"),
]
# Runs the cells whose numbers are given in an IPython shell; prints what each one raised.
RUN = """
import json, os, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
cells = json.load(open(os.environ["JPY_SESSION_NAME"]))["cells"]
said = []
for number in map(int, sys.argv[1:]):
    done = shell.run_cell(cells[number]["source"], store_history=True)
    error = done.error_before_exec or done.error_in_exec
    said.append(error and f"{type(error).__name__}: {error}")
print("SAID" + json.dumps(said))
"""


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in CELLS]}))

    def run(*numbers):
        done = subprocess.run(
            [sys.executable, "-c", RUN, *map(str, numbers)],
            env=os.environ | {"JPY_SESSION_NAME": str(path), "IPYTHONDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        shown, _, said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).partition("SAID")  # without colours
        return json.loads(said), " ".join(shown.split())

    return run


def test_a_name_that_is_missing_names_its_cell(run):
    said, shown = run(1, 3, 2, 5, 6)
    assert said[:1] == [None] and said[2] is None
    assert said[1].startswith("NameError: name 'area' is not defined. The cell that makes it has not run: number 3")
    assert "under 'The world', begins with 'area = WIDTH**2'" in said[1] and said[1] in shown
    assert "number 4" in said[3] and "begins with 'missing_root" in said[3]  # through a function of another cell
    assert said[4] == "NameError: name 'typing_error' is not defined"  # which no cell makes


def test_a_check_that_fails_says_what_it_compared_and_what_was_changed(run):
    said, shown = run(1, 2, 4)
    assert said[2] == (
        "AssertionError: the square is a unit. The check abs(area - 1.0) < 1e-09 does not hold: area is 4, abs(area - 1.0) "
        "is 3. You changed what comes before: WIDTH is 2.0, where the book has 1.0. So this may be expected: the check is "
        "made for the book's values."
    )
    assert "assert abs(area" in shown  # and the line is still shown


def test_other_errors_are_left_alone(run):
    said, _ = run(1, 2, 7)
    assert said[2] == "TypeError: math.sqrt() takes exactly one argument (2 given)"


def test_a_check_of_the_books_values_is_not_excused(run):
    said, _ = run(1, 8)
    assert said[1].startswith("AssertionError: The check WIDTH > 1 does not hold: WIDTH is 1. No line marked")
    assert said[1].endswith("the fault is the book's.")


def test_what_was_changed():
    assert changed_values(["WIDTH = 1.0  # change me (book: 1.0)"]) == {}
    assert changed_values(["    a, b = 1, 2  # change me (book: 1, 3)"]) == {"a, b": ("1, 2", "1, 3")}
    assert (
        changed_values(["a = 1  # change me (book: 2)", "a = 2  # change me (book: 2)"]) == {}
    )  # the last that ran counts


def test_what_a_check_compared():
    import torch

    names = dict(a=torch.tensor([1.0, 2.0]), b=torch.tensor([1.0, 2.5]), torch=torch, n=3, found={"x": [1, 2]})
    assert describe_failed_check("torch.equal(a, b)", names).endswith("a is [1, 2], b is [1, 2.5].")
    assert describe_failed_check("(a - b).abs().max() < 1e-3", names).endswith(
        "a is [1, 2], b is [1, 2.5], (a - b).abs().max() is 0.5."
    )
    assert describe_failed_check("0 < n < 2", names) == "The check n < 2 does not hold: n is 3."
    assert (
        describe_failed_check("all(u < 2 and v for u in found['x'] for v in [u])", names)
        == "The check u < 2 does not hold: u is 2."
    )
    assert describe_failed_check("not n", names) == "The check not n does not hold: n is 3."
    assert describe_failed_check("next(iter([])) or False", names).startswith(
        "The check next(iter([])) or False does not hold"
    )
    assert describe_failed_check("a.sum() > torch.zeros(3, 3).sum() + 9", names).endswith(
        "is 3, torch.zeros(3, 3).sum() + 9 is 9."
    )
    assert "a tensor of shape [3, 3], from 0 to 0" in describe_failed_check("torch.zeros(3, 3) is None", names)


def test_without_a_notebook_it_says_what_can_be_said():
    assert find_making_cell("x", "print(x)", None).startswith("If an earlier cell makes it")
    lookahead = [{"cell_type": "code", "source": "print(x)"}, {"cell_type": "code", "source": "x = 1"}]
    assert find_making_cell("x", "print(x)", lookahead) == ""  # a later cell is no help
    exercise = {"cell_type": "code", "source": "x = 2", "metadata": {"ganvae": {"role": "given"}}}
    cells = [lookahead[1], exercise, {"cell_type": "code", "source": "print(x + 1)"}]
    assert "number 1 " in find_making_cell("x", "print(x + 1)", cells)  # an exercise has names of its own
    assert "number 2 " in find_making_cell("x", "print(x)", [*cells, exercise | {"source": "print(x)"}])
