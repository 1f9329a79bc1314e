"""How much memory data take: the peak beyond the data themselves, measured in a process of its own."""

import hashlib
import json
import platform
import sys

import numpy as np
import pytest
import torch
from helpers import new_process

from ganvae_lib import Data, build, fit, zoo

SCRIPT = """
import json, os, sys
import numpy as np, torch
from ganvae_lib import Data, build, fit, load, zoo
from ganvae_lib.data import images

folder, what = sys.argv[1:]
os.environ |= {"GANVAE_DATA": folder, "GANVAE_PROGRESS": "0"}
small = load("digits")
fit(build(zoo.VAE, small, hidden=(8,)), small, 2, batch=64, device="cpu")  # what the first training takes for ever

def memory(key):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))

before = memory("RssAnon" if what.startswith("map") else "VmRSS")
if what.startswith("map"):
    data = Data(np.load(os.path.join(folder, "x.npy"), mmap_mode="r"))
    size = 4 * data.x.nbytes  # that of the floats
    for _ in range(2):
        fit(build(zoo.VAE, data, hidden=(8,)), data, 5, batch=64, device="cpu")
    print((memory("RssAnon") - before) / size)
else:
    open("/proc/self/clear_refs", "w").write("5")  # the peak begins here
    files = json.load(open(os.path.join(folder, "files.json")))
    images.IDX["mnist"] = ((), files["packed"], files["content"])
    data = load("mnist", binarize=what.partition(":")[2] or None)
    if what.startswith("fit"):
        fit(build(zoo.VAE, data, hidden=(8,)), data, 5, batch=64, device="cpu")
    print((memory("VmHWM") - before) / data.x.nbytes)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
COUNT = 60_000  # images of 28 x 28 as MNIST has them: 188 MB of float32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An unpacked MNIST of noise, whose checksums are in files.json, and x.npy."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "mnist").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
    files = {"packed": {}, "content": {}}
    for name, array in (("images-idx3", levels), ("labels-idx1", np.arange(COUNT, dtype=np.uint8) % 10)):
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()
        (folder / "mnist" / f"train-{name}-ubyte").write_bytes(content)
        files["packed"][f"train-{name}-ubyte.gz"] = "sha256:0"
        files["content"][f"train-{name}-ubyte.gz"] = hashlib.sha256(content).hexdigest()
    (folder / "files.json").write_text(json.dumps(files))
    np.save(folder / "x.npy", levels[:, None])
    return folder


@pytest.mark.parametrize("what, most", [("load:threshold", 1.3), ("load:sample", 1.3), ("fit:", 1.4), ("map", 0.2)])
def test_the_peak_is_little_more_than_the_data(folder, what, most):
    assert float(new_process(SCRIPT, folder, what)) < most


LIMITED = """
import os, resource, sys
import numpy as np, torch
from ganvae_lib import Data, build, fit, load, zoo

path, kind, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["GANVAE_PROGRESS"] = "0"
small = load("digits")
fit(build(zoo.VAE, small, hidden=(8,)), small, 2, batch=64, device="cpu")  # what the first training takes for ever

has = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (has + room,) * 2)  # of memory that is the process's own: no maps of files
mapped = np.load(path, mmap_mode="r")
try:
    np.array(mapped)
    print("there was room for a copy")
except MemoryError:
    pass
data = Data(mapped)
run = fit(build(zoo.VAE, data, hidden=(8,)), data, 5, batch=64, seeds=2, device="cpu")
run = fit(run, steps=5)
assert data.streamed and str(data.x.dtype) == "torch." + kind, data
assert run.reconstruct(data[:4]).shape == (2, 4, 1, 28, 28) and run.evaluate(data[100:104], k=2)
run.save(path + ".run")
print("trained", int(run.history.steps[-1]), "steps on", data.x.nbytes // room, "times what there was room for")
"""


@pytest.mark.parametrize("kind, count", [("float32", 65_000), ("uint8", 260_000)])
def test_files_larger_than_the_memory_that_is_left_train(tmp_path, kind, count):
    """Files of 204 MB where the process may take 67 MB more, which are not enough for a copy."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", kind, (count, 1, 28, 28))
    x[:: count // 100] = np.random.default_rng(0).integers(0, 2, x[:: count // 100].shape)
    x.flush()
    del x
    said = new_process(LIMITED, tmp_path / "x.npy", kind, 64 * 2**20)
    assert said.splitlines() == ["trained 10 steps on 3 times what there was room for"]


def test_without_room_for_the_block_that_makes_steps_faster_training_goes_on(monkeypatch):
    def no_room(*size, **options):
        if size == (31 * 2**20,):
            asked.append(size)
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return empty(*size, **options)

    asked, empty, data = [], torch.empty, Data(torch.randn(64, 2))
    monkeypatch.setattr(torch, "empty", no_room)
    run = fit(build(zoo.VAE, data, hidden=(4,)), data, 2, batch=16, device="cpu")
    assert asked and int(run.history.steps[-1]) == 2


FREED = """
import resource, torch
from ganvae_lib import Data, build, fit, zoo

def stays():
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.full((2**24,), 1.0)  # 64 MiB, which are freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000

data, seen = Data(torch.randn(64, 2)), []
seen.append(stays())
fit(build(zoo.VAE, data, hidden=(4,)), data, 2, batch=16, device="cpu", on_point=lambda run: seen.append(stays()))
seen.append(stays())
print(*seen)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_what_a_step_frees_stays_in_a_training_and_no_longer():
    """Pages that a process has need not be asked for again: before, at two points of a training, and after."""
    assert new_process(FREED).split() == ["False", "True", "True", "False"]
