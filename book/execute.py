"""Executes the chapters, and keeps the outputs of those whose code and surroundings have not changed."""

import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from contents import BookError, digest, files, pages, source
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

__all__ = ["chapters", "code_cells"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NO_BARS = {"GANVAE_PROGRESS": "0"}  # a bar in a stored output is noise


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
