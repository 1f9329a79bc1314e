"""What holds of every page, wide and narrow, light and dark."""

from contextlib import ExitStack

import pytest
from helpers import ROOT

HTML = ROOT / "_build" / "html"
PAGES = sorted(
    str(path.relative_to(HTML)) for folder in ("", "book", "notebooks") for path in (HTML / folder).glob("*.html")
)

# Everything wider than the window that neither scrolls by itself nor stands inside of something that does.
CUT = """() => {
  const wide = document.documentElement.clientWidth, found = []
  const scrolls = e => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement))
  for (const e of document.querySelectorAll("main *")) {
    const box = e.getBoundingClientRect()
    if (box.width && box.right > wide + 1 && !scrolls(e.parentElement) && getComputedStyle(e).position !== "fixed")
      found.push(e.tagName + "." + e.className + " " + Math.round(box.right))
  }
  return [document.documentElement.scrollWidth, found.slice(0, 5)]
}"""

READY = "() => document.documentElement.dataset.narrow === 'ready'"

# What is wrong with the names of a page: of its headings, pictures, links, folds, controls, tables and formulas.
SAID = """() => {
  const found = [], seen = (what, e) => found.push(what + ": " + (e.outerHTML || e).slice(0, 160))
  const said = e => (e.ariaLabel || e.innerText || e.textContent || "").trim() || e.querySelector("img")?.alt || ""
  const shown = e => e.getClientRects().length
  if (document.documentElement.lang !== "en") seen("no language", document.documentElement)
  if ([...document.querySelectorAll("main h1")].filter(shown).length !== 1) seen("not one title", "h1")
  if (!/main/.test(document.querySelector("body a")?.hash)) seen("no way past the contents", "a")
  let last = 1
  for (const e of document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")) {
    if (!shown(e)) continue
    if (+e.tagName[1] > last + 1) seen("a level is left out", e)
    last = +e.tagName[1]
  }
  for (const e of document.querySelectorAll("main img:not(.toggler)"))
    if (e.alt.trim().length < 10 || /[.](png|svg|jpe?g|webp)$/.test(e.alt)) seen("a picture without words", e)
  for (const e of document.querySelectorAll("a[href]:not(.headerlink):not(.prev-next-area *)"))
    if (shown(e) && (!said(e) || /^(here|this|click here|more|[0-9]+[a-z]?)$/i.test(said(e)))) seen("a link to what?", e)
  for (const e of document.querySelectorAll("button, summary"))
    if (shown(e) && (!said(e) || /hidden content/.test(said(e)))) seen("a button for what?", e)
  for (const e of document.querySelectorAll(".check details.code-fold > summary"))
    if (!/ of the check of /.test(e.ariaLabel)) seen("the code of which check?", e)
  for (const e of document.querySelectorAll("main :is(input, select, textarea, canvas)"))
    if (shown(e) && !e.labels?.length && !e.ariaLabel) seen("a control without a name", e)
  for (const e of document.querySelectorAll("main table:not(.indextable)"))
    if (!e.querySelector("th")) seen("a table without heads", e)
  for (const e of document.querySelectorAll("main mjx-container"))
    if (!e.querySelector("mjx-assistive-mml math")) seen("a formula without MathML", e)
  for (const e of document.querySelectorAll("main div.math > mjx-container"))
    if (e.dataset.more && e.tabIndex !== 0) seen("a formula that no key scrolls", e)
  return found
}"""

LABELS = """() => [...document.querySelectorAll("input[type=range]")]
  .map(e => [e.labels.length, e.labels[0]?.innerText])"""


@pytest.fixture(scope="module")
def wide(page_at, site, request):
    """A page on a wide screen, and what closes it: to set all its formulas takes seconds, so it is opened once."""
    with ExitStack() as stack:
        yield stack.enter_context(page_at(f"{site}/{request.param}")), stack.close


def of_pages(names):
    return pytest.mark.parametrize("wide", names, indirect=True, scope="module")


@of_pages([name for name in PAGES if name != "index.html"])  # which leads to the cover
def test_a_page_can_be_heard(wide):
    page, _ = wide
    page.wait_for_function(READY)
    wrong = page.evaluate(SAID)
    assert not wrong, wrong[:8]


@of_pages([name for name in PAGES if 'type="range"' in (HTML / name).read_text(encoding="utf8")])
def test_sliders_have_names(wide):
    page, _ = wide
    names = page.evaluate(LABELS)
    assert names and all(labels == 1 and words.strip() for labels, words in names), names


@of_pages(PAGES)  # the last one: it leaves the page narrow and closes it, which tells of errors in the console
def test_a_page_opens_and_fits(wide):
    page, close = wide
    page.wait_for_function("() => !window.MathJax || (MathJax.startup && MathJax.startup.promise)")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        total, cut = page.evaluate(CUT)
        assert total <= width and not cut, (width, total, cut)
    close()
