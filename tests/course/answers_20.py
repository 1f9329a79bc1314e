"""Answers to the exercises of chapter 20: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` were written before their author had seen solution or judge.
"""

ANSWERS = {
    "ex-20-tweedie": {
        "other": """
def log_density(x, alpha, sigma):
    return torch.stack([
        math.log(w) - (x - alpha * p) ** 2 / (2 * sigma**2) for p, w in zip(points, weights)
    ]).logsumexp(0)

def score(x_t, alpha, sigma):
    x = x_t.detach().double().requires_grad_()
    return torch.autograd.grad(log_density(x, alpha, sigma).sum(), x)[0]

def denoised(x_t, alpha, sigma):
    return (x_t + sigma**2 * score(x_t, alpha, sigma)) / alpha
""",
        "independent": """
def posterior(x_t, alpha, sigma):
    nodes = torch.tensor(points, dtype=x_t.dtype)
    prior = torch.tensor(weights, dtype=x_t.dtype)
    logits = prior.log() - (x_t[:, None] - alpha * nodes) ** 2 / (2 * sigma**2)
    return nodes, logits.softmax(1)

def denoised(x_t, alpha, sigma):
    nodes, chance = posterior(x_t, alpha, sigma)
    return chance @ nodes

def score(x_t, alpha, sigma):
    nodes, chance = posterior(x_t, alpha, sigma)
    return (chance * (alpha * nodes - x_t[:, None])).sum(1) / sigma**2
""",
        "wrong": {
            "the points have weights": """
def denoised(x_t, alpha, sigma):
    p = torch.tensor(points).to(x_t)
    return (-(x_t[:, None] - alpha * p) ** 2 / (2 * sigma**2)).softmax(-1) @ p

def score(x_t, alpha, sigma):
    return (alpha * denoised(x_t, alpha, sigma) - x_t) / sigma**2
""",
            "points away from the data": """
def denoised(x_t, alpha, sigma):
    p, w = torch.tensor(points).to(x_t), torch.tensor(weights).to(x_t)
    return (w.log() - (x_t[:, None] - alpha * p) ** 2 / (2 * sigma**2)).softmax(-1) @ p

def score(x_t, alpha, sigma):
    return (x_t - alpha * denoised(x_t, alpha, sigma)) / sigma**2
""",
        },
    },
    "ex-20-weights": {
        "other": """
from ganvae_lib import distributions

mine = distributions.NoisePath("mine", lambda t: (1 - t) ** a, lambda t: t**b, lambda t: -a * (1 - t) ** (a - 1),
                          lambda t: b * t ** (b - 1), "", "")

def noise(t):
    return mine.snr(t)

def velocity(t):
    return (mine.alpha(t) * mine.log_snr_rate(t) / 2) ** 2

def bound(t):
    return -mine.snr(t) * mine.log_snr_rate(t) / 2
""",
        "independent": """
def snr(t):
    return (1 - t) ** (2 * a) / t ** (2 * b)

def noise(t):
    return snr(t)

def velocity(t):  # alpha' x + sigma' eps, with eps = (x_t - alpha x) / sigma: the factor of x is alpha' - alpha sigma' / sigma
    of_x = -a * (1 - t) ** (a - 1) - (1 - t) ** a * b / t
    return of_x**2

def bound(t):  # log SNR = 2a log(1-t) - 2b log t
    return snr(t) * (a / (1 - t) + b / t)
""",
        "wrong": {
            "a ratio of squares": """
noise = lambda t: (1 - t) ** a / t**b
velocity = bound = noise
""",
            "the weight is positive": """
noise = lambda t: (1 - t) ** (2 * a) / t ** (2 * b)
velocity = lambda t: (-a * (1 - t) ** (a - 1) - b * t ** (b - 1) * (1 - t) ** a / t**b) ** 2
bound = lambda t: -noise(t) * (a / (1 - t) + b / t)
""",
        },
    },
    "ex-20-width": {
        "other": """
def price(gap, error, ratio):  # q has variance 1, and its mean is off by the root of gap * error
    far = torch.tensor(gap * error).double().sqrt()
    q, p = torch.distributions.Normal(far, 1.0), torch.distributions.Normal(0.0, ratio**0.5)
    return torch.distributions.kl_divergence(q, p)

def best(gap, error):
    grid = torch.linspace(1, 2 + 2 * gap * error, 200_001, dtype=torch.float64)
    return grid[(grid.log() + (1 + gap * error) / grid).argmin()]
""",
        "independent": """
def price(gap, error, ratio):
    return (math.log(ratio) + (1 + gap * error) / ratio - 1) / 2

def best(gap, error):
    return 1 + gap * error
""",
        "wrong": {
            "both variances count": """
price = lambda gap, error, ratio: gap * error / (2 * ratio)
best = lambda gap, error: 1 + gap * error
""",
            "the variance of q is there as well": """
price = lambda gap, error, ratio: (math.log(ratio) + (1 + gap * error) / ratio - 1) / 2
best = lambda gap, error: gap * error
""",
        },
    },
    "ex-20-gaussian": {
        "other": """
depends = "not at all"

def price(T):  # the formula of the chapter, term by term
    snr = torch.linspace(math.log(snr_first), math.log(snr_last), int(T) + 1, dtype=torch.float64).exp()
    mmse = s**2 / (1 + s**2 * snr[1:])
    steps = torch.log1p((snr[:-1] - snr[1:]) * mmse).sum() / 2
    variance = (snr[-1] * s**2 + 1) / (1 + snr[-1])
    end = (variance - 1 - variance.log()) / 2
    return end - ((1 + s**2 * snr[0]) / (1 + s**2 * snr[-1])).log() / 2 + steps
""",
        "independent": """
depends = "not at all"

def price(T):
    total, log_step = 0.0, math.log(snr_first / snr_last) / T
    variance_end = (snr_last * s**2 + 1) / (snr_last + 1)  # alpha^2 = snr / (1 + snr)
    total += (variance_end - 1 - math.log(variance_end)) / 2
    total -= (math.log(1 + snr_first * s**2) - math.log(1 + snr_last * s**2)) / 2
    for k in range(T):  # from the last time to the first
        late = snr_last * math.exp(k * log_step)
        early = snr_last * math.exp((k + 1) * log_step)
        mmse = s**2 / (1 + late * s**2)
        total += math.log(1 + (early - late) * mmse) / 2
    return total
""",
        "wrong": {
            "write out one term of the sum": """
depends = "falls"
price = lambda T: 1 / T
""",
            "the end is missing": """
depends = "not at all"
price = lambda T: 0.0
""",
        },
    },
    "ex-20-rates": {
        "other": """
def kl(t, forward):
    alpha, sigma = torch.cos(math.pi * t / 2), torch.sin(math.pi * t / 2)
    d = torch.distributions.Normal(0 * t, (alpha**2 + sigma**2).sqrt())
    g = torch.distributions.Normal(alpha * mean, ((alpha * std) ** 2 + sigma**2).sqrt())
    return torch.distributions.kl_divergence(*((d, g) if forward else (g, d)))

def falls(t, forward):
    return -torch.func.grad(lambda t: kl(t, forward))(torch.tensor(float(t), dtype=torch.float64))

forward = lambda t: falls(t, True)
reverse = lambda t: falls(t, False)
""",
        "independent": """
def pieces(t):
    alpha, sigma = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
    slope_alpha, slope_sigma = -math.pi / 2 * sigma, math.pi / 2 * alpha
    gamma = 2 * sigma * (slope_sigma - sigma * slope_alpha / alpha)
    return alpha, gamma, (alpha * std) ** 2 + sigma**2

def forward(t):
    alpha, gamma, width = pieces(t)
    # the scores: -z and -(z - alpha mean) / width; z ~ N(0, 1)
    return gamma / 2 * ((1 / width - 1) ** 2 + (alpha * mean / width) ** 2)

def reverse(t):
    alpha, gamma, width = pieces(t)
    # z = alpha mean + sqrt(width) e: the difference is -z + e / sqrt(width)
    return gamma / 2 * ((alpha * mean) ** 2 + (1 / width**0.5 - width**0.5) ** 2)
""",
        "wrong": {
            "whose noisy samples are asked": """
def both(t):
    alpha, sigma = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
    v, m, gamma = (alpha * std) ** 2 + sigma**2, alpha * mean, math.pi * sigma / alpha
    return gamma / 2 * ((1 / v - 1) ** 2 + (m / v) ** 2), gamma / 2 * ((1 / v - 1) ** 2 * v + m**2)

forward, reverse = lambda t: both(t)[1], lambda t: both(t)[0]
""",
            "half of gamma": """
def forward(t):
    alpha, sigma = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
    v, m, gamma = (alpha * std) ** 2 + sigma**2, alpha * mean, math.pi * sigma / alpha
    return gamma * ((1 / v - 1) ** 2 + (m / v) ** 2)

reverse = forward
""",
        },
    },
    "ex-20-distil": {
        "other": """
def gradient(theta, z, epsilon, alpha, sigma):
    theta = theta.detach().double().requires_grad_()
    x = alpha * (theta[0] + theta[1] * z.double()) + sigma * epsilon.double()
    frozen = theta.detach()
    g = torch.distributions.Normal(alpha * frozen[0], ((alpha * frozen[1]) ** 2 + sigma**2).sqrt())
    d = torch.distributions.Normal(alpha * mean, ((alpha * std) ** 2 + sigma**2) ** 0.5)
    return torch.autograd.grad((g.log_prob(x) - d.log_prob(x)).mean(), theta)[0]
""",
        "independent": """
def gradient(theta, z, epsilon, alpha, sigma):
    made = theta[0] + theta[1] * z
    noised = alpha * made + sigma * epsilon
    of_model = -(noised - alpha * theta[0]) / (alpha**2 * theta[1] ** 2 + sigma**2)
    of_data = -(noised - alpha * mean) / (alpha**2 * std**2 + sigma**2)
    pull = alpha * (of_model - of_data)
    return torch.stack([pull.mean(), (pull * z).mean()])
""",
        "wrong": {
            "leads away from the data": """
def gradient(theta, z, epsilon, alpha, sigma):
    x = alpha * (theta[0] + theta[1] * z) + sigma * epsilon
    gap = (x - alpha * theta[0]) / ((alpha * theta[1]) ** 2 + sigma**2) - (x - alpha * mean) / ((alpha * std) ** 2 + sigma**2)
    return alpha * torch.stack([gap.mean(), (gap * z).mean()])
""",
            "the factor alpha is missing": """
def gradient(theta, z, epsilon, alpha, sigma):
    x = alpha * (theta[0] + theta[1] * z) + sigma * epsilon
    gap = (x - alpha * mean) / ((alpha * std) ** 2 + sigma**2) - (x - alpha * theta[0]) / ((alpha * theta[1]) ** 2 + sigma**2)
    return torch.stack([gap.mean(), (gap * z).mean()])
""",
        },
    },
    "ex-20-links": {
        "other": """
from ganvae_lib import LINKS

def weight(r, name):
    t = r.double().log().requires_grad_()
    return -torch.autograd.grad(LINKS[name].generator(t).sum(), t)[0]

needs = [name for name in ("KL", "minimax", "reverse KL", "non-saturating") if name != "reverse KL"]
""",
        "independent": """
def weight(r, name):  # D = r / (1 + r) = sigmoid(t); w = -l'(t)
    if name == "minimax":  # l = log(1 - D) = -softplus(t)
        return r / (1 + r)
    if name == "non-saturating":  # l = -log D = softplus(-t)
        return 1 / (1 + r)
    if name == "KL":  # l = -exp(t)
        return r
    return torch.ones_like(r)

needs = ["minimax", "non-saturating", "KL"]
""",
        "wrong": {
            "mind the sign": """
weight = lambda r, name: {"minimax": -r / (1 + r), "non-saturating": -1 / (1 + r), "KL": -r, "reverse KL": -r**0}[name]
needs = ["minimax", "non-saturating", "KL"]
""",
            "at least one is missing": """
weight = lambda r, name: {"minimax": r / (1 + r), "non-saturating": 1 / (1 + r), "KL": r, "reverse KL": r**0}[name]
needs = ["minimax", "KL"]
""",
        },
    },
    "ex-20-euler": {
        "other": """
from ganvae_lib import distributions

makes = "too narrow"

def width(N):
    world = torch.tensor(1.0, dtype=torch.float64)
    path, h = distributions.PATHS["linear"], 1 / int(N)
    for k in range(int(N)):
        t = torch.tensor(1 - k * h, dtype=torch.float64)
        clean = path.alpha(t) * s**2 / (path.alpha(t) ** 2 * s**2 + path.sigma(t) ** 2)  # E[x | x_t = 1]
        world = world * (1 - h * ((1 - path.alpha(t) * clean) / path.sigma(t) - clean))
    return world
""",
        "independent": """
makes = "too narrow"

def width(N):
    out = 1.0
    for k in range(N):
        t = 1 - k / N
        variance = (1 - t) ** 2 * s**2 + t**2
        # u = E[eps - x | x_t] = x_t (t - (1 - t) s^2) / variance
        out *= 1 - (t - (1 - t) * s**2) / (variance * N)
    return abs(out)
""",
        "wrong": {
            "the tangent aims at the mean": """
makes = "too wide"
width = lambda N: s
""",
            "which few steps do not reach": """
makes = "too narrow"
width = lambda N: s
""",
        },
    },
    "ex-20-saving": {
        "other": """
w, q, p = (torch.tensor(v).double() for v in (weights, encoder, prior))
joint = w[:, None] * q
best = joint.sum(0).tolist()
left = float((joint * (joint / (joint.sum(0) * w[:, None])).log()).sum())  # the mutual information of x and z
saved = float((joint * (q / p).log()).sum()) - left
""",
        "independent": """
p = torch.tensor(weights)
q = torch.tensor(encoder)
best = p @ q
entropy = lambda law: -(law * law.log()).sum(-1)
left = entropy(best) - p @ entropy(q)
with_given = p @ -(q * torch.tensor(prior).log()).sum(-1) - p @ entropy(q)
saved = with_given - left
""",
        "wrong": {
            "the examples have weights": """
best = torch.tensor(encoder).mean(0)
saved, left = 0.1, 0.1
""",
            "no prior saves it": """
w, q, p = (torch.tensor(v).double() for v in (weights, encoder, prior))
best = w @ q
saved = float(w @ (q * (q / p).log()).sum(-1))
left = 0.0
""",
            "this is what is saved": """
w, q, p = (torch.tensor(v).double() for v in (weights, encoder, prior))
best = w @ q
saved = left = float((best * (best / p).log()).sum())
""",
        },
    },
    "ex-20-straight": {
        "other": """
def parts(a, x):
    a = torch.tensor(float(a), dtype=torch.float64, requires_grad=True)
    book = torch.tensor(entries, dtype=torch.float64, requires_grad=True)
    said = a * x.double()
    z = book[(said[:, None] - book).abs().argmin(-1)]
    through = said + (z - said).detach()  # the value of z, the gradient of said
    miss = (x.double() - w * through) ** 2 / (2 * std**2) + beta * (said - z.detach()) ** 2
    return a, book, miss.mean(), ((said.detach() - z) ** 2).mean()

def to_encoder(a, x):
    a, _, loss, _ = parts(a, x)
    return torch.autograd.grad(loss, a)[0]

def to_entries(a, x):
    _, book, _, apart = parts(a, x)
    return torch.autograd.grad(apart, book)[0]
""",
        "independent": """
def nearest(e):
    places = [min(range(4), key=lambda k: abs(entries[k] - one)) for one in e.tolist()]
    return torch.tensor(places)


def to_encoder(a, x):
    z = torch.tensor(entries)[nearest(a * x)]
    of_decoder = -w * (x - w * z) / std**2
    of_commitment = 2 * beta * (a * x - z)
    return ((of_decoder + of_commitment) * x).mean()


def to_entries(a, x):
    e, k = a * x, nearest(a * x)
    each = [2 * (entries[j] * (k == j).sum() - e[k == j].sum()) / len(x) for j in range(4)]
    return torch.stack(each)
""",
        "wrong": {
            "taken at the entry, not at what the encoder says": """
def to_encoder(a, x):
    book = torch.tensor(entries).to(x)
    e = a * x
    z = book[(e[:, None] - book).abs().argmin(-1)]
    return (x * (-w * (x - w * e) / std**2 + 2 * beta * (e - z))).mean()

to_entries = lambda a, x: torch.zeros(4)
""",
            "this is the commitment alone": """
def to_encoder(a, x):
    book = torch.tensor(entries).to(x)
    e = a * x
    z = book[(e[:, None] - book).abs().argmin(-1)]
    return (x * 2 * beta * (e - z)).mean()

to_entries = lambda a, x: torch.zeros(4)
""",
            "none to the entries": """
def chosen(a, x):
    book = torch.tensor(entries).to(x)
    e = a * x
    k = (e[:, None] - book).abs().argmin(-1)
    return e, book[k], torch.nn.functional.one_hot(k, 4).to(x)

def to_encoder(a, x):
    e, z, _ = chosen(a, x)
    return (x * (-w * (x - w * z) / std**2 + 2 * beta * (e - z))).mean()

def to_entries(a, x):
    e, z, which = chosen(a, x)
    return (2 * (z - e) - w * (x - w * z) / std**2) @ which / len(x)
""",
        },
    },
    "ex-20-shrink": {
        "other": """
goes = "to a point"

def error(s):  # the noise is (x_t - alpha z) / sigma, and z is told with the error of Tweedie's denoiser
    errors = []
    for r in snr:
        alpha, sigma = math.sqrt(r / (1 + r)), math.sqrt(1 / (1 + r))
        share = alpha * s**2 / (alpha**2 * s**2 + sigma**2)  # E[z | x_t] = share x_t
        errors.append((alpha / sigma) ** 2 * ((1 - share * alpha) ** 2 * s**2 + share**2 * sigma**2))
    return sum(errors) / len(errors)

def price(s):  # an average over what the encoder says, by Gauss and Hermite
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    q_of = lambda m: torch.distributions.Normal(torch.tensor(s * m).double(), torch.tensor(s * tau).double())
    every = torch.distributions.Normal(torch.tensor(0.0).double(), torch.tensor(float(s)).double())
    means = nodes * math.sqrt(1 - tau**2)
    kls = [float(torch.distributions.kl_divergence(q_of(m), every)) for m in means]
    return float((weights / weights.sum()) @ np.array(kls))

import numpy as np
""",
        "independent": """
goes = "to a point"


def error(s):
    # epsilon and z_t = alpha z + sigma epsilon are jointly Gaussian: what remains is 1 - correlation^2
    return sum(1 - 1 / (1 + r * s**2) for r in snr) / len(snr)


def price(s):
    # the entropy of all codes less that of the codes of one example
    entropy = lambda std: 0.5 * math.log(2 * math.pi * math.e * std**2)
    return entropy(s) - entropy(s * tau)
""",
        "wrong": {
            "see on which side it is easy": """
goes = "apart"
error = price = lambda s: s
""",
            "the SNR stands before it": """
goes = "to a point"
error = lambda s: sum(s**2 / (1 + s**2 * r) for r in snr) / len(snr)
price = lambda s: 0.0
""",
            "the best prior is as wide as all codes": """
goes = "to a point"
error = lambda s: sum(s**2 * r / (1 + s**2 * r) for r in snr) / len(snr)
price = lambda s: (s**2 - 1) / 2 - math.log(s * tau)
""",
        },
    },
}
