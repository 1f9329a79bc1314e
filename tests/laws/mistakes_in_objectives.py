"""Sums, terms, tools and spaces that cannot be, and what is said of them."""

import math

from cases import X

from ganvae_lib import KL, MMD, Adversary, Bound, Classify, Match, Reconstruct, Summaries
from ganvae_lib.objective import from_dict

# (what raises, which error, words of its message)
MISTAKES = [
    (lambda: Adversary("non saturating"), ValueError, r"unknown link.*Did you mean 'non-saturating'\?"),
    (lambda: Adversary("KL", steps=-1), ValueError, "steps must be a whole number of at least 0, got -1"),
    (lambda: Adversary("KL", penalty=-1.0), ValueError, "penalty"),
    *[
        (
            lambda k=k: Adversary(k=k),
            ValueError,
            "k, a number of samples or 'batch', must be a whole number of at least 1, got",
        )
        for k in (0, -1, 2.5, "all")
    ],
    *[
        (lambda k=k: Bound(k), ValueError, "k, a number of samples, must be a whole number of at least 1, got")
        for k in (0, -3, 2.5, "batch", None)
    ],
    (
        lambda: Adversary("minimax", k=2),
        ValueError,
        "importance weights belong to the non-saturating link.*'minimax' has no",
    ),
    (lambda: Bound(inferred="class"), ValueError, "unknown thing to be inferred 'class'; choose one of None, 'label'"),
    (lambda: Bound(given="lable"), ValueError, "unknown thing to be given 'lable'.*Did you mean 'label'"),
    (lambda: Bound(given="label", inferred="label"), ValueError, "either given or inferred, not both"),
    (lambda: Bound(only=("phi",)), ValueError, "must be a tuple of players"),
    (lambda: Match("x", MMD(), given="label"), ValueError, "MMD sees no label; use KL or Adversary"),
    (lambda: Match("features", Adversary(), given="label"), ValueError, "the other domain has no labels"),
    (lambda: Reconstruct("x", within="discriminator", given="label"), ValueError, "cannot be told a label"),
    (lambda: Classify(seen="z"), ValueError, "unknown thing to classify by 'z'; choose one of 'features', 'x'"),
    (lambda: Match("y", KL()), ValueError, "unknown space 'y'"),
    (
        lambda: Match("x", "KL"),
        TypeError,
        r"must be one of Adversary\(\), (?:\w+\(\), )*KL\(\), Likelihood\(\), (?:\w+\(\), )*MMD\(\), (?:\w+\(\), )*Summaries\(\)",
    ),
    (lambda: Match("xz", Adversary("least squares")), ValueError, "link that can be reversed"),
    (lambda: Match("x again", KL()), ValueError, "only samples to compare"),
    (lambda: Match("x", MMD("cosine")), ValueError, "unknown kernel"),
    (lambda: Match("x", MMD(scales=(0,))), ValueError, "scales must be positive"),
    (lambda: Match("x", Summaries(("median",))), ValueError, "unknown statistic"),
    (lambda: Reconstruct("x", within="decoder"), ValueError, "unknown place"),
    (lambda: Reconstruct("X"), ValueError, "unknown variable 'X'.*Did you mean 'x'"),
    (lambda: 0 * X, ValueError, "finite and not zero"),
    (lambda: math.nan * X, ValueError, "finite and not zero"),
    (lambda: X - X, ValueError, "finite and not zero"),
    (lambda: Reconstruct("x", only=("phi",)), ValueError, "must be a tuple of players"),
    (lambda: Reconstruct("x", only="theta"), ValueError, "must be a tuple of players"),
    (lambda: Match("x", KL(), only=("eta",)), ValueError, "must be a tuple of players"),
    (lambda: X + 1, TypeError, "unsupported operand"),
    (lambda: from_dict([{"term": "Mach"}]), ValueError, "unknown term 'Mach'.*Did you mean 'Match'"),
    (
        lambda: from_dict([{"term": "Match", "space": "x", "tool": {"name": "MDM"}}]),
        ValueError,
        "unknown tool 'MDM'.*'MMD'",
    ),
]
