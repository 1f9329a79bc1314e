"""What an assert of a chapter compares: puts notes into its test, and counts what passes them.

``assert worst(left - right) < 1e-9`` compares as many values as left - right has, and worst(...) is their difference.
"""

import ast

__all__ = ["Measured", "Measures"]

SMALL = 1e-3  # an assert that something is less than this, a number in its text, compares two sides
LARGEST = {"abs", "max", "amax", "norm", "float", "item", "worst"}  # of many values they make one


def small(node) -> bool:
    """Whether an upper bound is a tolerance: a small number, or such a number times or over something."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        return small(node.left) or (isinstance(node.op, ast.Mult) and small(node.right))
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value <= SMALL


def noted(what: str, *nodes, keywords=()):
    """A call of __asserts__.what that gets the nodes, at the place of the first."""
    call = ast.parse(f"__asserts__.{what}()", mode="eval").body
    for part in ast.walk(call):
        ast.copy_location(part, nodes[0])
    call.args, call.keywords = list(nodes), list(keywords)
    return call


def values(node):
    """The node with a note around what is compared: around left - right in worst((left - right).abs())."""
    call, function = isinstance(node, ast.Call), getattr(node, "func", None)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        node.left = values(node.left)
    elif call and isinstance(function, ast.Name) and function.id in LARGEST:
        if any(isinstance(part, ast.GeneratorExp | ast.Starred) for part in node.args):
            return noted("values", node)
        node.args = [values(part) for part in node.args]
    elif call and isinstance(function, ast.Attribute) and function.attr in LARGEST and not node.args:
        function.value = values(function.value)
    else:
        return noted("values", node)
    return node


class Measured(ast.NodeTransformer):
    """Puts a note around each difference that the test of an assert bounds by a tolerance."""

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt | ast.LtE) and small(node.comparators[0]):
            node.left = noted("difference", values(node.left))
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if getattr(node.func, "attr", None) in {"allclose", "isclose"} and len(node.args) == 2:
            return noted("close", node.func, *node.args, keywords=node.keywords)
        return node


class Measures:
    """Of each cell: how many asserts it passed, how many values and worlds they compared, the largest difference."""

    cell = 0  # the number of the one that runs
    names: frozenset = frozenset()  # what it speaks of

    def __init__(self):
        self.measured: dict[int, dict] = {}
        self.worlds: dict[tuple, object] = {}  # (cell, id of a batch of worlds) -> it, kept: no other gets its id

    def begin(self, info) -> None:
        self.cell += 1
        try:
            tree = ast.parse(info.raw_cell)
        except SyntaxError:
            return
        self.names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))

    def passed(self, frame) -> None:
        """An assert held in this frame; worlds of ``ganvae_lib.exact`` that the cell names there are counted once."""
        self.count("asserts", 1)
        for name in self.names:
            value = frame.f_locals.get(name, frame.f_globals.get(name))
            if type(value).__module__.startswith("ganvae_lib.exact") and hasattr(value, "theta_0"):
                self.worlds[self.cell, id(value.theta_0)] = value.theta_0

    def count(self, what: str, n: int) -> dict:
        counts = self.measured.setdefault(self.cell, {"asserts": 0, "values": 0, "worlds": 0, "difference": None})
        counts[what] += n
        return counts

    def values(self, value):
        self.count("values", value.numel() if hasattr(value, "numel") else getattr(value, "size", 1))
        return value

    def difference(self, value):
        largest = value.detach() if hasattr(value, "detach") else value
        counts = self.count("values", 0)
        found = float(largest.max() if hasattr(largest, "max") else largest)
        if found >= 0:  # else one side is to be less than the other, by however much
            counts["difference"] = max(counts["difference"] or 0.0, found)
        return value

    def close(self, function, a, b, **tolerances):
        """As the call of allclose or isclose; relative where b is larger than 1, unless rtol is 0."""
        import numpy  # only where a chapter has loaded it anyway

        one, other = (side if hasattr(side, "shape") else numpy.asarray(side) for side in (a, b))
        apart = abs(self.values(one) - other)
        self.difference(apart / abs(other).clip(1) if tolerances.get("rtol", 1) else apart)
        return function(a, b, **tolerances)

    def told(self) -> dict[int, dict]:
        """What was counted, by cell."""
        for (cell, _), batch in self.worlds.items():
            self.measured[cell]["worlds"] += batch[..., 0].numel()
        return self.measured
