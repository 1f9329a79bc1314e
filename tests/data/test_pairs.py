"""Two domains with a hidden pairing: nothing pairs the training examples, everything the test examples."""

import pytest
import torch

from ganvae_lib import Domains, clouds, styles

CLOUDS = pytest.mark.parametrize("symmetric, bent", [(False, False), (False, True), (True, False), (True, True)])


@CLOUDS
def test_clouds_are_images_and_know_their_density(symmetric, bent):
    paired = clouds(symmetric, bent, n=20_000)
    source, target = paired.test.source, paired.test.target
    torch.testing.assert_close(paired.truth(source.x), target.x, rtol=0, atol=1e-5)
    torch.testing.assert_close(paired.inverse(target.x), source.x, rtol=0, atol=1e-5)
    assert torch.equal(source.y, target.y)
    # the density of the image integrates to one, and its samples agree with it
    ticks = torch.linspace(-6, 6, 601, dtype=torch.float64)
    points, area = torch.cartesian_prod(ticks, ticks), (ticks[1] - ticks[0]) ** 2
    log_p = target.law.log_prob(points)
    assert abs(float(log_p.exp().sum() * area) - 1) < 1e-6
    entropy = -float((log_p.exp() * log_p.clamp_min(-1e4)).sum() * area)
    drawn = -target.law.log_prob(paired.train.other.double())
    assert abs(float(drawn.mean()) - entropy) < 4 * float(drawn.std()) / 20_000**0.5
    assert target.law.log_prob(target.law.modes).isfinite().all()


@CLOUDS
def test_symmetries_keep_the_density_and_nothing_else_does(symmetric, bent):
    paired = clouds(symmetric, bent)
    world, x = paired.test.source.law, paired.test.x.double()
    assert len(paired.symmetries) == (8 if symmetric else 1)
    assert torch.equal(paired.symmetries[0], torch.eye(2, dtype=torch.float64))
    for g in paired.symmetries:
        torch.testing.assert_close(world.log_prob(x @ g.T), world.log_prob(x), rtol=1e-9, atol=1e-9)
    # scan the turns and reflections: the density changes for all that are not in the list
    angle = torch.arange(0, 360, 5).double().deg2rad()
    turns = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).reshape(-1, 2, 2)
    maps = torch.cat([turns, turns @ torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))])
    listed = torch.cdist(maps.flatten(1), paired.symmetries.flatten(1)).amin(1) < 1e-6
    lost = torch.stack([(world.log_prob(x) - world.log_prob(x @ g.T)).mean() for g in maps])  # KL(p, p turned)
    assert listed.sum() == len(paired.symmetries) and lost[listed].abs().max() < 1e-9 and lost[~listed].min() > 0.02


def test_errors_say_which_of_the_equal_truths_was_found():
    paired = clouds(symmetric=True)
    found = torch.stack([paired.truth(paired.test.x @ g.T.float()) for g in paired.symmetries[[0, 3, 5]]])
    errors = paired.errors(found + 0.1)
    assert errors.shape == (3, 8) and errors.argmin(1).tolist() == [0, 3, 5]
    torch.testing.assert_close(errors.amin(1), torch.full((3,), 0.1), rtol=1e-4, atol=0)
    assert errors.sort(1).values[:, 1].min() > 0.5


@pytest.mark.parametrize(
    "make", [lambda seed: clouds(n=500, n_test=100, seed=seed), lambda seed: styles(500, 100, seed=seed)]
)
def test_training_examples_have_no_partners_and_the_draws_are_repeatable(make):
    paired, again, other = make(0), make(0), make(1)
    for part in ("train", "test"):
        domains = getattr(paired, part)
        assert isinstance(domains, Domains) and len(domains.source) == len(domains.target)
        assert domains.digest == getattr(again, part).digest != getattr(other, part).digest
    hidden = (lambda d: d.factors["rotation"]) if paired.truth is None else (lambda d: d.x[:, 0])
    back = hidden if paired.inverse is None else lambda d: paired.inverse(d.x)[:, 0]
    sets = [hidden(paired.train.source), back(paired.train.target), hidden(paired.test.source)]
    for i, a in enumerate(sets):
        for b in sets[i + 1 :]:
            assert torch.cdist(a[:, None].double(), b[:, None].double()).min() > 0  # no cause is drawn twice
    torch.testing.assert_close(hidden(paired.test.source), back(paired.test.target), rtol=0, atol=1e-5)


def test_styles_differ_in_style_only():
    paired = styles(200, 200)
    light, bold = paired.test.source, paired.test.target
    for name in ("class", "rotation", "scale"):
        assert torch.equal(light.factors[name], bold.factors[name])
    assert set(light.factors["font"].tolist()) == {5} and set(bold.factors["font"].tolist()) == {1}
    assert light.factors["slant"].max() == 0 and bold.factors["slant"].min() > 0.2
    assert (bold.x.sum((1, 2, 3)) > 1.2 * light.x.sum((1, 2, 3))).all()
    # the truth is nearer than no change, and no change is nearer than another character
    assert paired.errors(bold.x) == 0
    assert 0.1 < paired.errors(light.x) < paired.errors(bold.x.roll(1, 0))
    assert styles(20, 20, side=28, characters="AB").train.shape == (1, 28, 28)
