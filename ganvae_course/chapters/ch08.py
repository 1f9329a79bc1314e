"""Exercises of chapter 08. Worlds are finite: d and g are lists of probabilities, one for each example."""

import math

import torch

from ..answers import Wrong
from ..exercise import Chapter
from ..finite import entropy, exactly, kl

LOG2 = math.log(2)
CHAPTER = Chapter(
    8,
    {
        "selects": "Show which examples a discriminator passes to the VAE, and build the first line for any of them.",
        "constants": "Compute the value of the bound with a label, all constants included.",
        "second": "Compute what the second line drops, and predict where that shows.",
        "inside": "Show that fooling the model's own discriminator is likelihood, and what a sharper one costs.",
    },
)


def densities(seed, count, n=5):
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(count, n, generator=draws, dtype=torch.float64).softmax(-1)


def balanced(draw, n, size=0.3):
    """A direction in which probabilities may move: it sums to zero."""
    first = draw.reals(n - 1, -size, size)
    return [*first, round(-sum(first), 2)]


def two(draw):
    return {"d": draw.simplex(5), "g": draw.simplex(5)}


@CHAPTER.exercise(
    "selects",
    "Who gets through",
    kind="predict",
    difficulty=1,
    minutes=10,
    points=2,
    goal="selects",
    defines={
        "label_of_real": "the label that the reversed perfect discriminator gives to a real example, 0 or 1",
        "weights": "the weights of real and generated examples in the gradient, three discriminators, [3, 2]",
        "learns": "whom the VAE imitates if someone forgets to reverse: 'data', 'itself' or 'nobody'",
    },
    given=lambda draw: {"D": draw.choice((0.2, 0.3, 0.4, 0.6, 0.7)) if draw.variant else 0.3},
)
def selects(answers, D):
    mistakes = {"the reversal says 'generated' of a real example": 1}
    answers.close("label_of_real", 0.0, mistakes, tolerance=1e-6)
    right = torch.tensor([[0.5, 0.0], [D / 2, D / 2], [0.0, 0.5]], dtype=torch.float64)
    other = right.clone()
    other[1] = torch.tensor([D / 2, (1 - D) / 2])
    mistakes = {
        "each source is half of the examples": 2 * right,
        "real and generated are exchanged, or the reversal is": right.flip(1),
        "a constant D passes both sources alike": other,
        "D is the chance of the label 0 here, the VAE's branch": right
        + torch.tensor([[0, 0], [0.5 - D, 0.5 - D], [0, 0]]),
        "the second is not blind; its D is given": right + torch.tensor([[0, 0], [0.25 - D / 2, 0.25 - D / 2], [0, 0]]),
    }
    answers.close("weights", right, mistakes)
    told = {"data": "no real example reaches the VAE then", "nobody": "one of the two sources still reaches the VAE"}
    answers.say("learns", "itself", ("data", "itself", "nobody"), told)


@CHAPTER.exercise(
    "first-line",
    "The first line, for any discriminator",
    kind="build",
    difficulty=3,
    minutes=35,
    points=5,
    goal="selects",
    defines={
        "first_line": "a function (d [n], g0 [n], elbo [n], price [n], D [2, n]) that returns the bound with a label",
        "blind": "its value minus half of the VAE's bound, if D = 1/2 everywhere, for the given world, a number",
    },
    given=lambda draw: {
        "d": draw.simplex(3),
        "g0": draw.simplex(3),
        "elbo": draw.reals(3, -4, -1.5, 1),
        "price": draw.reals(3, 0.1, 0.9, 1),
    },
)
def first_line(answers, d, g0, elbo, price):
    def value(d, g0, elbo, price, D, halves=0.5, label=LOG2, entropies=1.0):
        h = -torch.xlogy(D, D) - torch.xlogy(1 - D, 1 - D)
        inside = D * elbo + (1 - D) * (d.log() - price) + entropies * h - label
        return halves * (torch.stack([g0, d]) * inside).sum()

    d_, g_ = densities(0, 2)
    draws = torch.Generator().manual_seed(1)
    bound_, price_ = -3 * torch.rand(5, generator=draws), torch.rand(5, generator=draws)
    bound_, price_ = bound_.double(), price_.double()
    some = torch.rand(2, 5, generator=draws).double()
    perfect = torch.stack([torch.zeros(5), torch.ones(5)]).double()
    for D in (some, perfect, torch.full((2, 5), 0.5).double()):
        world = (d_, g_, bound_, price_, D)
        mistakes = {
            "each source is half of the examples": value(*world, halves=1.0),
            "naming a label costs log 2": value(*world, label=0.0),
            "the entropy of the answer is missing": value(*world, entropies=0.0),
            "the entropy of the answer has the wrong sign": value(*world, entropies=-1.0),
            "row 0 of D belongs to generated examples, row 1 to real ones": value(d_, g_, bound_, price_, D.flip(0)),
            "D is the chance of the label 0, the VAE's branch": value(d_, g_, bound_, price_, 1 - D),
            "the price of the fixed encoder is subtracted": value(d_, g_, bound_, -price_, D),
            "the price of the fixed encoder is missing": value(d_, g_, bound_, 0 * price_, D),
        }
        answers.close("first_line", value(*world), mistakes, at=world)
    d, g0, elbo, price = exactly(d, g0, elbo, price)
    right = value(d, g0, elbo, price, torch.full((2, 3), 0.5, dtype=torch.float64)) - (d * elbo).sum() / 2
    mistakes = {
        "this is the bound with a label itself": right + (d * elbo).sum() / 2,
        "half of the VAE's bound is subtracted, not all of it": right - (d * elbo).sum() / 2,
        "the sign is turned": -right,
        "the entropy of a blind answer and the price of a label cancel": right - LOG2,
    }
    answers.close("blind", right, mistakes)


@CHAPTER.exercise(
    "all",
    "All adversaries that change nothing",
    kind="build",
    difficulty=3,
    minutes=30,
    points=5,
    goal="selects",
    defines={
        "complete": "a function (D1 [n], d [n], g [n]) that returns D(x, 0) such that nothing changes, [n]",
        "least": "the smallest D(x, 1) that can be completed so, for the given d and g, [n]",
        "third": "D(x, 0) and D(x, 1) of one that is neither perfect nor optimal at any x, [2, n]",
    },
    given=two,
)
def all_of_them(answers, d, g):
    d_, g_ = densities(2, 2)
    draws = torch.rand(5, generator=torch.Generator().manual_seed(3)).double()
    D1 = 1 - draws * (g_ / d_).clamp(max=1)
    right = d_ / g_ * (1 - D1)
    mistakes = {
        "the masses that are stopped and let in are equal, not their shares": 1 - D1,
        "d and g are exchanged": g_ / d_ * (1 - D1),
        "what is stopped of the real ones is 1 - D1": d_ / g_ * D1,
        "the sum must be d, not the pile": (d_ + g_ - d_ * D1) / g_,
        "the sum must be d, not half of it": (d_ / 2 - d_ * D1) / g_,
    }
    answers.close("complete", right, mistakes, at=(D1, d_, g_))
    d, g = exactly(d, g)
    right = (1 - g / d).clamp(min=0)
    mistakes = {
        "no probability is negative": 1 - g / d,
        "there the optimal discriminator lies; less is possible": d / (d + g),
        "it bounds what is stopped, not what passes": (g / d).clamp(max=1),
    }
    answers.close("least", right, mistakes)
    made, real = answers.tensor("third", (2, len(d)))
    if bool((torch.stack([made, real]) < -1e-9).any() or (torch.stack([made, real]) > 1 + 1e-9).any()):
        raise Wrong("third: a discriminator gives probabilities, between 0 and 1.")
    if bool((d * real + g * made - d).abs().max() > 1e-5):
        if bool((d * made + g * real - d).abs().max() < 1e-5):
            raise Wrong("third: row 0 belongs to generated examples, row 1 to real ones.")
        raise Wrong("third: this discriminator changes the gradient; the masses that pass do not add up to d.")
    if bool((real > 1 - 1e-4).any()):
        raise Wrong("third: at some x this is the perfect discriminator.")
    if bool(((real - d / (d + g)).abs() < 1e-4).any()):
        raise Wrong("third: at some x this is the optimal discriminator.")


@CHAPTER.exercise(
    "shares",
    "Unequal shares",
    kind="derive",
    difficulty=2,
    minutes=15,
    points=3,
    goal="constants",
    defines={
        "value": "a function (L, C, share) that returns the bound with a label, a number",
        "label_price": "what the labels cost, for the given share, a number (nats, negative)",
        "limit": "where the price goes as the share goes to 1: '0', '-log 2' or '-infinity'",
    },
    given=lambda draw: {"share": draw.choice((0.2, 0.3, 0.7, 0.8)) if draw.variant else 0.9},
)
def shares(answers, share):
    def cost(p):
        return p * math.log(1 - p) + (1 - p) * math.log(p)

    entropy = lambda p: p * math.log(p) + (1 - p) * math.log(1 - p)
    for L, C, p in ((-3.0, -1.5, 0.7), (-1.0, -4.0, 0.4)):
        right = p * L + (1 - p) * C + cost(p)
        mistakes = {
            "the label is reversed: a real example gets the label 0": right - cost(p) + entropy(p),
            "these are not equal shares": (L + C) / 2 - LOG2,
            "naming a label costs minus its log prior": right - cost(p),
            "real examples have the weight of their share": (1 - p) * L + p * C + cost(p),
            "the price of the labels is log 2 at equal shares only": right - cost(p) - LOG2,
            "the sign of the price is turned": right - 2 * cost(p),
        }
        answers.close("value", right, mistakes, at=(L, C, p))
    right = cost(share)
    mistakes = {
        "the label is reversed: a real example gets the label 0": entropy(share),
        "the sign is turned": -right,
        "this is the price at equal shares": -LOG2,
    }
    answers.close("label_price", right, mistakes)
    told = {
        "0": "the reversed discriminator calls nearly everything what the prior thinks impossible",
        "-log 2": "that is the price at equal shares",
    }
    answers.say("limit", "-infinity", ("0", "-log 2", "-infinity"), told)


@CHAPTER.exercise(
    "constant",
    "The best fixed encoder",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="constants",
    defines={
        "C": "a function (d [n], g [n], prior [k], fixed [n, k]) that returns the constant of Lemma 2",
        "best": "the fixed encoder that makes C largest, for the given d, g and prior, [n, k]",
        "largest": "C with this encoder, a number",
        "positive": "can C be positive in a finite world? True or False",
    },
    given=lambda draw: {"d": draw.simplex(4), "g": draw.simplex(4), "prior": draw.simplex(3)},
)
def constant(answers, d, g, prior):
    d_, g_ = densities(4, 2)
    (p,), q = densities(5, 1, 3), densities(6, 5, 3)
    right = (g_ * (d_.log() - kl(q, p))).sum()
    mistakes = {
        "the average is over generated examples": (d_ * (d_.log() - kl(q, p))).sum(),
        "the likelihood of the label 1 is d": (g_ * (g_.log() - kl(q, p))).sum(),
        "the KL has the encoder first": (g_ * (d_.log() - kl(p, q))).sum(),
        "the KL is subtracted": (g_ * (d_.log() + kl(q, p))).sum(),
        "the KL is missing": (g_ * d_.log()).sum(),
        "the sign is turned": -right,
        "it enters the lemma halved; C is asked for": right / 2,
    }
    answers.close("C", right, mistakes, at=(d_, g_, p, q))
    d, g, prior = exactly(d, g, prior)
    right = prior.expand(len(d), -1)
    mistakes = {"the prior need not be uniform": torch.full_like(right, 1 / len(prior))}
    answers.close("best", right, mistakes)
    right = (g * d.log()).sum()
    mistakes = {
        "this is minus the entropy; the divergence is missing": (g * g.log()).sum(),
        "the average is over generated examples": (d * d.log()).sum(),
        "d and g are exchanged": (d * g.log()).sum(),
        "the sign is turned": -right,
    }
    answers.close("largest", right, mistakes)
    answers.say("positive", False, (True, False), {True: "no probability of an example exceeds 1"})


@CHAPTER.exercise(
    "dropped",
    "What the second line drops",
    kind="predict",
    difficulty=1,
    minutes=15,
    points=2,
    goal="second",
    defines={
        "higher": "which line lies higher away from theta_0, both shifted to 0 there: 'first', 'second' or 'neither'",
        "right_at": "where the second line has the right gradient in eta: 'theta_0' or 'everywhere'",
        "evidence": "the first line minus the second, for the given densities, a number",
        "apart": "how far the second line, shifted to 0 at theta_0, lies above the first, a number",
    },
    given=lambda draw: {"d": draw.simplex(4), "g0": draw.simplex(4), "g": draw.simplex(4)},
)
def dropped(answers, d, g0, g):
    told = {
        "first": "what is dropped falls with the distance from the pile",
        "neither": "they touch at theta_0; a KL parts them elsewhere",
    }
    answers.say("higher", "second", ("first", "second", "neither"), told)
    told = {"theta_0": "what is dropped does not contain eta"}
    answers.say("right_at", "everywhere", ("theta_0", "everywhere"), told)
    d, g0, g = exactly(d, g0, g)
    m, m0 = (d + g) / 2, (d + g0) / 2
    right = (m0 * m.log()).sum()
    mistakes = {
        "the sign is turned": -right,
        "examples come from the pile of theta_0": (m * m.log()).sum(),
        "the evidence is that of the present theta": -entropy(m0),
        "the pile is half real": (g0 * g.log()).sum(),
        "this is for real examples alone, which is another identity": (d * g.log()).sum(),
        "the two piles are exchanged": (m * m0.log()).sum(),
    }
    answers.close("evidence", right, mistakes)
    right = kl(m0, m)
    mistakes = {
        "that remainder is Lemma 1's": kl(m, m0),
        "the sign is turned": -right,
        "the pile is half real": kl(g0, g),
        "the value at theta_0 is not zero and is subtracted": (m0 * m.log()).sum(),
    }
    answers.close("apart", right, mistakes, tolerance=1e-3)


@CHAPTER.exercise(
    "remainders",
    "Two remainders, one parabola",
    kind="derive",
    difficulty=3,
    minutes=30,
    points=5,
    goal="second",
    defines={
        "parabola": "the common factor of epsilon squared, a number",
        "remainders": "a function (m0 [n], move [n], epsilon) that returns Lemma 1's and Lemma 2's remainder, [2]",
        "third": "the factor of epsilon cubed in Lemma 1's remainder minus Lemma 2's, a number",
    },
    given=lambda draw: {"m0": draw.simplex(4, least=0.1), "move": balanced(draw, 4)},
)
def remainders(answers, m0, move):
    m0, v = exactly(m0, move)
    u = v / m0
    right = (m0 * u**2).sum() / 2
    mistakes = {
        "this is F; the parabola has the half of it": 2 * right,
        "the score is the move divided by m0": (m0 * v**2).sum() / 2,
        "the average is over m0": (u**2).sum() / 2,
    }
    answers.close("parabola", right, mistakes, tolerance=1e-3)
    p, q = densities(7, 2)
    moved = p + 0.5 * (q - p)
    right = torch.stack([kl(moved, p), kl(p, moved)])
    mistakes = {
        "Lemma 1 has the moved pile first, Lemma 2 the old one": right.flip(0),
        "the two have one parabola, but they are not equal": right[[0, 0]],
        "these are the parabolas, not the remainders": (0.25 * (q - p) ** 2 / p).sum().expand(2) / 2,
    }
    answers.close("remainders", right, mistakes, at=(p, q - p, 0.5))
    right = (m0 * u**3).sum() / 6
    mistakes = {
        "the sign is turned, or this is the factor in Lemma 1's alone": -right,
        "this is the factor in Lemma 2's alone": -2 * right,
        "the two factors are subtracted, not added": -3 * right,
        "the average of the cube has a factor": 6 * right,
        "they differ from the third order on": 0.0,
    }
    answers.close("third", right, mistakes, tolerance=1e-2)


@CHAPTER.exercise(
    "fooled",
    "To fool the best is likelihood",
    kind="derive",
    difficulty=2,
    minutes=25,
    points=4,
    goal="inside",
    defines={
        "R": "a function (d [n], g0 [n], g [n]) that returns how far the optimal discriminator of g is fooled",
        "slope": "its derivative at theta_0 along the given move of g, a number",
        "in_a_gan": "what stands still in a GAN's step, and moves here: 'samples' or 'discriminator'",
    },
    given=lambda draw: {"d": draw.simplex(4), "g": draw.simplex(4), "move": balanced(draw, 4)},
)
def fooled(answers, d, g, move):
    a, b, c = densities(8, 3)

    def value(d, g0, g):
        D = d / (d + g)
        return ((d * (1 - D).log()).sum() + (g0 * D.log()).sum()) / 2

    right = value(a, b, c)
    D = a / (a + c)
    mistakes = {
        "this is how well it does; here its answers are reversed": ((a * D.log()).sum() + (b * (1 - D).log()).sum())
        / 2,
        "each half has the weight 1/2": 2 * right,
        "the sign is turned": -right,
        "the discriminator is the optimal one of g, not of g0": value(a, b, b),
        "the samples stay those of g0": value(a, c, c),
        "real examples are fooled, too": (b * D.log()).sum() / 2,
    }
    answers.close("R", right, mistakes, at=(a, b, c))
    d, g, v = exactly(d, g, move)
    right = (d * v / g).sum() / 2
    D = d / (d + g)
    mistakes = {
        "each half has the weight 1/2": 2 * right,
        "the sign is turned": -right,
        "this is a GAN's step, in which the samples move": (v * D.log()).sum() / 2,
        "the logarithm of g is differentiated, not g": (d * v).sum() / 2,
        "only the first half is differentiated; the second moves, too": (d * D * v / g).sum() / 2,
    }
    answers.close("slope", right, mistakes, tolerance=1e-3)
    answers.say(
        "in_a_gan", "discriminator", ("samples", "discriminator"), {"samples": "a GAN's step moves its samples"}
    )


@CHAPTER.exercise(
    "error",
    "The better the source shows",
    kind="derive",
    difficulty=2,
    minutes=20,
    points=3,
    goal="inside",
    defines={
        "error": "the least error of a function of x that names the source, for the given d and g, a number",
        "ceiling": "a function (d [n], g [n]) that returns the upper limit for the VAE's bound, a number",
        "perfect": "where this limit goes as the error goes to 0: '-infinity', '-H(d)' or '0'",
    },
    given=two,
)
def error(answers, d, g):
    d, g = exactly(d, g)
    right = torch.minimum(d, g).sum() / 2
    mistakes = {
        "each source is half of the examples": 2 * right,
        "this is the share of right answers": 1 - right,
        "it errs on the smaller of the two": torch.maximum(d, g).sum() / 2,
        "the optimal discriminator is not yet an answer: choose the likelier source": (d * g / (d + g)).sum(),
    }
    answers.close("error", right, mistakes)
    for seed in (9, 10):
        a, b = densities(seed, 2)
        e = torch.minimum(a, b).sum() / 2
        right = -entropy(a) + (4 * e * (1 - e)).log()
        mistakes = {
            "the entropy is that of the data": -entropy(b) + (4 * e * (1 - e)).log(),
            "the entropy has the sign minus": entropy(a) + (4 * e * (1 - e)).log(),
            "the entropy is missing": (4 * e * (1 - e)).log(),
            "the error is half of the overlap": -entropy(a) + (8 * e * (1 - 2 * e)).log(),
            "this is the likelihood itself; the limit knows the error only": (a * b.log()).sum(),
            "e and 1 - e are multiplied by 4": -entropy(a) + (e * (1 - e)).log(),
        }
        answers.close("ceiling", right, mistakes, at=(a, b))
    told = {
        "-H(d)": "that is the limit for an error of one half, where nothing shows the source",
        "0": "look at the logarithm",
    }
    answers.say("perfect", "-infinity", ("-infinity", "-H(d)", "0"), told)
