"""Mutations: a small fault is put into the library, one at a time, and the tests of its package must see it.

    make mutations                                        draws COUNT faults of each package, tells those that survived
    python benchmarks/mutations.py --packages exact --count 9  fewer of them

Faults are those of cosmic-ray (another operator, comparison, constant or condition, a loop not run) and three
more: a statement dropped, a call without arguments dropped, as ``.detach()``, and two arguments exchanged. They are
drawn by a fixed seed. Each is tried in a copy of the repository, in a process that is forked after torch was imported.
What was seen is written down and not tried again: the next run tries the survivors, and what is new.
``equivalent_mutants.json`` lists those that change nothing that can be told, each with the reason. No test collects
this file; a run takes hours.
"""

import argparse
import ast
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.json")
SEED, COUNT, WANTED, PATIENCE = 0, 40, 0.95, 4
SEEN = ("killed", "timeout")

LAWS = "tests/laws/test_"
QUICK = "-p no:cacheprovider -p no:nbval -p no:xdist -p no:anyio".split()  # nbval alone takes seconds to load
SLOW = "not kill_9 and not with_other_seeds and not another_experiment and not two_processes_write"
#: The tests of a package, in stages: the second only where the first sees nothing. The docstrings come before.
TESTS = {
    "objective": (
        f"tests/objective {LAWS}snapshot.py",
        f"{LAWS}gradients.py {LAWS}mistakes.py {LAWS}prints.py {LAWS}graph.py {LAWS}players.py tests/test_extend.py",
    ),
    "distributions": (
        f"tests/distributions {LAWS}draws.py {LAWS}forgetting.py",
        f"{LAWS}gradients.py {LAWS}players.py tests/objective/test_bound.py tests/training/test_train.py",
    ),
    "exact": ("tests/exact",),
    "measure": (
        "tests/measure",
        "tests/training/test_rejection.py tests/models/test_build.py tests/networks/test_codes.py",
    ),
    "networks": (
        f"tests/networks {LAWS}draws.py",
        f"tests/models {LAWS}gradients.py {LAWS}snapshot.py {LAWS}mistakes.py",
    ),
    "models": (
        f"tests/models {LAWS}snapshot.py",
        f"{LAWS}mistakes.py {LAWS}saved.py tests/objective/test_operators.py tests/networks/test_codes.py "
        "tests/test_extend.py",
    ),
    "training": (
        f"tests/training/test_train.py tests/training/test_training_state.py {LAWS}forgetting.py {LAWS}precision.py",
        f"tests/training {LAWS}resume.py {LAWS}determinism.py {LAWS}saved.py {LAWS}mistakes.py",
    ),
    "experiments": ("tests/experiments/test_study.py", "tests/experiments/test_experiments.py"),
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


class Failures:
    """A plugin of pytest that writes down which tests fail."""

    def __init__(self, file):
        self.file = file

    def pytest_runtest_logreport(self, report):
        if report.failed:
            with open(self.file, "a") as file:
                file.write(report.nodeid + "\n")


def tried(copy, tests, limit, left_out=None):
    """Does a test see it? "killed", "timeout" or "survived", in a forked process that knows torch already.

    Where nothing says what is ``left_out`` all tests run, and failures.txt gets the names of those that fail.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(copy)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        try:
            import pytest

            words = ["-q", *QUICK, "-k", SLOW, *(f"--deselect={name}" for name in left_out or ())]
            watched = dict(plugins=[Failures(copy / "failures.txt")]) if left_out is None else {}
            code = int(pytest.main([*words, *(["-x"] if left_out is not None else []), *tests], **watched))
        except BaseException:
            code = 70
        os._exit(code)
    end = time.time() + limit
    while time.time() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            # 1: a test fails. 2 and 3: the module cannot be imported, or breaks pytest. Others: mistakes of ours.
            code = os.waitstatus_to_exitcode(status)
            assert code in (0, 1, 2, 3) or code < 0, f"pytest ends with {code}, for {tests}"
            return "survived" if code == 0 else "killed"
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def copied():
    """A copy of what git knows, and of what is new, where the faults are put."""
    copy = ROOT / "_build" / "mutations"
    shutil.rmtree(copy, ignore_errors=True)
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


def with_fault(path, code):
    """Write a module, and remove what Python keeps of it: two faults may have one size and one second."""
    path.write_text(code, encoding="utf8")
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)


def run(faults, out):
    """Try them all; ``out`` keeps what became of each."""
    copy = copied()
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "GANVAE_PROGRESS": "0",
        "PYTHONPATH": str(copy),
    }
    sys.path = [str(copy), *(p for p in sys.path if p not in (str(ROOT), str(ROOT / "tests"), ""))]
    import matplotlib.pyplot, numpy, pytest, sklearn.datasets, torch  # noqa: E401, F401, I001 (each fork finds them)

    excused = {(e["module"], e["was"], e["becomes"]): e["why"] for e in json.loads(EQUIVALENT.read_text())}
    key = lambda result: (result["module"], result["kind"], result["was"], result["becomes"])
    earlier = json.loads(out.read_text(encoding="utf8")) if out.exists() else []
    seen = {key(result): result for result in earlier if result["outcome"] in SEEN}
    limits, results = {}, []
    for package, (module, line, kind, was, becomes, code) in faults:
        result = dict(package=package, module=module, line=line, kind=kind, was=was, becomes=becomes)
        start, why = time.time(), excused.get((module, was, becomes))
        if key(result) in seen or why:
            result["outcome"] = seen[key(result)]["outcome"] if key(result) in seen else "equivalent"
            results.append(result)
            continue
        if package not in limits:
            (copy / "failures.txt").write_text("")
            outcome = tried(copy, [f"ganvae_lib/{package}", *" ".join(TESTS[package]).split()], 3600)
            left_out = (copy / "failures.txt").read_text().splitlines()
            assert outcome == "survived" or left_out, f"the tests of {package} cannot be run."
            limits[package] = PATIENCE * (time.time() - start) + 30
            print(f"{package}: its tests take {time.time() - start:.0f} s", flush=True)
            print("".join(f"    it fails without a fault, and is left out: {name}\n" for name in left_out), end="")
            start = time.time()
        original = (copy / module).read_text(encoding="utf8")
        with_fault(copy / module, code)
        for stage, tests in enumerate(TESTS[package]):
            result["outcome"] = tried(copy, [*([] if stage else [module]), *tests.split()], limits[package], left_out)
            if result["outcome"] != "survived":
                break
        with_fault(copy / module, original)
        results.append(result)
        kept = results + [r for r in earlier if key(r) not in set(map(key, results))]
        out.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
        print(f"{result['outcome']:10} {time.time() - start:5.1f} s  {module}:{line} {kind}", flush=True)
        print(f"    - {was}\n    + {becomes}", flush=True)
    return results


def told(results):
    """Counts by package; True if enough were seen. What is equivalent does not count."""
    for package in [*dict.fromkeys(r["package"] for r in results), None]:
        some = [r for r in results if package in (None, r["package"])]
        seen = sum(r["outcome"] in SEEN for r in some)
        counted = sum(r["outcome"] != "equivalent" for r in some)
        print(f"{package or 'together':14} {seen} of {counted} seen, {len(some) - counted} equivalent")
    return counted and seen / counted >= WANTED


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", nargs="+", default=list(TESTS), choices=list(TESTS))
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--list", action="store_true", help="only say what is drawn")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "mutations.json")
    options = parser.parse_args()
    faults = list(drawn(options.packages, options.count))
    if options.list:
        print("\n".join(f"{m}:{line} {kind}\n    - {was}\n    + {new}" for _, (m, line, kind, was, new, _) in faults))
        return 0
    options.out.parent.mkdir(exist_ok=True)
    return int(not told(run(faults, options.out)))


if __name__ == "__main__":
    sys.path += map(str, (ROOT / "_build" / "cosmic-ray" / "lib").glob("python*/site-packages"))
    sys.exit(main())
