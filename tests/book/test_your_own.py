"""The blocks of the page "Your own" run, in order, in one session, and each is as short as the page says."""

import re

from helpers import ROOT

PAGE = (ROOT / "book" / "your_own.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)


def test_every_block_runs(monkeypatch, capsys):
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    session = {"__name__": "your_own"}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"block {number} of your_own.md", "exec"), session)
    said = capsys.readouterr().out
    assert "'faces': 200 images of shape (1, 8, 8)" in said
    assert "η descends" in said and "0.1 E_{" in said  # the term prints its weight and formula
    assert "radius" in said and "frechet distance" in said
    assert "β(s)" in said
    assert set(session["people"].decode(session["people"].x[:3])) == {"age", "income", "city"}


def test_the_blocks_are_short():
    assert len(BLOCKS) >= 10
    assert all(len(block.strip().splitlines()) <= 20 for block in BLOCKS)
    assert all(len(line) <= 88 for block in BLOCKS for line in block.splitlines())


def test_the_readme_and_the_book_lead_to_it():
    assert "your_own" in (ROOT / "README.md").read_text(encoding="utf8")
    assert "book/your_own" in (ROOT / "_toc.yml").read_text(encoding="utf8")
