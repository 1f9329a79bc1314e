"""How long each chapter's code takes: what the chapters say, and what the build that made the site measured.

``make notebooks`` writes the time that it measured into a chapter that it has run, where the old one is far from it.
"""

import os
import re

from outputs import processor

__all__ = ["PLACE", "filled", "restated"]

PLACE = "% times\n"  # a comment in book/times.md: here the table goes
STATED = re.compile(r"(the code(?: of this page)? ran in )(\d+)( seconds)")
FAR = 1.25  # a time that differs by a smaller factor is left: it would change with every run


def rounded(seconds: float) -> int:
    """To five seconds, and not to none.

    >>> rounded(71.4), rounded(1.2)
    (70, 5)
    """
    return max(5, 5 * round(seconds / 5))


def stated(notebook) -> int | None:
    """The seconds that a chapter says its code takes, in its first cell."""
    found = STATED.search(notebook.cells[0].source)
    return int(found[2]) if found else None


def restated(notebook, seconds: float) -> bool:
    """Let a chapter say how long its code took just now; whether that was news."""
    said = stated(notebook)
    if said is None or max(said, seconds) < FAR * min(said, seconds) or said == rounded(seconds):
        return False
    cell = notebook.cells[0]
    cell.source = STATED.sub(rf"\g<1>{rounded(seconds)}\g<3>", cell.source)
    return True


def filled(text: str, notebooks: dict, stored_on: str) -> str:
    """book/times.md with a row for each chapter: page -> its Chapter."""
    rows = ["| chapter | stored | this site |", "|---|---:|---:|"]
    rows += [
        f"| {{doc}}`/{page}` | {f'{said} s' if (said := stated(chapter.notebook)) else '–'} | {chapter.seconds:.0f} s |"
        for page, chapter in notebooks.items()
    ]
    whole = sum(chapter.seconds for chapter in notebooks.values())
    told = (
        f"The stored times: {stored_on}. Those of this site: {processor()}, {os.cpu_count()} cores, a thread for each "
        f"chapter; {whole / 60:.0f} minutes in all, one chapter after another.\n\n"
    )
    return text.replace(PLACE, told + "\n".join(rows) + "\n")
