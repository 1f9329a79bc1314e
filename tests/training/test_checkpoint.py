"""A run that is killed and resumed is the run: the same bits, whatever stops it."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers import Stopped, environment, points, same_run, small, stop_at

from ganvae_lib import Run, fit, zoo
from ganvae_lib.training import checkpoint

DATA = points(256)
OPTIONS = dict(steps=45, batch=48, log_every=5, progress=False, seeds=2)


TRAIN = """
import sys
from helpers import points, small
from ganvae_lib import fit, zoo
folder, data = sys.argv[1], points(256)
options = dict(steps=4000, batch=48, log_every=5, progress=False, seeds=2)
run = fit(small(zoo.GAN, data, hidden=(8,)), data, checkpoint=folder, checkpoint_every=5, resume=True, **options)
run.save(folder + "/run")
"""


def test_kill_9_at_any_moment_loses_nothing(tmp_path):
    folder = str(tmp_path / "kept")
    command = [sys.executable, "-c", TRAIN, folder]
    kept, begun = Path(folder) / "checkpoint.json", 0
    for _ in range(3):
        process = subprocess.Popen(command, env=environment())
        before, step = time.time(), begun
        while step == begun and time.time() - before < 120:
            time.sleep(0.02)
            step = json.loads(kept.read_bytes())["step"] if kept.exists() else begun
        time.sleep(random.uniform(0, 0.3))  # somewhere in a step, or in the writing of a checkpoint
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "killed, and not at the end"
        assert (begun := json.loads(kept.read_bytes())["step"]) >= step > 0, "it had gone on from where it was"
    subprocess.run(command, env=environment(), check=True)

    whole = fit(small(zoo.GAN, DATA, hidden=(8,)), DATA, **(OPTIONS | dict(steps=4000)))
    assert same_run(Run.load(f"{folder}/run"), whole)


def test_a_full_disk_keeps_the_last_checkpoint_and_the_training(tmp_path, monkeypatch):
    model = small(zoo.VAE, DATA, hidden=(8,))
    whole = fit(model, DATA, **OPTIONS)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 20)
        fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, **OPTIONS)
    kept = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="No space left.*training goes on"):
        patch.setattr(os, "fsync", full)
        assert same_run(fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, resume=True, **OPTIONS), whole)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == kept
    assert same_run(fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, resume=True, **OPTIONS), whole)


@pytest.mark.parametrize(
    "change, word",
    [
        (dict(batch=32), "batch was 48 and is now 32"),
        (dict(steps=50), "steps was 45"),
        (dict(lr=1e-2), "lr was"),
        (dict(seeds=3), "seeds was"),
        (dict(log_every=9), "log_every was 5"),
        (dict(betas=(0.1, 0.9)), "betas was"),
    ],
)
def test_another_training_is_refused(change, word, tmp_path):
    model = small(zoo.VAE, DATA, hidden=(8,))
    fit(model, DATA, checkpoint=tmp_path, **OPTIONS)
    with pytest.raises(ValueError, match=f"another training.*{word}"):
        fit(model, DATA, checkpoint=tmp_path, resume=True, **(OPTIONS | change))


def test_other_data_networks_and_objectives_are_refused(tmp_path):
    fit(small(zoo.VAE, DATA, hidden=(8,)), DATA, checkpoint=tmp_path, **OPTIONS)
    for model, data, word in [
        (small(zoo.VAE, DATA, hidden=(9,)), DATA, "networks"),
        (small(zoo.GAN, DATA, hidden=(8,)), DATA, "objective"),
        (small(zoo.VAE, DATA, hidden=(8,)), points(255), "data"),
    ]:
        with pytest.raises(ValueError, match=f"another training: ({word})"):
            fit(model, data, checkpoint=tmp_path, resume=True, **OPTIONS)


def test_a_checkpoint_is_not_overwritten_unasked_and_damage_is_named(tmp_path):
    model = small(zoo.VAE, DATA, hidden=(8,))
    fit(model, DATA, checkpoint=tmp_path / "a", **OPTIONS)
    with pytest.raises(ValueError, match="holds a checkpoint; pass resume=True"):
        fit(model, DATA, checkpoint=tmp_path / "a", **OPTIONS)
    for name in ("checkpoint.json", next((tmp_path / "a").glob("state-*")).name):
        shutil.copytree(tmp_path / "a", tmp_path / name)
        file = tmp_path / name / name
        file.write_bytes(file.read_bytes()[:-9])
        with pytest.raises(ValueError, match="is damaged"):
            fit(model, DATA, checkpoint=tmp_path / name, resume=True, **OPTIONS)
    file = tmp_path / "a" / "checkpoint.json"
    card = json.loads(file.read_bytes())
    for key in ("step", "config", "streams", "steps", "weights"):
        for damaged in ({k: v for k, v in card.items() if k != key}, card | {key: None}):
            file.write_text(json.dumps(damaged))
            with pytest.raises(ValueError, match="is damaged"):
                fit(model, DATA, checkpoint=tmp_path / "a", resume=True, **OPTIONS)
    file.write_text(json.dumps(card))
    fit(model, DATA, checkpoint=tmp_path / "a", resume=True, **OPTIONS)


def test_a_disk_that_is_full_for_the_card_leaves_no_orphan(tmp_path, monkeypatch):
    save = lambda number: checkpoint.write(
        tmp_path, "card.json", {"number": number}, "state", {"a": torch.full((3,), number)}
    )
    save(1.0)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    move = os.replace

    def full(source, target):
        if str(target).endswith("card.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        for number in (2.0, 1.0):  # 1.0 has the file of weights that is kept
            with pytest.raises(OSError, match="No space left"):
                save(number)
            assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    save(2.0)
    card, tensors = checkpoint.read(tmp_path, "card.json")
    assert (
        card["number"] == 2 and torch.equal(tensors["a"], torch.full((3,), 2.0)) and len(list(tmp_path.iterdir())) == 2
    )
