"""The experiments of chapter 18: a model against the same model with one technique more, seed by seed.

    python -m ganvae_lib list
    python -m ganvae_lib run gan --data mnist
    python -m ganvae_lib report

Both models of a pair see the same initial weights, minibatches and noise for a seed, so their differences are paired.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import data as sets, measure as metrics
from ..errors import unknown
from ..measure.history import interrupts_raise
from ..measure.intervals import paired, summary
from ..models.builder import build
from ..objective.further import Classify
from ..training import batches as parallel
from ..training.fitting import fit
from ..training.run import Run
from . import engines, record as records
from .comparisons import ACCURACY, BOUND, DATA, EXPERIMENTS, FRACTIONS, SCORE, SIZES, TEST_ACCURACY, Experiment

__all__ = ["DATA", "EXPERIMENTS", "Experiment", "FRACTIONS", "RESULTS", "Setting", "examples", "run", "run_each"]

RESULTS = Path("results") / "experiments"
_CHUNK_SIZE = 500  # samples that a classifier names at a time


@dataclass(frozen=True)
class Setting:
    """What ``python -m ganvae_lib run`` was asked for; None takes the experiment's own number.

    >>> Setting("vae", fraction=0.01, seeds=(0, 1, 2)).command
    'python -m ganvae_lib run vae --data mnist --size small --fraction 0.01 --seeds 3'
    """

    name: str
    data: str = "mnist"
    fraction: float = 1.0
    seeds: tuple[int, ...] = tuple(range(10))
    size: str = "small"
    steps: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    out: Path = RESULTS

    def __post_init__(self) -> None:
        for kind, value, allowed in (
            ("experiment", self.name, EXPERIMENTS),
            ("data set here", self.data, DATA),
            ("size", self.size, SIZES),
        ):
            if value not in allowed:
                raise unknown(kind, value, allowed)
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], got {self.fraction}.")
        records.check_seeds(self.seeds)
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"give at least one step, not {self.steps}.")

    @property
    def stem(self) -> str:
        """The name of the record's file, without its ending."""
        fraction_text = "" if self.fraction == 1 else f"-{self.fraction}"
        size_text = "-full" if self.size == "full" else ""  # beside the small one, not in its place
        steps_text = f"-{self.steps}-steps" if self.steps else ""
        return f"{self.name}-{self.data}{fraction_text}{size_text}{steps_text}"

    @property
    def command(self) -> str:
        """The command line that repeats this run, on the device that is there."""
        words = [f"python -m ganvae_lib run {self.name} --data {self.data} --size {self.size}"]
        if self.fraction != 1 or EXPERIMENTS[self.name].semi_supervised:
            words.append(f"--fraction {self.fraction}")
        if self.steps:
            words.append(f"--steps {self.steps}")
        if self.precision != "fp32":
            words.append(f"--precision {self.precision}")
        counted_from_zero = self.seeds == tuple(range(len(self.seeds)))
        words.append(f"--seeds {records.seeds_text(len(self.seeds) if counted_from_zero else self.seeds)}")
        return " ".join(words)


def examples(setting: Setting) -> tuple[sets.Data | sets.Domains, sets.Data]:
    """What to train on, and what to test on: ``Domains`` of labelled and unlabelled examples if semi-supervised.

    Raises ValueError and DataError as ``data.load`` does.
    """
    binarize = "sample" if EXPERIMENTS[setting.name].compares_bounds else None
    test = sets.load(setting.data, "test", binarize=binarize)
    if not EXPERIMENTS[setting.name].semi_supervised or setting.fraction == 1:
        return sets.load(setting.data, "train", setting.fraction, binarize=binarize), test
    return sets.Domains(*sets.parted(sets.load(setting.data, binarize=binarize), setting.fraction)), test


def _classifier(setting: Setting, work_folder: Path, resume: bool) -> tuple[Run, float]:
    """The network that names the classes of samples, trained on the real examples; and its test accuracy."""
    data = sets.load(setting.data, "train")
    test = sets.load(setting.data, "test")
    steps, width = {"tiny": (300, 8), "small": (1000, 32), "full": (5000, 32)}[setting.size]
    model = build(Classify(seen="x"), data, architecture="conv", width=width)
    run = fit(model, data, steps, batch=64, seeds=[0], device=setting.device, checkpoint=work_folder, resume=resume)
    return run, metrics.accuracy(run.model, test).item()


def _sample_scores(run: Run, classifier: Run, n: int = 10_000) -> dict[str, Tensor]:
    """Scores of samples per seed by the classifier's answers; where labels are given, all classes equally often."""
    class_probs = []
    accuracies = []
    labels = None
    spec = run.model.spec
    if spec and spec.classes and run.model.objective.conditional:
        labels = torch.arange(_CHUNK_SIZE) % spec.classes
    for start in range(0, n, _CHUNK_SIZE):
        samples = run.sample(_CHUNK_SIZE, seed=start, labels=labels)
        with torch.no_grad():
            chunk_probs = torch.stack([classifier.model.labeller(seed_samples).probs for seed_samples in samples])
        class_probs.append(chunk_probs)
        if labels is not None:
            accuracies.append((chunk_probs.argmax(-1) == labels.to(chunk_probs.device)).cpu().double().mean(-1))
    scores = {SCORE: metrics.classifier_score(torch.cat(class_probs, 1).cpu().double())}
    return scores | ({ACCURACY: torch.stack(accuracies).mean(0).cpu()} if accuracies else {})


def run(setting: Setting, resume: bool = False, say: Callable[[str], None] = print) -> Path | None:
    """Train both models, score them, and write the record; return its path (None in all processes but the first).

    ``resume`` goes on from the checkpoints of an interrupted run of the same setting, whose end is the same to the
    last bit on a CPU; a run that was finished is left as it is. Raises ValueError and DataError as ``load``, ``build``
    and ``fit`` do, ValueError for the checkpoints of an interrupted run without ``resume``, where the record of another
    setting would be replaced or another process is at work, and OSError if the folder cannot be written.
    """
    is_first_process = parallel.is_first_process()
    say = say if is_first_process else lambda text: None
    path = Path(setting.out) / f"{setting.stem}.json"
    work_folder = Path(setting.out) / "work" / setting.stem
    was_interrupted = any(work_folder.rglob("checkpoint.json"))
    if not records.needs_run(path, setting.command, work_folder / "clock.json", was_interrupted, resume, say):
        if is_first_process:
            records.remove_work_folder(work_folder)
        return path if is_first_process else None
    with records.lock_folder(work_folder) if is_first_process else nullcontext(), interrupts_raise():
        return _train_and_score(setting, resume, say, path, work_folder)


def run_each(
    settings: Sequence[Setting],
    resume: bool = False,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    array: bool = False,
) -> Iterator[Path | None]:
    """Run settings, each of which has a record of its own; yield what ``run`` returns, as it gets done.

    They are run by this process; by ``workers`` processes or at the Dask ``scheduler`` of this address, in any order;
    or, in an ``array`` of Slurm, those that are the share of this task. All but this process alone go on with what is
    there, as by ``resume``. Raises ValueError and OSError as ``run`` and :mod:`~ganvae_lib.experiments.engines` do.
    """
    if workers or scheduler:
        settings_of_workers = [replace(setting, out=Path(os.path.abspath(setting.out))) for setting in settings]
        for index in engines.results_as_completed(
            partial(_run_one, settings_of_workers), range(len(settings_of_workers)), workers, scheduler
        ):
            yield Path(settings[index].out) / f"{settings[index].stem}.json"
    else:
        for setting in settings[engines.task_slice()] if array else settings:
            yield run(setting, resume or array)


def _run_one(settings: Sequence[Setting], number: int) -> int:
    """Run one setting in the process of a worker, where nobody reads what is said."""
    run(settings[number], True, lambda text: None)
    return number


def _train_and_score(
    setting: Setting, resume: bool, say: Callable[[str], None], path: Path, work_folder: Path
) -> Path | None:
    """Train, score and write; the work of ``run`` once it may begin."""
    start_time = time.time()
    experiment = EXPERIMENTS[setting.name]
    is_first_process = parallel.is_first_process()
    data, test = examples(setting)
    earlier_seconds = records.seconds_before_this_part(work_folder, setting.command) if is_first_process else 0.0
    config = _config(setting, data)
    classifier = accuracy = None
    if not experiment.compares_bounds:
        say(f"{setting.stem}: the classifier that will name samples")
        classifier, accuracy = _classifier(setting, work_folder / "classifier", resume)
    training: dict[str, Any] = {key: config[key] for key in ("batch", "lr", "betas", "precision")}
    training |= {"seeds": list(setting.seeds), "device": setting.device, "resume": resume}
    score_values: dict[str, list] = {score: [] for score in experiment.scores}
    objectives = experiment.objectives(setting.fraction)
    seconds = {}
    for name, objective in zip(experiment.names, objectives, strict=True):
        say(f"{setting.stem}: {name}, {len(setting.seeds)} seeds, {config['steps']} steps")
        model_start = time.time()
        model = build(objective, data, **config["networks"])
        trained = fit(model, data, config["steps"], checkpoint=work_folder / name, **training)
        seconds[name] = round(time.time() - model_start, 1)
        scores = _sample_scores(trained, classifier) if classifier else {BOUND: metrics.elbo(trained.model, test)}
        if TEST_ACCURACY in experiment.scores:
            scores[TEST_ACCURACY] = metrics.accuracy(trained.model, test)
        for score in experiment.scores:
            score_values[score].append(scores[score].tolist())
    device = next(trained.model.parameters()).device
    parallel.wait_for_all_processes(device)  # for those who still read checkpoints
    if not is_first_process:
        return None
    about_data = {"name": setting.data, "digest": data.digest, "note": data.note, "examples": len(data)}
    record_card = {
        "classifier_accuracy": accuracy,
        "experiment": setting.name,
        "names": experiment.names,
        "command": setting.command,
        "size": setting.size,
        "objectives": [repr(objective) for objective in objectives],
        "fraction": setting.fraction,
        "config": config,
        "data": about_data | {"test_digest": test.digest, "test_examples": len(test)},
        "seeds": list(setting.seeds),
        "scores": {
            score: {"base": summary(base), "variant": summary(variant), "difference": paired(base, variant)}
            for score, (base, variant) in score_values.items()
        },
        "training_s": None if earlier_seconds else seconds,
        "wall_s": round(earlier_seconds + time.time() - start_time, 1),
        "environment": records.environment(str(device)),
    }
    records.write(path, record_card)
    records.remove_work_folder(work_folder)  # the checkpoints have served
    return path


def _config(setting: Setting, data: sets.Data | sets.Domains) -> dict[str, Any]:
    """Steps, batch, networks and optimiser of a setting, as its record has them."""
    experiment = EXPERIMENTS[setting.name]
    size_options = experiment.sizes[setting.size]
    nearest_fraction = min(size_options["steps"], key=lambda fraction: abs(fraction - setting.fraction))
    networks = dict(size_options["build"])
    if networks.get("architecture") == "conv" and data.shape[1] == 32:
        networks["depth"] = 4 if setting.size == "full" else 3  # halvings of an image of 32 x 32
    return {
        "steps": setting.steps or size_options["steps"][nearest_fraction],
        "batch": size_options["batch"],
        "networks": networks,
        "lr": {"theta": 1e-3, "eta": 1e-3, "phi": 2e-4} if experiment.compares_bounds else size_options.get("lr", 2e-4),
        "betas": (0.9, 0.999) if experiment.compares_bounds else (0.5, 0.999),
        "precision": setting.precision,
    }
