"""Answers to the exercises of chapter 04: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written from the student's notebook alone, by somebody who had seen neither solution nor judge.
"""

PRIOR = """
def best(d, g, share):
    return torch.sigmoid(torch.log(d / g) + math.log(share) - math.log(1 - share))

excess = math.log(share) - math.log(1 - share)
"""

VALUE = """
def value(real, made):
    return -(F.softplus(-real).sum() / len(real) + F.softplus(made).sum() / len(made))

def bound(real, made):
    return value(real, made) / 2 + math.log(2)

jsd = math.log(2) - loss / 2
"""

SUBSTITUTE = """
def through(theta, cost):  # the chain rule of a softmax, by hand
    g = torch.exp(theta - torch.logsumexp(theta, 0))
    return [float(p * (c - (g * cost).sum())) for p, c in zip(g, cost, strict=True)]

def frozen(d, theta):
    g = theta.softmax(0)
    return through(theta, torch.log1p(g / d))

def full(d, theta):
    g = theta.softmax(0)
    return through(theta, torch.log1p(g / d) + g / (d + g))

combination = "KL(g||d) - KL(g||m)"
"""

OWN = """
def loss_of(f, t):  # h = f - r f', with the slope of f by autograd
    r = t.exp().detach().requires_grad_()
    slope, = torch.autograd.grad(f(r).sum(), r)
    return (f(r) - r * slope).detach()

def hellinger(t):
    return loss_of(lambda r: (r.sqrt() - 1) ** 2, t)

def power(t, a):
    return loss_of(lambda r: (r**a - 1 - a * (r - 1)) / (a * (a - 1)), t)
"""

PUSH = """
minimax, non_saturating = torch.tensor(logits).argmax(), torch.tensor(logits).argmin()

def weights(t):
    rows = []
    for name in ("minimax", "non-saturating", "reverse KL", "KL"):
        s = t.detach().clone().requires_grad_()
        rows.append(-torch.autograd.grad(LINKS[name].generator(s).sum(), s)[0])
    return torch.stack(rows)
"""

PULL = """
x = torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
x = torch.cat([x, -x]) + distance  # samples of the generator
t = distance**2 / 2 - distance * x
non_saturating = round(float((distance * torch.sigmoid(-t)).mean()), 9)
line = exact.line(-30, 30, 6001)
g = torch.exp(-((line.points - distance) ** 2) / 2) / math.sqrt(2 * math.pi)
square = line.integrate(g * (distance**2 - 2 * distance * line.points).exp())
share = 1 / square
forward = reverse = ((distance + 1e-4) ** 2 / 2 - distance**2 / 2) / 1e-4
"""

LABELS = """
def best(r):  # the minimum of d/2 (t - b)^2 + g/2 (t - a)^2, where d = r g
    share = 1 / (1 + 1 / r)
    return fake_label + share * (real_label - fake_label)

def loss(r):
    return 0.5 * (best(r) - real_label) ** 2

def curvature(r):
    r = r.detach().clone().requires_grad_()
    slope, = torch.autograd.grad(loss(r).sum(), r)
    return -slope / r.detach()
"""

W1 = """
def w1(x, y):  # the area between both distribution functions
    x, y = x.double(), y.double()
    ends = torch.cat([x, y]).sort().values
    below = lambda s: (s[:, None] <= ends[:-1]).double().mean(0)
    return ((below(x) - below(y)).abs() * ends.diff()).sum()

distance, jsd = shift, math.log(2)
"""

GREEDY = """
best = torch.zeros(len(D))
best[D.index(max(D))] = 1
loss = min(-math.log(value) for value in D)
minimax = D.index(max(D)) == min(range(len(D)), key=lambda k: math.log(1 - D[k]))
"""

DIRAC = """
together = float(torch.linalg.det(torch.tensor([[1, alpha], [-alpha, 1]], dtype=torch.float64)) ** 0.5)
in_turn = "circle"
trace, det = 2 - alpha**2 - alpha * gamma, 1 - alpha * gamma
shrink = abs(complex(trace / 2, math.sqrt(det - trace**2 / 4)))
steps = math.ceil(2 * math.log(0.1) / math.log(det))
"""

DROPS = """
mu, sigma = half, 1
w = 1 - weight
f = lambda u: (u * math.log(u) - (1 + u) * math.log((1 + u) / 2)) / 2
nats = f(w) + weight * math.log(2) / 2
"""

FINITE = """
fresh = math.log(2)
jsd = (n - shared) / n * math.log(2)
value = 2 * (shared / n) * math.log(1 / 2)  # on the shared numbers it says one half
"""

CONJUGATE = """
def f(u):
    return (u.sqrt() - 1) ** 2

def conjugate(s):  # the supremum, by looking at many u around where it stands
    u = torch.logspace(-3, 4, 200_001, dtype=torch.float64)
    return [float((u * float(one) - f(u)).max()) for one in s]

def best(r):
    r = r.detach().clone().requires_grad_()
    return torch.autograd.grad(f(r).sum(), r)[0]

def bound(real, made):
    return float(real.mean()) - sum(conjugate(made)) / len(made)
"""

ANSWERS = {
    "ex-04-prior": {
        "other": PRIOR,
        "wrong": {
            "the coin is not fair any more": PRIOR.replace(" + math.log(share) - math.log(1 - share))", ")"),
            "you gave it to the generated ones": PRIOR.replace(
                "+ math.log(share) - math.log(1 - share))", "- math.log(share) + math.log(1 - share))"
            ),
            "what must be added": PRIOR + "excess = -excess",
            "have a share, too": PRIOR + "best = lambda d, g, share: share * d / (share * d + g)",
            "not their logarithm": PRIOR + "excess = share / (1 - share)",
        },
    },
    "ex-04-value": {
        "other": VALUE,
        "wrong": {
            "the discriminator minimises": VALUE.replace("return -(F.softplus", "return (F.softplus"),
            "not one half": VALUE.replace("return -(F.softplus", "return -0.5 * (F.softplus"),
            "right when it says 0": VALUE.replace("F.softplus(made)", "F.softplus(-made)"),
            "compute it from the logit": VALUE.replace(
                "-(F.softplus(-real).sum() / len(real) + F.softplus(made).sum() / len(made))",
                "real.sigmoid().log().mean() + (1 - made.sigmoid()).log().mean()",
            ),
            "V holds twice the JSD": VALUE.replace(
                "value(real, made) / 2 + math.log(2)", "value(real, made) + math.log(4)"
            ),
            "the loss is minus the value": VALUE + "jsd = math.log(2) + loss / 2",
        },
    },
    "ex-04-substitute": {
        "other": SUBSTITUTE,
        "wrong": {
            "D* is frozen here": SUBSTITUTE + "frozen = full",
            "it depends on theta, too": SUBSTITUTE + "full = frozen",
            "the minimax loss": SUBSTITUTE.replace("torch.log1p(g / d))", "torch.log(g / (d + g)))"),
            "a softmax takes the average off": SUBSTITUTE.replace("p * (c - (g * cost).sum())", "p * c"),
            "no average over d": SUBSTITUTE.replace("KL(g||d) - KL(g||m)", "2 KL(m||d)"),
        },
    },
    "ex-04-own-link": {
        "other": OWN,
        "wrong": {
            "the integrand of the divergence": OWN.replace(
                "return (f(r) - r * slope).detach()", "return f(r).detach()"
            ),
            "looking real must be rewarded": OWN.replace("return (f(r) - r * slope)", "return (r * slope - f(r))"),
            "the factor 1/a is missing": """
def hellinger(t):
    return 1 - (t / 2).exp()

def power(t, a):
    return 1 - (a * t).exp()
""",
        },
    },
    "ex-04-push": {
        "other": PUSH,
        "wrong": {
            "the other of the two losses": PUSH + "minimax, non_saturating = non_saturating, minimax",
            "minimax and non-saturating are exchanged": PUSH.replace(
                '"minimax", "non-saturating"', '"non-saturating", "minimax"'
            ),
            "the weights are their sizes": PUSH.replace("rows.append(-torch", "rows.append(torch"),
        },
    },
    "ex-04-pull": {
        "other": PULL,
        "wrong": {
            "the divergence, not its slope": PULL + "forward = reverse = distance**2 / 2",
            "do not pull alike": PULL + "non_saturating = minimax",
            "in units of the reverse KL's": PULL + "non_saturating = 1 - minimax",
            "the distance counts squared": PULL + "share = math.exp(-distance)",
        },
    },
    "ex-04-labels": {
        "other": LABELS,
        "wrong": {
            "these are the labels 1 and 0": LABELS.replace("fake_label + share * (real_label - fake_label)", "share"),
            "the two labels are exchanged": LABELS.replace("1 / (1 + 1 / r)", "1 / (1 + r)"),
            "not the other": LABELS.replace("(best(r) - real_label)", "(best(r) - fake_label)"),
            "still to be divided by r": LABELS.replace("-slope / r.detach()", "-slope"),
            "the gap between the labels counts squared": LABELS
            + "curvature = lambda r: (real_label - fake_label) / (r * (1 + r) ** 3)",
            "the loss falls, and f is convex": LABELS.replace("-slope / r.detach()", "slope / r.detach()"),
        },
    },
    "ex-04-conjugate": {
        "other": CONJUGATE,
        "wrong": {
            "not the supremum": CONJUGATE.replace(
                "for one in s]", "for one in s]\n\ndef conjugate(s):\n    return (1 - s) ** -2"
            ),
            "f ends in + 1": CONJUGATE + "conjugate = lambda s: 1 / (1 - s)",
            "for the ratio g/d": CONJUGATE.replace(
                "return torch.autograd.grad(f(r).sum(), r)[0]", "return 1 - r.sqrt()"
            ),
            "f of the ratio, not its slope": CONJUGATE.replace(
                "return torch.autograd.grad(f(r).sum(), r)[0]", "return f(r)"
            ),
            "a Wasserstein critic maximises": CONJUGATE.replace(
                "sum(conjugate(made)) / len(made)", "float(made.mean())"
            ),
        },
    },
    "ex-04-w1": {
        "other": W1,
        "wrong": {
            "pairs the samples as they come": """
def w1(x, y):
    return (x - y).abs().mean()

distance, jsd = shift, math.log(2)
""",
            "the distance of the means": """
def w1(x, y):
    return (x.mean() - y.mean()).abs()

distance, jsd = shift, math.log(2)
""",
            "gaps included": W1 + "distance = shift - width",
            "these are bits": W1 + "jsd = 1",
        },
    },
    "ex-04-greedy": {
        "other": GREEDY,
        "wrong": {
            "nothing in the loss asks for spread": GREEDY + "best = [value / sum(D) for value in D]",
            "surest that the sample is fake": GREEDY + "best = [float(value == min(D)) for value in D]",
            "this is the minimax loss": GREEDY + "loss = math.log(1 - max(D))",
            "both losses fall": GREEDY + "minimax = False",
        },
    },
    "ex-04-dirac": {
        "other": DIRAC,
        "wrong": {
            "this is the determinant, the factor of areas": DIRAC + "together = 1 + alpha**2",
            "is not below 1": DIRAC.replace('"circle"', '"spiral in"'),
            "the product of two eigenvalues": DIRAC + "shrink = det",
            "in place of the eigenvalue": DIRAC + "steps = math.log(0.1) / math.log(det)",
        },
    },
    "ex-04-js-drops": {
        "other": DROPS,
        "wrong": {
            "covers both modes": DROPS
            + "mu = (1 - 2 * weight) * half\nsigma = math.sqrt(1 + 4 * weight * (1 - weight) * half**2)",
            "this is the lighter mode": DROPS + "mu = -half",
            "the missed data are not paid": DROPS + "nats = f(w)",
            "the halves of the definition": DROPS + "nats = 2 * nats",
        },
    },
    "ex-04-finite": {
        "other": FINITE,
        "wrong": {
            "but the two samples are not": FINITE + "fresh = 0",
            "cannot be told apart": FINITE + "jsd = math.log(2)",
            "has the mass 1/n in its set": FINITE + "jsd = (1 - shared / (2 * n - shared)) * math.log(2)",
            "must guess": FINITE + "value = 0",
            "the constant log 4 is missing": FINITE + "value = 2 * jsd",
        },
    },
}


INDEPENDENT = {
    "ex-04-prior": """
def best(d, g, share):
    odds = (share / (1 - share)) * (d / g)
    return odds / (1 + odds)


excess = math.log(share / (1 - share))
""",
    "ex-04-value": """
def value(real, made):
    return -(F.softplus(-real).mean() + F.softplus(made).mean())


def bound(real, made):
    return math.log(2) + value(real, made) / 2


jsd = math.log(2) - loss / 2
""",
    "ex-04-substitute": '''
def through_softmax(slope, theta):
    """The chain rule: the gradient in theta of a function of g = softmax(theta) with the given slope in g."""
    g = theta.softmax(-1)
    return g * (slope - (g * slope).sum())


def frozen(d, theta):
    return through_softmax(torch.log1p(theta.softmax(-1) / d), theta)


def full(d, theta):
    g = theta.softmax(-1)
    return through_softmax(torch.log1p(g / d) + g / (d + g), theta)


combination = "KL(g||d) - KL(g||m)"  # E_g[log(2m/d)] = log 2 + E_g[log g/d] - E_g[log g/m]
''',
    "ex-04-own-link": """
hellinger = lambda t: -(t / 2).exp()  # f - r f' = 1 - sqrt(r)
power = lambda t, a: -torch.expm1(a * t) / a  # f - r f' = (1 - r^a) / a: -t as a -> 0, 1 - e^t at a = 1
""",
    "ex-04-push": """
minimax = max(range(len(logits)), key=lambda i: logits[i])
non_saturating = min(range(len(logits)), key=lambda i: logits[i])


def weights(t):
    D = 1 / (1 + (-t).exp())
    return torch.stack([D, 1 - D, torch.ones_like(t), D / (1 - D)])
""",
    "ex-04-pull": """
reverse = distance  # both KLs are distance^2 / 2
forward = distance
non_saturating = reverse - minimax  # D + (1 - D) = 1
share = math.exp(-(distance**2))
""",
    "ex-04-labels": """
def best(r):
    return fake_label + (real_label - fake_label) * r / (1 + r)


def loss(r):
    return ((real_label - fake_label) / (1 + r)) ** 2 / 2


def curvature(r):
    return (real_label - fake_label) ** 2 / (r * (1 + r) ** 3)
""",
    "ex-04-conjugate": """
conjugate = lambda s: s / (1 - s)  # attained at sqrt(u) = 1 / (1 - s)
best = lambda r: 1 - r**-0.5
bound = lambda real, made: real.mean() - (made / (1 - made)).mean()
""",
    "ex-04-w1": '''
def w1(x, y):
    """The area between the two distribution functions."""
    both = torch.cat([x, y]).sort().values
    F_x, F_y = ((sample[None, :] <= both[:-1, None]).double().mean(1) for sample in (x, y))
    return ((F_x - F_y).abs() * both.diff()).sum()


distance = shift
jsd = math.log(2)
''',
    "ex-04-greedy": """
top = max(range(len(D)), key=lambda i: D[i])
best = [float(i == top) for i in range(len(D))]
loss = -math.log(D[top])
minimax = True
""",
    "ex-04-dirac": """
together = math.hypot(1, alpha)
in_turn = "circle"
shrink = math.sqrt(1 - alpha * gamma)
steps = -math.log(10) / math.log(shrink)
""",
    "ex-04-js-drops": """
x = torch.linspace(-25, 25, 5001, dtype=torch.float64)


def bell(mean, deviation):
    return torch.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


d = weight * bell(-half, 1.0) + (1 - weight) * bell(half, 1.0)


def jsd_of(theta):
    g = bell(theta[0], theta[1].exp())
    middle = (d + g) / 2
    inside = torch.special.xlogy(d, d / middle) + torch.special.xlogy(g, g.clamp(min=1e-300) / middle)
    return inside.sum() * (x[1] - x[0]) / 2


found = []
for start in ([-half, 0.0], [half, 0.0], [0.0, math.log(half)]):
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([theta], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        loss = jsd_of(theta)
        loss.backward()
        return loss

    search.step(closure)
    found.append((jsd_of(theta).item(), theta[0].item(), theta[1].exp().item()))
nats, mu, sigma = min(found)
""",
    "ex-04-finite": """
fresh = math.log(2)
jsd = (n - shared) / n * math.log(2)
value = -shared / n * math.log(4)
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
