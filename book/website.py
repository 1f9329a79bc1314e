"""Builds the site from executed chapters with Sphinx, and checks every page of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cells
import checks
import colophon
import finishing
import lighter
import linking
import nbformat
import publishing
import times
from contents import BookError, digest, files, pages, source
from execute import Chapter, places
from folding import folded
from registry import Registry

__all__ = ["build", "check", "stage"]

STATIC_SUFFIXES = {".py", ".pyc", ".ipynb"}  # of book/, what is no part of the site's sources


def stage(root: Path, out: Path, toc: Path, notebooks: dict[str, Chapter], registry: Registry) -> str:
    """Writes out/src, the tree that Sphinx reads, and returns its digest."""
    target = out / "src"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    texts = {page: chapter.notebook for page, chapter in notebooks.items()}
    settings = publishing.configured((root / "_config.yml").read_text(encoding="utf8"))
    (target / "_config.yml").write_text(settings, encoding="utf8")
    shutil.copy(toc, target / "_toc.yml")
    shutil.copytree(
        root / "book",
        target / "book",
        ignore=lambda folder, names: [n for n in names if Path(n).suffix in STATIC_SUFFIXES or n == "__pycache__"],
    )
    if (target / "book" / "genindex.md").is_file():
        (target / "book" / "genindex.md").rename(target / "genindex.md")
    if (page := target / "book" / "checks.md").is_file():
        counts = {name: cells.census(chapter) for name, chapter in notebooks.items()}
        text = checks.filled(page.read_text(encoding="utf8"), registry, pages(toc), counts)
        page.write_text(text, encoding="utf8")
    if (page := target / "book" / "map.md").is_file():
        import zoomap  # only here, since it takes the seconds of importing torch

        page.write_text(zoomap.filled(page.read_text(encoding="utf8"), texts, registry.titles), encoding="utf8")
        models = {name: at.result for name, at in zoomap.PLACES.items()}
        entries = colophon.entries(registry, models)
        (target / "index.json").write_text(json.dumps(entries), encoding="utf8")  # read by checks.py
    for page in (target / "book").glob("*.md"):
        page.write_text(colophon.filled(page.read_text(encoding="utf8"), root), encoding="utf8")
    if (target / "book" / "api.md").is_file():
        import api  # the same

        for page in sorted((target / "book").glob("api*.md")):
            page.write_text(api.filled(page.read_text(encoding="utf8"), registry), encoding="utf8")
    if (page := target / "book" / "teachers.md").is_file():
        import syllabus  # the same

        page.write_text(syllabus.filled(page.read_text(encoding="utf8"), toc), encoding="utf8")
    if (page := target / "book" / "times.md").is_file():
        stored_on = (root / "notebooks" / "processor.txt").read_text(encoding="utf8").strip()
        page.write_text(times.filled(page.read_text(encoding="utf8"), notebooks, stored_on), encoding="utf8")
    for page, chapter in notebooks.items():
        path = target / (page + ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(folded(chapter), path)
    for folder in {source(root, page).parent for page in notebooks}:  # pictures in the text
        for picture in files(folder):
            if picture.suffix in {".png", ".svg", ".jpg", ".webp"}:
                copy = target / picture.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, copy)
    staged = files(target)
    requirements = (root / "requirements.txt").read_bytes() if (root / "requirements.txt").is_file() else b""
    here = [p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py"))]
    return digest(*here, requirements, *(x for p in staged for x in (str(p.relative_to(target)), p.read_bytes())))


def readable(line: str, source: Path) -> str:
    """A line of Sphinx's log without colours and long paths; notebook.ipynb:20007 is line 7 of the third cell."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line).replace(str(source) + os.sep, "")
    return re.sub(r"\.ipynb:(\d+)", lambda m: f".ipynb, cell {int(m[1]) // 10000 + 1}, line {int(m[1]) % 10000}", line)


def build(out: Path, strict: bool) -> None:
    """A complete build: an incremental one hides the warnings of pages that it does not read again."""
    for old in ("html", "sphinx"):
        shutil.rmtree(out / old, ignore_errors=True)
    # Jupyter Book writes PATH/_build/html and clutters PATH/_build: it gets a folder of its own.
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(out / "src"),
    ]
    command += ["--path-output", str(out / "sphinx"), "-n", "-q", *(["-W", "--keep-going"] if strict else [])]
    # _config.yml names checks.py as an extension of Sphinx.
    env = places() | {"NO_COLOR": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).resolve().parent)}
    run = subprocess.run(command, capture_output=True, text=True, env=env)
    log = run.stdout + run.stderr
    (out / "sphinx.log").write_text(log, encoding="utf8")
    warnings = [line for line in log.splitlines() if re.search(r"WARNING|ERROR|CRITICAL|rror:", line)]
    told = "\n".join("  " + readable(line, out / "src") for line in warnings or log.splitlines()[-15:])
    if run.returncode:
        raise BookError(f"Sphinx is not content (its whole log: {out.name}/sphinx.log):\n{told}")
    if warnings:
        print(told)
    (out / "sphinx" / "_build" / "html").rename(out / "html")
    linking.linked(out / "html")
    finishing.finished(out / "html")
    publishing.published(out / "html", out / "src")
    lighter.lighter(out / "html")
    shutil.rmtree(out / "sphinx")


# -- checking ------------------------------------------------------------------------------------------------

EXTERNAL = [
    re.compile(
        r"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\ssrc\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)", re.I
    ),
    re.compile(
        r"<link\b(?=[^>]*\brel\s*=\s*[\"']?(?:stylesheet|preload|prefetch|icon|shortcut|modulepreload|preconnect))"
        r"[^>]*?\shref\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)",
        re.I,
    ),
    re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.I),
    re.compile(r"\bimport\s*\(?\s*[\"']((?:https?:)?//[^\"']+)", re.I),
]


def external(text: str) -> list[str]:
    """Addresses outside the site that a browser loads to show this HTML or CSS (links to click are fine)."""
    return [hit for pattern in EXTERNAL for hit in pattern.findall(text)]


def words(html: str) -> int:
    """How many words the article of a built page has."""
    article = re.search(r"<article\b.*?</article>", html, re.S)
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", article.group() if article else "", flags=re.S)
    return len(re.findall(r"\w+", text))


def citations(page: str) -> list[tuple[str, str]]:
    """(how it reads, which work it is) of every citation of an HTML page, such as ("Che et al., 2017a", "id12")."""
    found = []
    for span in re.findall(r'<span class="bibtex-citation".*?</span>', page, re.S):
        for before, work, text in re.findall(r'([^\]]*?)<a [^>]*#([^"]+)"[^>]*>(.*?)</a>', span, re.S):
            author, year = re.sub(r"<[^>]*>", "", before).strip("[ ,;\n"), re.sub(r"<[^>]*>", "", text)
            reads = f"{author}, {year}" if year[:1].isdigit() else year  # Author [year], or [Author, year]
            if not reads.startswith(","):  # the year alone: the author stands in the text
                found.append((" ".join(reads.split()), work))
    return found


def check(html: Path, toc: Path, least: int = 20) -> list[str]:
    """What is wrong with the built site: one line per finding."""
    found = []
    for page in pages(toc):
        path = html / (page + ".html")
        if not path.is_file():
            found.append(f"{page}: there is no page")
        elif words(path.read_text(encoding="utf8")) < (1 if page == "genindex" else least):
            found.append(f"{page}: the page is empty")
    works: dict[str, str] = {}  # how a citation reads -> the first work that reads so
    for path in files(html):
        if path.suffix in {".html", ".css"}:
            name, text = path.relative_to(html), path.read_text(encoding="utf8")
            found += [f"{name}: loads {address}" for address in external(text)]
            found += [
                f"{name}: two elements have the id {twin}" for twin in finishing.twice(text) if path.suffix == ".html"
            ]
            cited = [(reads, work) for reads, work in citations(text) if works.setdefault(reads, work) != work]
            found += [f"{name}: two works read {reads}; give their years letters" for reads, _ in dict.fromkeys(cited)]
    return found
