"""A model is an objective and its networks; ``build`` makes one that suits data."""

from .builder import build
from .model import Model
from .roles import ROLES, Role, role_of
from .spec import Spec

__all__ = ["ROLES", "Model", "Role", "Spec", "build", "role_of"]
