"""In JupyterLab: what the site folds is folded, and copies of the chapters have the book's numbers, citations, captions."""

import json
import re

import lab
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


@pytest.fixture(scope="module")
def book():
    return lab.Book(ROOT)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem[:2])
def test_a_copy_has_the_numbers_of_the_site(book, path):
    page = ROOT / "_build" / "html" / "notebooks" / f"{path.stem}.html"
    assert page.is_file(), "the site is not built: make book"
    html = re.sub(r"\s+", " ", page.read_text(encoding="utf8"))
    names = {label: name for label, (chapter, name) in book.names.items() if chapter == path.stem}
    for label, name in names.items():
        kind, number = name.split()
        shown = f"({number})" if kind == "Eq." else f"{name} </span>"
        before = '<span class="eqno">' if kind == "Eq." else '<span class="caption-number">'
        anchor = f'id="equation-{label}"' if kind == "Eq." else f'id="{label}"'
        assert html.partition(anchor)[2].partition(before)[2].startswith(shown), label
    assert len(names) >= 20


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem[:2])
def test_a_copy_is_text_that_jupyterlab_knows_and_the_same_code(book, path):
    chapter, copy = json.loads(path.read_text(encoding="utf8"))["cells"], book.copy(path.stem)["cells"]
    code = [cell for cell in chapter if cell["cell_type"] == "code"]
    assert [cell for cell in copy if cell["cell_type"] == "code"] == code
    texts = [text_of(cell) for cell in copy if cell["cell_type"] == "markdown"]
    for text in texts:
        assert not re.search(r"\{[a-z:]+\}`", text), text  # no role of Sphinx
        assert set(re.findall(r"^(?:`{3,}|:{3,})\{(.*?)\}", text, re.M)) <= {"admonition", "math", "warning"}
        for page in re.findall(r"\]\((\w+)\.ipynb\)", text):
            assert page in book.chapters
        for label in re.findall(r"\]\(#([\w-]+)\)", text):  # a link within the chapter arrives
            assert any(re.search(rf"^(\({label}\)=|\s*:(name|label): {label})$", other, re.M) for other in texts), label
    captions = [
        cell["metadata"]["mystnb"]["figure"]["name"] for cell in code if "figure" in cell["metadata"].get("mystnb", {})
    ]
    assert captions == re.findall(r"^\((fig-[\w-]+)\)=\n\*Figure ", "\n".join(texts), re.M) and captions


def test_how_things_are_said(book):
    said = lambda role, content: book.said("02_two_directions_of_kl", role, content)
    assert said("cite:t", "lin1991divergence") == "Lin (1991)"
    assert said("cite:p", "topsoe2000some,oord2016pixel") == "(Topsøe, 2000; van den Oord et al., 2016a)"
    assert said("cite:t", "ali1966general") == "Ali and Silvey (1966)"
    assert said("prf:ref", "lem-gibbs") == "[Lemma 2.1](#lem-gibbs)"
    assert said("eq", "eq-elbo").endswith("](03_variational_inference_and_the_vae.ipynb)")
    assert said("term", "forward KL") == "forward KL" and said("index", "a domain <single: domain>") == "a domain"
    assert said("doc", "../book/glossary") == "*Glossary*"
    text = book.text("02_two_directions_of_kl", "- so\n\n  $$\n  a = b\n  $$ (eq-kl)\n")
    assert text == "- so\n\n  :::{math}\n  :label: eq-kl\n  :enumerated: false\n  a = b\\tag{2.1}\n  :::\n"


def test_a_copy_that_is_there_stays(tmp_path):
    (tmp_path / "02_two_directions_of_kl.ipynb").write_text("mine")
    lab.main(tmp_path)
    assert (tmp_path / "02_two_directions_of_kl.ipynb").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == len(CHAPTERS)
