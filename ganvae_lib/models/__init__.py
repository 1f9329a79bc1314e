"""A model is an objective and its networks; ``build`` makes one that suits data."""

from .builder import build
from .checks import check
from .model import PLAYER, Conditioned, Model
from .spec import observation

__all__ = ["Conditioned", "Model", "PLAYER", "build", "check", "observation"]
