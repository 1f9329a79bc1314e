"""Answers to the exercises of chapter 13: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

PRICE = """
pairs = [(x, z) for x in range(3) for z in range(3)]
codes = [sum(d[x] * encoder[x][z] for x in range(3)) for z in range(3)]
vae = sum(d[x] * encoder[x][z] * math.log(encoder[x][z] / prior[z]) for x, z in pairs)
alpha = sum(c * math.log(c / p) for c, p in zip(codes, prior))
information = vae - alpha
"""

RATIO = """
def logit(x, z):
    prior = torch.distributions.Normal(0.0, 1.0)
    return prior.log_prob(z) - torch.distributions.Normal(slope * x, width).log_prob(z)

x, e = torch.randn(2, 400_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
prior = torch.distributions.Normal(torch.zeros_like(x), 1.0)
each = torch.distributions.kl_divergence(torch.distributions.Normal(slope * x[:1] * 0 + slope, width), prior)[0]
price = each + (slope**2 * 1 - slope**2) / 2  # E x^2 = 1, as at x = 1
s = torch.tensor(float(width), requires_grad=True)
line = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
q = torch.distributions.Normal(0.0, s).log_prob(line).exp()  # at x = 0; the part of x does not hold s
frozen = -logit(torch.zeros_like(line), line)
push = torch.autograd.grad(torch.trapezoid(q * frozen, line), s)[0]
"""

PLAYERS = """
def losses(t_q, t_p):
    D = lambda t: 1 / (1 + math.exp(-t))
    h = {"non-saturating": lambda t: -math.log(D(t)), "minimax": lambda t: math.log(1 - D(t)), "reverse KL": lambda t: -t}
    theta = sum(h[link](float(t)) for t in t_p) / len(t_p)
    eta = sum(h[link](-float(t)) for t in t_q) / len(t_q)
    phi = -t_q.sigmoid().log().mean() - (1 - t_p.sigmoid()).log().mean()
    return [float(phi), theta + eta, theta + eta]
"""

BIJECTIONS = """
def jsd(E, G):
    n = len(E)
    a, b = torch.zeros(2, n, n, dtype=torch.float64)
    for v in range(n):
        a[v, E[v]] += 1 / n
        b[G[v], v] += 1 / n
    return exact.finite(n * n).js(a.flatten().log(), b.flatten().log())

wrong = jsd(E, G) / math.log(2)
tight = "first"
"""

SYMMETRIC = """
a, v = torch.tensor(a, dtype=torch.float64), torch.tensor(v, dtype=torch.float64)
step, four = 1e-4, exact.finite(4)
b = (a.log() + step * v).log_softmax(0)
kl_rate = four.kl(a.log(), b) / step**2
jsd_rate = four.js(a.log(), b) / step**2
factor = four.js(a.log(), b) / (four.kl(a.log(), b) + four.kl(b, a.log()))
"""

CONTRAST = """
draws = torch.Generator().manual_seed(0)
side = torch.randint(0, 2, (400_000,), generator=draws)
z = torch.tensor(modes, dtype=torch.float64)[side] + width * torch.randn(400_000, generator=draws, dtype=torch.float64)
N = torch.distributions.Normal
log_q = torch.stack([N(m, width).log_prob(z) for m in modes]).logsumexp(0) - math.log(2)
variance = width**2 + (modes[0] - modes[1]) ** 2 / 4
whole = (log_q - N(0.0, 1.0).log_prob(z)).mean()
left = (log_q - N(sum(modes) / 2, variance**0.5).log_prob(z)).mean()
"""

ONCE = """
def f(u):  # the second integral of -h'(r)/r, numerically, from 1
    values = []
    for end in u.tolist():
        r = torch.linspace(1, end, 4001, dtype=torch.float64)
        values.append(torch.trapezoid((end - r) * 2 / (r**2 * (r + 2)), r))
    return torch.stack(values) + 3 * u.double() - 7

ratio = torch.tensor([x / y for x, y in zip(d, b)], dtype=torch.float64)
divergence = (torch.tensor(b, dtype=torch.float64) * (f(ratio) + 4)).sum()
"""

BOUNDS = """
def bounds(q, p):
    n, m = q.shape
    space = exact.finite(n * m)
    d, prior = q.sum(1).log(), p.sum(0).log()
    q, p = q.flatten().log().double(), p.flatten().log().double()
    return [-space.kl(q, p) - exact.finite(n).entropy(d), -space.kl(p, q) - exact.finite(m).entropy(prior)]

d, prior = torch.tensor(q).sum(1), torch.tensor(p).sum(0)
low = sum(bounds(torch.tensor(q, dtype=torch.float64), torch.tensor(p, dtype=torch.float64)))
missing = (d * d.log()).sum() + (prior * prior.log()).sum() - low
"""

RATE = """
kernel = torch.distributions.Normal(0.0, sigma)
nats = kernel.log_prob(torch.tensor(0.0)) - kernel.log_prob(torch.tensor(miss))
dearer = "game" if nats < math.log(2) else "reconstruction"
even = sigma * (nats / math.log(2)) ** 0.5
"""

ANSWERS = {
    "ex-13-rate": {
        "other": RATE,
        "independent": """
nats = miss**2 / (2 * sigma**2)
dearer = "reconstruction" if nats > math.log(2) else "game"
even = miss / math.sqrt(2 * math.log(2))
""",
        "wrong": {
            "the half in the exponent": RATE.replace(
                "- kernel.log_prob(torch.tensor(miss))", "- kernel.log_prob(torch.tensor(miss))\nnats = 2 * nats"
            ),
            "sigma is its root": RATE + "nats = miss**2 / (2 * sigma)\n",
            "compare log 2": RATE + "dearer = 'game'\n",
            "this is the variance": RATE + "even = even**2\n",
        },
    },
    "ex-13-misses": {
        "other": """
tv = (2 * jsd) ** 0.5
most, accuracy = epsilon + tv, 0.5 * tv + 0.5
low, high = 0.0, math.log(2)
for _ in range(60):
    needed = (low + high) / 2
    low, high = (needed, high) if (2 * needed) ** 0.5 < share else (low, needed)
""",
        "independent": """
most = epsilon + math.sqrt(2 * jsd)
needed = share**2 / 2
accuracy = (1 + math.sqrt(2 * jsd)) / 2  # the best one is right with probability (1 + TV) / 2
""",
        "wrong": {
            "half as large": "most, needed, accuracy = epsilon + (jsd / 2) ** 0.5, share**2 / 2, 0.5 + (jsd / 2) ** 0.5",
            "epsilon, are left out": "most, needed, accuracy = (2 * jsd) ** 0.5, share**2 / 2, 0.5 + (jsd / 2) ** 0.5",
            "solve the inequality": "most, needed, accuracy = epsilon + (2 * jsd) ** 0.5, 2 * share**2, 0.5 + (jsd / 2) ** 0.5",
            "accuracy one half": "most, needed, accuracy = epsilon + (2 * jsd) ** 0.5, share**2 / 2, (2 * jsd) ** 0.5",
        },
    },
    "ex-13-unrehearsed": {
        "other": """
D = [a / (a + b) for a, b in zip(d, p)]
asked = -sum(c * math.log(v) for c, v in zip(r, D))
place = D.index(max(D))
agree = -math.log(0.5)
""",
        "independent": """
price = [-math.log(d_x / (d_x + p_x)) for d_x, p_x in zip(d, p)]
asked = sum(r_x * price_x for r_x, price_x in zip(r, price))
place = price.index(min(price))
agree = math.log(2)
""",
        "wrong": {
            "what the discriminator itself is charged": """
asked = -sum(c * math.log(b / (a + b)) for a, b, c in zip(d, p, r))
place, agree = 2, math.log(2)
""",
            "the samples pile up": """
D = [a / (a + b) for a, b in zip(d, p)]
asked = -sum(c * math.log(v) for c, v in zip(r, D))
place, agree = D.index(min(D)), math.log(2)
""",
            "says one half, not one": """
D = [a / (a + b) for a, b in zip(d, p)]
asked = -sum(c * math.log(v) for c, v in zip(r, D))
place, agree = D.index(max(D)), 0
""",
            "without the reconstructions": """
asked = sum(c * math.log(1 + c / a) for a, b, c in zip(d, p, r))
place, agree = 2, math.log(2)
""",
        },
    },
    "ex-13-price": {
        "other": PRICE,
        "independent": """
data, codes, p_z = torch.tensor(d), torch.tensor(encoder), torch.tensor(prior)
whole = data @ codes
vae = (data[:, None] * codes * (codes / p_z).log()).sum()
alpha = (whole * (whole / p_z).log()).sum()
information = (data[:, None] * codes * (codes / whole).log()).sum()
""",
        "wrong": {
            "took every x as often": PRICE.replace("sum(d[x] * encoder[x][z] * math", "sum(encoder[x][z] / 3 * math"),
            "has the model, q(z), first": PRICE.replace("sum(c * math.log(c / p)", "sum(p * math.log(p / c)"),
            "in bits": PRICE.replace("math.log", "math.log2"),
            "of the wrong sign": PRICE.replace("vae - alpha", "alpha - vae"),
        },
    },
    "ex-13-ratio": {
        "other": RATIO,
        "independent": """
def logit(x, z):
    log_p = -z**2 / 2
    log_q = -(z - slope * x) ** 2 / (2 * width**2) - math.log(width)
    return log_p - log_q

price = (width**2 + slope**2 - 1) / 2 - math.log(width)
push = width - 1 / width
""",
        "wrong": {
            "codes of the prior are y = 1": RATIO.replace("    return prior", "    return -prior").replace(
                "(z) - torch", "(z) + torch"
            ),
            "d(x) cancels": RATIO.replace(
                "    return prior.log_prob(z)",
                "    return prior.log_prob(z) + prior.log_prob(x) + math.log(2 * math.pi) / 2",
            ),
            "the codes moves with x": RATIO + "price = (width**2 - 1) / 2 - math.log(width)",
            "its average moves with s": RATIO + "push = width",
            "you counted it": RATIO + "push = width - 2 / width",
        },
    },
    "ex-13-players": {
        "other": PLAYERS,
        "independent": """
def losses(t_q, t_p):
    phi = softplus(-t_q).mean() + softplus(t_p).mean()

    def fooled(t):  # wants t to be large
        if link == "non-saturating":
            return softplus(-t).mean()
        if link == "minimax":
            return -softplus(t).mean()
        return -t.mean()

    return torch.stack([phi, fooled(t_p), fooled(-t_q)])
""",
        "wrong": {
            "y is reversed for it": PLAYERS.replace("(-float(t))", "(float(t))"),
            "this is the link 'minimax'": PLAYERS.replace("[link]", "['minimax']"),
            "the labels are exchanged": PLAYERS.replace("-t_q.sigmoid", "-(-t_q).sigmoid").replace(
                "1 - t_p", "1 - (-t_p)"
            ),
            "means are asked for": PLAYERS.replace(".mean()", ".sum()"),
            "wants to be taken for the other": PLAYERS.replace("theta = sum", "theta = -sum"),
        },
    },
    "ex-13-bijections": {
        "other": BIJECTIONS,
        "independent": """
def missed(E, G):
    return sum(G[E[x]] != x for x in range(len(E))) / len(E)

wrong = missed(E, G)

def jsd(E, G):
    return missed(E, G) * math.log(2)

tight = "first"
""",
        "wrong": {
            "the share itself": BIJECTIONS.replace("b.flatten().log())", "b.flatten().log()) / math.log(2)").replace(
                "G) / math.log(2)", "G)"
            ),
            "this is twice the JSD": BIJECTIONS.replace("return exact", "return 2 * exact").replace(
                "wrong = ", "wrong = 0.5 * "
            ),
            "follow x through both maps": BIJECTIONS + "wrong = sum(a != b for a, b in zip(E, G)) / len(E)",
            "put a share between 0 and 1": BIJECTIONS + "tight = 'second'",
        },
    },
    "ex-13-symmetric": {
        "other": SYMMETRIC,
        "independent": """
weights, values = torch.tensor(a), torch.tensor(v)
variance = (weights * values**2).sum() - (weights * values).sum() ** 2
kl_rate = variance / 2
jsd_rate = variance / 8
factor = 1 / 8
""",
        "wrong": {
            "has to be normalised": SYMMETRIC + "kl_rate = (a * v**2).sum() / 2",
            "the half of the second-order term": SYMMETRIC + "kl_rate = 2 * kl_rate",
            "half as far away": SYMMETRIC + "jsd_rate = kl_rate",
            "J is the sum of both directions": SYMMETRIC + "factor = 1 / 4",
        },
    },
    "ex-13-contrast": {
        "other": CONTRAST,
        "independent": """
z = torch.linspace(-8, 8, 200_001, dtype=torch.float64)
normal = lambda mean, std: torch.distributions.Normal(mean, std).log_prob(z)
log_q = torch.logaddexp(normal(modes[0], width), normal(modes[1], width)) - math.log(2)
centre = sum(modes) / 2
spread = math.sqrt(width**2 + (modes[0] - modes[1]) ** 2 / 4)
kl = lambda log_p: float(torch.trapezoid(log_q.exp() * (log_q - log_p), z))
whole, left = kl(normal(0.0, 1.0)), kl(normal(centre, spread))
""",
        "wrong": {
            "the modes lie apart": CONTRAST.replace("variance = width**2 +", "variance = width**2 + 0 *"),
            "in bits": CONTRAST + "whole = whole / math.log(2)",
            "that the formula gives": CONTRAST + "left = whole - left",
        },
    },
    "ex-13-once": {
        "other": ONCE,
        "independent": """
def f(u):  # f - u f' = log(1 + 2/u) + const, so f'' = 2 / (u^2 (u + 2))
    return (u + 2) / 2 * torch.log(1 + 2 / u) - 1.5 * math.log(3)

ratio = torch.tensor(d) / torch.tensor(b)
divergence = (torch.tensor(b) * f(ratio)).sum()
""",
        "wrong": {
            "data that enter twice": ONCE.replace("(end - r) * 2 / (r**2 * (r + 2))", "(end - r) / (r**2 * (r + 1))"),
            "f is convex": ONCE.replace("(end - r)", "(r - end)"),
            "f has to be integrated": "f = lambda u: (1 + 2 / u).log()\ndivergence = 0.1",
            "the factor 2 stands before": ONCE.replace("(end - r) * 2", "(end - r) * 4"),
            "the book has f(1) = 0": ONCE + "divergence += 1.5 * math.log(3)",
            "the arguments are exchanged": ONCE.replace("x / y for x", "y / x for x").replace("tensor(b,", "tensor(d,"),
        },
    },
    "ex-13-bounds": {
        "other": BOUNDS,
        "independent": """
def bounds(q, p):
    d, prior = q.sum(1, keepdim=True), p.sum(0, keepdim=True)
    encoder, decoder = q / d, p / prior
    along = lambda joint, value: torch.where(joint > 0, joint * value, torch.zeros_like(joint)).sum()
    l_x = along(q, decoder.log()) - along(q, (encoder / prior).log())
    l_z = along(p, encoder.log()) - along(p, (decoder / d).log())
    return torch.stack([l_x, l_z])

Q, P = torch.tensor(q), torch.tensor(p)
missing = (Q * (Q / P).log()).sum() + (P * (P / Q).log()).sum()
""",
        "wrong": {
            "by the entropy of what is observed": BOUNDS.replace("- exact.finite(n).entropy(d)", "").replace(
                "- exact.finite(m).entropy(prior)", ""
            ),
            "bounds on a log likelihood": BOUNDS.replace(
                "return [-space.kl(q, p) -", "return [space.kl(q, p) +"
            ).replace("-space.kl(p, q) -", "space.kl(p, q) +"),
            "come first for L_x": BOUNDS.replace("[-space.kl(q, p)", "[-space.kl(p, q)").replace(
                "-space.kl(p, q) - exact.finite(m)", "-space.kl(q, p) - exact.finite(m)"
            ),
            "one direction of the KL": BOUNDS
            + "q, p = torch.tensor(q), torch.tensor(p)\nmissing = (q * (q / p).log()).sum()",
        },
    },
}
