"""A control for chapter 18: an AAVAE whose discriminator is never trained, beside recorded runs on MNIST. Ten seeds.

    python -m ganvae_lib study blind                # about half an hour on one CPU thread

All is as in the records of chapter 18 that name the worlds here, but the discriminator's learning rate is zero: it
keeps its answers of about 1/2, and weighs nothing. What such a model gains over a VAE comes from learning on samples of
its own. ``--steps`` is the most that any of the runs is trained; none is trained longer than its record says.
"""

import json
from functools import partial
from pathlib import Path

from ganvae_lib import build, fit, metrics
from ganvae_lib.experiments import EXPERIMENTS, Setting, Study, Trial, examples

RESULTS = Path(__file__).resolve().parents[1] / "results" / "experiments"
BESIDE = (
    "vae-mnist-0.01",
    "steps/vae-mnist-0.01-2000-steps",
    "steps/vae-mnist-0.1-4000-steps",
    "steps/vae-mnist-9000-steps",
    "vae-mnist",
)


def record_of(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def sets(name: str) -> dict:
    """The data of a record. Raises ValueError where they are others than it names."""
    record = record_of(name)
    train, test = examples(Setting(record["experiment"], fraction=record["fraction"]))
    if (train.digest, test.digest) != (record["data"]["digest"], record["data"]["test_digest"]):
        raise ValueError(f"the record {name} is of other data; run it again.")
    return {"train": train, "test": test}


def prepare(world) -> dict:
    record = record_of(world.name)
    rates = record["config"]["lr"] | {"phi": 0.0}  # the blind discriminator never moves
    config = record["config"] | {"lr": rates}
    return {"record": record, "config": config, "facts": {"config": config}}


def train(trial: Trial, world, seeds: list[int]):
    config = world.config
    steps = min(trial.training["steps"], config["steps"])
    model = build(trial.objective, world.train, **config["networks"])
    options = dict(batch=config["batch"], lr=config["lr"], betas=tuple(config["betas"]))
    return fit(model, world.train, steps, seeds=seeds, device="cpu", **options)


def references(world, seeds: list[int]) -> dict:
    """Base and variant of the record, VAE and AAVAE, at the same seeds."""
    scores = world.record["scores"]["lower bound"]
    rows = [world.record["seeds"].index(seed) for seed in seeds]
    return {model: {"bound": [scores[model]["values"][row] for row in rows]} for model in ("base", "variant")}


STUDY = Study(
    "AAVAE with a blind discriminator",
    {"blind": Trial(EXPERIMENTS["vae"].variant)},
    data={name: partial(sets, name) for name in BESIDE},
    prepare=prepare,
    train=train,
    measure=lambda run, world: {"bound": metrics.elbo(run.model, world.test)},
    references=references,
    words={"bound": "the test ELBO, nats per example"},
    steps=9000,
    seeds=range(10),
    pairs=[("blind", "base"), ("blind", "variant")],
    paired=True,
)
