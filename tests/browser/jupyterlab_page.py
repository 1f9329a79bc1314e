"""A chapter in a real JupyterLab with a real kernel, as a reader has it: cells are run, typed into and looked at."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from helpers import ROOT
from playwright.sync_api import TimeoutError

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false"},  # else a question lies over the page
    "notebook-extension/tracker": {"windowingMode": "full"},  # else a far cell comes into the page when there is time
}
READER = {"GANVAE_SCALE": "small", "GANVAE_PROGRESS": "1", "PYTHONSTARTUP": str(ROOT / "book" / "startup.py")}
PANEL = "window.jupyterapp?.shell.currentWidget"
READY = f"() => {PANEL}?.context?.isReady && {PANEL}.context.sessionContext.session?.kernel?.status === 'idle'"
CELLS = f"""() => {PANEL}.content.widgets.map(w => [w.model.id, {{
  text: w.model.sharedModel.source, type: w.model.type, count: w.model.executionCount ?? null,
  outputs: w.model.type === "code" ? w.model.outputs.toJSON() : []}}])"""
GO = f"""async id => {{
  const n = {PANEL}.content, i = n.widgets.findIndex(w => w.model.id === id), node = n.widgets[i].node
  n.activeCellIndex = i
  await n.scrollToItem(i, "start")
  return node.isConnected && node.getBoundingClientRect().top < 400 }}"""
# A command that runs cells resolves when they have run; what it says is asked for later.
RUN = "name => { window.ran = false; window.jupyterapp.commands.execute(name).then(() => window.ran = true); }"
RAN = f"() => window.ran && {PANEL}.context.sessionContext.session?.kernel?.status === 'idle'"


@contextmanager
def server(folder):
    """JupyterLab over the notebooks of a folder, with settings of its own: its address, with the token."""
    own = folder / "settings"
    for name, value in SETTINGS.items():
        path = own / "lab" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(value))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {"JUPYTER_CONFIG_DIR": own, "JUPYTER_RUNTIME_DIR": own / "run", "JUPYTERLAB_SETTINGS_DIR": own / "lab"}
    folders |= {"JUPYTERLAB_WORKSPACES_DIR": own / "workspaces", "IPYTHONDIR": own / "ipython"}
    options = {"ServerApp.port": port, "ServerApp.port_retries": 0, "ServerApp.root_dir": folder / "notebooks"}
    options |= {"IdentityProvider.token": "book", "ServerApp.allow_root": True, "ServerApp.open_browser": False}
    options |= {"LabApp.expose_app_in_browser": True}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())],
            env=os.environ | {name: str(path) for name, path in folders.items()} | READER,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        try:
            _answers(f"http://127.0.0.1:{port}/api?token=book", process, folder / "log")
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token=book&reset"
        finally:
            process.terminate()  # it ends its kernels, too
            process.wait(30)


def _answers(address, process, log):
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


class Notebook:
    """An open chapter."""

    def __init__(self, browser, address):
        self.page = browser.new_page(viewport={"width": 1300, "height": 1500})
        self.page.set_default_timeout(300_000)  # a busy machine
        for patience in (90, 180, 300):  # the page does not ask again for a kernel that a busy machine starts too late
            try:
                self.page.goto(address)
                self.page.wait_for_function(READY, timeout=1000 * patience)
                return
            except TimeoutError as error:
                late = error
        raise late

    def command(self, name):
        """Begin a command of JupyterLab, such as ``notebook:run-all-cells``."""
        self.page.evaluate(RUN, name)

    def finish(self, seconds=300):
        """Wait for the cells of the last command; ``seconds`` is much more than they take on a busy machine."""
        self.page.wait_for_function(RAN, timeout=1000 * seconds)

    def run(self, *ids):
        """Run cells one after the other; the outputs of the last."""
        for one in ids:
            self.go(one)
            self.command("notebook:run-cell")
            self.finish()
        return self.cells()[ids[-1]]["outputs"]

    def go(self, one):
        """Bring a cell, by its id, to the top of the window, and make it the active one."""
        self.page.wait_for_function(GO, arg=one, polling=200)

    def begun(self, one):
        """Wait until a cell shows something: a line, or the bar of ``fit``."""
        shows = f"id => {PANEL}.content.widgets.find(w => w.model.id === id).model.outputs.length > 0"
        self.page.wait_for_function(shows, arg=one, timeout=300_000)

    def restart(self):
        kernel = self.page.evaluate(f"() => {PANEL}.context.sessionContext.session.kernel.id")
        self.page.evaluate(f"async () => {{ await {PANEL}.context.sessionContext.restartKernel(); }}")
        self.page.wait_for_function(READY)
        assert self.page.evaluate(f"() => {PANEL}.context.sessionContext.session.kernel.id") == kernel

    def interrupt(self):
        """The stop button of the tool bar."""
        self.page.get_by_role("button", name="Interrupt the kernel").click()

    def cells(self):
        """What each cell holds now, by its id: text, type, count, outputs."""
        return dict(self.page.evaluate(CELLS))

    def wrong(self):
        """The errors shown, as (id, name, what it says)."""
        shown = ((one, out) for one, cell in self.cells().items() for out in cell["outputs"])
        return [(one, out["ename"], out["evalue"]) for one, out in shown if out["output_type"] == "error"]

    def type_over(self, one, old, new):
        """Put ``new`` where ``old`` stands in a cell, with the keyboard."""
        self.go(one)
        before = self.cells()[one]["text"]
        assert before.count(old) == 1, before
        line, column = before[: before.index(old)].count("\n"), len(before[: before.index(old)].split("\n")[-1])
        self.page.locator(".jp-Cell.jp-mod-active .cm-content").click()
        keys = self.page.keyboard
        for key in ["Control+Home", *["ArrowDown"] * line, "Home", *["ArrowRight"] * column]:
            keys.press(key)
        for _ in old:
            keys.press("Shift+ArrowRight")
        keys.type(new)
        keys.press("Escape")
        assert self.cells()[one]["text"] == before.replace(old, new)


def text_of(outputs):
    """What a cell has printed or returned, as text; an error as its name and sentence."""
    as_text = lambda text: "".join(text)
    return "\n".join(
        as_text(out["text"])
        if out["output_type"] == "stream"
        else f"{out['ename']}: {out['evalue']}"
        if out["output_type"] == "error"
        else as_text(out["data"].get("text/plain", ""))
        for out in outputs
    )
