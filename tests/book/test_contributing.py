"""CONTRIBUTING.md is true: its rooms are there, in the order in which arrows run, its files exist, its code runs."""

import re

import pytest
from helpers import ROOT
from test_house import FLOORS, LIBRARY

from ganvae_lib import LINKS, ROLES, data
from ganvae_lib.objective import TERMS

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
ROOMS = {name: rooms.split("`")[1::2] for name, rooms in re.findall(r"^\| `(\w+)` \|.*\| (.*)\|$", PAGE, re.M)}


def test_it_is_a_page():
    assert len(PAGE.splitlines()) <= 132 and max(map(len, CODE.splitlines())) <= 120


def test_packages_stand_in_the_order_of_their_arrows():
    assert [*ROOMS] == [name for name in FLOORS if name != "__main__"]


@pytest.mark.parametrize("package", ROOMS)
def test_the_rooms_of_a_package_are_listed(package):
    rooms = sorted(path.stem for path in (LIBRARY / package).glob("[!_]*.py"))
    assert ROOMS[package] == rooms, " ".join(f"`{room}`" for room in rooms)


def test_every_file_that_it_names_is_there():
    named = re.findall(r"`([\w/.]+\.(?:py|md|yml|bib))`", PAGE)
    own = {"studies/name.py"}  # the reader's
    missing = [
        name
        for name in named
        if name not in own and not any((folder / name).is_file() for folder in (ROOT, LIBRARY, ROOT / "tests/laws"))
    ]
    assert len(named) > 40 and missing == []


def test_every_law_is_listed():
    laws = {path.name for path in (ROOT / "tests" / "laws").glob("test_*.py")}
    assert laws == set(re.findall(r"`(test_\w+\.py)`", PAGE.partition("## What will judge it")[2]))


def test_the_code_runs(monkeypatch):
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    added = {"exponential": LINKS, "restorer": ROLES, "Restore": TERMS, "squares": data.DATA_SETS}
    names = {"__name__": "contributing"}
    exec(compile(CODE, "CONTRIBUTING.md", "exec"), names)
    assert all(name in registry for name, registry in added.items())
    assert names["run"].history.keys() >= {"match x", "restore x"}
    assert names["run"].sample(5).shape == (2, 5, 2)
