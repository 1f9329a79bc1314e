"""The figures' own mathematics, run in Node, equals exact.py and lemmas.py; and the HTML needs nothing from outside."""

import json
import math
import re
import shutil
import subprocess

import pytest
import torch
from torch.distributions import Normal

from ganvae_lib import exact, lemmas, widgets
from ganvae_lib.distributions import PATHS

X = exact.line(-45, 45, 1801)
WORLDS = [(0.35, 4.5), (0.35, 9.5), (0.8, 2.0), (0.5, 0.0)]
MODELS = [(-1.0, 1.5), (2.45, 1.07), (-6.0, 0.2), (6.0, 6.0)]


def node(expression, maths=widgets.MATHS):
    if not (program := shutil.which("node")):
        pytest.skip("no Node.js here to run the figure's JavaScript")
    script = maths + f"console.log(JSON.stringify({expression}))"
    return json.loads(subprocess.run([program, "-e", script], capture_output=True, text=True, check=True).stdout)


def normal(mean, std):  # Normal(0.25, 0.7) of Python floats would round them to float32
    return Normal(*torch.tensor([mean, std], dtype=torch.float64)).log_prob(X.points)


def world(weight, gap):
    return torch.logaddexp(
        math.log(weight) + normal(0.25 - gap / 2, 0.7), math.log(1 - weight) + normal(0.25 + gap / 2, 1.0)
    )


def model(v):
    return Normal(v[0], v[1].exp()).log_prob(X.points)


DIVERGENCES = {
    "forward": lambda d, p: X.kl(d, p),
    "reverse": lambda d, p: X.kl(p, d),
    "js": lambda d, p: X.js(d, p),
    "ns": lambda d, p: X.f_divergence("non-saturating", p, d),
}


def test_values_are_those_of_exact():
    got = node(
        f"{json.dumps(WORLDS)}.map(w => {json.dumps(MODELS)}.map(m => {json.dumps([*DIVERGENCES])}"
        ".map(name => maths.divergence(name, maths.world(...w), ...m))))"
    )
    truth = [[[float(f(world(*w), normal(*m))) for f in DIVERGENCES.values()] for m in MODELS] for w in WORLDS]
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), torch.tensor(truth, dtype=torch.float64), rtol=1e-9, atol=1e-9
    )


def test_cost_is_never_negative():
    least = node(
        f"{json.dumps([*DIVERGENCES])}.map(name => Math.min(...maths.paid(name, maths.world(.35, 4.5), -1, 1.5)))"
    )
    assert min(least) > -1e-15


@pytest.mark.parametrize("name", DIVERGENCES)
def test_best_fit_is_the_global_minimum(name):
    d = world(0.35, 4.5)
    starts = [(-2.0, -0.3), (2.5, 0.0), (0.5, 0.8)]
    (mean, log_sd), value = min(
        (exact.minimise(lambda v: DIVERGENCES[name](d, model(v)), s) for s in starts), key=lambda found: found[1]
    )
    got = node(f"maths.best('{name}', maths.world(.35, 4.5))")
    assert abs(got["mean"] - mean) < 1e-4 and abs(got["sd"] - log_sd.exp()) < 1e-4
    assert abs(got["value"] - value) < 1e-8


def test_downhill_stays_in_its_valley():
    d = world(0.35, 4.5)
    (mean, _), value = exact.minimise(lambda v: X.kl(model(v), d), (-2.0, -0.3))
    got = node("maths.descend('reverse', maths.world(.35, 4.5), -2.5, 0.6)")
    assert abs(got["mean"] - mean) < 1e-4 and abs(got["value"] - value) < 1e-8 and mean < -1.9


@pytest.mark.parametrize(
    "figure, buttons, sliders", [(widgets.two_directions, 9, 4), (widgets.lemma_1, 6, 5), (widgets.noised, 5, 5)]
)
def test_html_is_complete_and_alone(figure, buttons, sliders):
    html = figure(name="fig-one")._repr_html_()
    assert html.startswith('<div id="fig-one" role="group" data-lm-suppress-shortcuts="true" onkeydown=')
    assert html.endswith("</div>")
    assert not re.search(r"https?:|src=|@import|\b(ID|KEYS|START|PAPER|INK|THETA|DATA|PHI|PRIOR)\b", html)
    assert html == figure(name="fig-one")._repr_html_()  # re-execution gives no diff
    assert html.count("<button") == buttons and html.count('type="range"') == sliders


# ---------------------------------------------------------------- Lemma 1

LINE = exact.line(-30, 30, 1201)
START = torch.tensor([0.3, math.log(1.6)], dtype=torch.float64)
JUDGES = [(0.7, 0.0), (1.0, 0.0), (0.0, -3.0), (-1.0, 0.0), (2.0, 3.0)]  # sharpness, shift
OFFSETS = [(0.0, 0.0), (1.5, 0.3), (-3.0, 0.7), (3.0, -0.7)]


def step(weight, sharpness, shift):
    at = lambda mean, std: Normal(mean, std).log_prob(LINE.points)
    number = lambda v: torch.tensor(v, dtype=torch.float64)
    log_d = torch.logaddexp(
        math.log(weight) + at(number(-2.0), number(0.7)), math.log(1 - weight) + at(number(2.5), number(1.0))
    )
    generator = lambda theta: at(theta[..., 0:1], theta[..., 1:2].exp())
    logit = sharpness * lemmas.optimal_logit(generator(START), log_d) + shift
    return lemmas.GeneratorStep.gan(LINE, generator, log_d, START, logit)


@pytest.mark.parametrize("weight", [0.02, 0.35, 0.98])
def test_both_sides_of_lemma_1_are_those_of_the_library(weight):
    terms = ("left", "kl", "js", "remainder", "log_z", "right")
    got = node(
        f"{json.dumps(JUDGES)}.map(j => {json.dumps(OFFSETS)}.map(o => {{ const s = lemma.sides("
        f"lemma.freeze({weight}, ...j), lemma.start.map((v, k) => v + o[k])); return {json.dumps(terms)}"
        ".map(key => s[key]); }))",
        widgets.LEMMA_MATHS,
    )
    sides = [
        [step(weight, *judge).sides(START + torch.tensor(offset, dtype=torch.float64)) for offset in OFFSETS]
        for judge in JUDGES
    ]
    truth = [[[float(getattr(at, term)) for term in terms] for at in row] for row in sides]
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), torch.tensor(truth, dtype=torch.float64), rtol=1e-9, atol=1e-9
    )


def test_gradient_step_of_the_figure_is_that_of_the_library():
    got = node(f"{json.dumps(JUDGES)}.map(j => lemma.slope(lemma.freeze(0.35, ...j)))", widgets.LEMMA_MATHS)
    steps = [step(0.35, *judge) for judge in JUDGES]
    truth = [lemmas.gradient(lambda theta, at=at: at.sides(theta).left, START) for at in steps]
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), torch.stack(truth), rtol=0, atol=1e-7)


def test_markup_in_names_and_values_is_no_markup():
    name, value = "<b>x</b>", "</script><b>x</b>"
    for html in (
        widgets.two_directions(mean=value, name=name)._repr_html_(),
        widgets.lemma_1(mean=value, name=name)._repr_html_(),
        widgets.noised(mean=value, name=name)._repr_html_(),
    ):
        assert "<b>x" not in html and html.count("</script>") == 1
        assert html.startswith('<div id="-b-x--b-" role="group"') and "&lt;b&gt;x&lt;/b&gt;" in html


# ---------------------------------------------------------------- noise


def test_both_kls_under_noise_and_their_rates_are_those_of_the_library():
    """At little and much noise, for models beside, on and between the modes."""
    space, cosine = exact.line(-15, 15, 1201, tolerance=1e-3), PATHS["cosine"]
    times, models = (0.02, 0.3, 0.7, 0.98), ((1.5, 1.6), (2.5, 1.0), (-4.0, 0.3))
    terms = ("forward", "reverse", "forward_rate", "reverse_rate")
    got = node(
        f"{json.dumps(times)}.map(t => {json.dumps(models)}.map(m => {{ const at = law => noisy.under(law, t); const s ="
        f" noisy.compare(at(noisy.world(.35, 4.5)), at(noisy.model(...m)), t).total; return {json.dumps(terms)}"
        ".map(key => s[key]); }))",
        widgets.NOISED_MATHS,
    )
    law = lambda weights, means, stds: exact.NoisedMixture(
        *(torch.tensor(v, dtype=torch.float64) for v in (weights, [[m] for m in means], stds)), cosine
    )
    data = law([0.35, 0.65], [-2.0, 2.5], [0.7, 1.0])

    def both(mean, std, t):
        model, t = law([1.0], [mean], [std]), torch.tensor(t, dtype=torch.float64)
        log_d, log_g = (each.log_density(space.points[:, None], t) for each in (data, model))
        rates = exact.kl_rate(data, model, space, t), exact.kl_rate(model, data, space, t)
        return [float(v) for v in (space.kl(log_d, log_g), space.kl(log_g, log_d), *rates)]

    truth = [[both(*model, t) for model in models] for t in times]
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), torch.tensor(truth, dtype=torch.float64), rtol=1e-6, atol=1e-9
    )
