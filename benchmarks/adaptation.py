"""Adversarial domain adaptation at full scale: a classifier learns from MNIST and is used on USPS, eight seeds.

    python benchmarks/adaptation.py                 # about 15 minutes on one CPU thread
    python benchmarks/adaptation.py --steps 200 --seeds 2 --name trial

Three objectives of the zoo on the same networks: SOURCE_ONLY, ADA (answers reversed), DANN (gradient reversed).
MNIST is resized to the 16 x 16 pixels of USPS. No label of USPS is read before the end; its test set gives the scores.
Learning rate and weight of the adversary are chosen by a pilot on another pair, MNIST -> MNIST turned by 25 degrees,
and on other seeds. A network trained on the labels of USPS stands beside them.

Writes results/adaptation.png (both domains) and results/adaptation.json:

    experiment, command, seeds
    config           architecture, width, latent, steps, batch, optimizer, betas, precision
    data             source, target, target_test: {n, digest}; how MNIST was resized
    pilot            pair, seeds, steps; rows: {model, lr, weight, accuracy: {values, mean, half_width_95}}
    chosen           per model: lr, weight
    accuracy         per model (and "target labels"): target, source: {values [seeds], mean, half_width_95}, shares of
                     the two test sets that are named rightly
    gain             per adapted model: mean difference to SOURCE_ONLY on the target, Welch's 95 % interval
    discriminator    per adapted model: its loss over the last tenth of training, nats (log 4 = 1.386 when it is lost)
    seconds          wall clock of the whole script; the committed run shared its processor with others
    environment
"""

from __future__ import annotations

import argparse
import math
import time

import record
import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate

from ganvae_lib import Adversary, Classify, Domains, Match, accuracy, build, fit, load

LINKS = {"source only": None, "ADA": "non-saturating", "DANN": "minimax"}
CONFIG = dict(architecture="conv", width=16, latent=32)
TRAINING = dict(batch=64, betas=(0.5, 0.999))
PILOT_SEEDS = [100, 101]


def shrink(x: torch.Tensor) -> torch.Tensor:
    """28 x 28 pixels to 16 x 16, averaged over what falls into each."""
    return interpolate(x, size=(16, 16), mode="bilinear", antialias=True).clamp(0, 1)


def turn(x: torch.Tensor, degrees: float = 25.0) -> torch.Tensor:
    """Images turned about their centre."""
    a = math.radians(degrees)
    matrix = torch.tensor([[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0]])
    where = affine_grid(matrix.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, where, align_corners=False)


def objective(model: str, weight: float = 1.0):
    """SOURCE_ONLY, ADA or DANN, with its adversary weighted."""
    link = LINKS[model]
    return Classify() if link is None else Classify() + weight * Match("features", Adversary(link))


def train(model: str, data, steps: int, seeds, lr: float, weight: float = 1.0):
    network = build(objective(model, weight), data, classes=10, **CONFIG)
    return fit(network, data, steps=steps, seeds=seeds, lr=lr, device="cpu", log_every=max(1, steps // 50), **TRAINING)


def pilot(steps: int) -> tuple[list[dict], dict]:
    """Every setting on the other pair; the best mean accuracy is chosen for each model."""
    source = load("mnist", fraction=0.25).map(shrink, "MNIST 16x16")
    target = load("mnist", fraction=0.25, seed=1).map(shrink, "MNIST 16x16").map(turn, "MNIST turned by 25 degrees")
    test = load("mnist", "test").map(shrink, "MNIST 16x16").map(turn, "MNIST turned by 25 degrees")
    domains, rows, chosen = Domains(source, target), [], {}
    for model, link in LINKS.items():
        best = -1.0
        for lr in (3e-4, 1e-3):
            for weight in (1.0,) if link is None else (0.3, 1.0):
                run = train(model, domains, steps, PILOT_SEEDS, lr, weight)
                score = record.summary(accuracy(run.model, test))
                rows.append(dict(model=model, lr=lr, weight=weight, accuracy=score))
                print(f"pilot {model:12s} lr {lr:g} weight {weight:g}: {score['mean']:.3f}", flush=True)
                if score["mean"] > best:
                    best, chosen[model] = score["mean"], dict(lr=lr, weight=weight)
    return rows, chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--name", default="adaptation", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    rows, chosen = pilot(args.steps)

    source, source_test = (load("mnist", split).map(shrink, "MNIST 16x16") for split in ("train", "test"))
    target, target_test = load("usps"), load("usps", "test")
    domains, scores, judges = Domains(source, target), {}, {}
    for model, setting in chosen.items():
        run = train(model, domains, args.steps, args.seeds, **setting)
        scores[model] = {
            where: record.summary(accuracy(run.model, test))
            for where, test in (("target", target_test), ("source", source_test))
        }
        if LINKS[model]:
            tail = run.history["match features, discriminator"][-len(run.history.steps) // 10 :]
            judges[model] = record.summary(tail.mean(0))
        print(f"{model:12s} {scores[model]['target']}", flush=True)
    run = train("source only", target, args.steps, args.seeds, chosen["source only"]["lr"])
    scores["target labels"] = {"target": record.summary(accuracy(run.model, target_test))}

    panels = [("MNIST, 16 x 16: labelled", source_test.x[:32]), ("USPS: no labels", target_test.x[:32])]
    record.picture(args.name, panels, [8, 8], height=2.2)
    of = lambda data: dict(name=data.name, n=len(data), digest=data.digest)
    values = lambda model: scores[model]["target"]["values"]
    path = record.write(
        args.name,
        dict(
            experiment="MNIST -> USPS",
            command=f"python benchmarks/adaptation.py --steps {args.steps}",
            seeds=list(range(args.seeds)),
            config=dict(steps=args.steps, optimizer="Adam", precision="fp32") | CONFIG | TRAINING,
            data=dict(
                source=of(source),
                target=of(target),
                target_test=of(target_test),
                source_test=of(source_test),
                resized="bilinear with antialiasing, 28 x 28 to 16 x 16",
            ),
            pilot=dict(
                pair="MNIST -> MNIST turned by 25 degrees, a quarter of the training digits each",
                seeds=PILOT_SEEDS,
                steps=args.steps,
                rows=rows,
            ),
            chosen={
                model: setting | dict(objective=repr(objective(model, setting["weight"])))
                for model, setting in chosen.items()
            },
            accuracy=scores,
            gain={model: record.difference(values(model), values("source only")) for model in judges},
            discriminator=judges,
            seconds=round(time.perf_counter() - started),
            environment=record.environment(),
        ),
    )
    print(path.name)


if __name__ == "__main__":
    main()
