"""Exercises of chapter 03."""

import itertools
import math

import torch

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import tensor

CHAPTER = Chapter(
    3,
    {
        "bound": "Compute the evidence lower bound and its gap, and show what a factorised or a lazy encoder leaves.",
        "climb": "Build a step of EM, and choose an estimator of a gradient by its variance.",
        "direction": "Show which divergence the bound descends, and build the tighter bound of several draws.",
        "weight": "Build a likelihood that is a density, and show what the weight of the KL does.",
    },
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal_kl(mean, std, mean_2, std_2):
    return math.log(std_2 / std) + (std**2 + (mean - mean_2) ** 2) / (2 * std_2**2) - 0.5


@CHAPTER.exercise(
    "elbo",
    "Bound and gap on one axis",
    kind="build",
    difficulty=1,
    minutes=20,
    points=4,
    goal="bound",
    defines={
        "elbo": "a function (m, s) that returns the bound for q = N(m, s^2), a number",
        "gap": "a function (m, s) that returns what is missing to log p(x), a number",
        "best": "the m and the s at which the bound is largest, [2]",
    },
    given=lambda draw: (
        {"x": 1.5, "w": 1.2, "sigma": 0.6}
        if not draw.variant
        else {"x": draw.real(0.8, 2.5), "w": draw.real(0.7, 1.8), "sigma": draw.real(0.3, 0.9)}
    ),
)
def elbo(answers, x, w, sigma):
    spread = w**2 + sigma**2
    mean, std = w * x / spread, sigma / math.sqrt(spread)
    for m, s in ((0.3, 0.7), (-0.8, 1.4)):
        constant = -math.log(2 * math.pi * sigma**2) / 2
        miss, extra = -((x - w * m) ** 2) / (2 * sigma**2), -((w * s) ** 2) / (2 * sigma**2)
        kl, swapped = normal_kl(m, s, 0, 1), normal_kl(0, 1, m, s)
        right = constant + miss + extra - kl
        answers.close(
            "elbo",
            right,
            {
                "the KL to the prior is taken off, not added": constant + miss + extra + kl,
                "in the KL q stands first and the prior second": constant + miss + extra - swapped,
                "log p(x|z) is averaged over q; the spread of q counts, too": constant + miss - kl,
                "the normaliser of p(x|z) is missing": miss + extra - kl,
                "this is the reconstruction alone; the KL to the prior is missing": constant + miss + extra,
                "this is minus the bound, a loss": -right,
            },
            at=(m, s),
        )
        answers.close(
            "gap",
            normal_kl(m, s, mean, std),
            {
                "in the gap q stands first and the posterior second": normal_kl(mean, std, m, s),
                "the gap is the distance to the posterior, not to the prior": kl,
                "the gap is never negative": -normal_kl(m, s, mean, std),
            },
            at=(m, s),
        )
    answers.close(
        "best",
        [mean, std],
        {
            "s is a standard deviation, not a variance": [mean, std**2],
            "this explains x and forgets the prior": [x / w, sigma / w],
            "this is the prior": [0, 1],
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "rho",
    "The price of independence",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="bound",
    defines={
        "gap": "the gap that the best factorised q leaves, in nats, a number",
        "variance": "the variance of each of its codes, where those of the posterior are 1, a number",
        "width": "'narrower', 'as wide' or 'wider' than the marginals of the posterior",
    },
    given=lambda draw: {"rho": draw.real(0.5, 0.97) if draw.variant else 0.9},
)
def independence(answers, rho):
    right = -math.log(1 - rho**2) / 2
    answers.close(
        "gap",
        right,
        {
            "the factor one half is missing": 2 * right,
            "the sign is wrong: a KL is never negative": -right,
            "the correlation counts squared": -math.log(1 - rho) / 2,
            "these are bits": right / math.log(2),
        },
        tolerance=1e-3,
    )
    answers.close(
        "variance",
        1 - rho**2,
        {
            "this is the variance of the marginal, which the other direction of KL would take": 1,
            "this is a standard deviation": math.sqrt(1 - rho**2),
            "this is the precision": 1 / (1 - rho**2),
            "the correlation counts squared": 1 - rho,
        },
        tolerance=1e-3,
    )
    answers.say(
        "width",
        "narrower",
        ["narrower", "as wide", "wider"],
        {
            "as wide": "q stands first in the KL, so it pays for mass where the posterior has little",
            "wider": "q stands first in the KL, so it pays for mass where the posterior has little",
        },
    )


def log_joint(x, weight, mean, std):
    return weight.log() - ((x[:, None] - mean) / std) ** 2 / 2 - std.log() - math.log(2 * math.pi) / 2


def em_step(x, weight, mean, std):
    r = log_joint(x, weight, mean, std).softmax(-1)
    return m_step(r, x)


def m_step(r, x, middle=None):
    n = r.sum(0)
    new = (r * x[:, None]).sum(0) / n
    variance = (r * (x[:, None] - (new if middle is None else middle)) ** 2).sum(0) / n
    return torch.stack([n / n.sum(), new, variance.sqrt()])


@CHAPTER.exercise(
    "em",
    "A round of EM",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="climb",
    defines={
        "step": "a function (x [n], weight [k], mean [k], std [k]) that returns those after a round, [3, k]",
        "rise": "how much the first round adds to the log-likelihood per example of the given points, a number",
    },
    given=lambda draw: (
        {"points": [-2.5, -2.0, -1.5, 0.5, 2.0, 2.5, 3.0, 3.5], "start": [[0.5, 0.5], [-1.0, 1.0], [1.0, 1.0]]}
        if not draw.variant
        else {
            "points": draw.reals(4, -3, -1) + draw.reals(6, 1, 4),
            "start": [[0.5, 0.5], [draw.real(-1.5, -0.5), draw.real(0.5, 1.5)], draw.reals(2, 0.8, 1.5)],
        }
    ),
)
def em(answers, points, start):
    x = torch.cat([random(12) - 2, 1.5 * random(8, seed=1) + 1, random(10, seed=2) + 3])
    weight, mean, std = tensor([0.2, 0.5, 0.3]), tensor([-1.5, 0.0, 2.0]), tensor([0.9, 1.2, 1.0])
    r = log_joint(x, weight, mean, std).softmax(-1)
    right = m_step(r, x)
    hard = torch.nn.functional.one_hot(r.argmax(-1), 3).double()
    unweighted = log_joint(x, torch.ones_like(weight), mean, std).softmax(-1)
    square = right.clone()
    square[2] = right[2] ** 2
    answers.close(
        "step",
        right,
        {
            "each point must count for all components by its share, not for the likeliest alone": m_step(hard, x),
            "the weights are missing in the E step": m_step(unweighted, x),
            "the new deviations are taken about the old means": m_step(r, x, mean),
            "the third row holds variances; deviations are asked for": square,
            "the shares sum to one over the components of each point, not over the points": m_step(
                log_joint(x, weight, mean, std).softmax(0), x
            ),
            "the rows and the columns are exchanged": right.T,
        },
        at=(x, weight, mean, std),
    )
    x, before = tensor(points), tensor(start)
    likelihood = lambda theta: log_joint(x, *theta).logsumexp(-1).mean()
    rise = likelihood(em_step(x, *before)) - likelihood(before)
    answers.close(
        "rise",
        rise,
        {
            "this is the sum over the points, not the mean": rise * len(points),
            "this is the log-likelihood after the round, not what it gained": likelihood(em_step(x, *before)),
            "the likelihood never falls in EM": -rise,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "lazy",
    "A lazy encoder",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="bound",
    defines={
        "approximation": "a function (precision [k, k]) that returns the approximation gap, a number",
        "amortisation": "a function (mu [k], precision [k, k], c) that returns the amortisation gap, a number",
    },
)
def lazy(answers):
    factor, mu = random(3, 3, seed=4), random(3, seed=5)
    precision = factor @ factor.T + torch.eye(3, dtype=torch.float64)
    right = (precision.diagonal().log().sum() - precision.logdet()) / 2
    covariance = precision.inverse()
    answers.close(
        "approximation",
        right,
        {
            "the factor one half is missing": 2 * right,
            "the sign is wrong: a gap is never negative": -right,
            "this is the KL with the posterior first": (covariance.diagonal().log().sum() - covariance.logdet()) / 2,
        },
        at=(precision,),
    )
    for c in (0.3, 0.9):
        whole = c**2 * mu @ precision @ mu / 2
        answers.close(
            "amortisation",
            whole,
            {
                "the factor one half is missing": 2 * whole,
                "the shift counts squared": whole / c,
                "c is what is missing of the mean, not what is left": (1 - c) ** 2 * mu @ precision @ mu / 2,
                "codes pull on one another: the other entries of the precision count, too": c**2
                * (precision.diagonal() * mu**2).sum()
                / 2,
                "distances are measured in units of the posterior: by its precision": c**2 * mu @ mu / 2,
                "this is the whole gap, not its second part": whole + right,
                "you measured with the covariance; it is the precision": c**2 * mu @ covariance @ mu / 2,
            },
            at=(mu, precision, c),
        )


def moments_of(omega):
    decay, mean = math.exp(-2 * omega**2), omega * math.exp(-(omega**2) / 2)
    return omega**2 / 2 * (1 + decay), (1 - (1 - 4 * omega**2) * decay) / 2, mean


@CHAPTER.exercise(
    "wavy",
    "When the score function wins",
    kind="derive",
    difficulty=3,
    minutes=35,
    points=5,
    goal="climb",
    defines={
        "path": "a function (omega) that returns the variance of one reparameterised draw, a number",
        "score": "a function (omega) that returns the variance of one score-function draw, a number",
        "wins": "for each of the given omegas, whether the score function has the lower one, a list of True and False",
    },
    given=lambda draw: {
        "omegas": [1, 2, 4]
        if not draw.variant
        else sorted([draw.choice([0.25, 0.5, 0.8]), draw.choice([2, 3, 5]), *draw.sample([0.9, 1, 1.7, 4], 2)])
    },
)
def wavy(answers, omegas):
    for omega in (0.7, 1.5, 2.2):
        path, score, mean = moments_of(omega)
        answers.close(
            "path",
            path - mean**2,
            {
                "this is the second moment; the square of the mean is to be taken off": path,
                "the chain rule gives a factor omega": (path - mean**2) / omega**2,
                "this is a standard deviation": math.sqrt(path - mean**2),
                "this is the variance of the score function": score - mean**2,
            },
            at=(omega,),
        )
        answers.close(
            "score",
            score - mean**2,
            {
                "this is the second moment; the square of the mean is to be taken off": score,
                "the factor epsilon, the slope of log q, is missing": (1 - math.exp(-2 * omega**2)) / 2,
                "this is a standard deviation": math.sqrt(score - mean**2),
                "this is the variance of the reparameterised draw": path - mean**2,
            },
            at=(omega,),
        )
    said = answers.read("wins")
    said = said.tolist() if isinstance(said, torch.Tensor) else said
    if not isinstance(said, list) or len(said) != len(omegas) or any(one not in (True, False) for one in said):
        raise Wrong(f"wins must be a list of {len(omegas)} times True or False, one for each of the omegas.")
    for omega, one in zip(omegas, said, strict=True):
        path, score, _ = moments_of(omega)
        if bool(one) != (score < path):
            raise Wrong(f"wins: not {bool(one)} for omega = {omega}.")


def pieces(d, q, prior, decoder):
    """The joint of data and encoder, that of the model, [x, z], and the average bound."""
    pairs, model = d[:, None] * q, (prior[:, None] * decoder).T
    return pairs, model, (pairs * (model / q).log()).sum()


@CHAPTER.exercise(
    "direction",
    "Which KL a VAE descends",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="direction",
    defines={
        "average_elbo": "a function (d [n], q [n, k], prior [k], decoder [k, n]) that returns the mean bound, a number",
        "joint_kl": "a function of the same arguments that returns the KL of pairs, a number",
        "theta": "where theta stands in it: 'first' or 'second'",
        "constant": "what joint_kl and average_elbo sum to, for the given d, a number",
    },
    given=lambda draw: {"d": [0.5, 0.25, 0.25] if not draw.variant else draw.simplex(4)},
)
def direction(answers, d):
    p = (
        random(5).softmax(0),
        random(5, 3, seed=1).softmax(-1),
        random(3, seed=2).softmax(0),
        random(3, 5, seed=3).softmax(-1),
    )
    pairs, model, bound = pieces(*p)
    data, q, prior, decoder = p
    kl = (pairs * (pairs / model).log()).sum()
    to_prior = (pairs * (q / prior).log()).sum()
    answers.close(
        "average_elbo",
        bound,
        {
            "this is minus the bound, a loss": -bound,
            "the entropy of d does not belong to the bound": bound - (data * data.log()).sum(),
            "the average is over the data, not a sum over all examples": (q * (model / q).log()).sum(),
            "each example counts as much as d says, not all the same": (q * (model / q).log()).sum() / 5,
            "the KL to the prior is missing": bound + to_prior,
            "the KL to the prior is taken off, not added": bound + 2 * to_prior,
        },
        at=p,
    )
    answers.close(
        "joint_kl",
        kl,
        {
            "the data stand first": (model * (model / pairs).log()).sum(),
            "this is minus the average bound; the entropy of d is missing": -bound,
            "this is the KL of the examples alone": (data * (data / model.sum(1)).log()).sum(),
            "the sign is wrong": -kl,
        },
        at=p,
    )
    answers.say(
        "theta", "second", ["first", "second"], {"first": "look for p(x|z) in the fraction: is the average over it?"}
    )
    entropy = -sum(share * math.log(share) for share in d)
    answers.close(
        "constant",
        -entropy,
        {
            "the sign is wrong: write out the logarithm of the fraction": entropy,
            "d occurs in it and has an average that is not 0": 0,
            "these are bits": -entropy / math.log(2),
        },
        tolerance=1e-3,
    )


def iwae(joint, q, k):
    total = 0.0
    for codes in itertools.product(range(len(q)), repeat=k):
        chance = math.prod(q[z] for z in codes)
        total += chance * math.log(sum(joint[z] / q[z] for z in codes) / k)
    return total


@CHAPTER.exercise(
    "rate",
    "How fast the importance-weighted bound closes",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=5,
    goal="direction",
    defines={
        "bound": "a function (joint [m], q [m], k) that returns the exact bound of k draws, a number",
        "predicted": "a function (joint [m], q [m], k) that returns the gap to log p(x) to second order, a number",
        "draws": "the number of draws for which the predicted gap of the given world is 0.01 nats, a number",
    },
    given=lambda draw: {
        "joint": [0.2, 0.1, 0.05, 0.05]
        if not draw.variant
        else [round(0.4 * share, 3) for share in draw.simplex(4, least=0.1)],
        "q": [0.4, 0.2, 0.2, 0.2] if not draw.variant else draw.simplex(4, least=0.15),
    },
)
def rate(answers, joint, q):
    a, b = [0.12, 0.05, 0.2], [0.3, 0.2, 0.5]
    evidence = sum(a)
    weights = tensor([x / y for x, y in zip(a, b, strict=True)])
    chances = tensor(b)
    for k in (1, 3, 4):  # at 2 a missing half would look like a missing 1/k
        right = iwae(a, b, k)
        answers.close(
            "bound",
            right,
            {
                "this is the bound of a single draw: the average belongs inside the logarithm": iwae(a, b, 1),
                "the factor 1/k is missing": right + math.log(k),
                "this is log p(x), which no number of draws reaches": math.log(evidence),
                "the tuples of codes are not all equally probable": sum(
                    math.log(sum(float(weights[z]) for z in codes) / k)
                    for codes in itertools.product(range(3), repeat=k)
                )
                / 3**k,
                "this is the gap, not the bound": math.log(evidence) - right,
            },
            at=(tensor(a), tensor(b), k),
        )
        variance = float((chances * (weights - evidence) ** 2).sum())
        gap = variance / (2 * k * evidence**2)
        answers.close(
            "predicted",
            gap,
            {
                "the second order of the logarithm has a factor one half": 2 * gap,
                "it is not divided by p(x) squared": variance / (2 * k),
                "this is the mean of the squares, not the variance": gap + 1 / (2 * k),
                "a mean of k draws has a variance k times smaller": gap * k,
                "the sign is wrong: the bound lies below": -gap,
                "the weights vary under q, not equally": float(weights.var(correction=0)) / (2 * k * evidence**2),
            },
            at=(tensor(a), tensor(b), k),
        )
    joint, q = tensor(joint), tensor(q)
    relative = float((joint**2 / q).sum() / joint.sum() ** 2 - 1)
    right = relative / 0.02
    if not right * 0.99 <= answers.number("draws") <= math.ceil(right):  # rounded up or not
        answers.close(
            "draws",
            right,
            {
                "the second order of the logarithm has a factor one half": relative / 0.01,
                "the gap falls with k itself": math.sqrt(right),
            },
            tolerance=1e-2,
        )


def continuous_bernoulli(x, t):
    near = t.abs() < 1e-4
    safe = torch.where(near, 1.0, t)
    log_area = torch.where(safe > 0, safe, 0) + torch.log(-torch.expm1(-safe.abs()) / safe.abs())
    return x * t - torch.where(near, t / 2, log_area)


@CHAPTER.exercise(
    "grey",
    "A density for grey levels",
    kind="build",
    difficulty=3,
    minutes=30,
    points=4,
    goal="weight",
    defines={
        "log_density": "a function (x [n], t [n]) that returns the continuous Bernoulli's log-density, [n]",
        "ceiling": "what no model exceeds on average, with noise between the levels, in nats an image, a number",
    },
    given=lambda draw: {
        "pixels": draw.choice([49, 100, 196, 256]) if draw.variant else 64,
        "levels": draw.choice([4, 8, 16, 32]) if draw.variant else 17,
    },
)
def grey(answers, pixels, levels):
    x, t = tensor([0.0, 0.2, 0.5, 0.9, 1.0, 0.3]), tensor([1.5, -2.0, 0.7, 4.0, -0.4, 8.0])
    right = continuous_bernoulli(x, t)
    bernoulli = x * t - torch.nn.functional.softplus(t)
    answers.close(
        "log_density",
        right,
        {
            "this is the Bernoulli's formula, whose integral over [0, 1] is not one": bernoulli,
            "the integral is to be divided by; you multiplied": 2 * bernoulli - right,
            "the normaliser is missing": x * t,
            "this is the density, not its logarithm": right.exp(),
            "x and 1 - x are exchanged": continuous_bernoulli(1 - x, t),
        },
        at=(x, t),
    )
    hard = {
        "where t is 0 it is not finite; there the density is flat": (tensor([0.2, 0.7]), tensor([0.0, 0.0])),
        "close to t = 0 it is lost in rounding": (tensor([0.2, 0.7]), tensor([1e-9, -1e-9])),
        "the density is flat at t = 0 only, not beside it": (tensor([0.1, 0.9]), tensor([0.02, 0.05])),
        "for large t the exponential overflows, or t is cut off": (tensor([0.9, 0.2]), tensor([2000.0, 2000.0])),
        "for very negative t something overflows, or t is cut off": (tensor([0.9, 0.2]), tensor([-2000.0, -2000.0])),
    }
    for sentence, (x, t) in hard.items():
        try:
            got = answers.values("log_density", x, t, shape=[2])
        except Wrong as wrong:
            raise Wrong(f"log_density: {sentence}." if "not finite" in str(wrong) else str(wrong)) from None
        right = continuous_bernoulli(x, t)
        if (got - right).abs().max() > 1e-4 * max(1.0, float(right.abs().max())):
            raise Wrong(f"log_density: {sentence}.")
    answers.close(
        "ceiling",
        pixels * math.log(levels),
        {
            "this is the ceiling of a single pixel": math.log(levels),
            "these are bits": pixels * math.log2(levels),
            "the cells of an image are as many as levels to the power of pixels": math.log(pixels * levels),
            "the sign is wrong: a density on small cells is large": -pixels * math.log(levels),
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "beta",
    "Beta is a noise level",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="weight",
    defines={
        "noise": "the standard deviation with which a VAE trains like the given beta-VAE, a number",
        "ratio": "the gradient of the beta-VAE's loss over that of the VAE's, a number",
        "excess": "a function (beta, kl) that returns the weighted bound less log p(x) at the posterior, a number",
    },
    given=lambda draw: {
        "beta": draw.choice([0.25, 0.5, 2.0, 3.0, 9.0]) if draw.variant else 4.0,
        "sigma": draw.real(0.2, 0.8) if draw.variant else 0.3,
    },
)
def beta_noise(answers, beta, sigma):
    answers.close(
        "noise",
        sigma * math.sqrt(beta),
        {
            "this is the variance": beta * sigma**2,
            "beta multiplies the variance, not the standard deviation": beta * sigma,
            "more weight on the KL is like more noise in the decoder": sigma / math.sqrt(beta),
        },
        tolerance=1e-3,
    )
    answers.close(
        "ratio",
        beta,
        {
            "this is the ratio the other way round": 1 / beta,
            "the losses differ by a factor, not by a constant alone": 1,
        },
        tolerance=1e-3,
    )
    for weight, kl in ((0.3, 1.7), (3.0, 0.6)):
        answers.close(
            "excess",
            (1 - weight) * kl,
            {
                "the sign is wrong: with a small beta the bound is too high": (weight - 1) * kl,
                "at beta = 1 nothing is in excess": -weight * kl,
                "this is what is left of the KL, without the one that the bound needs": weight * kl,
            },
            at=(weight, kl),
        )


@CHAPTER.exercise(
    "tilt",
    "A better model with a lower bound",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="bound",
    defines={
        "change": "what the rotation adds to the log-likelihood, in nats, a number",
        "price": "by how much it lowers the best factorised bound, in nats, a number",
        "worst": "the angle between 0 and 90 degrees at which this price is highest, a number",
    },
    given=lambda draw: (
        {"slopes": [3.0, 0.5], "sigma": 0.5, "angle": 30}
        if not draw.variant
        else {
            "slopes": [draw.real(2, 4, 1), draw.real(0.3, 1, 1)],
            "sigma": draw.real(0.3, 0.9, 1),
            "angle": draw.choice([10, 20, 40, 70]),
        }
    ),
)
def tilt(answers, slopes, sigma, angle):
    a, b = (1 + slope**2 / sigma**2 for slope in slopes)
    turn = math.radians(angle)
    c, s = math.cos(turn) ** 2, math.sin(turn) ** 2
    right = (math.log(a * c + b * s) + math.log(a * s + b * c) - math.log(a * b)) / 2
    answers.close("change", 0, {"the bound changes, but p(x) does not: look at W W^T": -right}, tolerance=0.1)
    prior_free = [slope**2 / sigma**2 for slope in slopes]
    d, e = prior_free
    answers.close(
        "price",
        right,
        {
            "the factor one half is missing": 2 * right,
            "asked for is by how much it falls, a positive number": -right,
            "the precision of the posterior holds the prior's, too": (
                math.log(d * c + e * s) + math.log(d * s + e * c) - math.log(d * e)
            )
            / 2,
            "these are bits": right / math.log(2),
            "cosine and sine count squared": (
                math.log(abs(a * math.cos(turn) + b * math.sin(turn)))
                + math.log(abs(a * math.sin(turn) + b * math.cos(turn)))
                - math.log(a * b)
            )
            / 2,
        },
        tolerance=1e-3,
    )
    answers.close(
        "worst",
        45,
        {
            "there the codes have only exchanged their names": 90,
            "there nothing is tilted": 0,
            "this is in radians": math.pi / 4,
        },
        tolerance=5e-3,
    )


@CHAPTER.exercise(
    "wrong",
    "A wrong bound",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="weight",
    defines={
        "beta": "the beta of the beta-VAE that this program trains, a number",
        "both": "its beta if the KL is averaged over the codes as well, a number",
        "use": "what the trained model does with its codes: 'ignores them' or 'uses them'",
    },
    given=lambda draw: (
        {"pixels": 64, "codes": 10}
        if not draw.variant
        else {"pixels": draw.choice([100, 196, 256, 784]), "codes": draw.choice([5, 8, 20])}
    ),
)
def wrong_bound(answers, pixels, codes):
    answers.close(
        "beta",
        pixels,
        {
            "take out the common factor, and see what the KL is multiplied by": 1 / pixels,
            "the KL is summed over the codes, as it should be": pixels / codes,
            "the number of codes does not multiply: the KL is already their sum": pixels * codes,
        },
        tolerance=1e-3,
    )
    answers.close(
        "both",
        pixels / codes,
        {
            "both means divide, but by different numbers": 1,
            "this is beta the other way round": codes / pixels,
            "now the KL is smaller than its sum": pixels * codes,
        },
        tolerance=1e-3,
    )
    answers.say(
        "use",
        "ignores them",
        ["ignores them", "uses them"],
        {"uses them": "see in the table of the chapter what a beta far smaller than this one leaves of the KL"},
    )
