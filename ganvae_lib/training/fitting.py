"""Training: ``fit`` makes one, goes on step by step, and writes down what it learns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..data.dataset import Examples
from ..errors import NonFiniteLoss
from ..models.checks import check_data
from ..models.model import Model
from ..objective.contract import to_dict
from .checkpoint import Checkpoint
from .run import Run
from .settings import Settings, in_precision, unchecked
from .state import Training

__all__ = ["fit"]


def fit(
    model: Model,
    data: Examples,
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
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Run:
    """Train copies of ``model`` on ``data`` and return a :class:`~ganvae_lib.Run`; ``model`` stays as it is.

    seeds:      8 trains seeds 0 to 7 at once, stacked in one run; a list names them. Seed k sees the same initial
                weights, minibatches and noise whatever seeds are beside it: it is the run ``seeds=[k]`` up to rounding.
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

    >>> from ganvae_lib import build, load, zoo
    >>> data = load("ring", fraction=0.01)
    >>> run = fit(build(zoo.VAE, data), data, 20, batch=32, seeds=2, device="cpu", progress=False)
    >>> run.sample(5).shape, run.history["reconstruct x"].shape
    (torch.Size([2, 5, 2]), torch.Size([20, 2]))
    """
    settings = Settings(model.objective, steps, batch, seeds, fresh, device, precision, lr, betas, log_every)
    check_data(model, data)

    training = Training(model, data, settings)
    run = Run(training.model, training.history, data, settings.config)
    opened = None if checkpoint is None else _open_checkpoint(checkpoint, resume, training, run)
    _train(training, run, opened, checkpoint_every or max(1, steps // 10), progress)
    run.model.eval()
    return run


def _train(training: Training, run: Run, checkpoint: Checkpoint | None, every: int, progress: bool | None) -> None:
    """Go on to the last step; keep the state about every ``every`` steps, when the history gets a point."""
    settings = training.settings
    last_saved = training.done
    is_first_process = training.noise.share.rank == 0  # of several, it alone shows a bar and keeps the state
    bar = _bar(settings.steps, progress if is_first_process else False)
    with bar, unchecked(), in_precision(settings.precision, settings.device):
        bar.update(training.done)
        while training.done < settings.steps:
            try:
                training.step()
            except NonFiniteLoss as error:
                error.run = run  # as far as it came
                raise
            if training.unrecorded:  # the history got no point
                continue
            bar.update(training.done - bar.n)
            if training.done - last_saved >= every or training.done == settings.steps:
                last_saved = training.done
                if checkpoint is not None and is_first_process:
                    checkpoint.save(training)


def _open_checkpoint(folder: str | os.PathLike[str], resume: bool, training: Training, run: Run) -> Checkpoint:
    """The checkpoint of this training; if there is one already, the training goes on from it."""
    settings = training.settings
    config = dict(
        objective=to_dict(training.model.objective),
        data=run.data,
        networks=training.model.config,
        seeds=settings.seeds,
        fresh=settings.fresh,
        log_every=settings.log_every,
        **settings.config | {"device": settings.device.type},
    )
    checkpoint = Checkpoint(folder, config)
    if checkpoint.exists and not resume:
        raise ValueError(f"{folder} holds a checkpoint; pass resume=True to go on from it, or another folder.")
    if checkpoint.exists:
        checkpoint.restore(training)
    return checkpoint


def _bar(steps: int, progress: bool | None) -> Any:
    from tqdm.auto import tqdm

    if progress is None:
        progress = os.environ.get("GANVAE_PROGRESS", "1") != "0"
    return tqdm(total=steps, disable=not progress, leave=False, unit="step")
