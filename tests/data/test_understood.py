"""What data are: kind, axes, range and classes are understood, said, and can be stated; what cannot be right is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Beta, Independent

from ganvae_lib import Adversary, Data, Domains, Match, Model, Run, build, draw, fit, load, nets, zoo
from ganvae_lib.networks import OBSERVATIONS, PointPixels

GREY = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
SIGNED = Data(2 * GREY - 1, name="signed")


def quick(model, data, steps=2, **options):
    return fit(model, data, steps, **{"batch": 8, "device": "cpu", "progress": False, **options})


@pytest.mark.parametrize(
    "x, options, said, kind, interval",
    [
        (GREY, {}, "40 images of shape (1, 8, 8) in [0, 1]", "images", (0, 1)),
        (2 * GREY - 1, {}, "40 images of shape (1, 8, 8) in [-1, 1]", "images", (-1, 1)),
        (255 * GREY, {}, "a range that is not clear", "images", None),
        (3 * GREY - 1, {}, "a range that is not clear", "images", None),
        (255 * GREY, {"range": (0, 255)}, "40 images of shape (1, 8, 8) in [0, 255]", "images", (0, 255)),
        (255 * GREY, {"range": "real"}, "40 images of shape (1, 8, 8)", "images", "real"),
        (GREY, {"kind": "arrays"}, "40 examples of shape (1, 8, 8)", "arrays", "real"),
        (GREY[:, 0], {}, "40 examples of shape (8, 8)", "arrays", "real"),
        (GREY[:, 0], {"kind": "images"}, "40 images of shape (1, 8, 8) in [0, 1]", "images", (0, 1)),
        (GREY.flatten(1), {}, "40 examples of shape (64,)", "points", "real"),
        (GREY.flatten(1), {"range": (0, 1)}, "40 examples of shape (64,) in [0, 1]", "points", (0, 1)),
        (GREY.permute(0, 2, 3, 1), {"channels": "last"}, "40 images of shape (1, 8, 8) in [0, 1]", "images", (0, 1)),
        ((255 * GREY[:, 0]).byte(), {}, "40 images of shape (1, 8, 8) in [0, 1], kept as bytes", "images", (0, 1)),
        (GREY * 1.0005, {}, "in [0, 1]", "images", (0, 1)),  # rounding is no other range
    ],
)
def test_what_data_are_is_understood_and_said(x, options, said, kind, interval):
    data = Data(x, **options)
    assert said in repr(data) and (data.kind, data.range) == (kind, interval)
    again = replace(data, name="again")
    assert (again.kind, again.range, again.shape) == (data.kind, data.range, data.shape)
    assert data[:5].range == data.range or options == {}


def test_what_was_understood_is_understood_anew_and_what_was_stated_is_kept():
    assert replace(SIGNED, x=GREY).range == (0, 1) and replace(Data(GREY), x=GREY.flatten(1)).kind == "points"
    labelled = Data(GREY, torch.arange(40) % 3)
    assert (labelled.classes, labelled[:2].classes, replace(labelled, y=None).classes) == (3, 2, 0)
    stated = Data(GREY, torch.arange(40) % 3, classes=10)
    assert (stated.classes, stated[:2].classes, stated.map(torch.neg, "n").classes) == (10, 10, 10)
    assert build(zoo.CGAN, stated).spec.classes == 10
    assert Domains(stated, Data(GREY)).classes == 10
    with pytest.raises(ValueError, match="rescale x or correct the range"):
        replace(Data(GREY, range=(0, 1)), x=2 * GREY)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"range": (0, 0.5)}, "x must lie in the range that was stated, 0 to 0.5, and goes from"),
        ({"range": (1, 0)}, "two numbers in this order"),
        ({"range": (0, float("nan"))}, "two numbers in this order"),
        ({"range": "unit"}, "two numbers in this order"),
        ({"kind": "picture"}, "unknown kind of data 'picture'"),
        ({"channels": "middle"}, "unknown place of the channels"),
        ({"y": torch.arange(40), "classes": 39}, "classes must be a whole number of at least 40"),
        ({"y": torch.arange(40), "classes": "many"}, "classes must be a whole number of at least 40"),
    ],
)
def test_what_is_stated_must_be_so(options, message):
    with pytest.raises(ValueError, match=message):
        Data(GREY, **options)
    with pytest.raises(ValueError, match=r"range must be \(0, 1\) for bytes"):
        Data((255 * GREY).byte(), range=(0, 255))


# ---------------------------------------------------------------- outputs cover the range of the data


@pytest.mark.parametrize("interval", [(-1.0, 1.0), (0.0, 255.0), (-3.0, 5.0), (0.0, 1.0)])
@pytest.mark.parametrize("objective, options", [(zoo.GAN, {}), (zoo.MDGAN, {"observation": "gaussian"})], ids=str)
def test_samples_can_be_all_that_the_data_are_and_nothing_else(interval, objective, options):
    low, high = interval
    data = Data(low + (high - low) * GREY, range=interval)
    model = build(objective, data, hidden=(8,), **options)
    with torch.no_grad():
        last = list(model.decoder.trunk.children())[-1]
        last.weight.mul_(1e4)
    x = model.decoder(torch.randn(200, model.spec.latent)).mean
    assert (x.min(), x.max()) == (low, high)
    last.weight.data.zero_()
    last.bias.data.zero_()
    assert torch.allclose(model.decoder(torch.randn(2, model.spec.latent)).mean, torch.tensor((low + high) / 2))


def test_the_output_for_minus_one_to_one_is_tanh_and_for_zero_to_one_a_sigmoid():
    features = torch.linspace(-3, 3, 7)
    squashed = lambda squash: PointPixels.of(None, squash)(features, 1).mean
    assert torch.equal(squashed((-1.0, 1.0)), features.tanh()) and torch.equal(squashed(True), features.sigmoid())
    assert torch.equal(squashed(False), features)


def test_a_generator_for_signed_pixels_learns_them_and_is_kept(tmp_path):
    run = quick(build(zoo.GAN, SIGNED, hidden=(8,)), SIGNED)
    assert run.model.config["range"] == [-1.0, 1.0] and run.sample(50).min() < 0
    assert torch.equal(Run.load(run.save(tmp_path)).sample(4), run.sample(4))
    assert "range" not in build(zoo.GAN, Data(GREY)).config  # as before there was a choice
    assert build(zoo.GAN, (1, 8, 8), range=(-1, 1)).spec.range == (-1, 1)
    real = Data(3 * GREY, range="real")
    model = build(zoo.GAN, real)
    assert model.config["range"] == "real" and build(zoo.GAN, **{"data": (1, 8, 8), "range": "real"}).spec == model.spec


@pytest.mark.parametrize(
    "x, objective, options, message",
    [
        (255 * GREY, zoo.GAN, {}, r"samples between 0 and 1, and data goes from .* to 25\d.*Data\(x, range="),
        (255 * GREY, zoo.MDGAN, {"observation": "gaussian"}, "samples between 0 and 1"),
        (3 * GREY - 1, zoo.GAN, {}, "samples between 0 and 1"),
        (255 * GREY, zoo.VAE, {}, r"pixels in \[0, 1\]"),
        (2 * GREY - 1, zoo.VAE, {"observation": "bernoulli"}, "pixels that are 0 or 1"),
        (2 * GREY - 1, zoo.VAE, {"observation": "continuous bernoulli"}, r"pixels in \[0, 1\]"),
        (2 * GREY - 1, zoo.GAN, {"range": (0, 1)}, "samples between 0 and 1, and data goes from -"),
    ],
)
def test_what_cannot_be_right_is_refused(x, objective, options, message):
    with pytest.raises(ValueError, match=message):
        build(objective, Data(x), **options)


def test_a_model_meets_only_data_that_it_can_make():
    with pytest.raises(
        ValueError, match="samples between 0 and 1, and signed goes from -0.9998 to 0.9997; build the model for these"
    ):
        quick(build(zoo.GAN, Data(GREY)), SIGNED)
    quick(build(zoo.GAN, SIGNED, hidden=(8,)), Data(GREY))  # pixels of [0, 1] lie in [-1, 1]
    own = {
        "decoder": nets.Decoder(nn.Linear(3, 64), PointPixels(squash=True), (1, 8, 8)),
        "discriminator_x": nets.Discriminator(nets.mlp((1, 8, 8), (8,), 1)),
    }
    from ganvae_lib import Model

    with pytest.raises(ValueError, match="samples between 0 and 1"):
        quick(Model(zoo.GAN, own, nets.StandardNormal(3)), SIGNED)


def test_signed_pixels_are_gaussian_by_default_where_a_density_is_needed():
    model = build(zoo.VAE, SIGNED, hidden=(8,))
    assert model.spec.observation == "gaussian" and quick(model, SIGNED).evaluate(SIGNED)["ELBO (nats)"].isfinite()
    assert build(zoo.VAE, Data(GREY)).spec.observation == "continuous bernoulli"
    assert build(zoo.VAE, Data((GREY > 0.5).float())).spec.observation == "bernoulli"


def test_two_domains_in_two_ranges():
    model = build(zoo.CYCLEGAN, Domains(SIGNED, replace(SIGNED, name="other")), observation="gaussian", hidden=(8,))
    assert model.spec.range == (-1, 1) and model.decoder.observation.squash == model.encoder.observation.squash == (
        -1,
        1,
    )
    with pytest.raises(
        ValueError, match="samples between 0 and 1, and signed goes from -0.9998 to 0.9997; build the model for these"
    ):
        build(zoo.CYCLEGAN, Domains(Data(GREY), SIGNED), observation="gaussian")
    mixed = Domains(load("ring", fraction=0.002), SIGNED)
    model = build(zoo.CYCLEGAN, mixed, observation="gaussian", hidden=(8,))
    assert not model.decoder.observation.squash and model.encoder.observation.squash == (-1, 1)


def test_ones_own_observation_is_asked_part_by_part():
    class Even(nets.Observation):
        advice = "even numbers are needed."
        seen = []

        def forward(self, features, dims):
            return OBSERVATIONS["gaussian"]()(features, dims)

        def supports(self, x):
            Even.seen.append((len(x), x.dtype))
            return bool((x % 2 == 0).all())

    OBSERVATIONS["even"] = Even
    try:
        build(zoo.VAE, Data(torch.zeros(2500, 3)), observation="even")
        assert Even.seen == [(1000, torch.float32)] * 2 + [(500, torch.float32)]
        with pytest.raises(ValueError, match="even numbers"):
            build(zoo.VAE, Data(torch.ones(3, 1, 4, 4, dtype=torch.uint8)), observation="even")
    finally:
        del OBSERVATIONS["even"]


# ---------------------------------------------------------------- parts, and pictures


@pytest.mark.parametrize(
    "parts, message",
    [
        ([("gaussian", 3)], "share out the numbers"),
        ([("gaussian", 0), ("one-hot", 2)], "share out the numbers"),
        ([("gausian", 2)], "Did you mean 'gaussian'"),
        ([], "a name, or parts"),
        (5, "a name, or parts"),
        ({"gaussian": 1.5, "one-hot": 0.5}, "share out the numbers"),
    ],
)
def test_parts_that_do_not_fit(parts, message):
    with pytest.raises(ValueError, match=message):
        build(zoo.VAE, (2,), observation=parts)
    with pytest.raises(ValueError, match="range must be .low, high"):
        build(zoo.GAN, (2,), range=(1, 0))


def test_parts_of_ones_own_choice():
    x = torch.cat([torch.randn(30, 1), torch.rand(30, 2).round()], 1)
    model = build(zoo.VAE, Data(x), observation={"gaussian": 1, "bernoulli": 2}, hidden=(8,))
    run = quick(model, Data(x), seeds=2)
    assert set(run.sample(20)[..., 1:].unique().tolist()) <= {0.0, 1.0}
    assert (Match("x", Adversary()) + zoo.VAE).networks  # and together with an adversary the mean serves
    choices = {"observation": {"gaussian": 1, "bernoulli": 2}, "hidden": (8,)}
    with pytest.raises(TypeError, match="part 1 is drawn from a Bernoulli, whose samples carry no gradient"):
        quick(build(zoo.VAE_GAN, Data(x), **choices), Data(x))
    quick(build(zoo.VAE_GAN, Data(x), noiseless=True, **choices), Data(x))


def test_pictures_of_every_range_are_the_same_picture():
    import matplotlib

    matplotlib.use("Agg")
    shown = lambda x, **options: np.asarray(draw.images(x, **options).images[-1].get_array().filled(9))
    plain = shown(GREY[:4] * 0.999 + 0.0005)
    x = GREY[:4] * 0.999 + 0.0005
    assert np.allclose(shown(2 * x - 1), plain, atol=1e-6) and np.allclose(shown(255 * x), plain, atol=1e-6)
    assert np.allclose(shown((255 * x).round().byte()), plain, atol=0.5 / 255 + 1e-6)
    assert np.allclose(shown(8 * x - 3, range=(-3, 5)), plain, atol=1e-6)
    slightly = x - 0.3  # a mean that undershoots is cut off, as before
    assert np.allclose(shown(slightly), np.where(plain == 9, 9, (plain - 0.3).clip(0, 1)), atol=1e-6)
    matplotlib.pyplot.close("all")


# ---------------------------------------------------------------- ranges that a network of one's own keeps


class Written(nn.Module):
    """Ends in a function that stands in the code."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(4, 64), function

    def forward(self, z):
        return self.function(self.layer(z)).reshape(*z.shape[:-1], 1, 8, 8).flatten(-3)


ENDS = {
    "sigmoid": (nn.Sequential(nn.Linear(4, 64), nn.Sigmoid(), nn.Unflatten(-1, (1, 8, 8)), nn.Flatten(-3)), (0, 1)),
    "tanh, written": (Written(torch.tanh), (-1, 1)),
    "softmax": (nn.Sequential(nn.Linear(4, 64), nn.Softmax(-1)), (0, 1)),
    "no bound": (Written(lambda x: x), None),
    "scaled again": (Written(lambda x: 3 * x.sigmoid() - 1), None),
    "half of it": (Written(lambda x: torch.cat([x[..., :32].sigmoid(), x[..., 32:]], -1)), None),
}


@pytest.mark.parametrize("observation", [nets.PointPixels(), nets.Gaussian()], ids=["point", "Gaussian"])
@pytest.mark.parametrize("name", ENDS)
def test_a_network_of_ones_own_that_cannot_make_such_data_is_refused(name, observation):
    trunk, bounds = ENDS[name]
    judge = nets.Discriminator(nn.Sequential(nn.Flatten(-3), nn.Linear(64, 1)))
    networks = {"decoder": nets.Decoder(trunk, observation, (1, 8, 8)), "discriminator_x": judge}
    model = Model(zoo.GAN, networks, nets.StandardNormal(4))
    for data in (Data(GREY, name="grey"), SIGNED, Data(4 * GREY - 1, name="wide", range="real")):
        for seeds in ([0], [0, 1]):
            low, high = data.min_max
            if bounds is None or (bounds[0] <= low and high <= bounds[1]):
                quick(model, data, seeds=seeds)
                continue
            words = (
                f"makes samples between {bounds[0]} and {bounds[1]}, and {data.name} goes from .*let the network end in"
            )
            with pytest.raises(ValueError, match=words):
                quick(model, data, seeds=seeds)


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]], ids=str)
def test_a_run_refuses_images_of_another_scale_and_data_that_have_no_density(seeds):
    grey = Data(GREY, name="grey")
    run = quick(build(zoo.VAE, grey, hidden=(8,)), grey, seeds=seeds)
    noisy = GREY + torch.randn(GREY.shape, generator=torch.Generator().manual_seed(1))
    assert run.infer(noisy).shape == (len(seeds), 40, 20)
    wide = Data(255 * GREY, name="wide")
    for call in (
        lambda: run.infer(255 * GREY),
        lambda: run.reconstruct(255 * GREY.numpy()),
        lambda: run.interpolate(255 * GREY[:2], GREY[:2]),
        lambda: run.evaluate(255 * GREY),
        lambda: run.evaluate(wide),
    ):
        with pytest.raises(
            ValueError, match=r"goes from .* to 25\d.*, and the model's images were in \[0, 1\]; pass them"
        ):
            call()
    for data in (noisy, Data(noisy, name="noisy", range="real")):
        with pytest.raises(ValueError, match=r"a continuous-Bernoulli observation needs pixels in \[0, 1\]; rescale"):
            run.evaluate(data)
    ends = run.interpolate(grey[:2], grey[2:4], 3)
    assert torch.equal(ends, run.interpolate(GREY[:2], GREY[2:4], 3))


def test_a_density_of_ones_own_says_that_data_lie_outside():
    class Within(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, z):
            return Independent(Beta(self.layer(z).exp(), torch.ones(2)), 1)

    networks = {"encoder": nets.Encoder(nn.Linear(2, 4)), "decoder": Within()}
    inside = Data(GREY.flatten()[:80].reshape(40, 2).clamp(0.01, 0.99))
    run = quick(Model(zoo.VAE, networks, nets.StandardNormal(2)), inside)
    assert run.evaluate(inside, k=2)
    with pytest.raises(ValueError, match="outside lies where the decoder has no density; pass data such as"):
        run.evaluate(Data(inside.x + 1, name="outside"), k=2)
