"""A training that is stopped and resumed is the training that was never stopped, bit for bit."""

import pytest
from cases import POINTS, every
from helpers import Stopped, points, same_run, small, stop_at, suited

from ganvae_lib import adversary_activated, fit, zoo

NAMES = (
    "VAE",
    "GAN",
    "WGAN-GP",
    "Helmholtz machine",
    "DANN",
    "InfoGAN",
    "ALI",
    "VAE/GAN",
    "GMMN",
    "maximum likelihood",
)
RESUMED = {name: (zoo.ALL[name], points(256), 2) for name in NAMES} | {
    "VAE, one seed": (zoo.VAE, points(256), [3]),
    "GAN, one seed": (zoo.GAN, points(256), [3]),
    "AASVAE": (adversary_activated(zoo.SVAE), POINTS, 2),
}


@pytest.mark.parametrize("objective, data, seeds", RESUMED.values(), ids=RESUMED)
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(objective, data, seeds, tmp_path, monkeypatch):
    data = suited(objective, data)
    model = small(objective, data, hidden=(8,))
    options = dict(steps=45, batch=48, log_every=5, progress=False, seeds=seeds)
    whole = fit(model, data, **options)
    kept = dict(checkpoint=tmp_path, checkpoint_every=10)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 20)
        fit(model, data, **kept, **options)
    assert same_run(fit(model, data, resume=True, **kept, **options), whole)
    # A finished training is only read back.
    assert same_run(fit(model, data, resume=True, **kept, **options), whole)


@pytest.mark.parametrize("seeds", [2, [3]], ids=["two seeds", "one seed"])
@every(zoo.ALL)
def test_two_trainings_in_a_row_are_one(case, seeds):
    """Five and seven steps are twelve, with windows of the history that end elsewhere."""
    data = suited(case, points(100))
    model = small(case, data, hidden=(8,))
    options = dict(batch=32, log_every=4, progress=False, seeds=seeds)
    whole, first = (fit(model, data, steps, **options) for steps in (12, 5))
    assert same_run(fit(first, steps=7), whole)
    assert first.history.steps == [4, 5] and whole.history.steps == [4, 8, 12]
