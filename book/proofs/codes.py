"""Chapters 09 and 11: wake and sleep, the information of a code, and a step of InfoGAN."""

from sympy import Symbol, log

from .adversary import CODES, EXAMPLES, any_world
from .finite import HALF, Identity, distribution, entropy, expect, js, kl, mixture, numbers, proof, slope
from .games import optimal

__all__ = ["added_term_bounds_the_information", "information_of_a_label", "step_of_infogan", "wake_and_sleep"]


def wake(world):
    """E_d E_q log p(x|z), ``def-wake``."""
    return expect(world.d, [expect(q, [log(g[x]) for g in world.decoder]) for x, q in enumerate(world.encoder)])


def asleep(world, guesses):
    """E of log guesses[x][z] over what the model makes, ``def-sleep``."""
    return sum(expect(world.joint(x), [log(a) for a in guesses[x]]) for x in range(EXAMPLES))


def posteriors(world):
    return [world.posterior(x) for x in range(EXAMPLES)]


def information(world):
    """I(x; z), ``def-information``."""
    return expect(world.prior, [kl(g, world.model) for g in world.decoder])


@proof
def wake_and_sleep() -> list[Identity]:
    """``eq-wake-elbo``, ``eq-wake-gradient``, ``eq-sleep-kl``, ``eq-sleep-joint`` and ``eq-wake-likelihood``.

    Three examples, two codes; any data, prior, decoder and encoder, any direction of the decoder. In the last the
    encoder is the posterior, frozen: the falsehood is another encoder.
    """
    world = any_world()
    prices = expect(world.d, [kl(q, world.prior) for q in world.encoder])
    after, truth = world.steps()[0], posteriors(world)
    miss = expect(world.model, [kl(p, q) for p, q in zip(truth, world.encoder, strict=True)])
    turned = expect(world.model, [kl(q, p) for p, q in zip(truth, world.encoder, strict=True)])
    left_over = -asleep(world, truth)
    of_model = [p for x in range(EXAMPLES) for p in world.joint(x)]
    of_data = [world.d[x] * a for x, q in enumerate(world.encoder) for a in q]
    pairs, marginals = kl(of_model, of_data), kl(world.model, world.d)
    likelihood = slope(expect(world.d, [log(a) for a in after.model]))
    by_truth = [expect(q, [log(g[x]) for g in after.decoder]) for x, q in enumerate(truth)]
    return [
        Identity("eq-wake-elbo", world.bound, wake(world) - prices, false=wake(world) + prices),
        Identity("eq-wake-gradient", slope(wake(after)), slope(after.bound), false=likelihood),
        Identity("eq-sleep-kl", -asleep(world, world.encoder), miss + left_over, false=turned + left_over),
        Identity("eq-sleep-joint", pairs, miss + marginals, false=turned + marginals),
        Identity("eq-wake-likelihood", likelihood, slope(expect(world.d, by_truth)), false=slope(wake(after))),
    ]


@proof
def information_of_a_label() -> list[Identity]:
    """``eq-information``: I(x; y) is the JSD. ``eq-discriminator-bound``: what a discriminator achieves bounds it.

    Three atoms; any two conditionals, p(y), and answers between 0 and 1.
    """
    g, d, weight, D = distribution("g", 3), distribution("d", 3), Symbol("w", positive=True), numbers("D", 3)
    m = mixture(g, d, weight)
    truth = [weight * b / c for b, c in zip(d, m, strict=True)]  # p(y=1|x)

    def achieved(answers):
        """E over p(y) p(x|y) of the logarithm of the answer."""
        of_made, of_real = expect(g, [log(1 - a) for a in answers]), expect(d, [log(a) for a in answers])
        return (1 - weight) * of_made + weight * of_real

    of_label, jsd = entropy([weight, 1 - weight]), js(g, d, weight)
    gap = expect(m, [kl([a, 1 - a], [b, 1 - b]) for a, b in zip(truth, D, strict=True)])
    bound = of_label + achieved(D)
    return [
        Identity("eq-information", of_label + achieved(truth), jsd, false=js(g, d)),
        Identity("eq-discriminator-bound", jsd, bound + gap, false=bound - gap),
    ]


@proof
def added_term_bounds_the_information() -> list[Identity]:
    """``eq-mi-bound``: what InfoGAN's term leaves to the information is a KL. ``eq-mi-slope``: at the best guesser.

    Three examples, two codes; any prior, decoder, guesser and direction. The falsehood of the slope is any other
    guesser. The inequality is ``lem-gibbs``.
    """
    world = any_world()
    truth, after = posteriors(world), world.steps()[0]
    gap = expect(world.model, [kl(p, q) for p, q in zip(truth, world.encoder, strict=True)])
    turned = expect(world.model, [kl(q, p) for p, q in zip(truth, world.encoder, strict=True)])
    bound = entropy(world.prior) + asleep(world, world.encoder)
    return [
        Identity("eq-mi-bound, lem-mi-bound", information(world), bound + gap, false=bound + turned),
        Identity(
            "eq-mi-slope, lem-mi-bound",
            slope(information(after)),
            slope(asleep(after, truth)),
            false=slope(asleep(after, world.encoder)),
        ),
    ]


class InfoganStep:
    """``def-infogan-loss`` and ``def-code-posterior``, with frozen answers and guesses."""

    def __init__(self, start, D, guesses):
        self.D, self.guesses, self.d = D, guesses, start.d
        self.pile = mixture(start.model, start.d)
        self.likelihood = [[guesses[x][z] * D[x] for x in range(EXAMPLES)] for z in range(CODES)]
        self.Z = [expect(row, self.pile) for row in self.likelihood]
        self.posteriors = [
            [a * m / Z for a, m in zip(row, self.pile, strict=True)]
            for row, Z in zip(self.likelihood, self.Z, strict=True)
        ]

    def loss(self, world):
        """J, halved."""
        rows = [expect(g, [-log(a) for a in row]) for g, row in zip(world.decoder, self.likelihood, strict=True)]
        return HALF * expect(world.prior, rows)

    def pull(self, world):
        """E KL(p(x|z) || q^r(x|z, 0))."""
        return expect(world.prior, [kl(g, q) for g, q in zip(world.decoder, self.posteriors, strict=True)])


@proof
def step_of_infogan() -> list[Identity]:
    """``eq-infogan-exact``, its slope ``eq-infogan-step``, and the best helpers, ``eq-infogan-optimal``.

    Three examples, two codes; any data, prior, decoders at theta_0 and at theta, answers between 0 and 1, guesser and
    direction. The falsehoods of the first two lack the information.
    """
    start, D = any_world(), numbers("D", EXAMPLES)
    elsewhere = any_world(theta="h")
    step, after = InfoganStep(start, D, start.encoder), start.steps()[0]
    jsd = js(elsewhere.model, start.d)
    remainder = kl(mixture(elsewhere.model, start.d), step.pile)
    constant = HALF * kl(start.d, step.pile) - HALF * expect(start.prior, [log(Z) for Z in step.Z])
    without = HALF * step.pull(elsewhere) - jsd - remainder + constant
    first_order = slope(HALF * step.pull(after) - js(after.model, start.d))
    helped = InfoganStep(start, optimal(start.d, start.model), posteriors(start))
    goal = slope(2 * kl(mixture(after.model, start.d), start.d))
    of_information = slope(information(after))
    return [
        Identity(
            "eq-infogan-exact, lem-infogan-step",
            step.loss(elsewhere),
            without - HALF * information(elsewhere),
            false=without,
        ),
        Identity(
            "eq-infogan-step, lem-infogan-step",
            slope(step.loss(after)),
            first_order - HALF * of_information,
            false=first_order,
        ),
        Identity(
            "eq-infogan-optimal, cor-infogan-optimal",
            slope(2 * helped.loss(after)),
            goal - of_information,
            false=goal + of_information,
        ),
    ]
