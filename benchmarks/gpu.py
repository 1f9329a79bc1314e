"""What only a GPU can tell, within eight minutes of one.

    make gpu                                              # writes results/gpu/*.json, one file a part
    python benchmarks/gpu.py --minutes 20                 # with more time for the last part
    python benchmarks/gpu.py --device cpu --minutes 1 --out FOLDER   # a trial of the script itself

The parts come in this order, each with its share of the time; a part writes its record after every row, so whatever
ends the script early costs one row:

    equal      every entry of the zoo: the losses of 50 steps on the GPU against those on the CPU, with the same noise;
               the largest difference, beside the largest loss. Rounding alone parts two devices, so 1e-4 is the bound.
    resume     a training stopped in its middle and resumed from its checkpoint, against one that was not: bit for bit?
    precision  a VAE on MNIST in tf32 and in bf16 against fp32: the difference of the test bound, nats, four seeds
    seeds      1 to 256 seeds at once: milliseconds of a step, and of a step of one seed
    compiled   a step as one graph against an eager one: benchmarks/compiled.py's workloads, on the GPU
    loops      against the usual loop written by hand, and pythae's trainer where it is installed
    rows       what a row of chapter 18 costs at full size: the seconds of a step, by model (benchmarks/rows.py)
    studies    studies of the book at the size of their records, as many as the time allows, the quickest first

Ratios are medians over rounds in which the contenders take turns, on the clock, after torch.cuda.synchronize().
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import compiled
import torch

from ganvae_lib import Noise, build, fit, load, metrics, zoo
from ganvae_lib.distributions import noise as noises
from ganvae_lib.experiments import record
from ganvae_lib.measure import summary

Rows = Iterator[dict]
#: The part of the time that each may take; what one leaves is the next one's.
SHARES = {
    "equal": 0.2,
    "resume": 0.05,
    "precision": 0.1,
    "seeds": 0.15,
    "compiled": 0.15,
    "loops": 0.1,
    "rows": 0.1,
    "studies": 0.15,
}
STUDIES = ("labels", "kernels", "mnist_vae", "mnist_directions", "mnist_gan", "mnist_autoregressive")
QUIET = dict(progress=False)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(device: str, work: Callable[[], object]) -> float:
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


class NoiseOfTheHost:
    """While this is open all noise is drawn on the CPU and moved, so that two devices see the same numbers."""

    def __init__(self, device: str):
        self.device = device

    def __enter__(self) -> None:
        self.generators, self.fill = Noise.generators, noises._Stream.fill
        fill, device = self.fill, self.device

        def on_host(noise: Noise, name: str) -> list[torch.Generator]:
            there, noise.device = noise.device, torch.device("cpu")
            try:
                return self.generators(noise, name)
            finally:
                noise.device = there

        def filled(stream: noises._Stream) -> None:
            fill(stream)
            stream.block = stream.block.to(device)

        Noise.generators, noises._Stream.fill = on_host, filled

    def __exit__(self, *error: object) -> None:
        Noise.generators, noises._Stream.fill = self.generators, self.fill


def equal(device: str) -> Rows:
    for name, objective in zoo.ALL.items():
        data = compiled.suited(objective)
        model = build(objective, data, hidden=(16,), latent=3)
        how = dict(steps=50, batch=64, seeds=2, log_every=1, precision="fp32", **QUIET)
        here = fit(model, data, device="cpu", **how).history
        with NoiseOfTheHost(device):
            there = fit(model, data, device=device, **how).history
        apart = max((here[term] - there[term]).abs().max().item() for term in here)
        yield dict(
            model=name,
            difference=float(f"{apart:.2e}"),
            largest_loss=float(f"{max(here[term].abs().max().item() for term in here):.3g}"),
        )


def resume(device: str) -> Rows:
    for name in ("VAE", "WGAN-GP", "ALI", "diffusion"):
        data = compiled.suited(zoo.ALL[name])
        model = build(zoo.ALL[name], data, hidden=(64,), latent=3)
        how = dict(batch=64, seeds=4, device=device, log_every=10, **QUIET)
        whole = fit(model, data, 100, **how)
        with tempfile.TemporaryDirectory() as folder:
            half = lambda run: run.history.steps[-1] >= 50
            fit(model, data, 100, checkpoint=folder, on_point=half, **how)
            again = fit(model, data, 100, checkpoint=folder, resume=True, **how)
        weights = zip(whole.model.parameters(), again.model.parameters(), strict=True)
        yield dict(model=name, apart=max((a - b).abs().max().item() for a, b in weights))


def precision(device: str, steps: int = 2000) -> Rows:
    data, test = (load("mnist", split=split, binarize="sample") for split in ("train", "test"))
    model = build(zoo.VAE, data, latent=20, hidden=(400,))
    bounds, clock = {}, {}
    for name in ("fp32", "tf32", "bf16"):
        runs: list = []
        train = lambda name=name, runs=runs: runs.append(
            fit(model, data, steps, batch=128, seeds=4, device=device, precision=name, **QUIET)
        )
        clock[name] = seconds(device, train)
        bounds[name] = metrics.elbo(runs[0].model, test)
        row = dict(precision=name, steps=steps, seconds=round(clock[name], 2), elbo=summary(bounds[name].cpu()))
        yield row | dict(minus_fp32=summary((bounds[name] - bounds["fp32"]).cpu()))


def seeds(device: str, most: int = 256) -> Rows:
    ring, digits = load("ring"), load("digits")
    workloads = {
        "GAN in the plane, 128-128, batch 256": (zoo.GAN, ring, dict(hidden=(128, 128)), 256),
        "VAE of digits, 400, batch 128": (zoo.VAE, digits, dict(hidden=(400,), latent=20), 128),
    }
    for workload, (objective, data, networks, batch) in workloads.items():
        model, k = build(objective, data, **networks), 1
        while k <= most:
            train = lambda k=k, model=model, data=data, batch=batch: fit(
                model, data, 200, batch=batch, seeds=k, device=device, log_every=200, **QUIET
            )
            train()  # warms up
            per_step = statistics.median(seconds(device, train) for _ in range(3)) / 200
            yield dict(
                workload=workload,
                seeds=k,
                ms_per_step=round(1e3 * per_step, 3),
                ms_per_step_and_seed=round(1e3 * per_step / k, 4),
            )
            k *= 4


def as_graphs(device: str) -> Rows:
    for workload in compiled.WORKLOADS.values():
        yield compiled.row(*workload, device=device)


def loops(device: str) -> Rows:
    import speed

    data = load("mnist", binarize="sample")
    steps, model = len(data) // speed.BATCH, build(zoo.VAE, data, latent=20, hidden=(400,))
    ours = lambda: fit(model, data, steps, batch=speed.BATCH, device=device, log_every=steps, **QUIET)
    contenders: dict[str, Callable[[], object]] = {
        "ganvae_lib": ours,
        "textbook loop": speed.textbook_vae(data, device),
    }
    missing = ""
    try:
        contenders["pythae"] = speed.pythae_vae(data, no_cuda=device == "cpu")
    except ImportError as error:
        missing = f"pythae is not installed ({error})"
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(4):
        for name in list(contenders)[:: 1 if i % 2 else -1]:
            times[name].append(seconds(device, contenders[name]))
    for name in list(contenders)[1:]:
        ratios = [theirs / own for own, theirs in zip(times["ganvae_lib"][1:], times[name][1:], strict=True)]
        yield dict(
            workload="VAE 784-400-20, batch 128, one epoch of MNIST",
            against=name,
            ratio=round(statistics.median(ratios), 2),
            ratio_range=[round(min(ratios), 2), round(max(ratios), 2)],
            missing=missing,
        )


def full_rows(device: str) -> Rows:
    import rows

    yield from rows.rows(device=device)


def studies(device: str, folder: Path, until: float) -> Rows:
    """Each in a process of its own, which is stopped when the time is over; a later call goes on with it."""
    for name in STUDIES:
        command = [sys.executable, "-m", "ganvae_lib", "study", name, "--out", str(folder), "--resume"]
        start = time.monotonic()
        try:
            done = subprocess.run(command, timeout=max(1.0, until - start), capture_output=True, text=True)
            state = "done" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
        except subprocess.TimeoutExpired:
            state = "stopped; --resume goes on with it"
        yield dict(study=name, seconds=round(time.monotonic() - start, 1), state=state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "gpu")
    parser.add_argument("--parts", nargs="+", default=list(SHARES), choices=SHARES)
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here; --device cpu --minutes 1 --out FOLDER tries the script itself.")
    begun, share = time.monotonic(), 0.0
    for part in asked.parts:
        share += SHARES[part] / sum(SHARES[name] for name in asked.parts)
        until = begun + 60 * asked.minutes * share
        work = {
            "equal": equal,
            "resume": resume,
            "precision": precision,
            "seeds": seeds,
            "compiled": as_graphs,
            "loops": loops,
            "rows": full_rows,
            "studies": lambda device, until=until: studies(device, asked.out / "studies", until),
        }[part]
        about = dict(part=part, command=" ".join(["python benchmarks/gpu.py", *sys.argv[1:]]))
        report(asked.out / f"{part}.json", about, work(asked.device), until, asked.device)
        print(f"{part}: {time.monotonic() - begun:.0f} s since the start", flush=True)


def report(path: Path, about: dict, rest: Rows, until: float, device: str) -> None:
    """Write the rows that are made before the time is over, after each of them."""
    rows: list[dict] = []
    ended = None
    while ended is None:
        try:
            rows.append(next(rest))
            print(path.stem, rows[-1], flush=True)
        except StopIteration:
            ended = "with all rows"
        if ended is None and time.monotonic() > until:
            ended = "when its time was over"
        content = dict(rows=rows, ended=ended or "not yet", environment=record.environment(device))
        record.write(path, about | content)


if __name__ == "__main__":
    main()
