"""Chapters 08 and 16: the adversary-activated VAE, and when its gradient is half of the VAE's."""

from .adversary import EXAMPLES, PERFECT, any_world, first_line
from .finite import HALF, Identity, distribution, entropy, expect, kl, numbers, proof, slope
from .games import optimal

__all__ = ["activated_gradient", "best_adversary_changes_nothing", "effective_data", "four_discriminators"]


def activated(world, of_real, of_made):
    """F_D of ``eq-aavae``."""
    by_data = expect(world.d, [-a * bound for a, bound in zip(of_real, world.bounds, strict=True)])
    by_made = expect(world.made, [-a * bound for a, bound in zip(of_made, world.bounds, strict=True)])
    return HALF * by_data + HALF * by_made


@proof
def activated_gradient() -> list[Identity]:
    """``eq-activated``, and ``eq-aavae`` with the sign turned: an example counts with the weight D(x).

    Three examples, two codes; any tables, any answers D(x) between 0 and 1, both gradients. Generated examples and
    answers are frozen.
    """
    world, D = any_world(), numbers("D", EXAMPLES)
    found = []
    for after in world.steps():
        weighted = [HALF * a * slope(bound) for a, bound in zip(D, after.bounds, strict=True)]
        turned = [HALF * (1 - a) * slope(bound) for a, bound in zip(D, after.bounds, strict=True)]
        ours = slope(first_line(after, D, D))
        right = expect(world.d, weighted) + expect(world.made, weighted)
        found.append(Identity("eq-activated", ours, right, false=expect(world.d, turned) + expect(world.made, turned)))
        descended = slope(activated(after, D, D))
        found.append(Identity("eq-aavae", descended, -ours, false=ours))
    return found


@proof
def best_adversary_changes_nothing() -> list[Identity]:
    """``eq-activated-optimal``: with D* the gradient is half of the VAE's, in theta and in eta.

    Three examples, two codes, all tables free. The perfect discriminator, which knows the source, has the same
    gradient. A falsehood: the two densities in D* exchanged.
    """
    world = any_world()
    best, swapped = optimal(world.d, world.made), optimal(world.made, world.d)
    found = []
    for after in world.steps():
        ours, theirs = slope(first_line(after, best, best)), slope(after.bound)
        wrong = slope(first_line(after, swapped, swapped))
        by_perfect = slope(first_line(after, *PERFECT))
        found.append(Identity("eq-activated-optimal, lem-activated-optimal", HALF * theirs, ours, false=wrong))
        found.append(Identity("eq-activated-optimal, lem-activated-optimal", ours, by_perfect, false=theirs))
    return found


@proof
def four_discriminators() -> list[Identity]:
    """``eq-four-discriminators``: F_D of the perfect, optimal and blind one, and the data r of any.

    Four examples with any free energies F(x); any d, any law of the generated examples, any D.
    """
    d, made, F, D = distribution("d", 4), distribution("s", 4), numbers("F", 4), numbers("D", 4)

    def objective(of_real, of_made):
        by_data = expect(d, [a * f for a, f in zip(of_real, F, strict=True)])
        return HALF * by_data + HALF * expect(made, [a * f for a, f in zip(of_made, F, strict=True)])

    on_data, on_made, best = expect(d, F), expect(made, F), optimal(d, made)
    perfect, optimum = objective([1] * 4, [0] * 4), objective(best, best)
    blind = objective([HALF] * 4, [HALF] * 4)
    found = [
        Identity("eq-four-discriminators", perfect, HALF * on_data, false=on_data),
        Identity("eq-four-discriminators", optimum, HALF * on_data, false=HALF * on_made),
        Identity("eq-four-discriminators", blind, (on_data + on_made) / 4, false=(on_data + on_made) / 2),
    ]
    c = expect(d, D) + expect(made, D)
    for a, b, answer in zip(d, made, D, strict=True):
        believed, r = b * answer / (1 - answer), answer * (a + b) / c
        right = believed * (a + b) / (believed + b) / c
        found.append(Identity("eq-four-discriminators", r, right, false=believed * (a + b) / (believed + a) / c))
    return found


@proof
def effective_data() -> list[Identity]:
    """``eq-effective-data`` and ``eq-effective-direction``: a step of the AAVAE is that of a VAE whose data are r.

    Three examples, two codes, all tables free, any answers D(x). The inequality is ``lem-gibbs``.
    """
    world, D = any_world(), numbers("D", EXAMPLES)
    total = activated(world, D, D)
    c = expect(world.d, D) + expect(world.made, D)
    r = [a * (b + m) / c for a, b, m in zip(D, world.d, world.made, strict=True)]
    energy = -expect(r, world.bounds)
    of_data = [r[x] * a for x, q in enumerate(world.encoder) for a in q]
    of_model = [p for x in range(EXAMPLES) for p in world.joint(x)]
    gap = expect(r, world.gaps)
    return [
        Identity("eq-effective-data", total, c / 2 * energy, false=c * energy),
        Identity(
            "eq-effective-direction",
            2 / c * total,
            kl(of_data, of_model) + entropy(r),
            false=kl(of_model, of_data) + entropy(r),
        ),
        Identity(
            "eq-effective-direction",
            2 / c * total,
            kl(r, world.model) + gap + entropy(r),
            false=kl(world.model, r) + gap + entropy(r),
        ),
    ]
