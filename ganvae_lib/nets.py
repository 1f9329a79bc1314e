"""Networks that return ``torch.distributions`` objects, so that a loss reads like the page.

Every network maps ``[*seeds, batch, ...]`` to a distribution with that batch shape; the seeds axis is there only when
copies are stacked. The layers keep no running statistics (no BatchNorm): a buffer that a forward pass changes would tie
phases and seeds together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    constraints,
)  # fmt: skip

from .stacking import Conv2d, ConvTranspose2d, GroupNorm, Linear, initialise, stack, unstack

__all__ = [
    "CODES", "OBSERVATIONS", "Classifier", "CoinEncoder", "Decoder", "Discriminator", "Encoder", "FairCoins",
    "Features", "Gaussian", "GaussianDensity", "Linear", "Point", "StandardNormal", "conv_down", "conv_up",
    "initialise", "mlp", "stack", "unstack",
]  # fmt: skip


class Point(Distribution):
    """All mass on one point: what an implicit model's generator returns (Eq. ``eq-implicit-model``, chapter 01).

    It can be sampled and has a mean; it has no density, and ``log_prob`` says so (NotImplementedError).
    """

    arg_constraints: dict = {}
    support = constraints.real
    has_rsample = True

    def __init__(self, value: Tensor, event_dims: int, validate_args=None):
        self.value = value
        split = value.ndim - event_dims
        super().__init__(value.shape[:split], value.shape[split:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.value

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.value.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value):
        raise NotImplementedError(
            "an implicit model can be sampled but has no density; for a likelihood choose observation='gaussian', "
            "'bernoulli' or 'continuous bernoulli', for a comparison by samples the Adversary tool."
        )


# ---------------------------------------------------------------- trunks


def _activation(name: str) -> nn.Module:
    # In place where the gradient can be had from the output: a third less memory to walk through.
    known = {"relu": nn.ReLU(True), "leaky relu": nn.LeakyReLU(0.2, True), "silu": nn.SiLU(), "tanh": nn.Tanh()}
    if name not in known:
        from .tools import unknown

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


def _check_image(shape: Sequence[int], width: int) -> None:
    if width % 8:
        raise ValueError(f"width must be a multiple of 8 (the groups of GroupNorm), got {width}.")
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 4:
        raise ValueError(
            f"a convolutional network needs square images [channels, side, side] with a side divisible by 4, got "
            f"{tuple(shape)}; use architecture='mlp' or pad the images."
        )


def conv_down(shape: Sequence[int], width: int, out: int, activation: str = "leaky relu") -> nn.Sequential:
    """Two strided convolutions from an image to ``out`` features (Radford et al., 2016, without BatchNorm)."""
    _check_image(shape, width)
    c, side = shape[0], shape[1]
    return nn.Sequential(
        Conv2d(c, width, 4, 2, 1), _activation(activation),
        Conv2d(width, 2 * width, 4, 2, 1), GroupNorm(8, 2 * width), _activation(activation),
        Flatten(3), Linear(2 * width * (side // 4) ** 2, out),
    )  # fmt: skip


def conv_up(features: int, width: int, shape: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """The mirror image of ``conv_down``: from ``features`` to a flat image of ``shape``."""
    _check_image(shape, width)
    c, side = shape[0], shape[1] // 4
    return nn.Sequential(
        Linear(features, 2 * width * side**2), Unflatten((2 * width, side, side)),
        GroupNorm(8, 2 * width), _activation(activation),
        ConvTranspose2d(2 * width, width, 4, 2, 1), GroupNorm(8, width), _activation(activation),
        ConvTranspose2d(width, c, 4, 2, 1), Flatten(3),
    )  # fmt: skip


# ---------------------------------------------------------------- distributions from features


class StandardNormal(nn.Module):
    """The prior p(z) = N(0, 1) on ``latent`` dimensions; calling it returns the distribution."""

    def __init__(self, latent: int):
        super().__init__()
        self.register_buffer("loc", torch.zeros(latent), persistent=False)
        self.register_buffer("scale", torch.ones(latent), persistent=False)

    def forward(self) -> Distribution:
        return Independent(Normal(self.loc, self.scale), 1)


class FairCoins(nn.Module):
    """The prior of binary codes: ``latent`` independent fair coins; calling it returns the distribution."""

    def __init__(self, latent: int):
        super().__init__()
        self.register_buffer("logits", torch.zeros(latent), persistent=False)

    def forward(self) -> Distribution:
        return Independent(Bernoulli(logits=self.logits), 1)


class GaussianDensity(nn.Module):
    """p_θ(x) = N(x; μ, L Lᵀ) with no latent variable; calling it returns the distribution.

    Its maximum-likelihood fit has the moments of the data (Eq. ``eq-forward-kl-moments``, chapter 02).
    """

    stackable = True

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        n = math.prod(shape)
        self.loc, self.log_diagonal, self.below = (nn.Parameter(torch.zeros(s)) for s in ((n,), (n,), (n, n)))

    def reset_parameters(self) -> None:
        with torch.no_grad():
            for p in self.parameters():
                p.zero_()

    def forward(self) -> Distribution:
        tril = self.below.tril(-1) + torch.diag_embed(self.log_diagonal.exp())
        # The batch axis has length 1: one density for all examples, beside a possible seeds axis.
        return MultivariateNormal(self.loc.unsqueeze(-2), scale_tril=tril.unsqueeze(-3))


class Gaussian(nn.Module):
    """Observation model N(x; features, σ²), with one σ for all dimensions, learned unless ``scale`` fixes it."""

    stackable = True

    def __init__(self, scale: float | None = None):
        super().__init__()
        start = torch.zeros(1) if scale is None else torch.full((1,), math.log(scale))
        self.start = float(start)
        if scale is None:
            self.log_scale = nn.Parameter(start)
        else:
            self.register_buffer("log_scale", start)

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.log_scale.fill_(self.start)

    def forward(self, features: Tensor, dims: int) -> Distribution:
        scale = self.log_scale.exp()
        return Independent(Normal(features, scale.reshape(*scale.shape[:-1], *[1] * (dims + 1))), dims)


class BernoulliPixels(nn.Module):
    """Observation model with independent pixels in {0, 1}; the features are their logits."""

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(Bernoulli(logits=features), dims)


class ContinuousBernoulliPixels(nn.Module):
    """Observation model for grey levels in [0, 1] (Loaiza-Ganem and Cunningham, 2019): a true density."""

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Independent(ContinuousBernoulli(logits=features), dims)


class PointPixels(nn.Module):
    """No noise at all: the generator of an implicit model. ``squash`` keeps images in [0, 1]."""

    def __init__(self, squash: bool = False):
        super().__init__()
        self.squash = squash

    def forward(self, features: Tensor, dims: int) -> Distribution:
        return Point(features.sigmoid() if self.squash else features, dims)


OBSERVATIONS = {
    "bernoulli": BernoulliPixels, "continuous bernoulli": ContinuousBernoulliPixels, "gaussian": Gaussian,
    "point": PointPixels,
}  # fmt: skip


def _full(features: Tensor) -> Tensor:
    """At least fp32: distributions are evaluated in full precision under autocast, too."""
    return features.float() if features.dtype in (torch.bfloat16, torch.float16) else features


class Encoder(nn.Module):
    """q_η(z|x) = N(z; μ(x), diag σ²(x)); the trunk gives μ and log σ², so 2 x latent features."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        loc, log_variance = _full(self.trunk(x)).chunk(2, -1)
        return Independent(Normal(loc, (log_variance / 2).exp()), 1)


class CoinEncoder(nn.Module):
    """q_η(z|x) for binary codes: independent coins, whose logits are the trunk's features."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        return Independent(Bernoulli(logits=_full(self.trunk(x))), 1)


#: The kinds of code: prior, encoder, and how many features of the trunk a dimension of the code takes.
CODES = {"gaussian": (StandardNormal, Encoder, 2), "bernoulli": (FairCoins, CoinEncoder, 1)}


class Features(nn.Module):
    """x ↦ its features, a distribution without noise (``def-features``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        return Point(_full(self.trunk(x)), 1)


class Classifier(nn.Module):
    """p_θ(t|x): the class t, from the features; the trunk gives the logits (``def-classify``, chapter 06)."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, features: Tensor) -> Distribution:
        return Categorical(logits=_full(self.trunk(features)))


class Decoder(nn.Module):
    """p_θ(x|z): a trunk, and an observation model that turns its features into a distribution of ``shape``.

    With the observation ``PointPixels`` it is the generator of an implicit model.
    """

    def __init__(self, trunk: nn.Module, observation: nn.Module, shape: Sequence[int]):
        super().__init__()
        self.trunk, self.observation, self.shape = trunk, observation, tuple(shape)

    def forward(self, z: Tensor) -> Distribution:
        features = _full(self.trunk(z))
        return self.observation(features.unflatten(-1, self.shape), len(self.shape))


class Discriminator(nn.Module):
    """q_φ(y|x) = Bernoulli(D_φ(x)), y = 1 for the target's samples; ``.logits`` is t_φ(x), the critic's score."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Distribution:
        return Bernoulli(logits=_full(self.trunk(x)).squeeze(-1))
