"""Data: toys with a density, rendered characters, text, digits and images, by one function, ``load``."""

from .characters import Text, text
from .dataset import DATA_SETS, TOYS, Data, Examples, register, toy
from .domains import Domains, Paired, clouds, styles
from .loading import NAMES, load, parted, scale
from .rendered import FACTORS, FONTS, RANGES, glyphs
from .toys import Mixture, Toy, grid, mixture1d, moons, pinwheel, ring
