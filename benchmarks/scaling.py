"""Several processes that share each minibatch, against one on all of it: speed, and whether the losses are the same.

    python benchmarks/scaling.py             # some minutes, two cores and nothing beside; writes results/scaling.json
    python benchmarks/scaling.py --quick     # one round, nothing written

Processes are started as torchrun starts them, each on one thread, and everything takes turns, round by round. Times are
of whole steps of ``Training`` by the *clock*, since processes wait for each other. A gain is how many times as many
examples a second there are as with one process: strong at the same whole minibatch, weak at one that grows along.

Two processes are *measured*. Two, four and eight are *simulated*: one that is alone does its part of the step, all but
the messages (it draws noise and order of the whole minibatch, keeps the first of P shares, packs and unpacks); messages
are added. They go round a ring, 2(P-1) turns with a P-th of the numbers, and two processes measure what a turn costs.

    rows    one per workload and way: {workload, way, batch (of one process), rounds, steps (in a round), sent (numbers
            in each message of a step), ms (of a step, medians): {one, two, "two, unsent" (no messages, no waiting),
            "share of P", messages, empty (messages of one number)}, measured: {gain, range}, simulated: {P: the same}}
    losses  {workload, batch (the whole), steps, difference (of two processes' curves from those of one, the largest, as
            part of the larger of value and curve's mean size), nudged (the same of one process that begins with weights
            changed in the last bit: so far rounding carries)}
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
import torch.distributed as dist

from ganvae_lib import Data, build, load, zoo
from ganvae_lib.distributions import Share
from ganvae_lib.experiments import record
from ganvae_lib.models import Model
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.batches import join_processes, leave_processes

ROOT = Path(__file__).resolve().parents[1]
PIXELS = dict(latent=20, hidden=(400,), observation="bernoulli")
WORKLOADS = {  # model, networks, batch, steps in a round
    "GAN 64-64, the plane, batch 64": ("GAN", dict(hidden=(64, 64)), 64, 200),
    "VAE 784-400-20, batch 128": ("VAE", PIXELS, 128, 40),
    "VAE 784-400-20, batch 1024": ("VAE", PIXELS, 1024, 8),
    "GAN 32-64, 28 x 28, batch 64": ("GAN", dict(architecture="conv", width=32), 64, 6),
}
SIZES, WAYS = (2, 4, 8), ("strong", "weak")
STEPS, CLOSE = 20, 1e-5  # of trainings whose losses are compared

send = dist.all_reduce


@cache
def made(name: str) -> tuple[Model, Data]:
    """A model and its data."""
    objective, networks, *_ = WORKLOADS[name]
    pixels = torch.rand(8192, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.3
    data = load("ring") if "plane" in name else Data(pixels.float(), name="random pixels")
    return build(getattr(zoo, objective), data, **networks), data


@cache
def begun(name: str, batch: int, of: int, sends: bool) -> Training:
    """A training on the whole minibatch or, in a process that is alone, on the first of so many shares of it."""
    model, data = made(name)
    training = Training(model, data, Settings(model.objective, 10**9, batch=batch, log_every=1000, device="cpu"))
    if not dist.is_initialized():
        training.noise.share = Share(0, of)
    return training


def clocked(work: Callable[[], object], repeat: int) -> float:
    """Milliseconds of one call, of processes that begin together."""
    if dist.is_initialized():
        send(torch.zeros(1))
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    return 1e3 * (time.perf_counter() - start) / repeat


def train(name: str, batch: int, of: int, sends: bool) -> float:
    """Milliseconds of a step."""
    dist.all_reduce = send if sends else lambda tensor: None
    return clocked(begun(name, batch, of, sends).step, WORKLOADS[name][-1])


def message(sent: list[int]) -> float:
    """Milliseconds of all messages of a step."""
    tensors = [torch.zeros(numbers) for numbers in sent]
    return clocked(lambda: [send(tensor) for tensor in tensors], 20)


def losses(name: str, batch: int, nudge: float) -> list[list[float]]:
    """The learning curves of a training whose first weights are longer by this part of them."""
    model, data = made(name)
    training = Training(model, data, Settings(model.objective, STEPS, batch=batch, log_every=1, device="cpu"))
    for weight in training.model.parameters():
        weight.data.mul_(1 + nudge)
    for _ in range(STEPS):
        training.step()
    return [curve[:, 0].tolist() for curve in training.history.values()]


def serve() -> None:
    """Answer the lines of standard input, [function, arguments], with what it returns."""
    join_processes(torch.device("cpu"))  # several find each other here
    for function, *arguments in map(json.loads, sys.stdin):
        dist.all_reduce = send
        print(json.dumps(globals()[function](*arguments)), flush=True)
    leave_processes()


class Group:
    """So many processes that know of each other, as torchrun starts them, or one that is alone."""

    def __init__(self, size: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(size)}
        common = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        known = [place | {"RANK": str(rank)} for rank in range(size)] if size > 1 else [{}]
        how = dict(args=[sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes = [subprocess.Popen(env=common | more, **how) for more in known]

    def answers(self, function: str, *arguments) -> list:
        for process in self.processes:
            print(json.dumps([function, *arguments]), file=process.stdin, flush=True)
        return [json.loads(process.stdout.readline()) for process in self.processes]


def difference(name: str, batch: int, groups: dict[int, Group]) -> dict:
    """One of the losses."""
    curves = lambda P, nudge: torch.tensor(groups[P].answers("losses", name, batch, nudge)[0]).double()
    one = curves(1, 0)
    apart = lambda other: ((other - one).abs() / one.abs().maximum(one.abs().mean(1, keepdim=True))).max().item()
    found = {"difference": apart(curves(2, 0)), "nudged": apart(curves(1, 2**-23))}
    assert found["difference"] < max(CLOSE, 3 * found["nudged"]), f"{name}, {batch}: {found}"
    print(name, batch, json.dumps(found), flush=True)
    return {"workload": name, "batch": batch, "steps": STEPS} | found


def timed(name: str, rounds: int, groups: dict[int, Group]) -> list[dict]:
    """The rows of a workload."""
    batch, model = WORKLOADS[name][2], made(name)[0]
    sent = [sum(p.numel() for p in model.of(phase.players)) for phase in model.objective.phases()]
    asked: dict[tuple, tuple] = {("both", "one"): (1, "train", name, batch, 1, True)}
    asked |= {("both", "messages"): (2, "message", sent), ("both", "empty"): (2, "message", [1] * len(sent))}
    for way in WAYS:
        whole = {P: batch if way == "strong" else P * batch for P in SIZES}
        asked[way, "two"] = (2, "train", name, whole[2], 2, True)
        asked[way, "two, unsent"] = (2, "train", name, whole[2], 2, False)
        asked |= {(way, f"share of {P}"): (1, "train", name, whole[P], P, False) for P in SIZES}
    times: dict[tuple, list[float]] = {key: [] for key in asked}
    for i in range(rounds + 1):  # the first is to warm up
        for key in list(asked)[:: 1 if i % 2 else -1]:  # nobody always comes first
            times[key].append(max(groups[asked[key][0]].answers(*asked[key][1:])))
    found = {way: {who: torch.tensor(t[1:]) for (of, who), t in times.items() if of in ("both", way)} for way in WAYS}
    about = {"workload": name, "batch": batch, "rounds": rounds, "steps": WORKLOADS[name][-1], "sent": sent}
    return [about | {"way": way} | told(way, found[way]) for way in WAYS]


def told(way: str, ms: dict[str, torch.Tensor]) -> dict:
    """The rest of a row."""

    def gain(P: int, taken: torch.Tensor) -> dict:
        found = (P if way == "weak" else 1) * ms["one"] / taken
        return {"gain": round(found.median().item(), 3), "range": [round(end.item(), 3) for end in found.aminmax()]}

    ring = lambda P: (P - 1) * (ms["empty"] + 2 / P * (ms["messages"] - ms["empty"]))
    found = {"ms": {who: round(taken.median().item(), 4) for who, taken in ms.items()}, "measured": gain(2, ms["two"])}
    found["simulated"] = {str(P): gain(P, ms[f"share of {P}"] + ring(P)) for P in SIZES}
    print(way, json.dumps(found), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.serve:
        return serve()
    groups = {P: Group(P) for P in (1, 2)}
    results: dict = {"experiment": "several processes", "command": "python benchmarks/scaling.py"}
    results["losses"] = [difference(name, k * WORKLOADS[name][2], groups) for name in WORKLOADS for k in (1, 2)]
    results["rows"] = [row for name in WORKLOADS for row in timed(name, 1 if asked.quick else 9, groups)]
    if not asked.quick:
        record.write(ROOT / "results" / "scaling.json", results | {"environment": record.environment()})


if __name__ == "__main__":
    main()
