"""What a training step costs, and the bounds of the machine that ran it: the record behind chapter 19.

    python benchmarks/cost.py                      # about a minute of processor time; writes results/cost.json
    python benchmarks/cost.py --quick              # two rounds, nothing written

Everything takes turns, round by round, on one thread. Times are processor time of this process, which other programs
disturb less than the clock on the wall. Each round times every size of every sweep once, and the machine as well.

    machine   {launch_us, peak_gflops, bf16_gflops, bandwidth_gbs, memory_gbs}: {best, values by round}. An operation on
              one number; the best of three products of square matrices, in float32 and in bf16; the best copy of any
              size (its arrays may lie in a cache), and the copy of the largest, which lie in memory
    sweeps    name -> {model, points: [{size, operations, flops, bytes, us: {median, range}}]}. Of one step of
              ``training.Training``: operations that compute something (views are none), flops of matrix products, bytes
              that operations read and write; microseconds of processor time
    minibatch way -> points [{examples, us}]: microseconds to fetch 128 images of 784 pixels, by number of examples
    rounds, environment
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from ganvae_lib import Data, Noise, build, load, zoo
from ganvae_lib.experiments import record
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.batches import Batches
from ganvae_lib.training.settings import in_precision

ROWS = ("index_select", "index", "gather", "embedding")  # of their first argument they read the rows they return


class Counter(TorchDispatchMode):
    """Counts what torch is asked to do: operations that compute, and the bytes that they read and write."""

    def __init__(self):
        super().__init__()
        self.operations = self.bytes = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        if operation.is_view:
            return result
        self.operations += 1
        read = [size(arg) for arg in args]
        if operation.overloadpacket.__name__ in ROWS:
            read[0] = size(result)
        written = [size(arg) for arg, told in zip(args, operation._schema.arguments, strict=False) if writes(told)]
        fresh = [size(result)] if not any(writes(told) for told in operation._schema.returns) else []
        self.bytes += sum(read) + sum(written) + sum(fresh)
        return result


def writes(told) -> bool:
    return told.alias_info is not None and told.alias_info.is_write


def size(value) -> int:
    """Bytes of a tensor, or of those in a list; of one that repeats its numbers, those that there are."""
    if isinstance(value, list | tuple):
        return sum(map(size, value))
    if not isinstance(value, torch.Tensor):
        return 0
    return min(value.numel() * value.element_size(), value.untyped_storage().nbytes())


def counted(step: Callable[[], object]) -> dict[str, int]:
    """What one step asks for."""
    step()
    with FlopCounterMode(display=False) as flops:
        step()
    with Counter() as counter:
        step()
    return {"operations": counter.operations, "flops": flops.get_total_flops(), "bytes": counter.bytes}


def timed(work: Callable[[], object], repeat: int) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat


def repeats(work: Callable[[], object], seconds: float = 0.03) -> int:
    """How many calls take so long."""
    work()
    once = max(timed(work, 3), 1e-7)
    return max(2, math.ceil(seconds / once))


# ---------------------------------------------------------------- what is timed


def training(objective, data, batch: int, seeds: int, precision: str = "fp32", **networks) -> Callable[[], None]:
    """One step after another of a training that never ends."""
    settings = Settings(objective, 10**9, batch=batch, seeds=seeds, log_every=64, device="cpu", precision=precision)
    step = Training(build(objective, data, **networks), data, settings).step

    def exactly_so():
        with in_precision(precision, settings.device):
            step()

    return step if precision == "fp32" else exactly_so


class Copies(nn.Module):
    """K networks side by side, [K, batch, in] to [K, batch, out], as in the chapter."""

    def __init__(self, K: int, *sizes: int):
        super().__init__()
        first = lambda i, o: torch.randn(K, i, o, generator=torch.Generator().manual_seed(0)) / i**0.5
        self.weights = nn.ParameterList(first(i, o) for i, o in pairwise(sizes))
        self.biases = nn.ParameterList(torch.zeros(K, 1, o) for o in sizes[1:])

    def forward(self, x):
        *inner, last = zip(self.biases, self.weights, strict=True)
        for bias, weight in inner:
            x = torch.baddbmm(bias, x, weight).relu()
        return torch.baddbmm(last[0], x, last[1])


def plain(K: int, width: int = 64, batch: int = 64) -> Callable[[], None]:
    """One step of K GANs in plain PyTorch, on fresh noise and one minibatch."""
    G, D = Copies(K, 2, width, width, 2), Copies(K, 2, width, width, 1)
    adam_D, adam_G = (torch.optim.Adam(net.parameters(), 2e-4, fused=True) for net in (D, G))
    x = torch.randn(K, batch, 2)
    each = lambda loss: loss.mean((1, 2)).sum()

    def step():
        made = G(torch.randn(K, batch, 2))
        adam_D.zero_grad()
        (each(softplus(-D(x))) + each(softplus(D(made.detach())))).backward()
        adam_D.step()
        adam_G.zero_grad()
        each(softplus(-D(made))).backward()
        adam_G.step()

    return step


def sweeps() -> dict[str, tuple[str, dict[int, Callable]]]:
    ring = load("ring")
    pixels = torch.rand(2000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.3
    images = Data(pixels.float(), name="random pixels")
    plane = lambda batch, width, seeds: training(zoo.GAN, ring, batch, seeds, hidden=(width, width))
    pictures = lambda seeds, width=400, precision="fp32": training(
        zoo.VAE, images, 128, seeds, precision, latent=20, hidden=(width,), observation="bernoulli"
    )
    return {
        "width": (
            "GAN in the plane, two hidden layers, batch 64",
            {w: plane(64, w, 1) for w in (8, 16, 32, 64, 128, 256, 512, 1024)},
        ),
        "batch": (
            "GAN in the plane, 64-64",
            {b: plane(b, 64, 1) for b in (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)},
        ),
        "seeds, small": ("GAN in the plane, 64-64, batch 64", {k: plane(64, 64, k) for k in (1, 2, 4, 8, 16, 32, 64)}),
        "seeds, plain": (
            "the same in plain PyTorch",
            {k: plain(k) for k in (1, 2, 4, 8, 16, 32, 64)},
        ),
        "seeds, medium": (
            "GAN in the plane, 128-128, batch 256",
            {k: plane(256, 128, k) for k in (1, 2, 4, 8, 16, 32)},
        ),
        "seeds, large": ("VAE 784-400-20, batch 128", {k: pictures(k) for k in (1, 2, 4, 8)}),
        "fp32": ("VAE 784-width-20, batch 128", {w: pictures(1, w) for w in (100, 400, 1600)}),
        "bf16": ("the same in bf16", {w: pictures(1, w, "bf16") for w in (100, 400, 1600)}),
    }


def minibatches(folder: str) -> dict[str, dict[int, Callable]]:
    """Ways to fetch 128 images, by number of examples."""
    ways: dict[str, dict[int, Callable]] = {"floats": {}, "bytes": {}, "file of bytes": {}, "DataLoader": {}}
    for n in (1000, 10_000, 60_000):
        bytes_ = torch.randint(256, (n, 784), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
        path = Path(folder) / f"{n}.bin"
        numpy.memmap(path, numpy.uint8, "w+", shape=(n, 784))[:] = bytes_.numpy()
        file = torch.from_file(str(path), shared=False, size=n * 784, dtype=torch.uint8).view(n, 784)
        held = {"floats": bytes_ / 255, "bytes": bytes_, "file of bytes": file}
        for name, x in held.items():
            ways[name][n] = Batches([x], 128, Noise(0)).next
        ways["DataLoader"][n] = loader(held["floats"])
    return ways


def loader(x: torch.Tensor) -> Callable:
    """As in most programs: a loader in this process, which takes examples one by one."""
    batches = iter(())

    def fetch():
        nonlocal batches
        try:
            return next(batches)
        except StopIteration:
            batches = iter(DataLoader(TensorDataset(x), batch_size=128, shuffle=True, drop_last=True))
            return next(batches)

    return fetch


def machine() -> dict[str, Callable[[], float]]:
    """What the machine can do at best, each measured by one call."""
    one, other, sum_ = torch.zeros(1), torch.zeros(1), torch.zeros(1)
    add = lambda: torch.add(one, other, out=sum_)
    squares = {n: torch.rand(3, n, n) for n in (256, 512, 1024)}
    arrays = {b: (torch.zeros(b, dtype=torch.uint8), torch.ones(b, dtype=torch.uint8)) for b in (2**16, 2**18, 2**27)}

    def peak(kind=torch.float32):
        rates = []
        for n, square in squares.items():
            a, b, c = square.to(kind)
            rates.append(2 * n**3 / timed(lambda a=a, b=b, c=c: torch.mm(a, b, out=c), max(2, 2**27 // n**3)))
        return max(rates) / 1e9

    def copying(b):
        target, source = arrays[b]
        return 2 * b / timed(lambda: target.copy_(source), max(3, 2**28 // b)) / 1e9

    return {
        "launch_us": lambda: 1e6 * timed(add, 20_000),
        "peak_gflops": peak,
        "bf16_gflops": lambda: peak(torch.bfloat16),
        "bandwidth_gbs": lambda: max(map(copying, arrays)),
        "memory_gbs": lambda: copying(2**27),
    }


class Race:
    """Everything that is timed, and what it took so far."""

    def __init__(self, folder: str):
        self.swept, self.ways, self.limits = sweeps(), minibatches(folder), machine()
        self.work = {(name, x): step for name, (_, points) in self.swept.items() for x, step in points.items()}
        self.counts = {key: counted(step) for key, step in self.work.items()}
        self.work |= {(way, n): fetch for way, points in self.ways.items() for n, fetch in points.items()}
        self.many = {key: repeats(step) for key, step in self.work.items()}
        self.times: dict[tuple, list[float]] = {key: [] for key in self.work}
        self.found: dict[str, list[float]] = {name: [] for name in self.limits}
        self.rounds = 0

    def round(self) -> None:
        """Everything once; every other round runs backwards, so that nobody always comes first."""
        for key in list(self.work) if self.rounds % 2 == 0 else list(reversed(self.work)):
            self.work[key]()  # into the caches
            self.times[key].append(1e6 * timed(self.work[key], self.many[key]))
        for name, measure in self.limits.items():
            self.found[name].append(measure())
        self.rounds += 1

    def told(self, key: tuple) -> dict:
        values = self.times[key]
        return {"median": round(statistics.median(values), 2), "range": [round(min(values), 2), round(max(values), 2)]}

    def results(self) -> dict:
        """As the head of this file describes it."""
        best = {name: min(values) if name == "launch_us" else max(values) for name, values in self.found.items()}
        points = {
            name: [{"size": x, **self.counts[name, x], "us": self.told((name, x))} for x in steps]
            for name, (_, steps) in self.swept.items()
        }
        return {
            "machine": {
                name: {"best": round(best[name], 3), "values": [round(value, 3) for value in values]}
                for name, values in self.found.items()
            },
            "sweeps": {name: {"model": model, "points": points[name]} for name, (model, _) in self.swept.items()},
            "minibatch": {
                way: [{"examples": n, "us": self.told((way, n))} for n in fetches] for way, fetches in self.ways.items()
            },
            "rounds": self.rounds,
            "environment": record.environment(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    os.environ["GANVAE_PROGRESS"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        race = Race(folder)
        for _ in range(2 if quick else 9):
            race.round()
    results = race.results()
    shown(results)
    if not quick:
        write(results)


def write(results: dict) -> None:
    about = {"experiment": "cost of a training step", "command": "python benchmarks/cost.py"}
    record.write(Path(__file__).resolve().parents[1] / "results" / "cost.json", about | results)


def shown(results: dict) -> None:
    best = {name: found["best"] for name, found in results["machine"].items()}
    print(best)
    for name, sweep in results["sweeps"].items():
        for point in sweep["points"]:
            bounds = {
                "launches": point["operations"] * best["launch_us"],
                "arithmetic": point["flops"] / best["peak_gflops"] / 1e3,
                "traffic": point["bytes"] / best["bandwidth_gbs"] / 1e3,
            }
            told = ", ".join(f"{what} {value:.0f}" for what, value in bounds.items())
            print(f"{name} {point['size']}: {point['us']['median']:.0f} us; {point['operations']} operations; {told}")
    for way, points in results["minibatch"].items():
        print(way, *(f"{point['examples']}: {point['us']['median']:.0f} us" for point in points))


if __name__ == "__main__":
    main()
