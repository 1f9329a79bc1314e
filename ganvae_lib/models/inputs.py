"""What users hand to a trained model, as the tensors that it takes; or an error that says what to hand over."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from ..data.dataset import Examples
from ..distributions.densities import as_floats
from ..distributions.noise import DrawnUnseeded, Noise
from ..errors import check_int, described

__all__ = [
    "check_pixel_values",
    "codes",
    "evaluating",
    "examples",
    "labels_of",
    "numbers",
    "only_torch_draws",
    "without_argument_checks",
]


@contextmanager
def evaluating(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """No graph, no dropout, no moving statistics of batches; afterwards every module is in the mode that it was in.

    A network that draws by itself in eval mode, too, draws what the ``seed`` says, and every copy the same.
    """
    seed, seeds = check_int("seed", seed, least=0), getattr(model, "seeds", 0)
    # A source of random numbers.
    noise = Noise([seed] * len(seeds) if isinstance(seeds, list) else seed, next(model.parameters()).device)
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad(), noise.in_layers():
            yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def only_torch_draws() -> Iterator[None]:
    """Raise DrawnUnseeded (a ValueError) if Python's or NumPy's global generator moves while this is open.

    Both stand afterwards where they stood before.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
    try:
        yield
        pairs = zip(_flatten_state(numpy_state), _flatten_state(np.random.get_state(legacy=False)), strict=True)  # noqa: NPY002
        if random.getstate() != python_state or not all(np.array_equal(a, b) for a, b in pairs):
            raise DrawnUnseeded(
                "something drew from Python's or NumPy's global generator, which no seed sets and no checkpoint keeps: "
                "draw from torch's (torch.rand, torch.randn), which then stands in a stream of each seed's own."
            )
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _flatten_state(state: Any) -> list[Any]:
    """What stands in a dict of dicts, in order."""
    if not isinstance(state, dict):
        return [state]
    return [number for part in state.values() for number in _flatten_state(part)]


class _ArgumentChecks:
    """How many are at work without checks, in whichever thread, and whether there were checks before the first."""

    lock, open_count, validated_before = threading.Lock(), 0, __debug__


@contextmanager
def without_argument_checks() -> Iterator[None]:
    """Switch off the argument checks of distributions: each costs a host sync per call.

    The switch belongs to the whole process: it is set back when the last one leaves, in whichever thread.
    """
    with _ArgumentChecks.lock:
        if not _ArgumentChecks.open_count:
            _ArgumentChecks.validated_before = Distribution._validate_args
            Distribution.set_default_validate_args(False)
        _ArgumentChecks.open_count += 1
    try:
        yield
    finally:
        with _ArgumentChecks.lock:
            _ArgumentChecks.open_count -= 1
            if not _ArgumentChecks.open_count:
                Distribution.set_default_validate_args(_ArgumentChecks.validated_before)


def numbers(name: str, value: Any) -> Tensor:
    """Finite real numbers: of a tensor, an array, or a list, which may hold tensors. No copy of a tensor.

    Raises ValueError for anything else, and for NaN and infinity, saying where.

    >>> numbers("x", [[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    try:
        tensor = _tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        tensor = None
    if tensor is None or tensor.is_complex():
        raise ValueError(
            f"{name} must be numbers in a tensor, an array or a list of one shape, got {described(value)}."
        )
    is_not_finite = ~tensor.isfinite()
    if is_not_finite.any():
        first_index = is_not_finite.nonzero()[0].tolist()
        raise ValueError(f"{name} holds NaN or infinity, first at {first_index}; remove or repair it.")
    return tensor


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        tensor = value.detach()
        return tensor if tensor.layout is torch.strided else tensor.to_dense()
    if isinstance(value, list | tuple) and any(hasattr(item, "__array__") for item in value):
        return torch.stack([_tensor(item) for item in value])
    if hasattr(value, "__array__"):
        import numpy as np

        value = np.array(value)  # a copy, for torch warns of arrays that may not be written
    return torch.tensor(value)


def _format_shape(shape: Sequence[int], *axes: str) -> str:
    """A shape as it is written in errors: [n, 1, 8, 8]."""
    return f"[{', '.join([*axes, *map(str, shape)])}]"


def examples(
    name: str, value: Any, shape: Sequence[int] | None, data_description: Mapping[str, Any] | None = None
) -> Tensor:
    """Examples [n, *shape] of data, a tensor, an array, or a list, as networks see them.

    ``shape`` is None where it is not known; ``data_description`` is what a run keeps of its data. Bytes of images are
    levels, that is x/255, but for zeros and ones where the run's data were no bytes. Raises ValueError, saying what to
    pass, for another shape, no example, and pixels of another scale.

    >>> examples("x", torch.zeros(1, 8, 8), (1, 8, 8))
    Traceback (most recent call last):
    ValueError: x is one example, without a batch axis; pass x[None], of shape [1, 1, 8, 8].
    """
    if isinstance(value, Examples):
        x = numbers(name, as_floats(value.x))
    else:
        x = numbers(name, value)
    if shape is not None:
        if x.shape == tuple(shape):
            raise ValueError(
                f"{name} is one example, without a batch axis; pass {name}[None], of shape {_format_shape(shape, '1')}."
            )
        if x.shape[1:] != tuple(shape):
            raise ValueError(
                f"{name} must be examples of the shape that the model was made for, {_format_shape(shape, 'n')}; "
                f"got {list(x.shape)}."
            )
    if x.ndim < 2 or not len(x):
        raise ValueError(f"{name} must be at least one example, [n, ...]; got the shape {list(x.shape)}.")
    if x.ndim == 4:
        return _as_pixels(name, x, data_description or {})
    return x


def _as_pixels(name: str, x: Tensor, data_description: Mapping[str, Any]) -> Tensor:
    """Numbers as pixels of images, where it is clear which."""
    were_bytes, interval = bool(data_description.get("bytes")), data_description.get("range")
    if x.is_floating_point():
        check_pixel_values(name, (float(x.min()), float(x.max())), data_description)
        return x
    if x.dtype == torch.bool or (int(x.min()) >= 0 and int(x.max()) <= 1 and not were_bytes):
        return x
    if x.dtype == torch.uint8 and interval in (None, [0, 1]):
        return as_floats(x)
    known = "in [0, 1]" if interval is None else str(interval) if isinstance(interval, str) else f"in {interval}"
    raise ValueError(
        f"{name} holds whole numbers from {int(x.min())} to {int(x.max())}, and the model's images were {known}; "
        "pass them scaled alike, as floats."
    )


def check_pixel_values(name: str, min_max: tuple[float, float], data_description: Mapping[str, Any]) -> None:
    """Raise ValueError for pixels that go from one number to another, far outside of what a run's images were in.

    There is room for noise: ten times as much.
    """
    interval = data_description.get("range")
    if interval is None or isinstance(interval, str):
        return
    low, high = interval
    room = 10 * (high - low)
    if min_max[0] < low - room or min_max[1] > high + room:
        raise ValueError(
            f"{name} goes from {min_max[0]:.4g} to {min_max[1]:.4g}, and the model's images were in "
            f"[{low:g}, {high:g}]; pass them scaled alike."
        )


def codes(name: str, value: Any, shape: tuple[int, ...], seeds_shape: tuple[int, ...], reference: Tensor) -> Tensor:
    """Codes [*seeds, n, *shape], of codes [n, *shape] for all copies, or [seeds, n, *shape], of each; typed as
    ``reference`` is, and on its device.

    Raises ValueError for another shape.
    """
    z = numbers(name, value).to(reference.device, reference.dtype)
    n_copies = (seeds_shape or (1,))[0]
    n_axis = z.ndim - len(shape) - 1
    has_one_per_copy = n_axis == 1 and len(z) == n_copies
    if z.shape[n_axis + 1 :] != shape or not (n_axis == 0 or has_one_per_copy) or 0 in z.shape:
        axes = ", ".join(map(str, shape))
        one = " One code is z[None]." if tuple(z.shape) == shape else ""
        raise ValueError(
            f"z must be codes [n, {axes}] for all copies, or [{n_copies}, n, {axes}], each copy's own; "
            f"got {list(z.shape)}.{one}"
        )
    if not has_one_per_copy:
        return z.expand(*seeds_shape, *z.shape)
    return z if seeds_shape else z[0]


def labels_of(labels: Any, n: int | None, classes: int) -> Tensor:
    """Labels [n], int64, of a list, an array or a tensor; one int stands for ``n`` times the same.

    Raises ValueError if they are not one known class for each example.
    """
    try:
        tensor = _tensor(labels)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        tensor = torch.zeros(1)  # a float: refused below
    is_whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    if is_whole and tensor.ndim == 0:
        if n is None:
            raise ValueError(f"labels={int(tensor)} is one class; also say how many examples, n.")
        tensor = tensor.expand(n)
    is_list = is_whole and tensor.ndim == 1 and len(tensor) > 0
    if not is_list or n not in (None, len(tensor)) or int(tensor.min()) < 0 or int(tensor.max()) >= classes:
        count = "" if n is None else f"{n} "
        got = tensor.tolist()[:20] if is_list else described(labels)
        raise ValueError(f"labels must be {count}numbers from 0 to {classes - 1}, one for each example, got {got}.")
    return tensor.long()
