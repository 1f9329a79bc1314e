"""Metrics against worlds whose answer is known in closed form."""

import io
import math
from types import SimpleNamespace

import pytest
import torch
from helpers import images, linear, points, short, small
from scipy import stats
from torch import nn
from torch.distributions import Independent, Normal, Uniform

from ganvae_lib import (
    Adversary,
    Data,
    Denoise,
    History,
    Likelihood,
    Match,
    Model,
    Noise,
    Reconstruct,
    Run,
    fit,
    metrics,
    mixture1d,
    moons,
    nets,
    ring,
    zoo,
)
from ganvae_lib.data.toys import grid
from ganvae_lib.distributions import draw
from ganvae_lib.measure import bounds
from ganvae_lib.measure.history import Bar

# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize("n, level", [(2, 0.95), (4, 0.95), (16, 0.9)])
def test_the_interval_is_students(n, level):
    values = torch.randn(n, generator=torch.Generator().manual_seed(n)).double() + 3
    mean, half = metrics.interval(values, level)
    low, high = stats.t.interval(level, n - 1, values.mean(), stats.sem(values))
    assert math.isclose(mean - half, low, rel_tol=1e-9) and math.isclose(mean + half, high, rel_tol=1e-9)


def test_an_interval_needs_values():
    mean, half = metrics.interval([2.5])
    assert mean == 2.5 and math.isnan(half)
    with pytest.raises(ValueError, match="at least one value"):
        metrics.interval([])


def test_scores_print_as_mean_and_interval():
    scores = metrics.Scores({"modes": torch.tensor([7.0, 8.0, 8.0, 8.0]), "ELBO (nats)": torch.tensor([-10.0])})
    assert repr(scores) == "modes: 7.75 ± 0.80 (4 seeds)\nELBO (nats): -10.00"
    assert list(scores) == ["modes", "ELBO (nats)"] and len(scores) == 2


def test_an_interval_stays_in_the_range_of_what_was_averaged():
    covered = {
        "modes": torch.tensor([0.0, 0.0, 3.0, 4.0]),
        "share": torch.tensor([0.2, 0.3]),
        "loss": torch.tensor([0.0, 9.0]),
    }
    printed = repr(metrics.Scores(covered, {"modes": (0, 8), "share": (0, 1)})).splitlines()
    assert printed == [
        "modes: 1.75, 0.00 to 5.03 (4 seeds)",
        "share: 0.25, 0.00 to 0.89 (2 seeds)",
        "loss: 4.50 ± 57.18 (2 seeds)",
    ]
    assert (
        metrics.format_interval(7.0, 0.5, (0, 8)) == "7.00 ± 0.50"
        and metrics.format_interval(8.0, 0.0, (0, 8)) == "8.00 ± 0.00"
    )
    run = short(small(zoo.VAE, points()), steps=2, seeds=4)
    scores = run.evaluate(n=100)
    assert scores.within["modes"] == (0, 8) and scores.within["high quality"] == (0, 1)
    scores["modes"] = covered["modes"]
    assert repr(scores).splitlines()[0] == printed[0]


def test_no_score_is_nan_without_a_word():
    scores = metrics.Scores({"a": torch.tensor([1.0, math.nan, 3.0]), "b": torch.tensor([math.nan])})
    assert repr(scores).splitlines() == [
        "a: 2.00 ± 12.71 (2 seeds), not a number for 1 of 3 seeds",
        "b: not a number, not a number for 1 of 1 seeds",
    ]
    assert metrics.interval([2.0, 2.0, 2.0]) == (2.0, 0.0)


def test_two_pairs_have_an_effect_size_and_constants_a_difference_without_width():
    two = metrics.paired([1.0, 2.0], [2.0, 5.0])  # 1 and 3: mean 2, sd √2
    assert two["mean"] == 2.0 and two["effect_size"] == round(math.sqrt(2), 3) == 1.414
    assert metrics.difference([3.0, 3.0], [2.0, 2.0, 2.0]) == {"mean": 1.0, "half_width_95": 0.0, "agree": False}


def test_the_classifier_score_of_several_seeds_is_that_of_each():
    answers = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    scores = metrics.classifier_score(answers)
    marginal = answers.mean(1, keepdim=True)
    expected = (answers * (answers / marginal).log()).sum((1, 2)).div(5).exp()
    torch.testing.assert_close(scores, expected)
    assert scores[0] == metrics.classifier_score(answers[0])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: metrics.interval([1.0, 2.0], level=95), "level must lie between 0 and 1, such as 0.95; got 95"),
        (lambda: metrics.interval([1.0, 2.0], level=1), "level must lie between 0 and 1"),
        (lambda: metrics.interval([1.0, 2.0], level=0), "level must be a finite number above 0"),
        (lambda: metrics.interval([1.0, 2.0], level="a"), "level must be a finite number"),
        (lambda: metrics.interval([1.0, math.nan]), r"values holds NaN or infinity, first at \[1\]"),
        (lambda: metrics.interval([1.0, math.inf]), "values holds NaN or infinity"),
        (lambda: metrics.interval("ab"), "values must be numbers"),
        (lambda: metrics.interval(None), "values must be numbers"),
        (lambda: metrics.summary([]), "at least one value"),
        (lambda: metrics.summary([math.nan]), "holds NaN"),
        (lambda: metrics.paired([1.0], [1.0, 2.0]), "paired seed by seed; got 1 of base and 2 of variant"),
        (lambda: metrics.difference([1.0], [1.0, 2.0]), "two values or more of each, got 1 and 2"),
        (lambda: metrics.coverage(torch.zeros(5, 3), ring()), r"samples must be \[seeds, n, 2\]"),
        (lambda: metrics.coverage(torch.zeros(5), ring()), r"samples must be \[seeds, n, 2\]"),
        (lambda: metrics.coverage(torch.zeros(0, 2), ring()), r"samples must be \[seeds, n, 2\]"),
        (lambda: metrics.coverage("a", ring()), "samples must be numbers"),
        (lambda: metrics.coverage(torch.zeros(5, 2), ring(), within=-1), "within must be a finite number above 0"),
        (lambda: metrics.coverage(torch.zeros(5, 2), ring(), share=0), "share must be a finite number above 0"),
        (lambda: metrics.coverage(torch.zeros(5, 2), None), "world with modes"),
        (lambda: metrics.classifier_score(torch.ones(4, 3)), "rows that sum to 1"),
        (lambda: metrics.classifier_score(torch.tensor([[2.0, -1.0]])), "not negative"),
        (lambda: metrics.mutual_information([1, 2], [1, 2], bins=2.5), "bins must be a whole number"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- bounds on a linear-Gaussian world

W = torch.tensor([[1.0, -0.5], [0.3, 0.8], [0.0, 1.2]])
B, S = torch.tensor([0.5, 0.0, -1.0]), 0.7
COV = W @ W.T + S**2 * torch.eye(3)
POSTERIOR = torch.linalg.inv(torch.eye(2) + W.T @ W / S**2)


@pytest.fixture(scope="module")
def world():
    """p(x) = N(B, W Wᵀ + S²), and 4000 examples of it."""
    g = torch.Generator().manual_seed(0)
    p = torch.distributions.MultivariateNormal(B, COV)
    x = B + torch.randn(4000, 3, generator=g) @ torch.linalg.cholesky(COV).T
    return SimpleNamespace(data=Data(x, name="linear"), evidence=p.log_prob(x).mean().item())


def model(shift=0.0, log_variances=(-0.4, -0.9)):
    """The world's decoder with q(z|x) = N(posterior mean + shift, diag): copies differ in the shift."""
    matrix = POSTERIOR @ W.T / S**2
    encoder = linear(
        torch.cat((matrix, torch.zeros(2, 3))), torch.cat((shift - matrix @ B, torch.tensor(log_variances)))
    )
    decoder = nets.Decoder(linear(W, B), nets.Gaussian(S), (3,))
    return Model(zoo.VAE, {"encoder": nets.Encoder(encoder), "decoder": decoder}, nets.StandardNormal(2))


def gap(shift, log_variances=(-0.4, -0.9)):
    """KL(q ‖ posterior), the same for every x."""
    q = torch.distributions.MultivariateNormal(torch.full((2,), shift), torch.diag(torch.tensor(log_variances).exp()))
    p = torch.distributions.MultivariateNormal(torch.zeros(2), POSTERIOR)
    return torch.distributions.kl_divergence(q, p).item()


def stacked(*models):
    together = nets.stack(models)
    together.seeds = list(range(len(models)))
    return together


def test_the_elbo_is_the_evidence_less_the_gap(world):
    found = metrics.elbo(stacked(model(), model(0.3), model(0.6)), world.data)
    for value, shift in zip(found, (0.0, 0.3, 0.6), strict=True):
        assert abs(value - (world.evidence - gap(shift))) < 0.05
    assert found.dtype == torch.float64 and found.shape == (3,)


def test_the_elbo_estimate_has_no_bias(world):
    """Over independent noise the mean is the exact bound, within 4 standard errors of it."""
    for estimate in (metrics.elbo, lambda m, d, seed: metrics.iwae(m, d, 1, seed=seed)):
        values = torch.cat([estimate(model(0.3), world.data, seed=s) for s in range(30)])
        error = 4 * values.std() / 30**0.5
        assert error < 0.03 and abs(values.mean() - (world.evidence - gap(0.3))) < error


def test_the_importance_weighted_bound_closes_the_gap_from_below(world):
    bounds = [metrics.iwae(model(0.3), world.data, k).item() for k in (1, 4, 16, 256)]
    assert bounds == sorted(bounds) and bounds[1] - bounds[0] > 0.1
    assert world.evidence - 0.01 < bounds[-1] < world.evidence + 0.005


def test_with_the_true_posterior_every_bound_is_the_evidence():
    """One latent dimension: the posterior is within the family of q."""
    w, s = 1.3, 0.6
    variance = 1 / (1 + w**2 / s**2)
    encoder = linear(torch.tensor([[variance * w / s**2], [0.0]]), torch.tensor([0.0, math.log(variance)]))
    decoder = nets.Decoder(linear(torch.tensor([[w]]), torch.zeros(1)), nets.Gaussian(s), (1,))
    exact = Model(zoo.VAE, {"encoder": nets.Encoder(encoder), "decoder": decoder}, nets.StandardNormal(1))
    data = Data(torch.linspace(-3, 3, 100)[:, None], name="line")
    evidence = stats.norm.logpdf(data.x, 0, (w**2 + s**2) ** 0.5).mean()
    for k in (1, 7):
        assert math.isclose(metrics.iwae(exact, data, k), evidence, rel_tol=1e-6)


def test_bounds_do_not_depend_on_company_nor_on_chunks(world, monkeypatch):
    alone, together = model(0.3), stacked(model(), model(0.3))
    for estimate in (metrics.elbo, lambda m, d: metrics.iwae(m, d, 3)):
        assert math.isclose(estimate(alone, world.data), estimate(together, world.data)[1], rel_tol=1e-6)
    whole = metrics.iwae(alone, world.data, 16).item()
    monkeypatch.setattr(bounds, "chunks", lambda m, d: ((m, d.x[i : i + 700], None) for i in range(0, len(d), 700)))
    assert abs(metrics.iwae(alone, world.data, 16).item() - whole) < 0.05


def test_bounds_need_the_networks_and_k(world):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        metrics.iwae(model(), world.data, 0)
    with pytest.raises(TypeError, match="no encoder and decoder"):
        metrics.elbo(small(zoo.GAN, points()), points())


def test_with_a_learned_prior_the_elbo_counts_the_code_by_its_density():
    model, data = small(Reconstruct("x") + Match("code", Likelihood()), points(50)), points(50)
    posterior = model.encoder(data.x)
    z = draw(posterior, Noise(4), "z")
    expected = model.decoder(z).log_prob(data.x) + model.networks["density_code"]().log_prob(z) - posterior.log_prob(z)
    found = metrics.elbo(model, data, seed=4)
    assert found.item() == pytest.approx(expected.mean().item(), rel=1e-5)


class Box(nn.Module):
    """The uniform law on a square that begins at 0."""

    def __init__(self):
        super().__init__()
        self.side = nn.Parameter(torch.full((2,), 2.0))

    def forward(self):
        return Independent(Uniform(torch.zeros(2), self.side), 1)


def test_data_beyond_a_density_are_named():
    model, x = Model(zoo.LIKELIHOOD, {"density": Box()}, nets.StandardNormal(1)), torch.rand(9, 2) + 0.5
    assert bounds.log_likelihood(model, Data(x)).item() == pytest.approx(-math.log(4))
    with pytest.raises(ValueError, match="beyond lies where the density has no density; pass data such as it was"):
        bounds.log_likelihood(model, Data(x + 2, name="beyond"))


class Shrunk(nn.Module):
    """The best x̂ on the linear path for data of N(0, 4): the posterior mean."""

    def __init__(self):
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(4.0))

    def forward(self, z, time):
        return (1 - time) * self.variance / ((1 - time).square() * self.variance + time.square()) * z


def test_the_bound_of_the_best_denoiser_of_a_gaussian_is_its_log_density():
    law, x = Normal(0.0, 2.0), 2 * torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    model = Model(Match("x", Denoise("x", "linear", "x")), {"denoiser_x": Shrunk()}, nets.StandardNormal(2))
    found = [bounds.denoising_bound(model, Data(x), seed=seed).item() for seed in range(3)]
    assert found == pytest.approx([law.log_prob(x).sum(-1).mean().item()] * 3, abs=0.05)
    assert len(set(found)) == 3 and bounds.denoising_bound(model, Data(x)).item() == found[0]


# ---------------------------------------------------------------- coverage


@pytest.mark.parametrize("toy", [ring(), grid()], ids=["ring", "grid"])
def test_exact_samples_cover_every_mode(toy):
    found = metrics.coverage(toy.sample(10_000, 0).expand(2, -1, -1), toy)
    inside = 1 - math.exp(-4.5)  # within 3 standard deviations in the plane
    assert found["modes"].tolist() == [len(toy.modes)] * 2
    assert abs(found["high quality"] - inside).max() < 4 * (inside * (1 - inside) / 10_000) ** 0.5


def test_coverage_counts_dropped_modes_and_bad_samples():
    toy = ring()
    modes = toy.modes.float()
    three = modes[[0, 2, 5]].repeat_interleave(100, 0)
    far = torch.cat((three[:150], three[:150] + 5))
    starved = torch.cat((modes[0].expand(992, 2), modes[1:].repeat(1, 1).repeat_interleave(2, 0)[:8]))
    found = metrics.coverage(torch.stack((three, far)), toy)
    assert found["modes"].tolist() == [3, 2] and found["high quality"].tolist() == [1.0, 0.5]
    assert metrics.coverage(starved[None], toy)["modes"].item() == 1  # two samples in a thousand are not coverage
    assert torch.equal(metrics.coverage(three, toy)["modes"], torch.tensor([3.0], dtype=torch.float64))  # of one copy
    assert metrics.coverage(three.tolist(), toy)["modes"].item() == 3
    with pytest.raises(ValueError, match="world with modes"):
        metrics.coverage(three[None], moons())


# ---------------------------------------------------------------- what a run reports


def test_a_run_evaluates_what_applies():
    vae = fit(small(zoo.VAE, points()), points(), 2, seeds=2)
    scores = vae.evaluate(points(), k=4, n=500)
    assert list(scores) == ["ELBO (nats)", "IWAE-4 (nats)", "modes", "high quality"]
    assert torch.equal(scores["ELBO (nats)"], metrics.elbo(vae.model, points()))
    assert torch.equal(scores["high quality"], metrics.coverage(vae.sample(500), ring())["high quality"])
    gan = fit(small(zoo.GAN, points()), points(), 2)
    assert list(gan.evaluate(n=100)) == ["modes", "high quality"]
    with pytest.raises(ValueError, match="nothing to measure: a bound needs data"):
        fit(small(zoo.GAN, images()), images(), 1).evaluate()
    aae = small(zoo.VAE + Match("z", Adversary()), points())
    run = Run(aae, History([0], ["reconstruct x"]), points(), {})
    assert run.evaluate(points(), k=2, n=100)["ELBO (nats)"].shape == (1,)


def test_a_mode_is_covered_by_its_own_share():
    # 35 % and 65 %: the needed counts of 1,000 samples are 70 and 130 at share = 0.2.
    toy = mixture1d()
    left, right = (torch.full((n, 1), m) for n, m in ((70, -2.0), (130, 2.5)))
    nowhere = torch.full((800, 1), 30.0)
    assert metrics.coverage(torch.cat([left, right, nowhere])[None], toy)["modes"].tolist() == [2]
    assert metrics.coverage(torch.cat([left[1:], right[1:], nowhere])[None], toy)["modes"].tolist() == [0]


def test_the_bar_stands_where_the_training_does(monkeypatch):
    from tqdm import auto

    plain = auto.tqdm
    monkeypatch.setattr(auto, "tqdm", lambda **how: plain(file=io.StringIO(), **how))
    training = SimpleNamespace(
        done=3, settings=SimpleNamespace(steps=10), history=SimpleNamespace(steps=[]), noise=Noise(0)
    )
    with Bar(training, True) as bar:
        for training.done in (5, 6):
            bar.advance()
            assert (bar._progress_bar.n, bar._progress_bar.total) == (training.done, 10)
