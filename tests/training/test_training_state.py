"""A training is a value that can be kept at any step; a saved run knows what it was trained on."""

import inspect

import children
import pytest
import torch
from helpers import edited
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ganvae_lib import Data, Mixture, Model, NonFiniteLoss, Run, build, data as sets, fit, load, nets, ring, zoo
from ganvae_lib.training import Checkpoint, Settings, Training

RING = Data(ring().sample(256, 0), name="ring", law=ring())
HOW = dict(steps=20, batch=48, log_every=5, device="cpu")


def training(objective, seeds=2):
    settings = Settings(objective, seeds=seeds, **HOW)
    return Training(build(objective, RING, hidden=(8,)), RING, settings)


def go_on(training, until=20):
    while training.done < until:
        training.step()
    return training


def assert_same(a, b):
    assert all(torch.equal(x, y) for x, y in zip(a.model.parameters(), b.model.parameters(), strict=True))
    assert a.history.steps == b.history.steps
    assert all(torch.equal(a.history[name], b.history[name]) for name in a.history)


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
@pytest.mark.parametrize("name", ["VAE", "WGAN-GP"])
@pytest.mark.parametrize("at", [0, 5, 7, 20])
def test_a_state_of_any_step_decides_what_comes_next(name, seeds, at, tmp_path):
    whole = go_on(training(zoo.ALL[name], seeds))
    first = go_on(training(zoo.ALL[name], seeds), at)
    Checkpoint(tmp_path, {}).save(first)
    state = first.state()
    go_on(first)  # what was kept stays as it was
    assert_same(first, whole)
    kept, other = training(zoo.ALL[name], seeds), training(zoo.ALL[name], seeds)
    Checkpoint(tmp_path, {}).restore(kept)
    other.restore(*state)
    for again in (kept, other):
        assert again.done == at and again.history.steps == list(range(5, at + 1, 5))
        assert_same(go_on(again), whole)


def test_a_loop_of_ones_own_is_fit():
    by_hand = go_on(training(zoo.GAN))
    run = fit(build(zoo.GAN, RING, hidden=(8,)), RING, seeds=2, progress=False, **HOW)
    assert_same(by_hand, run)
    assert by_hand.model.training and not run.model.training


def test_a_loss_that_is_not_finite_says_where_in_fields(monkeypatch):
    model = build(zoo.VAE, RING, hidden=(8,))  # which is tried on a dry batch
    draws = []
    forward = nets.Decoder.forward

    def broken(self, z):
        draws.append(z)
        p = forward(self, z)
        if len(draws) == 7:
            p.base_dist.loc.data[1] = float("nan")
        return p

    monkeypatch.setattr(nets.Decoder, "forward", broken)
    with pytest.raises(NonFiniteLoss) as error:
        fit(model, RING, seeds=[4, 9], progress=False, **HOW)
    found = error.value
    assert (found.term, found.step, found.seed) == ("reconstruct x", 7, 9)
    assert found.run.history.steps == [5] and found.run.seeds == [4, 9]


# ---------------------------------------------------------------- saved runs


def test_a_run_that_was_read_back_has_the_scores_of_the_run(tmp_path):
    data = load("ring", fraction=0.02)
    run = fit(build(zoo.VAE, data), data, 20, seeds=2, device="cpu", progress=False)
    again = Run.load(run.save(tmp_path))
    before, after = run.evaluate(n=500), again.evaluate(n=500)
    assert list(before) == list(after) == ["modes", "high quality"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    x = data.x[:5]
    assert torch.equal(again.law.log_prob(x), run.law.log_prob(x))
    assert torch.equal(Run.load(again.save(tmp_path)).law.log_prob(x), run.law.log_prob(x))


def test_a_toy_with_arguments_of_its_own_comes_back_with_them(tmp_path):
    narrow = sets.ring(5, radius=1.0, std=0.05)
    data = Data(narrow.sample(200, 0), name="narrow ring", law=narrow)
    run = fit(build(zoo.GAN, data), data, 2, device="cpu", progress=False)
    law = Run.load(run.save(tmp_path)).law
    assert torch.equal(law.modes, narrow.modes) and law.std == narrow.std


MINE = """
from ganvae_lib import Mixture, data
@data.toy
def pair(distance=2.0):
    return Mixture([0.5, 0.5], [[-distance / 2, 0.0], [distance / 2, 0.0]], 0.1)
"""

READ = "import sys; from ganvae_lib import Run; print(*Run.load(sys.argv[1]).evaluate(n=100))"


def test_a_users_toy_is_known_to_a_saved_run_in_a_new_process(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    train = (
        "import sys, mine; from ganvae_lib import build, fit, load, zoo; data = load('pair', fraction=0.01);"
        "fit(build(zoo.GAN, data), data, 2, device='cpu', progress=False).save(sys.argv[1])"
    )

    python = lambda code: children.run("-c", code, "run", cwd=tmp_path)
    assert python(train).returncode == 0
    assert python("import mine;" + READ).stdout.split() == ["modes", "high", "quality"]
    lost = python(READ)
    assert lost.returncode == 1 and "unknown toy 'pair'" in lost.stderr
    assert lost.stderr.rstrip().endswith("Import the file that registers it.")


def test_a_law_that_cannot_be_found_again_is_named(tmp_path):
    law = Mixture([1.0], [[0.0, 0.0]], 1.0)
    data = Data(law.sample(100, 0), law=law)
    run = fit(build(zoo.GAN, data), data, 2, device="cpu", progress=False)
    assert run.evaluate(n=50)["modes"].tolist() == [1.0]
    again = Run.load(run.save(tmp_path))
    with pytest.raises(ValueError, match=r"nothing to measure: the law of the data, a Mixture, was not saved.*law="):
        again.evaluate(n=50)
    assert again.evaluate(data, n=50)["modes"].tolist() == [1.0]


def own_networks():
    """A GAN of one's own, and nothing that ``build`` made."""
    networks = {
        "decoder": nets.Decoder(nn.Linear(2, 2), nets.PointPixels(), (2,)),
        "discriminator_x": nets.Discriminator(nn.Linear(2, 1)),
    }
    return Model(zoo.GAN, networks, nets.StandardNormal(2))


def test_a_model_that_is_given_is_trusted_with_its_objective(tmp_path):
    run = fit(own_networks(), RING, 2, device="cpu", progress=False)
    with pytest.warns(UserWarning, match=r"only their weights were saved.*Run.load\(path, model\)"):
        run.save(tmp_path)
    edited(tmp_path / "run.json", lambda card: card["objective"][0].update(term="TermOfAUser"))  # not known here
    again = Run.load(tmp_path, own_networks())
    assert again.model.objective == zoo.GAN and torch.equal(again.sample(3), run.sample(3))
    with pytest.raises(ValueError, match=r"pass a model with the same: Run.load\(path, model\)"):
        Run.load(tmp_path)


def test_a_class_that_is_not_known_here_is_no_damage(tmp_path):
    run = fit(build(zoo.GAN, RING, hidden=(8,)), RING, 2, device="cpu", progress=False)
    edited(run.save(tmp_path) / "run.json", lambda card: card["objective"][0].update(term="TermOfAUser"))
    with pytest.raises(ValueError, match="TermOfAUser") as error:
        Run.load(tmp_path)
    assert "damaged" not in str(error.value)


def test_settings_have_the_defaults_of_fit():
    asked = inspect.signature(fit).parameters
    for name, parameter in inspect.signature(Settings).parameters.items():
        if name not in ("objective", "steps"):
            assert parameter.default == asked[name].default, name


class Allocated(TorchDispatchMode):
    """How many numbers are copied by what is called within."""

    numbers = 0

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        made = op(*args, **(kwargs or {}))
        self.numbers += made.numel() if "clone" in str(op) else 0
        return made


def test_what_a_run_keeps_copies_no_weights():
    """The run has them; with several seeds a second copy of all weights was a part of the peak of memory."""
    one = go_on(training(zoo.VAE), 3)
    with Allocated() as copied:
        kept = one.kept()
    assert copied.numbers == sum(tensor.numel() for tensor in kept.tensors.values())
    assert kept.tensors and not [name for name in kept.tensors if name.startswith("model/")]
    assert {name for name in one.state()[1] if name.startswith("model/")}
