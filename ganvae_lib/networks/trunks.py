"""Trunks: what the networks are before they become distributions. Flat features out, with a seeds axis if stacked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from ..errors import chosen, sizes, whole
from .layers import Conv2d, ConvTranspose2d, GroupNorm, Linear

__all__ = ["ACTIVATIONS", "Flatten", "check_image", "conv_down", "conv_same", "conv_up", "mlp"]

_GROUPS = 8  # of channels that GroupNorm normalises together

#: Activations by name; in place where the gradient can be had from the output: a third less memory to walk through.
ACTIVATIONS = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky relu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def _activation(name: str) -> nn.Module:
    return ACTIVATIONS[chosen("activation", name, ACTIVATIONS)]()


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
    shape = sizes("shape", shape)
    widths = [math.prod(shape), *(sizes("hidden", hidden) if hidden != () else ())]
    layers: list[nn.Module] = [Flatten(len(shape))]
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        layers += [Linear(inputs, outputs), _activation(activation)]
    return nn.Sequential(*layers, Linear(widths[-1], whole("out", out)))


def check_image(shape: Sequence[int], width: int, depth: int = 2) -> None:
    """Raise ValueError, saying what to do, if a convolutional trunk cannot be made for ``shape``."""
    if width % _GROUPS:
        raise ValueError(f"width must be a multiple of {_GROUPS} (the groups of GroupNorm), got {width}.")
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
        layers += [_halve_side(channels, 2 * channels), GroupNorm(_GROUPS, 2 * channels), _activation(activation)]
    return nn.Sequential(*layers, Flatten(3), Linear(most_channels * small_side**2, out))


def conv_up(features: int, width: int, shape: Sequence[int], activation: str = "relu", depth: int = 2) -> nn.Sequential:
    """The mirror image of ``conv_down``: from ``features`` to a flat image of ``shape``."""
    check_image(shape, width, depth)
    small_side = shape[1] // 2**depth
    most_channels = width * 2 ** (depth - 1)
    layers = [
        Linear(features, most_channels * small_side**2),
        nn.Unflatten(-1, (most_channels, small_side, small_side)),
        GroupNorm(_GROUPS, most_channels),
    ]
    for channels in (width * 2**i for i in reversed(range(depth - 1))):
        upsample = _double_side(2 * channels, channels)
        layers += [_activation(activation), upsample, GroupNorm(_GROUPS, channels)]
    to_image = _double_side(width, shape[0])
    return nn.Sequential(*layers, _activation(activation), to_image, Flatten(3))


def conv_same(shape: Sequence[int], width: int, channels: int, activation: str = "relu") -> nn.Sequential:
    """Three convolutions that keep the side: from an image to a flat image of ``channels``, for translation."""
    check_image(shape, width)
    return nn.Sequential(
        Conv2d(shape[0], width, 5, padding=2),
        _activation(activation),
        Conv2d(width, width, 5, padding=2),
        GroupNorm(_GROUPS, width),
        _activation(activation),
        Conv2d(width, channels, 5, padding=2),
        Flatten(3),
    )
