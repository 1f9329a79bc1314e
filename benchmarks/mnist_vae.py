"""A VAE (784-400-20) on MNIST at full scale, four seeds, beside a plain PyTorch loop that shares no code with it.

    python benchmarks/mnist_vae.py                 # 20 epochs, about 10 minutes on one CPU thread
    python benchmarks/mnist_vae.py --epochs 1 --test 200 --k 50 --name trial

Binarisation: stochastic and fixed. Each pixel of each image is drawn once from Bernoulli(grey level); train and test
keep that draw. It is our draw, not the file that some papers share, so figures compare with theirs to a few tenths of a
nat.

Writes results/mnist_vae.png (reconstructions and samples of seed 0) and results/mnist_vae.json:

    experiment, command, seeds [4]
    config           network, latent, epochs, steps, batch, optimizer, lr, binarisation, precision
    data             name, train and test: {n, digest}; iwae_images: how many test images the IWAE bound was taken on
    library          elbo, elbo_subset, iwae: {values [4], mean, half_width_95}, in nats per image (true ones, negative)
                     train_elbo_last_epoch: the same for the learning curve's end; seconds_training, seconds_evaluation
    reference        the same keys, from the plain loop with random numbers of its own
    difference       elbo, elbo_subset, iwae: {mean, half_width_95, agree}: library minus reference, Welch's interval
    curve            epochs [n], elbo_train [n][4]: the library's training ELBO, averaged over each epoch
    environment      versions, processor, threads

``elbo`` is on the whole test set; ``elbo_subset`` and ``iwae`` (k = 1000) on the same random test images.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace

import record
import torch
from torch import nn
from torch.nn import functional as F

from ganvae_lib import build, fit, load, metrics, zoo


class Plain(nn.Module):
    """The reference: the VAE of Kingma and Welling (2014) as it is usually written."""

    def __init__(self, hidden: int = 400, latent: int = 20):
        super().__init__()
        self.inner, self.code = nn.Linear(784, hidden), nn.Linear(hidden, 2 * latent)
        self.outer, self.pixels = nn.Linear(latent, hidden), nn.Linear(hidden, 784)

    def encode(self, x):
        return self.code(F.relu(self.inner(x))).chunk(2, dim=1)

    def decode(self, z):
        return self.pixels(F.relu(self.outer(z)))

    def loss(self, x):
        mean, logvar = self.encode(x)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        nll = F.binary_cross_entropy_with_logits(self.decode(z), x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        return (nll + kl) / len(x)

    @torch.no_grad()
    def bounds(self, x, k: int, chunk: int = 100) -> tuple[float, float]:
        """Mean ELBO and importance-weighted bound with k samples, one image at a time."""
        elbo = iwae = 0.0
        for image in x:
            mean, logvar = self.encode(image[None])
            logs = []
            for start in range(0, k, chunk):
                e = torch.randn(min(chunk, k - start), mean.shape[1])
                z = mean + torch.exp(0.5 * logvar) * e
                log_px = -F.binary_cross_entropy_with_logits(
                    self.decode(z), image.expand(len(z), -1), reduction="none"
                ).sum(1)
                # the constants of the two normals cancel
                logs.append(log_px - 0.5 * (z**2).sum(1) + 0.5 * (e**2).sum(1) + 0.5 * logvar.sum())
            logs = torch.cat(logs).double()
            elbo += logs.mean().item()
            iwae += (torch.logsumexp(logs, 0) - math.log(k)).item()
        return elbo / len(x), iwae / len(x)


def reference(seed: int, train, test, chosen, epochs: int, batch: int, k: int) -> dict:
    torch.manual_seed(10_000 + seed)  # any stream but the library's
    model, started = Plain(), time.perf_counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        last = []
        order = torch.randperm(len(train))
        for i in range(0, len(train) - batch + 1, batch):
            loss = model.loss(train[order[i : i + batch]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            last.append(loss.detach())
    trained = time.perf_counter()
    with torch.no_grad():
        whole = sum(-model.loss(test).item() for _ in range(10)) / 10
    subset, iwae = model.bounds(test[chosen], k)
    return dict(
        elbo=whole,
        elbo_subset=subset,
        iwae=iwae,
        train_elbo_last_epoch=-torch.stack(last).mean().item(),
        seconds_training=trained - started,
        seconds_evaluation=time.perf_counter() - trained,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--test", type=int, default=1000, help="test images for the IWAE bound")
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--name", default="mnist_vae", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, batch = list(range(args.seeds)), 128

    train, test = (load("mnist", split=split, binarize="sample") for split in ("train", "test"))
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[: args.test]
    subset = replace(test, x=test.x[chosen], y=test.y[chosen])
    per_epoch = len(train) // batch
    model = build(zoo.VAE, train, latent=20, hidden=(400,))

    started = time.perf_counter()
    run = fit(
        model,
        train,
        steps=args.epochs * per_epoch,
        batch=batch,
        seeds=seeds,
        device="cpu",
        precision=args.precision,
        log_every=per_epoch,
    )
    trained = time.perf_counter()
    curve = -(run.history["reconstruct x"] + run.history["match z"])
    print(f"trained {len(seeds)} seeds in {trained - started:.0f} s; last epoch {curve[-1].tolist()}", flush=True)
    library = dict(
        elbo=record.summary(sum(metrics.elbo(run.model, test, seed=i) for i in range(10)) / 10),
        elbo_subset=record.summary(sum(metrics.elbo(run.model, subset, seed=i) for i in range(20)) / 20),
        iwae=record.summary(metrics.iwae(run.model, subset, args.k)),
        train_elbo_last_epoch=record.summary(curve[-1]),
        seconds_training=round(trained - started, 1),
        seconds_evaluation=round(time.perf_counter() - trained, 1),
    )
    print(library, flush=True)
    with torch.no_grad():
        model0 = run.model.single(0) if len(seeds) > 1 else run.model
        again = model0.decoder(model0.encoder(test.x[:24]).mean).mean
    rows = torch.stack([test.x[:24].view(3, 8, 1, 28, 28), again.view(3, 8, 1, 28, 28)], 1).flatten(0, 2)
    samples = run.sample(48, mean=True)[0]
    panels = [("test digits, reconstructions below", rows), ("samples: means of p(x|z)", samples)]
    record.picture(args.name, panels, [8, 8])

    card = dict(
        experiment="VAE on MNIST",
        command=f"python benchmarks/mnist_vae.py --epochs {args.epochs}",
        seeds=seeds,
        config=dict(
            network="784-400-20",
            latent=20,
            epochs=args.epochs,
            steps=args.epochs * per_epoch,
            batch=batch,
            optimizer="Adam",
            lr=1e-3,
            binarisation="stochastic, drawn once: x ~ Bernoulli(grey level)",
            precision=args.precision,
            k=args.k,
        ),
        data=dict(
            name="mnist",
            train=dict(n=len(train), digest=train.digest),
            test=dict(n=len(test), digest=test.digest),
            iwae_images=len(subset),
        ),
        library=library,
        curve=dict(
            epochs=[s // per_epoch for s in run.history.steps],
            elbo_train=[[round(v, 3) for v in p] for p in curve.tolist()],
        ),
        environment=record.environment(),
    )
    record.write(args.name, card)  # the reference follows, and takes as long again

    rows, keys = [], ("elbo", "elbo_subset", "iwae", "train_elbo_last_epoch")
    for seed in seeds:
        rows.append(reference(seed, train.x.flatten(1), test.x.flatten(1), chosen, args.epochs, batch, args.k))
        print("reference", seed, rows[-1], flush=True)
    card["reference"] = {key: record.summary(row[key] for row in rows) for key in keys}
    card["reference"] |= {
        key: round(sum(row[key] for row in rows), 1) for key in ("seconds_training", "seconds_evaluation")
    }
    card["difference"] = {
        key: record.difference(library[key]["values"], card["reference"][key]["values"]) for key in keys[:3]
    }
    print(card["difference"], record.write(args.name, card).name)


if __name__ == "__main__":
    main()
