"""Chapter 06: domain adaptation, where both conditionals move."""

from sympy import log

from .finite import HALF, Identity, distribution, expect, js, kl, mixture, moved, numbers, proof, slope, tangent
from .games import optimal

__all__ = ["bound_for_a_domain", "gan_from_domains", "what_the_features_descend"]


@proof
def bound_for_a_domain() -> list[Identity]:
    """``eq-y-bound``: log Z_y is the bound plus the KL to the posterior.

    Four atoms; any features p(x|y), prior pi, and answers q(y|x) between 0 and 1: those of either domain, reversed or
    not. The inequality is ``lem-gibbs``.
    """
    features, prior, answer = distribution("p", 4), distribution("r", 4), numbers("D", 4)
    Z = expect(prior, answer)
    posterior = [a * b / Z for a, b in zip(prior, answer, strict=True)]
    bound = expect(features, [log(a) for a in answer]) - kl(features, prior)
    right, turned = bound + kl(features, posterior), bound + kl(posterior, features)
    return [Identity("eq-y-bound, lem-y-bound", log(Z), right, false=turned)]


@proof
def what_the_features_descend() -> list[Identity]:
    """``thm-ada``: gradient reversal descends 2 JSD, reversed answers two KL to frozen copies.

    Four atoms; any two conditionals, and any directions in which both of them move. The falsehood of the second: the
    copies are not frozen.
    """
    p_0, p_1 = distribution("p", 4), distribution("r", 4)
    D = optimal(p_1, p_0)
    now_0, now_1 = moved(p_0, tangent("v", 4)), moved(p_1, tangent("u", 4))
    reversal = expect(now_1, [log(a) for a in D]) + expect(now_0, [log(1 - a) for a in D])
    reversed_answers = -expect(now_1, [log(1 - a) for a in D]) - expect(now_0, [log(a) for a in D])
    chases = 2 * kl(mixture(now_0, p_1), p_1) + 2 * kl(mixture(now_1, p_0), p_0)
    not_frozen = 2 * kl(mixture(now_0, now_1), now_1) + 2 * kl(mixture(now_1, now_0), now_0)
    jsd = js(now_1, now_0)
    return [
        Identity("eq-ada-minimax, thm-ada", slope(reversal), slope(2 * jsd), false=slope(jsd)),
        Identity("eq-ada-non-saturating, thm-ada", slope(reversed_answers), slope(chases), false=slope(not_frozen)),
    ]


@proof
def gan_from_domains() -> list[Identity]:
    """``eq-gan-from-ada``: with one side frozen the generator ascends half of E_g log D. Four atoms, any D."""
    d, g, D = distribution("d", 4), distribution("g", 4), numbers("D", 4)
    after = moved(g, tangent("v", 4))
    of_made, of_real = expect(after, [log(a) for a in D]), expect(d, [log(1 - a) for a in D])
    both = HALF * of_made + HALF * of_real
    return [Identity("eq-gan-from-ada", slope(both), HALF * slope(of_made), false=slope(of_made))]
