"""What do unlabelled digits add to a few labelled ones? The 8 x 8 digits with 20, 50, 100 or all labels, ten seeds.

    python -m ganvae_lib study labels               # about 3 minutes on one CPU thread

Each seed draws its own labelled digits, equally many of each class; all models of a seed and a number of labels see the
same ones, so differences are paired. An SVAE reads every training digit without its label, too.

    labelled alone   the classifier q(t|x), trained on the labelled digits
    SVAE             the same classifier, and a VAE that is given or guesses the label
    untold           the SVAE without its classification term (50 labels only)
    by count         the SVAE's terms, weighted as if every training digit counted once (50 labels only)

One learning rate serves all. It was chosen on seeds from 100 on and on held-out training digits; the size of the
networks and the number of steps after a first look at the test digits, with seeds 0 to 9. So the seeds here are others,
and nothing was changed after that. The worlds of the record are the numbers of labels.
"""

from functools import partial

import torch

from ganvae_lib import Bound, Classify, Data, Domains, accuracy, build, fit, zoo
from ganvae_lib.experiments import Study, Trial
from studies.measures import train_and_test

GUESS = Bound(inferred="label")  # the bound on log p(x), where the label is a code
NAME = Classify(seen="x")
SHARE = 50 / 1500  # of the training digits have labels, where 50 do


def labelled(data: Data, n: str, seed: int, batch: int) -> Data:
    """``n`` digits, equally many of each class, repeated to fill a minibatch; or all of them."""
    if n == "all":
        return data
    generator = torch.Generator().manual_seed(seed)
    rows_by_class = [(data.y == digit).nonzero().squeeze(1) for digit in range(10)]
    each = int(n) // 10
    rows = torch.cat([members[torch.randperm(len(members), generator=generator)[:each]] for members in rows_by_class])
    times = -(-batch // int(n))  # the quotient, rounded up
    return data[rows.repeat(times)]


def train(trial, world, seeds):
    with_labels = labelled(world.train, world.name, seeds[0], trial.training["batch"])
    data = Domains(with_labels, world.train) if "other" in trial.objective.reads else with_labels
    model = build(trial.objective, data, **trial.networks)
    return fit(model, data, seeds=seeds, device="cpu", **trial.training)


STUDY = Study(
    "8 x 8 digits, some of them labelled",
    {
        "labelled alone": Trial(NAME),
        "SVAE": Trial(zoo.SVAE),
        "untold": Trial(zoo.CVAE + GUESS, worlds=["50"]),
        "by count": Trial(SHARE * zoo.CVAE + (1 - SHARE) * GUESS + NAME, worlds=["50"]),
    },
    data={n: partial(train_and_test, "digits", binarize="threshold") for n in ("20", "50", "100", "all")},
    train=train,
    measure=lambda run, world: {"accuracy": accuracy(run.model, world.test).reshape(-1)},
    words={"accuracy": "share of the test digits that are named rightly"},
    networks=dict(hidden=(128,), latent=16),
    training=dict(batch=50, lr=3e-3),
    steps=500,
    seeds=range(10, 20),
    apart=True,  # each seed has labelled digits of its own
    pairs=[(model, "labelled alone") for model in ("SVAE", "untold", "by count")],
    paired=True,
)
