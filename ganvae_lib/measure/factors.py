"""What a code knows of the true factors: mutual information, and the mutual information gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import whole
from ..models.inputs import numbers

__all__ = ["Gap", "mutual_information", "mutual_information_gap"]


def _bins(v: Tensor, bins: int) -> tuple[Tensor, int]:
    """The number of the bin of each value, and how many there are. Integers are their own bins."""
    bins = whole("bins", bins, least=1)
    v = numbers("values for mutual information", v).cpu().contiguous()
    if v.ndim != 1 or not len(v):
        raise ValueError(f"mutual information needs one value for each example, not the shape {tuple(v.shape)}.")
    if v.is_floating_point():
        # bins of equal counts, so that a monotone change of v changes nothing; equal values share a bin
        ranked = v.double().sort().values
        edge_ranks = torch.arange(1, bins) * len(v) // bins
        v = torch.bucketize(v.double(), ranked[edge_ranks].unique(), right=True)
    values, bin_index = v.unique(return_inverse=True)
    return bin_index, len(values)


def _entropy(bin_index: Tensor, count: int) -> Tensor:
    """-Σ p log p in nats, p the frequencies of ``count`` bins."""
    p = torch.bincount(bin_index, minlength=count).double() / len(bin_index)
    return -torch.xlogy(p, p).sum()


def mutual_information(a: Tensor, b: Tensor, bins: int = 20) -> float:
    """I(a; b) in nats of two columns [N], from the frequencies of their bins: H(a) + H(b) - H(a, b).

    Integers are discrete; other numbers fall into ``bins`` bins with equal counts, which loses what differs within a
    bin. The estimate is biased upwards: for independent a and b its mean is about (A - 1)(B - 1)/(2 N), where A and B
    count the bins (Miller, 1955). Raises ValueError for columns that are empty, not finite or of two lengths.

    >>> a = torch.tensor([0, 0, 1, 1])
    >>> round(mutual_information(a, a), 4), mutual_information(a, torch.tensor([0, 1, 0, 1]))
    (0.6931, 0.0)
    """
    a, count_a = _bins(a, bins)
    b, count_b = _bins(b, bins)
    if len(a) != len(b):
        raise ValueError(f"mutual information needs pairs; got {len(a)} and {len(b)} values.")
    pair_index = a * count_b + b  # a number for each pair of bins
    joint_entropy = _entropy(pair_index, count_a * count_b)
    return max(0.0, float(_entropy(a, count_a) + _entropy(b, count_b) - joint_entropy))


@dataclass(frozen=True)
class Gap:
    """The mutual information gap ``mig``, the mean of ``gaps``, and what it is made of."""

    mig: float
    gaps: dict[str, float]  # (best - second best code)/H(factor), for every factor that varies
    best: dict[str, str]  # the code that knows most of each factor that varies
    factors: tuple[str, ...]
    information: Tensor  # I(code; factor) in nats, [factors, codes], float64
    entropy: Tensor  # H(factor), [factors]


def mutual_information_gap(codes: Tensor | Mapping[str, Tensor], factors: Mapping[str, Tensor], bins: int = 20) -> Gap:
    """Mean over factors v of (I(c₁; v) - I(c₂; v))/H(v), c₁ and c₂ the codes that know most of v (Chen et al., 2018).

    codes: [N, K], or a dict of columns [N], which may mix continuous and discrete ones. factors: columns [N], such as
    ``data.factors``; those that are constant are left out. Information is ``mutual_information`` with ``bins``: 1 if
    each factor is known exactly by one code and by no other, about 0 if no code knows it or two know it equally well.
    Raises ValueError if nothing varies or lengths differ.

    >>> v = {"a": torch.arange(1000.0), "b": torch.arange(1000.0) * 37 % 1000}
    >>> gap = mutual_information_gap(torch.stack([v["a"].square(), -v["b"]], 1), v)
    >>> gap.best, gap.mig > 0.9
    ({'a': '0', 'b': '1'}, True)
    """
    if not isinstance(codes, Mapping):
        codes = numbers("codes", codes)
        if codes.ndim != 2:
            raise ValueError(f"codes must be [N, K] or a dict of columns, not a tensor of shape {tuple(codes.shape)}.")
        codes = {str(i): column for i, column in enumerate(codes.unbind(1))}
    if not codes or not isinstance(factors, Mapping) or not factors:
        raise ValueError("the gap needs at least one code and one factor; data.glyphs gives data with factors.")
    rows = [[mutual_information(code, factor, bins) for code in codes.values()] for factor in factors.values()]
    information = torch.tensor(rows, dtype=torch.float64)
    entropy = torch.stack([_entropy(*_bins(factor, bins)) for factor in factors.values()])
    if not (entropy > 0).any():
        raise ValueError("no factor varies, so there is nothing to know.")
    nothing = torch.zeros(len(factors), 1)  # where there is one code only, the second best knows nothing
    best_two = torch.cat([information, nothing], 1).topk(2, dim=1).values
    code_names = list(codes)
    varying = [(i, name) for i, name in enumerate(factors) if entropy[i] > 0]
    gaps = {name: float((best_two[i, 0] - best_two[i, 1]) / entropy[i]) for i, name in varying}
    best = {name: code_names[int(information[i].argmax())] for i, name in varying}
    return Gap(sum(gaps.values()) / len(gaps), gaps, best, tuple(factors), information, entropy)
