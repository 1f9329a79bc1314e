"""CycleGAN with a hidden pairing on digits in two styles: two kinds of network, four seeds.

    python -m ganvae_lib study cyclegan_images      # about 15 minutes on one CPU thread

Learning rates, steps and scales were chosen by looking at seeds 0 to 11; the seeds here are others. Noise is added to a
translation before the way back. The picture shows digits, their translations and round trips.
"""

from functools import partial

import torch
from torch import Tensor, nn

from ganvae_lib import build, styles, zoo
from ganvae_lib.experiments import Study, Trial
from studies import cyclegan
from studies.measures import side_by_side

TAUGHT = 600  # steps of the network that sees pairs
NOISE = (0.0, 0.02, 0.05, 0.1, 0.2)
CONVOLUTIONAL = dict(architecture="conv", width=8)
WORDS = {
    "pairing": "root mean squared error of a translation per pixel, from the hidden partner",
    "kept": "share of translations that a classifier of the target domain names like the original",
    "common": "share that it names as it does most of their class",
    "discriminators": cyclegan.WORDS["discriminators"],
    **{f"round_trip, noise {std:g}": "mean absolute error per pixel of the way there and back" for std in NOISE},
    **{
        f"kept_back, noise {std:g}": "share of round trips that a classifier of the source names right" for std in NOISE
    },
    "table": "shares [class][named by the classifier of the target domain]",
}


def classifier(data) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(data.x[0].numel(), 128), nn.ReLU(), nn.Linear(128, data.classes))
    loss = lambda rows: nn.functional.cross_entropy(net(data.x[rows]), data.y[rows])
    descend(net, loss, len(data), steps=400, batch=128, lr=1e-3)
    return net.requires_grad_(False)


def descend(net: nn.Module, loss, examples: int, steps: int, batch: int, lr: float) -> None:
    """Train a network by Adam on ``loss(rows)``, where rows number the examples of a minibatch."""
    adam = torch.optim.Adam(net.parameters(), lr)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        value = loss(torch.randint(examples, (batch,), generator=generator))
        adam.zero_grad()
        value.backward()
        adam.step()


def with_pairs(train, x: Tensor) -> Tensor:
    """Translations of x by the convolutional network, trained on pairs by mean absolute error."""
    pairs = styles(n=1, n_test=4000, seed=1).test
    net = build(zoo.CYCLEGAN, train, observation="laplace", scale=2.56, **CONVOLUTIONAL).copies(0).encoder
    loss = lambda rows: (net(pairs.x[rows]).mean - pairs.other[rows]).abs().mean()
    descend(net, loss, len(pairs), steps=TAUGHT, batch=32, lr=2e-3)
    with torch.no_grad():
        return net(x).mean


def prepare(world) -> dict:
    return {
        "pairs": styles(),
        "of_source": classifier(world.train.source),
        "of_target": classifier(world.train.target),
        "facts": {"pixels": world.test.x[0].numel()},
    }


def pairing(translated: Tensor, world) -> float:
    return world.pairs.errors(translated[None])[0, 0].item()


def kept(x: Tensor, network: nn.Module, world) -> float:
    """The share of images that a classifier names as their originals are."""
    return (network(x).argmax(-1) == world.test.y).double().mean().item()


def table(translated: Tensor, world) -> Tensor:
    """Shares [class, named by the classifier of the target domain]."""
    named = world.of_target(translated).argmax(-1)
    # Each pair of digits (class, name) is counted as one number of two digits.
    counts = torch.bincount(10 * world.test.y + named, minlength=100).reshape(10, 10).double()
    return counts / counts.sum(1, keepdim=True)


@torch.no_grad()
def measure(run, world) -> dict:
    translated = run.infer(world.test.x)[0]
    generator = torch.Generator().manual_seed(0)
    class_shares = table(translated, world)
    scores = {
        "pairing": pairing(translated, world),
        "kept": kept(translated, world.of_target, world),
        "common": class_shares.max(1).values.mean().item(),
        "discriminators": cyclegan.discriminators(run).item(),
        "table": [class_shares],
    }
    for std in NOISE:
        back = run.model.decoder(translated + std * torch.randn(translated.shape, generator=generator)).mean
        scores[f"round_trip, noise {std:g}"] = (back - world.test.x).abs().mean().item()
        scores[f"kept_back, noise {std:g}"] = kept(back, world.of_source, world)
    return scores


def references(world, seeds: list[int]) -> dict:
    """What is the same for every seed: the hidden partners themselves, doing nothing, and others."""
    x, partners = world.test.x, world.pairs.test.other
    shuffled = partners[torch.randperm(len(partners), generator=torch.Generator().manual_seed(0))]
    return {
        "hidden partner": {"kept": kept(partners, world.of_target, world)},
        "doing nothing": {"kept": kept(x, world.of_target, world), "pairing": pairing(x, world)},
        "random partner": {"pairing": pairing(shuffled, world)},
        "taught with pairs": {"pairing": pairing(with_pairs(world.train, x), world)},
    }


def panels(name: str, run, world) -> dict:
    # Two rows of ten digits: the first of each class, then the second of each.
    shown = [int((world.test.y == digit).nonzero()[k]) for k in range(2) for digit in range(10)]
    if run is None:
        return {"light, given": world.test.x[shown], "bold, hidden partner": world.pairs.test.other[shown]}
    x = world.test.x
    return {f"{name}: bold": run.infer(x)[0, shown], f"{name}: and light again": run.reconstruct(x)[0, shown]}


STUDY = Study(
    "CycleGAN with a hidden pairing: digits in two styles",
    {
        "convolutional": Trial(zoo.CYCLEGAN, CONVOLUTIONAL | dict(scale=2.56), dict(lr=1e-3, batch=32)),
        "convolutional, weight 10": Trial(zoo.CYCLEGAN, CONVOLUTIONAL | dict(scale=25.6), dict(lr=1e-3, batch=32)),
        "fully connected": Trial(zoo.CYCLEGAN, dict(hidden=(256, 256), scale=2.56), dict(lr=5e-4, batch=64), share=2.0),
    },
    data=partial(cyclegan.sets, styles),
    prepare=prepare,
    measure=measure,
    references=references,
    words=WORDS,
    networks=dict(observation="laplace"),
    steps=500,
    seeds=range(20, 24),
    apart=True,  # stacked convolutions gain nothing on a CPU
    panels=panels,
    picture=partial(side_by_side, columns=20, width=7.2, height=4.96, rows=8),
)
