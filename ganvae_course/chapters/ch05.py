"""Exercises of chapter 05. Worlds have few pixels: a density is a table with an axis for each."""

import math

import torch

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import kl, tensor

LOG2 = math.log(2)
CHAPTER = Chapter(
    5,
    {
        "wiring": "Show from its wiring alone what a masked network sees, and whether it is a density.",
        "chain": "Compute what the chain rule makes of an entropy and of a KL, in any order and direction.",
        "price": "Compute what independent pixels cost.",
        "sampling": "Build an exact sampler, and show what a temperature does to it.",
        "units": "Compute bits, perplexities and the smoothed counts of an n-gram.",
    },
)


def table(seed, *sizes):
    """A random density over pixels with so many values each."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(*sizes, generator=draws, dtype=torch.float64).flatten().softmax(0).view(sizes)


def marginal(p, kept):
    rest = [axis for axis in range(p.ndim) if axis not in kept]
    return p.sum(rest, keepdim=True) if rest else p


def conditionals(p, order):
    """p(pixel | those before it in the order), a table each."""
    return [marginal(p, order[: k + 1]) / marginal(p, order[:k]) for k in range(p.ndim)]


def entropy(p):
    return -(p * p.log()).sum()


def magnet(coupling):
    """The magnet of the chapter, [2] * 9."""
    states = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 9).view(512, 3, 3)
    energy = (states[:, 1:] * states[:, :-1]).sum((1, 2)) + (states[:, :, 1:] * states[:, :, :-1]).sum((1, 2))
    return (coupling * energy).softmax(0).view([2] * 9)


@CHAPTER.exercise(
    "blind",
    "The size of the blind spot",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="wiring",
    defines={
        "blind": "a function (N, r, c) that returns which pixels are in the blind spot, True or False, [N, N]",
        "count": "how many they are for the given N, r and c, a number",
    },
    given=lambda draw: (
        {"N": 9, "r": 5, "c": 4}
        if not draw.variant
        else {"N": draw.randint(10, 16), "r": draw.randint(4, 8), "c": draw.randint(1, 5)}
    ),
)
def blind(answers, N, r, c):
    def spot(N, r, c, least=1, future=False):
        up = r - torch.arange(N)[:, None]
        right = torch.arange(N)[None] - c
        hidden = (up > 0) & (right > up - 1 + least)
        return hidden | (((up < 0) | ((up == 0) & (right >= 0))) & future)

    for place in ((7, 3, 2), (6, 5, 0), (5, 2, 4), (6, 0, 3)):
        mistakes = {
            "the diagonal is reached: one column further for each row": spot(*place, least=0).double(),
            "pixels that come later are unseen, but in no blind spot": spot(*place, future=True).double(),
            "these are the pixels that are seen": 1 - spot(*place).double(),
            "the blind spot lies to the other side": spot(place[0], place[1], place[0] - 1 - place[2]).flip(1).double(),
        }
        answers.close("blind", spot(*place).double(), mistakes, at=place)
    mistakes = {
        "the diagonal is reached: one column further for each row": int(spot(N, r, c, least=0).sum()),
        "pixels that come later are not in the blind spot": int(spot(N, r, c, future=True).sum()),
    }
    answers.close("count", int(spot(N, r, c).sum()), mistakes, tolerance=1e-6)


@CHAPTER.exercise(
    "field",
    "Two fields of view",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="wiring",
    defines={
        "two_stacks": "how many pixels the prediction of a PixelCNN with two stacks sees, a number",
        "row_rnn": "how many that of a row PixelRNN sees, a number",
    },
    given=lambda draw: {
        "N": draw.randint(11, 15),
        "r": draw.randint(5, 9),
        "c": draw.randint(1, 2),
        "kernels": draw.choice(([5, 3], [3, 5, 3], [3, 3, 3], [7, 3])),
    },
)
def field(answers, N, r, c, kernels):
    rows, columns = torch.meshgrid(torch.arange(N), torch.arange(N), indexing="ij")
    up, side = r - rows, (columns - c).abs()
    earlier = (up > 0) | ((up == 0) & (columns < c))

    def square(R):
        return int((earlier & (up <= R) & (side <= R)).sum())

    R = sum(size // 2 for size in kernels)
    mistakes = {
        "a kernel reaches half of its width to each side": square(sum(size - 1 for size in kernels)),
        "the reaches of the layers add up": square(max(kernels) // 2),
        "the pixel itself is not seen": square(R) + 1,
        "no network sees what comes later": int(((up <= R) & (up >= -R) & (side <= R)).sum()),
        "the image ends": 2 * R * (R + 1),
        "it sees all earlier pixels only if its layers reach so far": int(earlier.sum()),
    }
    answers.close("two_stacks", square(R), mistakes, tolerance=1e-6)
    triangle = (up > 0) & (side <= up)
    left = (up == 0) & (columns < c)
    right = int((triangle | left).sum())
    mistakes = {
        "the left part of its own row is seen, too": int(triangle.sum()),
        "the pixel itself is not seen": right + 1,
        "its memory widens by one column to each side per row": int((((up > 0) & (side == 0)) | left).sum()),
        "it does not see all of the past": int(earlier.sum()),
        "the image ends": sum(2 * k + 1 for k in range(1, r + 1)) + c,
    }
    answers.close("row_rnn", right, mistakes, tolerance=1e-6)


@CHAPTER.exercise(
    "leak",
    "A leak",
    kind="predict",
    difficulty=2,
    minutes=15,
    points=3,
    goal="wiring",
    defines={
        "is_density": "a function (sees [n, n]) that returns True or False",
        "claimed": "the bits per image that the leaky network claims in the end, a number",
        "total": "the sum of its 'probabilities' over all images, a number",
    },
    given=lambda draw: {"pixels": draw.randint(4, 9), "levels": draw.randint(2, 4)},
)
def leak(answers, pixels, levels):
    past = torch.ones(5, 5).tril(-1).bool()
    own, future, blind = past.clone(), past.clone(), past.clone()
    own[2, 2], future[1, 3], blind[3, 0], blind[4, 1] = True, True, False, False
    told = {
        "what sees only its past is a density, and this one does": (past, True),
        "seeing less than the past is a limit, not an error": (blind, True),
        "no prediction may see its own pixel": (own, False),
        "no prediction may see a later pixel": (future, False),
    }
    for sentence, (sees, right) in told.items():
        got = answers.call("is_density", sees)
        if isinstance(got, torch.Tensor) and got.numel() == 1:
            got = bool(got)
        if not isinstance(got, bool):
            raise Wrong("is_density must return True or False.")
        if got != right:
            raise Wrong(f"is_density: {sentence}.")
    everything = pixels * math.log2(levels)
    mistakes = {
        "these are the bits of a model that knows nothing": everything,
        "each pixel is copied, so none is left to guess": everything / pixels,
    }
    answers.close("claimed", 0.0, mistakes)
    mistakes = {
        "that would be a density": 1.0,
        "every image gets the same, not only one of them; how many images are there?": float(pixels * levels),
        "the bits are their logarithm": everything,
    }
    answers.close("total", float(levels**pixels), mistakes)


@CHAPTER.exercise(
    "order",
    "Does the order matter?",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="chain",
    defines={
        "costs": "a function (p [2, 2, ...], order) that returns the conditional entropies in bits, in the order, [n]",
        "total": "their sum for the magnet in the order of a checkerboard, a number",
        "cheaper": "which order has the smaller sum: 'reading', 'checkerboard' or 'neither'",
    },
    given=lambda draw: {"coupling": draw.real(0.3, 0.9) if draw.variant else 0.6},
)
def order(answers, coupling):
    p = table(0, 2, 2, 2, 2)

    def costs(order):
        return torch.stack([-(p * step.log()).sum() / LOG2 for step in conditionals(p, order)])

    order = [2, 0, 3, 1]
    right = costs(order)
    alone = torch.stack([entropy(marginal(p, [axis])) / LOG2 for axis in order])
    mistakes = {
        "these are nats; bits are asked for": right * LOG2,
        "this is the reading order; another one is given": costs([0, 1, 2, 3]),
        "these are in the order of the pixels, not in the given order": right[torch.tensor(order).argsort()],
        "these are the entropies of the pixels alone; what came before is known": alone,
        "these are entropies of all pixels so far, not of the next one": right.cumsum(0),
        "the sign is turned": -right,
    }
    answers.close("costs", right, mistakes, at=(p, order))
    p = magnet(coupling)
    right = entropy(p) / LOG2
    mistakes = {
        "this is in nats": right * LOG2,
        "this is the sum of the pixels' own entropies": sum(entropy(marginal(p, [axis])) for axis in range(9)) / LOG2,
    }
    answers.close("total", right, mistakes)
    told = dict.fromkeys(("reading", "checkerboard"), "compare both sums with the entropy of the image")
    answers.say("cheaper", "neither", ("reading", "checkerboard", "neither"), told)


def given_reverse(draw):
    """Two densities of two pixels for which a typical mistake has another value."""
    while True:
        p, d = draw.simplex(4), draw.simplex(4)
        (a, b), second = ([tensor(each).view(2, 2).sum(axis) for each in (p, d)] for axis in (1, 0))
        right = kl(a, b)
        if all(abs(other - right) > 0.01 * right for other in (kl(b, a), kl(*second))):
            return {"p": p, "d": d}


@CHAPTER.exercise(
    "reverse",
    "The chain, the other way round",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="chain",
    defines={
        "parts": "a function (p [2, 2, ...], d [2, 2, ...]) that returns the n parts of KL(p || d) in nats, [n]",
        "past": "whose past stands in the expectation: 'model' or 'data'",
        "first": "the first part for the given p and d, a number",
    },
    given=given_reverse,
)
def reverse(answers, p, d):
    def parts(p, d, weight=None):
        weight = p if weight is None else weight
        pairs = zip(*(conditionals(each, list(range(p.ndim))) for each in (p, d)), strict=True)
        return torch.stack([(weight * (a / b).log()).sum() for a, b in pairs])

    mixed = []  # the conditional KL of the model's, averaged over the past of the data
    model, data = table(1, 2, 2, 2), table(2, 2, 2, 2)
    steps = zip(conditionals(model, [0, 1, 2]), conditionals(data, [0, 1, 2]), strict=True)
    for k, (a, b) in enumerate(steps):
        mixed.append((marginal(data, range(k)) * a * (a / b).log()).sum())
    right = parts(model, data)
    mistakes = {
        "this is the forward KL, with the data first": parts(data, model),
        "the past is averaged over the data": torch.stack(mixed),
        "these are bits; nats are asked for": right / LOG2,
        "the sign is turned": -right,
        "these are sums so far, not parts": right.cumsum(0),
    }
    answers.close("parts", right, mistakes, at=(model, data))
    answers.say("past", "model", ("model", "data"), {"data": "that is the past of the forward KL"})
    a, b = (torch.tensor(each, dtype=torch.float64).view(2, 2).sum(1) for each in (p, d))
    right = (a * (a / b).log()).sum()
    whole = (torch.tensor(p) * (torch.tensor(p) / torch.tensor(d)).log()).sum()
    mistakes = {
        "this is the forward KL, with the data first": (b * (b / a).log()).sum(),
        "this is the whole KL; the first pixel is asked for": whole,
        "the first pixel is the first axis": _second(p, d),
        "this is in bits": right / LOG2,
    }
    answers.close("first", right, mistakes, tolerance=1e-3)


def _second(p, d):
    a, b = (torch.tensor(each, dtype=torch.float64).view(2, 2).sum(0) for each in (p, d))
    return (a * (a / b).log()).sum()


def given_independent(draw):
    """A density of three pixels of which the first and the last are not alike."""
    while True:
        p = draw.simplex(8, least=0.04)
        if abs(sum(p[4:]) - sum(p[1::2])) > 0.005:
            return {"p": p}


@CHAPTER.exercise(
    "independent",
    "The price of independence",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="price",
    defines={
        "best": "the best q_i(1), i = 1, 2, 3, for the given p, [3]",
        "price": "a function (p [2, 2, 2]) that returns the least KL in nats",
    },
    given=given_independent,
)
def independent(answers, p):
    p = torch.tensor(p, dtype=torch.float64).view(2, 2, 2)
    chances = torch.stack([marginal(p, [axis]).flatten()[1] for axis in range(3)])
    mistakes = {
        "these are the chances of 0": 1 - chances,
        "the first pixel is the first axis": chances.flip(0),
        "these are chances given that the others are 0": torch.stack(
            [each[1] / each.sum() for each in (p[:, 0, 0], p[0, :, 0], p[0, 0])]
        ),
    }
    answers.close("best", chances, mistakes)
    for seed in (3, 4):
        world = table(seed, 2, 2, 2)
        alone = sum(entropy(marginal(world, [axis])) for axis in range(3))
        right = alone - entropy(world)
        factors = math.prod(marginal(world, [axis]) for axis in range(3))
        mistakes = {
            "this is in bits": right / LOG2,
            "the sign is turned": -right,
            "this is what the independent model pays in all; the entropy of the world is no loss": alone,
            "the data stand first in this KL": (factors * (factors / world).log()).sum(),
        }
        answers.close("price", right, mistakes, at=(world,))


@CHAPTER.exercise(
    "ancestral",
    "Draw by the product",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="sampling",
    defines={
        "sample": "a function (p [k, k], u [m, 2]) that returns m samples of two dimensions, [m, 2]",
        "passes": "network passes for one image of the given size, a number",
    },
    given=lambda draw: {"height": draw.randint(5, 32), "width": draw.randint(5, 32)},
)
def ancestral(answers, height, width):
    def drawn(first, then, u):
        """Values of two dimensions, from the distributions [m, k] of the first and, given it, of the second."""
        choose = lambda q, u: (q.cumsum(-1) <= u[:, None]).sum(-1).clamp(max=q.shape[-1] - 1)
        one = choose(first.expand(len(u), -1), u[:, 0])
        return torch.stack([one, choose(then(one), u[:, 1])], -1).double()

    p = table(5, 4, 4)
    u = torch.rand(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    first, second = p.sum(1), p.sum(0)
    given_first, given_second = p / p.sum(1, keepdim=True), (p / p.sum(0, keepdim=True)).T
    right = drawn(first, lambda one: given_first[one], u)
    mistakes = {
        "the second ignores what the first was": drawn(first, lambda one: second.expand(len(one), -1), u),
        "the joint row is not normalised: it is no conditional": drawn(first, lambda one: p[one], u),
        "the first dimension is the first axis": drawn(second, lambda one: given_second[one], u),
        "here dimension 2 is drawn first": drawn(second, lambda one: given_second[one], u.flip(1)).flip(1),
        "one number for both dimensions makes them depend": drawn(first, lambda one: given_first[one], u[:, [0, 0]]),
        "values count from 0": right + 1,
    }
    got = answers.values("sample", p, u, shape=(400, 2))
    if float((got != right).double().mean()) > 0.005:  # float32 may fall to the other side of a border
        answers.close("sample", right, mistakes, at=(p, u), tolerance=1e-6)
    n = height * width
    mistakes = {
        "that is training, where all of x is known": 1,
        "a row is not drawn at once: its pixels depend on each other": height,
        "the pixels of an image are drawn one after the other": height + width,
    }
    answers.close("passes", n, mistakes, tolerance=1e-6)


def sharpened(p, tau):
    """The joint density at a temperature, and what is drawn step by step."""
    joint = p ** (1 / tau) / (p ** (1 / tau)).sum()
    drawn = torch.ones_like(p)
    for axis, step in enumerate(conditionals(p, list(range(p.ndim)))):
        step = step ** (1 / tau)
        drawn = drawn * step / step.sum(axis, keepdim=True)
    return joint, drawn


def given_temperature(draw):
    """A density and a temperature at which the two directions of the KL have two values."""
    while True:
        p, tau = draw.simplex(8, least=0.03), draw.choice((0.3, 0.4, 0.6, 0.7)) if draw.variant else 0.5
        joint, drawn = (each.flatten() for each in sharpened(tensor(p).view(2, 2, 2), tau))
        if abs(kl(joint, drawn) - kl(drawn, joint)) > 0.005 * kl(joint, drawn) > 1e-5:
            return {"p": p, "tau": tau}


@CHAPTER.exercise(
    "temperature",
    "Temperature",
    kind="build",
    difficulty=3,
    minutes=30,
    points=5,
    goal="sampling",
    defines={
        "stepwise": "a function (p [2, 2, 2], tau) that returns the density of what is drawn, [2, 2, 2]",
        "same": "is it p^(1/tau) / Z? True or False",
        "apart": "KL(p^(1/tau)/Z || stepwise) in bits, for the given p and tau, a number",
    },
    given=given_temperature,
)
def temperature(answers, p, tau):
    world = table(6, 2, 2, 2)
    joint, right = sharpened(world, 0.6)
    unnormalised = math.prod(step ** (1 / 0.6) for step in conditionals(world, [0, 1, 2]))
    mistakes = {
        "this is the sharpened joint density; each step is sharpened here": joint,
        "each step must be normalised": unnormalised,
        "this is the density at temperature 1": world,
        "the power is 1/tau": sharpened(world, 1 / 0.6)[1],
    }
    answers.close("stepwise", right, mistakes, at=(world, 0.6))
    answers.say("same", False, (True, False), {True: "the normalisers of the steps depend on the past"})
    joint, drawn = sharpened(torch.tensor(p, dtype=torch.float64).view(2, 2, 2), tau)
    right = (joint * (joint / drawn).log2()).sum()
    mistakes = {
        "this is in nats": right * LOG2,
        "the two are exchanged": (drawn * (drawn / joint).log2()).sum(),
        "the sign is turned": -right,
    }
    answers.close("apart", right, mistakes, tolerance=1e-3)


@CHAPTER.exercise(
    "units",
    "Bits and perplexity",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="units",
    defines={
        "units": "a function (log_p [n]) that returns the bits per character and the perplexity, [2]",
        "both": "the perplexity of the two texts read as one, a number",
        "told_apart": "the bits by which the page tells the model from its source, a number",
    },
    given=lambda draw: {
        "first": draw.real(3, 6, 1),
        "second": draw.real(12, 30, 1),
        "excess": draw.real(0.05, 0.3),
        "characters": 100 * draw.randint(5, 40),
    },
)
def units(answers, first, second, excess, characters):
    log_p = table(7, 6).log()
    nats = -log_p.mean()
    pair = lambda bits, perplexity: torch.stack([torch.as_tensor(bits), torch.as_tensor(perplexity)])
    mistakes = {
        "the bits are nats still": pair(nats, nats.exp()),
        "the bits are nats still, and two is raised to them": pair(nats, 2**nats),
        "per character is asked for, not in all": pair(-log_p.sum() / LOG2, (-log_p.sum()).exp()),
        "e is raised to the bits": pair(nats / LOG2, (nats / LOG2).exp()),
        "the sign of the bits is turned": pair(-nats / LOG2, (-nats).exp()),
        "the mean of 1/p is no perplexity": pair(nats / LOG2, (-log_p).exp().mean()),
        "nats are divided by log 2, not multiplied": pair(nats * LOG2, nats.exp()),
    }
    answers.close("units", pair(nats / LOG2, nats.exp()), mistakes, at=(log_p,))
    mistakes = {
        "bits are averaged, not perplexities": (first + second) / 2,
        "these are two texts read as one, not two choices": first * second,
        "the mean of 1/p is no perplexity": 2 / (1 / first + 1 / second),
        "this is in bits": (math.log2(first) + math.log2(second)) / 2,
    }
    answers.close("both", math.sqrt(first * second), mistakes, tolerance=1e-3)
    mistakes = {
        "every character adds its part": excess,
        "it is in bits already": excess * characters / LOG2,
        "bits add up": 2.0**excess * characters,
    }
    answers.close("told_apart", excess * characters, mistakes)


@CHAPTER.exercise(
    "ngram",
    "Count, and smooth",
    kind="build",
    difficulty=3,
    minutes=35,
    points=5,
    goal="units",
    defines={
        "predict": "a function (text, context, alphabet, a) that returns the probabilities of the next letter, [K]",
        "weight": "the weight of the shorter context in it, for the given text, context and a, a number",
    },
    given=lambda draw: {"text": "abracadabra", "context": "a", "a": 2.0} if not draw.variant else a_text(draw),
)
def ngram(answers, text, context, a):
    def counts(text, context, alphabet, everywhere=False):
        m = len(context)
        places = [k for k in range(len(text) - m) if text[k : k + m] == context]
        follows = torch.tensor([sum(text[k + m] == letter for k in places) for letter in alphabet]).double()
        return follows, len(places) + (everywhere and text.endswith(context))

    def smoothed(text, context, alphabet, a, starts=None, everywhere=False):
        p = torch.full((len(alphabet),), 1 / len(alphabet), dtype=torch.float64)
        for start in range(len(context), -1, -1) if starts is None else starts:
            follows, stands = counts(text, context[start:], alphabet, everywhere and start < len(context))
            p = (follows + a * p) / (stands + a)
        return p

    alphabet = "".join(sorted(set(text) | {"z"}))
    for said, past, a_ in ((text, text[3:5], 2.0), (text, text[-2:], 0.5), (text, "", 3.0), (text, text[1] + "z", 1.0)):
        n = len(past)
        follows, stands = counts(said, past, alphabet)
        mistakes = {
            "it is smoothed towards equal letters, not towards the next shorter context": smoothed(
                said, past, alphabet, a_, [0]
            ),
            "a context counts only where something follows": smoothed(said, past, alphabet, a_, everywhere=True),
            "the shortest context is dropped from the left, letter by letter": smoothed(
                said, past, alphabet, a_, [n, 0]
            ),
            "the empty context counts, too, before p_0 is reached": smoothed(
                said, past, alphabet, a_, range(n - 1, -1, -1)
            ),
            "a is the weight of the whole shorter context, not of each letter": (follows + a_)
            / (stands + a_ * len(alphabet)),
        }
        answers.close("predict", smoothed(said, past, alphabet, a_), mistakes, at=(said, past, alphabet, a_))
    stands = counts(text, context, alphabet)[1]
    mistakes = {
        "this is the weight of the counts": stands / (stands + a),
        "a context counts only where something follows": a / (text.count(context) + a),
    }
    answers.close("weight", a / (stands + a), mistakes)


def a_text(draw):
    """A text, a letter that occurs in it and stands at its end, too, and a strength."""
    letters = [draw.choice("abcd") for _ in range(11)]
    return {"text": "".join([*letters, letters[4]]), "context": letters[4], "a": draw.choice((0.5, 1.5, 2.5))}
