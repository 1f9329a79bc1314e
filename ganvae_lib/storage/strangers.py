"""What the cards of runs and checkpoints may say: read as a stranger's, so that nothing is built that does not fit.

Whatever is wrong is a ValueError that says where. Sizes have the bounds of ``LIMITS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from .cards import FORMAT

__all__ = ["LIMITS", "NoModel", "check_card", "check_state", "first_mismatch", "most_bytes"]

Weights = dict[str, torch.Tensor]  # a state of a model, by name

LIMITS = {"seeds": 10_000, "terms": 1000, "layers": 1000, "size": 2**24, "numbers of an example": 2**28, "depth": 16}


def check_card(card: dict[str, Any], options: dict[str, str]) -> None:
    """Raise ValueError, saying where, for a card that ``Run.save`` cannot have written.

    ``options`` are those of the networks, with their types as they are annotated.
    """
    required_keys = {"seeds", "history", "config", "data", "networks", "objective"}
    missing_keys = required_keys - set(card) if card.get("format") != FORMAT else (required_keys | {"law"}) - set(card)
    _require("a card", f"without {', '.join(sorted(missing_keys))}", not missing_keys)
    seeds: Any = card["seeds"]
    seed_list = [seeds] if is_count(seeds) else seeds
    _require("seeds", seeds, _is_list_of(is_seed)(seed_list) and 0 < len(seed_list) == len(set(seed_list)))
    _check_limit("seeds", "seeds", len(seed_list))
    _check_history(card["history"], seed_list)
    _check_config(card["config"])
    data, law_card = card["data"], card.get("law")
    _require("data", data, data is None or (isinstance(data, dict) and all(isinstance(v, str) for v in data.values())))
    _require("data", data, data is None or {"name", "digest", "note"} <= set(data))
    _require("law", law_card, law_card is None or _is_law_card(law_card))
    about = card.get("about")
    _require("about", about, about is None or (isinstance(about, dict) and _is_data_description(about)))
    _require("stopped", card.get("stopped"), _or_none(_is_string)(card.get("stopped")))
    if card["networks"] is not None:
        _check_networks(card["networks"], options, all_required=card.get("format") == FORMAT)
    objective: Any = card["objective"]
    if objective is not None:
        _require("objective", objective, _is_list_of(lambda term: isinstance(term, dict))(objective) and objective)
        _check_limit("objective", "terms", len(objective))


class NoModel(ValueError):
    """A card that is whole, but whose model cannot be made here; it says what to do."""


def most_bytes(weights: Weights, state: dict[str, Any] | None) -> int:
    """The most that a file of these weights has, with the ``state`` of their training, if there is one."""
    weight_bytes = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    if state is None:
        return 2 * weight_bytes  # with their averages
    moment_count = 5  # of an optimizer (two for Adam), and averages
    loss_names, seeds, steps = state["names"], state["seeds"], state["steps"]
    stream_bytes = 2**20 * len(seeds)  # each takes some KiB for each seed
    curve_bytes = 8 * len(loss_names) * len(seeds) * (len(steps) + state["step"] - (steps[-1] if steps else 0))
    return (1 + moment_count) * weight_bytes + stream_bytes + curve_bytes


def first_mismatch(expected: Weights, found: Weights) -> str | None:
    """Where tensors have not the shapes and the types that they should have, or are missing; None if they do."""
    for name, tensor in expected.items():
        expected_kind = f"{tensor.dtype} {list(tensor.shape)}"
        found_kind = f"{found[name].dtype} {list(found[name].shape)}" if name in found else "missing"
        if expected_kind != found_kind:
            return f"{name} should be {expected_kind} and is {found_kind}"
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


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _require(name: str, value: object, is_valid: object) -> None:
    if not is_valid:
        raise ValueError(f"{name} cannot be {str(value)[:80]!r}")


def _check_limit(name: str, kind: str, count: float) -> None:
    if count > LIMITS[kind]:
        raise ValueError(f"{name}: {count:,} are more than the {LIMITS[kind]:,} {kind} that a saved run may have")


def _check_history(history: Any, seeds: list[int]) -> None:
    """The learning curves: a number for each point, loss and seed."""
    _require("history", history, isinstance(history, dict) and {"seeds", "keys", "steps", "points"} <= set(history))
    loss_keys, steps, points = history["keys"], history["steps"], history["points"]
    _require("history.seeds", history["seeds"], _is_list_of(is_seed)(history["seeds"]) and history["seeds"] == seeds)
    _require("history.keys", loss_keys, _is_list_of(_is_string)(loss_keys) and len(set(loss_keys)) == len(loss_keys))
    _require("history.steps", steps, _is_rising(steps))
    is_point = _is_list_of(_is_list_of(is_number, len(seeds)), len(loss_keys))
    _require("history.points", points, _is_list_of(is_point, len(steps))(points))


#: What the card of a state of a training holds; beside it, a file may say more.
_STATE_CHECKS: dict[str, Callable[[Any], bool]] = {
    "step": lambda value: is_count(value),
    "total": lambda value: is_count(value),
    "since": lambda value: _is_string(value),
    "seeds": lambda value: _is_list_of(is_seed)(value),
    "streams": lambda value: _is_list_of(lambda stream: is_count(stream) or _is_list_of(_is_stream_position)(stream))(
        value
    ),
    "device": lambda value: _is_string(value),
    "examples": lambda value: isinstance(value, list),
    "steps": lambda value: _is_rising(value),
    "names": lambda value: _is_list_of(_is_string)(value),
    "log_every": lambda value: is_count(value) and value > 0,
    "optimizer": lambda value: isinstance(value, dict),
}


def check_state(state_card: Any, tensors: Weights) -> dict[str, Any]:
    """The card of what ``Training.state`` gave, if it can be one beside these tensors; else ValueError says where."""
    _require("training", state_card, isinstance(state_card, dict))
    for name, is_valid in _STATE_CHECKS.items():
        _require(name, state_card.get(name), name in state_card and is_valid(state_card[name]))
    for position in (position for stream in state_card["streams"] if isinstance(stream, list) for position in stream):
        _check_limit("streams", "numbers of an example", math.prod(position[2]))
    step, logged_steps = state_card["step"], state_card["steps"]
    recorded_points, unrecorded_points = (len(tensors.get(name, ())) for name in ("history", "unrecorded"))
    _require("steps", logged_steps, len(logged_steps) == recorded_points)
    _require("step", step, step == unrecorded_points + (logged_steps[-1] if logged_steps else 0) <= state_card["total"])
    return state_card


def _is_rising(logged_steps: Any) -> bool:
    return _is_list_of(is_count)(logged_steps) and logged_steps == sorted(set(logged_steps))


def _is_stream_position(stream_position: Any) -> bool:
    """Does it say where a stream of noise stands: its law, its name, the shape of its numbers, how many are used?"""
    if not isinstance(stream_position, list) or len(stream_position) != 4:
        return False
    law, name, shape, position = stream_position
    return _is_string(law) and _is_string(name) and _is_list_of(is_count)(shape) and is_count(position)


_CONFIG_CHECKS: dict[str, Callable[[Any], bool]] = {
    "steps": is_count,
    "batch": is_count,
    "lr": lambda lr: _is_rate(lr) or (isinstance(lr, dict) and bool(lr) and all(map(_is_rate, lr.values()))),
    "betas": _is_list_of(is_number, 2),
    "precision": _is_string,
    "device": _is_string,
    "log_every": is_count,
    "optimizer": lambda value: isinstance(value, dict) and _is_string(value.get("name")),
    "clip": is_number,
    "ema": is_number,
}


def _is_rate(value: Any) -> bool:
    """A number, or a schedule: its name, its numbers, and the schedules of which it is made."""
    if not isinstance(value, dict):
        return is_number(value)
    operands = [operand for field, operand in value.items() if field not in ("name", "from")]
    return _is_string(value.get("name")) and _is_string(value.get("from", "")) and all(map(_is_rate, operands))


def _check_config(config: Any) -> None:
    """What ``fit`` was asked for."""
    _require("config", config, isinstance(config, dict) and is_count(config.get("steps")))
    for name, is_valid in _CONFIG_CHECKS.items():
        if name in config:  # an older card may know less
            _require(f"config.{name}", config[name], is_valid(config[name]))


_LAW_CARD_KEYS = {"toy": {"toy", "arguments"}, "data set": {"data set"}, "lost": {"lost"}}


def _is_law_card(law: Any) -> bool:
    """Does it say how the law of the data is found again, as ``law_card`` does?"""
    kind = next((kind for kind in _LAW_CARD_KEYS if isinstance(law, dict) and isinstance(law.get(kind), str)), None)
    return kind is not None and set(law) == _LAW_CARD_KEYS[kind] and isinstance(law.get("arguments", {}), dict)


def _is_data_description(data_description: dict[str, Any]) -> bool:
    """What a run keeps of its data: the shape of an example, whether they are bytes, and words."""
    shape, are_bytes, description_text = (data_description.get(name) for name in ("shape", "bytes", "words"))
    return _is_list_of(is_count)(shape) and isinstance(are_bytes, bool) and _is_string(description_text)


def _is_observation_kinds(value: Any) -> bool:
    """One kind, or the dimensions of several: a dict, or pairs."""
    if isinstance(value, dict):
        return all(map(is_count, value.values()))
    is_pair = lambda part: isinstance(part, list) and len(part) == 2 and _is_string(part[0]) and is_count(part[1])
    return _is_string(value) or _is_list_of(is_pair)(value)


def _is_range(value: Any) -> bool:
    return _is_string(value) or _is_list_of(is_number, 2)(value)


_TYPE_CHECKS: dict[
    str, Callable[[Any], bool]
] = {  # by the type of an option; what has another is checked where it is used
    "int": is_count,
    "int | None": _or_none(is_count),
    "float": is_number,
    "float | None": _or_none(is_number),
    "str": _is_string,
    "bool": lambda value: isinstance(value, bool),
    "tuple[int, ...]": _is_list_of(is_count),
    "tuple[int, ...] | None": _or_none(_is_list_of(is_count)),
    "str | tuple[tuple[str, int], ...]": _is_observation_kinds,
    "str | tuple[float, float]": _is_range,
}
# What every card of format 2 says; what ``build`` learns later has its default for a card that does not say it.
_REQUIRED_OPTIONS = frozenset(
    "shape latent hidden architecture width depth observation scale noiseless noise activation codes density classes "
    "other".split()
)


def _check_networks(networks: Any, options: dict[str, str], all_required: bool) -> None:
    """What ``build`` was asked for: every option is there, of its kind and not too large."""
    _require("networks", networks, isinstance(networks, dict) and {"shape"} <= set(networks) <= set(options))
    _require("networks", sorted(networks), not all_required or set(networks) >= _REQUIRED_OPTIONS)
    for name, value in networks.items():
        is_valid = _TYPE_CHECKS.get(options[name])
        _require(f"networks.{name}", value, is_valid is None or is_valid(value))
        entries = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else [value]
        _check_limit(f"networks.{name}", "layers", len(entries))
        for size in (size for entry in entries for size in (entry if isinstance(entry, list) else [entry])):
            if isinstance(size, int):
                _check_limit(f"networks.{name}", "size", size)
    _check_limit("networks.depth", "depth", networks.get("depth", 0))
    for name in ("shape", "other"):
        _check_limit(f"networks.{name}", "numbers of an example", math.prod(networks.get(name) or []))
