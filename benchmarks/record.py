"""What every file in ``results/`` has in common: the machine, the versions, intervals, and a safe way to write."""

from __future__ import annotations

from pathlib import Path

import torch

from ganvae_lib.experiments import record as records
from ganvae_lib.experiments.record import environment
from ganvae_lib.measure.intervals import summary

__all__ = ["RESULTS", "difference", "environment", "picture", "summary", "write"]

RESULTS = Path(__file__).resolve().parent.parent / "results"


def difference(a, b) -> dict:
    """Mean of a minus mean of b with Welch's 95 % interval; ``agree`` when it holds 0. Constants have width 0."""
    from scipy.stats import t

    a, b = (torch.tensor([float(v) for v in values], dtype=torch.float64) for values in (a, b))
    va, vb = a.var() / len(a), b.var() / len(b)
    half = 0.0
    if va + vb > 0:
        freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
        half = float(t.ppf(0.975, freedom.item()) * (va + vb).sqrt())
    mean = (a.mean() - b.mean()).item()
    return {"mean": round(mean, 4), "half_width_95": round(half, 4), "agree": abs(mean) <= half}


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
