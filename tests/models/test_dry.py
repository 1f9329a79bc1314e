"""One dry batch of a model: the network that cannot be called, or gives the wrong thing, is named before any training."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from ganvae_lib import Model, nets, zoo
from ganvae_lib.models.dry import check_outputs, output_of


class Own(nn.Module):
    """What a function of its layer and its inputs says."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.function, self.layer, self.calls = function, layer, 0

    def forward(self, *inputs):
        self.calls += 1
        return self.function(self.layer, *inputs)


def decoder(inputs=3, outputs=2):
    return nets.Decoder(nn.Linear(inputs, outputs), nets.Gaussian(), (2,))


def encoder(inputs=2, outputs=6):
    return nets.Encoder(nn.Linear(inputs, outputs))


def judge(trunk):
    return {"decoder": nets.Decoder(nn.Linear(3, 2), nets.PointPixels(), (2,)), "discriminator_x": trunk}


NORMAL = lambda layer, x: Independent(Normal(layer(x), 1.0), 1)
# (objective, networks, which error, what it says)
WRONG = {
    "too few codes": (zoo.VAE, {"encoder": encoder(2, 8), "decoder": decoder()}, ValueError, r"encoder gives a distribution of z of shape \[4\], where \[3\] is due"),
    "other examples": (zoo.VAE, {"encoder": encoder(3), "decoder": decoder()}, ValueError, r"encoder cannot be called with x \[3, 2\]: mat1 and mat2"),
    "other codes": (zoo.VAE, {"encoder": encoder(), "decoder": decoder(4)}, ValueError, r"decoder cannot be called with z \[3, 3\]: mat1 and mat2"),
    "a tensor": (zoo.VAE, {"encoder": nn.Linear(2, 6), "decoder": decoder()}, TypeError, r"encoder must give a distribution of z, but gives a Tensor; .*nets.Encoder\(trunk"),
    "no events": (zoo.VAE, {"encoder": Own(lambda m, x: Normal(m(x), 1.0), nn.Linear(2, 3)), "decoder": decoder()}, ValueError, r"encoder gives a distribution \(Normal\) of batch shape \[3, 3\].*Independent\(p, 1\)"),
    "a mean over the batch": (zoo.VAE, {"encoder": Own(lambda m, x: NORMAL(m, x.mean(0)), nn.Linear(2, 3)), "decoder": decoder()}, ValueError, r"batch shape \[\] and event shape \[3\]"),
    "another x": (zoo.VAE, {"encoder": encoder(), "decoder": Own(NORMAL, nn.Linear(3, 4))}, ValueError, r"encoder cannot be called with x \[3, 4\]"),
    "nothing": (zoo.VAE, {"encoder": nets.Encoder(Own(lambda m, x: None)), "decoder": decoder()}, ValueError, r"encoder cannot be called with x \[3, 2\]: 'NoneType'"),
    "an error of its own": (zoo.VAE, {"encoder": nets.Encoder(Own(lambda m, x: 1 / 0)), "decoder": decoder()}, ValueError, "encoder cannot be called.*division by zero"),
    "no module": (zoo.VAE, {"encoder": "trunk", "decoder": decoder()}, TypeError, "the network encoder must be of type Module, got 'trunk'"),
    "no logits": (zoo.GAN, judge(nn.Linear(2, 1)), TypeError, r"discriminator_x must give logits \[3\].*a Tensor without logits.*nets.Discriminator\(trunk\)"),
    "two logits": (zoo.GAN, judge(nets.Discriminator(nn.Linear(2, 2))), TypeError, r"discriminator_x must give logits \[3\].*gives \[3, 2\]"),
    "a pair without a body": (zoo.ALI, {"encoder": encoder(), "decoder": decoder(), "discriminator_xz": nets.Discriminator(nn.Linear(2, 1))}, ValueError, r"discriminator_xz cannot be called with x \[3, 2\] and z \[3, 3\]: a discriminator of pairs needs a body"),
    "no density": (zoo.LIKELIHOOD, {"density": Own(lambda m: m.weight, nn.Linear(2, 2))}, TypeError, "density must give a distribution of x, but gives a Parameter"),
    "a class too many axes": (zoo.SOURCE_ONLY, {"features": Own(NORMAL, nn.Linear(2, 4)), "classifier": nets.Classifier(nn.Flatten(0))}, TypeError, r"classifier must give logits \[3, classes\]"),
    "a short predictor": (zoo.PREDICTABILITY_MINIMISATION, {"encoder": encoder(), "decoder": decoder(), "predictor_z": nn.Linear(3, 2)}, TypeError, r"predictor_z must give a tensor \[3, 3\].*gives \[3, 2\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_network_that_gives_the_wrong_thing_is_named(name):
    objective, networks, kind, message = WRONG[name]
    shapes = {"x": (2,)} if objective is zoo.SOURCE_ONLY else {}
    with pytest.raises(kind, match=message) as error:
        if shapes:  # nothing says there what x is like
            check_outputs(networks, nets.StandardNormal(3), shapes)
        Model(objective, networks, nets.StandardNormal(3))
    assert len(str(error.value)) < 300
    if "cannot be called" in message:
        assert error.value.__cause__ is not None


def test_a_dry_batch_leaves_everything_as_it_was():
    trunk = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), Own(lambda m, x: x + torch.rand(3, 6)))
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    networks = {"encoder": nets.Encoder(trunk), "decoder": decoder()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = Model(zoo.VAE, networks, nets.StandardNormal(3))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(value, trunk.state_dict()[name]) for name, value in before.items())
    assert trunk[3].calls == 0 and all(part.training for part in model.modules())


def test_lazy_layers_get_their_weights():
    trunk = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(6))
    model = Model(zoo.VAE, {"encoder": nets.Encoder(trunk), "decoder": decoder()}, nets.StandardNormal(3))
    assert [tuple(weight.shape) for weight in trunk.parameters()] == [(8, 2), (8,), (6, 8), (6,)]
    assert model.training and trunk.training
    assert not torch.equal(model.copies(1).encoder.trunk[0].weight, model.copies(2).encoder.trunk[0].weight)


def test_where_a_shape_is_not_known_nothing_is_called():
    networks = {"features": nets.Features(nn.Linear(7, 4)), "classifier": nets.Classifier(nn.Linear(5, 3))}
    Model(zoo.SOURCE_ONLY, networks, nets.StandardNormal(2))  # nothing says what x is like
    with pytest.raises(ValueError, match=r"classifier cannot be called with features \[3, 4\]"):
        check_outputs(networks, nets.StandardNormal(2), {"x": (7,)})


def test_precision_is_a_question_for_the_data():
    real = {"dtype": torch.float64}
    own = Own(lambda layer, x: NORMAL(layer, x), nn.Linear(2, 3, **real))
    offset = torch.zeros(2, **real)
    made = Own(lambda layer, z: Independent(Normal((z.to(offset) @ torch.ones(3, 2, **real)) + offset, 1.0), 1))
    Model(zoo.VAE, {"encoder": own, "decoder": made}, nets.StandardNormal(3))
    strict = Own(lambda layer, z: Independent(Normal(z @ torch.ones(3, 2, dtype=torch.float16), 1.0), 1))
    Model(zoo.VAE, {"encoder": own, "decoder": strict}, nets.StandardNormal(3))


def test_a_discriminator_of_pairs_is_shown_both():
    pair = nets.Discriminator(nn.Linear(2 + 3, 1), nets.Flatten(1))
    networks = {"encoder": encoder(), "decoder": decoder(), "discriminator_xz": pair}
    assert len(Model(zoo.ALI, networks, nets.StandardNormal(3)).of(("phi",))) == 2


def test_a_prior_that_would_learn_is_refused():
    class Shifted(nets.StandardNormal):
        def __init__(self):
            super().__init__(3)
            self.shift = nn.Parameter(torch.zeros(3))

    networks = {"encoder": encoder(), "decoder": decoder()}
    with pytest.raises(ValueError, match=r"the prior has parameters \(shift\), and no player trains them"):
        Model(zoo.VAE, networks, Shifted())
    assert Model(zoo.VAE, networks, Shifted().requires_grad_(False)).copies([0, 1]).prior.shift.shape[-1] == 3


def test_what_a_dry_batch_gives_has_a_graph_only_where_one_is_asked_for():
    for options, graph in (({}, False), ({"graph": True}, True)):
        output = output_of("encoder", {"encoder": encoder()}, {"x": (2,)}, (3,), **options)
        assert output.batch_shape == (3,) and output.mean.requires_grad == graph
