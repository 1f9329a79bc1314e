"""What makes samples blurred? Sharpness on the 8 x 8 digits, by direction of KL and by observation model; eight seeds.

    python benchmarks/blur.py                       # about 5 minutes on one CPU thread

Three GANs; VAEs that differ in the observation model p(x|z) alone (a Gaussian with the standard deviation fixed or
learned, a continuous Bernoulli); and two densities fitted by maximum likelihood, hence in the VAE's direction of KL:
one Gaussian with a full covariance (in closed form) and a kernel density, 1,500 narrow Gaussians around the training
digits, whose width maximises the leave-one-out likelihood. Models and settings were fixed before any result was seen
(the steps, cut from 4,000 to 1,500 to save time, too); learning rates are those of mnist_directions.py.

Read the measures together. The energies are quadratic in x, so noise counts as sharpness, and a Gaussian with the
covariance of the data has all of their energy although its samples look like no digit. For a Gaussian observation the
energy of the samples is that of the means plus that of the noise: ``noise`` is the second part, 20 sigma² over the
energy of the real digits.

Writes results/blur.png (real digits and seed 0 of the GANs and of the two densities), results/blur_vae.png (seed 0 of
the VAEs) and results/blur.json:

    experiment, command, seeds [8]
    config           latent, hidden, steps, batch, optimizer, precision; adversarial and vae: {lr, betas}
    data             name, train and test: {n, digest}
    judge            network, test_accuracy (share)
    n_samples        images judged per seed
    measures         what each key below means, in words
    models.<name>    objective, observation, scale (fixed standard deviation or null), divergence (LaTeX),
                     seconds (all seeds), failed {seed: message};
                     for Gaussian observations and the kernel density: sigma and noise {values, mean, half_width_95};
                     for densities: test_bound, the same, nats per test digit (IWAE with 64 samples, or exact)
      .samples, .means, .reconstructions   (the last two: VAEs; the last of test digits: energies only)
                     each measure: {values [seeds], mean, half_width_95}, over the seeds that did not fail
    real             the same measures for the test digits, one number each
    compare          {"A - B": measure: {mean, half_width_95, agree}}: differences of means, Welch's 95 % interval
    environment
"""

from __future__ import annotations

import argparse
import math
import time

import measures
import record
import torch
from torch import Tensor

from ganvae_lib import LINKS, build, load, zoo
from ganvae_lib.measure.bounds import iwae

SCALES = (0.03, 0.1, 0.2, 0.4)
MODELS = {
    "GAN": (zoo.GAN, None, None),
    "reverse-KL GAN": (zoo.REVERSE_KL_GAN, None, None),
    "KL-GAN": (zoo.KL_GAN, None, None),
}
MODELS |= {f"VAE, sigma {scale}": (zoo.VAE, "gaussian", scale) for scale in SCALES}
MODELS |= {
    "VAE, sigma learned": (zoo.VAE, "gaussian", None),
    "VAE, continuous Bernoulli": (zoo.VAE, "continuous bernoulli", None),
}
WORDS = {
    "classes": "digits (of 10) that make up at least 2 % of the samples, by the judge",
    "confidence": "mean of the judge's largest class probability",
    "confident": "share of samples with a largest probability of at least 0.9",
    "kl_d_g": "KL(class frequencies of the data || of the samples), one added to each count, nats",
    "kl_g_d": "KL(class frequencies of the samples || of the data), one added to each count, nats",
    "laplacian": "mean squared Laplacian relative to the training digits' (1: as sharp; noise counts as sharpness)",
    "gradient": "mean squared difference of neighbouring pixels relative to the training digits'",
    "nearest": "root mean squared distance per pixel to the nearest training digit",
}


def kernel_log_density(square: Tensor, width: float, size: int) -> Tensor:
    """Log density at points with squared distances ``square`` [n, N] to N equal Gaussians; inf leaves one out."""
    count = square.isfinite().sum(1)
    log_k = (-square / (2 * width**2)).logsumexp(1)
    return log_k - count.log() - size * math.log(width * math.sqrt(2 * math.pi))


def best_width(centres: Tensor) -> float:
    """The width of a kernel density with the largest leave-one-out likelihood of its own centres [N, D]."""
    square = torch.cdist(centres, centres).square().fill_diagonal_(math.inf)
    widths = torch.linspace(0.02, 0.4, 77).tolist()
    return max(widths, key=lambda h: kernel_log_density(square, h, centres.shape[1]).mean().item())


def one_gaussian(x: Tensor) -> torch.distributions.MultivariateNormal:
    """The maximum-likelihood Gaussian; 1e-6 for the pixels that never change."""
    x = x.double()
    covariance = x.T.cov(correction=0) + 1e-6 * torch.eye(x.shape[1]).double()
    return torch.distributions.MultivariateNormal(x.mean(0), covariance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--name", default="blur", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes, seeds = dict(latent=8, hidden=(128, 128)), list(range(args.seeds))
    rates = {"adversarial": dict(lr=5e-4, betas=(0.5, 0.999)), "vae": dict(lr=1e-3, betas=(0.9, 0.999))}
    train, test = load("digits"), load("digits", split="test")
    net, accuracy = measures.discriminator(train, test, epochs=60)
    print(f"judge: {100 * accuracy:.2f} % of the test digits", flush=True)
    weights = train.y.bincount(minlength=10).double() / len(train)
    energy = measures.laplacian_energy(train.x)

    def look(x: Tensor) -> dict[str, float]:
        x = x.float()
        p = measures.classes(net, x)
        seen = measures.verdict(p, weights)
        del seen["kl_classes"]
        counts = p.argmax(1).bincount(minlength=10)
        return seen | measures.frequency_kl(counts, weights) | measures.sharpness(x, train.x, train.x)

    models, kept, panels = {}, {}, [("digits", test.x[:24])]

    def keep(name: str, entry: dict, way: str, x: Tensor) -> None:
        """Measure x [seeds, n, 1, 8, 8] and write it down."""
        values = kept[f"{name}, {way}"] = measures.by_seed([look(each) for each in x])
        entry[way] = {key: record.summary(v) for key, v in values.items()}
        short = {key: entry[way][key]["mean"] for key in ("confidence", "laplacian", "gradient", "nearest")}
        print(f"{name}, {way}: {short}", flush=True)
        panels.append((f"{name}\n{way}".replace(", ", "\n").replace("us B", "us\nB"), x[0, :24].float()))

    for name, (objective, observation, scale) in MODELS.items():
        started, explicit = time.perf_counter(), observation is not None
        model = build(objective, train, observation=observation, scale=scale, **sizes)
        run, failed = measures.survivors(
            model, train, seeds, steps=args.steps, batch=64, **rates["vae" if explicit else "adversarial"]
        )
        link = None if explicit else LINKS[objective.tool.link].descends
        entry = dict(
            objective=repr(objective),
            observation=observation or "point",
            scale=scale,
            divergence=link or r"\mathrm{KL}(d\,q_\eta\,\|\,p_\theta)",
            seconds=round(time.perf_counter() - started, 1),
            failed=failed,
        )
        models[name] = entry
        if run is None:
            continue
        if observation == "gaussian":
            sigma = run.model.decoder.observation.log_scale.detach().exp().flatten().tolist()
            sigma = sigma if len(sigma) == len(run.seeds) else sigma * len(run.seeds)
            entry["sigma"] = record.summary(sigma)
            entry["noise"] = record.summary(20 * s**2 / energy for s in sigma)
        if explicit:
            entry["test_bound"] = record.summary(iwae(run.model, test, 64))
            keep(name, entry, "means", run.sample(args.samples, mean=True))
            with torch.no_grad():
                lead = run.model.seeds_shape
                again = run.model.decoder(run.model.encoder(test.x.expand(*lead, *test.x.shape)).mean).mean
            again = again if lead else again[None]
            energies = {"laplacian": measures.laplacian_energy, "gradient": measures.gradient_energy}
            entry["reconstructions"] = {
                key: record.summary(f(x) / f(test.x) for x in again) for key, f in energies.items()
            }
        keep(name, entry, "samples", run.sample(args.samples))

    flat, flat_test, shape = train.x.flatten(1).double(), test.x.flatten(1).double(), (args.samples, *train.shape)
    width, bell = best_width(flat), one_gaussian(flat)
    closed = dict(objective="maximum likelihood", scale=None, divergence=r"\mathrm{KL}(d\,\|\,g)", failed={})
    same = lambda value: record.summary([value] * len(seeds))
    kernels = kernel_log_density(torch.cdist(flat_test, flat).square(), width, flat.shape[1])
    models["kernel density"] = dict(
        closed,
        observation="1500 Gaussians around the training digits",
        sigma=same(width),
        noise=same(20 * width**2 / energy),
        test_bound=same(kernels.mean().item()),
    )
    models["one Gaussian"] = dict(
        closed, observation="full covariance", test_bound=same(bell.log_prob(flat_test).mean().item())
    )
    torch.manual_seed(0)
    index = torch.randint(len(flat), (len(seeds), args.samples))
    near = flat[index] + width * torch.randn(*index.shape, flat.shape[1], dtype=torch.float64)
    keep("kernel density", models["kernel density"], "samples", near.reshape(-1, *shape))
    keep("one Gaussian", models["one Gaussian"], "samples", bell.sample(index.shape).reshape(-1, *shape))

    pairs = [
        ("GAN, samples", "VAE, sigma learned, means"),
        ("GAN, samples", "VAE, sigma learned, samples"),
        ("GAN, samples", "VAE, sigma 0.03, means"),
        ("GAN, samples", "VAE, sigma 0.1, means"),
        ("KL-GAN, samples", "reverse-KL GAN, samples"),
        ("KL-GAN, samples", "VAE, sigma learned, means"),
        ("VAE, sigma 0.03, means", "VAE, sigma 0.4, means"),
        ("GAN, samples", "kernel density, samples"),
    ]
    path = record.write(
        args.name,
        dict(
            experiment="Sharpness on the 8 x 8 digits",
            command="python benchmarks/blur.py",
            seeds=seeds,
            config=dict(steps=args.steps, batch=64, optimizer="Adam", precision="fp32") | sizes | rates,
            data=dict(
                name="digits", train=dict(n=len(train), digest=train.digest), test=dict(n=len(test), digest=test.digest)
            ),
            judge=dict(
                network="two strided 5x5 convolutions (16, 32), 128 units; 60 epochs", test_accuracy=round(accuracy, 4)
            ),
            n_samples=args.samples,
            measures=WORDS,
            models=models,
            real={key: round(value, 4) for key, value in look(test.x).items()},
            compare={
                f"{a} - {b}": {key: record.difference(kept[a][key], kept[b][key]) for key in WORDS}
                for a, b in pairs
                if min(len(kept.get(k, {}).get("classes", ())) for k in (a, b)) > 1
            },
            environment=record.environment(),
        ),
    )
    show = lambda *words: [panels[0], *(p for p in panels if any(w in p[0] for w in words))]
    for name, chosen in (("", show("GAN\n", "density", "Gaussian\n")), ("_vae", show("means", "learned\nsamples"))):
        record.picture(args.name + name, chosen, [4] * len(chosen), width=1.3 * len(chosen), height=3.0)
    print(path.name)


if __name__ == "__main__":
    main()
