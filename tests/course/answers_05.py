"""Answers to the exercises of chapter 05: another right one, by another way than the solution, and typical wrong ones."""

ANSWERS = {
    "ex-05-blind": {
        "other": """
def blind(N, r, c):
    seen, edge = {(r, c)}, [(r, c)]  # walk backwards through the kernels
    while edge:
        i, j = edge.pop()
        for place in ((i, j - 1), (i - 1, j - 1), (i - 1, j), (i - 1, j + 1)):
            if 0 <= place[0] and 0 <= place[1] < N and place not in seen:
                seen.add(place)
                edge.append(place)
    return [[(i, j) < (r, c) and (i, j) not in seen for j in range(N)] for i in range(N)]

count = sum(map(sum, blind(N, r, c)))
""",
        "wrong": {
            "the diagonal is reached": """
def blind(N, r, c):
    return [[i < r and j - c >= r - i for j in range(N)] for i in range(N)]

count = sum(map(sum, blind(N, r, c)))
""",
            "pixels that come later are unseen, but": """
def blind(N, r, c):
    return [[(i < r and j - c > r - i) or (i, j) >= (r, c) for j in range(N)] for i in range(N)]

count = sum(map(sum, blind(N, r, c)))
""",
            "to the other side": """
def blind(N, r, c):
    return [[i < r and c - j > r - i for j in range(N)] for i in range(N)]

count = sum(map(sum, blind(N, r, c)))
""",
        },
    },
    "ex-05-field": {
        "other": """
R = sum(width // 2 for width in kernels)
rows = range(max(0, r - R), r)
two_stacks = len(rows) * (min(N - 1, c + R) - max(0, c - R) + 1) + min(R, c)
row_rnn = c + sum(min(N - 1, c + k) - max(0, c - k) + 1 for k in range(1, r + 1))
""",
        "wrong": {
            "the image ends": """
R = sum(width // 2 for width in kernels)
two_stacks, row_rnn = 2 * R * (R + 1), 0
""",
            "the pixel itself is not seen": """
R = sum(width // 2 for width in kernels)
rows = range(max(0, r - R), r)
two_stacks = 1 + len(rows) * (min(N - 1, c + R) - max(0, c - R) + 1) + min(R, c)
row_rnn = 0
""",
            "left part of its own row": """
R = sum(width // 2 for width in kernels)
rows = range(max(0, r - R), r)
two_stacks = len(rows) * (min(N - 1, c + R) - max(0, c - R) + 1) + min(R, c)
row_rnn = sum(min(N - 1, c + k) - max(0, c - k) + 1 for k in range(1, r + 1))
""",
        },
    },
    "ex-05-leak": {
        "other": """
def is_density(sees):
    n = len(sees)
    return all(not sees[i][j] for i in range(n) for j in range(i, n))

claimed, total = -math.log2(1), float(math.prod([levels] * pixels))
""",
        "wrong": {
            "see its own pixel": """
def is_density(sees):
    return not sees.triu(1).any()

claimed, total = 0, levels**pixels
""",
            "seeing less than the past": """
def is_density(sees):
    return torch.equal(sees, torch.ones_like(sees).tril(-1))

claimed, total = 0, levels**pixels
""",
            "knows nothing": """
def is_density(sees):
    return not sees.triu().any()

claimed, total = pixels * math.log2(levels), 1
""",
            "would be a density": """
def is_density(sees):
    return not sees.triu().any()

claimed, total = 0, 1
""",
        },
    },
    "ex-05-order": {
        "other": """
def costs(p, order):
    p = torch.as_tensor(p).permute(*order).reshape(-1)
    found = []
    for k in range(len(order)):
        now = p.reshape(2**k, 2, -1).sum(-1)  # past, this pixel
        step = now / now.sum(1, keepdim=True)
        found.append(float(-(now * step.log()).sum()) / math.log(2))
    return found

logs = []
for code in range(512):
    s = [1 if code >> (8 - i) & 1 else -1 for i in range(9)]
    beside = sum(s[3 * i + j] * s[3 * i + j + 1] for i in range(3) for j in range(2))
    below = sum(s[3 * i + j] * s[3 * i + j + 3] for i in range(2) for j in range(3))
    logs.append(coupling * (beside + below))
log_d = torch.tensor(logs).double().log_softmax(0)
total = -(log_d.exp() * log_d).sum() / math.log(2)
cheaper = "neither"
""",
        "wrong": {
            "these are nats": """
def costs(p, order):
    def H(axes):
        rest = [axis for axis in range(p.ndim) if axis not in axes]
        q = p.sum(rest) if rest else p
        return -(q * q.log()).sum()
    return torch.stack([H(order[: k + 1]) - (H(order[:k]) if k else 0) for k in range(len(order))])

total, cheaper = 0.0, "neither"
""",
            "reading order; another one is given": """
def costs(p, order):
    def H(n):
        q = p.reshape(2**n, -1).sum(1)
        return -(q * q.log2()).sum()
    return torch.stack([H(k + 1) - (H(k) if k else 0) for k in range(len(order))])

total, cheaper = 0.0, "neither"
""",
            "the pixels alone": """
def costs(p, order):
    found = []
    for axis in order:
        q = p.sum([other for other in range(p.ndim) if other != axis])
        found.append(-(q * q.log2()).sum())
    return torch.stack(found)

total, cheaper = 0.0, "neither"
""",
        },
    },
    "ex-05-reverse": {
        "other": """
def parts(p, d):
    def up_to(k):  # KL of the first k pixels
        a, b = p.reshape(2**k, -1).sum(1), d.reshape(2**k, -1).sum(1)
        return float((a * (a.log() - b.log())).sum())
    return [up_to(k + 1) - up_to(k) for k in range(p.ndim)]

past = "model"
one, other = p[2] + p[3], d[2] + d[3]
first = one * math.log(one / other) + (1 - one) * math.log((1 - one) / (1 - other))
""",
        "wrong": {
            "this is the forward KL": """
def parts(p, d):
    def up_to(k):
        a, b = p.reshape(2**k, -1).sum(1), d.reshape(2**k, -1).sum(1)
        return float((b * (b / a).log()).sum())
    return [up_to(k + 1) - up_to(k) for k in range(p.ndim)]

past, first = "model", 0.0
""",
            "averaged over the data": """
def parts(p, d):
    found = []
    for k in range(p.ndim):
        a, b = p.reshape(2**k, 2, -1).sum(-1), d.reshape(2**k, 2, -1).sum(-1)
        weight, a, b = b.sum(1), a / a.sum(1, keepdim=True), b / b.sum(1, keepdim=True)
        found.append(float((weight * (a * (a / b).log()).sum(1)).sum()))
    return found

past, first = "model", 0.0
""",
            "past of the forward KL": """
def parts(p, d):
    def up_to(k):
        a, b = p.reshape(2**k, -1).sum(1), d.reshape(2**k, -1).sum(1)
        return float((a * (a / b).log()).sum())
    return [up_to(k + 1) - up_to(k) for k in range(p.ndim)]

past, first = "data", 0.0
""",
        },
    },
    "ex-05-independent": {
        "other": """
def price(p):
    q = 1
    for axis in range(3):
        q = q * p.sum([other for other in range(3) if other != axis], keepdim=True)
    return float((p * (p / q).log()).sum())

best = [sum(p[code] for code in range(8) if code >> (2 - i) & 1) for i in range(3)]
""",
        "wrong": {
            "this is in bits": """
def price(p):
    q = 1
    for axis in range(3):
        q = q * p.sum([other for other in range(3) if other != axis], keepdim=True)
    return float((p * (p / q).log2()).sum())

best = [sum(p[code] for code in range(8) if code >> (2 - i) & 1) for i in range(3)]
""",
            "the data stand first": """
def price(p):
    q = 1
    for axis in range(3):
        q = q * p.sum([other for other in range(3) if other != axis], keepdim=True)
    return float((q * (q / p).log()).sum())

best = [sum(p[code] for code in range(8) if code >> (2 - i) & 1) for i in range(3)]
""",
            "the first axis": """
price = lambda p: 0.0
best = [sum(p[code] for code in range(8) if code >> i & 1) for i in range(3)]
""",
        },
    },
    "ex-05-ancestral": {
        "other": """
def sample(p, u):
    k, drawn = len(p), []
    for a, b in u.tolist():
        row, first = p.sum(1).tolist(), 0
        while first < k - 1 and sum(row[: first + 1]) <= a:
            first += 1
        row, second = (p[first] / p[first].sum()).tolist(), 0
        while second < k - 1 and sum(row[: second + 1]) <= b:
            second += 1
        drawn.append([first, second])
    return drawn

passes = len([(i, j) for i in range(height) for j in range(width)])
""",
        "wrong": {
            "ignores what the first was": """
def sample(p, u):
    choose = lambda q, u: (q.cumsum(0) <= u[:, None]).sum(1).clamp(max=len(q) - 1)
    return torch.stack([choose(p.sum(1), u[:, 0]), choose(p.sum(0), u[:, 1])], 1)

passes = height * width
""",
            "is not normalised": """
def sample(p, u):
    choose = lambda q, u: (q.cumsum(-1) <= u[:, None]).sum(1).clamp(max=q.shape[-1] - 1)
    first = choose(p.sum(1), u[:, 0])
    return torch.stack([first, choose(p[first], u[:, 1])], 1)

passes = height * width
""",
            "that is training": """
def sample(p, u):
    choose = lambda q, u: (q.cumsum(-1) <= u[:, None]).sum(1).clamp(max=q.shape[-1] - 1)
    first = choose(p.sum(1), u[:, 0])
    return torch.stack([first, choose(p[first] / p[first].sum(1, keepdim=True), u[:, 1])], 1)

passes = 1
""",
        },
    },
    "ex-05-temperature": {
        "other": """
def stepwise(p, tau):
    flat, result = [float(value) for value in p.flatten()], []
    for code in range(8):
        chance = 1.0
        for k in range(3):
            after = lambda bits: sum(v for c, v in enumerate(flat) if c >> (2 - k) == bits)
            here = code >> (2 - k)
            a, b = after(here) ** (1 / tau), after(here ^ 1) ** (1 / tau)
            chance *= a / (a + b)
        result.append(chance)
    return torch.tensor(result).reshape(2, 2, 2)

same = False
drawn = stepwise(torch.tensor(p, dtype=torch.float64), tau).double().flatten()
joint = (torch.tensor(p, dtype=torch.float64).log() / tau).log_softmax(0)
apart = (joint.exp() * (joint - drawn.log())).sum() / math.log(2)
""",
        "wrong": {
            "sharpened joint density": """
def stepwise(p, tau):
    return p ** (1 / tau) / (p ** (1 / tau)).sum()

same, apart = True, 0.0
""",
            "each step must be normalised": """
def stepwise(p, tau):
    return p ** (1 / tau)

same, apart = False, 0.0
""",
            "depend on the past": """
def stepwise(p, tau):
    a = p.sum((1, 2), keepdim=True) ** (1 / tau)
    b = p.sum(2, keepdim=True) ** (1 / tau)
    c = p ** (1 / tau)
    return a / a.sum() * b / b.sum(1, keepdim=True) * c / c.sum(2, keepdim=True)

same, apart = True, 0.0
""",
            "this is in nats": """
def stepwise(p, tau):
    a = p.sum((1, 2), keepdim=True) ** (1 / tau)
    b = p.sum(2, keepdim=True) ** (1 / tau)
    c = p ** (1 / tau)
    return a / a.sum() * b / b.sum(1, keepdim=True) * c / c.sum(2, keepdim=True)

same = False
p = torch.tensor(p, dtype=torch.float64).view(2, 2, 2)
joint = p ** (1 / tau) / (p ** (1 / tau)).sum()
apart = (joint * (joint / stepwise(p, tau)).log()).sum()
""",
        },
    },
    "ex-05-units": {
        "other": """
def units(log_p):
    n = len(log_p)
    return [-sum(float(v) for v in log_p) / n * math.log2(math.e), math.prod(math.exp(-float(v)) ** (1 / n) for v in log_p)]

both = math.exp((math.log(first) + math.log(second)) / 2)
told_apart = sum([excess] * characters)
""",
        "wrong": {
            "nats still": """
units = lambda log_p: torch.stack([-log_p.mean(), (-log_p.mean()).exp()])
both, told_apart = 0.0, 0.0
""",
            "not in all": """
units = lambda log_p: torch.stack([-log_p.sum() / math.log(2), (-log_p.sum()).exp()])
both, told_apart = 0.0, 0.0
""",
            "not perplexities": """
units = lambda log_p: torch.stack([-log_p.mean() / math.log(2), (-log_p.mean()).exp()])
both, told_apart = (first + second) / 2, excess * characters
""",
            "every character adds": """
units = lambda log_p: torch.stack([-log_p.mean() / math.log(2), (-log_p.mean()).exp()])
both, told_apart = math.sqrt(first * second), excess
""",
        },
    },
    "ex-05-ngram": {
        "other": """
def predict(text, context, alphabet, a):
    def p(letter, context):
        seen = sum(text.startswith(context, k) for k in range(len(text) - len(context)))
        hits = sum(text.startswith(context + letter, k) for k in range(len(text)))
        below = p(letter, context[1:]) if context else 1 / len(alphabet)
        return (hits + a * below) / (seen + a)
    return torch.tensor([p(letter, context) for letter in alphabet])

weight = a / (a + sum(letter == context for letter in text[:-1]))
""",
        "wrong": {
            "towards equal letters": """
def predict(text, context, alphabet, a):
    m = len(context)
    follows = [text[k + m] for k in range(len(text) - m) if text[k : k + m] == context]
    return [(follows.count(s) + a / len(alphabet)) / (len(follows) + a) for s in alphabet]

weight = 0.0
""",
            "not of each letter": """
def predict(text, context, alphabet, a):
    m = len(context)
    follows = [text[k + m] for k in range(len(text) - m) if text[k : k + m] == context]
    return [(follows.count(s) + a) / (len(follows) + a * len(alphabet)) for s in alphabet]

weight = 0.0
""",
            "the weight of the counts": """
def predict(text, context, alphabet, a):
    p = [1 / len(alphabet)] * len(alphabet)
    for m in range(len(context) + 1):
        tail = context[len(context) - m :]
        follows = [text[k + m] for k in range(len(text) - m) if text[k : k + m] == tail]
        p = [(follows.count(s) + a * q) / (len(follows) + a) for s, q in zip(alphabet, p)]
    return p

weight = 1 - a / (a + text[:-1].count(context))
""",
            "only where something follows": """
def predict(text, context, alphabet, a):
    p = [1 / len(alphabet)] * len(alphabet)
    for m in range(len(context) + 1):
        tail = context[len(context) - m :]
        follows = [text[k + m] for k in range(len(text) - m) if text[k : k + m] == tail]
        p = [(follows.count(s) + a * q) / (len(follows) + a) for s, q in zip(alphabet, p)]
    return p

weight = a / (a + text.count(context))
""",
        },
    },
}
