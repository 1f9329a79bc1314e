"""Each hypothesis of a statement is needed: a small world without it, where the statement fails, and one with it, where it holds.

Worlds are finite, or piecewise constant densities, or quadrature, in float64. Nothing of the library is used. These are
the worlds that referees found; test_hypotheses_part_1.py and its neighbours go through the chapters. At the end: no
statement is left out.
"""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import checks
import needs as tables
import pytest
import torch
from needs import needs
from registry import Registry
from small_worlds import (
    INFINITE,
    LOG2,
    apart,
    draws,
    jsd,
    kl,
    lemma_1,
    mean,
    normal,
    same,
    slopes,
    terms_without_entropy,
    uniform,
    value_of_the_game,
)
from torch import sigmoid, softmax, tensor, xlogy
from torch.autograd import grad
from whole_registry import REGISTRY

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("float64")


# -- chapter 02 ----------------------------------------------------------------------------------------------


@needs("lem-moments, eq-forward-kl-likelihood, eq-forward-kl-moments", "a finite entropy")
def test_moments_need_a_finite_entropy():
    """``lem-moments``, ``eq-forward-kl-likelihood``."""
    entropies, costs = [], []
    for steps in (10.0, 20.0):
        x, mass, log_d = terms_without_entropy(steps)
        entropies.append(-(mass * log_d).sum())
        # three Gaussians, the one with the moments of d first
        mu = (mass * x).sum() / mass.sum()
        variance = (mass * (x - mu) ** 2).sum() / mass.sum()
        assert 1e-3 < variance < 0.1
        for m, v in ((mu, variance), (0.3, 0.01), (-1.0, 4.0)):
            log_p = -0.5 * math.log(2 * math.pi * v) - (x - m) ** 2 / (2 * v)
            costs.append((mass * (log_d - log_p)).sum())
    # The entropy falls, and every KL rises, by the 10 that the cut has moved: without a limit.
    assert abs(entropies[1] - entropies[0] + 10) < 2e-3
    assert all(abs(later - earlier - 10) < 2e-3 for earlier, later in zip(costs[:3], costs[3:], strict=True))
    # So for p = d, where the KL is zero, the right side -H(d) - E_d[log p] is infinity minus infinity.

    # Cut off, the entropy is finite, and there is one stationary point.
    x, mass, log_d = terms_without_entropy(10.0)
    log_d, mass = log_d - mass.sum().log(), mass / mass.sum()

    def cost(parameters):
        m, v = parameters
        return (mass * (log_d + 0.5 * torch.log(2 * math.pi * v) + (x - m) ** 2 / (2 * v))).sum()

    mu = (mass * x).sum()
    variance = (mass * (x - mu) ** 2).sum()
    best = torch.stack([mu, variance]).requires_grad_()
    assert slopes(cost, best).abs().max() < 1e-9
    entropy = -(mass * log_d).sum()
    assert same(cost(best), 0.5 * torch.log(2 * math.pi * math.e * variance) - entropy)
    assert all(cost(best + tensor(step)) > cost(best) + 1e-5 for step in ([0.01, 0.0], [0.0, 0.003], [-0.01, -0.003]))


# -- chapter 03 ----------------------------------------------------------------------------------------------


def importance_weighted_bound(joint, q, k):
    """L_k for two codes: the first is drawn n times of k, with a binomial probability."""
    n = torch.arange(k + 1.0)
    chance = torch.lgamma(tensor(k + 1.0)) - torch.lgamma(n + 1) - torch.lgamma(k - n + 1)
    chance = (chance + xlogy(n, q[0]) + xlogy(k - n, q[1])).exp()
    weights = torch.where(q > 0, joint / q, 0 * q)
    return mean(chance, ((n * weights[0] + (k - n) * weights[1]) / k).log())


@needs("lem-iwae, eq-iwae", "mass of q wherever the posterior has some, for the limit log p(x)")
def test_more_draws_cannot_find_what_is_never_drawn():
    """``lem-iwae``: the limit is log p(x, z in the support of q)."""
    joint, draws_of = tensor([0.2, 0.3]), (1, 2, 8, 64, 1024)
    blind = [importance_weighted_bound(joint, tensor([1.0, 0.0]), k) for k in draws_of]
    assert all(same(bound, math.log(0.2)) for bound in blind)
    assert blind[-1] < math.log(0.5) - 0.9
    for q in ([0.5, 0.5], [0.9, 0.1]):
        bounds = [importance_weighted_bound(joint, tensor(q), k) for k in draws_of]
        assert all(a < b < math.log(0.5) for a, b in pairwise(bounds))
        assert math.log(0.5) - bounds[-1] < 2e-3


# -- chapter 04 ----------------------------------------------------------------------------------------------


@needs("lem-optimal-d, eq-optimal-d, lem-value, eq-discriminator-gap", "answers between 0 and 1")
@needs("lem-optimal-d, eq-optimal-d", "an x that somebody makes: d + g > 0")
def test_answers_lie_between_zero_and_one():
    """``def-value``, ``lem-optimal-d``: outside [0, 1] there is a larger value; where nobody is, every answer is as good."""
    d, g = tensor([0.5, 0.5, 0.0]), tensor([1.0, 0.0, 0.0])
    best = d / (d + g)
    assert best[:2].tolist() == [1 / 3, 1.0] and best[2].isnan()
    largest = value_of_the_game(d, g, tensor([1 / 3, 1.0, 0.3]))
    assert value_of_the_game(d, g, tensor([1 / 3, 10.0, 0.3])) > largest + 1
    assert value_of_the_game(d, g, tensor([1 / 3, 1.0, 0.9])) == largest
    answers = torch.rand(1000, 3, generator=torch.Generator().manual_seed(0))
    assert (value_of_the_game(d, g, answers) < largest).all()


@needs("lem-value, eq-jsd-value", "a supremum, which need not be reached")
def test_the_best_value_is_a_supremum():
    """``lem-value``, ``ex-04-finite``: the answers of a network come close to the supremum and need not reach it."""
    d, g = tensor([0.5, 0.5, 0.0, 0.0]), tensor([0.0, 0.0, 0.5, 0.5])  # two samples without a common point
    supremum = 2 * jsd(d, g) - math.log(4)
    assert same(supremum, 0.0)
    sides = tensor([1.0, 1.0, -1.0, -1.0])
    values = [value_of_the_game(d, g, sigmoid(scale * sides)) for scale in (1.0, 5.0, 10.0, 20.0)]
    assert all(a < b < 0 for a, b in pairwise(values)) and values[-1] > -1e-8
    assert value_of_the_game(d, g, tensor([1.0, 1.0, 0.0, 0.0])) == 0
    # On a common support it is a maximum, with finite logits.
    d, g = normal(draws(4)), normal(draws(4, seed=1))
    assert same(value_of_the_game(d, g, sigmoid((d / g).log())), 2 * jsd(d, g) - math.log(4))


LOSSES = {
    "minimax": (lambda a: (1 - a).log(), lambda d, g: 2 * jsd(d, g)),
    "non-saturating": (lambda a: -a.log(), lambda d, g: 2 * kl((d + g) / 2, d)),
    "reverse KL": (lambda a: -(a / (1 - a)).log(), lambda d, g: kl(g, d)),
    "KL": (lambda a: -a / (1 - a), kl),
}


@needs(
    "lem-link, eq-link, thm-four, eq-minimax, eq-non-saturating, eq-link-reverse-kl, eq-link-kl",
    "one support, which does not move",
)
@needs("thm-ada, eq-ada-minimax, eq-ada-non-saturating, eq-cgan-descends", "one support, which does not move")
def test_the_support_must_not_move():
    """``lem-link``, ``thm-four``, ``thm-ada``: U[0, 1] against U[t, t + 1] at t = 0.4."""
    t, step = 0.4, 1e-3
    edges = [0, t - step, t, t + step, 1, 1 + t - step, 1 + t, 1 + t + step]
    d, left, here, right = (uniform(a, a + 1, edges) for a in (0, t - step, t, t + step))
    assert same((jsd(d, right) - jsd(d, here)) * 2 / step, 2 * LOG2)
    assert same((jsd(d, here) - jsd(d, left)) * 2 / step, 2 * LOG2)
    answers = torch.where(d + here > 0, d / (d + here), 0 * d)  # zero where nobody has been
    frozen = [mean(g, (1 - answers).log()) for g in (left, here, right)]
    assert same((frozen[2] - frozen[1]) / step, LOG2)
    assert frozen[0] == -INFINITE
    for h, divergence in LOSSES.values():  # on neither side is the slope that of the divergence
        for other, sign in ((left, -1), (right, 1)):
            slope = sign * (mean(other, h(answers)) - mean(here, h(answers))) / step
            assert apart(slope, sign * (divergence(d, other) - divergence(d, here)) / step, 0.1) or slope.isinf()


@pytest.mark.parametrize("loss", LOSSES)
def test_on_a_common_support_the_frozen_loss_has_the_slope_of_its_divergence(loss):
    """``lem-link``, ``thm-four``, ``eq-cgan-descends``."""
    h, divergence = LOSSES[loss]
    d, theta = normal(draws(5)), draws(5, seed=1).requires_grad_()
    answers = d / (d + normal(theta.detach()))
    frozen = slopes(lambda theta: mean(normal(theta), h(answers)), theta)
    assert same(frozen, slopes(lambda theta: divergence(d, normal(theta)), theta))
    assert frozen.abs().max() > 0.01


def test_features_with_a_common_support():
    """``thm-ada``: both conditionals move."""
    theta = draws(2, 5).requires_grad_()
    mix = tensor([[0.7, 0.3], [0.2, 0.8]])
    conditionals = lambda theta: mix @ normal(theta)
    p1_bar, p0_bar = conditionals(theta.detach())
    answers = p1_bar / (p1_bar + p0_bar)

    def minimax(theta):
        p1, p0 = conditionals(theta)
        return mean(p1, answers.log()) + mean(p0, (1 - answers).log())

    def reversed_answers(theta):
        p1, p0 = conditionals(theta)
        return mean(p1, -(1 - answers).log()) + mean(p0, -answers.log())

    def two_chases(theta):
        p1, p0 = conditionals(theta)
        return 2 * kl((p0 + p1_bar) / 2, p1_bar) + 2 * kl((p1 + p0_bar) / 2, p0_bar)

    assert same(slopes(minimax, theta), slopes(lambda theta: 2 * jsd(*conditionals(theta)), theta))
    assert same(slopes(reversed_answers, theta), slopes(two_chases, theta))


def divergence_of(slope_of_h, d, g):
    """D_f with f'' = -h'/r and f(1) = f'(1) = 0, by quadrature: f(r) = ∫ (r - s) f''(s) ds from 1 to r."""
    total = 0.0
    for mass, ratio in zip(g, d / g, strict=True):
        s = 1 + (ratio - 1) * (torch.arange(2000) + 0.5) / 2000
        total += mass * ((ratio - s) * -slope_of_h(s) / s).mean() * (ratio - 1)
    return total


@needs("lem-link", "a loss that falls strictly at r = 1, for a divergence")
def test_a_loss_that_is_flat_at_one_gives_no_divergence():
    """``lem-link``, its last sentence."""
    d, g = tensor([0.4, 0.6]), tensor([0.6, 0.4])
    flat = lambda r: -2 * (r - 2).clamp(min=0)  # the slope of h = -max(r - 2, 0)²
    falls = lambda r: -2 * (r - 1).clamp(min=0)  # of h = -max(r - 1, 0)², flat below one only
    assert divergence_of(flat, d, g) == 0
    assert divergence_of(falls, d, g) > 0.01
    assert same(divergence_of(lambda r: -1 / r, d, g), kl(g, d), 1e-6)  # the reverse KL, as a check of the quadrature


# -- chapter 07 ----------------------------------------------------------------------------------------------


@needs("lem-1, eq-lemma-1, eq-lemma-1-unhalved, lem-1-exact, eq-lemma-1-exact", "a discriminator that is never certain")
def test_lemma_1_needs_answers_between_zero_and_one():
    """``lem-1``, ``eq-lemma-1-unhalved``."""
    d, theta_0 = normal(draws(4)), draws(4, seed=1)
    for certain in (0.0, 1.0):
        answers = tensor([0.3, 0.6, 0.5, certain])
        assert lemma_1(theta_0, theta_0, d, answers)[0] == INFINITE
    theta, answers = theta_0.clone().requires_grad_(), sigmoid(draws(4, seed=2))
    left, right = (slopes(lambda t, i=i: lemma_1(t, theta_0, d, answers)[i], theta) for i in (0, 1))
    assert same(left, right) and left.abs().max() > 0.01


@needs("lem-1, eq-lemma-1, cor-constant, eq-cancel", "gradients under the integral")
def test_lemma_1_needs_a_gradient_under_the_integral():
    """``lem-1``: the edges of U[1 + t, 2 + t] move inside U[0, 3]. All terms are finite, but the remainder has an edge."""
    for t in (-0.01, -1e-4, 1e-4, 0.01):
        edges = sorted([0, 1, 1 + t, 2, 2 + t, 3])
        d = uniform(0, 3, edges)
        loss, right, remainder = lemma_1(t, 0, d, 0.5 + 0 * d, lambda t, edges=edges: uniform(1 + t, 2 + t, edges))
        assert same(remainder, abs(t) * LOG2, 1e-10)
        assert same(loss, LOG2)  # a discriminator without an opinion: the left side has the slope zero
        assert same(right - remainder, 0.0)  # so the right side has the slopes -log 2 and log 2


@needs("cor-optimal, eq-lemma-1-optimal", "one support")
def test_the_best_discriminator_needs_one_support():
    """``cor-optimal``, its gradient."""
    for d, g in (([0.5, 0.5, 0.0], [0.4, 0.2, 0.4]), ([0.5, 0.2, 0.3], [0.5, 0.5, 0.0])):
        d, g = tensor(d), tensor(g)
        assert lemma_1(g, g, d, d / (d + g), lambda g: g)[0] == INFINITE
    d, theta_0 = normal(draws(4)), draws(4, seed=1)
    theta, answers = theta_0.clone().requires_grad_(), d / (d + normal(theta_0))
    left = slopes(lambda t: lemma_1(t, theta_0, d, answers)[0], theta)
    assert same(left, slopes(lambda t: kl((normal(t) + d) / 2, d), theta))


@needs(
    "thm-four-posteriors, eq-posterior-minimax, eq-posterior-kl, eq-posterior-reverse-kl",
    "a discriminator that is never certain",
)
def test_four_losses_need_answers_between_zero_and_one_and_no_common_support():
    """``thm-four-posteriors``."""
    d, theta_0 = tensor([0.5, 0.5, 0.0, 0.0]), draws(2, seed=1)
    generator = lambda theta: torch.cat([normal(theta)[:1], tensor([0.0, 0.0]), normal(theta)[1:]])
    frozen = (d + generator(theta_0)) / 2
    answers, theta = sigmoid(draws(4, seed=2)), theta_0.clone().requires_grad_()
    odds = answers / (1 - answers)
    real, generated = ((a * frozen) / (a * frozen).sum() for a in (answers, 1 - answers))
    size = mean(generator(theta_0), odds)
    reweighted = generator(theta_0) * odds / size
    pairs = (
        (lambda g: mean(g, (1 - answers).log()), lambda g: 2 * jsd(g, d) - kl(g, generated)),
        (lambda g: mean(g, -answers.log()), lambda g: kl(g, real) - 2 * jsd(g, d)),
        (lambda g: mean(g, -odds), lambda g: size * kl(reweighted, g)),
        (lambda g: mean(g, -odds.log()), lambda g: kl(g, real) - kl(g, generated)),
    )
    for left, right in pairs:
        left, right = (slopes(lambda t, side=side: side(generator(t)), theta) for side in (left, right))
        assert same(left, right) and left.abs().max() > 0.01
    certain = tensor([0.3, 0.5, 0.5, 1.0])
    for h in (LOSSES["minimax"][0], LOSSES["reverse KL"][0], LOSSES["KL"][0]):
        assert mean(generator(theta_0), h(certain)) == -INFINITE


def order(gap, smaller=1e-6, larger=1e-4):
    """The k of a gap that behaves like distance^k."""
    a, b = (gap(tensor(distance)).abs() for distance in (smaller, larger))
    return ((b / a).log() / math.log(larger / smaller)).item()


def two_atoms(power):
    """½ ± (t + |t|^power), whose Fisher information at zero is 4."""
    move = lambda t: t + t.abs() ** power
    return lambda t: torch.stack([0.5 + move(t), 0.5 - move(t)])


@needs("lem-remainder, eq-fisher, eq-fisher-slope", "three continuous derivatives")
@pytest.mark.parametrize(("power", "of_the_value", "of_the_slope"), [(2.0, 3, 2), (1.5, 2.5, 1.5)])
def test_the_orders_need_three_derivatives(power, of_the_value, of_the_slope):
    """``lem-remainder``, ``eq-fisher-slope``: with fewer the error is of a lower order than 3 in the value, 2 in the slope."""
    m = two_atoms(power)
    start = tensor([0.5, 0.5])

    def beyond_fisher(t):
        u = m(t)[0] - 0.5  # 2u² + …, in a form that keeps its digits
        value = (0.5 + u) * torch.log1p(2 * u) + (0.5 - u) * torch.log1p(-2 * u)
        return value - 2 * t**2

    def slope_beyond_fisher(t):
        t = t.clone().requires_grad_()
        (slope,) = grad((start * m(t).log()).sum(), t)
        return slope + 4 * t.detach()

    assert abs(order(beyond_fisher, 1e-4, 1e-3) - of_the_value) < 0.05
    assert abs(order(slope_beyond_fisher, 1e-4, 1e-3) - of_the_slope) < 0.05


@needs("lem-remainder, eq-fisher", "two derivatives of the mass under the integral")
def test_the_parabola_needs_the_mass_under_the_integral():
    """``lem-remainder``: uniform on [0, 1], with a hole of width t² at |t|; its mass lies on the rest.

    At each x the hole is gone once t is small, so F = 0, and the KL has both its derivatives under the integral (with the
    hole's edges rounded over a width that falls fast enough). But ∫∂²m = 2 and ∂²∫m = 0: the KL is t², and not O(t³).
    """
    x = (torch.arange(10_000) + 0.5) / 10_000
    log_times = lambda m: xlogy(m, m)  # m log m/m_0

    def density(t):
        hole = (x > t.abs()) & (x < t.abs() + t**2)
        return torch.where(hole, 0.0, 1 / (1 - t**2))

    for t in (0.02, 0.1, 0.2):
        assert same(density(tensor(t)).mean(), 1.0)
        assert abs(log_times(density(tensor(t))).mean() - t**2) < t**4
    t = torch.zeros_like(x).requires_grad_()  # one for each place, so that a gradient holds the derivative at each
    m = density(t)
    slope_of_m, slope_of_kl = (grad(f.sum(), t, create_graph=True)[0] for f in (m, log_times(m)))
    assert same((slope_of_m**2).mean(), 0.0)  # F
    assert same(grad(slope_of_m.sum(), t, retain_graph=True)[0].mean(), 2.0)  # of the mass, which is constant
    assert same(grad(slope_of_kl.sum(), t)[0].mean(), 2.0)  # of the KL, as t² has it


# -- chapters 08 and 16 --------------------------------------------------------------------------------------

# Three examples and two codes: theta and eta are logits, the code of a generated example comes from a third table.
PRIOR = [0.3, 0.7]


def vae(theta, eta):
    """log p(x|z), q(z|x) and the bound of each example; theta [2, 3], eta [3, 2]."""
    log_decoder, q = torch.log_softmax(theta, -1).T, softmax(eta, -1)
    prior = tensor(PRIOR)
    return log_decoder, q, (q * (log_decoder + prior.log() - q.log())).sum(-1)


def model(theta):
    return tensor(PRIOR) @ softmax(theta, -1)


def bound_with_a_label(theta, eta, sources, d):
    """A as it is defined: pairs (mass of x, probability that y = 0), summed over labels and codes."""
    log_decoder, q, _ = vae(theta, eta)
    prior, other_code = tensor(PRIOR), softmax(draws(3, 2, seed=7), -1)
    total = 0.0
    for mass, says_real in sources:
        for answer, code, log_likelihood in (
            (says_real, q, log_decoder),
            (1 - says_real, other_code, d.log()[:, None]),
        ):
            answer = answer[:, None]
            inside = log_likelihood + prior.log() - LOG2 - code.log() - answer.log()
            weights = mass[:, None] * answer * code
            total = total + (weights * torch.where(weights > 0, inside, 0.0)).sum()
    return total


def activated(theta, eta, theta_0, d, answers):
    return bound_with_a_label(theta, eta, [((d + model(theta_0)) / 2, answers)], d)


def first_line(theta, eta, theta_0, d):
    return bound_with_a_label(theta, eta, [(d / 2, torch.ones(3)), (model(theta_0) / 2, torch.zeros(3))], d)


def parameters():
    return draws(2, 3, seed=3).requires_grad_(), draws(3, 2, seed=4).requires_grad_(), draws(2, 3, seed=5)


@needs("eq-activated, lem-activated-optimal, eq-activated-optimal, eq-aavae", "data wherever g > 0 and D < 1")
def test_an_activated_bound_needs_data_where_the_label_is_open():
    """``eq-activated``, ``lem-activated-optimal``, ``eq-aavae``."""
    theta, eta, theta_0 = parameters()
    g = model(theta_0)

    def loss_as_trained(d, answers):
        return -((d + g) / 2 * answers * vae(theta, eta)[2]).sum()

    # The last example is generated only, so its best answer is zero: the label pays log d there, and A is -∞.
    d = tensor([0.4, 0.6, 0.0])
    answers = d / (d + g)
    assert answers[2] == 0 and activated(theta, eta, theta_0, d, answers) == -INFINITE
    # What is trained is finite, and half of the VAE's.
    trained = grad(loss_as_trained(d, answers), (theta, eta))
    half = grad(-(d * vae(theta, eta)[2]).sum() / 2, (theta, eta))
    assert all(same(a, b) for a, b in zip(trained, half, strict=True))
    # With D = 1 there, the label y = 1 is never given, and A is finite again. With d > 0, for any answers.
    full = normal(draws(3))
    for data, answers in (
        (d, tensor([0.3, 0.6, 1.0])),
        (full, tensor([0.3, 0.6, 0.5])),
        (full, full / (full + g)),
    ):
        bound = grad(activated(theta, eta, theta_0, data, answers), (theta, eta))
        trained = grad(-loss_as_trained(data, answers), (theta, eta))
        assert all(same(a, b) for a, b in zip(bound, trained, strict=True))
    half = grad((full * vae(theta, eta)[2]).sum() / 2, (theta, eta))  # the last of them was the best
    assert all(same(a, b) for a, b in zip(bound, half, strict=True))


@needs("eq-activated, lem-activated-optimal, eq-activated-optimal", "gradients under the averages")
def test_an_activated_bound_needs_gradients_under_the_averages():
    """One code, d = U[0, 2], and a model that is three times as dense beyond 1 + t, an edge that moves.

    At each x but one log p_t(x) has the slope 1/2 at t = 0, which is that of the normalisation alone. The average of
    log p_t(x) has another, because of what passes the edge.
    """
    x = (torch.arange(2000) + 0.5) / 1000
    integral = lambda values: values.mean() * 2
    log_p = lambda t: torch.where(x < 1 + t, 0.0, math.log(3)) - math.log(4 - 2 * t)
    slope = lambda f, step: (f(step) - f(-step)) / (2 * step)
    d, g = torch.full_like(x, 0.5), log_p(0).exp()
    assert same(integral(g), 1.0) and same(integral(log_p(0.1).exp()), 1.0)

    def bound(t, answers):
        entropy = -xlogy(answers, answers) - xlogy(1 - answers, 1 - answers)
        return integral((d + g) / 2 * (answers * log_p(t) + (1 - answers) * d.log() + entropy - LOG2))

    for answers in (d / (d + g), torch.full_like(x, 0.5)):
        weight = (d + g) / 2 * answers
        under = integral(weight * slope(log_p, 1e-6))  # so short a step cuts no cell
        assert same(under, integral(weight) / 2, 1e-6)
        true = slope(lambda t, answers=answers: bound(t, answers), 0.001)  # one cell to each side
        assert apart(true, under, 0.1) and same(true, under - math.log(3) * weight[999:1001].mean(), 1e-6)


def second_line(theta, eta, theta_0, d):
    """K: minus the averaged KL to the posterior of code and label together."""
    log_decoder, q, _ = vae(theta, eta)
    prior, other_code = tensor(PRIOR), softmax(draws(3, 2, seed=7), -1)
    mixture = ((d + model(theta)) / 2)[:, None]
    posterior_real = log_decoder.exp() * prior / 2 / mixture
    posterior_generated = d[:, None] * prior / 2 / mixture
    return -(mean(d, kl(q, posterior_real)) + mean(model(theta_0), kl(other_code, posterior_generated))) / 2


def fooling(theta, theta_0, d):
    best = d / (d + model(theta))
    return (mean(d, (1 - best).log()) + mean(model(theta_0), best.log())) / 2


@needs("eq-second-line-gradients, eq-fooled, eq-fooling-is-likelihood", "data wherever examples are generated")
def test_the_second_line_needs_data_where_examples_are_generated():
    """``eq-second-line-gradients``, ``eq-fooled``, ``eq-fooling-is-likelihood``."""
    theta, eta, theta_0 = parameters()
    d = tensor([0.4, 0.6, 0.0])
    assert first_line(theta, eta, theta_0, d) == second_line(theta, eta, theta_0, d) == -INFINITE
    assert fooling(theta, theta_0, d) == -INFINITE
    assert slopes(lambda theta: mean(d, model(theta).log()) / 2, theta).abs().max() > 0.01  # the other side is finite

    d = normal(draws(3))
    lines = [grad(line(theta, eta, theta_0, d), (theta, eta)) for line in (first_line, second_line)]
    assert same(lines[0][1], lines[1][1]) and not same(lines[0][0], lines[1][0], 1e-3)  # theta is not theta_0 here
    at = theta_0.clone().requires_grad_()
    lines = [grad(line(at, eta, theta_0, d), (at, eta)) for line in (first_line, second_line)]
    assert all(same(a, b) for a, b in zip(*lines, strict=True))
    left = slopes(lambda theta: fooling(theta, theta_0, d), at)
    assert same(left, slopes(lambda theta: mean(d, model(theta).log()) / 2, at)) and left.abs().max() > 0.01

    log_decoder, q, _ = vae(theta, eta)
    prior, other_code = tensor(PRIOR), softmax(draws(3, 2, seed=7), -1)
    codes = mean(d, kl(q, log_decoder.exp() * prior / model(theta)[:, None]))
    codes = (codes + mean(model(theta_0), kl(other_code, prior))) / 2
    assert same(-second_line(theta, eta, theta_0, d), codes - fooling(theta, theta_0, d))


@needs("eq-four-discriminators", "a model wherever the data are")
def test_a_belief_needs_a_model_where_the_data_are():
    """``eq-four-discriminators``, its last line."""

    def of_answers(d, g, answers):
        r = answers * (d + g)
        return r / r.sum()

    def of_belief(d, g, answers):
        belief = g * answers / (1 - answers)
        r = belief * (d + g) / (belief + g)
        return r / (answers * (d + g)).sum()

    d, g, answers = tensor([0.5, 0.5]), tensor([0.0, 1.0]), tensor([0.5, 0.5])
    assert of_answers(d, g, answers).tolist() == [0.25, 0.75]
    assert of_belief(d, g, answers).isnan().tolist() == [True, False]
    g = tensor([0.2, 0.8])
    assert same(of_answers(d, g, tensor([0.3, 0.9])), of_belief(d, g, tensor([0.3, 0.9])))


def test_what_the_record_says_of_the_last_steps():
    """Chapter 16: from 100 points on all mean bounds are higher at the last recorded step; with 50 two are not."""
    worlds = json.loads((ROOT / "results" / "activated.json").read_text())["worlds"]
    falls = set()
    for n in (50, 100, 400):
        for name, entry in worlds[f"moons, {n}"]["models"].items():
            course = tensor(entry["series"]["test"]).mean(0)
            assert n == 50 or course[-1] > course[-3]
            if course[-1] <= course[-2]:
                falls.add((n, name))
    assert falls == {(50, "blind"), (50, "stopped")}


# -- chapters 10, 11, 13, 15, 17 -----------------------------------------------------------------------------


@needs("lem-blur-mean, eq-blur-mean", "a best width that is not zero")
def test_the_best_width_is_positive():
    """``lem-blur-mean``: two data, each with a code of its own, or with one code for both."""
    data = tensor([[0.0, 1.0], [2.0, 0.0]])

    def cost(means, sigma):
        return torch.log(2 * math.pi * sigma**2) + ((data - means) ** 2).sum(-1).mean() / (2 * sigma**2)

    costs = [cost(data, tensor(sigma)) for sigma in (1.0, 1e-3, 1e-6)]  # the mean of each code is its datum
    assert same(costs[1] - costs[0], 2 * math.log(1e-3)) and same(costs[2] - costs[1], 2 * math.log(1e-3))
    means = data.mean(0)
    best = ((data - means) ** 2).sum(-1).mean().div(2).sqrt()
    assert best > 0
    assert all(cost(means, best * factor) > cost(means, best) + 1e-3 for factor in (0.5, 0.9, 1.1, 2.0))
    assert cost(means + 0.1, best) > cost(means, best) + 1e-3


def information(joint):
    """I(x; z) of a joint p(z, x), [codes, examples]."""
    return kl(joint.flatten(), (joint.sum(1, keepdim=True) * joint.sum(0)).flatten())


@needs("lem-mi-bound, eq-mi-slope, cor-infogan-optimal, eq-infogan-optimal", "a guesser that expects what can come")
@needs("cor-infogan-optimal, eq-infogan-optimal", "one support")
def test_the_guesser_must_expect_what_can_come():
    """``eq-mi-slope``, ``cor-infogan-optimal``: a code begins to make an example that it did not make before."""
    joint = lambda t: torch.tensor([[1 - t**2, t**2], [0.0, 1.0]]) / 2
    guesser = joint(0.0) / joint(0.0).sum(0)

    def term(t):
        return -xlogy(joint(t), guesser).sum()

    assert same(term(0.0), 0.0) and term(1e-3) == term(-1e-3) == INFINITE
    steps = [((information(joint(t)) - information(joint(0.0))) / t).abs() for t in (1e-2, 1e-4, 1e-6)]
    assert all(a > b for a, b in pairwise(steps)) and steps[-1] < 2e-5  # the information has the slope zero

    # Positive wherever the joint is, and one support with the data for the second statement.
    codes = tensor(PRIOR)
    theta_0 = draws(2, 3)
    theta = theta_0.clone().requires_grad_()
    joint = lambda theta: codes[:, None] * softmax(theta, -1)
    guesser = joint(theta_0) / joint(theta_0).sum(0)
    left = slopes(lambda theta: -(joint(theta) * guesser.log()).sum(), theta)
    assert same(left, -slopes(lambda theta: information(joint(theta)), theta)) and left.abs().max() > 0.01

    d = normal(draws(3, seed=1))
    answers = d / (d + model(theta_0))
    left = slopes(lambda theta: -(joint(theta) * (guesser.log() + answers.log())).sum(), theta)
    right = slopes(lambda theta: 2 * kl((model(theta) + d) / 2, d) - information(joint(theta)), theta)
    assert same(left, right)
    d = tensor([0.4, 0.6, 0.0])  # the generator makes a third example
    answers = d / (d + model(theta_0))
    assert -(joint(theta_0) * (guesser.log() + answers.log())).sum() == INFINITE


@needs("lem-mdgan, eq-mdgan", "an infimum, which need not be reached; reconstructions where d or p is positive")
def test_the_price_of_a_reconstruction_has_an_infimum():
    """``lem-mdgan``: which need not be reached, and the price is not defined where nobody is."""
    x = torch.linspace(0.0, 12.0, 200)
    log_ratio = math.log(2) - 2 * x**2 + x**2 / 2  # of N(0, 1/4) to N(0, 1)
    price = torch.log1p(log_ratio.exp())
    assert (price > 0).all() and (price.diff() < 0).all() and price[-1] < 1e-90
    d, p = tensor([0.4, 0.6, 0.0]), tensor([0.7, 0.3, 0.0])
    price = -(d / (d + p)).log()
    assert price[2].isnan()
    r = softmax(draws(100, 2), -1)
    assert (r @ price[:2] > price[:2].min()).all() and same(price[1], math.log(1.5))


@needs("lem-rescaled, eq-rescaled", "answers strictly between 0 and 1")
def test_a_batch_needs_answers_between_zero_and_one():
    """``lem-rescaled``."""

    def sides(logits):
        theta = torch.zeros((), requires_grad=True)
        answers = sigmoid(logits + theta * draws(4, seed=1))
        odds = (answers / (1 - answers)).detach()
        weighted = (odds / odds.sum() * answers.log()).sum()
        (left,) = grad(weighted, theta, retain_graph=True)
        (right,) = grad(-(1 - answers).log().mean(), theta)
        return left, right / odds.mean()

    assert same(*sides(draws(4)))
    assert sides(torch.cat([draws(3), tensor([INFINITE])]))[0].isnan()
    assert sides(torch.cat([draws(3), tensor([-INFINITE])]))[0].isnan()


@needs("eq-cgan", "an infimum, which need not be reached, over pairs that can come")
def test_a_conditional_game_has_an_infimum():
    """``eq-cgan``: at the second label the supports are disjoint, and the third is never drawn."""
    labels = tensor([0.4, 0.6, 0.0])
    d = tensor([[0.2, 0.8], [1.0, 0.0], [0.5, 0.5]])
    g = tensor([[0.5, 0.5], [0.0, 1.0], [0.1, 0.9]])
    infimum = math.log(4) - 2 * (labels * jsd(d, g)).sum()
    loss = lambda answers: -(labels * value_of_the_game(d, g, answers)).sum()
    best = d / (d + g)
    assert same(loss(best), infimum)
    other = best.clone()
    other[2] = 0.123  # free, where the label has no probability
    assert loss(other) == loss(best)
    logits = [(d / g).log().clamp(-scale, scale) for scale in (3.0, 6.0, 12.0, 24.0)]
    losses = [loss(sigmoid(logit)) for logit in logits]
    assert all(a > b > infimum for a, b in pairwise(losses)) and losses[-1] < infimum + 1e-9


# -- the labels, and the page of checks --------------------------------------------------------------------------


def test_the_labels_are_those_of_the_book():
    cited = {
        label
        for path in Path(__file__).parent.glob("test_hypotheses*.py")
        for label in re.findall(r"``((?!ex-)[a-z]+-[a-z0-9-]+)``", path.read_text(encoding="utf8"))
    }
    assert len(cited) >= 27 and cited <= set(REGISTRY.statements)


def test_every_statement_says_what_it_needs_or_why_it_needs_nothing():
    """Each stands in one of the three: a test that shows it fail, a reason why nothing is needed, another statement."""
    needing, free, alike = set(REGISTRY.needs), set(tables.FREE), set(tables.AS)
    stated = {label for label, statement in REGISTRY.statements.items() if not statement.exempt}
    assert needing | free | alike == stated
    assert not needing & free and not needing & alike and not free & alike
    assert all(other in needing for other in tables.AS.values())
    assert all(len(reason) > 10 for reason in tables.FREE.values())
    assert len(needing) >= 180


def test_the_registry_reads_what_runs():
    """Without running it, from the decorators; every such test is collected by its name."""
    for label, hypotheses in REGISTRY.needs.items():
        for hypothesis, name in hypotheses.items():
            file, _, function = name.partition(".")
            assert function.startswith("test_") and file.startswith("test_hypotheses"), label
            assert f"def {function}(" in (Path(__file__).with_name(file + ".py")).read_text(encoding="utf8")
            assert hypothesis and not hypothesis.endswith(".")


def test_a_counterexample_of_nothing_is_told(tmp_path):
    root = tmp_path
    for folder in ("notebooks", "book", "ganvae_lib", "tests/book"):
        (root / folder).mkdir(parents=True)
    text = "# One\n\n$$\nh\n$$ (eq-half)\n\n$$\nc\n$$ (def-choice)\n"
    cells = [("markdown", text), ("code", "# check: eq-half\nassert True")]
    made = {"cells": [{"cell_type": kind, "source": [source]} for kind, source in cells]}
    (root / "notebooks" / "01_one.ipynb").write_text(json.dumps(made))
    test = root / "tests" / "book" / "test_hypotheses.py"
    test.write_text('@needs("eq-half", "an even number")\ndef test_odd_numbers():\n    assert 1 % 2\n')
    registry = Registry(root)
    assert registry.problems == []
    assert registry.needs == {"eq-half": {"an even number": "test_hypotheses.test_odd_numbers"}}
    page = checks.filled("% registry\n", registry, ["notebooks/01_one"], {})
    assert "| [`eq-half`](#check-eq-half) |  |  | an even number |" in page
    for labels, said in (
        ("eq-third", "shows eq-third fail, which stands nowhere"),
        ("def-choice", "def-choice is exempt, and yet"),
    ):
        test.write_text(f'@needs("{labels}", "an even number")\ndef test_odd_numbers():\n    assert 1 % 2\n')
        (problem,) = Registry(root).problems
        assert problem.startswith("tests/book/test_hypotheses.py, line 1: ") and said in problem
