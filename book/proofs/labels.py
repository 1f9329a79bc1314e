"""Chapter 17: conditional GAN and VAE, what a label adds, and SVAE = CVAE + classifier."""

from sympy import Integer, Rational, Symbol, log, symbols

from .finite import (
    STEP,
    Identity,
    conditionals,
    distribution,
    expect,
    js,
    kl,
    marginal,
    mixture,
    moved,
    numbers,
    proof,
    slope,
    tangents,
)
from .games import optimal, value_of_the_game

__all__ = ["bound_given_a_label", "bound_without_a_label", "conditional_game", "labels_are_silent", "what_a_label_adds"]

LABELS = 2


def joint(law: list, given: list[list]) -> list:
    """d(t) p(x|t), for each pair."""
    return [a * b for a, row in zip(law, given, strict=True) for b in row]


@proof
def conditional_game() -> list[Identity]:
    """``eq-cgan``: the least loss is log 4 - 2 E JSD. ``eq-cgan-descends``: what the non-saturating generator descends.

    Two labels of any weight, three examples, any data, generator and direction at each label. That D* is best is
    ``eq-optimal-d`` at each label; here its loss is computed.
    """
    law, along = distribution("t", LABELS), tangents("v", LABELS, 3)
    data, made = conditionals("d", LABELS, 3), conditionals("g", LABELS, 3)
    best = [optimal(d, g) for d, g in zip(data, made, strict=True)]
    loss = -expect(law, [value_of_the_game(D, d, g) for D, d, g in zip(best, data, made, strict=True)])
    jsd = expect(law, [js(g, d) for g, d in zip(made, data, strict=True)])
    after = moved(made, along)
    game = expect(law, [expect(g, [-log(a) for a in D]) for D, g in zip(best, after, strict=True)])
    to_mixture = expect(law, [2 * kl(mixture(g, d), d) for g, d in zip(after, data, strict=True)])
    from_mixture = expect(law, [2 * kl(d, mixture(g, d)) for g, d in zip(after, data, strict=True)])
    return [
        Identity("eq-cgan", loss, log(4) - 2 * jsd, false=log(4) - jsd),
        Identity("eq-cgan-descends", slope(game), slope(to_mixture), false=slope(from_mixture)),
    ]


@proof
def what_a_label_adds() -> list[Identity]:
    """``eq-label-gap``: E JSD given t is JSD + I(y; t|x). ``eq-label-gap-kl``: likewise for KL(m || d).

    Two labels of any weight, three examples, any data and generator at each. The inequality is ``lem-gibbs``: I is a
    sum of KL.
    """
    law = distribution("t", LABELS)
    data, made = conditionals("d", LABELS, 3), conditionals("g", LABELS, 3)
    both = [mixture(g, d) for g, d in zip(made, data, strict=True)]
    d, g, m = (marginal(law, given) for given in (data, made, both))

    def of_label(given, x):
        """p(t|x)."""
        weights = [a * row[x] for a, row in zip(law, given, strict=True)]
        return [w / sum(weights) for w in weights]

    def names(p, over, q):
        """E over x of KL(p(t|x) || q(t|x))."""
        return expect(over, [kl(of_label(p, x), of_label(q, x)) for x in range(3)])

    information = (names(data, d, both) + names(made, g, both)) / 2
    conditional = expect(law, [js(a, b) for a, b in zip(made, data, strict=True)])
    to_data = expect(law, [kl(a, b) for a, b in zip(both, data, strict=True)])
    return [
        Identity("eq-label-gap, lem-label-gap", conditional, js(g, d) + information, false=js(g, d) - information),
        Identity(
            "eq-label-gap-kl, lem-label-gap",
            to_data,
            kl(m, d) + names(both, m, data),
            false=kl(m, d) + names(data, d, both),
        ),
    ]


class Conditional:
    """A CVAE at one example x: prior, encoder q(z|x,t), likelihoods p(x|z,t), and a law of the label p(t)."""

    def __init__(self, codes: int, uniform: bool = False):
        self.law = [Rational(1, LABELS)] * LABELS if uniform else distribution("t", LABELS)
        self.prior = distribution("p", codes)
        self.encoder = conditionals("q", LABELS, codes)
        self.likelihood = [numbers(f"l_{t}_", codes) for t in range(LABELS)]
        self.evidence = [expect(self.prior, row) for row in self.likelihood]  # p(x|t)

    def posterior(self, t: int) -> list:
        """p(z|x,t)."""
        return [p * a / self.evidence[t] for p, a in zip(self.prior, self.likelihood[t], strict=True)]

    @property
    def energies(self) -> list:
        """F(x, t) of ``eq-cvae``."""
        return [
            -expect(q, [log(a) for a in row]) + kl(q, self.prior)
            for q, row in zip(self.encoder, self.likelihood, strict=True)
        ]


@proof
def bound_given_a_label() -> list[Identity]:
    """``eq-cvae``: log p(x|t) = -F + KL. ``eq-label-information``: what the label adds to log p(x).

    One example, three codes, two labels; any prior, encoder and likelihoods, p(t) = 1/2. The inequality is p(t|x) <= 1.
    """
    model = Conditional(codes=3, uniform=True)
    found = []
    of_x = expect(model.law, model.evidence)
    for t, energy in enumerate(model.energies):
        gap, turned = kl(model.encoder[t], model.posterior(t)), kl(model.posterior(t), model.encoder[t])
        log_p = log(model.evidence[t])
        found.append(Identity("eq-cvae", log_p, -energy + gap, false=-energy + turned))
        of_label = model.law[t] * model.evidence[t] / of_x
        right = log(of_x) + log(of_label / model.law[t])
        found.append(Identity("eq-label-information", log_p, right, false=log(of_x) + log(of_label)))
    return found


@proof
def bound_without_a_label() -> list[Identity]:
    """``eq-unlabelled``: log p(x) = -U + KL of label and code. ``eq-best-labeller``: U is a KL to q* plus a constant.

    One example, two codes, two labels; any p(t), labeller, encoder, likelihoods. In the second there are three labels,
    and F(x, t) = -log u_t with any u_t > 0, so that e^-F = u_t. The inequality, and that q* is best, are ``lem-gibbs``.
    """
    model, labeller = Conditional(codes=2), distribution("r", LABELS)
    of_x = expect(model.law, model.evidence)
    inferred = joint(labeller, model.encoder)
    truth = joint(
        [a * b / of_x for a, b in zip(model.law, model.evidence, strict=True)],
        [model.posterior(t) for t in range(LABELS)],
    )
    U = expect(labeller, model.energies) + kl(labeller, model.law)

    law, guesses, u = distribution("t", 3), distribution("r", 3), numbers("u", 3)
    weights = [a * b for a, b in zip(law, u, strict=True)]
    opinion = [a / sum(weights) for a in weights]
    of_energies = expect(guesses, [-log(a) for a in u]) + kl(guesses, law)
    lowest = -log(sum(weights))
    return [
        Identity("eq-unlabelled, lem-unlabelled", log(of_x), -U + kl(inferred, truth), false=U + kl(inferred, truth)),
        Identity(
            "eq-best-labeller, lem-unlabelled",
            of_energies,
            lowest + kl(guesses, opinion),
            false=lowest + kl(opinion, guesses),
        ),
    ]


@proof
def labels_are_silent() -> list[Identity]:
    """``eq-silent``: the labeller's gradient of J. ``lem-silent``: without unlabelled examples it is a classifier's.

    Two labelled and one unlabelled example, each with any energies F(x, t) = -log u at both labels; any p(t), weights
    of the examples, labeller and alpha. The labeller moves along any tangents; theta and the encoder move the energies
    by any numbers. SVAE = CVAE + classifier: without the unlabelled example J has no slope in both at once, so that it
    is a sum of two functions without a common parameter. With it, the falsehood, it has one.
    """
    law, alpha, share = distribution("t", LABELS), Symbol("alpha", positive=True), distribution("w", 2)
    u = [numbers(f"u_{x}_", LABELS) for x in range(3)]  # e^-F; the third example is unlabelled
    labeller = moved(conditionals("r", 3, LABELS), tangents("v", 3, LABELS))
    truth = conditionals("d", 2, LABELS)  # d(t|x) of the labelled examples

    def losses(energies):
        """E F at known labels, the bound at guessed ones, the classifier's loss."""
        known = expect(share, [expect(p, F) for p, F in zip(truth, energies[:2], strict=True)])
        guessed = expect(labeller[2], energies[2]) + kl(labeller[2], law)
        classify = expect(share, [expect(p, [-log(a) for a in r]) for p, r in zip(truth, labeller[:2], strict=True)])
        return known, guessed, alpha * classify

    known, guessed, classify = losses([[-log(a) for a in row] for row in u])
    weights = [a * b for a, b in zip(law, u[2], strict=True)]
    opinion = [a / sum(weights) for a in weights]
    to_opinion, from_opinion = slope(kl(labeller[2], opinion)), slope(kl(opinion, labeller[2]))
    left = slope(known + guessed + classify)

    other = Symbol("other", real=True)  # a step of theta and the encoder
    after = [[-log(a) + other * b for a, b in zip(row, symbols(f"e_{x}_1:3"), strict=True)] for x, row in enumerate(u)]
    known, guessed, classify = losses(after)
    return [
        Identity("lem-silent", slope(known), Integer(0), false=slope(guessed)),
        Identity("eq-silent, lem-silent", left, to_opinion + slope(classify), false=from_opinion + slope(classify)),
        Identity(
            "lem-silent",
            (known + classify).diff(STEP).diff(other),
            Integer(0),
            false=guessed.diff(STEP).diff(other),
        ),
    ]
