"""Exercises of chapter 20. Worlds are points on a line, or Gaussians: every score is known."""

import math

import torch

from ..answers import Answers, Wrong
from ..exercise import Chapter
from ..finite import entropy, exactly, kl

CHAPTER = Chapter(
    20,
    {
        "denoiser": "Compute the best denoiser, the score and the weights of times for any path.",
        "hierarchy": "Compute what each step of the hierarchical VAE costs, and what few steps cost in all.",
        "directions": "Compute both rates at which noise brings data and model together.",
        "distillation": "Build the gradient of distillation, and of any link, out of two scores.",
        "sampling": "Predict what a sampler with few steps makes of the best network.",
        "priors": "Compute what a learned prior saves, and build the gradients of a discrete code.",
    },
)


def some(seed, *shape, low=-2.0, high=2.0):
    """Random numbers between two, float64."""
    return low + (high - low) * torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@CHAPTER.exercise(
    "tweedie",
    "A denoiser without a network",
    kind="build",
    difficulty=1,
    minutes=15,
    points=2,
    goal="denoiser",
    defines={
        "denoised": "a function of x_t [m] and the numbers alpha, sigma: E[x|x_t], [m]",
        "score": "a function of the same: the slope of log d_t at x_t, [m]",
    },
    given=lambda draw: {"points": draw.reals(4, -3, 3), "weights": draw.simplex(4)},
)
def tweedie(answers: Answers, points, weights):
    points, weights = exactly(points, weights)
    at = some(3, 6)
    for alpha, sigma in ((0.8, 0.6), (0.5, 0.9)):
        apart = at[:, None] - alpha * points
        log_joint = weights.log() - apart**2 / (2 * sigma**2)
        posterior = log_joint.softmax(-1)
        mean = (posterior * points).sum(-1)
        mistakes = {
            "this is the nearest point, not the mean over the posterior": points[log_joint.argmax(-1)],
            "the points have weights": ((-(apart**2) / (2 * sigma**2)).softmax(-1) * points).sum(-1),
            "the points are noised, too: shrink them by alpha before you compare": (
                (weights.log() - (at[:, None] - points) ** 2 / (2 * sigma**2)).softmax(-1) * points
            ).sum(-1),
            "the variance of the noise is sigma squared": (
                (weights.log() - apart**2 / (2 * sigma)).softmax(-1) * points
            ).sum(-1),
        }
        answers.close("denoised", mean, mistakes, at=(at, alpha, sigma))
        right = (alpha * mean - at) / sigma**2
        mistakes = {
            "it points away from the data: mind the sign": -right,
            "divide by the variance of the noise, not by its standard deviation": right * sigma,
            "the mean is shrunk by alpha before it is compared with x_t": (mean - at) / sigma**2,
        }
        answers.close("score", right, mistakes, at=(at, alpha, sigma))


@CHAPTER.exercise(
    "weights",
    "Which times count",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="denoiser",
    defines={
        "noise": "a function of t [m]: the weight of the squared error of x in that of the noise, [m]",
        "velocity": "the same for the velocity",
        "bound": "the same for the bound, half of minus the slope of the SNR",
    },
    given=lambda draw: {
        "a": draw.choice((1, 2, 3)) if draw.variant else 2,
        "b": draw.choice((1, 2)) if draw.variant else 1,
    },
)
def weights_of_times(answers: Answers, a, b):
    t = some(5, 5, low=0.2, high=0.8)
    alpha, sigma = (1 - t) ** a, t**b
    d_alpha, d_sigma = -a * (1 - t) ** (a - 1), b * t ** (b - 1)
    snr = (alpha / sigma) ** 2
    slope = 2 * snr * (d_alpha / alpha - d_sigma / sigma)
    velocity = (d_alpha - d_sigma * alpha / sigma) ** 2
    answers.close("noise", snr, {"the SNR is a ratio of squares": snr.sqrt(), "this is upside down": 1 / snr}, at=(t,))
    mistakes = {
        "the error of the noise has the other sign: its part of the velocity adds up": (
            (d_alpha + d_sigma * alpha / sigma) ** 2
        ),
        "the noise that is told changes with x, too": d_alpha**2,
        "the loss is a square": velocity.sqrt(),
    }
    answers.close("velocity", velocity, mistakes, at=(t,))
    mistakes = {
        "the SNR falls; the weight is positive": slope / 2,
        "there is a half before the slope": -slope,
        "this is the slope of the logarithm of the SNR": -slope / snr / 2,
    }
    answers.close("bound", -slope / 2, mistakes, at=(t,))


@CHAPTER.exercise(
    "width",
    "How wide a step",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="hierarchy",
    defines={
        "price": "a function of the numbers gap, error and ratio: the average KL of a step, nats",
        "best": "a function of gap and error: the ratio for which it is least",
    },
)
def width(answers: Answers):
    for gap, error, ratio in ((2.0, 0.3, 1.0), (5.0, 0.4, 2.5), (0.5, 1.5, 1.2)):
        right = (math.log(ratio) + (1 + gap * error) / ratio - 1) / 2
        mistakes = {
            "the variance of q is missing: a step that errs nowhere still costs if it is too wide": (
                (math.log(ratio) + gap * error / ratio) / 2
            ),
            "both variances count, not the means alone": gap * error / (2 * ratio),
            "this is the KL the other way round": (-math.log(ratio) + ratio + gap * error - 1) / 2,
            "there is a half before it": 2 * right,
        }
        answers.close("price", right, mistakes, at=(gap, error, ratio))
        mistakes = {
            "with the variance of q an error is not paid back": 1.0,
            "the variance of q is there as well": gap * error,
        }
        answers.close("best", 1 + gap * error, mistakes, at=(gap, error))


@CHAPTER.exercise(
    "gaussian",
    "Steps for a Gaussian",
    kind="predict",
    difficulty=3,
    minutes=25,
    points=4,
    goal="hierarchy",
    defines={
        "depends": "how the price depends on the number of steps: 'falls', 'rises' or 'not at all'",
        "price": "a function of the number of steps T: the price, nats",
    },
    given=lambda draw: {
        "s": draw.choice((0.5, 1.5, 2.0, 2.5)) if draw.variant else 2.0,
        "snr_first": draw.choice((50.0, 200.0)) if draw.variant else 100.0,
        "snr_last": draw.choice((0.02, 0.1, 0.3)) if draw.variant else 0.1,
    },
)
def gaussian(answers: Answers, s, snr_first, snr_last):
    said = {
        "falls": "write out one term of the sum, with the mmse of a Gaussian put in, and see what the product of such terms leaves",
        "rises": "each step has its best mean and its best variance: more of them cannot cost more",
    }
    answers.say("depends", "not at all", ("falls", "rises", "not at all"), said)
    share = snr_last / (1 + snr_last)  # alpha² at the end, with alpha² + sigma² = 1
    variance = share * s**2 + 1 - share
    right = (variance - 1 - math.log(variance)) / 2
    information = (math.log1p(s**2 * snr_first) - math.log1p(s**2 * snr_last)) / 2
    for steps in (1, 2, 7, 40):
        mistakes = {
            "the information has not been taken away": right + information,
            "the end is missing: the law of the last code is not the prior": 0.0,
            "this is the KL of the end the other way round": (1 / variance - 1 + math.log(variance)) / 2,
        }
        answers.close("price", right, mistakes, at=(steps,))


@CHAPTER.exercise(
    "rates",
    "Two rates",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="directions",
    defines={
        "forward": "a function of the number t: the rate at which KL(d_t ‖ g_t) falls",
        "reverse": "a function of t: the rate at which KL(g_t ‖ d_t) falls",
    },
    given=lambda draw: {
        "mean": draw.choice((-2.0, -1.0, 1.0, 1.5)) if draw.variant else 1.0,
        "std": draw.choice((0.5, 0.7, 1.6, 2.0)) if draw.variant else 0.5,
    },
)
def rates(answers: Answers, mean, std):
    for t in (0.2, 0.5, 0.8):
        a, s = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
        v, m = (a * std) ** 2 + s**2, a * mean
        gamma = math.pi * s / a
        # the scores are -x and -(x - m)/v: the difference is x (1/v - 1) - m/v
        forward = gamma / 2 * ((1 / v - 1) ** 2 + (m / v) ** 2)
        reverse = gamma / 2 * ((1 / v - 1) ** 2 * v + m**2)
        common = lambda right, other, gamma=gamma: {
            "it is the other law whose noisy samples are asked": other,
            "the rate has half of gamma before it": 2 * right,
            "gamma is missing": right / gamma * 2,
            "a KL falls under noise: its rate of falling is positive": -right,
        }
        answers.close("forward", forward, common(forward, reverse), at=(t,))
        answers.close("reverse", reverse, common(reverse, forward), at=(t,))


@CHAPTER.exercise(
    "distil",
    "A gradient from two scores",
    kind="build",
    difficulty=2,
    minutes=20,
    points=3,
    goal="distillation",
    defines={
        "gradient": "a function of theta [2], z [n], epsilon [n], alpha, sigma: the gradient of KL(g_t ‖ d_t), estimated, [2]"
    },
    given=lambda draw: {
        "mean": draw.choice((-1.0, 0.5, 2.0)) if draw.variant else 2.0,
        "std": draw.choice((0.5, 0.8, 1.5)) if draw.variant else 0.5,
    },
)
def distil(answers: Answers, mean, std):
    for seed, (alpha, sigma) in enumerate(((0.8, 0.6), (0.5, 0.7))):
        theta, (z, epsilon) = exactly([0.3, 1.2])[0], some(seed, 2, 50)
        noised = alpha * (theta[0] + theta[1] * z) + sigma * epsilon
        of_model = -(noised - alpha * theta[0]) / ((alpha * theta[1]) ** 2 + sigma**2)
        of_data = -(noised - alpha * mean) / ((alpha * std) ** 2 + sigma**2)
        gap = of_model - of_data
        pull = lambda gap, factor=alpha, z=z: factor * torch.stack([gap.mean(), (gap * z).mean()])
        frozen = -(noised - alpha * mean) / (alpha**2 * std**2 + sigma**2)
        mistakes = {
            "this leads away from the data: mind which score is taken from which": pull(-gap),
            "x_t depends on theta through alpha G: the factor alpha is missing": pull(gap, 1.0),
            "the score of the model is missing; without it the samples run to one place": pull(-frozen),
            "an average over the samples, not a sum": pull(gap) * 50,
        }
        answers.close("gradient", pull(gap), mistakes, at=(theta, z, epsilon, alpha, sigma))


@CHAPTER.exercise(
    "links",
    "Every link as a weight",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="distillation",
    defines={
        "weight": "a function of r [n] and a name, 'minimax', 'non-saturating', 'KL' or 'reverse KL': the weight w(r), [n]",
        "needs": "the names of the links, in any order, that need the ratio as well as the scores",
    },
)
def links(answers: Answers):
    r = torch.tensor([0.1, 0.7, 1.0, 4.0], dtype=torch.float64)
    right = {"minimax": r / (1 + r), "non-saturating": 1 / (1 + r), "KL": r, "reverse KL": r**0}
    for name, weight in right.items():
        mistakes = {
            "the weight belongs to the score of the model minus that of the data: mind the sign": -weight,
            "differentiate the loss in the logit, not in D": {
                "minimax": 1 + r,
                "non-saturating": (1 + r) / r,
                "KL": (1 + r) ** 2,
                "reverse KL": (1 + r) ** 2 / r,
            }[name],
            "this is the weight of the other half of the game: r is data over model": {
                "minimax": 1 / (1 + r),
                "non-saturating": r / (1 + r),
                "KL": 1 / r,
                "reverse KL": r,
            }[name],
        }
        answers.close("weight", weight, mistakes, at=(r, name))
    told = answers.read("needs")
    if not isinstance(told, list) or sorted(map(str, told)) != sorted({*map(str, told)}):
        raise Wrong("needs must be a list of different names.")
    if "reverse KL" in told:
        raise Wrong("needs: one of these has a weight that does not depend on the ratio.")
    if sorted(told) != ["KL", "minimax", "non-saturating"]:
        raise Wrong("needs: at least one is missing, or is no name of a link here.")


@CHAPTER.exercise(
    "euler",
    "Few steps of a perfect flow",
    kind="predict",
    difficulty=3,
    minutes=30,
    points=4,
    goal="sampling",
    defines={
        "makes": "what few Euler steps make of the best network here: 'too narrow', 'right' or 'too wide'",
        "width": "a function of the number of steps N: the standard deviation at t = 0",
    },
    given=lambda draw: {"s": draw.choice((0.2, 0.3, 0.5)) if draw.variant else 0.2},
)
def euler(answers: Answers, s):
    def after(steps, at_the_start=True):
        std, h = 1.0, 1 / steps
        for k in range(steps):
            t = 1 - k * h if at_the_start else 1 - (k + 1) * h
            variance = (1 - t) ** 2 * s**2 + t**2
            std *= 1 - h * (t - (1 - t) * s**2) / variance
        return abs(std)

    def without_memory(steps):  # the score's part alone
        std, h = 1.0, 1 / steps
        for k in range(steps):
            t = 1 - k * h
            std *= 1 - h * t / ((1 - t) ** 2 * s**2 + t**2)
        return abs(std)

    verdict = {
        "right": "a step of Euler's follows a tangent, and the path is not straight",
        "too wide": "at t = 1 the tangent aims at the mean of the data: see on which side of the curved path that is",
    }
    answers.say("makes", "too narrow", ("too narrow", "right", "too wide"), verdict)
    for steps in (1, 2, 4, 10, 100):
        mistakes = {
            "the velocity is that at the start of a step": after(steps, False),
            "the velocity is the mean of epsilon minus x, with both given x_t": without_memory(steps),
            "this is the standard deviation of the data, which few steps do not reach": s,
        }
        answers.close("width", after(steps), mistakes, at=(steps,), tolerance=1e-6)


@CHAPTER.exercise(
    "saving",
    "What no prior can save",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="priors",
    defines={
        "best": "the prior with the least loss, [4]",
        "saved": "by how much the loss falls if it takes the place of the given prior, nats",
        "left": "the average KL of the codes that remains, nats",
    },
    given=lambda draw: {
        "weights": draw.simplex(3),
        "encoder": [draw.simplex(4) for _ in range(3)],
        "prior": draw.simplex(4),
    },
)
def saving(answers: Answers, weights, encoder, prior):
    weights, encoder, prior = exactly(weights, encoder, prior)
    best = weights @ encoder
    mistakes = {
        "the examples have weights": encoder.mean(0),
        "this is the prior that was given": prior,
        "the mean of the logarithms is best for the KL the other way round": (weights @ encoder.log()).softmax(-1),
    }
    answers.close("best", best, mistakes)
    price, left = weights @ kl(encoder, prior), weights @ kl(encoder, best)
    mistakes = {
        "this is the KL the other way round": kl(prior, best),
        "a part of the price is information, and no prior saves it": price,
        "this is what is left": left,
        "the loss falls: give by how much, a positive number": -kl(best, prior),
    }
    answers.close("saved", kl(best, prior), mistakes)
    mistakes = {
        "this is the price with the given prior": price,
        "this is what is saved": kl(best, prior),
        "the codes of one example have an entropy of their own: take it away": entropy(best),
    }
    answers.close("left", left, mistakes)


@CHAPTER.exercise(
    "straight",
    "Straight through",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="priors",
    defines={
        "to_encoder": "a function of the number a and x [n]: the straight-through gradient in a, averaged over x",
        "to_entries": "a function of the same: the gradient in the entries, [4]",
    },
    given=lambda draw: {
        "entries": draw.reals(4, -2, 2),
        "w": draw.choice((0.8, 1.3, 1.7)) if draw.variant else 1.3,
        "std": draw.choice((0.4, 0.5, 0.8)) if draw.variant else 0.5,
        "beta": draw.choice((0.2, 0.3, 0.6)) if draw.variant else 0.25,
    },
)
def straight(answers: Answers, entries, w, std, beta):
    (book,) = exactly(entries)
    for seed, a in enumerate((0.9, -0.6)):
        x = some(seed, 40)
        said = a * x
        k = (said[:, None] - book).abs().argmin(-1)
        z = book[k]
        handed, pull = -w * (x - w * z) / std**2, 2 * (said - z)
        mistakes = {
            "the decoder's gradient is taken at the entry, not at what the encoder says": (
                x * (-w * (x - w * said) / std**2 + beta * pull)
            ).mean(),
            "the commitment is missing": (x * handed).mean(),
            "what the encoder says depends on a through a x: a factor is missing": (handed + beta * pull).mean(),
            "the commitment draws the encoder to the entry: mind its sign": (x * (handed - beta * pull)).mean(),
            "this is the commitment alone, and the decoder hands its gradient on": (x * beta * pull).mean(),
            "the weight of the commitment is missing": (x * (handed + pull)).mean(),
            "an average over the examples, not a sum": (x * (handed + beta * pull)).sum(),
        }
        answers.close("to_encoder", (x * (handed + beta * pull)).mean(), mistakes, at=(a, x))
        chose = torch.nn.functional.one_hot(k, len(book)).to(x)
        right = -(pull @ chose) / len(x)
        mistakes = {
            "the decoder hands its gradient to the encoder, and none to the entries": right + handed @ chose / len(x),
            "a step against the gradient moves an entry to the codes that chose it: mind the sign": -right,
            "an average over all examples, not over those that chose the entry": (
                -(pull @ chose) / chose.sum(0).clamp(min=1)
            ),
            "the commitment moves the encoder alone": (1 + beta) * right,
            "an average over the examples, not a sum": right * len(x),
        }
        answers.close("to_entries", right, mistakes, at=(a, x))


@CHAPTER.exercise(
    "shrink",
    "Codes that shrink",
    kind="predict",
    difficulty=3,
    minutes=25,
    points=4,
    goal="priors",
    defines={
        "goes": "where the codes go if the encoder descends the error, too: 'to a point', 'nowhere' or 'apart'",
        "error": "a function of the number s: the mean squared error of the noise, averaged over snr",
        "price": "a function of s: the average KL of the codes to the best prior, nats",
    },
    given=lambda draw: {
        "snr": draw.reals(3, 0.1, 9.0),
        "tau": draw.choice((0.2, 0.3, 0.6)) if draw.variant else 0.5,
    },
)
def shrink(answers: Answers, snr, tau):
    said = {
        "nowhere": "write out the error for codes of one width, and see whether the width is in it",
        "apart": "of wide codes with little noise on them the noise is hard to tell: see on which side it is easy",
    }
    answers.say("goes", "to a point", ("to a point", "nowhere", "apart"), said)
    (levels,) = exactly(snr)
    price = -math.log(tau)
    for s in (0.3, 1.7, 4.0):
        noise = s**2 * levels / (1 + s**2 * levels)
        mistakes = {
            "this is the error of the code: in that of the noise the SNR stands before it": (noise / levels).mean(),
            "an average over snr, not a sum": noise.sum(),
            "this is the part of the noise that is told, not the error": 1 - noise.mean(),
            "the codes have the standard deviation s, and the SNR is a ratio of squares": (
                s * levels / (1 + s * levels)
            ).mean(),
            "the width of the codes is missing": (levels / (1 + levels)).mean(),
        }
        answers.close("error", noise.mean(), mistakes, at=(s,))
        mistakes = {
            "this is the KL to N(0, 1), and the best prior is as wide as all codes": (s**2 - 1) / 2 - math.log(s * tau),
            "the entropy of the codes of one example is a part of it: take it from that of all codes": (
                (1 + math.log(2 * math.pi * (s * tau) ** 2)) / 2
            ),
            "no KL is negative": -price,
            "the variances stand in it, with a half": 2 * price,
        }
        answers.close("price", price, mistakes, at=(s,))
