"""Frozen values by name: registered, written as the call that makes them, and as JSON; they print what they do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from torch import Tensor

from ..errors import unknown

__all__ = ["as_entry", "format_call", "field_names", "from_entry", "register"]

_LIBRARY = __name__.partition(".")[0]


def register(cls: type, registry: dict[str, type]) -> None:
    """Enter a class by its name. Raises ValueError for a class of one's own with the name of one of the library's.

    What it prints is what it computes: a class that computes another loss than the one that it inherits from, and does
    not say how that is written, is written by its name. Numbers of numpy and torch in its fields become Python's, and
    lists tuples, so that a value stays what it was when it was printed or saved.
    """
    namesake = registry.get(cls.__name__)
    if namesake is not None and _in_library(namesake) and not _in_library(cls):
        raise ValueError(f"{cls.__name__} is a class of {_LIBRARY}; give yours another name, by which it can be saved.")
    if "formula" not in vars(cls) and any(_overrides_loss(cls, name) for name in vars(cls)):
        cls.formula = _formula_by_name  # type: ignore[attr-defined]
    if "__post_init__" in vars(cls) or not hasattr(cls, "__post_init__"):
        cls.__post_init__ = _with_plain_fields(getattr(cls, "__post_init__", None))  # type: ignore[attr-defined]
    cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # on the class itself: else @dataclass makes another
    registry[cls.__name__] = cls


def _overrides_loss(cls: type, name: str) -> bool:
    """Does ``cls`` override a method ``name`` of which the loss of its parents is made? Such a one gives a tensor."""
    inherited = [vars(parent)[name] for parent in cls.__mro__[1:] if name in vars(parent)]
    if not inherited or getattr(inherited[0], "__isabstractmethod__", False):
        return False
    return_type = getattr(inherited[0], "__annotations__", {}).get("return")
    return name == "__call__" or name.endswith("loss") or return_type in ("Tensor", Tensor)


def _formula_by_name(self: Any, *arguments: Any) -> str:
    """The formula of a class of which only the name is known: a function of what it compares, or of the step s."""
    match arguments:
        case (writer, space, _):  # of a tool
            argument_text = rf"{space.made_law(writer)},\,{space.target_law(writer)}"
        case (_, _):  # of a term
            argument_text = self.space
        case _:  # of a schedule
            argument_text = "s"
    return rf"\mathrm{{{type(self).__name__.replace('_', '')}}}({argument_text})"


def _with_plain_fields(check: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """A ``__post_init__`` that makes the fields plain, and then checks them."""

    @functools.wraps(check or _with_plain_fields)
    def post_init(self: Any) -> None:
        for name in field_names(self):
            value = getattr(self, name)
            plain_value = _plain_value(value)
            if plain_value is not value:
                object.__setattr__(self, name, plain_value)
        if check is not None:
            check(self)

    return post_init


def _plain_value(value: Any) -> Any:
    """A number of numpy or torch as Python's, and a list as a tuple; anything else as it is."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if isinstance(value, list | tuple):
        values = tuple(map(_plain_value, value))
        is_unchanged = isinstance(value, tuple) and all(old is new for old, new in zip(value, values, strict=True))
        return value if is_unchanged else values
    return value


def _in_library(cls: type) -> bool:
    """Is it a class of the library?"""
    return cls.__module__.partition(".")[0] == _LIBRARY


def format_call(value: Any, names: tuple[str, ...], always: tuple[str, ...] = ()) -> str:
    """The call that makes a frozen value, with these fields in this order.

    Fields without a default, and those that are ``always`` shown, stand without their names; the others are named,
    and left out where they have their default.
    """
    field_by_name = {field.name: field for field in fields(value)}
    arguments = []
    for name in names:
        argument, field = getattr(value, name), field_by_name[name]
        if isinstance(argument, float) and argument.is_integer():
            argument = int(argument)  # 10 and not 10.0, as one would write it
        if name in always or (field.default is MISSING and not field.kw_only):
            arguments.append(repr(argument))
        elif argument != field.default:
            arguments.append(f"{name}={argument!r}")
    return f"{type(value).__name__}({', '.join(arguments)})"


def as_entry(value: Any, key: str, names: tuple[str, ...]) -> dict[str, Any]:
    """A frozen value as plain JSON values: the name of its class under ``key``, and these fields.

    A class from outside the library also says where it is "from".
    """
    cls = type(value)
    entry: dict[str, Any] = {key: cls.__name__}
    if not _in_library(cls):
        entry["from"] = f"{cls.__module__}.{cls.__qualname__}"
    for name in names:
        field_value = getattr(value, name)
        if is_dataclass(field_value):  # the tool of a term
            field_value = as_entry(field_value, "name", field_names(field_value))
        entry[name] = field_value
    return entry


def field_names(value: Any) -> tuple[str, ...]:
    """The fields of a frozen value, by name."""
    return tuple(field.name for field in fields(value))


_TYPES_OF: dict[Any, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def _check_kind(name: str, value: Any, kind: Any) -> None:
    """Raise ValueError for what cannot be the value of a field that is annotated so; other kinds check themselves."""
    allowed_types = _TYPES_OF.get(kind)
    if allowed_types and not (isinstance(value, allowed_types) and isinstance(value, bool) == (kind == "bool")):
        raise ValueError(f"{name} must be of the kind {kind}, got {value!r}.")


def from_entry(entry: dict[str, Any], key: str, kind: str, registry: dict[str, type], tools: dict[str, type]) -> Any:
    """The inverse of ``as_entry``. Raises ValueError for a class that is not registered, naming its import path."""
    arguments = dict(entry)
    name = arguments.pop(key, None)
    path = arguments.pop("from", None)
    if name not in registry and path:
        module = path.removesuffix(f".{name}")
        advice = "define it first" if module == "__main__" else f"import {module} first"
        raise ValueError(f"unknown {kind} {name!r}, saved from {path}: {advice}, or pass the model to Run.load.")
    if name not in registry:
        raise unknown(kind, name, registry)
    field_types = {field.name: field.type for field in fields(registry[name])}
    for field, field_value in arguments.items():
        _check_kind(f"{field} of {name}", field_value, field_types.get(field))
        if isinstance(field_value, list):  # JSON has no tuples, and frozen values have no lists
            arguments[field] = tuple(field_value)
        elif isinstance(field_value, dict):
            arguments[field] = from_entry(field_value, "name", "tool", tools, tools)
    return registry[name](**arguments)
