"""How runs, models and histories show themselves: short, true, and safe in a page."""

import copy
import pickle
import re

import pytest
import torch
from helpers import images, points, short, small, suited

from ganvae_lib import Data, History, Run, build, zoo
from ganvae_lib.models.model import title_of
from ganvae_lib.objective.algebra import Objective


@pytest.fixture(scope="module")
def run():
    return short(small(zoo.VAE, points()), steps=4, seeds=[3, 5])


def test_a_run_says_what_it_is_and_what_to_do_next(run):
    lines = repr(run).splitlines()
    assert len(lines) < 8
    rows = {line[:12].strip(): line[12:] for line in lines}
    assert rows["Run"] == f"VAE: {zoo.VAE!r}"
    assert rows["θ descends"] == "E_{d(x) q_η(z|x)}[-log p_θ(x|z)]"
    assert rows["data"] == repr(points()) and rows["next"].startswith("run.sample(16), run.evaluate(data), fit(run, ")
    assert rows["trained"].startswith("4 steps, seeds [3, 5]; at last reconstruct x ")
    last = run.history["reconstruct x"][-1].mean()
    assert f"reconstruct x {last:.3f} ± " in rows["trained"]


@pytest.mark.parametrize("objective", zoo.ALL.values(), ids=zoo.ALL)
def test_every_model_is_shown_in_less_than_eight_lines(objective):
    model = small(objective, suited(objective, images()))
    text = repr(model)
    assert len(text.splitlines()) < 8 and text.startswith("Model ") and repr(objective) in text
    for line in str(objective).splitlines()[1:]:
        assert line.strip().partition(" descends ")[2].split(" where ")[0] in text.replace("  ", " ")
    counts = [int(count.replace(",", "")) for count in re.findall(r"\(([\d,]+) parameters\)", text)]
    assert sum(counts) == sum(p.numel() for p in model.parameters())


def test_copies_are_counted_once(run):
    alone = {line for line in repr(run.model.single(0)).splitlines() if line.startswith("networks")}
    assert alone == {line for line in repr(run.model).splitlines() if line.startswith("networks")}
    assert "a copy for each of the seeds [3, 5]" in repr(run.model) and "seed 3;" in repr(run.model.single(0))


def test_a_history_says_its_last_values():
    history = History(seeds=[4, 9], names=["a", "b"])
    assert repr(history) == "History  0 points; seeds [4, 9]"
    history.append(2, torch.tensor([[[1.0, 3.0], [5.0, 5.0]]]))
    assert repr(history).splitlines() == [
        "History  1 points, to step 2; seeds [4, 9]",
        "a        2.000 ± 12.706",
        "b        5.000 ± 0.000",
    ]
    many = History(seeds=[0], names=[f"loss {i}" for i in range(20)])
    many.append(1, torch.zeros(1, 20, 1))
    assert len(repr(many).splitlines()) < 8 and "and 15 more: loss 5, " in repr(many)


def test_names_with_markup_are_shown_as_text(run):
    data = Data(points().x, name="<script>alert(1)</script>")
    evil = short(small(zoo.VAE, data), data, steps=1)
    for shown in (evil, evil.model, evil.history):
        html = shown._repr_html_()
        assert html.startswith("<table") and "<script" not in html
    assert "&lt;script&gt;alert(1)" in evil._repr_html_()
    assert "$" not in run._repr_html_() and "\\" not in run._repr_html_()  # plain text, for any page


def test_a_run_that_came_back_says_the_same(run, tmp_path):
    for again in (Run.load(run.save(tmp_path)), pickle.loads(pickle.dumps(run)), copy.deepcopy(run)):
        assert repr(again) == repr(run)
        assert torch.equal(again.sample(3), run.sample(3)) and again.about == run.about


def test_a_run_without_data_or_points_can_be_shown():
    model = build(zoo.GAN, (2,))
    assert "not kept" in repr(Run(model, History([0], ["match x"]), None, {}))
    assert isinstance(model.objective, Objective) and title_of(model.objective).startswith("GAN: ")
