"""Exercises of chapter 06. Features take few values: p(x|y) is a list of probabilities."""

import math

import torch
from torch.nn.functional import cross_entropy, softplus

from ..exercise import Chapter
from ..finite import exactly, kl

LOG4 = math.log(4)
CHAPTER = Chapter(
    6,
    {
        "players": "Build the losses of both players, and the best discriminator for domains of any size.",
        "descends": "Show what the features descend, and compute that reversed answers have no potential.",
        "promise": "Compute what alike features promise a classifier.",
        "failure": "Predict where alignment must fail, and build the remedy for label shift.",
    },
)


def densities(seed, count, n=5):
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(count, n, generator=draws, dtype=torch.float64).softmax(-1)


def jsd(a, b):
    return (kl(a, (a + b) / 2) + kl(b, (a + b) / 2)) / 2


def tv(a, b):
    return (a - b).abs().sum(-1) / 2


def balanced(draw, n):
    """A direction in which probabilities may move: it sums to zero."""
    first = draw.reals(n - 1, -0.3, 0.3)
    return [*first, round(-sum(first), 2)]


@CHAPTER.exercise(
    "losses",
    "Two players, two ways to fool",
    kind="build",
    difficulty=1,
    minutes=15,
    points=3,
    goal="players",
    defines={
        "phi_loss": "a function (logit1 [n], logit0 [m]) that returns the discriminator's loss",
        "ada_loss": "a function (logit1 [n], logit0 [m], named [n, K], t [n]) that returns what ADA's features descend",
        "dann_loss": "the same for DANN",
        "apart": "ADA's loss minus DANN's for the given logits, a number",
    },
    given=lambda draw: {"logit1": draw.reals(3, -2, 2), "logit0": draw.reals(4, -2, 2)},
)
def losses(answers, logit1, logit0):
    draws = torch.Generator().manual_seed(0)
    t1, t0 = (torch.randn(n, generator=draws, dtype=torch.float64) for n in (6, 9))
    named = torch.randn(6, 3, generator=draws, dtype=torch.float64)
    t = torch.tensor([0, 2, 1, 1, 0, 2])
    phi = softplus(-t1).mean() + softplus(t0).mean()
    reverse = softplus(t1).mean() + softplus(-t0).mean()
    mistakes = {
        "these are the reversed answers, which the features want": reverse,
        "the factor 1/2 of p(y) is left out of losses as coded": phi / 2,
        "it is an average over each domain, not a sum": softplus(-t1).sum() + softplus(t0).sum(),
        "each domain has weight 1, however many examples there are": torch.cat([softplus(-t1), softplus(t0)]).mean(),
        "the sign is turned: a loss is minimised": -phi,
    }
    answers.close("phi_loss", phi, mistakes, at=(t1, t0))
    classify = cross_entropy(named, t)
    for name, right, other in (("ada_loss", reverse, -phi), ("dann_loss", -phi, reverse)):
        mistakes = {
            "the classifier's loss is missing": right,
            "this is the other way to fool": classify + other,
            "the features descend what the discriminator descends": classify + phi,
            "the factor 1/2 of p(y) is left out of losses as coded": classify + right / 2,
            "the sign of the adversary's part is turned": classify - right,
            "the classifier's loss is an average, not a sum": classify * 6 + right,
        }
        answers.close(name, classify + right, mistakes, at=(t1, t0, named, t))
    t1, t0 = exactly(logit1, logit0)
    right = (softplus(t1) + softplus(-t1)).mean() + (softplus(t0) + softplus(-t0)).mean()
    total = (softplus(t1) + softplus(-t1)).sum() + (softplus(t0) + softplus(-t0)).sum()
    mistakes = {"this is DANN's minus ADA's": -right, "it is an average over each domain, not a sum": total}
    answers.close("apart", right, mistakes)


@CHAPTER.exercise(
    "prior",
    "Domains of unequal size",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="players",
    defines={
        "best": "a function (p1 [n], p0 [n], rho) that returns the optimal D, [n]",
        "alike": "its value where the features are alike, for the given rho, a number",
        "shift": "how much is added to the logit of the optimal D for equal sizes, for the given rho, a number",
        "descended": "what reversed answers descend where the features are alike: 'JSD', 'KL' or 'nothing'",
    },
    given=lambda draw: {"rho": draw.choice((0.15, 0.3, 0.6, 0.7, 0.9)) if draw.variant else 0.8},
)
def prior(answers, rho):
    p1, p0 = densities(1, 2)
    right = 0.3 * p1 / (0.3 * p1 + 0.7 * p0)
    mistakes = {
        "this is the best one for equal sizes": p1 / (p1 + p0),
        "rho is the weight of the source, y = 1": 0.7 * p1 / (0.7 * p1 + 0.3 * p0),
        "this is the probability of the target; D is that of the source": 1 - right,
        "this is its logit": right.logit(),
        "both weights belong into the denominator": 0.3 * p1 / (p1 + p0),
    }
    answers.close("best", right, mistakes, at=(p1, p0, 0.3))
    answers.close("alike", rho, {"that is for equal sizes": 0.5, "rho is the weight of the source": 1 - rho})
    right = math.log(rho / (1 - rho))
    mistakes = {"the sign is turned": -right, "the odds are needed, not the share": math.log(rho)}
    answers.close("shift", right, mistakes)
    told = dict.fromkeys(("JSD", "KL"), "there D is constant in x, and so is the loss")
    answers.say("descended", "nothing", ("JSD", "KL", "nothing"), told)


@CHAPTER.exercise(
    "chase",
    "Chasing, minus the divergence",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="descends",
    defines={
        "chase": "a function (p1 [n], p0 [n], frozen1 [n], frozen0 [n]) that returns the expression in the brackets",
        "slope": "the derivative of the features' loss along the given directions, a number",
        "no_potential": "which terms are not those of a fixed function: 'KL' or 'JSD'",
    },
    given=lambda draw: {
        "p1": draw.simplex(4),
        "p0": draw.simplex(4),
        "v1": [0.2, -0.1, 0.05, -0.15] if not draw.variant else balanced(draw, 4),
        "v0": [-0.1, 0.3, -0.25, 0.05] if not draw.variant else balanced(draw, 4),
    },
)
def chase(answers, p1, p0, v1, v0):
    a, b, c, d = densities(2, 4)  # p1, p0, frozen1, frozen0
    right = kl(b, c) + kl(a, d) - 2 * jsd(a, b)
    mistakes = {
        "each domain chases the frozen copy of the other, not of itself": kl(a, c) + kl(b, d) - 2 * jsd(a, b),
        "each KL has the moving one first": kl(c, b) + kl(d, a) - 2 * jsd(a, b),
        "the JSD is doubled": kl(b, c) + kl(a, d) - jsd(a, b),
        "the JSD is subtracted": kl(b, c) + kl(a, d) + 2 * jsd(a, b),
        "the JSD is that of the moving conditionals": kl(b, c) + kl(a, d) - 2 * jsd(c, d),
        "the JSD is missing": kl(b, c) + kl(a, d),
        "this is the right side of the theorem; another form is asked for": 2 * kl((b + c) / 2, c)
        + 2 * kl((a + d) / 2, d),
    }
    answers.close("chase", right, mistakes, at=(a, b, c, d))
    p1, p0, v1, v0 = exactly(p1, p0, v1, v0)
    D = p1 / (p1 + p0)
    right = -(v1 * (1 - D).log()).sum() - (v0 * D.log()).sum()
    minimax = (v1 * D.log()).sum() + (v0 * (1 - D).log()).sum()
    mistakes = {
        "this is the slope with the gradient reversed; here the answers are reversed": minimax,
        "the sign is turned": -right,
        "the factor 1/2 of p(y) is left out of losses as coded": right / 2,
        "both domains move": -(v0 * D.log()).sum(),
        "the discriminator descends this; the features descend the reversed answers": -minimax,
    }
    answers.close("slope", right, mistakes)
    told = {"JSD": "its two partial derivatives add up to the gradient of one function"}
    answers.say("no_potential", "KL", ("KL", "JSD"), told)


@CHAPTER.exercise(
    "curl",
    "A field without a potential",
    kind="derive",
    difficulty=3,
    minutes=40,
    points=5,
    goal="descends",
    defines={
        "v": "what reversed answers give at theta = 0, [2]",
        "curl": "the derivative of v_1 by theta_2 minus that of v_2 by theta_1, a number",
        "standing": "the same number if p(x|1) does not depend on theta",
    },
    given=lambda draw: {
        "logits": [draw.reals(3, -1, 1), draw.reals(3, -1, 1)],
        "moves": [[draw.reals(2, -1, 1) for _ in range(3)] for _ in range(2)],
    },
)
def curl(answers, logits, moves):
    a, B = exactly(logits, moves)
    theta = torch.zeros(2, dtype=torch.float64)
    density = lambda theta: (a + B @ theta).softmax(-1)  # [y, x]
    p0, p1 = density(theta)
    dp0, dp1 = torch.func.jacrev(density)(theta)  # [x, 2]
    D = p1 / (p0 + p1)
    right = -(dp0.T @ D.log()) - dp1.T @ (1 - D).log()
    minimax = dp1.T @ D.log() + dp0.T @ (1 - D).log()
    mistakes = {
        "the sign is turned": -right,
        "this is the field with the gradient reversed": minimax,
        "the factor 1/2 of p(y) is left out of losses as coded": right / 2,
        "this is the discriminator's; the features want the reversed answers": -minimax,
        "both conditionals move": -(dp0.T @ D.log()),
        "row 0 of the given lists is the target": -(dp1.T @ D.log()) - dp0.T @ (1 - D).log(),
    }
    answers.close("v", right, mistakes, tolerance=3e-4)
    weights = 1 / p0 - 1 / p1
    right = (weights * (dp0[:, 0] * dp1[:, 1] - dp0[:, 1] * dp1[:, 0])).sum()
    mistakes = {
        "the discriminator of v is the best one at each theta: it moves, too": 0.0,
        "the sign is turned, or the two derivatives are exchanged": -right,
        "the difference is not halved": right / 2,
    }
    answers.close("curl", right, mistakes, tolerance=1e-3)
    answers.close("standing", 0.0, {"with one side frozen there is something that is descended": right}, tolerance=0.01)


@CHAPTER.exercise(
    "pinsker",
    "From what is trained to what is promised",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="promise",
    defines={
        "enough": "the JSD that promises that the total variation is at most the given distance, a number (nats)",
        "near": "how near log 4 the loss of the best discriminator is then, a number (nats)",
        "promise": "a function (loss) that returns what the loss of the best discriminator promises for the TV",
    },
    given=lambda draw: {"distance": draw.choice((0.05, 0.2, 0.3, 0.4)) if draw.variant else 0.1},
)
def pinsker(answers, distance):
    right = distance**2 / 2
    mistakes = {
        "m lies half way, so each TV to it is half as large": 2 * distance**2,
        "both halves of the JSD count": distance**2 / 4,
        "the distance enters with its square, and a factor": distance**2,
        "the distance enters with its square": distance / 2,
    }
    answers.close("enough", right, mistakes)
    mistakes = {
        "the value of the game has the JSD twice": right,
        "this is the loss; its distance from log 4 is asked for": LOG4 - 2 * right,
        "the loss is below log 4; give the distance without a sign": -2 * right,
    }
    answers.close("near", 2 * right, mistakes)
    for loss in (1.3, 1.1, 1.38):
        right = math.sqrt(LOG4 - loss)
        mistakes = {
            "the value of the game has the JSD twice": math.sqrt(2 * (LOG4 - loss)),
            "this is its square": right**2,
            "m lies half way, so each TV to it is half as large": right / 2,
            "this is the square root of the JSD": math.sqrt((LOG4 - loss) / 2),
        }
        answers.close("promise", right, mistakes, at=(loss,))


def given_bound(draw):
    """A world in which the target's error is neither the source's nor the accuracy."""
    while True:
        source, target, says = draw.simplex(6), draw.simplex(6), draw.choice(([0, 1, 1], [1, 0, 1], [0, 0, 1]))
        right = [sum(p[2 * x + label] for x, label in enumerate(says)) for p in (target, source)]
        if min(abs(right[0] - other) for other in (0.5, right[1])) > 0.005:
            return {"source": source, "target": target, "says": says}


@CHAPTER.exercise(
    "bound",
    "Three terms for the target",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="promise",
    defines={
        "terms": "a function (p [2, n, K], says [n]) that returns the three terms of the bound, [3]",
        "error": "the target error for the given world and classifier, a number",
        "reads": "which term reads labels of the target: 'classify', 'match' or 'pairing'",
    },
    given=given_bound,
)
def bound(answers, source, target, says):
    def error(p, says):
        return 1 - p[..., torch.arange(p.shape[-2]), says].sum(-1)

    p = densities(3, 2, 12).view(2, 4, 3)
    guess = torch.tensor([1, 0, 2, 1])
    errors, x = error(p, guess), p.sum(-1)
    given_x = p / x[..., None]
    pairing = tv(given_x[1], given_x[0])
    right = torch.stack([errors[1], tv(x[1], x[0]), (x[1] * pairing).sum()])
    mistakes = {
        "the error is that of the source, y = 1": torch.stack([errors[0], right[1], right[2]]),
        "a total variation is half of the sum": torch.stack([right[0], 2 * right[1], 2 * right[2]]),
        "the last term is averaged over the source's features": torch.stack([*right[:2], (x[0] * pairing).sum()]),
        "the last term compares the chances of labels at each feature, not the joint ones": torch.stack(
            [*right[:2], tv(p[1], p[0]).sum()]
        ),
        "the first is the share of errors, not of right answers": torch.stack([1 - right[0], *right[1:]]),
        "the last term is averaged, with the weights p(x|1)": torch.stack([*right[:2], pairing.sum()]),
    }
    answers.close("terms", right, mistakes, at=(p, guess))
    worlds = torch.tensor([target, source], dtype=torch.float64).view(2, 3, 2)
    errors = error(worlds, torch.tensor(says))
    mistakes = {
        "this is the source's": errors[1],
        "this is the accuracy": 1 - errors[0],
        "this is what the bound allows": errors[0] + 1,
    }
    answers.close("error", errors[0], mistakes)
    told = {"classify": "it is the source's error", "match": "it compares features, without their labels"}
    answers.say("reads", "pairing", ("classify", "match", "pairing"), told)


@CHAPTER.exercise(
    "shift",
    "What label shift costs",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="failure",
    defines={
        "target_error": "the least target error with alike features and a perfect source classifier, a number",
        "apart": "the least TV of the features that allows a classifier without errors in both domains, a number",
        "loss": "the least loss of a discriminator that sees the class and nothing else, a number (nats)",
    },
    given=lambda draw: {"source_share": draw.real(0.4, 0.6), "target_share": draw.choice((0.1, 0.15, 0.85, 0.9))},
)
def shift(answers, source_share, target_share):
    right = abs(source_share - target_share)
    a, b = exactly([source_share, 1 - source_share], [target_share, 1 - target_share])
    mistakes = {
        "a total variation is half of the sum over both classes": 2 * right,
        "alike features do not save the target": 0.0,
        "the errors of both domains add up to it, and the source makes none": right / 2,
        "an error rate is not negative": -right,
        "this is the share of the rarer class": min(target_share, 1 - target_share),
    }
    answers.close("target_error", right, mistakes)
    mistakes = {"with alike features somebody is wrong": 0.0, "a total variation is half of the sum": 2 * right}
    answers.close("apart", right, mistakes)
    right = LOG4 - 2 * jsd(a, b)
    mistakes = {
        "a discriminator that can only guess has this loss; the class betrays something": LOG4,
        "the JSD enters twice": LOG4 - jsd(a, b),
        "the sign of the JSD is turned": LOG4 + 2 * jsd(a, b),
        "each domain has the weight 1 in losses as coded": right / 2,
        "this is the value of the game, with the sign turned": -right,
    }
    answers.close("loss", right, mistakes)


@CHAPTER.exercise(
    "reweight",
    "Reweighting",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="failure",
    defines={
        "weigh": "a function (t [n], share [K]) that returns the weight of each source example, [n]",
        "features": "the distribution of the weighted source features, [3]",
        "forced": "the sum of errors that label shift still forces after it, a number",
    },
    given=lambda draw: {
        "p_x_t": [draw.simplex(3), draw.simplex(3)],
        "source_share": draw.real(0.4, 0.6),
        "target_share": draw.choice((0.1, 0.2, 0.8, 0.9)),
    },
)
def reweight(answers, p_x_t, source_share, target_share):
    t = torch.tensor([0, 1, 1, 2, 0, 1, 2, 0, 0, 0])
    share = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    have = torch.bincount(t).double() / len(t)
    right = (share / have)[t]
    mistakes = {
        "the ratio is upside down": (have / share)[t],
        "the source's own proportions are not in it": share[t],
        "this makes all classes equally frequent; the target's proportions are given": (1 / have / 3)[t],
        "they average to 1 over the source: an average of losses keeps its size": right / len(t),
        "proportions are shares, not counts": right / len(t) ** 2,
    }
    answers.close("weigh", right, mistakes, at=(t, share))
    (p,) = exactly(p_x_t)
    mix = lambda first: first * p[0] + (1 - first) * p[1]
    mistakes = {
        "these are the features of the source without weights": mix(source_share),
        "the share belongs to class 0": mix(1 - target_share),
        "it does not sum to one": target_share / source_share * p[0] + (1 - target_share) / (1 - source_share) * p[1],
    }
    answers.close("features", mix(target_share), mistakes)
    mistakes = {"this is what it forces without weights": abs(source_share - target_share)}
    answers.close("forced", 0.0, mistakes, tolerance=0.01)


@CHAPTER.exercise(
    "half-turn",
    "Half a turn",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=2,
    goal="failure",
    defines={
        "turn": "a function (z [n, 2]) that turns points by 180 degrees about the moons' centre, [n, 2]",
        "accuracy": "of the source classifier on the turned moons, a number",
        "best_loss": "the loss of the best discriminator of the raw examples, a number (nats)",
        "game": "what the game can repair: 'all', 'half' or 'nothing'",
    },
    given=lambda draw: {"on_source": draw.choice((0.96, 0.97, 0.98, 0.99, 1.0))},
)
def half_turn(answers, on_source):
    z = torch.randn(7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    centre = torch.tensor([0.5, 0.25], dtype=torch.float64)
    quarter = torch.stack([centre[0] - (z[:, 1] - centre[1]), centre[1] + z[:, 0] - centre[0]], 1)
    mistakes = {
        "this turns about the origin": -z,
        "this is a quarter of a turn": quarter,
        "this is a reflection, not a turn": torch.stack([1 - z[:, 0], z[:, 1]], 1),
        "the centre is subtracted once too often": centre - z,
        "nothing moves": z,
    }
    answers.close("turn", 2 * centre - z, mistakes, at=(z,))
    mistakes = {"the moons exchange places, and their labels with them": on_source, "this is no coin": 0.5}
    answers.close("accuracy", 1 - on_source, mistakes, tolerance=1e-3)
    mistakes = {
        "each domain has the weight 1 in losses as coded": math.log(2),
        "the sign is turned: a loss": -LOG4,
        "there is nothing by which to tell the domains apart": 0.0,
    }
    answers.close("best_loss", LOG4, mistakes)
    told = dict.fromkeys(("all", "half"), "the discriminator sees no difference, so nobody moves the features")
    answers.say("game", "nothing", ("all", "half", "nothing"), told)
