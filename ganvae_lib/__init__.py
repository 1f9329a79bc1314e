"""GANs, VAEs and their relatives as sums of a few kinds of term. The modules, in the order in which the book uses them:

data        toys with a density, digits, MNIST and relatives, SVHN, CIFAR   load
glyphs      characters with known factors       text     windows of characters
pairs       two domains with a hidden pairing
exact       worlds with a known truth: divergences by quadrature
lemmas      both sides of the lemmas of Part II, for any world
world       the random variables of one step
bound       Bound: k samples, labels given or inferred, examples weighed
links       the losses of an adversary          tools    KL, Likelihood, Adversary, MMD, Summaries
objective   sums of terms, players, phases, formulas
match       Match, and its spaces               terms    Reconstruct, Unpredictable, Classify
zoo         every named model, a line or two each
transfer    operators: importance_weighted, adversary_activated, given, semi_supervised, swapped
distributions  what torch does not have         codes    what z can be: priors and encoders
nets        networks that return distributions  trunks   what they are before that
autoregressive  densities by the chain rule     chain    what they share
stacking    many seeds in one network           parallel many processes in one run
model       an objective and its networks       builder  networks that suit data       suits
train       fit                                 runs     Run, History
checkpoint  exact resume
metrics     bounds in nats, coverage, intervals disentangle  mutual information gap
rejection   approximate Bayesian computation
draw        figures in one visual language      schematic  graphs of objectives
widgets     figures to move
experiments a model against itself with one technique more                  report   records  colour  sources
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "data": ("Data", "load"),
    "match": ("Match",),
    "terms": ("Classify", "Reconstruct", "Unpredictable"),
    "tools": ("KL", "MMD", "Adversary", "Likelihood", "Summaries"),
    "bound": ("Bound",),
    "transfer": ("adversary_activated", "given", "importance_weighted", "semi_supervised", "swapped"),
    "builder": ("build",),
    "model": ("Model",),
    "train": ("fit",),
    "runs": ("NonFiniteLoss", "Run"),
    "metrics": ("interval",),
}
_MODULES = (
    "autoregressive",
    "bound",
    "builder",
    "chain",
    "checkpoint",
    "codes",
    "colour",
    "data",
    "disentangle",
    "distributions",
    "draw",
    "exact",
    "experiments",
    "formula",
    "glyphs",
    "lemmas",
    "links",
    "match",
    "metrics",
    "model",
    "nets",
    "objective",
    "pairs",
    "parallel",
    "records",
    "rejection",
    "report",
    "runs",
    "schematic",
    "sources",
    "stacking",
    "suits",
    "terms",
    "text",
    "tools",
    "toys",
    "train",
    "transfer",
    "trunks",
    "widgets",
    "world",
    "zoo",
)
_FROM = {name: module for module, names in _HOME.items() for name in names}
__all__ = [*_FROM, *_MODULES]


def __getattr__(name: str):
    # Modules are imported when they are used: `import ganvae_lib` costs nothing that a user may not need.
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _FROM:
        return getattr(import_module(f".{_FROM[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
