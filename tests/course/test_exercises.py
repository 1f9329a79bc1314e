"""Every exercise: its key passes, a blank fails, typical mistakes are named, another right answer passes.

The answers stand in ``answers_NN.py``: ``other`` takes another way than the solution, ``independent`` was written by
somebody who had seen neither the solution nor the judge, ``wrong`` maps a part of the
message that a wrong answer gets to that answer. Exercises run alone: the imports of the chapter's exercises, what
the exercise gives, the answer.
"""

import contextlib
import functools
import importlib.util
import io
import re

import pytest
from helpers import ROOT
from watching import Watching

from ganvae_course import Answers, Wrong, chapter, check, exercise
from ganvae_course.source import read

FOLDER = ROOT / "tests" / "course"
CHAPTERS = sorted(int(path.stem[2:]) for path in (ROOT / "ganvae_course" / "chapters").glob("ch*.py"))
SOURCES = {number: read(next((ROOT / "notebooks").glob(f"{number:02}_*.ipynb"))) for number in CHAPTERS}
LABELS = [label for number in CHAPTERS for label in chapter(number).exercises]
EVERY = pytest.mark.parametrize("label", LABELS)
VARIANTS = (0, 1, 2)


@functools.cache
def answers_to(chapter):
    path = FOLDER / f"answers_{chapter}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ANSWERS


def answers_of(label):
    return answers_to(label[3:5])[label]


def source_of(label):
    return SOURCES[int(label[3:5])]


def judged(label, answer, variant=0, kind=Answers):
    """Run an answer alone, and judge what it defines, as answers of this ``kind``. What it prints is dropped."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code in (source_of(label).setup, exercise(label).given_code(variant), answer):
            exec(compile(code, f"{label}, variant {variant}", "exec"), names)
    answers = kind(names)
    exercise(label).grade(answers, variant)
    return answers


@EVERY
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_key_passes_and_no_mistake_has_its_values(label, variant):
    watching = judged(label, source_of(label).asked[label].solution, variant, Watching)
    assert watching.unseen(label, variant) == []


@EVERY
@pytest.mark.parametrize("who", ("other", "independent"))
@pytest.mark.parametrize("variant", VARIANTS)
def test_another_right_answer_passes(label, variant, who):
    judged(label, answers_of(label)[who], variant)


@EVERY
def test_a_blank_fails(label):
    with pytest.raises(Wrong, match="still blank"):
        judged(label, exercise(label).blank_code())


@EVERY
def test_typical_mistakes_are_named(label):
    wrong = answers_of(label)["wrong"]
    assert len(wrong) >= 2, f"{label}: at least two wrong answers"
    assert len(set(wrong.values())) == len(wrong)
    for message, answer in wrong.items():
        with pytest.raises(Wrong, match=re.escape(message)):
            judged(label, answer)


@EVERY
def test_the_chapter_shows_the_exercise_as_it_is(label):
    asked, known = source_of(label).asked[label], exercise(label)
    heading, named, headline = asked.text.splitlines()[:3]
    assert heading == f"```{{exercise}} {known.title}" and named == f":label: {label}" and headline == known.headline()
    assert asked.given == known.given_code() and asked.check == known.check_code()
    for name in known.defines:
        assert f"`{name}" in asked.text, f"{label}: the text does not say that {name} is to be defined"
        assert re.search(rf"^\s*({name}\b|.*\b{name}\b.*=|def {name}\()", asked.solution, re.M), f"{label}: {name}"
    assert "check(" not in asked.solution
    for name, value in known.values().items():
        assert name in asked.text, f"{label}: the text does not say what {name} is"
        texts = re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.])", asked.text)
        assert str(value) not in texts, f"{label}: another variant has another {name}; the text says {value}"


@EVERY
def test_a_variant_differs_and_comes_back(label):
    known = exercise(label)
    first = known.values(1)
    assert first == known.values(1)
    if first:
        assert any(known.values(variant) != known.values(0) for variant in (1, 2, 3)), f"{label}: variants are alike"


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_has_enough_of_each(number):
    exercises = chapter(number).exercises
    assert list(exercises) == list(SOURCES[number].asked), "in the chapter's order"
    assert len(exercises) >= 4 and sum(bool(known.values(0)) for known in exercises.values()) >= 4
    assert {known.kind for known in exercises.values()} == {"derive", "predict", "build"}
    assert {known.goal for known in exercises.values()} == set(chapter(number).goals), "every goal is tested"


def test_there_are_120():
    assert len(LABELS) >= 120


def test_a_right_answer_is_told_and_a_wrong_one_raises(capsys):
    known = exercise("ex-07-temperature").values()
    prior, cold = known["prior"], [p * (t > 0) for p, t in zip(known["prior"], known["logit"], strict=True)]
    with pytest.raises(Wrong, match="still blank"):
        check("ex-07-temperature", posterior=..., hot=prior, cold=cold)
    with pytest.raises(Wrong, match="asks for posterior, hot, cold, not for warm"):
        check("ex-07-temperature", warm=1)
    with pytest.raises(ValueError, match="there is no exercise 'ex-07-heat'; chapter 7 has"):
        check("ex-07-heat")
    assert capsys.readouterr().out == ""
