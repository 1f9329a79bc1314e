"""Several writers: one lock per folder, and a reader beside them sees the old or the new, never a mixture."""

import errno
import fcntl
import hashlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import filelock
import pytest
import torch
from children import child
from helpers import points, same_run, short, small
from local_server import Server

from ganvae_lib import DataError, Run, fit, zoo
from ganvae_lib.storage import cards, downloads, locks
from ganvae_lib.storage.locks import LOCK, folder_lock

DATA = points(64)
OPTIONS = dict(steps=6, batch=16, log_every=2, progress=False)


def process(code, *arguments):
    """A new process that runs this code."""
    return child("-c", code, *arguments)


HOLD = """
import sys, time
from ganvae_lib.storage.locks import folder_lock
with folder_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def elsewhere(folder, seconds=600):
    """A process that holds the folder."""
    holder = process(HOLD, folder, seconds)
    assert holder.stdout.readline() == "held\n"
    return holder


def ended(holder):
    holder.kill()
    holder.communicate()


def test_a_folder_that_is_held_is_refused_in_a_sentence_and_kill_9_leaves_nothing(tmp_path):
    holder = elsewhere(tmp_path / "kept")
    with pytest.raises(TimeoutError, match="another process is at work in .*kept; wait until it has ended, or choose"):
        with folder_lock(tmp_path / "kept", wait=0.1):
            pass
    holder.send_signal(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL and (tmp_path / "kept" / LOCK).exists()
    with folder_lock(tmp_path / "kept", wait=0.1):  # the file alone holds nothing
        pass
    assert os.listdir(tmp_path / "kept") == []
    holder.communicate()


def test_who_waits_gets_the_folder_when_it_is_let_go(tmp_path):
    holder = elsewhere(tmp_path, 0.5)
    with folder_lock(tmp_path, wait=60):
        assert os.listdir(tmp_path) == [LOCK]
    assert os.listdir(tmp_path) == []
    holder.communicate()


def test_a_folder_that_another_removes_meanwhile_is_made_again(tmp_path, monkeypatch):
    acquire, tried = filelock.FileLock.acquire, []

    def removed_since(lock, *arguments, **options):
        tried.append(lock)
        if len(tried) < times:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(filelock.FileLock, "acquire", removed_since)
    times = 3
    with folder_lock(tmp_path / "kept", wait=0):
        assert len(tried) == 3 and (tmp_path / "kept" / LOCK).exists()
    times = 1000
    with pytest.raises(FileNotFoundError), folder_lock(tmp_path / "never", wait=0):
        pass


def test_who_holds_a_folder_may_hold_it_again(tmp_path):
    with folder_lock(tmp_path, wait=0):
        with folder_lock(f"{tmp_path}/../{tmp_path.name}", wait=0):
            pass
        assert os.listdir(tmp_path) == [LOCK], "the inner one lets nothing go"
        with ThreadPoolExecutor(1) as other, pytest.raises(TimeoutError, match="another process"):
            other.submit(folder_lock(tmp_path, wait=0.1).__enter__).result()
    assert os.listdir(tmp_path) == []


COUNT = """
import os, sys
from pathlib import Path
from ganvae_lib.storage.locks import folder_lock
file = Path(sys.argv[1], "count")
for _ in range(int(sys.argv[2])):
    with folder_lock(sys.argv[1]):
        assert not Path(sys.argv[1], "inside").exists()
        Path(sys.argv[1], "inside").touch()
        file.write_text(str(int(file.read_text()) + 1))
        Path(sys.argv[1], "inside").unlink()
"""


def test_nobody_is_in_a_folder_with_somebody_else(tmp_path):
    """The file of the lock is removed by whoever lets go, under the feet of those who wait."""
    (tmp_path / "count").write_text("0")
    counters = [process(COUNT, tmp_path, 100) for _ in range(4)]
    errors = [counter.communicate()[1] for counter in counters]
    assert all(counter.returncode == 0 for counter in counters), errors
    assert (tmp_path / "count").read_text() == "400" and os.listdir(tmp_path) == ["count"]


def test_a_file_system_without_locks_is_written_with_a_warning(tmp_path, monkeypatch):
    def missing(*_):
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr(fcntl, "flock", missing)
    run = short(small(zoo.VAE, DATA, hidden=(4,)), DATA, steps=2)
    with pytest.warns(RuntimeWarning, match="has no locks; let one process at a time write there"):
        run.save(tmp_path)
    assert same_run(Run.load(tmp_path), run)


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path, monkeypatch):
    run = short(small(zoo.VAE, DATA, hidden=(4,)), DATA, steps=2)
    run.save(tmp_path)

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    assert same_run(Run.load(tmp_path), run)
    with pytest.raises(PermissionError):
        run.save(tmp_path)
    with pytest.raises(ValueError, match=r"no checkpoint can be kept in .* \(Permission denied\)"):
        fit(run.model, DATA, checkpoint=tmp_path / "kept", seeds=run.seeds, fresh=False, **OPTIONS)


def test_a_checkpoint_that_cannot_be_kept_is_refused_before_the_first_step(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("ganvae_lib.training.state.Training.step", lambda self: pytest.fail("a step"))
    with pytest.raises(ValueError, match=r"no checkpoint can be kept in .* \(Not a directory\)"):
        fit(small(zoo.VAE, DATA), DATA, checkpoint=tmp_path / "file" / "kept", **OPTIONS)


# Trainings and runs


TRAIN = """
import sys, time
from helpers import points, small
from ganvae_lib import fit, zoo
from ganvae_lib.training.state import Training
step = Training.step
def slow(self):
    step(self)
    print(self.done, flush=True)
    time.sleep(0.05)
Training.step = slow
data = points(64)
fit(small(zoo.VAE, data), data, checkpoint=sys.argv[1], checkpoint_every=2, steps=2000, batch=16, log_every=2, progress=False)
"""


def test_two_trainings_in_one_folder_the_second_is_refused_for_the_life_of_the_first(tmp_path):
    first = process(TRAIN, tmp_path)
    for line in first.stdout:
        if int(line) == 5:  # a checkpoint is there
            break
    options = OPTIONS | dict(steps=2000)
    for resume in (False, True):
        with pytest.raises(ValueError, match="no checkpoint can be kept in .*another process is at work"):
            fit(small(zoo.VAE, DATA), DATA, checkpoint=tmp_path, checkpoint_every=2, resume=resume, **options)
    first.kill()
    first.communicate()
    with pytest.raises(ValueError, match="holds a checkpoint; pass resume=True"):
        fit(small(zoo.VAE, DATA), DATA, checkpoint=tmp_path, checkpoint_every=2, **options)
    whole = fit(small(zoo.VAE, DATA), DATA, **options)
    resumed = fit(small(zoo.VAE, DATA), DATA, checkpoint=tmp_path, checkpoint_every=1000, resume=True, **options)
    assert same_run(resumed, whole)
    assert not (tmp_path / LOCK).exists()


SAVE = """
import sys, time
import torch
from ganvae_lib import Run
runs = [Run.load(path) for path in sys.argv[2:4]]
until = time.monotonic() + float(sys.argv[4])
while time.monotonic() < until:
    for run in runs:
        run.save(sys.argv[1])
"""


def concurrent_savers(tmp_path, seconds, savers=2):
    """Two runs that are saved into one folder over and over, and how often a reader saw each."""
    runs = [short(small(zoo.VAE, DATA, hidden=(n,)), DATA, steps=2, seeds=[n]) for n in (4, 8)]
    paths = [run.save(tmp_path / str(i)) for i, run in enumerate(runs)]
    runs[0].save(tmp_path / "both")
    writers = [process(SAVE, tmp_path / "both", *paths[:: (-1) ** i], seconds) for i in range(savers)]
    seen = [0, 0]
    while any(writer.poll() is None for writer in writers):
        found = Run.load(tmp_path / "both")
        which = [run.seeds for run in runs].index(found.seeds)
        assert same_run(found, runs[which])
        seen[which] += 1
    errors = [writer.communicate()[1] for writer in writers]
    assert all(writer.returncode == 0 for writer in writers), errors
    assert len(list((tmp_path / "both").iterdir())) == 2, "one card and the weights that it names"
    return seen


def test_two_savers_and_a_reader_in_one_folder(tmp_path):
    seen = concurrent_savers(tmp_path, 1.5)
    assert min(seen) > 0 and sum(seen) > 20, seen


def test_a_reader_of_a_card_whose_weights_have_just_been_replaced_reads_the_new_pair(tmp_path, monkeypatch):
    tensors = [{"a": torch.full((3,), float(i))} for i in range(3)]
    cards.write(tmp_path, "card.json", {"number": 0}, "state", tensors[0])
    order, replaced = cards._read_tensors, []

    def slow(folder, card, most):
        if len(replaced) < 2:  # between the reading of the card and of its tensors
            replaced.append(card["number"])
            cards.write(folder, "card.json", {"number": len(replaced)}, "state", tensors[len(replaced)])
        return order(folder, card, most)

    monkeypatch.setattr(cards, "_read_tensors", slow)
    card, found = cards.read(tmp_path, "card.json")
    assert replaced == [0, 1] and card["number"] == 2 and torch.equal(found["a"], tensors[2]["a"])
    next(tmp_path.glob("state-*")).unlink()  # nobody replaces it: it is missing
    with pytest.raises(FileNotFoundError):
        cards.read(tmp_path, "card.json")


def test_who_does_not_write_waits_until_the_run_is_whole(tmp_path, monkeypatch):
    run, other = (short(small(zoo.VAE, DATA, hidden=(n,)), DATA, steps=2) for n in (4, 8))
    other.save(tmp_path)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with ThreadPoolExecutor(1) as second:
        waiting = second.submit(run.save, tmp_path)
        time.sleep(0.3)
        assert not waiting.done() and same_run(Run.load(tmp_path), other), "it neither writes nor takes another's run"
        monkeypatch.setenv("LOCAL_RANK", "0")  # the first of another machine writes, too
        run.save(tmp_path)
        assert waiting.result(timeout=60) == tmp_path
    with pytest.raises(TimeoutError, match="the first process has not written .*; look at its error"):
        cards.await_written(tmp_path, "run.json", "0" * 64, wait=0.1)


# Downloads


FETCH = """
import sys
from ganvae_lib.storage.downloads import download
print(download("set", "file.bin", [sys.argv[1]], sys.argv[2]).read_bytes() == open(sys.argv[3], "rb").read())
"""


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("GANVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANVAE_DATA", raising=False)
    server = Server()
    server.files["file.bin"] = os.urandom(300_000)
    (tmp_path / "good").write_bytes(server.files["file.bin"])
    server.checksum = "sha256:" + hashlib.sha256(server.files["file.bin"]).hexdigest()
    yield server
    server.shutdown()
    server.server_close()


def test_three_processes_that_need_a_file_fetch_it_once(server, tmp_path):
    everyone = [process(FETCH, server.url, server.checksum, tmp_path / "good") for _ in range(3)]
    said = [one.communicate() for one in everyone]
    assert [out for out, _ in said] == ["True\n"] * 3, said
    assert server.ranges == [None] and os.listdir(tmp_path / "cache" / "set") == ["file.bin"]


def test_a_download_goes_on_where_another_process_was_killed(server, tmp_path):
    server.breaks, server.limit = 2, 100_000
    with pytest.raises(DataError, match="broke off"):
        downloads.download("set", "file.bin", [server.url], server.checksum)
    assert server.ranges == [None, "bytes=100000-"]
    one = process(FETCH, server.url, server.checksum, tmp_path / "good")
    assert one.communicate()[0] == "True\n" and server.ranges[2:] == ["bytes=200000-"]


def test_a_cache_that_is_whole_need_not_be_one_that_can_be_written(server, tmp_path, monkeypatch):
    path = downloads.download("set", "file.bin", [server.url], server.checksum)

    def refused(*_, **__):
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(locks, "make_folder", refused)
    assert downloads.download("set", "file.bin", [server.url], server.checksum) == path and len(server.ranges) == 1
    path.unlink()
    with pytest.raises(DataError, match="could not download set/file.bin .*Read-only file system.*set GANVAE_DATA"):
        downloads.download("set", "file.bin", [server.url], server.checksum)


def test_a_download_by_another_process_that_does_not_end_is_told(server, tmp_path, monkeypatch):
    holder = elsewhere(tmp_path / "cache" / "set")
    monkeypatch.setattr(downloads, "PATIENCE", 0.1)
    with pytest.raises(DataError, match="could not download .*another process is at work in .*set"):
        downloads.download("set", "file.bin", [server.url], server.checksum)
    assert server.ranges == []
    ended(holder)
