"""Minibatches of data that stay on the device, or where they are; and the processes that share them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.batch import Batch
from ..distributions.densities import as_floats
from ..distributions.noise import Noise, Share
from ..models.model import Model

__all__ = [
    "Batches",
    "batch_source",
    "is_first_process",
    "is_writing_process",
    "join_processes",
    "leave_processes",
    "wait_for_all_processes",
]


class Batches:
    """Minibatches of a data set that stays on the device, by index: a new order each epoch, one stream per seed.

    ``parts`` are tensors of equal length, x first; a minibatch holds the same rows of each, and of x as float32. Parts
    may also lie on the host or in a file: then rows are gathered there and copied, and the host waits for the device
    once an epoch, for the order. The examples left over at the end of an epoch (fewer than a batch) are skipped.
    """

    def __init__(self, parts: Sequence[Tensor], batch: int, noise: Noise, name: str = "batches"):
        self.parts, self.batch, self.noise, self.name = parts, batch, noise, name
        self.x = parts[0]
        self.generators = noise.generators(name)
        self.per_epoch = len(self.x) // self.batch
        self._shuffle()

    def _shuffle(self) -> None:
        """Begin an epoch: a new order of the examples."""
        self.epoch_start_states = torch.stack([generator.get_state() for generator in self.generators])
        example_count = len(self.x)
        orders = [torch.randperm(example_count, generator=one, device=one.device) for one in self.generators]
        self.order = (torch.stack(orders) if self.noise.seeds_shape else orders[0]).to(self.x.device)
        self.batches_drawn = 0  # in this epoch

    def state(self) -> tuple[int, dict[str, Tensor]]:
        """How far in the epoch, and the generators' states at its start."""
        return self.batches_drawn, {"start": self.epoch_start_states}

    def restore(self, batches_drawn: int, states: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said."""
        for generator, state in zip(self.generators, states["start"], strict=True):
            generator.set_state(state.clone())  # torch accepts no view, such as a row of a stack
        self._shuffle()
        if not 0 <= batches_drawn <= self.per_epoch:
            raise ValueError(f"the order of the examples cannot stand at {batches_drawn} of {self.per_epoch}.")
        self.batches_drawn = batches_drawn

    def restart(self, step: int) -> None:
        """Begin orders that are no repetition of those up to ``step``, when the batch or the data have changed."""
        self.generators = self.noise.generators(f"{self.name} from step {step}")
        self._shuffle()

    def next(self) -> list[Tensor]:
        """The next minibatch of every part: [*seeds, batch, ...]."""
        if self.batches_drawn == self.per_epoch:
            self._shuffle()
        start = self.batches_drawn * self.batch
        row_index = self.order[..., start : start + self.batch]
        row_index = self.noise.share.rows(row_index, -1)  # of several processes, each takes its rows
        self.batches_drawn += 1
        flat_index = row_index.reshape(-1)  # index_select takes a vector; the seeds axis comes back after it
        x, *others = [
            self._on_device(tensor.index_select(0, flat_index)).unflatten(0, row_index.shape) for tensor in self.parts
        ]
        return [as_floats(x), *others]

    def _on_device(self, rows: Tensor) -> Tensor:
        """Rows on the device, without waiting for it."""
        device = self.noise.device
        if rows.device.type == device.type:
            return rows
        return (rows.pin_memory() if device.type == "cuda" else rows).to(device, non_blocking=True)


def batch_source(
    model: Model, data: Examples, batch_size: int, noise: Noise, device: torch.device
) -> tuple[Callable[..., Batch], list[Batches]]:
    """A function that draws the next minibatch, of what the objective reads, and returns its Batch; and the orders.

    A batch is at most as large as the data. The second domain, if there is one, has an order of its own.
    """
    labels = data.y if "labels" in model.reads else None
    other = data.other if "other" in model.reads else None
    batch_size = min(batch_size, len(data)) if other is None else min(batch_size, len(data), len(other))
    batch_size -= batch_size % noise.share.size  # every process takes equally many rows
    # Both lie together: rows of streamed examples are gathered on the host.
    storage_device = torch.device("cpu") if getattr(data, "streamed", False) else device
    tensors = [data.x] if labels is None else [data.x, labels]
    batches = Batches([tensor.to(storage_device) for tensor in tensors], batch_size, noise)
    other_batches = None
    if other is not None:
        other_batches = Batches([other.to(storage_device)], batch_size, noise, "batches of the other")

    def next_batch(detached: bool = False) -> Batch:
        x, *label_rows = batches.next()
        labels = label_rows[0] if label_rows else None
        other = other_batches.next()[0] if other_batches else None
        return Batch(model, x, noise, labels, other, detached)

    return next_batch, [batches, other_batches] if other_batches else [batches]


# ---------------------------------------------------------------- several processes, one run

# Each takes its share of every minibatch, and gradients are averaged. Started by ``torchrun --nproc_per_node=2
# script.py``, every process draws the noise and the order of the whole minibatch and keeps its own rows, so that the
# run has the losses of one process on the whole batch, up to rounding.


def join_processes(device: torch.device) -> Share:
    """This process's share. Under ``torchrun`` the processes find each other here; otherwise there is one."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return Share()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Share(dist.get_rank(), dist.get_world_size())


def is_first_process() -> bool:
    """Is this the one process, or the one of several that writes files?"""
    return os.environ.get("RANK", "0") == "0"


def is_writing_process() -> bool:
    """Is this the process that writes what all of them hold? The first of each machine is, for it may see no other."""
    return os.environ.get("LOCAL_RANK", os.environ.get("RANK", "0")) == "0"


def wait_for_all_processes(device: torch.device) -> None:
    """Return when every process has come here."""
    if dist.is_initialized():
        dummy = torch.zeros(1, device=device)
        dist.all_reduce(dummy)  # a sum over all processes, which needs them all
        dummy.item()  # without it the host would go on before the GPU is done


def leave_processes() -> None:
    """Part from the other processes, at the end of a program."""
    if dist.is_initialized():
        dist.destroy_process_group()
