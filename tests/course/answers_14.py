"""Answers to the exercises of chapter 14: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

TOOLS = """
usable = ["rejection"]
if "gradient of samples" not in taken:
    usable += ["Adversary", "MMD", "Summaries"]
if "model's density" not in taken:
    usable += ["Likelihood"] + ([] if "target's density" in taken else ["KL"])
"""

ACCURACY = """
real = [a > b for a, b in zip(d, g)]
accuracy = sum(max(a, b) for a, b in zip(d, g)) / 2
kl = sum(a * math.log(a) - a * math.log(b) for a, b in zip(d, g))
"""

WHERE = """
line = torch.linspace(-9, 9, 8001, dtype=torch.float64)
N = torch.distributions.Normal
log_d = torch.stack([math.log(w) + N(m, s).log_prob(line) for w, m, s in zip(weights, means, deviations)]).logsumexp(0)
d = log_d.exp()
mean = torch.trapezoid(d * line, line)
width = torch.trapezoid(d * (line - mean) ** 2, line) ** 0.5
costs = []
for m, s in zip(means, deviations):
    g = N(m, s).log_prob(line)
    costs.append(float(torch.trapezoid(g.exp() * (g - log_d), line)))
nats = min(costs)
mode = costs.index(nats)
"""

MIRROR = """
def mirror(terms):
    found = []
    for kind, space, players in reversed(terms):
        if space == "features":
            found.append((kind, space, players))
            continue
        if space != "xz":
            space = "".join({"x": "z", "z": "x"}.get(letter, letter) for letter in space)
        found.append((kind, space, tuple({"theta": "eta", "eta": "theta", "phi": "phi"}[p] for p in players)))
    return found

key = lambda terms: {(k, s, frozenset(p)) for k, s, p in terms}
own = key(terms) == key(mirror(terms))
"""

UNBIASED = """
def estimate(a, b, w):
    n, k = len(a), lambda u, v: math.exp(-((u - v) ** 2) / (2 * w))
    total = 0.0
    for i in range(n):
        for j in range(n):
            total -= 2 * k(a[i], b[j]) / n**2
            if i != j:
                total += (k(a[i], a[j]) + k(b[i], b[j])) / (n * (n - 1))
    return total

line = torch.linspace(-15, 15, 6001, dtype=torch.float64)
density = torch.distributions.Normal(0.0, math.sqrt(2)).log_prob(line).exp()  # of a - a'
excess = 2 / n * torch.trapezoid(density * (1 - (-(line**2) / (2 * w)).exp()), line)
"""

SHARE = """
line = torch.linspace(-15, 15, 6001, dtype=torch.float64)
prior = torch.distributions.Normal(0.0, tau).log_prob(line)

def share(epsilon):
    z = lambda end: torch.special.ndtr((observed + end - line) * n**0.5)
    return torch.trapezoid(prior.exp() * (z(epsilon) - z(-epsilon)), line)

post = prior + torch.distributions.Normal(line, n**-0.5).log_prob(torch.tensor(observed))
post = post.softmax(0)
centre = (post * line).sum()
deviation = (post * (line - centre) ** 2).sum().sqrt()
cost = math.prod([10] * summaries)
"""

SHRINK = """
loss = lambda u: (u - v) ** 2 + (u / n + 2 * u**2 / (n - 1))
grid = torch.linspace(0.01, 4, 400_001, dtype=torch.float64)
variance = grid[loss(grid).argmin()]
direction = "narrower" if variance < v else "wider"
draws = torch.Generator().manual_seed(0)
fourth = 3 * v**2
apart = 2 * (v / n + (fourth - (n - 3) / (n - 1) * v**2) / n)
"""

MIRRORS = """
kinds = [(back_x, back_z, of_x, of_z) for back_x in (0, 1) for back_z in (0, 1)
         for of_x in (None, *tools) for of_z in (None, *tools)]
kinds.remove((0, 0, None, None))
sums = len(kinds)
selves = [k for k in kinds if k[0] == k[1] and k[2] == k[3]]
named = 1 if "Adversary" in tools else 0  # CycleGAN
selves = len(selves)
"""

ENERGY = """
def feature(a, c):
    return torch.sign(c - a[:, None]) / 2 + 1

energy = 0.0
for x, a, b in zip(places, p, q):
    for y, other_a, other_b in zip(places, p, q):
        energy -= (a - b) * (other_a - other_b) * abs(x - y)
"""

MAXIMUM = """
top, n = max(seen), len(seen)
moment = lambda k: (10 ** (k + 1 - n) - top ** (k + 1 - n)) / (k + 1 - n)  # of theta^(k - 20) from top to 10
centre = moment(1) / moment(0)
width = math.sqrt(moment(2) / moment(0) - centre**2)
draws = torch.Generator().manual_seed(5)
theta = 10 * torch.rand(40_000, generator=draws)
made = theta[:, None] * torch.rand(40_000, 20, generator=draws)
nearest = lambda s, target: theta[(s - target).abs().argsort()[:200]]
by_maximum = nearest(made.amax(1), top)
by_mean = nearest(made.mean(1), sum(seen) / n)
"""

VALLEY = """
def mmd(m1, v1, m2, v2, w):
    line = torch.linspace(-40, 40, 16_001, dtype=torch.float64)
    blur = lambda m, v: torch.distributions.Normal(m, (v + w / 2) ** 0.5).log_prob(line).exp()
    return (2 * math.pi * w) ** 0.5 * torch.trapezoid((blur(m1, v1) - blur(m2, v2)) ** 2, line)

f = lambda gap, s, w: math.sqrt(w / (w + s)) * math.exp(-(gap**2) / (2 * (w + s)))
at = lambda gap, w: f(0, 2 * v[0], w) + f(0, 2 * v[1], w) - 2 * f(gap, v[0] + v[1], w)
steep = 1e5 * at(m[0] - m[1], 1e5)
flat = 1e8 * at(0.0, 1e4)
"""

ANSWERS = {
    "ex-14-tools": {
        "other": TOOLS,
        "independent": """
asks = {
    "KL": {"target's density", "model's density"},
    "Likelihood": {"model's density"},
    "Adversary": {"gradient of samples"},
    "MMD": {"gradient of samples"},
    "Summaries": {"gradient of samples"},
    "rejection": set(),
}
usable = [tool for tool, needs in asks.items() if not needs & set(taken)]
""",
        "wrong": {
            "KL cannot do without the target's density": TOOLS + "usable.append('KL')",
            "MMD cannot do without the gradient of samples": TOOLS + "usable.append('MMD')",
            "with which nobody descends anything": TOOLS + "usable.remove('rejection')",
            "asks for none of what was taken": TOOLS + "usable.remove('Likelihood')",
            "there is no tool 'GAN'": TOOLS + "usable.append('GAN')",
        },
    },
    "ex-14-accuracy": {
        "other": ACCURACY,
        "independent": """
real = [d_x > g_x for d_x, g_x in zip(d, g)]
accuracy = sum(max(d_x, g_x) for d_x, g_x in zip(d, g)) / 2
kl = sum(d_x * math.log(d_x / g_x) for d_x, g_x in zip(d, g))
""",
        "wrong": {
            "more likely to be made": ACCURACY.replace("a > b", "a < b"),
            "chance alone has one half": ACCURACY + "accuracy = 2 * accuracy - 1",
            "this is the smallest error": ACCURACY.replace("max(a, b)", "min(a, b)"),
            "over what the model makes": ACCURACY.replace("a * math.log(a) - a * math", "b * math.log(a) - b * math"),
        },
    },
    "ex-14-where": {
        "other": WHERE,
        "independent": """
mean = sum(w * m for w, m in zip(weights, means))
second = sum(w * (m**2 + s**2) for w, m, s in zip(weights, means, deviations))
width = math.sqrt(second - mean**2)
mode = weights.index(max(weights))
nats = -math.log(max(weights))
""",
        "wrong": {
            "the modes have weights": WHERE + "mean = sum(means) / 2",
            "they also lie apart": WHERE + "width = sum(w * s**2 for w, s in zip(weights, deviations)) ** 0.5",
            "this is the variance": WHERE + "width = width**2",
            "at the lighter mode": WHERE + "mode = 1 - mode",
            "the other mode would cost": WHERE + "nats = max(costs)",
            "something is paid": WHERE + "nats = 0.0",
        },
    },
    "ex-14-mirror": {
        "other": MIRROR,
        "independent": """
spaces = {"x": "z", "z": "x", "x|z": "z|x", "z|x": "x|z", "x again": "z again", "z again": "x again"}
people = {"theta": "eta", "eta": "theta"}

def mirror(terms):
    image = []
    for kind, space, players in terms:
        if space == "features":  # neither x nor z
            image.append([kind, space, list(players)])
        else:
            image.append([kind, spaces.get(space, space), [people.get(player, player) for player in players]])
    return image

in_order = lambda terms: sorted((kind, space, sorted(players)) for kind, space, players in terms)
own = in_order(terms) == in_order(mirror(terms))
""",
        "wrong": {
            "the players are exchanged, too": MIRROR.replace(
                '"theta": "eta", "eta": "theta"', '"theta": "theta", "eta": "eta"'
            ),
            "the space xz stays": MIRROR.replace('if space != "xz"', "if True"),
            "x given z, and x again": MIRROR.replace('if space != "xz"', "if space in ('x', 'z')"),
            "features are neither x nor z": MIRROR.replace('space == "features"', "False").replace(
                '!= "xz"', 'not in ("xz", "features")'
            ),
            "exchange their players": MIRROR.replace('space == "features"', 'space in ("features", "xz")'),
            "compare the terms": MIRROR + "own = not own",
        },
    },
    "ex-14-unbiased": {
        "other": UNBIASED,
        "independent": """
def estimate(a, b, w):
    k = lambda u, v: torch.exp(-((u[:, None] - v) ** 2) / (2 * w))
    size = len(a)
    same = (k(a, a).sum() - size + k(b, b).sum() - size) / (size * (size - 1))
    return same - 2 * k(a, b).mean()

# of the n^2 pairs of one sample n hold k(a, a) = 1 in the place of the mean of k; twice
excess = 2 / n * (1 - math.sqrt(w / (w + 2)))
""",
        "wrong": {
            "k(a_i, a_i) is in it": UNBIASED.replace("if i != j:", "if True:").replace("(n * (n - 1))", "n**2"),
            "divide by their number": UNBIASED.replace("(n * (n - 1))", "n**2"),
            "count twice": UNBIASED.replace("-= 2 * k", "-= k"),
            "divides by 2 w": UNBIASED.replace("/ (2 * w))\n", "/ w)\n"),
            "both samples have pairs": UNBIASED + "excess = excess / 2",
            "has the variance 2": UNBIASED.replace("math.sqrt(2)", "1.0"),
        },
    },
    "ex-14-share": {
        "other": SHARE,
        "independent": """
def share(epsilon):
    normal = torch.distributions.Normal(0.0, math.sqrt(tau**2 + 1 / n))
    upper, lower = torch.tensor([observed + epsilon, observed - epsilon], dtype=torch.float64)
    return float(normal.cdf(upper) - normal.cdf(lower))

precision = 1 / tau**2 + n
centre = n * observed / precision
deviation = 1 / math.sqrt(precision)
cost = 10**summaries
""",
        "wrong": {
            "average over the prior": SHARE.replace("(observed + end - line)", "(observed + end - 0 * line)"),
            "it has noise": SHARE
            + "N = torch.distributions.Normal(0.0, tau)\nshare = lambda e: N.cdf(torch.tensor(observed + e)) - N.cdf(torch.tensor(observed - e))",
            "half the width": SHARE.replace("z(epsilon) - z(-epsilon)", "z(epsilon / 2) - z(-epsilon / 2)"),
            "the prior pulls it": SHARE + "centre = observed",
            "this is the variance": SHARE + "deviation = deviation**2",
            "multiplies with each summary": SHARE + "cost = 10 * summaries",
        },
    },
    "ex-14-shrink": {
        "other": SHRINK,
        "independent": """
direction = "narrower"
apart = 2 * (v / n + 2 * v**2 / (n - 1))
variance = (v - 1 / (2 * n)) * (n - 1) / (n + 1)
""",
        "wrong": {
            "it depends on the model's variance": SHRINK + "direction = 'as wide'",
            "an error of their own": SHRINK + "apart = apart / 2",
            "the variances of the two samples differ": SHRINK + "apart = 2 * v / n",
            "the variance of the mean is missing": SHRINK.replace("(u / n + 2", "(2"),
            "the population's summaries": SHRINK + "variance = v",
        },
    },
    "ex-14-mirrors": {
        "other": MIRRORS,
        "independent": """
makers = {"Adversary": Adversary, "MMD": MMD, "Summaries": Summaries}
parts = [
    [None, Reconstruct("x")],
    [None, Reconstruct("z")],
    [None, *(Match("x", makers[tool]()) for tool in tools)],
    [None, *(Match("z", makers[tool]()) for tool in tools)],
]
built = []
for chosen in product(*parts):
    terms = [term for term in chosen if term is not None]
    if terms:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        built.append(total)
own = [total for total in built if swapped(total) == total]
sums, selves, named = len(built), len(own), sum(zoo.name(total) is not None for total in own)
""",
        "wrong": {
            "at least one term": MIRRORS.replace("kinds.remove((0, 0, None, None))", ""),
            "a term may also be absent": MIRRORS.replace(
                "kinds.remove((0, 0, None, None))", "kinds = [k for k in kinds if k[2] and k[3]]"
            ),
            "not merely some tool": MIRRORS.replace("k[2] == k[3]", "bool(k[2]) == bool(k[3])"),
            "ask zoo.name": MIRRORS + "named = selves",
        },
    },
    "ex-14-energy": {
        "other": ENERGY,
        "independent": """
def feature(a, c):
    return (a[:, None] <= c).double()

energy, gap = 0.0, 0.0
for k in range(len(places) - 1):  # between two places the distribution functions are constant
    gap += p[k] - q[k]
    energy += 2 * gap**2 * (places[k + 1] - places[k])
""",
        "wrong": {
            "twice |a - b|": ENERGY.replace("/ 2 + 1", "/ 2**0.5"),
            "square of the distance": ENERGY.replace("torch.sign(c - a[:, None]) / 2 + 1", "a[:, None] + 0 * c"),
            "before the integral is missing": ENERGY + "energy = energy / 2",
            "of the wrong sign": ENERGY.replace("energy -=", "energy +="),
            "this is W1": ENERGY
            + "gap = (torch.tensor(p) - torch.tensor(q)).cumsum(0)[:-1]\nenergy = (gap.abs() * torch.tensor(places).diff()).sum()",
        },
    },
    "ex-14-maximum": {
        "other": MAXIMUM,
        "independent": """
count, top = len(seen), max(seen)
power = lambda k: (10 ** (k + 1) - top ** (k + 1)) / (k + 1)  # integral of theta^k
whole, first, second = power(-count), power(1 - count), power(2 - count)
centre = first / whole
width = math.sqrt(second / whole - centre**2)

noise = torch.Generator().manual_seed(3)
guesses = 10 * torch.rand(40_000, generator=noise, dtype=torch.float64)
made = guesses[:, None] * torch.rand(40_000, count, generator=noise, dtype=torch.float64)
by_maximum = guesses[(made.max(1).values - top).abs().argsort()[:200]]
by_mean = guesses[(made.mean(1) - sum(seen) / count).abs().argsort()[:200]]
""",
        "wrong": {
            "at least the largest number": MAXIMUM + "centre = top",
            "twice the mean": MAXIMUM + "centre = 2 * sum(seen) / n",
            "this is the variance": MAXIMUM + "width = width**2",
            "far wider than the posterior": MAXIMUM + "by_maximum = by_mean",
            "by_mean: too narrow": MAXIMUM + "by_mean = by_maximum",
        },
    },
    "ex-14-valley": {
        "other": VALLEY,
        "independent": """
def mmd(m1, v1, m2, v2, w):
    kernel = lambda shift, spread: math.sqrt(w / (w + spread)) * math.exp(-(shift**2) / (2 * (w + spread)))
    return kernel(0, 2 * v1) + kernel(0, 2 * v2) - 2 * kernel(m1 - m2, v1 + v2)

steep = (m[0] - m[1]) ** 2
flat = 0.75 * (v[0] - v[1]) ** 2  # 3/8 (4 v1^2 + 4 v2^2 - 2 (v1 + v2)^2)
""",
        "wrong": {
            "the sum of their variances": "mean = lambda g, v, w: math.sqrt(w / (w + v)) * math.exp(-(g**2) / (2 * (w + v)))\nmmd = lambda m1, v1, m2, v2, w: mean(0, v1, w) + mean(0, v2, w) - 2 * mean(m1 - m2, v1 + v2, w)\nsteep = flat = 1.0",
            "is the variance already": VALLEY.replace("(v + w / 2)", "(v**2 + w / 2)"),
            "this is its root": VALLEY.replace(
                "(blur(m1, v1) - blur(m2, v2)) ** 2, line)", "(blur(m1, v1) - blur(m2, v2)) ** 2, line) ** 0.5"
            ).replace("return (2 * math.pi * w) ** 0.5", "return (2 * math.pi * w) ** 0.25"),
            "meets the 2 of the cross term": VALLEY + "steep = steep / 2",
            "only the terms of first order cancel": VALLEY + "flat = 0.0",
        },
    },
}
