"""A Sphinx extension: a chapter has the number that its file name begins with, whatever chapters are still to come.

Jupyter Book counts the chapters of _toc.yml; then a chapter that is called 06 everywhere would be printed as 5 while
chapter 05 is not written yet, and the draft of any one chapter would be chapter 1.
"""

import re

from sphinx_external_toc.collectors import TocTreeCollectorWithStyles as Collector

count = Collector.assign_section_numbers


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


def setup(app):
    Collector.assign_section_numbers = assign_section_numbers
    return {"parallel_read_safe": True}
