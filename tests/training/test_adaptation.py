"""Training on two domains: the source's classes are learned, the target's labels never read; mistakes are named."""

from dataclasses import replace

import torch
from cases import THREE, three_classes
from helpers import small

from ganvae_lib import Domains, fit, zoo


def test_domains_of_different_sizes_and_a_batch_larger_than_either():
    data = three_classes(source=20, target=50)
    run = fit(small(zoo.ADA, data), data, 5, batch=64, seeds=2)
    assert run.history["classify"].shape == (5, 2) and run.data["name"] == "source -> target"


def test_labels_of_the_target_are_never_read():
    data = THREE
    nonsense = replace(data.target, y=torch.arange(len(data.target)) % 7)
    runs = [fit(small(zoo.ADA, d), d, 5, batch=16) for d in (data, Domains(data.source, nonsense))]
    assert all(torch.equal(runs[0].history[key], runs[1].history[key]) for key in runs[0].history)


def test_the_sources_classes_are_learned_and_evaluated():
    data = THREE
    run = fit(small(zoo.SOURCE_ONLY, data), data, 200, batch=32, seeds=2, lr=1e-2)
    scores = run.evaluate(data.source)
    assert (scores["accuracy"] > 0.9).all() and "accuracy: " in repr(scores)
