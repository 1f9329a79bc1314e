"""Networks: densities against independent formulas, shapes, and stacked copies against each copy alone."""

import math
from functools import partial

import pytest
import torch
from helpers import images, points, small
from scipy import stats
from torch import nn
from torch.nn import functional as F

from ganvae_lib import Noise, Point, given, nets, zoo
from ganvae_lib.distributions.sample import draw
from ganvae_lib.networks import trunks
from ganvae_lib.networks.codes import Encoder
from ganvae_lib.networks.densities import GaussianDensity
from ganvae_lib.networks.heads import Decoder, Discriminator
from ganvae_lib.networks.observations import Gaussian, PointPixels


def close(a, b, rtol=1e-5, atol=1e-5):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=rtol, atol=atol, check_dtype=False)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- distributions

LOGITS = 3 * randn(5, 2, 3, 3)
GREY = torch.rand(5, 2, 3, 3, generator=torch.Generator().manual_seed(1))


def continuous_bernoulli(x, logits):
    """log C(λ) + x log λ + (1-x) log(1-λ), C = 2 artanh(1-2λ)/(1-2λ) (Loaiza-Ganem and Cunningham, 2019)."""
    p = logits.double().sigmoid()
    return (2 * torch.atanh(1 - 2 * p) / (1 - 2 * p)).log() + x * p.log() + (1 - x) * (1 - p).log()


@pytest.mark.parametrize(
    "observation, x, density",
    [
        ("bernoulli", (GREY > 0.5).float(), lambda x, f: stats.bernoulli.logpmf(x, f.double().sigmoid())),
        ("continuous bernoulli", GREY, continuous_bernoulli),
        ("gaussian", GREY, lambda x, f: stats.norm.logpdf(x, f, 0.3)),
    ],
)
def test_observation_models_have_the_right_density(observation, x, density):
    model = nets.OBSERVATIONS[observation](**({"scale": 0.3} if observation == "gaussian" else {}))
    p = model(LOGITS, 3)
    assert p.batch_shape == (5,) and p.event_shape == (2, 3, 3)
    close(p.log_prob(x), torch.as_tensor(density(x, LOGITS)).sum((1, 2, 3)))


@pytest.mark.parametrize("logit", [-12.0, -3.0, -1e-3, 0.0, 1e-3, 0.5, 12.0])
def test_the_continuous_bernoulli_integrates_to_one(logit):
    x = torch.linspace(0, 1, 20001, dtype=torch.float64)
    p = nets.OBSERVATIONS["continuous bernoulli"]()(torch.full((20001, 1), logit, dtype=torch.float64), 1)
    close(torch.trapezoid(p.log_prob(x[:, None]).exp(), x), 1.0, atol=1e-6)
    close(torch.trapezoid(x * p.log_prob(x[:, None]).exp(), x), p.mean[0, 0], atol=1e-6)


def test_encoder_and_density_are_the_gaussians_that_their_features_say():
    x = randn(4, 6)
    q = Encoder(nn.Identity())(x)
    close(q.log_prob(torch.ones(4, 3)), stats.norm.logpdf(1, x[:, :3], (x[:, 3:] / 2).exp()).sum(1))
    density = GaussianDensity((3,))
    with torch.no_grad():
        for i, p in enumerate(density.parameters()):
            p.copy_(randn(*p.shape, seed=i))
    lower = density.below.detach().tril(-1) + density.log_diagonal.detach().exp().diag()
    expected = stats.multivariate_normal.logpdf(x[:, :3], density.loc.detach(), lower @ lower.T)
    close(density().log_prob(x[:, :3]), expected)


def test_the_prior_is_standard_normal():
    close(nets.StandardNormal(3)().log_prob(randn(4, 3)), stats.norm.logpdf(randn(4, 3)).sum(1))


def test_a_point_has_a_mean_and_samples_but_no_density():
    p = PointPixels(squash=True)(LOGITS, 3)
    assert isinstance(p, Point) and p.batch_shape == (5,) and p.event_shape == (2, 3, 3)
    assert torch.equal(p.mean, LOGITS.sigmoid()) and torch.equal(p.rsample((2,))[1], p.mean)
    assert torch.equal(PointPixels()(LOGITS, 3).sample(), LOGITS)
    with pytest.raises(NotImplementedError, match="no density.*Adversary"):
        p.log_prob(LOGITS)


@pytest.mark.parametrize(
    "observation, cdf",
    [
        ("gaussian", lambda x: stats.norm.cdf(x, 0.7, 0.3)),
        ("continuous bernoulli", lambda x: (math.exp(0.7) ** x - 1) / (math.exp(0.7) - 1)),
    ],
)
def test_draws_follow_the_distribution_and_carry_gradients(observation, cdf):
    features = torch.full((4000, 1), 0.7, requires_grad=True)
    p = nets.OBSERVATIONS[observation](**({"scale": 0.3} if observation == "gaussian" else {}))(features, 1)
    x = draw(p, Noise(0), "x")
    assert stats.kstest(x.detach().flatten().numpy(), cdf).pvalue > 0.01
    (slope,) = torch.autograd.grad(x.sum(), features)
    assert (slope > 0).all()


def test_binary_draws_follow_the_distribution_and_have_no_gradient():
    logits = torch.full((4000, 1), 0.7, requires_grad=True)
    p = nets.OBSERVATIONS["bernoulli"]()(logits, 1)
    x = draw(p, Noise(0), "x")
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert abs(x.detach().mean() - torch.tensor(0.7).sigmoid()) < 4 * (0.25 / 4000) ** 0.5
    with pytest.raises(TypeError, match="carry no gradient; choose observation='gaussian'"):
        torch.autograd.grad(draw(p, Noise(0), "x").sum(), logits)


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("channels, side", [(1, 8), (3, 16), (1, 28)])
def test_convolutional_networks_fit_square_images(channels, side):
    shape = (channels, side, side)
    down, up = nets.conv_down(shape, 8, 5), nets.conv_up(5, 8, shape)
    assert down(torch.zeros(2, *shape)).shape == (2, 5)
    assert up(torch.zeros(2, 5)).shape == (2, math.prod(shape))
    decoder = Decoder(up, PointPixels(), shape)
    assert decoder(torch.zeros(2, 5)).mean.shape == (2, *shape)
    assert Discriminator(nets.conv_down(shape, 8, 1))(torch.zeros(2, *shape)).logits.shape == (2,)


@pytest.mark.parametrize("shape", [(1, 8, 12), (1, 10, 10), (8, 8), (2,)])
def test_convolutional_networks_refuse_other_shapes(shape):
    with pytest.raises(ValueError, match="square images.*architecture='mlp'"):
        nets.conv_down(shape, 8, 1)


def test_mlp_computes_what_it_says():
    net = nets.mlp((2, 3), (4,), 5, "tanh")
    _, a, _, b = net
    x = randn(7, 2, 3)
    close(net(x), torch.tanh(x.flatten(1) @ a.weight.T + a.bias) @ b.weight.T + b.bias)
    with pytest.raises(ValueError, match=r"unknown activation 'ReLu'.*Did you mean 'relu'\?"):
        nets.mlp((2,), (4,), 5, "ReLu")


# ---------------------------------------------------------------- stacked copies

LAYERS = {
    "linear": (partial(nn.Linear, 4, 3), (4,)),
    "linear, no bias": (partial(nn.Linear, 4, 3, bias=False), (4,)),
    "linear, more axes": (partial(nn.Linear, 4, 3), (5, 4)),
    "conv": (partial(nn.Conv2d, 4, 6, 3, stride=2, padding=1), (4, 8, 8)),
    "conv, groups": (partial(nn.Conv2d, 4, 6, 3, dilation=2, groups=2, bias=False), (4, 8, 8)),
    "transposed": (partial(nn.ConvTranspose2d, 4, 6, 4, stride=2, padding=1), (4, 5, 5)),
    "transposed, groups": (
        partial(nn.ConvTranspose2d, 4, 6, 3, 2, 1, output_padding=1, groups=2, bias=False, dilation=2),
        (4, 5, 5),
    ),
    "norm": (partial(nn.GroupNorm, 2, 4), (4, 3, 3)),
    "norm of features": (partial(nn.GroupNorm, 2, 4), (4,)),
    "plain torch": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.GroupNorm(2, 4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.0),
            nn.Linear(144, 6),
            nn.LeakyReLU(),
            nn.Unflatten(1, (2, 3)),
            nn.Linear(3, 2),
        ),
        (1, 8, 8),
    ),
    "conv_down": (lambda: nets.conv_down((1, 8, 8), 8, 5), (1, 8, 8)),
    "conv_up": (lambda: nets.conv_up(5, 8, (2, 8, 8)), (5,)),
    "mlp": (lambda: nets.mlp((2, 3), (7,), 5), (2, 3)),
}


@pytest.mark.parametrize("least", [0, math.inf])  # of numbers in a large kernel
@pytest.mark.parametrize("name", LAYERS)
def test_stacked_layers_equal_each_copy(name, least, monkeypatch):
    monkeypatch.setitem(trunks.LARGE, "cpu", least)
    make, shape = LAYERS[name]
    modules = [nets.initialise(make(), seed) for seed in (0, 1, 2)]
    for i, module in enumerate(modules):  # away from the ones and zeros that norms start with
        for p in module.parameters():
            p.data += 0.1 * randn(*p.shape, seed=i)
    stacked = nets.stack(modules)
    x = randn(3, 6, *shape)
    expected = torch.stack([m(x[k]) for k, m in enumerate(modules)])
    close(stacked(x), expected)
    close(nets.unstack(stacked, 1)(x[1]), expected[1], rtol=0, atol=0)
    inputs = [expected.square().sum(), stacked(x).square().sum()]
    per_copy = torch.autograd.grad(inputs[0], [p for m in modules for p in m.parameters()])
    together = torch.autograd.grad(inputs[1], list(stacked.parameters()))
    size = len(together)
    for i, g in enumerate(together):
        close(g, torch.stack(per_copy[i::size]), rtol=1e-4, atol=1e-4)


TRUNKS = {
    "down": (lambda: nets.conv_down((1, 8, 8), 8, 5), (1, 8, 8)),
    "up": (lambda: nets.conv_up(5, 8, (2, 8, 8)), (5,)),
    "same": (lambda: nets.conv_same((2, 8, 8), 8, 1), (2, 8, 8)),
    "U-Net": (lambda: nets.UNet((2, 8, 8), 8, 1), (2, 8, 8)),
}


def with_gradients(network, x, upstream):
    """The output, and the gradients of the input and of every parameter."""
    y = network(x)
    return [y, *torch.autograd.grad(y, [x, *network.parameters()], upstream.to(y).view_as(y))]


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("name", TRUNKS)
def test_copies_in_turn_are_each_alone_and_the_groups_of_one_convolution(name, seeds, monkeypatch):
    """Bit for bit as alone; and, in float64, to 1e-13 of the largest number as in groups."""
    make, shape = TRUNKS[name]
    monkeypatch.setitem(trunks.LARGE, "cpu", 0)
    copies = [nets.initialise(make(), seed) for seed in range(seeds)]
    x, stacked = randn(seeds, 6, *shape).requires_grad_(), nets.stack(copies)
    upstream = randn(*stacked(x).shape, seed=1)
    found = with_gradients(stacked, x, upstream)
    for k, one in enumerate(copies):
        alone = with_gradients(one, x[k].detach().requires_grad_(), upstream[k])
        for together, value in zip(found, alone, strict=True):
            close(together[k], value, rtol=0, atol=0)

    x, stacked = x.detach().double().requires_grad_(), stacked.double()
    in_turn = with_gradients(stacked, x, upstream)
    monkeypatch.setitem(trunks.LARGE, "cpu", math.inf)
    for a, b in zip(in_turn, with_gradients(stacked, x, upstream), strict=True):
        close(a, b, rtol=0, atol=1e-13 * max(a.abs().max().item(), 1))


def test_trunks_are_large_on_a_cpu_by_kernel_and_pixels_and_those_of_the_chapters_are_not(monkeypatch):
    """Records of the chapters stay bit for bit."""
    asked = []
    convolve = F.conv2d
    watched = lambda *arguments: asked.append(arguments[-1]) or convolve(*arguments)  # groups stand last
    monkeypatch.setattr(trunks.F, "conv2d", watched)
    together, in_turn = [3, 3], [1] * 6
    sizes = {(8, 8): together, (8, 32): together, (16, 16): together, (16, 28): in_turn, (32, 16): in_turn}
    for (width, side), groups in sizes.items():
        nets.stack([nets.conv_down((2, side, side), width, 5) for _ in range(3)])(randn(3, 2, 2, side, side))
        assert asked == groups, (width, side)
        asked.clear()
    with torch.device("meta"):  # on a GPU, too, nothing was measured
        nets.stack([nets.conv_down((2, 16, 16), 32, 5) for _ in range(3)])(torch.empty(3, 2, 2, 16, 16))
    assert asked == together


@pytest.mark.parametrize("side, large", [(8, False), (16, True)])
def test_what_makes_images_is_as_large_as_what_sees_them(side, large):
    for make in (partial(nets.conv_up, 5, 32), partial(nets.conv_same, width=32, channels=1)):
        stacked = nets.stack([make(shape=(1, side, side)) for _ in range(2)])
        assert trunks._is_large(stacked, stacked.pixels) == large
        assert not trunks._is_large(nets.unstack(stacked, 0), side**2), "one alone is never one after another"


def test_stacked_gaussians_keep_one_scale_per_copy():
    for scale, dims in ((None, 1), (0.5, 3)):
        copies = [Gaussian(scale) for _ in range(3)]
        for k, c in enumerate(copies):
            if scale is None:
                c.log_scale.data.fill_(k)
        features = randn(3, 5, *[2] * dims)
        together = nets.stack(copies)(features, dims).log_prob(features + 1)
        close(together, torch.stack([c(f, dims).log_prob(f + 1) for c, f in zip(copies, features, strict=True)]))


@pytest.mark.parametrize(
    "entry, data",
    [(zoo.VAE, images()), (zoo.WGAN_GP, points()), (zoo.LIKELIHOOD, points())],
    ids=["VAE", "WGAN-GP", "likelihood"],
)
def test_copies_of_a_model_are_the_single_ones(entry, data):
    model = small(entry, data)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    stacked, single = model.copies([4, 1, 7]), model.copies(1)
    for name, value in stacked.single(1).state_dict().items():
        assert torch.equal(value, single.state_dict()[name]), name
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert stacked.single(1).seeds == 1 and stacked.seeds_shape == (3,)
    started = {n: p for n, p in model.copies(2).named_parameters() if p.ndim > 1 and "below" not in n}
    assert all(not torch.equal(p, single.get_parameter(n)) for n, p in started.items())
    with pytest.raises(TypeError, match=r"stacked copies.*model.single\(k\)"):
        stacked.copies([0, 1])


@pytest.mark.parametrize("labelled", [False, True])
def test_what_a_denoiser_of_images_sees_goes_past_its_trunk(labelled):
    """A U-Net normalises: without it the noise that is told does not grow where all that is seen does."""
    objective = given(zoo.DIFFUSION) if labelled else zoo.DIFFUSION
    model = small(objective, images(), architecture="conv", width=8)
    denoiser, n = model.networks["denoiser_x"], 64
    options = {"labels": torch.arange(n) % 4} if labelled else {}
    z, time = randn(n, 1, 8, 8), torch.full((n, 1), 0.9)
    told = lambda z: denoiser(z, time, **options).detach()
    handed_back = lambda: ((told(1.01 * z) - told(z)) * z).sum() / (0.01 * z.square().sum())
    with_skip, share = told(z), handed_back()
    (denoiser.network if labelled else denoiser).skip = False
    close(with_skip - told(z), z)
    close(share - handed_back(), torch.tensor(1.0), atol=1e-3)
    assert abs(handed_back()) < 0.2
    with pytest.raises(ValueError, match="planes=True"):
        nets.Denoiser(nn.Identity(), (2,), skip=True)
