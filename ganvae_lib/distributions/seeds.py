"""What goes on seed by seed: the noise that torch's own layers draw, and the distributions of copies side by side.

Dropout, and a module of one's own that calls ``torch.randn``, draw from torch's global generator. While ``in_layers``
is open that generator stands in a stream of the seed's own, and afterwards where it stood before. So two trainings of
one seed are the same one, whatever else the program draws.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily, TransformedDistribution

from .densities import Noiseless, Point, Product, Pushforward

__all__ = ["DrawnUnseeded", "SideBySide", "in_layers", "of_seed", "side_by_side", "torch_alone"]

_States = list[Tensor]
#: Of stacked seeds: where each one's generators stand, at first the number that they start from; and the device.
_standing: ContextVar[tuple[list[_States | int], torch.device] | None] = ContextVar("_standing", default=None)


def _generators(device: torch.device) -> list[torch.Generator]:
    """The global generators that a layer on this device may draw from."""
    generators = [torch.default_generator]
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.init()
        generators.append(torch.cuda.default_generators[index])
    if device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    return generators


def _states(device: torch.device) -> _States:
    return [generator.get_state() for generator in _generators(device)]


def _go_to(device: torch.device, place: _States | int) -> None:
    """Set the global generators to states, or to the start of a stream."""
    for i, generator in enumerate(_generators(device)):
        if isinstance(place, int):
            generator.manual_seed(place)
        else:
            generator.set_state(place[i])


class DrawnUnseeded(ValueError):
    """Noise was drawn that no seed alone would have seen."""


@contextmanager
def torch_alone() -> Iterator[None]:
    """Raise DrawnUnseeded (a ValueError) if Python's or NumPy's global generator moves while this is open.

    Both stand afterwards where they stood before.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
    try:
        yield
        pairs = zip(_numbers_of(of_numpy), _numbers_of(np.random.get_state(legacy=False)), strict=True)  # noqa: NPY002
        if random.getstate() != of_python or not all(np.array_equal(a, b) for a, b in pairs):
            raise DrawnUnseeded(
                "something drew from Python's or NumPy's global generator, which no seed sets and no checkpoint keeps: "
                "draw from torch's (torch.rand, torch.randn), which then stands in a stream of each seed's own."
            )
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002


def _numbers_of(state: Any) -> list[Any]:
    """What stands in a dict of dicts, in order."""
    if not isinstance(state, dict):
        return [state]
    return [number for part in state.values() for number in _numbers_of(part)]


@contextmanager
def in_layers(starts: Sequence[int], stacked: bool, device: torch.device) -> Iterator[None]:
    """Let what torch's layers draw come from one stream per seed, which begins at its number in ``starts``.

    With ``stacked`` seeds, ``Copies`` of a layer each draw from their own. Raises DrawnUnseeded (a ValueError) if
    something else drew for all of them at once, since no seed alone would have seen these numbers.
    """
    before = _states(device)
    token = _standing.set((list(starts), device) if stacked else None)
    try:
        if not stacked:
            _go_to(device, starts[0])
        yield
        if stacked and not all(map(torch.equal, before, _states(device))):
            raise DrawnUnseeded(
                "something drew from torch's global generator for all seeds at once (a term of one's own, or a module "
                "with stackable = True): draw from world.noise there, leave the flag out, or fit one seed at a time "
                "with seeds=[k]."
            )
    finally:
        _standing.reset(token)
        _go_to(device, before)


@contextmanager
def of_seed(k: int) -> Iterator[None]:
    """Within ``in_layers``: what torch's layers draw here is the k-th seed's."""
    if (stacked := _standing.get()) is None:
        yield
        return
    standing, device = stacked
    before = _states(device)
    _go_to(device, standing[k])
    try:
        yield
    finally:
        standing[k] = _states(device)
        _go_to(device, before)


class SideBySide(Distribution):
    """The distributions of K copies, of which nothing is known but that each has one: [K, *batch, *event].

    >>> from torch.distributions import Normal
    >>> p = SideBySide([Normal(torch.zeros(5), 1.0), Normal(torch.ones(5), 1.0)])
    >>> p.batch_shape, p.log_prob(torch.ones(2, 5)).shape, p.mean[:, 0]
    (torch.Size([2, 5]), torch.Size([2, 5]), tensor([0., 1.]))
    """

    arg_constraints: dict = {}

    def __init__(self, parts: Sequence[Distribution]):
        self.parts = list(parts)
        first = self.parts[0]
        super().__init__(torch.Size((len(parts), *first.batch_shape)), first.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.stack([part.mean for part in self.parts])

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.stack([part.log_prob(its_value) for part, its_value in zip(self.parts, value, strict=True)])


def side_by_side(parts: Sequence[Distribution]) -> Distribution:
    """The distributions of K copies as one, with a leading axis of length K.

    One without a batch axis is the same for all examples; it gets an axis of length 1, which stands for them.

    >>> from torch.distributions import Normal
    >>> side_by_side([Normal(torch.zeros(5), 1.0), Normal(torch.ones(5), 2.0)])
    Normal(loc: torch.Size([2, 5]), scale: torch.Size([2, 5]))
    """
    if not parts[0].batch_shape and not isinstance(parts[0], Pushforward):
        parts = [part.expand(torch.Size((1,))) for part in parts]
    return _merged(parts)


def _merged(parts: Sequence[Any]) -> Distribution:
    first = parts[0]
    if isinstance(first, Independent):
        return Independent(_merged([p.base_dist for p in parts]), first.reinterpreted_batch_ndims, validate_args=False)
    if isinstance(first, Product):
        return Product([_merged(pieces) for pieces in zip(*(p.parts for p in parts), strict=True)])
    if isinstance(first, Noiseless):
        return Noiseless(_merged([p.base for p in parts]))
    if isinstance(first, Point):
        return Point(torch.stack([p.value for p in parts]), len(first.event_shape))
    if isinstance(first, Pushforward):

        def pushed(noise: Tensor) -> Tensor:
            return torch.stack([p.function(its_noise) for p, its_noise in zip(parts, noise, strict=True)])

        return Pushforward(pushed, first.noise, (len(parts), *first.batch_shape), first.event_shape)
    if isinstance(first, MixtureSameFamily):
        weights: Any = _merged([p.mixture_distribution for p in parts])
        components = _merged([p.component_distribution for p in parts])
        return MixtureSameFamily(weights, components, validate_args=False)
    if type(first) is TransformedDistribution and all(p.transforms == first.transforms for p in parts):
        base = _merged([p.base_dist for p in parts])
        return TransformedDistribution(base, first.transforms, validate_args=False)
    names = _parameters(first)
    if not names or len({type(p) for p in parts}) > 1:
        return SideBySide(parts)
    family: Any = type(first)
    return family(**{name: torch.stack([getattr(p, name) for p in parts]) for name in names}, validate_args=False)


def _parameters(p: Distribution) -> list[str]:
    """The parameters from which a distribution of this kind can be made."""
    held = [name for name in p.arg_constraints if name in vars(p)]  # such as loc and scale
    names = held or list(p.arg_constraints)
    for name in ("logits", "scale_tril", "precision_matrix", "covariance_matrix"):
        if name in names:  # one is enough: torch remembers the others beside it, once computed
            others = {"logits", "probs", "scale_tril", "precision_matrix", "covariance_matrix"} - {name}
            return [n for n in names if n not in others]
    return names
