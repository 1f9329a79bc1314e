"""Networks that return distributions, made of a trunk and what it ends in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution

from ..distributions.densities import Noiseless, Point, Pushforward, full

__all__ = ["Classifier", "Decoder", "Discriminator", "Features", "Predictor", "Conditional", "widened"]


class Features(nn.Module):
    """x ↦ its features, a distribution without noise (``def-features``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        return Point(full(self.trunk(x)), 1)


class Classifier(nn.Module):
    """p_θ(t|x): the class t, from the features; the trunk gives the logits (``def-classify``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, features: Tensor) -> Distribution:
        return Categorical(logits=full(self.trunk(features)))


class Decoder(nn.Module):
    """p_θ(x|z): a trunk, and an observation model that turns its features into a distribution of ``shape``.

    With the observation ``PointPixels`` it is the generator of an implicit model; with ``noise`` > 0 that generator
    has so many noise inputs beside z. ``noiseless`` draws the mean and keeps the noise for ``log_prob``.
    """

    def __init__(
        self, trunk: nn.Module, observation: nn.Module, shape: Sequence[int], noiseless: bool = False, noise: int = 0
    ):
        super().__init__()
        self.trunk, self.observation, self.shape = trunk, observation, tuple(shape)
        self.noiseless, self.noise = noiseless, noise

    def forward(self, z: Tensor) -> Distribution:
        if self.noise:
            push = lambda e: self._observe(torch.cat((z, e.to(z)), -1)).mean
            return Pushforward(push, self.noise, z.shape[:-1], self.shape)
        p = self._observe(z)
        return Noiseless(p) if self.noiseless else p

    def _observe(self, z: Tensor) -> Distribution:
        features = full(self.trunk(z))
        return self.observation(features.unflatten(-1, self.shape), len(self.shape))


class Discriminator(nn.Module):
    """q_φ(y|x) = Bernoulli(D_φ(x)), y = 1 for the target's samples; ``.logits`` is t_φ(x), the critic's score.

    With a ``body`` it judges pairs (x, z): the body turns x into features, and the trunk sees these beside z.
    """

    def __init__(self, trunk: nn.Module, body: nn.Module | None = None):
        super().__init__()
        self.trunk, self.body = trunk, body

    def forward(self, x: Tensor, z: Tensor | None = None) -> Distribution:
        if self.body is not None:
            h = self.body(x)
            x = torch.cat((h, z.flatten(h.ndim - 1).to(h.dtype)), -1)
        return Bernoulli(logits=full(self.trunk(x)).squeeze(-1))

    def hidden(self, x: Tensor) -> Tensor:
        """h_φ(x): what the last layer sees (Larsen et al., 2016; chapter 13)."""
        return full(self.trunk[:-1](x))


class Predictor(nn.Module):
    """Predicts each unit of a code from all the others: [..., L] -> [..., L] (Schmidhuber, 1992; chapter 11).

    One trunk serves all units: it sees the code with unit i blanked out, and which unit that is.
    """

    def __init__(self, trunk: nn.Module, units: int):
        super().__init__()
        self.trunk = trunk
        self.register_buffer("which", torch.eye(units), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        others = z.unsqueeze(-2) * (1 - self.which)
        return full(self.trunk(torch.cat((others, self.which.expand_as(others)), -1))).squeeze(-1)


class Conditional(nn.Module):
    """A network that is told the label of each example: t stands one-hot beside its first input (chapter 17).

    ``planes``: beside an image, as one constant channel for each class; else beside the flattened input. ``network``
    takes the wider input. ``Model.at(labels)`` asks it.
    """

    def __init__(self, network: nn.Module, classes: int, planes: bool = False):
        super().__init__()
        self.network, self.classes, self.planes = network, classes, planes

    def join(self, x: Tensor, labels: Tensor) -> Tensor:
        """x beside its labels [*seeds, batch]; several minibatches side by side share the labels."""
        axis = labels.ndim - 1
        t = nn.functional.one_hot(labels, self.classes).to(x.dtype)
        t = torch.cat([t] * (x.shape[axis] // t.shape[axis]), axis)
        if self.planes:
            return torch.cat((x, t[..., None, None].expand(*t.shape, *x.shape[-2:])), -3)
        return torch.cat((x.flatten(labels.ndim), t), -1)

    def forward(self, x: Tensor, *rest: Tensor, labels: Tensor) -> Distribution:
        return self.network(self.join(x, labels), *rest)

    def __getattr__(self, name: str):
        if name in ("network", "_modules"):
            return super().__getattr__(name)
        return getattr(self.network, name)


def widened(shape: Sequence[int], classes: int, planes: bool) -> tuple[int, ...]:
    """The shape that a network inside :class:`Conditional` sees."""
    return (shape[0] + classes, *shape[1:]) if planes else (math.prod(shape) + classes,)
