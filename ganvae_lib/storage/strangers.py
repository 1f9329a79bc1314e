"""What the cards of runs and checkpoints may say: read as a stranger's, so that nothing is built that does not fit.

Whatever is wrong is a ValueError that says where. Sizes have the bounds of ``MOST``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from .cards import FORMAT

__all__ = ["MOST", "NoModel", "check_card", "check_state", "first_mismatch", "most_bytes"]

Weights = dict[str, torch.Tensor]  # a state of a model, by name

MOST = {"seeds": 10_000, "terms": 1000, "layers": 1000, "size": 2**24, "numbers of an example": 2**28, "depth": 16}


def check_card(card: dict[str, Any], options: dict[str, str]) -> None:
    """Raise ValueError, saying where, for a card that ``Run.save`` cannot have written.

    ``options`` are those of the networks, with their types as they are annotated.
    """
    needed = {"seeds", "history", "config", "data", "networks", "objective"}
    missing = needed - set(card) if card.get("format") != FORMAT else (needed | {"law"}) - set(card)
    _demand("a card", f"without {', '.join(sorted(missing))}", not missing)
    seeds: Any = card["seeds"]
    listed = [seeds] if is_count(seeds) else seeds
    _demand("seeds", seeds, _is_list_of(is_seed)(listed) and 0 < len(listed) == len(set(listed)))
    _bounded("seeds", "seeds", len(listed))
    _check_history(card["history"], listed)
    _check_config(card["config"])
    data, law = card["data"], card.get("law")
    _demand("data", data, data is None or (isinstance(data, dict) and all(isinstance(v, str) for v in data.values())))
    _demand("data", data, data is None or {"name", "digest", "note"} <= set(data))
    _demand("law", law, law is None or _is_law(law))
    about = card.get("about")
    _demand("about", about, about is None or (isinstance(about, dict) and _is_about(about)))
    _demand("stopped", card.get("stopped"), _or_none(_is_text)(card.get("stopped")))
    if card["networks"] is not None:
        _check_networks(card["networks"], options, all_said=card.get("format") == FORMAT)
    objective: Any = card["objective"]
    if objective is not None:
        _demand("objective", objective, _is_list_of(lambda term: isinstance(term, dict))(objective) and objective)
        _bounded("objective", "terms", len(objective))


class NoModel(ValueError):
    """A card that is whole, but whose model cannot be made here; it says what to do."""


def most_bytes(weights: Weights, state: dict[str, Any] | None) -> int:
    """The most that a file of these weights has, with the ``state`` of their training, if there is one."""
    of_weights = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    if state is None:
        return 2 * of_weights  # with their averages
    moments = 5  # of an optimizer (two for Adam), and averages
    names, seeds, steps = state["names"], state["seeds"], state["steps"]
    streams = 2**20 * len(seeds)  # each takes some KiB for each seed
    curves = 8 * len(names) * len(seeds) * (len(steps) + state["step"] - (steps[-1] if steps else 0))
    return (1 + moments) * of_weights + streams + curves


def first_mismatch(expected: Weights, found: Weights) -> str | None:
    """Where tensors have not the shapes and the types that they should have, or are missing; None if they do."""
    for name, tensor in expected.items():
        should = f"{tensor.dtype} {list(tensor.shape)}"
        is_now = f"{found[name].dtype} {list(found[name].shape)}" if name in found else "missing"
        if should != is_now:
            return f"{name} should be {should} and is {is_now}"
    return None


# ---------------------------------------------------------------- what stands where


def is_number(value: object) -> bool:
    """A finite number, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1.8e308


def is_count(value: object) -> bool:
    """An int from 0 on, and no bool."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_seed(value: object) -> bool:
    return is_count(value) and value < 2**32  # type: ignore[operator]


def _is_list_of(check: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    """Is it a list, of this length if there is one, and each of it passes the check?"""
    return lambda value: (
        isinstance(value, list) and length in (None, len(value)) and all(check(element) for element in value)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _demand(name: str, value: object, fits: object) -> None:
    if not fits:
        raise ValueError(f"{name} cannot be {str(value)[:80]!r}")


def _bounded(name: str, kind: str, found: float) -> None:
    if found > MOST[kind]:
        raise ValueError(f"{name}: {found:,} are more than the {MOST[kind]:,} {kind} that a saved run may have")


def _check_history(history: Any, seeds: list[int]) -> None:
    """The learning curves: a number for each point, loss and seed."""
    _demand("history", history, isinstance(history, dict) and {"seeds", "keys", "steps", "points"} <= set(history))
    keys, steps, points = history["keys"], history["steps"], history["points"]
    _demand("history.seeds", history["seeds"], _is_list_of(is_seed)(history["seeds"]) and history["seeds"] == seeds)
    _demand("history.keys", keys, _is_list_of(_is_text)(keys) and len(set(keys)) == len(keys))
    _demand("history.steps", steps, _is_rising(steps))
    point = _is_list_of(_is_list_of(is_number, len(seeds)), len(keys))
    _demand("history.points", points, _is_list_of(point, len(steps))(points))


#: What the card of a state of a training holds; beside it, a file may say more.
_STATE: dict[str, Callable[[Any], bool]] = {
    "step": lambda value: is_count(value),
    "total": lambda value: is_count(value),
    "since": lambda value: _is_text(value),
    "seeds": lambda value: _is_list_of(is_seed)(value),
    "streams": lambda value: _is_list_of(lambda stream: is_count(stream) or _is_list_of(_is_place)(stream))(value),
    "device": lambda value: _is_text(value),
    "examples": lambda value: isinstance(value, list),
    "steps": lambda value: _is_rising(value),
    "names": lambda value: _is_list_of(_is_text)(value),
    "log_every": lambda value: is_count(value) and value > 0,
    "optimizer": lambda value: isinstance(value, dict),
}


def check_state(card: Any, tensors: Weights) -> dict[str, Any]:
    """The card of what ``Training.state`` gave, if it can be one beside these tensors; else ValueError says where."""
    _demand("training", card, isinstance(card, dict))
    for name, fits in _STATE.items():
        _demand(name, card.get(name), name in card and fits(card[name]))
    for place in (place for stream in card["streams"] if isinstance(stream, list) for place in stream):
        _bounded("streams", "numbers of an example", math.prod(place[2]))
    step, steps = card["step"], card["steps"]
    points, unrecorded = (len(tensors.get(name, ())) for name in ("history", "unrecorded"))
    _demand("steps", steps, len(steps) == points)
    _demand("step", step, step == unrecorded + (steps[-1] if steps else 0) <= card["total"])
    return card


def _is_rising(steps: Any) -> bool:
    return _is_list_of(is_count)(steps) and steps == sorted(set(steps))


def _is_place(place: Any) -> bool:
    """Does it say where a stream of noise stands: its law, its name, the shape of its numbers, how many are used?"""
    if not isinstance(place, list) or len(place) != 4:
        return False
    law, name, shape, position = place
    return _is_text(law) and _is_text(name) and _is_list_of(is_count)(shape) and is_count(position)


_CONFIG: dict[str, Callable[[Any], bool]] = {
    "steps": is_count,
    "batch": is_count,
    "lr": lambda lr: _is_rate(lr) or (isinstance(lr, dict) and bool(lr) and all(map(_is_rate, lr.values()))),
    "betas": _is_list_of(is_number, 2),
    "precision": _is_text,
    "device": _is_text,
    "log_every": is_count,
    "optimizer": lambda value: isinstance(value, dict) and _is_text(value.get("name")),
    "clip": is_number,
    "ema": is_number,
}


def _is_rate(value: Any) -> bool:
    """A number, or a schedule: its name, its numbers, and the schedules of which it is made."""
    if not isinstance(value, dict):
        return is_number(value)
    others = [part for field, part in value.items() if field not in ("name", "from")]
    return _is_text(value.get("name")) and _is_text(value.get("from", "")) and all(map(_is_rate, others))


def _check_config(config: Any) -> None:
    """What ``fit`` was asked for."""
    _demand("config", config, isinstance(config, dict) and is_count(config.get("steps")))
    for name, fits in _CONFIG.items():
        if name in config:  # an older card may know less
            _demand(f"config.{name}", config[name], fits(config[name]))


_LAWS = {"toy": {"toy", "arguments"}, "data set": {"data set"}, "lost": {"lost"}}


def _is_law(law: Any) -> bool:
    """Does it say how the law of the data is found again, as ``law_card`` does?"""
    kind = next((kind for kind in _LAWS if isinstance(law, dict) and isinstance(law.get(kind), str)), None)
    return kind is not None and set(law) == _LAWS[kind] and isinstance(law.get("arguments", {}), dict)


def _is_about(about: dict[str, Any]) -> bool:
    """What a run keeps of its data: the shape of an example, whether they are bytes, and words."""
    shape, are_bytes, words = (about.get(name) for name in ("shape", "bytes", "words"))
    return _is_list_of(is_count)(shape) and isinstance(are_bytes, bool) and _is_text(words)


def _is_parts(value: Any) -> bool:
    """One kind, or the dimensions of several: a dict, or pairs."""
    if isinstance(value, dict):
        return all(map(is_count, value.values()))
    pair = lambda part: isinstance(part, list) and len(part) == 2 and _is_text(part[0]) and is_count(part[1])
    return _is_text(value) or _is_list_of(pair)(value)


def _is_range(value: Any) -> bool:
    return _is_text(value) or _is_list_of(is_number, 2)(value)


_KINDS: dict[str, Callable[[Any], bool]] = {  # by the type of an option; what has another is checked where it is used
    "int": is_count,
    "int | None": _or_none(is_count),
    "float": is_number,
    "float | None": _or_none(is_number),
    "str": _is_text,
    "bool": lambda value: isinstance(value, bool),
    "tuple[int, ...]": _is_list_of(is_count),
    "tuple[int, ...] | None": _or_none(_is_list_of(is_count)),
    "str | tuple[tuple[str, int], ...]": _is_parts,
    "str | tuple[float, float]": _is_range,
}
# What every card of format 2 says; what ``build`` learns later has its default for a card that does not say it.
_ALWAYS = frozenset(
    "shape latent hidden architecture width depth observation scale noiseless noise activation codes density classes "
    "other".split()
)


def _check_networks(networks: Any, options: dict[str, str], all_said: bool) -> None:
    """What ``build`` was asked for: every option is there, of its kind and not too large."""
    _demand("networks", networks, isinstance(networks, dict) and {"shape"} <= set(networks) <= set(options))
    _demand("networks", sorted(networks), not all_said or set(networks) >= _ALWAYS)
    for name, value in networks.items():
        fits = _KINDS.get(options[name])
        _demand(f"networks.{name}", value, fits is None or fits(value))
        parts = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else [value]
        _bounded(f"networks.{name}", "layers", len(parts))
        for size in (size for part in parts for size in (part if isinstance(part, list) else [part])):
            if isinstance(size, int):
                _bounded(f"networks.{name}", "size", size)
    _bounded("networks.depth", "depth", networks.get("depth", 0))
    for name in ("shape", "other"):
        _bounded(f"networks.{name}", "numbers of an example", math.prod(networks.get(name) or []))
