"""Fréchet distance, precision and recall: closed forms, brute force, the package that others use, and what is refused."""

import functools
import math

import pytest
import torch
from helpers import images, points, short, small
from hypothesis import given, settings, strategies as st
from torch import nn

from ganvae_lib import Data, frechet_distance, measure, precision_recall, zoo
from ganvae_lib.measure.distances import gaussian_frechet


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(size, seed):
    return torch.linalg.qr(noise(size, size, seed=seed))[0]


class Features(nn.Module):
    """Sixteen features of images of 3 x 8 x 8."""

    num_features = 16  # what torchmetrics asks for

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", noise(192, 16, seed=5).float() / 10)

    def forward(self, x):
        return torch.tanh(x.float().flatten(1) @ self.weight)


# ---------------------------------------------------------------- Fréchet distance


@settings(max_examples=50)
@given(st.integers(1, 6), st.integers(0, 999))
def test_of_gaussians_that_share_their_axes_it_is_a_sum_over_axes(size, seed):
    a, b, m = noise(3, size, seed=seed)
    axes = rotation(size, seed + 1)
    covariance = lambda std: axes @ torch.diag(std**2) @ axes.T
    found = gaussian_frechet(m, covariance(a), 0 * m, covariance(b))
    torch.testing.assert_close(found, m.square().sum() + (a.abs() - b.abs()).square().sum(), rtol=1e-9, atol=1e-9)


def test_of_the_data_themselves_it_is_nothing_and_of_a_shift_its_square():
    x = noise(500, 3)
    found = frechet_distance(torch.stack([x, x + 2.0, x.flip(0)]), x)
    torch.testing.assert_close(found, torch.tensor([0.0, 12.0, 0.0], dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        frechet_distance(3 * x, x).item(), 4 * x.T.cov().trace().item() + 4 * x.mean(0).square().sum().item()
    )


def test_a_network_of_features_and_pieces_change_nothing(monkeypatch):
    made, real = (noise(60, 3, 8, 8, seed=s).float() for s in (1, 2))
    net = Features()
    whole = frechet_distance(made, real, net)
    monkeypatch.setattr(measure.distances, "_CHUNK", 64 * 192 * 7)  # seven images at once
    torch.testing.assert_close(frechet_distance(made, real, net), whole, rtol=1e-6, atol=0)
    torch.testing.assert_close(frechet_distance(net(made).double(), net(real).double()), whole, rtol=1e-6, atol=0)


def test_examples_larger_than_a_piece_come_one_at_a_time(monkeypatch):
    made, real = (noise(9, 3, 8, 8, seed=s).float() for s in (1, 2))
    monkeypatch.setattr(measure.distances, "_CHUNK", 1)
    seen = []
    features = lambda x: seen.append(len(x)) or x.flatten(1)[:, :2]
    expected = frechet_distance(made.flatten(1)[:, :2], real.flatten(1)[:, :2])
    torch.testing.assert_close(frechet_distance(made, real, features), expected)
    assert seen == [1] * 18


def test_it_is_what_torchmetrics_computes():
    fid = pytest.importorskip("torchmetrics.image.fid")
    made, real = noise(700, 3, 8, 8, seed=1).float().sigmoid(), noise(900, 3, 8, 8, seed=2).float().sigmoid() ** 1.5
    theirs = fid.FrechetInceptionDistance(feature=Features(), normalize=True)
    theirs.update(real, real=True)
    theirs.update(made, real=False)
    assert abs(theirs.compute().item() - frechet_distance(made, real, Features()).item()) < 1e-4


def test_few_samples_are_told():
    with pytest.warns(UserWarning, match="4 samples of 5 features have a singular covariance"):
        frechet_distance(noise(4, 5), noise(100, 5))


# ---------------------------------------------------------------- precision and recall


def by_hand(made, real, k):
    """The share of ``made`` within reach of ``real``, a pair at a time."""
    reach = []
    for i, a in enumerate(real):
        reach.append(sorted(math.dist(a, b) for j, b in enumerate(real) if j != i)[k - 1])
    return sum(any(math.dist(x, a) <= r for a, r in zip(real, reach, strict=True)) for x in made) / len(made)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(5, 25), st.integers(5, 25), st.integers(1, 4), st.integers(0, 99))
def test_they_are_those_of_brute_force(size, n, m, k, seed):
    made, real = noise(n, size, seed=seed), 1.5 * noise(m, size, seed=seed + 1) + 0.5
    found = precision_recall(made, real, k=k)
    a, b = made.tolist(), real.tolist()
    assert found["precision"].item() == pytest.approx(by_hand(a, b, k), abs=1e-12)
    assert found["recall"].item() == pytest.approx(by_hand(b, a, k), abs=1e-12)


def test_lost_modes_cost_recall_and_bad_samples_precision(monkeypatch):
    data = torch.cat([noise(400, 2), noise(400, 2, seed=1) + 100.0])
    half, invented = noise(800, 2, seed=2), torch.cat([data[::2], noise(400, 2, seed=3) - 300.0])
    found = precision_recall(torch.stack([half, invented]), data)
    assert found["recall"][0] < 0.51 and found["precision"][0] > 0.9
    assert found["precision"][1] == 0.5 and found["recall"][1] > 0.9
    same = precision_recall(data, data)
    assert same["precision"] == same["recall"] == 1
    whole = found["recall"].clone()
    monkeypatch.setattr(measure.distances, "_CHUNK", 800 * 9)  # nine rows of distances at once
    assert torch.equal(precision_recall(torch.stack([half, invented]), data)["recall"], whole)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: frechet_distance(noise(10, 3), noise(10, 2)), r"of one shape; got \[1, 10, 3\], \[10, 2\]"),
        (
            lambda: frechet_distance(noise(10, 3, 8, 8), noise(10, 3, 8, 8)),
            r"examples of shape \[3, 8, 8\].*pass features=.*flatten",
        ),
        (lambda: frechet_distance(noise(1, 3), noise(10, 3)), "at least 2 samples and data are needed, got 1 and 10"),
        (lambda: frechet_distance(noise(10, 3) / 0, noise(10, 3)), "samples holds NaN or infinity"),
        (lambda: frechet_distance(noise(10, 3), noise(10, 3), lambda x: x.sum()), r"must give \[10, F\]"),
        (lambda: frechet_distance(noise(10, 3), noise(10, 3), lambda x: x / 0), "features holds NaN"),
        (lambda: frechet_distance("a", noise(10, 3)), "samples must be numbers"),
        (lambda: precision_recall(noise(10, 3), noise(10, 3), k=10), "at least 11 samples"),
        (lambda: precision_recall(noise(10, 3), noise(10, 3), k=0), "k must be a whole number"),
        (lambda: gaussian_frechet(noise(3), noise(2, 2), noise(3), noise(3, 3)), "two means"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- through evaluate


@pytest.fixture(scope="module")
def run():
    return short(small(zoo.VAE, points()), steps=3, seeds=3)


def width(samples):
    return samples.std((1, 2))


def test_measures_by_name_and_of_ones_own(run):
    data, samples = points(), run.sample(300, 4).cpu()
    found = run.evaluate(data, measures=["frechet distance", "precision and recall", width], n=300, seed=4)
    assert list(found) == ["frechet distance", "precision", "recall", "width"]
    assert torch.equal(found["frechet distance"], frechet_distance(samples, data))
    assert torch.equal(found["recall"], precision_recall(samples, data)["recall"])
    assert torch.equal(found["width"], width(samples).double())
    first = functools.partial(frechet_distance, features=lambda x: x[:, :1])
    named = run.evaluate(data, measures={"first": first, "pr": precision_recall, "w": lambda run: run.seeds}, n=300)
    assert list(named) == ["first", "pr: precision", "pr: recall", "w"]
    assert torch.equal(named["first"], frechet_distance(run.sample(300).cpu()[..., :1], data.x[:, :1]))
    assert named["w"].tolist() == [0, 1, 2] and named.within == {"pr: precision": (0, 1), "pr: recall": (0, 1)}
    assert list(run.evaluate(measures=width, n=10)) == ["width"]


def test_a_conditional_model_is_measured_at_the_labels_of_the_data():
    run = short(small(zoo.CGAN, images()), images(), steps=2, seeds=2)
    data = images()
    wanted = run.sample(10, labels=data.y[:10]).mean((1, 2, 3, 4)).double()
    assert torch.equal(
        run.evaluate(data, measures=[lambda samples: samples.mean((1, 2, 3, 4))], n=10)["<lambda>"], wanted
    )
    with pytest.raises(ValueError, match="sampled at the labels of data"):
        run.evaluate(Data(data.x), measures=[width], n=10)


@pytest.mark.parametrize(
    "measures, message",
    [
        (["frechet"], "unknown measure 'frechet'.*Did you mean 'frechet distance'"),
        ([3], "a measure is a name or a function, got 3"),
        ([], "measures is empty"),
        (3, "measures must be a list or a dict"),
        (max, "must be a function of run, samples or data"),
        ([lambda x: 0], "must be a function of run, samples or data"),
        ([lambda: 0], "must be a function of run, samples or data"),
        ([lambda run: 1.0], r"must give a number per seed, \[3\], got 1.0"),
        ([lambda run: "a"], "must give a number per seed"),
        ([lambda samples: samples], "must give a number per seed"),
        (["frechet distance"], "compares with data; pass them"),
    ],
)
def test_other_measures_are_refused(run, measures, message):
    with pytest.raises(ValueError, match=message):
        run.evaluate(measures=measures, n=10)
