"""The README's code runs as printed (with fewer steps), and its numbers are those of the committed results."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.strip().splitlines()[-1][:40])
def test_code_runs_as_printed(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANVAE_PROGRESS", "0")
    if "mnist" in code and not os.environ.get("GANVAE_DATA"):
        code = code.replace('"mnist"', '"digits"')  # the same calls, on data that need no download
    few = re.sub(r"steps=[\d_]+", "steps=20", re.sub(r"k=\d+", "k=2", code))
    assert few != code
    names = {"__name__": "readme"}
    exec(compile(few, "README.md", "exec"), names)
    assert names.keys() & {"run", "vae"}


def test_every_link_to_a_file_leads_somewhere():
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in t]
    assert targets and [t for t in targets if not (ROOT / t).exists()] == []


def test_the_numbers_are_those_of_the_records():
    vae, gan = (json.loads((ROOT / f"results/mnist_{name}.json").read_text()) for name in ("vae", "gan"))
    for who in ("library", "reference"):
        measures = vae["models"][who]["measures"]
        for score in (measures["elbo"], measures["iwae"]):
            assert f"{score['mean']:.2f} ± {score['half_width_95']:.2f} nats" in README
    samples, real = gan["models"]["GAN"]["measures"], gan["references"]["test digits"]["measures"]
    sure = samples["confident"]
    assert f"{100 * sure['mean']:.0f} ± {100 * sure['half_width_95']:.0f} %" in README
    assert f"{100 * gan['facts']['accuracy of the classifier']:.1f} %" in README
    assert f"{100 * real['confident']['mean']:.0f} %" in README and set(samples["classes"]["values"]) == {10.0}


def test_the_speed_table_is_the_record():
    record = json.loads((ROOT / "results/speed.json").read_text())
    rows = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \|$", README, re.M)
    told = [(workload, this, against, *map(float, ratio)) for workload, this, against, *ratio in rows]
    assert told == [(r["workload"], r["this"], r["against"], r["ratio"], *r["ratio_range"]) for r in record["rows"]]


def test_a_term_of_ones_own_prints_what_the_comment_says(capsys):
    (code,) = (code for code in BLOCKS if "class Small" in code)
    exec(compile(code.partition("\nrun = ")[0], "README.md", "exec"), {"__name__": "readme"})
    said = re.search(r"^print\(.*  # (.*)$", code, re.M).group(1).split("; ")
    assert len(said) == 2 and set(said) <= {line.strip() for line in capsys.readouterr().out.splitlines()}
