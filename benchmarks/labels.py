"""What do unlabelled digits add to a few labelled ones? The 8 x 8 digits with 20, 50, 100 or all labels, ten seeds.

    python benchmarks/labels.py                 # about 3 minutes on one CPU thread
    python benchmarks/labels.py --steps 50 --seeds 2 --name trial

Each seed draws its own labelled digits, equally many of each class, its own initial weights, minibatches and noise; all
models of a seed and a number of labels see the same labelled digits, so differences are paired. An SVAE reads every
training digit without its label, too. Labelled digits are repeated, if need be, to fill a minibatch.

    labelled alone   the classifier q(t|x), trained on the labelled digits: Classify(seen="x")
    SVAE             the same classifier, and a VAE that is told or guesses the label
    untold           the SVAE without its classification term (50 labels only)
    by count         the SVAE's terms, weighted as if every training digit counted once (50 labels only)

One learning rate serves all. It was chosen on seeds from 100 on and on held-out training digits; the size of the
networks and the number of steps after a first look at the test digits, with seeds 0 to 9. So the seeds here are others,
10 to 19, and nothing was changed after that. The file is written anew after every number of labels.

Writes results/labels.json:

    experiment, command, seeds, labels [numbers, as text]
    config           hidden, latent, steps, batch, lr, optimizer, precision
    data             train, test: {name, n, digest}
    accuracy         per model and number of labels: {values [seeds], mean, half_width_95}, shares of the test digits
    gain             the same keys: accuracy minus that of "labelled alone", seed by seed
    seconds          wall clock of the whole script; the committed run shared its processor with others
    environment
"""

from __future__ import annotations

import argparse
import time

import record
import torch

from ganvae_lib import Bound, Classify, Data, Domains, accuracy, build, fit, load, zoo

NETWORKS = dict(hidden=(128,), latent=16)
TRAINING = dict(batch=50, lr=3e-3)
LABELS = (50, 20, 100, "all")
GUESS, NAME = Bound(inferred="label"), Classify(seen="x")
SHARE = 50 / 1500
MODELS = {
    "labelled alone": NAME,
    "SVAE": zoo.SVAE,
    "untold": zoo.CVAE + GUESS,
    "by count": SHARE * zoo.CVAE + (1 - SHARE) * GUESS + NAME,
}


def labelled(data: Data, n: int | str, seed: int) -> Data:
    """``n`` digits, equally many of each class, repeated to fill a minibatch; or all of them."""
    if n == "all":
        return data
    draw = torch.Generator().manual_seed(seed)
    members = [(data.y == t).nonzero().squeeze(1) for t in range(10)]
    rows = torch.cat([m[torch.randperm(len(m), generator=draw)[: n // 10]] for m in members])
    return data[rows.repeat(-(-TRAINING["batch"] // n))]


def score(objective, n: int | str, seed: int, steps: int, digits: Data, test: Data) -> float:
    """Share of the test digits that the classifier names rightly."""
    known = labelled(digits, n, seed)
    data = Domains(known, digits) if "other" in objective.reads else known
    run = fit(build(objective, data, **NETWORKS), data, steps=steps, seeds=[seed], device="cpu", **TRAINING)
    return accuracy(run.model, test).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--name", default="labels", help="name of the file in results/")
    args = parser.parse_args()
    seeds = list(range(10, 10 + args.seeds))
    torch.set_num_threads(1)
    started = time.perf_counter()
    digits, test = (load("digits", split, binarize="threshold") for split in ("train", "test"))
    card = lambda data: dict(name=data.name, n=len(data), digest=data.digest)
    scores: dict = {model: {} for model in MODELS}
    gains: dict = {model: {} for model in MODELS if model != "labelled alone"}
    for n in LABELS:
        for model in MODELS if n == 50 else ("labelled alone", "SVAE"):
            values = [score(MODELS[model], n, seed, args.steps, digits, test) for seed in seeds]
            scores[model][str(n)] = record.summary(values)
            if model in gains:
                pairs = zip(values, scores["labelled alone"][str(n)]["values"], strict=True)
                gains[model][str(n)] = record.summary([a - b for a, b in pairs])
            print(n, model, record.summary(values), gains.get(model, {}).get(str(n)), flush=True)
        path = record.write(
            args.name,
            dict(
                experiment="8 x 8 digits, some of them labelled",
                command=f"python benchmarks/labels.py --steps {args.steps}",
                seeds=seeds,
                labels=[str(m) for m in (20, 50, 100, "all") if str(m) in scores["SVAE"]],
                config=dict(steps=args.steps, optimizer="Adam", precision="fp32") | NETWORKS | TRAINING,
                data=dict(train=card(digits), test=card(test), binarized="at 1/2"),
                accuracy=scores,
                gain=gains,
                seconds=round(time.perf_counter() - started),
                environment=record.environment(),
            ),
        )
    print(path.name)


if __name__ == "__main__":
    main()
