"""Every statement of the book is checked by a cell of its chapter, and the check notices a falsehood.

A check cell carries the labels of what it checks: ``# check: eq-elbo, lem-gap``.
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import checks
import matplotlib
import pytest
import torch
from falsehoods import FALSE
from registry import Registry, labels_of
from whole_registry import REGISTRY

matplotlib.use("Agg")
ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
LINUX = sys.platform == "linux"
# Figures, training and results are not what a check needs.
SLOW = re.compile(r"\bfit\(|train_judges\(|t_learned|plt\.(subplots|show)|open\(|read_text|Image\(|widgets\.")


def code_of(chapter):
    cells = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


# -- the book ------------------------------------------------------------------------------------------------


def test_the_registry_has_no_gaps():
    assert REGISTRY.problems == []
    total, checked, exempt = REGISTRY.count()
    assert total == checked + exempt >= 74 and str(REGISTRY).startswith(f"Registry: {total} statements")


def test_every_chapter_is_here():
    assert sorted(FALSE) == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("chapter", FALSE)
def test_every_check_has_a_falsehood(chapter):
    checked = {label for label, (page, _) in REGISTRY.checks.items() if page == f"notebooks/{chapter}"}
    assert checked == set(FALSE[chapter])
    assert all(true != false for true, false in FALSE[chapter].values())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chapter", FALSE)
def test_a_falsehood_fails_its_check(chapter):
    guard(code_of(chapter), FALSE[chapter])


def guard(cells, falsehoods):
    """Runs a chapter's cells in order, and each check also with a falsehood in it or in a cell before it."""
    needed = [bool(labels_of(code)) or not SLOW.search(code) for code in cells]
    last = max(i for i, code in enumerate(cells) if labels_of(code))
    planted = places(cells, needed, falsehoods)
    world = {"__name__": "chapter"}
    before = torch.get_default_dtype(), torch.get_rng_state(), torch.get_num_threads()
    try:
        with matplotlib.rc_context():
            for i, code in enumerate(cells[: last + 1]):
                if not needed[i]:
                    continue
                try:
                    for k, statement in enumerate(body := ast.parse(code).body):
                        for label, check in planted.get((i, k), ()):
                            wrong = apart(world, cells, needed, (i, k), check, falsehoods[label])
                            assert not wrong, f"{label}: {wrong}"
                        execute([statement], world)
                except NameError as error:
                    # It needs a trained model or a figure. No check does.
                    labels = labels_of(code)
                    assert not labels, f"the check of {labels} needs what a skipped cell makes: {error}"
                    lost = [planted[i, later] for later in range(k, len(body)) if (i, later) in planted]
                    assert not lost, f"{lost} stand where a skipped cell is needed: {error}"
    finally:
        torch.set_default_dtype(before[0])
        torch.set_rng_state(before[1])
        torch.set_num_threads(before[2])


def places(cells, needed, falsehoods):
    """(cell, its statement) where a falsehood begins -> [(label, cell of its check)]: there, or in the first cell before."""
    found, left = {}, set(falsehoods)
    for check, code in enumerate(cells):
        for label in labels_of(code):
            left.remove(label)
            true = falsehoods[label][0]
            cell = check if true in code else next((i for i in range(check) if needed[i] and true in cells[i]), None)
            assert cell is not None, f"the check of {label} has changed: choose another falsehood"
            line = cells[cell][: cells[cell].index(true)].count("\n") + 1
            ends = [statement.end_lineno for statement in ast.parse(cells[cell]).body]
            k = sum(end < line for end in ends[:-1])  # what stands below the last statement is a comment, and no use
            found.setdefault((cell, k), []).append((label, check))
    assert not left
    return found


def execute(statements, world, asserts=True):
    exec(compile(ast.Module(statements, []), "cell", "exec", optimize=0 if asserts else 1), world)


def wrong_in(world, cells, needed, start, place, check, falsehood):
    """Runs all from `start` to the check, with the falsehood: what is wrong if the check does not fail.

    Cells before the check are run for what they define, without their asserts.
    """
    try:
        for i in range(start[0], check + 1):
            body = ast.parse(cells[i].replace(*falsehood) if i == place[0] else cells[i]).body if needed[i] else []
            try:
                execute(body[start[1] if i == start[0] else 0 :], world, asserts=i == check)
            except NameError:
                if i in (place[0], check):
                    raise
    except AssertionError:
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "the falsehood went unnoticed"


def apart(world, cells, needed, place, check, falsehood):
    """`wrong_in` from the falsehood on, in a copy of this process: what stands before it is run once, for all.

    A fork is safe on Linux only. Elsewhere the check is run again in a copy of the world, or, where the falsehood stands
    in another cell, all from the start: functions of cells before it would see the true world.
    """
    if not LINUX:
        again = (dict(world), (check, 0)) if place[0] == check else ({"__name__": "chapter"}, (0, 0))
        return wrong_in(again[0], cells, needed, again[1], place, check, falsehood)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            wrong = wrong_in(world, cells, needed, place, place, check, falsehood)
            os.write(writing, f"said {wrong[:2000]}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf8", errors="replace") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said.removeprefix("said ") if said else "its process died"


# -- the guard and the registry themselves, on small books ---------------------------------------------------

HALF = "# check: eq-half\nassert half(4) == 2"


@pytest.mark.filterwarnings("ignore")
def test_the_guard_lets_a_good_check_pass():
    guard(["half = lambda x: x / 2", "fit(None)", HALF], {"eq-half": ("x / 2", "x / 3")})
    guard(["half = lambda x: x / 2", HALF], {"eq-half": ("half(4)", "half(5)")})
    guard(["half = lambda x: x / by\nby = 2", HALF], {"eq-half": ("by = 2", "by = 3")})  # which the function sees


@pytest.mark.filterwarnings("ignore")  # Python 3.12 warns of a fork of a process that has threads
@pytest.mark.parametrize(
    ("cells", "falsehood", "said"),
    [
        (["half = lambda x: x / 2", HALF], ("x / 2", "x / 2.0"), "went unnoticed"),
        (["half = lambda x: x / 2\n# x / 3", HALF], ("x / 3", "x / 4"), "went unnoticed"),
        (["half = lambda x: x / 2", HALF], ("x / 4", "x / 3"), "choose another falsehood"),
        (["half = lambda x: x / 2\nby = 2", HALF], ("by = 2", "by = int('two')"), "ValueError: invalid literal"),
        (["half = lambda x: x / 2", HALF], ("half(4)", "quarter(4)"), "NameError: name 'quarter'"),
        *([(["half = lambda x: x / 2", HALF], ("half(4)", "__import__('os')._exit(0)"), "process died")] * LINUX),
        (["half = lambda x: fit(x)", HALF], ("== 2", "== 3"), "half"),  # the first cell counts as training: skipped
    ],
)
def test_the_guard_complains(cells, falsehood, said):
    with pytest.raises((AssertionError, pytest.fail.Exception, NameError), match=said):
        guard(cells, {"eq-half": falsehood})


TEXT = (
    "# One\n\n## Halves\n\n$$\nh(x) = x/2\n$$ (eq-half)\n\n```{prf:lemma} Half | less\n:label: lem-half\nText.\n```\n"
)
CHOICE = "```{prf:definition} Half\n:label: def-half\n\n$$\nh\n$$ (def-h)\n```\n"
BOTH = "# check: eq-half, lem-half\nassert True"
CODE = '"""A module."""\n\n\nclass A:\n    # Eq. ``eq-half`` and ``lem-half`` (chapter 01)\n    @property\n    def half(self):\n        return 1\n'


def small(root, *cells, code=CODE, more=()):
    """The registry of a small book: chapter 01 of `cells`, chapter 02 of `more`; what holds an assert is code."""
    for folder in ("notebooks", "book", "ganvae_lib"):
        (root / folder).mkdir()

    def write(name, cells):
        made = [{"cell_type": "code" if "assert" in c else "markdown", "source": [c], "metadata": {}} for c in cells]
        (root / "notebooks" / name).write_text(json.dumps({"cells": made}))

    write("01_one.ipynb", cells)
    if more:
        write("02_two.ipynb", more)
    (root / "ganvae_lib" / "a.py").write_text(code)
    return Registry(root)


def test_a_sound_book_is_registered(tmp_path):
    registry = small(tmp_path, TEXT, BOTH, CHOICE)
    assert registry.problems == [] and registry.count() == (4, 2, 2)
    assert str(registry) == "Registry: 4 statements, 2 checked, 2 definitions exempt"
    half = registry.statements["eq-half"]
    assert (half.kind, half.title, half.place) == ("equation", "Halves", "notebooks/01_one, cell 1")
    assert registry.statements["lem-half"].title == "Half | less" and registry.checks["lem-half"] == (
        "notebooks/01_one",
        2,
    )
    assert half.code == {"a.A.half": 5}


@pytest.mark.parametrize(
    ("cells", "more", "code", "said"),
    [
        ([TEXT, "# check: eq-half\nassert True"], (), CODE, ["cell 1: lem-half has no check"]),
        ([TEXT, "# check: lem-half\nassert True"], (), CODE, ["cell 1: eq-half has no check"]),
        ([TEXT, BOTH + "\n# check: eq-third"], (), CODE, ["cell 2: it checks eq-third, which stands nowhere"]),
        ([TEXT, BOTH, BOTH], (), CODE, ["eq-half is checked a second time", "lem-half is checked a second time"]),
        ([TEXT, CHOICE, BOTH + "\n# check: def-h"], (), CODE, ["def-h is exempt, and yet notebooks/01_one checks it"]),
        (
            [TEXT, BOTH, "$$ x $$ (eq-half)"],
            (),
            CODE,
            ["cell 3: the label eq-half stands in notebooks/01_one, cell 1 already"],
        ),
        ([TEXT, BOTH], ["$$ x $$ (eq-half)"], CODE, ["notebooks/02_two, cell 1: the label eq-half stands in"]),
        ([TEXT], ["# Two", BOTH], CODE, ["eq-half is checked in another chapter", "lem-half is checked in another"]),
        ([TEXT, BOTH], (), "# ``eq-third``", ["ganvae_lib/a.py, line 1: eq-third stands nowhere in the book"]),
        ([TEXT, BOTH], (), "# def-third", ["def-third stands nowhere"]),
        (
            [TEXT, BOTH],
            (),
            "# (Eq. ``eq-half``, chapter 02)",
            ["eq-half stands in notebooks/01_one, not in chapter 02"],
        ),
        ([TEXT, BOTH], (), "# ``lem-half`` and\n# Eq. ``eq-half`` (chapter 02)", ["not in chapter 02"] * 2),
        (
            [TEXT, BOTH, "```{prf:theorem} T\nText.\n```"],
            (),
            CODE,
            ["the label '' of the theorem must begin with thm-"],
        ),
        ([TEXT, BOTH, "```{prf:lemma} T\n:label: def-l\n```"], (), CODE, ["'def-l' of the lemma must begin with lem-"]),
        ([TEXT, BOTH, "$$\nx\n$$ (half)"], (), CODE, ["'half' of the equation must begin with eq- or def-"]),
        ([TEXT, BOTH, "```{math}\n:label: eq-m\nx\n```"], (), CODE, ["eq-m has no check"]),
        ([TEXT, BOTH, "\\begin{align}\nx\n\\end{align}"], (), CODE, ["an equation in align has no label"]),
    ],
)
def test_a_gap_is_told(tmp_path, cells, more, code, said):
    problems = small(tmp_path, *cells, code=code, more=more).problems
    for sentence in said:
        assert sum(sentence in problem for problem in problems) == said.count(sentence), problems


def test_the_registry_can_be_run(tmp_path):
    done = subprocess.run([sys.executable, str(ROOT / "book" / "registry.py")], capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(REGISTRY), *REGISTRY.problems] and done.returncode == bool(
        REGISTRY.problems
    )


def test_the_page_lists_every_statement(tmp_path):
    registry = small(tmp_path, TEXT, BOTH, CHOICE)
    page = checks.filled("# Checks\n\n% registry\n", registry, ["book/intro", "notebooks/01_one"])
    assert "| {doc}`/notebooks/01_one` | 4 | 2 | 2 |" in page and "## One" in page
    assert "| {eq}`eq-half` | Halves | [`eq-half`](#check-eq-half) | `a.A.half` |" in page
    assert r"| {prf:ref}`lem-half` | Half \| less | [`lem-half`](#check-lem-half) | `a.A.half` |" in page
    assert "| {eq}`def-h` | Halves | exempt |  |" in page
    assert checks.PLACE in (ROOT / "book" / "checks.md").read_text(encoding="utf8")
