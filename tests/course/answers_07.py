"""Answers to the exercises of chapter 07: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written by somebody who had seen neither solution nor judge.
"""

ANSWERS = {
    "ex-07-odds": {
        "other": """
joint = [real * b for b in d]  # D m
Z0 = sum(joint)
posterior = [value / Z0 for value in joint]
Z1 = sum((1 - real) * a for a in g)
mean_log_Z = (1 - real) * math.log(Z0) + real * math.log(Z1)
""",
        "independent": """
Z0 = real
posterior = d
mean_log_Z = (1 - real) * math.log(real) + real * math.log(1 - real)
""",
        "wrong": {
            "evidence of the other label": "Z0, posterior, mean_log_Z = 1 - real, d, 0.0",
            "posterior of the other label": "Z0, posterior, mean_log_Z = real, g, 0.0",
            "weight of the other label": """
Z0, posterior = real, d
mean_log_Z = real * math.log(real) + (1 - real) * math.log(1 - real)
""",
        },
    },
    "ex-07-temperature": {
        "other": """
def posterior(prior, logit, T):
    prior = torch.as_tensor(prior)
    logs = [math.log(p) - math.log1p(math.exp(-t / T)) for p, t in zip(prior.tolist(), logit.tolist())]
    return torch.tensor(logs).softmax(0).tolist()

hot = prior
total = sum(p for p, t in zip(prior, logit) if t > 0)
cold = [p / total if t > 0 else 0.0 for p, t in zip(prior, logit)]
""",
        "independent": """
def posterior(prior, logit, T):
    weighted = prior * torch.sigmoid(logit / T)
    return weighted / weighted.sum()

hot = prior
over_zero = [p if t > 0 else 0.0 for p, t in zip(prior, logit)]
cold = [p / sum(over_zero) for p in over_zero]
""",
        "wrong": {
            "the prior is missing": """
def posterior(prior, logit, T):
    D = torch.sigmoid(torch.as_tensor(logit) / T)
    return D / D.sum()

hot, cold = prior, prior
""",
            "does not sum to one": """
def posterior(prior, logit, T):
    return torch.as_tensor(prior) * torch.sigmoid(torch.as_tensor(logit) / T)

hot, cold = prior, prior
""",
            "the prior stays": """
def posterior(prior, logit, T):
    return (torch.as_tensor(prior).log() + torch.nn.functional.logsigmoid(torch.as_tensor(logit) / T)).softmax(0)

hot = torch.full((5,), 0.2)
cold = prior
""",
        },
    },
    "ex-07-rejection": {
        "other": """
def sample(real, made, logit, seed):
    torch.manual_seed(seed)
    both = torch.cat([real, made])  # half real, half generated
    return both[torch.bernoulli(torch.sigmoid(logit)[both]).bool()]

share = 0.5 * sum((a + b) / (1 + math.exp(-t)) for a, b, t in zip(d, g, logit))
""",
        "independent": """
def sample(real, made, logit, seed):
    rng = torch.Generator().manual_seed(seed)
    n = len(real)
    coin = torch.rand(n, generator=rng) < 0.5
    x = torch.where(coin, real, made)
    D = torch.sigmoid(logit[x])
    return x[torch.rand(n, generator=rng) < D]

share = sum(0.5 * (p + q) / (1 + math.exp(-t)) for p, q, t in zip(d, g, logit))
""",
        "wrong": {
            "the same seed must keep the same": """
def sample(real, made, logit, seed):
    pile = torch.where(torch.rand(len(real)) < 0.5, real, made)
    return pile[torch.rand(len(pile)) < torch.sigmoid(logit)[pile]]

share = 0.5
""",
            "real examples only": """
def sample(real, made, logit, seed):
    dice = torch.Generator().manual_seed(seed)
    return real[torch.rand(len(real), generator=dice) < torch.sigmoid(logit[real])]

share = 0.5
""",
            "what looks generated is kept": """
def sample(real, made, logit, seed):
    dice = torch.Generator().manual_seed(seed)
    both = torch.cat([real, made])
    return both[torch.rand(len(both), generator=dice) > torch.sigmoid(logit[both])]

share = 0.5
""",
            "without a draw": """
def sample(real, made, logit, seed):
    dice = torch.Generator().manual_seed(seed)
    drawn = torch.where(torch.rand(len(real), generator=dice) < 0.5, real, made)
    return drawn[logit[drawn] > 0]

share = 0.5
""",
            "generated examples that are kept": """
def sample(real, made, logit, seed):
    torch.manual_seed(seed)
    both = torch.cat([real, made])
    return both[torch.bernoulli(torch.sigmoid(logit)[both]).bool()]

share = sum(a / (1 + math.exp(-t)) for a, t in zip(g, logit))
""",
            "share that is thrown away": """
def sample(real, made, logit, seed):
    torch.manual_seed(seed)
    both = torch.cat([real, made])
    return both[torch.bernoulli(torch.sigmoid(logit)[both]).bool()]

share = 0.5 * sum((a + b) / (1 + math.exp(t)) for a, b, t in zip(d, g, logit))
""",
        },
    },
    "ex-07-charge": {
        "other": """
logs = [math.log(p) - math.log1p(math.exp(-t)) for p, t in zip(prior, logit)]
bound = torch.tensor(logs).logsumexp(0).item()
inferred = [math.exp(value - bound) for value in logs]
collapsed = [float(t == max(logit)) for t in logit]
debt = -math.log(max(zip(logit, prior))[1])
""",
        "independent": """
m, t = torch.tensor(prior), torch.tensor(logit)
D = torch.sigmoid(t)
Z0 = (m * D).sum()
inferred = m * D / Z0
bound = torch.log(Z0)
top = int(t.argmax())
collapsed = torch.zeros(len(prior))
collapsed[top] = 1.0
debt = -math.log(prior[top])
""",
        "wrong": {
            "best for the first term alone": """
inferred = collapsed = [float(t == max(logit)) for t in logit]
bound = debt = 0.0
""",
            "the charge is missing": """
p, D = torch.tensor(prior), torch.tensor(logit).sigmoid()
inferred = p * D / (p * D).sum()
bound = (inferred * D.log()).sum()
collapsed, debt = p, 0.0
""",
            "best for the whole bound": """
p, D = torch.tensor(prior), torch.tensor(logit).sigmoid()
inferred, bound = p * D / (p * D).sum(), (p * D).sum().log()
collapsed, debt = inferred, 0.0
""",
            "the sign is turned": """
p, D = torch.tensor(prior), torch.tensor(logit).sigmoid()
inferred, bound = p * D / (p * D).sum(), (p * D).sum().log()
collapsed = (D == D.max()).float()
debt = p[D.argmax()].log()
""",
        },
    },
    "ex-07-other-player": {
        "other": """
def terms(g, d, logit):
    D = torch.sigmoid(logit)
    Z1 = ((g + d) / 2 * D).sum()
    log_z = (torch.log(Z1) + torch.log(1 - Z1)) / 2
    loss = -((g * torch.log(1 - D)).sum() + (d * torch.log(D)).sum()) / 2
    m = (g + d) / 2
    js = -(m * m.log()).sum() + ((g * g.log()).sum() + (d * d.log()).sum()) / 2  # entropies
    return [loss + js + log_z, js, log_z]

best_loss = -sum(a * math.log(a / (a + b)) + b * math.log(b / (a + b)) for a, b in zip(g, d)) / 2
""",
        "independent": """
def divergence(p, r):
    return (torch.xlogy(p, p) - torch.xlogy(p, r)).sum()

def terms(g, d, logit):
    m = 0.5 * (g + d)
    D = torch.sigmoid(logit)
    Z1, Z0 = (D * m).sum(), ((1 - D) * m).sum()
    kl = 0.5 * divergence(g, (1 - D) * m / Z0) + 0.5 * divergence(d, D * m / Z1)
    jsd = 0.5 * divergence(g, m) + 0.5 * divergence(d, m)
    return torch.stack([kl, jsd, 0.5 * (torch.log(Z0) + torch.log(Z1))])

gt, dt = torch.tensor(g), torch.tensor(d)
best_loss = math.log(2) - terms(gt, dt, torch.log(dt / gt))[1]
""",
        "wrong": {
            "the generator's, with the reversed answers": """
def terms(g, d, logit):
    m, D = (g + d) / 2, torch.sigmoid(logit)
    q0, q1 = m * D / (m * D).sum(), m * (1 - D) / (m * (1 - D)).sum()
    to = ((g * (g / q0).log()).sum() + (d * (d / q1).log()).sum()) / 2
    js = ((g * (g / m).log()).sum() + (d * (d / m).log()).sum()) / 2
    return [to, js, ((m * D).sum().log() + (m * (1 - D)).sum().log()) / 2]

best_loss = 0.0
""",
            "averaged over p(y), not summed": """
def terms(g, d, logit):
    m, D = (g + d) / 2, torch.sigmoid(logit)
    q0, q1 = m * (1 - D) / (m * (1 - D)).sum(), m * D / (m * D).sum()
    to = (g * (g / q0).log()).sum() + (d * (d / q1).log()).sum()
    js = ((g * (g / m).log()).sum() + (d * (d / m).log()).sum()) / 2
    return [to, js, ((m * D).sum().log() + (m * (1 - D)).sum().log()) / 2]

best_loss = 0.0
""",
            "twice ours": """
def terms(g, d, logit):
    m, D = (g + d) / 2, torch.sigmoid(logit)
    q0, q1 = m * (1 - D) / (m * (1 - D)).sum(), m * D / (m * D).sum()
    to = ((g * (g / q0).log()).sum() + (d * (d / q1).log()).sum()) / 2
    js = ((g * (g / m).log()).sum() + (d * (d / m).log()).sum()) / 2
    return [to, js, ((m * D).sum().log() + (m * (1 - D)).sum().log()) / 2]

best_loss = -sum(a * math.log(a / (a + b)) + b * math.log(b / (a + b)) for a, b in zip(g, d))
""",
        },
    },
    "ex-07-exact": {
        "other": """
def terms(g, g0, d, logit, real):
    KL = lambda p, q: float(torch.nn.functional.kl_div(q.log(), p, reduction="sum"))
    D = 1 / (1 + torch.exp(-logit))
    m0, m = (1 - real) * g0 + real * d, torch.lerp(g, d, real)
    Z0 = float(D @ m0)
    log_z = (1 - real) * math.log(Z0) + real * math.log(1 - Z0)
    js = (1 - real) * KL(g, m) + real * KL(d, m)
    loss = -(1 - real) * float(g @ D.log()) - real * float(d @ (1 - D).log())
    return [loss + js + KL(m, m0) + log_z, js, KL(m, m0), log_z]

pile = lambda made: [(1 - real) * a + real * b for a, b in zip(made, d)]
remainder = sum(p * math.log(p / q) for p, q in zip(pile(g), pile(g0)))
""",
        "independent": """
def divergence(p, r):
    return (torch.xlogy(p, p) - torch.xlogy(p, r)).sum()

def terms(g, g0, d, logit, real):
    m, m0 = (1 - real) * g + real * d, (1 - real) * g0 + real * d
    D = torch.sigmoid(logit)
    Z0, Z1 = (D * m0).sum(), ((1 - D) * m0).sum()
    q0, q1 = D * m0 / Z0, (1 - D) * m0 / Z1
    kl = (1 - real) * divergence(g, q0) + real * divergence(d, q1)
    jsd = (1 - real) * divergence(g, m) + real * divergence(d, m)
    log_Z = (1 - real) * torch.log(Z0) + real * torch.log(Z1)
    return torch.stack([kl, jsd, divergence(m, m0), log_Z])

G, G0, data = torch.tensor(g), torch.tensor(g0), torch.tensor(d)
remainder = divergence((1 - real) * G + real * data, (1 - real) * G0 + real * data)
""",
        "wrong": {
            "belong to g0": """
def terms(g, g0, d, logit, real):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m, m0 = torch.sigmoid(logit), (1 - real) * g + real * d, (1 - real) * g0 + real * d
    Z0, Z1 = (D * m).sum(), ((1 - D) * m).sum()
    js = (1 - real) * KL(g, m) + real * KL(d, m)
    to = (1 - real) * KL(g, D * m / Z0) + real * KL(d, (1 - D) * m / Z1)
    return torch.stack([to, js, KL(m, m0), (1 - real) * Z0.log() + real * Z1.log()])

remainder = 0.0
""",
            "JSD has the weights": """
def terms(g, g0, d, logit, real):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m, m0 = torch.sigmoid(logit), (1 - real) * g + real * d, (1 - real) * g0 + real * d
    Z0, Z1, half = (D * m0).sum(), ((1 - D) * m0).sum(), (g + d) / 2
    js = (KL(g, half) + KL(d, half)) / 2
    to = (1 - real) * KL(g, D * m0 / Z0) + real * KL(d, (1 - D) * m0 / Z1)
    return torch.stack([to, js, KL(m, m0), (1 - real) * Z0.log() + real * Z1.log()])

remainder = 0.0
""",
            "how far the generator has moved": """
def terms(g, g0, d, logit, real):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m, m0 = torch.sigmoid(logit), (1 - real) * g + real * d, (1 - real) * g0 + real * d
    Z0, Z1 = (D * m0).sum(), ((1 - D) * m0).sum()
    js = (1 - real) * KL(g, m) + real * KL(d, m)
    to = (1 - real) * KL(g, D * m0 / Z0) + real * KL(d, (1 - D) * m0 / Z1)
    return torch.stack([to, js, KL(m, m0), (1 - real) * Z0.log() + real * Z1.log()])

remainder = sum(p * math.log(p / q) for p, q in zip(g, g0))
""",
        },
    },
    "ex-07-reach": {
        "other": """
values_apart, gradients_apart = float(times) * times, float(times)
theta = torch.tensor(theta_0, dtype=torch.float64)
pile = lambda t: torch.stack([1 - (t + real_share) / 2, (t + real_share) / 2])
remainder = lambda t: (pile(t) * (pile(t) / pile(theta)).log()).sum()
fisher = torch.autograd.functional.hessian(remainder, theta)
""",
        "independent": """
values_apart, gradients_apart = times**2, times
m1 = (theta_0 + real_share) / 2  # the mixture's chance of the second place; its slope is 1/2
fisher = 0.25 / m1 + 0.25 / (1 - m1)
""",
        "wrong": {
            "how the gradients part": "values_apart = gradients_apart = times; fisher = 1.0",
            "how the values part": "values_apart = gradients_apart = times**2; fisher = 1.0",
            "information of the generator alone": """
values_apart, gradients_apart = times**2, times
fisher = 1 / (theta_0 * (1 - theta_0))
""",
            "only half of the pile moves": """
values_apart, gradients_apart = times**2, times
m = (theta_0 + real_share) / 2
fisher = 1 / (m * (1 - m))
""",
        },
    },
    "ex-07-vanish": {
        "other": """
constant, arrived, wrong_way = "difference", "JSD", "KL"
loss = lambda e: sum((0.25 + e * v) * math.log1p(math.exp(-t)) for v, t in zip(direction, logit)) / 2
push = (loss(1e-3) - loss(-1e-3)) / 2e-3
""",
        "independent": """
constant, arrived, wrong_way = "difference", "JSD", "KL"
push = 0.5 * sum(v * math.log(1 + math.exp(-t)) for v, t in zip(direction, logit))
""",
        "wrong": {
            "this is not yet g": "constant, arrived, wrong_way, push = 'KL', 'JSD', 'KL', 0.0",
            "still has an opinion": "constant, arrived, wrong_way, push = 'difference', 'difference', 'KL', 0.0",
            "half of the one in code": """
constant, arrived, wrong_way = "difference", "JSD", "KL"
push = -(torch.tensor(direction) * logsigmoid(torch.tensor(logit))).sum()
""",
            "the sign is turned": """
constant, arrived, wrong_way = "difference", "JSD", "KL"
push = (torch.tensor(direction) * logsigmoid(torch.tensor(logit))).sum() / 2
""",
        },
    },
    "ex-07-four": {
        "other": """
def forms(g, g0, d, logit):
    D, m0 = torch.sigmoid(logit), (g0 + d) / 2
    Z0 = (D * m0).sum()
    Z1 = 1 - Z0
    to_pile = (g * torch.log(g / m0)).sum()
    near_made = to_pile + Z1.log() - (g * (1 - D).log()).sum()  # KL(g || q)
    near_real = to_pile + Z0.log() - (g * D.log()).sum()
    js2 = (g * torch.log(2 * g / (g + d))).sum() + (d * torch.log(2 * d / (g + d))).sum()
    odds = D / (1 - D)
    raw = g0 * odds
    last = (raw * (raw / raw.sum() / g).log()).sum()
    return [js2 - near_made, near_real - js2, near_real - near_made, last]

raw = [p * math.exp(t) for p, t in zip(g, logit)]
h = [value / sum(raw) for value in raw]
flees = "minimax"
""",
        "independent": """
def divergence(p, r):
    return (torch.xlogy(p, p) - torch.xlogy(p, r)).sum()

def forms(g, g0, d, logit):
    m0, m = (g0 + d) / 2, (g + d) / 2
    D = torch.sigmoid(logit)
    looks_real = D * m0 / (D * m0).sum()
    looks_made = (1 - D) * m0 / ((1 - D) * m0).sum()
    js = (divergence(g, m) + divergence(d, m)) / 2
    odds = torch.exp(logit)
    C = (g0 * odds).sum()
    to_real, to_made = divergence(g, looks_real), divergence(g, looks_made)
    return torch.stack([2 * js - to_made, to_real - 2 * js, to_real - to_made, C * divergence(g0 * odds / C, g)])

weights = [p * math.exp(t) for p, t in zip(g, logit)]
h = [w / sum(weights) for w in weights]
flees = "minimax"
""",
        "wrong": {
            "losses as coded": """
def forms(g, g0, d, logit):
    D = torch.sigmoid(logit)
    losses = (1 - D).log(), -D.log(), -logit, -logit.exp()
    return torch.stack([(g * values).sum() for values in losses])

h, flees = g, "minimax"
""",
            "the JSD is doubled": """
def forms(g, g0, d, logit):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m0, m = torch.sigmoid(logit), (g0 + d) / 2, (g + d) / 2
    A, B = KL(g, D * m0 / (D * m0).sum()), KL(g, (1 - D) * m0 / ((1 - D) * m0).sum())
    js, raw = (KL(g, m) + KL(d, m)) / 2, g0 * logit.exp()
    return torch.stack([js - B, A - js, A - B, raw.sum() * KL(raw / raw.sum(), g)])

h, flees = g, "minimax"
""",
            "what has no slope": """
def forms(g, g0, d, logit):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m0, m = torch.sigmoid(logit), (g0 + d) / 2, (g + d) / 2
    A, B = KL(g, D * m0 / (D * m0).sum()), KL(g, (1 - D) * m0 / ((1 - D) * m0).sum())
    js, raw = KL(g, m) + KL(d, m), g0 * logit.exp()
    return torch.stack([js - B, A - js, -(g * logit).sum(), raw.sum() * KL(raw / raw.sum(), g)])

h, flees = g, "minimax"
""",
            "C is missing": """
def forms(g, g0, d, logit):
    KL = lambda p, q: (p * (p / q).log()).sum()
    D, m0, m = torch.sigmoid(logit), (g0 + d) / 2, (g + d) / 2
    A, B = KL(g, D * m0 / (D * m0).sum()), KL(g, (1 - D) * m0 / ((1 - D) * m0).sum())
    js, raw = KL(g, m) + KL(d, m), g0 * logit.exp()
    return torch.stack([js - B, A - js, A - B, KL(raw / raw.sum(), g)])

h, flees = g, "minimax"
""",
        },
    },
}
