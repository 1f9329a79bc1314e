"""Two processes that share each minibatch train as one process on the whole of it."""

import subprocess
import sys

import pytest
import torch
from helpers import KEPT, drift, environment, points, small, suited

from ganvae_lib import Noise, Run, adversary_activated, fit, importance_weighted, semi_supervised, zoo
from ganvae_lib.distributions.noise import Share

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
        if torch.distributed.get_rank() == 0:
            run.save(f"{folder}/{name}")
    torch.distributed.destroy_process_group()


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


if __name__ == "__main__":
    main(sys.argv[1])
