"""Exercises of chapter 07. Worlds are finite: densities are lists of probabilities."""

import math

import torch

from ..answers import Answers, Wrong
from ..exercise import Chapter
from ..finite import exactly, kl

CHAPTER = Chapter(
    7,
    {
        "posterior": "Compute the posterior of an example that the frozen discriminator finds real, and its evidence.",
        "bound": "Show which term of the bound for a label the loss of a GAN leaves out, and what that changes.",
        "lemma": "Compute each term of Lemma 1 in its exact form, for any discriminator, odds and generator.",
        "tangent": "Predict where the lemma stops to hold, and when a step vanishes.",
        "losses": "Build the four generator losses out of the two posteriors.",
    },
)


def made(seed, n=5):
    """A random world: three densities and a logit, [n] each."""
    draws = torch.Generator().manual_seed(seed)
    densities = torch.randn(3, n, generator=draws, dtype=torch.float64).softmax(-1)
    return *densities, torch.randn(n, generator=draws, dtype=torch.float64)


def jsd(g, d, real=0.5):
    m = (1 - real) * g + real * d
    return (1 - real) * kl(g, m) + real * kl(d, m)


def normal(weights):
    return weights / weights.sum()


def a_world(draw, **more):
    """The densities of a world, as an exercise gives them."""
    return {"d": draw.simplex(5), "g": draw.simplex(5), **more}


@CHAPTER.exercise(
    "odds",
    "Other odds",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="posterior",
    defines={
        "Z0": "the evidence of the label 0, a number",
        "posterior": "q^r(x|0), [n]",
        "mean_log_Z": "the average of log Z_y over p(y), a number",
    },
    given=lambda draw: a_world(draw, real=draw.choice((0.1, 0.15, 0.3, 0.6, 0.7, 0.9)) if draw.variant else 0.8),
)
def odds(answers, d, g, real):
    d, g = exactly(d, g)
    answers.close("Z0", real, {"this is the evidence of the other label": 1 - real, "these are not equal odds": 0.5})
    mistakes = {
        "this is the posterior of the other label": g,
        "this is the prior; the discriminator has an opinion": (1 - real) * g + real * d,
    }
    answers.close("posterior", d, mistakes)
    right = (1 - real) * math.log(real) + real * math.log(1 - real)
    mistakes = {
        "each log Z_y has the weight of the other label": real * math.log(real) + (1 - real) * math.log(1 - real),
        "the sign is turned": -right,
        "the average is over p(y), not over equal odds": (math.log(real) + math.log(1 - real)) / 2,
        "the logarithm is the natural one": right / math.log(2),
    }
    answers.close("mean_log_Z", right, mistakes)


@CHAPTER.exercise(
    "temperature",
    "Temperature",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="posterior",
    defines={
        "posterior": "a function (prior [n], logit [n], T) that returns the posterior [n]",
        "hot": "its limit as T grows without bound, for the given prior and logit, [n]",
        "cold": "its limit as T falls to 0, [n]",
    },
    given=lambda draw: {
        "prior": draw.simplex(5),
        "logit": [-1.2, 0.4, 2.0, -0.3, 0.9]
        if not draw.variant
        else [*draw.reals(2, -2, -0.1), *draw.reals(3, 0.1, 2)],
    },
)
def temperature(answers, prior, logit):
    p, _, _, t = made(0, 6)
    weights = p * torch.sigmoid(t / 0.7)
    answers.close(
        "posterior",
        normal(weights),
        {
            "it does not sum to one": weights,
            "the prior is missing": normal(torch.sigmoid(t / 0.7)),
            "you weighed with 1 - D, which is the posterior of y = 1": normal(p - weights),
            "you multiplied the logit by T": normal(p * torch.sigmoid(0.7 * t)),
        },
        at=(p, t, 0.7),
    )
    p, t = exactly(prior, logit)
    cut = torch.where(t > 0, p, 0)
    answers.close("hot", p, {"D becomes 1/2 everywhere, but the prior stays": torch.full_like(p, 1 / len(p))})
    mistakes = {
        "it does not sum to one": cut,
        "you kept the places where the logit is negative": normal(p - cut),
        "all places with a positive logit stay, not only the one with the largest": (t == t.max()).double(),
    }
    answers.close("cold", normal(cut), mistakes)


@CHAPTER.exercise(
    "rejection",
    "Sample the posterior",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="posterior",
    defines={
        "sample": "a function (real [n], made [n], logit [k], seed) that returns those examples that are kept, [any]",
        "share": "the share that is kept on average, a number",
    },
    given=lambda draw: a_world(draw, logit=draw.reals(5, -2, 2)),
)
def rejection(answers, d, g, logit):
    d, g, t = exactly(d, g, logit)
    n, draws = 100_000, torch.Generator().manual_seed(7)
    real, fake = (torch.multinomial(p, n, replacement=True, generator=draws) for p in (d, g))
    kept = answers.values("sample", real, fake, t, 1, shape=(None,))
    same, again = (answers.values("sample", real, fake, t, seed, shape=(None,)) for seed in (1, 2))
    places = torch.arange(5, dtype=torch.float64)
    if not torch.isin(kept, places).all():
        raise Wrong("sample must return examples, places 0 to k - 1, not their weights or indices in the pile.")
    if not torch.equal(same, kept):
        raise Wrong("sample: the same seed must keep the same examples; it sets all further chance.")
    if torch.equal(again, kept):
        raise Wrong("sample: another seed must keep other examples.")
    found = normal((kept[:, None] == places).sum(0).double() + 1e-9)
    D, m = t.sigmoid(), (d + g) / 2
    mistakes = {
        "what is kept are real examples only; half of the pile is generated": normal(D * d),
        "what is kept are generated examples only": normal(D * g),
        "what looks generated is kept": normal((1 - D) * m),
        "everything is kept, whatever the discriminator says": m,
        "the largest D are kept, without a draw": normal(torch.where(t > 0, m, 0)),
    }
    Answers({"sample": found}).close("sample", normal(D * m), mistakes, tolerance=0.03)
    right = float((D * m).sum())
    mistakes = {
        "this is the share that is thrown away": 1 - right,
        "this is the share of the real examples that are kept": float((D * d).sum()),
        "this is the share of the generated examples that are kept": float((D * g).sum()),
    }
    answers.close("share", right, mistakes)


def given_charge(draw):
    """The place where the prior is largest is not the one that looks most real."""
    prior, logit = draw.simplex(5), draw.reals(5, -2, 2)
    while prior[logit.index(max(logit))] == max(prior):
        prior = draw.simplex(5)
    return {"prior": prior, "logit": logit}


@CHAPTER.exercise(
    "charge",
    "Never charged",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="bound",
    defines={
        "inferred": "the density that is best for the bound, [n]",
        "bound": "the bound there, a number",
        "collapsed": "the density that is best for its first term alone, [n]",
        "debt": "KL(collapsed || prior), a number",
    },
    given=given_charge,
)
def charge(answers, prior, logit):
    m, t = exactly(prior, logit)
    weights, best = m * t.sigmoid(), (t == t.max()).double()
    mistakes = {
        "this is best for the first term alone": best,
        "this is the prior: the first term counts, too": m,
        "it does not sum to one": weights,
        "this is the posterior of the label 1": normal(m - weights),
        "the prior is missing": normal(t.sigmoid()),
    }
    answers.close("inferred", normal(weights), mistakes)
    right = float(weights.sum().log())
    mistakes = {
        "the sign is turned": -right,
        "this is Z_0; the bound is in nats": float(weights.sum()),
        "this is the first term there; the charge is missing": float((normal(weights) * t.sigmoid().log()).sum()),
    }
    answers.close("bound", right, mistakes)
    mistakes = {
        "the posterior is best for the whole bound, not for the first term": normal(weights),
        "nothing holds it at the places that look half as real": normal(torch.where(t > 0, m, 0)),
        "the place where the prior is largest need not look real": (m == m.max()).double(),
        "this is the place that looks least real": (t == t.min()).double(),
    }
    answers.close("collapsed", best, mistakes)
    right = -float((best * m.log()).sum())
    answers.close(
        "debt", right, {"the sign is turned": -right, "the logarithm is the natural one": right / math.log(2)}
    )


@CHAPTER.exercise(
    "other-player",
    "The other player",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="lemma",
    defines={
        "terms": "a function (g [n], d [n], logit [n]) that returns the three terms KL, JSD, E log Z, [3]",
        "best_loss": "the least value of the loss, for the given g and d, a number",
    },
    given=a_world,
)
def other_player(answers, d, g):
    def terms(g, d, t, reverse):
        m, D = (g + d) / 2, t.sigmoid()
        likelihoods = (D, 1 - D) if reverse else (1 - D, D)
        pairs = [(p, (m * like)) for p, like in zip((g, d), likelihoods, strict=True)]
        parts = [(kl(p, normal(joint)), joint.sum().log()) for p, joint in pairs]
        return torch.stack([(parts[0][0] + parts[1][0]) / 2, jsd(g, d), (parts[0][1] + parts[1][1]) / 2])

    world = made(1)
    right = terms(world[0], world[1], world[3], False)
    mistakes = {
        "these are the generator's, with the reversed answers": terms(world[0], world[1], world[3], True),
        "the KL is averaged over p(y), not summed": right * torch.tensor([2.0, 1.0, 1.0]),
        "all are doubled: the loss is halved here": 2 * right,
        "log Z_y is averaged over p(y), not summed": right * torch.tensor([1.0, 1.0, 2.0]),
        "the signs belong to the formula, not to the terms": right * torch.tensor([1.0, -1.0, -1.0]),
    }
    answers.close("terms", right, mistakes, at=(world[0], world[1], world[3]))
    d, g = exactly(d, g)
    right = math.log(2) - float(jsd(g, d))
    mistakes = {
        "this is the loss as it is coded, twice ours": 2 * right,
        "the value of the game is minus twice this": -2 * right,
        "the sign is turned": -right,
        "the JSD is subtracted": math.log(2) + float(jsd(g, d)),
        "log Z_y does not vanish": -float(jsd(g, d)),
    }
    answers.close("best_loss", right, mistakes)


@CHAPTER.exercise(
    "exact",
    "The box, term by term",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="lemma",
    defines={
        "terms": "a function (g [n], g0 [n], d [n], logit [n], real) that returns KL, JSD, remainder, E log Z, [4]",
        "remainder": "the remainder for the given densities and odds, a number",
    },
    given=lambda draw: a_world(
        draw, g0=draw.simplex(5), real=draw.choice((0.2, 0.3, 0.6, 0.75)) if draw.variant else 0.4
    ),
)
def exact(answers, d, g, g0, real):
    def terms(g, g0, d, t, real, start=None, reverse=True, odds=None, swap=False):
        m0, D = (1 - real) * (g0 if start is None else start) + real * d, t.sigmoid()
        m = (1 - real) * g + real * d
        joints = [m0 * like for like in ((D, 1 - D) if reverse else (1 - D, D))]
        average = lambda at_0, at_1: (1 - real) * at_0 + real * at_1
        gaps = [kl(normal(joint), p) if swap else kl(p, normal(joint)) for p, joint in zip((g, d), joints, strict=True)]
        remainder = kl(m, m0) if start is None else kl(m, (1 - real) * g0 + real * d)
        logs = [joint.sum().log() for joint in joints]
        return torch.stack([average(*gaps), jsd(g, d, odds or real), remainder, average(*logs)])

    g_, g0_, d_, t = made(2)
    right = terms(g_, g0_, d_, t, 0.3)
    turned = right.clone()
    turned[2] = kl(0.7 * g0_ + 0.3 * d_, 0.7 * g_ + 0.3 * d_)
    mistakes = {
        "prior and posterior belong to g0, where the step begins": terms(g_, g0_, d_, t, 0.3, start=g_),
        "the answers are reversed: D is the likelihood of the label 0": terms(g_, g0_, d_, t, 0.3, reverse=False),
        "the JSD has the weights p(y)": terms(g_, g0_, d_, t, 0.3, odds=0.5),
        "the KL has the model first": terms(g_, g0_, d_, t, 0.3, swap=True),
        "the remainder has its arguments exchanged": turned,
        "real is p(1), the weight of d": terms(g_, g0_, d_, t, 0.7),
    }
    answers.close("terms", right, mistakes, at=(g_, g0_, d_, t, 0.3))
    d, g, g0 = exactly(d, g, g0)
    m, m0 = (1 - real) * g + real * d, (1 - real) * g0 + real * d
    mistakes = {
        "this is how far the generator has moved; the pile is asked for": kl(g, g0),
        "its arguments are exchanged": kl(m0, m),
        "the pile has the given odds": kl((g + d) / 2, (g0 + d) / 2),
        "real is p(1), the weight of d": kl(real * g + (1 - real) * d, real * g0 + (1 - real) * d),
    }
    answers.close("remainder", kl(m, m0), mistakes, tolerance=1e-3)


@CHAPTER.exercise(
    "reach",
    "How far a tangent reaches",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="tangent",
    defines={
        "values_apart": "by which factor the gap of the values grows, a number",
        "gradients_apart": "by which factor the gap of the gradients grows, a number",
        "fisher": "F at theta_0, a number",
    },
    given=lambda draw: {
        "times": draw.randint(3, 9) if draw.variant else 10,
        "theta_0": draw.real(0.1, 0.4),
        "real_share": draw.real(0.5, 0.9),
    },
)
def reach(answers, times, theta_0, real_share):
    mistakes = {"this is how the gradients part": times, "it is of higher order than that": 1.0}
    answers.close("values_apart", times**2, mistakes | {"one order too many": times**3}, tolerance=1e-3)
    mistakes = {"this is how the values part": times**2, "the gap of the gradients grows, too": 1.0}
    answers.close("gradients_apart", times, mistakes, tolerance=1e-3)
    m = (theta_0 + real_share) / 2
    right = 0.25 / (m * (1 - m))
    mistakes = {
        "this is the information of the generator alone; the pile is a mixture": 1 / (theta_0 * (1 - theta_0)),
        "only half of the pile moves with theta": 4 * right,
        "half of the pile moves, and F has its square": 2 * right,
        "this is the coefficient in the Taylor series, F/2": right / 2,
    }
    answers.close("fisher", right, mistakes)


@CHAPTER.exercise(
    "vanish",
    "When a step vanishes",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="tangent",
    defines={
        "constant": "what is zero if D is constant: 'KL', 'JSD', 'difference' or 'nothing'",
        "arrived": "what is zero if g = d, and D is not constant",
        "wrong_way": "what is zero if D is the best one with the sign of its logit turned, and g is not d",
        "push": "the slope of the loss at g = d along the given direction, a number",
    },
    given=lambda draw: {
        "logit": draw.reals(4, -2, 2),
        "direction": [0.3, 0.1, -0.25, -0.15] if not draw.variant else balanced(draw),
    },
)
def vanish(answers, logit, direction):
    options = ("KL", "JSD", "difference", "nothing")
    told = {
        "KL": "the posterior is the prior, and this is not yet g",
        "JSD": "g is not d, so the JSD has a slope",
        "nothing": "a judge without an opinion teaches nothing",
    }
    answers.say("constant", "difference", options, told)
    told = {
        "KL": "the posterior of a discriminator with an opinion is not g",
        "difference": "the discriminator still has an opinion, and its loss has a slope",
        "nothing": "one of the two divergences is at its minimum",
    }
    answers.say("arrived", "JSD", options, told)
    told = {
        "JSD": "g is not d, so the JSD has a slope",
        "difference": "Bayes' rule makes this posterior a density that you know",
        "nothing": "one of the two divergences is at its minimum",
    }
    answers.say("wrong_way", "KL", options, told)
    t, v = exactly(logit, direction)
    slope = lambda values: float((v * values).sum())
    right = -0.5 * slope(t.sigmoid().log())
    mistakes = {
        "the sign is turned": -right,
        "the lemma's loss is half of the one in code": 2 * right,
        "the answers are reversed: label 0 has the likelihood D": -0.5 * slope((-t).sigmoid().log()),
        "the loss holds log D, not D": -0.5 * slope(t.sigmoid()),
        "this is the slope along the logit": -0.5 * slope(t),
    }
    answers.close("push", right, mistakes)


def balanced(draw):
    """A direction in which probabilities may move: it sums to zero."""
    first = draw.reals(3, -0.3, 0.3)
    return [*first, round(-sum(first), 2)]


@CHAPTER.exercise(
    "four",
    "Four losses from two posteriors",
    kind="build",
    difficulty=3,
    minutes=40,
    points=5,
    goal="losses",
    defines={
        "forms": "a function (g [n], g0 [n], d [n], logit [n]) that returns the middle column of the table, [4]",
        "h": "the samples of g reweighted by the odds, for the given g and logit, [n]",
        "flees": "the loss that flees a posterior instead of approaching one: the name of its row",
    },
    given=lambda draw: {"g": draw.simplex(5), "logit": draw.reals(5, -1.5, 1.5)},
)
def four(answers, g, logit):
    def forms(g, g0, d, t):
        m0, D, odds = (g0 + d) / 2, t.sigmoid(), t.exp()
        looks_real, looks_made = normal(D * m0), normal((1 - D) * m0)
        C, h = (g0 * odds).sum(), normal(g0 * odds)
        to_real, to_made, js = kl(g, looks_real), kl(g, looks_made), jsd(g, d)
        evidences = (D * m0).sum(), ((1 - D) * m0).sum()
        return torch.stack([2 * js - to_made, to_real - 2 * js, to_real - to_made, C * kl(h, g)]), (js, C, h, evidences)

    g_, g0_, d_, t = made(3)
    right, (js, C, h, (Z0, Z1)) = forms(g_, g0_, d_, t)
    one = lambda place, value: torch.cat([right[:place], value.reshape(1), right[place + 1 :]])
    turned = forms(g_, g0_, d_, -t)[0]
    log_D = torch.nn.functional.logsigmoid(t)
    coded = torch.stack([(g_ * (log_D - t)).sum(), -(g_ * log_D).sum(), -(g_ * t).sum(), -(g_ * t.exp()).sum()])
    mistakes = {
        "these are the losses as coded; the forms with the posteriors are asked for": coded,
        "the JSD is doubled, for the losses as coded": right - torch.stack([js, -js, 0 * js, 0 * js]),
        "C is missing in the last": one(3, right[3] / C),
        "the table leaves out what has no slope, log Z_1/Z_0": one(2, right[2] + (Z1 / Z0).log()),
        "the last has h first": one(3, C * kl(g_, h)),
        "the two posteriors are exchanged": torch.cat([turned[:3], right[3:]]),
        "posteriors, h and C belong to g0, where the step begins": forms(g_, g_, d_, t)[0],
    }
    answers.close("forms", right, mistakes, at=(g_, g0_, d_, t))
    g, t = exactly(g, logit)
    mistakes = {
        "it does not sum to one": g * t.exp(),
        "the weights are the odds D/(1 - D), not D": normal(g * t.sigmoid()),
        "the odds are upside down": normal(g * (-t).exp()),
        "the weights are the odds, not the logit": normal(g * t),
    }
    answers.close("h", normal(g * t.exp()), mistakes)
    told = {
        "non-saturating": "its KL to a posterior has the sign plus",
        "reverse KL": "it does both, so it approaches one, too",
        "KL": "it has no posterior in it",
    }
    answers.say("flees", "minimax", ("minimax", "non-saturating", "reverse KL", "KL"), told)
