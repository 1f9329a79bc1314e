"""Exercises of chapter 01."""

import math

import torch

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import tensor

CHAPTER = Chapter(
    1,
    {
        "density": "Compute the density of an explicit and of an implicit model, and what becomes of it without noise.",
        "estimate": "Build a Monte Carlo estimate with its error, and compute how many samples it needs.",
        "posterior": "Compute the posterior of a code, and say what it becomes when the noise vanishes or grows.",
        "linear": "Build the linear-Gaussian model in closed form, and show what data cannot tell of its codes.",
    },
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal(x, mean=0.0, std=1.0):
    return torch.exp(-((x - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))


def crossings(shares, mean, std):
    """Both x at which two weighted Gaussians are equally high, the smaller first."""
    (a, b, c), others = (
        (-1 / (2 * s**2), m / s**2, math.log(share / s) - m**2 / (2 * s**2))
        for share, m, s in zip(shares, mean, std, strict=True)
    )
    a, b, c = (one - other for one, other in zip((a, b, c), others, strict=True))
    root = math.sqrt(b**2 - 4 * a * c)
    return sorted([(-b - root) / (2 * a), (-b + root) / (2 * a)])


def given_mixture(draw):
    if not draw.variant:
        return {"weight": 0.65, "mean": [-2.0, 2.5], "std": [0.7, 1.0]}
    return {
        "weight": draw.real(0.55, 0.75),  # not one half, at which a missing prior would not show
        "mean": [draw.real(-3, -1.5), draw.real(1.8, 3)],
        "std": [draw.real(0.5, 0.8), draw.real(0.95, 1.3)],
    }


@CHAPTER.exercise(
    "mixture",
    "A latent variable with two values",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="posterior",
    defines={
        "marginal": "a function (x [n]) that returns p(x), [n]",
        "posterior": "a function (x [n]) that returns p(z=1|x), [n]",
        "equal": "the x between the means at which both values are equally likely, a number",
        "far": "the other such x, a number",
    },
    given=given_mixture,
)
def mixture(answers, weight, mean, std):
    x = torch.linspace(-6, 6, 13, dtype=torch.float64) + 0.05
    parts = [normal(x, m, s) for m, s in zip(mean, std, strict=True)]
    joint = [(1 - weight) * parts[0], weight * parts[1]]
    total = sum(joint)
    answers.close(
        "marginal",
        total,
        {
            "the prior p(z) is missing": sum(parts),
            "the weight belongs to z = 1, you gave it to z = 0": weight * parts[0] + (1 - weight) * parts[1],
            "this is the logarithm of the density": total.log(),
        },
        at=(x,),
    )
    answers.close(
        "posterior",
        joint[1] / total,
        {
            "this is the probability of z = 0": joint[0] / total,
            "this is the joint density of x and z = 1; it is not divided by p(x)": joint[1],
            "the prior p(z) is missing": parts[1] / sum(parts),
        },
        at=(x,),
    )
    far, equal = crossings((1 - weight, weight), mean, std)
    without = crossings((0.5, 0.5), mean, std)
    answers.close(
        "equal",
        equal,
        {
            "the prior p(z) is missing": without[1],
            "this is the middle between the means": sum(mean) / 2,
            "this is the other point, which is not between the means": far,
        },
        tolerance=2e-3 / max(abs(equal), 1e-3),
    )
    answers.close(
        "far",
        far,
        {"the prior p(z) is missing": without[0], "this is the point between the means": equal},
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "estimate",
    "An estimate that does not underflow",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="estimate",
    defines={
        "log_estimate": "a function (logs [S]) that returns the logarithm of the estimate, a number",
        "error": "a function (logs [S]) that returns the half width of the 95% interval over the estimate, a number",
        "bounds": "the logarithms of the two ends of the interval for the given logs, [2]",
    },
    given=lambda draw: {
        "logs": [round(log - level, 2) for level in [draw.randint(850, 950)] for log in draw.reals(12, -2, 0)]
    },
)
def estimate(answers, logs):
    def right(logs, correction=1):
        share = (logs - logs.max()).exp()
        return (
            share.mean().log() + logs.max(),
            1.96 * share.std(correction=correction) / math.sqrt(len(logs)) / share.mean(),
        )

    def log_estimate(logs):
        answers.close(
            "log_estimate",
            right(logs)[0],
            {
                "this is the mean of the logarithms, which is too low by Jensen's inequality": logs.mean(),
                "this is the logarithm of the sum; the factor 1/S is missing": torch.logsumexp(logs, 0),
                "this is the estimate, not its logarithm": right(logs)[0].exp(),
            },
            at=(logs,),
            tolerance=1e-3 / max(float(logs.abs().max()), 1),
        )

    def error(logs, correction=1):
        share, size = right(logs, correction)[1], math.sqrt(len(logs))
        try:
            answers.close(
                "error",
                share,
                {
                    "this is the spread of one term; the error of a mean of S terms is smaller": share * size,
                    "you divided by S where the standard deviation falls with the root of S": share / size,
                    "this is one standard error, not the half width of a 95% interval": share / 1.96,
                    "this is the half width itself, not its share of the estimate": share * right(logs)[0].exp(),
                    "this is the spread of the logarithms": 1.96 * logs.std(correction=correction) / size,
                },
                at=(logs,),
            )
        except Wrong as wrong:  # a standard deviation with S in place of S - 1 is as good
            if not correction or not str(wrong).startswith("error(...) is"):
                raise
            error(logs, 0)

    near, low = random(40), tensor(logs)
    log_estimate(near)
    error(near)
    for name, asked in (("log_estimate", log_estimate), ("error", error)):
        try:
            asked(low)
        except Wrong as wrong:
            if "not finite" in str(wrong):
                raise Wrong(
                    f"{name}: exp of these logarithms is 0 in floating point; take out the largest first."
                ) from None
            raise
    for correction in (0, 1):
        middle, half = right(low, correction)
        ends = torch.stack([middle + torch.log1p(-half), middle + torch.log1p(half)])
        if (answers.tensor("bounds", [2]) - ends).abs().max() < 2e-3:
            return
    answers.close(
        "bounds",
        ends,
        {
            "the half width is a share of the estimate: it does not simply add to the logarithm": middle
            + half * tensor([-1, 1])
        },
        tolerance=1e-6,
    )


def count_peaks(a, k):
    z = torch.linspace(-6, 6, 24_001, dtype=torch.float64)
    log_density = -(z**2) / 2 - torch.log1p(a * k / torch.cosh(k * z) ** 2)
    return int(((log_density[1:-1] > log_density[:-2]) & (log_density[1:-1] > log_density[2:])).sum())


def given_peaks(draw):
    if not draw.variant:
        return {"a": 1.5, "k": 2.0}
    if draw.variant % 2:
        return {"a": draw.real(0.5, 2), "k": draw.real(0.3, 0.5)}
    return {"a": draw.real(0.6, 2), "k": draw.real(1.6, 3)}


@CHAPTER.exercise(
    "peaks",
    "Where the generator is steep",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="density",
    defines={
        "ratio": "g(0)/p(0), the density of x at 0 over that of the noise at 0, a number",
        "peaks": "the number of peaks of the density of x",
    },
    given=given_peaks,
)
def peaks(answers, a, k):
    slope = 1 + a * k
    answers.close(
        "ratio",
        1 / slope,
        {
            "a steep generator makes samples thin, not dense": slope,
            "the slope of G is that of the tanh and of the straight part together": 1 / (a * k),
            "the chain rule gives the tanh a further factor": 1 / (1 + a),
        },
    )
    right = count_peaks(a, k)
    answers.close(
        "peaks",
        right,
        {
            "the middle is stretched so much that it becomes a gap": 1 if right > 1 else -1,
            "the middle is stretched, but too gently to tear a gap into the bell": 2 if right == 1 else -1,
        },
    )


@CHAPTER.exercise(
    "square",
    "Two preimages",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="density",
    defines={"density": "a function (x [n]) that returns the density of x > 0, [n]"},
    given=lambda draw: {"c": draw.real(0.3, 1.2) if draw.variant else 0.5},
)
def square(answers, c):
    x = tensor([0.05, 0.3, 0.8, 1.7, 3.0, 6.5])
    root = x.sqrt()
    both = normal(c + root) + normal(c - root)
    answers.close(
        "density",
        both / (2 * root),
        {
            "a preimage is missing, c - sqrt(x)": normal(c + root) / (2 * root),
            "a preimage is missing, c + sqrt(x)": normal(c - root) / (2 * root),
            "the density of the noise is added up, but not divided by the slope of G": both,
            "the slope of G is twice as large": both / root,
            "you took the average of the two preimages, but they add up": both / (4 * root),
            "you multiplied by the slope of G": both * 2 * root,
            "this is the logarithm of the density": (both / (2 * root)).log(),
            "the shift c is missing": normal(root) / root,
        },
        at=(x,),
    )


@CHAPTER.exercise(
    "noise",
    "A little noise",
    kind="predict",
    difficulty=2,
    minutes=10,
    points=2,
    goal="density",
    defines={
        "on": "what the log-density gains at a point on the surface, in nats, a number",
        "beside": "the factor by which minus the log-density grows at a point beside it, a number",
    },
    given=lambda draw: (
        {"n_z": 2, "n_x": 5, "factor": 10}
        if not draw.variant
        else {"n_z": draw.randint(1, 3), "n_x": draw.randint(7, 9), "factor": draw.choice([2, 4, 5, 8])}
    ),
)
def noise(answers, n_z, n_x, factor):
    step = math.log(factor)
    answers.close(
        "on",
        (n_x - n_z) * step,
        {
            "not all directions count: along the surface the noise only moves x to where the model is anyway": n_x
            * step,
            "these are the directions along the surface": n_z * step,
            "on the surface the density grows as the noise shrinks": -(n_x - n_z) * step,
            "this is what the density itself is multiplied by, not what its logarithm gains": float(factor)
            ** (n_x - n_z),
        },
        tolerance=1e-3,
    )
    answers.close(
        "beside",
        factor**2,
        {
            "sigma stands in the exponent of a Gaussian, squared": factor,
            "it grows, since the exponent is divided by sigma squared": factor**-2,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "slopes",
    "Two lines through one cloud",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="posterior",
    defines={
        "generation": "the slope of the mean of x given z, as a function of z, a number",
        "inference": "the slope of the mean of z given x, as a function of x, a number",
        "left": "the variance of z that is left when x is known, a number",
    },
    given=lambda draw: {
        "w": draw.real(0.8, 2) if draw.variant else 1.2,
        "b": draw.real(-1, 1) if draw.variant else 0.5,
        "sigma": draw.real(0.4, 0.9) if draw.variant else 0.6,
    },
)
def slopes(answers, w, b, sigma):
    spread = w**2 + sigma**2
    answers.close("generation", w)
    answers.close(
        "inference",
        w / spread,
        {
            "this turns the line of generation around, as if there were no noise": 1 / w,
            "this is the line of generation": w,
            "you divided by the standard deviation of x, not by its variance": w / math.sqrt(spread),
        },
    )
    answers.close(
        "left",
        sigma**2 / spread,
        {
            "this is the share that x explains": w**2 / spread,
            "this is a standard deviation": sigma / math.sqrt(spread),
            "this is the variance of x given z": sigma**2,
        },
    )


def given_limits(draw):
    if not draw.variant:
        return {"W": [[1.0, 0.5], [0.0, 1.0], [1.0, -1.0]], "b": [0.5, 0.0, -0.5], "x": [2.0, 1.0, 1.0]}
    one, two, three = draw.real(0.8, 1.5), draw.real(0.8, 1.5), draw.reals(2, -1, 1)
    tilt = draw.reals(2, -0.5, 0.5)
    return {"W": [[one, tilt[0]], [tilt[1], two], three], "b": draw.reals(3, -1, 1), "x": draw.reals(3, 1.2, 3)}


@CHAPTER.exercise(
    "limits",
    "Sure and unsure",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=4,
    goal="posterior",
    defines={
        "sure_mean": "the posterior mean as sigma falls to 0, [2]",
        "sure_cov": "the posterior covariance as sigma falls to 0, [2, 2]",
        "unsure_mean": "the posterior mean as sigma grows without bound, [2]",
        "unsure_cov": "the posterior covariance as sigma grows without bound, [2, 2]",
    },
    given=given_limits,
)
def limits(answers, W, b, x):
    W, b, x = tensor(W), tensor(b), tensor(x)
    unit, nothing = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    squares = W.T @ W
    answers.close(
        "sure_mean",
        torch.linalg.solve(squares, W.T @ (x - b)),
        {
            "b is not taken off x": torch.linalg.solve(squares, W.T @ x),
            "M does not become the unit matrix: something is still to be inverted": W.T @ (x - b),
            "without noise x does not leave the code at the prior's mean": nothing,
        },
        tolerance=1e-3,
    )
    answers.close(
        "sure_cov",
        torch.zeros(2, 2),
        {
            "this is M inverted, without its factor": torch.linalg.inv(squares),
            "this is the prior's covariance": unit,
        },
        tolerance=0.1,  # of 1e-3: a very small sigma will do
    )
    answers.close(
        "unsure_mean",
        nothing,
        {"this is what a sure posterior has": torch.linalg.solve(squares, W.T @ (x - b))},
        tolerance=0.5,  # of 1e-3: a very large sigma will do
    )
    answers.close(
        "unsure_cov",
        unit,
        {"M grows with the noise, but so does the factor in front of its inverse": torch.zeros(2, 2)},
    )


@CHAPTER.exercise(
    "rotation",
    "Codes have no names",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="linear",
    defines={
        "turned_mean": "a function (mean [k], R [k, k]) that returns the posterior mean with WR in place of W, [k]",
        "turned_covariance": "a function (covariance [k, k], R [k, k]) likewise for its covariance, [k, k]",
        "known": "what p(x) determines: 'W', 'W W^T' or 'W^T W'",
    },
)
def rotation(answers):
    R = torch.linalg.qr(random(3, 3, seed=1)).Q
    mean, factor = random(3, seed=2), random(3, 3, seed=3)
    covariance = factor @ factor.T
    answers.close(
        "turned_mean",
        R.T @ mean,
        {
            "the code turns the other way than W": R @ mean,
            "the code is not what it was: only p(x) is": mean,
        },
        at=(mean, R),
    )
    answers.close(
        "turned_covariance",
        R.T @ covariance @ R,
        {
            "the code turns the other way than W": R @ covariance @ R.T,
            "a covariance is multiplied from both sides": R.T @ covariance,
            "the code is not what it was: only p(x) is": covariance,
        },
        at=(covariance, R),
    )
    answers.say(
        "known",
        "W W^T",
        ["W", "W W^T", "W^T W"],
        {
            "W": "W and WR give the same p(x), so p(x) cannot tell them apart",
            "W^T W": "this is another matrix after a rotation, although p(x) is the same",
        },
    )


def average_log(values, n_z):
    rest = values[n_z:].mean()
    n = len(values)
    return -(n * math.log(2 * math.pi) + values[:n_z].log().sum() + (n - n_z) * rest.log() + n) / 2


def gained(eigenvalues, n_z):
    return float(average_log(tensor(eigenvalues), n_z + 1) - average_log(tensor(eigenvalues), n_z))


def given_ppca(draw):
    eigenvalues, n_z = [4.0, 2.0, 1.0, 0.5, 0.5], 1
    while draw.variant and (len(eigenvalues) < 6 or gained(eigenvalues, n_z) < 0.05):  # a smaller one drowns in float32
        eigenvalues, n_z = sorted(draw.reals(6, 0.2, 5), reverse=True), draw.randint(1, 3)
    return {"eigenvalues": eigenvalues, "n_z": n_z}


@CHAPTER.exercise(
    "ppca",
    "What one more code is worth",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="linear",
    defines={
        "noise": "a function (eigenvalues [n_x], n_z) that returns the best sigma squared, a number",
        "average": "a function (eigenvalues [n_x], n_z) that returns the average log-density at the maximum, a number",
        "gain": "what one more latent dimension adds to the average log-density, in nats, a number",
    },
    given=given_ppca,
)
def ppca(answers, eigenvalues, n_z):
    values = (1 + random(7).abs()).sort(descending=True).values
    rest, n = values[3:], len(values)
    answers.close(
        "noise",
        rest.mean(),
        {
            "this is the sum of what is left, not its average": rest.sum(),
            "the average is over the directions that are left, not over all of them": rest.sum() / n,
            "this is sigma, not its square": rest.mean().sqrt(),
            "this is the average over all directions": values.mean(),
            "the largest are the ones that the codes take over": values[:3].mean(),
            "one eigenvalue too many or too few is left": values[4:].mean(),
        },
        at=(values, 3),
    )
    right = average_log(values, 3)
    constant = n * math.log(2 * math.pi) / 2
    answers.close(
        "average",
        right,
        {
            "the sign is wrong": -right,
            "the factor one half is missing": 2 * right,
            "the term with 2 pi is missing": right + constant,
            "the mean of the squared distance is missing, the last term": right + n / 2,
            "sigma squared counts once for each direction that is left": right + (n - 4) * rest.mean().log() / 2,
        },
        at=(values, 3),
    )
    gain = gained(eigenvalues, n_z)
    answers.close(
        "gain",
        gain,
        {
            "this is a loss: the larger model comes first": -gain,
            "this is the average log-density itself, not what is added": average_log(tensor(eigenvalues), n_z + 1),
            "the factor one half is missing": 2 * gain,
        },
        tolerance=1e-3,
    )


@CHAPTER.exercise(
    "variance",
    "How blind is blind?",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=5,
    goal="estimate",
    defines={
        "relative_variance": "a function (w, sigma) that returns the variance of a term at x = 0 over p(0)^2, a number",
        "one": "the number of prior samples that one dimension needs for a relative error of 10%",
        "many": "the number that so many copies of this world need",
    },
    given=lambda draw: {
        "w": draw.real(1, 2) if draw.variant else 1.5,
        "sigma": draw.real(0.15, 0.4) if draw.variant else 0.2,
        "copies": draw.randint(4, 8) if draw.variant else 7,
    },
)
def variance(answers, w, sigma, copies):
    def ratio(w, sigma):
        return (w**2 + sigma**2) / (sigma * math.sqrt(2 * w**2 + sigma**2))

    for v, s in ((1.3, 0.5), (0.7, 0.3)):
        r = ratio(v, s)
        answers.close(
            "relative_variance",
            r - 1,
            {
                "this is the mean of the square; a variance is less by the square of the mean": r,
                "this is a standard deviation": math.sqrt(r - 1),
                "it is not yet divided by the square of p(0)": (r - 1) / (2 * math.pi * (v**2 + s**2)),
            },
            at=(v, s),
        )
    r = ratio(w, sigma)
    if not 99.5 * (r - 1) <= answers.number("one") <= math.ceil(100 * (r - 1)):  # rounded up or not
        answers.close(
            "one",
            100 * (r - 1),
            {
                "an error falls with the root of the number of samples": 10 * (r - 1),
                "this is a standard deviation where a variance is needed": 100 * math.sqrt(r - 1),
            },
            tolerance=5e-3,
        )
    answers.close(
        "many",
        100 * (r**copies - 1),
        {
            "the numbers of samples do not add up over the dimensions": 100 * copies * (r - 1),
            "what multiplies is the mean of the square over the square of the mean, not the variance": 100
            * (r - 1) ** copies,
            "this is the number of samples of one dimension to a power": (100 * (r - 1)) ** copies,
        },
        tolerance=5e-3,
    )
