"""nbval on what the build has run: a chapter whose code and surroundings are as they were then is not run again.

The build keeps the outputs of each chapter under a key of all that can change them (book/execute.py). With this plugin
nbval compares those with the stored ones; without such outputs it starts a kernel, as it does by itself.
"""

import functools
from pathlib import Path
from queue import Empty

import nbformat
from execute import code_cells, environment_key, recalled
from nbval.plugin import IPyNbFile

key = functools.cache(environment_key)


class Replayed:
    """What nbval asks of a kernel: it answers a cell with the outputs that this cell had in the build."""

    def __init__(self, cells):
        self.cells, self.messages = iter(cells), iter(())

    def is_alive(self):
        return True

    def stop(self):
        pass

    def execute_cell_input(self, source, allow_stdin=None):
        outputs = next((outputs for theirs, outputs in self.cells if theirs == source), None)
        if outputs is None:
            raise LookupError(f"The build has run no such cell after the one before it:\n{source}")
        kinds = [(output["output_type"], output) for output in outputs] + [("status", {"execution_state": "idle"})]
        self.messages = iter(
            {"msg_type": kind, "content": nbformat.from_dict(content), "parent_header": {"msg_id": "cell"}}
            for kind, content in kinds
        )
        return "cell"

    def await_reply(self, message, timeout=None):
        pass

    def await_idle(self, message, timeout=None):
        pass

    def get_message(self, stream, timeout=None):
        for message in self.messages:
            return message
        raise Empty


def replay(path: Path):
    """A kernel that answers as the build's did, or None."""
    root = path.parents[1]
    notebook = nbformat.read(path, as_version=4)
    kept, _, _ = recalled(root, path, notebook, key(root))
    cells = code_cells(notebook)
    return kept and Replayed([(c.source, k["outputs"]) for c, k in zip(cells, kept["cells"], strict=True)])


started = IPyNbFile.setup


def setup(self):
    if kernel := replay(self.path):
        self.kernel = kernel
        self.setup_sanitize_files()
    else:
        started(self)


IPyNbFile.setup = setup
