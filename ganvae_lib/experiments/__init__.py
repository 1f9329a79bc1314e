"""Experiments with records: studies of one's own, chapter 18's comparisons, and their report."""

from . import record as record, report as report
from .record import recorded
from .study import Study, Trial, by_seed
from .techniques import DATA, EXPERIMENTS, FRACTIONS, RESULTS, Experiment, Setting, examples, run

__all__ = ["DATA", "EXPERIMENTS", "Experiment", "FRACTIONS", "RESULTS", "Setting"]
__all__ += ["Study", "Trial", "by_seed", "examples", "recorded", "run"]
