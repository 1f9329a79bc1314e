"""The bare products of a step, which no compiler can leave out; and how large is large in ``products.py``.

    python benchmarks/products.py      # half a minute of processor time; prints, writes nothing

``products_of(step)`` makes one step and gives its products of matrices and its convolutions, with the numbers and the
strides that the step gave them, as a function that does these again and nothing else: as torch does them (in float32 on
a CPU it asks MKL), or those of matrices by oneDNN. Called as a script it prints, by size of the weights and by rows,
how many times as fast a linear layer is by oneDNN, forward and backward: median and range of interleaved rounds.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from ganvae_lib.distributions import products

MATRICES = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "ganvae_lib::product")
CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")


class Asked(TorchDispatchMode):
    """Writes down the products that are asked for."""

    def __init__(self):
        super().__init__()
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []  # factors, [*seeds, rows, in] and [*seeds, in, out]
        self.convolutions: list[Callable] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.name().partition(".")[0] in MATRICES:
            left, right = args[-2:]
            is_ours = operation.namespace == "ganvae_lib"  # it is given the second one transposed
            self.pairs.append((left.detach(), right.detach().mT if is_ours else right.detach()))
        elif operation.name().partition(".")[0] in CONVOLUTIONS:
            self.convolutions.append(partial(operation, *args, **(kwargs or {})))
        return operation(*args, **(kwargs or {}))


def products_of(step: Callable[[], object], onednn: bool = False) -> Callable[[], None]:
    """A function that does the products of a step, as torch does them or by oneDNN."""
    with Asked() as asked:
        step()
    multiply = (lambda left, right: products.product(left, right.mT)) if onednn else torch.matmul

    @torch.no_grad()
    def again() -> None:
        for left, right in asked.pairs:
            multiply(left, right)
        for convolve in asked.convolutions:
            convolve()

    return again


def layer(rows: int, n_in: int, n_out: int, rounds: int = 7) -> list[float]:
    """Ratios by round: a linear layer by MKL, and by oneDNN."""
    x, weight = torch.randn(rows, n_in, requires_grad=True), torch.randn(n_out, n_in, requires_grad=True)
    upstream = torch.randn(rows, n_out)
    ways: dict[str, Callable] = {"mkl": F.linear, "onednn": products.affine}
    times: dict[str, list[float]] = {way: [] for way in ways}
    repeats = max(1, int(1e9 / (6 * rows * n_in * n_out)))
    for i in range(-1, rounds):  # the first is to warm up
        for way in list(ways) if i % 2 else list(reversed(ways)):
            start = time.process_time()
            for _ in range(repeats):
                torch.autograd.grad(ways[way](x, weight), (x, weight), upstream)
            if i >= 0:
                times[way].append(time.process_time() - start)
    return [mkl / onednn for mkl, onednn in zip(times["mkl"], times["onednn"], strict=True)]


def main() -> None:
    torch.set_num_threads(1)
    print("oneDNN is chosen for large ones here:", products.multiplies_faster())
    sizes = ((128, 128), (256, 256), (784, 100), (256, 512), (784, 400), (1024, 784), (4096, 100))
    for (n_in, n_out), rows in itertools.product(sizes, (16, 32, 64, 128, 256)):
        ratios = layer(rows, n_in, n_out)
        chosen = "chosen" if n_in * n_out >= products.LARGE and rows >= products.ROWS else ""
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{rows:4d} rows, {n_in:4d} to {n_out:4d}: {told} {chosen}", flush=True)


if __name__ == "__main__":
    main()
