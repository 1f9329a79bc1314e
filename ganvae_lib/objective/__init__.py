"""The algebra of objectives: spaces, tools, terms, sums of terms, and operators on them."""

from ..distributions.paths import WEIGHTS, Weight
from ..distributions.sample import free_energy
from ..distributions.spaces import SPACES, Space
from ..figures.formula import GREEK, Writer, plain
from .algebra import Objective, Phase
from .contract import TERMS, TOOLS, Term, Tool
from .denoising import Denoise, Distill
from .further import MMD, Classify, Quantise, Summaries, Unpredictable
from .links import LINKS, Link
from .operators import (
    Bound,
    adversary_activated,
    from_dict,
    given,
    importance_weighted,
    semi_supervised,
    swapped,
    to_dict,
)
from .terms import Match, Reconstruct
from .tools import KL, Adversary, Likelihood

__all__ = [
    "Adversary",
    "Bound",
    "Classify",
    "Denoise",
    "Distill",
    "GREEK",
    "KL",
    "LINKS",
    "Likelihood",
    "Link",
    "MMD",
    "Match",
    "Objective",
    "Phase",
    "Quantise",
    "Reconstruct",
    "SPACES",
    "Space",
    "Summaries",
    "TERMS",
    "TOOLS",
    "Term",
    "Tool",
    "Unpredictable",
    "WEIGHTS",
    "Weight",
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
