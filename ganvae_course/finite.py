"""What judges need again and again: values in float64, and the measures of finite distributions, in nats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["entropy", "exactly", "kl", "tensor"]


def tensor(values: Any) -> Tensor:
    """Numbers in float64."""
    return torch.as_tensor(values, dtype=torch.float64)


def exactly(*values: Any) -> list[Tensor]:
    """Each of some values in float64."""
    return [tensor(value) for value in values]


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p ‖ q) of positive distributions on the last axis."""
    return (p * (p / q).log()).sum(-1)


def entropy(p: Tensor) -> Tensor:
    """H(p) of distributions on the last axis, in which zeros count nothing."""
    return -torch.special.xlogy(p, p).sum(-1)
