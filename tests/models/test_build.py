"""What suits what: defaults of ``build``, models that may and may not meet their data, and mistakes that are named."""

import pytest
import torch
from helpers import images, points, short, small, suited

from ganvae_lib import Adversary, Domains, Match, Reconstruct, Unpredictable, zoo

X, Z, GAN_X, GAN_Z = Reconstruct("x"), Reconstruct("z"), Match("x", Adversary()), Match("z", Adversary())
POINTS, IMAGES = points(), images()
TWO = Domains(POINTS, POINTS.map(lambda x: x.flip(0) + 1, "moved"))


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
