"""Several processes, one run: each takes its share of every minibatch, and gradients are averaged.

Started by ``torchrun --nproc_per_node=2 script.py``, every process draws the noise and the order of the whole
minibatch and keeps its own rows, so that the run has the losses of one process on the whole batch, up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Share", "first", "leave", "share", "wait"]


class Share(NamedTuple):
    """The part of a minibatch that this process takes: the ``rank``-th of ``size``."""

    rank: int = 0
    size: int = 1

    def check(self, objective, batch: int) -> None:
        """Raise ValueError for an objective that is no mean over examples, or a batch that cannot be shared out."""
        if self.size == 1:
            return
        if batch % self.size:
            raise ValueError(f"a batch of {batch} cannot be shared by {self.size} processes; make it a multiple.")
        for term in objective.terms:
            if getattr(getattr(term, "tool", None), "whole", False):
                raise ValueError(f"{term!r} compares whole minibatches, not examples; train it in one process.")

    def rows(self, tensor: Tensor, axis: int, tiles: int = 1) -> Tensor:
        """This process's rows of what was drawn for the whole minibatch, or for ``tiles`` of them side by side."""
        if self.size == 1:
            return tensor
        axis %= tensor.ndim
        return tensor.unflatten(axis, (tiles, self.size, -1)).select(axis + 1, self.rank).flatten(axis, axis + 1)

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The mean of each tensor over the processes: one message for all."""
        if self.size == 1:
            return tensors
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        pieces = (flat / self.size).split([t.numel() for t in tensors])
        return [piece.view(t.shape) for piece, t in zip(pieces, tensors, strict=True)]

    def logsumexp(self, logits: Tensor) -> Tensor:
        """log Σ exp over the last axis of the whole minibatch, [..., 1], without gradient."""
        parts = logits.new_zeros(self.size, *logits.shape[:-1], 1)
        parts[self.rank] = logits.detach().logsumexp(-1, keepdim=True)
        dist.all_reduce(parts)
        return parts.logsumexp(0)


def share(device: torch.device) -> Share:
    """This process's share. Under ``torchrun`` the processes find each other here; otherwise there is one."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return Share()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Share(dist.get_rank(), dist.get_world_size())


def first() -> bool:
    """Is this the one process, or the one of several that writes files?"""
    return os.environ.get("RANK", "0") == "0"


def wait(device: torch.device) -> None:
    """Return when every process has come here."""
    if dist.is_initialized():
        together = torch.zeros(1, device=device)
        dist.all_reduce(together)
        together.item()  # a GPU would go on without waiting


def leave() -> None:
    """Part from the other processes, at the end of a program."""
    if dist.is_initialized():
        dist.destroy_process_group()
