"""References by number read a page once, and are resolved as Sphinx resolves them."""

import importlib

import pytest
from sphinx.domains.std import StandardDomain


class Environment:
    found = "what Sphinx found"

    def __init__(self):
        self.read = []

    def get_doctree(self, page):
        self.read.append(page)
        return object()


@pytest.fixture
def resolved(monkeypatch):
    """Resolve references to these pages: the pages that were read, and what the domain was given and gave."""

    def original(self, env, *rest):
        return env.found, rest, env.get_doctree(rest[0])

    monkeypatch.setattr(StandardDomain, "_resolve_numref_xref", original)
    importlib.import_module("numrefs").setup(None)
    environment = Environment()
    return lambda *pages: (
        environment.read,
        [StandardDomain._resolve_numref_xref(None, environment, page, "to", "role") for page in pages],
    )


def test_each_page_is_read_once(resolved):
    read, given = resolved("one", "two", "one", "one")
    assert read == ["one", "two"]
    assert given[0][2] is given[2][2] is given[3][2] is not given[1][2]


def test_the_rest_is_the_environments(resolved):
    _, ((found, rest, _),) = resolved("one")
    assert (found, rest) == (Environment.found, ("one", "to", "role"))
