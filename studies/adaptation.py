"""Adversarial domain adaptation at full scale: a classifier learns from MNIST and is used on USPS, eight seeds.

    python -m ganvae_lib study adaptation           # about 10 minutes on one CPU thread; after adaptation_pilot

MNIST is resized to the 16 x 16 pixels of USPS. No label of USPS is read before the end; its test set gives the scores.
Learning rate and weight of the adversary are those that the pilot chose, on another pair and on other seeds. A network
trained on the labels of USPS stands beside them.
"""

from functools import partial
from pathlib import Path

from ganvae_lib import Domains, accuracy, build, fit, load
from ganvae_lib.experiments import Study, Trial
from studies import adaptation_pilot as pilot
from studies.measures import chosen_by_pilot, earlier_record, side_by_side


def models(out: Path) -> dict[str, Trial]:
    """Per objective the setting that did best in the pilot, and a network that learns from USPS itself."""
    minus_accuracy = lambda entry: -entry["measures"]["accuracy"]["mean"]
    trials = {}
    for name, best in chosen_by_pilot(earlier_record("adaptation_pilot", out), "model", minus_accuracy).items():
        weight = best["weight"]
        objective = pilot.objective(name, weight)
        trials[name] = Trial(objective, training=dict(lr=best["lr"]), about={"weight": weight})
    source_only = pilot.objective("source only")
    training = trials["source only"].training
    return trials | {"target labels": Trial(source_only, training=training, about={"learns": "target"})}


def data() -> dict:
    source, target = pilot.small_mnist(), load("usps")
    tests = {"test": load("usps", "test"), "source_test": pilot.small_mnist("test")}
    return {"train": Domains(source, target), "target": target, **tests}


def train(trial, world, seeds):
    """``log_every`` keeps 50 points of each curve, of which ``measure`` reads the last tenth."""
    examples = world.target if trial.about.get("learns") == "target" else world.train
    every = max(1, trial.training["steps"] // 50)
    model = build(trial.objective, examples, **trial.networks)
    return fit(model, examples, seeds=seeds, device="cpu", log_every=every, **trial.training)


def measure(run, world) -> dict:
    scores = {"target": accuracy(run.model, world.test), "source": accuracy(run.model, world.source_test)}
    if "match features, discriminator" in run.history:
        tail = run.history["match features, discriminator"][-len(run.history.steps) // 10 :]
        scores["discriminator"] = tail.mean(0)
    return scores


STUDY = Study(
    "MNIST -> USPS",
    models,
    data=data,
    train=train,
    measure=measure,
    words={
        "target": "share of the test digits of USPS that are named rightly",
        "source": "share of the test digits of MNIST that are named rightly",
        "discriminator": "its loss over the last tenth of training, nats (log 4 = 1.386 when it is lost)",
    },
    networks=pilot.STUDY.networks,
    training=pilot.STUDY.training,
    steps=2000,
    seeds=range(8),
    pairs=[("ADA", "source only"), ("DANN", "source only")],
    panels=lambda name, run, world: (
        {} if run else {"MNIST, 16 x 16: labelled": world.source_test.x[:32], "USPS: no labels": world.test.x[:32]}
    ),
    picture=partial(side_by_side, columns=8, height=2.2),
)
