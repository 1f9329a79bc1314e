"""Chapter 15: importance weights on a GAN's generator."""

from itertools import product

from sympy import Integer, Rational, log, symbols

from .finite import HALF, Identity, distribution, expect, kl, numbers, proof
from .games import optimal
from .steps import any_step

__all__ = ["odds_are_the_weights", "one_draw", "weighted_draws", "weighted_update_is_minimax"]


@proof
def weighted_update_is_minimax() -> list[Identity]:
    """``eq-rescaled``: the update of the IWGAN is the minimax generator's, divided by the batch's mean odds.

    Batches of 1 to 4 samples with any answers D_i between 0 and 1. D_i moves by any s_i: that is the derivative of
    D(x_i) along any direction of theta, through the sample. The weights are constants. Both sides are sums of one term
    per sample, so that larger batches bring nothing new.
    """
    found = []
    for k in range(1, 5):
        D, moves = numbers("D", k), symbols(f"s1:{k + 1}", real=True)
        odds = [a / (1 - a) for a in D]
        weighted = expect([w / sum(odds) for w in odds], [s / a for a, s in zip(D, moves, strict=True)])
        minimax = -Rational(1, k) * sum(-s / (1 - a) for a, s in zip(D, moves, strict=True))
        mean_odds = Rational(1, k) * sum(odds)
        found.append(Identity("eq-rescaled, lem-rescaled", weighted, minimax / mean_odds, false=minimax))
    return found


@proof
def odds_are_the_weights() -> list[Identity]:
    """``eq-odds-weight`` where it is an equality: for the best D, omega = D m / g is half the odds.

    Four atoms, any d and g. The falsehood: for another D it is not.
    """
    d, g, D = distribution("d", 4), distribution("g", 4), numbers("D", 4)
    found = []
    for a, b, best, other in zip(d, g, optimal(d, g), D, strict=True):
        omega = best * (a + b) / 2 / b
        wrong = HALF * other / (1 - other)
        found.append(Identity("eq-odds-weight", omega, HALF * best / (1 - best), false=wrong))
    return found


@proof
def one_draw() -> list[Identity]:
    """``eq-label-iwae`` for k = 1: L_1 = log Z_0 - KL(g || q^r(x|0)).

    Three atoms; any data, answers and p(y), any generators at theta_0 and at theta.
    """
    step, g = any_step(3), distribution("g", 3)
    omega = [a * m / b for a, m, b in zip(step.D, step.pile, g, strict=True)]
    log_Z, posterior = log(step.evidence[0]), step.posteriors[0]
    bound = expect(g, [log(w) for w in omega])
    return [Identity("eq-label-iwae", bound, log_Z - kl(g, posterior), false=log_Z - kl(posterior, g), only="k = 1")]


@proof
def weighted_draws() -> list[Identity]:
    """``eq-reweighted``: self-normalised draws have the density c_k q, for k = 1, 2 and 3.

    Three atoms (two for k = 3), any q, weights w > 0 and function f. The sum over all k draws is written out.
    """
    found = []
    for k, atoms in ((1, 3), (2, 3), (3, 2)):
        q, w, f = distribution("q", atoms), numbers("w", atoms), symbols(f"f1:{atoms + 1}", real=True)
        average, c = Integer(0), [Integer(0)] * atoms
        for draws in product(range(atoms), repeat=k):
            total = sum(w[i] for i in draws)
            chance = Integer(1)
            for i in draws:
                chance *= q[i]
            average += chance * sum(w[i] * f[i] for i in draws) / total
            c[draws[0]] += chance / q[draws[0]] * k * w[draws[0]] / total
        density = [a * b for a, b in zip(c, q, strict=True)]
        found.append(Identity("eq-reweighted", average, expect(density, f), false=expect(c, f), only="k = 1, 2, 3"))
        found.append(Identity("eq-reweighted", sum(density), Integer(1), false=sum(c), only="k = 1, 2, 3"))
    return found
