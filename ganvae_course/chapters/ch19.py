"""Exercises of chapter 19."""

import math

import torch

from ..answers import Wrong
from ..exercise import Chapter

CHAPTER = Chapter(
    19,
    {
        "bound": "Compute what a step costs at least, and say which resource limits it.",
        "stack": "Predict what stacking seeds, fetching ahead or several processes can gain, and what they cannot.",
        "bits": "Say what a format of few bits loses, and round without bias.",
        "share": "Average gradients over shares of a minibatch, and know which losses forbid it.",
        "data": "Compute how often examples are seen when the rest of an epoch is left out.",
    },
)


def apart(draw, first, small, second, large):
    """Two times, the second larger; no whole number of anything, so that rounding up is no matter of rounding."""
    whole = lambda value: abs(value - round(value)) < 0.02
    while True:
        a, b = draw.real(*small, 1), draw.real(*large, 1)
        if not whole(b / a) and not whole(9 * (8 * a - b) / (b - a)):
            return {first: a, second: b}


RESOURCES = ("beginnings", "flops", "bytes")


def exact(values):
    return torch.tensor(values, dtype=torch.float64)


@CHAPTER.exercise(
    "roofline",
    "Which of the three?",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="bound",
    defines={
        "limits": "for each operation 'beginnings', 'flops' or 'bytes', a list of three words",
        "floor": "the bound by totals, in microseconds",
        "takes": "the time of the chain if each operation takes its own bound, in microseconds",
    },
    given=lambda draw: {
        "begin": draw.real(8.0, 12.0, 1) if draw.variant else 10.0,
        # no two times of an operation are equal, for any draw: the word is one
        "flops": [draw.real(0.2, 3.0), draw.real(50.0, 70.0), draw.real(2.0, 8.0)]
        if draw.variant
        else [1.0, 60.0, 4.0],
        "bytes": [draw.real(0.1, 0.7), draw.real(1.0, 2.2), draw.real(3.0, 6.0)] if draw.variant else [0.5, 2.0, 5.0],
    },
)
def roofline(answers, begin, flops, bytes):
    parts = exact([[begin] * 3, [f / 2 for f in flops], [b / 0.1 for b in bytes]])
    right = [RESOURCES[int(i)] for i in parts.argmax(0)]
    words = answers.read("limits")
    if not isinstance(words, list) or len(words) != 3 or not all(word in RESOURCES for word in words):
        raise Wrong("limits must be a list of three words among 'beginnings', 'flops' and 'bytes'.")
    for place, (said, is_so) in enumerate(zip(words, right, strict=True)):
        if said != is_so:
            raise Wrong(f"limits: compare the three times of operation {place}, each in microseconds.")
    answers.close(
        "floor",
        float(parts.sum(1).max()),
        {
            "this is the sum of the largest of each operation, which is the time, not the bound by totals": float(
                parts.amax(0).sum()
            ),
            "this is the sum of all three totals; nothing adds up if the parts overlap": float(parts.sum()),
            "this is the largest single time, not the largest total": float(parts.max()),
        },
    )
    answers.close(
        "takes",
        float(parts.amax(0).sum()),
        {
            "this is the bound by totals; the operations run one after another": float(parts.sum(1).max()),
            "within an operation the parts overlap, so they do not add up": float(parts.sum()),
        },
    )


def products_of(batch, sizes, gradient):
    pairs = list(zip(sizes, sizes[1:], strict=False))
    each = [2 * batch * i * o for i, o in pairs]
    return 3 * sum(each) - (0 if gradient else each[0])


@CHAPTER.exercise(
    "flops",
    "Six flops for each weight and example",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="bound",
    defines={
        "asked": "a function (batch, sizes, gradient) that returns the flops of a step, a number",
        "step": "the flops of one step of the VAE, both networks, for the given numbers",
        "least": "the smallest batch for which the decoder's last layer is not limited by memory",
    },
    given=lambda draw: {
        "batch": draw.choice([32, 64, 256]) if draw.variant else 128,
        "hidden": draw.choice([256, 300, 512]) if draw.variant else 400,
        "latent": draw.choice([8, 16, 32]) if draw.variant else 20,
        "balance": draw.choice([12, 16, 24]) if draw.variant else 20,
    },
)
def flops(answers, batch, hidden, latent, balance):
    at = (7, [5, 4, 3, 2], False)
    answers.close(
        "asked",
        products_of(*at),
        {
            "the first layer's input needs no gradient here, which saves a product": products_of(7, [5, 4, 3, 2], True),
            "these are the flops of the forward pass": 2 * 7 * 38,
            "a product has two flops: a multiplication and an addition": products_of(*at) / 2,
            "only the backward pass is counted": products_of(*at) - 2 * 7 * 38,
        },
        at=at,
    )
    answers.close(
        "asked",
        products_of(7, [5, 4, 3], True),
        {
            "with gradient=True the input's gradient is wanted, and the first layer costs it, too": products_of(
                7, [5, 4, 3], False
            )
        },
        at=(7, [5, 4, 3], True),
    )
    encoder, decoder = [784, hidden, 2 * latent], [latent, hidden, 784]
    right = products_of(batch, encoder, False) + products_of(batch, decoder, True)
    answers.close(
        "step",
        right,
        {
            "the codes are no data: the encoder learns through the gradient of the decoder's input": products_of(
                batch, encoder, False
            )
            + products_of(batch, decoder, False),
            "pixels need no gradient": products_of(batch, encoder, True) + products_of(batch, decoder, True),
            "the encoder gives a mean and a width for each code, so its last layer has twice as many outputs": products_of(
                batch, [784, hidden, latent], False
            )
            + products_of(batch, decoder, True),
        },
    )
    inverse = 1 / (2 * balance) - 1 / hidden - 1 / 784
    answers.close(
        "least",
        math.ceil(1 / inverse),
        {
            "this would be enough if the two other sizes had no limit": 2 * balance,
            "a batch is a whole number; round up": 1 / inverse,
            "a number has four bytes, not one": math.ceil(balance / 2),
        },
        tolerance=1e-6,
    )


@CHAPTER.exercise(
    "half",
    "How many seeds are worth it?",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="stack",
    defines={
        "gain": "a function (K, shared, each) that returns how many times as fast K stacked seeds are",
        "most": "the number that no K exceeds, for the given times",
        "enough": "the smallest K that has nine tenths of it",
    },
    given=lambda draw: (
        apart(draw, "one", (1.5, 2.5), "eight", (3.0, 5.5)) if draw.variant else {"one": 2.0, "eight": 4.2}
    ),
)
def half(answers, one, eight):
    K, shared, each = 6, 3.0, 0.5
    right = K * (shared + each) / (shared + K * each)
    answers.close(
        "gain",
        right,
        {
            "this is the share of the time that is left; turn it over": 1 / right,
            "the seeds' own work is paid for every seed": K * (shared + each) / (shared + each),
            "K runs one after another take K times as long as one": (shared + each) / (shared + K * each),
        },
        at=(K, shared, each),
    )
    each = (eight - one) / 7
    shared = one - each
    limit = 1 + shared / each
    answers.close(
        "most",
        limit,
        {
            "this is shared/each, which is one less": shared / each,
            "this is the gain of eight": 8 * one / eight,
            "no more than 8 holds for eight seeds, not for more": 8.0,
            "eight seeds have seven works more than one": 1 + (one - (eight - one) / 8) / ((eight - one) / 8),
        },
    )
    answers.close(
        "enough",
        math.ceil(9 * shared / each - 1e-9),
        {
            "this is where half of it is reached": math.ceil(shared / each),
            "a number of seeds is whole; round up": 9 * shared / each,
        },
        tolerance=1e-6,
    )


@CHAPTER.exercise(
    "ahead",
    "Who waits for whom?",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="stack",
    defines={
        "waits": "'the learner', 'the fetchers' or 'nobody'",
        "time": "a function (fetch, learn, workers, N) that returns the time of N steps, for N a multiple of workers",
        "enough": "the smallest number of workers with which the learner does not wait, after the first minibatch",
    },
    given=lambda draw: (
        apart(draw, "learn", (4.0, 7.0), "fetch", (14.0, 29.0)) if draw.variant else {"learn": 6.0, "fetch": 21.0}
    ),
)
def ahead(answers, learn, fetch):
    answers.say(
        "waits",
        "the learner",
        ("the learner", "the fetchers", "nobody"),
        dict.fromkeys(("the fetchers", "nobody"), "which of the two is done first with its minibatch?"),
    )
    for d, c, workers, N in ((20.0, 6.0, 2, 8), (20.0, 6.0, 5, 10), (9.0, 4.0, 1, 5)):
        right = together(d, c, workers, N)
        pace = max(c, d / workers)
        answers.close(
            "time",
            right,
            {
                "the last minibatches must still be learned from": right - c,
                "the first fetch takes its whole time, with however many workers": d / workers + (N - 1) * pace + c,
                "this is one worker's time": d + (N - 1) * max(c, d) + c,
                "fetching and learning overlap": N * (d / workers + c),
                "minibatches come in groups, as many at once as there are workers": d + (N - 1) * pace + c,
            },
            at=(d, c, workers, N),
        )
    answers.close(
        "enough",
        math.ceil(fetch / learn - 1e-9),
        {
            "one too few: with it the learner still waits": math.floor(fetch / learn),
            "a number of workers is whole; round up": fetch / learn,
        },
        tolerance=1e-6,
    )


def together(d, c, workers, N):
    """All workers begin at once and never wait: minibatch i is there after (i // workers + 1) d."""
    end = 0.0
    for i in range(N):
        end = max(end, (i // workers + 1) * d) + c
    return end


@CHAPTER.exercise(
    "stops",
    "Where a sum stands still",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="bits",
    defines={
        "stops": "the value at which the sum stands still",
        "weight": "the number beyond which weights are moved by no update of the size of the given rate, by the lemma",
        "remedy": "'a larger batch', 'a larger learning rate', 'float32 weights' or 'nothing'",
    },
    given=lambda draw: {
        "p": draw.choice([8, 9, 10, 12]) if draw.variant else 11,
        "term": 2.0 ** draw.choice([-3, -2, -1, 1]) if draw.variant else 4.0,
        "rate": draw.choice([2e-3, 5e-4, 1e-4]) if draw.variant else 3e-4,
    },
)
def stops(answers, p, term, rate):
    answers.close(
        "stops",
        term * 2**p,
        {
            "one step earlier: there the term still lies on the grid": term * 2 ** (p - 1),
            "one step too far: half a spacing rounds to the even neighbour": term * 2 ** (p + 1),
            "this is the sum of the term 1": 2.0**p,
        },
        tolerance=1e-6,
    )
    answers.close(
        "weight",
        rate * 2 ** (p + 1),
        {
            "beyond this some updates are still not lost; all are beyond twice as much": rate * 2**p,
            "this is the update, not the weight": rate,
            "the update is smaller than the weight: multiply": rate / 2 ** (p + 1),
        },
    )
    answers.say(
        "remedy",
        "float32 weights",
        ("a larger batch", "a larger learning rate", "float32 weights", "nothing"),
        {
            "a larger batch": "Adam's updates have the size of the rate, whatever the batch is",
            "a larger learning rate": "it would move the weights, and the rate was chosen for another reason",
            "nothing": "there is a way that keeps the products short and the sum exact",
        },
    )


@CHAPTER.exercise(
    "lot",
    "Round by lot",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="bits",
    defines={
        "rounded": "a function (x [n], spacing, u [n]) that returns x rounded by lot, [n]",
        "spread": "the standard deviation of the sum after the given number of steps",
    },
    given=lambda draw: {
        "steps": draw.choice([100, 900, 2500]) if draw.variant else 400,
        "spacing": 2.0 ** -draw.choice([4, 5, 7]) if draw.variant else 2.0**-6,
        "part": draw.choice([0.1, 0.2, 0.3]) if draw.variant else 0.25,
    },
)
def lot(answers, steps, spacing, part):
    draws = torch.Generator().manual_seed(19)
    x = torch.randn(200_000, generator=draws, dtype=torch.float64).mul(3)
    u = torch.rand(200_000, generator=draws, dtype=torch.float64)
    s = 0.25
    got = answers.values("rounded", x, s, u, shape=(200_000,))
    cells = got / s
    if (cells - cells.round()).abs().max() > 1e-6:
        raise Wrong("rounded(...) returns numbers that are no multiples of the spacing.")
    if ((got - x).abs() > s + 1e-9).any():
        raise Wrong("rounded(...) is farther from x than the spacing: only the two neighbours are allowed.")
    nearest = (x / s).round() * s
    if (got - nearest).abs().max() < 1e-9:
        raise Wrong("rounded: this rounds to the nearest, whatever u is.")
    share = x / s - (x / s).floor()
    up = (got > x).double()
    low, high = up[share < 0.25].mean(), up[share > 0.75].mean()
    of_negative, of_positive = (up[(share > 0.75) & side].mean() for side in (x < 0, x > 0))
    if of_negative < 0.4 and of_positive > 0.6:
        raise Wrong("rounded: for negative x the two chances are exchanged; what is left over is counted from below.")
    if abs(up.mean() - 0.5) < 0.01 and abs(low - high) < 0.05:
        raise Wrong("rounded: it goes up with probability one half wherever x lies; where does x lie?")
    if low > high:
        raise Wrong(
            "rounded: it goes up more often from just above a neighbour than from just below one; turn it over."
        )
    for least in (0.0, 0.25, 0.5, 0.75):
        here = (share >= least) & (share < least + 0.25)
        if abs(up[here].mean() - share[here].mean()) > 0.01:
            raise Wrong("rounded: the average is not x; with which probability must it go up?")
    deviation = spacing * math.sqrt(steps * part * (1 - part))
    answers.close(
        "spread",
        deviation,
        {
            "this is the variance": deviation**2,
            "this is the bound, with one half in the place of the given part": spacing / 2 * math.sqrt(steps),
            "errors by lot grow with the root of the steps": spacing * steps * math.sqrt(part * (1 - part)),
            "this is in units of the spacing": deviation / spacing,
        },
    )


@CHAPTER.exercise(
    "shares",
    "Unequal shares",
    kind="build",
    difficulty=2,
    minutes=20,
    points=4,
    goal="share",
    defines={
        "average": "a function (gradients [P, D], counts [P]) that returns the gradient of the whole minibatch, [D]",
        "of_log": "a function (values [P], gradients [P, D], counts [P]) that returns the gradient of the log of the mean, [D]",
        "reported": "what the squared distance of means is on average when each of the given processes takes its share alone",
    },
    given=lambda draw: {
        "processes": draw.choice([2, 4, 16]) if draw.variant else 8,
        "variance": draw.real(0.5, 4.0, 1) if draw.variant else 2.0,
        "examples": draw.choice([32, 128]) if draw.variant else 64,
    },
)
def shares(answers, processes, variance, examples):
    draws = torch.Generator().manual_seed(7)
    gradients = torch.randn(3, 5, generator=draws, dtype=torch.float64)
    counts, values = exact([6.0, 1.0, 3.0]), exact([0.5, 2.0, 1.2])
    part = (counts / counts.sum())[:, None]
    right = (part * gradients).sum(0)
    answers.close(
        "average",
        right,
        {
            "this holds for equal shares only": gradients.mean(0),
            "divide by the number of examples": (counts[:, None] * gradients).sum(0),
            "a mean over examples was divided by its count already": (gradients / counts[:, None]).sum(0),
        },
        at=(gradients, counts),
    )
    mean = (part[:, 0] * values).sum()
    answers.close(
        "of_log",
        right / mean,
        {
            "this averages the gradients of logarithms; the logarithm is outside": (
                part * gradients / values[:, None]
            ).sum(0),
            "the logarithm has a derivative of its own": right,
            "this takes the shares as equal": gradients.mean(0) / values.mean(),
        },
        at=(values, gradients, counts),
    )
    one = 2 * variance / examples
    answers.close(
        "reported",
        processes * one,
        {
            "this is what one process reports": one,
            "the shares are smaller, so their means are farther apart": one / processes,
            "both sides have a mean that varies": processes * one / 2,
            "this is what comes on top; what one process reports is missing": (processes - 1) * one,
        },
    )


@CHAPTER.exercise(
    "visits",
    "Seen and unseen",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="data",
    defines={
        "mean": "a function (n, B, E) that returns the expected number of visits of an example",
        "unseen": "a function (n, B, E) that returns the expected number of examples that are never visited",
        "weight": "how many times the weight of another example one of the last, short minibatch has, if it is kept",
    },
    given=lambda draw: {
        "n": draw.choice([1010, 1100, 1250]) if draw.variant else 1050,
        "B": draw.choice([128, 200, 300]) if draw.variant else 100,
    },
)
def visits(answers, n, B):
    for count, batch, epochs in ((10, 4, 3), (7, 5, 2)):
        r = count % batch
        at = (count, batch, epochs)
        answers.close(
            "mean",
            epochs * (1 - r / count),
            {
                "this is for one epoch": 1 - r / count,
                "this is how often it is left out": epochs * r / count,
                "the rest is the remainder of n by B, not B itself": epochs * (1 - batch / count),
                "nobody would be left out": float(epochs),
            },
            at=at,
        )
        answers.close(
            "unseen",
            count * (r / count) ** epochs,
            {
                "this is the probability for one example": (r / count) ** epochs,
                "the order is new in each epoch: other examples are left out": float(r),
                "this counts those that were left out at least once": count * (1 - (1 - r / count) ** epochs),
            },
            at=at,
        )
    r = n % B
    answers.close(
        "weight",
        B / r,
        {
            "turned over: a mean over few examples gives each of them more": r / B,
            "this is the share of the short minibatch": r / n,
        },
    )
