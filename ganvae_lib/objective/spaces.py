"""The spaces in which two distributions can be compared, and their mirror images."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BOTH", "SPACES", "SWAP", "Space"]


class Space(NamedTuple):
    """What is compared in a space: variables of the ``World``, who makes them, who judges them, and how it is written.

    Both sides are samples; a side that nobody makes is given.
    """

    target: tuple[str, ...]
    made: tuple[str, ...]
    target_by: tuple[str, ...]
    made_by: tuple[str, ...]
    networks: tuple[str, ...]
    discriminator: str
    target_tex: str
    made_tex: str
    arguments: tuple[str, str]  # of the discriminator, on the two sides

    @property
    def sees(self) -> tuple[str, ...]:
        """What the discriminator is shown, of "x", "z" and "features"."""
        return tuple(variable.partition("_")[0] for variable in self.target)


BOTH = ("theta", "eta")


# Features are written x, as in chapter 06: there x is what theta makes of an example, and y is its domain.
SPACES = {
    "x": Space(
        ("x",), ("x_from_z",), (), ("theta",), ("decoder",), "discriminator_x", "d(x)", r"p_\theta(x)", ("x", "x")
    ),
    "z": Space(("z",), ("z_from_x",), (), ("eta",), ("encoder",), "discriminator_z", "p(z)", r"q_\eta(z)", ("z", "z")),
    "features": Space(
        ("features",),
        ("other_features",),
        ("theta",),
        ("theta",),
        ("features",),
        "discriminator_features",
        r"p_\theta(x|y=1)",
        r"p_\theta(x|y=0)",
        ("x", "x"),
    ),
    "xz": Space(
        ("x", "z_from_x"),
        ("x_from_z", "z"),
        ("eta",),
        ("theta",),
        ("encoder", "decoder"),
        "discriminator_xz",
        r"d(x)\,q_\eta(z|x)",
        r"p(z)\,p_\theta(x|z)",
        ("x,z", "x,z"),
    ),
    "x|z": Space(
        ("x", "z"),
        ("x_from_z", "z"),
        (),
        ("theta",),
        ("decoder",),
        "discriminator_x_given_z",
        "d(x)\\,p(z)",
        r"p(z)\,p_\theta(x|z)",
        ("x|z", "x|z"),
    ),
    "z|x": Space(
        ("x", "z"),
        ("x", "z_from_x"),
        (),
        ("eta",),
        ("encoder",),
        "discriminator_z_given_x",
        "d(x)\\,p(z)",
        r"d(x)\,q_\eta(z|x)",
        ("z|x", "z|x"),
    ),
    "x again": Space(
        ("x",),
        ("x_back",),
        (),
        BOTH,
        ("encoder", "decoder"),
        "discriminator_x",
        "d(x)",
        r"d(x)\,q_\eta(z|x)\,p_\theta(\hat x|z)",
        ("x", r"\hat x"),
    ),
    "z again": Space(
        ("z",),
        ("z_back",),
        (),
        BOTH,
        ("encoder", "decoder"),
        "discriminator_z",
        "p(z)",
        r"p(z)\,p_\theta(x|z)\,q_\eta(\hat z|x)",
        ("z", r"\hat z"),
    ),
}


# In the joint space the two sides change places, which changes nothing: the links there can be reversed.
SWAP = {
    "x": "z",
    "z": "x",
    "xz": "xz",
    "x|z": "z|x",
    "z|x": "x|z",
    "x again": "z again",
    "z again": "x again",
    "theta": "eta",
    "eta": "theta",
}
