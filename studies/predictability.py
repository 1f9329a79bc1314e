"""Predictability minimisation on MNIST: are the units of a code less predictable, and at which price?

    python -m ganvae_lib study predictability       # about 5 minutes on one CPU thread

Small on purpose. The weights of the new term, 10 (as in chapter 11) and 100, were fixed before any result was seen. A
first run, with the rate 1e-3 for eta too, ended with dead units at every weight that it reached, 0 and 10. The slower
rate of eta is from one look at Fashion-MNIST, without the term.
"""

from functools import partial

import torch

from ganvae_lib import Reconstruct, Unpredictable
from ganvae_lib.experiments import Study, Trial, by_seed
from studies.measures import train_and_test

WORDS = {
    "reconstruction": "-log p(x|z), nats per test image",
    "variance": "mean variance of a unit; a fair bit has 1/4",
    "explained": "share of it that gradient-boosted trees predict from the other units: fresh predictors, trained on "
    "the codes of 8,000 training digits",
    "bits": "share of the units' values within 0.1 of 0 or 1",
}


def units(known: torch.Tensor, new: torch.Tensor) -> dict[str, float]:
    """Mean variance of the units of ``new`` [n, L], and the share of it that fresh predictors explain."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    total = missed = 0.0
    for i in range(known.shape[1]):
        others = [j for j in range(known.shape[1]) if j != i]
        trees = HistGradientBoostingRegressor(max_iter=60, random_state=0)
        trees.fit(known[:, others].numpy(), known[:, i].numpy())
        total += float(new[:, i].var())
        missed += float((new[:, i] - torch.from_numpy(trees.predict(new[:, others].numpy()))).square().mean())
    return {"variance": total / known.shape[1], "explained": max(0.0, 1 - missed / total)}


@torch.no_grad()
def measure(run, world) -> dict:
    train_codes, test_codes = run.infer(world.train.x[:8000]), run.infer(world.test.x)
    p_x = run.model.decoder(test_codes if run.model.seeds_shape else test_codes[0])
    nats = -p_x.log_prob(world.test.x).mean(-1).reshape(-1)
    bits = ((test_codes - 0.5).abs() > 0.4).float().mean((1, 2))
    rows = [units(known, new) for known, new in zip(train_codes, test_codes, strict=True)]
    return {"reconstruction": nats, **by_seed(rows), "bits": bits}


STUDY = Study(
    "Predictability minimisation on MNIST",
    {
        "0": Trial(Reconstruct("x")),
        "10": Trial(Reconstruct("x") + 10 * Unpredictable("z")),
        "100": Trial(Reconstruct("x") + 100 * Unpredictable("z")),
    },
    data=partial(train_and_test, "mnist", binarize="sample"),
    measure=measure,
    words=WORDS,
    networks=dict(latent=16, hidden=(256,), codes="unit", observation="bernoulli"),
    training=dict(batch=128, lr={"theta": 1e-3, "eta": 1e-4, "phi": 2e-3}, betas=(0.9, 0.999)),
    steps=1500,
    seeds=range(4),
    pairs=[("10", "0"), ("100", "0")],
)
