"""Exercises of chapter 18."""

import math

import numpy as np
import torch
from scipy import stats

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import entropy

CHAPTER = Chapter(
    18,
    {
        "reading": "Compute from means and deviations whether a difference is shown, and what a control says of it.",
        "planning": "Compute how many runs a comparison needs, what a few can see, and what early looks cost.",
        "pairs": "Compute when pairs of equal seeds pay, and how often single runs mislead.",
        "rows": "Build a test of many rows at once that keeps its promise.",
        "scores": "Compute what a classifier score and a bound with a told label measure, and what they do not see.",
    },
)


def exact(values):
    return torch.tensor(values, dtype=torch.float64)


def by_welch(a, sd_a, b, sd_b, n):
    one, two = sd_a**2 / n, sd_b**2 / n
    return (b - a) / math.sqrt(one + two), (n - 1) * (one + two) ** 2 / (one**2 + two**2)


def tails(critical, degrees, shift):
    """P(|T| > critical) of a noncentral t; the cdf of scipy 1.17 is NaN far on the left, the sf on the right is not."""
    return float(stats.nct.sf(critical, degrees, shift) + stats.nct.sf(critical, degrees, -shift))


def unpaired(a, sd_a, b, sd_b, n, level=0.975):
    """The probability that Welch's interval excludes zero, by a noncentral t."""
    shift, degrees = by_welch(a, sd_a, b, sd_b, n)
    critical = stats.t.ppf(level, degrees)
    return tails(critical, degrees, shift)


def paired(effect, n, level=0.975):
    """The probability that the interval of n differences excludes zero."""
    critical, shift = stats.t.ppf(level, n - 1), effect * math.sqrt(n)
    return tails(critical, n - 1, shift)


def least(fits, low, high):
    """The least number between two from which on something holds, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


@CHAPTER.exercise(
    "welch",
    "What two printed numbers say",
    kind="derive",
    difficulty=1,
    minutes=20,
    points=3,
    goal="reading",
    defines={
        "welch": "a function (mean_a, sd_a, mean_b, sd_b, n) that returns t and the degrees of freedom, [2]",
        "p": "the two-sided p-value for the given numbers",
        "worst": "the least t that the rounding of the given numbers leaves possible",
    },
    given=lambda draw: (
        dict(
            mean_a=(low := draw.real(5, 9)),
            sd_a=draw.real(0.02, 0.06),
            mean_b=round(low + draw.real(0.03, 0.12), 2),
            sd_b=draw.real(0.02, 0.06),
            n=draw.randint(4, 9),
            unit=0.01,
        )
        if draw.variant
        else dict(mean_a=8.34, sd_a=0.03, mean_b=8.45, sd_b=0.04, n=5, unit=0.01)
    ),
)
def welch(answers, mean_a, sd_a, mean_b, sd_b, n, unit):
    a, s, b, r, m = 2.0, 0.3, 1.4, 0.7, 6
    t, nu = by_welch(a, s, b, r, m)
    answers.close(
        "welch",
        [t, nu],
        {
            "the variant's mean comes first: t is positive if b is larger": [-t, nu],
            "a mean of n runs varies less than one run": [t / math.sqrt(m), nu],
            "variances add, not deviations": [(b - a) / ((s + r) / math.sqrt(m)), nu],
            "these degrees of freedom belong to equal variances": [t, 2 * m - 2],
            "these degrees of freedom belong to pairs": [t, m - 1],
            "the degrees of freedom lack the factor n - 1": [t, nu / (m - 1)],
        },
        at=(a, s, b, r, m),
        tolerance=1e-5,
    )
    t, nu = by_welch(mean_a, sd_a, mean_b, sd_b, n)
    answers.close(
        "p",
        2 * stats.t.sf(abs(t), nu),
        {
            "this is one-sided": stats.t.sf(abs(t), nu),
            "with few runs t is a Student's t, not a normal number": 2 * stats.norm.sf(abs(t)),
            "this is the probability of a smaller t": 1 - 2 * stats.t.sf(abs(t), nu),
        },
        tolerance=1e-3,
    )
    half = unit / 2
    answers.close(
        "worst",
        by_welch(mean_a + half, sd_a + half, mean_b - half, sd_b + half, n)[0],
        {
            "a printed number is off by half a unit at most": by_welch(
                mean_a + unit, sd_a + unit, mean_b - unit, sd_b + unit, n
            )[0],
            "the deviations are rounded, too": by_welch(mean_a + half, sd_a, mean_b - half, sd_b, n)[0],
            "a larger deviation makes t smaller": by_welch(mean_a + half, sd_a - half, mean_b - half, sd_b - half, n)[
                0
            ],
            "this is the largest t": by_welch(mean_a - half, sd_a - half, mean_b + half, sd_b - half, n)[0],
        },
    )


@CHAPTER.exercise(
    "control",
    "Who has earned the gain?",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="reading",
    defines={
        "self_training": "'gains', 'costs' or 'not shown'",
        "discriminator": "'gains', 'costs' or 'not shown'",
        "total": "the mean of variant minus base, a number",
    },
    given=lambda draw: (
        {
            "blind_base": [draw.choice([-1, 1]) * draw.real(0.5, 3), draw.choice([0.3, 3.2])],
            "blind_variant": [draw.choice([-1, 1]) * draw.real(0.5, 1.5), draw.choice([0.2, 0.4, 1.8])],
        }
        if draw.variant
        else {"blind_base": [2.1, 0.5], "blind_variant": [0.7, 0.3]}
    ),
)
def control(answers, blind_base, blind_variant):
    def verdict(mean, half):
        return "not shown" if abs(mean) <= half else "gains" if mean > 0 else "costs"

    words = ("gains", "costs", "not shown")
    mean, half = blind_base
    right = verdict(mean, half)
    hint = "the interval of blind minus base is mean ± half-width; see whether zero is in it, and on which side it lies"
    answers.say("self_training", right, words, dict.fromkeys(words, hint))
    mean, half = blind_variant
    right, turned = verdict(-mean, half), verdict(mean, half)
    hints = dict.fromkeys(words, "see whether zero is in the interval of blind minus variant")
    if turned != right:
        hints[turned] = "mind the sign: this is blind minus variant, so a gain of the variant is a negative number"
    answers.say("discriminator", right, words, hints)
    answers.close(
        "total",
        blind_base[0] - blind_variant[0],
        {
            "blind stands in both differences and must cancel": blind_base[0] + blind_variant[0],
            "the sign: variant minus base is asked for": blind_variant[0] - blind_base[0],
        },
    )


@CHAPTER.exercise(
    "pairs",
    "When pairs pay",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="pairs",
    defines={
        "ratio": "the mean squared half-width of pairs over that of independent runs, for the given rho and seeds",
        "threshold": "a function (n) that returns the correlation from which on pairs are narrower, a number",
    },
    given=lambda draw: {
        "rho": draw.real(-0.2, 0.8) if draw.variant else 0.4,
        "seeds": draw.randint(3, 15) if draw.variant else 8,
    },
)
def pairs(answers, rho, seeds):
    quantile = lambda degrees: float(stats.t.ppf(0.975, degrees))
    factor = lambda n: (quantile(n - 1) / quantile(2 * n - 2)) ** 2
    answers.close(
        "ratio",
        (1 - rho) * factor(seeds),
        {
            "pairs have fewer degrees of freedom, and a larger quantile": 1 - rho,
            "the quantiles are exchanged": (1 - rho) / factor(seeds),
            "squared half-widths are compared, so the quantiles are squared": (1 - rho) * math.sqrt(factor(seeds)),
            "the covariance is subtracted: a good seed for both cancels": (1 + rho) * factor(seeds),
            "the correlation is missing": factor(seeds),
        },
    )
    for n in (4, 5, 10, 20):
        right = 1 - 1 / factor(n)
        answers.close(
            "threshold",
            right,
            {
                "the squares of the half-widths are compared": 1 - 1 / math.sqrt(factor(n)),
                "the quantiles are exchanged": 1 - factor(n),
                "any correlation above zero would do if pairs cost no degrees of freedom": 0.0,
                "this is 1 - rho": 1 / factor(n),
            },
            at=(n,),
            tolerance=2e-3,
        )


@CHAPTER.exercise(
    "power",
    "What a few seeds can see",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="planning",
    defines={
        "power": "a function (effect, n) that returns the probability that the interval excludes zero, a number",
        "visible": "the least effect size that so many seeds show with the probability wanted, a number",
    },
    given=lambda draw: {
        "seeds": draw.randint(4, 16) if draw.variant else 6,
        "wanted": draw.choice([0.7, 0.75, 0.85, 0.9]) if draw.variant else 0.8,
    },
)
def power(answers, seeds, wanted):
    for effect, n in ((0.9, 4), (0.4, 12), (0.0, 7)):
        right = paired(effect, n)
        answers.close(
            "power",
            right,
            {
                "without an effect there are false alarms on both sides": 0.025,
                "this is a one-sided test": paired(effect, n, level=0.95),
                "the deviation is estimated from the differences: that takes a Student's t": float(
                    stats.norm.sf(stats.norm.ppf(0.975) - effect * math.sqrt(n))
                ),
                "the noncentrality is the effect times the root of n": paired(effect / math.sqrt(n), n),
                "this is the probability to miss it": 1 - right,
            },
            at=(effect, n),
            tolerance=0.05 if effect else 0.15,  # a simulation of 20,000 studies is well within
        )
    right = least(lambda effect: paired(effect, seeds) >= wanted, 0.0, 20.0)
    root = math.sqrt(seeds)
    answers.close(
        "visible",
        right,
        {
            "at this effect the interval excludes zero in half of the studies": stats.t.ppf(0.975, seeds - 1) / root,
            "with few seeds a normal quantile is not enough": (stats.norm.ppf(0.975) + stats.norm.ppf(wanted)) / root,
            "this is the noncentrality; the effect is smaller by the root of the number of seeds": right * root,
        },
        tolerance=0.01,
    )


@CHAPTER.exercise(
    "runs",
    "How many runs would have been enough?",
    kind="derive",
    difficulty=3,
    minutes=35,
    points=5,
    goal="planning",
    defines={
        "power": "a function (mean_a, sd_a, mean_b, sd_b, n) that returns the probability to see the difference",
        "needed": "the least number of runs of each model that sees the given difference with 80 %",
    },
    given=lambda draw: (
        dict(
            mean_a=(low := draw.real(0.7, 0.95, 3)),
            sd_a=(spread := draw.real(0.002, 0.006, 4)),
            mean_b=round(low + draw.real(0.65, 1.5) * spread, 4),
            sd_b=round(spread * draw.real(0.8, 1.25), 4),
        )
        if draw.variant
        else dict(mean_a=0.985, sd_a=0.002, mean_b=0.987, sd_b=0.002)
    ),
)
def runs(answers, mean_a, sd_a, mean_b, sd_b):
    for n in (10, 16):  # where the noncentral t and a simulation agree: with 6 runs they differ by a hundredth
        case = (1.0, 0.5, 1.6, 0.7, n)
        shift, degrees = by_welch(*case)
        answers.close(
            "power",
            unpaired(*case),
            {
                "this is a one-sided test": unpaired(*case, level=0.95),
                "this is the power of pairs, with n - 1 degrees of freedom": paired(shift / math.sqrt(n), n),
                "this is the probability to miss it": 1 - unpaired(*case),
                "the mean of n runs varies less than one run": unpaired(1.0, 0.5, 1 + 0.6 / math.sqrt(n), 0.7, n),
            },
            at=case,
            tolerance=0.04,
        )
    reaches = lambda wanted: next(n for n in range(2, 1000) if unpaired(mean_a, sd_a, mean_b, sd_b, n) > wanted)
    right, even = reaches(0.8), reaches(0.5)
    got = answers.number("needed")
    if abs(got - right) > max(1, 0.05 * right):
        if abs(got - 2 * right) <= max(1, 0.05 * right):
            raise Wrong("needed: the runs of each model are asked for, not those of both.")
        if abs(got - even) <= 1:
            raise Wrong(
                "needed: with so many runs the expected t is the critical one, and half of the studies miss it."
            )
        raise Wrong(
            f"needed: with {got:.4g} runs of each the probability is {'below' if got < right else 'above'} 80 %."
        )


@CHAPTER.exercise(
    "peeking",
    "Until it works",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="planning",
    defines={
        "until": "the share of studies in which an effect is 'shown' at some look, a number",
        "one_look": "the share with a single look at the last number of seeds, a number",
        "cure": "'fewer seeds', 'a fixed number' or 'stop when it works'",
    },
    given=lambda draw: {
        "first": draw.randint(3, 6) if draw.variant else 3,
        "last": draw.randint(18, 40) if draw.variant else 30,
    },
)
def peeking(answers, first, last):
    answers.close(
        "one_look",
        0.05,
        {"zero may be missed on both sides": 0.025, "this is the level of the interval": 0.95},
        tolerance=0.15,  # a simulation of 20,000 studies is well within
    )
    delta = np.random.default_rng(0).normal(size=(40_000, last))
    counts = np.arange(first, last + 1)
    total, squares = delta.cumsum(1)[:, counts - 1], (delta**2).cumsum(1)[:, counts - 1]
    deviation = np.sqrt((squares - total**2 / counts) / (counts - 1))
    half = stats.t.ppf(0.975, counts - 1) * deviation / np.sqrt(counts)
    right = float((np.abs(total / counts) > half).any(1).mean())
    answers.close(
        "until",
        right,
        {
            "every look is another chance to be wrong": 0.05,
            "the looks are not independent: each has the seeds of the one before": 1 - 0.95 ** len(counts),
            "the chances of the looks overlap; they do not add": min(1.0, 0.05 * len(counts)),
        },
        tolerance=0.06,
    )
    answers.say(
        "cure",
        "a fixed number",
        ("fewer seeds", "a fixed number", "stop when it works"),
        {
            "fewer seeds": "with fewer seeds there are fewer looks, but each of them still adds its chance",
            "stop when it works": "this is how the false alarms came about",
        },
    )


@CHAPTER.exercise(
    "single",
    "One seed each",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="pairs",
    defines={
        "misled": "a function (a [n], b [n]) that returns the share of pairs of runs that rank against the means",
        "chance": "the probability that two single runs rank the models the wrong way round, for the given gap",
    },
    given=lambda draw: {"gap": draw.real(0.3, 2.0) if draw.variant else 1.0},
)
def single(answers, gap):
    draws = torch.Generator().manual_seed(5)
    for sign in (1, -1):
        a = torch.randn(6, generator=draws).double()
        b = 0.7 * a + torch.randn(6, generator=draws).double()
        b = b - b.mean() + a.mean() + 0.45 * sign
        won = sign * (b[None] - a[:, None])
        others = won[~torch.eye(6, dtype=torch.bool)]
        wrong = (others < 0).double().mean()
        answers.close(
            "misled",
            wrong,
            {
                "these are pairs of equal seeds; the runs have different seeds": (won.diagonal() < 0).double().mean(),
                "pairs of the same seed are to be left out": (won < 0).double().mean(),
                "these pairs rank as the means do": 1 - wrong,
                "the variant is not always ahead: compare with the sign of the mean difference": (
                    (sign * others < 0).double().mean()
                ),
            },
            at=(a, b),
        )
    answers.close(
        "chance",
        stats.norm.cdf(-gap / math.sqrt(2)),
        {
            "both runs vary: the variances add": stats.norm.cdf(-gap),
            "a difference has the variance 2, and the deviation is its root": stats.norm.cdf(-gap / 2),
            "this is the probability of the right order": stats.norm.cdf(gap / math.sqrt(2)),
        },
        tolerance=5e-3,
    )


@CHAPTER.exercise(
    "holm",
    "A table with many rows",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="rows",
    defines={
        "holm": "a function (p [m], alpha) that returns which rows are shown, [m] of True and False",
        "some": "the probability that some of the rows shows a difference by itself although nothing has an effect",
        "level": "the alpha of each row that would bring this probability down to 0.05",
    },
    given=lambda draw: {"rows": draw.randint(5, 40) if draw.variant else 24},
)
def holm(answers, rows):
    cases = (
        ([0.015, 0.5, 0.03, 0.04], 0.05),
        ([0.3, 0.0101, 0.6, 0.035], 0.04),
        ([0.03, 0.004, 0.3, 0.011, 0.02], 0.05),
        ([0.011, 0.9, 0.016, 0.024], 0.05),
        ([0.03, 0.013, 0.001, 0.2, 0.016], 0.05),
        ([0.2, 0.01, 0.012, 0.5, 0.04, 0.001], 0.1),
    )
    for p, alpha in cases:
        m = len(p)
        order = sorted(range(m), key=p.__getitem__)
        small = [p[row] <= alpha / (m - place) for place, row in enumerate(order)]
        lenient = [p[row] <= alpha / max(m - place - 1, 1) for place, row in enumerate(order)]
        sidak = [p[row] <= 1 - (1 - alpha) ** (1 / (m - place)) for place, row in enumerate(order)]
        first = lambda fits, m=m: fits.index(False) if False in fits else m
        stop = first(small)
        last = max((place for place in range(m) if small[place]), default=-1)
        marked = lambda chosen, m=m: torch.tensor([float(row in chosen) for row in range(m)])
        answers.close(
            "holm",
            marked(order[:stop]),
            {
                "this compares each p-value with alpha, whatever the number of rows": marked(
                    [row for row in order if p[row] <= alpha]
                ),
                "this level is for independent rows; Holm's, alpha over the rows left, needs no such thing": marked(
                    order[: first(sidak)]
                ),
                "at the smallest p-value no row is out yet; mind the + 1": marked(order[: first(lenient)]),
                "this is the same level alpha/m for all; the level grows as rows are shown": marked(
                    [row for row in order if p[row] <= alpha / m]
                ),
                "it does not stop at the first that is too large": marked(
                    [row for place, row in enumerate(order) if small[place]]
                ),
                "it goes from the largest p-value down, which is another test": marked(order[: last + 1]),
                "the answers are in the order of the p-values; give them in the order of the rows": marked(range(stop)),
            },
            at=(exact(p), alpha),
        )
    some = 1 - 0.95**rows
    answers.close(
        "some",
        some,
        {
            "this is the average number of rows; chances overlap": 0.05 * rows,
            "this is the probability that no row shows one": 1 - some,
            "this is a single row's": 0.05,
        },
    )
    right = 1 - 0.95 ** (1 / rows)
    answers.close(
        "level",
        right,
        {
            "this is a bound for any dependence; for independent rows an equation can be solved": 0.05 / rows,
            "this is 1 - alpha": 1 - right,
        },
        tolerance=2e-3,
    )


@CHAPTER.exercise(
    "dropped",
    "What a dropped class costs",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=3,
    goal="scores",
    defines={
        "dropped": "the score of a generator that never makes so many classes, a number",
        "rare": "the score if none is missing, and one class is half as frequent as each other, a number",
        "score": "a function (q [n, C]) that returns the classifier score of any answers, a number",
        "within": "'rises', 'falls' or 'stays'",
    },
    given=lambda draw: {
        "classes": draw.randint(5, 20) if draw.variant else 10,
        "missing": draw.randint(1, 4) if draw.variant else 3,
    },
)
def dropped(answers, classes, missing):
    answers.close(
        "dropped",
        classes - missing,
        {
            "the score is the exponential of the entropy": math.log(classes - missing),
            "a class that is never made does not count": classes,
        },
    )
    frequencies = torch.tensor([1.0] + [2.0] * (classes - 1)).double()
    frequencies /= frequencies.sum()
    right = float(entropy(frequencies).exp())
    answers.close(
        "rare",
        right,
        {
            "a rare class does not count half: take the entropy": classes - 0.5,
            "the score is the exponential of the entropy": math.log(right),
            "each other class is twice as frequent, and all sum to one": float(
                entropy(torch.tensor([0.5 / classes] + [1 / classes] * (classes - 1)).double()).exp()
            ),
            "the frequencies are not uniform": float(classes),
        },
        tolerance=2e-5,
    )
    q = (2 * torch.randn(9, 5, generator=torch.Generator().manual_seed(7)).double()).softmax(1)
    q[4] = torch.tensor([0.0, 0, 1, 0, 0])
    whole, each = entropy(q.mean(0)), entropy(q).mean()
    answers.close(
        "score",
        (whole - each).exp(),
        {
            "this is its logarithm": whole - each,
            "the entropy of the answers is missing": whole.exp(),
            "the mean is taken before the exponential": (torch.special.xlogy(q, q) - torch.special.xlogy(q, q.mean(0)))
            .sum(1)
            .exp()
            .mean(),
            "the sign of the exponent: no score is below 1": 1 / (whole - each).exp(),
        },
        at=(q,),
    )
    answers.say(
        "within",
        "stays",
        ("rises", "falls", "stays"),
        dict.fromkeys(("rises", "falls"), "the score sees the classifier's answers, and they are what they were"),
    )


@CHAPTER.exercise(
    "told",
    "Bounds of different things",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="scores",
    defines={
        "worth": "a function (joint [C, n]) that returns by how much telling the label lifts the best score, a number",
        "most": "the most that it can be, if the classes have the given frequencies, a number",
        "alone": "'yes' or 'no'",
    },
    given=lambda draw: (
        {"frequencies": draw.simplex(4), "gain": draw.choice([draw.real(0.1, 0.9), draw.real(1.5, 3.0)])}
        if draw.variant
        else {"frequencies": [0.4, 0.3, 0.2, 0.1], "gain": 1.86}
    ),
)
def told(answers, frequencies, gain):
    joint = torch.randn(12, generator=torch.Generator().manual_seed(9)).double().mul(1.5).softmax(0).view(3, 4)
    joint[1, 2] = 0.0  # a picture that the class never shows
    joint /= joint.sum()
    plogp = lambda p: torch.special.xlogy(p, p).sum()
    rows, columns = joint.sum(1), joint.sum(0)
    right = plogp(joint) - plogp(rows) - plogp(columns)
    answers.close(
        "worth",
        right,
        {
            "the sign: a told label helps": -right,
            "this is the score with the label told, not the difference": plogp(joint) - plogp(rows),
            "this is the entropy of the label, which is the most it can be": -plogp(rows),
            "this is what the picture leaves open of the label": -plogp(joint) + plogp(columns),
            "log d(x, t) is not log d(x | t)": plogp(joint) - plogp(columns),
            "in nats, not in bits": right / math.log(2),
        },
        at=(joint,),
    )
    classes = exact(frequencies)
    ceiling = float(entropy(classes))
    answers.close(
        "most",
        ceiling,
        {
            "this is for equally frequent classes": math.log(len(frequencies)),
            "in nats, not in bits": ceiling / math.log(2),
            "the sign: an entropy is not negative": -ceiling,
        },
    )
    right, other = ("yes", "no") if gain <= ceiling else ("no", "yes")
    answers.say("alone", right, ("yes", "no"), {other: "compare the gain with what a label can be worth"})
