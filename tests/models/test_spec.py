"""What ``build`` is asked for, as a value; and observation models, densities and codes that a user brings along."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, Uniform

from ganvae_lib import Data, Model, Run, build, fit, nets, ring, zoo
from ganvae_lib.models import Spec
from ganvae_lib.networks import CODES, DENSITIES, OBSERVATIONS, Kind, Observation, Prior

POINTS = Data(ring().sample(256, 0), name="ring", law=ring())
GREY = Data(torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 4, name="grey")


def small(objective, data=POINTS, **choices):
    return build(objective, data, **{"hidden": (16,), "latent": 3, **choices})


def test_a_spec_is_a_frozen_value():
    spec = Spec.of(zoo.VAE, POINTS, hidden=[16], codes={"one-hot": 4, "gaussian": 2})
    assert spec == Spec.of(zoo.VAE, (2,), hidden=(16,), codes={"one-hot": 4, "gaussian": 2})
    assert len({spec, replace(spec), replace(spec, width=64)}) == 2
    with pytest.raises(FrozenInstanceError):
        spec.width = 64


def test_what_was_chosen_stands_in_the_spec_as_plain_json():
    model = small(zoo.CGAN, GREY, noise=2, activation="silu")
    expected = {
        "shape": [1, 8, 8],
        "latent": 3,
        "hidden": [16],
        "architecture": "mlp",
        "width": 32,
        "depth": 2,
        "observation": "point",
        "scale": None,
        "noiseless": False,
        "noise": 2,
        "activation": "silu",
        "codes": "gaussian",
        "density": "gaussian",
        "classes": 4,
        "other": None,
    }
    assert json.dumps(model.config) == json.dumps(expected)  # in this order
    shape, rest = expected.pop("shape"), expected
    assert build(zoo.CGAN, shape, **rest).spec == model.spec


def test_parts_of_a_code_come_back_as_they_were_given():
    codes = {"one-hot": 4, "uniform": 2}
    spec = Spec.of(zoo.INFOGAN, POINTS, codes=codes)
    assert spec.as_dict()["codes"] == codes and spec.latent == 6 and spec.shape_of("z") == (6,)


def test_networks_of_ones_own_have_no_spec():
    networks = {"density": nets.GaussianDensity((2,))}
    model = Model(zoo.LIKELIHOOD, networks, nets.StandardNormal(1))
    assert model.spec is None and model.config is None


@pytest.mark.parametrize(
    "choices, plain",
    [
        ({"latent": np.int64(3), "width": torch.tensor(16)}, {"latent": 3, "width": 16}),
        ({"hidden": np.array([16, 8])}, {"hidden": (16, 8)}),
        ({"hidden": torch.tensor([16, 8])}, {"hidden": (16, 8)}),
        ({"scale": np.float64(0.5)}, {"scale": 0.5}),
        ({"scale": torch.tensor(0.5, dtype=torch.float64)}, {"scale": 0.5}),
        ({"codes": {"gaussian": np.int32(3), "bernoulli": torch.tensor(2)}}, {"latent": 5}),
        ({"classes": np.int64(3)}, {"classes": 3}),
    ],
)
def test_numbers_of_numpy_and_torch_are_numbers(choices, plain):
    labelled = Data(POINTS.x, (POINTS.x[:, 0] > 0).long(), name="labelled")
    spec = Spec.of(zoo.CVAE, labelled, **choices)
    assert {name: getattr(spec, name) for name in plain} == plain
    assert json.loads(json.dumps(spec.as_dict())) == spec.as_dict()
    assert build(zoo.CVAE, labelled, **choices).spec == spec


@pytest.mark.parametrize(
    "choices, words",
    [
        ({"latent": np.float64(3.0)}, "sizes must be positive integers.*latent=3.0"),
        ({"latent": torch.tensor([3, 4])}, "sizes must be positive integers"),
        ({"hidden": np.int64(64)}, "hidden a list of them.*hidden=64"),
        ({"hidden": "64"}, "hidden a list of them"),
        ({"width": -1}, "sizes must be positive integers.*width=-1"),
        ({"noiseless": "yes"}, "noiseless must be"),
        ({"scale": np.inf}, "scale must be a finite number above 0"),
        ({"density": "pixelcn"}, "unknown density 'pixelcn'.*Did you mean 'pixelcnn'"),
        ({"activation": "rulu"}, "unknown activation 'rulu'.*Did you mean 'relu'"),
        ({"codes": "gaussain"}, "unknown kind of code 'gaussain'.*Did you mean 'gaussian'"),
    ],
)
def test_mistakes_are_named_before_a_network_is_made(choices, words):
    with pytest.raises(ValueError, match=words) as caught:
        Spec.of(zoo.VAE, POINTS, **choices)
    assert len(str(caught.value)) < 400


def test_a_choice_that_does_not_exist_is_named():
    with pytest.raises(TypeError, match="latnet"):
        Spec.of(zoo.VAE, POINTS, latnet=3)


def test_what_a_network_sees_has_a_shape():
    spec = Spec.of(zoo.VAE, GREY, latent=5)
    assert [spec.shape_of(name) for name in ("x", "z", "features")] == [(1, 8, 8), (5,), (5,)]
    assert Spec.of(zoo.CYCLEGAN, GREY, other=(3,)).shape_of("z") == (3,)
    with pytest.raises(ValueError, match="unknown thing to see 'y'.*'features'"):
        spec.shape_of("y")


@pytest.mark.parametrize("codes", sorted(CODES))
@pytest.mark.parametrize("observation", ["gaussian", "point"])
def test_the_spec_and_the_networks_agree_on_what_has_a_density(codes, observation):
    model = small(zoo.VQ_VAE if codes == "codebook" else zoo.AAE, codes=codes, observation=observation)
    by_networks = model.encoder.has_density and model.decoder.has_density
    assert model.spec.has_density == by_networks
    assert model.spec.has_density == (
        observation == "gaussian" and codes not in ("point", "unit", "uniform", "implicit", "codebook")
    )


# ---------------------------------------------------------------- what a user brings along


@pytest.fixture
def registered(request):
    """Put an entry into a table for one test."""
    entries = []

    def register(table, name, value):
        table[name] = value
        entries.append((table, name))

    yield register
    for table, name in entries:
        del table[name]


def assert_stacks(model, data):
    """Two seeds in company have the curves of each alone; returns the run."""
    options = dict(batch=32, log_every=1, device="cpu", progress=False)
    together = fit(model, data, 30, seeds=[0, 1], **options)
    for column, seed in enumerate(together.seeds):
        alone = fit(model, data, 30, seeds=[seed], **options)
        for key in alone.history:
            a, b = together.history[key][:, column], alone.history[key][:, 0]
            assert float(((a - b).abs() / b.abs().clamp_min(b.abs().mean())).max()) < 1e-5, key
    return together


class Steady(Observation):
    """A Gaussian of known width around tanh of the features, for x between -3 and 3."""

    advice = "the steady observation needs x between -3 and 3; rescale x."

    def forward(self, features, dims):
        return Independent(Normal(features.tanh(), 0.5), dims)

    def supports(self, x):
        return bool((x.abs() < 3).all())


def test_an_observation_of_ones_own_is_built_checked_and_trained(registered, tmp_path):
    registered(OBSERVATIONS, "steady", Steady)
    model = small(zoo.VAE, observation="steady")
    assert model.spec.explicit and model.spec.has_density and isinstance(model.decoder.observation, Steady)
    x = torch.zeros(4, 3)
    means = model.decoder.trunk(x).tanh()
    log_p = -((1 - means) ** 2) / (2 * 0.25) - math.log(0.5 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(model.decoder(x).log_prob(torch.ones(4, 2)), log_p.sum(-1))
    with pytest.raises(ValueError, match="between -3 and 3"):
        build(zoo.VAE, POINTS.map(lambda x: 10 * x, "large"), observation="steady")
    run = assert_stacks(model, POINTS)
    again = Run.load(run.save(tmp_path))
    assert torch.equal(again.sample(5), run.sample(5)) and again.model.spec == model.spec


def test_an_implicit_observation_of_ones_own_takes_noise(registered):
    class Ball(nets.PointPixels):
        def forward(self, features, dims):
            return super().forward(features.tanh(), dims)

    registered(OBSERVATIONS, "ball", Ball)
    model = small(zoo.GAN, observation="ball", noise=2)
    assert not model.spec.explicit and not model.spec.noiseless
    x = assert_stacks(model, POINTS).sample(100)
    assert x.shape == (2, 100, 2) and x.abs().max() <= 1


class Box(nn.Module):
    """A Gaussian with one mean for each dimension and width 1."""

    stackable = True

    def __init__(self, shape):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(shape))

    def reset_parameters(self):
        with torch.no_grad():
            self.mean.zero_()

    def forward(self):
        return Independent(Normal(self.mean.unsqueeze(-2), 1.0), 1)

    def draw(self, n, noise):
        return self.mean.unsqueeze(-2) + noise.normal("sample x", n, self.mean.shape[-1])


def test_a_density_of_ones_own_is_built_and_trained(registered, tmp_path):
    registered(DENSITIES, "box", lambda spec: Box(spec.shape))
    data = POINTS.map(lambda x: x + 1, "moved")
    model = build(zoo.LIKELIHOOD, data, density="box")
    assert isinstance(model.density, Box) and model.config["density"] == "box"
    assert_stacks(model, data)
    run = fit(model, data, 300, batch=256, lr=0.02, device="cpu", progress=False)
    torch.testing.assert_close(run.model.density.mean, data.x.mean(0), atol=0.02, rtol=0)
    assert torch.equal(Run.load(run.save(tmp_path)).sample(5), run.sample(5))


def test_a_kind_of_code_of_ones_own_is_built_and_trained(registered):
    def wide(zeros):
        return Independent(Normal(zeros, 2.0), 1)

    def steady(features):
        return Independent(Normal(features, 0.5), 1)

    registered(CODES, "wide", Kind(wide, steady, features=1))
    model = small(zoo.VAE, codes={"wide": 2, "gaussian": 1})
    assert model.spec.has_density and model.spec.latent == 3
    assert model.encoder.trunk[-1].out_features == 2 * 1 + 1 * 2  # one feature for a wide unit, two for a Gaussian one
    at_zero = Prior({"wide": 2})().log_prob(torch.zeros(2)).item()
    assert at_zero == pytest.approx(-2 * math.log(2 * math.sqrt(2 * math.pi)))
    assert_stacks(model, POINTS)


def test_a_kind_of_code_says_whether_it_has_a_density(registered):
    def interval(zeros):
        return Independent(Uniform(zeros, zeros + 1), 1)

    registered(CODES, "interval", Kind(interval, CODES["unit"].encode, features=1, density=False))
    model = small(zoo.AAE, codes="interval")
    assert not model.spec.has_density and not model.encoder.has_density
    assert_stacks(model, POINTS)
