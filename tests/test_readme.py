"""The README's code runs as printed (with fewer steps), and its numbers are those of the committed results."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.strip().splitlines()[-1][:40])
def test_code_runs_as_printed(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    if "mnist" in code and not os.environ.get("GANVAE_DATA"):
        code = code.replace('"mnist"', '"digits"')  # the same calls, on data that need no download
    few = re.sub(r"steps=[\d_]+", "steps=20", re.sub(r"k=\d+", "k=2", code))
    assert few != code
    exec(compile(few, "README.md", "exec"), {})


def test_every_link_to_a_file_leads_somewhere():
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in t]
    assert targets and [t for t in targets if not (ROOT / t).exists()] == []
