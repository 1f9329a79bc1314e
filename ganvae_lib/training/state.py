"""A training as a value that goes on step by step, and whose state can be kept and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.noise import Noise
from ..distributions.parallel import share
from ..distributions.world import World
from ..models.model import Model
from ..objective.algebra import Phase
from .batches import Batches, worlds
from .history import History
from .settings import Settings

__all__ = ["Training", "adam", "descend"]


class Training:
    """Copies of a model, their optimizers, every stream of noise and of minibatches, and the learning curves so far.

    ``fit`` checks its arguments, makes one and calls ``step`` until ``done`` is ``settings.steps``. To write a loop of
    one's own, do the same; ``model``, ``history`` and ``done`` may be read at any time.

    >>> from ganvae_lib import build, load, zoo
    >>> data = load("ring", fraction=0.01)
    >>> settings = Settings(zoo.VAE, steps=20, batch=32, seeds=2, log_every=5, device="cpu")
    >>> training = Training(build(zoo.VAE, data), data, settings)
    >>> for _ in range(10):
    ...     training.step()
    >>> training.history
    History(reconstruct x, match z; 2 points, seeds [0, 1])
    """

    def __init__(self, model: Model, data: Examples, settings: Settings):
        # The C library (glibc) hands large blocks back to the system after each step, and page faults then take a fifth
        # of a step of stacked networks. Freeing one block of 31 MiB, never touched, lifts the size from which it does
        # so, for the rest of the process.
        torch.empty(31 * 2**20, dtype=torch.uint8)
        device, seeds = settings.device, settings.seeds
        self.settings = settings
        self.done = 0  # steps
        one_or_all = seeds[0] if len(seeds) == 1 else seeds  # one seed needs no seeds axis
        self.model = model.copies(one_or_all, settings.fresh).to(device).train()
        self.noise = Noise(self.model.seeds, device, share(device))
        self.noise.share.check(self.model.objective, settings.batch)
        self.next_world, orders = worlds(self.model, data, settings.batch, self.noise, device)
        self.streams: list[Noise | Batches] = [self.noise, *orders]

        self.phases = self.model.objective.phases()
        self.optimizers = [
            adam(self.model, phase.players, settings.rates, settings.betas, device) for phase in self.phases
        ]

        names = list(dict.fromkeys(name for phase in self.phases for name in phase.keys))  # each once, in order
        self.history = History(seeds, names)
        self._recent = torch.zeros(settings.log_every, len(names), *self.noise.seeds_shape, device=device)
        self.unrecorded = 0  # how many steps the history does not know yet

    def step(self) -> None:
        """One minibatch and one update of each phase; every ``log_every`` steps the history gets a point.

        Only then does the host wait for the device. Raises NonFiniteLoss if a loss since the last point is not finite.
        """
        world = self.next_world()
        losses: dict[str, Tensor] = {}
        for phase, optimizer in zip(self.phases, self.optimizers, strict=True):
            for _ in range(phase.steps - 1):  # extra updates of a discriminator, each on a minibatch of its own
                descend(phase, self.next_world(detached=True), optimizer)
            losses = descend(phase, world, optimizer) | losses  # a term in two phases counts once
            world.moved(phase.players)
        self._recent[self.unrecorded] = torch.stack([losses[name] for name in self.history.names])
        self.unrecorded += 1
        self.done += 1
        if self.unrecorded == self.settings.log_every or self.done == self.settings.steps:
            self._record()

    def _record(self) -> None:
        """Add a point to the history: the mean over the steps since the last one, and over processes."""
        recent = self._recent[: self.unrecorded]
        self.unrecorded = 0
        self.history.append(self.done, *self.noise.share.mean([recent]))

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Everything that decides what comes next: numbers and names, ready for JSON, and tensors by name."""
        tensors = {f"model/{name}": tensor for name, tensor in self.model.state_dict().items()}
        for i, optimizer in enumerate(self.optimizers):
            for j, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"adam/{i}/{j}/{name}": tensor for name, tensor in moments.items()}
        positions = []
        for i, stream in enumerate(self.streams):
            position, generators = stream.state()
            positions.append(position)
            tensors |= {f"stream/{i}/{name}": tensor for name, tensor in generators.items()}
        if self.history.points:
            tensors["history"] = torch.stack(self.history.points)
        if self.unrecorded:
            tensors["unrecorded"] = self._recent[: self.unrecorded]
        # Copies, because the training goes on.
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        return dict(step=self.done, streams=positions, steps=list(self.history.steps)), tensors

    def restore(self, card: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said, of a training with the same model, data and settings."""
        self.model.load_state_dict(_with_prefix(tensors, "model/"))
        for i, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _with_prefix(tensors, f"adam/{i}/").items():
                parameter, _, moment = name.partition("/")
                state.setdefault(int(parameter), {})[moment] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        for i, (stream, position) in enumerate(zip(self.streams, card["streams"], strict=True)):
            stream.restore(position, _with_prefix(tensors, f"stream/{i}/"))
        self.history.steps = list(card["steps"])
        self.history.points = list(tensors["history"]) if card["steps"] else []
        self.unrecorded = 0
        if "unrecorded" in tensors:
            self.unrecorded = len(tensors["unrecorded"])
            self._recent[: self.unrecorded] = tensors["unrecorded"]
        self.done = card["step"]


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def adam(
    model: Model, players: Sequence[str], rates: Mapping[str, float], betas: tuple[float, float], device: torch.device
) -> torch.optim.Adam:
    """Adam over the parameters of these players, each player at its own rate."""
    players_at: dict[float, list[str]] = {}  # players who share a rate share a group: one kernel for both
    for player in players:
        players_at.setdefault(rates[player], []).append(player)
    groups = [{"params": model.of(group), "lr": rate} for rate, group in players_at.items()]
    return torch.optim.Adam(groups, betas=betas, fused=device.type in ("cpu", "cuda"))


def descend(phase: Phase, world: World, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """One update: the gradient of the phase's loss with respect to its players' parameters, and nobody else's.

    Returns the losses by name, [*seeds] each, without gradient.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with world.noise.in_layers():
        losses = phase.losses(world)
        # Not all must be in use: discriminators may train at different paces, and samples that are means need no scale.
        gradients = torch.autograd.grad(phase.total(losses).sum(), parameters, allow_unused=True)
    used = [(p, gradient) for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
    averaged = world.noise.share.mean([gradient for _, gradient in used])  # over processes, if there are several
    for (parameter, _), gradient in zip(used, averaged, strict=True):
        # Fused Adam walks through memory: parameter and gradient must lie alike in it.
        same_layout = gradient.stride() == parameter.stride()
        parameter.grad = gradient if same_layout else torch.empty_like(parameter).copy_(gradient)
    optimizer.step()
    for parameter in parameters:
        parameter.grad = None
    return {name: loss.detach() for name, loss in losses.items()}
