"""Noise by name and seed, and the part of a minibatch that one of several processes takes."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Noise", "Share"]


class Share(NamedTuple):
    """The part of a minibatch that this process takes: the ``rank``-th of ``size``."""

    rank: int = 0
    size: int = 1

    def check(self, objective, batch: int) -> None:
        """Raise ValueError for an objective that is no mean over examples, or a batch that cannot be shared out."""
        if self.size == 1:
            return
        if batch % self.size:
            raise ValueError(f"a batch of {batch} cannot be shared by {self.size} processes; make it a multiple.")
        for term in objective.terms:
            if term.whole_batches:
                raise ValueError(f"{term!r} compares whole minibatches, not examples; train it in one process.")

    def rows(self, tensor: Tensor, axis: int, tiles: int = 1) -> Tensor:
        """This process's rows of what was drawn for the whole minibatch, or for ``tiles`` of them side by side."""
        if self.size == 1:
            return tensor
        axis %= tensor.ndim
        return tensor.unflatten(axis, (tiles, self.size, -1)).select(axis + 1, self.rank).flatten(axis, axis + 1)

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The mean of each tensor over the processes: one message for all."""
        if self.size == 1:
            return tensors
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        pieces = (flat / self.size).split([t.numel() for t in tensors])
        return [piece.view(t.shape) for piece, t in zip(pieces, tensors, strict=True)]

    def logsumexp(self, logits: Tensor) -> Tensor:
        """log Σ exp over the last axis of the whole minibatch, [..., 1], without gradient."""
        parts = logits.new_zeros(self.size, *logits.shape[:-1], 1)
        parts[self.rank] = logits.detach().logsumexp(-1, keepdim=True)
        dist.all_reduce(parts)
        return parts.logsumexp(0)


_BLOCK = 2**20  # numbers drawn at once per seed: few calls of the generator, and little memory


class Noise:
    """Noise by name, from one stream per seed and name, so that seed k sees the same numbers in any company.

    ``seeds`` is one int (no seeds axis) or a sequence of ints (a leading axis of that length). Streams are drawn in
    blocks whose length depends only on the shape asked for: drawing 16 seeds costs one call each per block, not
    per step. ``share`` says which rows of a minibatch are wanted, where several processes share it.
    """

    tiles = 1

    def __init__(self, seeds: int | list[int], device: torch.device | str = "cpu", share: Share | None = None):
        self.seeds_shape = () if isinstance(seeds, int) else (len(seeds),)
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
        return self.share.rows(stream[1][stream[3] - 1], len(self.seeds_shape), self.tiles)

    def _fill(self, key: tuple) -> None:
        """Draw the next block of a stream, and remember where its generators stood."""
        law, _, shape = getattr(torch, key[0]), *key[1:]
        stream = self._streams[key]
        length = max(1, min(256, _BLOCK // max(1, torch.Size(shape).numel())))
        stream[2] = torch.stack([g.get_state() for g in stream[0]])
        rows = [law(length, *shape, generator=g, device=self.device) for g in stream[0]]
        stream[1], stream[3] = torch.stack(rows, 1) if self.seeds_shape else rows[0], 0

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
