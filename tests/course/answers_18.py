"""Answers to the exercises of chapter 18: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

WELCH = """
def welch(mean_a, sd_a, mean_b, sd_b, n):
    found = stats.ttest_ind_from_stats(mean_b, sd_b, n, mean_a, sd_a, n, equal_var=False)
    s, r = sd_a**2, sd_b**2
    return found.statistic, (s + r) ** 2 / (s**2 / (n - 1) + r**2 / (n - 1))

p = stats.ttest_ind_from_stats(mean_b, sd_b, n, mean_a, sd_a, n, equal_var=False).pvalue
corners = [(da, sa, db, sb) for da in (-1, 1) for sa in (-1, 1) for db in (-1, 1) for sb in (-1, 1)]
h = unit / 2
every = [welch(mean_a + i * h, sd_a + j * h, mean_b + k * h, sd_b + l * h, n)[0] for i, j, k, l in corners]
worst = min(every)
"""
CONTROL = """
def word(low, high):
    return "gains" if low > 0 else "costs" if high < 0 else "not shown"

(m, h), (v, w) = blind_base, blind_variant
self_training, discriminator = word(m - h, m + h), word(-v - w, -v + w)
total = m + -v
"""
PAIRS = """
t = lambda degrees: -stats.t.ppf(0.025, degrees)

def threshold(n):
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        narrower = t(n - 1) ** 2 * (1 - middle) < t(2 * n - 2) ** 2
        low, high = (low, middle) if narrower else (middle, high)
    return middle

ratio = t(seeds - 1) ** 2 * 2 * (1 - rho) / (t(2 * seeds - 2) ** 2 * 2)
"""
POWER = """
def power(effect, n):
    z = torch.randn(20_000, generator=torch.Generator().manual_seed(n)).numpy()
    v = np.random.default_rng(n).chisquare(n - 1, size=20_000)
    T = (z + effect * n**0.5) / np.sqrt(v / (n - 1))
    return (np.abs(T) > stats.t.ppf(0.975, n - 1)).mean()

exactly = lambda e, n: 1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, e * n**0.5)
tries = np.linspace(0.3, 4, 3701)
visible = tries[np.argmax(exactly(tries, seeds) >= wanted)]
"""
RUNS = """
def power(mean_a, sd_a, mean_b, sd_b, n):
    rng = np.random.default_rng(n)
    a = mean_a + sd_a * rng.normal(size=(10_000, n))
    b = mean_b + sd_b * rng.normal(size=(10_000, n))
    return (stats.ttest_ind(b, a, axis=1, equal_var=False).pvalue < 0.05).mean()

needed = 4
while power(mean_a, sd_a, mean_b, sd_b, needed) < 0.8:
    needed += 1
"""
PEEKING = """
rng, shown, single = np.random.default_rng(11), 0, 0
delta = rng.normal(size=(30_000, last))
alive = np.ones(len(delta), dtype=bool)
for n in range(first, last + 1):
    wide = stats.ttest_1samp(delta[:, :n], 0, axis=1).pvalue < 0.05
    alive &= ~wide
until, one_look, cure = 1 - alive.mean(), wide.mean(), "a fixed number"
"""
SINGLE = """
def misled(a, b):
    a, b = a.tolist(), b.tolist()
    ahead = sum(b) > sum(a)
    others = [(x, y) for i, x in enumerate(a) for j, y in enumerate(b) if i != j]
    return sum((y > x) != ahead for x, y in others) / len(others)

chance = stats.norm.sf(gap, scale=2**0.5)
"""
HOLM = """
def holm(p, alpha):
    # the adjusted p-value: the largest of (m - rank) p over all that are not larger
    p = [float(v) for v in p]
    rank = {v: place for place, v in enumerate(sorted(p))}
    adjusted = [max((len(p) - rank[w]) * w for w in p if w <= v) for v in p]
    return [v <= alpha for v in adjusted]

some, level = -math.expm1(rows * math.log(0.95)), -math.expm1(math.log(0.95) / rows)
"""
STEPS = """
def holm(p, alpha):
    shown = torch.zeros(len(p), dtype=torch.bool)
    for place, row in enumerate(p.argsort()):
        if p[row] > {level}:
            break
        shown[row] = True
    return shown
"""
DROPPED = """
dropped, within = float(classes - missing), "stays"
total = 2 * classes - 1
rare = math.exp(math.log(total) - (total - 1) / total * math.log(2))

def score(q):
    return classifier_score(q)
"""
TOLD = """
def worth(joint):
    d_x, d_t, found = joint.sum(0), joint.sum(1), 0.0
    for c, row in enumerate(joint):
        for x, p in enumerate(row):
            if p > 0:
                found += float(p * (p / (d_x[x] * d_t[c])).log())
    return found

most = torch.distributions.Categorical(torch.tensor(frequencies)).entropy()
alone = ["no", "yes"][bool(gain <= float(most))]
"""

ANSWERS = {
    "ex-18-welch": {
        "other": WELCH,
        "independent": """
def welch(mean_a, sd_a, mean_b, sd_b, n):
    spread = sd_a**2 + sd_b**2
    t = (mean_b - mean_a) / math.sqrt(spread / n)
    return [t, (n - 1) * spread**2 / (sd_a**4 + sd_b**4)]

t, nu = welch(mean_a, sd_a, mean_b, sd_b, n)
p = 2 * stats.t.sf(abs(t), nu)
half = unit / 2
signs = [(a, b, c, d) for a in (-half, half) for b in (-half, half) for c in (-half, half) for d in (-half, half)]
worst = min(welch(mean_a + a, sd_a + b, mean_b + c, sd_b + d, n)[0] for a, b, c, d in signs)
""",
        "wrong": {
            "the variant's mean comes first": WELCH + "right = welch\nwelch = lambda *a: (-right(*a)[0], right(*a)[1])",
            "varies less than one run": WELCH
            + "right = welch\nwelch = lambda *a: (right(*a)[0] / a[-1] ** 0.5, right(*a)[1])",
            "belong to equal variances": WELCH + "right = welch\nwelch = lambda *a: (right(*a)[0], 2 * a[-1] - 2)",
            "one-sided": WELCH + "p = p / 2",
            "not a normal number": WELCH + "p = 2 * stats.norm.sf(welch(mean_a, sd_a, mean_b, sd_b, n)[0])",
            "half a unit at most": WELCH
            + "worst = welch(mean_a + unit, sd_a + unit, mean_b - unit, sd_b + unit, n)[0]",
            "the deviations are rounded, too": WELCH + "worst = welch(mean_a + h, sd_a, mean_b - h, sd_b, n)[0]",
            "the largest t": WELCH + "worst = max(every)",
        },
    },
    "ex-18-control": {
        "other": CONTROL,
        "independent": """
def verdict(mean, half):
    return "gains" if mean - half > 0 else "costs" if mean + half < 0 else "not shown"

self_training = verdict(*blind_base)
discriminator = verdict(-blind_variant[0], blind_variant[1])  # variant minus blind
total = blind_base[0] - blind_variant[0]
""",
        "wrong": {
            "see whether zero is in it": CONTROL + "self_training = 'not shown'",
            "mind the sign": CONTROL + "discriminator = word(v - w, v + w)",
            "must cancel": CONTROL + "total = m + v",
        },
    },
    "ex-18-pairs": {
        "other": PAIRS,
        "independent": """
def price(n):  # what fewer degrees of freedom cost
    return (stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, 2 * n - 2)) ** 2

ratio = (1 - rho) * price(seeds)

def threshold(n):
    return 1 - 1 / price(n)
""",
        "wrong": {
            "fewer degrees of freedom": "ratio = 1 - rho\nthreshold = lambda n: 0.0",
            "the quantiles are exchanged": PAIRS + "ratio = (1 - rho) ** 2 / ratio",
            "threshold: the squares": PAIRS + "threshold = lambda n: 1 - t(2 * n - 2) / t(n - 1)",
            "any correlation above zero": PAIRS + "threshold = lambda n: 0.0",
        },
    },
    "ex-18-power": {
        "other": POWER,
        "independent": """
def power(effect, n):
    limit, shift = stats.t.ppf(0.975, n - 1), effect * math.sqrt(n)
    return stats.nct.sf(limit, n - 1, shift) + stats.nct.sf(limit, n - 1, -shift)

low, high = 0.0, 20.0
for _ in range(60):
    visible = (low + high) / 2
    low, high = (low, visible) if power(visible, seeds) > wanted else (visible, high)
""",
        "wrong": {
            "on both sides": POWER + "power = exactly",
            "that takes a Student's t": POWER
            + "power = lambda e, n: stats.norm.sf(stats.norm.ppf(0.975) - e * n**0.5)",
            "the root of n": POWER
            + "power = lambda e, n: exactly(e / n**0.5, n) + stats.nct.cdf(-stats.t.ppf(0.975, n - 1), n - 1, e)",
            "in half of the studies": POWER + "visible = stats.t.ppf(0.975, seeds - 1) / seeds**0.5",
            "not enough": POWER + "visible = (stats.norm.ppf(0.975) + stats.norm.ppf(wanted)) / seeds**0.5",
        },
    },
    "ex-18-runs": {
        "other": RUNS,
        "independent": """
def power(mean_a, sd_a, mean_b, sd_b, n):
    spread = sd_a**2 + sd_b**2
    nu = (n - 1) * spread**2 / (sd_a**4 + sd_b**4)
    shift, limit = (mean_b - mean_a) / math.sqrt(spread / n), stats.t.ppf(0.975, nu)
    return stats.nct.sf(limit, nu, shift) + stats.nct.sf(limit, nu, -shift)

needed = 2
while power(mean_a, sd_a, mean_b, sd_b, needed) < 0.8:
    needed += 1
""",
        "wrong": {
            "one-sided": RUNS
            + "right = power\ndef power(*a):\n"
            + "    *case, n = a\n    shift = (a[2] - a[0]) / math.sqrt((a[1] ** 2 + a[3] ** 2) / n)\n"
            + "    s, r = a[1] ** 2, a[3] ** 2\n    nu = (n - 1) * (s + r) ** 2 / (s**2 + r**2)\n"
            + "    return stats.nct.sf(stats.t.ppf(0.95, nu), nu, shift)",
            "to miss it": RUNS + "right = power\npower = lambda *a: 1 - right(*a)",
            "half of the studies miss it": RUNS
            + "needed = 4\nwhile power(mean_a, sd_a, mean_b, sd_b, needed) < 0.5:\n    needed += 1",
            "not those of both": RUNS + "needed = 2 * needed",
            "the probability is below": RUNS + "needed = needed - 4",
        },
    },
    "ex-18-peeking": {
        "other": PEEKING,
        "independent": """
draws = np.random.default_rng(5).standard_normal((40_000, last))
found = np.zeros(len(draws), dtype=bool)
for n in range(first, last + 1):
    seen = draws[:, :n]
    shown = np.abs(seen.mean(1)) > stats.t.ppf(0.975, n - 1) * seen.std(1, ddof=1) / math.sqrt(n)
    found |= shown
until, one_look = found.mean(), shown.mean()
cure = "a fixed number"
""",
        "wrong": {
            "another chance to be wrong": PEEKING + "until = 0.05",
            "not independent": PEEKING + "until = 1 - 0.95 ** (last + 1 - first)",
            "they do not add": PEEKING + "until = min(1.0, 0.05 * (last + 1 - first))",
            "the level of the interval": PEEKING + "one_look = 0.95",
            "how the false alarms came about": PEEKING + "cure = 'stop when it works'",
        },
    },
    "ex-18-single": {
        "other": SINGLE,
        "independent": """
def misled(a, b):
    ahead = b.mean() > a.mean()
    other = ~torch.eye(len(a), dtype=torch.bool)
    return ((b[None, :] > a[:, None]) != ahead)[other].double().mean()

chance = stats.norm.cdf(-gap / math.sqrt(2))
""",
        "wrong": {
            "pairs of equal seeds": SINGLE + "misled = lambda a, b: ((b - a) * (b - a).mean() < 0).double().mean()",
            "are to be left out": SINGLE
            + "misled = lambda a, b: ((b[None] - a[:, None]) * (b - a).mean() < 0).double().mean()",
            "rank as the means do": SINGLE + "right = misled\nmisled = lambda a, b: 1 - right(a, b)",
            "the variances add": SINGLE + "chance = stats.norm.cdf(-gap)",
            "its root": SINGLE + "chance = stats.norm.cdf(-gap / 2)",
        },
    },
    "ex-18-holm": {
        "other": HOLM,
        "independent": """
def holm(p, alpha):
    shown, left = [False] * len(p), len(p)
    for place in sorted(range(len(p)), key=lambda k: float(p[k])):
        if p[place] > alpha / left:
            break
        shown[place], left = True, left - 1
    return shown

some = 1 - 0.95**rows
level = 1 - 0.95 ** (1 / rows)
""",
        "wrong": {
            "whatever the number of rows": HOLM + "holm = lambda p, alpha: p <= alpha",
            "alpha/m for all": HOLM + "holm = lambda p, alpha: p <= alpha / len(p)",
            "another test": HOLM
            + """
def holm(p, alpha):
    order, shown = p.argsort(), torch.zeros(len(p), dtype=torch.bool)
    for place in reversed(range(len(p))):
        if p[order[place]] <= alpha / (len(p) - place):
            shown[order[: place + 1]] = True
            break
    return shown
""",
            "no row is out yet": HOLM + STEPS.format(level="alpha / max(len(p) - place - 1, 1)"),
            "for independent rows; Holm": HOLM + STEPS.format(level="1 - (1 - alpha) ** (1 / (len(p) - place))"),
            "in the order of the rows": HOLM
            + "right = holm\nholm = lambda p, alpha: sorted(right(p, alpha), reverse=True)",
            "chances overlap": HOLM + "some = 0.05 * rows",
            "for any dependence": HOLM + "level = 0.05 / rows",
        },
    },
    "ex-18-dropped": {
        "other": DROPPED,
        "independent": """
def score(q):
    entropy = lambda law: -torch.xlogy(law, law).sum(-1)
    return (entropy(q.mean(0)) - entropy(q).mean()).exp()

dropped = classes - missing
common = 1 / (classes - 0.5)
rare = math.exp(-(classes - 1) * common * math.log(common) - common / 2 * math.log(common / 2))
within = "stays"
""",
        "wrong": {
            "the exponential of the entropy": DROPPED + "dropped = math.log(classes - missing)",
            "does not count half": DROPPED + "rare = classes - 0.5",
            "this is its logarithm": DROPPED + "score = lambda q: classifier_score(q).log()",
            "the entropy of the answers is missing": DROPPED
            + "score = lambda q: (-(q.mean(0) * q.mean(0).log()).sum()).exp()",
            "they are what they were": DROPPED + "within = 'falls'",
        },
    },
    "ex-18-told": {
        "other": TOLD,
        "independent": """
def worth(joint):
    h = lambda law: -torch.xlogy(law, law).sum()
    return h(joint.sum(0)) + h(joint.sum(1)) - h(joint)

most = -sum(f * math.log(f) for f in frequencies)
alone = "yes" if gain <= most else "no"
""",
        "wrong": {
            "is not finite": TOLD + "worth = lambda j: (j * (j / (j.sum(0) * j.sum(1, keepdim=True))).log()).sum()",
            "the sign": TOLD + "right = worth\nworth = lambda joint: -right(joint)",
            "not the difference": TOLD
            + "plogp = lambda p: torch.special.xlogy(p, p).sum()\nworth = lambda j: plogp(j) - plogp(j.sum(1))",
            "equally frequent": TOLD + "most = math.log(4)",
            "what a label can be worth": TOLD + "alone = 'yes'",
        },
    },
}
