"""The random variables of one training step, each drawn when it is first read.

Generation runs z ~ p(z), x ~ p_θ(x|z); inference runs x ~ d(x), z ~ q_η(z|x) (Eq. ``eq-explicit-model``,
chapter 01). A :class:`Batch` holds both for one minibatch: its examples and what the model makes of them. What is drawn
stays drawn until a player on which it depends has moved, so a step computes nothing twice and uses nothing stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast, overload

import torch
from torch import Tensor
from torch.distributions import Distribution

from ..errors import unknown
from .noise import Noise
from .sample import OtherDomain, draw

__all__ = ["Batch", "drawn"]

Value = TypeVar("Value")
Made = TypeVar("Made")


class drawn(Generic[Value]):
    """A variable of a :class:`Batch`: computed once, forgotten when a player in ``depends`` moves.

    One's own is an attribute more:

    >>> from ganvae_lib import Batch, Noise, build, zoo
    >>> def x_turned(batch):
    ...     return batch.x_from_z.flip(-1)
    >>> Batch.x_turned = drawn("theta")(x_turned)
    >>> batch = Batch(build(zoo.GAN, (2,)), torch.zeros(5, 2), Noise(0))
    >>> torch.equal(batch.x_turned, batch.x_from_z.flip(-1)), batch.moved(("theta",)), list(batch.memory)
    (True, None, ['p_z', 'z'])
    >>> del Batch.x_turned
    """

    def __init__(self, *depends: str):
        self.depends = frozenset(depends)

    def __call__(self, function: Callable[[Batch], Made]) -> drawn[Made]:
        self.function, self.name = function, function.__name__
        self.__doc__ = function.__doc__
        return cast("drawn[Made]", self)

    @overload
    def __get__(self, batch: None, owner: Any = None) -> drawn[Value]: ...
    @overload
    def __get__(self, batch: Batch, owner: Any = None) -> Value: ...
    def __get__(self, batch: Batch | None, owner: Any = None) -> drawn[Value] | Value:
        if batch is None:  # read from the class, not from a batch
            return self
        if self.name not in batch.memory:
            with torch.set_grad_enabled(not batch.detached):
                batch.memory[self.name] = self.function(batch)
        return cast("Value", batch.memory[self.name])


@dataclass
class Batch:
    """One minibatch ``x`` of data, [*seeds, batch, *shape], and everything that the model makes of it.

    Where the objective reads them: the ``labels`` of x, [*seeds, batch], and a minibatch of the ``other`` domain.

    >>> from ganvae_lib import Batch, Noise, build, ring, zoo
    >>> batch = Batch(build(zoo.VAE, (2,)), ring().sample(5, 0), Noise(0))
    >>> batch.z_from_x.shape, list(batch.memory)
    (torch.Size([5, 2]), ['q_z_given_x', 'z_from_x'])
    >>> batch.moved(("eta",))  # the codes are stale now
    >>> list(batch.memory)
    []
    """

    model: Any
    x: Tensor
    noise: Noise  # where the batch's random numbers come from
    labels: Tensor | None = None
    other: Tensor | None = None  # a minibatch of the second domain
    detached: bool = False  # a batch that only a discriminator looks at needs no graph
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = self.model.at(self.labels)

    @property
    def size(self) -> int:
        return self.x.shape[len(self.noise.seeds_shape)]

    @drawn()
    def p_z(self) -> Distribution:
        """p(z), for each example."""
        return self.model.prior().expand((*self.noise.seeds_shape, self.size))

    @drawn()
    def z(self) -> Tensor:
        """z ~ p(z); or the examples of the other domain, where z is data, too."""
        if isinstance(self.model.prior, OtherDomain):
            return cast("Tensor", self.other)
        return draw(self.p_z, self.noise, "z")

    @drawn("eta")
    def q_z_given_x(self) -> Distribution:
        """q_η(z|x) at the data."""
        return self.model.encoder(self.x)

    @drawn("eta")
    def z_from_x(self) -> Tensor:
        """z ~ q_η(z|x), x ~ d(x)."""
        return draw(self.q_z_given_x, self.noise, "z from x")

    @drawn("theta")
    def x_from_z(self) -> Tensor:
        """x ~ p_θ(x|z), z ~ p(z)."""
        return draw(self.model.decoder(self.z), self.noise, "x from z")

    @drawn("theta", "eta")
    def x_again(self) -> Distribution:
        """p_θ(x|z) at the z that was inferred from x."""
        return self.model.decoder(self.z_from_x)

    @drawn("theta", "eta")
    def z_again(self) -> Distribution:
        """q_η(z|x) at the x that was generated from z."""
        return self.model.encoder(self.x_from_z)

    @drawn("theta", "eta")
    def x_back(self) -> Tensor:
        """A sample of p_θ(x|z) at the z that was inferred from x."""
        return draw(self.x_again, self.noise, "x again")

    @drawn("theta", "eta")
    def z_back(self) -> Tensor:
        """A sample of q_η(z|x) at the x that was generated from z."""
        return draw(self.z_again, self.noise, "z again")

    @drawn("theta")
    def features(self) -> Tensor:
        """What theta makes of the data: the features of the source domain, y = 1 (``def-features``, chapter 06)."""
        return draw(self.model.features(self.x), self.noise, "features")

    @drawn("theta")
    def other_features(self) -> Tensor:
        """The features of the other domain, y = 0."""
        return draw(self.model.features(self.other), self.noise, "other features")

    def read(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        """These variables, in this order. Raises ValueError for one that there is not."""
        variables = ("x", "labels", "other", *(name for name, value in vars(Batch).items() if isinstance(value, drawn)))
        if unknown_names := [name for name in names if name not in variables]:
            raise unknown("variable of a Batch", unknown_names[0], variables)
        return tuple(getattr(self, name) for name in names)

    def moved(self, players: Iterable[str]) -> None:
        """Forget what depends on these players."""
        for name in [name for name in self.memory if getattr(Batch, name).depends & set(players)]:
            del self.memory[name]
