"""Exercises of chapter 04."""

import math

import torch
from torch.nn.functional import logsigmoid, softplus

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import tensor

CHAPTER = Chapter(
    4,
    {
        "ratio": "Compute a density ratio, and a bound on a divergence, from a classifier's answers.",
        "descends": "Derive what a generator's loss descends, and build the loss that descends a given divergence.",
        "push": "Predict how hard and where to a loss pushes samples, and which mode is kept.",
        "game": "Show how two players circle, and build a distance that does not saturate.",
    },
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@CHAPTER.exercise(
    "prior",
    "Other odds",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=3,
    goal="ratio",
    defines={
        "best": "a function (d [n], g [n], share) that returns the optimal discriminator, [n]",
        "excess": "what must be subtracted from its logit to get log d/g, for the given share, a number",
    },
    given=lambda draw: {"share": draw.choice([0.1, 0.25, 0.6, 0.7, 0.9]) if draw.variant else 0.8},
)
def odds(answers, share):
    d, g = random(5).exp(), random(5, seed=1).exp()
    for part in (0.3, 0.9):
        answers.close(
            "best",
            part * d / (part * d + (1 - part) * g),
            {
                "the coin is not fair any more": d / (d + g),
                "the share is that of real examples, you gave it to the generated ones": (1 - part)
                * d
                / ((1 - part) * d + part * g),
                "this is the probability that x is generated": (1 - part) * g / (part * d + (1 - part) * g),
                "these are the odds, not the probability": part * d / ((1 - part) * g),
                "it does not sum to one with the other answer": part * d,
                "the generated examples have a share, too": part * d / (part * d + g),
            },
            at=(d, g, part),
        )
    log_odds = math.log(share / (1 - share))
    answers.close(
        "excess",
        log_odds,
        {
            "this is what must be added": -log_odds,
            "the generated examples have a share, too": math.log(share),
            "these are the odds, not their logarithm": share / (1 - share),
            "this is one side only: a fair coin has nothing in excess": math.log(2 * share),
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "value",
    "The value, from logits",
    kind="build",
    difficulty=1,
    minutes=15,
    points=4,
    goal="ratio",
    defines={
        "value": "a function (real [n], made [m]) of logits that returns an estimate of V, in nats, a number",
        "bound": "a function of the same arguments that returns the lower bound on the JSD that follows, a number",
        "jsd": "the bound that the given loss of a discriminator implies, a number",
    },
    given=lambda draw: {"loss": draw.real(0.5, 1.3) if draw.variant else 0.9},
)
def value(answers, loss):
    real, made = random(9) + 1, random(7, seed=1) - 0.5
    right = float(logsigmoid(real).mean() + logsigmoid(-made).mean())
    answers.close(
        "value",
        right,
        {
            "this is the loss that the discriminator minimises": -right,
            "the two expectations have the weight 1 each, not one half": right / 2,
            "on generated samples the discriminator is right when it says 0": float(
                logsigmoid(real).mean() + logsigmoid(made).mean()
            ),
            "real and generated samples are exchanged": float(logsigmoid(-real).mean() + logsigmoid(made).mean()),
            "these are sums over the samples, not means": float(logsigmoid(real).sum() + logsigmoid(-made).sum()),
            "you averaged the answers before the logarithm": float(
                real.sigmoid().mean().log() + (1 - made.sigmoid().mean()).log()
            ),
        },
        at=(real, made),
    )
    sure = (tensor([1000.0, 900.0]), tensor([1000.0, -900.0]))
    try:
        answers.close("value", -500.0, at=sure)
    except Wrong as wrong:
        if "not finite" in str(wrong):
            raise Wrong(
                "value: for large logits the logarithm of 1 - D is not finite; compute it from the logit."
            ) from None
        raise
    answers.close(
        "bound",
        (right + math.log(4)) / 2,
        {
            "the constant log 4 is missing": right / 2,
            "V holds twice the JSD": right + math.log(4),
            "log 4 is added, not taken off": (right - math.log(4)) / 2,
        },
        at=(real, made),
    )
    answers.close(
        "jsd",
        (math.log(4) - loss) / 2,
        {
            "the loss is minus the value": (math.log(4) + loss) / 2,
            "V holds twice the JSD": math.log(4) - loss,
            "the constant log 4 is missing": -loss / 2,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "substitute",
    "Freeze or substitute?",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=5,
    goal="descends",
    defines={
        "frozen": "a function (d [n], theta [n]) that returns the gradient in theta with D* frozen, [n]",
        "full": "a function (d [n], theta [n]) that returns the gradient in theta with D* substituted, [n]",
        "combination": "the substituted loss: 'KL(g||d) - KL(g||m)', 'KL(g||d) - 2 JSD' or '2 KL(m||d)'",
    },
)
def substitute(answers):
    d, theta = random(5).softmax(0), random(5, seed=1)
    g = theta.softmax(0)
    through = lambda cost: g * (cost - (g * cost).sum())  # from a cost per place to the logits of g
    frozen = through(-(d / (d + g)).log())
    full = through(((d + g) / d).log() + g / (d + g))
    minimax = through((g / (d + g)).log())
    answers.close(
        "frozen",
        frozen,
        {
            "this gradient goes through D* as well: D* is frozen here": full,
            "this is the gradient of the minimax loss": minimax,
            "the sign is wrong: the generator descends": -frozen,
            "this is the gradient in g; theta are the logits of g": -(d / (d + g)).log(),
            "where one probability rises the others fall: a softmax takes the average off": -g * (d / (d + g)).log(),
            "this is the gradient of the reverse KL": through((g / d).log()),
        },
        at=(d, theta),
    )
    answers.close(
        "full",
        full,
        {
            "D* is frozen here, but it depends on theta, too": frozen,
            "this is the gradient of the minimax loss": minimax,
            "the sign is wrong: the generator descends": -full,
        },
        at=(d, theta),
    )
    answers.say(
        "combination",
        "KL(g||d) - KL(g||m)",
        ["KL(g||d) - KL(g||m)", "KL(g||d) - 2 JSD", "2 KL(m||d)"],
        {
            "KL(g||d) - 2 JSD": "the frozen loss descends this; no average over d is in the substituted one",
            "2 KL(m||d)": "the frozen loss descends this; no average over d is in the substituted one",
        },
    )


@CHAPTER.exercise(
    "own-link",
    "A link of your own",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="descends",
    defines={
        "hellinger": "a function (t [n]) that returns the loss that descends the Hellinger distance, [n]",
        "power": "a function (t [n], a) that returns the one that descends the power family, [n]",
    },
)
def own_link(answers):
    t, zero = torch.linspace(-2, 2, 9, dtype=torch.float64), torch.zeros(9, dtype=torch.float64)

    def compare(name, arguments, right, mistakes):
        """A constant in the loss does not matter: compare what is above the value at t = 0."""
        got = answers.values(name, t, *arguments, shape=[9]) - answers.values(name, zero, *arguments, shape=[9])
        if torch.allclose(got, right - right[4], rtol=1e-4, atol=1e-4):
            return
        for sentence, wrong in mistakes.items():
            if torch.allclose(got, wrong - wrong[4], rtol=1e-3, atol=1e-3):
                raise Wrong(f"{name}: {sentence}.")
        raise Wrong(f"{name}: against an optimal discriminator this loss descends something else.")

    root = (t / 2).exp()
    compare(
        "hellinger",
        (),
        -root,
        {
            "the sign is wrong: looking real must be rewarded": root,
            "this is f of the ratio, the integrand of the divergence; the loss is f - r f'": (root - 1) ** 2,
            "this is f', what an f-GAN's discriminator puts out": 1 - 1 / root,
            "the ratio is exp(t); its root is something else": -t.exp(),
            "this descends a multiple of it": -2 * root,
            "h' is -r f''; you integrated -f''": 1 / root,
        },
    )
    for a in (0.3, 1.7, -0.6):
        high = (a * t).exp()
        compare(
            "power",
            (a,),
            -high / a,
            {
                "the sign is wrong: looking real must be rewarded": high / a,
                "the factor 1/a is missing": -high,
                "this is f of the ratio; the loss is f - r f'": (high - 1 - a * (t.exp() - 1)) / (a * (a - 1)),
                "this is f' of the ratio; the loss is f - r f'": ((t * (a - 1)).exp() - 1) / (a - 1),
            },
        )


@CHAPTER.exercise(
    "push",
    "Who is pushed hardest",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=3,
    goal="push",
    defines={
        "minimax": "the index of the sample that the minimax loss pushes hardest, a number",
        "non_saturating": "the index of the sample that the non-saturating loss pushes hardest, a number",
        "weights": "a function (t [n]) that returns the weights of minimax, non-saturating, reverse KL and KL, [4, n]",
    },
    given=lambda draw: {"logits": draw.reals(5, -5, 2, 1) if draw.variant else [-0.5, -4.0, 1.0, -2.0, 0.2]},
)
def push(answers, logits):
    high, low = logits.index(max(logits)), logits.index(min(logits))
    for name, right, other in (("minimax", high, low), ("non_saturating", low, high)):
        answers.close(
            name,
            right,
            {"this is the sample that the other of the two losses pushes hardest": other},
            tolerance=1e-3 / max(right, 1e-3),
        )
    t = torch.linspace(-3, 2, 6, dtype=torch.float64)
    D = t.sigmoid()
    right = torch.stack([D, 1 - D, torch.ones_like(t), t.exp()])
    answers.close(
        "weights",
        right,
        {
            "minimax and non-saturating are exchanged": right[[1, 0, 2, 3]],
            "these are the slopes of the losses; the weights are their sizes": -right,
            "these are the losses, not their slopes": torch.stack([-softplus(t), softplus(-t), -t, -t.exp()]),
            "reverse KL and KL are exchanged": right[[0, 1, 3, 2]],
            "the slopes in D are not those in the logit": torch.stack(
                [1 / (1 - D), 1 / D, 1 / (D * (1 - D)), 1 / (1 - D) ** 2]
            ),
        },
        at=(t,),
    )


def minimax_pull(distance):
    x = torch.linspace(-12, 12, 4801, dtype=torch.float64) + distance
    g = torch.exp(-((x - distance) ** 2) / 2) / math.sqrt(2 * math.pi)
    D = (distance**2 / 2 - distance * x).sigmoid()
    return float(distance * (g * D).sum() * (x[1] - x[0]))


def given_pull(draw):
    distance = draw.choice([0.5, 1.5, 2.5]) if draw.variant else 3.0  # at 2 a square is twice the number
    return {"distance": distance, "minimax": round(minimax_pull(distance), 6)}


@CHAPTER.exercise(
    "pull",
    "Far from the data",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=4,
    goal="push",
    defines={
        "reverse": "the pull of the reverse-KL loss on the mean, a number",
        "forward": "the pull of the KL loss on the mean, a number",
        "non_saturating": "the pull of the non-saturating loss on the mean, a number",
        "share": "the share of a batch that carries the gradient of the KL loss, a number",
    },
    given=given_pull,
)
def pull(answers, distance, minimax):
    nats = {
        "this is the divergence, not its slope": distance**2 / 2,
        "this is a pull of the minimax loss": minimax,
        "the pull is the slope of the divergence at this distance": 1 if distance != 1 else -1,
    }
    answers.close("reverse", distance, nats, tolerance=1e-3)
    answers.close("forward", distance, nats, tolerance=1e-3)
    answers.close(
        "non_saturating",
        distance - minimax,
        {
            "far from the data the two losses do not pull alike": minimax,
            "1 - D and D sum to one; so do the pulls, in units of the reverse KL's": 1 - minimax,
            "this is the pull of the reverse KL": distance,
        },
        tolerance=1e-3,
    )
    answers.close(
        "share",
        math.exp(-(distance**2)),
        {
            "the distance counts squared": math.exp(-distance),
            "this is how many samples it takes for one that counts": math.exp(distance**2),
            "the mean of the ratio is 1, and that of its square is larger than this": math.exp(-(distance**2) / 2),
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "labels",
    "Least squares with other labels",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="descends",
    defines={
        "best": "a function (r [n]) of density ratios d/g that returns the best output, [n]",
        "loss": "a function (r [n]) that returns the generator's loss at that output, [n]",
        "curvature": "a function (r [n]) that returns f'' of the divergence that the generator descends, [n]",
    },
    given=lambda draw: (
        {"real_label": draw.real(0.5, 2, 1), "fake_label": draw.real(-2, -0.5, 1)}
        if draw.variant
        else {"real_label": 1.0, "fake_label": -1.0}
    ),
)
def labels(answers, real_label, fake_label):
    r = tensor([0.2, 0.7, 1.0, 1.9, 5.0])
    gap = real_label - fake_label
    best = (real_label * r + fake_label) / (1 + r)
    answers.close(
        "best",
        best,
        {
            "these are the labels 1 and 0": r / (1 + r),
            "the two labels are exchanged": (fake_label * r + real_label) / (1 + r),
            "this is the average of a real and a generated label, without the densities": torch.full_like(
                r, (real_label + fake_label) / 2
            ),
            "this is the best output of the logistic link, a logit": r.log(),
        },
        at=(r,),
    )
    h = gap**2 / (2 * (1 + r) ** 2)
    answers.close(
        "loss",
        h,
        {
            "the factor one half is missing": 2 * h,
            "the generator wants the label of real examples, not the other": (best - fake_label) ** 2 / 2,
            "these are the labels 1 and 0": 1 / (2 * (1 + r) ** 2),
        },
        at=(r,),
    )
    right = gap**2 / (r * (1 + r) ** 3)
    answers.close(
        "curvature",
        right,
        {
            "the slope of the loss is still to be divided by r": right * r,
            "the sign is wrong: the loss falls, and f is convex": -right,
            "h' is multiplied by 1/r, not by r": right * r**2,
            "these are the labels 1 and 0": right / gap**2,
            "this is the slope of the loss itself": -right * r,
            "the gap between the labels counts squared": right / gap,
        },
        at=(r,),
    )


@CHAPTER.exercise(
    "conjugate",
    "A bound for every critic",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="descends",
    defines={
        "conjugate": "a function (s [n]) that returns f*(s) for s < 1, [n]",
        "best": "a function (r [n]) of density ratios d/g that returns T*, [n]",
        "bound": "a function (real [n], made [m]) of what a critic T says that returns the bound, a number",
    },
)
def conjugate(answers):
    s, r = tensor([-3.0, -1.0, -0.2, 0.0, 0.4, 0.9]), tensor([0.1, 0.6, 1.0, 2.5, 9.0])
    right = s / (1 - s)
    answers.close(
        "conjugate",
        right,
        {
            "this is f itself": (s.abs().sqrt() - 1) ** 2,
            "f ends in + 1, which is taken off": 1 / (1 - s),
            "the sign is wrong: it is a supremum of us - f(u)": -right,
            "this is the u at which the supremum stands, not the supremum": (1 - s) ** -2,
            "f is to be taken off at that u, not at s": s / (1 - s) ** 2,
        },
        at=(s,),
    )
    slope = 1 - r**-0.5
    answers.close(
        "best",
        slope,
        {
            "this is f of the ratio, not its slope": (r.sqrt() - 1) ** 2,
            "this is the slope for the ratio g/d": 1 - r.sqrt(),
            "this is the best logit of a logistic discriminator": r.log(),
            "the chain rule takes the factor 2 away again": 2 * slope,
        },
        at=(r,),
    )
    real, made = 0.5 - random(8).exp(), 0.3 - random(6, seed=1).exp()
    value = float(real.mean() - (made / (1 - made)).mean())
    answers.close(
        "bound",
        value,
        {
            "this is the difference of means, which a Wasserstein critic maximises": float(real.mean() - made.mean()),
            "real and generated samples are exchanged": float(made.mean() - (real / (1 - real)).mean()),
            "this is minus the bound, a loss": -value,
            "the conjugate belongs to the generated samples": float((real / (1 - real)).mean() - made.mean()),
            "f* of the mean is not the mean of f*": float(real.mean() - made.mean() / (1 - made.mean())),
        },
        at=(real, made),
    )


@CHAPTER.exercise(
    "w1",
    "A distance that does not saturate",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="game",
    defines={
        "w1": "a function (x [n], y [n]) that returns the Wasserstein distance of two samples on the line, a number",
        "distance": "that of the two given uniform densities, a number",
        "jsd": "their Jensen-Shannon divergence, a number",
    },
    given=lambda draw: {
        "width": draw.real(0.5, 1.5, 1) if draw.variant else 1.0,
        "shift": draw.real(2, 5, 1) if draw.variant else 3.0,
    },
)
def wasserstein(answers, width, shift):
    for seed in (0, 2):
        x, y = random(12, seed=seed), 1.5 * random(12, seed=seed + 1) + 0.3
        right = (x.sort().values - y.sort().values).abs().mean()
        answers.close(
            "w1",
            right,
            {
                "mass must take the shortest ways; yours pairs the samples as they come": (x - y).abs().mean(),
                "this is the distance of the means; two densities with one mean may differ": (
                    x.mean() - y.mean()
                ).abs(),
                "mass times distance, not times its square": (x.sort().values - y.sort().values).square().mean(),
                "this is a sum over the samples; each has the mass 1/n": 12 * right,
                "this is the average over all pairs": (x[:, None] - y).abs().mean(),
                "this is the transport with squared distances, its root": (x.sort().values - y.sort().values)
                .square()
                .mean()
                .sqrt(),
            },
            at=(x, y),
        )
    answers.close(
        "distance",
        shift,
        {
            "every bit of mass goes the same way, gaps included": shift - width,
            "mass times distance, not times its square": shift**2,
            "this is the way from end to end": shift + width,
        },
        tolerance=1e-3,
    )
    answers.close(
        "jsd",
        math.log(2),
        {
            "this is twice it, the first part of the value of the game": 2 * math.log(2),
            "the densities do not overlap: it is at its maximum": 0,
            "these are bits": 1,
            "it does not feel the distance": shift,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "greedy",
    "Many steps against one discriminator",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="push",
    defines={
        "best": "the distribution g over the places at which the frozen loss is lowest, [n]",
        "loss": "the lowest loss, in nats, a number",
        "minimax": "whether the minimax loss leads to the same g, True or False",
    },
    given=lambda draw: {"D": draw.reals(5, 0.1, 0.9) if draw.variant else [0.3, 0.6, 0.2, 0.8, 0.5]},
)
def greedy(answers, D):
    values = tensor(D)
    g = answers.tensor("best", [len(D)])
    if (g < -1e-6).any() or abs(float(g.sum()) - 1) > 1e-4:
        raise Wrong("best: probabilities are not negative and sum to one.")
    peak = torch.nn.functional.one_hot(values.argmax(), len(D)).double()
    answers.close(
        "best",
        peak,
        {
            "nothing in the loss asks for spread: mass elsewhere costs more": values / values.sum(),
            "here the discriminator is surest that the sample is fake": torch.nn.functional.one_hot(
                values.argmin(), len(D)
            ).double(),
            "this spreads the samples evenly, and no term of the loss asks for that": torch.full_like(
                values, 1 / len(D)
            ),
        },
    )
    answers.close(
        "loss",
        -math.log(max(D)),
        {
            "the sign is wrong": math.log(max(D)),
            "this is the minimax loss": math.log(1 - max(D)),
            "this is the loss of evenly spread samples": float(-values.log().mean()),
        },
        tolerance=1e-3,
    )
    answers.say(
        "minimax", True, [True, False], {False: "both losses fall as D rises; what follows for the place that is best?"}
    )


@CHAPTER.exercise(
    "dirac",
    "Round and round",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="game",
    defines={
        "together": "the factor by which a step of both at once changes the distance to the solution, a number",
        "in_turn": "what players who take turns do: 'spiral out', 'circle' or 'spiral in'",
        "shrink": "the size of the eigenvalues with the penalty, in turn, a number",
        "steps": "the number of steps with the penalty in which the distance falls to a tenth, a number",
    },
    given=lambda draw: {
        "alpha": draw.choice([0.05, 0.15, 0.2]) if draw.variant else 0.1,
        "gamma": draw.real(0.2, 1.2, 1) if draw.variant else 0.5,
    },
)
def dirac(answers, alpha, gamma):
    answers.close(
        "together",
        math.sqrt(1 + alpha**2),
        {
            "this is the determinant, the factor of areas": 1 + alpha**2,
            "they do not stay on a circle": 1,
            "this is a factor of one coordinate; look at both": 1 + alpha,
        },
        tolerance=1e-5,
    )
    answers.say(
        "in_turn",
        "circle",
        ["spiral out", "circle", "spiral in"],
        {
            "spiral out": "the determinant of the step is not above 1",
            "spiral in": "the determinant of the step is not below 1",
        },
    )
    right = math.sqrt(1 - alpha * gamma)
    answers.close(
        "shrink",
        right,
        {
            "this is the determinant, the product of two eigenvalues": 1 - alpha * gamma,
            "without the penalty it would be this": 1,
            "with the penalty the spiral turns inwards": math.sqrt(1 + alpha * gamma),
            "the penalty is half of gamma phi squared: its slope has no one half": math.sqrt(1 - alpha * gamma / 2),
        },
        tolerance=1e-5,
    )
    steps = math.log(10) / -math.log(right)
    if not steps * 0.995 <= answers.number("steps") <= math.ceil(steps):  # rounded up or not
        answers.close(
            "steps",
            steps,
            {
                "this is with the determinant in place of the eigenvalue": steps / 2,
                "this is until it has halved": math.log(2) / -math.log(right),
                "a distance that shrinks takes a positive number of steps": -steps,
            },
            tolerance=5e-3,
        )


@CHAPTER.exercise(
    "js-drops",
    "A symmetric divergence drops a mode",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="push",
    defines={
        "mu": "the mean of the best single Gaussian under the JSD, a number",
        "sigma": "its standard deviation, a number",
        "nats": "its JSD, a number",
    },
    given=lambda draw: {
        "weight": draw.real(0.25, 0.4) if draw.variant else 0.35,
        "half": draw.real(5.5, 7, 1) if draw.variant else 5.0,
    },
)
def drops(answers, weight, half):
    mu, sigma = answers.number("mu"), answers.number("sigma")
    if abs(mu) < 0.7 * half and sigma > 2:
        raise Wrong("mu: this Gaussian covers both modes; compare what it costs with what a single mode costs.")
    answers.close("mu", half, {"this is the lighter mode; which one is dearer to lose?": -half}, tolerance=0.05 / half)
    answers.close("sigma", 1, {"no mode is so wide": 2 * half}, tolerance=0.05)
    w = 1 - weight
    kept = (w * math.log(w) - (1 + w) * math.log((1 + w) / 2)) / 2
    lost = weight * math.log(2) / 2
    answers.close(
        "nats",
        kept + lost,
        {
            "the missed data are not paid": kept,
            "only the missed data are paid": lost,
            "the halves of the definition are missing": 2 * (kept + lost),
            "this is what the other mode costs": (weight * math.log(weight) - (1 + weight) * math.log((1 + weight) / 2))
            / 2
            + w * math.log(2) / 2,
        },
        tolerance=5e-3,
    )


@CHAPTER.exercise(
    "finite",
    "Two finite samples",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="ratio",
    defines={
        "fresh": "the JSD of two samples of n numbers that share none, a number",
        "jsd": "the JSD if so many of the n numbers are in both samples, a number",
        "value": "the supremum of V over discriminators that may memorise, in this second case, a number",
    },
    given=lambda draw: (
        {"n": 100, "shared": 20}
        if not draw.variant
        else {"n": draw.choice([50, 80, 200]), "shared": draw.randint(5, 20)}
    ),
)
def finite(answers, n, shared):
    part = shared / n
    answers.close(
        "fresh",
        math.log(2),
        {
            "the two densities are the same, but the two samples are not": 0,
            "this is twice it": 2 * math.log(2),
            "it does not depend on the size of the samples": math.log(n),
        },
        tolerance=1e-3,
    )
    answers.close(
        "jsd",
        (1 - part) * math.log(2),
        {
            "the numbers in both samples cannot be told apart": math.log(2),
            "this is what the shared numbers would pay if they could be told apart": part * math.log(2),
            "the halves of the definition are missing": 2 * (1 - part) * math.log(2),
            "each number has the mass 1/n in its set, whatever is in the other": (1 - shared / (2 * n - shared))
            * math.log(2),
        },
        tolerance=1e-3,
    )
    answers.close(
        "value",
        -part * math.log(4),
        {
            "on the shared numbers even the best discriminator must guess": 0,
            "the constant log 4 is missing": 2 * (1 - part) * math.log(2),
            "V holds twice the JSD": (1 - part) * math.log(2) - math.log(4),
            "the sign is wrong: V is never positive": part * math.log(4),
        },
        tolerance=1e-3,
    )
