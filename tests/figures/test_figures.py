"""The helpers draw what they are given, and say what is wrong with what they cannot draw."""

import numpy as np
import pytest
import torch

from ganvae_lib import draw
from ganvae_lib.data import toys


@pytest.fixture
def ax():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    draw.style()
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


class History(dict):
    steps = np.arange(0, 50, 10)


def test_curves_show_mean_and_t_interval(ax):
    values = torch.tensor([[1.0, 2.0, 3.0]]).expand(5, 3)
    draw.curves(History({"bound": values}), who="theta", ax=ax)
    (line,) = ax.lines
    assert np.allclose(line.get_ydata(), 2) and np.allclose(line.get_xdata(), History.steps)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.allclose([band.min(), band.max()], [2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5], atol=1e-4)
    assert line.get_color() == draw.COLOR["theta"]


def test_one_seed_has_no_band(ax):
    draw.curves(np.arange(5.0), ax=ax)
    assert len(ax.lines) == 1 and not ax.collections


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 1, 8, 8), (6, 64)])
def test_images_lie_row_by_row(ax, shape):
    x = torch.zeros(6, 8, 8)
    x[4] = 1.0
    sheet = draw.images(x.reshape(shape), columns=3, ax=ax).images[0].get_array()
    assert sheet.shape == (17, 26) and np.allclose(sheet[9:, 9:17], 1) and np.allclose(sheet[:8, :8], 0)


def test_colour_images(ax):
    sheet = draw.images(torch.rand(2, 3, 4, 5), columns=2, ax=ax).images[0].get_array()
    assert sheet.shape == (4, 11, 3)


def test_density_and_scatter(ax):
    draw.scatter(toys.ring().sample(50, 0), toys.ring(), ax=ax)
    draw.density(toys.mixture1d(), ax=ax)
    x, p = ax.lines[0].get_data()
    assert abs(np.trapezoid(p, x) - 1) < 0.01


@pytest.mark.parametrize(
    "bad, error, message",
    [
        (lambda ax: draw.curves({"a": [1.0]}, "b", ax=ax), KeyError, "no term 'b' in this history; it has a"),
        (lambda ax: draw.curves(np.zeros((2, 2, 2)), ax=ax), ValueError, r"\[n\] or \[n, seeds\]"),
        (lambda ax: draw.images(torch.zeros(2, 7), ax=ax), ValueError, "7 pixels are not square"),
        (lambda ax: draw.images(torch.zeros(2, 2, 8, 8), ax=ax), ValueError, "images have shape"),
        (lambda ax: draw.scatter(torch.zeros(5, 3), ax=ax), ValueError, r"\[N, 2\]"),
    ],
)
def test_bad_input(ax, bad, error, message):
    with pytest.raises(error, match=message):
        bad(ax)
