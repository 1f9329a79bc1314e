"""The page of the map: it names every model once in the right cells, and leads to its chapter, formula, source and result."""

import re
from pathlib import Path

import contents
import nbformat
import pytest
import zoomap
from whole_registry import REGISTRY

from ganvae_lib import zoo

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html" / "book" / "map.html"


@pytest.fixture(scope="module")
def notebooks():
    read = lambda page: nbformat.read(contents.source(ROOT, page), 4)
    return {page: read(page) for page in contents.pages(ROOT / "_toc.yml") if page.startswith("notebooks/")}


@pytest.fixture(scope="module")
def page(notebooks):
    text = (ROOT / "book" / "map.md").read_text(encoding="utf8")
    assert text.count(zoomap.PLACE) == 1
    return zoomap.filled(text, notebooks, REGISTRY.titles)


def test_every_model_has_a_place_and_every_place_a_model():
    assert zoo.NETWORKS.keys() == {"PixelCNN", "PixelRNN", "RNN language model"}
    assert set(zoomap.PLACES) == set(zoo.ALL) | set(zoo.NETWORKS) == set(zoomap.entries()) == set(zoo.REFERENCES)
    assert len({zoomap.anchor(name) for name in zoomap.PLACES}) == len(zoomap.PLACES)


def test_a_model_without_a_place_is_refused_with_the_row_to_add(notebooks, monkeypatch):
    monkeypatch.setitem(zoo.ALL, "new GAN", zoo.GAN)
    with pytest.raises(contents.BookError, match=r"book/zoomap.py the row\n    'new GAN': Place\(CHAPTER, RESULT\)"):
        zoomap.filled(zoomap.PLACE, notebooks, {})


def test_a_tool_or_a_space_that_the_map_lacks_is_refused_with_the_table_to_add_it_to():
    with pytest.raises(contents.BookError, match="Add 'oracle' to ROWS in book/zoomap.py"):
        zoomap.row_of("oracle (of 2)")
    with pytest.raises(contents.BookError, match="Add 'w' to COLUMNS in book/zoomap.py"):
        zoomap.column_of("w")
    assert (zoomap.row_of("Adversary (KL)"), zoomap.column_of("z|x")) == ("adversary", "pairs of x and z")


@pytest.mark.parametrize("name", zoomap.PLACES)
def test_a_place_has_a_chapter_and_sources_and_a_result(name, notebooks):
    place = zoomap.PLACES[name]
    assert f"notebooks/{place.chapter}" in notebooks
    known = re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf8"), re.M)
    missing = set(zoo.REFERENCES[name].split(",")) - set(known)
    assert not missing, f"book/references.bib has no entry with the key {missing}, a source of {name!r} in zoo.py"
    here = f"notebooks/{place.chapter}"
    labels = set().union(*(zoomap.labels(n) for page, n in notebooks.items() if page == here or "10_" in page))
    advice = "name a figure or an equation there; a model without one has the general result, such as eq-link"
    assert place.result in labels, f"PLACES in book/zoomap.py: {name!r} has {place.result!r}; {advice}."


@pytest.mark.parametrize("name", zoomap.PLACES)
def test_a_model_has_its_formula_and_links(name, page):
    objective, place = zoomap.entries()[name], zoomap.PLACES[name]
    (entry,) = re.findall(
        rf"\({zoomap.anchor(name)}\)=\n#### {re.escape(name)}\n(.*?)(?=\n\(map-|\n### |\Z)", page, re.S
    )
    assert f"`{objective!r}`" in entry and objective._repr_latex_() in entry
    assert f"{{cite:t}}`{zoo.REFERENCES[name]}`" in entry and f"</notebooks/{place.chapter}>`" in entry
    assert re.search(rf"(A result: \{{numref\}}|What it descends: \{{eq\}})`{place.result}`", entry)
    assert ("mirror image" in entry) == (
        name in ("InfoGAN", "AAE", "CycleGAN", "ALI", "BiGAN", "AS-VAE", "Helmholtz machine")
    )


def test_the_grid_has_every_term_in_its_cell(page):
    found = zoomap.cells()
    assert sum(len(models) for models in found.values()) == page.count("<sup>")
    assert found["KL", "z"] == {
        "VAE": "η",
        "beta-VAE": "η",
        "VAE/GAN": "η",
        "CVAE": "η",
        "SVAE": "η",
        "latent diffusion": "η",
    }
    assert found["bound", "x"] == {"IWAE": "θη", "AAVAE": "θη", "SVAE": "θη"}
    assert found["adversary", "pairs of x and z"] == {"ALI": "θη", "BiGAN": "θη", "AVB": "η", "AS-VAE": "θη"}
    assert found["adversary", "x or z, again"] == {"VAE/GAN": "θ", "MDGAN": "θη", "alpha-GAN": "θη"}
    assert found["reconstruction", "z"] == {"Helmholtz machine": "η", "InfoGAN": "θη", "CycleGAN": "θη", "AS-VAE": "θη"}
    assert {name for models in found.values() for name in models} == set(zoomap.PLACES)
    for name, objective in zoomap.entries().items():  # a row of the table for each term
        first = page.index(f"| [{name}](#{zoomap.anchor(name)}) |")
        rows = page[first:].split("\n")[: len(objective.terms)]
        assert all(row.startswith("|  |") for row in rows[1:])
        for term, row in zip(objective.terms, rows, strict=True):
            told = [cell.replace("eta:", "η:").replace("|", r"\|") for cell in term.as_row()[1:]]
            assert f"| {' | '.join(told)} |" in row


def test_a_draft_leads_to_its_own_chapters_only(notebooks):
    one = {page: n for page, n in notebooks.items() if "04_" in page}
    draft = zoomap.filled(zoomap.PLACE, one, {})
    assert set(re.findall(r"</(notebooks/\w+)>", draft)) == set(one)
    assert set(re.findall(r"\{numref\}`fig-(\d\d)", draft)) == {"04"}


def test_the_built_page_leads_where_it_says():
    if not HTML.is_file():
        pytest.skip("no site to look at: `make book` builds it, and `make test` before this")
    html = HTML.read_text(encoding="utf8")
    ids = re.findall(r'\bid="([^"]+)"', html)
    for name, place in zoomap.PLACES.items():
        assert ids.count(zoomap.anchor(name)) == 1 and f'href="#{zoomap.anchor(name)}"' in html
        assert f'href="../notebooks/{place.chapter}.html"' in html
        result = ("equation-" if place.result.startswith("eq-") else "") + place.result
        (there,) = set(re.findall(rf'href="\.\./(notebooks/\w+\.html)#{result}"', html))
        assert f'id="{result}"' in (HTML.parents[1] / there).read_text(encoding="utf8")
    assert (
        "{cite" not in html
        and "{numref" not in html
        and "$$" not in re.sub(r"<script\b.*?</script>", "", html, flags=re.S)
    )
