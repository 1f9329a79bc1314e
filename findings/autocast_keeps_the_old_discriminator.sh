#!/bin/sh
# torch 2.13.0: a GAN step inside one torch.autocast trains the generator against the discriminator of before its update.
#
# One would guess that autocast casts a weight whenever a layer uses it. But it keeps the cast copy until the outermost
# autocast ends, and an optimizer that changes the weight in between does not tell it. With one `with torch.autocast`
# around a step of two players, the generator's loss is that of the old discriminator; around a whole loop, all losses
# are those of the first weights, for ever, while the weights move. Nothing warns. One autocast for each forward pass, or
# torch.clear_autocast_cache() after each update, gives what one expects.
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

print("torch", torch.__version__.partition("+")[0])
x = torch.ones(1, 1)


def losses(clear):
    discriminator = nn.Linear(1, 1, bias=False)
    nn.init.constant_(discriminator.weight, 4.0)
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=1.0)
    seen = []
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(3):
            loss = discriminator(x).float().sum()
            seen.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if clear:
                torch.clear_autocast_cache()
    return seen, discriminator.weight.item()


for clear in (False, True):
    seen, weight = losses(clear)
    print("cleared:" if clear else "as it is:", "losses", seen, "weight after", weight)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch 2.13.0
as it is: losses [4.0, 4.0, 4.0] weight after 1.0
cleared: losses [4.0, 3.0, 2.0] weight after 1.0
SEEN
