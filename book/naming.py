"""What a screen reader says of links and folds: "show code" twenty times, or "2018", says nothing out of its place."""

import re
from html import escape

__all__ = ["named"]

FOLD = re.compile(r"<summary>(show code(?: and output)?|show the answer)</summary>")
CHECK = re.compile(r'<p class="check-line">(?:(?!</p>).)*</p>\s*<div class="cell [^>]*>\s*<details[^>]*>$', re.S)
FIGURE = re.compile(r'<span class="caption-number">(\w+ [\d.]+)')
# An entry of the contents that has pages below it, and what opens them.
ENTRY = re.compile(r"(<a [^>]*>([^<]*)</a><details[^>]*><summary)>")
CITED = re.compile(r'<span class="bibtex-citation".*?</span>', re.S)
YEAR = re.compile(r"((?:[^\]<>]|</?em>)*)\[(<a )([^>]*>)(\d{4}\w?)</a>")
CHAPTER = re.compile(r'(<a )([^>]*title="[^"]*"><span class="doc">)(\d+)(?=</span></a>)')


def plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", markup).split())


def fold(page: str, found: re.Match) -> str:
    """The summary of a fold, which says whose code it holds: that of a check, or of the figure beneath."""
    words, of = found[1], ""
    if check := CHECK.search(page[max(0, found.start() - 2500) : found.start()]):
        of = " of the check of " + re.split(r" on |: ", plain(check[0]).removeprefix("checked: "))[0]
    else:
        output = page.find("</details>", found.end())
        next_one = min(k for k in (page.find(mark, output) for mark in ("<details", "<h2", "</article")) if k > 0)
        if figure := FIGURE.search(page, output, next_one):
            of = f" of {figure[1].rstrip('.')}"
    return f'<summary aria-label="{words}{of}">{words}</summary>' if of else found[0]


def citation(span: re.Match) -> str:
    """A citation whose link has the author as well as the year."""
    name = lambda year: escape(f"{plain(year[1]).strip(', ;')}, {year[4]}")
    return YEAR.sub(lambda year: f'{year[1]}[{year[2]}aria-label="{name(year)}" {year[3]}{year[4]}</a>', span[0])


def named(page: str) -> str:
    """A page of HTML whose folds and links say by themselves what they hold and where they lead.

    >>> named('<a href="a.html">API</a><details><summary><i></i></summary>')
    '<a href="a.html">API</a><details><summary aria-label="The pages of API"><i></i></summary>'
    >>> named('<a href="3.html" title="The VAE"><span class="doc">3</span></a>')
    '<a aria-label="chapter 3" href="3.html" title="The VAE"><span class="doc">3</span></a>'
    """
    page = ENTRY.sub(r'\1 aria-label="The pages of \2">', page)
    page = CITED.sub(citation, page)
    page = CHAPTER.sub(r'\1aria-label="chapter \3" \2\3', page)
    return FOLD.sub(lambda found: fold(page, found), page)
