#!/bin/sh
# torch 2.13.0: taking the spectral norm off a deep copy of a discriminator breaks the discriminator.
#
# One would guess that copy.deepcopy gives a layer that shares nothing with the first. But a parametrization puts its
# property on a class made for the one module, and the copy is of the same class: remove_parametrizations on the copy,
# as before it is exported, deletes the property of both. The first layer still says that it is parametrized, and has
# no weight any more.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import copy

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

print("torch", torch.__version__.partition("+")[0])
first = spectral_norm(nn.Linear(3, 3))
other = copy.deepcopy(first)
print("one class:", type(first) is type(other))
parametrize.remove_parametrizations(other, "weight")
print("the copy answers:", other(torch.ones(1, 3)).shape)
try:
    first(torch.ones(1, 3))
    print("the first one answers")
except AttributeError as error:
    print("the first one:", error, "| parametrized:", parametrize.is_parametrized(first))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch 2.13.0
one class: True
the copy answers: torch.Size([1, 3])
the first one: 'ParametrizedLinear' object has no attribute 'weight' | parametrized: True
SEEN
