"""What the site folds is folded in JupyterLab, too, and the line that stays visible there gives nothing away."""

import json

import pytest
from helpers import ROOT

from ganvae_course.source import FOLDED, text_of

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem[:2])
def test_solutions_and_hidden_inputs_are_folded(path):
    solutions = 0
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf8"))["cells"], 1):
        role, text = cell["metadata"].get("ganvae", {}).get("role"), text_of(cell)
        folded = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
        answers = role == "solution" and not text.startswith("```{solution")
        assert folded == (answers or "hide-input" in cell["metadata"].get("tags", [])), f"cell {number}"
        if answers:
            assert text.startswith(FOLDED[cell["cell_type"] == "code"]), f"cell {number}: its first line is seen"
            solutions += 1
    assert solutions >= 8
