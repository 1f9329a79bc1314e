"""Colour images: every pixel, channel and label where it belongs; files are checked; every failure says what to do."""

import hashlib
import io
import lzma
import tarfile

import numpy as np
import pytest
import torch
from local_server import Server
from PIL import Image
from scipy.io import savemat

from ganvae_lib import data
from ganvae_lib.data import images as colour, loading
from ganvae_lib.errors import DataError

ALTERED = "truncated or altered.*Delete it or put a good copy there"
# image n, channel c, row h, column w: no two axes can be exchanged unseen
PIXELS = np.random.default_rng(0).integers(0, 256, (7, 3, 32, 32), dtype=np.uint8)


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


def packed(files, mode):
    """A tar of these files, by name."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """GANVAE_DATA with an empty folder for each set, no network, an empty cache."""
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path))
    monkeypatch.setenv("GANVAE_CACHE", str(tmp_path / "cache"))
    for name in ("svhn", "cifar10", "cifar10-jpeg"):
        (tmp_path / name).mkdir()
    nowhere = ("http://127.0.0.1:9/",)
    for split, (file, _, checksum) in list(colour.SVHN.items()):
        monkeypatch.setitem(colour.SVHN, split, (file, nowhere, checksum))
    monkeypatch.setattr(colour, "CIFAR", (colour.CIFAR[0], nowhere, colour.CIFAR[2]))
    return tmp_path


# ---------------------------------------------------------------- SVHN


def mat(levels, y, **other):
    """A file of SVHN: images in the last dimension."""
    whole = io.BytesIO()
    savemat(whole, {"X": levels, "y": y} | other, do_compression=True)
    return whole.getvalue()


def trusted(monkeypatch, content, split="train"):
    """The checksum that is expected of SVHN becomes this content's."""
    monkeypatch.setitem(colour.SVHN, split, (*colour.SVHN[split][:2], md5(content)))
    return content


LABELS = np.array([[1], [9], [10], [2], [10], [5], [7]], np.uint8)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_svhn(folder, monkeypatch, split, kind):
    levels = np.zeros((32, 32, 3, 7), np.uint8)
    for n, c, h in np.ndindex(7, 3, 32):
        levels[h, :, c, n] = PIXELS[n, c, h]
    content = trusted(monkeypatch, mat(levels, LABELS.astype(kind)), split)
    (folder / "svhn" / f"{split}_32x32.mat").write_bytes(content)
    loaded = data.load("svhn", split)
    assert torch.equal(loaded.x, torch.tensor(PIXELS) / 255) and loaded.x.is_contiguous()
    assert loaded.y.dtype == torch.int64 and loaded.y.tolist() == [1, 9, 0, 2, 0, 5, 7]  # they write 10 for 0
    assert loaded.name == "svhn" and loaded.note == "svhn, colour levels / 255"
    assert len(data.load("svhn", split, fraction=0.01)) == 6  # one of each class


def test_svhn_is_refused_when_truncated_altered_or_not_the_published_one(folder, monkeypatch):
    content = mat(np.zeros((32, 32, 3, 7), np.uint8), LABELS)
    path = folder / "svhn" / "train_32x32.mat"
    path.write_bytes(content)  # a good file, but not the published one
    with pytest.raises(DataError, match=ALTERED):
        data.load("svhn")
    trusted(monkeypatch, content)
    assert len(data.load("svhn")) == 7
    for bad in (content[:-1], content[:60], b"", b"<html>not found</html>", content[:-1] + b"!"):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=f"train_32x32.mat is {ALTERED}"):
            data.load("svhn")


@pytest.mark.parametrize(
    "levels, y",
    [
        (np.zeros((7, 32, 32, 3), np.uint8), LABELS),
        (np.zeros((32, 32, 1, 7), np.uint8), LABELS),
        (np.zeros((32, 32, 3, 6), np.uint8), LABELS),
        (np.zeros((32, 32, 3, 7)), LABELS),
        (np.zeros((32, 32, 3, 7), np.uint8), LABELS - 1),
        (np.zeros((32, 32, 3, 7), np.uint8), LABELS + 1),
    ],
)
def test_svhn_of_another_form(folder, monkeypatch, levels, y):
    (folder / "svhn" / "train_32x32.mat").write_bytes(trusted(monkeypatch, mat(levels, y)))
    with pytest.raises(DataError, match=r"train_32x32.mat does not hold X.*put the published file in its place"):
        data.load("svhn")


def test_svhn_without_labels(folder, monkeypatch):
    content = io.BytesIO()
    savemat(content, {"X": np.zeros((32, 32, 3, 7), np.uint8)})
    (folder / "svhn" / "train_32x32.mat").write_bytes(trusted(monkeypatch, content.getvalue()))
    with pytest.raises(DataError, match="does not hold X"):
        data.load("svhn")


# ---------------------------------------------------------------- CIFAR-10


def records(first, count):
    """A part of CIFAR-10: images of PIXELS from ``first``, with labels 9, 8, ..."""
    return b"".join(bytes([9 - n]) + PIXELS[n].tobytes() for n in range(first, first + count))


@pytest.fixture
def cifar(folder, monkeypatch):
    """Small parts with their checksums, and the archive with its checksum; nothing in the folder yet."""
    contents = {}
    for split, counts in {"train": (1, 2, 1, 1, 1), "test": (7,)}.items():
        starts = np.cumsum((0, *counts))
        files = {
            file: records(start, n) for file, start, n in zip(colour.CIFAR_PARTS[split], starts, counts, strict=False)
        }
        monkeypatch.setitem(colour.CIFAR_PARTS, split, {file: md5(content) for file, content in files.items()})
        contents |= files
    archive = packed({"cifar-10-batches-bin/readme.html": b"read me"} | contents, "w:gz")
    monkeypatch.setattr(colour, "CIFAR", (*colour.CIFAR[:2], md5(archive)))
    return archive, contents


def unpack(contents, folder):
    (folder / "cifar10" / "cifar-10-batches-bin").mkdir()
    for name, content in contents.items():
        (folder / "cifar10" / name).write_bytes(content)


def right(count, split="train"):
    loaded = data.load("cifar10", split)
    same = torch.equal(loaded.x, torch.tensor(PIXELS[:count]) / 255)
    return same and loaded.y.tolist() == [9, 8, 7, 6, 5, 4, 3][:count] and loaded.y.dtype == torch.int64


def test_cifar10_packed_and_unpacked(cifar, folder):
    archive, contents = cifar
    path = folder / "cifar10" / "cifar-10-binary.tar.gz"
    path.write_bytes(archive)
    assert right(6) and right(7, "test")
    loaded = data.load("cifar10")
    assert (loaded.name, loaded.note, loaded.shape) == ("cifar10", "cifar10, colour levels / 255", (3, 32, 32))
    path.unlink()
    unpack(contents, folder)
    assert right(6) and right(7, "test")


def test_cifar10_is_refused_when_truncated_altered_or_not_the_published_one(cifar, folder, monkeypatch):
    archive, contents = cifar
    path = folder / "cifar10" / "cifar-10-binary.tar.gz"
    for bad in (archive[:-1], archive[:100], b"", b"<html>not found</html>", packed(contents, "w:gz")):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=f"cifar-10-binary.tar.gz is {ALTERED}"):
            data.load("cifar10")
    path.unlink()
    unpack(contents, folder)
    part = folder / "cifar10" / "cifar-10-batches-bin" / "data_batch_4.bin"
    whole = part.read_bytes()
    for bad in (whole[:-1], whole[:-3073], b"", whole[:-1] + bytes([whole[-1] ^ 1]), whole + whole):
        part.write_bytes(bad)
        with pytest.raises(DataError, match=f"data_batch_4.bin is {ALTERED}"):
            data.load("cifar10")
    assert right(7, "test")  # another file


def test_cifar10_unpacked_in_part_is_read_from_the_archive(cifar, folder):
    archive, contents = cifar
    unpack(contents, folder)
    (folder / "cifar10" / "cifar-10-batches-bin" / "data_batch_5.bin").unlink()
    with pytest.raises(DataError, match="could not download cifar10/cifar-10-binary.tar.gz.*holds cifar10/cifar-10"):
        data.load("cifar10")
    (folder / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(archive)
    assert right(6)


@pytest.mark.parametrize("bad", [b"", bytes(3072), bytes(3074), bytes(3073) + b"\n" + bytes(3072)])
def test_cifar10_of_another_form(cifar, folder, monkeypatch, bad):
    archive = packed(dict.fromkeys(cifar[1], bad), "w:gz")
    (folder / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(archive)
    monkeypatch.setattr(colour, "CIFAR", (*colour.CIFAR[:2], md5(archive)))
    with pytest.raises(DataError, match="data_batch_1.bin does not hold records of 3073 bytes.*published file"):
        data.load("cifar10")


def test_cifar10_archive_of_something_else(cifar, folder, monkeypatch):
    archive = packed({"cifar-10-batches-bin/data_batch_1.bin": records(0, 1)}, "w:gz")
    (folder / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(archive)
    monkeypatch.setattr(colour, "CIFAR", (*colour.CIFAR[:2], md5(archive)))
    with pytest.raises(DataError, match="tar.gz does not hold cifar-10-batches-bin/data_batch_2.bin; put"):
        data.load("cifar10")


# ---------------------------------------------------------------- downloads


def test_no_network(folder):
    for name, file in (("svhn", "train_32x32.mat"), ("cifar10", "cifar-10-binary.tar.gz")):
        said = f"could not download {name}/{file}.*Check the network and try again, or set GANVAE_DATA to a folder that holds {name}/{file}"
        with pytest.raises(DataError, match=said):
            data.load(name)
        assert not list((folder / "cache" / name).iterdir())


@pytest.mark.parametrize("name", ["svhn", "cifar10"])
def test_download(cifar, folder, monkeypatch, name):
    file = {"svhn": "train_32x32.mat", "cifar10": "cifar-10-binary.tar.gz"}[name]
    good = {"svhn": mat(PIXELS.transpose(2, 3, 1, 0), LABELS), "cifar10": cifar[0]}[name]
    monkeypatch.delenv("GANVAE_DATA")
    server = Server()
    try:
        monkeypatch.setitem(colour.SVHN, "train", (colour.SVHN["train"][0], (server.url,), md5(good)))
        monkeypatch.setattr(colour, "CIFAR", (file, (server.url,), md5(good)))
        server.files[file] = good[:-1] + b"!"
        with pytest.raises(DataError, match="could not download"):
            data.load(name)
        assert not list((folder / "cache" / name).iterdir())  # nothing that the next call would trust
        server.files[file], server.breaks, server.limit = good, 2, 1000
        with pytest.raises(DataError, match="broke off"):
            data.load(name)
        assert [path.name for path in (folder / "cache" / name).iterdir()] == [f"{file}.part"]
        first = data.load(name)  # goes on where it stopped
        assert server.ranges[-1] == "bytes=2000-"
        server.files.clear()
        assert data.load(name).digest == first.digest  # asks for nothing
        (folder / "cache" / name / file).write_bytes(good[:500])
        with pytest.raises(DataError, match="could not download"):  # a file broken in the cache is not trusted
            data.load(name)
    finally:
        server.shutdown()
        server.server_close()


# ---------------------------------------------------------------- the JPEG copy


def jpeg(n, mode="RGB", size=(32, 32)):
    """A JPEG file: the left half of PIXELS[n]'s first colour, the right half black; and the levels that it holds."""
    levels = np.zeros((*size, 3), np.uint8)
    levels[:, :16] = PIXELS[n, :, 0, 0]
    levels[24:, :] = (255, 0, 0)
    whole = io.BytesIO()
    Image.fromarray(levels).convert(mode).save(whole, "JPEG", quality=100, subsampling=0)
    return whole.getvalue(), levels.transpose(2, 0, 1)


def jpegs(folder, monkeypatch, files):
    archive = lzma.compress(packed({f"cifar10-jpeg/{name}": content for name, content in files.items()}, "w"))
    (folder / "cifar10-jpeg" / "cifar10-jpeg.tar.xz").write_bytes(archive)
    monkeypatch.setattr(colour, "JPEG", (colour.JPEG[0], "sha256:" + hashlib.sha256(archive).hexdigest()))
    return archive


def test_jpeg_copy(folder, monkeypatch):
    order = ["train/truck/0000.jpg", "train/airplane/0000.jpg", "train/truck/0001.jpg"]
    tests = ["test/cat/0001.jpg", "test/bird/0000.jpg", "test/cat/0000.jpg"]
    lines = [f"{i},{path},{label}" for i, (path, label) in enumerate(zip(order, (9, 0, 9), strict=True))]
    files = {"train_labels_in_order.csv": "\n".join(["index,file,label", *lines, ""]).encode()}
    files |= {path: jpeg(n)[0] for n, path in enumerate(sorted(order) + tests)}
    archive = jpegs(folder, monkeypatch, files)
    train, test = data.load("cifar10-jpeg"), data.load("cifar10-jpeg", "test")
    assert (train.y.tolist(), test.y.tolist()) == ([9, 0, 9], [2, 3, 3])
    for loaded, images in ((train, [1, 0, 2]), (test, [4, 5, 3])):
        true = torch.tensor(np.stack([jpeg(n)[1] for n in images])) / 255
        assert loaded.x.shape == (3, 3, 32, 32) and loaded.x.is_contiguous()
        assert (loaded.x - true).abs().max() <= 3 / 255  # what the best quality of JPEG leaves of flat colours
        levels = [np.array(Image.open(io.BytesIO(jpeg(n)[0]))).transpose(2, 0, 1) for n in images]
        assert torch.equal(loaded.x, torch.tensor(np.stack(levels)) / 255)
        assert loaded.name == "cifar10-jpeg" and loaded.note.startswith("CIFAR-10 (JPEG copy): lossy")
    path = folder / "cifar10-jpeg" / "cifar10-jpeg.tar.xz"
    for bad in (archive[:-1], b"", archive[:-1] + b"!"):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=ALTERED):
            data.load("cifar10-jpeg")


@pytest.mark.parametrize("odd", [dict(mode="L"), dict(size=(16, 32)), dict(size=(1, 16))])
def test_jpeg_of_another_form(folder, monkeypatch, odd):
    jpegs(folder, monkeypatch, {"test/cat/0000.jpg": jpeg(0, **odd)[0]})
    with pytest.raises(DataError, match="test/cat/0000.jpg in .* does not hold a colour image of 32 x 32"):
        data.load("cifar10-jpeg", "test")


@pytest.mark.parametrize("set_folder", [True, False])
def test_jpeg_copy_is_not_downloaded(folder, monkeypatch, set_folder):
    if not set_folder:
        monkeypatch.delenv("GANVAE_DATA")
    monkeypatch.setattr("pooch.retrieve", lambda *_, **__: pytest.fail("nothing to ask for"))
    with pytest.raises(DataError, match="not downloaded: set GANVAE_DATA to a folder that holds it, or load 'cifar10'"):
        data.load("cifar10-jpeg")


# ---------------------------------------------------------------- memory, names


def test_real_sets_are_handed_over_as_they_are_kept(folder, monkeypatch):
    """Training images of SVHN are 0.9 GB of float32, and 0.2 of bytes: no copy of these on the way to the reader."""
    content = trusted(monkeypatch, mat(PIXELS.transpose(2, 3, 1, 0), LABELS))
    (folder / "svhn" / "train_32x32.mat").write_bytes(content)
    given = []
    inner = colour.SETS["svhn"]

    def seen(name, split):
        given.append(inner(name, split))
        return given[0]

    kept = loading.from_files("svhn", seen)("train", 0)
    assert given[0][0].dtype == np.uint8 and kept.x.data_ptr() == given[0][0].ctypes.data
    monkeypatch.setitem(data.DATA_SETS, "svhn", lambda split, seed: kept)
    loaded = data.load("svhn")
    assert loaded.x.dtype == torch.float32 and loaded.x.is_contiguous() and torch.equal(loaded.x, kept.x / 255)


def test_names():
    assert set(colour.SETS) <= set(data.NAMES)
    with pytest.raises(ValueError, match="did you mean 'cifar10'"):
        data.load("CIFAR-10")
    with pytest.raises(ValueError, match="did you mean 'svhn'"):
        data.load("shvn")
