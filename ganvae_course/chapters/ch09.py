"""Exercises of chapter 09."""

import math
from itertools import product

import torch
from torch.nn.functional import logsigmoid, one_hot

from ..answers import Wrong, alike
from ..exercise import Chapter

CHAPTER = Chapter(
    9,
    {
        "phases": "Compute what each phase of wake-sleep climbs, on whose samples, and which KL it descends.",
        "field": "Show that two updates descend no single objective, and what may fall on their way all the same.",
        "exact": "Compute where wake-sleep ends: in EM with an exact encoder, at marginals with a restricted one.",
        "discriminator": "Read a discriminator as a sleep phase, and compute how much divergence it certifies.",
    },
)
real = {"dtype": torch.float64}


def _tables(*shapes):
    """Random conditional tables of these shapes: the last axis sums to one."""
    draws = torch.Generator().manual_seed(9)
    return [torch.randn(shape, generator=draws, **real).softmax(-1) for shape in shapes]


def _tensors(*values):
    return [torch.tensor(value, **real) for value in values]


def _kl(p, q):
    return (p * (p / q).log()).sum(-1)


@CHAPTER.exercise(
    "tables",
    "Two phases on tables",
    kind="build",
    difficulty=1,
    minutes=20,
    points=4,
    goal="phases",
    defines={
        "wake": "a function (data [n], encoder [n, m], decoder [m, n]) that returns W, a number",
        "sleep": "a function (prior [m], encoder [n, m], decoder [m, n]) that returns S, a number",
        "miss": "the KL divergence that the sleep phase descends, for the given tables",
        "least": "the least value of -S over all encoders, for the given prior and decoder",
    },
    given=lambda draw: {
        "data": draw.simplex(3, least=0.1),
        "prior": draw.simplex(2, least=0.2),
        "encoder": [draw.simplex(2, least=0.1) for _ in range(3)],
        "decoder": [draw.simplex(3, least=0.1) for _ in range(2)],
    },
)
def tables(answers, data, prior, encoder, decoder):
    d, p_z, q, p = _tables((5,), (3,), (5, 3), (3, 5))
    log_p, log_q = p.log().T, q.log().T
    right = (d[:, None] * q * log_p).sum()
    answers.close(
        "wake",
        right,
        {
            "this is minus W, the loss that is descended": -right,
            "awake the decoder learns, so log p is averaged, not log q": (d[:, None] * q * q.log()).sum(),
            "the data's probabilities are missing, every example counts alike": (q * log_p).sum(-1).mean(),
            "you summed over the examples without weights": (q * log_p).sum(),
        },
        at=(d, q, p),
    )
    right = (p_z[:, None] * p * log_q).sum()
    answers.close(
        "sleep",
        right,
        {
            "this is minus S, the loss that is descended": -right,
            "asleep the encoder learns, so log q is averaged, not log p": (p_z[:, None] * p * p.log()).sum(),
            "the prior's probabilities are missing, every code counts alike": (p * log_q).sum(-1).mean(),
            "you summed over the codes without weights": (p * log_q).sum(),
        },
        at=(p_z, q, p),
    )
    d, p_z, q, p = _tensors(data, prior, encoder, decoder)
    joint = (p_z[:, None] * p).T
    p_x = joint.sum(-1)
    post = joint / p_x[:, None]
    answers.close(
        "miss",
        p_x @ _kl(post, q),
        {
            "the KL is turned round: asleep, q stands second": p_x @ _kl(q, post),
            "you averaged over the data; a sleeping machine sees dreams": d @ _kl(post, q),
            "this is the VAE's divergence, q first and averaged over the data": d @ _kl(q, post),
            "you summed over x without weights": _kl(post, q).sum(),
        },
    )
    answers.close(
        "least",
        -(joint * post.log()).sum(),
        {
            "the sign: -S is an average of -log q, which is never negative here": (joint * post.log()).sum(),
            "this is the entropy of the code before x is seen": -(p_z * p_z.log()).sum(),
            "this is the entropy of x once z is known": -(joint * p.log().T).sum(),
            "the least value is not zero: dreams leave their codes in doubt": 0.0,
        },
    )


@CHAPTER.exercise(
    "mirror",
    "Its own mirror image",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="phases",
    defines={
        "helmholtz": "True or False: is the Helmholtz machine its own mirror image?",
        "vae": "True or False: is the VAE its own?",
        "needs": "what the VAE's mirror image needs and nobody has, one of the four",
    },
)
def mirror(answers):
    answers.say(
        "helmholtz",
        True,
        (True, False),
        {False: "exchange x with z and theta with eta in each of its two terms, then compare the sums"},
    )
    answers.say("vae", False, (True, False), {True: "a KL in the space of codes moves to the space of examples"})
    options = ("the density of the data", "the density of the prior", "samples of the prior", "samples of the data")
    answers.say(
        "needs",
        "the density of the data",
        options,
        {
            "the density of the prior": "the VAE has it, we chose it; look at what takes its place",
            "samples of the prior": "those can be drawn",
            "samples of the data": "those are in the data set",
        },
    )


def _around(theta, eta):
    (a, a_), (b, b_) = (torch.tensor(pair, **real).sigmoid() for pair in (theta, eta))
    tall, wide = eta[1] - eta[0], theta[1] - theta[0]
    return float(tall * (a_ - a)), float(wide * (b_ - b))


@CHAPTER.exercise(
    "loop",
    "Once around a loop",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="field",
    defines={
        "work": "a function (theta, eta) of two pairs [low, high] that returns the sum along the loop, a number",
        "here": "the sum along the given loop",
    },
    given=lambda draw: {
        "theta": [0.8, 2.8] if not draw.variant else [draw.real(0.2, 1), draw.real(1.5, 3)],
        "eta": [-1.0, 1.0] if not draw.variant else [draw.real(-1.2, -0.3), draw.real(0.3, 1.4)],
    },
)
def loop(answers, theta, eta):
    for sides in (([-0.5, 1.0], [0.2, 0.9]), ([0.0, 3.0], [-2.0, -1.0])):
        up, along = _around(*sides)
        answers.close(
            "work",
            up - along,
            {
                "the sign: walk anticlockwise, first to larger theta": along - up,
                "the field's two parts are a - b and b - a; their contributions must be subtracted": up + along,
                "only the two vertical edges are counted": up,
                "only the two horizontal edges are counted": -along,
                "around any loop of a single objective, yes; but there is none": 0.0,
            },
            at=sides,
        )
    up, along = _around(theta, eta)
    answers.close("here", up - along, {"the sign: walk anticlockwise": along - up})


@CHAPTER.exercise(
    "falls",
    "No objective, and yet something falls",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="field",
    defines={
        "rate": "a function (theta [n], eta [n]) that returns the rate of V along the path, [n]",
        "end": "the value that a and b share at the end of the path from the given start",
    },
    given=lambda draw: {
        "start": [2.0, -0.8] if not draw.variant else [draw.real(1.5, 3), draw.choice((-1, 1)) * draw.real(0.2, 1.2)]
    },
)
def falls(answers, start):
    draws = torch.Generator().manual_seed(1)
    theta, eta = 2 * torch.randn(2, 20, generator=draws, **real)
    a, b = theta.sigmoid(), eta.sigmoid()
    by_theta, by_eta = -((a - b) ** 2), -b * (1 - b) * (eta - theta) * (b - a)
    answers.close(
        "rate",
        by_theta + by_eta,
        {
            "the sign: V must fall": -by_theta - by_eta,
            "eta moves, too, and V depends on it": by_theta,
            "theta moves, too, and V depends on it": by_eta,
            "the two players move in opposite directions, so both parts fall": by_theta - by_eta,
            "db/d eta is b (1 - b), which is missing": by_theta + (eta - theta) * (a - b),
        },
        at=(theta, eta),
    )
    theta, eta = torch.tensor(start, **real)
    a, b = theta.sigmoid(), eta.sigmoid()
    answers.close(
        "end",
        ((theta + eta) / 2).sigmoid(),
        {
            "a + b does not stay what it was on the path": (a + b) / 2,
            "theta moves as well": b,
            "eta moves as well": a,
            "this is the value of the parameter; its probability is asked for": (theta + eta) / 2,
        },
        tolerance=1e-3,
    )


def _turn(data, prior, decoder):
    dreams = prior[:, None] * decoder
    seen = data * dreams / dreams.sum(0)
    return seen / seen.sum(-1, keepdim=True)


def given_em(draw):
    """A decoder of which one turn does not yet make the perfect model, as it does where its rows are nearly alike."""
    data, prior = draw.simplex(4), draw.simplex(2, least=0.2)
    while True:
        decoder = [draw.simplex(4, least=0.1) for _ in range(2)]
        d, p_z, p = _tensors(data, prior, decoder)
        if _kl(d, p_z @ _turn(d, p_z, p)) > 1e-5:
            return {"data": data, "prior": prior, "decoder": decoder}


@CHAPTER.exercise(
    "em",
    "Sleep to the end, wake to the end",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="exact",
    defines={
        "turn": "a function (data [n], prior [m], decoder [m, n]) that returns the next decoder, [m, n]",
        "level": "the log-likelihood, averaged over the data, after one turn from the given decoder",
        "ceiling": "the log-likelihood that many turns approach",
    },
    given=given_em,
)
def em(answers, data, prior, decoder):
    d, p_z, p = _tables((5,), (3,), (3, 5))
    no_prior = p / p.sum(0) * d
    dreams = p_z[:, None] * p
    seen = d * dreams / dreams.sum(0)
    q = dreams / dreams.sum(0)
    answers.close(
        "turn",
        seen / seen.sum(-1, keepdim=True),
        {
            "this is the encoder; the decoder's rows sum to one over the examples": q,
            "the rows do not sum to one": seen,
            "the prior is missing in the posterior": no_prior / no_prior.sum(-1, keepdim=True),
            "the data are missing: awake, examples count as often as they occur": q / q.sum(-1, keepdim=True),
            "nothing has changed": p,
        },
        at=(d, p_z, p),
    )
    d, p_z, p = _tensors(data, prior, decoder)
    level = lambda decoder: (d * (p_z @ decoder).log()).sum()
    once = _turn(d, p_z, p)
    answers.close(
        "level",
        level(once),
        {
            "the sign: this is the loss": -level(once),
            "this is the log-likelihood of the given decoder": level(p),
            "each example counts as often as it occurs": (p_z @ once).log().mean(),
        },
        tolerance=1e-5,
    )
    highest = (d * d.log()).sum()
    answers.close(
        "ceiling",
        highest,
        {
            "the sign: a mean of log-probabilities is asked for": -highest,
            "not even a perfect model gives every example the probability one": 0.0,
            "this is the level after one turn": level(once),
        },
        tolerance=1e-6,
    )


@CHAPTER.exercise(
    "prior",
    "A prior that learns",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="phases",
    defines={
        "alone": "the gradient of W in the prior's logits, for the given tables, [m]",
        "slope": "a function (logits [m], data [n], encoder [n, m]) that returns the gradient of the added term, [m]",
        "best": "the best prior for the given data and encoder, [m]",
    },
    given=lambda draw: {
        "data": draw.simplex(3, least=0.1),
        "encoder": [draw.simplex(4) for _ in range(3)],
    },
)
def prior(answers, data, encoder):
    answers.close("alone", [0.0] * 4, tolerance=1e-6)
    (logits,) = _tables((4,))
    logits = 2 * logits
    d, q = _tables((5,), (5, 4))
    answers.close(
        "slope",
        d @ q - logits.softmax(0),
        {
            "the sign: the wake phase climbs": logits.softmax(0) - d @ q,
            "the logits go through a softmax, which has a gradient, too": d @ q,
            "this is the gradient in the probabilities, not in the logits": d @ q / logits.softmax(0),
            "the data's probabilities are missing": q.mean(0) - logits.softmax(0),
            "you summed over the examples without weights": q.sum(0) - logits.softmax(0),
        },
        at=(logits, d, q),
    )
    d, q = _tensors(data, encoder)
    answers.close(
        "best",
        d @ q,
        {
            "every example counts as often as it occurs; you took the plain mean": q.mean(0),
            "it does not sum to one": q.sum(0),
            "these are logits; probabilities are asked for": (d @ q).log(),
            "a uniform prior knows nothing of the encoder": torch.full((4,), 0.25, **real),
        },
    )


def _best_product(p):
    """The least KL(q, p) over laws q of two independent bits, by ascent of each in turn, from several starts."""
    p, best = p.reshape(2, 2), math.inf
    for start in (0.02, 0.3, 0.5, 0.7, 0.98):
        second = torch.tensor([1 - start, start], **real)
        for _ in range(500):
            first = (p.log() @ second).softmax(0)
            second = (first @ p.log()).softmax(0)
        best = min(best, float(_kl(first[:, None] * second, p).sum()))
    return best


@CHAPTER.exercise(
    "marginals",
    "An encoder of two independent bits",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="exact",
    defines={
        "by_sleep": "the encoder at the end of the sleep phase, [4]",
        "by_bound": "the encoder that is best for the ELBO, [4]",
    },
    given=lambda draw: {
        "posterior": [0.02, 0.5, 0.44, 0.04] if not draw.variant else _shuffled_pair(draw),
    },
)
def marginals(answers, posterior):
    p = torch.tensor(posterior, **real).reshape(2, 2)
    product_of = p.sum(1)[:, None] * p.sum(0)
    answers.close(
        "by_sleep",
        product_of.flatten(),
        {
            "the bits of this encoder are not independent; it is the posterior itself": p.flatten(),
            "the bits are exchanged": product_of.T.flatten(),
            "these are the chances of a bit to be 0, exchanged with those of 1": product_of.flip(0, 1).flatten(),
        },
    )
    q = answers.tensor("by_bound", (4,)).reshape(2, 2)
    if not alike(q.sum(), torch.ones((), **real), 1e-4) or (q < 0).any():
        raise Wrong("by_bound does not sum to one, or has a negative probability.")
    if abs(q[0, 0] * q[1, 1] - q[0, 1] * q[1, 0]) > 1e-4:
        raise Wrong("by_bound: its two bits are not independent.")
    if alike(q, product_of, 1e-3):
        raise Wrong("by_bound: this is what sleep finds; the ELBO has the KL the other way round, with q first.")
    if float(_kl(q.clamp(min=1e-12), p).sum()) > _best_product(p) + 1e-3:
        raise Wrong(
            "by_bound is not the best: another law of two independent bits has a higher ELBO. Try other starts."
        )


def _shuffled_pair(draw):
    """Four probabilities of which two opposite codes have nearly all: then the ELBO has a hilltop at each of the two."""
    light, heavy = draw.real(0.01, 0.02), draw.real(0.03, 0.04)
    first = draw.real(0.4, 0.45)
    rest = round(1 - light - heavy - first, 2)
    return draw.choice(([light, first, rest, heavy], [first, heavy, light, rest]))


def _mean_share(log_joint, logits, k):
    """The mean over all k-tuples of codes of the normalised weights, summed by code, [m]."""
    m, log_q = len(logits), logits.log_softmax(0)
    total = torch.zeros(m, **real)
    for codes in product(range(m), repeat=k):
        codes = torch.tensor(codes)
        weights = (log_joint - log_q)[codes].softmax(0)
        total += log_q[codes].sum().exp() * (weights[:, None] * one_hot(codes, m)).sum(0)
    return total


@CHAPTER.exercise(
    "rws",
    "Reweighted wake-sleep",
    kind="derive",
    difficulty=3,
    minutes=40,
    points=5,
    goal="phases",
    defines={
        "limit": "a function (log_joint [m], logits [m]) that returns the gradient of (a) in the logits, [m]",
        "update": "a function (log_joint [m], logits [m], k) that returns the mean of the estimate (b), [m]",
        "slope": "a function (log_joint [m], logits [m], k) that returns the mean of the estimate (c), [m]",
        "off": "how far the mean of (b) is from (a) for k = 4 and the given numbers, the length of the difference",
    },
    given=lambda draw: {"log_joint": draw.reals(3, -4, -1), "logits": draw.reals(3, -1, 1)},
)
def rws(answers, log_joint, logits):
    draws = torch.Generator().manual_seed(2)
    joint, t = torch.randn(2, 4, generator=draws, **real)
    q, post = t.softmax(0), joint.softmax(0)
    answers.close(
        "limit",
        post - q,
        {
            "the sign: the KL is to fall": q - post,
            "the gradient is taken in the logits, and q is their softmax": post,
            "the joint is not the posterior: it must be normalised": joint.exp() - q,
            "this is the gradient for the KL with q first": q * ((joint - q.log()) - (q * (joint - q.log())).sum()),
        },
        at=(joint, t),
    )
    for k in (1, 2, 3):
        share = _mean_share(joint, t, k)
        answers.close(
            "update",
            share - q,
            {
                "the sign: the estimate climbs": q - share,
                "the gradient is taken in the logits, and q is their softmax": share,
                "this is the limit for large k; with few draws the weights are biased": post - q,
                "the weights are not normalised": post * joint.exp().sum() - q * joint.exp().sum(),
            },
            at=(joint, t, k),
        )
        answers.close(
            "slope",
            share,
            {
                "this is the limit for large k": post,
                "the draws do not depend on theta; no q has to be subtracted": share - q,
            },
            at=(joint, t, k),
        )
    joint, t = _tensors(log_joint, logits)
    difference = _mean_share(joint, t, 4) - joint.softmax(0)
    answers.close(
        "off",
        difference.norm(),
        {
            "this is the square of the length": difference.square().sum(),
            "this is the sum of the absolute differences": difference.abs().sum(),
            "it is biased for every finite k": 0.0,
        },
        tolerance=1e-3,
    )


def _entropy(share):
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


@CHAPTER.exercise(
    "constant",
    "A discriminator that says the same of everything",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="discriminator",
    defines={
        "bound": "a function (real, says) that returns the lower bound on the divergence, a number",
        "best": "the constant with the largest bound, for the given real",
        "accuracy": 'the share of right answers of a discriminator that always says "real", for the given real',
        "certified": "the largest bound: the divergence that this discriminator certifies at best",
    },
    given=lambda draw: {"real": 0.9 if not draw.variant else draw.real(0.6, 0.95)},
)
def constant(answers, real):
    for pi, c in ((0.3, 0.6), (0.8, 0.5)):
        hits = pi * math.log(c) + (1 - pi) * math.log(1 - c)
        answers.close(
            "bound",
            _entropy(pi) + hits,
            {
                "the entropy of the label is missing": hits,
                "the entropy of the label is log 2 for fair labels only": math.log(2) + hits,
                "the sign: a bound that is certified by a constant cannot be positive": -_entropy(pi) - hits,
                "both labels count alike here; real ones have the share pi": _entropy(pi)
                + (math.log(c) + math.log(1 - c)) / 2,
            },
            at=(pi, c),
        )
    answers.close(
        "best",
        real,
        {
            "the best answer depends on the share of real examples": 0.5,
            "certainty costs without end where it is wrong": 1.0,
        },
    )
    answers.close(
        "accuracy",
        real,
        {
            "this is the share of its errors": 1 - real,
            "it never errs on real examples, but it does on generated ones": 1.0,
        },
    )
    answers.close(
        "certified",
        0.0,
        {"the entropy of the label is not what an example tells of it": _entropy(real)},
        tolerance=1e-6,
    )


@CHAPTER.exercise(
    "certified",
    "What a discriminator certifies",
    kind="build",
    difficulty=3,
    minutes=30,
    points=4,
    goal="discriminator",
    defines={
        "certified": "a function (of_data [a], of_samples [b], real) that returns the estimated lower bound, a number",
        "factor": "the number that all logits must be multiplied by, so that the bound is largest for the given ones",
    },
    given=lambda draw: {
        "of_data": [*draw.reals(4, 0.5, 3), -draw.real(0.3, 1.5)],
        "of_samples": [*draw.reals(5, -3, -0.5), draw.real(0.3, 1.5)],
        "real": draw.choice((0.3, 0.4, 0.6, 0.7)),
    },
)
def certified(answers, of_data, of_samples, real):
    draws = torch.Generator().manual_seed(3)
    t_d, t_g = torch.randn(7, generator=draws).double() + 1, torch.randn(4, generator=draws).double() - 1
    for pi in (0.3, 0.8):
        d, g = logsigmoid(t_d), logsigmoid(-t_g)
        achieved = pi * d.mean() + (1 - pi) * g.mean()
        answers.close(
            "certified",
            _entropy(pi) + achieved,
            {
                "the entropy of the label is missing": achieved,
                "the entropy of the label is log 2 for fair labels only": math.log(2) + achieved,
                "this counts both labels alike": _entropy(pi) + (d.mean() + g.mean()) / 2,
                "this adds the two averages without the labels' shares": _entropy(pi) + d.mean() + g.mean(),
                "the labels are exchanged": _entropy(pi)
                + pi * logsigmoid(-t_d).mean()
                + (1 - pi) * logsigmoid(t_g).mean(),
                "the reversed label is the generator's": _entropy(pi)
                + pi * d.mean()
                + (1 - pi) * logsigmoid(t_g).mean(),
                "take the mean over each sample, not the sum": _entropy(pi) + pi * d.sum() + (1 - pi) * g.sum(),
                "the sign: this is the loss": -achieved,
            },
            at=(t_d, t_g, pi),
        )
    t_d, t_g = (torch.tensor(values, dtype=torch.float64)[:, None] for values in (of_data, of_samples))
    reaches = lambda by: real * logsigmoid(by * t_d).mean(0) + (1 - real) * logsigmoid(-by * t_g).mean(0)
    scale = torch.linspace(0, 20, 20001, dtype=torch.float64)
    got = answers.number("factor")
    if got <= 0:
        raise Wrong("factor must be positive: otherwise the discriminator takes data for samples.")
    if float(reaches(scale).max() - reaches(torch.tensor([got], dtype=torch.float64))) > 1e-5:
        way = "smaller" if got > float(scale[reaches(scale).argmax()]) else "larger"
        raise Wrong(f"factor: a {way} one has a higher bound.")


@CHAPTER.exercise(
    "seeks",
    "A posterior with two modes",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="exact",
    defines={
        "mean": "the mean of the sleeping encoder at the given x",
        "std": "its standard deviation",
        "bound_mean": "where the mean of the encoder that is best for the ELBO lies, one of three",
    },
    given=lambda draw: {
        "x": 3.0 if not draw.variant else draw.real(2, 5),
        "noise": 0.5 if not draw.variant else draw.real(0.3, 0.7),
    },
)
def seeks(answers, x, noise):
    z = torch.linspace(-8, 8, 8001, dtype=torch.float64)
    post = (-z.square() / 2 - (x - z.square()).square() / (2 * noise**2)).softmax(0)
    spread = float((post * z.square()).sum())
    one_mode = math.sqrt(spread - float((post * z.abs()).sum()) ** 2)
    answers.close(
        "mean",
        0.0,
        {
            "this is one of the two modes; in sleep's KL the encoder must cover both": math.sqrt(x),
            "this is the other mode": -math.sqrt(x),
        },
        tolerance=1e-2,
    )
    answers.close(
        "std",
        math.sqrt(spread),
        {
            "this is the variance": spread,
            "this is the width of one mode; the encoder must cover both": one_mode,
            "the prior pulls the modes inwards, and they have a width; take the posterior's moments": math.sqrt(x),
            "this is the prior's": 1.0,
        },
        tolerance=2e-3,
    )
    answers.say(
        "bound_mean",
        "at one mode",
        ("at zero", "at one mode", "at x"),
        {
            "at zero": "there the posterior has hardly any mass, and with q first that is expensive",
            "at x": "the modes are near plus and minus the square root of x",
        },
    )
