"""Worlds so small that every sum is written out: divergences, softmax generators, gradients, uniform densities."""

import math
from itertools import pairwise

import torch
from torch import softmax, tensor, xlogy
from torch.autograd import grad

LOG2 = math.log(2)
INFINITE = math.inf


def kl(p, q):
    """KL(p ‖ q) on finitely many points; a point without p costs nothing, one with p and without q costs infinity."""
    return (xlogy(p, p) - xlogy(p, q)).sum(-1)


def jsd(p, q):
    mixture = (p + q) / 2
    return kl(p, mixture) / 2 + kl(q, mixture) / 2


def entropy(p):
    return -xlogy(p, p).sum(-1)


def mean(p, values):
    """E_p[values]; what has no mass does not count, whatever its value."""
    return (p * torch.where(p > 0, values, 0.0)).sum(-1)


def value_of_the_game(d, g, answers):
    return (xlogy(d, answers) + xlogy(g, 1 - answers)).sum(-1)


def normal(logits):
    """A generator on all points, theta its logits."""
    return softmax(logits, -1)


def slopes(function, at):
    """The gradient at a point, zero where the function does not depend on it."""
    at = at.detach().clone().requires_grad_()
    (slope,) = grad(function(at), at, allow_unused=True)
    return torch.zeros_like(at) if slope is None else slope


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def table(*shape, seed=0):
    """Random distributions, along the last axis."""
    return normal(draws(*shape, seed=seed))


def same(left, right, tolerance=1e-12):
    left, right = torch.as_tensor(left), torch.as_tensor(right)
    return torch.allclose(left, right, rtol=tolerance, atol=tolerance)


def apart(left, right, at_least=1e-2):
    """Do they differ by so much somewhere, or is one of them not a number?"""
    difference = (torch.as_tensor(left) - torch.as_tensor(right)).abs()
    return bool((difference.isnan() | (difference > at_least)).any())


def uniform(low, high, edges):
    """The masses of U[low, high] on the cells between the edges, which hold low and high."""
    return tensor([max(0.0, min(b, high) - max(a, low)) / (high - low) for a, b in pairwise(edges)])


def lemma_1(theta, theta_0, d, answers, generator=normal):
    """Both sides of Lemma 1, and its remainder, with p(y) = 1/2."""
    g, frozen = generator(theta), (generator(theta_0) + d) / 2
    posteriors = [answers * frozen, (1 - answers) * frozen]
    posteriors = [p / p.sum() for p in posteriors]
    loss = -(mean(g, answers.log()) + mean(d, (1 - answers).log())) / 2
    right = (kl(g, posteriors[0]) + kl(d, posteriors[1])) / 2 - jsd(g, d)
    return loss, right, kl((g + d) / 2, frozen)


def terms_without_entropy(steps):
    """d(x) = 1/(x log² x) on (0, 1/e), cut off at log(1/x) = exp(steps): points, masses, log d.

    In u = log(1/x) the density is 1/u², and in s = log u it is exp(-s).
    """
    width = steps / 200_000
    s = (torch.arange(200_000) + 0.5) * width
    u = s.exp()
    return (-u).exp(), (-s).exp() * width, u - 2 * s
