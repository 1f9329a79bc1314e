"""Answers to the exercises of chapter 01: another right one, by another way than the solution, and typical wrong ones."""

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
