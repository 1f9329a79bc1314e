"""Kills at random moments, many inside a write, and several writers at once: what is left is the old or the new.

    python tests/soak.py --kills 1000 --rounds 200 --seed 0          (make soak)

A victim is a fork of this process, which never trains itself: it works (training with checkpoints, saving, recording a
study, downloading, grading homework) until it dies, by SIGKILL at a random moment or in the middle of a random one of its writes, and
another goes on from the files until the work ends. What it then says must be, to the last bit, what it says undisturbed.
Prints how many kills there were of each kind; its exit status is not 0 if anything was lost or trusted that should not be.
"""

import argparse
import builtins
import collections
import contextlib
import functools
import hashlib
import http.server
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "GANVAE_PROGRESS": "0"}
os.environ.pop("GANVAE_DATA", None)

# What victims need is imported once, here.
import pooch
import requests  # noqa: F401
import safetensors.torch  # noqa: F401
import torch
import tqdm.auto  # noqa: F401
from helpers import points, small, suited

from ganvae_course import making
from ganvae_course.grading import Grader, grade
from ganvae_lib import Run, fit, zoo
from ganvae_lib.experiments import record, runner
from ganvae_lib.experiments.study import Study, Trial
from ganvae_lib.storage import cards, downloads, files, folder_lock, locks

torch.set_num_threads(1)
pooch.get_logger().setLevel("ERROR")
POINTS = points(64)
CONTENT = random.Random(0).randbytes(2_000_000)
CHECKSUM = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


# ---------------------------------------------------------------- victims


def fork(work, death=None):
    """A process that does this work; ``death`` is the number of the write in which it dies, and how far it gets."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        if death:
            die_in(*death)
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def die_in(number, share):
    """Kill this process in the ``number``-th of its operations on files; a write gets as far as ``share`` of it."""
    count = 0

    def counted(operation):
        @functools.wraps(operation)
        def dying(*arguments, **options):
            nonlocal count
            count += 1
            if count == number and share < 0.5:  # before it; else after it
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return operation(*arguments, **options)
            finally:  # one that fails, as mkdir does where there is a folder, is a moment to die in, too
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        return dying

    def torn(path, mode="r", *arguments, **options):
        """A file whose writes may be torn in two."""
        nonlocal count
        file = builtins.open(path, mode, *arguments, **options)
        if not set(mode) & set("wax+"):
            return file
        write = file.write

        class Torn:
            __getattr__ = lambda self, name: getattr(file, name)
            __enter__ = lambda self: self
            __exit__ = lambda self, *_: file.close()

            def write(self, content):
                nonlocal count
                count += 1
                if count == number:
                    write(content[: int(share * len(content))])
                    file.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
                return write(content)

        return Torn()

    for name in ("fsync", "replace", "unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    for module in (files, downloads):
        module.open = torn


def end_of(process):
    """How a process ended: its exit status, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


class Tally(collections.Counter):
    """How often a thing happened, and what went wrong."""

    def __init__(self):
        super().__init__()
        self.wrong = []

    def check(self, right, *what):
        if not right:
            self.wrong.append(" ".join(map(str, what)))
            print("WRONG:", *what, flush=True)


def until_done(name, work, whole, chance, tally, most, seconds, operations):
    """Let victims do the work until one is done or ``most`` have died; check ``whole`` after every death."""
    for kills in range(most + 1):
        inside = chance.random() < 0.6
        death = (chance.randint(1, operations), chance.random()) if inside and kills < most else None
        process = fork(work, death)
        if death is None and kills < most:
            time.sleep(chance.uniform(0, seconds))
            os.kill(process, signal.SIGKILL)
        status = end_of(process)
        tally.check(status in (0, -signal.SIGKILL), name, "ended with status", status)
        if status == -signal.SIGKILL:
            tally[f"{name}, {'inside a write' if inside else 'at any moment'}"] += 1
            tally["kills"] += 1
            tally["inside a write"] += inside
        if whole:
            whole()
        if status != -signal.SIGKILL:
            return kills
    return most


# ---------------------------------------------------------------- the works


def same(run, other):
    """Have two runs the same weights and curves, bit for bit?"""
    a, b = run.model.state_dict(), other.model.state_dict()
    weights = a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    return weights and all(torch.equal(run.history[key], other.history[key]) for key in run.history)


def train(entry, seeds, folder, keep=True):
    """A short training, kept after every step, and saved at its end."""
    data = suited(entry, POINTS)
    kept = dict(checkpoint=folder / "kept", checkpoint_every=1, resume=True) if keep else {}
    run = fit(small(entry, data, hidden=(4,)), data, 8, batch=16, seeds=seeds, log_every=1, device="cpu", **kept)
    run.save(folder / "run")


def training(folder, chance, tally, server, most):
    """One of the zoo, with one seed or two, in one process."""
    name = chance.choice(list(zoo.ALL))
    entry, seeds = zoo.ALL[name], chance.choice([[3], [3, 5]])
    tally.check(end_of(fork(lambda: train(entry, seeds, folder / "undisturbed", keep=False))) == 0, name)
    until_done("training", lambda: train(entry, seeds, folder), None, chance, tally, most, 0.6, 80)
    tally.check(same(Run.load(folder / "run"), Run.load(folder / "undisturbed" / "run")), "training of", name, seeds)
    tally[f"trainings of {name}"] += 1


def together(folder, chance, tally, server, most):
    """Two processes that share each minibatch; both die, one of them inside a write."""
    entry, port = zoo.ALL[chance.choice(["VAE", "GAN", "ALI"])], 20000 + chance.randrange(20000)
    train_in = lambda place, rank, port, keep: (
        os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
        ),
        train(entry, [3, 5], place, keep),
    )
    pair = lambda place, port, keep, death=None: [
        fork(lambda rank=rank: train_in(place, rank, port, keep), death if rank == 0 else None) for rank in range(2)
    ]
    tally.check([end_of(one) for one in pair(folder / "undisturbed", port, False)] == [0, 0], "two processes")
    for kills in range(most + 1):
        inside = chance.random() < 0.6
        death = (chance.randint(1, 80), chance.random()) if inside and kills < most else None
        first, second = pair(folder, port + 1 + kills, True, death)
        if death is None and kills < most:
            time.sleep(chance.uniform(0.2, 1.5))
            os.kill(first, signal.SIGKILL)
        status = end_of(first)
        if status == 0:
            tally.check(end_of(second) == 0, "the second of two processes")
            break
        os.kill(second, signal.SIGKILL)  # as torchrun does
        end_of(second)
        tally.check(status == -signal.SIGKILL, "the first of two processes ended with status", status)
        tally[f"two processes, {'inside a write' if inside else 'at any moment'}"] += 1
        tally["kills"] += 1
        tally["inside a write"] += inside
    tally.check(same(Run.load(folder / "run"), Run.load(folder / "undisturbed" / "run")), "two processes")


def saving(folder, chance, tally, server, most):
    """A run is saved over another."""
    for i in range(2):
        end_of(fork(lambda i=i: train(zoo.VAE, [i], folder / str(i), keep=False)))
    runs = [Run.load(folder / str(i) / "run") for i in range(2)]
    runs[0].save(folder / "saved")

    def whole():
        found = Run.load(folder / "saved")
        tally.check(any(same(found, run) for run in runs), "a saved run is neither the old nor the new")

    until_done("saving", lambda: runs[1].save(folder / "saved"), whole, chance, tally, most, 0.02, 14)
    tally.check(same(Run.load(folder / "saved"), runs[1]), "the new run is not there")
    left = sorted(path.suffix for path in (folder / "saved").iterdir())
    tally.check(left == [".json", ".safetensors"], "left in the folder of a run:", left)


def small_study(folder):
    """A study of three models, which train nothing."""
    trials = {name: Trial(None, about={"shift": shift}) for shift, name in enumerate("ABC")}
    return Study(
        "soak",
        trials,
        data=lambda: {"train": POINTS},
        train=lambda trial, world, seeds: argparse.Namespace(seeds=seeds, shift=trial.about["shift"]),
        measure=lambda run, world: {"score": [seed + run.shift / 3 for seed in run.seeds]},
        panels=lambda name, run, world: {f"{name} x": torch.full((2, 2), float(len(name)))} if name else {},
        steps=1,
        seeds=(1, 2, 4),
    )


def recording(folder, chance, tally, server, most):
    """A study, whose finished models are kept and whose record is written at the end."""
    runner.find = lambda name: small_study(folder)
    quiet = lambda text: None
    work = lambda: runner.run(runner.StudyRequest("soak", out=folder / "out"), resume=True, say=quiet)
    end_of(fork(lambda: runner.run(runner.StudyRequest("soak", out=folder / "undisturbed"), say=quiet)))

    def whole():
        path = folder / "out" / "soak.json"
        if path.exists():
            cards.read_card(path)

    until_done("recording", work, whole, chance, tally, most, 0.05, 40)
    found, expected = (cards.read_card(folder / place / "soak.json") for place in ("out", "undisturbed"))
    models = [{name: card["measures"] for name, card in record["models"].items()} for record in (found, expected)]
    tally.check(models[0] == models[1] and found["command"] == expected["command"], "a record is another")
    left = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*"))
    tally.check(left == ["soak.json"], "left in the folder of records:", left)


def downloading(folder, chance, tally, server, most):
    """A file from a server that is slow."""
    os.environ["GANVAE_CACHE"] = str(folder / "cache")
    path = folder / "cache" / "set" / "file.bin"
    work = lambda: downloads.download("set", "file.bin", [server], CHECKSUM)

    def whole():
        tally.check(not path.exists() or path.read_bytes() == CONTENT, "a part of a file is trusted")

    until_done("downloading", work, whole, chance, tally, most, 0.08, 36)
    tally.check(path.exists() and path.read_bytes() == CONTENT, "a file is not there")


def grading(folder, chance, tally, server, most):
    """Four notebooks of homework: what is graded stays, and the table is what it is undisturbed."""
    labels = ["ex-07-odds", "ex-07-temperature"]
    making.make(7, folder, 1, labels)
    grader = Grader.load(folder / "07_grader.json")
    for number in range(4):
        answers = json.loads((folder / f"07_{'student' if number == 2 else 'key'}.ipynb").read_bytes())
        cards.write_whole(folder / f"{number}.ipynb", json.dumps(answers | {"number": number}).encode())
    paths = [folder / f"{number}.ipynb" for number in range(4)]
    tally.check(end_of(fork(lambda: grade(paths, grader, folder / "undisturbed"))) == 0, "grading")
    graded = folder / "out" / "graded"
    kept = {}

    def whole():
        for path in graded.glob("*.json"):
            cards.read_card(path)
            kept.setdefault(path, path.read_bytes())
        tally.check(all(path.read_bytes() == content for path, content in kept.items()), "a mark was lost")

    until_done("grading", lambda: grade(paths, grader, folder / "out"), whole, chance, tally, most, 3.0, 44)
    tables = [(folder / place / "grades.csv").read_bytes() for place in ("out", "undisturbed")]
    tally.check(tables[0] == tables[1] and len(tables[0].splitlines()) == 5, "another table of grades")
    left = set(os.listdir(graded)) - {locks.LOCK}  # who dies in the last write leaves the lock's file, held by nobody
    tally.check(left == {f"{number}.json" for number in range(4)}, "left among the marks:", left)


WORKS = {training: 5, saving: 3, recording: 3, downloading: 3, grading: 2, together: 1}  # and how often each is chosen


# ---------------------------------------------------------------- several at once


def savers(folder, chance, tally, server):
    """Two processes save into one folder over and over, and this one reads."""
    for i in range(2):
        if not (folder.parent / f"run{i}").exists():
            end_of(fork(lambda i=i: train(zoo.VAE, [i], folder.parent / f"run{i}", keep=False)))
    runs = [Run.load(folder.parent / f"run{i}" / "run") for i in range(2)]
    runs[0].save(folder)
    writers = [fork(lambda i=i: [runs[(i + j) % 2].save(folder) for j in range(4)]) for i in range(2)]
    for _ in range(10):
        found = Run.load(folder)
        tally.check(any(same(found, run) for run in runs), "a reader saw neither run")
    tally.check([end_of(writer) for writer in writers] == [0, 0], "a saver failed")
    tally.check(len(list(folder.iterdir())) == 2, "two savers left", os.listdir(folder))


def everyone_downloads(folder, chance, tally, server):
    """Three processes need a file that is not there."""
    os.environ["GANVAE_CACHE"] = str(folder)
    ends = [
        end_of(one)
        for one in [fork(lambda: downloads.download("set", "file.bin", [server], CHECKSUM)) for _ in range(3)]
    ]
    tally.check(ends == [0, 0, 0] and os.listdir(folder / "set") == ["file.bin"], "three downloads", ends)
    tally.check((folder / "set" / "file.bin").read_bytes() == CONTENT, "a download is not intact")


def trainings_in_one_folder(folder, chance, tally, server):
    """Two trainings want one folder: one gets it."""

    def work():
        try:
            train(zoo.VAE, [3], folder)
        except ValueError as error:
            if "another process is at work" not in str(error):
                raise
            os._exit(7)

    with folder_lock(folder / "kept"):  # as another training would
        tally.check(end_of(fork(work)) == 7, "a training took a folder that was held")
    ends = sorted(end_of(one) for one in [fork(work), fork(work)])
    tally.check(ends in ([0, 0], [0, 7]), "two trainings in one folder ended with", ends)  # one after the other is fine
    Run.load(folder / "run")


def records_at_once(folder, chance, tally, server):
    """Two processes write one record, and this one reads."""
    path = folder / "a.json"
    record.write(path, {"number": 0})
    writers = [fork(lambda i=i: [record.write(path, {"number": i}) for _ in range(10)]) for i in (1, 2)]
    for _ in range(20):
        tally.check(cards.read_card(path)["number"] in (0, 1, 2), "a record is another")
    tally.check([end_of(writer) for writer in writers] == [0, 0], "a writer of a record failed")


def tasks_of_an_array(folder, chance, tally, server):
    """Three tasks share a study, one of which dies, in some of its writes; they run again until none has died."""
    runner.find = lambda name: small_study(folder)
    quiet = lambda text: None
    end_of(fork(lambda: runner.run(runner.StudyRequest("soak", out=folder / "undisturbed"), say=quiet)))

    def task(place):
        os.environ |= {"SLURM_ARRAY_TASK_ID": str(place), "SLURM_ARRAY_TASK_COUNT": "3"}
        runner.run(runner.StudyRequest("soak", out=folder / "out"), say=quiet, array=True)

    for times in range(8, -1, -1):
        death = (
            chance.randrange(1, 4 if times == 8 else 40),
            chance.random(),
        )  # the first comes early enough to be one
        tasks = [fork(lambda place=place: task(place), death if times and not place else None) for place in range(3)]
        ends = [end_of(one) for one in tasks]
        tally["tasks killed"] += ends[0] == -signal.SIGKILL
        tally.check(ends[0] in (0, -signal.SIGKILL) and ends[1:] == [0, 0], "tasks of an array ended with", ends)
    found, expected = (cards.read_card(folder / place / "soak.json") for place in ("out", "undisturbed"))
    models = [{name: card["measures"] for name, card in record["models"].items()} for record in (found, expected)]
    left = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*"))
    tally.check(models[0] == models[1] and left == ["soak.json"], "an array left", left)


CROWDS = (savers, everyone_downloads, trainings_in_one_folder, records_at_once, tasks_of_an_array)


# ---------------------------------------------------------------- the whole


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT in pieces, from where it is asked to."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever asked has been killed
            for place in range(start, len(CONTENT), 2**18):
                self.wfile.write(CONTENT[place : place + 2**18])
                time.sleep(0.005)


def serve():
    """A server of its own process; its address, and the process."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    return f"http://127.0.0.1:{server.server_port}/", fork(server.serve_forever)


def soak(kills, rounds, seed, minutes=None):
    """So many kills, at least, and so many rounds of several writers; or as many as there is time for. The tally."""
    warnings.simplefilter("ignore", DeprecationWarning)  # forking, from Python 3.12 on
    chance, tally, find = random.Random(seed), Tally(), runner.find
    until = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    address, server = serve()
    try:
        with tempfile.TemporaryDirectory() as top:
            number = 0
            while tally["kills"] < kills and time.monotonic() < until:
                (work,) = chance.choices(list(WORKS), list(WORKS.values()))
                number += 1
                folder = Path(top, str(number))
                folder.mkdir()
                work(folder, chance, tally, address, most=min(12, kills - tally["kills"]))
                tally[f"works: {work.__name__}"] += 1
                shutil.rmtree(folder)
            for number in range(rounds):
                if time.monotonic() > until + 60 * (minutes or 0) / 4:
                    break
                crowd = CROWDS[number % len(CROWDS)]
                crowd(Path(top, f"crowd {number}"), chance, tally, address)
                tally[f"rounds: {crowd.__name__}"] += 1
                tally["rounds"] += 1
    finally:
        runner.find = find
        os.kill(server, signal.SIGKILL)
        end_of(server)
    return tally


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after so many")
    options = parser.parse_args()
    began = time.monotonic()
    tally = soak(options.kills, options.rounds, options.seed, options.minutes)
    print(json.dumps(dict(sorted(tally.items())), indent=1))
    print(
        f"{tally['kills']} kills, {tally['inside a write']} of them inside a write, and {tally['rounds']} rounds of several"
    )
    print(f"writers, seed {options.seed}, {time.monotonic() - began:.0f} s: {len(tally.wrong)} things went wrong")
    return bool(tally.wrong)


if __name__ == "__main__":
    sys.exit(main())
