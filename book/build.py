"""Executes the chapters, builds the site, checks it.

    python book/build.py            executes what has changed, builds _build/html, checks every page
    python book/build.py --write    executes likewise and writes the outputs into notebooks/, for committing
    python book/build.py --figures  executes likewise and writes each figure as SVG into _build/figures
    python book/build.py --only 03  a draft of the chapters with "03" in their name, in _build/only/03; not strict

A chapter is executed again when its code cells, the library, the committed results, requirements.txt, what is installed
or the variables that its kernel sees (``execute.surroundings``) have changed. Its outputs are kept in _build/executed
and merged with the current text, so an edited sentence costs no execution.

The book is not built if a cell fails, if an assert did not run (``cells``), if a figure has no picture or an exercise
no solution, if no cell backs a number of the text (``claims``), if a cell gives something else than its notebook holds
(``outputs``), or if MathJax does not read a formula (``formulas``). On another processor than that of
notebooks/processor.txt trained numbers may differ: then they are told, and are no error.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import cells
import claims
import folding
import formulas
import linking
import nbformat
import slides
from contents import BookError, pages, shorter, source
from execute import Chapter, chapters
from outputs import TOLERANCE, ZERO, processor
from registry import Registry
from website import build, check, stage


def parse(arguments) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the outputs into the notebooks, build no site")
    parser.add_argument(
        "--only", metavar="NAME", help="a draft of some chapters, in _build/only/NAME; warnings are no errors"
    )
    parser.add_argument("--figures", action="store_true", help="write each figure as SVG, build no site")
    parser.add_argument("--jobs", type=int, default=2, help="chapters that run at the same time")
    slow = os.environ.get("GANVAE_SCALE") == "full"  # its cells train for minutes to hours
    parser.add_argument("--timeout", type=int, default=86_400 if slow else 600, help="seconds for one cell")
    parser.add_argument(
        "--loosely", metavar="PERCENT", type=float, default=0, help="how far numbers may be from the stored ones"
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def indented(lines) -> str:
    return "\n".join("  " + line for line in lines)


def kept(notebooks: dict[str, Chapter], registry: Registry, options: argparse.Namespace) -> None:
    """See whether the chapters keep what they promise and give what is stored; say how many cells are looked at."""
    count = sum((cells.census(chapter) for chapter in notebooks.values()), cells.Census())
    problems = [line for page, chapter in notebooks.items() for line in cells.broken(page, chapter)]
    if not options.only:  # a draft lacks the chapters that others take numbers from
        problems += claims.unbacked({page: chapter.notebook.cells for page, chapter in notebooks.items()})
    changed = []
    if os.environ.get("GANVAE_SCALE", "small") == "small":
        within = max(TOLERANCE, options.loosely / 100)
        told = f"words exactly, numbers within {within:.2g} of the stored ones or {ZERO:g}, unless a tag says otherwise"
        changed = [line for page, c in notebooks.items() for line in cells.unlike(page, c, options.loosely / 100)]
    else:
        told = "NOT COMPARED: what is stored comes from GANVAE_SCALE=small"
    print(f"{count}\nOutputs: {told}", flush=True)
    stored_on = options.root / "notebooks" / "processor.txt"  # the processor whose outputs the notebooks hold
    elsewhere = stored_on.is_file() and stored_on.read_text(encoding="utf8").strip() != processor()
    if options.write:
        print(f"Changed outputs: {len(changed)}\n{indented(changed)}")
        if not options.only:
            stored_on.write_text(processor() + "\n", encoding="utf8")
    elif elsewhere and changed:
        print(f"Not as stored, where another processor computed ({len(changed)}):\n{indented(changed)}", flush=True)
    else:
        problems += [f"{line} (`make notebooks` stores what is now)" for line in changed]
    if options.only:
        problems += [line for line in registry.problems if line.startswith((*notebooks, "ganvae_lib/"))]
        print(indented(problems))
    elif problems:
        raise BookError("The chapters do not keep what they promise:\n" + indented(problems))


def site(root: Path, out: Path, toc: Path, notebooks: dict[str, Chapter], registry: Registry, strict: bool) -> str:
    """Build the site in out/html unless it is there already, check it, and say what was done."""
    begun = time.perf_counter()
    key = stage(root, out, toc, notebooks, registry)
    html = out / "html"
    stamp = html / ".built"
    fresh = not (stamp.is_file() and stamp.read_text(encoding="utf8") == key)
    if fresh:
        build(out, strict)
    if strict and (root / "book" / "_static" / "slides.js").is_file():
        slides.write(html, toc)
    unread, told = formulas.check(html)
    lost = linking.dead(html) if strict else []  # a draft lacks the chapters that others refer to
    if problems := [*check(html, toc), *lost, *unread]:
        stamp.unlink(missing_ok=True)
        raise BookError("The site is not whole:\n" + indented(problems))
    stamp.write_text(key, encoding="utf8")
    took = f"built in {time.perf_counter() - begun:.1f} s" if fresh else "unchanged"
    counts = [folding.lines(folding.folded(chapter)) for chapter in notebooks.values()]
    code, shown, long = (sum(count[k] for count in counts) for k in (0, 1, 2))
    return (
        f"Code: {code:,} lines, {shown:,} of them shown at once; {long:,} have more than {folding.WIDTH} characters\n"
        f"{told}\n"
        f"Site: {took}, {len(pages(toc))} pages checked. It is in {html}\n"
        f"Open {(html / 'index.html').as_uri()} in a browser (no server, no network needed), or run `make serve`."
    )


def book(options: argparse.Namespace) -> None:
    """Do what was asked for. Raises BookError, which says why the book cannot be built."""
    root = options.root.resolve()
    out, toc = root / "_build", root / "_toc.yml"
    draft = bool(options.only)
    if draft:
        out = out / "only" / options.only
        out.mkdir(parents=True, exist_ok=True)
        (out / "_toc.yml").write_text(shorter(toc, options.only), encoding="utf8")
        toc = out / "_toc.yml"
    registry = Registry(root)
    if registry.problems and not draft and not options.write:
        raise BookError("The registry has gaps:\n" + indented(registry.problems))
    print("Chapters", flush=True)
    if options.figures:
        os.environ["GANVAE_SVG"] = "1"
    notebooks = chapters(root, toc, options.jobs, options.timeout)
    if options.figures:
        print(f"{cells.figures(notebooks, out / 'figures')} figures are in {out / 'figures'}")
        return
    kept(notebooks, registry, options)
    if options.write:
        for page, chapter in notebooks.items():
            nbformat.write(chapter.notebook, source(root, page))
        print("The outputs are in the notebooks.")
        return
    done = site(root, out, toc, notebooks, registry, strict=not draft)
    print(f"{registry}\n{done}")


def main(arguments=None) -> int:
    """The exit status."""
    try:
        book(parse(arguments))
    except BookError as error:
        print(f"\nThe book was not built.\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
