"""Chapter 20: what is algebra of the path, in symbols: four names, one step back, the weights of the linear path."""

from sympy import Expr, Integer, Symbol, symbols

from .finite import HALF, Identity, proof

__all__ = ["four_names", "one_step_back", "weights_of_times"]

ALPHA, SIGMA = symbols("alpha sigma", positive=True)
D_ALPHA, D_SIGMA = symbols("d_alpha d_sigma", real=True)
RATE = 2 * SIGMA * (D_SIGMA - SIGMA * D_ALPHA / ALPHA)  # ``def-rate``


@proof
def four_names() -> list[Identity]:
    """``eq-four-names``, ``eq-four-errors``, ``eq-velocity``, ``eq-handed-back``: any path, example, noise and guess.

    ``eq-velocity`` is proved from ``eq-tweedie``.
    """
    x, guess, noise, score, noised = symbols("x guess noise score noised", real=True)
    at = ALPHA * x + SIGMA * noise
    noise_of = lambda x: (at - ALPHA * x) / SIGMA
    velocity_of = lambda x: D_ALPHA * x + D_SIGMA * noise_of(x)
    snr = ALPHA**2 / SIGMA**2
    factor = ALPHA * RATE / (2 * SIGMA**2)
    clean = (noised + SIGMA**2 * score) / ALPHA
    velocity = D_ALPHA * clean + D_SIGMA * (noised - ALPHA * clean) / SIGMA
    by_score = D_ALPHA / ALPHA * noised - RATE / 2 * score
    share, rest = symbols("share rest", real=True)
    told = share * noised / SIGMA + rest
    flow = D_ALPHA * (noised - SIGMA * told) / ALPHA + D_SIGMA * told
    rate = share * D_SIGMA / SIGMA + (1 - share) * D_ALPHA / ALPHA  # of log(sigma^share alpha^(1 - share))
    return [
        Identity("eq-four-names", noise_of(x), noise, false=-noise),
        Identity("eq-four-names", velocity_of(x), D_ALPHA * x + D_SIGMA * noise, false=D_ALPHA * x),
        Identity(
            "eq-four-errors",
            (noise - noise_of(guess)) ** 2,
            snr * (x - guess) ** 2,
            false=(x - guess) ** 2 / snr,
        ),
        Identity(
            "eq-four-errors",
            (velocity_of(x) - velocity_of(guess)) ** 2,
            factor**2 * (x - guess) ** 2,
            false=factor * (x - guess) ** 2,
        ),
        Identity("eq-velocity", velocity, by_score, false=by_score - RATE / 2 * score),
        Identity("eq-handed-back", flow.diff(noised), rate, false=rate.subs(share, 1 - share)),
    ]


@proof
def one_step_back() -> list[Identity]:
    """``eq-step`` and ``eq-step-kl``: Bayes' rule for two Gaussians, any path, any example and guess.

    The log density of x_s given x_t and x is a quadratic function; its two sides have one slope and one curvature.
    """
    early, late, noisy = symbols("alpha_s alpha_t sigma_s", positive=True)
    added = Symbol("added", positive=True)  # what ``eq-added-noise`` adds, so that sigma_t is not free
    x, guess, at, here = symbols("x guess at here", real=True)
    ratio = late / early
    total: Expr = added + ratio**2 * noisy**2
    mean = ratio * noisy**2 / total * at + early * added / total * x
    variance = added * noisy**2 / total
    log_bayes = -((here - early * x) ** 2) / (2 * noisy**2) - (at - ratio * here) ** 2 / (2 * added)
    log_step = -((here - mean) ** 2) / (2 * variance)
    price = (mean - mean.subs(x, guess)) ** 2 / (2 * variance)
    gap = early**2 / noisy**2 - late**2 / total
    return [
        Identity("eq-step", log_bayes.diff(here), log_step.diff(here), false=-log_step.diff(here)),
        Identity("eq-step-kl", price, HALF * gap * (x - guess) ** 2, false=gap * (x - guess) ** 2),
    ]


@proof
def weights_of_times() -> list[Identity]:
    """``eq-weights``: the linear path, all times."""
    t = Symbol("t", positive=True)
    on_the_line = {ALPHA: 1 - t, SIGMA: t, D_ALPHA: Integer(-1), D_SIGMA: Integer(1)}
    snr = (1 - t) ** 2 / t**2
    velocity = ((ALPHA * RATE / (2 * SIGMA**2)) ** 2).subs(on_the_line)
    return [
        Identity("eq-weights", -HALF * snr.diff(t), (1 - t) / t**3, false=(1 - t) / t**2),
        Identity("eq-weights", velocity, 1 / t**2, false=1 / t),
    ]
