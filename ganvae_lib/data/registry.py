"""What ``load`` knows by name: data sets and toys, the library's own and a user's; and how a law is found again."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..errors import unknown
from .dataset import Data, Examples

__all__ = ["DATA_SETS", "TOYS", "law_card", "law_from", "register", "toy"]

#: Name -> function (split, seed) -> Data, in the order in which they were registered.
DATA_SETS: dict[str, Callable[[str, int], Data]] = {}

#: Name -> function that makes the toy.
TOYS: dict[str, Callable[..., Any]] = {}

TOY_SIZE = 20_000

Arguments = ParamSpec("Arguments")
Law = TypeVar("Law")


def register(name: str, make: Callable[[str, int], Data]) -> None:
    """Let ``load(name)`` answer ``make(split, seed)``, with split "train" or "test". A name given again is replaced.

    >>> import torch
    >>> from ganvae_lib import Data, load
    >>> register("zeros", lambda split, seed: Data(torch.zeros(30 if split == "train" else 10, 2), name="zeros"))
    >>> load("zeros", "test")
    Data('zeros': 10 examples of shape (2,))
    >>> del DATA_SETS["zeros"]
    """
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
    def made(*args: Arguments.args, **options: Arguments.kwargs) -> Law:
        law = make(*args, **options)
        given = signature.bind(*args, **options)
        given.apply_defaults()
        law.recipe = _recipe(name, given.arguments)  # type: ignore[attr-defined]
        return law

    TOYS[name] = made
    register(name, functools.partial(_drawn, name))
    return made


def _recipe(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    plain = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in arguments.items()}
    try:
        return json.loads(json.dumps({"toy": name, "arguments": plain}))
    except TypeError:
        return None


def _drawn(name: str, split: str, seed: int) -> Data:
    """Data drawn from a toy; the two splits of a seed have streams of their own."""
    law = TOYS[name]()
    x, y = law.sample(TOY_SIZE, 2 * seed + (split == "test"), labels=True)
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


def law_from(card: dict[str, Any]) -> Any:
    """The law of which ``law_card`` wrote. Raises ValueError, saying what to do, if it cannot be found again."""
    if "lost" in card:
        raise ValueError(
            f"the law of the data, a {card['lost']}, was not saved with the run: neither it nor the data are "
            "registered (data.toy, data.register). Pass data that know it: Data(x, law=...)."
        )
    known, name = (TOYS, card["toy"]) if "toy" in card else (DATA_SETS, card["data set"])
    if name not in known:
        kind = "toy" if "toy" in card else "data set"
        raise ValueError(
            f"the run was trained on {name!r}, and {unknown(kind, name, known)} Import the file that registers it."
        )
    if "toy" in card:
        return TOYS[name](**card["arguments"])
    return DATA_SETS[name]("train", 0).law
