"""A control for chapter 18: an AAVAE whose discriminator is never trained, beside recorded runs on MNIST. Ten seeds.

    python benchmarks/blind.py                    # about half an hour on one CPU thread; needs MNIST
    python benchmarks/blind.py vae-mnist-0.01     # one of them again; the others are kept

All is as in the record of that name in results/experiments, with the same seeds, weights, minibatches and noise, but
the discriminator's learning rate is zero: it keeps its answers of about 1/2, and weighs nothing. What such a model
gains over a VAE comes from learning on samples of its own, not from an adversary.

Writes results/blind.json: experiment, command, and by the name of the record beside it

    seeds, config, data, environment
    bound        {values [seeds], mean, half_width_95}: the test ELBO of the blind model, nats per example
    over base    the same keys and effect_size: minus the base's of the record, seed by seed
    over variant minus the variant's
"""

import json
import sys

import record

from ganvae_lib import build, experiments, fit, metrics
from ganvae_lib.experiments import record as records
from ganvae_lib.measure import paired, summary

BESIDE = (
    "vae-mnist-0.01",
    "steps/vae-mnist-0.01-2000-steps",
    "steps/vae-mnist-0.1-4000-steps",
    "steps/vae-mnist-9000-steps",
    "vae-mnist",
)


def control(name: str) -> dict:
    """The blind model beside the record of this name."""
    known = json.loads((record.RESULTS / "experiments" / f"{name}.json").read_text(encoding="utf-8"))
    config, seeds = known["config"], known["seeds"]
    data, test = experiments.examples(experiments.Setting(known["experiment"], fraction=known["fraction"]))
    assert (data.digest, test.digest) == (known["data"]["digest"], known["data"]["test_digest"]), "other data"
    objective = experiments.EXPERIMENTS[known["experiment"]].variant
    rates = config["lr"] | {"phi": 0.0}
    run = fit(
        build(objective, data, **config["networks"]),
        data,
        config["steps"],
        batch=config["batch"],
        seeds=seeds,
        lr=rates,
        betas=tuple(config["betas"]),
        device="cpu",
    )
    bound = metrics.elbo(run.model, test).tolist()
    base, variant = (known["scores"]["lower bound"][who]["values"] for who in ("base", "variant"))
    return {
        "seeds": seeds,
        "config": config | {"lr": rates},
        "data": known["data"],
        "environment": records.environment(),
        "bound": summary(bound),
        "over base": paired(base, bound),
        "over variant": paired(variant, bound),
    }


if __name__ == "__main__":
    for name in sys.argv[1:] or BESIDE:
        found, path = control(name), record.RESULTS / "blind.json"
        before = json.loads(path.read_text(encoding="utf-8"))["beside"] if path.exists() else {}
        content = {"experiment": "AAVAE with a blind discriminator", "command": "python benchmarks/blind.py"}
        record.write("blind", content | {"beside": before | {name: found}})
        for key in ("bound", "over base", "over variant"):
            print(f"{name}, {key}: {found[key]['mean']:.2f} ± {found[key]['half_width_95']:.2f}", flush=True)
