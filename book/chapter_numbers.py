"""A Sphinx extension: a chapter has the number that its file name begins with, and one role refers to it.

Jupyter Book counts the chapters of _toc.yml; then a chapter that is called 06 everywhere would be printed as 5 while
chapter 05 is not written yet, and the draft of any one chapter would be chapter 1.

{chap}`4` prints "chapter 4", {Chap}`4` "Chapter 4", {chap}`15, 17 and 20` "chapters 15, 17 and 20". Each number is a
link, with the chapter's title as its tooltip.
"""

import re

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util import logging
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles as Collector

count = Collector.assign_section_numbers
say = logging.getLogger(__name__)


def assign_section_numbers(self, env):
    changed = count(self, env)
    for page, numbers in env.toc_secnumbers.items():
        if not (found := re.match(r"notebooks/(\d\d)_", page)):
            continue
        chapter = int(found[1])
        for anchor, number in numbers.items():
            numbers[anchor] = number and (chapter, *number[1:])
        for node in (env.titles[page], *env.tocs[page].findall(lambda node: hasattr(node, "attributes"))):
            if node.get("secnumber"):
                node["secnumber"] = [chapter, *node["secnumber"][1:]]
    return changed


def chapters(name, rawtext, text, lineno, inliner, options=None, content=()):
    """The role: the numbers in its text are links, or the whole of it where there is one."""
    env, made = inliner.document.settings.env, []
    pages = {int(page[10:12]): page for page in env.found_docs if re.match(r"notebooks/\d\d_", page)}
    several = len(re.findall(r"\d+", text)) > 1
    for word in re.split(r"(\d+)", f"{name}ters {text}") if several else [f"{name}ter {text}"]:
        if not (found := re.search(r"\d+", word)):
            made.append(nodes.Text(word))
        elif page := pages.get(int(found[0])):
            link = pending_xref("", nodes.inline("", word), refdomain="std", reftype="doc",
                                reftarget="/" + page, refdoc=env.docname, refexplicit=True, refwarn=True)  # fmt: skip
            made.append(link)
        else:
            say.warning("there is no chapter %s", found[0], location=(env.docname, lineno))
            made.append(nodes.Text(word))
    return made, []


def titled(app, tree, page):
    """Each link to another chapter by its number has its title."""
    for link in tree.findall(nodes.reference):
        name = "notebooks/" + link.get("refuri", "").rpartition("/")[2].removesuffix(".html")
        if re.fullmatch(r"([Cc]hapter )?\d+", link.astext()) and name in app.env.titles:
            link["reftitle"] = app.env.titles[name].astext()


def setup(app):
    Collector.assign_section_numbers = assign_section_numbers
    app.add_role("chap", chapters)
    app.connect("doctree-resolved", titled)
    return {"parallel_read_safe": True}
