"""What may be changed in a chapter is marked, derived from, and tried: ``python tests/changed.py`` tries all of it."""

import ast

import alone
import changed
import pytest
from helpers import ROOT

CHAPTERS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_three_lines_are_marked_and_each_has_two_other_values(chapter):
    lines = changed.marked(CHAPTERS[chapter])
    assert len(lines) >= 3 and set(lines) == set(changed.CHANGES[chapter])
    for name, (here, book) in lines.items():
        assert here == book, f"{name} is not what its comment says"
        ours, *others = map(ast.literal_eval, (here, *changed.CHANGES[chapter][name]))
        assert len({*map(repr, (ours, *others))}) == 3
        assert {type(value) for value in others} == {type(ours)}
        for value in changed.CHANGES[chapter][name]:
            text = changed.changed(CHAPTERS[chapter], name, value)
            assert text.count(f"# change me (book: {book})") and text != changed.changed(CHAPTERS[chapter], name, here)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_marked_is_used_later(chapter):
    cells = [cell for cell in changed.main_part(CHAPTERS[chapter])["cells"] if cell["cell_type"] == "code"]
    nodes = [node for cell in cells for node in ast.walk(ast.parse("".join(cell["source"])))]
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for names in changed.marked(CHAPTERS[chapter]):
        assert set(names.split(", ")) <= read, names


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return alone.installed(tmp_path_factory.mktemp("wheel"))


def test_a_changed_world_stops_at_what_holds_in_the_books_only(library, tmp_path):
    told = changed.outcome(CHAPTERS["02"], "WEIGHTS", "0.5, 0.5", library, tmp_path / "changed")
    assert told.startswith(
        "stops: AssertionError: The check len(valleys) == 2 does not hold: len(valleys) is 3. You changed"
    )


def test_what_holds_for_other_values_runs_to_its_end(library, tmp_path):
    assert changed.outcome(CHAPTERS["18"], "TRUE_MEAN", "0.0", library, tmp_path / "changed") == "to its end"


def test_a_chapter_that_stops_for_another_reason_is_seen(library, tmp_path):
    """The check can fail: weights that do not add up to one are no mixture, whoever changed them."""
    told = changed.outcome(CHAPTERS["02"], "WEIGHTS", "0.5, 0.6", library, tmp_path / "changed")
    assert told.startswith("FAILS") and "add up to 1" in told
