"""Data: toys with a density, rendered characters, text, digits and images, by one function, ``load``."""

from ..distributions.densities import as_floats
from .dataset import Data, Examples
from .domains import Domains, Paired, clouds, styles
from .encoded import Tabular, Text, table, text
from .loading import DATA_SETS, NAMES, TOYS, load, parted, register, scale, toy
from .rendered import FACTORS, FONTS, RANGES, glyphs
from .toys import Mixture, Toy, grid, mixture1d, moons, pinwheel, ring
