"""What suits what: defaults of ``build``, models that may and may not meet their data, and mistakes that are named."""

import pytest
import torch
from helpers import images, points, short, small, suited
from torch import nn

from ganvae_lib import Adversary, Data, Domains, Match, Model, Reconstruct, Unpredictable, build, fit, nets, zoo

X, Z, GAN_X, GAN_Z = Reconstruct("x"), Reconstruct("z"), Match("x", Adversary()), Match("z", Adversary())
POINTS, IMAGES = points(), images()
TWO = Domains(POINTS, POINTS.map(lambda x: x.flip(0) + 1, "moved"))


def test_layers_that_nobody_asked_for_have_128_units():
    model = build(zoo.VAE, (2,), latent=3)
    sizes = [tuple(p.shape[-2:]) for p in model.encoder.parameters() if p.ndim > 1]
    assert [sorted(size) for size in sizes] == [[2, 128], [128, 128], [6, 128]]


def test_where_z_is_data_only_what_can_be_drawn_is_measured():
    run = short(small(zoo.CYCLEGAN, TWO), TWO, steps=2)
    with pytest.raises(ValueError, match="nothing to measure"):
        run.evaluate(TWO)
    assert run.sample(3, z=TWO.other[:3]).shape == (1, 3, 2)


@pytest.mark.parametrize(
    "data, expected",
    [
        (Domains(IMAGES, IMAGES[:50]), "bernoulli"),
        (Domains(IMAGES, images(binary=False)), "continuous bernoulli"),
        (Domains(IMAGES, POINTS), "gaussian"),
        (TWO, "gaussian"),
        (IMAGES, "bernoulli"),
    ],
    ids=["binary", "grey", "images and points", "points", "one domain"],
)
def test_the_default_observation_suits_both_domains(data, expected):
    model = small(zoo.CYCLEGAN, data)
    assert model.config["observation"] == expected and model.config["noiseless"]
    short(model, data, steps=1)


@pytest.mark.parametrize(
    "objective, expected",
    [
        (X, "bernoulli"),
        (zoo.HELMHOLTZ, "bernoulli"),
        (zoo.AVB, "bernoulli"),
        (zoo.MDGAN, "bernoulli"),
        (zoo.GAN, "point"),
        (X + zoo.ALI, "continuous bernoulli"),
        (X + Match("x|z", Adversary()), "continuous bernoulli"),
        (zoo.AAE + Match("z again", Adversary(steps=0)), "continuous bernoulli"),
        (X + Z, "continuous bernoulli"),
    ],
    ids=str,
)
def test_binary_pixels_are_grey_where_their_samples_need_a_gradient(objective, expected):
    model = small(objective, IMAGES)
    assert model.config["observation"] == expected
    short(model, IMAGES, steps=1)


@pytest.mark.parametrize(
    "objective, options",
    [
        (zoo.INFOGAN + Match("z", Adversary(steps=3)), {}),
        (zoo.WGAN_GP + X + Unpredictable("z"), {}),
        (zoo.GAN, {"observation": "gaussian", "noiseless": True}),
        (zoo.LIKELIHOOD + Reconstruct("x", only=("eta",)), {}),
    ],
    ids=["two paces", "critic and predictor", "a scale without use", "a decoder that stands still"],
)
def test_a_player_may_have_networks_that_a_phase_does_not_use(objective, options):
    model = small(objective, POINTS, **options)
    run, start = short(model, steps=3, seeds=2), model.copies([0, 1]).state_dict()
    moved = {n.split(".")[1] for n, v in run.model.state_dict().items() if not torch.equal(v, start[n])}
    still = {"decoder"} if "density" in model.networks else set()
    assert moved == set(model.networks) - still and all(curve.isfinite().all() for curve in run.history.values())


def test_a_model_without_a_code_asks_for_no_second_domain():
    labelled = suited(zoo.SOURCE_ONLY, POINTS)
    model = small(zoo.SOURCE_ONLY, Domains(labelled, POINTS))
    assert model.reads == ("labels",) and model.config["other"] is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_an_absent_device_is_named():
    with pytest.raises(ValueError, match="device 'cuda' is not available here; use device='auto' or 'cpu'"):
        short(small(zoo.VAE, POINTS), device="cuda")


def test_a_model_is_printed_as_a_table_with_its_default_networks():
    model = build(zoo.VAE, (2,))
    assert model.spec.hidden == (128, 128)
    lines = repr(model).splitlines()
    assert lines[0].split()[:2] == ["Model", "VAE:"]
    # Two layers of 128: from x to μ and log σ² of two codes, and from z to x, beside the scale of x.
    hidden = 3 * 128 + 129 * 128
    assert f"encoder ({hidden + 129 * 4:,} parameters), decoder ({hidden + 129 * 2 + 1:,} parameters)" in repr(model)


@pytest.mark.parametrize("end, word", [(nn.Sigmoid(), "between 0 and 1"), (nn.Tanh(), "between -1 and 1")])
def test_a_network_that_ends_in_a_function_refuses_data_beyond_its_range(end, word):
    """The function is read off the graph, through layers that keep its range."""
    networks = {
        "decoder": nets.Decoder(nn.Sequential(nn.Linear(4, 2), end, nn.Flatten(-1)), nets.PointPixels(), (2,)),
        "discriminator_x": nets.Discriminator(nn.Linear(2, 1)),
    }
    model = Model(zoo.GAN, networks, nets.StandardNormal(4))
    inside = torch.rand(40, 2)
    fit(model, Data(inside, name="inside", range="real"), 1, batch=8, device="cpu", progress=False)
    with pytest.raises(ValueError, match=f"makes samples {word}, and wide goes from .*let the network end in another"):
        fit(model, Data(4 * inside, name="wide", range="real"), 1, batch=8, device="cpu", progress=False)
