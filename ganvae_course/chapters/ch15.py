"""Exercises of chapter 15."""

import math

import torch
from torch.nn.functional import softplus

from ..exercise import Chapter
from ..finite import kl

CHAPTER = Chapter(
    15,
    {
        "bound": "Build the bound with several draws, and say what it becomes tight to and who learns from it.",
        "weights": "Compute what weighted draws are drawn from, and how many of them count.",
        "update": "Build the weighted update of a generator, and relate it to the minimax step.",
        "descends": "Show which divergence a weighted update descends.",
    },
)


def table(values):
    return torch.tensor(values, dtype=torch.float64)


def random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unlike(draw, count=4):
    """Two distributions that differ at every place."""
    while True:
        d, g = draw.simplex(count), draw.simplex(count)
        if all(abs(math.log(a / b)) > 0.15 for a, b in zip(d, g, strict=True)):
            return {"d": d, "g": g}


@CHAPTER.exercise(
    "signal",
    "Who still learns",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="bound",
    defines={
        "decoder": "the factor of the signal-to-noise ratio of the decoder's gradient",
        "encoder": "that of the encoder's",
        "stands": "where the generator of a GAN stands in the correspondence: 'encoder' or 'decoder'",
    },
    given=lambda draw: {
        "low": 4 if not draw.variant else draw.randint(4, 12),
        "high": 100 if not draw.variant else draw.choice([32, 50, 128, 200, 400]),
    },
)
def signal(answers, low, high):
    root = math.sqrt(high / low)
    answers.close(
        "decoder",
        root,
        {
            "the mean stays, and an average of more draws has less spread, not more": 1 / root,
            "the spread falls with the root of the number of draws": root**2,
            "the mean stays, but the spread falls": 1.0,
        },
        tolerance=1e-3,
    )
    answers.close(
        "encoder",
        1 / root,
        {
            "its mean falls faster than its spread": root,
            "this is the mean alone; the spread falls, too": 1 / root**2,
            "mean and spread do not fall alike": 1.0,
        },
        tolerance=1e-3,
    )
    answers.say(
        "stands", "encoder", ("encoder", "decoder"), {"decoder": "look at what is drawn several times, and from what"}
    )


@CHAPTER.exercise(
    "bound",
    "Weights without overflow",
    kind="build",
    difficulty=1,
    minutes=15,
    points=3,
    goal="bound",
    defines={
        "bound": "a function (log_w [n, k]) that returns the bound, its mean over n examples, a number",
        "weights": "a function (log_w [n, k]) that returns the normalised weights [n, k]",
        "gain": "by how much the bound with all draws lies above that with one, for the given log_w",
    },
    given=lambda draw: {
        "log_w": (
            [[-1.0, 0.5, -2.0], [0.3, 0.1, -0.4]]
            if not draw.variant
            else [draw.reals(3, -3, 1, 1), draw.reals(3, -3, 1, 1)]
        )
    },
)
def bound(answers, log_w):
    for shift, seed in ((0.0, 1), (-2000.0, 2)):
        values = 2 * random(seed, 4, 6) + shift
        n, k = values.shape
        answers.close(
            "bound",
            values.logsumexp(1).mean() - math.log(k),
            {
                "the logarithm stands outside the mean over the draws; this is the bound with one draw": values.mean(),
                "the mean over the draws is taken; you added them": values.logsumexp(1).mean(),
                "the draws of one example stand in a row": values.logsumexp(0).mean() - math.log(n),
                "every example has a logarithm of its own": values.flatten().logsumexp(0) - math.log(n * k),
                "a mean over the examples is asked for; you added": (values.logsumexp(1) - math.log(k)).sum(),
                "this is the loss, the bound with a minus": math.log(k) - values.logsumexp(1).mean(),
            },
            at=(values,),
            tolerance=1e-5,
        )
        answers.close(
            "weights",
            values.softmax(1),
            {
                "the weights of one example, in a row, sum to one": values.softmax(0),
                "they sum to one for each example, not over the whole table": values.flatten()
                .softmax(0)
                .view_as(values),
                "these are weights that are not normalised": values.exp(),
                "these are logarithms": values.log_softmax(1),
            },
            at=(values,),
        )
    given = table(log_w)
    gain = given.logsumexp(1).mean() - math.log(3) - given.mean()
    answers.close(
        "gain",
        gain,
        {
            "of the wrong sign: more draws make a tighter bound": -gain,
            "the mean over the draws is taken; you added them": gain + math.log(3),
            "a mean over the examples is asked for; you added": 2 * gain,
        },
    )


@CHAPTER.exercise(
    "ess",
    "How many draws count",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="weights",
    defines={
        "shifted": "the limit of n_eff / k for d = N(delta, 1)",
        "worth_one": "the delta at which, by this formula, a batch of so many is worth one draw",
        "of_variance": "a function (v) that returns the limit for d = N(0, v), for any v > 0",
    },
    given=lambda draw: {
        "delta": 0.8 if not draw.variant else draw.real(0.3, 1.5),
        "batch": 64 if not draw.variant else draw.choice([16, 32, 128, 256, 1000]),
    },
)
def ess(answers, delta, batch):
    answers.close(
        "shifted",
        math.exp(-(delta**2)),
        {
            "this is the mean of the squared weight; the share is its inverse": math.exp(delta**2),
            "the mean of e**(2 delta x) under g is e**(2 delta**2)": math.exp(-(delta**2) / 2),
            "this is chi**2; one is to be added, and then the inverse taken": math.exp(delta**2) - 1,
            "one is missing beside chi**2": 1 / (math.exp(delta**2) - 1),
            "the exponent is too large: a term of log w is minus delta**2 / 2": math.exp(-2 * delta**2),
        },
        tolerance=1e-3,
    )
    answers.close(
        "worth_one",
        math.sqrt(math.log(batch)),
        {
            "this is its square": math.log(batch),
            "the share falls like e**(-delta**2), without a half": math.sqrt(2 * math.log(batch)),
            "this belongs to half the exponent": math.sqrt(math.log(batch) / 2),
        },
        tolerance=1e-3,
    )
    for v in (0.5, 1.0, 1.6):
        right = math.sqrt(v * (2 - v))
        answers.close(
            "of_variance",
            right,
            {
                "this is the mean of the squared weight; the share is its inverse": 1 / right,
                "d has the factor 1 / sqrt(v), which is squared": math.sqrt(2 - v),
                "the width after the integral has a root, too": v * (2 - v),
                "d is squared: its factor 1 / sqrt(v) counts twice": math.sqrt((2 - v) / v),
            },
            at=(v,),
            tolerance=1e-3,
        )
    for v in (2.0, 2.5, 6.0):
        answers.close("of_variance", 0.0, {"from v = 2 on the mean of the squared weight is infinite": 1.0}, at=(v,))


def coded(draw):
    while True:
        q, joint = draw.simplex(3, least=0.15), draw.simplex(4, least=0.1)[:3]
        w = [b / a for a, b in zip(q, joint, strict=True)]
        if max(w) > 2 * min(w):
            return {"q": q, "joint": joint}


@CHAPTER.exercise(
    "ladder",
    "Two draws in a small world",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="weights",
    defines={
        "ladder": "the bound with one draw, with two, and what it tends to, [3]",
        "q_2": "the distribution of a code that is taken with its weight, for two draws, [3]",
    },
    given=lambda draw: {"q": [0.5, 0.3, 0.2], "joint": [0.1, 0.25, 0.15]} if not draw.variant else coded(draw),
)
def ladder(answers, q, joint):
    q, joint = table(q), table(joint)
    w = joint / q
    pairs, chance = w[:, None] + w, q[:, None] * q
    one, two, limit = (q * w.log()).sum(), (chance * (pairs / 2).log()).sum(), joint.sum().log()
    answers.close(
        "ladder",
        torch.stack((one, two, limit)),
        {
            "with two draws the mean of the weights is taken, not their sum": torch.stack(
                (one, two + math.log(2), limit)
            ),
            "these are losses, the bounds with a minus": -torch.stack((one, two, limit)),
            "in bits": torch.stack((one, two, limit)) / math.log(2),
            "the bound tends to log p(x), not to p(x)": torch.stack((one, two, joint.sum())),
            "with two draws all pairs count, also twice the same code": torch.stack(
                (one, ((chance - chance.diag().diag()) * (pairs / 2).log()).sum(), limit)
            ),
            "the order is: one draw, two draws, the limit": torch.stack((limit, two, one)),
        },
    )
    c = (q * 2 * w[:, None] / pairs).sum(1)
    answers.close(
        "q_2",
        q * c,
        {
            "this is the posterior, which is the limit for many draws": joint / joint.sum(),
            "these are the factors c_2; q is missing": c,
            "this is the encoder, which is the case of one draw": q,
            "the factor k = 2 is missing: it does not sum to one": q * c / 2,
            "the second draw comes from the encoder, too; average over it with q": (
                q * (2 * w[:, None] / pairs).mean(1) / (q * (2 * w[:, None] / pairs).mean(1)).sum()
            ),
        },
    )


@CHAPTER.exercise(
    "update",
    "The weighted update",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="update",
    defines={
        "slopes": "a function (t [batch], k) that returns the derivatives of the loss with respect to t, [batch]",
        "factor": "the number by which the minimax step of the given batch is to be divided",
    },
    given=lambda draw: {"logits": [-2.0, -0.5, 0.3, -1.2] if not draw.variant else draw.reals(4, -3, 1, 1)},
)
def update(answers, logits):
    for seed, batch, k in ((1, 12, 3), (2, 8, 8), (3, 6, 1)):
        t = random(seed, batch) - 0.5
        weights, groups = t.view(-1, k).softmax(-1).flatten(), batch // k
        right = -weights * (-t).sigmoid() / groups
        moved = t.clone().requires_grad_()
        whole = (moved.view(-1, k).softmax(-1) * softplus(-moved.view(-1, k))).sum(-1).mean()
        mistakes = {
            "the weights are constants: nothing is to be differentiated through them": torch.autograd.grad(
                whole, moved
            )[0],
            "this is the plain GAN; the weights are missing": -(-t).sigmoid() / batch,
            "weights are normalised within each group of k": -t.softmax(0) * (-t).sigmoid(),
            "the groups are averaged; you added them": right * groups,
            "this is the direction up; the loss goes down along its negative": -right,
            "this is the minimax step, which is not divided by anything": -t.sigmoid() / batch,
            "within a group the weights sum to one already; you divided by k once more": right / k,
            "the weights are the odds D / (1 - D), not D": (
                -(t.sigmoid().view(-1, k) / t.sigmoid().view(-1, k).sum(-1, keepdim=True)).flatten()
                * (-t).sigmoid()
                / groups
            ),
        }
        answers.close("slopes", right, mistakes, at=(t, k))
    t = table(logits)
    odds = t.exp().mean()
    answers.close(
        "factor",
        odds,
        {
            "this is the mean of D; the odds are D / (1 - D)": t.sigmoid().mean(),
            "the mean of the odds, not the odds of the mean logit": t.mean().exp(),
            "the step is a mean over the batch, so it is the mean of the odds, not their sum": t.exp().sum(),
            "divided by, not multiplied with": 1 / odds,
            "this is the mean of the inverse odds": (-t).exp().mean(),
        },
    )


@CHAPTER.exercise(
    "constant",
    "A bound on a constant",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="bound",
    defines={
        "first": "the bound with one draw, L_1(0)",
        "last": "what it tends to for many draws",
        "best": "what it tends to when the discriminator is optimal for d and g",
        "teaches": "what the generator learns then: 'nothing', 'the minimax step' or 'the non-saturating step'",
    },
    given=lambda draw: (
        {"D": [0.3, 0.6, 0.2, 0.8], "d": [0.2, 0.3, 0.1, 0.4], "g": [0.35, 0.15, 0.3, 0.2]}
        if not draw.variant
        else {"D": draw.reals(4, 0.1, 0.9), **unlike(draw)}
    ),
)
def constant(answers, D, d, g):
    D, d, g = table(D), table(d), table(g)
    m = (d + g) / 2
    Z = (D * m).sum()
    answers.close(
        "first",
        (g * (D * m / g).log()).sum(),
        {
            "this is the average of log D; the densities belong to the weight": (g * D.log()).sum(),
            "the logarithm stands inside the average for one draw": Z.log(),
            "the examples are drawn from the generator": (m * (D * m / g).log()).sum(),
            "the pile m has half of each kind": (g * (2 * D * m / g).log()).sum(),
            "of the wrong sign": -(g * (D * m / g).log()).sum(),
            "these are the odds, which are the weights for the optimal discriminator only": (
                g * (D / (1 - D)).log()
            ).sum(),
        },
    )
    answers.close(
        "last",
        Z.log(),
        {
            "this is Z_0; the bound tends to its logarithm": Z,
            "the evidence averages D over the frozen pile m, not over the generator": (g * D).sum().log(),
            "the evidence averages D over the frozen pile m, not over the data": (d * D).sum().log(),
            "the pile m has half of each kind": (2 * Z).log(),
            "the pile has half of each kind; you counted the half twice": (Z / 2).log(),
        },
    )
    answers.close(
        "best",
        -math.log(2),
        {
            "this is Z_0; the bound tends to its logarithm": 0.5,
            "D is d / (d + g), so half of the pile is found real, not all of it": 0.0,
            "of the wrong sign": math.log(2),
        },
    )
    wrong = "Z_0 holds only what is frozen; take its gradient"
    options = ("nothing", "the minimax step", "the non-saturating step")
    answers.say("teaches", "nothing", options, dict.fromkeys(options[1:], wrong))


DIVERGENCES = ("KL(d||g)", "KL(g||d)", "2 JSD(d,g)", "2 KL(m||d)")


@CHAPTER.exercise(
    "score",
    "The same weights on the score",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="descends",
    defines={
        "once": "the mean of the sum for k = 1, as a vector of the derivatives in theta, [4]",
        "pull": "its limit for many draws, [4]",
        "descends": f"what a step up along the limit descends: one of {', '.join(map(repr, DIVERGENCES))}",
    },
    given=lambda draw: {"d": [0.4, 0.3, 0.1, 0.2], "g": [0.1, 0.2, 0.4, 0.3]} if not draw.variant else unlike(draw),
)
def score(answers, d, g):
    d, g = table(d), table(g)
    answers.close(
        "once",
        torch.zeros(4),
        {
            "a single weight, normalised, is one: no data are left in it": d - g,
            "the score of a softmax is one at the drawn place, minus g": g,
            "the mean of a score is taken under g itself": g - d,
        },
        tolerance=1e-2,
    )
    answers.close(
        "pull",
        d - g,
        {
            "of the wrong sign": g - d,
            "the score of a softmax is one at the drawn place, minus g": d,
            "the weighted draws are draws of the data, not of the generator": torch.zeros(4),
            "this is the ratio; the weights are averaged over g": d / g - 1,
        },
        tolerance=1e-3,
    )
    wrong = {
        "KL(g||d)": "compare the step with the gradient of this divergence; the weighted draws come from the data",
        "2 JSD(d,g)": "this is what the weights lead to when they multiply the gradient of log D",
        "2 KL(m||d)": "this is what the update of the plain GAN descends",
    }
    answers.say("descends", "KL(d||g)", DIVERGENCES, wrong)


@CHAPTER.exercise(
    "dial",
    "Between two divergences",
    kind="derive",
    difficulty=3,
    minutes=25,
    points=4,
    goal="descends",
    defines={
        "c": "c_2 at the four places",
        "curvature": "f_2'' at the ratios of the four places, [4]",
        "ends": "the same for k = 1 and for k without bound, [2, 4]",
    },
    given=lambda draw: {"d": [0.35, 0.3, 0.1, 0.25], "g": [0.1, 0.2, 0.4, 0.3]} if not draw.variant else unlike(draw),
)
def dial(answers, d, g):
    d, g = table(d), table(g)
    r = d / g
    quotient = 2 * r[:, None] / (r[:, None] + r)
    c = (g * quotient).sum(1)
    answers.close(
        "c",
        c,
        {
            "the other draw comes from the generator, not from the data": (d * quotient).sum(1),
            "the factor k = 2 is missing": c / 2,
            "the other draw comes from g, which is not uniform": quotient.mean(1),
            "this is the limit for many draws": r,
            "you put the other draw's ratio, r(x_2), above the line": 2 - c,
        },
    )
    answers.close(
        "curvature",
        c / (r**2 * (1 + r)),
        {
            "this is -h'; it is to be divided by r once more": c / (r * (1 + r)),
            "of the wrong sign": -c / (r**2 * (1 + r)),
            "c is missing": 1 / (r**2 * (1 + r)),
            "there is one power of r too many": c / (r**3 * (1 + r)),
        },
    )
    first, last = 1 / (r**2 * (1 + r)), 1 / (r * (1 + r))
    answers.close(
        "ends",
        torch.stack((first, last)),
        {
            "k = 1 comes first": torch.stack((last, first)),
            "for many draws c tends to r, not to one": torch.stack((first, first)),
            "for one draw c is one": torch.stack((last, last)),
            "for many draws c tends to r, not to its square": torch.stack((first, 1 / (1 + r))),
        },
    )


@CHAPTER.exercise(
    "odds",
    "Other odds",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="descends",
    defines={
        "changed": "whether the normalised weights change, True or False",
        "curvature": "a function (r [n]) that returns f''(r) [n] for many draws",
        "divergence": "D_f(d || g) for the given d and g",
    },
    given=lambda draw: (
        {"share": 0.25, "d": [0.4, 0.3, 0.1, 0.2], "g": [0.1, 0.25, 0.35, 0.3]}
        if not draw.variant
        else {"share": draw.choice([0.1, 0.2, 0.3, 0.7, 0.8]), **unlike(draw)}
    ),
)
def odds(answers, share, d, g):
    answers.say("changed", False, (True, False), {True: "put the odds into the quotient, and see what drops out"})
    r = torch.linspace(0.1, 5, 25, dtype=torch.float64)
    rest = 1 - share
    right = rest / (r * (rest + share * r))
    answers.close(
        "curvature",
        right,
        {
            "this belongs to as many real examples as made ones": 1 / (r * (1 + r)),
            "the normalised weights lose the factor share / (1 - share) of the odds": share / rest * right,
            "this is -h'; it is to be divided by r once more": r * right,
            "the gradient of log D has 1 - D before that of log r, not D": share * r / (rest + share * r) / r,
            "share belongs to the real examples": share / (r * (share + rest * r)),
            "for many draws c tends to r": right / r,
            "of the wrong sign": -right,
        },
        at=(r,),
    )
    d, g = table(d), table(g)
    m, half = share * d + rest * g, (d + g) / 2
    js = share * kl(d, m) + rest * kl(g, m)
    answers.close(
        "divergence",
        js / share,
        {
            "a factor is missing: compare the second derivatives": js,
            "this belongs to as many real examples as made ones": kl(d, half) + kl(g, half),
            "the mixture is right; the two KLs have the weights share and 1 - share": (kl(d, m) + kl(g, m)) / 2 / share,
            "this factor belongs to the other of the two shares": js / rest,
            "of the wrong sign": -js / share,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "temper",
    "A dial without draws",
    kind="derive",
    difficulty=3,
    minutes=35,
    points=5,
    goal="descends",
    defines={
        "curvature": "a function (r [n], alpha) that returns f''(r) [n], for the given d and g",
        "divergence": "D_f(d || g) for alpha = 2",
    },
    given=lambda draw: {"d": [0.15, 0.4, 0.3, 0.15], "g": [0.3, 0.2, 0.2, 0.3]} if not draw.variant else unlike(draw),
)
def temper(answers, d, g):
    d, g = table(d), table(g)
    ratio = d / g
    r = torch.linspace(0.2, 4, 20, dtype=torch.float64)
    for alpha in (0.0, 0.5, 1.0, 2.0):
        C = (g * ratio**alpha).sum()
        right = r ** (alpha - 2) / (C * (1 + r))
        answers.close(
            "curvature",
            right,
            {
                "the weights are normalised: they are divided by their mean under g": C * right,
                "this is -h'; it is to be divided by r once more": r * right,
                "the mean is that of the tempered weights under g, not under d": C * right / (d * ratio**alpha).sum(),
                "of the wrong sign": -right,
                "the odds are raised to the power alpha, and D is not": r ** (alpha - 1) / (C * (1 + r**alpha)) / r,
                "there is one power of r too many": right / r,
            },
            at=(r, alpha),
        )
    m, C = (d + g) / 2, (g * ratio**2).sum()
    value = 2 * kl(m, g) / C
    answers.close(
        "divergence",
        value,
        {
            "the mean of the squared odds is to be divided by": C * value,
            "this is the non-saturating loss's own divergence, not its mirror image": 2 * kl(m, d) / C,
            "the mixture stands first": 2 * kl(g, m) / C,
            "the factor 2 is missing": value / 2,
            "this is the forward KL; 2 JSD is to be taken away": kl(d, g) / C,
            "this is 2 JSD": (kl(d, m) + kl(g, m)) / C,
        },
        tolerance=1e-3,
    )
