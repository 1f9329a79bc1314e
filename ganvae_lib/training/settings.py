"""How a training goes: what ``fit`` was asked for, checked; and where and how exactly it computes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.distributions import Distribution

from ..errors import unknown
from ..objective.algebra import Objective

__all__ = ["Settings", "find_device", "in_precision", "unchecked"]

PLAYERS = ("theta", "eta", "phi")  # who owns parameters; ``ROLES`` says whose each network is


class Settings:
    """What ``fit`` was asked for, in the order of its arguments, with the defaults that suit an objective.

    Raises ValueError for an argument that is out of range.
    """

    def __init__(
        self,
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
    ):
        counts = [steps, batch] if log_every is None else [steps, batch, log_every]
        if not all(isinstance(count, int) and count > 0 for count in counts):
            raise ValueError(
                f"steps, batch and log_every must be positive integers, got {steps}, {batch} and {log_every}."
            )
        adversarial = bool(objective.adversaries)
        self.steps, self.batch, self.fresh, self.precision = steps, batch, fresh, precision
        self.seeds = _seed_list(seeds)
        self.device = find_device(device)
        default_lr = 2e-4 if adversarial else 1e-3
        default_betas = (0.5, 0.999) if adversarial else (0.9, 0.999)
        self.lr = default_lr if lr is None else lr
        self.betas = default_betas if betas is None else betas
        self.log_every = min(log_every or max(1, steps // 100), steps)  # by default about 100 points
        self._check_rates(objective)

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of each player."""
        return self.lr if isinstance(self.lr, dict) else dict.fromkeys(PLAYERS, self.lr)

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
        rates_fit = all(0 <= rate < float("inf") for rate in self.rates.values())
        betas_fit = all(0 <= beta < 1 for beta in self.betas)
        if not rates_fit or not betas_fit:
            raise ValueError(
                f"lr must not be negative and betas must lie in [0, 1), got lr={self.lr} and betas={self.betas}."
            )
        if missing := set(objective.players) - set(self.rates):
            names = ", ".join(sorted(missing))
            raise ValueError(f"lr names no rate for {names}; every player of the objective needs one.")


def _seed_list(seeds: int | Sequence[int]) -> list[int]:
    """The seeds as a list: 3 stands for [0, 1, 2]."""
    if isinstance(seeds, int):
        listed = list(range(seeds))
    else:
        listed = list(seeds) if isinstance(seeds, Sequence) else []
    in_range = all(isinstance(seed, int) and 0 <= seed < 2**32 for seed in listed)
    if not listed or not in_range or len(set(listed)) < len(listed):
        raise ValueError(f"seeds must be a positive number or a list of different ints from 0 to 2**32-1, got {seeds}.")
    return listed


@contextmanager
def unchecked() -> Iterator[None]:
    """Switch off the argument checks of distributions: each costs a host sync per call."""
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)


def find_device(name: str) -> torch.device:
    """The device of this name; "auto" takes cuda, then mps, then cpu. Raises ValueError for one that is not here."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        usable = [kind for kind, is_here in available.items() if is_here]
        name = usable[0] if usable else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise unknown("device", name, ("auto", "cpu", "cuda", "mps")) from error
    if not available.get(device.type, True):
        raise ValueError(f"device {name!r} is not available here; use device='auto' or 'cpu'.")
    if name == "cuda":  # each of several processes takes one
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device


@contextmanager
def in_precision(name: str, device: torch.device) -> Iterator[None]:
    """Compute in "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast); ValueError for another name."""
    if name not in ("fp32", "tf32", "bf16"):
        raise unknown("precision", name, ("fp32", "tf32", "bf16"))
    matmul_before = torch.get_float32_matmul_precision()
    cudnn_before = torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if name == "tf32" else matmul_before)  # "high" allows tf32
    torch.backends.cudnn.allow_tf32 = name == "tf32"  # torch's default lets convolutions use it unasked
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul_before)
        torch.backends.cudnn.allow_tf32 = cudnn_before
