"""What do unlabelled digits add to a few labelled ones? The 8 x 8 digits with 20, 50, 100 or all labels, ten seeds.

    python benchmarks/labels.py                 # about 10 minutes on one CPU thread
    python benchmarks/labels.py --steps 50 --seeds 2 --name trial

Each seed draws its own labelled digits, equally many of each class, its own initial weights, minibatches and noise; all
models of a seed and a number of labels see the same labelled digits, so differences are paired. Every training digit is
also read without its label by the models that can. The labelled digits are repeated, if need be, to fill a minibatch.

    labelled alone   the classifier q(t|x), trained on the labelled digits: Classify(seen="x")
    SVAE             semi_supervised(VAE, classify): the same classifier, and a VAE that is told or guesses the label
    SVAE, by count   the same terms, weighted as if every training digit counted once
    SVAE, untold     the SVAE without its classification term
    codes of a VAE   logistic regression on the mean codes of a VAE that was trained on all digits

Settings are chosen by a pilot with 50 labels on other seeds; it trains on the first 1,200 training digits and scores on
the other 300. The test digits are read once, at the end.

Writes results/labels.json:

    experiment, command, seeds, labels [numbers]
    config           hidden, latent, steps, batch, optimizer, precision
    data             train, test: {name, n, digest}
    pilot            seeds, labels; rows: {model, setting, accuracy: {values, mean, half_width_95}}
    chosen           per model: its setting
    accuracy         per model and number of labels: {values [seeds], mean, half_width_95}, shares of the test digits
    gain             the same keys: accuracy minus that of "labelled alone", seed by seed
    spread           per number of labels: standard deviation over seeds of "labelled alone"
    seconds          wall clock of the whole script; the committed run shared its processor with others
    environment
"""

from __future__ import annotations

import argparse
import itertools
import time

import record
import torch
from torch.nn.functional import cross_entropy

from ganvae_lib import build, fit, load, zoo
from ganvae_lib.bound import Bound
from ganvae_lib.data import Data, Domains
from ganvae_lib.metrics import accuracy
from ganvae_lib.terms import Classify
from ganvae_lib.transfer import semi_supervised

HIDDEN, LATENT, BATCH = (128,), 16, 64
LABELS = (20, 50, 100, "all")
PILOT_SEEDS, PILOT_LABELS = (100, 101, 102), 50
GRID = {
    "labelled alone": dict(lr=(1e-3, 3e-3)),
    "SVAE": dict(classify=(1.0, 10.0), lr=(1e-3, 3e-3)),
    "SVAE, by count": dict(classify=(1.0, 10.0), lr=(3e-3,)),
    "codes of a VAE": dict(decay=(1e-3, 1e-2, 1e-1)),
}


def labelled(data: Data, n: int | str, seed: int) -> Data:
    """``n`` digits, equally many of each class, repeated to fill a minibatch; or all of them."""
    if n == "all":
        return data
    draw = torch.Generator().manual_seed(seed)
    members = [(data.y == t).nonzero().squeeze(1) for t in range(10)]
    rows = torch.cat([m[torch.randperm(len(m), generator=draw)[: n // 10]] for m in members])
    return data[rows.repeat(-(-BATCH // n))]


def by_count(n: int, classify: float):
    """The bounds of all digits, each counted once: n labelled, the others not. An SVAE weighs both halves alike."""
    share = n / 1500
    return share * zoo.CVAE + (1 - share) * Bound(inferred="label") + classify * Classify(seen="x")


def train(model: str, told: Data, unlabelled: Data, seed: int, n: int | str, steps: int, setting: dict):
    """A fitted run; ``told`` are the labelled digits."""
    lr = setting.get("lr", 1e-3)
    if model == "labelled alone":
        network = build(Classify(seen="x"), told, hidden=HIDDEN)
        return fit(network, told, steps=steps, batch=BATCH, seeds=[seed], lr=lr, device="cpu")
    objective = semi_supervised(zoo.VAE, setting["classify"])
    if model == "SVAE, by count":
        objective = by_count(n, setting["classify"])
    elif model == "SVAE, untold":
        objective = zoo.CVAE + Bound(inferred="label")
    both = Domains(told, unlabelled)
    network = build(objective, both, hidden=HIDDEN, latent=LATENT)
    return fit(network, both, steps=steps, batch=BATCH, seeds=[seed], lr=lr, device="cpu")


def linear(codes: torch.Tensor, y: torch.Tensor, decay: float):
    """Multinomial logistic regression with a squared penalty: a function from codes to classes."""
    weights = torch.zeros(codes.shape[1] + 1, 10, requires_grad=True)
    beside = lambda z: torch.cat((z, torch.ones(len(z), 1)), 1)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = cross_entropy(beside(codes) @ weights, y) + decay * weights[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda z: (beside(z) @ weights.detach()).argmax(1)


def on_codes(vae, k: int, told: Data, test: Data, decay: float) -> float:
    """Share of the test digits that logistic regression on the codes of the k-th VAE names."""
    codes = lambda data: vae.infer(data.x, mean=True)[k]
    name = linear(codes(told), told.y, decay)
    return (name(codes(test)) == test.y).double().mean().item()


def vaes(data: Data, steps: int, seeds):
    return fit(build(zoo.VAE, data, hidden=HIDDEN, latent=LATENT), data, steps=steps, batch=BATCH, seeds=list(seeds),
               device="cpu")  # fmt: skip


def pilot(train_digits: Data, steps: int) -> tuple[list[dict], dict]:
    """Every setting on the pilot's seeds; the best mean accuracy is chosen for each model."""
    pool, held_out = train_digits[:1200], train_digits[1200:]
    told = {seed: labelled(pool, PILOT_LABELS, seed) for seed in PILOT_SEEDS}
    vae, rows, chosen = vaes(pool, steps, PILOT_SEEDS), [], {}
    for model, grid in GRID.items():
        best = -1.0
        for values in itertools.product(*grid.values()):
            setting = dict(zip(grid, values, strict=True))
            if model == "codes of a VAE":
                scores = [on_codes(vae, k, told[s], held_out, **setting) for k, s in enumerate(PILOT_SEEDS)]
            else:
                runs = [train(model, told[s], pool, s, PILOT_LABELS, steps, setting) for s in PILOT_SEEDS]
                scores = [accuracy(run.model, held_out).item() for run in runs]
            score = record.summary(scores)
            rows.append(dict(model=model, setting=setting, accuracy=score))
            print(f"pilot {model:15s} {setting}: {score['mean']:.3f}", flush=True)
            if score["mean"] > best:
                best, chosen[model] = score["mean"], setting
    return rows, chosen | {"SVAE, untold": chosen["SVAE"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--name", default="labels", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    digits, test = (load("digits", split, binarize="threshold") for split in ("train", "test"))
    rows, chosen = pilot(digits, args.steps)

    scores: dict = {model: {} for model in chosen}
    vae = vaes(digits, args.steps, range(args.seeds))
    for n in LABELS:
        told = [labelled(digits, n, seed) for seed in range(args.seeds)]
        for model, of in scores.items():
            if (n == "all" and model == "SVAE, by count") or (n != 50 and model == "SVAE, untold"):
                continue
            if model == "codes of a VAE":
                values = [on_codes(vae, k, told[k], test, **chosen[model]) for k in range(args.seeds)]
            else:
                runs = [train(model, told[s], digits, s, n, args.steps, chosen[model]) for s in range(args.seeds)]
                values = [accuracy(run.model, test).item() for run in runs]
            of[str(n)] = record.summary(values)
            print(f"{n} labels  {model:15s} {of[str(n)]['mean']:.3f} ± {of[str(n)]['half_width_95']:.3f}", flush=True)

    alone = {n: score["values"] for n, score in scores["labelled alone"].items()}
    pairs = lambda of, n: [a - b for a, b in zip(of[n]["values"], alone[n], strict=True)]
    card = lambda data: dict(name=data.name, n=len(data), digest=data.digest)
    path = record.write(args.name, dict(
        experiment="8 x 8 digits, some of them labelled", command=f"python benchmarks/labels.py --steps {args.steps}",
        seeds=list(range(args.seeds)), labels=list(LABELS),
        config=dict(hidden=list(HIDDEN), latent=LATENT, steps=args.steps, batch=BATCH, optimizer="Adam",
                    precision="fp32"),
        data=dict(train=card(digits), test=card(test), binarized="at 1/2"),
        pilot=dict(seeds=list(PILOT_SEEDS), labels=PILOT_LABELS, rows=rows), chosen=chosen, accuracy=scores,
        gain={model: {n: record.summary(pairs(of, n)) for n in of} for model, of in scores.items()
              if model != "labelled alone"},
        spread={n: round(torch.tensor(values).std().item(), 4) for n, values in alone.items()},
        seconds=round(time.perf_counter() - started), environment=record.environment(),
    ))  # fmt: skip
    print(path.name)


if __name__ == "__main__":
    main()
