"""Answers to the exercises of chapter 11: another right one, by another way than the solution, and typical wrong ones.

Those called "independent" were written by somebody who had seen neither solution nor judge.
"""

BOUND = """
def info_of(prior, decoder):
    total = 0.0
    for z in range(len(prior)):
        for x in range(decoder.shape[1]):
            whole = sum(float(prior[k] * decoder[k, x]) for k in range(len(prior)))
            total += float(prior[z] * decoder[z, x]) * math.log(float(decoder[z, x]) / whole)
    return total

def bound(prior, decoder, guesser):
    total = float(torch.distributions.Categorical(prior).entropy())
    for z in range(len(prior)):
        for x in range(decoder.shape[1]):
            total += float(prior[z] * decoder[z, x]) * math.log(float(guesser[x, z]))
    return total

a, b, c = (torch.tensor(v).double() for v in (prior, decoder, guesser))
gap = info_of(a, b) - bound(a, b, c)
"""

SLOPE = """
def info(theta):
    a = theta.sigmoid()
    table = torch.stack([a, 1 - a], -1) / 2
    return 2 * (table * (table / 0.25).log()).sum(-1)

def slope(theta, eta):
    t = theta.clone().requires_grad_()
    a, b = t.sigmoid(), eta.sigmoid()
    return torch.autograd.grad(-(a * b.log() + (1 - a) * (1 - b).log()).sum(), t)[0]

t, e = torch.tensor([theta]), torch.tensor([eta])
step = t - 1e-2 * slope(t, e)
raises = bool(info(step) > info(t))
"""

POSTERIOR = """
def code_posterior(guesser, logit, mixture):
    logs = guesser.log().T + logsigmoid(logit) + mixture.log()
    return logs.softmax(-1)

p_z, p, q, t, d = (torch.tensor(v).double() for v in (prior, decoder, guesser, logit, data))
m0 = (d + (p_z[:, None] * p).sum(0)) / 2
pull, logs = 0.0, []
for z in range(2):
    pull += float(p_z[z] * (p[z] * (p[z].log() - code_posterior(q, t, m0)[z].log())).sum())
    logs.append(float((q[:, z] * m0 / (1 + (-t).exp())).sum().log()))
away = float((d * (d.log() - m0.log())).sum())
constant = away / 2 - sum(float(w) * each for w, each in zip(p_z, logs)) / 2
"""

READINGS = """
m, n = len(prior), len(decoder[0])
whole = [sum(prior[z] * decoder[z][x] for z in range(m)) for x in range(n)]
a = sum(w * math.log(w / v) for w, v in zip(whole, decoder[0]))
b = sum(prior[z] * decoder[z][x] * math.log(whole[x] / decoder[z][x]) for z in range(m) for x in range(n))
c = sum(prior[z] * whole[x] * math.log(whole[x] / decoder[z][x]) for z in range(m) for x in range(n))
values = [a, b, 0, c]
teaches = "to hide"
"""

PAIRS = """
def count(left):
    return 1 if left <= 2 else (left - 1) * count(left - 2)

ways, nats = count(2 * pairs), math.log(pairs)
total = sum(sizes)
uneven = math.log(total) - sum(size * math.log(size) for size in sizes) / total
"""

SHUFFLE = """
def difference(prior, decoder):
    joint = prior[:, None] * decoder
    marginal = joint.sum(0)
    log_guess = (joint / marginal).log()
    return -(prior[:, None] * marginal * log_guess).sum() + (joint * log_guess).sum()

p_z, p = torch.tensor(prior).double(), torch.tensor(decoder).double()
whole = p_z @ p
info = sum(float(w) * float((row * (row / whole).log()).sum()) for w, row in zip(p_z, p))
up = difference(p_z, p) - info
"""

PRICE = """
from torch.distributions import Normal, kl_divergence

def price(slope, noise):
    x = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = (-x * x / 2).softmax(0)
    return (weight * kl_divergence(Normal(slope * x, noise), Normal(0.0, 1.0))).sum()

def match(slope, noise):
    return kl_divergence(Normal(0.0, math.hypot(slope, noise)), Normal(0.0, 1.0))

tells = math.log(1 / noise**2) / 2
aae = "without end"
"""

TRANSPORT = """
from scipy.optimize import linprog

d, p = torch.tensor(data).double(), torch.tensor(prior).double()
away = (torch.tensor(places).double()[:, None] - torch.tensor(ends).double()).abs()
sums = torch.cat([torch.eye(4).repeat_interleave(4, 1), torch.eye(4).repeat(1, 4)])
found = linprog(away.flatten().tolist(), A_eq=sums[:-1].tolist(), b_eq=torch.cat([d, p])[:-1].tolist())
encoder = torch.tensor(found.x).reshape(4, 4) / d[:, None]
cost = found.fun
"""

GAME = """
def value(table, ticks):
    total = 0.0
    for joint in (table, table.T):
        variance = (joint.sum(1) * ticks**2).sum() - (joint.sum(1) * ticks).sum() ** 2
        for column in joint.T:
            mean = (column * ticks).sum() / column.sum()
            overall = (joint.sum(1) * ticks).sum()
            variance = variance - column.sum() * (mean - overall) ** 2
        total = total + variance / 2
    return total

guess = [sum(t * row[k] for t, row in zip(ticks, table)) / sum(row[k] for row in table) for k in range(3)]
"""

CROSS = """
p = torch.zeros(3, 3)
p[0, 1] = p[2, 1] = chance / 2
p[1, 0] = p[1, 2] = (1 - chance) / 2
ticks = torch.tensor([-1.0, 0.0, 1.0])
mean = ticks @ p / p.sum(0)
explained = (p.sum(0) * mean**2).sum() / (p.sum(1) * ticks**2).sum()
value = ((p * (ticks[:, None] - mean) ** 2).sum() + (p.T * ticks[:, None] ** 2).sum()) / 2
ratio = p / (p.sum(1, keepdim=True) * p.sum(0))
nats = (p * ratio.clamp(min=1e-30).log()).sum()
"""

MIRROR = """
own = [repr(swapped(zoo.ALL[name])) == repr(zoo.ALL[name]) or swapped(zoo.ALL[name]) == zoo.ALL[name] for name in models]
of_infogan = "AAE"
"""

ANSWERS = {
    "ex-11-bound": {
        "other": BOUND,
        "wrong": {
            "this is in bits": BOUND.replace(
                "math.log(float(decoder[z, x]) / whole)", "math.log2(float(decoder[z, x]) / whole)"
            ),
            "weighted with the prior": BOUND.replace(
                "whole = sum(float(prior[k] * decoder[k, x]) for k in range(len(prior)))",
                "whole = float(decoder[:, x].mean())",
            ),
            "the entropy of the code is missing": BOUND.replace(
                "total = float(torch.distributions.Categorical(prior).entropy())", "total = 0.0"
            ),
            "for a uniform prior only": BOUND.replace(
                "float(torch.distributions.Categorical(prior).entropy())", "math.log(len(prior))"
            ),
            "the posterior stands first": BOUND
            + """
joint = a[:, None] * b
gap = (joint.sum(0) * (c * (c / (joint / joint.sum(0)).T).log()).sum(-1)).sum()
""",
        },
    },
    "ex-11-slope": {
        "other": SLOPE,
        "wrong": {
            "that is left in the code": SLOPE.replace("return 2 * (table", "return math.log(2) - 2 * (table"),
            "an average of minus log q": SLOPE.replace("grad(-(a * b", "grad((a * b"),
            "for the best guesser only": SLOPE.replace(
                "a, b = t.sigmoid(), eta.sigmoid()", "a, b = t.sigmoid(), theta.sigmoid()"
            ),
            "takes one code for the other": SLOPE + "\nraises = True\n",
        },
    },
    "ex-11-posterior": {
        "other": POSTERIOR,
        "wrong": {
            "do not sum to one": POSTERIOR.replace("logs.softmax(-1)", "logs.exp()"),
            "over the codes": POSTERIOR.replace("logs.softmax(-1)", "logs.softmax(0)"),
            "the mixture is missing": POSTERIOR.replace(" + mixture.log()\n", "\n"),
            "the model stands first": POSTERIOR
            + """
r = code_posterior(q, t, m0)
pull = p_z @ (r * (r / p).log()).sum(-1)
""",
            "the normalisers are missing": POSTERIOR + "\nconstant = away / 2\n",
        },
    },
    "ex-11-readings": {
        "other": READINGS,
        "wrong": {
            "its sign may be negative": READINGS + "\nvalues = [abs(v) for v in values]\n",
            "distribution already": READINGS + "\nvalues = [a, b, -b, c]\n",
            "you averaged over all": READINGS + "\nvalues = [c, b, 0, c]\n",
            "make a wrong guess cheapest": READINGS + '\nteaches = "to show"\n',
        },
    },
    "ex-11-pairs": {
        "other": PAIRS,
        "wrong": {
            "the codes' names do not matter": PAIRS + "\nways *= math.factorial(pairs)\n",
            "counts the pairs": PAIRS + "\nways = math.comb(2 * pairs, 2)\n",
            "half as many values": PAIRS + "\nnats = math.log(2 * pairs)\n",
            "groups of one size": PAIRS + "\nuneven = math.log(len(sizes))\n",
        },
    },
    "ex-11-shuffle": {
        "other": SHUFFLE,
        "wrong": {
            "the shuffled term is the larger one": SHUFFLE.replace(
                "return -(prior[:, None] * marginal * log_guess).sum() + (joint",
                "return (prior[:, None] * marginal * log_guess).sum() - (joint",
            ),
            "the information alone": SHUFFLE.replace(
                "* log_guess).sum() + (joint", "* prior.log()[:, None]).sum() + (joint"
            ),
            "this is the information": SHUFFLE + "\nup = info\n",
        },
    },
    "ex-11-price": {
        "other": PRICE,
        "wrong": {
            "its square is missing": PRICE.replace("Normal(slope * x, noise)", "Normal(0 * x, noise)"),
            "the price of every code": PRICE + "\nmatch = price\n",
            "so the noise is a part of it": PRICE + "\ntells = math.log(1 + 1 / noise**2) / 2\n",
            "with the best decoder": PRICE + '\naae = "nothing"\n',
        },
    },
    "ex-11-transport": {
        "other": TRANSPORT,
        "wrong": {
            "Is it the plan": TRANSPORT + "\nencoder = encoder * d[:, None]\n",
            "do not follow the prior": TRANSPORT
            + """
nearest = away.argmin(1)
encoder = torch.nn.functional.one_hot(nearest, 4)
""",
            "it does not look at x": TRANSPORT + "\nencoder = p.expand(4, 4)\n",
            "every x takes its nearest end": TRANSPORT + "\ncost = (d * away.min(1).values).sum()\n",
        },
    },
    "ex-11-game": {
        "other": GAME,
        "wrong": {
            "the half is missing": GAME.replace("variance / 2", "variance"),
            "without any predictor": GAME.replace("variance - column.sum() * (mean - overall) ** 2", "variance"),
            "the second is predicted, too": GAME.replace("(table, table.T)", "(table,)"),
            "predicts the second unit": GAME
            + "\nguess = [sum(t * v for t, v in zip(ticks, row)) / sum(row) for row in table]\n",
        },
    },
    "ex-11-cross": {
        "other": CROSS,
        "wrong": {
            "unpredictable is not independent": CROSS + "\nnats = 0.0\n",
            "the half is missing": CROSS + "\nvalue = 2 * value\n",
            "the error stays": CROSS + "\nvalue = 0.0\n",
            "entropy of the pair": CROSS + "\nnats = nats + math.log(2)\n",
        },
    },
    "ex-11-mirror": {
        "other": MIRROR,
        "wrong": {
            "wrong for InfoGAN; one of its terms has no partner": MIRROR + "\nown[0] = True\n",
            "wrong for CycleGAN; each of its terms": MIRROR + "\nown[1] = False\n",
            "Who does that?": MIRROR + '\nof_infogan = "VAE"\n',
        },
    },
}

INDEPENDENT = {
    "ex-11-bound": """
def info_of(prior, decoder):
    joint = prior[:, None] * decoder
    return float((joint * (joint / prior[:, None] / joint.sum(0)).log()).sum())

def bound(prior, decoder, guesser):
    joint = prior[:, None] * decoder
    return float(-(prior * prior.log()).sum() + (joint * guesser.T.log()).sum())

p, made, q = (torch.tensor(values).double() for values in (prior, decoder, guesser))
gap = info_of(p, made) - bound(p, made, q)
""",
    "ex-11-slope": """
def info(theta):
    a = torch.sigmoid(theta)
    return math.log(2) + a * a.log() + (1 - a) * (1 - a).log()

def slope(theta, eta):
    a = torch.sigmoid(theta)
    return -a * (1 - a) * eta  # log b - log(1 - b) is eta

raises = theta * eta > 0
""",
    "ex-11-posterior": """
def code_posterior(guesser, logit, mixture):
    weights = guesser.T * (torch.sigmoid(logit) * mixture)[None]
    return weights / weights.sum(1, keepdim=True)

p, made, q, t, d = (torch.tensor(values).double() for values in (prior, decoder, guesser, logit, data))
m = (p @ made + d) / 2
pull = (p[:, None] * made * (made / code_posterior(q, t, m)).log()).sum()
normaliser = (q.T * (torch.sigmoid(t) * m)[None]).sum(1)
constant = (d * (d / m).log()).sum() / 2 - (p * normaliser.log()).sum() / 2
""",
    "ex-11-readings": """
p, made = torch.tensor(prior).double(), torch.tensor(decoder).double()
x = p @ made
against = (x * (x / made).log()).sum(1)  # KL(p(x), p(x|z)) for each code
info = (p[:, None] * made * (made / x).log()).sum()
values = torch.stack([against[0], -info, 0 * info, (p * against).sum()])
teaches = "to hide"
""",
    "ex-11-pairs": """
ways = 1
for odd in range(2 * pairs - 1, 0, -2):
    ways *= odd
nats = math.log(pairs)
uneven = -sum(size / sum(sizes) * math.log(size / sum(sizes)) for size in sizes)
""",
    "ex-11-shuffle": """
def both(prior, decoder):
    joint, apart = prior[:, None] * decoder, prior[:, None] * (prior @ decoder)
    return (joint * (joint / apart).log()).sum(), (apart * (apart / joint).log()).sum()

def difference(prior, decoder):
    return float(sum(both(prior, decoder)))

up = both(torch.tensor(prior).double(), torch.tensor(decoder).double())[1]
""",
    "ex-11-price": """
price = lambda slope, noise: (slope**2 + noise**2 - 1) / 2 - math.log(noise)
match = lambda slope, noise: (slope**2 + noise**2 - 1 - math.log(slope**2 + noise**2)) / 2
tells = -math.log(noise)  # where the slope squared is 1 - noise squared
aae = "without end"
""",
    "ex-11-transport": """
left, room = list(data), list(prior)
rows = [[0.0] * 4 for _ in range(4)]
by_place, by_end = sorted(range(4), key=lambda i: places[i]), sorted(range(4), key=lambda j: ends[j])
i = j = 0
cost = 0.0
while i < 4 and j < 4:
    a, b = by_place[i], by_end[j]
    moved = min(left[a], room[b])
    rows[a][b] += moved / data[a]
    cost += moved * abs(places[a] - ends[b])
    left[a] -= moved
    room[b] -= moved
    if left[a] <= room[b]:
        i += 1
    else:
        j += 1
encoder = rows
""",
    "ex-11-game": """
def value(table, ticks):
    total = 0.0
    for joint in (table, table.T):  # the unit of the rows, given that of the columns
        mean = ticks @ joint / joint.sum(0)
        total += float((joint * (ticks[:, None] - mean) ** 2).sum()) / 2
    return total

p = torch.tensor(table).double()
guess = torch.tensor(ticks).double() @ p / p.sum(0)
""",
    "ex-11-cross": """
explained, value = 0.0, 0.5
nats = -chance * math.log(chance) - (1 - chance) * math.log(1 - chance)
""",
    "ex-11-mirror": """
own = [swapped(zoo.ALL[name]) == zoo.ALL[name] for name in models]
of_infogan = "AAE"
""",
}

for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
