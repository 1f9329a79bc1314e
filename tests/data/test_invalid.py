"""Whatever is given to data, toys, texts and tables: it does, or one or two sentences of ours say what to give."""

import random
import traceback
import warnings

import numpy as np
import pytest
import torch

from ganvae_lib import (
    Data,
    DataError,
    Domains,
    Mixture,
    Text,
    build,
    clouds,
    data,
    load,
    mixture1d,
    ring,
    styles,
    table,
    text,
    zoo,
)

JUNK = [
    None, -1, 0, 2.5, float("nan"), float("inf"), "a", "", b"a", [], [1, 2], [[1.0]], {}, {"a": 1}, True, np.int64(3),
    np.float32(0.5), np.array([1, 2]), np.zeros((3, 2)), np.array(["a"]), torch.zeros(3), torch.zeros(0, 2),
    torch.tensor(2), torch.zeros(2, 2, dtype=torch.complex64), torch.eye(2).to_sparse(), object(), zoo.VAE,
    Data(torch.rand(5, 2)), lambda: 1, range(3), {1, 2}, torch.zeros(3, 2, device="meta"), np.array([None, 1]),
    [[1, 2], [3]], [torch.zeros(2), torch.zeros(3)], [None], ["x.png"], torch.zeros(3, 2, requires_grad=True),
    torch.full((3, 2), float("nan")), np.zeros((2, 4, 4, 3), np.uint8), np.datetime64("2020"), slice(1), iter([1]),
    np.zeros((3, 2), ">f4"), np.zeros((4, 2))[::-1], np.ma.masked_array(np.zeros((2, 2)), [[1, 0], [0, 0]]),
]  # fmt: skip
TWO = Data(torch.rand(6, 2), [0, 1, 0, 1, 1, 0], name="two")
ROWS = table({"a": [1.0, 2.0, 3.0], "c": ["x", "y", "x"]})
LINES = Text.from_lines(["ab", "c"])
TAKES = {
    "Data x": Data,
    "Data y": lambda v: Data(torch.rand(3, 2), v),
    "Data kind": lambda v: Data(torch.rand(3, 2), kind=v),
    "Data range": lambda v: Data(torch.rand(3, 2), range=v),
    "Data classes": lambda v: Data(torch.rand(3, 2), [0, 1, 1], classes=v),
    "Data channels": lambda v: Data(torch.rand(3, 2, 2, 2), channels=v),
    "Data streamed": lambda v: Data(torch.rand(3, 2), streamed=v),
    "Data name": lambda v: Data(torch.rand(3, 2), name=v),
    "Data factors": lambda v: Data(torch.rand(3, 2), factors=v),
    "Data factor": lambda v: Data(torch.rand(3, 2), factors={"a": v}),
    "rows": lambda v: TWO[v],
    "load": load,
    "load split": lambda v: load("ring", v),
    "load fraction": lambda v: load("digits", fraction=v),
    "load seed": lambda v: load("moons", seed=v),
    "load binarize": lambda v: load("digits", binarize=v),
    "parted": lambda v: data.parted(v, 0.5),
    "parted fraction": lambda v: data.parted(TWO, v),
    "parted seed": lambda v: data.parted(TWO, 0.5, v),
    "text": text,
    "text split": lambda v: text("text", v),
    "text length": lambda v: text(length=v),
    "lines": Text.from_lines,
    "lines alphabet": lambda v: Text.from_lines(["ab"], alphabet=v),
    "lines length": lambda v: Text.from_lines(["ab"], length=v),
    "lines padding": lambda v: Text.from_lines(["ab"], padding=v),
    "lines like": lambda v: Text.from_lines(["ab"], like=v),
    "Text x": lambda v: Text(v, alphabet="ab"),
    "Text alphabet": lambda v: Text(torch.zeros(2, 2), alphabet=v),
    "decode": LINES.decode,
    "encode": LINES.encode,
    "table": table,
    "table y": lambda v: table({"a": [1.0, 2.0, 3.0]}, v),
    "table column": lambda v: table({"a": [1.0, 2.0, 3.0], "b": v}),
    "table categorical": lambda v: table({"a": [1.0, 2.0, 3.0]}, categorical=v),
    "table like": lambda v: table({"a": [1.0, 2.0, 3.0]}, like=v),
    "table standardise": lambda v: table({"a": [1.0, 2.0, 3.0]}, standardise=v),
    "rows of a table": ROWS.decode,
    "Domains source": lambda v: Domains(v, TWO),
    "Domains target": lambda v: Domains(TWO, v),
    "ring modes": ring,
    "ring radius": lambda v: ring(8, v),
    "ring std": lambda v: ring(std=v),
    "moons": data.moons,
    "grid": lambda v: data.grid(v),
    "grid spacing": lambda v: data.grid(3, v),
    "pinwheel": data.pinwheel,
    "pinwheel std": lambda v: data.pinwheel(radial_std=v),
    "mixture1d": mixture1d,
    "mixture1d means": lambda v: mixture1d(means=v),
    "mixture1d stds": lambda v: mixture1d(stds=v),
    "Mixture": lambda v: Mixture(v, [[0.0], [1.0]], 1.0),
    "Mixture means": lambda v: Mixture([0.5, 0.5], v, 1.0),
    "Mixture scales": lambda v: Mixture([0.5, 0.5], [[0.0], [1.0]], v),
    "sample": lambda v: ring().sample(v),
    "sample seed": lambda v: ring().sample(3, v),
    "log_prob": lambda v: ring().log_prob(v),
    "clouds": lambda v: clouds(n=v, n_test=3),
    "clouds seed": lambda v: clouds(n=3, n_test=3, seed=v),
    "styles": lambda v: styles(n=v, n_test=3),
    "glyphs side": lambda v: data.glyphs(2, side=v),
    "glyphs seed": lambda v: data.glyphs(2, v),
    "glyphs font": lambda v: data.glyphs(2, font=v),
    "glyphs scale": lambda v: data.glyphs(2, scale=v),
    "build data": lambda v: build(zoo.VAE, v),
    "build objective": lambda v: build(v, TWO),
    "build range": lambda v: build(zoo.GAN, TWO, range=v),
    "build observation": lambda v: build(zoo.VAE, TWO, observation=v),
}


@pytest.mark.parametrize("take", TAKES)
def test_it_does_or_a_sentence_of_ours_says_what_to_give(take):
    for value in random.Random(take).sample(JUNK, 12):  # others for each, the same each time
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                TAKES[take](value)
        except (ValueError, TypeError, DataError) as error:
            raised_in = traceback.extract_tb(error.__traceback__)[-1].filename.replace("\\", "/")
            assert "/ganvae_lib/" in raised_in and 10 < len(str(error)) < 420, (value, error)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ring(std=-1), "std must be a finite number above 0, got -1"),
        (lambda: ring(modes=2.5), "modes must be a whole number"),
        (lambda: data.grid(0), "side must be a whole number of at least 1|side must be a whole number from 1"),
        (lambda: data.pinwheel(radial_std=0), "radial_std must be a finite number above 0"),
        (lambda: mixture1d((0.5, 0.5), (0.0,), (1.0,)), "1 components needs 1 weights"),
        (lambda: mixture1d(stds=(1.0, -1.0)), r"standard deviations must be above 0, one or 2, got \[1.0, -1.0\]"),
        (lambda: mixture1d(weights=(float("nan"), 1.0)), "weights must be finite numbers"),
        (lambda: Mixture([1.0], [[0.0, 0.0]], torch.zeros(1, 2, 2)), "factors must be invertible"),
        (lambda: ring().sample(-1), "n must be a whole number of at least 1, got -1"),
        (lambda: load(5), "no data set 5; did you mean"),
        (lambda: load("ring", seed=-1), "seed must be a whole number"),
        (lambda: load("digits", fraction="half"), r"fraction must lie in \(0, 1\]"),
        (lambda: Domains(5, TWO), "x must be a float32 tensor .*, not 5"),
        (lambda: Domains(Domains(TWO, TWO), TWO), "not domains in turn"),
        (lambda: data.register("mine", 5), "register takes a name and a function"),
        (lambda: TWO[99:].x, "x is empty"),
        (lambda: TWO[[0, 99]], "give a slice or indices from 0 to 5"),
    ],
)
def test_the_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_whole_numbers_have_a_density_that_is_none():
    """The log-density of integers is a real number, not one cut to an integer."""
    world = ring()
    assert world.log_prob(torch.tensor([[2, 0]])) == world.log_prob(torch.tensor([[2.0, 0.0]])) != 0
    assert world.log_prob([[2, 0]]).dtype == torch.float32
