"""The helpers draw what they are given, and say what is wrong with what they cannot draw."""

import numpy as np
import pytest
import torch

from ganvae_lib import MMD, Adversary, Classify, Match, adversary_activated, draw, given, importance_weighted, zoo
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


JUDGES = {
    "discriminator_x": "$q_\\phi(y|x)$",
    "discriminator_z": "$q_\\phi(y|z)$",
    "discriminator_xz": "$q_\\phi(y|x,z)$",
    "discriminator_z_given_x": r"$D_\phi(z|x)$",
    "discriminator_x_given_z": r"$D_\phi(x|z)$",
    "discriminator_x_given_label": "$q_\\phi(y|x,t)$",
    "discriminator_z_given_label": "$q_\\phi(y|z,t)$",
    "discriminator_xz_given_label": "$q_\\phi(y|x,z,t)$",
    "discriminator_z_given_x_given_label": r"$D_\phi(z|x,t)$",
    "discriminator_features": "$q_\\phi(y|x)$",
    "predictor_z": r"$\hat z_\phi(z_{\backslash i})$",
}
MAKERS = {
    "decoder": r"$p_\theta(x|z)$",
    "encoder": r"$q_\eta(z|x)$",
    "density": r"$p_\theta(x)$",
    "features": r"$x=G_\theta(z)$",
    "classifier": r"$p_\theta(t|x)$",
    "labeller": r"$q_\eta(t|x)$",
}


MORE = {
    "MMD of pairs": zoo.GAN + Match("xz", MMD()) + Match("z again", MMD()),
    "again": Match("x again", Adversary()),
    "ALI given labels": given(zoo.ALI),
    "AAE given labels": given(zoo.AAE),
    "AVB given labels": given(zoo.AVB),
    "InfoGAN given labels": given(zoo.INFOGAN),
    "IWCGAN": importance_weighted(zoo.CGAN, 3),
    "labeller": Classify(seen="x"),
    "IWADA": importance_weighted(zoo.ADA, 4),
    "AASVAE": adversary_activated(zoo.SVAE),
    "AACVAE": adversary_activated(zoo.CVAE),
}


@pytest.mark.parametrize("entry", [*zoo.ALL.values(), *MORE.values()], ids=[*zoo.ALL, *MORE])
def test_every_entry_has_its_graph(entry):
    ax = draw.schematic(entry)
    ax.figure.canvas.draw()
    texts = [t.get_text() for t in ax.texts]
    told = {n: MAKERS[n].replace(")", ",t)") for n in MAKERS if n in entry.conditional}
    labels = JUDGES | MAKERS | told
    assert {labels[n] for n in entry.networks} == set(texts) & set(labels.values())
    terms = repr(entry)
    assert ("$\\hat x$" in texts) == ("x again" in terms or "within" in terms)
    assert texts.count("$\\approx$") == terms.count("MMD(") + terms.count("Summaries(")
    dotted = [p for p in ax.patches if p.get_linestyle() in (":", "dotted")]
    seen = {
        "discriminator_x_given_label": 2,
        "discriminator_z_given_label": 2,
        "discriminator_xz_given_label": 3,
        "discriminator_z_given_x_given_label": 3,
        "discriminator_xz": 2,
        "discriminator_z_given_x": 2,
        "discriminator_x_given_z": 2,
    }
    judges = [n for n in entry.networks if n in JUDGES]
    assert len(dotted) == sum(seen.get(n, 1) for n in judges) + ("x again" in terms)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left < t.get_position()[0] < right and bottom < t.get_position()[1] < top for t in ax.texts)
    boxes = [t.get_window_extent() for t in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])  # no label hides another


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
