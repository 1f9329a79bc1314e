"""A convolutional GAN (non-saturating) on MNIST at full scale, four seeds, its samples named by a classifier.

    python -m ganvae_lib study mnist_gan            # about 12 minutes on one CPU thread

Real test digits are named by the classifier too: they are what a perfect generator would score. The series are the
learning curves, nats, at ``points`` steps; the picture shows real digits and samples of seed 0.
"""

from functools import partial

import torch

from ganvae_lib import zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures

SAMPLES = 5000


def prepare(world) -> dict:
    prepared = measures.classified(world)
    return {"classifier": prepared["classifier"], "facts": prepared["facts"] | {"samples": SAMPLES}}


def look(x, world) -> dict:
    return measures.verdict(measures.classes(world.classifier, x), measures.frequencies(world.test))


def samples(run) -> torch.Tensor:
    return torch.cat([run.sample(1000, seed=i)[0] for i in range(SAMPLES // 1000)])


def measure(run, world) -> dict:
    losses = {"generator": "match x", "discriminator": "match x, discriminator"}
    # A run has a single seed here, as the study trains them apart.
    curves = {name: [run.history[key][:, 0]] for name, key in losses.items()}
    return look(samples(run), world) | curves | {"points": [run.history.steps]}


STUDY = Study(
    "GAN on MNIST",
    {"GAN": Trial(zoo.GAN)},
    data=partial(measures.train_and_test, "mnist"),
    prepare=prepare,
    measure=measure,
    references=lambda world, seeds: {"test digits": look(world.test.x, world)},
    words=measures.DIGIT_WORDS
    | {"kl_classes": "KL(class frequencies of the samples || those of the test digits), nats"},
    networks=dict(latent=32, architecture="conv", width=16),
    training=dict(batch=64, lr=5e-4, log_every=100),
    steps=6000,
    seeds=range(4),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    panels=lambda name, run, world: {"samples of the GAN": samples(run)[:48]} if run else {"MNIST": world.test.x[:48]},
    picture=partial(measures.side_by_side, columns=8),
)
