"""What someone has answered, as plain values, and how it is compared with what is right.

An answer is a number, a word, True or False, a tensor, a list, a dictionary, or a function of such values. A function
is never handed over: it is called, and only what it returns is looked at. So an exercise is judged in the same way in
the notebook and from another process (``Answers`` has the two methods that differ, ``read`` and ``run``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

MOST_NUMBERS = 4_000_000  # in one answer
FOUR_DIGITS = 5e-4  # how close an answer is that was typed with four digits


class Wrong(AssertionError):
    """An answer is not right, or not of the kind that was asked for: a sentence that says what is wrong with it."""

    def _render_traceback_(self) -> list[str]:  # what Jupyter shows of it: the sentence, without our own code
        return [f"Not yet: {self}"]


def plain(name: str, value: Any) -> Any:
    """A value as this module hands it on: tensors in float64 (or bool), arrays as tensors, a set of names as a list.

    Raises Wrong for what is still blank (``...``) and for an object that is no value.

    >>> plain("share", torch.tensor([0.5, 0.25]))
    tensor([0.5000, 0.2500], dtype=torch.float64)
    >>> plain("links", {"KL", "JSD"})
    ['JSD', 'KL']
    >>> plain("share", ...)
    Traceback (most recent call last):
    ganvae_course.answers.Wrong: share is still blank.
    """
    if value is ...:
        raise Wrong(f"{name} is still blank.")
    if value is None:
        raise Wrong(f"{name} is None; does the function return its result?")
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(f"{name}[{key!r}]", inner) for key, inner in value.items()}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = torch.as_tensor(value)
    if isinstance(value, torch.Tensor):
        if value.numel() > MOST_NUMBERS:
            raise Wrong(f"{name} has {value.numel():,} numbers; at most {MOST_NUMBERS:,} are looked at.")
        value = value.detach().cpu()
        if value.is_complex():
            raise Wrong(f"{name} is complex; real numbers are asked for.")
        return value if value.dtype == torch.bool else value.double()
    if isinstance(value, set | frozenset) and all(isinstance(inner, str) for inner in value):
        return sorted(value)  # names in any order
    if isinstance(value, list | tuple):
        return [plain(f"{name}[{place}]", inner) for place, inner in enumerate(value)]
    if callable(value):
        return value
    raise Wrong(f"{name} is a {type(value).__name__}; a number, a tensor or a function is asked for.")


def numbers(name: str, value: Any) -> torch.Tensor:
    """A plain value as a tensor of float64. Raises Wrong for what holds anything but finite numbers."""
    if callable(value):
        raise Wrong(f"{name} is a function; its value is asked for.")
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [numbers(f"{name}[{place}]", inner) for place, inner in enumerate(value)]
        if any(row.shape != rows[0].shape for row in rows):
            raise Wrong(f"{name} has rows of unequal length.")
        value = torch.stack(rows) if rows else torch.zeros(0)
    if isinstance(value, str | dict):
        raise Wrong(f"{name} is a {type(value).__name__}; a number or a tensor is asked for.")
    tensor = torch.as_tensor(value, dtype=torch.float64)
    if not tensor.isfinite().all():
        raise Wrong(f"{name} has a value that is not finite (nan or inf).")
    return tensor


def alike(got: torch.Tensor, right: torch.Tensor, tolerance: float) -> bool:
    """Do two tensors of one shape agree, to a tolerance relative to the largest of the right one (at least 1e-3)?"""
    scale = max(float(right.abs().max()) if right.numel() else 0.0, 1e-3)
    return bool(((got - right).abs() <= tolerance * scale).all())


class Answers:
    """The answers to one exercise, by name.

    >>> given = Answers({"share": 0.25, "square": lambda x: x**2})
    >>> given.number("share")
    0.25
    >>> given.close("square", torch.tensor([1.0, 4.0]), at=(torch.tensor([1.0, 2.0]),))
    >>> given.close("share", 0.75, {"this is the share of the others": 0.25})
    Traceback (most recent call last):
    ganvae_course.answers.Wrong: share: this is the share of the others.
    """

    def __init__(self, given: Mapping[str, Any]):
        self._given = given

    def read(self, name: str) -> Any:
        """The plain value of an answer; a function as any callable. Raises Wrong where there is none."""
        if name not in self._given:
            raise Wrong(f"{name} is not defined yet.")
        return plain(name, self._given[name])

    def run(self, name: str, arguments: Sequence[Any]) -> Any:
        """The plain value that a function among the answers returns. What it raises goes through."""
        return plain(f"what {name} returns", self._given[name](*arguments))

    def call(self, name: str, *arguments: Any) -> Any:
        """The plain value of ``name(*arguments)``; tensors are float64, or float32 where the function wants that."""
        if not callable(self.read(name)):
            raise Wrong(f"{name} must be a function.")
        said: Exception | None = None
        for dtype in (torch.float64, torch.float32):
            try:
                return self.run(name, [_cast(argument, dtype) for argument in arguments])
            except Wrong:
                raise
            except Exception as error:  # a function of someone else may raise anything
                said = said or error
        raise Wrong(
            f"{name} raised {type(said).__name__}: {_first(said)}, when it was called with {_shown(arguments)}."
        )

    def number(self, name: str) -> float:
        """One finite number."""
        tensor = numbers(name, self.read(name))
        if tensor.numel() != 1:
            raise Wrong(f"{name} must be one number; it has the shape {list(tensor.shape)}.")
        return float(tensor)

    def tensor(self, name: str, shape: Sequence[int | None] | None = None) -> torch.Tensor:
        """Finite numbers in float64, of a shape in which None stands for any size."""
        tensor = numbers(name, self.read(name))
        return tensor if shape is None else _shaped(name, tensor, shape)

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        """One of some words or truth values; what a comparison of tensors returns is a truth value, too.

        >>> Answers({"same": (torch.zeros(3) == 0).all()}).choice("same", [True, False])
        True
        """
        value = self.read(name)
        if isinstance(value, torch.Tensor) and value.dtype == torch.bool and value.numel() == 1:
            value = bool(value)
        if isinstance(value, str):
            value = value.strip()
        if callable(value) or isinstance(value, torch.Tensor | list | dict) or value not in options:
            raise Wrong(f"{name} must be one of {', '.join(map(repr, options))}.")
        return value

    def say(self, name: str, right: Any, options: Sequence[Any], mistakes: Mapping[Any, str] | None = None) -> None:
        """Compare a word with the right one; ``mistakes`` says of a wrong word what speaks against it.

        >>> Answers({"minimax": False}).say("minimax", True, [True, False], {False: "where is D largest?"})
        Traceback (most recent call last):
        ganvae_course.answers.Wrong: minimax: where is D largest?
        """
        value = self.choice(name, options)
        if value != right:
            raise Wrong(_sentence(name, (mistakes or {}).get(value, f"not {value!r}")))

    def values(self, name: str, *arguments: Any, shape: Sequence[int | None] | None = None) -> torch.Tensor:
        """What a function returns, as finite numbers in float64."""
        label = f"{name}(...)"
        tensor = numbers(label, self.call(name, *arguments))
        return tensor if shape is None else _shaped(label, tensor, shape)

    def close(
        self,
        name: str,
        right: Any,
        mistakes: Mapping[str, Any] | None = None,
        *,
        at: Sequence[Any] | None = None,
        tolerance: float | None = None,
    ) -> None:
        """Compare an answer, or with ``at`` the value of a function there, with what is right.

        The tolerance is relative to the largest right value: 1e-4 for a function, four digits for what may have been
        typed. ``mistakes`` are sentences with the value that each would give: the first that fits is said. Raises
        Wrong; the message never holds the right value.
        """
        right = torch.as_tensor(right, dtype=torch.float64)
        if tolerance is None:
            tolerance = FOUR_DIGITS if at is None else 1e-4
        if at is None:
            got, label = numbers(name, self.read(name)), name
        else:
            got, label = self.values(name, *at), f"{name}(...)"
        if got.shape != right.shape and got.numel() == right.numel() == 1:
            got = got.reshape(right.shape)
        got = _shaped(label, got, right.shape)
        if alike(got, right, tolerance):
            return
        for sentence, value in (mistakes or {}).items():
            wrong = torch.as_tensor(value, dtype=torch.float64)
            if wrong.shape == got.shape and alike(got, wrong, max(tolerance, 1e-4)):
                raise Wrong(_sentence(name, sentence))
        raise Wrong(_unlike(label, got, right, at))


def _sentence(name: str, said: str) -> str:
    return f"{name}: {said}" if said.endswith("?") else f"{name}: {said}."


def _unlike(label: str, got: torch.Tensor, right: torch.Tensor, at: Sequence[Any] | None) -> str:
    if got.numel() == 1:
        value = float(got)
        size = "not the right value"
        if math.copysign(1, value) != math.copysign(1, float(right)) and float(right):
            size = "of the wrong sign"
        where = f", called with {_shown(at)}" if at is not None else ""
        return f"{label} is {value:.6g}{where}: {size}."
    off = (got - right).abs()
    share = float((off > 1e-4 * max(float(right.abs().max()), 1e-3)).double().mean())
    return f"{label} is off in {share:.0%} of its {got.numel()} values, by up to {float(off.max()):.3g}."


def _shaped(name: str, tensor: torch.Tensor, shape: Sequence[int | None]) -> torch.Tensor:
    fits = tensor.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, tensor.shape, strict=True)
    )
    if not fits:
        wanted = [size if size is not None else "any" for size in shape]
        raise Wrong(f"{name} must have the shape {wanted}; it has {list(tensor.shape)}.")
    return tensor


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype)
    if isinstance(value, list | tuple):
        return [_cast(inner, dtype) for inner in value]
    return value


def _shown(arguments: Sequence[Any]) -> str:
    """Arguments as an error shows them: short."""

    def one(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"a tensor {list(value.shape)}"
        text = repr(value)
        return text if len(text) <= 30 else f"a {type(value).__name__}"

    return ", ".join(map(one, arguments)) or "nothing"


def _first(error: Exception | None) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]


Check = Callable[..., None]
