"""Networks that return ``torch.distributions`` objects, so that a loss reads like the page.

Every network maps ``[*seeds, batch, ...]`` to a distribution with that batch shape. Its layers are torch's own, and a
single network is an ordinary module. ``stack`` gives every parameter a leading seeds axis; the layers below then
run all copies as one batched matrix product or one grouped convolution. They keep no running statistics (no
BatchNorm): a buffer that a forward pass changes would tie phases and seeds together.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli, ContinuousBernoulli, Distribution, Independent, MultivariateNormal, Normal, constraints,
)  # fmt: skip
from torch.nn import functional as F

__all__ = [
    "OBSERVATIONS", "Conv2d", "ConvTranspose2d", "Decoder", "Discriminator", "Encoder", "Gaussian", "GaussianDensity",
    "GroupNorm", "Linear", "Point", "StandardNormal", "conv_down", "conv_up", "initialise", "mlp", "stack", "unstack",
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

    def rsample(self, sample_shape=torch.Size()) -> Tensor:
        return self.value.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value):
        raise NotImplementedError(
            "an implicit model can be sampled but has no density; for a likelihood choose observation='gaussian', "
            "'bernoulli' or 'continuous bernoulli', for a comparison by samples the Adversary tool."
        )


# ---------------------------------------------------------------- layers with an optional leading seeds axis


class Linear(nn.Linear):
    """``nn.Linear``; with weights [seeds, out, in] it maps [seeds, batch, in] to [seeds, batch, out]."""

    def forward(self, x: Tensor) -> Tensor:
        w, b = self.weight, self.bias
        if w.ndim == 2:
            return F.linear(x, w, b)
        rows = x.flatten(1, -2)
        y = rows @ w.mT if b is None else torch.baddbmm(b.unsqueeze(-2), rows, w.mT)
        return y if x.ndim == 3 else y.unflatten(1, x.shape[1:-1])


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
    nn.Linear: Linear, nn.Conv2d: Conv2d, nn.ConvTranspose2d: ConvTranspose2d, nn.GroupNorm: GroupNorm,
}  # fmt: skip


# ---------------------------------------------------------------- trunks


def _activation(name: str) -> nn.Module:
    known = {"relu": nn.ReLU(), "leaky relu": nn.LeakyReLU(0.2), "silu": nn.SiLU(), "tanh": nn.Tanh()}
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


def _check_image(shape: Sequence[int]) -> None:
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 4:
        raise ValueError(
            f"a convolutional network needs square images [channels, side, side] with a side divisible by 4, got "
            f"{tuple(shape)}; use architecture='mlp' or pad the images."
        )


def conv_down(shape: Sequence[int], width: int, out: int, activation: str = "leaky relu") -> nn.Sequential:
    """Two strided convolutions from an image to ``out`` features (Radford et al., 2016, without BatchNorm)."""
    _check_image(shape)
    c, side = shape[0], shape[1]
    return nn.Sequential(
        Conv2d(c, width, 4, 2, 1), _activation(activation),
        Conv2d(width, 2 * width, 4, 2, 1), GroupNorm(8, 2 * width), _activation(activation),
        Flatten(3), Linear(2 * width * (side // 4) ** 2, out),
    )  # fmt: skip


def conv_up(features: int, width: int, shape: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """The mirror image of ``conv_down``: from ``features`` to a flat image of ``shape``."""
    _check_image(shape)
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


class GaussianDensity(nn.Module):
    """p_θ(x) = N(x; μ, L Lᵀ) with no latent variable; calling it returns the distribution.

    Its maximum-likelihood fit has the moments of the data (Eq. ``eq-forward-kl-moments``, chapter 02).
    """

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


# ---------------------------------------------------------------- copies


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
    return _with_parameters(single, lambda name: module.get_parameter(name)[k].clone())


def _stackable(part: nn.Module) -> bool:
    kind = type(part)
    if kind in STACKABLE or kind in STACKABLE.values():
        # Reflecting paddings count axes from the front; a norm without parameters cannot show how many seeds there are.
        return getattr(part, "padding_mode", "zeros") == "zeros" and getattr(part, "affine", True)
    family = kind.__module__.rpartition(".")[2]
    knows_axes = family in ("pooling", "upsampling", "batchnorm", "instancenorm") and kind.__module__.startswith("torch.")
    own = any(True for _ in part.parameters(recurse=False))
    return kind in (Gaussian, GaussianDensity) or not (own or knows_axes)


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
