"""A build that cannot be fooled: each fault is planted in a small book and turns the build red."""

import json
import re
import shutil

import cells
import claims
import execute
import formulas
import nbformat
import outputs
import pytest

code, output = nbformat.v4.new_code_cell, nbformat.v4.new_output
FIGURE = {"mystnb": {"figure": {"name": "fig-01-line", "caption": "A line."}, "image": {"alt": "A line."}}}
DRAW = "from matplotlib import pyplot as plt\nplt.plot([0, 1])\nplt.show()"


def stored(small, index, change):
    """Changes what the notebook holds of a cell."""
    notebook = nbformat.read(small.chapter, as_version=4)
    change(notebook.cells[index])
    nbformat.write(notebook, small.chapter)


def written(small, index):
    return nbformat.read(small.chapter, as_version=4).cells[index]


# -- the environment of the kernels ----------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["PYTHONOPTIMIZE", "PYTHONSTARTUP"])
def test_an_assert_is_no_matter_of_the_environment(small, at_once, monkeypatch, variable):
    (small.root / "one.py").write_text("import builtins\nbuiltins.one = 2\n")
    monkeypatch.setenv(variable, "1" if variable == "PYTHONOPTIMIZE" else str(small.root / "one.py"))
    small("one = globals()['__builtins__'].__dict__.get('one', 1)\nassert one == 2")
    status, printed = at_once()
    assert status == 1 and "01_small.ipynb, cell 2 (In [1]) failed: AssertionError" in printed


def test_a_picture_is_no_matter_of_the_environment(small, at_once, monkeypatch):
    small(code(DRAW, metadata=FIGURE))
    for name, value in {"MPLBACKEND": "Agg", "MATPLOTLIBRC": str(small.root / "nowhere")}.items():
        monkeypatch.setenv(name, value)
    status, printed = at_once("--write")
    assert status == 0 and "kept" not in printed, printed
    assert [set(o.data) for o in written(small, 1).outputs] == [{"image/png", "text/plain"}]
    monkeypatch.delenv("MPLBACKEND")
    status, printed = at_once("--write")
    assert status == 0 and "kept" in printed and "Changed outputs: 0" in printed


def test_a_kernel_sees_nothing_but_what_is_allowed(small, at_once, monkeypatch):
    for name in ("PYTHONOPTIMIZE", "MPLBACKEND", "JUPYTER_PATH", "IPYTHONDIR", "ATEN_CPU_CAPABILITY", "GANVAE_NEW"):
        monkeypatch.setenv(name, "given")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seen = execute.environment(small.root, "scratch")
    assert seen["PYTHONPATH"] == str(small.root) and seen["IPYTHONDIR"] == "scratch" and seen["OMP_NUM_THREADS"] == "1"
    assert [name for name, value in seen.items() if value == "given"] == ["GANVAE_NEW"]
    assert set(seen) <= {*execute.PLACES, *execute.KEPT, *execute.FIXED, "PYTHONPATH", "IPYTHONDIR", "MATPLOTLIBRC"} | {
        name for name in seen if name.startswith("GANVAE_")
    }


def test_what_a_kernel_sees_is_part_of_the_key(small, monkeypatch):
    def key():
        return execute.environment_key(small.root)

    keys = [key()]
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("TMPDIR", "elsewhere")
    assert key() == keys[0]
    monkeypatch.setenv("GANVAE_NEW", "1")
    keys.append(key())
    monkeypatch.setitem(execute.FIXED, "PYTHONHASHSEED", "1")
    keys.append(key())
    for name in ("a.py", "b.py", "c.txt"):
        (small.root / "ganvae_lib").mkdir(exist_ok=True)
        (small.root / "ganvae_lib" / name).write_text("ONE = 1\n")
        keys.append(key())
    (small.root / "ganvae_lib" / "a.py").rename(small.root / "ganvae_lib" / "d.py")
    keys.append(key())
    (small.root / "site" / "torch-99.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(small.root / "site")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_kernel_is_that_of_the_python_that_builds(small, at_once, monkeypatch):
    folder = small.root / "share" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(small.root / "share"))
    small("import sys\nprint(sys.executable)")
    assert at_once("--write")[0] == 0


# -- asserts that do not run -----------------------------------------------------------------------------------

LATER = "def later(x):\n    assert x == 2\n    return x"
UNREACHED = {  # code -> the line of its assert
    "if False:\n    assert 1 == 2": 2,
    LATER: 2,
    "def f():\n    return 1\n    assert 1 == 2\nf();": 3,
    "try:\n    assert 1 == 2\nexcept AssertionError:\n    pass": 2,
    "for x in (2, 1):\n    try:\n        assert x == 2\n    except AssertionError:\n        pass": 3,
    "for x in ():\n    assert x": 2,
}


def test_an_assert_that_does_not_run_stops_the_build(small, at_once):
    small(*UNREACHED, "assert 1; assert 2")
    status, printed = at_once()
    assert status == 1 and printed.count("did not run, or failed unseen") == len(UNREACHED)
    for place, line in enumerate(UNREACHED.values(), 2):
        assert f"notebooks/01_small, cell {place}: the assert in line {line} did not run" in printed


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["import sys\nsys.exit()", "assert 1 == 2"], "cell 2 (In [1]) failed: SystemExit"),
        (["import os\nos._exit(0)", "assert 1 == 2"], "cell 2 (In [1]) failed: the kernel died"),
        (["%%script false\nassert 1 == 2"], "cell 2, line 1: this is not plain Python"),
        ([code("assert 1 == 2", metadata={"tags": ["raises-exception"]})], "cell 2 (In [1]) failed: AssertionError"),
        ([code("assert 1 == 2", metadata={"tags": ["skip-execution"]})], "cell 2 (In [1]) failed: AssertionError"),
    ],
)
def test_a_way_around_an_assert_stops_the_build(small, at_once, cells, said):
    small(*cells)
    status, printed = at_once()
    assert status == 1 and said in printed, printed


def test_an_assert_counts_where_it_holds(small, at_once):
    small("x = 1", LATER, "later(2);", "", "assert x; assert later(2)", "print(later(2))", "print(3)")
    status, printed = at_once("--write")
    assert status == 0 and "Cells: 6 with code; 3 asserted, 2 compared with stored outputs, 2 neither (0 of" in printed


# -- figures and exercises -------------------------------------------------------------------------------------


def test_a_figure_without_picture_stops_the_build(small, at_once):
    drawings = ["x = 1", DRAW.replace("plt.show()", "plt.close()"), "print('<svg>')", DRAW]
    small(*(code(drawing, metadata=FIGURE) for drawing in drawings))
    for option in ((), ("--write",)):
        status, printed = at_once(*option)
        assert status == 1 and printed.count("there is no picture for the figure fig-01-line") == 3
        assert "cell 4: there is no picture" in printed and "cell 5: there is no picture" not in printed


def test_an_exercise_without_solution_stops_the_build(small, at_once):
    small(("```{exercise} Two\n:label: ex-01-two\nAdd.\n```\n\n```{exercise}\n:class: x\n:label: ex-01-three\nAdd.\n```",),
          ("````{solution} ex-01-two\n:class: dropdown\n2.\n````",))  # fmt: skip
    status, printed = at_once()
    assert status == 1 and "notebooks/01_small: the exercise ex-01-three has no solution" in printed
    assert "ex-01-two" not in printed


# -- outputs are those that the notebook holds -----------------------------------------------------------------


def text(old, new):
    def change(cell):
        assert old in cell.outputs[0].text
        cell.outputs[0].text = cell.outputs[0].text.replace(old, new)

    return change


PRINTS = "print('loss 0.1234 after 1,000 steps')"
OTHERWISE = [  # a change of what is stored, and what is said of it
    (text("0.1234", "0.1244"), "stored 0.1244, now 0.1234"),
    (text("1,000", "1,002"), "stored 1,002, now 1,000"),
    (text("1,000", "1,0000"), "stored 'loss 0.1234 after 1,0000 steps', now 'loss 0.1234 after 1,000 steps'"),
    (text("0.1234", "-0.1234"), "stored -0.1234, now 0.1234"),
    (text("loss", "gain"), "stored 'gain 0.1234 after 1,000 steps', now 'loss"),
    (text("steps\n", "steps\nand more\n"), "stored 'and more', now ''"),
    (lambda cell: cell.outputs.clear(), "stored nothing, now stdout"),
    (lambda cell: cell.outputs.append(cell.outputs[0]), "stored stdout, stdout, now stdout"),
]


def test_what_is_stored_otherwise_stops_the_build(small, at_once):
    small(*[PRINTS] * len(OTHERWISE), PRINTS)
    assert at_once("--write")[0] == 0
    for place, (change, _) in enumerate(OTHERWISE, 1):
        stored(small, place, change)
    for option, wanted in ((), 1), (("--write",), 0):
        status, printed = at_once(*option)
        assert status == wanted and "kept" in printed and printed.count("stored ") >= len(OTHERWISE)
        for place, (_, said) in enumerate(OTHERWISE, 2):
            assert f"notebooks/01_small, cell {place}: {said}" in printed, printed
        assert f"cell {len(OTHERWISE) + 2}" not in printed
        assert "words exactly, numbers within 0.001 of the stored ones" in printed
    assert written(small, 1).outputs[0].text == "loss 0.1234 after 1,000 steps\n"
    assert "Changed outputs: 0" in at_once("--write")[1]


def test_a_stored_picture_that_is_not_drawn_any_more_stops_the_build(small, at_once):
    small("1")
    picture = output("display_data", data={"image/png": "", "text/plain": "<Figure>"})
    assert at_once("--write")[0] == 0
    stored(small, 1, lambda cell: cell.outputs.insert(0, picture))
    status, printed = at_once()
    assert status == 1 and "stored image/png, text/plain, text/plain, now text/plain" in printed


def differences(old, new, tags=(), loosely=0.0):
    """Of one cell, as text that it prints or as HTML that it shows."""

    def made(text):
        if text.startswith("<"):
            return [
                output("execute_result", data={"text/html": text, "text/plain": "<IPython.core.display.HTML object>"})
            ]
        return [output("stream", name="stdout", text=text)]

    return outputs.differences(code(outputs=made(new), metadata={"tags": list(tags)}), made(old), loosely)


@pytest.mark.parametrize(
    ("old", "new", "options"),
    [
        ("1.0000 -2e-3, .5", "1.0009 -2.001e-3, .5004", {}),
        ("gap 3.1e-15", "gap 0.0", {}),
        ("[-0.00  1.]", "[0.00 1.]", {}),
        ("1.00 nats", "1.04 nats", {"tags": ["within-5-percent"]}),
        ("1.00 nats", "1.04 nats", {"loosely": 0.05}),
        ("0.20 and 0.9", "0.50 and 1.2", {"tags": ["within-0.3"]}),
        ("took 3.1 s", "took 14.2 s", {"tags": ["timing"]}),
        ("<table><tr><td>1.0000</td></tr></table>", "<table><tr><td>1.0001</td></tr></table>", {}),
        ("<div><script>let x = 1;</script></div>", "<div><script>let x = 2;</script></div>", {}),
    ],
)
def test_what_is_near_is_the_same(old, new, options):
    assert differences(old, new, **options) == [] == differences(new, old, **options)


@pytest.mark.parametrize(
    ("old", "new", "options"),
    [
        ("1.000", "1.002", {}),
        ("1.000", "1.002", {"tags": ["within-0.1-percent"]}),
        ("gap 0.0", "gap 3.1e-6", {}),
        ("7 of 8", "8 of 8", {"tags": ["within-5-percent"]}),
        ("1.00 nats", "1.06 nats", {"loosely": 0.05}),
        ("0.20 and 0.9", "0.20 and 1.21", {"tags": ["within-0.3"]}),
        ("1.00 nats", "1.00 bits", {"loosely": 0.05}),
        ("took 3.1 s", "took 3.1 min", {"tags": ["timing"]}),
        ("took 3.1 s", "took 3.1 s and 2 s", {"tags": ["timing"]}),
        ("a1 3", "a2 3", {}),
        ("1-2", "1-3", {}),
        ("nan", "1.0", {}),
        ("<table><tr><td>VAE</td><td>1.0</td></tr></table>", "<table><tr><td>VAE</td><td>1.1</td></tr></table>", {}),
        ("<table><tr><td>VAE</td></tr></table>", "<table><tr><td>GAN</td></tr></table>", {}),
        ("<table><tr><td>VAE</td></tr></table>", "VAE", {}),
    ],
)
def test_what_is_far_is_told(old, new, options):
    assert differences(old, new, **options) and differences(new, old, **options)


# -- formulas, counts ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("node"), reason="node runs MathJax")
def test_broken_tex_stops_the_build_and_counts_are_on_the_page(small, at_once):
    toc = small.toc | {"chapters": [*small.toc["chapters"], {"file": "book/checks"}]}
    (small.root / "_toc.yml").write_text(json.dumps(toc))
    shutil.copy(execute.WATCH.with_name("checks.md"), small.root / "book")
    table = "from IPython.display import HTML\nHTML(r'<table><tr><td>\\(\\wrong\\)</td></tr></table>')"
    small((r"Good is $\frac12 < 1$; bad are $\frac{1}{2$ and" "\n\n$$\nx^2^3\n$$\n",), "assert 1", table)
    assert at_once("--write")[0] == 0
    status, printed = at_once()
    assert status == 1
    for formula, why in (
        (r"'\\frac{1}{2'", "Missing close brace"),
        (r"'\nx^2^3\n'", "Double exp"),
        (r"'\\wrong'", "Undef"),
    ):
        assert f"notebooks/01_small: MathJax does not read {formula}: {why}" in printed, printed
    assert "frac12" not in printed and not (small.root / "_build" / "html" / ".built").exists()
    page = (small.root / "_build" / "html" / "book" / "checks.html").read_text()
    rows = re.findall(r"<tr.*?</tr>", page[page.index("Cells with code") :], re.S)
    for name, row in zip(("One", "Together"), rows[:2], strict=True):
        assert name in row and re.findall(r">(\d+)<", row) == ["2", "1", "1", "0", "0"], row


def test_the_census_adds_up():
    assert cells.Census(2, 1, 1, 0, 0) + cells.Census(3, 0, 1, 2, 1) == cells.Census(5, 1, 2, 2, 1)


# -- numbers of the text ---------------------------------------------------------------------------------------


def told(*cells):
    """What `claims` says of a chapter of text, code, and pairs of code and what it prints."""
    made = []
    for cell in cells:
        source, printed = cell if isinstance(cell, tuple) else (cell, None)
        kind = "code" if printed is not None else "markdown"
        shown = [output("stream", name="stdout", text=printed)] if printed else []
        made.append({"cell_type": kind, "source": source, "outputs": shown, "metadata": {}})
    return claims.unbacked({"notebooks/99_small": made, "notebooks/98_other": [
        {"cell_type": "code", "source": "x = 0.77", "outputs": [], "metadata": {}}]})  # fmt: skip


RUN = ("steps = 40_000", "loss 0.1234 after 40,000 steps, share 0.347")


@pytest.mark.parametrize(
    "text",
    [
        "The loss is 0.12.",
        "It is $0.123$ nats after 40,000 steps.",
        "About 35% of them, $35\\,\\%$.",
        "In 2016 and 9 times, $\\frac12$.",
    ]
    + [
        "Chapter 98 found 0.77.",
        "So {chap}`97 and 98` found 0.77.",
        "`fit(lr=0.5)` is {eq}`eq-99-0.5`",
        "A 95% interval.",
        "See [this](99.8).",
    ],
)
def test_a_number_that_a_cell_prints_or_writes_is_backed(text):
    assert told(text, RUN) == []


@pytest.mark.parametrize(
    "text",
    ["0.13", "0.1235", "34%", "30,000", "17 of them", "0.77", "$0.5$", "123", "as {chap}`97` has found it, 0.77"],
)
def test_a_number_that_no_cell_has_is_told(text):
    (problem,) = told(f"The loss is {text} here.", RUN)
    assert "notebooks/99_small, cell 1: no cell backs" in problem


def test_a_number_of_the_text_that_no_cell_backs_stops_the_build(small, at_once):
    small(("The loss is 0.13.",), "x = 1")
    status, printed = at_once()
    assert status == 1 and "cell 2: no cell backs 0.13: ...The loss is 0.13...." in printed


def test_what_is_known_for_nothing_is_told(monkeypatch):
    monkeypatch.setitem(claims.KNOWN, "99", {"0.13": "a reason", "0.14": "another"})
    assert told("The loss is 0.13.", RUN) == ["book/claims.py: 0.14 of chapter 99 is known for nothing"]


# -- formulas, without a build ---------------------------------------------------------------------------------


def test_formulas_are_found_where_mathjax_looks():
    page = r"<p>\(a &lt; b\) and \[c\]</p><pre>\(no\)</pre><script>'\(no\)'</script><td><b>\(d</b>\)</td>"
    assert formulas.formulas(page) == [("a < b", False), ("c", True), ("d", False)]


def test_without_node_it_is_said_that_no_formula_was_read(tmp_path, monkeypatch):
    (tmp_path / "a.html").write_text(r"<p>\(\wrong\)</p>")
    monkeypatch.setattr(formulas.shutil, "which", lambda name: None)
    assert formulas.check(tmp_path) == ([], "Formulas: 1, NOT READ, since there is no node on the PATH")
