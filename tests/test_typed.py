"""A user's script with every type written out passes a strict type checker, and one with mistakes does not."""

import os
import re
import subprocess
import sys

import pytest
import torch
from helpers import ROOT
from typed import user

from ganvae_lib import build, load, zoo

SCRIPT = ROOT / "tests" / "typed" / "user.py"
# What stands in the script, and a mistake to put in its place.
MISTAKES = (
    ("from ganvae_lib import (\n", "from ganvae_lib import (\n    biuld,\n"),
    ('"GAN": zoo.GAN', '"GAN": zoo.GNA'),
    ("run: Run = fit(", "run: Scores = fit("),
    ("hidden=(64, 64)", "hiden=(64, 64)"),
    ("modes: Tensor", "modes: float"),
    ('Match("z", KL())', 'Match("z", "KL")'),
    ("data: Data = load", "data: Run = load"),
    ("folder / name", "0, name"),
)


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """What a strict checker says of the script, and of the script with mistakes: {file: lines}.

    The settings of this project do not count, and the library's own errors are not reported: so it is with a library
    that is installed.
    """
    pytest.importorskip("mypy", reason="mypy is not installed")
    folder = tmp_path_factory.mktemp("typed")
    text = SCRIPT.read_text(encoding="utf8")
    for right, wrong in MISTAKES:
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    (folder / "mistaken.py").write_text(text, encoding="utf8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "user"), str(SCRIPT), "mistaken.py"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(.*?)(\w+\.py):(\d+): error: (.*)$", done.stdout, re.M)
    return {
        name: {int(line): message for _, file, line, message in found if file == name}
        for name in ("user.py", "mistaken.py")
    }


def test_a_strict_script_has_no_error(errors):
    assert errors["user.py"] == {}


@pytest.mark.parametrize("wrong", [wrong for _, wrong in MISTAKES], ids=lambda wrong: " ".join(wrong.split()))
def test_a_mistake_is_seen(errors, wrong):
    text = SCRIPT.read_text(encoding="utf8")
    for right, planted in MISTAKES:
        text = text.replace(right, planted)
    line = text[: text.index(wrong)].count("\n") + 1
    assert line in errors["mistaken.py"], errors["mistaken.py"]


def test_the_script_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    assert user.compare(3, tmp_path).keys() == {"GAN", "VAE/GAN", "AE"}
    found = user.losses(build(zoo.VAE, (2,)), load("ring"))
    assert all(torch.isfinite(loss) for loss in found.values()) and len(found) == 2
