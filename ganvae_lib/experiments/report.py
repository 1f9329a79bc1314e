"""The tables of chapter 18, from the JSON files that ``experiments.run`` wrote. A row without a file does not exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..figures.table import Table
from .techniques import EXPERIMENTS, FRACTIONS, RESULTS, Setting

__all__ = ["HEADER", "commands", "counted", "listed", "markdown", "records", "row", "summary", "table", "where"]

HEADER = ("data", "share", "score", "base", "variant", "difference", "effect size", "found", "paper: base, variant")


def records(out: str | Path = RESULTS) -> list[dict]:
    """Every record in the folder, in the order of the experiments.

    Raises ValueError for a damaged file, and for an ``out`` that is a file.
    """
    if Path(out).is_file():
        raise ValueError(f"{out} is a file; give the folder of the results.")
    cards, places = [], []
    for path in sorted(Path(out).glob("*.json")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            places.append((list(EXPERIMENTS).index(card["experiment"]), where(card), card["fraction"]))
            for score in card["scores"]:
                row(card, score)
            _took(card), len(card["seeds"]), card["command"]  # all that the tables show is there
            cards.append(card)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged or no record of an experiment ({error}); run it again.") from error
    return [card for _, card in sorted(zip(places, cards, strict=True), key=lambda pair: pair[0])]


def _number(value: dict, digits: int, sign: str = "") -> str:
    half = value["half_width_95"]
    return f"{value['mean']:{sign}.{digits}f}" + ("" if half is None else f" ± {half:.{digits}f}")


def verdict(difference: dict, names: tuple[str, str]) -> str:
    """Which of the two is ahead, if the 95 % interval of the paired difference excludes zero. All scores grow."""
    half = difference["half_width_95"]
    if half is None or abs(difference["mean"]) <= half:
        return "no difference shown"
    return f"{names[1] if difference['mean'] > 0 else names[0]} ahead"


def where(card: dict) -> str:
    """The data set of a record, its size if it is the full one, and its steps where they were asked for."""
    size = ", full size" if card.get("size") == "full" else ""
    steps = re.search(r"--steps (\d+)", card["command"])
    return card["data"]["name"] + size + (f", {int(steps[1]):,} steps" if steps else "")


def row(card: dict, score: str) -> tuple[str, ...]:
    """A line of a table: means with 95 % intervals over seeds, the paired difference, and the paper's numbers."""
    parts, digits = card["scores"][score], 4 if score == "test accuracy" else 3 if "accuracy" in score else 2
    paper = EXPERIMENTS[card["experiment"]].paper.get((card["data"]["name"], card["fraction"], score))
    effect = parts["difference"]["effect_size"]
    return (
        where(card),
        f"{100 * card['fraction']:g} %",
        score,
        _number(parts["base"], digits),
        _number(parts["variant"], digits),
        _number(parts["difference"], digits, "+"),
        "" if effect is None else f"{effect:+.2f}",
        verdict(parts["difference"], card["names"]),
        ", ".join(paper) if paper else "not reported",
    )


def table(name: str, out: str | Path = RESULTS) -> Table:
    """The table of one experiment: a row per data set, share and score for which there is a record."""
    cards = [card for card in records(out) if card["experiment"] == name]
    base, variant = EXPERIMENTS[name].names
    header = tuple({"base": base, "variant": variant}.get(h, h) for h in HEADER)
    return Table(header, tuple(row(card, score) for card in cards for score in card["scores"]))


def counted(name: str, out: str | Path = RESULTS) -> str:
    """How many rows of the table of one experiment show a difference, and who is ahead there: a sentence."""
    verdicts = [cells[HEADER.index("found")] for cells in table(name, out).rows]
    ahead = {model: verdicts.count(f"{model} ahead") for model in EXPERIMENTS[name].names}
    one, shown = len(verdicts) == 1, sum(ahead.values())
    sentence = f"{shown} of {len(verdicts)} {'row shows' if one else 'rows show'} a difference whose 95 % interval"
    counts = ", ".join(f"{model} ahead in {count}" for model, count in ahead.items())
    return f"{sentence} excludes zero" + (f": {counts}." if shown else ".")


def commands(name: str, out: str | Path = RESULTS) -> list[str]:
    """For each record of one experiment the command that repeats it, the time that it took, and the machine."""
    cards = [card for card in records(out) if card["experiment"] == name]
    return [f"{card['command']}  # {_took(card)}" for card in cards]


def summary(path: Path) -> str:
    """One record, for the end of a run."""
    card = json.loads(Path(path).read_text(encoding="utf-8"))
    base, variant = card["names"]
    lines = [f"{variant} against {base}, {len(card['seeds'])} seeds, {card['wall_s']:.0f} s: {path}"]
    for score in card["scores"]:
        _, _, _, base, variant, difference, _, found, _ = row(card, score)
        lines.append(f"  {score}: {base} -> {variant}, difference {difference}: {found}")
    return "\n".join(lines) + "\n"


def listed(out: str | Path = RESULTS) -> str:
    """The experiments, their commands, and the time that each took where it was recorded."""
    took = {card["command"]: _took(card) for card in records(out)}
    lines = []
    for name, experiment in EXPERIMENTS.items():
        lines.append(f"{name}: {experiment.title} ({' and '.join(experiment.names)})")
        known = [command for command in took if f" run {name} " in command]
        default = [Setting(name, fraction=f, out=Path(out)).command for f in FRACTIONS[name]]
        for command in dict.fromkeys([*default, *known]):
            lines.append(f"  {command}    {took.get(command, 'not run here')}")
    return "\n".join(lines)


def _took(card: dict) -> str:
    about, seconds = card["environment"], card["wall_s"]
    machine = f"{about['processor']}, {about['threads']} thread{'s' if about['threads'] != 1 else ''}"
    if "gpu" in about and about["device"].startswith("cuda"):
        machine = about["gpu"]
    return (f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s") + f" on {machine}"


def markdown(out: str | Path = RESULTS) -> str:
    """All tables as Markdown, each row with the command that repeats it, its time and its machine."""
    cards, parts = records(out), []
    if not cards:
        return f"There are no results in {out}; run an experiment first: python -m ganvae_lib run gan"
    line = lambda cells: "| " + " | ".join(cells) + " |"
    for name in dict.fromkeys(card["experiment"] for card in cards):
        shown = table(name, out)
        rows = [line(shown.header), line(["---"] * len(shown.header)), *map(line, shown.rows)]
        runs = [f"    {command}" for command in commands(name, out)]
        parts.append("\n".join([f"## {EXPERIMENTS[name].title}", "", *rows, "", counted(name, out), "", *runs]))
    return "\n\n".join(parts)
