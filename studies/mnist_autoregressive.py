"""PixelCNN and a row PixelRNN on binarised MNIST, three small seeds each: exact likelihoods, nats and bits per pixel.

    python -m ganvae_lib study mnist_autoregressive     # about 12 minutes on one idle CPU thread

The networks are small and see half of the images, each once: this is what an old laptop can do in minutes, not what the
models can do. Pixels are those of mnist_vae.py, so that its bounds and these numbers compare. The picture shows samples
of seed 0, and completions of upper halves by the PixelRNN.
"""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ganvae_lib import Model, Noise, PixelCNN, PixelRNN, nets, zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures

TEST = 1000  # images that are scored
SAMPLES = 24  # per seed
SHAPE = (1, 28, 28)
KINDS = {"PixelRNN": PixelRNN, "PixelCNN": PixelCNN}
STAGES = ((0.75, 3e-3), (0.25, 6e-4))  # share of the steps, learning rate
WORDS = {
    "nats": "log-likelihood per test image, true ones, negative",
    "bits_per_pixel": "the same, as the bits that a pixel costs",
    "lonely": "pixels per image that differ from all four neighbours: of samples, or of the test images",
}


def trial(kind: str, width: int, sees: str) -> Trial:
    """One network; ``sees`` is what a pixel can depend on."""
    parameters = sum(weights.numel() for weights in KINDS[kind](SHAPE, width).parameters())
    return Trial(zoo.LIKELIHOOD, dict(kind=kind, width=width), about=dict(parameters=parameters, sees=sees))


def train(trial: Trial, world, seeds: list[int]):
    network = KINDS[trial.networks["kind"]](world.train.shape, trial.networks["width"])
    model = Model(trial.objective, {"density": network}, nets.StandardNormal(1))
    return measures.in_stages(model, world.train, STAGES, seeds=seeds, **trial.training)


def bits(nats: Tensor) -> Tensor:
    """The bits that a pixel costs, by the log-likelihood of an image in nats."""
    return -nats / math.prod(SHAPE) / math.log(2)


def lonely(x: Tensor) -> Tensor:
    """Mean number of pixels that differ from all four neighbours, [..., n, 1, H, W] -> [...]."""
    padded = F.pad(x, (1, 1, 1, 1))
    above, below = padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
    left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
    return (
        torch.stack([neighbour != x for neighbour in (above, below, left, right)])
        .all(0)
        .double()
        .sum((-1, -2, -3))
        .mean(-1)
    )


def noise_of(run) -> Noise:
    """Noise for samples, other than that of the training."""
    return Noise([1000 + seed for seed in run.seeds])


def measure(run, world) -> dict:
    nats = measures.log_likelihood(run, world.scored, 50)
    drawn = run.model.density.draw(SAMPLES, noise_of(run))
    return {"nats": nats, "bits_per_pixel": bits(nats), "lonely": lonely(drawn)}


def prepare(world) -> dict:
    rows = torch.randperm(len(world.test), generator=torch.Generator().manual_seed(0))[:TEST]
    return {"scored": world.test.x[rows], "facts": {"test images scored": TEST}}


def references(world, seeds: list[int]) -> dict:
    """Independent pixels, each with its training frequency; and the lonely pixels of the images themselves."""
    # One count is added to each side, so that no pixel is impossible.
    frequency = (world.train.x.double().sum(0) + 1) / (len(world.train) + 2)
    log_p = torch.distributions.Bernoulli(frequency).log_prob(world.scored.double()).sum((1, 2, 3)).mean()
    return {
        "independent pixels": {"nats": log_p.item(), "bits_per_pixel": bits(log_p).item()},
        "test images": {"lonely": lonely(world.scored).item()},
    }


def panels(name: str, run, world) -> dict:
    if run is None:
        return {"test digits": world.scored[:24]}
    noise = noise_of(run)
    shown = {f"{name}: samples": run.model.density.draw(SAMPLES, noise)[0]}
    if name == "PixelRNN":
        given = world.scored[:6].repeat_interleave(3, 0)  # three completions of each of six digits
        middle = math.prod(SHAPE) // 2  # pixels from here on are drawn
        completed = run.model.density.draw(18, noise, given=given, first=middle)[0]
        rows = torch.cat([world.scored[:6, None], completed.unflatten(0, (6, 3))], 1)
        shown["given: upper half"] = rows.flatten(0, 1)
    return shown


STUDY = Study(
    "PixelCNN and PixelRNN on MNIST",
    {
        "PixelRNN": trial("PixelRNN", 32, "the left part of the row, and the triangle of slope 1 above"),
        "PixelCNN": trial("PixelCNN", 16, f"the earlier pixels within {PixelCNN(SHAPE, 16).reach} rows and columns"),
    },
    data=partial(measures.train_and_test, "mnist", binarize="sample"),
    prepare=prepare,
    train=train,
    measure=measure,
    references=references,
    words=WORDS,
    notes={
        "binarisation": "stochastic, drawn once: x ~ Bernoulli(grey level)",
        "stages": [{"share of the steps": share, "lr": rate} for share, rate in STAGES],
        "samples": SAMPLES,
    },
    training=dict(batch=32),
    steps=937,  # half an epoch
    seeds=range(3),
    panels=panels,
    picture=partial(measures.side_by_side, columns=4, height=2.9),
)
