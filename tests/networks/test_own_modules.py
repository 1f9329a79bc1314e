"""Modules of one's own: what torch honours in them is honoured here, alone and beside other seeds, or refused by name."""

import copy
import itertools
import math
import pickle
import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers import same_run
from scipy import stats
from torch import nn
from torch.distributions import Independent, MixtureSameFamily, MultivariateNormal, Normal
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from ganvae_lib import Batch, Data, Model, Noise, Run, Term, fit, nets, zoo
from ganvae_lib.distributions.densities import SideBySide, side_by_side
from ganvae_lib.networks import fresh
from ganvae_lib.training import Settings, Training

DATA = Data(torch.randn(200, 6, generator=torch.Generator().manual_seed(0)), name="numbers")
HOW = dict(batch=50, device="cpu", log_every=1)


def vae(trunk, **networks):
    decoder = nets.Decoder(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6)), nets.Gaussian(), (6,))
    return Model(zoo.VAE, {"encoder": nets.Encoder(trunk), "decoder": decoder} | networks, nets.StandardNormal(2))


def run(model, seeds, steps=8, **options):
    return fit(model, DATA, steps, seeds=seeds, progress=False, **HOW | options)


def mlp(*between):
    return nn.Sequential(nn.Linear(6, 6), *between, nn.Linear(6, 4))


def assert_company(model, steps=8, tolerance=1e-6, **options):
    """Seed 3 beside seed 1 ends as seed 3 alone; both runs, for more questions."""
    company, alone = (run(model, seeds, steps, **options) for seeds in ([1, 3], [3]))
    one = company.model.single(1).state_dict()
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(one[name], value, rtol=tolerance, atol=tolerance, msg=name)
    return company, alone


# ---------------------------------------------------------------- modules that know no seeds


class Rows(nn.Module):
    """Counts axes from the front, and mixes the examples of a batch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x):
        return self.layer(x.flatten(1)) + x.mean(0, keepdim=True)[:, :4]


class Running(nn.Module):
    """A running mean that is a new tensor each time, and a counter."""

    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(6, 4), 0
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x):
        if self.training:
            self.calls += 1
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0).detach()
        return self.layer(x - self.mean)


class Drawing(nn.Module):
    """Draws as it likes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x):
        return self.layer(F.dropout(x + 0.1 * torch.randn_like(x), 0.3, self.training))


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Linear(1, 8), nn.LazyLinear(4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True)

    def forward(self, x):
        return self.out(self.layer(self.embed(x.unsqueeze(-1))).flatten(1))


TRUNKS = {
    "counts axes": Rows,
    "running mean": Running,
    "draws": Drawing,
    "attention": Attending,
    "LSTM whole": lambda: nn.LSTM(6, 4),
    "dropout": lambda: mlp(nn.Dropout(0.3)),
    "batch norm": lambda: mlp(nn.BatchNorm1d(6), nn.Tanh()),
    "layer norm": lambda: mlp(nn.LayerNorm(6), nn.PReLU()),
    "spectral norm": lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(6, 6)), nn.Linear(6, 4)),
    "weight norm": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 6)), nn.Linear(6, 4)),
    "orthogonal": lambda: nn.Sequential(parametrizations.orthogonal(nn.Linear(6, 6)), nn.Linear(6, 4)),
}


@pytest.mark.parametrize("name", TRUNKS)
def test_a_module_of_ones_own_keeps_every_promise(name, tmp_path):
    model = vae(TRUNKS[name]())
    company, alone = assert_company(model)
    assert same_run(alone, run(model, [3]))
    assert same_run(company, run(model, [1, 3]))
    apart = [
        not torch.equal(*pair)
        for pair in zip(alone.model.parameters(), run(model, [4]).model.parameters(), strict=True)
    ]
    assert all(apart)
    for each in (company, alone):
        with pytest.warns(UserWarning, match="pass a model with the same networks"):
            again = Run.load(each.save(tmp_path / str(len(each.seeds))), model)
        assert all(torch.equal(v, again.model.state_dict()[n]) for n, v in each.model.state_dict().items())
        duplicate = copy.deepcopy(each)
        if not any(parametrize.is_parametrized(part) for part in model.modules()):  # torch pickles none of these
            duplicate = pickle.loads(pickle.dumps(each))
        assert torch.equal(duplicate.infer(DATA.x, mean=True), each.infer(DATA.x, mean=True))


@pytest.mark.parametrize("seeds", [[3], [1, 3]], ids=str)
@pytest.mark.parametrize("name", ["draws", "dropout", "running mean", "spectral norm"])
def test_a_training_of_modules_of_ones_own_resumes_exactly(name, seeds):
    model = vae(TRUNKS[name]())
    training, later = (Training(model, DATA, Settings(zoo.VAE, steps=8, seeds=seeds, **HOW)) for _ in range(2))
    for _ in range(5):
        training.step()
    later.restore(*training.state())
    for each in (training, later):
        for _ in range(3):
            torch.rand(7)  # what else the program draws is of no account
            each.step()
    for name, value in training.model.state_dict().items():
        assert torch.equal(value, later.model.state_dict()[name]), name


def test_the_program_draws_on_as_if_there_had_been_no_training():
    model = vae(TRUNKS["draws"]())
    torch.manual_seed(11)
    expected = torch.rand(3)
    for seeds in ([3], [1, 3]):
        torch.manual_seed(11)
        run(model, seeds, 2)
        assert torch.equal(torch.rand(3), expected)


def test_what_draws_for_all_seeds_at_once_is_refused_before_the_first_step(tmp_path):
    class Together(Drawing):
        stackable = True

    common = r"something drew from torch's global generator for all seeds at once.*seeds=\[k\]"
    model = vae(Together())
    with pytest.raises(ValueError, match=rf"^encoder cannot be called with x \[2, 3, 6\]: {common}") as error:
        run(model, [1, 3], 2, checkpoint=tmp_path / "kept")
    assert not hasattr(error.value, "run") and not (tmp_path / "kept").exists()
    single = run(model, [3], 2).model.networks
    stacks = {name: nets.stack([single[name]] * 2) for name in single}
    with pytest.raises(ValueError, match=rf"^encoder cannot be called with x \[2, 3, 6\]: {common}"):
        Model(zoo.VAE, stacks, nets.StandardNormal(2))


def test_noise_of_training_alone_that_is_drawn_for_all_seeds_is_refused_before_the_first_step():
    class Jittered(nn.Module):
        """Draws in training only, and is frozen in some models."""

        stackable = True

        def forward(self, x):
            return x + 0.1 * torch.randn_like(x) if self.training else x

    trunk = nn.Sequential(Jittered(), nn.Linear(6, 4))
    with pytest.raises(ValueError, match="^encoder cannot be called .*for all seeds at once"):
        Training(vae(trunk), DATA, Settings(zoo.VAE, steps=8, seeds=2, **HOW))
    trunk[0].eval()
    assert_company(vae(trunk), steps=3)


def test_a_term_that_draws_for_all_seeds_at_once_is_refused_before_the_first_step():
    @dataclass(frozen=True)
    class Jiggle(Term):
        named: bool = False
        space, reaches, networks = "x", ("theta", "eta"), ("encoder", "decoder")

        def loss(self, batch):
            noise = batch.noise.normal("jiggle", 1, 2) if self.named else torch.randn(*batch.x.shape[:-1], 2)
            return (batch.z_from_x * noise.mean(-2, keepdim=True)).sum(-1).mean(-1)

        def formula(self, w, player):
            return "0"

    model = lambda term: Model(zoo.VAE + 0.1 * term, dict(vae(mlp()).networks), nets.StandardNormal(2))
    with pytest.raises(ValueError, match=r"^0.1 \* Jiggle\(\): something drew .* for all seeds at once"):
        Training(model(Jiggle()), DATA, Settings(zoo.VAE, steps=8, seeds=2, **HOW))
    run(model(Jiggle()), [3], 2)
    assert_company(model(Jiggle(named=True)), steps=3)


class Unseeded(nn.Module):
    """Draws from what no seed of torch sets, always or in training only."""

    def __init__(self, draw, always=True):
        super().__init__()
        self.layer, self.draw, self.always = nn.Linear(6, 4), draw, always

    def forward(self, x):
        return self.layer(x * (1 + self.draw()) if self.training or self.always else x)


@pytest.mark.parametrize("draw", [lambda: random.random(), lambda: np.random.rand()], ids=["Python", "NumPy"])  # noqa: NPY002
def test_what_draws_from_another_global_generator_is_refused_and_the_generator_stays(draw):
    before = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    words = r"^encoder cannot be called with x \[{}3, 6\]: something drew from Python's or NumPy's global .*torch.randn"
    with pytest.raises(ValueError, match=words.format("")):
        vae(Unseeded(draw))
    model = vae(Unseeded(draw, always=False))
    for seeds, axis in (([3], ""), ([1, 3], "2, ")):
        with pytest.raises(ValueError, match=words.format(axis)):
            run(model, seeds, 2)
    assert random.getstate() == before[0] and np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    model.encoder.trunk.draw = lambda: float(torch.rand(()))
    assert same_run(run(model, [3], 2), run(model, [3], 2))


@pytest.mark.parametrize(
    "make",
    [torch.Generator, random.Random, np.random.default_rng, np.random.RandomState],
    ids=lambda make: make.__name__,
)
def test_a_generator_of_a_modules_own_is_refused_by_name(make):
    trunk = mlp()
    trunk[0].numbers = make()
    with pytest.raises(
        ValueError, match=r"^encoder.trunk.0.numbers is a generator of random numbers that no seed sets"
    ):
        run(vae(trunk), [3], 2)


class Annealed(nn.Module):
    """What it gives depends on how often it was called, where ``kept`` says that the count is kept."""

    def __init__(self, kept):
        super().__init__()
        self.layer, self.kept, self.calls = nn.Linear(6, 4), kept, 0.0
        if kept.endswith("buffer"):
            del self.calls
            self.register_buffer("calls", torch.zeros(()), persistent=kept == "buffer")
        if kept == "tensor":
            self.calls = torch.zeros(())

    def forward(self, x):
        if self.training:
            self.calls = self.calls + 1.0
        return self.layer(x) * (0.0 if self.kept == "harmless" else self.calls) + self.layer(x)


@pytest.mark.parametrize("seeds", [[3], [1, 3]], ids=str)
@pytest.mark.parametrize("kept", ["number", "tensor", "other buffer"])
def test_a_module_that_remembers_what_no_file_holds_is_refused_before_the_first_step(kept, seeds):
    with pytest.raises(
        ValueError, match=r"^encoder remembers from call to call .* \(trunk.*calls.*\).*register_buffer"
    ):
        run(vae(Annealed(kept)), seeds, 2)


@pytest.mark.parametrize("kept", ["buffer", "harmless"])
def test_what_a_state_dict_holds_or_what_does_no_harm_may_be_remembered(kept):
    model = vae(Annealed(kept))
    training, later = (Training(model, DATA, Settings(zoo.VAE, steps=8, seeds=[1, 3], **HOW)) for _ in range(2))
    for _ in range(5):
        training.step()
    later.restore(*training.state())
    for each in (training, later):
        each.step()
    for name, value in training.model.state_dict().items():
        assert torch.equal(value, later.model.state_dict()[name]), name
    calls = training.model.encoder.trunk.copies[1].calls
    assert float(calls) == 6  # the trial before the first step has left nothing


@pytest.fixture
def checks_kept():
    """torch.compile switches the argument checks of all distributions off, for the whole process (findings/)."""
    before = torch.distributions.Distribution._validate_args
    yield
    torch.distributions.Distribution.set_default_validate_args(before)


def test_a_compiled_module_is_refused_in_words_that_help(checks_kept):
    compiled = torch.compile(mlp(), backend="eager")
    with pytest.raises(
        TypeError, match="^encoder.trunk has a forward .* give the module as it was before torch.compile"
    ):
        run(vae(compiled), [3], 2)


def test_an_extra_state_that_is_no_tensor_is_refused_by_name():
    class Extra(Rows):
        extra: dict = {"calls": 3}

        def get_extra_state(self):
            return self.extra

        def set_extra_state(self, state):
            pass

    with pytest.raises(ValueError, match="^encoder.trunk has a get_extra_state that gives no tensor"):
        run(vae(Extra()), [3], 2)
    Extra.extra = torch.tensor(3)
    assert_company(vae(Extra()), steps=3)


def test_an_embedding_with_sparse_gradients_trains_as_the_dense_one():
    class Words(nn.Module):
        def __init__(self, sparse):
            super().__init__()
            self.words, self.out = nn.Embedding(5, 3, sparse=sparse), nn.Linear(18, 4)

        def forward(self, x):
            return self.out(self.words(x.round().long().clamp(0, 4)).flatten(1))

    sparse, dense = (
        [run(vae(Words(is_sparse)), seeds, clip=1.0) for seeds in ([3], [1, 3])] for is_sparse in (True, False)
    )
    assert all(same_run(a, b) for a, b in zip(sparse, dense, strict=True))
    start = vae(Words(True)).copies(3).encoder.trunk.words.weight
    assert not torch.equal(sparse[0].model.encoder.trunk.words.weight, start)


def test_a_parameter_knows_its_seed():
    model = vae(mlp(nn.PReLU())).copies([4, 9, 2])
    found = [model.seed_of(weight) for weight in model.encoder.trunk.parameters()]
    assert found == [None, None, 0, 1, 2, None, None]
    assert len(model.of(("eta",))) == 7 and model.single(2).seed_of(next(model.single(2).parameters())) is None


def test_copies_give_what_each_copy_has():
    copies = nets.stack([nets.initialise(Rows(), k) for k in range(3)])
    assert isinstance(copies, nets.Copies) and copies.layer.weight.shape == (3, 4, 6)
    assert torch.equal(copies.layer.weight[2], nets.unstack(copies, 2).layer.weight)
    with pytest.raises(ValueError, match=r"Rows holds 3 copies and needs tensors \[seeds, batch, ...\]"):
        copies(torch.zeros(2, 5, 6))

    class Odd(nn.Module):
        def forward(self, x):
            return {"x": x}.keys()

    with pytest.raises(TypeError, match="Odd gives a dict_keys, which has no seeds axis"):
        nets.Copies([Odd(), Odd()])(torch.zeros(2, 5))


def test_each_copy_gets_its_own_of_what_is_named():
    class Named(nn.Module):
        def forward(self, parts, *, factor):
            return {"product": parts["value"] * factor}

    value, factor = torch.arange(6.0).reshape(2, 3), torch.tensor([[10.0], [100.0]])
    found = nets.Copies([Named(), Named()])({"value": value}, factor=factor)
    assert found.keys() == {"product"} and torch.equal(found["product"], value * factor)


def test_a_parametrized_layer_is_drawn_anew_with_its_settings():
    class Halved(nn.Module):
        def forward(self, x):
            return x / 2

        def right_inverse(self, x):
            return x * 2

    words = nn.Embedding(4, 3, padding_idx=2)
    parametrize.register_parametrization(words, "weight", Halved())
    drawn = nets.initialise(words, 0).weight
    assert torch.equal(drawn.eq(0).all(-1), torch.arange(4) == 2), "the word for nothing is zero"
    assert not torch.equal(drawn, words.weight)


@pytest.mark.parametrize(
    "make",
    [
        lambda k: Normal(torch.full((5, 2), float(k)), 1.0 + k),
        lambda k: Independent(Normal(torch.full((5, 2), float(k)), 1.0 + k), 1),
        lambda k: MultivariateNormal(torch.full((5, 2), float(k)), covariance_matrix=(1.0 + k) * torch.eye(2)),
        lambda k: MixtureSameFamily(
            torch.distributions.Categorical(torch.tensor([[0.3, 0.7 + k]]).expand(5, 2)),
            Normal(torch.tensor([[0.0, 1.0 + k]]).expand(5, 2), 1.0),
        ),
        lambda k: torch.distributions.LogNormal(torch.full((5, 2), float(k)), 1.0),
        lambda k: torch.distributions.OneHotCategorical(torch.tensor([[0.3, 0.7 + k]]).expand(5, 2)),
    ],
    ids=["normal", "independent", "multivariate", "mixture", "lognormal", "one-hot"],
)
def test_distributions_of_copies_stand_side_by_side(make):
    parts = [make(k) for k in range(3)]
    together = side_by_side(parts)
    assert not isinstance(together, SideBySide)
    x = torch.stack([p.sample() for p in parts])
    torch.testing.assert_close(
        together.log_prob(x), torch.stack([p.log_prob(v) for p, v in zip(parts, x, strict=True)])
    )
    assert together.batch_shape == (3, *parts[0].batch_shape) and together.event_shape == parts[0].event_shape


def test_other_sizes_are_another_law_and_single_numbers_may_differ():
    assert fresh._differs_in_law(torch.zeros(3), torch.zeros(2)) and not fresh._differs_in_law(
        torch.ones(1), torch.zeros(1)
    )


@pytest.mark.parametrize("count", [400, 100_000])  # all places are compared, or every tenth
def test_weights_differ_in_law_where_the_test_of_kolmogorov_and_smirnov_says_so(count):
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, count, generator=generator)
    bound = math.sqrt(math.log(2e9) / count)
    verdicts = []
    for share in (0.0, 0.5 * bound, bound, 3 * bound, 6 * bound, 1.0):
        altered = torch.where(torch.rand(count, generator=generator) < share, one.abs(), one)
        verdicts.append(fresh._differs_in_law(altered, other))
        assert verdicts[-1] == (stats.ks_2samp(altered.numpy(), other.numpy()).statistic > bound)
    assert not verdicts[0] and verdicts[-1] and sorted(verdicts) == verdicts


def test_copies_of_several_kinds_stand_side_by_side_in_any_order():
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.tensor([[0.3, 0.7]]).expand(5, 2)),
        Normal(torch.tensor([[0.0, 1.0]]).expand(5, 2), 1.0),
    )
    laplace = torch.distributions.Laplace(torch.zeros(5), 2.0)
    x = torch.linspace(-2, 2, 5)
    for parts in itertools.permutations((mixture, laplace, Normal(torch.ones(5), 2.0))):
        together = side_by_side(parts)
        torch.testing.assert_close(together.log_prob(x.expand(3, 5)), torch.stack([p.log_prob(x) for p in parts]))


def test_a_distribution_without_a_batch_axis_is_the_same_for_all_examples():
    together = side_by_side([Independent(Normal(torch.full((2,), float(k)), 1.0), 1) for k in range(3)])
    assert together.batch_shape == (3, 1)
    at_zero = together.log_prob(torch.zeros(3, 3, 2))  # as many examples as seeds: nothing may be mixed up
    torch.testing.assert_close(at_zero[:, 0] - at_zero[0, 0], -torch.tensor([0.0, 1.0, 4.0]))
    assert torch.equal(at_zero[:, :1].expand(3, 3), at_zero)


# ---------------------------------------------------------------- tied weights


def tied(bias=True):
    a, b = nn.Linear(6, 6), nn.Linear(6, 6, bias)
    b.weight = a.weight
    return nn.Sequential(a, nn.Tanh(), b, nn.Tanh(), nn.Linear(6, 4))


class Table(nn.Module):
    """Uses a weight that is another layer's, too."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return (x @ self.weight.T).flatten(1)


def tied_with_own():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, Table(layer.weight), nn.Linear(6, 4))


def twice():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(6, 4))


@pytest.mark.parametrize(
    "make", [tied, lambda: tied(False), tied_with_own, twice], ids=["tied", "no bias", "own", "twice"]
)
def test_tied_weights_stay_tied_and_are_kept(make, tmp_path):
    model = vae(make())
    count = len(model.of(("eta",)))
    company, alone = assert_company(model)
    for each, copies in ((company, 2), (alone, 1)):
        single = each.model.single(1) if copies == 2 else each.model
        assert len(single.of(("eta",))) == count
        with pytest.warns(UserWarning, match="pass a model"):
            again = Run.load(each.save(tmp_path / str(copies)), model)
        assert torch.equal(again.infer(DATA.x, mean=True), each.infer(DATA.x, mean=True))
        went_on = fit(again, DATA, 2, progress=False) if hasattr(again, "go_on") else again
        assert len(went_on.model.of(("eta",))) == len(each.model.of(("eta",)))
    run(model, [0, 1], 4, checkpoint=tmp_path / "checkpoint", checkpoint_every=1)
    run(model, [0], 4, checkpoint=tmp_path / "of one", checkpoint_every=1)


def test_networks_that_share_a_layer_share_it_when_they_are_stacked():
    shared = nn.Linear(6, 6)
    decoder = nets.Decoder(nn.Sequential(nn.Linear(2, 6), shared), nets.Gaussian(), (6,))
    model = vae(nn.Sequential(shared, nn.Linear(6, 4)), decoder=decoder)
    company, alone = assert_company(model)
    for each in (company.model, alone.model):
        assert each.encoder.trunk[0] is each.decoder.trunk[1]
        assert len(each.of(("theta", "eta"))) == 7  # of four layers two are one, and the width of the noise
    with pytest.raises(ValueError, match="share weights, which can have one rate only"):
        run(model, [1], lr={"theta": 1e-3, "eta": 1e-2})


def test_two_parameters_in_one_memory_are_refused():
    a, b = nn.Linear(6, 6), nn.Linear(6, 6)
    b.weight.data = a.weight.data.T
    with pytest.raises(
        ValueError, match=r"encoder.trunk.0.weight and encoder.trunk.1.weight are two parameters in one mem"
    ):
        vae(nn.Sequential(a, b, nn.Linear(6, 4))).copies(0)


# ---------------------------------------------------------------- fresh weights


class Own(nn.Module):
    """A weight of its own, drawn by the constructor; ``offset`` starts at numbers that no seed decides."""

    def __init__(self, width=5):
        super().__init__()
        self.width = width
        self.weights = nn.ParameterList([torch.randn(6, width), torch.randn(width, 4)])
        self.offset, self.scale = nn.Parameter(torch.linspace(0, 1, 4)), nn.Parameter(torch.ones(4))

    def forward(self, x):
        return x @ self.weights[0] @ self.weights[1] * self.scale + self.offset


class Scaled(nn.Module):
    """The constructor's argument is nowhere kept."""

    def __init__(self, std=1.0):
        super().__init__()
        self.weight = nn.Parameter(std * torch.randn(6, 40))
        self.out = nn.Linear(40, 4)

    def forward(self, x):
        return self.out(x @ self.weight)


def test_a_module_without_reset_parameters_is_made_again():
    model = vae(Own(width=7))
    one, again, other = (model.copies(seed).encoder.trunk for seed in (1, 1, 2))
    for index in (0, 1):
        assert torch.equal(one.weights[index], again.weights[index])
        assert not torch.equal(one.weights[index], other.weights[index])
    assert torch.equal(one.offset, other.offset) and one.weights[0].shape == (6, 7)
    assert 0.5 < one.weights[0].std() < 1.6
    assert_company(model)


def test_what_nothing_draws_anew_is_named():
    advice = r"encoder.trunk.weight starts at random.*give Scaled a method reset_parameters.*fresh=False"
    with pytest.raises(ValueError, match=advice):
        run(vae(Scaled(std=0.01)), [1])
    run(vae(Scaled(std=0.01)), [1], fresh=False)
    run(vae(Scaled()), [1])  # its default is what was used

    class Hidden(Own):
        def __init__(self, size):
            super().__init__(size)

    with pytest.raises(
        ValueError, match=r"encoder.trunk.weights.0 starts at random.*give ParameterList a method|give Hidden"
    ):
        vae(Hidden(3)).copies(0)


class Orthogonal(nn.Module):
    """Draws its layers its own way, after they have drawn theirs."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.orthogonal_(self.layer.weight)

    def forward(self, x):
        return self.layer(x)


def test_a_module_draws_after_its_parts():
    weight = vae(Orthogonal()).copies(3).encoder.trunk.layer.weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(4))


def test_seeds_beyond_32_bits_are_other_seeds():
    layer = nn.Linear(40, 40)
    weights = [nets.initialise(layer, seed).weight for seed in (1, 2**32 + 1, 2**33 + 1, -1, 2**32 - 1)]
    assert all(not torch.equal(a, b) for i, a in enumerate(weights) for b in weights[:i])


@pytest.mark.parametrize("norm", ["spectral_norm", "weight_norm", "orthogonal"])
def test_parametrized_weights_are_drawn_as_the_layer_draws_them(norm):
    layer = getattr(parametrizations, norm)(
        nn.Linear(30, 30)
    ).eval()  # in training a look at the weight moves its vectors
    before = layer.weight.detach().clone()
    one, again, other = (nets.initialise(layer, seed) for seed in (1, 1, 2))
    assert torch.equal(one.weight, again.weight) and not torch.equal(one.weight, other.weight)
    assert not torch.equal(one.bias, other.bias) and torch.equal(layer.weight, before)
    if norm == "spectral_norm":  # its vectors are those of the new weight
        assert abs(torch.linalg.matrix_norm(one.weight, 2) - 1) < 0.05
    if norm == "weight_norm":  # the norms are those of the new directions
        torch.testing.assert_close(one.weight, one.parametrizations.weight.original1)
    if norm == "orthogonal":
        torch.testing.assert_close(one.weight @ one.weight.T, torch.eye(30), rtol=0, atol=1e-5)


def trained_by_hand(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.ones(8, 6)).square().sum().backward()
    optimizer.step()
    return network


def loaded(network):
    network.load_state_dict(mlp(nn.Tanh()).state_dict())
    return network


def drawn_otherwise(network):
    network[0].weight.data.normal_(0, 0.02)
    return network


BROUGHT = {
    "trained": lambda: trained_by_hand(mlp(nn.Tanh())),
    "loaded": lambda: loaded(mlp(nn.Tanh())),
    "by nn.init": lambda: mlp(nn.Tanh()).apply(
        lambda m: isinstance(m, nn.Linear) and nn.init.xavier_uniform_(m.weight)
    ),
    "through data": lambda: drawn_otherwise(nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 4))),
    "statistics": lambda: trained_by_hand(mlp(nn.BatchNorm1d(6)).requires_grad_(True)),
    "of a run": lambda: run(vae(mlp(nn.Tanh())), [2], 3).model.encoder.trunk,
}


@pytest.mark.parametrize("name", BROUGHT)
def test_weights_that_a_user_brought_are_not_drawn_anew(name):
    network = BROUGHT[name]()
    with pytest.raises(
        ValueError, match=r"encoder.trunk.*loaded, trained or set by hand.*fresh=False.*nets.pretrained"
    ):
        run(vae(network), [1])
    for start in (vae(network).copies([1, 5], fresh=False), vae(nets.pretrained(network)).copies([1, 5])):
        for k in (0, 1):
            kept = start.single(k).encoder.trunk.state_dict()
            assert all(torch.equal(value, kept[key]) for key, value in network.state_dict().items())
    del network.pretrained
    let_go = vae(nets.initialise(network, 0))
    assert not torch.equal(let_go.copies(1).encoder.trunk[0].weight, let_go.copies(5).encoder.trunk[0].weight)


def test_a_trained_copy_is_not_drawn_anew_and_an_untrained_one_is():
    model = vae(mlp(nn.Tanh()))
    with pytest.raises(ValueError, match="encoder.trunk.0.weight.* and .* more: loaded, trained or set by hand"):
        run(run(model, [2, 3], 1).model.single(1), [3])
    for copied in (model.copies(2), model.copies([2, 3]).single(0), copy.deepcopy(model).copies(2)):
        assert torch.equal(copied.copies(4).encoder.trunk[0].weight, model.copies(4).encoder.trunk[0].weight)


def test_pristine_networks_of_all_kinds_are_no_ones_own(tmp_path):
    for name, make in TRUNKS.items():
        trunk = make()
        if name != "attention":  # which gets its weights when it is first called
            vae(copy.deepcopy(trunk)).copies(0)
        vae(trunk).copies(0)


# ---------------------------------------------------------------- what torch honours


def test_frozen_weights_stay_in_every_seed_and_phase():
    trunk = mlp(nn.Tanh())
    trunk[0].requires_grad_(False)
    company, _ = assert_company(vae(trunk))
    for k in (0, 1):
        layer = company.model.single(k).encoder.trunk[0]
        assert torch.equal(layer.weight, trunk[0].weight) and not layer.weight.requires_grad
    assert len(company.model.of(("eta",))) == 2
    trunk[0].bias.requires_grad_(True)  # of one layer a part learns, and starts elsewhere for each seed
    company, _ = assert_company(vae(trunk))
    first, second = (company.model.single(k).encoder.trunk[0] for k in (0, 1))
    assert torch.equal(first.weight, trunk[0].weight) and torch.equal(second.weight, trunk[0].weight)
    assert not torch.equal(first.bias, second.bias)


def test_a_frozen_discriminator_judges_and_does_not_learn():
    judge = nets.Discriminator(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))).requires_grad_(False)
    decoder = nets.Decoder(nn.Linear(2, 6), nets.PointPixels(), (6,))
    model = Model(zoo.GAN, {"decoder": decoder, "discriminator_x": judge}, nets.StandardNormal(2))
    company, _ = assert_company(model)
    assert torch.equal(company.model.discriminator_x.trunk[0].weight[1], judge.trunk[0].weight)
    assert not torch.equal(company.model.decoder.trunk.weight[1], model.copies(3).decoder.trunk.weight)
    model.networks.requires_grad_(False)
    with pytest.raises(ValueError, match=r"no weight of this model learns.*requires_grad_\(True\)"):
        run(model, [1])


def test_a_part_in_eval_mode_stays_so_in_training():
    trunk = mlp(nn.BatchNorm1d(6))
    trunk[1].eval()
    company, alone = assert_company(vae(trunk))
    for single in (company.model.single(0), alone.model):
        norm = single.encoder.trunk[1]
        assert torch.equal(norm.running_mean, torch.zeros(6)) and not norm.training
        assert single.train().encoder.trunk[0].training and not single.encoder.trunk[1].training
    trunk[1].train()
    assert not torch.equal(run(vae(trunk), [3]).model.encoder.trunk[1].running_mean, torch.zeros(6))
    finished = run(vae(mlp(nn.Dropout(0.5))), [3]).model.encoder  # in eval mode, but not put there to stay
    assert (
        Training(
            Model(zoo.VAE, {"encoder": finished, "decoder": vae(mlp()).decoder}, nets.StandardNormal(2)),
            DATA,
            Settings(zoo.VAE, steps=1, seeds=[3], fresh=False, **HOW),
        )
        .model.encoder.trunk[1]
        .training
    )


HOOKS = {
    "forward": lambda m: m[0].register_forward_hook(lambda m, args, out: out - out.mean(0)),
    "before forward": lambda m: m[0].register_forward_pre_hook(lambda m, args: (args[0].flip(1),)),
    "backward": lambda m: m[1].register_full_backward_hook(lambda m, into, out: (0 * into[0],)),
    "of a weight": lambda m: m[0].weight.register_hook(lambda gradient: 0 * gradient),
}


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_honoured_alone_and_in_company(name):
    trunk = mlp(nn.Tanh())
    plain = run(vae(copy.deepcopy(trunk)), [3])
    HOOKS[name](trunk)
    company, alone = assert_company(vae(trunk))
    assert not same_run(alone, plain)
    if name in ("backward", "of a weight"):  # no gradient comes through: the first layer keeps its start
        start = vae(trunk).copies([1, 3])
        for run_, copies in ((company, start), (alone, start.single(1))):
            assert torch.equal(run_.model.encoder.trunk[0].weight, copies.encoder.trunk[0].weight)


def test_what_a_copy_cannot_honour_is_refused_by_name():
    moved, waiting, normed = mlp(), mlp(), mlp()
    moved[0].forward = lambda x, layer=moved[0]: F.linear(x, layer.weight)
    with pytest.raises(TypeError, match=r"encoder.trunk.0 has a forward that was put in the place of its own"):
        vae(moved).copies(0)
    waiting[0].weight.register_post_accumulate_grad_hook(lambda weight: None)
    with pytest.raises(ValueError, match="encoder.trunk.0.weight has a hook that waits for an accumulated gradient"):
        vae(waiting).copies(0)
    normed[1].extra = normed[0].weight * 2  # a tensor with a gradient that is no parameter
    with pytest.raises(TypeError, match="encoder.trunk.1 cannot be copied.*Only Tensors created explicitly"):
        vae(normed).copies(0)
    with pytest.raises(ValueError, match=r"encoder has weights of type torch.float64.*use model.to\(torch.float32\)"):
        run(vae(mlp().double()), [1])


def test_networks_of_ones_own_give_distributions_side_by_side():
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = nn.Linear(6, 2)

        def forward(self, x):
            return Independent(Normal(self.trunk(x.flatten(1)), 0.5), 1)

    model = vae(nn.Identity(), encoder=Wide())
    company, alone = assert_company(model)
    batch = Batch(company.model, DATA.x[:5].expand(2, 5, 6), Noise([1, 3]))
    assert batch.z_from_x.shape == (2, 5, 2) and company.model.encoder.trunk.weight.shape == (2, 2, 6)
    torch.testing.assert_close(company.infer(DATA.x)[1], alone.infer(DATA.x)[0], rtol=1e-5, atol=1e-6)


class NormedThenMixed(nn.BatchNorm1d):
    """A layer with weights of its own and one within it."""

    def __init__(self):
        super().__init__(2)
        self.after = nn.Linear(2, 2)


def test_a_layer_whose_own_weights_are_kept_keeps_its_statistics_whatever_is_within_it():
    layer = NormedThenMixed()
    layer.weight.requires_grad_(False), layer.bias.requires_grad_(False)
    layer.running_mean.fill_(3.0)
    fresh = nets.initialise(layer, 7)
    assert fresh.running_mean.tolist() == [3.0, 3.0] and not torch.equal(fresh.after.weight, layer.after.weight)
    assert nets.initialise(layer.requires_grad_(True), 7).running_mean.tolist() == [0.0, 0.0]
