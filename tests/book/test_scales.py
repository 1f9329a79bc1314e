"""The page "Signs, sums, halves and scales": its blocks run in order, and each but the first asserts what was said."""

import re

import torch
from helpers import ROOT

PAGE = (ROOT / "book" / "scales.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)


def test_every_answer_is_shown():
    with torch.random.fork_rng():
        session = {"__name__": "scales"}
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"block {number} of scales.md", "exec"), session)
    assert len(BLOCKS) == 1 + PAGE.count("\n## ") and all("assert " in block for block in BLOCKS[1:])
