"""Has every formula of the built pages read by the copy of MathJax that draws them."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from contents import BookError, files

__all__ = ["check", "formulas"]

READER = Path(__file__).with_name("formulas.js")
MATHJAX = Path("_static", "vendor", "mathjax")


def formulas(page: str) -> list[tuple[str, bool]]:
    """The formulas of an HTML page as MathJax finds them, in the text between \\( and \\) or \\[ and \\]; displayed?"""
    text = re.sub(r"<(head|script|style|pre|code|textarea)\b.*?</\1>", "", page, flags=re.S)
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    found = re.finditer(r"\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\]", text, re.S)
    return [(m["inline"] or m["display"] or "", m["display"] is not None) for m in found]


def check(site: Path) -> tuple[list[str], str]:
    """What is wrong with the formulas of a built site, a line each; and what was done."""
    found: dict[tuple[str, bool], str] = {}
    for path in files(site):
        if path.suffix == ".html":
            for formula in formulas(path.read_text(encoding="utf8")):
                found.setdefault(formula, str(path.relative_to(site).with_suffix("")))
    if not (program := shutil.which("node")):
        return [], f"Formulas: {len(found)}, NOT READ, since there is no node on the PATH"
    command = [program, str(READER), str(site / MATHJAX)]
    run = subprocess.run(command, input=json.dumps(list(found)), capture_output=True, text=True, encoding="utf8")
    if run.returncode:
        raise BookError(f"MathJax cannot be run:\n{run.stderr[-500:]}")
    said = zip(found.items(), json.loads(run.stdout), strict=True)
    wrong = [f"{page}: MathJax does not read {formula!r}: {why}" for ((formula, _), page), why in said if why]
    return wrong, f"Formulas: {len(found)}, read by MathJax"
