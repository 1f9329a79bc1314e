"""Examples as people hold them: tensors, arrays, maps of files, data sets and loaders of torch, lists, image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, check_choice, described

__all__ = ["KINDS", "Raw", "columns_of", "is_shape", "labels_of", "read", "usual_kind", "with_axes"]

KINDS = ("images", "points", "arrays", "text", "table")

_FLOAT_TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_INTEGER_TYPES = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)


class Raw(NamedTuple):
    """What was found: examples [N, ...], labels or None, whether x is a file that stays one, and what to note."""

    x: Tensor
    y: Any = None
    on_disk: bool = False
    note: str = ""


def is_shape(value: Any) -> bool:
    """Is this the shape of one example, a list or tuple of whole numbers?"""
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(n, (int, np.integer)) for n in value)


def read(source: Any, name: str, keep_dtype: bool = False) -> Raw:
    """Whatever holds examples, as tensors; numbers become float32 unless ``keep_dtype``, and bytes stay bytes."""
    from torch.utils.data import DataLoader, Dataset

    if isinstance(source, Tensor):
        return _from_tensor(source, name, keep_dtype)
    if isinstance(source, DataLoader):
        return _from_loader(source, name)
    if isinstance(source, Dataset):
        return _from_data_set(source, name)
    if isinstance(source, (list, tuple)):
        return _from_list(source, name)
    if isinstance(source, Mapping) or (hasattr(source, "columns") and not hasattr(source, "to_numpy")):
        raise ValueError(f"{name}: x must be examples [N, ...], not columns by name; use table(...) for these.")
    if hasattr(source, "columns"):  # a data frame, of pandas or another library
        array = np.asarray(source.to_numpy())
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name}: x must be numbers, not a table with words; use table(...), which reads it.")
        return Raw(_from_array(array.astype(np.float32), name))
    if isinstance(source, (str, Path)):
        raise ValueError(
            f"{name}: x must be examples [N, ...], not the name of one file; give a list of image files, or an array "
            "such as numpy.load(file, mmap_mode='r')."
        )
    if hasattr(source, "__array__") and not isinstance(source, np.generic):
        is_memmap = isinstance(source, np.memmap)
        return Raw(_from_array(np.asanyarray(source), name, is_memmap), on_disk=is_memmap)
    raise ValueError(
        f"{name}: x must be a float32 tensor [N, ...] or what becomes one, an array, a torch Dataset or DataLoader, "
        f"or a list of arrays or image files, not {described(source)}."
    )


def _from_tensor(x: Tensor, name: str, keep_dtype: bool = False) -> Raw:
    """Real numbers without a graph: float32, or bytes as they are; what lies in a file keeps its type."""
    if x.layout != torch.strided or x.dtype not in _FLOAT_TYPES + _INTEGER_TYPES or x.is_meta:
        raise ValueError(f"{name}: x must be a dense tensor of real numbers, not {x.dtype}, {x.layout}, on {x.device}.")
    x, on_disk = x.detach() if x.requires_grad else x, getattr(x.untyped_storage(), "filename", None) is not None
    keeps_dtype = x.dtype == torch.uint8 or ((keep_dtype or on_disk) and x.dtype != torch.float64)
    return Raw(x if keeps_dtype else x.float(), on_disk=on_disk)


def _from_array(array: np.ndarray, name: str, on_disk: bool = False) -> Tensor:
    """An array as a tensor, of the same memory where that can be."""
    if isinstance(array, np.ma.MaskedArray) and array.mask.any():
        raise ValueError(
            f"{name}: x must be numbers everywhere, and this array is masked; fill or remove what is hidden."
        )
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise ValueError(f"{name}: x must be real numbers that become float32, not {described(array)}.")
    is_wide_unsigned = array.dtype.kind == "u" and array.dtype.itemsize > 1  # torch has few unsigned types
    is_unsupported = not array.dtype.isnative or any(stride < 0 for stride in array.strides)
    if is_wide_unsigned or is_unsupported or array.dtype in (np.bool_, *[np.float64] * on_disk):
        if on_disk:
            raise ValueError(
                f"{name}: x must lie in its file as torch reads it, as float32 or bytes; convert the file."
            )
        array = np.ascontiguousarray(array, np.int64 if is_wide_unsigned else array.dtype.newbyteorder("="))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that nobody may write to it: nobody does
        x = torch.from_numpy(array)
    return x if on_disk else _from_tensor(x, name).x


def usual_kind(shape: Sequence[int]) -> str:
    """What examples of this shape are, if nobody says anything else."""
    return {1: "points", 3: "images"}.get(len(shape), "arrays")


def with_axes(x: Tensor, name: str, kind: str | None, channels: str | None, on_disk: bool = False) -> Tensor:
    """x [N, ...] with the channels of images first, and bytes that are no images as numbers."""
    if kind is not None:
        check_choice("kind of data", kind, KINDS)
    if channels is not None:
        check_choice("place of the channels", channels, ("first", "last"))
    if x.ndim < 2:
        raise ValueError(
            f"{name}: x must be [N, ...], float32, and {described(x)} has no second axis; if each example is one "
            "number, give x[:, None], [N, 1]."
        )
    if x.ndim == 3 and channels is None and (kind == "images" or (kind is None and x.dtype == torch.uint8)):
        x = x.unsqueeze(1)  # grey
    if (kind == "images" or channels) and x.ndim != 4:
        raise ValueError(f"{name}: x must be [N, channels, height, width] to be images, not {described(x)}.")
    if channels == "last":
        return x.movedim(-1, 1)
    looks_last = x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.shape[1] not in (1, 3, 4) and min(x.shape[1:3]) > 4
    if looks_last and kind is None and channels is None:
        raise ValueError(
            f"{name}: x must be images [N, channels, height, width], and {tuple(x.shape)} looks as if channels came "
            "last; say so by channels='last', or channels='first' if they do not."
        )
    if x.dtype == torch.uint8 and (x.ndim != 4 or kind not in (None, "images")):
        if on_disk:
            raise ValueError(f"{name}: x must be images, [N, channels, height, width], to stay bytes in a file.")
        return x.float()
    return x


# ---------------------------------------------------------------- data sets of torch


def _from_loader(loader: Any, name: str) -> Raw:
    """The data set of a loader. What would give other examples than it is refused; the rest is ``fit``'s."""
    from torch.utils.data import IterableDataset, RandomSampler, SequentialSampler, default_collate

    if isinstance(loader.dataset, IterableDataset):
        return _from_data_set(loader.dataset, name)  # says that it has no length
    is_plain_sampler = isinstance(loader.sampler, (RandomSampler, SequentialSampler)) and not getattr(
        loader.sampler, "replacement", False
    )
    if loader.batch_size is None or not is_plain_sampler or loader.collate_fn is not default_collate:
        raise ValueError(
            f"{name}: x must be examples that each come once an epoch, and this DataLoader has a sampler or collate_fn "
            "of its own, which fit would ignore; give the examples that it yields, or loader.dataset."
        )
    raw = _from_data_set(loader.dataset, name)
    return raw._replace(note=f"{raw.note}; of the DataLoader its data set alone: batch size and order are fit's")


def _from_data_set(data_set: Any, name: str) -> Raw:
    """All examples of a map-style Dataset, each read once: x, or pairs (x, y)."""
    from torch.utils.data import Subset, TensorDataset

    kind = type(data_set).__name__
    if isinstance(data_set, TensorDataset):
        x, *labels = data_set.tensors
        if len(labels) > 1:
            raise ValueError(
                f"{name}: x must be alone or beside labels y, and this {kind} holds {len(labels) + 1} tensors."
            )
        return read(x, name)._replace(y=labels[0] if labels else None, note=f"from a {kind}")
    if isinstance(data_set, Subset) and isinstance(data_set.dataset, TensorDataset):
        raw, rows = _from_data_set(data_set.dataset, name), torch.as_tensor(list(data_set.indices), dtype=torch.int64)
        return Raw(raw.x[rows], None if raw.y is None else torch.as_tensor(raw.y)[rows], note=f"from a {kind}")
    if not hasattr(data_set, "__len__"):
        raise ValueError(f"{name}: x must be examples with a length, and a {kind} has none; stack as many as you want.")
    return _stack((data_set[i] for i in range(len(data_set))), len(data_set), name)._replace(note=f"from a {kind}")


def _stack(items: Iterator[Any], n_examples: int, name: str) -> Raw:
    """Examples, or pairs of an example and a label, in one tensor, which is filled as they come."""
    x: Any = None
    labels: list[Any] = []
    for i, item in enumerate(items):
        if isinstance(item, Mapping):
            raise ValueError(f"{name}: x must be examples or pairs (x, y), not items with the keys {sorted(item)}.")
        is_pair = isinstance(item, (tuple, list)) and len(item) == 2 and _n_axes(item[0]) > 0 and _n_axes(item[1]) == 0
        example = _as_example(item[0] if is_pair else item, name)
        if x is None:
            x, first_has_label = torch.empty(n_examples, *example.shape, dtype=example.dtype), is_pair
        if example.shape != x.shape[1:] or example.dtype != x.dtype or is_pair != first_has_label:
            raise ValueError(
                f"{name}: x must be examples of one shape and type, and item {i} is {described(example)} where item 0 "
                f"is {x.dtype} of shape {tuple(x.shape[1:])}; resize or convert them first."
            )
        x[i] = example
        if is_pair:
            labels.append(int(item[1]) if float(item[1]).is_integer() else float(item[1]))
    if x is None:
        raise ValueError(f"{name}: x is empty; give at least one example.")
    return Raw(x, torch.tensor(labels) if labels else None)


def _n_axes(item: Any) -> int:
    """How many axes an example has; one where numpy cannot say it, such as for a pair."""
    try:
        return np.ndim(item)
    except ValueError:
        return 1


def _as_example(item: Any, name: str) -> Tensor:
    """One example: a tensor, an array or numbers; or an image, whose channels come first."""
    if hasattr(item, "getbands"):  # an image of PIL
        return _from_pil_image(item, name)
    if isinstance(item, Tensor):
        return _from_tensor(item, name).x
    try:
        return _from_array(np.asarray(item), name)
    except ValueError as error:  # what numpy cannot stack, or what is no number
        message = (
            str(error)
            if str(error).startswith(name)
            else f"{name}: x must be arrays of numbers, not {described(item)}."
        )
        raise ValueError(message) from None


def _from_list(items: Sequence[Any], name: str) -> Raw:
    """A list of examples, of pairs (x, y), or of the names of image files."""
    if items and all(isinstance(item, (str, Path)) for item in items):
        return _stack((_read_image_file(Path(item), name) for item in items), len(items), name)._replace(
            note="from image files"
        )
    if is_shape(items) or all(_n_axes(item) == 0 for item in items):
        if not items:
            raise ValueError(f"{name}: x is empty; give at least one example.")
        raise ValueError(
            f"{name}: x must be a list of examples, not of single values; give one column as [[1.0], [2.0]]."
        )
    return _stack(iter(items), len(items), name)


def _read_image_file(file: Path, name: str) -> Tensor:
    """An image file as bytes [channels, height, width]."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading image files needs Pillow: pip install pillow.") from None
    if not file.is_file():
        raise ValueError(
            f"{name}: x must be image files that exist, and there is no file {str(file)!r}; "
            "for lines of text use Text.from_lines."
        )
    try:
        with Image.open(file) as image:
            return _from_pil_image(image, name)
    except OSError:  # PIL does not know it, or it breaks off
        raise ValueError(f"{name}: x must be images that Pillow can read, and {str(file)!r} is not one.") from None


def _from_pil_image(image: Any, name: str) -> Tensor:
    """An image of PIL as bytes: grey [1, height, width], or colour [3, height, width]."""
    if image.mode[0] in "IF":  # 16 bits and more
        raise ValueError(f"{name}: x must be images of bytes, and one has the mode {image.mode!r}; convert it first.")
    is_grey = image.mode in ("L", "1", "LA")
    pixel_levels = np.array(image.convert("L" if is_grey else "RGB"))
    return torch.from_numpy(pixel_levels[None] if is_grey else np.ascontiguousarray(pixel_levels.transpose(2, 0, 1)))


def labels_of(y: Any) -> Any:
    """Labels as int64 where they are whole numbers of any type; anything else as it is, for ``Data`` to refuse."""
    if isinstance(y, Tensor):
        is_whole = y.dtype in _INTEGER_TYPES
    else:
        try:
            array = np.asarray(y)
        except ValueError:  # rows of different lengths
            return y
        is_whole = array.dtype.kind in "iub"
        y = torch.from_numpy(array.astype(np.int64)) if is_whole else y
    return y.long() if is_whole else y


def columns_of(source: Any, name: str) -> dict[str, np.ndarray]:
    """Columns [N] by name, of a dict, a data frame, a list of dicts, or an array [N, D]."""
    if isinstance(source, (list, tuple)) and source and all(isinstance(row, Mapping) for row in source):
        source = {key: [row.get(key) for row in source] for key in dict.fromkeys(key for row in source for key in row)}
    try:
        has_column_names = isinstance(source, Mapping) or hasattr(source, "columns")
        keys = list(getattr(source, "columns", source)) if has_column_names else range(_as_array(source).shape[1])
        columns = {str(key): _as_array(source[key] if has_column_names else _as_array(source)[:, key]) for key in keys}
        if len({column.shape for column in columns.values()}) == 1 and next(iter(columns.values())).ndim == 1:
            return columns
    except (TypeError, ValueError, RuntimeError, LookupError, AttributeError):
        pass
    raise ValueError(f"{name}: a table must be columns by name, all [N] with one length, or an array [N, D].")


def _as_array(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
