"""Roles of networks: whose they are, what they see; and one that a user brings along with a term."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from ganvae_lib import SPACES, Batch, Data, Model, Run, Term, build, fit, given, nets, ring, zoo
from ganvae_lib.distributions import Noise
from ganvae_lib.models import ROLES, Role, role_of

POINTS = Data(ring().sample(256, 0), name="ring", law=ring())
LABELLED = Data(POINTS.x, (POINTS.x[:, 0] > 0).long(), name="labelled ring")


@dataclass(frozen=True, repr=False)
class Denoise(Term):
    """Get x back from x with noise, x̂ = x + ε, by a network of its own: E_d(x) ½‖x - n(x̂)‖²."""

    space, reaches, networks = "x", ("theta",), ("denoiser",)
    takes_labels = True

    def loss(self, batch):
        noisy = batch.x + batch.noise.normal("noise on x", *batch.x.shape[-2:])
        return (batch.x - batch.model.networks["denoiser"](noisy)).square().sum(-1).mean(-1) / 2

    def formula(self, w, player):
        return rf"\mathbb{{E}}_{{{w.d}}}[\tfrac12\|x-n(\hat x)\|^2]"


def denoiser(spec, x):
    return nets.mlp(x, spec.hidden, math.prod(spec.shape), spec.activation)


@pytest.fixture
def registered():
    ROLES["denoiser"] = Role("theta", ("x",), denoiser)


def small(objective, data=POINTS, **choices):
    return build(objective, data, **{"hidden": (16,), "latent": 3, **choices})


# ---------------------------------------------------------------- the library's own


@pytest.mark.parametrize("name", [name for name in zoo.__all__ if hasattr(getattr(zoo, name), "networks")])
def test_every_network_of_the_zoo_has_a_role(name):
    objective = getattr(zoo, name)
    players = {role_of(network).player for network in objective.networks}
    assert set(objective.players) <= players <= {"theta", "eta", "phi"}


def test_the_players_own_their_networks():
    theirs = {
        "theta": "decoder density features classifier",
        "eta": "encoder labeller",
        "phi": "predictor_x predictor_z",
    }
    for player, names in theirs.items():
        assert all(role_of(name).player == player for name in names.split())


def test_from_image_to_image_of_one_side_every_layer_is_a_convolution():
    conv = dict(architecture="conv", width=8)
    same = build(zoo.CYCLEGAN, (1, 8, 8), other=(3, 8, 8), **conv)
    for network, channels in (("decoder", 1), ("encoder", 3)):
        layers = list(same.networks[network].trunk)
        assert not any(isinstance(layer, nn.Linear) for layer in layers)
        assert [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)] == [8, 8, channels]
    smaller = build(zoo.CYCLEGAN, (1, 8, 8), other=(1, 4, 4), **conv)
    assert any(isinstance(layer, nn.Linear) for layer in smaller.networks["decoder"].trunk)


def test_noise_in_images_is_told_by_a_u_net():
    network = build(zoo.FLOW_MATCHING, (1, 8, 8), architecture="conv", width=8, depth=1).networks["denoiser_x"]
    assert isinstance(network.trunk, nets.UNet) and tuple(network.shape) == (1, 8, 8)
    assert network(torch.rand(5, 1, 8, 8), torch.rand(5, 1)).shape == (5, 1, 8, 8)


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_a_discriminator_sees_what_its_space_compares(space):
    role = role_of(space.discriminator)
    assert role == role_of(f"{space.discriminator}_given_label")
    assert role.player == "phi" and role.sees == space.sees and len(role.sees) == len(space.target)


def test_a_space_of_ones_own_brings_the_role_of_its_discriminator(monkeypatch):
    class Recoded:
        discriminator, sees = "discriminator_recoded", ("z",)

    monkeypatch.setitem(SPACES, "recoded", Recoded)
    assert role_of("discriminator_recoded").sees == ("z",)


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "name, nearest",
    [("discriminator_y", "'discriminator_x'"), ("decodr", "'decoder'"), ("lableler", "'labeller'")],
)
def test_an_unknown_network_is_an_error_with_the_nearest_names(name, nearest):
    with pytest.raises(ValueError, match=f"no role for the network '{name}'") as caught:
        role_of(name)
    assert nearest in str(caught.value) and f"ROLES['{name}'] = Role(" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_network_without_a_role_belongs_to_nobody():
    with pytest.raises(ValueError, match="no role for the network 'denoiser'"):
        small(zoo.VAE + Denoise())
    networks = {"density": nets.GaussianDensity((2,)), "denoiser": nets.Linear(2, 2)}
    with pytest.raises(ValueError, match="no role for the network 'denoiser'"):
        Model(zoo.LIKELIHOOD + Denoise(), networks, nets.StandardNormal(1))


def test_a_label_needs_something_to_stand_beside(monkeypatch):
    monkeypatch.setitem(ROLES, "denoiser", Role("theta", (), lambda spec: nn.Identity()))
    with pytest.raises(ValueError, match="'denoiser' sees nothing that a label could be joined to"):
        small(given(Denoise()), LABELLED)


# ---------------------------------------------------------------- a role of one's own


def test_a_role_of_ones_own_is_built_and_printed(registered):
    objective = zoo.VAE + 2 * Denoise()
    model = small(objective)
    assert objective.networks == ("encoder", "decoder", "denoiser") and "Denoise()" in repr(objective)
    assert "2 E_{d(x)}[1/2 ‖x-n(x̂)‖²]" in str(objective)
    assert [layer.out_features for layer in model.denoiser if hasattr(layer, "out_features")] == [16, 2]


def test_a_role_of_ones_own_moves_with_its_player(registered):
    model = small(zoo.GAN + Denoise())
    own = list(model.denoiser.parameters())
    assert all(any(p is q for q in model.of(["theta"])) for p in own)
    assert not any(p is q for p in own for q in model.of(["eta", "phi"]))
    start = model.copies(0).denoiser.state_dict()
    for rates, moves in (({"theta": 1e-2, "phi": 0.0}, True), ({"theta": 0.0, "phi": 1e-2}, False)):
        run = fit(model, POINTS, 3, batch=32, lr=rates, device="cpu", progress=False)
        assert all(torch.equal(v, start[n]) != moves for n, v in run.model.denoiser.state_dict().items())


def test_the_loss_of_a_role_of_ones_own_is_the_formulas(registered):
    model = small(zoo.VAE + Denoise()).copies(0)
    batch = Batch(model, POINTS.x[:64], Noise(0))
    x = POINTS.x[:64]
    with torch.no_grad():
        guesses = model.denoiser(x + Noise(0).normal("noise on x", 64, 2))
        found = Denoise().loss(batch)
    expected = sum(math.dist(a, b) ** 2 / 2 for a, b in zip(x.tolist(), guesses.tolist(), strict=True)) / 64
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_role_of_ones_own_stacks_saves_and_loads(registered, tmp_path):
    model = small(zoo.VAE + Denoise())
    options = dict(batch=32, log_every=1, device="cpu", progress=False)
    together = fit(model, POINTS, 30, seeds=[0, 1], **options)
    for column, seed in enumerate(together.seeds):
        alone = fit(model, POINTS, 30, seeds=[seed], **options)
        for key in alone.history:
            a, b = together.history[key][:, column], alone.history[key][:, 0]
            assert float(((a - b).abs() / b.abs().clamp_min(b.abs().mean())).max()) < 1e-5, key
    again = Run.load(together.save(tmp_path))
    assert again.model.objective == model.objective and again.model.spec == model.spec
    for name, value in together.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_a_role_of_ones_own_is_given_the_label(registered):
    model = small(given(zoo.VAE + Denoise()), LABELLED)
    assert isinstance(model.networks["denoiser"], nets.Conditional)
    assert model.networks["denoiser"].network[1].in_features == 2 + 2  # x, and one of two classes
    run = fit(model, LABELLED, 3, batch=32, device="cpu", progress=False)
    assert all(curve.isfinite().all() for curve in run.history.values())
