"""The gradient penalty of WGAN-GP, E[(‖∇t‖ - 1)²] on segments: closed forms, where the points lie, one norm of pairs."""

import math
from types import SimpleNamespace

import pytest
import torch

from ganvae_lib import Adversary, Noise
from ganvae_lib.objective.links import gradient_penalty


@pytest.fixture(autouse=True)
def float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def discriminator(function):
    """A discriminator that answers with the logits of a function of its samples."""
    return lambda *samples: SimpleNamespace(logits=function(*samples))


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class At(Noise):
    """Noise whose uniform numbers are these."""

    def __init__(self, *values):
        super().__init__(0)
        self.values = torch.tensor(values)

    def uniform(self, name, *shape):
        assert name == "segment" and shape == self.values.shape
        return self.values


def test_of_a_plane_it_is_the_distance_of_its_slope_from_one():
    a, b = normal(7, 3), normal(7, 3, seed=1)
    for slope in ([0.6, 0.0, 0.8], [3.0, 0.0, 4.0], [0.0, 0.5, 0.0]):
        plane = discriminator(lambda x, slope=slope: x @ torch.tensor(slope))
        found = gradient_penalty(plane, (a,), (b,), Noise(0))
        assert found.item() == pytest.approx((math.hypot(*slope) - 1) ** 2, abs=1e-9)


def test_the_points_divide_the_segments():
    """t = ‖x‖²/2 has the gradient x, so the penalty tells where x is: u of the way from the model to the target."""
    bowl = discriminator(lambda x: x.square().sum(-1) / 2)
    target, model = normal(4, 3), normal(4, 3, seed=1)
    u = (0.0, 0.25, 0.5, 1.0)
    points = torch.stack([share * a + (1 - share) * b for share, a, b in zip(u, target, model, strict=True)])
    expected = torch.stack([(x.norm() - 1) ** 2 for x in points]).mean()
    torch.testing.assert_close(gradient_penalty(bowl, (target,), (model,), At(*u)), expected, rtol=1e-10, atol=0)


def test_the_points_are_uniform_on_the_segments():
    """On the segment from 0 to 1, t = x²/2 costs E(u - 1)² = 1/3; and u does not repeat from step to step."""
    ones, zeros, noise = torch.ones(4000, 1), torch.zeros(4000, 1), Noise(3)
    bowl = discriminator(lambda x: x.square().sum(-1) / 2)
    first, second = (gradient_penalty(bowl, (ones,), (zeros,), noise).item() for _ in range(2))
    error = 5 * math.sqrt(4 / 45 / 4000)  # five standard errors: the variance of (u - 1)² is 1/5 - 1/9
    assert abs(first - 1 / 3) < error and abs(second - 1 / 3) < error and first != second


def test_pairs_and_images_have_one_point_and_one_norm():
    """Both parts of a pair move by the same u, and their gradients are parts of one vector."""
    a, b = (normal(2, 1, 2, 2), normal(2, 3, seed=1)), (normal(2, 1, 2, 2, seed=2), normal(2, 3, seed=3))
    bowl = discriminator(lambda x, z: (x.square().flatten(1).sum(-1) + 3 * z.square().sum(-1)) / 2)
    u = torch.tensor([0.3, 0.8])
    middle = [
        u.reshape(2, *[1] * (s.ndim - 1)) * s + (1 - u.reshape(2, *[1] * (t.ndim - 1))) * t
        for s, t in zip(a, b, strict=True)
    ]
    square = middle[0].flatten(1).square().sum(1) + (3 * middle[1]).square().sum(1)
    found = gradient_penalty(bowl, a, b, At(*u.tolist()))
    torch.testing.assert_close(found, (square.sqrt() - 1).square().mean(), rtol=1e-10, atol=0)


def test_each_seed_has_its_own():
    a, b = normal(2, 5, 3), normal(2, 5, 3, seed=1)
    bowl = discriminator(lambda x: x.square().sum(-1) / 2)
    together = gradient_penalty(bowl, (a,), (b,), Noise([4, 9]))
    alone = [gradient_penalty(bowl, (a[i],), (b[i],), Noise(seed)) for i, seed in enumerate((4, 9))]
    assert together.shape == (2,) and torch.equal(together, torch.stack(alone))


def test_a_flat_discriminator_costs_one_and_can_learn():
    """At slope zero the norm has no gradient, and the penalty must have one that is finite."""
    weight = torch.zeros(3, requires_grad=True)
    loss = gradient_penalty(discriminator(lambda x: x @ weight), (normal(5, 3),), (normal(5, 3, seed=1),), Noise(0))
    (slope,) = torch.autograd.grad(loss, weight)
    assert loss.item() == pytest.approx(1, abs=1e-5) and slope.tolist() == [0.0, 0.0, 0.0]


def test_its_gradient_reaches_the_discriminator_and_its_weight_counts():
    """Of t = w·x the penalty is (‖w‖ - 1)², and its gradient 2 (‖w‖ - 1) w/‖w‖."""
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    plane = discriminator(lambda x: x @ w)
    a, b = normal(6, 2), normal(6, 2, seed=1)
    with_penalty, without = (
        Adversary("Wasserstein", penalty=penalty).discriminator_loss(plane, a, b, Noise(0)) for penalty in (10.0, 0.0)
    )
    torch.testing.assert_close(with_penalty - without, torch.tensor(160.0), rtol=1e-9, atol=0)
    (slope,) = torch.autograd.grad(with_penalty - without, w)
    torch.testing.assert_close(slope, 10 * 2 * 4 * torch.tensor([0.6, 0.8]), rtol=1e-9, atol=0)
    torch.testing.assert_close(without, (b.mean(0) - a.mean(0)) @ w, rtol=1e-12, atol=0)
