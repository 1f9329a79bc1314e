"""Rendered characters: the factors are in the images, the draws are repeatable, and nothing is cut off."""

import string

import pytest
import torch

from ganvae_lib import data
from ganvae_lib.data import rendered as glyphs
from ganvae_lib.data.rendered import FACTORS, FONTS, RANGES

DIGITS = torch.arange(10)


def still(characters="0123456789", font=0, **given):
    """Every character once, at rest but for the given factors: [classes, side, side]."""
    n = len(characters)
    return glyphs.glyphs(n, characters=characters, vary=(), class_=torch.arange(n), font=font, **given).x[:, 0]


def middle(x):
    """Centre of ink [n, 2] in pixels from the centre of the image, to the right and upwards."""
    side = x.shape[-1]
    ticks = torch.arange(side) - (side - 1) / 2
    return torch.stack([(x.sum(1) * ticks).sum(1), -(x.sum(2) * ticks).sum(1)], 1) / x.sum((1, 2))[:, None]


def second_moments(x):
    """Covariance of the ink, [n, 2, 2], in pixels, x to the right and y upwards."""
    side = x.shape[-1]
    ticks = torch.arange(side) - (side - 1) / 2
    place = torch.stack([ticks.expand(side, side), -ticks[:, None].expand(side, side)], -1)
    centred = place - middle(x)[:, None, None]
    return torch.einsum("nhw,nhwi,nhwj->nij", x, centred, centred) / x.sum((1, 2))[:, None, None]


@pytest.mark.parametrize("font", range(len(FONTS)))
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_is_the_turned_image(font, turns):
    upright, turned = still(font=font), still(font=font, rotation=90.0 * turns)
    torch.testing.assert_close(turned, upright.rot90(turns, (1, 2)), rtol=0, atol=2e-4)


def test_factors_move_the_ink_as_they_say():
    at_rest = second_moments(still(weight=0.8))
    slanted = second_moments(still(weight=0.8, slant=0.25))
    shear = torch.tensor([[1.0, 0.25], [0.0, 1.0]])
    # a pixel, spread evenly over its square, adds 1/12 to both variances, before and after
    square = torch.eye(2) / 12
    torch.testing.assert_close(slanted - square, shear @ (at_rest - square) @ shear.T, rtol=0.02, atol=0.1)
    angle = torch.deg2rad(torch.tensor(25.0))
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    turned = second_moments(still(weight=0.8, rotation=25.0))
    torch.testing.assert_close(turned - square, turn @ (at_rest - square) @ turn.T, rtol=0.02, atol=0.1)


@pytest.mark.parametrize("font", range(len(FONTS)))
def test_ink_grows_with_the_square_of_the_scale_and_with_the_weight(font):
    ink = [still(font=font, weight=0.8, scale=s).sum((1, 2)) for s in (0.8, 1.1)]
    torch.testing.assert_close(ink[1] / ink[0], torch.full((10,), (1.1 / 0.8) ** 2), rtol=0.02, atol=0)
    ink = torch.stack([still(font=font, weight=w).sum((1, 2)) for w in (0.0, 0.4, 0.8, 1.2, 1.6)])
    assert (ink.diff(dim=0) > 1).all()


def test_weight_widens_a_stroke_by_its_pixels():
    # the bar of DejaVu Sans' "l" is a rectangle: its width is its ink in a row
    rows = [still("l", weight=w)[0, 12:16].sum(1).mean() for w in (0.0, 1.0, 2.0)]
    torch.testing.assert_close(torch.stack(rows).diff(), torch.ones(2), rtol=0, atol=0.02)


def test_same_images_at_another_size():
    small, large = still(side=14, weight=0.8), still(side=56, weight=0.8)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(large, 4), rtol=0, atol=0.12)
    assert (small - torch.nn.functional.avg_pool2d(large, 4)).abs().mean() < 0.01


@pytest.mark.parametrize("font", FONTS)
def test_distances_of_neighbours_differ_by_less_than_their_own(font):
    # a point whose side of the outline were judged wrongly would break this
    for character in string.digits + string.ascii_letters:
        field = glyphs._distance_field(character, font)
        step = 2 * (abs(glyphs._outline(character, font)).max() + glyphs._MARGIN) / (len(field) - 1)
        assert max(field.diff(dim=0).abs().max(), field.diff(dim=1).abs().max()) < 1.001 * step
        assert field.min() < 0 < field[[0, -1]].min()


def test_characters_are_whole_and_centred():
    for characters in ("0123456789", string.ascii_letters):
        for font in range(len(FONTS)):
            x = still(characters, font=font)
            ink = x > 0.5 / 255
            for axis in (1, 2):
                first = ink.any(axis).int().argmax(1)
                last = ink.any(axis).flip(1).int().argmax(1)
                assert ((first - last).abs() <= 1).all()  # as much room before as behind
                assert (first >= 1).all()
        x = glyphs.glyphs(
            3000,
            characters=characters,
            **{
                f: torch.tensor(RANGES[f])[torch.randint(2, (3000,), generator=torch.Generator().manual_seed(i))]
                for i, f in enumerate(RANGES)
            },
        ).x[:, 0]
        border = torch.cat([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]])
        assert border.max() < 0.2 and (border > 0.05).float().mean() < 1e-3
    assert x.min() == 0 and x.max() == 1


def test_same_seed_same_bytes_and_nothing_else_counts():
    torch.manual_seed(1)
    first = glyphs.glyphs(70, 3)
    state = torch.get_rng_state()
    more = glyphs.glyphs(300, 3)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first.x, more.x[:70]) and first.digest == glyphs.glyphs(70, 3).digest
    assert all(torch.equal(first.factors[f], more.factors[f][:70]) for f in FACTORS)
    assert first.digest != glyphs.glyphs(70, 4).digest
    other = glyphs.glyphs(70, 3, font=2, slant=(0.1, 0.2))  # the other factors stay
    assert all(torch.equal(first.factors[f], other.factors[f]) for f in ("class", "rotation", "scale", "weight"))


def test_factors_are_uniform_independent_and_recoverable():
    d = glyphs.glyphs(6000, 1)
    assert torch.equal(d.y, d.factors["class"]) and tuple(d.factors) == FACTORS
    for name, (low, high) in RANGES.items():
        values = d.factors[name]
        assert values.dtype == torch.float32 and low <= values.min() and values.max() <= high
        expected = torch.linspace(low, high, 6000)
        assert (values.sort().values - expected).abs().max() < 0.03 * (high - low)  # Kolmogorov's distance
    for name, count in (("class", 10), ("font", len(FONTS))):
        share = torch.bincount(d.factors[name], minlength=count) / 6000
        assert d.factors[name].dtype == torch.int64 and (share - 1 / count).abs().max() < 4 * (1 / count / 6000) ** 0.5
    correlation = torch.corrcoef(torch.stack([v.double() for v in d.factors.values()]))
    assert (correlation - torch.eye(6)).abs().max() < 0.06
    # the images again, from the columns alone
    given = {f: v[:200] for f, v in d.factors.items()}
    again = glyphs.glyphs(200, 99, **given)
    torch.testing.assert_close(again.x, d.x[:200], rtol=0, atol=1e-4)


def test_load_and_data_keep_factors_in_step(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAE_DATA", str(tmp_path / "nowhere"))  # no file is asked for
    train, test = data.load("glyphs"), data.load("glyphs", "test")
    assert (len(train), len(test), train.shape, train.classes) == (10_000, 2_000, (1, 28, 28), 10)
    seen = {row.numpy().tobytes() for row in train.x}
    assert not any(row.numpy().tobytes() in seen for row in test.x)
    tenth = data.load("glyphs", fraction=0.1)
    assert torch.equal(tenth.factors["class"], tenth.y) and 990 <= len(tenth) <= 1010
    place = {row.numpy().tobytes(): i for i, row in enumerate(train.x)}
    rows = torch.tensor([place[row.numpy().tobytes()] for row in tenth.x])
    for changed in (tenth, tenth.map(lambda x: 1 - x, "inverted")):
        assert all(torch.equal(changed.factors[f], train.factors[f][rows]) for f in FACTORS)
    assert set(data.load("glyphs", "test", binarize="threshold").x.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    "call, message",
    [
        (dict(n=0), "n must be a whole number of at least 1, got 0"),
        (dict(side=4), "side must be a whole number of at least 8, got 4"),
        (dict(characters=""), "at least one character"),
        (dict(characters="00"), "holds one twice"),
        (dict(characters="0\u6f22"), "DejaVuSans has no ink for '\u6f22'"),
        (dict(characters="a "), "no ink for ' '"),
        (dict(characters="<", font=4), "cmr10 has no ink for '<'"),  # it has another sign there
        (dict(vary=("class", "colour")), "no factor 'colour'; there are class, rotation"),
        (dict(angle=3.0), "no factor 'angle'"),
        (dict(font=6), "font must lie between 0 and 5"),
        (dict(class_=[0, 10]), "class must lie between 0 and 9"),
        (dict(font=[]), "list of indices"),
        (dict(slant=(0.3, 0.1)), r"pair \(low, high\)"),
        (dict(rotation=float("nan")), "rotation must be a number"),
        (dict(scale=0.0), "scale must be positive"),
        (dict(scale=2.0), "20 of 20 characters would leave the image"),
        (dict(rotation=torch.zeros(3)), "one finite number for each of the 20"),
        (dict(class_=torch.zeros(20)), "one integer for each"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        glyphs.glyphs(**{"n": 20, **call})


@pytest.mark.parametrize(
    "factors, message",
    [
        ({"a": torch.zeros(2)}, "factor 'a' must be .* one value for each of the 3"),
        ({"a": torch.zeros(3, dtype=torch.float64)}, "float32 .continuous. or int64"),
        ({"a": [0, 1, 2]}, r"not \[0, 1, 2\]"),
        ({"a": torch.tensor([0.0, 1.0, float("inf")])}, "NaN or infinity"),
    ],
)
def test_data_checks_factors(factors, message):
    with pytest.raises(ValueError, match=message):
        data.Data(torch.zeros(3, 2), factors=factors)
    with pytest.raises(TypeError, match="give a slice or a tensor"):
        _ = data.Data(torch.zeros(3, 2))[0]
