"""Chapter 03: every numbered equation and lemma has a check in the notebook, and each check notices a wrong equation."""

import json
import re
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "03_variational_inference_and_the_vae.ipynb"

# label -> what is true in its check, and a falsehood put in its place: a sign, a factor, a term, an order.
FALSE = {
    "eq-elbo": ("log_prior + q.entropy()", "log_prior - q.entropy()"),
    "eq-gap": ("world.elbo(x, q) + gap", "world.elbo(x, q) - gap"),
    "lem-gap": ("(gap > 0).all()", "(gap < 0).all()"),
    "eq-mean-field": ("log().sum() - precision.logdet()) / 2", "log().sum() - precision.logdet())"),
    "eq-em": ("log_joint(theta, x).softmax(-1)", "log_joint(theta, x).softmax(0)"),
    "eq-m-step": ("variance.log() / 2", "variance.log()"),
    "thm-em": ("return (n / n.sum()).log(), mu,", "return (n / n.sum()).log(), -mu,"),
    "eq-two-gaps": ("kl(star, posterior)", "kl(posterior, star)"),
    "eq-score-function": ("frozen * f(z) * log_q", "frozen * f(z) * log_q / 2"),
    "eq-reparameterisation": ("mean + log_sigma.exp() * epsilon", "mean + 2 * log_sigma.exp() * epsilon"),
    "eq-joint-kl": ("joint + examples.entropy(log_d)", "joint - examples.entropy(log_d)"),
    "eq-iwae": ("log_w.logsumexp(-1) - math.log(k)", "log_w.logsumexp(-1)"),
    "lem-iwae": ("ladder < log_marginal", "ladder > log_marginal"),
    "eq-beta": ("(1 - beta) * price).abs()", "(beta - 1) * price).abs()"),
}


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf8"))["cells"]


def checks(cells):
    """The notebook's cells with a check, in order: (labels, code)."""
    for cell in cells:
        code = "".join(cell["source"])
        labels = re.findall(r"^# check: (.+)$", code, re.M)
        if cell["cell_type"] == "code" and labels:
            yield [label for line in labels for label in line.split(", ")], code


def test_every_numbered_statement_has_a_check(cells):
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    numbered = re.findall(r"^\$\$ \((eq-[a-z-]+)\)$|^:label: ((?:lem|thm)-[a-z-]+)$", text, re.M)
    numbered = [equation or lemma for equation, lemma in numbered]
    checked = [label for labels, _ in checks(cells) for label in labels]
    assert len(set(numbered)) == len(numbered)
    assert set(numbered) == set(checked) == set(FALSE)


@pytest.mark.filterwarnings("ignore")
def test_a_false_equation_fails_its_check(cells):
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    try:
        world = {"__name__": "chapter_03"}
        for setup in [c for c in cells if c["cell_type"] == "code"][:2]:  # the imports, the linear-Gaussian world
            exec("".join(setup["source"]), world)
        for labels, code in checks(cells):
            for label in labels:
                true, false = FALSE[label]
                assert true in code, f"the check of {label} has changed: choose another falsehood"
                with pytest.raises(AssertionError):
                    exec(code.replace(true, false), dict(world))
                    pytest.fail(f"{label}: the falsehood went unnoticed", pytrace=False)
            exec(code, world)
    finally:
        plt.close("all")
        matplotlib.rcParams.update(before)
