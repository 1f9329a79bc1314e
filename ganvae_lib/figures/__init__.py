"""Figures in one visual language: style, plots, graphs of objectives, formulas, tables."""

from .formula import GREEK, Writer, plain
from .graph import schematic
from .plots import curves, density, images, scatter
from .style import COLOR, INK, PAPER, STYLE, style
from .table import Table
