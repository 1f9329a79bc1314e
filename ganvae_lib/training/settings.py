"""How a training goes: what ``fit`` was asked for, checked; how exactly it computes, and how it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.distributions import Distribution

from ..errors import chosen, flag, instance, real, unknown, whole
from ..objective.algebra import Objective

__all__ = ["Interrupts", "Settings", "find_device", "in_precision", "says_stop", "seed_list", "unchecked"]

PLAYERS = ("theta", "eta", "phi")  # who owns parameters; ``ROLES`` says whose each network is
PRECISIONS = ("fp32", "tf32", "bf16")
MOST_SEEDS = 100_000  # in one run: more than anyone can train, and fewer than fill a memory


class Settings:
    """What ``fit`` was asked for, in the order of its arguments, with the defaults that suit an objective.

    Raises ValueError for an argument that is out of range.
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
    ):
        adversarial = bool(instance("objective", objective, Objective).adversaries)
        self.steps = whole("steps", steps)
        self.batch = 128 if batch is None else whole("batch", batch)
        self.seeds = [0] if seeds is None else seed_list(seeds)
        self.fresh = True if fresh is None else flag("fresh", fresh)
        self.device = find_device("auto" if device is None else device)
        self.precision = "fp32" if precision is None else chosen("precision", precision, PRECISIONS)
        self.lr = _rates((2e-4 if adversarial else 1e-3) if lr is None else lr, objective)
        self.betas = _betas(((0.5, 0.999) if adversarial else (0.9, 0.999)) if betas is None else betas)
        # By default about 100 points.
        self.log_every = max(1, self.steps // 100) if log_every is None else whole("log_every", log_every)

    @classmethod
    def going_on(
        cls, objective: Objective, steps: int, seeds: list[int], config: dict[str, Any], asked: dict[str, Any]
    ) -> Settings:
        """Those of a run with this ``config`` that goes on to ``steps`` in all, but for what was ``asked`` for now."""
        names = ("batch", "precision", "lr", "betas", "log_every")
        before = {name: config.get(name) for name in names} | {"device": _nearest_device(config.get("device", "auto"))}
        return cls(objective, steps, seeds=seeds, fresh=False, **before | _given(asked))

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
            log_every=self.log_every,
        )


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in asked.items() if value is not None}


def _rates(lr: Any, objective: Objective) -> Any:
    """The learning rate, or that of each player; each is checked."""
    if not isinstance(lr, dict):
        return real("lr", lr, least=0)
    rates = {chosen("player", player, PLAYERS): real(f"lr of {player}", rate, least=0) for player, rate in lr.items()}
    if missing := set(objective.players) - set(rates):
        names = ", ".join(sorted(missing))
        raise ValueError(f"lr names no rate for {names}; every player of the objective needs one.")
    return rates


def _betas(betas: Any) -> tuple[float, float]:
    """Two numbers from 0 to below 1, as floats: torch refuses ints."""
    listed = list(betas) if hasattr(betas, "__iter__") and not isinstance(betas, str | bytes | dict) else []
    if len(listed) != 2:
        raise ValueError(f"betas must be two numbers of [0, 1), such as (0.9, 0.999), got {betas!r}.")
    first, second = (float(real("each of betas", beta, least=0)) for beta in listed)
    if max(first, second) >= 1:
        raise ValueError(f"betas must lie in [0, 1), got {betas!r}.")
    return first, second


def seed_list(seeds: Any) -> list[int]:
    """The seeds as a list: 3 stands for [0, 1, 2]. Raises ValueError for anything but seeds, each once."""
    if hasattr(seeds, "__iter__") and not isinstance(seeds, str | bytes | dict) and getattr(seeds, "ndim", None) != 0:
        listed = [whole("each of seeds", seed, least=0, most=2**32 - 1) for seed in seeds]
    else:
        listed = list(range(whole("seeds (how many, or a list of them)", seeds, most=MOST_SEEDS)))
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(f"seeds must be different, and one or more, got {seeds}.")
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


def find_device(name: Any) -> torch.device:
    """The device of this name; "auto" takes cuda, then mps, then cpu. Raises ValueError for one that is not here."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = str(name) if isinstance(name, torch.device) else name
    if name == "auto":
        usable = [kind for kind, is_here in available.items() if is_here]
        name = usable[0] if usable else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise unknown("device", name, ("auto", "cpu", "cuda", "mps")) from error
    if not available.get(device.type, True):
        raise ValueError(f"device {name!r} is not available here; use device='auto' or 'cpu'.")
    if name == "cuda":  # each of several processes takes one
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device


def _nearest_device(name: str) -> torch.device:
    """The device of this name; where there is none here, what "auto" takes."""
    try:
        return find_device(name)
    except ValueError:
        return find_device("auto")


@contextmanager
def in_precision(name: str, device: torch.device) -> Iterator[None]:
    """Compute in "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast); ValueError for another name."""
    chosen("precision", name, PRECISIONS)
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


class Interrupts:
    """Within it an interrupt (Ctrl-C, the stop button of Jupyter) waits for ``arrived``; a second one does not wait.

    So it falls between two steps, and nothing that the library, torch or a context has half done is left behind. Only
    in the main thread, to which Python gives them, and not under ``torchrun``, whose processes stop together or never.

    >>> with Interrupts() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.arrived(), interrupts.arrived()
    (True, False)
    """

    def __init__(self) -> None:
        self._before: Callable[..., Any] | None = None  # what takes an interrupt outside
        self._waiting: tuple[Any, ...] | None = None  # with what it is to be called
        self._released = False

    def __enter__(self) -> Interrupts:
        alone = os.environ.get("WORLD_SIZE", "1") == "1"
        if alone and threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # else they are ignored, or end the process
                self._before = before
                signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _take(self, *call: Any) -> None:
        if (self._released or self._waiting) and self._before is not None:
            self._before(*call)
        else:
            self._waiting = call

    @property
    def waiting(self) -> bool:
        """Is there one that waits?"""
        return self._waiting is not None

    def arrived(self) -> bool:
        """Has one come? What takes it outside is asked: only if that raises KeyboardInterrupt, as Python's does."""
        if self._waiting is None or self._before is None:
            return False
        call, self._waiting = self._waiting, None
        try:
            self._before(*call)
        except KeyboardInterrupt:
            return True
        return False

    @contextmanager
    def released(self) -> Iterator[None]:
        """Within it they come at once, as outside: a function of the user's runs."""
        self._released = True
        try:
            yield
        finally:
            self._released = False


def says_stop(answer: Any) -> bool:
    """Did a function of the user's return True? A path, a number of characters or a loss is no answer."""
    return type(answer).__name__ in ("bool", "bool_") and bool(answer)  # NumPy's has these names
