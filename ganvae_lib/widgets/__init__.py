"""Figures to move: plain HTML, SVG and JavaScript that need no kernel, no network and no library.

A figure carries its own mathematics (``MATHS``), which the tests run in Node and compare with :mod:`exact` and
:mod:`lemmas`. The same figure is live in the built site, from ``file://``, and in Jupyter.
"""

from .compose import compose
from .directions import MATHS, two_directions
from .lemma import LEMMA_MATHS, lemma_1
from .noised import NOISED_MATHS, noised
from .page import Figure

__all__ = ["LEMMA_MATHS", "MATHS", "NOISED_MATHS", "Figure", "compose", "lemma_1", "noised", "two_directions"]
