"""What is made for students holds no solution; the key is right; the forms for graders are as their tools read them."""

import json
import re

import pytest
from helpers import ROOT
from test_exercises import CHAPTERS, SOURCES, answers_of

from ganvae_course import chapter
from ganvae_course.making import make, spoken

EVERY = pytest.mark.parametrize("number", CHAPTERS)


def notebook(path):
    return json.loads(path.read_text(encoding="utf8"))


def pieces(solution):
    """The lines of a solution that only it has: long enough to be found nowhere by chance."""
    return {line.strip() for line in solution.splitlines() if len(line.strip()) > 12 and "=" in line}


@EVERY
@pytest.mark.parametrize("variant", (0, 3))
def test_a_student_gets_no_solution(number, variant, tmp_path):
    """Not in a source, not in metadata, not in an output: the whole file is searched."""
    make(number, tmp_path, variant)
    whole = (tmp_path / f"{number:02}_student.ipynb").read_text(encoding="utf8")
    texts = [cell["source"] for cell in json.loads(whole)["cells"]]
    assert all(not cell.get("outputs") for cell in json.loads(whole)["cells"])
    for label, asked in SOURCES[number].asked.items():
        stated = asked.text + asked.given + SOURCES[number].setup
        for line in pieces(asked.solution):
            if line not in stated:
                assert line not in whole and json.dumps(line)[1:-1] not in whole, f"{label}: {line}"
        for sentence in re.split(r"(?<=[.?!])\s+", asked.told.strip()):
            if len(sentence) > 25:
                assert not any(sentence in text or spoken(sentence) in text for text in texts), f"{label}: {sentence}"
        for answer in answers_of(label)["wrong"].values():
            assert answer.strip() not in whole


@EVERY
def test_the_notebook_asks_what_the_chapter_asks(number, tmp_path):
    make(number, tmp_path, variant=2)
    cells = notebook(tmp_path / f"{number:02}_student.ipynb")["cells"]
    key = notebook(tmp_path / f"{number:02}_key.ipynb")["cells"]
    by = {
        (cell["metadata"].get("ganvae", {}).get("exercise"), cell["metadata"].get("ganvae", {}).get("role")): cell
        for cell in cells
    }
    answered = {
        cell["metadata"]["ganvae"]["exercise"]: cell["source"]
        for cell in key
        if cell["metadata"].get("ganvae", {}).get("role") == "answer"
    }
    for label, exercise in chapter(number).exercises.items():
        assert by[label, "answer"]["source"] == exercise.blank_code()
        assert answered[label] == SOURCES[number].asked[label].solution.strip()
        checked = by[label, "check"]["source"]
        assert checked.startswith("check(") and f'"{label}", variant=2,' in checked
        if exercise.values(2):
            assert by[label, "given"]["source"] == exercise.given_code(2)
        text = by[label, "exercise"]["source"]
        assert not re.search(r"\{[a-z:]+\}`|```\{", text), (
            f"{label}: what only the book can show stands in the notebook"
        )
        assert all(f"`{name}`: {meaning}" in text for name, meaning in exercise.defines.items())


@EVERY
def test_the_forms_for_graders(number, tmp_path):
    make(number, tmp_path, 1, forms=("nbgrader", "otter"))
    exercises = chapter(number).exercises
    source = notebook(tmp_path / f"nbgrader/source/{number:02}/{number:02}.ipynb")
    noted = [cell["metadata"]["nbgrader"] for cell in source["cells"]]
    assert len({one["grade_id"] for one in noted}) == len(noted), "nbgrader finds a cell by its name"
    graded = {one["grade_id"]: one["points"] for one in noted if one["grade"]}
    assert graded == {f"{label}-check": exercise.points for label, exercise in exercises.items()}
    for cell, one in zip(source["cells"], noted, strict=True):
        if one["solution"]:
            lines = cell["source"].splitlines()
            assert (lines[0], lines[-1]) == ("### BEGIN SOLUTION", "### END SOLUTION") and not one["locked"]
        elif one["grade"]:  # points are read from what the cell puts out: it must end in no value
            assert cell["source"].startswith("check(") and one["locked"]
    assigned = notebook(tmp_path / f"otter/{number:02}.ipynb")["cells"]
    raw = [cell["source"] for cell in assigned if cell["cell_type"] == "raw"]
    assert raw[0].startswith("# ASSIGNMENT CONFIG")
    assert sum(text.startswith("# BEGIN QUESTION") for text in raw) == raw.count("# END QUESTION") == len(exercises)
    solved = [cell["source"] for cell in assigned if "# END SOLUTION" in cell["source"] and cell["cell_type"] == "code"]
    assert len(solved) == len(exercises)
    for text in solved:  # only a block is removed whole
        assert text.count("# BEGIN SOLUTION") == text.count("# END SOLUTION") == 1 and text.endswith("# END SOLUTION")
    for cell in assigned:
        if cell["source"].startswith("check("):
            assert re.fullmatch(r"ex-\S+: right \(\d points?\)\.\n", cell["outputs"][0]["text"])


def test_references_become_words():
    assert spoken("by {eq}`eq-ada`, {doc}`08_the_hidden_adversary`") == "by Eq. `eq-ada` of the book, chapter 08"
    assert (
        spoken("{cite:t}`zhu2017unpaired` says; {cite:p}`a2016b,c2017d`")
        == "Zhu et al. [2017] says; A et al. [2016], C et al. [2017]"
    )
    assert spoken("{cite:t}`bornschein2015reweighted` are two") == "Bornschein and Bengio [2015] are two"


def test_exercises_can_be_chosen_and_files_come_back_equal(tmp_path):
    labels = list(chapter(7).exercises)[:2]
    first = make(7, tmp_path / "a", 5, labels)
    again = make(7, tmp_path / "b", 5, labels)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert [path.name for path in first] == ["07_student.ipynb", "07_key.ipynb", "07_grader.json"]
    with pytest.raises(ValueError, match="make homework in a clone of the book"):
        make(7, tmp_path, book=ROOT / "tests")
