"""What a site has where it is published and lacks elsewhere, by two settings of _config.yml that are empty at first.

- ``repository: url``: links to the sources, to edit them and to file an issue; Colab and Binder open the chapters.
- ``html: baseurl``: what search engines, and those who link to a page, show of it: words, a picture; sitemap.xml.

    python book/publishing.py FILE...   the PDF and the ePub go into _build/html, with links on its first page
"""

import re
import shutil
import sys
from html import escape, unescape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from contents import BookError, pages
from PIL import Image

__all__ = ["configured", "description", "offered", "published"]

HOSTS = "https://github.com", "https://gitlab.com"  # whose pages the theme knows
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
BUTTONS = "use_repository_button", "use_edit_page_button", "use_issues_button", "use_source_button"
FIGURE, PICTURE, SIZE = "_static/overview.png", "_static/social.png", (1200, 630)  # pixels, as networks ask for them
PLACE = re.compile('<span class="files">.*?</span>')  # in book/intro.md: here links to the whole book go
FORMS = {".pdf": "PDF", ".epub": "ePub"}
LENGTH = 200  # characters of a description that are shown


def configured(text: str) -> str:
    """_config.yml as Sphinx gets it: with a repository, all that leads there. Raises BookError for a wrong address."""
    settings = yaml.safe_load(text)
    repository = settings.get("repository", {})
    url = repository.get("url", "").removesuffix("/").removesuffix(".git")
    base = settings["html"].get("baseurl", "")
    if base and not re.fullmatch(r"https?://[^\s/]+/(\S+/)?", base):
        raise BookError(f"html: baseurl in _config.yml must be like https://owner.github.io/name/, and is {base!r}.")
    if not url:
        return text
    host = next((host for host in HOSTS if re.fullmatch(rf"{re.escape(host)}/[\w.-]+/[\w.-]+", url)), None)
    if host is None:
        told = " or ".join(f"{host}/owner/name" for host in HOSTS)
        raise BookError(f"repository: url in _config.yml must be like {told}, and is {url!r}.")
    settings["repository"] = {"branch": "main"} | repository | {"url": url}
    options = settings["sphinx"]["config"]["html_theme_options"]
    options |= dict.fromkeys(BUTTONS, True)
    settings["launch_buttons"] |= {"binderhub_url": BINDER} | ({"colab_url": COLAB} if host == HOSTS[0] else {})
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)


def description(page: str) -> str:
    """What a page of HTML says first: a paragraph of its text without formulas, cut where a word ends.

    >>> description("<article><div class='admonition'><p>Time: 1 h.</p></div><p>Some <b>words</b>.</p></article>")
    'Some words.'
    """
    article = BeautifulSoup(page, "html.parser").find("article")
    for paragraph in article.find_all("p") if article else []:
        words = " ".join(paragraph.get_text().split())
        apart = paragraph.find(class_="math") or paragraph.find_parent(class_=["admonition", "cell", "toctree-wrapper"])
        if " " in words and not apart:
            return words if len(words) <= LENGTH else words[: LENGTH - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
    return ""


def card(page: str, base: str, name: str, site: str) -> str:
    """The lines for the head of a page that is read at base + name: what is said of it elsewhere."""
    heading = re.search(r"<h1>(.*?)</h1>", page, re.S)
    title = " ".join(unescape(re.sub(r"<[^>]*>", "", heading[1])).rstrip("#").split()) if heading else site
    told = description(page) or title
    graph = {"type": "article", "site_name": site, "title": title, "description": told, "url": base + name}
    graph |= {"image": base + PICTURE, "image:width": SIZE[0], "image:height": SIZE[1]}
    lines = [f'<meta name="description" content="{escape(told)}">']
    lines += [f'<meta property="og:{key}" content="{escape(str(value))}">' for key, value in graph.items()]
    return "\n".join([*lines, '<meta name="twitter:card" content="summary_large_image">', ""])


def picture(figure: Path, out: Path) -> None:
    """The figure on white, as large as it fits."""
    drawn, sheet = Image.open(figure).convert("RGBA"), Image.new("RGBA", SIZE, "white")
    scale = min((SIZE[0] - 40) / drawn.width, (SIZE[1] - 40) / drawn.height)
    drawn = drawn.resize((round(drawn.width * scale), round(drawn.height * scale)), Image.Resampling.LANCZOS)
    sheet.alpha_composite(drawn, ((SIZE[0] - drawn.width) // 2, (SIZE[1] - drawn.height) // 2))
    sheet.convert("RGB").quantize(64).save(out, optimize=True)


def published(html: Path, source: Path) -> None:
    """With a base address, what others show of the site: its pages get their descriptions, and a list for crawlers."""
    settings = yaml.safe_load((source / "_config.yml").read_text(encoding="utf8"))
    base = settings["html"].get("baseurl", "")
    if not base:
        return
    names = [f"{page}.html" for page in pages(source / "_toc.yml")]
    for name in names:
        text = (html / name).read_text(encoding="utf8")
        told = card(text, base, name, settings["title"])
        (html / name).write_text(text.replace("</head>", told + "</head>", 1), encoding="utf8")
    picture(html / FIGURE, html / PICTURE)
    rows = "".join(f"  <url><loc>{escape(base + name)}</loc></url>\n" for name in names)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    listed = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">\n{rows}</urlset>\n'
    (html / "sitemap.xml").write_text(listed, encoding="utf8")


def offered(html: Path, found: list[Path]) -> None:
    """Put the whole book, a file for each form, into a built site, and links to it on the first page."""
    links = []
    for path in found:
        shutil.copy(path, html / path.name)
        size = f"{path.stat().st_size / 2**20:.0f} MB"
        links.append(f'<a class="reference external" href="../{path.name}">{FORMS[path.suffix]}</a> ({size})')
    first = html / "book" / "intro.html"
    told = f'<span class="files"> The whole book is also one file: {" or ".join(links)}.</span>'
    text, places = PLACE.subn(told if links else '<span class="files"></span>', first.read_text(encoding="utf8"))
    if places != 1:
        raise BookError(f"{first} has {places} places for links to the whole book, and needs one.")
    first.write_text(text, encoding="utf8")


if __name__ == "__main__":
    offered(Path(__file__).resolve().parents[1] / "_build" / "html", [Path(name) for name in sys.argv[1:]])
