"""Both sides of the lemmas on a thousand random worlds, and against sums written by hand."""

import math

import pytest
import torch

from ganvae_lib import exact, gradient, lemmas
from ganvae_lib.exact.coded import random_coded_worlds
from ganvae_lib.exact.generator import GeneratorStep, optimal_logit, random_steps

WORLDS, EXACT = 300, 1e-9
KINDS = pytest.mark.parametrize("discriminator", ["random", "optimal", "anti-optimal", "constant"])
PRIORS = pytest.mark.parametrize("real", ["uniform", "random"])


def away(theta, reach=0.3, seed=1):
    u = torch.rand(theta.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return theta + reach * (2 * u - 1)


@KINDS
@PRIORS
@pytest.mark.parametrize("reverse", [True, False])
def test_lemma_1_holds_for_every_theta_and_to_first_order_at_theta_0(discriminator, real, reverse):
    step = random_steps(WORLDS, 2, discriminator, real, points=401)
    sides = step.sides(away(step.theta_0), reverse)
    assert (sides.left - sides.right).abs().max() < EXACT
    assert (sides.remainder > 1e-6).all() and (sides.js > 0).all()
    assert (step.sides(step.theta_0, reverse).remainder.abs() < 1e-14).all()
    slope = lambda name, theta: gradient(lambda t: getattr(step.sides(t, reverse), name), theta)
    assert (slope("left", step.theta_0) - slope("first_order", step.theta_0)).abs().max() < EXACT
    elsewhere = away(step.theta_0)
    gap = slope("first_order", elsewhere) - slope("left", elsewhere)
    assert (gap - slope("remainder", elsewhere)).abs().max() < EXACT < gap.abs().max()


@PRIORS
def test_the_left_side_is_the_loss_of_the_generator(real):
    step = random_steps(WORLDS, 3, "random", real, points=401)
    g, d = (p.exp() * step.space.weights for p in step.conditionals(step.theta_0))
    big_d, share = step.logit.sigmoid(), step.real
    by_hand = -(1 - share) * (g * big_d.log()).sum(-1) - share * (d * (1 - big_d).log()).sum(-1)
    assert (step.sides(step.theta_0).left - by_hand).abs().max() < EXACT
    unreversed = -(1 - share) * (g * (1 - big_d).log()).sum(-1) - share * (d * big_d.log()).sum(-1)
    assert (step.sides(step.theta_0, reverse=False).left - unreversed).abs().max() < EXACT


@PRIORS
def test_posteriors_of_the_optimal_discriminator_are_the_exchanged_densities(real):
    step = random_steps(WORLDS, 4, "optimal", real, points=401)
    (q0, q1), (z0, z1) = step.posterior()
    g, d = step.conditionals(step.theta_0)
    assert (q0 - d).abs().max() < EXACT and (q1 - g).abs().max() < EXACT
    assert (z0.exp() + z1.exp() - 1).abs().max() < EXACT
    assert (z0.exp() - step.real).abs().max() < EXACT


@KINDS
@PRIORS
def test_the_divergence_is_what_a_discriminator_achieves_and_its_gap(discriminator, real):
    step = random_steps(WORLDS, 5, discriminator, real, points=401)
    js, bound, gap = step.bound(step.theta_0)
    g, d = step.conditionals(step.theta_0)
    assert (js - step.space.js(d, g, step.real)).abs().max() < EXACT
    assert (js - bound - gap).abs().max() < EXACT
    assert (gap.abs().max() < EXACT) == (discriminator == "optimal")


def test_any_prior_of_y_and_any_space():
    x = exact.finite(5)
    log_p = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25], dtype=torch.float64).log()
    step = GeneratorStep.gan(
        x,
        lambda t: (t + log_p).log_softmax(-1),
        log_p.flip(0),
        torch.zeros(5).double(),
        torch.arange(5.0).double() - 2,
        real=0.2,
    )
    sides = step.sides(torch.tensor([1.0, -1, 0, 0.5, 2]).double())
    assert abs(sides.left - sides.right) < EXACT
    assert torch.allclose(optimal_logit(log_p, log_p, 0.2), torch.tensor(math.log(0.25)).double())
    for real in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            optimal_logit(log_p, log_p, real)


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match="unknown discriminator 'best'.*'optimal'"):
        random_steps(2, discriminator="best")
    with pytest.raises(ValueError, match="unknown prior"):
        random_steps(2, real="half")


# ---------------------------------------------------------------- finite worlds with codes


def test_lemma_2_by_three_nested_sums():
    world = random_coded_worlds(1, 7, examples=3, codes=2)
    theta, eta = away(world.theta_0), away(world.eta_0)
    sides = world.sides(theta, eta)
    d, made = world.log_d[0].exp(), world.marginal(world.theta_0)[0].exp()
    p, q, fixed, prior = (
        v[0].exp() for v in (world.decoder(theta), world.encoder(eta), world.log_fixed, world.log_prior)
    )
    line_1 = line_2 = 0.0
    for x in range(3):
        evidence = sum(0.5 * prior[z] * (p[z, x] + d[x]) for z in range(2))
        for y, weight, code in ((0, d, q), (1, made, fixed)):
            for z in range(2):
                likelihood = p[z, x] if y == 0 else d[x]
                mass = 0.5 * weight[x] * code[x, z]
                line_1 += mass * (likelihood.log() - (code[x, z] / (prior[z] * 0.5)).log())
                line_2 -= mass * (code[x, z] / (likelihood * prior[z] * 0.5 / evidence)).log()
    assert abs(sides.line_1 - line_1) < EXACT and abs(sides.line_2 - line_2) < EXACT


def test_lemma_2_and_where_its_second_line_holds():
    world = random_coded_worlds(WORLDS)
    theta, eta = away(world.theta_0), away(world.eta_0)
    sides = world.sides(theta, eta)
    assert (sides.line_1 - (sides.elbo / 2 - math.log(2) + sides.constant / 2)).abs().max() < EXACT
    assert (sides.line_1 - sides.line_2 - sides.log_evidence).abs().max() < EXACT
    gap = lambda f, at: gradient(lambda v: f(v).line_1 - f(v).line_2, at).abs().amax(-1)
    assert gap(lambda t: world.sides(t, eta), world.theta_0).max() < EXACT
    assert gap(lambda t: world.sides(t, eta), theta).min() > 1e-4
    assert gap(lambda e: world.sides(theta, e), eta).max() < EXACT


def test_the_elbo_is_below_the_evidence_by_a_kl():
    world = random_coded_worlds(WORLDS, 9)
    q, posterior = world.encoder(world.eta_0), world.posterior(world.theta_0)
    gap = (q.exp() * (q - posterior)).sum(-1)
    assert (world.marginal(world.theta_0) - world.elbo(world.theta_0, world.eta_0) - gap).abs().max() < EXACT


def test_wake_and_sleep_are_expectations_under_the_two_joints():
    world = random_coded_worlds(1, 3, examples=3, codes=2)
    theta, eta = world.theta_0, world.eta_0
    d, p, q, prior = (v[0] for v in (world.log_d, world.decoder(theta), world.encoder(eta), world.log_prior))
    pairs = [(x, z) for x in range(3) for z in range(2)]
    wake = sum((d[x] + q[x, z]).exp() * p[z, x] for x, z in pairs)
    sleep = sum((prior[z] + p[z, x]).exp() * q[x, z] for x, z in pairs)
    assert abs(world.wake(theta, eta) - wake) < EXACT and abs(world.sleep(theta, eta) - sleep) < EXACT


def test_gradients_of_a_batch_are_those_of_its_instances():
    worlds = random_coded_worlds(4, 1)
    together = gradient(lambda t: worlds.wake(t, worlds.eta_0), worlds.theta_0)
    for k in range(4):

        def alone(t, k=k):
            theta = torch.cat((worlds.theta_0[:k], t.unsqueeze(0), worlds.theta_0[k + 1 :]))
            return worlds.wake(theta, worlds.eta_0)[k]

        assert torch.allclose(lemmas.gradient(alone, worlds.theta_0[k]), together[k], atol=1e-14)
