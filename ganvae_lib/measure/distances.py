"""How far samples are from data in given features: Fréchet distance, precision and recall."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.densities import as_floats
from ..errors import check_int, described
from ..models.inputs import numbers

__all__ = ["frechet_distance", "gaussian_frechet", "precision_recall"]

Features = Callable[[Tensor], Tensor]

# Numbers at once: of the examples whose features are computed, and of the distances between them.
_CHUNK = 2**24


def frechet_distance(samples: Any, data: Any, features: Features | None = None) -> Tensor:
    """‖μ - ν‖² + tr(S + T - 2 (S T)^½), of the means μ, ν and covariances S, T of features: [seeds].

    samples:   of trained copies, [seeds, n, *shape]; without the axis of seeds, of one.
    data:      what they are compared with, [m, *shape], or a data set.
    features:  x [n, *shape] -> [n, F], in the unit of which the square is the unit of the distance; by default points
               are their own features. For images say which: a classifier's last layer but one, or ``torch.Tensor.
               flatten``-ed pixels. With those of Inception it is the FID (Heusel et al., 2017), which
               ``torchmetrics.image.fid.FrechetInceptionDistance(feature=network)`` computes alike.
    It is 0 for equal means and covariances, and biased upwards where there are few samples. Warns (UserWarning) of as
    few samples as features, whose covariance is singular. Raises ValueError, saying what to pass, for fewer than two
    samples, for images without ``features``, and for features that are not [n, F].

    >>> x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    >>> frechet_distance(torch.stack([x, x + 3.0]), x).round(decimals=6)  # 3² in each of two dimensions
    tensor([ 0., 18.], dtype=torch.float64)
    """
    sample_features, real = _features_of_both(samples, data, features, least=2)
    few = min(sample_features.shape[1], len(real))
    if few <= real.shape[1]:
        warnings.warn(
            f"{few} samples of {real.shape[1]} features have a singular covariance, and the distance is too large; "
            "draw more.",
            stacklevel=2,
        )
    target_moments = real.mean(0), real.T.cov()
    return torch.stack(
        [
            gaussian_frechet(seed_features.mean(0), seed_features.T.cov(), *target_moments)
            for seed_features in sample_features
        ]
    )


def gaussian_frechet(mean_1: Tensor, covariance_1: Tensor, mean_2: Tensor, covariance_2: Tensor) -> Tensor:
    """The squared Wasserstein-2 distance of two Gaussians (Dowson and Landau, 1982), from [F] and [F, F] each.

    >>> one = torch.ones(1)
    >>> gaussian_frechet(0 * one, one[None], 3 * one, 4 * one[None])    # 3² + (2 - 1)²
    tensor(10., dtype=torch.float64)
    """
    m_1, cov_1, m_2, cov_2 = (
        torch.atleast_1d(numbers("means and covariances", value).cpu().double())
        for value in (mean_1, covariance_1, mean_2, covariance_2)
    )
    cov_1, cov_2 = (
        cov.reshape(len(mean), len(mean)) if cov.numel() == len(mean) ** 2 else cov
        for mean, cov in ((m_1, cov_1), (m_2, cov_2))
    )
    if m_1.ndim != 1 or m_2.shape != m_1.shape or not cov_1.shape == cov_2.shape == (len(m_1), len(m_1)):
        raise ValueError(
            f"two means [F] and covariances [F, F] are needed; got {[list(t.shape) for t in (m_1, cov_1, m_2, cov_2)]}."
        )
    # tr (S T)^½ = tr (S^½ T S^½)^½: symmetric, so that rounding makes no complex roots.
    eigenvalues, eigenvectors = torch.linalg.eigh(cov_1)
    root_of_cov_1 = eigenvectors * eigenvalues.clamp_min(0).sqrt() @ eigenvectors.T
    trace_of_root = torch.linalg.eigvalsh(root_of_cov_1 @ cov_2 @ root_of_cov_1).clamp_min(0).sqrt().sum()
    return ((m_1 - m_2).square().sum() + cov_1.trace() + cov_2.trace() - 2 * trace_of_root).clamp_min(0)


def precision_recall(samples: Any, data: Any, features: Features | None = None, k: int = 3) -> dict[str, Tensor]:
    """Share of samples within reach of the data, and of data within reach of the samples: [seeds] each, in [0, 1].

    A point is within reach of a set if it is no farther from one of its members than that member's ``k``-th nearest
    neighbour in the set (Kynkäänniemi et al., 2019), in ``features``, as for ``frechet_distance``. Both depend on k and
    on how many there are of each: quote them, and take as many samples as data. Raises ValueError for a k that is not
    below the number of samples and of data, and otherwise as ``frechet_distance`` does.

    >>> data = torch.arange(10.0)[:, None]
    >>> precision_recall(data[:5][None], data)    # what was generated is real, but not all that is real is generated
    {'precision': tensor([1.], dtype=torch.float64), 'recall': tensor([0.8000], dtype=torch.float64)}
    """
    k = check_int("k", k, least=1)
    sample_features, data_features = _features_of_both(samples, data, features, least=k + 1)
    centre = data_features.mean(0)  # small numbers have exact distances
    sample_features, data_features = sample_features - centre, data_features - centre
    data_radii = _neighbour_radii(data_features, k)
    precision = torch.stack([_share_within(one, data_features, data_radii) for one in sample_features])
    recall = torch.stack([_share_within(data_features, one, _neighbour_radii(one, k)) for one in sample_features])
    return {"precision": precision, "recall": recall}


def _features_of_both(samples: Any, data: Any, features: Features | None, least: int) -> tuple[Tensor, Tensor]:
    """Features of samples, [seeds, n, F], and of data, [m, F], float64."""
    x = numbers("data", as_floats(data.x) if isinstance(data, Examples) else data)
    drawn = numbers("samples", samples)
    if drawn.ndim == x.ndim:
        drawn = drawn.unsqueeze(0)
    if x.ndim < 2 or drawn.ndim != x.ndim + 1 or drawn.shape[2:] != x.shape[1:] or not len(drawn):
        raise ValueError(
            f"samples must be [seeds, n, ...] and data [m, ...] of one shape; got {list(drawn.shape)}, {list(x.shape)}."
        )
    if min(len(x), drawn.shape[1]) < least:
        raise ValueError(f"at least {least} samples and data are needed, got {drawn.shape[1]} and {len(x)}.")
    if features is None and x.ndim > 2:
        raise ValueError(
            f"examples of shape {list(x.shape[1:])} are compared in features: pass features=, a function to [n, F]; "
            "lambda x: x.flatten(1) compares pixels."
        )
    return torch.stack([_compute_features(one, features) for one in drawn]), _compute_features(x, features)


def _compute_features(examples: Tensor, features: Features | None) -> Tensor:
    """The features [n, F] of examples, float64 on the host, some at a time."""
    chunk_size = max(1, _CHUNK // (64 * math.prod(examples.shape[1:])))
    all_features = []
    for chunk in examples.split(chunk_size):
        with torch.no_grad():
            result = chunk if features is None else features(chunk)
        if not isinstance(result, Tensor) or result.ndim != 2 or len(result) != len(chunk):
            raise ValueError(f"features must give [{len(chunk)}, F] for as many examples, got {described(result)}.")
        all_features.append(result.cpu().double())
    return numbers("features", torch.cat(all_features))


def _distances(rows_a: Tensor, rows_b: Tensor) -> Tensor:
    """[n, m]. By products of matrices, which are less exact, only where there are many features."""
    is_exact = rows_a.shape[1] <= 64
    return torch.cdist(rows_a, rows_b, compute_mode=f"{'donot_' if is_exact else ''}use_mm_for_euclid_dist")


def _neighbour_radii(features: Tensor, k: int) -> Tensor:
    """The distance of each point to its k-th nearest neighbour, [n]; the nearest of all is the point itself."""
    chunks = features.split(max(1, _CHUNK // len(features)))
    return torch.cat([_distances(chunk, features).kthvalue(k + 1, dim=1).values for chunk in chunks])


def _share_within(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """The share of points that lie within the radius of some member."""
    chunks = points.split(max(1, _CHUNK // len(centres)))
    return torch.cat([(_distances(chunk, centres) <= radii).any(1) for chunk in chunks]).double().mean()
