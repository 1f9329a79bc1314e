"""The central identities of the book, proved on finite spaces with symbols for the probabilities.

A function with ``@proof`` returns identities, each with the labels of the statements that it proves and with a
falsehood beside it. tests/test_proofs.py lets ``is_zero`` decide both; book/registry.py reads the labels for the page
of checks. SymPy is needed to run the proofs, not to read the labels.
"""

from . import (
    activated,
    adversary,
    bounds,
    codes,
    diffusion,
    divergences,
    domains,
    games,
    labels,
    posteriors,
    steps,
    weights,
)
from .finite import PROOFS, Identity
from .zero import is_zero, value

__all__ = [
    "PROOFS",
    "Identity",
    "activated",
    "adversary",
    "bounds",
    "codes",
    "diffusion",
    "divergences",
    "domains",
    "games",
    "is_zero",
    "labels",
    "posteriors",
    "steps",
    "value",
    "weights",
]
