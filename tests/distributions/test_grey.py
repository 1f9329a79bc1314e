"""Grey levels in double precision, where the formulas themselves have digits enough."""

import pytest
import torch

from ganvae_lib.distributions import ContinuousBernoulli

F64 = {"dtype": torch.float64}
LOGITS = torch.tensor([-15.0, -2.0, -0.3, -0.24, 0.0, 0.1, 0.24, 0.3, 2.0, 15.0], **F64)[:, None]
LEVELS = torch.tensor([0.0, 0.03, 0.25, 0.5, 0.9, 0.98, 1.0], **F64)


def by_formula(whole, at_zero):
    """A formula with a division by t, and what it tends to for t = 0."""
    return torch.where(LOGITS == 0, at_zero, whole(torch.where(LOGITS == 0, 1.0, LOGITS)))


def test_quantiles_are_those_of_the_formula_near_zero_and_far_from_it():
    found = ContinuousBernoulli(LOGITS).icdf(LEVELS)
    expected = by_formula(lambda t: torch.log1p(LEVELS * torch.expm1(t)) / t, LEVELS)
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-9)


def test_the_distribution_function_is_that_of_the_formula_and_its_slope_the_density():
    x = LEVELS.expand(len(LOGITS), -1).clone().requires_grad_()
    p = ContinuousBernoulli(LOGITS)
    found = p.cdf(x)
    expected = by_formula(lambda t: torch.expm1(t * LEVELS) / torch.expm1(t), LEVELS)
    torch.testing.assert_close(found.detach(), expected, rtol=1e-9, atol=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(slope, p.log_prob(LEVELS).exp(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("logit", [-3.0, 0.0, 0.2, 3.0])
def test_the_distribution_function_undoes_the_quantiles(logit):
    p = ContinuousBernoulli(torch.tensor(logit, **F64))
    torch.testing.assert_close(p.cdf(p.icdf(LEVELS)), LEVELS, rtol=0, atol=1e-8)
