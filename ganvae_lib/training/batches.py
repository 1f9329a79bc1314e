"""Minibatches of data that stay on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.noise import Noise
from ..distributions.world import World
from ..models.model import Model

__all__ = ["Batches", "worlds"]


class Batches:
    """Minibatches of a data set that stays on the device, by index: a new order each epoch, one stream per seed.

    ``parts`` are tensors of equal length, x first; a minibatch holds the same rows of each. The examples left over at
    the end of an epoch (fewer than a batch) are skipped.
    """

    def __init__(self, parts: Sequence[Tensor], batch: int, noise: Noise, name: str = "batches"):
        self.parts, self.batch, self.noise, self.name = parts, batch, noise, name
        self.x = parts[0]
        self.generators = noise.generators(name)
        self.per_epoch = len(self.x) // self.batch
        self._shuffle()

    def _shuffle(self) -> None:
        """Begin an epoch: a new order of the examples."""
        self.states_at_start = torch.stack([generator.get_state() for generator in self.generators])
        n, device = len(self.x), self.x.device
        orders = [torch.randperm(n, generator=generator, device=device) for generator in self.generators]
        self.order = torch.stack(orders) if self.noise.seeds_shape else orders[0]
        self.batches_done = 0  # in this epoch

    def state(self) -> tuple[int, dict[str, Tensor]]:
        """How far in the epoch, and the generators' states at its start."""
        return self.batches_done, {"start": self.states_at_start}

    def restore(self, batches_done: int, states: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said."""
        for generator, state in zip(self.generators, states["start"], strict=True):
            generator.set_state(state.clone())  # torch accepts no view, such as a row of a stack
        self._shuffle()
        self.batches_done = batches_done

    def restart(self, step: int) -> None:
        """Begin orders that are no repetition of those up to ``step``, when the batch or the data have changed."""
        self.generators = self.noise.generators(f"{self.name} from step {step}")
        self._shuffle()

    def next(self) -> list[Tensor]:
        """The next minibatch of every part: [*seeds, batch, ...]."""
        if self.batches_done == self.per_epoch:
            self._shuffle()
        start = self.batches_done * self.batch
        index = self.order[..., start : start + self.batch]
        index = self.noise.share.rows(index, -1)  # of several processes, each takes its rows
        self.batches_done += 1
        rows = index.reshape(-1)  # index_select takes a vector; the seeds axis comes back after it
        return [part.index_select(0, rows).unflatten(0, index.shape) for part in self.parts]


def worlds(
    model: Model, data: Examples, batch: int, noise: Noise, device: torch.device
) -> tuple[Callable[..., World], list[Batches]]:
    """A function that draws the next minibatch, of what the objective reads, and returns its World; and the orders.

    A batch is at most as large as the data. The second domain, if there is one, has an order of its own.
    """
    labels = data.y if "labels" in model.reads else None
    other = data.other if "other" in model.reads else None
    batch = min(batch, len(data)) if other is None else min(batch, len(data), len(other))
    batch -= batch % noise.share.size  # every process takes equally many rows
    parts = [data.x] if labels is None else [data.x, labels]
    batches = Batches([part.to(device) for part in parts], batch, noise)
    other_batches = None if other is None else Batches([other.to(device)], batch, noise, "batches of the other")

    def next_world(detached: bool = False) -> World:
        x, *rest = batches.next()
        labels = rest[0] if rest else None
        other = other_batches.next()[0] if other_batches else None
        return World(model, x, noise, labels, other, detached)

    return next_world, [batches, other_batches] if other_batches else [batches]
