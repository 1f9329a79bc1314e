"""Seeds that train together, stacked, train as each of them alone."""

import pytest
import torch
from cases import ADAPTATION, AUTOREGRESSIVE, BINARY, CASES, COMPOSED, IMAGES, ON_IMAGES, POINTS, every, made, sizes
from helpers import KEPT, assert_same_run, drift, short, small

from ganvae_lib import Data, accuracy, zoo


@every(CASES | COMPOSED)
def test_a_seed_in_company_equals_the_seed_alone(case):
    model, data = made(case)
    together, alone = (short(model, data, seeds=seeds) for seeds in ([5, 0, 2], [2]))
    assert_same_run(together, alone, 2, sizes(model.objective))


@every(ON_IMAGES | AUTOREGRESSIVE)
def test_a_seed_in_company_equals_the_seed_alone_on_images_and_text(case):
    model, data = made(case)
    together, alone = (short(model, data, 20, seeds=seeds, batch=8) for seeds in ([5, 2], [2]))
    assert_same_run(together, alone, 1, sizes(model.objective))


@every(BINARY | {"of points": (zoo.HELMHOLTZ, POINTS, {"codes": "bernoulli"})})
def test_each_of_two_helmholtz_machines_equals_it_alone(case):
    model, data = made(case)
    together = short(model, data, seeds=[3, 7])
    for column, seed in enumerate((3, 7)):
        assert_same_run(together, short(model, data, seeds=[seed]), column)


@every(ADAPTATION)
def test_a_classifier_in_company_equals_the_one_alone(case):
    model, data = made(case)
    together, alone = (short(model, data, 30, batch=16, seeds=seeds, lr=1e-3) for seeds in ([4, 0, 7], [7]))
    for key in together.history:
        assert drift(together.history[key][:, 2:], alone.history[key]) < KEPT
    moved = Data(data.x + 0.1, data.y, "moved")
    assert accuracy(together.model, moved)[2] == accuracy(alone.model, moved)[0]


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
@pytest.mark.parametrize("objective", [zoo.VAE, zoo.GAN], ids=["VAE", "GAN"])
def test_samples_and_scores_in_company_equal_those_alone(objective, architecture):
    model = small(objective, IMAGES, architecture=architecture, width=8)
    together, alone = (short(model, IMAGES, seeds=seeds) for seeds in ([1, 4], [4]))
    assert_same_run(together, alone, 1)
    tolerance = 0 if objective == zoo.VAE else 1e-4
    torch.testing.assert_close(together.sample(3)[1], alone.sample(3)[0], rtol=0, atol=tolerance)
    if objective == zoo.VAE:
        company, single = (run.evaluate(IMAGES, k=3) for run in (together, alone))
        for name in company:
            torch.testing.assert_close(company[name][1], single[name][0], rtol=1e-5, atol=0)
