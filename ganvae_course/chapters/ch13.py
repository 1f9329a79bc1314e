"""Exercises of chapter 13."""

import math

import torch
from torch.nn.functional import softplus

from ..answers import Answers, Wrong, alike
from ..exercise import Chapter
from ..finite import kl

CHAPTER = Chapter(
    13,
    {
        "sums": "Compute what a term adds to a sum: its price, its divergence, and its rate of exchange.",
        "pairs": "Show what a discriminator of pairs compares, and what a small divergence says of reconstructions.",
        "ratio": "Compute the KL term of a VAE from the logit of a classifier, and what a formula leaves to it.",
        "symmetric": "Build the two bounds whose sum is a symmetric KL of the joints, and relate it to the JSD.",
    },
)
LOG2 = math.log(2)


def table(values):
    return torch.tensor(values, dtype=torch.float64)


def random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@CHAPTER.exercise(
    "rate",
    "The rate of exchange",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="sums",
    defines={
        "nats": "what the likelihood charges for the miss at the given sigma, in nats",
        "dearer": "what charges more at the given sigma: 'reconstruction' or 'game'",
        "even": "the sigma at which both charge the same",
    },
    given=lambda draw: {
        "miss": 0.3 if not draw.variant else draw.real(0.2, 0.6),
        "sigma": 0.1 if not draw.variant else draw.choice([draw.real(0.08, 0.14), draw.real(0.6, 0.9)]),
    },
)
def rate(answers, miss, sigma):
    right = miss**2 / (2 * sigma**2)
    answers.close(
        "nats",
        right,
        {
            "the half in the exponent of a Gaussian is missing": 2 * right,
            "a Gaussian divides by the variance, and sigma is its root": miss**2 / (2 * sigma),
            "the distance is squared in the exponent of a Gaussian": miss / (2 * sigma**2),
        },
    )
    answers.say(
        "dearer",
        "reconstruction" if right > LOG2 else "game",
        ("reconstruction", "game"),
        {"game": "compare log 2 with what the miss costs", "reconstruction": "compare log 2 with what the miss costs"},
    )
    answers.close(
        "even",
        miss / math.sqrt(2 * LOG2),
        {
            "this is the variance; its root is asked for": miss**2 / (2 * LOG2),
            "the half in the exponent of a Gaussian is missing": miss / math.sqrt(LOG2),
            "the game charges log 2, not one nat": miss / math.sqrt(2),
        },
    )


@CHAPTER.exercise(
    "misses",
    "Room for misses",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="pairs",
    defines={
        "most": "the largest share of reconstructions that the bound allows to be misses",
        "needed": "the JSD at which it allows the given share beyond epsilon",
        "accuracy": "the largest accuracy of a discriminator of pairs that the bound allows",
    },
    given=lambda draw: {
        "jsd": 0.045 if not draw.variant else draw.real(0.005, 0.08, 3),
        "epsilon": 0.05 if not draw.variant else draw.real(0.02, 0.2),
        "share": 0.1 if not draw.variant else draw.real(0.05, 0.4),
    },
)
def misses(answers, jsd, epsilon, share):
    room = math.sqrt(2 * jsd)
    answers.close(
        "most",
        epsilon + room,
        {
            "the misses that the model makes by itself, epsilon, are left out": room,
            "Pinsker's inequality holds for each KL to the mixture, and there the total variation is half as large": (
                epsilon + math.sqrt(jsd / 2)
            ),
            "the root is missing": epsilon + 2 * jsd,
        },
    )
    answers.close(
        "needed",
        share**2 / 2,
        {
            "the factor 2 stands on the other side: solve the inequality for the JSD": 2 * share**2,
            "the JSD goes with the square of the share": share / 2,
            "this is the room that a JSD of that size leaves": math.sqrt(2 * share),
        },
    )
    answers.close(
        "accuracy",
        (1 + room) / 2,
        {
            "this is the total variation; a discriminator that guesses has accuracy one half": room,
            "half of the pairs are of each kind, so the difference of two probabilities counts half": 0.5 + room,
        },
    )


def rivals(draw):
    """Data, samples and reconstructions on six places, of which one is clearly the best to lie in."""
    if not draw.variant:
        return {
            "d": [0.3, 0.1, 0.2, 0.15, 0.15, 0.1],
            "p": [0.35, 0.05, 0.05, 0.25, 0.15, 0.15],
            "r": [0.15, 0.15, 0.2, 0.1, 0.3, 0.1],
        }
    while True:
        d, p = draw.simplex(6), draw.simplex(6)
        first, second = sorted(b / a for a, b in zip(d, p, strict=True))[:2]
        if second > 1.2 * first:
            return {"d": d, "p": p, "r": draw.simplex(6)}


@CHAPTER.exercise(
    "unrehearsed",
    "A question that was not rehearsed",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="sums",
    defines={
        "asked": "the term at the given r, a number in nats",
        "place": "the place, counted from 0, at which all reconstructions should lie",
        "agree": "the term when p = d, for any r",
    },
    given=rivals,
)
def unrehearsed(answers, d, p, r):
    d, p, r = table(d), table(p), table(r)
    price = (1 + p / d).log()
    answers.close(
        "asked",
        (r * price).sum(),
        {
            "this is -log(1 - D), what the discriminator itself is charged": (r * (1 + d / p).log()).sum(),
            "you took the logarithm of an average; the term averages logarithms": -(r * d / (d + p)).sum().log(),
            "you averaged over the data; reconstructions are judged here": (d * price).sum(),
            "you averaged over the samples; reconstructions are judged here": (p * price).sum(),
            "D was trained on data and samples, without the reconstructions": (r * (1 + r / d).log()).sum(),
        },
    )
    at = answers.number("place")
    if at != float(price.argmin()):
        worst = {float(price.argmax()): "there the samples pile up, and D is surest that an example is made"}
        most = {float(d.argmax()): "the data are most there, but what counts is how many samples there are beside them"}
        raise Wrong(f"place: {({**most, **worst}).get(at, 'at another place the term is smaller')}.")
    answers.close(
        "agree",
        LOG2,
        {"a discriminator that cannot tell says one half, not one": 0.0, "this is D, not -log D": 0.5},
    )


@CHAPTER.exercise(
    "price",
    "Who pays for the codes",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="sums",
    defines={
        "vae": "what the VAE pays for its codes, in nats",
        "alpha": "what the alpha-GAN pays for them",
        "information": "what the codes say of x, the mutual information I_q(x; z)",
    },
    given=lambda draw: {
        "d": [0.5, 0.3, 0.2] if not draw.variant else draw.simplex(3, least=0.1),
        "encoder": (
            [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]
            if not draw.variant
            else [draw.simplex(3, least=0.05) for _ in range(3)]
        ),
        "prior": [0.25, 0.5, 0.25] if not draw.variant else draw.simplex(3, least=0.15),
    },
)
def price(answers, d, encoder, prior):
    d, q, p = table(d), table(encoder), table(prior)
    codes, flat = d @ q, q.mean(0)
    paid, kept = (d * kl(q, p)).sum(), kl(codes, p)
    answers.close(
        "vae",
        paid,
        {
            "the average is over the data; you took every x as often": kl(q, p).mean(),
            "you added over x; an average over the data is asked for": kl(q, p).sum(),
            "the KL has the encoder first": (d * kl(p.expand(3, 3), q)).sum(),
            "this is in bits": paid / LOG2,
            "this is the KL of the average code, which the VAE does not take": kept,
        },
    )
    answers.close(
        "alpha",
        kept,
        {
            "the aggregate posterior is an average over the data; you took every x as often": kl(flat, p),
            "the KL has the model, q(z), first": kl(p, codes),
            "this is the average of the KLs, which the VAE pays": paid,
            "this is in bits": kept / LOG2,
        },
    )
    answers.close(
        "information",
        paid - kept,
        {"of the wrong sign": kept - paid, "this is in bits": (paid - kept) / LOG2, "this is the sum": paid + kept},
    )


@CHAPTER.exercise(
    "ratio",
    "A ratio that was frozen",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="ratio",
    defines={
        "logit": "a function (x [n], z [n]) that returns the best logit [n]",
        "price": "its average with a minus over inferred pairs, in nats",
        "push": "the derivative of that average with respect to s, at s = width, with the logit frozen",
    },
    given=lambda draw: {
        "slope": 0.8 if not draw.variant else draw.real(0.3, 1.5),
        "width": 0.6 if not draw.variant else draw.real(0.2, 0.8),
    },
)
def ratio(answers, slope, width):
    x, z = random(0, 2, 7)
    log_p, log_d = -z.square() / 2, -x.square() / 2
    log_q = -((z - slope * x) ** 2) / (2 * width**2) - math.log(width)
    answers.close(
        "logit",
        log_p - log_q,
        {
            "of the wrong sign: codes of the prior are y = 1": log_q - log_p,
            "d(x) cancels; here it is left in one of the two classes": log_p - log_q - log_d,
            "d(x) cancels; here it is left over": log_p - log_q + log_d,
            "the width is a standard deviation; the exponent divides by its square": (
                log_p + (z - slope * x) ** 2 / (2 * width) + math.log(width) / 2
            ),
            "the normalisation of the encoder, log s, is missing": log_p - log_q - math.log(width),
        },
        at=(x, z),
    )
    right = (width**2 + slope**2 - 1) / 2 - math.log(width)
    answers.close(
        "price",
        right,
        {
            "of the wrong sign": -right,
            "the mean of the codes moves with x, and adds to the price": (width**2 - 1) / 2 - math.log(width),
            "the half is missing": width**2 + slope**2 - 1 - 2 * math.log(width),
        },
        tolerance=1e-3,
    )
    answers.close(
        "push",
        width - 1 / width,
        {
            "of the wrong sign": 1 / width - width,
            "a frozen logit holds log q, too, and its average moves with s": width,
            "only the logit is frozen; the codes over which one averages move with s": 0.0,
            "what the logit itself would add has mean zero; you counted it": width - 2 / width,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "players",
    "Three players, one discriminator of pairs",
    kind="build",
    difficulty=2,
    minutes=15,
    points=3,
    goal="pairs",
    defines={"losses": "a function (t_q [n], t_p [m]) that returns the losses of phi, theta and eta, [3]"},
    given=lambda draw: {
        "link": "non-saturating"
        if not draw.variant
        else ["minimax", "reverse KL", "non-saturating"][draw.variant % 3 - 1]
    },
)
def players(answers, link):
    links = {"non-saturating": lambda t: softplus(-t), "minimax": lambda t: -softplus(t), "reverse KL": lambda t: -t}
    h = links.pop(link)
    (q, other_q), (p, other_p) = random(1, 2, 5), random(2, 2, 8)
    here = answers.values("losses", q, p, shape=(3,))
    moved = {
        "theta": answers.values("losses", q, other_p, shape=(3,)),
        "eta": answers.values("losses", other_q, p, shape=(3,)),
    }
    real, fake = softplus(-q), softplus(p)
    judge = real.mean() + fake.mean()
    Answers({"the loss of phi": here[0]}).close(
        "the loss of phi",
        judge,
        {
            "the labels are exchanged: inferred pairs are y = 1": softplus(q).mean() + softplus(-p).mean(),
            "of the wrong sign: phi descends": -judge,
            "you added over the pairs; means are asked for": real.sum() + fake.sum(),
            "you halved it: the two means are added": judge / 2,
        },
    )

    def compare(name, got, mine):  # what a player's loss says of the pairs that this player makes
        mistakes = {
            f"of the wrong sign: {name} wants to be taken for the other": -mine(h),
            "you added over the pairs; a mean is asked for": mine(h) * len(q if name == "eta" else p),
        }
        mistakes |= {f"this is the link {other!r}": mine(links[other]) for other in links}
        if name == "eta":  # what theta descends, at the inferred pairs
            mistakes = {
                "its pairs are the real side of the game, so y is reversed for it": (h(q) - h(other_q)).mean()
            } | mistakes
        pairs = f"{'inferred' if name == 'eta' else 'generated'} pairs"
        label = f"the change in the loss of {name} as {pairs} move"
        if alike(got, torch.zeros(()), 1e-9):
            raise Wrong(f"the loss of {name} does not depend on the {pairs}.")
        Answers({label: got}).close(label, mine(h), mistakes)

    compare("theta", here[1] - moved["theta"][1], lambda h: (h(p) - h(other_p)).mean())
    compare("eta", here[2] - moved["eta"][2], lambda h: (h(-q) - h(-other_q)).mean())


def maps(draw):
    """An encoder and a decoder that inverts it at some of the places."""
    if not draw.variant:
        return {"E": [2, 0, 3, 1, 4], "G": [1, 4, 0, 2, 3]}
    while True:
        places = draw.choice([5, 7, 8])
        E = draw.sample(range(places), places)
        G, wrong = [E.index(z) for z in range(places)], draw.sample(range(places), draw.choice([2, 3]))
        for z, x in zip(wrong, [G[z] for z in wrong[1:] + wrong[:1]], strict=True):
            G[z] = x
        if sum(a != b for a, b in zip(E, G, strict=True)) > len(wrong):
            return {"E": E, "G": G}


@CHAPTER.exercise(
    "bijections",
    "Maps without noise",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="pairs",
    defines={
        "wrong": "the share of the examples that the given maps do not bring back",
        "jsd": "a function (E, G), two lists of n whole numbers, that returns the JSD of the joints in nats",
        "tight": "which inequality is an equality: 'first', 'second', 'both' or 'neither'",
    },
    given=maps,
)
def bijections(answers, E, G):
    def missed(E, G):
        return sum(G[E[x]] != x for x in range(len(E))) / len(E)

    share = missed(E, G)
    apart = sum(a != b for a, b in zip(E, G, strict=True)) / len(E)
    answers.close(
        "wrong",
        share,
        {
            "this is the share that comes back": 1 - share,
            "this is their number": share * len(E),
            "you compared E(x) with G(x); follow x through both maps": apart,
        },
    )
    for one, two in ((E, G), ([1, 2, 0, 4, 3], [2, 0, 1, 3, 4]), ([0, 1, 2], [1, 2, 0]), ([1, 2, 0], [2, 0, 1])):
        part = missed(one, two)
        answers.close(
            "jsd",
            part * LOG2,
            {
                "in nats it is less (this is the share itself, or bits)": part,
                "this is twice the JSD": 2 * part * LOG2,
                "this is the total over the examples, not their share": part * len(one) * LOG2,
                "this grows with the examples that come back": (1 - part) * LOG2,
                "the mass of a wrong pair counts in each of the two KLs, each with half the weight": part * LOG2 / 2,
            },
            at=(one, two),
        )
    said = {
        "second": "put a share between 0 and 1 into the root, and compare",
        "both": "put a share between 0 and 1 into the root, and compare",
        "neither": "compute epsilon and the total variation of these joints",
    }
    answers.say("tight", "first", ("first", "second", "both", "neither"), said)


def tilt(draw):
    """A distribution, and a function whose mean under it is not near zero."""
    if not draw.variant:
        return {"a": [0.1, 0.2, 0.3, 0.4], "v": [1.0, -1.0, 2.0, 0.5]}
    while True:
        a, v = draw.simplex(4, least=0.1), draw.reals(4, -2, 2, 1)
        if abs(sum(p * value for p, value in zip(a, v, strict=True))) > 0.3:
            return {"a": a, "v": v}


@CHAPTER.exercise(
    "symmetric",
    "AS-VAE bounds ALI",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="symmetric",
    defines={
        "kl_rate": "the limit of KL(a || b) / step**2 as the step goes to 0",
        "jsd_rate": "the limit of JSD(a, b) / step**2",
        "factor": "the limit of JSD / J",
    },
    given=tilt,
)
def symmetric(answers, a, v):
    a, v = table(a), table(v)
    second = (a * v**2).sum()
    spread = second - (a * v).sum() ** 2
    answers.close(
        "kl_rate",
        spread / 2,
        {
            "the half of the second-order term is missing, or this is J, both directions together": spread,
            "b has to be normalised, which takes the mean of v away": second / 2,
            "the variance is taken with the weights a": v.var(correction=0) / 2,
        },
        tolerance=2e-3,
    )
    answers.close(
        "jsd_rate",
        spread / 8,
        {
            "each joint is compared with the mixture, which is half as far away": spread / 2,
            "half as far is a quarter of the KL; and the two KLs have the weight one half each": spread / 4,
            "b has to be normalised, which takes the mean of v away": second / 8,
        },
        tolerance=2e-3,
    )
    answers.close(
        "factor",
        1 / 8,
        {
            "J is the sum of both directions; near the solution the factor is smaller than in the bound": 1 / 4,
            "this is J / JSD": 8.0,
        },
        tolerance=2e-3,
    )


@CHAPTER.exercise(
    "contrast",
    "Adaptive contrast",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="ratio",
    defines={
        "whole": "KL(q || p) with the prior p = N(0, 1), in nats",
        "left": "KL(q || r_x), what is left for the classifier",
    },
    given=lambda draw: {
        "modes": [1.9, 2.1] if not draw.variant else [draw.real(-0.6, -0.3), draw.real(1.2, 1.9)],
        "width": 0.03 if not draw.variant else draw.real(0.05, 0.25),
    },
)
def contrast(answers, modes, width):
    a, b = modes
    middle, variance = (a + b) / 2, width**2 + (a - b) ** 2 / 4
    z = torch.linspace(a - 12 * width, b + 12 * width, 20_001, dtype=torch.float64)

    def normal(mean, variance):
        return -((z - mean) ** 2) / (2 * variance) - math.log(2 * math.pi * variance) / 2

    q = torch.logaddexp(normal(a, width**2), normal(b, width**2)) - LOG2
    over = lambda log_r: float(torch.trapezoid(q.exp() * (q - log_r), z))
    whole, left = over(normal(0, 1)), over(normal(middle, variance))
    answers.close(
        "whole",
        whole,
        {
            "of the wrong sign": -whole,
            "this is in bits": whole / LOG2,
            "this is what one mode alone would cost; the mixture knows log 2 less, where the modes do not overlap": (
                whole + LOG2
            ),
            "this is the part that two moments give": whole - left,
        },
        tolerance=0.01,
    )
    answers.close(
        "left",
        left,
        {
            "this is the part that the formula gives": whole - left,
            "the variance of q is more than that of one mode: the modes lie apart": over(normal(middle, width**2)),
            "this is in bits": left / LOG2,
            "of the wrong sign": -left,
            "r_x has its own mean, that of q": over(normal(0, variance)),
        },
        tolerance=0.01,
    )


@CHAPTER.exercise(
    "once",
    "The sum as published",
    kind="derive",
    difficulty=3,
    minutes=40,
    points=5,
    goal="sums",
    defines={
        "f": "a function (u [n]) that returns f(u) [n] for ratios u > 0, up to an affine term",
        "divergence": "D_f(d || b) for the given d and b, a number",
    },
    given=lambda draw: {
        "d": [0.4, 0.3, 0.1, 0.2] if not draw.variant else draw.simplex(4),
        "b": [0.15, 0.2, 0.45, 0.2] if not draw.variant else draw.simplex(4),
    },
)
def once(answers, d, b):
    u = torch.linspace(0.2, 6, 30, dtype=torch.float64)
    line = torch.stack((torch.ones_like(u), u), -1)

    def right(u):
        return -u.log() - u * u.log() / 2 + (u + 2) * (u + 2).log() / 2

    def bent(values):  # less its best affine part
        return values - line @ torch.linalg.lstsq(line, values[:, None]).solution[:, 0]

    got = bent(answers.values("f", u, shape=(len(u),)))
    Answers({"f": got}).close(
        "f",
        bent(right(u)),
        {
            "of the wrong sign; f is convex": -bent(right(u)),
            "the factor 2 stands before the divergence already": 2 * bent(right(u)),
            "this belongs to data that enter twice": bent((1 + u) * (1 + 1 / u).log()),
            "this belongs to data that enter twice, and the factor 2 stands before the divergence already": bent(
                2 * (1 + u) * (1 + 1 / u).log()
            ),
            "the ratio is d/b; with b/d, f becomes u f(1/u)": bent(u * right(1 / u)),
            "this is h, the loss as a function of the ratio; f has to be integrated": bent((1 + 2 / u).log()),
            "it is an affine function, whose divergence is zero": torch.zeros_like(u),
        },
        tolerance=1e-3,
    )
    d, b = table(d), table(b)
    one = float(right(table(1.0)))
    value = float((b * right(d / b)).sum()) - one
    answers.close(
        "divergence",
        value,
        {
            "the book has f(1) = 0, so that the divergence of b from itself is zero": value + one,
            "the factor 2 stands before the divergence already": 2 * value,
            "the arguments are exchanged: the ratio is d/b, averaged over b": float((d * right(b / d)).sum()) - one,
            "the average is over b": float((d * right(d / b)).sum()) - one,
            "of the wrong sign": -value,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "bounds",
    "Two bounds and their sum",
    kind="build",
    difficulty=3,
    minutes=30,
    points=5,
    goal="symmetric",
    defines={
        "bounds": "a function (q [n, m], p [n, m]) of two joints that returns the bounds L_x and L_z, [2]",
        "missing": "how far L_x + L_z lies below -H(d) - H(prior) for the given joints",
    },
    given=lambda draw: {
        name: first if not draw.variant else [row[:3], row[3:]]
        for name, first, row in (
            ("q", [[0.3, 0.1, 0.1], [0.05, 0.25, 0.2]], draw.simplex(6)),
            ("p", [[0.2, 0.15, 0.05], [0.1, 0.2, 0.3]], draw.simplex(6)),
        )
    },
)
def bounds(answers, q, p):
    def both(q, p):
        d, prior = q.sum(1), p.sum(0)
        forward, backward = kl(q.flatten(), p.flatten()), kl(p.flatten(), q.flatten())
        return torch.stack((forward, backward)), torch.stack(((d * d.log()).sum(), (prior * prior.log()).sum()))

    a, b = random(3, 12).softmax(0).reshape(3, 4), random(4, 12).softmax(0).reshape(3, 4)
    divergences, entropies = both(a, b)
    right = entropies - divergences
    recovered = torch.stack(((a * (b / b.sum(0)).log()).sum(), (b * (a / a.sum(1, keepdim=True)).log()).sum()))
    answers.close(
        "bounds",
        right,
        {
            "of the wrong sign: bounds on a log likelihood are asked for, not losses": -right,
            "these are KLs with a minus; the bounds are lower, by the entropy of what is observed": -divergences,
            "L_x comes first": right.flip(0),
            "the entropy of d belongs to L_x, that of the prior to L_z": entropies.flip(0) - divergences,
            "the KL terms are missing": recovered,
            "the KL terms are subtracted, not added": 2 * recovered - right,
            "in each KL, and in each average, the inferred pairs come first for L_x": entropies - divergences.flip(0),
        },
        at=(a, b),
    )
    (forward, backward), _ = both(table(q), table(p))
    answers.close(
        "missing",
        forward + backward,
        {
            "of the wrong sign: the sum lies below": -(forward + backward),
            "one direction of the KL is missing": forward,
            "one direction of the KL is missing (that with the inferred pairs first)": backward,
            "the two directions are added, not averaged": (forward + backward) / 2,
        },
    )
