"""The colours of the book's objects are for these objects only: what is named in a figure's code beside a colour must be one."""

import ast
import json
import re

import pytest
from helpers import ROOT

from ganvae_lib.figures.style import CYCLE_STYLES, OBJECT_STYLES

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What may be called by a name that has the colour.
NAMES = {
    "data": r"\bdata\b|\breal\b|\$d\$|\bd\(x\)|training|perfect samples",
    "theta": r"generat|\bmodel|decoder|theta|\bg\b|samples|dreams|reconstruct|likelihood|left side|right side|GRU|wake|target|kept|estimate|p\(z\|x|G'\(z",
    "eta": r"encoder|infer|ELBO|\bbound|posterior|\bq\b|eta|mathcal\{L\}|match z|p\(z\|x|VAE|AAE",
    "phi": r"discriminator|predictor|how real|\bD\b|phi|t_|q\^r|what is kept|\$s=|\$V\$",
    "prior": r"\bprior\b|\bp\(z\)",
}


def words(node) -> str:
    """The fixed text of a string or an f-string."""
    return " ".join(
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def key_of(node) -> str:
    """ "theta", of "theta", of COLOR["theta"] and of STYLE["theta"]; "" of anything else."""
    node = node.slice if isinstance(node, ast.Subscript) else node
    return node.value if isinstance(node, ast.Constant) and node.value in OBJECT_STYLES else ""


def named(code: str):
    """(name, object) wherever code writes both side by side, and ("", object) for each that a name gets by its turn."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            texts = [
                given.get("label"),
                *(part for part in node.args if isinstance(part, ast.Constant | ast.JoinedStr)),
            ]
            texts = [words(part) for part in texts if part is not None and re.search(r"\w\w|\$", words(part))]
            colours = filter(None, map(given.get, ("color", "who", None)))
            yield from ((text, key_of(colour)) for colour in colours if key_of(colour) for text in texts[:1])
            if ast.unparse(node.func) == "zip":
                for dealt in node.args:
                    keys = {key_of(part) for part in getattr(dealt, "elts", [])} - {""}
                    yield from ((("", key) for key in sorted(keys)) if len(keys) > 1 else ())
        elif isinstance(node, ast.Tuple) and sum(bool(key_of(part)) for part in node.elts) == 1:
            (key,) = filter(None, map(key_of, node.elts))
            texts = [words(part) for part in node.elts if isinstance(part, ast.Constant | ast.JoinedStr)]
            yield from ((text, key) for text in texts if re.search(r"\w\w", text) and text not in {key, *CYCLE_STYLES})
        elif isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                first = value.elts[0] if isinstance(value, ast.Tuple) and value.elts else value
                if name is not None and key_of(first) and words(name):
                    yield words(name), key_of(first)


def misused(code: str) -> list[str]:
    return [f"{name!r} in the colour of {key}" for name, key in named(code) if not re.search(NAMES[key], name)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem[:2])
def test_what_has_an_objects_colour_is_that_object(path):
    found = []
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
        if figure := cell["metadata"].get("mystnb", {}).get("figure"):
            found += [f"{figure['name']}: {wrong}" for wrong in misused("".join(cell["source"]))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'draw.curves(a, who="phi", label="cosine of the two")',
        'names = {"KL part": "theta", "JSD part": "data"}',
        'for name, who in (("minimax", "data"), ("KL", "first")):\n    pass',
        'for a, who in zip(FOUR, ("data", "theta", "eta", "phi"), strict=True):\n    pass',
        'ax.plot(x, y, label="quadrature", **draw.STYLE["data"])',
        'ax.text(1, 2, "kept by all four", color=draw.COLOR["prior"])',
        'LOOKS = {"DMD": ("phi", "D")}',
    ],
)
def test_a_colour_for_something_else_is_found(code):
    assert misused(code)


def test_the_colours_and_lines_of_the_rest_are_none_of_an_objects():
    looks = [*OBJECT_STYLES.values(), *CYCLE_STYLES.values()]
    assert len({color for color, _ in looks}) == len(looks) == 9
    assert len({str(line) for _, line in CYCLE_STYLES.values()}) == len(CYCLE_STYLES)
