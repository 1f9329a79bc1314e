"""What a code knows of the true factors: mutual information, and the mutual information gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import check_int
from ..models.inputs import numbers

__all__ = ["Gap", "mutual_information", "mutual_information_gap"]


def _bins(column: Tensor, bins: int) -> tuple[Tensor, int]:
    """The number of the bin of each value, and how many there are. Integers are their own bins."""
    bins = check_int("bins", bins, least=1)
    column = numbers("values for mutual information", column).cpu().contiguous()
    if column.ndim != 1 or not len(column):
        raise ValueError(f"mutual information needs one value for each example, not the shape {tuple(column.shape)}.")
    if column.is_floating_point():
        # bins of equal counts, so that a monotone change of v changes nothing; equal values share a bin
        sorted_values = column.double().sort().values
        edge_ranks = torch.arange(1, bins) * len(column) // bins
        column = torch.bucketize(column.double(), sorted_values[edge_ranks].unique(), right=True)
    values, bin_index = column.unique(return_inverse=True)
    return bin_index, len(values)


def _entropy(bin_index: Tensor, n_bins: int) -> Tensor:
    """-Σ p log p in nats, p the frequencies of ``n_bins`` bins."""
    frequencies = torch.bincount(bin_index, minlength=n_bins).double() / len(bin_index)
    return -torch.xlogy(frequencies, frequencies).sum()


def mutual_information(a: Tensor, b: Tensor, bins: int = 20) -> float:
    """I(a; b) in nats of two columns [N], from the frequencies of their bins: H(a) + H(b) - H(a, b).

    Integers are discrete; other numbers fall into ``bins`` bins with equal counts, which loses what differs within a
    bin. The estimate is biased upwards: for independent a and b its mean is about (A - 1)(B - 1)/(2 N), where A and B
    count the bins (Miller, 1955). Raises ValueError for columns that are empty, not finite or of two lengths.

    >>> a = torch.tensor([0, 0, 1, 1])
    >>> round(mutual_information(a, a), 4), mutual_information(a, torch.tensor([0, 1, 0, 1]))
    (0.6931, 0.0)
    """
    a, n_bins_a = _bins(a, bins)
    b, n_bins_b = _bins(b, bins)
    if len(a) != len(b):
        raise ValueError(f"mutual information needs pairs; got {len(a)} and {len(b)} values.")
    pair_index = a * n_bins_b + b  # a number for each pair of bins
    joint_entropy = _entropy(pair_index, n_bins_a * n_bins_b)
    return max(0.0, float(_entropy(a, n_bins_a) + _entropy(b, n_bins_b) - joint_entropy))


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
        codes = {str(index): column for index, column in enumerate(codes.unbind(1))}
    if not codes or not isinstance(factors, Mapping) or not factors:
        raise ValueError("the gap needs at least one code and one factor; data.glyphs gives data with factors.")
    rows = [[mutual_information(code, factor, bins) for code in codes.values()] for factor in factors.values()]
    information = torch.tensor(rows, dtype=torch.float64)
    entropy = torch.stack([_entropy(*_bins(factor, bins)) for factor in factors.values()])
    if not (entropy > 0).any():
        raise ValueError("no factor varies, so there is nothing to know.")
    zero_column = torch.zeros(len(factors), 1)  # where there is one code only, the second best knows nothing
    best_two = torch.cat([information, zero_column], 1).topk(2, dim=1).values
    code_names = list(codes)
    varying_factors = [(index, name) for index, name in enumerate(factors) if entropy[index] > 0]
    gaps = {name: float((best_two[index, 0] - best_two[index, 1]) / entropy[index]) for index, name in varying_factors}
    best_code = {name: code_names[int(information[index].argmax())] for index, name in varying_factors}
    return Gap(sum(gaps.values()) / len(gaps), gaps, best_code, tuple(factors), information, entropy)
