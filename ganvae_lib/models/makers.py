"""How the networks are made: one function for each kind, of a ``Spec`` and the shapes of what the network sees.

The order in which layers are made and named decides which initial weights a seed gives them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from .. import networks as nets

if TYPE_CHECKING:
    from .spec import Spec

__all__ = [
    "classifier",
    "conditional",
    "decoder",
    "density",
    "discriminator",
    "encoder",
    "features",
    "labeller",
    "predictor",
]

Shape = tuple[int, ...]


def _trunk(spec: Spec, shape: Shape, out: int, activation: str) -> nn.Module:
    """From ``shape`` to ``out`` features."""
    if spec.convolves(shape):
        return nets.conv_down(shape, spec.width, out, activation, spec.depth)
    return nets.mlp(shape, spec.hidden, out, activation)


def _generating_trunk(spec: Spec, inputs: Shape, outputs: Shape) -> nn.Module:
    """From ``inputs`` to the features of an example of shape ``outputs``."""
    if spec.convolves(outputs) and len(inputs) == 1:
        return nets.conv_up(inputs[0], spec.width, outputs, spec.activation, spec.depth)
    if spec.convolves(outputs) and len(inputs) == 3 and inputs[1:] == outputs[1:]:
        return nets.conv_same(inputs, spec.width, outputs[0], spec.activation)
    return nets.mlp(inputs, spec.hidden, math.prod(outputs), spec.activation)


def _generator(spec: Spec, inputs: Shape, outputs: Shape) -> nn.Module:
    """A decoder to examples of shape ``outputs``, with the observation model of ``spec``."""
    trunk = _generating_trunk(spec, inputs, outputs)
    # The means of images belong into [0, 1] where they are looked at: as samples, that is.
    squash = len(outputs) == 3 and (spec.noiseless or not spec.explicit)
    observation = nets.OBSERVATIONS[spec.observation].of(spec.scale, squash)
    return nets.Decoder(trunk, observation, outputs, spec.noiseless, spec.noise)


def decoder(spec: Spec, z: Shape) -> nn.Module:
    """p_θ(x|z), with ``spec.noise`` inputs beside z."""
    inputs = (z[0] + spec.noise,) if len(z) == 1 else z
    return _generator(spec, inputs, spec.shape)


def encoder(spec: Spec, x: Shape) -> nn.Module:
    """q_η(z|x); where z is data of a second domain, a decoder to that domain."""
    if spec.other is not None:
        return _generator(spec, x, spec.other)
    if spec.implicit:
        width = spec.hidden[-1]
        head = nets.mlp((width + spec.latent,), (width,), spec.latent, spec.activation)
        return nets.ImplicitEncoder(_trunk(spec, x, width, spec.activation), head, spec.latent, spec.latent)
    parts = spec.parts
    return nets.Encoder(_trunk(spec, x, sum(nets.features_of(parts)), spec.activation), parts)


def density(spec: Spec) -> nn.Module:
    """p_θ(x) with no code."""
    return nets.DENSITIES[spec.density](spec)


def features(spec: Spec, x: Shape) -> nn.Module:
    """The features of x, as many as ``spec.latent``."""
    return nets.Features(_trunk(spec, x, spec.latent, spec.activation))


def classifier(spec: Spec, seen: Shape) -> nn.Module:
    """p_θ(t|features), one linear layer."""
    return nets.Classifier(nets.mlp(seen, (), spec.classes))


def labeller(spec: Spec, x: Shape) -> nn.Module:
    """q_η(t|x), from the example itself."""
    return nets.Classifier(_trunk(spec, x, spec.classes, spec.activation))


def predictor(spec: Spec, units: Shape) -> nn.Module:
    """Each unit of a code, or of an example, from all the others."""
    size = math.prod(units)
    return nets.Predictor(nets.mlp((2 * size,), spec.hidden, 1, spec.activation), size)


def discriminator(spec: Spec, first: Shape, second: Shape | None = None) -> nn.Module:
    """q_φ(y|·) for what a space compares: one thing, or a pair."""
    if second is None:
        return nets.Discriminator(_trunk(spec, first, 1, "leaky relu"))
    if spec.convolves(first):
        seen = spec.hidden[-1]
        body = _trunk(spec, first, seen, "leaky relu")
    else:
        seen = math.prod(first)
        body = nets.Flatten(len(first))
    trunk = nets.mlp((seen + math.prod(second),), spec.hidden, 1, "leaky relu")
    return nets.Discriminator(trunk, body)


def conditional(spec: Spec, make: Callable[..., nn.Module], first: Shape, *rest: Shape) -> nn.Module:
    """What ``make`` makes, with the label joined to the first thing that it sees."""
    planes = spec.convolves(first)
    wide = nets.widened(first, spec.classes, planes)
    return nets.Conditional(make(spec, wide, *rest), spec.classes, planes)
