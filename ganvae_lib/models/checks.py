"""Do data suit a model?"""

from __future__ import annotations

from torch import Tensor

from .. import networks as nets
from ..distributions.world import OtherDomain
from .spec import _binary

__all__ = ["check"]


def check(model, data) -> None:
    """Raise ValueError, saying what to do, if ``data`` do not fit the model."""
    shape = (model.config or {}).get("shape")
    if shape is not None and tuple(shape) != tuple(data.shape):
        raise ValueError(
            f"the model was built for examples of shape {tuple(shape)}, the data have {tuple(data.shape)}."
        )
    if "labels" in model.objective.reads and getattr(data, "y", None) is None:
        raise ValueError(f"{model.objective!r} learns from labels, which {data.name} does not have; give data with y.")
    if "other" in model.reads and getattr(data, "other", None) is None:
        raise ValueError(
            f"{model.objective!r} learns from two domains, or from labelled and unlabelled examples; put them together "
            "with data.Domains(source, target)."
        )
    if "other" in model.objective.reads:
        data.one_shape()
    if isinstance(model.prior, OtherDomain) and tuple(data.other.shape[1:]) != model.prior.shape:
        raise ValueError(
            f"the model was built for a second domain of shape {model.prior.shape}, {data.name} has "
            f"{tuple(data.other.shape[1:])}."
        )
    classes = (model.config or {}).get("classes")
    if classes and "labels" in model.objective.reads and data.classes > classes:
        raise ValueError(f"the model tells {classes} classes apart, the data have {data.classes}.")
    if "density" in model.networks and hasattr(model.density, "check"):
        model.density.check(data.x)
    _check_values(model, "decoder", data.x)
    if isinstance(model.prior, OtherDomain):
        _check_values(model, "encoder", data.other)


def _check_values(model, network: str, x: Tensor) -> None:
    """Raise ValueError if a network's observation model cannot have made x."""
    made_by = getattr(model.networks[network], "observation", None) if network in model.networks else None
    if isinstance(made_by, nets.BernoulliPixels) and not _binary(x):
        raise ValueError(
            "a Bernoulli observation needs pixels that are 0 or 1; load the data with binarize='threshold' or "
            "'sample', or build with observation='continuous bernoulli'."
        )
    if isinstance(made_by, nets.ContinuousBernoulliPixels) and not bool(((x >= 0) & (x <= 1)).all()):
        raise ValueError("a continuous-Bernoulli observation needs pixels in [0, 1]; rescale x, or use 'gaussian'.")
