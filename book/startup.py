"""Runs in a kernel of ``make lab`` before its first cell, so that a cell run out of order says which cell it needs."""

from ganvae_lib.figures.cells import explain

explain(get_ipython())  # noqa: F821
del explain
