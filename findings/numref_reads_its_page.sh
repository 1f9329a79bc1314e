#!/bin/sh
# Sphinx 7.4.7: every reference by number reads the whole page that it leads to from disk again.
#
# One would guess that a page is read once while the site is written, or that the numbers, which are known by then, are
# enough. But a {numref} loads the pickled page of its target, only to see what it refers to, and forgets it. In a book
# made of notebooks, where pages are long and refer to each other's figures hundreds of times, this takes most of a build.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check sphinx==7.4.7 docutils==0.21.2
cd "$folder"
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from pathlib import Path

import sphinx
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def reads(references):
    """How often the page of the figure is read in a build in which another page refers to it so many times."""
    here = Path(f"book-{references}")
    here.mkdir()
    (here / "conf.py").write_text("numfig = True\n")
    (here / "index.rst").write_text("Book\n====\n\n.. toctree::\n\n   shown\n   told\n")
    (here / "shown.rst").write_text("Shown\n=====\n\n.. _a-figure:\n\n.. table:: A table\n\n   ==  ==\n   1   2\n   ==  ==\n")
    (here / "told.rst").write_text("Told\n====\n\n" + ":numref:`a-figure`\n\n" * references)
    count, original = [], BuildEnvironment.get_doctree
    BuildEnvironment.get_doctree = lambda self, page: (count.append(page), original(self, page))[1]
    try:
        Sphinx(here, here, here / "out", here / "trees", "html", status=None).build()
    finally:
        BuildEnvironment.get_doctree = original
    return count.count("shown")


print("sphinx", sphinx.__version__)
print("more reads for 100 more references:", reads(101) - reads(1))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
sphinx 7.4.7
more reads for 100 more references: 100
SEEN
