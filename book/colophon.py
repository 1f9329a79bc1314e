"""What the book says of itself, made when it is built: run times, how to cite it, changes, entries of the index."""

import os
import platform
import re
from pathlib import Path

import yaml
from checks import table
from execute import Chapter
from registry import Registry

__all__ = ["entries", "filled", "machine"]

TIMES, CITE, CHANGES = "% times\n", "% cite\n", "% changes\n"  # comments in pages: here they go


def machine() -> str:
    """The one that builds, in words."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf8") if info.is_file() else "", re.M)
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{platform.system()} with {os.cpu_count()} cores ({name}), Python {platform.python_version()}"


def times(notebooks: dict[str, Chapter]) -> str:
    """What each chapter took when it was executed."""
    rows = [(f"{{doc}}`/{page}`", f"{chapter.seconds:.0f} s") for page, chapter in notebooks.items()]
    rows.append(("**Together**", f"**{sum(chapter.seconds for chapter in notebooks.values()) / 60:.0f} min**"))
    scale = os.environ.get("GANVAE_SCALE", "small")
    said = f"Measured on {machine()}, one thread for each chapter, with `GANVAE_SCALE={scale}`."
    return f"{said}\n\n{table(['Chapter', 'Time'], rows, 'checks-counts')}\n"


def citation(card: dict) -> str:
    """The version, and an entry for BibTeX, from CITATION.cff."""
    authors = " and ".join(
        author.get("name") or f"{author['family-names']}, {author['given-names']}" for author in card["authors"]
    )
    released = card["date-released"]
    fields = {
        "title": "{" + card["title"] + "}",
        "author": "{" + authors + "}",  # a name that BibTeX does not take apart
        "year": str(released)[:4],
        "version": str(card["version"]),
        "note": f"Version {card['version']} of {released}",
    }
    entry = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"This is version {card['version']} of {released}.\n\n```bibtex\n@misc{{ganvae,\n{entry}\n}}\n```\n"


def changes(text: str) -> str:
    """CHANGELOG.md as a section of a page: without its heading, and the others one level lower."""
    return re.sub(r"^##", "###", re.sub(r"\A# .*\n+", "", text), flags=re.M)


def filled(text: str, root: Path, notebooks: dict[str, Chapter]) -> str:
    """A page with what its comments ask for."""
    if TIMES in text:
        text = text.replace(TIMES, times(notebooks))
    if CITE in text:
        text = text.replace(CITE, citation(yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf8"))))
    if CHANGES in text:
        text = text.replace(CHANGES, changes((root / "CHANGELOG.md").read_text(encoding="utf8")))
    return text


def entries(registry: Registry, models: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Page -> entries of the index with their anchors: lemmas and their kin, and ``models``, each with a label."""
    found: dict[str, list[tuple[str, str]]] = {}
    for s in registry.statements.values():
        if s.kind != "equation":
            title = re.sub(r"^(?:The|An?) (\w)", lambda m: m[1].upper(), s.title)
            found.setdefault(s.page, []).append((f"{title} ({s.kind})", s.label))
    for model, label in models.items():
        if label in registry.statements:  # an equation; else a figure, such as fig-04-ring of chapter 04
            page, anchor = registry.statements[label].page, f"equation-{label}"
        else:
            page = next(page for page in registry.titles if page.startswith(f"notebooks/{label[4:6]}_"))
            anchor = label
        found.setdefault(page, []).append((f"{model} (model)", anchor))
    return found
