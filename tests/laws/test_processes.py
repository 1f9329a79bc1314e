"""Two processes that share each minibatch train as one process on the whole of it."""

import contextlib
import functools
import json
import subprocess
import sys

import pytest
import torch
from helpers import KEPT, Stopped, drift, environment, points, same_run, small, suited
from torch import nn

from ganvae_lib import Model, Noise, Run, adversary_activated, fit, importance_weighted, nets, semi_supervised, zoo
from ganvae_lib.distributions.noise import Share
from ganvae_lib.training import Training

SHARED = {name: zoo.ALL[name] for name in ("VAE", "WGAN-GP", "DANN", "ALI", "IWGAN")} | {
    "AASVAE of 2 samples": adversary_activated(semi_supervised(importance_weighted(zoo.VAE, 2)))
}


def train(name, **options):
    """A short run of one of these objectives."""
    data = suited(SHARED[name], points(300))
    model = small(SHARED[name], data, hidden=(8,))
    return fit(model, data, steps=30, batch=64, seeds=2, log_every=1, progress=False, **options)


def main(folder):
    """What each of the two processes does."""
    for name in SHARED:
        run = train(name, checkpoint=f"{folder}/kept {name}")
        if name != "VAE" or torch.distributed.get_rank() == 0:  # all of them call it, or the first alone
            assert same_run(Run.load(run.save(f"{folder}/{name}")), run), "it is whole for whoever comes back"
    step = Training.step
    for name in HALVED:
        Training.step = functools.partialmethod(stopping, step)
        with contextlib.suppress(Stopped):
            train(name, checkpoint=f"{folder}/half of {name}")
        Training.step = step
    torch.distributed.destroy_process_group()


HALVED = ("VAE", "ALI")  # what two processes begin and one ends


def stopping(training, step):
    """A step, but not the twentieth."""
    if training.done == 19:
        raise Stopped
    step(training)


def test_two_processes_have_the_losses_of_one(tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run([*launch, __file__, str(tmp_path)], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for name in SHARED:
        one, two = train(name), Run.load(tmp_path / name)
        for key in one.history:
            assert drift(one.history[key], two.history[key]) < KEPT, (name, key)
        # One process goes on from what two have kept, and finds the training done.
        again = train(name, checkpoint=tmp_path / f"kept {name}", resume=True)
        assert all(torch.equal(again.history[key], two.history[key]) for key in one.history)
    for name in HALVED:  # two began, and one goes on to the end
        kept = json.loads((tmp_path / f"half of {name}" / "checkpoint.json").read_bytes())
        assert kept["step"] == 18
        one, ended = train(name), train(name, checkpoint=tmp_path / f"half of {name}", resume=True)
        gap = max(drift(one.history[key], ended.history[key]) for key in one.history)
        assert 0 < gap < KEPT, "equal up to rounding, and not trained anew"
        for a, b in zip(one.model.parameters(), ended.model.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_shares_of_the_noise_are_the_rows_of_the_whole():
    whole = Noise([0, 1]).normal("z", 6, 3)
    parts = [Noise([0, 1], share=Share(rank, 3)).normal("z", 2, 3) for rank in range(3)]
    assert torch.equal(torch.cat(parts, 1), whole)
    # Of a minibatch that stands twice side by side, each keeps its rows of both.
    whole = Noise([0, 1]).normal("z", 12, 3)
    parts = [Noise([0, 1], share=Share(rank, 3)).tiled(2).normal("z", 4, 3) for rank in range(3)]
    assert torch.equal(torch.cat([p[:, :2] for p in parts] + [p[:, 2:] for p in parts], 1), whole)


def test_what_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="cannot be shared by 3"):
        Share(0, 3).check(zoo.VAE, 64)
    with pytest.raises(ValueError, match="compares whole minibatches"):
        Share(0, 2).check(zoo.GMMN, 64)
    encoder = nets.Encoder(nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4)))
    decoder = nets.Decoder(nn.Linear(2, 2), nets.Gaussian(), (2,))
    model = Model(zoo.VAE, {"encoder": encoder, "decoder": decoder}, nets.StandardNormal(2))
    Share(0, 1).check(zoo.VAE, 64, model)
    with pytest.raises(ValueError, match="networks.encoder.trunk.1 takes its statistics from the whole minibatch"):
        Share(0, 2).check(zoo.VAE, 64, model)


if __name__ == "__main__":
    main(sys.argv[1])
