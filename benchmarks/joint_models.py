"""What each sum of terms buys: eleven models on the ring, whose truth is known, and on MNIST.

    python benchmarks/joint_models.py               # about 12 minutes on one CPU thread

All models have the same decoder, encoder and discriminators' hidden layers, the same learning rate, batch and number of
steps, and the weights of the zoo. Worlds, models and seeds were fixed before any result was seen, and nothing was tuned
by model. Settings for all were changed after a first look at the VAE alone, which was far from trained: on the ring the
noise from 0.05 to 0.1 and the learning rate from 1e-3 to 2e-3, on MNIST (where the GAN had been seen, too) the scale
from 1 to 0.5; and there the steps were cut from 800 to 600 to save time. The networks are small and the runs short:
most of the adversarial models are undertrained.

ring    2-dimensional codes; p(x|z) = N(f(z), scale²) in every model, with the noise drawn in samples. So every model
        has a density p(x), and every encoder an exact posterior to be compared with; log p(x) is a sum over a grid of
        codes.
mnist   samples and reconstructions are the means f(z); ``scale`` only sets the weight of the reconstruction, which is
        twice the squared error. "VAE, 0.25" is the VAE with scale 0.25, for comparison. GMMN and WAE-MMD: ring only.

Writes results/joint_models.png (MNIST: test digits, their reconstructions, samples; seed 0) and
results/joint_models.json:

    experiment, command, measures {key: what it means, in words}
    ring, mnist
      .seeds, .config (latent, hidden, scale, steps, batch, lr, betas {adversarial, other}), .digest
      .perfect            what the data themselves score (ring), what the test digits score (mnist)
      .models.<name>      objective, seconds (training, all seeds, on a busy machine), failed {seed: message}
                          <key>: {values [seeds], mean, half_width_95} over the seeds that did not fail
                          cloud (ring): 300 samples of the first seed, "x,y x,y ..."; missed (ring): 60 pairs
                          "x,y>x,y" of a test point and its reconstruction
      .compare            {"A - B": key: {mean, half_width_95, agree}}: Welch's 95 % interval of differences
    environment
"""

from __future__ import annotations

import argparse
import json
import time

import measures
import record
import torch
from torch.distributions import Normal
from torch.nn.functional import softplus

from ganvae_lib import Data, build, coverage, load, ring, zoo

MODELS = {
    "VAE": zoo.VAE,
    "GAN": zoo.GAN,
    "GMMN": zoo.GMMN,
    "AAE": zoo.AAE,
    "WAE-MMD": zoo.WAE_MMD,
    "VAE/GAN": zoo.VAE_GAN,
    "MDGAN": zoo.MDGAN,
    "alpha-GAN": zoo.ALPHA_GAN,
    "ALI": zoo.ALI,
    "AVB": zoo.AVB,
    "AS-VAE": zoo.AS_VAE,
}
PAIRS = [
    ("VAE/GAN", "VAE"),
    ("VAE/GAN", "GAN"),
    ("MDGAN", "GAN"),
    ("alpha-GAN", "AAE"),
    ("alpha-GAN", "GAN"),
    ("ALI", "GAN"),
    ("AVB", "VAE"),
    ("AS-VAE", "AVB"),
    ("AS-VAE", "VAE"),
    ("AS-VAE", "ALI"),
    ("WAE-MMD", "AAE"),
    ("GMMN", "GAN"),
]
WORDS = {
    "modes": "modes (of 8) that get at least a fifth of a perfect model's samples within 3 standard deviations",
    "high_quality": "share of samples within 3 standard deviations of a mode",
    "kl_d_model": "KL(d || p) in x, nats: what the model does not cover",
    "kl_model_d": "KL(p || d) in x, nats: what it makes up",
    "inference": "E_d KL(q(z|x) || p(z|x)), nats, p(z|x) the model's own posterior",
    "joint_jsd": "JSD of d(x) q(z|x) and p(z) p(x|z), nats, at most log 2",
    "reconstruction": "root mean squared distance of x from f(z), z ~ q(z|x), per dimension",
    "wrong": "share of test examples whose reconstruction is nearest to another mode (ring), or is another digit to "
    "the judge (mnist)",
    "round_trip": "root mean squared error of z from its sample x by the mean of q(z|x), per dimension; 1: nothing "
    "of z is found, by an encoder that knows it",
    "classes": "digits (of 10) that make up at least 2 % of the samples, by the judge",
    "confident": "share of samples of which the judge gives one class at least 0.9",
    "laplacian": "mean squared Laplacian of samples relative to the test digits' (1: as sharp; noise counts, too)",
    "again_laplacian": "the same of reconstructions",
}


def grid_evidence(model, x: torch.Tensor, side: int = 200, reach: float = 4.2) -> torch.Tensor:
    """log p(x) at points x [n, 2] of a single model, by the trapezoid rule over its two-dimensional codes."""
    ticks = torch.linspace(-reach, reach, side)
    z = torch.cartesian_prod(ticks, ticks)
    log_weight = Normal(0.0, 1.0).log_prob(z).sum(-1).log_softmax(0)
    centres, scale = model.decoder(z).mean, model.decoder.observation.log_scale.exp()
    constant = 2 * scale.log() + torch.log(torch.tensor(2 * torch.pi))
    parts = (torch.logsumexp(log_weight - torch.cdist(p, centres).square() / (2 * scale**2), -1) for p in x.split(250))
    return torch.cat(list(parts)) - constant.squeeze()


@torch.no_grad()
def look_at_ring(run, k: int, world, test: torch.Tensor) -> tuple[dict, str, str]:
    """The measures of the k-th copy, a cloud of samples, and reconstructions of some of the points ``test``."""
    torch.manual_seed(k)
    model = run.model.single(k)
    n = 20_000
    z = torch.randn(n, 2)
    p_x = model.decoder(z)
    made = p_x.sample()
    found = {key: float(v) for key, v in coverage(made[None], world).items()}
    found["high_quality"] = found.pop("high quality")
    few = made[:1000]
    log_p, log_p_made = grid_evidence(model, test), grid_evidence(model, few)
    found["kl_d_model"] = float((world.log_prob(test) - log_p).mean())
    found["kl_model_d"] = float((log_p_made - world.log_prob(few)).mean())
    cloud = " ".join(f"{a:.2f},{b:.2f}" for a, b in made[:300].tolist())
    if "encoder" not in model.networks:
        return found, cloud, ""
    prior = model.prior()

    def log_ratio(x, z, p):  # of inferred pairs to generated ones
        return world.log_prob(x) + model.encoder(x).log_prob(z) - prior.log_prob(z) - p.log_prob(x)

    q = model.encoder(test)
    codes = q.sample((20,))
    again = model.decoder(codes)
    ours = log_ratio(test.expand(20, -1, -1), codes, again)
    theirs = log_ratio(made, z, p_x)
    log2 = torch.log(torch.tensor(2.0))
    back = again.mean[0]
    nearest = lambda x: torch.cdist(x.double(), world.modes).argmin(-1)
    miss = (model.encoder(made).mean - z).square().mean()
    found |= dict(
        inference=float((log_p + q.log_prob(codes) - prior.log_prob(codes) - again.log_prob(test)).mean()),
        joint_jsd=float(log2 - (softplus(-ours).mean() + softplus(theirs).mean()) / 2),
        reconstruction=float((back - test).square().mean().sqrt()),
        wrong=float((nearest(back) != nearest(test)).double().mean()),
        round_trip=float(miss.sqrt()),
    )
    pairs = zip(test[:60].tolist(), back[:60].tolist(), strict=True)
    return found, cloud, " ".join(f"{a:.2f},{b:.2f}>{c:.2f},{e:.2f}" for (a, b), (c, e) in pairs)


@torch.no_grad()
def look_at_mnist(run, net, test) -> tuple[dict, torch.Tensor, torch.Tensor | None]:
    """The measures of a single run, some samples, and some reconstructions of test digits."""
    torch.manual_seed(0)
    z = torch.randn(2000, run.model.config["latent"])
    made = run.model.decoder(z).mean
    p = measures.classes(net, made)
    seen = measures.verdict(p, torch.full((10,), 0.1))
    sharp = lambda x: measures.laplacian_energy(x) / measures.laplacian_energy(test.x)
    found = dict(classes=seen["classes"], confident=seen["confident"], laplacian=sharp(made))
    if "encoder" not in run.model.networks:
        return found, made[:24], None
    x, y = test.x[:2000], test.y[:2000]
    back = run.reconstruct(x)[0]
    found |= dict(
        reconstruction=float((back - x).square().mean().sqrt()),
        wrong=float((measures.classes(net, back).argmax(1) != y).double().mean()),
        round_trip=float((run.model.encoder(made).mean - z).square().mean().sqrt()),
        again_laplacian=sharp(back),
    )
    return found, made[:24], back[:24]


def summaries(rows: list[dict]) -> dict:
    return {key: record.summary(v) for key, v in measures.by_seed(rows).items()}


def compare(rows: dict[str, list[dict]]) -> dict:
    out = {}
    for a, b in PAIRS:
        if min(len(rows.get(name, ())) for name in (a, b)) > 1:
            one, other = measures.by_seed(rows[a]), measures.by_seed(rows[b])
            out[f"{a} - {b}"] = {k: record.difference(one[k], other[k]) for k in one if k in other}
    return out


def on_ring(steps: int, seeds: int) -> dict:
    world = ring()
    points, test = Data(world.sample(20_000, 0), None, "ring", world), world.sample(1000, 1)
    config = dict(latent=2, hidden=(64, 64), observation="gaussian", scale=0.1, noiseless=False)
    training = dict(steps=steps, batch=128, lr=2e-3)
    betas = {"adversarial": (0.5, 0.999), "other": (0.9, 0.999)}
    models, rows = {}, {}
    for name, objective in MODELS.items():
        started = time.perf_counter()
        run, failed = measures.survivors(
            build(objective, points, **config),
            points,
            list(range(seeds)),
            **training,
            betas=betas["adversarial" if objective.adversaries else "other"],
        )
        seconds = round(time.perf_counter() - started, 1)
        looks = [look_at_ring(run, k, world, test) for k in range(len(run.seeds))] if run else []
        rows[name] = [found for found, _, _ in looks]
        models[name] = dict(objective=repr(objective), seconds=seconds, failed=failed) | summaries(rows[name])
        if looks:
            models[name] |= dict(cloud=looks[0][1], missed=looks[0][2])
        short = {k: v["mean"] for k, v in models[name].items() if isinstance(v, dict) and "mean" in v}
        print(f"ring, {name}: {short}, {seconds} s {failed or ''}", flush=True)
    itself = coverage(world.sample(20_000, 2)[None], world)
    return dict(
        seeds=list(range(seeds)),
        config=config | training | dict(betas=betas),
        digest=points.digest,
        perfect=dict(modes=float(itself["modes"]), high_quality=round(float(itself["high quality"]), 4)),
        models=models,
        compare=compare(rows),
    )


def on_mnist(steps: int, seeds: int, name: str) -> dict:
    train, test = load("mnist"), load("mnist", split="test")
    net, accuracy = measures.discriminator(train, test)
    print(f"judge: {100 * accuracy:.2f} % of the test digits", flush=True)
    config = dict(latent=16, hidden=(256,), observation="gaussian", scale=0.5, noiseless=True)
    training = dict(steps=steps, batch=64, lr=1e-3)
    betas = {"adversarial": (0.5, 0.999), "other": (0.9, 0.999)}
    models, rows, panels = {}, {}, [("test digits", test.x[:24])]
    chosen = {n: o for n, o in MODELS.items() if n not in ("GMMN", "WAE-MMD")} | {"VAE, 0.25": zoo.VAE}
    for each, objective in chosen.items():
        sizes = config | ({"scale": 0.25} if each == "VAE, 0.25" else {})
        model = build(objective, train, **sizes)
        looks, wrong, seconds = [], {}, 0.0
        for seed in range(seeds):
            started = time.perf_counter()
            run, failed = measures.survivors(
                model, train, [seed], **training, betas=betas["adversarial" if objective.adversaries else "other"]
            )
            seconds, wrong = seconds + time.perf_counter() - started, wrong | failed
            if run:
                looks.append(look_at_mnist(run, net, test))
        rows[each] = [found for found, _, _ in looks]
        models[each] = dict(objective=repr(objective), seconds=round(seconds, 1), failed=wrong) | summaries(rows[each])
        short = {k: v["mean"] for k, v in models[each].items() if isinstance(v, dict) and "mean" in v}
        print(f"mnist, {each}: {short}, {seconds:.0f} s {wrong or ''}", flush=True)
        if looks and each in ("VAE", "GAN", "AAE", "VAE/GAN", "MDGAN", "alpha-GAN", "ALI", "AVB", "AS-VAE"):
            blank = torch.zeros_like(test.x[:8])
            panels.append((each, torch.cat([blank if looks[0][2] is None else looks[0][2][:8], looks[0][1][:16]])))
    panels[0] = ("test digits", torch.cat([test.x[:8], test.x[100:116]]))
    record.picture(name, panels, [4] * len(panels), width=10, height=2.0)
    real = measures.verdict(measures.classes(net, test.x), torch.full((10,), 0.1))
    return dict(
        seeds=list(range(seeds)),
        config=config | training | dict(betas=betas),
        digest=train.digest,
        judge=round(accuracy, 4),
        perfect=dict(
            classes=real["classes"], confident=round(real["confident"], 4), laplacian=1.0, wrong=round(1 - accuracy, 4)
        ),
        models=models,
        compare=compare(rows),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ring-steps", type=int, default=1500)
    parser.add_argument("--ring-seeds", type=int, default=8)
    parser.add_argument("--mnist-steps", type=int, default=600)
    parser.add_argument("--mnist-seeds", type=int, default=4)
    parser.add_argument("--part", choices=("ring", "mnist"), help="run one part, and keep the other as it is")
    parser.add_argument("--name", default="joint_models", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = record.RESULTS / f"{args.name}.json"
    parts = {
        "ring": lambda: on_ring(args.ring_steps, args.ring_seeds),
        "mnist": lambda: on_mnist(args.mnist_steps, args.mnist_seeds, args.name),
    }
    for part in parts if args.part is None else (args.part,):
        found = {part: parts[part]()}
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        kept = {key: before[key] for key in parts if key in before} | found
        record.write(
            args.name,
            dict(
                experiment="What each sum of terms buys",
                command="python benchmarks/joint_models.py",
                measures=WORDS,
                **{key: kept[key] for key in parts if key in kept},
                environment=record.environment(),
            ),
        )
    print(path.name)


if __name__ == "__main__":
    main()
