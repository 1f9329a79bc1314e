"""Stacked seeds, convolutions above all: against another build of the library, and against one run after another.

    python benchmarks/convolutions.py COMMIT       # writes results/convolutions.json; COMMIT is what to compare with
    python benchmarks/convolutions.py COMMIT --quick   # one round, nothing written

The library as it is here and as it was at COMMIT each run in a process of their own on one thread, and take turns:
round by round, one trains while the other waits, and each ratio is the median over rounds of the ratio within a round.
Times are processor time of the process that trains, of whole steps of ``Training`` (minibatch, losses, gradients,
Adam), without what a run begins with.

    rows      one per workload: {workload, seeds, rounds, steps (in a round), ms_per_step (medians, of all seeds):
              {here, before, one after another}, against_before, against_one_after_another: {ratio (median), range
              [min, max]}}; a ratio above 1 says that stacked seeds here are faster. Without ``before`` where the other
              build cannot
    memory    what a step frees stays with the process in ``fit``, or is given back, above glibc's 32 and 64 MiB:
              {workload, seeds, steps, ms_per_step and page_faults (of a whole fit): {kept, "given back"}, ratio, range}
    turned    gradients of stacked layers lie transposed, and are copied before Adam sees them: {shape of the weights,
              ms_per_copy: {stack, matrices} (as one copy, and matrix by matrix, as ``descend`` does), ratio, range}
    formats   one seed here: {workload, ms_per_step (medians): {contiguous, "channels last", and of each the bare
              products: products.py}, ratio, range, bare: the same of the bare products}: how many times as fast
              images and kernels with their channels last are
    trunks    where ``trunks.LARGE`` comes from: {trunk, width, numbers (largest kernel of one seed), pixels, seeds,
              batch, ratio, range}: how many times as fast, forward and backward, copies in turn are as groups
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import torch
from products import products_of

from ganvae_lib import Data, build, fit, nets, zoo
from ganvae_lib.training import fitting, settings as training_settings
from ganvae_lib.training.settings import Settings
from ganvae_lib.training.state import Training

ROOT = Path(__file__).resolve().parents[1]
KEEPING = getattr(training_settings, "keeping_freed_memory", nullcontext)  # the other build may not know it
LARGE = dict(architecture="conv", width=64, depth=3, latent=100)
#: (model, shape of an example, networks, seeds, batch, steps in a round)
WORKLOADS = {
    "GAN 64-128-256, 3 x 32 x 32": ("GAN", (3, 32, 32), LARGE, 10, 64, 1),
    "VAE 64-128-256, 3 x 32 x 32": ("VAE", (3, 32, 32), LARGE, 10, 64, 1),
    "GAN 32-64, 28 x 28": ("GAN", (1, 28, 28), dict(architecture="conv", width=32), 4, 64, 1),
    "VAE 32-64, 28 x 28": ("VAE", (1, 28, 28), dict(architecture="conv", width=32), 4, 64, 1),
    "GAN 16-32, 28 x 28": ("GAN", (1, 28, 28), dict(architecture="conv", width=16), 4, 64, 2),
    "GAN 16-32, 16 x 16": ("GAN", (1, 16, 16), dict(architecture="conv", width=16), 4, 64, 4),
    "GAN 8-16, 28 x 28": ("GAN", (1, 28, 28), dict(architecture="conv", width=8), 4, 64, 3),
    "GAN 8-16, 8 x 8": ("GAN", (1, 8, 8), dict(architecture="conv", width=8), 4, 64, 10),
    "DIFFUSION 8-16-32, 28 x 28": ("DIFFUSION", (1, 28, 28), dict(architecture="conv", width=8), 4, 64, 1),
    "DIFFUSION 8-16-32, 16 x 16": ("DIFFUSION", (1, 16, 16), dict(architecture="conv", width=8), 4, 64, 2),
    "DIFFUSION 8-16-32, 8 x 8": ("DIFFUSION", (1, 8, 8), dict(architecture="conv", width=8), 4, 64, 6),
    "GAN 784-256-512": ("GAN", (1, 28, 28), dict(hidden=(256, 512)), 4, 128, 4),
    "GAN 784-512-512": ("GAN", (1, 28, 28), dict(hidden=(512, 512)), 4, 128, 2),
    "GAN 784-1024-1024": ("GAN", (1, 28, 28), dict(hidden=(1024, 1024)), 4, 128, 1),
    "VAE 784-1024-1024-20": ("VAE", (1, 28, 28), dict(hidden=(1024, 1024), latent=20), 4, 128, 1),
    "VAE 784-1600-20, ten": ("VAE", (1, 28, 28), dict(hidden=(1600,), latent=20), 10, 128, 1),
    "VAE 784-1600-20": ("VAE", (1, 28, 28), dict(hidden=(1600,), latent=20), 4, 128, 2),
    "VAE 784-100-20": ("VAE", (1, 28, 28), dict(hidden=(100,), latent=20), 4, 128, 8),
    "VAE 784-400-20, sixteen": ("VAE", (1, 28, 28), dict(hidden=(400,), latent=20), 16, 128, 2),
    "VAE 784-400-20": ("VAE", (1, 28, 28), dict(hidden=(400,), latent=20), 4, 128, 5),
    "GAN 128-128, the plane": ("GAN", (2,), dict(hidden=(128, 128)), 8, 256, 10),
    "GAN 512-512, the plane": ("GAN", (2,), dict(hidden=(512, 512)), 8, 256, 2),
    "GAN 1024-1024, the plane": ("GAN", (2,), dict(hidden=(1024, 1024)), 4, 256, 1),
}
#: Those for one seed in both memory formats.
FORMATS = ("GAN 64-128-256, 3 x 32 x 32", "GAN 32-64, 28 x 28", "VAE 32-64, 28 x 28", "GAN 16-32, 28 x 28")
#: (model, shape of an example, networks, seeds, batch, steps of a fit)
FITS = {
    "VAE 784-1600-20": ("VAE", (1, 28, 28), dict(hidden=(1600,), latent=20), 10, 128, 20),
    "VAE 784-400-20": ("VAE", (1, 28, 28), dict(hidden=(400,), latent=20), 64, 128, 8),
    "GAN 128-128, the plane": ("GAN", (2,), dict(hidden=(128, 128)), 64, 256, 40),
    "GAN 64-128-256, 3 x 32 x 32": ("GAN", (3, 32, 32), LARGE, 10, 64, 3),
    "VAE 784-400-20, four": ("VAE", (1, 28, 28), dict(hidden=(400,), latent=20), 4, 128, 40),
}
#: Weights of stacked linear layers.
WEIGHTS = ((4, 1024, 1024), (4, 1024, 784), (4, 512, 512), (4, 400, 784), (8, 128, 128))
#: Widths of ``conv_down`` and ``conv_up`` on images of 1 x 16 x 16, and of ``UNet``.
WIDTHS = (8, 16, 32, 64)
TRUNKS = {
    "conv_down": (lambda width: nets.conv_down((1, 16, 16), width, 8), (1, 16, 16)),
    "conv_up": (lambda width: nets.conv_up(8, width, (1, 16, 16)), (8,)),
    "UNet": (lambda width: nets.UNet((1, 16, 16), width, 1), (1, 16, 16)),
}


def begun(name: str, seeds: list[int], last: bool = False) -> Training:
    """A training of a workload that has made its first step; with channels last if asked to, wherever they are seen."""
    objective, shape, networks, _, batch, _ = WORKLOADS[name]
    objective = getattr(zoo, objective)
    x = torch.rand(512, *shape, generator=torch.Generator().manual_seed(0))
    data = Data(x)
    settings = Settings(objective, steps=10**6, batch=batch, seeds=seeds, log_every=10**3, device="cpu")
    training = Training(build(objective, data, **networks), data, settings)
    if last:
        to_last = lambda _, images: images[0].contiguous(memory_format=torch.channels_last)
        for layer in training.model.to(memory_format=torch.channels_last).modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                layer.register_forward_pre_hook(to_last)
    training.step()
    return training


def serve() -> None:
    """Train what the lines of standard input ask for, [workload, stacked or not], and answer with seconds."""
    made: dict[tuple[str, bool], list[Training]] = {}
    for line in sys.stdin:
        name, stacked = json.loads(line)
        seeds, steps = WORKLOADS[name][3], WORKLOADS[name][5]
        if name not in {known for known, _ in made}:
            made.clear()
            gc.collect()
        if (name, stacked) not in made:
            groups = [list(range(seeds))] if stacked else [[k] for k in range(seeds)]
            made[name, stacked] = [begun(name, group) for group in groups]
        start = time.process_time()
        for training in made[name, stacked]:  # those of one seed one after another, each all of its steps
            for _ in range(steps):
                training.step()
        print(time.process_time() - start, flush=True)


class Build:
    """A process that trains with the library in a folder, whenever it is asked."""

    def __init__(self, folder: str | Path):
        environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "GANVAE_PROGRESS": "0"}
        command = [sys.executable, __file__, "--serve"]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.process = subprocess.Popen(command, **pipes)

    def seconds(self, name: str, stacked: bool) -> float:
        print(json.dumps([name, stacked]), file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def ratio(ours: list[float], others: list[float]) -> dict:
    """How many times as fast ours were, round by round."""
    found = [other / our for our, other in zip(ours, others, strict=True)]
    return {"ratio": round(statistics.median(found), 2), "range": [round(min(found), 2), round(max(found), 2)]}


def workload(name: str, here: Build, before: Build, rounds: int) -> dict:
    """One of the rows."""
    seeds, steps = WORKLOADS[name][3], WORKLOADS[name][5]
    contenders = {"here": (here, True), "before": (before, True), "one after another": (here, False)}
    if WORKLOADS[name][0] == "DIFFUSION":  # it had no such networks
        del contenders["before"]
    times: dict[str, list[float]] = {who: [] for who in contenders}
    for i in range(-1, rounds):  # the first is to warm up
        for who in list(contenders) if i % 2 else list(reversed(contenders)):  # nobody always comes first
            seconds = contenders[who][0].seconds(name, contenders[who][1])
            if i >= 0:
                times[who].append(seconds)
    ms = {who: round(1e3 * statistics.median(seconds) / steps, 2) for who, seconds in times.items()}
    row = {"workload": name, "seeds": seeds, "rounds": rounds, "steps": steps, "ms_per_step": ms}
    row |= {f"against_{who.replace(' ', '_')}": ratio(times["here"], times[who]) for who in list(contenders)[1:]}
    print(json.dumps(row), flush=True)
    return row


def memory(name: str, rounds: int) -> dict:
    """One of the fits with and without what they free."""
    objective, shape, networks, seeds, batch, steps = FITS[name]
    data = Data(torch.rand(2048, *shape, generator=torch.Generator().manual_seed(0)))
    model = build(getattr(zoo, objective), data, **networks)
    ways = {"kept": KEEPING, "given back": nullcontext}
    times: dict[str, list[float]] = {way: [] for way in ways}
    faults: dict[str, list[int]] = {way: [] for way in ways}
    for i in range(-1, rounds):
        for way in list(ways) if i % 2 else list(reversed(ways)):
            fitting.keeping_freed_memory = ways[way]
            start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            fit(model, data, steps, batch=batch, seeds=seeds, log_every=steps, device="cpu", progress=False)
            if i >= 0:
                times[way].append(time.process_time() - start)
                faults[way].append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    fitting.keeping_freed_memory = KEEPING
    ms = {way: round(1e3 * statistics.median(seconds) / steps, 2) for way, seconds in times.items()}
    row = {"workload": name, "seeds": seeds, "steps": steps, "ms_per_step": ms}
    row |= {"page_faults": {way: int(statistics.median(counts)) for way, counts in faults.items()}}
    row |= ratio(times["kept"], times["given back"])
    print(json.dumps(row), flush=True)
    return row


def by_turns(contenders: dict[str, Callable[[], object]], repeats: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time that each contender takes, round by round, after one that is not counted."""
    times: dict[str, list[float]] = {way: [] for way in contenders}
    for i in range(-1, rounds):
        for way in list(contenders) if i % 2 else list(reversed(contenders)):  # nobody always comes first
            start = time.process_time()
            for _ in range(repeats):
                contenders[way]()
            if i >= 0:
                times[way].append((time.process_time() - start) / repeats)
    return times


def turned(shape: tuple[int, ...], rounds: int) -> dict:
    """One of the copies that turn a gradient."""
    gradient, copied = torch.randn(shape[0], shape[2], shape[1]).mT, torch.empty(shape)

    def matrices() -> None:
        for to, one in zip(copied, gradient, strict=True):
            to.copy_(one)

    contenders = {"stack": lambda: copied.copy_(gradient), "matrices": matrices}
    times = by_turns(contenders, 20, rounds)
    ms = {way: round(1e3 * statistics.median(seconds), 3) for way, seconds in times.items()}
    row = {"weights": list(shape), "ms_per_copy": ms} | ratio(times["matrices"], times["stack"])
    print(json.dumps(row), flush=True)
    return row


def formats(name: str, rounds: int) -> dict:
    """One of the formats."""
    trainings = {"contiguous": begun(name, [0]), "channels last": begun(name, [0], last=True)}
    contenders = {way: training.step for way, training in trainings.items()}
    contenders |= {f"{way}, products": products_of(training.step) for way, training in trainings.items()}
    times = by_turns(contenders, 3, rounds)
    ms = {way: round(1e3 * statistics.median(seconds), 2) for way, seconds in times.items()}
    row = {"workload": name, "ms_per_step": ms} | ratio(times["channels last"], times["contiguous"])
    row["bare"] = ratio(times["channels last, products"], times["contiguous, products"])
    print(json.dumps(row), flush=True)
    return row


def trunk(name: str, width: int, rounds: int, seeds: int = 4, batch: int = 64) -> dict:
    """One of the trunks."""
    from ganvae_lib.networks import trunks

    make, shape = TRUNKS[name]
    stacked = nets.stack([make(width) for _ in range(seeds)])
    x = torch.randn(seeds, batch, *shape)
    times: dict[float, list[float]] = {0: [], math.inf: []}
    for i in range(-1, rounds):
        for least in list(times) if i % 2 else list(reversed(times)):
            trunks.LARGE["cpu"] = least
            start = time.process_time()
            y = stacked(x)
            torch.autograd.grad(y, list(stacked.parameters()), torch.ones_like(y))
            if i >= 0:
                times[least].append(time.process_time() - start)
    numbers = max(p[0].numel() for p in stacked.parameters() if p.ndim == 5)
    row = {"trunk": name, "width": width, "numbers": numbers, "pixels": 16**2, "seeds": seeds, "batch": batch}
    row |= ratio(times[0], times[math.inf])
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", nargs="?")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.serve:
        with KEEPING():
            return serve()
    rounds = 1 if asked.quick else 7
    packed = subprocess.run(["git", "archive", asked.commit, "ganvae_lib"], cwd=ROOT, capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        tarfile.open(fileobj=BytesIO(packed.stdout)).extractall(folder, filter="data")
        here, before = Build(ROOT), Build(folder)
        rows = [workload(name, here, before, rounds) for name in WORKLOADS]
        for build_ in (here, before):
            build_.process.stdin.close()
    with KEEPING():
        in_both = [formats(name, rounds) for name in FORMATS]
    kept = [memory(name, rounds) for name in FITS]
    copies = [turned(shape, rounds) for shape in WEIGHTS]
    with KEEPING():
        trunks = [trunk(name, width, rounds) for name in TRUNKS for width in WIDTHS]
    if not asked.quick:
        from ganvae_lib.experiments import record

        about = {"experiment": "stacked convolutions", "command": f"python benchmarks/convolutions.py {asked.commit}"}
        results = {
            "rows": rows,
            "formats": in_both,
            "memory": kept,
            "turned": copies,
            "trunks": trunks,
            "environment": record.environment(),
        }
        record.write(ROOT / "results" / "convolutions.json", about | results)


if __name__ == "__main__":
    main()
