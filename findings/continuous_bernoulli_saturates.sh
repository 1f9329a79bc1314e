#!/bin/sh
# torch 2.13.0: in single precision ContinuousBernoulli stops at logits of about +-16, with no word.
#
# One would guess that a density given by its logits stays that density for any logit, as Bernoulli(logits=...) does.
# But its probability is clamped to [eps, 1 - eps] inside, so that beyond a logit t of about 15.9 the log-normaliser,
# the mean and the gradient are those of the clamped value, while the term x t goes on. A grey pixel that is exactly 1
# then gets no gradient at all, and log_prob is .63 nats too low at t = 30. Decoders of images reach such logits soon.
#
# Seen: the output at the end of this file. Fails if another version of it is printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import torch
from torch.distributions import ContinuousBernoulli

print("torch", torch.__version__.partition("+")[0])
for value in (10.0, 17.0, 30.0):
    t = torch.tensor(value, requires_grad=True)
    p = ContinuousBernoulli(logits=t)
    log_p = p.log_prob(torch.tensor(1.0))
    log_p.backward()
    s = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    exact = s.log() - (-torch.expm1(-s)).log()  # log p(1) = log t - log(1 - exp(-t))
    exact.backward()
    mean = 1 / (-torch.expm1(-s)) - 1 / s
    print(f"logit {value:.0f}: log p(1) {log_p:.2f}, exactly {exact:.2f}; slope {t.grad:.3f}, exactly {s.grad:.3f}; "
          f"mean {p.mean:.3f}, exactly {mean:.3f}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch 2.13.0
logit 10: log p(1) 2.30, exactly 2.30; slope 0.100, exactly 0.100; mean 0.900, exactly 0.900
logit 17: log p(1) 2.77, exactly 2.83; slope 0.000, exactly 0.059; mean 0.937, exactly 0.941
logit 30: log p(1) 2.77, exactly 3.40; slope 0.000, exactly 0.033; mean 0.937, exactly 0.967
SEEN
