#!/bin/sh
# torch 2.13.0: given autograd.grad's gradients of stacked networks, a fused optimizer on a CPU moves the wrong weights.
#
# Several small GANs or VAEs train at once as one stack of layers, [networks, outputs, inputs], whose product is
# x @ weight.mT. One would guess that torch.autograd.grad returns what .backward() leaves in .grad. The numbers are the
# same, but of a stack they lie transposed in memory (of a single layer they do not), and .backward() lays them out like
# the weight. A fused optimizer walks through both memories side by side and does not look at the strides: with a
# gradient of autograd.grad it moves other weights than the gradient says. Nothing warns. Optimizers that are not fused
# are right, and so are gradients that were copied into the layout of their weights.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import torch

print("torch", torch.__version__.partition("+")[0])
x = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])  # two networks, one example, two inputs
of_output = torch.tensor([1.0, 10.0, 100.0])


def moved(fused, by):
    weight = torch.zeros(2, 3, 2, requires_grad=True)  # two networks, three outputs, two inputs
    loss = (x @ weight.mT * of_output).sum()
    if by == "backward":
        loss.backward()
    else:
        (weight.grad,) = torch.autograd.grad(loss, weight)
    if by == "grad, copied":
        weight.grad = torch.empty_like(weight).copy_(weight.grad)
    strides = weight.grad.stride()
    torch.optim.SGD([weight], lr=1.0, fused=fused).step()
    return [int(-number) for number in weight.detach()[0].flatten()], strides


for fused in (False, True):
    for by in ("backward", "grad", "grad, copied"):
        numbers, strides = moved(fused, by)
        print("fused" if fused else "plain", by + ":", "strides", strides, "the first network moved by", numbers)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch 2.13.0
plain backward: strides (6, 2, 1) the first network moved by [1, 2, 10, 20, 100, 200]
plain grad: strides (6, 1, 3) the first network moved by [1, 2, 10, 20, 100, 200]
plain grad, copied: strides (6, 2, 1) the first network moved by [1, 2, 10, 20, 100, 200]
fused backward: strides (6, 2, 1) the first network moved by [1, 2, 10, 20, 100, 200]
fused grad: strides (6, 1, 3) the first network moved by [1, 10, 100, 2, 20, 200]
fused grad, copied: strides (6, 2, 1) the first network moved by [1, 2, 10, 20, 100, 200]
SEEN
