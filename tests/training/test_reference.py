"""The VAE and the GANs against plain PyTorch: nn.Linear modules, formulas written out, Adam as it comes, an own loop.

Weights, minibatches and noise are the library's; everything else is independent. On MNIST when GANVAE_DATA names a
folder that holds it, else on binary noise of the same size.
"""

import os

import pytest
import torch
from helpers import KEPT, drift
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganvae_lib import Data, Noise, build, fit, load, zoo
from ganvae_lib.training.batches import Batches

SEED, STEPS, BATCH = 3, 50, 64


@pytest.fixture(scope="module")
def data():
    if os.environ.get("GANVAE_DATA"):
        return load("mnist", binarize="threshold")
    g = torch.Generator().manual_seed(0)
    grey = torch.rand(1, 1, 28, 28, generator=g) * torch.rand(1000, 1, 1, 1, generator=g)
    return Data((torch.rand(1000, 1, 28, 28, generator=g) < grey).float(), name="binary noise")


def plain(network):
    """An ordinary nn.Sequential with the same weights as the trunk of a library's network."""
    layers = []
    for part in network.trunk:
        if isinstance(part, nn.Linear):
            layers.append(nn.Linear(part.in_features, part.out_features))
            with torch.no_grad():
                layers[-1].weight.copy_(part.weight)
                layers[-1].bias.copy_(part.bias)
        elif isinstance(part, (nn.ReLU, nn.LeakyReLU)):
            layers.append(type(part)(*([0.2] if isinstance(part, nn.LeakyReLU) else [])))
    return nn.Sequential(*layers)


def adam(*networks, **options):
    return torch.optim.Adam([p for n in networks for p in n.parameters()], fused=False, foreach=False, **options)


def vae(model, batches, noise):
    encoder, decoder = plain(model.encoder), plain(model.decoder)
    optimizer = adam(encoder, decoder, lr=1e-3)
    for _ in range(STEPS):
        x = batches.next()[0].view(BATCH, 784)
        mu, logvar = encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * noise.normal("z from x", BATCH, 20)
        reconstruction = bce(decoder(z), x, reduction="sum") / BATCH
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / BATCH
        optimizer.zero_grad()
        (reconstruction + kl).backward()
        optimizer.step()
        yield {"reconstruct x": reconstruction, "match z": kl}


def gan(model, batches, noise):
    generator, discriminator = plain(model.decoder), plain(model.discriminator_x)
    optimizer_g, optimizer_d = (adam(n, lr=2e-4, betas=(0.5, 0.999)) for n in (generator, discriminator))
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    for _ in range(STEPS):
        x = batches.next()[0].view(BATCH, 784)
        fake = torch.sigmoid(generator(noise.normal("z", BATCH, 20)))
        optimizer_d.zero_grad()
        loss_d = bce(discriminator(x), ones) + bce(discriminator(fake.detach()), zeros)
        loss_d.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_g = bce(discriminator(fake), ones)
        loss_g.backward()
        optimizer_g.step()
        yield {"match x, discriminator": loss_d, "match x": loss_g}


def wgan_gp(model, batches, noise):
    generator, critic = plain(model.decoder), plain(model.discriminator_x)
    optimizer_g, optimizer_c = (adam(n, lr=2e-4, betas=(0.5, 0.999)) for n in (generator, critic))
    for _ in range(STEPS // 5):
        # A step's last critic update uses the minibatch that was drawn first, and the generator its codes.
        last = batches.next()[0].view(BATCH, 784)
        for x in [*(batches.next()[0].view(BATCH, 784) for _ in range(4)), last]:
            fake = torch.sigmoid(generator(noise.normal("z", BATCH, 20)))
            u = noise.uniform("segment", BATCH).view(BATCH, 1)
            between = (u * x + (1 - u) * fake.detach()).requires_grad_(True)
            slopes = torch.autograd.grad(critic(between), between, torch.ones(BATCH, 1), create_graph=True)[0]
            penalty = 10 * ((slopes.norm(2, dim=1) - 1) ** 2).mean()
            loss_c = critic(fake.detach()).mean() - critic(x).mean() + penalty
            optimizer_c.zero_grad()
            loss_c.backward()
            optimizer_c.step()
        loss_g = -critic(fake).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        yield {"match x, discriminator": loss_c, "match x": loss_g}


@pytest.mark.parametrize(
    "objective, hidden, twin, seeds",
    [
        (zoo.VAE, (400,), vae, [SEED]),
        (zoo.VAE, (400,), vae, [1, SEED]),
        (zoo.GAN, (256,), gan, [SEED]),
        (zoo.GAN, (256,), gan, [1, SEED]),
        (zoo.WGAN_GP, (64,), wgan_gp, [SEED]),
    ],
    ids=["VAE", "VAE stacked", "GAN", "GAN stacked", "WGAN-GP"],
)
def test_losses_equal_those_of_plain_pytorch(objective, hidden, twin, seeds, data):
    model = build(objective, data, hidden=hidden)
    noise = Noise(SEED)
    reference = list(twin(model.copies(SEED), Batches([data.x], BATCH, noise), noise))
    run = fit(model, data, len(reference), batch=BATCH, seeds=seeds, log_every=1)
    for key in run.history:
        by_hand = torch.stack([losses[key].detach() for losses in reference]).double()
        assert drift(run.history[key][:, -1], by_hand) < KEPT, key
