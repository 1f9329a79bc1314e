"""nbgrader and Otter-Grader take our homework as it is: both tools, every chapter, in environments of their own.

    python tests/graders.py --chapters 07,08          (make graders: all of them)

For each chapter three notebooks come back: the key, one whose functions also warn, print and write to stderr, and the
blank. The tools must give the first two all points and the last none. Their environments see the packages of this one.
"""

import argparse
import csv
import json
import os
import re
import site
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {"nbgrader": "nbgrader==0.9.6", "otter": "otter-grader==7.0.0"}
LOUD = """
import sys, warnings

print("loud", file=sys.stderr)
for _name in [{names}]:
    if callable(globals()[_name]):

        def _loud(*arguments, _function=globals()[_name]):
            warnings.warn("odd")
            print("a bar", file=sys.stderr)
            print("words")
            return _function(*arguments)

        globals()[_name] = _loud
0
"""


def environment(folder, tool):
    """A Python with a tool, which finds our library and what is installed here after its own packages."""
    python = folder / tool / "bin" / "python"
    if (python.parent / tool).exists():
        return python.parent
    subprocess.run([sys.executable, "-m", "venv", folder / tool], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", TOOLS[tool]], check=True)
    there = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True
    )
    paths = [str(ROOT), *site.getsitepackages()]
    (Path(there.stdout.strip()) / "zz_ours.pth").write_text("\n".join(paths) + "\n", encoding="utf8")
    return python.parent


def run(command, folder):
    """Run a tool quietly; its last lines are told where it fails."""
    env = os.environ | {"PATH": f"{command[0].parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{(done.stdout + done.stderr)[-3000:]}")


def answered(notebook, solutions, loud):
    """A released notebook with the answers of the key: ``solutions`` has them in order, ``loud`` what comes after each."""
    cells = json.loads(notebook.read_text(encoding="utf8"))
    blanks = [
        cell
        for cell in cells["cells"]
        if cell["cell_type"] == "code" and re.search(r"= \.\.\.|YOUR CODE|otter_answer", str(cell))
    ]
    if len(blanks) != len(solutions):
        raise SystemExit(f"{notebook}: {len(blanks)} places for {len(solutions)} answers")
    for cell, (solution, names) in zip(blanks, solutions, strict=True):
        cell["source"] = solution + (LOUD.format(names=names) if loud else "")
    return json.dumps(cells)


def nbgrader(bin_, course, stem, solutions, total):
    """Release, hand in, grade, export; what is wrong, a line each."""
    (course / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "book"\n')
    run([bin_ / "nbgrader", "generate_assignment", stem], course)
    released = course / "release" / stem / f"{stem}.ipynb"
    wanted = {"key": total, "loud": total, "blank": 0}
    for student in wanted:
        path = course / "submitted" / student / stem / f"{stem}.ipynb"
        path.parent.mkdir(parents=True)
        text = released.read_text(encoding="utf8")
        path.write_text(
            text if student == "blank" else answered(released, solutions, student == "loud"), encoding="utf8"
        )
    run([bin_ / "nbgrader", "autograde", stem], course)
    run([bin_ / "nbgrader", "export"], course)
    rows = csv.DictReader((course / "grades.csv").read_text(encoding="utf8").splitlines())
    got = {row["student_id"]: float(row["score"]) for row in rows if row["assignment"] == stem}
    return [
        f"nbgrader {stem}: {student} got {got.get(student)} of {want}"
        for student, want in wanted.items()
        if got.get(student) != want
    ]


def otter(bin_, folder, stem, solutions, total):
    """Assign, hand in, grade; what is wrong, a line each."""
    run([bin_ / "otter", "assign", f"{stem}.ipynb", "dist"], folder)
    released = folder / "dist" / "student" / f"{stem}.ipynb"
    (archive,) = (folder / "dist" / "autograder").glob("*.zip")
    found = []
    for student, want in {"key": total, "loud": total, "blank": 0}.items():
        out = folder / student
        out.mkdir()
        text = released.read_text(encoding="utf8")
        (out / f"{stem}.ipynb").write_text(
            text if student == "blank" else answered(released, solutions, student == "loud"), encoding="utf8"
        )
        run([bin_ / "otter", "run", "-a", archive, "-o", out, out / f"{stem}.ipynb"], folder)
        tests = json.loads((out / "results.json").read_text(encoding="utf8"))["tests"]
        got = sum(test.get("score") or 0 for test in tests)
        found += [] if got == want else [f"otter {stem}: {student} got {got} of {want}"]
    return found


def main():
    from ganvae_course import chapter
    from ganvae_course.command import known_chapters
    from ganvae_course.making import make, sources

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chapters", help="such as 07,08 (default: all)")
    parser.add_argument("--environments", type=Path, help="folder in which those of the tools are made, and kept")
    options = parser.parse_args()
    numbers = [int(part) for part in options.chapters.split(",")] if options.chapters else known_chapters()
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {tool: environment(options.environments or folder, tool) for tool in TOOLS}
        for number in numbers:
            stem, here = f"{number:02}", folder / f"homework-{number:02}"
            make(number, here, 1, forms=("nbgrader", "otter"))
            exercises = chapter(number).exercises
            asked = sources(number).asked
            solutions = [
                (asked[label].solution.strip(), ", ".join(map(repr, one.defines))) for label, one in exercises.items()
            ]
            total = sum(one.points for one in exercises.values())
            wrong += nbgrader(places["nbgrader"], here / "nbgrader", stem, solutions, total)
            wrong += otter(places["otter"], here / "otter", stem, solutions, total)
            print(f"chapter {stem}: {len(exercises)} exercises, {total} points", flush=True)
    print("\n".join(wrong) or "Both tools give what they should.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
