"""The pilot of the study ``adaptation``: learning rates and weights of the adversary, on another pair of domains.

    python -m ganvae_lib study adaptation_pilot     # about 5 minutes on one CPU thread

A classifier learns from MNIST and is used on MNIST turned by 25 degrees, a quarter of the training digits each, on
seeds that the study does not use. For each objective the setting with the best mean accuracy is taken.
"""

import math

import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate

from ganvae_lib import Adversary, Classify, Domains, Match, accuracy, load
from ganvae_lib.experiments import Study, Trial

LINKS = {"source only": None, "ADA": "non-saturating", "DANN": "minimax"}


def shrink(x: torch.Tensor) -> torch.Tensor:
    """28 x 28 pixels to 16 x 16, averaged over what falls into each."""
    return interpolate(x, size=(16, 16), mode="bilinear", antialias=True).clamp(0, 1)


def turn(x: torch.Tensor, degrees: float = 25.0) -> torch.Tensor:
    """Images turned about their centre."""
    angle = math.radians(degrees)
    matrix = torch.tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])
    positions = affine_grid(matrix.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, positions, align_corners=False)


def small_mnist(split: str = "train", **choices):
    """MNIST at the 16 x 16 pixels of USPS."""
    return load("mnist", split, **choices).map(shrink, "MNIST 16x16")


def objective(model: str, weight: float = 1.0):
    """SOURCE_ONLY, ADA or DANN, with its adversary weighted."""
    link = LINKS[model]
    return Classify() if link is None else Classify() + weight * Match("features", Adversary(link))


def data() -> dict:
    turned = "MNIST turned by 25 degrees"
    target = small_mnist(fraction=0.25, seed=1).map(turn, turned)
    return {"train": Domains(small_mnist(fraction=0.25), target), "test": small_mnist("test").map(turn, turned)}


def grid() -> dict[str, Trial]:
    trials = {}
    for model, link in LINKS.items():
        for lr in (3e-4, 1e-3):
            weights = (1.0,) if link is None else (0.3, 1.0)  # without an adversary there is nothing to weigh
            for weight in weights:
                about = {"model": model, "lr": lr, "weight": weight}
                name = f"{model}, lr {lr:g}, weight {weight:g}"
                trials[name] = Trial(objective(model, weight), training=dict(lr=lr), about=about)
    return trials


STUDY = Study(
    "MNIST -> MNIST turned by 25 degrees",
    grid(),
    data=data,
    measure=lambda run, world: {"accuracy": accuracy(run.model, world.test)},
    words={"accuracy": "share of the turned test digits that are named rightly"},
    networks=dict(classes=10, architecture="conv", width=16, latent=32),
    training=dict(batch=64, betas=(0.5, 0.999)),
    steps=2000,
    seeds=(100, 101),
)
