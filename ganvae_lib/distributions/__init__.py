"""Distributions that torch does not have, named noise, samples with gradients, and the variables of one step."""

from .densities import Noiseless, Point, Product, Pushforward, full, grey, tiled
from .energy import free_energy
from .noise import Noise, Share
from .sample import draw
from .world import OtherDomain, World, drawn
