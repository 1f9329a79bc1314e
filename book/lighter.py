"""Takes from a built site what no page of it shows: icons of the theme, and scripts of the search from other pages.

Pictures are loaded when they come near the window; their sizes stand in the page, so that nothing moves then.
"""

import re
import struct
from pathlib import Path

from contents import BookError
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

__all__ = ["icons", "lighter", "pictures", "without_search"]

# One icon of fontawesome.js: bars:[448,512,["navicon"],"f0c9","M0 96..."], with one path or two.
ICON = re.compile(r'(?:"([\w-]+)"|\b(\w+)):\[\d+,\d+,(\[[^\]]*\]),"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?')
# A rule of the style sheet that writes an icon with the font; the script draws them instead, without a font.
RULE = re.compile(r'(?:\.fa-[\w-]+:{1,2}before,?)+\{content:"\\[0-9a-f]+(?:\\[0-9a-f]+)?"\}')
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
IMAGE = re.compile(r'<img\b(?![^>]*\bloading=)([^>]*?\bsrc="([^":]+\.png)"[^>]*?)(\s*/?>)')


def icons(script: str, used: set[str]) -> str:
    """fontawesome.js with the icons used only, by their names. Raises BookError for one that it does not have.

    >>> icons('{bars:[448,512,["navicon"],"f0c9","M0"],"a-b":[1,2,[],"f0","M1"]}', {"navicon"})
    '{bars:[448,512,["navicon"],"f0c9","M0"],}'
    """
    found = set()

    def chosen(icon: re.Match) -> str:
        names = {icon[1] or icon[2], *re.findall(r'"([\w-]+)"', icon[3])} & used
        found.update(names)
        return icon[0] if names else ""

    script = ICON.sub(chosen, script)
    if missing := used - found:
        raise BookError(f"fontawesome.js has no icon {', '.join(sorted(missing))}")
    return script


def without_search(page: str) -> str:
    """A page of HTML without the index of the search, which only search.html reads."""
    return SEARCH.sub("", page)


def pictures(page: str, folder: Path) -> str:
    """A page of HTML, in ``folder``, whose pictures have sizes and wait until they are near."""

    def waiting(image: re.Match) -> str:
        header = (folder / image[2]).read_bytes()[:24] if (folder / image[2]).is_file() else b""
        if not header.startswith(b"\x89PNG") or re.search(r"\b(?:width|height)=", image[1]):
            return f'<img loading="lazy"{image[1]}{image[3]}'
        width, height = struct.unpack(">II", header[16:24])
        return f'<img loading="lazy" width="{width}" height="{height}"{image[1]}{image[3]}'

    return IMAGE.sub(waiting, page)


def shrunk(font: Path, used: set[int]) -> None:
    """Leave in a font file the characters used only."""
    options = Options()
    options.notdef_outline, options.recalc_timestamp = True, False
    subsetter, opened = Subsetter(options), TTFont(font)
    subsetter.populate(unicodes=used)
    subsetter.subset(opened)
    opened.save(font)


def lighter(html: Path) -> None:
    """Rewrites the pages, the icons and the fonts of a site."""
    static, names = html / "_static", set()
    script = static / "scripts" / "fontawesome.js"
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf8")
        text = text if path.name == "search.html" else without_search(text)
        text = pictures(text, path.parent)
        path.write_text(text, encoding="utf8")
        names.update(*(re.findall(r"\bfa-([\w-]+)", attribute) for attribute in re.findall(r'class="([^"]*)"', text)))
    for path in static.rglob("*.js"):
        if path != script:
            names.update(re.findall(r"\bfa-([\w-]+)", path.read_text(encoding="utf8")))
    if not script.is_file():
        return
    names -= {"solid", "regular", "brands", "lg", "sm", "xs", "2x", "fw", "stack", "spin"}  # styles, no icons
    script.write_text(icons(script.read_text(encoding="utf8"), names), encoding="utf8")
    used: set[int] = set()
    for path in static.rglob("*.css"):
        text = path.read_text(encoding="utf8")
        left = RULE.sub("", text)
        used.update(int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})\b", left))
        used.update(map(ord, re.findall("[\ue000-\uf8ff]", left)))  # written as what they are: icons of admonitions
        left = re.sub(r'url\([^)]*webfonts/[\w-]+\.woff2\) format\("woff2"\),', "", left)
        if left != text:
            path.write_text(left, encoding="utf8")
    for font in (static / "vendor" / "fontawesome" / "webfonts").iterdir():
        if font.suffix == ".ttf":
            shrunk(font, used)
        else:
            font.unlink()
