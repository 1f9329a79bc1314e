"""MMD and Summaries: values in closed form, no bias, gradients, stacked copies equal to single ones, bad use."""

import math

import pytest
import torch

from ganvae_lib import MMD, Summaries

F64 = {"dtype": torch.float64}
KERNELS = {"gaussian": lambda s, w: math.exp(-s / (2 * w)), "inverse multiquadric": lambda s, w: w / (w + s)}
TOOLS = pytest.mark.parametrize(
    "tool", [MMD(), MMD("gaussian"), MMD("gaussian", (0.3,)), Summaries(), Summaries(("mean",))]
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **F64)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("kernel", KERNELS)
def test_mmd_is_the_formula_written_out(kernel):
    a, b = normal(5, 2), normal(7, 2, seed=1)  # the two samples need not have one size
    k = lambda u, v: sum(KERNELS[kernel](float((u - v).square().sum()), 4 * s) for s in (0.5, 3.0))  # w = 2 D s
    within = lambda s: (
        sum(k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) / (len(s) * (len(s) - 1))
    )
    between = sum(k(u, v) for u in a for v in b) / (len(a) * len(b))
    assert abs(MMD(kernel, (0.5, 3.0)).distance(a, b) - (within(a) + within(b) - 2 * between)) < 1e-12


@pytest.mark.parametrize("dim", [1, 3])
def test_mmd_of_gaussians_has_its_closed_form_on_average(dim):
    scale, n, trials = 0.7, 24, 1500
    w = 2 * dim * scale
    means = lambda shift, v: (w / (w + v)) ** (dim / 2) * math.exp(-dim * shift**2 / (2 * (w + v)))
    truth = means(0, 2) + means(0, 2 * 0.25) - 2 * means(0.6, 1.25)
    found = MMD("gaussian", (scale,)).distance(normal(trials, n, dim), 0.6 + 0.5 * normal(trials, n, dim, seed=1), 1)
    assert abs(found.mean() - truth) < 4 * found.std() / math.sqrt(trials)
    same = MMD("gaussian", (scale,)).distance(normal(trials, n, dim, seed=2), normal(trials, n, dim, seed=3), 1)
    assert abs(same.mean()) < 4 * same.std() / math.sqrt(trials)
    assert (same < 0).any()  # as an unbiased estimate of zero must be


@pytest.mark.parametrize("kernel", KERNELS)
def test_mmd_is_unbiased_by_enumeration(kernel):
    points, p, q = (
        torch.tensor([[-1.0], [0.2], [2.5]], **F64),
        torch.tensor([0.2, 0.5, 0.3], **F64),
        torch.tensor([0.6, 0.1, 0.3], **F64),
    )
    all_pairs = torch.cartesian_prod(*[torch.arange(3)] * 4)
    chance = p[all_pairs[:, :2]].prod(-1) * q[all_pairs[:, 2:]].prod(-1)
    mean = (chance * MMD(kernel, (0.4,)).distance(points[all_pairs[:, :2]], points[all_pairs[:, 2:]], 1)).sum()
    k = torch.tensor([[KERNELS[kernel](float((u - v) ** 2), 0.8) for u in points] for v in points], **F64)
    assert abs(mean - (p - q) @ k @ (p - q)) < 1e-14


def test_mmd_does_not_mind_where_the_samples_are():
    a, b = normal(40, 2).float(), normal(40, 2, seed=1).float() + 0.3
    near, far = MMD().distance(a, b), MMD().distance(a + 1000, b + 1000)
    assert abs(near - far) < 1e-3 * abs(near) + 1e-4


def test_summaries_are_mean_and_variance():
    a, b = normal(30, 2), 1 + 2 * normal(50, 2, seed=1)
    by_hand = (a.mean(0) - b.mean(0)).square().sum() + (a.var(0) - b.var(0)).square().sum()
    assert abs(Summaries().distance(a, b) - by_hand) < 1e-12
    assert abs(Summaries(("mean",)).distance(a, b) - (a.mean(0) - b.mean(0)).square().sum()) < 1e-12
    assert torch.equal(Summaries(("variance", "mean")).of(a), torch.cat([a.var(0), a.mean(0)]))


def test_summaries_see_nothing_but_what_they_say():
    signs = torch.tensor([-1.0, 1.0], **F64).repeat(50)[:, None]  # two points, and three with the same two moments
    three = torch.tensor([-1.0, 0.0, 0.0, 1.0], **F64).repeat(50)[:, None] * math.sqrt(2)
    a, b = signs / signs.std(), three / three.std()
    assert Summaries().distance(a, b) < 1e-20 and MMD("gaussian", (0.05,)).distance(a, b) > 0.1


def test_both_compare_pairs_and_images():
    x, z, other = normal(6, 1, 2, 2), normal(6, 3, seed=1), normal(6, 3, seed=2)
    flat = lambda *parts: torch.cat([part.flatten(1) for part in parts], -1)
    for tool in (MMD(), Summaries()):
        assert abs(tool.distance((x, z), (x, other)) - tool.distance(flat(x, z), flat(x, other))) < 1e-12


# ---------------------------------------------------------------- gradients and copies


@TOOLS
def test_the_gradient_is_that_of_differences(tool):
    a, b = normal(6, 2), normal(6, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda b: tool.distance(a, b), (b,))
    assert torch.autograd.gradcheck(lambda a: tool.distance(a, b.detach()), (a.clone().requires_grad_(),))


@TOOLS
def test_the_gradient_is_finite_where_samples_coincide(tool):
    a = torch.zeros(4, 2, **F64, requires_grad=True)
    (slope,) = torch.autograd.grad(tool.distance(torch.zeros(4, 2, **F64), a), a)
    assert slope.isfinite().all()


@TOOLS
def test_stacked_copies_equal_single_ones(tool):
    a, b = normal(5, 8, 2), normal(5, 8, 2, seed=1)
    assert torch.allclose(
        tool.distance(a, b, 1),
        torch.stack([tool.distance(u, v) for u, v in zip(a, b, strict=True)]),
        rtol=0,
        atol=1e-12,
    )


@TOOLS
def test_descent_moves_a_shifted_sample_back(tool):
    a, shift = normal(200, 2), torch.full((2,), 1.0, **F64)
    for _ in range(100):
        shift = shift.requires_grad_()
        (slope,) = torch.autograd.grad(tool.distance(a, normal(200, 2, seed=1) + shift), shift)
        shift = (shift - 0.2 * slope).detach()
    assert shift.norm() < 0.4


# ---------------------------------------------------------------- bad use


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: MMD("gausian"), ValueError, "Did you mean 'gaussian'"),
        (lambda: MMD(scales=()), ValueError, "scales must be positive"),
        (lambda: MMD(scales=(1.0, -1.0)), ValueError, "scales must be positive"),
        (lambda: MMD(scales=(math.inf,)), ValueError, "scales must be positive"),
        (lambda: MMD().distance(torch.zeros(1, 2), torch.zeros(4, 2)), TypeError, "minibatches of two or more"),
        (lambda: Summaries(("mean", "median")), ValueError, "unknown statistic 'median'"),
    ],
)
def test_bad_use_is_named(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_tools_are_values():
    assert MMD() == eval(repr(MMD())) and Summaries(["mean"]) == Summaries(("mean",)) == eval(
        repr(Summaries(("mean",)))
    )
    assert MMD("gaussian", [1, 2]) == eval(repr(MMD("gaussian", (1, 2)))) != MMD("gaussian")
    assert len({MMD(), MMD(), Summaries(), Summaries(["mean", "variance"])}) == 2
