"""The VAE's side of the lemmas: both sides of Lemma 2 for any world with a code (chapter 08)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import check_int, described
from .inputs import as_tensor, at_parameters

__all__ = ["CodedSides", "CodedWorld", "random_coded_worlds"]


@dataclass(frozen=True)
class CodedSides:
    """The terms of Lemma 2 at one (θ, η), each [...], in nats; m_θ(x) = (p_θ(x) + d(x))/2."""

    line_1: Tensor  # the bound with the perfect discriminator reversed: Eq. ``def-first-line`` (chapter 08)
    line_2: Tensor  # minus the KL to the posterior over (z, y): Eq. ``def-second-line`` (chapter 08)
    elbo: Tensor  # E_d ELBO, the ordinary one
    constant: Tensor  # C, what generated examples contribute
    log_evidence: Tensor  # E log m_θ(x) under m_θ0(x): line_1 - line_2, Eq. ``eq-lemma-2-evidence`` (chapter 08)


@dataclass(frozen=True)
class CodedWorld:
    """A finite world with examples x in {0..X-1} and codes z in {0..Z-1}: every sum of a VAE is computed.

    log_d:      log d(x), [..., X].
    log_prior:  log p(z), [..., Z].
    decoder:    θ -> log p_θ(x|z), [..., Z, X].
    encoder:    η -> log q_η(z|x), [..., X, Z].
    theta_0:    the parameters that made the generated examples, [..., P]; ``eta_0`` those of the encoder.
    log_fixed:  log q(z|x, y=1), [..., X, Z]: the encoder where y = 1; the prior there is p(z), too.

    Everything is positive, so that all logarithms are finite. Raises ValueError for parameters that are not as many as
    ``theta_0`` and ``eta_0``, or not finite.
    """

    log_d: Tensor
    log_prior: Tensor
    decoder: Callable[[Tensor], Tensor]
    encoder: Callable[[Tensor], Tensor]
    theta_0: Tensor
    eta_0: Tensor
    log_fixed: Tensor

    def __post_init__(self) -> None:
        for name in ("decoder", "encoder"):
            if not callable(getattr(self, name)):
                raise ValueError(f"{name} must be a function of parameters, got {described(getattr(self, name))}.")
        for name in ("log_d", "log_prior", "theta_0", "eta_0", "log_fixed"):
            object.__setattr__(self, name, as_tensor(name, getattr(self, name)))

    def _log_encoder(self, eta: Tensor) -> Tensor:
        return at_parameters(self.encoder, "eta", eta, self.eta_0)

    def _log_decoder(self, theta: Tensor) -> Tensor:
        return at_parameters(self.decoder, "theta", theta, self.theta_0)

    def joint(self, theta: Tensor) -> Tensor:
        """log p(z) p_θ(x|z), [..., Z, X]."""
        return self.log_prior.unsqueeze(-1) + self._log_decoder(theta)

    def marginal(self, theta: Tensor) -> Tensor:
        """log p_θ(x), [..., X]: Eq. ``eq-marginal`` (chapter 01)."""
        return self.joint(theta).logsumexp(-2)

    def posterior(self, theta: Tensor) -> Tensor:
        """log p_θ(z|x), [..., X, Z]."""
        return (self.joint(theta) - self.marginal(theta).unsqueeze(-2)).mT

    def elbo(self, theta: Tensor, eta: Tensor) -> Tensor:
        """The bound at every x, [..., X]: Eq. ``eq-elbo`` (chapter 03)."""
        log_q = self._log_encoder(eta)
        return (log_q.exp() * (self.joint(theta).mT - log_q)).sum(-1)

    def wake(self, theta: Tensor, eta: Tensor) -> Tensor:
        """E_{d(x) q_η(z|x)} log p_θ(x|z), [...]: Eq. ``def-wake`` (chapter 09)."""
        joint_density = self.log_d.exp().unsqueeze(-1) * self._log_encoder(eta).exp()
        return (joint_density * self._log_decoder(theta).mT).sum((-2, -1))

    def sleep(self, theta: Tensor, eta: Tensor) -> Tensor:
        """E_{p(z) p_θ(x|z)} log q_η(z|x), [...]: Eq. ``def-sleep`` (chapter 09)."""
        return (self.joint(theta).exp().mT * self._log_encoder(eta)).sum((-2, -1))

    def sides(self, theta: Tensor, eta: Tensor) -> CodedSides:
        """Every term of Lemma 2 at (θ, η): Eq. ``eq-lemma-2`` (chapter 08).

        Both lines are summed over x, y and z as they are written, with p(y) = 1/2 and with a perfect discriminator
        that knows where x comes from: half of the examples are real, half were generated with ``theta_0``.
        """
        log_half = math.log(0.5)  # log p(y)
        data_density = self.log_d.exp()
        model_density = self.marginal(self.theta_0).detach().exp()
        # Columns: y = 0, where all is the VAE's, for real x; y = 1, where nothing has a parameter, for generated x.
        densities = (data_density, model_density)
        log_encoders = (self._log_encoder(eta), self.log_fixed)
        log_likelihoods = (self._log_decoder(theta).mT, self.log_d.unsqueeze(-1).expand_as(self.log_fixed))
        log_evidence = torch.logaddexp(self.marginal(theta), self.log_d) + log_half
        line_1 = line_2 = torch.zeros((), dtype=torch.float64)
        for density, log_q, log_likelihood in zip(densities, log_encoders, log_likelihoods, strict=True):
            log_prior = self.log_prior.unsqueeze(-2) + log_half  # log p(z|y) p(y)
            bound = (log_q.exp() * log_likelihood).sum(-1) - (log_q.exp() * (log_q - log_prior)).sum(-1)
            log_posterior = log_likelihood + log_prior - log_evidence.unsqueeze(-1)  # log p_θ(z, y|x)
            line_1 = line_1 + 0.5 * (density * bound).sum(-1)
            line_2 = line_2 - 0.5 * (density * (log_q.exp() * (log_q - log_posterior)).sum(-1)).sum(-1)
        # KL(q(z|x, y=1) ‖ p(z)), which has no parameter.
        code_cost = (self.log_fixed.exp() * (self.log_fixed - self.log_prior.unsqueeze(-2))).sum(-1)
        return CodedSides(
            line_1=line_1,
            line_2=line_2,
            elbo=(data_density * self.elbo(theta, eta)).sum(-1),
            constant=(model_density * (self.log_d - code_cost)).sum(-1),
            log_evidence=((data_density + model_density) / 2 * log_evidence).sum(-1),
        )


def random_coded_worlds(n: int, seed: int = 0, examples: int = 6, codes: int = 4) -> CodedWorld:
    """``n`` random finite worlds; θ and η are the logits of the tables, flattened: [n, codes * examples].

    Raises ValueError for numbers that count nothing.
    """
    n, seed = check_int("n", n), check_int("seed", seed, least=0)
    examples, codes = check_int("examples", examples), check_int("codes", codes)
    generator = torch.Generator().manual_seed(seed)
    random_normal = lambda *shape: torch.randn(n, *shape, generator=generator, dtype=torch.float64)
    return CodedWorld(
        log_d=random_normal(examples).log_softmax(-1),
        log_prior=random_normal(codes).log_softmax(-1),
        decoder=lambda theta: theta.unflatten(-1, (codes, examples)).log_softmax(-1),
        encoder=lambda eta: eta.unflatten(-1, (examples, codes)).log_softmax(-1),
        theta_0=random_normal(codes * examples),
        eta_0=random_normal(examples * codes),
        log_fixed=random_normal(examples, codes).log_softmax(-1),
    )
