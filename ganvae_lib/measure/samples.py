"""What samples say: modes covered, classes met."""

from __future__ import annotations

import torch
from torch import Tensor

from .bounds import _chunks

__all__ = ["accuracy", "classifier_score", "coverage"]


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
            n = x.shape[len(model.seeds_shape)]
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
