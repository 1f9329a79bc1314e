"""Chapters 01 to 06: each hypothesis of a statement is needed, shown by a small world without it.

Worlds are finite, or piecewise constant densities, or quadrature, in float64. Nothing of the library is used.
"""

import math
from itertools import pairwise, product

import pytest
import torch
from needs import needs
from small_worlds import INFINITE, LOG2, apart, draws, entropy, jsd, kl, mean, normal, same, slopes, table, uniform
from torch import sigmoid, tensor, xlogy

pytestmark = pytest.mark.usefixtures("float64")


# -- chapter 01 ----------------------------------------------------------------------------------------------


@needs("eq-monte-carlo", "independent draws")
def test_draws_must_be_independent():
    p, values, count = tensor([0.25, 0.75]), tensor([3.0, 1.0]), 4
    center = mean(p, values)
    variance = mean(p, (values - center) ** 2)
    tuples = torch.cartesian_prod(*[torch.arange(2)] * count)
    for equal in (False, True):
        averages = values[tuples[:, :1] if equal else tuples].mean(1)
        chance = p[tuples].prod(1) if not equal else torch.where((tuples == tuples[:, :1]).all(1), p[tuples[:, 0]], 0.0)
        assert same(chance.sum(), 1.0) and same(mean(chance, averages), center)  # the mean is right in both cases
        spread = mean(chance, (averages - center) ** 2)
        assert same(spread, variance if equal else variance / count)


@needs("eq-monte-carlo", "terms of a finite variance, for an error that falls with the root of S")
def test_terms_without_a_variance_are_averaged_slowly():
    """z ~ U[0, 1] and p(x|z) = N(x; 0, z^2a) at x = 0: terms z^-a/√2π, with the variance ∞ for a ≥ 1/2. Medians of 400 errors."""
    z = torch.rand(400, 10_000, generator=torch.Generator().manual_seed(0))
    falls = {}
    for power in (0.2, 0.8):
        terms, truth = z**-power / math.sqrt(2 * math.pi), 1 / ((1 - power) * math.sqrt(2 * math.pi))
        few, many = ((terms[:, :count].mean(1) - truth).abs().median() for count in (100, 10_000))
        falls[power] = few / many
    assert abs(falls[0.2] - 10) < 2  # a hundred times the samples, a tenth of the error
    assert abs(falls[0.8] - 100**0.2) < 0.5  # the error of averages of such terms falls like S^-(1-a)


@needs("eq-change-of-variables", "a determinant that is nowhere zero")
def test_a_generator_that_stands_still_leaves_no_density_there():
    """G' is the distance to Cantor's set of length 1/2: G increases, but the noise in the set lands on no length at all.

    Stage k takes 2^(k-1) middles of length 4^-k out of [0, 1]. What the formula adds up to is the noise outside of the set.
    """
    kept, outside, image = [(0.0, 1.0)], 0.0, 0.0
    cdf = lambda z: math.erf(z / math.sqrt(2)) / 2
    for stage in range(1, 13):
        parts = []
        for low, high in kept:
            middle, half = (low + high) / 2, 4.0**-stage / 2
            outside += cdf(middle + half) - cdf(middle - half)
            image += half**2  # the integral of G' over this middle
            parts += [(low, middle - half), (middle + half, high)]
        kept = parts
    inside = cdf(1) - outside  # P(0 < z < 1) is cdf(1)
    stretched = sum((high - low) ** 2 for low, high in kept)  # G' is at most the length of a part
    assert abs(sum(high - low for low, high in kept) - 0.5) < 2e-4 and inside > 0.15
    assert stretched < 1e-2 * image  # all of that noise, on a length that goes to zero


@needs("eq-change-of-variables", "an invertible G")
def test_the_change_of_variables_needs_an_inverse():
    """x = z² of normal noise: two codes make each x, and the formula, at one of them, gives half of the density."""
    density = lambda z: math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    cdf = lambda x: math.erf(math.sqrt(x / 2))
    step = 1e-4
    truth = (cdf(1 + step) - cdf(1 - step)) / (2 * step)
    formula = density(1.0) / 2  # |G'(1)| = 2
    assert abs(truth - 2 * formula) < 1e-6 and formula > 0.1
    one_sided = (cdf(1 + step) - cdf(1 - step)) / (2 * step)  # of |z|, which z > 0 determines: density 2 φ(z)
    assert abs(one_sided - 2 * density(1.0) / 2) < 1e-6


def hilbert(n, i):
    """Where the i-th of n² steps of Hilbert's curve is, in a square of n x n cells."""
    x = y = 0
    s = 1
    while s < n:
        right, up = 1 & (i // 2), 1 & (i ^ (i // 2))
        if not up:
            if right:
                x, y = s - 1 - x, s - 1 - y
            x, y = y, x
        x, y, i, s = x + s * right, y + s * up, i // 4, 2 * s
    return x, y


@needs("lem-no-density", "fewer codes than dimensions of x; a speed that is bounded")
def test_one_number_of_noise_can_fill_a_square():
    """Hilbert's curve is continuous, and uniform noise becomes uniform on the square: it has a density, which is one."""
    for n in (4, 16, 64):
        cells = [hilbert(n, i) for i in range(n * n)]
        assert len(set(cells)) == n * n  # equal intervals of noise land in different cells, and in all of them
        assert all(abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a, b in pairwise(cells))  # it does not jump
    # With as many codes as dimensions, G(z) = z has the density of the noise.
    # The speed: n² steps of length 1/n in a unit of time. It has no bound, so the discs of eq-thin need not shrink.
    assert [n * n / n for n in (4, 16, 64)] == [4, 16, 64]


@needs("eq-thin", "a bound on the speed")
def test_discs_cover_a_curve_of_bounded_speed_only():
    """N discs of radius 2aL/N with too small an L leave points of the curve out; with the largest speed none."""
    curve = lambda z: torch.stack([z, (3 * z).sin()], -1)
    speed = math.sqrt(1 + 9)  # the largest
    pieces, many = 50, torch.linspace(-1, 1, 20_001)
    centers = curve(torch.linspace(-1, 1, pieces + 1)[:-1])
    nearest = lambda length: (torch.cdist(curve(many), centers).min(1).values <= 2 * length / pieces).all()
    assert nearest(speed) and not nearest(0.2 * speed)


@needs("eq-posterior", "an x that can be made")
def test_what_is_never_made_has_no_posterior():
    prior, likelihood = tensor([0.4, 0.6]), tensor([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]])
    joint = prior[:, None] * likelihood
    posterior = joint / joint.sum(0)
    assert same(posterior[:, :2].sum(0), torch.ones(2)) and posterior[:, 2].isnan().all()


@needs("eq-linear-gaussian", "independent z and ε")
@needs("eq-linear-gaussian-posterior", "σ > 0")
def test_a_linear_world_needs_noise_of_its_own():
    w, sigma = tensor([[1.0, 1.0], [2.0, 0.0], [0.5, 3.0]]), 0.5
    eye = torch.eye(3, 2)
    dependent = (w + sigma * eye) @ (w + sigma * eye).T  # ε = the codes themselves
    assert apart(dependent + sigma**2 * torch.diag(tensor([0.0, 0.0, 1.0])), w @ w.T + sigma**2 * torch.eye(3), 0.4)
    wide = tensor([[1.0, 1.0]])  # two codes, one pixel: without noise M has no inverse
    for sigma, rank in ((0.5, 2), (0.0, 1)):
        assert torch.linalg.matrix_rank(wide.T @ wide + sigma**2 * torch.eye(2)) == rank


def ppca(eigenvalues, kept, sigma2):
    """The average log-likelihood of data with these eigenvalues, where W takes over those that are kept."""
    n = len(eigenvalues)
    kept = torch.tensor([i in kept for i in range(n)])
    of_model = torch.where(kept, eigenvalues, torch.as_tensor(sigma2))
    return -(n * math.log(2 * math.pi) + of_model.log().sum() + (eigenvalues / of_model).sum()) / 2


@needs("eq-ppca, eq-ppca-likelihood", "the largest eigenvalues; others that are not all zero")
def test_ppca_keeps_the_largest_eigenvalues_and_needs_something_left():
    eigenvalues = tensor([4.0, 2.0, 1.0, 0.5])
    best = ppca(eigenvalues, {0, 1}, 0.75)
    formula = -(4 * math.log(2 * math.pi) + math.log(8) + 2 * math.log(0.75) + 4) / 2
    assert same(best, formula)
    assert best > ppca(eigenvalues, {0, 2}, (2 + 0.5) / 2) + 0.01
    # With nothing left σ² would be zero, and the likelihood rises without limit on the way there.
    flat = tensor([4.0, 2.0, 0.0, 0.0])
    values = [ppca(flat, {0, 1}, sigma2) for sigma2 in (1e-1, 1e-4, 1e-8)]
    assert all(b > a + 6 for a, b in pairwise(values))


# -- chapter 02 ----------------------------------------------------------------------------------------------


@needs("lem-gibbs", "a second argument that is a density, of mass one")
def test_a_belief_that_is_no_density_can_be_too_cheap():
    p = table(4)
    assert same(kl(p, 2 * p), -LOG2) and kl(p, table(4, seed=1)) > 0.1


@needs("eq-kl-gaussians", "Gaussians")
def test_the_formula_of_gaussians_is_one_of_gaussians():
    """Two uniforms with the standard deviations 1 and 2 about zero: log 2, and not log 2 + 1/8 - 1/2."""
    formula = lambda s1, s2: math.log(s2 / s1) + s1**2 / (2 * s2**2) - 0.5
    half_width = math.sqrt(3.0)
    edges = [-2 * half_width, -half_width, half_width, 2 * half_width]
    assert same(kl(uniform(-half_width, half_width, edges), uniform(edges[0], edges[3], edges)), LOG2)
    assert abs(formula(1.0, 2.0) - LOG2) > 0.3


@needs("lem-moments, eq-forward-kl-moments", "a finite variance")
@needs("lem-moments, eq-forward-kl-moments", "Gaussian models")
def test_moments_are_for_gaussian_models_of_a_finite_variance():
    # A Cauchy density: the average of (x - μ)² has no limit, and neither has the KL to any Gaussian.
    partial = [2 / math.pi * (r - math.atan(r)) for r in (1e2, 1e4, 1e6)]  # ∫ x²/(π(1 + x²)) over [-r, r]
    assert all(b > 90 * a for a, b in pairwise(partial))
    # A Laplace model of unit scale is fitted by the median.
    points, masses = tensor([0.0, 1.0, 10.0]), tensor([0.3, 0.4, 0.3])
    cost = lambda center: (masses * (points - center).abs()).sum()
    assert cost(1.0) < cost((masses * points).sum()) - 0.5


@needs("lem-curvature, eq-reverse-kl-curvature", "log d twice differentiable")
def test_a_kink_has_no_curvature():
    """d(x) = exp(-|x|)/2: the KL of N(0, σ²) is least at σ² = π/2, and the second derivative is zero almost everywhere."""
    cost = lambda sigma: -0.5 * torch.log(2 * math.pi * math.e * sigma**2) + LOG2 + sigma * math.sqrt(2 / math.pi)
    best = tensor(math.sqrt(math.pi / 2))
    assert slopes(cost, best).abs() < 1e-12 and cost(best) < cost(0.9 * best) and cost(best) < cost(1.1 * best)
    assert 1 / best**2 > 0.6  # and - E[l''] = 0
    # A smooth neighbour, log d = -√(x² + 1e-6) + const.: the curvature is there again, at the kink.
    x = (torch.arange(400_001) - 200_000) * 5e-5
    density = (-((x / best) ** 2) / 2).exp()
    density = density / density.sum()
    assert same((density * 1e-6 / (x**2 + 1e-6) ** 1.5).sum(), 1 / best**2, 2e-3)


@needs("lem-curvature, eq-reverse-kl-curvature", "derivatives of log d that do not grow too fast")
def test_a_bounded_log_density_may_have_no_average_slope():
    """log d = -x²/2 + sin(exp(x⁴)) + const.: the KL is finite, but E|l'| is not, so E[l'] does not exist."""

    def truncated(u_max):
        """∫ 4x³ exp(x⁴)|cos exp(x⁴)| exp(-x²/2) dx up to exp(x⁴) = u_max; in u it is ∫ |cos u| exp(-√(log u)/2) du."""
        u = 1 + (u_max - 1) * (torch.arange(2_000_000) + 0.5) / 2_000_000
        return (u.cos().abs() * (-u.log().sqrt() / 2).exp()).mean() * (u_max - 1)

    sizes = [truncated(u) for u in (1e2, 1e3, 1e4, 1e5)]
    assert all(b > 5 * a for a, b in pairwise(sizes))  # it grows almost like u


@needs("eq-dropped-mode", "modes that do not overlap")
def test_what_a_dropped_mode_costs_depends_on_the_overlap():
    """The reverse KL of the kept mode: f(w) + (1 - w) = -log w where the modes are apart, and less where they overlap."""
    w, kept = 0.6, tensor([0.5, 0.5, 0.0])
    for other, overlap in (([0.0, 0.0, 1.0], False), ([0.0, 0.5, 0.5], True)):
        cost = kl(kept, w * kept + (1 - w) * tensor(other))
        assert same(cost, -math.log(w)) != overlap and cost <= -math.log(w) + 1e-12
    assert cost < -math.log(w) - 0.05


# -- chapter 03 ----------------------------------------------------------------------------------------------


@needs("eq-elbo, eq-beta", "finite averages")
def test_a_bound_has_two_forms_where_both_have_terms():
    """Codes 1, 2, … with q(n) = p(n|x) ∝ 1/n², p(n) ∝ 2⁻ⁿ, p(x|n) ∝ 2ⁿ/n²: log p(x) is one number, and the terms are ∞ - ∞."""
    parts = []
    for count in (100, 10_000):
        n = torch.arange(1, count + 1.0)
        log_prior = -n * LOG2
        log_likelihood = n * LOG2 - 2 * n.log()
        q = (-2 * n.log()).exp()
        q = q / q.sum()
        first = (q * (log_prior + log_likelihood - q.log())).sum()
        assert same(first, (-2 * n.log()).logsumexp(0))  # log p(x), whatever the cut
        parts.append(((q * log_likelihood).sum(), (q * (q.log() - log_prior)).sum()))
    # Both terms of the second form grow with the logarithm of the cut.
    assert all(later > earlier + 1.5 for earlier, later in zip(*parts, strict=True))
    # So at the posterior the bound with half a KL exceeds log p(x) by more than any number.
    over = [likelihood - price / 2 - (likelihood - price) for likelihood, price in parts]
    assert over[1] > over[0] + 0.7


@needs("lem-gap, eq-gap", "a q without mass where the posterior has none, and finite terms")
def test_codes_that_cannot_be_leave_no_bound():
    joint, q = tensor([0.3, 0.0]), tensor([0.5, 0.5])
    bound = (xlogy(q, joint) - xlogy(q, q)).sum()
    assert bound == -INFINITE and kl(q, joint / joint.sum()) == INFINITE  # their sum is no number
    q = tensor([1.0, 0.0])
    assert same((xlogy(q, joint) - xlogy(q, q)).sum() + kl(q, joint / joint.sum()), math.log(0.3))


@needs("eq-mean-field", "a Gaussian posterior")
def test_the_price_of_mean_field_is_one_of_gaussians():
    """A posterior on (±1, 0) and (0, ±1), uniform: its covariance is diagonal, so the formula says 0; the price is log 2."""
    points = tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    precision = torch.linalg.inv(points.T.cov(correction=0))
    assert same((precision.diagonal().log().sum() - precision.logdet()) / 2, 0.0)
    # A product has its mass on a rectangle, here a point or two points of one line.
    best = min(kl(tensor([a, 1 - a]), tensor([0.25, 0.25])) for a in torch.linspace(0, 1, 101).tolist())
    assert same(best, LOG2)


@needs("thm-em, eq-em", "an E step that reaches the posterior")
def test_a_restricted_e_step_may_lower_the_likelihood():
    """Tables for the decoder, three examples, two codes. With the best point masses for q the likelihood may fall."""
    prior, counts = tensor([0.3, 0.7]), tensor([3.0, 2.0, 1.0])
    changes = {"posterior": [], "points": []}
    for seed in range(40):
        decoder = table(2, 3, seed=seed)
        posterior = prior[:, None] * decoder / (prior @ decoder)
        points = torch.zeros(2, 3).scatter_(0, posterior.argmax(0, keepdim=True), 1.0)
        for name, q in (("posterior", posterior), ("points", points)):
            shares = counts * q
            if (shares.sum(1) > 0).all():  # else a code would be left without examples
                new = shares / shares.sum(1, keepdim=True)
                before, after = ((counts * (prior @ d).log()).sum().item() for d in (decoder, new))
                changes[name].append(after - before)
    assert len(changes["posterior"]) == 40 and min(changes["posterior"]) > -1e-12
    assert len(changes["points"]) > 10 and min(changes["points"]) < -0.1


@needs("eq-m-step", "a component with responsibility for different points")
def test_a_component_without_points_has_no_m_step():
    x, r = tensor([0.0, 1.0, 2.0]), tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    n = r.sum(1)
    means = (r * x).sum(1) / n
    assert means[0] == 1 and means[1].isnan()
    r = tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    means = (r * x).sum(1) / r.sum(1)
    widths = (r * (x - means[:, None]) ** 2).sum(1) / r.sum(1)
    assert widths[0] == 0 and widths[1] > 0  # and with σ = 0 the likelihood has no maximum


@needs("eq-two-gaps", "an encoder within the family")
def test_an_encoder_outside_of_the_family_may_be_better_than_its_best():
    joint = tensor([[0.2, 0.05], [0.05, 0.1]])
    bound = lambda q: (q * (joint.log() - q.log())).sum()
    grid = torch.linspace(0.01, 0.99, 99)
    product_of = lambda a, b: tensor([[a * b, a * (1 - b)], [(1 - a) * b, (1 - a) * (1 - b)]])
    best = max(bound(product_of(a, b)) for a, b in product(grid.tolist(), grid.tolist()))
    exact = joint / joint.sum()
    assert best - bound(exact) < -0.05 and all(best >= bound(product_of(a, 0.4)) for a in (0.3, 0.8))


@needs("eq-score-function", "a support that does not move")
def test_the_score_sees_no_edge_that_moves():
    """U[0, η] and f(z) = z: the average is η/2, its slope 1/2; the score is -1/η everywhere, which gives -1/2."""
    eta = 1.7
    z = eta * (torch.arange(1000) + 0.5) / 1000
    assert same((z * (-1 / eta)).mean(), -0.5, 1e-9)
    assert same((z.mean() * 1.01 - z.mean()) / (0.01 * eta), 0.5, 1e-9)


@needs("eq-reparameterisation, eq-pathwise", "a smooth f, or h and G")
def test_no_push_comes_through_a_jump():
    """f(z) = 1[z > 0] under N(η, 1): the slope is the density at zero, and f' is zero almost everywhere."""
    chance = lambda eta: (1 + torch.erf(eta / math.sqrt(2))) / 2
    eta = tensor(0.4)
    assert same(slopes(chance, eta), math.exp(-0.08) / math.sqrt(2 * math.pi))
    noise = draws(1000)
    moved = slopes(lambda eta: ((eta + noise) > 0).double().mean() + 0 * eta, eta)
    assert moved == 0
    # A steep sigmoid is smooth, and has the slope by both ways.
    grid = torch.linspace(-9, 9, 20_001)
    weight = (-(grid**2) / 2).exp()
    weight = weight / weight.sum()
    smooth = slopes(lambda eta: (weight * sigmoid(50 * (eta + grid))).sum(), eta)
    assert same(smooth, math.exp(-0.08) / math.sqrt(2 * math.pi), 1e-3)


@needs("lem-iwae, eq-iwae", "a finite L: no draws of weight zero")
def test_draws_that_may_all_be_worthless_have_no_bound():
    """Half of q is where the joint has nothing: all k draws may land there, so every L_k is -∞."""
    joint, q = tensor([0.5, 0.0]), tensor([0.5, 0.5])
    for k in (1, 2, 8):
        tuples = torch.cartesian_prod(*[torch.arange(2)] * k).reshape(-1, k)
        chance, weights = q[tuples].prod(1), (joint / q)[tuples].mean(1)
        assert mean(chance, weights.log()) == -INFINITE
    assert same(mean(q, joint / q), 0.5)  # while log E[w] = log p(x) = log ½


def test_the_weights_need_no_bound():
    """``lem-iwae`` without bounded weights: w = z^(-1/2) on (0, 1), E[w] = 2. L_k rises to log 2, by one integral.

    L_k = ∫ (e^-s - l(s)^k) ds/s - log k with l(s) = E[e^(-sw)], as eq-any-k has it.
    """
    s = torch.logspace(-10, 3, 2000)
    u = (torch.arange(20_000) + 0.5) / 20_000
    weight = 4 * u**3 / (4 * u**3).sum()  # z = u⁴: fine near zero, where w is large
    missing = torch.stack([-(weight * torch.expm1(-a * u**-2)).sum() for a in s])  # 1 - l(s)
    bounds = []
    for k in (1, 4, 64, 1024, 16384):
        inside = (-s).exp() - (k * torch.log1p(-missing)).exp()
        bounds.append(torch.trapezoid(inside, s.log()) - math.log(k))
    assert same(bounds[0], 0.5, 1e-4)  # E[-½ log z] = ½
    assert all(a < b < LOG2 for a, b in pairwise(bounds)) and LOG2 - bounds[-1] < 1e-3


@needs("lem-grey, eq-dequantised", "noise that is uniform between the levels")
@needs("lem-grey", "the sign of the logit")
def test_grey_levels_without_noise_have_no_ceiling():
    """Two levels, one pixel, always dark: log p(0) - log 2 passes zero, and under noise it never does."""
    log_density = lambda x, t: math.log(t / math.expm1(t)) + t * x
    noise = (torch.arange(10_000) + 0.5) / 10_000
    for t in (-3.0, -10.0, -30.0):
        dark = (noise * 0.5).tolist()
        cell = math.log(math.expm1(t / 2) / math.expm1(t))  # the probability of the cell [0, 1/2)
        noisy = sum(log_density(x, t) for x in dark) / len(dark) - LOG2
        assert noisy <= cell <= 0 < log_density(0.0, t) - LOG2
        assert log_density(0.0, t) > math.log(-t) and log_density(1.0, t) < math.log(-t)
        small = sum(log_density(0.01 * x, t) for x in dark) / len(dark) - LOG2  # noise, but too little of it
        assert small > cell
    assert log_density(0.0, -300.0) > log_density(0.0, -30.0) + 2 > log_density(0.0, -3.0) + 4


# -- chapter 04 ----------------------------------------------------------------------------------------------


@needs("eq-density-ratio", "a fair coin")
def test_a_coin_that_is_not_fair_shifts_the_logit():
    d, g, real = table(4), table(4, seed=1), 0.8
    posterior = real * d / (real * d + (1 - real) * g)
    assert same((posterior / (1 - posterior)).log(), (d / g).log() + math.log(4))


def moving(t, step=1e-3):
    """The edges, d = U[0, 1], and g = U[t, t + 1] at t - step, t, t + step."""
    edges = [0, t - step, t, t + step, 1, 1 + t - step, 1 + t, 1 + t + step]
    return [uniform(0, 1, edges)] + [uniform(a, a + 1, edges) for a in (t - step, t, t + step)]


@needs("eq-least-squares", "one support, as in lem-link")
def test_least_squares_needs_one_support():
    d, left, here, right = moving(0.4)
    t = torch.where(d + here > 0, d / (d + here), 0 * d)
    frozen = [mean(g, (t - 1) ** 2 / 2) for g in (left, here, right)]

    def divergence(g):
        m = (d + g) / 2
        return kl(d, m) - torch.where(m > 0, (d - g) ** 2 / (2 * m), 0.0).sum() / 8

    slope_of_divergence = (divergence(right) - divergence(here)) / 1e-3
    assert same(slope_of_divergence, LOG2 - 0.25, 1e-9)
    assert same((frozen[2] - frozen[1]) / 1e-3, 0.375, 1e-9)


@needs("eq-hinge", "d and g that differ almost everywhere")
def test_the_total_variation_has_a_corner_where_both_agree():
    """Where d = g on a set of positive mass, t* = 0 there, and ∫|d - g| has no gradient."""
    d = tensor([0.5, 0.3, 0.2])
    tv2 = lambda g: (d - g).abs().sum()
    for g in (tensor([0.5, 0.2, 0.3]), tensor([0.45, 0.2, 0.35])):
        direction = tensor([1.0, -0.5, -0.5])  # keeps the mass
        right, left = ((tv2(g + h * direction) - tv2(g)) / h for h in (1e-6, -1e-6))
        frozen = (direction * -(d - g).sign()).sum()
        agree = bool((d == g).any())
        assert same(right, left, 1e-6) != agree and same(right, frozen, 1e-6) != agree


def conjugate_gap(f, ratios, g, grid):
    """D_f, and the supremum over T of E_d[T] - E_g[f*(T)], both on a grid of u; f* is a maximum over the grid."""
    s = torch.linspace(-8, 8, 1601)
    conjugate = (s[:, None] * grid - f(grid)).max(1).values
    best = (s * ratios[:, None] - conjugate).max(1).values
    return (g * f(ratios)).sum(), (g * best).sum()


@needs("eq-fgan", "a convex f")
def test_a_conjugate_forgets_what_is_not_convex():
    """The supremum is that of the largest convex function below f. Two bumps at ½ and 2 show the difference."""
    g, ratios, grid = tensor([0.5, 0.5]), tensor([0.5, 1.5]), torch.linspace(0, 4, 4001)
    convex = lambda u: (u - 1) ** 2
    value, supremum = conjugate_gap(convex, ratios, g, grid)
    assert same(value, supremum, 1e-3) and value > 0.2
    bumpy = lambda u: (u - 1) ** 2 * (u - 2) ** 2 * u**2  # zero at 0, 1 and 2
    value, supremum = conjugate_gap(bumpy, ratios, g, grid)
    assert value > 0.1 and supremum < 0.02


@needs("eq-fgan", "all functions T")
def test_a_restricted_witness_is_a_bound_only():
    """T constant: the value is T - f*(T) ≤ f(1) = 0, whatever the divergence."""
    d, g = tensor([0.2, 0.8]), tensor([0.6, 0.4])
    value = lambda t: (d * t).sum() - (g * (t - 1).exp()).sum()  # the conjugate of u log u
    assert same(value(1 + (d / g).log()), kl(d, g))
    assert max(value(tensor([c, c])) for c in torch.linspace(-2, 3, 501)) < 1e-6 < kl(d, g)


@needs("eq-w1-dual", "slopes of at most one; means that are finite")
def test_a_critic_without_a_limit_has_no_maximum():
    d, g, x = tensor([0.0, 1.0]), tensor([1.0, 0.0]), tensor([0.0, 1.0])  # W₁ = 1
    gains = [((d - g) * slope * x).sum().item() for slope in (1.0, 10.0, 100.0)]
    assert gains == [1.0, 10.0, 100.0]
    partial = [math.log1p(r**2) / math.pi for r in (1e2, 1e4, 1e8)]  # E|x| of a Cauchy density, cut off at r
    assert all(b > a + 2 for a, b in pairwise(partial))


@needs("eq-dirac", "steps below 2, to stay on a circle")
def test_long_steps_leave_the_circle():
    sizes = {}
    for alpha in (0.5, 1.9, 2.1):
        in_turn = tensor([[1 - alpha**2, alpha], [-alpha, 1.0]])
        assert same(in_turn.det(), 1.0)
        sizes[alpha] = torch.linalg.eigvals(in_turn).abs().max()
    assert same(sizes[0.5], 1.0) and same(sizes[1.9], 1.0) and sizes[2.1] > 1.5


@needs("eq-push", "answers that are not certain")
def test_a_certain_answer_pushes_with_no_finite_force():
    t = tensor([0.0, 800.0])
    odds = slopes(lambda t: -t.exp().sum(), t)
    assert odds[0] == -1 and odds[1] == -INFINITE


# -- chapter 05 ----------------------------------------------------------------------------------------------


@needs("lem-past", "factors that see only the past")
def test_a_factor_that_sees_the_future_is_no_density():
    agree = lambda own, seen: 0.9 if own == seen else 0.1
    images = list(product((0, 1), repeat=2))
    assert sum(0.5 * agree(b, a) for a, b in images) == pytest.approx(1)
    # the first pixel looks at the second, too
    assert sum(agree(a, b) * agree(b, a) for a, b in images) == pytest.approx(1.64)


@needs("lem-stacks", "a first layer that leaves out the own row and pixel")
def test_a_first_layer_that_looks_at_its_own_pixel_sees_it():
    """What a horizontal stack of reach 1 sees in a row of seven, as sets, with and without the own pixel at first."""
    for open_at_first in (False, True):
        seen = [{j - 1} | ({j} if open_at_first else set()) for j in range(7)]
        for _ in range(2):
            seen = [seen[j] | (seen[j - 1] if j else set()) for j in range(7)]
        assert (4 in seen[4]) == open_at_first and {1, 2, 3} <= seen[4]


@needs("eq-ancestral", "numbers that are independent")
def test_one_number_for_all_dimensions_makes_copies():
    """Two fair, independent bits drawn with one and the same u: only 00 and 11 come out."""
    bits = {(int(u >= 0.5), int(u >= 0.5)) for u in torch.linspace(0, 0.999, 100).tolist()}
    assert bits == {(0, 0), (1, 1)}


@needs("eq-ngram", "a > 0; contexts counted only where something follows")
def test_counts_need_something_to_lean_on():
    text = "abab"
    pairs = [text[i : i + 2] for i in range(len(text) - 1)]

    def probability(context, character, a, counted):
        return (pairs.count(context + character) + a / 2) / (counted.count(context) + a)

    followed = list(text[:-1])
    assert sum(probability("b", c, 1.0, followed) for c in "ab") == 1
    assert sum(probability("b", c, 1.0, list(text)) for c in "ab") == pytest.approx(2 / 3)  # the last b counted, too
    with pytest.raises(ZeroDivisionError):
        probability("c", "a", 0.0, followed)


# -- chapter 06 ----------------------------------------------------------------------------------------------


@needs("lem-ada, eq-ada, eq-gan-from-ada", "equal weights of the domains")
def test_unequal_domains_weigh_their_answers():
    p1, p0, answers = table(4), table(4, seed=1), sigmoid(draws(4, seed=2))
    sides = mean(p1, answers.log()), mean(p0, (1 - answers).log())
    for real in (0.5, 0.3):
        weighed = real * sides[0] + (1 - real) * sides[1]
        assert same(2 * weighed, sides[0] + sides[1]) == (real == 0.5)
    # The generator's part of it has the factor p(0), not ½.
    theta = draws(4, seed=3)
    part = lambda theta, real: (1 - real) * mean(normal(theta), answers.log())
    half = slopes(lambda theta: mean(normal(theta), answers.log()) / 2, theta)
    assert same(slopes(lambda theta: part(theta, 0.5), theta), half)
    assert apart(slopes(lambda theta: part(theta, 0.3), theta), half)


@needs("lem-y-bound, eq-y-bound", "a positive prior of the features")
def test_a_prior_must_allow_what_is_inferred():
    p, answers = tensor([0.5, 0.5]), tensor([0.3, 0.8])
    for prior, fine in ((tensor([0.4, 0.6]), True), (tensor([0.0, 1.0]), False)):
        evidence = (prior * answers).sum()
        right = mean(p, answers.log()) - kl(p, prior) + kl(p, prior * answers / evidence)
        assert same(right, evidence.log()) if fine else right.isnan()


@needs("lem-no-potential, eq-ada-curl", "conditionals that are positive on one set")
def test_reversed_answers_have_no_field_off_the_common_support():
    """A feature that the source alone makes: the reversed loss is infinite there, whatever the parameters."""
    p1, p0 = tensor([0.5, 0.5, 0.0]), tensor([0.2, 0.3, 0.5])
    best = p1 / (p1 + p0)
    assert mean(p1, -(1 - best).log()) + mean(p0, -best.log()) == INFINITE
    p1, p0 = table(3), table(3, seed=1)
    best = p1 / (p1 + p0)
    assert (mean(p1, -(1 - best).log()) + mean(p0, -best.log())).isfinite()


@needs(
    "lem-target-bound, eq-target-bound, lem-label-shift, eq-label-shift", "a classifier that sees the features alone"
)
def test_a_classifier_that_knows_the_domain_obeys_no_bound():
    features = tensor([0.5, 0.5])  # alike in both domains

    def error(chances, says):
        """Of a classifier that says ``says[x]`` at feature x, where label 1 has these chances."""
        right = torch.where(torch.tensor(says) == 1, chances, 1 - chances)
        return 1 - (features * right).sum().item()

    # The label is the feature, in both domains: the bound for the target is the source's error.
    chances = tensor([0.0, 1.0])
    assert error(chances, [0, 1]) == 0  # what it does in the source
    assert error(chances, [1, 0]) == 1  # and in the target, told where it is
    # Labels 50 : 50 in the source and all 0 in the target: TV ½ between labels, 0 between features.
    source, target = tensor([0.0, 1.0]), tensor([0.0, 0.0])
    one_for_both = [error(source, says) + error(target, says) for says in product((0, 1), repeat=2)]
    assert min(one_for_both) >= 0.5
    assert error(source, [0, 1]) + error(target, [0, 0]) == 0


def test_all_statements_with_a_coin_have_one():
    """The helpers: JSD and entropies of these worlds are those of the text."""
    p, q = table(5), table(5, seed=1)
    assert same(jsd(p, q), entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2)
