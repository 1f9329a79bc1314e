"""Exercises of chapter 11."""

import math

import torch

from ..answers import Wrong, alike
from ..exercise import Chapter

CHAPTER = Chapter(
    11,
    {
        "information": "Compute what a code tells of its example, the bound that a guesser certifies, and its slope.",
        "step": "Compute what a step of InfoGAN descends, and tell the true readings of its equation from the false.",
        "mirror": "Exchange x and z: say what an AAE charges and rewards beside a VAE, and what has no other image.",
        "predictor": "Compute what a predictor inside the code can see, and what escapes it.",
    },
)
real = {"dtype": torch.float64}


def _random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **real)


def _tensors(*values):
    return [torch.tensor(value, **real) for value in values]


def _kl(p, q):
    return (p * (p / q).log()).sum(-1)


def _information(joint):
    return float((joint * (joint / (joint.sum(0) * joint.sum(1, keepdim=True))).log()).sum())


def _entropy(p):
    return -(p * p.log()).sum(-1)


@CHAPTER.exercise(
    "bound",
    "What a guesser certifies",
    kind="build",
    difficulty=1,
    minutes=20,
    points=4,
    goal="information",
    defines={
        "info_of": "a function (prior [m], decoder [m, n]) that returns I(x; z) in nats, a number",
        "bound": "a function (prior [m], decoder [m, n], guesser [n, m]) that returns the lower bound, a number",
        "gap": "how far the bound stays below the information, for the given tables",
    },
    given=lambda draw: {
        "prior": draw.simplex(3, least=0.15),
        "decoder": [draw.simplex(4) for _ in range(3)],
        "guesser": [draw.simplex(3, least=0.1) for _ in range(4)],
    },
)
def bound(answers, prior, decoder, guesser):
    p_z, p, q = _random(1, 4).softmax(0), (2 * _random(2, 4, 5)).softmax(-1), _random(3, 5, 4).softmax(-1)
    joint = p_z[:, None] * p
    right = _information(joint)
    answers.close(
        "info_of",
        right,
        {
            "this is in bits": right / math.log(2),
            "this is the entropy of the code": _entropy(p_z),
            "this is the entropy that is left in the code": _entropy(p_z) - right,
            "the marginal of x must be weighted with the prior": (joint * (p / p.mean(0)).log()).sum(),
            "here the KL is turned round, from the product to the joint": _kl(p_z[:, None] * joint.sum(0), joint).sum(),
        },
        at=(p_z, p),
    )
    guessed = float((joint * q.log().T).sum())
    answers.close(
        "bound",
        _entropy(p_z) + guessed,
        {
            "the entropy of the code is missing": guessed,
            "this is the loss of the guesser, with its sign": -guessed,
            "the sign of the term: the bound is H(z) minus InfoGAN's term": _entropy(p_z) - guessed,
            "the entropy is log m for a uniform prior only": math.log(4) + guessed,
            "codes and examples are paired by the joint, not drawn apart": _entropy(p_z)
            + (p_z[:, None] * joint.sum(0) * q.log().T).sum(),
        },
        at=(p_z, p, q),
    )
    p_z, p, q = _tensors(prior, decoder, guesser)
    joint = p_z[:, None] * p
    post = (joint / joint.sum(0)).T
    answers.close(
        "gap",
        joint.sum(0) @ _kl(post, q),
        {
            "the KL is turned round: the posterior stands first": joint.sum(0) @ _kl(q, post),
            "average over the examples that the generator makes": _kl(post, q).mean(),
            "the sign: the bound lies below": -(joint.sum(0) @ _kl(post, q)),
        },
    )


@CHAPTER.exercise(
    "slope",
    "A guesser that is wrong",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="information",
    defines={
        "info": "a function (theta [n]) that returns I(x; z) in nats, [n]",
        "slope": "a function (theta [n], eta [n]) that returns the slope of InfoGAN's term in theta, [n]",
        "raises": "True or False: does a small step of theta down the term raise the information, for the given two?",
    },
    given=lambda draw: {
        "theta": 0.8 if not draw.variant else draw.choice((-1, 1)) * draw.real(0.4, 1.5),
        "eta": -0.5 if not draw.variant else draw.choice((-1, 1)) * draw.real(0.4, 1.5),
    },
)
def slope(answers, theta, eta):
    t, e = 1.5 * _random(4, 2, 9)
    a, b = t.sigmoid(), e.sigmoid()
    left = -a * a.log() - (1 - a) * (1 - a).log()
    answers.close(
        "info",
        math.log(2) - left,
        {
            "this is the entropy that is left in the code": left,
            "this is in bits": 1 - left / math.log(2),
            "the entropy of the code is missing": -left,
        },
        at=(t,),
    )
    right = -a * (1 - a) * e
    answers.close(
        "slope",
        right,
        {
            "the sign: the term is an average of minus log q": -right,
            "da/d theta is a (1 - a), which is missing": -e,
            "this is the slope in eta": a - b,
            "the sign and the player: this is minus the slope in eta": b - a,
            "this is minus the slope of the information: it holds for the best guesser only": -a * (1 - a) * t,
        },
        at=(t, e),
    )
    grows = theta * eta > 0
    answers.say(
        "raises",
        grows,
        (True, False),
        {
            True: "this guesser takes one code for the other, and theta helps it",
            False: "the guesser need not be the best one; what counts is on which side of zero it is",
        },
    )


@CHAPTER.exercise(
    "posterior",
    "One posterior for each code",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="step",
    defines={
        "code_posterior": "a function (guesser [n, m], logit [n], mixture [n]) that returns q^r(x|z, 0), rows [m, n]",
        "pull": "the average KL to it, model first, for the given tables",
        "constant": "the number c of the exact equation, for the given tables",
    },
    given=lambda draw: {
        "prior": draw.simplex(2, least=0.2),
        "decoder": [draw.simplex(3, least=0.1) for _ in range(2)],
        "guesser": [draw.simplex(2, least=0.1) for _ in range(3)],
        "logit": draw.reals(3, -1.5, 1.5),
        "data": draw.simplex(3, least=0.1),
    },
)
def posterior(answers, prior, decoder, guesser, logit, data):
    q, t, m = _random(5, 5, 3).softmax(-1), 2 * _random(6, 5), _random(7, 5).softmax(0)
    weight = q.T * t.sigmoid() * m
    scaled = lambda weight: weight / weight.sum(-1, keepdim=True)
    answers.close(
        "code_posterior",
        scaled(weight),
        {
            "its rows do not sum to one": weight,
            "it is normalised over the codes, not over the examples": weight / weight.sum(0),
            "the mixture is missing": scaled(q.T * t.sigmoid()),
            "the guesser is missing": scaled((t.sigmoid() * m).expand(3, 5)),
            "the discriminator is missing": scaled(q.T * m),
            "you weighed with 1 - D": scaled(q.T * (-t).sigmoid() * m),
        },
        at=(q, t, m),
    )
    p_z, p, q, t, d = _tensors(prior, decoder, guesser, logit, data)
    m = (p_z @ p + d) / 2
    weight = q.T * t.sigmoid() * m
    norm, post = weight.sum(-1), scaled(weight)
    answers.close(
        "pull",
        p_z @ _kl(p, post),
        {
            "the KL is turned round: the model stands first": p_z @ _kl(post, p),
            "average over the prior": _kl(p, post).mean(),
            "you summed over the codes without weights": _kl(p, post).sum(),
            "this is the KL from the whole generator, not from the generator with a code": p_z @ _kl(p_z @ p, post),
        },
    )
    away, logs = _kl(d, m) / 2, p_z @ norm.log() / 2
    answers.close(
        "constant",
        away - logs,
        {
            "the normalisers are missing": away,
            "the distance of the data from the mixture is missing": -logs,
            "the sign of the normalisers": away + logs,
            "the halves are missing": 2 * (away - logs),
            "average the logarithms, not the normalisers": away - (p_z @ norm).log() / 2,
        },
    )


@CHAPTER.exercise(
    "readings",
    "Four readings, where nothing is left to do",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="step",
    defines={
        "values": "the KL, or what stands in its place, in readings (A), (B), (B') and (C), without the half, [4]",
        "teaches": 'what the generator learns from the loss of (C): "to hide", "to show" or "nothing" of its code',
    },
    given=lambda draw: {
        "prior": draw.simplex(3, least=0.2),
        "decoder": [draw.simplex(4) for _ in range(3)],
    },
)
def readings(answers, prior, decoder):
    p_z, p = _tensors(prior, decoder)
    marginal, info = p_z @ p, _information(p_z[:, None] * p)
    one, apart = _kl(marginal, p[0]), p_z @ _kl(marginal, p)
    values = torch.tensor([one, -info, 0, apart], **real)
    answers.close(
        "values",
        values,
        {
            "(B) is no KL, its sign may be negative": values.abs(),
            "in (B') each posterior is that code's distribution already": torch.tensor(
                [one, -info, info, apart], **real
            ),
            "(A) fixes the first code; you averaged over all": torch.tensor([apart, -info, 0, apart], **real),
            "in (C) the whole generator stands first": torch.tensor([one, -info, 0, p_z @ _kl(p, marginal)], **real),
            "in (A) the whole generator stands first": torch.tensor([_kl(p[0], marginal), -info, 0, apart], **real),
        },
    )
    answers.say(
        "teaches",
        "to hide",
        ("to hide", "to show", "nothing"),
        {
            "to show": "its codes are shuffled: look for the examples that make a wrong guess cheapest",
            "nothing": "the term depends on the examples that the generator makes",
        },
    )


def _double_factorial(pairs):
    return math.prod(range(1, 2 * pairs, 2))


@CHAPTER.exercise(
    "pairs",
    "Information is blind",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="information",
    defines={
        "ways": "the number of ways of pairing the modes",
        "nats": "I(code; mode) of each of them",
        "uneven": "I(code; mode) if the code names groups of the given sizes instead",
    },
    given=lambda draw: {
        "pairs": 4 if not draw.variant else draw.choice((5, 6, 7)),
        "sizes": [4, 2, 1, 1] if not draw.variant else draw.choice(([3, 2, 1], [5, 3, 1, 1], [6, 2, 2, 1, 1])),
    },
)
def pairs(answers, pairs, sizes):
    right = _double_factorial(pairs)
    answers.close(
        "ways",
        right,
        {
            "the codes' names do not matter: the same pairs in another order are the same pairing": right
            * math.factorial(pairs),
            "the order within a pair does not matter, nor does the order of the pairs": math.factorial(2 * pairs),
            "this counts the pairs, not the pairings": math.comb(2 * pairs, 2),
            "the order within a pair does not matter": right * 2**pairs,
        },
        tolerance=1e-6,
    )
    answers.close(
        "nats",
        math.log(pairs),
        {
            "the code has half as many values as there are modes": math.log(2 * pairs),
            "this is in bits": math.log2(pairs),
            "this is what the code leaves unknown of the mode": math.log(2),
        },
    )
    share = torch.tensor(sizes, **real) / sum(sizes)
    answers.close(
        "uneven",
        _entropy(share),
        {
            "this is for groups of one size": math.log(len(sizes)),
            "this is what the code leaves unknown of the mode": share @ torch.tensor(sizes, **real).log(),
            "this is in bits": _entropy(share) / math.log(2),
        },
    )


@CHAPTER.exercise(
    "shuffle",
    "What shuffling costs",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="step",
    defines={
        "difference": "a function (prior [m], decoder [m, n]) that returns the shuffled term minus InfoGAN's, a number",
        "up": "the part of it that is not the information, for the given tables",
    },
    given=lambda draw: {"prior": draw.simplex(3, least=0.2), "decoder": [draw.simplex(4) for _ in range(3)]},
)
def shuffle(answers, prior, decoder):
    p_z, p = _random(8, 4).softmax(0), _random(9, 4, 5).softmax(-1)
    joint, product = p_z[:, None] * p, p_z[:, None] * (p_z @ p)
    there, back = _kl(joint, product).sum(), _kl(product, joint).sum()
    answers.close(
        "difference",
        there + back,
        {
            "the sign: the shuffled term is the larger one": -there - back,
            "this is the information alone": there,
            "this is the KL from the product to the joint alone": back,
            "the two KLs are added": back - there,
            "the two KLs are added, not averaged": (there + back) / 2,
        },
        at=(p_z, p),
    )
    p_z, p = _tensors(prior, decoder)
    joint, product = p_z[:, None] * p, p_z[:, None] * (p_z @ p)
    answers.close(
        "up",
        _kl(product, joint).sum(),
        {
            "this is the information": _kl(joint, product).sum(),
            "this is the whole difference": _kl(joint, product).sum() + _kl(product, joint).sum(),
        },
    )


@CHAPTER.exercise(
    "price",
    "Who pays for information?",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="mirror",
    defines={
        "price": "a function (slope, noise) that returns the VAE's average KL to the prior, a number",
        "match": "a function (slope, noise) that returns the KL of the aggregate posterior to the prior, a number",
        "tells": "the information in nats of the codes with the given noise that follow the prior exactly",
        "aae": 'what an AAE with the best helpers gains there with less noise: "nothing", "up to log 2", "without end"',
    },
    given=lambda draw: {"noise": 0.3 if not draw.variant else draw.real(0.1, 0.8)},
)
def price(answers, noise):
    for a, s in ((0.7, 0.5), (1.5, 0.8)):
        whole = (a**2 + s**2 - 1) / 2 - math.log(s)
        var = a**2 + s**2
        apart = (var - 1 - math.log(var)) / 2
        answers.close(
            "price",
            whole,
            {
                "the mean of a code varies with x; its square is missing": (s**2 - 1) / 2 - math.log(s),
                "this is the information alone": math.log(1 + a**2 / s**2) / 2,
                "this is the KL of the aggregate posterior": apart,
                "the half is missing": 2 * whole,
                "you took the noise for a variance": (a**2 + s - 1 - math.log(s)) / 2,
            },
            at=(a, s),
        )
        answers.close(
            "match",
            apart,
            {
                "this is the price of every code, averaged": whole,
                "this is the information": whole - apart,
                "the KL is turned round: the codes stand first": (1 / var - 1 + math.log(var)) / 2,
                "the half is missing": 2 * apart,
            },
            at=(a, s),
        )
    answers.close(
        "tells",
        -math.log(noise),
        {
            "the sign": math.log(noise),
            "the variance of the code is one, so the noise is a part of it": math.log(1 + 1 / noise**2) / 2,
            "the half belongs to the variance; the noise is a standard deviation": -math.log(noise) / 2,
            "this is in bits": -math.log2(noise),
            "they follow the prior, and yet they tell something": 0.0,
        },
    )
    answers.say(
        "aae",
        "without end",
        ("nothing", "up to log 2", "without end"),
        {
            "nothing": "that is the VAE with the best decoder",
            "up to log 2": "a continuous code has no such limit",
        },
    )


def _transport(data, places, prior, ends):
    """The least average of |x - G(z)|: the area between the two distribution functions."""
    where, order = torch.cat([places, ends]).sort()
    steps = torch.cat([data, -prior])[order].cumsum(0)
    return float((steps[:-1].abs() * where.diff()).sum())


@CHAPTER.exercise(
    "transport",
    "Why the Wasserstein autoencoder has its name",
    kind="build",
    difficulty=3,
    minutes=40,
    points=5,
    goal="mirror",
    defines={
        "encoder": "an encoder with the least cost whose codes follow the prior exactly, rows q(z|x), [n, m]",
        "cost": "its average cost",
    },
    given=lambda draw: {
        "places": draw.reals(4, 0, 1),
        "data": draw.simplex(4, least=0.1),
        "ends": (lambda ends: [*ends, ends[0]])(draw.reals(3, 0, 1)),
        "prior": draw.simplex(4, least=0.1),
    },
)
def transport(answers, places, data, ends, prior):
    x, d, G, p = _tensors(places, data, ends, prior)
    q = answers.tensor("encoder", (4, 4))
    if (q < -1e-6).any():
        raise Wrong("encoder has a negative probability.")
    if not alike(q.sum(1), torch.ones(4, **real), 1e-4):
        raise Wrong("encoder: its rows, one for each x, do not sum to one. Is it the plan d(x) q(z|x)?")
    if not alike(d @ q, p, 1e-4):
        raise Wrong("encoder: its codes do not follow the prior; average its rows over the data.")
    paid, least = float((d[:, None] * q * (x[:, None] - G).abs()).sum()), _transport(d, x, p, G)
    if paid > least + 1e-4:
        blind = (
            "it does not look at x: every x gets the prior"
            if alike(q, p.expand(4, 4), 1e-4)
            else "it moves mass too far"
        )
        raise Wrong(f"encoder: there is one with a lower cost; {blind}.")
    nearest = (d * (x[:, None] - G).abs().min(1).values).sum()
    answers.close(
        "cost",
        least,
        {
            "every x takes its nearest end here, and the codes do not follow the prior": nearest,
            "this is the cost of drawing codes blindly": (d[:, None] * p * (x[:, None] - G).abs()).sum(),
            "this is for the squared distance": (d[:, None] * q * (x[:, None] - G).square()).sum(),
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "game",
    "The value of the predictor's game",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="predictor",
    defines={
        "value": "a function (table [k, k], ticks [k]) that returns the least loss of the predictor, a number",
        "guess": "the best prediction of the first unit for each tick of the second, for the given table, [3]",
    },
    given=lambda draw: {
        "ticks": [0.0, 0.5, 1.0],
        "table": (lambda p: [p[:3], p[3:6], p[6:]])(draw.simplex(9, least=0.02)),
    },
)
def game(answers, ticks, table):
    p, t = _random(10, 16).softmax(0).reshape(4, 4), torch.tensor([0.0, 0.2, 0.7, 1.0], **real)
    total = left = 0.0
    for each in (p, p.T):
        own, rest = each.sum(1), each.sum(0)
        mean = t @ each / rest
        left += float((each * (t[:, None] - mean).square()).sum()) / 2
        total += float(own @ t.square() - (own @ t) ** 2) / 2
    first = float((p * (t[:, None] - t @ p / p.sum(0)).square()).sum()) / 2
    answers.close(
        "value",
        left,
        {
            "the half is missing": 2 * left,
            "this is the variance, without any predictor": total,
            "this is what the other unit explains": total - left,
            "this is the first unit alone; the second is predicted, too": first,
            "this is the second unit alone; the first is predicted, too": left - first,
        },
        at=(p, t),
    )
    p, t = _tensors(table, ticks)
    answers.close(
        "guess",
        t @ p / p.sum(0),
        {
            "this predicts the second unit from the first": p @ t / p.sum(1),
            "the conditional probabilities do not sum to one": t @ p,
            "this is the mean without looking at the second unit": (t @ p.sum(1)).expand(3),
            "this is the likeliest tick, the squared error wants the mean": t[p.argmax(0)],
        },
    )


@CHAPTER.exercise(
    "cross",
    "Unpredictable is not independent",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="predictor",
    defines={
        "explained": "the share of the variance of the first unit that the second explains",
        "value": "the least loss of the predictor, over both units",
        "nats": "how many nats the units share",
    },
    given=lambda draw: {"chance": 0.5 if not draw.variant else draw.real(0.15, 0.45)},
)
def cross(answers, chance):
    answers.close("explained", 0.0, {"look at the mean of the first unit, given the second": 1.0}, tolerance=1e-6)
    answers.close(
        "value",
        0.5,
        {
            "the half is missing": 1.0,
            "this is the first unit alone": chance / 2,
            "the predictor sees no more than the mean; the error stays": 0.0,
        },
    )
    shared = _entropy(torch.tensor([chance, 1 - chance], **real))
    answers.close(
        "nats",
        shared,
        {
            "unpredictable is not independent": 0.0,
            "this is in bits": shared / math.log(2),
            "this is the entropy of a unit": shared + chance * math.log(2),
            "this is the entropy of the pair": shared + math.log(2),
        },
    )


ALONE = ("ALI", "BiGAN", "CycleGAN", "AS-VAE", "Helmholtz machine", "DANN")
OTHERS = ("GAN", "VAE", "InfoGAN", "AAE", "WGAN-GP", "beta-VAE")


def _some(draw):
    names = [*draw.sample(ALONE, 3), *draw.sample(OTHERS, 3)]
    draw.shuffle(names)
    return names


@CHAPTER.exercise(
    "mirror",
    "Mirror images",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="mirror",
    defines={
        "own": "for each of the given models: is it its own mirror image? A list of six truth values",
        "of_infogan": "the model of zoo.ALL that is the mirror image of InfoGAN, its name",
    },
    given=lambda draw: {
        "models": ["InfoGAN", "CycleGAN", "ALI", "VAE", "Helmholtz machine", "GAN"] if not draw.variant else _some(draw)
    },
)
def mirror(answers, models):
    from ganvae_lib import swapped, zoo

    got = answers.tensor("own", (6,))
    for model, said in zip(models, got.tolist(), strict=True):
        if bool(said) != (swapped(zoo.ALL[model]) == zoo.ALL[model]) or said not in (0, 1):
            what = (
                "each of its terms becomes another of its terms"
                if not said
                else "one of its terms has no partner in it"
            )
            raise Wrong(f"own: wrong for {model}; {what}, if x and z are exchanged.")
    if answers.read("of_infogan") != "AAE":
        raise Wrong("of_infogan: exchange x and z in both of its terms: match z, and get x back. Who does that?")
