"""Executes the chapters, and keeps the outputs of those whose code and surroundings have not changed."""

import ast
import asyncio
import json
import os
import platform
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import nbformat
from contents import BookError, digest, files, pages, source
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

__all__ = ["Chapter", "chapters", "code_cells", "places", "recalled"]

WATCH = Path(__file__).with_name("kernel.py")  # with measured.py beside it
# Of the caller's environment a kernel sees these and whatever begins with GANVAE_, and nothing else.
PLACES = """PATH HOME USER LOGNAME TMPDIR TMP TEMP SYSTEMROOT LD_LIBRARY_PATH DYLD_LIBRARY_PATH XDG_CACHE_HOME
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy""".split()
KEPT = ["CUDA_VISIBLE_DEVICES"]  # unlike places, it can change what a chapter prints
FIXED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "GANVAE_PROGRESS": "0",  # a bar in a stored output is noise
}


def surroundings() -> dict[str, str]:
    """The variables, other than places, that a kernel sees."""
    given = {name: value for name, value in os.environ.items() if name.startswith("GANVAE_") or name in KEPT}
    return {"GANVAE_SCALE": "small"} | given | FIXED


def places() -> dict[str, str]:
    return {name: os.environ[name] for name in PLACES if name in os.environ}


def environment(root: Path, scratch: str) -> dict[str, str]:
    """All that a kernel sees: its library is the book's; IPython and matplotlib do not read the user's settings."""
    settings = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "matplotlibrc"
    own = {"PYTHONPATH": str(root), "IPYTHONDIR": scratch, "MATPLOTLIBRC": str(settings)}
    return places() | own | surroundings()


def environment_key(root: Path) -> str:
    """Whatever besides its own code can change what a chapter prints, or what is noted of it."""
    course = sorted((root / "ganvae_course").glob("*.py"))  # each chapter's own exercises are in its key
    used = [
        *files(root / "ganvae_lib", root / "results"),
        *course,
        *(p for p in (root / "requirements.txt",) if p.is_file()),
    ]
    installed = sorted(path.name for place in sys.path for path in Path(place).glob("*.dist-info"))  # name-version
    seen = [f"{name}={value}" for name, value in sorted(surroundings().items())]
    watching = [WATCH.with_name(name).read_bytes() for name in ("kernel.py", "measured.py")]
    contents = (part for path in used for part in (str(path.relative_to(root)), path.read_bytes()))
    return digest(sys.version, platform.machine(), *installed, *seen, *watching, *contents)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def chapter_key(root: Path, path: Path, notebook, environment: str) -> str:
    judges = root / "ganvae_course" / "chapters" / f"ch{path.name[:2]}.py"
    judged = judges.read_bytes() if judges.is_file() else b""
    return digest(environment, judged, *(cell.source for cell in code_cells(notebook)))


@dataclass
class Chapter:
    notebook: nbformat.NotebookNode  # its current text with the outputs of its current code
    stored: list  # the outputs that its file holds, one entry per code cell
    asserts: dict[str, list[int]]  # "number of the cell:line:column" of an assert that held -> in which cells it did
    measured: dict[str, dict]  # execution count -> what the cell's asserts compared, see measured.py
    seconds: float
    fresh: bool  # whether it ran now

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s{'' if self.fresh else '  (unchanged, kept)'}"


# -- running ---------------------------------------------------------------------------------------------------


class OwnKernel(AsyncKernelManager):
    """A kernel of the Python that builds, whatever kernels are installed under its name."""

    def _kernel_spec_manager_default(self):
        return KernelSpecManager(parent=self, kernel_dirs=[])


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


def plain(path: Path, notebook) -> None:
    """Every cell must be Python: what a magic runs, or does not run, cannot be told from its text."""
    for number, cell in enumerate(notebook.cells, 1):
        try:
            ast.parse(cell.source if cell.cell_type == "code" else "")
        except SyntaxError as error:
            where = f"{path.name}, cell {number}, line {error.lineno}"
            raise BookError(f"{where}: this is not plain Python: {error.msg}") from None


def execute(root: Path, path: Path, notebook, timeout: int) -> tuple[list[dict], dict]:
    """Runs a copy of the notebook in its own folder: the outputs of each code cell, what was seen of the asserts."""
    plain(path, notebook)
    started = [0]
    notebook = nbformat.from_dict(notebook)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    report = nbformat.v4.new_code_cell("__asserts__.report()")
    notebook.cells.append(report)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_manager_class=OwnKernel,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        force_raise_errors=True,  # whatever tags a cell has
        skip_cells_with_tag="",
        # the kernel warns at every start that it uses local TCP
        extra_arguments=["--IPKernelApp.log_level=ERROR", f"--IPKernelApp.exec_files={WATCH}"],
        on_cell_start=lambda cell, cell_index: started.__setitem__(0, cell_index),
    )
    why = {
        CellExecutionError: "error",
        CellTimeoutError: "timeout",
        DeadKernelError: "the kernel died (out of memory?)",
    }
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            asyncio.run(client.async_execute(env=environment(root, scratch)))
    except tuple(why) as error:
        raise BookError(failure(path, notebook, started[0], why[type(error)], timeout)) from None
    notebook.cells.pop()
    if "widgets" in notebook.metadata:
        raise BookError(f"{path.name} makes ipywidgets, dead in a page without a kernel: use plain HTML and JS.")
    told = json.loads(report.outputs[0].text)
    if told["optimised"]:
        raise BookError(f"{path.name} ran without its asserts: Python leaves them out with -O.")
    return [{"execution_count": c.execution_count, "outputs": c.outputs} for c in code_cells(notebook)], told


def recalled(root: Path, path: Path, notebook, environment: str) -> tuple[dict, Path, str]:
    """What the last run of exactly this code gave (nothing if there was none), its file, and the key of the code."""
    key = chapter_key(root, path, notebook, environment)
    cache = root / "_build" / "executed" / (path.stem + ".json")
    kept = json.loads(cache.read_text(encoding="utf8")) if cache.is_file() else {}
    return (kept if kept.get("key") == key else {}), cache, key


def executed(root: Path, path: Path, environment: str, timeout: int) -> Chapter:
    """The chapter with the outputs of its current code: those kept, or new ones."""
    notebook = nbformat.read(path, as_version=4)
    kept, cache, key = recalled(root, path, notebook, environment)
    fresh = not kept
    if fresh:
        begun = time.perf_counter()
        cells, told = execute(root, path, notebook, timeout)
        kept = {"key": key, "seconds": round(time.perf_counter() - begun, 1), "cells": cells} | told
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(".part")
        part.write_text(json.dumps(kept), encoding="utf8")
        part.replace(cache)
    stored = [cell.outputs for cell in code_cells(notebook)]
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
    return Chapter(notebook, stored, kept["asserts"], kept["measured"], kept["seconds"], fresh)


def chapters(root: Path, toc: Path, jobs: int, timeout: int) -> dict[str, Chapter]:
    """Page -> executed chapter. All of them run even if one fails, so that the log has every failure."""
    todo = {page: path for page in pages(toc) if (path := source(root, page)).suffix == ".ipynb"}
    environment = environment_key(root)
    done, failures = {}, []
    width = max((len(page) for page in todo), default=0)
    with ThreadPoolExecutor(jobs) as pool:
        running = {page: pool.submit(executed, root, path, environment, timeout) for page, path in todo.items()}
        for page, future in running.items():
            try:
                done[page] = future.result()
                print(f"  {page:{width}}  {done[page]}", flush=True)
            except BookError as error:
                failures.append(str(error))
                print(f"  {page:{width}}  FAILED", flush=True)
    if failures:
        raise BookError("\n".join(failures))
    return done
