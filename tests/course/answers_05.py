"""Answers to the exercises of chapter 05: another right one, by another way than the solution, and typical wrong ones.

The independent answers were written from the student's notebook alone, by somebody who had seen neither solution nor judge.
"""

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


INDEPENDENT = {
    "ex-05-blind": '''
def blind(N, r, c):
    """Follow the kernel's taps backwards until nothing new is reached; what comes before and is not reached is blind."""
    taps = [(-1, -1), (-1, 0), (-1, 1), (0, -1)]
    reached, rim = set(), {(r, c)}
    while rim:
        steps = {(i + a, j + b) for i, j in rim for a, b in taps}
        rim = {(i, j) for i, j in steps if 0 <= i < N and 0 <= j < N} - reached
        reached |= rim
    table = torch.zeros(N, N, dtype=torch.bool)
    for place in range(r * N + c):
        table[place // N, place % N] = divmod(place, N) not in reached
    return table


right = N - 1 - c  # columns to the right
rows = max(0, min(r, right - 1))  # rows in which some of them are out of reach
count = rows * right - rows * (rows + 1) // 2
assert count == int(blind(N, r, c).sum())
''',
    "ex-05-field": """
R = sum(width // 2 for width in kernels)
columns = min(N - 1, c + R) - max(0, c - R) + 1
two_stacks = min(R, r) * columns + min(R, c)
row_rnn = c + sum(min(N - 1, c + k) - max(0, c - k) + 1 for k in range(1, r + 1))
""",
    "ex-05-leak": """
def is_density(sees):
    n = len(sees)
    return not any(bool(sees[i][j]) for i in range(n) for j in range(i, n))


claimed = 0  # it names each pixel, which it reads, with certainty
total = levels**pixels
""",
    "ex-05-order": '''
def entropy(p, kept):
    """Of the joint law of the pixels in `kept`, bits."""
    rest = [i for i in range(p.dim()) if i not in kept]
    q = (p.sum(rest) if rest else p).flatten()
    return -torch.special.xlogy(q, q).sum() / math.log(2)


def costs(p, order):
    heights = [entropy(p, order[:k]) for k in range(len(order) + 1)]
    return torch.stack([b - a for a, b in zip(heights[:-1], heights[1:])])


weight = torch.zeros([2] * 9, dtype=torch.float64)
for number in range(512):
    bits = [number >> (8 - i) & 1 for i in range(9)]
    spin = [2 * b - 1 for b in bits]
    across = sum(spin[i] * spin[i + 1] for i in range(9) if i % 3 < 2)
    down = sum(spin[i] * spin[i + 3] for i in range(6))
    weight[tuple(bits)] = math.exp(coupling * (across + down))
magnet = weight / weight.sum()
total = costs(magnet, [0, 2, 4, 6, 8, 1, 3, 5, 7]).sum()
cheaper = "neither"
''',
    "ex-05-reverse": '''
def parts(p, d):
    """Differences of KL(p || d) of the first k pixels."""
    n = p.dim()
    kl = [torch.zeros((), dtype=p.dtype)]
    for k in range(1, n + 1):
        a, b = p.reshape(2**k, -1).sum(1), d.reshape(2**k, -1).sum(1)
        kl.append((torch.special.xlogy(a, a) - torch.special.xlogy(a, b)).sum())
    return torch.stack(kl).diff()


past = "model"
a, b = p[2] + p[3], d[2] + d[3]
first = a * math.log(a / b) + (1 - a) * math.log((1 - a) / (1 - b))
''',
    "ex-05-independent": """
def ones(p):
    return [p[1].sum(), p[:, 1].sum(), p[:, :, 1].sum()]


def price(p):
    q = torch.ones((), dtype=p.dtype)
    for chance in ones(p):
        q = q[..., None] * torch.stack([1 - chance, chance])
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum()


best = ones(torch.tensor(p, dtype=torch.float64).reshape(2, 2, 2))
""",
    "ex-05-ancestral": """
def sample(p, u):
    k, drawn = len(p), []
    for a, b in u.tolist():
        x, below = 0, float(p[0].sum())
        while below <= a and x < k - 1:
            x += 1
            below += float(p[x].sum())
        row = p[x] / p[x].sum()
        y, below = 0, float(row[0])
        while below <= b and y < k - 1:
            y += 1
            below += float(row[y])
        drawn.append([x, y])
    return torch.tensor(drawn)


passes = height * width
""",
    "ex-05-temperature": """
def stepwise(p, tau):
    result = torch.ones_like(p)
    for a in range(2):
        for b in range(2):
            for c in range(2):
                for past, value in ((p.sum((1, 2)), a), (p[a].sum(1), b), (p[a, b], c)):
                    sharp = (past / past.sum()) ** (1 / tau)
                    result[a, b, c] *= sharp[value] / sharp.sum()
    return result


same = False
table = torch.tensor(p, dtype=torch.float64).reshape(2, 2, 2)
whole = table ** (1 / tau)
whole = whole / whole.sum()
apart = (whole * (whole / stepwise(table, tau)).log2()).sum()
""",
    "ex-05-units": """
def units(log_p):
    bits = -log_p.mean() / math.log(2)
    return torch.stack([bits, (-log_p.mean()).exp()])


both = math.sqrt(first * second)  # the mean of the bits, not of the perplexities
told_apart = excess * characters
""",
    "ex-05-ngram": """
def predict(text, context, alphabet, a):
    p = [1 / len(alphabet)] * len(alphabet)
    for size in range(len(context) + 1):  # from the empty context to the whole
        past = context[len(context) - size :]
        after = [text[k + size] for k in range(len(text) - size) if text[k : k + size] == past]
        p = [(after.count(x) + a * q) / (len(after) + a) for x, q in zip(alphabet, p)]
    return p


stands = sum(text[k : k + len(context)] == context for k in range(len(text) - len(context)))
weight = a / (a + stands)
""",
}
for label, answer in INDEPENDENT.items():
    ANSWERS[label]["independent"] = answer
