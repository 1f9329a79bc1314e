"""Data that are encoded, and decoded again: text as numbers of characters, tables as numbers without units.

"text" comes with the package; "tinyshakespeare", of which it is the beginning, is downloaded once and checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import check_bool, check_choice, check_finite, check_int, check_type
from ..storage.downloads import verified
from .dataset import Data
from .sources import columns_of

__all__ = ["TEXTS", "Column", "Tabular", "Text", "table", "text"]

TEXTS = ("text", "tinyshakespeare")
_TEXT_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_TEXT_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_TEST_FRACTION = 0.1  # of the text, at its end


@dataclass(frozen=True, eq=False, repr=False)
class Text(Data):
    """Windows x [N, T] of characters, or lines: x holds indices into ``alphabet``, as float32.

    Lines of different lengths end in ``padding``, the last character of the alphabet. The first one ends the line and
    counts in a likelihood; what follows it is certain and counts nothing, so that lines of all lengths have one
    distribution, p(line) = Π_t p(x_t | x_1, ..., x_{t-1}) up to its end. Raises ValueError for other indices.

    >>> verse = Text(torch.tensor([[1.0, 0.0, 1.0]]), name="verse", alphabet="no")
    >>> verse.decode(verse.x), verse.encode("non")
    (['ono'], tensor([0., 1., 0.]))
    """

    alphabet: str = ""
    padding: str = ""
    kind: Any = field(default="text", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        alphabet, padding = check_type("alphabet", self.alphabet, str), check_type("padding", self.padding, str)
        if len(self.shape) != 1 or not alphabet or padding not in ("", alphabet[-1]):
            raise ValueError(f"{self.name}: text needs x [N, T], and an alphabet, the padding, if there is one, last.")
        is_padding = (self._indices(self.x) == len(alphabet) - 1).int()
        if padding and (is_padding.diff(dim=1) < 0).any():
            raise ValueError(f"{self.name}: after the padding {self.padding!r} a line must hold nothing else.")

    @classmethod
    def from_lines(
        cls,
        lines: Sequence[str],
        name: str = "lines",
        *,
        alphabet: str | None = None,
        length: int | None = None,
        padding: str = "\0",
        like: Text | None = None,
    ) -> Text:
        """Lines of different lengths, one example each.

        alphabet: by default the sorted characters of the lines; the padding joins it at its end.
        length:   by default that of the longest line. ``like`` takes alphabet, padding and length of other lines.
        Raises ValueError for a line that is too long, for unknown characters, and if the padding occurs in a line.

        >>> pets = Text.from_lines(["cat", "a dog"])
        >>> pets, pets.lengths, pets.decode(pets.x)
        (Text('lines': 2 lines of up to 5 characters, alphabet of 8), tensor([3, 5]), ['cat', 'a dog'])
        """
        is_list = isinstance(lines, (list, tuple)) and len(lines) > 0
        if not is_list or not all(isinstance(line, str) for line in lines):
            raise ValueError(f"{name}: lines must be a list of strings, one an example; split a text by splitlines().")
        if like is not None:
            padding, length = check_type("like", like, Text).padding, like.shape[0]
            alphabet = like.alphabet.removesuffix(padding)
        used_characters, longest = set("".join(lines)), max(map(len, lines))
        letters = "".join(sorted(used_characters)) if alphabet is None else check_type("alphabet", alphabet, str)
        length = longest if length is None else check_int("length", length, most=10**6)
        if len(check_type("padding", padding, str)) != 1 or padding in letters:
            raise ValueError(f"{name}: padding must be one character that is in no line, not {padding!r}.")
        if not 1 <= longest <= length:
            raise ValueError(f"{name}: lines must have 1 to length={length} characters, and the longest has {longest}.")
        if missing := used_characters - set(letters):
            raise ValueError(f"{name}: the alphabet {letters!r} lacks the character {min(missing)!r} of the lines.")
        x = _as_indices([line.ljust(length, padding) for line in lines], letters + padding)
        return cls(x, None, name, alphabet=letters + padding, padding=padding)

    def __repr__(self) -> str:
        noun, length = ("lines", "up to ") if self.padding else ("windows", "")
        size = f"{length}{self.shape[0]} characters, alphabet of {len(self.alphabet)}"
        return f"Text({self.name!r}: {len(self)} {noun} of {size})"

    @property
    def lengths(self) -> Tensor:
        """Characters of each line, without the padding: [N], int64."""
        return (self.x != (len(self.alphabet) - 1 if self.padding else -1)).sum(1)

    def _indices(self, x: Tensor) -> Tensor:
        """x as indices into the alphabet, int64."""
        last_index = len(self.alphabet) - 1
        indices = x.round().long()
        if (indices != x).any() or (indices < 0).any() or (indices > last_index).any():
            raise ValueError(f"decode needs indices into the alphabet: whole numbers from 0 to {last_index}.")
        return indices

    def decode(self, x: Tensor) -> Any:
        """Indices as text, without padding: [T] -> a string, [N, T] -> a list of strings, and so on.

        Raises ValueError for anything that is not the index of a character.
        """
        x = check_finite("x", x)
        if x.ndim > 1:
            return [self.decode(row) for row in x]
        line = "".join(self.alphabet[index] for index in self._indices(x).reshape(-1).tolist())
        return line.split(self.padding)[0] if self.padding else line

    def encode(self, string: str) -> Tensor:
        """The indices [T], float32, of a string. Raises ValueError for a character that the alphabet lacks."""
        if missing_characters := set(check_type("string", string, str)) - set(self.alphabet):
            raise ValueError(f"{self.name} has no character {min(missing_characters)!r}; it has {self.alphabet!r}.")
        return torch.tensor([self.alphabet.index(character) for character in string], dtype=torch.float32)


def text(name: Any = "text", split: str = "train", length: int | None = 64) -> Text:
    """Windows of ``length`` characters, one after the other without overlap, in the order of the text.

    name: one of ``TEXTS``, or the path of a text file of one's own, in UTF-8. With ``length=None`` the examples are its
    lines, padded (``Text.from_lines``), and empty ones are left out. The test part is the last tenth of the text, or of
    its lines; what does not fill a window at the end of a part is left out. Both parts share one alphabet, the sorted
    characters of the whole text. Raises ValueError for a bad argument and DataError if a file cannot be had.

    >>> verse = text()
    >>> verse
    Text('text': 841 windows of 64 characters, alphabet of 59)
    >>> verse.decode(verse.x[0])
    'First Citizen:\\nBefore we proceed any further, hear me speak.\\n\\nAl'
    >>> text(length=None)
    Text('text': 1653 lines of up to 61 characters, alphabet of 59)
    """
    check_choice("split", split, ("train", "test"))
    length = None if length is None else check_int("length", length)
    full_text, note = _read_text_and_note(name)
    name = name if name in TEXTS else Path(name).name
    if length is None:
        lines = [line for line in full_text.splitlines() if line]
        train_length = round((1 - _TEST_FRACTION) * len(lines))
        all_lines = replace(Text.from_lines(lines, name), note=note)
        return all_lines[:train_length] if split == "train" else all_lines[train_length:]
    train_length = round((1 - _TEST_FRACTION) * len(full_text))
    split_text = full_text[:train_length] if split == "train" else full_text[train_length:]
    if length > len(split_text):
        raise ValueError(f"length must lie between 1 and {len(split_text)}, the characters of this part, not {length}.")
    alphabet = "".join(sorted(set(full_text)))
    window_starts = range(0, len(split_text) - length + 1, length)
    x = _as_indices([split_text[start : start + length] for start in window_starts], alphabet)
    return Text(x, None, name, None, note, alphabet=alphabet)


def _as_indices(lines: Sequence[str], alphabet: str) -> Tensor:
    """Lines of one length as indices [N, T], float32."""
    index_of = {character: index for index, character in enumerate(alphabet)}
    return torch.tensor([[index_of[character] for character in line] for line in lines], dtype=torch.float32)


# ``from ganvae_lib import text`` once gave the module of texts, whose text.text and text.Text older scripts call.
text.text, text.Text = text, Text  # type: ignore[attr-defined]


def _read_text_and_note(name: Any) -> tuple[str, str]:
    """A text, and where it is from."""
    note = "tiny shakespeare (A. Karpathy, 2015): plays by W. Shakespeare, in the public domain"
    if name == "text":
        return Path(__file__).with_name("shakespeare.txt").read_text(encoding="ascii"), f"the opening of {note}"
    if name == "tinyshakespeare":
        return verified("text", f"{name}.txt", (_TEXT_URL,), f"sha256:{_TEXT_SHA256}").decode("ascii"), note
    try:
        return Path(name).read_text(encoding="utf8"), f"the file {Path(name).name}"
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"there are the texts {', '.join(TEXTS)}, or give the path of a text file in UTF-8, not {str(name)!r} "
            f"({' '.join(str(error).split())}); lines in memory are for Text.from_lines."
        ) from None


@dataclass(frozen=True)
class Column:
    """A column of a table: a number, of which ``mean`` is taken off before it is divided by ``std``; or a category."""

    name: str
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[Any, ...] = ()

    @property
    def size(self) -> int:  # numbers of x that it takes
        return len(self.categories) or 1


@dataclass(frozen=True, eq=False, repr=False)
class Tabular(Data):
    """Rows of a table as x [N, D]: first the columns of numbers, then one-hot blocks of categories; see ``table``.

    The likelihood of rows in their units is log p(x) - ``log_units`` nats.
    """

    columns: tuple[Column, ...] = ()
    kind: Any = field(default="table", kw_only=True)

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        n_numbers = sum(not column.categories for column in self.columns)
        categories = tuple(("one-hot", column.size) for column in self.columns if column.categories)
        return ((("gaussian", n_numbers),) if n_numbers else ()) + categories

    @property
    def log_units(self) -> float:
        """Σ log std over the columns that are numbers, in nats."""
        return float(np.log([column.std for column in self.columns]).sum())

    def __repr__(self) -> str:
        columns_text = ", ".join(f"{c.name} ({c.size} categories)" if c.categories else c.name for c in self.columns)
        classes_text = f", {self.classes} classes" if self.classes else ""
        return f"Tabular({self.name!r}: {len(self)} rows of {columns_text}{classes_text})"

    def decode(self, x: Any) -> dict[str, Any]:
        """Rows x [..., D], such as samples, as columns by name: numbers [...] in their units, float64, and categories.

        The category is the one with the largest number.
        """
        x = check_finite("x", x)
        if x.shape[-1:] != self.x.shape[1:]:
            raise ValueError(f"decode needs rows [..., {self.shape[0]}] of {self.name}, not {list(x.shape)}.")
        decoded_columns: dict[str, Any] = {}
        for column, block in zip(self.columns, x.split([column.size for column in self.columns], -1), strict=True):
            number, category_index = block[..., 0] * column.std + column.mean, block.argmax(-1).numpy()
            decoded_columns[column.name] = np.array(column.categories)[category_index] if column.categories else number
        return decoded_columns


def table(
    source: Any, y: Any = None, *, name: str = "rows", standardise: bool = True, categorical: Any = (), like: Any = None
) -> Tabular:
    """A table of numbers and categories as data for ``build`` and ``fit``.

    source:       a dict of columns by name, a data frame, a list of dicts (one a row), or an array [N, D].
    standardise:  numbers get mean 0 and standard deviation 1; ``decode`` gives samples their units again.
    categorical:  names of columns of numbers that are categories; words and truth values always are.
    like:         the table whose units and categories are taken, as for a test set.
    Raises ValueError, naming the column, for missing values, other lengths, a single value or an unknown category.

    >>> people = table({"age": [20, 30, 40], "city": ["Rome", "Oslo", "Rome"]}, name="people")
    >>> people, people.x[0]
    (Tabular('people': 3 rows of age, city (2 categories)), tensor([-1.2247,  0.0000,  1.0000]))
    >>> people.decode(people.x[:2])
    {'age': tensor([20.0000, 30.0000], dtype=torch.float64), 'city': array(['Rome', 'Oslo'], dtype='<U4')}
    """
    values = columns_of(source, name)
    known = {} if like is None else {column.name: column for column in check_type("like", like, Tabular).columns}
    standardise = check_bool("standardise", standardise)
    categorical = list(categorical) if isinstance(categorical, (list, tuple, set)) else [categorical]
    if (known and set(known) != set(values)) or (missing_columns := {str(key) for key in categorical} - set(values)):
        wanted_columns = ", ".join(known or sorted(missing_columns))
        raise ValueError(f"{name}: the table must have the columns {wanted_columns}; it has {', '.join(values)}.")
    specs = [known.get(key) or _infer_column(key, values[key], name, key in categorical, standardise) for key in values]
    specs.sort(key=lambda column: bool(column.categories))  # numbers first
    x = np.concatenate([_encode_column(column, values[column.name], name) for column in specs], 1)
    return Tabular(torch.from_numpy(x).float(), y, name, columns=tuple(specs))


def _infer_column(key: str, values: np.ndarray, name: str, is_categorical: bool, standardise: bool) -> Column:
    """What a column is, from its values."""
    cells = values.tolist()  # NaN is what is not equal to itself
    empty_rows = [i for i, value in enumerate(cells) if value is None or value != value or value in (np.inf, -np.inf)]
    if empty_rows:
        raise ValueError(f"{name}: the column {key!r} lacks a value, first in row {empty_rows[0]}; fill or remove it.")
    if not all(isinstance(value, (str, bytes, int, float)) for value in cells) or len(set(cells)) < 2:
        raise ValueError(
            f"{name}: the column {key!r} must be numbers or words, two or more; convert it or leave it out."
        )
    if values.dtype.kind in "OUSb" or is_categorical:
        return Column(key, categories=tuple(sorted(set(cells), key=str)))
    return Column(key, float(values.mean(dtype=float)), float(values.std(dtype=float))) if standardise else Column(key)


def _encode_column(column: Column, values: np.ndarray, name: str) -> np.ndarray:
    """A column as numbers [N, size]."""
    category_index = {category: i for i, category in enumerate(column.categories)}
    for value in values.tolist():
        if value not in category_index if category_index else not isinstance(value, (int, float)):
            raise ValueError(f"{name}: the column {column.name!r} must be as in the other table, and holds {value!r}.")
    if category_index:
        return np.eye(column.size)[[category_index[value] for value in values.tolist()]]
    return (values.astype(float)[:, None] - column.mean) / column.std
