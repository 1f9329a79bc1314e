"""Trunks: what the networks are before they become distributions. Flat features out, with a seeds axis if stacked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from .layers import Conv2d, ConvTranspose2d, GroupNorm, Linear

__all__ = ["Flatten", "Unflatten", "check_image", "conv_down", "conv_same", "conv_up", "mlp"]


def _activation(name: str) -> nn.Module:
    # In place where the gradient can be had from the output: a third less memory to walk through.
    known = {"relu": nn.ReLU(True), "leaky relu": nn.LeakyReLU(0.2, True), "silu": nn.SiLU(), "tanh": nn.Tanh()}
    if name not in known:
        from ..errors import unknown

        raise unknown("activation", name, known)
    return known[name]


class Flatten(nn.Module):
    """Flatten the last ``dims`` axes, whatever stands before them."""

    def __init__(self, dims: int):
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x if self.dims == 1 else x.flatten(-self.dims)


class Unflatten(nn.Module):
    """Give the last axis the shape ``shape``."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x if len(self.shape) == 1 else x.unflatten(-1, self.shape)


def mlp(shape: Sequence[int], hidden: Sequence[int], out: int, activation: str = "relu") -> nn.Sequential:
    """Fully connected trunk from ``shape`` to ``out`` features."""
    sizes = [math.prod(shape), *hidden]
    layers: list[nn.Module] = [Flatten(len(shape))]
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [Linear(a, b), _activation(activation)]
    return nn.Sequential(*layers, Linear(sizes[-1], out))


def check_image(shape: Sequence[int], width: int, depth: int = 2) -> None:
    if width % 8:
        raise ValueError(f"width must be a multiple of 8 (the groups of GroupNorm), got {width}.")
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 2**depth:
        raise ValueError(
            f"a convolutional network needs square images [channels, side, side] with a side divisible by {2**depth}, "
            f"got {tuple(shape)}; use architecture='mlp' or pad the images."
        )


def conv_down(
    shape: Sequence[int], width: int, out: int, activation: str = "leaky relu", depth: int = 2
) -> nn.Sequential:
    """``depth`` strided convolutions from an image to ``out`` features (Radford et al., 2016, without BatchNorm)."""
    check_image(shape, width, depth)
    c, side, last = shape[0], shape[1] // 2**depth, width * 2 ** (depth - 1)
    layers = [Conv2d(c, width, 4, 2, 1), _activation(activation)]
    for n in (width * 2**i for i in range(depth - 1)):
        layers += [Conv2d(n, 2 * n, 4, 2, 1), GroupNorm(8, 2 * n), _activation(activation)]
    return nn.Sequential(*layers, Flatten(3), Linear(last * side**2, out))


def conv_up(features: int, width: int, shape: Sequence[int], activation: str = "relu", depth: int = 2) -> nn.Sequential:
    """The mirror image of ``conv_down``: from ``features`` to a flat image of ``shape``."""
    check_image(shape, width, depth)
    c, side, first = shape[0], shape[1] // 2**depth, width * 2 ** (depth - 1)
    layers = [Linear(features, first * side**2), Unflatten((first, side, side)), GroupNorm(8, first)]
    for n in (width * 2**i for i in reversed(range(depth - 1))):
        layers += [_activation(activation), ConvTranspose2d(2 * n, n, 4, 2, 1), GroupNorm(8, n)]
    return nn.Sequential(*layers, _activation(activation), ConvTranspose2d(width, c, 4, 2, 1), Flatten(3))


def conv_same(shape: Sequence[int], width: int, channels: int, activation: str = "relu") -> nn.Sequential:
    """Three convolutions that keep the side: from an image to a flat image of ``channels``, for translation."""
    check_image(shape, width)
    return nn.Sequential(
        Conv2d(shape[0], width, 5, padding=2),
        _activation(activation),
        Conv2d(width, width, 5, padding=2),
        GroupNorm(8, width),
        _activation(activation),
        Conv2d(width, channels, 5, padding=2),
        Flatten(3),
    )
