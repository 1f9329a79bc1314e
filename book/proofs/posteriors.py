"""Chapters 07 and 10: the best discriminator, a constant one, and four losses seen from the posterior of any."""

from sympy import Integer, Symbol, log

from .finite import HALF, Identity, distribution, entropy, expect, js, kl, mixture, moved, proof, slope, tangent
from .steps import Step, any_step

__all__ = ["best_discriminator", "constant_discriminator", "entropy_cancels", "four_losses_from_the_posterior"]


@proof
def best_discriminator() -> list[Identity]:
    """``cor-optimal``: then q^r(x|0) = d, q^r(x|1) = g, Z_0 = p(1), Z_1 = p(0), and the step is that of KL(m || d).

    Three atoms; any data, generator and direction, and, for ``eq-optimal-posterior``, any p(y).
    """
    d, g, along, weight = distribution("d", 3), distribution("s", 3), tangent("v", 3), Symbol("w", positive=True)
    step = Step(d, g, [weight * a / m for a, m in zip(d, mixture(g, d, weight), strict=True)], weight)
    (looks_real, looks_made), (Z_0, Z_1) = step.posteriors, step.evidence
    found = [
        Identity("cor-optimal", Z_0, weight, false=1 - weight),
        Identity("cor-optimal", Z_1, 1 - weight, false=weight),
    ]
    for a, b, q, r in zip(d, g, looks_real, looks_made, strict=True):
        found.append(Identity("eq-optimal-posterior, cor-optimal", q, a, false=b))
        found.append(Identity("eq-optimal-posterior, cor-optimal", r, b, false=a))
    fair = Step(d, g, [a / (a + b) for a, b in zip(d, g, strict=True)])
    after = moved(g, along)
    left, to_data, jsd = slope(fair.loss(after)), slope(kl(after, d)), slope(js(after, d))
    to_mixture = slope(kl(mixture(after, d), d))
    found.append(Identity("eq-lemma-1-optimal, cor-optimal", left, HALF * to_data - jsd, false=to_data - jsd))
    found.append(Identity("eq-lemma-1-optimal, cor-optimal", left, to_mixture, false=2 * to_mixture))
    return found


@proof
def four_losses_from_the_posterior() -> list[Identity]:
    """``thm-four-posteriors``: what four losses descend against *any* frozen discriminator, p(y) = 1/2.

    Three atoms; any data, generator, answers and direction. ``eq-posterior-reverse-kl`` holds for another generator g,
    without a slope. The non-saturating loss is ``eq-lemma-1-unhalved``.
    """
    step, along, g = any_step(3, real=HALF), tangent("v", 3), distribution("g", 3)
    (looks_real, looks_made), (Z_0, Z_1) = step.posteriors, step.evidence
    after = moved(step.start, along)
    odds = [a / (1 - a) for a in step.D]
    minimax = slope(expect(after, [log(1 - a) for a in step.D]))
    jsd, from_made = slope(js(after, step.d)), slope(kl(after, looks_made))
    C = expect(step.start, odds)
    h = [a * b / C for a, b in zip(step.start, odds, strict=True)]
    by_odds = slope(expect(after, [-o for o in odds]))
    reverse_kl = expect(g, [-log(o) for o in odds])
    two_kl = kl(g, looks_real) - kl(g, looks_made)
    return [
        Identity("eq-posterior-minimax, thm-four-posteriors", minimax, 2 * jsd - from_made, false=2 * jsd + from_made),
        Identity(
            "eq-posterior-kl, thm-four-posteriors",
            by_odds,
            C * slope(kl(h, after)),
            false=C * slope(kl(after, h)),
        ),
        Identity(
            "eq-posterior-reverse-kl, thm-four-posteriors",
            reverse_kl,
            two_kl + log(Z_1 / Z_0),
            false=two_kl + log(Z_0 / Z_1),
        ),
    ]


@proof
def constant_discriminator() -> list[Identity]:
    """``eq-cancel``: with a constant D both posteriors are the pile, and the two parts of Lemma 1 cancel.

    Four atoms; any data, generator, direction, p(y) and constant. At theta_0 only: the falsehood is the same slope
    elsewhere.
    """
    d, start, along = distribution("d", 4), distribution("s", 4), tangent("v", 4)
    weight, constant = Symbol("w", positive=True), Symbol("D", positive=True)
    step = Step(d, start, [constant] * 4, weight)
    after, elsewhere = moved(start, along), moved(distribution("g", 4), along)
    same = [
        Identity("cor-constant", q, m, false=s)
        for posterior in step.posteriors
        for q, m, s in zip(posterior, step.pile, start, strict=True)
    ]
    left, right = slope(step.to_posteriors(after)), slope(js(after, d, weight))
    return [
        *same,
        Identity("eq-cancel, cor-constant", left, right, false=slope(step.to_posteriors(elsewhere))),
        Identity("eq-cancel, cor-constant", slope(step.loss(after)), Integer(0), false=right),
    ]


@proof
def entropy_cancels() -> list[Identity]:
    """``lem-entropy-cancels``: the entropy that the KL of Lemma 1 holds up, the rest takes away again.

    Three atoms; any data, answers, generators at theta_0 and at theta, p(y) = 1/2. The last identity is the sum.
    """
    step, g = any_step(3, real=HALF), distribution("g", 3)
    log_D, log_pile = expect(g, [log(a) for a in step.D]), expect(g, [log(a) for a in step.pile])
    log_Z, to_data = log(step.evidence[0]), kl(step.d, step.pile)
    of_kl = kl(g, step.posteriors[0])
    of_rest = -2 * js(g, step.d) - 2 * kl(mixture(g, step.d), step.pile)
    right_of_kl, right_of_rest = -entropy(g) - log_D - log_pile + log_Z, entropy(g) + log_pile - to_data
    return [
        Identity("eq-entropy-of-kl, lem-entropy-cancels", of_kl, right_of_kl, false=right_of_kl + 2 * entropy(g)),
        Identity("eq-entropy-of-rest, lem-entropy-cancels", of_rest, right_of_rest, false=right_of_rest - entropy(g)),
        Identity("lem-entropy-cancels", of_kl + of_rest, -log_D + log_Z - to_data, false=-log_D),
    ]
