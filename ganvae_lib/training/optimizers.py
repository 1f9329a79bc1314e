"""How parameters move: one update of a phase, and what is kept of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..distributions.world import World
from ..models.model import Model
from ..objective.algebra import Phase

__all__ = ["adam", "descend", "restored", "saved"]


def adam(
    model: Model, players: Sequence[str], rates: Mapping[str, float], betas: tuple[float, float], device: torch.device
) -> torch.optim.Adam:
    """Adam over the parameters of these players, each player at its own rate."""
    players_at: dict[float, list[str]] = {}  # players who share a rate share a group: one kernel for both
    for player in players:
        players_at.setdefault(rates[player], []).append(player)
    groups: list[Any] = [{"params": model.of(group), "lr": rate} for rate, group in players_at.items()]
    if len({id(p) for group in groups for p in group["params"]}) < sum(len(group["params"]) for group in groups):
        raise ValueError(f"{' and '.join(players)} share weights, which can have one rate only; give them one lr.")
    return torch.optim.Adam(groups, betas=betas, fused=device.type in ("cpu", "cuda"))


def descend(phase: Phase, world: World, optimizer: torch.optim.Optimizer, step: int = 0) -> dict[str, Tensor]:
    """One update: the gradient of the phase's loss with respect to its players' parameters, and nobody else's.

    Returns the losses by name, [*seeds] each, without gradient.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with world.noise.in_layers():
        losses = phase.losses(world)
        # Not all must be in use: discriminators may train at different paces, and samples that are means need no scale.
        total = phase.total(losses, step).sum()
        gradients = torch.autograd.grad(total, parameters, allow_unused=True) if parameters else ()  # all may be frozen
    used = [(p, gradient) for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
    averaged = (
        world.noise.share.mean([gradient for _, gradient in used]) if used else []
    )  # over processes, if there are several
    for (parameter, _), gradient in zip(used, averaged, strict=True):
        # Fused Adam walks through memory: parameter and gradient must lie alike in it.
        same_layout = gradient.stride() == parameter.stride()
        parameter.grad = gradient if same_layout else torch.empty_like(parameter).copy_(gradient)
    optimizer.step()
    for parameter in parameters:
        parameter.grad = None
    return {name: loss.detach() for name, loss in losses.items()}


def _names(optimizer: torch.optim.Optimizer, model: Model) -> list[str]:
    """The names of an optimizer's parameters, in its order, which depends on who shares a rate."""
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return [name_of[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]


def saved(optimizer: torch.optim.Optimizer, model: Model) -> dict[str, Tensor]:
    """The state of an optimizer, such as Adam's moments, by the names of its parameters."""
    names = _names(optimizer, model)
    state = optimizer.state_dict()["state"]
    return {f"{names[i]}/{key}": torch.as_tensor(value) for i, of_one in state.items() for key, value in of_one.items()}


def restored(optimizer: torch.optim.Optimizer, model: Model, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state that ``saved`` read off."""
    index_of = {name: i for i, name in enumerate(_names(optimizer, model))}
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        parameter, _, key = name.rpartition("/")
        state.setdefault(index_of[parameter], {})[key] = tensor.clone()
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
