"""``evaluate``: what can be measured of a run, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from ..distributions.world import OtherDomain
from .bounds import _has_density, elbo, iwae, log_likelihood
from .intervals import interval
from .samples import accuracy, coverage

__all__ = ["Scores", "evaluate"]


class Scores(Mapping):
    """Values per seed by name, printed as mean ± half-width of the 95 % interval over seeds."""

    def __init__(self, values: dict[str, Tensor]):
        self.values_ = values

    def __getitem__(self, name: str) -> Tensor:
        return self.values_[name]

    def __iter__(self):
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)

    def __repr__(self) -> str:
        lines = []
        for name, value in self.items():
            mean, half = interval(value)
            lines.append(f"{name}: {mean:.2f}" + ("" if math.isnan(half) else f" ± {half:.2f} ({len(value)} seeds)"))
        return "\n".join(lines)


def evaluate(run, data=None, *, k: int = 64, n: int = 10_000, seed: int = 0) -> Scores:
    """See ``Run.evaluate``."""
    from ..networks.observations import PointPixels

    values: dict[str, Tensor] = {}
    networks = run.model.networks
    explicit = {"encoder", "decoder"} <= set(networks) and not isinstance(networks["decoder"].observation, PointPixels)
    explicit = explicit and _has_density(run.model)
    if explicit and data is not None:
        values["ELBO (nats)"] = elbo(run.model, data, seed=seed)
        values[f"IWAE-{k} (nats)"] = iwae(run.model, data, k, seed=seed)
    if "density" in networks and data is not None:
        values["log-likelihood (nats)"] = log_likelihood(run.model, data)
    if {"classifier", "labeller"} & set(networks) and data is not None and data.y is not None:
        values["accuracy"] = accuracy(run.model, data)
    toy = getattr(data, "law", None) or run.law
    drawn = {"decoder", "density"} & set(networks) and not isinstance(run.model.prior, OtherDomain)
    drawn = drawn and not run.model.objective.conditional
    if getattr(toy, "modes", None) is not None and drawn:
        values |= coverage(run.sample(n, seed).cpu(), toy)
    if not values:
        raise ValueError(
            "nothing to measure: a bound needs data and a model with an encoder and an explicit decoder "
            "(pass data, for example load(name, split='test')), coverage needs a toy with modes, accuracy a "
            "classifier and labels."
        )
    return Scores(values)
