"""Exercises of chapter 17."""

import math

import torch

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import entropy

CHAPTER = Chapter(
    17,
    {
        "told": "Compute what a label adds to the game of a GAN, and what it is worth to a likelihood.",
        "wrong": "Compute what a perfect model learns from labels that are partly wrong.",
        "guessed": "Build the bound of an example whose label must be guessed, and name examples without a labeller.",
        "taught": "Show which part of a semi-supervised objective teaches the labeller, and with what weight.",
        "silent": "Compute how much a labeller says, and show when it says nothing.",
    },
)


def exact(values):
    return torch.tensor(values, dtype=torch.float64)


def normals(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def laws(seed, *shape):
    """Random distributions over the last axis."""
    return (1.2 * normals(seed, *shape)).softmax(-1)


def js(p, q):
    """The Jensen-Shannon divergence over the last axis."""
    m = (p + q) / 2
    kl = lambda a: (torch.special.xlogy(a, a) - torch.special.xlogy(a, m)).sum(-1)
    return (kl(p) + kl(q)) / 2


@CHAPTER.exercise(
    "game",
    "A game at each label",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="told",
    defines={
        "value": "a function (p_t [C], d [C, n], g [C, n]) that returns the least loss of the discriminator, a number",
        "gap": "what the label adds to the JSD, for the given p_t, d and g, a number",
    },
    given=lambda draw: {
        "p_t": draw.simplex(2, least=0.2) if draw.variant else [0.25, 0.75],
        "d": [draw.simplex(3) for _ in "ab"] if draw.variant else [[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]],
        "g": [draw.simplex(3) for _ in "ab"] if draw.variant else [[0.3, 0.3, 0.4], [0.3, 0.5, 0.2]],
    },
)
def game(answers, p_t, d, g):
    weights, data, model = laws(1, 3), laws(2, 3, 5), laws(3, 3, 5)
    conditional = (weights * js(data, model)).sum()
    marginal = js(weights @ data, weights @ model)
    answers.close(
        "value",
        math.log(4) - 2 * conditional,
        {
            "this is the plain GAN's, which sees no label": math.log(4) - 2 * marginal,
            "the labels are not equally frequent": math.log(4) - 2 * js(data, model).mean(),
            "the JSD counts twice in the loss": math.log(4) - conditional,
            "a blind discriminator's loss, log 4, is where one starts": -2 * conditional,
            "the discriminator descends: a divergence lowers its loss": math.log(4) + 2 * conditional,
        },
        at=(weights, data, model),
    )
    p_t, d, g = exact(p_t), exact(d), exact(g)
    conditional, marginal = (p_t * js(d, g)).sum(), js(p_t @ d, p_t @ g)
    answers.close(
        "gap",
        conditional - marginal,
        {
            "this is the whole conditional divergence": conditional,
            "this is the plain GAN's divergence": marginal,
            "the divergence itself is asked for, without the factor of the loss": 2 * (conditional - marginal),
            "the sign: what the label adds is never negative": marginal - conditional,
        },
    )


@CHAPTER.exercise(
    "nothing",
    "Labels that say nothing",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=4,
    goal="told",
    defines={
        "unseen": "'more' or 'the same'",
        "ignoring": "the conditional divergence of the generator that ignores its labels, a number",
        "divergences": "a function (p_t [C], d_x [n], g [C, n]) that returns the plain and the conditional one, [2]",
    },
    given=lambda draw: {
        "p_t": draw.choice(([0.3, 0.7], [0.35, 0.65], [0.6, 0.4], [0.75, 0.25])) if draw.variant else [0.7, 0.3],
        "d_x": draw.simplex(3) if draw.variant else [0.5, 0.3, 0.2],
        "g": [draw.simplex(3) for _ in "ab"] if draw.variant else [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]],
    },
)
def nothing(answers, p_t, d_x, g):
    answers.say(
        "unseen",
        "the same",
        ("more", "the same"),
        {"more": "where the data never are, the discriminator is certain already, with or without a label"},
    )
    weights, data, model = exact(p_t), exact(d_x), exact(g)
    plain = js(weights @ model, data)
    answers.close(
        "ignoring",
        plain,
        {
            "this generator uses its labels": (weights * js(model, data.expand_as(model))).sum(),
            "its samples are still not the data": 0.0,
            "average the laws with p(t)": js(model.mean(0), data),
        },
    )
    weights, data, model = laws(4, 3), laws(5, 5), laws(6, 3, 5)
    plain, conditional = js(weights @ model, data), (weights * js(model, data.expand_as(model))).sum()
    answers.close(
        "divergences",
        torch.stack((plain, conditional)),
        {
            "the order: first the plain one": torch.stack((conditional, plain)),
            "both are the same; the second compares at each label": torch.stack((plain, plain)),
            "the labels are not equally frequent": torch.stack(
                (js(model.mean(0), data), js(model, data.expand_as(model)).mean())
            ),
        },
        at=(weights, data, model),
    )


@CHAPTER.exercise(
    "wrong",
    "What wrong labels teach",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=3,
    goal="wrong",
    defines={
        "own": "for each label, the share of a perfect model's samples that are truly of this class, [4]",
        "strays": "the share of all examples whose label is wrong, a number",
        "read": "a function (joint [n, C], rho) that returns the law of examples at each label that is read, [n, C]",
    },
    given=lambda draw: {
        "rho": draw.real(0.1, 0.6) if draw.variant else 0.3,
        "d_t": draw.simplex(4) if draw.variant else [0.4, 0.3, 0.2, 0.1],
    },
)
def wrong(answers, rho, d_t):
    classes = exact(d_t)
    answers.close(
        "own",
        1 - rho + rho * classes,
        {
            "a label drawn anew is right now and then": torch.full_like(classes, 1 - rho),
            "the labels are drawn from d(t), which is not uniform": torch.full_like(classes, 1 - rho + rho / 4),
            "these are the strays of each label": rho * (1 - classes),
        },
    )
    answers.close(
        "strays",
        rho * (1 - (classes**2).sum()),
        {
            "a label drawn anew is right now and then": rho,
            "the classes are not equally frequent": rho * 3 / 4,
            "this is the share of those whose label is right": 1 - rho * (1 - (classes**2).sum()),
        },
    )
    joint, share = laws(7, 15).view(5, 3), 0.35
    d_x = joint.sum(1, keepdim=True)
    given_t = joint / joint.sum(0)
    right = (1 - share) * given_t + share * d_x
    answers.close(
        "read",
        right,
        {
            "this is the joint law; at each label it must sum to one": right * joint.sum(0),
            "the examples whose label was replaced are missing": (1 - share) * given_t,
            "rho is the share that is replaced, not the one that stays": share * given_t + (1 - share) * d_x,
            "a stray is drawn from d(x), not uniformly": (1 - share) * given_t + share / 5,
        },
        at=(joint, share),
    )


@CHAPTER.exercise(
    "more",
    "Told more than the other",
    kind="build",
    difficulty=3,
    minutes=30,
    points=5,
    goal="told",
    defines={
        "worth": "a function (F [n, C], t [n]) that returns the difference of the two scores, a number",
        "one_draw": "'too low', 'too high' or 'right on average'",
        "nats": "the difference for the trained model on the test digits, a number",
    },
    given=lambda draw: {"seed": draw.randint(1, 999) if draw.variant else 0},
)
def more(answers, seed):
    F, t = 2 * normals(10, 8, 5), torch.tensor([0, 3, 1, 4, 4, 2, 0, 1])
    told = -F.gather(1, t[:, None])[:, 0].mean()
    untold = ((-F).logsumexp(1) - math.log(5)).mean()
    answers.close(
        "worth",
        told - untold,
        {
            "the prior of the labels is missing: each has the probability 1/C": told - untold - math.log(5),
            "the sign: the score with the label comes first": untold - told,
            "the average over the labels belongs inside of the logarithm": told + F.mean(),
            "the logarithm is taken for each example, and then the mean": told - ((-F).exp().mean(1).mean().log()),
        },
        at=(F, t),
    )
    answers.say(
        "one_draw",
        "too low",
        ("too low", "too high", "right on average"),
        {
            "too high": "lucky draws dominate a sum of exponentials; see which of the two scores that raises",
            "right on average": "a sum of exponentials is convex: noise in F does not average out",
        },
    )
    nats = answers.number("nats")
    if nats > math.log(10):
        raise Wrong("nats: a label of ten classes is worth at most log 10.")
    if nats < 0:
        raise Wrong("nats: the sign: the score with the label comes first.")
    if 1.4 < nats < 1.83:
        raise Wrong("nats: this is too low; average F over the draws before you sum over the labels.")
    if not 1.83 <= nats <= 2.15:
        raise Wrong(f"nats: such a model has another difference; {nats:.3g} is too {'low' if nats < 1.9 else 'high'}.")


@CHAPTER.exercise(
    "sure",
    "A labeller that is too sure",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="guessed",
    defines={
        "bound": "a function (F [n, C], q [n, C], prior [C]) that returns U, [n]",
        "excess": "how much higher U is than with the best labeller, for the given F and s, a number",
        "price": "U minus the bound at the known label, if s is the true label of C = classes, a number",
    },
    given=lambda draw: {
        "F": draw.reals(4, 1, 5) if draw.variant else [2.0, 1.5, 4.0, 3.0],
        "s": draw.randint(0, 3) if draw.variant else 1,
        "classes": draw.randint(5, 40) if draw.variant else 10,
    },
)
def sure(answers, F, s, classes):
    energies, q, prior = 2 * normals(11, 5, 4), laws(12, 5, 4), laws(13, 4)
    q[3] = torch.tensor([0.0, 0, 1, 0])  # sure
    logs = torch.special.xlogy(q, q)
    answers.close(
        "bound",
        (q * (energies - prior.log()) + logs).sum(1),
        {
            "the sign of log q": (q * (energies - prior.log()) - logs).sum(1),
            "the prior of the labels is missing": (q * energies + logs).sum(1),
            "the sign of log p(t)": (q * (energies + prior.log()) + logs).sum(1),
            "log q is missing": (q * (energies - prior.log())).sum(1),
        },
        at=(energies, q, prior),
    )
    F = exact(F)
    right = F[s] + (-F).logsumexp(0)
    answers.close(
        "excess",
        right,
        {
            "the best labeller is not sure either": F[s] - F.min(),
            "log C stands in both bounds": right + math.log(4),
            "the sign: no labeller is better than the best": -right,
            "this is the best labeller's answer, not its negative logarithm": (-F).softmax(0)[s],
        },
    )
    answers.close(
        "price",
        math.log(classes),
        {
            "in nats, not in bits": math.log2(classes),
            "its negative logarithm": 1 / classes,
            "the sign of log p(t)": -math.log(classes),
        },
    )


@CHAPTER.exercise(
    "opinion",
    "The model's own opinion",
    kind="build",
    difficulty=2,
    minutes=30,
    points=4,
    goal="guessed",
    defines={
        "opinion": "a function (F [n, C], prior [C]) that returns the best labeller's answers, [n, C]",
        "right": "the share of test digits that the trained model names rightly, a number",
        "growth": "'not at all', 'linearly' or 'quadratically'",
    },
    given=lambda draw: {"seed": draw.randint(1, 999) if draw.variant else 0},
)
def opinion(answers, seed):
    F, prior = 3 * normals(8, 6, 4), laws(9, 4)
    answers.close(
        "opinion",
        (prior.log() - F).softmax(-1),
        {
            "the prior of the labels is missing": (-F).softmax(-1),
            "a small free energy means a likely label; the sign is turned": (prior.log() + F).softmax(-1),
            "it does not sum to one over the labels": prior * (-F).exp(),
            "normalise over the labels, not over the examples": (prior.log() - F).softmax(0),
        },
        at=(F, prior),
    )
    share = answers.number("right")
    if share > 1:
        raise Wrong("right: a share between 0 and 1 is asked for, not a count or a percentage.")
    if share < 0.2:
        raise Wrong("right: this is chance or below; is the smallest F taken, and F in the order that you think?")
    if not 0.78 <= share <= 0.955:
        size = "low" if share < 0.9 else "high"
        raise Wrong(f"right: such a model names another share of the test digits; {share:.3g} is too {size}.")
    answers.say(
        "growth",
        "linearly",
        ("not at all", "linearly", "quadratically"),
        {
            "not at all": "each class needs a free energy of its own",
            "quadratically": "each class needs one free energy",
        },
    )


@CHAPTER.exercise(
    "counts",
    "Few labels, and how much they count",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="taught",
    defines={
        "ratio": "how many times as much the bound of a labelled example counts as that of an unlabelled one",
        "share": "the weight of the labelled bound with which each example counts once",
        "passes": "how often each labelled example is read",
    },
    given=lambda draw: {
        "labelled": 10 * draw.randint(2, 20) if draw.variant else 60,
        "unlabelled": 100 * draw.randint(8, 40) if draw.variant else 1500,
        "batch": draw.choice([16, 32, 64, 128]) if draw.variant else 32,
        "steps": 100 * draw.randint(2, 12) if draw.variant else 600,
    },
)
def counts(answers, labelled, unlabelled, batch, steps):
    answers.close(
        "ratio",
        unlabelled / labelled,
        {
            "an example of a smaller set counts more": labelled / unlabelled,
            "both halves of a minibatch are equally large, but the sets are not": 1.0,
            "the labelled examples are not among the unlabelled ones": (unlabelled + labelled) / labelled,
        },
    )
    answers.close(
        "share",
        labelled / (labelled + unlabelled),
        {
            "the weights sum to one, and so do the parts of all examples": labelled / unlabelled,
            "this is the weight of the unlabelled bound": unlabelled / (labelled + unlabelled),
        },
    )
    answers.close(
        "passes",
        steps * batch / labelled,
        {
            "these are the readings of an unlabelled example": steps * batch / unlabelled,
            "a step takes as many labelled as unlabelled examples: batch of each": steps * batch / 2 / labelled,
            "both kinds fill their own half": steps * batch / (labelled + unlabelled),
        },
    )


@CHAPTER.exercise(
    "loss",
    "Three losses in one",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="taught",
    defines={"loss": "a function (F [m, C], logits [m, C], t [m], F_u [n, C], logits_u [n, C], alpha): J, a number"},
)
def loss(answers):
    F, logits, t = 2 * normals(14, 6, 4).abs() + 1, normals(15, 6, 4), torch.tensor([0, 2, 1, 3, 3, 0])
    F_u, logits_u, alpha = 2 * normals(16, 9, 4).abs() + 1, normals(17, 9, 4), 2.5
    log_q, log_u = logits.log_softmax(1), logits_u.log_softmax(1)
    known = F.gather(1, t[:, None]).mean()
    U = (log_u.exp() * (F_u + log_u)).sum(1).mean() + math.log(4)
    name = -log_q.gather(1, t[:, None]).mean()
    right = known + U + alpha * name
    entropies = 2 * entropy(log_u.exp()).mean()
    answers.close(
        "loss",
        right,
        {
            "log p(t) = -log C is missing in the bound without a label": right - math.log(4),
            "log C counts once for each example, in the bound without a label only": right + math.log(4),
            "the sign of log q in the bound without a label": right + entropies,
            "log q is missing in the bound without a label": right + entropies / 2,
            "the classifier's loss has the weight alpha": known + U + name,
            "the sign of the classifier's loss": right - 2 * alpha * name,
            "each of the three is a mean over its examples, not a sum": 6 * known + 9 * U + 6 * alpha * name,
            "at a known label the labeller is not asked": (log_q.exp() * F).sum(1).mean() + U + alpha * name,
        },
        at=(F, logits, t, F_u, logits_u, alpha),
    )


@CHAPTER.exercise(
    "slopes",
    "What moves the labeller",
    kind="derive",
    difficulty=3,
    minutes=35,
    points=5,
    goal="taught",
    defines={
        "pull": "a function (F_u [n, C], logits_u [n, C]) that returns the slope of the mean U in the logits, [n, C]",
        "teach": "a function (logits [m, C], t [m], alpha) that returns the slope of the classifier's loss, [m, C]",
        "untold": "'not at all' or 'through the decoder'",
    },
)
def slopes(answers):
    F, logits = 2 * normals(18, 5, 4), normals(19, 5, 4)
    q, logs = logits.softmax(1), logits.log_softmax(1)
    centred = lambda v: q * (v - (q * v).sum(1, keepdim=True)) / 5
    right = centred(F + logs)
    answers.close(
        "pull",
        right,
        {
            "each half of a step is a mean over its examples": 5 * right,
            "the sign: this ascends U": -right,
            "the KL is swapped: this draws q* to q": (q - (-F).softmax(1)) / 5,
            "log q depends on the logits, too": centred(F),
            "the average under q is missing: a constant added to all F must change nothing": q * (F + logs) / 5,
        },
        at=(F, logits),
    )
    logits, t, alpha = normals(20, 6, 4), torch.tensor([0, 2, 1, 3, 3, 0]), 2.5
    right = alpha * (logits.softmax(1) - torch.eye(4, dtype=torch.float64)[t]) / 6
    answers.close(
        "teach",
        right,
        {
            "the sign: this ascends the loss": -right,
            "the weight alpha is missing": right / alpha,
            "each half of a step is a mean over its examples": 6 * right,
        },
        at=(logits, t, alpha),
    )
    answers.say(
        "untold",
        "through the decoder",
        ("not at all", "through the decoder"),
        {"not at all": "pull has F in it, and labels have shaped what F is at a label"},
    )


@CHAPTER.exercise(
    "says",
    "A labeller that says nothing",
    kind="build",
    difficulty=1,
    minutes=15,
    points=3,
    goal="silent",
    defines={
        "says": "a function (q [n, C]) that returns what the labeller says about an example, in nats, a number",
        "ignored": "the best labeller's answer if the decoder ignores the label, for the given prior, [3]",
        "sorted_nats": "what a labeller says that sorts all examples into so many equally frequent groups, a number",
    },
    given=lambda draw: {
        "prior": draw.simplex(3) if draw.variant else [0.5, 0.3, 0.2],
        "groups": draw.randint(3, 9) if draw.variant else 4,
    },
)
def says(answers, prior, groups):
    q = (3 * normals(21, 7, 4)).softmax(1)
    q[2] = torch.tensor([0.0, 1, 0, 0])
    right = entropy(q.mean(0)) - entropy(q).mean()
    answers.close(
        "says",
        right,
        {
            "the sign: a mean answer is less sure than the answers": -right,
            "this is the entropy of the mean answer; that of the answers is missing": entropy(q.mean(0)),
            "this is the mean entropy of the answers: what the labeller does not say": entropy(q).mean(),
            "in nats, not in bits": right / math.log(2),
            "it is a mean over the examples, not a sum": 7 * right,
        },
        at=(q,),
    )
    answers.close(
        "ignored",
        exact(prior),
        {"the free energies cancel, the prior stays": torch.full((3,), 1 / 3)},
    )
    answers.close(
        "sorted_nats",
        math.log(groups),
        {
            "in nats, not in bits": math.log2(groups),
            "it knows the group of each example": 0.0,
            "a logarithm is missing": groups,
        },
    )
