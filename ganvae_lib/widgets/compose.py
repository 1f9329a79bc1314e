"""Compose your own model: choose its parts; see its formula, its graph and how it does on the ring (chapter 14).

In the page everything has been trained before, by the study ``compose``; ``live=True`` trains, in Jupyter.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from ..distributions.spaces import SPACES
from ..experiments.record import recorded
from ..figures.formula import plain
from ..measure.intervals import format_interval
from ..objective.contract import Term
from .choices import ALSO, CHOICES, LABELS, MEASURES, RANGES, Choice, all_choices, explain_missing_modes
from .compose_live import Live
from .compose_page import COMPOSER_CSS, COMPOSER_SCRIPT, READ_CHOICE_SCRIPT, graph_svg
from .page import PAGE_CSS, Figure, element_id, page

__all__ = ["compose", "format_measure", "page_data"]

# In the page a letter stands for a term, so that thousands of sums are short.
_TERM_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLAYERS = ("theta", "eta", "phi")


def format_measure(measure: str, summary: dict | None) -> str:
    """A mean with its 95 % interval, as the table has it; a dash where there is none.

    An interval that would leave the range of a count or a percentage is cut there.
    """
    if summary is None:
        return "–"
    digits = {"modes": 1, "high_quality": 0}.get(measure, 2)
    return format_interval(summary["mean"], summary["half_width_95"], RANGES.get(measure), digits)


def _row(entry: dict) -> list[str]:
    """The cells of a model in the table of scores."""
    return [format_measure(measure, entry["measures"].get(measure)) for measure in MEASURES]


def _sort_key(term: Term) -> tuple:
    """Terms in the order in which a choice adds them."""
    return hasattr(term, "variable"), ["noisy x", *SPACES].index(term.space), repr(term)


def page_data(record: dict) -> tuple[dict, list]:
    """All that the page knows, as JSON values, and the terms that it can write.

    ``terms``, ``missing``, ``name`` and ``result`` have an entry for every choice, in the order of ``all_choices``: which
    letters of ``code`` make its sum, and which entry of ``messages``, ``names`` and ``results`` is its own.
    """
    choices = all_choices()
    trained_models = record["models"]
    terms = sorted({term for choice in choices for term in choice.terms}, key=_sort_key)
    letters = dict(zip(terms, _TERM_LETTERS, strict=False))
    results = list(trained_models)
    names: list[str] = []
    messages: list[str] = []
    columns: dict[str, list[str]] = {"terms": [], "missing": [], "name": [], "result": []}

    def position(texts: list[str], text: str | None) -> str:
        """Where a text stands among ``texts``, at whose end it is put if it is new; "" of no text."""
        if not text:
            return ""
        if text not in texts:
            texts.append(text)
        return str(texts.index(text))

    by_key: dict[str, tuple[str, str]] = {}  # by key, as choices that mean the same lack the same and have one name
    for choice in choices:
        key = choice.key
        if key not in by_key:
            missing = choice.missing()
            name = None if missing else choice.name() or ALSO.get(key)
            by_key[key] = position(messages, missing), position(names, name)
        columns["terms"].append("".join(letters[term] for term in choice.terms))
        columns["missing"].append(by_key[key][0])
        columns["name"].append(by_key[key][1])
        columns["result"].append(str(results.index(key)) if key in trained_models else "")
    return {
        "sizes": [len(options) for options in CHOICES.values()],
        "messages": messages,
        "names": names,
        "code": {letters[term]: repr(term) for term in terms},
        "players": {
            player: {letters[term]: plain(tex) for term in terms if (tex := term.lines().get(player))}
            for player in _PLAYERS
        },
        "layers": {letters[term]: [*term.networks, *(["again"] if term.space == "x again" else [])] for term in terms},
        "results": [_result(entry) for entry in trained_models.values()],
        "also": sorted(ALSO.values()),
        "known": _first_choice_of_name(choices, trained_models),
        "seeds": len(record["seeds"]),
        "reach": record["notes"]["cloud"]["reach"],
    } | {name: ",".join(column) for name, column in columns.items()}, terms


def _result(entry: dict) -> list:
    """What the page shows of a trained model: scores, samples, codes, and how many seeds broke down."""
    examples = entry["examples"]
    return [_row(entry), examples.get("x") or "", examples.get("z") or "", len(entry["failed"])]


def _first_choice_of_name(choices: tuple[Choice, ...], grid: dict) -> dict[str, int]:
    """For each name of a trained model the number of its first choice; names of few terms come first."""
    index_of_name: dict[str, int] = {}
    for index, choice in enumerate(choices):
        if choice.key in grid and choice.weight in (1, 4):
            name = grid[choice.key]["name"]
            if name and name not in index_of_name:
                index_of_name[name] = index
    return dict(sorted(index_of_name.items(), key=lambda item: len(choices[item[1]].terms)))


def _formula(terms: list[Term]) -> str:
    """One line per player, with every term that a sum may hold; the page shows those that it does hold."""
    lines = []
    for player in _PLAYERS:
        pieces = "".join(
            rf'<span class="piece" data-term="{letter}" hidden>\({escape(tex)}\)</span> '
            for letter, term in zip(_TERM_LETTERS, terms, strict=False)
            if (tex := term.lines().get(player))
        )
        lines.append(
            f'<div class="line" role="math" data-player="{player}"><span>\\(\\min_{{\\{player}}}\\)</span> '
            f"{pieces}</div>"
        )
    return "".join(lines)


def _select(part: str, start: Choice) -> str:
    options = "".join(
        f'<option value="{i}"{" selected" if value == getattr(start, part) else ""}>{escape(words)}</option>'
        for i, (value, words) in enumerate(CHOICES[part].items())
    )
    return f'<label><span>{LABELS[part]}</span><select name="{part}">{options}</select></label>'


def compose(
    record: str | Path | dict[str, Any] | None = None,
    *,
    live: bool = False,
    start: Choice | None = None,
    name: str = "composer",
) -> Any:
    """Choose the parts of a model; read its name and formula, see its graph, its samples and codes, and its scores.

    Args:
        record: the file that the study ``compose`` wrote, or its content; by default the book's own. Every number of
                the page comes from there.
        live:   controls that train any combination now, in a few seconds, and can stop; they need Jupyter and ipywidgets.
        start:  the choice that is shown first; by default the VAE.
        name:   id of the HTML element; one page must not use it twice.
    """
    if live:
        return Live(start or Choice()).box
    path = recorded("compose.json") if record is None else record
    results = path if isinstance(path, dict) else json.loads(Path(path).read_text(encoding="utf-8"))
    choices = all_choices()
    start = start or Choice()
    page_values, terms = page_data(results)
    header_cells = "".join(f'<th scope="col">{escape(words)}</th>' for words in MEASURES.values())
    table_cells = lambda row: "".join(f'<td class="value">{escape(text)}</td>' for text in row)
    rows = "".join(
        f'<tr data-index="{i}"><th scope="row"><button type="button" data-go="{i}">{escape(label)}</button></th>'
        f"{table_cells(_row(results['models'][choices[i].key]))}</tr>"
        for label, i in page_values["known"].items()
    )
    perfect = f'<tr><th scope="row">a perfect model</th>{table_cells(_row(results["references"]["perfect"]))}</tr>'
    label = (
        "Interactive figure: the parts of a model are chosen; its name, formula, graph, samples, codes and scores, "
        "trained before, are shown."
    )
    css = PAGE_CSS.replace("#ID svg", "#ID .pictures svg") + COMPOSER_CSS  # a formula is an svg, too
    selects = "".join(_select(part, start) for part in CHOICES)
    html = (
        f'<div id="ID" role="group" KEYS aria-label="{escape(label)}"><style>{css}</style>'
        f'<div class="parts">{selects}</div><p role="status"></p><p class="code"><code></code></p>'
        f'<div class="formula mathjax_process tex2jax_process">{_formula(terms)}</div>'
        f'<div class="pictures">{graph_svg(element_id(name))}<svg class="x" viewBox="0 0 220 220" role="img"></svg>'
        '<svg class="z" viewBox="0 0 220 220" role="img"></svg></div>'
        '<div class="scores" tabindex="0" role="region" aria-label="Scores"><table><thead><tr><th scope="col">model</th>'
        f'{header_cells}</tr></thead><tbody><tr class="chosen" data-chosen><th scope="row">your choice</th>{table_cells(_row({"measures": {}}))}'
        f'</tr>{rows}{perfect}</tbody></table></div><p class="note">{len(results["seeds"])} seeds, mean and 95 % '
        f"interval; {len(results['models'])} combinations were trained for {escape(str(results['config']['steps']))} steps "
        f"each. {escape(explain_missing_modes(results['models'], results['config']['steps']))}</p>"
        f"<script>{{{READ_CHOICE_SCRIPT}{COMPOSER_SCRIPT}}}</script></div>"
    )
    figure = page(html, name, {"modes": results["facts"]["modes"], "std": results["facts"]["std"]})
    # Last, as the pictures may hold the letters of a placeholder.
    return Figure(figure.html.replace("%FACTS%", json.dumps(page_values, ensure_ascii=False).replace("</", "<\\/")))
