"""Prose refers to a chapter by the role {chap}, never by bare words; a chapter's title is spelled out in lists of contents only."""

import json
import re

import pytest
from helpers import ROOT

PAGES = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "book").glob("*.md")])
# Blocks of code, code in a line and roles; directives that hold prose are none.
CODE = re.compile(r"^(`{3,})(?:\w|\{(?:math|raw|figure)\}).*?^\1`*[ \t]*$|\{[\w:]+\}`[^`]*`|`[^`\n]+`", re.M | re.S)
BARE = re.compile(r"\b[Cc]hapters?\s+\d+|\[[Cc]hapter \d+\]\(")
TITLED = re.compile(r"\{doc\}`(?:[^`<]*<)?(?:\.\./notebooks/)?\d\d_\w+>?`")


def prose(path) -> list[str]:
    text = path.read_text(encoding="utf8")
    if path.suffix == ".md":
        return [text]
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]


def bare(text: str) -> list[str]:
    return BARE.findall(CODE.sub("", text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_chapter_is_named_without_a_link(path):
    found = [words for text in prose(path) for words in bare(text)]
    if path.suffix == ".ipynb":  # pages of the book list chapters by their titles
        found += [words for text in prose(path) for words in TITLED.findall(text)]
    assert found == []


def test_bare_words_are_found_and_code_is_none():
    assert bare("As in chapter 04, and Chapter 4's; chapters 2 and\n10.") == ["chapter 04", "Chapter 4", "chapters 2"]
    assert bare("```{note}\nSee [chapter 3](03_a.ipynb).\n```") == ["[chapter 3]("]
    assert bare("```python\nx = 1  # chapter 04\n```\n`chapter 04` and {chap}`4 and 5`, {doc}`a chapter 4 <b>`.") == []
