"""What holds of every page, wide and narrow, light and dark."""

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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_and_fits(page_at, site, name):
    with page_at(f"{site}/{name}") as page:
        page.wait_for_function("() => !window.MathJax || (MathJax.startup && MathJax.startup.promise)")
        for width in (1400, 390):
            page.set_viewport_size({"width": width, "height": 900})
            total, cut = page.evaluate(CUT)
            assert total <= width and not cut, (width, total, cut)
