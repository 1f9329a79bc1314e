"""The failures of chapter 10's gallery still fail, and their cures still cure: smaller versions, four seeds each."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ganvae_lib import Adversary, Batch, Data, Match, Model, Noise, build, coverage, fit, load, nets, zoo

SEEDS = 4


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def ring():
    return load("ring")


def test_a_fast_generator_collapses_and_a_fast_discriminator_cures_it(ring):
    def modes(theta, phi):
        run = fit(
            build(zoo.GAN, ring, hidden=(64, 64)),
            ring,
            steps=300,
            batch=64,
            seeds=SEEDS,
            betas=(0.0, 0.9),
            lr={"theta": theta, "phi": phi},
        )
        return coverage(run.sample(1000), ring.law)["modes"]

    assert (modes(5e-3, 5e-4) <= 2).sum() >= SEEDS - 1
    assert (modes(1e-3, 5e-3) >= 5).sum() >= SEEDS - 1


def test_minimax_saturates_before_a_discriminator_that_is_ahead(ring):
    def relative(steps):
        run = fit(
            build(zoo.GAN, ring, hidden=(64, 64)),
            ring,
            steps=steps,
            batch=128,
            seeds=SEEDS,
            lr={"theta": 0.0, "phi": 2e-3},
            betas=(0.0, 0.9),
        )
        lengths = []
        for link in ("minimax", "non-saturating"):
            phase = Match("x", Adversary(link)).phases()[1]
            batch = Batch(run.model, ring.x[:256].expand(SEEDS, -1, -1), Noise(list(range(SEEDS))))
            gradients = torch.autograd.grad(phase.total(phase.losses(batch)).sum(), run.model.of(("theta",)))
            lengths.append(sum(g.flatten(1).square().sum(1) for g in gradients).sqrt())
        return lengths[0] / lengths[1]

    assert (relative(1) > 0.5).all() and (relative(100) < 0.1).all()


def test_directions_below_the_decoders_noise_get_no_code():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(3000, 4, generator=draw) * torch.tensor([8.0, 2.0, 0.5, 0.125]).sqrt()
    data = Data(x, None, "four directions")

    def collapsed(sigma):
        model = build(zoo.VAE, data, latent=4, hidden=(), observation="gaussian", scale=sigma)
        run = fit(model, data, steps=400, batch=128, seeds=SEEDS, lr=2e-2)
        with torch.no_grad():
            q = run.model.encoder(x.expand(SEEDS, -1, -1)).base_dist
        return (kl_divergence(q, Normal(0.0, 1.0)).mean(1) < 0.02).sum(-1)

    assert (collapsed(1.0) == 2).all()  # 0.5 and 0.125 are less than 1
    assert (collapsed(0.4) == 1).all()  # of the two only 0.125 is less than 0.16


def growth(momentum, decay, steps=300, rate=0.2, width=0.1):
    """How much farther from the solution two players are at the end of their path than at its beginning."""
    seeds = list(range(SEEDS))
    networks = {
        "decoder": nets.Decoder(nets.Linear(1, 1), nets.PointPixels(), (1,)),
        "discriminator_x": nets.Discriminator(nets.Linear(1, 1)),
    }
    game, noise = Model(zoo.GAN, networks, nets.StandardNormal(1)).copies(seeds), Noise(seeds)
    generator, critic = game.decoder.trunk, game.discriminator_x.trunk
    with torch.no_grad():
        generator.weight.fill_(width)
        generator.bias.copy_(0.3 * noise.normal("start", 1))
        critic.weight.fill_(0.3)
        critic.bias.zero_()
    movers = (critic.weight, generator.bias)
    speed, radius = [torch.zeros_like(p) for p in movers], []
    for _ in range(steps):
        radius.append((generator.bias.flatten() ** 2 + critic.weight.flatten() ** 2).sqrt().detach())
        batch = Batch(game, width * noise.normal("data", 64, 1), noise)
        for i, phase in enumerate(zoo.GAN.phases()):
            (slope,) = torch.autograd.grad(phase.total(phase.losses(batch)).sum(), movers[i])
            speed[i] = momentum * speed[i] + (1 - momentum) * slope
            with torch.no_grad():
                movers[i].sub_(rate * (speed[i] + (decay * movers[i] if i == 0 else 0)))
            batch.moved(phase.players)
    radius, n = torch.stack(radius), steps // 4
    return radius[-n:].mean(0) / radius[:n].mean(0)


def test_momentum_drives_the_players_apart_and_a_flat_critic_brings_them_in():
    assert (growth(momentum=0.9, decay=0.0) > 1.5).all()
    assert (growth(momentum=0.0, decay=0.3) < 0.3).all()


def test_a_discriminator_learns_few_digits_by_heart():
    unseen = load("digits", split="test")

    def gap(fraction):
        few = load("digits", fraction=fraction)
        run = fit(
            build(zoo.GAN, few, latent=16, hidden=(128,)),
            few,
            steps=400,
            batch=32,
            seeds=SEEDS,
            lr=1e-3,
            betas=(0.0, 0.9),
        )
        with torch.no_grad():
            shares = [
                (run.model.discriminator_x(d.x.expand(SEEDS, *d.x.shape)).logits > 0).double().mean(-1)
                for d in (few, unseen)
            ]
        return shares[0] - shares[1]

    assert (gap(0.03) > 0.1).sum() >= SEEDS - 1
    assert (gap(1.0).abs() < 0.1).sum() >= SEEDS - 1
