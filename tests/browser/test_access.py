"""What a page says to a screen reader, and what an eye or a finger needs of it at the least."""

import pytest
from test_pages import READY


def test_a_solution_says_which_and_whether_it_is_open(page_at, site):
    with page_at(f"{site}/notebooks/01_two_processes.html") as page:
        page.wait_for_function(READY)
        button = page.get_by_role("button", name="Solution to Exercise 1.1 (A latent variable with two values)")
        assert button.get_attribute("aria-expanded") == "false"
        button.focus()
        page.keyboard.press("Enter")
        assert button.get_attribute("aria-expanded") == "true"
        assert page.get_by_label("show code of Figure 1.3", exact=True).inner_text() == "show code"


def test_an_answer_waits_until_the_reader_has_guessed(page_at, site):
    with page_at(f"{site}/notebooks/01_two_processes.html") as page:
        answer = page.get_by_text("3 values of z:")
        assert not answer.is_visible()
        page.get_by_text("show the answer").first.click()
        assert answer.is_visible()


# Text and formulas that contrast with what is behind them by less than 4.5, large ones by less than 3.
PALE = r"""() => {
  const brush = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
  const read = colour => {
    brush.clearRect(0, 0, 1, 1); brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1)
  const line = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
  const light = c => .2126 * line(c[0]) + .7152 * line(c[1]) + .0722 * line(c[2])
  const behind = e => {
    const layers = []
    for (let n = e; n; n = n.parentElement) {
      layers.push(read(getComputedStyle(n).backgroundColor))
      if (layers.at(-1)[3] === 1) break
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1])
  }
  const found = new Set()
  const judge = (e, colour, words) => {
    const paper = behind(e), style = getComputedStyle(e), size = parseFloat(style.fontSize)
    const [high, low] = [light(over(read(colour), paper)), light(paper)].sort((a, b) => b - a)
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    if ((high + .05) / (low + .05) < least) found.add(`${((high + .05) / (low + .05)).toFixed(2)} ${e.tagName} ${words}`)
  }
  const words = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT)
  while (words.nextNode()) {
    const e = words.currentNode.parentElement
    if (!words.currentNode.data.trim() || e.closest("script, style, mjx-assistive-mml") || !e.getClientRects().length) continue
    judge(e, getComputedStyle(e)[e.closest("svg") ? "fill" : "color"], words.currentNode.data.trim().slice(0, 20))
  }
  for (const glyph of document.querySelectorAll("article mjx-container [data-c]"))
    if (glyph.getClientRects().length) judge(glyph.closest("mjx-container"), getComputedStyle(glyph).fill, glyph.dataset.c)
  return [...found].slice(0, 8)
}"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "name", ["book/first_hour", "notebooks/02_two_directions_of_kl", "notebooks/07_generation_as_posterior_inference"]
)
def test_what_is_written_contrasts_with_its_paper(page_at, site, name, dark):
    with page_at(f"{site}/{name}.html", dark=dark) as page:
        page.wait_for_function(READY)
        page.evaluate("() => document.querySelectorAll('details').forEach(e => e.open = true)")
        pale = page.evaluate(PALE)
        assert not pale, pale


CONTROLS = """() => [...document.querySelectorAll("article :is(button, select, input)")].map(e => {
  const size = (e.type === "radio" ? e.labels[0] : e).getBoundingClientRect()
  return [Math.round(size.width), Math.round(size.height), e.name || e.innerText]
}).filter(([width, height]) => width && Math.min(width, height) < 24)"""


@pytest.mark.parametrize("name", ["book/first_hour", "book/refresher", "notebooks/02_two_directions_of_kl",
                                  "notebooks/07_generation_as_posterior_inference", "notebooks/14_the_symmetric_view",
                                  "notebooks/20_diffusion_and_distillation"])  # fmt: skip
def test_a_finger_meets_each_control(page_at, site, name):
    with page_at(f"{site}/{name}.html", width=390, touch=True) as page:
        page.wait_for_function(READY)
        assert page.evaluate(CONTROLS) == []


def test_on_a_telephone_the_pictures_are_seen_with_what_starts_them(page_at, site):
    with page_at(f"{site}/book/first_hour.html", width=390, height=664, touch=True) as page:
        assert page.evaluate("() => scrollY") == 0
        for part in (".first-hour .play", ".first-hour .picture >> nth=0", ".first-hour .picture >> nth=1"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 664, (part, box)
