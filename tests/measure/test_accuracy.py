"""The accuracy of a classifier of features."""

import pytest
import torch

from ganvae_lib import Data, Model, accuracy, build, load, nets, zoo


def by_sign():
    """A classifier of the sign of the first coordinate, with the identity as features."""
    trunk, head = nets.Linear(2, 2), nets.Linear(2, 2)
    with torch.no_grad():
        trunk.weight.copy_(torch.eye(2)), trunk.bias.zero_(), head.bias.zero_()
        head.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    networks = {"features": nets.Features(trunk), "classifier": nets.Classifier(head)}
    return Model(zoo.SOURCE_ONLY, networks, nets.StandardNormal(2))


def test_accuracy_counts_what_is_named_rightly():
    x = torch.tensor([[1.0, 5.0], [-2.0, 0.0], [3.0, -1.0], [-0.5, 2.0]])
    for y, share in (([1, 0, 1, 0], 1.0), ([0, 1, 0, 1], 0.0), ([1, 0, 1, 1], 0.75)):
        value = accuracy(by_sign(), Data(x, torch.tensor(y)))
        assert value.tolist() == [share] and value.dtype == torch.float64


def test_accuracy_per_seed_and_over_pieces():
    model = by_sign().copies([0, 1], fresh=False)
    with torch.no_grad():
        model.classifier.trunk.weight[1] *= -1  # the second copy names everything wrongly
    x = torch.randn(40_001, 2, generator=torch.Generator().manual_seed(0))  # more than one piece
    assert accuracy(model, Data(x, (x[:, 0] > 0).long())).tolist() == [1.0, 0.0]


def test_accuracy_needs_a_classifier_and_labels():
    data = load("ring", fraction=0.01)
    with pytest.raises(TypeError, match="has no classifier"):
        accuracy(build(zoo.GAN, data), data)
    with pytest.raises(ValueError, match="points has no labels y"):
        accuracy(by_sign(), Data(torch.zeros(3, 2), name="points"))
