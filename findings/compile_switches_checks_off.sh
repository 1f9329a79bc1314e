#!/bin/sh
# torch 2.13.0: one torch.compile switches off the argument checks of every distribution in the process.
#
# One would guess that compiling a module concerns that module. But the first call of torch.compile also sets the
# default of validate_args to False for all of torch.distributions, before anything is traced, and for good. A Normal
# with a negative scale, or a sample outside the support, which raised ValueError a line before, then passes and gives
# nan. So an encoder that breaks is noticed in the plain run, and not in the compiled one beside it.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import torch
from torch import nn
from torch.distributions import Normal


def tried():
    try:
        return f"log p = {Normal(0.0, -1.0).log_prob(torch.tensor(0.5)).item()}"
    except ValueError as error:
        return "ValueError: " + str(error).splitlines()[0][:60]


print("torch", torch.__version__.partition("+")[0])
print("before:", tried())
torch.compile(nn.Linear(2, 2), backend="eager")
print("after: ", tried())
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch 2.13.0
before: ValueError: Expected parameter scale (Tensor of shape ()) of distributio
after:  log p = nan
SEEN
