"""Answers to the exercises of chapter 15: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

SIGNAL = """
spread = lambda k: k**-0.5
decoder = spread(low) / spread(high)
encoder = (1 / high / spread(high)) / (1 / low / spread(low))
stands = "encoder"
"""

BOUND = """
def bound(log_w):
    total = 0.0
    for row in log_w.tolist():
        top = max(row)
        total += top + math.log(sum(math.exp(v - top) for v in row) / len(row))
    return total / len(log_w)

def weights(log_w):
    shifted = (log_w - log_w.amax(1, keepdim=True)).exp()
    return shifted / shifted.sum(1, keepdim=True)

gain = sum(math.log(sum(math.exp(v) for v in row) / 3) - sum(row) / 3 for row in log_w) / len(log_w)
"""

ESS = """
line = torch.linspace(-40, 40, 80_001, dtype=torch.float64)
N = torch.distributions.Normal
second = lambda q: torch.trapezoid((2 * q.log_prob(line) - N(0.0, 1.0).log_prob(line)).exp(), line)
shifted = 1 / second(N(delta, 1.0))
worth_one = (torch.tensor(float(batch)).log()) ** 0.5

def of_variance(v):
    if v >= 2:
        return 0.0
    return 1 / second(N(0.0, v**0.5))
"""

LADDER = """
w = [b / a for a, b in zip(q, joint)]
one = sum(a * math.log(b) for a, b in zip(q, w))
two = sum(q[i] * q[j] * math.log((w[i] + w[j]) / 2) for i in range(3) for j in range(3))
ladder = [one, two, math.log(sum(joint))]
q_2 = [0.0, 0.0, 0.0]
for i in range(3):
    for j in range(3):  # the weighted draw is i or j
        q_2[i] += q[i] * q[j] * w[i] / (w[i] + w[j])
        q_2[j] += q[i] * q[j] * w[j] / (w[i] + w[j])
"""

UPDATE = """
def slopes(t, k):
    found = []
    for start in range(0, len(t), k):
        group = t[start : start + k].tolist()
        odds = [math.exp(v) for v in group]
        found += [-(w / sum(odds)) / (1 + w) / (len(t) // k) for w in odds]
    return found

D = [1 / (1 + math.exp(-t)) for t in logits]
factor = sum(v / (1 - v) for v in D) / len(D)
"""

CONSTANT = """
m = [(a + b) / 2 for a, b in zip(d, g)]
Z = sum(v * w for v, w in zip(D, m))
posterior = [v * w / Z for v, w in zip(D, m)]
first = math.log(Z) - sum(b * math.log(b / r) for b, r in zip(g, posterior))
last = math.log(Z)
best = math.log(sum(a / (a + b) * (a + b) / 2 for a, b in zip(d, g)))
teaches = "nothing"
"""

SCORE = """
theta = torch.tensor(g, dtype=torch.float64).log().requires_grad_()
log_g = theta.log_softmax(0)
with_weights = lambda w: torch.autograd.grad((w * log_g).sum(), theta, retain_graph=True)[0]
once = with_weights(torch.tensor(g))
pull = with_weights(torch.tensor(d))
descends = "KL(d||g)"
"""

DIAL = """
r = [a / b for a, b in zip(d, g)]
c = [sum(b * 2 * mine / (mine + other) for b, other in zip(g, r)) for mine in r]
curvature = [v / (x * x + x**3) for v, x in zip(c, r)]
ends = [[1 / (x * x + x**3) for x in r], [1 / (x + x * x) for x in r]]
"""

ODDS = """
changed = False

def curvature(r):  # f'' = -h'/r, where h' = -(1-D) and D has the odds share/(1-share) r
    D = torch.sigmoid(r.log() + math.log(share / (1 - share)))
    return (1 - D) / r

m = [share * a + (1 - share) * b for a, b in zip(d, g)]
to_m = lambda p: sum(a * math.log(a / b) for a, b in zip(p, m))
divergence = to_m(d) + (1 - share) / share * to_m(g)
"""

TEMPER = """
def curvature(r, alpha):
    C = sum(b * (a / b) ** alpha for a, b in zip(d, g))
    return r**alpha / C / r**2 / (1 + r)

C = sum(a * a / b for a, b in zip(d, g))
forward = sum(a * math.log(a / b) for a, b in zip(d, g))
twice_jsd = sum(a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b)) for a, b in zip(d, g))
divergence = (forward - twice_jsd) / C
"""

ANSWERS = {
    "ex-15-signal": {
        "other": SIGNAL,
        "independent": """
decoder = math.sqrt(high / low)  # the mean stays, the spread falls like 1 / sqrt(k)
encoder = math.sqrt(low / high)  # the mean falls like 1 / k
stands = "encoder"
""",
        "wrong": {
            "the spread falls, too": SIGNAL + "encoder = low / high",
            "less spread, not more": SIGNAL + "decoder, encoder = encoder, decoder",
            "falls faster than its spread": SIGNAL + "encoder = decoder",
            "look at what is drawn": SIGNAL + "stands = 'decoder'",
        },
    },
    "ex-15-bound": {
        "other": BOUND,
        "independent": """
def bound(log_w):
    return (torch.logsumexp(log_w, 1) - math.log(log_w.shape[1])).mean()

def weights(log_w):
    return torch.softmax(log_w, 1)

table = torch.tensor(log_w)
gain = bound(table) - table.mean()
""",
        "wrong": {
            "this is the bound with one draw": BOUND + "bound = lambda log_w: log_w.mean()",
            "you added them": BOUND + "bound = lambda log_w: log_w.logsumexp(1).mean()",
            "stand in a row": BOUND + "bound = lambda log_w: log_w.logsumexp(0).mean() - math.log(len(log_w))",
            "not finite": BOUND + "bound = lambda log_w: log_w.exp().mean(1).log().mean()",
            "in a row, sum to one": BOUND + "weights = lambda log_w: log_w.softmax(0)",
            "not normalised": BOUND + "weights = lambda log_w: log_w.exp()",
            "of the wrong sign": BOUND + "gain = -gain",
        },
    },
    "ex-15-ess": {
        "other": ESS,
        "independent": """
shifted = math.exp(-(delta**2))
worth_one = math.sqrt(math.log(batch))

def of_variance(v):  # the integral of d^2 / g is 1 / sqrt(v (2 - v)), infinite from v = 2 on
    return math.sqrt(v * (2 - v)) if v < 2 else 0.0
""",
        "wrong": {
            "the share is its inverse": ESS + "shifted = 1 / shifted",
            "one is missing": ESS + "shifted = 1 / (1 / shifted - 1)",
            "this is its square": ESS + "worth_one = worth_one**2",
            "without a half": ESS + "worth_one = worth_one * 2**0.5",
            "which is squared": ESS + "of_variance = lambda v: math.sqrt(2 - v) if v < 2 else 0.0",
            "of_variance raised ValueError": ESS
            + "of_variance = lambda v: math.sqrt(v * (2 - v)) if v <= 2 else math.sqrt(-1)",
        },
    },
    "ex-15-ladder": {
        "other": LADDER,
        "independent": """
first, w = torch.tensor(q), torch.tensor(joint) / torch.tensor(q)
pairs = first[:, None] * first
one = (first * w.log()).sum()
two = (pairs * ((w[:, None] + w) / 2).log()).sum()
ladder = torch.stack([one, two, torch.tensor(joint).sum().log()])
q_2 = (pairs * 2 * w[:, None] / (w[:, None] + w)).sum(1)
""",
        "wrong": {
            "not their sum": LADDER + "ladder[1] += math.log(2)",
            "also twice the same code": LADDER
            + "ladder[1] = sum(q[i] * q[j] * math.log((w[i] + w[j]) / 2) for i in range(3) for j in range(3) if i != j)",
            "not to p(x)": LADDER + "ladder[2] = sum(joint)",
            "this is the posterior": LADDER + "q_2 = [v / sum(joint) for v in joint]",
            "q is missing": LADDER + "q_2 = [a / b for a, b in zip(q_2, q)]",
            "this is the encoder": LADDER + "q_2 = q",
        },
    },
    "ex-15-update": {
        "other": UPDATE,
        "independent": """
def slopes(t, k):  # d log D / dt = 1 - D = sigmoid(-t)
    groups = t.reshape(-1, k)
    return -(groups.softmax(1) * torch.sigmoid(-groups) / len(groups)).reshape(-1)

factor = sum(math.exp(logit) for logit in logits) / len(logits)
""",
        "wrong": {
            "the weights are constants": UPDATE
            + "def slopes(t, k):\n    t = t.clone().requires_grad_()\n    s = t.view(-1, k)\n    return torch.autograd.grad((s.softmax(-1) * softplus(-s)).sum(-1).mean(), t)[0]",
            "the weights are missing": UPDATE + "slopes = lambda t, k: -(-t).sigmoid() / len(t)",
            "within each group of k": UPDATE + "slopes = lambda t, k: -t.softmax(0) * (-t).sigmoid()",
            "you added them": UPDATE.replace(" / (len(t) // k)", ""),
            "the odds are D / (1 - D)": UPDATE + "factor = sum(D) / len(D)",
            "not the odds of the mean logit": UPDATE + "factor = math.exp(sum(logits) / len(logits))",
            "not their sum": UPDATE + "factor = factor * len(D)",
        },
    },
    "ex-15-constant": {
        "other": CONSTANT,
        "independent": """
m = [(d_x + g_x) / 2 for d_x, g_x in zip(d, g)]
first = sum(g_x * math.log(D_x * m_x / g_x) for D_x, m_x, g_x in zip(D, m, g))
last = math.log(sum(D_x * m_x for D_x, m_x in zip(D, m)))
best = math.log(0.5)
teaches = "nothing"
""",
        "wrong": {
            "the densities belong to the weight": CONSTANT + "first = sum(b * math.log(v) for b, v in zip(g, D))",
            "inside the average": CONSTANT + "first = last",
            "for the optimal discriminator only": CONSTANT
            + "first = sum(b * math.log(v / (1 - v)) for b, v in zip(g, D))",
            "not over the generator": CONSTANT + "last = math.log(sum(b * v for b, v in zip(g, D)))",
            "tends to its logarithm": CONSTANT + "last = Z",
            "half of the pile": CONSTANT + "best = 0.0",
            "what is frozen": CONSTANT + "teaches = 'the minimax step'",
        },
    },
    "ex-15-score": {
        "other": SCORE,
        "independent": """
once = [0.0] * 4  # a score has mean zero
pull = [d_x - g_x for d_x, g_x in zip(d, g)]  # E_d of the score of a softmax
descends = "KL(d||g)"
""",
        "wrong": {
            "no data are left": SCORE + "once = pull",
            "of the wrong sign": SCORE + "pull = -pull",
            "at the drawn place, minus g": SCORE + "pull = d",
            "multiply the gradient of log D": SCORE + "descends = '2 JSD(d,g)'",
            "come from the data": SCORE + "descends = 'KL(g||d)'",
        },
    },
    "ex-15-dial": {
        "other": DIAL,
        "independent": """
model = torch.tensor(g)
r = torch.tensor(d) / model
c = (model * 2 * r[:, None] / (r[:, None] + r)).sum(1)
below = r**2 * (1 + r)
curvature = c / below
ends = torch.stack([1 / below, r / below])
""",
        "wrong": {
            "not from the data": DIAL.replace("for b, other in zip(g, r)", "for b, other in zip(d, r)"),
            "the limit for many draws": DIAL + "c = r",
            "divided by r once more": DIAL.replace("(x * x + x**3) for v", "(x + x**2) for v"),
            "c is missing": DIAL.replace("[v / (x", "[1 / (x"),
            "k = 1 comes first": DIAL + "ends = ends[::-1]",
        },
    },
    "ex-15-odds": {
        "other": ODDS,
        "independent": """
changed = False  # the odds have one factor more, for all examples

def curvature(r):  # d log D / dr = (1 - pi) / (r (pi r + 1 - pi)), times the weight r, divided by r
    return (1 - share) / (r * (share * r + 1 - share))

kl = lambda a, b: sum(x * math.log(x / y) for x, y in zip(a, b))
pile = [share * x + (1 - share) * y for x, y in zip(d, g)]
divergence = kl(d, pile) + (1 - share) / share * kl(g, pile)
""",
        "wrong": {
            "see what drops out": ODDS + "changed = True",
            "as many real examples as made ones": ODDS.replace("+ math.log(share / (1 - share))", ""),
            "divided by r once more": ODDS.replace("return (1 - D) / r", "return 1 - D"),
            "has 1 - D before": ODDS.replace("return (1 - D) / r", "return D / r"),
            "share belongs to the real": ODDS.replace("math.log(share / (1 - share))", "math.log((1 - share) / share)"),
            "a factor is missing": ODDS + "divergence = share * divergence",
        },
    },
    "ex-15-temper": {
        "other": TEMPER,
        "independent": """
data, model = torch.tensor(d, dtype=torch.float64), torch.tensor(g, dtype=torch.float64)

def curvature(r, alpha):
    mean = (model * (data / model) ** alpha).sum()
    return r**alpha / mean / (r**2 * (1 + r))

middle = (data + model) / 2  # f'' = 1 / (S (1 + r)), f = (1 + r) log((1 + r) / 2) / S
divergence = 2 * (middle * (middle / model).log()).sum() / (data**2 / model).sum()
""",
        "wrong": {
            "the weights are normalised": TEMPER.replace("/ C / r**2", "/ r**2"),
            "divided by r once more": TEMPER.replace("/ r**2", "/ r"),
            "not under d": TEMPER.replace("sum(b * (a / b) ** alpha", "sum(a * (a / b) ** alpha"),
            "2 JSD is to be taken away": TEMPER + "divergence = forward / C",
            "is to be divided by": TEMPER + "divergence = forward - twice_jsd",
        },
    },
}
