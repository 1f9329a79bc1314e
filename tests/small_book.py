"""What tests of the book share, as a plugin of pytest: doubles, and a small book with the real configuration."""

import shutil
import subprocess
import sys

import nbformat
import pytest
import torch
import yaml
from helpers import ROOT

SMALL_TOC = {"format": "jb-book", "root": "book/intro", "chapters": [{"file": "notebooks/01_small"}]}
WORDS = "Words that fill the page. " * 10


@pytest.fixture
def float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def small(tmp_path):
    """Writes the chapter's cells: text is code, a tuple is Markdown, and a cell is itself."""
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(SMALL_TOC))
    (tmp_path / "book" / "intro.md").write_text(f"# Small\n\n{WORDS}")
    (tmp_path / "notebooks").mkdir()

    def made(cell):
        if isinstance(cell, str):
            return nbformat.v4.new_code_cell(cell)
        return nbformat.v4.new_markdown_cell(*cell) if isinstance(cell, tuple) else cell

    def write(*cells):
        cells = [nbformat.v4.new_markdown_cell(f"# One\n\n{WORDS}"), *map(made, cells)]
        for n, cell in enumerate(cells):
            cell.id = f"cell{n}"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), write.chapter)

    write.root, write.chapter, write.toc = tmp_path, tmp_path / "notebooks" / "01_small.ipynb", SMALL_TOC
    return write


@pytest.fixture
def run(small):
    """Runs the builder on the small book in a process of its own: (exit status, all that it prints)."""

    def run(*options):
        command = [sys.executable, str(ROOT / "book" / "build.py"), "--root", str(small.root), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def at_once(small, capfd):
    """Runs the builder on the small book in this process, which is quicker."""

    import build  # of book/, and only where it is needed

    def at_once(*options):
        status = build.main(["--root", str(small.root), *options])
        return status, "".join(capfd.readouterr())

    return at_once
