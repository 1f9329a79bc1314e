"""The seven models of diffusion.py, and one VAE more, on the 8 x 8 digits, at equal parameters and equal gradients.

    python -m ganvae_lib study diffusion_digits     # about 12 minutes on one CPU thread; after diffusion_digits_pilot

The rules are those of diffusion.py: all networks of a model together have about 102,900 parameters (``parameters`` of
each entry), and GANs get half the steps. All networks are perceptrons, as there. The VAE has a Gaussian p(x|z) of one
width, which is learned, as is the last step of a denoiser's hierarchy; one VAE more has the library's usual p(x|z) for
grey levels. Of the 1,500 training digits 1,200 are learned from, by the classifier, too. The other 300 chose the
learning rates (diffusion_digits_pilot.py, on other seeds), and are what perfect samples would score here; measured is
against the 297 test digits, which nothing has seen before. Sizes, steps and measures were fixed before any result, but
for trials of 25 steps.

All digits have noise between their 17 grey levels, x = (k + u)/17: so they have a density, and what is said of it may
be compared. ``bound`` is a lower bound of the log density at the test digits for VAEs and denoisers alike; the density
along a denoiser's flow is that of another sampler, and no bound. GANs and DMD have neither.
"""

import time
from pathlib import Path

from torch import Tensor

from ganvae_lib import Data, frechet_distance, load, metrics, precision_recall, zoo
from ganvae_lib.data import parted
from ganvae_lib.experiments import Study, Trial, by_seed
from studies import blur, diffusion, measures
from studies.compose import grey

SAMPLES = 1000  # of each seed
# Of the density along the flow. After 1,000 steps of training 160 of them changed it by 0.3 nats for flow matching, by
# 0.4 for "diffusion, bound", and for "diffusion" from -793 to -203: there it is no density.
FLOW_STEPS = 20
FLOW_DIGITS = 99  # test digits at which it is computed
WIDTHS = {
    "VAE": 191,
    "GAN": 194,
    "diffusion-GAN": 194,
    "DMD": 134,
    "diffusion": 256,
    "diffusion, bound": 256,
    "flow matching": 256,
}
# (objective, choices of its networks, share of the steps)
MODELS = {
    name: (diffusion.MODELS[name][0], dict(hidden=(width, width)), diffusion.MODELS[name][2])
    for name, width in WIDTHS.items()
}
MODELS["VAE"][1]["observation"] = "gaussian"
MODELS["VAE, continuous Bernoulli"] = (zoo.VAE, dict(hidden=(191, 191), observation="continuous bernoulli"), 1.0)
WORDS = measures.DIGIT_WORDS | {
    "frechet": "Fréchet distance in the 128 features of the classifier, of as many samples as there are test digits",
    "precision": "share of these samples within reach of the test digits, in pixels: in the features noise is, too",
    "recall": "share of the test digits within reach of these samples",
    "bound": "lower bound of the log density at test digits with noise between their grey levels, nats per image",
    "flow": "log density along the flow, at the first 99 of them, nats per image",
    "seconds_to_sample": "seconds for 1,000 samples of one seed, of the eight drawn together",
    "4 steps: ...": "the same of the ancestral sampler with 4 steps; without a prefix: 50 steps of Heun's method",
    "means: ...": "the same of the means of p(x|z)",
}


def data() -> dict[str, Data]:
    """1,200 digits to learn from, 300 to choose by, 297 to measure against."""
    train, validation = parted(blur.with_noise(load("digits"), 0), 0.8)
    return {"train": train, "validation": validation, "test": blur.with_noise(load("digits", "test"), 1)}


def prepare(world, against: str = "test") -> dict:
    real = world.sets[against].x
    compared_with = {"weights": measures.frequencies(world.train), "real": real, "known": world.train.x}
    return measures.classified(world, epochs=60) | compared_with


def look(x: Tensor, world) -> dict[str, list]:
    """The measures of images [seeds, n, ...]."""
    x, real = x.float().cpu(), world.real
    as_many = x[:, : len(real)]
    rows = by_seed([measures.digit_measures(each, world) for each in x])
    rows |= precision_recall(as_many, real, features=lambda images: images.flatten(1))
    return rows | {"frechet": frechet_distance(as_many, real, features=world.classifier[:-1])}


def nats(run, world) -> dict[str, Tensor]:
    """What a model says of the density of test digits."""
    if "encoder" in run.model.networks:
        return {"bound": metrics.iwae(run.model, world.test, 64)}
    if "denoiser_x" in run.model.networks:
        return {
            "bound": metrics.denoising_bound(run.model, world.test, 64),
            "flow": run.log_density(world.test.x[:FLOW_DIGITS], FLOW_STEPS).double().mean(-1),
        }
    return {}


def looked_at(run, world) -> dict:
    """The measures of samples of a run, of a VAE's means, and of few steps; and the time that samples take."""
    run.sample(10)  # what is made once is not counted
    started = time.perf_counter()
    run.sample(SAMPLES)
    seconds = (time.perf_counter() - started) / len(run.seeds)
    scores = measures.in_both_ways(run, lambda mean: look(run.sample(SAMPLES, mean=mean), world))
    if "denoiser_x" in run.model.networks:
        for steps in diffusion.STEPS:
            few = look(run.sample(SAMPLES, sampler="ancestral", steps=steps), world)
            name = "1 step" if steps == 1 else f"{steps} steps"
            scores |= {f"{name}: {key}": values for key, values in few.items()}
    return scores | {"seconds_to_sample": [seconds] * len(run.seeds)}


def measure(run, world) -> dict:
    return looked_at(run, world) | nats(run, world)


def examples(run, world) -> dict:
    """24 samples of the first seed, and the parameters of one."""
    found = measures.in_both_ways(run, lambda mean: {"samples": grey(run.sample(24, mean=mean)[0].clamp(0, 1))})
    count = sum(p.numel() for network in run.model.networks.values() for p in network.parameters()) // len(run.seeds)
    return found | {"parameters": count}


def models(folder: Path, pilot: str = "diffusion_digits_pilot") -> dict[str, Trial]:
    """Each with the rate whose samples came nearest to the held-out digits in the pilot's record, without a failure."""
    distance = lambda entry: float("inf") if entry["failed"] else entry["measures"]["frechet"]["mean"]
    best = measures.chosen_by_pilot(measures.earlier_record(pilot, folder), "of", distance)
    return {
        name: Trial(objective, networks, dict(lr=best[name]["training"]["lr"]), share)
        for name, (objective, networks, share) in MODELS.items()
    }


STUDY = Study(
    "Denoising, distillation, adversaries and VAEs on the 8 x 8 digits",
    models,
    data=data,
    prepare=prepare,
    measure=measure,
    examples=examples,
    references=lambda world, seeds: {"real": look(world.validation.x[None], world)},
    words=WORDS,
    notes={
        "classifier": "two strided 5x5 convolutions (16, 32), 128 units; 60 epochs",
        "samples": SAMPLES,
        "learning rates": "chosen by the pilot, diffusion_digits_pilot.json",
        "real": "the 300 digits that chose the rates, as if they were samples",
    },
    networks=dict(latent=8),
    training=dict(batch=128),
    steps=3000,
    seeds=range(8),
    pairs=[
        ("flow matching", "VAE"),
        ("flow matching", "VAE: means"),
        ("flow matching", "VAE, continuous Bernoulli"),
        ("flow matching", "VAE, continuous Bernoulli: means"),
        ("flow matching", "GAN"),
        ("flow matching", "DMD"),
        ("flow matching", "diffusion"),
        ("diffusion", "VAE"),
        ("diffusion", "GAN"),
        ("diffusion, bound", "diffusion"),
        ("diffusion-GAN", "GAN"),
        ("DMD", "GAN"),
        ("VAE", "GAN"),
    ],
)
