"""Checks of the repository that no linter makes: packaging, pins, the commands, tidy files."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
LIBRARY = sorted((ROOT / "ganvae_lib").rglob("*.py"))


def name(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()


def pins():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_library_needs_few_packages_as_ranges():
    needed = PROJECT["dependencies"]
    assert {name(r) for r in needed} == {
        "torch",
        "numpy",
        "matplotlib",
        "scikit-learn",
        "scipy",
        "tqdm",
        "safetensors",
        "pooch",
        "filelock",
    }
    extras = [r for group in PROJECT["optional-dependencies"].values() for r in group]
    assert all(">=" in r and "==" not in r for r in needed + extras)
    assert "torch>=2.6" in needed and PROJECT["requires-python"] == ">=3.11"


def test_the_books_environment_is_pinned_and_has_what_the_library_and_the_book_need():
    pinned = pins()
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in pinned.values()), "exact, and no +local builds"
    extras = PROJECT["optional-dependencies"]
    needed = PROJECT["dependencies"] + extras["book"] + extras["dev"]
    assert {name(r) for r in needed} - {name(p) for p in pinned} == set()


def test_installed_versions_are_the_pinned_ones():
    from importlib.metadata import PackageNotFoundError, version

    different = {}
    for package, pinned in pins().items():
        try:
            found = version(package).split("+")[0]
        except PackageNotFoundError:
            found = None
        if found != pinned:
            different[package] = (pinned, found)
    if len(different) > 20:
        pytest.skip("this is not the book's environment")
    assert different == {}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_opens_with_a_docstring_and_its_public_names(path):
    source = path.read_text(encoding="utf8")
    assert re.match(r'r?"""', source), "no module docstring"
    if path.name not in ("__init__.py", "__main__.py"):
        assert re.search(r"^__all__\b", source, re.M), "no __all__"


def test_no_stray_prints_or_debuggers_in_the_library():
    for path in LIBRARY:
        assert not re.search(r"\b(breakpoint\(|pdb\b|FIXME|XXX)", path.read_text(encoding="utf8")), path.name


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / f for f in done.stdout.split("\0") if f and (ROOT / f).is_file()]


def test_tracked_files_are_tidy():
    for path in tracked():
        assert "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts, path
        limit = 2.5e6 if "vendor" in path.parts else 1.5e6
        assert path.stat().st_size <= limit, f"{path.relative_to(ROOT)} is too large to commit"
        if path.suffix in {".py", ".md", ".yml", ".toml", ".txt", ".css"} and "vendor" not in path.parts:
            text = path.read_text(encoding="utf8")
            assert "\t" not in text and "\r" not in text, f"{path.relative_to(ROOT)}: tabs or carriage returns"
            assert text.endswith("\n") or not text, f"{path.relative_to(ROOT)}: no newline at its end"


def test_tests_find_their_modules_by_pytests_own_path():
    path = "sys" + ".path"
    assert [file.name for file in (ROOT / "tests").rglob("*.py") if path in file.read_text(encoding="utf8")] == []


def test_third_party_files_come_with_a_licence_and_a_note():
    vendor = ROOT / "book" / "_static" / "vendor"
    note = (vendor / "README.md").read_text(encoding="utf8")
    for folder in (p for p in vendor.iterdir() if p.is_dir()):
        assert (folder / "LICENSE").is_file() and f"`{folder.name}/`" in note, folder.name


def test_commands_of_the_makefile_are_documented():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M).group(1).split()
    for target in targets:
        assert re.search(rf"^{target}:.*## \w+", makefile, re.M), f"make {target} has no line in make help"
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    assert "make book" in readme and "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf8")


def test_lint_is_part_of_the_whole_check_and_asks_for_rules_format_and_types():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M).group(1)
    assert lint.split("\n\t") == ["\t$(BIN)/ruff check .", "$(BIN)/ruff format --check .", "$(BIN)/mypy\n"]
    assert re.search(r"^test: lint\b", makefile, re.M)


def test_versions_agree():
    version = PROJECT["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
