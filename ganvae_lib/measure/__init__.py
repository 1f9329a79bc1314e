"""What can be measured of a trained run, and intervals over seeds."""

from .bounds import denoising_bound, elbo, iwae, log_likelihood
from .distances import frechet_distance, precision_recall
from .factors import mutual_information, mutual_information_gap
from .intervals import difference, format_interval, interval, paired, summary
from .samples import accuracy, classifier_score, coverage
from .scores import Scores, evaluate
