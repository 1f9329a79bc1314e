"""The random variables of one training step, each drawn when it is first read.

Generation runs z ~ p(z), x ~ p_θ(x|z); inference runs x ~ d(x), z ~ q_η(z|x) (Eq. ``eq-explicit-model``,
chapter 01). A :class:`World` holds both runs for one minibatch. What it has drawn stays drawn until a player on
which it depends has moved, so a step never computes the same thing twice and never uses a stale one.
"""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Distribution,
    Independent,
    Laplace,
    Normal,
    OneHotCategorical,
    Uniform,
)

from .codes import OtherDomain
from .distributions import Noiseless, Point, Product, Pushforward, grey
from .parallel import Share

__all__ = ["Noise", "World", "draw"]

_BLOCK = 2**20  # numbers drawn at once per seed: few calls of the generator, and little memory


class Noise:
    """Noise by name, from one stream per seed and name, so that seed k sees the same numbers in any company.

    ``seeds`` is one int (no seeds axis) or a sequence of ints (a leading axis of that length). Streams are drawn in
    blocks whose length depends only on the shape asked for: drawing 16 seeds costs one call each per block, not
    per step. ``share`` says which rows of a minibatch are wanted, where several processes share it.
    """

    tiles = 1

    def __init__(self, seeds: int | list[int], device: torch.device | str = "cpu", share: Share | None = None):
        self.lead = () if isinstance(seeds, int) else (len(seeds),)
        self.seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        self.device, self.share = torch.device(device), share or Share()
        self._streams: dict[tuple, list] = {}

    def tiled(self, n: int) -> Noise:
        """The same noise for a minibatch that stands ``n`` times side by side: each process keeps its rows of each."""
        other = copy.copy(self)
        other.tiles = n * self.tiles
        return other

    def generators(self, name: str) -> list[torch.Generator]:
        """One fresh generator per seed; its start depends on the seed and the name only."""
        # 32 bits: torch's CPU generator ignores the upper half of its seed.
        starts = [zlib.crc32(f"{seed} {name}".encode()) for seed in self.seeds]
        return [torch.Generator(self.device).manual_seed(start) for start in starts]

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers, [*seeds, *shape]."""
        return self._next(torch.randn, name, shape)

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers uniform on [0, 1), [*seeds, *shape]."""
        return self._next(torch.rand, name, shape)

    def _next(self, law, name, shape):
        if self.share.size > 1:
            shape = (shape[0] * self.share.size, *shape[1:])
        key = (law.__name__, name, shape)
        if key not in self._streams:
            label = f"{law.__name__} {name} {'x'.join(map(str, shape))}"
            self._streams[key] = [self.generators(label), None, None, 0]
        stream = self._streams[key]
        if stream[1] is None or stream[3] == len(stream[1]):
            self._fill(key)
        stream[3] += 1
        return self.share.rows(stream[1][stream[3] - 1], len(self.lead), self.tiles)

    def _fill(self, key: tuple) -> None:
        """Draw the next block of a stream, and remember where its generators stood."""
        law, _, shape = getattr(torch, key[0]), *key[1:]
        stream = self._streams[key]
        length = max(1, min(256, _BLOCK // max(1, torch.Size(shape).numel())))
        stream[2] = torch.stack([g.get_state() for g in stream[0]])
        rows = [law(length, *shape, generator=g, device=self.device) for g in stream[0]]
        stream[1], stream[3] = torch.stack(rows, 1) if self.lead else rows[0], 0

    def state(self) -> tuple[list, dict[str, Tensor]]:
        """Where every stream stands: names and positions, and the states of the generators."""
        places = [[*key, stream[3]] for key, stream in self._streams.items()]
        return places, {str(i): stream[2] for i, stream in enumerate(self._streams.values())}

    def restore(self, places: list, states: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said."""
        self._streams = {}
        for i, (law, name, shape, at) in enumerate(places):
            key, generators = (law, name, tuple(shape)), self.generators("")
            for generator, state in zip(generators, states[str(i)], strict=True):
                generator.set_state(state.clone())  # a row of a stack is not accepted
            self._streams[key] = [generators, None, None, 0]
            self._fill(key)
            self._streams[key][3] = at


class _Discrete(torch.autograd.Function):
    """A discrete sample. A gradient that would have to pass through it is an error, not a silent zero."""

    @staticmethod
    def forward(ctx, probs: Tensor, sample: Tensor, name: str, law: str) -> Tensor:
        ctx.what = f"{name} is drawn from a {law}"
        return sample.to(probs)

    @staticmethod
    def backward(ctx, gradient):
        raise TypeError(
            f"{ctx.what}, whose samples carry no gradient; choose observation='gaussian', 'continuous bernoulli' or "
            "'point', codes='gaussian', or a term for one player only, as in wake-sleep."
        )


def draw(p: Distribution, noise: Noise, name: str) -> Tensor:
    """A sample of ``p`` through which gradients flow (Eq. ``eq-reparameterisation``, chapter 03), from named noise.

    Bernoulli and one-hot have no such sample: they are drawn all the same, and TypeError is raised by a gradient that
    needs it.
    """
    if isinstance(p, Point | Noiseless):
        return p.mean
    if isinstance(p, Product):
        return torch.cat([draw(part, noise, f"{name}, part {i}") for i, part in enumerate(p.parts)], -1)
    base = p.base_dist if isinstance(p, Independent) else p
    shape = base.batch_shape[len(noise.lead) :]
    match base:
        case Normal():
            return base.loc + base.scale * noise.normal(name, *shape)
        case Uniform():
            return base.low + (base.high - base.low) * noise.uniform(name, *shape)
        case Laplace():  # the ends of the interval are at infinity
            return base.icdf(noise.uniform(name, *shape).clamp(1e-6, 1 - 1e-6))
        case ContinuousBernoulli():
            return grey(base.logits, noise.uniform(name, *shape))
        case Pushforward():
            return base.function(noise.normal(name, *shape, base.noise))
        case Bernoulli():
            return _Discrete.apply(base.probs, noise.uniform(name, *shape) < base.probs, name, "Bernoulli")
        case OneHotCategorical():
            u, n = noise.uniform(name, *shape, 1), base.event_shape[0]
            index = (base.probs.cumsum(-1)[..., :-1] < u).sum(-1)
            return _Discrete.apply(base.probs, torch.nn.functional.one_hot(index, n), name, "one-hot")
    raise TypeError(f"do not know how to draw from {type(base).__name__} with a gradient; use a Normal or a Point.")


class drawn:
    """A variable of a :class:`World`: computed once, forgotten when a player in ``depends`` moves."""

    def __init__(self, *depends: str):
        self.depends = frozenset(depends)

    def __call__(self, function):
        self.function, self.name = function, function.__name__
        self.__doc__ = function.__doc__
        return self

    def __get__(self, world, owner=None):
        if world is None:
            return self
        if self.name not in world.memory:
            with torch.set_grad_enabled(not world.detached):
                world.memory[self.name] = self.function(world)
        return world.memory[self.name]


@dataclass
class World:
    """One minibatch ``x`` of data, [*seeds, batch, *shape], and everything that the model makes of it.

    Where the objective reads them: the ``labels`` of x, [*seeds, batch], and a minibatch of the ``other`` domain.
    """

    model: torch.nn.Module
    x: Tensor
    noise: Noise
    labels: Tensor | None = None
    other: Tensor | None = None
    detached: bool = False  # a world that only a discriminator looks at needs no graph
    memory: dict = field(default_factory=dict)

    def __post_init__(self):
        self.model = self.model.given(self.labels)

    @property
    def batch(self) -> int:
        return self.x.shape[len(self.noise.lead)]

    @drawn()
    def z(self) -> Tensor:
        """z ~ p(z); or examples of the other domain, where z is data, too."""
        if isinstance(self.model.prior, OtherDomain):
            return self.other
        return draw(self.model.prior().expand((*self.noise.lead, self.batch)), self.noise, "z")

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

    def read(self, names: tuple[str, ...]) -> tuple[Tensor, ...]:
        """These variables, in this order."""
        return tuple(getattr(self, name) for name in names)

    def moved(self, players) -> None:
        """Forget what depends on these players."""
        for name in [n for n in self.memory if getattr(World, n).depends & set(players)]:
            del self.memory[name]
