"""What the experiments on missing modes and on blur measure, and training that survives a seed that fails."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvae_lib import fit
from ganvae_lib.train import NonFiniteLoss

# ---------------------------------------------------------------- frequencies of modes or classes


def frequency_kl(counts: Tensor, weights: Tensor) -> dict[str, float]:
    """KL in both directions between true ``weights`` d [M] and model frequencies g, counted: nats.

    One is added to every count, so that a missing mode costs much but not infinity: g = (counts + 1)/(n + M).
    """
    g = (counts.double() + 1) / (counts.sum() + len(counts))
    d = weights.double()
    return {"kl_d_g": (d * (d / g).log()).sum().item(), "kl_g_d": (g * (g / d).log()).sum().item()}


# ---------------------------------------------------------------- a judge of digits


def judge(train, test, epochs: int = 3) -> tuple[nn.Module, float]:
    """A small convolutional classifier of digits, and its accuracy on the test digits."""
    torch.manual_seed(0)
    side = train.shape[-1] // 4
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * side**2, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
    )  # fmt: skip
    steps = epochs * (len(train) // 128)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    for _ in range(epochs):
        for index in torch.randperm(len(train)).split(128)[: len(train) // 128]:
            optimizer.zero_grad()
            F.cross_entropy(net(train.x[index]), train.y[index]).backward()
            optimizer.step()
            rate.step()
    net.eval()
    return net, (classes(net, test.x).argmax(1) == test.y).double().mean().item()


@torch.no_grad()
def classes(net: nn.Module, x: Tensor) -> Tensor:
    """Class probabilities, [N, 10]."""
    return torch.cat([net(part).softmax(1) for part in x.split(1000)])


def verdict(p: Tensor, real: Tensor) -> dict[str, float]:
    """What the judge's probabilities p [N, 10] say of N samples, beside the frequencies of the real digits."""
    frequency = p.argmax(1).bincount(minlength=10).double() / len(p)
    top = p.max(1).values.double()
    kl = torch.special.entr(frequency).neg() - frequency * real.log()
    return dict(classes=(frequency >= 0.02).sum().item(), confidence=top.mean().item(),
                confident=(top >= 0.9).double().mean().item(), kl_classes=kl.sum().item())  # fmt: skip


# ---------------------------------------------------------------- sharpness of images [N, 1, H, W]


def laplacian_energy(x: Tensor) -> float:
    """Mean over images and inner pixels of the squared Laplacian, (4 x - left - right - up - down)²."""
    inner = 4 * x[..., 1:-1, 1:-1]
    around = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return (inner - around).double().square().mean().item()


def gradient_energy(x: Tensor) -> float:
    """Mean squared difference of neighbouring pixels, along rows plus along columns."""
    across, down = x.diff(dim=-1), x.diff(dim=-2)
    return across.double().square().mean().item() + down.double().square().mean().item()


def nearest(x: Tensor, real: Tensor) -> float:
    """Mean over images of the root mean squared distance, per pixel, to the nearest of the images ``real``."""
    distance = torch.cat([torch.cdist(part, real.flatten(1)).min(1).values for part in x.flatten(1).split(500)])
    return distance.double().mean().item() / x[0].numel() ** 0.5


def sharpness(x: Tensor, real: Tensor, known: Tensor, count: int = 1000) -> dict[str, float]:
    """Energies relative to those of the real images, and the distance of ``count`` images to the ``known`` ones."""
    return {"laplacian": laplacian_energy(x) / laplacian_energy(real),
            "gradient": gradient_energy(x) / gradient_energy(real), "nearest": nearest(x[:count], known)}  # fmt: skip


# ---------------------------------------------------------------- training


def survivors(model, data, seeds: list[int], **training):
    """Train all seeds; when the loss of one is no number, write it down and train the others without it.

    Returns the run (None if no seed is left) and the failures, {seed: message}. Seed k trains alike in any company.
    """
    seeds, failed = list(seeds), {}
    while seeds:
        try:
            return fit(model, data, seeds=seeds, device="cpu", **training), failed
        except NonFiniteLoss as error:
            seed = int(re.search(r"seed (\d+)", str(error)).group(1))
            failed[seed] = str(error).split(";")[0]
            seeds.remove(seed)
    return None, failed


def by_seed(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """Rows of measures, one per seed, as one list per measure."""
    return {key: [row[key] for row in rows] for key in rows[0]} if rows else {}
