"""Which layers of torch keep which promise, measured for each of them; ``book/layers.md`` holds the table.

    python -m pytest tests/networks/test_layers.py --write-layers

writes the table from what is measured. Elsewhere a table that says something else is a failure.
"""

import re
import warnings
from typing import NamedTuple

import pytest
import torch
from helpers import ROOT, drift
from torch import nn

from ganvae_lib import Data, Model, Run, fit, nets, zoo
from ganvae_lib.training import Settings, Training

PAGE = ROOT / "book" / "layers.md"
DATA = Data(torch.randn(24, 6, generator=torch.Generator().manual_seed(0)), name="numbers")
HOW = dict(batch=12, device="cpu", log_every=1)


class First(nn.Module):
    """The first thing that a layer gives for its input, which it may want several times."""

    def __init__(self, layer, times=1):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x):
        given = self.layer(*[x] * self.times)
        return given[0] if isinstance(given, tuple) else given


class Symbols(First):
    """A layer that reads symbols 0, 1, 2, ..."""

    def forward(self, x):
        return self.layer((3 * x.abs()).long().clamp(max=5))


class Unpooled(First):
    def __init__(self, pool, layer):
        super().__init__(layer)
        self.pool = pool

    def forward(self, x):
        return self.layer(*self.pool(x))


class Case(NamedTuple):
    """How a layer is tried: what it gets, and the module around it."""

    make: object  # the layer
    shape: tuple = (6,)
    around: object = lambda layer: layer


LINE, IMAGE, CUBE, SEQUENCE = (2, 8), (2, 4, 4), (1, 4, 4, 4), (3, 8)
TWICE, CELL = (lambda layer: First(layer, 2)), First
MODES = ("1d", LINE), ("2d", IMAGE), ("3d", CUBE)


def by_dimension(name, *arguments, **options):
    return {
        f"{name}{d}": Case(lambda d=d: getattr(nn, name + d)(*arguments, **options), shape)
        for d, shape in MODES
        if hasattr(nn, name + d)
    }


def norms(name):
    return {
        f"{name}{d}": Case(lambda d=d, c=shape[0]: getattr(nn, name + d)(c, affine=True), shape) for d, shape in MODES
    }


def convolutions(name):
    return {f"{name}{d}": Case(lambda d=d, c=shape[0]: getattr(nn, name + d)(c, 3, 2), shape) for d, shape in MODES}


ACTIVATIONS = (
    "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh Identity LeakyReLU LogSigmoid Mish PReLU RReLU ReLU "
    "ReLU6 SELU SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink"
)
CASES = {
    **{name: Case(getattr(nn, name)) for name in ACTIVATIONS.split()},
    "Threshold": Case(lambda: nn.Threshold(0.1, 0.2)),
    **{name: Case(lambda name=name: getattr(nn, name)(1)) for name in ("LogSoftmax", "Softmax", "Softmin")},
    "Softmax2d": Case(nn.Softmax2d, IMAGE),
    "Linear": Case(lambda: nn.Linear(6, 5)),
    "Bilinear": Case(lambda: nn.Bilinear(6, 6, 5), around=TWICE),
    "Embedding": Case(lambda: nn.Embedding(6, 4), around=Symbols),
    "EmbeddingBag": Case(lambda: nn.EmbeddingBag(6, 4), around=Symbols),
    **convolutions("Conv"),
    **convolutions("ConvTranspose"),
    **norms("BatchNorm"),
    **{
        f"InstanceNorm{d}": Case(
            lambda d=d, c=shape[0]: getattr(nn, f"InstanceNorm{d}")(c, affine=True, track_running_stats=True), shape
        )
        for d, shape in MODES
    },
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), (4, 3)),
    "LayerNorm": Case(lambda: nn.LayerNorm(6)),
    "RMSNorm": Case(lambda: nn.RMSNorm(6)),
    "LocalResponseNorm": Case(lambda: nn.LocalResponseNorm(2), IMAGE),
    "CrossMapLRN2d": Case(lambda: nn.CrossMapLRN2d(2), IMAGE),
    "Dropout": Case(lambda: nn.Dropout(0.3)),
    **by_dimension("Dropout", 0.3),
    "AlphaDropout": Case(lambda: nn.AlphaDropout(0.3)),
    "FeatureAlphaDropout": Case(lambda: nn.FeatureAlphaDropout(0.3), IMAGE),
    **{
        name: Case(lambda name=name: getattr(nn, name)(8, 5, batch_first=True), SEQUENCE, First)
        for name in ("GRU", "RNN")
    },
    "LSTM": Case(lambda: nn.LSTM(8, 5, 2, batch_first=True, dropout=0.2), SEQUENCE, First),
    **{
        name: Case(lambda name=name: getattr(nn, name)(6, 5), (6,), CELL) for name in ("GRUCell", "LSTMCell", "RNNCell")
    },
    "MultiheadAttention": Case(
        lambda: nn.MultiheadAttention(8, 2, 0.1, batch_first=True), SEQUENCE, lambda m: First(m, 3)
    ),
    "TransformerEncoderLayer": Case(lambda: nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), SEQUENCE),
    "TransformerDecoderLayer": Case(lambda: nn.TransformerDecoderLayer(8, 2, 8, batch_first=True), SEQUENCE, TWICE),
    "TransformerEncoder": Case(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), 2), SEQUENCE
    ),
    "TransformerDecoder": Case(
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 8, batch_first=True), 1), SEQUENCE, TWICE
    ),
    "Transformer": Case(lambda: nn.Transformer(8, 2, 1, 1, 8, batch_first=True), SEQUENCE, TWICE),
    **by_dimension("AvgPool", 2),
    **by_dimension("MaxPool", 2),
    **by_dimension("LPPool", 2, 2),
    **by_dimension("AdaptiveAvgPool", 2),
    **by_dimension("AdaptiveMaxPool", 2),
    "FractionalMaxPool2d": Case(lambda: nn.FractionalMaxPool2d(2, output_size=2), IMAGE),
    "FractionalMaxPool3d": Case(lambda: nn.FractionalMaxPool3d(2, output_size=2), CUBE),
    **{
        f"MaxUnpool{d}": Case(
            lambda d=d: getattr(nn, f"MaxUnpool{d}")(2),
            shape,
            lambda m, d=d: Unpooled(getattr(nn, f"MaxPool{d}")(2, return_indices=True), m),
        )
        for d, shape in MODES
    },
    **{
        name: case
        for kind in ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad")
        for name, case in by_dimension(kind, 1).items()
    },
    **by_dimension("ConstantPad", 1, 0.5),
    "Upsample": Case(lambda: nn.Upsample(scale_factor=2), IMAGE),
    "UpsamplingBilinear2d": Case(lambda: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
    "UpsamplingNearest2d": Case(lambda: nn.UpsamplingNearest2d(scale_factor=2), IMAGE),
    "PixelShuffle": Case(lambda: nn.PixelShuffle(2), (4, 2, 2)),
    "PixelUnshuffle": Case(lambda: nn.PixelUnshuffle(2), IMAGE),
    "ChannelShuffle": Case(lambda: nn.ChannelShuffle(2), (4, 2, 2)),
    "Fold": Case(lambda: nn.Fold(3, 2), (4, 4)),
    "Unfold": Case(lambda: nn.Unfold(2), IMAGE),
    "Flatten": Case(nn.Flatten, IMAGE),
    "Unflatten": Case(lambda: nn.Unflatten(1, (2, 3))),
    "CosineSimilarity": Case(nn.CosineSimilarity, around=TWICE),
    "PairwiseDistance": Case(nn.PairwiseDistance, around=TWICE),
    "Sequential": Case(lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU())),
}
# What is no layer: bases, containers without a forward, and what is for several devices.
OTHER = set(
    "Container DataParallel Module ModuleDict ModuleList NLLLoss2d ParameterDict ParameterList RNNBase RNNCellBase "
    "SyncBatchNorm".split()
)


def model_with(case):
    """A VAE whose encoder holds the layer, and the layer's path in its trunk."""
    size = int(torch.tensor(case.shape).prod())
    torch.manual_seed(7)
    layers = [nn.Linear(6, size), nn.Unflatten(1, case.shape), case.around(case.make()), Rows(), nn.LazyLinear(4)]
    trunk = nn.Sequential(*layers)
    decoder = nets.Decoder(nn.Linear(2, 6), nets.Gaussian(), (6,))
    return Model(zoo.VAE, {"encoder": nets.Encoder(trunk), "decoder": decoder}, nets.StandardNormal(2))


class Rows(nn.Module):
    """Flat features, also where there is a single one."""

    def forward(self, x):
        return x.reshape(len(x), -1)


def begun(model, seeds):
    return Training(model, DATA, Settings(zoo.VAE, steps=4, seeds=seeds, **HOW))


def went_on(training, steps):
    for _ in range(steps):
        training.step()
    return training


def fresh(model):
    """Do weights that start at random start elsewhere for another seed, and there again for the same one?"""
    one, again, other = (dict(model.copies(seed).encoder.trunk[2].named_parameters()) for seed in (1, 1, 2))
    if not one:
        return "no weights"
    random = {name for name, weight in one.items() if weight.numel() > 1 and (weight != weight.flatten()[0]).any()}
    repeated = all(torch.equal(one[name], again[name]) for name in one)
    differ = not any(torch.equal(one[name], other[name]) for name in random)
    return ("yes" if random else "constant") if repeated and differ else "NO"


def together_and_resumed(model):
    """Is seed 2 in company seed 2 alone, and how? Does a training that was stopped end as one that was not?"""
    trainings, resumed = [], "yes"
    for seeds in ([5, 2], [2]):
        training, later = went_on(begun(model, seeds), 2), begun(model, seeds)
        later.restore(*training.state())
        ends = [went_on(each, 2).model.state_dict() for each in (training, later)]
        if not all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0]):
            resumed = "NO"
        trainings.append(training)
    company, alone = trainings
    apart = max(drift(company.history[name][:, 1], alone.history[name][:, 0]) for name in alone.history)
    both, one = (t.model.eval().encoder(x).mean for t, x in ((company, DATA.x.expand(2, -1, -1)), (alone, DATA.x)))
    equal = apart < 1e-5 and torch.allclose(both[1], one, rtol=1e-4, atol=1e-5)
    trunk = company.model.encoder.trunk  # a batch norm takes the whole of it along
    in_copies = isinstance(trunk, nets.Copies) or isinstance(trunk[2], nets.Copies)
    return [("copies" if in_copies else "axis") if equal else "NO", resumed]


def saved(model, folder):
    """Does a run that was read back compute what the run does?"""
    for seeds in ([2], [5, 2]):
        run = fit(model, DATA, 1, seeds=seeds, progress=False, **HOW)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # networks of one's own want a model to be read back
            again = Run.load(run.save(folder / str(len(seeds))), model)
        if not torch.equal(again.infer(DATA.x, mean=True), run.infer(DATA.x, mean=True)):
            return "NO"
    return "yes"


def row(name, folder):
    case = CASES[name]
    model = model_with(case)
    return [fresh(model), *together_and_resumed(model), saved(model, folder)]


TABLE = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.M)


def written():
    return {name: cells for name, *cells in TABLE.findall(PAGE.read_text(encoding="utf8"))}


@pytest.fixture(scope="module")
def page(request, tmp_path_factory):
    if request.config.getoption("--write-layers"):
        lines = [f"| `{name}` | {' | '.join(row(name, tmp_path_factory.mktemp(name)))} |" for name in sorted(CASES)]
        head = PAGE.read_text(encoding="utf8").partition("| `")[0]
        PAGE.write_text(head + "\n".join(lines) + "\n", encoding="utf8")
    return written()


def test_every_layer_of_torch_has_a_row(page):
    layers = {name for name, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    layers -= {name for name in layers if name.endswith("Loss") or name.startswith("Lazy")} | OTHER
    assert layers <= set(CASES) and len(CASES) > 100 and set(page) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_keeps_the_promises_that_the_page_says(name, page, tmp_path):
    assert row(name, tmp_path) == page[name]
    assert "NO" not in page[name]
