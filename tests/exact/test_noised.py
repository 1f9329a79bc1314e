"""Diffusion in closed form: every identity on random mixtures, by a way of its own, and a falsehood for each."""

import math

import pytest
import torch
from torch.distributions import Normal

from ganvae_lib import Mixture, exact, mixture1d
from ganvae_lib.distributions.paths import PATHS, PREDICTIONS, as_prediction, clean
from ganvae_lib.exact.noised import NoisedMixture, kl_rate, random_noised_mixtures

LINE = exact.line(-16, 16, 3001)
EVERY_PATH = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
TIMES = [torch.tensor(t, dtype=torch.float64) for t in (0.15, 0.4, 0.7)]


def worlds(path, n, seed=0, **sizes):
    return random_noised_mixtures(path, n, seed, **sizes)


def pairs(path, n):
    return list(zip(worlds(path, n), worlds(path, n, seed=1), strict=True))


def derivative(f, t):
    return torch.func.jacrev(f)(t)


def close(a, b, tolerance=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


@EVERY_PATH
def test_the_derivatives_of_a_path_are_its_derivatives(path):
    for t in TIMES:
        close(path.d_alpha(t), derivative(path.alpha, t), 1e-12)
        close(path.d_sigma(t), derivative(path.sigma, t), 1e-12)
        close(path.log_snr_rate(t), derivative(lambda s: path.snr(s).log(), t), 1e-11)
        close(path.diffusion(t), -(path.sigma(t) ** 2) * path.log_snr_rate(t), 1e-11)


@EVERY_PATH
def test_the_score_is_the_gradient_of_the_log_density_and_the_density_integrates_to_one(path):
    for t in TIMES:
        for world in worlds(path, 8) + worlds(path, 4, dimensions=2):
            z = torch.linspace(-3, 3, 14, dtype=torch.float64).reshape(-1, world.means.shape[1]).requires_grad_()
            (slope,) = torch.autograd.grad(world.log_density(z, t).sum(), z)
            close(world.score(z, t), slope)
            if world.means.shape[1] == 1:
                LINE.density(world.log_density(LINE.points[:, None], t))


@EVERY_PATH
def test_tweedie(path):
    """E[x|z], by quadrature over x, is (z + σ² score)/α; 200 random mixtures over the three paths."""
    z = torch.tensor([-1.7, -0.2, 0.6, 2.1], dtype=torch.float64)
    x = LINE.points
    for number, world in enumerate(worlds(path, 67)):
        t = TIMES[number % 3]
        alpha, sigma = path.alpha(t), path.sigma(t)
        data = (world.weights * Normal(world.means[:, 0], world.stds).log_prob(x[:, None]).exp()).sum(-1)
        posterior = data * Normal(alpha * x, sigma).log_prob(z[:, None]).exp()
        mean = LINE.integrate(posterior * x) / LINE.integrate(posterior)
        close(world.denoised(z[:, None], t)[:, 0], mean)
        by_score = (z[:, None] + sigma**2 * world.score(z[:, None], t)) / alpha
        close(by_score[:, 0], mean)
        assert (by_score[:, 0] / sigma - mean).abs().max() > 1e-3  # without the factor it is not


@EVERY_PATH
def test_denoising_is_score_matching_up_to_a_constant(path):
    """E‖s(z) - ∇log q(z|x)‖² - E‖s(z) - ∇log m(z)‖² is one number for every s."""
    z, x = LINE.points[:, None], exact.line(-12, 12, 1601)
    guesses = [LINE.points.tanh(), 0.1 - 0.3 * LINE.points, torch.zeros_like(LINE.points)]
    for world in worlds(path, 5):
        t = TIMES[1]
        data = (world.weights * Normal(world.means[:, 0], world.stds).log_prob(x.points[:, None]).exp()).sum(-1)
        given_x = Normal(path.alpha(t) * x.points, path.sigma(t))
        joint = data * given_x.log_prob(z).exp()
        conditional_score = -(z - given_x.mean) / given_x.variance
        density, score = world.log_density(z, t), world.score(z, t)[:, 0]
        constants = torch.stack(
            [
                LINE.integrate(x.integrate(joint * (s[:, None] - conditional_score) ** 2))
                - LINE.expect(density, (s - score) ** 2)
                for s in guesses
            ]
        )
        close(constants, constants[:1].expand(3), 1e-8)
        assert constants[0] > 0.01  # the constant is not zero: the two losses differ, their gradients do not


@EVERY_PATH
def test_four_names_of_one_prediction(path):
    noise = torch.Generator().manual_seed(0)
    x, wrong, epsilon = (torch.randn(200, generator=noise, dtype=torch.float64) for _ in range(3))
    t = 0.02 + 0.96 * torch.rand(200, generator=noise, dtype=torch.float64)
    z = path.at(x, epsilon, t)
    for name in PREDICTIONS:
        close(clean(name, as_prediction(name, wrong, z, t, path), z, t, path), wrong)
    close(as_prediction("noise", x, z, t, path), epsilon)
    close(as_prediction("velocity", x, z, t, path), path.d_alpha(t) * x + path.d_sigma(t) * epsilon)
    squared = (x - wrong).square()
    close((as_prediction("noise", wrong, z, t, path) - epsilon).square() / (path.snr(t) * squared), squared / squared)
    velocity_error = (as_prediction("velocity", wrong, z, t, path) - as_prediction("velocity", x, z, t, path)).square()
    close(velocity_error / ((path.alpha(t) * path.log_snr_rate(t) / 2) ** 2 * squared), squared / squared, 1e-8)


@EVERY_PATH
def test_the_velocity_by_the_score_and_the_continuity_equation(path):
    """u = (α'/α) z - ½ g² ∇log m, and ∂_t m + ∂_z (m u) = 0."""
    z = torch.linspace(-3, 3, 25, dtype=torch.float64)[:, None]
    for number, world in enumerate(worlds(path, 67)):
        t = TIMES[number % 3]
        by_score = path.d_alpha(t) / path.alpha(t) * z - path.diffusion(t) / 2 * world.score(z, t)
        close(world.velocity(z, t), by_score)
        in_time = derivative(lambda s, world=world: world.log_density(z, s).exp(), t)

        def flux(z, world=world, t=t):
            return (world.log_density(z, t).exp()[:, None] * world.velocity(z, t)).sum()

        close(in_time + torch.func.grad(flux)(z)[:, 0], torch.zeros(25, dtype=torch.float64))


@EVERY_PATH
def test_the_kl_between_two_steps_of_the_hierarchy(path):
    """KL(q(z_s|z_t, x) ‖ q(z_s|z_t, x̂)) = ½ (SNR_s - SNR_t) ‖x - x̂‖², by the posterior of two Gaussians."""
    noise = torch.Generator().manual_seed(0)
    u = torch.rand(200, 2, generator=noise, dtype=torch.float64).sort(-1).values * 0.96 + 0.02
    s, t = u[:, 0], u[:, 1] + 1e-3
    x, guess, z = torch.randn(3, 200, generator=noise, dtype=torch.float64)
    ratio = path.alpha(t) / path.alpha(s)
    added = path.sigma(t) ** 2 - ratio**2 * path.sigma(s) ** 2  # variance of z_t given z_s
    precision = 1 / path.sigma(s) ** 2 + ratio**2 / added  # of z_s given z_t and x: prior times likelihood

    def mean(x):
        return (path.alpha(s) * x / path.sigma(s) ** 2 + ratio * z / added) / precision

    kl = precision / 2 * (mean(x) - mean(guess)) ** 2
    expected = (path.snr(s) - path.snr(t)) / 2 * (x - guess) ** 2
    close(kl / expected, torch.ones_like(kl), 1e-8)


@EVERY_PATH
@pytest.mark.parametrize("time", TIMES)
def test_the_rate_of_both_kls_is_a_difference_of_scores(path, time):
    for data, model in pairs(path, 6):
        for first, second in ((data, model), (model, data)):

            def kl(t, first=first, second=second):
                z = LINE.points[:, None]
                return LINE.kl(first.log_density(z, t), second.log_density(z, t))

            close(-derivative(kl, time), kl_rate(first, second, LINE, time), 1e-8)
        assert (kl_rate(data, model, LINE, time) - kl_rate(model, data, LINE, time)).abs() > 1e-4  # they are two


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_both_kls_are_integrals_of_their_rates(name):
    """KL at t = 0 from the rates up to t = 1, where both laws are the same noise; Gauss's nodes in time."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(60)
    for data, model in pairs(PATHS[name], 3):
        z, start = LINE.points[:, None], torch.tensor(0.0, dtype=torch.float64)
        for first, second in ((data, model), (model, data)):
            rates = torch.stack([kl_rate(first, second, LINE, torch.tensor((u + 1) / 2).double()) for u in nodes])
            integral = (torch.from_numpy(weights) / 2 * rates).sum()
            whole = LINE.kl(first.log_density(z, start), second.log_density(z, start))
            close(integral, whole, 1e-6)


def test_information_and_the_denoising_error():
    """I(x; z_s) - I(x; z_t) = ½ ∫ mmse dSNR (I-MMSE), on the cosine path."""
    import numpy as np

    path, (low, high) = PATHS["cosine"], (0.1, 0.9)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for world in worlds(path, 3):

        def information(t, world=world):
            log_m = world.log_density(LINE.points[:, None], torch.tensor(t).double())
            return LINE.entropy(log_m) - 0.5 * math.log(2 * math.pi * math.e * float(path.sigma(torch.tensor(t))) ** 2)

        times = [torch.tensor((high - low) / 2 * u + (high + low) / 2).double() for u in nodes]
        slope = torch.stack([-path.snr(t) * path.log_snr_rate(t) / 2 * world.error(LINE, t) for t in times])
        integral = float((torch.from_numpy(weights) * (high - low) / 2 * slope).sum())
        assert abs(integral - float(information(low) - information(high))) < 1e-6


@EVERY_PATH
def test_the_gradient_of_distillation(path):
    """∇_θ KL(g_θ,t ‖ m_t) = E[(∇log g_t - ∇log m_t)(z_t) α ∂G/∂θ] for G = θ_0 + θ_1 y with y ~ N(0, 1), by quadrature."""
    theta = torch.tensor([0.2, 1.1], dtype=torch.float64)
    y = exact.line(-9, 9, 401)
    for world in worlds(path, 3):
        for t in TIMES:
            alpha, sigma = path.alpha(t), path.sigma(t)

            def made(theta, alpha=alpha, sigma=sigma):
                return Normal(alpha * theta[0], ((alpha * theta[1]) ** 2 + sigma**2).sqrt())

            def kl(theta, world=world, t=t, made=made):
                return LINE.kl(made(theta).log_prob(LINE.points), world.log_density(LINE.points[:, None], t))

            mean = alpha * (theta[0] + theta[1] * y.points)  # of z_t given y
            given_y = Normal(mean[:, None], sigma).log_prob(LINE.points).exp()
            slope = -(LINE.points - made(theta).mean) / made(theta).variance
            gap = LINE.integrate(given_y * (slope - world.score(LINE.points[:, None], t)[:, 0]))
            law = Normal(0.0, 1.0).log_prob(y.points)
            right = torch.stack([y.expect(law, gap * alpha), y.expect(law, gap * alpha * y.points)])
            close(torch.func.grad(kl)(theta), right)


def test_the_optimal_discriminators_slope_is_a_difference_of_scores():
    for data, model in pairs(PATHS["cosine"], 5):
        t, z = TIMES[1], torch.linspace(-3, 3, 30, dtype=torch.float64)[:, None].requires_grad_()
        logit = data.log_density(z, t) - model.log_density(z, t)
        (slope,) = torch.autograd.grad(logit.sum(), z)
        close(slope, data.score(z, t) - model.score(z, t))


def test_the_flow_keeps_quantiles_and_carries_the_density():
    """Runge-Kutta along u from t = .98 to .02: the distribution function stays, log density falls by ∫ ∂u."""
    path, steps = PATHS["cosine"], 400
    (world,) = worlds(path, 1)

    def share_below(z, t):
        deviations = ((path.alpha(t) * world.stds) ** 2 + path.sigma(t) ** 2).sqrt()
        return (world.weights * Normal(path.alpha(t) * world.means[:, 0], deviations).cdf(z[:, None])).sum(-1)

    def change(state, t):
        z = state[:, 0]
        u = world.velocity(z[:, None], t)[:, 0]
        slope = torch.func.grad(lambda z: world.velocity(z[:, None], t).sum())(z)  # each z's own
        return torch.stack((u, -slope), 1)

    z = torch.tensor([-1.2, -0.3, 0.4, 1.1], dtype=torch.float64)
    times = torch.linspace(0.98, 0.02, steps + 1, dtype=torch.float64)
    state, before = torch.stack((z, world.log_density(z[:, None], times[0])), 1), share_below(z, times[0])
    for t, h in zip(times[:-1], times.diff(), strict=True):
        k1 = change(state, t)
        k2 = change(state + h / 2 * k1, t + h / 2)
        k3 = change(state + h / 2 * k2, t + h / 2)
        k4 = change(state + h * k3, t + h)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    close(share_below(state[:, 0], times[-1]), before, 1e-8)
    close(state[:, 1], world.log_density(state[:, :1], times[-1]), 1e-7)


def test_a_toy_is_noised_as_a_mixture():
    """At t = 0 of the linear path the law is the toy's own; far out in time it is the noise's."""
    toy = mixture1d()
    world = NoisedMixture.of(toy, PATHS["linear"])
    x = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    close(world.log_density(x, torch.tensor(0.0).double()), toy.log_prob(x.float()).double(), 1e-5)
    close(world.log_density(x, torch.tensor(1.0).double()), Normal(0.0, 1.0).log_prob(x)[:, 0], 1e-9)
    with pytest.raises(ValueError, match="one standard deviation"):
        NoisedMixture.of(Mixture([1.0], [[0.0, 0.0]], torch.diag(torch.tensor([1.0, 2.0]))[None]), PATHS["linear"])
