"""What can be measured of a trained run, and intervals over seeds."""

from .bounds import chunks, elbo, iwae, log_likelihood
from .factors import Gap, mutual_information, mutual_information_gap
from .intervals import difference, interval, paired, summary
from .samples import accuracy, classifier_score, coverage, has_classifier
from .scores import Scores, evaluate, has_bound, has_samples
