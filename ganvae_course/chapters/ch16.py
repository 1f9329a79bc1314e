"""Exercises of chapter 16."""

import math

import torch

from ganvae_lib import lemmas

from ..answers import Wrong
from ..exercise import Chapter

CHAPTER = Chapter(
    16,
    {
        "data": "Compute the data that a discriminator's answers make for an activated VAE.",
        "step": "Build the gradient of an activated VAE, with what is frozen in it, and choose among estimates of it.",
        "rest": "Compute where an activated VAE comes to rest, how fast, and when that beats its training set.",
        "report": "Show why the loss of an activated VAE is no score.",
    },
)


def laws(seed, count, size=6):
    """Random distributions [count, size]."""
    draws = torch.Generator().manual_seed(seed)
    return (1.2 * torch.randn(count, size, generator=draws, dtype=torch.float64)).softmax(-1)


def answers_of(seed, size=6):
    """Random answers of a discriminator [size], away from 0 and 1."""
    draws = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(size, generator=draws, dtype=torch.float64)


def exact(values):
    return torch.tensor(values, dtype=torch.float64)


def normal(weights):
    return weights / weights.sum(-1, keepdim=True)


@CHAPTER.exercise(
    "effective",
    "Whose data are these?",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="data",
    defines={
        "effective": "a function (d [n], g [n], D [n]) that returns the data r [n] of the VAE",
        "c": "the number c, for the given d, g and D",
        "believed": "the data that this discriminator believes in, [4]",
    },
    given=lambda draw: {
        "d": draw.simplex(4) if draw.variant else [0.4, 0.3, 0.2, 0.1],
        "g": draw.simplex(4) if draw.variant else [0.1, 0.2, 0.3, 0.4],
        "D": draw.reals(4, 0.15, 0.85) if draw.variant else [0.8, 0.5, 0.6, 0.3],
    },
)
def effective(answers, d, g, D):
    data, model = laws(1, 2)
    says = answers_of(2)
    weights = says * (data + model)
    answers.close(
        "effective",
        normal(weights),
        {
            "it does not sum to one": weights,
            "the half that the model generates is missing": normal(says * data),
            "the half of the data is missing": normal(says * model),
            "you weighed with 1 - D": normal((1 - says) * (data + model)),
            "you divided by 2, not by the sum of the weights": weights / 2,
        },
        at=(data, model, says),
    )
    d, g, D = exact(d), exact(g), exact(D)
    total = float((D * (d + g)).sum())
    answers.close(
        "c",
        total,
        {"the loss has the factor c/2; c is twice this": total / 2, "c has two averages": float((D * d).sum())},
    )
    odds = D / (1 - D)
    answers.close(
        "believed",
        odds * g,
        {
            "the odds are turned over": g / odds,
            "the odds multiply the model, not the data": odds * d,
            "you normalised it; what D believes in need not sum to one": normal(odds * g),
        },
    )


@CHAPTER.exercise(
    "own",
    "How much of it is its own?",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="data",
    defines={
        "closest": "the place (from 0) of the discriminator whose AAVAE is closest to the plain VAE",
        "own": "the share of all weight that generated examples have, for each discriminator, [4]",
        "adam": "'halved' or 'the same'",
    },
    given=lambda draw: {
        "real": draw.reals(4, 0.5, 0.95) if draw.variant else [0.5, 0.53, 0.59, 0.45],
        "made": draw.reals(4, 0.15, 0.6) if draw.variant else [0.5, 0.45, 0.35, 0.55],
    },
)
def own(answers, real, made):
    real, made = exact(real), exact(made)
    share = made / (real + made)
    if answers.number("closest") != float(share.argmin()):
        raise Wrong("closest: a plain VAE gives its own samples no weight; which discriminator comes nearest to that?")
    answers.close(
        "own",
        share,
        {
            "this is the ratio of generated to real weight, not the share of the whole": made / real,
            "this is the share of the real examples": 1 - share,
            "the weights of both halves must sum to one; divide by their sum": made / 2,
        },
    )
    answers.say(
        "adam",
        "the same",
        ("halved", "the same"),
        {"halved": "Adam divides each gradient by its size, and a factor of one half cancels"},
    )


@CHAPTER.exercise(
    "shares",
    "Unequal shares",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="data",
    defines={
        "optimal": "a function (d [n], g [n], share) that returns the optimal discriminator of the mixture, [n]",
        "factor": "the gradient with it, as a multiple of the gradient of E_d[F]",
        "data": "a function (d [n], g [n], share) that returns r [n] for the discriminator of equal shares",
        "overdone": "'too rarely' or 'too often'",
    },
    given=lambda draw: {"share": draw.real(*draw.choice([(0.1, 0.4), (0.6, 0.9)])) if draw.variant else 0.8},
)
def shares(answers, share):
    d, g = laws(3, 2)
    pi = 0.3
    best = pi * d / (pi * d + (1 - pi) * g)
    answers.close(
        "optimal",
        best,
        {
            "these are the answers for equal shares": d / (d + g),
            "the shares are exchanged": (1 - pi) * d / ((1 - pi) * d + pi * g),
            "this is the belief in a generated example": 1 - best,
        },
        at=(d, g, pi),
    )
    answers.close(
        "factor",
        share,
        {
            "this holds for equal shares only": 0.5,
            "this is the share of the generated examples": 1 - share,
            "the weights are not normalised: the loss is a sum over the mixture": 1.0,
        },
    )
    weights = d / (d + g) * (pi * d + (1 - pi) * g)
    answers.close(
        "data",
        normal(weights),
        {
            "it does not sum to one": weights,
            "D is that of equal shares, the examples are mixed by the share": normal(d),
            "the shares are exchanged": normal(d / (d + g) * ((1 - pi) * d + pi * g)),
        },
        at=(d, g, pi),
    )
    right, other = ("too rarely", "too often") if share > 0.5 else ("too often", "too rarely")
    answers.say("overdone", right, (right, other), {other: "look at r/d, where d > g and where d < g, for this share"})


@CHAPTER.exercise(
    "frozen",
    "Two things are frozen",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="step",
    defines={
        "gradient": "a function (mu, x [n], noise [m], slope, bias) that returns the derivative of F_D in mu, a number",
        "uncut": "a function of the same arguments: the derivative if only the answers are frozen",
    },
)
def frozen(answers):
    draws = torch.Generator().manual_seed(4)
    x, noise = torch.randn(7, generator=draws).double() + 1, torch.randn(5, generator=draws).double()
    mu, slope, bias = 0.4, -0.9, 0.3
    made = mu + noise
    on = lambda v: torch.sigmoid(slope * v + bias)
    halves = (on(x) * (mu - x)).mean() / 2, (on(made) * (mu - made)).mean() / 2
    moved = mu + noise  # with nothing frozen, D moves with the generated examples
    leak = ((on(moved) * (1 - on(moved)) * slope) * (noise**2 / 2 + math.log(2 * math.pi) / 2)).mean() / 2
    right = sum(halves)
    at = (mu, x, noise, slope, bias)
    answers.close(
        "gradient",
        right,
        {
            "the sign: this ascends F_D, and a program descends it": -right,
            "each half has the weight 1/2": 2 * right,
            "you pooled both halves, so that the larger one counts more": (7 * halves[0] + 5 * halves[1]) / 6,
            "the gradient goes through the generated examples, which are frozen": halves[0],
            "nothing is frozen: the gradient goes through the examples and the answers": halves[0] + leak,
            "you weighed with 1 - D": (mu - x).mean() / 2 + (mu - made).mean() / 2 - right,
        },
        at=at,
    )
    answers.close(
        "uncut",
        halves[0],
        {
            "here the generated examples move with mu, and x' - mu does not": right,
            "the answers are frozen here; yours move": halves[0] + leak,
            "each half has the weight 1/2": 2 * halves[0],
        },
        at=at,
    )


@CHAPTER.exercise(
    "odds",
    "Three ways to the same gradient",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="step",
    defines={
        "variances": "a function (d [n], g [n], F [n]) that returns the three variances, [3]",
        "share": "the share of the thousand worlds in which the second is smaller than the first",
        "dataless": "'first', 'second' or 'third'",
    },
    given=lambda draw: {"seed": draw.randint(17, 9999) if draw.variant else 16},
)
def odds(answers, seed):
    d, g = laws(5, 2)
    F = torch.linspace(0.5, 4, 6, dtype=torch.float64).flip(0) ** 1.3
    F[2] = 0.2
    right = torch.stack(three(d, g, F))
    moments = lambda p, v: (p * v**2).sum(-1)
    D = d / (d + g)
    raw = torch.stack((moments(d, F), moments(d, D * F) + moments(g, D * F), moments(g, d / g * F)))
    real_only = torch.stack((right[0], right[0] * 0 + variance(d, D * F), right[2]))
    one_mean = torch.stack((right[0], raw[1] - (d * F).sum() ** 2, right[2]))
    average = torch.stack((right[0], right[1] / 4, right[2]))
    under_d = torch.stack((right[0], right[1], variance(d, d / g * F)))
    answers.close(
        "variances",
        right,
        {
            "these are second moments; the squares of the means are missing": raw,
            "the second estimate has two independent terms, and you took the real one only": real_only,
            "the second is a sum of two terms, each with a mean of its own": one_mean,
            "the second estimate is the sum of its terms, not their mean": average,
            "the third estimate draws from the model, not from the data": under_d,
        },
        at=(d, g, F),
    )
    worlds = lemmas.random_coded_worlds(1000, seed=seed)
    energies = -worlds.elbo(worlds.theta_0, worlds.eta_0)
    first, second, _ = three(worlds.log_d.exp(), worlds.marginal(worlds.theta_0).exp(), energies)
    smaller = float((second < first).double().mean())
    answers.close(
        "share",
        smaller,
        {"this is the share in which it is larger": 1 - smaller, "a share is asked for, not a count": 1000 * smaller},
        tolerance=0.02,
    )
    answers.say(
        "dataless",
        "third",
        ("first", "second", "third"),
        dict.fromkeys(("first", "second"), "it has a term at a real example"),
    )


def variance(p, value):
    mean = (p * value).sum(-1, keepdim=True)
    return (p * (value - mean) ** 2).sum(-1)


def three(d, g, F):
    D = d / (d + g)
    return variance(d, F), variance(d, D * F) + variance(g, D * F), variance(g, d / g * F)


@CHAPTER.exercise(
    "cheat",
    "A score that flatters",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="report",
    defines={
        "cheat": "a function (d [n], g [n]) that returns answers D [n] in [0, 1]",
        "highest": "the least number that no discriminator can lift the score above, for the given g",
    },
    given=lambda draw: {"g": draw.simplex(5) if draw.variant else [0.4, 0.25, 0.2, 0.1, 0.05]},
)
def cheat(answers, g):
    drawn = [tuple(laws(10 + seed, 2, 4 + seed)) for seed in range(6)]
    nearly = exact([0.97, 0.01, 0.01, 0.01]), exact([0.3, 0.28, 0.22, 0.2])  # d is nearly as good as it can be
    for data, model in (*drawn, nearly, (exact([0.3, 0.7]), exact([0.55, 0.45]))):
        D = answers.values("cheat", data, model, shape=data.shape)
        if (D < 0).any() or (D > 1).any():
            raise Wrong("cheat(...) must return answers between 0 and 1.")
        weights = D * (data + model)
        if weights.sum() <= 0:
            raise Wrong("cheat(...) is 0 everywhere: then c = 0, and there are no data r.")
        gain = float((normal(weights) * model.log()).sum() - (data * model.log()).sum())
        if abs(gain) < 1e-6:
            raise Wrong(
                "cheat: these answers make r = d, and the score is the bound. The best discriminator cannot flatter."
            )
        if gain < 0:
            raise Wrong(
                "cheat: for some d and g the score lies below E_d[log g]. Which examples should have the weight?"
            )
    g = exact(g)
    answers.close(
        "highest",
        float(g.max().log()),
        {
            "this is a probability, and the score is its logarithm": float(g.max()),
            "no score of one world is above its best example; and zero is above them all": 0.0,
            "this is the lowest score, not the highest": float(g.min().log()),
            "this is the score of r = g; another r has a higher one": float((g * g.log()).sum()),
        },
    )


@CHAPTER.exercise(
    "rest",
    "Where it comes to rest",
    kind="build",
    difficulty=3,
    minutes=30,
    points=5,
    goal="rest",
    defines={"rest": "a function (d_n [n], believed [n]) that returns the model g [n] at rest"},
)
def rest(answers):
    for seed in range(4):
        d_n, believed = laws(20 + seed, 2, 5 + seed)
        if seed == 1:
            believed = 0.6 * believed  # what D believes in need not sum to one
        g = answers.values("rest", d_n, believed, shape=(5 + seed,))
        if abs(float(g.sum()) - 1) > 1e-4 or (g < 0).any():
            raise Wrong("rest(...) must be a distribution: not negative, with the sum one.")
        if (g - normal(d_n)).abs().max() < 1e-5:
            raise Wrong("rest: this is d_n, the rest of a plain VAE; this discriminator believes in something else.")
        if (g - normal((d_n * believed).sqrt())).abs().max() < 1e-5:
            raise Wrong("rest: this is the geometric mean, to which c = 1 leads; here c has another value.")
        if (g - normal(d_n + believed)).abs().max() < 1e-5:
            raise Wrong("rest: this is the arithmetic mean, which holds for small errors only.")
        D = believed / (believed + g)
        if (normal(D * (d_n + g)) - g).abs().max() > 1e-4:
            raise Wrong("rest: with your g the data r are not g, so the model would move on.")


@CHAPTER.exercise(
    "average",
    "Better than both",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="rest",
    defines={
        "left": "a function (v, v_hat, correlation) that returns the squared error of the model at rest, a number",
        "lowest": "the least ratio v_hat / v at which the model at rest is still as good as the belief",
        "highest": "the largest ratio v_hat / v at which it is still as good as the training set",
    },
    given=lambda draw: {"correlation": draw.real(-0.5, 0.9) if draw.variant else 0.0},
)
def average(answers, correlation):
    v, v_hat, rho = 0.7, 1.9, 0.35
    cross = 2 * rho * math.sqrt(v * v_hat)
    answers.close(
        "left",
        (v + v_hat + cross) / 4,
        {
            "the mean of two errors has a factor 1/2, and its square 1/4": (v + v_hat + cross) / 2,
            "the correlation of the errors is missing": (v + v_hat) / 4,
            "the covariance counts twice in the square of a sum": (v + v_hat + cross / 2) / 4,
            "a correlation times both standard deviations is the covariance": (v + v_hat + 2 * rho) / 4,
        },
        at=(v, v_hat, rho),
    )
    deviation = math.sqrt(correlation**2 + 3) - correlation
    high = deviation**2
    answers.close(
        "highest",
        high,
        {
            "this is the ratio of standard deviations": deviation,
            "this is the ratio v / v_hat": 1 / high,
            "equal errors are not yet the limit": 1.0 if high != 1 else 2.0,
        },
    )
    answers.close(
        "lowest",
        1 / high,
        {"this is the ratio of standard deviations": 1 / deviation, "this is the ratio v / v_hat": high},
    )


@CHAPTER.exercise(
    "blind",
    "A blind adversary and a poor model",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="rest",
    defines={
        "after": "a function (mean, std, rounds) that returns mean and standard deviation after so many rounds, [2]",
        "rounds": "the number of rounds after which the mean is for the first time nearer to 0 than goal",
    },
    given=lambda draw: {
        "mean": draw.real(2, 6) if draw.variant else 4.0,
        "std": draw.real(0.3, 2) if draw.variant else 0.5,
        "goal": draw.real(0.011, 0.09, 3) if draw.variant else 0.01,
    },
)
def blind(answers, mean, std, goal):
    for start, width, count in ((3.0, 0.4, 1), (-2.0, 1.7, 3), (1.5, 2.2, 2)):
        part = 0.5**count
        new, second = start * part, 1 + (start**2 + width**2 - 1) * part
        by_hand = lambda squared, new=new: torch.tensor([new, squared]).double()
        answers.close(
            "after",
            by_hand(math.sqrt(second - new**2)),
            {
                "this is the variance; its root is asked for": by_hand(second - new**2),
                "the two halves have different means, and that adds to the variance": by_hand(
                    math.sqrt(1 + (width**2 - 1) * part)
                ),
                "the second moment holds the square of the mean; subtract it": by_hand(math.sqrt(second)),
                "standard deviations do not average, second moments do": by_hand(1 + (width - 1) * part),
                "only a plain VAE is there after one round; half of what this one sees is its own": torch.tensor(
                    [0.0, 1.0]
                ),
            },
            at=(start, width, count),
        )
    right = next(count for count in range(100) if abs(mean) / 2**count < goal)
    answers.close(
        "rounds",
        right,
        {"after these rounds the mean is still farther than goal": right - 1, "it is there earlier": right + 1},
    )


@CHAPTER.exercise(
    "stopped",
    "The discriminator stops, the model goes on",
    kind="predict",
    difficulty=3,
    minutes=30,
    points=4,
    goal="rest",
    defines={
        "returns": "'always', 'only if D is constant' or 'never'",
        "rest": "a function (d_n [n], D [n]) that returns the model g [n] at rest",
        "own": "the share of the weight that generated examples have at rest, for the given d_n and D",
    },
    given=lambda draw: {
        "d_n": draw.simplex(4) if draw.variant else [0.4, 0.3, 0.2, 0.1],
        "D": draw.reals(4, 0.3, 0.8) if draw.variant else [0.5, 0.6, 0.4, 0.7],
    },
)
def stopped(answers, d_n, D):
    answers.say(
        "returns",
        "only if D is constant",
        ("always", "only if D is constant", "never"),
        {
            "always": "put g = d_n into r, with answers that differ from example to example",
            "never": "a blind discriminator has stopped, too",
        },
    )
    for seed in range(4):
        data, says = laws(30 + seed, 1, 4 + seed)[0], answers_of(40 + seed, 4 + seed)
        g = answers.values("rest", data, says, shape=(4 + seed,))
        if (g - normal(says * data)).abs().max() < 1e-5:
            raise Wrong("rest: this is r after a single step from d_n; the model goes on from there.")
        if (g - data).abs().max() < 1e-5:
            raise Wrong("rest: d_n is at rest only for answers that are all the same.")
        if abs(float(g.sum()) - 1) > 1e-4 or (g < 0).any():
            raise Wrong("rest(...) must be a distribution: not negative, with the sum one.")
        if (normal(says * (data + g)) - g).abs().max() > 1e-4:
            raise Wrong("rest: with your g the data r are not g, so the model would move on.")
    d_n, D = exact(d_n), exact(D)
    g = normal(d_n)
    for _ in range(20_000):
        g = normal(D * (d_n + g))
    real, made = float((D * d_n).sum()), float((D * g).sum())
    answers.close(
        "own",
        made / (real + made),
        {
            "this is the share of the real examples": real / (real + made),
            "this is a blind discriminator's share": 0.5,
            "this is the mean answer, not the share of the weights": made,
        },
    )
