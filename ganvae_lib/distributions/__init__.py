"""Distributions that torch does not have, named noise, samples with gradients, and the variables of one step."""

from .batch import Batch, drawn
from .densities import Noiseless, Point, Product, Pushforward, full_precision, tiled
from .grey import ContinuousBernoulli
from .noise import Noise, Share
from .paths import PATHS, PREDICTIONS, SAMPLERS, NoisePath, as_prediction, clean, flow_density, from_noise
from .sample import OtherDomain, draw, free_energy
from .schedules import SCHEDULES, Schedule, constant, cosine, cyclical, linear, times
