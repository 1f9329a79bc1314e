"""Data: toys with a density, rendered characters, text, digits and images, by one function, ``load``."""

from .characters import TEXTS, Text, text
from .dataset import Data, Domains
from .files import ALTERED, IDX, SETS, USPS, USPS_PIXELS, digits, download, idx_set, local, read_idx, usps, verified
from .images import CIFAR, CIFAR_CLASSES, CIFAR_PARTS, COLOUR, JPEG, SVHN, cifar10, cifar10_jpeg, svhn
from .loading import NAMES, load, parted, scale
from .pairs import Moved, Paired, clouds, styles
from .rendered import FACTORS, FONTS, RANGES, glyphs
from .toys import Mixture, Moons, Pinwheel, Toy, grid, mixture1d, moons, pinwheel, ring

__all__ = [
    "ALTERED",
    "CIFAR",
    "CIFAR_CLASSES",
    "CIFAR_PARTS",
    "COLOUR",
    "Data",
    "Domains",
    "FACTORS",
    "FONTS",
    "IDX",
    "JPEG",
    "Mixture",
    "Moons",
    "Moved",
    "NAMES",
    "Paired",
    "Pinwheel",
    "RANGES",
    "SETS",
    "SVHN",
    "TEXTS",
    "Text",
    "Toy",
    "USPS",
    "USPS_PIXELS",
    "cifar10",
    "cifar10_jpeg",
    "clouds",
    "digits",
    "download",
    "glyphs",
    "grid",
    "idx_set",
    "load",
    "local",
    "mixture1d",
    "moons",
    "parted",
    "pinwheel",
    "read_idx",
    "ring",
    "scale",
    "styles",
    "svhn",
    "text",
    "usps",
    "verified",
]
