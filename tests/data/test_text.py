"""Text: windows rebuild it, the parts do not overlap, the larger text is checked."""

import hashlib
from pathlib import Path

import pytest
import torch

import ganvae_lib
from ganvae_lib import DataError, data, text
from ganvae_lib.data import encoded
from ganvae_lib.storage import downloads

WHOLE = (Path(ganvae_lib.__file__).with_name("data") / "shakespeare.txt").read_text(encoding="ascii")


@pytest.mark.parametrize("length", [64, 100, 7])
def test_windows_rebuild_the_text_and_the_parts_are_disjoint(length):
    train, test = text(length=length), text(split="test", length=length)
    head, tail = "".join(train.decode(train.x)), "".join(test.decode(test.x))
    start = round(0.9 * len(WHOLE))
    assert WHOLE.startswith(head) and len(head) <= start < len(head) + length
    assert WHOLE[start:].startswith(tail) and len(WHOLE) - start < len(tail) + length
    assert torch.equal(train.encode(tail).reshape(test.x.shape), test.x)


def test_text_is_data_and_its_alphabet_is_stable():
    train, test = data.load("text"), data.load("text", "test")
    assert train.alphabet == test.alphabet == "".join(sorted(set(WHOLE))) and len(train.alphabet) == 59
    assert train.x.dtype == torch.float32 and (train.shape, train.classes, train.y) == ((64,), 0, None)
    assert (train.digest, test.digest) == ("a6d52c509929", "011324e22a3f")  # text and split never move silently
    half = data.load("text", fraction=0.5)
    assert isinstance(half, encoded.Text) and half.alphabet == train.alphabet and len(half) == (len(train) + 1) // 2
    assert set(half.decode(half.x)) <= set(train.decode(train.x))
    assert len(WHOLE) <= 60_000 and "public domain" in train.note


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: text("bible"), "there are the texts text, tinyshakespeare"),
        (lambda: text(split="valid"), "unknown split 'valid'; choose one of 'train', 'test'"),
        (lambda: text(length=0), "length must be a whole number of at least 1, got 0"),
        (lambda: text(split="test", length=10_000), "characters of this part, not 10000"),
        (lambda: text().decode(torch.tensor([0.5])), "indices into the alphabet"),
        (lambda: text().decode(torch.tensor([59])), "indices into the alphabet"),
        (lambda: text().encode("né"), "no character 'é'"),
        (lambda: data.load("text", binarize="sample"), "holds text, not images"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_larger_text_is_found_checked_and_refused_when_altered(monkeypatch, tmp_path):
    content = b"To be, or not to be: that is the question.\n" * 20
    monkeypatch.setattr(encoded, "_TEXT_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path))
    (tmp_path / "text").mkdir()
    path = tmp_path / "text" / "tinyshakespeare.txt"
    path.write_bytes(content)
    loaded = data.load("tinyshakespeare")
    assert "".join(loaded.decode(loaded.x)) == content[: 64 * len(loaded)].decode()
    path.write_bytes(content[:-1] + b"!")
    with pytest.raises(DataError, match="truncated or altered"):
        data.load("tinyshakespeare")
    path.unlink()
    monkeypatch.setenv("GANVAE_CACHE", str(tmp_path / "cache"))
    asked = []

    def retrieve(url, checksum, fname, path, downloader):
        asked.append((url, checksum, fname))
        raise OSError("no network")

    monkeypatch.setattr("pooch.retrieve", retrieve)
    with pytest.raises(DataError, match="holds text/tinyshakespeare.txt"):
        data.load("tinyshakespeare")
    assert asked == [(encoded._TEXT_URL, f"sha256:{encoded._TEXT_SHA256}", "tinyshakespeare.txt")] * 2
    assert downloads.local("text", "tinyshakespeare.txt") is None
