"""What a batch remembers is what a new batch would draw: after every phase, in every variable, bit for bit."""

import copy

import pytest
import torch
from cases import BINARY, CASES, POINTS, every, made, player
from helpers import small
from torch.distributions import Bernoulli, Distribution, Independent, Normal, OneHotCategorical
from values import tensors_of

from ganvae_lib import KL, Batch, Match, Noise, Reconstruct, zoo
from ganvae_lib.distributions import Noiseless, Point, Product, Pushforward
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.batches import batch_source
from ganvae_lib.training.optimizers import Recipe, descend

CPU = torch.device("cpu")


class Repeated(Noise):
    """Noise that has one draw of each name and shape, and gives it again and again: batches can be compared."""

    def _next_numbers(self, law, name, shape):
        self._streams.pop((law, name, (shape[0] * self.share.size, *shape[1:]) if self.share.size > 1 else shape), None)
        return super()._next_numbers(law, name, shape)


def anew(batch):
    """A batch of the same examples that has drawn nothing yet."""
    return Batch(getattr(batch.model, "model", batch.model), batch.x, batch.noise, batch.labels, batch.other)


def assert_up_to_date(batch):
    """What it remembers is what a new one draws, distributions included."""
    fresh = anew(batch)
    for name, value in batch.memory.items():
        for ours, theirs in zip(tensors_of(value), tensors_of(getattr(fresh, name)), strict=True):
            assert torch.equal(ours, theirs), name


@every(CASES | BINARY)
def test_no_variable_is_stale_after_a_phase(case):
    model, data = made(case)
    model, noise = model.copies([0, 1]), Repeated([0, 1])
    batch = batch_source(model, data, 16, noise, CPU)[0]()
    for phase in model.objective.phases():
        phase.losses(batch)
        before = set(batch.memory)
        with torch.no_grad():  # a move that no variable can miss
            for name, parameter in model.named_parameters():
                if player(name.split(".")[1]) in phase.players:
                    parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        batch.moved(phase.players)
        assert_up_to_date(batch)
        for name in before - set(batch.memory):  # and it was not forgotten for nothing
            assert set(type(batch).__dict__[name].depends) & set(phase.players)


@every(CASES)
def test_a_step_is_one_of_batches_that_remember_nothing(case, monkeypatch):
    """Each phase of a step sees what the phases before it have moved, and history keeps what came first."""
    model, data = made(case)
    monkeypatch.setattr("ganvae_lib.training.state.Noise", Repeated)
    settings = Settings(model.objective, steps=1, batch=16, seeds=[3, 5], log_every=1, device="cpu", lr=1e-2)
    training = Training(model, data, settings)
    training.step()

    twin, noise = model.copies([3, 5]), Repeated([3, 5])
    next_batch, _ = batch_source(twin, data, 16, noise, CPU)
    batch, first = next_batch(), {}
    for phase in twin.objective.phases():
        optimizer = Recipe().of(twin, phase.players, settings.rates, settings.betas, CPU)
        for _ in range(phase.steps - 1):
            descend(phase, next_batch(), optimizer)
        first = descend(phase, anew(batch), optimizer) | first
    for name, value in twin.state_dict().items():
        assert torch.equal(training.model.state_dict()[name], value), name
    assert {name: training.history[name][0].tolist() for name in training.history} == {
        name: value.double().tolist() for name, value in first.items()
    }


def test_of_a_term_in_two_phases_history_keeps_the_loss_before_anybody_moved():
    """Eta descends the reconstruction of x too, after theta has moved; the point is the value that theta saw."""
    objective = 2 * Reconstruct("x") + Reconstruct("z", only=("eta",)) + Match("z", KL())
    phases = objective.phases()
    assert [phase.players for phase in phases] == [("theta",), ("eta",)]
    assert "reconstruct x" in phases[0].keys and "reconstruct x" in phases[1].keys
    settings = Settings(objective, steps=1, batch=32, seeds=[4], log_every=1, device="cpu", lr=0.1)
    training = Training(small(objective, POINTS), POINTS, settings)
    start = copy.deepcopy(training.model)
    training.step()

    noise = Noise(4)
    batch = batch_source(start, POINTS, 32, noise, CPU)[0]()
    before = phases[0].losses(batch)["reconstruct x"].item()
    descend(phases[0], batch, Recipe().of(start, ("theta",), settings.rates, settings.betas, CPU))
    batch.moved(("theta",))
    after = phases[1].losses(batch)["reconstruct x"].item()
    assert abs(after - before) > 0.01
    assert training.history["reconstruct x"].item() == pytest.approx(before, rel=1e-6)


# ---------------------------------------------------------------- the helper itself


DISTRIBUTIONS = {
    "normal": lambda p: Independent(Normal(p, 1.0), 1),
    "scale": lambda p: Independent(Normal(torch.zeros(3, 2), p.exp()), 1),
    "coins": lambda p: Independent(Bernoulli(logits=p), 1),
    "classes": lambda p: OneHotCategorical(logits=p),
    "point": lambda p: Point(p, 1),
    "noiseless": lambda p: Noiseless(Independent(Normal(p, 1.0), 1)),
    "pushed": lambda p: Pushforward(lambda noise: noise * p, 2, (3,), (2,)),
    "product": lambda p: Product([Independent(Normal(torch.zeros(3, 1), 1.0), 1), Point(p, 1)]),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_kind_of_distribution_shows_its_parameters(name):
    """A change of the parameter is seen, and so is its gradient."""
    make, p = DISTRIBUTIONS[name], torch.tensor([[0.3, -1.0]] * 3, requires_grad=True)
    assert isinstance(make(p), Distribution)
    ours, same, other = (tensors_of(make(value)) for value in (p, p, p + 0.5))
    assert all(torch.equal(a, b) for a, b in zip(ours, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(ours, other, strict=True))
    assert any(value.requires_grad for value in ours)


def test_a_batch_that_forgets_nothing_is_seen(monkeypatch):
    model = small(zoo.VAE, POINTS).copies([0, 1])
    batch = batch_source(model, POINTS, 16, Repeated([0, 1]), CPU)[0]()
    (phase,) = zoo.VAE.phases()
    phase.losses(batch)
    assert_up_to_date(batch)
    with torch.no_grad():
        model.encoder.trunk[1].weight.mul_(1.1)
    with pytest.raises(AssertionError, match="q_z_given_x"):
        assert_up_to_date(batch)
    batch.moved(("eta",))
    assert_up_to_date(batch)
