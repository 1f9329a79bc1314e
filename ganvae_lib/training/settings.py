"""How a training goes: what ``fit`` was asked for, checked; and where and how exactly it computes."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ..distributions.schedules import SCHEDULES, Schedule
from ..errors import check_bool, check_choice, check_int, check_real, check_type, unknown
from ..figures.values import as_entry, field_names, from_entry
from ..models.inputs import without_argument_checks
from ..objective.algebra import Objective
from .optimizers import Recipe

__all__ = [
    "Settings",
    "find_device",
    "in_precision",
    "keeping_freed_memory",
    "seed_list",
    "without_argument_checks",
]

PLAYERS = ("theta", "eta", "phi")  # who owns parameters; ``ROLES`` says whose each network is
PRECISIONS = ("fp32", "tf32", "bf16")
AUTO_COMPILE_STEPS = 50_000  # steps from which "auto" compiles: chosen, not measured; compiling takes minutes
MOST_SEEDS = 100_000  # in one run: more than anyone can train, and fewer than fill a memory


class Settings:
    """What ``fit`` was asked for, in the order of its arguments, with the defaults that suit an objective.

    batch:      examples in a minibatch, 128 by default.
    seeds:      8 trains seeds 0 to 7 at once, stacked in one run; a list names them; seed 0 by default. Seed k sees the
                same initial weights, minibatches and noise whatever seeds are beside it: it is the run ``seeds=[k]`` up
                to rounding.
    fresh:      draw new initial weights from each seed, as by default. Weights that were loaded, trained or set by hand
                or that nothing can draw anew are an error that names them; those with ``requires_grad=False`` or of
                ``nets.pretrained(module)`` stay as they are in every seed. False starts every seed from the model's
                present weights. If a training has made them, its noise and the order of its examples go on.
    device:     "auto", the default, takes cuda, then mps, then cpu.
    precision:  "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast; parameters stay in fp32).
    lr, betas:  of Adam; lr may be a dict by player, and each rate a schedule (``linear``). By default 1e-3,
                (0.9, 0.999), and with an adversary 2e-4, (0.5, 0.999).
    log_every:  steps between two points of ``.history``, by default a hundredth of all; the only moments at which the
                host waits for the device.
    optimizer:  another class of torch.optim, or ``functools.partial(torch.optim.SGD, momentum=0.9)``; one that mixes
                the parameters of stacked seeds, or needs a closure, is refused.
    clip:       the greatest norm of a player's gradients, of each seed for itself; infinity, as by default, for none.
    ema:        such as 0.999: keep an exponential moving average of the weights, ``run.averaged``.
    compile:    True: the step as one graph, which torch compiles first, for minutes; the losses are those without it,
                up to rounding. What has no graph trains without and says why (RuntimeWarning). "auto": for 50,000 steps
                or more. False by default.
    A run that goes on keeps what it had, but for what is asked for now. Other data or another batch then have an order
    of their own, which has not been before; another optimizer begins without moments; another kind of device has new
    noise. Raises ValueError for an argument that is out of range.
    """

    def __init__(
        self,
        objective: Objective,
        steps: int,
        batch: int | None = None,
        seeds: int | Sequence[int] | None = None,
        fresh: bool | None = None,
        device: str | None = None,
        precision: str | None = None,
        lr: float | dict[str, float] | None = None,
        betas: tuple[float, float] | None = None,
        log_every: int | None = None,
        optimizer: Any = None,
        clip: float | None = None,
        ema: float | None = None,
        compile: bool | str | None = None,
    ):
        adversarial = bool(check_type("objective", objective, Objective).adversaries)
        self.steps = check_int("steps", steps)
        self.batch = 128 if batch is None else check_int("batch", batch)
        self.seeds = [0] if seeds is None else seed_list(seeds)
        self.fresh = True if fresh is None else check_bool("fresh", fresh)
        self.device = find_device("auto" if device is None else device)
        self.precision = "fp32" if precision is None else check_choice("precision", precision, PRECISIONS)
        self.lr = _rates((2e-4 if adversarial else 1e-3) if lr is None else lr, objective)
        self.betas = _betas(((0.5, 0.999) if adversarial else (0.9, 0.999)) if betas is None else betas)
        # By default about 100 points.
        self.log_every = max(1, self.steps // 100) if log_every is None else check_int("log_every", log_every)
        self.optimizer = Recipe(optimizer)
        self.clip = None if clip in (None, math.inf) else check_real("clip", clip, above=0)
        self.ema = None if ema in (None, 0) else check_real("ema", ema, above=0, most=1 - 2**-53)
        self.compile = compile if compile in (None, "auto") else check_bool("compile, where it is not 'auto',", compile)
        self.optimizer.check(self.betas, stacked=len(self.seeds) > 1)
        if not self.optimizer.has_betas and (betas is not None or lr is None):
            raise ValueError(f"{self.optimizer.name} has no betas and no usual rate: say lr=..., not betas=.")

    @classmethod
    def going_on(
        cls, objective: Objective, steps: int, seeds: list[int], config: dict[str, Any], asked: dict[str, Any]
    ) -> Settings:
        """Those of a run with this ``config`` that goes on to ``steps`` in all, but for what was ``asked`` for now."""
        names = ("batch", "precision", "lr", "betas", "log_every", "optimizer", "clip", "ema", "compile")
        merged = {name: config.get(name) for name in names} | {"device": _device_or_auto(config.get("device", "auto"))}
        merged |= _without_none(asked)
        if asked.get("betas") is None and not Recipe(merged["optimizer"]).has_betas:
            merged["betas"] = None  # those of the optimizer before
        return cls(objective, steps, seeds=seeds, fresh=False, **merged)

    def compiles(self, steps: int) -> bool:
        """Is a training of so many steps compiled?"""
        return steps >= AUTO_COMPILE_STEPS if self.compile == "auto" else bool(self.compile)

    @property
    def rates(self) -> dict[str, Any]:
        """The learning rate of each player, a number or a schedule."""
        return self.lr if isinstance(self.lr, dict) else dict.fromkeys(PLAYERS, self.lr)

    @property
    def config(self) -> dict[str, Any]:
        """What a run remembers of them, ready for JSON."""
        card = lambda rate: as_entry(rate, "name", field_names(rate)) if isinstance(rate, Schedule) else rate
        config = dict(
            steps=self.steps,
            batch=self.batch,
            lr={player: card(rate) for player, rate in self.lr.items()} if isinstance(self.lr, dict) else card(self.lr),
            betas=list(self.betas),
            precision=self.precision,
            device=str(self.device),
            log_every=self.log_every,
        )
        asked = {"optimizer": self.optimizer.card, "clip": self.clip, "ema": self.ema, "compile": self.compile or None}
        default_options = {"optimizer": Recipe().card, "clip": None, "ema": None, "compile": None}
        return config | {name: value for name, value in asked.items() if value != default_options[name]}


def _without_none(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in arguments.items() if value is not None}


def _rates(lr: Any, objective: Objective) -> Any:
    """The learning rate, or that of each player; each is checked."""
    if not isinstance(lr, dict) or "name" in lr:
        return _rate("lr", lr)
    rates = {check_choice("player", player, PLAYERS): _rate(f"lr of {player}", rate) for player, rate in lr.items()}
    if missing_players := set(objective.players) - set(rates):
        names = ", ".join(sorted(missing_players))
        raise ValueError(f"lr names no rate for {names}; every player of the objective needs one.")
    return rates


def _rate(name: str, rate: Any) -> Any:
    """A number that is not negative, or a schedule of them; a card of a schedule is one."""
    if isinstance(rate, dict):
        rate = from_entry(rate, "name", "schedule", SCHEDULES, SCHEDULES)
    if not isinstance(rate, Schedule):
        return check_real(name, rate, least=0)
    check_real(f"the least of {name}", min(rate.extremes), least=0)
    return rate


def _betas(betas: Any) -> tuple[float, float]:
    """Two numbers from 0 to below 1, as floats: torch refuses ints."""
    beta_list = list(betas) if hasattr(betas, "__iter__") and not isinstance(betas, str | bytes | dict) else []
    if len(beta_list) != 2:
        raise ValueError(f"betas must be two numbers of [0, 1), such as (0.9, 0.999), got {betas!r}.")
    beta_1, beta_2 = (float(check_real("each of betas", beta, least=0)) for beta in beta_list)
    if max(beta_1, beta_2) >= 1:
        raise ValueError(f"betas must lie in [0, 1), got {betas!r}.")
    return beta_1, beta_2


def seed_list(seeds: Any) -> list[int]:
    """The seeds as a list: 3 stands for [0, 1, 2]. Raises ValueError for anything but seeds, each once."""
    if hasattr(seeds, "__iter__") and not isinstance(seeds, str | bytes | dict) and getattr(seeds, "ndim", None) != 0:
        checked_seeds = [check_int("each of seeds", seed, least=0, most=2**32 - 1) for seed in seeds]
    else:
        checked_seeds = list(range(check_int("seeds (how many, or a list of them)", seeds, most=MOST_SEEDS)))
    if not checked_seeds or len(set(checked_seeds)) < len(checked_seeds):
        raise ValueError(f"seeds must be different, and one or more, got {seeds}.")
    return checked_seeds


def find_device(device_name: Any) -> torch.device:
    """The device of this name; "auto" takes cuda, then mps, then cpu. Raises ValueError for one that is not here."""
    is_available_kind = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device_name = str(device_name) if isinstance(device_name, torch.device) else device_name
    if device_name == "auto":
        available_kinds = [kind for kind, is_available in is_available_kind.items() if is_available]
        device_name = available_kinds[0] if available_kinds else "cpu"
    try:
        device = torch.device(device_name)
    except (RuntimeError, TypeError) as error:
        raise unknown("device", device_name, ("auto", "cpu", "cuda", "mps")) from error
    if not is_available_kind.get(device.type, True):
        raise ValueError(f"device {device_name!r} is not available here; use device='auto' or 'cpu'.")
    if device_name == "cuda":  # each of several processes takes one
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device


def _device_or_auto(name: str) -> torch.device:
    """The device of this name; where there is none here, what "auto" takes."""
    try:
        return find_device(name)
    except ValueError:
        return find_device("auto")


@contextmanager
def in_precision(name: str, device: torch.device) -> Iterator[None]:
    """Compute in "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast); ValueError for another name."""
    check_choice("precision", name, PRECISIONS)
    matmul_before = torch.get_float32_matmul_precision()
    cudnn_before = torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")  # "high" allows tf32
    torch.backends.cudnn.allow_tf32 = name == "tf32"  # torch's default lets convolutions use it unasked
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul_before)
        torch.backends.cudnn.allow_tf32 = cudnn_before


# glibc's options, by their numbers in malloc.h.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MMAP_MAX = -3, -1, -4
_KEEPING = {_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0}
_USUAL = {_MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26, _MMAP_MAX: 2**16}  # the most that glibc comes to by itself


@contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """Let the memory that a step frees stay with the process, for the next step.

    glibc hands freed blocks of 32 MiB and more back to the system, and a free end of its heap of 64 MiB and more.
    Stacked networks want them again in the next step, and page faults took up to a quarter of it. Another C library
    stays as it is.
    """
    _set_malloc(_KEEPING)
    try:
        yield
    finally:
        _set_malloc(_USUAL)


def _set_malloc(options: dict[int, int]) -> None:
    """Give the C library these options, if it is one that has such."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    for option, value in options.items() if hasattr(libc, "mallopt") else ():
        libc.mallopt(option, value)  # type: ignore[union-attr]
