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
        self.parts, self.batch, self.noise = parts, batch, noise
        self.x = parts[0]
        self.generators = noise.generators(name)
        self.per_epoch = len(self.x) // self.batch
        self._shuffle()

    def _shuffle(self) -> None:
        self.start = torch.stack([generator.get_state() for generator in self.generators])
        orders = [torch.randperm(len(self.x), generator=one, device=self.x.device) for one in self.generators]
        self.order = torch.stack(orders) if self.noise.seeds_shape else orders[0]
        self.at = 0

    def state(self) -> tuple[int, dict[str, Tensor]]:
        """How far in the epoch, and the generators' states at its start."""
        return self.at, {"start": self.start}

    def restore(self, at: int, states: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said."""
        for generator, state in zip(self.generators, states["start"], strict=True):
            generator.set_state(state.clone())  # a row of a stack is not accepted
        self._shuffle()
        self.at = at

    def next(self) -> list[Tensor]:
        """The next minibatch of every part: [*seeds, batch, ...]."""
        if self.at == self.per_epoch:
            self._shuffle()
        index = self.order[..., self.at * self.batch : (self.at + 1) * self.batch]
        index = self.noise.share.rows(index, -1)
        self.at += 1
        return [part.index_select(0, index.reshape(-1)).unflatten(0, index.shape) for part in self.parts]


def worlds(
    model: Model, data: Examples, batch: int, noise: Noise, device: torch.device
) -> tuple[Callable[..., World], list[Batches]]:
    """A function that draws the next minibatch, of what the objective reads, and returns its World; and the orders.

    A batch is at most as large as the data. The second domain, if there is one, has an order of its own.
    """
    labels = data.y if "labels" in model.reads else None
    other = data.other if "other" in model.reads else None
    batch = min(batch, len(data), len(data if other is None else other))
    batch -= batch % noise.share.size
    batches = Batches([part.to(device) for part in (data.x, labels) if part is not None], batch, noise)
    others = None if other is None else Batches([other.to(device)], batch, noise, "batches of the other")

    def next_world(detached: bool = False) -> World:
        x, *labels = batches.next()
        other = others.next()[0] if others else None
        return World(model, x, noise, labels[0] if labels else None, other, detached)

    return next_world, [batches, *([others] if others else [])]
