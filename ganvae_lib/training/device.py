"""Where and how exactly a training computes: device, precision, memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.distributions import Distribution

from ..errors import unknown

__all__ = ["find_device", "in_precision", "keep_memory", "unchecked"]


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
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise unknown("device", name, ("auto", "cpu", "cuda", "mps")) from error
    available = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if not available.get(device.type, lambda: True)():
        raise ValueError(f"device {name!r} is not available here; use device='auto' or 'cpu'.")
    if name == "cuda":  # each of several processes takes one
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device


@contextmanager
def in_precision(name: str, device: torch.device) -> Iterator[None]:
    """Compute in "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast); ValueError for another name."""
    if name not in ("fp32", "tf32", "bf16"):
        raise unknown("precision", name, ("fp32", "tf32", "bf16"))
    before, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if name == "tf32" else before)
    torch.backends.cudnn.allow_tf32 = name == "tf32"  # torch's default lets convolutions use it unasked
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = cudnn


def keep_memory() -> None:
    """Let glibc reuse the memory of a step in the next one.

    It hands blocks above a threshold back to the system, and then a step of stacked networks spends a fifth of its time
    on page faults. Freeing one large block, which is never touched, lifts the threshold to its size for good.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
