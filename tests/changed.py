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
    "01": {"w, b, sigma": ("1.0, 0.0, 0.5", "-2.0, 1.0, 1.5"), "a": ("2.0", "4.0"), "n_z": ("8", "24")},
    "02": {"WEIGHTS": ("0.5, 0.5", "0.2, 0.8"), "MEANS": ("-3.0, 3.0", "-1.0, 1.0"), "STDS": ("1.0, 1.0", "0.5, 1.5")},
    "03": {"NOISE": ("0.2", "0.5"), "RING_STEPS": ("500", "2000"), "STEPS": ("300", "1500")},
    "04": {"MEAN, WIDTH": ("0.0, 2.0", "-1.0, 1.0"), "RING_STEPS": ("200", "900"), "STEPS": ("300", "1500")},
    "05": {"COUPLING": ("0.3", "0.9"), "STEPS": ("30", "90"), "VAE_STEPS": ("400", "1200")},
    "06": {"FRACTION": ("0.05", "0.2"), "STEPS": ("200", "600"), "DIGIT_STEPS": ("200", "600")},
    "07": {"SHARPNESS": ("0.4", "1.0"), "RATE": ("0.25", "1.0"), "GAN_STEPS": ("200", "600")},
    "08": {"SPREAD": ("1.5", "4.0"), "LATENT": ("4", "16"), "STEPS": ("80", "240")},
    "09": {"SQUARE_STEPS": ("300", "900"), "DIGIT_STEPS": ("300", "900"), "EXACT_STEPS": ("200", "400")},
    "10": {"RING_STEPS": ("150", "500"), "CLOUD_STEPS": ("250", "800"), "RACE_STEPS": ("150", "500")},
    "11": {"RING_STEPS": ("300", "900"), "MOON_STEPS": ("400", "1000"), "UNIT_STEPS": ("400", "1000")},
    "12": {"STEPS": ("150", "450"), "UNEVEN_STEPS": ("250", "750"), "DIGIT_STEPS": ("250", "750")},
    "13": {"width": ("0.4", "0.2"), "LINEAR_STEPS": ("350", "1000"), "RING_STEPS": ("250", "750")},
    "14": {"GMMN_STEPS": ("150", "450"), "WAE_STEPS": ("150", "450"), "DIGIT_STEPS": ("200", "600")},
    "15": {"DIGIT_STEPS": ("200", "600"), "RING_STEPS": ("300", "900"), "STRONG_STEPS": ("75", "225")},
    "16": {"SCALE": ("0.1", "0.3"), "PLANE_STEPS": ("350", "1000"), "DIGIT_STEPS": ("250", "750")},
    "17": {"rho": ("0.1", "0.6"), "RING_STEPS": ("150", "450"), "STEPS": ("200", "600")},
    "18": {
        "TRUE_MEAN": ("0.0", "1.0"),
        "rho, sigma, many": ("0.0, 1.0, 200_000", "0.9, 2.0, 200_000"),
        "C, n": ("5, 40", "10, 100"),
    },
    "19": {
        "WIDTH": ("16", "64"),
        "STEPS": ("30", "120"),
        "EXAMPLES, RATE, FAR": ("8192, 0.05, 3.0", "4096, 0.1, 3.0"),
    },
    "20": {"STARTS, STEPS, K": ("8, 150, 12", "8, 300, 6"), "HIDDEN": ("16", "128"), "RATE": ("0.1", "0.3")},
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
        lines = "".join(cell["source"]).split("\n")  # whole ones: STEPS ends DIGIT_STEPS, too
        found += lines.count(line)
        cell["source"] = "\n".join(other if each == line else each for each in lines)
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
