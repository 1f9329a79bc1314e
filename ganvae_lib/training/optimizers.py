"""How parameters move: one update of a phase, by Adam or another optimizer of torch, each seed's for itself."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..distributions.batch import Batch
from ..distributions.schedules import Schedule, at
from ..models.model import Model
from ..models.roles import role_of
from ..objective.algebra import Phase

__all__ = ["OPTIMIZERS", "Clip", "Recipe", "average", "descend", "restore_state", "state_tensors", "set_rates"]

#: By name. A class of one's own enters when ``fit`` is first given it.
OPTIMIZERS: dict[str, Any] = {name: value for name, value in vars(torch.optim).items() if inspect.isclass(value)}


class _Adam(torch.optim.Adam):
    """torch's Adam, by its own methods: torch wraps them so that the first call imports its compiler, for a second."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)


class Recipe:
    """An optimizer's class and options: what ``fit(optimizer=...)`` was given, or a card says; Adam by default.

    Raises ValueError for what is no optimizer of torch, or one whose options a card cannot hold.

    >>> Recipe(functools.partial(torch.optim.SGD, momentum=0.9)).card
    {'name': 'SGD', 'momentum': 0.9}
    >>> Recipe({"name": "AdamW", "weight_decay": 0.1}).kind.__name__
    'AdamW'
    """

    def __init__(self, requested: Any = None):
        optimizer_class: Any = torch.optim.Adam if requested is None else requested
        self.options: dict[str, Any] = {}
        if isinstance(requested, functools.partial) and not requested.args:
            optimizer_class, self.options = requested.func, dict(requested.keywords)
        elif isinstance(requested, Mapping) and requested.get("name") in OPTIMIZERS:
            self.options = {name: value for name, value in requested.items() if name != "name"}
            optimizer_class = OPTIMIZERS[requested["name"]]
        if not (inspect.isclass(optimizer_class) and issubclass(optimizer_class, Optimizer)):
            raise ValueError(
                f"optimizer must be a class of torch.optim, such as torch.optim.SGD, or one with options, "
                f"functools.partial(torch.optim.SGD, momentum=0.9); got {requested!r}."
            )
        self.kind: type[Optimizer] = optimizer_class
        OPTIMIZERS.setdefault(self.name, optimizer_class)
        for name, value in self.options.items():
            if name in ("lr", "params") or not isinstance(value, bool | int | float | str | tuple | list | None):
                raise ValueError(f"{name}={value!r} cannot be an option of the optimizer; rates are fit's lr=.")

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def card(self) -> dict[str, Any]:
        """It as JSON values; the same options make the same card."""
        return {"name": self.name} | dict(sorted(self.options.items()))

    @property
    def has_betas(self) -> bool:
        """Is it of Adam's kind, with Adam's rates and betas?"""
        return "betas" in inspect.signature(self.kind).parameters

    def __call__(self, groups: Any, betas: tuple[float, float], device: torch.device) -> Optimizer:
        """The optimizer of these groups of parameters."""
        options = dict(self.options)
        if self.has_betas:
            options.setdefault("betas", betas)
        if self.kind is torch.optim.Adam and not {"foreach", "fused", "capturable", "differentiable"} & set(options):
            options["fused"] = device.type in ("cpu", "cuda")
        is_plain_adam = self.kind is torch.optim.Adam and not options.get("differentiable")
        return (_Adam if is_plain_adam else self.kind)(groups, **options)

    def of(
        self,
        model: Model,
        players: Sequence[str],
        rates: Mapping[str, Any],
        betas: tuple[float, float],
        device: torch.device,
    ) -> Optimizer:
        """The optimizer of these players' parameters, each player at its own rate."""
        players_of_rate: dict[Any, list[str]] = {}  # players who share a rate share a group: one kernel for both
        for player in players:
            players_of_rate.setdefault(rates[player], []).append(player)
        groups: list[Any] = [
            {"params": model.of(group), "lr": at(rate, 0), "rate": rate} for rate, group in players_of_rate.items()
        ]
        parameters = [id(parameter) for group in groups for parameter in group["params"]]
        if len(set(parameters)) < len(parameters):
            raise ValueError(f"{' and '.join(players)} share weights, which can have one rate only; give them one lr.")
        try:
            return self(groups, betas, device)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the optimizer {self.name} cannot move these parameters: {error}") from error

    def check(self, betas: tuple[float, float], stacked: bool) -> None:
        """Raise ValueError, by name, for an optimizer that needs a closure, or lets one seed's update move another.

        The second is tried out: two copies of small parameters, with gradients of different sizes, move together and
        each alone.
        """
        if self.kind is torch.optim.Adam:
            return
        if inspect.signature(self.kind.step).parameters["closure"].default is inspect.Parameter.empty:
            raise ValueError(
                f"{self.name} needs a closure that computes the loss again; choose another optimizer, such as "
                "torch.optim.AdamW."
            )
        try:
            moved_alone = [self._after_three_steps(betas, k) for k in (0, 1)]
            moved_together = self._after_three_steps(betas) if stacked else None
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"the optimizer {self.name} cannot train these networks: {error}") from error
        if moved_together is None:
            return
        for stacked_result, first, second in zip(moved_together, *moved_alone, strict=True):
            if not torch.allclose(stacked_result, torch.stack([first, second]), rtol=1e-4, atol=1e-7):
                raise ValueError(
                    f"the optimizer {self.name} mixes parameters across seeds, so that a seed in company would not be "
                    "the seed alone; fit one seed at a time, seeds=[k], or choose another."
                )

    def _after_three_steps(self, betas: tuple[float, float], k: int | None = None) -> list[Tensor]:
        """Where three steps take a matrix, a vector and a number: two copies of them side by side, or the ``k``-th."""
        select: Callable[[Tensor], Tensor] = (lambda value: value) if k is None else (lambda value: value[k])
        shapes = ((2, 4, 3), (2, 4), (2,))
        sine_values = lambda shape, phase: (torch.arange(math.prod(shape)) * 1.7 + phase).sin().reshape(shape)
        scale = lambda shape: torch.tensor([0.1, 10.0]).reshape(2, *[1] * (len(shape) - 1))  # of the copies' gradients
        parameters = [nn.Parameter(select(sine_values(shape, 0.5)).clone()) for shape in shapes]
        optimizer = self([{"params": parameters, "lr": 0.01}], betas, torch.device("cpu"))
        for step in range(3):
            for parameter, shape in zip(parameters, shapes, strict=True):
                parameter.grad = select(scale(shape) * sine_values(shape, float(step))).clone()
            optimizer.step()
        return [parameter.detach() for parameter in parameters]


class Clip:
    """Gradients no longer than ``limit``: the norm of all of a player's, of each seed for itself, as torch has it.

    g ↦ g min(1, limit / (‖g‖ + 1e-6)).

    >>> from ganvae_lib import build, zoo
    >>> model = build(zoo.VAE, (2,), hidden=(4,)).copies([0, 1])
    >>> parameters = list(model.parameters())
    >>> short = Clip(model, 0.5)(parameters, [torch.ones_like(p) for p in parameters])
    >>> torch.stack([g[1].square().sum() for g in short]).sum()  # of two players: twice 0.25
    tensor(0.5000)
    """

    def __init__(self, model: Model, limit: float):
        self.limit = limit
        # Who trains a parameter, and which of the copies it is: None where its first axis is that of the seeds.
        self.player_and_seed_of = {
            id(parameter): (role_of(name).player, model.seed_of(parameter))
            for name, network in model.networks.items()
            for parameter in network.parameters()
        }
        n_seeds = len(model.seeds) if isinstance(model.seeds, list) else 0
        self.one_hot_seeds = torch.eye(n_seeds, device=next(model.parameters()).device)  # no rows: nothing is stacked

    def __call__(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
        """The gradients of these parameters, clipped."""
        player_and_seed = [self.player_and_seed_of[id(parameter)] for parameter in parameters]
        squared_norms: dict[str, Any] = {}
        for (player, seed_index), gradient in zip(player_and_seed, gradients, strict=True):
            squared_norms[player] = squared_norms.get(player, 0) + self._squared_norm(gradient, seed_index)
        scale_of_player = {who: (self.limit / (n.sqrt() + 1e-6)).clamp(max=1) for who, n in squared_norms.items()}
        return [
            gradient * self._broadcast_factor(scale_of_player[player], gradient, seed_index)
            for (player, seed_index), gradient in zip(player_and_seed, gradients, strict=True)
        ]

    def _squared_norm(self, gradient: Tensor, seed_index: int | None) -> Tensor:
        """What a gradient adds to the square of the norm: [seeds], or a number."""
        if seed_index is not None:
            return self.one_hot_seeds[seed_index] * gradient.square().sum()
        n_seeds = len(self.one_hot_seeds)
        return gradient.reshape(n_seeds, -1).square().sum(-1) if n_seeds else gradient.square().sum()

    def _broadcast_factor(self, factor: Tensor, gradient: Tensor, seed_index: int | None) -> Tensor:
        """The factor as it multiplies a gradient."""
        if seed_index is not None:
            return factor[seed_index]
        return factor.reshape(-1, *[1] * (gradient.ndim - 1)) if len(self.one_hot_seeds) else factor


@torch.no_grad()
def average(averages: dict[str, Tensor], model: nn.Module, ema: float) -> None:
    """Move the averages of a model's parameters, by name: a ↦ ema a + (1 - ema) θ, after a step.

    They begin with the parameters after the first step, as those of ``torch.optim.swa_utils.AveragedModel`` do.
    """
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    if averages:
        torch._foreach_lerp_(list(averages.values()), [parameters[name] for name in averages], 1 - ema)
    else:
        averages |= {name: parameter.clone() for name, parameter in parameters.items()}


def descend(
    phase: Phase, batch: Batch, optimizer: Optimizer, step: int = 0, clip: Clip | None = None
) -> dict[str, Tensor]:
    """One update: the gradient of the phase's loss with respect to its players' parameters, and nobody else's.

    ``step`` many are done already, which matters for weights that depend on it. Returns the losses by name, [*seeds]
    each, without gradient.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with batch.noise.in_layers():
        losses = phase.losses(batch)
        # Not all must be in use: discriminators may train at different paces, and samples that are means need no scale.
        total = phase.total(losses, step).sum()
        gradients = torch.autograd.grad(total, parameters, allow_unused=True) if parameters else ()  # all may be frozen
    pairs = zip(parameters, gradients, strict=True)
    trained_pairs = [(weight, _dense(gradient)) for weight, gradient in pairs if gradient is not None]
    # Over processes, if there are several.
    mean_gradients = batch.noise.share.mean([gradient for _, gradient in trained_pairs])
    if clip is not None:
        mean_gradients = clip([parameter for parameter, _ in trained_pairs], mean_gradients)
    for (parameter, _), gradient in zip(trained_pairs, mean_gradients, strict=True):
        parameter.grad = _laid_out_like(parameter, gradient)
    optimizer.step()
    torch.clear_autocast_cache()  # under autocast torch remembers the weights in bf16, as they were before the update
    for parameter in parameters:
        parameter.grad = None
    return {name: loss.detach() for name, loss in losses.items()}


def _laid_out_like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """A gradient that lies in memory as its parameter does: fused Adam walks through both side by side."""
    if gradient.stride() == parameter.stride():
        return gradient
    laid_out = torch.empty_like(parameter)
    # On a CPU torch transposes a large matrix by blocks, but a stack of them number by number.
    is_stack = parameter.ndim == 3 and parameter.device.type == "cpu" and parameter[0].numel() >= 2**16
    for target, source in zip(laid_out, gradient, strict=True) if is_stack else [(laid_out, gradient)]:
        target.copy_(source)
    return laid_out


def _dense(gradient: Tensor) -> Tensor:
    """A gradient with its zeros: that of ``nn.Embedding(sparse=True)`` leaves them out."""
    return gradient.to_dense() if gradient.is_sparse else gradient


def set_rates(optimizer: Optimizer, step: int) -> None:
    """Give the players whose rate depends on the step the rate of this one."""
    for group in optimizer.param_groups:
        if isinstance(group["rate"], Schedule):
            group["lr"] = at(group["rate"], step)


def _parameter_names(optimizer: Optimizer, model: Model) -> list[str]:
    """The names of an optimizer's parameters, in its order, which depends on who shares a rate."""
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return [name_of[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]


def state_tensors(optimizer: Optimizer, model: Model) -> dict[str, Tensor]:
    """The state of an optimizer, such as Adam's moments, by the names of its parameters."""
    names = _parameter_names(optimizer, model)
    state = optimizer.state_dict()["state"]
    return {
        f"{names[index]}/{entry}": torch.as_tensor(value)
        for index, parameter_state in state.items()
        for entry, value in parameter_state.items()
        if value is not None
    }


def restore_state(optimizer: Optimizer, model: Model, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state that ``state_tensors`` read off."""
    index_of = {name: index for index, name in enumerate(_parameter_names(optimizer, model))}
    state: dict[int, dict[str, Tensor]] = {}
    frozen_names = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    for name, tensor in tensors.items():
        parameter, _, entry = name.rpartition("/")
        if parameter in frozen_names:  # since then
            continue
        state.setdefault(index_of[parameter], {})[entry] = tensor.clone()
    groups = optimizer.state_dict()["param_groups"]  # rates and options as they are now
    optimizer.load_state_dict({"state": state, "param_groups": groups})
