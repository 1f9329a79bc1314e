"""nbval on outputs that the build has kept: what it compares, what it refuses, and when it runs a chapter itself."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from helpers import ROOT

CELLS = (
    "# NBVAL_CHECK_OUTPUT\nprint(6 * 7)",
    "x = 2",
    "import os\n\nprint(os.getpid())",  # whose output is another in each kernel
    "# NBVAL_CHECK_OUTPUT\n3 + 4",
)
TRAP = """
import replayed, nbval.plugin
def never(self):
    raise AssertionError("a kernel was started")
replayed.started = never
"""


@pytest.fixture
def built(small):
    """The small chapter, run by the build's own runner and stored with its outputs."""
    import execute

    small(*CELLS)
    notebook = nbformat.read(small.chapter, as_version=4)
    chapter = execute.executed(small.root, small.chapter, execute.environment_key(small.root), 60)
    for cell, ran in zip(execute.code_cells(notebook), execute.code_cells(chapter.notebook), strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    nbformat.write(notebook, small.chapter)
    return small


def nbval(small, trap=True):
    (small.root / "trap.py").write_text(TRAP if trap else "import replayed")
    options = "-q -p nbval.plugin -p trap -p no:cacheprovider --nbval-lax --rootdir".split()
    places = os.pathsep.join([str(small.root), str(ROOT / "tests"), str(ROOT / "book"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(small.root), str(small.chapter)],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": places},
        cwd=small.root,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_chapter_that_the_build_has_run_is_compared_and_not_run_again(built):
    status, said = nbval(built)
    assert status == 0 and re.search(r"\b4 passed", said), said

    ran = wrong = built.chapter.read_text(encoding="utf8")
    for true, false in (('"42\\n"', '"43\\n"'), ('"text/plain": [\n       "7"', '"text/plain": [\n       "8"')):
        assert ran.count(true) == 1, true
        wrong = wrong.replace(true, false)
    built.chapter.write_text(wrong, encoding="utf8")
    status, said = nbval(built)
    assert status == 1 and re.search(r"\b2 failed, 2 passed", said) and "Cell outputs differ" in said, said

    built.chapter.write_text(ran.replace('"x = 2"', '"x = 1 / 0"'), encoding="utf8")
    status, said = nbval(built)
    assert status == 1 and "a kernel was started" in said, said
    status, said = nbval(built, trap=False)
    assert status == 1 and "ZeroDivisionError" in said, said
