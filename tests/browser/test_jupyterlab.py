"""Chapters as ``make lab`` opens them: in JupyterLab, with a kernel. Run all, drag, change, interrupt, restart.

It takes minutes; GANVAE_LAB=0 leaves it out.
"""

import os
from contextlib import contextmanager

import pytest
from helpers import ROOT
from jupyterlab_page import Notebook, server, text_of
from lab import main as copies

pytestmark = pytest.mark.skipif(os.environ.get("GANVAE_LAB") == "0", reason="GANVAE_LAB=0")
CHAPTERS = {path.name[:2]: path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


@pytest.fixture(scope="module")
def address(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("lab")
    copies(folder / "notebooks")
    with server(folder) as address:
        yield address


@contextmanager
def opening(address, browser):
    notebooks = []

    def opened(chapter):
        notebooks.append(Notebook(browser, address.format(CHAPTERS[chapter])))
        return notebooks[-1]

    yield opened
    for notebook in notebooks:
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
        notebook.page.close()


@pytest.fixture
def opened(address, browser):
    """``opened("02")``: an open chapter, with a kernel of its own."""
    with opening(address, browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def untouched(address, browser):
    """Chapter 02, opened once for two tests, of which the first runs nothing."""
    with opening(address, browser) as opened:
        yield opened("02")


def drags_and_hears_keys(notebook):
    """The first slider of chapter 02 moves by the mouse and by keys, and so do the four divergences."""
    notebook.go("kl-19")
    page, figure = notebook.page, notebook.page.locator("#two-directions")
    slider, shown = figure.locator("input[name=mean]"), figure.locator("td.value")
    before, box = shown.all_inner_texts(), slider.bounding_box()
    low, high, value = (float(slider.get_attribute(name)) for name in ("min", "max", "value"))
    x, y = box["x"] + box["width"] * (value - low) / (high - low), box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=5)
    page.mouse.up()
    dragged = float(slider.input_value())
    assert dragged > value + 0.5
    assert all(a != b for a, b in zip(before, shown.all_inner_texts(), strict=True))
    page.keyboard.press("ArrowRight")  # the slider hears it, and the notebook does not
    assert dragged < float(slider.input_value()) < dragged + 0.2


@pytest.mark.parametrize("chapter", ["02", "04", "14"])
def test_run_all_runs_to_the_end(opened, chapter):
    notebook = opened(chapter)
    notebook.command("notebook:run-all-cells")
    notebook.finish(600)
    assert notebook.wrong() == []
    code = [cell for cell in notebook.cells().values() if cell["type"] == "code"]
    assert sorted(cell["count"] for cell in code) == list(range(1, len(code) + 1))
    if chapter == "02":
        drags_and_hears_keys(notebook)


def test_what_is_opened_reads_like_the_book(untouched):
    """Before a kernel has run anything: numbers, citations and captions are text, and a stored figure says what to do."""
    notebook, page = untouched, untouched.page.locator(".jp-Notebook")
    notebook.go("kl-05")
    page.get_by_text("Lemma 2.2 (Forward KL matches moments)").first.wait_for()
    page.locator(".katex").nth(10).wait_for()
    assert page.locator(".katex-error").count() == 0
    notebook.go("kl-10-said")
    page.get_by_text("Figure 2.2. Forward KL has one valley").first.wait_for()
    notebook.go("kl-19")
    page.get_by_text("Run this cell").first.wait_for()
    assert page.locator("#two-directions script").count() == 0  # the stored one is not trusted
    notebook.go("kl-61")
    page.get_by_text("The Jensen-Shannon divergence is due to Lin (1991)").first.wait_for()
    shown = page.inner_text()
    assert "{prf" not in shown and "not found" not in shown


def test_a_changed_world_and_a_cell_out_of_order_say_what_they_need(untouched):
    notebook = untouched
    said = text_of(notebook.run("kl-06"))  # the first cell to be run
    assert "NameError: name 'torch' is not defined. The cell that makes it has not run" in said
    notebook.type_over("kl-02", "0.35, 0.65  # change me", "0.20, 0.80  # change me")
    said = text_of(notebook.run("kl-02", "kl-08"))
    assert "name 'starts' is not defined" in said and "begins with 'weights, means, stds" in said
    said = text_of(notebook.run("kl-04", "kl-06", "kl-08"))
    assert "You changed what comes before: WEIGHTS is 0.20, 0.80, where the book has 0.35, 0.65" in said


def test_fit_is_interrupted_and_the_kernel_restarted(opened):
    """In the middle of "run all": fit says where it is and how to go on, and the next check says what does not hold."""
    notebook = opened("04")
    run = "c048"  # trains five GANs
    assert notebook.cells()[run]["outputs"], "the stored ones"
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    notebook.command("notebook:run-all-cells")
    notebook.begun(run)
    notebook.interrupt()
    notebook.finish(300)
    said = text_of(notebook.cells()[run]["outputs"])
    assert "fit was interrupted at step" in said and "goes on" in said
    assert [one for one, *_ in notebook.wrong()] == [run]  # its check needs five whole trainings
    notebook.restart()
    assert "Error" not in text_of(notebook.run("c001"))


def test_the_live_composer_trains_and_stops(opened):
    notebook = opened("14")
    live = "c14-own-03"
    notebook.type_over(live, "False", "True")
    notebook.run(live)
    page = notebook.page
    cell = page.locator(".jp-Cell.jp-mod-active")
    button = lambda name: page.get_by_role("button", name=name, exact=True)
    said = cell.locator(".widget-html")
    graph = cell.locator("img.widget-image").first
    graph.wait_for(state="visible")
    assert graph.evaluate("i => i.complete && i.naturalWidth > 100"), "the first picture is blank"

    cell.locator(".noUi-handle").press("End")  # as many steps as there may be: a page that is busy sees them, too
    button("Train").click()
    said.filter(has_text="of 3,000").first.wait_for()
    button("Stop").click()
    said.filter(has_text="stopped at step").wait_for()  # not "done"; how soon: test_compose, in seconds of computing
    title = said.filter(has_text="Result of")
    title.filter(has_text="VAE").filter(has_text="tool for x: nothing").wait_for()
    cell.locator("select").first.select_option("MMD")
    said.filter(has_text="no name in the zoo").first.wait_for()  # the model above is another
    assert "tool for x: nothing" in title.inner_text()  # the result is still that of the VAE, and says so
    assert text_of(notebook.cells()[live]["outputs"]).count("Error") == 0
