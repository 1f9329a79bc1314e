"""Training depends on its seeds and on nothing else, and leaves everything else as it was."""

import torch
from cases import POINTS, every
from helpers import same_run, short, small, suited

from ganvae_lib import zoo


@every(zoo.ALL)
def test_training_is_deterministic_and_leaves_the_world_alone(case):
    model = small(case, suited(case, POINTS))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    runs = []
    for state in (1, 2):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        runs.append(short(model, seeds=2, steps=8))
        assert torch.equal(before, torch.get_rng_state())
    assert same_run(*runs)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert not model.seeds_shape and torch.distributions.Distribution._validate_args == __debug__
