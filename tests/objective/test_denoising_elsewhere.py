"""The same numbers as two libraries of this field, where they are installed: on one network, noise and times."""

import pytest
import torch

from ganvae_lib import Denoise, Noise, nets
from ganvae_lib.distributions import PATHS, NoisePath, from_noise
from ganvae_lib.distributions.paths import SAMPLERS

torch_only = dict(rtol=1e-5, atol=1e-5)


def denoiser():
    torch.manual_seed(0)
    return nets.Denoiser(nets.mlp((2 + nets.Denoiser.time_features,), (32,), 2, "silu"), (2,)).double()


def minibatch(n=200):
    g = torch.Generator().manual_seed(1)
    return torch.randn(n, 2, generator=g).double() + 1, torch.randn(n, 2, generator=g).double(), g


def test_flow_matching_is_that_of_meta():
    """Their time runs from noise to data: t there is 1 - t here, and the velocity has the other sign."""
    probability = pytest.importorskip("flow_matching.path")
    solver = pytest.importorskip("flow_matching.solver")
    network, (x, epsilon, g) = denoiser(), minibatch()
    t = 0.05 + 0.9 * torch.rand(len(x), generator=g).double()
    theirs = probability.CondOTProbPath().sample(x_0=epsilon, x_1=x, t=1 - t)
    z = PATHS["linear"].at(x, epsilon, t[:, None])
    torch.testing.assert_close(theirs.x_t, z, **torch_only)
    loss = (-network(theirs.x_t, t[:, None]) - theirs.dx_t).square().sum(-1)
    tool = Denoise("velocity", "linear", "velocity")
    torch.testing.assert_close(tool.error_at(network, x, epsilon, t), loss, **torch_only)

    steps, first, last = 20, 1e-3, 1 - 1e-3
    velocity = lambda x, t: -network(x, (1 - t).expand(len(x), 1))
    grid = torch.linspace(1 - last, 1 - first, steps + 1).double()
    with torch.no_grad():
        for method, sampler in (("euler", "euler"), ("heun2", "heun")):
            end = solver.ODESolver(velocity_model=velocity).sample(
                x_init=epsilon, step_size=None, method=method, time_grid=grid
            )
            z, x_of = epsilon, tool.denoised(network, 1)
            for t, s in zip(1 - grid[:-1], 1 - grid[1:], strict=True):
                z = SAMPLERS[sampler](x_of, PATHS["linear"], z, t, s, None)
            torch.testing.assert_close(z, end, **torch_only)


def test_diffusion_is_that_of_diffusers(monkeypatch):
    """The loss on noise, every ancestral step and every step of DDIM, at the 1000 levels of their scheduler."""
    diffusers = pytest.importorskip("diffusers")
    options = dict(clip_sample=False, num_train_timesteps=1000)
    ddpm = diffusers.DDPMScheduler(**options, variance_type="fixed_small")
    ddim = diffusers.DDIMScheduler(**options, set_alpha_to_one=True)
    kept = torch.cat((torch.ones(1).double(), ddpm.alphas_cumprod.double()))  # ᾱ at levels 0, 1, ..., 1000
    level = lambda t: kept[(1000 * t).round().long()]
    path = NoisePath("levels", lambda t: level(t).sqrt(), lambda t: (1 - level(t)).sqrt(), None, None, "", "")
    monkeypatch.setitem(PATHS, "levels", path)
    network, (x, epsilon, g) = denoiser(), minibatch()

    step = torch.randint(1000, (len(x),), generator=g)
    t = (step + 1).double() / 1000
    z = ddpm.add_noise(x, epsilon, step)
    torch.testing.assert_close(path.at(x, epsilon, t[:, None]), z, **torch_only)
    loss = (epsilon - network(z, t[:, None])).square().sum(-1)
    tool = Denoise("noise", "levels", "noise")
    with torch.no_grad():
        torch.testing.assert_close(tool.error_at(network, x, epsilon, t), loss.detach(), **torch_only)
        for scheduler, sampler in ((ddpm, "ancestral"), (ddim, "ddim")):
            scheduler.set_timesteps(50)
            theirs, ours, x_of = epsilon, epsilon, tool.denoised(network, 1)
            stream, same_stream = (torch.Generator().manual_seed(7) for _ in range(2))
            fresh = lambda stream=same_stream: torch.randn(epsilon.shape, generator=stream, dtype=torch.float64)
            for k in scheduler.timesteps.tolist():
                said = network(theirs, torch.full((len(x), 1), (k + 1) / 1000).double())
                theirs = scheduler.step(said, k, theirs, generator=stream).prev_sample
                t, s = (torch.tensor(level / 1000).double() for level in (k + 1, max(0, k + 1 - 20)))
                ours = x_of(ours, t) if s == 0 else SAMPLERS[sampler](x_of, path, ours, t, s, fresh)
            torch.testing.assert_close(ours, theirs, **torch_only)


def test_the_samplers_are_the_steps_that_are_compared():
    x_of = Denoise("velocity", "linear", "velocity").denoised(denoiser().float(), 1)
    start = Noise(0).normal("noise to begin with", 5, 2)
    with torch.no_grad():
        z = SAMPLERS["euler"](x_of, PATHS["linear"], start, torch.tensor(0.999), torch.tensor(0.001), None)
        sample = from_noise(x_of, PATHS["linear"], 5, (2,), Noise(0), 1, "euler")
        torch.testing.assert_close(sample, x_of(z, torch.tensor(0.001)))
