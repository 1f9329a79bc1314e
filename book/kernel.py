"""Runs in a chapter's kernel before its first cell: notes which asserts of the chapter are reached, which hold, and
how far apart is what they compare (book/measured.py).

With GANVAE_SVG its figures are drawn as SVG.
"""


def _watch():
    import ast
    import builtins
    import json
    import os
    import sys

    from measured import Measured, Measures  # IPython runs this file with its folder on the path

    shell = get_ipython()  # noqa: F821
    if os.environ.get("GANVAE_SVG"):
        from matplotlib_inline.config import InlineBackend

        InlineBackend.instance(parent=shell).figure_formats = {"svg"}

    class Asserts(Measures, ast.NodeTransformer):
        """Puts a note before each assert and one after it."""

        reached: dict = {}  # (cell, line, column) -> how often it began
        held: dict = {}  # (cell, line, column) -> in which cells it was passed, each time

        def visit_Assert(self, node):
            place = (self.cell, node.lineno, node.col_offset)
            before, after = (self.note(what, node, place) for what in ("reach", "hold"))
            node.test = Measured().visit(node.test)
            return [before, node, after]

        def note(self, what, node, place):
            call = ast.parse(f"__asserts__.{what}({place})").body[0]
            for part in ast.walk(call):
                ast.copy_location(part, node)
            return call

        def reach(self, place):
            self.reached[place] = self.reached.get(place, 0) + 1

        def hold(self, place):
            self.held.setdefault(place, []).append(self.cell)
            self.passed(sys._getframe(1))

        def report(self):
            """The asserts that never failed as {"cell:line": the cells in which they held}, as JSON."""
            whole = {place: cells for place, cells in self.held.items() if self.reached[place] == len(cells)}
            asserts = {":".join(map(str, place)): sorted(set(cells)) for place, cells in whole.items()}
            print(json.dumps({"optimised": not __debug__, "asserts": asserts, "measured": self.told()}))

    builtins.__asserts__ = Asserts()
    shell.events.register("pre_run_cell", builtins.__asserts__.begin)
    shell.ast_transformers.append(builtins.__asserts__)


_watch()
del _watch
