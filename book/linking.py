"""In the code of a built page, each name of the library is a link to its entry in the API reference."""

import ast
import re
from html import unescape
from pathlib import Path

import ganvae_lib

__all__ = ["dead", "linked"]

CODE = re.compile(r'(<div class="highlight-(?:python|ipython3) [^"]*"><div class="highlight"><pre>)(.*?)(</pre>)', re.S)
TOKEN = re.compile(
    r'(?P<dot><span class="o">\.</span>)?(?P<first><span class="n\w*">(?P<name>\w+)</span>)'
    r'(?P<rest><span class="o">\.</span><span class="n\w*">(?P<part>\w+)</span>)?(?P<keyword><span class="o">=</span>)?'
)


def written(code: str) -> str:
    """The code that a browser shows."""
    return unescape(re.sub(r"<[^>]*>", "", code))


def names(blocks: list[str]) -> dict[str, str]:
    """What the imports of a page call a name of the library, unless something else gets that name on the page."""
    found, taken = {}, set()
    for block in blocks:
        try:
            tree = ast.parse(written(block))
        except SyntaxError:
            continue  # a command line, or a part of a program
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in {"ganvae_lib", "ganvae_course"}:
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                taken.add(node.id)
            elif isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef):
                taken.add(node.arg if isinstance(node, ast.arg) else node.name)
    return {name: full for name, full in found.items() if name not in taken}


def anchor(full: str, part: str | None, known: dict[str, str]) -> tuple[str | None, bool]:
    """The entry of ganvae_lib.build, or of part of ganvae_lib.nets; and whether it is the part's."""
    module = ganvae_lib._MODULES.get(full.removeprefix("ganvae_lib."))
    if module is None:
        return (full if full in known else None), False
    for entry in (f"ganvae_lib.{module}.{part}", f"ganvae_lib.{part}"):
        if part and entry in known:
            return entry, True
    return (entry if (entry := f"module-ganvae_lib.{module}") in known else None), False


def link(text: str, entry: str, up: str, known: dict[str, str]) -> str:
    return f'<a class="api" href="{up}{known[entry]}#{entry}">{text}</a>'


def linked(html: Path) -> None:
    """Rewrites the pages of a site; one without a reference stays as it is."""
    known: dict[str, str] = {}  # an entry -> the page with it
    pages = sorted(html.glob("*/*.html"))
    for page in pages:
        if page.name.startswith("api"):
            ids = re.findall(r'\bid="((?:module-)?ganvae_[\w.]+)"', page.read_text(encoding="utf8"))
            known |= dict.fromkeys(ids, f"{page.parent.name}/{page.name}")
    for page in pages if known else []:
        text = page.read_text(encoding="utf8")
        called = names([code for _, code, _ in CODE.findall(text)])

        def token(found: re.Match, called=called) -> str:
            if found["dot"] or found["name"] not in called or (found["keyword"] and not found["rest"]):
                return found[0]
            entry, whole = anchor(called[found["name"]], found["part"], known)
            if entry is None:
                return found[0]
            text = found["first"] + (found["rest"] or "" if whole else "")
            return link(text, entry, "../", known) + found[0][len(text) :]

        page.write_text(CODE.sub(lambda m, token=token: m[1] + TOKEN.sub(token, m[2]) + m[3], text), encoding="utf8")


def dead(html: Path) -> list[str]:
    """The links of the pages to places that are not there, a line each."""
    ids: dict[Path, set[str]] = {}
    found = []
    for page in sorted(html.rglob("*.html")):
        for address, place in re.findall(r'href="([^"#:?]*)#([^"]+)"', page.read_text(encoding="utf8")):
            target = (page.parent / address).resolve() if address else page.resolve()
            if target not in ids:
                text = target.read_text(encoding="utf8") if target.is_file() and target.suffix == ".html" else ""
                ids[target] = set(map(unescape, re.findall(r'\b(?:id|name)="([^"]+)"', text)))
            if unescape(place) not in ids[target]:
                found.append(f"{page.relative_to(html)}: there is no {address}#{place}")
    return list(dict.fromkeys(found))
