"""A training as a value that goes on step by step, and whose state can be kept and put back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.noise import Noise
from ..measure.history import History
from ..models.dry import check_user_defined_parts
from ..models.model import Model
from .batches import Batches, batch_source, join_processes
from .optimizers import Clip, average, descend, restore_state, set_rates, state_tensors
from .settings import Settings

__all__ = ["Kept", "Training", "descend"]


class Kept(NamedTuple):
    """What a run keeps of its training so that it can go on: the state without the weights, and the data."""

    card: dict[str, Any] | None
    tensors: dict[str, Tensor]
    data: Examples | None = None

    def state(self) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
        """Without the weights, which are the run's."""
        return self.card, self.tensors

    @property
    def averages(self) -> dict[str, Tensor]:
        """The moving averages of the weights, where they were kept."""
        return _with_prefix(self.tensors, "ema/")

    def streams(self, steps: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Where the streams stand after so many steps; those that were not kept must not be used again."""
        no_streams = dict(total=steps, since="", seeds=[], streams=[], device="", examples=[])
        return self.card or no_streams, {
            name: tensor for name, tensor in self.tensors.items() if name.startswith("stream/")
        }


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
    >>> training.history.steps, list(training.history)
    ([5, 10], ['reconstruct x', 'match z'])
    """

    def __init__(
        self,
        model: Model,
        data: Examples,
        settings: Settings,
        state: tuple[dict[str, Any], dict[str, Tensor]] | None = None,
    ):
        # The C library (glibc) hands large blocks back to the system after each step, and page faults then take a fifth
        # of a step of stacked networks. Freeing one block of 31 MiB, never touched, lifts the size from which it does
        # so, for the rest of the process. Where there is no room for it, training is only slower.
        with suppress(RuntimeError):
            torch.empty(31 * 2**20, dtype=torch.uint8)
        device, seeds = settings.device, settings.seeds
        self.settings, self.data = settings, data
        self.done = 0  # steps
        self.earlier_steps = 0  # steps of earlier trainings, whose streams these may be
        model_seeds = seeds[0] if len(seeds) == 1 else seeds  # one seed needs no seeds axis
        self.model = model.copies(model_seeds, settings.fresh).to(device).train()
        self.noise = Noise(self.model.seeds, device, join_processes(device))
        self.noise.share.check(self.model.objective, settings.batch, self.model)
        check_user_defined_parts(self.model, data, settings.batch)
        self.next_batch, self.orders = batch_source(self.model, data, settings.batch, self.noise, device)
        self.model.streams = None
        if model.streams and not settings.fresh and not state:
            self._restore_streams(*model.streams)

        self.phases = self.model.objective.phases()
        self.optimizers = [
            settings.optimizer.of(self.model, phase.players, settings.rates, settings.betas, device)
            for phase in self.phases
        ]
        self.clip = None if settings.clip is None else Clip(self.model, settings.clip)
        self.averages: dict[str, Tensor] = {}  # of the parameters, by name
        self.compiled: Callable[[], Tensor] | None = None  # the updates of a step as one graph: ``whole_step``

        loss_names = list(dict.fromkeys(name for phase in self.phases for name in phase.keys))  # each once, in order
        self.history = History(seeds, loss_names)
        window = min(settings.log_every, settings.steps)
        self._recent_losses = torch.zeros(window, len(loss_names), *self.noise.seeds_shape, device=device)
        self.unrecorded = 0  # how many steps lie behind the last full window of the history
        self.last_point_is_partial = False  # is the history's last point that of these steps, and may change?
        self.is_between_steps = True  # does it stand between two steps?
        if state:
            self.restore(*state)

    def step(self) -> None:
        """One minibatch and one update of each phase; every ``log_every`` steps the history gets a point.

        Only then does the host wait for the device. Raises NonFiniteLoss if a loss since the last point is not finite.
        """
        self.is_between_steps = False
        if self.last_point_is_partial:
            self.history.drop()
            self.last_point_is_partial = False
        losses = self.compiled() if self.compiled else self._eager_step()
        if self.settings.ema is not None:
            average(self.averages, self.model, self.settings.ema)
        self._recent_losses[self.unrecorded] = losses
        self.unrecorded += 1
        self.done += 1
        if self.unrecorded == self.settings.log_every or self.done == self.settings.steps:
            self.record()
        self.is_between_steps = True

    def _eager_step(self) -> Tensor:
        """The update of each phase, one after another; the losses, [names, *seeds]."""
        batch = self.next_batch()
        losses: dict[str, Tensor] = {}
        for phase, optimizer in zip(self.phases, self.optimizers, strict=True):
            set_rates(optimizer, self.done)
            for _ in range(phase.steps - 1):  # extra updates of a discriminator, each on a minibatch of its own
                descend(phase, self.next_batch(detached=True), optimizer, self.done, self.clip)
            losses = descend(phase, batch, optimizer, self.done, self.clip) | losses  # a term in two phases counts once
            batch.moved(phase.players)
        return torch.stack([losses[name] for name in self.history.names])

    @property
    def recorded(self) -> bool:
        """Does the history know every step?"""
        return self.last_point_is_partial or not self.unrecorded

    def record(self) -> None:
        """Add a point to the history: the mean over the steps since the last one, and over processes.

        At the end, or where the training stops, there may be fewer of them than ``log_every``; a training that goes on
        from there takes that point away and completes it.
        """
        if self.recorded:
            return
        recent = self._recent_losses[: self.unrecorded]
        self.last_point_is_partial = self.unrecorded < self.settings.log_every
        self.unrecorded = self.unrecorded if self.last_point_is_partial else 0
        self.history.append(self.done, *self.noise.share.mean([recent]))

    def pause(self) -> None:
        """The model as one reads it, between two steps: in eval mode, and it knows how far its streams went."""
        self.model.eval()
        self.model.remember(self._stream_positions())

    def decided_by_first_process(self, question: Callable[[], bool]) -> bool:
        """What the first process answers, in each of them."""
        answer = question() if self.noise.share.rank == 0 else False
        (mean_answer,) = self.noise.share.mean([torch.tensor([float(answer)], device=self.settings.device)])
        return bool(mean_answer > 0)

    # ---------------------------------------------------------------- what is kept

    def kept(self) -> Kept:
        """What a run keeps of it. A training that broke in the middle of a step cannot go on."""
        if not self.is_between_steps:
            return Kept(None, {})
        return Kept(*self.state(weights=False), self.data)

    def _stream_positions(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Where every stream stands, after how many steps, and of what it is one."""
        random_streams: list[Noise | Batches] = [self.noise, *self.orders]
        positions: list[Any] = []
        tensors: dict[str, Tensor] = {}
        for index, stream in enumerate(random_streams):
            position, generators = stream.state()
            positions.append(position)
            tensors |= {f"stream/{index}/{name}": tensor for name, tensor in generators.items()}
        card = dict(
            total=self.earlier_steps + self.done,
            since=self.noise.since,
            seeds=self.noise.seeds,
            streams=positions,
            device=self.settings.device.type,
            examples=self._order_identity(),
        )
        return card, tensors

    def _order_identity(self) -> list[Any]:
        """Of what the orders are: as long as it stays the same, they go on."""
        return [self.orders[0].batch, self.data.digest]

    def state(self, weights: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Everything that decides what comes next: numbers and names, ready for JSON, and tensors by name."""
        state_card, tensors = self._stream_positions()
        if weights:
            tensors |= {f"model/{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, optimizer in enumerate(self.optimizers):
            tensors |= {
                f"optimizer/{index}/{name}": tensor for name, tensor in state_tensors(optimizer, self.model).items()
            }
        tensors |= {f"ema/{name}": tensor for name, tensor in self.averages.items()}
        full_windows = len(self.history.points) - self.last_point_is_partial  # windows
        if full_windows:
            tensors["history"] = torch.stack(self.history.points[:full_windows])
        if self.unrecorded:
            tensors["unrecorded"] = self._recent_losses[: self.unrecorded]
        # Copies, because the training goes on.
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        state_card |= dict(
            step=self.done,
            steps=self.history.steps[:full_windows],
            names=self.history.names,
            log_every=self.settings.log_every,
            optimizer=self.settings.optimizer.card,
        )
        return state_card, tensors

    def restore(self, card: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Go on from what ``state`` said, of a training with the same objective, networks and seeds.

        What else differs, such as the batch, the data, the rates, ``log_every`` or the device, is taken from now on.
        Raises ValueError for other losses.
        """
        if card["names"] != self.history.names:
            raise ValueError(
                f"the losses are now {', '.join(self.history.names)}, and were {', '.join(card['names'])}; begin "
                "a new one from the weights: fit(run.model, data, steps, seeds=run.seeds, fresh=False)."
            )
        self.done, self.earlier_steps = card["step"], card["total"] - card["step"]
        if weights := _with_prefix(tensors, "model/"):  # else the model has them already
            self.model.load_state_dict(weights)
        averages = _with_prefix(tensors, "ema/") if self.settings.ema is not None else {}
        self.averages = {name: tensor.to(self.settings.device, copy=True) for name, tensor in averages.items()}
        same_optimizer = card["optimizer"] == self.settings.optimizer.card
        for index, optimizer in enumerate(self.optimizers if same_optimizer else []):
            restore_state(optimizer, self.model, _with_prefix(tensors, f"optimizer/{index}/"))
        self._restore_streams(card, tensors)
        self.history.steps = list(card["steps"])
        self.history.points = list(tensors["history"].clone()) if card["steps"] else []
        self._restore_unrecorded(card, tensors)

    def _restore_unrecorded(self, card: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Go on with a window that is not full; with windows of another length, it makes a point as it is."""
        self.unrecorded, self.last_point_is_partial = 0, False
        if "unrecorded" not in tensors:
            return
        recent = tensors["unrecorded"].to(self._recent_losses.device)
        if card["log_every"] != self.settings.log_every:
            self.history.append(self.done, *self.noise.share.mean([recent]))
            return
        self.unrecorded = len(recent)
        self._recent_losses[: self.unrecorded] = recent
        if self.done >= self.settings.steps:
            self.record()

    def _restore_streams(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Go on with these streams, exactly where they stand; where that cannot be, with new ones, none that has been.

        Other examples or another batch have a new order; on another kind of device, or for other seeds, all is new.
        """
        random_streams: list[Noise | Batches] = [self.noise, *self.orders]
        seeds = self.noise.seeds
        same_seeds = set(seeds) <= set(saved["seeds"])
        if not same_seeds or saved["device"] != self.settings.device.type or not saved["streams"]:
            for stream in random_streams:
                stream.restart(saved["total"])
            return
        seed_rows = [saved["seeds"].index(seed) for seed in seeds]
        self.noise.since = saved["since"]
        for index, stream in enumerate(random_streams):
            can_continue = index < len(saved["streams"]) and (index == 0 or saved["examples"] == self._order_identity())
            if can_continue:
                generators = _with_prefix(tensors, f"stream/{index}/")
                # The states of generators stay on the host, whatever the device.
                stream.restore(
                    saved["streams"][index], {name: states[seed_rows] for name, states in generators.items()}
                )
            else:
                stream.restart(saved["total"])


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
