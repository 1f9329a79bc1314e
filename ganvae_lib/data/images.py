"""Real images, grey and in colour: where they come from, and how their files are read.

A file is used only if its checksum is right, wherever it was found. Each set is a function (name, split) ->
(images [N, channels, H, W], bytes or in [0, 1], labels [N], note), all numpy. ``data.load`` is the way in for readers.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..storage.downloads import ALTERED, local, verified

__all__ = ["CIFAR", "CIFAR_PARTS", "IDX", "JPEG", "SETS", "SVHN", "USPS", "USPS_PIXELS", "ImageSet", "digits"]

ImageSet = tuple[np.ndarray, np.ndarray, str]  # images [N, channels, H, W], bytes or in [0, 1], labels [N], and a note

# Mirrors in the order in which they are tried; the sha256 of each .gz; and that of what it holds, because repackers
# change the gzip header and not the content.
IDX = {
    "mnist": (
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {
            "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
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
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        ),
        {
            "train-images-idx3-ubyte.gz": "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
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

# Of the files of LIBSVM only the md5 is published.
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


def digits(name: str, split: str) -> ImageSet:
    """1797 digits of 8 x 8 pixels and 17 grey levels that come with scikit-learn: 1500 train, 297 test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    train_rows, test_rows = train_test_split(np.arange(1797), test_size=297, stratify=bunch.target, random_state=0)
    chosen_rows = np.sort(train_rows if split == "train" else test_rows)
    return bunch.images[chosen_rows, None] / 16, bunch.target[chosen_rows], "scikit-learn digits, grey levels / 16"


def idx_set(name: str, split: str) -> ImageSet:
    """MNIST and Fashion-MNIST: 60000 and 10000 images of 28 x 28 pixels and 256 grey levels."""
    mirrors, packed_checksums, content_sha256 = IDX[name]
    prefix = {"train": "train", "test": "t10k"}[split]

    def read_array(file: str) -> np.ndarray:
        return read_idx(verified(name, file, mirrors, packed_checksums[file], content_sha256[file]), file)

    grey_levels = read_array(f"{prefix}-images-idx3-ubyte.gz")
    labels = read_array(f"{prefix}-labels-idx1-ubyte.gz")
    return grey_levels[:, None], labels, f"{name}, grey levels / 255"


def usps(name: str, split: str) -> ImageSet:
    """USPS: 7291 and 2007 digits of 16 x 16 pixels; LIBSVM or ESL text, or a local usps.h5 (needs h5py)."""
    h5_path = local(name, "usps.h5")
    local_sources = [source for source in USPS[split] if local(name, source[0])]  # source[0] is the file's name
    if h5_path and not local_sources:
        grey_levels, labels = _usps_h5(h5_path, split)
    else:
        grey_levels, labels = _usps_text(local_sources[:1] or USPS[split])
    return grey_levels.reshape(-1, 1, 16, 16), labels.astype(np.int64), "usps, grey levels in [0, 1]"


def _usps_text(sources: Sequence[tuple[str, tuple[str, ...], str]]) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels [N, 256] and labels, from the first of these text files that can be had."""
    for file, mirrors, checksum in sources:
        try:
            text_file = io.BytesIO(verified("usps", file, mirrors, checksum))
            break
        except DataError:
            if file == sources[-1][0]:  # there is no other to try
                raise
    if file.endswith(".gz"):  # one digit a line: the label, then 256 grey levels in [-1, 1]
        digit_table = np.loadtxt(text_file, ndmin=2)
        return (digit_table[:, 1:] + 1) / 2, digit_table[:, 0]
    from sklearn.datasets import load_svmlight_file

    grey_levels, labels = load_svmlight_file(text_file, n_features=256)  # the same grey levels; labels 1 to 10
    return (grey_levels.toarray() + 1) / 2, labels - 1


def _usps_h5(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels and labels from a local usps.h5, whose pixels have the right checksum."""
    try:
        import h5py
    except ImportError:
        raise DataError(f"reading {path} needs h5py: pip install h5py, or put {USPS[split][0][0]} beside it.") from None
    try:
        with h5py.File(path) as file:
            grey_levels, labels = file[split]["data"][:], file[split]["target"][:]
        pixels = np.round(grey_levels * 2000).astype("<i2").tobytes()
        is_intact = hashlib.sha256(pixels).hexdigest() == USPS_PIXELS[split]
    except (OSError, KeyError):
        is_intact = False
    if not is_intact:
        raise DataError(ALTERED.format(path))
    return grey_levels, labels


def read_idx(content: bytes, file: str) -> np.ndarray:
    """The array in an IDX file: two zero bytes, type (8: uint8), rank, big-endian int32 sizes, values."""
    rank = content[3] if len(content) > 3 else 0
    header_length = 4 + 4 * rank
    sizes = np.frombuffer(content, ">i4", rank, offset=4) if len(content) >= header_length else np.zeros(1)
    if content[:3] != b"\0\0\x08" or len(content) != header_length + sizes.prod(dtype=np.int64):
        raise DataError(f"{file} is not an IDX file of bytes; put the published file in its place.")
    return np.frombuffer(content, np.uint8, offset=header_length).reshape(tuple(sizes))


# ---------------------------------------------------------------- colour

_STANFORD = ("https://ufldl.stanford.edu/housenumbers/",)

SVHN = {
    "train": ("train_32x32.mat", _STANFORD, "sha256:435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
    "test": ("test_32x32.mat", _STANFORD, "sha256:cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
}

CIFAR = (
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/",),
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

# what the archive holds, for those who have unpacked it
_FOLDER = "cifar-10-batches-bin"
CIFAR_PARTS = {
    "train": {
        f"{_FOLDER}/data_batch_1.bin": "sha256:cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        f"{_FOLDER}/data_batch_2.bin": "sha256:a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        f"{_FOLDER}/data_batch_3.bin": "sha256:bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        f"{_FOLDER}/data_batch_4.bin": "sha256:014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        f"{_FOLDER}/data_batch_5.bin": "sha256:755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    },
    "test": {
        f"{_FOLDER}/test_batch.bin": "sha256:8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
}

_RECORD_BYTES = 1 + 3 * 32 * 32  # bytes of an example: its label, then its red, green and blue levels

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

JPEG = ("cifar10-jpeg.tar.xz", "sha256:86cafe81f71dc4949d71f09c4f8b95fd3b1feaf580edf5f04206d3a1eac37047")


def svhn(name: str, split: str) -> ImageSet:
    """SVHN, cropped: 73257 and 26032 digits from photographs of house numbers, more of each in their margins."""
    from scipy.io import loadmat

    file = SVHN[split][0]
    matlab_arrays = loadmat(io.BytesIO(verified(name, *SVHN[split])))
    levels = matlab_arrays.get("X", np.zeros(0))
    labels = matlab_arrays.get("y", np.zeros(0))
    has_expected_shape = levels.shape == (32, 32, 3, labels.size) and levels.dtype == np.uint8
    if not has_expected_shape or not np.isin(labels, range(1, 11)).all():
        raise _wrong_content(file, "X, bytes [32, 32, 3, N], and y, N labels from 1 to 10")
    labels = labels.astype(np.int64).ravel() % 10  # the label of the digit 0 is 10
    return levels.transpose(3, 2, 0, 1), labels, "svhn, colour levels / 255"


def cifar10(name: str, split: str) -> ImageSet:
    """CIFAR-10, the binary version (no pickle): 50000 and 10000 photographs of ten kinds of things."""
    part_checksums = CIFAR_PARTS[split]
    if all(local(name, file) for file in part_checksums):
        file_contents = [verified(name, file, (), checksum) for file, checksum in part_checksums.items()]
    else:
        unpacked_files = _unpacked(verified(name, *CIFAR), "./")
        if missing_files := [file for file in part_checksums if file not in unpacked_files]:
            raise _wrong_content(CIFAR[0], missing_files[0])
        file_contents = [unpacked_files[file] for file in part_checksums]
    for file, content in zip(part_checksums, file_contents, strict=True):
        if not content or len(content) % _RECORD_BYTES or max(content[::_RECORD_BYTES]) > 9:
            raise _wrong_content(file, "records of 3073 bytes with a label from 0 to 9 first")
    records = np.frombuffer(b"".join(file_contents), np.uint8).reshape(-1, _RECORD_BYTES)
    images = records[:, 1:].reshape(-1, 3, 32, 32)
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

    unpacked_files = _unpacked(lzma.decompress(verified(name, file, (), checksum)), "cifar10-jpeg/")
    if split == "train":
        _header, *csv_lines = unpacked_files["train_labels_in_order.csv"].decode().split()
        csv_rows = [line.split(",") for line in csv_lines]
        label_of_path = {path: int(label) for _index, path, label in csv_rows}
    else:
        test_paths = sorted(path for path in unpacked_files if path.startswith("test/"))
        label_of_path = {path: CIFAR_CLASSES.index(path.split("/")[1]) for path in test_paths}  # test/CLASS/...
    colour_levels = np.empty((len(label_of_path), 3, 32, 32), np.uint8)
    for index, path in enumerate(label_of_path):
        jpeg_image = Image.open(io.BytesIO(unpacked_files[path]), formats=["JPEG"])
        if jpeg_image.mode != "RGB" or jpeg_image.size != (32, 32):
            raise _wrong_content(f"{path} in {file}", "a colour image of 32 x 32 pixels")
        colour_levels[index] = np.asarray(jpeg_image).transpose(2, 0, 1)
    note = "CIFAR-10 (JPEG copy): lossy, compares with no result on CIFAR-10; colour levels / 255"
    return colour_levels, np.array(list(label_of_path.values())), note


SETS = {
    "digits": digits,
    "mnist": idx_set,
    "fashion-mnist": idx_set,
    "usps": usps,
    "svhn": svhn,
    "cifar10": cifar10,
    "cifar10-jpeg": cifar10_jpeg,
}


def _unpacked(archive: bytes, folder: str) -> dict[str, bytes]:
    """What the files of a tar hold, by their names without the folder."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        open_files = {member.name.removeprefix(folder): tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in open_files.items() if file is not None}


def _wrong_content(file: str, what: str) -> DataError:
    """The error about a file that is intact but does not hold ``what`` it should."""
    return DataError(f"{file} does not hold {what}; put the published file in its place.")
