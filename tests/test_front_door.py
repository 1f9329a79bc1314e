"""The front door: it costs little, offers what it names to editors too, and is the one through which chapters come in."""

import ast
import inspect
import json

import pytest
from helpers import ROOT, new_process

import ganvae_lib

HEAVY = {"sklearn", "pooch", "matplotlib", "scipy", "IPython", "ipywidgets", "pandas", "h5py", "sympy", "torch._dynamo"}
FIT = """
import torch
from ganvae_lib import build, fit, zoo
from ganvae_lib.data import Data
data = Data(torch.randn(64, 2))
run = fit(build(zoo.ALL["VAE"], data), data, 2, seeds=2)
fit(run, steps=2).sample(3); repr(zoo.ALL["GAN"]); zoo.ALL["GAN"].explain()
"""
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


# ---------------------------------------------------------------- cost


@pytest.mark.parametrize("code", ["import ganvae_lib", FIT], ids=["import", "fit"])
def test_only_what_is_used_is_imported(code):
    names = new_process(f"{code}\nimport sys\nprint()\nprint(*sys.modules)").splitlines()[-1].split()
    assert not HEAVY & {*names, *(name.split(".")[0] for name in names)}


@pytest.mark.parametrize(
    "statement, seconds",
    [("import ganvae_lib", 0.3), ("from ganvae_lib import Match, build, fit, load, swapped, zoo", 0.5)],
)
def test_import_adds_little_to_that_of_torch(statement, seconds):
    code = f"import torch, time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"
    assert any(
        float(new_process(code)) < seconds for _ in range(5)
    )  # of the processor: a busy machine has its own clock


# ---------------------------------------------------------------- what it offers


def test_it_offers_everything_it_names():
    for name in ganvae_lib.__all__:
        assert getattr(ganvae_lib, name) is not None
    assert set(ganvae_lib.__all__) <= set(dir(ganvae_lib))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ganvae_lib.nothing


FORMER = """
import ganvae_lib.checkpoint as checkpoint, ganvae_lib.runs as runs, ganvae_lib.train
from ganvae_lib import train, training
assert train is ganvae_lib.train is runs is training and checkpoint is training.checkpoint
assert training.__spec__.name == training.__name__ == "ganvae_lib.training" and train.Batches.next and runs.History.append
try:
    import ganvae_lib.nothing
except ModuleNotFoundError:
    print("not there")
"""


def test_modules_of_older_scripts_are_found_under_their_names():
    assert new_process(FORMER) == "not there\n"


def test_early_users_find_the_batch_as_a_world():
    assert ganvae_lib.World is ganvae_lib.Batch and "World" not in ganvae_lib.__all__


def seen_by_type_checkers():
    """{name: where it comes from} of the imports under ``if TYPE_CHECKING``, such as {"Data": "data.Data"}."""
    found = {}
    for block in ast.parse((ROOT / "ganvae_lib" / "__init__.py").read_text(encoding="utf8")).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for statement in block.body:
                for alias in statement.names:
                    home = f"{statement.module}.{alias.name}" if statement.module else alias.name
                    found[alias.asname] = home
    return found


def test_type_checkers_see_what_is_looked_up():
    looked_up = {name: f"{module}.{name}" for name, module in ganvae_lib._PACKAGE_OF_NAME.items()} | ganvae_lib._MODULES
    assert seen_by_type_checkers() == looked_up
    assert (ROOT / "ganvae_lib" / "py.typed").is_file()


def shows_itself(value):
    """Is there an example in the docstring, or in that of a method?"""
    methods = inspect.getmembers(value, inspect.isfunction) if inspect.isclass(value) else []
    docstrings = [value.__doc__, *(method.__doc__ for _, method in methods)]
    return any(">>> " in text for text in docstrings if text)


@pytest.mark.parametrize("name", ganvae_lib._PACKAGE_OF_NAME)
def test_a_class_or_function_shows_itself_running(name):
    value = getattr(ganvae_lib, name)
    if inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, Exception)):
        assert shows_itself(value), f"{name} has no example in its docstring"


# ---------------------------------------------------------------- who comes in


def code_of(chapter):
    """The code of a chapter, less what only a notebook understands."""
    cells = json.loads(chapter.read_text(encoding="utf8"))["cells"]
    lines = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_import_from_the_front_door_only(chapter):
    other_doors = []
    for node in ast.walk(ast.parse(code_of(chapter))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        other_doors += [name for name in names if name.startswith("ganvae_lib.")]
    assert other_doors == []
