"""A seeds axis for networks: many initialisations trained as one.

``stack`` gives every parameter of K networks a leading axis of length K; the layers below then run all copies as one
batched matrix product or one grouped convolution, [seeds, batch, ...] in and out. A single network is an ordinary torch
module, and so is a copy that ``unstack`` takes out again. A layer of one's own joins in by setting ``stackable = True``
and letting its parameters carry the axis.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Conv2d", "ConvTranspose2d", "GroupNorm", "Linear", "STACKABLE", "initialise", "stack", "unstack"]


class Linear(nn.Linear):
    """``nn.Linear``; with weights [seeds, out, in] it maps [seeds, batch, in] to [seeds, batch, out]."""

    def forward(self, x: Tensor) -> Tensor:
        w, b = self.weight, self.bias
        single = w.ndim == 2
        if single and self.out_features > 1:
            return F.linear(x, w, b)
        rows, b = (x, b) if single else (x.flatten(1, -2), None if b is None else b.unsqueeze(-2))
        if self.out_features == 1:  # a sum rounds alike with and without the seeds axis, and Adam magnifies rounding
            y = (rows * w).sum(-1, keepdim=True)
            y = y if b is None else y + b
        else:
            y = rows @ w.mT if b is None else torch.baddbmm(b, rows, w.mT)
        return y if single or x.ndim == 3 else y.unflatten(1, x.shape[1:-1])


def _flat(layer: nn.Module) -> tuple[int, Tensor, Tensor | None]:
    """Number of seeds, weight and bias of a stacked convolution, with the seeds axis merged into the channels."""
    w, b = layer.weight, layer.bias
    return len(w), w.flatten(0, 1), None if b is None else b.flatten()


def _grouped(x: Tensor, seeds: int, function) -> Tensor:
    """Run ``function`` on [batch, seeds * channels, ...] instead of [seeds, batch, channels, ...]."""
    y = function(x.transpose(0, 1).flatten(1, 2))
    return y.unflatten(1, (seeds, -1)).transpose(0, 1)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``; with a leading seeds axis, one grouped convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 4:
            return super().forward(x)
        seeds, w, b = _flat(self)
        rest = self.stride, self.padding, self.dilation, seeds * self.groups
        return _grouped(x, seeds, lambda x: F.conv2d(x, w, b, *rest))


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d``; with a leading seeds axis, one grouped convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 4:
            return super().forward(x)
        seeds, w, b = _flat(self)
        rest = self.stride, self.padding, self.output_padding, seeds * self.groups, self.dilation
        return _grouped(x, seeds, lambda x: F.conv_transpose2d(x, w, b, *rest))


class GroupNorm(nn.GroupNorm):
    """``nn.GroupNorm``: no state but its parameters; the seeds axis joins the batch."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 1:
            return super().forward(x)
        y = F.group_norm(x.flatten(0, 1), self.num_groups, eps=self.eps).view_as(x)
        affine = (len(self.weight), 1, -1, *[1] * (x.ndim - 3))
        return y * self.weight.view(affine) + self.bias.view(affine)


STACKABLE: dict[type, type] = {
    nn.Linear: Linear,
    nn.Conv2d: Conv2d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.GroupNorm: GroupNorm,
}


def initialise(module: nn.Module, seed: int) -> nn.Module:
    """A copy, on the CPU, with fresh initial weights, which depend on ``seed`` only."""
    module = copy.deepcopy(module).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerators, too
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    return module


def stack(modules: Sequence[nn.Module]) -> nn.Module:
    """One module whose parameters are those of ``modules`` along a leading seeds axis.

    Raises TypeError for a layer that cannot carry that axis.
    """
    stacked = copy.deepcopy(modules[0])
    for name, part in stacked.named_modules():
        if not _stackable(part):
            raise TypeError(
                f"layer {name or 'at the top'} ({type(part).__name__}) cannot be stacked over seeds; build it from "
                "Linear, Conv2d, ConvTranspose2d and GroupNorm, or fit one seed at a time with seeds=[k]."
            )
        # torch's own layer: same parameters, a forward that knows the axis
        part.__class__ = STACKABLE.get(type(part), type(part))
    _shift_axes(stacked, 1)
    return _with_parameters(stacked, lambda name: torch.stack([m.get_parameter(name) for m in modules]))


def unstack(module: nn.Module, k: int) -> nn.Module:
    """The k-th of the stacked copies, as an ordinary module."""
    single = copy.deepcopy(module)
    _shift_axes(single, -1)
    plain = torch.contiguous_format
    return _with_parameters(single, lambda name: module.get_parameter(name)[k].clone(memory_format=plain))


def _stackable(part: nn.Module) -> bool:
    kind = type(part)
    if kind in STACKABLE or kind in STACKABLE.values():
        # Reflecting paddings count axes from the front; a norm without parameters cannot show how many seeds there are.
        return getattr(part, "padding_mode", "zeros") == "zeros" and getattr(part, "affine", True)
    package, _, family = kind.__module__.rpartition(".")
    knows_axes = package == "torch.nn.modules" and family in ("pooling", "upsampling", "batchnorm", "instancenorm")
    own = any(True for _ in part.parameters(recurse=False))
    return getattr(kind, "stackable", False) or not (own or knows_axes)


def _shift_axes(module: nn.Module, by: int) -> None:
    """Let torch's Flatten and Unflatten, which count axes from the front, step over the seeds axis."""
    for part in module.modules():
        for axis in {nn.Flatten: ("start_dim", "end_dim"), nn.Unflatten: ("dim",)}.get(type(part), ()):
            if getattr(part, axis) >= 0:
                setattr(part, axis, getattr(part, axis) + by)


def _with_parameters(module: nn.Module, value) -> nn.Module:
    for name, _ in list(module.named_parameters()):
        owner, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(owner), leaf, nn.Parameter(value(name).detach()))
    return module
