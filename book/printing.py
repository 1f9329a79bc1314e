"""The whole book as a file: a PDF set by a browser, an ePub with formulas as MathML.

    python book/printing.py pdf      _build/ganvae.pdf      (make pdf)
    python book/printing.py epub     _build/ganvae.epub     (make epub)

Both are made from the built site (``whole.py``) by the system's Chromium; GANVAE_BROWSER names another one. What the
file holds is counted against the site's pages: a figure, table, exercise or solution that is missing is an error.
"""

import argparse
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import epub
import packing
from contents import BookError
from whole import COUNTED, Document, counts, gather

__all__ = ["browser", "pdf"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT = 900_000  # milliseconds: thousands of formulas
# All formulas are drawn, pictures are there, and a formula that is wider than its line is made as wide as it.
READY = """async () => {
  await MathJax.startup.promise
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})))
  const wide = []  // first all sizes are read, then some are set: else each formula costs a layout of the whole book
  for (const formula of document.querySelectorAll("mjx-container")) {
    const line = formula.closest("div.math, td, li, p, dd, figcaption"), svg = formula.querySelector("svg")
    const room = line ? line.clientWidth - (line.querySelector(".eqno")?.offsetWidth || 0) : 0
    if (room > 0 && svg && svg.getBoundingClientRect().width > room) wide.push([svg, room])
  }
  for (const [svg, room] of wide) { svg.style.width = room + "px"; svg.style.height = "auto" }
  return [...document.images].filter(image => !image.naturalWidth).map(image => image.src)
}"""


# "First hour" trains its models, so that paper shows some; the number of figures that do not begin to.
PLAYED = """hundreds => [...document.querySelectorAll(".first-hour")].filter(figure => {
  if (!figure.dataset.steps) return true
  for (let k = 0; k < hundreds; k++) figure.querySelector("[name=hundred]").click()
  const steps = figure.dataset.steps.split(",").pop()
  figure.insertAdjacentHTML("beforeend", `<p class="stand-in">After ${steps} steps. On the web this figure trains.</p>`)
}).length"""
HUNDREDS = 20
# What whole.counts finds, counted by the browser: to read all drawn formulas again takes long. Tables within formulas
# and the one of "First hour" are made there.
COUNT = """([key, selectors]) => {
  const part = document.getElementById(key)
  const made = part.querySelectorAll("mjx-container table, .first-hour table").length
  const found = Object.entries(selectors).map(([name, selector]) =>
    [name, part.querySelectorAll(selector).length - (name === "tables" ? made : 0)])
  return Object.fromEntries(found)
}"""


@contextmanager
def browser():
    """The system's Chromium, driven by Playwright. Raises BookError where there is none."""
    found = os.environ.get("GANVAE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise BookError("This needs Chromium or Chrome: install one, or name it in GANVAE_BROWSER.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])  # root has no other way
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def shown(document: Document, site: Path, contents: str = ""):
    """The document in a browser's page, as wide as the paper's column, all formulas and pictures there."""
    path = site / "whole.html"  # beside the pages: styles, scripts and pictures are found
    path.write_text(document.html(contents), encoding="utf8")
    try:
        with browser() as opened:
            page = opened.new_page(viewport={"width": 658, "height": 1000}, device_scale_factor=2)
            page.set_default_timeout(TIMEOUT)
            page.emulate_media(media="print", color_scheme="light")
            page.goto(path.as_uri())
            if lost := page.evaluate(READY):
                raise BookError("Pictures are missing:\n" + "\n".join(lost))
            if page.evaluate(PLAYED, HUNDREDS):
                raise BookError("The figure of the page First hour does not begin")
            whole(document, page)
            yield page
    finally:
        path.unlink()


def whole(document: Document, page) -> None:
    """Compare what the browser shows with what the pages hold. Raises BookError."""
    for key, title, part in document.parts:
        held, there = counts(part), page.evaluate(COUNT, [key, COUNTED])
        if held != there:
            raise BookError(f"{title}: the site has {held}, the printed book {there}")


def table_of(document: Document, numbers: dict[str, int]) -> str:
    """The table of contents, with the page where each part begins as far as known."""
    rows = []
    for key, title, part in document.parts[1:]:
        if caption := part.find("p", class_="part").get_text():
            rows.append(f"<li class='part'>{caption}</li>")
        rows.append(f"<li><a href='#{key}'>{title}</a><span>{numbers.get(key, '')}</span></li>")
    return f"<nav id='contents'><h1>Contents</h1><ul>{''.join(rows)}</ul></nav>"


def starts(path: Path, document: Document) -> dict[str, int]:
    """The page on which each part begins, by the document's outline: the titles of level 1, in order."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    tops = [entry for entry in reader.outline if not isinstance(entry, list)]
    squeezed = lambda title: "".join(str(title).split())  # Chromium drops the space at which a title is broken
    pages = {squeezed(entry.title): reader.get_destination_page_number(entry) + 1 for entry in tops}
    found = {key: pages.get(squeezed(title)) for key, title, _ in document.parts[1:]}
    if missing := [title for key, title, _ in document.parts[1:] if not found[key]]:
        raise BookError(f"The outline lacks: {', '.join(missing)}")
    return found


def pdf(site: Path, toc: Path, config: Path, out: Path) -> int:
    """Write the book as a PDF; the number of its pages. A first pass finds the pages that the contents name."""
    from pypdf import PdfReader

    document = gather(site, toc, config)
    options = {"prefer_css_page_size": True, "print_background": True, "outline": True, "tagged": True}
    draft = out.with_suffix(".part")
    with shown(document, site, table_of(document, {})) as page:
        page.pdf(path=draft, **options)
        numbers = starts(draft, document)
        page.evaluate("([html]) => document.getElementById('contents').outerHTML = html", [table_of(document, numbers)])
        page.pdf(path=draft, **options)
        if starts(draft, document) != numbers:
            raise BookError("The contents do not fit their page")
    out.write_bytes(packing.packed(draft.read_bytes()))
    draft.unlink()
    return len(PdfReader(out).pages)


def main(arguments=None) -> int:
    """The exit status."""
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("form", choices=("pdf", "epub"))
    parser.add_argument("--root", type=Path, default=root, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    out = options.root / "_build" / f"ganvae.{options.form}"
    files = (options.root / "_build" / "html", options.root / "_toc.yml", options.root / "_config.yml")
    try:
        if not (files[0] / ".built").is_file():
            raise BookError("The site is not built: make book")
        if options.form == "pdf":
            told = f"{pdf(*files, out)} pages"
        else:
            document = gather(*files)
            with shown(document, files[0]) as page:
                told = f"{epub.write(document, page, files[0], out)} files"
    except BookError as error:
        print(f"\nNo {options.form} was made.\n{error}", file=sys.stderr)
        return 1
    print(f"{told}, {out.stat().st_size / 2**20:.1f} MiB: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
