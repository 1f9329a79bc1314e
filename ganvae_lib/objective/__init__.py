"""The algebra of objectives: spaces, tools, terms, sums of terms, and operators on them."""

from .algebra import Objective, Phase, Sum, Term
from .bound import Bound, free_energy
from .formula import GREEK, plain, told
from .links import LINKS, LOGISTIC, REVERSIBLE, Link
from .operators import adversary_activated, given, importance_weighted, semi_supervised, swapped
from .spaces import BOTH, SPACES, SWAP, Space
from .terms import Classify, Match, Reconstruct, Unpredictable, from_dict, to_dict
from .tools import KL, MMD, TOOLS, Adversary, Likelihood, Samples, Summaries

__all__ = [
    "Adversary",
    "BOTH",
    "Bound",
    "Classify",
    "GREEK",
    "KL",
    "LINKS",
    "LOGISTIC",
    "Likelihood",
    "Link",
    "MMD",
    "Match",
    "Objective",
    "Phase",
    "REVERSIBLE",
    "Reconstruct",
    "SPACES",
    "SWAP",
    "Samples",
    "Space",
    "Sum",
    "Summaries",
    "TOOLS",
    "Term",
    "Unpredictable",
    "adversary_activated",
    "free_energy",
    "from_dict",
    "given",
    "importance_weighted",
    "plain",
    "semi_supervised",
    "swapped",
    "to_dict",
    "told",
]
