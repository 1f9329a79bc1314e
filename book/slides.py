"""Slides from the built chapters, a deck a part: headings, statements, equations, figures and tables, without the code.

A deck is a page of the site, so that it has its fonts, its style and its formulas, and needs no network. Keys and
buttons move; printed, a slide is a page.
"""

import posixpath
import re
from copy import copy
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag
from contents import BookError

__all__ = ["decks", "write"]

LEFT_OUT = {"cell_input", "exercise", "solution", "headerlink", "dropdown"}
SKIPPED = {"exercises", "where-this-comes-from"}  # sections that no lecture shows
SHOWN = ("figure", "table")
PAGE = """<!DOCTYPE html>
<html lang="en" data-content_root="../" data-mode="auto" data-theme="auto">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}
<link rel="stylesheet" href="../_static/slides.css">
</head>
<body class="deck">
<main>
{slides}
</main>
<nav aria-label="Slides"><button id="back" aria-label="Back">&#8592;</button><span id="place" aria-live="polite"></span>
<button id="on" aria-label="On">&#8594;</button></nav>
<script src="../_static/slides.js"></script>
</body>
</html>
"""


def decks(toc: Path) -> dict[str, tuple[str, list[str]]]:
    """The decks of a _toc.yml: name -> (title of the part, its chapters)."""
    parts = yaml.safe_load(toc.read_text(encoding="utf8")).get("parts", [])
    found = {}
    for part in parts:
        chapters = [entry["file"] for entry in part["chapters"] if entry["file"].startswith("notebooks/")]
        if chapters:
            found[f"part-{len(found) + 1}"] = (part["caption"], chapters)
    return found


def write(html: Path, toc: Path) -> dict[str, int]:
    """Write html/slides/part-N.html; the number of slides of each. Raises BookError for a page without slides."""
    (html / "slides").mkdir(exist_ok=True)
    counts = {}
    for name, (title, chapters) in decks(toc).items():
        slides, head = [f"<section><h1>{title}</h1></section>"], ""
        for chapter in chapters:
            page = BeautifulSoup((html / f"{chapter}.html").read_text(encoding="utf8"), "html.parser")
            found = of_chapter(page, f"../{chapter}.html")
            if len(found) < 3:
                raise BookError(f"{chapter}: there is nothing to show on slides")
            slides += found
            head = head or head_of(page)
        text = PAGE.format(title=f"Slides. {title}", head=head, slides="\n".join(slides))
        (html / "slides" / f"{name}.html").write_text(text, encoding="utf8")
        counts[name] = len(slides)
    return counts


def head_of(page: BeautifulSoup) -> str:
    """What a page loads for its style and its formulas."""
    styles = page.find_all("link", rel="stylesheet")
    scripts = [script for script in page.find_all("script") if "MathJax" in str(script) or "mathjax" in str(script)]
    return "\n".join(map(str, [*styles, *scripts]))


def of_chapter(page: BeautifulSoup, address: str) -> list[str]:
    """The slides of a chapter: its title with what one learns, then each section: its first words, what it shows."""
    top = page.find("article").find("section")
    learnt = top.find("div", class_="admonition-what-you-will-learn")
    slides = [slide(top.find("h1"), [learnt.find("ul")] if learnt else [], address)]
    for section in top.find_all("section", recursive=False):
        if section["id"] not in SKIPPED:
            slides += of_section(section, address)
    return slides


def of_section(section: Tag, address: str) -> list[str]:
    """The slides of a section: the first has its first paragraph, and a formula that follows it at once."""
    heading, first, slides = section.find("h2"), [], []
    for part in section.find_all(recursive=False):
        classes = set(part.get("class") or [])
        statement = "proof" in classes and (part.get("id") or "proof") != "proof" and "admonition" in classes
        if part.name == "p" and not first:
            first.append(part)
        elif statement:
            slides.append(slide(heading, [part], address))
        elif "math" in classes and not slides and len(first) == 1:
            first.append(part)
        elif not classes & LEFT_OUT and not part.find("script"):
            slides += [slide(heading, [shown], address) for shown in shown_in(part)]
    return [slide(heading, first, address), *slides] if first else slides


def shown_in(part: Tag) -> list[Tag]:
    """The figures of a part, or its table; a picture within a figure is not shown twice."""
    if part.name in SHOWN:
        return [part]
    if figures := part.find_all("figure"):
        return figures
    return part.find_all("table")[:1]


def slide(heading: Tag, parts: list[Tag], address: str) -> str:
    """A slide: the heading, which leads to its place in the book, and some parts of the page."""
    place = heading.find_parent("section")["id"]
    body = [copy(part) for part in parts]
    for part in body:
        for tag in [part, *part.find_all(True)]:
            tag.attrs.pop("id", None)
            if tag.name == "a" and (to := str(tag.get("href", ""))) and ":" not in to:
                tag["href"] = address + to if to.startswith("#") else posixpath.normpath(f"{address}/../{to}")
        for link in part.find_all("a", class_="headerlink"):
            link.decompose()
    words = re.sub(r"\s+", " ", heading.get_text("", strip=False)).strip(" #\n")
    level = heading.name
    return f'<section><{level}><a href="{address}#{place}">{words}</a></{level}>{"".join(map(str, body))}</section>'
