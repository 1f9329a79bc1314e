"""What the book consists of: its pages in reading order, and the files in which they stand."""

import hashlib
import re
from pathlib import Path

import yaml

__all__ = ["BookError", "digest", "files", "pages", "shorter", "source"]


class BookError(Exception):
    """The book cannot be built; the message says why."""


def pages(toc: Path) -> list[str]:
    """The documents of a _toc.yml, in reading order, without suffix."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            found.extend(str(node[key]) for key in ("root", "file") if key in node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(yaml.safe_load(toc.read_text(encoding="utf8")))
    return [re.sub(r"\.(md|ipynb|rst)$", "", page) for page in found]


def shorter(toc: Path, only: str) -> str:
    """The text of _toc.yml less the chapters whose name does not hold `only`."""

    def keep(entry):
        return only in entry["file"] or not entry["file"].startswith("notebooks/")

    tree = yaml.safe_load(toc.read_text(encoding="utf8"))
    for part in tree.get("parts", []):
        part["chapters"] = [entry for entry in part["chapters"] if keep(entry)]
    tree["parts"] = [part for part in tree.get("parts", []) if part["chapters"]]
    return yaml.safe_dump(tree, sort_keys=False)


def source(root: Path, page: str) -> Path:
    """The file of a page. The index lies in book/, but Sphinx writes it at the top: so it is staged there."""
    stem = "book/genindex" if page == "genindex" else page
    for suffix in (".ipynb", ".md"):
        path = root / (stem + suffix)
        if path.is_file():
            return path
    raise BookError(f"_toc.yml names the page {page!r}, but neither {stem}.ipynb nor {stem}.md exists.")


def digest(*parts: bytes | str) -> str:
    h = hashlib.sha256()
    for part in parts:
        part = part.encode() if isinstance(part, str) else part
        h.update(str(len(part)).encode() + b":" + part)
    return h.hexdigest()


def files(*where: Path) -> list[Path]:
    return sorted(p for folder in where for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
