"""What one sees of a training: its learning curves and the bar that shows them; and how one stops it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..errors import NonFiniteLoss, check_bool
from ..figures.table import ShownAsTable, Table
from .intervals import format_interval, interval

__all__ = ["Bar", "History", "Interrupts", "interrupts_raise", "is_true_answer"]


class History(ShownAsTable, Mapping[str, Tensor]):
    """Learning curves: a loss by name, as a tensor [points, seeds]; each point is the mean since the last one.

    ``names`` are those of the losses, ``seeds`` those of the columns, ``steps`` the number of steps done at each point,
    and ``points`` the values, [names, seeds] each, float64. The last point may be of fewer steps than the others, where
    a training has stopped; if that goes on, the point is completed.

    >>> history = History(seeds=[4, 9], names=["match x"])
    >>> history.append(2, torch.tensor([[[1.0, 3.0]], [[2.0, 5.0]]]))    # two steps, one loss, two seeds
    >>> history
    History  1 points, to step 2; seeds [4, 9]
    match x  2.750 ± 15.883
    >>> history["match x"]
    tensor([[1.5000, 4.0000]], dtype=torch.float64)
    """

    def __init__(self, seeds: Sequence[int], names: Sequence[str]):
        if not seeds or not names or isinstance(seeds, str | int) or isinstance(names, str | int):
            raise ValueError(f"a history needs lists of seeds and of names, one or more of each, got {seeds}, {names}.")
        self.seeds, self.names = list(seeds), list(names)
        self.steps: list[int] = []
        self.points: list[Tensor] = []

    def append(self, step: int, losses: Tensor) -> None:
        """Add the mean over the last steps, of losses [steps, names, *seeds].

        Raises NonFiniteLoss, saying where, if a value is NaN or infinite: then nothing is added.
        """
        losses = losses.detach().cpu().double().reshape(len(losses), len(self.names), len(self.seeds))
        if not losses.isfinite().all():
            bad_row, name_index, seed_index = (~losses.isfinite()).nonzero()[0].tolist()  # the first bad value
            term, seed = self.names[name_index], self.seeds[seed_index]
            bad_step = step - len(losses) + bad_row + 1  # the last row is of this step
            advice = "lower lr, choose another link, or look at the data."
            if bad_step == 1:
                advice = (
                    "nothing has been learned yet, so look at the data: numbers far from 0 and 1 overflow. Standardise "
                    "each column, (x - x.mean(0)) / x.std(0), scale images to [0, 1], or begin with other weights."
                )
            value = losses[bad_row, name_index, seed_index].item()
            message = f"the loss '{term}' is {value} at step {bad_step}, seed {seed}; {advice}"
            raise NonFiniteLoss(message, term=term, step=bad_step, seed=seed)
        self.steps.append(step)
        self.points.append(losses.mean(0))

    def drop(self) -> None:
        """Take the last point away: a training that goes on with its steps makes another of them and later ones."""
        self.steps.pop()
        self.points.pop()

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.names:
            raise KeyError(f"no loss {name!r}; there are {', '.join(map(repr, self.names))}.")
        if not self.points:
            return torch.zeros(0, len(self.seeds), dtype=torch.float64)
        return torch.stack([point[self.names.index(name)] for point in self.points])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def last(self) -> dict[str, str]:
        """The last value of each loss as text: the mean and 95 % interval over seeds."""
        if not self.points:
            return {}
        return {
            name: format_interval(*interval(row), digits=3)
            for name, row in zip(self.names, self.points[-1], strict=True)
        }

    def _table(self) -> Table:
        last_step_text = f", to step {self.steps[-1]}" if self.steps else ""
        table_rows = list(self.last.items())
        if len(table_rows) > 6:  # short enough to be read at a glance
            table_rows = [*table_rows[:5], ("...", f"and {len(table_rows) - 5} more: {', '.join(self.names[5:])}")]
        return Table(("History", f"{len(self.steps)} points{last_step_text}; seeds {self.seeds}"), tuple(table_rows))


class Interrupts:
    """Within it an interrupt (Ctrl-C, the stop button of Jupyter) waits for ``take_pending``; a second one does
    not wait.

    So it falls between two steps, and nothing that the library, torch or a context has half done is left behind. Only
    in the main thread, to which Python gives them, and not under ``torchrun``, whose processes stop together or never.

    >>> with Interrupts() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.take_pending(), interrupts.take_pending()
    (True, False)
    """

    def __init__(self) -> None:
        self._outer_handler: Callable[..., Any] | None = None  # what takes an interrupt outside
        self._pending_call: tuple[Any, ...] | None = None  # with what it is to be called
        self._deliver_at_once = False

    is_raised = False  # does an interrupt leave fit, and end the program?

    def __enter__(self) -> Interrupts:
        is_single_process = os.environ.get("WORLD_SIZE", "1") == "1"
        if is_single_process and threading.current_thread() is threading.main_thread():
            outer_handler = signal.getsignal(signal.SIGINT)
            if callable(outer_handler):  # else they are ignored, or end the process
                self._outer_handler = outer_handler
                signal.signal(signal.SIGINT, self._handle_interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        if self._outer_handler is not None:
            signal.signal(signal.SIGINT, self._outer_handler)

    def _handle_interrupt(self, *arguments: Any) -> None:
        if (self._deliver_at_once or self._pending_call) and self._outer_handler is not None:
            self._outer_handler(*arguments)
        else:
            self._pending_call = arguments

    @property
    def is_waiting(self) -> bool:
        """Is there one that waits?"""
        return self._pending_call is not None

    def take_pending(self) -> bool:
        """Has one come? What takes it outside is asked: only if that raises KeyboardInterrupt, as Python's does."""
        if self._pending_call is None or self._outer_handler is None:
            return False
        arguments, self._pending_call = self._pending_call, None
        try:
            self._outer_handler(*arguments)
        except KeyboardInterrupt:
            return True
        return False

    def print_or_raise(self, where: str, left: int) -> None:
        """Say where a training was interrupted, and how it goes on; within ``interrupts_raise``, raise it instead."""
        if self.is_raised:
            raise KeyboardInterrupt(where)
        print(f"fit was {where}. The run is as far as it came; fit(run, steps={left or 'more'}) goes on.")

    @contextmanager
    def deliver_at_once(self) -> Iterator[None]:
        """Within it they come at once, as outside: a function of the user's runs."""
        self._deliver_at_once = True
        try:
            yield
        finally:
            self._deliver_at_once = False


@contextmanager
def interrupts_raise() -> Iterator[None]:
    """Within it ``fit`` raises KeyboardInterrupt between two steps: half a training is not to be taken for all."""
    raised_before, Interrupts.is_raised = Interrupts.is_raised, True
    try:
        yield
    finally:
        Interrupts.is_raised = raised_before


def is_true_answer(answer: Any) -> bool:
    """Did a function of the user's return True? A path, a number of characters or a loss is no answer."""
    is_bool = str(getattr(answer, "dtype", type(answer).__name__)) in ("bool", "torch.bool")
    return is_bool and not getattr(answer, "ndim", 0) and bool(answer)


class Bar:
    """A bar that moves by time, with steps, time left, and the losses at the last point of the history."""

    def __init__(self, training: Any, progress: bool | None):
        is_wanted = (
            os.environ.get("GANVAE_PROGRESS", "1") != "0" if progress is None else check_bool("progress", progress)
        )
        self.training, self.is_shown = training, is_wanted and training.noise.share.rank == 0
        self._progress_bar: Any = None

    def __enter__(self) -> Bar:
        if self.is_shown:
            from tqdm.auto import tqdm

            # It looks at the clock at each step, and draws when a fifth of a second has gone: the device is not asked.
            options = dict(leave=False, unit="step", mininterval=0.2, miniters=1)
            self._progress_bar = tqdm(total=self.training.settings.steps, initial=self.training.done, **options)
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress_bar is not None:
            self._progress_bar.close()

    def advance(self) -> None:
        """A step is done."""
        if self._progress_bar is None:
            return
        history = self.training.history
        if history.steps and history.steps[-1] == self.training.done:
            means = zip(history.names, history.points[-1].mean(-1).tolist(), strict=True)  # over seeds
            self._progress_bar.set_postfix_str(", ".join(f"{name} {mean:.4g}" for name, mean in means), refresh=False)
        self._progress_bar.update(self.training.done - self._progress_bar.n)
