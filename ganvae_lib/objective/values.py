"""Terms and tools as values: how they print as the call that makes them, and how they are saved and found again."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass

from ..errors import unknown

__all__ = ["as_entry", "call", "field_names", "from_entry", "register"]

_LIBRARY = __name__.partition(".")[0]


def register(cls: type, registry: dict[str, type]) -> None:
    """Enter a class by its name. Raises ValueError for a class of one's own with the name of one of the library's."""
    known = registry.get(cls.__name__)
    if known is not None and _is_ours(known) and not _is_ours(cls):
        raise ValueError(f"{cls.__name__} is a class of {_LIBRARY}; give yours another name, by which it can be saved.")
    registry[cls.__name__] = cls


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == _LIBRARY


def call(value, names: tuple[str, ...], always: tuple[str, ...] = ()) -> str:
    """The call that makes a frozen value, with these fields in this order.

    Fields without a default, and those that are ``always`` shown, stand without their names; the others are named,
    and left out where they have their default.
    """
    by_name, arguments = {f.name: f for f in fields(value)}, []
    for name in names:
        held, field = getattr(value, name), by_name[name]
        if isinstance(held, float) and held.is_integer():
            held = int(held)  # 10 and not 10.0, as one would write it
        if name in always or (field.default is MISSING and not field.kw_only):
            arguments.append(repr(held))
        elif held != field.default:
            arguments.append(f"{name}={held!r}")
    return f"{type(value).__name__}({', '.join(arguments)})"


def as_entry(value, key: str, names: tuple[str, ...]) -> dict:
    """A frozen value as plain JSON values: the name of its class under ``key``, and these fields.

    A class from outside the library also says where it is "from".
    """
    cls = type(value)
    entry = (
        {key: cls.__name__} if _is_ours(cls) else {key: cls.__name__, "from": f"{cls.__module__}.{cls.__qualname__}"}
    )
    for name in names:
        held = getattr(value, name)
        entry[name] = as_entry(held, "name", field_names(held)) if is_dataclass(held) else held
    return entry


def field_names(value) -> tuple[str, ...]:
    """The fields of a frozen value, by name."""
    return tuple(f.name for f in fields(value))


def from_entry(entry: dict, key: str, kind: str, registry: dict[str, type], tools: dict[str, type]):
    """The inverse of ``as_entry``. Raises ValueError for a class that is not registered, naming its import path."""
    made = dict(entry)
    name, path = made.pop(key, None), made.pop("from", None)
    if name not in registry and path:
        module = path.partition(".")[0]
        remedy = "define it first" if module == "__main__" else f"import {module} first"
        raise ValueError(f"unknown {kind} {name!r}, saved from {path}: {remedy}, or pass the model to Run.load.")
    if name not in registry:
        raise unknown(kind, name, registry)
    for field, held in made.items():
        if isinstance(held, list):  # JSON has no tuples, and frozen values have no lists
            made[field] = tuple(held)
        elif isinstance(held, dict):
            made[field] = from_entry(held, "name", "tool", tools, tools)
    return registry[name](**made)
