"""What can be measured of a trained run, and intervals over seeds."""

from .bounds import elbo, iwae, log_likelihood
from .factors import Gap, mutual_information, mutual_information_gap
from .intervals import interval, paired, summary
from .samples import accuracy, classifier_score, coverage
from .scores import Scores, evaluate

__all__ = [
    "Gap",
    "Scores",
    "accuracy",
    "classifier_score",
    "coverage",
    "elbo",
    "evaluate",
    "interval",
    "iwae",
    "log_likelihood",
    "mutual_information",
    "mutual_information_gap",
    "paired",
    "summary",
]
