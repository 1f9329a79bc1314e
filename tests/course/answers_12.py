"""Answers to the exercises of chapter 12: another right one, by another way than the solution, and typical wrong ones.

Those called "independent" were written by somebody who had seen neither solution nor judge.
"""

SCALE = """
def price(x, back, scale):
    total = 0.0
    for row, other in zip(x.tolist(), back.tolist()):
        total += sum(abs(a - b) / scale + math.log(2 * scale) for a, b in zip(row, other))
    return total / len(x)

a, b = torch.tensor(x).double(), torch.tensor(back).double()
sizes = torch.linspace(0.001, 2, 200001, dtype=torch.float64)
values = (a - b).abs().sum(-1).mean() / sizes + 3 * (2 * sizes).log()
best, least = sizes[values.argmin()], values.min()
"""

WEIGHT = """
weight_of = lambda scale, pixels: pixels / (scale / 2)
honest = weight_of(miss, pixels)
implied = pixels / 5
"""

HALF = """
def one(n_x, n_z):
    count = 1
    for k in range(n_z):
        count *= n_x - k
    return count * n_z ** (n_x - n_z)

both = lambda n_x, n_z: one(n_x, n_z) * (n_x == n_z)
from itertools import product
n_x, n_z = sizes
G = torch.cartesian_prod(*[torch.arange(n_x)] * n_z)
F = torch.cartesian_prod(*[torch.arange(n_z)] * n_x)
share = sum((f[G] == torch.arange(n_z)).all(1).sum().item() for f in F) / (len(G) * len(F))
"""

ENTROPIES = """
F = None
for code in range(3**5):
    digits = [code // 3**k % 3 for k in range(5)]
    sums = [sum(d for d, z in zip(data, digits) if z == k) for k in range(3)]
    if max(abs(s - p) for s, p in zip(sums, prior)) < 1e-9:
        F = digits
paid = -sum(d * math.log(d / prior[z]) for d, z in zip(data, F))
blind = -sum(d * math.log(d) for d in data)
"""

COUNT = """
def solutions(weights):
    return sum(all(weights[i] == w for i, w in zip(order, weights)) for order in permutations(range(len(weights))))

chance, paired = 1 / solutions(weights), len(set(weights))
"""

TURN = """
a, m = torch.tensor(A).double(), torch.tensor(mean).double()
away = lambda t: 2 * (1 - math.cos(t)) * float((a * a).sum())
low, high = 0.0, math.pi
for _ in range(60):
    middle = (low + high) / 2
    low, high = (middle, high) if away(middle) < distance else (low, middle)
angle = low
Q = torch.tensor([[math.cos(low), math.sin(low)], [-math.sin(low), math.cos(low)]]).double()
G = lambda z: m + torch.einsum("ij,jk,nk->ni", a, Q, z.double())
F = lambda x: (x.double() - m) @ a.inverse().T @ Q
"""

LINE = """
def C(x):
    return sum(w * (1 + torch.erf((x - m) / (s * math.sqrt(2)))) / 2 for w, m, s in zip(shares, means, stds))

grid = torch.linspace(-12, 14, 400001, dtype=torch.float64)
levels = C(grid)

def C_back(u):
    place = torch.searchsorted(levels, u.double()).clamp(1, len(grid) - 1)
    left, right = levels[place - 1], levels[place]
    return grid[place - 1] + (u - left) / (right - left) * (grid[1] - grid[0])

def mirror(x):
    return C_back(1 - C(x.double()))

fixed = C_back(torch.tensor([0.5]).double()).item()
"""

SWIRL = """
def T(z):
    return torch.stack([z[:, 0], z[:, 1] * (z[:, 0] / 2).exp() + z[:, 0] ** 2 / 2], -1)

def inverse(x):
    return torch.stack([x[:, 0], (x[:, 1] - x[:, 0] ** 2 / 2) / (x[:, 0] / 2).exp()], -1)

Q = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # a quarter turn, the same everywhere
s = lambda x: T(inverse(x) @ Q.to(x).T)
back = lambda x: T(inverse(x) @ Q.to(x))
"""

FAIR = """
copy = torch.distributions.Binomial(copies, torch.tensor(1 / group).double())
some = 1 - copy.log_prob(torch.tensor(0.0)).exp()
copies_needed = math.ceil(math.log(0.05) / math.log((group - 1) / group))
tells = "neither"
"""

PAIRS = """
def correct(found, x, z):
    best = None
    for s in clouds(symmetric=True).symmetries:
        F = torch.linalg.inv(s.to(found)) @ found
        miss = (x @ F - z).norm()
        best = min(best, (miss.item(), F), key=lambda each: each[0]) if best else (miss.item(), F)
    return best[1]

a, b = map(abs, point)
fits = 2 if a == 0 or b == 0 or a == b else 1
"""

NEAR = """
def cheapest(points, images):
    best, paid = None, math.inf
    for order in permutations(range(len(points))):
        cost = sum(float(((points[i] - images[j]) ** 2).sum()) for i, j in enumerate(order))
        best, paid = (list(order), cost) if cost < paid else (best, paid)
    return best

true, limit = degrees < 45, 45.0
"""

HIDDEN = """
def gain(width):
    return math.sqrt(1 / 3) / width

def error(noise, width):
    draws = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).double() * noise
    draws[:, 1] *= gain(width)
    return draws.square().mean().sqrt()

low, high = 0.0, 1.0
for _ in range(60):
    middle = (low + high) / 2
    low, high = (middle, high) if error(middle, width) < math.sqrt(1 / 6) else (low, middle)
lost = low
"""

ANSWERS = {
    "ex-12-scale": {
        "other": SCALE,
        "wrong": {
            "the constant of the density is missing": SCALE.replace(" + math.log(2 * scale) for", " for"),
            "average over the examples": SCALE.replace("total / len(x)", "total / x.numel()"),
            "you summed over the examples": SCALE.replace("total / len(x)", "total"),
            "per dimension": SCALE + "\nbest = 3 * best\n",
            "the price of one dimension": SCALE + "\nleast = least / 3\n",
        },
    },
    "ex-12-weight": {
        "other": WEIGHT,
        "wrong": {
            "without the halves": WEIGHT.replace("pixels / (scale / 2)", "pixels / scale"),
            "needs their number": WEIGHT.replace("pixels / (scale / 2)", "2 / scale"),
            "as above": WEIGHT + "\nimplied = pixels / 10\n",
        },
    },
    "ex-12-half": {
        "other": HALF,
        "wrong": {
            "F is free where G never arrives": HALF.replace("return count * n_z ** (n_x - n_z)", "return count"),
            "the order of the points matters": HALF.replace("return count *", "return math.comb(n_x, n_z) *"),
            "with unequal sizes": HALF.replace(
                "both = lambda n_x, n_z: one(n_x, n_z) * (n_x == n_z)", "both = math.perm"
            ),
            "as many choices as there are z": HALF.replace("n_z ** (n_x - n_z)", "n_x ** (n_x - n_z)"),
            "not the share": HALF + "\nshare = one(*sizes)\n",
        },
    },
    "ex-12-entropies": {
        "other": ENTROPIES,
        "wrong": {
            "do not have the probabilities of the prior": ENTROPIES + "\nF = [0, 0, 1, 1, 1]\n",
            "the pile with more entropy": ENTROPIES + "\npaid = -paid\n",
            "cannot be zero": ENTROPIES + "\npaid = 0.0\n",
            "tells nothing of x": ENTROPIES + "\nblind = paid\n",
        },
    },
    "ex-12-count": {
        "other": COUNT,
        "wrong": {
            "cannot be exchanged": COUNT.replace("return sum(", "return math.factorial(len(weights))\n    return sum("),
            "this is the number of solutions": COUNT + "\nchance = solutions(weights)\n",
            "now and then, too": COUNT + "\npaired = sum(weights.count(w) == 1 for w in weights)\n",
        },
    },
    "ex-12-turn": {
        "other": TURN,
        "wrong": {
            "not after": TURN.replace('"ij,jk,nk->ni", a, Q', '"ij,jk,nk->ni", Q, a'),
            "undo the steps in the reverse order": TURN.replace("@ a.inverse().T @ Q", "@ Q @ a.inverse().T"),
            "the distance itself": TURN.replace("away(middle) < distance", "away(middle) < distance**2"),
            "this is in degrees": TURN + "\nangle = math.degrees(low)\n",
        },
    },
    "ex-12-line": {
        "other": LINE,
        "wrong": {
            "this is the identity": LINE.replace("C_back(1 - C(x.double()))", "x"),
            "reflects at the mean": LINE.replace(
                "C_back(1 - C(x.double()))", "2 * sum(w * m for w, m in zip(shares, means)) - x"
            ),
            "go back to x": LINE.replace("C_back(1 - C(x.double()))", "1 - C(x.double())"),
            "this is the mean": LINE + "\nfixed = sum(w * m for w, m in zip(shares, means))\n",
        },
    },
    "ex-12-swirl": {
        "other": SWIRL,
        "wrong": {
            "less than half a unit": SWIRL + "\ns = back = lambda x: x\n",
            "you turned x itself": SWIRL + "\ns = lambda x: x @ Q.to(x).T\n",
            "send it on by T": SWIRL.replace(
                "s = lambda x: T(inverse(x) @ Q.to(x).T)", "s = lambda x: inverse(x) @ Q.to(x).T"
            ),
            "turns on instead of back": SWIRL + "\nback = s\n",
        },
    },
    "ex-12-fair": {
        "other": FAIR,
        "wrong": {
            "that none does": FAIR + "\nsome = 1 - some\n",
            "their average number": FAIR + "\nsome = copies / group\n",
            "need not find them all": FAIR + "\ncopies_needed = group\n",
            "keeps both piles": FAIR + '\ntells = "judges"\n',
        },
    },
    "ex-12-pairs": {
        "other": PAIRS,
        "wrong": {
            "as it was found": PAIRS + "\ncorrect = lambda found, x, z: found\n",
            "before the map": PAIRS.replace("torch.linalg.inv(s.to(found)) @ found", "found @ s.to(found)"),
            "fitted by least squares": PAIRS + "\ncorrect = lambda found, x, z: torch.linalg.lstsq(x, z).solution\n",
            "on an axis of reflection": PAIRS + "\nfits = 1\n",
        },
    },
    "ex-12-near": {
        "other": NEAR,
        "wrong": {
            "you took the nearest for each": NEAR
            + "\ncheapest = lambda points, images: torch.cdist(points, images).argmin(1)\n",
            "its inverse": NEAR.replace("return best", "return torch.tensor(best).argsort()"),
            "count the places from 0": NEAR.replace(
                "best, paid = (list(order), cost)", "best, paid = ([i + 1 for i in order], cost)"
            ),
            "you added the distances": NEAR.replace("** 2).sum()) for", "** 2).sum()) ** 0.5 for"),
            "moves the points less": NEAR + "\ncheapest = lambda points, images: torch.arange(len(points))\n",
            "no rival": NEAR + "\ntrue = False\n",
            "already on its neighbour": NEAR + "\nlimit = 90\n",
        },
    },
    "ex-12-hidden": {
        "other": HIDDEN,
        "wrong": {
            "not the standard deviation 1": HIDDEN.replace("math.sqrt(1 / 3) / width", "1 / width"),
            "the mean runs over both": HIDDEN.replace(
                "draws.square().mean().sqrt()", "draws.square().sum(1).mean().sqrt()"
            ),
            "amplified on the way back": HIDDEN.replace("    draws[:, 1] *= gain(width)\n", ""),
            "costs less": HIDDEN.replace("math.sqrt(1 / 6)", "math.sqrt(1 / 3)"),
        },
    },
}

INDEPENDENT = {
    "ex-12-scale": """
def price(x, back, scale):
    return float(((x - back).abs() / scale + math.log(2 * scale)).sum(1).mean())

miss = (torch.tensor(x).double() - torch.tensor(back).double()).abs()
best = float(miss.mean())
least = miss.shape[1] * (1 + math.log(2 * best))
""",
    "ex-12-weight": """
weight_of = lambda scale, pixels: 2 * pixels / scale
honest, implied = 2 * pixels / miss, 2 * pixels / 10
""",
    "ex-12-half": """
one = lambda n_x, n_z: math.perm(n_x, n_z) * n_z ** (n_x - n_z)
both = lambda n_x, n_z: math.factorial(n_x) if n_x == n_z else 0
n_x, n_z = sizes
share = one(n_x, n_z) / (n_x**n_z * n_z**n_x)
""",
    "ex-12-entropies": """
from itertools import product

def matches(codes):
    return all(abs(sum(d for d, z in zip(data, codes) if z == k) - prior[k]) < 1e-9 for k in range(3))

F = next(list(codes) for codes in product(range(3), repeat=5) if matches(codes))
entropy = lambda p: -sum(value * math.log(value) for value in p)
paid, blind = entropy(data) - entropy(prior), entropy(data)
""",
    "ex-12-count": """
def solutions(weights):
    total = 1
    for weight in set(weights):
        total *= math.factorial(list(weights).count(weight))
    return total

chance, paired = 1 / solutions(weights), len(set(weights))
""",
    "ex-12-turn": """
a, m = torch.tensor(A).double(), torch.tensor(mean).double()
angle = math.acos(1 - distance / (2 * float((a**2).sum())))
c, s = math.cos(angle), math.sin(angle)
turned = a @ torch.tensor([[c, -s], [s, c]]).double()
G = lambda z: m + z @ turned.T
F = lambda x: torch.linalg.solve(turned, (x - m).T).T
""",
    "ex-12-line": """
def C(x):
    parts = zip(shares, means, stds)
    return sum(share * (1 + torch.erf((x - mean) / std / math.sqrt(2))) / 2 for share, mean, std in parts)

def C_back(level):
    low, high = torch.full_like(level, -40), torch.full_like(level, 40)
    for _ in range(100):
        middle = (low + high) / 2
        short = C(middle) < level
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return (low + high) / 2

mirror = lambda x: C_back(1 - C(x))
fixed = float(C_back(torch.tensor([0.5]).double()))
""",
    "ex-12-swirl": """
T = lambda z: torch.stack([z[:, 0], z[:, 1] * (z[:, 0] / 2).exp() + z[:, 0] ** 2 / 2], 1)
to_z = lambda x: torch.stack([x[:, 0], (x[:, 1] - x[:, 0] ** 2 / 2) * (-x[:, 0] / 2).exp()], 1)

def s(x):
    z = to_z(x)
    return T(torch.stack([-z[:, 1], z[:, 0]], 1))  # a quarter turn of the round Gaussian is enough

def back(x):
    z = to_z(x)
    return T(torch.stack([z[:, 1], -z[:, 0]], 1))
""",
    "ex-12-fair": """
some = 1 - (1 - 1 / group) ** copies
copies_needed = 1
while 1 - (1 - 1 / group) ** copies_needed < 0.95:
    copies_needed += 1
tells = "neither"
""",
    "ex-12-pairs": """
orders = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
signed = [order @ torch.diag(torch.tensor([a, b])) for order in orders for a in (-1.0, 1.0) for b in (-1.0, 1.0)]

def correct(found, x, z):
    return min((S.to(found) @ found for S in signed), key=lambda M: float((x @ M - z).square().sum()))

fits = sum(bool(torch.equal(torch.tensor(point) @ S, torch.tensor(point))) for S in signed)
""",
    "ex-12-near": """
def cheapest(points, images):
    cost = lambda order: float(((images[list(order)] - points) ** 2).sum())
    return torch.tensor(min(permutations(range(len(points))), key=cost))

true = degrees < 45
limit = 45
""",
    "ex-12-hidden": """
gain = lambda width: math.sqrt(1 / 3) / width
error = lambda noise, width: noise * math.sqrt((1 + gain(width) ** 2) / 2)
lost = math.sqrt(1 / 3) / math.sqrt(1 + gain(width) ** 2)
""",
}

for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
