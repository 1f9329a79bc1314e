"""Compose your own model: what a choice means, the grid, the page, its script run in Node, and the live controls."""

import base64
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import time
from html import escape
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ganvae_lib import Data, Model, build, draw, load, ring, widgets, zoo
from ganvae_lib.experiments.study import train_and_measure
from ganvae_lib.widgets import choices
from ganvae_lib.widgets.choices import ALSO, CHOICES, MEASURES, SETTINGS, Choice, all_choices
from ganvae_lib.widgets.compose_page import READ_CHOICE_SCRIPT
from studies import compose as grid_study, compose_study

page_data, format_measure = (
    getattr(sys.modules["ganvae_lib.widgets.compose"], name) for name in ("page_data", "format_measure")
)
ROOT = Path(__file__).resolve().parents[2]
RECORD = json.loads((ROOT / "results" / "compose.json").read_text(encoding="utf-8"))
GRID = grid_study.grid()
FACTS = page_data(RECORD)[0]
WORLD = Data(ring().sample(512, 0), None, "ring", ring())

NAMED = {
    "VAE": Choice(),
    "beta-VAE": Choice(weight=4.0),
    "GAN": Choice("ns", "none", rec_x=False),
    "reverse-KL GAN": Choice("rkl", "none", rec_x=False),
    "GMMN": Choice("mmd", "none", rec_x=False),
    "AAE": Choice(z="adversary"),
    "WAE-MMD": Choice(z="mmd"),
    "InfoGAN": Choice("ns", "none", rec_x=False, rec_z=True),
    "CycleGAN": Choice("ns", "adversary", rec_z=True),
    "ALI": Choice(z="none", joint="xz", rec_x=False),
    "AVB": Choice(z="none", joint="z|x"),
    "MDGAN": Choice("ns", "none", "asked"),
    "alpha-GAN": Choice("rkl", "adversary", "again"),
    "Helmholtz machine": Choice(z="none", rec_z=True, players="wake-sleep"),
}
LATER = {  # of chapter 20: well formed, and trained live
    "diffusion": Choice("noise", "none", rec_x=False),
    "diffusion-GAN": Choice("noisy", "none", rec_x=False),
    "DMD": Choice("scores", "none", rec_x=False),
    "latent diffusion": Choice(z="learned"),
    "VQ-VAE": Choice(z="codebook"),
}


@pytest.mark.parametrize("name", LATER)
def test_models_of_chapter_20_are_composed_and_measured(name):
    choice = LATER[name]
    assert choice.name() == name and choice.objective() == zoo.ALL[name] and choice.key not in GRID
    run = choices.train(choice.objective(), WORLD, 2, steps=3, progress=False)
    scores, made, codes = choices.measure(run, WORLD.law, n=64)
    assert made.shape == (2, 64, 2) and all(value.shape == (2,) for value in scores.values())
    assert (codes is None) == ("encoder" not in choice.objective().networks) == ("error_x" not in scores)


@pytest.mark.parametrize("name", NAMED)
def test_known_models_are_found_and_in_the_grid(name):
    choice = NAMED[name]
    assert choice.name() == name and choice.key in GRID
    if name != "GMMN":  # MMD enters with weight 10
        assert choice.objective() == zoo.ALL[name]


def test_the_grid_has_no_other_name():
    assert {c.name() for c in GRID.values()} - {None} == set(NAMED)
    assert set(ALSO) <= set(GRID) and all(GRID[key].name() is None for key in ALSO)


@pytest.mark.parametrize(
    "choice, word",
    [
        (Choice(z="none", rec_x=False), "decoder"),
        (Choice(rec_x=False), "decoder"),
        (Choice("ns", rec_x=False), "never meet"),
        (Choice("mmd", "none", "asked"), "nobody trains"),
        (Choice(z="none", rec_x=False, rec_z=True), "reads the data"),
        (Choice(z="none", players="wake-sleep"), "encoder"),
        (Choice("noise"), "by itself"),
        (Choice(z="codebook", rec_x=False), "Reconstruct x"),
        (Choice(z="learned", rec_x=False), "Reconstruct x"),
        (Choice("ns", "learned"), "the one that is learned"),
        (Choice("scores", "codebook"), "the one that is learned"),
        (Choice(z="codebook", joint="z|x"), "the one that is learned"),
        (Choice(z="learned", rec_z=True), "the one that is learned"),
        (Choice(z="codebook", players="wake-sleep"), "its own entries"),
    ],
)
def test_what_is_missing_is_said(choice, word):
    assert word in choice.missing() and choice.name() is None
    with pytest.raises(ValueError, match=word):
        choice.objective()


def test_unknown_parts_are_errors():
    with pytest.raises(ValueError, match="x must be one of"):
        Choice("vae")


def test_choices_of_the_same_key_are_the_same_sum_and_well_formed_ones_build():
    sums = {}
    for choice in all_choices():
        if not choice.missing():
            assert sums.setdefault(choice.key, choice.objective()) == choice.objective()
    for objective in set(sums.values()):
        assert isinstance(build(objective, (2,), latent=2, hidden=(4,)), Model)
        assert "theta" in objective.players


def test_the_sum_prints_what_the_page_shows():
    for choice, letters in zip(all_choices(), FACTS["terms"].split(","), strict=True):
        if not choice.missing():
            assert " + ".join(FACTS["code"][a] for a in letters) == repr(choice.objective())


def test_the_formula_of_the_page_is_that_of_the_objective():
    html = widgets.compose(RECORD).html
    pieces = {}
    for player, line in re.findall(r'data-player="(\w+)">(.*?)</div>', html):
        found = re.findall(r'data-term="(\w)" hidden>\\\((.*?)\\\)</span>', line)
        pieces[player] = [(a, tex.replace("&amp;", "&").replace("&#x27;", "'")) for a, tex in found]
    letters = FACTS["terms"].split(",")
    for i, choice in enumerate(all_choices()):
        if not choice.missing():
            lines = {p: " + ".join(tex for a, tex in held if a in letters[i]) for p, held in pieces.items()}
            assert {p: line for p, line in lines.items() if line} == choice.objective().lines()


# ---------------------------------------------------------------- the record


def test_the_record_holds_the_grid_and_nothing_else():
    assert list(RECORD["models"]) == list(GRID) and RECORD["config"]["steps"] == SETTINGS["steps"]
    for key, found in RECORD["models"].items():
        measures, examples = found["measures"], found["examples"]
        assert found["objective"] == repr(GRID[key].objective()) and found["name"] == GRID[key].name()
        for name in MEASURES:
            if name in measures:
                assert len(measures[name]["values"]) == len(RECORD["seeds"]) - len(found["failed"])
        if examples:
            assert len(base64.b64decode(examples["x"])) == 2 * RECORD["notes"]["cloud"]["points"]
            assert (examples["z"] is not None) == ("error_x" in measures)


def test_a_combination_that_is_trained_again_has_the_same_form():
    choice = NAMED["CycleGAN"]
    short = dataclasses.replace(grid_study.STUDY, steps=2)
    found, _ = train_and_measure(short, choice.key, short.models[choice.key], SimpleNamespace(train=WORLD), [0, 1])
    assert set(found) == set(RECORD["models"][choice.key])
    assert all(len(found["measures"][name]) == 2 for name in MEASURES)


def test_the_study_is_what_was_announced():
    study = json.loads((ROOT / "results" / "compose_study.json").read_text(encoding="utf-8"))
    assert study["notes"]["chosen"]["objective"] == repr(compose_study.MODELS[compose_study.NEW])
    assert zoo.name(compose_study.MODELS[compose_study.NEW]) is None
    assert list(study["worlds"]) == ["ring", "grid", "digits"] and len(study["seeds"]) >= 8
    for world in study["worlds"].values():
        rivals = [pair.removeprefix(f"{compose_study.NEW} - ") for pair in world["comparisons"]]
        assert list(world["models"]) == list(compose_study.MODELS) == [compose_study.NEW, *rivals]
        for name, differences in zip(rivals, world["comparisons"].values(), strict=True):
            a, b = (world["models"][n]["measures"] for n in (compose_study.NEW, name))
            for measure, difference in differences.items():
                assert difference["mean"] == pytest.approx(a[measure]["mean"] - b[measure]["mean"], abs=2e-4)


def test_distance_of_a_shift_and_of_nothing():
    x = torch.randn(2, 500, 2, generator=torch.Generator().manual_seed(0))
    assert choices.distance(x[:1], x[0]).item() == 0
    shifted = choices.distance(x + torch.tensor([3.0, 0.0]), x[0])[0]
    assert shifted.item() == pytest.approx(3 * 2 / torch.pi, rel=0.01)  # the mean of |cos| over directions
    assert choices.distance(torch.zeros(1, 9, 5), torch.zeros(9, 5)).item() == 0


def test_neighbours_of_a_set_itself_and_of_one_far_away():
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert compose_study.within(x, x) == 100 and compose_study.within(x + 100, x) == 0


# ---------------------------------------------------------------- the page


def node(expression):
    if not (program := shutil.which("node")):
        pytest.skip("no Node.js here to run the figure's JavaScript")
    script = f"{READ_CHOICE_SCRIPT}const facts = {json.dumps(FACTS)};console.log(JSON.stringify({expression}))"
    return json.loads(subprocess.run([program, "-"], input=script, capture_output=True, text=True, check=True).stdout)


def test_the_script_finds_every_combination_and_shows_its_numbers():
    said = node(f"Array.from({{length: {len(all_choices())}}}, (_, i) => read(facts, i))")
    found = set()
    for choice, says in zip(all_choices(), said, strict=True):
        missing, key = choice.missing(), choice.key
        if missing:
            assert says["says"] == says["missing"] == missing
        elif key in GRID:
            found.add(key)
            known = RECORD["models"][key]
            assert says["row"] == [format_measure(m, known["measures"].get(m)) for m in MEASURES]
            assert [says[v] for v in "xz"] == [known["examples"].get(v) or "" for v in "xz"]
        else:
            assert "live=True" in says["says"] and not says["row"]
        if not missing:
            assert says["name"] == (choice.name() or ALSO.get(key, ""))
            assert set(says["layers"]) - {"again"} == set(choice.objective().networks)
    assert found == set(GRID)


def test_numbers_are_rounded_means_and_half_widths():
    entry = {"mean": 7.25, "half_width_95": 0.796, "values": []}
    assert format_measure("modes", entry) == "7.2, 6.5 to 8.0" and format_measure("error_x", entry) == "7.25 ± 0.80"
    assert format_measure("modes", entry | {"half_width_95": None}) == "7.2" and format_measure("modes", None) == "–"


def test_intervals_of_counts_and_shares_stay_in_their_range():
    """In the record some would not: that of the VAE's modes is 1.75 ± 3.28."""
    vae = RECORD["models"]["none kl none x 1 all"]["measures"]["modes"]
    assert vae["mean"] < vae["half_width_95"] and format_measure("modes", vae) == "1.8, 0.0 to 5.0"
    for model in RECORD["models"].values():
        for name, high in (("modes", 8), ("high_quality", 100)):
            if name in model["measures"] and " to " in (text := format_measure(name, model["measures"][name])):
                ends = [float(end) for end in text.partition(", ")[2].split(" to ")]
                assert 0 <= ends[0] <= model["measures"][name]["mean"] <= ends[1] <= high


def test_the_page_says_why_the_vae_covers_so_few_modes_and_training_on_covers_all():
    """The book's first page shows all eight: the cause is how long it has trained, and nothing else is changed here."""
    modes = RECORD["models"]["none kl none x 1 all"]["measures"]["modes"]["values"]
    says = choices.explain_missing_modes(RECORD["models"], RECORD["config"]["steps"])
    assert "cover {:.0f}, {:.0f}, {:.0f} and {:.0f} of the 8 modes".format(*modes) in says
    assert escape(says) in widgets.compose(RECORD).html
    first_page = (ROOT / "book" / "intro.md").read_text(encoding="utf8")
    assert "cover {:.0f}, {:.0f}, {:.0f} and {:.0f} clusters".format(*modes) in first_page
    few, all_of_them = re.search(r"σ is still ([\d.]+) to ([\d.]+)", says), re.search(r"σ is ([\d.]+) and all", says)
    ring = load("ring")
    for steps in (1000, 2000):
        run = choices.train(zoo.VAE, ring, 4, steps=steps, progress=False)
        covered = choices.measure(run, ring.law)[0]["modes"]
        (log_std,) = run.model.decoder.observation.parameters()
        std = log_std.detach().exp().flatten()
        if steps == 1000:
            assert covered.mean() < 4 and std.min() > 0.2
            assert std.aminmax().min.item() == pytest.approx(float(few[1]), abs=0.03)
            assert std.aminmax().max.item() == pytest.approx(float(few[2]), abs=0.03)
        else:
            assert (covered == 8).all() and std.mean().item() == pytest.approx(float(all_of_them[1]), abs=0.01)


def test_html_is_complete_alone_and_usable_without_a_mouse():
    figure = widgets.compose(RECORD, name="fig-one")
    html = figure._repr_html_()
    assert html.startswith('<div id="fig-one" role="group" data-lm-suppress-shortcuts="true" onkeydown=')
    assert html.endswith("</div>") and html == widgets.compose(RECORD, name="fig-one").html
    assert not re.search(r"https?:|src=|@import|%\w+%", html) and "START" not in html and len(html) < 400_000
    assert html.count("<select") == len(CHOICES) == html.count("<label>")
    assert 'role="status"' in html and 'aria-label="Interactive figure' in html
    for key in FACTS["known"].values():
        assert f'data-go="{key}"' in html


def test_its_id_is_not_that_of_a_heading():  # Sphinx would give both the same
    notebook = json.loads((ROOT / "notebooks" / "14_the_symmetric_view.ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    slugs = {re.sub(r"\W+", "-", h.lower()).strip("-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
    assert "compose-your-own-model" in slugs
    assert re.match('<div id="([^"]+)"', widgets.compose(RECORD).html)[1] not in slugs


def test_a_record_can_be_read_from_its_file():
    assert widgets.compose(ROOT / "results" / "compose.json").html == widgets.compose(RECORD).html


# ---------------------------------------------------------------- live


def test_every_objective_of_the_zoo_has_a_graph():
    import matplotlib.pyplot as plt

    for objective in zoo.ALL.values():
        assert draw.schematic(objective).has_data()
        plt.close("all")


@pytest.fixture
def live():
    pytest.importorskip("ipywidgets")
    from ganvae_lib.widgets.compose_live import Live

    controls = Live(Choice())
    yield controls
    controls.stop_button.click()
    controls.wait(30)


def test_live_controls_explain_and_train(live):
    assert "VAE" in live.status.value and not live.train_button.disabled and r"\theta" in live.formula.value
    assert live.graph.value[:4] == b"\x89PNG"
    live.controls["rec_x"].value = False
    assert "Nothing moves the decoder" in live.status.value and live.train_button.disabled
    live.controls["x"].value, live.controls["z"].value = "ns", "none"
    assert "GAN" in live.status.value and not live.train_button.disabled
    live.steps.min = live.steps.value = 2
    live.train_button.click()
    live.wait(60)
    assert live.progress_text.value == "done" and not live.train_button.disabled and live.stop_button.disabled
    assert "Result of GAN" in live.title.value and "2 steps, 4 seeds" in live.title.value
    assert live.pictures.value[:4] == b"\x89PNG" and "modes" in live.scores.value


def test_stop_stops_within_a_second_and_shows_what_there_is(live):
    live.steps.max = live.steps.value = 100_000
    live.train_button.click()
    begun = time.monotonic()
    while live.progress_bar.value == 0 and time.monotonic() - begun < 60:
        time.sleep(0.01)
    asked = time.process_time()  # of this process: others may have the processor meanwhile
    live.stop_button.click()
    live.wait(60)
    assert live.progress_text.value.startswith("stopped at step") and time.process_time() - asked < 3
    assert "Result of VAE" in live.title.value and "100,000 steps" not in live.title.value


def test_a_result_stays_while_another_choice_is_described(live):
    live.steps.min = live.steps.value = 2
    live.train_button.click()
    live.controls["z"].value = "adversary" if "adversary" in CHOICES["z"] else next(iter(CHOICES["z"]))
    live.wait(60)
    of = live.title.value
    assert "Result of VAE" in of
    live.controls["rec_x"].value = False
    assert live.title.value == of and live.scores.value


def test_nothing_chosen_has_no_formula(live):
    for part, control in live.controls.items():
        control.value = False if False in CHOICES[part] else ("none" if "none" in CHOICES[part] else control.value)
    assert not live.choice().terms and live.formula.value == "" and live.graph.value == b""
    assert live.graph.layout.display == "none" and live.train_button.disabled


def test_live_pictures_need_no_pyplot(live):
    """Callbacks may run in any thread: a figure of pyplot could be somebody else's."""
    import matplotlib.pyplot as plt

    plt.close("all")
    live.controls["z"].value = "none"
    live.steps.min = live.steps.value = 2
    live.train_button.click()
    live.wait(60)
    assert plt.get_fignums() == []


def test_what_fails_in_the_thread_is_told(live, monkeypatch):
    from ganvae_lib.widgets import compose_live

    def broken(*arguments, **options):
        raise RuntimeError("no <room>")

    monkeypatch.setattr(compose_live, "train", broken)
    live.train_button.click()
    live.wait(60)
    assert live.progress_text.value == "RuntimeError: no &lt;room&gt;" and not live.train_button.disabled
