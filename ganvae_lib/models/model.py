"""A model is an objective, the networks that it needs, and a prior."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from ..distributions.world import OtherDomain
from ..networks.heads import Conditional
from ..networks.layers import initialise, stack, unstack
from ..objective.algebra import Objective
from .roles import role_of
from .spec import Spec

__all__ = ["Conditioned", "Model"]


class Model(nn.Module):
    """An objective, the networks that it needs, and the prior p(z).

    ``networks`` maps "decoder" p(x|z), "encoder" q(z|x), "density" p(x), "features", "classifier", "discriminator_x",
    "discriminator_z", ... (``Space.discriminator``) to modules that return distributions; also ``model.decoder`` (or
    ``.generator``), ``model.encoder``, ...; every network has a role in ``ROLES``.
    ``spec`` is what ``build`` was asked for, or None for networks of one's own.
    Raises ValueError when a network that the objective needs is missing or has no role, for a discriminator that nobody
    trains, and for networks that are given a label and should not be, or the other way round.

    >>> from ganvae_lib import nets, zoo
    >>> networks = {
    ...     "decoder": nets.Decoder(nets.mlp((2,), (8,), 3), nets.PointPixels(), (3,)),
    ...     "discriminator_x": nets.Discriminator(nets.mlp((3,), (8,), 1)),
    ... }
    >>> model = Model(zoo.GAN, networks, nets.StandardNormal(2))
    >>> len(model.of(["theta"])), len(model.of(["eta"]))  # weights and biases of two layers; nobody infers
    (4, 0)
    >>> model.copies([0, 1, 2]).seeds_shape
    (3,)
    """

    def __init__(
        self, objective: Objective, networks: Mapping[str, nn.Module], prior: nn.Module, spec: Spec | None = None
    ):
        super().__init__()
        _check_networks(objective, networks)
        _check_discriminators(objective)
        _check_labels(objective, networks)
        self.objective, self.spec = objective, spec
        self.networks = nn.ModuleDict({name: networks[name] for name in objective.networks})
        self.prior = prior
        self.seeds: int | list[int] = 0  # one int for a single model, a list for stacked copies
        self.streams: tuple[dict[str, Any], dict[str, Tensor]] | None = None  # where those of its training stand

    @property
    def config(self) -> dict[str, Any] | None:
        """The spec as plain JSON, or None for networks of one's own."""
        return None if self.spec is None else self.spec.as_dict()

    def at(self, labels: Tensor | None) -> Model | Conditioned:
        """The model at these labels, [*seeds, batch]: what ``World`` and the metrics ask.

        It is the model itself where no network is given a label. Raises TypeError if labels are needed and missing.
        """
        if not self.objective.conditional:
            return self
        if labels is None:
            raise TypeError(f"{self.objective!r} is told a label of every example; pass labels=... or data with y.")
        return Conditioned(self, labels)

    @property
    def generator(self) -> nn.Module:
        """The decoder, as the literature on GANs calls it."""
        return self.networks["decoder"]

    def __getattr__(self, name: str) -> Any:
        # Called for what is not found: the networks are attributes, too.
        modules = self.__dict__["_modules"]
        if name in modules.get("networks", {}):
            return modules["networks"][name]
        return super().__getattr__(name)

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: what the objective reads, and the other domain where z is data, too."""
        other = ("other",) if isinstance(self.prior, OtherDomain) else ()
        return tuple(dict.fromkeys(self.objective.reads + other))  # each once, in order

    @property
    def seeds_shape(self) -> tuple[int, ...]:
        """The seeds axis: () for a single model, (K,) for K stacked copies."""
        return () if isinstance(self.seeds, int) else (len(self.seeds),)

    def of(self, players: Sequence[str]) -> list[nn.Parameter]:
        """The parameters of these players."""
        networks = [network for name, network in self.networks.items() if role_of(name).player in players]
        return [parameter for network in networks for parameter in network.parameters()]

    def copies(self, seeds: int | list[int], fresh: bool = True) -> Model:
        """A copy per seed, stacked if ``seeds`` is a list; ``fresh`` draws new initial weights from each seed.

        Raises TypeError for copies that are stacked already, except to go on with them all (not fresh, same seeds).
        """
        if self.seeds_shape:
            if not fresh and seeds == self.seeds:
                return copy.deepcopy(self)
            raise TypeError(
                f"this model holds stacked copies, of seeds {self.seeds}; take one with model.single(k), "
                "or go on with all by seeds=run.seeds, fresh=False."
            )
        if isinstance(seeds, int):
            model = initialise(self, seeds) if fresh else copy.deepcopy(self)
        else:
            model = stack([initialise(self, seed) if fresh else self for seed in seeds])
        model.seeds = seeds
        return model

    def single(self, k: int) -> Model:
        """The k-th stacked copy as an ordinary model. Raises TypeError for a model that is one already."""
        if isinstance(self.seeds, int):
            raise TypeError("this model is a single copy, not a stack of copies; use it as it is.")
        model = unstack(self, k)
        model.seeds = self.seeds[k]
        return model


class Conditioned:
    """A model at known labels: its conditional networks are given these, and all else is the model's."""

    def __init__(self, model: Model, labels: Tensor):
        self.model, self.labels = model, labels
        self.networks = {
            name: functools.partial(network, labels=labels) if isinstance(network, Conditional) else network
            for name, network in model.networks.items()
        }

    @property
    def generator(self) -> Callable[..., Distribution]:
        """The decoder, as the literature on GANs calls it."""
        return self.networks["decoder"]

    def __getattr__(self, name: str) -> Any:
        networks = self.__dict__["networks"]
        return networks[name] if name in networks else getattr(self.model, name)


def _check_networks(objective: Objective, networks: Mapping[str, nn.Module]) -> None:
    """Is every network there, and does it belong to a player?"""
    if missing := [name for name in objective.networks if name not in networks]:
        raise ValueError(f"{objective} needs the networks {', '.join(missing)}, which were not given.")
    for name in objective.networks:
        role_of(name)


def _check_discriminators(objective: Objective) -> None:
    """Is every discriminator that a term asks trained by some term?"""
    trained = {term.discriminator for term in objective.adversaries if term.steps}
    for term in objective.terms:
        discriminator = getattr(term, "discriminator", None)
        if discriminator in objective.networks and discriminator not in trained:
            raise ValueError(
                f"{term!r} asks {discriminator}, which no term of {objective!r} trains; add one with steps > 0."
            )


def _check_labels(objective: Objective, networks: Mapping[str, nn.Module]) -> None:
    """Are exactly those networks given the label that the objective says, by every term?"""
    conditional = {name for name in objective.networks if isinstance(networks[name], Conditional)}
    if mismatched := conditional ^ set(objective.conditional):  # in one of the two sets, but not in both
        raise ValueError(
            f"{objective!r} tells the label to {', '.join(objective.conditional) or 'no network'}: "
            f"nets.Conditional, and nothing else, is told it. Wrong here: {', '.join(sorted(mismatched))}."
        )
    for term in objective.terms:
        without_label = set(term.networks) - set(term.conditional)
        if told_elsewhere := sorted(conditional & without_label):
            raise ValueError(f"{told_elsewhere[0]} is told the label, but not for {term!r}; use given(objective).")
