"""Products of large matrices, by the library of torch's that uses all of the processor.

In float32 torch lets MKL multiply. On a processor of AMD's that has AVX-512, MKL leaves half of it unused; oneDNN,
which torch has for its convolutions, does not. Results are the same up to rounding. ``benchmarks/products.py`` says
from which size on it is faster.

>>> x, weight = torch.randn(3, 4), torch.randn(2, 4)
>>> torch.allclose(product(x, weight), x @ weight.mT, atol=1e-6)
True
"""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["LARGE", "LARGE_IN_GRAPH", "ROWS", "affine", "in_graph", "multiplies_faster", "pays", "product"]

#: How many numbers a matrix of weights has at least, and how many rows it is multiplied with, where oneDNN multiplies.
#: Smaller products gain little there, or lose, and stay bit for bit what they were.
LARGE, ROWS = 2**17, 64
LARGE_IN_GRAPH = 2**22  # multiplications


@functools.cache
def multiplies_faster() -> bool:
    """Is oneDNN the faster one here?"""
    cpu_info = Path("/proc/cpuinfo")
    processor = cpu_info.read_text() if cpu_info.exists() else platform.processor()
    has_both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    is_half_used = "AuthenticAMD" in processor and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return has_both and is_half_used and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def pays(x: Tensor, weight: Tensor) -> bool:
    """Is ``affine`` faster than what torch does with weights [*seeds, out, in] and x [*seeds, ..., in]?"""
    if weight.shape[-2:].numel() < LARGE or x.shape[weight.ndim - 2 : -1].numel() < ROWS:
        return False
    are_plain = x.device.type == weight.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
    is_ordinary = not (torch.is_autocast_enabled("cpu") or torch._C._are_functorch_transforms_active())
    return are_plain and is_ordinary and multiplies_faster()


def affine(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What ``nn.Linear`` gives; or K of them, of x [K, ..., in], if weights are [K, out, in] and biases [K, out]."""
    first_row_axis = weight.ndim - 2
    output = product(x.flatten(first_row_axis, -2), weight)
    if bias is not None:
        output = output + bias.unsqueeze(-2)
    return output.unflatten(first_row_axis, x.shape[first_row_axis:-1])


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x weightᵀ by oneDNN: of matrices in float32, or of as many pairs as the first axis of both says."""
    multiplied: Tensor = _Product.apply(x, weight)
    return multiplied


class _Product(torch.autograd.Function):
    """Its gradients are products again, and so have gradients, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)
        return _by_onednn(x, weight)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight = ctx.needs_input_grad
        return product(upstream, weight.mT) if wants_x else None, product(upstream.mT, x.mT) if wants_weight else None

    @staticmethod
    def jvp(ctx: Any, along_x: Tensor | None, along_weight: Tensor | None) -> Any:
        x, weight = ctx.saved_tensors
        parts = [() if along_x is None else (along_x, weight), () if along_weight is None else (x, along_weight)]
        return sum(product(*part) for part in parts if part)


@torch.library.custom_op("ganvae_lib::product", mutates_args=())  # one operation to a compiler
def _by_onednn(x: Tensor, weight: Tensor) -> Tensor:
    if x.ndim == 3:
        return torch.stack([_by_onednn(one_x, own) for one_x, own in zip(x, weight, strict=True)])
    multiplied: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return multiplied


@_by_onednn.register_fake
def _(x: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[-2])


def in_graph(graph: torch.fx.GraphModule) -> None:
    """Let oneDNN do the large products of a traced graph, where it is the faster one.

    A graph is asked for by whoever does not mind rounding, so here products count as large that a layer leaves alone.
    """
    aten, operations = torch.ops.aten, graph.graph
    kinds = {aten.mm.default, aten.bmm.default, aten.addmm.default, aten.baddbmm.default}
    for node in [node for node in operations.nodes if node.target in kinds and not node.kwargs]:
        *bias, left, right = node.args
        x, matrix = left.meta["val"], right.meta["val"]
        is_plain = x.device.type == "cpu" and x.dtype == torch.float32
        if not is_plain or x.shape[-2:].numel() * matrix.shape[-1] < LARGE_IN_GRAPH or not multiplies_faster():
            continue
        with operations.inserting_before(node):
            weight = operations.call_function(aten.transpose.int, (right, -2, -1))
            found = operations.call_function(torch.ops.ganvae_lib.product.default, (left, weight))
            found = operations.call_function(aten.add.Tensor, (found, *bias)) if bias else found
        node.replace_all_uses_with(found)
        operations.erase_node(node)
    graph.recompile()
