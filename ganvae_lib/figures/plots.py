"""One visual language for every figure of the book.

A mathematical object keeps its colour and its line style wherever it appears: the data d, the generator theta, the
inference network eta, the discriminator phi, the prior. The style says again what the colour says, so figures also
read in grey and by colour-blind readers.
"""

import math
from typing import Any

from ..errors import check_int, described
from .style import COLOR, PAPER, STYLE

__all__ = ["curves", "density", "half_width", "images", "scatter"]


def _axes_or_current(ax: Any) -> Any:
    """These axes, or those at hand."""
    import matplotlib.pyplot as plt

    return plt.gca() if ax is None else ax


def _as_array(x: Any) -> Any:
    """Any tensor or nested list as a float NumPy array on the host."""
    import numpy as np

    try:
        return np.asarray(x.detach().float().cpu() if hasattr(x, "detach") else x, dtype=float)
    except (TypeError, ValueError, AttributeError):
        raise ValueError(f"what is drawn must be numbers, a tensor, an array or a list, not {described(x)}.") from None


def _one_per_series(value: Any, count: int) -> list[Any]:
    """One name, or none, for all series; or the list of names that was given."""
    return [value] * count if value is None or isinstance(value, str) else list(value)


def curves(history: Any, *terms: str, steps: Any = None, who: Any = None, label: Any = None, ax: Any = None) -> Any:
    """Draw learning curves: the mean over seeds and, with two seeds or more, its 95% t interval as a band.

    Args:
        history: a run's ``.history`` (term -> ``[n, K]``, with ``.steps``), or one array ``[n]`` or ``[n, K]``.
        terms: names of the terms to draw; all of them when none is given.
        steps: abscissae ``[n]``; by default ``history.steps``, or 0, 1, 2, ...
        who: key of :data:`COLOR`, an object or "first" to "fourth"; or one per term. By default the cycle of the style.
        label: name in the legend, or one per term; by default the term's own name.

    Returns the axes. Raises ``KeyError`` for an unknown term and ``ValueError`` for an array of the wrong shape.

    >>> ax = curves([[3.0, 2.0], [1.0, 2.0], [1.0, 1.0]], label="loss")    # three points, two seeds
    >>> ax.lines[0].get_ydata()
    array([2.5, 1.5, 1. ])
    """
    import numpy as np

    ax = _axes_or_current(ax)
    if hasattr(history, "keys"):
        for term in terms:
            if term not in history:
                raise KeyError(f"no term {term!r} in this history; it has {', '.join(history)}")
        steps = getattr(history, "steps", None) if steps is None else steps
        series = {term: history[term] for term in (terms or history)}
    else:
        series = {None: history}
    players, labels = _one_per_series(who, len(series)), _one_per_series(label, len(series))
    for (term, values), player, text in zip(series.items(), players, labels, strict=True):
        losses = _as_array(values)
        if losses.ndim not in (1, 2):
            raise ValueError(f"a curve has shape [n] or [n, seeds], not {list(losses.shape)}")
        losses = losses.reshape(len(losses), -1)
        x = np.arange(len(losses)) if steps is None else _as_array(steps)
        (line,) = ax.plot(x, losses.mean(1), label=text or term, **(STYLE[player] if player else {}))
        if (n_seeds := losses.shape[1]) > 1:
            error = half_width(losses.std(1, ddof=1) / n_seeds**0.5, n_seeds - 1)
            ax.fill_between(
                x, losses.mean(1) - error, losses.mean(1) + error, color=line.get_color(), alpha=0.18, linewidth=0
            )
    if any(text or term for term, text in zip(series, labels, strict=True)):
        ax.legend()
    return ax


def images(
    x: Any,
    columns: int | None = None,
    title: str | None = None,
    ax: Any = None,
    *,
    range: tuple[float, float] | None = None,
) -> Any:
    """Draw a grid of images, row by row; grey ones as ink on paper, with the largest value of their range black.

    Args:
        x: ``[N, H, W]``, ``[N, 1, H, W]``, ``[N, 3, H, W]``, or ``[N, D]`` with D a square number.
        columns: images per row; by default about as many columns as rows, wider than high.
        range: the values of paper and of ink; what lies outside is cut off. By default (-1, 1) for values that fill
            it, with some below -1/2 and none outside; (0, 255) for bytes and for values that end there; else (0, 1).

    Returns the axes. Raises ``ValueError`` when `x` cannot be read as images.

    >>> import numpy as np
    >>> images(np.zeros((6, 8, 8)), columns=3).images[0].get_array().shape    # a gap of one pixel between them
    (17, 26)
    """
    import numpy as np

    low, high = _image_range(x) if range is None else range
    x = (_as_array(x) - low) / (high - low)  # to become [N, channels, H, W], in [0, 1]
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        if side * side != x.shape[1]:
            raise ValueError(f"flat images of {x.shape[1]} pixels are not square: reshape them to [N, H, W]")
        x = x.reshape(len(x), side, side)
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not len(x):
        raise ValueError(f"images have shape [N, H, W], [N, 1 or 3, H, W] or [N, D], not {list(x.shape)}")
    count, channels, height, width = x.shape
    columns = None if columns is None else check_int("columns", columns)
    columns = min(count, columns or int(np.ceil((2 * count) ** 0.5)))  # twice as many columns as rows
    rows = math.ceil(count / columns)
    gap = max(1, height // 14)  # pixels between two images: 2 for those of MNIST
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.nan)
    for index, image in enumerate(x.clip(0, 1)):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)  # channels last
    ax = _axes_or_current(ax)
    if channels == 1:
        ax.imshow(sheet[..., 0], cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    else:
        ax.imshow(np.where(np.isnan(sheet), 1.0, sheet), interpolation="nearest")
    ax.set(title=title or "")
    ax.set_axis_off()
    return ax


def _image_range(pixels: Any) -> tuple[float, float]:
    """The range of images, as far as their values tell."""
    are_bytes = str(getattr(pixels, "dtype", "")).endswith("uint8")
    values = _as_array(pixels)
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    if are_bytes or (low >= 0 and 128 <= high <= 255):
        return 0.0, 255.0
    return (-1.0, 1.0) if -1.001 <= low < -0.5 and high <= 1.001 else (0.0, 1.0)


def scatter(
    samples: Any, toy: Any = None, who: str = "theta", size: float = 5, label: str | None = None, ax: Any = None
) -> Any:
    """Draw 2-D `samples` ``[N, 2]`` as points, over the contours of `toy`'s density when there is one.

    Returns the axes. Raises ``ValueError`` when the samples are not points of the plane.
    """
    x = _as_array(samples)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"a scatter needs samples of shape [N, 2], not {list(x.shape)}")
    ax = _axes_or_current(ax)
    if toy is not None:
        density(toy, ax=ax)
    # More points, fainter points: ink stays about the same.
    ax.scatter(*x.T, s=size, color=COLOR[who], alpha=max(0.08, min(0.8, 600 / len(x))), linewidths=0, label=label)
    ax.set_aspect("equal")
    return ax


def density(
    toy: Any, who: str = "data", extent: tuple[float, float] | None = None, label: str | None = None, ax: Any = None
) -> Any:
    """Draw the density of a toy world: a curve in one dimension, filled contours in two.

    Args:
        toy: has ``log_prob(x)`` and ``sample(n, seed)``; x is ``[N, D]``.
        extent: ``(lo, hi)`` of every axis; by default the range of 4,000 samples and a margin.

    Returns the axes.
    """
    import torch

    ax = _axes_or_current(ax)
    samples = toy.sample(4000, 0).double()
    on_a_line = samples.shape[-1] == 1
    low, high = extent or (float(samples.min()), float(samples.max()))
    margin = 0.0 if extent else 0.08 * (high - low)
    grid = torch.linspace(low - margin, high + margin, 600 if on_a_line else 240, dtype=torch.float64)
    if on_a_line:
        values = toy.log_prob(grid[:, None]).exp()
        ax.plot(grid, values, label=label, **STYLE[who])
        ax.fill_between(grid, values, color=COLOR[who], alpha=0.12, linewidth=0)
        return ax
    from matplotlib.colors import LinearSegmentedColormap

    x = torch.cartesian_prod(grid, grid)
    values = toy.log_prob(x).exp().reshape(len(grid), len(grid)).T  # matplotlib wants the second coordinate in rows
    # Equal steps in sqrt(p): a narrow high mode does not hide a broad low one.
    colour_map = LinearSegmentedColormap.from_list(who, [PAPER, COLOR[who]])
    levels = torch.linspace(0.06, 1, 9).double() * values.max().sqrt()  # below the lowest one the paper stays white
    ax.contourf(grid, grid, values.sqrt(), levels=levels.numpy(), cmap=colour_map, alpha=0.75)
    ax.set_aspect("equal")
    return ax


def half_width(standard_error: Any, freedom: float, level: float = 0.95) -> Any:
    """Half of the width of the t interval around an estimate, t s: a number, or an array like ``standard_error``.

    ``freedom`` counts the degrees of freedom: for the mean of n values n - 1.
    """
    from scipy.special import stdtrit  # the t quantile without the slow import of scipy.stats

    return stdtrit(freedom, (1 + level) / 2) * standard_error
