"""The bare products of a step: what is left of it where nothing else costs anything. No script, but a part of two.

``products_of(step)`` makes one step and gives its products of matrices and its convolutions, with the numbers and the
strides that the step gave them, as a function that does these again and nothing else. In float32 on a CPU torch lets
MKL multiply; with ``onednn`` the products of matrices are those of oneDNN, which torch has for its convolutions. With
``adam`` the updates of the weights are done again, too, by torch's fused kernel: every weight and both its averages are
read and written, which no step is spared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode

MATRICES = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")
ADAM = ("aten::_fused_adam_",)


class Asked(TorchDispatchMode):
    """Writes down the products that are asked for, and what else is named."""

    def __init__(self, names: tuple[str, ...]):
        super().__init__()
        self.names = names
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []  # factors, [*seeds, rows, in] and [*seeds, in, out]
        self.calls: list[Callable] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.name().partition(".")[0] in MATRICES:
            left, right = args[-2:]
            self.pairs.append((left.detach(), right.detach()))
        elif operation.name().partition(".")[0] in self.names:
            self.calls.append(partial(operation, *args, **(kwargs or {})))
        return operation(*args, **(kwargs or {}))


def by_onednn(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    if left.ndim == 3:
        return torch.stack([by_onednn(one_left, one_right) for one_left, one_right in zip(left, right, strict=True)])
    return torch.ops.mkldnn._linear_pointwise(left, right.mT, None, "none", [], "")


def products_of(step: Callable[[], object], onednn: bool = False, adam: bool = False) -> Callable[[], None]:
    """A function that does the products of a step, as torch does them or by oneDNN, and with ``adam`` its updates."""
    with Asked(CONVOLUTIONS + ADAM * adam) as asked:
        step()
    multiply = by_onednn if onednn else torch.matmul

    @torch.no_grad()
    def again() -> None:
        for left, right in asked.pairs:
            multiply(left, right)
        for call in asked.calls:
            call()

    return again
