"""Which torch `make setup` takes on Linux: the small build where PyTorch's index answers, else the pin, and quickly."""

import os
import re
import socket
import subprocess
import sys
import time
import zipfile

import pytest
import small_torch
from browsers import served
from helpers import ROOT


@pytest.fixture
def index(tmp_path):
    """A stand-in for PyTorch's index on this machine, with a wheel of some version: its address."""
    folder = tmp_path / "index"
    folder.mkdir()
    name = small_torch.wheel("9.8.7", "").replace("%2B", "+")[1:]
    with zipfile.ZipFile(folder / name, "w") as built:
        info = "torch-9.8.7+cpu.dist-info"
        built.writestr("torch.py", "")
        built.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 9.8.7+cpu\n")
        built.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {name[16:-4]}\n")
        built.writestr(f"{info}/RECORD", "")
    with served(folder) as address:
        yield address


@pytest.fixture
def setup(monkeypatch, tmp_path, capsys):
    """``setup(index, status=0, **environment)``: what is told, and what pip is asked for, on Linux without a GPU."""
    (tmp_path / "requirements.txt").write_text("# torch==1\nnumpy==1\ntorch==9.8.7\n")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(small_torch.shutil, "which", lambda name: None)
    monkeypatch.setattr(small_torch, "DRIVERS", ())
    for name in (*small_torch.CHOSEN, "TORCH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")

    def setup(index, status=0, **environment):
        asked = []

        def run(command):
            asked.append(command[1:])
            return subprocess.CompletedProcess(command, status)

        with monkeypatch.context() as patched:
            patched.setattr(small_torch.subprocess, "run", run)
            for name, value in environment.items():
                patched.setenv(name, value)
            small_torch.main(tmp_path / "requirements.txt", index)
        return capsys.readouterr().out, asked

    return setup


PIN = "torch 9.8.7 as your index has it; PyPI's for Linux brings CUDA's libraries, several GB\n"


def test_the_small_build_is_taken_where_the_index_answers(index, setup, tmp_path):
    told, (command,) = setup(index)
    assert re.fullmatch(r"torch 9\.8\.7 for CPUs only \(\d+ MB\), as there is no NVIDIA GPU \(TORCH=pin: .*\)\n", told)
    assert command[:3] == ["-m", "pip", "install"] and "--no-deps" in command
    if sys.platform == "linux":  # what pip does with it
        got = [sys.executable, *command[:2], "download", *command[3:-1], "--dest", str(tmp_path), command[-1]]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        done = subprocess.run(got, env=plain | {"PIP_CONFIG_FILE": os.devnull}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert len(list(tmp_path.glob("torch-9.8.7+cpu-*.whl"))) == 1


def test_what_does_not_work_leaves_torch_to_the_pin(index, setup):
    assert setup(index + "/nowhere") == (PIN, [])
    told, commands = setup(index, status=1)
    assert told.endswith(PIN) and len(commands) == 1
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert setup(f"http://127.0.0.1:{closed.getsockname()[1]}") == (PIN, [])


@pytest.mark.parametrize("name", ["TORCH", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"])
def test_a_choice_of_the_users_is_kept(index, setup, name):
    assert setup(index, **{name: "pin" if name == "TORCH" else "1"}) == (PIN, [])


def test_with_a_gpu_on_other_systems_and_with_torch_there_nothing_is_asked_for(index, setup, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(small_torch, "DRIVERS", (str(tmp_path),))
        assert setup(index) == (PIN, [])
    with monkeypatch.context() as patched:
        patched.setattr(small_torch, "version", lambda name: "9.8.7+cu999")
        assert setup(index) == ("", [])
    monkeypatch.setattr(sys, "platform", "darwin")
    assert setup(index) == ("", [])


def test_an_index_that_is_silent_costs_the_time_of_the_probe_and_no_more(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    assert small_torch.SECONDS == 2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert small_torch.answers(f"http://127.0.0.1:{silent.getsockname()[1]}/x.whl", 0.2) == 0
        assert time.monotonic() - begun < 5
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(30))
    begun = time.monotonic()
    assert small_torch.answers("http://name.invalid/x.whl", 0.2) == 0 and time.monotonic() - begun < 5


def test_setup_runs_it_before_the_pins_with_an_empty_environment():
    recipe = (ROOT / "Makefile").read_text(encoding="utf8")
    first, pins = (
        "$(BIN)/python book/small_torch.py || true",
        "pip install --quiet --disable-pip-version-check -r requirements.txt",
    )
    assert 0 < recipe.index(first) < recipe.index(pins)
    command = [sys.executable, "-S", "book/small_torch.py"]  # an empty environment
    alone = subprocess.run(command, cwd=ROOT, env=os.environ | {"TORCH": "pin"}, capture_output=True, text=True)
    pin = re.search(r"^torch==(\S+)$", (ROOT / "requirements.txt").read_text(encoding="utf8"), re.M)[1]
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout == (PIN.replace("9.8.7", pin) if sys.platform == "linux" else "")
