"""One role refers to chapters: it prints "chapter 4", it is a link, and every form of the book knows it."""

import re

import lab
import nbformat
import pytest
import yaml
from helpers import ROOT

from ganvae_course.making import spoken


def two_chapters(small, text):
    """The small book with a second chapter, 19, after the first, which has the text."""
    toc = {"format": "jb-book", "root": "book/intro"}
    toc["chapters"] = [{"file": "notebooks/01_small"}, {"file": "notebooks/19_far"}]
    (small.root / "_toc.yml").write_text(yaml.safe_dump(toc))
    small((text,), "x = 1")
    cells = [nbformat.v4.new_markdown_cell("# Far away\n\n" + "Words that fill the page. " * 10)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), small.root / "notebooks" / "19_far.ipynb")


def test_a_reference_prints_the_number_and_leads_there(small, at_once):
    two_chapters(small, "Of {chap}`19`'s words. {Chap}`1` is this. In {chap}`1 and 19`.\n\n```{note}\n{Chap}`19`.\n```")
    status, printed = at_once()
    assert status == 0, printed
    html = (small.root / "_build" / "html" / "notebooks" / "01_small.html").read_text(encoding="utf8")
    article = re.search(r"<article\b.*?</article>", html, re.S)[0]
    text = " ".join(re.sub(r"<[^>]*>", "", article).split())
    assert "Of chapter 19’s words. Chapter 1 is this. In chapters 1 and 19." in text
    links = re.findall(r'<a ([^>]*href="[^"]*"[^>]*)>(?:<[^>]*>)*((?:[Cc]hapter )?\d+)(?:<[^>]*>)*</a>', article)
    assert [words for _, words in links] == ["chapter 19", "Chapter 1", "1", "19", "Chapter 19"]
    for attributes, words in links:
        if words.endswith("9"):
            assert 'href="19_far.html"' in attributes and 'title="Far away"' in attributes


def test_a_chapter_that_is_not_there_stops_the_build(small, at_once):
    two_chapters(small, "See {chap}`3`.")
    status, printed = at_once()
    assert status == 1 and "there is no chapter 3" in printed


def test_copies_for_jupyterlab_have_links():
    said = lab.Book(ROOT).said
    assert said("01_two_processes", "chap", "4") == "[chapter 4](04_adversarial_learning_and_the_gan.ipynb)"
    two = "Chapters [4](04_adversarial_learning_and_the_gan.ipynb) and [20](20_diffusion_and_distillation.ipynb)"
    assert said("01_two_processes", "Chap", "4 and 20") == two


@pytest.mark.parametrize(
    "text, words",
    [
        ("as in {chap}`4`, ", "as in chapter 4, "),
        ("{Chap}`4`'s", "Chapter 4's"),
        ("{chap}`15 to 17`", "chapters 15 to 17"),
        ("{Chap}`1, 2 and 20` say", "Chapters 1, 2 and 20 say"),
    ],
)
def test_homework_has_words(text, words):
    assert spoken(text) == words
