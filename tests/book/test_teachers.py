"""The page for teachers: its syllabi name what is there, its commands run, and lead from a clone to a graded class."""

import json
import re
import shlex

import pytest
import slides
import syllabus
from bs4 import BeautifulSoup
from helpers import ROOT

from ganvae_course import chapter
from ganvae_lib.__main__ import main

PAGE = (ROOT / "book" / "teachers.md").read_text(encoding="utf8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()]


def headings(number):
    path = next((ROOT / "notebooks").glob(f"{number:02}_*.ipynb"))
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines()]
    return {line.lstrip("# ") for line in lines if line.startswith(("## ", "### "))}


@pytest.mark.parametrize("weeks", syllabus.COURSES)
def test_a_syllabus_names_what_is_there(weeks):
    course = syllabus.COURSES[weeks]
    assert len(course) == weeks
    for week in course:
        assert set(week.homework) <= set(week.chapters)
        there = set().union(*map(headings, week.chapters))
        assert set(week.skip) <= there, set(week.skip) - there
        for number in week.homework or week.chapters:
            exercises = chapter(number).exercises
            chosen = syllabus.essential(exercises)
            assert {exercises[label].goal for label in chosen} == set(chapter(number).goals)
    if weeks == 12:
        assert {number for week in course for number in week.chapters} == set(syllabus.numbers())


def test_what_a_chapter_leaves_out_for_a_lecture_is_a_section_of_it():
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = "".join(json.loads(path.read_text(encoding="utf8"))["cells"][0]["source"])
        if line := re.search(r"\*\*For a lecture\*\* of ninety minutes leave out (.*)", text):
            found[int(path.name[:2])] = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", line[1]))
    assert {1, 2, 4, 7, 12, 18} <= set(found)
    for number, names in found.items():
        assert names and names <= headings(number), (number, names - headings(number))


def test_the_tables_are_made_from_the_exercises():
    page = syllabus.filled(PAGE, ROOT / "_toc.yml")
    assert "% " not in page
    exercises = chapter(7).exercises
    minutes = sum(one.minutes for one in exercises.values())
    assert f"### Chapter 7: {len(exercises)} exercises" in page and f"{minutes} minutes" in page
    assert all(f"{{ref}}`{label}`" in page for label in exercises)
    week = sum(exercises[label].minutes for label in syllabus.essential(exercises))
    week += sum(chapter(8).exercises[label].minutes for label in syllabus.essential(chapter(8).exercises))
    row = next(line for line in page.splitlines() if line.startswith("| 4 | One formulation"))
    assert row.endswith(f"| {week} |")


def test_the_exercises_that_the_page_names_are_there():
    named = re.findall(r"\bex-\d\d-\w+", PAGE)
    assert len(named) == 2 and all(label in chapter(int(label[3:5])).exercises for label in named)


def test_the_hour_of_a_lecturer(tmp_path, monkeypatch, capsys):
    """The page's own commands, from the third on: five notebooks come back and are graded."""
    lines = [line for line in COMMANDS if line.startswith("python -m ganvae_lib")]
    assert len(COMMANDS) - 1 <= 10  # the last block is for other tools
    monkeypatch.chdir(tmp_path)
    for line in lines[:2]:
        assert main(shlex.split(line)[3:]) == 0
    key = json.loads((tmp_path / "homework" / "07_key.ipynb").read_bytes())
    blank = json.loads((tmp_path / "homework" / "07_student.ipynb").read_bytes())
    (tmp_path / "answers").mkdir()
    for done, student in enumerate(("ada", "ben", "cleo", "dan", "eve")):
        cells = [
            right if place < 2 + 4 * done else empty
            for place, (right, empty) in enumerate(zip(whole(key), blank["cells"], strict=True))
        ]
        (tmp_path / "answers" / f"{student}.ipynb").write_text(json.dumps(blank | {"cells": cells}), encoding="utf8")
    (line,) = [line for line in lines if " grade " in line]
    arguments = [
        str(path) for word in shlex.split(line)[3:] for path in (sorted(tmp_path.glob(word)) if "*" in word else [word])
    ]
    capsys.readouterr()
    assert main(arguments) == 0
    rows = (tmp_path / "homework" / "grades.csv").read_text(encoding="utf8").splitlines()
    points = [one.points for one in chapter(7).exercises.values()]
    assert [int(row.split(",")[1]) for row in rows[1:]] == [sum(points[:done]) for done in range(5)]
    assert "ada.ipynb" in capsys.readouterr().out


def whole(key):
    """The cells of a key without those that only it has: what an answer looks like in a student's notebook."""
    return [cell for cell in key["cells"] if cell["metadata"].get("ganvae", {}).get("role") != "solution"]


# -- slides ----------------------------------------------------------------------------------------------------

CHAPTER = """<link rel="stylesheet" href="../_static/a.css"><link rel="icon" href="x"><article><section id="top">
<h1>3. Title<a class="headerlink" href="#top">#</a></h1><div class="admonition-what-you-will-learn"><ul><li>a thing</li></ul></div>
<section id="one"><h2>3.1. One</h2><p>First, by <a href="#eq-a">Eq. 1</a> of <a href="d.html#b">b</a>.</p><div class="math" id="eq-a">$a$</div><p>Second.</p>
<div class="proof lemma admonition" id="lem-a"><p>Statement</p></div><div class="proof admonition" id="proof"><p>Because</p></div>
<div class="cell"><div class="cell_input">x = 1</div><figure id="fig-a"><img src="../a.png"></figure></div>
<div class="cell"><figure>moving<script>1</script></figure></div></section>
<section id="exercises"><h2>Exercises</h2><p>Do.</p></section></section></article>
<script>window.MathJax = {}</script><script>other()</script>"""


def test_slides_show_what_a_lecture_shows():
    page = BeautifulSoup(CHAPTER, "html.parser")
    title, first, lemma, figure = slides.of_chapter(page, "../c.html")
    assert title.startswith('<section><h1><a href="../c.html#top">3. Title</a></h1><ul>')
    assert "First" in first and "$a$" in first and "Second" not in first and 'href="../c.html#eq-a"' in first
    assert 'href="../d.html#b"' in first  # a deck is in another folder than the chapters
    assert "Statement" in lemma and "3.1. One" in lemma and 'href="../c.html#one"' in lemma
    assert "../a.png" in figure and "id=" not in first + lemma + figure
    assert slides.head_of(page).count("\n") == 1 and "MathJax" in slides.head_of(page)


def test_a_subsection_has_slides_of_its_own():
    inner = """<section id="inner"><h3>3.1.1. Inner</h3><p>Within.</p><div class="math" id="eq-b">$b$</div>
<div class="proof lemma admonition" id="lem-b"><p>Another</p></div></section>"""
    page = BeautifulSoup(
        CHAPTER.replace('</section>\n<section id="exercises"', f'{inner}</section>\n<section id="exercises"'),
        "html.parser",
    )
    *_, first, lemma = slides.of_chapter(page, "../c.html")
    assert (
        first.startswith('<section><h2><a href="../c.html#inner">3.1.1. Inner</a></h2><p>Within.</p>')
        and "$b$" in first
    )
    assert "Another" in lemma and "3.1.1. Inner" in lemma and len(slides.of_chapter(page, "../c.html")) == 6


def test_a_deck_a_part(tmp_path):
    toc = ROOT / "_toc.yml"
    decks = slides.decks(toc)
    assert len(decks) == 5 and sum(len(chapters) for _, chapters in decks.values()) == len(
        list((ROOT / "notebooks").glob("*.ipynb"))
    )
    for _, chapters in decks.values():
        for chapter_name in chapters:
            (tmp_path / chapter_name).parent.mkdir(exist_ok=True)
            (tmp_path / f"{chapter_name}.html").write_text(CHAPTER, encoding="utf8")
    counts = slides.write(tmp_path, toc)
    assert counts == {name: 1 + 4 * len(chapters) for name, (_, chapters) in decks.items()}
    text = (tmp_path / "slides" / "part-1.html").read_text(encoding="utf8")
    assert text.count("<section>") == counts["part-1"] and "../_static/slides.js" in text
