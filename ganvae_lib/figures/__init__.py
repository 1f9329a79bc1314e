"""Figures in one visual language: style, plots, graphs of objectives, tables."""

from .graph import schematic
from .plots import curves, density, images, scatter
from .student import half_width
from .style import COLOR, INK, PAPER, STYLE, style
from .table import Table

__all__ = [
    "COLOR",
    "INK",
    "PAPER",
    "STYLE",
    "Table",
    "curves",
    "density",
    "half_width",
    "images",
    "scatter",
    "schematic",
    "style",
]
