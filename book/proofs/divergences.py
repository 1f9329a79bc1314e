"""Chapter 02: KL is a divergence, the compensation identity, the non-saturating divergence."""

from sympy import Integer, Symbol, log

from .finite import HALF, Identity, distribution, expect, js, kl, mixture, proof

__all__ = ["compensation", "gibbs", "non_saturating_divergence"]


@proof
def gibbs() -> list[Identity]:
    """``lem-gibbs``: KL(p || q) >= 0, and zero only for p = q. Four atoms, any p and q.

    As p and q both sum to one, the KL is E_q[phi(p/q)] with phi(u) = u log u - u + 1. And phi is zero at 1, where its
    slope log u is zero too, and its second derivative 1/u is positive: phi(u) > 0 for every other u > 0.
    """
    p, q, u = distribution("p", 4), distribution("q", 4), Symbol("u", positive=True)

    def phi(u):
        return u * log(u) - u + 1

    costs = [phi(a / b) for a, b in zip(p, q, strict=True)]
    return [
        Identity("lem-gibbs", kl(p, q), expect(q, costs), false=expect(p, costs)),
        Identity("lem-gibbs", phi(Integer(1)), Integer(0), false=Integer(1)),
        Identity("lem-gibbs", phi(u).diff(u), log(u), false=log(u) - 1),
        Identity("lem-gibbs", phi(u).diff(u, 2), 1 / u, false=-1 / u),
    ]


@proof
def compensation() -> list[Identity]:
    """``eq-compensation``: half of KL(a || r) + KL(b || r) is JSD(a, b) + KL(m || r). Four atoms, any a, b and r."""
    a, b, r = (distribution(name, 4) for name in "abr")
    m = mixture(a, b)
    average = HALF * kl(a, r) + HALF * kl(b, r)
    return [
        Identity("eq-compensation, lem-compensation", average, js(a, b) + kl(m, r), false=js(a, b) + kl(r, m)),
    ]


@proof
def non_saturating_divergence() -> list[Identity]:
    """``eq-kl-minus-js``: 2 KL(m || d) = KL(g || d) - 2 JSD(g, d). Four atoms, any g and d."""
    g, d = distribution("g", 4), distribution("d", 4)
    return [
        Identity("eq-kl-minus-js", 2 * kl(mixture(g, d), d), kl(g, d) - 2 * js(g, d), false=kl(g, d) - js(g, d)),
    ]
