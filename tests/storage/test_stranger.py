"""A stranger's card, with a checksum that is right: what it says is checked before anything is built or opened."""

import copy
import json
import math
import os

import pytest
import torch
from cases import CASES, made
from helpers import edited, images, points, same_run, short, small

from ganvae_lib import Data, Run, build, fit, ring, zoo
from ganvae_lib.models import builder
from ganvae_lib.objective import from_dict, to_dict
from ganvae_lib.storage import cards, strangers

DATA = points(64)
VALUES = [
    None,
    -1,
    0,
    1,
    10**20,
    1e308,
    math.nan,
    math.inf,
    "",
    "x",
    "../x",
    [],
    {},
    True,
    False,
    [[[]]],
    [{}],
    {"x": 1},
]
DROPPED = object()


def places(value, path=()):
    """The path of every value in a card."""
    if path:
        yield path
    keys = value if isinstance(value, dict) else range(min(len(value), 2)) if isinstance(value, list) else ()
    for key in keys:
        yield from places(value[key], (*path, key))


def changed(card, path, value):
    """The card with another value at a path, or without it."""
    card = copy.deepcopy(card)
    parent = card
    for key in path[:-1]:
        parent = parent[key]
    if value is DROPPED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = copy.deepcopy(value)
    return card


def changes(card):
    for path in places(card):
        if path[0] not in ("format", "checksum"):
            for value in (DROPPED, *VALUES):
                yield path, value, changed(card, path, value)


def small_run(objective, data, tmp_path, **options):
    model = small(objective, data, **{"hidden": (3,), "latent": 2} | options)
    run = short(model, data, steps=2, batch=8, seeds=[3, 5])
    return run, run.save(tmp_path)


RUNS = {
    "VAE": lambda path: small_run(zoo.VAE, DATA, path, scale=0.5),
    "WGAN-GP": lambda path: small_run(2.0 * zoo.WGAN_GP, Data(DATA.x, (DATA.x[:, 0] > 0).long(), "points"), path),
    "InfoGAN": lambda path: small_run(zoo.INFOGAN, DATA, path, codes={"one-hot": 2, "uniform": 1}, latent=None),
    "CGAN": lambda path: small_run(zoo.CGAN, images(n=16), path, architecture="conv", width=8),
    "WAE": lambda path: small_run(zoo.WAE_MMD, DATA, path, codes="point", activation="silu"),
}


@pytest.mark.parametrize("name", RUNS)
def test_whatever_is_changed_on_a_card_is_told_or_makes_the_model_that_it_says(name, tmp_path, monkeypatch):
    run, path = RUNS[name](tmp_path)
    file = path / "run.json"
    card = json.loads(file.read_bytes())
    counts = {"told": 0, "as it says": 0}
    for where, value, damaged in list(changes(card))[:: 5 if name == "VAE" else 11]:
        if where[0] == "training" and len(where) > 2:
            continue  # of which another test speaks
        file.write_bytes(cards.text(damaged))
        shown = (where, "dropped" if value is DROPPED else value)
        try:
            found = Run.load(path)
        except ValueError as error:
            assert str(path) in str(error) or "unknown" in str(error) or len(str(error)) > 10, shown
            counts["told"] += 1
            continue
        except Exception as error:  # whatever else it is, it is wrong
            raise AssertionError(shown) from error
        counts["as it says"] += 1
        optional = where in (("training",), ("stopped",), ("about",)) or (
            len(where) > 1 and (where[0] in ("config", "objective", "law", "about") or isinstance(where[-1], int))
        )
        assert value is not DROPPED or optional, shown
        said = dict(damaged["networks"])
        says = build(from_dict(damaged["objective"]), said.pop("shape"), **said).config
        assert found.model.config == says, shown
        assert found.model.objective == from_dict(damaged["objective"]), shown
        assert found.config == damaged["config"] and found.data == damaged["data"] and found.seeds == [3, 5], shown
        for (key, tensor), other in zip(found.model.state_dict().items(), run.model.state_dict().values(), strict=True):
            assert torch.equal(tensor, other), (shown, key)
        try:
            _ = found.law
        except ValueError:
            pass
    assert counts["told"] > 4 * counts["as it says"] > 0, counts


def test_a_card_of_this_format_has_a_law_even_if_it_is_none_and_older_ones_need_not(tmp_path):
    _, path = RUNS["VAE"](tmp_path)
    card = json.loads((path / "run.json").read_bytes())
    options = dict.fromkeys(card["networks"], "Any")
    del card["law"]
    with pytest.raises(ValueError, match="a card cannot be 'without law'"):
        strangers.check_card(card, options)
    card["format"] -= 1
    strangers.check_card(card, options)


def test_a_card_names_each_thing_once():
    with pytest.raises(ValueError, match="names a thing twice"):
        cards.parse(b'{"format": 1, "seeds": {"a": 1, "a": 1}}')


def test_whatever_is_changed_on_a_card_is_told_before_its_checksum_is_asked_for_too(tmp_path):
    run, path = RUNS["VAE"](tmp_path)
    file = path / "run.json"
    card = json.loads(file.read_bytes())
    for where, value, damaged in changes(card):
        if damaged == card and json.dumps(damaged) == json.dumps(card):
            continue
        file.write_text(json.dumps(damaged))
        with pytest.raises(ValueError):
            raise AssertionError((where, value, Run.load(path)))


LATER = set(strangers._STATE_CHECKS) - {"names"}  # what a training that goes on may find another


def test_whatever_is_changed_on_the_card_of_a_checkpoint_is_told_or_is_the_same_training(tmp_path):
    options = dict(steps=5, batch=16, log_every=2, progress=False, seeds=[3, 5], checkpoint=tmp_path, resume=True)
    model = small(zoo.GAN, DATA, hidden=(2,), latent=1)
    fit(model, DATA, **options | {"steps": 3})  # there is a window of the history that is not full
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    whole = fit(model, DATA, **options)
    card = json.loads(kept["checkpoint.json"])
    counts = {"told": 0, "the same": 0, "another": 0}
    for where, value, damaged in list(changes(card))[::7]:
        for path in tmp_path.iterdir():
            path.unlink()
        for name, content in kept.items():
            (tmp_path / name).write_bytes(content if name != "checkpoint.json" else cards.text(damaged))
        try:
            same = same_run(fit(model, DATA, **options), whole)
        except ValueError:
            counts["told"] += 1
        except Exception as error:
            raise AssertionError((where, value)) from error
        else:
            counts["the same" if same else "another"] += 1
            assert same or where[0] in LATER, (where, value)
    assert counts["told"] > 10 * counts["another"], counts


@pytest.mark.parametrize("stream", [0, 1])
def test_a_stream_that_stands_behind_its_end_is_told(stream, tmp_path):
    options = dict(batch=16, log_every=2, progress=False, checkpoint=tmp_path, resume=True)
    model = small(zoo.GAN, DATA, hidden=(2,), latent=1)
    fit(model, DATA, steps=3, **options)

    def change(card):
        if stream == 0:  # of noise
            card["streams"][0][0][3] = 10**6
        else:  # of the order of the examples
            card["streams"][1] = 10**6

    edited(tmp_path / "checkpoint.json", change)
    with pytest.raises(ValueError, match="is damaged: .*cannot stand at 1000000 of"):
        fit(model, DATA, steps=5, **options)


def test_a_run_whose_training_is_changed_on_its_card_is_told_or_goes_on(tmp_path):
    run, path = RUNS["VAE"](tmp_path)
    file = path / "run.json"
    card = json.loads(file.read_bytes())
    of_training = [change for change in changes(card) if change[0][0] == "training"]
    for where, value, damaged in of_training[::7]:
        file.write_bytes(cards.text(damaged))
        try:
            found = Run.load(path)
            assert same_run(found, run)
            fit(found, DATA, steps=1, progress=False)
        except ValueError:
            pass
        except Exception as error:
            raise AssertionError((where, value)) from error


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda card: card.update(weights="../model.safetensors"), "not the name of a file of weights"),
        (lambda card: card.update(weights="/etc/passwd"), "not the name of a file of weights"),
        (lambda card: card.update(weights="run.json"), "not the name of a file of weights"),
        (lambda card: card["networks"].update(hidden=[2**24] * 3), "do not fit|more than the"),
        (lambda card: card["networks"].update(hidden=[2**24 + 1]), "more than the 16,777,216 size"),
        (lambda card: card["networks"].update(hidden=[1] * 1001), "more than the 1,000 layers"),
        (lambda card: card["networks"].update(latent=10**30), "more than the 16,777,216 size"),
        (lambda card: card["networks"].update(depth=17), "more than the 16 depth"),
        (lambda card: card["networks"].update(shape=[2**20, 2**20]), "more than the 268,435,456 numbers of an example"),
        (lambda card: card.update(seeds=[*range(10_001)]), "more than the 10,000 seeds"),
        (lambda card: card.update(objective=card["objective"] * 501), "more than the 1,000 terms"),
        (lambda card: card.update(objective=[]), "objective cannot be"),
        (lambda card: card["objective"][0].update(term="__class__"), "unknown term '__class__'"),
        (lambda card: card["networks"].update(activation="__init__"), "unknown activation"),
        (lambda card: card["networks"].update(observation="Observation"), "unknown observation"),
        (lambda card: card.update(seeds=None), "seeds cannot be 'None'"),
        (lambda card: card.update(seeds=[3, 3]), "seeds cannot be"),
        (lambda card: card["history"]["points"][0].clear(), "history.points cannot be"),
        (lambda card: card["history"].update(seeds=[3, 6]), "history.seeds cannot be"),
        (lambda card: card["history"].update(steps=[2, 1]), r"history.steps cannot be '\[2, 1\]'"),
        (lambda card: card["config"].update(precision=32), "config.precision cannot be '32'"),
        (lambda card: card.update(data={"name": "points"}), "data cannot be .*points"),
        (lambda card: card["about"].update(shape="x"), "about cannot be"),
        (lambda card: card["about"].update(words=7), "about cannot be"),
    ],
)
def test_what_a_card_may_not_say(change, words, tmp_path):
    _, path = RUNS["VAE"](tmp_path)
    edited(path / "run.json", change)
    with pytest.raises(ValueError, match=words):
        Run.load(path)


def weights_file(path):
    (found,) = path.glob("model-*.safetensors")
    return found


def test_the_weights_are_an_ordinary_file_in_the_folder(tmp_path):
    _, path = RUNS["VAE"](tmp_path / "run")
    file = weights_file(path)
    file.rename(tmp_path / "outside")
    file.symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="is a link to a file elsewhere"):
        Run.load(path)
    file.unlink()
    os.mkfifo(file)  # reading it would never end
    with pytest.raises(ValueError, match="is not an ordinary file"):
        Run.load(path)
    file.unlink()
    file.mkdir()
    with pytest.raises(ValueError, match="is not an ordinary file"):
        Run.load(path)
    for name in ("run.json", "."):  # nor is the card a pipe, nor the folder
        bad = tmp_path / f"bad {name}"
        bad.mkdir()
        if name == "run.json":
            os.mkfifo(bad / name)
        with pytest.raises(ValueError):
            Run.load(bad if name == "run.json" else bad / "nothing")
    with pytest.raises(ValueError):
        Run.load(tmp_path / "outside")


def test_a_file_of_weights_that_is_too_large_is_not_read(tmp_path):
    _, path = RUNS["VAE"](tmp_path)
    with open(weights_file(path), "r+b") as file:
        file.truncate(2**40)  # a hole of a TiB
    with pytest.raises(
        ValueError, match=r"has 1,099,511,627,776 bytes, more than the [\d,]+ that its tensors can have"
    ):
        Run.load(path)


def test_networks_that_a_card_only_claims_take_no_memory(tmp_path, monkeypatch):
    _, path = RUNS["VAE"](tmp_path)
    edited(path / "run.json", lambda card: card["networks"].update(hidden=[2**24] * 3))  # terabytes
    devices, order = [], builder.build

    def build(*arguments, **options):
        devices.append(torch.get_default_device().type)
        return order(*arguments, **options)

    monkeypatch.setattr(builder, "build", build)
    with pytest.raises(ValueError, match="do not fit the model: networks.encoder.*should be .*16777216.* and is"):
        Run.load(path)
    assert set(devices) == {"meta"}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"objective": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"seeds": 1, "seeds": 2}',
        b"\xff\xfe\x00",
        b'{"seeds": ' + b"9" * 5000 + b"}",
        b"null",
        b'"text"',
        b"",
    ],
)
def test_what_is_no_card_is_told(content, tmp_path):
    _, path = RUNS["VAE"](tmp_path)
    (path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match="is damaged or of another format"):
        Run.load(path)


def test_a_law_whose_arguments_are_nonsense_is_told_when_it_is_asked_for(tmp_path):
    data = Data(ring().sample(64, 0), name="ring", law=ring())
    _, path = small_run(zoo.VAE, data, tmp_path)
    for arguments in ({"radius": "x"}, {"nonsense": 1}, {"n": 1.5}, {"n": -1}, {"std": [[]]}):
        edited(path / "run.json", lambda card, new=arguments: card["law"].update(arguments=new))
        run = Run.load(path)
        with pytest.raises(ValueError):
            raise AssertionError((arguments, run.law))


def test_every_field_of_a_spec_has_a_kind_that_is_checked():
    kinds = set(builder.OPTIONS.values())
    assert kinds <= set(strangers._TYPE_CHECKS) and set(builder.OPTIONS) >= strangers._REQUIRED_OPTIONS


@pytest.mark.parametrize("name", CASES)
def test_networks_are_made_without_memory_before_a_file_is_read(name):
    model, _ = made(CASES[name])
    card = cards.as_json({"objective": to_dict(model.objective), "networks": model.config})
    with torch.device("meta"):
        claimed = builder.model_of(card).state_dict()
    true = model.state_dict()
    assert {name: (t.shape, t.dtype) for name, t in claimed.items()} == {
        name: (t.shape, t.dtype) for name, t in true.items()
    }
    assert all(tensor.is_meta for tensor in claimed.values())


def test_a_card_with_parts_of_a_row_is_read_and_one_with_other_parts_refused(tmp_path):
    g = torch.Generator().manual_seed(0)
    rows = torch.cat([torch.randn(64, 2, generator=g), torch.eye(3)[torch.arange(64) % 3]], -1)
    parts = (("gaussian", 2), ("one-hot", 3))
    run, folder = small_run(zoo.VAE, Data(rows, name="rows", range="real"), tmp_path, observation=parts)
    assert same_run(Run.load(folder), run)
    for wrong in ([["gaussian", 2, 1], ["one-hot", 3, 1]], [["gaussian"], ["one-hot", 3]], [[2, "gaussian"]]):
        assert not strangers._is_observation_kinds(wrong)
    assert strangers._is_observation_kinds([list(part) for part in parts])


def test_the_most_that_a_file_has_is_counted_by_its_tensors():
    weights = {"one": torch.zeros(3, 4), "two": torch.zeros(5, dtype=torch.float64)}  # 48 and 40 bytes
    assert strangers.most_bytes(weights, None) == 2 * 88  # with their averages
    state = {"names": ["a", "b"], "seeds": [0, 1, 2], "steps": [2, 4], "step": 6}
    numbers = 2 * 3 * (2 + 6 - 4)  # losses of seeds at the steps that are there, and of those since
    assert strangers.most_bytes(weights, state) == 6 * 88 + 3 * 2**20 + 8 * numbers
