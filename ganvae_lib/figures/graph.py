"""The graph of an objective: who makes which variable from which, and who compares it with what."""

from __future__ import annotations

from typing import Any, NamedTuple

from .style import COLOR, INK, PAPER

__all__ = ["schematic"]

_OBSERVED = "#D6E6F5"
_LINE_STYLE = {"theta": "-", "eta": "--", "phi": ":"}
# Lengths are in units of the axes, one of which is about an inch of the figure.
_COMPARISON_HEIGHT = 1.15  # the height of the nodes that compare, above the row of the variables
_NODE_X = {"z": 0.0, "x": 2.0}  # the abscissae of the variables,
_RETURNED_X = {r"\hat x": 2.95, r"\hat z": -0.95}  # of what comes back from a round trip,
_REMARK_X = {"x": 2.45, "z": -0.45}  # and of the remark under it
_NODE_RADIUS = 0.17  # of a node
_DENOISERS = (("denoiser_x", "x", "theta"), ("denoiser_z", "z", "eta"), ("denoiser_code", "z", "theta"))

Nodes = dict[str, tuple[float, float, str, Any]]  # by name: x, y, its letter, its colour (or those of its two halves)


class _Comparison(NamedTuple):
    """What stands above the graph: over these letters, with a letter and a label of its own."""

    seen: tuple[str, ...]
    letter: str
    label: str
    discriminates: bool

    @property
    def anchor(self) -> float:
        """Above the middle of what is compared."""
        below = [_NODE_X[letter] for letter in self.seen if letter in _NODE_X] or [1.0]  # or in the middle
        return sum(below) / len(below)


def schematic(objective: Any, ax: Any = None) -> Any:
    """The graph of an objective: solid arrows generate (theta), dashed arrows infer (eta), dotted ones are phi's.

    The shaded node is observed, a half-shaded one in some examples only; y says whether a sample is the target's or
    the model's. x̂ is what comes back from a round trip, ẑ is the prediction of one unit of a code from the others
    where it stands above z; x̃ and z̃ have noise on them. A square ≈ compares by samples without a discriminator. With
    features, as in chapter 06, z is an example of either domain, x its features, t its label and y its domain. Returns
    the axes.
    """
    networks = objective.networks
    if "features" in networks:
        return _draw_domains(objective, ax)
    comparisons = _comparisons(objective)
    # The variables that are reconstructed within the discriminator.
    hidden = sorted({term.space for term in objective.terms if getattr(term, "within", None)})
    compared = {letter for comparison in comparisons.values() for letter in comparison.seen}
    returned = [letter for variable in ("x", "z") if (letter := rf"\hat {variable}") in compared or variable in hidden]
    has_labels = bool(objective.conditional) or "labeller" in networks
    nodes = _place_nodes(objective, comparisons, returned, has_labels)
    x_positions = [x for x, *_ in nodes.values()]
    if "z" not in nodes:
        x_positions.append(0.6)  # where the arrow of a density begins
    if "density_code" in networks:
        x_positions.append(-0.9)
    xlim = (min(x_positions) - 0.6, max(x_positions) + 0.6)
    ylim = (-1.35 if has_labels else -0.75, 1.8 if comparisons else 0.75)  # room for t below, for comparisons above
    ax = _prepare_axes(ax, xlim, ylim)
    _draw_makers(ax, nodes, objective)
    for letter in returned:
        _draw_round_trip(ax, nodes, letter)
    for name, comparison in comparisons.items():
        _draw_comparison(ax, nodes, name, comparison, name in objective.conditional)
    for variable in hidden:
        remark = rf"$h_\phi({variable})\approx h_\phi(\hat {variable})$"
        _write_label(ax, _REMARK_X[variable], -0.48, remark, "phi")
    _draw_nodes(ax, nodes)
    return ax


def _comparisons(objective: Any) -> dict[str, _Comparison]:
    """What compares: discriminators by their names, and what compares by samples without one."""
    comparisons: dict[str, _Comparison] = {}
    for term in objective.terms:
        if not term.compared:
            continue
        name = term.discriminator if term.adversarial else f"same {term!r}"
        seen_before = comparisons[name].seen if name in comparisons else ()  # by another term of that discriminator
        compared_letters = tuple(dict.fromkeys((*seen_before, *term.compared)))
        letter, label = term.answer
        comparisons[name] = _Comparison(compared_letters, letter, label, term.adversarial)
    return comparisons


def _place_nodes(objective: Any, comparisons: dict[str, _Comparison], returned: list[str], has_labels: bool) -> Nodes:
    """Every node with its place: variables in a row, comparisons above it, a label below."""
    nodes: Nodes = {"z": (_NODE_X["z"], 0.0, "z", PAPER), "x": (_NODE_X["x"], 0.0, "x", _OBSERVED)}
    if not {"decoder", "encoder", "denoiser_z"} & set(objective.networks):  # a density of its own
        del nodes["z"]
    for network, variable, _ in _DENOISERS:
        if network in objective.networks:  # from noise; in the place of z, or beyond the variable
            place = _NODE_X["z"] if (variable, "z" in nodes) == ("x", False) else _RETURNED_X[rf"\hat {variable}"]
            nodes[rf"\tilde {variable}"] = (place, 0.0, rf"\tilde {variable}", PAPER)
    for letter in returned:
        nodes[letter] = (_RETURNED_X[letter], 0.0, letter, PAPER)
    names_from_left = sorted(comparisons, key=lambda name: comparisons[name].anchor)
    x_positions: list[float] = []  # each above what it compares, but at least 1 to the right of the one before
    for name in names_from_left:
        anchor = comparisons[name].anchor
        x_positions.append(max(anchor, x_positions[-1] + 1.0) if x_positions else anchor)
    # All of them back to the left, so that on average they stand above what they compare.
    shift = sum(comparisons[name].anchor - x for name, x in zip(names_from_left, x_positions, strict=True))
    shift = shift / max(1, len(names_from_left))
    for name, x in zip(names_from_left, x_positions, strict=True):
        nodes[name] = (x + shift, _COMPARISON_HEIGHT, comparisons[name].letter, PAPER)
    if has_labels:
        some_unlabelled = "other" in objective.reads
        nodes["t"] = (1.0, -1.0, "t", (_OBSERVED, PAPER) if some_unlabelled else _OBSERVED)
    return nodes


def _draw_makers(ax: Any, nodes: Nodes, objective: Any) -> None:
    """Who makes which variable from which."""
    networks, conditional = objective.networks, objective.conditional
    curvature = -0.28 if {"decoder", "encoder"} <= set(networks) else 0.0  # two arrows bow away from each other
    for network, start, end, player, label in (
        ("decoder", "z", "x", "theta", r"$p_\theta(x|z)$"),
        ("encoder", "x", "z", "eta", r"$q_\eta(z|x)$"),
    ):
        if network in networks:
            label = label.replace(")", ",t)") if network in conditional else label
            _draw_arrow(ax, nodes[start][:2], nodes[end][:2], player, curvature)
            side = 1 if player == "theta" else -1  # each label stands outside the bow of its arrow: above or below
            _write_label(ax, 1.0, side * (0.27 + 0.65 * abs(curvature)), label, player)
    for network, variable in (("density", "x"), ("density_code", "z")):
        if network in networks:
            x_position = nodes[variable][0]
            _draw_arrow(ax, (x_position - 1.5, 0.0), (x_position, 0.0), "theta", 0.0)
            _write_label(ax, x_position - 0.8, 0.27, rf"$p_\theta({variable})$", "theta")
    for network, variable, player in _DENOISERS:
        if network in networks:
            noisy, clean = nodes[rf"\tilde {variable}"][:2], nodes[variable][:2]
            _draw_arrow(ax, noisy, clean, player, 0.0)
            label = rf"$\hat {variable}_\{player}(\tilde {variable},\tau)$"
            label = label.replace(")", ",t)") if network in conditional else label
            _write_label(ax, (noisy[0] + clean[0]) / 2, -0.42, label, player)
    for network, end, player in (("decoder", "x", "theta"), ("encoder", "z", "eta"), *_DENOISERS):
        if network in conditional:
            _draw_arrow(ax, nodes["t"][:2], nodes[end][:2], player, 0.0)
    if "labeller" in networks:
        _draw_arrow(ax, nodes["x"][:2], nodes["t"][:2], "eta", -0.35)
        _write_label(ax, 1.95, -0.85, r"$q_\eta(t|x)$", "eta")


def _draw_round_trip(ax: Any, nodes: Nodes, letter: str) -> None:
    """The way from a variable to what comes back of it: one player's half, then the other's."""
    variable = letter.removeprefix(r"\hat ")
    start, end = nodes[variable][0], nodes[letter][0]
    first_player, second_player = ("eta", "theta") if variable == "x" else ("theta", "eta")
    direction = 1 if end > start else -1
    middle = (start + end) / 2
    half_way = (start + _NODE_RADIUS * direction, middle)
    ax.plot(half_way, (0, 0), color=COLOR[first_player], linewidth=1.8, linestyle=_LINE_STYLE[first_player])
    _draw_arrow(ax, (middle, 0.0), (end, 0.0), second_player, 0.0, gap=0)


def _draw_comparison(ax: Any, nodes: Nodes, name: str, comparison: _Comparison, conditional: bool) -> None:
    """Dotted arrows to a discriminator, or double lines to what compares by samples, and the label above."""
    x, y = nodes[name][:2]
    compared_names = (*comparison.seen, "t") if conditional else comparison.seen
    for compared_name in (
        name for name in compared_names if name in nodes
    ):  # a space of one's own may see what the graph does not show
        if comparison.discriminates:
            _draw_arrow(ax, nodes[compared_name][:2], (x, y), "phi", 0.0)
        else:
            _double_line(ax, (nodes[compared_name][0], x), (0, y))
    _write_label(ax, x, y + 0.38, comparison.label, "phi" if comparison.discriminates else "")


def _prepare_axes(ax: Any, xlim: tuple[float, float], ylim: tuple[float, float]) -> Any:
    import matplotlib.pyplot as plt

    if ax is None:
        width, height = xlim[1] - xlim[0], ylim[1] - ylim[0]
        _, ax = plt.subplots(figsize=(1.0625 * width, height))
    ax.set(xlim=xlim, ylim=ylim)
    ax.set_axis_off()
    return ax


def _draw_arrow(ax: Any, start: Any, end: Any, player: str, bend: float, gap: float = 13) -> None:
    from matplotlib.patches import FancyArrowPatch

    # It ends 13 points before the middle of a node, at its edge, and begins ``gap`` points after its start.
    head: dict[str, Any] = dict(arrowstyle="-|>", mutation_scale=13, shrinkA=gap, shrinkB=13)
    line: dict[str, Any] = dict(linewidth=1.8, linestyle=_LINE_STYLE[player], color=COLOR[player])
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **head, **line))


def _double_line(ax: Any, x: tuple[float, float], y: tuple[float, float]) -> None:
    """A double line: a thick one in ink, and a thinner one in the colour of the paper on it."""
    for color, width in ((INK, 4.5), (PAPER, 2.3)):
        ax.plot(x, y, color=color, linewidth=width, linestyle="-", zorder=1)


def _write_label(ax: Any, x: float, y: float, text: str, player: str = "", ha: str = "center") -> None:
    """What an arrow is, in its player's colour, on paper of its own: another arrow passes behind it."""
    background_box = dict(facecolor=ax.figure.get_facecolor(), edgecolor="none", pad=0.5)
    ax.text(x, y, text, color=COLOR.get(player, INK), ha=ha, va="center", bbox=background_box)


def _draw_nodes(ax: Any, nodes: Nodes) -> None:
    for name, (x, y, text, face_colour) in nodes.items():
        shape, size = ("s", 20) if name.startswith("same") else ("o", 25)  # a square or a circle, in points
        marker = dict(marker=shape, markersize=size, zorder=3)
        if isinstance(face_colour, tuple):
            left, right = face_colour
            half_fill = dict(fillstyle="left", markerfacecolor=left, markerfacecoloralt=right, markeredgecolor="none")
            ax.plot(x, y, **marker, **half_fill)
            face_colour = "none"
        ax.plot(x, y, markerfacecolor=face_colour, markeredgecolor=INK, markeredgewidth=1.2, **marker)
        ax.text(x, y, f"${text}$", ha="center", va="center", zorder=4, fontsize=12)


def _draw_domains(objective: Any, ax: Any) -> Any:
    """The graph of features, with or without a classifier and a comparison of the domains."""
    match_term = next((term for term in objective.terms if term.space == "features"), None)
    # The features are the one thing that nobody observes.
    nodes: Nodes = {"z": (0.0, 0.0, "z", _OBSERVED), "x": (1.8, 0.0, "x", PAPER)}
    if "classifier" in objective.networks:
        nodes["t"] = (3.6, 0.0, "t", _OBSERVED)
    if match_term and match_term.adversarial:
        nodes["y"] = (1.8, _COMPARISON_HEIGHT, "y", _OBSERVED)
    elif match_term:
        nodes["same"] = (1.8, _COMPARISON_HEIGHT, r"\approx", PAPER)
    ax = _prepare_axes(ax, (-0.5, 4.1), (-0.5, 1.55 if match_term else 0.5))
    arrows = [
        ("z", "x", "theta", r"$x=G_\theta(z)$", (0.9, 0.3)),
        ("x", "t", "theta", r"$p_\theta(t|x)$", (2.7, 0.3)),
        ("x", "y", "phi", r"$q_\phi(y|x)$", (2.3, 0.65)),
    ]
    for start, end, player, label, label_position in arrows:
        if end in nodes:
            _draw_arrow(ax, nodes[start][:2], nodes[end][:2], player, 0.0)
            _write_label(ax, *label_position, label, player)
    if match_term and "same" in nodes:
        _double_line(ax, (1.8, 1.8), (0, _COMPARISON_HEIGHT))
        _write_label(ax, 2.05, 0.65, match_term.title, ha="left")
    _draw_nodes(ax, nodes)
    return ax
