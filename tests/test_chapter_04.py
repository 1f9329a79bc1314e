"""Chapter 04: every numbered equation has a check in the notebook, and each check notices a wrong equation."""

import json
import math
import re
from pathlib import Path

import matplotlib
import pytest
import torch

from ganvae_lib import exact
from ganvae_lib.tools import LINKS

matplotlib.use("Agg")
NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "04_adversarial_learning_and_the_gan.ipynb"

# label -> what is true in its check, and a falsehood put in its place: a sign, a factor, a term, an order.
FALSE = {
    "eq-density-ratio": ("(log_d - log_g).sigmoid()", "(log_g - log_d).sigmoid()"),
    "eq-gan-value": ("answers.log_prob(torch.zeros_like(x))", "answers.log_prob(torch.ones_like(x))"),
    "eq-optimal-d": ('sigmoid(), d / (d + g)', 'sigmoid(), g / (d + g)'),
    "eq-jsd-value": ("abs(value(t_star) - (2 * jsd - math.log(4)))", "abs(value(t_star) - (jsd - math.log(4)))"),
    "eq-discriminator-gap": ("gap = 2 * line.integrate(m * bernoulli_kl(t_star, t))",
                             "gap = 2 * line.integrate(m * bernoulli_kl(t, t_star))"),
    "eq-pathwise": ("t_at(th[0] + th[1].exp() * z)", "t_at(th[0] + th[1] * z)"),
    "eq-link": ("-slope / r, rtol", "-slope, rtol"),
    "eq-minimax": ('"minimax": lambda log_g: 2 * line.js', '"minimax": lambda log_g: line.js'),
    "eq-non-saturating": ("line.kl(log_g, log_d) - 2 * line.js", "line.kl(log_g, log_d) - line.js"),
    "eq-link-reverse-kl": ("line.kl(log_g, log_d),\n", "line.kl(log_d, log_g),\n"),
    "eq-link-kl": ('"KL": lambda log_g: line.kl(log_d, log_g)', '"KL": lambda log_g: line.kl(log_g, log_d)'),
    "eq-push": ('"non-saturating": 1 - share', '"non-saturating": share'),
    "eq-least-squares": ("chi(log_g) / 8", "chi(log_g) / 4"),
    "eq-hinge": ("2 * line.total_variation", "line.total_variation"),
    "eq-fgan": ("d * T - g * div.conjugate(T)", "d * T + g * div.conjugate(T)"),
    "eq-w1-dual": ("(below(log_g) - below(log_d)).sign()", "(below(log_d) - below(log_g)).sign()"),
    "eq-wgan-gp": ("10 * (size - 1) ** 2", "10 * size**2"),
    "eq-dirac": ("[[1 - rate**2, rate], [-rate, 1]]", "[[1, rate], [-rate, 1]]"),
}
TRAINS = re.compile(r"\bfit\(|train_judges|t_learned|plt\.(subplots|show)|open\(")


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf8"))["cells"]


def sources(cells, kind):
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def labels_of(code):
    return [label for line in re.findall(r"^# check: (.+)$", code, re.M) for label in line.split(", ")]


def test_every_numbered_equation_has_a_check(cells):
    numbered = re.findall(r"^\$\$ \((eq-[a-z0-9-]+)\)$", "\n".join(sources(cells, "markdown")), re.M)
    checked = [label for code in sources(cells, "code") for label in labels_of(code)]
    assert len(set(numbered)) == len(numbered)
    assert set(numbered) == set(checked) == set(FALSE)


@pytest.mark.filterwarnings("ignore")
def test_a_false_equation_fails_its_check(cells):
    before = dict(matplotlib.rcParams)
    threads = torch.get_num_threads()
    try:
        world = {"__name__": "chapter_04"}
        setup, *rest = sources(cells, "code")
        exec(setup, world)
        for code in rest:
            if not labels_of(code) and TRAINS.search(code):
                continue
            for label in labels_of(code):
                true, false = FALSE[label]
                assert true in code, f"the check of {label} has changed: choose another falsehood"
                with pytest.raises(AssertionError):
                    exec(code.replace(true, false), dict(world))
                    pytest.fail(f"{label}: the falsehood went unnoticed", pytrace=False)
            exec(code, world)
            if "eq-dirac" in labels_of(code):
                break  # what follows trains
    finally:
        matplotlib.rcParams.update(before)
        torch.set_num_threads(threads)


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0, 6.0])
def test_pull_on_a_shifted_gaussian(distance):
    """d = N(0,1), g = N(a,1), D optimal: both KL links pull with strength a, and the two logistic links add up to a."""
    line = exact.line(-16, 24, 4001)
    t = distance**2 / 2 - distance * line.points

    def pull(name):
        def loss(mean):
            log_g = torch.distributions.Normal(mean, 1.0).log_prob(line.points)
            return line.integrate(log_g.exp() * LINKS[name].generator(t))

        return float(torch.func.grad(loss)(torch.tensor(distance, dtype=torch.float64)))

    assert pull("reverse KL") == pytest.approx(distance, abs=1e-9)
    assert pull("KL") == pytest.approx(distance, abs=1e-6)
    assert pull("minimax") + pull("non-saturating") == pytest.approx(distance, abs=1e-9)
    assert 0 < pull("minimax") < pull("non-saturating")


def test_the_minimax_pull_dies_out():
    """2 JSD is at most 2 log 2, so far away its slope must vanish; it is below one thousandth at a = 9."""
    line = exact.line(-16, 32, 4801)
    log_d = torch.distributions.Normal(0.0, 1.0).log_prob(line.points)
    jsd = lambda mean: 2 * line.js(log_d, torch.distributions.Normal(mean, 1.0).log_prob(line.points))
    far = torch.tensor(9.0, dtype=torch.float64)
    assert 0 < torch.func.grad(jsd)(far) < 1e-3
    assert jsd(far) == pytest.approx(2 * math.log(2), abs=1e-4)
