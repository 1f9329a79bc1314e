"""The pilot of diffusion_digits.py: the learning rate of each model, chosen on held-out digits and other seeds.

    python -m ganvae_lib study diffusion_digits_pilot  # about 6 minutes on one CPU thread

Chosen is the one of four rates whose samples are nearest to 300 digits, neither learned from nor the test's, in the
Fréchet distance in the classifier's features. A rate at which a loss stops being finite is out. The
largest rate was added to those of diffusion_pilot.py after a first run, in which the largest of three had been best for
both GANs, diffusion and flow matching.
"""

from functools import partial

from ganvae_lib import frechet_distance
from ganvae_lib.experiments import Study, Trial
from studies import diffusion_digits as digits, diffusion_pilot

RATES = (*diffusion_pilot.RATES, 1e-2)


def measure(run, world) -> dict:
    return {"frechet": frechet_distance(run.sample(len(world.real)).float(), world.real, world.classifier[:-1])}


STUDY = Study(
    "Learning rates for the study of diffusion on digits",
    {
        f"{name}, {rate:g}": Trial(objective, networks, dict(lr=rate), share, about=dict(of=name))
        for name, (objective, networks, share) in digits.MODELS.items()
        for rate in RATES
    },
    data=digits.data,
    prepare=partial(digits.prepare, against="validation"),
    measure=measure,
    words={"frechet": digits.WORDS["frechet"].replace("test digits", "held-out digits")},
    networks=digits.STUDY.networks,
    training=digits.STUDY.training,
    steps=1500,
    seeds=(100, 101),
)
