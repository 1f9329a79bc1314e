"""One update of the players of a phase: Adam, and the gradient of their loss and of nobody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..distributions.world import World
from ..models.model import Model
from ..objective.algebra import Phase

__all__ = ["adam", "descend"]


def adam(
    model: Model,
    players: Sequence[str],
    rates: Mapping[str, float],
    betas: tuple[float, float],
    device: torch.device,
) -> torch.optim.Adam:
    """Adam over the parameters of these players, each player at its own rate."""
    by_rate: dict[float, list[str]] = {}  # players who share a rate share a group: one kernel for both
    for player in players:
        by_rate.setdefault(rates[player], []).append(player)
    groups = [{"params": model.of(who), "lr": rate} for rate, who in by_rate.items()]
    return torch.optim.Adam(groups, betas=betas, fused=device.type in ("cpu", "cuda"))


def descend(phase: Phase, world: World, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """One update: the gradient of the phase's loss with respect to its players' parameters, and nobody else's.

    Returns the losses by name, [*seeds] each, without gradient.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    losses = phase.losses(world)
    # Not all must be in use: discriminators may train at different paces, and samples that are means need no scale.
    gradients = torch.autograd.grad(phase.total(losses).sum(), parameters, allow_unused=True)
    used = [(p, gradient) for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
    means = world.noise.share.mean([gradient for _, gradient in used])
    for (p, _), gradient in zip(used, means, strict=True):
        # Fused Adam walks through memory: parameter and gradient must lie alike in it.
        p.grad = gradient if gradient.stride() == p.stride() else torch.empty_like(p).copy_(gradient)
    optimizer.step()
    for p in parameters:
        p.grad = None
    return {name: loss.detach() for name, loss in losses.items()}
