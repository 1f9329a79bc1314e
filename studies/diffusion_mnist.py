"""Four of the models of diffusion_digits.py on MNIST, with convolutions, at equal parameters and equal gradients.

    python -m ganvae_lib study diffusion_mnist      # about 20 minutes on one CPU thread; after diffusion_digits_pilot
    GANVAE_SCALE=full python -m ganvae_lib study diffusion_mnist --out results/full    # for a GPU

MNIST is resized to 16 x 16 pixels, as in adaptation.py. Denoisers are small U-Nets; the widths, and the numbers of a
code, are such that a model has about 37,200 parameters. GANs get half the steps. Nothing is tuned on MNIST: the
learning rates are those of the 8 x 8 digits. Sizes were chosen by timing 15 steps, before any result. No nats are
given: averages of grey levels have no density.

In a first run diffusion failed: a U-Net normalises what it sees, and told nearly the same noise of z and of 1.01 z.
Since then what denoisers of images see goes past their trunks (``Denoiser``, ``skip``), the simplest of six such ways,
all of which helped in 700 steps of seed 0. Both stand here with their trunks alone, too: nothing else differs.

With GANVAE_SCALE=full the digits keep their 28 x 28 pixels, a model has about 2.28 million parameters and 25,000
steps, and eight seeds are trained on whatever device there is. That size has not been run.
"""

from dataclasses import replace
from pathlib import Path

import torch

from ganvae_lib import Data, build, fit, load, scale
from ganvae_lib.distributions.paths import PATHS, T_MAX, T_MIN, as_prediction
from ganvae_lib.experiments import Study, Trial
from studies import diffusion_digits as digits, measures
from studies.adaptation_pilot import small_mnist

MANY = 1000  # real digits that are compared with as many samples
SMALL = {
    "networks": {
        "VAE": dict(width=16, latent=13),
        "GAN": dict(width=16, latent=37),
        "diffusion": dict(width=8),
        "flow matching": dict(width=8),
    },
    "side": 16,
    "steps": 1500,
    "batch": 64,
    "seeds": range(4),
}
FULL = {
    "networks": {
        "VAE": dict(width=128, latent=32),
        "GAN": dict(width=160, latent=38),
        "diffusion": dict(width=64),
        "flow matching": dict(width=64),
    },
    "side": 28,
    "steps": 25_000,
    "batch": 128,
    "seeds": range(8),
}
SIZE = FULL if scale() == "full" else SMALL
ALONE = ", trunk alone"


def data() -> dict[str, Data]:
    return {split: load("mnist", split) if SIZE is FULL else small_mnist(split) for split in ("train", "test")}


def prepare(world) -> dict:
    real = {"real": world.test.x[:MANY], "others": world.test.x[MANY : 2 * MANY], "known": world.train.x[:10_000]}
    return measures.classified(world) | {"weights": measures.frequencies(world.train)} | real


def models(folder: Path) -> dict[str, Trial]:
    """With the learning rates of the 8 x 8 digits."""
    chosen, trials = digits.models(folder), {}
    for name, networks in SIZE["networks"].items():
        objective, own, share = digits.MODELS[name]
        networks = networks | {key: choice for key, choice in own.items() if key == "observation"}
        trials[name] = Trial(objective, networks, chosen[name].training, share, about={"skip": True})
    for name in ("diffusion", "flow matching"):
        trials[name + ALONE] = replace(trials[name], about={"skip": False})
    return trials


def train(trial, world, seeds):
    model = build(trial.objective, world.train, **trial.networks)
    if "denoiser_x" in model.networks:
        model.networks["denoiser_x"].skip = trial.about["skip"]
    device = "cpu" if SIZE is SMALL else None
    return fit(model, world.train, seeds=seeds, device=device, **trial.training)


def handed_back(run, world) -> list[float]:
    """σ⟨ε̂(z + hz) - ε̂(z), z⟩/(h‖z‖²) for z of which 1 % is signal: 0 if ε̂ ignores how large z is, 1 if x̂ does."""
    tool, denoiser = run.model.objective.terms[0].tool, run.model.networks["denoiser_x"]
    path, x, size = PATHS[tool.path], world.real, 0.01
    times = torch.linspace(T_MIN, T_MAX, 10_000)
    t = times[(path.snr(times) - 0.01).abs().argmin()]
    epsilon = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    seeds_shape = run.model.seeds_shape
    z = path.at(x, epsilon, t).expand(*seeds_shape, *x.shape)
    axes = len(seeds_shape) + 1
    x_hat = tool.denoised(denoiser, axes)
    with torch.no_grad():
        told, of_larger = (as_prediction("noise", x_hat(each, t), each, t, path) for each in (z, (1 + size) * z))
    change = ((of_larger - told) * z).flatten(axes).sum(-1) / (size * z.square().flatten(axes).sum(-1))
    return (path.sigma(t) * change).mean(-1).reshape(-1).tolist()


def measure(run, world) -> dict:
    scores = digits.looked_at(run, world)
    return scores | {"handed back": handed_back(run, world)} if "denoiser_x" in run.model.networks else scores


STUDY = Study(
    "Denoising, an adversary and a VAE on MNIST",
    models,
    data=data,
    prepare=prepare,
    train=train,
    measure=measure,
    examples=lambda run, world: digits.examples(run, world) | {"device": next(run.model.parameters()).device.type},
    references=lambda world, seeds: {"real": digits.look(world.others[None], world)},
    words=digits.WORDS
    | {
        "frechet": "Fréchet distance in the 128 features of the classifier, 1,000 samples and 1,000 test digits",
        "seconds_to_sample": "seconds for 1,000 samples of one seed",
        "handed back": "how much of a change in the size of z the told noise takes up, where 1 % of z is signal",
    },
    notes={
        "classifier": "two strided 5x5 convolutions (16, 32), 128 units; 3 epochs",
        "samples": digits.SAMPLES,
        "learning rates": "those of the 8 x 8 digits, diffusion_digits_pilot.json",
        "real": "1,000 other test digits, as if they were samples",
    },
    networks=dict(architecture="conv"),
    training=dict(batch=SIZE["batch"]),
    steps=SIZE["steps"],
    seeds=SIZE["seeds"],
    apart=SIZE is SMALL,  # on a CPU one seed after another is as fast as all stacked
    pairs=[
        ("flow matching", "VAE"),
        ("flow matching", "VAE: means"),
        ("flow matching", "GAN"),
        ("flow matching", "diffusion"),
        ("diffusion", "VAE"),
        ("diffusion", "GAN"),
        ("VAE", "GAN"),
        ("diffusion", "diffusion" + ALONE),
        ("flow matching", "flow matching" + ALONE),
    ],
)
