"""A fork that tests use as a new Python has what a new Python has: its arguments, folder, variables, streams and end."""

import signal
import subprocess

import children
import pytest

pytestmark = pytest.mark.skipif(not children.FORKS, reason="here it is a new process")
LOADED = (
    "import sys; print(sorted(n for n in sys.modules if n.split('.')[0] in ('ganvae_lib', 'ganvae_course', 'helpers')))"
)


def test_arguments_folder_variables_and_streams_are_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAE_ODD", "yes")
    (tmp_path / "mine.py").write_text("print('mine')")
    code = "import mine, os, sys; print(os.getcwd(), os.environ['GANVAE_ODD'], sys.argv, __name__); sys.stderr.write('err')"
    done = children.run("-c", code, "a", 1, cwd=tmp_path)
    assert done.stdout == f"mine\n{tmp_path} yes ['-c', 'a', '1'] __main__\n" and done.stderr == "err"
    monkeypatch.delenv("GANVAE_ODD")
    other = children.run("-c", "import os, sys; print('GANVAE_ODD' in os.environ, 'mine' in sys.modules, os.getcwd())")
    assert other.stdout.split()[:2] == ["False", "False"] and other.stdout.split()[2] != str(tmp_path)


def test_nothing_of_ours_is_loaded_before():
    assert children.run("-c", LOADED).stdout == "[]\n"


@pytest.mark.parametrize(
    "code, status, said",
    [
        ("print(1)", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('so')", 1, "so\n"),
        ("import os; os._exit(4)", 4, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
        ("def f(): return 1 / 0\nf()", 1, "ZeroDivisionError: division by zero\n"),
        ("1 +", 1, "SyntaxError: invalid syntax\n"),
    ],
)
def test_it_ends_as_a_new_process_does(code, status, said):
    done = children.run("-c", code)
    new = subprocess.run([children.sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == new.returncode == status and done.stdout == new.stdout
    assert done.stderr.endswith(said) and done.stderr == new.stderr


def test_what_is_left_for_the_end_is_done():
    assert children.run("-c", "import atexit; atexit.register(print, 'last'); print('first')").stdout == "first\nlast\n"


def test_one_that_waits_is_heard_and_killed():
    one = children.child("-c", "import time; print('here', flush=True); time.sleep(600)")
    assert one.stdout.readline() == "here\n" and one.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(0.05)
    one.kill()
    assert one.wait() == -signal.SIGKILL and one.communicate() == ("", "")


def test_a_module_runs_as_by_its_name():
    done = children.run("-m", "ganvae_lib", "no such word")
    assert (
        done.returncode == 2 and done.stdout == "" and done.stderr.startswith("python -m ganvae_lib: argument command")
    )
