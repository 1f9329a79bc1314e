"""Chapters 13 to 18: each hypothesis of a statement is needed, shown by a small world without it.

Worlds are finite, or piecewise constant densities, or quadrature, in float64. Nothing of the library is used.
"""

import math
from itertools import pairwise, product

import pytest
import torch
from needs import needs
from small_worlds import (
    INFINITE,
    LOG2,
    apart,
    draws,
    entropy,
    jsd,
    kl,
    mean,
    normal,
    same,
    slopes,
    table,
    uniform,
    value_of_the_game,
)
from torch import sigmoid, softmax, tensor, xlogy

pytestmark = pytest.mark.usefixtures("float64")


# -- chapter 13 ----------------------------------------------------------------------------------------------


@needs("lem-two-fakes, eq-two-fakes-gradient, eq-alpha-gan, eq-ali-players", "one support of both sides")
def test_fakes_that_cannot_be_data_cost_infinitely_much():
    """What is not in d has D* = 0: the frozen loss is infinite, for samples, reconstructions, or pairs."""
    d, b = tensor([0.5, 0.5, 0.0]), tensor([0.2, 0.3, 0.5])
    best = d / (d + b)
    assert mean(b, -best.log()) == INFINITE and mean(b, -(best / (1 - best)).log()) == INFINITE
    assert kl((b + d) / 2, d) == INFINITE and kl(b, d) == INFINITE
    d = table(3)
    best = d / (d + b)
    assert mean(b, -best.log()).isfinite() and kl(b, d).isfinite()


@needs("eq-two-fakes, eq-two-fakes-gradient", "the data once for each kind of fakes, or once in all: they differ")
def test_data_that_enter_once_shift_the_logit_and_change_the_divergence():
    d, theta = table(4), draws(4, seed=1)
    b = normal(theta)
    for times, agree in ((2, True), (1, False)):
        answers = times * d / (times * d + 2 * b)
        assert same((answers / (1 - answers)).log(), (d / b).log() + math.log(times / 2))
        step = slopes(lambda t, answers=answers: 2 * mean(normal(t), -answers.log()), theta)
        assert same(step, slopes(lambda t: 4 * kl((normal(t) + d) / 2, d), theta)) == agree


@needs("lem-ali, eq-ali-value", "discriminators that see the pair, all of them; a supremum that need not be reached")
def test_a_judge_of_examples_alone_does_not_see_the_pairing():
    """x and z are fair bits in both joints; z = x in the one and z = 1 - x in the other. The pair gives all away."""
    q, p = tensor([0.5, 0.0, 0.0, 0.5]), tensor([0.0, 0.5, 0.5, 0.0])
    best = 2 * jsd(q, p) - 2 * LOG2
    assert same(best, 0.0)
    x_only = lambda a, b: value_of_the_game(q, p, tensor([a, a, b, b]))
    grid = torch.linspace(0.01, 0.99, 99).tolist()
    assert same(max(x_only(a, b) for a, b in product(grid, grid)), -2 * LOG2)  # that of no divergence at all
    sides = tensor([1.0, -1.0, -1.0, 1.0])
    values = [value_of_the_game(q, p, sigmoid(scale * sides)) for scale in (1.0, 5.0, 20.0)]
    assert all(a < b < best for a, b in pairwise(values)) and values[-1] > best - 1e-8


@needs("lem-avb, eq-avb-gradient", "a support that does not move; η = η₀")
def test_a_ratio_may_be_frozen_on_a_fixed_support_only():
    """q = U[0, η] and p(z) = 1/10 on [0, 10]: KL = log(10/η), of slope -1/η. The frozen ratio is infinite beyond η₀."""
    eta, step = 0.8, 1e-3
    edges = [0, eta - step, eta, eta + step, 10]
    prior, (less, here, more) = uniform(0, 10, edges), (uniform(0, e, edges) for e in (eta - step, eta, eta + step))
    assert same((kl(more, prior) - kl(here, prior)) / step, -1 / eta, 1e-3)
    logit = prior.log() - here.log()
    frozen = [mean(q, -logit) for q in (less, here, more)]
    assert frozen[2] == -INFINITE and same(frozen[0], frozen[1])  # on the left the slope is zero, not -1/η
    eta_0 = draws(4)
    logit, prior = table(4, seed=1).log() - normal(eta_0).log(), table(4, seed=1)
    for at, agree in ((eta_0, True), (eta_0 + 0.5 * draws(4, seed=2), False)):
        sides = slopes(lambda e: mean(normal(e), -logit), at), slopes(lambda e: kl(normal(e), prior), at)
        assert same(*sides) == agree


@needs("lem-avb, eq-avb-gradient", "a finite KL from the encoder to the prior")
def test_a_code_without_prior_has_an_infinite_price():
    """On one fixed support, two codes: the prior has no mass at one of them, so both sides are infinite for every η."""
    prior = tensor([1.0, 0.0])
    for eta in (0.0, 0.3):
        q = normal(tensor([eta, 0.0]))
        assert kl(q, prior) == INFINITE and mean(q, -(prior.log() - q.log())) == INFINITE
    assert kl(normal(tensor([0.3, 0.0])), tensor([0.9, 0.1])).isfinite()


# -- chapter 14 ----------------------------------------------------------------------------------------------


@needs("lem-mirror", "tools that ask for samples only; in pairs a link with real(-t) = fake(t)")
def test_not_every_link_is_its_own_mirror_image():
    t = torch.linspace(-3, 3, 13)
    softplus = torch.nn.functional.softplus
    real, fake = (lambda t: softplus(-t)), softplus  # logistic
    assert same(real(-t), fake(t))
    real, fake = (lambda t: (t - 1) ** 2 / 2), (lambda t: t**2 / 2)  # least squares
    assert apart(real(-t), fake(t), 0.4)
    # KL needs a density on the model's side: p(z) has one, and the data, its mirror image, have none.
    assert kl(tensor([0.5, 0.5]), tensor([0.5, 0.5])) == 0 and kl(tensor([0.5, 0.5]), tensor([0.0, 0.0])) == INFINITE


@needs("eq-mmd", "a kernel that is an inner product of features")
def test_a_squared_distance_is_no_kernel():
    points, p, q = tensor([-1.0, 0.0, 2.0]), table(3), table(3, seed=1)
    distance = (points[:, None] - points) ** 2
    mmd = lambda k: p @ k @ p + q @ k @ q - 2 * p @ k @ q
    assert mmd(distance) < -1e-3 and mmd((-distance).exp()) > 0
    assert same(mmd(distance), -2 * ((p - q) @ points) ** 2)


@needs("lem-mmd-zero", "a Gaussian kernel, or another that is characteristic")
def test_a_linear_kernel_sees_the_mean_alone():
    points, p, q = tensor([-1.0, 0.0, 1.0]), tensor([0.5, 0.0, 0.5]), tensor([0.0, 1.0, 0.0])
    mmd = lambda k: (p - q) @ k @ (p - q)
    assert same(mmd(points[:, None] * points), 0.0) and mmd((-((points[:, None] - points) ** 2)).exp()) > 0.3


@needs("lem-mmd-unbiased, eq-mmd-unbiased, eq-summaries-bias", "independent samples")
def test_samples_that_depend_bend_the_estimate():
    points, p = tensor([-1.0, 0.5, 2.0]), table(3)
    k = (-((points[:, None] - points) ** 2)).exp()
    truth, twice = p @ k @ p, (p * k.diagonal()).sum()  # a₂ drawn afresh, and a₂ = a₁
    assert same(twice, 1.0) and truth < 0.8
    variance = mean(p, points**2) - mean(p, points) ** 2
    spread_of_mean = {"afresh": variance / 2, "the same": variance}
    assert spread_of_mean["the same"] > spread_of_mean["afresh"] + 0.1


@needs("lem-mmd-unbiased, eq-mmd-unbiased", "two samples or more")
def test_one_sample_has_no_pairs():
    n = 1
    assert not [(i, j) for i in range(n) for j in range(n) if i != j]
    with pytest.raises(ZeroDivisionError):
        1.0 / (n * (n - 1))


@needs("lem-abc", "a density of s that is continuous at what was observed")
def test_rejection_at_a_jump_sees_both_sides():
    """s is uniform on [0, 1] for θ = 0 and on [-1, 1] for θ = 1, and 0 was observed: accepted equally often."""
    accepted = lambda low, high, e: (min(high, e) - max(low, -e)) / (high - low)
    chances = [(accepted(0, 1, e), accepted(-1, 1, e)) for e in (0.1, 1e-3, 1e-6)]
    assert all(same(a / (a + b), 0.5) for a, b in chances)
    densities = (1.0, 0.5)  # at 0, the end of [0, 1] included: their posterior would be 2/3
    assert same(densities[0] / sum(densities), 2 / 3)
    inside = [(accepted(0, 1, e), accepted(-1, 1, e)) for e in (1e-3,)]
    middle = [(2e-3 / 1, 2e-3 / 2)]  # around 0.5, where both are continuous
    assert same(middle[0][0] / sum(middle[0]), 2 / 3) and inside[0] != middle[0]


@needs("lem-abc", "one bound for all parameters")
def test_rejection_may_be_drowned_by_spikes():
    """θ = n with p(n) ∝ 1/n²; half of s is uniform on [-1, 1], half sits at 1/n: for any ε the far n are all accepted."""
    n = torch.arange(1, 2_000_001.0)
    prior = n**-2 / (math.pi**2 / 6)
    for epsilon in (1e-2, 1e-3, 1e-4):
        chance = 0.5 * epsilon + 0.5 * (1 / n <= epsilon)
        evidence = (prior * chance).sum()
        first = prior[0] * chance[0] / evidence
        # every p(s = 0 | n) is ¼, so the posterior given s = 0 is the prior; the share that is accepted disagrees
        assert abs(prior[0] - 0.608) < 1e-3 and abs(first - prior[0] / (1 + 6 / math.pi**2)) < 0.01


@needs("lem-abc", "summaries that are sufficient, for the posterior of all observations")
def test_the_mean_of_two_of_ten_has_another_posterior():
    posterior_variance = lambda n: 1 / (1 / 4 + n)
    assert posterior_variance(2) > 4 * posterior_variance(10)


@needs("eq-mmd-wide", "finite means")
def test_a_wide_kernel_needs_means_to_see():
    """A Cauchy distribution against a point: in ω ~ N(0, 1/w) it is w E(1 - e^-|ω|)², which tends to 1; there is no mean."""
    grid = (torch.arange(200_000) + 0.5) / 10_000 - 10
    weight = (-(grid**2) / 2).exp()
    weight = weight / weight.sum()
    limits = [(w * weight * (1 - (-grid.abs() / math.sqrt(w)).exp()) ** 2).sum() for w in (1e2, 1e4, 1e6)]
    assert abs(limits[-1] - 1) < 2e-3 and all(a < b for a, b in pairwise(limits))
    shifted = [(w * weight * (2 - 2 * (0.7 * grid / math.sqrt(w)).cos())).sum() for w in (1e2, 1e4, 1e6)]
    assert same(shifted[-1], 0.49, 1e-5)  # two points 0.7 apart


# -- chapter 15 ----------------------------------------------------------------------------------------------


@needs("eq-iwae-gradient, eq-label-iwae-gradient", "weights that are smooth in the draw")
def test_a_weight_that_jumps_has_no_path():
    """z = η + ε, ε uniform on (0, 1), and a weight of 2 below z = 1, of 1 above: L₁ = (1 - η) log 2, and no weight slopes."""
    eta = tensor(0.3)
    assert same(slopes(lambda e: (1 - e) * LOG2, eta), -LOG2)
    noise = (torch.arange(1000) + 0.5) / 1000
    path = slopes(lambda e: torch.where(e + noise < 1, LOG2, 0.0).mean() + 0 * e, eta)
    assert path == 0


@needs("lem-reweighted, eq-reweighted, lem-any-k, eq-any-k", "weights that are positive")
def test_draws_without_weight_cannot_be_weighed():
    w, q = tensor([0.0, 1.0]), tensor([0.5, 0.5])
    tuples = torch.cartesian_prod(torch.arange(2), torch.arange(2))
    shares = w[tuples] / w[tuples].sum(1, keepdim=True)
    assert shares[0].isnan().all() and shares[1:].isfinite().all() and q[tuples].prod(1)[0] == 0.25
    # And log Σ w has the average -∞: the integral for L_k diverges, as e^-s - l(s)^k tends to -1/4.
    s = tensor([1e2, 1e4])
    assert ((-s).exp() - (0.5 + 0.5 * (-s).exp()) ** 2 < -0.2499).all()


@needs("lem-reweighted, eq-reweighted, lem-any-k, eq-any-k", "independent draws")
def test_equal_draws_are_weighed_equally():
    """z₂ = z₁: both weights are ½, and the weighted average is that of q, not of q₂."""
    w, q = tensor([1.0, 3.0]), tensor([0.5, 0.5])
    c = torch.stack([mean(q, 2 * w[i] / (w[i] + w)) for i in range(2)])
    assert same((c * q).sum(), 1.0) and apart(c * q, q, 0.1)
    together = q * (w / (2 * w) + w / (2 * w))
    assert same(together, q)


@needs("lem-reweighted", "weights of finite mean, for the limit")
def test_weights_of_infinite_mean_have_no_limit():
    """P(w > t) = 1/t: the constant w·q/E[w] would be zero everywhere, and c_k(1) keeps falling."""
    s = torch.logspace(-9, 3, 3000)
    u = ((torch.arange(4000) + 0.5) / 4000) ** 4  # w = 1/u
    weight = 4 * ((torch.arange(4000) + 0.5) / 4000) ** 3 / 4000
    ell = torch.stack([(weight * (-a / u).exp()).sum() for a in s])
    falling = [(k * torch.trapezoid((-s).exp() * ell ** (k - 1) * s, s.log())).item() for k in (1, 16, 256, 4096)]
    assert abs(falling[0] - 1) < 1e-3 and all(b < 0.8 * a for a, b in pairwise(falling)) and falling[-1] < 0.15


@needs("eq-label-iwae", "a generator with mass wherever the posterior has some")
def test_the_evidence_of_a_label_needs_examples_from_everywhere():
    pile, answers, g = tensor([0.4, 0.3, 0.3]), tensor([0.5, 0.6, 0.9]), tensor([0.5, 0.5, 0.0])
    evidence = (answers * pile).sum()
    seen = mean(g, answers * pile / g)
    assert same(seen, (answers * pile)[:2].sum()) and seen < evidence - 0.2
    full = table(3)
    assert same(mean(full, answers * pile / full), evidence)


@needs("eq-odds-weight", "the best discriminator, for equality")
def test_the_odds_are_the_ratio_at_the_best_discriminator():
    d, g = table(4), table(4, seed=1)
    for answers, best in ((d / (d + g), True), (sigmoid(draws(4, seed=2)), False)):
        weight = answers * (d + g) / 2 / g
        assert same(weight, 0.5 * answers / (1 - answers)) == best
    answers = 1 - 0.8 * g / (d + g)  # wrong by one factor in 1 - D: the normalised weights do not notice
    weight, odds = answers * (d + g) / 2 / g, answers / (1 - answers)
    assert not same(weight, 0.5 * odds) and same(weight / weight.sum(), odds / odds.sum())


@needs("eq-left-out", "equal weights of both labels; θ = θ₀")
def test_what_is_left_out_is_a_jsd_of_equal_parts():
    d, theta_0 = table(4), draws(4, seed=1)
    for real, theta in ((0.5, theta_0), (0.3, theta_0), (0.5, theta_0 + 0.4 * draws(4, seed=2))):
        pile = real * d + (1 - real) * normal(theta_0)
        sides = slopes(lambda t, pile=pile: kl(normal(t), pile), theta), slopes(lambda t: 2 * jsd(normal(t), d), theta)
        assert same(*sides) == (real == 0.5 and theta is theta_0)


def average_weights(ratio, g, k):
    """c_k(r) = k r ∫ e^(-sr) l(s)^(k-1) ds of each ratio of a finite world, as eq-any-k has it."""
    s = torch.logspace(-9, 3, 4000)
    ell = ((-s[:, None] * ratio).exp() * g).sum(1)
    inside = (-s[:, None] * ratio).exp() * (ell ** (k - 1) * s)[:, None]
    return k * ratio * torch.trapezoid(inside, s.log(), dim=0)


@needs("lem-between, eq-between, eq-between-loss", "one support")
def test_the_odds_have_the_mean_one_on_one_support_only():
    """Where g lacks an example of the data, E_g[r] < 1, and c_k tends to r/E_g[r]: the end is not that of 2 JSD."""
    g = normal(0.5 * draws(3))
    for d, one_support in ((table(3, seed=1), True), (tensor([0.2, 0.2, 0.2, 0.4]), False)):
        ratio = d[:3] / g
        expected = mean(g, ratio)
        assert same(average_weights(ratio, g, 1), torch.ones(3), 1e-4)
        pairs = torch.stack([mean(g, 2 * r / (r + ratio)) for r in ratio])
        assert same(average_weights(ratio, g, 2), pairs, 1e-4)  # the integral is right
        at_the_end = average_weights(ratio, g, 4096)
        assert same(at_the_end, ratio / expected, 2e-3)
        assert same(expected, 1.0) == same(at_the_end, ratio, 2e-3) == one_support
        assert apart(at_the_end, ratio, 0.1) != one_support
    # Where d lacks an example of g, the best answer is 0 there, and log D is infinite.
    assert mean(tensor([0.5, 0.5]), -tensor([0.5, 0.0]).log()) == INFINITE


@needs("lem-between, eq-between", "the best discriminator")
def test_at_another_discriminator_the_weighted_step_is_of_another_loss():
    """k = 1: the step is that of 2 KL(m‖d) at the best discriminator, and not at another one."""
    d, theta = table(4), draws(4, seed=1)
    for answers, best in ((d / (d + normal(theta)), True), (sigmoid(draws(4, seed=2)), False)):
        step = slopes(lambda t, answers=answers: mean(normal(t), -answers.log()), theta)
        assert same(step, slopes(lambda t: 2 * kl((normal(t) + d) / 2, d), theta)) == best


@needs("lem-vanishing, eq-vanishing", "a generator that is positive everywhere, and gradients under the integral")
def test_a_bound_may_go_on_teaching_where_the_support_moves():
    """g = U[t, t + 1] and a frozen pile on [0, 3]: E_g[ω] = ∫ D m over [t, t + 1], and this moves with t."""
    mass = lambda t: ((t + 1) ** 2 - t**2) / 2 / 9  # D(x) = x/3, m = 1/3
    evidence = [math.log(mass(t)) for t in (0.4, 0.5)]
    assert evidence[1] > evidence[0] + 0.05
    theta = draws(4)
    pile, answers = table(4, seed=1), sigmoid(draws(4, seed=2))
    total = slopes(lambda t: (normal(t) * (answers * pile / normal(t))).sum().log(), theta)
    assert same(total, torch.zeros(4))


# -- chapter 16 ----------------------------------------------------------------------------------------------


@needs("eq-effective-data, eq-effective-direction", "c > 0: a discriminator that lets something through")
def test_a_discriminator_that_lets_nothing_through_makes_no_data():
    d, g = table(3), table(3, seed=1)
    for answers, fine in ((tensor([0.2, 0.9, 0.5]), True), (torch.zeros(3), False)):
        c = mean(d, answers) + mean(g, answers)
        r = answers * (d + g) / c
        assert same(r.sum(), 1.0) if fine else (c == 0 and r.isnan().all())


@needs("eq-four-discriminators", "the perfect one told the source, and the optimal one the densities")
def test_another_discriminator_makes_other_data():
    d, g = table(3), table(3, seed=1)
    made = lambda answers: answers * (d + g) / (answers * (d + g)).sum()
    assert same(made(d / (d + g)), d) and apart(made(tensor([0.2, 0.9, 0.5])), d) and same(made(0.5), (d + g) / 2)


def rest(belief, data):
    """The g of eq-activated-rest that sums to one, and its c, by bisection."""
    root = lambda c: ((1 - c) * belief + (((1 - c) * belief) ** 2 + 4 * c * belief * data).sqrt()) / (2 * c)
    low, high = 1e-3, 1e3
    for _ in range(200):
        c = math.sqrt(low * high)
        low, high = (c, high) if root(c).sum() > 1 else (low, c)
    return root(c), c


@needs("lem-activated-rest, eq-activated-average", "a belief that sums to one")
@needs("lem-activated-rest, eq-activated-rest", "a positive belief; a model that reaches the best fit")
def test_a_belief_that_sums_to_more_lifts_the_constant():
    d, e = table(4), tensor([0.5, -0.2, 0.4, -0.3])
    e = e - (d * e).sum()
    own = tensor([-0.3, 0.6, 0.1, -0.5])
    for shift, agree in ((-(d * own).sum(), True), (0.4, False)):
        belief_error = own + shift
        for size in (1e-3, 1e-4):
            g, c = rest(d * (1 + size * belief_error), d * (1 + size * e))
            assert same(g.sum(), 1.0)
            gap = ((g / d - 1) / size - (e + belief_error) / 2).abs().max()
            assert (gap < 2 * size) == agree
    assert rest(table(4, seed=1), table(4, seed=2))[1] <= 1 < rest(2 * table(4, seed=1), table(4, seed=1))[1]
    # A belief of zero puts nothing where the data are; a model that cannot be r is at rest elsewhere.
    assert rest(tensor([0.5, 0.5, 0.0]), tensor([0.4, 0.4, 0.2]))[0][2] == 0


@needs("lem-activated-trained, eq-activated-trained", "a class that contains the blind discriminator")
def test_a_class_without_the_blind_discriminator_has_another_minimum():
    d = table(3)
    loss = lambda answers: -(d * (answers.log() + (1 - answers).log())).sum()
    grid = torch.linspace(0.01, 0.99, 99)
    everything = min(loss(a * torch.ones(3)) for a in grid)
    sure = min(loss(a * torch.ones(3)) for a in grid if a < 0.4)
    assert same(everything, math.log(4)) and sure > math.log(4) + 0.03


def test_a_score_that_is_as_good_as_it_can_be_cannot_be_flattered():
    """The exercise "A score that flatters" needs a positive d: no answers lift the score where g is best at all of d."""
    score = lambda answers, d, g: mean(answers * (d + g) / (answers * (d + g)).sum(), g.log())
    g = tensor([0.4, 0.4, 0.2])
    for d, helps in ((tensor([0.5, 0.45, 0.05]), True), (tensor([0.5, 0.5, 0.0]), False)):
        best = max(score(tensor(answers), d, g) for answers in product((1e-9, 0.3, 0.6, 1.0), repeat=3))
        assert (best > mean(d, g.log()) + 1e-6) == helps


# -- chapter 17 ----------------------------------------------------------------------------------------------


@needs("lem-label-gap, eq-label-gap, eq-label-gap-kl", "labels of generated examples from those of the data")
def test_other_labels_make_another_marginal():
    """g(x|t) = d(x|t): the left side is zero. With other labels for the generated examples JSD(g, d) is not."""
    d_given, labels = table(3, 4), tensor([0.2, 0.3, 0.5])
    d = labels @ d_given
    for generated, fine in ((labels, True), (tensor([0.6, 0.3, 0.1]), False)):
        g = generated @ d_given
        assert (jsd(g, d) <= 1e-12) == fine
    left = (labels * jsd(d_given, d_given)).sum()
    assert left == 0 < jsd(g, d)


@needs("eq-label-information", "a uniform p(t)")
def test_a_rare_label_is_worth_more():
    labels, given = tensor([0.05, 0.95]), tensor([[1.0, 0.0], [0.0, 1.0]])
    gain = (given[0, 0] / (labels @ given)[0]).log()
    assert gain > LOG2 + 2  # log(1/0.05)
    uniform_gain = (given[0, 0] / (tensor([0.5, 0.5]) @ given)[0]).log()
    assert same(uniform_gain, LOG2)


@needs("eq-wrong-labels", "wrong labels drawn from those of the data, for all examples alike")
def test_wrong_labels_from_another_law_change_the_frequencies():
    joint, share = tensor([[0.1, 0.3], [0.4, 0.2]]), 0.3  # [labels, examples]
    for law, fine in ((joint.sum(1), True), (tensor([0.5, 0.5]), False)):
        seen = (1 - share) * joint + share * law[:, None] * joint.sum(0)
        assert same(seen.sum(1), joint.sum(1)) == fine
        given = seen / seen.sum(1, keepdim=True)
        formula = (1 - share) * joint / joint.sum(1, keepdim=True) + share * joint.sum(0)
        assert same(given, formula) == fine


@needs("lem-silent, eq-silent", "a labeller with parameters of its own")
def test_a_labeller_that_shares_a_trunk_is_taught_by_the_bounds():
    """A shared trunk w feeds the labeller and the encoder: the bound at known labels moves w."""
    log_joint = table(3, 4).log()  # log p(x, z|t) of one x: [labels, codes]
    features = draws(4, seed=2)

    def free_energy(w, shared):
        q = softmax(w * features if shared else features, -1)
        return (q * (q.log() - log_joint[1])).sum()

    assert slopes(lambda w: free_energy(w, True), tensor(0.7)).abs() > 0.01
    assert slopes(lambda w: free_energy(w, False) + 0 * w, tensor(0.7)) == 0


# -- chapter 18 ----------------------------------------------------------------------------------------------


def test_only_a_part_below_84_percent_is_dearer_to_drop_by_the_jsd():
    """Chapter 18 compares what an IWGAN and a GAN descend: the JSD is not less willing to drop whatever it is."""
    for share, dearer in ((0.1, True), (0.5, True), (0.84, True), (0.85, False), (0.9, False)):
        d, g = tensor([share, 1 - share]), tensor([0.0, 1.0])
        assert (2 * jsd(g, d) > 2 * kl((g + d) / 2, d)) == dearer


@needs("eq-welch", "runs that are independent")
def test_scores_that_move_together_have_another_spread():
    a = tensor([1.0, 2.0, 4.0, 5.0])
    b = a + 0.1 * tensor([1.0, -1.0, 1.0, -1.0])
    spread, welch = (b - a).std() / 2, ((a.var() + b.var()) / 4).sqrt()
    assert welch > 10 * spread  # Var(b - a) is not s_a² + s_b²


@needs("eq-paired-variance", "equal variances, for 2σ²(1 - ρ)")
def test_unequal_variances_have_another_formula():
    a, b = tensor([1.0, 2.0, 4.0]), tensor([0.0, 6.0, 7.0])
    covariance = ((a - a.mean()) * (b - b.mean())).sum() / 2
    assert same((b - a).var(), a.var() + b.var() - 2 * covariance)
    rho = covariance / (a.std() * b.std())
    assert apart((b - a).var(), 2 * a.var() * (1 - rho), 0.5) and apart((b - a).var(), 2 * b.var() * (1 - rho), 0.5)


@needs("eq-t-interval, eq-power", "differences that are normal")
@needs("eq-effect-size", "differences that are not all the same")
def test_rare_large_differences_are_missed_by_the_interval():
    """Differences of 10 with probability 0.1, else 0: of two, both are 0 in 81 % of experiments, and the interval is {0}."""
    quantile = 12.7062  # of Student's distribution with one degree of freedom
    held = 0.0
    for pair in product(((0.0, 0.9), (10.0, 0.1)), repeat=2):
        (x, p), (y, q) = pair
        mean_, half = (x + y) / 2, quantile * abs(x - y) / 2
        held += p * q * (abs(mean_ - 1.0) <= half)
    assert same(held, 0.18) and held < 0.95
    with pytest.raises(ZeroDivisionError):
        0.0 / (0.0 - 0.0)  # e = mean/spread of two zeros


@needs("eq-any-false", "rows that are independent")
def test_rows_that_agree_make_one_false_alarm():
    alpha, rows = 0.05, 14
    assert 1 - (1 - alpha) ** rows > 0.5 > alpha  # of rows that are all the same: α


@needs("lem-holm", "valid p-values")
def test_p_values_that_are_too_small_break_the_promise():
    """Two true hypotheses with p = u²: P(p ≤ α/2) = √(α/2), so an error is likelier than α."""
    alpha = 0.05
    error = 1 - (1 - math.sqrt(alpha / 2)) ** 2
    valid = 1 - (1 - alpha / 2) ** 2
    assert valid <= alpha < error


def test_entropies_of_these_worlds():
    """A helper: what is told by a label is at most its entropy."""
    joint = table(12).reshape(3, 4)
    told = kl(joint.flatten(), (joint.sum(1, keepdim=True) * joint.sum(0)).flatten())
    assert 0 <= told <= entropy(joint.sum(1)) <= math.log(3) + 1e-12
    assert same(xlogy(tensor([0.0]), tensor([0.0])), tensor([0.0]))
