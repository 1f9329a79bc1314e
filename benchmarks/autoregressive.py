"""PixelCNN and a row PixelRNN on binarised MNIST, three small seeds each: exact likelihoods, nats and bits per pixel.

    python benchmarks/autoregressive.py                  # about 12 minutes on one idle CPU thread
    python benchmarks/autoregressive.py --epochs 0.02 --test 100 --samples 24 --name trial

The networks are small and see half of the images, each once: this is what an old laptop can do in minutes, not what the
models can do. Pixels and scored images are those of mnist_vae.py, so that its bounds and these numbers compare.

Writes results/mnist_autoregressive.png (samples of seed 0 and completions) and results/mnist_autoregressive.json:

    experiment, command, seeds [3]
    config           epochs, batch, optimizer, lr (two stages), binarisation, precision
    data             name, train and test: {n, digest}; test_images: how many were scored, the same as there
    independent      the baseline: nats and bits per pixel on the test images, every pixel with its training frequency
    models           by name: parameters, sees (what a pixel can depend on), nats, bits_per_pixel, lonely:
                     {values [3], mean, half_width_95}; seconds_training
    lonely_data      lonely pixels per test image, for comparison
    environment      versions, processor, threads

``nats`` are of the log-likelihood per test image, true ones, negative. A lonely pixel differs from all four neighbours.
"""

from __future__ import annotations

import argparse
import math
import time

import record
import torch
from torch.nn import functional as F

from ganvae_lib import Model, Noise, PixelCNN, PixelRNN, fit, load, nets, zoo

STAGES = ((0.75, 3e-3), (0.25, 6e-4))  # share of the steps, learning rate


def networks(shape) -> dict:
    cnn, rnn = PixelCNN(shape, 16), PixelRNN(shape, 32)
    return {
        "PixelRNN": (rnn, "the left part of the row, and the triangle of slope 1 above"),
        "PixelCNN": (cnn, f"the earlier pixels within {cnn.reach} rows and columns"),
    }


def train(network, data, steps: int, batch: int, seeds: list[int]):
    """Both stages, stacked over seeds."""
    model, options = Model(zoo.LIKELIHOOD, {"density": network}, nets.StandardNormal(1)), {}
    for share, rate in STAGES:
        run = fit(model, data, max(1, int(share * steps)), batch=batch, seeds=seeds, lr=rate, device="cpu", **options)
        model, options = run.model, {"fresh": False}
    return run


@torch.no_grad()
def log_likelihood(run, x, chunk: int = 50):
    """Mean log-likelihood per seed, nats."""
    parts = [run.model.density().log_prob(part.expand(len(run.seeds), *part.shape)) for part in x.split(chunk)]
    return torch.cat(parts, -1).double().mean(-1)


def lonely(x):
    """Mean number of pixels that differ from all four neighbours, [..., n, 1, H, W] -> [...]."""
    padded = F.pad(x, (1, 1, 1, 1))
    rows, columns = padded[..., 1:-1], padded[..., 1:-1, :]
    sides = rows[..., :-2, :], rows[..., 2:, :], columns[..., :-2], columns[..., 2:]
    return torch.stack([side != x for side in sides]).all(0).double().sum((-1, -2, -3)).mean(-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test", type=int, default=1000, help="test images that are scored")
    parser.add_argument("--samples", type=int, default=24, help="samples per seed")
    parser.add_argument("--name", default="mnist_autoregressive", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, batch = list(range(args.seeds)), 32

    train_data, test = (load("mnist", split=split, binarize="sample") for split in ("train", "test"))
    steps = int(args.epochs * (len(train_data) // batch))
    x = test.x[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[: args.test]]
    dimensions = x[0].numel()
    bits = lambda nats: -nats / dimensions / math.log(2)
    # One count is added to each side, so that no pixel is impossible.
    chance = (train_data.x.double().sum(0) + 1) / (len(train_data) + 2)
    alone = torch.distributions.Bernoulli(chance).log_prob(x.double()).sum((1, 2, 3)).mean()
    card = dict(
        experiment="PixelCNN and PixelRNN on MNIST",
        command=f"python benchmarks/autoregressive.py --epochs {args.epochs:g}",
        seeds=seeds,
        config=dict(
            epochs=args.epochs,
            steps=steps,
            batch=batch,
            optimizer="Adam",
            lr=[rate for _, rate in STAGES],
            shares=[share for share, _ in STAGES],
            precision="fp32",
            binarisation="stochastic, drawn once: x ~ Bernoulli(grey level)",
        ),
        data=dict(
            name="mnist",
            train=dict(n=len(train_data), digest=train_data.digest),
            test=dict(n=len(test), digest=test.digest),
            test_images=len(x),
        ),
        independent=dict(nats=round(alone.item(), 3), bits_per_pixel=round(bits(alone).item(), 4)),
        lonely_data=round(lonely(x).item(), 3),
        models={},
    )
    panels = [("test digits", x[:24])]
    for name, (network, sees) in networks(train_data.shape).items():
        started = time.perf_counter()
        run = train(network, train_data, steps, batch, seeds)
        seconds = time.perf_counter() - started
        nats = log_likelihood(run, x)
        noise = Noise([1000 + seed for seed in seeds])
        drawn = run.model.density.draw(args.samples, noise)
        card["models"][name] = dict(
            parameters=sum(p.numel() for p in network.parameters()),
            sees=sees,
            nats=record.summary(nats),
            bits_per_pixel=record.summary(bits(nats)),
            lonely=record.summary(lonely(drawn)),
            seconds_training=round(seconds, 1),
        )
        print(name, card["models"][name], flush=True)
        panels.append((f"{name}: samples", drawn[0][:24]))
        if name == "PixelRNN":
            halves = x[:6].repeat_interleave(3, 0)
            ends = run.model.density.draw(18, noise, given=halves, first=dimensions // 2)[0]
            rows = torch.cat([x[:6, None], ends.unflatten(0, (6, 3))], 1)
            panels.append(("given: upper half", rows.flatten(0, 1)))
        record.picture(args.name, panels, [4] * len(panels), height=2.9)
        card["environment"] = record.environment()
        print(record.write(args.name, card).name, flush=True)  # the next model takes as long again


if __name__ == "__main__":
    main()
