"""Exact worlds: what is said by default, where domains end, values that nothing else asks for."""

import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

from ganvae_lib import exact
from ganvae_lib.distributions.paths import PATHS
from ganvae_lib.exact import DIVERGENCES, GeneratorStep, Space, minimise, random_coded_worlds, random_steps
from ganvae_lib.exact.noised import random_noised_mixtures


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_points_of_a_line_and_a_plane_rise():
    line = exact.line(0, 1, 3)
    assert line.points.tolist() == [0.0, 0.5, 1.0] and line.weights.tolist() == [0.25, 0.5, 0.25]
    assert exact.plane(0, 1, 2).points.tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert len(exact.line(0, 1).points) == 2001 and len(exact.plane(0, 1).points) == 301**2


def test_a_density_may_miss_one_by_a_millionth():
    for space in (Space(double(0, 1), double(1, 1)), exact.line(0, 1), exact.plane(0, 1, 5), exact.finite(3)):
        flat = space.normalise(torch.zeros_like(space.weights))
        assert space.tolerance == 1e-6
        space.density(flat + 0.9e-6)
        with pytest.raises(ValueError, match="its mass is 1.0000011, not 1"):
            space.density((flat + 1.1e-6).requires_grad_())


def test_two_points_may_be_a_line():
    """W₁ by the distribution function, where the ends have weights of their own."""
    space = Space(double(0, 2), double(0.5, 1.5))
    p, q = (double(*masses) / space.weights for masses in ((0.25, 0.75), (0.5, 0.5)))
    gap = (p - q).mean() * 2  # ∫ (p - q) over the one interval, by trapezoids
    found = space.wasserstein(p.log(), q.log())
    torch.testing.assert_close(found, (space.weights[1] * gap).abs())


def test_a_conjugate_ends_at_its_bound_without_breaking_gradients():
    for name, bound, attained in (
        ("reverse kl", 0.0, False),
        ("js", math.log(2) / 2, False),
        ("hellinger", 1.0, False),
        ("total variation", 0.5, True),
    ):
        t = double(bound - 0.2, bound, bound + 0.1).requires_grad_()
        value = DIVERGENCES[name].conjugate(t)
        assert value.isfinite().tolist() == [True, attained, False]
        (slope,) = torch.autograd.grad(value[:2].sum() if attained else value[0] + 0 * t.sum(), t)
        assert slope.isfinite().all()
        (slope,) = torch.autograd.grad(DIVERGENCES[name].conjugate(t)[1], t)
        assert slope[1].item() == (1.0 if attained else 0.0)


def test_newton_knows_flat_valleys():
    """Along an axis of curvature 0.001 it takes the whole step; along one of none it does not divide by zero."""
    best, value = minimise(lambda x: 0.5e-3 * (x[0] - 0.3) ** 2 + (x[1] - 0.1) ** 2, [0.0, 0.0], steps=3)
    torch.testing.assert_close(best, double(0.3, 0.1), rtol=0, atol=1e-6)
    assert value < 1e-15
    best, _ = minimise(lambda x: (x[0] - 0.3) ** 2 + 0 * x[1], [0.0, 5.0])
    torch.testing.assert_close(best, double(0.3, 5.0), rtol=0, atol=1e-6)


def test_newton_stays_near_its_start_and_halves_what_is_too_long():
    """From the top of a wave it goes into the valley beside; where a whole step overshoots, it takes a part of it."""
    best, value = minimise(lambda x: (20 * x[0]).cos(), [0.01])
    assert best.item() == pytest.approx(math.pi / 20, abs=1e-8) and value == pytest.approx(-1)
    best, value = minimise(lambda x: (1 + x[0] ** 2).sqrt(), [2.0], reach=100.0)
    assert best.item() == pytest.approx(0, abs=1e-8) and value == pytest.approx(1)
    with pytest.raises(RuntimeError, match=r"no minimum found from \[0.0\]: after 2 steps the gradient is \[3.0\]"):
        minimise(lambda x: 3 * x[0], [0.0], steps=2)


def test_worlds_are_values():
    step, world = random_steps(2), random_coded_worlds(2)
    for value in (
        exact.finite(2),
        DIVERGENCES["kl"],
        step,
        world,
        step.sides(step.theta_0),
        world.sides(world.theta_0, world.eta_0),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)


def test_random_worlds_begin_with_seed_zero():
    for make in (random_steps, random_coded_worlds):
        assert torch.equal(make(3).theta_0, make(3, 0).theta_0) and not torch.equal(make(3).theta_0, make(3, 1).theta_0)
    assert len(random_steps(1).space.points) == 801


def test_both_labels_are_equally_likely_unless_told():
    step = random_steps(3)
    plain = GeneratorStep(step.space, step.conditionals, step.theta_0, step.logit)
    log_p0, log_p1 = step.conditionals(step.theta_0)
    of_gan = GeneratorStep.gan(step.space, lambda theta: step.conditionals(theta)[0], log_p1, step.theta_0, step.logit)
    half = torch.logaddexp(log_p0, log_p1) - math.log(2)
    for made in (plain, of_gan):
        assert made.real == 0.5
        torch.testing.assert_close(made.mixture(step.theta_0), half)
    torch.testing.assert_close(exact.optimal_logit(log_p0, log_p1), log_p1 - log_p0)


def test_a_prior_of_few_digits_is_reckoned_with_in_many():
    few = torch.tensor(0.3)
    found = exact.generator.optimal_logit(double(0, 0), double(0, 0), few)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, few.double().logit().expand(2), rtol=0, atol=1e-15)


def test_a_minimum_carries_no_history_of_its_start():
    start = torch.zeros(2, requires_grad=True)
    best, value = minimise(lambda x: (x - 1).square().sum(), start)
    assert best.tolist() == [1.0, 1.0] and value == 0.0 and not best.requires_grad


@pytest.mark.parametrize("name", ["decoder", "encoder"])
def test_a_coded_world_needs_functions(name):
    with pytest.raises(ValueError, match=f"{name} must be a function of parameters, got 0.5"):
        replace(random_coded_worlds(1), **{name: 0.5})


def test_worlds_are_drawn_without_a_word_to_the_programs_generator():
    before = torch.get_rng_state()
    random_steps(1, seed=5), random_coded_worlds(1, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_where_numbers_end():
    with pytest.raises(ValueError, match="seed"):
        random_steps(1, seed=-1)
    with pytest.raises(ValueError, match="reach"):
        minimise(lambda x: x.square().sum(), [1.0], reach=0)
    point = Space(double(0), double(1))
    with pytest.raises(ValueError, match="it needs a line"):
        point.wasserstein(double(0), double(0))


def test_a_step_may_be_given_lists():
    step = random_steps(1)
    again = GeneratorStep(step.space, step.conditionals, step.theta_0.tolist(), step.logit.tolist())
    assert torch.equal(again.theta_0, step.theta_0) and torch.equal(again.logit, step.logit)


def test_a_score_is_of_points_in_any_arrangement():
    (world,) = random_noised_mixtures(PATHS["cosine"], 1)
    t, points = double(0.5)[0], torch.linspace(-2, 2, 6, dtype=torch.float64)
    row = world.score(points[:, None], t)
    assert torch.equal(world.score(points.reshape(2, 3, 1), t), row.reshape(2, 3, 1))
