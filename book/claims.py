"""Numbers in the prose of the chapters: each must stand in what a cell prints or in a cell's code, or be known.

    python book/claims.py    prints the numbers that nothing backs; exits with 1 if there are any

Looked at are decimals, percentages, and whole numbers from 10 on, years excepted. A number is backed if a printed or a
written one rounds to it; a percentage also by its fraction. A paragraph that names another chapter may take its numbers
from there. What is left is listed in KNOWN with a reason: facts about data and papers, and names.
"""

import json
import re
import sys
from pathlib import Path

from outputs import NUMBER, number, parts

__all__ = ["KNOWN", "unbacked"]

KNOWN: dict[str, dict[str, str]] = {  # chapter -> number -> why no cell has it
    "03": {"1,797": "the digits of scikit-learn, 1,500 and 297", "60,000": "training images of MNIST"},
    "04": {"0.999": "the second decay of Adam by default"},
    "05": {"28": "the side of MNIST's images"},
    "06": {"180": "a half turn, in degrees"},
    "09": {"11": "the name of a code of two bits", "3.5": "a section of the paper"},
    "10": {"25": "modes of the grid, by the definition of studies/modes.py"},
    "11": {"30": "the largest turn of the characters, by the definition of studies/infogan.py"},
}
EVERYWHERE = {"95"}  # the level of every interval, in percent
PERCENT = re.compile(r"(?:\s|\\,)*\\?%")
CHAPTER = re.compile(r"[Cc]hapters?\s[\w ,]{,12}$")  # before a number that is a name
REFERENCE = re.compile(r"\{[Cc]hap\}`([^`]*)`")  # {chap}`2 and 10` is read as "chapter 02 chapter 10"
NOT_PROSE = re.compile(
    r"^(`{3,})\{(?:code|math|index|image|figure)[^\n]*\n.*?^\1\s*$"  # blocks of code
    r"|`[^`\n]+`"  # code, and the targets of roles
    r"|\]\([^)]*\)"  # where links lead
    r"|^\s*:\w[\w-]*:.*$"  # options
    r"|\\[dt]?frac\d\d"  # the half of \frac12
    r"|ran in \d+ seconds",  # measured by a build (book/times.py)
    re.S | re.M,
)


def written(cells) -> list[tuple[str, float]]:
    """The numbers that code cells print and write."""
    found = []
    for cell in cells:
        if cell["cell_type"] == "code":
            shown = [text for output in cell["outputs"] for text in parts(output).values()]
            for text in ("".join(cell["source"]), *shown):
                found += NUMBER.findall(text.replace("_", ""))  # 40_000 is 40000
    return [(text, abs(number(text))) for text in found]


def backed(text: str, percent: bool, by: list[tuple[str, float]]) -> bool:
    """Whether one of the numbers rounds to this one."""
    value, digits = abs(number(text)), len(text.rpartition(".")[2]) if "." in text else 0
    near = 0.5 * 10**-digits * (1 + 1e-9)
    return any(abs(value - v) <= near or (percent and abs(value - 100 * v) <= near) for _, v in by)


def claims(text: str):
    """(paragraph, number, whether a percentage) for what prose claims or defines in numbers."""
    text = REFERENCE.sub(lambda found: " ".join(f"chapter {int(n):02}" for n in re.findall(r"\d+", found[1])), text)
    for paragraph in re.split(r"\n\s*\n", NOT_PROSE.sub(" ", text)):
        for found in NUMBER.finditer(paragraph):
            told, percent = found[0].rstrip("."), bool(PERCENT.match(paragraph, found.end()))
            name = re.fullmatch(r"(19|20)\d\d", told) or CHAPTER.search(paragraph, 0, found.start())
            if not name and told not in EVERYWHERE and (percent or "." in told or abs(number(told)) >= 10):
                yield paragraph, told, percent


def prose(cell) -> str:
    """The text of a cell: its Markdown, or the caption of its figure."""
    if cell["cell_type"] == "markdown":
        return "".join(cell["source"])
    return cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", "")


def unbacked(chapters: dict[str, list]) -> list[str]:
    """What no cell backs, a line each; `chapters`: "notebooks/01_two_processes" -> its cells."""
    numbers = {page.split("/")[1][:2]: written(cells) for page, cells in chapters.items()}
    problems, used = [], set()
    for page, cells in chapters.items():
        here = page.split("/")[1][:2]
        made = ((n, *claim) for n, cell in enumerate(cells, 1) for claim in claims(prose(cell)))
        for place, paragraph, text, percent in made:
            named = {here, *re.findall(r"[Cc]hapters? (\d\d)", paragraph)}
            if any(backed(text, percent, numbers.get(chapter, [])) for chapter in named):
                continue
            if text in KNOWN.get(here, {}):
                used.add((here, text))
                continue
            around = " ".join(paragraph.split())
            around = around[max(0, around.find(text) - 60) :][:110]
            problems.append(f"{page}, cell {place}: no cell backs {text}: ...{around}...")
    known = {(chapter, text) for chapter in numbers for text in KNOWN.get(chapter, {})}
    return problems + [
        f"book/claims.py: {text} of chapter {n} is known for nothing" for n, text in sorted(known - used)
    ]


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    read = {f"notebooks/{path.stem}": json.loads(path.read_text(encoding="utf8"))["cells"] for path in paths}
    wrong = unbacked(read)
    print("\n".join([*wrong, f"Numbers: {len(wrong)} that nothing backs"]))
    sys.exit(bool(wrong))
