"""On Linux without an NVIDIA GPU: torch's small CPU build from PyTorch's own index, where that answers at once.

`make setup` runs this before it installs requirements.txt. Whatever does not work here leaves torch to the pin there.
TORCH=pin switches it off, and so does any choice of an index in pip's variables.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import quote

__all__ = ["answers", "main", "wheel"]

INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS = 2
CHOSEN = "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"
DRIVERS = "/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia/version", "/usr/lib/wsl/lib/nvidia-smi"


def wheel(pin: str, index: str) -> str:
    """The address of the CPU build for this Python and processor.

    >>> wheel("2.13.0", "https://x.org")  # doctest: +ELLIPSIS
    'https://x.org/torch-2.13.0%2Bcpu-cp3...-cp3...-manylinux_2_28_....whl'
    """
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{index}/{quote(f'torch-{pin}+cpu-{python}-{python}-manylinux_2_28_{platform.machine()}.whl')}"


def answers(address: str, seconds: float = SECONDS) -> int:
    """How many bytes lie at the address, 0 if that is not known in time (a thread: to look a name up has no limit)."""
    found = []

    def ask():
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                found.append(int(reply.headers["Content-Length"]))
        except Exception:  # no network, no such file, no number: all the same here
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else 0


def here() -> str:
    """The version of torch in this environment, without its build."""
    try:
        return version("torch").partition("+")[0]
    except PackageNotFoundError:
        return ""


def main(requirements: Path = Path("requirements.txt"), index: str = INDEX) -> None:
    pin = re.search(r"^torch==(\S+)$", requirements.read_text(encoding="utf8"), re.M)[1]
    if sys.platform != "linux" or here() == pin:
        return
    chosen = os.environ.get("TORCH") == "pin" or any(os.environ.get(name) for name in CHOSEN)
    driven = shutil.which("nvidia-smi") or any(map(os.path.exists, DRIVERS))
    if not chosen and not driven and (size := answers(address := wheel(pin, index))):
        print(
            f"torch {pin} for CPUs only ({size / 1e6:.0f} MB), as there is no NVIDIA GPU (TORCH=pin: the index's own)"
        )
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            address,
        ]
        if subprocess.run(command).returncode == 0:
            return
    print(f"torch {pin} as your index has it; PyPI's for Linux brings CUDA's libraries, several GB")


if __name__ == "__main__":
    main()
