"""Mutual information and its gap against values known in closed form."""

import math

import pytest
import torch

from ganvae_lib import mutual_information
from ganvae_lib.data.rendered import glyphs
from ganvae_lib.measure.factors import mutual_information_gap


def normal(n, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_discrete_information_is_that_of_the_table():
    counts = torch.tensor([[10, 2, 0], [3, 5, 20]])
    rows, columns = torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")
    a, b = (v.flatten().repeat_interleave(counts.flatten()) for v in (rows, columns))
    p = counts.double() / 40
    expected = (p * (p / (p.sum(1, keepdim=True) * p.sum(0))).clamp_min(1e-300).log()).sum()
    assert math.isclose(mutual_information(a, b), expected, rel_tol=1e-12)
    assert math.isclose(mutual_information(7 - 3 * b, a), expected, rel_tol=1e-12)  # names do not matter


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_gaussian_information_is_half_log_of_one_minus_rho_squared(rho):
    n = 200_000
    a = normal(n)
    b = rho * a + math.sqrt(1 - rho**2) * normal(n, 1)
    exact, found = -math.log(1 - rho**2) / 2, mutual_information(a, b, bins=30)
    # bins lose a little, chance adds (bins - 1)^2/2n
    assert -0.06 * exact < found - exact < 0.01
    assert math.isclose(found, mutual_information(a.exp(), -b, bins=30), rel_tol=0.02)


@pytest.mark.parametrize("kinds", ["discrete", "binned", "mixed"])
def test_independent_columns_show_the_known_bias(kinds):
    n, found = 2000, []
    for seed in range(40):
        g = torch.Generator().manual_seed(seed)
        a = torch.randint(10, (n,), generator=g) if kinds != "binned" else torch.rand(n, generator=g)
        b = torch.randint(10, (n,), generator=g) if kinds == "discrete" else torch.rand(n, generator=g)
        found.append(mutual_information(a, b, bins=10))
    assert abs(sum(found) / 40 - 81 / (2 * n)) < 4 * (81 / 2) ** 0.5 / n / 40**0.5  # 2 n I is nearly chi² of 81


def test_what_is_equal_or_constant():
    v = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert math.isclose(mutual_information(v, v.square()), math.log(20), rel_tol=1e-9)
    assert mutual_information(v, torch.zeros(1000)) == 0
    two = (v > 0.3).float()  # two values only: the bins are theirs
    assert math.isclose(mutual_information(two, two.long()), mutual_information(two.long(), two.long()), rel_tol=1e-12)


def test_gap_is_one_for_a_perfect_code_and_zero_for_a_rotated_or_an_ignorant_one():
    data = glyphs(4000, 5, side=8)
    factors = {name: data.factors[name] for name in ("rotation", "scale", "class")}
    names = list(factors)
    perfect = torch.stack([-(factors[n].double() ** 3) for n in names], 1)
    gap = mutual_information_gap({"c": perfect[:, 2], "a": perfect[:, 0], "b": perfect[:, 1]}, factors)
    assert gap.best == {"rotation": "a", "scale": "b", "class": "c"}
    # exactly 1 up to the bias of the second best code
    assert 1 - 2 * 19**2 / 8000 / 2 < gap.mig <= 1 and gap.mig == sum(gap.gaps.values()) / 3
    one = mutual_information_gap(perfect[:, :1], {"rotation": factors["rotation"]})
    assert math.isclose(one.mig, 1, rel_tol=1e-9)  # one code has no second best
    u, v = normal(20_000), normal(20_000, 1)
    rotated = torch.stack([u + v, u - v], 1) / 2**0.5
    assert mutual_information_gap(rotated, {"u": u, "v": v}).mig < 0.01
    assert mutual_information_gap(torch.stack([u, v], 1), {"u": u, "v": v}).mig > 0.98
    ignorant = torch.stack([normal(4000, s) for s in (2, 3, 4)], 1)
    assert 0 <= mutual_information_gap(ignorant, factors).mig < 0.02


def test_constant_factors_are_left_out():
    data = glyphs(500, vary=("rotation",), side=8)
    gap = mutual_information_gap(data.factors["rotation"][:, None], data.factors)
    assert set(gap.gaps) == set(gap.best) == {"rotation"} and math.isclose(gap.mig, 1)
    assert gap.information.shape == (6, 1) and gap.entropy[0] == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: mutual_information(torch.zeros(3), torch.zeros(4)), "needs pairs; got 3 and 4"),
        (lambda: mutual_information(torch.zeros(0), torch.zeros(0)), "one value for each example"),
        (lambda: mutual_information(torch.zeros(3, 1), torch.zeros(3)), r"shape \(3, 1\)"),
        (lambda: mutual_information(torch.tensor([math.nan]), torch.zeros(1)), "holds NaN"),
        (lambda: mutual_information(torch.zeros(3), torch.zeros(3), 0), "bins must be a whole number of at least 1"),
        (lambda: mutual_information_gap(torch.zeros(3), {"a": torch.zeros(3)}), r"\[N, K\] or a dict"),
        (lambda: mutual_information_gap(torch.zeros(3, 2), {}), "at least one code and one factor"),
        (lambda: mutual_information_gap(torch.zeros(3, 2), {"a": torch.zeros(3)}), "no factor varies"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
