"""The rooms of the library: every arrow between them runs down, none in a circle, and none of them is too large.

The order of the packages is that of the list at the head of ``ganvae_lib/__init__.py``, from the ground up.
"""

import ast

import pytest
from helpers import ROOT

from ganvae_lib import KL, Adversary, Batch, Match, Objective, Space, Term, fit, zoo
from ganvae_lib.objective import Tool

LIBRARY = ROOT / "ganvae_lib"
# From the ground up: a package may use those above it in this list, that is, below it in the house.
FLOORS = (
    "errors",
    "storage",
    "figures",
    "distributions",
    "exact",
    "data",
    "objective",
    "networks",
    "zoo",
    "models",
    "measure",
    "training",
    "experiments",
    "widgets",
    "__main__",
)
FOR_CHAPTERS = {"exact", "widgets"}  # and for studies and experiments: no model is built on them
# What a reader reads first: algebra, spaces, tools, terms, the variables of a step, the zoo, fit; and the contract of
# tools and terms. The modules are found by what stands in them, so that moving it elsewhere saves no line.
CORE = (Objective, Space, Adversary, KL, Match, Batch, fit)
CONTRACT = (Tool, Term)
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LIBRARY.rglob("*.py"))
}
CODE = [path for folder in ("ganvae_lib", "book", "studies") for path in sorted((ROOT / folder).rglob("*.py"))]
EVERY_FILE = pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))


def for_type_checkers(node):
    """Is this ``if TYPE_CHECKING:``, which does not run?"""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running(node):
    """The nodes of a tree that run, those within functions too."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not for_type_checkers(child):
            yield from running(child)


def imported(module, path, modules):
    """The modules among ``modules`` that a module names in its imports, wherever they stand in it."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in running(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(above + ([node.module] if node.module else []))
            names = [f"{base}.{alias.name}" for alias in node.names if alias.name != "__version__"]
        else:
            continue
        for name in names:
            while name and name not in modules:  # a function or a class: the module that holds it
                name = name.rpartition(".")[0]
            found.add(name)
    return found - {"", module}


def floor(module):
    """The part of the house in which a module lies: ganvae_lib.networks.codes is in networks."""
    return module.split(".")[1] if "." in module else module


ARROWS = {module: imported(module, path, MODULES) for module, path in MODULES.items()}


def circle(arrows):
    """Some circle of a graph {node: nodes}, as a list; an empty one if there is none."""
    done = set()

    def walk(node, way):
        if node in way:
            return way[way.index(node) :] + [node]
        if node in done:
            return []
        for following in sorted(arrows.get(node, ())):
            if found := walk(following, [*way, node]):
                return found
        done.add(node)
        return []

    for node in arrows:
        if found := walk(node, []):
            return found
    return []


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_are_read_wherever_they_stand(tmp_path):
    modules = {"lib": 0, "lib.a": 0, "lib.a.one": 0, "lib.b": 0, "lib.c": 0}
    (tmp_path / "two.py").write_text(
        "from typing import TYPE_CHECKING\nfrom ..b import thing\nif TYPE_CHECKING:\n    from ..c import other\n"
        "def f():\n    from . import one\n"
    )
    assert imported("lib.a.two", tmp_path / "two.py", modules) == {"lib.b", "lib.a.one"}


def test_every_package_has_its_floor():
    assert {floor(module) for module in MODULES} - {"ganvae_lib"} == set(FLOORS)


def test_every_arrow_between_packages_runs_down():
    up = [
        f"{module} imports {target}"
        for module, targets in ARROWS.items()
        for target in targets
        if floor(module) in FLOORS and floor(module) != floor(target)
        if floor(target) not in FLOORS or FLOORS.index(floor(module)) < FLOORS.index(floor(target))
    ]
    assert up == []


@pytest.mark.parametrize("package", [name for name in FLOORS if (LIBRARY / name).is_dir()])
def test_the_rooms_of_a_package_are_in_no_circle_and_at_most_eight(package):
    inside = {m: {t for t in targets if floor(t) == package} for m, targets in ARROWS.items() if floor(m) == package}
    assert circle(inside) == []
    rooms = sorted(path.stem for path in (LIBRARY / package).glob("[!_]*.py"))
    assert len(rooms) <= 8, rooms
    assert not [folder for folder in (LIBRARY / package).iterdir() if folder.is_dir() and folder.name != "__pycache__"]


def test_what_is_for_chapters_is_used_by_no_model():
    below = FLOORS[: FLOORS.index("experiments")]
    wrong = [
        f"{module} imports {target}"
        for module, targets in ARROWS.items()
        for target in targets
        if floor(module) in below and floor(target) in FOR_CHAPTERS - {floor(module)}
    ]
    assert wrong == []


def test_the_library_knows_no_study():
    for module, path in MODULES.items():
        if floor(module) not in ("experiments", "__main__"):  # they run what the command line names
            assert not imported(module, path, {"studies": 0, "benchmarks": 0}), module


def test_the_top_level_has_at_most_fourteen_names():
    names = {path.stem for path in LIBRARY.iterdir() if not path.name.startswith("_") and path.suffix in ("", ".py")}
    assert len(names) <= 14, sorted(names)


@EVERY_FILE
def test_no_module_is_over_300_lines_and_no_function_over_60(path):
    source = path.read_text(encoding="utf8")
    length = len(source.splitlines())
    assert length <= 300, (
        f"{path.name} has {length} lines: move what does not belong there, or what few need, elsewhere"
    )
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno - f.lineno + 1 > 60}
    assert long == {}


def test_the_core_is_an_evenings_reading():
    def lines(*values):
        modules = {value.__module__ for value in values}
        return {name: len(MODULES[name].read_text(encoding="utf8").splitlines()) for name in sorted(modules)}

    core = lines(*CORE) | {zoo.__name__: len(MODULES[zoo.__name__].read_text(encoding="utf8").splitlines())}
    for limit, modules in ((1200, core), (1400, core | lines(*CONTRACT))):
        total = sum(modules.values())
        assert total <= limit, f"{total} lines, not {limit}: take what no reader needs first out of one of {modules}"
