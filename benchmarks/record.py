"""What every file in ``results/`` has in common: the machine, the versions, intervals, and a safe way to write."""

from __future__ import annotations

import json
import math
import os
import platform
from pathlib import Path

import torch

from ganvae_lib import interval

RESULTS = Path(__file__).resolve().parent.parent / "results"


def environment() -> dict:
    """Versions and processor; no names of hosts or folders."""
    import numpy

    card = {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__,
            "threads": torch.get_num_threads(), "device": "cpu",
            "processor": platform.processor() or platform.machine()}  # fmt: skip
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        entries = {key.strip(): value.strip() for key, value in lines.items()}
        flags = entries.get("flags", "").split()
        card["processor"] = entries.get("model name", card["processor"])
        card["instructions"] = [f for f in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    if torch.cuda.is_available():
        card["gpu"] = torch.cuda.get_device_name()
    return card


def summary(values) -> dict:
    """Values by seed, their mean, and the half-width of the 95 % t interval."""
    values = [float(v) for v in values]
    mean, half = interval(torch.tensor(values, dtype=torch.float64))
    return {"values": [round(v, 4) for v in values], "mean": round(mean, 4),
            "half_width_95": None if math.isnan(half) else round(half, 4)}  # fmt: skip


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
    """Write ``results/<name>.json`` beside its final name, then move it there."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
    return path


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
