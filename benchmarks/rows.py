"""What a row of chapter 18 costs at full size: the time of a training step, by model; ten seeds in one stack.

    python benchmarks/rows.py             # some minutes of processor time; writes results/rows.json
    python benchmarks/rows.py --quick     # one step of each, nothing written

Each step is timed by itself, after a first one, which is not counted, for ten seconds: at least five and at most fifty
steps. It is processor time of this process on one thread, which other programs disturb less than the clock; on a GPU
(``benchmarks/gpu.py``) the clock. The share of the data matters where it changes what is trained: with all labels, an
SVAE has nothing to infer.

    rows  {experiment, fraction, model, steps (timed), seconds_per_step: {median, range}, gflop_per_step (of products)}
    seeds (stacked), environment
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path

import torch
from compiled import now
from torch.utils.flop_counter import FlopCounterMode

from ganvae_lib import EXPERIMENTS, Setting, build
from ganvae_lib.experiments import record, techniques
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.settings import without_argument_checks

SEEDS = 10
LEAST, MOST, ENOUGH = 5, 50, 10.0  # steps that are timed, and seconds after which no more are
KINDS = (("gan", 1.0), ("cgan", 1.0), ("vae", 0.1), ("cvae", 0.1), ("svae", 0.1), ("svae", 1.0))


def timed(objective, data, config: dict, quick: bool, device: str) -> dict:
    """One of the two models of a row, trained for a few steps."""
    how = {key: config[key] for key in ("batch", "lr", "betas", "precision")}
    settings = Settings(objective, 10**6, seeds=SEEDS, device=device, log_every=100, **how)
    training = Training(build(objective, data, **config["networks"]), data, settings)
    seconds: list[float] = []
    least, most = (1, 1) if quick else (LEAST, MOST)
    with without_argument_checks():
        with FlopCounterMode(display=False) as flops:
            training.step()
        while len(seconds) < least or (len(seconds) < most and sum(seconds) < ENOUGH):
            start = now(device)
            training.step()
            seconds.append(now(device) - start)
    found = {"median": round(statistics.median(seconds), 4), "range": [round(f(seconds), 4) for f in (min, max)]}
    return {"steps": len(seconds), "seconds_per_step": found, "gflop_per_step": round(flops.get_total_flops() / 1e9, 2)}


def rows(quick: bool = False, device: str = "cpu") -> Iterator[dict]:
    """Base and variant of each kind of row."""
    for name, fraction in KINDS:
        setting = Setting(name, fraction=fraction, size="full", seeds=tuple(range(SEEDS)))
        data, _ = techniques.examples(setting)
        experiment, config = EXPERIMENTS[name], techniques._config(setting, data)
        for model, objective in zip(experiment.names, experiment.objectives(fraction), strict=True):
            about = {"experiment": name, "fraction": fraction, "model": model}
            yield about | timed(objective, data, config, quick, device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    found = []
    for row in rows(quick):
        print(row, flush=True)
        found.append(row)
    if not quick:
        about = {"experiment": "steps of chapter 18's rows at full size", "command": "python benchmarks/rows.py"}
        results = {"seeds": SEEDS, "rows": found, "environment": record.environment()}
        record.write(Path(__file__).resolve().parents[1] / "results" / "rows.json", about | results)


if __name__ == "__main__":
    main()
