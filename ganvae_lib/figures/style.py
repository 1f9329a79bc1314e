"""One visual language: a colour and a line for each mathematical object, others for the rest; the style of figures."""

import sys

from .cells import explain

__all__ = ["COLOR", "INK", "CYCLE_STYLES", "OBJECT_STYLES", "PAPER", "STYLE", "style"]

#: The book's objects, each in a colour that nothing else has.
OBJECT_STYLES = {
    "data": ("#1B79C4", "-"),
    "theta": ("#C8510A", "--"),
    "eta": ("#08875F", "-."),
    "phi": ("#B0469F", ":"),
    "prior": ("#767676", (0, (8, 3))),
}
#: The default cycle, for whatever else stands side by side: links, settings, parts of a loss.
CYCLE_STYLES = {
    "first": ("#33373D", "-"),
    "second": ("#8F6B00", "--"),
    "third": ("#6A4BB5", "-."),
    "fourth": ("#6B3E26", ":"),
}
COLOR = {key: color for key, (color, _) in (OBJECT_STYLES | CYCLE_STYLES).items()}

#: Ready for ``axes.plot(x, y, **STYLE["theta"])``.
STYLE = {key: {"color": color, "linestyle": line} for key, (color, line) in (OBJECT_STYLES | CYCLE_STYLES).items()}

#: Figures carry their own paper: almost white, so that they read alike on a light and on a dark page.
PAPER, INK = "#FCFCFA", "#33373D"


def style() -> None:
    """Set the book's matplotlib defaults; every chapter calls it once, before its first figure.

    In Jupyter a NameError and a failed assert of a cell then say more: see ``figures.cells``.
    """
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "figure.figsize": (6.8, 3.0),
            "figure.dpi": 130,
            "figure.constrained_layout.use": True,
            "figure.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "mathtext.fontset": "cm",
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "grid.color": "#E3E3DE",
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "legend.handlelength": 2.8,
            "image.cmap": "gray_r",
            "axes.prop_cycle": cycler(color=[color for color, _ in CYCLE_STYLES.values()])
            + cycler(linestyle=[line for _, line in CYCLE_STYLES.values()]),
        }
    )
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        explain(shell)
