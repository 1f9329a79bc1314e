"""The models that the laws judge: every entry of the zoo, and combinations that no entry holds. Topics add cases here.

A case is (objective, data, options of ``build``).
"""

from dataclasses import replace

import pytest
import torch
from helpers import images, points, small, suited

from ganvae_lib import (
    KL,
    MMD,
    Adversary,
    Classify,
    Data,
    Denoise,
    Distill,
    Domains,
    Likelihood,
    Match,
    Quantise,
    Reconstruct,
    Summaries,
    Unpredictable,
    adversary_activated,
    given,
    importance_weighted,
    semi_supervised,
    swapped,
    text,
    zoo,
)
from ganvae_lib.objective import TERMS, TOOLS

X, Z, GAN_X, GAN_Z = Reconstruct("x"), Reconstruct("z"), Match("x", Adversary()), Match("z", Adversary())
SLEEP = Reconstruct("x", only=("theta",)) + Reconstruct("z", only=("eta",))

# ---------------------------------------------------------------- data

POINTS, IMAGES = points(), images()
SPACE = Data(points().x[:, [0, 1, 0]] + torch.randn(512, 3, generator=torch.Generator().manual_seed(5)), name="space")
TWO = Domains(POINTS, SPACE)  # two domains of different shape
LABELLED_TWO = Domains(replace(POINTS, y=(POINTS.x[:, 0] > 0).long(), law=None), SPACE)


def three_classes(source=96, target=80):
    """Three classes in the plane; the target is moved and in another order, its labels are of no use."""
    g = torch.Generator().manual_seed(3)
    y = torch.arange(source) % 3
    x = torch.randn(source, 2, generator=g) / 3 + torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])[y]
    other = x[torch.randperm(source, generator=g)[:target]] + torch.tensor([0.5, -0.3])
    return Domains(Data(x, y, "source", note="drawn"), Data(other, name="target", note="moved"))


THREE = three_classes()

# ---------------------------------------------------------------- cases

# With 8 channels a group of GroupNorm would be one channel, whose bias has no gradient but rounding; Adam magnifies it.
CONV = {"architecture": "conv", "width": 16}

CASES = {name: (entry, POINTS, {}) for name, entry in zoo.ALL.items()} | {
    "AAE, weighted": (X + 0.5 * GAN_Z, POINTS, {}),
    "both ways": (X + Z + GAN_X + 3 * GAN_Z, POINTS, {}),
    "wake-sleep": (SLEEP, POINTS, {}),
    "mixed": (2 * X + Reconstruct("z", only=("eta",)) + Match("z", KL()), POINTS, {}),
    "CycleGAN of two domains": (zoo.CYCLEGAN, TWO, {}),
    "CycleGAN with absolute errors": (GAN_X + GAN_Z + 10 * X + 10 * Z, TWO, {"observation": "laplace", "scale": 1.0}),
    "ALI of two domains": (zoo.ALI, TWO, {}),
    "InfoGAN with classes and noise": (zoo.INFOGAN, POINTS, {"codes": {"one-hot": 3, "uniform": 2}, "noise": 2}),
    "AAE with two kinds of code": (zoo.AAE, POINTS, {"codes": {"gaussian": 1, "uniform": 2}}),
    "AVB with an implicit encoder": (zoo.AVB, POINTS, {"codes": "implicit"}),
    "WAE with a deterministic encoder": (zoo.WAE_MMD, POINTS, {"codes": "point"}),
    "alpha-GAN with noise in x": (zoo.ALPHA_GAN, POINTS, {"noiseless": False}),
    "codes that cannot be told from recovered ones": (swapped(zoo.MDGAN), POINTS, {}),
    "codes compared within the discriminator": (
        0.5 * Reconstruct("z", within="discriminator") + GAN_X + GAN_Z,
        POINTS,
        {},
    ),
    "Wasserstein pairs": (2 * Match("xz", Adversary("Wasserstein", steps=2, penalty=3.0)), POINTS, {}),
    "hinge pairs and codes": (Match("xz", Adversary("hinge")) + 0.3 * Z, POINTS, {}),
    "MMD of pairs": (Match("xz", MMD(scales=(0.5, 2))) + 0.1 * Match("x again", MMD("gaussian")), POINTS, {}),
    "features by MMD": (Classify() + 3 * Match("features", MMD("gaussian", (1.0,))), POINTS, {}),
    "codes by summaries": (X + 2 * Match("z", Summaries(("mean",))), POINTS, {}),
    "unpredictable points": (GAN_X - 0.1 * Unpredictable("x") + X, POINTS, {}),
    "pairs for one player each": (Match("xz", Adversary("KL"), only=("theta",)) + X + Match("z", KL()), POINTS, {}),
    "IWGAN in groups of 4": (importance_weighted(zoo.GAN, 4), POINTS, {}),
    "IWCVAE": (importance_weighted(given(zoo.VAE), 3), POINTS, {}),
    "IWSVAE with an activated adversary": (
        adversary_activated(semi_supervised(importance_weighted(zoo.VAE, 2), 5.0)),
        POINTS,
        {},
    ),
    "ALI given labels": (given(zoo.ALI), POINTS, {}),
    "AAE given labels": (given(zoo.AAE), POINTS, {}),
    "InfoGAN given labels": (given(zoo.INFOGAN), POINTS, {"noise": 2}),
    "AVB given labels": (given(zoo.AVB), POINTS, {"codes": "implicit"}),
    "CycleGAN of two domains given labels": (given(zoo.CYCLEGAN), LABELLED_TWO, {}),
    "importance-weighted features": (importance_weighted(zoo.ADA, 4), POINTS, {}),
    "CGAN on images by one convolution": (zoo.CGAN, IMAGES, CONV | {"depth": 1}),
    "CGAN on images by two convolutions": (zoo.CGAN, IMAGES, CONV | {"depth": 2}),
    "codes under noise": (X + Match("noisy z", Adversary()), POINTS, {}),
    "codes told from noise": (X + 0.5 * Match("z", Denoise("x", predicts="score")), POINTS, {}),
    "codes by distillation": (X + Match("z", Distill("linear", "noise", steps=2)), POINTS, {}),
    "VQ-VAE of four parts": (X + 2 * Quantise(5, 4, 0.5) + 0.3 * Match("code", Likelihood()), POINTS, {"latent": 4}),
    "latent diffusion given labels": (given(zoo.LATENT_DIFFUSION), POINTS, {}),
    "a VAE with a learned Gaussian prior": (zoo.VAE + Match("code", Likelihood()), POINTS, {}),
    "the bound by velocities": (Match("x", Denoise("bound", "cosine", "velocity")), POINTS, {}),
    "diffusion given labels": (given(zoo.DIFFUSION), POINTS, {}),
    "AASVAE on images by convolutions": (adversary_activated(zoo.SVAE), IMAGES, CONV | {"observation": "gaussian"}),
}

# More data and more compositions, for the laws on which they bear: gradients by hand, seeds in company.
BINARY = {
    "Helmholtz machine of binary codes": (zoo.HELMHOLTZ, IMAGES, {"codes": "bernoulli"}),
    "Helmholtz machine of normal codes": (zoo.HELMHOLTZ, IMAGES, {"codes": "gaussian"}),
}
ADAPTATION = {f"{name} of three classes": (zoo.ALL[name], THREE, {}) for name in ("source only", "DANN", "ADA")}
COMPOSED = {
    "AASVAE of 2 samples": (adversary_activated(importance_weighted(zoo.SVAE, 2)), POINTS, {}),
    "IWCGAN": (importance_weighted(zoo.CGAN, "batch"), POINTS, {}),
    "AACVAE": (adversary_activated(zoo.CVAE), POINTS, {}),
    "diffusion given labels on images by convolutions": (given(zoo.FLOW_MATCHING), IMAGES, CONV),
    "ALI given labels, weighted": (importance_weighted(given(zoo.ALI), 8), POINTS, {}),
}
AUTOREGRESSIVE = {
    "PixelCNN": (zoo.PIXELCNN, images(4), {"density": "pixelcnn", "width": 8}),
    "PixelRNN": (zoo.PIXELRNN, images(4), {"density": "pixelrnn", "width": 8}),
    "RNN language model": (zoo.RNN_LM, text(length=8)[:200], {"hidden": (8,), "width": 8}),
}
ON_IMAGES = {name: (entry, IMAGES, CONV) for name, entry in zoo.ALL.items()}

# ---------------------------------------------------------------- what the laws ask of a case

PLAYERS = ("theta", "eta", "phi")
NAMES = {**TERMS, **TOOLS}


def made(case, **options):
    """The model of a case, and data that suit it."""
    objective, data, own = case
    data = suited(objective, data)
    return small(objective, data, **own | options), data


def player(network):
    """Whose network this is: the same as the library's, written out."""
    if network.startswith(("discriminator_", "predictor_", "scores_")):
        return "phi"
    theirs = {"theta": ("decoder", "density", "density_code", "denoiser_x", "denoiser_code", "features", "classifier")}
    theirs["eta"] = ("encoder", "labeller", "denoiser_z")
    owners = [player for player, networks in theirs.items() if network in networks]
    assert owners, f"whose is {network!r}? Say so in player() in tests/laws/cases.py."
    return owners[0]


def sizes(objective):
    """MMD is a difference of means of kernels, each of them at most as large as the number of its scales."""
    return {t.name: float(len(t.tool.scales)) for t in objective.terms if isinstance(getattr(t, "tool", None), MMD)}


def every(cases):
    """One test for each of these cases."""
    return pytest.mark.parametrize("case", cases.values(), ids=cases)
