"""What several studies measure: frequencies of modes, digits as a classifier names them, sharpness; and pictures."""

import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvae_lib import LINKS, Adversary, Data, Match, coverage, fit, load, zoo

RESULTS = Path(__file__).resolve().parents[1] / "results"

# Frequencies of modes or classes


def frequency_kl(counts: Tensor, weights: Tensor) -> dict[str, float]:
    """KL in both directions between ``weights`` d [M] and frequencies g = (counts + 1)/(n + M): nats.

    The one that is added to every count makes a missing mode costly, but not infinitely so.
    """
    g = (counts.double() + 1) / (counts.sum() + len(counts))
    d = weights.double()
    return {"kl_d_g": (d * (d / g).log()).sum().item(), "kl_g_d": (g * (g / d).log()).sum().item()}


def histogram(x: Tensor, reach: float = 4.0, bins: int = 40) -> Tensor:
    """Counts of points x [..., n, 2] in bins x bins squares of [-reach, reach]², and outside: [..., bins² + 1]."""
    square = ((x + reach) / (2 * reach) * bins).floor().long()
    inside = ((square >= 0) & (square < bins)).all(-1)
    index = torch.where(inside, square[..., 0] * bins + square[..., 1], bins**2)
    counts = torch.zeros(*x.shape[:-2], bins**2 + 1, dtype=torch.float64)
    return counts.scatter_add(-1, index, torch.ones_like(index, dtype=torch.float64))


def histogram_divergences(counts: Tensor, d: Tensor) -> dict[str, float]:
    """Between the probabilities d [B] of bins and counted samples of a model, one added to each count: nats.

    d is smoothed alike, (n d + 1)/(n + B), so that every number is finite. A mean over bins loses detail inside
    them: the true divergences are larger.
    """
    n, size = counts.sum(), len(counts)
    g = (counts.double() + 1) / (n + size)
    d = (n * d.double() + 1) / (n + size)
    m = (d + g) / 2
    kl = lambda p, q: (p * (p / q).log()).sum().item()
    return {
        "bins_kl_d_g": kl(d, g),
        "bins_kl_g_d": kl(g, d),
        "bins_jsd": (kl(d, m) + kl(g, m)) / 2,
        "bins_tv": (d - g).abs().sum().item() / 2,
    }


def modes(x: Tensor, toy, d: Tensor) -> dict[str, float]:
    """What n samples x [n, 2] of one model say of a toy with modes; d are the toy's own bins. Keys: see modes.py."""
    weights = toy.weights
    count = len(toy.modes)
    distance, mode = torch.cdist(x.double(), toy.modes).min(-1)
    good = distance < 3 * toy.std
    good_at_mode = mode[good].bincount(minlength=count)
    covered = good_at_mode >= 0.2 * len(x) * weights  # a fifth of what a perfect model has there
    return {
        "modes": float(coverage(x[None], toy)["modes"]),
        "high_quality": good.double().mean().item(),
        "missed_mass": weights[~covered].sum().item(),
        **frequency_kl(mode.bincount(minlength=count), weights),
        "spread": (distance[good].square().mean() / (2 * toy.std**2)).sqrt().item() if good.any() else 0.0,
        **histogram_divergences(histogram(x), d),
    }


@torch.no_grad()
def log_likelihood(run, x: Tensor, chunk: int) -> Tensor:
    """Mean log-likelihood of examples x [n, ...] under a density without codes, [seeds], nats."""
    density = run.model.density()
    log_p = [density.log_prob(examples.expand(len(run.seeds), *examples.shape)) for examples in x.split(chunk)]
    return torch.cat(log_p, -1).double().mean(-1)


# A classifier of digits


def digit_classifier(train, test, epochs: int = 3) -> tuple[nn.Module, float]:
    """A small convolutional classifier of digits, and its accuracy on the test digits."""
    torch.manual_seed(0)
    side = train.shape[-1] // 4  # of the feature maps, after two halvings
    net = nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * side**2, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )
    batch = 128
    steps_per_epoch = len(train) // batch
    steps = epochs * steps_per_epoch
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    for _ in range(epochs):
        for index in torch.randperm(len(train)).split(batch)[:steps_per_epoch]:
            optimizer.zero_grad()
            F.cross_entropy(net(train.x[index]), train.y[index]).backward()
            optimizer.step()
            rate.step()
    net.eval()
    return net, (classes(net, test.x).argmax(1) == test.y).double().mean().item()


@torch.no_grad()
def classes(net: nn.Module, x: Tensor) -> Tensor:
    """Class probabilities, [N, 10]."""
    return torch.cat([net(images).softmax(1) for images in x.split(1000)])


def verdict(p: Tensor, real: Tensor) -> dict[str, float]:
    """What the classifier's probabilities p [N, 10] say of N samples, beside the frequencies of the real digits."""
    frequency = p.argmax(1).bincount(minlength=10).double() / len(p)
    top = p.max(1).values.double()
    kl = torch.special.entr(frequency).neg() - frequency * real.log()
    return {
        "classes": (frequency >= 0.02).sum().item(),
        "confidence": top.mean().item(),
        "confident": (top >= 0.9).double().mean().item(),
        "kl_classes": kl.sum().item(),
    }


# Sharpness of images [N, 1, H, W]


def laplacian_energy(x: Tensor) -> float:
    """Mean over images and inner pixels of the squared Laplacian, (4 x - left - right - up - down)²."""
    centre = 4 * x[..., 1:-1, 1:-1]
    neighbours = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return (centre - neighbours).double().square().mean().item()


def gradient_energy(x: Tensor) -> float:
    """Mean squared difference of neighbouring pixels, along rows plus along columns."""
    across, down = x.diff(dim=-1), x.diff(dim=-2)
    return across.double().square().mean().item() + down.double().square().mean().item()


def nearest(x: Tensor, real: Tensor) -> float:
    """Mean over images of the root mean squared distance, per pixel, to the nearest of the images ``real``."""
    distances = [torch.cdist(images, real.flatten(1)).min(1).values for images in x.flatten(1).split(500)]
    distance = torch.cat(distances)
    return distance.double().mean().item() / x[0].numel() ** 0.5


def sharpness(x: Tensor, real: Tensor, known: Tensor, count: int = 1000) -> dict[str, float]:
    """Energies relative to those of the real images, and the distance of ``count`` images to the ``known`` ones."""
    return {
        "laplacian": laplacian_energy(x) / laplacian_energy(real),
        "gradient": gradient_energy(x) / gradient_energy(real),
        "nearest": nearest(x[:count], known),
    }


# Both, of digits

DIGIT_WORDS = {
    "classes": "digits (of 10) that make up at least 2 % of the samples, by the classifier",
    "confidence": "mean of the classifier's largest class probability",
    "confident": "share of samples with a largest probability of at least 0.9",
    "kl_d_g": "KL(class frequencies of the data || of the samples), one added to each count, nats",
    "kl_g_d": "KL(class frequencies of the samples || of the data), one added to each count, nats",
    "laplacian": "mean squared Laplacian relative to real digits' (1: as sharp; noise counts as sharpness)",
    "gradient": "mean squared difference of neighbouring pixels relative to real digits'",
    "nearest": "root mean squared distance per pixel to the nearest training digit",
}


def digit_measures(x: Tensor, world) -> dict[str, float]:
    """What DIGIT_WORDS names of images x, in a study that prepares ``world.classifier`` and these:

    ``world.weights`` [10], the class frequencies of the data; ``world.real``, images whose energies are the unit; and
    ``world.known``, among which the nearest is searched.
    """
    probabilities = classes(world.classifier, x)
    counts = probabilities.argmax(1).bincount(minlength=10)
    scores = verdict(probabilities, world.weights)
    del scores["kl_classes"]  # kl_g_d of frequency_kl stands for it
    return scores | frequency_kl(counts, world.weights) | sharpness(x, world.real, world.known)


def frequencies(data: Data) -> Tensor:
    """The share of each of the ten classes, [10]."""
    return data.y.bincount(minlength=10).double() / len(data)


# How a model is looked at


def in_both_ways(run, look: Callable[[bool], dict]) -> dict:
    """``look(False)`` at samples; of a VAE also ``look(True)`` at the means of p(x|z), as its pictures usually show."""
    scores = look(False)
    if "encoder" in run.model.networks:
        scores |= {f"means: {name}": values for name, values in look(True).items()}
    return scores


def wrapped(name: str, run, sample: Callable[[bool], Tensor]) -> dict[str, Tensor]:
    """Panels of samples, and of a VAE's means, under narrow titles."""
    images = in_both_ways(run, lambda mean: {"samples": sample(mean)})
    return {textwrap.fill(f"{name} {title.partition(':')[0]}", 12): x for title, x in images.items()}


@torch.no_grad()
def decoded_means(run, x: Tensor) -> Tensor:
    """The means of p(x|z) at the means of q(z|x), [seeds, n, ...]."""
    codes = run.infer(x, mean=True)
    return run.model.decoder(codes if run.model.seeds_shape else codes[0]).mean.reshape(-1, *x.shape)


def divergence(objective) -> str | None:
    """What the generator of a GAN, a VAE or a density descends where the other players are at their optimum, LaTeX."""
    if isinstance(objective, Match) and isinstance(objective.tool, Adversary):
        return LINKS[objective.tool.link].descends
    return r"\mathrm{KL}(d\,q_\eta\,\|\,p_\theta)" if objective == zoo.VAE else r"\mathrm{KL}(d\,\|\,g)"


# Data and pictures


def cloud(points: Tensor) -> str:
    """Points [n, 2] as a record keeps them, "x,y x,y ..."."""
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points.tolist())


def classified(world, epochs: int = 3) -> dict:
    """A study's ``prepare``: the classifier of digits, and its test accuracy among the facts."""
    classifier, accuracy = digit_classifier(world.train, world.test, epochs)
    return {"classifier": classifier, "facts": {"accuracy of the classifier": accuracy}}


def drawn(name: str, law, seed: int = 0, n: int = 20_000) -> Data:
    """Points of a world that knows its density."""
    return Data(law.sample(n, seed), None, name, law)


def train_only(name: str, law, seed: int = 0) -> dict[str, Data]:
    """A world as a study's ``data`` gives it, where fresh points are the test."""
    return {"train": drawn(name, law, seed)}


def train_and_test(name: str, **choices) -> dict[str, Data]:
    """Both parts of a data set, as a study's ``data`` gives them."""
    return {split: load(name, split, **choices) for split in ("train", "test")}


def in_stages(model, data, stages: Sequence[tuple[float, float]], steps: int, **training):
    """A run in stages, each a share of the steps and a learning rate, that goes on from the last one."""
    (share, rate), *later = stages
    run = fit(model, data, max(1, int(share * steps)), lr=rate, device="cpu", **training)
    for share, rate in later:
        run = fit(run, steps=max(1, int(share * steps)), lr=rate)
    return run


def chosen_by_pilot(record: dict, group: str, loss: Callable[[dict], float]) -> dict[str, dict]:
    """Of the models of a pilot's record, by what each says of its ``group``, the one with the least ``loss``."""
    groups: dict[str, list[dict]] = {}
    for entry in record["models"].values():
        groups.setdefault(entry[group], []).append(entry)
    return {name: min(entries, key=loss) for name, entries in groups.items()}


def earlier_record(name: str, out: Path) -> dict:
    """The record of another study, from the same folder or, if it is not there, from the repository's results."""
    for path in (out / f"{name}.json", RESULTS / f"{name}.json"):
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
    raise ValueError(f"this study needs the record of another; first run: python -m ganvae_lib study {name}")


def side_by_side(
    panels: dict[str, Tensor], path: Path, columns: int = 6, width: float = 6.8, height: float = 3.4, rows: int = 1
):
    """Save ``path``.png: images by title, side by side in one row or more, in the book's style."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ganvae_lib import draw

    draw.style()
    figure, axes = plt.subplots(rows, len(panels) // rows, figsize=(width, height), squeeze=False)
    for ax, (title, x) in zip(axes.flat, panels.items(), strict=True):
        draw.images(x, columns=columns, title=title, ax=ax)
    figure.savefig(path.with_suffix(".png"), dpi=110, bbox_inches="tight", pad_inches=0.06)  # no empty paper around
    plt.close(figure)
