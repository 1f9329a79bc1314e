"""Answers to the exercises of chapter 08: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written by somebody who had seen neither solution nor judge.
"""

ANSWERS = {
    "ex-08-selects": {
        "other": """
label_of_real = 1 - 1
passes = torch.tensor([[1.0, 0.0], [D, D], [0.0, 1.0]])  # q^r(y=0|x, s), s = 1 and 0
weights = passes / 2
learns = "itself"
""",
        "independent": """
label_of_real = 0
weights = [[1 / 2, 0], [D / 2, D / 2], [0, 1 / 2]]
learns = "itself"
""",
        "wrong": {
            "the reversal says 'generated'": "label_of_real, weights, learns = 1, [[0.5, 0], [D / 2, D / 2], [0, 0.5]], 'itself'",
            "half of the examples": "label_of_real, weights, learns = 0, [[1.0, 0], [D, D], [0, 1.0]], 'itself'",
            "passes both sources alike": """
label_of_real, learns = 0, "itself"
weights = [[0.5, 0], [D / 2, (1 - D) / 2], [0, 0.5]]
""",
            "no real example reaches": "label_of_real, weights, learns = 0, [[0.5, 0], [D / 2, D / 2], [0, 0.5]], 'data'",
        },
    },
    "ex-08-first-line": {
        "other": """
def first_line(d, g0, elbo, price, D):
    total = 0.0
    for source, chances in ((g0, D[0]), (d, D[1])):
        for x in range(len(d)):
            for q, worth in ((float(chances[x]), elbo[x]), (1 - float(chances[x]), d[x].log() - price[x])):
                if q > 0:
                    total += 0.5 * float(source[x]) * q * (float(worth) + math.log(0.5) - math.log(q))
    return total

blind = 0.0
for a, b, bound, cost in zip(d, g0, elbo, price):
    blind += 0.25 * (a + b) * (bound + math.log(a) - cost) - 0.5 * a * bound
""",
        "independent": """
def first_line(d, g0, elbo, price, D):
    total = 0.0
    for s, of_source in enumerate([g0, d]):
        for x in range(len(d)):
            chance = float(D[s, x])
            inside = 0.0
            if chance > 0:
                inside += chance * (float(elbo[x]) + math.log(0.5) - math.log(chance))
            if chance < 1:
                explained = math.log(float(d[x])) - float(price[x])
                inside += (1 - chance) * (explained + math.log(0.5) - math.log(1 - chance))
            total += 0.5 * float(of_source[x]) * inside
    return total

of_vae = sum(p * bound for p, bound in zip(d, elbo))
blind = first_line(d, g0, elbo, price, torch.full((2, len(d)), 0.5)) - of_vae / 2
""",
        "wrong": {
            "naming a label costs log 2": """
def first_line(d, g0, elbo, price, D):
    h = -torch.xlogy(D, D) - torch.xlogy(1 - D, 1 - D)
    inside = D * elbo + (1 - D) * (d.log() - price) + h
    return (g0 * inside[0] + d * inside[1]).sum() / 2

blind = 0.0
""",
            "entropy of the answer is missing": """
def first_line(d, g0, elbo, price, D):
    inside = D * elbo + (1 - D) * (d.log() - price) - math.log(2)
    return (g0 * inside[0] + d * inside[1]).sum() / 2

blind = 0.0
""",
            "not finite": """
def first_line(d, g0, elbo, price, D):
    inside = D * (elbo - D.log()) + (1 - D) * (d.log() - price - (1 - D).log()) - math.log(2)
    return (g0 * inside[0] + d * inside[1]).sum() / 2

blind = 0.0
""",
            "row 0 of D belongs": """
def first_line(d, g0, elbo, price, D):
    h = -torch.xlogy(D, D) - torch.xlogy(1 - D, 1 - D)
    inside = D * elbo + (1 - D) * (d.log() - price) + h - math.log(2)
    return (d * inside[0] + g0 * inside[1]).sum() / 2

blind = 0.0
""",
        },
    },
    "ex-08-all": {
        "other": """
def complete(D1, d, g):
    return (d - d * D1) / g

least = [max(0.0, (a - b) / a) for a, b in zip(d, g)]
real = [1 - 0.3 * min(1.0, b / a) * a / (a + b) for a, b in zip(d, g)]
third = [[a * (1 - r) / b for a, b, r in zip(d, g, real)], real]
""",
        "independent": """
def complete(D1, d, g):
    return d * (1 - D1) / g

least = [max(0.0, 1 - b / a) for a, b in zip(d, g)]
d, g = torch.tensor(d), torch.tensor(g)
half_way = (1 + d / (d + g)) / 2  # between the optimal and the perfect one
third = torch.stack([complete(half_way, d, g), half_way])
""",
        "wrong": {
            "not their shares": "complete = lambda D1, d, g: 1 - D1\nleast = [0.0] * 5\nthird = [[0.0] * 5, [1.0] * 5]",
            "no probability is negative": """
complete = lambda D1, d, g: d / g * (1 - D1)
least = [1 - b / a for a, b in zip(d, g)]
third = [[0.0] * 5, [1.0] * 5]
""",
            "this is the perfect": """
complete = lambda D1, d, g: d / g * (1 - D1)
least = [max(0, 1 - b / a) for a, b in zip(d, g)]
third = [[0.0] * 5, [1.0] * 5]
""",
            "this is the optimal": """
complete = lambda D1, d, g: d / g * (1 - D1)
least = [max(0, 1 - b / a) for a, b in zip(d, g)]
third = [[a / (a + b) for a, b in zip(d, g)]] * 2
""",
            "row 0 belongs": """
complete = lambda D1, d, g: d / g * (1 - D1)
least = [max(0, 1 - b / a) for a, b in zip(d, g)]
real = [1 - 0.5 * min(1.0, b / a) for a, b in zip(d, g)]
third = [real, [a * (1 - r) / b for a, b, r in zip(d, g, real)]]
""",
            "changes the gradient": """
complete = lambda D1, d, g: d / g * (1 - D1)
least = [max(0, 1 - b / a) for a, b in zip(d, g)]
third = [[0.5] * 5, [0.5] * 5]
""",
        },
    },
    "ex-08-shares": {
        "other": """
def value(L, C, share):
    rows = ((share, L, 1 - share), (1 - share, C, share))  # weight, worth, prior of its label
    return sum(weight * (worth + math.log(prior)) for weight, worth, prior in rows)

label_price = math.log(share) + share * math.log(1 / share - 1)
limit = "-infinity"
""",
        "independent": """
def value(L, C, share):  # real examples get the label 0, whose prior is 1 - share
    return share * (L + math.log(1 - share)) + (1 - share) * (C + math.log(share))

label_price = value(0.0, 0.0, share)
limit = "-infinity"
""",
        "wrong": {
            "a real example gets the label 0": """
def value(L, C, share):
    return share * (L + math.log(share)) + (1 - share) * (C + math.log(1 - share))

label_price, limit = 0.0, "0"
""",
            "not equal shares": """
value = lambda L, C, share: L / 2 - math.log(2) + C / 2
label_price, limit = -math.log(2), "-log 2"
""",
            "the prior thinks impossible": """
def value(L, C, share):
    return share * (L + math.log(1 - share)) + (1 - share) * (C + math.log(share))

label_price, limit = value(0, 0, share), "0"
""",
        },
    },
    "ex-08-constant": {
        "other": """
def C(d, g, prior, fixed):
    total = 0.0
    for x in range(len(d)):
        price = sum(float(q) * math.log(float(q) / float(p)) for q, p in zip(fixed[x], prior))
        total += float(g[x]) * (math.log(float(d[x])) - price)
    return total

best = [prior for _ in d]
largest = -sum(a * math.log(1 / b) for a, b in zip(g, d))
positive = False
""",
        "independent": """
def C(d, g, prior, fixed):
    price = (torch.xlogy(fixed, fixed) - torch.xlogy(fixed, prior)).sum(1)
    return (g * (torch.log(d) - price)).sum()

best = [prior for _ in d]
largest = sum(q * math.log(p) for p, q in zip(d, g))  # -H(g) - KL(g || d)
positive = False
""",
        "wrong": {
            "over generated examples": """
C = lambda d, g, prior, fixed: (d * (d.log() - (fixed * (fixed / prior).log()).sum(-1))).sum()
best, largest, positive = [prior] * 4, 0.0, False
""",
            "the encoder first": """
C = lambda d, g, prior, fixed: (g * (d.log() - (prior * (prior / fixed).log()).sum(-1))).sum()
best, largest, positive = [prior] * 4, 0.0, False
""",
            "need not be uniform": """
C = lambda d, g, prior, fixed: (g * (d.log() - (fixed * (fixed / prior).log()).sum(-1))).sum()
best, largest, positive = torch.full((4, 3), 1 / 3), 0.0, False
""",
            "the divergence is missing": """
C = lambda d, g, prior, fixed: (g * (d.log() - (fixed * (fixed / prior).log()).sum(-1))).sum()
best, largest, positive = [prior] * 4, sum(p * math.log(p) for p in g), False
""",
        },
    },
    "ex-08-dropped": {
        "other": """
higher, right_at = "second", "everywhere"
pile = lambda made: [(a + b) / 2 for a, b in zip(d, made)]
evidence = sum(p * math.log(q) for p, q in zip(pile(g0), pile(g)))
apart = sum(p * math.log(p) for p in pile(g0)) - evidence
""",
        "independent": """
higher, right_at = "second", "everywhere"
m0 = [(p + q) / 2 for p, q in zip(d, g0)]
m = [(p + q) / 2 for p, q in zip(d, g)]
evidence = sum(p * math.log(q) for p, q in zip(m0, m))
apart = sum(p * math.log(p / q) for p, q in zip(m0, m))
""",
        "wrong": {
            "falls with the distance": "higher, right_at, evidence, apart = 'first', 'everywhere', 0.0, 0.0",
            "does not contain eta": "higher, right_at, evidence, apart = 'second', 'theta_0', 0.0, 0.0",
            "the pile of theta_0": """
higher, right_at = "second", "everywhere"
evidence = sum((a + b) / 2 * math.log((a + b) / 2) for a, b in zip(d, g))
apart = 0.0
""",
            "that remainder is Lemma 1's": """
higher, right_at = "second", "everywhere"
pile = lambda made: [(a + b) / 2 for a, b in zip(d, made)]
evidence = sum(p * math.log(q) for p, q in zip(pile(g0), pile(g)))
apart = sum(p * math.log(p / q) for p, q in zip(pile(g), pile(g0)))
""",
        },
    },
    "ex-08-remainders": {
        "other": """
def remainders(m0, move, epsilon):
    KL = lambda p, q: float(torch.nn.functional.kl_div(q.log(), p, reduction="sum"))
    return [KL(m0 + epsilon * move, m0), KL(m0, m0 + epsilon * move)]

p, v = torch.tensor(m0, dtype=torch.float64), torch.tensor(move, dtype=torch.float64)
e = 2e-3
up, down = remainders(p, v, e), remainders(p, v, -e)
parabola = (up[0] + down[0]) / 2 / e**2
third = ((up[0] - up[1]) - (down[0] - down[1])) / 2 / e**3
""",
        "independent": """
def remainders(m0, move, epsilon):
    m = m0 + epsilon * move
    return torch.stack([(m * torch.log(m / m0)).sum(), (m0 * torch.log(m0 / m)).sum()])

# u = v / m0: (1 + eu) log(1 + eu) = eu + (eu)^2 / 2 - (eu)^3 / 6, and -log(1 + eu) = -eu + (eu)^2 / 2 - (eu)^3 / 3
parabola = sum(v**2 / p for v, p in zip(move, m0)) / 2
third = sum(v**3 / p**2 for v, p in zip(move, m0)) * (1 / 3 - 1 / 6)
""",
        "wrong": {
            "this is F": """
remainders = lambda m0, move, epsilon: [0.0, 0.0]
parabola, third = sum(v**2 / p for p, v in zip(m0, move)), 0.0
""",
            "the moved pile first": """
def remainders(m0, move, epsilon):
    m = m0 + epsilon * move
    return torch.stack([(m0 * (m0 / m).log()).sum(), (m * (m / m0).log()).sum()])

parabola, third = sum(v**2 / p for p, v in zip(m0, move)) / 2, 0.0
""",
            "the sign is turned": """
def remainders(m0, move, epsilon):
    m = m0 + epsilon * move
    return torch.stack([(m * (m / m0).log()).sum(), (m0 * (m0 / m).log()).sum()])

parabola = sum(v**2 / p for p, v in zip(m0, move)) / 2
third = -sum(v**3 / p**2 for p, v in zip(m0, move)) / 6
""",
        },
    },
    "ex-08-fooled": {
        "other": """
def R(d, g0, g):
    log_2m = (d + g).log()
    return 0.5 * float(d @ (g.log() - log_2m)) + 0.5 * float(g0 @ (d.log() - log_2m))

a, b, v = (torch.tensor(values).double() for values in (d, g, move))
slope = (R(a, b, b + 1e-4 * v) - R(a, b, b - 1e-4 * v)) / 2e-4
in_a_gan = "discriminator"
""",
        "independent": """
def R(d, g0, g):
    D = d / (d + g)
    return 0.5 * (d * torch.log(1 - D)).sum() + 0.5 * (g0 * torch.log(D)).sum()

slope = 0.5 * sum(p * v / q for p, q, v in zip(d, g, move))
in_a_gan = "discriminator"
""",
        "wrong": {
            "here its answers are reversed": """
R = lambda d, g0, g: ((d * (d / (d + g)).log()).sum() + (g0 * (g / (d + g)).log()).sum()) / 2
slope, in_a_gan = 0.0, "discriminator"
""",
            "each half has the weight": """
R = lambda d, g0, g: (d * (g / (d + g)).log()).sum() + (g0 * (d / (d + g)).log()).sum()
slope, in_a_gan = 0.0, "discriminator"
""",
            "a GAN's step, in which": """
R = lambda d, g0, g: ((d * (g / (d + g)).log()).sum() + (g0 * (d / (d + g)).log()).sum()) / 2
slope = sum(v * math.log(a / (a + b)) for a, b, v in zip(d, g, move)) / 2
in_a_gan = "discriminator"
""",
            "a GAN's step moves": """
R = lambda d, g0, g: ((d * (g / (d + g)).log()).sum() + (g0 * (d / (d + g)).log()).sum()) / 2
slope = sum(v * a / b for a, b, v in zip(d, g, move)) / 2
in_a_gan = "samples"
""",
        },
    },
    "ex-08-error": {
        "other": """
def ceiling(d, g):
    right = float(torch.maximum(d, g).sum()) / 2
    return math.log(4) + math.log(right) + math.log(1 - right) + sum(float(p) * math.log(float(p)) for p in d)

error = 0.5 - sum(abs(a - b) for a, b in zip(d, g)) / 4
perfect = "-infinity"
""",
        "independent": """
error = 0.5 * sum(min(p, q) for p, q in zip(d, g))

def ceiling(d, g):
    e = 0.5 * torch.minimum(d, g).sum()
    return torch.xlogy(d, d).sum() + torch.log(4 * e * (1 - e))

perfect = "-infinity"
""",
        "wrong": {
            "half of the examples": "ceiling = lambda d, g: 0.0\nerror, perfect = sum(map(min, d, g)), '0'",
            "choose the likelier": "ceiling = lambda d, g: 0.0\nerror, perfect = sum(a * b / (a + b) for a, b in zip(d, g)), '0'",
            "the entropy is missing": """
def ceiling(d, g):
    e = torch.minimum(d, g).sum() / 2
    return (4 * e * (1 - e)).log()

error, perfect = sum(map(min, d, g)) / 2, "-infinity"
""",
            "the likelihood itself": """
ceiling = lambda d, g: (d * g.log()).sum()
error, perfect = sum(map(min, d, g)) / 2, "-infinity"
""",
        },
    },
}
