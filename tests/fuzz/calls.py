"""Every public name with the kinds of its arguments. An argument after ``optional`` may be left out."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from kinds import (
    COUNT,
    FLAG,
    IMAGES,
    LABELS,
    LEVEL,
    LIKELIHOODS,
    LINK,
    MANY,
    MODELS,
    NATURAL,
    NOT_NEGATIVE,
    OBJECTIVE,
    PIXELS,
    POINTS,
    POSITIVE,
    REAL,
    RUNS,
    SEED,
    SHARE,
    SHARE_OR_NONE,
    SPACE,
    THING,
    TOOL,
    WEIGHT,
    WORD,
    Kind,
    X,
    kind,
    maybe,
    model,
    one_of,
    tensor,
)

import ganvae_lib as library
from ganvae_lib import (
    MMD,
    Adversary,
    Bound,
    CharRNN,
    Classify,
    Data,
    Denoise,
    Distill,
    Domains,
    History,
    Match,
    Mixture,
    Model,
    Noise,
    OtherDomain,
    PixelCNN,
    PixelRNN,
    Point,
    Quantise,
    Reconstruct,
    Run,
    Summaries,
    Table,
    Text,
    Unpredictable,
    adversary_activated,
    build,
    classifier_score,
    clouds,
    constant,
    cosine,
    coverage,
    cyclical,
    data,
    draw,
    exact,
    fit,
    frechet_distance,
    given,
    importance_weighted,
    interval,
    linear,
    load,
    metrics,
    mixture1d,
    moons,
    mutual_information,
    nets,
    paired,
    plain,
    recorded,
    ring,
    semi_supervised,
    styles,
    swapped,
    table,
    text,
    zoo,
)
from ganvae_lib.distributions import PATHS
from ganvae_lib.objective import WEIGHTS


@dataclass(frozen=True)
class Call:
    """A function and the kinds of its arguments by name; those in ``optional`` may be left out."""

    function: object
    needed: dict = field(default_factory=dict)
    optional: dict = field(default_factory=dict)


LABELS_OF_SIX = kind(
    [lambda: torch.tensor([0, 1, 2, 0, 1, 2]), lambda: np.arange(6) % 3, lambda: [0, 1, 1, 0, 0, 1]],
    [
        lambda: torch.tensor([0, 1, 2, 0, 1, -2]),
        lambda: torch.zeros(5).long(),
        lambda: torch.full((6,), 0.5),
        "x",
        object,
    ],
)


def some(one):
    """The kind, but None is not wrong: it stands for the default."""
    return Kind(one.right, tuple(make for make in one.wrong if make() is not None))


def folder():
    return Path(tempfile.mkdtemp(prefix="fuzz"))


PLAYERS = kind([None, ("theta",)], [("gamma",), "theta", 3, object, ()])
GIVEN = kind([None, "label"], ["labels", 3, object])
WITHIN = kind([None, "discriminator"], ["encoder", 3, object])
SIZES = kind(
    [lambda: (8,), lambda: [8, 4], lambda: (np.int64(8),)], [8, None, (0,), (-1,), (2.5,), ("a",), "88", object]
)
SHAPE = kind([lambda: (2,), lambda: [3]], [None, (0,), (-1,), (2.5,), ("a",), "ab", object, 3])
IMAGE_SHAPE = kind([lambda: (1, 8, 8)], [None, (8,), (1, 8), (0, 8, 8), (1, 8.5, 8), "abc", object, 3])
DATA = kind([lambda: POINTS], [None, object, "ring", {}, 3, lambda: zoo.VAE, lambda: KL_MODEL])
KL_MODEL = model(*MODELS["VAE of points"])
MODEL = kind([lambda: KL_MODEL], [None, object, "VAE", {}, 3, lambda: zoo.VAE, lambda: POINTS])
SEEDS = kind(
    [1, 2, lambda: [0], lambda: [3, 1], lambda: (5,), lambda: range(2), lambda: np.int64(2), lambda: np.array([1, 4])],
    [0, -1, 1.5, "12", [], [1, 1], [-1], [0.5], [2**32], None, object],
)
RATE = kind(
    [1e-3, lambda: {"theta": 1e-3, "eta": 1e-4, "phi": 0.0}, lambda: np.float32(1e-3)],
    [-1, float("nan"), float("inf"), "1e-3", {"theta": "x"}, {"gamma": 1.0}, [1e-3], object],
)
BETAS = kind(
    [(0.5, 0.9), lambda: [0, 0.9], (0, 0.9)],
    [(0.5,), (0.5, 1.0), (0.5, 0.9, 0.9), 0.5, "ab", (-0.1, 0.9), ("a", "b"), object],
)
DEVICE = one_of(["cpu"], "gpu", "cuda:99")
RUN = {2: kind([lambda: RUNS["VAE of points", 2]]), "any": kind([lambda run=run: run for run in RUNS.values()])}
ONE_VAE, TWO_VAES = RUNS["VAE of points", 1], RUNS["VAE of points", 2]
CVAES = RUNS["CVAE of images", 2]
CODES = tensor(4, 3)
EXAMPLES = tensor(5, 2)
CLASSES = kind(
    [0, lambda: [0, 1, 2, 0], lambda: torch.tensor([0, 1, 2, 2]), lambda: np.array([1, 1, 0, 0])],
    [-1, 3, 2.5, "x", [0, 1], [0.5, 1, 1, 1], [0, 1, 2, 3], object, lambda: torch.zeros(4, 2).long()],
)
PATH = kind([lambda: folder() / "run", lambda: str(folder() / "run")], [None, 3, object, [], 2.5])
POSITIVES = kind(
    [lambda: [1.0, 2.0], lambda: (0.5,), lambda: torch.tensor([1.0, 3.0])],
    [[], [0.0], [-1.0], ["a"], None, object, [float("nan")]],
)
NUMBERS = kind(
    [lambda: [1.0, 2.0, 4.0], lambda: torch.tensor([1.0, 3.0]), lambda: np.array([1.0, 2.0]), lambda: (1, 2)],
    [[], ["a"], None, object, [float("nan"), 1.0], {}],
)
PROBABILITIES = kind(
    [lambda: torch.full((6, 3), 1 / 3), lambda: torch.eye(3)],
    [None, "x", object, lambda: -torch.eye(3), lambda: 2 * torch.eye(3), lambda: torch.rand(3)],
)


def fit_tiny(**arguments):
    return fit(**{"steps": 2, "batch": 16, "device": "cpu", "progress": False, **arguments})


def noise_of(seeds, **arguments):
    return Noise(seeds, **arguments).normal("name", 2)


CALLS = {
    # data
    "Data": Call(Data, {"x": tensor(6, 2, wrong_shape=False)}, {"y": maybe(LABELS_OF_SIX), "name": WORD}),
    "Domains": Call(Domains, {"source": DATA, "target": DATA}),
    "Mixture": Call(
        Mixture,
        {
            "weights": kind(
                [lambda: [0.5, 0.5], lambda: np.array([0.2, 0.8])], [None, [], [-1, 2], ["a", "b"], [0.5, 0.6], [1.0]]
            ),
            "means": kind(
                [lambda: [[0.0], [1.0]], lambda: torch.zeros(2, 3)],
                [None, [], "ab", [["a"], ["b"]], lambda: torch.zeros(3, 2)],
            ),
            "scales": kind([0.5, 1], [0, -1, None, "x", float("nan"), object]),
        },
    ),
    "clouds": Call(clouds, {}, {"symmetric": FLAG, "bent": FLAG, "n": MANY, "n_test": MANY, "seed": SEED}),
    "load": Call(
        load,
        {"name": one_of(["digits", "ring", "moons"])},
        {"split": one_of(["train", "test"]), "fraction": SHARE, "seed": SEED},
    ),
    "mixture1d": Call(
        lambda **a: mixture1d(**a),
        {},
        {"weights": kind([lambda: (0.35, 0.65)], [(), (-1, 2), ("a", "b"), (0.5, 0.6), None, 3])},
    ),
    "moons": Call(moons, {}, {"std": POSITIVE}),
    "recorded": Call(recorded, {}, {"name": maybe(one_of(["kernels.json", "infogan.png", "experiments"]))}),
    "ring": Call(ring, {}, {"modes": COUNT, "radius": REAL, "std": POSITIVE}),
    "styles": Call(styles, {}, {"n": kind([12], MANY.wrong), "n_test": kind([6], MANY.wrong), "seed": SEED}),
    "text": Call(text, {}, {"name": one_of(["text"]), "split": one_of(["train", "test"]), "length": some(MANY)}),
    # noise and points
    "Noise": Call(
        noise_of, {"seeds": kind([0, 3, lambda: [1, 2], lambda: (4,)], [-1, None, 2.5, "x", [], [1.5], object])}
    ),
    "OtherDomain": Call(OtherDomain, {"shape": SHAPE}),
    "Point": Call(
        Point,
        {
            "value": kind([lambda: torch.zeros(3, 2)], [None, "x", object, [1.0]]),
            "event_dims": kind([1, 2], [-1, 3, 2.5, None, "x"]),
        },
    ),
    # the algebra
    "Adversary": Call(
        Adversary,
        {},
        {
            "link": one_of(["non-saturating"]),
            "steps": NATURAL,
            "penalty": NOT_NEGATIVE,
            "k": kind([1, 4, "batch", lambda: np.int64(2)], [0, -1, 2.5, "all", None, object]),
        },
    ),
    "Denoise": Call(
        Denoise,
        {},
        {
            "weight": one_of(WEIGHTS),
            "path": one_of(PATHS),
            "predicts": one_of(["x", "noise", "velocity", "score"]),
            "drop": SHARE_OR_NONE,
        },
    ),
    "Distill": Call(
        Distill, {}, {"path": one_of(PATHS), "predicts": one_of(["x", "noise", "velocity"]), "steps": COUNT}
    ),
    "MMD": Call(MMD, {}, {"kernel": one_of(["inverse multiquadric", "gaussian"]), "scales": POSITIVES}),
    "Summaries": Call(
        Summaries,
        {},
        {"statistics": kind([("mean",), lambda: ("mean", "variance")], [(), ("median",), "mean", None, 3])},
    ),
    "Match": Call(
        Match,
        {"space": kind(["x", "z"], SPACE.wrong), "tool": TOOL},
        {"weight": WEIGHT, "given": kind([None], GIVEN.wrong)},
    ),
    "Reconstruct": Call(
        Reconstruct, {"variable": one_of(["x", "z"])}, {"within": WITHIN, "weight": WEIGHT, "only": PLAYERS}
    ),
    "Bound": Call(Bound, {}, {"k": COUNT, "weight": WEIGHT}),
    "Classify": Call(Classify, {}, {"seen": one_of(["features"]), "weight": WEIGHT}),
    "Unpredictable": Call(Unpredictable, {}, {"variable": one_of(["z"]), "weight": WEIGHT}),
    "Quantise": Call(
        Quantise,
        {},
        {
            "entries": kind([2, 32, lambda: np.int64(3)], [1, 0, -1, 2.5, None, "x", object]),
            "parts": COUNT,
            "commitment": NOT_NEGATIVE,
            "weight": WEIGHT,
        },
    ),
    "times": Call(
        lambda weight: weight * zoo.VAE,
        {"weight": kind([0.5, 2, lambda: np.float32(0.5)], [0, float("nan"), None, "x", object])},
    ),
    "beta_vae": Call(zoo.beta_vae, {"beta": WEIGHT}),
    "adversary_activated": Call(adversary_activated, {"objective": kind([lambda: zoo.VAE], OBJECTIVE.wrong)}),
    "given": Call(given, {"objective": kind([lambda: zoo.VAE, lambda: zoo.GAN], OBJECTIVE.wrong)}),
    "importance_weighted": Call(
        importance_weighted, {"objective": kind([lambda: zoo.VAE, lambda: zoo.GAN], OBJECTIVE.wrong), "k": COUNT}
    ),
    "semi_supervised": Call(
        semi_supervised, {"objective": kind([lambda: zoo.VAE], OBJECTIVE.wrong)}, {"classify": WEIGHT}
    ),
    "swapped": Call(swapped, {"objective": kind([lambda: zoo.VAE, lambda: zoo.AAE], OBJECTIVE.wrong)}),
    "plain": Call(plain, {"latex": kind([r"\log p_\theta(x)"], [None, 3, object])}),
    # networks
    "mlp": Call(
        nets.mlp, {"shape": SHAPE, "hidden": SIZES, "out": COUNT}, {"activation": one_of(["relu", "tanh", "silu"])}
    ),
    "CharRNN": Call(CharRNN, {"length": COUNT, "alphabet_size": COUNT}, {"width": COUNT}),
    "PixelCNN": Call(
        PixelCNN,
        {"shape": IMAGE_SHAPE},
        {"width": kind([8], COUNT.wrong), "layers": COUNT, "levels": kind([2, 4], [0, 1, *THING])},
    ),
    "PixelRNN": Call(
        PixelRNN, {"shape": IMAGE_SHAPE}, {"width": kind([8], COUNT.wrong), "levels": kind([2, 4], [0, 1, *THING])}
    ),
    "ngram": Call(
        library.ngram,
        {
            "train": kind(
                [lambda: torch.zeros(4, 6)],
                [None, "x", object, lambda: torch.zeros(4), lambda: torch.full((4, 6), 9.0)],
            ),
            "x": kind(
                [lambda: torch.ones(2, 6)], [None, "x", object, lambda: torch.zeros(4), lambda: torch.full((2, 6), 9.0)]
            ),
            "order": NATURAL,
            "alphabet_size": kind([3, 4], [0, -1, 2.5, None, "x"]),
        },
    ),
    # models
    "build": Call(
        lambda objective, data, **a: build(objective, data, **{"hidden": (8,), **a}),
        {
            "objective": kind([lambda: zoo.VAE, lambda: zoo.GAN], OBJECTIVE.wrong),
            "data": DATA | kind([lambda: (2,), lambda: [3]]),
        },
        {
            "latent": some(COUNT),
            "hidden": some(SIZES),
            "architecture": some(one_of(["mlp"], "conv")),
            "activation": some(one_of(["relu", "leaky relu"])),
            "noise": some(kind([0], NATURAL.wrong)),
            "classes": some(kind([2, lambda: np.int64(3), lambda: torch.tensor(4)], [-1, 2.5, "x", object, [3]])),
            "codes": some(
                kind(
                    [None, "gaussian", lambda: {"gaussian": 2}], ["nonsense", 3, object, {}, {"gaussian": 0}, {"x": 2}]
                )
            ),
        },
    ),
    "build with an observation": Call(
        lambda **a: build(zoo.VAE, IMAGES, hidden=(8,), **a),
        {"observation": some(one_of(["bernoulli", "gaussian", "laplace"]))},
        {"noiseless": some(FLAG)},
    ),
    "build with a scale": Call(
        lambda scale: build(zoo.VAE, POINTS, hidden=(8,), scale=scale), {"scale": some(POSITIVE)}
    ),
    "Model": Call(
        lambda **a: Model(**a),
        {
            "objective": kind([lambda: zoo.VAE], OBJECTIVE.wrong),
            "networks": kind(
                [lambda: dict(KL_MODEL.networks)],
                [
                    None,
                    3,
                    "x",
                    object,
                    {},
                    lambda: {"encoder": KL_MODEL.networks["encoder"]},
                    lambda: {"encoder": 1, "decoder": 2},
                ],
            ),
            "prior": kind([lambda: nets.StandardNormal(3)], [None, 3, "x", object]),
        },
    ),
    "linear": Call(linear, {"start": REAL, "end": REAL, "steps": COUNT}),
    "cosine": Call(cosine, {"start": REAL, "end": REAL, "steps": COUNT}),
    "cyclical": Call(cyclical, {"low": REAL, "high": REAL, "period": COUNT}),
    "constant": Call(constant, {"value": REAL}),
    "table": Call(
        table,
        {
            "source": kind(
                [lambda: {"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]}],
                [None, 3, "x", object, {}, {"a": []}, {"a": [1.0], "b": [1.0, 2.0]}],
            )
        },
        {"standardise": FLAG},
    ),
    "Text.from_lines": Call(
        Text.from_lines, {"lines": kind([lambda: ["a", "bc"]], [None, 3, [], object, [1, 2], [""]])}
    ),
    "frechet_distance": Call(
        frechet_distance,
        {
            "samples": kind([lambda: X[None]], [None, "x", object, lambda: torch.zeros(5)]),
            "data": kind([lambda: POINTS, lambda: X], [None, object, "x"]),
        },
    ),
    # training
    "fit": Call(
        fit_tiny,
        {"model": MODEL, "data": DATA},
        {
            "steps": COUNT,
            "batch": some(COUNT),
            "seeds": some(SEEDS),
            "fresh": FLAG,
            "device": some(DEVICE),
            "precision": some(one_of(["fp32", "tf32"], "fp16")),
            "lr": some(RATE),
            "betas": some(BETAS),
            "log_every": some(COUNT),
            "checkpoint": some(PATH | kind([None])),
            "checkpoint_every": some(COUNT),
            "resume": kind([False], FLAG.wrong),
            "progress": kind([False, None], ["no", object, 3]),
        },
    ),
    # runs
    "sample": Call(TWO_VAES.sample, {"n": MANY}, {"seed": SEED, "mean": FLAG}),
    "sample of one seed": Call(ONE_VAE.sample, {"n": MANY}, {"seed": SEED, "mean": FLAG}),
    "sample at codes": Call(lambda z, **a: TWO_VAES.sample(4, z=z, **a), {"z": some(CODES)}, {"mean": FLAG}),
    "sample of a class": Call(
        lambda labels, **a: CVAES.sample(4, labels=labels, **a), {"labels": CLASSES}, {"mean": FLAG}
    ),
    "infer": Call(TWO_VAES.infer, {"x": EXAMPLES}, {"seed": SEED, "mean": FLAG}),
    "infer of images": Call(RUNS["VAE of images", 1].infer, {"x": tensor(3, 1, 8, 8)}),
    "reconstruct": Call(TWO_VAES.reconstruct, {"x": EXAMPLES}, {"seed": SEED}),
    "evaluate": Call(
        TWO_VAES.evaluate, {"data": some(DATA)}, {"k": COUNT, "n": kind([300, 1000], MANY.wrong), "seed": SEED}
    ),
    "save": Call(TWO_VAES.save, {"path": PATH}),
    "load a run": Call(
        Run.load,
        {"path": kind([lambda: ONE_VAE.save(folder())], [None, 3, "nowhere", object, folder])},
        {"model": kind([None, lambda: KL_MODEL], MODEL.wrong[1:])},
    ),
    "History": Call(
        History,
        {
            "seeds": kind([lambda: [0], lambda: [3, 1]], [None, 3, "x", []]),
            "names": kind([lambda: ["a"]], [None, 3, "x", []]),
        },
    ),
    # measures
    "interval": Call(interval, {"values": NUMBERS}, {"level": LEVEL}),
    "paired": Call(
        paired,
        {
            "base": kind([lambda: [1.0, 2.0]], NUMBERS.wrong),
            "variant": kind([lambda: [2.0, 5.0], lambda: (1, 2)], (*NUMBERS.wrong, [1.0])),
        },
    ),
    "coverage": Call(
        coverage,
        {
            "samples": kind(
                [lambda: X, lambda: X[None], lambda: X.numpy()],
                [None, "x", object, lambda: torch.zeros(5), lambda: torch.zeros(5, 3), lambda: X * float("nan")],
            ),
            "toy": kind([ring], [None, "ring", object]),
        },
        {"within": POSITIVE, "share": SHARE},
    ),
    "classifier_score": Call(classifier_score, {"probs": PROBABILITIES}),
    "mutual_information": Call(
        mutual_information, {"a": tensor(30, wrong_shape=False), "b": tensor(30)}, {"bins": COUNT}
    ),
    "elbo": Call(metrics.elbo, {"model": MODEL, "data": DATA}),
    "accuracy": Call(
        library.accuracy,
        {
            "model": kind([lambda: CLASSIFIER], [None, object, lambda: KL_MODEL]),
            "data": kind([lambda: IMAGES], [None, object, lambda: POINTS]),
        },
    ),
    # worlds with a known truth
    "line": Call(
        exact.line,
        {
            "lo": kind([-5.0, 0], [float("-inf"), float("nan"), None, "x", 9e9]),
            "hi": kind([5.0, 8], [float("inf"), float("nan"), None, "x", -9e9]),
        },
    ),
    "gradient": Call(
        library.gradient,
        {
            "f": kind([lambda: lambda t: (t**2).sum()], [None, 3, "x"]),
            "theta": kind([lambda: torch.ones(3)], [None, "x", object]),
        },
    ),
    # figures
    "draw.images": Call(
        draw.images,
        {
            "x": kind(
                [lambda: PIXELS, lambda: PIXELS[:, 0], lambda: PIXELS.numpy()],
                [None, "x", object, 3, lambda: torch.zeros(3), lambda: torch.zeros(2, 5, 8, 8)],
            )
        },
        {"columns": some(COUNT)},
    ),
    "draw.scatter": Call(
        lambda x: draw.scatter(x),
        {
            "x": kind(
                [lambda: X, lambda: X.numpy()], [None, "x", object, lambda: torch.zeros(3), lambda: torch.zeros(3, 3)]
            )
        },
    ),
    "draw.curves": Call(draw.curves, {"history": kind([lambda: TWO_VAES.history], [None, "x", object, 3])}),
    "Table": Call(
        Table,
        {
            "header": kind([("a", "b")], [None, 3]),
            "rows": kind([(("1", "2"),), ()], [None, 3, (("1",),), (("1", "2", "3"),)]),
        },
    ),
}
CLASSIFIER = model(zoo.SOURCE_ONLY, Domains(IMAGES, IMAGES))

# Public names that are no calls of their own, with the reason.
EXEMPT = {
    "Term": "abstract",
    "Tool": "abstract",
    "KL": "no argument",
    "Likelihood": "no argument",
    "DataError": "an error",
    "NonFiniteLoss": "an error",
    "Objective": "abstract",
    "Observation": "abstract",
    "Schedule": "abstract",
    "Run": "made by fit; load and its methods are called here",
    "Scores": "made by evaluate",
    "Tabular": "made by table",
    "Text": "made by text and from_lines",
    "Training": "made by fit",
    "Batch": "made by a training",
    "Phase": "made by an objective",
    "Spec": "made by build",
    "Link": "an entry of a registry; tests/test_extend.py",
    "Role": "an entry of a registry; tests/test_extend.py",
    "Space": "an entry of a registry; tests/test_extend.py",
    "Writer": "writes formulas for terms",
    "Noiseless": "made by decoders",
    "ImplicitEncoder": "made by build",
    "MaskedConv2d": "a layer of PixelCNN",
    "free_energy": "a term's part, for a Batch",
    "precision_recall": "as frechet_distance",
    "Setting": "made by the command line; tests/experiments",
    "Study": "a study's value; tests/experiments",
    "Trial": "a study's value; tests/experiments",
    "toy": "a decorator",
    "scale": "no argument",
    "drawn": "a decorator",
}
assert data and LINK and LABELS is not None and LIKELIHOODS
