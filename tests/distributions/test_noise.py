"""Which of torch's own generators stand in a seed's stream while layers draw."""

import pytest
import torch

from ganvae_lib.distributions.noise import in_layers


@pytest.mark.parametrize("device, moved", [("cuda", 2), ("cuda:1", 1), ("cpu", None)])
def test_layers_draw_from_the_generator_of_their_device(monkeypatch, device, moved):
    """No such device is needed: the generators of three of them are replaced, the third is the current one."""
    generators = tuple(torch.Generator().manual_seed(100 + i) for i in range(3))
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    with in_layers([5], False, torch.device(device)):
        within = [generator.initial_seed() for generator in generators]
        assert torch.default_generator.initial_seed() == 5
    assert within == [5 if i == moved else 100 + i for i in range(3)]
    assert [generator.initial_seed() for generator in generators] == [100, 101, 102]
