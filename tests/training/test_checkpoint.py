"""A run that is killed and resumed is the run: the same bits, whatever stops it."""

import errno
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from children import child
from helpers import Stopped, edited, points, same_run, small, stop_at

from ganvae_lib import Run, fit, zoo
from ganvae_lib.training import checkpoint

DATA = points(256)
OPTIONS = dict(steps=45, batch=48, log_every=5, progress=False, seeds=2)


TRAIN = """
import sys
from helpers import points, small
from ganvae_lib import fit, zoo
folder, data, every = sys.argv[1], points(256), int(sys.argv[2])
options = dict(steps=4000, batch=48, log_every=5, progress=False, seeds=2)
run = fit(small(zoo.GAN, data, hidden=(8,)), data, checkpoint=folder, checkpoint_every=every, resume=True, **options)
run.save(folder + "/run")
"""


def test_kill_9_at_any_moment_loses_nothing(tmp_path):
    folder = str(tmp_path / "kept")
    kept, begun = Path(folder) / "checkpoint.json", 0
    for _ in range(3):
        process = child("-c", TRAIN, folder, 5, stdout=None, stderr=None)
        before, step = time.time(), begun
        while step == begun and time.time() - before < 120:
            time.sleep(0.02)
            step = json.loads(kept.read_bytes())["step"] if kept.exists() else begun
        time.sleep(random.uniform(0, 0.3))  # somewhere in a step, or in the writing of a checkpoint
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "killed, and not at the end"
        assert (begun := json.loads(kept.read_bytes())["step"]) >= step > 0, "it had gone on from where it was"
    assert child("-c", TRAIN, folder, 500, stdout=None, stderr=None).wait() == 0  # nobody kills it

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

    with (
        monkeypatch.context() as patch,
        pytest.warns(RuntimeWarning, match=r"at step \d+: No space left.*training goes on"),
    ):
        patch.setattr(os, "fsync", full)
        assert same_run(fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, resume=True, **OPTIONS), whole)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == kept
    assert same_run(fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, resume=True, **OPTIONS), whole)


@pytest.mark.parametrize(
    "change",
    [dict(batch=32), dict(steps=60), dict(lr=1e-4), dict(log_every=9), dict(betas=(0, 0.9)), dict(precision="bf16")],
    ids=str,
)
def test_a_checkpoint_goes_on_with_other_settings(change, tmp_path, monkeypatch):
    model = small(zoo.VAE, DATA, hidden=(8,))
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 20)
        fit(model, DATA, checkpoint=tmp_path, checkpoint_every=10, **OPTIONS)
    first = fit(model, DATA, **(OPTIONS | dict(steps=20)))
    settings = OPTIONS | change
    more = {name: value for name, value in settings.items() if name not in ("seeds", "steps")}
    resumed = fit(model, DATA, checkpoint=tmp_path, resume=True, **settings)
    assert same_run(resumed, fit(first, steps=settings["steps"] - 20, **more))
    assert resumed.history.steps[-1] == settings["steps"]


def test_more_steps_are_one_longer_training(tmp_path):
    model = small(zoo.VAE, DATA, hidden=(8,))
    fit(model, DATA, checkpoint=tmp_path, **OPTIONS)
    options = OPTIONS | dict(steps=73)
    assert same_run(fit(model, DATA, checkpoint=tmp_path, resume=True, **options), fit(model, DATA, **options))
    with pytest.warns(
        RuntimeWarning, match="of step 73, after the 45 that were asked for; it is only read back"
    ) as told:
        assert same_run(fit(model, DATA, checkpoint=tmp_path, resume=True, **OPTIONS), fit(model, DATA, **options))
    assert [warning.filename for warning in told] == [__file__]  # the line that called fit


def test_a_checkpoint_of_another_kind_of_device_goes_on(tmp_path):
    model = small(zoo.VAE, DATA, hidden=(8,))
    first = fit(model, DATA, **OPTIONS)
    card, tensors = first.going.state()
    weights = {f"model/{name}": tensor for name, tensor in first.model.state_dict().items()}
    config = dict(seeds=first.seeds, data=first.data, device="cuda")
    card = card | {"device": "cuda"}  # as if a GPU had written it: its generators are of another kind
    states = {n: t[:, :16] if n.startswith("stream/") else t for n, t in (tensors | weights).items()}
    checkpoint.write(tmp_path, "checkpoint.json", dict(format=2, config=config) | card, "state", states)
    longer = OPTIONS | dict(steps=50)
    resumed = fit(model, DATA, checkpoint=tmp_path, resume=True, **longer)
    assert resumed.history.steps[-1] == 50 and resumed.model.streams[0]["since"] == " from step 45"


def test_other_seeds_are_another_training(tmp_path):
    model = small(zoo.VAE, DATA, hidden=(8,))
    fit(model, DATA, checkpoint=tmp_path, **OPTIONS)
    for change, words in (
        (dict(seeds=3), r"seeds was \[0, 1\] and is now \[0, 1, 2\]"),
        (dict(fresh=False), "fresh was"),
    ):
        with pytest.raises(ValueError, match=f"another training: {words}"):
            fit(model, DATA, checkpoint=tmp_path, resume=True, **(OPTIONS | change))


def test_a_run_that_goes_on_keeps_a_checkpoint_of_its_own(tmp_path, monkeypatch):
    first = fit(small(zoo.GAN, DATA, hidden=(8,)), DATA, **(OPTIONS | dict(steps=20)))
    whole = fit(first, steps=25)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 35)
        fit(first, steps=25, checkpoint=tmp_path, checkpoint_every=5)
    with pytest.raises(ValueError, match="holds a checkpoint; pass resume=True"):
        fit(first, steps=25, checkpoint=tmp_path)
    assert same_run(fit(first, steps=25, checkpoint=tmp_path, resume=True), whole)


def test_a_folder_where_nothing_can_be_written_is_named_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    history = []
    with pytest.raises(ValueError, match=r"no checkpoint can be kept in .*file.inside \(.*\); name a folder"):
        fit(
            small(zoo.VAE, DATA, hidden=(8,)), DATA, checkpoint=tmp_path / "file" / "inside",
            on_point=history.append, **OPTIONS,
        )  # fmt: skip
    assert not history
    with pytest.raises(ValueError, match="resume=True goes on from a checkpoint; say from which"):
        fit(small(zoo.VAE, DATA, hidden=(8,)), DATA, resume=True, **OPTIONS)


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
        with pytest.raises(ValueError, match="is damaged: .+; remove it, or name another folder"):
            fit(model, DATA, checkpoint=tmp_path / name, resume=True, **OPTIONS)
    file = tmp_path / "a" / "checkpoint.json"
    whole = file.read_bytes()
    card = json.loads(whole)
    for key in ("step", "total", "since", "config", "streams", "examples", "names", "steps", "weights"):
        for damaged in ({k: v for k, v in card.items() if k != key}, card | {key: None}):
            edited(file, lambda _, damaged=damaged: damaged)
            with pytest.raises(ValueError, match="is damaged: .+; remove it, or name another folder"):
                fit(model, DATA, checkpoint=tmp_path / "a", resume=True, **OPTIONS)
    file.write_bytes(whole)
    fit(model, DATA, checkpoint=tmp_path / "a", resume=True, **OPTIONS)


def test_a_card_that_is_edited_by_hand_is_refused_and_the_reason_stands_after_a_colon(tmp_path):
    """As a script that moves a training to another machine might do it; resuming there needs no such thing."""
    model = small(zoo.VAE, DATA, hidden=(8,))
    fit(model, DATA, checkpoint=tmp_path, **OPTIONS)
    file = tmp_path / "checkpoint.json"
    whole = file.read_bytes()
    card = json.loads(whole)
    card["config"]["device"] = "cuda"
    file.write_text(json.dumps(card))
    with pytest.raises(ValueError) as error:
        fit(model, DATA, checkpoint=tmp_path, resume=True, **OPTIONS)
    name, what = str(error.value).split(": ", 1)
    assert name == f"the checkpoint in {tmp_path} is damaged"
    assert what == "its checksum is not that of what it holds; remove it, or name another folder."
    edited(file, lambda _: card)  # as that other machine would have written it
    again = fit(model, DATA, checkpoint=tmp_path, resume=True, **OPTIONS)
    file.write_bytes(whole)
    assert same_run(again, fit(model, DATA, checkpoint=tmp_path, resume=True, **OPTIONS))


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
