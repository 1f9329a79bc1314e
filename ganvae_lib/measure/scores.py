"""``evaluate``: what can be measured of a run, with intervals."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ..data.dataset import Examples, as_data
from ..distributions.world import OtherDomain
from ..models.model import Model
from .bounds import elbo, iwae, log_likelihood
from .intervals import interval
from .samples import accuracy, coverage, has_classifier

__all__ = ["Scores", "evaluate", "has_bound", "has_samples"]


class Scores(dict[str, Tensor]):
    """Values per seed by name, printed as mean ± half-width of the 95 % interval over seeds.

    >>> import torch
    >>> Scores({"modes": torch.tensor([7.0, 8.0, 8.0, 8.0])})
    modes: 7.75 ± 0.80 (4 seeds)
    """

    def __repr__(self) -> str:
        lines = []
        for name, value in self.items():
            mean, half = interval(value)
            one_seed = math.isnan(half)
            lines.append(f"{name}: {mean:.2f}" + ("" if one_seed else f" ± {half:.2f} ({len(value)} seeds)"))
        return "\n".join(lines)


def evaluate(run: Any, data: Examples | None = None, *, k: int = 64, n: int = 10_000, seed: int = 0) -> Scores:
    """See ``Run.evaluate``."""
    model = run.model
    values: dict[str, Tensor] = {}
    if data is not None:
        data = as_data(data)
        if has_bound(model):
            values["ELBO (nats)"] = elbo(model, data, seed=seed)
            values[f"IWAE-{k} (nats)"] = iwae(model, data, k, seed=seed)
        if "density" in model.networks:
            values["log-likelihood (nats)"] = log_likelihood(model, data)
        if has_classifier(model) and data.y is not None:
            values["accuracy"] = accuracy(model, data)
    if has_samples(model):
        law = None if data is None else data.law
        law_error = None
        if law is None:
            try:
                law = run.law
            except ValueError as error:
                law_error = error
        if getattr(law, "modes", None) is not None:  # a law may be any object of a user's
            values |= coverage(run.sample(n, seed).cpu(), law)
        elif law_error is not None and not values:
            raise ValueError(f"nothing to measure: {law_error}") from law_error
    if not values:
        raise ValueError(
            "nothing to measure: a bound needs data and a model with an encoder and an explicit decoder "
            "(pass data, for example load(name, split='test')), coverage needs a toy with modes, accuracy a "
            "classifier and labels."
        )
    return Scores(values)


def has_bound(model: Model) -> bool:
    """Are log p_θ(x|z), log q_η(z|x) and log p(z) known, so that the model has a bound in nats?"""
    if not {"encoder", "decoder"} <= set(model.networks) or isinstance(model.prior, OtherDomain):
        return False
    # Networks of one's own need not say; then they are taken to have densities.
    return all(getattr(model.networks[name], "has_density", True) for name in ("encoder", "decoder"))


def has_samples(model: Model) -> bool:
    """Can x be drawn without anything being given: no label, and no example of another domain?"""
    if isinstance(model.prior, OtherDomain) or model.objective.conditional:
        return False
    return bool({"decoder", "density"} & set(model.networks))
