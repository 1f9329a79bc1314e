"""A model of networks that are stacked already: those of a run, put into a new Model, go on where the run stood."""

from functools import partial

import pytest
import torch
from helpers import points, same_run, small, suited
from torch import nn

from ganvae_lib import Data, Model, Run, fit, nets, zoo
from ganvae_lib.networks.stacking import seeds_in

HOW = dict(batch=32, log_every=2, progress=False, device="cpu")
NUMBERS = Data(torch.randn(120, 6, generator=torch.Generator().manual_seed(0)), name="numbers")
PRIOR = nets.StandardNormal(2)
DECODER = nets.Decoder(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6)), nets.Gaussian(), (6,))
TRUNKS = {
    "plain layers": nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 4)),
    "layers in copies": nn.Sequential(nn.Linear(6, 8), nn.PReLU(), nn.Dropout(0.2), nn.Linear(8, 4)),
    "copied whole": nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)),
}


def own(trunk="plain layers"):
    return Model(zoo.VAE, {"encoder": nets.Encoder(TRUNKS[trunk]), "decoder": DECODER}, PRIOR)


def again(run, objective=None):
    """A new model of the networks of a run."""
    model = run.model
    return Model(objective or model.objective, dict(model.networks), model.prior, model.config)


@pytest.mark.parametrize("seeds", [[3], [1, 4]], ids=str)
@pytest.mark.parametrize("name", ["VAE", "GAN", "CVAE", "AAE", "WGAN-GP", "maximum likelihood", "CycleGAN", "DANN"])
def test_it_trains_on_as_the_run_would(name, seeds):
    objective = zoo.ALL[name]
    data = suited(objective, points(100))
    run = fit(small(objective, data, hidden=(8,)), data, 5, seeds=seeds, **HOW)
    model = again(run)
    assert model.seeds == (0 if len(seeds) == 1 else seeds) and model.seeds_shape == run.model.seeds_shape
    goes_on = partial(fit, data=data, steps=5, seeds=seeds, fresh=False, **HOW)
    assert same_run(goes_on(model), goes_on(run.model))


@pytest.mark.parametrize("read_back", [False, True], ids=["in memory", "read back"])
@pytest.mark.parametrize("trunk", TRUNKS)
def test_without_moments_it_is_the_run_that_goes_on(trunk, read_back, tmp_path):
    """Gradient descent keeps nothing but the weights: a new model of the run's networks, and the run, go the same way."""
    descent = dict(optimizer=torch.optim.SGD, lr=1e-3)
    run = fit(own(trunk), NUMBERS, 4, seeds=[2, 7], **HOW | descent)
    whole = fit(run, steps=4)
    if read_back:
        with pytest.warns(UserWarning, match="pass a model with the same networks"):
            run = Run.load(run.save(tmp_path), own(trunk))
    later = fit(again(run), NUMBERS, 4, seeds=[2, 7], fresh=False, **HOW | descent)
    assert not torch.equal(later.model.single(0).of(["eta"])[0], run.model.single(0).of(["eta"])[0])
    for name, value in whole.model.state_dict().items():
        assert torch.equal(later.model.state_dict()[name], value), name
    assert torch.equal(later.history["match z"], whole.history["match z"][2:])


def test_it_is_saved_read_back_and_resumed(tmp_path):
    run = fit(own("layers in copies"), NUMBERS, 4, seeds=[2, 7], **HOW)
    model, how = again(run, zoo.beta_vae(0.5)), dict(seeds=[2, 7], fresh=False) | HOW
    whole = fit(model, NUMBERS, 12, **how)
    with pytest.warns(UserWarning, match="pass a model with the same networks"):
        whole.save(tmp_path / "run")
    for holder in (model, Model(zoo.beta_vae(0.5), dict(own("layers in copies").networks), PRIOR)):
        read = Run.load(tmp_path / "run", holder)
        assert same_run(read, whole) and torch.equal(read.sample(3), whole.sample(3))
    kept = dict(checkpoint=tmp_path / "kept", checkpoint_every=4)
    fit(model, NUMBERS, 6, **how | kept)
    assert same_run(fit(model, NUMBERS, 12, **how | kept, resume=True), whole)
    assert torch.equal(model.single(1).encoder.trunk[0].weight, run.model.encoder.trunk[0].weight[1])


def test_stacks_say_whose_copies_they_hold():
    drawn = [nets.initialise(own("layers in copies"), seed).networks for seed in (5, 9, 11)]
    stacks = {name: nets.stack([networks[name] for networks in drawn], [5, 9, 11]) for name in drawn[0]}
    model = Model(zoo.VAE, stacks, PRIOR)
    assert model.seeds == [5, 9, 11] and Model(zoo.VAE, dict(model.single(1).networks), PRIOR).seeds == 0
    by_default = {name: nets.stack([networks[name] for networks in drawn]) for name in drawn[0]}
    assert Model(zoo.VAE, by_default, PRIOR).seeds == [0, 1, 2]
    assert seeds_in(nets.Encoder(stacks["encoder"].trunk)) == [[5, 9, 11]]  # a new head
    assert seeds_in(nets.unstack(stacks["encoder"], 2)) == [None] and seeds_in(nn.ReLU()) == []
    assert seeds_in(nets.Copies([nn.PReLU(), nn.PReLU()])) == [[0, 1]]


def test_networks_that_are_not_stacked_alike_are_refused_in_a_sentence():
    single, first, second = own(), own().copies([0, 1]), own().copies([0, 4])
    other = own("copied whole").copies([0, 1, 2])
    for encoder, decoder, words in [
        (
            first.encoder,
            single.decoder,
            r"encoder holds copies of the seeds \[0, 1\], and decoder a single network: net",
        ),
        (
            single.encoder,
            first.decoder,
            r"encoder holds a single network, and decoder copies of the seeds \[0, 1\]: net",
        ),
        (first.encoder, second.decoder, r"copies of the seeds \[0, 1\], and decoder copies of the seeds \[0, 4\]"),
        (other.encoder, second.decoder, r"copies of the seeds \[0, 1, 2\], and decoder copies of the seeds \[0, 4\]"),
        (
            nets.Encoder(nn.Sequential(first.encoder.trunk, nn.Linear(4, 4))),
            first.decoder,
            r"encoder holds copies of the seeds \[0, 1\], and another part of it a single network.*nets.unstack.*nets.stack",
        ),
    ]:
        with pytest.raises(ValueError, match=words):
            Model(zoo.VAE, {"encoder": encoder, "decoder": decoder}, PRIOR)
    with pytest.raises(TypeError, match=r"holds stacked copies, of seeds \[0, 1\].*seeds=run.seeds, fresh=False"):
        fit(again(fit(own(), NUMBERS, 2, seeds=2, **HOW)), NUMBERS, 2, seeds=2, **HOW)


def test_a_head_of_ones_own_that_folds_the_seeds_into_the_batch_is_named():
    class Folded(nn.Module):
        def __init__(self, trunk):
            super().__init__()
            self.trunk = trunk

        def forward(self, x):
            return self.trunk(x).flatten(0, 1)

    stacked = own().copies([0, 1])
    networks = {"encoder": nets.Encoder(Folded(stacked.encoder.trunk)), "decoder": stacked.decoder}
    with pytest.raises(ValueError, match=r"encoder gives a distribution.* of batch shape \[6\].*where \[2, 3\] and z"):
        Model(zoo.VAE, networks, PRIOR)
