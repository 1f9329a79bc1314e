"""The book as a PDF and as an ePub: nothing that a page shows is lost. A small book, printed by the system's browser."""

import re
import unicodedata
import zipfile
from types import SimpleNamespace
from xml.etree import ElementTree

import contents
import nbformat
import printing
import pytest
import whole
import yaml
from helpers import ROOT

TEXT = """# check: eq-one
import matplotlib.pyplot as plt

plt.plot([0, 1])
plt.show()
assert 1 + 1 == 2"""
HIDDEN = nbformat.v4.new_code_cell("print('what a hidden cell says')\nhidden = 17", metadata={"tags": ["hide-input"]})
MOVING = """from IPython.display import HTML
HTML("<div id='moves'>still</div><script>document.getElementById('moves').textContent = 'moved by its script'</script>")"""
EXERCISE = ("```{exercise} Sum\n:label: ex-01-sum\nAdd, by {eq}`eq-one`. See [the cover](../book/intro.md).\n```",)
SOLUTION = ("```{solution-start} ex-01-sum\n:class: dropdown\n```\nIt is two.",)
END = ("```{solution-end}\n```",)
SIGNATURE = (
    "```{eval-rst}\n.. py:function:: named(first_argument: str = None, second_argument: str = None, and_a_third: str = None)"
    "\n\n   What it does.\n```",
)
FIRST_HOUR = re.search(
    r"```\{raw\} html\n.*?\n```\n", (ROOT / "book" / "first_hour.md").read_text(encoding="utf8"), re.S
)[0]


@pytest.fixture
def printed(small, at_once, monkeypatch):
    """A small book that is built: (site, contents, settings)."""
    monkeypatch.setattr(printing, "HUNDREDS", 1)
    with (small.root / "book" / "intro.md").open("a", encoding="utf8") as intro:
        intro.write(f"\n\n(moves)=\n## It moves\n\n{FIRST_HOUR}\nSee [this](moves).\n")
    toc = {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [{"caption": "Part one", "chapters": small.toc["chapters"]}],
    }
    (small.root / "_toc.yml").write_text(yaml.safe_dump(toc))
    small(
        ("## A section\n\nHere.",),
        ("$$\n\\theta = \\frac{1}{2}\n$$ (eq-one)",),
        TEXT,
        ("## Another\n\nThere $-2\\log d$, $\\log(1)$, $\\mathbb{E}[\\mathcal{N}\\mathcal{L}\\mathbf{1}]$.",),
        HIDDEN,
        MOVING,
        EXERCISE,
        SOLUTION,
        "two = 1 + 1",
        END,
        SIGNATURE,
    )
    for options in (["--write"], []):
        status, told = at_once(*options)
        assert status == 0, told
    return small.root / "_build" / "html", small.root / "_toc.yml", small.root / "_config.yml"


@pytest.fixture(autouse=True)
def a_browser():
    try:
        with printing.browser():
            pass
    except contents.BookError as error:
        pytest.skip(str(error))


def test_the_pdf_has_all_and_its_contents_name_the_pages(printed, tmp_path):
    from pypdf import PdfReader

    out = tmp_path / "book.pdf"
    assert printing.pdf(*printed, out) == len((reader := PdfReader(out)).pages) == 6
    assert b"/ObjStm" in out.read_bytes() and not out.with_suffix(".part").exists(), "it is packed"
    texts = [unicodedata.normalize("NFKC", page.extract_text()) for page in reader.pages]  # a ligature is two letters
    whole_text = re.sub(r"\s+", " ", " ".join(texts))
    for words in (
        "hidden = 17",
        "what a hidden cell says",
        "moved by its script",
        "It is two.",
        "two = 1 + 1",
        "Part one",
        "After 100 steps. On the web this figure trains.",
    ):
        assert words.lower() in whole_text.lower(), words
    assert "show code" not in whole_text.lower()
    tops = {e.title: reader.get_destination_page_number(e) for e in reader.outline if not isinstance(e, list)}
    assert (tops["Small"], tops["One"], tops["Solutions"]) == (2, 3, 5)
    assert re.search(r"Small\s*3\b.*One\s*4\b.*Solutions\s*6\b", texts[1], re.S)
    assert "One" in texts[4].splitlines()[0], "the running head"
    assert sum(len(page.images) for page in reader.pages) == 5, "a figure, and two pictures and two curves that move"
    assert not re.search(r"Play|100 steps|Start again", whole_text.replace("After 100 steps", "")), "nothing to press"
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"].get("/Font", {}).values()]
    inner = [f["/DescendantFonts"][0].get_object() if "/DescendantFonts" in f else f for f in fonts]
    files = [f["/FontDescriptor"] for f in inner if "/FontDescriptor" in f]
    assert fonts and all(set(d) & {"/FontFile", "/FontFile2", "/FontFile3"} for d in files)
    assert all("/FontDescriptor" in f or f["/Subtype"] == "/Type3" for f in inner)
    links = [a.get_object() for page in reader.pages for a in page.get("/Annots", [])]
    assert all("/Dest" in a or a.get("/A", {}).get("/S") == "/GoTo" for a in links if "file:" in str(a)), (
        "a link left the book"
    )


def test_the_epub_is_well_formed_and_reads_formulas_as_mathml(printed, tmp_path):
    out = tmp_path / "book.epub"
    document = whole.gather(*printed)
    with printing.shown(document, printed[0]) as page:
        breaks = "e => { const all = []; for (; e; e = e.parentElement) all.push(getComputedStyle(e).breakInside); return all }"
        assert set(page.locator(".cell_input pre").first.evaluate(breaks)) == {"auto"}, (
            "code may go on on the next page"
        )
        assert page.locator(".check-line").first.evaluate("e => getComputedStyle(e).float") == "none"
        printing.epub.write(document, page, printed[0], out)
        assert page.locator("[style*='display: none'], [data-moving]").count() == 0
    with zipfile.ZipFile(out) as book:
        assert book.infolist()[0].filename == "mimetype" and book.infolist()[0].compress_type == zipfile.ZIP_STORED
        names = set(book.namelist())
        package = ElementTree.fromstring(book.read("book/book.opf"))
        listed = {e.attrib["href"] for e in package.iter() if e.tag.endswith("}item")}
        assert {f"book/{name}" for name in listed} | {"mimetype", "META-INF/container.xml", "book/book.opf"} == names
        parts = {name: book.read(name).decode() for name in names if name.endswith(".xhtml")}
    trees = {name: ElementTree.fromstring(text) for name, text in parts.items()}
    chapter = trees["book/p-notebooks-01_small.xhtml"]
    maths = [e for e in chapter.iter() if e.tag == "{http://www.w3.org/1998/Math/MathML}math"]
    assert ["".join("".join(e.itertext()).split()) for e in maths] == [
        "θ=12",
        "−2log\u2061d",
        "log\u2061(1)",
        "\U0001d53c[\U0001d4a9\u2112\U0001d7cf]",  # letters of their alphabets, whatever a reader does of mathvariant
    ]
    assert [e.attrib["class"] for e in maths[0].iter() if "class" in e.attrib] == ["theta"], "an object has its colour"
    named = [e.attrib.get("class", e.tag.rpartition("}")[2]) for e in maths[1].iter()]
    assert named == ["math", "mo", "mn", "mspace", "mi", "mo", "mspace", "data"], "2 log d and not 2logd"
    assert not maths[2].findall(".//{*}mspace")
    assert "hidden = 17" in "".join(chapter.itertext()) and chapter.find(".//*[@id='moves']") is None
    sources = [e.attrib["src"] for e in chapter.iter() if e.tag.endswith("}img")]
    assert len(sources) == 2 and "images/moving-2.png" in sources and {f"book/{s}" for s in sources} <= names
    intro = trees["book/p-book-intro.xhtml"]
    assert [e.attrib["src"] for e in intro.iter() if e.tag.endswith("}img")] == ["images/moving-1.png"]
    lists = [e for tree in trees.values() for e in tree.iter() if e.tag.endswith("}dl")]
    assert lists and all(e[0].tag.endswith(("}dt", "}div")) for e in lists), "no definition without its term"
    assert "second_argument: str = None" in "".join(chapter.itertext()).replace("\xa0", " ")
    dead = {"canvas", "button", "link", "script", "noscript"}
    assert not [
        e.tag for tree in trees.values() for e in tree.find("{*}body").iter() if e.tag.rpartition("}")[2] in dead
    ]
    for name, tree in trees.items():
        for link in (e.attrib["href"] for e in tree.iter() if e.tag.endswith("}a") and "href" in e.attrib):
            if not link.startswith(("http:", "https:")):
                path, _, anchor = link.partition("#")
                there = trees[f"book/{path}" if path else name]
                assert not anchor or anchor in {e.attrib.get("id") for e in there.iter()}, (name, link)


@pytest.mark.parametrize("width, beside", [(200, False), (1200, True)])
def test_the_number_of_an_equation_of_the_epub_does_not_cover_it(tmp_path, width, beside):
    formula = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{}</math>'.format("<mi>x</mi>" * 30)
    body = f'<div class="math"><span class="eqno">(1.1)</span>{formula}</div>'
    (tmp_path / "book.css").write_text(printing.epub.STYLE)
    (tmp_path / "part.xhtml").write_text(printing.epub.XHTML.format(title="A part", body=body))
    with printing.browser() as opened:
        page = opened.new_page(viewport={"width": width, "height": 300})
        page.goto((tmp_path / "part.xhtml").as_uri())
        number = page.locator(".eqno").bounding_box()
        letters = [letter.bounding_box() for letter in page.locator("mi").all()]
    right, bottom = (max(box[k] + box[size] for box in letters) for k, size in (("x", "width"), ("y", "height")))
    assert (number["x"] >= right) if beside else (number["y"] >= bottom and number["x"] + number["width"] <= width)


def test_a_figure_that_does_not_begin_is_an_error(printed):
    (printed[0] / "_static" / "first_hour.js").write_text("")
    document = whole.gather(*printed)
    with pytest.raises(contents.BookError, match="First hour does not begin"), printing.shown(document, printed[0]):
        pass


def test_what_the_printed_book_lacks_is_an_error(printed, tmp_path, monkeypatch):
    document = whole.gather(*printed)
    document.parts[2][2].find("img")["src"] = "_images/gone.png"
    with pytest.raises(contents.BookError, match="Pictures are missing"), printing.shown(document, printed[0]):
        pass
    monkeypatch.setattr(
        whole, "set_apart", lambda article: [tag.extract() for tag in article.select("div.exercise")] * 0
    )
    document = whole.gather(*printed)
    page = whole.Document.html
    monkeypatch.setattr(whole.Document, "html", lambda self, contents: page(self, contents).replace("<table", "<div"))
    document.parts[2][2].append(document.parts[2][2].find("h1").__copy__())
    document.parts[2][2].find_all("h1")[-1].name = "table"
    with pytest.raises(contents.BookError, match="the printed book"), printing.shown(document, printed[0]):
        pass


def test_a_title_that_is_broken_is_found_in_the_outline(tmp_path):
    """Chromium leaves out the space at which a long title goes on on the next line."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    for title in ("Cover", "17. Conditional and semi-supervisedmodels", "18. Tables"):
        writer.add_blank_page(100, 100)
        writer.add_outline_item(title=title, page_number=len(writer.pages) - 1)
    writer.write(tmp_path / "book.pdf")
    titles = ("Cover", "17. Conditional and semi-supervised models", "18. Tables")
    book = SimpleNamespace(parts=[(title[:2], title, None) for title in titles])
    assert printing.starts(tmp_path / "book.pdf", book) == {"17": 2, "18": 3}
    book.parts.append(("19", "19. Another", None))
    with pytest.raises(contents.BookError, match="The outline lacks: 19. Another"):
        printing.starts(tmp_path / "book.pdf", book)
