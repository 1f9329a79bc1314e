"""A dry run of ``fit`` on a GPU that is not there: every entry of the zoo takes steps on tensors without numbers.

    python benchmarks/dry_cuda.py                            # some minutes
    python benchmarks/dry_cuda.py VAE ALI --precision bf16   # some entries, under autocast

It needs no GPU, but torch's CPU build, Linux and a C++ compiler. A tensor without numbers (torch's ``FakeTensorMode``)
knows its shape, its type and that it lies on "cuda", and torch works out the same of every result. So an operation on
host and device at once raises, and so does one that asks for a number (``item``, ``bool``, ``nonzero``, a mask as an
index). ``NoWaits`` adds what torch lets pass: a copy between host and device, for which the host would stand still.
Each entry runs on points by "mlp" and on images by "conv" (densities of pixels and characters on theirs), for one seed
and for two stacked ones, and so does a VAE of layers that carry no seeds axis: the training is made as ``fit`` makes it
and takes ``STEPS`` whole steps, past the end of an epoch: minibatches, noise, all phases with their
penalties, gradients, clipping, Adam, averages of the weights. It ends with 1 if any fails, and says in which line.

Not seen: what a kernel computes, in what time and memory, and whether it waits by itself; generators (``Generator``
stands for one) and what torch's own layers draw; initial weights, which are drawn on the host; points of the history,
checkpoints, streamed data, ``compile=True``, several processes. ``benchmarks/gpu.py`` asks a GPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganvae_lib import Data, Domains, Model, Objective, build, nets, text, zoo
from ganvae_lib.distributions import noise as noises
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.settings import PRECISIONS, in_precision, without_argument_checks

STEPS = 5
BATCH, EXAMPLES = 32, 100  # three minibatches an epoch
COPIED = "VAE of copied layers"  # no entry of the zoo has any
DENSITIES = dict(zip(zoo.NETWORKS, ("pixelcnn", "pixelrnn", "rnn"), strict=True))
ARCHITECTURES = {"mlp": (2,), "conv": (1, 8, 8)}  # and the shape of an example
COPIES = {"_to_copy", "copy_", "copy", "device_put"}

#: Also of tensors without numbers torch asks the device which one it is (where one is indexed) and in what stream it
#: works (where gradients are computed). The CPU build knows no such device, and the build with CUDA asks the driver.
DEVICE = """
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
using namespace c10;
struct Guard final : impl::NoOpDeviceGuardImpl<DeviceType::CUDA> {
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, Device(DeviceType::CUDA, 0)); }
  void record(void**, const Stream&, const DeviceIndex, const EventFlag) const override {}
  void block(void*, const Stream&) const override {}
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard)
struct CUDAHooks final : at::CUDAHooksInterface {  // torch looks for this name
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  bool isBuilt() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return false; }
};
namespace at { REGISTER_CUDA_HOOKS(CUDAHooks) }
"""


class NoWaits(TorchDispatchMode):
    """While this is open, an operation that moves numbers between host and device raises RuntimeError.

    A number of the host beside tensors of the device, as in ``2 * x``, goes along with the kernel; a copy of it waits.
    """

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = op(*args, **(kwargs or {}))
        name = op.overloadpacket.__name__
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        kinds = {tensor.device.type for tensor in tensors if tensor.ndim or name in COPIES}
        if len(kinds) > 1 or name == "_linalg_check_errors":
            raise RuntimeError(f"for {name} of {' and '.join(sorted(kinds))} the host waits for the device")
        return result


class Generator(torch.Generator):
    """The host's generator in the place of one on the device, which no host without a driver can make.

    Fake tensors take no numbers from it; it only says where they are to lie.
    """

    def __new__(cls, device: Any = "cpu") -> Generator:
        generator = super().__new__(cls)
        generator.place = torch.device(device)
        return generator

    device = property(lambda generator: generator.place)  # type: ignore[assignment]


@contextmanager
def fake() -> Iterator[None]:
    """While this is open tensors have no numbers, and "cuda" is a device."""
    no_global_generators = patch.object(noises, "_global_generators", lambda device: [])
    with patch("torch.Generator", Generator), no_global_generators, FakeTensorMode(allow_non_fake_inputs=True):
        yield


def suited(objective: Objective, shape: tuple[int, ...]) -> Data | Domains:
    """Examples of this shape, with what the objective reads besides."""
    noise = torch.Generator().manual_seed(0)
    source, target = (
        Data(torch.rand(EXAMPLES, *shape, generator=noise), torch.arange(EXAMPLES) % 3, name) for name in ("one", "two")
    )
    return Domains(source, target) if "other" in objective.reads else source


def models(name: str) -> Iterator[tuple[str, Model, Data | Domains]]:
    """What an entry's networks are, a model of them, and data that suit it."""
    small = dict(hidden=(16,), width=16, latent=3)
    if name == COPIED:
        layers = lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, 8), nn.PReLU(), nn.Linear(8, outputs))
        networks = {"encoder": nets.Encoder(layers(2, 6)), "decoder": nets.Decoder(layers(3, 2), nets.Gaussian(), (2,))}
        yield "layers of torch", Model(zoo.VAE, networks, nets.StandardNormal(3)), suited(zoo.VAE, (2,))
    elif density := DENSITIES.get(name):
        images = suited(zoo.NETWORKS[name], (1, 4, 4)).map(torch.round, "pixels")
        data = text(length=8)[:EXAMPLES] if density == "rnn" else images
        yield density, build(zoo.NETWORKS[name], data, density=density, **small), data
    else:
        for architecture, shape in ARCHITECTURES.items():
            data = suited(zoo.ALL[name], shape)
            yield architecture, build(zoo.ALL[name], data, architecture=architecture, **small), data


def dry_run(model: Model, data: Data | Domains, seeds: int, precision: str) -> None:
    """``fit`` without its points of the history. Raises what the first operation raises that a GPU would not take."""
    copies = model.copies(list(range(seeds)) if seeds > 1 else 0)  # with numbers, on the host, where ``fit`` draws them
    how = dict(batch=BATCH, seeds=seeds, precision=precision, log_every=2 * STEPS, clip=1.0, ema=0.9)
    with patch("torch.cuda.is_available", lambda: True):
        settings = Settings(model.objective, 2 * STEPS, device="cuda", **how)
    with fake():
        with patch.object(Model, "copies", lambda model, *_: copies):
            training = Training(model, data, settings)
        with without_argument_checks(), in_precision(settings.precision, settings.device), NoWaits():
            for _ in range(STEPS):
                training.step()
    places = {tensor.device.type for tensor in (*training.model.parameters(), training._recent_losses)}
    if places != {"cuda"} or training.done != STEPS:
        raise RuntimeError(f"{training.done} steps with tensors on {places}: this was no run on a GPU")


def where(error: BaseException) -> str:
    """The last line of the library, else of whatever ran, before an error."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "ganvae_lib" in frame.filename]
    frame = (ours or frames)[-1]
    return f"{frame.filename.rpartition('ganvae_lib/')[2]}:{frame.lineno}"


def with_device() -> int:
    """This script once more, in a process that has ``DEVICE`` from its start: torch looks for devices only once."""
    include, lib = (Path(torch.__file__).parent / name for name in ("include", "lib"))
    flags = ["-std=c++20", "-shared", "-fPIC", "-w", f"-I{include}", f"-L{lib}", f"-Wl,-rpath,{lib}"]
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "device.cpp", Path(folder) / "device.so"
        source.write_text(DEVICE)
        subprocess.run(["c++", *flags, source, "-o", library, "-ltorch_cpu", "-lc10"], check=True)
        return subprocess.run([sys.executable, *sys.argv], env=os.environ | {"LD_PRELOAD": str(library)}).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*zoo.ALL, *DENSITIES, COPIED]
    parser.add_argument("names", nargs="*", metavar="entry", choices=[*every, []], help="of the zoo; all by default")
    parser.add_argument("--precision", default="fp32", choices=PRECISIONS)
    asked = parser.parse_args()
    if torch.version.cuda is not None:
        raise SystemExit("torch's build with CUDA asks its driver; take the CPU build or, on a GPU, benchmarks/gpu.py.")
    if torch.accelerator.current_accelerator() != torch.device("cuda"):
        return with_device()
    failed = 0
    for name in asked.names or every:
        said = []
        for kind, model, data in models(name):
            for seeds in (1, 2):
                try:
                    dry_run(model, data, seeds, asked.precision)
                except Exception as error:
                    reason = str(error).strip().partition("\n")[0]
                    said.append(f"{kind}, seeds={seeds}: {type(error).__name__} at {where(error)}: {reason}")
        failed += bool(said)
        print(f"{name:30} {'; '.join(said) or 'passed'}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
