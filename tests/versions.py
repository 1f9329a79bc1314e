"""The oldest and the newest supported versions: an environment of each, and every entry of the zoo in it.

    python tests/versions.py --folder /somewhere/large          (make versions)

For each Python that ``requires-python`` and the Makefile name and that is found here: torch at the lower bound of
pyproject.toml, and the newest of everything; with the oldest Python also the lower bound of every other package. pip's
own settings choose where packages come from (PIP_EXTRA_INDEX_URL for torch without CUDA; see requirements.txt).
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


def floors():
    """The lower bound of every package that the library needs."""
    return dict(text.split(">=") for text in PROJECT["dependencies"])


def pythons():
    """The supported versions of Python, oldest first, as the Makefile lists them."""
    listed = re.search(r"case \"\$\(PYVERSION\)\" in ([\d.|]+)\)", (ROOT / "Makefile").read_text(encoding="utf8"))
    found = listed.group(1).split("|")
    assert f">={found[0]}" == PROJECT["requires-python"]
    return found


def found(version):
    """The interpreter of this version, or None."""
    for name in (f"python{version}", "python3", "python", sys.executable):
        path = shutil.which(name)
        if path:
            said = subprocess.run(
                [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
            )
            if said.stdout.strip() == version:
                return path
    return None


def wanted(which, oldest_python):
    """What to ask pip for: "oldest" or "newest"."""
    if which == "newest":
        return list(floors())
    return [
        f"{name}=={bound}.*" if name == "torch" or oldest_python else name for name, bound in floors().items()
    ]  # == 2.6.* takes the last of the series; 0.4.3.* is 0.4.3


def smoke():
    """Every entry of the zoo is built, trained, saved, read back and asked; what fails is printed. How many failed."""
    import numpy
    import torch
    from helpers import points, same_run, small, suited

    from ganvae_lib import Run, fit, zoo

    failed = []
    for name, entry in zoo.ALL.items():
        try:
            data = suited(entry, points(64))
            run = fit(small(entry, data, hidden=(8,)), data, 3, batch=16, seeds=2, device="cpu", progress=False)
            with tempfile.TemporaryDirectory() as folder:
                again = Run.load(run.save(folder))
            assert same_run(run, again) and all(curve.isfinite().all() for curve in run.history.values())
        except Exception as error:
            failed.append(name)
            print(f"  {name}: {type(error).__name__}: {error}")
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"  Python {version}, torch {torch.__version__}, numpy {numpy.__version__}: {len(zoo.ALL) - len(failed)} of {len(zoo.ALL)} entries"
    )
    return len(failed)


def check(folder, version, interpreter, which, oldest_python):
    """Make the environment in ``folder`` and run the smoke test in it. Did all go well?"""
    print(f"Python {version}, {which}", flush=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    for command in (
        [interpreter, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted(which, oldest_python)],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(
                f"  no environment: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
            )
            return False
    paths = ":".join(map(str, (ROOT, ROOT / "tests")))
    command = ["env", f"PYTHONPATH={paths}", "OMP_NUM_THREADS=1", str(python), __file__, "--smoke"]
    return subprocess.run(command).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, help="where the environments are made, and stay (default: a temporary one)"
    )
    parser.add_argument("--smoke", action="store_true", help="only try the zoo, in the environment that runs this")
    options = parser.parse_args()
    if options.smoke:
        return smoke()
    missing, bad = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for version in pythons():
            interpreter = found(version)
            if interpreter is None:
                missing.append(version)
                continue
            for which in ("oldest", "newest"):
                folder = (options.folder or Path(temporary)) / f"{version}-{which}"
                if not check(folder, version, interpreter, which, version == pythons()[0]):
                    bad.append(f"{version} {which}")
                if options.folder is None:
                    shutil.rmtree(folder, ignore_errors=True)
    print(f"not found here: Python {', '.join(missing)}" if missing else "every supported Python was found")
    print(f"failed: {', '.join(bad)}" if bad else "all of these passed")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
