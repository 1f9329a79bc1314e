"""Operators on terms that do not bear them, labels that are missing or wrong, and what is said of them."""

import functools
import math
from dataclasses import replace

import torch
from helpers import conditional_networks, images, own_networks, points, short, small, suited

from ganvae_lib import (
    Batch,
    Domains,
    Noise,
    Reconstruct,
    adversary_activated,
    build,
    fit,
    given,
    importance_weighted,
    metrics,
    semi_supervised,
    zoo,
)

VAE, GAN = zoo.VAE, zoo.GAN
POINTS, IMAGES = points(), images()
LABELLED = suited(zoo.CVAE, POINTS)
TWO = suited(zoo.SVAE, POINTS)


UNLABELLED = replace(LABELLED, y=None)


@functools.cache
def trained():
    return short(small(zoo.CVAE, LABELLED), LABELLED, steps=1)


# (what raises, which error, words of its message)
MISTAKES = [
    *[
        (
            lambda k=k: importance_weighted(GAN, k),
            ValueError,
            "a number of samples or 'batch', must be a whole number of at least 1, got",
        )
        for k in (0, -2, 2.5, "all", None)
    ],
    *[
        (
            lambda k=k: importance_weighted(VAE, k),
            ValueError,
            "a number of samples, must be a whole number of at least 1, got",
        )
        for k in (0, -2, 2.5, "batch")
    ],
    (lambda: given(GAN, "class"), ValueError, "unknown thing to be given 'class'; choose one of 'label'"),
    (lambda: given(GAN, "Label"), ValueError, "Did you mean 'label'"),
    (lambda: semi_supervised(VAE, 0.0), ValueError, "must be finite and not zero"),
    (lambda: semi_supervised(VAE, math.nan), ValueError, "must be finite and not zero"),
    (lambda: semi_supervised(zoo.SVAE), TypeError, "sums a bound over the labels, but .* is no part of one"),
    (lambda: given(zoo.SVAE), TypeError, "tells the label to every network, but"),
    (lambda: importance_weighted(zoo.beta_vae(2.0), 3), TypeError, "but Reconstruct.'x'. is neither a bound nor"),
    (lambda: importance_weighted(zoo.SOURCE_ONLY, 3), TypeError, "but Classify.. is neither a bound nor"),
    (lambda: adversary_activated(zoo.SOURCE_ONLY), TypeError, "but Classify.. is no part of one"),
    (lambda: adversary_activated(VAE + GAN), TypeError, "but Match.* is no part of one"),
    (
        lambda: importance_weighted(zoo.MINIMAX_GAN, 3),
        TypeError,
        "Match.'x', Adversary.'minimax'.. is neither a bound nor",
    ),
    (
        lambda: short(small(importance_weighted(GAN, 5), POINTS)),
        ValueError,
        "minibatch of 32 cannot be cut into groups of k=5",
    ),
    (lambda: build(zoo.CGAN, POINTS), ValueError, "learns from labels; give data with labels y"),
    (lambda: build(zoo.CVAE, (2,)), ValueError, "learns from labels"),
    (lambda: build(zoo.CVAE, IMAGES, classes=3), ValueError, "tells 3 classes apart, the data have 4"),
    (
        lambda: fit(small(zoo.CVAE, LABELLED), replace(LABELLED, y=LABELLED.y * 5), 1),
        ValueError,
        "tells 2 classes apart, the data have 6",
    ),
    (
        lambda: fit(small(zoo.CGAN, LABELLED), UNLABELLED, 1),
        ValueError,
        "which ring does not have; give data with y",
    ),
    (
        lambda: small(zoo.SVAE, LABELLED),
        ValueError,
        "labelled and unlabelled examples; put them together with data.Domains",
    ),
    (
        lambda: fit(small(zoo.SVAE, TWO), Domains(UNLABELLED, LABELLED), 1),
        ValueError,
        "does not have; give data with y",
    ),
    (
        lambda: small(zoo.SVAE, Domains(LABELLED, LABELLED.map(lambda x: x[:, :1], "lines"))),
        ValueError,
        "must have one shape",
    ),
    (lambda: trained().sample(3), TypeError, r"told a label of every example; pass labels=... or data with y"),
    (lambda: trained().infer(POINTS.x[:3]), TypeError, "pass labels="),
    (lambda: trained().reconstruct(POINTS.x[:3]), TypeError, "pass labels="),
    (lambda: trained().evaluate(UNLABELLED), TypeError, "pass labels="),
    (lambda: metrics.elbo(trained().model, UNLABELLED), TypeError, "pass labels="),
    (
        lambda: trained().sample(7, labels=torch.zeros(3).long()),
        ValueError,
        "labels must be 7 numbers from 0 to 1, one for each example",
    ),
    (
        lambda: trained().infer(POINTS.x[:6], labels=torch.zeros(3).long()),
        ValueError,
        "labels must be 6 numbers from 0 to 1",
    ),
    (
        lambda: trained().reconstruct(POINTS.x[:6], labels=torch.zeros(2, 3).long()),
        ValueError,
        "labels must be 6 numbers from 0 to 1",
    ),
    (lambda: trained().sample(2, labels=torch.tensor([0, 2])), ValueError, "labels must be 2 numbers from 0 to 1"),
    (lambda: Batch(trained().model, POINTS.x[:4], Noise(0)), TypeError, "pass labels="),
    (
        lambda: own_networks(zoo.CVAE),
        ValueError,
        "tells the label to encoder, decoder: nets.Conditional.*Wrong here: decoder, encoder",
    ),
    (lambda: own_networks(zoo.CVAE, encoder=conditional_networks()["encoder"]), ValueError, "Wrong here: decoder"),
    (
        lambda: own_networks(VAE, **conditional_networks()),
        ValueError,
        "tells the label to no network.*Wrong here: decoder, encoder",
    ),
    (
        lambda: own_networks(zoo.CVAE + Reconstruct("z"), **conditional_networks()),
        ValueError,
        r"is told the label, but not for Reconstruct\('z'\); use given",
    ),
    (lambda: small(zoo.CVAE + GAN, LABELLED), ValueError, "decoder is told the label, but not for Match"),
    (
        lambda: short(small(zoo.IWAE, POINTS, codes="implicit")),
        TypeError,
        "needs the densities of q.z.x. and p.z.; choose codes='gaussian'",
    ),
    (lambda: short(small(zoo.AAVAE, POINTS, codes="point")), TypeError, "needs the densities"),
    (lambda: short(small(zoo.IWAE, POINTS, codes="one-hot")), TypeError, "drawn from a one-hot.*no gradient"),
    (lambda: short(small(zoo.IWAE, TWO), TWO), TypeError, "z is data of a second domain"),
    (lambda: short(small(zoo.IWAE, POINTS, observation="point")), (TypeError, NotImplementedError), "density"),
    (lambda: build(GAN, IMAGES, architecture="conv", depth=0), ValueError, "positive integers"),
    (lambda: build(GAN, IMAGES, architecture="conv", depth=4), ValueError, "side divisible by 16, got"),
    (lambda: metrics.accuracy(trained().model, LABELLED), TypeError, "has no classifier"),
]
