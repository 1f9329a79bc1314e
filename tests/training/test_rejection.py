"""Rejection on summaries, against a posterior that is known."""

import math

import pytest
import torch
from torch.distributions import Normal

from ganvae_lib import Summaries, exact, rejection

F64 = {"dtype": torch.float64}
OBSERVED = torch.tensor([0.4, 1.9, 1.1, 0.2, 2.4], **F64)[:, None]
MEAN = Summaries(("mean",))


def prior(n, g):
    return 2 * torch.randn(n, generator=g, **F64)


def simulate(theta, g):
    return theta[:, None, None] + torch.randn(len(theta), 5, 1, generator=g, **F64)


def run(summaries=MEAN, **options):
    return rejection.sample(prior, simulate, OBSERVED, summaries, **{"draws": 40_000, **options})


@pytest.mark.parametrize("tolerance", [2.0, 0.5, 0.1])
def test_what_is_accepted_has_the_density_of_the_book(tolerance):
    """Eq. ``eq-abc`` (chapter 14), by quadrature: the mean of five is N(θ, 1/5)."""
    line = exact.line(-12, 12, 4801)
    z = lambda end: (OBSERVED.mean() + end - line.points) * math.sqrt(5)
    inside = torch.special.ndtr(z(tolerance)) - torch.special.ndtr(z(-tolerance))
    joint = Normal(0.0, 2.0).log_prob(line.points).exp() * inside
    share = line.integrate(joint)
    mean = line.integrate(joint * line.points) / share
    std = (line.integrate(joint * line.points**2) / share - mean**2).sqrt()
    kept = run(tolerance=tolerance)
    n = len(kept.theta)
    assert n == round(kept.rate * 40_000) and kept.tolerance == tolerance
    assert abs(kept.rate - share) < 4 * math.sqrt(share * (1 - share) / 40_000)
    assert abs(kept.theta.mean() - mean) < 4 * std / math.sqrt(n)
    assert abs(kept.theta.std() / std - 1) < 4 / math.sqrt(n)


def test_an_ancillary_summary_gives_the_prior_back():
    kept = run(Summaries(("variance",)), keep=2000)
    assert abs(kept.theta.mean()) < 4 * 2 / math.sqrt(2000) and abs(kept.theta.std() / 2 - 1) < 4 / math.sqrt(2000)


def test_the_nearest_come_first_and_fewer_are_nearer():
    many, few = run(keep=1000), run(keep=100)
    assert many.distance.diff().min() >= 0 and many.distance[-1] == many.tolerance
    assert torch.equal(many.theta[:100], few.theta) and few.rate == 100 / 40_000
    assert torch.equal(run(tolerance=few.tolerance).theta, few.theta)  # two ways to ask for the same


def test_a_seed_is_a_result():
    assert torch.equal(run(keep=50, seed=3).theta, run(keep=50, seed=3).theta)
    assert not torch.equal(run(keep=50, seed=3).theta, run(keep=50, seed=4).theta)


def test_parameters_are_tried_in_pieces_of_a_size_that_a_seed_depends_on():
    sizes = []
    counted = lambda n, g: sizes.append(n) or prior(n, g)
    rejection.sample(counted, simulate, OBSERVED, MEAN, draws=40_000, keep=5)
    assert sizes == [16_384, 16_384, 7_232]


def test_a_function_may_take_the_place_of_the_tool():
    assert torch.equal(run(lambda x: x.mean(1), keep=50).theta, run(keep=50).theta)


def test_no_gradient_and_no_density_is_asked_for():
    """A program with a loop and whole numbers: how many throws until the first six, with a loaded die."""
    seen = torch.full((12, 1), 2.0)
    throws = lambda theta, g: (
        torch.rand(len(theta), 12, 1, generator=g).log() / (1 - theta)[:, None, None].log()
    ).ceil()
    kept = rejection.sample(lambda n, g: torch.rand(n, generator=g), throws, seen, MEAN, draws=20_000, keep=200)
    assert abs(kept.theta.mean() - 0.5) < 0.05  # the posterior is Beta(13, 13)


def test_parameters_may_be_vectors_and_examples_images():
    pair = lambda n, g: torch.rand(n, 2, generator=g)
    pictures = lambda theta, g: (
        theta[:, :1, None, None, None].expand(-1, 4, 1, 3, 3) + torch.rand(len(theta), 4, 1, 3, 3, generator=g)
    )
    kept = rejection.sample(pair, pictures, torch.ones(4, 1, 3, 3), MEAN, draws=3000, keep=30)
    assert kept.theta.shape == (30, 2) and abs(kept.theta[:, 0].mean() - 0.5) < 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(), "give keep .* or tolerance"),
        (dict(keep=5, tolerance=0.1), "not both"),
        (dict(keep=0), "1 <= keep <= draws"),
        (dict(keep=101, draws=100), "1 <= keep <= draws"),
        (dict(keep=1, draws=0), "1 <= keep <= draws"),
        (dict(tolerance=-0.1), "tolerance >= 0"),
        (dict(tolerance=math.nan), "tolerance >= 0"),
        (dict(tolerance=0.0), "none of 40000 draws is within 0.0; the nearest is at"),
        (dict(summaries=lambda x: x.mean(1)[:, 0], keep=5), r"must give 16384 rows and summaries \[16384, 1\]"),
        (dict(summaries=lambda x: x.mean(1) / 0, keep=5), "NaN or infinite"),
    ],
)
def test_bad_use_is_named(options, said):
    with pytest.raises(ValueError, match=said):
        run(**options)


def test_a_prior_that_gives_too_few_is_named():
    with pytest.raises(ValueError, match="prior must give 100 rows"):
        rejection.sample(lambda n, g: prior(n, g)[1:], simulate, OBSERVED, MEAN, draws=100, keep=5)
