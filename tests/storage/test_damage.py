"""Damage: whatever byte of whatever file changes, a reader is told (ValueError), or reads what was written."""

import json
import os
import random
import re
import shutil
from types import SimpleNamespace

import pytest
import torch
from helpers import points, same_run, short, small

from ganvae_lib import NonFiniteLoss, Run, fit, zoo
from ganvae_lib.experiments import Study, Trial, record as records, report, rows
from ganvae_lib.storage import cards

DATA = points(64)
OPTIONS = dict(steps=6, batch=16, log_every=2, progress=False, seeds=[3, 5])


def damages(content, rounds=1, seed=0):
    """The bytes with one region changed: each region of a hundredth of the file, in several ways."""
    chance = random.Random(seed)
    width = max(1, len(content) // 100)
    for start in range(0, len(content), width):
        end = min(start + width, len(content))
        yield content[:start] + content[end:]  # cut out
        yield content[:start] + bytes(end - start) + content[end:]  # zeroed
        for _ in range(rounds):
            place = chance.randrange(start, end)
            for changed in (content[place] ^ 1 << chance.randrange(8), chance.choice(b'0123456789"]},-.eE ')):
                yield content[:place] + bytes([changed]) + content[place + 1 :]
        yield content[:start]  # cut off
    yield content + content
    yield content + b"\0"


def told_or_the_same(file, read, expected, equal, rounds=1):
    """How many damages of this file are told, and how many leave what is read as it was; there is no third."""
    content = file.read_bytes()
    counts = {"told": 0, "the same": 0}
    for damaged in damages(content, rounds):
        file.write_bytes(damaged)
        try:
            found = read()
        except ValueError:
            counts["told"] += 1
        else:
            assert equal(found, expected), damaged[:2000]
            counts["the same"] += 1
    file.write_bytes(content)
    assert equal(read(), expected) and counts["told"] > 9 * counts["the same"], counts
    return counts


@pytest.fixture(scope="module")
def run():
    return short(small(zoo.VAE, DATA, hidden=(4,), scale=0.5), DATA, steps=4, seeds=[3, 5])


def equal_runs(a, b):
    said = all(x == y for x, y in ((a.seeds, b.seeds), (a.config, b.config), (a.data, b.data)))
    return said and same_run(a, b) and a.model.config == b.model.config and a.model.objective == b.model.objective


@pytest.mark.parametrize("file", ["run.json", "model-*.safetensors"])
def test_a_saved_run(run, file, tmp_path):
    (path,) = run.save(tmp_path).glob(file)
    told_or_the_same(path, lambda: Run.load(tmp_path), run, equal_runs, rounds=3 if file == "run.json" else 1)


@pytest.mark.parametrize("file", ["checkpoint.json", "state-*.safetensors"])
def test_a_checkpoint(file, tmp_path):
    model = small(zoo.GAN, DATA, hidden=(2,), latent=1)
    whole = fit(model, DATA, checkpoint=tmp_path / "kept", **OPTIONS)
    (path,) = (tmp_path / "kept").glob(file)
    resumed = lambda: fit(model, DATA, checkpoint=tmp_path / "kept", resume=True, **OPTIONS)
    content = path.read_bytes()
    counts = {"told": 0, "the same": 0}
    for damaged in list(damages(content))[:: 3 if file == "checkpoint.json" else 8]:
        path.write_bytes(damaged)
        try:
            assert same_run(resumed(), whole)
            counts["the same"] += 1
        except ValueError as error:
            assert re.fullmatch(
                r"the checkpoint in .* is damaged: .+; remove it, or name another folder\.", str(error), re.S
            )
            counts["told"] += 1
    path.write_bytes(content)
    assert same_run(resumed(), whole) and counts["told"] > 9 * counts["the same"], counts


def test_a_record_and_the_time_of_a_run(tmp_path):
    content = {"é": [1.5, {"a": None}], "seconds": 17, "seeds": (1, 2)}
    path = records.write(tmp_path / "a.json", content)
    said = json.loads(path.read_bytes())
    told_or_the_same(path, lambda: cards.read_card(path), said, lambda a, b: a == b, rounds=3)


def test_the_rows_of_a_study(tmp_path):
    images = {"GAN": {"b": torch.arange(6.0)}, "VAE: means": {"b": torch.eye(3), "a": torch.ones(2, 2).bool()}}

    def train(trial, world, seeds):
        if trial.about["name"] == "GAN" and 3 in seeds:
            raise NonFiniteLoss("nan", seed=3)
        return SimpleNamespace(seeds=seeds)

    study = Study(
        "damage",
        {name: Trial(None, about={"name": name}) for name in images},
        data=lambda: {"train": DATA},
        train=train,
        measure=lambda run, world: {"modes": [1.0, float("inf")][: len(run.seeds)], "curve": [[0.1]] * len(run.seeds)},
        panels=lambda name, run, world: images[name],
        steps=1,
        seeds=(3, 5),
    )
    kept = rows.StudyRows(study, tmp_path, tmp_path / "work", "the command")
    world = study.world("")
    for row, modes, failed in zip(kept.all_rows, ([1.0], [1.0, float("inf")]), ({"3": "nan"}, {}), strict=True):
        kept.train(row, world)
        card = kept.read_row(row, world)[0]
        assert card["measures"] == {"modes": modes} and card["failed"] == failed

        def equal(found, _, card=card, panels=images[row.model]):
            same = list(found[1]) == list(panels) and all(torch.equal(found[1][t], x) for t, x in panels.items())
            return same and found[0] == card

        for path in (tmp_path / "work" / f"000{row.number}").iterdir():
            told_or_the_same(path, lambda row=row: kept.read_row(row, world), None, equal, rounds=3)
    another = rows.StudyRows(study, tmp_path, tmp_path / "work", "another")
    with pytest.raises(ValueError, match=r"other settings \(command: "):
        another.read_row(another.all_rows[0], world)


def test_a_record_without_a_checksum_is_read_and_one_that_has_it_must_match(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    assert cards.read_card(path) == {"a": 1}
    path.write_text('{"a": 1, "checksum": "0"}')
    with pytest.raises(ValueError, match="its checksum is not that of what it holds"):
        cards.read_card(path)
    path.write_text('{"a": 1, "format": 2}')
    with pytest.raises(ValueError, match="its checksum"):
        cards.read_card(path)
    for form in ("3", "true", "1.0", '"2"', "null"):
        path.write_text(f'{{"a": 1, "format": {form}}}')
        with pytest.raises(ValueError, match="of format .*does not know"):
            cards.read_card(path)
    whole = cards.text({"a": 1})
    path.write_text(json.dumps(json.loads(whole), indent=7))  # another layout says the same
    assert cards.read_card(path)["a"] == 1


def test_a_run_that_was_saved_before_cards_had_a_checksum_is_read(run, tmp_path):
    file = run.save(tmp_path) / "run.json"
    card = json.loads(file.read_bytes())
    del card["checksum"]
    file.write_text(json.dumps({"format": 1} | card | {"format": 1}))
    assert equal_runs(Run.load(tmp_path), run)


def test_report_names_a_record_whose_checksum_is_wrong(tmp_path):
    path = records.write(tmp_path / "vae.json", {"a": 1})
    path.write_text(path.read_text().replace('"a": 1', '"a": 2'))
    with pytest.raises(ValueError, match="vae.json is damaged.*: its checksum is not that of what it holds; "):
        report.records(tmp_path)


# What a power cut leaves


class Disk:
    """A disk that keeps only what was synced: files as they were at their last fsync, names as at their folder's."""

    def __init__(self, monkeypatch, top):
        self.top, self.contents, self.entries, self.cuts = top, {}, {}, []
        fsync, replace = os.fsync, os.replace

        def synced(descriptor):
            fsync(descriptor)
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if os.path.isdir(path):
                names = {name: os.stat(os.path.join(path, name)).st_ino for name in os.listdir(path)}
                self.entries[path] = names
            else:
                with open(path, "rb") as file:
                    self.contents[os.fstat(descriptor).st_ino] = file.read()
            self.cuts.append(self.left())

        def moved(source, target):
            replace(source, target)
            self.cuts.append(self.left())

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", moved)

    def left(self):
        """What the folders hold after a power cut now: {path: bytes}; a file that was never synced is empty."""
        return {
            os.path.join(folder, name): self.contents.get(number, b"")
            for folder, names in self.entries.items()
            for name, number in names.items()
            if not os.path.isdir(os.path.join(folder, name))
        }


def after(cut, top, target):
    """The folder ``top`` as it is after a power cut, at another place."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path, content in cut.items():
        if path.startswith(f"{top}{os.sep}"):
            (target / os.path.relpath(path, top)).write_bytes(content)
    return target


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the names of open files")
def test_after_a_power_cut_at_any_moment_the_old_run_or_the_new_is_there(run, tmp_path, monkeypatch):
    other = short(small(zoo.VAE, DATA, hidden=(4,), scale=0.5), DATA, steps=4, seeds=[7, 9])
    top = tmp_path / "deep" / "run"
    disk = Disk(monkeypatch, top)
    run.save(top)
    assert str(tmp_path) in disk.entries and str(tmp_path / "deep") in disk.entries, "the new folders are kept, too"
    assert equal_runs(Run.load(after(disk.left(), top, tmp_path / "cut")), run), "what was saved is kept"
    first = len(disk.cuts)
    other.save(top)
    assert len(disk.cuts) - first == 6  # each of two files is synced, moved, and its name synced
    for cut in disk.cuts[first:]:
        found = Run.load(after(cut, top, tmp_path / "cut"))
        assert equal_runs(found, run) or equal_runs(found, other)
    assert equal_runs(Run.load(after(disk.left(), top, tmp_path / "cut")), other)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the names of open files")
def test_after_a_power_cut_the_old_record_or_the_new_is_there(tmp_path, monkeypatch):
    disk = Disk(monkeypatch, tmp_path)
    path = records.write(tmp_path / "results" / "a.json", {"a": 1})
    first = len(disk.cuts)
    records.write(path, {"a": 2})
    for cut in disk.cuts[first:]:
        assert cards.parse(cut[str(path)])["a"] in (1, 2)
    assert cards.parse(disk.left()[str(path)])["a"] == 2
