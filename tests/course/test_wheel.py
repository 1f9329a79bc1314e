"""Homework needs the wheel only: the key is right, and is graded, where nothing of the repository is to be found."""

import os
import subprocess
import sys

import alone

from ganvae_course.making import make


def test_homework_runs_with_the_wheel_only(tmp_path):
    library, away = alone.installed(tmp_path), tmp_path / "away"
    away.mkdir()
    make(7, away, variant=2)
    where = "import ganvae_lib, ganvae_course; print(ganvae_lib.__file__, ganvae_course.__file__)"
    env = os.environ | {"PYTHONPATH": str(library)}

    def run(*arguments):
        done = subprocess.run([sys.executable, *arguments], cwd=away, env=env, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    status, said = run("-c", where)
    assert status == 0 and said.count(str(library)) == 2
    status, said = run("-m", "ganvae_lib", "course", "grade", "07_key.ipynb", "07_student.ipynb")
    assert status == 0, said
    rows = [line.split(",")[:3] for line in (away / "grades.csv").read_text(encoding="utf8").splitlines()[1:]]
    assert rows[0][1] == rows[0][2] and rows[1][1] == "0"
    status, said = run("-m", "ganvae_lib", "course", "make", "07")
    assert status == 1 and "make homework in a clone of the book" in said and said.count("\n") == 1
