"""Networks that return distributions, made of a trunk and what it ends in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution

from ..distributions.densities import Noiseless, Point, Pushforward, full_precision
from .observations import Observation

__all__ = [
    "Classifier",
    "Conditional",
    "Decoder",
    "Denoiser",
    "DenoiserPair",
    "Discriminator",
    "Features",
    "Predictor",
    "widened",
]


class Features(nn.Module):
    """x ↦ its features, a distribution without noise (``def-features``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        return Point(full_precision(self.trunk(x)), 1)


class Classifier(nn.Module):
    """p_θ(t|x): the class t, from the features; the trunk gives the logits (``def-classify``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, features: Tensor) -> Distribution:
        return Categorical(logits=full_precision(self.trunk(features)))


class Decoder(nn.Module):
    """p_θ(x|z): a trunk, and an observation model that turns its features into a distribution of ``shape``.

    With the observation ``PointPixels`` it is the generator of an implicit model; with ``noise`` > 0 that generator
    has so many noise inputs beside z. ``noiseless`` draws the mean and keeps the noise for ``log_prob``.

    >>> from ganvae_lib.networks import Gaussian
    >>> decoder = Decoder(nn.Linear(2, 12), Gaussian(), (3, 4))
    >>> p = decoder(torch.zeros(5, 2))
    >>> p.event_shape, p.log_prob(torch.zeros(5, 3, 4)).shape
    (torch.Size([3, 4]), torch.Size([5]))
    """

    def __init__(
        self, trunk: nn.Module, observation: Observation, shape: Sequence[int], noiseless: bool = False, noise: int = 0
    ):
        super().__init__()
        self.trunk, self.shape = trunk, tuple(shape)
        self.observation: Observation = observation
        self.noiseless, self.noise = noiseless, noise

    @property
    def has_density(self) -> bool:
        """Is log p(x|z) known?"""
        return self.observation.explicit

    def check(self, x: Tensor) -> None:
        """Raise ValueError, saying what to do, if the observation model cannot have made x."""
        self.observation.check(x)

    def forward(self, z: Tensor) -> Distribution:
        if self.noise:

            def example_from(noise: Tensor) -> Tensor:
                return self._observation_at(torch.cat((z, noise.to(z)), -1)).mean

            return Pushforward(example_from, self.noise, z.shape[:-1], self.shape)
        p = self._observation_at(z)
        return Noiseless(p) if self.noiseless else p

    def _observation_at(self, z: Tensor) -> Distribution:
        features = full_precision(self.trunk(z))
        return self.observation(features.unflatten(-1, self.shape), len(self.shape))


class Discriminator(nn.Module):
    """q_φ(y|x) = Bernoulli(D_φ(x)), y = 1 for the target's samples; ``.logits`` is t_φ(x), the critic's score.

    With a ``body`` it compares pairs (x, z): the body turns x into features, and the trunk sees these beside z.

    >>> Discriminator(nn.Linear(4, 1))(torch.zeros(3, 4)).logits.shape
    torch.Size([3])
    >>> Discriminator(nn.Linear(4 + 2, 1), body=nn.Identity())(torch.zeros(3, 4), torch.zeros(3, 2)).logits.shape
    torch.Size([3])
    """

    stacked_whole = True  # ``hidden`` looks into the trunk

    def __init__(self, trunk: nn.Module, body: nn.Module | None = None):
        super().__init__()
        self.trunk, self.body = trunk, body

    def forward(self, x: Tensor, z: Tensor | None = None) -> Distribution:
        trunk_input = x
        if self.body is None and z is not None:
            raise TypeError("a discriminator of pairs needs a body, which makes features of x; this one has none.")
        if self.body is not None and z is not None:
            features = self.body(x)
            batch_axes = features.ndim - 1
            trunk_input = torch.cat((features, z.flatten(batch_axes).to(features.dtype)), -1)
        return Bernoulli(logits=full_precision(self.trunk(trunk_input)).squeeze(-1))

    def hidden(self, x: Tensor) -> Tensor:
        """h_φ(x): what the last layer sees (Larsen et al., 2016; chapter 13).

        Raises TypeError for a trunk of which the last layer is not known.
        """
        if not isinstance(self.trunk, nn.Sequential):
            raise TypeError(
                "what the last layer of a discriminator sees is known for an nn.Sequential, not for a trunk of type "
                f"{type(self.trunk).__name__}; make the trunk one, or give a discriminator of your own hidden(x)."
            )
        all_but_last = list(self.trunk.children())[:-1]
        return full_precision(nn.Sequential(*all_but_last)(x))


class Predictor(nn.Module):
    """Predicts each unit of a code from all the others: [..., L] -> [..., L] (Schmidhuber, 1992; chapter 11).

    One trunk serves all units: it sees the code with unit i blanked out, and which unit that is.
    """

    one_hot_units: Tensor

    def __init__(self, trunk: nn.Module, units: int):
        super().__init__()
        self.trunk = trunk
        self.register_buffer("one_hot_units", torch.eye(units), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        masked_codes = z.unsqueeze(-2) * (1 - self.one_hot_units)  # [..., L, L]: row i is z with unit i blanked out
        trunk_input = torch.cat((masked_codes, self.one_hot_units.expand_as(masked_codes)), -1)
        return full_precision(self.trunk(trunk_input)).squeeze(-1)


_N_FREQUENCIES = 8  # of the time, each twice the one before


class Denoiser(nn.Module):
    """What a network tells of a noisy x at time t in [0, 1]: a trunk that is shown x and features of the time.

    ``planes``: the features, sines and cosines of t, stand beside an image as constant channels; else beside the
    flattened input. The trunk's output gets ``shape``; whether it is noise, velocity, x or score, the tool says.
    ``skip``, with planes: the trunk tells only what is added to x. Where nearly all is noise, the noise is x; a trunk
    that normalises cannot hand that back, and errors in z grow along the flow (``eq-handed-back``, chapter 20).
    Raises ValueError for ``skip`` without planes.

    >>> from ganvae_lib.networks import mlp
    >>> denoiser = Denoiser(mlp((2 + Denoiser.time_features,), (8,), 2), (2,))
    >>> denoiser(torch.zeros(5, 2), torch.full((5, 1), 0.5)).shape
    torch.Size([5, 2])
    """

    time_features = 2 * _N_FREQUENCIES

    def __init__(self, trunk: nn.Module, shape: Sequence[int], planes: bool = False, skip: bool = False):
        super().__init__()
        if skip and not planes:
            raise ValueError("skip adds an image to what the trunk tells; it needs planes=True.")
        self.trunk, self.shape, self.planes, self.skip = trunk, tuple(shape), planes, skip

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x [*seeds, batch, ...] with noise of ``time`` [*seeds, batch, 1] on it: [*seeds, batch, *shape]."""
        frequencies = 2.0 ** torch.arange(_N_FREQUENCIES, device=time.device, dtype=time.dtype)
        angles = math.pi / 2 * frequencies * time
        features = torch.cat((angles.sin(), angles.cos()), -1)
        if self.planes:
            channels = features[..., None, None].expand(*features.shape, *x.shape[-2:])
            trunk_input = torch.cat((x, channels), -3)
        else:
            trunk_input = torch.cat((x.flatten(time.ndim - 1), features), -1)
        output = full_precision(self.trunk(trunk_input)).reshape(*time.shape[:-1], *self.shape)
        # A label's channels stand behind those of x.
        return output + x[..., : self.shape[0], :, :] if self.skip else output


class DenoiserPair(nn.Module):
    """Two denoisers in the place of a discriminator: ``of_data``, and ``of_model``, of what a generator makes."""

    def __init__(self, of_data: nn.Module, of_model: nn.Module):
        super().__init__()
        self.of_data, self.of_model = of_data, of_model

    def forward(self, x: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        return self.of_data(x, time), self.of_model(x, time)


class Conditional(nn.Module):
    """A network that is given the label of each example: t stands one-hot beside its first input (chapter 17).

    ``planes``: beside an image, as one constant channel for each class; else beside the flattened input. ``network``
    takes the wider input. ``Model.at(labels)`` passes the labels; -1 is none of them. Attributes are ``network``'s.

    >>> decoder = Conditional(Classifier(nn.Linear(2 + 10, 4)), classes=10)
    >>> decoder(torch.zeros(3, 2), labels=torch.tensor([0, 9, 4])).logits.shape
    torch.Size([3, 4])
    """

    def __init__(self, network: nn.Module, classes: int, planes: bool = False):
        super().__init__()
        self.network, self.classes, self.planes = network, classes, planes

    def append_labels(self, x: Tensor, labels: Tensor) -> Tensor:
        """x beside its labels [*seeds, batch]; several minibatches side by side share the labels."""
        batch_axis = labels.ndim - 1
        one_hot = (labels.unsqueeze(-1) == torch.arange(self.classes, device=labels.device)).to(x.dtype)
        minibatches = x.shape[batch_axis] // one_hot.shape[batch_axis]
        one_hot = torch.cat([one_hot] * minibatches, batch_axis)  # the same labels again for each
        if self.planes:
            height, width = x.shape[-2:]
            channels = one_hot[..., None, None].expand(*one_hot.shape, height, width)
            return torch.cat((x, channels), -3)
        return torch.cat((x.flatten(labels.ndim), one_hot), -1)

    def forward(self, x: Tensor, *other_inputs: Tensor, labels: Tensor) -> Distribution:
        return self.network(self.append_labels(x, labels), *other_inputs)

    def __getattr__(self, name: str) -> Any:
        # Called for what is not found. torch keeps the network itself where only its own __getattr__ looks; and while
        # a copy is being made there is none yet.
        if name in ("network", "_modules"):
            return super().__getattr__(name)
        return getattr(self.network, name)


def widened(shape: Sequence[int], classes: int, planes: bool) -> tuple[int, ...]:
    """The shape that a network inside :class:`Conditional` sees."""
    if planes:
        return (shape[0] + classes, *shape[1:])
    return (math.prod(shape) + classes,)
