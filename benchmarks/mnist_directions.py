"""Classes covered and sharpness on MNIST: three GANs, a VAE with two observation models; eight seeds, small networks.

    python benchmarks/mnist_directions.py           # about 25 minutes on one CPU thread

All models have the same decoder and the same number of steps; the GANs' discriminators and the VAEs' encoders are the
same convolutional trunk. Models, seeds and settings were fixed before any result was seen; the learning rates are
those of mnist_gan.py for all GANs, the library's default for the VAEs. Nothing was tuned on these results.

A VAE is looked at in two ways: ``samples`` are draws of p(x|z), as its likelihood means it, and ``means`` are the
means of p(x|z), as pictures of VAEs usually show it. The other models have samples only.

Writes results/mnist_directions.png (real digits and seed 0 of each) and results/mnist_directions.json:

    experiment, command, seeds [8]
    config           architecture, width, latent, steps, batch, optimizer, precision; adversarial and vae: {lr, betas}
    data             name, train and test: {n, digest}; nearest_among: training digits searched for the nearest
    judge            network, test_accuracy (share)
    n_samples        images judged per seed (and n_nearest of them compared with training digits)
    measures         what each key below means, in words
    models.<name>    objective, observation, divergence (LaTeX: what the generator descends at the optimum)
                     seconds (training, all seeds), failed {seed: message}, sigma [seeds] (a learned Gaussian only)
      .samples, .means   (means: VAEs only)
                       classes, confidence, confident, kl_d_g, kl_g_d, laplacian, gradient, nearest:
                         {values [seeds], mean, half_width_95} over the seeds that did not fail
                       frequencies [seeds][10]: share of samples by judged digit
    real             the same measures for the test digits, one number each, and frequencies [10]
    compare          {"A - B": measure: {mean, half_width_95, agree}}: differences of means, Welch's 95 % interval
    environment
"""

from __future__ import annotations

import argparse
import time

import measures
import record
import torch

from ganvae_lib import LINKS, build, load, zoo

MODELS = {
    "GAN": (zoo.GAN, None),
    "reverse-KL GAN": (zoo.REVERSE_KL_GAN, None),
    "KL-GAN": (zoo.KL_GAN, None),
    "VAE": (zoo.VAE, "gaussian"),
    "VAE, continuous Bernoulli": (zoo.VAE, "continuous bernoulli"),
}
WORDS = {
    "classes": "digits (of 10) that make up at least 2 % of the samples, by the judge",
    "confidence": "mean of the judge's largest class probability",
    "confident": "share of samples with a largest probability of at least 0.9",
    "kl_d_g": "KL(class frequencies of the data || of the samples), one added to each count, nats",
    "kl_g_d": "KL(class frequencies of the samples || of the data), one added to each count, nats",
    "laplacian": "mean squared Laplacian relative to the test digits' (1: as sharp; noise counts as sharpness)",
    "gradient": "mean squared difference of neighbouring pixels relative to the test digits'",
    "nearest": "root mean squared distance per pixel to the nearest training digit",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--name", default="mnist_directions", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = dict(latent=32, architecture="conv", width=8)
    rates = {"adversarial": dict(lr=5e-4, betas=(0.5, 0.999)), "vae": dict(lr=1e-3, betas=(0.9, 0.999))}

    train, test = load("mnist"), load("mnist", split="test")
    net, accuracy = measures.discriminator(train, test)
    print(f"judge: {100 * accuracy:.2f} % of the test digits", flush=True)
    weights = test.y.bincount(minlength=10).double() / len(test)
    known = train.x[:10_000]

    def look(x):
        p = measures.classes(net, x)
        counts = p.argmax(1).bincount(minlength=10)
        seen = measures.verdict(p, weights)
        del seen["kl_classes"]
        seen |= measures.frequency_kl(counts, weights) | measures.sharpness(x, test.x, known)
        return seen, [round(v, 4) for v in (counts / len(x)).tolist()]

    def rounded(values):
        return {key: round(value, 4) for key, value in values.items()}

    seen, frequencies = look(test.x)
    real = rounded(seen) | {"frequencies": frequencies}
    panels, models, kept = [("MNIST", test.x[:24])], {}, {}
    for name, (objective, observation) in MODELS.items():
        model = build(objective, train, observation=observation, **sizes)
        explicit = observation is not None
        rows, failed, sigma, elapsed = {"samples": []} | ({"means": []} if explicit else {}), {}, [], 0.0
        for seed in range(args.seeds):  # matrix-bound: on a CPU one after another is as fast as stacked
            started = time.perf_counter()
            run, wrong = measures.survivors(
                model, train, [seed], steps=args.steps, batch=64, **rates["vae" if explicit else "adversarial"]
            )
            elapsed += time.perf_counter() - started
            failed |= wrong
            if run is None:
                continue
            for way in rows:
                x = torch.cat([run.sample(500, seed=i, mean=way == "means")[0] for i in range(args.samples // 500)])
                rows[way].append(look(x))
                print(f"{name}, seed {seed}, {way}: {rounded(rows[way][-1][0])}, {elapsed:.0f} s", flush=True)
                if seed == 0:
                    title = f"{name}\n{way}".replace(", ", "\n").replace("us B", "us\nB").replace("KL GAN", "KL\nGAN")
                    panels.append((title, x[:24]))
            if observation == "gaussian":
                sigma.append(round(run.model.decoder.observation.log_scale.exp().item(), 4))
        link = None if explicit else LINKS[objective.tool.link].descends
        entry = dict(
            objective=repr(objective),
            observation=observation or "point",
            divergence=link or r"\mathrm{KL}(d\,q_\eta\,\|\,p_\theta)",
            seconds=round(elapsed, 1),
            failed=failed,
        ) | ({"sigma": sigma} if sigma else {})
        for way, found in rows.items():
            if found:
                kept[f"{name}, {way}"] = values = measures.by_seed([seen for seen, _ in found])
                entry[way] = {key: record.summary(v) for key, v in values.items()}
                entry[way]["frequencies"] = [f for _, f in found]
        models[name] = entry

    pairs = [
        ("GAN, samples", "VAE, means"),
        ("GAN, samples", "VAE, samples"),
        ("GAN, samples", "reverse-KL GAN, samples"),
        ("GAN, samples", "KL-GAN, samples"),
        ("KL-GAN, samples", "reverse-KL GAN, samples"),
        ("KL-GAN, samples", "VAE, means"),
        ("VAE, continuous Bernoulli, means", "VAE, means"),
    ]
    path = record.write(
        args.name,
        dict(
            experiment="Classes covered and sharpness on MNIST",
            command="python benchmarks/mnist_directions.py",
            seeds=list(range(args.seeds)),
            config=dict(steps=args.steps, batch=64, optimizer="Adam", precision="fp32") | sizes | rates,
            data=dict(
                name="mnist",
                train=dict(n=len(train), digest=train.digest),
                test=dict(n=len(test), digest=test.digest),
                nearest_among=len(known),
            ),
            judge=dict(
                network="two strided 5x5 convolutions (16, 32), 128 units; 3 epochs", test_accuracy=round(accuracy, 4)
            ),
            n_samples=args.samples,
            n_nearest=min(1000, args.samples),
            measures=WORDS,
            models=models,
            real=real,
            compare={
                f"{a} - {b}": {key: record.difference(kept[a][key], kept[b][key]) for key in WORDS}
                for a, b in pairs
                if min(len(kept.get(k, {}).get("classes", ())) for k in (a, b)) > 1
            },
            environment=record.environment(),
        ),
    )
    record.picture(args.name, panels, [4] * len(panels), width=10, height=2.9)
    print(path.name)


if __name__ == "__main__":
    main()
