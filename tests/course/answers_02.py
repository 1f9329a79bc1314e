"""Answers to the exercises of chapter 02: another right one, by another way than the solution, and typical wrong ones.

The independent ones were written from the student's notebook, by somebody who had seen neither solution nor judge.
"""

MOMENTS = """
draws = sum(w * m for w, m in zip(weights, means, strict=True))
mean = draws
square = sum(w * (m**2 + s**2) for w, m, s in zip(weights, means, stds, strict=True))
std = math.sqrt(square - mean**2)
share = 1 - sum(w * s**2 for w, s in zip(weights, stds, strict=True)) / std**2
"""

LAPLACE = """
def cdf(x):
    return sum(w * (1 + math.erf((x - m) / s / math.sqrt(2))) / 2 for w, m, s in zip(weights, means, stds, strict=True))

low, high = -20.0, 20.0
for _ in range(60):
    mu = (low + high) / 2
    low, high = (mu, high) if cdf(mu) < 0.5 else (low, mu)

b = 0.0  # of a Gaussian, E|x - mu| is known
for w, m, s in zip(weights, means, stds, strict=True):
    d = m - mu
    b += w * (s * math.sqrt(2 / math.pi) * math.exp(-(d**2) / (2 * s**2)) + d * math.erf(d / s / math.sqrt(2)))
"""

LAPLACE_MEAN = (
    LAPLACE
    + """
mean = sum(w * m for w, m in zip(weights, means, strict=True))
std = math.sqrt(sum(w * (m**2 + s**2) for w, m, s in zip(weights, means, stds, strict=True)) - mean**2)
"""
)

CURVATURE = """
v = 1.0
for _ in range(200):
    v = (v + 1 / (3 * a * v + c)) / 2  # the fixed point of the lemma's second equation
reverse = v

x = [i / 500 for i in range(-5000, 5001)]
d = [math.exp(-a * t**4 / 4 - c * t**2 / 2) for t in x]
forward = sum(p * t**2 for p, t in zip(d, x, strict=True)) / sum(d)
"""

LOST = """
w = max(weights)
kept = weights.index(w)
reverse = -math.log(w)
u = w
js = 0.5 * math.log(2 / (1 + u)) + 0.5 * w * math.log(2 * w / (1 + w)) + 0.5 * (1 - w) * math.log(2)
forward = "grows"
"""

JS = """
def js(a, b, weight):
    total = 0.0
    for p, q in zip(a.tolist(), b.tolist(), strict=True):
        m = weight * p + (1 - weight) * q
        if p:
            total += weight * p * math.log(p / m)
        if q:
            total += (1 - weight) * q * math.log(q / m)
    return total

most = js(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), weight)
"""

HELLINGER = """
f = lambda u: (math.sqrt(u) - 1) ** 2
missed, invented = f(1e14) / 1e14, f(0)

def cost(w):
    return f(w) + (1 - w) * missed

loses = missed < math.inf
"""

POWER = """
f = lambda a, u: (u**a - 1 - a * (u - 1)) / (a * (a - 1))

def missed(a):
    return -a / (a * (a - 1))

def invented(a):
    return f(a, 0.0)

def cost(a, w):
    return f(a, w) + (1 - w) * missed(a)

lets_go = torch.tensor([f(a, 1e40) / 1e40 < 1e3 for a in powers])
"""

INTERVAL = """
def forward(log_d, log_p):
    terms = [float(x) for x in log_d - log_p]
    n = len(terms)
    mean = sum(terms) / n
    variance = sum((t - mean) ** 2 for t in terms) / n
    return [mean, 1.97 * math.sqrt(variance / n)]

def reverse(log_d, log_p):
    weights = (log_p - log_d).softmax(0)
    return float((weights * (log_p - log_d)).sum())

needed = math.ceil(samples * half**2 * 10_000)
"""

CROSS = """
x = torch.linspace(-16, 16, 321, dtype=torch.float64)
bell = lambda m, v: -((x - m) / v.exp()) ** 2 / 2 - v - math.log(2 * math.pi) / 2
kl = lambda p, q: ((p.exp() * (p - q)).sum() + (q.exp() - p.exp()).sum()) * (x[1] - x[0])

def divergence(name, p, d):
    m = torch.logaddexp(p, d) - math.log(2)
    return {"r": kl(p, d), "j": kl(p, m) / 2 + kl(d, m) / 2, "n": 2 * kl(m, d)}[name]

def depth(name, gap, start):
    d = torch.stack([math.log(p) + bell(m, torch.tensor(s).log()) for p, m, s in
                     ((weight, -gap / 2, 0.7), (1 - weight, gap / 2, 1.0))]).logsumexp(0)
    v = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([v], lr=0.5, max_iter=60, tolerance_grad=1e-8, line_search_fn="strong_wolfe")

    def again():
        loss = divergence(name, bell(*v), d)
        v.grad, = torch.autograd.grad(loss, v)
        return loss

    search.step(again)
    return float(divergence(name, bell(*v.detach()), d))

def bisect(name, low, high, wide):
    for _ in range(5):
        gap = (low + high) / 2
        deeper = depth(name, gap, wide) < depth(name, gap, (gap / 2, 0.0))
        low, high = (gap, high) if deeper else (low, gap)
    return (low + high) / 2 * stds[1]

jensen_shannon = bisect("j", 5.4, 5.65, (1.0, 1.0))
reverse = bisect("r", 4.15, 4.3, (1.1, 0.7))
non_saturating = bisect("n", 3.56, 3.62, (1.1, 0.6))
"""

RICH = """
forward = reverse = 0
left, right = zip(means, stds, strict=True)
theta = [right[0], left[0], right[1], left[1], weights[1]]  # the components have no order
stuck = math.log(1 / weights[1])
"""

ANSWERS = {
    "ex-02-moments": {
        "other": MOMENTS,
        "wrong": {
            "this is the variance": MOMENTS.replace("math.sqrt(square - mean**2)", "square - mean**2"),
            "about their common mean is missing": MOMENTS
            + "std = sum(w * s**2 for w, s in zip(weights, stds, strict=True)) ** 0.5",
            "the share from within": MOMENTS + "share = 1 - share",
            "the square of the mean is not taken off": MOMENTS.replace("square - mean**2", "square"),
        },
    },
    "ex-02-laplace": {
        "other": LAPLACE,
        "wrong": {
            "this is the mean, which a Gaussian": LAPLACE_MEAN + "mu = mean",
            "the standard deviation about the mean": LAPLACE_MEAN + "b = std",
            "this matches the variance": LAPLACE_MEAN + "b = std / math.sqrt(2)",
        },
    },
    "ex-02-curvature": {
        "other": CURVATURE,
        "wrong": {
            "the curvature at the mode only": CURVATURE + "reverse = 1 / c",
            "this is what reverse KL fits": CURVATURE + "forward = reverse",
            "the fourth power is missing a factor": CURVATURE.replace("3 * a * v", "a * v"),
        },
    },
    "ex-02-lost": {
        "other": LOST,
        "wrong": {
            "another mode costs reverse KL less": LOST.replace("weights.index(w)", "weights.index(min(weights))"),
            "per data that are lost": LOST.replace("reverse = -math.log(w)", "reverse = -math.log(1 - w)"),
            "the halves of the definition": LOST + "js = 2 * js",
            "the missed data are not paid": LOST.replace("+ 0.5 * (1 - w) * math.log(2)", ""),
            "has no bound in forward KL": LOST.replace("grows", "settles"),
        },
    },
    "ex-02-js": {
        "other": JS,
        "wrong": {
            "the weight is missing": """
def js(a, b, weight):
    m = (a + b) / 2
    return (torch.xlogy(a, a / m).nansum() + torch.xlogy(b, b / m).nansum()) / 2

most = math.log(2)
""",
            "0 log 0 counts as 0": """
def js(a, b, weight):
    m = weight * a + (1 - weight) * b
    return (weight * a * (a / m).log() + (1 - weight) * b * (b / m).log()).sum()

most = 0
""",
            "it must stand second": """
def js(a, b, weight):
    m = weight * a + (1 - weight) * b
    return (weight * m * (m / a).log() + (1 - weight) * m * (m / b).log()).sum()

most = 0
""",
            "the divergence with two halves": JS + "most = math.log(2)",
        },
    },
    "ex-02-hellinger": {
        "other": HELLINGER,
        "wrong": {
            "the missed data are not paid": HELLINGER.replace(" + (1 - w) * missed", ""),
            "the weight 1 - w, not w": HELLINGER.replace("(1 - w) * missed", "w * missed"),
            "its price of missed data is bounded": HELLINGER + "loses = False",
        },
    },
    "ex-02-power": {
        "other": POWER,
        "wrong": {
            "missed: this is the price of invented data": POWER.replace("-a / (a * (a - 1))", "1 / a"),
            "f(u)/u does not go to 0": POWER.replace("-a / (a * (a - 1))", "0"),
            "the term with u - 1 counts too at u = 0": POWER.replace("return f(a, 0.0)", "return -1 / (a * (a - 1))"),
            "cost: the missed data are not paid": POWER.replace(" + (1 - w) * missed(a)", ""),
            "what does f(u)/u do": POWER + "lets_go = [0 < a < 1 for a in powers]",
        },
    },
    "ex-02-interval": {
        "other": INTERVAL,
        "wrong": {
            "the sign the wrong way round": INTERVAL.replace("in log_d - log_p", "in log_p - log_d"),
            "one standard error": INTERVAL.replace("1.97 * ", ""),
            "each must be weighted by p/d": INTERVAL.replace("(log_p - log_d).softmax(0)", "1 / len(log_d)"),
            "falls with the root of the number": INTERVAL.replace("half**2 * 10_000", "half * 100"),
        },
    },
    "ex-02-cross": {
        "other": CROSS,
        "wrong": {
            "jensen_shannon: this is where reverse KL lets go": "jensen_shannon = reverse = 4.22\nnon_saturating = 3.59",
            "jensen_shannon: this is half the distance": "jensen_shannon = 2.764\nreverse = 4.22\nnon_saturating = 3.59",
        },
    },
    "ex-02-rich": {
        "other": RICH,
        "wrong": {
            "a single Gaussian leaves": RICH + "forward = 0.3347",
            "the logarithms of the standard deviations": RICH
            + "theta = [*means, math.log(stds[0]), math.log(stds[1]), weights[0]]",
            "the weight is that of the second": RICH + "theta = [*means, *stds, weights[1]]",
            "the price of keeping the left mode": RICH + "stuck = -math.log(weights[0])",
        },
    },
}


INDEPENDENT = {
    "ex-02-moments": """
mean = sum(w * m for w, m in zip(weights, means))
within = sum(w * s**2 for w, s in zip(weights, stds))
between = sum(w * (m - mean) ** 2 for w, m in zip(weights, means))
std = math.sqrt(within + between)
share = between / (within + between)
""",
    "ex-02-laplace": """
def below(x):
    return sum(w * (1 + math.erf((x - m) / (s * math.sqrt(2)))) / 2 for w, m, s in zip(weights, means, stds))


low, high = min(means) - 10 * max(stds), max(means) + 10 * max(stds)
for _ in range(100):
    mu = (low + high) / 2
    low, high = (mu, high) if below(mu) < 0.5 else (low, mu)


def distance(m, s):  # E|y| of y ~ N(m, s^2)
    return s * math.sqrt(2 / math.pi) * math.exp(-(m**2) / (2 * s**2)) + m * math.erf(m / (s * math.sqrt(2)))


b = sum(w * distance(m - mu, s) for w, m, s in zip(weights, means, stds))
""",
    "ex-02-curvature": """
# -l'' = 3 a x^2 + c, so 1/v = 3 a v + c
reverse = (-c + math.sqrt(c**2 + 12 * a)) / (6 * a)
grid = torch.linspace(-8, 8, 20001, dtype=torch.float64)
shape = torch.exp(-a * grid**4 / 4 - c * grid**2 / 2)
forward = float((shape * grid**2).sum() / shape.sum())
""",
    "ex-02-lost": """
w = max(weights)
kept = weights.index(w)
reverse = -math.log(w)
js = (w * math.log(2 * w / (1 + w)) + (1 - w) * math.log(2) + math.log(2 / (1 + w))) / 2
forward = "grows"
""",
    "ex-02-js": """
def js(a, b, weight):
    m = weight * a + (1 - weight) * b
    total = 0.0
    for share, p in ((weight, a), (1 - weight, b)):
        here = p > 0
        total = total + share * (p[here] * torch.log(p[here] / m[here])).sum()
    return total


most = -weight * math.log(weight) - (1 - weight) * math.log(1 - weight)
""",
    "ex-02-hellinger": """
missed = 1
invented = 1


def cost(w):
    return 2 - 2 * w**0.5


loses = True
""",
    "ex-02-power": """
def missed(a):
    return 1 / (1 - a)


def invented(a):
    return 1 / a


def cost(a, w):
    return (w**a - 1 - a * (w - 1)) / (a * (a - 1)) + (1 - w) / (1 - a)


lets_go = [a < 1 for a in powers]
""",
    "ex-02-interval": """
def forward(log_d, log_p):
    terms = log_d - log_p
    return torch.stack([terms.mean(), 1.96 * terms.std() / math.sqrt(len(terms))])


def reverse(log_d, log_p):
    terms = log_p - log_d  # E_p[log p/d] = E_d[p/d log p/d]
    return (terms.exp() * terms).mean()


needed = samples * (half / 0.01) ** 2
""",
    "ex-02-cross": """
space = exact.line(-30, 30, 1201)
unit = sum(stds) / 2  # all lengths in this unit: no divergence changes


def real(value):
    return torch.tensor(value, dtype=torch.float64)


def normal(m, log_s):
    return -(((space.points - m) / log_s.exp()) ** 2) / 2 - log_s - math.log(2 * math.pi) / 2


def valley(kind, gap, start):
    left, right = (normal(side * gap / 2, real(s / unit).log()) for side, s in zip((-1, 1), stds))
    d = torch.logaddexp(math.log(weight) + left, math.log(1 - weight) + right)

    def value(theta):
        p = normal(theta[0], theta[1])
        if kind == "js":
            return space.js(p, d)
        if kind == "reverse":
            return space.kl(p, d)
        return 2 * space.kl(torch.logaddexp(p, d) - math.log(2), d)

    return exact.minimise(value, start)


def crossing(kind):
    gap, step, wide = 2.0, 0.2, real([0.3, 0.3])
    while step > 1e-3:  # follow the wide valley as long as it is the deeper one, with ever smaller steps
        new, high = valley(kind, gap + step, wide)
        _, low = valley(kind, gap + step, [gap / 2, math.log(stds[1] / unit)])
        gone = gap > 2 and abs(new[1] - wide[1]) > 0.15  # the descent fell into the other valley
        if high - low > 1e-7 or gone:
            step = step / 2
        else:
            gap, wide = gap + step, new
    return (gap + step) * unit


jensen_shannon, reverse, non_saturating = (crossing(kind) for kind in ("js", "reverse", "ns"))
""",
    "ex-02-rich": """
forward = 0.0
reverse = 0.0
theta = [*means, *stds, weights[0]]
stuck = -math.log(weights[means.index(max(means))])
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
