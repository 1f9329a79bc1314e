"""Small worlds that know their own density: the answer is known before a model is trained.

Every toy has ``log_prob(x)`` in nats, ``sample(n)``, ``dim``, ``modes`` ([M, D], or None where the density
has ridges instead of peaks) and ``std``, the width of its noise. All densities are computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import check_finite, check_int, check_real
from .loading import toy

__all__ = ["Mixture", "Moons", "Pinwheel", "Toy", "grid", "mixture1d", "moons", "pinwheel", "ring"]


class Toy:
    """A distribution on R^D with a density. Subclasses give ``_draw`` and ``_log_density``, in float64.

    >>> class Square(Toy):
    ...     def _draw(self, n, generator):
    ...         return torch.rand(n, 2, dtype=torch.float64, generator=generator), torch.zeros(n, dtype=torch.int64)
    ...     def _log_density(self, x):
    ...         return torch.where(((x >= 0) & (x <= 1)).all(-1), 0.0, -math.inf)
    >>> Square().log_prob(Square().sample(2, 0))
    tensor([0., 0.])
    """

    dim: int = 2
    std: float
    modes: Tensor | None = None
    recipe: dict[str, Any] | None = None  # what made it, if that was a registered function: see ``toy``

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density in nats: [..., D] -> [...], in the dtype of x and differentiable in x.

        Raises ValueError if the last axis of x is not D.
        """
        is_float = isinstance(x, Tensor) and x.is_floating_point() and x.layout == torch.strided
        x = x if is_float else check_finite("x", x).to(torch.get_default_dtype())
        if x.ndim == 0 or x.shape[-1] != self.dim:
            raise ValueError(
                f"this world lives in {self.dim} dimension(s), but x has shape {tuple(x.shape)}; "
                f"give points as [..., {self.dim}]."
            )
        x_double = x.to("cpu", torch.float64) if x.device.type == "mps" else x.double()  # mps has no float64
        return self._log_density(x_double).to(x)

    def sample(self, n: int, generator: torch.Generator | int | None = None, labels: bool = False) -> Any:
        """n points [n, D] in the default dtype; with ``labels=True`` also the component of each, [n].

        ``generator`` is a torch.Generator, a seed, or None for torch's own generator.
        """
        if generator is not None and not isinstance(generator, torch.Generator):
            generator = torch.Generator().manual_seed(check_int("a seed", generator, -(2**63), 2**63 - 1))
        x, component = self._draw(check_int("n", n), generator)
        x = x.to(torch.get_default_dtype())
        return (x, component) if labels else x

    def _draw(self, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Points [n, D] and the component of each, [n]."""
        raise NotImplementedError

    def _log_density(self, x: Tensor) -> Tensor:
        """Log-density in nats of points [..., D], differentiable in x."""
        raise NotImplementedError


class Mixture(Toy):
    """A mixture of Gaussians, p(x) = sum_k w_k N(x; mu_k, L_k L_k^T).

    weights [M], means [M, D], and ``scales``: one standard deviation for all, one per component [M], or the
    factors L_k [M, D, D].

    >>> world = Mixture([0.5, 0.5], [[-1.0], [1.0]], 1.0)
    >>> world.log_prob(torch.zeros(1)).item()        # both components give N(1; 0, 1) at zero
    -1.4189385175704956
    """

    def __init__(self, weights: Any, means: Any, scales: Any):
        self.weights, self.means = check_finite("weights", weights), check_finite("means", means)
        if self.means.ndim != 2 or not self.means.numel():
            raise ValueError(f"means must be [components, dimensions], not of shape {list(self.means.shape)}.")
        n_components, self.dim = self.means.shape
        scales = check_finite("scales", scales)
        if self.weights.shape != (n_components,) or (self.weights < 0).any() or abs(self.weights.sum() - 1) > 1e-12:
            raise ValueError(
                f"a mixture of {n_components} components needs {n_components} weights >= 0 that add up to 1."
            )
        if scales.ndim < 3:
            if scales.shape not in ((), (1,), (n_components,)) or (scales <= 0).any():
                raise ValueError(f"standard deviations must be above 0, one or {n_components}, got {scales.tolist()}.")
            scales = scales.expand(n_components)[:, None, None] * torch.eye(self.dim, dtype=torch.float64)
        if scales.shape != (n_components, self.dim, self.dim) or (torch.linalg.det(scales) == 0).any():
            raise ValueError(
                f"factors must be invertible, {[n_components, self.dim, self.dim]}; got {list(scales.shape)}."
            )
        self.factors, self.modes = scales, self.means
        self.std = float(torch.linalg.matrix_norm(scales, 2).max())

    def _draw(self, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.dim, 1, dtype=torch.float64, generator=generator)
        return self.means[component] + (self.factors[component] @ noise).squeeze(-1), component

    def _log_density(self, x: Tensor) -> Tensor:
        weights, means, scale_factors = self.weights.to(x.device), self.means.to(x.device), self.factors.to(x.device)
        # L_k⁻¹ (x - mu_k) for each component, [..., M, D]
        whitened = torch.einsum("kij,...kj->...ki", torch.linalg.inv(scale_factors), x[..., None, :] - means)
        log_normaliser = torch.linalg.slogdet(scale_factors).logabsdet + self.dim / 2 * math.log(2 * math.pi)
        return torch.logsumexp(weights.log() - log_normaliser - whitened.square().sum(-1) / 2, -1)


class Moons(Toy):
    """Two half circles, blurred: x = c(t) + std * noise with t uniform along one of the two arcs.

    p(x) = 1/2 sum_arcs (1/pi) int_0^pi N(x; c(t), std^2 I) dt, by Gauss-Legendre quadrature; the number of
    nodes follows std, at least 0.01, so that the error stays below 1e-10.
    """

    def __init__(self, std: float = 0.1):
        self.std = check_real("std", std, least=0.01)
        nodes, weights = np.polynomial.legendre.leggauss(48 + math.ceil(24 / std))
        self._node_angles = torch.from_numpy((nodes + 1) * math.pi / 2)  # from [-1, 1] to [0, pi]
        # The weights on [-1, 1] sum to 2; those of both arcs together to 1.
        self._log_node_weights = torch.from_numpy(np.log(weights / 4)).repeat(2)

    @staticmethod
    def _points_on_arcs(angles: Tensor) -> Tensor:
        """Points [2, n, 2] at angle t of the upper and of the lower arc."""
        upper_arc = torch.stack([angles.cos(), angles.sin()], -1)
        # The upper arc, turned by half a circle and shifted.
        lower_arc = torch.tensor([1.0, 0.5], dtype=angles.dtype) - upper_arc
        return torch.stack([upper_arc, lower_arc])

    def _draw(self, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        angles = math.pi * torch.rand(n, dtype=torch.float64, generator=generator)
        arc = torch.randint(2, (n,), generator=generator)
        noise = torch.randn(n, 2, dtype=torch.float64, generator=generator)
        return self._points_on_arcs(angles)[arc, torch.arange(n)] + self.std * noise, arc

    def _log_density(self, x: Tensor) -> Tensor:
        node_centres = self._points_on_arcs(self._node_angles).reshape(-1, 2).to(x.device)
        log_node_weights = self._log_node_weights.to(x.device)

        def log_sum(query_points: Tensor) -> Tensor:
            """log of the sum over nodes of weight * exp(-distance² / (2 std²)): [n, 2] -> [n]."""
            square_distance = (query_points[:, None, :] - node_centres).square().sum(-1)
            return torch.logsumexp(log_node_weights - square_distance / (2 * self.std**2), -1)

        log_sums = [log_sum(query_points) for query_points in x.reshape(-1, 2).split(8192)]  # bounds the memory
        return torch.cat(log_sums).reshape(x.shape[:-1]) - math.log(2 * math.pi * self.std**2)


class Pinwheel(Toy):
    """Twisted spokes: a Gaussian mixture whose points turn by an angle that grows with their radius.

    The turn (r, a) -> (r, a + twist * r) keeps r da dr, hence areas: p(x) is the mixture's density at the
    point turned back.
    """

    def __init__(self, arms: int, radius: float, radial_std: float, tangential_std: float, twist: float):
        radius, twist = float(check_real("radius", radius)), float(check_real("twist", twist))
        radial_std, tangential_std = (
            check_real("radial_std", radial_std, above=0),
            check_real("tangential_std", tangential_std, above=0),
        )
        arms = check_int("arms", arms, most=10**6)
        angles = 2 * math.pi * torch.arange(arms, dtype=torch.float64) / arms
        spoke_directions = torch.stack([angles.cos(), angles.sin()], -1)
        tangent_directions = torch.stack([-angles.sin(), angles.cos()], -1)
        arm_axes = torch.stack([spoke_directions, tangent_directions], -1)  # of each arm, as columns
        scale_factors = arm_axes * torch.tensor([radial_std, tangential_std], dtype=torch.float64)
        self.untwisted = Mixture([1 / arms] * arms, radius * spoke_directions, scale_factors)
        self.twist, self.std = twist, radial_std
        self.modes = self.turn(self.untwisted.means, twist)

    @staticmethod
    def turn(x: Tensor, twist: float) -> Tensor:
        """Points [..., 2], each turned around the origin by ``twist`` times its radius; areas stay as they are."""
        turn_angle = twist * x.square().sum(-1).add(1e-300).sqrt()  # the tiny number keeps the gradient finite at 0
        cos, sin = turn_angle.cos(), turn_angle.sin()
        x1, x2 = x.unbind(-1)
        return torch.stack([cos * x1 - sin * x2, sin * x1 + cos * x2], -1)

    def _draw(self, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        x, arm = self.untwisted._draw(n, generator)
        return self.turn(x, self.twist), arm

    def _log_density(self, x: Tensor) -> Tensor:
        return self.untwisted._log_density(self.turn(x, -self.twist))


@toy
def ring(modes: int = 8, radius: float = 2.0, std: float = 0.1) -> Mixture:
    """Equal Gaussians on a circle.

    >>> ring().sample(3, 0).shape, ring().modes.shape
    (torch.Size([3, 2]), torch.Size([8, 2]))
    """
    modes, radius, std = (
        check_int("modes", modes, most=10**6),
        float(check_real("radius", radius)),
        check_real("std", std, above=0),
    )
    angles = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return Mixture([1 / modes] * modes, radius * torch.stack([angles.cos(), angles.sin()], -1), std)


@toy
def grid(side: int = 5, spacing: float = 1.0, std: float = 0.1) -> Mixture:
    """side x side equal Gaussians on a square lattice around the origin."""
    side, spacing, std = (
        check_int("side", side, most=1000),
        float(check_real("spacing", spacing)),
        check_real("std", std, above=0),
    )
    coordinates = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return Mixture([1 / side**2] * side**2, torch.cartesian_prod(coordinates, coordinates), std)


@toy
def moons(std: float = 0.1) -> Moons:
    """Two interleaved half circles with Gaussian noise; a ridge, so ``modes`` is None.

    >>> moons().log_prob(moons().sample(4, 0)).shape, moons().modes
    (torch.Size([4]), None)
    """
    return Moons(std)


@toy
def pinwheel(
    arms: int = 5, radius: float = 2.0, radial_std: float = 0.6, tangential_std: float = 0.12, twist: float = 0.8
) -> Pinwheel:
    """Twisted spokes; ``std`` is the radial one."""
    return Pinwheel(arms, radius, radial_std, tangential_std, twist)


@toy
def mixture1d(
    weights: Sequence[float] = (0.35, 0.65), means: Sequence[float] = (-2.0, 2.5), stds: Sequence[float] = (0.7, 1.0)
) -> Mixture:
    """The bimodal world on the line of chapter 02: 0.35 N(-2, 0.7^2) + 0.65 N(2.5, 1).

    >>> mixture1d().weights, mixture1d().modes.squeeze()
    (tensor([0.3500, 0.6500], dtype=torch.float64), tensor([-2.0000,  2.5000], dtype=torch.float64))
    """
    return Mixture(weights, check_finite("means", means)[..., None], stds)
