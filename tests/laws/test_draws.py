"""What is drawn has the law that its density says: codes of every kind, observations, and what depends on the noise."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Laplace, Normal, OneHotCategorical, Uniform

from ganvae_lib import CODES, Batch, Noise, build, nets, zoo
from ganvae_lib.distributions import draw

N = 20_000
TIGHT = 1.95  # √N times the Kolmogorov-Smirnov distance exceeds it once in a thousand


def ks(sample, cdf):
    """The largest distance of the empirical distribution function from ``cdf``, times √n."""
    values = sample.double().sort().values
    n, expected = len(values), cdf(values)
    above = torch.arange(1, n + 1, dtype=torch.float64) / n - expected
    return math.sqrt(n) * max(above.max(), (1 / n - above).max())


def codes(kind, size, seeds=0, n=N):
    model = build(zoo.AAE, (2,), codes={kind: size}, hidden=(4,))
    x = torch.zeros(*([] if isinstance(seeds, int) else [len(seeds)]), n, 2)
    return Batch(model, x, Noise(seeds)).z


UNIFORM = {"uniform": (-1.0, 1.0), "unit": (0.0, 1.0)}


@pytest.mark.parametrize("kind", UNIFORM)
def test_uniform_codes_are_uniform_and_independent(kind):
    low, high = UNIFORM[kind]
    z = codes(kind, 3)
    assert z.shape == (N, 3) and z.min() >= low and z.max() < high
    for column in z.T:
        assert ks(column, lambda z: (z - low) / (high - low)) < TIGHT
        assert not ks(column, lambda z: ((z - low) / (high - low)) ** 1.1) < TIGHT  # the test has its power
    assert (torch.corrcoef(z.T) - torch.eye(3)).abs().max() < 5 / math.sqrt(N)
    assert (torch.corrcoef(z.square().T) - torch.eye(3)).abs().max() < 5 / math.sqrt(N)


@pytest.mark.parametrize("kind", UNIFORM)
def test_the_prior_of_uniform_codes_has_their_density(kind):
    low, high = UNIFORM[kind]
    prior = CODES[kind].prior(torch.zeros(3))
    inside = torch.tensor([[low, (low + high) / 2, high - 1e-6]])
    assert prior.log_prob(inside).item() == pytest.approx(-3 * math.log(high - low), abs=1e-6)
    z = codes(kind, 3)
    assert torch.equal(prior.log_prob(z), torch.full((N,), -3 * math.log(high - low)))


def test_a_uniform_draw_is_the_quantile_of_its_noise():
    """Between any bounds, each entry's own; with the gradient 1 - u for the lower one and u for the upper one."""
    low, high = torch.tensor([[-3.0, 2.0]] * 4, requires_grad=True), torch.tensor([[5.0, 2.5]] * 4, requires_grad=True)
    u = Noise(7).uniform("z", 4, 2)
    sample = draw(Independent(Uniform(low, high), 1), Noise(7), "z")
    torch.testing.assert_close(sample, low + (high - low) * u)
    slopes = torch.autograd.grad(sample.sum(), (low, high))
    torch.testing.assert_close(slopes[0], 1 - u)
    torch.testing.assert_close(slopes[1], u)


def test_uniform_codes_of_each_seed_are_its_own():
    together = codes("uniform", 2, seeds=[5, 0, 2], n=50)
    for i, seed in enumerate((5, 0, 2)):
        assert torch.equal(together[i], codes("uniform", 2, seeds=seed, n=50))
    assert len(together.unique()) > 0.98 * together.numel()


def test_uniform_parts_of_a_code_have_noise_of_their_own():
    model = build(zoo.AAE, (2,), codes={"uniform": 1, "unit": 1, "gaussian": 1}, hidden=(4,))
    z = Batch(model, torch.zeros(N, 2), Noise(0)).z
    assert (torch.corrcoef(z.T) - torch.eye(3)).abs().max() < 5 / math.sqrt(N)
    assert ks(z[:, 0], lambda z: (z + 1) / 2) < TIGHT and ks(z[:, 1], lambda z: z) < TIGHT
    assert ks(z[:, 2], torch.special.ndtr) < TIGHT


def test_other_codes_have_their_laws():
    assert ks(codes("gaussian", 1)[:, 0], torch.special.ndtr) < TIGHT
    coins, classes = codes("bernoulli", 2), codes("one-hot", 5)
    assert set(coins.unique().tolist()) == {0.0, 1.0} and set(classes.unique().tolist()) == {0.0, 1.0}
    assert (coins.mean(0) - 0.5).abs().max() < 4 * math.sqrt(0.25 / N)
    assert (classes.sum(1) == 1).all() and (classes.mean(0) - 0.2).abs().max() < 4 * math.sqrt(0.16 / N)


def test_discrete_draws_have_any_probabilities():
    probs = torch.tensor([0.05, 0.6, 0.0, 0.35])
    sample = draw(OneHotCategorical(probs.expand(N, 4)), Noise(1), "z")
    assert (sample.mean(0) - probs).abs().max() < 4 * math.sqrt(0.25 / N) and sample[:, 2].sum() == 0
    chance = torch.tensor([0.0, 0.1, 0.9, 1.0])
    sample = draw(Independent(Bernoulli(chance.expand(N, 4)), 1), Noise(1), "x")
    assert (sample.mean(0) - chance).abs().max() < 4 * math.sqrt(0.25 / N)
    assert sample[:, 0].sum() == 0 and sample[:, 3].sum() == N


def test_normal_and_laplace_draws_have_their_distribution_functions():
    loc, scale = torch.tensor(-1.5), torch.tensor(0.3)
    for p in (Normal(loc.expand(N), scale.expand(N)), Laplace(loc.expand(N), scale.expand(N))):
        sample = draw(p, Noise(2), "x")
        assert ks(sample, lambda x, p=p: type(p)(loc.double(), scale.double()).cdf(x)) < TIGHT


def test_grey_pixels_have_the_law_of_their_density():
    """The continuous Bernoulli of logits t: P(X ≤ x) = (e^{tx} - 1)/(e^t - 1), and x for t = 0."""
    observation = nets.OBSERVATIONS["continuous bernoulli"]()
    for t in (-8.0, -0.5, 0.0, 0.01, 3.0):
        p = observation(torch.full((N, 1), t), 1)
        sample = draw(p, Noise(3), "x")[:, 0]
        cdf = (lambda x: x) if t == 0 else (lambda x, t=t: torch.expm1(t * x) / math.expm1(t))
        assert sample.min() >= 0 and sample.max() <= 1 and ks(sample, cdf) < TIGHT
