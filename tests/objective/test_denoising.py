"""Noise that is told, by value: one error under every name, both directions of KL, samplers and bounds of exact networks."""

import math
from dataclasses import replace

import pytest
import torch
from helpers import points, short, small
from torch import nn

from ganvae_lib import (
    Adversary,
    Data,
    Denoise,
    Distill,
    Match,
    Mixture,
    Model,
    Noise,
    exact,
    fit,
    given,
    nets,
    ring,
    zoo,
)
from ganvae_lib.distributions import (
    PATHS,
    PREDICTIONS,
    SAMPLERS,
    NoisePath,
    as_prediction,
    clean,
    flow_density,
    from_noise,
)
from ganvae_lib.exact import NoisedMixture
from ganvae_lib.measure import denoising_bound
from ganvae_lib.objective import WEIGHTS, Weight

EVERY_PATH = pytest.mark.parametrize("path", PATHS)
LINE = exact.line(-14, 14, 2801)
TWO, EVEN = (Mixture(weights, [[-1.2], [1.5]], 0.4) for weights in ([0.3, 0.7], [0.5, 0.5]))


def close(a, b, tolerance):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def minibatch(n=64, dims=2):
    g = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)
    return draw(n, dims), draw(n, dims), 0.05 + 0.9 * torch.rand(n, generator=g, dtype=torch.float64)


def denoiser():
    torch.manual_seed(0)
    return nets.Denoiser(nets.mlp((2 + nets.Denoiser.time_features,), (16,), 2, "silu"), (2,)).double()


def renamed(network, says, name, path):
    """The same network under another name: what it says converted to ``name``."""

    def told(z, t):
        return as_prediction(name, clean(says, network(z, t), z, t, path), z, t, path)

    return told


@EVERY_PATH
@pytest.mark.parametrize("weight", WEIGHTS)
def test_flow_matching_and_diffusion_of_equal_weight_have_equal_losses_and_gradients(weight, path):
    """One network, told as a velocity; under all four names the error of each example and its gradient are the same."""
    network, (x, epsilon, t) = denoiser(), minibatch()
    found = []
    for name in PREDICTIONS:
        told = network if name == "velocity" else renamed(network, "velocity", name, PATHS[path])
        error = Denoise(weight, path, name).error_at(told, x, epsilon, t)
        found.append((error.detach(), torch.autograd.grad(error.mean(), list(network.parameters()))))
    for error, slopes in found[1:]:
        close(error, found[0][0], 1e-9)
        for a, b in zip(slopes, found[0][1], strict=True):
            close(a, b, 1e-9)
    assert all(slope.abs().max() > 1e-4 for slope in found[0][1])


def test_the_errors_of_the_weights_are_those_of_the_papers():
    """(1-t)/t³ for the bound on the linear path, where flow matching counts 1/t² (the notes of chapter 20)."""
    x, epsilon, t = minibatch()
    x_hat = lambda z, t: torch.zeros_like(z)
    squares = x.square().sum(-1)
    for name, times in (
        ("x", 1 + 0 * t),
        ("velocity", t**-2),
        ("noise", ((1 - t) / t) ** 2),
        ("bound", (1 - t) / t**3),
    ):
        close(Denoise(name, "linear", "x").error_at(x_hat, x, epsilon, t), times * squares, 1e-10)


def test_a_weight_of_ones_own_counts_what_it_says(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "min-SNR", Weight(lambda t, path: path.snr(t).clamp(max=5), lambda x: "w"))
    network, (x, epsilon, t) = denoiser(), minibatch()
    found = Denoise("min-SNR", "cosine", "noise").error_at(network, x, epsilon, t)
    snr = PATHS["cosine"].snr(t)
    close(found, snr.clamp(max=5) / snr * Denoise("noise", "cosine", "noise").error_at(network, x, epsilon, t), 1e-10)


# ---------------------------------------------------------------- theta first: distillation, and an adversary under noise


def normal(mean, std, path):
    """g: one normal, with the gradient of its parameters."""
    return NoisedMixture(torch.ones(1, dtype=torch.float64), mean.reshape(1, 1), std.reshape(1), path)


def generated(theta, t, path):
    """x = mean + std z and noise at time t, with weights: an integral over both by the trapezoidal rule."""
    nodes = torch.linspace(-8, 8, 161, dtype=torch.float64)
    weights = (-nodes.square() / 2).exp()
    z, epsilon = (a.reshape(-1, 1) for a in torch.meshgrid(nodes, nodes, indexing="ij"))
    weights = (weights / weights.sum()).outer(weights / weights.sum()).flatten()
    return theta[0] + theta[1] * z, epsilon, weights, t.expand(len(z))


def pair_of(data, model, predicts, path):
    """The exact networks of both sides."""

    def told(z, t):
        t = t[0, 0]
        return tuple(as_prediction(predicts, world.denoised(z, t).detach(), z, t, path) for world in (data, model))

    return told


@EVERY_PATH
@pytest.mark.parametrize("predicts", ["x", "noise", "velocity"])
def test_distillation_with_exact_scores_descends_the_exact_reverse_kl(path, predicts):
    """At each noise level: the gradient is that of KL(g_t ‖ m_t)/SNR, by quadrature; the value is half g² times the gap."""
    tool, data, path = Distill(path, predicts), NoisedMixture.of(TWO, PATHS[path]), PATHS[path]
    theta = torch.tensor([0.4, 0.9], dtype=torch.float64, requires_grad=True)
    for level in (0.3, 0.6, 0.9):
        t = torch.tensor(level, dtype=torch.float64)
        x, epsilon, weights, times = generated(theta, t, path)
        model = normal(theta[0], theta[1], path)
        found = (weights * tool.gap_at(pair_of(data, model, predicts, path), x, epsilon, times)).sum()
        z = LINE.points[:, None]
        kl = LINE.kl(model.log_density(z, t), data.log_density(z, t))
        expected = torch.autograd.grad(kl / path.snr(t), theta)
        close(torch.autograd.grad(found, theta), expected, 1e-7)
        close(found.detach(), exact.kl_rate(model, data, LINE, t).detach(), 1e-7)


def test_an_optimal_discriminator_under_noise_pulls_by_the_difference_of_the_scores():
    """Its logit is log m_t/g_t; the reverse-KL link then has SNR times the gradient of distillation."""
    path = PATHS["cosine"]
    data, theta = NoisedMixture.of(TWO, path), torch.tensor([0.4, 0.9], dtype=torch.float64, requires_grad=True)
    t = torch.tensor(0.5, dtype=torch.float64)
    x, epsilon, weights, times = generated(theta, t, path)
    frozen = normal(*theta.detach(), path)
    noisy = path.at(x, epsilon, t)
    z = noisy.detach().requires_grad_()
    logit = lambda z: data.log_density(z, t) - frozen.log_density(z, t)
    (slope,) = torch.autograd.grad(logit(z).sum(), z)
    close(slope, data.score(z, t).detach() - frozen.score(z, t).detach(), 1e-10)

    answers = lambda noisy, time: type("Answer", (), {"logits": logit(noisy) * weights * len(weights)})
    adversary = Adversary("reverse KL").generator_loss(answers, (noisy, times[:, None]))  # -t, a mean over examples
    distilled = (weights * Distill("cosine").gap_at(pair_of(data, frozen, "velocity", path), x, epsilon, times)).sum()
    by_adversary = torch.autograd.grad(adversary, theta, retain_graph=True)[0]
    close(by_adversary, path.snr(t) * torch.autograd.grad(distilled, theta, retain_graph=True)[0], 1e-8)
    assert by_adversary.abs().min() > 1e-2


# ---------------------------------------------------------------- samplers, density and bound of exact networks


@EVERY_PATH
def test_the_flow_of_the_exact_network_keeps_quantiles_and_has_the_density(path):
    world = NoisedMixture.of(TWO, PATHS[path])
    noise = Noise(0)
    noise.normal = lambda name, *shape: torch.linspace(-2, 2, shape[0], dtype=torch.float64)[:, None]
    start = noise.normal("", 41)
    x = from_noise(world.denoised, world.path, 41, (1,), noise, 400, "heun")
    parts = torch.distributions.Normal(TWO.means.double()[:, 0], 0.4)
    below = (TWO.weights.double() * parts.cdf(x)).sum(-1)
    close(below, torch.distributions.Normal(0.0, 1.0).cdf(start[:, 0]), 3e-3)
    density = flow_density(world.denoised, world.path, x, 1, 400)
    close(density, TWO.log_prob(x).double(), 1e-2)
    for sampler, tolerance in (("euler", 3e-2), ("ddim", 3e-2)):  # of first order
        close(from_noise(world.denoised, world.path, 41, (1,), noise, 400, sampler), x, tolerance)


def test_the_density_along_the_flow_is_of_second_order():
    """Twice as many steps, a quarter of the error."""
    world, x = NoisedMixture.of(TWO, PATHS["cosine"]), torch.linspace(-2, 2, 21, dtype=torch.float64)[:, None]
    finest, *others = (flow_density(world.denoised, world.path, x, 1, steps) for steps in (2000, 100, 200))
    coarse, fine = ((found - finest).abs().mean() for found in others)
    assert 3.5 < coarse / fine < 5


@EVERY_PATH
def test_ancestral_steps_of_the_exact_network_have_the_same_law(path):
    world = NoisedMixture.of(TWO, PATHS[path])
    float64 = Noise(3)
    draw = float64.normal
    float64.normal = lambda name, *shape: draw(name, *shape).double()
    x = from_noise(world.denoised, world.path, 4000, (1,), float64, 300, "ancestral").sort(0).values
    parts = torch.distributions.Normal(TWO.means.double()[:, 0], 0.4)
    below = (TWO.weights.double() * parts.cdf(x)).sum(-1)
    assert (below - (torch.arange(4000) + 0.5) / 4000).abs().max() < 1.63 / math.sqrt(4000)  # Kolmogorov's 1 %


class Exact(nn.Module):
    """The best network for a mixture, in the place of a trained one."""

    def __init__(self, world, predicts):
        super().__init__()
        self.world, self.predicts, self.shape = world, predicts, tuple(world.means.shape[1:])
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z, time):
        flat, t = z.double().flatten(0, -2), time.double().flatten()
        x = torch.func.vmap(self.world.denoised)(flat, t)
        said = as_prediction(self.predicts, x, flat, t[:, None], self.world.path)
        return said.reshape(z.shape).to(z.dtype)


@EVERY_PATH
def test_the_bound_of_the_exact_network_is_tight_and_that_of_another_is_below(path):
    """Over eight draws of times and noise the bound is within four standard errors of the log-likelihood."""
    x = TWO.sample(4000, 0)
    truth = float(TWO.log_prob(x).mean())
    objective = Match("x", Denoise("velocity", path, "velocity"))
    models = [
        Model(objective, {"denoiser_x": Exact(NoisedMixture.of(law, PATHS[path]), "velocity")}, nets.StandardNormal(1))
        for law in (TWO, EVEN)
    ]
    bounds = [torch.cat([denoising_bound(m, Data(x), seed=seed) for seed in range(8)]) for m in models]
    error = float(bounds[0].std()) / math.sqrt(8)
    assert error < 0.01 and abs(float(bounds[0].mean()) - truth) < 4 * error + 2e-3
    # A model with parts of equal weight costs KL(0.3, 0.7 ‖ 0.5, 0.5) nats, as the parts hardly overlap.
    cost = 0.3 * math.log(0.3 / 0.5) + 0.7 * math.log(0.7 / 0.5)
    assert float(bounds[1].mean()) == pytest.approx(truth - cost, abs=0.03)


def test_a_path_that_does_not_end_in_noise_costs_the_divergence_of_its_end(monkeypatch):
    """At its last time the data's law is not N(0, 1): by KL(m_1 ‖ N(0, 1)) the bound is lower."""
    halves = (lambda t: 1 - t / 2, lambda t: t, lambda t: -torch.ones_like(t) / 2, torch.ones_like)
    path = NoisePath("half", *halves, "", "")
    monkeypatch.setitem(PATHS, "half", path)
    world, x = NoisedMixture.of(TWO, path), TWO.sample(4000, 0)
    model = Model(Match("x", Denoise("x", "half", "x")), {"denoiser_x": Exact(world, "x")}, nets.StandardNormal(1))
    z, last = LINE.points[:, None], torch.tensor(0.999, dtype=torch.float64)
    end = float(LINE.kl(world.log_density(z, last), torch.distributions.Normal(0.0, 1.0).log_prob(LINE.points)))
    bound = torch.cat([denoising_bound(model, Data(x), seed=seed) for seed in range(8)])
    assert end > 0.05 and float(bound.mean()) == pytest.approx(float(TWO.log_prob(x).mean()) - end, abs=0.02)


def test_the_bound_of_a_trained_network_is_below_the_exact_log_likelihood():
    data = points(2000)
    run = short(small(zoo.FLOW_MATCHING, data, hidden=(64, 64)), data, steps=300, seeds=2, batch=128, log_every=100)
    exact_value = float(ring().log_prob(data.x).mean())
    scores = run.evaluate(data)
    assert (scores["bound (nats)"] < exact_value).all() and (scores["bound (nats)"] > exact_value - 8).all()
    assert (run.log_density(data.x[:200], 20).mean(1) < exact_value + 0.3).all()
    assert "bits per dimension" not in scores


# ---------------------------------------------------------------- runs


def test_guidance_moves_away_from_what_is_told_without_the_label():
    data = Data(points().x, (points().x[:, 0] > 0).long(), name="halves")
    run = fit(small(given(zoo.DIFFUSION), data), data, 60, batch=64, seeds=2, device="cpu", progress=False)
    labels = [0, 1, 1, 0]
    plain, moved = (run.sample(labels=labels, guidance=w, steps=1, sampler="ddim") for w in (None, 2.0))
    assert torch.equal(plain, run.sample(labels=labels, guidance=0.0, steps=1, sampler="ddim"))
    z, path = Noise([0, 0]).normal("noise to begin with", 4, 2), PATHS["variance preserving"]

    def x_hat(z, t, labels):
        time = torch.full((2, 4, 1), t)
        said = run.model.networks["denoiser_x"](z, time, labels=torch.tensor(labels).expand(2, 4))
        return clean("noise", said, z, torch.tensor(t), path)

    def guided(z, t):
        x, without = x_hat(z, t, labels), x_hat(z, t, [-1] * 4)
        return x + 2.0 * (x - without)

    with torch.no_grad():
        x = guided(z, 0.999)
        z = path.at(x, as_prediction("noise", x, z, torch.tensor(0.999), path), torch.tensor(0.001))
        torch.testing.assert_close(moved, guided(z, 0.001), rtol=1e-4, atol=1e-4)


def test_labels_are_kept_back_as_often_as_said():
    data = Data(points().x, (points().x[:, 0] > 0).long(), name="halves")
    seen = []
    for drop in (0.0, 0.3, 1.0):
        model = small(given(Match("x", Denoise(drop=drop))), data)
        network = model.networks["denoiser_x"]
        append = type(network).append_labels
        network.append_labels = lambda x, labels, append=append, network=network: (
            seen.append(labels) or append(network, x, labels)
        )
        short(model, data, steps=20, batch=128)
    shares = [float((torch.stack(seen[i : i + 20]) == -1).float().mean()) for i in (0, 20, 40)]
    assert shares[0] == 0 and abs(shares[1] - 0.3) < 0.04 and shares[2] == 1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_is_sampled_by_every_sampler_and_each_copy_as_alone(sampler):
    run = short(small(zoo.DIFFUSION, points()), steps=5, seeds=[3, 5])
    x = run.sample(7, sampler=sampler, steps=6)
    assert x.shape == (2, 7, 2) and torch.equal(x, run.sample(7, sampler=sampler, steps=6))
    assert not torch.equal(x, run.sample(7, seed=1, sampler=sampler, steps=6))
    alone = short(small(zoo.DIFFUSION, points()), steps=5, seeds=[5])
    torch.testing.assert_close(alone.sample(7, sampler=sampler, steps=6)[0], x[1], rtol=1e-3, atol=1e-3)


def test_a_model_with_a_decoder_is_sampled_by_it_unless_a_sampler_is_named():
    both = short(small(zoo.VAE + zoo.DIFFUSION, points()), steps=2)
    z = Noise(0).normal("sample z", 4, 3)
    assert torch.equal(both.sample(4), both.sample(z=z))
    assert not torch.equal(both.sample(4), both.sample(4, sampler="heun"))
    assert torch.equal(both.sample(4, sampler="heun"), both.sample(4, steps=50))


def test_what_has_no_meaning_is_refused():
    run = short(small(zoo.GAN, points()), steps=1)
    with pytest.raises(TypeError, match="tells no noise; leave out sampler, steps and guidance"):
        run.sample(3, steps=10)
    with pytest.raises(TypeError, match="tells no noise in x"):
        run.log_density(points().x[:3])
    run = short(small(zoo.DIFFUSION, points()), steps=1)
    with pytest.raises(ValueError, match="sampler"):
        run.sample(3, sampler="rk45")
    with pytest.raises(ValueError, match="guidance leads to a label"):
        run.sample(3, guidance=1.0)
    for wrong in (dict(z=[[0.0, 0.0]]), dict(n=2, mean=True)):
        with pytest.raises(TypeError, match="goes from noise to x without a code; leave out z and mean"):
            run.sample(**wrong)
    with pytest.raises(ValueError, match="steps must be a whole number"):
        run.sample(3, steps=0)
    for tool in (Denoise(), Distill()):
        with pytest.raises(ValueError, match="no sample of one thing, made by one player"):
            Match("xz", tool)
    with pytest.raises(ValueError, match="cannot be told a label: distillation sees no label"):
        given(zoo.DMD)
    for wrong in (dict(weight="variance"), dict(path="sine"), dict(predicts="mean"), dict(drop=2)):
        with pytest.raises(ValueError):
            Denoise(**wrong)
    with pytest.raises(ValueError):
        Distill(predicts="score")


def test_a_network_and_what_it_says_are_fields_of_the_saved_objective():
    assert replace(Denoise(), predicts="x") == Denoise(predicts="x") != Denoise()
