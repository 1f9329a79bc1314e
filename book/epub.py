"""An ePub 3 of the book: a file of XHTML for each part, formulas as MathML, figures to move as pictures of them."""

import html
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from contents import BookError
from whole import Document

__all__ = ["write"]

# Each formula as MathML, with its TeX as what is read aloud, its objects' letters as classes, letters of other
# alphabets as such (browsers read no mathvariant but "normal"), and the thin space of log before a letter, which
# readers leave out; each figure to move as its place, to be pictured.
TURN = """() => {
  const double = {C: "\u2102", H: "\u210d", N: "\u2115", P: "\u2119", Q: "\u211a", R: "\u211d", Z: "\u2124"}
  const script = {B: "\u212c", E: "\u2130", F: "\u2131", H: "\u210b", I: "\u2110",
    L: "\u2112", M: "\u2133", R: "\u211b"}
  const alphabets = {  // where "A" or "0" would stand, and the letters that stand elsewhere
    "double-struck": [0x1D538 - 65, double], script: [0x1D49C - 65, script], bold: [0x1D7CE - 48, {}],
  }
  const letters = {"\u03b8": "theta", "\u03b7": "eta", "\u03d5": "phi", "\u03c6": "phi", d: "data"}
  const thin = () => {
    const space = document.createElementNS("http://www.w3.org/1998/Math/MathML", "mspace")
    space.setAttribute("width", "0.17em")
    return space
  }
  for (const item of MathJax.startup.document.math) {
    const made = new DOMParser().parseFromString(MathJax.startup.toMML(item.root), "text/xml").documentElement
    made.setAttribute("alttext", item.math)
    for (const letter of made.querySelectorAll("mi:not([mathvariant])"))
      if (letters[letter.textContent]) letter.setAttribute("class", letters[letter.textContent])
    for (const letter of made.querySelectorAll("mi[mathvariant], mn[mathvariant]")) {
      const [before, others] = alphabets[letter.getAttribute("mathvariant")] ?? [], char = letter.textContent
      if (!others || !/^[A-Z0-9]$/.test(char) || /\\d/.test(char) !== (letter.localName === "mn")) continue
      letter.textContent = others[char] ?? String.fromCodePoint(before + char.charCodeAt(0))
      letter.removeAttribute("mathvariant")
    }
    for (const applied of [...made.querySelectorAll("mo")].filter(e => e.textContent === "\u2061")) {
      const name = applied.previousElementSibling, before = name?.previousElementSibling
      if (!/^[([{|]/.test(applied.nextElementSibling?.textContent ?? "(")) applied.after(thin())
      if (before && before.localName !== "mo" && before.localName !== "mspace") name.before(thin())
    }
    item.typesetRoot.replaceWith(document.importNode(made, true))
  }
  for (const cell of document.querySelectorAll(".text_html, .first-hour"))
    if (cell.matches(".first-hour") || cell.querySelector("script")) cell.dataset.moving = "1"
  return document.querySelectorAll("[data-moving]").length
}"""
# The part alone in which the next figure to move stands, since a picture of it costs a layout of all that is shown.
ALONE = """() => {
  const home = document.querySelector("[data-moving]")?.closest("body > *")
  for (const part of document.body.children) {
    part.style.display = home && part !== home ? "none" : ""
    if (!part.getAttribute("style")) part.removeAttribute("style")
  }
}"""
# Scripts, buttons and what only a browser's page needs are dropped; links into other parts get their file.
PART = """([key, files]) => {
  const part = document.getElementById(key).cloneNode(true)
  const dead = "script, noscript, style, link, mjx-assistive-mml, button, colgroup"
  for (const e of part.querySelectorAll(dead)) e.remove()
  for (const e of part.querySelectorAll("[role=doc-biblioentry]")) e.removeAttribute("role")
  for (const list of part.querySelectorAll("dl"))  // a signature of several lines: definitions of nothing
    if (!list.querySelector(":scope > dt"))
      for (const e of [...list.children, list]) {
        const made = document.createElement("div")
        made.className = e === list ? "params" : "param"
        made.append(...e.childNodes)
        e.replaceWith(made)
      }
  for (const e of part.querySelectorAll("*"))
    for (const {name} of [...e.attributes])
      if (/^(data-|on|jax|aria-|loading$)/.test(name)) e.removeAttribute(name)
  for (const a of part.querySelectorAll("a[href^='#']")) {
    const target = document.getElementById(a.getAttribute("href").slice(1)), home = target?.closest("body > *")
    if (!home) a.removeAttribute("href")
    else if (home.id !== key && files[home.id]) a.setAttribute("href", files[home.id] + a.getAttribute("href"))
  }
  for (const a of part.querySelectorAll("a[href]"))
    if (!/^(https?:|mailto:|#|[\\w-]+\\.xhtml)/.test(a.getAttribute("href"))) a.removeAttribute("href")
  const pictures = [...part.querySelectorAll("img")].map(image => {
    const source = decodeURI(image.getAttribute("src")), name = "images/" + source.split("/").pop()
    image.setAttribute("src", name); image.removeAttribute("width"); image.removeAttribute("height")
    if (!image.hasAttribute("alt")) image.setAttribute("alt", "")
    return [source, name]
  })
  return [new XMLSerializer().serializeToString(part), pictures]
}"""
STYLE = """
body { line-height: 1.45; } pre { white-space: pre-wrap; font-size: .75em; background: #F4F4F0; padding: .4em; }
img { max-width: 100%; } table { border-collapse: collapse; font-size: .8em; }
td, th { padding: .15em .4em; text-align: left; }
.admonition { border-left: .2em solid #1668AA; padding: .1em .8em; margin: 1em 0; }
div.math { display: flex; flex-wrap: wrap; align-items: center; overflow-x: auto; overflow-y: hidden; }
.kept { white-space: nowrap; } div.math > math { flex: 1 0 auto; } .eqno { order: 2; margin-left: auto; }
@media (max-width: 40em) { div.math math { font-size: .85em; } }
.params { margin-left: 1.5em; } .admonition-title { font-weight: bold; }
.part { text-transform: uppercase; color: #5B6470; } figure { margin: 1em 0; text-align: center; }
.obj-data, mi.data { color: #1B79C4; } .obj-theta, mi.theta { color: #C8510A; }
.obj-eta, mi.eta { color: #08875F; } .obj-phi, mi.phi { color: #B0469F; }
td, th { vertical-align: top; } td p, th p { margin: 0; } .check-line::before { content: "\\2713\\a0"; }
.map-grid table { table-layout: fixed; width: 100%; font-size: .55em; overflow-wrap: anywhere; }
"""
XHTML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
    'xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en"><head><meta charset="utf-8"/>'
    '<title>{title}</title><link rel="stylesheet" href="book.css" type="text/css"/></head><body>{body}</body></html>'
)
CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = (
    '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
    'unique-identifier="id" xml:lang="en"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    '<dc:identifier id="id">urn:uuid:{uid}</dc:identifier><dc:title>{title}</dc:title><dc:language>en</dc:language>'
    '<dc:creator>{author}</dc:creator><meta property="dcterms:modified">{now}</meta></metadata>'
    "<manifest>{items}</manifest><spine>{spine}</spine></package>"
)
MEDIA = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".webp": "image/webp", ".css": "text/css"}


def write(document: Document, page, site: Path, out: Path) -> int:
    """Write the book, which a browser's page shows, as an ePub; the number of its files."""
    page.emulate_media(media="screen")
    moving, kept = page.evaluate(TURN), {}
    for i in range(moving):
        page.evaluate(ALONE)
        kept[f"images/moving-{i + 1}.png"] = page.locator("[data-moving]").first.screenshot()
        page.evaluate(
            "([name]) => { const e = document.querySelector('[data-moving]'); delete e.dataset.moving; e.innerHTML ="
            " `<img src='${name}' alt='A figure that moves in the book on the web'/>` }",
            [f"images/moving-{i + 1}.png"],
        )
    page.evaluate(ALONE)  # all again
    files = {key: f"{key}.xhtml" for key, _, _ in document.parts}
    for key, title, _ in document.parts:
        body, pictures = page.evaluate(PART, [key, files])
        kept[files[key]] = XHTML.format(title=html.escape(title), body=body).encode()
        for source, name in pictures:
            if name not in kept:
                if not (site / source).is_file():
                    raise BookError(f"{title}: there is no picture {source}")
                kept[name] = (site / source).read_bytes()
    rows = "".join(f'<li><a href="{files[key]}">{html.escape(title)}</a></li>' for key, title, _ in document.parts)
    kept["nav.xhtml"] = XHTML.format(
        title="Contents", body=f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{rows}</ol></nav>'
    ).encode()
    kept["book.css"] = STYLE.encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)  # the first, and not packed
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("book/book.opf", package(document, kept, files))
        for name, content in kept.items():
            book.writestr(f"book/{name}", content)
    return len(kept)


def package(document: Document, kept: dict[str, bytes], files: dict[str, str]) -> str:
    """The list of the files and their order."""
    items, ids = [], {}
    for i, (name, content) in enumerate(kept.items()):
        ids[name], text = f"f{i}", name.endswith(".xhtml")
        has = [word for word, tag in (("mathml", b"<math"), ("svg", b"<svg")) if text and tag in content]
        properties = " ".join(["nav"] * (name == "nav.xhtml") + has)
        media = "application/xhtml+xml" if text else MEDIA[Path(name).suffix]
        shown = f' properties="{properties}"' if properties else ""
        items.append(f'<item id="f{i}" href="{name}" media-type="{media}"{shown}/>')
    order = [files["cover"], "nav.xhtml", *[files[key] for key, _, _ in document.parts[1:]]]
    spine = "".join(f'<itemref idref="{ids[name]}"/>' for name in order)
    uid = uuid.uuid5(uuid.NAMESPACE_URL, document.title)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return PACKAGE.format(
        uid=uid,
        title=html.escape(document.title),
        author=html.escape(document.author),
        now=now,
        items="".join(items),
        spine=spine,
    )
