"""New Pythons for tests that train or save in one: forks of a process that has loaded torch, and nothing of this library.

To load torch takes longer than what most of them do. A fork has its own folder, variables, arguments, streams and end, as
a new process has; what is loaded before is other people's code. It is none for tests of a fresh interpreter: of what is
imported, how soon, how much memory there is, of Python's own options. Where a process cannot be forked it is a new one.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path
from subprocess import PIPE, TimeoutExpired

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = ("torch", "safetensors.torch", "filelock")
FORKS = sys.platform == "linux"  # elsewhere a fork of a process that has loaded system libraries may hang


# ---------------------------------------------------------------- there


def serve(number):
    """Fork for whoever asks at this socket, until nobody is left who could."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # else each fork copies at its end all that the collector looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who watches a child ends unnoticed
    with socket.socket(fileno=number) as asked:
        while True:
            _, (*pipes,), *_ = socket.recv_fds(asked, 1, 4)
            if not pipes:
                return
            if os.fork() == 0:
                break
            for pipe in pipes:
                os.close(pipe)
    _watch(*pipes)


def _watch(order, out, err, ended):
    """Fork again, and say at ``ended`` which process that is and how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if (child := os.fork()) == 0:
        os.close(ended)
        return _become(order, out, err)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for pipe in (order, out, err):
        os.close(pipe)
    os.write(ended, b"%d\n" % child)
    os.write(ended, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _become(order, out, err):
    """The Python that was ordered; it ends as each ends, when this function does."""
    with open(order, encoding="utf8") as file:
        asked = json.load(file)
    for stream, pipe in ((1, out), (2, err)):
        os.dup2(pipe, stream)
        os.close(pipe)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    how, what, *arguments = asked["command"]
    sys.argv = [how, *arguments]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        if how == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), vars(main))
    except (Exception, KeyboardInterrupt) as error:
        told = error.__traceback__.tb_next  # without this function
        sys.excepthook(type(error), error.with_traceback(told), told)
        if isinstance(error, KeyboardInterrupt):
            sys.stdout.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        sys.exit(1)


# ---------------------------------------------------------------- here


def environment():
    """The variables of a new process that finds this library and the modules of the tests."""
    path = os.pathsep.join(str(folder) for folder in (ROOT, ROOT / "tests", ROOT / "tests" / "laws"))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@functools.cache
def _server():
    """The socket at which this process asks for forks."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", f"import children; children.serve({theirs.fileno()})"]
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(command, env=environment(), pass_fds=[theirs.fileno()], **quiet)
    theirs.close()
    atexit.register(server.wait)
    atexit.register(ours.close)  # the first of the two
    return ours


class Child:
    """What ``subprocess.Popen`` makes of ``[sys.executable, *command]``, where a command is ``-c`` or ``-m`` and so on."""

    def __init__(self, *command, cwd=None, stdout=None, stderr=None):
        self.args, self.returncode, self.stdout, self.stderr = [*map(str, command)], None, None, None
        streams = []
        for name, wanted in (("stdout", stdout), ("stderr", stderr)):
            if wanted == PIPE:
                reading, writing = os.pipe()
                setattr(self, name, open(reading, encoding="utf8"))
            else:
                writing = os.open(os.devnull, os.O_WRONLY) if wanted == subprocess.DEVNULL else os.dup(len(streams) + 1)
            streams.append(writing)
        (order, ordering), (ended, ending) = os.pipe(), os.pipe()
        pipes = [order, *streams, ending]
        socket.send_fds(_server(), [b"."], pipes)
        for pipe in pipes:
            os.close(pipe)
        with open(ordering, "w", encoding="utf8") as file:
            json.dump({"command": self.args, "folder": str(cwd or os.getcwd()), "variables": environment()}, file)
        self._ended = open(ended, "rb", buffering=0)
        self.pid = int(self._ended.readline())

    def poll(self):
        with contextlib.suppress(TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise TimeoutExpired(self.args, timeout)
            with self._ended:
                self.returncode = int(self._ended.readline())
        return self.returncode

    def communicate(self, timeout=None):
        pipes, said = [self.stdout, self.stderr], [None, None]

        def read(i):
            with pipes[i]:
                said[i] = pipes[i].read()

        readers = [threading.Thread(target=read, args=(i,), daemon=True) for i in range(2) if pipes[i]]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise TimeoutExpired(self.args, timeout)
        self.wait(timeout)
        return tuple(said)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def child(*command, cwd=None, stdout=PIPE, stderr=PIPE):
    """A Python that has been started, with a pipe from each of its streams."""
    if FORKS:
        return Child(*command, cwd=cwd, stdout=stdout, stderr=stderr)
    options = dict(cwd=cwd, stdout=stdout, stderr=stderr, env=environment(), text=True)
    return subprocess.Popen([sys.executable, *map(str, command)], **options)


def run(*command, cwd=None):
    """A Python that has ended: what it said, and how."""
    one = child(*command, cwd=cwd)
    out, err = one.communicate()
    return subprocess.CompletedProcess(one.args, one.returncode, out, err)
