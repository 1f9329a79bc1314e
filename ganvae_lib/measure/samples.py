"""What samples say: modes covered, classes met."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..errors import check_real, check_type
from ..models.inputs import evaluating, numbers
from ..models.model import Model
from .bounds import chunks

__all__ = ["accuracy", "classifier_score", "coverage", "has_classifier"]


def coverage(samples: Tensor, toy: Any, within: float = 3.0, share: float = 0.2) -> dict[str, Tensor]:
    """Modes covered and share of high-quality samples, [seeds] each, of a toy with ``modes`` [modes, D] and ``std``.

    samples: [seeds, n, D]; without the axis of seeds, [n, D], they are those of one.

    A sample is of high quality if it lies within ``within`` standard deviations of the nearest mode. A mode is covered
    if it gets at least ``share`` of the samples that a perfect model would give it. Both depend on these two
    conventions, so quote them. Raises ValueError for a toy without modes, samples of another shape or none, and
    conventions that are not positive.

    >>> from ganvae_lib import ring
    >>> coverage(ring().sample(1000, 0)[None], ring())["modes"]
    tensor([8.], dtype=torch.float64)
    """
    modes = getattr(toy, "modes", None)
    if modes is None:
        raise ValueError("coverage needs a world with modes, for example ring, grid or mixture1d.")
    within, share = check_real("within", within, above=0), check_real("share", share, above=0, most=1)
    all_samples = numbers("samples", samples).cpu().double()
    all_samples = all_samples.unsqueeze(0) if all_samples.ndim == 2 else all_samples
    if all_samples.ndim != 3 or all_samples.shape[-1] != modes.shape[-1] or 0 in all_samples.shape:
        raise ValueError(
            f"samples must be [seeds, n, {modes.shape[-1]}], as the modes of {type(toy).__name__} are; "
            f"got {list(numbers('samples', samples).shape)}."
        )
    distances = torch.cdist(all_samples, modes.cpu().double().expand(len(all_samples), -1, -1))
    nearest_distance, nearest_mode = distances.min(-1)
    is_high_quality = nearest_distance < within * float(toy.std)
    counts = torch.stack([(is_high_quality & (nearest_mode == mode)).sum(-1) for mode in range(len(modes))], -1)
    equal_weights = torch.full((len(modes),), 1 / len(modes))
    weights = getattr(toy, "weights", equal_weights)
    needed_counts = share * all_samples.shape[1] * weights
    return {"modes": (counts >= needed_counts).sum(-1).double(), "high quality": is_high_quality.double().mean(-1)}


def has_classifier(model: Model) -> bool:
    """Does the model name classes: from features, or from the examples themselves?"""
    return bool({"classifier", "labeller"} & set(check_type("model", model, Model, "make one with build").networks))


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
    if check_type("data", data, Examples, "make them with load or Data").y is None:
        raise ValueError(f"{data.name} has no labels y to compare with.")
    correct = torch.zeros(model.seeds_shape, dtype=torch.int64, device=next(model.parameters()).device)
    with evaluating(model):
        for _, x, labels in chunks(model, data):
            if "labeller" in model.networks:
                answers = model.labeller(x)
            else:
                answers = model.classifier(model.features(x).mean)
            correct += (answers.logits.argmax(-1) == labels).sum(-1)
    return (correct / len(data)).cpu().double().reshape(-1)


def classifier_score(probs: Tensor) -> Tensor:
    """exp E_x KL(q(t|x) ‖ q(t)), q(t) = E_x q(t|x), of a classifier's answers [*seeds, n, classes]: [*seeds].

    Between 1 and the number of classes; the inception score is this with one certain classifier (Salimans et al.,
    2016): Eq. ``eq-classifier-score`` (chapter 18). Raises ValueError for rows that are not probabilities.

    >>> classifier_score(torch.eye(4))    # certain of every answer, and every class is named as often
    tensor(4.)
    """
    probs = numbers("probs", probs)
    if probs.ndim < 2 or 0 in probs.shape or bool((probs < 0).any()) or bool(((probs.sum(-1) - 1).abs() > 1e-3).any()):
        raise ValueError(
            f"probs must be [*seeds, n, classes], not negative, with rows that sum to 1; got shape {list(probs.shape)}."
        )
    log_probs = probs.clamp_min(1e-12).log()  # where q(t|x) = 0, 0 log 0 = 0 instead of NaN
    log_marginal = probs.mean(-2, keepdim=True).clamp_min(1e-12).log()
    kl = (probs * (log_probs - log_marginal)).sum(-1)
    return kl.mean(-1).exp()
