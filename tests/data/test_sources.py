"""Data as people hold them: whatever it is, the same examples come out, or a sentence says what x must be."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from ganvae_lib import Data, Domains, build, fit, load, zoo
from ganvae_lib.data import as_floats

X = torch.rand(12, 1, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 3
BYTES = (255 * X).byte()


class Pairs(Dataset):
    """A map-style data set of one's own."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        if i >= 12:
            raise IndexError
        return X[i], int(Y[i])


class Frame:
    """What every data frame has."""

    def __init__(self, **columns):
        self.columns, self.given = list(columns), columns

    def __getitem__(self, name):
        return self.given[name]

    def to_numpy(self):
        return np.stack([np.asarray(self.given[name]) for name in self.columns], 1)


HELD = {
    "tensor": (X, None),
    "float64": (X.double(), None),
    "array": (X.numpy(), None),
    "float64 array": (X.double().numpy(), None),
    "other byte order": (X.numpy().astype(">f4"), None),
    "array that nobody may write to": (np.broadcast_to(X.numpy(), X.shape), None),
    "reversed twice": (X.numpy()[::-1].copy()[::-1], None),
    "TensorDataset": (TensorDataset(X), None),
    "TensorDataset with labels": (TensorDataset(X, Y), Y),
    "random split": (Subset(TensorDataset(X, Y), range(12)), Y),
    "Dataset": (Pairs(), Y),
    "ConcatDataset": (ConcatDataset([TensorDataset(X[:5], Y[:5]), TensorDataset(X[5:], Y[5:])]), Y),
    "DataLoader": (DataLoader(Pairs(), batch_size=5, shuffle=True, drop_last=True), Y),
    "list of tensors": (list(X), None),
    "list of arrays": (list(X.numpy()), None),
    "tuple of arrays": (tuple(X.numpy()), None),
    "nested lists": (X.tolist(), None),
    "list of pairs": ([(x, int(y)) for x, y in zip(X, Y, strict=True)], Y),
}


@pytest.mark.parametrize("held", HELD)
def test_the_same_examples_come_out(held):
    source, y = HELD[held]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = Data(source)
    assert data.x.dtype == torch.float32 and torch.equal(data.x, X)
    assert (data.y is None) if y is None else (torch.equal(data.y, y) and data.classes == 3)
    assert data.digest == Data(X, y).digest
    assert "batch size and order are fit's" in data.note if held == "DataLoader" else True
    model = build(zoo.VAE, source, hidden=(8,))
    assert model.spec.shape == (1, 6, 6)
    run = fit(model, source, 3, batch=4, device="cpu", progress=False)
    again = fit(model, Data(X, y), 3, batch=4, device="cpu", progress=False)
    assert torch.equal(run.sample(4), again.sample(4))
    if held not in ("other byte order", "list of pairs"):
        assert torch.equal(run.evaluate(source)["ELBO (nats)"], run.evaluate(Data(X))["ELBO (nats)"])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint16", "uint32", "bool", "uint8"]
    ),
    st.lists(st.integers(1, 4), min_size=2, max_size=5),
    st.booleans(),
)
def test_arrays_and_tensors_of_every_type_become_float32(kind, shape, as_tensor):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(kind)
    source = (
        torch.from_numpy(array.astype("int64")).to(getattr(torch, kind)) if as_tensor and kind[:4] != "uint" else array
    )
    data = Data(source, channels="first" if len(shape) == 4 else None)
    are_images = kind == "uint8" and len(shape) in (3, 4)
    assert data.x.dtype == (torch.uint8 if are_images else torch.float32) and len(data) == shape[0]
    assert torch.equal(data.x.flatten().double(), torch.from_numpy(array.astype("float64")).flatten())
    assert data.shape == ((1, *shape[1:]) if are_images and len(shape) == 3 else tuple(shape[1:]))


def test_a_tensor_is_copied_only_where_it_must_be_and_leaves_its_graph():
    weight = torch.ones(2, requires_grad=True)
    codes = X.flatten(1)[:, :2] * weight
    data = Data(codes)
    assert not data.x.requires_grad and data.x.data_ptr() == codes.data_ptr()
    assert Data(X).x is X and Data(X.numpy()).x.data_ptr() == X.data_ptr()
    fit(build(zoo.VAE, data, hidden=(8,)), data, 2, device="cpu", progress=False)
    assert weight.grad is None


class Shaped(Dataset):
    """Items as they are given."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Endless(IterableDataset):
    def __iter__(self):
        return iter(X)


WRONG = [
    (torch.zeros(3, 2, dtype=torch.complex64), "dense tensor of real numbers, not torch.complex64"),
    (torch.eye(3).to_sparse(), "dense tensor of real numbers"),
    (torch.zeros(3, 2, device="meta"), "dense tensor of real numbers"),
    (np.array([["a", "b"]]), "real numbers that become float32"),
    (np.array([[1, None]]), "real numbers that become float32"),
    (np.ma.masked_array([[1.0, 2.0]], [[True, False]]), "masked; fill or remove"),
    ([np.zeros(2), np.zeros(3)], "item 1 is torch.float32 of shape .3,. where item 0"),
    ([[1.0, 2.0], [1.0]], "one shape and type"),
    ([["a", "b"]], "real numbers that become float32"),
    ([], "x is empty"),
    (["a.png", "b.png"], "image files that exist, and there is no file 'a.png'.*Text.from_lines"),
    ("a.npy", "not the name of one file.*numpy.load"),
    ({"age": [1, 2]}, r"not columns by name; use table\("),
    (Frame(age=[1, 2], city=["Rome", "Oslo"]), r"not a table with words; use table\("),
    (TensorDataset(X, Y, Y), "this TensorDataset holds 3 tensors"),
    (Shaped({"pixels": X[0], "label": 1}), r"items with the keys \['label', 'pixels'\]"),
    (Shaped(X[0], X[0, :, :2]), "one shape and type, and item 1"),
    (Shaped(), "x is empty"),
    (Endless(), "with a length, and a Endless has none"),
    (DataLoader(Pairs(), sampler=WeightedRandomSampler([1.0] * 12, 12)), "sampler or collate_fn of its own"),
    (DataLoader(Pairs(), collate_fn=lambda items: items), "sampler or collate_fn of its own"),
    (DataLoader(Endless()), "with a length|of its own"),
    (zoo.VAE, "float32 tensor"),
    (torch.zeros(5, 8, 8, 3), "channels came last; say so by channels='last'"),
    (np.zeros((5, 8, 8, 1), np.uint8), "channels came last; say so by channels='last'"),
]


@pytest.mark.parametrize("source, message", WRONG, ids=lambda value: str(value)[:20] if isinstance(value, str) else "")
def test_what_cannot_be_taken_is_named(source, message):
    for take in (Data, lambda x: build(zoo.VAE, x), lambda x: fit(build(zoo.VAE, (2,)), x, 1)):
        with pytest.raises(ValueError, match=message) as caught:
            take(source)
        assert len(str(caught.value)) < 300 and "x must be" in str(caught.value) or "x is empty" in str(caught.value)


def test_floats_are_no_labels_wherever_they_stand():
    with pytest.raises(ValueError, match="y must be an int64 tensor"):
        Data(TensorDataset(X, X[:, 0, 0, 0]))
    with pytest.raises(ValueError, match="y must be an int64 tensor"):
        Data([(X[0], 0.5), (X[1], 1.0)])
    for y in (Y.tolist(), Y.numpy(), Y.to(torch.uint8), Y.int(), np.asarray(Y, "uint16")):
        assert torch.equal(Data(X, y).y, Y)


def test_a_shape_is_a_shape_and_an_array_is_none():
    assert build(zoo.VAE, [1, 6, 6]).spec.shape == build(zoo.VAE, torch.Size([1, 6, 6])).spec.shape == (1, 6, 6)
    assert build(zoo.VAE, (np.int64(2),)).spec.shape == (2,)
    with pytest.raises(ValueError, match="no second axis"):
        build(zoo.VAE, np.array([1, 6, 6]))
    with pytest.raises(ValueError, match="objective first, such as zoo.VAE"):
        build(X, zoo.VAE)


def test_image_files(tmp_path):
    names = []
    for i, levels in enumerate(BYTES[:3, 0].numpy()):
        names.append(tmp_path / f"{i}.png")
        Image.fromarray(levels).save(names[-1])
    data = Data(names)
    assert data.x.dtype == torch.uint8 and torch.equal(data.x, BYTES[:3]) and data.note == "from image files"
    assert torch.equal(Data([str(name) for name in names]).x, data.x)
    assert torch.equal(Data([Image.open(name) for name in names]).x, data.x)
    colour = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    assert torch.equal(Data([tmp_path / "colour.png"]).x[0], torch.from_numpy(colour).permute(2, 0, 1))
    with pytest.raises(ValueError, match="one shape and type, and item 3"):
        Data([*names, tmp_path / "colour.png"])
    (tmp_path / "not.png").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="images that Pillow can read"):
        Data([tmp_path / "not.png"])
    with pytest.raises(ValueError, match="images of bytes, and one has the mode 'I"):
        Data([Image.fromarray(np.zeros((6, 6), np.int32))])


def test_a_data_frame_of_numbers_is_its_values():
    data = Data(Frame(a=[1, 2, 3], b=[0.5, 1.5, 2.5]))
    assert data.x.tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]]


# ---------------------------------------------------------------- bytes


def test_bytes_train_as_floats_do_bit_for_bit_in_a_quarter_of_the_memory():
    floats, kept = Data(as_floats(BYTES), Y, name="x"), Data(BYTES, Y, name="x")
    assert kept.x.dtype == torch.uint8 and kept.x.nbytes * 4 == floats.x.nbytes
    assert "kept as bytes" in repr(kept) and kept.range == floats.range == (0, 1)
    for objective in (zoo.VAE, zoo.GAN, zoo.CGAN):
        for seeds in (1, 2):
            runs = [
                fit(build(objective, d, hidden=(8,)), d, 5, batch=4, seeds=seeds, device="cpu", progress=False)
                for d in (floats, kept)
            ]
            weights = [run.model.state_dict() for run in runs]
            assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    run = fit(build(zoo.VAE, kept, hidden=(8,)), kept, 2, device="cpu", progress=False)
    assert torch.equal(run.evaluate(kept)["ELBO (nats)"], run.evaluate(floats)["ELBO (nats)"])
    assert torch.equal(kept.map(lambda x: 1 - x, "inverted").x, 1 - floats.x)
    assert torch.equal(kept[Y == 1].x, BYTES[Y == 1])


def test_every_byte_is_its_level():
    levels = np.arange(256, dtype=np.uint8)
    assert torch.equal(as_floats(torch.from_numpy(levels)), torch.from_numpy(levels / np.float32(255)))


def test_two_domains_of_bytes():
    one, two = Data(BYTES, Y), Data(255 - BYTES)
    floats = Domains(as_floats(one.x), as_floats(two.x))
    kept = Domains(BYTES, two)
    runs = [
        fit(build(zoo.CYCLEGAN, d, hidden=(8,), observation="gaussian"), d, 3, batch=4, device="cpu", progress=False)
        for d in (floats, kept)
    ]
    assert torch.equal(runs[0].sample(3, z=floats.other[:3]), runs[1].sample(3, z=floats.other[:3]))


def test_binary_bytes_are_binary_pixels():
    hard = (X > 0.5).byte() * 255
    assert build(zoo.VAE, hard).spec.observation == "bernoulli"
    assert build(zoo.VAE, BYTES).spec.observation == "continuous bernoulli"
    assert build(zoo.VAE, hard.flatten(1)).spec.observation == "gaussian"  # no images: 0 and 255 are numbers
    assert Data(hard.flatten(1)).x.max() == 255


# ---------------------------------------------------------------- files larger than memory


@pytest.mark.parametrize("kind", ["float32", "uint8", "float16", "int16"])
def test_a_memory_map_trains_as_the_array_does_and_is_never_copied(tmp_path, kind):
    values = BYTES.numpy() if kind == "uint8" else np.round(X.numpy() * 64).astype(kind)
    if kind.startswith("float"):
        values = values / values.dtype.type(64)
    np.save(tmp_path / "x.npy", values)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    data, plain = Data(mapped, name="x"), Data(torch.from_numpy(values), name="x")
    assert data.streamed and not plain.streamed and "streamed" in repr(data)
    assert data.x.data_ptr() == mapped.ctypes.data and data.x.dtype == torch.from_numpy(values).dtype
    assert data[2:9].streamed and data[2:9].x.data_ptr() == mapped[2:].ctypes.data
    assert not data[torch.tensor([1, 3])].streamed
    choices = {"hidden": (8,), "observation": "gaussian"}
    runs = [fit(build(zoo.VAE, d, **choices), d, 5, batch=4, device="cpu", progress=False) for d in (data, plain)]
    assert torch.equal(runs[0].sample(4), runs[1].sample(4))
    assert torch.equal(runs[0].evaluate(data)["ELBO (nats)"], runs[0].evaluate(plain)["ELBO (nats)"])
    if kind in ("float32", "uint8"):
        assert data.digest == plain.digest


def test_a_tensor_of_a_file_stays_there(tmp_path):
    X.numpy().tofile(tmp_path / "x")
    tensor = torch.from_file(str(tmp_path / "x"), shared=True, size=X.numel()).view(X.shape)
    data = Data(tensor)
    assert data.streamed and data.x.data_ptr() == tensor.data_ptr() and torch.equal(data.x, X)


def test_a_map_with_a_hole_is_named(tmp_path):
    values = X.numpy().copy()
    values[7, 0, 0, 0] = np.nan
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(ValueError, match="NaN or infinity, first in example 7"):
        Data(np.load(tmp_path / "x.npy", mmap_mode="r"))
    np.save(tmp_path / "double.npy", X.double().numpy())
    with pytest.raises(ValueError, match="lie in its file as torch reads it, as float32 or bytes"):
        Data(np.load(tmp_path / "double.npy", mmap_mode="r"))
    with pytest.raises(ValueError, match="to stay bytes in a file"):
        Data(np.memmap(tmp_path / "x.npy", np.uint8, "r", shape=(8, 9)))


def test_a_second_fit_reads_no_file_as_a_whole(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X.numpy())
    data = Data(np.load(tmp_path / "x.npy", mmap_mode="r"))
    model = build(zoo.VAE, data, hidden=(8,))
    fit(model, data, 1, batch=2, device="cpu", progress=False)
    rows, split = [], torch.Tensor.split
    monkeypatch.setattr(torch.Tensor, "split", lambda x, *a, **k: rows.append(len(x)) or split(x, *a, **k))
    monkeypatch.setattr(torch.Tensor, "aminmax", lambda *a, **k: pytest.fail("reads it all"))
    fit(model, data, 1, batch=2, device="cpu", progress=False)
    assert all(count < len(data) for count in rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_streamed_and_byte_data_on_a_gpu(tmp_path):
    np.save(tmp_path / "x.npy", BYTES.numpy())
    streamed = Data(np.load(tmp_path / "x.npy", mmap_mode="r"), name="x")
    assert torch.equal(as_floats(BYTES.cuda()).cpu(), as_floats(BYTES))
    found = []
    for data in (streamed, Data(BYTES, name="x"), Data(as_floats(BYTES), name="x")):
        found.append(fit(build(zoo.VAE, data, hidden=(8,)), data, 10, batch=4, device="cuda", progress=False).sample(4))
    assert torch.equal(found[0], found[1]) and torch.equal(found[1], found[2])


def test_load_gives_floats_and_data_sets_of_ones_own_what_they_are():
    assert load("digits").x.dtype == torch.float32
