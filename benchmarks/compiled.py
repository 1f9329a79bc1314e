"""A step as one compiled graph against an eager step, side by side in one process on one thread.

    python benchmarks/compiled.py             # some minutes, most of them for compiling; writes results/compiled.json
    python benchmarks/compiled.py vae         # one row, nothing written
    python benchmarks/compiled.py --zoo       # no times: the losses of 50 steps, compiled and eager, of every zoo entry

Contenders take turns, round by round; a ratio is the median over rounds of the ratio within a round, in processor time
of this process, and above 1 where the graph is faster. Compiling and the first steps are not in it: they are
``compile_seconds``, on the clock.

    rows  {workload, rounds, steps (in a round), ratio (median), ratio_range [min, max], ms_per_step: {eager, compiled,
          hostless, products, "products, oneDNN"}, limit (median), limit_range, hostless (median), hostless_range,
          compile_seconds, target}

``products`` are the bare products of an eager step, as torch does them and on a CPU by oneDNN, too (see products.py);
``limit`` is how many times as long as the former the eager step takes: no graph that multiplies as torch gains more.
On a CPU ``hostless`` is the graph as torch writes it if C++ calls the kernels in the place of Python and nobody looks
whether it still fits its inputs: what would be left if the host cost next to nothing. It takes longer to compile, and
torch calls it unsafe not to look, so that the library does neither.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from products import products_of
from speed import library_gan

from ganvae_lib import Domains, build, fit, load, zoo
from ganvae_lib.experiments import record
from ganvae_lib.training import Settings, Training, compiled
from ganvae_lib.training.compiled import whole_step
from ganvae_lib.training.settings import without_argument_checks

ROUNDS = 9


#: By name: what it is, the data, the model, batch, steps in a round, the ratio to reach.
WORKLOADS = {
    "plane": (
        "GAN in the plane, 128-128, batch 256",
        partial(load, "ring"),
        lambda data: build(zoo.GAN, data, hidden=(128, 128)),
        256,
        200,
        1.8,
    ),
    "vae": (
        "VAE 784-400-20, batch 128, MNIST",
        partial(load, "mnist", binarize="sample"),
        lambda data: build(zoo.VAE, data, latent=20, hidden=(400,)),
        128,
        60,
        1.25,
    ),
    "gan": (
        "GAN of PyTorch-GAN/gan.py without BatchNorm, batch 128, MNIST",
        partial(load, "mnist"),
        library_gan,
        128,
        30,
        1.1,
    ),
}


def row(workload: str, load_data, make, batch: int, steps: int, target: float, device: str = "cpu") -> dict:
    """Both take turns; an entry as the head of this file describes it."""
    data = load_data()
    model = make(data)
    how = dict(steps=10**6, batch=batch, device=device, log_every=steps)
    eager = Training(model, data, Settings(model.objective, **how))
    graph = Training(model, data, Settings(model.objective, compile=True, **how))
    start = time.perf_counter()
    graph.compiled = whole_step(graph)
    if graph.compiled is None:
        raise SystemExit(f"{workload} is not compiled.")
    with without_argument_checks():
        graph.step()
        eager.step()
        compile_seconds = time.perf_counter() - start
        contenders = {"eager": eager.step, "compiled": graph.step}
        contenders["products"] = products_of(eager.step)
        if device == "cpu":
            contenders["hostless"] = hostless(Training(model, data, Settings(model.objective, compile=True, **how)))
            if torch.backends.mkldnn.is_available():
                contenders["products, oneDNN"] = products_of(eager.step, onednn=True)
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for i in range(ROUNDS + 1):  # the first one warms up
            for name in list(contenders)[:: 1 if i % 2 else -1]:
                start = now(device)
                for _ in range(steps):
                    contenders[name]()
                times[name].append((now(device) - start) / steps)
    rounds = [dict(zip(times, values, strict=True)) for values in zip(*times.values(), strict=True)][1:]
    found = dict(workload=workload, rounds=ROUNDS, steps=steps)
    for name, than in {"ratio": "compiled", "limit": "products", "hostless": "hostless"}.items():
        if than in contenders:
            ratios = [seconds["eager"] / seconds[than] for seconds in rounds]
            found[name] = round(statistics.median(ratios), 2)
            found[f"{name}_range"] = [round(min(ratios), 2), round(max(ratios), 2)]
    return found | dict(
        ms_per_step={name: round(1e3 * statistics.median(values[1:]), 3) for name, values in times.items()},
        compile_seconds=round(compile_seconds, 1),
        target=target,
    )


def hostless(training: Training):
    """The compiled step of a training, called by C++ and without a look at whether it fits."""
    compiled._graphs.clear()  # else it would get the graph that is there
    with torch._inductor.config.patch(cpp_wrapper=True):
        graph_step = whole_step(training)
    compiled._graphs.clear()
    graph_step()

    def step() -> None:
        with torch.compiler.set_stance("default", skip_guard_eval_unsafe=True):
            graph_step()

    return step


def now(device: str) -> float:
    """Seconds: of this process on a CPU; of the clock on a GPU, when it has done what it was asked."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def suited(objective):
    """The ring, with what an objective reads besides."""
    ring = data = load("ring", fraction=0.1)
    if "labels" in objective.reads:
        data = replace(ring, law=None, y=(ring.x[:, 0] > 0).long())
    if "other" in objective.reads:
        data = Domains(replace(data, law=None), ring.map(lambda x: x.flip(0) + 0.5, "moved"))
    return data


def every_entry() -> None:
    """The largest difference of losses over 50 steps, of each zoo entry, two seeds; or why it is not compiled."""
    for name, objective in zoo.ALL.items():
        data = suited(objective)
        model = build(objective, data, hidden=(16,), latent=3)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            runs = [fit(model, data, 50, batch=64, seeds=2, compile=how, log_every=1) for how in (False, True)]
        apart = max((runs[0].history[term] - runs[1].history[term]).abs().max().item() for term in runs[0].history)
        print(f"{name:30} {apart:.1e} {'; '.join(str(t.message) for t in told)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*WORKLOADS, []])
    parser.add_argument("--zoo", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.zoo:
        return every_entry()
    rows = []
    for name in asked.names or WORKLOADS:
        rows.append(row(*WORKLOADS[name]))
        print(rows[-1], flush=True)
    if not asked.names:
        about = {"experiment": "a compiled step", "command": "python benchmarks/compiled.py"}
        folder = Path(__file__).resolve().parents[1] / "results"
        record.write(folder / "compiled.json", about | {"rows": rows, "environment": record.environment()})
    return None


if __name__ == "__main__":
    main()
