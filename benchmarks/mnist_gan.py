"""A convolutional GAN (non-saturating) on MNIST at full scale, four seeds, its samples judged by a classifier.

    python benchmarks/mnist_gan.py                  # about 12 minutes on one CPU thread
    python benchmarks/mnist_gan.py --steps 500 --name trial

The judge is a small network of our own, trained on the 60,000 training digits; its test accuracy is stated.
Real test digits are judged by it too: they are what a perfect generator would score.

Writes results/mnist_gan.png (real digits, samples of seed 0) and results/mnist_gan.json:

    experiment, command, seeds [4]
    config           objective, architecture, width, latent, steps, batch, optimizer, lr, betas, precision
    data             name, train and test: {n, digest}
    judge            network, test_accuracy (share)
    n_samples        samples judged per seed
    samples          each {values [4], mean, half_width_95} over seeds:
                       classes      digits (of 10) that make up at least 2 % of the samples
                       confidence   mean of the judge's largest class probability
                       confident    share of samples with a largest probability of at least 0.9
                       kl_classes   KL(class frequencies of the samples || those of the test digits), nats
    real             classes, confidence, confident: the same for the test digits (one number each)
    curve            steps [n], generator [n][4], discriminator [n][4]: losses, nats
    seconds_training, environment
"""

from __future__ import annotations

import argparse
import time

import record
import torch
from measures import classes, judge, verdict

from ganvae_lib import build, fit, load, zoo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--name", default="mnist_gan", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = dict(latent=32, architecture="conv", width=16)
    training = dict(batch=64, lr=5e-4, betas=(0.5, 0.999))

    train, test = load("mnist"), load("mnist", split="test")
    net, accuracy = judge(train, test)
    print(f"judge: {100 * accuracy:.2f} % of the test digits", flush=True)
    real = test.y.bincount(minlength=10).double() / len(test)

    model = build(zoo.GAN, train, **config)
    rows, curves, elapsed = [], [], 0.0
    for seed in range(args.seeds):  # matrix-bound: on a CPU one after another is as fast as stacked
        started = time.perf_counter()
        run = fit(model, train, steps=args.steps, seeds=[seed], device="cpu", log_every=args.steps // 60, **training)
        elapsed += time.perf_counter() - started
        curves.append((run.history["match x"][:, 0].tolist(), run.history["match x, discriminator"][:, 0].tolist()))
        samples = torch.cat([run.sample(1000, seed=i)[0] for i in range(args.samples // 1000)])
        rows.append(verdict(classes(net, samples), real))
        print(f"seed {seed}: {rows[-1]}, {elapsed:.0f} s so far", flush=True)
        if seed == 0:
            record.picture(args.name, [("MNIST", test.x[:48]), ("samples of the GAN", samples[:48])], [8, 8])
    real_scores = verdict(classes(net, test.x), real)
    points = list(run.history.steps)
    path = record.write(
        args.name,
        dict(
            experiment="GAN on MNIST",
            command=f"python benchmarks/mnist_gan.py --steps {args.steps}",
            seeds=list(range(args.seeds)),
            config=dict(objective=repr(zoo.GAN), steps=args.steps, optimizer="Adam", precision="fp32")
            | config
            | training,
            data=dict(
                name="mnist", train=dict(n=len(train), digest=train.digest), test=dict(n=len(test), digest=test.digest)
            ),
            judge=dict(
                network="two strided 5x5 convolutions (16, 32), 128 units; 3 epochs", test_accuracy=round(accuracy, 4)
            ),
            n_samples=len(samples),
            samples={key: record.summary(row[key] for row in rows) for key in rows[0]},
            real={key: round(real_scores[key], 4) for key in ("classes", "confidence", "confident")},
            curve=dict(
                steps=points,
                generator=[[round(c[0][i], 4) for c in curves] for i in range(len(points))],
                discriminator=[[round(c[1][i], 4) for c in curves] for i in range(len(points))],
            ),
            seconds_training=round(elapsed, 1),
            environment=record.environment(),
        ),
    )
    print(path.name)


if __name__ == "__main__":
    main()
