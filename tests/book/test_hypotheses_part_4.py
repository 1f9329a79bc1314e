"""Chapter 20: each hypothesis of a statement is needed, shown by a small world without it.

Worlds are Gaussian, finite or piecewise constant densities in float64, on the linear path: x_t = (1 - t) x + t ε.
Nothing of the library is used.
"""

import math
from itertools import pairwise

import pytest
import torch
from needs import needs
from small_worlds import apart, same, slopes
from torch import tensor
from torch.distributions import Cauchy, Normal, kl_divergence
from torch.nn.functional import softplus

pytestmark = pytest.mark.usefixtures("float64")


@needs("eq-added-noise", "a signal-to-noise ratio that falls")
def test_noise_cannot_be_taken_away_by_adding_some():
    added = lambda s, t: t**2 - ((1 - t) / (1 - s)) ** 2 * s**2
    assert added(0.3, 0.6) > 0 > added(0.6, 0.3)


def by_its_mean(noise, t=0.5):
    """E[x|x_t] of two points, 0 and 1, and what Tweedie's formula says of it, by differences; at x_t = 0.3."""
    at = tensor([0.3 - 1e-4, 0.3, 0.3 + 1e-4])
    each = torch.stack([noise(at), noise(at - (1 - t))])  # q(x_t|x) of x = 0 and of x = 1
    density = each.mean(0)
    score = (density[2].log() - density[0].log()) / 2e-4
    return each[1, 1] / each[:, 1].sum(), (at[1] + t**2 * score) / (1 - t)


@needs("lem-tweedie, eq-tweedie, lem-velocity, eq-velocity", "Gaussian noise")
def test_tweedies_formula_is_of_gaussian_noise():
    """With noise of the same variance, uniform between -√3 and √3, the score is zero and the mean is a half."""
    assert same(*by_its_mean(lambda e: Normal(0.0, 0.5).log_prob(e).exp()), 1e-6)
    width = math.sqrt(3) * 0.5
    mean, formula = by_its_mean(lambda e: (e.abs() < width) / (2 * width))
    assert same(mean, 0.5) and same(formula, 0.6)
    # the velocity E[-x + ε | x_t] is linear in the mean, so it differs as well
    velocity = lambda mean: -mean + (0.3 - 0.5 * mean) / 0.5
    assert apart(velocity(mean), velocity(formula))


@needs("lem-denoising, eq-denoising, eq-flow-matching", "a guess that sees the noised example alone")
def test_who_has_seen_the_example_is_not_judged_by_the_mean():
    """x and ε are fair coins, ±1, and x_t = x + ε: the mean is x_t/2, its error 1/2; the guess x has no error at all."""
    x, noise = tensor([1.0, 1.0, -1.0, -1.0]), tensor([1.0, -1.0, 1.0, -1.0])
    best = (x + noise) / 2
    mmse = (x - best).square().mean()
    sides = lambda guess: ((x - guess).square().mean(), (best - guess).square().mean() + mmse)
    assert same(*sides((x + noise).tanh())) and same(mmse, 0.5)
    assert apart(*sides(x))
    velocity = noise - x
    crowd = torch.where((x + noise) == 0, (velocity * ((x + noise) == 0)).sum() / 2, 0.0)
    left = lambda guess: (velocity - guess).square().mean() - (crowd - guess).square().mean()
    assert same(left(crowd), left((x + noise).sin())) and apart(left(crowd), left(noise))


@needs("lem-step, eq-step-kl", "one variance of both steps")
def test_a_step_of_another_variance_costs_more():
    """x = 1, x̂ = 0, s = 0.3 and t = 0.6 on the linear path."""
    s, t = tensor(0.3), tensor(0.6)
    snr = lambda t: ((1 - t) / t) ** 2
    added = t**2 - ((1 - t) / (1 - s)) ** 2 * s**2
    apart_by, variance = (1 - s) * added / t**2, added * s**2 / t**2
    kl = lambda v: ((v / variance).log() + (variance + apart_by**2) / v - 1) / 2
    assert same(kl(variance), (snr(s) - snr(t)) / 2)
    assert apart(kl(2 * variance), (snr(s) - snr(t)) / 2)


@needs("eq-bound-integral", "for one value on all paths: a denoiser of x_t/α_t and the signal-to-noise ratio")
def test_a_denoiser_that_knows_the_clock_sees_the_path():
    """x ~ N(0, 1) and x̂ = c x_t/α_t: an error of (1 - c)² + c²/SNR. With c = t it is another on another path."""
    snr = torch.linspace(0.1, 10.0, 20_001)
    times = {"linear": 1 / (1 + snr.sqrt()), "cosine": 2 / math.pi * torch.atan(1 / snr.sqrt())}
    bound = lambda c: torch.trapezoid((1 - c) ** 2 + c**2 / snr, snr) / 2
    by_snr = {name: bound(snr / (1 + snr)) for name in times}
    assert same(by_snr["linear"], by_snr["cosine"])
    assert same(by_snr["linear"], tensor(11 / 1.1).log() / 2, 1e-5)  # this c is the best, so {eq-mmse} tells the value
    assert apart(bound(times["linear"]), bound(times["cosine"]))


@needs("lem-mmse, eq-mmse", "a first time after 0")
def test_without_noise_a_number_tells_infinitely_much():
    """x ~ N(0, 1): information log(1 + SNR)/2 and error 1/(1 + SNR); both sides grow without a limit."""
    information = lambda snr: math.log1p(snr) / 2
    for first in (1e2, 1e4, 1e6):
        snr = torch.linspace(math.log(0.1), math.log(first), 20_001).exp()
        integral = torch.trapezoid(1 / (1 + snr), snr) / 2
        assert same(integral, information(first) - information(0.1), 1e-5)
    assert all(same(information(b) - information(a), math.log(10), 1e-2) for a, b in pairwise((1e2, 1e4, 1e6)))


@needs("lem-levels, eq-levels", "a variance of each level that may be chosen, and the best mean")
def test_with_the_variance_of_q_or_another_mean_few_levels_cost_more():
    """One level, x ~ N(0, 1), s = 0.3 and t = 0.6: the price of a step with variance v and x̂ = c x_t."""
    s, t = tensor(0.3), tensor(0.6)
    snr = lambda t: ((1 - t) / t) ** 2
    added = t**2 - ((1 - t) / (1 - s)) ** 2 * s**2
    factor, variance = (1 - s) * added / t**2, added * s**2 / t**2

    def price(c, v):
        error = (1 - c * (1 - t)) ** 2 + c**2 * t**2  # E(x - x̂)²
        return ((v / variance).log() + (variance + factor**2 * error) / v - 1) / 2

    best = (1 - t) / ((1 - t) ** 2 + t**2)
    mmse = 1 / (1 + snr(t))
    least = torch.log1p((snr(s) - snr(t)) * mmse) / 2
    chosen = variance + factor**2 * mmse
    assert same(price(best, chosen), least)
    assert price(best, variance) > least + 1e-2 and price(best / 2, chosen) > least + 1e-2
    assert all(price(best, chosen * k) > least for k in (0.9, 1.1))


@needs("thm-two-directions, eq-two-directions", "for the terms at t = 1 to vanish: a path that ends at α = 0")
def test_a_path_that_keeps_some_signal_ends_at_a_distance():
    """d = N(0, 1) and g = N(3, 1) on paths with α² + σ² = 1: KL(d_t ‖ g_t) = (3 α)²/2, at most SNR E(x - x')²/2."""
    end = {"cosine": 0.0, "variance preserving": math.exp(-(0.1 + 19.9 / 2) / 2)}  # α at t = 1
    snr = {name: alpha**2 / (1 - alpha**2) for name, alpha in end.items()}
    kl = {name: (3 * alpha) ** 2 / 2 for name, alpha in end.items()}
    assert same(kl["cosine"], 0.0) and same(snr["variance preserving"], 4.3e-5, 1e-6)
    assert 1e-4 < kl["variance preserving"] < snr["variance preserving"] * (3**2 + 2) / 2


@needs("lem-kl-rate, eq-kl-rate, thm-two-directions, eq-two-directions", "a finite KL")
def test_a_heavy_tail_under_noise_is_a_heavy_tail():
    """a is Cauchy, b normal, t = 1/2: what KL(a_t ‖ b_t) pays inside [-R, R] grows with R, and so does its rate."""
    noise, paid = Normal(0.0, 0.5), []
    for reach in (20.0, 40.0, 80.0):
        z = torch.linspace(-reach, reach, 4001)
        e = torch.linspace(-4.0, 4.0, 401)
        a = torch.trapezoid(Cauchy(0.0, 0.5).log_prob(z[:, None] - e).exp() * noise.log_prob(e).exp(), e)
        log_b = Normal(0.0, math.sqrt(0.5)).log_prob(z)
        gap = torch.gradient(a.log() - log_b, spacing=(z,))[0]
        paid.append([torch.trapezoid(a * (a.log() - log_b), z), torch.trapezoid(a * gap.square(), z)])
    paid = tensor(paid)
    assert (paid.diff(dim=0) > 1).all() and (paid[2] - paid[1] > 1.8 * (paid[1] - paid[0])).all()
    normal_kl = lambda v, w: (v / w - 1 - (v / w).log()) / 2  # of two that are normal all is finite
    assert normal_kl(tensor(2.0), tensor(1.0)).isfinite()


@needs("eq-training-is-kl", "a denoiser that is the best one of one law, at all times")
def test_a_denoiser_of_two_minds_has_no_law():
    """x ~ N(0, 1); x̂ is the best for N(0, v), which is c x_t with c = αv/(α²v + σ²); v changes in the middle."""
    snr = torch.linspace(math.log(0.1), math.log(100.0), 40_001).exp()
    error = lambda v: 1 / (1 + snr) + (snr * v / (1 + snr * v) - snr / (1 + snr)) ** 2 * (1 + 1 / snr)
    loss = lambda v: float(torch.trapezoid(error(v), snr) / 2)
    kl = lambda v, r: (torch.log((r * v + 1) / (r + 1)) + (r + 1) / (r * v + 1) - 1) / 2  # of d_t and g_t, both normal

    def told(v):
        ends = [kl(v, snr[i]) for i in (-1, 0)]
        return float(ends[0] - ends[1] + (torch.log1p(snr[-1]) - torch.log1p(snr[0])) / 2)

    for v in (tensor(0.3), tensor(4.0)):
        assert same(loss(v), told(v), 1e-5)
    two_minds = torch.where(snr < 1, 4.0, 0.3)
    assert all(abs(loss(two_minds) - told(v)) > 1e-2 for v in (tensor(0.3), tensor(4.0)))


@needs("lem-distillation, eq-distillation", "noise, where densities jump")
def test_scores_do_not_see_a_step():
    """d has the density 3/2 on [0, 1/2] and 1/2 on [1/2, 1]; g is uniform on [θ, θ + 1/2]. All scores are zero."""
    masses = lambda theta: tensor([0.5 - theta, theta]) * 2
    kl = lambda theta: (masses(theta) * (2.0 / tensor([1.5, 0.5])).log()).sum()
    theta = tensor(0.2)
    assert same(
        slopes(lambda v: (torch.stack([1 - 2 * v, 2 * v]) * (2.0 / tensor([1.5, 0.5])).log()).sum(), theta),
        2 * math.log(3),
    )
    assert kl(0.3) > kl(0.2)  # while the right side is zero
    # Under noise, both sides agree: the densities are smooth.
    z, y = torch.linspace(-2.5, 3.5, 1201), (torch.arange(400) + 0.5) / 800
    normal = Normal(0.0, 0.3)
    step = lambda low, high: normal.cdf(z - low) - normal.cdf(z - high)
    log_d = (1.5 * step(0.0, 0.5) + 0.5 * step(0.5, 1.0)).clamp(min=1e-300).log()
    log_g = lambda v: (2 * step(v, v + 0.5)).clamp(min=1e-300).log()
    left = slopes(lambda v: torch.trapezoid(log_g(v).exp() * (log_g(v) - log_d), z), theta)
    gap = torch.gradient(log_g(theta) - log_d, spacing=(z,))[0]
    right = torch.trapezoid(normal.log_prob(z - theta - y[:, None]).exp() * gap, z).mean()
    assert same(left, right, 1e-3) and left > 0.1


@needs("lem-score-difference, eq-link-scores", "a discriminator that stands still")
def test_a_discriminator_that_follows_adds_a_gradient():
    """d = N(0, 1), g = N(θ, 1), t* = θ²/2 - θx: with ℓ(t) = log(1 + e^-t) the part of t* that moves counts, with -t not."""
    theta, e = tensor(0.7), torch.linspace(-8.0, 8.0, 2001)
    law = Normal(0.0, 1.0).log_prob(e).exp()

    def gradients(loss):
        logit = lambda v, x: v**2 / 2 - v * x
        average = lambda v, w: torch.trapezoid(law * loss(logit(w, v + e)), e)
        frozen, following = slopes(lambda v: average(v, theta), theta), slopes(lambda v: average(v, v), theta)
        x = (theta + e).requires_grad_()
        (weight,) = torch.autograd.grad(loss(logit(theta, x)).sum(), x)  # ℓ'(t*) times the difference of the scores
        return frozen, following, torch.trapezoid(law * weight, e)

    frozen, following, scores = gradients(lambda t: softplus(-t))
    assert same(frozen, scores, 1e-9) and apart(following, scores)
    frozen, following, scores = gradients(lambda t: -t)
    assert same(frozen, scores, 1e-9) and same(following, scores, 1e-9)


@needs("lem-flow, eq-flow-density", "a first time after 0, or a velocity that stays Lipschitz")
def test_towards_a_point_the_flow_has_no_last_density():
    """All data at 0: u = x/t, divergence 1/t. The integral from s to 1/2 is log(1/2s), beyond every bound as s falls."""
    values = []
    for first in (1e-1, 1e-2, 1e-3):
        t = torch.linspace(math.log(first), math.log(0.5), 4001).exp()
        x = 0.8 * t / 0.5
        density = Normal(0.0, t[0]).log_prob(x[0]), Normal(0.0, 0.5).log_prob(x[-1])
        values.append(torch.trapezoid(1 / t, t))
        assert same(density[0], density[1] + values[-1], 1e-5)
    assert all(same(b - a, math.log(10), 1e-3) for a, b in pairwise(values))


@needs("lem-learned-prior, eq-learned-prior", "a finite loss with both priors, so no certain codes on a line")
def test_certain_codes_on_a_line_have_no_finite_price_of_which_a_prior_saves_a_part():
    """x ~ N(0, 1), q(z|x) = N(x, s²): as s falls the saving stays, but both prices grow by log 100 for s/100."""
    priors = {"given": (tensor(0.0), tensor(1.0)), "learned": (tensor(0.5), tensor(2.0))}
    before = None
    for s in (tensor(1e-1), tensor(1e-3), tensor(1e-5)):
        price, whole = {}, {}
        for name, (mean, std) in priors.items():
            price[name] = (std / s).log() + (s**2 + 1 + mean**2) / (2 * std**2) - 0.5
            whole[name] = kl_divergence(Normal(0.0, (1 + s**2).sqrt()), Normal(mean, std))
        assert same(price["given"] - price["learned"], whole["given"] - whole["learned"], 1e-9)
        if before is not None:
            assert all(same(price[name] - before[name], math.log(100), 0.02) for name in priors)
        before = price
