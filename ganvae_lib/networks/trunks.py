"""Layers that carry a seeds axis, and trunks of them: what networks are before they become distributions.

With parameters [seeds, ...] such a layer runs all copies as one batched matrix product or one grouped convolution,
[seeds, batch, ...] in and out; a single network is an ordinary torch module. A trunk gives flat features. One whose
convolutions are large runs its copies in turn, each through all layers (``LARGE`` chooses).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from ..errors import check_choice, check_int, check_sizes

__all__ = [
    "ACTIVATIONS",
    "Conv2d",
    "ConvTranspose2d",
    "Flatten",
    "GroupNorm",
    "LARGE",
    "LayerNorm",
    "Linear",
    "Trunk",
    "UNet",
    "check_image",
    "conv_down",
    "conv_same",
    "conv_up",
    "grouped",
    "mlp",
]


class Linear(nn.Linear):
    """``nn.Linear``; with weights [seeds, out, in] it maps [seeds, batch, in] to [seeds, batch, out]."""

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        is_single = weight.ndim == 2
        if is_single and self.out_features > 1:
            return F.linear(x, weight, bias)
        if is_single:
            flat_x = x
        else:
            flat_x = x.flatten(1, -2)
            bias = None if bias is None else bias.unsqueeze(-2)
        if self.out_features == 1:  # a sum rounds alike with and without the seeds axis, and Adam magnifies rounding
            output = (flat_x * weight).sum(-1, keepdim=True)
            if bias is not None:
                output = output + bias
        elif bias is None:
            output = flat_x @ weight.mT
        else:
            output = torch.baddbmm(bias, flat_x, weight.mT)
        rows_were_flattened = not is_single and x.ndim != 3
        return output.unflatten(1, x.shape[1:-1]) if rows_were_flattened else output


def grouped(x: Tensor, n_seeds: int, convolve: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply ``convolve`` to [batch, seeds * channels, ...] instead of [seeds, batch, channels, ...]."""
    output = convolve(x.transpose(0, 1).flatten(1, 2))
    return output.unflatten(1, (n_seeds, -1)).transpose(0, 1)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``; with a leading seeds axis, one grouped convolution."""

    def effective_weight(self) -> Tensor:
        """The weights that are used."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.effective_weight(), self.bias
        if weight.ndim == 4:
            return self._conv_forward(x, weight, bias)
        n_seeds = len(weight)
        flat_weight = weight.flatten(0, 1)  # the seeds become groups
        flat_bias = None if bias is None else bias.flatten()
        options: tuple[Any, ...] = self.stride, self.padding, self.dilation, n_seeds * self.groups
        return grouped(x, n_seeds, lambda x: F.conv2d(x, flat_weight, flat_bias, *options))


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d``; with a leading seeds axis, one grouped convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 4:
            return super().forward(x)
        n_seeds = len(self.weight)
        flat_weight = self.weight.flatten(0, 1)  # the seeds become groups
        flat_bias = None if self.bias is None else self.bias.flatten()
        options: tuple[Any, ...] = self.stride, self.padding, self.output_padding, n_seeds * self.groups, self.dilation
        return grouped(x, n_seeds, lambda x: F.conv_transpose2d(x, flat_weight, flat_bias, *options))


class GroupNorm(nn.GroupNorm):
    """``nn.GroupNorm``: no state but its parameters; the seeds axis joins the batch."""

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.ndim == 1:
            return super().forward(x)
        normalised = F.group_norm(x.flatten(0, 1), self.num_groups, eps=self.eps).view_as(x)
        n_seeds, image_axes = len(self.weight), x.ndim - 3
        affine_shape = (n_seeds, 1, -1, *[1] * image_axes)  # one number for each seed and channel
        return normalised * self.weight.view(affine_shape) + self.bias.view(affine_shape)


class LayerNorm(nn.LayerNorm):
    """``nn.LayerNorm``; with weights [seeds, *shape] it scales each copy by its own."""

    def forward(self, x: Tensor) -> Tensor:
        n_axes = len(self.normalized_shape)
        if self.weight is None or self.weight.ndim == n_axes:
            return super().forward(x)
        unit_axes = [1] * (x.ndim - n_axes - 1)  # between the seeds and the axes of the weights
        normalised = F.layer_norm(x, self.normalized_shape, eps=self.eps) * self.weight.unflatten(0, (-1, *unit_axes))
        return normalised if self.bias is None else normalised + self.bias.unflatten(0, (-1, *unit_axes))


#: By kind of device, up to which size (numbers of the largest kernel of one seed, times pixels) stacked copies of a
#: trunk run as groups of its convolutions, and not one after another. Results are the same up to rounding. On a CPU
#: benchmarks/convolutions.py measured it; elsewhere nobody did, and many small launches may cost more than a large one.
LARGE = {"cpu": 2**21}


def _is_large(trunk: nn.Module, pixels: int) -> bool:
    kernels = (parameter for parameter in trunk.parameters() if parameter.ndim == 5)  # stacked ones
    return any(kernel[0].numel() * pixels > LARGE.get(kernel.device.type, math.inf) for kernel in kernels)


def _one_after_another(trunk: nn.Module, x: Tensor) -> Tensor:
    """What each copy makes of its x, [seeds, batch, ...]: what one layer leaves in the cache, the next finds there."""
    names, stacked_parameters = zip(*trunk.named_parameters(), strict=True)
    copies = zip(*(parameter.unbind() for parameter in stacked_parameters), strict=True)
    copies_weights = [dict(zip(names, tensors, strict=True)) for tensors in copies]
    pairs = zip(copies_weights, x, strict=True)
    return torch.stack([functional_call(trunk, weights, (copy_x,)) for weights, copy_x in pairs])


class Trunk(nn.Sequential):
    """``nn.Sequential`` that sees or makes images of so many pixels; large stacked copies run one after another."""

    def __init__(self, *layers: Any, pixels: int = 0):
        super().__init__(*layers)
        self.pixels = pixels

    def forward(self, x: Tensor) -> Tensor:
        return _one_after_another(self, x) if _is_large(self, self.pixels) else super().forward(x)


_NORM_GROUPS = 8  # of channels that GroupNorm normalises together

#: Activations by name; in place where the gradient can be had from the output: a third less memory to walk through.
ACTIVATIONS = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky relu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def _activation(name: str) -> nn.Module:
    return ACTIVATIONS[check_choice("activation", name, ACTIVATIONS)]()


class Flatten(nn.Module):
    """Flatten the last ``dims`` axes, whatever stands before them."""

    def __init__(self, dims: int):
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x if self.dims == 1 else x.flatten(-self.dims)


def mlp(shape: Sequence[int], hidden: Sequence[int], out: int, activation: str = "relu") -> nn.Sequential:
    """Fully connected trunk from ``shape`` to ``out`` features.

    >>> import torch
    >>> mlp((1, 8, 8), (128, 128), 20)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 20])
    """
    shape = check_sizes("shape", shape)
    widths = [math.prod(shape), *(check_sizes("hidden", hidden) if hidden != () else ())]
    layers: list[nn.Module] = [Flatten(len(shape))]
    for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
        layers += [Linear(n_in, n_out), _activation(activation)]
    return nn.Sequential(*layers, Linear(widths[-1], check_int("out", out)))


def check_image(shape: Sequence[int], width: int, depth: int = 2) -> None:
    """Raise ValueError, saying what to do, if a convolutional trunk cannot be made for ``shape``."""
    if width % _NORM_GROUPS:
        raise ValueError(f"width must be a multiple of {_NORM_GROUPS} (the groups of GroupNorm), got {width}.")
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 2**depth:
        raise ValueError(
            f"a convolutional network needs square images [channels, side, side] with a side divisible by {2**depth}, "
            f"got {tuple(shape)}; use architecture='mlp' or pad the images."
        )


def _halve_side(inputs: int, outputs: int) -> Conv2d:
    return Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)


def _double_side(inputs: int, outputs: int) -> ConvTranspose2d:
    return ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)


def conv_down(
    shape: Sequence[int], width: int, out: int, activation: str = "leaky relu", depth: int = 2
) -> nn.Sequential:
    """``depth`` strided convolutions from an image to ``out`` features (Radford et al., 2016, without BatchNorm)."""
    check_image(shape, width, depth)
    small_side = shape[1] // 2**depth
    most_channels = width * 2 ** (depth - 1)
    layers = [_halve_side(shape[0], width), _activation(activation)]
    for channels in (width * 2**i for i in range(depth - 1)):
        layers += [_halve_side(channels, 2 * channels), GroupNorm(_NORM_GROUPS, 2 * channels), _activation(activation)]
    return Trunk(*layers, Flatten(3), Linear(most_channels * small_side**2, out), pixels=shape[1] ** 2)


def conv_up(features: int, width: int, shape: Sequence[int], activation: str = "relu", depth: int = 2) -> nn.Sequential:
    """The mirror image of ``conv_down``: from ``features`` to a flat image of ``shape``."""
    check_image(shape, width, depth)
    small_side = shape[1] // 2**depth
    most_channels = width * 2 ** (depth - 1)
    layers = [
        Linear(features, most_channels * small_side**2),
        nn.Unflatten(-1, (most_channels, small_side, small_side)),
        GroupNorm(_NORM_GROUPS, most_channels),
    ]
    for channels in (width * 2**i for i in reversed(range(depth - 1))):
        upsample = _double_side(2 * channels, channels)
        layers += [_activation(activation), upsample, GroupNorm(_NORM_GROUPS, channels)]
    to_image = _double_side(width, shape[0])
    return Trunk(*layers, _activation(activation), to_image, Flatten(3), pixels=shape[1] ** 2)


def conv_same(shape: Sequence[int], width: int, channels: int, activation: str = "relu") -> nn.Sequential:
    """Three convolutions that keep the side: from an image to a flat image of ``channels``, for translation."""
    check_image(shape, width)
    return Trunk(
        Conv2d(shape[0], width, 5, padding=2),
        _activation(activation),
        Conv2d(width, width, 5, padding=2),
        GroupNorm(_NORM_GROUPS, width),
        _activation(activation),
        Conv2d(width, channels, 5, padding=2),
        Flatten(3),
        pixels=shape[1] ** 2,
    )


class UNet(nn.Module):
    """From an image to one of ``channels`` and the same side: ``depth`` times down and up, each level seeing its twin.

    (Ronneberger et al., 2015; without attention.) Raises ValueError as ``conv_down`` does.

    >>> import torch
    >>> UNet((3, 8, 8), 8, 1, depth=2)(torch.zeros(5, 3, 8, 8)).shape
    torch.Size([5, 1, 8, 8])
    """

    def __init__(self, shape: Sequence[int], width: int, channels: int, depth: int = 2, activation: str = "silu"):
        super().__init__()
        check_image(shape, width, depth)
        widths = [width * 2**level for level in range(depth + 1)]

        def block(inputs: int, outputs: int) -> nn.Module:
            conv = Conv2d(inputs, outputs, 3, padding=1)
            return nn.Sequential(conv, GroupNorm(_NORM_GROUPS, outputs), _activation(activation))

        self.enter = block(shape[0], width)
        levels = list(zip(widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList([nn.Sequential(_halve_side(a, b), _activation(activation)) for a, b in levels])
        self.middle = block(widths[-1], widths[-1])
        self.up = nn.ModuleList([_double_side(b, a) for a, b in reversed(levels)])
        self.join = nn.ModuleList([block(2 * a, a) for a, _ in reversed(levels)])
        self.leave = Conv2d(width, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if _is_large(self, x.shape[-1] ** 2):
            return _one_after_another(self, x)
        skips = [self.enter(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        hidden = self.middle(skips.pop())
        for up, join in zip(self.up, self.join, strict=True):
            hidden = join(torch.cat((up(hidden), skips.pop()), -3))
        return self.leave(hidden)
