"""Studies, the experiments of chapter 18 and homework: ``python -m ganvae_lib study|run|list|report|course``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from ganvae_course import command as homework

from .data.loading import scale
from .errors import DataError, check_int
from .experiments import runner, techniques as experiments
from .training import batches as parallel

MOST_SEEDS = 10_000  # at once, as many as a saved run may have
MOST_STEPS = 10**9
MOST_WORKERS = 1000  # processes of one machine


class _Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong, and ends with status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parse_steps(text: str) -> int:
    try:
        steps = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps") from None
    if not 1 <= steps <= MOST_STEPS:
        raise argparse.ArgumentTypeError(f"give at least one step and at most {MOST_STEPS:,}, not {text}")
    return steps


def _parse_workers(text: str) -> int:
    try:
        return check_int("--workers", int(text), most=MOST_WORKERS)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give a number of workers from 1 to {MOST_WORKERS:,}, not {text}") from None


def _parse_seeds(text: str) -> int | tuple[int, ...]:
    """10 means ten seeds; 3,5,8 names them, and 3, names one."""
    try:
        seed_list = tuple(int(seed) for seed in text.split(",") if seed)  # "3," ends in an empty piece
    except ValueError:
        message = f"{text!r} is neither a number of seeds nor a list of them such as 3,5,8"
        raise argparse.ArgumentTypeError(message) from None
    if "," in text:
        return seed_list
    if not seed_list or not 1 <= seed_list[0] <= MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"give one seed or more, and at most {MOST_SEEDS:,}, not {text}")
    return seed_list[0]


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser("python -m ganvae_lib", description="Run and report the experiments of the book.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train both models of an experiment, score them, and write a JSON file")
    run.add_argument("names", nargs="+", metavar="name", help=f"one or more of {', '.join(experiments.EXPERIMENTS)}")
    run.add_argument("--data", default="mnist", help=f"one of {', '.join(experiments.DATA)} (default mnist)")
    run.add_argument("--seeds", type=_parse_seeds, default=10, help="how many (default 10), or which: 3,5,8")
    run.add_argument(
        "--fraction", type=float, help="of the training data (default 1); for svae the part with labels (default 0.01)"
    )
    run.add_argument("--size", help="networks and steps: tiny, small or full (default: GANVAE_SCALE, or small)")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    run.add_argument("--precision", default="fp32", choices=("fp32", "tf32", "bf16"), help="(default fp32)")
    run.add_argument("--steps", type=_parse_steps, help="of training, instead of the experiment's own number")
    run.add_argument("--out", type=Path, default=experiments.RESULTS, help="folder of the results")
    run.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same setting")
    study = commands.add_parser("study", help="train and measure every model of a study, and write a JSON file")
    study.add_argument("name", help="a module in studies/, or the path of a file that defines STUDY")
    study.add_argument("--steps", type=_parse_steps, help="of training, instead of the study's own number")
    study.add_argument("--seeds", type=_parse_seeds, help="how many, or which: 3,5,8 (default: the study's own)")
    study.add_argument("--out", type=Path, default=Path("results"), help="folder of the record (default results)")
    study.add_argument("--resume", action="store_true", help="keep the rows that an interrupted run has finished")
    for command, rows in ((run, "names"), (study, "rows")):
        modes = command.add_mutually_exclusive_group()  # who trains them, if not this process
        modes.add_argument("--workers", type=_parse_workers, help=f"train the {rows} in this many processes, by Dask")
        modes.add_argument("--scheduler", help=f"train the {rows} on the Dask cluster of this address: tcp://host:8786")
        modes.add_argument(
            "--array", action="store_true", help=f"train this task's share of the {rows} in a Slurm array"
        )
    for name, purpose in (
        ("list", "the experiments, what they compare, and how long they took"),
        ("report", "the tables of chapter 18 from the results"),
    ):
        subparser = commands.add_parser(name, help=purpose)
        subparser.add_argument("out", nargs="?", type=Path, default=experiments.RESULTS, help="folder of the results")
        subparser.add_argument("--out", type=Path, dest="out_option", help="the same")
    homework.arguments(commands.add_parser("course", help="homework from the chapters: list, make, grade"))
    return parser


def _requested_work(
    command: str, options: dict[str, Any], out: Path
) -> runner.StudyRequest | list[experiments.Setting] | None:
    """What is to be run, if anything is. Raises ValueError for options that cannot be."""
    if command == "study":
        study_request = runner.StudyRequest(**options, out=out)
        study_request.study()
        return study_request
    if command != "run":
        return None
    options["size"] = options["size"] or scale()
    if isinstance(options["seeds"], int):  # a number of seeds, not a list of them
        options["seeds"] = tuple(range(options["seeds"]))
    settings = []
    names = options.pop("names")
    if len(set(names)) < len(names):
        raise ValueError(f"give each experiment once, not {' '.join(names)}.")
    for name in names:
        fraction = options["fraction"]
        if fraction is None:
            experiment = experiments.EXPERIMENTS.get(name)  # an unknown name is refused by the setting
            fraction = experiment.usual_fraction if experiment else 1.0
        settings.append(experiments.Setting(**options | {"name": name, "fraction": fraction}, out=out))
    return settings


def _homework(program: str, options: argparse.Namespace) -> int:
    """Write or grade homework; the exit status."""
    try:
        return homework.main(options)
    except (ValueError, OSError) as error:
        print(f"{program} course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program} course: interrupted; the same command goes on with what is not graded yet.", file=sys.stderr)
        return 130


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; return the exit status: 2 for what cannot be asked, 1 for what fails."""
    from .experiments import report

    parser = _make_parser()
    parsed = parser.parse_args(arguments)
    if parsed.command == "course":
        return _homework(parser.prog, parsed)
    options = vars(parsed)  # what remains of them after the pops is the experiment's setting
    command = options.pop("command")
    out = options.pop("out")
    resume = options.pop("resume", False)
    engine_options = {option: options.pop(option) for option in ("workers", "scheduler", "array") if option in options}
    try:
        work = _requested_work(command, options, out)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    try:
        if isinstance(work, runner.StudyRequest):
            record_path = runner.run(work, resume, **engine_options)
            print(f"{record_path}\n" if record_path else "", end="")
        elif isinstance(work, list):
            for path in experiments.run_each(work, resume, **engine_options):
                print(report.summary(path) if path else "", end="", flush=True)
        else:
            out = options["out_option"] or out
            print(report.listed(out) if command == "list" else report.markdown(out))
    except (ValueError, OSError, ArithmeticError, DataError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"{parser.prog}: interrupted; the same command with --resume goes on from the last checkpoint.",
            file=sys.stderr,
        )
        return 130
    finally:
        parallel.leave_processes()
    return 0


if __name__ == "__main__":
    sys.exit(main())
