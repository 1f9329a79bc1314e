"""Chapter 01: every numbered equation has a check, and the check notices a wrong equation."""

import json
import re
from pathlib import Path

import matplotlib
import pytest
import torch

CHAPTER = Path(__file__).parents[1] / "notebooks" / "01_two_processes.ipynb"
CELLS = json.loads(CHAPTER.read_text(encoding="utf8"))["cells"]
TEXT = "\n".join("".join(c["source"]) for c in CELLS if c["cell_type"] == "markdown")
CODE = ["".join(c["source"]) for c in CELLS if c["cell_type"] == "code" and "mystnb" not in c["metadata"]]

# label -> (what stands in the code, what a wrong equation would have there)
WRONG = {
    "eq-explicit-model": ("[w, 1.0]]", "[w, 2.0]]"),
    "eq-implicit-model": ("(G(noise.points) <= a)", "(G(noise.points) >= a)"),
    "eq-marginal": ("log_joint = log_likelihood + prior", "log_joint = log_likelihood + 2 * prior"),
    "eq-monte-carlo": ("/ (variance / 1000)", "/ (variance / 500)"),
    "eq-change-of-variables": ("- slope.log()", "+ slope.log()"),
    "eq-thin": ("2 * a * L / N", "a * L / N / 2"),
    "eq-posterior": ("(log_joint - log_marginal(log_likelihood))", "log_joint"),
    "eq-two-processes": ("sigma / spread)", "sigma)"),
    "eq-linear-gaussian": ("C = self.W @ self.W.T +", "C = self.W @ self.W.T + 2 *"),
    "eq-linear-gaussian-posterior": ("M = self.W.T @ self.W +", "M = self.W.T @ self.W + 2 *"),
    "eq-ppca": ("(values[:n_z] - sigma**2).sqrt()", "values[:n_z].sqrt()"),
    "eq-ppca-likelihood": ("+ (n_x - 16) *", "- (n_x - 16) *"),
}


@pytest.fixture
def run():
    """Runs code cells in one namespace, in float64 as the chapter does, and leaves no trace."""
    dtype, state = torch.get_default_dtype(), torch.random.get_rng_state()

    def run(cells):
        names = {}
        for cell in cells:
            exec(compile(cell, CHAPTER.name, "exec"), names)

    with matplotlib.rc_context():
        yield run
    torch.set_default_dtype(dtype)
    torch.random.set_rng_state(state)


def test_every_equation_is_checked():
    labels = re.findall(r"^\$\$ \((eq-[a-z-]+)\)$", TEXT, re.M)
    checks = [label for cell in CODE for line in re.findall("^# check: (.*)$", cell, re.M) for label in line.split(", ")]
    assert labels == checks == list(WRONG)


@pytest.mark.parametrize("label", WRONG)
def test_the_check_notices_a_wrong_equation(label, run):
    right, wrong = WRONG[label]
    check = next(i for i, cell in enumerate(CODE) if re.search(rf"^# check: .*{label}\b(?!-)", cell, re.M))
    changed = [i for i, cell in enumerate(CODE[:check + 1]) if right in cell][:1]
    assert changed, f"{right!r} no longer stands before the check of {label}"
    # Earlier cells are there for what they define: their own asserts would see a change that they share.
    cells = [cell.replace(right, wrong) if i in changed else cell for i, cell in enumerate(CODE[:check + 1])]
    cells[:-1] = [re.sub(r"^(\s*)assert .*$", r"\1pass", cell, flags=re.M) for cell in cells[:-1]]
    with pytest.raises(AssertionError):
        run(cells)
