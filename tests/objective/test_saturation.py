"""Chapter 04: how hard each generator loss pulls on a shifted Gaussian."""

import math

import pytest
import torch

from ganvae_lib import LINKS, exact


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0, 6.0])
def test_pull_on_a_shifted_gaussian(distance):
    """d = N(0,1), g = N(a,1), D optimal: both KL links pull with strength a, and the two logistic links add up to a."""
    line = exact.line(-16, 24, 4001)
    t = distance**2 / 2 - distance * line.points

    def pull(name):
        def loss(mean):
            log_g = torch.distributions.Normal(mean, 1.0).log_prob(line.points)
            return line.integrate(log_g.exp() * LINKS[name].generator(t))

        return float(torch.func.grad(loss)(torch.tensor(distance, dtype=torch.float64)))

    assert pull("reverse KL") == pytest.approx(distance, abs=1e-9)
    assert pull("KL") == pytest.approx(distance, abs=1e-6)
    assert pull("minimax") + pull("non-saturating") == pytest.approx(distance, abs=1e-9)
    assert 0 < pull("minimax") < pull("non-saturating")


def test_the_minimax_pull_dies_out():
    """2 JSD is at most 2 log 2, so far away its slope must vanish; it is below one thousandth at a = 9."""
    line = exact.line(-16, 32, 4801)
    log_d = torch.distributions.Normal(0.0, 1.0).log_prob(line.points)
    jsd = lambda mean: 2 * line.js(log_d, torch.distributions.Normal(mean, 1.0).log_prob(line.points))
    far = torch.tensor(9.0, dtype=torch.float64)
    assert 0 < torch.func.grad(jsd)(far) < 1e-3
    assert jsd(far) == pytest.approx(2 * math.log(2), abs=1e-4)
