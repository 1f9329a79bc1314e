"""What part each network plays: who trains it, what it is shown, and how it is made.

A role of one's own, for a term with a network of its own, is one entry in the table:

    ROLES["energy"] = Role(player="theta", sees=("x",), make=lambda spec, x: Energy(x))

The term names the network in its ``networks`` and reads it as ``world.model.networks["energy"]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from torch import nn

from ..objective.spaces import SPACES
from . import makers

if TYPE_CHECKING:
    from .spec import Spec

__all__ = ["ROLES", "Role", "make_network", "role_of"]


@dataclass(frozen=True)
class Role:
    """The part that a network plays.

    player:  whose parameters it holds, "theta", "eta" or "phi".
    sees:    what it is called with: "x", "z", "features", in this order; a label is joined to the first of them.
    make:    ``make(spec, *shapes)`` makes it for a :class:`~ganvae_lib.models.Spec` and the shapes of what it sees.

    >>> role_of("encoder").player, role_of("discriminator_xz").sees
    ('eta', ('x', 'z'))
    """

    player: str
    sees: tuple[str, ...]
    make: Callable[..., nn.Module]


#: Every role by the network's name, but for the discriminators, which the spaces name.
ROLES: dict[str, Role] = {
    "decoder": Role("theta", ("z",), makers.decoder),
    "density": Role("theta", (), makers.density),
    "features": Role("theta", ("x",), makers.features),
    "classifier": Role("theta", ("features",), makers.classifier),
    "encoder": Role("eta", ("x",), makers.encoder),
    "labeller": Role("eta", ("x",), makers.labeller),
    "predictor_x": Role("phi", ("x",), makers.predictor),
    "predictor_z": Role("phi", ("z",), makers.predictor),
}


def _discriminators() -> dict[str, Role]:
    """The roles of the discriminators: each is shown what its space compares, and perhaps the label."""
    roles: dict[str, Role] = {}
    for space in SPACES.values():
        role = Role("phi", space.sees, makers.discriminator)
        roles |= {space.discriminator: role, f"{space.discriminator}_given_label": role}
    return roles


def role_of(network: str) -> Role:
    """The role of a network. Raises ValueError, with the nearest names, for one that nobody has registered.

    >>> role_of("decodr")
    Traceback (most recent call last):
    ValueError: no role for the network 'decodr' (the nearest are 'decoder', 'encoder', 'density'); give it one:
    ganvae_lib.models.ROLES['decodr'] = Role(player, sees, make).
    """
    known = _discriminators() | ROLES
    if network not in known:
        nearest = ", ".join(map(repr, get_close_matches(network, known, n=3, cutoff=0.0)))
        raise ValueError(
            f"no role for the network {network!r} (the nearest are {nearest}); give it one: "
            f"ganvae_lib.models.ROLES[{network!r}] = Role(player, sees, make)."
        )
    return known[network]


def make_network(spec: Spec, name: str) -> nn.Module:
    """The network ``name`` for ``spec``; a conditional one joins the label to the first thing that it sees.

    Raises ValueError for a network without a role, and for a conditional network that sees nothing.

    >>> from ganvae_lib import zoo
    >>> from ganvae_lib.models import Spec
    >>> make_network(Spec.of(zoo.CGAN, (2,), classes=10), "discriminator_x_given_label").network.trunk[1]
    Linear(in_features=12, out_features=128, bias=True)
    """
    role = role_of(name)
    shapes = [spec.shape_of(variable) for variable in role.sees]
    if name not in spec.objective.conditional:
        return role.make(spec, *shapes)
    if not shapes:
        raise ValueError(f"the network {name!r} sees nothing that a label could be joined to; say what its role sees.")
    return makers.conditional(spec, role.make, *shapes)
