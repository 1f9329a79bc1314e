"""Kinds of arguments: what a person may pass, and what nobody should, each as functions that make the value anew."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ganvae_lib import KL, LINKS, MMD, SPACES, Adversary, Data, Likelihood, Match, Reconstruct, build, fit, ring, zoo


@dataclass(frozen=True)
class Kind:
    """What fits (``right``) and what does not (``wrong``): functions without arguments."""

    right: tuple
    wrong: tuple

    def __or__(self, other):
        """Either kind fits; wrong is what is wrong for both, which the first one knows."""
        return Kind(self.right + other.right, self.wrong)


def values(*items):
    """Functions that make these values; a function stays as it is."""
    return tuple(item if callable(item) and not isinstance(item, type) else (lambda item=item: item) for item in items)


def kind(right, wrong=()):
    return Kind(values(*right), values(*wrong))


def maybe(one):
    """The kind, or None."""
    return Kind((*one.right, lambda: None), tuple(make for make in one.wrong if make() is not None))


X = ring().sample(64, 0).float()
PIXELS = (torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
LABELS = torch.arange(24) % 3
POINTS = Data(X, name="ring", law=ring())
IMAGES = Data(PIXELS, LABELS, name="blobs")

THING = (None, object, [], {}, "x", b"x", lambda: lambda: 0, lambda: POINTS, lambda: zoo.VAE)  # of the wrong type
NOT_A_NUMBER = (None, object, [], {}, "x", "3", lambda: POINTS, lambda: [1, 2], lambda: torch.zeros(2), 1j)

COUNT = kind([1, 2, 3, lambda: np.int64(2), lambda: torch.tensor(2)], [0, -1, 2.5, math.nan, math.inf, *NOT_A_NUMBER])
MANY = kind([20, 50, lambda: np.int32(30)], COUNT.wrong and [0, -1, 2.5, math.nan, math.inf, *NOT_A_NUMBER])
NATURAL = kind([0, 1, 2, lambda: np.int64(1)], [-1, 2.5, math.nan, *NOT_A_NUMBER])
SEED = kind([0, 1, 2**32 - 1, lambda: np.int64(3)], [-1, 2.5, math.nan, *NOT_A_NUMBER])
POSITIVE = kind(
    [0.1, 1, 2.5, lambda: np.float32(0.5), lambda: torch.tensor(0.5)], [0, -1.0, math.nan, math.inf, *NOT_A_NUMBER]
)
NOT_NEGATIVE = kind([0, 0.1, 2.5, lambda: np.float64(0.5)], [-1.0, math.nan, math.inf, *NOT_A_NUMBER])
REAL = kind([-1.0, 0, 2.5, lambda: np.float64(0.5)], [math.nan, math.inf, *NOT_A_NUMBER])
WEIGHT = kind(
    [0.1, 1, -2.5, lambda: np.float32(0.5), lambda: torch.tensor(2.0)], [0, math.nan, math.inf, *NOT_A_NUMBER]
)
SHARE = kind([0.1, 0.5, 1.0], [0, -0.5, 1.5, 95, math.nan, *NOT_A_NUMBER])
SHARE_OR_NONE = kind([0, 0.1, 1.0], [-0.5, 1.5, math.nan, *NOT_A_NUMBER])  # of a whole, which may be 0
LEVEL = kind([0.5, 0.9, 0.95], [0, 1, 95, -0.5, math.nan, *NOT_A_NUMBER])
FLAG = kind([True, False], ["no", "yes", object, lambda: [1]])
WORD = kind(["a", "a name", "β"], [None, 3, object, lambda: ["a"]])


def one_of(names, *also_wrong):
    """A name in a table."""
    names = list(names)
    near_misses = [name[:-1] + "_" for name in names[:3]]
    return kind(names, [None, 3, "", "nonsense", object, lambda: [names[0]], *near_misses, *also_wrong])


def tensor(*shape, whole=0, wrong_shape=True):
    """A tensor of this shape, as people hold it; ``whole`` numbers below that, or real ones."""
    g = torch.Generator().manual_seed(1)
    x = torch.randint(whole, shape, generator=g) if whole else torch.rand(shape, generator=g)
    right = [lambda: x.clone(), lambda: x.numpy().copy(), lambda: x.tolist()]
    right += [] if whole else [lambda: x.double(), lambda: x.double().numpy()]
    nan = x.float().clone()
    nan.view(-1)[-1] = math.nan
    wrong = [None, object, "x", {}, lambda: nan, lambda: zoo.VAE]
    wrong += [lambda: x[None, None], lambda: torch.zeros(3, *[5] * len(shape))] if wrong_shape else []
    wrong += [lambda: x.clone() - whole, lambda: x + whole] if whole else []
    return kind(right, wrong)


TOOL = kind(
    [lambda: KL(), lambda: Adversary(), lambda: MMD(), lambda: Adversary("hinge", steps=2)],
    [*THING[:-1], KL.__class__, "KL"],
)
OBJECTIVE = kind(
    [lambda: zoo.VAE, lambda: zoo.GAN, lambda: zoo.AAE, lambda: Match("x", Adversary("KL")) + Reconstruct("z")],
    [None, object, [], {}, "VAE", 3, lambda: POINTS, lambda: KL()],
)
SPACE = one_of(SPACES)
LINK = one_of(LINKS)
LIKELIHOODS = kind([Likelihood], [None, "x"])


def model(objective, data, **options):
    return build(objective, data, **{"hidden": (8,), "latent": 3, **options})


def run(objective, data, seeds):
    return fit(model(objective, data), data, 2, batch=16, seeds=seeds, device="cpu", progress=False)


MODELS = {
    "VAE of points": (zoo.VAE, POINTS),
    "GAN of points": (zoo.GAN, POINTS),
    "VAE of images": (zoo.VAE, IMAGES),
    "CVAE of images": (zoo.CVAE, IMAGES),
}
RUNS = {(name, seeds): run(*pair, seeds) for name, pair in MODELS.items() for seeds in (1, 2)}
