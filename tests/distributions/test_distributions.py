"""Points, products, pushed-forward noise, and draws from them: values, shapes, and what they cannot do."""

import math

import pytest
import torch
from torch.distributions import (
    Bernoulli,
    Beta,
    Categorical,
    Independent,
    Laplace,
    MixtureSameFamily,
    Normal,
    OneHotCategorical,
    kl_divergence,
)

from ganvae_lib import Noise, build, free_energy, ring, zoo
from ganvae_lib.distributions import Noiseless, Point, Product, Pushforward, draw, tiled
from ganvae_lib.distributions.densities import SideBySide, side_by_side


def gaussian(*shape, seed=0):
    loc = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return Independent(Normal(loc, torch.full_like(loc, 0.5 + seed)), 1)


class At(Noise):
    """Noise whose uniform numbers are all this one."""

    def __init__(self, value):
        super().__init__(0)
        self.value = value

    def uniform(self, name, *shape):
        return torch.full(shape, self.value)


# ---------------------------------------------------------------- products


def pair(batch=4):
    return Product([gaussian(batch, 2), OneHotCategorical(logits=gaussian(batch, 3, seed=1).mean)])


def test_a_product_is_its_parts_side_by_side():
    p, (first, second) = pair(), pair().parts
    assert p.batch_shape == (4,) and p.event_shape == (5,) and p.sizes == [2, 3]
    assert torch.equal(p.mean, torch.cat([first.mean, second.mean], -1))
    x = torch.cat([torch.randn(4, 2), torch.eye(3)[[0, 1, 2, 1]]], -1)
    torch.testing.assert_close(p.log_prob(x), first.log_prob(x[:, :2]) + second.log_prob(x[:, 2:]))
    assert p.sample().shape == (4, 5) and p.sample((7, 3)).shape == (7, 3, 4, 5)
    wide = Product([gaussian(2), gaussian(3, seed=1)]).expand((6,))
    assert wide.batch_shape == (6,) and wide.sample().shape == (6, 5)


def test_the_kl_of_products_is_the_sum_over_the_parts():
    p, q = Product([gaussian(4, 2), gaussian(4, 1, seed=1)]), Product([gaussian(4, 2, seed=2), gaussian(4, 1, seed=3)])
    parts = [kl_divergence(a, b) for a, b in zip(p.parts, q.parts, strict=True)]
    torch.testing.assert_close(kl_divergence(p, q), parts[0] + parts[1])
    with pytest.raises(ValueError):
        kl_divergence(p, Product(q.parts[:1]))


def test_what_is_drawn_from_a_product_are_draws_of_its_parts():
    p = Product([gaussian(4, 2), gaussian(4, 1, seed=1)])
    whole = draw(p, Noise(3), "z")
    parts = [draw(part, Noise(3), f"z, part {i}") for i, part in enumerate(p.parts)]
    assert torch.equal(whole, torch.cat(parts, -1))


# ---------------------------------------------------------------- implicit ones


def test_implicit_distributions_have_no_density_and_pushed_noise_no_mean():
    point = Point(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    pushed = Pushforward(lambda noise: noise.sum(-1, keepdim=True), 2, (5,), (1,))
    assert point.batch_shape == (2,) and point.event_shape == (2,)
    assert pushed.batch_shape == (5,) and pushed.event_shape == (1,) and pushed.noise == 2
    for p in (point, pushed):
        with pytest.raises(NotImplementedError, match="no density; for a likelihood choose observation='gaussian'"):
            p.log_prob(torch.zeros(2))
    assert torch.equal(point.mean, point.value) and torch.equal(point.rsample((3,)), point.value.expand(3, 2, 2))
    with pytest.raises(NotImplementedError, match="is not known; draw samples instead"):
        _ = pushed.mean
    with pytest.raises(NotImplementedError, match="one sample at a time"):
        pushed.rsample((2,))
    assert pushed.rsample().shape == (5, 1) and pushed.rsample().std() > 0
    noise = Noise(2).normal("x", 5, 2)
    assert torch.equal(draw(pushed, Noise(2), "x"), noise.sum(-1, keepdim=True))


def test_noiseless_is_its_mean_with_a_price():
    base = Independent(Laplace(torch.tensor([[1.0, -2.0]]), torch.tensor(0.5)), 1)
    p = Noiseless(base)
    assert p.batch_shape == (1,) and p.event_shape == (2,)
    assert torch.equal(p.rsample((3,)), base.mean.expand(3, 1, 2)) and torch.equal(draw(p, Noise(0), "x"), base.mean)
    x = torch.zeros(1, 2)
    assert p.log_prob(x).item() == pytest.approx(-(1 + 2) / 0.5)  # and 2 log(2 b) = 0


# ---------------------------------------------------------------- repeated, and at the ends of the noise


def test_a_distribution_k_times_side_by_side():
    makers = (
        gaussian(4, 2),
        OneHotCategorical(logits=gaussian(4, 3).mean),
        Independent(Bernoulli(logits=gaussian(4, 3).mean), 1),
        pair(),
    )
    for p in makers:
        again = tiled(p, 3, 0)
        assert type(again) is type(p) and again.batch_shape == (12,) and again.event_shape == p.event_shape
        torch.testing.assert_close(again.mean, torch.cat([p.mean] * 3))
    _ = makers[2].base_dist.probs  # torch remembers it, and it must not be given beside the logits
    assert torch.equal(tiled(makers[2], 2, 0).base_dist.logits, torch.cat([makers[2].base_dist.logits] * 2))
    with pytest.raises(NotImplementedError, match="Pushforward cannot be repeated"):
        tiled(Pushforward(lambda noise: noise, 2, (4,), (2,)), 2, 0)


def test_laplace_noise_stops_short_of_infinity():
    """u = 0 is moved to 2^-25, and the largest u is 1 - 2^-24: -24 log 2 and 23 log 2 in units of the scale."""
    p = Laplace(torch.zeros(3, dtype=torch.float64), 2.0)
    for u, halvings in ((0.0, -24), (1 - 2**-24, 23)):
        assert draw(p, At(u), "x").tolist() == pytest.approx([2 * halvings * math.log(2)] * 3, rel=1e-6)


def test_the_noise_of_nested_minibatches_is_counted():
    noise = Noise(0)
    assert noise.tiles == 1 and noise.tiled(2).tiled(3).tiles == 6 and isinstance(noise.tiled(2).tiles, int)
    assert noise.tiles == 1 and noise.tiled(2)._streams is noise._streams


def test_one_sample_is_the_usual_free_energy():
    model, x = build(zoo.VAE, (2,), hidden=(4,)), ring().sample(5, 0)
    z = draw(model.encoder(x), Noise(1), "z from x")
    expected = kl_divergence(model.encoder(x), model.prior().expand((5,))) - model.decoder(z).log_prob(x)
    torch.testing.assert_close(free_energy(model, x, Noise(1)), expected)
    torch.testing.assert_close(free_energy(model, x, Noise(1), 1), expected)


# ---------------------------------------------------------------- what cannot be drawn, and copies side by side


def test_what_has_no_sampler_with_a_gradient_is_named():
    with pytest.raises(TypeError, match="do not know how to draw from Beta with a gradient.*draw.register"):
        draw(Beta(torch.ones(3), torch.ones(3)), Noise(0), "x")


@pytest.mark.parametrize("kind, name", [(Bernoulli, "Bernoulli"), (OneHotCategorical, "one-hot")])
def test_a_discrete_sample_refuses_a_gradient(kind, name):
    logits = torch.zeros(4, 3, requires_grad=True)
    sample = draw(kind(logits=logits), Noise(0), "z")
    with pytest.raises(TypeError, match=f"z is drawn from a {name}, whose samples carry no gradient"):
        sample.sum().backward()
    assert logits.grad is None


def mixture(loc):
    return MixtureSameFamily(Categorical(torch.ones(5, 2)), Normal(loc.expand(5, 2), 1.0, validate_args=False))


def test_a_copy_that_has_diverged_leaves_the_others_alone():
    """Its numbers are NaN, and those beside it what they are without it."""
    lost, sound, x = torch.full((1,), math.nan), torch.zeros(1), torch.zeros(5)
    for make in (lambda loc: Normal(loc.expand(5), 1.0, validate_args=False), mixture):
        found = side_by_side([make(lost), make(sound)]).log_prob(torch.stack([x + math.nan, x]))
        assert found[0].isnan().all()
        torch.testing.assert_close(found[1], make(sound).log_prob(x))


def test_copies_of_several_kinds_stand_as_they_are():
    parts = [Normal(torch.zeros(5), 1.0), mixture(torch.ones(1))]
    together, x = side_by_side(parts), torch.zeros(2, 5)
    assert isinstance(together, SideBySide)
    torch.testing.assert_close(
        together.log_prob(x), torch.stack([p.log_prob(v) for p, v in zip(parts, x, strict=True)])
    )
