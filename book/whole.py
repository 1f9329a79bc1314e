"""The built site as one HTML document, for paper and e-books: all pages in order, with links between them.

Nothing of a page is left out: what the site folds is open, and solutions stand at the end, a link from each exercise.
"""

import html as markup
import posixpath
import re
from datetime import date
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag
from contents import BookError, pages
from slides import head_of

__all__ = ["COUNTED", "Document", "counts", "gather"]

DROPPED = "a.headerlink, button.copybtn, .prev-next-area, .files, script[type^='application/vnd.jupyter']"
COUNTED = {
    "figures": "figure, .cell_output img",
    "tables": "table",
    "formulas": ".math",
    "statements": "div.proof",
    "exercises": "div.exercise",
    "solutions": "div.solution",
    "code": "div.highlight pre",
}
POINTERS = ("for", "aria-labelledby", "aria-describedby", "aria-controls")
FIRST_PAGE = "<h1>{title}</h1><p class='author'>{author}</p><p>{day}</p><p>{footer}</p>"


class Document:
    """The whole book: ``head`` (styles, scripts of formulas), and ``parts``, each (key, title, HTML element)."""

    def __init__(self, title: str, author: str, head: str, parts: list[tuple[str, str, Tag]]):
        self.title, self.author, self.head, self.parts = title, author, head, parts

    def html(self, contents: str = "") -> str:
        """All of it as one page; ``contents`` stands after the title page, which is the first part."""
        styles = "\n".join(  # a named page for each part: its title is the running head
            f'@page {key} {{ @top-left {{ content: "{css(title)}" }} }} #{key} {{ page: {key} }}'
            for key, title, _ in self.parts[1:]
        )
        body = [str(part) for _, _, part in self.parts]
        return (
            f'<!DOCTYPE html>\n<html lang="en" data-mode="light" data-theme="light"><head><meta charset="utf-8">'
            f"<title>{markup.escape(self.title)}</title>{self.head}"
            f'<link rel="stylesheet" href="_static/printed.css"><style>{styles}</style></head>'
            f'<body class="printed">{body[0]}{contents}{"".join(body[1:])}</body></html>'
        )


def css(words: str) -> str:
    """Words as the inside of a string of CSS."""
    return words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def key_of(page: str) -> str:
    """A page's name as an id: notebooks/02_two -> p-notebooks-02_two.

    >>> key_of("notebooks/02_two")
    'p-notebooks-02_two'
    """
    return "p-" + re.sub(r"[^\w-]", "-", page)


def gather(site: Path, toc: Path, config: Path) -> Document:
    """Put the pages of a built site together, in the contents' order. Raises BookError for a page without text."""
    settings = yaml.safe_load(config.read_text(encoding="utf8"))
    contents = yaml.safe_load(toc.read_text(encoding="utf8"))
    title, author = settings["title"], settings["author"]
    footer = settings.get("html", {}).get("extra_footer", "")
    captions = {part["chapters"][0]["file"]: part["caption"] for part in contents["parts"]}
    order = [(page, captions.get(page, "")) for page in pages(toc)]
    first = FIRST_PAGE.format(title=title, author=author, day=date.today().isoformat(), footer=footer)
    cover = BeautifulSoup(f"<article id='cover'>{first}</article>", "html.parser").article
    parts, head, solutions = [("cover", title, cover)], "", BeautifulSoup("", "html.parser")
    known = {page for page, _ in order}
    for page, caption in order:
        soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf8"), "html.parser")
        article = soup.find("article")
        if article is None or article.find("h1") is None:
            raise BookError(f"{page}: there is no text to print")
        head = head or re.sub(r'(href|src)="(?:\.\./)+', r'\1="', head_of(soup))
        heading = article.find("h1")
        settle(article, page, known)
        chapter = " ".join(heading.get_text().split())
        if found := set_apart(article):
            section = soup.new_tag("section")
            section.append(soup.new_tag("h2", string=chapter))
            for solution in found:
                section.append(solution)
            solutions.append(section)
        # Always there: Chromium's outline has a heading twice that is the first thing on its page.
        article.insert(0, soup.new_tag("p", attrs={"class": "part"}, string=caption))
        article["id"] = key_of(page)
        parts.append((key_of(page), chapter, article))
    if solutions.find():
        last = BeautifulSoup(
            "<article id='solutions'><p class='part'></p><h1>Solutions</h1></article>", "html.parser"
        ).article
        last.append(solutions)
        parts.append(("solutions", "Solutions", last))
    return Document(title, author, head, parts)


def settle(article: Tag, page: str, known: set[str]) -> None:
    """Make a page's element fit to stand beside others: its own ids, links that lead within the document, all open."""
    for tag in article.select(DROPPED):
        tag.decompose()
    for details in article.find_all("details"):
        details["open"] = ""
        summary = details.find("summary")
        if summary and "show code" in summary.get_text():  # nothing to show any more
            summary.decompose()
            details.name, details.attrs = "div", {}
    inline = article.find_all("script", src=False)
    moving = {id(t) for script in inline for t in [script.parent, *script.parent.find_all(True)]}
    own = key_of(page)
    for tag in article.find_all(True):
        if id(tag) not in moving:  # the scripts of a figure look for their ids
            if tag.get("id"):
                tag["id"] = f"{own}--{tag['id']}"
            for name in POINTERS:
                if tag.get(name):
                    tag[name] = " ".join(f"{own}--{one}" for one in str(tag[name]).split())
        if tag.name == "a" and tag.get("href"):
            tag["href"] = within(str(tag["href"]), page, known)
        loads = {"img": "src", "script": "src", "link": "href"}.get(tag.name)
        if loads and not re.match(r"\w+:", str(tag.get(loads, "data:"))):
            tag[loads] = posixpath.normpath(posixpath.join(posixpath.dirname(page), str(tag[loads])))
        if tag.name == "img":
            tag["loading"] = "eager"


def within(address: str, page: str, known: set[str]) -> str:
    """Where a link of ``page`` leads in the one document.

    >>> within("../book/map.html#map-vae", "notebooks/01_two", {"book/map"}), within("#eq", "book/map", {"book/map"})
    ('#p-book-map--map-vae', '#p-book-map--eq')
    """
    if re.match(r"\w+:|//", address):
        return address
    path, _, anchor = address.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page + ".html"
    name = target.removesuffix(".html")
    if name not in known:
        return address
    return "#" + key_of(name) + (f"--{anchor}" if anchor else "")


def set_apart(article: Tag) -> list[Tag]:
    """Take the solutions out of a chapter, and lead from each exercise to its own."""
    found = article.select("div.solution")
    for solution in found:
        solution["class"] = [name for name in solution["class"] if name != "dropdown"]
        link = solution.find("a", class_="reference")
        exercise = article.find(id=str(link["href"])[1:]) if link else None
        if exercise is not None:
            words = BeautifulSoup(f"<p class='to-solution'><a href='#{solution['id']}'>Solution</a></p>", "html.parser")
            exercise.append(words)
        solution.extract()
    return found


def counts(element: Tag) -> dict[str, int]:
    """How many figures, tables, formulas and so on an element holds."""
    return {name: len(element.select(selector)) for name, selector in COUNTED.items()}
