"""What InfoGAN's codes pick up: rendered characters with known factors, and MNIST digits. Four seeds each.

    python benchmarks/infogan.py                    # about 10 minutes on one CPU thread
    python benchmarks/infogan.py --part digits --steps 200 --name trial

Small on purpose: images of 16 x 16 pixels, narrow networks, few steps. The settings were chosen on seed 100 of the
rendered characters, by eye; the digits use the same.

Writes results/infogan.png (characters, seed 0: what each code does), results/infogan.json (characters) and
results/infogan_digits.json:

    experiment, command, seeds [4], environment
    config           networks, training, objectives, steps; the VAEs take a share of them
    glyphs           data, entropy {factor: nats}, models: by name
                       mig, gap {factor}, information {factor}, each {values [4], mean, half_width_95} over seeds;
                       information is that of the best code, nats; best {factor: [code of each seed]}
                       class_accuracy, class_information: of the one-hot code (InfoGAN) or the clusters (k-means)
    digits           in the second file: data, models InfoGAN and k-means (on 10,000 digits), each class_accuracy and
                     class_information

class_accuracy is the share of test images whose cluster is matched to their class, under the best one-to-one matching.
"""

from __future__ import annotations

import argparse
import time

import record
import torch
from torch.nn.functional import avg_pool2d, one_hot, pad

from ganvae_lib import Data, build, fit, load, mutual_information, zoo
from ganvae_lib.data.rendered import glyphs
from ganvae_lib.measure.factors import mutual_information_gap

FACTORS = ("class", "rotation", "weight")
CODES = {"one-hot": 10, "uniform": 2}
NETWORKS = dict(architecture="conv", width=16, hidden=(128,))
GAN = dict(batch=64, lr={"theta": 1e-3, "eta": 1e-3, "phi": 2e-4}, betas=(0.5, 0.999))
VAE = dict(batch=64, lr=1e-3)
VAE_SHARE = 0.4  # of the steps: a VAE needs fewer
AS_INFOGAN = dict(codes=CODES, noise=16)
AS_VAE = dict(latent=6, observation="gaussian", scale=0.2)


def matched(cluster: torch.Tensor, label: torch.Tensor) -> float:
    """Share of the examples in the cluster that is matched to their class, under the best one-to-one matching."""
    from scipy.optimize import linear_sum_assignment

    table = one_hot(cluster, 10).T.double() @ one_hot(label, 10).double()
    rows, columns = linear_sum_assignment(-table.numpy())
    return float(table[rows, columns].sum() / len(label))


def of_class(cluster: torch.Tensor, label: torch.Tensor) -> dict:
    return {"class_accuracy": matched(cluster, label), "class_information": mutual_information(cluster, label)}


def of_factors(codes, factors) -> dict:
    gap = mutual_information_gap(codes, factors)
    information = dict(zip(gap.factors, gap.information.max(1).values.tolist(), strict=True))
    return {"mig": gap.mig, "gap": gap.gaps, "information": information, "best": gap.best}


def columns(run, x) -> dict:
    """The inferred codes of images x, by name."""
    z = run.infer(x, mean=True)[0]
    if z.shape[1] != 12:
        return {f"z{i + 1}": column for i, column in enumerate(z.unbind(1))}
    return {"class code": z[:, :10].argmax(-1), "u1": z[:, 10], "u2": z[:, 11]}


def k_means(train, test, seed) -> torch.Tensor:
    from sklearn.cluster import KMeans

    fitted = KMeans(10, n_init=10, random_state=seed).fit(train.x.flatten(1).numpy())
    return torch.from_numpy(fitted.predict(test.x.flatten(1).numpy())).long()


def over_seeds(rows: list[dict]) -> dict:
    """Each number over seeds; names are kept as lists."""
    first = rows[0]
    if not isinstance(first, dict):
        return list(rows) if isinstance(first, str) else record.summary(rows)
    return {key: over_seeds([row[key] for row in rows]) for key in first}


def panels(run) -> list[tuple[str, torch.Tensor]]:
    """Ten rows, ten columns: what the class code does, and what the two numbers do."""
    draw = torch.Generator().manual_seed(0)
    sheets = []
    for name, place in (("class code, by row", None), ("u1, left to right", 10), ("u2, left to right", 11)):
        z = torch.zeros(10, 10, 12)
        z[..., :10] = torch.eye(10)[:, None]
        z[..., 10:] = 2 * torch.rand(10, 2, generator=draw) - 1
        if place:
            z[..., 10:] = 0.0
            z[..., place] = torch.linspace(-1, 1, 10)
        sheets.append((name, run.sample(100, z=z.flatten(0, 1))[0]))
    return sheets


def picture(name: str, sheets: list) -> None:
    """Save four sheets of images, two by two."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ganvae_lib import draw

    draw.style()
    figure, axes = plt.subplots(2, 2, figsize=(6.8, 7.0))
    for ax, (title, x) in zip(axes.flat, sheets, strict=True):
        draw.images(x, columns=10, title=title, ax=ax)
    figure.savefig(record.RESULTS / f"{name}.png", dpi=110)
    plt.close(figure)


def train(objective, data, seed, training, steps, **more):
    return fit(build(objective, data, **NETWORKS, **more), data, steps=steps, seeds=[seed], device="cpu", **training)


def of_glyphs(steps, seeds, say) -> tuple[dict, list]:
    data, test = (glyphs(n, seed, side=16, vary=FACTORS) for n, seed in ((12_000, 0), (4000, 1)))
    factors = {name: test.factors[name] for name in FACTORS}
    sheets, models = [], {}
    for name, objective, training, more in (
        ("InfoGAN", zoo.INFOGAN, GAN, AS_INFOGAN),
        ("untrained", zoo.INFOGAN, GAN, AS_INFOGAN),
        ("VAE", zoo.VAE, VAE, AS_VAE),
        ("beta-VAE", zoo.beta_vae(), VAE, AS_VAE),
    ):
        rows = []
        for seed in seeds:
            share = {"InfoGAN": 1, "untrained": 0}.get(name, VAE_SHARE)
            run = train(objective, data, seed, training, max(1, int(share * steps)), **more)
            codes = columns(run, test.x)
            rows.append(of_factors(codes, factors))
            if name == "InfoGAN":
                rows[-1] |= of_class(codes["class code"], test.y)
            if name == "InfoGAN" and seed == 0:
                sheets = [("rendered", data.x[:100]), *panels(run)]
            say(name, seed, {k: round(v, 2) for k, v in rows[-1]["information"].items()}, rows[-1]["best"])
        models[name] = over_seeds(rows)
    models["k-means"] = over_seeds([of_class(k_means(data, test, s), test.y) for s in seeds])
    entropy = {n: mutual_information(v, v) for n, v in factors.items()}
    about = dict(note=data.note, side=16, train=len(data), test=len(test), factors=FACTORS)
    return dict(data=about, entropy=entropy, models=models), sheets


def of_digits(steps, seeds, say) -> tuple[dict, list]:
    # 28 x 28 digits at half the resolution, with a margin: 16 x 16
    half = lambda d: Data(pad(avg_pool2d(d.x, 2), (1, 1, 1, 1)), d.y, "MNIST at half resolution")
    data, test = half(load("mnist")), half(load("mnist", split="test"))
    rows = []
    for seed in seeds:
        run = train(zoo.INFOGAN, data, seed, GAN, steps, **AS_INFOGAN)
        rows.append(of_class(columns(run, test.x)["class code"], test.y))
        say("digits", seed, rows[-1])
    few = Data(data.x[:10_000], data.y[:10_000], "digits")
    clusters = [of_class(k_means(few, test, s), test.y) for s in seeds]
    about = dict(name="mnist", side=16, train=len(data), test=len(test))
    return dict(data=about, models={"InfoGAN": over_seeds(rows), "k-means": over_seeds(clusters)}), []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("glyphs", "digits"), help="one part only")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--name", default="infogan", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, started = list(range(args.seeds)), time.perf_counter()
    config = dict(
        steps=args.steps,
        side=16,
        networks=NETWORKS,
        gan=GAN | AS_INFOGAN,
        vae=VAE | AS_VAE | {"share_of_steps": VAE_SHARE},
        objectives={"InfoGAN": repr(zoo.INFOGAN), "VAE": repr(zoo.VAE), "beta-VAE": repr(zoo.beta_vae())},
    )

    def say(*words):
        print(f"{time.perf_counter() - started:6.0f} s", *words, flush=True)

    for part, measure in (("glyphs", of_glyphs), ("digits", of_digits)):
        if args.part in (None, part):
            content, sheets = measure(args.steps, seeds, say)
            name = args.name + ("" if part == "glyphs" else "_digits")
            if sheets:
                picture(name, sheets)
            say(
                record.write(
                    name,
                    dict(
                        experiment="InfoGAN's codes against known factors",
                        command=f"python benchmarks/infogan.py --steps {args.steps}",
                        seeds=seeds,
                        environment=record.environment(),
                        config=config,
                        **{part: content},
                    ),
                ).name
            )


if __name__ == "__main__":
    main()
