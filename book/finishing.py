"""What Sphinx leaves undone on a built page: identifiers that stand twice, what follows a formula, cut numbers."""

import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from naming import named

__all__ = ["finished", "kept", "once", "running", "twice", "whole"]

# sphinx_proof and sphinx_exercise give each of their blocks the same identifiers; nothing leads to them.
REPEATED = re.compile(
    r'(<section(?: class="[\w-]+")?|<div class="proof admonition") id="(?:(?:proof|exercise|solution)-content|proof)"'
)
FORMULA = re.compile(r'([(\[“‘]*)(<span class="math notranslate nohighlight">\\\(.*?\\\)</span>)([^\s<]*)', re.S)
CELL = re.compile(r"<td\b[^>]*>[^<]*</td>")  # of a table, without mark-up in it
PRINTED = re.compile(r'<div class="output stream ([^"]*"><div class="highlight"><pre>)(.*?)(?=</pre>)', re.S)
COLUMNS = re.compile(r"\S {3,}\S")  # what is printed stands in columns
PLAIN = re.compile(r"(?:^|(?<=<span></span>))[^<\n]+$", re.M)  # a line without mark-up in it
WIDTH = 96  # characters that have room in the column
NAME = re.compile(r"<td>(?=[^<]{1,12}</td>)(\w+(?:-\w+)+)</td>")  # alpha-GAN
PARTED = re.compile(r" (±|against) (?=[\dθηφ])| (?=\*</td>)")


def once(page: str) -> str:
    """A page of HTML without the identifiers of unnamed blocks.

    >>> once('<div class="proof admonition" id="proof"><section class="lemma-content" id="proof-content">')
    '<div class="proof admonition"><section class="lemma-content">'
    """
    return REPEATED.sub(r"\1", page)


def kept(page: str) -> str:
    """A page of HTML in which what touches a formula stays in its line: no line begins with a full stop.

    >>> kept(r'See <span class="math notranslate nohighlight">\\(x\\)</span>. On')
    'See <span class="kept"><span class="math notranslate nohighlight">\\\\(x\\\\)</span>.</span> On'
    """
    return FORMULA.sub(lambda m: f'<span class="kept">{m[0]}</span>' if m[1] or m[3] else m[0], page)


def whole(page: str) -> str:
    """A page of HTML whose tables keep on one line a number and its interval, two players, a short name.

    >>> whole("<td>0.41 ± 0.16</td> <td>θ against φ</td> <p>1 ± 2</p>").replace(chr(160), "_")
    '<td>0.41_±_0.16</td> <td>θ_against_φ</td> <p>1 ± 2</p>'
    """
    page = CELL.sub(lambda m: PARTED.sub(lambda gap: gap[0].replace(" ", "\N{NO-BREAK SPACE}"), m[0]), page)
    return NAME.sub(r'<td class="whole">\1</td>', page)


def running(page: str) -> str:
    """A page of HTML on which printed sentences wrap; what stands in columns is left to scroll, if no line is too long.

    >>> page = '<div class="output stream highlight"><div class="highlight"><pre>{}</pre></div></div>'
    >>> running(page.format("a sentence")) == page.replace("stream", "stream running").format("a sentence")
    True
    >>> running(page.format("GAN     0.5")) == page.format("GAN     0.5")
    True
    >>> running(page.format("GAN     0.5" + chr(10) + "word " * 20))[73:109]
    '0.5\\n<span class="sentence">word word'
    """

    def sentence(line):
        return line[0] if len(unescape(line[0])) <= WIDTH else f'<span class="sentence">{line[0]}</span>'

    def classed(printed):
        if COLUMNS.search(unescape(re.sub(r"<[^>]*>", "", printed[2]))):
            return f'<div class="output stream {printed[1]}' + PLAIN.sub(sentence, printed[2])
        return f'<div class="output stream running {printed[1]}{printed[2]}'

    return PRINTED.sub(classed, page)


class _Identifiers(HTMLParser):
    def __init__(self):
        super().__init__()
        self.counts: Counter[str] = Counter()

    def handle_starttag(self, tag, attrs):
        self.counts.update(value for name, value in attrs if name == "id")


def twice(page: str) -> list[str]:
    """The identifiers that more than one element of a page has.

    >>> twice('<p id="a"></p><p id="b"><i id="a"></i></p>')
    ['a']
    """
    reader = _Identifiers()
    reader.feed(page)
    return [name for name, count in reader.counts.items() if count > 1]


def finished(html: Path) -> None:
    """Rewrites the pages of a site."""
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf8")
        path.write_text(named(running(whole(kept(once(text))))), encoding="utf8")
