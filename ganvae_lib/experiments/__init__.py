"""Experiments with records: studies, chapter 18's comparisons, and their report."""

from .record import alone, command, earlier, environment, write
from .report import HEADER, commands, counted, listed, markdown, records, row, summary, table, verdict, where
from .techniques import DATA, EXPERIMENTS, FRACTIONS, RESULTS, Experiment, Setting, examples, run

__all__ = [
    "DATA",
    "EXPERIMENTS",
    "Experiment",
    "FRACTIONS",
    "HEADER",
    "RESULTS",
    "Setting",
    "alone",
    "command",
    "commands",
    "counted",
    "earlier",
    "environment",
    "examples",
    "listed",
    "markdown",
    "records",
    "row",
    "run",
    "summary",
    "table",
    "verdict",
    "where",
    "write",
]
