"""The graph of an objective: who makes which variable from which, and who compares it with what."""

from __future__ import annotations

from .style import COLOR, INK, PAPER

__all__ = ["schematic"]

_OBSERVED = "#D6E6F5"


_LINE = {"theta": "-", "eta": "--", "phi": ":"}


_ABOVE = 1.15  # where judges stand


def schematic(objective, ax=None):
    """The graph of an objective: solid arrows generate (theta), dashed arrows infer (eta), dotted ones judge (phi).

    The shaded node is observed, a half-shaded one in some examples only; y says whether a sample is the target's or
    the model's. x̂ is what comes back from a round trip, ẑ is the prediction of one unit of a code from the others
    where it stands above z. A square ≈ compares by samples without a judge. With features, as in chapter 06, z is an
    example of either domain, x its features, t its label and y its domain. Returns the axes.
    """
    networks = objective.networks
    if "features" in networks:
        return _domains(objective, ax)
    nodes = {"z": (0.0, 0.0, "z", PAPER), "x": (2.0, 0.0, "x", _OBSERVED)}
    if not {"decoder", "encoder"} & set(networks):  # a density of its own
        nodes = {"x": nodes["x"]}
    above, back, notes = _comparisons(objective)
    for v in sorted(back):
        nodes[f"{v} again"] = ({"x": 2.95, "z": -0.95}[v], 0.0, rf"\hat {v}", PAPER)
    row = sorted(above, key=lambda name: above[name][0])
    places = []  # each above what it compares, if there is room
    for name in row:
        places.append(max(above[name][0], places[-1] + 1.0) if places else above[name][0])
    shift = sum(above[name][0] - x for name, x in zip(row, places, strict=True)) / max(1, len(row))
    nodes |= {name: (x + shift, _ABOVE, above[name][2], PAPER) for name, x in zip(row, places, strict=True)}
    labels = objective.conditional or "labeller" in networks
    if labels:
        nodes["t"] = (1.0, -1.0, "t", (_OBSERVED, PAPER) if "other" in objective.reads else _OBSERVED)
    at = [x for x, *_ in nodes.values()] + [0.6] * ("z" not in nodes)  # where the arrow of a density begins
    ax = _axes(ax, (min(at) - 0.6, max(at) + 0.6), (-1.35 if labels else -0.75, 1.8 if above else 0.75))

    bend = -0.28 if {"decoder", "encoder"} <= set(networks) else 0.0
    for network, start, end, who, text in (
        ("decoder", "z", "x", "theta", r"$p_\theta(x|z)$"),
        ("encoder", "x", "z", "eta", r"$q_\eta(z|x)$"),
    ):
        if network in networks:
            text = text.replace(")", ",t)") if network in objective.conditional else text
            _arrow(ax, nodes[start][:2], nodes[end][:2], who, bend)
            up = 1 if who == "theta" else -1  # each label stands outside the bow of its arrow
            ax.text(1.0, up * (0.27 + 0.65 * abs(bend)), text, color=COLOR[who], ha="center", va="center")
    if "density" in networks:
        x = nodes["x"][0]
        _arrow(ax, (x - 1.5, 0.0), (x, 0.0), "theta", 0.0)
        ax.text(x - 0.8, 0.27, r"$p_\theta(x)$", color=COLOR["theta"], ha="center", va="center")
    for network, end, who in (("decoder", "x", "theta"), ("encoder", "z", "eta")):
        if network in objective.conditional:
            _arrow(ax, nodes["t"][:2], nodes[end][:2], who, 0.0)
    if "labeller" in networks:
        _arrow(ax, nodes["x"][:2], nodes["t"][:2], "eta", -0.35)
        ax.text(1.95, -0.85, r"$q_\eta(t|x)$", color=COLOR["eta"], ha="center", va="center")
    for v in back:  # the round trip: one player's half, then the other's
        (a, _, *_), (b, _, *_) = nodes[v], nodes[f"{v} again"]
        first, then = ("eta", "theta") if v == "x" else ("theta", "eta")
        side, middle = (1 if b > a else -1), (a + b) / 2
        ax.plot((a + 0.17 * side, middle), (0, 0), color=COLOR[first], linewidth=1.8, linestyle=_LINE[first])
        _arrow(ax, (middle, 0.0), (b, 0.0), then, 0.0, gap=0)
    for name, (_, sources, _, label) in above.items():
        x, y = nodes[name][:2]
        sources = (*sources, *["t"] * (name in objective.conditional))
        for source in sources:
            if name.startswith("same"):  # a double line
                _double(ax, (nodes[source][0], x), (0, y))
            else:
                _arrow(ax, nodes[source][:2], (x, y), "phi", 0.0)
        color = INK if name.startswith("same") else COLOR["phi"]
        ax.text(x, y + 0.38, label, color=color, ha="center", va="center")
    for x, text in notes:
        ax.text(x, -0.48, text, color=COLOR["phi"], ha="center", va="center")
    _nodes(ax, nodes)
    return ax


def _comparisons(objective) -> tuple[dict, set, list]:
    """What stands above (name: anchor, what it sees, its letter, its label), what comes back, the notes below."""
    above, back, notes = {}, set(), []
    for term in objective.terms:
        judge, place = getattr(term, "discriminator", None), term.place
        if getattr(term, "within", None):
            back.add(place)
            notes.append(({"x": 2.45, "z": -0.45}[place], rf"$h_\phi({place})\approx h_\phi(\hat {place})$"))
        if hasattr(term, "space"):
            v = place.removesuffix(" again")
            sees = ("x", "z") if len(v) > 1 else (v,)
            if place != v and (term.adversarial or hasattr(term.tool, "loss")):
                back.add(v)
                sees = (v, place)
            if term.adversarial:
                seen = (v if "|" in v else ",".join(v)) + (",t" if term.given else "")
                given = rf"$D_\phi({seen})$" if "|" in v else rf"$q_\phi(y|{seen})$"
                known = above.get(judge, (0, ()))[1]
                above[judge] = (_anchor(v), tuple(dict.fromkeys(known + sees)), "y", given)
            elif hasattr(term.tool, "loss"):
                above[f"same {term!r}"] = (_anchor(v), sees, r"\approx", term.tool.title)
        elif term.adversarial and place == "x":  # a bound whose examples are weighed
            given = ",t" if term.given else ""
            above[judge] = (_anchor("x"), ("x",), "y", rf"$q_\phi(y|x{given})$")
        elif term.adversarial:
            label = rf"$\hat {place}_\phi({place}_{{\backslash i}})$"
            above[judge] = (_anchor(place), (place,), rf"\hat {place}", label)
    return above, back, notes


def _anchor(space: str) -> float:
    return {"z": 0.0, "x": 2.0}.get(space, 1.0)


def _axes(ax, xlim, ylim):
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(1.0625 * (xlim[1] - xlim[0]), ylim[1] - ylim[0]))
    ax.set(xlim=xlim, ylim=ylim)
    ax.set_axis_off()
    return ax


def _arrow(ax, start, end, who, bend, gap=13):
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=13,
            shrinkA=gap,
            shrinkB=13,
            connectionstyle=f"arc3,rad={bend}",
            color=COLOR[who],
            linewidth=1.8,
            linestyle=_LINE[who],
        )
    )


def _double(ax, x, y):
    for color, width in ((INK, 4.5), (PAPER, 2.3)):
        ax.plot(x, y, color=color, linewidth=width, linestyle="-", zorder=1)


def _nodes(ax, nodes):
    for name, (x, y, text, face) in nodes.items():
        square = name.startswith("same")
        shape, size = ("s", 20) if square else ("o", 25)
        if half := isinstance(face, tuple):
            ax.plot(
                x,
                y,
                shape,
                markersize=size,
                fillstyle="left",
                markerfacecolor=face[0],
                markerfacecoloralt=face[1],
                markeredgecolor="none",
                zorder=3,
            )
        ax.plot(
            x,
            y,
            shape,
            markersize=size,
            markerfacecolor="none" if half else face,
            markeredgecolor=INK,
            markeredgewidth=1.2,
            zorder=3,
        )
        ax.text(x, y, f"${text}$", ha="center", va="center", zorder=4, fontsize=12)


def _domains(objective, ax):
    """The graph of features, with or without a classifier and a comparison of the domains."""
    match = next((t for t in objective.terms if t.place == "features"), None)
    # The features are the one thing that nobody observes.
    nodes = {"z": (0.0, 0.0, "z", _OBSERVED), "x": (1.8, 0.0, "x", PAPER)}
    nodes |= {"t": (3.6, 0.0, "t", _OBSERVED)} if "classifier" in objective.networks else {}
    if match:
        nodes |= {
            "y" if match.adversarial else "same": (
                1.8,
                _ABOVE,
                "y" if match.adversarial else r"\approx",
                _OBSERVED if match.adversarial else PAPER,
            )
        }
    ax = _axes(ax, (-0.5, 4.1), (-0.5, 1.55 if match else 0.5))
    arrows = [
        ("z", "x", "theta", r"$x=G_\theta(z)$", (0.9, 0.3)),
        ("x", "t", "theta", r"$p_\theta(t|x)$", (2.7, 0.3)),
        ("x", "y", "phi", r"$q_\phi(y|x)$", (2.3, 0.65)),
    ]
    for start, end, who, text, where in arrows:
        if end in nodes:
            _arrow(ax, nodes[start][:2], nodes[end][:2], who, 0.0)
            ax.text(*where, text, color=COLOR[who], ha="center", va="center")
    if "same" in nodes:
        _double(ax, (1.8, 1.8), (0, _ABOVE))
        ax.text(2.05, 0.65, match.tool.title, color=INK, ha="left", va="center")
    _nodes(ax, nodes)
    return ax
