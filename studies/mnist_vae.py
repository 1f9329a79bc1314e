"""A VAE (784-400-20) on MNIST at full scale, four seeds, beside a plain PyTorch loop that shares no code with it.

    python -m ganvae_lib study mnist_vae            # 20 epochs, about 10 minutes on one CPU thread

Each pixel of each image is binarised once, by a draw from Bernoulli(grey level). It is our draw, not the file that some
papers share, so figures compare with theirs to a few tenths of a nat. The series ``curve`` is the training ELBO,
averaged over each epoch; the picture shows reconstructions and samples of seed 0.
"""

import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

from ganvae_lib import build, fit, metrics, zoo
from ganvae_lib.experiments import Study, Trial, by_seed
from studies.measures import decoded_means, side_by_side, train_and_test

IMAGES = 1000  # test images of the importance-weighted bound
DRAWS = 1000  # its samples per image


class Plain(nn.Module):
    """The reference: the VAE of Kingma and Welling (2014) as it is usually written."""

    def __init__(self, hidden: int = 400, latent: int = 20):
        super().__init__()
        self.encoder_hidden = nn.Linear(784, hidden)
        self.mean_and_logvar = nn.Linear(hidden, 2 * latent)
        self.decoder_hidden = nn.Linear(latent, hidden)
        self.pixel_logits = nn.Linear(hidden, 784)

    def encode(self, x):
        return self.mean_and_logvar(F.relu(self.encoder_hidden(x))).chunk(2, dim=1)

    def decode(self, z):
        return self.pixel_logits(F.relu(self.decoder_hidden(z)))

    def loss(self, x):
        mean, logvar = self.encode(x)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        nll = F.binary_cross_entropy_with_logits(self.decode(z), x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        return (nll + kl) / len(x)

    @torch.no_grad()
    def bounds(self, x, k: int) -> dict[str, float]:
        """Mean ELBO and importance-weighted bound with k samples, one image at a time."""
        elbo = iwae = 0.0
        for image in x:
            mean, logvar = self.encode(image[None])
            noise = torch.randn(k, mean.shape[1])
            z = mean + torch.exp(0.5 * logvar) * noise
            log_px = -F.binary_cross_entropy_with_logits(self.decode(z), image.expand(k, -1), reduction="none").sum(1)
            # The constants of the two normals cancel.
            log_weights = (log_px - 0.5 * (z**2).sum(1) + 0.5 * (noise**2).sum(1) + 0.5 * logvar.sum()).double()
            elbo += log_weights.mean().item()
            iwae += (torch.logsumexp(log_weights, 0) - math.log(k)).item()
        return {"elbo_subset": elbo / len(x), "iwae": iwae / len(x)}


def plain(x: torch.Tensor, world, seed: int, steps: int, batch: int) -> dict:
    """The usual loop; what it measures, with its mean ELBO by epoch."""
    torch.manual_seed(10_000 + seed)  # any stream but the library's
    model = Plain()
    losses = []
    steps_per_epoch = len(x) // batch
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(steps):
        position = step % steps_per_epoch
        if position == 0:
            order = torch.randperm(len(x))
        loss = model.loss(x[order[position * batch : (position + 1) * batch]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    curve = [-losses_of_epoch.mean().item() for losses_of_epoch in torch.stack(losses).split(steps_per_epoch)]
    test, subset = world.test.x.flatten(1), world.subset.x.flatten(1)
    with torch.no_grad():
        elbo = sum(-model.loss(test).item() for _ in range(10)) / 10
    return {"elbo": elbo, **model.bounds(subset, DRAWS), "train_elbo_last_epoch": curve[-1], "curve": curve}


def prepare(world) -> dict:
    chosen = torch.randperm(len(world.test), generator=torch.Generator().manual_seed(0))[:IMAGES]
    subset = replace(world.test, x=world.test.x[chosen], y=world.test.y[chosen])
    return {"subset": subset, "facts": {"images": IMAGES, "k": DRAWS}}


def train(trial, world, seeds):
    steps, batch = trial.training["steps"], trial.training["batch"]
    if trial.about["loop"] == "plain":  # measured at once, as its random numbers go on from its training's
        rows = [plain(world.train.x.flatten(1), world, seed, steps, batch) for seed in seeds]
        return SimpleNamespace(seeds=seeds, scores=by_seed(rows))
    model = build(trial.objective, world.train, **trial.networks)
    steps_per_epoch = len(world.train) // batch
    return fit(model, world.train, steps, batch=batch, seeds=seeds, device="cpu", log_every=steps_per_epoch)


def measure(run, world) -> dict:
    if hasattr(run, "scores"):
        return run.scores
    curve = -(run.history["reconstruct x"] + run.history["match z"])
    return {
        "elbo": sum(metrics.elbo(run.model, world.test, seed=i) for i in range(10)) / 10,
        "elbo_subset": sum(metrics.elbo(run.model, world.subset, seed=i) for i in range(20)) / 20,
        "iwae": metrics.iwae(run.model, world.subset, DRAWS),
        "train_elbo_last_epoch": curve[-1],
        "curve": curve.T,
    }


def panels(name: str, run, world) -> dict:
    if name != "library":
        return {}
    x = world.test.x[:24]
    reconstructed = decoded_means(run, x)[0]
    # Three rows of eight digits, each above the row of their reconstructions.
    rows = torch.stack([x.view(3, 8, 1, 28, 28), reconstructed.view(3, 8, 1, 28, 28)], 1).flatten(0, 2)
    return {"test digits, reconstructions below": rows, "samples: means of p(x|z)": run.sample(48, mean=True)[0]}


STUDY = Study(
    "VAE on MNIST",
    {"library": Trial(zoo.VAE, about={"loop": "fit"}), "reference": Trial(zoo.VAE, about={"loop": "plain"})},
    data=partial(train_and_test, "mnist", binarize="sample"),
    prepare=prepare,
    train=train,
    measure=measure,
    words={
        "elbo": "the ELBO on the test set, nats per image: true ones, negative",
        "elbo_subset": "the same on the test images of the next bound",
        "iwae": "the importance-weighted bound with k samples, on a random part of the test images",
        "train_elbo_last_epoch": "the ELBO while training, mean over the last epoch",
    },
    notes={"network": "784-400-20", "binarisation": "stochastic, drawn once: x ~ Bernoulli(grey level)"},
    networks=dict(latent=20, hidden=(400,)),
    training=dict(batch=128),
    steps=20 * 468,  # 20 epochs
    seeds=range(4),
    pairs=[("library", "reference")],
    panels=panels,
    picture=partial(side_by_side, columns=8),
)
