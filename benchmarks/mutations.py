"""Mutations: a small fault is put into the library, one at a time, and the tests of its package must see it.

    make mutations                                        draws COUNT faults of each package, tells those that survived
    python benchmarks/mutations.py --packages exact --count 9  fewer of them

Faults are those of cosmic-ray (another operator, comparison, constant or condition, a loop not run) and three
more: a statement dropped, a call without arguments dropped, as ``.detach()``, and two arguments exchanged. They are
drawn by a fixed seed. Each is tried in a copy of the repository, by the tests that reach its line (``mutants.py``).
``mutations.json`` keeps what became of each, until the function or class around it is written otherwise: the next run
tries the survivors, and what is new. ``equivalent_mutants.json`` lists those that change nothing that can be told, each
with the reason. No test collects this file; a run takes half an hour and more.
"""

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import mutants

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.json")
RECORD = Path(__file__).with_name("mutations.json")
SEED, COUNT, WANTED = 0, 40, 0.95
SEEN = ("killed", "timeout")

LAWS = "tests/laws/test_"
#: The tests of a package, besides its docstrings. Those of the other packages of a run are asked as well.
TESTS = {
    "objective": f"tests/objective {LAWS}snapshot.py {LAWS}prints.py {LAWS}graph.py {LAWS}players.py",
    "exact": "tests/exact",
    "distributions": f"tests/distributions tests/training/test_parallel.py {LAWS}draws.py {LAWS}forgetting.py",
    "measure": "tests/measure tests/training/test_rejection.py",
    "networks": "tests/networks tests/models/test_stacked.py",
    "models": f"tests/models {LAWS}saved.py",
    "storage": "tests/storage/test_damage.py tests/storage/test_stranger.py tests/storage/test_unsaved.py "
    "tests/storage/test_writers.py tests/data/test_data.py tests/data/test_images.py",
    "training": "tests/training/test_train.py tests/training/test_training_state.py tests/training/test_checkpoint.py "
    "tests/training/test_optimizers.py tests/training/test_schedules.py tests/training/test_settings.py "
    "tests/training/test_compiled.py tests/training/test_going_on.py "
    "tests/training/test_failures.py tests/training/test_reference.py tests/training/test_interrupts.py",
    "experiments": "tests/experiments/test_study.py tests/experiments/test_experiments.py "
    "tests/experiments/test_engines.py",
}

# Of cosmic-ray's many operators those whose faults a person might make; what crashes wherever it runs tells nothing.
OPERATORS = (
    [f"ReplaceBinaryOperator_{pair}" for pair in "Add_Sub Sub_Add Mul_Div Mul_Add Div_Mul Pow_Mul Mod_FloorDiv".split()]
    + [f"ReplaceBinaryOperator_{pair}" for pair in "FloorDiv_Div FloorDiv_Mod BitOr_BitAnd BitAnd_BitOr".split()]
    + [f"ReplaceComparisonOperator_{pair}" for pair in "Eq_NotEq NotEq_Eq Lt_LtE Lt_Gt LtE_Lt LtE_GtE".split()]
    + [f"ReplaceComparisonOperator_{pair}" for pair in "Gt_GtE Gt_Lt GtE_Gt GtE_LtE Is_IsNot IsNot_Is".split()]
    + "ReplaceUnaryOperator_Delete_USub ReplaceUnaryOperator_Delete_Not ReplaceUnaryOperator_Delete_Invert".split()
    + "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd".split()
    + "ReplaceBreakWithContinue ReplaceContinueWithBreak NumberReplacer ZeroIterationForLoop".split()
)


def places_of_cosmic_ray(source):
    """(line, kind, function that makes the module with the fault) for each place of each operator."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, ((line, _), _) in enumerate(positions):
            yield line, name, lambda o=operator, i=occurrence: mutate_code(source, o, i)


def places_of_our_own(source):
    """The same for a dropped statement, a dropped call and exchanged arguments."""
    lines = source.encode().split(b"\n")
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    place = lambda node: (
        starts[node.lineno - 1] + node.col_offset,
        starts[node.end_lineno - 1] + node.end_col_offset,
    )

    def written(*edits):
        text = source.encode()
        for (start, end), new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return lambda: text.decode()

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AugAssign | ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ):
            yield node.lineno, "DropStatement", written((place(node), b"pass"))
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            (start, end), whole = place(node.func.value), place(node)
            yield node.end_lineno, "DropCall", written((whole, source.encode()[start:end]))
        if len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
            first, second = (place(a) for a in node.args[:2])
            code = source.encode()
            yield node.lineno, "SwapArguments", written((first, code[slice(*second)]), (second, code[slice(*first)]))


class Bare(ast.NodeTransformer):
    """Without annotations, docstrings and what only type checkers read: there a fault is none."""

    def visit_AnnAssign(self, node):
        node.annotation = ast.Constant(0)
        return self.generic_visit(node)

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        if any("overload" in ast.dump(d) for d in node.decorator_list):
            return None
        return self.generic_visit(node)

    def visit_If(self, node):
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)


def bare(source):
    return ast.dump(Bare().visit(ast.parse(source)))


def changed(before, after):
    """The lines of a module that a fault takes away and puts in, without indentation."""
    a, b = before.splitlines(), after.splitlines()
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return " ".join(line.strip() for line in a), " ".join(line.strip() for line in b)


def rank(*words):
    """A number that the seed and these words decide: what is drawn stays drawn when lines elsewhere change."""
    return int(hashlib.sha256("|".join(map(str, (SEED, *words))).encode()).hexdigest(), 16)


def drawn(packages, count):
    """``count`` faults of each package: a line, then one of its faults; what changes no code is passed over."""
    for package in packages:
        sources, places = {}, {}
        for path in sorted((ROOT / "ganvae_lib" / package).glob("[!_]*.py")):
            module = str(path.relative_to(ROOT))
            sources[module] = source = path.read_text(encoding="utf8")
            lines = source.splitlines()
            for line, kind, make in [*places_of_cosmic_ray(source), *places_of_our_own(source)]:
                places.setdefault((rank(module, lines[line - 1].strip()), module, line), []).append((kind, make))
        left = count
        for (chance, module, line), faults in sorted(places.items(), key=lambda item: item[0]):
            kind, make = faults[chance % len(faults)]
            code = make()
            try:
                if bare(code) == bare(sources[module]):
                    continue
            except SyntaxError:
                continue
            yield package, (module, line, kind, *changed(sources[module], code), code)
            left -= 1
            if not left:
                break


def copied():
    """A copy of what git knows, and of what is new, where the faults are put. What Python compiled there stays."""
    copy = ROOT / "_build" / "mutations"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in copy.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and str(path.relative_to(copy)) not in names:
            path.unlink()
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


def fingerprint(fault):
    """What a fault is called in the record: it is another one when the function around it is written otherwise."""
    module, line, kind, was, becomes, _ = fault
    source = (ROOT / module).read_text(encoding="utf8")
    around = [n for n in ast.parse(source).body if n.lineno <= line <= n.end_lineno]
    text = ast.get_source_segment(source, around[0]) if around else ""
    place = line - around[0].lineno if around else 0
    return hashlib.sha256("|".join(map(str, (kind, was, becomes, place, text))).encode()).hexdigest()[:10]


def library():
    """All that the library says, as bytes."""
    return b"".join(path.read_bytes() for path in sorted((ROOT / "ganvae_lib").rglob("*.py")))


def run(faults):
    """Try them all; ``RECORD`` keeps what became of each."""
    excused = {(e["module"], e["was"], e["becomes"]): e["why"] for e in json.loads(EQUIVALENT.read_text())}
    record = json.loads(RECORD.read_text(encoding="utf8")) if RECORD.exists() else {}
    known = {}  # what became of each fault, by its place in the list
    for i, (package, fault) in enumerate(faults):
        became = record.setdefault(package, {}).get(fingerprint(fault))
        if (fault[0], *fault[3:5]) in excused:
            known[i] = record[package][fingerprint(fault)] = "equivalent"
        elif became in SEEN:
            known[i] = became
    left = [i for i in range(len(faults)) if i not in known]
    if left:
        os.environ |= {"OMP_NUM_THREADS": "1", "GANVAE_PROGRESS": "0", "PYTHONPATH": str(copy := copied())}
        sys.path = [str(copy), *(p for p in sys.path if p not in (str(ROOT), str(ROOT / "tests"), ""))]
        import matplotlib.pyplot, numpy, sklearn.datasets, torch  # noqa: E401, F401, I001 (for forks)

        homes = {package: [f"ganvae_lib/{package}", *TESTS[package].split()] for package, _ in faults}
        tests = mutants.Tests(copy, sorted({file for package, _ in faults for file in homes[package]}))
        reach = mutants.Reach(tests, ROOT / "_build" / "reach", library())
        for anew, i in [(anew, i) for anew in (False, True) for i in left]:  # what takes long comes last
            package, fault = faults[i]
            module, line, kind, was, becomes, code = fault
            if i in known:
                continue
            reach.measure(homes[package])
            start = time.time()
            found = mutants.tried(tests, reach, homes[package], module, line, code, anew)
            if found is None:
                continue
            known[i] = record[package][fingerprint(fault)] = found[0]
            RECORD.write_text(json.dumps(record, indent=0, sort_keys=True) + "\n", encoding="utf8")
            print(f"{found[0]:10} {time.time() - start:5.1f} s  {module}:{line} {kind}, {found[1]}", flush=True)
            print(f"    - {was}\n    + {becomes}", flush=True)
        tests.close()
    RECORD.write_text(json.dumps(record, indent=0, sort_keys=True) + "\n", encoding="utf8")
    return [(package, known[i]) for i, (package, _) in enumerate(faults)]


def told(results):
    """Counts by package; True if enough were seen. What is equivalent does not count."""
    for package in [*dict.fromkeys(package for package, _ in results), None]:
        some = [became for of, became in results if package in (None, of)]
        seen = sum(became in SEEN for became in some)
        counted = sum(became != "equivalent" for became in some)
        print(f"{package or 'together':14} {seen} of {counted} seen, {len(some) - counted} equivalent")
    return counted and seen / counted >= WANTED


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", nargs="+", default=list(TESTS), choices=list(TESTS))
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--list", action="store_true", help="only say what is drawn")
    options = parser.parse_args()
    faults = list(drawn(options.packages, options.count))
    if options.list:
        print("\n".join(f"{m}:{line} {kind}\n    - {was}\n    + {new}" for _, (m, line, kind, was, new, _) in faults))
        return 0
    return int(not told(run(faults)))


if __name__ == "__main__":
    sys.path += map(str, (ROOT / "_build" / "cosmic-ray" / "lib").glob("python*/site-packages"))
    sys.exit(main())
