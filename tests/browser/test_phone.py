"""A page on a telephone: what is wider than the window says so, and every picture can be read."""

import pytest
from test_pages import PAGES, READY

WIDTH = 390

# Of each displayed equation: whether a part of it is hidden, whether it fades there, and what its number takes from it.
EQUATIONS = """() => [...document.querySelectorAll("div.math > mjx-container")].filter(e => e.clientWidth).map(e => {
  const hidden = e.scrollWidth - e.clientWidth, style = getComputedStyle(e)
  const box = e.getBoundingClientRect(), whole = e.parentElement.getBoundingClientRect()
  const number = e.parentElement.querySelector(".eqno")?.getBoundingClientRect()
  return {hidden, fades: style.maskImage !== "none", scrolls: style.overflowX === "auto", lost: whole.width - box.width,
          gap: number ? whole.right - number.right : 0, name: e.parentElement.id}
})"""

DRAWN = """() => ["div.math > mjx-container", "div.math"].map(e => document.querySelectorAll(e).length)"""

# Where punctuation that touches a formula stands: left of where the formula ends, or in another line.
ORPHANS = r"""() => {
  const found = []
  for (const e of document.querySelectorAll("main span.math")) {
    let next = e.nextSibling
    if (!next && !e.parentElement.matches("p, li, td")) next = e.parentElement.nextSibling
    if (next?.nodeType !== 3 || !/^[^\s\w]/.test(next.data) || !e.getBoundingClientRect().width) continue
    const range = document.createRange()
    range.setStart(next, 0); range.setEnd(next, 1)
    const sign = range.getBoundingClientRect(), formula = e.getBoundingClientRect()
    if (sign.width && sign.left < formula.right - 3) found.push([e.textContent.slice(0, 40), next.data.slice(0, 20)])
  }
  return found
}"""

# The smallest letters of the drawings of a page, in pixels of the screen.
LETTERS = """() => [...document.querySelectorAll("main svg :is(text, tspan)")]
  .filter(e => !e.closest("mjx-container") && e.textContent.trim() && e.getBoundingClientRect().width)
  .map(e => { const m = e.getScreenCTM()
    return [parseFloat(getComputedStyle(e).fontSize) * Math.hypot(m.a, m.b), e.textContent.slice(0, 20)] })
  .filter(([size]) => size < 8.99)"""

# Pictures that are shown smaller than they were drawn and that one cannot open.
SMALL = """() => [...document.querySelectorAll(".bd-article img")]
  .filter(e => e.clientWidth && e.clientWidth < 0.9 * (e.naturalWidth || e.getAttribute("width")) && !e.closest("a"))
  .filter(e => e.tabIndex !== 0 || e.getAttribute("role") !== "button" || !e.alt).map(e => e.src)"""

# On a wide screen a picture that is shown as it was drawn is no button.
FITS = """() => [...document.querySelectorAll(".bd-article img[role=button]")]
  .every(e => e.clientWidth < 0.9 * (e.naturalWidth || e.getAttribute("width")))"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_on_a_telephone(page_at, site, name):
    with page_at(f"{site}/{name}", width=WIDTH) as page:
        page.wait_for_function(READY)
        page.evaluate("() => document.querySelectorAll('details').forEach(e => e.open = true)")
        for _ in range(2):  # observers have their say after a frame
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        drawn, asked = page.evaluate(DRAWN)
        assert drawn == asked and "Math output error" not in page.inner_text("body")
        equations = page.evaluate(EQUATIONS)
        silent = [e for e in equations if e["hidden"] > 4 and not (e["fades"] and e["scrolls"])]
        cramped = [e for e in equations if e["hidden"] > 0 and e["lost"] > 1 or e["gap"] > 1]
        assert not silent and not cramped, (silent[:3], cramped[:3])
        assert page.evaluate(ORPHANS) == [] and page.evaluate(LETTERS) == [] and page.evaluate(SMALL) == []


FADED = """() => [...document.querySelectorAll("main span.math")].filter(e => getComputedStyle(e).maskImage !== "none")
  .map(e => [e.textContent.slice(0, 40), e.clientWidth, e.parentElement.clientWidth])"""


@pytest.mark.parametrize("width", (1400, WIDTH))
def test_a_formula_in_a_line_fades_only_where_it_fills_the_line(page_at, site, width):
    with page_at(f"{site}/notebooks/04_adversarial_learning_and_the_gan.html", width=width) as page:
        page.wait_for_function(READY)
        for _ in range(2):
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        faded = page.evaluate(FADED)
        assert all(width == WIDTH and own > 0.6 * whole for _, own, whole in faded), faded


def test_a_cut_equation_fades_where_it_is_cut(page_at, site):
    for dark in (False, True):
        with page_at(f"{site}/notebooks/04_adversarial_learning_and_the_gan.html", width=WIDTH, dark=dark) as page:
            page.wait_for_function(READY)
            cut = page.locator('#equation-eq-discriminator-gap mjx-container[data-more="right"]')
            cut.wait_for()
            cut.evaluate("e => e.scrollLeft = 20")
            page.locator('#equation-eq-discriminator-gap mjx-container[data-more="left right"]').wait_for()
            page.locator("#equation-eq-discriminator-gap mjx-container").evaluate("e => e.scrollLeft = e.scrollWidth")
            page.locator('#equation-eq-discriminator-gap mjx-container[data-more="left"]').wait_for()
            page.set_viewport_size({"width": 1400, "height": 900})
            page.locator('#equation-eq-discriminator-gap mjx-container[data-more=""]').wait_for()


def test_a_picture_opens_large(page_at, site):
    with page_at(f"{site}/notebooks/04_adversarial_learning_and_the_gan.html", width=WIDTH, touch=True) as page:
        page.wait_for_function(READY)
        picture, large = page.locator(".bd-article figure img[role=button]").first, page.locator("dialog.large")
        picture.tap()
        shown = large.locator("img")
        page.wait_for_function("() => document.querySelector('dialog.large[open] img')?.naturalWidth")
        assert shown.get_attribute("alt") == picture.get_attribute("alt") != ""
        width, drawn = shown.evaluate("e => [e.clientWidth, e.naturalWidth]")
        assert width == drawn > 2 * picture.evaluate("e => e.clientWidth")
        page.keyboard.press("Escape")
        large.wait_for(state="hidden")
        picture.focus()
        page.keyboard.press("Enter")
        large.wait_for()
        large.get_by_role("button", name="Close").click()
        large.wait_for(state="hidden")
        assert picture.evaluate("e => e === document.activeElement")
        page.set_viewport_size({"width": 1400, "height": 900})
        page.wait_for_function(FITS)
