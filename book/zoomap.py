"""The page "The map": every model of the zoo by space, tool, direction and players, from the zoo itself.

What the zoo does not know stands in ``PLACES``: the chapter of each model, and where its result stands.
"""

import re
from html import escape
from typing import NamedTuple

from contents import BookError

from ganvae_lib import swapped, zoo

__all__ = ["PLACE", "PLACES", "Place", "entries", "filled"]

PLACE = "% map\n"  # a comment in book/map.md: here the map goes


class Place(NamedTuple):
    chapter: str
    result: str  # the label of a figure, or of an equation that a cell checks


KLS, VAES, CHAINS = "02_two_directions_of_kl", "03_variational_inference_and_the_vae", "05_likelihood_without_latents"
GANS, ADAPTATION, SLEEP = "04_adversarial_learning_and_the_gan", "06_adversarial_domain_adaptation", "09_wake_sleep"
CODES, CYCLE, JOINT, SYMMETRIC = "11_infogan_and_aae", "12_cyclegan", "13_joint_models", "14_the_symmetric_view"
WEIGHTS, ACTIVE, LABELS = (
    "15_importance_weighting",
    "16_the_adversary_activated_vae",
    "17_conditional_and_semi_supervised_models",
)
NOISED = "20_diffusion_and_distillation"

PLACES = {
    "maximum likelihood": Place(KLS, "fig-02-fits"),
    "VAE": Place(VAES, "fig-03-ring"),
    "beta-VAE": Place(VAES, "fig-03-collapse"),
    "GAN": Place(GANS, "fig-04-ring"),
    "minimax GAN": Place(GANS, "fig-04-ring"),
    "KL-GAN": Place(GANS, "fig-04-ring"),
    "reverse-KL GAN": Place(GANS, "fig-10-clouds"),
    "LSGAN": Place(GANS, "fig-10-worlds"),
    "hinge GAN": Place(GANS, "eq-hinge"),
    "WGAN-GP": Place(GANS, "fig-10-clouds"),
    "f-GAN (KL)": Place(GANS, "eq-fgan"),
    "f-GAN (reverse KL)": Place(GANS, "eq-fgan"),
    "f-GAN (JS)": Place(GANS, "eq-fgan"),
    "PixelCNN": Place(CHAINS, "fig-05-mnist"),
    "PixelRNN": Place(CHAINS, "fig-05-mnist"),
    "RNN language model": Place(CHAINS, "fig-05-text"),
    "source only": Place(ADAPTATION, "fig-06-tasks"),
    "DANN": Place(ADAPTATION, "fig-06-tasks"),
    "ADA": Place(ADAPTATION, "fig-06-tasks"),
    "Helmholtz machine": Place(SLEEP, "fig-09-digits"),
    "InfoGAN": Place(CODES, "fig-11-ring"),
    "AAE": Place(CODES, "fig-11-codes"),
    "predictability minimisation": Place(CODES, "fig-11-units"),
    "CycleGAN": Place(CYCLE, "fig-12-digits"),
    "VAE/GAN": Place(JOINT, "fig-13-ring"),
    "MDGAN": Place(JOINT, "fig-13-ring"),
    "alpha-GAN": Place(JOINT, "fig-13-ring"),
    "ALI": Place(JOINT, "fig-13-ring"),
    "BiGAN": Place(JOINT, "eq-ali-players"),
    "AVB": Place(JOINT, "fig-13-folded"),
    "AS-VAE": Place(JOINT, "fig-13-ring"),
    "WAE-MMD": Place(SYMMETRIC, "eq-mmd"),
    "GMMN": Place(SYMMETRIC, "fig-14-widths"),
    "ABC": Place(SYMMETRIC, "fig-14-abc"),
    "IWAE": Place(WEIGHTS, "fig-15-bounds"),
    "IWGAN": Place(WEIGHTS, "fig-15-ring"),
    "AAVAE": Place(ACTIVE, "fig-16-digits"),
    "CGAN": Place(LABELS, "fig-17-samples"),
    "CVAE": Place(LABELS, "fig-17-samples"),
    "SVAE": Place(LABELS, "fig-17-labels"),
    "diffusion": Place(NOISED, "eq-denoising"),
    "flow matching": Place(NOISED, "eq-flow-matching"),
    "DMD": Place(NOISED, "eq-distillation"),
    "diffusion-GAN": Place(NOISED, "eq-link-scores"),
    "VQ-VAE": Place(NOISED, "eq-vq"),
    "latent diffusion": Place(NOISED, "eq-learned-prior"),
}

COLUMNS = {
    "x": ("x",),
    "z": ("z",),
    "pairs of x and z": ("xz", "x|z", "z|x"),
    "x or z, again": ("x again", "z again"),
    "noisy x or z": ("noisy x", "noisy z"),
    "codes for a learned prior": ("code",),
    "features, labels": ("features", "label"),
}
ROWS = (
    "KL",
    "likelihood",
    "bound",
    "denoising",
    "adversary",
    "distillation",
    "MMD",
    "summaries",
    "predictor",
    "codebook",
    "reconstruction",
    "reconstruction in the discriminator",
)


def entries() -> dict:
    """Every model by name, in the order of the chapters; some differ from one of the zoo in the network only."""
    known = zoo.ALL | zoo.NETWORKS
    return {name: known[name] for name in sorted(known, key=lambda name: place(name).chapter)}


def place(name: str) -> Place:
    """Where a model stands in the book. Raises BookError for a model that has no row in ``PLACES`` yet."""
    if name not in PLACES:
        raise BookError(
            f"ganvae_lib/zoo.py has the model {name!r}, but the map does not know its chapter. Add to PLACES in "
            f"book/zoomap.py the row\n    {name!r}: Place(CHAPTER, RESULT),\nwhere CHAPTER is the file in notebooks/ "
            "less .ipynb, and RESULT the label of a figure there (fig-...) or of an equation (eq-...)."
        )
    return PLACES[name]


UNBROKEN, JOIN = "\u2011", "\u2060"  # a hyphen at which no line ends, and nothing, at which none ends either


def anchor(name: str) -> str:
    return "map-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def labels(notebook) -> set[str]:
    """Of the figures that a chapter draws, and of its equations."""
    figures = {c.metadata.get("mystnb", {}).get("figure", {}).get("name") for c in notebook.cells if c.get("outputs")}
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return figures - {None} | set(re.findall(r"\$\$\s*\((eq-[\w-]+)\)", text))


def filled(text: str, notebooks: dict, titles: dict[str, str]) -> str:
    """book/map.md with the map; it leads to those chapters and results that are in ``notebooks``."""
    shown = set().union(*map(labels, notebooks.values()))
    parts = [grid(), terms(notebooks), *formulas(notebooks, titles, shown)]
    return text.replace(PLACE, "\n\n".join(parts) + "\n")


def row_of(tool: str) -> str:
    """The row of a tool. Raises BookError for one that has none yet."""
    title = tool.split(" (")[0]
    for row in ROWS:
        if row.lower() == title.lower():
            return row
    raise BookError(f"the map has no row for the tool {title!r}. Add {title!r} to ROWS in book/zoomap.py.")


def column_of(space: str) -> str:
    """The column of a space. Raises BookError for one that has none yet."""
    for column, spaces in COLUMNS.items():
        if space in spaces:
            return column
    raise BookError(f"the map has no column for the space {space!r}. Add {space!r} to COLUMNS in book/zoomap.py.")


def cells() -> dict:
    """(row, column) -> name -> the players who descend a term of it there."""
    found: dict = {}
    for name, objective in entries().items():
        for term in objective.terms:
            _, space, tool, players, _ = term.as_row()
            who = found.setdefault((row_of(tool), column_of(space)), {})
            who[name] = "".join(p for p in "θη" if p in players + who.get(name, ""))
    return found


def grid() -> str:
    """Spaces as columns, tools as rows, models in the cells with the players who descend the term there."""
    found = cells()
    who = {"θ": "theta", "η": "eta"}
    mark = lambda players: "".join(f'<span class="obj-{who[p]}">{p}</span>' for p in players)
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in ("", *COLUMNS))
    lines = []
    for row in ROWS:
        tds = []
        for column in COLUMNS:
            link = lambda name: f'<a href="#{anchor(name)}">{escape(name).replace("-", UNBROKEN)}</a>{JOIN}'
            here = found.get((row, column), {})
            names = [f"{link(name)}<sup>{mark(players)}</sup>" for name, players in here.items()]
            content = f"<div>{', '.join(names)}</div>" if names else ""
            tds.append(f'<td data-space="{escape(column)}">{content}</td>')
        note = ' <span class="obj-phi">φ</span>' if row in ("adversary", "distillation", "predictor") else ""
        lines.append(f'<tr><th scope="row">{row}{note}</th>{"".join(tds)}</tr>')
    return (
        '<div class="map-grid"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"
    )


def chapter(name: str, notebooks: dict) -> str:
    """A link to the chapter, by its number, if it is in this build."""
    file = place(name).chapter
    page = f"notebooks/{file}"
    return f"{{doc}}`{file[:2]} </{page}>`" if page in notebooks else file[:2]


def terms(notebooks: dict) -> str:
    lines = [("Model", "Space", "Tool", "Who descends it", "Where θ stands", "Chapter"), ("---",) * 6]
    for name, objective in entries().items():
        for i, term in enumerate(objective.terms):
            _, space, tool, players, stands = term.as_row()
            first = (f"[{name}](#{anchor(name)})", chapter(name, notebooks)) if i == 0 else ("", "")
            lines.append((first[0], space, tool, players, stands.replace("eta:", "η:"), first[1]))
    rows = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return f"## Term by term\n\n{INTRODUCTION}\n\n:::{{div}} map-terms\n{rows}\n:::"


INTRODUCTION = """\
A term compares something in a space with a tool. The direction of the comparison is where θ stands in the KL that θ
descends: first or second. Where only η descends a term, the table says where η stands. MMD, summaries and several
links of the adversary descend no KL."""


def formulas(notebooks: dict, titles: dict[str, str], shown: set) -> list[str]:
    parts, before = ["## Model by model"], ""
    known = entries()
    for name, objective in known.items():
        chapter_file, result = place(name)
        page = f"notebooks/{chapter_file}"
        if page != before:
            parts.append(f"### {titles.get(page, chapter_file)}")
            before = page
        says = [f"{{cite:t}}`{zoo.REFERENCES[name]}`.", f"Chapter {chapter(name, notebooks)}."]
        if name in zoo.NETWORKS:
            says.append("The objective is that of maximum likelihood; the network makes the model.")
        if result in shown:
            how = "What it descends: {eq}" if result.startswith("eq-") else "A result: {numref}"
            says.append(f"{how}`{result}`.")
        try:
            other = swapped(objective)
        except TypeError:  # a bound has no mirror image
            other = None
        if other == objective and set(objective.players) >= {"theta", "eta"}:
            says.append("It is its own mirror image.")
        elif mirror := next((n for n, o in known.items() if o == other and o != objective), None):
            says.append(f"Its mirror image is [{mirror}](#{anchor(mirror)}).")
        code = repr(objective)
        parts.append(f"({anchor(name)})=\n#### {name}\n\n`{code}`\n\n{objective._repr_latex_()}\n\n{' '.join(says)}")
    return parts
