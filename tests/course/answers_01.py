"""Answers to the exercises of chapter 01: another right one, by another way than the solution, and typical wrong ones.

The independent ones were written from the student's notebook, by somebody who had seen neither solution nor judge.
"""

MIXTURE = """
def parts(x):
    x = torch.as_tensor(x, dtype=torch.float64)
    high = [torch.exp(-((x - m) / s) ** 2 / 2) / (s * math.sqrt(2 * math.pi)) for m, s in zip(mean, std)]
    return (1 - weight) * high[0], weight * high[1]

def marginal(x):
    return sum(parts(x))

def posterior(x):
    no, yes = parts(x)
    return 1 / (1 + no / yes)

def search(low, high):  # the posterior is below one half at low
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if posterior(middle) < 0.5 else (low, middle)
    return middle

equal, far = search(*mean), search(mean[0], -60.0)
"""

ESTIMATE = """
from decimal import Decimal

def terms(logs):
    return [Decimal(float(log)).exp() for log in logs]

def log_estimate(logs):
    return float((sum(terms(logs)) / len(logs)).ln())

def error(logs):
    p = terms(logs)
    mean = sum(p) / len(p)
    variance = sum((term - mean) ** 2 for term in p) / len(p)
    return 1.96 * float(variance.sqrt() / mean) / len(p) ** 0.5

bounds = [log_estimate(logs) + math.log(1 - error(logs)), log_estimate(logs) + math.log(1 + error(logs))]
"""

ROTATION = """
def turned_mean(mean, R):
    return [sum(R[j][i] * mean[j] for j in range(len(mean))) for i in range(len(mean))]

def turned_covariance(covariance, R):
    return torch.linalg.inv(R) @ covariance @ R

known = "W W^T"
"""

PPCA = """
def noise(eigenvalues, n_z):
    rest = [float(value) for value in eigenvalues][n_z:]
    return sum(rest) / len(rest)

def average(eigenvalues, n_z):
    kept = [float(value) for value in eigenvalues][:n_z]
    spectrum = kept + [noise(eigenvalues, n_z)] * (len(eigenvalues) - n_z)
    return -sum(math.log(2 * math.pi * value) + 1 for value in spectrum) / 2

gain = average(eigenvalues, n_z + 1) - average(eigenvalues, n_z)
"""

VARIANCE = """
z = torch.linspace(-9, 9, 20001, dtype=torch.float64)

def moments(w, sigma):
    prior = Normal(0.0, 1.0).log_prob(z).exp() * (z[1] - z[0])
    p = Normal(w * z, sigma).log_prob(torch.tensor(0.0, dtype=torch.float64)).exp()
    return float((prior * p).sum()), float((prior * p**2).sum())

def relative_variance(w, sigma):
    first, second = moments(w, sigma)
    return second / first**2 - 1

one = math.ceil(100 * relative_variance(w, sigma))
first, second = moments(w, sigma)
many = 100 * (second**copies / first ** (2 * copies) - 1)
"""

LIMITS = """
W, b, x = (torch.tensor(values, dtype=torch.float64) for values in (W, b, x))

def posterior(sigma):
    M = W.T @ W + sigma**2 * torch.eye(2, dtype=torch.float64)
    return (torch.linalg.inv(M) @ W.T @ (x - b)).tolist(), (sigma**2 * torch.linalg.inv(M)).tolist()

sure_mean, sure_cov = posterior(1e-5)
unsure_mean, unsure_cov = posterior(1e5)
"""

ANSWERS = {
    "ex-01-mixture": {
        "other": MIXTURE,
        "wrong": {
            "posterior: this is the probability of z = 0": MIXTURE.replace("no / yes", "yes / no"),
            "marginal: the prior p(z) is missing": MIXTURE.replace(
                "return (1 - weight) * high[0], weight * high[1]", "return high"
            ),
            "posterior: this is the joint density": MIXTURE.replace("1 / (1 + no / yes)", "yes"),
            "far: this is the point between the means": MIXTURE + "far = equal",
            "equal: this is the middle": MIXTURE + "equal = sum(mean) / 2",
        },
    },
    "ex-01-estimate": {
        "other": ESTIMATE,
        "wrong": {
            "too low by Jensen's inequality": """
def log_estimate(logs):
    return logs.mean()

def error(logs):
    return 1.96 * logs.exp().std() / logs.exp().mean() / len(logs) ** 0.5

bounds = [0.0, 0.0]
""",
            "the factor 1/S is missing": ESTIMATE.replace("(sum(terms(logs)) / len(logs))", "sum(terms(logs))"),
            "exp of these logarithms is 0": """
def log_estimate(logs):
    return logs.exp().mean().log()

def error(logs):
    return 1.96 * logs.exp().std() / logs.exp().mean() / len(logs) ** 0.5

bounds = [0.0, 0.0]
""",
            "not the half width of a 95% interval": ESTIMATE.replace("1.96 * ", ""),
            "it does not simply add to the logarithm": ESTIMATE
            + "bounds = [log_estimate(logs) - error(logs), log_estimate(logs) + error(logs)]",
        },
    },
    "ex-01-peaks": {
        "other": """
ratio = torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.0)).exp() / (a * k + 1)
ratio = ratio * math.sqrt(2 * math.pi)
peaks = 2 if 2 * a * k**3 > 1 + a * k else 1
""",
        "wrong": {
            "makes samples thin, not dense": "ratio, peaks = 1 + a * k, 2",
            "the straight part together": "ratio, peaks = 1 / (a * k), 2",
            "it becomes a gap": "ratio, peaks = 1 / (1 + a * k), 1",
        },
    },
    "ex-01-square": {
        "other": """
def density(x):
    x = torch.as_tensor(x).double()
    bell = lambda z: torch.erf(z / math.sqrt(2)) / 2
    below = lambda x: bell(c + x.sqrt()) - bell(c - x.sqrt())
    return (below(x + 1e-5) - below(x - 1e-5)) / 2e-5
""",
        "wrong": {
            "a preimage is missing, c - sqrt(x)": """
def density(x):
    return Normal(0.0, 1.0).log_prob(c + x.sqrt()).exp() / (2 * x.sqrt())
""",
            "not divided by the slope": """
def density(x):
    return Normal(0.0, 1.0).log_prob(torch.stack([c + x.sqrt(), c - x.sqrt()])).exp().sum(0)
""",
            "the slope of G is twice as large": """
def density(x):
    return Normal(0.0, 1.0).log_prob(torch.stack([c + x.sqrt(), c - x.sqrt()])).exp().sum(0) / x.sqrt()
""",
        },
    },
    "ex-01-noise": {
        "other": "on, beside = n_x * math.log(factor) - n_z * math.log(factor), factor * factor",
        "wrong": {
            "not all directions count": "on, beside = n_x * math.log(factor), factor**2",
            "these are the directions along the surface": "on, beside = n_z * math.log(factor), factor**2",
            "the density grows as the noise shrinks": "on, beside = (n_z - n_x) * math.log(factor), factor**2",
            "in the exponent of a Gaussian, squared": "on, beside = (n_x - n_z) * math.log(factor), factor",
        },
    },
    "ex-01-slopes": {
        "other": """
covariance = torch.tensor([[w**2 + sigma**2, w], [w, 1.0]])  # of (x, z)
generation = covariance[0, 1] / covariance[1, 1]
inference = covariance[0, 1] / covariance[0, 0]
left = 1 / torch.linalg.inv(covariance)[1, 1]
""",
        "wrong": {
            "as if there were no noise": "generation, inference, left = w, 1 / w, sigma**2 / (w**2 + sigma**2)",
            "this is the share that x explains": """
generation, inference, left = w, w / (w**2 + sigma**2), w**2 / (w**2 + sigma**2)
""",
            "the standard deviation of x, not by its variance": """
generation, inference, left = w, w / math.sqrt(w**2 + sigma**2), sigma**2 / (w**2 + sigma**2)
""",
        },
    },
    "ex-01-limits": {
        "other": LIMITS,
        "wrong": {
            "sure_mean: b is not taken off x": LIMITS.replace("(x - b)", "x"),
            "something is still to be inverted": LIMITS + "sure_mean = W.T @ (x - b)",
            "this is M inverted, without its factor": LIMITS.replace(
                "sigma**2 * torch.linalg.inv(M)", "torch.linalg.inv(M)"
            ),
            "so does the factor in front": LIMITS + "unsure_cov = torch.zeros(2, 2)",
        },
    },
    "ex-01-rotation": {
        "other": ROTATION,
        "wrong": {
            "turned_mean: the code turns the other way": ROTATION.replace("R[j][i]", "R[i][j]"),
            "multiplied from both sides": ROTATION.replace("@ covariance @ R", "@ covariance"),
            "cannot tell them apart": ROTATION.replace('"W W^T"', '"W"'),
        },
    },
    "ex-01-ppca": {
        "other": PPCA,
        "wrong": {
            "the sum of what is left": PPCA.replace("sum(rest) / len(rest)", "sum(rest)"),
            "not over all of them": PPCA.replace("/ len(rest)", "/ len(eigenvalues)"),
            "the factor one half is missing": PPCA.replace("for value in spectrum) / 2", "for value in spectrum)"),
            "the term with 2 pi is missing": PPCA.replace("2 * math.pi * value", "value"),
            "this is a loss": PPCA + "gain = -gain",
        },
    },
    "ex-01-variance": {
        "other": VARIANCE,
        "wrong": {
            "a variance is less by the square of the mean": VARIANCE.replace("first**2 - 1", "first**2"),
            "with the root of the number of samples": VARIANCE + "one = 10 * relative_variance(w, sigma)",
            "do not add up over the dimensions": VARIANCE + "many = copies * 100 * relative_variance(w, sigma)",
        },
    },
}


INDEPENDENT = {
    "ex-01-mixture": """
def each(x):  # p(z) p(x|z), [2, n]
    x = torch.as_tensor(x)
    return torch.stack([
        w * torch.exp(-((x - m) ** 2) / (2 * s**2)) / (s * math.sqrt(2 * math.pi))
        for w, m, s in zip([1 - weight, weight], mean, std)
    ])


def marginal(x):
    return each(x).sum(0)


def posterior(x):
    return each(x)[1] / each(x).sum(0)


# log of the ratio of the two parts is A x^2 + B x + C
A = 1 / (2 * std[0] ** 2) - 1 / (2 * std[1] ** 2)
B = mean[1] / std[1] ** 2 - mean[0] / std[0] ** 2
C = (
    mean[0] ** 2 / (2 * std[0] ** 2)
    - mean[1] ** 2 / (2 * std[1] ** 2)
    + math.log(weight / std[1])
    - math.log((1 - weight) / std[0])
)
root = math.sqrt(B**2 - 4 * A * C)
both = [(-B + root) / (2 * A), (-B - root) / (2 * A)]
equal = next(x for x in both if min(mean) < x < max(mean))
far = next(x for x in both if x != equal)
""",
    "ex-01-estimate": """
def log_estimate(logs):
    logs = torch.as_tensor(logs)
    return torch.logsumexp(logs, 0) - math.log(len(logs))


def error(logs):
    logs = torch.as_tensor(logs)
    terms = torch.exp(logs - logs.max())  # the common factor falls out of the quotient
    return 1.96 * terms.std() / (math.sqrt(len(terms)) * terms.mean())


e = error(logs)
bounds = torch.stack([log_estimate(logs) + torch.log(1 - e), log_estimate(logs) + torch.log(1 + e)])
""",
    "ex-01-peaks": """
# G(0) = 0 and G'(0) = 1 + ak
ratio = 1 / (1 + a * k)
# log g = -z^2/2 - log(1 + ak / cosh(kz)^2) + const, to second order z^2 (-1/2 + ak^3/(1 + ak)):
# a trough at 0 makes two peaks
peaks = 2 if 2 * a * k**3 > 1 + a * k else 1
""",
    "ex-01-square": """
def density(x):
    root = torch.sqrt(x)
    p = Normal(0.0, 1.0)
    return (p.log_prob(c + root).exp() + p.log_prob(c - root).exp()) / (2 * root)
""",
    "ex-01-noise": """
on = (n_x - n_z) * math.log(factor)
beside = factor**2
""",
    "ex-01-slopes": """
generation = w
inference = w / (w**2 + sigma**2)
left = sigma**2 / (w**2 + sigma**2)
""",
    "ex-01-limits": """
W_, b_, x_ = torch.tensor(W), torch.tensor(b), torch.tensor(x)
k = W_.shape[1]
sure_mean = torch.linalg.solve(W_.T @ W_, W_.T @ (x_ - b_))  # least squares
sure_cov = torch.zeros(k, k)
unsure_mean = torch.zeros(k)
unsure_cov = torch.eye(k)
""",
    "ex-01-rotation": """
def turned_mean(mean, R):
    return R.T @ mean


def turned_covariance(covariance, R):
    return R.T @ covariance @ R


known = "W W^T"
""",
    "ex-01-ppca": """
def noise(eigenvalues, n_z):
    return torch.as_tensor(eigenvalues)[n_z:].mean()


def average(eigenvalues, n_z):
    values = torch.as_tensor(eigenvalues)
    n_x = len(values)
    return -0.5 * (
        n_x * math.log(2 * math.pi)
        + values[:n_z].log().sum()
        + (n_x - n_z) * noise(values, n_z).log()
        + n_x
    )


gain = average(eigenvalues, n_z + 1) - average(eigenvalues, n_z)
""",
    "ex-01-variance": """
def square(w, sigma):  # E[p(0|z)^2] / p(0)^2
    r = (w / sigma) ** 2
    return (1 + r) / math.sqrt(1 + 2 * r)


def relative_variance(w, sigma):
    return square(w, sigma) - 1


one = math.ceil(relative_variance(w, sigma) / 0.1**2)
many = math.ceil((square(w, sigma) ** copies - 1) / 0.1**2)
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
