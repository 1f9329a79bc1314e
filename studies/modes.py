"""Missing modes on three worlds with a known truth: eight models, one size of network, eight seeds.

    python -m ganvae_lib study modes                # about 8 minutes on one CPU thread; after modes_pilot

All see the same number of minibatches per update of the generator, but for WGAN-GP, whose discriminator moves five
times. The learning rate of each model is chosen before, on another world and other seeds (modes_pilot.py), and then
frozen. Nothing else was tuned. Steps were cut to save time: from 6,000 to 4,000 before any result, and to 2,500 after
the VAE and the GAN on the ring had been seen at 4,000. Several GANs are undertrained.

References: ``perfect`` are draws of the world itself, ``chance`` points uniform on a square around the modes. A cloud
holds 300 samples of the first seed.
"""

import math
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganvae_lib import zoo
from ganvae_lib.data.toys import Mixture, grid, ring
from ganvae_lib.experiments import Study, Trial, by_seed
from studies import measures

SAMPLES = 20_000
NAMES = ("VAE", "GAN", "minimax GAN", "KL-GAN", "reverse-KL GAN", "LSGAN", "WGAN-GP")
MODELS = {name: zoo.ALL[name] for name in NAMES} | {"one Gaussian": zoo.LIKELIHOOD}
WORLDS = {
    "ring": ring(),
    "unequal": Mixture([0.30, 0.04, 0.16, 0.08, 0.22, 0.02, 0.12, 0.06], ring().means, 0.1),
    "grid": grid(),
}
WORDS = {
    "modes": "modes covered: at least 20 % of the samples of a perfect model, counting samples of high quality only",
    "high_quality": "share of samples within 3 standard deviations of a mode",
    "missed_mass": "the data's mass of the modes that are not covered",
    "kl_d_g": "KL(weights of the modes || shares of the samples nearest to each), one added to each count, nats",
    "kl_g_d": "the same in the other direction",
    "spread": "root mean squared distance of high-quality samples to their mode, over sqrt(2) std",
    "bins_kl_d_g": "KL(d || g) of histograms, squares of side 0.2 and one bin outside, one added to each count, nats",
    "bins_kl_g_d": "the same in the other direction",
    "bins_jsd": "Jensen-Shannon divergence of the same histograms, nats, at most log 2",
    "bins_tv": "total variation of the same histograms",
    "frequencies": "share of high-quality samples at each mode, on unequal only",
}
NETWORKS = dict(latent=2, hidden=(64, 64))
TRAINING = dict(batch=128)


def chosen_rates(folder: Path) -> dict[str, float]:
    """The learning rate of each model that came nearest to the pinwheel in the pilot's record, without a failure.

    Where every rate fails, the smallest is taken.
    """
    distance = lambda entry: math.inf if entry["failed"] else entry["measures"]["bins_tv"]["mean"]
    best = measures.chosen_by_pilot(measures.earlier_record("modes_pilot", folder), "of", distance)
    return {name: entry["training"]["lr"] for name, entry in best.items()}


def models(folder: Path) -> dict[str, Trial]:
    rates = chosen_rates(folder)
    return {
        name: Trial(objective, training=dict(lr=rates[name]), about=dict(divergence=measures.divergence(objective)))
        for name, objective in MODELS.items()
    }


def truth(law) -> Tensor:
    """Probabilities of the bins, from two million draws."""
    many = 2_000_000
    return measures.histogram(law.sample(many, 1)) / many


def prepare(world) -> dict:
    law = world.train.law
    facts = {"weights": law.weights.tolist(), "modes": law.modes.tolist(), "std": law.std}
    return {"law": law, "bins": truth(law), "facts": facts}


def draws(run, n: int, mean: bool = False) -> Tensor:
    """Samples [seeds, n, 2], the same codes for every seed."""
    return torch.cat([run.sample(10_000, seed=i, mean=mean) for i in range(n // 10_000)], 1).float()


def chance(law, n: int, seed: int) -> Tensor:
    """Uniform points on the square that reaches half a unit beyond the modes."""
    reach = float(law.modes.abs().max()) + 0.5
    return reach * (2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(seed)) - 1)


def frequencies(x: Tensor, law) -> Tensor:
    """The share of good samples x [n, 2] at each mode, [M]."""
    distance, mode = torch.cdist(x.double(), law.modes).min(-1)
    return mode[distance < 3 * law.std].bincount(minlength=len(law.modes)) / len(x)


def look(x: Tensor, world) -> dict[str, list]:
    """The measures of samples x [seeds, n, 2]."""
    scores = by_seed([measures.modes(samples, world.law, world.bins) for samples in x])
    if world.name == "unequal":
        scores["frequencies"] = [frequencies(samples, world.law) for samples in x]
    return scores


def measure(run, world) -> dict:
    return measures.in_both_ways(run, lambda mean: look(draws(run, SAMPLES, mean), world))


def examples(run, world) -> dict:
    return measures.in_both_ways(run, lambda mean: {"cloud": measures.cloud(draws(run, 10_000, mean)[0, :300])})


def references(world, seeds: list[int]) -> dict:
    perfect = [measures.modes(world.law.sample(SAMPLES, 1000 + seed), world.law, world.bins) for seed in seeds]
    uniform = [measures.modes(chance(world.law, SAMPLES, seed), world.law, world.bins) for seed in seeds]
    return {"perfect": by_seed(perfect), "chance": by_seed(uniform)}


STUDY = Study(
    "Missing modes on worlds with a known truth",
    models,
    data={name: partial(measures.train_only, name, world) for name, world in WORLDS.items()},
    prepare=prepare,
    measure=measure,
    examples=examples,
    references=references,
    words=WORDS,
    notes={"samples": SAMPLES, "learning rates": "chosen by the pilot, modes_pilot.json"},
    networks=NETWORKS,
    training=TRAINING,
    steps=2500,
    seeds=range(8),
    pairs=[
        ("GAN", "VAE"),
        ("reverse-KL GAN", "VAE"),
        ("KL-GAN", "reverse-KL GAN"),
        ("KL-GAN", "GAN"),
        ("KL-GAN", "VAE"),
        ("WGAN-GP", "GAN"),
        ("minimax GAN", "GAN"),
    ],
)
