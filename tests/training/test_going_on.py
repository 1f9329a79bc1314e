"""A run goes on as if it had not stopped; what changes on the way starts streams that have not been, and nothing else."""

import json

import pytest
import torch
from helpers import points, same_run, short, small

from ganvae_lib import Data, Model, Run, fit, zoo
from ganvae_lib.training import Batches

DATA = points(200)
HOW = dict(batch=48, log_every=7, progress=False, device="cpu")


def model(objective=zoo.VAE):
    return small(objective, DATA, hidden=(8,))


@pytest.fixture
def seen(monkeypatch):
    """Every minibatch of x that is drawn."""
    drawn = []
    following = Batches.next

    def watched(self):
        parts = following(self)
        drawn.append(parts[0].clone())
        return parts

    monkeypatch.setattr(Batches, "next", watched)
    return drawn


def same_batches(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
def test_ten_stages_are_one_training(seeds, seen):
    whole = fit(model(zoo.GAN), DATA, 40, seeds=seeds, **HOW)
    batches, seen[:] = list(seen), []
    run = fit(model(zoo.GAN), DATA, 4, seeds=seeds, **HOW)
    for _ in range(9):
        run = fit(run, steps=4)
    assert same_run(run, whole) and run.config == whole.config
    assert same_batches(seen, batches)


@pytest.mark.parametrize("saved", [False, True], ids=["in memory", "read back"])
def test_going_on_leaves_the_run_as_it_was(saved, tmp_path):
    whole = fit(model(), DATA, 40, seeds=2, **HOW)
    first = fit(model(), DATA, 20, seeds=2, **HOW)
    if saved:
        first = Run.load(first.save(tmp_path))
    for _ in range(2):  # the second time from the same state
        assert same_run(fit(first, DATA, 20), whole)
    assert same_run(first, fit(model(), DATA, 20, seeds=2, **HOW)) and first.config["steps"] == 20


def test_weights_that_were_changed_by_hand_go_on():
    run = fit(model(), DATA, 5, **HOW)
    with torch.no_grad():
        run.model.decoder.trunk[1].weight.zero_()
    moved = fit(run, steps=1, lr=0.0)
    assert (moved.model.decoder.trunk[1].weight == 0).all()


# ---------------------------------------------------------------- streams


def test_fresh_false_goes_on_with_the_streams_of_the_training_that_made_the_model(seen):
    fit(model(), DATA, 40, seeds=2, **HOW)
    batches, seen[:] = list(seen), []
    run = fit(model(), DATA, 4, seeds=2, **HOW)
    for _ in range(9):
        run = fit(run.model, DATA, 4, seeds=run.seeds, fresh=False, **HOW)
    assert same_batches(seen, batches)
    assert run.history.steps == [4]  # a training of its own, with moments of its own
    # One copy of the stack goes on with its own.
    seen[:] = []
    first = fit(model(), DATA, 20, seeds=2, **HOW)
    fit(first.model.single(1), DATA, 20, seeds=[1], fresh=False, **HOW)
    assert all(torch.equal(one, both[1]) for one, both in zip(seen[20:], batches[20:], strict=True))


def test_a_model_of_trained_networks_goes_on_with_their_streams(seen):
    fit(model(), DATA, 8, seeds=[3], **HOW)
    batches, seen[:] = list(seen), []
    run = fit(model(), DATA, 4, seeds=[3], **HOW)
    second = Model(zoo.beta_vae(2.0), dict(run.model.networks), run.model.prior, run.model.spec)
    fit(second, DATA, 4, seeds=[3], fresh=False, **HOW)
    assert same_batches(seen, batches)
    again = Model(zoo.VAE, dict(run.model.networks), run.model.prior, run.model.config)  # the JSON of the spec
    assert again.spec == run.model.spec
    with pytest.raises(TypeError, match="spec must be of type Spec, got 3"):
        Model(zoo.VAE, dict(run.model.networks), run.model.prior, 3)


def test_other_data_and_batches_have_an_order_that_has_not_been_and_the_noise_goes_on(seen):
    run = fit(model(), DATA, 4, **HOW)  # an epoch of 200 examples is 4 batches of 48
    other = Data(DATA.x.flip(0), name="flipped")
    smaller = fit(run, steps=3, batch=48 // 2)
    fit(smaller, steps=4, batch=48)
    fit(run, other, steps=4)
    at = lambda x: sorted(map(tuple, x.tolist()))
    assert len(seen) == 15 and all(len(x) == size for x, size in zip(seen, [48] * 4 + [24] * 3 + [48] * 8, strict=True))
    first, back, flipped = seen[:4], seen[7:11], seen[11:]
    for again in (back, flipped):  # other sets of examples stand together, whatever the order of the data
        assert not any(at(a) == at(b) for a in first for b in again)
    assert not torch.equal(other.x[:48], flipped[0]) and not same_batches(back, flipped)


def test_noise_goes_on_where_its_shape_is_the_same(monkeypatch):
    from ganvae_lib import Noise

    drawn = []
    following = Noise.normal

    def watched(self, name, *shape):
        numbers = following(self, name, *shape)
        drawn.append(numbers.clone())
        return numbers

    monkeypatch.setattr(Noise, "normal", watched)
    fit(model(), DATA, 12, **HOW)
    whole, drawn[:] = list(drawn), []
    run = fit(model(), DATA, 4, **HOW)
    run = fit(run, steps=4, batch=24)
    fit(run, Data(DATA.x.flip(0)), steps=4, batch=48, lr=1e-4)
    same_shape = [x for x in drawn if len(x) == 48]
    assert all(torch.equal(a, b) for a, b in zip(same_shape, whole[:8], strict=True)) and len(drawn) == 12
    assert len(torch.cat([x.flatten() for x in drawn]).unique()) > 0.99 * sum(x.numel() for x in drawn)


def test_on_another_kind_of_device_all_streams_are_new(seen):
    run = fit(model(), DATA, 4, **HOW)
    run.going.card["device"] = "cuda"  # as if it came from there
    more = fit(run, steps=4)
    assert more.history.steps == [7, 8] and more.model.streams[0]["since"] == " from step 4"
    assert not any(torch.equal(a, b) for a in seen[:4] for b in seen[4:])
    assert same_run(fit(more, steps=4), fit(fit(more, steps=2), steps=2))


def test_seeds_that_begin_from_trained_weights_have_streams_of_their_own(seen):
    run = fit(model(), DATA, 4, seeds=[0], **HOW)
    fit(run.model, DATA, 4, seeds=[0, 1], fresh=False, **HOW)
    assert not any(torch.equal(a, b[k]) for a in seen[:4] for b in seen[4:] for k in (0, 1))


# ---------------------------------------------------------------- what changes, and what may not


def test_another_rate_begins_at_the_next_step():
    run = fit(model(zoo.GAN), DATA, 5, seeds=2, **HOW)
    still = fit(run, steps=3, lr={"theta": 0.0, "phi": 2e-4})
    assert all(torch.equal(a, b) for a, b in zip(run.model.of(["theta"]), still.model.of(["theta"]), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(run.model.of(["phi"]), still.model.of(["phi"]), strict=True))
    # The moments have gone on meanwhile, and players who shared a rate may part: each keeps its own.
    shared = fit(model(zoo.VAE), DATA, 5, seeds=2, **HOW)
    apart = fit(shared, steps=3, lr={"theta": 1e-3, "eta": 1e-3 * (1 + 1e-12)})
    assert_close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    for a, b in zip(apart.model.parameters(), fit(shared, steps=3).model.parameters(), strict=True):
        assert_close(a, b)


def test_windows_of_another_length_begin_where_the_last_one_stopped():
    run = fit(model(), DATA, 10, **HOW)  # points at 7 and 10
    whole = fit(model(), DATA, 15, **(HOW | dict(log_every=1)))
    more = fit(run, steps=5, log_every=2)
    assert run.history.steps == [7, 10] and more.history.steps == [7, 10, 12, 14, 15]
    for name in whole.history:
        expected = torch.stack([rows.mean(0) for rows in whole.history[name].split([7, 3, 2, 2, 1])])
        torch.testing.assert_close(more.history[name], expected, rtol=1e-12, atol=0)


def test_precision_may_change():
    run = fit(fit(model(), DATA, 3, **HOW), steps=3, precision="bf16")
    assert run.config["precision"] == "bf16" and run.history.steps == [6]
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in run.model.parameters())


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(seeds=[1]), r"goes on with its seeds \[0\]"),
        (dict(seeds=2), r"goes on with its seeds"),
        (dict(fresh=True), r"goes on with its seeds \[0\] and its weights"),
        (dict(steps=0), "steps must be a whole number of at least 1, got 0"),
        (dict(steps=None), "steps must be a whole number"),
        (dict(data=Data(torch.zeros(10, 3))), r"built for examples of shape \(2,\)"),
    ],
)
def test_what_may_not_change_is_said(change, words):
    run = fit(model(), DATA, 2, **HOW)
    with pytest.raises(ValueError, match=words):
        fit(run, **(dict(steps=2) | change))
    assert fit(run, steps=2, seeds=1).history.steps == [4]  # the seeds that it has


def test_another_objective_goes_on_if_it_has_the_same_losses():
    run = fit(model(), DATA, 4, seeds=2, **HOW)
    run.model.objective = zoo.beta_vae(2.0)
    assert fit(run, steps=4).history.steps == [7, 8]
    run.model.objective = zoo.LIKELIHOOD
    with pytest.raises(ValueError, match=r"the losses are now match x, and were reconstruct x, match z; begin"):
        fit(run, steps=4)


# ---------------------------------------------------------------- files


def test_a_run_that_was_saved_without_its_training_says_what_to_do(tmp_path, seen):
    run = fit(model(), DATA, 4, **HOW)
    whole, alone = run.save(tmp_path / "whole"), run.save(tmp_path / "alone", training=False)
    size = lambda folder: sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    weights = 4 * sum(p.numel() for p in run.model.parameters())
    assert size(alone) < weights + 2000 and 3 * weights < size(whole)
    with pytest.raises(ValueError, match=r"read from a file, without its data; pass them: fit\(run, data, steps"):
        fit(Run.load(whole), steps=2)
    again = Run.load(alone)
    with pytest.raises(
        ValueError, match=r"no state of its training.*fit\(run.model, data, steps, seeds=run.seeds, fre"
    ):
        fit(again, DATA, steps=2)
    fit(again.model, DATA, 4, seeds=again.seeds, fresh=False, **HOW)
    assert not any(torch.equal(a, b) for a in seen[:4] for b in seen[4:])  # its streams are lost, and not repeated


def test_a_folder_of_before_still_loads(tmp_path):
    run = fit(model(), DATA, 4, **HOW)
    file = run.save(tmp_path, training=False) / "run.json"
    card = json.loads(file.read_text())
    for name in ("training", "stopped", "checksum"):
        del card[name]
    del card["config"]["log_every"]
    file.write_text(json.dumps(card | {"format": 1}))
    assert torch.equal(Run.load(tmp_path).sample(3), run.sample(3))


def test_a_state_that_is_damaged_is_refused(tmp_path):
    run = fit(model(), DATA, 4, **HOW)
    file = run.save(tmp_path) / "run.json"
    card = json.loads(file.read_text())
    for name in card["training"]:
        for damaged in (None, "x" if name != "since" and name != "device" else 3):
            file.write_text(json.dumps(card | {"training": card["training"] | {name: damaged}}))
            with pytest.raises(ValueError, match="damaged"):
                Run.load(tmp_path)


def test_a_run_says_its_history_when_it_has_none():
    from ganvae_lib import History

    assert History([0, 1], ["a"])["a"].shape == (0, 2)


def test_it_goes_on_from_a_short_run_of_many_points():
    run = short(small(zoo.VAE, points()), seeds=[1, 4], steps=5)
    more = fit(run, steps=5)
    assert more.history.steps == list(range(1, 11)) and more.seeds == [1, 4]


@pytest.mark.parametrize("seeds", [2, [3]], ids=str)
def test_a_part_that_is_frozen_on_the_way_stays_and_the_others_keep_their_moments(seeds):
    """The next step of the decoder is the one that it would have made; the encoder rests."""
    first = fit(model(), DATA, 10, seeds=seeds, **HOW)
    whole = fit(first, steps=1)
    first.model.encoder.requires_grad_(False)
    later = fit(first, steps=1)
    for name, value in later.model.state_dict().items():
        rests = name.startswith("networks.encoder")
        assert torch.equal(value, (first if rests else whole).model.state_dict()[name]), name
    assert not same_run(first, later)
    later.model.encoder.requires_grad_(True)
    again = fit(later, steps=5)
    assert not torch.equal(next(again.model.encoder.parameters()), next(first.model.encoder.parameters()))
