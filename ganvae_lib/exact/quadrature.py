"""Divergences with no sampling error: float64 quadrature on a line, a plane or a finite set.

A :class:`Space` is a set of points and their weights. A density on it is a tensor of *log* densities at the points,
``[..., n]``: leading axes are a batch, and everything is differentiable in whatever the log densities depend on.
All results are in nats. The definitions are those of chapter 02.

>>> x = line(-12, 12)
>>> p = torch.distributions.Normal(0, 1).log_prob(x.points)
>>> q = torch.distributions.Normal(1, 1).log_prob(x.points)
>>> round(float(x.kl(p, q)), 6)
0.5
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import check_int, check_real, described
from .inputs import as_tensor, is_true_everywhere

__all__ = ["DIVERGENCES", "FDivergence", "Space", "finite", "line", "minimise", "plane"]

_LOG2 = math.log(2.0)


def _safe_product(p: Tensor, v: Tensor) -> Tensor:
    """p * v where p is a density, with 0 * inf = 0 in the value and in the gradient."""
    return p * torch.where(p == 0, 0.0, v)


def _softplus(r: Tensor) -> Tensor:
    """log(1 + e^r) to full precision. torch's softplus is r beyond 20; logaddexp(r, 0) has NaN second derivatives."""
    return -torch.nn.functional.logsigmoid(-r)


@dataclass(frozen=True)
class FDivergence:
    """One member of the family D_f(p || q) = E_q[f(p/q)], f convex, f(1) = 0: Eq. ``eq-f-divergence`` (chapter 02).

    Attributes:
        f: the convex function of the ratio u = p/q > 0.
        conjugate: f*(t) = sup_u (u t - f(u)), +inf outside its domain.
        density: the integrand q f(p/q) as a function of p, q and r = log(p/q); exact where q f(p/q) would overflow.
    """

    f: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    density: Callable[[Tensor, Tensor, Tensor], Tensor]


def _finite_below(
    bound: float, value: Callable[[Tensor], Tensor], attained: bool = False
) -> Callable[[Tensor], Tensor]:
    """`value` on t < bound (t <= bound if `attained`), +inf beyond; its argument is kept inside the domain."""

    def conjugate(t: Tensor) -> Tensor:
        is_inside = t <= bound if attained else t < bound
        t_inside = torch.where(is_inside, t, bound - 1.0)  # any point inside will do: its value is not used
        return torch.where(is_inside, value(t_inside), math.inf)

    return conjugate


#: The f-divergences of the book, by name. Conventions: Nowozin et al. (2016), with f(1) = 0 and JSD <= log 2.
DIVERGENCES = {
    "kl": FDivergence(
        f=lambda u: u * u.log(), conjugate=lambda t: (t - 1).exp(), density=lambda p, q, r: _safe_product(p, r)
    ),
    "reverse kl": FDivergence(
        f=lambda u: -u.log(),
        conjugate=_finite_below(0.0, lambda t: -1 - (-t).log()),
        density=lambda p, q, r: _safe_product(q, -r),
    ),
    "js": FDivergence(
        f=lambda u: (u * u.log() - (1 + u) * ((1 + u) / 2).log()) / 2,
        conjugate=_finite_below(_LOG2 / 2, lambda t: -(2 - (2 * t).exp()).log() / 2),
        density=lambda p, q, r: (_safe_product(p, _LOG2 - _softplus(-r)) + _safe_product(q, _LOG2 - _softplus(r))) / 2,
    ),
    "non-saturating": FDivergence(
        f=lambda u: (1 + u) * ((1 + u) / 2).log(),
        conjugate=lambda t: torch.where(t < 1 - _LOG2, _LOG2, 2 * (t - 1).exp() - t),
        density=lambda p, q, r: _safe_product(p + q, _softplus(r) - _LOG2),
    ),
    "pearson": FDivergence(
        f=lambda u: (u - 1) ** 2,
        conjugate=lambda t: torch.where(t < -2, -1.0, t + t**2 / 4),
        density=lambda p, q, r: _safe_product(p, r.exp() - 1) + q - p,
    ),
    "hellinger": FDivergence(
        f=lambda u: (u.sqrt() - 1) ** 2,
        conjugate=_finite_below(1.0, lambda t: t / (1 - t)),
        density=lambda p, q, r: p + q - 2 * _safe_product(q, (r / 2).exp()),
    ),
    "total variation": FDivergence(
        f=lambda u: (u - 1).abs() / 2,
        conjugate=_finite_below(0.5, lambda t: t.clamp(min=-0.5), attained=True),
        density=lambda p, q, r: (p - q).abs() / 2,
    ),
}


@dataclass(frozen=True, eq=False)
class Space:
    """Points with quadrature weights; make one with :func:`line`, :func:`plane` or :func:`finite`.

    Attributes:
        points: ``[n]`` (line, finite) or ``[n, 2]`` (plane), float64.
        weights: ``[n]``; the integral of f is ``(weights * f(points)).sum()``.
        tolerance: how far from 1 the mass of a density may be.

    Every method that takes a log density raises ``ValueError`` when its last axis is not the n points, when it holds
    NaN, or when its mass is not 1: then the space is too small or too coarse, or the density is not normalised.
    """

    points: Tensor
    weights: Tensor
    tolerance: float = 1e-6

    def integrate(self, f: Tensor | Callable[[Tensor], Tensor]) -> Tensor:
        """Integral of `f`, a tensor ``[..., n]`` or a function of the points. Returns ``[...]``."""
        f = self._values("f", f)
        return (self.weights * f).sum(-1)

    def _values(self, name: str, f: Any) -> Tensor:
        """Values at the points, ``[..., n]``: of a function, a tensor, an array or a list; a number is a constant."""
        evaluated = f(self.points) if callable(f) else f
        f = as_tensor(name, evaluated)
        if not f.ndim and not isinstance(evaluated, Tensor):
            f = f.expand(self.weights.shape)
        if f.shape[-1:] != self.weights.shape:
            raise ValueError(
                f"the last axis must be the space's {len(self.weights)} points, but the shape is "
                f"{list(f.shape)}; give parameters a trailing axis of size 1"
            )
        return f

    def normalise(self, log_f: Tensor) -> Tensor:
        """The log density proportional to exp(log_f), ``[..., n]``.

        Raises ``ValueError`` where there is none: for NaN and +infinity, and where exp(log_f) is 0 at every point.
        """
        log_f = self._values("log_f", log_f)
        log_mass = (log_f + self.weights.log()).logsumexp(-1, keepdim=True)
        if not is_true_everywhere(log_mass.isfinite()):
            raise ValueError("no density is proportional to exp(log_f): it is 0 at every point, infinite or NaN")
        return log_f - log_mass

    def density(self, log_p: Tensor) -> Tensor:
        """exp(log_p) as float64, once it is seen to be a density on this space."""
        p = self._values("a log density", log_p).double().exp()
        mass = self.integrate(p.detach())
        if not bool(torch.all((mass - 1).abs() <= self.tolerance)):  # NaN fails too
            worst_mass = mass.flatten()[(mass - 1).abs().nan_to_num(nan=math.inf).argmax()]
            raise ValueError(
                f"not a log density on this space: its mass is {float(worst_mass):.8g}, not 1. "
                "Normalise it, or use a wider or finer space"
            )
        return p

    def expect(self, log_p: Tensor, f: Tensor | Callable[[Tensor], Tensor]) -> Tensor:
        """E_p[f], with 0 * inf = 0."""
        return self.integrate(_safe_product(self.density(log_p), self._values("f", f)))

    def entropy(self, log_p: Tensor) -> Tensor:
        """H(p) = -E_p[log p]; differential entropy on a line or plane, Shannon's on a finite set."""
        return -self.expect(log_p, self._values("a log density", log_p).double())

    def kl(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """KL(p || q) = E_p[log p - log q]: Eq. ``eq-kl`` (chapter 02). Infinite when p has mass where q has none."""
        return self.f_divergence("kl", log_p, log_q)

    def js(self, log_p: Tensor, log_q: Tensor, weight: float | Tensor = 0.5) -> Tensor:
        """w KL(p || m) + (1-w) KL(q || m), m = w p + (1-w) q: Eq. ``eq-js`` (chapter 02). At w = 1/2, at most log 2.

        `weight` is a number or ``[...]``. Raises ``ValueError`` unless 0 < `weight` < 1.
        """
        weight = as_tensor("weight", weight).double().unsqueeze(-1)
        if not bool(((weight > 0) & (weight < 1)).all()):
            raise ValueError(f"the weight of the first density must lie strictly between 0 and 1, not {weight[..., 0]}")
        p, q, log_ratio = self._densities_and_log_ratio(log_p, log_q)
        log_weight, log_other_weight = weight.log(), (-weight).log1p()
        kl_p = _safe_product(p, -log_weight - _softplus(log_other_weight - log_weight - log_ratio))  # p log p/m
        kl_q = _safe_product(q, -log_other_weight - _softplus(log_weight - log_other_weight + log_ratio))  # q log q/m
        return self.integrate(weight * kl_p + (1 - weight) * kl_q)

    def f_divergence(self, f: str | FDivergence | Callable[[Tensor], Tensor], log_p: Tensor, log_q: Tensor) -> Tensor:
        """D_f(p || q) = E_q[f(p/q)]: Eq. ``eq-f-divergence`` (chapter 02).

        `f` is a name in :data:`DIVERGENCES` (``KeyError`` otherwise), an :class:`FDivergence`, or a convex function of
        the ratio with f(1) = 0 (then q must be positive wherever p is).
        """
        if isinstance(f, str):
            if f not in DIVERGENCES:
                raise KeyError(f"no f-divergence {f!r}; there are {', '.join(DIVERGENCES)}")
            f = DIVERGENCES[f]
        if not isinstance(f, FDivergence) and not callable(f):
            raise ValueError(f"f must be a name, an FDivergence or a function of the ratio, got {described(f)}")
        p, q, log_ratio = self._densities_and_log_ratio(log_p, log_q)
        values = f.density(p, q, log_ratio) if isinstance(f, FDivergence) else self._values("f", f(log_ratio.exp()))
        return self.integrate(values if isinstance(f, FDivergence) else _safe_product(q, values))

    def total_variation(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """TV(p, q), half the integral of |p - q|: the largest difference of the two probabilities of one event."""
        return self.f_divergence("total variation", log_p, log_q)

    def wasserstein(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """W1(p, q), the integral of |P - Q| over the distribution functions, in units of x; on a line only.

        Raises ``ValueError`` on a plane or a finite set.
        """
        ends_are_halved = len(self.points) > 1 and bool(self.weights[0] != self.weights[1])  # by the trapezoid rule
        if self.points.ndim != 1 or not ends_are_halved:
            raise ValueError("Wasserstein-1 is computed from distribution functions, so it needs a line")
        p, q, _ = self._densities_and_log_ratio(log_p, log_q)
        cdf_difference = torch.cumulative_trapezoid(p - q, self.points)
        return self.integrate(torch.nn.functional.pad(cdf_difference, (1, 0)).abs())  # P - Q is 0 at the first point

    def _densities_and_log_ratio(self, log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """p, q and r = log(p/q); r is finite or infinite, never NaN."""
        log_p, log_q = self._values("the first log density", log_p), self._values("the second log density", log_q)
        try:
            p, q = torch.broadcast_tensors(self.density(log_p), self.density(log_q))
        except RuntimeError:
            shapes = f"{list(log_p.shape)} and {list(log_q.shape)}"
            raise ValueError(f"two densities need leading axes that broadcast, got {shapes}") from None
        both_zero = torch.isneginf(log_p) & torch.isneginf(log_q)
        log_ratio = torch.where(both_zero, 0.0, log_p.double()) - torch.where(both_zero, 0.0, log_q.double())
        return p, q, log_ratio


def line(lo: float, hi: float, n: int = 2001, tolerance: float = 1e-6) -> Space:
    """The interval [lo, hi] with `n` points and the trapezoid rule.

    For a smooth density that has died out at both ends the rule converges faster than any power of the spacing.
    Raises ``ValueError`` for an interval that is empty or infinite, and for fewer than 2 points.
    """
    lo, hi, n, tolerance = (
        check_real("lo", lo),
        check_real("hi", hi),
        check_int("n", n, least=2),
        check_real("tolerance", tolerance, above=0),
    )
    if not hi > lo:
        raise ValueError(f"a line needs lo < hi, not lo={lo}, hi={hi}")
    points = torch.linspace(lo, hi, n, dtype=torch.float64)
    weights = torch.full_like(points, (hi - lo) / (n - 1))
    weights[[0, -1]] /= 2  # the trapezoid rule: an end belongs to one interval, not to two
    return Space(points, weights, tolerance)


def plane(lo: float, hi: float, n: int = 301, tolerance: float = 1e-6) -> Space:
    """The square [lo, hi]^2 with n x n points ``[n*n, 2]`` (the first coordinate varies slowest). Errors: as `line`."""
    side = line(lo, hi, n, tolerance)
    points = torch.cartesian_prod(side.points, side.points)
    return Space(points, torch.outer(side.weights, side.weights).flatten(), side.tolerance)


def finite(n: int, tolerance: float = 1e-6) -> Space:
    """The set {0, ..., n-1} with counting weights. Raises ``ValueError`` when n < 1."""
    n, tolerance = check_int("n", n), check_real("tolerance", tolerance, above=0)
    return Space(torch.arange(n, dtype=torch.float64), torch.ones(n, dtype=torch.float64), tolerance)


def minimise(
    loss: Callable[[Tensor], Tensor], start: Any, steps: int = 100, reach: float = 0.5
) -> tuple[Tensor, float]:
    """A local minimum of a smooth `loss` of a short float64 vector, near `start`.

    Newton's method, with negative curvature turned round, steps no longer than `reach`, and halving until the loss
    falls. Returns the minimiser and the minimum. Raises ``RuntimeError`` when the gradient has not vanished, and
    ``ValueError`` where the second derivatives are not finite, for a loss that is no function of a vector to a number,
    and for a start that is no such vector.
    """
    x = as_tensor("start", start).detach().double()
    steps, reach = check_int("steps", steps), check_real("reach", reach, above=0)
    if x.ndim != 1 or not is_true_everywhere(x.isfinite()):
        raise ValueError(f"start must be a vector of finite numbers, such as [0.0], not {described(start)}")
    if not callable(loss) or not isinstance(loss(x), Tensor) or loss(x).numel() != 1:
        raise ValueError("loss must be a function of a vector that returns a tensor with one number")
    for _ in range(steps):
        value, gradient = float(loss(x)), torch.func.grad(loss)(x)
        if gradient.norm() < 1e-9:
            return x, value
        hessian = torch.autograd.functional.hessian(loss, x)
        if not bool(hessian.isfinite().all()):
            raise ValueError(f"the loss has no finite second derivatives at {x.tolist()}; start elsewhere")
        curvature, vectors = torch.linalg.eigh(hessian)
        step = -vectors @ (vectors.T @ gradient / curvature.abs().clamp(min=1e-6))  # a flat axis would divide by 0
        step = step * min(1.0, reach / float(step.norm()))
        while float(loss(x + step)) > value and step.norm() > 1e-12:  # rounding hides smaller steps
            step = step / 2
        x = x + step
    raise RuntimeError(f"no minimum found from {start}: after {steps} steps the gradient is {gradient.tolist()}")
