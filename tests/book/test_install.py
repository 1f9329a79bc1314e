"""The first cell of every chapter installs the library where it is missing and may be installed: on Colab."""

import importlib.util
import json
import subprocess
import sys

import pytest
from helpers import ROOT

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def first(path):
    return next(c for c in json.loads(path.read_text(encoding="utf8"))["cells"] if c["cell_type"] == "code")


@pytest.fixture
def run(monkeypatch):
    """``run(installed)``: the commands that the cell runs."""

    def run(installed):
        commands = []
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: installed if name == "ganvae_lib" else 1 / 0)
        monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command[1:]))
        exec("".join(first(CHAPTERS[0])["source"]), {})
        return commands

    return run


def test_all_chapters_have_the_same_and_the_page_hides_it():
    cells = [first(path) for path in CHAPTERS]
    assert len({"".join(cell["source"]) for cell in cells}) == 1
    assert all(cell["metadata"] == {"tags": ["remove-cell"]} and not cell["outputs"] for cell in cells)


def test_what_it_does(run, monkeypatch):
    assert run(installed=True) == []
    with pytest.raises(ModuleNotFoundError, match="run `pip install ganvae_lib` first"):
        run(installed=None)
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert run(installed=True) == []
    assert run(installed=None) == [["-m", "pip", "install", "--quiet", "ganvae_lib"]]
