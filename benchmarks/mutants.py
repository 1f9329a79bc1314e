"""How one fault is tried, for ``mutations.py``: in a process that has torch and the tests already.

``Tests`` is a child that collects the tests once. For each fault it forks, exchanges the code of the functions that the
fault changes, and runs the tests that reach the faulty lines, the quickest first. What a fault outside of functions
changes is known only to a process that imports the module anew: there pytest is started.
"""

import ast
import gc
import hashlib
import importlib.util
import inspect
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest

QUICK = "-q -s -p no:cacheprovider -p no:nbval -p no:xdist -p no:anyio".split()  # nbval alone takes seconds to load
SLOW = "not kill_9 and not with_other_seeds and not another_experiment and not two_processes_write"
PATIENCE = 4  # times as long as without a fault
LONGEST, MEASURED = 25, 60  # seconds of tests for one fault, the quickest first; of a file's tests, as they stand there
FILES = 12  # of tests, where a process has to read them anew
OUTSIDE = 71  # a number of our own: the fault changes more than functions
ENDS = {0: "survived", 1: "killed", 2: "killed", 3: "killed"}  # 2 and 3: the module has no import, or breaks pytest


def forked(work, limit):
    """What becomes of ``work()`` in a fork: its number, or None where it took ``limit`` seconds of a processor."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1), os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
            code = int(work())
        finally:
            os._exit(code)
    end = time.time() + 8 * limit + 30  # others use the processor too
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        late = time.time() > end
        if done or late:
            try:
                os.killpg(child, signal.SIGKILL)  # and what it started
            except ProcessLookupError:
                pass
            if late and not done:
                os.waitpid(child, 0)
                return None
            code = os.waitstatus_to_exitcode(status)
            return None if code in (-signal.SIGXCPU, -signal.SIGPROF, -signal.SIGKILL) else code
        time.sleep(0.01)


def outcome(code):
    """A word for what a fork ends with."""
    if code is None:
        return "timeout"
    assert code in ENDS or code < 0, f"pytest ends with {code}"
    return ENDS.get(code, "killed")


class Watch:
    """A plugin of pytest: the test that runs is what coverage calls the context; which fail; a processor's seconds."""

    def __init__(self, cover=None):
        self.cover, self.failed, self.times = cover, [], {}

    def pytest_runtest_logstart(self, nodeid):
        self.times[nodeid] = -sum(os.times()[:4])

    def pytest_runtest_logfinish(self, nodeid):
        self.times[nodeid] += sum(os.times()[:4])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtest_setup(self, item):
        # What tests of a file share is made by the first of them.
        self.cover and self.cover.switch_context(item.nodeid.split("::")[0])

    def pytest_runtest_call(self, item):
        self.cover and self.cover.switch_context(item.nodeid)


def codes(code, name=""):
    """All code objects in one, with names that tell the second of two lambdas from the first."""
    yield name, code
    for i, inner in enumerate(c for c in code.co_consts if isinstance(c, CodeType)):
        yield from codes(inner, f"{name}/{i}:{inner.co_name}")


def own(code):
    """What a code object says itself, without those in it and without where it is written."""
    constants = tuple("code" if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags


def exchanged(functions, path, before, after):
    """Give functions of a module the code that a fault leaves them; False where this is not all that it changes."""
    old, new = (dict(codes(compile(text, str(path), "exec", dont_inherit=True))) for text in (before, after))
    if old.keys() != new.keys():
        return False
    differ = {name for name in old if own(old[name]) != own(new[name])}
    if any(not old[name].co_flags & inspect.CO_OPTIMIZED for name in differ):  # a class's or the module's
        return False
    place = lambda code: (code.co_qualname, code.co_firstlineno, code.co_code)
    # A function's inner functions are made of the constants of its code: all those around are exchanged as well.
    around = {name for name in old if any(d == name or d.startswith(name + "/") for d in differ)}
    replaced = {place(old[name]): new[name] for name in around if old[name].co_flags & inspect.CO_OPTIMIZED}
    made = 0
    for function in functions:
        code = replaced.get(place(function.__code__)) if function.__code__.co_filename == str(path) else None
        if code is not None:
            if len(code.co_freevars) != len(function.__code__.co_freevars):
                return False
            function.__code__ = code
            made += 1
    return bool(made)


class Tests:
    """A child in which pytest has collected the tests of ``files``, and waits for what to do."""

    def __init__(self, copy, files):
        self.copy, self.files = copy, files
        self.pipe, theirs = multiprocessing.Pipe()
        self.child = os.fork()
        if self.child == 0:
            self.pipe = theirs
            try:
                os.chdir(copy)
                with tempfile.TemporaryDirectory() as folder:
                    words = [*QUICK, f"--basetemp={folder}/tests", "-k", SLOW, *files]
                    with open(copy / "collecting.txt", "w") as log:
                        os.dup2(log.fileno(), 1)
                        os.dup2(log.fileno(), 2)
                        pytest.main(words, plugins=[self])
                        sys.stdout.flush()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        theirs.close()
        self.names = self.pipe.recv()

    def pytest_runtestloop(self, session):
        items = {item.nodeid: item for item in session.items}
        watch = Watch()
        session.config.pluginmanager.register(watch)
        self.pipe.send(list(items))
        library = str(self.copy / "ganvae_lib")
        functions = [
            f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename.startswith(library)
        ]
        gc.freeze()  # a fork that collects garbage would copy the memory that all of them share

        def run(names, cover=None, times=None):
            chosen = [items[name] for name in names]
            for item, after in zip(chosen, [*chosen[1:], None], strict=True):
                if times:  # a test that runs on and on ends the process
                    signal.setitimer(signal.ITIMER_PROF, PATIENCE * times[item.nodeid] + 5)
                item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
                if watch.failed and cover is None:
                    return 1
                if cover and sum(watch.times.values()) > MEASURED:
                    break
            return 0

        def seen(names, file):
            watch.cover = cover = coverage.Coverage(
                data_file=None, source=[str(self.copy / "ganvae_lib")], config_file=False, messages=False
            )
            cover.start()
            run(names, cover)
            cover.stop()
            data, lines = cover.get_data(), {}
            for path in data.measured_files():
                for line, contexts in data.contexts_by_lineno(path).items():
                    for context in contexts:
                        lines.setdefault(context, {}).setdefault(os.path.relpath(path, self.copy), set()).add(line)
            file.write_bytes(pickle.dumps((watch.times, watch.failed, lines)))
            return 0

        def with_fault(module, code, names, times):
            path = self.copy / module
            if not exchanged(functions, path, path.read_text(encoding="utf8"), code):
                return OUTSIDE
            try:
                return run(names, times=times)
            except BaseException:  # it goes through pytest: no test survives that
                return 3

        while True:
            kind, limit, *rest = self.pipe.recv()
            self.pipe.send(forked(lambda k=kind, r=rest: (seen if k == "seen" else with_fault)(*r), limit))

    def ask(self, *words):
        self.pipe.send(words)
        return self.pipe.recv()

    def seen(self, names, file):
        """(seconds, those that fail, lines reached) of some tests; ``file`` keeps it for another run."""
        if not file.exists():
            assert self.ask("seen", 1800, names, file) == 0, f"these cannot be run: {names}"
        return pickle.loads(file.read_bytes())

    def close(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)


def statement(source, line):
    """The lines of the innermost statement at one, or only those of its head; None outside functions."""
    best = None
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno:
            if best is None or node.lineno >= best.lineno:
                best = node
    if best is None or isinstance(best, ast.FunctionDef | ast.ClassDef):
        return None
    body = getattr(best, "body", None)
    return range(best.lineno, max(best.lineno + 1, body[0].lineno) if body else best.end_lineno + 1)


class Reach:
    """Which tests reach which lines, as they were when nothing was changed; measured once for each file of tests."""

    def __init__(self, tests, folder, library):
        self.tests, self.folder, self.library = tests, folder, library
        self.times, self.failed, self.lines, self.files = {}, [], {}, set()
        folder.mkdir(parents=True, exist_ok=True)

    def measure(self, files):
        for file in sorted({name.split("::")[0] for name in self.tests.names} - self.files):
            if not any(file == f or file.startswith(f + "/") for f in files):
                continue
            self.files.add(file)
            names = [name for name in self.tests.names if name.split("::")[0] == file]
            digest = hashlib.sha256(self.library + (self.tests.copy / file).read_bytes()).hexdigest()[:16]
            times, failed, lines = self.tests.seen(names, self.folder / f"{digest}.pickle")
            self.times |= times
            self.failed += failed
            self.lines |= lines
            if sum(times.values()) > 5:
                print(f"{file}: {len(names)} tests take {sum(times.values()):.0f} s", flush=True)
            for name in failed:
                print(f"    it fails without a fault, and is left out: {name}", flush=True)

    def of(self, module, lines):
        """The tests that reach one of these lines of a module (None: any line of it), the quickest first."""
        hit = lambda context: (
            (found := self.lines.get(context, {}).get(module)) and (lines is None or not found.isdisjoint(lines))
        )
        return self.some(n for n in self.times if hit(n) or hit(n.split("::")[0]))

    def some(self, names):
        """Those that do not fail, the quickest first, as many as fit into the time."""
        chosen, left = [], LONGEST
        for name in sorted(set(names) - set(self.failed), key=self.times.get):
            left -= self.times[name]
            if left < 0 and chosen:
                break
            chosen.append(name)
        return chosen

    def limit(self, names):
        return PATIENCE * sum(self.times[n] for n in names) + 20


class Chosen:
    """A plugin of pytest: only these tests, in this order."""

    def __init__(self, names):
        self.places = {name: i for i, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((i for i in items if i.nodeid in self.places), key=lambda item: self.places[item.nodeid])


def write(path, code):
    """Write a module, and remove what Python keeps of it: two faults may have one size and one second."""
    path.write_text(code, encoding="utf8")
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)


def imported_anew(copy, module, code, names, limit):
    """Does one of these tests see it? In a process that imports the module with the fault."""
    path = copy / module
    before = path.read_text(encoding="utf8")
    files = list(dict.fromkeys(name.split("::")[0] for name in names))

    def work():
        os.chdir(copy)
        with tempfile.TemporaryDirectory() as folder:
            return pytest.main([*QUICK, "-x", f"--basetemp={folder}/tests", *files], plugins=[Chosen(names)])

    write(path, code)
    try:
        return outcome(forked(work, limit + 3 * len(files) + 30))
    finally:
        write(path, before)


def tried(tests, reach, home, module, line, code, anew):
    """("killed", "timeout" or "survived", how many tests were run) for a module with a fault.

    None where only a process that imports the module anew can tell, and ``anew`` is false.
    """
    lines = statement((tests.copy / module).read_text(encoding="utf8"), line)
    names = reach.of(module, lines)
    if lines is not None and names:
        ended = tests.ask("fault", reach.limit(names), module, code, names, {name: reach.times[name] for name in names})
        if ended != OUTSIDE:
            return outcome(ended), f"{len(names)} tests"
    if not anew:
        return None
    # Where none is known to reach the line, those of its package: they may start another process that does.
    names = names or reach.some(n for n in reach.times if any(n.startswith(f) for f in [*home, module]))
    few = list(dict.fromkeys(name.split("::")[0] for name in names))[:FILES]
    names = [name for name in names if name.split("::")[0] in few]
    return imported_anew(tests.copy, module, code, names, reach.limit(names)), f"{len(names)} tests in a new process"
