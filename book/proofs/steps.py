"""Chapter 07: the bound for a label, Lemma 1, its exact form and its remainder."""

from dataclasses import dataclass

from sympy import Expr, Integer, Symbol, log

from .finite import HALF, Identity, distribution, expect, js, kl, mixture, moved, numbers, proof, slope, tangent

__all__ = [
    "Step",
    "any_step",
    "bound_for_a_label",
    "compensation_with_weights",
    "lemma_1",
    "lemma_1_exact",
    "remainder",
]


@dataclass(frozen=True)
class Step:
    """A generator step against frozen answers: ``def-conditionals`` and ``def-posterior``."""

    d: list[Expr]  # the data
    start: list[Expr]  # the generator at theta_0
    D: list[Expr]  # the frozen answers
    real: Expr = HALF  # p(y=1)

    @property
    def pile(self) -> list[Expr]:
        """m at theta_0."""
        return mixture(self.start, self.d, self.real)

    @property
    def answers(self) -> tuple[list[Expr], list[Expr]]:
        """q^r(y|x) for y = 0 and y = 1."""
        return self.D, [1 - a for a in self.D]

    @property
    def evidence(self) -> list[Expr]:
        """Z_0 and Z_1."""
        return [expect(self.pile, answer) for answer in self.answers]

    @property
    def posteriors(self) -> list[list[Expr]]:
        """q^r(x|0) and q^r(x|1)."""
        weighted = [[a * m for a, m in zip(answer, self.pile, strict=True)] for answer in self.answers]
        return [[a / z for a in p] for p, z in zip(weighted, self.evidence, strict=True)]

    def over_labels(self, of_made: Expr, of_real: Expr) -> Expr:
        return (1 - self.real) * of_made + self.real * of_real

    def loss(self, g: list[Expr]) -> Expr:
        """Eq. ``eq-reversed-loss``, a generator g before these answers."""
        of_made, of_real = (
            -expect(p, [log(a) for a in answer]) for p, answer in zip((g, self.d), self.answers, strict=True)
        )
        return self.over_labels(of_made, of_real)

    def to_posteriors(self, g: list[Expr]) -> Expr:
        """E_p(y) KL(p(x|y) || q^r(x|y))."""
        return self.over_labels(*(kl(p, q) for p, q in zip((g, self.d), self.posteriors, strict=True)))


def any_step(atoms: int, real: Expr | None = None) -> Step:
    """Any data, generator, answers between 0 and 1, and weight of the labels."""
    weight = Symbol("w", positive=True) if real is None else real
    return Step(distribution("d", atoms), distribution("s", atoms), numbers("D", atoms), weight)


@proof
def bound_for_a_label() -> list[Identity]:
    """``eq-evidence``, ``eq-label-elbo`` and ``eq-label-loss``: Bayes' rule with the reversed discriminator.

    Three atoms, any data, generator, answers and p(y); any p(x|y), and both labels. The inequality is ``lem-gibbs``.
    """
    step, p = any_step(3), distribution("p", 3)
    Z_0, Z_1 = step.evidence
    back = [Z_0 * a + Z_1 * b for a, b in zip(*step.posteriors, strict=True)]
    found = [
        Identity("eq-evidence", Z_0 + Z_1, Integer(1), false=2 * Z_0),
        *(Identity("eq-evidence", a, m, false=s) for a, m, s in zip(back, step.pile, step.start, strict=True)),
    ]
    for answer, Z, q in zip(step.answers, step.evidence, step.posteriors, strict=True):
        reconstruction = expect(p, [log(a) for a in answer])
        to_pile, to_posterior = kl(p, step.pile), kl(p, q)
        found += [
            Identity(
                "eq-label-elbo, lem-label-elbo",
                reconstruction - to_pile,
                log(Z) - to_posterior,
                false=log(Z) - kl(q, p),
            ),
            Identity(
                "eq-label-loss",
                -reconstruction,
                to_posterior - to_pile - log(Z),
                false=to_posterior + to_pile - log(Z),
            ),
        ]
    return found


@proof
def compensation_with_weights() -> list[Identity]:
    """``eq-compensation-weighted``. Four atoms, any two conditionals, any p(y) of two labels, any r."""
    a, b, r, weight = distribution("a", 4), distribution("b", 4), distribution("r", 4), Symbol("w", positive=True)
    m = mixture(a, b, weight)
    average = (1 - weight) * kl(a, r) + weight * kl(b, r)
    right = js(a, b, weight) + kl(m, r)
    return [
        Identity("eq-compensation-weighted, lem-compensation-weighted", average, right, false=js(a, b) + kl(m, r)),
    ]


@proof
def lemma_1_exact() -> list[Identity]:
    """``eq-lemma-1-exact``: the loss is E KL - JSD - KL(m || m_0) - E log Z, away from theta_0, too.

    Three atoms; the data, the generator at theta_0 and another one at theta, the answers and p(y) are all free.
    """
    step, g = any_step(3), distribution("g", 3)
    jsd = js(g, step.d, step.real)
    remainder = kl(mixture(g, step.d, step.real), step.pile)
    log_evidence = step.over_labels(*(log(Z) for Z in step.evidence))
    first_order = step.to_posteriors(g) - jsd - log_evidence
    return [
        Identity("eq-lemma-1-exact, lem-1-exact", step.loss(g), first_order - remainder, false=first_order),
    ]


@proof
def lemma_1() -> list[Identity]:
    """``eq-lemma-1``: at theta_0 the loss has the slope of E KL - JSD. ``eq-lemma-1-unhalved``: as coded, p(y) = 1/2.

    Three atoms, any data, generator, answers, direction and, for the first, p(y).
    """
    step, along = any_step(3), tangent("v", 3)
    g = moved(step.start, along)
    to_posteriors, jsd = slope(step.to_posteriors(g)), slope(js(g, step.d, step.real))
    fair = any_step(3, real=HALF)
    coded = expect(g, [-log(a) for a in fair.D])
    to_posterior, fair_jsd = slope(kl(g, fair.posteriors[0])), slope(js(g, fair.d))
    return [
        Identity("eq-lemma-1, lem-1", slope(step.loss(g)), to_posteriors - jsd, false=to_posteriors + jsd),
        Identity("eq-lemma-1-unhalved", slope(coded), to_posterior - 2 * fair_jsd, false=to_posterior - fair_jsd),
    ]


@proof
def remainder() -> list[Identity]:
    """``eq-fisher``: KL(m || m_0) is zero at theta_0, its gradient is, and its second derivatives are those of F.

    Four atoms. m is any distribution, a and b any two of its first derivatives, c the second derivative that belongs to
    both: it drops out. That the rest is of third order is Taylor's theorem, for a density that is three times
    continuously differentiable.
    """
    m, a, b, c = distribution("m", 4), tangent("a", 4), tangent("b", 4), tangent("c", 4)
    second, r = Symbol("second", real=True), distribution("r", 4)  # another step, and another distribution
    after = [p + second * q for p, q in zip(moved(m, a), moved(b, c), strict=True)]
    bend = slope(kl(after, m).diff(second).xreplace({second: Integer(0)}))
    fisher = expect(m, [x * y / p**2 for x, y, p in zip(a, b, m, strict=True)])
    return [
        Identity("lem-remainder", slope(kl(moved(m, a), m)), Integer(0), false=slope(kl(moved(m, a), r))),
        Identity("eq-fisher, lem-remainder", bend, fisher, false=2 * fisher),
    ]
