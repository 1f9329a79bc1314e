"""Chapters 07 to 12: each hypothesis of a statement is needed, shown by a small world without it.

Worlds are finite, or piecewise constant densities, or quadrature, in float64. Nothing of the library is used.
"""

import math
from itertools import pairwise, permutations, product

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
    lemma_1,
    mean,
    normal,
    same,
    slopes,
    table,
    terms_without_entropy,
)
from torch import sigmoid, softmax, tensor, xlogy

pytestmark = pytest.mark.usefixtures("float64")

PRIOR = [0.3, 0.7]  # of two codes


def gaussian_cost(x, m, v):
    return 0.5 * math.log(2 * math.pi * v) + (x - m) ** 2 / (2 * v)


# -- chapter 07 ----------------------------------------------------------------------------------------------


@needs("eq-label-loss", "an inference density that stays where the pile is")
@needs("lem-1-exact, eq-lemma-1-exact", "finite terms: a pile that covers the generator")
@needs("lem-infogan-step, eq-infogan-exact", "finite terms: a pile that covers the generator")
def test_off_the_pile_two_terms_are_infinite():
    """g has mass where neither the data nor the frozen generator has: the loss is finite, the KLs are not."""
    d, frozen, g = tensor([0.5, 0.5, 0.0]), tensor([0.6, 0.4, 0.0]), tensor([0.3, 0.3, 0.4])
    answers, pile = tensor([0.3, 0.6, 0.5]), (tensor([0.5, 0.5, 0.0]) + tensor([0.6, 0.4, 0.0])) / 2
    posterior = answers * pile
    loss = -mean(g, answers.log())
    terms = kl(g, posterior / posterior.sum()), kl(g, pile)
    assert loss.isfinite() and terms == (INFINITE, INFINITE)
    exact = lambda g: -posterior.sum().log() + kl(g, posterior / posterior.sum()) - kl(g, pile)
    assert exact(g).isnan() and same(exact(frozen), -mean(frozen, answers.log()))
    assert kl(d, pile).isfinite()


def test_a_bound_for_a_label_may_be_infinite_on_both_sides():
    """``lem-label-elbo`` needs Z > 0 only: where one side is -∞, so is the other."""
    pile = tensor([0.5, 0.5, 0.0])
    for p, answers in (
        (tensor([0.3, 0.3, 0.4]), tensor([0.3, 0.6, 0.5])),  # leaves the pile
        (tensor([0.5, 0.5, 0.0]), tensor([0.0, 0.6, 0.5])),  # meets a certain answer
    ):
        evidence = (answers * pile).sum()
        left = mean(p, answers.log()) - kl(p, pile)
        right = evidence.log() - kl(p, answers * pile / evidence)
        assert left == right == -INFINITE


@needs("lem-label-elbo, eq-label-elbo", "an evidence Z that is not zero")
def test_a_label_that_is_never_given_has_no_posterior():
    pile, answers = tensor([0.5, 0.5]), tensor([0.0, 0.0])
    evidence = (answers * pile).sum()
    assert evidence == 0 and (answers * pile / evidence).isnan().all()


def test_the_compensation_identity_may_be_infinite_on_both_sides():
    """``lem-compensation``, ``lem-compensation-weighted`` need no finite terms: JSD is at most the entropy of the label."""
    a, b, r = tensor([0.5, 0.5, 0.0]), tensor([0.0, 0.4, 0.6]), tensor([0.5, 0.5, 0.0])
    for weight in (0.5, 0.2):
        m = weight * a + (1 - weight) * b
        spread = weight * kl(a, m) + (1 - weight) * kl(b, m)
        assert spread.isfinite() and spread <= -xlogy(tensor([weight, 1 - weight]), tensor([weight, 1 - weight])).sum()
        for reference in (r, table(3)):
            left = weight * kl(a, reference) + (1 - weight) * kl(b, reference)
            assert same(left, spread + kl(m, reference)) and left.isfinite() == (reference is not r)
    # A tail, not an edge: KL(b‖r) grows with the logarithm of the cut, and so does KL(m‖r).
    for count in (100, 10_000):
        n = torch.arange(1, count + 1.0)
        b, r, a = n**-2, torch.exp2(-n), torch.exp2(-n)
        a, b, r = a / a.sum(), b / b.sum(), r.clamp_min(1e-300)
        m = (a + b) / 2
        log_r = -n * LOG2
        cost = lambda p, log_r=log_r: (xlogy(p, p) - p * log_r).sum()
        assert same(cost(a) / 2 + cost(b) / 2, jsd(a, b) + cost(m), 1e-9)


@needs("eq-lemma-1, eq-posterior-minimax, eq-posterior-kl", "θ = θ₀")
@needs("eq-infogan-step, eq-fixed-code, eq-log-ratio, eq-shuffled, eq-aae-step", "θ = θ₀")
def test_the_gradients_agree_where_the_pile_was_made():
    d, theta_0, answers = table(4), draws(4, seed=1), sigmoid(draws(4, seed=2))
    for theta, agree in ((theta_0, True), (theta_0 + 0.5 * draws(4, seed=3), False)):
        sides = [slopes(lambda t, i=i: lemma_1(t, theta_0, d, answers)[i], theta) for i in (0, 1)]
        assert same(*sides) == agree and apart(*sides, 1e-3) != agree


@needs("eq-lemma-1-unhalved, thm-four-posteriors, eq-lemma-1-optimal", "equal weights of both labels")
def test_unequal_labels_change_the_divergence():
    """At the best discriminator of p(1) = 0.3 the step is not that of ½KL(g‖d) - JSD(g, d)."""
    d, theta_0 = table(4), draws(4, seed=1)
    for real in (0.5, 0.3):
        answers = real * d / (real * d + (1 - real) * normal(theta_0))
        step = slopes(lambda t, answers=answers, real=real: -(1 - real) * mean(normal(t), answers.log()), theta_0)
        plain = slopes(lambda t: kl(normal(t), d) / 2 - jsd(normal(t), d), theta_0)
        assert same(step, plain) == (real == 0.5)


@needs("cor-optimal, eq-optimal-posterior", "the best discriminator")
def test_the_posterior_of_another_discriminator_is_not_the_data():
    d, g = table(4), table(4, seed=1)
    for answers, best in ((d / (d + g), True), (sigmoid(draws(4, seed=2)), False)):
        posterior = answers * (d + g)
        assert same(posterior / posterior.sum(), d) == best


@needs("cor-constant, eq-cancel", "a discriminator that is constant")
def test_a_judge_with_an_opinion_pushes_even_at_the_solution():
    theta_0 = draws(4, seed=1)
    d = normal(theta_0)  # the generator has reached the data
    for answers, still in ((torch.full((4,), 0.3), True), (sigmoid(draws(4, seed=2)), False)):
        step = slopes(lambda t, answers=answers: lemma_1(t, theta_0, d, answers)[1], theta_0)
        assert same(step, torch.zeros(4)) == still
        assert apart(step, torch.zeros(4), 1e-2) != still


# -- chapter 08 ----------------------------------------------------------------------------------------------


@needs("eq-lemma-2-gradients", "a finite C")
def test_an_infinite_constant_has_no_gradient():
    """A generated example that is no datum costs log 0: A is -∞, however good the VAE's bound."""
    d, generated, code = tensor([0.4, 0.6, 0.0]), table(3), table(3, 2, seed=1)
    constant = lambda d: mean(generated, d.log() - kl(code, tensor(PRIOR)))
    assert constant(d) == -INFINITE and constant(table(3, seed=2)).isfinite()


@needs("eq-lemma-2-evidence, eq-lemma-2-remainder, eq-lemma-2-direction", "finite entropies, for densities")
@needs("lem-entropy-cancels, eq-entropy-of-kl, eq-entropy-of-rest", "finite entropies, for densities")
@needs("lem-cycle-entropy, eq-cycle-entropy, lem-mi-bound, eq-mi-bound", "finite entropies, for densities")
@needs("lem-as-vae, eq-as-vae, eq-sleep-kl, eq-joint-kl", "finite entropies, for densities")
@needs("eq-effective-direction", "finite entropies, for densities")
def test_a_cross_entropy_splits_only_where_the_entropy_is_finite():
    """d(x) = 1/(x log² x): -E_d log p is finite for a Gaussian p, while H(d) = -∞ and KL(d‖p) = ∞.

    All these statements split such an average into an entropy and a KL: of data, codes, codes given examples, or of a
    pile that is half d. What stands on the left stays finite, and on the right is infinity minus infinity.
    """
    found = []
    for steps in (10.0, 20.0, 40.0):
        x, mass, log_d = terms_without_entropy(steps)
        cost = gaussian_cost(x, 0.1, 0.02)
        width = steps / 200_000
        of_uniform = math.e * x * -x.clamp_min(1e-300).log() * width  # the masses of g = U(0, 1/e): dx = x log(1/x) ds
        log_pile = torch.logaddexp(log_d, tensor(1.0)) - LOG2  # of (d + g)/2, as g has the density e
        found.append(
            dict(
                cross=(mass * cost).sum(),
                entropy=-(mass * log_d).sum(),
                divergence=(mass * (log_d + cost)).sum(),
                pile=-(mass * log_pile).sum() / 2 - (of_uniform * log_pile).sum() / 2,
                data_in_pile=(mass * (log_d - log_pile)).sum(),
                constant=(of_uniform * torch.where(of_uniform > 0, log_d, 0.0)).sum(),
            )
        )
    for key in ("cross", "data_in_pile", "constant"):  # finite: the cut does not matter
        assert same(found[1][key], found[2][key], 1e-3) and found[2][key].isfinite()
    assert 0 < found[2]["data_in_pile"] <= LOG2 + 1e-9
    for key, slope in (("entropy", -1.0), ("divergence", 1.0), ("pile", -0.5)):  # without a limit
        for before, after, gap in zip(found[:2], found[1:], (10, 20), strict=True):
            assert abs(after[key] - before[key] - slope * gap) < 0.1


@needs("lem-score, eq-score", "densities that may be differentiated under the integral")
def test_the_score_of_a_moving_edge_has_no_mean_zero():
    """U[0, θ]: log m = -log θ wherever m is positive, so the score is -1/θ, and that is its mean."""
    for theta in (0.5, 2.0):
        assert same(slopes(lambda t: -t.log(), tensor(theta)), -1 / theta)
    theta = draws(4)
    weights = normal(theta)
    score = slopes(lambda t: (weights * t.log_softmax(-1)).sum(), theta)
    assert same(score, torch.zeros(4))


@needs("lem-error, eq-error", "the error of the best judge, or less")
def test_an_error_that_is_too_large_promises_too_much():
    """log(4e(1 - e)) rises with e below ½; with the error of the best judge it bounds -KL, with a smaller one not."""
    d, g = tensor([0.7, 0.2, 0.1]), tensor([0.1, 0.2, 0.7])
    best = torch.minimum(d, g).sum() / 2
    limit = lambda e: (4 * e * (1 - e)).log()
    assert -kl(d, g) <= limit(best) and -kl(g, d) <= limit(best)
    assert -kl(d, g) > limit(best / 4)


# -- chapter 09 ----------------------------------------------------------------------------------------------


def coded(theta, eta):
    """log p(x|z) [codes, examples] and q(z|x) [examples, codes] of tables of logits."""
    return torch.log_softmax(theta, -1), softmax(eta, -1)


def wake(theta, eta, d):
    log_decoder, q = coded(theta, eta)
    return (d[:, None] * q * log_decoder.T).sum()


def sleep(theta, eta):
    log_decoder, q = coded(theta, eta)
    return (tensor(PRIOR)[:, None] * log_decoder.exp() * q.log().T).sum()


@needs("eq-wake-gradient", "a prior without parameters of θ")
def test_a_prior_that_learns_needs_its_term():
    d, theta, eta = table(3), draws(2, 3, seed=1), draws(3, 2, seed=2)
    q = softmax(eta, -1)

    def bound(prior_logits):
        log_decoder, _ = coded(theta, eta)
        price = kl(q, normal(prior_logits))
        return (d * ((q * log_decoder.T).sum(-1) - price)).sum()

    logits = tensor([1.5, -0.5])
    assert apart(slopes(bound, logits), torch.zeros(2))  # the bound has a slope here
    assert same(slopes(lambda logits: wake(theta, eta, d) + 0 * logits.sum(), logits), torch.zeros(2))  # wake has none


@needs("lem-rotation, eq-rotation", "an exact encoder")
@needs("lem-wake-sleep-em, eq-wake-likelihood", "an exact encoder")
def test_only_an_exact_encoder_makes_the_wake_phase_climb_the_likelihood():
    d, theta = table(3), draws(2, 3, seed=1)
    joint = tensor(PRIOR)[:, None] * normal(theta)
    exact = (joint / joint.sum(0)).T.log()  # logits whose softmax is the posterior
    likelihood = slopes(lambda t: (d * (tensor(PRIOR) @ normal(t)).log()).sum(), theta)
    for eta, agree in ((exact, True), (draws(3, 2, seed=2), False)):
        assert same(slopes(lambda t, eta=eta: wake(t, eta, d), theta), likelihood) == agree
        mixed = torch.autograd.functional.hessian(lambda t, e: wake(t, e, d), (theta, eta))[0][1]
        mixed = mixed - torch.autograd.functional.hessian(sleep, (theta, eta))[0][1]
        # the right side of eq-rotation: Σ (d - p) Σ ∇ log p(x|z) ∇ q(z|x)
        p = tensor(PRIOR) @ normal(theta)
        weight = (d - p)[:, None]
        right = torch.autograd.functional.hessian(
            lambda t, e, weight=weight: (weight * softmax(e, -1) * coded(t, e)[0].T).sum(), (theta, eta)
        )[0][1]
        assert same(mixed, right) == agree


@needs("lem-wake-sleep-em", "a model that makes every datum")
def test_an_example_that_is_never_dreamt_has_no_likelihood():
    p, d = tensor([0.5, 0.5, 0.0]), tensor([0.4, 0.4, 0.2])
    assert mean(d, p.log()) == -INFINITE


@needs(
    "eq-sleep-marginals", "an x that the machine dreams; bits that are judged one by one, in this direction of the KL"
)
def test_the_other_direction_matches_no_marginals():
    """The posterior of two bits on 00 and 11: both marginals are fair, and so is sleep's answer. The other KL picks one."""
    posterior = tensor([0.5, 0.0, 0.0, 0.5])
    grid = torch.linspace(0.001, 0.999, 999).tolist()
    product_of = lambda a, b: tensor([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b])
    sleeps = min((kl(posterior, product_of(a, a)).item(), a) for a in grid)
    assert abs(sleeps[1] - 0.5) < 1e-3
    soft = 0.999 * posterior + 0.00025
    awake = min((kl(product_of(a, a), soft).item(), a) for a in grid)
    assert awake[1] < 0.01 or awake[1] > 0.99
    assert same(0.0 * kl(posterior, product_of(0.2, 0.9)), 0.0)  # p(x) = 0 gives this KL no weight: any q is best


@needs("eq-discriminator-bound", "answers that are not certain")
def test_a_certain_answer_leaves_no_bound():
    d, g = table(3), table(3, seed=1)
    m, real = (d + g) / 2, d / (d + g)
    for answers, fine in ((tensor([0.3, 0.6, 0.5]), True), (tensor([0.3, 0.6, 1.0]), False)):
        achieved = (mean(d, answers.log()) + mean(g, (1 - answers).log())) / 2
        gap = mean(m, kl(torch.stack([real, 1 - real], -1), torch.stack([answers, 1 - answers], -1)))
        total = LOG2 + achieved + gap
        assert same(total, jsd(d, g)) if fine else total.isnan()


# -- chapter 10 ----------------------------------------------------------------------------------------------


@needs("lem-frozen-best-response, eq-frozen-best-response", "a least value; a discriminator that is frozen")
def test_a_loss_without_a_least_value_has_no_best_response():
    values = [math.exp(-x) for x in (1.0, 10.0, 100.0)]  # -log D for a D that rises for ever: point masses far out
    assert values[0] > values[1] > values[2] > 0
    d, a, b = table(4), table(4, seed=1), table(4, seed=2)
    follows = lambda g: mean(g, -(d / (d + g)).log())  # the best discriminator of each g
    assert apart(follows((a + b) / 2), (follows(a) + follows(b)) / 2, 1e-3)
    frozen = lambda g: mean(g, -(d / (d + a)).log())
    assert same(frozen((a + b) / 2), (frozen(a) + frozen(b)) / 2)


@needs("lem-frozen-best-response", "a strictly decreasing function of D, for its one point")
def test_a_loss_that_is_flat_from_some_answer_on_asks_for_no_best_one():
    """max(0, 1 - t) falls with D, and not strictly: all that is sure enough is a best response."""
    answers, g = tensor([0.9, 0.99, 0.3]), tensor([1.0, 0.0, 0.0])
    t = (answers / (1 - answers)).log()
    flat, strict = (1 - t).clamp_min(0), -answers.log()
    assert mean(g, flat) == flat.min() == 0 and mean(g, strict) > strict.min() + 0.05
    assert answers.argmax() == 1 and g.argmax() == 0


@needs("eq-rest", "a stationary point, at the best discriminator")
def test_the_two_forces_balance_at_rest_only():
    d = tensor([0.6, 0.05, 0.35])
    model = lambda t: normal(torch.stack([t, 0 * t, -t]))  # one parameter: too poor for d
    step = lambda t: slopes(lambda t: kl(model(t), d) / 2 - jsd(model(t), d), t)
    grid = torch.linspace(-2, 3, 5001)
    steps = torch.stack([step(t) for t in grid])
    at = int(((steps[:-1] < 0) & (steps[1:] > 0)).nonzero()[0])
    assert steps[at].abs() < 1e-3 and steps[0].abs() > 0.01
    force = slopes(lambda t: jsd(model(t), d), grid[at])
    assert force.abs() > 1e-3  # at rest neither force need vanish


@needs("lem-blur-mean, eq-blur-mean", "data of finite energy")
def test_data_of_infinite_energy_have_no_best_mean():
    partial = [2 / math.pi * (r - math.atan(r)) for r in (1e2, 1e4, 1e6)]  # E x² of a Cauchy density, cut off at r
    assert all(b > 90 * a for a, b in pairwise(partial))


@needs("lem-energy, eq-energy-means", "the best means; a linear filter")
@needs("lem-energy, eq-energy-samples", "noise that is independent of the mean")
def test_energies_add_for_the_best_means_and_linear_filters():
    x, edge = tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]]), tensor([[1.0, -1.0]])
    f = x.mean(0)  # one code for all
    energy = lambda v, filter: filter(v).square().sum(-1).mean()
    linear, bent = (lambda v: v @ edge.T), (lambda v: (v @ edge.T).abs().sqrt())
    for filter, center, add in ((linear, f, True), (linear, f + 0.5 * tensor([1.0, -2.0]), False), (bent, f, False)):
        left, right = energy(center[None], filter), energy(x, filter) - energy(x - center, filter)
        assert same(left, right) == add and apart(left, right, 1e-3) != add
    # samples f + σ e with e = ±f/‖f‖, in two codes ±: the cross term does not vanish if the sign goes with the code
    sigma, codes = 0.5, tensor([[1.0, 0.0], [-1.0, 0.0]])
    tied = (codes + sigma * codes).square().sum(-1).mean()
    free = torch.stack([codes + sigma * sign * codes for sign in (1, -1)]).square().sum(-1).mean()
    assert same(free, 1 + sigma**2) and tied > 1 + sigma**2 + 0.9


@needs("lem-collapse-threshold, eq-collapse-threshold", "codes along the eigenvectors, at the optimum")
def test_turned_codes_share_the_price():
    eigenvalues, sigma2 = tensor([4.0, 2.0]), 0.5
    w = torch.diag((eigenvalues - sigma2).sqrt())

    def prices(turn):
        """E KL of each code for W turned: the posterior's variances, and those of its means over the data."""
        m = (w @ turn).T @ (w @ turn) + sigma2 * torch.eye(2)
        variance = (sigma2 * torch.linalg.inv(m)).diagonal()
        return (variance + (1 - variance) - 1 - variance.log()) / 2

    formula = (eigenvalues / sigma2).log() / 2
    half = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    assert same(prices(torch.eye(2)), formula) and apart(prices(half), formula, 0.05)


# -- chapter 11 ----------------------------------------------------------------------------------------------


def information(joint):
    """I(x; z) of a joint p(z, x), [codes, examples]."""
    return kl(joint.flatten(), (joint.sum(1, keepdim=True) * joint.sum(0)).flatten())


@needs("lem-mi-bound, eq-mi-bound", "a guesser that expects what can come")
def test_a_guesser_that_rules_out_the_truth_leaves_no_bound():
    joint = tensor([[0.2, 0.3], [0.1, 0.4]])
    for guess, fine in ((tensor([[0.5, 0.2], [0.5, 0.8]]), True), (tensor([[0.5, 0.0], [0.5, 1.0]]), False)):
        achieved = (joint * guess.log()).sum()
        gap = (joint.sum(0) * kl((joint / joint.sum(0)).T, guess.T)).sum()
        total = entropy(joint.sum(1)) + achieved + gap
        assert same(total, information(joint)) if fine else total.isnan()


@needs("lem-infogan-step, eq-infogan-step", "a discriminator that is never certain")
def test_a_certain_discriminator_makes_the_loss_infinite():
    joint, guess = tensor(PRIOR)[:, None] * table(2, 3), tensor([[0.5, 0.2, 0.3], [0.5, 0.8, 0.7]])
    loss = lambda answers: -(joint * (guess.log() + answers.log())).sum()
    assert loss(tensor([0.3, 0.5, 0.9])).isfinite() and loss(tensor([0.3, 0.0, 0.9])) == INFINITE


@needs("lem-best-decoder, eq-best-decoder", "the best decoder of the moment")
def test_another_decoder_rewards_other_codes():
    d, eta_0 = table(3), draws(3, 2, seed=1)
    joint = lambda eta: (d[:, None] * softmax(eta, -1)).T  # [codes, examples]
    best = joint(eta_0) / joint(eta_0).sum(1, keepdim=True)
    price = lambda eta: kl(joint(eta).sum(1), tensor(PRIOR))
    for decoder, agree in ((best, True), (table(2, 3, seed=2), False)):

        def loss(eta, decoder=decoder):
            return -(joint(eta) * decoder.log()).sum() + price(eta) + information(joint(eta))

        assert same(slopes(loss, eta_0), slopes(price, eta_0)) == agree


@needs("lem-best-decoder, eq-best-decoder", "a decoder that expects what can come")
@needs("lem-best-decoder, eq-best-decoder", "one support of codes and prior, for the AAE")
def test_the_decoder_must_expect_what_can_come():
    """An encoder begins to send an example to a code to which it never sent it: with the probability t², at t = 0."""
    prior = tensor([0.5, 0.5])
    joint = lambda t: torch.tensor([[1.0, 0.0], [t**2, 1 - t**2]]) / 2  # [examples, codes]
    decoder = joint(0.0) / joint(0.0).sum(0)
    reconstruction = lambda t: -xlogy(joint(t), decoder).sum()
    assert reconstruction(0.0) == 0 and reconstruction(1e-3) == reconstruction(-1e-3) == INFINITE
    price = lambda t: kl(joint(t).sum(0), prior) + information(joint(t))
    for goal in (lambda t: kl(joint(t).sum(0), prior), lambda t: information(joint(t)), price):
        for t in (1e-1, 1e-2, 1e-3):  # what is said to be descended has the slope zero
            assert (goal(t) - goal(0.0)).abs() < 2 * t**2 * math.log(1 / t)

    # And where the prior has no mass: the best discriminator says 0 there, and the AAE's loss is infinite.
    narrow, aggregate = tensor([1.0, 0.0]), tensor([0.7, 0.3])
    answers = narrow / (narrow + aggregate)
    assert -xlogy(aggregate, answers).sum() == INFINITE
    assert xlogy(aggregate, prior / (prior + aggregate)).sum().isfinite()


@needs("lem-best-decoder", "finite information, for the value of the VAE's loss")
def test_codes_without_noise_leave_the_loss_no_value():
    """x ~ N(0, 1), q(z|x) = N(0.8 x, s²): a price and a reconstruction that are ∞ and -∞ at s = 0, of one sum before."""

    def parts(s):
        s = tensor(s)
        variance = s**2 + 0.64  # of the codes; given one, x has the variance s²/variance
        return (variance - 1) / 2 - s.log(), torch.log(2 * math.pi * math.e * s**2 / variance) / 2, variance

    for s in (0.6, 1e-2, 1e-5):
        price, miss, variance = parts(s)
        assert same(price + miss, math.log(2 * math.pi * math.e) / 2 + (variance - 1 - variance.log()) / 2, 1e-9)
    assert price > 10 and miss < -9
    price, miss, _ = parts(0.0)
    assert price == INFINITE and miss == -INFINITE and (price + miss).isnan()


@needs("lem-predictability, eq-predictability, eq-explained", "all predictors, not linear ones alone")
@needs("lem-predictability", "units between 0 and 1")
def test_a_linear_predictor_does_not_see_a_parity():
    """Three bits, the third the parity of the others: two of them give the third away, and no linear function does."""
    codes = tensor([[a, b, a ^ b] for a, b in product((0, 1), repeat=2)]).double()
    assert same((codes - 0.5).T @ (codes - 0.5) / 4, torch.eye(3) / 4)  # uncorrelated: the best linear guess is ½
    linear = 3 * 0.25 / 2
    assert linear == 0.375  # L/8: as if they were independent
    explained = sum(
        min((codes[group, i] - guess).square().sum() for guess in (0.0, 0.5, 1.0))
        for i in range(3)
        for group in [
            [row for row in range(4) if (codes[row, [j for j in range(3) if j != i]] == tensor(rest).double()).all()]
            for rest in product((0, 1), repeat=2)
        ][:1]
    )
    assert explained == 0  # given the other two, nothing is left
    wide = 3 * codes[:, :2]  # two independent bits, three times as large
    assert (wide - wide.mean(0)).square().mean(0).sum() / 2 > 2 / 8


@needs("eq-redundancy", "a guesser of its best width")
def test_a_guesser_that_is_too_sure_bounds_nothing():
    """A Gaussian unit that the others explain with correlation 0.6: I = -½ log(1 - 0.36), reached at the best width."""
    truth, best = -0.5 * math.log(1 - 0.36), math.sqrt(1 - 0.36)
    bound = lambda s: 0.5 * math.log(2 * math.pi * math.e) - 0.5 * math.log(2 * math.pi * math.e * s**2)
    assert abs(bound(best) - truth) < 1e-12 and bound(1.2 * best) < truth < bound(0.5 * best)


# -- chapter 12 ----------------------------------------------------------------------------------------------


@needs("eq-best-scale", "a miss that is not zero")
def test_a_perfect_round_trip_has_no_best_scale():
    cost = lambda b, miss: miss / b + math.log(2 * b)
    assert cost(0.3, 0.3) < min(cost(0.2, 0.3), cost(0.4, 0.3)) and abs(cost(0.3, 0.3) - 1 - math.log(0.6)) < 1e-12
    assert all(later < earlier - 2 for earlier, later in pairwise(cost(b, 0.0) for b in (1.0, 0.1, 0.01, 0.001)))


@needs("lem-weight, eq-published-weight", "piles of one dimension")
def test_one_weight_is_two_scales_where_the_dimensions_differ():
    """λ/D on each error is a Laplace noise of 2D/λ: of 2 dimensions and of 3 those are two scales, not one b."""
    weight = 10.0
    scales = {dimensions: 2 * dimensions / weight for dimensions in (2, 3)}
    assert scales[2] != scales[3]
    published = lambda dx, dz: weight / dx + weight / dz  # of a unit of error in each
    ours = lambda b: 2 / b + 2 / b
    assert published(2, 2) == ours(scales[2]) and published(2, 3) not in (ours(scales[2]), ours(scales[3]))


@needs("lem-zero-cycles", "distributions that are positive")
def test_a_point_that_never_comes_may_go_anywhere():
    """Three x, of which one has no probability, and two z: both cycles are zero, and the sets differ in size."""
    d, p = tensor([0.5, 0.5, 0.0]), tensor([0.5, 0.5])
    decoder = tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # [z, x]
    encoder = tensor([[1.0, 0.0], [0.0, 1.0], [0.3, 0.7]])  # [x, z]
    first = -xlogy(p[:, None] * decoder, encoder.T).sum()
    second = -xlogy(d[:, None] * encoder, decoder.T).sum()
    assert first == second == 0 and len(d) != len(p)
    assert -xlogy(tensor([0.4, 0.4, 0.2])[:, None] * encoder, decoder.T).sum() == INFINITE  # once it may come


@needs("lem-entropy-price, eq-entropy-price", "inferred codes that match the prior; a finite world")
def test_codes_that_do_not_match_cost_nothing():
    d, p = tensor([0.5, 0.5]), tensor([0.9, 0.1])
    identity = torch.eye(2)
    cycle = -xlogy(d[:, None] * identity, identity).sum()
    assert cycle == 0 < entropy(d) - entropy(p)
    # On a line, a squeeze by 10 keeps everything and lowers the differential entropy by log 10.
    assert math.log(1.0) - math.log(0.1) > 2


def solutions(d, p):
    """All exact solutions on a finite world, as pairs of tuples, where nothing has probability zero."""
    found = []
    for g in product(range(len(d)), repeat=len(p)):
        made = [sum(p[z] for z in range(len(p)) if g[z] == x) for x in range(len(d))]
        if any(abs(a - b) > 1e-12 for a, b in zip(made, d, strict=True)):
            continue
        for f in product(range(len(p)), repeat=len(d)):
            if all(f[g[z]] == z for z in range(len(p))) and all(g[f[x]] == x for x in range(len(d))):
                found.append((g, f))
    return found


@needs("thm-coset, eq-coset", "one exact solution to begin with; automorphisms")
@needs("cor-count, eq-count", "a world with a solution")
def test_without_a_solution_there_is_none_to_multiply():
    even, uneven = [0.5, 0.5], [0.3, 0.7]
    assert len(solutions(even, even)) == 2 and len(solutions(uneven, uneven)) == 1
    assert len(solutions(even, uneven)) == 0  # and Π m_w! of the even side is 2
    assert len(solutions(even, [0.25, 0.25, 0.25, 0.25])) == 0  # a match without an inverse
    (g, f), d = solutions(uneven, uneven)[0], uneven
    swap = (1, 0)
    made = [sum(d[z] for z in range(2) if swap[g[z]] == x) for x in range(2)]
    assert made != d and f == (0, 1)  # after a map that is no automorphism, x has another distribution


@needs("cor-count, eq-count", "points that may come")
def test_points_that_never_come_do_not_count():
    """Two points of one half and two of zero: 2 solutions, up to sets of probability zero, and not 2! 2! = 4."""
    d = p = [0.5, 0.5, 0.0, 0.0]
    made = lambda g, law, end: sum(law[i] for i in range(4) if g[i] == end)
    match = lambda g, law: all(abs(made(g, law, end) - d[end]) < 1e-12 for end in range(4))
    maps = [g for g in product(range(4), repeat=4) if match(g, p)]
    exact = {
        (g[:2], f[:2])
        for g, f in product(maps, maps)
        if all(f[g[z]] == z for z in (0, 1)) and all(g[f[x]] == x for x in (0, 1))
    }
    assert len(maps) == 2 * 16 and exact == {((0, 1), (0, 1)), ((1, 0), (1, 0))}
    assert math.factorial(2) * math.factorial(2) != len(exact) == math.factorial(2)


@needs("lem-rotations, eq-rotations", "an orthogonal Q; an invertible A; Gaussian piles")
def test_a_shear_is_no_solution():
    a = tensor([[2.0, 0.0], [1.0, 1.0]])
    quarter, shear = tensor([[0.6, -0.8], [0.8, 0.6]]), tensor([[1.0, 0.5], [0.0, 1.0]])
    assert same((a @ quarter) @ (a @ quarter).T, a @ a.T) and apart((a @ shear) @ (a @ shear).T, a @ a.T, 0.1)
    assert torch.linalg.matrix_rank(tensor([[2.0, 0.0], [1.0, 0.0]])) == 1  # no F
    corners = tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # the covariance is that of a Gaussian
    turned = corners @ quarter.T
    assert same(turned.T @ turned, corners.T @ corners) and torch.cdist(turned, corners).min(1).values.min() > 0.2


@needs("lem-swirl, eq-swirl", "an angle that depends on the distance alone; a round distribution")
def test_a_turn_that_depends_on_the_place_changes_volumes():
    def turned(z, angle):
        a = angle(z)
        return torch.stack([a.cos() * z[0] - a.sin() * z[1], a.sin() * z[0] + a.cos() * z[1]])

    z = tensor([0.7, -0.4])
    by_distance, by_place = (lambda z: z.square().sum()), (lambda z: 2 * z[0])
    jacobian = lambda angle: torch.autograd.functional.jacobian(lambda z: turned(z, angle), z).det()
    assert same(jacobian(by_distance), 1.0) and apart(jacobian(by_place), 1.0, 0.1)
    oblong = lambda z: -(z[0] ** 2 / 8 + z[1] ** 2 / 2)  # log density of a Gaussian that is not round
    assert apart(oblong(turned(z, by_distance)), oblong(z), 0.05)
    round_ = lambda z: -z.square().sum() / 2
    assert same(round_(turned(z, by_distance)), round_(z))


@needs("lem-fair, eq-fair", "initial weights whose law is symmetric; a procedure that commutes with the symmetry")
def test_a_choice_that_starts_unfairly_ends_unfairly():
    """Data ±1, maps G(z) = w z; a step moves w away from zero: whoever starts at w > 0 ends at +1."""
    step = lambda w: 1.5 * w

    def found(law, step):
        """The probability of ending at w > 0, from a law over starts."""
        total = 0.0
        for start, chance in law.items():
            w = start
            for _ in range(5):
                w = step(w)
            total += chance * (w > 0)
        return total

    assert found({-0.3: 0.25, -0.1: 0.25, 0.1: 0.25, 0.3: 0.25}, step) == 0.5
    assert found({-0.1: 0.25, 0.1: 0.25, 0.3: 0.5}, step) == 0.75
    assert found({-0.3: 0.25, -0.1: 0.25, 0.1: 0.25, 0.3: 0.25}, lambda w: w + 0.15) == 1.0


@needs("lem-misfit, eq-misfit", "a map that is one-to-one")
def test_a_fold_makes_the_misfit_look_smaller():
    """F(x) = |x|, d uniform on [-1, 1], p uniform on [0, 1]: the KL is 0, and the right side says -log 2."""
    right = math.log(0.5) - math.log(1.0) - math.log(1.0)
    assert right == -LOG2 < 0
    assert math.log(0.5) - math.log(0.5) - math.log(1.0) == 0  # F(x) = (x + 1)/2 is one-to-one


def test_permutations_are_counted():
    """The count of ``cor-count`` on four points, two of a kind."""
    d = [0.3, 0.3, 0.2, 0.2]
    exact = [g for g in permutations(range(4)) if all(abs(d[g[z]] - d[z]) < 1e-12 for z in range(4))]
    assert len(exact) == math.factorial(2) ** 2 == len(solutions(d, d))
