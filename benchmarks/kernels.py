"""MMD as the tool, on MNIST: in the space of the images (GMMN), of the codes (WAE-MMD), and a GAN beside them.

    python benchmarks/kernels.py                    # about 4 minutes on one CPU thread

Small on purpose: two hidden layers, few steps, three seeds. Nothing was tuned on MNIST: learning rates and kernel
widths are those of the 8 x 8 digits of chapter 14 (widths grow with the number of pixels by themselves); the WAE-MMD
has squared error and weight 10.

Writes results/kernels.png (samples of seed 0) and results/kernels.json:

    experiment, command, seeds [3], config, environment
    judge                accuracy of the classifier on test digits
    real                 the measures of 2000 test digits
    models.<name>        objective, seconds, and by measure {values [3], mean, half_width_95} over seeds:
                           classes      digits (of 10) that are at least 2 % of 2000 samples, by the classifier
                           confident    share of samples of which it gives one class at least 0.9
                           laplacian    mean squared Laplacian, relative to real digits (1: as sharp; speckle counts)
                           nearest      root mean squared distance per pixel to the nearest of 10,000 training digits
                         WAE-MMD also: reconstruction (root mean squared error per pixel, test digits), code_std
"""

from __future__ import annotations

import argparse
import time

import measures
import record
import torch

from ganvae_lib import MMD, Match, build, fit, load, zoo

NETWORKS = dict(latent=16, hidden=(256, 256))
MODELS = {
    "GMMN": (Match("x", MMD("gaussian", (0.01, 0.05))), {}, dict(lr=2e-3)),
    "WAE-MMD": (zoo.WAE_MMD, dict(codes="point", observation="gaussian", scale=0.5**0.5), dict(lr=2e-3)),
    "GAN": (zoo.GAN, {}, dict(lr=1e-3, betas=(0.0, 0.9))),
}


@torch.no_grad()
def look(x, net, real, known) -> dict[str, float]:
    """What 2000 images x say, beside real ones."""
    seen = measures.verdict(measures.classes(net, x), torch.full((10,), 0.1))
    sharp = measures.sharpness(x, real, known, count=500)
    return {
        "classes": seen["classes"],
        "confident": seen["confident"],
        "laplacian": sharp["laplacian"],
        "nearest": sharp["nearest"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--name", default="kernels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data, test = load("mnist"), load("mnist", split="test")
    net, accuracy = measures.discriminator(data, test, epochs=1)
    real, known = test.x[:2000], data.x[:10_000]
    seeds, models, panels = list(range(args.seeds)), {}, [("test digits", real[:24])]
    for name, (objective, networks, training) in MODELS.items():
        rows, start = [], time.perf_counter()
        for seed in seeds:
            model = build(objective, data, **NETWORKS, **networks)
            run = fit(model, data, steps=args.steps, batch=128, seeds=[seed], device="cpu", **training)
            x = run.sample(2000, mean=True)[0]
            row = look(x, net, real, known)
            if "encoder" in run.model.networks:
                row["reconstruction"] = (run.reconstruct(real)[0] - real).square().mean().sqrt().item()
                row["code_std"] = run.infer(real)[0].std(0).mean().item()
            rows.append(row)
            if seed == 0:
                panels.append((name, x[:24]))
        print(name, f"{time.perf_counter() - start:.0f} s", rows[0], flush=True)
        models[name] = {
            "objective": repr(objective),
            "seconds": round(time.perf_counter() - start, 1),
            **{k: record.summary(v) for k, v in measures.by_seed(rows).items()},
        }
    record.picture(args.name, panels, [6] * len(panels), width=8.4, height=2.4)
    record.write(
        args.name,
        dict(
            experiment="MMD in the space of images and in that of codes, on MNIST",
            command=f"python benchmarks/kernels.py --steps {args.steps} --seeds {args.seeds}",
            seeds=seeds,
            config=dict(
                networks=NETWORKS,
                steps=args.steps,
                batch=128,
                judge_epochs=1,
                data=data.digest,
                training={name: entry[2] for name, entry in MODELS.items()},
            ),
            environment=record.environment(),
            judge=round(accuracy, 4),
            real=look(real, net, real, known),
            models=models,
        ),
    )


if __name__ == "__main__":
    main()
