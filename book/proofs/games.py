"""Chapter 04: the best discriminator, the value of the game, and what four generator losses descend."""

from sympy import Integer, Symbol, log

from .finite import HALF, Identity, distribution, expect, js, kl, mixture, moved, numbers, proof, slope, tangent

__all__ = [
    "bernoulli_kl",
    "four_losses",
    "frozen_discriminator",
    "least_squares",
    "optimal",
    "value_and_divergence",
    "value_of_the_game",
]


def optimal(d: list, g: list) -> list:
    """D* = d / (d + g), Eq. ``eq-optimal-d``."""
    return [a / (a + b) for a, b in zip(d, g, strict=True)]


def value_of_the_game(D: list, d: list, g: list):
    """V = E_d log D + E_g log(1 - D), Eq. ``eq-gan-value``."""
    return expect(d, [log(a) for a in D]) + expect(g, [log(1 - a) for a in D])


def bernoulli_kl(a, b):
    """KL between the laws of a label that is 1 with probability a, or b."""
    return a * log(a / b) + (1 - a) * log((1 - a) / (1 - b))


@proof
def value_and_divergence() -> list[Identity]:
    """``eq-discriminator-gap``: V = 2 JSD - log 4 - 2 E_m KL(p(y|x) || q(y|x)), and what follows from it.

    Four atoms, any d and g, any D between 0 and 1. ``eq-jsd-value`` is V at D*, where the KL is zero. That no other D
    does as well, the rest of ``lem-value`` and of ``lem-optimal-d``, is ``lem-gibbs`` at each x: V(D*) - V(D) is a sum
    of KL.
    """
    d, g, D = distribution("d", 4), distribution("g", 4), numbers("D", 4)
    best = optimal(d, g)
    gap = 2 * expect(mixture(d, g), [bernoulli_kl(a, b) for a, b in zip(best, D, strict=True)])
    turned = 2 * expect(mixture(d, g), [bernoulli_kl(b, a) for a, b in zip(best, D, strict=True)])
    top = 2 * js(d, g) - log(4)
    V, V_best = value_of_the_game(D, d, g), value_of_the_game(best, d, g)
    return [
        Identity("eq-discriminator-gap, lem-value", V, top - gap, false=top - turned),
        Identity("eq-jsd-value, lem-value", V_best, top, false=js(d, g) - log(4)),
        Identity("eq-optimal-d, lem-optimal-d", V_best - V, gap, false=turned),
    ]


@proof
def frozen_discriminator() -> list[Identity]:
    """``eq-link``: against frozen answers, E_g[h(r_0)] has the slope of D_f(d || g), if f'' = -h'/r.

    Three atoms, any d, g and direction. Only the values f(r) and slopes f'(r) at the three ratios enter a first
    derivative: they are symbols, and f is the line with this value and slope. h = f - r f' + c with any constant c.
    That this is f'' = -h'/r, the last identity says at any r: f is a parabola with any value, slope and curvature.
    """
    d, g, along = distribution("d", 3), distribution("g", 3), tangent("v", 3)
    ratios = [a / b for a, b in zip(d, g, strict=True)]
    values, slopes, constant = numbers("f", 3), numbers("k", 3), Symbol("c")
    after = moved(g, along)
    h = [v - r * k + constant for v, r, k in zip(values, ratios, slopes, strict=True)]
    costs = [v + k * (a / b - r) for v, k, a, b, r in zip(values, slopes, d, after, ratios, strict=True)]
    wrong = [v + r * k for v, r, k in zip(values, ratios, slopes, strict=True)]
    r, (value, first, second) = Symbol("r", positive=True), numbers("t", 3)
    f = value + first * r + second * r**2 / 2
    loss = f - r * f.diff(r)
    return [
        Identity("eq-link", slope(expect(after, h)), slope(expect(after, costs)), false=slope(expect(after, wrong))),
        Identity("eq-link", f.diff(r, 2), -loss.diff(r) / r, false=loss.diff(r) / r),
    ]


@proof
def four_losses() -> list[Identity]:
    """``thm-four``: the slope of each of four generator losses against the frozen best discriminator.

    Four atoms, any d, g and direction. ``eq-minimax``: 2 JSD. ``eq-non-saturating``: 2 KL(m || d) = KL(g || d) - 2 JSD.
    ``eq-link-reverse-kl``: KL(g || d). ``eq-link-kl``: KL(d || g).
    """
    d, g, along = distribution("d", 4), distribution("g", 4), tangent("v", 4)
    D, after = optimal(d, g), moved(g, along)

    def descends(loss):
        """The slope of the loss in its samples, the answers frozen."""
        return slope(expect(after, [loss(a) for a in D]))

    jsd, to_data, from_data = slope(js(d, after)), slope(kl(after, d)), slope(kl(d, after))
    to_mixture = slope(kl(mixture(after, d), d))
    minimax, non_saturating = descends(lambda D: log(1 - D)), descends(lambda D: -log(D))
    return [
        Identity("eq-minimax, thm-four", minimax, 2 * jsd, false=jsd),
        Identity("eq-non-saturating, thm-four", non_saturating, 2 * to_mixture, false=to_mixture),
        Identity("eq-non-saturating, thm-four", non_saturating, to_data - 2 * jsd, false=to_data + 2 * jsd),
        Identity("eq-link-reverse-kl, thm-four", descends(lambda D: -log(D / (1 - D))), to_data, false=from_data),
        Identity("eq-link-kl, thm-four", descends(lambda D: -D / (1 - D)), from_data, false=to_data),
    ]


@proof
def least_squares() -> list[Identity]:
    """``eq-least-squares``: what the least-squares generator descends. Four atoms, any d, g and direction."""
    d, g, along = distribution("d", 4), distribution("g", 4), tangent("v", 4)
    after = moved(g, along)
    loss = expect(after, [HALF * (t - 1) ** 2 for t in optimal(d, g)])
    squares = sum(((a - b) ** 2 / (a + b) for a, b in zip(d, after, strict=True)), Integer(0))
    to_mixture = kl(d, mixture(after, d))
    return [
        Identity(
            "eq-least-squares", slope(loss), slope(to_mixture - squares / 8), false=slope(to_mixture - squares / 4)
        ),
    ]
