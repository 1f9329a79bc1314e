"""What makes samples blurred? Sharpness on the 8 x 8 digits, by direction of KL and by observation model; eight seeds.

    python -m ganvae_lib study blur                 # about 3 minutes on one CPU thread

Three GANs; VAEs that differ in the observation model p(x|z) alone; and two densities fitted by maximum likelihood,
hence in the VAE's direction of KL: one Gaussian (in closed form) and a kernel density around the training digits, whose
width maximises the leave-one-out likelihood. Models and settings were fixed before any result was seen (the steps, cut
from 4,000 to 1,500 to save time, too); learning rates are those of mnist_directions.py.

The energies are quadratic in x, so noise counts as sharpness, and a Gaussian with the covariance of the data has all of
their energy although its samples look like no digit. For a Gaussian observation the energy of the samples is that of
the means plus that of the noise: ``noise`` is the second part, 20 sigma² over the energy of the real digits.

A VAE is looked at in three ways: draws of p(x|z), its means, and (energies alone) its reconstructions of test digits.

On grey levels that are exactly 0 or 1 the likelihood of a continuous Bernoulli has no upper bound (chapter 03). It is
therefore trained twice: on the digits like all others, and on digits with noise between their 17 levels, where its
bound may be compared with others of such digits.
"""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from ganvae_lib import Data, metrics, nets, zoo
from ganvae_lib.experiments import Study, Trial, by_seed
from ganvae_lib.experiments.study import fit_trial
from studies import measures
from studies.mnist_directions import gan, vae

SAMPLES = 2000  # per seed
# Fixed standard deviations of p(x|z); one more VAE learns its own.
SCALES = (0.03, 0.1, 0.2, 0.4)
LEVELS = 17  # grey levels of a pixel, 0 to 16
WITH_NOISE = "digits with noise"


def kernel_log_density(square: Tensor, width: float, size: int) -> Tensor:
    """Log density at points with squared distances ``square`` [n, N] to N equal Gaussians; inf leaves one out."""
    count = square.isfinite().sum(1)
    log_k = (-square / (2 * width**2)).logsumexp(1)
    return log_k - count.log() - size * math.log(width * math.sqrt(2 * math.pi))


def best_width(centres: Tensor) -> float:
    """The width of a kernel density with the largest leave-one-out likelihood of its own centres [N, D]."""
    square = torch.cdist(centres, centres).square().fill_diagonal_(math.inf)
    widths = torch.linspace(0.02, 0.4, 77).tolist()
    return max(widths, key=lambda width: kernel_log_density(square, width, centres.shape[1]).mean().item())


def one_gaussian(x: Tensor) -> torch.distributions.MultivariateNormal:
    """The maximum-likelihood Gaussian; 1e-6 for the pixels that never change."""
    x = x.double()
    covariance = x.T.cov(correction=0) + 1e-6 * torch.eye(x.shape[1]).double()
    return torch.distributions.MultivariateNormal(x.mean(0), covariance)


def densities(train: Tensor, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Samples [*shape, D] of the two densities that are fitted to ``train`` [N, D]."""
    torch.manual_seed(0)
    index = torch.randint(len(train), shape)
    jittered = train[index] + best_width(train) * torch.randn(*shape, train.shape[1], dtype=torch.float64)
    return {"kernel density": jittered, "one Gaussian": one_gaussian(train).sample(shape)}


def with_noise(data: Data, seed: int) -> Data:
    """x = (k + u)/17: each pixel somewhere in the cell of its grey level k, by noise u."""
    u = torch.rand(data.x.shape, generator=torch.Generator().manual_seed(seed))
    return data.map(lambda x: ((LEVELS - 1) * x + u) / LEVELS, WITH_NOISE)


def train(trial: Trial, world, seeds: list[int]):
    data = with_noise(world.train, 0) if trial.about.get("data") == WITH_NOISE else world.train
    return fit_trial(trial, SimpleNamespace(train=data), seeds)


def prepare(world) -> dict:
    compared_with = {"weights": measures.frequencies(world.train), "real": world.train.x, "known": world.train.x}
    flat = {split: data.x.flatten(1).double() for split, data in world.sets.items()}
    return measures.classified(world, epochs=60) | compared_with | {"flat": flat}


def noise(sigma: float, world) -> float:
    """The energy of noise of this standard deviation, beside that of the real digits.

    The Laplacian adds noise of a pixel with weight 4 and of its four neighbours with weight 1: 4² + 4 = 20.
    """
    return 20 * sigma**2 / measures.laplacian_energy(world.real)


def look(x: Tensor, world) -> dict[str, list[float]]:
    """The measures of images [seeds, n, ...]."""
    return by_seed([measures.digit_measures(each.float(), world) for each in x])


def measure(run, world) -> dict:
    scores = measures.in_both_ways(run, lambda mean: look(run.sample(SAMPLES, mean=mean), world))
    if "encoder" not in run.model.networks:
        return scores
    observation = run.model.decoder.observation
    noisy = run.data["name"] == WITH_NOISE
    if noisy or not isinstance(observation, nets.ContinuousBernoulliPixels):
        scores["test_bound"] = metrics.iwae(run.model, with_noise(world.test, 1) if noisy else world.test, 64)
    again = measures.decoded_means(run, world.test.x)
    for key, energy in (("laplacian", measures.laplacian_energy), ("gradient", measures.gradient_energy)):
        scores[f"reconstructions: {key}"] = [energy(x) / energy(world.test.x) for x in again]
    if hasattr(observation, "log_scale"):
        sigma = observation.log_scale.detach().exp().expand(len(run.seeds), *observation.log_scale.shape[1:])
        scores["sigma"] = sigma.flatten().tolist()
        scores["noise"] = [noise(scale, world) for scale in scores["sigma"]]
    return scores


def references(world, seeds: list[int]) -> dict:
    """The test digits, and the two densities; their samples, not their parameters, differ by seed."""
    train, test = world.flat["train"], world.flat["test"]
    size = world.train.x[0].numel()
    width = best_width(train)
    log_p = {
        "kernel density": kernel_log_density(torch.cdist(test, train).square(), width, size),
        "one Gaussian": one_gaussian(train).log_prob(test),
    }
    scores = {"test digits": look(world.test.x[None], world)}
    for name, x in densities(train, (len(seeds), SAMPLES)).items():
        scores[name] = look(x.unflatten(-1, world.train.shape), world)
        scores[name]["test_bound"] = [log_p[name].mean().item()] * len(seeds)
    scores["kernel density"]["sigma"] = [width] * len(seeds)
    scores["kernel density"]["noise"] = [noise(width, world)] * len(seeds)
    return scores


def panels(name: str, run, world) -> dict:
    if run is None:
        made = densities(world.flat["train"], (24,))
        images = {name: x.unflatten(-1, world.train.shape).float() for name, x in made.items()}
        return {"digits": world.test.x[:24]} | images
    return measures.wrapped(name, run, lambda mean: run.sample(24, mean=mean)[0])


def pictures(panels: dict[str, Tensor], path: Path) -> None:
    """One picture of all but the VAEs; one of their means, and of samples where sigma was learned."""
    vaes = {title for title in panels if title.startswith("VAE")}
    shown = {title for title in vaes if title.endswith("means") or "learned" in title} | {"digits"}
    for ending, chosen in (("", panels.keys() - vaes), ("_vae", shown)):
        panels_chosen = {title: x for title, x in panels.items() if title in chosen}
        measures.side_by_side(
            panels_chosen, path.with_name(path.name + ending), 4, width=1.3 * len(panels_chosen), height=3.0
        )


grey_vae = vae("continuous bernoulli")
noisy_vae = replace(grey_vae, about={**grey_vae.about, "data": WITH_NOISE})

STUDY = Study(
    "Sharpness on the 8 x 8 digits",
    {
        "GAN": gan(zoo.GAN),
        "reverse-KL GAN": gan(zoo.REVERSE_KL_GAN),
        "KL-GAN": gan(zoo.KL_GAN),
        **{f"VAE, sigma {scale}": vae("gaussian", scale=scale) for scale in SCALES},
        "VAE, sigma learned": vae("gaussian"),
        "VAE, continuous Bernoulli": grey_vae,
        "VAE, continuous Bernoulli, noise": noisy_vae,
    },
    data=partial(measures.train_and_test, "digits"),
    prepare=prepare,
    train=train,
    measure=measure,
    references=references,
    words=measures.DIGIT_WORDS
    | {
        "test_bound": "nats per test digit: IWAE with 64 samples, or exact; with noise, of test digits with noise; for "
        "the continuous Bernoulli without noise there is none, as it would have no upper bound",
        "sigma": "standard deviation of p(x|z), or width of a kernel",
        "noise": "20 sigma² over the squared Laplacian of the training digits",
    },
    notes={
        "classifier": "two strided 5x5 convolutions (16, 32), 128 units; 60 epochs",
        "samples": SAMPLES,
        "kernel density": "1500 Gaussians around the training digits, maximum likelihood",
        "one Gaussian": "full covariance, maximum likelihood",
    },
    networks=dict(latent=8, hidden=(128, 128)),
    training=dict(batch=64),
    steps=1500,
    seeds=range(8),
    pairs=[
        ("GAN", "VAE, sigma learned: means"),
        ("GAN", "VAE, sigma learned"),
        ("GAN", "VAE, sigma 0.03: means"),
        ("GAN", "VAE, sigma 0.1: means"),
        ("KL-GAN", "reverse-KL GAN"),
        ("KL-GAN", "VAE, sigma learned: means"),
        ("VAE, sigma 0.03: means", "VAE, sigma 0.4: means"),
        ("GAN", "kernel density"),
    ],
    panels=panels,
    picture=pictures,
)
