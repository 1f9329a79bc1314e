"""A study is a value, and one runner runs it: ``python -m ganvae_lib study NAME --steps N --seeds K --out FOLDER``.

    STUDY = Study(
        "A GAN beside a VAE, on the ring",
        {"GAN": Trial(zoo.GAN), "VAE": Trial(zoo.VAE, networks=dict(scale=0.1))},
        data=lambda: {"train": load("ring"), "test": load("ring", seed=1)},
        measure=lambda run, world: {"modes": coverage(run.sample(2000), world.train.law)["modes"]},
        words={"modes": "modes covered, of 8"},
        steps=1000,
        seeds=range(4),
        pairs=[("GAN", "VAE")],
    )

Every record has one shape:

    title, command, seeds, words {measure: what it means}, notes, environment
    config               steps, networks, training: what all models share
    data.<name>          {name, n, digest, note}: what was trained and tested on
    facts                numbers that belong to no model
    references.<name>    {measures, series}: what the data themselves score, or methods that need no training
    models.<name>        objective, networks, training, share of the steps, seeds (where they differ), seconds,
                         failed {seed: message}, environment (where it is another than the record's), ...
                           measures {name: {values [seeds], mean, half_width_95}}, over the seeds that did not fail
                           series {name: [seeds][...]}: what is not one number a seed
                           examples {name: ...}: of the first seed
    comparisons."A - B"  {measure: {mean, half_width_95, ...}}: differences with their 95 % intervals

A model that is looked at in a second way has measures named "means: laplacian" for ``laplacian`` of its means; its side
of a comparison is then "VAE: means". A study on several worlds has data, facts, references, models and comparisons
under worlds.<name>.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ..errors import NonFiniteLoss
from ..measure.intervals import difference, paired, summary
from ..models import build
from ..objective.algebra import Objective
from ..training import Run, fit

__all__ = ["Study", "Trial", "by_seed", "compare_pairs", "fit_trial", "split_measures", "train_surviving_seeds"]


@dataclass(frozen=True)
class Trial:
    """One model of a study: its objective, and where its networks and its training differ from the study's.

    ``share`` is its part of the study's steps, ``seeds`` how many of the study's seeds it gets if not all, the first of
    them, ``about`` further entries of its record, and ``worlds`` names the worlds on which it is tried, if not all. An
    ``objective`` of None needs a study that trains in a way of its own.

    >>> from ganvae_lib import zoo
    >>> Trial(zoo.GAN, dict(hidden=(8,)), share=0.5).objective
    Match('x', Adversary('non-saturating'))
    """

    objective: Objective | None
    networks: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0  # of the steps
    seeds: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    worlds: Sequence[str] | None = None


def fit_trial(trial: Trial, study_data: SimpleNamespace, seeds: list[int]) -> Run:
    """Build the model of a trial and fit it to ``world.train``, all seeds in one run.

    Raises ValueError if the trial has no objective.
    """
    if trial.objective is None:
        raise ValueError("a Trial without an objective needs a Study with a train(trial, world, seeds) of its own.")
    model = build(trial.objective, study_data.train, **trial.networks)
    return fit(model, study_data.train, seeds=seeds, device="cpu", **trial.training)


def _nothing(*_: Any) -> dict:
    """What a study has that prepares, refers to or shows nothing."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Study:
    """Models by name, the data they are trained on, and what is measured of each.

    data():                     data sets by name, "train" among them; or such a function for each world, by its name
    prepare(world):             what the measures need besides, by name; ``facts`` among it are kept in the record
    train(trial, world, seeds): a run (anything with ``seeds``), by default :func:`fit_trial`
    measure(run, world):        by name a number per seed (of one seed: the number), or what else there is per seed
    references(world, seeds):   {name: measures} of what is not trained
    examples(run, world):       what the record keeps of the first seed, by name
    panels(name, run, world):   images of the first seed, by title; of the data if ``run`` is None
    picture(panels, path):      draw them; ``path`` has no ending yet

    ``world`` holds the data sets and what ``prepare`` returned as attributes, and its name as ``world.name``.
    ``models`` may be a function of the folder of the records, where a model depends on another study's results.
    ``apart`` trains one seed after the other. ``pairs`` are compared: by Welch's interval, or seed by seed if
    ``paired``. ``words`` say what each measure means.

    The docstring of this module has an example.

    >>> from ganvae_lib import load, zoo
    >>> models = {"GAN": Trial(zoo.GAN, share=0.5)}
    >>> study = Study("A GAN", models, data=lambda: {"train": load("ring")}, measure=_nothing, steps=20, seeds=(0, 1))
    >>> study.merged(study.models["GAN"]).training
    {'steps': 10}
    """

    title: str = field(kw_only=False)
    models: Mapping[str, Trial] | Callable[[Path], Mapping[str, Trial]] = field(kw_only=False)
    data: Callable[[], dict] | Mapping[str, Callable[[], dict]]
    measure: Callable[[Any, SimpleNamespace], dict]
    steps: int
    seeds: Sequence[int]
    words: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[SimpleNamespace], dict] = _nothing
    train: Callable[[Trial, SimpleNamespace, list[int]], Any] = fit_trial
    references: Callable[[SimpleNamespace, list[int]], dict] = _nothing
    examples: Callable[[Any, SimpleNamespace], dict] = _nothing
    panels: Callable[[str, Any, SimpleNamespace], dict] = _nothing
    picture: Callable[[dict, Path], Any] | None = None
    pairs: Sequence[tuple[str, str]] = ()
    paired: bool = False
    apart: bool = False  # one seed after the other, not stacked

    def worlds(self) -> dict[str, Callable[[], dict]]:
        """The function that loads the data, by world; a study on one world has the name ""."""
        return dict(self.data) if isinstance(self.data, Mapping) else {"": self.data}

    def merged(self, trial: Trial) -> Trial:
        """The trial with the study's choices where it has none of its own."""
        steps = {"steps": max(1, int(trial.share * self.steps))}
        networks = {**self.networks, **trial.networks}
        training = {**self.training, **steps, **trial.training}
        return dataclasses.replace(trial, networks=networks, training=training)

    def world(self, name: str) -> SimpleNamespace:
        """The data of a world, and what was prepared for the measures."""
        study_data = SimpleNamespace(name=name, facts={}, sets=self.worlds()[name]())
        vars(study_data).update(study_data.sets)  # each is an attribute
        vars(study_data).update(self.prepare(study_data))
        return study_data


def train_surviving_seeds(train: Callable[[list[int]], Any], seeds: Sequence[int]) -> tuple[Any, dict[int, str]]:
    """Train all seeds; when the loss of one is no number, write it down and train the others without it.

    Returns the run (None if no seed is left) and the failures, {seed: message}. Seed k trains alike in any company.
    """
    remaining_seeds = list(seeds)
    failures = dict[int, str]()
    while remaining_seeds:
        try:
            return train(remaining_seeds), failures
        except NonFiniteLoss as error:
            if error.seed is None:  # a run of one's own that does not say which
                raise
            failures[error.seed] = str(error).split(";")[0]
            remaining_seeds.remove(error.seed)
    return None, failures


def by_seed(rows: Sequence[Mapping[str, Any]]) -> dict[str, list]:
    """Rows of measures, one per seed, as one list per measure."""
    if not rows:
        return {}
    return {key: [row[key] for row in rows] for key in rows[0]}


def split_measures(measures: Mapping[str, Any]) -> dict[str, dict[str, list]]:
    """Measures as plain lists: ``measures`` with a number per seed, ``series`` with anything else.

    A single number is that of one seed.
    """
    measures_by_kind: dict[str, dict[str, list]] = {"measures": {}, "series": {}}
    for name, values in measures.items():
        values = values.tolist() if isinstance(values, Tensor) else values
        values = [values] if isinstance(values, int | float) else list(values)
        values = [value.tolist() if isinstance(value, Tensor) else value for value in values]
        are_numbers = all(isinstance(value, int | float) for value in values)
        if are_numbers:
            measures_by_kind["measures"][name] = [float(value) for value in values]
        else:
            measures_by_kind["series"][name] = values
    return measures_by_kind


def train_and_measure(
    study: Study, name: str, trial: Trial, study_data: SimpleNamespace, seeds: list[int]
) -> tuple[dict, dict]:
    """Train and measure one model: its entry, with values as they are, and its panels for the picture."""
    merged_trial = study.merged(trial)
    seeds = seeds[: trial.seeds]
    seconds = 0.0
    failures = dict[int, str]()
    examples: dict = {}
    panels: dict = {}
    measured_values: dict[str, dict[str, list]] = {"measures": {}, "series": {}}
    groups = [[seed] for seed in seeds] if study.apart else [seeds]  # seeds of a group are trained in one run
    for group in groups:
        started = time.perf_counter()
        run, new_failures = train_surviving_seeds(
            lambda group_seeds: study.train(merged_trial, study_data, group_seeds), group
        )
        seconds += time.perf_counter() - started
        failures |= new_failures
        if run is None:
            continue
        scores = split_measures(study.measure(run, study_data))
        if not any(measured_values.values()):  # the first seed
            examples = study.examples(run, study_data)
            panels = study.panels(name, run, study_data)
        for kind, measures in scores.items():
            for measure, group_values in measures.items():
                measured_values[kind].setdefault(measure, []).extend(group_values)
    card: dict[str, Any] = {"objective": None if trial.objective is None else repr(trial.objective), **trial.about}
    card |= {
        key: dict(options) for key, options in (("networks", trial.networks), ("training", trial.training)) if options
    }
    card |= {"seconds": round(seconds, 1), "failed": failures}
    if trial.share != 1:
        card["share"] = trial.share
    if trial.seeds is not None:
        card["seeds"] = seeds
    return {**card, **measured_values, "examples": examples}, panels


def compare_pairs(study: Study, entries: Mapping[str, dict], seeds: list[int]) -> dict:
    """The differences of the study's pairs, by measure, where both sides have values of two seeds or more."""
    comparisons = {}
    for first, second in study.pairs:
        first_values = measures_by_seed(entries, first, seeds)
        second_values = measures_by_seed(entries, second, seeds)
        differences = {}
        for name in [name for name in first_values if name in second_values]:
            common_seeds = [seed for seed in first_values[name] if seed in second_values[name]]
            if study.paired and common_seeds:
                differences[name] = paired(
                    [second_values[name][seed] for seed in common_seeds],
                    [first_values[name][seed] for seed in common_seeds],
                )
            elif not study.paired and min(len(first_values[name]), len(second_values[name])) > 1:
                differences[name] = difference([*first_values[name].values()], [*second_values[name].values()])
        if differences:
            comparisons[f"{first} - {second}"] = differences
    return comparisons


def measures_by_seed(entries: Mapping[str, dict], side_name: str, seeds: list[int]) -> dict[str, dict[int, float]]:
    """The measures {name: {seed: value}} of "model", or of "model: means" for those named "means: measure"."""
    name, _, view = side_name.partition(": ")
    if name not in entries:
        return {}
    failed_seeds = {int(seed) for seed in entries[name].get("failed", ())}
    surviving = [seed for seed in seeds if seed not in failed_seeds]
    values = entries[name]["measures"]
    prefix = f"{view}: " if view else ""
    measures = {key.removeprefix(prefix): values[key] for key in values if key.startswith(prefix)}
    return {key: dict(zip(surviving, numbers, strict=False)) for key, numbers in measures.items() if ": " not in key}


def round_numbers(value: Any) -> Any:
    """Numbers to four digits, at any depth."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list | tuple):
        return [round_numbers(element) for element in value]
    if isinstance(value, dict):
        return {key: round_numbers(element) for key, element in value.items()}
    return value


def summarise_entry(row_entry: dict) -> dict:
    """An entry as the record has it: means and intervals over seeds, computed before anything is rounded."""
    measures = {name: summary(values) for name, values in row_entry["measures"].items()}
    return {**row_entry, "measures": measures, "series": round_numbers(row_entry["series"])}
