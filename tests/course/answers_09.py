"""Answers to the exercises of chapter 09: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written by somebody who had seen neither solution nor judge.
"""

TABLES = """
def wake(data, encoder, decoder):
    n, m = len(data), len(decoder)
    return sum(float(data[x] * encoder[x][z]) * math.log(decoder[z][x]) for x in range(n) for z in range(m))

def sleep(prior, encoder, decoder):
    n, m = len(encoder), len(prior)
    return sum(float(prior[z] * decoder[z][x]) * math.log(encoder[x][z]) for x in range(n) for z in range(m))

n, m = len(data), len(prior)
dreams = [sum(prior[z] * decoder[z][x] for z in range(m)) for x in range(n)]
least = -sum(
    prior[z] * decoder[z][x] * math.log(prior[z] * decoder[z][x] / dreams[x]) for x in range(n) for z in range(m)
)
miss = -sleep(prior, encoder, decoder) - least
"""

PRIOR = """
alone = [0, 0, 0, 0]

def slope(logits, data, encoder):
    logits = logits.clone().requires_grad_()
    value = sum(data[x] * encoder[x] @ logits.log_softmax(0) for x in range(len(data)))
    return torch.autograd.grad(value, logits)[0]

best = [sum(d * row[z] for d, row in zip(data, encoder)) for z in range(4)]
"""

RWS = """
from itertools import product
def slope(log_joint, logits, k):
    free = log_joint.clone().requires_grad_()
    q, bound = logits.softmax(0), 0.0
    for codes in product(range(len(logits)), repeat=k):
        inner = torch.stack([free[z].exp() / q[z] for z in codes]).mean().log()
        bound = bound + math.prod(float(q[z]) for z in codes) * inner
    return torch.autograd.grad(bound, free)[0]

def update(log_joint, logits, k):
    mean = torch.zeros_like(logits)
    for codes in product(range(len(logits)), repeat=k):
        q = logits.softmax(0)
        weights = [float(log_joint[z].exp() / q[z]) for z in codes]
        for z, w in zip(codes, weights):
            score = torch.nn.functional.one_hot(torch.tensor(z), len(q)) - q
            mean += math.prod(float(q[z]) for z in codes) * w / sum(weights) * score
    return mean

def limit(log_joint, logits):
    logits = logits.clone().requires_grad_()
    posterior = log_joint.exp() / log_joint.exp().sum()
    return torch.autograd.grad(posterior @ logits.log_softmax(0), logits)[0]

a, b = torch.tensor(log_joint).double(), torch.tensor(logits).double()
off = math.dist(update(a, b, 4).tolist(), limit(a, b).tolist())
"""

CONSTANT = """
def bound(real, says):
    kl = torch.distributions.kl_divergence
    return -kl(torch.distributions.Bernoulli(real), torch.distributions.Bernoulli(says))

best = accuracy = real
certified = 0.0
"""

CERTIFIED = """
def certified(of_data, of_samples, real):
    D, D_g = 1 / (1 + (-of_data).exp()), 1 / (1 + (-of_samples).exp())
    label = torch.distributions.Bernoulli(real).entropy()
    return label + real * D.log().mean() + (1 - real) * (1 - D_g).log().mean()

tries = [i / 500 for i in range(1, 10000)]
a, b = torch.tensor(of_data).double(), torch.tensor(of_samples).double()
factor = max(tries, key=lambda f: float(certified(f * a, f * b, real)))
"""

SEEKS = """
places = [i / 1000 for i in range(-7000, 7001)]
weights = [math.exp(-z * z / 2 - (x - z * z) ** 2 / (2 * noise**2)) for z in places]
mean = 0
std = math.sqrt(sum(w * z * z for w, z in zip(weights, places)) / sum(weights))
bound_mean = "at one mode"
"""

LOOP = """
def work(theta, eta, n=20000):
    s = lambda t: 1 / (1 + torch.exp(-t))
    t = torch.linspace(theta[0], theta[1], n, dtype=torch.float64)
    e = torch.linspace(eta[0], eta[1], n, dtype=torch.float64)
    along = lambda at, way: torch.trapezoid(s(torch.tensor(at)) - s(t), t) * way
    up = lambda at, way: torch.trapezoid(s(torch.tensor(at)) - s(e), e) * way
    return along(eta[0], 1) + along(eta[1], -1) + up(theta[1], 1) + up(theta[0], -1)

here = work(theta, eta)
"""

FALLS = """
def rate(theta, eta):
    t, e = theta.clone().requires_grad_(), eta.clone().requires_grad_()
    a, b = t.sigmoid(), e.sigmoid()
    V = b * (b / a).log() + (1 - b) * ((1 - b) / (1 - a)).log()
    dt, de = torch.autograd.grad(V.sum(), (t, e))
    return dt * (b - a) + de * (a - b)

theta, eta = torch.tensor(start).double()
for _ in range(3000):
    a, b = theta.sigmoid(), eta.sigmoid()
    theta, eta = theta + 0.05 * (b - a), eta + 0.05 * (a - b)
end = theta.sigmoid()
"""

EM = """
def turn(data, prior, decoder):
    n, m = len(data), len(prior)
    joint = [[float(prior[z] * decoder[z][x]) for x in range(n)] for z in range(m)]
    new = []
    for z in range(m):
        row = [float(data[x]) * joint[z][x] / sum(joint[k][x] for k in range(m)) for x in range(n)]
        new.append([value / sum(row) for value in row])
    return new

def log_likelihood(table):
    return sum(d * math.log(sum(p * row[x] for p, row in zip(prior, table))) for x, d in enumerate(data))

table = turn(data, prior, decoder)
level = log_likelihood(table)
for _ in range(50):
    table = turn(data, prior, table)
ceiling = log_likelihood(table)
"""

MARGINALS = """
first, second = posterior[2] + posterior[3], posterior[1] + posterior[3]
by_sleep = [(1 - first) * (1 - second), (1 - first) * second, first * (1 - second), first * second]
side = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
a, b = torch.meshgrid(side, side, indexing="ij")
q = torch.stack([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], -1).reshape(-1, 4)
p = torch.tensor(posterior, dtype=torch.float64)
by_bound = q[(q * (q / p).log()).sum(-1).argmin()]
"""

ANSWERS = {
    "ex-09-tables": {
        "other": TABLES,
        "independent": """
def wake(data, encoder, decoder):
    return torch.einsum("x,xz,zx->", data, encoder, torch.log(decoder))

def sleep(prior, encoder, decoder):
    return torch.einsum("z,zx,xz->", prior, decoder, torch.log(encoder))

joint = [[p * row[x] for p, row in zip(prior, decoder)] for x in range(len(data))]  # p(x, z), [x][z]
miss = least = 0.0
for of_x, q in zip(joint, encoder):
    for pair, chance in zip(of_x, q):
        posterior = pair / sum(of_x)
        miss += pair * math.log(posterior / chance)
        least -= pair * math.log(posterior)
""",
        "wrong": {
            "this is minus W": TABLES.replace("return sum(float(data", "return -sum(float(data"),
            "awake the decoder learns": TABLES.replace("math.log(decoder[z][x])", "math.log(encoder[x][z])"),
            "every code counts alike": TABLES.replace(
                "return sum(float(prior[z] * decoder", "return sum(float(decoder[z][x] / m if True else decoder"
            ),
            "asleep, q stands second": TABLES
            + """
joint = torch.tensor(decoder).double() * torch.tensor(prior).double()[:, None]
post, q = (joint / joint.sum(0)).T, torch.tensor(encoder).double()
miss = joint.sum(0) @ (q * (q / post).log()).sum(-1)
""",
            "a sleeping machine sees dreams": TABLES
            + """
joint = torch.tensor(decoder).double() * torch.tensor(prior).double()[:, None]
post, q = (joint / joint.sum(0)).T, torch.tensor(encoder).double()
miss = torch.tensor(data).double() @ (post * (post / q).log()).sum(-1)
""",
            "before x is seen": TABLES + "\nleast = -sum(p * math.log(p) for p in prior)\n",
        },
    },
    "ex-09-mirror": {
        "other": """
helmholtz, vae = repr(swapped(zoo.HELMHOLTZ)) == repr(zoo.HELMHOLTZ), False
helmholtz = helmholtz or set(map(repr, swapped(zoo.HELMHOLTZ).terms)) == set(map(repr, zoo.HELMHOLTZ.terms))
needs = "the density of the data"
""",
        "independent": """
helmholtz, vae = True, False
needs = "the density of the data"
""",
        "wrong": {
            "exchange x with z": 'helmholtz, vae, needs = False, False, "the density of the data"',
            "moves to the space of examples": 'helmholtz, vae, needs = True, True, "the density of the data"',
            "those can be drawn": 'helmholtz, vae, needs = True, False, "samples of the prior"',
        },
    },
    "ex-09-loop": {
        "other": LOOP,
        "independent": """
def sigmoid(t):
    return 1 / (1 + math.exp(-t))

def work(theta, eta):  # Green: the integral of a (1 - a) - b (1 - b) over the rectangle
    (left, right), (low, high) = theta, eta
    return (sigmoid(right) - sigmoid(left)) * (high - low) - (sigmoid(high) - sigmoid(low)) * (right - left)

here = work(theta, eta)
""",
        "wrong": {
            "walk anticlockwise": LOOP.replace("    return along", "    return -along").replace(
                "+ along(eta[1], -1) + up(theta[1], 1) + up(theta[0], -1)",
                "- along(eta[1], -1) - up(theta[1], 1) - up(theta[0], -1)",
            ),
            "only the two vertical edges": LOOP.replace("along(eta[0], 1) + along(eta[1], -1) + ", ""),
            "there is none": "work, here = lambda theta, eta: 0.0, 0.0",
        },
    },
    "ex-09-falls": {
        "other": FALLS,
        "independent": """
def rate(theta, eta):
    a, b = torch.sigmoid(theta), torch.sigmoid(eta)
    return -((a - b) ** 2) - b * (1 - b) * (eta - theta) * (b - a)

end = 1 / (1 + math.exp(-sum(start) / 2))  # theta + eta does not change
""",
        "wrong": {
            "V must fall": FALLS.replace("return dt * (b - a) + de * (a - b)", "return dt * (a - b) + de * (b - a)"),
            "eta moves, too": FALLS.replace(" + de * (a - b)", ""),
            "the two players move in opposite directions": FALLS.replace("+ de * (a - b)", "+ de * (b - a)"),
            "does not stay what it was": FALLS + "\nend = torch.tensor(start).sigmoid().mean()\n",
        },
    },
    "ex-09-em": {
        "other": EM,
        "independent": """
def turn(data, prior, decoder):
    pairs = prior[:, None] * decoder
    encoder = pairs / pairs.sum(0)  # [m, n]
    counts = encoder * data
    return counts / counts.sum(1, keepdim=True)

p_x, p_z = torch.tensor(data), torch.tensor(prior)
once = turn(p_x, p_z, torch.tensor(decoder))
level = (p_x * torch.log(p_z @ once)).sum()
ceiling = sum(p * math.log(p) for p in data)  # -H(d): a free table can be d, and the likelihood is concave in it
""",
        "wrong": {
            "the prior is missing": EM.replace("float(prior[z] * decoder[z][x])", "float(decoder[z][x])"),
            "the data are missing": EM.replace("float(data[x]) * joint", "joint"),
            "do not sum to one": EM.replace("new.append([value / sum(row) for value in row])", "new.append(row)"),
            "of the given decoder": EM + "\nlevel = log_likelihood(decoder)\n",
            "not even a perfect model": EM + "\nceiling = 0.0\n",
        },
    },
    "ex-09-prior": {
        "other": PRIOR,
        "independent": """
def slope(logits, data, encoder):
    return data @ encoder - torch.softmax(logits, 0)

alone = torch.zeros(len(encoder[0]))
best = torch.tensor(data) @ torch.tensor(encoder)
""",
        "wrong": {
            "the wake phase climbs": PRIOR.replace("grad(value,", "grad(-value,"),
            "the logits go through a softmax": PRIOR.replace("logits.log_softmax(0)", "logits"),
            "the plain mean": PRIOR + "\nbest = torch.tensor(encoder).mean(0)\n",
        },
    },
    "ex-09-marginals": {
        "other": MARGINALS,
        "independent": """
def product(a, b):  # the chances that the first and the second bit are one
    return [(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]

def sigmoid(t):
    return 1 / (1 + math.exp(-t))

L = [math.log(p) for p in posterior]
found = []
for a in (0.01, 0.3, 0.5, 0.7, 0.99):
    for b in (0.01, 0.3, 0.5, 0.7, 0.99):
        for _ in range(2000):  # one bit at a time, the other held
            a = sigmoid((1 - b) * (L[2] - L[0]) + b * (L[3] - L[1]))
            b = sigmoid((1 - a) * (L[1] - L[0]) + a * (L[3] - L[2]))
        q = product(a, b)
        found.append((sum(c * (math.log(c) - l) for c, l in zip(q, L)), q))
by_bound = min(found)[1]
by_sleep = product(posterior[2] + posterior[3], posterior[1] + posterior[3])
""",
        "wrong": {
            "it is the posterior itself": "by_sleep = by_bound = posterior",
            "this is what sleep finds": MARGINALS + "\nby_bound = by_sleep\n",
            "Try other starts": MARGINALS
            + """
p = torch.tensor(posterior).reshape(2, 2).log()
second = torch.tensor([0.9, 0.1])  # ends on the lower of the two hilltops
for _ in range(500):
    first = (p @ second).softmax(0)
    second = (first @ p).softmax(0)
by_bound = (first[:, None] * second).flatten()
""",
            "another law of two independent bits": MARGINALS
            + """
first = torch.tensor([0.08, 0.92])
second = torch.tensor([0.9, 0.1])
by_bound = (first[:, None] * second).flatten()
""",
            "not independent": MARGINALS + "\nby_bound = posterior\n",
        },
    },
    "ex-09-rws": {
        "other": RWS,
        "independent": """
from itertools import product

def limit(log_joint, logits):
    return torch.softmax(log_joint, 0) - torch.softmax(logits, 0)

def slope(log_joint, logits, k):
    q = torch.softmax(logits, 0)
    w = torch.exp(log_joint) / q
    total = torch.zeros_like(log_joint)
    for codes in product(range(len(q)), repeat=k):
        codes = list(codes)
        chance, share = q[codes].prod(), w[codes] / w[codes].sum()
        for code, part in zip(codes, share):
            total[code] += chance * part
    return total

def update(log_joint, logits, k):  # the gradient of log q(z) is one at z, minus q
    return slope(log_joint, logits, k) - torch.softmax(logits, 0)

at = torch.tensor(log_joint), torch.tensor(logits)
off = (update(*at, 4) - limit(*at)).norm()
""",
        "wrong": {
            "the KL is to fall": RWS.replace("grad(posterior @", "grad(-posterior @"),
            "with q first": RWS.replace(
                "return torch.autograd.grad(posterior @ logits.log_softmax(0), logits)[0]",
                "q = logits.softmax(0)\n    return torch.autograd.grad(-(q * (q / posterior).log()).sum(), logits)[0]",
            ),
            "with few draws the weights are biased": RWS
            + "\nupdate = lambda log_joint, logits, k: limit(log_joint, logits)\n",
            "the weights are not normalised": RWS.replace("* w / sum(weights)", "* w / k"),
            "the square of the length": RWS + "\noff = off**2\n",
        },
    },
    "ex-09-constant": {
        "other": CONSTANT,
        "independent": """
def bound(real, says):
    entropy = -real * math.log(real) - (1 - real) * math.log(1 - real)
    return entropy + real * math.log(says) + (1 - real) * math.log(1 - says)

best = accuracy = real
certified = 0.0
""",
        "wrong": {
            "the entropy of the label is missing": CONSTANT
            + "\nbound = lambda real, says: real * math.log(says) + (1 - real) * math.log(1 - says)\n",
            "for fair labels only": CONSTANT
            + "\nbound = lambda real, says: math.log(2) + real * math.log(says) + (1 - real) * math.log(1 - says)\n",
            "depends on the share": CONSTANT + "\nbest = 0.5\n",
            "not what an example tells": CONSTANT
            + "\ncertified = -real * math.log(real) - (1 - real) * math.log(1 - real)\n",
        },
    },
    "ex-09-certified": {
        "other": CERTIFIED,
        "independent": """
def certified(of_data, of_samples, real):
    entropy = -real * math.log(real) - (1 - real) * math.log(1 - real)
    right_on_data = -torch.log(1 + torch.exp(-of_data)).mean()
    right_on_samples = -torch.log(1 + torch.exp(of_samples)).mean()
    return entropy + real * right_on_data + (1 - real) * right_on_samples

t1, t0 = torch.tensor(of_data).double(), torch.tensor(of_samples).double()

def rising(factor):  # the slope of the bound, which falls with the factor
    return real * (t1 * torch.sigmoid(-factor * t1)).mean() - (1 - real) * (t0 * torch.sigmoid(factor * t0)).mean()

low, high = -50.0, 50.0
for _ in range(100):
    factor = (low + high) / 2
    low, high = (factor, high) if rising(factor) > 0 else (low, factor)
""",
        "wrong": {
            "the entropy of the label is missing": CERTIFIED.replace("return label + ", "return "),
            "for fair labels only": CERTIFIED.replace("return label + ", "return math.log(2) + "),
            "counts both labels alike": CERTIFIED.replace(
                "real * D.log().mean() + (1 - real) *", "D.log().mean() / 2 + 0.5 *"
            ),
            "has a higher bound": CERTIFIED + "\nfactor = 1.0\n",
        },
    },
    "ex-09-seeks": {
        "other": SEEKS,
        "independent": """
z = torch.linspace(-10, 10, 40001, dtype=torch.float64)
weights = torch.softmax(-(z**2) / 2 - (x - z**2) ** 2 / (2 * noise**2), 0)
mean = (weights * z).sum()
std = ((weights * z**2).sum() - mean**2).sqrt()
bound_mean = "at one mode"
""",
        "wrong": {
            "must cover both": SEEKS + "\nmean = math.sqrt(x)\n",
            "this is the variance": SEEKS + "\nstd = std**2\n",
            "the prior pulls": SEEKS + "\nstd = math.sqrt(x)\n",
            "hardly any mass": SEEKS + '\nbound_mean = "at zero"\n',
        },
    },
}
