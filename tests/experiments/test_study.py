"""A study is a value: a user's own file runs, is recorded in the one shape, goes on where it stopped, and is not replaced."""

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT

from ganvae_lib import NonFiniteLoss, __main__ as command_line, ring, zoo
from ganvae_lib.experiments import Study, Trial, by_seed, rows, runner, study as studies
from ganvae_lib.experiments.techniques import EXPERIMENTS, Setting
from ganvae_lib.measure import summary
from ganvae_lib.measure.history import Interrupts

OWN = '''"""My study: does a wider network cover more of the ring?"""

from ganvae_lib import coverage, load, zoo
from ganvae_lib.experiments import Study, Trial


def measure(run, world):
    found = coverage(run.sample(500), world.train.law)
    return {"modes": found["modes"], "first": run.sample(1)[:, 0]}


STUDY = Study(
    "Width, on the ring",
    {
        "narrow": Trial(zoo.GAN, dict(hidden=(8,))),
        "wide": Trial(zoo.GAN, dict(hidden=(32,)), about={"note": "four times as wide"}),
    },
    data=lambda: {"train": load("ring")},
    measure=measure,
    references=lambda world, seeds: {"data": {"modes": [8.0]}},
    words={"modes": "modes covered, of 8"},
    training=dict(batch=32),
    steps=50,
    seeds=range(3),
    pairs=[("wide", "narrow")],
)
'''
SHAPE = {
    "title",
    "command",
    "seeds",
    "words",
    "config",
    "notes",
    "data",
    "facts",
    "references",
    "models",
    "comparisons",
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("GANVAE_PROGRESS", "0")


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "width.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def ask(*words):
    return command_line.main(["study", *map(str, words)])


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def test_a_file_of_ones_own_is_run_and_recorded(own, tmp_path):
    out = tmp_path / "out"
    assert ask(own, "--steps", 5, "--seeds", 2, "--out", out) == 0
    card = read(out / "width.json")
    assert set(card) == SHAPE | {"environment", "format", "checksum"}
    assert card["command"] == f"python -m ganvae_lib study {own} --steps 5 --seeds 2"
    assert card["seeds"] == [0, 1] and card["config"] == {"steps": 5, "networks": {}, "training": {"batch": 32}}
    assert card["data"]["train"]["digest"] == ring_digest() and card["environment"]["threads"] == 1
    for name, width in (("narrow", 8), ("wide", 32)):
        entry = card["models"][name]
        assert entry["objective"] == repr(zoo.GAN) and entry["networks"] == {"hidden": [width]}
        assert entry["measures"]["modes"] == summary(entry["measures"]["modes"]["values"])
        assert [len(point) for point in entry["series"]["first"]] == [2, 2] and entry["failed"] == {}
    assert card["models"]["wide"]["note"] == "four times as wide"
    assert card["references"]["data"]["measures"]["modes"] == {"values": [8.0], "mean": 8.0, "half_width_95": None}
    wide, narrow = (card["models"][name]["measures"]["modes"]["mean"] for name in ("wide", "narrow"))
    assert card["comparisons"]["wide - narrow"]["modes"]["mean"] == pytest.approx(wide - narrow, abs=1e-4)
    assert [path.name for path in out.iterdir()] == ["width.json"]


def ring_digest():
    from ganvae_lib import load

    return load("ring").digest


def test_what_is_finished_is_left_and_another_command_does_not_replace_it(own, tmp_path, capsys):
    asked = (own, "--steps", 5, "--seeds", 2, "--out", tmp_path)
    assert ask(*asked) == 0
    before = (tmp_path / "width.json").read_bytes()
    assert ask(*asked, "--resume") == 0 and (tmp_path / "width.json").read_bytes() == before
    assert "was finished" in capsys.readouterr().out
    assert ask(own, "--steps", 6, "--seeds", 2, "--out", tmp_path) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "is the record of another run" in said and "--steps 5 --seeds 2" in said
    assert (tmp_path / "width.json").read_bytes() == before
    assert ask(*asked) == 0  # the same command may run again
    assert values(read(tmp_path / "width.json")) == values(json.loads(before))


def values(card):
    return {name: (entry["measures"], entry["series"]) for name, entry in card["models"].items()}


def test_an_interrupted_study_keeps_its_finished_models(own, tmp_path, monkeypatch, capsys):
    asked = (own, "--steps", 5, "--seeds", 2)
    assert ask(*asked, "--out", tmp_path / "whole") == 0
    trained, order = [], rows.train_and_measure

    def stopped(study, name, *rest):
        trained.append(name)
        if trained == ["narrow", "wide"]:
            raise KeyboardInterrupt
        return order(study, name, *rest)

    monkeypatch.setattr(rows, "train_and_measure", stopped)
    assert ask(*asked, "--out", tmp_path) == 130 and not (tmp_path / "width.json").exists()
    assert ask(*asked, "--out", tmp_path) == 1 and "--resume" in capsys.readouterr().err
    assert ask(own, "--steps", 6, "--seeds", 2, "--out", tmp_path, "--resume") == 1
    assert "interrupted run of" in capsys.readouterr().err
    assert ask(*asked, "--out", tmp_path, "--resume") == 0 and trained == ["narrow", "wide", "wide"]
    whole, parts = (read(folder / "width.json") for folder in (tmp_path / "whole", tmp_path))
    assert values(parts) == values(whole) and parts["comparisons"] == whole["comparisons"]
    assert not (tmp_path / "work").exists()


def test_a_study_that_dies_while_it_tidies_up_is_finished(own, tmp_path, monkeypatch):
    asked, remove = (own, "--steps", 5, "--seeds", 2, "--out", tmp_path), shutil.rmtree

    def dies(folder, **options):
        next(Path(folder).rglob("*.safetensors")).unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", dies)
    assert ask(*asked) == 130
    before, left = (tmp_path / "width.json").read_bytes(), list((tmp_path / "work").rglob("*.json"))
    assert not left, "a card without its tensors"
    monkeypatch.setattr(shutil, "rmtree", remove)
    assert ask(*asked, "--resume") == 0
    assert (tmp_path / "width.json").read_bytes() == before and not (tmp_path / "work").exists()


def test_mistakes_are_one_line_that_says_what_to_do(own, tmp_path, capsys):
    for words, message in (
        (["kernals"], "Did you mean 'kernels'?"),
        ([tmp_path / "none.py"], "there is no file"),
        ([own, "--steps", 0], "at least one step"),
        ([own, "--steps", -1], "at least one step"),
        ([own, "--seeds", 0], "one seed or more"),
        ([own, "--seeds", 99999999999], "at most 10,000"),
        ([own, "--seeds", "7,99999999999"], "from 0 to"),
        ([own, "--seeds", "7,7"], "all different"),
    ):
        try:
            status = ask(*words, "--out", tmp_path / "out")
        except SystemExit as end:
            status = end.code
        said = capsys.readouterr().err
        assert status == 2 and said.count("\n") == 1 and message in said
    own.write_text("STUDY = 1", encoding="utf-8")
    assert ask(own) == 2 and "defines no STUDY" in capsys.readouterr().err


def test_which_seeds_are_asked_for_is_in_the_command(own):
    some = runner.StudyRequest(str(own), seeds=(5,))
    assert some.command.endswith("--seeds 5,") and some.study().seeds == (5,)
    assert runner.StudyRequest(str(own), seeds=2).study().seeds == (0, 1) and runner.StudyRequest(
        str(own)
    ).study().seeds == (0, 1, 2)


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.py")), ids=lambda path: path.stem)
def test_every_study_of_the_book_is_a_value(path):
    text = path.read_text(encoding="utf-8")
    if "STUDY = Study(" not in text:
        assert path.stem in ("__init__", "measures")
        return
    study = runner.find(path.stem)
    assert f"python -m ganvae_lib study {path.stem}" in text
    trials = study.models(ROOT / "results") if callable(study.models) else study.models
    firsts = {one.partition(": ")[0] for one, _ in study.pairs}  # a reference may stand on the other side
    assert all(isinstance(trial, Trial) for trial in trials.values()) and firsts <= set(trials)
    assert len(study.seeds) > 1 and study.words
    its = rows.StudyRows(study, ROOT / "results", ROOT / "results" / "work", "a command", path)
    said = json.dumps([its.settings(row) for row in its.all_rows])
    assert its.all_rows and " at 0x" not in said, "no process has another's addresses"


def test_a_seed_that_fails_is_written_down_and_the_others_train_without_it():
    asked = []

    def train(seeds):
        asked.append(seeds.copy())
        if 3 in seeds:
            raise NonFiniteLoss("the loss 'match x' is nan at step 7, seed 3; lower lr", seed=3)
        return SimpleNamespace(seeds=seeds.copy())

    run, failed = studies.train_surviving_seeds(train, [1, 3, 5])
    assert run.seeds == [1, 5] and failed == {3: "the loss 'match x' is nan at step 7, seed 3"}
    assert asked == [[1, 3, 5], [1, 5]]
    assert studies.train_surviving_seeds(train, [3])[0] is None


def small(**choices):
    law = ring()
    made = SimpleNamespace(x=law.sample(64, 0))
    return Study(
        "small",
        {
            "A": Trial(None, about={"shift": 0.0}),
            "B": Trial(None, about={"shift": 1.0}),
            "elsewhere": Trial(None, worlds=["b"]),
        },
        data={"a": lambda: {"train": made}, "b": lambda: {"train": made}},
        train=lambda trial, world, seeds: SimpleNamespace(seeds=seeds, shift=trial.about.get("shift", 0.0)),
        measure=lambda run, world: {
            "score": [s + run.shift for s in run.seeds],
            "means: score": [2.0 * s for s in run.seeds],
        },
        steps=10,
        seeds=(1, 2, 4),
        **choices,
    )


def test_ways_and_references_can_be_compared_and_pairs_are_by_seed():
    study, world, seeds = (
        small(pairs=[("B", "A"), ("A", "A: means"), ("A", "data")], paired=True),
        SimpleNamespace(),
        [1, 2, 4],
    )
    entries = {
        name: studies.train_and_measure(study, name, trial, world, seeds)[0] for name, trial in study.models.items()
    }
    entries["data"] = studies.split_measures({"score": [0.0, 0.0, 0.0]})
    found = studies.compare_pairs(study, entries, seeds)
    assert found["B - A"]["score"]["values"] == [1, 1, 1] and found["B - A"]["score"]["half_width_95"] == 0
    assert found["A - A: means"]["score"]["values"] == [-1, -2, -4] and found["A - data"]["score"]["values"] == [
        1,
        2,
        4,
    ]
    one_failed = entries | {"A": entries["A"] | {"failed": {"2": "nan"}, "measures": {"score": [1.0, 4.0]}}}
    assert studies.compare_pairs(study, one_failed, seeds)["B - A"]["score"]["values"] == [1, 1]
    welch = studies.compare_pairs(dataclasses.replace(study, paired=False), entries, seeds)["B - A"]["score"]
    assert welch["mean"] == 1 and welch["agree"]


def test_one_after_another_is_the_same_and_worlds_nest(tmp_path, monkeypatch):
    cards = []
    for apart in (False, True):
        monkeypatch.setattr(runner, "find", lambda name, apart=apart: small(apart=apart))
        cards.append(read(runner.run(runner.StudyRequest("small", out=tmp_path / str(apart)), say=lambda text: None)))
    blocks = [card["worlds"] for card in cards]
    assert list(blocks[0]) == ["a", "b"] and list(blocks[0]["a"]["models"]) == ["A", "B"]
    assert list(blocks[0]["b"]["models"]) == ["A", "B", "elsewhere"]
    assert [values(block) for block in blocks[0].values()] == [values(block) for block in blocks[1].values()]
    assert set(blocks[0]["a"]) == {"data", "facts", "references", "models", "comparisons"}


def test_seeds_that_are_apart_are_trained_one_at_a_time():
    for apart, groups in ((False, [[1, 2, 4]]), (True, [[1], [2], [4]])):
        asked = []
        train = lambda trial, world, seeds, asked=asked: (
            asked.append(list(seeds)) or SimpleNamespace(seeds=seeds, shift=0)
        )
        study = dataclasses.replace(small(apart=apart), train=train)
        studies.train_and_measure(study, "A", study.models["A"], SimpleNamespace(), [1, 2, 4])
        assert asked == groups


def test_the_bar_counts_the_rows(tmp_path, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, **how):
            self.total, self.moved, self.is_hidden = total, 0, how["disable"]
            bars.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self):
            self.moved += 1

    monkeypatch.setattr(runner, "tqdm", Bar)
    monkeypatch.setattr(runner, "find", lambda name: small())
    for asked in ("0", "1"):
        monkeypatch.setenv("GANVAE_PROGRESS", asked)
        runner.run(runner.StudyRequest("small", out=tmp_path / asked), say=lambda text: None)
    assert [(bar.total, bar.moved, bar.is_hidden) for bar in bars] == [(5, 5, True), (5, 5, False)]


def test_words_of_a_measure_are_those_of_its_other_views_and_no_others(tmp_path, monkeypatch):
    both_views = lambda run, world: {"low": list(run.seeds), "means: high": list(run.seeds)}
    study = small(words={"low": "one", "high": "two", "absent": "three"})
    monkeypatch.setattr(runner, "find", lambda name: dataclasses.replace(study, measure=both_views))
    card = read(runner.run(runner.StudyRequest("small", out=tmp_path), say=lambda text: None))
    assert card["words"] == {"low": "one", "high": "two"}


def test_a_study_that_is_interrupted_raises_and_half_a_training_is_none(tmp_path, monkeypatch):
    seen = []

    def train(trial, world, seeds):
        seen.append(Interrupts.is_raised)
        return SimpleNamespace(seeds=seeds, shift=0.0)

    monkeypatch.setattr(runner, "find", lambda name: dataclasses.replace(small(), train=train))
    runner.run(runner.StudyRequest("small", out=tmp_path), say=lambda text: None)
    assert seen == [True] * 5 and not Interrupts.is_raised


def test_threads_are_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with runner.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_spreads_are_computed_before_rounding_and_trials_take_their_share_of_the_steps():
    exact = [0.00004, 0.00001, 0.00002]
    shown = studies.summarise_entry({"measures": {"v": exact}, "series": {"w": [[1 / 3]]}})
    assert shown["measures"]["v"]["half_width_95"] == summary(exact)["half_width_95"] and shown["series"]["w"] == [
        [0.3333]
    ]
    study = small(training=dict(lr=1.0, batch=8), networks=dict(latent=2))
    merged = study.merged(Trial(None, dict(latent=3), dict(lr=0.5), share=0.25))
    assert merged.training == {"lr": 0.5, "batch": 8, "steps": 2} and merged.networks == {"latent": 3}


def test_rows_by_seed_become_columns_and_tensors_series():
    assert by_seed([{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == {"a": [1, 3], "b": [2, 4]} and by_seed([]) == {}
    found = studies.split_measures({"a": torch.tensor([1.0, 2.0]), "b": torch.ones(2, 3), "c": ["x", "y"]})
    assert found == {"measures": {"a": [1, 2]}, "series": {"b": [[1, 1, 1], [1, 1, 1]], "c": ["x", "y"]}}


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.json")), ids=lambda path: path.stem)
def test_the_records_of_the_book_have_the_one_shape(path):
    if not (ROOT / "studies" / path.name.replace(".json", ".py")).exists():
        return  # of a script in benchmarks/, whose loop is its point
    card, study = read(path), runner.find(path.stem)
    blocks = card.get("worlds", {"": card})
    block = {"data", "facts", "references", "models", "comparisons"}
    assert SHAPE - block <= set(card) and "environment" in card and list(blocks) == list(study.worlds())
    assert card["command"] == f"python -m ganvae_lib study {path.stem}" and "converted" not in card
    for found in blocks.values():
        assert block <= set(found)
        for entry in [*found["models"].values(), *found["references"].values()]:
            assert all(set(v) == {"values", "mean", "half_width_95"} for v in entry["measures"].values())
            for told in entry["measures"].values():  # means and spreads are those of the values, which are rounded
                again = summary(told["values"])
                assert again["mean"] == pytest.approx(told["mean"], abs=1.1e-4)
                # Each value may be off by 5e-5; of two seeds the half width is 12.7 times half their difference.
                rounding = 3e-4 if len(told["values"]) > 2 else 12.7 * 5e-5 + 1e-4
                assert again["half_width_95"] == pytest.approx(told["half_width_95"], abs=rounding)
            keys = {key.split(": ")[-1] for key in entry["measures"]}
            assert keys <= set(study.words), keys - set(study.words)


def test_what_is_asked_for_and_what_is_compared_are_values():
    """Two runs that share one would change each other's record."""
    for value in (Setting("gan"), EXPERIMENTS["gan"]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, dataclasses.fields(value)[0].name, "vae")
