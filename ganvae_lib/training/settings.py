"""How a training goes: what ``fit`` was asked for, checked, with the defaults filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import unknown
from ..objective.algebra import Objective
from .device import find_device

__all__ = ["Settings"]

PLAYERS = ("theta", "eta", "phi")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What ``fit`` was asked for; ``Settings.of`` fills in what suits an objective.

    >>> from ganvae_lib import zoo
    >>> settings = Settings.of(zoo.GAN, steps=500, seeds=2, device="cpu")
    >>> settings.lr, settings.betas, settings.seeds, settings.log_every
    (0.0002, (0.5, 0.999), [0, 1], 5)
    """

    steps: int
    batch: int
    seeds: list[int]
    fresh: bool
    device: torch.device
    precision: str
    lr: float | dict[str, float]
    betas: tuple[float, float]
    log_every: int

    @classmethod
    def of(
        cls,
        objective: Objective,
        steps: int,
        batch: int = 128,
        seeds: int | Sequence[int] = 1,
        fresh: bool = True,
        device: str = "auto",
        precision: str = "fp32",
        lr: float | dict[str, float] | None = None,
        betas: tuple[float, float] | None = None,
        log_every: int | None = None,
    ) -> Settings:
        """The arguments of ``fit``, in its order, with its defaults. Raises ValueError for one that is out of range."""
        if not all(isinstance(n, int) and n > 0 for n in (steps, batch, 1 if log_every is None else log_every)):
            raise ValueError(
                f"steps, batch and log_every must be positive integers, got {steps}, {batch} and {log_every}."
            )
        adversarial = bool(objective.adversaries)
        settings = cls(
            steps=steps,
            batch=batch,
            seeds=_named(seeds),
            fresh=fresh,
            device=find_device(device),
            precision=precision,
            lr=(2e-4 if adversarial else 1e-3) if lr is None else lr,
            betas=((0.5, 0.999) if adversarial else (0.9, 0.999)) if betas is None else betas,
            log_every=min(log_every or max(1, steps // 100), steps),
        )
        settings._check_rates(objective)
        return settings

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of each player."""
        return self.lr if isinstance(self.lr, dict) else dict.fromkeys(PLAYERS, self.lr)

    @property
    def copies(self) -> int | list[int]:
        """The seeds as ``Model.copies`` takes them: a single one is not stacked."""
        return self.seeds[0] if len(self.seeds) == 1 else self.seeds

    @property
    def config(self) -> dict[str, Any]:
        """What a run remembers of them, ready for JSON."""
        return dict(
            steps=self.steps,
            batch=self.batch,
            lr=self.lr,
            betas=list(self.betas),
            precision=self.precision,
            device=str(self.device),
        )

    def _check_rates(self, objective: Objective) -> None:
        for player in set(self.rates) - set(PLAYERS):
            raise unknown("player", player, PLAYERS)
        positive = all(0 <= rate < float("inf") for rate in self.rates.values())
        if not positive or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(
                f"lr must not be negative and betas must lie in [0, 1), got lr={self.lr} and betas={self.betas}."
            )
        if missing := set(objective.players) - set(self.rates):
            names = ", ".join(sorted(missing))
            raise ValueError(f"lr names no rate for {names}; every player of the objective needs one.")


def _named(seeds: int | Sequence[int]) -> list[int]:
    """A number of seeds, or their names, as a list of names."""
    names = list(range(seeds)) if isinstance(seeds, int) else list(seeds) if isinstance(seeds, Sequence) else [None]
    if not names or len(set(names)) < len(names) or not all(isinstance(s, int) and 0 <= s < 2**32 for s in names):
        raise ValueError(f"seeds must be a positive number or a list of different ints from 0 to 2**32-1, got {seeds}.")
    return names
