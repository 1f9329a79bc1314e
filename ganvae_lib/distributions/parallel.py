"""Several processes, one run: each takes its share of every minibatch, and gradients are averaged.

Started by ``torchrun --nproc_per_node=2 script.py``, every process draws the noise and the order of the whole
minibatch and keeps its own rows, so that the run has the losses of one process on the whole batch, up to rounding.
"""

from __future__ import annotations

import os

import torch
import torch.distributed as dist

from .noise import Share

__all__ = ["first", "leave", "share", "wait", "writes"]


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


def writes() -> bool:
    """Is this the process that writes what all of them hold? The first of each machine is, for it may see no other."""
    return os.environ.get("LOCAL_RANK", os.environ.get("RANK", "0")) == "0"


def wait(device: torch.device) -> None:
    """Return when every process has come here."""
    if dist.is_initialized():
        number = torch.zeros(1, device=device)
        dist.all_reduce(number)  # a sum over all processes, which needs them all
        number.item()  # without it the host would go on before the GPU is done


def leave() -> None:
    """Part from the other processes, at the end of a program."""
    if dist.is_initialized():
        dist.destroy_process_group()
