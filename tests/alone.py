"""A chapter alone: its notebook in an empty folder, the library from the wheel, nothing else of the repository.

python tests/alone.py            (make test-alone: every chapter)
python tests/alone.py 02 04      some
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "README.md", "LICENSE")
RUN = """
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import ganvae_lib

notebook = nbformat.read("chapter.ipynb", 4)
try:
    NotebookClient(notebook, timeout=600).execute()
except CellExecutionError as error:
    raise SystemExit(str(error)[-2000:])
print(ganvae_lib.__file__)
"""


def installed(folder: Path) -> Path:
    """Build the wheel from what is here and unpack it into a folder, which is returned."""
    source = folder / "source"
    for name in ("ganvae_lib", "ganvae_course", "results"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", "--wheel-dir", str(folder)], cwd=source, check=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    shutil.rmtree(source)
    return folder / "installed"


def run(path: Path, library: Path, folder: Path) -> str:
    """Run a notebook in a folder of its own; what went wrong, or an empty text."""
    folder.mkdir(parents=True)
    shutil.copy(path, folder / "chapter.ipynb")
    env = os.environ | {"PYTHONPATH": str(library), "GANVAE_PROGRESS": "0", "GANVAE_SCALE": "small"}
    done = subprocess.run([sys.executable, "-c", RUN], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        return (done.stdout + done.stderr)[-2000:]
    return "" if str(library) in done.stdout else f"it used another library: {done.stdout}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="such as 02 04 (default: all)")
    chapters = parser.parse_args().chapters
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        library = installed(Path(name))
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            if chapters and path.name[:2] not in chapters:
                continue
            began = time.perf_counter()
            wrong = run(path, library, Path(name) / path.stem)
            failed += bool(wrong)
            print(f"{path.stem}: {time.perf_counter() - began:.0f} s {wrong or 'to its end'}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
