r"""Both sides of the lemmas of Part II, on worlds where every integral can be computed.

:class:`GeneratorStep` holds one step of a generator against a frozen discriminator (chapters 06 and 07),
:class:`CodedWorld` a finite world with codes, an encoder and a decoder (chapters 08 and 09). Give them densities of
your own, or take random ones: leading axes are a batch, so a thousand worlds are checked at once.

>>> from ganvae_lib import exact, lemmas
>>> x = exact.line(-12, 12, 601)
>>> generator = lambda theta: x.normalise(-(x.points - theta) ** 2)
>>> log_d = x.normalise(-(x.points - 1).abs() ** 3)
>>> step = lemmas.GeneratorStep.gan(x, generator, log_d, torch.zeros(1, dtype=torch.float64), logit=x.points.sin())
>>> sides = step.sides(step.theta_0 + 0.3)
>>> bool((sides.left - sides.right).abs() < 1e-12)
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..errors import check_int, check_type, described
from .inputs import as_tensor, at_parameters
from .quadrature import Space, line

__all__ = ["Densities", "GeneratorSides", "GeneratorStep", "gradient", "optimal_logit", "random_steps"]

Densities = tuple[Tensor, Tensor]


def gradient(f: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """The gradient of f at theta, [..., P], for every instance of the batch at once: f must not mix instances.

    Raises ValueError for an f that gives no tensor that depends on theta.

    >>> gradient(lambda theta: theta.square().sum(-1), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [6., 8.]])
    """
    theta = as_tensor("theta", theta).detach().clone()
    theta = (theta if theta.is_floating_point() else theta.double()).requires_grad_()
    value = f(theta) if callable(f) else f
    if not isinstance(value, Tensor) or not value.requires_grad:
        raise ValueError(f"f must be a function that gives a tensor that depends on theta, got {described(value)}.")
    return torch.autograd.grad(value.sum(), theta)[0]


def _log_priors(real: float | Tensor) -> tuple[Tensor, Tensor]:
    """log p(y=0) and log p(y=1), each [..., 1]."""
    real = as_tensor("p(y=1)", real).double().unsqueeze(-1)
    if not bool(((real > 0) & (real < 1)).all()):
        raise ValueError("p(y=1) must lie strictly between 0 and 1.")
    return (-real).log1p(), real.log()


def optimal_logit(log_p0: Tensor, log_p1: Tensor, real: float | Tensor = 0.5) -> Tensor:
    """t*(x) = log p(y=1|x)/p(y=0|x), the logit of the best discriminator: Eq. ``eq-optimal-d`` (chapter 04), [..., n].

    ``log_p0`` and ``log_p1`` are log p(x|y), ``real`` is p(y=1), a number or [...].
    """
    log_prior_0, log_prior_1 = _log_priors(real)
    log_p0, log_p1 = as_tensor("log_p0", log_p0), as_tensor("log_p1", log_p1)
    if log_p0.shape[-1:] != log_p1.shape[-1:]:
        raise ValueError(
            f"log_p0 and log_p1 must be at the same points, got {list(log_p0.shape)}, {list(log_p1.shape)}."
        )
    return log_p1 - log_p0 + log_prior_1 - log_prior_0


@dataclass(frozen=True)
class GeneratorSides:
    """The terms of Lemma 1 at one θ, each [...], in nats; ``left`` equals ``right`` for every θ."""

    left: Tensor  # -E log q^r(y|x), what the generator descends
    kl: Tensor  # E_y KL(p_θ(x|y) ‖ q^r(x|y))
    js: Tensor  # JSD of the p_θ(x|y), weighted by p(y)
    remainder: Tensor  # KL(m_θ ‖ m_θ0)
    log_z: Tensor  # E_y log Z_y

    @property
    def right(self) -> Tensor:
        """KL - JSD - remainder - E_y log Z_y: Eq. ``eq-lemma-1-exact`` (chapter 07)."""
        return self.first_order - self.remainder - self.log_z

    @property
    def first_order(self) -> Tensor:
        """KL - JSD: only its gradient at θ0 is that of ``left``, Eq. ``eq-lemma-1`` (chapter 07)."""
        return self.kl - self.js


@dataclass(frozen=True)
class GeneratorStep:
    """One step of a generator against a frozen discriminator.

    space:         where x lives; all densities are log densities at its n points.
    conditionals:  θ -> (log p_θ(x|y=0), log p_θ(x|y=1)), each [..., n].
    theta_0:       where the step starts, [..., P].
    logit:         t_φ0(x) of the frozen discriminator, [..., n]; D = sigmoid(t).
    real:          p(y=1), a number or [...].

    The densities must be positive where the space has points. ``ValueError`` for a prior outside (0, 1) and, from the
    space, for densities whose mass is not 1.
    """

    space: Space
    conditionals: Callable[[Tensor], Densities]
    theta_0: Tensor
    logit: Tensor
    real: float | Tensor = 0.5

    def __post_init__(self) -> None:
        check_type("space", self.space, Space, "exact.line makes one")
        if not callable(self.conditionals):
            raise ValueError(f"conditionals must be a function of theta, got {described(self.conditionals)}.")
        for name in ("theta_0", "logit"):
            object.__setattr__(self, name, as_tensor(name, getattr(self, name)))

    def _densities(self, theta: Tensor) -> Densities:
        """log p_θ(x|y) of y = 0 and 1, at parameters as many as ``theta_0``."""
        return at_parameters(self.conditionals, "theta", theta, self.theta_0)

    @classmethod
    def gan(
        cls,
        space: Space,
        generator: Callable[[Tensor], Tensor],
        log_d: Tensor,
        theta_0: Tensor,
        logit: Tensor,
        real: float | Tensor = 0.5,
    ) -> GeneratorStep:
        """The step of a GAN, where p_θ(x|y=0) = g_θ and p(x|y=1) = d: Eq. ``def-conditionals`` (chapter 07)."""
        return cls(space, lambda theta: (generator(theta), log_d), theta_0, logit, real)

    def mixture(self, theta: Tensor) -> Tensor:
        """log m_θ(x), m_θ = Σ_y p(y) p_θ(x|y), [..., n]."""
        log_prior_0, log_prior_1 = _log_priors(self.real)
        log_p0, log_p1 = self._densities(theta)
        return torch.logaddexp(log_prior_0 + log_p0, log_prior_1 + log_p1)

    def posterior(self, reverse: bool = True) -> tuple[Densities, Densities]:
        """(log q^r(x|0), log q^r(x|1)) and (log Z_0, log Z_1): Eq. ``def-posterior`` (chapter 07).

        q^r(x|y) = q^r(y|x) m_θ0(x) / Z_y, with the frozen discriminator as the likelihood of y and m_θ0 as the prior
        of x. ``reverse=False`` takes q(y|x) itself.
        """
        log_prior = self.mixture(self.theta_0).detach()
        log_joint_0, log_joint_1 = (log_q + log_prior for log_q in self._log_answers(reverse))
        # The integral of a joint over x, in logarithms.
        log_z_0, log_z_1 = ((joint + self.space.weights.log()).logsumexp(-1) for joint in (log_joint_0, log_joint_1))
        return (log_joint_0 - log_z_0.unsqueeze(-1), log_joint_1 - log_z_1.unsqueeze(-1)), (log_z_0, log_z_1)

    def _log_answers(self, reverse: bool) -> Densities:
        """log q^r(y=0|x) = log D and log q^r(y=1|x) = log(1-D), or unreversed, [..., n]."""
        log_D, log_not_D = logsigmoid(self.logit), logsigmoid(-self.logit)
        return (log_D, log_not_D) if reverse else (log_not_D, log_D)

    def sides(self, theta: Tensor, reverse: bool = True) -> GeneratorSides:
        """Every term of Lemma 1 at θ: Eq. ``eq-lemma-1-exact`` (chapter 07).

        ``reverse=False`` puts q(y|x) for q^r(y|x): then ``left`` is what the discriminator descends.
        """
        log_ps, log_mixture = self._densities(theta), self.mixture(theta)
        log_posteriors, log_z = self.posterior(reverse)
        priors = [log_prior.exp().squeeze(-1) for log_prior in _log_priors(self.real)]
        mean = lambda values: sum(prior * value for prior, value in zip(priors, values, strict=True))  # E_y
        left = -mean(
            self.space.expect(log_p, log_q) for log_p, log_q in zip(log_ps, self._log_answers(reverse), strict=True)
        )
        kl = mean(self.space.kl(log_p, log_q) for log_p, log_q in zip(log_ps, log_posteriors, strict=True))
        js = mean(self.space.kl(log_p, log_mixture) for log_p in log_ps)
        remainder = self.space.kl(log_mixture, self.mixture(self.theta_0).detach())
        return GeneratorSides(left, kl, js, remainder, mean(log_z))

    def bound(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """JSD_θ, H(y) + E log q(y|x), and E_m KL(p_θ(y|x) ‖ q(y|x)), each [...].

        Eq. ``eq-discriminator-bound`` (chapter 09). The first is the sum of the other two: what a discriminator
        achieves is a lower bound on the divergence.
        """
        log_priors = _log_priors(self.real)
        log_mixture = self.mixture(theta)
        entropy = -sum((log_prior.exp() * log_prior).squeeze(-1) for log_prior in log_priors)
        # log p_θ(y|x) of y = 0 and 1, by Bayes' rule.
        true_log_posteriors = [
            log_prior + p - log_mixture for log_prior, p in zip(log_priors, self._densities(theta), strict=True)
        ]
        log_answers = self._log_answers(reverse=False)
        kl_gaps = [
            self.space.expect(log_mixture, log_true.exp() * (log_true - log_q))
            for log_true, log_q in zip(true_log_posteriors, log_answers, strict=True)
        ]
        sides = self.sides(theta, reverse=False)
        return sides.js, entropy - sides.left, kl_gaps[0] + kl_gaps[1]


def random_steps(
    n: int, seed: int = 0, discriminator: str = "random", real: str = "uniform", points: int = 801
) -> GeneratorStep:
    """``n`` random worlds on a line: d and g_θ are mixtures of three Gaussians, g_θ with nine parameters.

    discriminator: "random" (a smooth random logit), "optimal", "anti-optimal" (minus the optimal logit) or "constant".
    real:          "uniform" for p(y=1) = 1/2, "random" for a p(y=1) between 0.1 and 0.9 in each world.
    Raises ValueError for other names, and for numbers that count nothing.
    """
    from ..errors import unknown

    discriminators = ("random", "optimal", "anti-optimal", "constant")
    if discriminator not in discriminators:
        raise unknown("discriminator", discriminator, discriminators)
    if real not in ("uniform", "random"):
        raise unknown("prior", real, ("uniform", "random"))
    n, points, seed = check_int("n", n), check_int("points", points, least=2), check_int("seed", seed, least=0)
    generator = torch.Generator().manual_seed(seed)
    uniform = lambda low, top, *shape: low + (top - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)
    space = line(-16, 16, points)  # wide enough for means up to 3 and standard deviations up to e^0.2

    def random_parameters() -> Tensor:
        """The logits, means and log standard deviations of three Gaussians, [n, 9]."""
        return torch.cat((uniform(-1, 1, n, 3), uniform(-3, 3, n, 3), uniform(-0.9, 0.2, n, 3)), -1)

    def mixture(theta: Tensor) -> Tensor:
        """The log density of the mixture with these parameters, [n, points]."""
        logits, means, log_stds = (parameter.unsqueeze(-1) for parameter in theta.chunk(3, -1))
        gaussians = torch.distributions.Normal(means, log_stds.exp(), validate_args=False).log_prob(space.points)
        return (logits.log_softmax(-2) + gaussians).logsumexp(-2)

    theta_0, log_d = random_parameters(), mixture(random_parameters())  # where it stands; the log density of the data
    prior = 0.5 if real == "uniform" else uniform(0.1, 0.9, n)
    # Four sine waves of random height, frequency and phase.
    sines = uniform(0.2, 1.5, n, 4, 1) * (uniform(0.2, 1.5, n, 4, 1) * space.points + uniform(0, 6.3, n, 4, 1)).sin()
    optimal = optimal_logit(mixture(theta_0), log_d, prior)
    constant = uniform(-2, 2, n, 1).expand_as(optimal)
    logits = {"random": sines.sum(-2), "optimal": optimal, "anti-optimal": -optimal, "constant": constant}
    return GeneratorStep.gan(space, mixture, log_d, theta_0, logits[discriminator], prior)
