"""The algebra of objectives: spaces, tools, terms, sums of terms, and operators on them."""

from ..distributions.sample import free_energy
from ..figures.formula import GREEK, Writer, plain
from .algebra import Objective, Phase, Sum
from .contract import TERMS, TOOLS, Samples, Term, Tool, from_dict, to_dict
from .links import LINKS, Link
from .operators import Bound, adversary_activated, given, importance_weighted, semi_supervised, swapped
from .spaces import BOTH, SPACES, Space
from .terms import Classify, Match, Reconstruct, Unpredictable
from .tools import KL, MMD, Adversary, Likelihood, Summaries

__all__ = [
    "Adversary",
    "BOTH",
    "Bound",
    "Classify",
    "GREEK",
    "KL",
    "LINKS",
    "Likelihood",
    "Link",
    "MMD",
    "Match",
    "Objective",
    "Phase",
    "Reconstruct",
    "SPACES",
    "Samples",
    "Space",
    "Sum",
    "Summaries",
    "TERMS",
    "TOOLS",
    "Term",
    "Tool",
    "Unpredictable",
    "Writer",
    "adversary_activated",
    "free_energy",
    "from_dict",
    "given",
    "importance_weighted",
    "plain",
    "semi_supervised",
    "swapped",
    "to_dict",
]
