"""The book as a whole: its chapters, its labels, its build and its built pages."""

import re
import shutil
from pathlib import Path

import contents
import execute
import nbformat
import pytest
import website
import yaml
from whole_registry import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
TOC = ROOT / "_toc.yml"
HTML = ROOT / "_build" / "html"

PAGES = contents.pages(TOC)
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]


def read(chapter):
    return nbformat.read(ROOT / (chapter + ".ipynb"), as_version=4)


def prose(chapter):
    return [cell.source for cell in read(chapter).cells if cell.cell_type == "markdown"]


def outputs(chapter):
    """(number of the cell, cell, output) for every output of a chapter."""
    return [(n, c, o) for n, c in enumerate(read(chapter).cells, 1) if c.cell_type == "code" for o in c.outputs]


def text(output):
    data = output.get("data", {})
    return "".join(output.get("text", "")) + "".join(data.get("text/plain", "")) + "".join(data.get("text/html", ""))


# -- sources -------------------------------------------------------------------------------------------------


def test_every_page_of_the_table_of_contents_has_a_source():
    assert [page for page in PAGES if not contents.source(ROOT, page).read_text(encoding="utf8").strip()] == []
    assert len(PAGES) == len(set(PAGES)) and len(CHAPTERS) >= 4


def test_every_notebook_is_a_chapter():
    assert sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb")) == sorted(c.split("/")[1] for c in CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_is_committed_executed(chapter):
    notebook = read(chapter)
    counts = [cell.execution_count for cell in execute.code_cells(notebook) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"
    assert (ROOT / (chapter + ".ipynb")).stat().st_size <= 1.5e6
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_outputs_are_clean(chapter):
    """No error, no warning, nothing that differs from run to run, no path of the machine that ran it."""
    for number, _, output in outputs(chapter):
        where = f"{chapter}, cell {number}"
        assert output.output_type != "error", where
        assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {}), f"{where}: a widget"
        assert output.get("name") != "stderr", f"{where} writes to stderr: {text(output)[:200]}"
        found = re.search(r"\bat 0x[0-9a-f]{6,}|/home/\w+|/Users/\w+|/tmp/\w+|/root/", text(output))
        assert not found, f"{where} shows {found and found.group()!r}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_figure_has_a_number_a_caption_and_alt_text(chapter):
    for number, cell, output in outputs(chapter):
        where = f"{chapter}, cell {number}"
        data = output.get("data", {})
        picture = any(kind.startswith("image/") for kind in data)
        html = "".join(data.get("text/html", ""))
        drawn = re.search(r"<(svg|canvas|img)\b", html)
        if not picture and not drawn:
            continue
        options = cell.metadata.get("mystnb", {})
        figure = options.get("figure", {})
        assert re.fullmatch(r"fig-\d\d-[a-z0-9-]+", figure.get("name", "")), f"{where}: no figure name fig-NN-..."
        assert len(figure.get("caption", "")) >= 20, f"{where}: no caption"
        if picture:
            assert len(options.get("image", {}).get("alt", "")) >= 20, f"{where}: no alt text"
        else:
            assert re.search(r"\b(aria-label|alt)\s*=\s*[\"'][^\"']{20,}", html), f"{where}: no aria-label"
        assert len(cell.outputs) == 1, f"{where}: a figure and something else; each output would get the caption"
    for source in prose(chapter):
        for block in re.findall(r"^(?:`{3,}|:{3,})\{(?:figure|image)\}.*?^(?:`{3,}|:{3,})\s*$", source, re.S | re.M):
            assert ":alt:" in block, f"{chapter}: {block.splitlines()[0]} has no :alt:"
        for alt in re.findall(r"!\[(.*?)\]\(", source):
            assert len(alt) >= 20, f"{chapter}: ![{alt}](...) has no alt text"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_exercises_have_folded_solutions(chapter):
    source = "\n\n".join(prose(chapter))
    asked = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n(?:\s*:\w+:[^\n]*\n)*?\s*:label:\s*([\w-]+)", source)
    solved = re.findall(r"\{solution(?:-start)?\}\s*([\w-]+)\s*\n(?:\s*:\w+:[^\n]*\n)*?\s*:class:\s*dropdown", source)
    assert len(asked) >= 4, f"{len(asked)} exercises"
    assert sorted(asked) == sorted(solved)


# -- the builder, on a small book ----------------------------------------------------------------------------


def test_a_failing_cell_stops_the_build_and_is_named(small, run):
    small("x = 1", ("Some text.",), "assert x == 2, 'x is not two'")
    status, printed = run()
    assert status == 1 and "01_small.ipynb, cell 4 (In [2]) failed: AssertionError: x is not two" in printed
    assert not (small.root / "_build" / "html").exists()


def test_a_cell_that_runs_too_long_is_named(small, at_once):
    small("import time", "time.sleep(60)")
    status, printed = at_once("--timeout", "1")
    assert status == 1 and "cell 3 (In [2]) failed: it ran longer than 1 s" in printed


def test_what_sphinx_warns_of_stops_the_build_every_time(small, at_once):
    small("x = 1", ("See {eq}`eq-nowhere`.",))
    for _ in range(2):  # an incremental build would pass the second time
        status, printed = at_once()
        assert status == 1 and "eq-nowhere" in printed


def test_execution_is_kept_until_code_library_or_scale_change(small, at_once, monkeypatch):
    def executes():
        status, printed = at_once("--write")
        assert status == 0, printed
        return "kept" not in printed

    library = small.root / "ganvae_lib"
    library.mkdir()
    (library / "a.py").write_text("ONE = 1\n")
    small("print(6 * 7)")
    assert executes()
    small("print(6 * 7)", ("A new sentence.",))
    assert not executes()
    written = nbformat.read(small.root / "notebooks" / "01_small.ipynb", as_version=4)
    assert written.cells[1].outputs[0].text == "42\n" and written.cells[2].source == "A new sentence."
    (library / "a.py").write_text("ONE = 2\n")
    assert executes()
    small("print(6 * 8)")
    assert executes()
    monkeypatch.setenv("GANVAE_SCALE", "full")
    assert executes()


EQUATION = ("$$\nx = 1\n$$ (eq-one)",)


def test_a_gap_of_the_registry_stops_the_build_but_not_a_draft(small, at_once):
    toc = {"format": "jb-book", "root": "book/intro", "parts": [{"caption": "I", "chapters": small.toc["chapters"]}]}
    (small.root / "_toc.yml").write_text(yaml.safe_dump(toc))
    small(EQUATION, "x = 1")
    said = "notebooks/01_small, cell 2: eq-one has no check"
    status, printed = at_once()
    assert status == 1 and said in printed and not (small.root / "_build" / "html").exists()
    status, printed = at_once("--only", "01")
    assert status == 0 and said in printed and "Registry: 1 statements, 0 checked, 0 definitions exempt" in printed


def test_the_page_of_the_checks_leads_to_their_cells(small, at_once):
    toc = small.toc | {"chapters": [*small.toc["chapters"], {"file": "book/checks"}]}
    (small.root / "_toc.yml").write_text(yaml.safe_dump(toc))
    shutil.copy(ROOT / "book" / "checks.md", small.root / "book")
    small(EQUATION, ("```{prf:lemma} One\n:label: lem-one\nText.\n```",), "# check: eq-one, lem-one\nassert 1")
    status, printed = at_once()
    assert status == 0 and "Registry: 2 statements, 2 checked, 0 definitions exempt" in printed
    page = (small.root / "_build/html/book/checks.html").read_text()
    for target in ("equation-eq-one", "lem-one", "check-eq-one", "check-lem-one"):
        assert f'href="../notebooks/01_small.html#{target}"' in page
        assert f'id="{target}"' in (small.root / "_build/html/notebooks/01_small.html").read_text()


def test_check_finds_missing_and_empty_pages_and_outside_addresses(tmp_path):
    toc = tmp_path / "_toc.yml"
    toc.write_text(yaml.safe_dump({"root": "a", "chapters": [{"file": "b"}, {"file": "c"}, {"file": "genindex"}]}))
    page = "<html>{}<article>{}</article></html>"
    bad = '<script src="https://cdn.example/x.js"></script><link rel="stylesheet" href="//fonts.example/f.css">'
    good = '<a href="https://example.org">link</a><link rel="canonical" href="https://example.org/">'
    (tmp_path / "a.html").write_text(page.format(good, "word " * 30))
    (tmp_path / "b.html").write_text(page.format(bad, "<p>few words</p><script>" + "x " * 99 + "</script>"))
    (tmp_path / "s.css").write_text("@font-face { src: url(https://fonts.example/f.woff2) }")
    assert website.check(tmp_path, toc) == [
        "b: the page is empty",
        "c: there is no page",
        "genindex: there is no page",
        "b.html: loads https://cdn.example/x.js",
        "b.html: loads //fonts.example/f.css",
        "s.css: loads https://fonts.example/f.woff2",
    ]


def test_two_works_that_read_alike_are_told(tmp_path):
    toc = tmp_path / "_toc.yml"
    toc.write_text(yaml.safe_dump({"root": "a", "chapters": [{"file": "b"}]}))
    cite = '<span class="bibtex-citation">{}</span>'
    textual = cite.format('Che <em>et\xa0al.</em> [<a class="r" href="x.html#{}" title="T">{}</a>]')
    beside = cite.format('[<a href="x.html#{}" title="T">Che <em>et al.</em>, {}</a>; <a href="x.html#z">Li, 2016</a>]')
    page = "<article>" + "word " * 30 + "{}</article>"
    (tmp_path / "a.html").write_text(page.format(textual.format("one", "2017a") + textual.format("two", "2017b")))
    (tmp_path / "b.html").write_text(page.format(beside.format("one", "2017a") + beside.format("two", "2017b")))
    assert website.check(tmp_path, toc) == []
    (tmp_path / "b.html").write_text(page.format(beside.format("two", "2017a")))
    assert website.check(tmp_path, toc) == ["b.html: two works read Che et al., 2017a; give their years letters"]


# -- the built site ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    if not (HTML / ".built").is_file():
        pytest.skip("no site to look at: `make book` builds it, and `make test` before this")
    return HTML


def test_the_site_is_whole_and_loads_nothing_from_outside(site):
    assert website.check(site, TOC) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_loads_is_in_the_site(site, page):
    """Scripts, styles, pictures and links of a page lead to files of the site."""
    path = site / (page + ".html")
    html = re.sub(r"<pre\b.*?</pre>", "", path.read_text(encoding="utf8"), flags=re.S)
    for address in re.findall(r"\b(?:src|href)=\"([^\"#]*)[^\"]*\"", html):
        if address and not re.match(r"(https?|mailto|data|javascript):", address):
            file = (path.parent / address.split("?")[0]).resolve()
            assert file.is_file(), f"{page} refers to {address}"


def test_the_page_of_the_checks_leads_to_every_statement_and_every_check(site):
    page = site / "book" / "checks.html"
    registry, html = REGISTRY, page.read_text(encoding="utf8")
    links = set(re.findall(r'href="\.\./(notebooks/[^"#]*)\.html#([^"]+)"', html))
    for s in registry.statements.values():
        assert (s.page, ("equation-" if s.kind == "equation" else "") + s.label) in links
        assert s.exempt or (registry.checks[s.label][0], f"check-{s.label}") in links
    for chapter, anchors in {c: {a for d, a in links if d == c} for c in CHAPTERS}.items():
        there = re.findall(r'\bid="([^"]+)"', (site / (chapter + ".html")).read_text(encoding="utf8"))
        lost = sorted(anchor for anchor in anchors if there.count(anchor) != 1)
        assert not lost, f"{chapter}: {lost}"
    rows = re.findall(r"Together.*?</tr>", html, re.S)  # of cells, and of statements
    counts = [[int(n) for n in re.findall(r"<strong>(\d+)</strong>", row)] for row in rows]
    told = [*registry.count(PAGES), registry.proved(PAGES)]
    assert [row[: len(told)] for row in counts].count(told) == 1


@pytest.mark.parametrize("page", CHAPTERS)
def test_equations_are_drawn_by_the_copy_of_mathjax_in_the_site(site, page):
    html = (site / (page + ".html")).read_text(encoding="utf8")
    script = re.search(r"<script[^>]*src=\"([^\"?]*mathjax[^\"?]*)", html)
    assert script and ((site / page).parent / script.group(1)).is_file()
    assert 'class="math notranslate nohighlight"' in html
    assert "$$" not in re.sub(r"<(pre|script)\b.*?</\1>", "", html, flags=re.S), "an equation that was not parsed"


def test_every_built_picture_has_alt_text(site):
    for page in CHAPTERS:
        for tag in re.findall(r"<img\b[^>]*>", (site / (page + ".html")).read_text(encoding="utf8")):
            alt = re.search(r'\balt="([^"]*)"', tag)
            assert alt and alt.group(1) and not alt.group(1).startswith("../_images"), f"{page}: {tag[:120]}"
