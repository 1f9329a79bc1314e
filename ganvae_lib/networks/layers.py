"""A seeds axis for networks: many initialisations trained as one.

``stack`` gives every parameter of K networks a leading axis of length K; the layers below then run all copies as one
batched matrix product or one grouped convolution, [seeds, batch, ...] in and out. A single network is an ordinary torch
module, and so is a copy that ``unstack`` takes out again. A layer of one's own joins in by setting ``stackable = True``
and letting its parameters carry the axis.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Conv2d", "ConvTranspose2d", "GroupNorm", "Linear", "STACKABLE", "grouped", "initialise", "stack", "unstack"]

Network = TypeVar("Network", bound=nn.Module)


class Linear(nn.Linear):
    """``nn.Linear``; with weights [seeds, out, in] it maps [seeds, batch, in] to [seeds, batch, out]."""

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        single = weight.ndim == 2
        if single and self.out_features > 1:
            return F.linear(x, weight, bias)
        if single:
            rows = x
        else:
            rows = x.flatten(1, -2)
            bias = None if bias is None else bias.unsqueeze(-2)
        if self.out_features == 1:  # a sum rounds alike with and without the seeds axis, and Adam magnifies rounding
            y = (rows * weight).sum(-1, keepdim=True)
            if bias is not None:
                y = y + bias
        elif bias is None:
            y = rows @ weight.mT
        else:
            y = torch.baddbmm(bias, rows, weight.mT)
        rows_were_flattened = not single and x.ndim != 3
        return y.unflatten(1, x.shape[1:-1]) if rows_were_flattened else y


def grouped(x: Tensor, seeds: int, convolve: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply ``convolve`` to [batch, seeds * channels, ...] instead of [seeds, batch, channels, ...]."""
    y = convolve(x.transpose(0, 1).flatten(1, 2))
    return y.unflatten(1, (seeds, -1)).transpose(0, 1)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``; with a leading seeds axis, one grouped convolution."""

    def kernels(self) -> Tensor:
        """The weights that are used."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        kernels, bias = self.kernels(), self.bias
        if kernels.ndim == 4:
            return self._conv_forward(x, kernels, bias)
        seeds = len(kernels)
        flat_kernels = kernels.flatten(0, 1)  # the seeds become groups
        flat_bias = None if bias is None else bias.flatten()
        options: tuple[Any, ...] = self.stride, self.padding, self.dilation, seeds * self.groups
        return grouped(x, seeds, lambda x: F.conv2d(x, flat_kernels, flat_bias, *options))


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d``; with a leading seeds axis, one grouped convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 4:
            return super().forward(x)
        seeds = len(self.weight)
        flat_kernels = self.weight.flatten(0, 1)  # the seeds become groups
        flat_bias = None if self.bias is None else self.bias.flatten()
        options: tuple[Any, ...] = self.stride, self.padding, self.output_padding, seeds * self.groups, self.dilation
        return grouped(x, seeds, lambda x: F.conv_transpose2d(x, flat_kernels, flat_bias, *options))


class GroupNorm(nn.GroupNorm):
    """``nn.GroupNorm``: no state but its parameters; the seeds axis joins the batch."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 1:
            return super().forward(x)
        y = F.group_norm(x.flatten(0, 1), self.num_groups, eps=self.eps).view_as(x)
        seeds, image_axes = len(self.weight), x.ndim - 3
        affine_shape = (seeds, 1, -1, *[1] * image_axes)  # one number for each seed and channel
        return y * self.weight.view(affine_shape) + self.bias.view(affine_shape)


#: Which of the layers above stands for a layer of torch when copies are stacked.
STACKABLE: dict[type, type] = {
    nn.Linear: Linear,
    nn.Conv2d: Conv2d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.GroupNorm: GroupNorm,
}


def initialise(module: Network, seed: int) -> Network:
    """A copy, on the CPU, with fresh initial weights, which depend on ``seed`` only.

    >>> torch.equal(initialise(Linear(4, 2), 7).weight, initialise(Linear(4, 2), 7).weight)
    True
    """
    module = copy.deepcopy(module).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerators, too
        for part in module.modules():
            reset = getattr(part, "reset_parameters", None)
            if reset is not None:
                reset()
    return module


def stack(modules: Sequence[Network]) -> Network:
    """One module whose parameters are those of ``modules`` along a leading seeds axis.

    Raises TypeError for a layer that cannot carry that axis.

    >>> stack([Linear(4, 2), Linear(4, 2), Linear(4, 2)]).weight.shape
    torch.Size([3, 2, 4])
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
    _shift_axes(stacked, by=1)

    def stacked_parameter(name: str) -> Tensor:
        return torch.stack([module.get_parameter(name) for module in modules])

    return _with_parameters(stacked, stacked_parameter)


def unstack(module: Network, k: int) -> Network:
    """The k-th of the stacked copies, as an ordinary module."""
    single = copy.deepcopy(module)
    _shift_axes(single, by=-1)

    def parameter_of_k(name: str) -> Tensor:
        return module.get_parameter(name)[k].clone(memory_format=torch.contiguous_format)

    return _with_parameters(single, parameter_of_k)


def _stackable(part: nn.Module) -> bool:
    """Can this layer compute with a seeds axis? A part without parameters can, unless it counts axes."""
    kind = type(part)
    if kind in STACKABLE or kind in STACKABLE.values():
        # Reflecting paddings count axes from the front; a norm without parameters cannot show how many seeds there are.
        pads_with_zeros = getattr(part, "padding_mode", "zeros") == "zeros"
        has_affine_parameters = getattr(part, "affine", True)
        return pads_with_zeros and has_affine_parameters
    if getattr(kind, "stackable", False):
        return True
    package, _, family = kind.__module__.rpartition(".")
    counts_axes = package == "torch.nn.modules" and family in ("pooling", "upsampling", "batchnorm", "instancenorm")
    has_parameters = bool(list(part.parameters(recurse=False)))
    return not (has_parameters or counts_axes)


#: Attributes of torch's layers that count axes from the front.
_AXES = {nn.Flatten: ("start_dim", "end_dim"), nn.Unflatten: ("dim",)}


def _shift_axes(module: nn.Module, by: int) -> None:
    """Let torch's Flatten and Unflatten step over the seeds axis."""
    for part in module.modules():
        for axis in _AXES.get(type(part), ()):
            position = getattr(part, axis)
            if position >= 0:
                setattr(part, axis, position + by)


def _with_parameters(module: Network, value: Callable[[str], Tensor]) -> Network:
    """The module with the parameter ``value(name)`` in the place of each of its own."""
    for path, _ in list(module.named_parameters()):  # such as decoder.trunk.0.weight
        layer, _, attribute = path.rpartition(".")
        setattr(module.get_submodule(layer), attribute, nn.Parameter(value(path).detach()))
    return module
