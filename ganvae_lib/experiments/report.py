"""The tables of chapter 18, from the JSON files that ``experiments.run`` wrote. A row without a file does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..figures.table import Table
from ..storage.cards import read_card
from .techniques import EXPERIMENTS, FRACTIONS, RESULTS, Setting

__all__ = ["HEADER", "answers", "commands", "counted", "listed", "markdown", "records"]
__all__ += ["row", "summary", "table", "where"]

HEADER = ("data", "share", "score", "base", "variant", "difference", "effect size", "found", "paper: base, variant")


def records(out: str | Path = RESULTS) -> list[dict]:
    """Every record in the folder, in the order of the experiments; at full size before smaller ones of the same share.

    Raises ValueError for a damaged file, and for an ``out`` that is a file.
    """
    if Path(out).is_file():
        raise ValueError(f"{out} is a file; give the folder of the results.")
    loaded = []
    ranks = []  # what a record is sorted by
    for path in sorted(Path(out).glob("*.json")):
        try:
            record = read_card(path)
            experiment, data, fraction = _compared(record)
            ranks.append((list(EXPERIMENTS).index(experiment), data, fraction, not _is_full(record), where(record)))
            for score in record["scores"]:
                row(record, score)
            # Nothing is done with these: a record raises here if something that the tables show is missing.
            _time_and_machine(record), len(record["seeds"]), record["command"]
            loaded.append(record)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged or no record of an experiment: {error}; run it again.") from error
    return [record for _, record in sorted(zip(ranks, loaded, strict=True), key=lambda pair: pair[0])]


def _compared(record: dict) -> tuple[str, str, float]:
    """What a record compares, at whatever size."""
    return record["experiment"], record["data"]["name"], record["fraction"]


def _is_full(record: dict) -> bool:
    """Was it trained at full size, with all its steps?"""
    return record.get("size") == "full" and "--steps" not in record["command"]


def answers(out: str | Path = RESULTS) -> list[dict]:
    """The records but for those in whose place another one stands, of the same comparison at full size.

    Raises ValueError as ``records`` does.
    """
    found = records(out)
    at_full_size = [_compared(record) for record in found if _is_full(record)]
    return [record for record in found if _is_full(record) or _compared(record) not in at_full_size]


def _digits(score: str) -> int:
    """How many decimal places of a score are shown; bounds and classifier scores are large, shares are not."""
    if score == "test accuracy":
        return 4
    return 3 if "accuracy" in score else 2


def _number(summary: dict, digits: int, sign: str = "") -> str:
    """A mean and the half-width of its 95 % interval, if it has one."""
    mean = f"{summary['mean']:{sign}.{digits}f}"
    half_width = summary["half_width_95"]
    return mean if half_width is None else f"{mean} ± {half_width:.{digits}f}"


def verdict(difference: dict, names: tuple[str, str]) -> str:
    """Which of the two is ahead, if the 95 % interval of the paired difference excludes zero. All scores grow."""
    half_width = difference["half_width_95"]
    if half_width is None or abs(difference["mean"]) <= half_width:
        return "no difference shown"
    base, variant = names
    return f"{variant if difference['mean'] > 0 else base} ahead"


def where(record: dict) -> str:
    """The data set of a record, its size if it is the full one, and its steps where they were asked for."""
    size = ", full size" if record.get("size") == "full" else ""
    steps = re.search(r"--steps (\d+)", record["command"])
    return record["data"]["name"] + size + (f", {int(steps[1]):,} steps" if steps else "")


def row(record: dict, score: str) -> tuple[str, ...]:
    """A line of a table: means with 95 % intervals over seeds, the paired difference, and the paper's numbers."""
    summaries = record["scores"][score]
    digits = _digits(score)
    paper_scores = EXPERIMENTS[record["experiment"]].paper.get((record["data"]["name"], record["fraction"], score))
    effect_size = summaries["difference"]["effect_size"]
    return (
        where(record),  # the data set
        f"{100 * record['fraction']:g} %",
        score,
        _number(summaries["base"], digits),
        _number(summaries["variant"], digits),
        _number(summaries["difference"], digits, "+"),
        "" if effect_size is None else f"{effect_size:+.2f}",
        verdict(summaries["difference"], record["names"]),
        ", ".join(paper_scores) if paper_scores else "not reported",
    )


def table(name: str, out: str | Path = RESULTS) -> Table:
    """The table of one experiment: a row per data set, share and score for which there is a record."""
    chosen = [record for record in records(out) if record["experiment"] == name]
    base, variant = EXPERIMENTS[name].names
    names = {"base": base, "variant": variant}
    header = tuple(names.get(title, title) for title in HEADER)
    return Table(header, tuple(row(record, score) for record in chosen for score in record["scores"]))


def counted(name: str, out: str | Path = RESULTS) -> str:
    """How many rows of the table of one experiment show a difference, and who is ahead there: a sentence."""
    verdicts = [cells[HEADER.index("found")] for cells in table(name, out).rows]
    ahead_counts = {model: verdicts.count(f"{model} ahead") for model in EXPERIMENTS[name].names}
    difference_count = sum(ahead_counts.values())
    rows_show = "row shows" if len(verdicts) == 1 else "rows show"
    sentence = f"{difference_count} of {len(verdicts)} {rows_show} a difference whose 95 % interval"
    counts = ", ".join(f"{model} ahead in {count}" for model, count in ahead_counts.items())
    return f"{sentence} excludes zero" + (f": {counts}." if difference_count else ".")


def commands(name: str, out: str | Path = RESULTS) -> list[str]:
    """For each record of one experiment the command that repeats it, the time that it took, and the machine."""
    chosen = [record for record in records(out) if record["experiment"] == name]
    return [f"{record['command']}  # {_time_and_machine(record)}" for record in chosen]


def summary(path: Path) -> str:
    """One record, for the end of a run."""
    record = read_card(Path(path))
    base, variant = record["names"]
    lines = [f"{variant} against {base}, {len(record['seeds'])} seeds, {record['wall_s']:.0f} s: {path}"]
    for score in record["scores"]:
        _, _, _, base, variant, difference, _, who_is_ahead, _ = row(record, score)
        lines.append(f"  {score}: {base} -> {variant}, difference {difference}: {who_is_ahead}")
    return "\n".join(lines) + "\n"


def listed(out: str | Path = RESULTS) -> str:
    """The experiments, their commands, and the time that each took where it was recorded."""
    time_of_command = {record["command"]: _time_and_machine(record) for record in records(out)}
    lines = []
    for name, experiment in EXPERIMENTS.items():
        lines.append(f"{name}: {experiment.title} ({' and '.join(experiment.names)})")
        recorded_commands = [command for command in time_of_command if f" run {name} " in command]
        usual_commands = [Setting(name, fraction=fraction, out=Path(out)).command for fraction in FRACTIONS[name]]
        for command in dict.fromkeys([*usual_commands, *recorded_commands]):
            lines += [f"  {command}", f"      {time_of_command.get(command, 'not run here')}"]
    return "\n".join(lines)


def _time_and_machine(record: dict) -> str:
    """The time that a run took, and on which machine."""
    environment = record["environment"]
    threads = "1 thread" if environment["threads"] == 1 else f"{environment['threads']} threads"
    machine = f"{environment['processor']}, {threads}"
    if "gpu" in environment and environment["device"].startswith("cuda"):
        machine = environment["gpu"]
    seconds = record["wall_s"]
    time = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
    return f"{time} on {machine}"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markdown(out: str | Path = RESULTS) -> str:
    """All tables as Markdown, each row with the command that repeats it, its time and its machine.

    Raises ValueError for a folder that does not exist, or holds something else.
    """
    if not Path(out).exists():
        raise ValueError(f"there is no folder {out}; give that of the results, or run an experiment first.")
    all_records = records(out)
    sections = []
    if not all_records:
        return f"There are no results in {out}; run an experiment first: python -m ganvae_lib run gan"
    for name in dict.fromkeys(record["experiment"] for record in all_records):
        record_table = table(name, out)
        separator = ["---"] * len(record_table.header)
        rows = [_markdown_row(cells) for cells in (record_table.header, separator, *record_table.rows)]
        runs = [f"    {command}" for command in commands(name, out)]
        sections.append("\n".join([f"## {EXPERIMENTS[name].title}", "", *rows, "", counted(name, out), "", *runs]))
    return "\n\n".join(sections)
