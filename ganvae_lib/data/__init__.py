"""Data: toys with a density, rendered characters, text, digits and images, by one function, ``load``."""

from .characters import TEXTS, Text, text
from .dataset import Data, Domains, Examples
from .files import ALTERED, IDX, SETS, USPS, USPS_PIXELS, digits, download, idx_set, local, read_idx, usps, verified
from .images import CIFAR, CIFAR_CLASSES, CIFAR_PARTS, COLOUR, JPEG, SVHN, cifar10, cifar10_jpeg, svhn
from .loading import NAMES, from_files, load, parted, scale
from .pairs import Moved, Paired, clouds, styles
from .registry import DATA_SETS, TOYS, law_card, law_from, register, toy
from .rendered import FACTORS, FONTS, RANGES, glyphs
from .toys import Mixture, Moons, Pinwheel, Toy, grid, mixture1d, moons, pinwheel, ring

__all__ = [
    "ALTERED",
    "CIFAR",
    "CIFAR_CLASSES",
    "CIFAR_PARTS",
    "COLOUR",
    "DATA_SETS",
    "Data",
    "Domains",
    "Examples",
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
    "TOYS",
    "Text",
    "Toy",
    "USPS",
    "USPS_PIXELS",
    "cifar10",
    "cifar10_jpeg",
    "clouds",
    "digits",
    "download",
    "from_files",
    "glyphs",
    "grid",
    "idx_set",
    "law_card",
    "law_from",
    "load",
    "local",
    "mixture1d",
    "moons",
    "parted",
    "pinwheel",
    "read_idx",
    "register",
    "ring",
    "scale",
    "styles",
    "svhn",
    "text",
    "toy",
    "usps",
    "verified",
]
