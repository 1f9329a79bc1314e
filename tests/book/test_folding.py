"""What a page folds, and the line of a check, whose numbers come from its run."""

import ast
import re
from types import SimpleNamespace

import folding
import measured
import nbformat
import numpy
import pytest
import torch
import yaml
from execute import Chapter

from ganvae_lib import lemmas

# -- what the asserts of a cell compare ------------------------------------------------------------------------


def measures(code, **names):
    """What is counted while the asserts of `code` run, as in a chapter's kernel."""
    seen = measured.Measures()
    seen.begin(SimpleNamespace(raw_cell=code))
    for statement in ast.parse(code).body:
        statement.test = measured.Measured().visit(statement.test)
        scope = names | {"__asserts__": seen, "torch": torch, "numpy": numpy}
        exec(compile(ast.Module([statement], []), "cell", "exec"), scope)
        seen.passed(SimpleNamespace(f_locals={}, f_globals=names))
    return seen.told().get(1)


LEFT = torch.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]], dtype=torch.float64)
RIGHT = LEFT + torch.tensor([[0.0, 3e-6, 0.0], [-1e-6, 0.0, 0.0]], dtype=torch.float64)


def worst(error):
    return error.abs().max()


@pytest.mark.parametrize(
    ("code", "values", "difference"),
    [
        ("assert (left - right).abs().max() < 1e-5", 6, 3e-6),
        ("assert worst(left - right) < 1e-5", 6, 3e-6),
        ("assert worst((left - right) / 10) <= 1e-5", 6, 3e-7),
        ("assert abs(float(left[0, 1] - right[0, 1])) < 1e-5 * (1 + 1)", 1, 3e-6),
        ("assert (left - right).abs().max() / left.abs().max() < 1e-5, 'why'", 6, 7.5e-7),
        ("assert ((left - right).abs() < 1e-5).all() and left.min() < 1e-12", 7, 3e-6),
        ("assert all(worst(a - b) < 1e-5 for a, b in zip(left, right))", 6, 3e-6),
        ("assert max(worst(a - b) for a, b in zip(left, right)) < 1e-5", 1, 3e-6),
        ("assert torch.allclose(left, right, rtol=0, atol=1e-5)", 6, 3e-6),
        ("assert torch.allclose(left, right, atol=1e-5)", 6, 3e-6 / 2.000003),
        ("assert numpy.allclose((1.0, 2.0), (1.0, 2.0 + 3e-6), rtol=0, atol=1e-5)", 2, 3e-6),
        ("assert worst(left[0] - right[0]) < 1e-5\nassert worst(left[1] - right[1]) < 1e-5", 6, 3e-6),
    ],
)
def test_the_difference_of_two_sides_is_measured(code, values, difference):
    found = measures(code, left=LEFT, right=RIGHT, worst=worst)
    assert found["values"] == values and found["difference"] == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("code", ["assert left.max() > 1e-5", "assert left.max() < 5", "assert left.max() < top * 1",
                                  "assert left.max() <= top + 1e-9", "assert -1e-9 <= left.max() < 5", "assert (left - top).max() < 1e-9"])  # fmt: skip
def test_what_no_small_number_bounds_from_above_is_no_difference(code):
    assert measures(code, left=LEFT, top=9.0)["difference"] is None


@pytest.mark.parametrize("code", ["worst(left - right) < 1e-6", "torch.allclose(left, right, rtol=0, atol=1e-6)"])
def test_an_assert_that_fails_fails_all_the_same(code):
    with pytest.raises(AssertionError):
        measures(f"assert {code}", left=LEFT, right=RIGHT, worst=worst)


def test_worlds_are_counted_once_where_the_cell_names_them():
    some, others = lemmas.random_steps(5), lemmas.random_steps(7, seed=1)
    names = {"step": some, "other": others, "left": LEFT}
    assert measures("assert step is not None\nassert step.space is not None", **names)["worlds"] == 5
    assert measures("assert step is not other", **names)["worlds"] == 12
    assert measures("assert left.max() > 1", **names)["worlds"] == 0


# -- the line --------------------------------------------------------------------------------------------------


def said(**counts):
    return folding.measured({"asserts": 2, "values": 0, "worlds": 0, "difference": None} | counts)


def test_the_line_says_what_was_counted():
    assert said(worlds=1600, values=12, difference=2.3e-13) == " on 1,600 worlds, largest difference 2e-13"
    assert said(worlds=1, values=2001, difference=3e-5) == " on 2,001 values, largest difference 3e-5"
    assert said(values=1, difference=0.0) == " on one value, largest difference 0"
    assert said() == ": 2 asserts hold" and said(asserts=1) == ": 1 assert holds"


# -- which cells are folded ------------------------------------------------------------------------------------


def cell(source, *outputs, **metadata):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def folds(counts, *cells):
    """The copy that Sphinx reads."""
    for number, one in enumerate(cells, 1):
        one.execution_count = number
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    before = nbformat.writes(notebook)
    copy = folding.folded(Chapter(notebook, [], {}, counts, 0.0, True))
    assert nbformat.writes(notebook) == before, "the chapter itself is changed"
    return copy


PRINTED = nbformat.v4.new_output("stream", name="stdout", text="1\n")
PICTURE = nbformat.v4.new_output("display_data", data={"image/png": "", "text/plain": "<Figure>"})
TABLE = "rows = [1, 2]\nfor row in rows:\n    print(row)\n    print(2 * row)\nprint('end')"
COUNTS = {"asserts": 1, "values": 4, "worlds": 0, "difference": 1e-9}


def test_checks_tables_and_drawings_are_folded_and_nothing_else():
    copy = folds(
        {"1": COUNTS, "3": COUNTS, "4": COUNTS},
        cell("# check: eq-one\nassert 1"),  # 1
        cell("# check: eq-two\nx = 1"),  # 2: no assert of it ran
        cell("# check: eq-three\nassert 1", PICTURE, tags=["timing"]),  # 3: its picture stays
        cell("assert 1"),  # 4: the check of no statement
        cell(TABLE, PRINTED),  # 5
        cell(TABLE),  # 6: it prints nothing
        cell(TABLE.replace("rows = [1, 2]", "rows = [fit(m) for m in models]"), PRINTED),  # 7: it trains
        cell("print(1)", PRINTED),  # 8: short
        cell("# NBVAL_CHECK_OUTPUT\nx = 2\nprint(x)", PRINTED),  # 9
        cell("plt.plot(x)", PICTURE),  # 10
        cell("guess = None  # your number\nprint(guess)", PRINTED),  # 11: what it prints is the answer
        cell("a, b = 1, None  # your two numbers\nprint(a)"),  # 12: it prints nothing
        cell("guess = your_own(x)  # the number\nprint(guess)", PRINTED),  # 13: it asks nobody
        cell("a = 1\nb = 2\nrows = [(a, b)]\nTable(('a', 'b'), rows)", PRINTED),  # 14
        cell(
            "a = 1\nb = 2\nmade = Table(('a', 'b'), [(a, b)])\nmade.rows", PRINTED
        ),  # 15: what it has made is asked on
    )
    tags = {n: c.metadata["tags"] for n, c in enumerate(copy.cells, 1) if "tags" in c.metadata}
    assert tags == {
        1: ["hide-cell"],
        3: ["hide-input", "timing"],
        5: ["hide-input"],
        10: ["hide-input"],
        11: ["hide-output"],
        14: ["hide-input"],
    }
    assert copy.cells[10].metadata["mystnb"]["code_prompt_show"] == "show the answer"
    checked = {n: c.metadata["checked"] for n, c in enumerate(copy.cells, 1) if "checked" in c.metadata}
    assert checked == {1: {"labels": ["eq-one"], **COUNTS}, 3: {"labels": ["eq-three"], **COUNTS}}
    assert copy.cells[8].source == "x = 2\nprint(x)"
    assert folding.lines(copy) == (2 + 2 + 2 + 1 + 5 + 5 + 5 + 1 + 2 + 1 + 6 + 8, 2 + 1 + 5 + 5 + 1 + 2 + 6 + 4, 0)
    assert folding.lines(folds({}, cell("x = 1  # " + "a" * 79), cell("y = 1  # " + "a" * 80))) == (2, 2, 1)


# -- a built page ----------------------------------------------------------------------------------------------

CHECK = """# check: eq-one, lem-two
import torch
left = torch.arange(5.0, dtype=torch.float64)
assert (left - (left + {})).abs().max() < 1e-3
print("seen in the fold")"""
ONE = ("$$\nx = 1\n$$ (eq-one)\n\n```{prf:lemma} Two\n:label: lem-two\nText.\n```",)
THREE = ("$$\nx = 3\n$$ (eq-three)",)


def lines_of(page):
    found = re.findall(r'<p class="check-line">(.*?)</p>', page, re.S)
    return [re.sub(r"<[^>]*>", "", text) for text in found]


def test_a_check_is_one_line_of_the_page_made_from_its_run(small, at_once):
    part = {"caption": "I", "numbered": True, "chapters": small.toc["chapters"]}
    (small.root / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "book/intro", "parts": [part]}))
    for added, told in ((2e-7, "2e-7"), (4e-5, "4e-5")):
        small(ONE, CHECK.format(added), THREE, "# check: eq-three\nx = 3", "# NBVAL_SKIP\nshown = 1", TABLE)
        status, printed = at_once("--only", "01")
        assert status == 0, printed
        page = (small.root / "_build/only/01/html/notebooks/01_small.html").read_text()
        assert lines_of(page) == [f"checked: Eq. 1.1, Lemma 1.1 on 5 values, largest difference {told}"]
        check = page[page.index('class="check docutils') :]
        assert re.search(r'<a class="reference internal" href="#equation-eq-one">', check)
        fold = re.search(
            r'<details class="code-fold"><summary[^>]*>show code and output</summary>.*?</details>', check, re.S
        )[0]
        rest = page.replace(fold, "")
        table = re.search(r'<details class="code-fold"><summary[^>]*>show code</summary>.*?</details>', rest, re.S)[0]
        assert "torch" in fold and "seen in the fold" in fold and "<details" not in rest.replace(table, "")
        assert "rows" in table and "end\n" in rest.replace(table, "")  # its output is seen
        for label in ("eq-one", "lem-two", "eq-three"):
            assert page.count(f'id="check-{label}"') == 1
        assert "NBVAL" not in page and "shown" in page
        assert "Code: 13 lines, 3 of them shown at once; 0 have more than 88 characters" in printed
