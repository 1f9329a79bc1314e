"""Answers to the exercises of chapter 06: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written from the student's notebook alone, by somebody who had seen neither solution nor judge.
"""

ANSWERS = {
    "ex-06-losses": {
        "other": """
def parts(logit1, logit0, sign):
    D1, D0 = torch.sigmoid(sign * logit1), torch.sigmoid(sign * logit0)
    return -float(D1.log().mean()) - float((1 - D0).log().mean())

def phi_loss(logit1, logit0):
    return parts(logit1, logit0, 1)

def label(named, t):
    rows = named.softmax(-1)
    return -sum(math.log(rows[k, i]) for k, i in enumerate(t.tolist())) / len(t)

def ada_loss(logit1, logit0, named, t):
    return label(named, t) + parts(logit1, logit0, -1)

def dann_loss(logit1, logit0, named, t):
    return label(named, t) - parts(logit1, logit0, 1)

both = lambda values: sum(math.log(2 + 2 * math.cosh(t)) for t in values) / len(values)
apart = both(logit1) + both(logit0)
""",
        "wrong": {
            "reversed answers, which the features want": """
phi_loss = lambda a, b: softplus(a).mean() + softplus(-b).mean()
ada_loss = dann_loss = lambda a, b, named, t: 0.0
apart = 0.0
""",
            "this is the other way to fool": """
phi_loss = lambda a, b: softplus(-a).mean() + softplus(b).mean()
ada_loss = dann_loss = lambda a, b, named, t: cross_entropy(named, t) - phi_loss(a, b)
apart = 0.0
""",
            "classifier's loss is missing": """
phi_loss = lambda a, b: softplus(-a).mean() + softplus(b).mean()
ada_loss = lambda a, b, named, t: softplus(a).mean() + softplus(-b).mean()
dann_loss = lambda a, b, named, t: -phi_loss(a, b)
apart = 0.0
""",
            "each domain, not a sum": """
phi_loss = lambda a, b: softplus(-a).sum() + softplus(b).sum()
ada_loss = lambda a, b, named, t: cross_entropy(named, t) + softplus(a).sum() + softplus(-b).sum()
dann_loss = lambda a, b, named, t: cross_entropy(named, t) - phi_loss(a, b)
apart = 0.0
""",
        },
    },
    "ex-06-prior": {
        "other": """
def best(p1, p0, rho):
    return torch.sigmoid(p1.log() - p0.log() + math.log(rho) - math.log(1 - rho))

alike = float(best(torch.ones(1), torch.ones(1), rho))
shift = -math.log(1 / rho - 1)
descended = "nothing"
""",
        "wrong": {
            "best one for equal sizes": """
best = lambda p1, p0, rho: p1 / (p1 + p0)
alike, shift, descended = 0.5, 0.0, "nothing"
""",
            "weight of the source": """
best = lambda p1, p0, rho: (1 - rho) * p1 / ((1 - rho) * p1 + rho * p0)
alike, shift, descended = rho, 0.0, "nothing"
""",
            "so is the loss": """
best = lambda p1, p0, rho: rho * p1 / (rho * p1 + (1 - rho) * p0)
alike, shift, descended = rho, math.log(rho / (1 - rho)), "JSD"
""",
        },
    },
    "ex-06-chase": {
        "other": """
def chase(p1, p0, frozen1, frozen0):
    H = lambda p: -(p * p.log()).sum()
    js = H((p1 + p0) / 2) - (H(p1) + H(p0)) / 2
    return -H(p0) - (p0 * frozen1.log()).sum() - H(p1) - (p1 * frozen0.log()).sum() - 2 * js

a, b, va, vb = (torch.tensor(values, dtype=torch.float64) for values in (p1, p0, v1, v0))
e = torch.zeros((), dtype=torch.float64, requires_grad=True)
slope = float(torch.autograd.grad(chase(a + e * va, b + e * vb, a, b), e)[0])
no_potential = "KL"
""",
        "wrong": {
            "the frozen copy of the other": """
def chase(p1, p0, frozen1, frozen0):
    kl = lambda a, b: (a * (a / b).log()).sum()
    return kl(p1, frozen1) + kl(p0, frozen0) - kl(p1, (p1 + p0) / 2) - kl(p0, (p1 + p0) / 2)

slope, no_potential = 0.0, "KL"
""",
            "the JSD is doubled": """
def chase(p1, p0, frozen1, frozen0):
    kl = lambda a, b: (a * (a / b).log()).sum()
    return kl(p0, frozen1) + kl(p1, frozen0) - (kl(p1, (p1 + p0) / 2) + kl(p0, (p1 + p0) / 2)) / 2

slope, no_potential = 0.0, "KL"
""",
            "with the gradient reversed": """
def chase(p1, p0, frozen1, frozen0):
    kl = lambda a, b: (a * (a / b).log()).sum()
    return kl(p0, frozen1) + kl(p1, frozen0) - kl(p1, (p1 + p0) / 2) - kl(p0, (p1 + p0) / 2)

slope = sum(v * math.log(a / (a + b)) for a, b, v in zip(p1, p0, v1))
slope += sum(v * math.log(b / (a + b)) for a, b, v in zip(p1, p0, v0))
no_potential = "KL"
""",
            "add up to the gradient of one function": """
def chase(p1, p0, frozen1, frozen0):
    kl = lambda a, b: (a * (a / b).log()).sum()
    return kl(p0, frozen1) + kl(p1, frozen0) - kl(p1, (p1 + p0) / 2) - kl(p0, (p1 + p0) / 2)

slope = -sum(v * math.log(b / (a + b)) for a, b, v in zip(p1, p0, v1))
slope -= sum(v * math.log(a / (a + b)) for a, b, v in zip(p1, p0, v0))
no_potential = "JSD"
""",
        },
    },
    "ex-06-curl": {
        "other": """
a, B = torch.tensor(logits).double(), torch.tensor(moves).double()

def field(theta):
    def loss(now, then):
        p0, p1 = (a + B @ now).softmax(-1)
        q0, q1 = (a + B @ then).softmax(-1)
        return (p1 * (q0 + q1).log() - p1 * q0.log() + p0 * (q0 + q1).log() - p0 * q1.log()).sum()
    now = theta.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(now, theta), now, create_graph=True)[0]

start = torch.zeros(2).double()
v = field(start).tolist()
step = 1e-4 * torch.eye(2).double()
J = torch.stack([(field(start + e) - field(start - e)).detach() / 2e-4 for e in step], 1)
curl = float(J[0, 1] - J[1, 0])
standing = 0
""",
        "wrong": {
            "it moves, too": """
a, B = torch.tensor(logits).double(), torch.tensor(moves).double()
q0, q1 = a.softmax(-1)

def loss(theta):
    p0, p1 = (a + B @ theta).softmax(-1)
    return -(p1 * (q0 / (q0 + q1)).log()).sum() - (p0 * (q1 / (q0 + q1)).log()).sum()

start = torch.zeros(2).double()
v = torch.func.grad(loss)(start)
H = torch.autograd.functional.hessian(loss, start)
curl, standing = (H[0, 1] - H[1, 0]).round(decimals=9), 0.0
""",
            "with the gradient reversed": """
a, B = torch.tensor(logits).double(), torch.tensor(moves).double()

def twice_jsd(theta):
    p0, p1 = (a + B @ theta).softmax(-1)
    m = (p0 + p1) / 2
    return (p0 * (p0 / m).log()).sum() + (p1 * (p1 / m).log()).sum()

v = torch.func.grad(twice_jsd)(torch.zeros(2).double())
curl, standing = 0.0, 0.0
""",
            "or the two derivatives are exchanged": """
a, B = torch.tensor(logits).double(), torch.tensor(moves).double()

def field(theta):
    def loss(now, then):
        p0, p1 = (a + B @ now).softmax(-1)
        q0, q1 = (a + B @ then).softmax(-1)
        return -(p1 * (q0 / (q0 + q1)).log()).sum() - (p0 * (q1 / (q0 + q1)).log()).sum()
    return torch.func.grad(loss)(theta, theta)

start = torch.zeros(2).double()
v, J = field(start), torch.func.jacrev(field)(start)
curl, standing = J[1, 0] - J[0, 1], 0.0
""",
        },
    },
    "ex-06-pinsker": {
        "other": """
near = distance * distance
enough = near * 0.5

def promise(loss):
    jsd = (2 * math.log(2) - loss) / 2
    return (2 * jsd) ** 0.5
""",
        "wrong": {
            "each TV to it is half as large": """
enough, near = 2 * distance**2, 4 * distance**2
promise = lambda loss: 0.0
""",
            "has the JSD twice": """
enough = near = distance**2 / 2
promise = lambda loss: 0.0
""",
            "this is its square": """
enough, near = distance**2 / 2, distance**2
promise = lambda loss: math.log(4) - loss
""",
        },
    },
    "ex-06-bound": {
        "other": """
def terms(p, says):
    first = second = third = 0.0
    for x, named in enumerate(says.tolist()):
        p0, p1 = float(p[0, x].sum()), float(p[1, x].sum())
        first += p1 - float(p[1, x, named])
        second += max(0.0, p1 - p0)
        third += p1 * sum(max(0.0, float(a) / p1 - float(b) / p0) for a, b in zip(p[1, x], p[0, x]))
    return [first, second, third]

error = sum(target[2 * x + 1 - named] for x, named in enumerate(says))
reads = "pairing"
""",
        "wrong": {
            "is half of the sum": """
def terms(p, says):
    x0, x1 = p.sum(-1)
    labels = (p[1] / x1[:, None] - p[0] / x0[:, None]).abs().sum(-1)
    wrong = 1 - p[1, torch.arange(len(says)), says].sum()
    return torch.stack([wrong, (x1 - x0).abs().sum(), (x1 * labels).sum()])

error, reads = 0.0, "pairing"
""",
            "error is that of the source": """
def terms(p, says):
    x0, x1 = p.sum(-1)
    labels = (p[1] / x1[:, None] - p[0] / x0[:, None]).abs().sum(-1) / 2
    wrong = 1 - p[0, torch.arange(len(says)), says].sum()
    return torch.stack([wrong, (x1 - x0).abs().sum() / 2, (x1 * labels).sum()])

error, reads = 0.0, "pairing"
""",
            "over the source's features": """
def terms(p, says):
    x0, x1 = p.sum(-1)
    labels = (p[1] / x1[:, None] - p[0] / x0[:, None]).abs().sum(-1) / 2
    wrong = 1 - p[1, torch.arange(len(says)), says].sum()
    return torch.stack([wrong, (x1 - x0).abs().sum() / 2, (x0 * labels).sum()])

error, reads = 0.0, "pairing"
""",
            "this is the accuracy": """
def terms(p, says):
    x0, x1 = p.sum(-1)
    labels = (p[1] / x1[:, None] - p[0] / x0[:, None]).abs().sum(-1) / 2
    wrong = 1 - p[1, torch.arange(len(says)), says].sum()
    return torch.stack([wrong, (x1 - x0).abs().sum() / 2, (x1 * labels).sum()])

error, reads = sum(target[2 * x + named] for x, named in enumerate(says)), "pairing"
""",
        },
    },
    "ex-06-shift": {
        "other": """
a, b = torch.tensor([source_share, 1 - source_share]), torch.tensor([target_share, 1 - target_share])
target_error = apart = (a - b).clamp(min=0).sum()
D = a / (a + b)
loss = -(a * D.log()).sum() - (b * (1 - D).log()).sum()
""",
        "wrong": {
            "over both classes": "target_error = apart = 2 * abs(source_share - target_share); loss = 0.0",
            "do not save the target": "target_error = apart = loss = 0.0",
            "the class betrays something": """
target_error = apart = abs(source_share - target_share)
loss = math.log(4)
""",
        },
    },
    "ex-06-reweight": {
        "other": """
def weigh(t, share):
    t = t.tolist()
    return [float(share[k]) * len(t) / t.count(k) for k in t]

w = target_share / source_share, (1 - target_share) / (1 - source_share)
features = [source_share * w[0] * a + (1 - source_share) * w[1] * b for a, b in zip(*p_x_t)]
forced = 0
""",
        "wrong": {
            "upside down": """
weigh = lambda t, share: (torch.bincount(t) / len(t) / share)[t]
features, forced = [0.0, 0.0, 0.0], 0.0
""",
            "own proportions are not in it": """
weigh = lambda t, share: share[t]
features, forced = [0.0, 0.0, 0.0], 0.0
""",
            "without weights": """
weigh = lambda t, share: (share * len(t) / torch.bincount(t))[t]
features = [source_share * a + (1 - source_share) * b for a, b in zip(*p_x_t)]
forced = 0.0
""",
        },
    },
    "ex-06-half-turn": {
        "other": """
def turn(z):
    a = math.pi
    centre = torch.tensor([0.5, 0.25])
    rotation = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return (z.float() - centre) @ rotation.T + centre

accuracy = 1.0 - on_source
best_loss = -2 * math.log(0.5)
game = "nothing"
""",
        "wrong": {
            "about the origin": """
turn = lambda z: -z
accuracy, best_loss, game = 1 - on_source, math.log(4), "nothing"
""",
            "and their labels with them": """
turn = lambda z: torch.tensor([1.0, 0.5]) - z
accuracy, best_loss, game = on_source, math.log(4), "nothing"
""",
            "tell the domains apart": """
turn = lambda z: torch.tensor([1.0, 0.5]) - z
accuracy, best_loss, game = 1 - on_source, 0.0, "nothing"
""",
            "the discriminator sees no difference": """
turn = lambda z: torch.tensor([1.0, 0.5]) - z
accuracy, best_loss, game = 1 - on_source, math.log(4), "all"
""",
        },
    },
}


INDEPENDENT = {
    "ex-06-losses": '''
def minus_log(probability_logit):
    """-log sigmoid, averaged over a minibatch."""
    return torch.logaddexp(torch.zeros_like(probability_logit), -probability_logit).mean()


def phi_loss(logit1, logit0):
    return minus_log(logit1) + minus_log(-logit0)


def classify(named, t):
    return (named.logsumexp(1) - named[torch.arange(len(t)), t]).mean()


def ada_loss(logit1, logit0, named, t):
    return classify(named, t) + minus_log(-logit1) + minus_log(logit0)


def dann_loss(logit1, logit0, named, t):
    return classify(named, t) - phi_loss(logit1, logit0)


a, b = torch.tensor(logit1), torch.tensor(logit0)
apart = minus_log(-a) + minus_log(b) + phi_loss(a, b)
''',
    "ex-06-prior": """
def best(p1, p0, rho):
    return 1 / (1 + (1 - rho) * p0 / (rho * p1))


alike = rho
shift = math.log(rho) - math.log(1 - rho)
descended = "nothing"  # D* is a constant, so its loss does not know the features
""",
    "ex-06-chase": """
def kl(a, b):
    return (a * (a / b).log()).sum()


def chase(p1, p0, frozen1, frozen0):
    middle = (p1 + p0) / 2
    return kl(p0, frozen1) + kl(p1, frozen0) - kl(p1, middle) - kl(p0, middle)


slope = sum(
    b * math.log((x + y) / x) + a * math.log((x + y) / y) for x, y, a, b in zip(p1, p0, v1, v0)
)  # -log D* on the target, -log(1 - D*) on the source, D* = x / (x + y)
no_potential = "KL"
""",
    "ex-06-curl": '''
a, B = torch.tensor(logits, dtype=torch.float64), torch.tensor(moves, dtype=torch.float64)
p0, p1 = a.softmax(-1)


def slopes(p, B):
    """d softmax / d theta, [3, 2]."""
    return p[:, None] * (B - p @ B)


s0, s1 = slopes(p0, B[0]), slopes(p1, B[1])
v = (1 + p0 / p1).log() @ s0 + (1 + p1 / p0).log() @ s1
curl = ((1 / p0 - 1 / p1) * (s0[:, 0] * s1[:, 1] - s0[:, 1] * s1[:, 0])).sum()
standing = 0
''',
    "ex-06-pinsker": """
enough = distance**2 / 2  # JSD >= TV(a, m)^2 + TV(b, m)^2 = TV(a, b)^2 / 2
near = distance**2  # the loss is log 4 - 2 JSD
promise = lambda loss: math.sqrt(math.log(4) - loss)
""",
    "ex-06-bound": """
def terms(p, says):
    target, source = p[0], p[1]
    named_rightly = sum(source[x, int(label)] for x, label in enumerate(says))
    x0, x1 = target.sum(1), source.sum(1)
    match = (x0 - x1).clamp(min=0).sum()
    pairing = sum((source[x] - target[x] * (x1[x] / x0[x])).abs().sum() / 2 for x in range(len(x0)))
    return torch.stack([1 - named_rightly, match, pairing])


error = 1 - sum(target[2 * x + label] for x, label in enumerate(says))
reads = "pairing"
""",
    "ex-06-shift": """
target_error = abs(source_share - target_share)
apart = abs(source_share - target_share)
loss = 0.0
for s, t in ((source_share, target_share), (1 - source_share, 1 - target_share)):
    loss -= s * math.log(s / (s + t)) + t * math.log(t / (s + t))
""",
    "ex-06-reweight": """
def weigh(t, share):
    source = torch.bincount(t, minlength=len(share)) / len(t)
    return (share / source)[t]


features = [target_share * a + (1 - target_share) * b for a, b in zip(*p_x_t)]
forced = 0
""",
    "ex-06-half-turn": """
turn = lambda z: torch.tensor([1.0, 0.5]) - z
accuracy = 1 - on_source
best_loss = math.log(4)
game = "nothing"
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
