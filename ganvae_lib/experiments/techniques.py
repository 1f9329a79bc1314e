"""The experiments of chapter 18: a model against the same model with one technique more, seed by seed.

    python -m ganvae_lib list
    python -m ganvae_lib run gan --data mnist
    python -m ganvae_lib report

Both models of a pair see the same initial weights, minibatches and noise for a seed, so their differences are paired.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .. import data as sets, measure as metrics, zoo
from ..errors import unknown
from ..measure.intervals import paired, summary
from ..models.builder import build
from ..objective.algebra import Objective, Sum
from ..objective.operators import adversary_activated, given, importance_weighted, semi_supervised
from ..objective.terms import Classify
from ..training import parallel
from ..training.fitting import fit
from ..training.run import Run
from . import record as records

__all__ = ["DATA", "EXPERIMENTS", "Experiment", "FRACTIONS", "RESULTS", "Setting", "examples", "run"]

RESULTS = Path("results") / "experiments"


@dataclass(frozen=True)
class Experiment:
    """``base`` against ``variant``; what is scored; and per size the steps, the batch and the networks.

    ``paper`` has the numbers of Hu et al. (2018): by data, fraction and score, those of base and variant.
    """

    title: str
    names: tuple[str, str]
    base: Objective
    variant: Objective
    scores: tuple[str, ...]
    sizes: dict[str, dict]
    paper: dict[tuple, tuple]

    @property
    def bounded(self) -> bool:
        """Does the experiment compare bounds, on binary pixels? Else it scores samples."""
        return "lower bound" in self.scores

    def at(self, fraction: float) -> tuple[Objective, Objective]:
        """Base and variant where this share of the examples has labels.

        With all of them an SVAE has nothing to infer: it is the CVAE plus its classifier.
        """
        inferring = lambda term: getattr(term, "inferred", None) and fraction == 1
        return tuple(Sum.of(*(t for t in o.terms if not inferring(t))) for o in (self.base, self.variant))


# Steps by the fraction of the data: at 1 % about where a VAE of another seed had its best bound on test data; elsewhere
# the budget ends the training before.
_TINY, _SMALL, _FULL = (
    {"hidden": (32,), "latent": 4},
    {"hidden": (200,), "latent": 20},
    {"hidden": (500, 500), "latent": 50},
)


_GANS = {
    "tiny": {"steps": {1.0: 60}, "batch": 32, "lr": 3e-3, "build": {"architecture": "conv", "width": 8, "latent": 8}},
    # The rate by a pilot on another seed: at the 2e-4 of DCGAN, networks this narrow had hardly begun after 800 steps.
    "small": {
        "steps": {1.0: 1500},
        "batch": 32,
        "lr": 1e-3,
        "build": {"architecture": "conv", "width": 16, "latent": 32},
    },
    # The widths of DCGAN, in two halvings for images of 28 x 28 and in four for 32 x 32 (Radford et al., 2016).
    "full": {"steps": {1.0: 20_000}, "batch": 64, "build": {"architecture": "conv", "width": 64, "latent": 100}},
}


_VAES = {
    "tiny": {"steps": {1.0: 60}, "batch": 32, "build": _TINY},
    "small": {"steps": {0.01: 1000, 0.1: 2000, 1.0: 3000}, "batch": 64, "build": _SMALL},
    "full": {"steps": {0.01: 2000, 0.1: 10_000, 1.0: 50_000}, "batch": 128, "build": _FULL},
}


_SVAES = {
    "tiny": {"steps": {1.0: 60}, "batch": 16, "build": _TINY},
    "small": {"steps": {1.0: 500}, "batch": 20, "build": _SMALL},
    "full": {"steps": {1.0: 50_000}, "batch": 128, "build": _FULL},
}


_SCORE, _ACCURACY, _BOUND, _NAMED = "classifier score", "accuracy of samples", "lower bound", "test accuracy"


_SVAE = semi_supervised(zoo.VAE, 50.0)


EXPERIMENTS = {
    "gan": Experiment(
        "Importance weights for a GAN",
        ("GAN", "IWGAN"),
        zoo.GAN,
        importance_weighted(zoo.GAN, "batch"),
        (_SCORE,),
        _GANS,
        {("mnist", 1.0, _SCORE): ("8.34 ± 0.03", "8.45 ± 0.04"), ("svhn", 1.0, _SCORE): ("5.18 ± 0.03", "5.34 ± 0.03")},
    ),
    "cgan": Experiment(
        "Importance weights for a conditional GAN",
        ("CGAN", "IWCGAN"),
        given(zoo.GAN),
        given(importance_weighted(zoo.GAN, "batch")),
        (_ACCURACY, _SCORE),
        _GANS,
        {
            ("mnist", 1.0, _ACCURACY): ("0.985 ± 0.002", "0.987 ± 0.002"),
            ("svhn", 1.0, _ACCURACY): ("0.797 ± 0.005", "0.798 ± 0.006"),
        },
    ),
    "vae": Experiment(
        "An activated adversary for a VAE",
        ("VAE", "AAVAE"),
        zoo.VAE,
        adversary_activated(zoo.VAE),
        (_BOUND,),
        _VAES,
        {
            ("mnist", 0.01, _BOUND): ("-122.89", "-122.15"),
            ("mnist", 0.1, _BOUND): ("-104.49", "-103.05"),
            ("mnist", 1.0, _BOUND): ("-92.53", "-92.42"),
        },
    ),
    "cvae": Experiment(
        "An activated adversary for a conditional VAE",
        ("CVAE", "AACVAE"),
        given(zoo.VAE),
        adversary_activated(given(zoo.VAE)),
        (_BOUND,),
        _VAES,
        {
            ("mnist", 0.01, _BOUND): ("-125.44", "-122.88"),
            ("mnist", 0.1, _BOUND): ("-102.63", "-101.63"),
            ("mnist", 1.0, _BOUND): ("-93.16", "-92.75"),
        },
    ),
    "svae": Experiment(
        "An activated adversary for a semi-supervised VAE",
        ("SVAE", "AASVAE"),
        _SVAE,
        adversary_activated(_SVAE),
        (_BOUND, _NAMED),
        _SVAES,
        {
            ("mnist", 0.01, _BOUND): ("-108.22", "-107.61"),
            ("mnist", 0.1, _BOUND): ("-99.44", "-98.81"),
            ("mnist", 0.01, _NAMED): ("0.9412", "0.9425"),
            ("mnist", 0.1, _NAMED): ("0.9768", "0.9797"),
        },
    ),
}


DATA = ("mnist", "fashion-mnist", "svhn", "cifar10", "cifar10-jpeg", "digits")


FRACTIONS = {"gan": (1.0,), "cgan": (1.0,), "vae": (0.01, 0.1, 1.0), "cvae": (0.01, 0.1, 1.0), "svae": (0.01, 0.1, 1.0)}


@dataclass(frozen=True)
class Setting:
    """What ``python -m ganvae_lib run`` was asked for; None takes the experiment's own number."""

    name: str
    data: str = "mnist"
    fraction: float = 1.0
    seeds: tuple[int, ...] = tuple(range(10))
    size: str = "small"
    steps: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    out: Path = RESULTS

    def __post_init__(self):
        for kind, value, known in (
            ("experiment", self.name, EXPERIMENTS),
            ("data set here", self.data, DATA),
            ("size", self.size, _GANS),
        ):
            if value not in known:
                raise unknown(kind, value, known)
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], got {self.fraction}.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or not all(0 <= s < 2**32 for s in self.seeds):
            raise ValueError(f"give one seed or more, all different, from 0 to 2**32-1; got {self.seeds}.")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"give at least one step, not {self.steps}.")

    @property
    def stem(self) -> str:
        share = "" if self.fraction == 1 else f"-{self.fraction}"
        full = "-full" if self.size == "full" else ""  # beside the small one, not in its place
        return f"{self.name}-{self.data}{share}{full}" + (f"-{self.steps}-steps" if self.steps else "")

    @property
    def command(self) -> str:
        """The command line that repeats this run, on the device that is there."""
        seeds = ",".join(map(str, self.seeds)) + "," * (len(self.seeds) == 1)
        words = [f"python -m ganvae_lib run {self.name} --data {self.data} --size {self.size}"]
        words += [f"--fraction {self.fraction}"] * (self.fraction != 1 or self.name == "svae")
        words += [f"--steps {self.steps}"] * bool(self.steps)
        words += [f"--precision {self.precision}"] * (self.precision != "fp32")
        plain = self.seeds == tuple(range(len(self.seeds)))
        return " ".join([*words, f"--seeds {len(self.seeds) if plain else seeds}"])


def examples(setting: Setting) -> tuple[sets.Data | sets.Domains, sets.Data]:
    """What to train on, and what to test on: ``Domains`` of labelled and unlabelled examples for an SVAE.

    Raises ValueError and DataError as ``data.load`` does.
    """
    binarize = "sample" if EXPERIMENTS[setting.name].bounded else None
    test = sets.load(setting.data, "test", binarize=binarize)
    if setting.name != "svae" or setting.fraction == 1:
        return sets.load(setting.data, "train", setting.fraction, binarize=binarize), test
    return sets.Domains(*sets.parted(sets.load(setting.data, binarize=binarize), setting.fraction)), test


def _networks(setting: Setting, data) -> dict:
    options = dict(EXPERIMENTS[setting.name].sizes[setting.size]["build"])
    if options.get("architecture") == "conv" and data.shape[1] == 32:
        options["depth"] = 4 if setting.size == "full" else 3
    return options


def _classifier(setting: Setting, work: Path, resume: bool) -> tuple[Run, float]:
    """The network that names the classes of samples, trained on the real examples; and its test accuracy."""
    data, test = (sets.load(setting.data, split) for split in ("train", "test"))
    steps, width = {"tiny": (300, 8), "small": (1000, 32), "full": (5000, 32)}[setting.size]
    model = build(Classify(seen="x"), data, architecture="conv", width=width)
    run = fit(model, data, steps, batch=64, seeds=[0], device=setting.device, checkpoint=work, resume=resume)
    return run, metrics.accuracy(run.model, test).item()


def _judged(run: Run, judge: Run, n: int = 10_000) -> dict[str, Tensor]:
    """Scores of samples per seed by the classifier's answers; where labels are given, all classes equally often."""
    model, probs, right = run.model, [], []
    classes = model.spec.classes
    for start in range(0, n, 500):
        labels = torch.arange(500) % classes if model.objective.conditional else None
        x = run.sample(500, seed=start, labels=labels)
        with torch.no_grad():
            answers = torch.stack([judge.model.labeller(copy).probs for copy in x])
        probs.append(answers)
        if labels is not None:
            right.append((answers.argmax(-1) == labels.to(answers.device)).double().mean(-1))
    found = {_SCORE: metrics.classifier_score(torch.cat(probs, 1).double()).cpu()}
    return found | ({_ACCURACY: torch.stack(right).mean(0).cpu()} if right else {})


def run(setting: Setting, resume: bool = False, say: Callable[[str], None] = print) -> Path | None:
    """Train both models, score them, and write the record; return its path (None in all processes but the first).

    ``resume`` goes on from the checkpoints of an interrupted run of the same setting, whose end is the same to the
    last bit on a CPU; a run that was finished is left as it is. Raises ValueError and DataError as ``load``, ``build``
    and ``fit`` do, ValueError for the checkpoints of an interrupted run without ``resume``, where the record of another
    setting would be replaced or another process is at work, and OSError if the folder cannot be written.
    """
    first, work = parallel.first(), Path(setting.out) / "work" / setting.stem
    say, path = say if first else lambda text: None, Path(setting.out) / f"{setting.stem}.json"
    begun, known = any(work.rglob("checkpoint.json")), records.command(path)
    if known not in (None, setting.command):
        raise ValueError(f"{path} is the record of another run, {known!r}; give another --out, or move it away.")
    if begun and not resume:
        raise ValueError(f"{work} holds an interrupted run; go on with it by --resume, or remove that folder.")
    if resume and not begun:
        say(f"{setting.stem}: " + ("was finished; leave out --resume to run it again" if known else "from the start"))
        if known:
            return path if first else None
    with records.alone(work) if first else nullcontext():
        return _run(setting, resume, say, path, work)


def _run(setting: Setting, resume: bool, say: Callable[[str], None], path: Path, work: Path) -> Path | None:
    experiment, begin, first = EXPERIMENTS[setting.name], time.time(), parallel.first()
    size = experiment.sizes[setting.size]
    nearest = min(size["steps"], key=lambda f: abs(f - setting.fraction))
    steps, batch = setting.steps or size["steps"][nearest], size["batch"]
    data, test = examples(setting)
    earlier = records.earlier(work) if first else 0.0
    networks, judge, spent, card = _networks(setting, data), None, {}, {"classifier_accuracy": None}
    if not experiment.bounded:
        say(f"{setting.stem}: the classifier that will judge samples")
        judge, card["classifier_accuracy"] = _classifier(setting, work / "classifier", resume)
    values: dict[str, list] = {score: [] for score in experiment.scores}
    rate = {"theta": 1e-3, "eta": 1e-3, "phi": 2e-4} if experiment.bounded else size.get("lr", 2e-4)
    betas = (0.9, 0.999) if experiment.bounded else (0.5, 0.999)
    for name, objective in zip(experiment.names, objectives := experiment.at(setting.fraction), strict=True):
        say(f"{setting.stem}: {name}, {len(setting.seeds)} seeds, {steps} steps")
        start = time.time()
        trained = fit(
            build(objective, data, **networks),
            data,
            steps,
            batch=batch,
            seeds=list(setting.seeds),
            device=setting.device,
            precision=setting.precision,
            lr=rate,
            betas=betas,
            checkpoint=work / name,
            resume=resume,
        )
        spent[name] = round(time.time() - start, 1)
        found = _judged(trained, judge) if judge else {_BOUND: metrics.elbo(trained.model, test)}
        if "labeller" in trained.model.networks and not judge:
            found[_NAMED] = metrics.accuracy(trained.model, test)
        for score in experiment.scores:
            values[score].append(found[score].tolist())
    device = next(trained.model.parameters()).device
    parallel.wait(device)  # for those who still read checkpoints
    if not first:
        return None
    scores = {}
    for score, (base, variant) in values.items():
        scores[score] = {
            "base": summary(base),
            "variant": summary(variant),
            "difference": paired(base, variant),
        }
    card |= {
        "experiment": setting.name,
        "names": experiment.names,
        "command": setting.command,
        "size": setting.size,
        "objectives": [*map(repr, objectives)],
        "fraction": setting.fraction,
        "config": {
            "steps": steps,
            "batch": batch,
            "networks": networks,
            "lr": rate,
            "betas": betas,
            "precision": setting.precision,
        },
        "data": {
            "name": setting.data,
            "digest": data.digest,
            "note": data.note,
            "examples": len(data),
            "test_digest": test.digest,
            "test_examples": len(test),
        },
        "seeds": list(setting.seeds),
        "scores": scores,
        "training_s": None if earlier else spent,
        "wall_s": round(earlier + time.time() - begin, 1),
        "environment": records.environment(str(device)),
    }
    records.write(path, card)
    shutil.rmtree(work)  # the checkpoints have served
    with suppress(OSError):  # other runs are at work there
        work.parent.rmdir()
    return path
