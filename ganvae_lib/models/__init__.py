"""A model is an objective and its networks; ``build`` makes one that suits data."""

from .builder import build
from .checks import check
from .model import Conditioned, Model
from .roles import ROLES, Role, make_network, role_of
from .spec import Spec

__all__ = ["ROLES", "Conditioned", "Model", "Role", "Spec", "build", "check", "make_network", "role_of"]
