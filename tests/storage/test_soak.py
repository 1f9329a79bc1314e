"""A short form of ``make soak``: kills and several writers at once, in a process of its own."""

import json
import re
import subprocess
import sys

from helpers import ROOT, environment


def test_nothing_is_lost_and_no_part_is_trusted():
    command = [sys.executable, str(ROOT / "tests" / "soak.py"), "--kills", "24", "--rounds", "5", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "0 things went wrong" in done.stdout
    counts = json.loads(re.search(r"\{.*\}", done.stdout, re.S).group())
    assert (
        counts["kills"] == 24 and counts["inside a write"] > 5 and counts["rounds"] == 5 and counts["tasks killed"] > 0
    )
