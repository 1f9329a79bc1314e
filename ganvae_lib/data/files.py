"""Where the real data come from: one function per set, and files that are found, checked and downloaded.

A file is used only if its checksum is right, wherever it was found. Each set is a function (name, split) ->
(images [N, 1, H, W] in [0, 1], labels [N], note), all numpy. ``data.load`` is the way in for readers.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

__all__ = ["ALTERED", "IDX", "SETS", "USPS", "USPS_PIXELS", "ImageSet", "digits", "download", "local", "verified"]

ImageSet = tuple[np.ndarray, np.ndarray, str]  # images [N, channels, H, W] in [0, 1], labels [N], and a note

# Mirrors in the order in which they are tried; the md5 of each .gz; and the sha256 of what it holds, because repackers
# change the gzip header and not the content.
IDX = {
    "mnist": (
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {
            "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
        },
        {
            "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": (
        (
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        {
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
        {
            "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
}

_LIBSVM = ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",)
_HASTIE = ("https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",)

USPS = {
    "train": (
        ("usps.bz2", _LIBSVM, "md5:ec16c51db3855ca6c91edd34d0e9b197"),
        ("zip.train.gz", _HASTIE, "sha256:66ebf231ab51f2cf6ac1a892d0f98ccffee1079d7a5db638c1f11f366046ca16"),
    ),
    "test": (
        ("usps.t.bz2", _LIBSVM, "md5:8ea070ee2aca1ac39742fdd1ef5ed118"),
        ("zip.test.gz", _HASTIE, "sha256:8dacc3c6e136af6c3488de9e5113a7daf140c8c2f1f0b61c54ee02f03f1a962f"),
    ),
}

# usps.h5 comes in several packings, so its pixels are hashed, sha256 of round(2000 x), little-endian int16
USPS_PIXELS = {
    "train": "4cc10903414bb4be4b10f0203b73ceab02be2ac780faa3aafea3cfe226ec62fc",
    "test": "c8d20aa8f19bae84192211340054be91bc13731398616889e78aef4ce6d72f78",
}

ALTERED = "{} is truncated or altered: its checksum is not the published one. Delete it or put a good copy there."


def digits(name: str, split: str) -> ImageSet:
    """1797 digits of 8 x 8 pixels and 17 grey levels that come with scikit-learn: 1500 train, 297 test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    train_rows, test_rows = train_test_split(np.arange(1797), test_size=297, stratify=bunch.target, random_state=0)
    rows = np.sort(train_rows if split == "train" else test_rows)
    return bunch.images[rows, None] / 16, bunch.target[rows], "scikit-learn digits, grey levels / 16"


def idx_set(name: str, split: str) -> ImageSet:
    """MNIST and Fashion-MNIST: 60000 and 10000 images of 28 x 28 pixels and 256 grey levels."""
    mirrors, packed, content = IDX[name]
    prefix = {"train": "train", "test": "t10k"}[split]

    def array(file: str) -> np.ndarray:
        return read_idx(verified(name, file, mirrors, packed[file], content[file]), file)

    levels = array(f"{prefix}-images-idx3-ubyte.gz")
    labels = array(f"{prefix}-labels-idx1-ubyte.gz")
    return levels[:, None] / np.float32(255), labels, f"{name}, grey levels / 255"


def usps(name: str, split: str) -> ImageSet:
    """USPS: 7291 and 2007 digits of 16 x 16 pixels; LIBSVM or ESL text, or a local usps.h5 (needs h5py)."""
    h5 = local(name, "usps.h5")
    local_sources = [source for source in USPS[split] if local(name, source[0])]  # source[0] is the file's name
    if h5 and not local_sources:
        levels, labels = _usps_h5(h5, split)
    else:
        levels, labels = _usps_text(local_sources[:1] or USPS[split])
    return levels.reshape(-1, 1, 16, 16), labels.astype(np.int64), "usps, grey levels in [0, 1]"


def _usps_text(sources: Sequence[tuple[str, tuple[str, ...], str]]) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels [N, 256] and labels, from the first of these text files that can be had."""
    for file, mirrors, checksum in sources:
        try:
            content = io.BytesIO(verified("usps", file, mirrors, checksum))
            break
        except DataError:
            if file == sources[-1][0]:  # there is no other to try
                raise
    if file.endswith(".gz"):  # one digit a line: the label, then 256 grey levels in [-1, 1]
        table = np.loadtxt(content, ndmin=2)
        return (table[:, 1:] + 1) / 2, table[:, 0]
    from sklearn.datasets import load_svmlight_file

    levels, labels = load_svmlight_file(content, n_features=256)  # the same grey levels; labels 1 to 10
    return (levels.toarray() + 1) / 2, labels - 1


def _usps_h5(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels and labels from a local usps.h5, whose pixels have the right checksum."""
    try:
        import h5py
    except ImportError:
        raise DataError(f"reading {path} needs h5py: pip install h5py, or put {USPS[split][0][0]} beside it.") from None
    try:
        with h5py.File(path) as file:
            levels, labels = file[split]["data"][:], file[split]["target"][:]
        pixels = np.round(levels * 2000).astype("<i2").tobytes()
        intact = hashlib.sha256(pixels).hexdigest() == USPS_PIXELS[split]
    except (OSError, KeyError):
        intact = False
    if not intact:
        raise DataError(ALTERED.format(path))
    return levels, labels


SETS = {"digits": digits, "mnist": idx_set, "fashion-mnist": idx_set, "usps": usps}


def read_idx(content: bytes, file: str) -> np.ndarray:
    """The array in an IDX file: two zero bytes, type (8: uint8), rank, big-endian int32 sizes, values."""
    rank = content[3] if len(content) > 3 else 0
    header_length = 4 + 4 * rank
    sizes = np.frombuffer(content, ">i4", rank, offset=4) if len(content) >= header_length else np.zeros(1)
    if content[:3] != b"\0\0\x08" or len(content) != header_length + sizes.prod(dtype=np.int64):
        raise DataError(f"{file} is not an IDX file of bytes; put the published file in its place.")
    return np.frombuffer(content, np.uint8, offset=header_length).reshape(tuple(sizes))


def local(folder: str, file: str) -> Path | None:
    """The file in GANVAE_DATA, packed or not, or None."""
    root = os.environ.get("GANVAE_DATA")
    if root and not Path(root).is_dir():
        raise DataError(f"GANVAE_DATA is {root!r}, which is not a folder; correct it, or unset it to download.")
    if not root:
        return None
    unpacked = file.removesuffix(".gz").removesuffix(".bz2")
    for path in (Path(root, folder, file), Path(root, folder, unpacked)):
        if path.is_file():
            return path
    return None


def verified(folder: str, file: str, mirrors: Sequence[str], checksum: str, content_sha256: str | None = None) -> bytes:
    """The unpacked bytes of an intact file: the packed or the unpacked bytes have the right checksum."""
    path = local(folder, file) or download(folder, file, mirrors, checksum)
    packed = path.read_bytes()
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(path.suffix, bytes)
    try:
        content = unpack(packed)
    except (OSError, EOFError, ValueError, zlib.error):
        raise DataError(ALTERED.format(path)) from None
    algorithm, expected = checksum.split(":")
    packed_intact = hashlib.new(algorithm, packed).hexdigest() == expected
    if not packed_intact and hashlib.sha256(content).hexdigest() != content_sha256:
        raise DataError(ALTERED.format(path))
    return content


def download(folder: str, file: str, mirrors: Sequence[str], checksum: str) -> Path:
    """The file in the cache, checked; from the first mirror that has it. Two rounds, each resumes."""
    remedy = f"or set GANVAE_DATA to a folder that holds {folder}/{file}."
    try:
        import pooch
    except ImportError:
        raise DataError(f"downloading {folder} needs pooch: pip install pooch, {remedy}") from None
    cache = Path(os.environ.get("GANVAE_CACHE") or pooch.os_cache("ganvae_lib")) / folder
    # A mirror is a folder, or the address of the file where it has another name there.
    addresses = [mirror + file if mirror.endswith("/") else mirror for mirror in mirrors]
    for address in addresses + addresses:  # two rounds
        try:
            return Path(pooch.retrieve(address, checksum, fname=file, path=cache, downloader=_resume))
        except (OSError, ValueError) as error:  # no connection, HTTP error, full disk; or a wrong checksum
            last_error = " ".join(str(error).split())[:200]  # on one line, and not a whole page
    raise DataError(
        f"could not download {folder}/{file} (last try: {last_error}). Check the network and try again, {remedy}"
    )


def _resume(url: str, output: str, _pooch: Any) -> None:
    """Downloader for pooch: bytes gather in a .part file, and a broken transfer goes on where it stopped.

    pooch moves the finished file into the cache only if its checksum is right.
    """
    import requests
    import urllib3

    part = Path(output).with_name(url.rsplit("/", 1)[-1] + ".part")
    bytes_so_far = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if bytes_so_far:
        headers["Range"] = f"bytes={bytes_so_far}-"
    with requests.get(url, headers=headers, stream=True, timeout=30) as reply:
        if reply.status_code == 416:  # range not satisfiable, nothing after these bytes: start again
            part.unlink()
        reply.raise_for_status()
        resumed = reply.status_code == 206  # partial content, as asked
        try:
            with open(part, "ab" if resumed else "wb") as target:
                for chunk in reply.raw.stream(2**16, decode_content=False):  # requests would gunzip some replies
                    target.write(chunk)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(f"{url} broke off: {error}") from None
    expected = int(reply.headers.get("Content-Length", 0)) + (bytes_so_far if resumed else 0)
    if part.stat().st_size < expected:
        raise ConnectionError(f"{url} broke off")
    part.replace(output)
