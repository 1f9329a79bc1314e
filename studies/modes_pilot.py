"""The pilot of modes.py: the learning rate of each model, chosen on another world and other seeds, and then frozen.

    python -m ganvae_lib study modes_pilot          # about 4 minutes on one CPU thread

Chosen is the one of three rates whose samples are nearest to the pinwheel in total variation of histograms. A rate at
which a loss stops being finite is out.
"""

from functools import partial

from ganvae_lib.data.toys import pinwheel
from ganvae_lib.experiments import Study, Trial
from studies import measures, modes

RATES = (2e-4, 6e-4, 2e-3)


def measure(run, world) -> dict:
    counts = measures.histogram(modes.draws(run, 50_000))
    return {"bins_tv": [measures.histogram_divergences(each, world.bins)["bins_tv"] for each in counts]}


STUDY = Study(
    "Learning rates for the study of missing modes, on the pinwheel",
    {
        f"{name}, {rate:g}": Trial(objective, training=dict(lr=rate), about=dict(of=name))
        for name, objective in modes.MODELS.items()
        for rate in RATES
    },
    data=partial(measures.train_only, "pinwheel", pinwheel(), 100),
    prepare=lambda world: {"bins": modes.truth(world.train.law)},
    measure=measure,
    words={"bins_tv": modes.WORDS["bins_tv"]},
    networks=modes.NETWORKS,
    training=modes.TRAINING,
    steps=2000,
    seeds=(100, 101),
)
