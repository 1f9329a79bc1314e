"""A flow that the library trains and one in plain PyTorch, on the ring: equal KL and coverage over eight seeds each."""

import math

import pytest
import torch

from ganvae_lib import Data, build, coverage, fit, ring, zoo
from ganvae_lib.measure.intervals import difference

SEEDS, WIDTH, STEPS, BATCH, RATE = 8, 64, 600, 128, 3e-3
FIRST, LAST = 1e-3, 1 - 1e-3
WORLD = ring()


class Flow:
    """Eight networks of two layers that see x_t and sines and cosines of t, and say the velocity; nothing of the library."""

    def __init__(self, seed):
        self.noise = torch.Generator().manual_seed(seed)
        sizes = (2 + 16, WIDTH, WIDTH, 2)
        uniform = lambda *shape: 2 * torch.rand(*shape, generator=self.noise) - 1
        self.parameters = []
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
            for shape in ((inputs, outputs), (1, outputs)):
                self.parameters.append((uniform(SEEDS, *shape) / math.sqrt(inputs)).requires_grad_())

    def __call__(self, x, t):
        angles = math.pi / 2 * 2.0 ** torch.arange(8) * t
        h = torch.cat((x, angles.sin(), angles.cos()), -1)
        for i in (0, 2, 4):
            h = torch.baddbmm(self.parameters[i + 1], h, self.parameters[i])
            h = torch.nn.functional.silu(h) if i < 4 else h
        return h

    def train(self, x):
        adam = torch.optim.Adam(self.parameters, lr=RATE)
        for _ in range(STEPS):
            clean = x[torch.randint(len(x), (SEEDS, BATCH), generator=self.noise)]
            epsilon = torch.randn(SEEDS, BATCH, 2, generator=self.noise)
            t = FIRST + (LAST - FIRST) * torch.rand(SEEDS, BATCH, 1, generator=self.noise)
            error = self((1 - t) * clean + t * epsilon, t) - (epsilon - clean)
            adam.zero_grad()
            error.square().sum(-1).mean(-1).sum().backward()
            adam.step()

    def walk(self, z, times):
        """Heun's steps along the times, and the integral of the divergence."""
        total = torch.zeros(z.shape[:2])
        for t, s in zip(times[:-1], times[1:], strict=True):
            here, spread = self.rates(z, t)
            there, spread_there = self.rates(z + (s - t) * here, s)
            z, total = z + (s - t) * (here + there) / 2, total + (s - t) * (spread + spread_there) / 2
        return z, total

    def rates(self, z, t):
        z = z.detach().requires_grad_()
        u = self(z, t.expand(*z.shape[:2], 1))
        slopes = [torch.autograd.grad(u[..., i].sum(), z, retain_graph=True)[0][..., i] for i in (0, 1)]
        return u.detach(), sum(slopes)

    def sample(self, n):
        z, _ = self.walk(torch.randn(SEEDS, n, 2, generator=self.noise), torch.linspace(LAST, FIRST, 51))
        with torch.no_grad():
            return z - FIRST * self(z, torch.full((SEEDS, n, 1), FIRST))

    def log_density(self, x, steps):
        z, total = self.walk((1 - FIRST) * x.expand(SEEDS, *x.shape), torch.linspace(FIRST, LAST, steps + 1))
        return -(z.square().sum(-1) / 2 + math.log(2 * math.pi)) + total + 2 * math.log(1 - FIRST)


def measured(flow):
    """KL(d ‖ g) by 500 new points, samples near a mode and modes covered, of each of eight seeds."""
    new = WORLD.sample(500, 9).float()
    kl = WORLD.log_prob(new).mean() - flow.log_density(new, 40).double().mean(-1)
    return {"KL": kl.tolist(), **{key: values.tolist() for key, values in coverage(flow.sample(2000), WORLD).items()}}


def trained(objective, data):
    model = build(objective, data, hidden=(WIDTH, WIDTH), activation="silu")
    return fit(model, data, STEPS, seeds=SEEDS, batch=BATCH, lr=RATE, device="cpu", progress=False)


@pytest.fixture(scope="module")
def data():
    return Data(WORLD.sample(4000, 0).float(), name="ring", law=WORLD)


def test_a_trained_flow_has_the_kl_and_the_coverage_of_its_twin_and_a_bound_below_the_log_likelihood(data):
    run, twin = trained(zoo.FLOW_MATCHING, data), Flow(100)
    twin.train(data.x)
    ours, theirs = measured(run), measured(twin)
    assert set(ours) == {"KL", "modes", "high quality"}
    for key in ours:
        apart = difference(ours[key], theirs[key])
        assert apart["agree"], (key, apart, ours[key], theirs[key])
    assert 0 < min(ours["KL"]) and max(ours["KL"]) < 2  # both have learned the ring, and neither is perfect
    assert difference(ours["KL"], theirs["KL"])["half_width_95"] < 0.3

    new = Data(WORLD.sample(2000, 9).float(), name="ring", law=WORLD)
    exact_value = float(WORLD.log_prob(new.x).mean())
    bound, own = run.evaluate(new)["bound (nats)"], run.log_density(new.x[:500], 40).mean(-1)
    assert (bound < exact_value).all() and (own < float(WORLD.log_prob(new.x[:500]).mean())).all()
