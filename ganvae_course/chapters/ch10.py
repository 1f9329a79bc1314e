"""Exercises of chapter 10."""

import math

import torch
from torch.distributions import Normal
from torch.nn.functional import logsigmoid, one_hot, softplus

from ..answers import Wrong
from ..exercise import Chapter

CHAPTER = Chapter(
    10,
    {
        "stands": "Read off an objective what its generator sees and where it stands, and keep the two apart.",
        "modes": "Compute when a divergence lets a mode go, and where a generator goes while its judge stands still.",
        "blur": "Compute what the best decoder of a VAE draws, and how much edge its means and its noise have.",
        "failures": "Predict collapsed codes, vanishing gradients and growing circles from one number, and cure them.",
    },
)
real = {"dtype": torch.float64}


def _random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **real)


MODELS = {
    "maximum likelihood": ("data", "second"),
    "VAE": ("data", "second"),
    "GAN": ("own samples", "first"),
    "minimax GAN": ("own samples", "in no KL"),
    "reverse-KL GAN": ("own samples", "first"),
    "KL-GAN": ("own samples", "second"),
    "hinge GAN": ("own samples", "in no KL"),
}


@CHAPTER.exercise(
    "stands",
    "What it sees, where it stands",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=3,
    goal="stands",
    defines={
        "sees": 'for each model, "data" or "own samples", a list of three words',
        "stands": 'for each model, "first", "second" or "in no KL", a list of three words',
        "apart": "the model of zoo.ALL that sees what a GAN sees and stands where a VAE stands, its name",
    },
    given=lambda draw: {
        "models": ["VAE", "GAN", "minimax GAN"]
        if not draw.variant
        else draw.choice(
            (
                ["maximum likelihood", "reverse-KL GAN", "hinge GAN"],
                ["minimax GAN", "GAN", "maximum likelihood"],
                ["hinge GAN", "VAE", "reverse-KL GAN"],
            )
        )
    },
)
def stands(answers, models):
    for place, (name, options, why) in enumerate(
        (
            ("sees", ("data", "own samples"), "under which distribution is the loss of theta an average?"),
            ("stands", ("first", "second", "in no KL"), "what does its link descend when the judge is the best one?"),
        )
    ):
        words = answers.read(name)
        if not isinstance(words, list) or len(words) != 3:
            raise Wrong(f"{name} must be a list of three words.")
        for model, word in zip(models, words, strict=True):
            if word not in options:
                raise Wrong(f"{name} must be a list of the words {', '.join(options)}.")
            if word != MODELS[model][place]:
                raise Wrong(f"{name}: not {word!r} for the {model}; {why}")
    named = answers.read("apart")
    if named != "KL-GAN":
        raise Wrong("apart: this model does not separate the two columns; look for a GAN that descends KL(d, g).")


def _moments(gap, weight):
    return gap * (1 - weight), 1 + gap**2 * weight * (1 - weight)


def _threshold(gap, share=0.2, within=1.0, std=False, absolute=False):
    """The weight at which a Gaussian with the world's moments gives the light mode so much of its weight."""
    low, high = 0.01, 0.49
    for _ in range(60):
        w = (low + high) / 2
        variance = within + gap**2 * w * (1 - w)
        model = Normal(gap * (1 - w), variance if std else variance**0.5)
        mass = float(model.cdf(torch.tensor(3.0, **real)) - model.cdf(torch.tensor(-3.0, **real)))
        low, high = (low, w) if mass > share * (1 if absolute else w) else (w, high)
    return low


@CHAPTER.exercise(
    "light",
    "A light mode under forward KL",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="modes",
    defines={
        "moments": "a function (gap, weight) that returns [mean, variance] of the best Gaussian",
        "least": "the weight of the light mode below which it is dropped, for the given gap",
    },
    given=lambda draw: {"gap": 9.0 if not draw.variant else draw.real(7.5, 12, 1)},
)
def light(answers, gap):
    for distance, weight in ((8.0, 0.2), (3.0, 0.4)):
        mean, variance = _moments(distance, weight)
        answers.close(
            "moments",
            [mean, variance],
            {
                "the mean is that of the wrong mode's side: the light one is at 0": [distance * weight, variance],
                "this is the standard deviation, the variance is asked for": [mean, variance**0.5],
                "the width of the modes themselves is missing in the variance": [mean, variance - 1],
                "the distance of the modes is missing in the variance": [mean, 1.0],
            },
            at=(distance, weight),
        )
    right = _threshold(gap)
    answers.close(
        "least",
        right,
        {
            "this is the weight of the heavy mode": 1 - right,
            "you asked for a fifth of the whole mass; a fifth of the light mode's weight keeps it": _threshold(
                gap, absolute=True
            ),
            "you asked for the whole of its weight": _threshold(gap, share=1.0),
            "the width of the modes themselves is missing": _threshold(gap, within=0.0),
            "you took the variance for the standard deviation": _threshold(gap, std=True),
        },
        tolerance=5e-3,
    )


ORDER = ("forward KL", "JSD", "reverse KL", "non-saturating")


def _kept(gap, weight):
    """Which of the four divergences has its best Gaussian on the light mode, too: by search on a grid."""
    x = torch.linspace(-24, 24, 289, **real)
    log_normal = lambda mean, std: -(((x - mean) / std) ** 2) / 2 - std.log() - math.log(2 * math.pi) / 2
    one = torch.ones((), **real)
    log_d = torch.logaddexp(
        math.log(weight) + log_normal(-gap / 2, one), math.log(1 - weight) + log_normal(gap / 2, one)
    )
    means, stds = torch.linspace(-gap / 2, gap / 2, 81, **real), torch.linspace(0.7, 0.7 * gap, 61, **real)
    log_g = log_normal(means[:, None, None], stds[:, None])
    log_m = torch.logaddexp(log_g, log_d) - math.log(2)
    g, d = log_g.exp(), log_d.exp()
    values = (
        d * (log_d - log_g),
        d * (log_d - log_m) + g * (log_g - log_m),
        g * (log_g - log_d),
        log_m.exp() * (log_m - log_d),
    )
    found = []
    for value in values:
        row, column = divmod(int(value.sum(-1).argmin()), len(stds))
        model = Normal(means[row], stds[column])
        edges = torch.tensor([-gap / 2 - 3, min(-gap / 2 + 3, 0)], **real)
        found.append(bool(model.cdf(edges).diff() >= 0.2 * weight))
    return found


@CHAPTER.exercise(
    "drops",
    "Who drops the mode?",
    kind="predict",
    difficulty=3,
    minutes=35,
    points=4,
    goal="modes",
    defines={
        "kept": "is the light mode kept by forward KL, JSD, reverse KL, non-saturating? A list of four truth values",
    },
    given=lambda draw: dict(
        zip(
            ("gap", "weight"),
            (5.8, 0.45)
            if not draw.variant
            else draw.choice(((5.0, 0.45), (5.5, 0.1), (7.5, 0.02), (3.5, 0.3), (9.0, 0.45))),
            strict=True,
        )
    ),
)
def drops(answers, gap, weight):
    got, right = answers.tensor("kept", (4,)), _kept(gap, weight)
    if not ((got == 0) | (got == 1)).all():
        raise Wrong("kept must be a list of four truth values.")
    why = {
        "forward KL": "its best Gaussian has the world's mean and variance; see what mass it has at the light mode",
        "JSD": "it is symmetric, but its price of missed data is bounded; search from one mode and from both",
        "reverse KL": "search from the heavy mode as well as from both, and compare the values",
        "non-saturating": "it lets go first of all; its divergence is 2 KL(m, d), with the mixture in front",
    }
    for name, said, truth in zip(ORDER, got.tolist(), right, strict=True):
        if bool(said) != truth:
            raise Wrong(f"kept: wrong for {name}: {why[name]}.")


@CHAPTER.exercise(
    "entropy",
    "Give the entropy back",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="modes",
    defines={
        "alone": "the best response to E[-log D], for the given logit, [n]",
        "with_entropy": "a function (logit [n], strength) that returns the best response (a), [n]",
        "with_kl": "a function (logit [n], mixture [n]) that returns the best response (b), [n]",
        "at_best": "the best response (b) to the optimal discriminator, for the given data and generator, [n]",
    },
    given=lambda draw: {
        "logit": draw.reals(5, -2, 2),
        "data": draw.simplex(5),
        "generator": draw.simplex(5),
    },
)
def entropy(answers, logit, data, generator):
    t = torch.tensor(logit, **real)
    answers.close(
        "alone",
        one_hot(t.argmax(), 5),
        {
            "a linear loss has its least value at one point; nothing spreads the mass": t.sigmoid() / t.sigmoid().sum(),
            "nothing in this loss raises the entropy": t.softmax(0),
            "this is where the samples look least real": one_hot(t.argmin(), 5),
        },
    )
    t, mixture = 2 * _random(1, 7), _random(2, 7).softmax(0)
    log_D = logsigmoid(t)
    for strength in (0.5, 3.0):
        answers.close(
            "with_entropy",
            (log_D / strength).softmax(0),
            {
                "it does not sum to one": (log_D / strength).exp(),
                "the strength stands on the wrong side: a strong entropy makes the response broad": (
                    log_D * strength
                ).softmax(0),
                "this is for the logit in the place of log D": (t / strength).softmax(0),
                "the strength is missing": log_D.softmax(0),
                "this avoids what looks real": (-log_D / strength).softmax(0),
            },
            at=(t, strength),
        )
    answers.close(
        "with_kl",
        (log_D + mixture.log()).softmax(0),
        {
            "it does not sum to one": t.sigmoid() * mixture,
            "the mixture is missing": log_D.softmax(0),
            "the discriminator is missing": mixture,
            "this is for the logit in the place of log D": (t + mixture.log()).softmax(0),
            "you weighed with 1 - D": (logsigmoid(-t) + mixture.log()).softmax(0),
        },
        at=(t, mixture),
    )
    d, g = torch.tensor(data, **real), torch.tensor(generator, **real)
    answers.close(
        "at_best",
        d,
        {
            "insert the optimal D and see what is left": (d + g) / 2,
            "it need not stay where it is": g,
            "this is the optimal discriminator, it must still be weighed with the mixture": d / (d + g),
        },
    )


def given_cancels(draw):
    """The KL between the data and the mixture has two values that differ, one in each direction."""
    while True:
        data, start = draw.simplex(4, least=0.1), draw.simplex(4, least=0.1)
        m = [(one + other) / 2 for one, other in zip(data, start, strict=True)]
        if abs(sum((one + middle) * math.log(one / middle) for one, middle in zip(data, m, strict=True))) > 6e-4:
            return {"data": data, "start": start, "logit": draw.reals(4, -1.5, 1.5)}


@CHAPTER.exercise(
    "cancels",
    "What is left of the entropy",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="modes",
    defines={
        "pull": "a function (g [n], logit [n], mixture [n]) that returns KL(g, posterior), a number",
        "constant": "what pull plus the rest exceed E_g[-log D] by, for the given tables, a number",
        "effects": 'what to descend the KL, the rest, their sum does to H(g): three of "raises", "lowers", "leaves"',
    },
    given=given_cancels,
)
def cancels(answers, data, start, logit):
    t, (g, m) = _random(3, 6), _random(4, 2, 6).softmax(-1)
    weight = t.sigmoid() * m
    post = weight / weight.sum()
    answers.close(
        "pull",
        (g * (g / post).log()).sum(),
        {
            "the posterior must be normalised": (g * (g / weight).log()).sum(),
            "the KL is turned round: g stands first": (post * (post / g).log()).sum(),
            "the mixture is missing in the posterior": (g * (g.log() - logsigmoid(t).log_softmax(0))).sum(),
            "you weighed with 1 - D": (g * (g.log() - (logsigmoid(-t) + m.log()).log_softmax(0))).sum(),
            "the entropy of g is missing": -(g * post.log()).sum(),
        },
        at=(g, t, m),
    )
    d, g_0, t = (torch.tensor(values, **real) for values in (data, start, logit))
    m = (d + g_0) / 2
    log_z, away = (t.sigmoid() * m).sum().log(), (d * (d / m).log()).sum()
    answers.close(
        "constant",
        log_z - away,
        {
            "the normaliser of the posterior is missing": -away,
            "the distance of the data from the mixture is missing": log_z,
            "the sign of the two parts is not the same": log_z + away,
            "the sign: it is what the sum exceeds the loss by": away - log_z,
            "here the KL is turned round": log_z - (m * (m / d).log()).sum(),
        },
    )
    words = answers.read("effects")
    if not isinstance(words, list) or len(words) != 3 or any(w not in ("raises", "lowers", "leaves") for w in words):
        raise Wrong('effects must be a list of three of the words "raises", "lowers", "leaves".')
    asked = ("raises", "lowers", "leaves")
    names = ("the KL contains -H(g)", "the rest contains the entropy with the other sign", "add the two")
    for word, right, hint in zip(words, asked, names, strict=True):
        if word != right:
            raise Wrong(f"effects: not {word!r}: {hint}.")


@CHAPTER.exercise(
    "blur",
    "What the best decoder draws",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="blur",
    defines={
        "best_mean": "a function (data [n], encoder [n, m], images [n, pixels]) that returns the mean, [m, pixels]",
        "best_sigma": "a function of the same three that returns the best sigma, a number",
        "lost": "the share of the energy of the data that their best means lack, for the given tables",
    },
    given=lambda draw: {
        "data": draw.simplex(4, least=0.1),
        "encoder": [draw.simplex(2, least=0.1) for _ in range(4)],
        "images": [draw.reals(3, -1, 1) for _ in range(4)],
    },
)
def blur(answers, data, encoder, images):
    d, q, x = _random(5, 6).softmax(0), _random(6, 6, 3).softmax(-1), _random(7, 6, 5)
    pairs = d[:, None] * q
    best = (pairs / pairs.sum(0)).T @ x
    answers.close(
        "best_mean",
        best,
        {
            "each code's weights do not sum to one": pairs.T @ x,
            "the data's probabilities are missing": (q / q.sum(0)).T @ x,
            "this is the mean of all data, whatever the code": (d @ x).expand(3, 5),
        },
        at=(d, q, x),
    )
    miss = (pairs[..., None] * (x[:, None] - best).square()).sum()
    answers.close(
        "best_sigma",
        (miss / 5).sqrt(),
        {
            "this is the variance": miss / 5,
            "divide by the number of pixels": miss.sqrt(),
            "this is the variance, summed over the pixels": miss,
            "this is the spread of the data about their mean, without a code": (
                d @ (x - d @ x).square().sum(-1) / 5
            ).sqrt(),
        },
        at=(d, q, x),
    )
    d, q, x = (torch.tensor(values, **real) for values in (data, encoder, images))
    pairs = d[:, None] * q
    best = (pairs / pairs.sum(0)).T @ x
    share = (pairs.sum(0) @ best.square().sum(-1)) / (d @ x.square().sum(-1))
    answers.close(
        "lost",
        1 - share,
        {"this is the share that they keep": share, "this is a ratio of the other kind: lost to kept": 1 / share - 1},
    )


@CHAPTER.exercise(
    "noise",
    "Speckle counts as sharpness",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="blur",
    defines={
        "edge_energy": "a function (kernel [k, k], sigma) that returns the edge energy of noise per pixel, a number",
        "of_edges": "the edge energy of the noise, relative to that of the digits",
        "of_energy": "the energy of the noise, relative to that of the digits",
    },
    given=lambda draw: {"sigma": 0.2 if not draw.variant else draw.real(0.1, 0.3)},
)
def noise(answers, sigma):
    from ganvae_lib import load

    kernel = _random(8, 3, 3)
    power = float(kernel.square().sum())
    answers.close(
        "edge_energy",
        0.49 * power,
        {
            "the energy grows with the variance of the noise, not with its standard deviation": 0.7 * power,
            "independent noise adds squares: square the weights before you sum them": 0.49 * float(kernel.sum()) ** 2,
            "the weights' squares are missing": 0.49,
            "every weight counts once, the centre as well as the neighbours": 0.49 * float(kernel[1, 1] ** 2),
            "this is its square root": 0.7 * power**0.5,
        },
        at=(kernel, 0.7),
    )
    x = load("digits").x.double()
    inner = x[..., 1:-1, 1:-1]
    edges = 4 * inner - x[..., :-2, 1:-1] - x[..., 2:, 1:-1] - x[..., 1:-1, :-2] - x[..., 1:-1, 2:]
    for name, right in (
        ("of_edges", 20 * sigma**2 / edges.square().mean()),
        ("of_energy", sigma**2 / inner.square().mean()),
    ):
        answers.close(
            name,
            right,
            {
                "this is relative to the sum over all inner pixels; take the mean of each": right / 36,
                "this is the ratio upside down": 1 / right,
                "this is the square root": right**0.5,
                "take the inner pixels only": sigma**2 / x.square().mean(),
            },
            tolerance=1e-3,
        )


@CHAPTER.exercise(
    "collapse",
    "Codes that are not worth their price",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=3,
    goal="failures",
    defines={
        "collapsed": "how many codes collapse, for the given spectrum and sigma",
        "price": "a function (spectrum [n], sigma) that returns the average KL of each code, [n]",
        "cure": "the limit of sigma below which all six codes survive",
    },
    given=lambda draw: {
        "spectrum": sorted([*draw.reals(2, 1.5, 6, 1), *draw.reals(4, 0.1, 0.8)], reverse=True),
        "sigma": draw.choice((0.9, 1.0, 1.1)),
    },
)
def collapse(answers, spectrum, sigma):
    lost = sum(value <= sigma**2 for value in spectrum)
    answers.close("collapsed", lost, {"these survive": len(spectrum) - lost})
    values = torch.tensor([5.0, 2.1, 0.9, 0.3, 0.05], **real)
    for std in (0.5, 1.3):
        price = (values / std**2).log().clamp(min=0) / 2
        answers.close(
            "price",
            price,
            {
                "a KL is never negative: a code that is not worth it is not used": (values / std**2).log() / 2,
                "the threshold is the variance of the noise, not its standard deviation": (values / std)
                .log()
                .clamp(min=0)
                / 2,
                "the half is missing": 2 * price,
                "this is in bits": price / math.log(2),
            },
            at=(values, std),
        )
    least = min(spectrum)
    answers.close(
        "cure",
        math.sqrt(least),
        {
            "this is a variance; sigma is a standard deviation": least,
            "here all codes but one collapse already": math.sqrt(max(spectrum)),
        },
    )


def _between(draw):
    """A code on which beta decides is among them, and one that the root of the threshold, taken for it, gets wrong."""
    beta = 4.0 if not draw.variant else draw.choice((0.25, 0.5, 2.0, 3.0))
    sigma = 0.8 if not draw.variant else draw.choice((0.4, 0.6, 0.8))
    spectrum = draw.reals(6, 0.1, 4)
    if draw.variant:
        threshold, between = beta * sigma**2, [beta**0.5 * sigma**2, (beta**0.5 * sigma) ** 1.5]
        spectrum[:2] = [round(value, 3) for value in between]
        while sum(value > threshold for value in spectrum) == 3:  # as many survive as collapse
            spectrum[2:] = draw.reals(4, 0.1, 4)
    return {"beta": beta, "sigma": sigma, "spectrum": sorted(spectrum, reverse=True)}


@CHAPTER.exercise(
    "beta",
    "Beta moves the threshold",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="failures",
    defines={
        "same_sigma": "a function (beta, sigma) that returns the sigma of the VAE with the same optimum, a number",
        "factor": "the loss of the beta-VAE over that of this VAE, up to constants, for the given beta",
        "alive": "how many codes survive, for the given spectrum, sigma and beta",
        "least": "the least beta at which no code survives, for the given spectrum and sigma",
    },
    given=_between,
)
def beta(answers, beta, sigma, spectrum):
    for weight, std in ((9.0, 0.5), (0.25, 2.0)):
        answers.close(
            "same_sigma",
            math.sqrt(weight) * std,
            {
                "it is the variance that is multiplied by beta": weight * std,
                "the other way round: a large beta forgives more noise": std / math.sqrt(weight),
                "this is the variance": weight * std**2,
            },
            at=(weight, std),
        )
    answers.close("factor", beta, {"upside down": 1 / beta, "the factor is that of the KL, not of sigma": beta**0.5})
    right = sum(value > beta * sigma**2 for value in spectrum)
    answers.close(
        "alive",
        right,
        {
            "these collapse": len(spectrum) - right,
            "this is without beta": sum(value > sigma**2 for value in spectrum),
            "compare with a variance, not with a standard deviation": sum(v > beta**0.5 * sigma for v in spectrum),
        },
    )
    answers.close(
        "least",
        max(spectrum) / sigma**2,
        {
            "this is where the first code is lost": min(spectrum) / sigma**2,
            "compare with a variance, not with a standard deviation": max(spectrum) / sigma,
        },
    )


@CHAPTER.exercise(
    "push",
    "A judge that is ahead",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="failures",
    defines={
        "ratio": "a function (logit [n]) that returns the push of minimax over that of the non-saturating loss, [n]",
        "at": "the logit at which it is the given share",
        "certain": "how sure the discriminator is then that the sample is generated, a probability",
    },
    given=lambda draw: {"share": 0.05 if not draw.variant else draw.choice((0.04, 0.08, 0.1, 0.2))},
)
def push(answers, share):
    t = _random(9, 8)
    answers.close(
        "ratio",
        t.exp(),
        {
            "upside down": (-t).exp(),
            "this is the push of minimax alone": t.sigmoid(),
            "this is the push of the non-saturating loss alone": (-t).sigmoid(),
            "the pushes are the slopes in x; you divided the losses": -softplus(t) / softplus(-t),
        },
        at=(t,),
    )
    answers.close(
        "at",
        math.log(share),
        {
            "the sign: the discriminator is sure that the sample is no datum": -math.log(share),
            "this is where D itself is the share": math.log(share / (1 - share)),
        },
    )
    answers.close(
        "certain",
        1 / (1 + share),
        {
            "this is D, the probability that it is real": share / (1 + share),
            "the ratio is D / (1 - D), not D": 1 - share,
        },
    )


def _radius(rate, momentum, decay, both=False, plain=False):
    """The spectral radius of one round; ``both``: at once, ``plain``: a velocity without the factor 1 - momentum."""
    columns = []
    for slope, shift, of_slope, of_shift in torch.eye(4, **real):
        new = 1 if plain else 1 - momentum
        of_slope = momentum * of_slope + new * shift / 2
        next_slope = slope - rate * (of_slope + decay * slope)
        of_shift = momentum * of_shift - new * (slope if both else next_slope) / 2
        columns.append(torch.stack([next_slope, shift - rate * of_shift, of_slope, of_shift]))
    return float(torch.linalg.eigvals(torch.stack(columns, 1)).abs().max())


@CHAPTER.exercise(
    "orbit",
    "Circles that grow",
    kind="build",
    difficulty=3,
    minutes=40,
    points=5,
    goal="failures",
    defines={
        "growth": "a function (rate, momentum, decay) that returns the factor per round of the distance, a number",
        "calm": "the least decay at which the distance does not grow, for the given rate and momentum",
    },
    given=lambda draw: {
        "rate": 0.2 if not draw.variant else draw.choice((0.1, 0.15, 0.3)),
        "momentum": 0.9 if not draw.variant else draw.choice((0.5, 0.8, 0.9)),
    },
)
def orbit(answers, rate, momentum):
    for numbers in ((0.3, 0.0, 0.2), (0.2, 0.8, 0.0), (0.1, 0.6, 0.4)):
        answers.close(
            "growth",
            _radius(*numbers),
            {
                "theta answers to the discriminator that has just moved, not to the old one": _radius(
                    *numbers, both=True
                ),
                "a velocity takes the share 1 - momentum of the new slope": _radius(*numbers, plain=True),
                "the momentum is missing": _radius(numbers[0], 0.0, numbers[2]),
                "the decay is missing": _radius(numbers[0], numbers[1], 0.0),
                "this is the logarithm of the factor": math.log(_radius(*numbers)),
                "this is the square of the factor": _radius(*numbers) ** 2,
            },
            at=numbers,
            tolerance=1e-5,
        )
    calm = answers.number("calm")
    if calm < 0 or _radius(rate, momentum, calm) > 1 + 1e-4:
        raise Wrong("calm: with this decay the distance still grows.")
    if _radius(rate, momentum, calm - 0.002) <= 1:
        raise Wrong("calm: with less decay the distance does not grow either.")
