"""Pages load what they show and no more; no identifier stands twice; what touches a formula stays with it."""

import gzip
import re
import shutil
import struct
from pathlib import Path

import finishing
import lighter
import pydata_sphinx_theme
import pytest
from contents import BookError
from fontTools.ttLib import TTFont
from helpers import ROOT

HTML = ROOT / "_build" / "html"
# The compressed bytes of a first load before the icons, the search and MathJax were cut to what is used.
BEFORE = {"book/intro": 1_718_949, "notebooks/04_adversarial_learning_and_the_gan": 2_276_756}
BEFORE["notebooks/14_the_symmetric_view"] = 2_354_357
LOADED = re.compile(
    r'<script[^>]*\bsrc="([^"?]+)|<link[^>]*\brel="stylesheet"[^>]*\bhref="([^"?]+)|<link[^>]*\bhref="([^"?]+)[^>]*\brel="stylesheet"'
)
MATHJAX = (
    "core",
    "input/tex-base",
    "input/tex/extensions/ams",
    "output/svg",
    "output/svg/fonts/tex",
    "a11y/assistive-mml",
)


def test_icons_that_no_page_shows_are_taken_out():
    script = '{bars:[448,512,["navicon"],"f0c9","M0"],"a-b":[1,2,[9,"other"],"f0",["M1","M2"]],c:[1,2,[],"f1","M3"]}'
    kept = lighter.icons(script, {"navicon", "a-b"})
    assert kept == '{bars:[448,512,["navicon"],"f0c9","M0"],"a-b":[1,2,[9,"other"],"f0",["M1","M2"]],}'
    with pytest.raises(BookError, match="no icon sun"):
        lighter.icons(script, {"bars", "sun"})


def test_pictures_wait_and_have_their_size(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 300, 200) + b"rest")
    wanted = '<img loading="lazy" width="300" height="200" alt="A" src="a.png"/>'
    assert lighter.pictures('<img alt="A" src="a.png"/>', tmp_path) == wanted == lighter.pictures(wanted, tmp_path)
    assert lighter.pictures('<img src="data:image/png;base64,x"/>', tmp_path) == '<img src="data:image/png;base64,x"/>'


def test_only_the_page_of_the_search_has_its_index(tmp_path):
    (tmp_path / "_static").mkdir()
    page = '<a></a>\n <script src="../searchindex.js?v=1"></script>\n<script src="../_static/searchtools.js"></script>'
    for name in ("a.html", "search.html"):
        (tmp_path / name).write_text(page)
    lighter.lighter(tmp_path)
    assert (tmp_path / "a.html").read_text() == "<a></a>" and (tmp_path / "search.html").read_text() == page


def test_fonts_keep_the_icons_of_style_sheets_however_those_are_written(tmp_path):
    fonts = tmp_path / "_static" / "vendor" / "fontawesome" / "webfonts"
    fonts.mkdir(parents=True)
    (font,) = Path(pydata_sphinx_theme.__file__).parent.rglob("fa-solid-900.ttf")
    shutil.copy(font, fonts)
    (tmp_path / "_static" / "scripts").mkdir()
    (tmp_path / "_static" / "scripts" / "fontawesome.js").write_text("{}")
    rules = 'p{content:"\\f303"} q{--icon:"\uf0f3"} .fa-house:before{content:"\\f015"}'
    (tmp_path / "_static" / "a.css").write_text(rules, encoding="utf8")
    lighter.lighter(tmp_path)
    assert set(TTFont(fonts / font.name).getBestCmap()) == {0xF303, 0xF0F3}


def test_no_identifier_stands_twice():
    pages = list(HTML.rglob("*.html"))
    assert len(pages) > 20, "the site is not built: make book"
    for path in pages:
        assert finishing.twice(path.read_text(encoding="utf8")) == [], path.name


def test_what_touches_a_formula_is_kept_with_it():
    formula = r'<span class="math notranslate nohighlight">\(x\)</span>'
    assert finishing.kept(f"({formula}), {formula} {formula}.") == (
        f'<span class="kept">({formula}),</span> {formula} <span class="kept">{formula}.</span>'
    )
    assert finishing.kept(f"<b>{formula}</b>") == f"<b>{formula}</b>"


def test_a_table_keeps_a_number_and_its_interval_on_one_line():
    space = "\N{NO-BREAK SPACE}"
    assert (
        finishing.whole('<td class="a">+0.41 ± 0.16 *</td>') == f'<td class="a">+0.41{space}±{space}0.16{space}*</td>'
    )
    assert finishing.whole("<td>θ, η against φ</td>") == f"<td>θ, η{space}against{space}φ</td>"
    assert finishing.whole("<td>alpha-GAN</td>") == '<td class="whole">alpha-GAN</td>'
    for other in (
        "<td>non-saturating</td>",
        "<td>one - two</td>",
        "<td>for or against models</td>",
        "<p>1 ± 2</p>",
        "<td>a <b>1 ± 2</b></td>",
    ):
        assert finishing.whole(other) == other


def test_what_is_printed_in_columns_does_not_wrap():
    page = '<div class="output stream highlight-ansi"><div class="highlight"><pre><span></span>{}\n</pre></div></div>'
    for printed in ("mean 0.5 ± 0.1", "  θ descends E[log D]", "&quot;a&quot; &lt; b"):
        wraps = finishing.running(page.format(printed))
        assert wraps == page.format(printed).replace("output stream ", "output stream running ")
    for printed in ("GAN      0.5", "one line\nk =  1   gap 0.3"):
        assert finishing.running(page.format(printed)) == page.format(printed)
    both = page.format("a b") + page.format("a   b")
    assert finishing.running(both) == page.replace("stream ", "stream running ").format("a b") + page.format("a   b")


@pytest.mark.parametrize("page", BEFORE)
def test_a_page_weighs_half_of_what_it_did(page):
    """Its scripts, styles and MathJax's parts, with every picture of a page that is not lazy."""
    path = HTML / f"{page}.html"
    text = path.read_text(encoding="utf8")
    files = {path, *((path.parent / next(filter(None, found))).resolve() for found in LOADED.findall(text))}
    files |= {HTML / "_static" / "vendor" / "mathjax" / f"{part}.js" for part in MATHJAX}
    images = re.findall(r"<img\b[^>]*>", text)
    files |= {
        (path.parent / source[1]).resolve()
        for image in images
        if (source := re.search(r'src="([^":]+\.png)"', image)) and "lazy" not in image
    }
    files |= set((HTML / "_static" / "vendor" / "fontawesome" / "webfonts").iterdir())
    weight = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    assert 600_000 < weight <= BEFORE[page] / 2
