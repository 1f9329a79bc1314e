"""The proofs on finite spaces: each identity is zero, its falsehood is not, and the page of checks says what is proved."""

import doctest
import json
from functools import cache
from pathlib import Path

import checks
import proofs
import pytest
from proofs import PROOFS, is_zero, value
from registry import CITED, Registry
from sympy import exp, log, symbols
from whole_registry import REGISTRY

ROOT = Path(__file__).parents[2]


@cache
def identities_of(name):
    return PROOFS[name]()


@pytest.mark.parametrize("name", PROOFS)
def test_it_is_proved_and_its_falsehood_is_not(name):
    assert identities_of(name)
    for identity in identities_of(name):
        truth, falsehood = identity.left - identity.right, identity.left - identity.false
        assert is_zero(truth), identity.labels
        assert not is_zero(falsehood), identity.labels
        # The same in numbers, which know nothing of is_zero. One point is enough to refute.
        assert abs(value(truth)) < 1e-30, identity.labels
        assert abs(value(falsehood)) > 1e-5, identity.labels


@pytest.mark.parametrize("name", PROOFS)
def test_the_registry_reads_what_is_proved(name):
    """It reads the labels from the source, without running it: they are those of the identities that are run."""
    run = {label for identity in identities_of(name) for label in identity.labels.split(", ")}
    assert run == {label for label, names in REGISTRY.proofs.items() if name in names}


def test_every_proof_is_run_and_says_what_it_proves():
    assert {name for names in REGISTRY.proofs.values() for name in names} == set(PROOFS)
    for name, function in PROOFS.items():
        assert any(f"``{label}``" in function.__doc__ for label in REGISTRY.proofs), name
        assert set(CITED.findall(function.__doc__)) <= set(REGISTRY.statements), name
    assert REGISTRY.problems == [] and REGISTRY.proved() >= 100


def test_what_was_promised_is_proved():
    promised = """eq-elbo eq-gap eq-compensation lem-1-exact lem-1 lem-remainder lem-2 eq-lemma-2-gradients
        eq-lemma-2-remainder thm-four thm-four-posteriors lem-rescaled eq-activated-optimal lem-silent"""
    assert set(promised.split()) <= set(REGISTRY.proofs)


def test_zero_is_decided():
    a, b = symbols("a b", positive=True)
    for zero in (
        log(6) - log(2) - log(3),
        log(a / (a + b)) + log(1 + b / a),
        log(a**3 + b**3) - log(a + b) - log(a**2 - a * b + b**2),
        log(1 - a) - log(2 - 2 * a) + log(2),
        a * log(a * b) - a * log(a) - a * log(b),
        (a**2 - b**2) / (a - b) - a - b,
    ):
        assert is_zero(zero)
    for other in (log(6) - log(5), log(a + b) - log(a) - log(b), log(a) - log(b), log(a) - 1, a - b, 1 / a - 1 / b):
        assert not is_zero(other)
    assert doctest.testmod(proofs.zero).failed == 0


def test_what_zero_cannot_decide_is_not_zero():
    """A function that it does not know counts as any number: it may overlook a zero, but never invent one."""
    a, b = symbols("a b", positive=True)
    assert not is_zero(log(exp(a + b) + 1) - log(exp(a) * exp(b) + 1) + exp(a) - exp(a + 1e-9))


def test_the_library_does_without_sympy():
    for path in (ROOT / "ganvae_lib").rglob("*.py"):
        assert "sympy" not in path.read_text(encoding="utf8"), path


# -- the registry and the page, on a small book ----------------------------------------------------------------

TEXT = "# One\n\n## Halves\n\n$$\nh\n$$ (eq-half)\n\n$$\ng\n$$ (eq-third)\n\n$$\nc\n$$ (def-choice)\n"
CHECKS = "# check: eq-half, eq-third\nassert True"


def book_with(root, proof):
    """The registry of one chapter and one file of proofs."""
    for folder in ("notebooks", "book/proofs", "ganvae_lib"):
        (root / folder).mkdir(parents=True)
    cells = [{"cell_type": kind, "source": [text]} for kind, text in (("markdown", TEXT), ("code", CHECKS))]
    (root / "notebooks" / "01_one.ipynb").write_text(json.dumps({"cells": cells}))
    (root / "book" / "proofs" / "parts.py").write_text(proof)
    return Registry(root)


def test_a_statement_with_a_proof_shows_it(tmp_path):
    registry = book_with(tmp_path, 'def half():\n    return [Identity("eq-half", 0, 0, false=1)]\n')
    assert registry.problems == [] and registry.proofs == {"eq-half": {"parts.half": ""}} and registry.proved() == 1
    assert str(registry) == "Registry: 3 statements, 2 checked, 1 definitions exempt, 1 proved on finite spaces"
    page = checks.filled("% registry\n", registry, ["notebooks/01_one"])
    assert "| {doc}`/notebooks/01_one` | 3 | 2 | 1 | 1 |" in page
    assert "| {eq}`eq-half` | Halves | [`eq-half`](#check-eq-half) |  | proved: `parts.half` |" in page
    assert "| {eq}`eq-third` | Halves | [`eq-third`](#check-eq-third) |  |  |" in page


def test_what_is_proved_in_one_case_says_so(tmp_path):
    proof = 'def half():\n    return [Identity("eq-half", 0, 0, false=1, only="h = 1")]\n'
    registry = book_with(tmp_path, proof)
    assert registry.problems == [] and registry.proved() == 0
    assert "proved: `parts.half` for h = 1 |" in checks.filled("% registry\n", registry, ["notebooks/01_one"])


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ('Identity("eq-half, eq-quarter", 0, 0, false=1)', "line 1: it proves eq-quarter, which stands nowhere"),
        ('Identity("def-choice", 0, 0, false=1)', "line 1: def-choice is exempt, and yet it is proved"),
        ("Identity(LABELS, 0, 0, false=1)", "line 1: write the labels out"),
    ],
)
def test_a_proof_of_nothing_is_told(tmp_path, proof, said):
    (problem,) = book_with(tmp_path, proof).problems
    assert problem.startswith("book/proofs/parts.py, ") and said in problem
