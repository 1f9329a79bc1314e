"""A model is an objective, the networks that it needs, and a prior."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence

from torch import Tensor, nn

from .. import networks as nets
from ..distributions.world import OtherDomain
from ..networks import layers as stacking
from ..objective.algebra import Objective

__all__ = ["Conditioned", "Model", "PLAYER"]

PLAYER = {
    "decoder": "theta",
    "density": "theta",
    "features": "theta",
    "classifier": "theta",
    "encoder": "eta",
    "labeller": "eta",
}


class Model(nn.Module):
    """An objective, the networks that it needs, and the prior p(z).

    ``networks`` maps "decoder" p(x|z), "encoder" q(z|x), "density" p(x), "features", "classifier", "discriminator_x",
    "discriminator_z", ... (``Space.discriminator``) to modules that return distributions; also ``model.decoder`` (or
    ``.generator``), ``model.encoder``, ...
    ``config`` is what ``build`` was asked for, or None for networks of one's own.
    Raises ValueError when a network that the objective needs is missing, or a discriminator that nobody trains.
    """

    def __init__(
        self, objective: Objective, networks: dict[str, nn.Module], prior: nn.Module, config: dict | None = None
    ):
        super().__init__()
        if missing := [n for n in objective.networks if n not in networks]:
            raise ValueError(f"{objective} needs the networks {', '.join(missing)}, which were not given.")
        trained = {t.discriminator for t in objective.adversaries if t.steps}
        for term in objective.terms:
            if (judge := getattr(term, "discriminator", None)) in objective.networks and judge not in trained:
                raise ValueError(
                    f"{term!r} asks {judge}, which no term of {objective!r} trains; add one with steps > 0."
                )
        told = {n for n in objective.networks if isinstance(networks[n], nets.Conditional)}
        if wrong := told ^ set(objective.conditional):
            raise ValueError(
                f"{objective!r} tells the label to {', '.join(objective.conditional) or 'no network'}: "
                f"nets.Conditional, and nothing else, is told it. Wrong here: {', '.join(sorted(wrong))}."
            )
        for term in objective.terms:
            if both := sorted(set(term.networks) - set(term.conditional) & told):
                raise ValueError(f"{both[0]} is told the label, but not for {term!r}; use given(objective).")
        self.objective, self.config = objective, config
        self.networks = nn.ModuleDict({n: networks[n] for n in objective.networks})
        self.prior = prior
        self.seeds: int | list[int] = 0  # one int for a single model, a list for stacked copies

    def at(self, labels: Tensor | None) -> Model | Conditioned:
        """The model at these labels, [*seeds, batch]: what ``World`` and the metrics ask.

        It is the model itself where no network is told a label. Raises TypeError if labels are needed and missing.
        """
        if not self.objective.conditional:
            return self
        if labels is None:
            raise TypeError(f"{self.objective!r} is told a label of every example; pass labels=... or data with y.")
        return Conditioned(self, labels)

    def __getattr__(self, name: str):
        if name == "generator":
            name = "decoder"
        networks = self.__dict__["_modules"].get("networks", {})
        if name in networks:
            return networks[name]
        return super().__getattr__(name)

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: what the objective reads, and the other domain where z is data, too."""
        other = ("other",) if isinstance(self.prior, OtherDomain) else ()
        return tuple(dict.fromkeys(self.objective.reads + other))

    @property
    def seeds_shape(self) -> tuple[int, ...]:
        """The seeds axis: () for a single model, (K,) for K stacked copies."""
        return () if isinstance(self.seeds, int) else (len(self.seeds),)

    def of(self, players: Sequence[str]) -> list[nn.Parameter]:
        """The parameters of these players."""
        return [p for n, net in self.networks.items() if PLAYER.get(n, "phi") in players for p in net.parameters()]

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
        make = lambda seed: stacking.initialise(self, seed) if fresh else self
        if isinstance(seeds, int):
            model = copy.deepcopy(make(seeds))
        else:
            model = stacking.stack([make(seed) for seed in seeds])
        model.seeds = seeds
        return model

    def single(self, k: int) -> Model:
        """The k-th stacked copy as an ordinary model."""
        model = stacking.unstack(self, k)
        model.seeds = self.seeds[k]
        return model


class Conditioned:
    """A model at known labels: its networks that are told the label have been told these."""

    def __init__(self, model: Model, labels: Tensor):
        self.model, self.labels = model, labels
        tell = lambda network: (
            functools.partial(network, labels=labels) if isinstance(network, nets.Conditional) else network
        )
        self.networks = {name: tell(network) for name, network in model.networks.items()}

    def __getattr__(self, name: str):
        networks = self.__dict__["networks"]
        return networks[name] if name in networks else getattr(self.model, name)
