"""Classes covered and sharpness on MNIST: three GANs, a VAE with two observation models; eight seeds, small networks.

    python -m ganvae_lib study mnist_directions     # about 25 minutes on one CPU thread

Models, seeds and settings were fixed before any result was seen; the learning rates are those of mnist_gan.py for all
GANs, the library's default for the VAEs. Nothing was tuned on these results. A VAE is looked at in two ways: draws of
p(x|z), and ("means: ...") the means of p(x|z).
"""

from functools import partial

import torch

from ganvae_lib import zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures

SAMPLES = 3000


def gan(objective) -> Trial:
    return Trial(objective, training=dict(lr=5e-4), about=dict(divergence=measures.divergence(objective)))


def vae(observation: str, **networks) -> Trial:
    about = dict(divergence=measures.divergence(zoo.VAE))
    return Trial(zoo.VAE, dict(observation=observation, **networks), dict(lr=1e-3), about=about)


def prepare(world) -> dict:
    compared_with = {"weights": measures.frequencies(world.test), "real": world.test.x, "known": world.train.x[:10_000]}
    return measures.classified(world) | compared_with


def look(x, world) -> dict:
    share = measures.classes(world.classifier, x).argmax(1).bincount(minlength=10) / len(x)
    return measures.digit_measures(x, world) | {"frequencies": [share]}


def samples(run, mean: bool) -> torch.Tensor:
    return torch.cat([run.sample(500, seed=i, mean=mean)[0] for i in range(SAMPLES // 500)])


def measure(run, world) -> dict:
    scores = measures.in_both_ways(run, lambda mean: look(samples(run, mean), world))
    observation = run.model.decoder.observation
    if hasattr(observation, "log_scale"):
        scores["sigma"] = observation.log_scale.exp().item()
    return scores


def panels(name: str, run, world) -> dict:
    if run is None:
        return {"MNIST": world.test.x[:24]}
    return measures.wrapped(name, run, lambda mean: samples(run, mean)[:24])


STUDY = Study(
    "Classes covered and sharpness on MNIST",
    {
        "GAN": gan(zoo.GAN),
        "reverse-KL GAN": gan(zoo.REVERSE_KL_GAN),
        "KL-GAN": gan(zoo.KL_GAN),
        "VAE": vae("gaussian"),
        "VAE, continuous Bernoulli": vae("continuous bernoulli"),
    },
    data=partial(measures.train_and_test, "mnist"),
    prepare=prepare,
    measure=measure,
    references=lambda world, seeds: {"test digits": look(world.real, world)},
    words=measures.DIGIT_WORDS
    | {
        "frequencies": "share of samples by the digit that the classifier names",
        "sigma": "standard deviation of p(x|z), learned",
    },
    notes={
        "classifier": "two strided 5x5 convolutions (16, 32), 128 units; 3 epochs",
        "samples": SAMPLES,
        "nearest": "of 1000 samples, among 10,000 training digits",
    },
    networks=dict(latent=32, architecture="conv", width=8),
    training=dict(batch=64),
    steps=2000,
    seeds=range(8),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    pairs=[
        ("GAN", "VAE: means"),
        ("GAN", "VAE"),
        ("GAN", "reverse-KL GAN"),
        ("GAN", "KL-GAN"),
        ("KL-GAN", "reverse-KL GAN"),
        ("KL-GAN", "VAE: means"),
        ("VAE, continuous Bernoulli: means", "VAE: means"),
    ],
    panels=panels,
    picture=partial(measures.side_by_side, columns=4, width=10, height=2.9),
)
