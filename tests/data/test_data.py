"""Data: toys know their density; files are checked; every failure says what to do."""

import bz2
import gzip
import hashlib
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from local_server import Server

from ganvae_lib import data
from ganvae_lib.data import images as sources, loading, toys
from ganvae_lib.errors import DataError

NARROW = toys.ring(3, std=0.05)
TOYS = {
    "ring": toys.ring(),
    "grid": toys.grid(3),
    "moons": toys.moons(),
    "pinwheel": toys.pinwheel(),
    "mixture1d": toys.mixture1d(),
    "narrow": NARROW,
}


def quadrature(world, half=6.0, n=700):
    """Points and weight of the trapezoid rule on a line or a square, very accurate for smooth densities."""
    ticks = torch.linspace(-half, half, n * (8 if world.dim == 1 else 1), dtype=torch.float64)
    step = (ticks[1] - ticks[0]) ** world.dim
    return (ticks[:, None] if world.dim == 1 else torch.cartesian_prod(ticks, ticks)), step


# ---------------------------------------------------------------- toys


@pytest.mark.parametrize("name", TOYS)
def test_density_integrates_to_one_and_samples_agree(name):
    world = TOYS[name]
    points, step = quadrature(world, 9.0 if world.dim == 1 else 4.5 + 2 * (name == "pinwheel"), 350)
    log_p = world.log_prob(points)
    p = log_p.exp()
    assert abs(float(p.sum() * step) - 1) < 1e-9
    entropy = -float((p * log_p.clamp_min(-1e4)).sum() * step)
    found = -world.log_prob(world.sample(40_000, 3).double())
    assert abs(float(found.mean()) - entropy) < 4 * float(found.std()) / 200
    mean = (p[:, None] * points).sum(0) * step
    x = world.sample(40_000, 4).double()
    assert ((x.mean(0) - mean).abs() < 4 * x.std(0) / 200).all()


@pytest.mark.parametrize("std", [0.03, 0.1, 0.5])
def test_moons_quadrature_is_converged(std):
    coarse, fine = toys.moons(std), toys.moons(std)
    nodes, weights = np.polynomial.legendre.leggauss(1200)
    fine._node_angles, fine._log_node_weights = (
        torch.from_numpy((nodes + 1) * math.pi / 2),
        torch.from_numpy(np.log(weights / 4)).repeat(2),
    )
    x = torch.cat([coarse.sample(50, 0).double(), 3 * torch.randn(50, 2, dtype=torch.float64)])
    torch.testing.assert_close(coarse.log_prob(x), fine.log_prob(x), rtol=1e-10, atol=1e-10)


def test_pinwheel_turn_keeps_areas_and_modes():
    x = torch.randn(20, 2, dtype=torch.float64)
    jacobian = torch.vmap(torch.func.jacrev(lambda v: toys.Pinwheel.turn(v, 0.8)))(x)
    torch.testing.assert_close(torch.linalg.det(jacobian), torch.ones(20, dtype=torch.float64))
    world = toys.pinwheel()
    torch.testing.assert_close(toys.Pinwheel.turn(toys.Pinwheel.turn(x, 0.8), -0.8), x)
    assert world.log_prob(torch.zeros(1, 2)).isfinite().all()
    assert (world.log_prob(world.modes) > world.log_prob(0.8 * world.modes)).all()


@pytest.mark.parametrize("name", TOYS)
def test_log_prob_gradient_dtype_and_shape(name):
    world = TOYS[name]
    x = world.sample(6, 0).double().requires_grad_()
    assert torch.autograd.gradcheck(world.log_prob, x)
    assert world.log_prob(x.float()).dtype == torch.float32
    assert world.log_prob(x.reshape(2, 3, -1)).shape == (2, 3)
    assert torch.equal(world.sample(5, 7), world.sample(5, 7))
    assert not torch.equal(world.sample(5, 7), world.sample(5, 8))
    with pytest.raises(ValueError, match="dimension"):
        world.log_prob(torch.zeros(3, world.dim + 1))
    if world.modes is not None:
        away = world.modes + 0.5 * world.std * torch.nn.functional.one_hot(torch.tensor(0), world.dim)
        assert (world.log_prob(world.modes) > world.log_prob(away)).all()


def test_mixture_is_the_one_of_torch_distributions():
    world = toys.mixture1d()
    D = torch.distributions
    twin = D.MixtureSameFamily(D.Categorical(world.weights), D.Normal(world.means[:, 0], torch.tensor([0.7, 1.0])))
    x = torch.linspace(-9, 9, 50, dtype=torch.float64)
    torch.testing.assert_close(world.log_prob(x[:, None]), twin.log_prob(x), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="weights"):
        toys.Mixture([0.5, 0.6], [[0.0], [1.0]], 1.0)


# ---------------------------------------------------------------- Data and load


def test_load_toys_and_digits():
    for name in ("ring", "grid", "moons", "pinwheel", "mixture1d"):
        train, test = data.load(name), data.load(name, "test")
        assert len(train) == 20_000 and train.digest != test.digest
        assert train.law.log_prob(train.x).isfinite().all()
        assert train.digest == data.load(name).digest != data.load(name, seed=1).digest
    train, test = data.load("digits"), data.load("digits", "test")
    assert (train.shape, train.classes, len(train), len(test)) == ((1, 8, 8), 10, 1500, 297)
    assert (train.digest, test.digest) == ("c7ccaffe0746", "60b9c50895a7")  # the split never moves silently
    assert train.x.min() == 0 and train.x.max() == 1
    share = torch.bincount(train.y) / len(train) - torch.bincount(test.y) / len(test)
    assert share.abs().max() < 0.005


def test_binarize():
    grey, hard = data.load("digits"), data.load("digits", binarize="threshold")
    drawn, tenth = (
        data.load("digits", binarize="sample"),
        data.load("digits", fraction=0.1, seed=5, binarize="sample"),
    )
    assert torch.equal(hard.x, (grey.x > 0.5).float()) and "binarised" in drawn.note
    assert set(drawn.x.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(drawn.x, data.load("digits", seed=3, binarize="sample").x)
    assert abs(float(drawn.x.mean() - grey.x.mean())) < 0.005
    whole = {row.numpy().tobytes() for row in drawn.x}
    assert all(row.numpy().tobytes() in whole for row in tenth.x)
    with pytest.raises(ValueError, match="points"):
        data.load("ring", binarize="sample")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.floats(1e-6, 1),
    st.floats(1e-6, 1),
    st.integers(0, 9),
)
def test_fraction_is_stratified_seeded_and_nested(counts, a, b, seed):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    d = data.Data(torch.arange(len(y)).float()[:, None], y)
    small, large = (loading._stratified_rows(d, f, seed) for f in sorted((a, b)))
    assert set(small.tolist()) <= set(large.tolist())
    assert torch.equal(small, loading._stratified_rows(d, min(a, b), seed))
    for label, count in enumerate(counts):
        kept = int((y[small] == label).sum())
        assert kept >= 1 and abs(kept - min(a, b) * count) <= max(0.5 + 1e-6, 1 - min(a, b) * count)
    assert len(loading._stratified_rows(d, 1.0, seed)) == len(y)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, math.nan])
def test_fraction_out_of_range(fraction):
    with pytest.raises(ValueError, match=r"fraction must lie in \(0, 1\]"):
        data.load("digits", fraction=fraction)


def test_bad_names():
    with pytest.raises(ValueError, match="did you mean 'mnist'.*digits, mnist, fashion-mnist"):
        data.load("MNITS")
    with pytest.raises(ValueError, match="split must be"):
        data.load("digits", "valid")
    with pytest.raises(ValueError, match="binarize must be"):
        data.load("digits", binarize="yes")


@pytest.mark.parametrize(
    "x, y, message",
    [
        (torch.zeros(0, 2), None, "empty"),
        (torch.tensor([[0.0], [math.nan]]), None, "NaN or infinity, first in example 1"),
        (torch.tensor([[math.inf]]), None, "NaN or infinity"),
        (torch.zeros(3), None, r"float32.*no second axis.*give x\[:, None\]"),
        (np.zeros(3), None, r"no second axis.*give x\[:, None\]"),
        ([1.0, 2.0], None, "list of examples, not of single values"),
        (None, None, "float32 tensor.*not None"),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64), "one label for each of the 3"),
        (torch.zeros(3, 2), torch.zeros(3), "int64"),
        (torch.zeros(3, 2), torch.tensor([0, 1, -1]), "negative label"),
    ],
)
def test_data_refuses_bad_input(x, y, message):
    with pytest.raises(ValueError, match=message):
        data.Data(x, y)


def test_scale(monkeypatch):
    monkeypatch.delenv("GANVAE_SCALE", raising=False)
    assert data.scale() == "small"
    monkeypatch.setenv("GANVAE_SCALE", "full")
    assert data.scale() == "full"
    monkeypatch.setenv("GANVAE_SCALE", "huge")
    with pytest.raises(ValueError, match="small or full"):
        data.scale()


# ---------------------------------------------------------------- files: local, mirrors, resume, checksums


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A five-image MNIST on a local server, with its checksums; no GANVAE_DATA, an empty cache."""
    x, y = (
        np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8),
        np.arange(5, dtype=np.uint8),
    )
    files = {"train-images-idx3-ubyte.gz": idx(x), "train-labels-idx1-ubyte.gz": idx(y)}
    server = Server()
    server.files = {name: gzip.compress(content, mtime=0) for name, content in files.items()}
    packed = {name: "md5:" + hashlib.md5(content).hexdigest() for name, content in server.files.items()}
    unpacked = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(sources.IDX, "mnist", ((server.url,), packed, unpacked))
    monkeypatch.delenv("GANVAE_DATA", raising=False)
    monkeypatch.setenv("GANVAE_CACHE", str(tmp_path / "cache"))
    server.x, server.y, server.cache = x, y, tmp_path / "cache" / "mnist"
    yield server
    server.shutdown()
    server.server_close()


def same(loaded, server):
    return torch.equal(loaded.x[:, 0], torch.tensor(server.x) / 255) and loaded.y.tolist() == server.y.tolist()


def test_download_then_cache(small):
    assert same(data.load("mnist"), small)
    small.files.clear()
    assert same(data.load("mnist"), small) and len(small.ranges) == 2  # the second call asked for nothing


def test_download_resumes(small):
    small.breaks = 1
    assert same(data.load("mnist"), small)
    assert small.ranges[:2] == [None, "bytes=40-"] and not list(small.cache.glob("*.part"))


def test_download_resumes_in_the_next_call(small):
    small.breaks, small.limit = 2, 40
    with pytest.raises(DataError, match="could not download mnist/train-images.*broke off.*GANVAE_DATA"):
        data.load("mnist")
    assert [p.name for p in small.cache.iterdir()] == ["train-images-idx3-ubyte.gz.part"]
    assert same(data.load("mnist"), small) and small.ranges[2] == "bytes=80-"


def test_resume_when_the_server_starts_over_or_has_no_more(small):
    small.breaks, small.honours_range = 1, False
    assert same(data.load("mnist"), small)
    whole = small.files["train-images-idx3-ubyte.gz"]
    (small.cache / "train-images-idx3-ubyte.gz").unlink()
    small.honours_range = True
    (small.cache / "train-images-idx3-ubyte.gz.part").write_bytes(whole)  # complete, but not yet checked
    assert same(data.load("mnist"), small)


def test_altered_part_is_not_trusted(small):
    small.cache.mkdir(parents=True)
    (small.cache / "train-images-idx3-ubyte.gz.part").write_bytes(b"x" * 30)
    assert same(data.load("mnist"), small)  # wrong checksum the first time, from the start the second


def test_altered_download_is_refused_and_the_next_mirror_is_tried(small, monkeypatch):
    good = small.files["train-images-idx3-ubyte.gz"]
    small.files["train-images-idx3-ubyte.gz"] = good[:-1] + b"!"
    with pytest.raises(DataError, match="could not download"):
        data.load("mnist")
    assert not list(small.cache.iterdir())
    small.files["b/train-images-idx3-ubyte.gz"] = good
    monkeypatch.setitem(sources.IDX, "mnist", ((small.url, small.url + "b/"), *sources.IDX["mnist"][1:]))
    assert same(data.load("mnist"), small)


def test_altered_cache_is_downloaded_again(small):
    data.load("mnist")
    path = small.cache / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:100])
    assert same(data.load("mnist"), small)


def test_no_network(small, monkeypatch):
    monkeypatch.setitem(sources.IDX, "mnist", (("http://127.0.0.1:9/",), *sources.IDX["mnist"][1:]))
    with pytest.raises(DataError, match="Check the network and try again, or set GANVAE_DATA"):
        data.load("mnist")
    assert not list(small.cache.iterdir())


def test_no_pooch(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match="pip install pooch, or set GANVAE_DATA"):
        data.load("mnist")
    assert len(data.load("digits", "test")) == 297  # needs no pooch


def test_local_folder(small, monkeypatch, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path))
    for name, packed in small.files.items():  # another gzip header, same content
        (folder / name).write_bytes(gzip.compress(gzip.decompress(packed), 1, mtime=12345))
    small.files.clear()
    assert same(data.load("mnist"), small) and not small.ranges
    path = folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    altered = gzip.compress(gzip.decompress(whole)[:-1] + b"!")
    for bad in (whole[:100], b"", b"<html>not found</html>", altered):
        path.write_bytes(bad)
        with pytest.raises(DataError, match="truncated or altered.*Delete it or put a good copy there"):
            data.load("mnist")
    path.unlink()
    (folder / "train-images-idx3-ubyte").write_bytes(gzip.decompress(whole))  # unpacked
    assert same(data.load("mnist"), small)
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="not a folder"):
        data.load("mnist")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x03\0\0\0\x02",
        b"\0\0\x0d\x01\0\0\0\x01abcd",
        b"html",
        idx(np.zeros((2, 2), np.uint8))[:-1],
    ],
)
def test_not_an_idx_file(content):
    with pytest.raises(DataError, match="not an IDX file"):
        sources.read_idx(content, "file")


@pytest.fixture
def two_usps(monkeypatch, tmp_path):
    grey = np.round(np.random.default_rng(0).random((2, 256)) * 2000) / 1000 - 1
    sparse = [f"{n + 1} " + " ".join(f"{i + 1}:{v:g}" for i, v in enumerate(row) if v) for n, row in enumerate(grey)]
    dense = [f"{n}.0000 " + " ".join(f"{v:.4f}" for v in row) for n, row in enumerate(grey)]
    files = {
        "usps.bz2": bz2.compress("\n".join(sparse).encode()),
        "zip.train.gz": gzip.compress("\n".join(dense).encode()),
    }
    monkeypatch.setitem(
        sources.USPS,
        "train",
        tuple(
            (name, ("http://127.0.0.1:9/",), "sha256:" + hashlib.sha256(raw).hexdigest()) for name, raw in files.items()
        ),
    )
    pixels = np.round((grey + 1) * 1000).astype("<i2").tobytes()
    monkeypatch.setitem(sources.USPS_PIXELS, "train", hashlib.sha256(pixels).hexdigest())
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path))
    monkeypatch.setenv("GANVAE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "usps").mkdir()
    return grey, files, tmp_path / "usps"


def test_usps_texts(two_usps):
    grey, files, folder = two_usps
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
        loaded = data.load("usps")
        assert loaded.shape == (1, 16, 16) and loaded.y.tolist() == [0, 1]
        torch.testing.assert_close(loaded.x.flatten(1), torch.tensor((grey + 1) / 2).float())
        (folder / name).unlink()
    with pytest.raises(DataError, match="could not download usps/zip.train.gz"):
        data.load("usps")


def test_usps_h5(two_usps, monkeypatch):
    grey, _, folder = two_usps
    (folder / "usps.h5").write_bytes(b"not hdf5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match="needs h5py: pip install h5py, or put usps.bz2 beside it"):
        data.load("usps")
    monkeypatch.undo()


def test_usps_h5_content(two_usps):
    h5py = pytest.importorskip("h5py")
    grey, _, folder = two_usps
    with h5py.File(folder / "usps.h5", "w") as f:
        f["train/data"], f["train/target"] = ((grey + 1) / 2).astype("f4"), np.arange(2)
    assert data.load("usps").y.tolist() == [0, 1]
    (folder / "usps.h5").write_bytes((folder / "usps.h5").read_bytes()[:-50])
    with pytest.raises(DataError, match="truncated or altered"):
        data.load("usps")
