"""Two chapters run alone: from an empty folder, with the wheel only. ``make test-alone`` runs all of them."""

import json
import re

import alone
import pytest
from helpers import ROOT


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return alone.installed(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("chapter", ("02", "18"))
def test_a_chapter_runs_alone(library, tmp_path, chapter):
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    assert alone.run(path, library, tmp_path / chapter) == ""


def test_no_chapter_reads_beside_itself():
    """Those of the wheel's chapters that CI does not run alone."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
            if cell["cell_type"] == "code":
                assert not re.search(r"[\"']\.\./", "".join(cell["source"])), (
                    f"{path.stem}, {cell['id']}: take recorded()"
                )


def test_a_chapter_that_needs_the_repository_is_seen(library, tmp_path):
    """The check can fail: a notebook that reads beside itself stops here."""
    text = '{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": "open(\'../results/kernels.json\')"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    (tmp_path / "needs.ipynb").write_text(text)
    assert "FileNotFoundError" in alone.run(tmp_path / "needs.ipynb", library, tmp_path / "run")


def test_the_wheel_brings_what_the_library_has(library):
    """Every module, and every record: a package that is not listed in pyproject.toml would be missing."""
    for folder in ("ganvae_lib", "ganvae_course"):
        here = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        assert here == {path.relative_to(library) for path in (library / folder).rglob("*.py")}
    records = {path.relative_to(ROOT / "results") for path in (ROOT / "results").rglob("*") if path.is_file()}
    there = {
        path.relative_to(library / "ganvae_lib" / "results")
        for path in (library / "ganvae_lib" / "results").rglob("*")
        if path.is_file()
    }
    assert records == there
