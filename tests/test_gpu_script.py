"""The script that is ready for a GPU does on a CPU what it can: a device equals itself, and a part ends in time."""

import json
import subprocess
import sys

import torch
from helpers import ROOT, environment

from ganvae_lib import Noise, zoo

SCRIPT = ROOT / "benchmarks" / "gpu.py"


def test_its_parts_write_their_rows_and_end_when_their_time_is_over(tmp_path):
    asked = ["--device", "cpu", "--minutes", "0.1", "--parts", "equal", "resume", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, SCRIPT, *asked], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    equal, resume = (json.loads((tmp_path / f"{part}.json").read_text()) for part in ("equal", "resume"))
    assert [row["model"] for row in equal["rows"]] == list(zoo.ALL)[: len(equal["rows"])]
    assert all(row["difference"] == 0 and row["largest_loss"] > 0 for row in equal["rows"]), "a CPU equals itself"
    assert {row["apart"] for row in resume["rows"]} == {0.0}
    assert equal["ended"] in ("with all rows", "when its time was over") and equal["environment"]["device"] == "cpu"


def test_both_devices_see_the_numbers_of_the_host(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu import STUDIES, NoiseOfTheHost

    assert all((ROOT / "studies" / f"{name}.py").exists() for name in STUDIES)
    expected = Noise([0, 3]).normal("z", 5)
    with NoiseOfTheHost("meta"):  # a device without numbers, of which torch makes no generator
        noise = Noise([0, 3], "meta")
        assert noise.generators("z")[0].device.type == "cpu"
        assert noise.normal("z", 5).device.type == "meta" and noise.device.type == "meta"
    assert torch.equal(Noise([0, 3]).normal("z", 5), expected), "and afterwards all is as before"


def test_without_a_gpu_it_says_how_it_can_be_tried():
    if torch.cuda.is_available():
        return
    done = subprocess.run([sys.executable, SCRIPT], env=environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "there is no GPU here; --device cpu" in done.stderr
