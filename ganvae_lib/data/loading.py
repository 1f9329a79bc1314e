"""``load``: every data set by its name, its parts, the scale switch; what joins in, and how a law is found again."""

from __future__ import annotations

import difflib
import functools
import inspect
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from ..distributions.densities import as_floats
from ..errors import check_int, check_real, check_type, described, unknown
from . import images
from .dataset import Data, Examples
from .encoded import TEXTS, text
from .rendered import glyphs

__all__ = [
    "DATA_SETS",
    "NAMES",
    "TOYS",
    "from_files",
    "law_card",
    "law_from",
    "load",
    "parted",
    "register",
    "scale",
    "toy",
]

#: Name -> function (split, seed) -> Data, in the order in which they were registered.
DATA_SETS: dict[str, Callable[[str, int], Data]] = {}

#: Name -> function that makes the toy.
TOYS: dict[str, Callable[..., Any]] = {}

TOY_SIZE = 20_000  # examples that ``load`` draws from a toy

Arguments = ParamSpec("Arguments")
Law = TypeVar("Law")


def register(name: str, make: Callable[[str, int], Data]) -> None:
    """Let ``load(name)`` answer ``make(split, seed)``, with split "train" or "test". A name given again is replaced.

    >>> from ganvae_lib import load
    >>> register("zeros", lambda split, seed: Data(torch.zeros(30 if split == "train" else 10, 2), name="zeros"))
    >>> load("zeros", "test")
    Data('zeros': 10 examples of shape (2,))
    >>> del DATA_SETS["zeros"]
    """
    if not isinstance(name, str) or not callable(make):
        raise ValueError(
            f"register takes a name and a function of (split, seed), not {described(name)}, {described(make)}."
        )
    DATA_SETS[name] = make


def toy(make: Callable[Arguments, Law]) -> Callable[Arguments, Law]:
    """Register a function that makes a toy under its own name, as a decorator.

    Then ``load`` draws data from the toy, and a run that was trained on it finds it again after ``Run.load``, because
    the toy remembers the name and the arguments that made it, as its ``recipe``. The function can be called without
    arguments; a toy whose arguments JSON cannot hold has no recipe.

    >>> from ganvae_lib import Mixture, load
    >>> @toy
    ... def pair(distance=2.0):
    ...     return Mixture([0.5, 0.5], [[-distance / 2], [distance / 2]], 0.1)
    >>> pair(3.0).recipe
    {'toy': 'pair', 'arguments': {'distance': 3.0}}
    >>> load("pair")
    Data('pair': 20000 examples of shape (1,), 2 classes)
    >>> del TOYS["pair"], DATA_SETS["pair"]
    """
    name = make.__name__
    signature = inspect.signature(make)

    @functools.wraps(make)
    def make_with_recipe(*args: Arguments.args, **keywords: Arguments.kwargs) -> Law:
        law = make(*args, **keywords)
        bound_arguments = signature.bind(*args, **keywords)
        bound_arguments.apply_defaults()
        law.recipe = _recipe(name, bound_arguments.arguments)  # type: ignore[attr-defined]
        return law

    TOYS[name] = make_with_recipe
    register(name, functools.partial(_draw_from_toy, name))
    return make_with_recipe


def _recipe(toy_name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Name and arguments of a toy as JSON reads them back; None if JSON cannot hold them."""
    without_tensors = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in arguments.items()}
    try:
        return json.loads(json.dumps({"toy": toy_name, "arguments": without_tensors}))
    except TypeError:
        return None


def _draw_from_toy(name: str, split: str, seed: int) -> Data:
    """Data drawn from a toy."""
    law = TOYS[name]()
    split_seed = 2 * seed + (split == "test")  # no two pairs of split and seed share their random numbers
    x, y = law.sample(TOY_SIZE, split_seed, labels=True)
    return Data(x.float(), y, name, law, f"drawn from the toy, seed {seed}")


def law_card(data: Examples) -> dict[str, Any] | None:
    """What a saved run writes down of the law of its data, so that ``law_from`` finds it again; None without a law."""
    if data.law is None:
        return None
    recipe = getattr(data.law, "recipe", None)  # a law may be any object of a user's
    if recipe is not None:
        return recipe
    if data.origin is not None:
        return {"data set": data.origin}
    return {"lost": type(data.law).__name__}


def law_from(law_card_json: dict[str, Any]) -> Any:
    """The law of which ``law_card`` wrote. Raises ValueError, saying what to do, if it cannot be found again."""
    if "lost" in law_card_json:
        raise ValueError(
            f"the law of the data, a {law_card_json['lost']}, was not saved with the run: neither it nor the data are "
            "registered (data.toy, data.register). Pass data that know it: Data(x, law=...)."
        )
    kind = "toy" if "toy" in law_card_json else "data set"
    name = law_card_json[kind]
    registry = TOYS if kind == "toy" else DATA_SETS
    if name not in registry:
        raise ValueError(
            f"the run was trained on {name!r}, and {unknown(kind, name, registry)} Import the file that registers it."
        )
    if kind == "toy":
        return TOYS[name](**law_card_json["arguments"])
    return DATA_SETS[name]("train", 0).law


NAMES = DATA_SETS.keys()  # a view, so that it holds the names that a user registers, too

_NOTES = {"threshold": "; binarised at 1/2", "sample": "; binarised once, each pixel drawn from Bernoulli(grey level)"}


def from_files(name: str, read: Callable[[str, str], images.ImageSet]) -> Callable[[str, int], Data]:
    """A data set for ``register`` from a function ``read(name, split)`` -> (images, labels, note), numpy."""

    def make(split: str, seed: int) -> Data:
        x, y, note = read(name, split)
        return Data(x, y, name, None, note)

    return make


def _load_glyphs(split: str, seed: int) -> Data:
    n_images = 10_000 if split == "train" else 2_000
    return glyphs(n_images, 2 * seed + (split == "test"))  # no two pairs of split and seed share their random numbers


def _load_text(name: str, split: str, seed: int) -> Data:
    return text(name, split)


for _name, _read in images.SETS.items():
    register(_name, from_files(_name, _read))
register("glyphs", _load_glyphs)
for _name in TEXTS:
    register(_name, functools.partial(_load_text, _name))


def load(name: str, split: str = "train", fraction: float = 1.0, seed: int = 0, binarize: str | None = None) -> Data:
    """A data set by name; see ``NAMES``.

    split: "train" or "test". fraction: a stratified subset, each class keeping its share and at least one
    example; with one seed a smaller fraction is part of a larger one. seed: of the subset, of toys and of glyphs.
    binarize: None (grey levels), "threshold" (x > 1/2) or "sample" (every pixel drawn once from
    Bernoulli(grey level), the same draw whatever the fraction and seed).
    "glyphs" are 10,000 and 2,000 images with ``factors`` (see ``data.glyphs``), "text" and "tinyshakespeare" are
    windows of 64 characters (see ``Text``). "svhn" and "cifar10" are in colour. "cifar10-jpeg" is a lossy copy
    of CIFAR-10, only from ``GANVAE_DATA``: name it so, and compare it with no result on CIFAR-10.
    A data set or a toy of one's own joins in by ``data.register`` or ``data.toy``.
    Raises ValueError on a bad argument, DataError if files are missing, altered or cannot be downloaded.

    >>> digits = load("digits")
    >>> digits
    Data('digits': 1500 images of shape (1, 8, 8) in [0, 1], 10 classes)
    >>> len(load("digits", fraction=0.1)), len(load("digits", "test"))
    (150, 297)
    >>> ring = load("ring", "test")
    >>> ring.x.shape, ring.law.log_prob(ring.x).shape
    (torch.Size([20000, 2]), torch.Size([20000]))
    >>> load("minst")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: no data set 'minst'; did you mean 'mnist'? There are digits, mnist, ..., mixture1d.
    """
    if not isinstance(name, str) or name not in NAMES:
        nearest = difflib.get_close_matches(str(name).lower(), NAMES, n=1, cutoff=0.0)[0]
        raise ValueError(f"no data set {described(name)}; did you mean {nearest!r}? There are {', '.join(NAMES)}.")
    if not isinstance(split, str) or split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {described(split)}.")
    fraction, seed = _check_fraction(fraction), check_int("seed", seed, 0, 2**62)
    if not isinstance(binarize, (str, type(None))) or binarize not in (None, "threshold", "sample"):
        raise ValueError(f"binarize must be None, 'threshold' or 'sample', not {described(binarize)}.")
    data = DATA_SETS[name](split, seed)
    if not isinstance(data, Data):
        raise TypeError(f"the function registered as {name!r} must return Data, not {type(data).__name__}.")
    data = replace(data, origin=name)
    if binarize:
        if len(data.shape) != 3:
            kind = "text" if data.alphabet else "points"
            raise ValueError(f"{name} holds {kind}, not images; leave binarize out.")
        data = replace(data, x=_binarized(data.x, binarize, split), note=data.note + _NOTES[binarize])
    elif name in images.SETS:
        data = replace(data, x=_apply_in_chunks(data.x, as_floats))
    return data[_stratified_rows(data, fraction, seed)] if fraction < 1 else data


def _check_fraction(fraction: float) -> float:
    try:
        return check_real("fraction", fraction, above=0, most=1)
    except ValueError:
        raise ValueError(
            f"fraction must lie in (0, 1], not {described(fraction)}; 0.1 keeps 10% of every class."
        ) from None


def parted(data: Data, fraction: float, seed: int = 0) -> tuple[Data, Data]:
    """A stratified subset, as ``load`` takes it, and the remainder: labelled and unlabelled examples, say.

    Raises ValueError if nothing would remain.

    >>> parted(load("digits"), 0.1)[1]
    Data('digits': 1350 images of shape (1, 8, 8) in [0, 1], 10 classes)
    """
    check_type("data", data, Data)
    fraction, seed = _check_fraction(fraction), check_int("seed", seed, 0, 2**62)
    is_kept = torch.zeros(len(data), dtype=torch.bool)
    is_kept[_stratified_rows(data, fraction, seed)] = True
    if not 0 < fraction < 1 or is_kept.all():
        raise ValueError(f"a fraction of {fraction} of {data.name} leaves no remainder; choose one between 0 and 1.")
    return data[is_kept], data[~is_kept]


def _apply_in_chunks(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of x [N, ...], float32, part by part: where x are bytes, the peak is 1.25 times the result."""
    if x.dtype == torch.float32 and function is as_floats:
        return x
    result = torch.empty(x.shape)
    for result_chunk, x_chunk in zip(result.split(256), x.split(256), strict=True):
        result_chunk.copy_(function(x_chunk))
    return result


def _binarized(x: Tensor, method: str, split: str) -> Tensor:
    if method == "threshold":
        return _apply_in_chunks(x, lambda chunk: as_floats(chunk) > 0.5)
    # Everybody's binary images are the same; the two splits differ in their noise.
    generator = torch.Generator().manual_seed(17 + (split == "test"))
    # 1 with probability x
    return _apply_in_chunks(x, lambda chunk: torch.rand(chunk.shape, generator=generator) < as_floats(chunk))


def _stratified_rows(data: Data, fraction: float, seed: int) -> Tensor:
    """Sorted indices of the subset: the start of a seeded shuffle of every class, so that subsets nest."""
    generator = torch.Generator().manual_seed(seed)
    kept_rows = []
    labels = torch.zeros(len(data)) if data.y is None else data.y  # without labels: one class
    for label in range(max(data.classes, 1)):
        class_rows = (labels == label).nonzero().squeeze(1)
        class_rows = class_rows[torch.randperm(len(class_rows), generator=generator)]
        n_kept = max(1, math.floor(fraction * len(class_rows) + 0.5))  # rounded, and at least one
        kept_rows.append(class_rows[:n_kept])
    return torch.cat(kept_rows).sort().values


def scale() -> str:
    """The switch GANVAE_SCALE: "small" (default: embedded data, seconds) or "full" (real sets).

    Raises ValueError for another value.

    >>> scale() in ("small", "full")
    True
    """
    scale_setting = os.environ.get("GANVAE_SCALE") or "small"
    if scale_setting not in ("small", "full"):
        raise ValueError(f"GANVAE_SCALE is {scale_setting!r}; set it to small or full, or leave it unset for small.")
    return scale_setting
