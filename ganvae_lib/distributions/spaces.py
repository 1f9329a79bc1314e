"""The spaces in which two distributions can be compared, and their mirror images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..figures.formula import Writer, expectation, kl

__all__ = ["BOTH", "OTHER", "SPACES", "Space"]

BOTH = ("theta", "eta")  # the two players that make samples
OTHER = {"theta": "eta", "eta": "theta"}  # what swapping makes of a player


@dataclass(frozen=True, kw_only=True)
class Space:
    """What is compared in a space: two sides, each of variables of the ``Batch``.

    target, target_by, target_law:  the target's variables, the players who make them (none: they are given), its law.
    made, made_by, made_law:  the same of the model's side.
    sees:           what a discriminator is shown: "x", "z" or "features".
    arguments, made_arguments, separator:  how that is written on the two sides; by default as in ``sees``.
    discriminator:  the discriminator's name; by default it is named by what it sees, and shared by such spaces.
    networks:       those of the players; by default encoder and decoder, as far as eta and theta make something.
    mirror:         the space with x and z exchanged; itself where nothing changes, "" where there is none.
    reads:          what a minibatch must hold beside x.
    density:        the name of a network that is the density of the model's side, for ``Likelihood``.
    distributions, kl_formula:  for ``KL``, variables that are the distributions of target and model, and its formula.

    A space of one's own is an entry of ``SPACES``:

    >>> from dataclasses import replace
    >>> SPACES["pairs"] = replace(SPACES["xz"], mirror="pairs")
    >>> SPACES["pairs"].networks, SPACES["pairs"].discriminator
    (('encoder', 'decoder'), 'discriminator_xz')
    >>> del SPACES["pairs"]
    """

    target: tuple[str, ...]
    target_by: tuple[str, ...] = ()
    target_law: Callable[[Writer], str]
    made: tuple[str, ...]
    made_by: tuple[str, ...]
    made_law: Callable[[Writer], str]
    sees: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    made_arguments: tuple[str, ...] = ()
    separator: str = ","
    discriminator: str = ""
    networks: tuple[str, ...] = ()
    mirror: str
    reads: tuple[str, ...] = ()
    density: str = ""
    distributions: tuple[str, ...] = ()
    kl_formula: Callable[[Writer], str] | None = None

    def __post_init__(self) -> None:
        network_of = {"eta": "encoder", "theta": "decoder"}
        arguments = self.arguments or self.sees
        suffix = "_given_".join(arguments) if self.separator == "|" else "".join(self.sees)  # "z_given_x", "xz"
        defaults = {
            "arguments": arguments,
            "made_arguments": arguments,
            "discriminator": f"discriminator_{suffix}",
            "networks": tuple(n for player, n in network_of.items() if player in self.made_by + self.target_by),
        }
        for name, value in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)  # as a frozen dataclass sets its fields

    def __str__(self) -> str:
        return self.separator.join(self.arguments)

    def discriminator_given(self, given: str | None) -> str:
        return f"{self.discriminator}_given_{given}" if given else self.discriminator


#: Three more, which few models need, are in ``further``.
SPACES: dict[str, Space] = {
    # Generated data with the data.
    "x": Space(
        target=("x",),
        target_law=lambda writer: writer.d,
        made=("x_from_z",),
        made_by=("theta",),
        made_law=lambda writer: writer.made(writer.p("x")),
        sees=("x",),
        mirror="z",
        density="density",
    ),
    # Inferred codes with the prior.
    "z": Space(
        target=("z",),
        target_law=lambda writer: writer.made("p(z)"),
        made=("z_from_x",),
        made_by=("eta",),
        made_law=lambda writer: writer.made(writer.q("z")),
        sees=("z",),
        mirror="x",
        distributions=("p_z", "q_z_given_x"),
        kl_formula=lambda writer: expectation(writer.d, kl(writer.q("z", "x"), "p(z)")),
    ),
    # Generated pairs with inferred ones. In its mirror the sides change places: the links here can be reversed.
    "xz": Space(
        target=("x", "z_from_x"),
        target_by=("eta",),
        target_law=lambda writer: writer.product(writer.d, writer.q("z", "x")),
        made=("x_from_z", "z"),
        made_by=("theta",),
        made_law=lambda writer: writer.made("p(z)", writer.p("x", "z")),
        sees=("x", "z"),
        mirror="xz",
    ),
    # Pairs that one player makes with independent ones: the density ratio is p(x|z)/d(x), or q(z|x)/p(z).
    "x|z": Space(
        target=("x", "z"),
        target_law=lambda writer: writer.product(writer.d, "p(z)"),
        made=("x_from_z", "z"),
        made_by=("theta",),
        made_law=lambda writer: writer.made("p(z)", writer.p("x", "z")),
        sees=("x", "z"),
        separator="|",
        mirror="z|x",
    ),
    "z|x": Space(
        target=("x", "z"),
        target_law=lambda writer: writer.product(writer.d, "p(z)"),
        made=("x", "z_from_x"),
        made_by=("eta",),
        made_law=lambda writer: writer.product(writer.d, writer.q("z", "x")),
        sees=("x", "z"),
        arguments=("z", "x"),
        separator="|",
        mirror="x|z",
    ),
}
