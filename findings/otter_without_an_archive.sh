#!/bin/sh
# otter-grader 7.0.0: `otter assign` with `generate: false` stops with FileNotFoundError, after its work is done.
#
# One would guess that a teacher who wants the notebooks only, and says `generate: false` in the assignment's settings,
# gets them. Both notebooks are written indeed; but then the tests of the key are run, from the archive for the
# autograder that was not to be made. The same notebook without the line, or with `generate: true`, succeeds.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check otter-grader==7.0.0 ipykernel==7.4.0
cd "$folder"
cat >write.py <<'PYTHON'
import nbformat
from nbformat import v4

for name in ("unsaid", "true", "false"):
    setting = "" if name == "unsaid" else f"generate: {name}\n"
    raw = ["# BEGIN QUESTION\nname: q1\npoints: 1", "# BEGIN SOLUTION", "# END SOLUTION", "# BEGIN TESTS", "# END TESTS"]
    question, begin, end, tests, ended = map(v4.new_raw_cell, raw)
    cells = [v4.new_raw_cell(f"# ASSIGNMENT CONFIG\ninit_cell: true\n{setting}"), question]
    cells += [v4.new_markdown_cell("Define x."), begin, v4.new_code_cell("x = 1  # SOLUTION"), end]
    cells += [tests, v4.new_code_cell("assert x == 1"), ended, v4.new_raw_cell("# END QUESTION")]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, f"{name}.ipynb")
PYTHON
venv/bin/python write.py
for name in unsaid true false; do
    status=0
    PATH="$folder/venv/bin:$PATH" otter assign "$name.ipynb" "$name" >"$name.log" 2>&1 || status=$?
    error=$(grep -o '^FileNotFoundError' "$name.log" || true)
    archives=$(ls "$name/autograder" | grep -c zip || true)
    student=$(ls "$name/student")
    echo "generate $name: status $status, archives $archives, $student written${error:+, $error}"
done >seen
cat seen
diff seen - <<'SEEN'
generate unsaid: status 0, archives 1, unsaid.ipynb written
generate true: status 0, archives 1, true.ipynb written
generate false: status 1, archives 0, false.ipynb written, FileNotFoundError
SEEN
