"""The spaces in which two distributions can be compared, and their mirror images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..figures.formula import Writer, expectation, kl

__all__ = ["BOTH", "OTHER", "SPACES", "Space"]

BOTH = ("theta", "eta")
OTHER = {"theta": "eta", "eta": "theta"}  # what swapping makes of a player


@dataclass(frozen=True, kw_only=True)
class Space:
    """What is compared in a space: two sides, each of variables of the ``World``.

    target, target_by, target_law:  the target's variables, the players who make them (none: they are given), and how
                    their law is written.
    made, made_by, made_law:  the same of the model's side.
    sees:           what a discriminator is shown: "x", "z" or "features".
    arguments, made_arguments, separator:  how that is written on the two sides; by default as in ``sees``.
    discriminator:  the discriminator's name; by default it is named by what it sees, and shared by such spaces.
    networks:       those of the players; by default encoder and decoder, as far as eta and theta make something.
    mirror:         the space with x and z exchanged; itself where nothing changes.
    reads:          what a minibatch must hold beside x.
    density:        the name of a network that is the density of the model's side, for ``Likelihood``.
    distributions, kl_formula:  for ``KL``, variables of the ``World`` that are the distributions of target and model,
                    and how their divergence is written.

    A space of one's own is an entry of ``SPACES``:

    >>> from dataclasses import replace
    >>> from ganvae_lib import MMD, SPACES, Match
    >>> SPACES["twice"] = replace(SPACES["x again"], target=("x_from_z",), target_by=("theta",), mirror="twice")
    >>> Match("twice", MMD()).networks, Match("twice", MMD()).movers
    (('encoder', 'decoder'), ('theta', 'eta'))
    >>> del SPACES["twice"]
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

    def __post_init__(self):
        def fill(name: str, value: object) -> None:
            if not getattr(self, name):
                object.__setattr__(self, name, value)

        fill("arguments", self.sees)
        fill("made_arguments", self.arguments)
        seen = "_given_".join(self.arguments) if self.separator == "|" else "".join(self.sees)
        fill("discriminator", f"discriminator_{seen}")
        makers = {"eta": "encoder", "theta": "decoder"}
        fill("networks", tuple(makers[p] for p in makers if p in self.made_by + self.target_by))

    def __str__(self) -> str:
        return self.separator.join(self.arguments)

    def discriminator_given(self, given: str | None) -> str:
        """The name of the discriminator, with what it is given."""
        return f"{self.discriminator}_given_{given}" if given else self.discriminator


SPACES: dict[str, Space] = {
    "x": Space(
        target=("x",),
        target_law=lambda w: w.d,
        made=("x_from_z",),
        made_by=("theta",),
        made_law=lambda w: w.made(w.p("x")),
        sees=("x",),
        mirror="z",
        density="density",
    ),
    "z": Space(
        target=("z",),
        target_law=lambda w: w.made("p(z)"),
        made=("z_from_x",),
        made_by=("eta",),
        made_law=lambda w: w.made(w.q("z")),
        sees=("z",),
        mirror="x",
        distributions=("p_z", "q_z_given_x"),
        kl_formula=lambda w: expectation(w.d, kl(w.q("z", "x"), "p(z)")),
    ),
    # Features are written x, as in chapter 06: there x is what theta makes of an example, and y is its domain.
    "features": Space(
        target=("features",),
        target_by=("theta",),
        target_law=lambda w: r"p_\theta(x|y=1)",
        made=("other_features",),
        made_by=("theta",),
        made_law=lambda w: r"p_\theta(x|y=0)",
        networks=("features",),
        sees=("features",),
        arguments=("x",),
        mirror="features",
        reads=("other",),
    ),
    # In the mirror the two sides change places, which changes nothing: the links here can be reversed.
    "xz": Space(
        target=("x", "z_from_x"),
        target_by=("eta",),
        target_law=lambda w: w.product(w.d, w.q("z", "x")),
        made=("x_from_z", "z"),
        made_by=("theta",),
        made_law=lambda w: w.made("p(z)", w.p("x", "z")),
        sees=("x", "z"),
        mirror="xz",
    ),
    "x|z": Space(
        target=("x", "z"),
        target_law=lambda w: w.product(w.d, "p(z)"),
        made=("x_from_z", "z"),
        made_by=("theta",),
        made_law=lambda w: w.made("p(z)", w.p("x", "z")),
        sees=("x", "z"),
        separator="|",
        mirror="z|x",
    ),
    "z|x": Space(
        target=("x", "z"),
        target_law=lambda w: w.product(w.d, "p(z)"),
        made=("x", "z_from_x"),
        made_by=("eta",),
        made_law=lambda w: w.product(w.d, w.q("z", "x")),
        sees=("x", "z"),
        arguments=("z", "x"),
        separator="|",
        mirror="x|z",
    ),
    "x again": Space(
        target=("x",),
        target_law=lambda w: w.d,
        made=("x_back",),
        made_by=BOTH,
        made_law=lambda w: w.product(w.d, w.q("z", "x"), w.p(r"\hat x", "z")),
        sees=("x",),
        made_arguments=(r"\hat x",),
        mirror="z again",
    ),
    "z again": Space(
        target=("z",),
        target_law=lambda w: w.made("p(z)"),
        made=("z_back",),
        made_by=BOTH,
        made_law=lambda w: w.made("p(z)", w.p("x", "z"), w.q(r"\hat z", "x")),
        sees=("z",),
        made_arguments=(r"\hat z",),
        mirror="x again",
    ),
}
