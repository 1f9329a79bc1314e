"""Densities p(x) with no latent variable: a Gaussian, and what the networks of ``autoregressive`` share (chapter 05).

    p_θ(x) = Π_i p_θ(x_i | x_1, ..., x_{i-1})        (Eq. ``eq-chain-rule``, chapter 05)

A network maps x to the logits of all its conditionals at once; its architecture keeps the i-th from seeing x_i and what
comes after, and that alone makes the product a density.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal, ReshapeTransform, TransformedDistribution

from ..distributions.densities import as_floats
from ..distributions.noise import Noise

__all__ = ["Autoregressive", "ChainRule", "CodeTable", "GaussianDensity"]


class GaussianDensity(nn.Module):
    """p_θ(x) = N(x; μ, L Lᵀ) with no latent variable; calling it returns the distribution.

    Its maximum-likelihood fit has the moments of the data (Eq. ``eq-forward-kl-moments``, chapter 02).
    """

    stackable = True  # its parameters can carry a seeds axis

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        size = math.prod(shape)
        self.loc = nn.Parameter(torch.zeros(size))
        self.log_diagonal = nn.Parameter(torch.zeros(size))
        self.below = nn.Parameter(torch.zeros(size, size))  # of L, below its diagonal

    def reset_parameters(self) -> None:
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()

    def flattened_distribution(self) -> MultivariateNormal:
        """The distribution of the flattened example."""
        scale_tril = self.below.tril(-1) + torch.diag_embed(self.log_diagonal.exp())
        # The batch axis has length 1: one density for all examples, beside a possible seeds axis.
        return MultivariateNormal(self.loc.unsqueeze(-2), scale_tril=scale_tril.unsqueeze(-3))

    def forward(self) -> Distribution:
        if len(self.shape) == 1:
            return self.flattened_distribution()
        unflatten = ReshapeTransform(self.loc.shape[-1:], torch.Size(self.shape))
        return TransformedDistribution(self.flattened_distribution(), unflatten)

    def draw(self, n: int, noise: Noise) -> Tensor:  # ``noise`` is a source of random numbers
        """``n`` draws x ~ p_θ(x), [*seeds, n, *shape], from named noise."""
        gaussian = self.flattened_distribution()
        standard_normal = noise.normal("sample x", n, self.loc.shape[-1])
        return (gaussian.loc + standard_normal @ gaussian.scale_tril.squeeze(-3).mT).unflatten(-1, self.shape)


class ChainRule(Distribution):
    """p_θ(x), the product of a network's conditionals: a distribution of the network's ``shape``.

    Its batch shape is [*seeds, 1]: one density for all examples.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, network: Autoregressive):
        self.network = network
        super().__init__(torch.Size((*network.seeds_shape, 1)), torch.Size(network.shape))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_θ(x), exactly: [*seeds, batch, *shape] to [*seeds, batch], nats. Raises ValueError for a wrong x."""
        network = self.network
        seeds_shape = network.seeds_shape
        batch_axis = len(seeds_shape)
        if x.ndim != batch_axis + 1 + len(network.shape) or x.shape[:batch_axis] != seeds_shape:
            expected_shape = [*seeds_shape, "batch", *network.shape]
            raise ValueError(f"x must have the shape [{', '.join(map(str, expected_shape))}], got {list(x.shape)}.")
        if self._validate_args:
            network.check(x)
        value_index = network.index(x).flatten(batch_axis + 1)
        logits = network.logits(x).to(network.head.bias.dtype)  # full precision under autocast, too
        log_conditionals = logits.log_softmax(-1)
        log_probs = log_conditionals.gather(-1, value_index.unsqueeze(-1)).squeeze(-1)
        if network.end is not None:  # what follows the end of a line is certain
            log_probs = log_probs.masked_fill(_after_end(value_index == network.end), 0.0)
        return log_probs.sum(-1)


def _after_end(is_end: Tensor) -> Tensor:
    """Does an end stand before this position, on the last axis?"""
    return is_end.cumsum(-1) > is_end.long()


class Autoregressive(nn.Module):
    """What the networks share, each of which gives ``logits`` for training and ``next`` for sampling.

    shape:   of one example; its dimensions are conditioned in the order in which they lie in memory.
    levels:  how many values a dimension can take: 0, 1/(levels-1), ..., 1 for pixels, 0, 1, 2, ... for symbols.
    """

    stacked_whole = True  # it reads more of its layers than what they give
    shape: tuple[int, ...]
    levels: int
    unit: float  # distance of two neighbouring values
    end: int | None = None  # the value after which all others are it, too: the end of a line
    head: Any

    def forward(self) -> Distribution:
        return ChainRule(self)

    @property
    def seeds_shape(self) -> tuple[int, ...]:
        return tuple(self.head.bias.shape[:-1])

    def logits(self, x: Tensor) -> Tensor:
        """The conditionals of all dimensions, [*seeds, batch, *shape] to [*seeds, batch, dimensions, levels]."""
        raise NotImplementedError

    def next(self, x: Tensor, i: int, memory: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The logits of dimension i, [*seeds, batch, levels], from the dimensions before it, and a new memory."""
        raise NotImplementedError

    def index(self, x: Tensor) -> Tensor:
        """Which of its values each dimension has, int64."""
        return (x / self.unit).round().long()

    def check(self, x: Tensor) -> None:
        """Raise ValueError, saying what to do, unless x is [..., *shape] with values that are possible."""
        name = type(self).__name__
        if tuple(x.shape[-len(self.shape) :]) != self.shape:
            raise ValueError(f"{name} was built for examples of shape {self.shape}, got x of shape {tuple(x.shape)}.")
        if not all(self._has_known_values(as_floats(chunk)) for chunk in x.split(1000)):
            raise ValueError(
                f"{name} knows {self.levels} values, 0 to {(self.levels - 1) * self.unit:g} in steps of {self.unit:g}; "
                "binarise or round x, or give the network more levels."
            )

    def _has_known_values(self, x: Tensor) -> bool:
        """Are these values that dimensions can have?"""
        values = x / self.unit
        value_index = values.round()
        is_known = ((values - value_index).abs() < 1e-3) & (value_index >= 0) & (value_index < self.levels)
        if self.end is not None:
            is_known &= (value_index == self.end) | ~_after_end(value_index == self.end)
        return bool(is_known.all())

    @torch.no_grad()
    def draw(self, n: int, noise: Noise, given: Tensor | None = None, first: int = 0) -> Tensor:
        """``n`` exact samples, one dimension after the other (Eq. ``eq-ancestral``, chapter 05): [*seeds, n, *shape].

        noise:  with the network's seeds, or with none, and then every copy gets the same numbers.
        given:  x [..., n, *shape] whose ``first`` dimensions are kept: the sample completes them.
        Raises ValueError when n or ``first`` is out of range.
        """
        size = math.prod(self.shape)
        if n < 1 or not 0 <= first <= size or (first and given is None):
            raise ValueError(
                f"draw needs n >= 1 and 0 <= first <= {size}, with first > 0 only where x is given; "
                f"got n={n}, first={first}."
            )
        uniform = noise.uniform("sample x", n, size).to(self.head.bias.dtype).expand(*self.seeds_shape, n, size)
        x = torch.zeros_like(uniform)
        if given is not None:
            x[..., :first] = given.flatten(-len(self.shape))[..., :first]
        memory = None
        for position in range(size):
            # Even where x is given: the memory has to read it.
            logits, memory = self.next(x.unflatten(-1, self.shape), position, memory)
            if position >= first:
                # The first value whose cumulative probability exceeds the uniform number, and else the last.
                cumulative_probs = logits.softmax(-1).cumsum(-1)[..., :-1]
                value_index = (cumulative_probs <= uniform[..., position, None]).sum(-1)
                if self.end is not None and position > 0:
                    value_index = torch.where(self.index(x[..., position - 1]) == self.end, self.end, value_index)
                x[..., position] = value_index * self.unit
        return x.unflatten(-1, self.shape)


class _LogitTable(nn.Module):
    stackable = True  # its parameters can carry a seeds axis

    def __init__(self, levels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(levels))

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.bias)


class CodeTable(Autoregressive):
    """p_θ of a single symbol, 0 to ``levels`` - 1: a logit for each, at first all alike.

    >>> CodeTable(4)().log_prob(torch.zeros(3, 1))
    tensor([-1.3863, -1.3863, -1.3863], grad_fn=<SumBackward1>)
    """

    def __init__(self, levels: int):
        super().__init__()
        self.shape, self.levels, self.unit = (1,), levels, 1.0
        self.head = _LogitTable(levels)

    def logits(self, x: Tensor) -> Tensor:
        return self.next(x, 0, None)[0].unsqueeze(-2)

    def next(self, x: Tensor, i: int, memory: Tensor | None) -> tuple[Tensor, None]:
        bias = self.head.bias.unsqueeze(-2)
        return bias.expand(*x.shape[:-1], self.levels), None
