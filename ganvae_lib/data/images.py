"""Colour images of 32 x 32 pixels: SVHN, CIFAR-10, and a JPEG copy of CIFAR-10.

As in ``files``, a file is used only if its checksum is right. Each set is a function (name, split) ->
(images [N, 3, 32, 32] in [0, 1], labels [N], note).
"""

from __future__ import annotations

import io
import tarfile

import numpy as np

from ..errors import DataError
from .files import ImageSet, local, verified

__all__ = ["CIFAR", "CIFAR_PARTS", "COLOUR", "JPEG", "SVHN"]

_STANFORD = ("http://ufldl.stanford.edu/housenumbers/",)

SVHN = {
    "train": ("train_32x32.mat", _STANFORD, "md5:e26dedcc434d2e4c54c9b2d4a06d8373"),
    "test": ("test_32x32.mat", _STANFORD, "md5:eb5a983be6a315427106f1b164d9cef3"),
}

CIFAR = ("cifar-10-binary.tar.gz", ("https://www.cs.toronto.edu/~kriz/",), "md5:c32a1d4ab5d03f1284b67883e8d87530")

# what the archive holds, for those who have unpacked it
CIFAR_PARTS = {
    "train": {
        "cifar-10-batches-bin/data_batch_1.bin": "md5:5dd7e06a14cb22eb9f671a540d1b7c25",
        "cifar-10-batches-bin/data_batch_2.bin": "md5:5ea93a67294ea407fff1d09f752e9692",
        "cifar-10-batches-bin/data_batch_3.bin": "md5:942cd6a4bcdd0dd3c604fbe906cb4421",
        "cifar-10-batches-bin/data_batch_4.bin": "md5:ae636b3ba5c66a11e91e8cb52e771fcb",
        "cifar-10-batches-bin/data_batch_5.bin": "md5:53f37980c15c3d472c316c40844f3f0d",
    },
    "test": {"cifar-10-batches-bin/test_batch.bin": "md5:803d5f7f4d78ea53de84dbe85f74fb6d"},
}

_RECORD = 1 + 3 * 32 * 32  # bytes of an example: its label, then its red, green and blue levels

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

JPEG = ("cifar10-jpeg.tar.xz", "sha256:86cafe81f71dc4949d71f09c4f8b95fd3b1feaf580edf5f04206d3a1eac37047")


def svhn(name: str, split: str) -> ImageSet:
    """SVHN, cropped: 73257 and 26032 digits from photographs of house numbers, more of each in their margins."""
    from scipy.io import loadmat

    file = SVHN[split][0]
    content = loadmat(io.BytesIO(verified(name, *SVHN[split])))
    levels = content.get("X", np.zeros(0))
    labels = content.get("y", np.zeros(0))
    fits = levels.shape == (32, 32, 3, labels.size) and levels.dtype == np.uint8
    if not fits or not np.isin(labels, range(1, 11)).all():
        raise _unlike(file, "X, bytes [32, 32, 3, N], and y, N labels from 1 to 10")
    labels = labels.astype(np.int64).ravel() % 10  # the label of the digit 0 is 10
    return _scaled(levels.transpose(3, 2, 0, 1)), labels, "svhn, colour levels / 255"


def cifar10(name: str, split: str) -> ImageSet:
    """CIFAR-10, the binary version (no pickle): 50000 and 10000 photographs of ten kinds of things."""
    parts = CIFAR_PARTS[split]
    if all(local(name, file) for file in parts):
        contents = [verified(name, file, (), checksum) for file, checksum in parts.items()]
    else:
        unpacked = _unpacked(verified(name, *CIFAR), "./")
        if missing := [file for file in parts if file not in unpacked]:
            raise _unlike(CIFAR[0], missing[0])
        contents = [unpacked[file] for file in parts]
    for file, content in zip(parts, contents, strict=True):
        if not content or len(content) % _RECORD or max(content[::_RECORD]) > 9:
            raise _unlike(file, "records of 3073 bytes with a label from 0 to 9 first")
    records = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, _RECORD)
    images = _scaled(records[:, 1:]).reshape(-1, 3, 32, 32)
    return images, records[:, 0].astype(np.int64), "cifar10, colour levels / 255"


def cifar10_jpeg(name: str, split: str) -> ImageSet:
    """The images of CIFAR-10 after JPEG compression: not the original pixels. Only the split asked for is decoded.

    The training images stand in the order of CIFAR-10, the test images by class. Levels may differ by a few units
    between versions of the JPEG library.
    """
    file, checksum = JPEG
    if local(name, file) is None:
        raise DataError(
            f"{name}/{file} is published nowhere, so it is not downloaded: set GANVAE_DATA to a folder "
            "that holds it, or load 'cifar10', the original images."
        )
    import lzma

    from PIL import Image

    unpacked = _unpacked(lzma.decompress(verified(name, file, (), checksum)), "cifar10-jpeg/")
    if split == "train":
        _header, *lines = unpacked["train_labels_in_order.csv"].decode().split()
        rows = [line.split(",") for line in lines]
        labels = {path: int(label) for _index, path, label in rows}
    else:
        paths = sorted(path for path in unpacked if path.startswith("test/"))
        labels = {path: CIFAR_CLASSES.index(path.split("/")[1]) for path in paths}  # test/CLASS/...
    levels = np.empty((len(labels), 3, 32, 32), np.uint8)
    for i, path in enumerate(labels):
        image = Image.open(io.BytesIO(unpacked[path]), formats=["JPEG"])
        if image.mode != "RGB" or image.size != (32, 32):
            raise _unlike(f"{path} in {file}", "a colour image of 32 x 32 pixels")
        levels[i] = np.asarray(image).transpose(2, 0, 1)
    note = "CIFAR-10 (JPEG copy): lossy, compares with no result on CIFAR-10; colour levels / 255"
    return _scaled(levels), np.array(list(labels.values())), note


COLOUR = {"svhn": svhn, "cifar10": cifar10, "cifar10-jpeg": cifar10_jpeg}


def _unpacked(archive: bytes, folder: str) -> dict[str, bytes]:
    """What the files of a tar hold, by their names without the folder."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        opened = {member.name.removeprefix(folder): tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in opened.items() if file is not None}


def _scaled(levels: np.ndarray) -> np.ndarray:
    """Bytes to float32 in [0, 1], in one pass and row by row, so that nobody needs a second copy of so many pixels."""
    return np.divide(levels, 255, dtype=np.float32, order="C")


def _unlike(file: str, what: str) -> DataError:
    """The error about a file that is intact but does not hold ``what`` it should."""
    return DataError(f"{file} does not hold {what}; put the published file in its place.")
