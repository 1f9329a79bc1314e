"""A batch knows on whom each variable depends, and a phase moves its own players and nobody else."""

import torch
from cases import CASES, PLAYERS, every, made, player
from helpers import prepared
from values import tensors_of

from ganvae_lib import Batch, Noise
from ganvae_lib.distributions.batch import drawn
from ganvae_lib.training.batches import batch_source
from ganvae_lib.training.optimizers import Recipe, descend


def reached(value, model):
    """The players on whom a tensor or a distribution depends."""
    found = set()
    for who in PLAYERS:
        parameters = model.of((who,))
        for tensor in tensors_of(value):
            if tensor.requires_grad and parameters:
                gradients = torch.autograd.grad(tensor.sum(), parameters, retain_graph=True, allow_unused=True)
                if any(gradient is not None for gradient in gradients):
                    found.add(who)
    return found


# Made by these, but cut off from them; that a batch forgets it when they move is seen in test_forgetting.py.
WITHOUT_GRADIENT = {"code": {"eta"}}


@every(CASES)
def test_a_batch_knows_on_whom_each_variable_depends(case):
    """So it forgets, when a player has moved, exactly what that player has made."""
    objective, data, options = case
    model, batch = prepared(objective, data, **options)
    for phase in objective.phases():
        phase.losses(batch)
    for name, value in batch.memory.items():
        by_gradient = vars(Batch)[name].depends - WITHOUT_GRADIENT.get(name, set())
        assert reached(value, model) == by_gradient, name


def test_every_variable_of_a_batch_says_on_whom_it_depends():
    """The test above has seen them all."""
    names = {name for name, value in vars(Batch).items() if isinstance(value, drawn)}
    seen = set()
    for objective, data, options in CASES.values():
        model, batch = prepared(objective, data, **options)
        for phase in objective.phases():
            phase.losses(batch)
        seen |= batch.memory.keys()
    assert seen == names


@every(CASES)
def test_after_a_phase_only_its_players_have_moved(case):
    model, data = made(case)
    model, noise = model.copies([0, 1]), Noise([0, 1])
    next_batch, _ = batch_source(model, data, 16, noise, torch.device("cpu"))
    batch = next_batch()
    for phase in model.objective.phases():
        before = {n: v.clone() for n, v in model.state_dict().items()}
        rates = dict.fromkeys(PLAYERS, 1e-2)
        losses = descend(phase, batch, Recipe().of(model, phase.players, rates, (0.5, 0.9), torch.device("cpu")))
        assert all(loss.shape == (2,) and loss.isfinite().all() for loss in losses.values())
        batch.moved(phase.players)
        assert not {n for n in batch.memory if vars(Batch)[n].depends & set(phase.players)}
        moved = {n: not torch.equal(value, before[n]) for n, value in model.state_dict().items()}
        owner = {name: player(name.split(".")[1]) for name in moved}
        assert {owner[name] for name in moved if moved[name]} == set(phase.players)
        assert all(p.grad is None for p in model.parameters())


@every(CASES)
def test_the_loss_of_a_discriminator_reaches_nobody_else(case):
    """What theta and eta make carries no gradient there, in a batch that keeps it for them."""
    objective, data, options = case
    model, batch = prepared(objective, data, **options)
    for phase in objective.phases():
        if phase.discriminates:
            for name, loss in phase.losses(batch).items():
                assert reached(loss, model) == {"phi"}, name
