"""Answers that live in another process: their code runs there, and only values come here.

The code of a submission may loop, crash, fill the memory or replace whatever it can reach; it has a process of its own,
with limits, and the judge is not in it. Values travel as JSON, never as pickles, and are checked when they arrive. This
keeps one answer from harming another or its own marks. It is no sandbox: it does not keep code from the user's files.
"""

from __future__ import annotations

import base64
import json
import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch

from .answers import MOST_NUMBERS, Answers, Wrong, plain

MOST_BYTES = 96 * 2**20  # of one message
MOST_DEPTH = 20  # of lists in lists
DTYPES = {str(dtype): dtype for dtype in (torch.float64, torch.float32, torch.int64, torch.bool)}
MEGABYTE = 2**20
PRELOADED = (
    "ganvae_course.remote",
    "ganvae_lib.__main__",
    "ganvae_lib.zoo",
    "ganvae_lib.training",
    "matplotlib.pyplot",
)
PATIENCE = 5  # by the clock on the wall, for a process whose computing is limited by itself
START = 600.0  # seconds in which a process must have loaded torch; none of a submission's code has run by then
HIDDEN = ("%", "!", "?")  # a line of a notebook that is not Python begins with one of these


@dataclass(frozen=True)
class Limits:
    """What one exercise of a submission may use: seconds of computing, and megabytes beside torch's own.

    A busy machine must not cost points. So computing is counted by the processor's clock where the system has one for a
    process, and the clock on the wall stops only who waits ``PATIENCE`` times as long.
    """

    seconds: float = 60.0
    megabytes: int = 2048


def pack(value: Any) -> Any:
    """A plain value as JSON holds it; a function is only named as one."""
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype) if str(value.dtype) in DTYPES else "torch.float64"
        content = value.detach().cpu().to(DTYPES[dtype]).contiguous().numpy().tobytes()
        return {"tensor": base64.b64encode(content).decode(), "dtype": dtype, "shape": list(value.shape)}
    if isinstance(value, list | tuple):
        return {"list": [pack(inner) for inner in value]}
    if isinstance(value, dict):
        return {"dict": [[str(key), pack(inner)] for key, inner in value.items()]}
    if value is None or isinstance(value, str | bool | int | float):
        return {"value": value}
    if callable(value):
        return {"function": True}
    raise TypeError(f"a {type(value).__name__} is no plain value.")


def unpack(packed: Any, depth: int = 0) -> Any:
    """The value of what ``pack`` made. Raises ValueError for anything else: it comes from code that is not ours."""
    if not isinstance(packed, dict) or depth > MOST_DEPTH:
        raise ValueError("not a value")
    if "function" in packed:
        return _elsewhere
    if "tensor" in packed:
        shape, dtype = packed.get("shape"), DTYPES.get(str(packed.get("dtype")))
        if dtype is None or not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("not a tensor")
        content = base64.b64decode(packed["tensor"], validate=True)
        count = math.prod(shape)
        if count > MOST_NUMBERS or len(content) != count * torch.empty((), dtype=dtype).element_size():
            raise ValueError("not a tensor of this shape")
        flat = torch.frombuffer(bytearray(content), dtype=dtype) if count else torch.empty(0, dtype=dtype)
        return flat.reshape(shape)
    if isinstance(packed.get("list"), list):
        return [unpack(inner, depth + 1) for inner in packed["list"]]
    if isinstance(packed.get("dict"), list):
        return {str(key): unpack(inner, depth + 1) for key, inner in packed["dict"]}
    value = packed.get("value", packed)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError("not a value")


def _elsewhere(*arguments: Any) -> Any:
    raise TypeError("this function lives in another process")


# -- there -----------------------------------------------------------------------------------------------------


def serve(connection: Connection, codes: Sequence[str], folder: str, limits: Limits) -> None:
    """Run cells of code, then answer what is asked of the names that they left. Runs in the process of its own."""
    connection.send_bytes(json.dumps({"counted": _confine(folder, limits)}).encode())
    names: dict[str, Any] = {"__name__": "__main__", "display": print}
    connection.send_bytes(json.dumps({"ready": _run_cells(codes, names)}).encode())
    while True:
        try:
            asked = json.loads(connection.recv_bytes())
        except EOFError:
            return
        try:
            reply = _reply(asked, names)
        except Wrong as error:
            reply = {"wrong": str(error)}
        except BaseException as error:  # a student's function may raise anything, SystemExit too
            reply = {"raised": [type(error).__name__, _first_line(error)]}
        connection.send_bytes(json.dumps(reply).encode())


def _reply(asked: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    name = asked["name"]
    if name not in names:
        return {"wrong": f"{name} is not defined yet."}
    if "arguments" in asked:
        arguments = [unpack(argument) for argument in asked["arguments"]]
        return {"got": pack(plain(f"what {name} returns", names[name](*arguments)))}
    return {"got": pack(plain(name, names[name]))}


def _run_cells(codes: Sequence[str], names: dict[str, Any]) -> str:
    """Run cell after cell; the first error, in a sentence, or an empty text."""
    said = ""
    for number, code in enumerate(codes, 1):
        lines = [f"pass  # {line}" if line.startswith(HIDDEN) else line for line in code.splitlines()]
        try:
            exec(compile("\n".join(lines), f"<cell {number}>", "exec"), names)
        except BaseException as error:
            said = said or f"{type(error).__name__}: {_first_line(error)}"
    return said


def _first_line(error: BaseException) -> str:
    try:
        return (str(error).strip() or "no message").splitlines()[0][:200]
    except Exception:  # an exception class of the student's own
        return "no message"


def _confine(folder: str, limits: Limits) -> bool:
    """Silence the process and bound what it may use, where the system can; whether its computing is bounded."""
    os.chdir(folder)
    os.environ |= {"MPLBACKEND": "Agg", "GANVAE_PROGRESS": "0"}
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    if hasattr(os, "setsid"):
        os.setsid()  # what it starts ends with it
    torch.set_num_threads(1)
    try:
        import resource
    except ImportError:  # Windows: time is bounded all the same
        return False
    seconds = math.ceil(limits.seconds)
    memory = limits.megabytes * MEGABYTE + _address_space()
    for what, most, at_last in (
        (resource.RLIMIT_FSIZE, 64 * MEGABYTE, 64 * MEGABYTE),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + 1),  # a signal that says why, and who ignores it is killed
    ):
        try:
            resource.setrlimit(what, (most, at_last))
        except (ValueError, OSError):  # a limit below which the system itself already holds us
            pass
    return 0 <= resource.getrlimit(resource.RLIMIT_CPU)[0] <= seconds


def _address_space() -> int:
    """Bytes of memory that this process has mapped already, most of it torch's libraries."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 16 * 1024 * MEGABYTE


# -- here ------------------------------------------------------------------------------------------------------


class TooLong(Wrong):
    """The answers' process did not reply in time."""


class Remote(Answers):
    """The answers that another process holds. Whatever it does, what comes of it is a value or Wrong."""

    def __init__(self, connection: Connection, process: Any, limits: Limits):
        super().__init__({})
        self._connection, self._process, self._limits = connection, process, limits
        self._deadline = time.monotonic() + START
        counted = self._received().get("counted")  # sent before any code of the submission has run
        self._deadline = time.monotonic() + limits.seconds * (PATIENCE if counted else 1)
        self.error = ""  # what the first cell that failed raised
        self.error = str(self._received().get("ready", ""))[:300]

    def read(self, name: str) -> Any:
        """The plain value of an answer."""
        try:
            return plain(name, self._ask({"name": name}))
        except Wrong as wrong:
            if self.error and "not defined" in str(wrong):
                raise Wrong(f"{wrong} A cell stopped with {self.error}.") from None
            raise

    def run(self, name: str, arguments: Sequence[Any]) -> Any:
        """What a function of the other process returns."""
        asked = {"name": name, "arguments": [pack(argument) for argument in arguments]}
        return plain(f"what {name} returns", self._ask(asked))

    def _ask(self, asked: dict[str, Any]) -> Any:
        try:
            self._connection.send_bytes(json.dumps(asked).encode())
        except OSError:
            raise Wrong(self._ended()) from None
        reply = self._received()
        if "wrong" in reply:
            raise Wrong(str(reply["wrong"])[:500])
        if "raised" in reply:
            kind, message = (str(part)[:200] for part in reply["raised"])
            raise type(kind if kind.isidentifier() else "Error", (Exception,), {})(message)
        try:
            return unpack(reply.get("got"))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Wrong("the answer is not a value that can be read.") from None

    def _received(self) -> dict[str, Any]:
        try:
            if not self._connection.poll(max(0.0, self._deadline - time.monotonic())):
                raise TooLong(f"stopped after {self._limits.seconds:g} s, the limit of an exercise.")
            content = self._connection.recv_bytes(MOST_BYTES)
        except (EOFError, OSError):
            raise Wrong(self._ended()) from None
        try:
            reply = json.loads(content)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise Wrong("the answer is not a value that can be read.")
        return reply

    def _ended(self) -> str:
        self._process.join(10.0)
        code = self._process.exitcode
        if code == -getattr(signal, "SIGXCPU", -1):
            return f"stopped after {self._limits.seconds:g} s, the limit of an exercise."
        how = f" by signal {-code}" if code is not None and code < 0 else ""
        return f"the process of this answer ended{how}, or it returned more than {MOST_BYTES // MEGABYTE} MB."


def _context() -> Any:
    """Processes that begin with torch loaded, where the system can; elsewhere each loads it itself."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        return context
    return multiprocessing.get_context("spawn")


@contextmanager
def answers(codes: Sequence[str], limits: Limits) -> Iterator[Remote]:
    """The answers that some cells define, run in a process of their own that ends with the block.

    >>> with answers(["share = 1 / 4", "def double(x): return 2 * x"], Limits(seconds=30)) as given:
    ...     given.number("share"), float(given.values("double", torch.tensor(3.0)))
    (0.25, 6.0)
    """
    context = _context()
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = context.Process(target=serve, args=(there, list(codes), folder, limits), daemon=True)
        process.start()
        there.close()
        try:
            yield Remote(here, process, limits)
        finally:
            here.close()
            _end(process)


def _end(process: Any) -> None:
    """End a process and what it has started."""
    if process.pid is not None and hasattr(os, "killpg"):
        try:
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    process.kill()
    process.join()
    process.close()
