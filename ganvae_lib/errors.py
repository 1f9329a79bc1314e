"""Errors that the whole library shares: each says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["DataError", "NonFiniteLoss", "unknown"]


def unknown(kind: str, name: object, known: Iterable[object]) -> ValueError:
    """The error for a name that is not in a registry: it lists the names and offers the nearest one.

    >>> unknown("link", "hing", ["hinge", "KL"])
    ValueError("unknown link 'hing'; choose one of 'hinge', 'KL'. Did you mean 'hinge'?")
    """
    from difflib import get_close_matches

    names = list(known)
    lower_case = [str(known_name).lower() for known_name in names]
    closest = get_close_matches(str(name).lower(), lower_case, n=1)
    hint = f" Did you mean {names[lower_case.index(closest[0])]!r}?" if closest else ""
    return ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(map(repr, names))}.{hint}")


class NonFiniteLoss(ArithmeticError):
    """A loss became NaN or infinite: the first ``term``, ``step`` and ``seed`` where it did.

    ``run``, a ``Run``, holds everything up to the point of the history before, to look at or to save.

    >>> error = NonFiniteLoss("the loss is nan", term="match x", step=7, seed=3)
    >>> error.term, error.step, error.seed
    ('match x', 7, 3)
    """

    def __init__(self, message: str, *, term: str | None = None, step: int | None = None, seed: int | None = None):
        super().__init__(message)
        self.term, self.step, self.seed = term, step, seed
        self.run: Any = None


class DataError(RuntimeError):
    """A data set could not be had, or its file is not what was published. The message says what to do.

    >>> from ganvae_lib.data.images import read_idx
    >>> read_idx(b"<html>not found</html>", "train-images")
    Traceback (most recent call last):
    ganvae_lib.errors.DataError: train-images is not an IDX file of bytes; put the published file in its place.
    """
