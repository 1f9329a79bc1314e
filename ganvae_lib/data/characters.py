"""Text as data: windows of characters, each character a number.

"text" comes with the package; "tinyshakespeare", of which it is the beginning, is downloaded once and checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..storage.downloads import verified
from .dataset import Data

__all__ = ["TEXTS", "Text", "text"]

TEXTS = ("text", "tinyshakespeare")
_ADDRESS = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

_TEST_SHARE = 0.1  # of the text, at its end


@dataclass(frozen=True, eq=False, repr=False)
class Text(Data):
    """Windows x [N, T] of characters: x holds indices into ``alphabet``, as float32.

    >>> verse = Text(torch.tensor([[1.0, 0.0, 1.0]]), name="verse", alphabet="no")
    >>> verse.decode(verse.x), verse.encode("non")
    (['ono'], tensor([0., 1., 0.]))
    """

    alphabet: str = ""

    def __repr__(self) -> str:
        size = f"{len(self)} windows of {self.shape[0]} characters, alphabet of {len(self.alphabet)}"
        return f"Text({self.name!r}: {size})"

    def decode(self, x: Tensor) -> Any:
        """Indices as text: [T] -> a string, [N, T] -> a list of strings, and so on.

        Raises ValueError for anything that is not the index of a character.
        """
        if x.ndim > 1:
            return [self.decode(row) for row in x]
        indices = x.round().long()
        last_index = len(self.alphabet) - 1
        if (indices != x).any() or (indices < 0).any() or (indices > last_index).any():
            raise ValueError(f"decode needs indices into the alphabet: whole numbers from 0 to {last_index}.")
        return "".join(self.alphabet[i] for i in indices.tolist())

    def encode(self, string: str) -> Tensor:
        """The indices [T], float32, of a string. Raises ValueError for a character that the alphabet lacks."""
        if missing := set(string) - set(self.alphabet):
            raise ValueError(f"{self.name} has no character {min(missing)!r}; it has {self.alphabet!r}.")
        return torch.tensor([self.alphabet.index(character) for character in string], dtype=torch.float32)


def text(name: str = "text", split: str = "train", length: int = 64) -> Text:
    """Windows of ``length`` characters, one after the other without overlap, in the order of the text.

    The test part is the last tenth of the text; what does not fill a window at the end of a part is left out. Both
    parts share one alphabet, the sorted characters of the whole text. Raises ValueError for a bad argument and
    DataError if a file cannot be had.

    >>> verse = text()
    >>> verse
    Text('text': 841 windows of 64 characters, alphabet of 59)
    >>> verse.decode(verse.x[0])
    'First Citizen:\\nBefore we proceed any further, hear me speak.\\n\\nAl'
    """
    if name not in TEXTS or split not in ("train", "test"):
        raise ValueError(f"there are the texts {', '.join(TEXTS)} with splits train and test, not {name!r}, {split!r}.")
    if name == "text":
        full_text = Path(__file__).with_name("shakespeare.txt").read_text(encoding="ascii")
    else:
        full_text = verified("text", f"{name}.txt", (_ADDRESS,), f"sha256:{_SHA256}").decode("ascii")
    train_length = round((1 - _TEST_SHARE) * len(full_text))
    split_text = full_text[:train_length] if split == "train" else full_text[train_length:]
    if not 1 <= length <= len(split_text):
        raise ValueError(f"length must lie between 1 and {len(split_text)}, the characters of this part, not {length}.")
    alphabet = "".join(sorted(set(full_text)))
    index_of = {character: i for i, character in enumerate(alphabet)}
    windows = len(split_text) // length
    indices = [index_of[character] for character in split_text[: windows * length]]
    x = torch.tensor(indices, dtype=torch.float32).reshape(windows, length)
    note = "tiny shakespeare (A. Karpathy, 2015): plays by W. Shakespeare, in the public domain"
    note = f"the opening of {note}" if name == "text" else note
    return Text(x, None, name, None, note, alphabet=alphabet)
