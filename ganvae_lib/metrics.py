"""How good is it? Bounds in nats, coverage on toys, and intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from .codes import ImplicitEncoder, OtherDomain
from .world import Noise, draw

__all__ = [
    "Scores",
    "accuracy",
    "classifier_score",
    "coverage",
    "elbo",
    "evaluate",
    "interval",
    "iwae",
    "log_likelihood",
]


def interval(values: Tensor, level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of Student's t interval over the last axis: mean ± t s/√n.

    With one value the half-width is NaN. Raises ValueError for no value at all.
    """
    from scipy.stats import t

    values = torch.as_tensor(values, dtype=torch.float64).flatten()
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value.")
    if n == 1:
        return values.item(), math.nan
    return values.mean().item(), float(t.ppf((1 + level) / 2, n - 1) * values.std() / math.sqrt(n))


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


def _chunks(model, data, limit: int = 2**20):
    """Pieces of the data, with the model's seeds axis, and the model at their labels, where it is told labels.

    The length of a piece does not depend on the number of seeds.
    """
    device = next(model.parameters()).device
    size = max(1, min(2**14, limit // math.prod(data.shape)))
    for start in range(0, len(data), size):
        x, y = (v if v is None else v[start : start + size].to(device) for v in (data.x, getattr(data, "y", None)))
        yield model.given(y if y is None else y.expand(*model.lead, -1)), x.expand(*model.lead, *x.shape)


def _bound(model, data, seed: int, pieces) -> Tensor:
    if not {"encoder", "decoder"} <= set(model.networks):
        raise TypeError(f"{model.objective} has no encoder and decoder, so it has no such bound.")
    device = next(model.parameters()).device
    lead = model.lead
    noise = Noise([seed] * math.prod(lead) if lead else seed, device)  # the same noise for every copy
    total = torch.zeros(lead, dtype=torch.float64, device=device)
    with torch.no_grad():
        for at, x in _chunks(model, data):
            total += pieces(at, x, noise).double().sum(-1)
    return (total / len(data)).reshape(-1).cpu()


def elbo(model, data, *, seed: int = 0) -> Tensor:
    """E_d[E_q log p_θ(x|z) - KL(q_η(z|x) ‖ p(z))], one z per x (Eq. ``eq-elbo``, chapter 03): [seeds], nats."""

    def pieces(model, x, noise):
        q = model.encoder(x)
        return model.decoder(draw(q, noise, "z")).log_prob(x) - kl_divergence(q, model.prior().expand(q.batch_shape))

    return _bound(model, data, seed, pieces)


def iwae(model, data, k: int = 64, *, seed: int = 0) -> Tensor:
    """E_d log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x), z_i ~ q (Eq. ``eq-iwae``, chapter 03): [seeds], nats per example.

    A lower bound on E_d log p_θ(x) for every k, tight as k grows (Burda et al., 2016). Raises ValueError for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")

    def pieces(model, x, noise):
        q = model.encoder(x)
        weights = []
        for _ in range(k):
            z = draw(q, noise, "z")
            weights.append(model.decoder(z).log_prob(x) + model.prior().log_prob(z) - q.log_prob(z))
        return torch.stack(weights).logsumexp(0) - math.log(k)

    return _bound(model, data, seed, pieces)


def log_likelihood(model, data) -> Tensor:
    """E_d log p_θ(x) of a model without codes (Eq. ``eq-chain-rule``, chapter 05): [seeds], nats per example.

    Exact, not a bound. Raises TypeError for a model without a density.
    """
    if "density" not in model.networks:
        raise TypeError(f"{model.objective} has no density of x, so its likelihood cannot be computed.")
    total = torch.zeros(model.lead, dtype=torch.float64, device=next(model.parameters()).device)
    with torch.no_grad():
        for _, x in _chunks(model, data):
            total += model.density().log_prob(x).double().sum(-1)
    return (total / len(data)).reshape(-1).cpu()


def coverage(samples: Tensor, toy, within: float = 3.0, share: float = 0.2) -> dict[str, Tensor]:
    """Modes covered and share of high-quality samples, for samples [seeds, n, 2] of a toy with ``modes`` and ``std``.

    A sample is of high quality if it lies within ``within`` standard deviations of the nearest mode. A mode is covered
    if it gets at least ``share`` of the samples that a perfect model would give it. Both depend on these two
    conventions, so quote them. Raises ValueError for a world without modes.
    """
    modes = getattr(toy, "modes", None)
    if modes is None:
        raise ValueError("coverage needs a world with modes, for example ring, grid or mixture1d.")
    distance = torch.cdist(samples.double(), modes.double().expand(len(samples), -1, -1))
    nearest, mode = distance.min(-1)
    good = nearest < within * float(toy.std)
    counts = torch.stack([(good & (mode == i)).sum(-1) for i in range(len(modes))], -1)
    weights = getattr(toy, "weights", torch.full((len(modes),), 1 / len(modes)))
    needed = share * samples.shape[1] * weights
    return {"modes": (counts >= needed).sum(-1).double(), "high quality": good.double().mean(-1)}


def accuracy(model, data) -> Tensor:
    """Share of the examples of ``data`` whose label a model's classifier names, from their features or not, [seeds].

    Raises TypeError for a model without a classifier and ValueError for data without labels.
    """
    if not {"classifier", "labeller"} & set(model.networks):
        raise TypeError(f"{model.objective!r} has no classifier, so it has no accuracy.")
    if data.y is None:
        raise ValueError(f"{data.name} has no labels y to compare with.")
    right, start = 0, 0
    with torch.no_grad():
        for _, x in _chunks(model, data):
            n = x.shape[len(model.lead)]
            names = model.labeller(x) if "labeller" in model.networks else model.classifier(model.features(x).mean)
            named = names.logits.argmax(-1)
            right = right + (named == data.y[start : start + n].to(named.device)).sum(-1)
            start += n
    return (right / len(data)).double().reshape(-1).cpu()


def classifier_score(probs: Tensor) -> Tensor:
    """exp E_x KL(q(t|x) ‖ q(t)), q(t) = E_x q(t|x), of a classifier's answers [*seeds, n, classes]: [*seeds].

    Between 1 and the number of classes; the inception score is this with one certain classifier (Salimans et al.,
    2016): Eq. ``eq-classifier-score`` (chapter 18).
    """
    log, mean = probs.clamp_min(1e-12).log(), probs.mean(-2, keepdim=True)
    return (probs * (log - mean.clamp_min(1e-12).log())).sum(-1).mean(-1).exp()


def _has_density(model) -> bool:
    """Has q_η(z|x) a density, against a prior that has one?"""
    if isinstance(model.prior, OtherDomain) or isinstance(model.encoder, ImplicitEncoder):
        return False
    return not {"point", "unit", "uniform"} & set(getattr(model.encoder, "codes", None) or ())


def evaluate(run, data=None, *, k: int = 64, n: int = 10_000, seed: int = 0) -> Scores:
    """See ``Run.evaluate``."""
    from .nets import PointPixels

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
    toy = getattr(data, "world", None) or run.world
    drawn = {"decoder", "density"} & set(networks) and not isinstance(run.model.prior, OtherDomain)
    drawn = drawn and not run.model.objective.told
    if getattr(toy, "modes", None) is not None and drawn:
        values |= coverage(run.sample(n, seed).cpu(), toy)
    if not values:
        raise ValueError(
            "nothing to measure: a bound needs data and a model with an encoder and an explicit decoder "
            "(pass data, for example load(name, split='test')), coverage needs a toy with modes, accuracy a "
            "classifier and labels."
        )
    return Scores(values)
