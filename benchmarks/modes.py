"""Missing modes on three worlds with a known truth: eight models, one size of network, eight seeds.

    python benchmarks/modes.py --pilot              # about 4 minutes on one CPU thread: results/modes_pilot.json
    python benchmarks/modes.py                      # about 8 minutes, with the learning rates of the pilot

Worlds: ``ring`` (8 equal modes), ``grid`` (25 equal modes) and ``unequal`` (the ring with weights of 30 % down to
2 %). All models have the same generator or decoder, the discriminators and encoders the same hidden layers, and all
see the same number of minibatches per update of the generator, but for WGAN-GP, whose critic moves five times.

The learning rate of each model is chosen before, on another world and other seeds (``pilot``): the one of three whose
samples are nearest to the pinwheel in total variation of histograms. It is then frozen. A learning rate at which a
loss stops being finite is out. Nothing else was tuned. Steps were cut to save time: from 6,000 to 4,000 before any
result, and to 2,500 after the VAE and the GAN on the ring had been seen at 4,000. Several GANs are undertrained.

Writes results/modes.json:

    experiment, command, seeds [8]
    config           latent, hidden, steps, batch, optimizer, precision, betas {adversarial, other}
    conventions      what each measure below means, in words
    n_samples        samples judged per seed
    pilot            world, digest, seeds, steps, rates, models.<name>: {tried: {rate: tv or a message}, chosen};
                     also alone in results/modes_pilot.json
    worlds.<name>    digest, n (training points), weights [M], modes [M][2], std
      .perfect       the measures of draws of the world itself: what a perfect model would score
      .chance        the measures of points uniform on a square around the modes: what no structure at all scores
      .models.<model>   objective, divergence (LaTeX: what the generator descends at the optimum; null if none),
                     lr, seconds (all seeds), failed {seed: message}
        .samples, .means   (means: the means of p(x|z), VAE only)
                     each measure: {values [seeds], mean, half_width_95}, over the seeds that did not fail;
                     cloud: 300 samples of the first seed, "x,y x,y ...";
                     frequencies [seeds][M] (unequal only): share of high-quality samples at each mode
      .compare       {"A - B": measure: {mean, half_width_95, agree}}: Welch's 95 % interval of differences
    environment
"""

from __future__ import annotations

import argparse
import json
import time

import measures
import record
import torch

from ganvae_lib import LINKS, Adversary, Data, Match, Mixture, build, ring, zoo
from ganvae_lib.data.toys import grid, pinwheel

MODELS = {
    "VAE": zoo.VAE,
    "GAN": zoo.GAN,
    "minimax GAN": zoo.MINIMAX_GAN,
    "KL-GAN": zoo.KL_GAN,
    "reverse-KL GAN": zoo.REVERSE_KL_GAN,
    "LSGAN": zoo.LSGAN,
    "WGAN-GP": zoo.WGAN_GP,
    "one Gaussian": zoo.LIKELIHOOD,
}
WORLDS = {
    "ring": ring(),
    "unequal": Mixture([0.30, 0.04, 0.16, 0.08, 0.22, 0.02, 0.12, 0.06], ring().means, 0.1),
    "grid": grid(),
}
RATES = (2e-4, 6e-4, 2e-3)
CONVENTIONS = {
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
}


def truth(world) -> torch.Tensor:
    """Probabilities of the bins, from two million draws."""
    return measures.histogram(world.sample(2_000_000, 1)) / 2_000_000


def chance(world, n: int, seed: int) -> torch.Tensor:
    """Points uniform on the square that reaches half a unit beyond the modes."""
    reach = float(world.modes.abs().max()) + 0.5
    return reach * (2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(seed)) - 1)


def data(name: str, world, seed: int = 0) -> Data:
    return Data(world.sample(20_000, seed), None, name, world)


def draws(run, n: int, mean: bool = False) -> torch.Tensor:
    """Samples [seeds, n, 2], the same codes for every seed."""
    return torch.cat([run.sample(10_000, seed=i, mean=mean) for i in range(n // 10_000)], 1)


def pilot(config: dict, steps: int, batch: int, betas: dict) -> dict:
    """Choose the learning rate of every model on the pinwheel, seeds 100 and 101."""
    world = pinwheel()
    points, d, found = data("pinwheel", world, 100), truth(world), {}
    for name, objective in MODELS.items():
        model, tried = build(objective, points, **config), {}
        for lr in RATES:
            run, failed = measures.survivors(
                model,
                points,
                [100, 101],
                steps=steps,
                batch=batch,
                lr=lr,
                betas=betas["adversarial" if objective.adversaries else "other"],
            )
            if failed:
                tried[f"{lr:g}"] = next(iter(failed.values()))
                continue
            counts = measures.histogram(draws(run, 50_000))
            tv = [measures.histogram_divergences(c, d)["bins_tv"] for c in counts]
            tried[f"{lr:g}"] = round(sum(tv) / len(tv), 4)
        scores = {lr: tv for lr, tv in tried.items() if isinstance(tv, float)}
        found[name] = dict(tried=tried, chosen=float(min(scores, key=scores.get)) if scores else min(RATES))
        print(f"pilot, {name}: {found[name]}", flush=True)
    return dict(world="pinwheel", digest=points.digest, seeds=[100, 101], steps=steps, rates=list(RATES), models=found)


def divergence(objective) -> str | None:
    if objective == zoo.VAE:
        return r"\mathrm{KL}(d\,q_\eta\,\|\,p_\theta)"
    tool = objective.tool if isinstance(objective, Match) else None
    return LINKS[tool.link].descends if isinstance(tool, Adversary) else r"\mathrm{KL}(d\,\|\,g)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilot", action="store_true", help="choose the learning rates, and stop")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--pilot-steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--name", default="modes", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config, batch = dict(latent=2, hidden=(64, 64)), 128
    betas = {"adversarial": (0.5, 0.999), "other": (0.9, 0.999)}
    seeds = list(range(args.seeds))
    if args.pilot:
        print(record.write("modes_pilot", pilot(config, args.pilot_steps, batch, betas)).name)
        return
    chosen = json.loads((record.RESULTS / "modes_pilot.json").read_text(encoding="utf-8"))

    worlds = {}
    for world_name, world in WORLDS.items():
        points, d = data(world_name, world), truth(world)
        perfect = measures.by_seed([measures.modes(world.sample(args.samples, 1000 + s), world, d) for s in seeds])
        blob = measures.by_seed([measures.modes(chance(world, args.samples, s), world, d) for s in seeds])
        models, kept = {}, {}
        for name, objective in MODELS.items():
            lr = chosen["models"][name]["chosen"]
            started = time.perf_counter()
            run, failed = measures.survivors(
                build(objective, points, **config),
                points,
                seeds,
                steps=args.steps,
                batch=batch,
                lr=lr,
                betas=betas["adversarial" if objective.adversaries else "other"],
            )
            entry = dict(
                objective=repr(objective),
                divergence=divergence(objective),
                lr=lr,
                seconds=round(time.perf_counter() - started, 1),
                failed=failed,
            )
            for way in ("samples", "means") if objective == zoo.VAE else ("samples",):
                if run is None:
                    continue
                x = draws(run, args.samples, mean=way == "means").float()
                values = measures.by_seed([measures.modes(each, world, d) for each in x])
                kept[f"{name}, {way}"] = values
                entry[way] = {key: record.summary(v) for key, v in values.items()}
                entry[way]["cloud"] = " ".join(f"{a:.2f},{b:.2f}" for a, b in x[0, :300].tolist())
                if world_name == "unequal":
                    entry[way]["frequencies"] = [[round(v, 4) for v in row] for row in frequencies(x, world)]
                short = {key: entry[way][key]["mean"] for key in list(CONVENTIONS)[:6]}
                print(f"{world_name}, {name}, {way}: {short}, {entry['seconds']} s", flush=True)
            models[name] = entry
        pairs = [
            ("GAN, samples", "VAE, samples"),
            ("reverse-KL GAN, samples", "VAE, samples"),
            ("KL-GAN, samples", "reverse-KL GAN, samples"),
            ("KL-GAN, samples", "GAN, samples"),
            ("KL-GAN, samples", "VAE, samples"),
            ("WGAN-GP, samples", "GAN, samples"),
            ("minimax GAN, samples", "GAN, samples"),
        ]
        worlds[world_name] = dict(
            digest=points.digest,
            n=len(points),
            weights=world.weights.tolist(),
            std=world.std,
            modes=[[round(v, 4) for v in row] for row in world.modes.tolist()],
            perfect={key: record.summary(v) for key, v in perfect.items()},
            chance={key: record.summary(v) for key, v in blob.items()},
            models=models,
            compare={
                f"{a} - {b}": {key: record.difference(kept[a][key], kept[b][key]) for key in CONVENTIONS}
                for a, b in pairs
                if min(len(kept.get(k, {}).get("modes", ())) for k in (a, b)) > 1
            },
        )
        path = record.write(
            args.name,
            dict(
                experiment="Missing modes on worlds with a known truth",
                command="python benchmarks/modes.py",
                seeds=seeds,
                config=config | dict(steps=args.steps, batch=batch, optimizer="Adam", precision="fp32", betas=betas),
                conventions=CONVENTIONS,
                n_samples=args.samples,
                pilot=chosen,
                worlds=worlds,
                environment=record.environment(),
            ),
        )
    print(path.name)


def frequencies(x: torch.Tensor, world) -> list[list[float]]:
    distance, mode = torch.cdist(x.double(), world.modes.expand(len(x), -1, -1)).min(-1)
    good = distance < 3 * world.std
    return [(mode[s][good[s]].bincount(minlength=len(world.modes)) / x.shape[1]).tolist() for s in range(len(x))]


if __name__ == "__main__":
    main()
