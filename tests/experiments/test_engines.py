"""Whoever trains the rows of a study, and whoever dies over it, the record is that of one process, bit for bit."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ganvae_lib import __main__ as command_line
from ganvae_lib.distributions.noise import DrawnUnseeded
from ganvae_lib.experiments import engines, record as records, rows

# Two worlds, three models, five rows. In $STAGE rows leave their process's number; a row named in the file "deadly" ends
# its process, once, if it is "once". A process waits in row 4 until as many have come as "together" says.
OWN = """
import os
import signal
import time
from pathlib import Path

import beside
import torch
from ganvae_lib import load, zoo
from ganvae_lib.experiments import Study, Trial
from ganvae_lib.experiments.study import fit_trial

STAGE = Path(os.environ["STAGE"])


def train(trial, world, seeds):
    name = f"{world.name}, {trial.about['name']}"
    with open(STAGE / "log", "a") as log:
        print(name, os.getpid(), file=log)
    run = fit_trial(trial, world, seeds)
    deadly = (STAGE / "deadly").read_text().split("; ") if (STAGE / "deadly").exists() else []
    if name in deadly:
        if "once" in deadly:
            (STAGE / "deadly").unlink()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if (STAGE / "together").exists():
        (STAGE / f"here {os.getpid()}").touch()
        while len(list(STAGE.glob("here *"))) < int((STAGE / "together").read_text()):
            time.sleep(0.01)
    return run


MODELS = {
    "GAN": Trial(zoo.GAN, about={"name": "GAN"}),
    "VAE": Trial(zoo.VAE, dict(scale=0.1), about={"name": "VAE"}),
    "wide": Trial(zoo.GAN, dict(hidden=(12,)), share=0.5, seeds=1, about={"name": "wide"}, worlds=["grid"]),
}
STUDY = Study(
    "Two worlds",
    MODELS,
    data={name: lambda name=name: {"train": load(name)} for name in ("ring", "grid")},
    prepare=lambda world: {"facts": {"mean": world.train.x.mean().item()}},
    train=train,
    measure=lambda run, world: {"size": beside.size(run, world), "point": run.sample(1)[:, 0]},
    references=lambda world, seeds: {"data": {"size": [world.train.x.norm().item()] * len(seeds)}},
    panels=lambda name, run, world: {f"{world.name} {name}": run.sample(3)[0].view(1, 3, 2)} if run else {},
    picture=lambda panels, path: torch.save(panels, path.with_suffix(".pt")),
    words={"size": "how large points are"},
    networks=dict(hidden=(8,)),
    training=dict(batch=16, lr=0.01),
    steps=6,
    seeds=range(2),
    pairs=[("VAE", "GAN"), ("GAN", "data")],
)
"""
BESIDE = """
def size(run, world):
    return run.sample(50).square().mean((1, 2))
"""
ROWS = ["ring, GAN", "ring, VAE", "grid, GAN", "grid, VAE", "grid, wide"]


def prepare(folder, patch):
    """A folder with the study, from which it is run by a name that is no whole path."""
    patch.setenv("GANVAE_PROGRESS", "0")
    patch.setenv("STAGE", str(folder))
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        patch.delenv(name)
    patch.chdir(folder)
    patch.syspath_prepend(folder)  # and what the runner adds goes with it
    patch.delitem(sys.modules, "beside", raising=False)
    Path("own.py").write_text(OWN, encoding="utf-8")
    Path("beside.py").write_text(BESIDE, encoding="utf-8")


@pytest.fixture(autouse=True)
def stage(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch)
    return tmp_path


@functools.cache
def alone():
    """The record and the picture of one process."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        prepare(folder, patch)
        assert ask() == 0 and fit_trial() == (ROWS, [os.getpid()] * len(ROWS))
        return json.loads(Path("out", "own.json").read_text(encoding="utf-8")), Path("out", "own.pt").read_bytes()


def ask(*words, out="out"):
    return command_line.main(["study", "own.py", "--steps", "5", "--out", out, *map(str, words)])


def array(place, of, *words, monkeypatch=None):
    """The task of an array, within this process; or the start of one in a process of its own."""
    task = {"SLURM_ARRAY_TASK_ID": str(2 * place + 1), "SLURM_ARRAY_TASK_COUNT": str(of)}
    task |= {"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2"}
    if monkeypatch:
        for name, value in task.items():
            monkeypatch.setenv(name, value)
        return ask("--array", *words)
    program = [sys.executable, "-W", "error", "-m", "ganvae_lib", "study", "own.py", "--steps", "5", "--out", "out"]
    library = str(Path(command_line.__file__).resolve().parents[1])
    surroundings = os.environ | task | {"PYTHONPATH": library, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*program, "--array"], env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def fit_trial():
    """The rows in the order in which their training began, and the processes."""
    lines = [line.rsplit(" ", 1) for line in Path("log").read_text().splitlines()]
    Path("log").unlink()
    return [name for name, _ in lines], [int(process) for _, process in lines]


def timeless(card):
    """A record without its checksum and what may differ: seconds."""
    if isinstance(card, dict):
        return {key: timeless(value) for key, value in card.items() if key not in ("seconds", "checksum")}
    return card


def same(out="out"):
    """Is the record, all but its seconds, that of one process? And nothing else there but the picture."""
    card, picture = alone()
    assert sorted(path.name for path in Path(out).iterdir()) == ["own.json", "own.pt"]
    assert Path(out, "own.pt").read_bytes() == picture
    found = json.loads(Path(out, "own.json").read_text(encoding="utf-8"))
    assert json.dumps(timeless(found)) == json.dumps(timeless(card))
    assert card["command"] == "python -m ganvae_lib study own.py --steps 5"
    sizes = [
        entry["measures"]["size"]["mean"] for world in card["worlds"].values() for entry in world["models"].values()
    ]
    assert len(set(sizes)) == len(ROWS), "rows that do not differ would show nothing"
    return True


# A cluster

ONE_PROCESS = dict(n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0")


def test_a_cluster_one_of_whose_workers_is_killed(capsys):
    pytest.importorskip("distributed")
    Path("deadly").write_text("grid, GAN; once")
    assert ask("--workers", 2) == 0
    names, processes = fit_trial()
    assert set(names) == set(ROWS) and names.count("grid, GAN") >= 2  # of those that are begun again after a death
    assert len(set(processes)) >= 2 and os.getpid() not in processes
    told = capsys.readouterr().out
    assert all(f"{name}: {{'size'" in told for name in ROWS) and same()


def test_a_cluster_that_is_there_and_whose_worker_lives_longer_than_the_study(capsys):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(**ONE_PROCESS) as cluster:
        assert ask("--scheduler", cluster.scheduler_address) == 0
        assert set(fit_trial()[0]) == set(ROWS) and same()  # one at a time, in whatever order
        Path("own.py").write_text(OWN.replace("hidden=(12,)", "hidden=(0,)"))
        assert ask("--scheduler", cluster.scheduler_address, out="bad") == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "hidden" in said and not Path("bad", "own.json").exists()


def test_what_another_thread_of_the_worker_drew_is_not_taken_for_the_network_s():
    """Dask's own threads draw from Python's generator, at times in the middle of a dry call."""
    calls = []

    def task(number, drawn):
        calls.append(number)
        if len(calls) <= drawn:
            try:
                raise DrawnUnseeded("something drew")
            except DrawnUnseeded as error:
                raise ValueError("decoder cannot be called") from error
        return f"row {number}"

    assert engines._run_in_worker(lambda number: task(number, 9), 4) == "row 4" and calls == [4] * 10
    calls.clear()
    with pytest.raises(ValueError, match="decoder cannot be called"):
        engines._run_in_worker(lambda number: task(number, 99), 4)
    assert len(calls) == 10, "a network that draws does so each time"
    calls.clear()
    with pytest.raises(ZeroDivisionError):
        engines._run_in_worker(lambda number: calls.append(number) or 1 // 0, 4)
    assert len(calls) == 1


def test_a_row_that_kills_every_worker_is_told(capsys):
    pytest.importorskip("distributed")
    import dask

    Path("deadly").write_text("grid, wide")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        assert ask("--workers", 1) == 1
    assert "row 4 has ended one worker after another" in capsys.readouterr().err
    first = fit_trial()[0]  # in whatever order; the deadly one may not be the last
    assert ROWS[4] in first and set(first) <= set(ROWS)
    Path("deadly").unlink()
    assert ask() == 1 and "go on with it by --resume" in capsys.readouterr().err
    then = fit_trial()[0] if ask("--resume") == 0 else []
    assert ROWS[4] in then and set(first) | set(then) == set(ROWS) and same()


def test_workers_in_another_folder_find_the_study_and_the_rows(stage, monkeypatch):
    def elsewhere(task, numbers, workers, scheduler):
        assert (workers, scheduler) == (3, None)
        Path("other").mkdir()
        os.chdir("other")
        lines = [task(number) for number in reversed(numbers)]
        os.chdir(stage)
        return iter(lines)

    monkeypatch.setattr(engines, "results_as_completed", elsewhere)
    assert ask("--workers", 3) == 0 and fit_trial()[0] == ROWS[::-1] and same() and not list(Path("other").iterdir())


def test_without_distributed_an_error_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    for way in (("--workers", 2), ("--scheduler", "tcp://127.0.0.1:1")):
        assert ask(*way) == 1 and not Path("log").exists()
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and 'pip install "ganvae_lib[cluster]"' in said
    assert ask() == 0 and fit_trial()[0] == ROWS and same()  # nothing is left over


# An array


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_tasks_of_an_array_in_any_order(order, monkeypatch, capsys):
    for already, place in enumerate(order):
        assert not Path("out", "own.json").exists()
        assert array(place, 3, monkeypatch=monkeypatch) == 0
        assert fit_trial()[0] == ROWS[place::3]
        told = capsys.readouterr().out.splitlines()
        assert ("rows are not there yet" in told[-1]) == (already < 2)
    assert told[-1] == str(Path("out", "own.json"))
    written = Path("out", "own.json").read_bytes()
    assert array(1, 3, monkeypatch=monkeypatch) == 0 and "was finished" in capsys.readouterr().out
    assert not Path("log").exists() and Path("out", "own.json").read_bytes() == written and same()


def test_three_tasks_at_once_one_of_which_is_killed_and_runs_again(monkeypatch, capsys):
    Path("deadly").write_text("grid, VAE; once")  # the second row of the first task
    tasks = [array(place, 3) for place in range(3)]
    said = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode == 0 for task in tasks] == [False, True, True], said
    assert not Path("out", "own.json").exists() and sorted(fit_trial()[0]) == sorted(ROWS)
    assert ask() == 1 and "go on with it by --resume" in capsys.readouterr().err
    assert array(0, 3, monkeypatch=monkeypatch) == 0 and fit_trial()[0] == ["grid, VAE"] and same()


def test_tasks_that_end_together_write_one_record():
    Path("together").write_text("2")  # each waits for the other at the end of its first row
    tasks = [array(place, 2) for place in range(2)]
    said = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    names, processes = fit_trial()
    assert sorted(names) == sorted(ROWS) and len(set(processes)) == 2 and same()


def test_a_task_that_comes_when_another_has_put_the_record_together_trains_nothing(monkeypatch):
    assert array(0, 2, monkeypatch=monkeypatch) == 0
    hold = records.lock_folder

    def after_another(folder):
        monkeypatch.setattr(records, "lock_folder", hold)
        assert array(1, 2, monkeypatch=monkeypatch) == 0 and Path("out", "own.json").exists()
        return hold(folder)

    monkeypatch.setattr(records, "lock_folder", after_another)
    assert array(1, 2, monkeypatch=monkeypatch) == 0 and records.lock_folder is hold
    assert sorted(fit_trial()[0]) == sorted(ROWS) and same()


def test_a_task_leaves_the_record_to_another_that_puts_it_together(monkeypatch, capsys):
    work, shown = Path("out", "work", "own"), []
    assert array(0, 2, monkeypatch=monkeypatch) == 0
    with records.lock_folder(work):
        process = array(1, 2)
        shown.append(process.communicate(timeout=300))
    assert process.returncode == 0 and "another task writes" in shown[0][0], shown
    assert not Path("out", "own.json").exists() and sorted(fit_trial()[0]) == sorted(ROWS)
    assert array(1, 2, monkeypatch=monkeypatch) == 0 and not Path("log").exists() and same()


@pytest.mark.parametrize(
    "task, rows_of",
    [
        ("0 3", [0, 3, 6]),
        ("2 3", [2, 5]),
        ("5 3 4", [1, 4, 7]),
        ("14 3 4 5", [2, 5]),
        ("7 1 7", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("3 3", "number 3 of 3"),
        ("5 3 0 2", "number 5 of 3"),
        ("0 3 1", "number 0 of 3"),
        ("1 2 0 0", "evenly spaced"),
        ("1", "reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT"),
        ("", "reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT"),
        ("1 many", "reads SLURM_ARRAY_TASK_ID"),
    ],
)
def test_the_share_of_a_task(task, rows_of, monkeypatch, capsys):
    for name, value in zip(("ID", "COUNT", "MIN", "STEP"), task.split(), strict=False):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    if isinstance(rows_of, list):
        assert list(range(8))[engines.task_slice()] == rows_of
    else:
        assert ask("--array") == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and rows_of in said and not Path("out").exists()


def test_slurm_is_not_read_unless_asked(monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "5")
    assert ask() == 0 and fit_trial()[0] == ROWS


@pytest.mark.parametrize("words", ["--workers 0", "--workers x", "--workers 2 --array", "--workers 2 --scheduler a"])
def test_ways_that_cannot_be_are_told_before_anything_is_trained(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        ask(*words.split())
    assert capsys.readouterr().err.count("\n") == 1 and not Path("out").exists()


# What a row is


def test_a_row_of_other_settings_is_refused(monkeypatch, capsys):
    assert array(0, 2, monkeypatch=monkeypatch) == 0  # rows 0, 2 and 4
    fit_trial()
    capsys.readouterr()
    for old, new, what in (
        ("", "# a comment\n", r"file"),  # what it measures may be another thing
        ("hidden=(8,)", "hidden=(9,)", "file, networks"),
        ("steps=6", "steps=7", "file"),  # the command says how many
        ("range(2)", "range(1, 3)", "file, seeds"),
        ("batch=16", "batch=8", "file, training"),
    ):
        Path("own.py").write_text(OWN.replace(old, new, 1))
        for way in (("--resume",), ("--array",)):
            assert ask(*way) == 1
            said = capsys.readouterr().err
            assert said.count("\n") == 1 and f"holds a row of other settings ({what}: " in said, said
    Path("own.py").write_text(OWN)
    monkeypatch.setattr(engines, "task_slice", lambda: slice(1, 2))
    assert ask("--array", "--seeds", 1) == 1 and "interrupted run of" in capsys.readouterr().err
    assert not Path("log").exists(), "nothing is trained"
    assert ask("--resume") == 0 and fit_trial()[0] == ROWS[1::2] and same()


def test_a_row_of_other_data_is_refused_and_one_can_be_trained_again(monkeypatch, capsys):
    assert array(0, 1, "--steps", 5, monkeypatch=monkeypatch) == 0 and fit_trial()
    for name in ("own.json", "own.pt"):
        Path("out", name).unlink()
    assert array(1, 5, monkeypatch=monkeypatch) == 0 and fit_trial()
    card = Path("out/work/own/0001/row.json")
    content = json.loads(card.read_text())
    content["data"]["train"]["digest"] = "0" * 16
    records.write(card, content)
    assert ask("--resume") == 1 and "(data: " in capsys.readouterr().err and fit_trial()[0] == ROWS[:1]
    shutil.rmtree(card.parent)
    assert ask("--resume") == 0 and fit_trial()[0] == ROWS[1:] and same()


def test_settings_are_told_alike_in_every_process():
    def own(x):
        return x

    told = rows._as_json_values({"lr": {"theta": own, 2: (1, 0.5)}, "made": Mute(), "none": None})
    assert told == {
        "lr": {"theta": f"{__name__}.{own.__qualname__}", "2": [1, 0.5]},
        "made": f"<{__name__}.Mute object>",
        "none": None,
    }


class Mute:
    pass


def test_a_row_made_elsewhere_says_where(monkeypatch):
    here = records.environment()
    monkeypatch.setattr(rows, "environment", lambda: here | {"processor": "another"})
    assert array(0, 2, monkeypatch=monkeypatch) == 0
    monkeypatch.setattr(rows, "environment", records.environment)
    assert array(1, 2, monkeypatch=monkeypatch) == 0
    worlds = json.loads(Path("out", "own.json").read_text())["worlds"]
    told = [
        card.get("environment", {}).get("processor") for world in worlds.values() for card in world["models"].values()
    ]
    assert told == ["another", None, "another", None, "another"]


# Runs of chapter 18


def run(*words, out="out"):
    return command_line.main(
        ["run", "vae", "svae", *"--data digits --size tiny --steps 4 --seeds 2".split(), "--out", out, *words]
    )


def records_of_runs(out):
    """The records by the name of their file, without times."""
    cards = {path.name: timeless(json.loads(path.read_text(encoding="utf-8"))) for path in Path(out).iterdir()}
    assert sorted(cards) == ["svae-digits-0.01-4-steps.json", "vae-digits-4-steps.json"]
    return {name: {k: v for k, v in card.items() if k not in ("wall_s", "training_s")} for name, card in cards.items()}


def test_runs_are_shared_among_tasks_and_workers(stage, monkeypatch, capsys):
    assert run(out="alone") == 0
    told = capsys.readouterr().out
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    for place, name in ((1, "svae-digits-0.01-4-steps.json"), (0, "vae-digits-4-steps.json")):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(place))
        assert run("--array", out="array") == 0 and Path("array", name).exists()
        stamp = Path("array", name).stat().st_mtime_ns
        assert run("--array", out="array") == 0 and Path("array", name).stat().st_mtime_ns == stamp, "left as it is"
    assert records_of_runs("array") == records_of_runs("alone") and "AAVAE against VAE, 2 seeds" in told

    def elsewhere(task, numbers, workers, scheduler):
        (stage / "other").mkdir()
        os.chdir("other")
        made = [task(number) for number in reversed(numbers)]
        os.chdir(stage)
        return iter(made)

    monkeypatch.setattr(engines, "results_as_completed", elsewhere)
    capsys.readouterr()
    assert run("--workers", "2", out="workers") == 0
    assert records_of_runs("workers") == records_of_runs("alone")
    lines = [line for line in capsys.readouterr().out.splitlines() if "against" in line]
    assert [line.rpartition(": ")[2] for line in lines] == [
        str(Path("workers", "svae-digits-0.01-4-steps.json")),
        str(Path("workers", "vae-digits-4-steps.json")),
    ]


def test_runs_by_a_cluster():
    distributed = pytest.importorskip("distributed")
    assert run(out="alone") == 0
    with distributed.LocalCluster(**ONE_PROCESS) as cluster:
        assert run("--scheduler", cluster.scheduler_address) == 0
    assert records_of_runs("out") == records_of_runs("alone")


def test_a_run_named_twice_is_told(capsys):
    assert (
        command_line.main(["run", "vae", "gan", "vae"]) == 2 and "give each experiment once" in capsys.readouterr().err
    )
    assert run("--array") == 1 and "reads SLURM_ARRAY_TASK_ID" in capsys.readouterr().err
