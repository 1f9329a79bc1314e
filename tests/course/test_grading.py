"""Grading: thirty notebooks get the right table, whatever their code does; a killed grading goes on where it stopped."""

import csv
import json
import multiprocessing
import subprocess
import threading
import time

import pytest
import torch
from children import child
from helpers import ROOT

from ganvae_course import Wrong, chapter
from ganvae_course.grading import Grader, cells_of, grade, grader_beside
from ganvae_course.making import make
from ganvae_course.remote import Limits, Remote, answers, pack, unpack
from ganvae_lib.__main__ import main as command

CHAPTER = 7
LABELS = list(chapter(CHAPTER).exercises)
SHORT = Limits(seconds=10.0, megabytes=1024)


@pytest.fixture(scope="module")
def homework(tmp_path_factory):
    folder = tmp_path_factory.mktemp("homework")
    make(CHAPTER, folder, variant=3)
    return folder


def edited(notebook, change):
    """A copy of a notebook whose cells ``change(cell, label, role)`` has changed in place; False drops a cell."""
    content = json.loads(json.dumps(notebook))
    kept = []
    for cell in content["cells"]:
        noted = cell["metadata"].get("ganvae", {})
        if change(cell, noted.get("exercise"), noted.get("role")) is not False:
            kept.append(cell)
    content["cells"] = kept
    return content


def for_one(label, code, role="answer"):
    """Put a code in the place of one exercise's answer."""

    def change(cell, at, part):
        if at == label and part == role:
            cell["source"] = code

    return change


def everywhere(role, code):
    def change(cell, at, part):
        if part == role:
            cell["source"] = code

    return change


def only(labels):
    """Leave the answers to other exercises blank."""

    def change(cell, at, part):
        if part == "answer" and at not in labels:
            cell["source"] = "\n".join(f"{name} = ..." for name in chapter(CHAPTER).exercises[at].defines)

    return change


def without_notes(cell, label, role):
    cell["metadata"] = {}


def deleted(role):
    return lambda cell, label, part: part != role


def after(label, code):
    """Put a code behind an answer."""

    def change(cell, at, part):
        if at == label and part == "answer":
            cell["source"] += "\n" + code

    return change


FIRST, LAST = LABELS[0], LABELS[-1]
CALLED = "ex-07-temperature"  # asks for a function, ``posterior``
NAME = next(iter(chapter(CHAPTER).exercises[FIRST].defines))
REST = set(LABELS) - {FIRST}
# name: how the key is changed, and the exercises that then get their points.
SUBMISSIONS = {
    "key": (lambda *cell: None, set(LABELS)),
    "without_notes": (without_notes, set(LABELS)),
    "checks_deleted": (deleted("check"), set(LABELS)),
    "setup_deleted": (deleted("setup"), set(LABELS)),
    "givens_deleted": (deleted("given"), set(LABELS)),
    "blank": (only(()), set()),
    "first_only": (only({FIRST}), {FIRST}),
    "last_only": (only({LAST}), {LAST}),
    "two": (only({FIRST, LAST}), {FIRST, LAST}),
    "an_answer_deleted": (lambda cell, at, role: not (at == FIRST and role == "answer"), REST),
    "an_exercise_deleted": (lambda cell, at, role: at != FIRST, REST),
    "nothing_left": (lambda *cell: False, set()),
    "syntax_error": (for_one(FIRST, "def wrong(:"), REST),
    "raises": (for_one(FIRST, "1 / 0"), REST),
    "loops": (for_one(FIRST, "while True:\n    pass"), REST),
    "sleeps": (for_one(FIRST, "import time\ntime.sleep(1000)"), REST),
    "a_function_loops": (
        after(CALLED, "def posterior(*arguments):\n    while True:\n        pass"),
        set(LABELS) - {CALLED},
    ),
    "exits": (for_one(FIRST, "import os\nos._exit(0)"), REST),
    "kills_itself": (for_one(FIRST, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), REST),
    "quits": (after(FIRST, "raise SystemExit"), set(LABELS)),
    "fills_the_memory": (for_one(FIRST, "held = []\nwhile True:\n    held.append(torch.ones(10**6))"), REST),
    "huge_output": (after(FIRST, "print('x' * 10**8)"), set(LABELS)),
    "huge_answer": (after(FIRST, f"{NAME} = torch.zeros(10**8)"), REST),
    "an_object": (after(FIRST, f"class Mine: pass\n{NAME} = Mine()"), REST),
    "own_check": (
        lambda cell, at, role: everywhere("check", "def check(*a, **b):\n    print('right')")(cell, at, role),
        set(LABELS),
    ),
    "own_check_and_blank": (
        lambda cell, at, role: (
            only(())(cell, at, role),
            everywhere("check", "print('right (3 points)')")(cell, at, role),
        )[0],
        set(),
    ),
    "judges_replaced": (
        lambda cell, at, role: (
            only(())(cell, at, role),
            everywhere(
                "setup", "import ganvae_course.exercise as e\ne.Exercise.grade = lambda *a: None\ntorch.allclose = 1"
            )(cell, at, role),
        )[0],
        set(),
    ),
    "everything_is_equal": (
        after(FIRST, f"class Yes(float):\n    __eq__ = lambda *a: True\n    __sub__ = lambda *a: 0\n{NAME} = Yes(9)"),
        REST,
    ),
    "magics": (after(FIRST, "%matplotlib inline\n!echo\n?print"), set(LABELS)),
    "threads_and_files": (
        after(FIRST, "open('mine.txt', 'w').write('x')\nimport warnings\nwarnings.warn('odd')"),
        set(LABELS),
    ),
}


def test_thirty_notebooks_get_the_right_table(homework, tmp_path):
    key = json.loads((homework / "07_key.ipynb").read_bytes())
    assert len(SUBMISSIONS) == 30
    for name, (change, _) in SUBMISSIONS.items():
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(edited(key, change)), encoding="utf8")
    grader = Grader.load(homework / "07_grader.json")
    paths = sorted(tmp_path.glob("*.ipynb"), key=lambda path: path.stem != "sleeps")  # it waits while others compute
    table = grade(paths, grader, tmp_path, Limits(seconds=4.0, megabytes=1024), jobs=2)
    full = {name: {one.label for one in marks if one.points == one.of} for name, marks in table.items()}
    wanted = {f"{name}.ipynb": right for name, (_, right) in SUBMISSIONS.items()}
    assert full == wanted, {name: table[name] for name in full if full[name] != wanted[name]}
    assert all(one.failed and not one.points for marks in table.values() for one in marks if one.points != one.of)
    rows = list(csv.DictReader((tmp_path / "grades.csv").read_text(encoding="utf8").splitlines()))
    points = {label: asked.points for label, asked in chapter(CHAPTER).exercises.items()}
    assert {row["notebook"]: int(row["points"]) for row in rows} == {
        name: sum(points[label] for label in right) for name, right in wanted.items()
    }
    assert {int(row["of"]) for row in rows} == {sum(points.values())}
    said = {name: marks[0].failed for name, marks in table.items()}
    assert "stopped after 4 s" in said["loops.ipynb"] and any(
        "stopped after 4 s" in one.failed for one in table["a_function_loops.ipynb"]
    )
    assert "ended by signal 9" in said["kills_itself.ipynb"] and "still blank" in said["blank.ipynb"]
    assert "ZeroDivisionError" in said["raises.ipynb"] and "SyntaxError" in said["syntax_error.ipynb"]
    assert said["an_exercise_deleted.ipynb"] == "it is not in the notebook."


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"cells": 3}', b'{"cells": [3]}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_file_that_is_no_notebook_costs_itself_only(homework, tmp_path, content):
    (tmp_path / "odd.ipynb").write_bytes(content)
    grader = Grader.load(homework / "07_grader.json")
    table = grade([tmp_path / "odd.ipynb"], grader, tmp_path)
    assert {one.failed for one in table["odd.ipynb"]} <= {"odd.ipynb is no notebook.", "it is not in the notebook."}
    assert not sum(one.points for one in table["odd.ipynb"])


def test_the_numbers_of_a_notebook_are_not_believed(homework, tmp_path):
    """Who solves the book's numbers, and writes them in the place of those given, has not solved the homework."""
    make(CHAPTER, tmp_path / "book", variant=0)
    key = json.loads((tmp_path / "book" / "07_key.ipynb").read_bytes())
    fixed = {label: asked for label, asked in chapter(CHAPTER).exercises.items() if asked.values(3) != asked.values(0)}
    label = next(iter(fixed))
    named = "\n".join(f"{name} = {value!r}" for name, value in fixed[label].values(0).items())

    def change(cell, at, role):
        if at == label and role == "answer":
            cell["source"] = named + "\n" + cell["source"]

    (tmp_path / "other.ipynb").write_text(json.dumps(edited(key, change)), encoding="utf8")
    marks = grade([tmp_path / "other.ipynb"], Grader.load(homework / "07_grader.json"), tmp_path)["other.ipynb"]
    assert next(one.points for one in marks if one.label == label) == 0


def test_a_killed_grading_goes_on_where_it_stopped(homework, tmp_path):
    key = json.loads((homework / "07_key.ipynb").read_bytes())
    for number in range(6):
        slow = edited(key, after(FIRST, "import time\ntime.sleep(1)"))
        slow["metadata"]["number"] = number
        (tmp_path / f"{number}.ipynb").write_text(json.dumps(slow), encoding="utf8")
    paths = sorted(map(str, tmp_path.glob("?.ipynb")))
    grader = homework / "07_grader.json"
    asked = ["-m", "ganvae_lib", "course", "grade", *paths, "--grader", grader, "--out", tmp_path]
    process = child(*asked, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=None)
    graded = tmp_path / "graded"
    while len(list(graded.glob("*.json"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "grades.csv").exists()
    first = {path.name: path.stat().st_mtime_ns for path in graded.glob("*.json")}
    assert 2 <= len(first) < 6
    table = grade([tmp_path / f"{n}.ipynb" for n in range(6)], Grader.load(grader), tmp_path)
    assert {name: (graded / name).stat().st_mtime_ns for name in first} == first, "what was finished is kept"
    assert all(one.points == one.of for marks in table.values() for one in marks) and len(table) == 6


def test_a_changed_notebook_and_a_damaged_mark_are_graded_again(homework, tmp_path):
    grader = Grader.load(homework / "07_grader.json")
    key = (homework / "07_key.ipynb").read_bytes()
    path, record = tmp_path / "one.ipynb", tmp_path / "graded" / "one.json"
    path.write_bytes(key)
    total = sum(one.points for one in grade([path], grader, tmp_path)["one.ipynb"])
    assert total == grader.points
    record.write_text(
        record.read_text(encoding="utf8").replace(f'"points": {grader.exercises[0].points}', '"points": 99')
    )
    assert sum(one.points for one in grade([path], grader, tmp_path)["one.ipynb"]) == total
    path.write_bytes((homework / "07_student.ipynb").read_bytes())
    assert sum(one.points for one in grade([path], grader, tmp_path)["one.ipynb"]) == 0


def test_values_travel_and_nothing_else_does():
    for value in (1, 2.5, True, "KL", [1, [2.0]], {"a": 1}):
        assert unpack(json.loads(json.dumps(pack(value)))) == value
    for tensor in (
        torch.randn(3, 2, dtype=torch.float64),
        torch.arange(4),
        torch.tensor([True, False]),
        torch.zeros(0),
    ):
        got = unpack(json.loads(json.dumps(pack(tensor))))
        assert torch.equal(got, tensor) and got.dtype == tensor.dtype
    for odd in (
        {"tensor": "AAAA", "dtype": "torch.float64", "shape": [1]},
        {"tensor": "", "dtype": "x", "shape": []},
        3,
        {"list": 3},
    ):
        with pytest.raises(ValueError):
            unpack(odd)


def test_a_function_elsewhere_is_called_with_values():
    with answers(
        [
            "def double(x): return [2 * x, {'n': x.shape[0]}]",
            "def stop(x): raise KeyError('k')",
            "def triple(x): return 3 * x[None]",
        ],
        SHORT,
    ) as given:
        twice, facts = given.call("double", torch.ones(3))
        assert torch.equal(twice, 2 * torch.ones(3, dtype=torch.float64)) and facts == {"n": 3}
        with pytest.raises(Wrong, match=r"stop raised KeyError: 'k', when it was called with 1\."):
            given.call("stop", 1)
        with pytest.raises(Wrong, match=r"triple\(\.\.\.\) must have the shape \[3\]; it has \[1, 3\]\."):
            given.values("triple", torch.ones(3), shape=(3,))


def test_who_waits_has_not_computed():
    """A busy machine costs no points: a second of computing may take longer by the clock, but not for ever."""
    begun = time.monotonic()
    with answers(["import time", "time.sleep(1.5)", "share = 1 / 4"], Limits(seconds=1.0)) as given:
        assert given.number("share") == 0.25
    with pytest.raises(Wrong, match=r"stopped after 1 s"), answers(["while True: pass"], Limits(seconds=1.0)):
        pass
    with pytest.raises(Wrong, match=r"stopped after 0\.2 s"), answers(["import time", "time.sleep(1e6)"], Limits(0.2)):
        pass
    assert time.monotonic() - begun < 60


def test_to_load_torch_is_not_counted():
    here, there = multiprocessing.Pipe()

    def late():
        for said in ({"counted": False}, {"ready": ""}, {"got": {"value": 3}}):
            time.sleep(0.3 if "counted" in said else 0)
            there.send_bytes(json.dumps(said).encode())

    thread = threading.Thread(target=late)
    thread.start()
    assert Remote(here, None, Limits(seconds=0.2)).read("share") == 3
    thread.join()


def test_the_commands_say_what_is_wrong(homework, tmp_path, capsys):
    assert command(["course", "grade", str(tmp_path / "x.ipynb")]) == 1
    assert "there is no notebook" in capsys.readouterr().err
    (tmp_path / "x.ipynb").write_text("{}")
    assert command(["course", "grade", str(tmp_path / "x.ipynb")]) == 1
    assert "no grader beside the notebooks" in capsys.readouterr().err
    assert command(["course", "grade", str(tmp_path / "x.ipynb"), "--grader", str(tmp_path / "y.json")]) == 1
    assert "`course make` writes one" in capsys.readouterr().err
    (tmp_path / "grader.json").write_text("{}")
    assert command(["course", "grade", str(tmp_path / "x.ipynb")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    for wrong in (["course", "make", "25"], ["course", "make", "7", "--form", "pdf"], ["course", "make", "7", "--variant", "-1"],
                  ["course", "make", "7", "--exercises", "ex-07-no"], ["course", "list", "25"]):  # fmt: skip
        assert command([*wrong, *(["--out", str(tmp_path)] if "make" in wrong else [])]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert grader_beside([homework / "07_key.ipynb"]) == homework / "07_grader.json"
    assert set(cells_of(homework / "07_key.ipynb")) == {"", *LABELS}
