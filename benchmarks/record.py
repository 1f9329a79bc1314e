"""What every file in ``results/`` has in common: the machine, the versions, intervals, and a safe way to write."""

from __future__ import annotations

from pathlib import Path

from ganvae_lib.experiments import record as records
from ganvae_lib.experiments.record import environment
from ganvae_lib.measure.intervals import difference, summary

__all__ = ["RESULTS", "difference", "environment", "picture", "summary", "write"]

RESULTS = Path(__file__).resolve().parent.parent / "results"


def write(name: str, content: dict) -> Path:
    """Write ``results/<name>.json``, beside its final name first."""
    return records.write(RESULTS / f"{name}.json", content)


def picture(name: str, panels: list, columns: list[int], width: float = 6.8, height: float = 3.4) -> Path:
    """Save ``results/<name>.png``: (title, images) side by side, in the book's style."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ganvae_lib import draw

    draw.style()
    figure, axes = plt.subplots(1, len(panels), figsize=(width, height))
    for ax, (title, x), n in zip([axes] if len(panels) == 1 else axes, panels, columns, strict=True):
        draw.images(x, columns=n, title=title, ax=ax)
    path = RESULTS / f"{name}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
