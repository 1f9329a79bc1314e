"""Paths from data to noise, z_t = α_t x + σ_t ε, and the four things a network can say about z_t."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import chosen

__all__ = ["PATHS", "PREDICTIONS", "Path", "as_prediction", "clean"]

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Path:
    """z_t = α_t x + σ_t ε, ε ~ N(0, I), for times t from 0 (data) to 1 (noise).

    ``alpha``, ``sigma`` and their derivatives ``d_alpha``, ``d_sigma`` are functions of a tensor of times.

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


_LEAST, _MOST = 0.1, 20.0  # the rates β(0) and β(1) of noising of Ho et al. (2020), in continuous time


def _log_alpha(t: Tensor) -> Tensor:
    return -(_LEAST * t + (_MOST - _LEAST) * t.square() / 2) / 2


def _noising_rate(t: Tensor) -> Tensor:
    return _LEAST + (_MOST - _LEAST) * t


#: By name: "linear" as in flow matching (Lipman et al., 2023), "cosine" (Nichol and Dhariwal, 2021), and
#: "variance preserving" with a linear rate (Ho et al., 2020; Song et al., 2021).
PATHS = {
    path.name: path
    for path in (
        Path("linear", lambda t: 1 - t, lambda t: t, lambda t: -torch.ones_like(t), torch.ones_like, "1-t", "t"),
        Path(
            "cosine",
            lambda t: (math.pi * t / 2).cos(),
            lambda t: (math.pi * t / 2).sin(),
            lambda t: -math.pi / 2 * (math.pi * t / 2).sin(),
            lambda t: math.pi / 2 * (math.pi * t / 2).cos(),
            r"\cos\tfrac{\pi t}{2}",
            r"\sin\tfrac{\pi t}{2}",
        ),
        Path(
            "variance preserving",
            lambda t: _log_alpha(t).exp(),
            lambda t: (-torch.expm1(2 * _log_alpha(t))).sqrt(),
            lambda t: -_noising_rate(t) / 2 * _log_alpha(t).exp(),
            lambda t: _noising_rate(t) / 2 * (2 * _log_alpha(t)).exp() / (-torch.expm1(2 * _log_alpha(t))).sqrt(),
            r"e^{-\frac12\int_0^t\beta}",
            r"\sqrt{1-\alpha_t^2}",
        ),
    )
}

PREDICTIONS = ("x", "noise", "velocity", "score")


def clean(prediction: str, value: Tensor, z: Tensor, t: Tensor, path: Path) -> Tensor:
    """x̂ of what a network says about ``z`` at time ``t``: "noise" ε̂, "velocity" û, "score" ŝ, or "x" itself.

    ε̂ = (z - α x̂)/σ, ŝ = -ε̂/σ, û = α' x̂ + σ' ε̂. Raises ValueError for
    another name.

    >>> t, z, path = torch.tensor(0.25), torch.tensor([1.0, 2.0]), PATHS["linear"]
    >>> clean("noise", as_prediction("noise", torch.tensor([0.5, 1.5]), z, t, path), z, t, path)
    tensor([0.5000, 1.5000])
    """
    alpha, sigma = path.alpha(t), path.sigma(t)
    if chosen("prediction", prediction, PREDICTIONS) == "x":
        return value
    if prediction == "noise":
        return (z - sigma * value) / alpha
    if prediction == "score":
        return (z + sigma.square() * value) / alpha
    d_alpha, d_sigma = path.d_alpha(t), path.d_sigma(t)
    return (sigma * value - d_sigma * z) / (sigma * d_alpha - alpha * d_sigma)


def as_prediction(prediction: str, x: Tensor, z: Tensor, t: Tensor, path: Path) -> Tensor:
    """What a network that says "x", "noise", "velocity" or "score" has to say about ``z`` for x̂ to be ``x``."""
    noise = (z - path.alpha(t) * x) / path.sigma(t)
    if chosen("prediction", prediction, PREDICTIONS) == "x":
        return x
    if prediction == "noise":
        return noise
    return -noise / path.sigma(t) if prediction == "score" else path.d_alpha(t) * x + path.d_sigma(t) * noise
