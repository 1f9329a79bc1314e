"""Training: ``fit`` knows only the phases of the objective, and one gradient per phase."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..distributions.noise import Noise
from ..distributions.world import World
from ..errors import unknown
from ..models.checks import check
from ..models.model import Model
from ..objective.terms import to_dict
from .batches import _worlds
from .checkpoint import Checkpoint
from .device import _device, _keep_memory, _precision, _unchecked
from .parallel import share
from .run import History, Run

__all__ = ["fit"]


def fit(
    model: Model,
    data,
    steps: int,
    *,
    batch: int = 128,
    seeds: int | Sequence[int] = 1,
    fresh: bool = True,
    device: str = "auto",
    precision: str = "fp32",
    lr: float | dict[str, float] | None = None,
    betas: tuple[float, float] | None = None,
    log_every: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool | None = None,
):
    """Train copies of ``model`` on ``data`` and return a :class:`~ganvae_lib.runs.Run`; ``model`` stays as it is.

    seeds:      8 trains seeds 0 to 7 at once, stacked in one run; a list names them. Seed k sees the same initial
                weights, minibatches and noise in any company, so it equals the single run ``seeds=[k]`` up to rounding.
    fresh:      draw new initial weights from each seed; False starts every seed from the model's present weights.
    device:     "auto" takes cuda, then mps, then cpu.
    precision:  "fp32", "tf32" (matrix products on recent GPUs) or "bf16" (autocast; parameters stay in fp32).
    lr, betas:  of Adam; lr may be a dict by player. By default 1e-3, (0.9, 0.999), and with an adversary
                2e-4, (0.5, 0.999).
    log_every:  steps between two points of ``.history``; the only moments at which the host waits for the device.
    checkpoint: a folder that keeps the state of the training, about every ``checkpoint_every`` steps (by default ten
                times in all), when history gets a point. ``resume=True`` goes on from there, if there is one, and on
                the CPU ends with the bits of a run that was not interrupted.
    progress:   show a bar; by default unless the environment has GANVAE_PROGRESS=0.
    Under ``torchrun`` every process takes its share of each minibatch, and all end with the same run (``parallel``).
    Raises ValueError for arguments, data or a checkpoint that do not fit, and NonFiniteLoss (naming term, step and
    seed) within ``log_every`` steps of the first loss that is not finite.
    """
    if not all(isinstance(n, int) and n > 0 for n in (steps, batch, 1 if log_every is None else log_every)):
        raise ValueError(f"steps, batch and log_every must be positive integers, got {steps}, {batch} and {log_every}.")
    names = list(range(seeds)) if isinstance(seeds, int) else list(seeds) if isinstance(seeds, Sequence) else [None]
    if not names or len(set(names)) < len(names) or not all(isinstance(s, int) and 0 <= s < 2**32 for s in names):
        raise ValueError(f"seeds must be a positive number or a list of different ints from 0 to 2**32-1, got {seeds}.")
    check(model, data)
    target = _device(device)
    adversarial = bool(model.objective.adversaries)
    lr = (2e-4 if adversarial else 1e-3) if lr is None else lr
    betas = ((0.5, 0.999) if adversarial else (0.9, 0.999)) if betas is None else betas
    rates = lr if isinstance(lr, dict) else dict.fromkeys(("theta", "eta", "phi"), lr)
    for player in set(rates) - {"theta", "eta", "phi"}:
        raise unknown("player", player, ("theta", "eta", "phi"))
    if not all(0 <= rate < float("inf") for rate in rates.values()) or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"lr must not be negative and betas must lie in [0, 1), got lr={lr} and betas={betas}.")
    if missing := set(model.objective.players) - set(rates):
        raise ValueError(f"lr names no rate for {', '.join(sorted(missing))}; every player of the objective needs one.")

    _keep_memory()
    model = model.copies(names[0] if len(names) == 1 else names, fresh).to(target).train()
    noise = Noise(model.seeds, target, share(target))
    noise.share.check(model.objective, batch)
    next_world, orders = _worlds(model, data, batch, noise, target)
    phases = model.objective.phases()
    optimizers = [_adam(model, phase.players, rates, betas, target) for phase in phases]
    every = min(log_every or max(1, steps // 100), steps)
    keys = list(dict.fromkeys(key for phase in phases for key in phase.keys))
    buffer = torch.zeros(every, len(keys), *noise.seeds_shape, device=target)
    history = History(names, keys)
    config = dict(steps=steps, batch=batch, lr=lr, betas=list(betas), precision=precision, device=str(target))
    run = Run(model, history, data, config)
    start, keep = 0, lambda step: None
    if checkpoint is not None:
        which = dict(
            objective=to_dict(model.objective),
            data=run.data,
            networks=model.config,
            seeds=names,
            fresh=fresh,
            log_every=every,
            **config | {"device": target.type},
        )
        parts = model, [adam for adam, _ in optimizers], [noise, *orders], history
        kept = Checkpoint(checkpoint, which)
        if kept.exists and not resume:
            raise ValueError(f"{checkpoint} holds a checkpoint; pass resume=True to go on from it, or another folder.")
        start = kept.restore(*parts) if kept.exists else 0
        apart, last = checkpoint_every or max(1, steps // 10), start

        def keep(step: int) -> None:
            nonlocal last
            if step - last >= apart or step == steps:
                if noise.share.rank == 0:
                    kept.save(step, *parts)
                last = step

    with _unchecked(), _precision(precision, target), _bar(steps, progress if noise.share.rank == 0 else False) as bar:
        bar.update(start)
        for step in range(start, steps):
            world = next_world()
            values: dict[str, Tensor] = {}
            for phase, (optimizer, parameters) in zip(phases, optimizers, strict=True):
                for _ in range(phase.steps - 1):  # extra updates of a critic, each on a minibatch of its own
                    _descend(phase, next_world(detached=True), optimizer, parameters)
                values = _descend(phase, world, optimizer, parameters) | values  # a term in two phases counts once
                world.moved(phase.players)
            row = step % every
            buffer[row] = torch.stack([values[key] for key in keys])
            if row == every - 1 or step == steps - 1:
                history.append(step + 1, *noise.share.mean([buffer[: row + 1]]), run)
                bar.update(row + 1)
                keep(step + 1)
    model.eval()
    return run


def _descend(phase, world: World, optimizer, parameters: list[nn.Parameter]) -> dict[str, Tensor]:
    """One update: the gradient of the phase's loss with respect to its players' parameters, and nobody else's."""
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
    return {key: loss.detach() for key, loss in losses.items()}


def _adam(model: Model, players: Sequence[str], rates: dict, betas, device: torch.device):
    by_rate: dict[float, list[str]] = {}  # players who share a rate share a group: one kernel for both
    for player in players:
        by_rate.setdefault(rates[player], []).append(player)
    groups = [{"params": model.of(who), "lr": rate} for rate, who in by_rate.items()]
    adam = torch.optim.Adam(groups, betas=betas, fused=device.type in ("cpu", "cuda"))
    return adam, [p for group in groups for p in group["params"]]


@contextmanager
def _bar(steps: int, progress: bool | None):
    from tqdm.auto import tqdm

    if progress is None:
        progress = os.environ.get("GANVAE_PROGRESS", "1") != "0"
    with tqdm(total=steps, disable=not progress, leave=False, unit="step") as bar:
        yield bar
