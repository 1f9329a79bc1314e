"""The page "Probability in ten minutes": its blocks run, its figures compute what PyTorch does and stand drawn in it."""

import json
import math
import re
import shutil
import subprocess

import pytest
import torch
from helpers import ROOT
from torch.distributions import Categorical, MultivariateNormal, kl_divergence

SCRIPT = ROOT / "book" / "_static" / "refresher.js"
PAGE = (ROOT / "book" / "refresher.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
SLIDERS = {
    name: (float(low), float(high), float(start))
    for name, low, high, start in re.findall(
        r'<input type="range" name="(\w+)" min="([-.\d]+)" max="([-.\d]+)" step="[.\d]+" value="([-.\d]+)">', PAGE
    )
}


def node(program):
    """What a program that returns a value gives in Node, where `page` is the script."""
    if not (found := shutil.which("node")):
        pytest.skip("no Node.js here to run the page's JavaScript")
    whole = f"const page = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify((() => {{ {program} }})()))"
    done = subprocess.run([found, "-e", whole], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_every_part_is_shown(float64):
    with torch.random.fork_rng():
        session = {"__name__": "refresher"}
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"block {number} of refresher.md", "exec"), session)
    assert len(BLOCKS) == 1 + PAGE.count("\n## ") and all("assert " in block for block in BLOCKS[1:])
    assert all(len(line) <= 88 for block in BLOCKS for line in block.splitlines())


@pytest.mark.parametrize("uneven, wrong", [(0.7, 0.35), (0.0, 0.5), (1.2, 1.0), (0.5, 0.0)])
def test_surprise_is_entropy_and_both_kls(uneven, wrong):
    found = node(f"return page.surprise({{uneven: {uneven}, wrong: {wrong}}})")
    raw = torch.exp(-uneven * torch.arange(4, dtype=torch.float64))
    p = Categorical(probs=raw)
    q = Categorical(probs=(1 - wrong) * p.probs + wrong * p.probs.flip(0))
    assert torch.allclose(torch.tensor(found["p"], dtype=torch.float64), p.probs)
    assert math.isclose(found["entropy"], p.entropy(), abs_tol=1e-12)
    assert math.isclose(found["kl"], kl_divergence(p, q), abs_tol=1e-12)
    assert math.isclose(found["other"], kl_divergence(q, p), abs_tol=1e-12)
    assert math.isclose(found["cross"], found["entropy"] + found["kl"], abs_tol=1e-12)


@pytest.mark.parametrize("uneven, wrong", [(0.7, 0.35), (1.2, 1.0)])
def test_areas_are_what_the_page_says(uneven, wrong):
    """Orange less pale, over the area of a bar of width 1 and height 1 nat, is the KL; blue is the entropy."""
    drawn = node(f"return page.FIGURES.surprise({{uneven: {uneven}, wrong: {wrong}}}).drawn")
    found = node(f"return page.surprise({{uneven: {uneven}, wrong: {wrong}}})")
    boxes = re.findall(r'<rect x="\S+" y="\S+" width="(\S+)" height="(\S+)" style="fill:var\(--([\w-]+)', drawn)
    area = {"obj-data": 0.0, "obj-theta": 0.0, "ref-paper": 0.0}
    for width, height, colour in boxes:
        area[colour] += float(width) * float(height) / (316 * 38)
    assert abs(area["obj-data"] - found["entropy"]) < 0.01
    assert abs(area["obj-theta"] - area["ref-paper"] - found["kl"]) < 0.01 and area["ref-paper"] > 0.03


@pytest.mark.parametrize("rho, x", [(0.8, 1.5), (-0.9, -2.0), (0.0, 1.0)])
def test_a_conditional_is_the_joint_over_the_marginal(rho, x):
    found = node(f"return page.conditioned({{rho: {rho}, x: {x}}})")
    pair = MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, rho], [rho, 1.0]]))
    z = torch.linspace(-9, 9, 4001)
    weight = pair.log_prob(torch.stack([torch.full_like(z, x), z], -1)).exp()
    weight = weight / weight.sum()
    mean = (weight * z).sum()
    assert math.isclose(found["mean"], mean, abs_tol=1e-4)
    assert math.isclose(found["std"], (weight * (z - mean) ** 2).sum().sqrt(), abs_tol=1e-4)


@pytest.mark.parametrize("figure", ["surprise", "conditioned"])
def test_the_page_holds_each_figure_as_it_starts_and_sliders_that_have_names(figure):
    """Without JavaScript, in print and in the e-book, the picture is there."""
    start, shown = node(f"return [page.STARTS.{figure}, page.FIGURES.{figure}(page.STARTS.{figure})]")
    assert shown["drawn"] in PAGE and shown["told"] in PAGE and f'viewBox="0 0 360 {shown["height"]}"' in PAGE
    part = PAGE.partition(f'data-figure="{figure}"')[2].partition("\n```")[0]
    for name, value in start.items():
        low, high, first = SLIDERS[name]
        assert (
            low < value < high
            and first == value
            and re.search(rf'<label>[\w ]+<input type="range" name="{name}"', part)
        )
    assert re.search(r'role="img" aria-label=".{20,}"', part) and "<text" in part


def test_nothing_leaves_its_picture():
    """At the ends of the sliders every point lies within the box that the page shows."""
    ends = {"surprise": ("uneven", "wrong"), "conditioned": ("rho", "x")}
    for figure, (one, other) in ends.items():
        for a in SLIDERS[one][:2]:
            for b in SLIDERS[other][:2]:
                shown = node(f"return page.FIGURES.{figure}({{{one}: {a}, {other}: {b}}})")
                assert "NaN" not in shown["drawn"] and "Infinity" not in shown["drawn"]
                for path in re.findall(r'd="M([^"]+)"', shown["drawn"]):
                    points = torch.tensor([float(v) for v in re.split(r"[ L]", path)]).view(-1, 2)
                    assert points.min() >= 0 and points[:, 0].max() <= 360 and points[:, 1].max() <= shown["height"]
