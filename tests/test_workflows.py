"""The workflow files: valid by their public schema, with actions at fixed commits, on all systems and Pythons."""

import json
import re
import shutil
import subprocess
import sys
import tomllib

import jsonschema
import pytest
import yaml
from helpers import ROOT

SCHEMA = json.loads((ROOT / "tests" / "github" / "github-workflow.json").read_text(encoding="utf8"))
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def read(path):
    """A workflow; YAML 1.1 takes its key ``on`` for the word for true."""
    workflow = yaml.safe_load(path.read_text(encoding="utf8"))
    return {"on" if key is True else key: value for key, value in workflow.items()}


def wrong(workflow):
    return [error.json_path for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(workflow)]


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@EVERY
def test_a_workflow_fits_the_public_schema(path):
    workflow = read(path)
    assert wrong(workflow) == []
    job = next(iter(workflow["jobs"]))
    for broken in ({"runs-on": 5}, {"timeout-minutes": "long"}, {"stepss": []}, {"permissions": {"pages": "all"}}):
        assert wrong(workflow | {"jobs": {job: workflow["jobs"][job] | broken}}), broken
    assert wrong({key: value for key, value in workflow.items() if key != "on"}) == ["$"]


@EVERY
def test_actions_are_fixed_commits_with_their_version(path):
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(encoding="utf8"), re.M)
    assert len(used) == sum("uses" in step for step in steps(read(path))) > 0
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@EVERY
def test_jobs_have_a_limit_and_few_rights_and_their_commands_exist(path):
    workflow, makefile = read(path), (ROOT / "Makefile").read_text(encoding="utf8")
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 240 and {job.get("needs", name)} <= set(workflow["jobs"])
    run = "\n".join(step["run"] for step in steps(workflow) if "run" in step)
    targets = re.findall(r"make (\w+) PYTHON=python\b", run.replace("$make", "make"))
    assert targets and all(re.search(rf"^{target}:.*## ", makefile, re.M) for target in targets)
    assert "${{" not in run, "an expression within a command could bring commands with it; it goes through env"


def test_the_matrix_has_all_systems_and_all_pythons():
    matrix = read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert [system.split("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    assert "|".join(matrix["python"]) == re.search(r'case "\$\(PYVERSION\)" in ([\d.|]+)\)', makefile)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert project["requires-python"] == f">={matrix['python'][0]}"


def test_what_is_published_is_what_make_writes():
    """The files that the steps copy are those that the commands before them print as theirs."""
    build = [step.get("run", "") for step in read(ROOT / ".github/workflows/publish.yml")["jobs"]["build"]["steps"]]
    printing = (ROOT / "book" / "printing.py").read_text(encoding="utf8")
    assert re.search(r'out = options\.root / "_build" / f"ganvae\.\{options\.form\}"', printing)
    made = set()
    for command in build:
        copies = command.startswith("cp") or "book/publishing.py" in command
        for source in re.findall(r"(?<= )\S+\.(?:pdf|epub)\b", command if copies else ""):
            assert source in made, f"{command}: nothing has made {source}"
            made.add("dist/" + source.rpartition("/")[2])
        made |= {f"_build/ganvae.{form}" for form in re.findall(r"^make (pdf|epub)\b", command)}
    assert {"dist/ganvae.pdf", "dist/ganvae.epub"} <= made


@pytest.mark.skipif(shutil.which("sh") is None, reason="it is a command for a shell")
def test_a_tag_that_is_not_the_version_is_refused():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    steps = read(ROOT / ".github" / "workflows" / "publish.yml")["jobs"]["build"]["steps"]
    [step] = [step for step in steps if "TAG" in step.get("env", {})]
    command = step["run"].replace("$(python ", f'$("{sys.executable}" ')
    for tag, status in (("v" + project["version"], 0), ("v" + project["version"] + "1", 1)):
        assert subprocess.run(["sh", "-c", command], cwd=ROOT, env={"TAG": tag}).returncode == status


def test_a_tag_makes_a_release_of_wheel_and_book():
    workflow = read(ROOT / ".github" / "workflows" / "publish.yml")
    assert workflow["on"]["push"] == {"branches": ["main"], "tags": ["v*"]}
    build = "\n".join(step.get("run", "") for step in workflow["jobs"]["build"]["steps"])
    for part in (
        "make pdf",
        "make epub",
        "pip wheel --no-deps --wheel-dir dist .",
        "cp _build/ganvae.pdf _build/ganvae.epub dist/",
        "book/publishing.py dist/ganvae.pdf dist/ganvae.epub",
    ):
        assert part in build, part
    assert "gh release create" in workflow["jobs"]["release"]["steps"][1]["run"]
    for job in ("release", "pypi"):
        assert workflow["jobs"][job]["if"].startswith("startsWith(github.ref, 'refs/tags/v')")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"]), "the tag is v and this"
