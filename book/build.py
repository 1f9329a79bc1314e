"""Executes the chapters, builds the site, checks it.

    python book/build.py            executes what has changed, builds _build/html, checks every page
    python book/build.py --write    executes likewise and writes the outputs into notebooks/, for committing
    python book/build.py --only 03  a draft of the chapters with "03" in their name, in _build/only/03; not strict

A chapter is executed again when its code cells, the library, the committed results, requirements.txt or
GANVAE_SCALE have changed. Its outputs are kept in _build/executed and merged with the current text, so an edited
sentence costs no execution.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checks
import nbformat
import yaml
import zoomap
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from registry import Registry

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NO_BARS = {"GANVAE_PROGRESS": "0"}  # a bar in a stored output is noise
STATIC_SUFFIXES = {".py", ".pyc", ".ipynb"}  # of book/, what is no part of the site's sources


class BookError(Exception):
    """The book cannot be built; the message says why."""


# -- what the book consists of -------------------------------------------------------------------------------


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


# -- executing -----------------------------------------------------------------------------------------------


def environment_key(root: Path) -> str:
    """Whatever besides its own code can change what a chapter prints."""
    used = [p for p in files(root / "ganvae_lib", root / "results") if p.suffix in {".py", ".json"}]
    used.append(root / "requirements.txt")
    scale = os.environ.get("GANVAE_SCALE", "small")
    return digest(sys.version, scale, *(x for p in used if p.is_file() for x in (p.name, p.read_bytes())))


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def chapter_key(notebook, environment: str) -> str:
    return digest(environment, *(cell.source for cell in code_cells(notebook)))


def failure(path: Path, notebook, index: int, what: str, timeout: int) -> str:
    cell = notebook.cells[index]
    number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
    error = next((o for o in cell.get("outputs", []) if o.output_type == "error"), None)
    if what == "timeout":
        what = f"it ran longer than {timeout} s"
    elif error is not None:
        # torch and others colour their messages
        plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in "\n".join(error.traceback).splitlines()]
        what = f"{error.ename}: {error.evalue}\n" + "\n".join("    " + line for line in plain[-25:])
    return f"{path.name}, cell {index + 1} (In [{number}]) failed: {what}"


def execute(path: Path, notebook, timeout: int) -> list[dict]:
    """Runs a copy of the notebook in its own folder with one thread; the outputs, one entry per code cell."""
    started = [0]
    notebook = nbformat.from_dict(notebook)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns at every start that it uses local TCP
        on_cell_start=lambda cell, cell_index: started.__setitem__(0, cell_index),
    )
    try:
        client.execute(env={"GANVAE_SCALE": "small"} | dict(os.environ) | ONE_THREAD | NO_BARS)
    except CellExecutionError:
        raise BookError(failure(path, notebook, started[0], "error", timeout)) from None
    except CellTimeoutError:
        raise BookError(failure(path, notebook, started[0], "timeout", timeout)) from None
    except DeadKernelError:
        raise BookError(failure(path, notebook, started[0], "the kernel died (out of memory?)", timeout)) from None
    if "widgets" in notebook.metadata:
        raise BookError(f"{path.name} makes ipywidgets, dead in a page without a kernel: use plain HTML and JS.")
    return [{"execution_count": c.execution_count, "outputs": c.outputs} for c in code_cells(notebook)]


def executed(root: Path, path: Path, environment: str, timeout: int):
    """The chapter with its current text and the outputs of its current code; how many seconds; whether it ran now."""
    notebook = nbformat.read(path, as_version=4)
    key = chapter_key(notebook, environment)
    cache = root / "_build" / "executed" / (path.stem + ".json")
    kept = json.loads(cache.read_text(encoding="utf8")) if cache.is_file() else {}
    fresh = kept.get("key") != key
    if fresh:
        begun = time.perf_counter()
        outputs = execute(path, notebook, timeout)
        kept = {"key": key, "seconds": round(time.perf_counter() - begun, 1), "cells": outputs}
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(".part")
        part.write_text(json.dumps(kept), encoding="utf8")
        part.replace(cache)
    for cell, saved in zip(code_cells(notebook), kept["cells"], strict=True):
        cell.execution_count = saved["execution_count"]
        cell.outputs = [nbformat.from_dict(o) for o in saved["outputs"]]
    # What differs between machines without meaning anything.
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("ExecuteTime", None)
    return notebook, kept["seconds"], fresh


def chapters(root: Path, toc: Path, jobs: int, timeout: int) -> dict[str, object]:
    """Page -> executed notebook. All chapters run even if one fails, so that the log has every failure."""
    todo = {page: path for page in pages(toc) if (path := source(root, page)).suffix == ".ipynb"}
    environment = environment_key(root)
    done, failures = {}, []
    width = max((len(page) for page in todo), default=0)
    with ThreadPoolExecutor(jobs) as pool:
        running = {page: pool.submit(executed, root, path, environment, timeout) for page, path in todo.items()}
        for page, future in running.items():
            try:
                done[page], seconds, fresh = future.result()
                print(f"  {page:{width}}  {seconds:6.1f} s{'' if fresh else '  (unchanged, kept)'}", flush=True)
            except BookError as error:
                failures.append(str(error))
                print(f"  {page:{width}}  FAILED", flush=True)
    if failures:
        raise BookError("\n".join(failures))
    return done


# -- building ------------------------------------------------------------------------------------------------


def stage(root: Path, out: Path, toc: Path, notebooks: dict[str, object], registry: Registry) -> str:
    """Writes out/src, the tree that Sphinx reads, and returns its digest."""
    target = out / "src"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(root / "_config.yml", target / "_config.yml")
    shutil.copy(toc, target / "_toc.yml")
    shutil.copytree(
        root / "book",
        target / "book",
        ignore=lambda folder, names: [n for n in names if Path(n).suffix in STATIC_SUFFIXES or n == "__pycache__"],
    )
    if (target / "book" / "genindex.md").is_file():
        (target / "book" / "genindex.md").rename(target / "genindex.md")
    if (page := target / "book" / "checks.md").is_file():
        page.write_text(checks.filled(page.read_text(encoding="utf8"), registry, pages(toc)), encoding="utf8")
    if (page := target / "book" / "map.md").is_file():
        page.write_text(zoomap.filled(page.read_text(encoding="utf8"), notebooks, registry.titles), encoding="utf8")
    for page, notebook in notebooks.items():
        path = target / (page + ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
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
    env = dict(os.environ) | {"NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).resolve().parent)}
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


def check(html: Path, toc: Path, least: int = 20) -> list[str]:
    """What is wrong with the built site: one line per finding."""
    found = []
    for page in pages(toc):
        path = html / (page + ".html")
        if not path.is_file():
            found.append(f"{page}: there is no page")
        elif words(path.read_text(encoding="utf8")) < (1 if page == "genindex" else least):
            found.append(f"{page}: the page is empty")
    for path in files(html):
        if path.suffix in {".html", ".css"}:
            found += [
                f"{path.relative_to(html)}: loads {address}" for address in external(path.read_text(encoding="utf8"))
            ]
    return found


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the outputs into the notebooks, build no site")
    parser.add_argument(
        "--only", metavar="NAME", help="a draft of some chapters, in _build/only/NAME; warnings are no errors"
    )
    parser.add_argument("--jobs", type=int, default=2, help="chapters that run at the same time")
    slow = os.environ.get("GANVAE_SCALE") == "full"  # its cells train for minutes to hours
    parser.add_argument("--timeout", type=int, default=86_400 if slow else 600, help="seconds for one cell")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    out, toc = root / "_build", root / "_toc.yml"
    try:
        if options.only:
            out = out / "only" / options.only
            out.mkdir(parents=True, exist_ok=True)
            (out / "_toc.yml").write_text(shorter(toc, options.only), encoding="utf8")
            toc = out / "_toc.yml"
        registry = Registry(root)
        if registry.problems and not options.only and not options.write:
            raise BookError("The registry has gaps:\n" + "\n".join("  " + line for line in registry.problems))
        print("Chapters", flush=True)
        notebooks = chapters(root, toc, options.jobs, options.timeout)
        if options.write:
            for page, notebook in notebooks.items():
                nbformat.write(notebook, source(root, page))
            print("The outputs are in the notebooks.")
            return 0
        begun = time.perf_counter()
        key = stage(root, out, toc, notebooks, registry)
        html = out / "html"
        stamp = html / ".built"
        fresh = not (stamp.is_file() and stamp.read_text(encoding="utf8") == key)
        if fresh:
            build(out, strict=not options.only)
        problems = check(html, toc)
        if problems:
            stamp.unlink(missing_ok=True)
            raise BookError("The site is not whole:\n" + "\n".join("  " + line for line in problems))
        stamp.write_text(key, encoding="utf8")
    except BookError as error:
        print(f"\nThe book was not built.\n{error}", file=sys.stderr)
        return 1
    for line in registry.problems:  # of a draft
        if line.startswith((*notebooks, "ganvae_lib/")):
            print("  " + line)
    print(registry)
    took = f"built in {time.perf_counter() - begun:.1f} s" if fresh else "unchanged"
    print(f"Site: {took}, {len(pages(toc))} pages checked. It is in {html}")
    print(f"Open {(html / 'index.html').as_uri()} in a browser (no server, no network needed), or run `make serve`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
