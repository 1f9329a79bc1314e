"""What every test process needs: one thread, no window, repeatable examples."""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: several processes share the cores

import signal
from pathlib import Path

# A shell ignores interrupts for what it starts in the background, and tests raise some.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import matplotlib
import pytest

matplotlib.use("Agg")
pytest_plugins = ["small_book", "browsers", "replayed"]
hypothesis.settings.register_profile("book", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("book")


# Where tests take seconds each. `make test` hands whole files to its processes, in this order (xdist by itself begins with
# the files of many tests): if one of these came last, the other processes would wait for it.
LONG = """book/test_checks browser/test_jupyterlab experiments/test_experiments book/test_book training/test_interrupts
    course/test_exercises book/test_alone training/test_checkpoint storage/test_soak laws/test_company book/test_builds
    laws/test_resume course/test_grading book/test_first_hour laws/test_processes experiments/test_joint_models test_typed
    test_extend training/test_training_state course/test_wheel data/test_memory storage/test_writers fuzz/test_fuzz""".split()
FIRST = {str(Path(__file__).parent / f"{name}.py"): place for place, name in enumerate(LONG)}
assert all(map(os.path.isfile, FIRST)), "LONG names a file that is not there"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.get(str(item.path), len(FIRST)))


def pytest_addoption(parser):
    parser.addoption(
        "--write-snapshot", action="store_true", help="take tests/laws/snapshot.json from the code as it is"
    )
    parser.addoption("--write-layers", action="store_true", help="write the table of book/layers.md as it is measured")


@pytest.fixture(autouse=True)
def closed_figures():
    """Figures that a test leaves open would add up to a warning in another one."""
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(autouse=True)
def registries():
    """What a test adds to or takes from the registries is undone: the next one in its process would meet it."""
    if "ganvae_lib" not in sys.modules:
        yield
        return
    from ganvae_lib import LINKS, SPACES, zoo
    from ganvae_lib.data.loading import DATA_SETS
    from ganvae_lib.distributions.schedules import SCHEDULES
    from ganvae_lib.models.roles import ROLES
    from ganvae_lib.objective import TERMS, TOOLS

    before = [(one, dict(one)) for one in (LINKS, SPACES, SCHEDULES, TERMS, TOOLS, ROLES, DATA_SETS, zoo.ALL)]
    yield
    for registry, entries in before:
        registry.clear()
        registry.update(entries)


@pytest.fixture(autouse=True)
def argument_checks():
    """A test that leaves the checks of torch's distributions off would change others in its process."""
    yield
    if "torch.distributions" in sys.modules:
        assert sys.modules["torch.distributions"].Distribution._validate_args == __debug__, "checks were left off"
