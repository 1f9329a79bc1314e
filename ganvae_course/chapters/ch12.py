"""Exercises of chapter 12."""

import math
from itertools import permutations

import torch
from torch.distributions import Normal

from ..answers import Wrong, alike
from ..exercise import Chapter

CHAPTER = Chapter(
    12,
    {
        "price": "Read a cycle loss and its weight as a likelihood, and compute the scale that is honest.",
        "cycles": "Compute what a cycle asks for, when it can be zero, and what it costs where it cannot.",
        "open": "Count and build the solutions that no unpaired data tell apart.",
        "decides": "Compute what may decide among them: chance, a few pairs, a preference; and what a cycle hides.",
    },
)
real = {"dtype": torch.float64}


def _random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **real)


def _tensors(*values):
    return [torch.tensor(value, **real) for value in values]


def _entropy(p):
    return -(p * p.log()).sum(-1)


@CHAPTER.exercise(
    "scale",
    "The price of a miss",
    kind="build",
    difficulty=1,
    minutes=15,
    points=3,
    goal="price",
    defines={
        "price": "a function (x [n, D], back [n, D], scale) that returns the average of -log p(x|z), a number",
        "best": "the scale with the least price, for the given pictures and their round trips",
        "least": "that price",
    },
    given=lambda draw: {
        "x": [draw.reals(3, 0, 1) for _ in range(3)],
        "back": [draw.reals(3, 0, 1) for _ in range(3)],
    },
)
def scale(answers, x, back):
    a, b = _random(1, 2, 5, 4)
    miss = (a - b).abs().sum(-1).mean()
    for size in (0.4, 2.0):
        constant = 4 * math.log(2 * size)
        answers.close(
            "price",
            miss / size + constant,
            {
                "the constant of the density is missing": miss / size,
                "the constant counts once in each dimension": miss / size + constant / 4,
                "sum over the dimensions, average over the examples": (miss / size + constant) / 4,
                "you summed over the examples": 5 * (miss / size + constant),
                "the sign: this is the log-likelihood": -miss / size - constant,
                "this is a Gaussian's squared miss": (a - b).square().sum(-1).mean() / size + constant,
                "the scale divides the miss": miss * size + constant,
            },
            at=(a, b, size),
        )
    a, b = _tensors(x, back)
    m = float((a - b).abs().mean())
    answers.close(
        "best",
        m,
        {
            "take the average per dimension": 3 * m,
            "this is the root of the mean square, the best scale of a Gaussian": (a - b).square().mean().sqrt(),
            "this is the median": (a - b).abs().median(),
        },
    )
    least = 3 * (1 + math.log(2 * m))
    answers.close(
        "least",
        least,
        {"this is the price of one dimension": least / 3, "at the best scale the misses cost one each": least - 3},
    )


@CHAPTER.exercise(
    "weight",
    "An honest weight",
    kind="derive",
    difficulty=1,
    minutes=10,
    points=2,
    goal="price",
    defines={
        "weight_of": "a function (scale, pixels) that returns the weight on the mean absolute error, a number",
        "honest": "the weight that belongs to the best scale, for the given miss and pixels",
        "implied": "the scale that the published weight of 10 implies, for the given pixels",
    },
    given=lambda draw: {
        "miss": 0.03 if not draw.variant else draw.real(0.01, 0.08),
        "pixels": 256 if not draw.variant else draw.choice((784, 1024, 400)),
    },
)
def weight(answers, miss, pixels):
    for size, count in ((0.5, 100), (2.0, 36)):
        right = 2 * count / size
        answers.close(
            "weight_of",
            right,
            {
                "the published adversary is least squares without the halves: everything is doubled": right / 2,
                "the mean over the pixels needs their number": 2 / size,
                "upside down": size / (2 * count),
                "the scale divides": 2 * count * size,
            },
            at=(size, count),
        )
    right = 2 * pixels / miss
    answers.close(
        "honest",
        right,
        {
            "the published adversary is least squares without the halves: everything is doubled": right / 2,
            "the best scale is the miss of one pixel": 2 / miss,
        },
        tolerance=1e-3,
    )
    answers.close(
        "implied", pixels / 5, {"everything is doubled, as above": pixels / 10, "this is for a weight of 1": 2 * pixels}
    )


@CHAPTER.exercise(
    "half",
    "Half a cycle",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=4,
    goal="cycles",
    defines={
        "one": "a function (n_x, n_z) that counts the pairs of functions with a zero cycle of z, for n_x >= n_z",
        "both": "a function (n_x, n_z) that counts those with both cycles zero",
        "share": "the share of all pairs of functions whose cycle of z is zero, for the given two sizes",
    },
    given=lambda draw: {"sizes": [4, 3] if not draw.variant else draw.choice(([5, 3], [5, 2], [6, 4], [4, 2]))},
)
def half(answers, sizes):
    for n_x, n_z in ((4, 3), (3, 2), (5, 5), (6, 2)):  # in the first no two of the mistakes give one number
        injective, free = math.perm(n_x, n_z), n_z ** (n_x - n_z)
        answers.close(
            "one",
            injective * free,
            {
                "F is free where G never arrives": injective,
                "G may be any injective map": free,
                "the order of the points matters: G is a map, not a set": math.comb(n_x, n_z) * free,
                "a free point has as many choices as there are z": injective * n_x ** (n_x - n_z),
                "F is fixed on the image of G": injective * n_z**n_x,
            },
            at=(n_x, n_z),
            tolerance=1e-6,
        )
        answers.close(
            "both",
            math.factorial(n_x) if n_x == n_z else 0,
            {
                "with unequal sizes no pair of functions is inverse on both sides": injective,
                "this is for one cycle": injective * free,
                "the first map fixes the second": math.factorial(n_x) ** 2,
            },
            at=(n_x, n_z),
            tolerance=1e-6,
        )
    n_x, n_z = sizes
    count = math.perm(n_x, n_z) * n_z ** (n_x - n_z)
    answers.close(
        "share",
        count / (n_x**n_z * n_z**n_x),
        {"this is the number, not the share": count, "there are two functions in each pair": count / n_x**n_z},
    )


def _split(draw):
    """A prior, and data whose probabilities can be grouped to give it; not in order."""
    parts = draw.simplex(5, least=0.1)
    data = [*parts]
    draw.shuffle(data)
    groups = ([0, 1], [2, 3], [4])
    return {"data": data, "prior": [round(sum(parts[i] for i in group), 2) for group in groups]}


@CHAPTER.exercise(
    "entropies",
    "More on one side than on the other",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="cycles",
    defines={
        "F": "the number of the z to which each x goes, so that the codes match: a list of five",
        "paid": "the least loss of the cycle of x with that F, over all decoders",
        "blind": "the least loss of the cycle of x with the encoder q(z|x) = p(z), which matches, too",
    },
    given=_split,
)
def entropies(answers, data, prior):
    d, p = _tensors(data, prior)
    F = answers.tensor("F", (5,))
    if not ((F == F.round()) & (F >= 0) & (F <= 2)).all():
        raise Wrong("F must be a list of five of the numbers 0, 1 and 2.")
    reached = torch.zeros(3, **real).index_add(0, F.long(), d)
    if not alike(reached, p, 1e-4):
        raise Wrong("F: its codes do not have the probabilities of the prior.")
    least = float(_entropy(d) - _entropy(p))
    answers.close(
        "paid",
        least,
        {
            "the sign: the pile with more entropy is that of x": -least,
            "this is the entropy of the data: F tells something of it": _entropy(d),
            "this is the entropy of the codes": _entropy(p),
            "several x share a code, so the cycle cannot be zero": 0.0,
        },
    )
    answers.close(
        "blind",
        _entropy(d),
        {
            "a code that is drawn blindly tells nothing of x": least,
            "the decoder still knows how frequent each x is": math.log(5),
            "this is the entropy of the codes": _entropy(p),
        },
    )


@CHAPTER.exercise(
    "count",
    "How many are right?",
    kind="predict",
    difficulty=2,
    minutes=20,
    points=3,
    goal="open",
    defines={
        "solutions": "a function (weights: a list of whole numbers) that returns the number of exact solutions",
        "chance": "the probability of the true solution, if each exact one is found equally often",
        "paired": "how many of the points have their true partner on average, if each is found equally often",
    },
    given=lambda draw: {
        "weights": [3, 3, 2, 2, 1]
        if not draw.variant
        else draw.choice(([5, 5, 5, 2], [4, 4, 3, 3, 3], [2, 2, 2, 2, 1], [6, 5, 5, 1, 1], [4, 3, 3, 3, 2, 2]))
    },
)
def count(answers, weights):
    number = lambda list_: math.prod(math.factorial(list_.count(w)) for w in set(list_))
    for case in ([1, 1, 1, 1, 1], [4, 3, 2, 1], [7, 7, 2, 2, 2]):
        answers.close(
            "solutions",
            number(case),
            {
                "points of different frequency cannot be exchanged": math.factorial(len(case)),
                "the choices among points of each frequency multiply": sum(
                    math.factorial(case.count(w)) for w in set(case)
                ),
                "all orders of the points of one frequency count": math.prod(case.count(w) for w in set(case)),
                "G fixes F": number(case) ** 2,
            },
            at=(case,),
            tolerance=1e-6,
        )
    answers.close(
        "chance",
        1 / number(weights),
        {
            "this is the number of solutions": number(weights),
            "points of different frequency cannot be exchanged": 1 / math.factorial(len(weights)),
        },
    )
    different = len(set(weights))
    answers.close(
        "paired",
        different,
        {
            "points of one frequency find their partners now and then, too": sum(
                weights.count(w) == 1 for w in weights
            ),
            "not all solutions are the true one": len(weights),
            "this is the share, their number is asked for": different / len(weights),
            "on average, not in the likeliest case": len(weights) / number(weights),
        },
    )


@CHAPTER.exercise(
    "turn",
    "Another pair of maps",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="open",
    defines={
        "G": "a function (z [n, 2]) that returns x, [n, 2]",
        "F": "a function (x [n, 2]) that returns z, [n, 2]",
        "angle": "the angle of the turn, in radians between 0 and pi",
    },
    given=lambda draw: {
        "A": [[draw.real(1, 2), draw.real(-0.8, 0.8)], [draw.real(-0.8, 0.8), draw.real(1, 2)]],
        "mean": draw.reals(2, -2, 2),
        "distance": draw.real(1.2, 2.4),
    },
)
def turn(answers, A, mean, distance):
    A, mean = _tensors(A, mean)
    points = math.sqrt(2) * torch.cat([torch.eye(2, **real), -torch.eye(2, **real)])  # moments of N(0, I)
    many = _random(2, 40, 2)
    x = answers.values("G", many, shape=(40, 2))
    middle = answers.values("G", (many[:20] + many[20:]) / 2, shape=(20, 2))
    if not alike(middle, (x[:20] + x[20:]) / 2, 1e-3):
        raise Wrong("G must be the mean plus a linear map of z.")
    made = answers.values("G", points, shape=(4, 2))
    if not alike(made.mean(0), mean, 1e-3):
        raise Wrong("G: what it makes does not have the mean of the data.")
    spread = (made - made.mean(0)).T @ (made - made.mean(0)) / 4
    if not alike(spread, A @ A.T, 1e-3):
        why = (
            "turn z before A is applied, not after"
            if alike(spread.trace(), (A @ A.T).trace(), 1e-3)
            else "is Q orthogonal?"
        )
        raise Wrong(f"G: what it makes does not have the covariance of the data; {why}")
    if not alike(answers.values("F", x, shape=(40, 2)), many, 1e-3):
        raise Wrong("F does not undo G: F(G(z)) must be z; undo the steps in the reverse order.")
    far = float((made - mean - points @ A.T).square().sum(-1).mean())
    if abs(far - distance) > 1e-2 * distance:
        if abs(far) < 1e-3:
            raise Wrong("G is the pair that was given; another one is asked for.")
        if abs(math.sqrt(far) - distance) < 1e-2 * distance:
            raise Wrong("G: this is the distance itself; its mean square is to have the given value.")
        raise Wrong(f"G is too {'far from' if far > distance else 'near to'} the given map.")
    size = float(A.square().sum())
    right = math.acos(1 - distance / (2 * size))
    answers.close(
        "angle",
        right,
        {
            "this is in degrees": math.degrees(right),
            "its sign is open, a positive one is asked for": -right,
            "the length of Q - I counts both dimensions": math.acos(max(-1.0, 1 - distance / size)),
        },
        tolerance=1e-2,
    )


@CHAPTER.exercise(
    "line",
    "Two maps on a line",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="open",
    defines={
        "mirror": "a function (x [n]) that returns s(x), the automorphism that is not the identity, [n]",
        "fixed": "the point that it leaves where it is",
    },
    given=lambda draw: (
        lambda share: {
            "shares": [share, round(1 - share, 2)],
            "means": [-1.0, 2.0] if not draw.variant else [draw.real(-2, -0.5), draw.real(1, 3)],
            "stds": [0.5, 1.2] if not draw.variant else [draw.real(0.4, 0.8), draw.real(0.9, 1.5)],
        }
    )(0.3 if not draw.variant else draw.real(0.2, 0.45)),
)
def line(answers, shares, means, stds):
    parts, w = Normal(*_tensors(means, stds)), torch.tensor(shares, **real)
    C = lambda x: (w * parts.cdf(x[..., None])).sum(-1)

    def back(u):
        low, high = torch.full_like(u, -40), torch.full_like(u, 40)
        for _ in range(80):
            middle = (low + high) / 2
            below = C(middle) < u
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return low

    x = torch.linspace(means[0] - stds[0], means[1] + stds[1], 25, **real)
    mean = (w * torch.tensor(means, **real)).sum()
    median = back(torch.tensor([0.5], **real))
    answers.close(
        "mirror",
        back(1 - C(x)),
        {
            "this is the identity": x,
            "this reflects at the mean; the density is not symmetric about it": 2 * mean - x,
            "this reflects at the median; the density is not symmetric about it": 2 * median - x,
            "these are probabilities; go back to x": 1 - C(x),
        },
        at=(x,),
        tolerance=1e-3,
    )
    answers.close("fixed", median[0], {"this is the mean": mean}, tolerance=1e-3)


def _forth(z):
    return torch.stack([z[..., 0], z[..., 1] * (z[..., 0] / 2).exp() + z[..., 0].square() / 2], -1)


def _log_density(x):
    """log density of T(z) for the T of the chapter, up to a constant."""
    second = (x[..., 1] - x[..., 0].square() / 2) * (-x[..., 0] / 2).exp()
    return -(x[..., 0].square() + second.square()) / 2 - x[..., 0] / 2


@CHAPTER.exercise(
    "swirl",
    "A map that nobody can see",
    kind="build",
    difficulty=3,
    minutes=35,
    points=5,
    goal="open",
    defines={
        "s": "a function (x [n, 2]) that returns s(x), an automorphism of the density that is not the identity, [n, 2]",
        "back": "its inverse, a function (x [n, 2]) that returns [n, 2]",
    },
)
def swirl(answers):
    z, h = _random(3, 60, 2), 1e-3
    x = _forth(z)
    image = answers.values("s", x, shape=(60, 2))
    moved = (image - x).norm(dim=-1).mean()
    if moved < 0.5:
        raise Wrong(
            "s moves the points by less than half a unit on average; a map that hides the pairing is asked for."
        )
    sides = []
    for step in torch.eye(2, **real) * h:
        up, down = (answers.values("s", x + way * step, shape=(60, 2)) for way in (1, -1))
        sides.append((up - down) / (2 * h))
    slope = torch.stack(sides, -1).det().abs()
    unlike = (_log_density(image) + slope.clamp(min=1e-9).log() - _log_density(x)).abs()
    if unlike.median() > 0.01 or (unlike > 0.1).double().mean() > 0.1:
        turned = unlike.median() > 0.01 and alike(image.norm(dim=-1), x.norm(dim=-1), 1e-3)
        why = (
            "you turned x itself; its density is not round, that of z is"
            if turned
            else "compare rho(s(x)) |det s'(x)| with rho(x)"
        )
        if alike(image.norm(dim=-1), z.norm(dim=-1), 1e-3):
            why = "this is a z; send it on by T"
        raise Wrong(f"s does not keep the density: {why}.")
    if not alike(answers.values("back", image, shape=(60, 2)), x, 1e-3):
        again = alike(answers.values("s", image), answers.values("back", image), 1e-6)
        raise Wrong(f"back does not undo s{'; it turns on instead of back' if again else ''}.")


@CHAPTER.exercise(
    "fair",
    "Many copies, one of them right",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="decides",
    defines={
        "some": "the probability that at least one of the copies finds the truth",
        "copies_needed": "the least number of copies for which it is at least 0.95",
        "tells": 'which of them is right, say the "judges", the "round trips" or "neither"',
    },
    given=lambda draw: {
        "group": 8 if not draw.variant else draw.choice((6, 10, 12, 24)),
        "copies": 12 if not draw.variant else draw.choice((5, 8, 10, 20)),
    },
)
def fair(answers, group, copies):
    none = (1 - 1 / group) ** copies
    answers.close(
        "some",
        1 - none,
        {
            "this is the probability that none does": none,
            "this is their average number": copies / group,
            "this is the probability of exactly one": copies / group * (1 - 1 / group) ** (copies - 1),
            "this is one copy alone": 1 / group,
        },
    )
    right = math.ceil(math.log(0.05) / math.log(1 - 1 / group))
    answers.close(
        "copies_needed",
        right,
        {
            "a copy for each symmetry need not find them all": group,
            "this many copies are right 0.95 times on average, which is less": math.ceil(0.95 * group),
            "round up: with this number it is less than 0.95": right - 1,
        },
        tolerance=1e-6,
    )
    why = "an automorphism keeps both piles and all round trips"
    answers.say("tells", "neither", ("judges", "round trips", "neither"), {"judges": why, "round trips": why})


def _symmetries():
    """The eight of the square, as matrices that act on rows, [8, 2, 2]."""
    found = []
    for order in ((0, 1), (1, 0)):
        for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            matrix = torch.zeros(2, 2, **real)
            for row, column in enumerate(order):
                matrix[row, column] = signs[row]
            found.append(matrix)
    return torch.stack(found)


@CHAPTER.exercise(
    "pairs",
    "Three pairs",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="decides",
    defines={
        "correct": "a function (found [2, 2], x [k, 2], z [k, 2]) that returns the corrected map, [2, 2]",
        "fits": "how many of the eight fit one pair without error, if its x is the given point",
    },
    given=lambda draw: {
        "point": [1.0, 1.0]
        if not draw.variant
        else draw.choice(([0.8, 0.3], [0.0, 1.2], [-0.9, 0.9], [1.1, -0.4], [0.7, 0.0]))
    },
)
def pairs(answers, point):
    group = _symmetries()
    for seed, place in ((4, 1), (5, 5), (6, 6)):
        T = torch.eye(2, **real) + 0.4 * _random(seed, 2, 2)
        x = 1 + 0.3 * _random(seed + 10, 3, 2)
        x[1] *= torch.tensor([1.0, -1.0], **real)
        z = x @ T + 0.02 * _random(seed + 20, 3, 2)
        found = group[place] @ T
        misses = lambda maps: (x @ maps - z).square().sum((1, 2))  # noqa: B023
        before, after = group @ found, found @ group
        answers.close(
            "correct",
            T,
            {
                "this is the map as it was found": found,
                "the symmetry comes first, before the map": after[misses(after).argmin()],
                "you chose the one that fits worst": before[misses(before).argmax()],
                "this is fitted by least squares; keep to the eight": torch.linalg.lstsq(x, z).solution,
            },
            at=(found, x, z),
            tolerance=1e-3,
        )
    x = torch.tensor(point, **real)
    right = int(((x @ group - x).abs().sum(-1) < 1e-9).sum())
    answers.close(
        "fits",
        right,
        {
            "most symmetries move it": 8,
            **(
                {"this point lies on no axis of reflection": 2}
                if right == 1
                else {"a point on an axis of reflection does not tell a map from its reflection": 1}
            ),
        },
    )


def _cheapest(points, images, squared=True):
    orders = torch.tensor(list(permutations(range(len(points)))))
    away = (images[orders] - points).square().sum(2)
    costs = (away if squared else away.sqrt()).sum(1)
    return orders[costs.argmin()], float(costs.min())


@CHAPTER.exercise(
    "near",
    "A preference for small changes",
    kind="build",
    difficulty=2,
    minutes=25,
    points=4,
    goal="decides",
    defines={
        "cheapest": "a function (points [K, 2], images [K, 2]) that returns each point's place among the images, [K]",
        "true": "True or False: is the truth the cheapest solution for the given turn of the square?",
        "limit": "the turn, in degrees, beyond which it is no longer",
    },
    given=lambda draw: {"degrees": 35 if not draw.variant else draw.choice((20, 40, 50, 60, 80))},
)
def near(answers, degrees):
    for seed in (7, 8, 12, 28):  # for 12 and 28 the sum of the distances has its minimum elsewhere
        points, images = _random(seed, 5, 2), _random(seed + 10, 5, 2)
        got = answers.values("cheapest", points, images, shape=(5,))
        if sorted(got.tolist()) == [1, 2, 3, 4, 5]:
            raise Wrong("cheapest: count the places from 0.")
        if sorted(got.tolist()) != list(range(5)):
            greedy = (
                ""
                if not alike(got, torch.cdist(points, images).argmin(1).double(), 1e-6)
                else "; you took the nearest for each"
            )
            raise Wrong(f"cheapest: two points have the same image, so this is no solution{greedy}.")
        order, least = _cheapest(points, images)
        paid = float((images[got.long()] - points).square().sum())
        if paid > least + 1e-6:
            same = lambda other, got=got: alike(got, other.double(), 1e-6)
            why = "another solution moves the points less"
            if same(order.argsort()):
                why = "this is its inverse, the point of each image"
            elif same(_cheapest(points, images, squared=False)[0]):
                why = "you added the distances, the cost is the sum of their squares"
            raise Wrong(f"cheapest: {why}.")
    answers.say(
        "true",
        degrees < 45,
        (True, False),
        {True: "each corner is nearer to the image of its neighbour", False: "no rival moves the points less"},
    )
    answers.close(
        "limit", 45, {"this is in radians": math.pi / 4, "at this turn each corner is already on its neighbour": 90}
    )


@CHAPTER.exercise(
    "hidden",
    "What is hidden must be amplified",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=4,
    goal="decides",
    defines={
        "gain": "a function (width) that returns the factor of the second coordinate on the way back",
        "error": "a function (noise, width) that returns the error of the round trip, a number",
        "lost": "the noise at which the round trip is as bad as if the coordinate were forgotten, for the given width",
    },
    given=lambda draw: {"width": 0.05 if not draw.variant else draw.real(0.02, 0.15)},
)
def hidden(answers, width):
    for size in (0.1, 0.3):
        gain = 1 / (math.sqrt(3) * size)
        answers.close(
            "gain",
            gain,
            {
                "upside down: this is the factor on the way there": 1 / gain,
                "a uniform number on [-1, 1] has not the standard deviation 1": 1 / size,
                "this is the square: a ratio of variances": gain**2,
            },
            at=(size,),
        )
        for noise in (0.02, 0.2):
            right = noise * math.sqrt((1 + gain**2) / 2)
            answers.close(
                "error",
                right,
                {
                    "the mean runs over both coordinates": right * math.sqrt(2),
                    "the first coordinate gets the noise, too": noise * gain / math.sqrt(2),
                    "this is the mean square, take its root": right**2,
                    "noise in the translation is amplified on the way back": noise,
                    "squares add, not the errors": noise * (1 + gain) / 2,
                },
                at=(noise, size),
            )
    gain = 1 / (math.sqrt(3) * width)
    right = 1 / math.sqrt(3 * (1 + gain**2))
    answers.close(
        "lost",
        right,
        {
            "forgetting one of two coordinates costs less": right * math.sqrt(2),
            "the first coordinate gets the noise, too": width,
        },
        tolerance=1e-3 if abs(right - width) > 2e-3 * width else 1e-5,
    )
