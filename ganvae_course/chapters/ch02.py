"""Exercises of chapter 02."""

import math
from functools import cache

import torch

from ganvae_lib import exact

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import tensor

CHAPTER = Chapter(
    2,
    {
        "forward": "Compute what forward KL fits: the moments, or the median of another family.",
        "reverse": "Compute what reverse KL fits, and the bounded price at which it leaves a mode out.",
        "family": "Derive the two prices of an f-divergence, and show whether and where it lets a mode go.",
        "estimate": "Build divergences and their estimates from samples, with an interval.",
    },
)

LINE = torch.linspace(-25, 25, 10_001, dtype=torch.float64)
STEP = LINE[1] - LINE[0]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_normal(x, mean, std):
    return -(((x - mean) / std) ** 2) / 2 - torch.as_tensor(std).log() - math.log(2 * math.pi) / 2


def log_mixture(x, weights, means, stds):
    parts = [math.log(w) + log_normal(x, m, s) for w, m, s in zip(weights, means, stds, strict=True)]
    return torch.stack(parts).logsumexp(0)


def given_three(draw):
    if not draw.variant:
        return {"weights": [0.2, 0.5, 0.3], "means": [-3.0, 0.0, 4.0], "stds": [0.5, 1.0, 0.8]}
    weights, means, mean = [], [], 0.0
    while abs(mean) < 0.4:  # at 0 its square would be nothing
        weights, means = draw.simplex(3, least=0.15), [draw.real(-4, -2), draw.real(-1, 1), draw.real(2, 5)]
        mean = sum(w * m for w, m in zip(weights, means, strict=True))
    return {"weights": weights, "means": means, "stds": draw.reals(3, 0.5, 1.5)}


@CHAPTER.exercise(
    "moments",
    "The Gaussian that covers",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="forward",
    defines={
        "mean": "the mean of the Gaussian that forward KL fits, a number",
        "std": "its standard deviation, a number",
        "share": "the share of its variance that comes from the distance between the modes, a number",
    },
    given=given_three,
)
def moments(answers, weights, means, stds):
    w, m, s = tensor(weights), tensor(means), tensor(stds)
    mean = w @ m
    within, between = w @ s**2, w @ (m - mean) ** 2
    answers.close(
        "mean",
        mean,
        {"the weights are missing": m.mean(), "this is where the heaviest mode is": m[w.argmax()]},
    )
    answers.close(
        "std",
        (within + between).sqrt(),
        {
            "this is the variance": within + between,
            "the spread of the modes about their common mean is missing": within.sqrt(),
            "the spread within the modes is missing": between.sqrt(),
            "you averaged standard deviations; variances add": w @ s,
            "the square of the mean is not taken off": (within + w @ m**2).sqrt(),
        },
    )
    answers.close(
        "share",
        between / (within + between),
        {
            "this is the share from within the modes": within / (within + between),
            "this is that part of the variance, not its share": between,
            "shares are shares of a variance, not of a standard deviation": (between / (within + between)).sqrt(),
        },
    )


def given_two(draw):
    if not draw.variant:
        return {"weights": [0.35, 0.65], "means": [-2.0, 2.5], "stds": [0.7, 1.0]}
    left = draw.real(0.3, 0.45)
    return {
        "weights": [left, round(1 - left, 2)],
        "means": [draw.real(-3, -1.5), draw.real(1.5, 3)],
        "stds": draw.reals(2, 0.6, 1.3),
    }


@CHAPTER.exercise(
    "laplace",
    "Another family, other moments",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="forward",
    defines={"mu": "the best location of the Laplace density, a number", "b": "its best scale, a number"},
    given=given_two,
)
def laplace(answers, weights, means, stds):
    d = log_mixture(LINE, weights, means, stds).exp() * STEP
    below = d.cumsum(0) - d / 2
    place = int((below < 0.5).sum())
    share = (0.5 - below[place - 1]) / (below[place] - below[place - 1])
    median = LINE[place - 1] + share * STEP
    mean, spread = (d * LINE).sum(), (d * (LINE - median).abs()).sum()
    std = (d * (LINE - mean) ** 2).sum().sqrt()
    answers.close(
        "mu",
        median,
        {
            "this is the mean, which a Gaussian would take": mean,
            "this is where the density is highest": LINE[d.argmax()],
            "this is the middle between the modes": sum(means) / 2,
        },
        tolerance=3e-3 / max(abs(float(median)), 1e-3),
    )
    answers.close(
        "b",
        spread,
        {
            "this is the standard deviation about the mean": std,
            "this matches the variance, which forward KL does for a Gaussian only": std / math.sqrt(2),
            "this is the distance from the mean, not from the best location": (d * (LINE - mean).abs()).sum(),
            "this is the square of it: a variance": (d * (LINE - median) ** 2).sum(),
            "the derivative in b of log 2b is one over b": spread / 2,
        },
        tolerance=3e-3,
    )


@CHAPTER.exercise(
    "curvature",
    "Curvature on average",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="reverse",
    defines={
        "reverse": "the variance of the Gaussian with mean 0 that reverse KL fits, a number",
        "forward": "the variance of the Gaussian that forward KL fits, a number",
    },
    given=lambda draw: {
        "a": draw.real(0.2, 1) if draw.variant else 0.5,
        "c": draw.real(0.2, 1) if draw.variant else 0.5,
    },
)
def curvature(answers, a, c):
    right = (-c + math.sqrt(c**2 + 12 * a)) / (6 * a)
    answers.close(
        "reverse",
        right,
        {
            "this is the curvature at the mode only; it must be averaged under the model": 1 / c,
            "this is a standard deviation": math.sqrt(right),
            "the curvature of the fourth power is missing a factor": (-c + math.sqrt(c**2 + 4 * a)) / (2 * a),
            "this is the precision": 1 / right,
        },
    )
    log_d = -a * LINE**4 / 4 - c * LINE**2 / 2
    d = (log_d - log_d.logsumexp(0)).exp()
    forward = float((d * LINE**2).sum())
    answers.close(
        "forward",
        forward,
        {
            "this is a standard deviation": math.sqrt(forward),
            "this is what reverse KL fits": right,
            "the density is not normalised": (log_d.exp() * LINE**2).sum() * STEP,
        },
        tolerance=1e-3,
    )


def given_weights(draw):
    weights = [0.15, 0.6, 0.25]
    while draw.variant and not (
        weights != [0.15, 0.6, 0.25] and 0.04 < max(weights) - sorted(weights)[1] and max(weights) != 0.5
    ):
        weights = draw.simplex(3, least=0.1)  # one is the heaviest, and its weight is not that of the others together
    return {"weights": weights}


@CHAPTER.exercise(
    "lost",
    "Which mode stays",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="reverse",
    defines={
        "kept": "the index of the mode that the best fit by reverse KL keeps, 0, 1 or 2",
        "reverse": "the reverse KL that it leaves, in nats, a number",
        "js": "the Jensen-Shannon divergence of the same model, in nats, a number",
        "forward": "what the forward KL of this model does as the modes move apart: 'grows', 'falls' or 'settles'",
    },
    given=given_weights,
)
def lost(answers, weights):
    best = max(weights)
    kept = answers.number("kept")
    if kept not in (0, 1, 2):
        raise Wrong("kept must be 0, 1 or 2.")
    if weights[int(kept)] != best:
        raise Wrong("kept: another mode costs reverse KL less; which weight makes the price small?")
    answers.close(
        "reverse",
        -math.log(best),
        {
            "the sign is wrong: a KL is never negative": math.log(best),
            "this is the price per data that are lost; reverse KL pays where the model is": -math.log(1 - best),
            "these are bits": -math.log2(best),
            "this is the mass that is lost": 1 - best,
        },
        tolerance=1e-3,
    )
    half = math.log(2) / 2
    middle = (best * math.log(best) - (1 + best) * math.log((1 + best) / 2)) / 2
    answers.close(
        "js",
        middle + (1 - best) * half,
        {
            "the halves of the definition are missing": 2 * middle + (1 - best) * 2 * half,
            "the missed data are not paid": middle,
            "only the missed data are paid": (1 - best) * half,
            "these are bits": (middle + (1 - best) * half) / math.log(2),
        },
        tolerance=1e-3,
    )
    answers.say(
        "forward",
        "grows",
        ["grows", "falls", "settles"],
        {
            "settles": "the price of missed data has no bound in forward KL",
            "falls": "the data that are missed become more surprising, not less",
        },
    )


def js(a, b, weight):
    m = weight * a + (1 - weight) * b
    return float(
        torch.where(a > 0, weight * a * (a / m).log(), 0).sum()
        + torch.where(b > 0, (1 - weight) * b * (b / m).log(), 0).sum()
    )


@CHAPTER.exercise(
    "js",
    "A Jensen-Shannon divergence that leans",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="estimate",
    defines={
        "js": "a function (a [n], b [n], weight) that returns the divergence in nats, a number",
        "most": "the largest value that it can have, for the given weight, a number",
    },
    given=lambda draw: {"weight": draw.real(0.1, 0.4) if draw.variant else 0.2},
)
def jensen_shannon(answers, weight):
    a, b = random(6).softmax(0), random(6, seed=1).softmax(0)
    m = 0.3 * a + 0.7 * b
    kl = lambda p, q: float((p * (p / q).log()).sum())
    right = js(a, b, 0.3)
    answers.close(
        "js",
        right,
        {
            "the weight belongs to a, you gave it to b": js(a, b, 0.7),
            "this is the divergence with two halves; the weight is missing": js(a, b, 0.5),
            "the middle stands first in your KLs; it must stand second": 0.3 * kl(m, a) + 0.7 * kl(m, b),
            "your middle has two halves; it must have the weights of the average": 0.3 * kl(a, (a + b) / 2)
            + 0.7 * kl(b, (a + b) / 2),
            "these are bits": right / math.log(2),
            "you add both KLs, but they are averaged": kl(a, m) + kl(b, m),
            "the sum over the n places became a mean": right / 6,
        },
        at=(a, b, 0.3),
    )
    a, b = tensor([0.5, 0.5, 0.0, 0.0]), tensor([0.0, 0.2, 0.0, 0.8])
    try:
        answers.close("js", js(a, b, 0.4), at=(a, b, 0.4))
    except Wrong as wrong:
        if "not finite" in str(wrong):
            raise Wrong("js: where a or b is 0 it is not finite; 0 log 0 counts as 0.") from None
        raise
    answers.close(
        "most",
        -weight * math.log(weight) - (1 - weight) * math.log(1 - weight),
        {
            "this is the largest value of the divergence with two halves": math.log(2),
            "the sign is wrong": weight * math.log(weight) + (1 - weight) * math.log(1 - weight),
            "this is one of its two parts": -weight * math.log(weight),
            "these are two prices that are not yet averaged": -math.log(weight) - math.log(1 - weight),
        },
    )


@CHAPTER.exercise(
    "hellinger",
    "The prices of Hellinger",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=3,
    goal="family",
    defines={
        "missed": "the price of missed data, a number",
        "invented": "the price of invented data, a number",
        "cost": "a function (w) that returns the cost of keeping only a mode of weight w, a number",
        "loses": "whether it can lose a mode, True or False",
    },
)
def hellinger(answers):
    answers.close(
        "missed", 1, {"f(u)/u has a limit, although f has none": 0, "each of its terms but one vanishes beside u": 2}
    )
    answers.close("invented", 1, {"f at 0 is not 0": 0})
    for w in (0.15, 0.4, 0.81):
        kept = (math.sqrt(w) - 1) ** 2
        answers.close(
            "cost",
            2 - 2 * math.sqrt(w),
            {
                "the missed data are not paid": kept,
                "only the missed data are paid": 1 - w,
                "the missed data have the weight 1 - w, not w": kept + w,
                "this is the root of it: Hellinger's distance, not its square": math.sqrt(2 - 2 * math.sqrt(w)),
            },
            at=(w,),
        )
    answers.say("loses", True, [True, False], {False: "its price of missed data is bounded"})


@CHAPTER.exercise(
    "power",
    "From one KL to the other",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=5,
    goal="family",
    defines={
        "missed": "a function (a) that returns the price of missed data for 0 < a < 1, a number",
        "invented": "a function (a) that returns the price of invented data for 0 < a < 1, a number",
        "cost": "a function (a, w) that returns the cost of keeping only a mode of weight w, a number",
        "lets_go": "for each given power, whether the price of missed data is bounded, a list of True and False",
    },
    given=lambda draw: {
        "powers": [-1, 0.5, 2]
        if not draw.variant
        else [draw.choice([-2, -1, -0.5]), draw.choice([1.5, 2, 3]), *draw.sample([0.25, 0.4, 0.75, -3, 5], 2)]
    },
)
def power(answers, powers):
    for a in (0.3, 0.8):
        answers.close(
            "missed",
            1 / (1 - a),
            {
                "this is the price of invented data": 1 / a,
                "the term with u - 1 counts too: f(u)/u does not go to 0": 0,
                "this is without the factor in front": a,
                "the sign is wrong: a price is positive": 1 / (a - 1),
            },
            at=(a,),
        )
        answers.close(
            "invented",
            1 / a,
            {
                "this is the price of missed data": 1 / (1 - a),
                "the term with u - 1 counts too at u = 0": 1 / (a * (1 - a)),
                "this is without the factor in front": 1 - a,
                "the sign is wrong: a price is positive": -1 / a,
            },
            at=(a,),
        )
        for w in (0.2, 0.7):
            right = (1 - w**a) / (a * (1 - a))
            answers.close(
                "cost",
                right,
                {
                    "the missed data are not paid": right - (1 - w) / (1 - a),
                    "the missed data have the weight 1 - w, not w": right + (2 * w - 1) / (1 - a),
                    "you paid the missed data at the price of invented ones": right - (1 - w) / (1 - a) + (1 - w) / a,
                },
                at=(a, w),
            )
    said = answers.read("lets_go")
    said = said.tolist() if isinstance(said, torch.Tensor) else said
    if not isinstance(said, list) or len(said) != len(powers) or any(one not in (True, False) for one in said):
        raise Wrong(f"lets_go must be a list of {len(powers)} times True or False, one for each of the powers.")
    for a, one in zip(powers, said, strict=True):
        if bool(one) != (a < 1):
            raise Wrong(f"lets_go: not {bool(one)} for the power {a}; what does f(u)/u do as u grows?")


@CHAPTER.exercise(
    "interval",
    "Both directions from one sample",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="estimate",
    defines={
        "forward": "a function (log_d [n], log_p [n]) that returns an estimate of KL(d||p) and its half width, [2]",
        "reverse": "a function (log_d [n], log_p [n]) that returns an estimate of KL(p||d) from the same samples",
        "needed": "the number of samples for a half width of 0.01, a number",
    },
    given=lambda draw: {
        "samples": draw.choice([200, 400, 500]) if draw.variant else 200,
        "half": draw.real(0.15, 0.5) if draw.variant else 0.25,
    },
)
def interval(answers, samples, half):
    x = random(400)
    log_d, log_p = log_normal(x, 0.0, 1.0), log_normal(x, 0.4, 0.9)
    ratio = log_d - log_p
    got = answers.values("forward", log_d, log_p, shape=[2])
    control = (-ratio).exp() - 1  # has the average zero over d: with it an estimate is as right, and calmer
    terms = ratio + control if torch.isclose(got[0], (ratio + control).mean(), rtol=1e-4) else ratio
    mean, width = terms.mean(), 1.96 * terms.std() / math.sqrt(len(x))
    if not torch.isclose(got[0], mean, rtol=1e-4):
        for sentence, value in {
            "log p - log d has the sign the wrong way round": -mean,
            "this is an average over all of the line; the samples already come from d": (log_d.exp() * ratio).sum(),
            "this is a sum over the samples, not their mean": ratio.sum(),
            "this is minus the average of log p; the entropy of d is missing": -log_p.mean(),
        }.items():
            if torch.isclose(got[0], tensor(value), rtol=1e-3):
                raise Wrong(f"forward: {sentence}.")
        raise Wrong("forward: the estimate is not the average of log d - log p over the samples.")
    if abs(got[1] / width - 1) > 0.01:  # 1.96 or Student's quantile, n or n - 1
        for sentence, value in {
            "this is one standard error, not the half width of a 95% interval": width / 1.96,
            "this is the spread of single terms; the mean of n has a smaller error": width * math.sqrt(len(x)),
            "you divided by n, but an error falls with its root": width / math.sqrt(len(x)),
            "this is the whole width": 2 * width,
        }.items():
            if abs(got[1] / value - 1) < 0.01:
                raise Wrong(f"forward: {sentence}.")
        raise Wrong("forward: the half width is not right.")
    weight = (-ratio).exp()
    value = answers.values("reverse", log_d, log_p)
    # as good: weights over their sum, and the average of f(p/d) with f'(1) = 0
    others = (weight * -ratio).sum() / weight.sum(), (weight * -ratio - control).mean()
    if value.numel() != 1 or min(abs(float(value) - float(other)) for other in others) > 1e-5:
        answers.close(
            "reverse",
            (weight * -ratio).mean(),
            {
                "the samples come from d, not from p: each must be weighted by p/d": -ratio.mean(),
                "this is the forward KL again": ratio.mean(),
                "the weight is d/p, the wrong way round": (ratio.exp() * -ratio).mean(),
                "the logarithm has the sign the wrong way round": (weight * ratio).mean(),
                "this is a sum over the samples, not their mean": (weight * -ratio).sum(),
            },
            at=(log_d, log_p),
        )
    answers.close(
        "needed",
        samples * (half / 0.01) ** 2,
        {
            "the error falls with the root of the number of samples": samples * half / 0.01,
            "this is how many times as many": (half / 0.01) ** 2,
        },
        tolerance=5e-3,
    )


def fitted(name, gap, start):
    """Nats of the valley near a start, for modes so far apart, in the world of the chapter."""
    space = exact.line(-20, 20, 401)
    log_d = log_mixture(space.points, (0.35, 0.65), (0.25 - gap / 2, 0.25 + gap / 2), (0.7, 1.0))

    def loss(v):
        p = log_normal(space.points, v[0], v[1].exp())
        if name == "reverse":
            return space.kl(p, log_d)
        return space.js(p, log_d) if name == "jensen_shannon" else space.f_divergence("non-saturating", p, log_d)

    return exact.minimise(loss, start)[1]


BRACKETS = {"jensen_shannon": (5.3, 5.7), "reverse": (4.1, 4.3), "non_saturating": (3.56, 3.63)}


@cache
def crossing(name, low, high):
    """The distance at which the wide valley and that of the right mode are equally deep, by the secant rule."""

    def difference(gap):
        return fitted(name, gap, (1.25, 1.0)) - fitted(name, gap, (0.25 + gap / 2, 0.0))

    below, above = difference(low), difference(high)
    for _ in range(3):
        middle = low - below * (high - low) / (above - below)
        (low, below), (high, above) = (high, above), (middle, difference(middle))
    return high


def given_cross(draw):
    scale = draw.choice([0.5, 1.5, 2.0, 3.0]) if draw.variant else 1.0
    return {"weight": 0.35, "stds": [round(0.7 * scale, 2), scale]}


@CHAPTER.exercise(
    "cross",
    "Where does JSD let go?",
    kind="build",
    difficulty=3,
    minutes=40,
    points=5,
    goal="family",
    defines={
        "jensen_shannon": "the distance of the modes at which JSD lets go, a number",
        "reverse": "the distance at which reverse KL does, a number",
        "non_saturating": "the distance at which the non-saturating divergence does, a number",
    },
    given=given_cross,
)
def cross(answers, weight, stds):
    unit = {name: crossing(name, *ends) for name, ends in BRACKETS.items()}
    for name, gap in unit.items():
        others = {
            "this is the distance in the chapter's world, whose modes have another width": gap,
            "this is half the distance: the modes stand on both sides of the middle": gap * stds[1] / 2,
        }
        words = {"jensen_shannon": "JSD", "reverse": "reverse KL", "non_saturating": "the non-saturating divergence"}
        others |= {f"this is where {words[other]} lets go": unit[other] * stds[1] for other in unit if other != name}
        answers.close(name, gap * stds[1], others, tolerance=5e-3)


@CHAPTER.exercise(
    "rich",
    "A model that is rich enough",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="reverse",
    defines={
        "forward": "the least forward KL of a model with two components, a number",
        "reverse": "the least reverse KL of such a model, a number",
        "theta": "where the least reverse KL is reached: both means, both standard deviations, the first weight, [5]",
        "stuck": "the bound on the reverse KL if both components sit in the right mode and fit it, a number",
    },
    given=given_two,
)
def rich(answers, weights, means, stds):
    w, m = tensor(weights), tensor(means)
    variance = w @ (tensor(stds) ** 2 + m**2) - (w @ m) ** 2
    log_d = log_mixture(LINE, weights, means, stds)
    single = float((2 * math.pi * math.e * variance).log() / 2 + (log_d.exp() * log_d).sum() * STEP)
    near = {
        "forward": {"this is what a single Gaussian leaves; a second component can do better": single},
        "reverse": {"this is the price of a lost mode; a second component can keep it": -math.log(weights[1])},
    }
    for name, mistakes in near.items():
        value = answers.number(name)
        if abs(value) > 1e-3:
            answers.close(name, 0, mistakes, tolerance=0.02)
    theta = answers.tensor("theta", [5])
    right = tensor([*means, *stds, weights[0]])
    swapped = right[[1, 0, 3, 2, 4]]
    swapped[4] = 1 - weights[0]
    if (theta - swapped).abs().max() > 1e-2:
        answers.close(
            "theta",
            right,
            {
                "these are the logarithms of the standard deviations": torch.cat(
                    [right[:2], right[2:4].log(), right[4:]]
                ),
                "the weight is that of the second component": torch.cat([right[:4], 1 - right[4:]]),
                "these are variances": torch.cat([right[:2], right[2:4] ** 2, right[4:]]),
            },
            tolerance=3e-3,
        )
    answers.close(
        "stuck",
        -math.log(weights[1]),
        {
            "this is the price of keeping the left mode": -math.log(weights[0]),
            "two components in one mode cannot fit what lies in the other": 0.0,
            "the sign is wrong": math.log(weights[1]),
        },
        tolerance=1e-3,
    )
