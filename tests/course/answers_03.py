"""Answers to the exercises of chapter 03: another right one, by another way than the solution, and typical wrong ones.

The independent ones were written from the student's notebook, by somebody who had seen neither solution nor judge.
"""

ELBO = """
z = torch.linspace(-14, 14, 14001, dtype=torch.float64)  # by quadrature, the first form
real = lambda v: torch.tensor(v, dtype=torch.float64)

def average(m, s, of):
    q = Normal(real(m), real(s)).log_prob(z)
    return float((q.exp() * of(q)).sum() * (z[1] - z[0]))

def elbo(m, s):
    joint = Normal(real(0.0), real(1.0)).log_prob(z) + Normal(w * z, real(sigma)).log_prob(real(x))
    return average(m, s, lambda q: joint - q)

def gap(m, s):
    return float(Normal(0.0, math.sqrt(w**2 + sigma**2)).log_prob(real(x))) - elbo(m, s)

v = 1 / (1 + w**2 / sigma**2)
best = torch.tensor([v * w * x / sigma**2, math.sqrt(v)])
"""

CLOSED = """
def kl_of(a, b, c, d):
    return math.log(d / b) + (b**2 + (a - c) ** 2) / (2 * d**2) - 0.5

best = [w * x / (w**2 + sigma**2), sigma / math.sqrt(w**2 + sigma**2)]

def elbo(m, s):
    back = -math.log(2 * math.pi * sigma**2) / 2 - ((x - w * m) ** 2 + w**2 * s**2) / (2 * sigma**2)
    return back - kl_of(m, s, 0, 1)

def gap(m, s):
    return kl_of(m, s, *best)
"""

EM = """
def step(x, weight, mean, std):
    k, rows = len(weight), [[], [], []]
    share = []
    for point in x:
        high = [float(w / s * torch.exp(-(((point - m) / s) ** 2) / 2)) for w, m, s in zip(weight, mean, std, strict=True)]
        share.append([h / sum(high) for h in high])
    for j in range(k):
        n = sum(r[j] for r in share)
        new = sum(r[j] * float(p) for r, p in zip(share, x, strict=True)) / n
        square = sum(r[j] * float(p) ** 2 for r, p in zip(share, x, strict=True)) / n
        rows[0].append(n / len(x))
        rows[1].append(new)
        rows[2].append(math.sqrt(square - new**2))
    return rows

def likelihood(weight, mean, std):
    total = 0.0
    for point in points:
        total += math.log(sum(w / s * math.exp(-(((point - m) / s) ** 2) / 2) for w, m, s in zip(weight, mean, std, strict=True)))
    return total / len(points)

rise = likelihood(*step(torch.tensor(points), *torch.tensor(start))) - likelihood(*start)
"""

LAZY = """
def normal(mean, precision):
    return torch.distributions.MultivariateNormal(mean, precision_matrix=precision)

def approximation(precision):
    zero = torch.zeros(len(precision), dtype=precision.dtype)
    best = torch.diag(precision.diagonal())
    return kl_divergence(normal(zero, best), normal(zero, precision))

def amortisation(mu, precision, c):
    best = torch.diag(precision.diagonal())
    whole = kl_divergence(normal((1 - c) * mu, best), normal(mu, precision))
    return whole - approximation(precision)
"""

WAVY = """
e = torch.linspace(-12, 12, 8001, dtype=torch.float64)
p = torch.exp(-(e**2) / 2) / math.sqrt(2 * math.pi) * (e[1] - e[0])
variance = lambda v: (p * v**2).sum() - (p * v).sum() ** 2

def path(omega):
    return variance(omega * torch.cos(omega * e))

def score(omega):
    return variance(e * torch.sin(omega * e))

wins = [bool(score(omega) < path(omega)) for omega in omegas]
"""

DIRECTION = """
def average_elbo(d, q, prior, decoder):
    total = 0.0
    for i in range(len(d)):
        for j in range(len(prior)):
            reconstruct = math.log(decoder[j, i])
            match = math.log(q[i, j] / prior[j])
            total += float(d[i] * q[i, j]) * (reconstruct - match)
    return total

def joint_kl(d, q, prior, decoder):
    entropy = -float((d * d.log()).sum())
    return -average_elbo(d, q, prior, decoder) - entropy

theta = "second"
constant = float(torch.xlogy(torch.tensor(d), torch.tensor(d)).sum())
"""

RATE = """
import itertools

def bound(joint, q, k):
    w = [float(a) / float(b) for a, b in zip(joint, q, strict=True)]
    return sum(math.prod(float(q[z]) for z in codes) * math.log(sum(w[z] for z in codes) / k)
               for codes in itertools.product(range(len(w)), repeat=k))

def predicted(joint, q, k):
    share = [float(a) / float(sum(joint)) for a in joint]
    return (sum(s**2 / float(b) for s, b in zip(share, q, strict=True)) - 1) / (2 * k)

draws = math.ceil(100 * predicted(joint, q, 1))
"""

GREY = """
def log_density(x, t):
    return distributions.ContinuousBernoulli(t).log_prob(x)

ceiling = math.log(levels) * pixels
"""

BETA = """
noise = math.sqrt(beta * sigma**2)
ratio = (1 / sigma**2) / (1 / noise**2)

def excess(beta, kl):
    return kl - beta * kl
"""

WRONG = """
weight_of_reconstruction, weight_of_kl = 1 / pixels, 1
beta = weight_of_kl / weight_of_reconstruction
both = (1 / codes) / weight_of_reconstruction
use = "ignores them"
"""

TILT = """
a, b = (1 + slope**2 / sigma**2 for slope in slopes)
rho_like = (a - b) * math.sin(2 * math.radians(angle)) / 2  # the entry beside the diagonal
product = a * b + rho_like**2  # of the diagonal, since the determinant stays
change, price, worst = 0.0, math.log(product / (a * b)) / 2, 45.0
"""

ANSWERS = {
    "ex-03-elbo": {
        "other": ELBO,
        "wrong": {
            "is taken off, not added": CLOSED.replace("back - kl_of", "back + kl_of"),
            "in the KL q stands first": CLOSED.replace("kl_of(m, s, 0, 1)", "kl_of(0, 1, m, s)"),
            "the spread of q counts, too": CLOSED.replace(" + w**2 * s**2", ""),
            "in the gap q stands first": CLOSED.replace("kl_of(m, s, *best)", "kl_of(*best, m, s)"),
            "not to the prior": CLOSED.replace("kl_of(m, s, *best)", "kl_of(m, s, 0, 1)"),
            "forgets the prior": CLOSED.replace(
                "*best", "w * x / (w**2 + sigma**2), sigma / math.sqrt(w**2 + sigma**2)"
            )
            + "best = [x / w, sigma / w]",
        },
    },
    "ex-03-rho": {
        "other": """
precision = torch.linalg.inv(torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64))
gap = (precision.diagonal().log().sum() - torch.logdet(precision)) / 2
variance = 1 / precision[0, 0]
width = "narrower"
""",
        "wrong": {
            "the factor one half is missing": """
gap, variance, width = -math.log(1 - rho**2), 1 - rho**2, "narrower"
""",
            "the variance of the marginal": """
gap, variance, width = -math.log(1 - rho**2) / 2, 1, "as wide"
""",
            "pays for mass where the posterior has little": """
gap, variance, width = -math.log(1 - rho**2) / 2, 1 - rho**2, "wider"
""",
        },
    },
    "ex-03-em": {
        "other": EM,
        "wrong": {
            "about the old means": EM.replace(
                "math.sqrt(square - new**2)", "math.sqrt(square - 2 * new * float(mean[j]) + float(mean[j]) ** 2)"
            ),
            "the weights are missing in the E step": EM.replace("[float(w / s *", "[float(1 / s *"),
            "deviations are asked for": EM.replace("math.sqrt(square - new**2)", "square - new**2"),
            "not for the likeliest alone": EM.replace(
                "h / sum(high) for h in high", "float(h == max(high)) for h in high"
            ),
            "the sum over the points": EM + "rise = rise * len(points)",
        },
    },
    "ex-03-lazy": {
        "other": LAZY,
        "wrong": {
            "the whole gap, not its second part": LAZY.replace("whole - approximation(precision)", "whole"),
            "codes pull on one another": LAZY.replace(
                "whole - approximation(precision)", "c**2 * (precision.diagonal() * mu**2).sum() / 2"
            ),
            "not what is left": LAZY.replace("(1 - c) * mu", "c * mu"),
            "with the posterior first": LAZY.replace(
                "normal(zero, best), normal(zero, precision)",
                "normal(zero, precision), normal(zero, torch.diag(1 / precision.inverse().diagonal()))",
            ),
        },
    },
    "ex-03-wavy": {
        "other": WAVY,
        "wrong": {
            "path: this is the second moment": WAVY.replace(" - (p * v).sum() ** 2", ""),
            "the chain rule gives a factor omega": WAVY.replace("omega * torch.cos", "torch.cos"),
            "the factor epsilon": """
def path(omega):
    return omega**2 / 2 * (1 + math.exp(-2 * omega**2)) - omega**2 * math.exp(-(omega**2))

def score(omega):
    return (1 - math.exp(-2 * omega**2)) / 2

wins = [False] * len(omegas)
""",
            "wins: not False for omega": WAVY + "wins = [False] * len(omegas)",
        },
    },
    "ex-03-direction": {
        "other": DIRECTION,
        "wrong": {
            "this is minus the bound": DIRECTION.replace("(reconstruct - match)", "(match - reconstruct)"),
            "not all the same": DIRECTION.replace("float(d[i] * q[i, j])", "float(q[i, j]) / len(d)"),
            "the KL to the prior is missing": DIRECTION.replace("(reconstruct - match)", "reconstruct"),
            "the entropy of d is missing": DIRECTION.replace(" - entropy", ""),
            "is the average over it": DIRECTION.replace("second", "first"),
            "constant: the sign is wrong": DIRECTION + "constant = -constant",
        },
    },
    "ex-03-rate": {
        "other": RATE,
        "wrong": {
            "the factor 1/k is missing": RATE.replace("in codes) / k)", "in codes))"),
            "the average belongs inside": RATE.replace(
                "math.log(sum(w[z] for z in codes) / k)", "sum(math.log(w[z]) for z in codes) / k"
            ),
            "a factor one half": RATE.replace("/ (2 * k)", "/ k"),
            "a mean of k draws has a variance k times smaller": RATE.replace("/ (2 * k)", "/ 2"),
            "the mean of the squares, not the variance": RATE.replace(" - 1) / (2 * k)", ") / (2 * k)"),
        },
    },
    "ex-03-grey": {
        "other": GREY,
        "wrong": {
            "this is the Bernoulli's formula": """
def log_density(x, t):
    return -torch.nn.functional.binary_cross_entropy_with_logits(t, x, reduction="none")

ceiling = pixels * math.log(levels)
""",
            "there the density is flat": """
def log_density(x, t):
    return x * t - ((torch.exp(t) - 1) / t).log()

ceiling = pixels * math.log(levels)
""",
            "the exponential overflows": """
def log_density(x, t):
    return x * t - torch.where(t == 0, 0.0, (torch.expm1(t) / t).log())

ceiling = pixels * math.log(levels)
""",
            "flat at t = 0 only": GREY
            + """
right = log_density

def log_density(x, t):
    return torch.where(t.abs() < 0.1, 0.0, right(x, t))
""",
            "the ceiling of a single pixel": GREY + "ceiling = math.log(levels)",
        },
    },
    "ex-03-beta": {
        "other": BETA,
        "wrong": {
            "noise: this is the variance": BETA + "noise = noise**2",
            "not the standard deviation": BETA + "noise = beta * sigma",
            "the other way round": BETA + "ratio = 1 / beta",
            "with a small beta the bound is too high": BETA.replace("kl - beta * kl", "beta * kl - kl"),
        },
    },
    "ex-03-tilt": {
        "other": TILT,
        "wrong": {
            "look at W W^T": TILT + "change = -price",
            "the factor one half is missing": TILT + "price = 2 * price",
            "holds the prior's, too": TILT.replace("(1 + slope**2", "(slope**2"),
            "exchanged their names": TILT + "worst = 90",
            "in radians": TILT + "worst = math.pi / 4",
        },
    },
    "ex-03-wrong": {
        "other": WRONG,
        "wrong": {
            "take out the common factor": WRONG + "beta = 1 / pixels",
            "as it should be": WRONG + "beta = both",
            "by different numbers": WRONG + "both = 1",
            "a beta far smaller than this one": WRONG + "use = 'uses them'",
        },
    },
}


INDEPENDENT = {
    "ex-03-elbo": """
def kl(m, s, mean, std):
    return math.log(std / s) + (s**2 + (m - mean) ** 2) / (2 * std**2) - 0.5


def elbo(m, s):
    explained = -math.log(2 * math.pi * sigma**2) / 2 - ((x - w * m) ** 2 + w**2 * s**2) / (2 * sigma**2)
    return explained - kl(m, s, 0, 1)


best = [w * x / (w**2 + sigma**2), sigma / math.sqrt(w**2 + sigma**2)]


def gap(m, s):
    return kl(m, s, *best)
""",
    "ex-03-rho": """
gap = -math.log(1 - rho**2) / 2
variance = 1 - rho**2  # one over the diagonal of the precision
width = "narrower"
""",
    "ex-03-em": """
def joint(x, weight, mean, std):  # log p(x, z), [n, k]
    u = (x[:, None] - mean) / std
    return weight.log() - u**2 / 2 - std.log() - math.log(2 * math.pi) / 2


def step(x, weight, mean, std):
    r = torch.softmax(joint(x, weight, mean, std), 1)
    n = r.sum(0)
    m = (r * x[:, None]).sum(0) / n
    v = (r * (x[:, None] - m) ** 2).sum(0) / n
    return torch.stack([n / len(x), m, v.sqrt()])


x0, rows = torch.tensor(points), torch.tensor(start)
after = step(x0, *rows)
rise = joint(x0, *after).logsumexp(1).mean() - joint(x0, *rows).logsumexp(1).mean()
""",
    "ex-03-lazy": """
def approximation(precision):
    return (precision.diagonal().log().sum() - torch.logdet(precision)) / 2


def amortisation(mu, precision, c):
    return c**2 * (mu @ precision @ mu) / 2
""",
    "ex-03-wavy": """
def path(omega):
    return omega**2 * (1 - math.exp(-(omega**2))) ** 2 / 2


def score(omega):
    square = (1 - (1 - 4 * omega**2) * math.exp(-2 * omega**2)) / 2  # E[z^2 sin^2]
    return square - omega**2 * math.exp(-(omega**2))


wins = [score(omega) < path(omega) for omega in omegas]
""",
    "ex-03-direction": """
def average_elbo(d, q, prior, decoder):
    inside = torch.xlogy(q, prior * decoder.T) - torch.xlogy(q, q)
    return (d * inside.sum(1)).sum()


def joint_kl(d, q, prior, decoder):
    pairs = d[:, None] * q
    return (torch.xlogy(pairs, pairs) - torch.xlogy(pairs, prior * decoder.T)).sum()


theta = "second"
constant = sum(p * math.log(p) for p in d)
""",
    "ex-03-rate": """
from itertools import product


def bound(joint, q, k):
    w = [float(a / b) if b > 0 else 0.0 for a, b in zip(joint, q)]
    total = 0.0
    for codes in product(range(len(w)), repeat=k):
        chance = math.prod(float(q[z]) for z in codes)
        if chance > 0:
            total += chance * math.log(sum(w[z] for z in codes) / k)
    return total


def predicted(joint, q, k):
    joint, q = torch.as_tensor(joint), torch.as_tensor(q)
    w = joint / q
    p = (q * w).sum()
    return (q * (w - p) ** 2).sum() / (2 * k * p**2)


draws = predicted(joint, q, 1) / 0.01
""",
    "ex-03-grey": """
def log_density(x, t):
    size = t.abs()
    safe = torch.where(size == 0, torch.ones_like(size), size)
    norm = torch.where(size == 0, torch.zeros_like(size), torch.log(safe / -torch.expm1(-safe)))
    return norm - size * torch.where(t > 0, 1 - x, x)


ceiling = pixels * math.log(levels)
""",
    "ex-03-beta": """
noise = sigma * math.sqrt(beta)
ratio = beta


def excess(beta, kl):
    return (1 - beta) * kl
""",
    "ex-03-tilt": """
change = 0.0


def left(degrees):
    t = math.radians(degrees)
    R = torch.tensor([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
    precision = torch.eye(2) + R.T @ torch.diag(torch.tensor(slopes) ** 2) @ R / sigma**2
    return float(precision.diagonal().log().sum() - torch.logdet(precision)) / 2


price = left(angle) - left(0)
worst = max(range(91), key=left)
""",
    "ex-03-wrong": """
beta = pixels
both = pixels / codes
use = "ignores them"
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
