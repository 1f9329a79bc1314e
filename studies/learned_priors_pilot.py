"""The pilot of learned_priors.py: the learning rate of each model, chosen on another world and other seeds.

    python -m ganvae_lib study learned_priors_pilot # about a minute on one CPU thread

As diffusion_pilot, with half of its steps and 10,000 samples, for time: chosen is the one of three rates whose samples
are nearest to the pinwheel in total variation of histograms. A rate at which a loss stops being finite is out.
"""

from functools import partial

from ganvae_lib.data.toys import pinwheel
from ganvae_lib.experiments import Study, Trial
from studies import diffusion_pilot, learned_priors, measures, modes

STUDY = Study(
    "Learning rates for models that learn their prior, on the pinwheel",
    {
        f"{name}, {rate:g}": Trial(objective, dict(hidden=hidden), dict(lr=rate), share, about=dict(of=name))
        for name, (objective, hidden, share) in learned_priors.MODELS.items()
        for rate in diffusion_pilot.RATES
    },
    data=partial(measures.train_only, "pinwheel", pinwheel(), 100),
    prepare=lambda world: {"bins": modes.truth(world.train.law)},
    measure=lambda run, world: diffusion_pilot.measure(run, world, 10_000),
    words={"bins_tv": modes.WORDS["bins_tv"]},
    networks=dict(latent=2),
    training=dict(batch=128),
    steps=1000,
    seeds=(100, 101),
)
