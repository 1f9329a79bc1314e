"""Exercises of chapter 14."""

import math
import statistics

import torch

from ganvae_lib import MMD, Adversary, Match, Reconstruct, Summaries, zoo

from ..answers import Answers, Wrong
from ..exercise import Chapter

CHAPTER = Chapter(
    14,
    {
        "mirror": "Build the mirror image of an objective, and say which tools go along and what each of them needs.",
        "mmd": "Compute the MMD exactly, estimate it without bias, and find features that belong to a kernel.",
        "abc": "Choose summaries and a tolerance for rejection, and compute what is accepted and how much of it.",
        "tools": "Compute what each tool sees in two distributions, and where it would put the model.",
    },
)
NORMAL = statistics.NormalDist()
NEEDS = {
    "KL": {"target's density", "model's density"},
    "Likelihood": {"model's density"},
    "Adversary": {"gradient of samples"},
    "MMD": {"gradient of samples"},
    "Summaries": {"gradient of samples"},
    "rejection": set(),
}


def table(values):
    return torch.tensor(values, dtype=torch.float64)


def random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@CHAPTER.exercise(
    "tools",
    "What is left in the box",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="mirror",
    defines={"usable": "a list of the names of the tools that can still be used"},
    given=lambda draw: {
        "taken": (
            ["target's density", "gradient of samples"]
            if not draw.variant
            else draw.choice(
                [
                    ["model's density"],
                    ["target's density"],
                    ["gradient of samples"],
                    ["target's density", "model's density"],
                    ["model's density", "gradient of samples"],
                ]
            )
        )
    },
)
def tools(answers, taken):
    said = answers.read("usable")
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        raise Wrong("usable must be a list of names.")
    for name in said:
        if name not in NEEDS:
            raise Wrong(f"usable: there is no tool {name!r}; the names are {', '.join(NEEDS)}.")
        if lacks := NEEDS[name] & set(taken):
            raise Wrong(f"usable: {name} cannot do without the {' and the '.join(sorted(lacks))}.")
    missing = [name for name in NEEDS if not NEEDS[name] & set(taken) and name not in said]
    if "rejection" in missing:
        raise Wrong("usable: a tool is missing with which nobody descends anything.")
    if missing:
        raise Wrong("usable: a tool is missing that asks for none of what was taken away.")


def unequal(draw):
    while True:
        d, g = draw.simplex(5), draw.simplex(5)
        if all(abs(a - b) > 0.015 for a, b in zip(d, g, strict=True)):
            return {"d": d, "g": g}


@CHAPTER.exercise(
    "accuracy",
    "A classifier as the distance",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="tools",
    defines={
        "real": "where the best classifier says 'real', a list of five truth values",
        "accuracy": "the largest accuracy that a classifier can have",
        "kl": "the average of the best logit over the data",
    },
    given=lambda draw: (
        {"d": [0.4, 0.1, 0.2, 0.05, 0.25], "g": [0.2, 0.3, 0.1, 0.25, 0.15]} if not draw.variant else unequal(draw)
    ),
)
def accuracy(answers, d, g):
    d, g = table(d), table(g)
    says = answers.tensor("real", (5,))
    if ((says > 0.5) == (d < g)).all():
        raise Wrong("real: this is where an example is more likely to be made.")
    if ((says > 0.5) != (d > g)).any():
        raise Wrong("real: at some place the classifier would be right more often with the other answer.")
    apart = (d - g).abs().sum() / 2
    answers.close(
        "accuracy",
        (1 + apart) / 2,
        {
            "this is the total variation; chance alone has one half": apart,
            "the total variation counts half, and is itself half of the sum of |d - g|": 0.5 + apart,
            "this is the smallest error": (1 - apart) / 2,
        },
    )
    logit = (d / g).log()
    answers.close(
        "kl",
        (d * logit).sum(),
        {
            "this averages over what the model makes": (g * logit).sum(),
            "of the wrong sign: y = 1 is real": -(d * logit).sum(),
            "this is KL(g || d)": -(g * logit).sum(),
            "this is in bits": (d * logit).sum() / math.log(2),
        },
    )


@CHAPTER.exercise(
    "where",
    "Where each tool would put it",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=3,
    goal="tools",
    defines={
        "mean": "the mean of the Gaussian that likelihood and summaries choose",
        "width": "its standard deviation",
        "mode": "the mode, 0 or 1, at which the best Gaussian of KL(g || d) sits",
        "nats": "what KL(g || d) is there, to two per cent",
    },
    given=lambda draw: (
        {"weights": [0.3, 0.7], "means": [-3.0, 3.5], "deviations": [0.6, 0.9]}
        if not draw.variant
        else {
            "weights": draw.choice([[0.25, 0.75], [0.35, 0.65], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]),
            "means": [draw.real(-4, -3), draw.real(3, 4)],
            "deviations": draw.reals(2, 0.4, 0.9),
        }
    ),
)
def where(answers, weights, means, deviations):
    w, m, s = table(weights), table(means), table(deviations)
    mean = float((w * m).sum())
    inside, between = float((w * s**2).sum()), float((w * (m - mean) ** 2).sum())
    answers.close(
        "mean",
        mean,
        {
            "the modes have weights": float(m.mean()),
            "this is the mean of a single mode": m[w.argmax()],
            "this is the mean of the lighter mode": m[w.argmin()],
        },
        tolerance=0.01,
    )
    answers.close(
        "width",
        math.sqrt(inside + between),
        {
            "this is the width within the modes; they also lie apart": math.sqrt(inside),
            "this is the distance between the modes only; each has a width of its own": math.sqrt(between),
            "this is the variance; its root is asked for": inside + between,
            "variances add up, standard deviations do not": float((w * s).sum()) + math.sqrt(between),
            "this is the width of a single mode": s[w.argmax()],
        },
        tolerance=0.01,
    )
    answers.say("mode", int(w.argmax()), (0, 1), {int(w.argmin()): "at the lighter mode the divergence is larger"})
    nats = -math.log(float(w.max()))
    answers.close(
        "nats",
        nats,
        {
            "this is what the other mode would cost": -math.log(float(w.min())),
            "it can be matched in shape but not in weight, so something is paid": 0.0,
            "a divergence is not negative": -nats,
            "this is in bits": nats / math.log(2),
        },
        tolerance=0.02,
    )


SWAP = {"x": "z", "x|z": "z|x", "x again": "z again", "theta": "eta"}
SWAP |= {b: a for a, b in SWAP.items()} | {"xz": "xz", "features": "features", "phi": "phi"}
OBJECTIVES = [
    [["reconstruct", "x", ["theta"]], ["reconstruct", "z", ["eta"]]],
    [["reconstruct", "x", ["theta", "eta"]], ["match", "z", ["eta", "phi"]]],
    [["match", "x|z", ["theta", "phi"]], ["match", "z|x", ["eta", "phi"]]],
    [["match", "xz", ["theta", "eta", "phi"]], ["reconstruct", "x", ["theta", "eta"]]],
    [["reconstruct", "x", ["eta"]], ["reconstruct", "z", ["eta"]]],
]


def canonical(terms):
    """Terms in an order of their own. Raises Wrong for what is no list of them."""
    try:
        return sorted((kind, space, tuple(sorted(players))) for kind, space, players in terms)
    except (TypeError, ValueError):
        raise Wrong("mirror(...) must be a list of terms, each of them [kind, space, players].") from None


def exchanged(terms, spaces, players, left=("features",)):
    """Terms with spaces and players exchanged, but for those in a space that is left as it is."""
    turned = lambda name, names, space: name if space in left else names.get(name, name)
    return canonical([[kind, turned(s, spaces, s), [turned(p, players, s) for p in who]] for kind, s, who in terms])


@CHAPTER.exercise(
    "mirror",
    "The exchange as a function",
    kind="build",
    difficulty=2,
    minutes=15,
    points=3,
    goal="mirror",
    defines={
        "mirror": "a function (terms) that returns the terms of the mirror image, a list",
        "own": "whether the given terms are their own mirror image, True or False",
    },
    given=lambda draw: {"terms": OBJECTIVES[0 if not draw.variant else draw.randint(1, len(OBJECTIVES) - 1)]},
)
def mirror(answers, terms):
    hard = [
        ["match", "x again", ["theta", "eta", "phi"]],
        ["match", "xz", ["theta", "phi"]],
        ["match", "features", ["eta", "phi"]],
        ["reconstruct", "z", ["theta", "eta"]],
        ["match", "z|x", ["eta"]],
    ]
    for some in (hard, *OBJECTIVES):  # the first tells the mistakes apart
        given = [[kind, space, list(players)] for kind, space, players in some]
        got, right = canonical(answers.call("mirror", given)), exchanged(some, SWAP, SWAP)
        if got == right:
            continue
        spaces, players = {"x": "z", "z": "x"}, {"theta": "eta", "eta": "theta"}
        mistakes = {
            "the players are exchanged, too": exchanged(some, SWAP, {}),
            "the spaces are exchanged, too": exchanged(some, {}, SWAP),
            "features are neither x nor z: their term is left as it is, players included": exchanged(
                some, SWAP, SWAP, ()
            ),
            "pairs keep their space, and exchange their players": exchanged(some, SWAP, SWAP, ("features", "xz")),
            "x given z, and x again, have a mirror image as well": exchanged(some, spaces, players),
            "pairs remain pairs: the space xz stays": exchanged(some, SWAP | {"xz": "zx"}, SWAP),
            "nothing was exchanged": canonical(some),
        }
        for sentence, wrong in mistakes.items():
            if got == wrong:
                raise Wrong(f"mirror: {sentence}.")
        if len(got) != len(right):
            raise Wrong("mirror: as many terms come back as went in.")
        raise Wrong("mirror: a term has the wrong kind, space or players.")
    right = exchanged(terms, SWAP, SWAP) == canonical(terms)
    answers.say("own", right, (True, False), {not right: "compare the terms with their image, players included"})


def kernel(a, b, w):
    return (-((a[:, None] - b) ** 2) / (2 * w)).exp()


@CHAPTER.exercise(
    "unbiased",
    "Without the pairs of one",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="mmd",
    defines={
        "estimate": "a function (a [n], b [n], w) that returns the unbiased estimate, a number",
        "excess": "the mean of the estimate with all pairs in it, where both samples of n are from N(0, 1)",
    },
    given=lambda draw: {
        "n": 16 if not draw.variant else draw.randint(4, 40),
        "w": 0.5 if not draw.variant else draw.real(0.2, 4),
    },
)
def unbiased(answers, n, w):
    def off(k, count):
        return (k.sum() - k.diagonal().sum()) / count

    for seed, size, width in ((1, 6, 0.8), (2, 2, 2.5), (3, 20, 1.5)):
        a, b = random(seed, 2, size)
        b = 0.5 + 1.5 * b
        aa, bb, ab = kernel(a, a, width), kernel(b, b, width), kernel(a, b, width)
        pairs = size * (size - 1)
        right = off(aa, pairs) + off(bb, pairs) - 2 * ab.mean()
        narrow = [k**2 for k in (aa, bb, ab)]
        answers.close(
            "estimate",
            right,
            {
                "k(a_i, a_i) is in it: the pairs of one draw with itself are to be left out": (
                    aa.mean() + bb.mean() - 2 * ab.mean()
                ),
                "n (n - 1) pairs are left, so divide by their number": (
                    off(aa, size**2) + off(bb, size**2) - 2 * ab.mean()
                ),
                "the pairs (a_i, b_j) count twice": off(aa, pairs) + off(bb, pairs) - ab.mean(),
                "in the cross term all pairs count, i = j too": off(aa, pairs) + off(bb, pairs) - 2 * off(ab, pairs),
                "this is its root": right.abs().sqrt(),
                "the exponent divides by 2 w": off(narrow[0], pairs) + off(narrow[1], pairs) - 2 * narrow[2].mean(),
                "of the wrong sign": -right,
            },
            at=(a, b, width),
        )
    alike = math.sqrt(w / (w + 2))
    answers.close(
        "excess",
        2 * (1 - alike) / n,
        {
            "both samples have pairs of one draw with itself": (1 - alike) / n,
            "an average over all pairs is too large: k(a_i, a_i) = 1": 0.0,
            "leaving the pairs of one in takes a place from the others": 2 / n,
            "the difference of two draws has the variance 2": 2 * (1 - math.sqrt(w / (w + 1))) / n,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "share",
    "The price of a tolerance",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="abc",
    defines={
        "share": "a function (epsilon) that returns the share of guesses accepted, a number",
        "centre": "the mean of what is accepted as epsilon goes to 0",
        "deviation": "its standard deviation in that limit",
        "cost": "by which factor the share falls when a small epsilon is divided by ten, with so many summaries",
    },
    given=lambda draw: {
        "tau": 2.0 if not draw.variant else draw.real(0.5, 3, 1),
        "n": 10 if not draw.variant else draw.randint(3, 30),
        "observed": 1.2 if not draw.variant else draw.choice([-1, 1]) * draw.real(0.4, 2, 1),
        "summaries": 3 if not draw.variant else draw.choice([2, 4, 5, 6]),
    },
)
def share(answers, tau, n, observed, summaries):
    def inside(deviation, centre, epsilon):
        return NORMAL.cdf((centre + epsilon) / deviation) - NORMAL.cdf((centre - epsilon) / deviation)

    for epsilon in (0.1, 0.6, 2.0):
        answers.close(
            "share",
            inside(math.sqrt(tau**2 + 1 / n), observed, epsilon),
            {
                "the guess is random, too: average over the prior": inside(math.sqrt(1 / n), observed, epsilon),
                "the mean of the observations is not theta: it has noise": inside(tau, observed, epsilon),
                "a single observation has the variance 1, the mean of n has less": inside(
                    math.sqrt(tau**2 + 1), observed, epsilon
                ),
                "what is observed is not at zero": inside(math.sqrt(tau**2 + 1 / n), 0.0, epsilon),
                "epsilon is half the width of what is accepted": inside(
                    math.sqrt(tau**2 + 1 / n), observed, epsilon / 2
                ),
            },
            at=(epsilon,),
            tolerance=1e-3,
        )
    precision = n + 1 / tau**2
    answers.close(
        "centre",
        n * observed / precision,
        {
            "the prior pulls it": observed,
            "the precisions are n and 1 / tau**2": n * observed / (n + 1 / tau),
            "the mean of n observations has the precision n": observed / (1 + 1 / tau**2),
        },
        tolerance=1e-3,
    )
    answers.close(
        "deviation",
        precision**-0.5,
        {
            "this is the variance; its root is asked for": 1 / precision,
            "the prior has a precision, too": n**-0.5,
            "precisions add up, variances do not": math.sqrt(1 / n + tau**2),
        },
        tolerance=1e-3,
    )
    answers.close(
        "cost",
        10.0**summaries,
        {
            "this is so with one summary; a ball in more dimensions shrinks faster": 10.0,
            "the factor multiplies with each summary": 10.0 * summaries,
            "the share falls: give how many times smaller it is": 10.0**-summaries,
        },
    )


@CHAPTER.exercise(
    "shrink",
    "Small minibatches",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="tools",
    defines={
        "direction": "what the descent makes of a model as wide as the data: 'narrower', 'wider' or 'as wide'",
        "apart": "the mean distance of the summaries of two minibatches of n from the same N(0, v)",
        "variance": "the variance that a Gaussian model ends with",
    },
    given=lambda draw: {
        "v": 1.5 if not draw.variant else draw.real(0.6, 2.5),
        "n": 8 if not draw.variant else draw.randint(4, 20),
    },
)
def shrink(answers, v, n):
    wrong = "the rest R_n of the model is part of what is descended, and it depends on the model's variance"
    answers.say(
        "direction",
        "narrower",
        ("narrower", "wider", "as wide"),
        {"wider": wrong + ": see with which sign", "as wide": wrong},
    )
    one = v / n + 2 * v**2 / (n - 1)
    answers.close(
        "apart",
        2 * one,
        {
            "both minibatches have an error of their own": one,
            "the squared difference of two numbers with noise is not zero on average": 0.0,
            "the variances of the two samples differ, too, not only their means": 2 * v / n,
            "the means of the two samples differ, too, not only their variances": 4 * v**2 / (n - 1),
            "the fourth central moment of a Gaussian is 3 v**2": 2 * (v / n + (v - (n - 3) / (n - 1) * v**2) / n),
        },
        tolerance=1e-3,
    )
    right = (v - 1 / (2 * n)) * (n - 1) / (n + 1)
    answers.close(
        "variance",
        right,
        {
            "this is the variance of the data, which the population's summaries would give": v,
            "R_n has two parts: the variance of the mean is missing": v * (n - 1) / (n + 1),
            "R_n has two parts: the variance of the variance is missing": v - 1 / (2 * n),
            "this is the standard deviation": math.sqrt(right),
        },
        tolerance=1e-3,
    )


def counted(names):
    """How many sums there are, how many are their own mirror image, and how many of these have a name."""
    known = {"Adversary": Adversary, "MMD": MMD, "Summaries": Summaries}
    n = len(names)
    named = 0
    for both in (False, True):
        for tool in (None, *names):
            terms = [Match(space, known[tool]()) for space in "xz" if tool]
            terms += [Reconstruct(space) for space in "xz" if both]
            named += bool(terms and zoo.name(sum(terms[1:], terms[0])))
    return 4 * (n + 1) ** 2 - 1, 2 * (n + 1) - 1, named


@CHAPTER.exercise(
    "mirrors",
    "Your own mirror image",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="mirror",
    defines={
        "sums": "how many sums there are",
        "selves": "how many of them are their own mirror image",
        "named": "how many of these have a name in the zoo",
    },
    given=lambda draw: {
        "tools": (
            ["Adversary", "MMD", "Summaries"]
            if not draw.variant
            else draw.choice([["Adversary", "MMD"], ["MMD", "Summaries"], ["Adversary", "Summaries"]])
        )
    },
)
def mirrors(answers, tools):
    n, (sums, selves, named) = len(tools), counted(tools)
    answers.close(
        "sums",
        sums,
        {
            "a sum has at least one term": sums + 1,
            "each space has at most one match": 4 * 4**n - 1,
            "a term may also be absent": 4 * n**2,
            "the reconstructions are chosen independently of the matches, and of one another": 2 * (n + 1) ** 2 - 1,
        },
        tolerance=1e-6,
    )
    answers.close(
        "selves",
        selves,
        {
            "a sum has at least one term": selves + 1,
            "both spaces must have the same tool, not merely some tool": 2 * (n**2 + 1) - 1,
            "neither space may have a tool, too": 2 * n,
            "the reconstructions may both be there or both be absent": n,
        },
        tolerance=1e-6,
    )
    wrong = "ask zoo.name for each sum that equals its mirror image"
    answers.close("named", named, {wrong: selves, f"{wrong}, which ALI is not among": named + 1}, tolerance=1e-6)


@CHAPTER.exercise(
    "energy",
    "The energy distance",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="mmd",
    defines={
        "feature": "a function (a [n], c [m]) that returns psi_c(a), [n, m]",
        "energy": "the energy distance of the given p and q",
    },
    given=lambda draw: {
        "places": [-1.0, 0.5, 2.0, 2.5] if not draw.variant else sorted(draw.reals(4, -3, 3, 1)),
        "p": [0.1, 0.4, 0.3, 0.2] if not draw.variant else draw.simplex(4),
        "q": [0.3, 0.1, 0.2, 0.4] if not draw.variant else draw.simplex(4),
    },
)
def energy(answers, places, p, q):
    a, c = table([-2.3, -0.4, 1.1, 1.7]), torch.linspace(-4, 4, 4001, dtype=torch.float64)
    psi = answers.values("feature", a, c, shape=(len(a), len(c)))
    squares = torch.trapezoid((psi[:, None] - psi).square(), c)
    gap = (a[:, None] - a).abs()
    Answers({"the integral of (psi_c(a) - psi_c(b))**2": squares}).close(
        "the integral of (psi_c(a) - psi_c(b))**2",
        gap,
        {
            "twice |a - b|: the factor 2 stands before the integral already": 2 * gap,
            "half of |a - b|": gap / 2,
            "it grows with the square of the distance, as the features of the linear kernel do": 8 * gap**2,
            "zero: the features do not depend on a": 0 * gap,
        },
        tolerance=0.01,
    )
    a, p, q = table(places), table(p), table(q)
    steps = (p - q).cumsum(0)[:-1]
    right = 2 * (steps**2 * a.diff()).sum()
    answers.close(
        "energy",
        right,
        {
            "the factor 2 before the integral is missing": right / 2,
            "this is W1: square the difference of the distribution functions": (steps.abs() * a.diff()).sum(),
            "of the wrong sign: the kernel is -|a - b|": -right,
            "this is twice W1: square the difference of the distribution functions": 2 * (steps.abs() * a.diff()).sum(),
            "the steps of the distribution functions have widths": 2 * (steps**2).sum(),
        },
        tolerance=1e-3,
    )


def uniform(draw):
    top = draw.real(3, 6)
    return {"seen": [draw.real(0, top, 1) for _ in range(20)]}


@CHAPTER.exercise(
    "maximum",
    "Which summary?",
    kind="build",
    difficulty=3,
    minutes=30,
    points=4,
    goal="abc",
    defines={
        "centre": "the mean of the exact posterior",
        "width": "its standard deviation",
        "by_maximum": "what rejection keeps with the largest number as the summary, [200]",
        "by_mean": "what it keeps with the mean as the summary, [200]",
    },
    given=uniform,
)
def maximum(answers, seen):
    top, n = max(seen), len(seen)
    theta = torch.linspace(top, 10, 20_001, dtype=torch.float64)

    def moments(theta, log_density):
        p = (log_density - log_density.max()).exp()
        p = p / p.sum()
        mean = float((p * theta).sum())
        return mean, math.sqrt(float((p * (theta - mean) ** 2).sum()))

    mean, spread = moments(theta, -n * theta.log())
    answers.close(
        "centre",
        mean,
        {
            "theta is at least the largest number, and on average more": top,
            "this is twice the mean of the numbers, an estimate that wastes what the largest says": 2 * sum(seen) / n,
            "the density is theta to the power -20; you lost one power": moments(theta, (1 - n) * theta.log())[0],
        },
        tolerance=2e-3,
    )
    answers.close("width", spread, {"this is the variance": spread**2}, tolerance=0.02)
    wide = torch.linspace(0.05, 10, 20_001, dtype=torch.float64)
    s, noise = sum(seen) / n, wide / math.sqrt(12 * n)  # the mean of n numbers, nearly a Gaussian
    loose = moments(wide, -((s - wide / 2) ** 2) / (2 * noise**2) - noise.log())
    for name, (centre, deviation) in (("by_maximum", (mean, spread)), ("by_mean", loose)):
        kept = answers.tensor(name, (200,))
        ratio = float(kept.std()) / deviation
        if name == "by_maximum" and ratio > 1.6:
            raise Wrong("by_maximum: far wider than the posterior; is the largest number of each simulation compared?")
        if name == "by_mean" and ratio < 0.6:
            raise Wrong("by_mean: too narrow for the mean of twenty numbers as the summary, which is not sufficient.")
        if not 0.6 < ratio < 1.6:
            raise Wrong(f"{name} is {'too wide' if ratio > 1 else 'too narrow'}; keep the 200 nearest of 40,000.")
        if abs(float(kept.mean()) - centre) > 0.5 * deviation:
            raise Wrong(f"{name} lies in the wrong place; guesses are from the prior, uniform on [0, 10].")


@CHAPTER.exercise(
    "valley",
    "How flat is the valley?",
    kind="derive",
    difficulty=3,
    minutes=35,
    points=5,
    goal="mmd",
    defines={
        "mmd": "a function (m1, v1, m2, v2, w) of numbers that returns MMD^2 of two Gaussians",
        "steep": "the limit of w MMD^2 for the given m and v",
        "flat": "the limit of w^2 MMD^2 for the given v and equal means",
    },
    given=lambda draw: {
        "m": [0.5, -1.0] if not draw.variant else draw.reals(2, -2, 2, 1),
        "v": [1.0, 3.0] if not draw.variant else draw.reals(2, 0.5, 4, 1),
    },
)
def valley(answers, m, v):
    def mean_kernel(gap, variance, w):
        return math.sqrt(w / (w + variance)) * math.exp(-(gap**2) / (2 * (w + variance)))

    for m1, v1, m2, v2, w in ((0.3, 0.8, -0.5, 2.0, 1.5), (1.0, 1.5, 0.2, 0.4, 0.6)):
        same, cross = mean_kernel(0, 2 * v1, w) + mean_kernel(0, 2 * v2, w), mean_kernel(m1 - m2, v1 + v2, w)
        answers.close(
            "mmd",
            same - 2 * cross,
            {
                "the difference of two draws has the sum of their variances": (
                    mean_kernel(0, v1, w) + mean_kernel(0, v2, w) - 2 * cross
                ),
                "the cross term counts twice": same - cross,
                "v is the variance already; it is not squared": (
                    mean_kernel(0, 2 * v1**2, w)
                    + mean_kernel(0, 2 * v2**2, w)
                    - 2 * mean_kernel(m1 - m2, v1**2 + v2**2, w)
                ),
                "the factor of the exponential is a root": same - 2 * cross * math.sqrt(w / (w + v1 + v2)),
                "this is its root, the MMD": math.sqrt(same - 2 * cross),
            },
            at=[torch.tensor(value, dtype=torch.float64) for value in (m1, v1, m2, v2, w)],
        )
    apart = (m[0] - m[1]) ** 2
    answers.close(
        "steep",
        apart,
        {
            "the half of the exponent meets the 2 of the cross term": apart / 2,
            "this is twice too much": 2 * apart,
            "variances do not matter in this limit": apart + abs(v[0] - v[1]),
            "it is squared": math.sqrt(apart),
        },
        tolerance=5e-3,
    )
    wide = (v[0] - v[1]) ** 2
    answers.close(
        "flat",
        3 * wide / 4,
        {
            "the second term of the root's series, (1 + u)**(-1/2), is 3/8 u**2": wide,
            "the two Gaussians' own terms count once each, the cross term twice": 3 * wide / 2,
            "this counts half of it": 3 * wide / 8,
            "it does not vanish: only the terms of first order cancel": 0.0,
        },
        tolerance=5e-3,
    )
