"""Joint models train to what they promise, and the study measures what it says."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import MultivariateNormal

from ganvae_lib import Batch, Noise, build, coverage, fit, load, zoo
from studies import joint_models_ring as joint_models

SLOPE, NOISE = 0.7, 0.1


def linear(objective=zoo.VAE):
    """x = SLOPE z + NOISE e in the plane, with its own posterior as encoder."""
    sizes = dict(latent=2, hidden=(), observation="gaussian", scale=NOISE, noiseless=False)
    model = build(objective, (2,), **sizes).copies(0)
    total = SLOPE**2 + NOISE**2
    with torch.no_grad():
        (decoder,), (encoder,) = (
            [m for m in net.modules() if hasattr(m, "weight")] for net in (model.decoder, model.encoder)
        )
        decoder.weight.copy_(SLOPE * torch.eye(2))
        decoder.bias.zero_()
        encoder.weight.copy_(torch.cat((SLOPE / total * torch.eye(2), torch.zeros(2, 2))))
        encoder.bias.copy_(torch.tensor([0, 0, *[math.log(NOISE**2 / total)] * 2]))
    return model, MultivariateNormal(torch.zeros(2), total * torch.eye(2))


def test_evidence_on_a_grid_of_codes_is_the_gaussian_integral():
    model, truth = linear()
    # Seeded: a point so far out that its codes leave the grid would be none of the integral's business.
    x = truth.stddev * torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(joint_models.grid_evidence(model, x), truth.log_prob(x), atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_a_perfect_model_scores_zero_in_every_divergence_and_a_wrong_encoder_does_not():
    model, truth = linear()
    world = SimpleNamespace(log_prob=truth.log_prob, modes=torch.zeros(1, 2).double(), std=1.0)
    run = SimpleNamespace(seeds=[0], model=SimpleNamespace(single=lambda k: model))
    x = truth.stddev * torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    at = SimpleNamespace(train=SimpleNamespace(law=world), test=SimpleNamespace(x=x))
    look = lambda: {key: values[0] for key, values in joint_models.measure(run, at).items()}
    found, kept = look(), joint_models.examples(run, at)
    for key in ("kl_d_model", "kl_model_d", "inference", "joint_jsd"):
        assert found[key] == pytest.approx(0, abs=2e-3), key
    assert found["round_trip"] == pytest.approx(NOISE / math.hypot(SLOPE, NOISE), rel=0.05)
    assert len(kept["cloud"].split()) == 300 and len(kept["missed"].split()) == 60

    (layer,) = (m for m in model.encoder.modules() if hasattr(m, "weight"))
    with torch.no_grad():
        layer.bias[0] += 0.5  # the mean is off by d in one code: d²/(2 v) nats
    wrong = look()
    v = NOISE**2 / (SLOPE**2 + NOISE**2)
    assert wrong["inference"] == pytest.approx(0.5**2 / (2 * v), rel=0.05)
    assert 0.3 < wrong["joint_jsd"] < math.log(2) and wrong["kl_d_model"] == found["kl_d_model"]


def test_a_discriminator_that_is_only_asked_does_not_train_on_reconstructions():
    ring = load("ring")
    for objective, shown in ((zoo.MDGAN, False), (zoo.VAE_GAN, True)):
        model = build(objective, ring, hidden=(8,)).copies(0)
        batch, critic = Batch(model, ring.x[:32], Noise(0)), objective.phases()[0]
        critic.total(critic.losses(batch))
        assert ("x_again" in batch.memory) == shown


# Eight seeds of small networks on the ring: modes covered, and reconstructions at the right mode (chance: 1/8).
# With noise as small as the data's the likelihood outweighs the adversaries, and 500 steps are too few: see chapter 13.
@pytest.mark.parametrize(
    ("name", "noise", "at_home"),
    [("VAE/GAN", {}, 0.6), ("MDGAN", dict(scale=0.7), 0.97), ("alpha-GAN", dict(scale=0.7), 0.97)],
)
def test_sums_of_both_cover_the_ring_and_reconstruct(name, noise, at_home):
    ring = load("ring")
    run = fit(
        build(zoo.ALL[name], ring, hidden=(32, 32), **noise), ring, 500, batch=128, seeds=8, lr=2e-3, betas=(0.5, 0.999)
    )
    x = ring.law.sample(2000, 1)
    nearest = lambda points: torch.cdist(points.double(), ring.law.modes).argmin(-1)
    right = (nearest(run.reconstruct(x)) == nearest(x)).double().mean(-1)
    covered = coverage(run.sample(5000), ring.law)["modes"]
    assert right.mean() > at_home, right
    assert covered.mean() > 6, covered
