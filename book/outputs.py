"""Compares what the cells of a chapter give now with what its notebook holds.

Words must be the same, and numbers agree within ``TOLERANCE``, relative to the stored one; what is nearer to 0 than
``ZERO`` counts as 0. Where training carries the last digits of another processor on, a cell has a tag of its own:
``within-5-percent``, or ``within-0.3`` for a distance; where the numbers are seconds, ``timing`` (then the words alone
are compared). Of pictures and of other HTML than tables it is compared that they are there.
"""

import math
import re
from html import unescape
from itertools import zip_longest

__all__ = ["TOLERANCE", "ZERO", "compared", "differences", "pictures", "processor", "tolerance"]

TOLERANCE, ZERO = 1e-3, 1e-6
NUMBER = re.compile(
    r"(?:(?<![\w.)])[-+\u2212])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|(?<!\w)\.\d+)(?:[eE][-+]?\d+(?!\w))?"
)
WITHIN = re.compile(r"within-(\d+(?:\.\d+)?)(-percent)?")


def processor() -> str:
    """The processor, as far as it decides how floating-point numbers are rounded: its maker's name and its vectors."""
    import platform
    from pathlib import Path

    import torch

    lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    makers = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    maker = makers[0] if makers else platform.processor() or platform.machine()
    return f"{platform.system()}, {maker}, {torch.backends.cpu.get_cpu_capability()}"


def tolerance(cell) -> tuple[float, float]:
    """How far the numbers of a cell may be from the stored ones: relatively, and as a distance."""
    tags = cell.metadata.get("tags", [])
    found = [(float(match[1]), bool(match[2])) for tag in tags if (match := WITHIN.fullmatch(tag))]
    relative = max((value / 100 for value, percent in found if percent), default=TOLERANCE)
    distance = max((value for value, percent in found if not percent), default=ZERO)
    return relative, math.inf if "timing" in tags else distance


def pictures(output) -> bool:
    """Whether an output is a picture, or HTML that draws one."""
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or bool(
        re.search(r"<(svg|canvas|img)\b", "".join(data.get("text/html", "")))
    )


def parts(output) -> dict[str, str]:
    """What an output consists of: {kind: text to compare}; "" where it is enough that it is there."""
    if output["output_type"] == "stream":
        return {output["name"]: "".join(output["text"])}
    found = {}
    for kind, value in sorted(output.get("data", {}).items()):
        value = "".join(value) if isinstance(value, str | list) else ""
        if kind == "text/html":
            page = re.sub(r"<(script|style)\b.*?</\1>", "", value, flags=re.S)
            value = unescape(re.sub(r"<[^>]*>", " ", page)) if "<table" in page and page == value else ""
        found[kind] = value if kind.startswith("text/") else ""
    return found


def compared(cell) -> bool:
    """Whether anything that a cell prints is compared: a name such as <Figure ...> of what is shown does not count."""
    texts = [text for output in cell.outputs for text in parts(output).values()]
    return any(text.strip() and not re.fullmatch(r"<[\w.]+ .*>", text.strip()) for text in texts)


def number(text: str) -> float:
    return float(text.replace(",", "").replace("\u2212", "-"))


def near(old: str, new: str, relative: float, distance: float) -> bool:
    a, b = number(old), number(new)
    return abs(a - b) <= max(relative * abs(a), distance) * (1 + 1e-9)  # 0.9 to 1.2 is within 0.3


def words(text: str) -> list[str]:
    """What stands before, between and after the numbers; how wide a gap is does not matter."""
    return [" ".join(part.split()) for part in NUMBER.split(text)]


def unlike(old: str, new: str, relative: float, distance: float) -> str:
    """What differs between two texts, "" if nothing does."""
    if words(old) != words(new):
        lines = zip_longest(old.splitlines(), new.splitlines(), fillvalue="")
        a, b = next(((a, b) for a, b in lines if words(a) != words(b)), (old, new))
        return f"stored {a.strip()!r}, now {b.strip()!r}"
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    far = [f"stored {a.strip()}, now {b.strip()}" for a, b in pairs if not near(a, b, relative, distance)]
    return "; ".join(far[:3]) + (f"; and {len(far) - 3} more numbers" if len(far) > 3 else "")


def differences(cell, stored, loosely: float = 0.0) -> list[str]:
    """What a cell gives otherwise than its notebook says; numbers may always be off by `loosely`, relatively."""
    old, new = [parts(output) for output in stored], [parts(output) for output in cell.outputs]
    if [list(part) for part in old] != [list(part) for part in new]:
        names = [", ".join(kind for part in some for kind in part) or "nothing" for some in (old, new)]
        return [f"stored {names[0]}, now {names[1]}"]
    relative, distance = tolerance(cell)
    pairs = [(old[i][kind], new[i][kind]) for i in range(len(old)) for kind in old[i]]
    return [said for a, b in pairs if (said := unlike(a, b, max(relative, loosely), distance))]
