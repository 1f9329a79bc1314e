"""What samples say: modes covered, classes met."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..models.model import Model
from .bounds import chunks

__all__ = ["accuracy", "classifier_score", "coverage", "has_classifier"]


def coverage(samples: Tensor, toy: Any, within: float = 3.0, share: float = 0.2) -> dict[str, Tensor]:
    """Modes covered and share of high-quality samples, for samples [seeds, n, D] of a toy with ``modes`` and ``std``.

    A sample is of high quality if it lies within ``within`` standard deviations of the nearest mode. A mode is covered
    if it gets at least ``share`` of the samples that a perfect model would give it. Both depend on these two
    conventions, so quote them. Raises ValueError for a toy without modes.

    >>> from ganvae_lib import ring
    >>> coverage(ring().sample(1000, 0)[None], ring())["modes"]
    tensor([8.], dtype=torch.float64)
    """
    modes = getattr(toy, "modes", None)
    if modes is None:
        raise ValueError("coverage needs a world with modes, for example ring, grid or mixture1d.")
    distances = torch.cdist(samples.double(), modes.double().expand(len(samples), -1, -1))
    to_nearest, nearest_mode = distances.min(-1)
    high_quality = to_nearest < within * float(toy.std)
    counts = torch.stack([(high_quality & (nearest_mode == mode)).sum(-1) for mode in range(len(modes))], -1)
    equal_weights = torch.full((len(modes),), 1 / len(modes))
    weights = getattr(toy, "weights", equal_weights)
    needed = share * samples.shape[1] * weights
    return {"modes": (counts >= needed).sum(-1).double(), "high quality": high_quality.double().mean(-1)}


def has_classifier(model: Model) -> bool:
    """Does the model name classes: from features, or from the examples themselves?"""
    return bool({"classifier", "labeller"} & set(model.networks))


def accuracy(model: Model, data: Examples) -> Tensor:
    """Share of the examples of ``data`` whose label a model's classifier names, from their features or not, [seeds].

    Raises TypeError for a model without a classifier and ValueError for data without labels.

    >>> from ganvae_lib import build, load, zoo
    >>> digits = load("digits", fraction=0.1)
    >>> 0 <= float(accuracy(build(zoo.SOURCE_ONLY, digits), digits)) <= 1
    True
    """
    if not has_classifier(model):
        raise TypeError(f"{model.objective!r} has no classifier, so it has no accuracy.")
    if data.y is None:
        raise ValueError(f"{data.name} has no labels y to compare with.")
    correct = torch.zeros(model.seeds_shape, dtype=torch.int64, device=next(model.parameters()).device)
    with torch.no_grad():
        for _, x, labels in chunks(model, data):
            if "labeller" in model.networks:
                answers = model.labeller(x)
            else:
                answers = model.classifier(model.features(x).mean)
            correct += (answers.logits.argmax(-1) == labels).sum(-1)
    return (correct / len(data)).double().reshape(-1).cpu()


def classifier_score(probs: Tensor) -> Tensor:
    """exp E_x KL(q(t|x) ‖ q(t)), q(t) = E_x q(t|x), of a classifier's answers [*seeds, n, classes]: [*seeds].

    Between 1 and the number of classes; the inception score is this with one certain classifier (Salimans et al.,
    2016): Eq. ``eq-classifier-score`` (chapter 18).

    >>> classifier_score(torch.eye(4))    # certain of every answer, and every class is named as often
    tensor(4.)
    """
    log_probs = probs.clamp_min(1e-12).log()  # where q(t|x) = 0, 0 log 0 = 0 instead of NaN
    log_marginal = probs.mean(-2, keepdim=True).clamp_min(1e-12).log()
    kl = (probs * (log_probs - log_marginal)).sum(-1)
    return kl.mean(-1).exp()
