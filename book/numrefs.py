"""A Sphinx extension: references by number read the page of their target once, and not once for each reference.

Sphinx unpickles a page for every {numref} to it, which took most of the time of a build. It only reads there.
"""

import functools

from sphinx.domains.std import StandardDomain


class Once:
    """Sphinx's environment, whose pages are read once. What is handed out is shared: for reading only."""

    def __init__(self, env):
        self._env, self.get_doctree = env, functools.cache(env.get_doctree)

    def __getattr__(self, name):
        return getattr(self._env, name)


def setup(app):
    resolve, of = StandardDomain._resolve_numref_xref, functools.cache(Once)
    StandardDomain._resolve_numref_xref = lambda self, env, *rest: resolve(self, of(env), *rest)
    return {"parallel_read_safe": True}
