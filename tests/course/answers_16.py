"""Answers to the exercises of chapter 16: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

RIGHT_SHARES = """
def optimal(d, g, share):
    return 1 / (1 + (1 - share) * g / (share * d))

def data(d, g, share):
    r = [p / (p + m) * (share * p + (1 - share) * m) for p, m in zip(d.tolist(), g.tolist())]
    return [v / sum(r) for v in r]

factor = share
"""
VARIANCES = """
def variances(d, g, F):
    D = d / (d + g)
    spread = lambda p, v: (p * v * v).sum() - (p * v).sum() ** 2
    return [spread(d, F), spread(d, D * F) + spread(g, D * F), spread(g, d / g * F)]

"""

ANSWERS = {
    "ex-16-effective": {
        "other": """
def effective(d, g, D):
    return torch.cat([d, g]).mul(torch.cat([D, D])).view(2, -1).sum(0).log().softmax(0).float()

c = sum(answer * (p + m) for answer, p, m in zip(D, d, g))
believed = [m / (1 / answer - 1) for answer, m in zip(D, g)]
""",
        "independent": """
def effective(d, g, D):
    weight = D * (d + g)
    return weight / weight.sum()

c = sum(D_x * (d_x + g_x) for d_x, g_x, D_x in zip(d, g, D))
believed = [g_x * D_x / (1 - D_x) for g_x, D_x in zip(g, D)]
""",
        "wrong": {
            "does not sum to one": """
effective = lambda d, g, D: D * (d + g)
c, believed = 1.0, d
""",
            "the model generates is missing": """
effective = lambda d, g, D: D * d / (D * d).sum()
c, believed = 1.0, d
""",
            "c is twice this": """
effective = lambda d, g, D: D * (d + g) / (D * (d + g)).sum()
c = sum(a * (p + m) for a, p, m in zip(D, d, g)) / 2
believed = d
""",
            "odds are turned over": """
effective = lambda d, g, D: D * (d + g) / (D * (d + g)).sum()
c = sum(a * (p + m) for a, p, m in zip(D, d, g))
believed = [m * (1 - a) / a for a, m in zip(D, g)]
""",
        },
    },
    "ex-16-own": {
        "other": """
own = [1 / (1 + r / m) for r, m in zip(real, made)]
closest = own.index(min(own))
adam = "the same"
""",
        "independent": """
own = [m / (r + m) for r, m in zip(real, made)]
closest = own.index(min(own))
adam = "the same"
""",
        "wrong": {
            "nearest to that": """
closest, own, adam = 0, [0.5] * 4, "the same"
""",
            "not the share of the whole": """
own = [m / r for r, m in zip(real, made)]
closest, adam = own.index(min(own)), "the same"
""",
            "a factor of one half cancels": """
own = [m / (r + m) for r, m in zip(real, made)]
closest, adam = own.index(min(own)), "halved"
""",
        },
    },
    "ex-16-frozen": {
        "other": """
def step(mu, x, noise, slope, bias, cut):
    mu = torch.tensor(float(mu), dtype=x.dtype, requires_grad=True)
    made = mu + noise
    if cut:
        made = made.detach()
    F = lambda v: (v - mu) ** 2 / 2 + math.log(2 * math.pi) / 2
    D = lambda v: torch.sigmoid(slope * v + bias).detach()
    loss = ((D(x) * F(x)).mean() + (D(made) * F(made)).mean()) / 2
    return torch.autograd.grad(loss, mu)[0]

gradient = lambda *a: step(*a, cut=True)
uncut = lambda *a: step(*a, cut=False)
""",
        "independent": """
def half(D, slope_of_F):
    return (D * slope_of_F).mean() / 2

def gradient(mu, x, noise, slope, bias):
    made = mu + noise
    answer = lambda at: torch.sigmoid(slope * at + bias)
    return half(answer(x), mu - x) + half(answer(made), mu - made)

def uncut(mu, x, noise, slope, bias):  # F of a made example is noise^2 / 2 for every mu
    return half(torch.sigmoid(slope * x + bias), mu - x)
""",
        "wrong": {
            "each half has the weight 1/2": """
def gradient(mu, x, noise, slope, bias):
    return sum((torch.sigmoid(slope * v + bias) * (mu - v)).mean() for v in (x, mu + noise))

uncut = gradient
""",
            "the gradient goes through the generated examples, which": """
def gradient(mu, x, noise, slope, bias):
    return (torch.sigmoid(slope * x + bias) * (mu - x)).mean() / 2

uncut = gradient
""",
            "nothing is frozen": """
def gradient(mu, x, noise, slope, bias):
    mu = torch.tensor(mu, dtype=x.dtype, requires_grad=True)
    loss = 0
    for v in (x, mu + noise):
        F = (v - mu) ** 2 / 2 + math.log(2 * math.pi) / 2
        loss = loss + (torch.sigmoid(slope * v + bias) * F).mean() / 2
    return torch.autograd.grad(loss, mu)[0]

uncut = gradient
""",
            "x' - mu does not": """
def gradient(mu, x, noise, slope, bias):
    return sum((torch.sigmoid(slope * v + bias) * (mu - v)).mean() for v in (x, mu + noise)) / 2

uncut = gradient
""",
            "the sign": """
def gradient(mu, x, noise, slope, bias):
    return sum((torch.sigmoid(slope * v + bias) * (v - mu)).mean() for v in (x, mu + noise)) / 2

uncut = gradient
""",
        },
    },
    "ex-16-cheat": {
        "other": """
def cheat(d, g):
    return torch.where(g >= g.max(), 1.0, 1e-9)

highest = float(torch.tensor(g).log().max())
""",
        "independent": """
def cheat(d, g):  # all weight on the example that the model makes most
    return (torch.arange(len(g)) == g.argmax()).to(g.dtype)

highest = math.log(max(g))
""",
        "wrong": {
            "The best discriminator cannot flatter": """
cheat = lambda d, g: d / (d + g)
highest = 0.0
""",
            "Which examples should": """
cheat = lambda d, g: (g == g.min()) * 1.0
highest = 0.0
""",
            "Which examples should have the weight": """
cheat = lambda d, g: g / (d + g)
highest = 0.0
""",
            "for some d and g": """
cheat = lambda d, g: g
highest = 0.0
""",
            "the score lies below": """
cheat = lambda d, g: (g >= g.median()) * 1.0
highest = 0.0
""",
            "below E_d": """
cheat = lambda d, g: d * g
highest = 0.0
""",
            "the score is its logarithm": """
cheat = lambda d, g: (g == g.max()) * 1.0
highest = max(g)
""",
            "between 0 and 1": """
cheat = lambda d, g: g / d * 10
highest = 0.0
""",
        },
    },
    "ex-16-shares": {
        "other": RIGHT_SHARES + "overdone = ['too often', 'too rarely'][int(share > 0.5)]",
        "independent": """
def optimal(d, g, share):
    return share * d / (share * d + (1 - share) * g)

factor = share

def data(d, g, share):
    weight = d / (d + g) * (share * d + (1 - share) * g)
    return weight / weight.sum()

overdone = "too rarely" if share > 0.5 else "too often"
""",
        "wrong": {
            "these are the answers for equal shares": """
optimal = lambda d, g, share: d / (d + g)
data, factor, overdone = optimal, 0.5, "too rarely"
""",
            "this is the share of the generated examples": RIGHT_SHARES + "factor = 1 - share\noverdone = 'too rarely'",
            "the examples are mixed by the share": RIGHT_SHARES
            + "data = lambda d, g, share: d\noverdone = 'too rarely'",
            "where d > g": RIGHT_SHARES + "overdone = 'too often'",
        },
    },
    "ex-16-odds": {
        "other": VARIANCES
        + """
worlds = lemmas.random_coded_worlds(1000, seed=seed)
log_d, log_g = worlds.log_d, worlds.marginal(worlds.theta_0)
F = -worlds.elbo(worlds.theta_0, worlds.eta_0)
count = 0
for d, g, f in zip(log_d.exp(), log_g.exp(), F):
    first, second, _ = variances(d, g, f)
    count += bool(second < first)
share, dataless = count / 1000, "third"
""",
        "independent": """
def spread(law, value):
    return (law * value**2).sum(-1) - (law * value).sum(-1) ** 2

def variances(d, g, F):
    D = d / (d + g)
    return torch.stack([spread(d, F), spread(d, D * F) + spread(g, D * F), spread(g, d / g * F)])

worlds = lemmas.random_coded_worlds(1000, seed=seed)
found = variances(worlds.log_d.exp(), worlds.marginal(worlds.theta_0).exp(), -worlds.elbo(worlds.theta_0, worlds.eta_0))
share = (found[1] < found[0]).double().mean()
dataless = "third"
""",
        "wrong": {
            "these are second moments": """
def variances(d, g, F):
    D = d / (d + g)
    square = lambda p, v: (p * v**2).sum()
    return [square(d, F), square(d, D * F) + square(g, D * F), square(g, d / g * F)]

share, dataless = 0.5, "third"
""",
            "the real one only": """
def variances(d, g, F):
    D = d / (d + g)
    spread = lambda p, v: (p * v * v).sum() - (p * v).sum() ** 2
    return [spread(d, F), spread(d, D * F), spread(g, d / g * F)]

share, dataless = 0.5, "third"
""",
            "draws from the model": """
def variances(d, g, F):
    D = d / (d + g)
    spread = lambda p, v: (p * v * v).sum() - (p * v).sum() ** 2
    return [spread(d, F), spread(d, D * F) + spread(g, D * F), spread(d, d / g * F)]

share, dataless = 0.5, "third"
""",
            "in which it is larger": VARIANCES
            + """
worlds = lemmas.random_coded_worlds(1000, seed=seed)
d, g = worlds.log_d.exp(), worlds.marginal(worlds.theta_0).exp()
F = -worlds.elbo(worlds.theta_0, worlds.eta_0)
found = [variances(*row) for row in zip(d, g, F)]
share = sum(bool(b > a) for a, b, _ in found) / 1000
dataless = "third"
""",
        },
    },
    "ex-16-rest": {
        "other": """
def rest(d_n, believed):
    g = torch.full_like(d_n, 1 / len(d_n))
    for _ in range(5000):
        D = believed / (believed + g)
        g = D * (d_n + g)
        g = g / g.sum()
    return g
""",
        "independent": """
def rest(d_n, believed):
    def root(c):
        b = (1 - c) * believed
        return (b + torch.sqrt(b**2 + 4 * c * believed * d_n)) / (2 * c)

    low, high = 1e-9, 1e3  # of c: the sum of the root falls
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if root(middle).sum() > 1 else (low, middle)
    return root(middle)
""",
        "wrong": {
            "the geometric mean": """
def rest(d_n, believed):
    g = (d_n * believed).sqrt()
    return g / g.sum()
""",
            "holds for small errors only": """
def rest(d_n, believed):
    return (d_n + believed) / (d_n + believed).sum()
""",
            "the rest of a plain VAE": """
def rest(d_n, believed):
    return d_n
""",
            "so the model would move on": """
def rest(d_n, believed):
    return believed / believed.sum()
""",
        },
    },
    "ex-16-average": {
        "other": """
def left(v, v_hat, correlation):
    a, b = v**0.5, v_hat**0.5
    return (a / 2) ** 2 + (b / 2) ** 2 + 2 * (a / 2) * (b / 2) * correlation

def root(better):
    low, high = 1e-6, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if better(middle) else (low, middle)
    return low

highest = root(lambda ratio: left(1.0, ratio, correlation) < 1.0)
lowest = 1 / root(lambda ratio: left(ratio, 1.0, correlation) < 1.0)
""",
        "independent": """
def left(v, v_hat, correlation):
    return (v + v_hat + 2 * correlation * math.sqrt(v * v_hat)) / 4

# with u = sqrt(v_hat / v): 1 + u^2 + 2 rho u < 4 and 1 + u^2 + 2 rho u < 4 u^2
root = math.sqrt(correlation**2 + 3)
lowest = ((correlation + root) / 3) ** 2
highest = (root - correlation) ** 2
""",
        "wrong": {
            "and its square 1/4": """
left = lambda v, v_hat, correlation: (v + v_hat + 2 * correlation * math.sqrt(v * v_hat)) / 2
lowest, highest = 1 / 3, 3
""",
            "the correlation of the errors is missing": """
left = lambda v, v_hat, correlation: (v + v_hat) / 4
lowest, highest = 1 / 3, 3
""",
            "the ratio of standard deviations": """
left = lambda v, v_hat, correlation: (v + v_hat + 2 * correlation * math.sqrt(v * v_hat)) / 4
lowest, highest = 3**-0.5, 3**0.5
""",
            "the ratio v / v_hat": """
left = lambda v, v_hat, correlation: (v + v_hat + 2 * correlation * math.sqrt(v * v_hat)) / 4
lowest, highest = 3, 1 / 3
""",
        },
    },
    "ex-16-blind": {
        "other": """
def after(mean, std, rounds):
    kept = 0.5**rounds  # of the mixture, this part is still the first model
    variance = (1 - kept) + kept * std**2 + kept * (1 - kept) * mean**2
    return torch.tensor([kept * mean, variance**0.5])

rounds = math.floor(math.log2(abs(mean) / goal)) + 1
""",
        "independent": """
def after(mean, std, rounds):
    for _ in range(rounds):
        mean, std = mean / 2, math.sqrt((1 + std**2) / 2 + mean**2 / 4)
    return [mean, std]

rounds = 0
while abs(after(mean, std, rounds)[0]) >= goal:
    rounds += 1
""",
        "wrong": {
            "that adds to the variance": """
def after(mean, std, rounds):
    return [mean / 2**rounds, math.sqrt(1 + (std**2 - 1) / 2**rounds)]

rounds = 9
""",
            "this is the variance": """
def after(mean, std, rounds):
    second = 1 + (mean**2 + std**2 - 1) / 2**rounds
    return [mean / 2**rounds, second - (mean / 2**rounds) ** 2]

rounds = 9
""",
            "half of what this one sees is its own": """
def after(mean, std, rounds):
    return [0.0, 1.0]

rounds = 1
""",
            "still farther than goal": """
def after(mean, std, rounds):
    second = 1 + (mean**2 + std**2 - 1) / 2**rounds
    return [mean / 2**rounds, math.sqrt(second - (mean / 2**rounds) ** 2)]

rounds = math.floor(math.log2(mean / goal))
""",
        },
    },
    "ex-16-stopped": {
        "other": """
returns = "only if D is constant"

def rest(d_n, D):
    g = d_n
    for _ in range(20_000):
        r = D * (d_n + g)
        g = r / r.sum()
    return g.tolist()

g = torch.tensor(rest(torch.tensor(d_n), torch.tensor(D)))
weight = torch.tensor(D) * torch.stack([g, torch.tensor(d_n)])
own = float(weight[0].sum() / weight.sum())
""",
        "independent": """
returns = "only if D is constant"

def rest(d_n, D):  # c g = D (d_n + g)
    low, high = float(D.max()), 2 * float(D.max())
    for _ in range(100):
        c = (low + high) / 2
        g = D * d_n / (c - D)
        low, high = (c, high) if g.sum() > 1 else (low, c)
    return g / g.sum()

data, answers = torch.tensor(d_n, dtype=torch.float64), torch.tensor(D, dtype=torch.float64)
at_rest = rest(data, answers)
own = (answers * at_rest).sum() / (answers * (data + at_rest)).sum()
""",
        "wrong": {
            "with answers that differ from": """
returns, own = "always", 0.5
rest = lambda d_n, D: d_n
""",
            "a blind discriminator has stopped, too": """
returns, own = "never", 0.5
rest = lambda d_n, D: d_n
""",
            "after a single step": """
returns, own = "only if D is constant", 0.5
rest = lambda d_n, D: D * d_n / (D * d_n).sum()
""",
            "so the model would move on": """
returns, own = "only if D is constant", 0.5
rest = lambda d_n, D: D * D * d_n / (D * D * d_n).sum()
""",
        },
    },
}
