"""Paths from data to noise, z_t = α_t x + σ_t ε, and back; and the four things a network can say about z_t.

On the way back a network tells the data in z_t: a function ``denoised(z, t)`` gives x̂, the best of which is
E[x | z_t = z]. There are two ways: along the flow dz = u_t(z) dt, which has a density, and by a draw at each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..errors import check_choice, check_int
from .noise import Noise

__all__ = [
    "T_MIN",
    "T_MAX",
    "PATHS",
    "PREDICTIONS",
    "NoisePath",
    "SAMPLERS",
    "WEIGHTS",
    "Weight",
    "as_prediction",
    "clean",
    "flow_density",
    "from_noise",
    "squared_error_weight",
]

Function = Callable[[Tensor], Tensor]
Denoise_x = Callable[[Tensor, Tensor], Tensor]  # (z_t, t) -> x̂

T_MIN, T_MAX = 1e-3, 1 - 1e-3  # times that are trained and sampled: at 0 and at 1 some of what is said is infinite


@dataclass(frozen=True)
class NoisePath:
    """z_t = α_t x + σ_t ε, ε ~ N(0, I), for times t from 0 (data) to 1 (noise).

    ``alpha``, ``sigma`` and their derivatives ``d_alpha``, ``d_sigma`` are functions of a tensor of times; in formulas
    the time is written τ, because t is a label there. A path of one's own is an entry of ``PATHS``.

    >>> linear, t = PATHS["linear"], torch.tensor(0.25)
    >>> linear.alpha(t), linear.snr(t), linear.diffusion(t)
    (tensor(0.7500), tensor(9.), tensor(0.6667))
    """

    name: str
    alpha: Function
    sigma: Function
    d_alpha: Function
    d_sigma: Function
    alpha_tex: str
    sigma_tex: str

    def __repr__(self) -> str:
        return f"Path({self.name!r})"

    def snr(self, t: Tensor) -> Tensor:
        """The signal-to-noise ratio α_t²/σ_t²."""
        return (self.alpha(t) / self.sigma(t)).square()

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """λ'_t, where λ_t = log α_t²/σ_t²: how fast the signal is lost, negative."""
        return 2 * (self.d_alpha(t) / self.alpha(t) - self.d_sigma(t) / self.sigma(t))

    def diffusion(self, t: Tensor) -> Tensor:
        """g²(t) = -σ_t² λ'_t = 2 (σ_t σ'_t - σ_t² α'_t/α_t), the squared diffusion coefficient of the noising."""
        alpha, sigma = self.alpha(t), self.sigma(t)
        return 2 * sigma * (self.d_sigma(t) - sigma * self.d_alpha(t) / alpha)

    def at(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """z_t = α_t x + σ_t ε; ``t`` must broadcast against x."""
        return self.alpha(t) * x + self.sigma(t) * noise


_BETA_START, _BETA_END = 0.1, 20.0  # the rates β(0) and β(1) of noising of Ho et al. (2020), in continuous time


def _log_alpha(t: Tensor) -> Tensor:
    return -(_BETA_START * t + (_BETA_END - _BETA_START) * t.square() / 2) / 2


def _noising_rate(t: Tensor) -> Tensor:
    return _BETA_START + (_BETA_END - _BETA_START) * t


#: By name: "linear" as in flow matching (Lipman et al., 2023), "cosine" (Nichol and Dhariwal, 2021), and
#: "variance preserving" with a linear rate (Ho et al., 2020; Song et al., 2021).
PATHS = {
    path.name: path
    for path in (
        NoisePath(
            "linear", lambda t: 1 - t, lambda t: t, lambda t: -torch.ones_like(t), torch.ones_like, r"(1-\tau)", r"\tau"
        ),
        NoisePath(
            "cosine",
            lambda t: (math.pi * t / 2).cos(),
            lambda t: (math.pi * t / 2).sin(),
            lambda t: -math.pi / 2 * (math.pi * t / 2).sin(),
            lambda t: math.pi / 2 * (math.pi * t / 2).cos(),
            r"\cos(\pi\tau/2)",
            r"\sin(\pi\tau/2)",
        ),
        NoisePath(
            "variance preserving",
            lambda t: _log_alpha(t).exp(),
            lambda t: (-torch.expm1(2 * _log_alpha(t))).sqrt(),
            lambda t: -_noising_rate(t) / 2 * _log_alpha(t).exp(),
            lambda t: _noising_rate(t) / 2 * (2 * _log_alpha(t)).exp() / (-torch.expm1(2 * _log_alpha(t))).sqrt(),
            r"\alpha_\tau\,",
            r"\sqrt{1-\alpha_\tau^2}",
        ),
    )
}

PREDICTIONS = ("x", "noise", "velocity", "score")


def clean(prediction: str, output: Tensor, z: Tensor, t: Tensor, path: NoisePath) -> Tensor:
    """x̂ of what a network says about ``z`` at time ``t``: "noise" ε̂, "velocity" û, "score" ŝ, or "x" itself.

    ε̂ = (z - α x̂)/σ, ŝ = -ε̂/σ, û = α' x̂ + σ' ε̂. Raises ValueError for
    another name.

    >>> t, z, path = torch.tensor(0.25), torch.tensor([1.0, 2.0]), PATHS["linear"]
    >>> clean("noise", as_prediction("noise", torch.tensor([0.5, 1.5]), z, t, path), z, t, path)
    tensor([0.5000, 1.5000])
    """
    alpha, sigma = path.alpha(t), path.sigma(t)
    if check_choice("prediction", prediction, PREDICTIONS) == "x":
        return output
    if prediction == "noise":
        return (z - sigma * output) / alpha
    if prediction == "score":
        return (z + sigma.square() * output) / alpha
    alpha_rate, sigma_rate = path.d_alpha(t), path.d_sigma(t)
    return (sigma * output - sigma_rate * z) / (sigma * alpha_rate - alpha * sigma_rate)


def as_prediction(prediction: str, x: Tensor, z: Tensor, t: Tensor, path: NoisePath) -> Tensor:
    """What a network that says "x", "noise", "velocity" or "score" has to say about ``z`` for x̂ to be ``x``."""
    noise = (z - path.alpha(t) * x) / path.sigma(t)
    if check_choice("prediction", prediction, PREDICTIONS) == "x":
        return x
    if prediction == "noise":
        return noise
    return -noise / path.sigma(t) if prediction == "score" else path.d_alpha(t) * x + path.d_sigma(t) * noise


def squared_error_weight(prediction: str, t: Tensor, path: NoisePath) -> Tensor:
    """How often ‖x - x̂‖² goes into the squared error of a prediction: SNR for the noise, (α λ'/2)² for the velocity.

    >>> squared_error_weight("noise", torch.tensor(0.25), PATHS["linear"])
    tensor(9.)
    """
    if check_choice("prediction", prediction, PREDICTIONS) == "x":
        return torch.ones_like(t)
    if prediction == "velocity":
        return (path.d_alpha(t) - path.alpha(t) * path.d_sigma(t) / path.sigma(t)).square()
    return path.snr(t) if prediction == "noise" else path.snr(t) / path.sigma(t).square()


@dataclass(frozen=True)
class Weight:
    r"""How often ‖x - x̂‖² is counted at time t: a function of t and the path; and how what is compared is written.

    One's own is an entry of ``WEIGHTS``:

    >>> from ganvae_lib import Denoise, Match
    >>> tex = lambda x: rf"\min(5,\alpha^2/\sigma^2)\|{x}-\hat {x}\|^2"
    >>> WEIGHTS["at most 5"] = Weight(lambda t, path: path.snr(t).clamp(max=5), tex)
    >>> print(Match("x", Denoise("at most 5", path="linear")))
    Match('x', Denoise('at most 5', path='linear'))
      θ descends E_{d(x), τ, ε}[min(5,α²/σ²)‖x-x̂‖²; x̃=(1-τ)x+τε]
    >>> del WEIGHTS["at most 5"]
    """

    of: Callable[[Tensor, NoisePath], Tensor]
    tex: Callable[[str], str]


#: "bound" is -ELBO in continuous time, in nats, less its two ends; the others count the same errors otherwise.
WEIGHTS = {
    "noise": Weight(partial(squared_error_weight, "noise"), lambda x: r"\|\epsilon-\hat\epsilon\|^2"),
    "velocity": Weight(partial(squared_error_weight, "velocity"), lambda x: r"\|u-\hat u\|^2"),
    "x": Weight(partial(squared_error_weight, "x"), lambda x: rf"\|{x}-\hat {x}\|^2"),
    "bound": Weight(
        lambda t, path: -path.snr(t) * path.log_snr_rate(t) / 2,
        lambda x: rf"-\tfrac12(\alpha^2/\sigma^2)'\|{x}-\hat {x}\|^2",
    ),
}


# ---------------------------------------------------------------- from noise to data


def _velocity_at(denoise: Denoise_x, path: NoisePath, z: Tensor, t: Tensor) -> Tensor:
    return as_prediction("velocity", denoise(z, t), z, t, path)


def _euler(
    denoise: Denoise_x, path: NoisePath, z: Tensor, t: Tensor, next_t: Tensor, draw_noise: Callable[[], Tensor]
) -> Tensor:
    """Euler's step of dz = û dt."""
    return z + (next_t - t) * _velocity_at(denoise, path, z, t)


def _heun(
    denoise: Denoise_x, path: NoisePath, z: Tensor, t: Tensor, next_t: Tensor, draw_noise: Callable[[], Tensor]
) -> Tensor:
    """Heun's step: the mean of the velocities at both ends; two calls of the network."""
    velocity = _velocity_at(denoise, path, z, t)
    return z + (next_t - t) * (velocity + _velocity_at(denoise, path, z + (next_t - t) * velocity, next_t)) / 2


def _ddim(
    denoise: Denoise_x, path: NoisePath, z: Tensor, t: Tensor, next_t: Tensor, draw_noise: Callable[[], Tensor]
) -> Tensor:
    """The noise that is told is put back, less of it (Song et al., 2021)."""
    x_hat = denoise(z, t)
    return path.at(x_hat, as_prediction("noise", x_hat, z, t, path), next_t)


def _ancestral(
    denoise: Denoise_x, path: NoisePath, z: Tensor, t: Tensor, next_t: Tensor, draw_noise: Callable[[], Tensor]
) -> Tensor:
    """A draw from q(z_s | z_t, x = x̂), the hierarchy of Ho et al. (2020)."""
    x_hat = denoise(z, t)
    sigma, alpha_ratio = path.sigma(t), path.alpha(t) / path.alpha(next_t)
    variance = sigma.square() - (alpha_ratio * path.sigma(next_t)).square()  # the variance of z_t given z_s
    mean = (alpha_ratio * path.sigma(next_t).square() * z + path.alpha(next_t) * variance * x_hat) / sigma.square()
    return mean + variance.sqrt() * path.sigma(next_t) / sigma * draw_noise()


#: One step from a time t to an earlier one s, by name: the first three follow the flow, the last one draws.
SAMPLERS = {"heun": _heun, "euler": _euler, "ddim": _ddim, "ancestral": _ancestral}


def from_noise(
    denoise: Denoise_x,
    path: NoisePath,
    n: int,
    shape: Sequence[int],
    noise: Noise,  # a source of random numbers
    steps: int = 50,
    sampler: str = "heun",
) -> Tensor:
    """``n`` samples [*seeds, n, *shape]: from ε ~ N(0, I) in equal steps of time, and at last x̂.

    Raises ValueError for an unknown sampler and steps that are no positive number.

    >>> still = lambda z, t: torch.zeros_like(z)  # as if all data were 0
    >>> from_noise(still, PATHS["linear"], 3, (2,), Noise(0), steps=4, sampler="ddim").abs().max()
    tensor(0.)
    """
    steps, sampler_step = check_int("steps", steps), SAMPLERS[check_choice("sampler", sampler, SAMPLERS)]
    draw_noise = lambda: noise.normal("noise of a step", n, *shape)
    z = noise.normal("noise to begin with", n, *shape)
    times = torch.linspace(T_MAX, T_MIN, steps + 1, device=z.device, dtype=z.dtype)
    for t, next_t in zip(times[:-1], times[1:], strict=True):
        z = sampler_step(denoise, path, z, t, next_t, draw_noise)
    return denoise(z, times[-1])


def flow_density(denoise: Denoise_x, path: NoisePath, x: Tensor, axes: int, steps: int = 100) -> Tensor:
    """log N(z_1; 0, I) + ∫ ∇·û dt along dz = û dt from x: log p(x) of what the flow makes, [*seeds, batch], nats.

    x is [*seeds, batch, *shape], ``axes`` counts the first axes. Heun's steps; the divergence is exact, by a derivative
    for each dimension of x. Raises ValueError for steps that are no positive number.

    >>> normal = lambda z, t: PATHS["linear"].alpha(t) / ((1 - t) ** 2 + t**2) * z  # E[x | z_t] of data N(0, 1)
    >>> flow_density(normal, PATHS["linear"], torch.zeros(1, 2), 1)  # -log 2π, less as N(0, I) is too wide at T_MAX
    tensor([-1.8399])
    """

    def velocity_and_divergence(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The velocity, and its divergence of each example."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            velocities = _velocity_at(denoise, path, z, t)
            velocity_components = velocities.flatten(axes).sum(tuple(range(axes)))
            gradients = [torch.autograd.grad(u_d, z, retain_graph=True)[0].flatten(axes) for u_d in velocity_components]
        return velocities.detach(), torch.stack([gradient[..., i] for i, gradient in enumerate(gradients)]).sum(0)

    times = torch.linspace(T_MIN, T_MAX, check_int("steps", steps) + 1, device=x.device, dtype=x.dtype)
    z, log_density_change = path.alpha(times[0]) * x, path.alpha(times[0]).log() * math.prod(x.shape[axes:])
    for t, next_t in zip(times[:-1], times[1:], strict=True):
        velocity, divergence = velocity_and_divergence(z, t)
        next_velocity, next_divergence = velocity_and_divergence(z + (next_t - t) * velocity, next_t)
        z = z + (next_t - t) * (velocity + next_velocity) / 2
        log_density_change = log_density_change + (next_t - t) * (divergence + next_divergence) / 2
    return -(z.square() + math.log(2 * math.pi)).flatten(axes).sum(-1) / 2 + log_density_change
