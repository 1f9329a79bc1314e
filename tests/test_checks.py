"""Every numbered equation of the book is checked by a cell of its chapter, and the check notices a falsehood.

A check cell carries the labels of what it checks: ``# check: eq-elbo, lem-gap``.
"""

import json
import re
from pathlib import Path

import matplotlib
import pytest
import torch
from falsehoods import FALSE

matplotlib.use("Agg")
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
# Figures, training and results are not what a check needs.
SLOW = re.compile(r"\bfit\(|train_judges\(|t_learned|plt\.(subplots|show)|open\(|read_text|Image\(|widgets\.")


def sources(chapter, kind):
    cells = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def labels_of(code):
    return [label for line in re.findall(r"^# check: (.+)$", code, re.M) for label in line.split(", ")]


def test_every_chapter_is_here():
    assert sorted(FALSE) == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("chapter", FALSE)
def test_every_numbered_equation_has_a_check(chapter):
    equations = re.findall(r"^\$\$ \((eq-[a-z0-9-]+)\)$", "\n".join(sources(chapter, "markdown")), re.M)
    checked = [label for code in sources(chapter, "code") for label in labels_of(code)]
    assert len(set(equations)) == len(equations) and len(set(checked)) == len(checked)
    assert set(equations) == {label for label in checked if label.startswith("eq-")}
    assert set(checked) == set(FALSE[chapter])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chapter", FALSE)
def test_a_falsehood_fails_its_check(chapter):
    """Runs the chapter's cells in order, and each check also with a falsehood in it."""
    left, done, world = dict(FALSE[chapter]), [], {"__name__": chapter}
    before = torch.get_default_dtype(), torch.get_rng_state(), torch.get_num_threads()
    try:
        with matplotlib.rc_context():
            for code in sources(chapter, "code"):
                labels = labels_of(code)
                if not labels and (SLOW.search(code) or not left):
                    continue
                for label in labels:
                    true, false = left.pop(label)
                    earlier = next((i for i, cell in enumerate(done) if true in cell), None)
                    assert true in code or earlier is not None, f"the check of {label} has changed: choose another falsehood"
                    with pytest.raises(AssertionError):
                        if true in code:
                            exec(code.replace(true, false), dict(world))
                        else:
                            replay(done, earlier, true, false, code)
                        pytest.fail(f"{label}: the falsehood went unnoticed", pytrace=False)
                try:
                    exec(code, world)
                except NameError:
                    assert not labels  # it needs a trained model; no check does
                else:
                    done.append(code)
    finally:
        torch.set_default_dtype(before[0])
        torch.set_rng_state(before[1])
        torch.set_num_threads(before[2])
    assert not left


def replay(done, index, true, false, check):
    """The check, after the cells before it with a falsehood in one; those are run for what they define."""
    world = {"__name__": "falsehood"}
    for i, cell in enumerate(done):
        cell = cell.replace(true, false) if i == index else cell
        exec(compile(cell, "cell", "exec", optimize=1), world)  # optimize: without their asserts
    exec(check, world)
