"""GANs, VAEs and their relatives as sums of a few kinds of term. The rooms, from the ground up:

    errors         what is raised, and what it advises
    storage        files: found, downloaded, checked, and written whole
    figures        a visual language, graphs of objectives, tables
    distributions  densities, noise by name and seed, the variables of one step (``Batch``), where they are compared
    exact          worlds with a known truth, and both sides of the lemmas
    data           toys with a density, characters, text, digits, images: ``load``
    objective      tools, terms, sums of terms, and operators on them
    networks       networks that return distributions
    zoo            every named model, a line or two each
    models         the part that each network plays; an objective and its networks: ``build``
    measure        bounds in nats, coverage, intervals over seeds
    training       ``fit``, runs, exact resume
    experiments    studies and comparisons with records, from the command line
    widgets        figures to move

Every name below is imported when it is first used: ``import ganvae_lib`` costs nothing that a user may not need.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers read; a test compares it with the tables below
    from . import (
        data as data,
        distributions as distributions,
        errors as errors,
        exact as exact,
        exact as lemmas,
        experiments as experiments,
        figures as draw,
        figures as figures,
        measure as measure,
        measure as metrics,
        models as models,
        networks as nets,
        networks as networks,
        objective as objective,
        training as training,
        widgets as widgets,
        zoo as zoo,
    )
    from .data import (
        Data as Data,
        Domains as Domains,
        Mixture as Mixture,
        Tabular as Tabular,
        Text as Text,
        clouds as clouds,
        load as load,
        mixture1d as mixture1d,
        moons as moons,
        ring as ring,
        scale as scale,
        styles as styles,
        table as table,
        text as text,
        toy as toy,
    )
    from .distributions import (
        Batch as Batch,
        Noise as Noise,
        Noiseless as Noiseless,
        OtherDomain as OtherDomain,
        Point as Point,
        Schedule as Schedule,
        constant as constant,
        cosine as cosine,
        cyclical as cyclical,
        drawn as drawn,
        linear as linear,
    )
    from .errors import DataError as DataError, NonFiniteLoss as NonFiniteLoss
    from .exact import gradient as gradient
    from .experiments import (
        EXPERIMENTS as EXPERIMENTS,
        FRACTIONS as FRACTIONS,
        Setting as Setting,
        Study as Study,
        Trial as Trial,
        recorded as recorded,
        report as report,
    )
    from .figures import Table as Table, Writer as Writer
    from .measure import (
        Scores as Scores,
        accuracy as accuracy,
        classifier_score as classifier_score,
        coverage as coverage,
        frechet_distance as frechet_distance,
        interval as interval,
        mutual_information as mutual_information,
        paired as paired,
        precision_recall as precision_recall,
        rejection as rejection,
    )
    from .models import ROLES as ROLES, Model as Model, Role as Role, Spec as Spec, build as build
    from .networks import (
        CODES as CODES,
        DENSITIES as DENSITIES,
        OBSERVATIONS as OBSERVATIONS,
        CharRNN as CharRNN,
        ImplicitEncoder as ImplicitEncoder,
        MaskedConv2d as MaskedConv2d,
        Observation as Observation,
        PixelCNN as PixelCNN,
        PixelRNN as PixelRNN,
        ngram as ngram,
    )
    from .objective import (
        GREEK as GREEK,
        KL as KL,
        LINKS as LINKS,
        MMD as MMD,
        SPACES as SPACES,
        Adversary as Adversary,
        Bound as Bound,
        Classify as Classify,
        Denoise as Denoise,
        Distill as Distill,
        Likelihood as Likelihood,
        Link as Link,
        Match as Match,
        Objective as Objective,
        Phase as Phase,
        Quantise as Quantise,
        Reconstruct as Reconstruct,
        Space as Space,
        Summaries as Summaries,
        Term as Term,
        Tool as Tool,
        Unpredictable as Unpredictable,
        adversary_activated as adversary_activated,
        free_energy as free_energy,
        given as given,
        importance_weighted as importance_weighted,
        plain as plain,
        semi_supervised as semi_supervised,
        swapped as swapped,
    )
    from .training import History as History, Run as Run, Training as Training, fit as fit

__version__ = "0.1.0"

_NAMES_OF_PACKAGE = {
    "data": "Data Domains Mixture Tabular Text clouds load mixture1d moons ring scale styles table text toy",
    "distributions": "Batch Noise Noiseless OtherDomain Point Schedule constant cosine cyclical drawn linear",
    "errors": "DataError NonFiniteLoss",
    "figures": "Table Writer",
    "exact": "gradient",
    "objective": "Adversary Bound Classify Denoise Distill GREEK KL LINKS Likelihood Link MMD Match Objective Phase "
    "Quantise Reconstruct SPACES Space Summaries Term Tool Unpredictable adversary_activated free_energy given "
    "importance_weighted plain semi_supervised swapped",
    "networks": "CODES CharRNN DENSITIES ImplicitEncoder MaskedConv2d OBSERVATIONS Observation PixelCNN PixelRNN ngram",
    "models": "Model ROLES Role Spec build",
    "measure": "Scores accuracy classifier_score coverage frechet_distance interval mutual_information paired "
    "precision_recall",
    "training": "History Run Training fit",
    "experiments": "EXPERIMENTS FRACTIONS Setting Study Trial recorded",
}
# Modules, some under the short names that the chapters use.
_MODULES = {
    "data": "data",
    "distributions": "distributions",
    "draw": "figures",
    "errors": "errors",
    "exact": "exact",
    "experiments": "experiments",
    "figures": "figures",
    "lemmas": "exact",
    "measure": "measure",
    "metrics": "measure",
    "models": "models",
    "nets": "networks",
    "networks": "networks",
    "objective": "objective",
    "rejection": "measure.rejection",
    "report": "experiments.report",
    "training": "training",
    "widgets": "widgets",
    "zoo": "zoo",
}
_FORMER = {"checkpoint": "training.checkpoint", "runs": "training", "train": "training"}  # names of older scripts
_FORMER_CLASSES = {"World": "Batch"}  # and of classes: early users import it
_PACKAGE_OF_NAME = {name: module for module, names in _NAMES_OF_PACKAGE.items() for name in names.split()}
__all__ = [*_PACKAGE_OF_NAME, *_MODULES]


if not TYPE_CHECKING:  # a type checker would take it for a promise of every name

    class _Former:
        """Finds ``import ganvae_lib.runs``: what has taken the place of ``runs`` is entered under that name."""

        def find_spec(self, name, path=None, target=None):
            former = name.removeprefix(f"{__name__}.")
            return ModuleSpec(name, self) if name != former and former in _FORMER else None

        def create_module(self, spec):
            self.module = import_module(f".{_FORMER[spec.name.rpartition('.')[2]]}", __name__)
            self.spec = self.module.__spec__  # importing would give it another
            return self.module

        def exec_module(self, module):
            module.__spec__ = self.spec

    sys.meta_path.append(_Former())

    def __getattr__(name):
        if name in _MODULES or name in _FORMER:
            return import_module(f".{(_FORMER | _MODULES)[name]}", __name__)
        name = _FORMER_CLASSES.get(name, name)
        if name in _PACKAGE_OF_NAME:
            return getattr(import_module(f".{_PACKAGE_OF_NAME[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
