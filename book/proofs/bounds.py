"""Chapter 03: the evidence lower bound, its gap, and the direction of its KL."""

from sympy import log

from .finite import Identity, conditionals, distribution, entropy, expect, kl, marginal, numbers, proof

__all__ = ["data_first", "gap_of_the_bound"]


@proof
def gap_of_the_bound() -> list[Identity]:
    """``eq-elbo``: both forms of the bound agree. ``eq-gap``: log p(x) is the bound plus KL(q(z|x) || p(z|x)).

    One example, four codes; any prior, any q(z|x), any positive likelihoods p(x|z) (of a density they may exceed 1).
    That the gap is not negative, and zero only for the posterior, is ``lem-gibbs``.
    """
    prior, q, likelihood = distribution("p", 4), distribution("q", 4), numbers("l", 4)
    joint = [p * a for p, a in zip(prior, likelihood, strict=True)]
    evidence = sum(joint)
    posterior = [p / evidence for p in joint]
    log_likelihood = expect(q, [log(a) for a in likelihood])
    bound = expect(q, [log(p) for p in joint]) + entropy(q)
    return [
        Identity("eq-elbo", bound, log_likelihood - kl(q, prior), false=log_likelihood - kl(prior, q)),
        Identity("eq-gap, lem-gap", log(evidence), bound + kl(q, posterior), false=bound + kl(posterior, q)),
    ]


@proof
def data_first() -> list[Identity]:
    """``eq-joint-kl``: minus the average bound is KL(d q || p) + H(d), and KL(d || p) + H(d) plus the average gap.

    Three examples, two codes; any data, prior, decoder and encoder. The inequality is ``lem-gibbs``.
    """
    d, prior = distribution("d", 3), distribution("p", 2)
    decoder, encoder = conditionals("g", 2, 3), conditionals("q", 3, 2)
    model = marginal(prior, decoder)
    bounds, gaps, of_data, of_model = [], [], [], []
    for x, q in enumerate(encoder):
        joint = [p * g[x] for p, g in zip(prior, decoder, strict=True)]
        bounds.append(expect(q, [log(p) for p in joint]) + entropy(q))
        gaps.append(kl(q, [p / model[x] for p in joint]))
        of_data += [d[x] * a for a in q]
        of_model += joint
    minus_bound = -expect(d, bounds)
    return [
        Identity(
            "eq-joint-kl",
            minus_bound,
            kl(of_data, of_model) + entropy(d),
            false=kl(of_model, of_data) + entropy(d),
        ),
        Identity(
            "eq-joint-kl",
            minus_bound,
            kl(d, model) + entropy(d) + expect(d, gaps),
            false=kl(model, d) + entropy(d) + expect(d, gaps),
        ),
    ]
