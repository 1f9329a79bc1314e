"""A chapter with one marked line changed: it runs to its end, or stops with a sentence that says what was changed.

python tests/changed.py            every marked line of every chapter, two values each (hours)
python tests/changed.py 02 04      some chapters

A line may be changed where it ends in ``# change me (book: ...)``. Exercises stand alone and are left out. As in
``alone.py``, each runs in an empty folder, with the library from the wheel.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

import alone

from ganvae_lib.figures.cells import MARKED

# For each marked line of a chapter, two other values.
CHANGES = {
    "02": {"WEIGHTS": ("0.5, 0.5", "0.2, 0.8"), "MEANS": ("-3.0, 3.0", "-1.0, 1.0"), "STDS": ("1.0, 1.0", "0.5, 1.5")},
}


def main_part(path):
    """The notebook without its exercises."""
    notebook = json.loads(path.read_text(encoding="utf8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if "ganvae" not in cell["metadata"]]
    return notebook


def marked(path):
    """The marked lines of a chapter: name -> (value, the book's value)."""
    cells = main_part(path)["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return {name: (here, book) for name, here, book in MARKED.findall(text)}


def changed(path, name, value):
    """The notebook with another value in its line ``name = ...  # change me``, as JSON."""
    notebook = main_part(path)
    here, book = marked(path)[name]
    line, other = (f"{name} = {each}  # change me (book: {book})" for each in (here, value))
    found = 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        found += text.count(line)
        cell["source"] = text.replace(line, other)
    assert found == 1, (name, found)
    return json.dumps(notebook)


def outcome(path, name, value, library, folder):
    """What becomes of a changed chapter: "to its end", the sentence with which it stops, or "FAILS" and the error."""
    folder.mkdir(parents=True)
    (folder / path.name).write_text(changed(path, name, value), encoding="utf8")
    wrong = alone.run(folder / path.name, library, folder / "alone")
    if not wrong:
        return "to its end"
    said = f"You changed what comes before: {name} is {value}, where the book has"
    last = re.sub(r"\x1b\[[0-9;]*m", "", wrong).strip().splitlines()[-1]  # without colours
    return f"stops: {last}" if last.startswith("AssertionError: ") and said in last else f"FAILS: {wrong}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="such as 02 04 (default: all)")
    chapters = parser.parse_args().chapters
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        library = alone.installed(Path(folder))
        for path in sorted((alone.ROOT / "notebooks").glob("*.ipynb")):
            for name, values in CHANGES[path.name[:2]].items() if path.name[:2] in (chapters or CHANGES) else ():
                for number, value in enumerate(values):
                    began = time.perf_counter()
                    told = outcome(path, name, value, library, Path(folder) / path.stem / f"{name} {number}")
                    failed += told.startswith("FAILS")
                    seconds = time.perf_counter() - began
                    print(f"{path.stem}, {name} = {value}: {seconds:.0f} s, {told}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
