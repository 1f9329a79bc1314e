"""Models, data and trainings that do not suit one another, and what is said of them."""

import math
from dataclasses import replace
from types import SimpleNamespace

from cases import GAN_X, GAN_Z, IMAGES, POINTS, THREE, X, Z
from helpers import images, short, small
from torch import nn

from ganvae_lib import KL, Adversary, Domains, Likelihood, Match, Model, Reconstruct, build, fit, nets, zoo

TWO = Domains(POINTS, POINTS.map(lambda x: x.flip(0) + 1, "moved"))


def altered(data, x):
    return SimpleNamespace(
        **{n: getattr(data, n) for n in ("y", "name", "digest", "note", "law")}, x=x, shape=tuple(x.shape[1:])
    )


VAE, IMAGE_VAE = small(zoo.VAE, POINTS), small(zoo.VAE, IMAGES)


# (what raises, which error, words of its message)
MISTAKES = [
    (lambda: short(VAE, IMAGES), ValueError, r"built for examples of shape \(2,\), the data have \(1, 8, 8\)"),
    (
        lambda: short(IMAGE_VAE, images(binary=False)),
        ValueError,
        "pixels that are 0 or 1; load the data with binarize=",
    ),
    (lambda: build(zoo.VAE, images(binary=False), observation="bernoulli"), ValueError, "pixels that are 0 or 1"),
    (
        lambda: build(zoo.VAE, altered(IMAGES, 2 * IMAGES.x), observation="continuous bernoulli"),
        ValueError,
        r"in \[0, 1\]",
    ),
    (
        lambda: build(zoo.VAE, POINTS, observation="gausian"),
        ValueError,
        "unknown observation.*Did you mean 'gaussian'",
    ),
    (lambda: build(zoo.VAE, IMAGES, architecture="conv", width=12), ValueError, "width must be a multiple of 8"),
    (lambda: build(zoo.VAE, POINTS, architecture="cnn"), ValueError, "unknown architecture 'cnn'"),
    (lambda: build(zoo.VAE, POINTS, architecture="conv"), ValueError, "square images"),
    (lambda: build(zoo.VAE, POINTS, activation="swish"), ValueError, "unknown activation"),
    (lambda: build(zoo.VAE, POINTS, latent=0), ValueError, "positive integers"),
    (lambda: build(zoo.VAE, POINTS, hidden=64), ValueError, "hidden a list"),
    (lambda: build(zoo.VAE, POINTS, hidden=(64, -1)), ValueError, "positive integers"),
    (lambda: build(zoo.VAE, POINTS, scale=-1.0), ValueError, "scale must be a finite number above 0"),
    (
        lambda: Model(zoo.VAE, {"encoder": nn.Identity()}, nets.StandardNormal(2)),
        ValueError,
        "needs the networks decoder",
    ),
    *[
        (
            lambda s=s: short(VAE, seeds=s),
            ValueError,
            "seeds.* must be (a whole number from|different, and one or more)",
        )
        for s in (0, -1, [], [1, 1], [-1, 2], 1.5, "12", [0.5], [2**32])
    ],
    (lambda: short(VAE, steps=0), ValueError, "steps must be a whole number of at least 1, got 0"),
    (lambda: short(VAE, batch=-1), ValueError, "batch must be a whole number of at least 1, got -1"),
    (lambda: short(VAE, log_every=0), ValueError, "log_every must be a whole number of at least 1, got 0"),
    (lambda: short(VAE, device="gpu"), ValueError, "unknown device 'gpu'.*'cuda'"),
    (lambda: short(VAE, precision="fp8"), ValueError, "unknown precision 'fp8'"),
    (lambda: short(VAE, lr={"gamma": 1.0}), ValueError, "unknown player 'gamma'"),
    (lambda: short(VAE, lr={"theta": 1.0}), ValueError, "lr names no rate for eta"),
    (lambda: short(VAE, lr=-1.0), ValueError, "lr must be a finite number of at least 0, got -1.0"),
    (
        lambda: short(VAE, lr={"theta": 1.0, "eta": math.nan}),
        ValueError,
        "lr of eta must be a finite number of at least 0, got nan",
    ),
    (lambda: short(VAE, betas=(0.5, 1.0)), ValueError, "betas must lie in"),
    (lambda: short(small(Match("x", KL()), POINTS)), TypeError, "needs densities in x.*use Adversary"),
    (
        lambda: short(small(X + Match("z", Likelihood()), POINTS)),
        TypeError,
        "needs the model's density in z.*use Adversary",
    ),
    (
        lambda: short(small(GAN_X, IMAGES, observation="bernoulli"), IMAGES),
        TypeError,
        "carry no gradient; choose observation=",
    ),
    (lambda: short(small(X + Z, POINTS, observation="point")), NotImplementedError, "no density"),
    (lambda: short(IMAGE_VAE, IMAGES, steps=1).evaluate(), ValueError, "nothing to measure: a bound needs data"),
    (lambda: short(small(zoo.VAE, POINTS, codes="point")), TypeError, "needs densities in z.*use Adversary"),
    (lambda: short(small(zoo.VAE, POINTS, codes="implicit")), TypeError, "needs densities in z.*use Adversary"),
    (lambda: short(small(Z, POINTS, codes="point")), NotImplementedError, "no density.*codes='gaussian'"),
    (
        lambda: short(small(zoo.AAE, POINTS, codes="one-hot")),
        TypeError,
        "z from x is drawn from a one-hot.*no gradient",
    ),
    (
        lambda: small(zoo.VAE, POINTS, codes="onehot"),
        ValueError,
        "unknown kind of code 'onehot'.*Did you mean 'one-hot'",
    ),
    (lambda: small(zoo.AVB, POINTS, codes={"implicit": 1, "gaussian": 1}), ValueError, "'implicit' stands alone"),
    (
        lambda: small(zoo.VAE, POINTS, codes={"gaussian": 0}),
        ValueError,
        r"positive integers.*codes=\{'gaussian': 0\}",
    ),
    (lambda: small(zoo.VAE, POINTS, codes={}), ValueError, "codes need one part or more"),
    (
        lambda: small(Match("x", Adversary(steps=0)), POINTS),
        ValueError,
        "asks discriminator_x, which no term.*steps > 0",
    ),
    (
        lambda: small(Reconstruct("x", within="discriminator"), POINTS),
        ValueError,
        "asks discriminator_x, which no term",
    ),
    (
        lambda: small(GAN_Z + Match("x again", Adversary(steps=0)), POINTS),
        ValueError,
        "asks discriminator_x, which no",
    ),
    (lambda: small(zoo.VAE, POINTS, noise=2), ValueError, "noise counts inputs.*got 2 with observation='gaussian'"),
    (lambda: small(zoo.GAN, POINTS, noise=-1), ValueError, "noise counts inputs.*got -1"),
    (lambda: small(zoo.GAN, TWO, noise=2), ValueError, "noise counts inputs.*z from a second domain"),
    (lambda: small(zoo.LIKELIHOOD, POINTS, density="pixelsnail"), ValueError, "unknown density 'pixelsnail'"),
    (lambda: fit(small(zoo.CYCLEGAN, TWO), POINTS, 1), ValueError, r"put them together with data.Domains"),
    (
        lambda: fit(small(zoo.CYCLEGAN, TWO), Domains(POINTS, POINTS[:9].map(lambda x: x[:, :1], "lines")), 1),
        ValueError,
        r"second domain of shape \(2,\), ring -> lines has \(1,\)",
    ),
    (
        lambda: build(zoo.CYCLEGAN, Domains(IMAGES, images(binary=False)), observation="bernoulli"),
        ValueError,
        "0 or 1",
    ),
    (
        lambda: build(zoo.CYCLEGAN, Domains(IMAGES, POINTS), observation="continuous bernoulli"),
        ValueError,
        r"in \[0, 1\]",
    ),
    (lambda: short(small(zoo.VAE, TWO), TWO), TypeError, "z is data of a second domain, which has no density"),
    (
        lambda: short(small(zoo.CYCLEGAN, TWO), TWO, steps=1).sample(3),
        TypeError,
        "z is data of a second domain.*pass z=",
    ),
    (
        lambda: short(small(zoo.GAN, POINTS, noise=2), steps=1).sample(3, mean=True),
        NotImplementedError,
        "mean of noise.*draw",
    ),
    (lambda: short(small(zoo.WAE_MMD, POINTS), batch=1), TypeError, "MMD compares pairs of examples"),
    (
        lambda: small(zoo.ADA, replace(THREE.source, y=None)),
        ValueError,
        "learns from labels; give data with labels y",
    ),
    (lambda: small(zoo.SOURCE_ONLY, (2,)), ValueError, "learns from labels"),
    (
        lambda: small(zoo.ADA, THREE.source),
        ValueError,
        r"two domains, or.*; put them together with data.Domains\(source, target\)",
    ),
    (lambda: fit(small(zoo.ADA, THREE), THREE.source, 2), ValueError, "two domains, or.*; put them together"),
    (
        lambda: fit(small(zoo.ADA, THREE), Domains(replace(THREE.source, y=None), THREE.target), 2),
        ValueError,
        "does not have; give data with y",
    ),
    (
        lambda: fit(small(zoo.ADA, THREE, classes=2), THREE, 2),
        ValueError,
        "tells 2 classes apart, the data have 3",
    ),
    (
        lambda: Model(zoo.ADA, {"features": nets.Features(nets.mlp((2,), (), 2))}, nets.StandardNormal(2)),
        ValueError,
        "needs the networks classifier, discriminator_features",
    ),
]
