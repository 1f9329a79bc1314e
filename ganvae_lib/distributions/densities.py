"""Distributions that torch does not have: points, points with priced misses, pushed-forward noise, and products.

And those of several seeds as one, ``side_by_side``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    OneHotCategorical,
    TransformedDistribution,
    constraints,
    kl_divergence,
    register_kl,
)

__all__ = [
    "Noiseless",
    "Point",
    "Product",
    "Pushforward",
    "SideBySide",
    "as_floats",
    "full_precision",
    "side_by_side",
    "tiled",
]


def full_precision(features: Tensor | tuple[Tensor, ...]) -> Tensor:
    """At least fp32: distributions are evaluated in full precision under autocast, too.

    Of a trunk that gives more (``nn.LSTM``, ``nn.MultiheadAttention``) the features are the first thing that it gives.
    """
    features = features[0] if isinstance(features, tuple) else features
    return features.float() if features.dtype in (torch.bfloat16, torch.float16) else features


def as_floats(x: Tensor) -> Tensor:
    """Examples as networks see them, float32: bytes are levels, x/255, and all other numbers are themselves.

    Numbers of float64 stay what they are, for a model in double precision.

    >>> as_floats(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    if x.dtype != torch.uint8:
        return x if x.dtype == torch.float64 else x.float()
    # By a tensor, because some devices divide by a number as they multiply by its inverse: other last bits.
    return x.float() / torch.full((1,), 255.0, device=x.device)


class _Implicit(Distribution):
    """A distribution that can be sampled but has no density; ``log_prob`` says so (NotImplementedError)."""

    arg_constraints: dict = {}
    support = constraints.real
    has_rsample = True

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(
            "an implicit model can be sampled but has no density; for a likelihood choose observation='gaussian', "
            "'bernoulli' or 'continuous bernoulli' and codes='gaussian', for a comparison by samples the Adversary or "
            "MMD tool."
        )

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError("the mean of noise pushed through a network is not known; draw samples instead.")


class Point(_Implicit):
    """All mass on one point: what an implicit model's generator returns (Eq. ``eq-implicit-model``, chapter 01).

    >>> Point(torch.tensor([[1.0, 2.0]]), event_dims=1).sample()
    tensor([[1., 2.]])
    """

    def __init__(self, value: Tensor, event_dims: int):
        if not isinstance(value, Tensor) or not isinstance(event_dims, int) or not 0 <= event_dims <= value.ndim:
            raise ValueError(f"a point is a tensor, its last event_dims axes one example, got {value}, {event_dims}.")
        self.value = value
        batch_dims = value.ndim - event_dims
        super().__init__(value.shape[:batch_dims], value.shape[batch_dims:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.value

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.value.expand(*sample_shape, *self.value.shape)


class Pushforward(_Implicit):
    """Noise pushed through a network: x = function(ε), ε ~ N(0, 1) on ``noise`` dimensions, fresh for each example."""

    def __init__(
        self, function: Callable[[Tensor], Tensor], noise: int, batch_shape: Sequence[int], event_shape: Sequence[int]
    ):
        self.function, self.noise = function, noise
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        if sample_shape:
            raise NotImplementedError("a pushed-forward distribution is drawn one sample at a time.")
        return self.function(torch.randn(*self.batch_shape, self.noise))


class Noiseless(Distribution):
    """Samples are the mean of ``base``; only its ``log_prob`` knows the noise.

    So a deterministic generator has a reconstruction loss: Gaussian noise prices a miss by its square, Laplace noise
    by its size. It is one distribution in Reconstruct and another in Match, and the book says where that matters.

    >>> from torch.distributions import Normal
    >>> p = Noiseless(Normal(torch.zeros(1), 1.0))
    >>> p.rsample(), p.log_prob(torch.zeros(1))
    (tensor([0.]), tensor([-0.9189]))
    """

    arg_constraints: dict = {}
    has_rsample = True

    def __init__(self, base: Distribution):
        self.base = base
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.base.mean

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.mean.expand(*sample_shape, *self.mean.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.base.log_prob(value)


class Product(Distribution):
    """Independent parts side by side along the last axis: a code that is partly a class, partly a number."""

    arg_constraints: dict = {}
    support = constraints.real_vector

    def __init__(self, components: Sequence[Distribution]):
        self.parts = list(components)
        self.sizes = [component.event_shape[0] for component in self.parts]
        super().__init__(self.parts[0].batch_shape, torch.Size([sum(self.sizes)]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.cat([component.mean for component in self.parts], -1)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Product:
        return Product([component.expand(batch_shape) for component in self.parts])

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return torch.cat([component.sample(torch.Size(sample_shape)) for component in self.parts], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        values = value.split(self.sizes, -1)
        log_probs = (
            component.log_prob(component_value) for component, component_value in zip(self.parts, values, strict=True)
        )
        return sum(log_probs, start=value.new_zeros(()))


def tiled(p: Distribution, n_copies: int, axis: int) -> Distribution:
    """The distribution k times side by side along ``axis`` of its batch: k independent draws in one.

    Raises NotImplementedError for a distribution without parameters of its own, such as a Pushforward.
    """
    if isinstance(p, Independent):
        return Independent(tiled(p.base_dist, n_copies, axis), p.reinterpreted_batch_ndims)
    if isinstance(p, Product):
        return Product([tiled(component, n_copies, axis) for component in p.parts])
    if isinstance(p, OneHotCategorical):  # its parameters are those of another distribution
        return OneHotCategorical(logits=torch.cat([p.logits] * n_copies, axis), validate_args=False)
    parameters = [name for name in p.arg_constraints if name in vars(p)]  # that it holds, such as loc and scale
    if not parameters:
        raise NotImplementedError(f"{type(p).__name__} cannot be repeated.")
    if "logits" in parameters:
        parameters = ["logits"]  # torch remembers probs beside them, once computed
    family: Any = type(p)
    repeated = {name: torch.cat([getattr(p, name)] * n_copies, axis) for name in parameters}
    return family(**repeated, validate_args=False)


def _kl_products(p: Product, q: Product) -> Tensor:
    component_kls = (kl_divergence(p_part, q_part) for p_part, q_part in zip(p.parts, q.parts, strict=True))
    return sum(component_kls, start=torch.zeros(()))


register_kl(Product, Product)(_kl_products)


# ---------------------------------------------------------------- copies side by side


class SideBySide(Distribution):
    """The distributions of K copies, of which nothing is known but that each has one: [K, *batch, *event].

    >>> from torch.distributions import Normal
    >>> p = SideBySide([Normal(torch.zeros(5), 1.0), Normal(torch.ones(5), 1.0)])
    >>> p.batch_shape, p.log_prob(torch.ones(2, 5)).shape, p.mean[:, 0]
    (torch.Size([2, 5]), torch.Size([2, 5]), tensor([0., 1.]))
    """

    arg_constraints: dict = {}

    def __init__(self, copies: Sequence[Distribution]):
        self.parts = list(copies)
        first = self.parts[0]
        super().__init__(torch.Size((len(copies), *first.batch_shape)), first.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.stack([copy.mean for copy in self.parts])

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.stack(
            [copy.log_prob(component_value) for copy, component_value in zip(self.parts, value, strict=True)]
        )


def side_by_side(copies: Sequence[Distribution]) -> Distribution:
    """The distributions of K copies as one, with a leading axis of length K.

    One without a batch axis is the same for all examples; it gets an axis of length 1, which stands for them.

    >>> from torch.distributions import Normal
    >>> side_by_side([Normal(torch.zeros(5), 1.0), Normal(torch.ones(5), 2.0)])
    Normal(loc: torch.Size([2, 5]), scale: torch.Size([2, 5]))
    """
    if not copies[0].batch_shape and not isinstance(copies[0], Pushforward):
        copies = [copy.expand(torch.Size((1,))) for copy in copies]
    return _stack_distributions(copies)


def _stack_distributions(copies: Sequence[Any]) -> Distribution:
    first = copies[0]
    if len({type(copy) for copy in copies}) > 1:
        return SideBySide(copies)
    if isinstance(first, Independent):
        return Independent(
            _stack_distributions([copy.base_dist for copy in copies]),
            first.reinterpreted_batch_ndims,
            validate_args=False,
        )
    if isinstance(first, Product):
        return Product([_stack_distributions(parts) for parts in zip(*(copy.parts for copy in copies), strict=True)])
    if isinstance(first, Noiseless):
        return Noiseless(_stack_distributions([copy.base for copy in copies]))
    if isinstance(first, Point):
        return Point(torch.stack([copy.value for copy in copies]), len(first.event_shape))
    if isinstance(first, Pushforward):

        def push_noise(noise: Tensor) -> Tensor:
            return torch.stack([copy.function(copy_noise) for copy, copy_noise in zip(copies, noise, strict=True)])

        return Pushforward(push_noise, first.noise, (len(copies), *first.batch_shape), first.event_shape)
    if isinstance(first, MixtureSameFamily):
        weights: Any = _stack_distributions([copy.mixture_distribution for copy in copies])
        mixture_components = _stack_distributions([copy.component_distribution for copy in copies])
        return MixtureSameFamily(weights, mixture_components, validate_args=False)
    if type(first) is TransformedDistribution and all(copy.transforms == first.transforms for copy in copies):
        base = _stack_distributions([copy.base_dist for copy in copies])
        return TransformedDistribution(base, first.transforms, validate_args=False)
    names = _parameter_names(first)
    if not names:
        return SideBySide(copies)
    family: Any = type(first)
    return family(
        **{name: torch.stack([getattr(copy, name) for copy in copies]) for name in names}, validate_args=False
    )


def _parameter_names(p: Distribution) -> list[str]:
    """The parameters from which a distribution of this kind can be made."""
    stored_names = [name for name in p.arg_constraints if name in vars(p)]  # such as loc and scale
    names = stored_names or list(p.arg_constraints)
    for name in ("logits", "scale_tril", "precision_matrix", "covariance_matrix"):
        if name in names:  # one is enough: torch remembers the others beside it, once computed
            equivalent_names = {"logits", "probs", "scale_tril", "precision_matrix", "covariance_matrix"} - {name}
            return [n for n in names if n not in equivalent_names]
    return names
