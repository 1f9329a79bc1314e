"""Densities with no latent variable: networks that are a product of conditionals (chapter 05); all densities by name.

Pixels come in the order of reading. The networks are used like ``GaussianDensity``: calling one returns the
distribution, whose ``log_prob`` is exact, and ``draw`` samples it exactly, one dimension after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import check_int, check_sizes
from .densities import Autoregressive, GaussianDensity
from .trunks import Conv2d, Linear

__all__ = [
    "DENSITIES",
    "CharRNN",
    "GatedLayer",
    "MaskedConv2d",
    "PixelCNN",
    "PixelRNN",
    "mask_above",
    "mask_left",
    "gru",
    "ngram",
]


class MaskedConv2d(Conv2d):
    """A convolution whose kernel is zero where ``mask``, [height, width], is: it looks at one side only.

    >>> MaskedConv2d(1, 4, mask_left(3, include_center=False))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 4, 8, 8])
    """

    stackable = True  # its parameters can carry a seeds axis
    mask: Tensor

    def __init__(self, inputs: int, outputs: int, mask: Tensor):
        height, width = mask.shape
        super().__init__(inputs, outputs, (height, width), padding=(height // 2, width // 2))
        self.register_buffer("mask", mask, persistent=False)

    def effective_weight(self) -> Tensor:
        return self.weight * self.mask


def mask_above(side: int, include_center: bool) -> Tensor:
    """Mask of a square kernel: the rows above, and the middle row where ``include_center``."""
    row_is_seen = torch.arange(side) < side // 2 + include_center
    return row_is_seen[:, None].expand(side, side).float()


def mask_left(side: int, include_center: bool) -> Tensor:
    """Mask of a flat kernel: what stands to the left, and the pixel itself where ``include_center``."""
    column_is_seen = torch.arange(side) < side // 2 + include_center
    return column_is_seen[None].float()  # a kernel of one row


def _gate(x: Tensor) -> Tensor:
    """Half of the channels are values, the other half say how much of them passes."""
    value, gate = x.chunk(2, dim=-3)
    return value.tanh() * gate.sigmoid()


class GatedLayer(nn.Module):
    """One layer of both stacks: v has seen the rows above only, h also what stands to the left in the row."""

    def __init__(self, inputs: int, width: int, kernel: int, is_first: bool):
        super().__init__()
        # The input holds the pixel itself, which must not be seen. Later layers hold features, which may be.
        self.vertical = MaskedConv2d(inputs, 2 * width, mask_above(kernel, not is_first))
        self.horizontal = MaskedConv2d(inputs, 2 * width, mask_left(kernel, not is_first))
        self.down = Conv2d(2 * width, 2 * width, 1)  # from the vertical to the horizontal stack
        self.out = Conv2d(width, width, 1)
        self.is_first = is_first

    def forward(self, vertical: Tensor, horizontal: Tensor) -> tuple[Tensor, Tensor]:
        vertical = self.vertical(vertical)
        update = self.out(_gate(self.horizontal(horizontal) + self.down(vertical)))
        # The first layer sees the image, with the pixel itself: nothing may pass it by.
        horizontal = update if self.is_first else horizontal + update
        return _gate(vertical), horizontal


class _Pixels(Autoregressive):
    """What the networks for pixels share: one channel of ``levels`` grey levels between 0 and 1."""

    def __init__(self, shape: Sequence[int], levels: int):
        super().__init__()
        self.shape, self.levels = check_sizes("shape", shape), check_int("levels", levels, least=2)
        if len(self.shape) != 3 or self.shape[0] != 1:
            raise ValueError(f"pixels need images [1, height, width], got {self.shape}.")
        self.unit = 1 / (levels - 1)


class PixelCNN(_Pixels):
    """Gated PixelCNN (van den Oord et al., 2016b) for one-channel images; no blind spot.

    A pixel sees the earlier pixels within ``reach`` rows and columns of it, and no others (``lem-stacks``, chapter
    05); with the default sizes these are all earlier pixels of an image of 8 x 8.

    >>> PixelCNN((1, 8, 8))().log_prob(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3])
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 32,
        layers: int = 5,
        levels: int = 2,
        *,
        first: int = 7,
        kernel: int = 3,
    ):
        super().__init__(shape, levels)
        width, layers = check_int("width", width), check_int("layers", layers)
        self.reach = first // 2 + (layers - 1) * (kernel // 2)
        later_layers = [GatedLayer(width, width, kernel, is_first=False) for _ in range(layers - 1)]
        self.layers = nn.ModuleList([GatedLayer(1, width, first, is_first=True), *later_layers])
        self.mix = Conv2d(width, width, 1)
        self.head = Conv2d(width, levels, 1)

    def logits(self, x: Tensor) -> Tensor:
        vertical = horizontal = 2 * x - 1  # grey levels from [0, 1] to [-1, 1]
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal)
        return self.head(self.mix(horizontal.relu()).relu()).flatten(-2).mT  # [..., levels, H, W] to [..., H W, levels]

    def next(self, x: Tensor, pixel_index: int, memory: Tensor | None) -> tuple[Tensor, None]:
        row, column = divmod(pixel_index, self.shape[-1])
        # Rows beyond the reach, or below, are of no account.
        x = x[..., max(0, row - self.reach) : row + 1, :]
        last_row = self.logits(x)[..., -self.shape[-1] :, :]
        return last_row[..., column, :], None


class PixelRNN(_Pixels):
    """A row PixelRNN (after the Row LSTM of van den Oord et al., 2016a): a GRU walks down the rows.

    Its state has ``width`` channels at every column. To read row i-1, each column looks at ``kernel`` columns of that
    row and of the state before it. Within row i, a masked convolution sees all pixels to the left. So the receptive
    field is the row's left part and, above, the triangle of columns up to r * (kernel // 2) away in the r-th row above:
    the triangle of the Row LSTM, but without its need of several layers to see far to the left. With
    ``kernel = 2 * width of the image - 1`` it is all earlier pixels.

    >>> PixelRNN((1, 4, 4), width=8)().log_prob(torch.zeros(3, 1, 4, 4)).shape
    torch.Size([3])
    """

    def __init__(self, shape: Sequence[int], width: int = 32, levels: int = 2, *, kernel: int = 3):
        super().__init__(shape, levels)
        width = check_int("width", width)
        row_kernel, padding = (1, kernel), (0, kernel // 2)
        self.read = Conv2d(1, 3 * width, row_kernel, padding=padding)
        self.state = Conv2d(width, 3 * width, row_kernel, padding=padding)
        self.left = MaskedConv2d(1, width, mask_left(2 * self.shape[2] - 1, include_center=False))  # the whole row
        self.down = Conv2d(width, width, 1)
        self.mix = Conv2d(width, width, 1)
        self.head = Conv2d(width, levels, 1)

    def _next_state(self, row: Tensor, state: Tensor) -> Tensor:
        """The state after a row, from the state before it."""
        return gru(self.read(row), self.state(state), state, axis=-3)

    def _first_state(self, x: Tensor) -> Tensor:
        """The state before the first row, zeros [..., width, 1, columns]."""
        return x.new_zeros(*x.shape[:-3], self.state.in_channels, 1, x.shape[-1])

    def _pixel_logits(self, state: Tensor, x: Tensor) -> Tensor:
        """The logits of all pixels of the rows x, from the states before each row."""
        features = (self.down(state) + self.left(x)).relu()
        return self.head(self.mix(features).relu()).flatten(-2).mT

    def logits(self, x: Tensor) -> Tensor:
        x = 2 * x - 1
        states = [self._first_state(x)]
        for row in x.split(1, dim=-2)[:-1]:  # nothing comes after the last row
            states.append(self._next_state(row, states[-1]))
        return self._pixel_logits(torch.cat(states, -2), x)

    def next(self, x: Tensor, pixel_index: int, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        row, column = divmod(pixel_index, self.shape[2])
        x = 2 * x - 1
        state = self._first_state(x) if memory is None else memory
        if row > 0 and column == 0:  # a new row begins: read the one before it
            state = self._next_state(x[..., row - 1 : row, :], state)
        return self._pixel_logits(state, x[..., row : row + 1, :])[..., column, :], state


def gru(input_gates: Tensor, state_gates: Tensor, previous_state: Tensor, axis: int = -1) -> Tensor:
    """One step of a gated recurrent unit (Cho et al., 2014), from what input and state say to its three gates.

    The reset gate acts after the state's linear map, as in ``torch.nn.GRU``.
    """
    input_reset, input_keep, input_new = input_gates.chunk(3, axis)
    state_reset, state_keep, state_new = state_gates.chunk(3, axis)
    keep_gate = (input_keep + state_keep).sigmoid()
    reset_gate = (input_reset + state_reset).sigmoid()
    candidate = (input_new + reset_gate * state_new).tanh()
    return candidate + keep_gate * (previous_state - candidate)


class CharRNN(Autoregressive):
    """A language model over texts of ``length`` symbols, each one of ``alphabet_size``: a GRU reads, a layer answers.

    x holds the symbols' numbers 0, 1, 2, ... in floating point. The first symbol is predicted from an empty state.
    Where lines have an end, ``ends``, it is the last symbol: it counts once, and then is certain to follow itself.

    >>> CharRNN(length=5, alphabet_size=27)().log_prob(torch.zeros(3, 5)).shape
    torch.Size([3])
    """

    def __init__(self, length: int, alphabet_size: int, width: int = 64, ends: bool = False):
        super().__init__()
        width, alphabet_size = check_int("width", width), check_int("alphabet_size", alphabet_size)
        self.shape, self.levels = (check_int("length", length),), alphabet_size
        self.end = alphabet_size - 1 if ends else None
        self.unit = 1.0
        self.read = Linear(alphabet_size, 3 * width)
        self.state = Linear(width, 3 * width)
        self.head = Linear(width, alphabet_size)

    def _one_hot(self, x: Tensor) -> Tensor:
        return F.one_hot(self.index(x), self.levels).to(self.head.weight.dtype)

    def _first_state(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], self.state.in_features)

    def logits(self, x: Tensor) -> Tensor:
        state = self._first_state(x)
        states = [state]
        for symbol in self.read(self._one_hot(x[..., :-1])).unbind(-2):  # nothing comes after the last symbol
            state = gru(symbol, self.state(state), state)
            states.append(state)
        return self.head(torch.stack(states, -2))

    def next(self, x: Tensor, position: int, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        state = self._first_state(x) if memory is None else memory
        if position > 0:
            previous = self._one_hot(x[..., position - 1])
            state = gru(self.read(previous), self.state(state), state)
        return self.head(state), state


def ngram(train: Tensor, x: Tensor, order: int, alphabet_size: int, strength: float = 5.0) -> Tensor:
    """The baseline: log p(x_t | the ``order`` - 1 symbols before x_t), [N, T] to [N, T], nats, float64.

    Each order is smoothed towards the next lower one, the lowest towards the uniform distribution: ``strength`` counts
    for as many observations of what the shorter context predicts (Eq. ``eq-ngram``, chapter 05). At the start of a row
    the context is shorter, as it is for ``CharRNN``. ``train`` [M, S] are rows of text, too. ``order`` 0 is uniform.

    >>> abab = torch.tensor([[0, 1, 0, 1, 0, 1]])
    >>> ngram(abab, abab, order=2, alphabet_size=2, strength=0.1).exp()[0, 1:]  # after the first, all but certain
    tensor([0.9839, 0.9762, 0.9839, 0.9762, 0.9839], dtype=torch.float64)
    """
    order, alphabet_size = check_int("order", order, least=0), check_int("alphabet_size", alphabet_size)
    train, x = _check_rows("train", train, alphabet_size), _check_rows("x", x, alphabet_size)
    probabilities = torch.full(x.shape, 1 / alphabet_size, dtype=torch.float64)
    for length in range(min(order, x.shape[1])):  # symbols of context
        # A context and the symbol after it, read as the digits of one number: the context alone is all but the last.
        place_values = alphabet_size ** torch.arange(length, -1, -1)  # they make a context one number
        train_contexts = (train.unfold(1, length + 1, 1) * place_values).sum(-1)
        contexts = (x.unfold(1, length + 1, 1) * place_values).sum(-1)
        count = _count_in(train_contexts, contexts)
        context_count = _count_in(train_contexts // alphabet_size, contexts // alphabet_size)
        probabilities[:, length:] = (count + strength * probabilities[:, length:]) / (context_count + strength)
    return probabilities.log()


def _check_rows(name: str, x: Tensor, alphabet_size: int) -> Tensor:
    """Rows of symbols, int64. Raises ValueError for anything else."""
    is_valid = isinstance(x, Tensor) and x.ndim == 2 and bool(((x == x.round()) & (x >= 0) & (x < alphabet_size)).all())
    if not is_valid:
        raise ValueError(f"{name} must be a tensor [rows, symbols] of whole numbers from 0 to {alphabet_size - 1}.")
    return x.long()


def _count_in(train_numbers: Tensor, numbers: Tensor) -> Tensor:
    """How often each number of ``numbers`` stands in ``train_numbers``."""
    sorted_numbers = train_numbers.flatten().sort().values
    return torch.searchsorted(sorted_numbers, numbers, right=True) - torch.searchsorted(sorted_numbers, numbers)


#: Every density by name, made of the ``Spec`` of a model. One of one's own is a module whose call returns the
#: distribution, with ``draw(n, noise)``: ``DENSITIES["mine"] = lambda spec: Mine(spec.shape)`` lets
#: ``build(..., density="mine")`` find it.
DENSITIES: dict[str, Callable[[Any], nn.Module]] = {
    "gaussian": lambda spec: GaussianDensity(spec.shape),
    "pixelcnn": lambda spec: PixelCNN(spec.shape, spec.width),
    "pixelrnn": lambda spec: PixelRNN(spec.shape, spec.width),
    "rnn": lambda spec: CharRNN(spec.shape[0], spec.classes, spec.hidden[0]),
    "lines": lambda spec: CharRNN(spec.shape[0], spec.classes, spec.hidden[0], ends=True),
}
