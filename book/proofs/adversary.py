"""Chapter 08: Lemma 2, its second line and remainder, and the adversary inside the KL."""

from dataclasses import dataclass, replace

from sympy import Expr, Integer, Symbol, log

from .finite import (
    HALF,
    Identity,
    conditionals,
    distribution,
    entropy,
    expect,
    kl,
    marginal,
    mixture,
    moved,
    proof,
    slope,
    tangent,
    tangents,
    xlogx,
)
from .games import optimal

__all__ = ["World", "adversary_in_the_kl", "any_world", "first_line", "lemma_2", "score", "second_line_of_lemma_2"]

EXAMPLES, CODES = 3, 2


@dataclass(frozen=True)
class World:
    """A VAE and the data and generated examples that its bound with a label sees, ``def-coded-conditionals``."""

    d: list[Expr]  # the data, d(x)
    made: list[Expr]  # generated examples at theta_0: the marginal of any decoder
    prior: list[Expr]  # p(z)
    decoder: list[list[Expr]]  # [z][x]
    encoder: list[list[Expr]]  # [x][z]
    fixed: list[list[Expr]]  # q(z|x) of the label 1, [x][z]

    @property
    def model(self) -> list[Expr]:
        """g(x) at theta."""
        return marginal(self.prior, self.decoder)

    @property
    def pile(self) -> list[Expr]:
        """m(x) at theta_0."""
        return mixture(self.made, self.d)

    def joint(self, x: int) -> list[Expr]:
        """p(x, z), for each z."""
        return [p * g[x] for p, g in zip(self.prior, self.decoder, strict=True)]

    def posterior(self, x: int) -> list[Expr]:
        return [p / self.model[x] for p in self.joint(x)]

    @property
    def bounds(self) -> list[Expr]:
        """The ELBO of each example, in its first form."""
        return [
            expect(q, [log(p / a) for p, a in zip(self.joint(x), q, strict=True)]) for x, q in enumerate(self.encoder)
        ]

    @property
    def bound(self) -> Expr:
        """The objective of the VAE, E_d ELBO."""
        return expect(self.d, self.bounds)

    @property
    def gaps(self) -> list[Expr]:
        return [kl(q, self.posterior(x)) for x, q in enumerate(self.encoder)]

    @property
    def fixed_prices(self) -> list[Expr]:
        """KL(q(z|x) || p(z)), without a parameter."""
        return [kl(q, self.prior) for q in self.fixed]

    @property
    def constant(self) -> Expr:
        """C of ``eq-lemma-2``."""
        return expect(self.made, [log(a) - price for a, price in zip(self.d, self.fixed_prices, strict=True)])

    def steps(self) -> tuple["World", "World"]:
        """The world after a step of its decoder along any tangent, and after one of its encoder."""
        of_theta, of_eta = tangents("v", CODES, EXAMPLES), tangents("u", EXAMPLES, CODES)
        return (
            replace(self, decoder=moved(self.decoder, of_theta)),
            replace(self, encoder=moved(self.encoder, of_eta)),
        )


def any_world(at_start: bool = False, theta: str = "g") -> World:
    """Free tables throughout; at_start: theta is theta_0, so that generated examples come from this decoder."""
    prior, decoder = distribution("p", CODES), conditionals(theta, CODES, EXAMPLES)
    made = marginal(prior, decoder) if at_start else distribution("s", EXAMPLES)
    encoder, fixed = conditionals("q", EXAMPLES, CODES), conditionals("f", EXAMPLES, CODES)
    return World(distribution("d", EXAMPLES), made, prior, decoder, encoder, fixed)


PERFECT = ([Integer(1)] * EXAMPLES, [Integer(0)] * EXAMPLES)


def first_line(world: World, of_real: list[Expr], of_made: list[Expr]) -> Expr:
    """``def-first-line``, every sum written out; of_real, of_made: q^r(y=0|x, s) for s = 1 and s = 0."""
    total = Integer(0)
    for source, answers in ((world.d, of_real), (world.made, of_made)):
        for x, as_made in enumerate(answers):
            cases = (
                (as_made, world.encoder[x], [g[x] for g in world.decoder]),
                (1 - as_made, world.fixed[x], [world.d[x]] * CODES),
            )
            for answer, codes, likelihood in cases:
                reconstruction = expect(codes, [log(a) for a in likelihood])
                to_prior = kl(codes, world.prior)
                total += HALF * source[x] * (answer * (reconstruction - to_prior + log(HALF)) - xlogx(answer))
    return total


def second_line(world: World) -> Expr:
    """``def-second-line``: minus the KL of code and label to their posterior, for the perfect discriminator."""
    m = mixture(world.model, world.d)
    total = Integer(0)
    for x in range(EXAMPLES):
        of_0 = [HALF * p / m[x] for p in world.joint(x)]
        of_1 = [HALF * world.d[x] * p / m[x] for p in world.prior]
        total -= HALF * world.d[x] * kl(world.encoder[x], of_0) + HALF * world.made[x] * kl(world.fixed[x], of_1)
    return total


@proof
def lemma_2() -> list[Identity]:
    """``eq-lemma-2``: A = L/2 - log 2 + C/2. ``eq-lemma-2-gradients``: so theta and eta have half the VAE's gradient.

    Three examples, two codes; any data, prior, decoder, encoder, fixed q(z|x), and any law of the generated examples:
    it need not be that of this decoder, so theta is not theta_0. 0 log 0 = 0 in the perfect answers.
    """
    world = any_world()
    line, rest = first_line(world, *PERFECT), -log(2) + HALF * world.constant
    found = [Identity("eq-lemma-2, lem-2", line, HALF * world.bound + rest, false=world.bound + rest)]
    for after in world.steps():
        ours, theirs = slope(first_line(after, *PERFECT)), slope(after.bound)
        found.append(Identity("eq-lemma-2-gradients, lem-2", ours, HALF * theirs, false=theirs))
    return found


@proof
def second_line_of_lemma_2() -> list[Identity]:
    """``eq-lemma-2-evidence`` and ``eq-lemma-2-remainder``: A = K + E log m = K - KL(m_0 || m) - H(m_0).

    ``eq-second-line-gradients``: eta has the same slope of A and K everywhere; theta has it at theta_0, and not
    elsewhere: that is the falsehood. Three examples, two codes, all tables free.
    """
    world, start = any_world(), any_world(at_start=True)
    line, second, m = first_line(world, *PERFECT), second_line(world), mixture(world.model, world.d)
    log_evidence = expect(world.pile, [log(a) for a in m])
    of_eta, at_start, elsewhere = world.steps()[1], start.steps()[0], world.steps()[0]
    return [
        Identity("eq-lemma-2-evidence", line, second + log_evidence, false=second - log_evidence),
        Identity(
            "eq-lemma-2-remainder",
            line,
            second - kl(world.pile, m) - entropy(world.pile),
            false=second - kl(m, world.pile) - entropy(world.pile),
        ),
        Identity(
            "eq-second-line-gradients",
            slope(first_line(of_eta, *PERFECT)),
            slope(second_line(of_eta)),
            false=slope(of_eta.bound),
        ),
        Identity(
            "eq-second-line-gradients",
            slope(first_line(at_start, *PERFECT)),
            slope(second_line(at_start)),
            false=slope(second_line(elsewhere)),
        ),
    ]


@proof
def score() -> list[Identity]:
    """``eq-score``: E_m grad log m = 0. ``eq-fisher-slope``: away from theta_0 the gradient of E_m0 log m falls with F.

    Four atoms; m is any distribution, a and b are any two of its first derivatives, c the second derivative that
    belongs to both: it drops out. What is left is of second order by Taylor's theorem, for m smooth enough in theta.
    """
    m, a, b, c = distribution("m", 4), tangent("a", 4), tangent("b", 4), tangent("c", 4)
    d, second = distribution("d", 4), Symbol("second", real=True)
    after = [p + second * q for p, q in zip(moved(m, a), moved(b, c), strict=True)]
    bend = slope(expect(m, [log(p) for p in after]).diff(second).xreplace({second: Integer(0)}))
    fisher = expect(m, [x * y / p**2 for x, y, p in zip(a, b, m, strict=True)])
    log_m = [log(p) for p in moved(m, a)]
    return [
        Identity("eq-score, lem-score", slope(expect(m, log_m)), Integer(0), false=slope(expect(d, log_m))),
        Identity("eq-fisher-slope, lem-score", bend, -fisher, false=fisher),
    ]


@proof
def adversary_in_the_kl() -> list[Identity]:
    """``eq-data-only``, ``eq-fooled``, ``eq-fooling-is-likelihood`` and ``eq-lemma-2-direction``.

    Three examples, two codes, all tables free. The third is at theta_0 only: the falsehood is the same slope elsewhere.
    The inequality of the last is ``lem-gibbs``: what is left out is a KL.
    """
    world, start = any_world(), any_world(at_start=True)
    d, to_posterior = world.d, expect(world.d, world.gaps)
    log_likelihood = expect(d, [log(a) for a in world.model])

    def fooled(world):
        """R(theta): the best discriminator of this theta takes each source for the other."""
        D = optimal(world.d, world.model)
        by_data, by_made = expect(world.d, [log(1 - a) for a in D]), expect(world.made, [log(a) for a in D])
        return HALF * by_data + HALF * by_made

    codes = HALF * to_posterior + HALF * expect(world.made, world.fixed_prices)
    after, elsewhere = start.steps()[0], world.steps()[0]
    likelihood_slope = slope(expect(start.d, [log(a) for a in after.model]))
    of_data = [d[x] * a for x, q in enumerate(world.encoder) for a in q]
    of_model = [p for x in range(EXAMPLES) for p in world.joint(x)]
    rest = HALF * entropy(d) + log(2) - HALF * world.constant
    minus_line = -first_line(world, *PERFECT)
    return [
        Identity("eq-data-only", world.bound, -to_posterior + log_likelihood, false=to_posterior + log_likelihood),
        Identity("eq-fooled", -second_line(world), codes - fooled(world), false=codes + fooled(world)),
        Identity(
            "eq-fooling-is-likelihood",
            HALF * likelihood_slope,
            slope(fooled(after)),
            false=slope(fooled(elsewhere)),
        ),
        Identity(
            "eq-lemma-2-direction",
            minus_line,
            HALF * kl(of_data, of_model) + rest,
            false=HALF * kl(of_model, of_data) + rest,
        ),
        Identity(
            "eq-lemma-2-direction",
            minus_line,
            HALF * kl(d, world.model) + HALF * to_posterior + rest,
            false=HALF * kl(world.model, d) + HALF * to_posterior + rest,
        ),
    ]
