"""Worlds with a known truth: divergences by quadrature, and both sides of the lemmas for any world."""

from .coded import CodedSides, CodedWorld, random_coded_worlds
from .generator import Densities, GeneratorSides, GeneratorStep, gradient, optimal_logit, random_steps
from .noised import NoisedMixture, kl_rate, random_noised_mixtures
from .quadrature import DIVERGENCES, FDivergence, Space, finite, line, minimise, plane
