"""Noise by name and seed, also what torch's own layers draw; and one process's part of a minibatch of several."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import check_int

__all__ = ["DrawnUnseeded", "Noise", "Share", "in_layers", "of_seed"]


class Share(NamedTuple):
    """The part of a minibatch that this process takes: the ``rank``-th of ``size``."""

    rank: int = 0
    size: int = 1

    def check(self, objective: Any, batch: int, model: nn.Module | None = None) -> None:
        """Raise ValueError for what is no mean over examples, or a batch that cannot be shared out."""
        if self.size == 1:
            return
        if batch % self.size:
            raise ValueError(f"a batch of {batch} cannot be shared by {self.size} processes; make it a multiple.")
        for term in objective.terms:
            if term.whole_batches:
                raise ValueError(f"{term!r} compares whole minibatches, not examples; train it in one process.")
        for name, module in [] if model is None else model.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                raise ValueError(f"{name} takes its statistics from the whole minibatch; train it in one process.")

    def rows(self, tensor: Tensor, axis: int, tiles: int = 1) -> Tensor:
        """This process's rows of what was drawn for the whole minibatch, or for ``tiles`` of them side by side."""
        if self.size == 1:
            return tensor
        axis %= tensor.ndim  # a negative one would count wrongly once the axis is unflattened
        # The axis of length tiles x batch as tiles, processes and rows: of the processes this one is picked.
        return tensor.unflatten(axis, (tiles, self.size, -1)).select(axis + 1, self.rank).flatten(axis, axis + 1)

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The mean of each tensor over the processes: one message for all."""
        if self.size == 1:
            return tensors
        flat_tensors = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat_tensors)  # the sum over the processes, in place
        flat_means = (flat_tensors / self.size).split([tensor.numel() for tensor in tensors])
        return [flat_mean.view(tensor.shape) for flat_mean, tensor in zip(flat_means, tensors, strict=True)]

    def logsumexp(self, logits: Tensor) -> Tensor:
        """log Σ exp over the last axis of the whole minibatch, [..., 1], without gradient."""
        by_process = logits.new_zeros(self.size, *logits.shape[:-1], 1)
        by_process[self.rank] = logits.detach().logsumexp(-1, keepdim=True)
        dist.all_reduce(by_process)  # a sum: each process has zeros in the rows of the others
        return by_process.logsumexp(0)


_BLOCK_NUMBERS = 2**20  # numbers drawn at once per seed: few calls of the generator, and little memory
_MAX_BLOCK_DRAWS = 256  # draws in a block, however small each of them is

_DRAW_OF_LAW = {"randn": torch.randn, "rand": torch.rand}


class _Stream:
    """The numbers of one name and shape: a generator per seed, the block that they drew, and the next row of it."""

    def __init__(self, law: str, shape: tuple[int, ...], generators: list[torch.Generator], stacked: bool):
        self.law, self.shape, self.generators, self.stacked = law, shape, generators, stacked
        self.fill()

    def fill(self) -> None:
        """Draw the next block, [length, *seeds, *shape], and remember where the generators stood, a row per seed."""
        block_length = max(1, min(_MAX_BLOCK_DRAWS, _BLOCK_NUMBERS // max(1, torch.Size(self.shape).numel())))
        self.states_before = torch.stack([generator.get_state() for generator in self.generators])
        draw_numbers = _DRAW_OF_LAW[self.law]
        block_of_seed = [
            draw_numbers(block_length, *self.shape, generator=generator, device=generator.device)
            for generator in self.generators
        ]
        self.block = torch.stack(block_of_seed, 1) if self.stacked else block_of_seed[0]
        self.position = 0


class Noise:
    """Noise by name, from one stream per seed and name: a seed sees the same numbers whatever seeds are beside it.

    ``seeds`` is one int (no seeds axis) or a sequence of ints (a leading axis of that length). Streams are drawn in
    blocks whose length depends only on the shape asked for: drawing 16 seeds costs one call each per block, not
    per step. ``share`` says which rows of a minibatch are wanted, where several processes share it.

    >>> together, alone = Noise([4, 9]).normal("z", 3), Noise(9).normal("z", 3)
    >>> together.shape, torch.equal(together[1], alone)
    (torch.Size([2, 3]), True)
    """

    tiles = 1

    def __init__(self, seeds: int | Sequence[int], device: torch.device | str = "cpu", share: Share | None = None):
        seed_list = list(seeds) if isinstance(seeds, Sequence) and not isinstance(seeds, str) else None
        if seed_list == []:
            raise ValueError("noise needs a seed, or a list of one or more.")
        self.seeds = [check_int("a seed", seed, least=0) for seed in ([seeds] if seed_list is None else seed_list)]
        self.seeds_shape = () if seed_list is None else (len(self.seeds),)
        self.device, self.share = torch.device(device), share or Share()  # share: this process's part of a minibatch
        self.since = ""  # part of every name, where the streams are not those with which a training began
        self._streams: dict[tuple, _Stream] = {}
        self._layers_opened = 0  # how often, so that each time has numbers of its own

    def tiled(self, n: int) -> Noise:
        """The same noise for a minibatch that stands ``n`` times side by side: each process keeps its rows of each."""
        tiled = copy.copy(self)  # with the same streams: the numbers go on where they stand
        tiled.tiles = n * self.tiles
        return tiled

    def generators(self, name: str) -> list[torch.Generator]:
        """One fresh generator per seed; its start depends on the seed and the name only."""
        # 32 bits: torch's CPU generator ignores the upper half of its seed.
        generator_seeds = [zlib.crc32(f"{seed} {name}{self.since}".encode()) for seed in self.seeds]
        return [torch.Generator(self.device).manual_seed(generator_seed) for generator_seed in generator_seeds]

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers, [*seeds, *shape]."""
        return self._next_numbers("randn", name, shape)

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers uniform on [0, 1), [*seeds, *shape]."""
        return self._next_numbers("rand", name, shape)

    def _next_numbers(self, law: str, name: str, shape: tuple[int, ...]) -> Tensor:
        if self.share.size > 1:
            shape = (shape[0] * self.share.size, *shape[1:])  # drawn for the whole minibatch, by every process
        stream_key = (law, name, shape)
        if stream_key not in self._streams:
            generators = self.generators(f"{law} {name} {'x'.join(map(str, shape))}")
            self._streams[stream_key] = _Stream(law, shape, generators, bool(self.seeds_shape))
        stream = self._streams[stream_key]
        if stream.position == len(stream.block):
            stream.fill()
        row = stream.block[stream.position]
        stream.position += 1
        return self.share.rows(row, len(self.seeds_shape), self.tiles)

    def restart(self, step: int) -> None:
        """Begin streams that are no repetition of those up to ``step``, where these cannot go on."""
        self.since, self._streams = f" from step {step}", {}

    def in_layers(self) -> AbstractContextManager[None]:
        """While this is open, torch's own layers (dropout) draw from streams of these seeds, and other ones each time.

        One of several processes draws for its own rows. Raises ValueError if stacked seeds drew in common.

        >>> from torch import nn
        >>> def twice(noise):
        ...     masks = []
        ...     for _ in range(2):
        ...         with noise.in_layers():
        ...             masks.append(nn.Dropout()(torch.ones(64)))
        ...     return masks
        >>> (a, b), (c, d) = twice(Noise(3)), twice(Noise(3))
        >>> torch.equal(a, c), torch.equal(b, d), torch.equal(a, b)
        (True, True, False)
        """
        self._layers_opened += 1
        stream_name = f"layers {self._layers_opened}{self.since}" + (
            f" of process {self.share.rank}" if self.share.size > 1 else ""
        )
        generator_seeds = [zlib.crc32(f"{seed} {stream_name}".encode()) for seed in self.seeds]
        return in_layers(generator_seeds, bool(self.seeds_shape), self.device)

    def state(self) -> tuple[list[Any], dict[str, Tensor]]:
        """Where every stream stands: names and positions, and the states of the generators."""
        stream_positions: list[Any] = [[*key, stream.position] for key, stream in self._streams.items()]
        stream_positions.append(["layers", "", (), self._layers_opened])
        return stream_positions, {str(i): stream.states_before for i, stream in enumerate(self._streams.values())}

    def restore(self, stream_positions: list[Any], states: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said."""
        self._streams = {}
        for index, (law, name, shape, position) in enumerate(stream_positions):
            if law == "layers":
                self._layers_opened = position
                continue
            generators = self.generators("")
            for generator, state in zip(generators, states[str(index)], strict=True):
                generator.set_state(state.clone())  # a row of a stack is not accepted
            stream = _Stream(law, tuple(shape), generators, bool(self.seeds_shape))
            if position > len(stream.block):
                raise ValueError(f"the stream {name!r} cannot stand at {position} of {len(stream.block)}.")
            stream.position = position
            self._streams[law, name, tuple(shape)] = stream


# ---------------------------------------------------------------- what torch's own layers draw

# Dropout, and a module of one's own that calls ``torch.randn``, draw from torch's global generator. While ``in_layers``
# is open that generator stands in a stream of the seed's own, and afterwards where it stood before. So two trainings of
# one seed are the same one, whatever else the program draws.

_States = list[Tensor]
#: Of stacked seeds: where each one's generators stand, at first the number that they start from; and the device.
_layer_streams: ContextVar[tuple[list[_States | int], torch.device] | None] = ContextVar("_layer_streams", default=None)


def _global_generators(device: torch.device) -> list[torch.Generator]:
    """The global generators that a layer on this device may draw from."""
    generators = [torch.default_generator]
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.init()
        generators.append(torch.cuda.default_generators[index])
    if device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    return generators


def _global_states(device: torch.device) -> _States:
    return [generator.get_state() for generator in _global_generators(device)]


def _set_global_generators(device: torch.device, states_or_seed: _States | int) -> None:
    """Set the global generators to states, or to the start of a stream."""
    for i, generator in enumerate(_global_generators(device)):
        if isinstance(states_or_seed, int):
            generator.manual_seed(states_or_seed)
        else:
            generator.set_state(states_or_seed[i])


class DrawnUnseeded(ValueError):
    """Noise was drawn that no seed alone would have seen."""


@contextmanager
def in_layers(starts: Sequence[int], stacked: bool, device: torch.device) -> Iterator[None]:
    """Let what torch's layers draw come from one stream per seed, which begins at its number in ``starts``.

    With ``stacked`` seeds, ``Copies`` of a layer each draw from their own. Raises DrawnUnseeded (a ValueError) if
    something else drew for all of them at once, since no seed alone would have seen these numbers.
    """
    states_before = _global_states(device)
    token = _layer_streams.set((list(starts), device) if stacked else None)
    try:
        if not stacked:
            _set_global_generators(device, starts[0])
        yield
        if stacked and not all(map(torch.equal, states_before, _global_states(device))):
            raise DrawnUnseeded(
                "something drew from torch's global generator for all seeds at once (a term of one's own, or a module "
                "with stackable = True): draw from batch.noise there, leave the flag out, or fit one seed at a time "
                "with seeds=[k]."
            )
    finally:
        _layer_streams.reset(token)
        _set_global_generators(device, states_before)


@contextmanager
def of_seed(seed_index: int) -> Iterator[None]:
    """Within ``in_layers``: what torch's layers draw here is the k-th seed's."""
    if (stacked_streams := _layer_streams.get()) is None:
        yield
        return
    streams, device = stacked_streams
    states_before = _global_states(device)
    _set_global_generators(device, streams[seed_index])
    try:
        yield
    finally:
        streams[seed_index] = _global_states(device)
        _set_global_generators(device, states_before)
