"""Chapter 19: each hypothesis of a statement is needed, shown by a small case without it. Nothing of the library is used."""

import math

import pytest
import torch
from needs import needs
from small_worlds import apart, same
from torch import tensor
from torch.utils.flop_counter import FlopCounterMode

pytestmark = pytest.mark.usefixtures("float64")


@needs("lem-roofline, eq-roofline", "operations one after another, for the sum of the largest")
def test_a_device_that_is_told_ahead_beats_the_sum_of_the_largest():
    """The host begins operations, 10 each; a device works them off in the order in which they begin: 30, 1, 1, 1."""
    begin, work = 10.0, [30.0, 1.0, 1.0, 1.0]
    began = end = 0.0
    for each in work:
        began += begin
        end = max(end, began) + each
    largest = sum(max(begin, each) for each in work)
    assert end == 43.0 < largest == 60.0
    assert end >= max(begin * len(work), sum(work))  # the bound by totals holds
    in_turn = sum(begin + each for each in work)  # each waits for the one before, and for its own beginning
    assert in_turn >= largest


@needs("lem-counts, eq-intensity", "factors and a result that are moved")
def test_what_stays_on_the_chip_is_not_moved():
    """Two products in a row: where the middle stays on the chip, the second has more flops a byte than the bound."""
    B, i, o, w = 4.0, 500.0, 500.0, 4.0
    flops, bound = 2 * B * i * o, 2 / w / (1 / B + 1 / i + 1 / o)
    assert same(flops / (w * (B * i + i * o + B * o)), bound)
    assert flops / (w * (i * o + B * o)) > bound


@needs("eq-step-flops", "weights that an example meets once")
def test_shared_weights_are_met_more_than_once():
    """A layer that is applied twice has as many weights as one that is applied once, and twice its products."""
    B, size = 3, 5
    A, seen = torch.randn(size, size, requires_grad=True), torch.randn(B, size)
    counted = {}
    for times in (1, 2):
        with FlopCounterMode(display=False) as counter:
            h = seen
            for _ in range(times):
                h = h @ A
            h.sum().backward()
        counted[times] = counter.get_total_flops()
    told = 6 * B * size * size - 2 * B * size * size
    assert counted[1] == told < counted[2]


@needs("lem-amdahl, eq-stacking", "costs that add up")
def test_costs_that_overlap_gain_otherwise():
    """If beginning and working overlap, a step takes the longer of the two."""
    begin, work, K = 3.0, 1.0, 6
    law = K * (begin + work) / (begin + K * work)
    added = sum([begin] * K + [work] * K) / (begin + sum([work] * K))
    overlapped = K * max(begin, work) / max(begin, K * work)
    assert same(tensor(added), tensor(law)) and apart(tensor(overlapped), tensor(law))
    begin = work = 1.0  # a gain by the law, and none where they overlap
    assert K * (begin + work) / (begin + K * work) > 1.5 and K * max(begin, work) / max(begin, K * work) == 1


@needs("lem-seeds, eq-seeds", "a loss without a term of two seeds")
@needs("lem-seeds", "an optimizer that works number by number")
def test_seeds_see_each_other_through_a_common_term_or_a_common_norm():
    theta = tensor([0.3, -0.7])
    own, common = (lambda t: t.cos().sum()), (lambda t: t.cos().sum() + t.prod())
    across = lambda J: torch.autograd.functional.hessian(J, theta)[0, 1]
    assert across(own) == 0 and across(common) == 1
    slope = torch.func.grad(own)(theta)
    wild = slope * tensor([1.0, 100.0])
    alone = lambda g: g / g.abs().clamp(min=0.1)  # each clipped for itself
    together = lambda g: g / g.norm().clamp(min=0.1)
    assert same(alone(slope)[0], alone(wild)[0]) and apart(together(slope)[0], together(wild)[0])


@needs("lem-fusion, eq-fusion", "arithmetic that is not the largest, and a middle that nobody else needs")
def test_fusion_saves_no_arithmetic_and_what_is_kept_is_written():
    begin, moves, m = 1.0, 2.0, 3
    bound = lambda works: (m * max(begin, works, moves), max(begin, m * works, moves))
    assert bound(0.5)[0] == m * bound(0.5)[1]
    assert bound(10.0)[0] == bound(10.0)[1]  # much arithmetic: nothing is gained
    kept = max(begin, moves * (m + 1) / 2)  # a backward pass wants what lies between: it is written after all
    assert bound(0.5)[0] < m * kept


@needs("lem-lost, eq-lost", "exponents in range")
@needs("lem-lost, eq-lost", "rounding to the nearest")
def test_below_the_smallest_exponent_larger_updates_are_lost():
    rd = lambda x: tensor(x).half().double().item()
    p, smallest = 11, 2.0**-24  # of float16, the least of all its numbers
    for w, lost in ((1.5, False), (smallest, True)):
        assert rd(w) == w
        assert (rd(w + 1.01 * 2.0**-p * w) == w) is lost
    assert rd(1.5 + 0.99 * 2.0 ** -(p + 1) * 1.5) == 1.5
    up = lambda x: math.ceil(x * 2.0 ** (p - 1)) / 2.0 ** (p - 1)  # rounding up, between 1 and 2
    assert up(1.5) == 1.5 < up(1.5 + 0.99 * 2.0 ** -(p + 1) * 1.5)


def ended(fetches, learns, places=2):
    fetched, learned = [], []
    for i, (d, c) in enumerate(zip(fetches, learns, strict=True)):
        free = learned[i - places] if i >= places else 0.0
        fetched.append(max(fetched[-1] if fetched else 0.0, free) + d)
        learned.append(max(learned[-1] if learned else 0.0, fetched[-1]) + c)
    return learned[-1]


@needs("lem-pipeline, eq-pipeline", "constant times")
def test_times_that_vary_cost_more_and_a_third_place_helps():
    """Fetches of 2 on average, in runs of three quick and three slow ones; learning takes 2."""
    learns = [2.0] * 60
    told = 2.0 + 59 * 2.0 + 2.0
    assert ended([2.0] * 60, learns) == told == ended([2.0] * 60, learns, places=3)
    uneven = [0.5, 0.5, 0.5, 3.5, 3.5, 3.5] * 10
    assert ended(uneven, learns) > told + 10
    assert ended(uneven, learns, places=4) < ended(uneven, learns) - 10


@needs("lem-visits, eq-visits", "a new order in each epoch")
def test_with_one_order_for_all_epochs_the_same_are_left_out():
    n, B, E = 5, 3, 4
    seen = tensor([1.0] * B + [0.0] * (n - B))  # by place in the order; an example has each place equally often
    assert same((E * seen).mean(), tensor(E * (1 - 2 / n)))  # the mean is right
    assert same((seen == 0).double().mean(), tensor(2 / n)) and apart(tensor(2 / n), tensor((2 / n) ** E))


@needs("lem-shares, eq-shares", "a loss that is a mean over examples")
@needs("lem-not-shared, eq-not-shared", "a strictly concave h, for no equality")
def test_a_largest_value_is_no_mean_and_a_line_has_no_gap():
    x = tensor([1.0, 5.0, 2.0, 2.0])
    halves = x.split(2)
    assert same(x.mean(), torch.stack([half.mean() for half in halves]).mean())
    assert apart(x.max(), torch.stack([half.max() for half in halves]).mean())
    means = torch.stack([half.mean() for half in halves])
    line, root = (lambda m: 3 * m - 1), torch.sqrt
    assert same(line(means).mean(), line(x.mean())) and root(means).mean() < root(x.mean()) - 0.005
