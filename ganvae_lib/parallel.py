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

__all__ = ["Share", "share"]


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

    def rows(self, tensor: Tensor, axis: int) -> Tensor:
        """This process's rows of what was drawn for the whole minibatch."""
        if self.size == 1:
            return tensor
        part = tensor.shape[axis] // self.size
        return tensor.narrow(axis, self.rank * part, part)

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
