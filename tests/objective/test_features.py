"""Features of two domains, which move on both sides: what the objectives read, whose answers are exchanged."""

import math

import pytest
from cases import THREE
from helpers import small
from torch import nn

from ganvae_lib import LINKS, Adversary, Batch, Classify, Match, Noise, zoo

# By logistic link, the loss of who makes the samples of y=0, as a function of D.
WANTED = {
    "minimax": lambda D: (1 - D).log(),
    "non-saturating": lambda D: -D.log(),
    "KL": lambda D: -D / (1 - D),
    "reverse KL": lambda D: -(D / (1 - D)).log(),
}


def one_step(objective, seeds=0, batch_size=32):
    """A model and a minibatch for it."""
    model = small(objective, THREE).copies(seeds)
    of = lambda part: part[:batch_size].expand(*model.seeds_shape, *part[:batch_size].shape)
    return model, Batch(model, of(THREE.x), Noise(seeds), of(THREE.y), of(THREE.other))


@pytest.mark.parametrize(
    "objective, reads",
    [
        (zoo.SOURCE_ONLY, ("labels",)),
        (zoo.ADA, ("labels", "other")),
        (zoo.DANN, ("labels", "other")),
        (Match("features", Adversary()), ("other",)),
        (zoo.GAN, ()),
        (zoo.VAE, ()),
    ],
)
def test_what_a_minibatch_must_hold(objective, reads):
    assert objective.reads == reads


@pytest.mark.parametrize("link", ["least squares", "hinge", "Wasserstein", "f-KL", "f-reverse KL", "f-JS"])
def test_features_need_a_link_that_can_be_reversed(link):
    with pytest.raises(ValueError, match="link that can be reversed, minimax, non-saturating, KL, reverse KL"):
        Match("features", Adversary(link))


@pytest.mark.parametrize("link", [name for name, link in LINKS.items() if link.logistic])
def test_the_logistic_links_can_be_reversed(link):
    model, batch = one_step(Match("features", Adversary(link)))
    both = {
        place: model.discriminator_features(getattr(batch, place)).logits for place in ("features", "other_features")
    }
    # By hand, from D and 1 - D: what y=0 wants of D, y=1 wants of 1 - D.
    assert link in WANTED, f"write what the link {link!r} wants of D in WANTED in tests/objective/test_features.py."
    wanted = WANTED[link]
    by_hand = wanted(both["other_features"].sigmoid()).mean() + wanted(1 - both["features"].sigmoid()).mean()
    assert model.objective.loss(batch).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_a_weight_scales_the_adversary_for_theta_and_not_for_phi():
    weighted = Classify() + 0.3 * Match("features", Adversary("minimax"))
    model, batch = one_step(weighted)
    discriminator, makers = weighted.phases()
    losses = makers.losses(batch)
    total = losses["classify"] + 0.3 * losses["match features"]
    assert makers.total(losses).item() == pytest.approx(total.item(), rel=1e-6)
    value = discriminator.losses(batch)["match features, discriminator"]
    assert discriminator.total(discriminator.losses(batch)).item() == pytest.approx(value.item(), rel=1e-6)
    assert losses["match features"].item() == pytest.approx(-value.item(), rel=1e-5)  # one value, two players


def test_a_lost_discriminator_and_a_lost_classifier_cost_logarithms():
    model, batch = one_step(zoo.ADA)
    for net in ("classifier", "discriminator_features"):
        for p in model.networks[net].parameters():
            nn.init.zeros_(p)
    discriminator, makers = zoo.ADA.phases()
    assert discriminator.losses(batch)["match features, discriminator"].item() == pytest.approx(math.log(4), rel=1e-6)
    losses = makers.losses(batch)
    assert losses["match features"].item() == pytest.approx(math.log(4), rel=1e-6)
    assert losses["classify"].item() == pytest.approx(math.log(3), rel=1e-6)


def test_the_discriminator_of_features_moves_first():
    assert [phase.players for phase in zoo.SOURCE_ONLY.phases()] == [("theta",)]
    for objective in (zoo.DANN, zoo.ADA):
        assert [phase.players for phase in objective.phases()] == [("phi",), ("theta",)]
