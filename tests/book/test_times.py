"""What a chapter says of its time is what a build has measured."""

from types import SimpleNamespace

import nbformat
import pytest
import times
from helpers import ROOT

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def chapter(text, seconds=30.0):
    cell = nbformat.v4.new_markdown_cell(text)
    return SimpleNamespace(notebook=nbformat.v4.new_notebook(cells=[cell]), seconds=seconds)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem[:2])
def test_each_chapter_says_how_long_its_code_ran(path):
    head = nbformat.read(path, 4).cells[0].source
    assert times.stated(nbformat.read(path, 4)) and "({doc}`../book/times`)" in head


@pytest.mark.parametrize(
    ("said", "took", "then"),
    [(60, 70.0, 60), (60, 76.0, 75), (60, 49.0, 60), (60, 42.0, 40), (20, 1.0, 5), (5, 1.0, 5)],
)
def test_a_time_is_written_again_when_it_is_far_off(said, took, then):
    notebook = chapter(f"# A\n\nthe code ran in {said} seconds.").notebook
    assert times.restated(notebook, took) == (said != then)
    assert notebook.cells[0].source == f"# A\n\nthe code ran in {then} seconds."
    silent = chapter("# A").notebook
    assert not times.restated(silent, took) and silent.cells[0].source == "# A"


def test_the_page_has_a_row_for_each_chapter():
    page = (ROOT / "book" / "times.md").read_text(encoding="utf8")
    assert times.PLACE in page
    notebooks = {"notebooks/01_a": chapter("the code ran in 20 seconds"), "notebooks/02_b": chapter("x", 90.0)}
    text = times.filled(page, notebooks, "Linux, Maker, AVX2")
    assert "| {doc}`/notebooks/01_a` | 20 s | 30 s |\n| {doc}`/notebooks/02_b` | – | 90 s |\n" in text
    assert "The stored times: Linux, Maker, AVX2." in text and "2 minutes in all" in text
