"""What the figures to move have in common: their paper, their colours, their look."""

import json
import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

from ..figures.style import COLOR, INK, PAPER

__all__ = ["PAGE_CSS", "SLIDER_SCRIPT", "Figure", "element_id", "page", "slider_html"]


@dataclass(frozen=True)
class Figure:
    """A piece of HTML that a notebook and the built page show as it is."""

    html: str = field(repr=False)  # a stored output holds the repr, too

    def _repr_html_(self) -> str:
        return self.html


PAGE_CSS = """
#ID { background: PAPER; color: INK; border: 1px solid #D9D9D2; border-radius: 8px; padding: .7em .9em;
  font: 14px/1.4 system-ui, sans-serif; text-align: left; color-scheme: light; max-width: 760px; box-sizing: border-box; }
#ID * { box-sizing: border-box; }
#ID svg { display: block; width: 100%; overflow: visible; }
#ID svg text { font-size: 12px; fill: INK; }
#ID .sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(17em, 1fr)); gap: .1em 1.4em; }
#ID .sliders label { display: grid; grid-template-columns: 1fr auto; align-items: baseline; }
#ID .sliders input { grid-column: 1 / 3; width: 100%; margin: .1em 0 .4em; accent-color: THETA; }
#ID .sliders .world input { accent-color: DATA; }
#ID [data-shown], #ID td.value { font-variant-numeric: tabular-nums; }
#ID table { border-collapse: collapse; width: 100%; margin: .4em 0; background: none; color: inherit; }
#ID tr, #ID th, #ID td { background: none; color: inherit; border: 0; }
#ID th, #ID td { padding: .15em .3em; text-align: left; font-weight: normal; white-space: nowrap; }
#ID td.value { text-align: right; width: 5.5em; }
#ID tbody tr.chosen { background: #EFEFE8; }
#ID tbody label { cursor: pointer; }
#ID button { font: inherit; font-size: 13px; color: INK; background: #FFF; border: 1px solid #8A8E94; border-radius: 5px;
  padding: .1em .55em; margin: .1em; cursor: pointer; }
#ID button:hover { background: #EFEFE8; }
#ID button:focus-visible, #ID input:focus-visible { outline: 3px solid DATA; outline-offset: 2px; }
#ID .theta { color: THETA; } #ID .data { color: DATA; }
#ID p { margin: .3em 0; color: inherit; }
#ID .unrun { display: none; }
@media (max-width: 480px) { #ID { padding: .5em; font-size: 13px; } #ID th, #ID td { padding: .1em; }
  #ID td.value { width: 3.9em; } #ID button { padding: .1em .3em; } }
"""


#: What the scripts of figures with sliders begin with.
SLIDER_SCRIPT = """
const root = document.getElementById("ID"), $ = selector => root.querySelector(selector), start = START, sliders = {};
root.querySelectorAll("input[type=range]").forEach(e => sliders[e.name] = e);
const value = name => Number(sliders[name].value), minus = s => s.replace("-", "\\u2212");
const path = (line, stroke, more) => "<path d='" + line + "' fill='none' stroke='" + stroke + "' " + more + "/>";
"""


def element_id(name: str) -> str:
    """A name as the id of an element: what would be markup there becomes a dash.

    >>> element_id("two-directions"), element_id("<b>x</b>")
    ('two-directions', '-b-x--b-')
    """
    return re.sub(r"[^\w-]", "-", str(name))


def slider_html(name: str, label_text: str, low: float, high: float, step: float, css_class: str, start: float) -> str:
    """A slider, with its words and its value above it; ``css_class`` gives it a colour."""
    return (
        f'<label class="{css_class}"><span>{label_text}</span><span data-shown="{name}" aria-hidden="true"></span><input type="range" '
        f'name="{name}" min="{low}" max="{high}" step="{step}" value="{escape(str(start))}"></label>'
    )


#: Seen only where style and script have been taken out: in Jupyter, in an output that another kernel has stored.
_UNRUN = (
    '<p class="unrun"><b>Run this cell</b> (click here, then Shift+Enter): until then nothing in this figure moves.</p>'
)


def page(html: str, name: str, start: dict[str, Any]) -> Figure:
    """The figure, once its placeholders in capitals are filled in: the colours, where it starts, and its id."""
    html = html.replace("<style>", f"{_UNRUN}<style>", 1)
    placeholders = {
        # Else JupyterLab answers an arrow key first, takes the focus away, and the slider does not move.
        "KEYS": 'data-lm-suppress-shortcuts="true" onkeydown="event.stopPropagation()"',
        "START": json.dumps(start).replace("<", "\\u003c"),  # no value ends the script
        "PAPER": PAPER,
        "INK": INK,
        **{colour_name.upper(): COLOR[colour_name] for colour_name in ("theta", "data", "phi", "prior", "second")},
        "ID": element_id(name),
    }
    for placeholder, text in placeholders.items():
        html = html.replace(placeholder, text)
    return Figure(html)
