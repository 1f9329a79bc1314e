"""The pilot of diffusion.py: the learning rate of each model, chosen on another world and other seeds, and then frozen.

    python -m ganvae_lib study diffusion_pilot      # about 4 minutes on one CPU thread

Chosen is the one of three rates whose samples are nearest to the pinwheel in total variation of histograms. A rate at
which a loss stops being finite is out.
"""

from functools import partial

from ganvae_lib.data.toys import pinwheel
from ganvae_lib.experiments import Study, Trial
from studies import diffusion, measures, modes

RATES = (3e-4, 1e-3, 3e-3)


def measure(run, world, samples: int = 50_000) -> dict:
    counts = measures.histogram(modes.draws(run, samples))
    return {"bins_tv": [measures.histogram_divergences(each, world.bins)["bins_tv"] for each in counts]}


STUDY = Study(
    "Learning rates for the study of diffusion, on the pinwheel",
    {
        f"{name}, {rate:g}": Trial(objective, dict(hidden=hidden), dict(lr=rate), share, about=dict(of=name))
        for name, (objective, hidden, share) in diffusion.MODELS.items()
        for rate in RATES
    },
    data=partial(measures.train_only, "pinwheel", pinwheel(), 100),
    prepare=lambda world: {"bins": modes.truth(world.train.law)},
    measure=measure,
    words={"bins_tv": modes.WORDS["bins_tv"]},
    networks=dict(latent=2),
    training=dict(batch=128),
    steps=2000,
    seeds=(100, 101),
)
