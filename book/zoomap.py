"""The page "The map": every model of the zoo by space, tool, direction and players, from the zoo itself.

What the zoo does not know stands in ``PLACES``: the chapter of each model, its sources, and where its result stands.
"""

import re
from html import escape
from typing import NamedTuple

__all__ = ["PLACE", "PLACES", "Place", "entries", "filled"]

PLACE = "% map\n"  # a comment in book/map.md: here the map goes


class Place(NamedTuple):
    chapter: str
    sources: str
    result: str  # the label of a figure, or of an equation that a cell checks


KLS, VAES, CHAINS = "02_two_directions_of_kl", "03_variational_inference_and_the_vae", "05_likelihood_without_latents"
GANS, ADAPTATION, SLEEP = "04_adversarial_learning_and_the_gan", "06_adversarial_domain_adaptation", "09_wake_sleep"
CODES, CYCLE, JOINT, SYMMETRIC = "11_infogan_and_aae", "12_cyclegan", "13_joint_models", "14_the_symmetric_view"
WEIGHTS, ACTIVE, LABELS = (
    "15_importance_weighting",
    "16_the_adversary_activated_vae",
    "17_conditional_and_semi_supervised_models",
)

PLACES = {
    "maximum likelihood": Place(KLS, "minka2005divergence", "fig-02-fits"),
    "VAE": Place(VAES, "kingma2014auto,rezende2014stochastic", "fig-03-ring"),
    "beta-VAE": Place(VAES, "higgins2017beta", "fig-03-collapse"),
    "GAN": Place(GANS, "goodfellow2014generative", "fig-04-ring"),
    "minimax GAN": Place(GANS, "goodfellow2014generative", "fig-04-ring"),
    "KL-GAN": Place(GANS, "mohamed2016learning", "fig-04-ring"),
    "reverse-KL GAN": Place(GANS, "sonderby2017amortised,mohamed2016learning", "fig-10-clouds"),
    "LSGAN": Place(GANS, "mao2017least", "fig-10-worlds"),
    "hinge GAN": Place(GANS, "lim2017geometric", "eq-hinge"),
    "WGAN-GP": Place(GANS, "arjovsky2017wasserstein,gulrajani2017improved", "fig-10-clouds"),
    "f-GAN (KL)": Place(GANS, "nowozin2016fgan", "eq-fgan"),
    "f-GAN (reverse KL)": Place(GANS, "nowozin2016fgan", "eq-fgan"),
    "f-GAN (JS)": Place(GANS, "nowozin2016fgan", "eq-fgan"),
    "PixelCNN": Place(CHAINS, "oord2016pixel,oord2016conditional", "fig-05-mnist"),
    "PixelRNN": Place(CHAINS, "oord2016pixel", "fig-05-mnist"),
    "RNN language model": Place(CHAINS, "cho2014learning,karpathy2015charrnn", "fig-05-text"),
    "source only": Place(ADAPTATION, "ganin2016domain", "fig-06-tasks"),
    "DANN": Place(ADAPTATION, "ganin2015unsupervised,ganin2016domain", "fig-06-tasks"),
    "ADA": Place(ADAPTATION, "hu2018unifying,tzeng2017adversarial", "fig-06-tasks"),
    "Helmholtz machine": Place(SLEEP, "dayan1995helmholtz,hinton1995wake", "fig-09-digits"),
    "InfoGAN": Place(CODES, "chen2016infogan", "fig-11-ring"),
    "AAE": Place(CODES, "makhzani2015adversarial", "fig-11-codes"),
    "predictability minimisation": Place(CODES, "schmidhuber1992learning", "fig-11-units"),
    "CycleGAN": Place(CYCLE, "zhu2017unpaired", "fig-12-digits"),
    "VAE/GAN": Place(JOINT, "larsen2016autoencoding", "fig-13-ring"),
    "MDGAN": Place(JOINT, "che2017mode", "fig-13-ring"),
    "alpha-GAN": Place(JOINT, "rosca2017variational", "fig-13-ring"),
    "ALI": Place(JOINT, "dumoulin2017adversarially", "fig-13-ring"),
    "BiGAN": Place(JOINT, "donahue2017adversarial", "eq-ali-players"),
    "AVB": Place(JOINT, "mescheder2017adversarial", "fig-13-folded"),
    "AS-VAE": Place(JOINT, "pu2017adversarial", "fig-13-ring"),
    "WAE-MMD": Place(SYMMETRIC, "tolstikhin2018wasserstein", "eq-mmd"),
    "GMMN": Place(SYMMETRIC, "li2015generative,dziugaite2015training", "fig-14-widths"),
    "ABC": Place(SYMMETRIC, "tavare1997inferring,pritchard1999population", "fig-14-abc"),
    "IWAE": Place(WEIGHTS, "burda2016importance", "fig-15-bounds"),
    "IWGAN": Place(WEIGHTS, "hu2018unifying", "fig-15-ring"),
    "AAVAE": Place(ACTIVE, "hu2018unifying", "fig-16-digits"),
    "CGAN": Place(LABELS, "mirza2014conditional", "fig-17-samples"),
    "CVAE": Place(LABELS, "sohn2015learning", "fig-17-samples"),
    "SVAE": Place(LABELS, "kingma2014semi", "fig-17-labels"),
}

COLUMNS = {
    "x": ("x",),
    "z": ("z",),
    "pairs of x and z": ("xz", "x|z", "z|x"),
    "x or z, again": ("x again", "z again"),
    "features, labels": ("features", "label"),
}
ROWS = (
    "KL",
    "likelihood",
    "bound",
    "adversary",
    "MMD",
    "summaries",
    "predictor",
    "reconstruction",
    "reconstruction in the discriminator",
)


def entries() -> dict:
    """Every model by name, in the order of the chapters; some differ from one of the zoo in the network only."""
    from ganvae_lib import zoo

    nets = {"PixelCNN": zoo.PIXELCNN, "PixelRNN": zoo.PIXELRNN, "RNN language model": zoo.RNN_LM}
    known = zoo.ALL | nets
    return {name: known[name] for name in sorted(known, key=lambda n: PLACES[n].chapter)}


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


def cells() -> dict:
    """(row, column) -> name -> the players who descend a term of it there."""
    found: dict = {}
    for name, objective in entries().items():
        for term in objective.terms:
            _, space, tool, players, _ = term.as_row()
            row = next(r for r in ROWS if r.lower() == tool.split(" (")[0].lower())
            column = next(c for c, spaces in COLUMNS.items() if space in spaces)
            who = found.setdefault((row, column), {})
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
        note = ' <span class="obj-phi">φ</span>' if row in ("adversary", "predictor") else ""
        lines.append(f'<tr><th scope="row">{row}{note}</th>{"".join(tds)}</tr>')
    return (
        '<div class="map-grid"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"
    )


def chapter(name: str, notebooks: dict) -> str:
    """A link to the chapter, by its number, if it is in this build."""
    file = PLACES[name].chapter
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
    from ganvae_lib import swapped

    parts, before = ["## Model by model"], ""
    known = entries()
    networks = ("PixelCNN", "PixelRNN", "RNN language model")
    for name, objective in known.items():
        place = PLACES[name]
        page = f"notebooks/{place.chapter}"
        if page != before:
            parts.append(f"### {titles.get(page, place.chapter)}")
            before = page
        says = [f"Chapter {chapter(name, notebooks)}."]
        if place.sources:
            says.insert(0, f"{{cite:t}}`{place.sources}`.")
        if name in networks:
            says.append("The objective is that of maximum likelihood; the network makes the model.")
        if place.result in shown:
            how = "What it descends: {eq}" if place.result.startswith("eq-") else "A result: {numref}"
            says.append(f"{how}`{place.result}`.")
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
