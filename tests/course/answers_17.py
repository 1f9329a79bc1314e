"""Answers to the exercises of chapter 17: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

JSD = """
def jsd(p, q):
    total = 0.0
    for a, b in zip(p.tolist(), q.tolist()):
        total += a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b))
    return total / 2

average = lambda p_t, laws: sum(w * law for w, law in zip(p_t, laws))

"""
GAME = (
    JSD
    + """
def value(p_t, d, g):
    loss = 0.0
    for w, real, made in zip(p_t, d, g):
        D = real / (real + made)
        loss += w * (-(real * D.log()).sum() - (made * (1 - D).log()).sum())
    return float(loss)

p_t, d, g = (torch.tensor(v) for v in (p_t, d, g))
whole = sum(float(w) * jsd(a, b) for w, a, b in zip(p_t, d, g))
plain = jsd(average(p_t, d), average(p_t, g))
"""
)
NOTHING = (
    JSD
    + """
def divergences(p_t, d_x, g):
    conditional = sum(float(w) * jsd(law, d_x) for w, law in zip(p_t, g))
    return [jsd(average(p_t, g), d_x), conditional]

unseen = "the same"
given_numbers = [torch.tensor(v) for v in (p_t, d_x, g)]
"""
)
READ = """
def read(joint, rho):
    d_t, channel = joint.sum(0), (1 - rho) * torch.eye(joint.shape[1]).to(joint)
    seen = joint @ (channel + rho * d_t)
    return seen / seen.sum(0)

own = [1 - rho * (1 - p) for p in d_t]
strays = rho * sum(p * (1 - p) for p in d_t)
"""
TRAINED = """
digits, unseen = load("digits", binarize="threshold"), load("digits", "test", binarize="threshold")
run = fit(build(zoo.CVAE, digits, hidden=(128,), latent=8), digits, steps=300, batch=64, lr=3e-3, seeds=[seed])

def energies(draw):
    columns = []
    for label in range(10):
        t = torch.full((1, len(unseen)), label)
        with torch.no_grad():
            columns.append(free_energy(run.model.at(t), unseen.x[None], Noise([draw]))[0])
    return torch.stack(columns, 1)
"""
OPINION = """
def opinion(F, prior):
    weight = prior * (F.min(1, keepdim=True).values - F).exp()
    return weight / weight.sum(1, keepdim=True)

growth = "linearly"
"""
WORTH = """
def worth(F, t):
    says = (-F).log_softmax(1)
    return math.log(F.shape[1]) + sum(float(row[int(label)]) for row, label in zip(says, t)) / len(F)

one_draw = "too low"
"""
BOUND = """
def bound(F, q, prior):
    rows = []
    for f, answer in zip(F.tolist(), q.tolist()):
        terms = zip(f, answer, prior.tolist())
        rows.append(sum(a * (e + math.log(a) - math.log(p)) for e, a, p in terms if a > 0))
    return rows

"""
SURE = BOUND + "excess = F[s] + math.log(sum(math.exp(-f) for f in F))\nprice = math.log(classes)\n"
LOSS = """
def pieces(F, logits, t, F_u, logits_u):
    pick = torch.arange(len(F)), t.long()
    q = logits_u.softmax(1)
    U = (q * F_u).sum(1) - torch.distributions.Categorical(probs=q).entropy() + math.log(F_u.shape[1])
    return F[pick].mean(), U.mean(), -logits.log_softmax(1)[pick].mean()

"""
SLOPES = """
def pull(F_u, logits_u):
    free = logits_u.clone().requires_grad_()
    q = free.softmax(1)
    U = (q * (F_u + q.log())).sum(1).mean()
    return torch.autograd.grad(U, free)[0]

def teach(logits, t, alpha):
    free = logits.clone().requires_grad_()
    return torch.autograd.grad(alpha * cross_entropy(free, t.long()), free)[0]

untold = "through the decoder"
"""
SAYS = """
def says(q):
    mean = q.mean(0)
    ratio = torch.where(q > 0, q / mean, torch.ones_like(q))
    return (q * ratio.log()).sum(1).mean()

ignored, sorted_nats = prior, math.log(groups)
"""

ANSWERS = {
    "ex-17-game": {
        "other": GAME + "gap = whole - plain",
        "independent": """
def jsd(a, b):
    m = (a + b) / 2
    part = lambda u: torch.where(u > 0, u * (u / m).log(), torch.zeros_like(u)).sum(-1)
    return (part(a) + part(b)) / 2

def value(p_t, d, g):
    return math.log(4) - 2 * (p_t * jsd(d, g)).sum()

P, A, B = torch.tensor(p_t), torch.tensor(d), torch.tensor(g)
gap = (P * jsd(A, B)).sum() - jsd(P @ A, P @ B)
""",
        "wrong": {
            "which sees no label": JSD + "value = lambda p_t, d, g: math.log(4) - 2 * jsd(p_t @ d, p_t @ g)\ngap = 0.0",
            "the labels are not equally frequent": GAME
            + "right, gap = value, whole - plain\nvalue = lambda p_t, d, g: right(torch.ones_like(p_t) / len(p_t), d, g)",
            "this is the whole conditional divergence": GAME + "gap = whole",
            "without the factor of the loss": GAME + "gap = 2 * (whole - plain)",
        },
    },
    "ex-17-nothing": {
        "other": NOTHING + "ignoring = jsd(average(*given_numbers[::2]), given_numbers[1])",
        "independent": """
def jsd(a, b):
    m = (a + b) / 2
    part = lambda u: torch.where(u > 0, u * (u / m).log(), torch.zeros_like(u)).sum(-1)
    return (part(a) + part(b)) / 2

unseen = "the same"

def divergences(p_t, d_x, g):
    return torch.stack([jsd(p_t @ g, d_x), (p_t * jsd(g, d_x.expand_as(g))).sum()])

ignoring = divergences(torch.tensor(p_t), torch.tensor(d_x), torch.tensor(g))[0]
""",
        "wrong": {
            "is certain already": NOTHING + "unseen = 'more'\nignoring = 0.0",
            "this generator uses its labels": NOTHING + "ignoring = divergences(*given_numbers)[1]",
            "its samples are still not the data": NOTHING + "ignoring = 0.0",
            "average the laws with p(t)": NOTHING + "ignoring = jsd(given_numbers[2].mean(0), given_numbers[1])",
            "the order": NOTHING
            + "ignoring = divergences(*given_numbers)[0]\nright = divergences\ndivergences = lambda *a: right(*a)[::-1]",
        },
    },
    "ex-17-wrong": {
        "other": READ,
        "independent": """
own = [1 - rho + rho * d for d in d_t]  # of the labels drawn anew some are right
strays = rho * (1 - sum(d**2 for d in d_t))

def read(joint, rho):
    return (1 - rho) * joint / joint.sum(0) + rho * joint.sum(1, keepdim=True)
""",
        "wrong": {
            "own: a label drawn anew is right now and then": READ + "own = [1 - rho] * 4",
            "which is not uniform": READ + "own = [1 - rho + rho / 4] * 4",
            "strays: a label drawn anew": READ + "strays = rho",
            "it must sum to one": READ + "right = read\nread = lambda joint, rho: right(joint, rho) * joint.sum(0)",
            "not the one that stays": READ + "right = read\nread = lambda joint, rho: right(joint, 1 - rho)",
        },
    },
    "ex-17-more": {
        "other": WORTH + TRAINED + "nats = worth(sum(energies(s) for s in range(100, 120)) / 20, unseen.y)",
        "independent": """
def worth(F, t):
    told = -F[torch.arange(len(F)), t]
    return (told - torch.logsumexp(-F, 1) + math.log(F.shape[1])).mean()

one_draw = "too low"  # E exp(-F) is larger than exp(-E F)

digits = load("digits", binarize="threshold")
model = build(zoo.CVAE, digits, hidden=(128,), latent=8)
run = fit(model, digits, steps=300, batch=64, lr=3e-3, seeds=[seed])
test = load("digits", split="test", binarize="threshold")

def energies(draw):
    x, columns = test.x[None], []
    for label in range(10):
        labels = torch.full((1, len(test.x)), label)
        with torch.no_grad():
            columns.append(free_energy(run.model.at(labels), x, Noise([draw])).reshape(-1))
    return torch.stack(columns, 1)

nats = worth(sum(energies(draw) for draw in range(20)) / 20, test.y)
""",
        "wrong": {
            "each has the probability 1/C": "nats, one_draw = 1.9, 'too low'\n"
            "worth = lambda F, t: -F[torch.arange(len(F)), t.long()].mean() - (-F).logsumexp(1).mean()",
            "inside of the logarithm": "nats, one_draw = 1.9, 'too low'\n"
            "worth = lambda F, t: F.mean() - F[torch.arange(len(F)), t.long()].mean()",
            "lucky draws dominate": WORTH + "nats, one_draw = 1.9, 'too high'",
            "average F over the draws": WORTH
            + TRAINED
            + "F = torch.stack([energies(label)[:, label] for label in range(10)], 1)\nnats = worth(F, unseen.y)",
            "at most log 10": WORTH + "nats = 2.9",
        },
    },
    "ex-17-sure": {
        "other": SURE,
        "independent": """
def bound(F, q, prior):
    return (q * F + torch.xlogy(q, q) - q * prior.log()).sum(1)

excess = F[s] + math.log(sum(math.exp(-f) for f in F))
price = math.log(classes)
""",
        "wrong": {
            "is not finite": "bound = lambda F, q, prior: (q * (F + q.log() - prior.log())).sum(1)\nexcess = price = 0.0",
            "the sign of log q": "bound = lambda F, q, prior: (q * (F - prior.log()) - torch.special.xlogy(q, q)).sum(1)\n"
            "excess = price = 0.0",
            "the prior of the labels is missing": "bound = lambda F, q, prior: (q * F + torch.special.xlogy(q, q)).sum(1)\n"
            "excess = price = 0.0",
            "is not sure either": BOUND + "excess, price = F[s] - min(F), 0.0",
            "log C stands in both": SURE + "excess = excess + math.log(4)",
            "not in bits": SURE + "price = math.log2(classes)",
        },
    },
    "ex-17-opinion": {
        "other": OPINION + TRAINED + "right = (energies(3).min(1).indices == unseen.y).double().mean()",
        "independent": """
def opinion(F, prior):
    return torch.softmax(prior.log() - F, 1)

growth = "linearly"

digits = load("digits", binarize="threshold")
model = build(zoo.CVAE, digits, hidden=(128,), latent=8)
run = fit(model, digits, steps=300, batch=64, lr=3e-3, seeds=[seed])
test = load("digits", split="test", binarize="threshold")

def energies(draw):
    x, columns = test.x[None], []
    for label in range(10):
        labels = torch.full((1, len(test.x)), label)
        with torch.no_grad():
            columns.append(free_energy(run.model.at(labels), x, Noise([draw])).reshape(-1))
    return torch.stack(columns, 1)

named = opinion(energies(0), torch.full((10,), 0.1)).argmax(1)
right = (named == test.y).double().mean()
""",
        "wrong": {
            "the prior of the labels is missing": "opinion = lambda F, prior: (-F).softmax(1)\nright, growth = 0.85, 'linearly'",
            "the sign is turned": "opinion = lambda F, prior: (F + prior.log()).softmax(1)\nright, growth = 0.85, 'linearly'",
            "this is chance or below": OPINION
            + TRAINED
            + "right = (energies(0).argmax(1) == unseen.y).double().mean()",
            "a share between 0 and 1": OPINION + "right = 85",
            "each class needs one free energy": OPINION + "right, growth = 0.85, 'quadratically'",
        },
    },
    "ex-17-counts": {
        "other": """
ratio = (1 / labelled) / (1 / unlabelled)
share = 1 / (1 + unlabelled / labelled)
passes = batch / labelled * steps
""",
        "independent": """
ratio = unlabelled / labelled
share = labelled / (labelled + unlabelled)
passes = steps * batch / labelled
""",
        "wrong": {
            "an example of a smaller set counts more": "ratio, share, passes = labelled / unlabelled, 0.5, 1.0",
            "the sets are not": "ratio, share, passes = 1, 0.5, 1.0",
            "so do the parts of all examples": "ratio, share, passes = unlabelled / labelled, labelled / unlabelled, 1.0",
            "fill their own half": "ratio, share = unlabelled / labelled, labelled / (labelled + unlabelled)\n"
            "passes = steps * batch / (labelled + unlabelled)",
        },
    },
    "ex-17-loss": {
        "other": LOSS
        + """
def loss(F, logits, t, F_u, logits_u, alpha):
    known, U, name = pieces(F, logits, t, F_u, logits_u)
    return float(known) + float(U) + alpha * float(name)
""",
        "independent": """
def loss(F, logits, t, F_u, logits_u, alpha):
    log_q = torch.log_softmax(logits_u, 1)
    guessed = (log_q.exp() * (F_u + log_q + math.log(F_u.shape[1]))).sum(1)
    known = F.gather(1, t[:, None])
    return known.mean() + guessed.mean() + alpha * cross_entropy(logits, t)
""",
        "wrong": {
            "-log C is missing": LOSS
            + """
def loss(F, logits, t, F_u, logits_u, alpha):
    known, U, name = pieces(F, logits, t, F_u, logits_u)
    return known + U - math.log(F.shape[1]) + alpha * name
""",
            "the sign of log q": LOSS
            + """
def loss(F, logits, t, F_u, logits_u, alpha):
    known, U, name = pieces(F, logits, t, F_u, logits_u)
    return known + U + 2 * torch.distributions.Categorical(logits=logits_u).entropy().mean() + alpha * name
""",
            "has the weight alpha": LOSS
            + """
def loss(F, logits, t, F_u, logits_u, alpha):
    return sum(pieces(F, logits, t, F_u, logits_u))
""",
            "a mean over its examples": LOSS
            + """
def loss(F, logits, t, F_u, logits_u, alpha):
    known, U, name = pieces(F, logits, t, F_u, logits_u)
    return len(F) * known + len(F_u) * U + alpha * len(F) * name
""",
            "the labeller is not asked": LOSS
            + """
def loss(F, logits, t, F_u, logits_u, alpha):
    _, U, name = pieces(F, logits, t, F_u, logits_u)
    return (logits.softmax(1) * F).sum(1).mean() + U + alpha * name
""",
        },
    },
    "ex-17-slopes": {
        "other": SLOPES,
        "independent": """
def pull(F_u, logits_u):
    log_q = torch.log_softmax(logits_u, 1)
    q, price = log_q.exp(), F_u + log_q
    return q * (price - (q * price).sum(1, keepdim=True)) / len(q)

def teach(logits, t, alpha):
    slope = torch.softmax(logits, 1)
    slope[torch.arange(len(t)), t] -= 1
    return alpha * slope / len(t)

untold = "through the decoder"
""",
        "wrong": {
            "the KL is swapped": SLOPES
            + "pull = lambda F_u, logits_u: (logits_u.softmax(1) - (-F_u).softmax(1)) / len(F_u)",
            "pull: each half of a step is a mean": SLOPES + "right = pull\npull = lambda *a: len(a[0]) * right(*a)",
            "log q depends on the logits": SLOPES
            + """
def pull(F_u, logits_u):
    q = logits_u.softmax(1)
    return q * (F_u - (q * F_u).sum(1, keepdim=True)) / len(q)
""",
            "the weight alpha is missing": SLOPES
            + "right = teach\nteach = lambda logits, t, alpha: right(logits, t, 1.0)",
            "teach: the sign": SLOPES + "right = teach\nteach = lambda *a: -right(*a)",
            "labels have shaped what F is": SLOPES + "untold = 'not at all'",
        },
    },
    "ex-17-says": {
        "other": SAYS,
        "independent": """
def entropy(q):
    return -torch.xlogy(q, q).sum(-1)

def says(q):
    return entropy(q.mean(0)) - entropy(q).mean()

ignored = prior
sorted_nats = math.log(groups)
""",
        "wrong": {
            "the sign": SAYS + "right = says\nsays = lambda q: -right(q)",
            "that of the answers is missing": SAYS + "says = lambda q: -(q.mean(0) * q.mean(0).log()).sum()",
            "the prior stays": SAYS + "ignored = [1 / 3] * 3",
            "sorted_nats: in nats": SAYS + "sorted_nats = math.log2(groups)",
        },
    },
}
