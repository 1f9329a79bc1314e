"""Answers to the exercises of chapter 19: another right one, by another way than the solution, and typical wrong ones.

Those named ``independent`` are by somebody who had seen neither solution nor judge.
"""

RIGHT_LIMITS = """
table = [(begin, f / 2, b / 0.1) for f, b in zip(flops, bytes)]
limits = [("beginnings", "flops", "bytes")[max(range(3), key=times.__getitem__)] for times in table]
"""
RIGHT_ASKED = """
def asked(batch, sizes, gradient):
    total = 0
    for place in range(len(sizes) - 1):
        times = 3 if place or gradient else 2
        total += times * 2 * batch * sizes[place] * sizes[place + 1]
    return total
"""
RIGHT_STEP = (
    RIGHT_ASKED
    + """
step = asked(batch, [784, hidden, 2 * latent], False) + asked(batch, [latent, hidden, 784], True)
"""
)
RIGHT_GAIN = """
gain = lambda K, shared, each: (shared + each) / (shared / K + each)
each = (eight - one) / 7
"""
RIGHT_TIME = """
waits = "the learner"

def time(fetch, learn, workers, N):
    return max(fetch + N * learn, N / workers * fetch + workers * learn)
"""
RIGHT_LOT = """
def rounded(x, spacing, u):
    return torch.floor(x / spacing + u) * spacing
"""
RIGHT_AVERAGE = """
def average(gradients, counts):
    return torch.einsum("p,pd->d", counts / counts.sum(), gradients)
"""
RIGHT_OF_LOG = """
def of_log(values, gradients, counts):
    return torch.einsum("p,pd->d", counts, gradients) / (counts * values).sum()
"""
RIGHT_VISITS = """
mean = lambda n, B, E: E * (n // B) * B / n
unseen = lambda n, B, E: n * (1 - (n // B) * B / n) ** E
"""

ANSWERS = {
    "ex-19-roofline": {
        "other": RIGHT_LIMITS
        + """
floor = max(map(sum, zip(*table)))
takes = sum(max(times) for times in table)
""",
        "independent": """
needs = {
    "beginnings": torch.full((3,), begin),
    "flops": torch.tensor(flops) / 2,
    "bytes": torch.tensor(bytes) / 0.1,
}
names = list(needs)
table = torch.stack(list(needs.values()), 1)  # [operation, need]
limits = [names[place] for place in table.argmax(1).tolist()]
floor = float(table.sum(0).max())
takes = float(table.amax(1).sum())
""",
        "wrong": {
            "compare the three times of operation 1": """
limits, floor, takes = ["beginnings", "bytes", "bytes"], 1.0, 1.0
""",
            "compare the three times of operation 0": """
limits, floor, takes = ["flops", "flops", "bytes"], 1.0, 1.0
""",
            "three words": """
limits, floor, takes = ["flops", "bytes"], 1.0, 1.0
""",
            "not the bound by totals": RIGHT_LIMITS
            + """
takes = sum(max(times) for times in table)
floor = takes
""",
            "nothing adds up if the parts overlap": RIGHT_LIMITS
            + """
floor = sum(map(sum, table))
takes = floor
""",
            "the operations run one after another": RIGHT_LIMITS
            + """
floor = max(map(sum, zip(*table)))
takes = floor
""",
        },
    },
    "ex-19-flops": {
        "other": RIGHT_STEP
        + """
least = 1
while 1 / (1 / least + 1 / hidden + 1 / 784) / 2 < balance:
    least += 1
""",
        "independent": """
def asked(batch, sizes, gradient):
    total = 0
    for place, (i, o) in enumerate(pairwise(sizes)):
        products = 3 if gradient or place > 0 else 2
        total += products * 2 * batch * i * o
    return total

encoder = asked(batch, [784, hidden, 2 * latent], False)
step = encoder + asked(batch, [latent, hidden, 784], True)
least = 1
while 2 * least * hidden * 784 < balance * 4 * (least * hidden + hidden * 784 + least * 784):
    least += 1
""",
        "wrong": {
            "saves a product": """
def asked(batch, sizes, gradient):
    return sum(6 * batch * i * o for i, o in zip(sizes, sizes[1:]))

step, least = 1.0, 1
""",
            "a multiplication and an addition": """
def asked(batch, sizes, gradient):
    each = [batch * i * o for i, o in zip(sizes, sizes[1:])]
    return 3 * sum(each) - (not gradient) * each[0]

step, least = 1.0, 1
""",
            "the forward pass": """
asked = lambda batch, sizes, gradient: sum(2 * batch * i * o for i, o in zip(sizes, sizes[1:]))
step, least = 1.0, 1
""",
            "the encoder learns through": RIGHT_ASKED
            + """
step = asked(batch, [784, hidden, 2 * latent], False) + asked(batch, [latent, hidden, 784], False)
least = 1
""",
            "twice as many outputs": RIGHT_ASKED
            + """
step = asked(batch, [784, hidden, latent], False) + asked(batch, [latent, hidden, 784], True)
least = 1
""",
            "if the two other sizes had no limit": RIGHT_STEP + "least = 2 * balance",
            "round up": RIGHT_STEP + "least = 1 / (1 / (2 * balance) - 1 / hidden - 1 / 784)",
        },
    },
    "ex-19-half": {
        "other": RIGHT_GAIN
        + """
most = one / each
enough = next(K for K in range(1, 10**6) if gain(K, one - each, each) >= 0.9 * most)
""",
        "independent": """
gain = lambda K, shared, each: (shared + each) / (shared / K + each)

each = (eight - one) / 7
most = one / each
enough = next(K for K in range(1, 10_000) if gain(K, one - each, each) >= 0.9 * most)
""",
        "wrong": {
            "turn it over": """
gain = lambda K, shared, each: (shared / K + each) / (shared + each)
most, enough = 1.0, 1
""",
            "paid for every seed": """
gain = lambda K, shared, each: K
most, enough = 1.0, 1
""",
            "which is one less": RIGHT_GAIN + "most, enough = (one - each) / each, 1",
            "the gain of eight": RIGHT_GAIN + "most, enough = 8 * one / eight, 1",
            "where half of it is reached": RIGHT_GAIN
            + """
most = one / each
enough = math.ceil(most - 1)
""",
        },
    },
    "ex-19-ahead": {
        "other": RIGHT_TIME + "enough = int(fetch // learn) + 1",
        "independent": """
def time(fetch, learn, workers, N):
    now = 0.0
    for minibatch in range(N):
        there = fetch * (1 + minibatch // workers)
        now = max(now, there) + learn
    return now

waits = "the learner" if fetch > learn else "the fetchers" if fetch < learn else "nobody"
enough = next(W for W in range(1, 100) if math.isclose(time(fetch, learn, W, 50 * W), fetch + 50 * W * learn))
""",
        "wrong": {
            "done first with its minibatch": """
waits, time, enough = "the fetchers", lambda fetch, learn, workers, N: 0.0, 1
""",
            "one worker's time": """
waits, enough = "the learner", 1
time = lambda fetch, learn, workers, N: fetch + (N - 1) * max(learn, fetch) + learn
""",
            "fetching and learning overlap": """
waits, enough = "the learner", 1
time = lambda fetch, learn, workers, N: N * (fetch / workers + learn)
""",
            "minibatches come in groups": """
waits, enough = "the learner", 1
time = lambda fetch, learn, workers, N: fetch + (N - 1) * max(learn, fetch / workers) + learn
""",
            "the learner still waits": RIGHT_TIME + "enough = int(fetch // learn)",
        },
    },
    "ex-19-stops": {
        "other": """
total = 0
while (total / term) < 2**p:
    total += term
stops, weight, remedy = total, 2 * rate * 2.0**p, "float32 weights"
""",
        "independent": """
def nearest(x):
    if x == 0:
        return 0.0
    spacing = 2.0 ** (math.frexp(x)[1] - p)
    return round(x / spacing) * spacing  # Python rounds ties to even

stops = 0.0
while nearest(stops + term) != stops:
    stops = nearest(stops + term)
weight = rate * 2 ** (p + 1)
remedy = "float32 weights"
""",
        "wrong": {
            "one step earlier": """
stops, weight, remedy = term * 2 ** (p - 1), 1.0, "float32 weights"
""",
            "one step too far": """
stops, weight, remedy = term * 2 ** (p + 1), 1.0, "float32 weights"
""",
            "the sum of the term 1": """
stops, weight, remedy = 2**p, 1.0, "float32 weights"
""",
            "beyond this some updates are still not lost": """
stops, weight, remedy = term * 2**p, rate * 2**p, "float32 weights"
""",
            "whatever the batch is": """
stops, weight, remedy = term * 2**p, rate * 2 ** (p + 1), "a larger batch"
""",
        },
    },
    "ex-19-lot": {
        "other": RIGHT_LOT + "spread = math.sqrt(steps * spacing**2 * (part - part**2))",
        "independent": """
rounded = lambda x, spacing, u: spacing * torch.floor(x / spacing + u)

# after a step the sum is a multiple of the spacing, so each lot is up with chance `part`
spread = spacing * math.sqrt(steps * part * (1 - part))
""",
        "wrong": {
            "whatever u is": """
rounded = lambda x, spacing, u: (x / spacing).round() * spacing
spread = 1.0
""",
            "turn it over": """
def rounded(x, spacing, u):
    low = (x / spacing).floor()
    return spacing * (low + (u > x / spacing - low))

spread = 1.0
""",
            "one half wherever x lies": """
rounded = lambda x, spacing, u: spacing * ((x / spacing).floor() + (u < 0.5))
spread = 1.0
""",
            "counted from below": """
def rounded(x, spacing, u):
    low = (x / spacing).floor()
    return spacing * (low + (u < (x / spacing).frac().abs()))

spread = 1.0
""",
            "no multiples": """
rounded = lambda x, spacing, u: x
spread = 1.0
""",
            "this is the variance": RIGHT_LOT + "spread = steps * spacing**2 * part * (1 - part)",
            "in the place of the given part": RIGHT_LOT + "spread = spacing / 2 * math.sqrt(steps)",
        },
    },
    "ex-19-shares": {
        "other": RIGHT_AVERAGE + RIGHT_OF_LOG + "reported = processes * 2 * variance / examples",
        "independent": """
def average(gradients, counts):
    sums = gradients * counts[:, None]
    return sums.sum(0) / counts.sum()

def of_log(values, gradients, counts):
    return (counts[:, None] * gradients).sum(0) / (counts * values).sum()

per_share = examples // processes
reported = variance / per_share + variance / per_share
""",
        "wrong": {
            "equal shares only": """
average = lambda gradients, counts: gradients.mean(0)
of_log, reported = lambda values, gradients, counts: gradients.mean(0), 1.0
""",
            "divide by the number of examples": """
average = lambda gradients, counts: counts @ gradients
of_log, reported = lambda values, gradients, counts: gradients.mean(0), 1.0
""",
            "the logarithm is outside": RIGHT_AVERAGE
            + """
of_log = lambda values, gradients, counts: average(gradients / values[:, None], counts)
reported = 1.0
""",
            "a derivative of its own": RIGHT_AVERAGE
            + """
of_log = lambda values, gradients, counts: average(gradients, counts)
reported = 1.0
""",
            "what one process reports": RIGHT_AVERAGE + RIGHT_OF_LOG + "reported = 2 * variance / examples",
            "farther apart": RIGHT_AVERAGE + RIGHT_OF_LOG + "reported = 2 * variance / examples / processes",
        },
    },
    "ex-19-visits": {
        "other": RIGHT_VISITS + "weight = (1 / (n - n // B * B)) / (1 / B)",
        "independent": """
def mean(n, B, E):
    return E * (n // B) * B / n

def unseen(n, B, E):
    return n * (1 - (n // B) * B / n) ** E

last = n - n // B * B
weight = (1 / last) / (1 / B)
""",
        "wrong": {
            "this is for one epoch": """
mean = lambda n, B, E: 1 - (n % B) / n
unseen, weight = mean, 1.0
""",
            "how often it is left out": """
mean = lambda n, B, E: E * (n % B) / n
unseen, weight = mean, 1.0
""",
            "nobody would be left out": """
mean = lambda n, B, E: E
unseen, weight = mean, 1.0
""",
            "the probability for one example": """
mean = lambda n, B, E: E * (1 - (n % B) / n)
unseen, weight = lambda n, B, E: ((n % B) / n) ** E, 1.0
""",
            "other examples are left out": """
mean = lambda n, B, E: E * (1 - (n % B) / n)
unseen, weight = lambda n, B, E: n % B, 1.0
""",
            "gives each of them more": RIGHT_VISITS + "weight = (n % B) / B",
        },
    },
}
