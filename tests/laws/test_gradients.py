"""Each phase of each model has the losses and the gradients that are written out by hand."""

import torch
from by_hand import ByHand
from cases import ADAPTATION, BINARY, CASES, every
from helpers import images, prepared

from ganvae_lib import Bound, Reconstruct, zoo


def assert_gradients_are_those_by_hand(objective, data, **options):
    model, batch = prepared(objective, data, **options)
    hand = ByHand(model, batch, 3)
    for phase in objective.phases():
        parameters = {p: model.of((p,)) for p in phase.players}
        flat = [q for p in phase.players for q in parameters[p]]
        losses = phase.losses(batch)
        found = iter(torch.autograd.grad(phase.total(losses), flat, retain_graph=True))
        for term, loss in zip(phase.terms, losses.values(), strict=True):
            expected = hand.discriminator_loss(term) if phase.discriminates else hand.loss(term)
            torch.testing.assert_close(loss, expected, rtol=1e-8, atol=1e-12)
        for who in phase.players:
            if who == "phi":
                total = sum(hand.discriminator_loss(t) for t in objective.adversaries if t.steps == phase.steps)
            else:
                total = sum(t.weight * hand.loss(t) for t in objective.terms if who in t.movers)
            for expected in torch.autograd.grad(total, parameters[who]):
                torch.testing.assert_close(next(found), expected, rtol=1e-6, atol=1e-9)


@every(CASES | BINARY | ADAPTATION)
def test_each_phase_has_the_gradient_written_by_hand(case):
    objective, data, options = case
    assert_gradients_are_those_by_hand(objective, data, **options)


@every(zoo.ALL)
def test_each_phase_has_the_gradient_written_by_hand_on_images(case):
    explicit = any(
        isinstance(term, Bound) or (isinstance(term, Reconstruct) and term.variable == "x" and not term.within)
        for term in case.terms
    )
    options = {"observation": "gaussian"} if explicit else {}
    assert_gradients_are_those_by_hand(case, images(4, binary=False), **options)
