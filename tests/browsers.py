"""Pages in a real browser: the system's Chromium, driven by Playwright. Without one these tests are skipped, and say so."""

import functools
import http.server
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from helpers import ROOT

HTML = ROOT / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/favicon.ico":  # browsers ask for it unasked
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def browser():
    """One browser a file. Playwright's event loop ends with it: notebooks tested later in this process need their own."""
    import printing
    from contents import BookError

    try:
        with printing.browser() as opened:
            yield opened
    except BookError as error:
        pytest.skip(str(error))


@contextmanager
def served(folder):
    """The address of a folder on this machine."""
    serve = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site():
    """The address of the built site on this machine."""
    assert HTML.is_dir(), "the site is not built: make book"
    with served(HTML) as address:
        yield address


@pytest.fixture(scope="module")
def page_at(browser):
    """``with page_at(address, width=1400, dark=False) as page``: an open page, whose use may raise no error in the
    console and ask no other host for anything."""

    @contextmanager
    def page_at(address, width=1400, height=900, dark=False, touch=False):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", has_touch=touch
        )
        page, wrong = context.new_page(), []
        page.set_default_timeout(120_000)  # a busy machine
        host = urlsplit(address).netloc
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda line: wrong.append(f"console: {line.text}") if line.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                wrong.append(f"asks {request.url}")
                if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).netloc != host
                else None
            ),
        )
        try:
            page.goto(address)
            yield page
        finally:
            context.close()
        assert not wrong, wrong

    return page_at
