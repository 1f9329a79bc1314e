"""Predictability minimisation on MNIST: are the units of a code less predictable, and at which price?

    python benchmarks/predictability.py             # about 5 minutes on one CPU thread

Small on purpose: 16 units, one hidden layer, 1,500 steps, four seeds. The weights of the new term, 10 (as in chapter
11) and 100, were fixed before any result was seen. A first run, with the rate 1e-3 for eta too, ended with dead units
at every weight that it reached, 0 and 10. The slower rate of eta is from one look at Fashion-MNIST, without the term.

Writes results/predictability.json:

    experiment, command, seeds [4], config, environment
    models.<weight>      by measure {values [4], mean, half_width_95} over seeds, on the test digits:
                           reconstruction   -log p(x|z), nats per image
                           variance         mean variance of a unit; a fair bit has 1/4
                           explained        share of it that gradient-boosted trees predict from the other units: fresh
                                            predictors, trained on the codes of 8,000 training digits
                           bits             share of the units' values within 0.1 of 0 or 1
    compare              {"weight - 0": measure: {mean, half_width_95, agree}}: Welch's interval of the difference
"""

from __future__ import annotations

import argparse
import time

import record
import torch

from ganvae_lib import Reconstruct, Unpredictable, build, fit, load

WEIGHTS = (0, 10, 100)
NETWORKS = dict(latent=16, hidden=(256,), codes="unit", observation="bernoulli")
TRAINING = dict(batch=128, lr={"theta": 1e-3, "eta": 1e-4, "phi": 2e-3}, betas=(0.9, 0.999))


def explained(known: torch.Tensor, new: torch.Tensor) -> tuple[float, float]:
    """Mean variance of the units of ``new`` [n, L], and the share of it that fresh predictors explain."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    total = missed = 0.0
    for i in range(known.shape[1]):
        rest = [j for j in range(known.shape[1]) if j != i]
        trees = HistGradientBoostingRegressor(max_iter=60, random_state=0)
        trees.fit(known[:, rest].numpy(), known[:, i].numpy())
        total += float(new[:, i].var())
        missed += float((new[:, i] - torch.from_numpy(trees.predict(new[:, rest].numpy()))).square().mean())
    return total / known.shape[1], max(0.0, 1 - missed / total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--name", default="predictability")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data, test = (load("mnist", split=split, binarize="sample") for split in ("train", "test"))
    seeds, models, began = list(range(args.seeds)), {}, time.time()
    for weight in WEIGHTS:
        objective = Reconstruct("x") + weight * Unpredictable("z") if weight else Reconstruct("x")
        run = fit(build(objective, data, **NETWORKS), data, args.steps, seeds=seeds, **TRAINING)
        known, new, rows = run.infer(data.x[:8000]), run.infer(test.x), []
        with torch.no_grad():
            p = run.model.decoder(new if run.model.seeds_shape else new[0])
            price = -p.log_prob(test.x).mean(-1).reshape(-1)
        for k in range(len(seeds)):
            variance, share = explained(known[k], new[k])
            rows.append(
                {
                    "reconstruction": price[k],
                    "variance": variance,
                    "explained": share,
                    "bits": float(((new[k] - 0.5).abs() > 0.4).float().mean()),
                }
            )
        models[weight] = {key: record.summary([row[key] for row in rows]) for key in rows[0]}
        print(f"{time.time() - began:6.0f} s  weight {weight}", {k: v["mean"] for k, v in models[weight].items()})
    compare = {
        f"{w} - 0": {key: record.difference(models[w][key]["values"], models[0][key]["values"]) for key in models[0]}
        for w in WEIGHTS[1:]
    }
    print(
        record.write(
            args.name,
            dict(
                experiment="Predictability minimisation on MNIST",
                command="python benchmarks/predictability.py",
                seeds=seeds,
                config=dict(networks=NETWORKS, training=TRAINING, steps=args.steps, data=data.note, digest=data.digest),
                models=models,
                compare=compare,
                environment=record.environment(),
            ),
        )
    )


if __name__ == "__main__":
    main()
