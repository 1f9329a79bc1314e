"""CycleGAN with a hidden pairing: many seeds on two clouds of points, and digits in two styles with two networks.

    python benchmarks/cyclegan.py                 # about 15 minutes on one CPU thread
    python benchmarks/cyclegan.py --points        # the points alone; the numbers of the images stay
    python benchmarks/cyclegan.py --quick --name trial

Nobody tells the models which example belongs to which; the test sets know (``ganvae_lib.pairs``). Learning rates, steps
and scales were chosen by looking at seeds 0 to 11; the seeds here are others.

Writes results/cyclegan.png (digits, their translations and round trips) and results/cyclegan.json:

    experiment, command, environment
    seconds     of the points and of the images, if measured (the committed run shared its processor with others)
    clouds      config; square: seeds, counts of the symmetry that was found [8], pairing (error from the nearest
                symmetry), round_trip; worlds: square, overlapping and separate (three clouds, weight 0.1), each with
                seeds, pairing (from the truth), round_trip, judges (sum of both discriminators' losses over the last
                tenth, nats; 2.77 when both are lost), misfit (KL of made to true z by change of variables, nats)
    weights     on the symmetric cloud, per weight of the reconstructions (0: none): pairing from the nearest symmetry,
                round_trip, judges, share of seeds whose error from the nearest symmetry is below 0.25
    thin        z is a line of width 0.05, x fills a square: seeds, spread of the second coordinate of F(x), noise: per
                standard deviation of noise that is added to F(x) before the way back, round_trip
    images      data; references: kept and pairing of doing nothing, pairing of a random partner, and of a network that
                saw pairs; per model: its options, seeds, pairing (root mean square over pixels), round_trip (mean
                absolute error), kept (share of translations that a classifier of the target domain names like the
                original), common (share that it names as it does most of their class), kept_back (share of round trips
                that a classifier of the source domain names like the original), judges; noise: per standard deviation
                of noise that is added to the translation before the way back, round_trip and kept_back;
                tables: shares [seed][class][named]
"""

from __future__ import annotations

import argparse
import json
import time

import record
import torch
from torch import nn

from ganvae_lib import Adversary, Data, Domains, Match, Mixture, Reconstruct, build, clouds, draw, fit, styles, zoo
from ganvae_lib.data.pairs import Moved, Paired

POINTS = dict(hidden=(32, 32), observation="laplace", scale=1.0, noiseless=True)
TRAIN_POINTS = dict(batch=64, lr=3e-3, device="cpu", progress=False)
NETWORKS = {
    "convolutional": (dict(architecture="conv", width=8, scale=2.56), dict(lr=1e-3, batch=32)),
    "convolutional, weight 10": (dict(architecture="conv", width=8, scale=25.6), dict(lr=1e-3, batch=32)),
    "fully connected": (dict(hidden=(256, 256), scale=2.56), dict(lr=5e-4, batch=64)),
}
NOISE = (0.0, 0.02, 0.05, 0.1, 0.2)


def judges(run) -> torch.Tensor:
    """The sum of both discriminators' losses over the last tenth, [seeds]; 2 log 4 = 2.77 when both are lost."""
    last = max(1, len(run.history.steps) // 10)
    return sum(run.history[f"match {v}, discriminator"][-last:].mean(0) for v in "xz")


def of_points(objective, pairs: Paired, steps: int, seeds: list[int]):
    """A trained run, the error from each symmetry [seeds, S], and the root mean squared error of a round trip."""
    run = fit(build(objective, pairs.train, **POINTS), pairs.train, steps=steps, seeds=seeds, **TRAIN_POINTS)
    off = (run.reconstruct(pairs.test.x) - pairs.test.x).square().mean((-1, -2)).sqrt()
    return run, pairs.errors(run.infer(pairs.test.x)), off


def separate() -> Paired:
    """Four separate places with different weights, and their image under the map of ``clouds``."""
    like = clouds(symmetric=True)
    places = [[1.3, 0.6], [-0.6, 1.2], [-1.4, -0.6], [0.3, -1.3]]
    world = Mixture([0.4, 0.3, 0.2, 0.1], places, 0.25)
    image = Moved(world, like.truth, like.inverse, like.train.target.law.log_det)
    drawn = lambda world, n, seed: Data(*world.sample(n, seed, labels=True), "places", world)
    return Paired(
        Domains(drawn(world, 5000, 0), drawn(image, 5000, 1)),
        Domains(drawn(world, 1000, 2), drawn(image, 1000, 2)),
        like.truth,
        like.inverse,
    )


def misfit(run, pairs: Paired) -> list[float]:
    """E_d[log d(x) - log |det F'(x)| - log p(F(x))], the KL of F(x) to p where F is one-to-one, nats per seed."""
    x, values = pairs.test.x, []
    for k in range(len(run.seeds)):
        encoder = run.model.single(k).encoder
        slopes = torch.func.vmap(torch.func.jacrev(lambda v, f=encoder: f(v[None]).mean[0]))(x)
        with torch.no_grad():
            log_made = pairs.test.source.law.log_prob(x) - torch.linalg.slogdet(slopes).logabsdet
            values.append(float((log_made - pairs.test.target.law.log_prob(encoder(x).mean)).mean()))
    return values


def cycle(weight: float):
    """CycleGAN with its reconstructions weighted, or the two games alone."""
    games = Match("x", Adversary()) + Match("z", Adversary())
    return games + weight * (Reconstruct("x") + Reconstruct("z")) if weight else games


def point_worlds(quick: bool) -> dict:
    steps = 100 if quick else 400
    square, seeds = clouds(symmetric=True), list(range(100, 108 if quick else 228))
    _, errors, off = of_points(zoo.CYCLEGAN, square, steps, seeds)
    nearest, which = errors.min(-1)
    found = dict(
        config=POINTS | TRAIN_POINTS | dict(steps=steps),
        square=dict(
            seeds=seeds,
            counts=torch.bincount(which, minlength=8).tolist(),
            pairing=record.summary(nearest),
            round_trip=record.summary(off),
        ),
        worlds={},
    )
    print("square", found["square"]["counts"], flush=True)
    seeds = seeds[: 8 if quick else 24]
    for name, pairs in {"square": square, "overlapping": clouds(), "separate": separate()}.items():
        run, errors, off = of_points(cycle(0.1), pairs, steps * 3 // 2, seeds)
        found["worlds"][name] = dict(
            seeds=seeds,
            steps=steps * 3 // 2,
            weight=0.1,
            pairing=record.summary(errors[:, 0]),
            round_trip=record.summary(off),
            judges=record.summary(judges(run)),
            misfit=record.summary(misfit(run, pairs)),
        )
        print(
            name,
            found["worlds"][name]["pairing"]["values"],
            found["worlds"][name]["misfit"]["values"],
            flush=True,
        )
    return found


def weights(quick: bool) -> list[dict]:
    rows, seeds, square = [], list(range(100, 108 if quick else 116)), clouds(symmetric=True)
    for weight in (0, 0.01, 0.1, 1, 10, 100):
        run, errors, off = of_points(cycle(weight), square, 100 if quick else 400, seeds)
        near = errors.min(-1).values
        rows.append(
            dict(
                weight=weight,
                seeds=seeds,
                close=float((near < 0.25).float().mean()),
                pairing=record.summary(near),
                round_trip=record.summary(off),
                judges=record.summary(judges(run)),
            )
        )
        print("weight", weight, rows[-1]["close"], rows[-1]["round_trip"]["mean"], flush=True)
    return rows


def thin(quick: bool, width: float = 0.05) -> dict:
    """A round trip through less room: x fills a square, z is a line of the given width."""

    def domains(n: int, seed: int) -> Domains:
        rng = torch.Generator().manual_seed(seed)
        x, along = 2 * torch.rand(n, 2, generator=rng) - 1, 2 * torch.rand(n, 1, generator=rng) - 1
        return Domains(Data(x, name="square"), Data(torch.cat([along, width * torch.randn(n, 1, generator=rng)], 1)))

    data, test, seeds = domains(5000, 0), domains(1000, 1).x, list(range(100, 104 if quick else 116))
    run = fit(build(zoo.CYCLEGAN, data, **POINTS), data, steps=100 if quick else 600, seeds=seeds, **TRAIN_POINTS)
    codes, rng, rows = run.infer(test), torch.Generator().manual_seed(0), []
    for std in (0.0, 0.005, 0.01, 0.02, 0.05, 0.1):
        with torch.no_grad():
            back = run.model.decoder(codes + std * torch.randn(codes.shape, generator=rng)).mean
        rows.append(dict(std=std, round_trip=record.summary((back - test).square().mean((-1, -2)).sqrt())))
        print("thin", std, rows[-1]["round_trip"]["mean"], flush=True)
    return dict(
        width=width,
        seeds=seeds,
        spread=record.summary(codes[..., 1].std(1)),
        judges=record.summary(judges(run)),
        noise=rows,
    )


def classifier(data) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(data.x[0].numel(), 128), nn.ReLU(), nn.Linear(128, data.classes))
    adam, rng = torch.optim.Adam(net.parameters(), 1e-3), torch.Generator().manual_seed(0)
    for _ in range(400):
        rows = torch.randint(len(data), (128,), generator=rng)
        loss = nn.functional.cross_entropy(net(data.x[rows]), data.y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
    return net.requires_grad_(False)


def with_pairs(options: dict, steps: int) -> torch.Tensor:
    """Translations of the test set by the same network, trained on pairs by mean absolute error."""
    taught, pairs = styles(n=1, n_test=4000, seed=1).test, styles()
    net = build(zoo.CYCLEGAN, pairs.train, observation="laplace", **options).copies(0).encoder
    adam, rng = torch.optim.Adam(net.parameters(), 2e-3), torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(len(taught), (32,), generator=rng)
        loss = (net(taught.x[rows]).mean - taught.other[rows]).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        return net(pairs.test.x).mean


class Judged:
    """What is measured of translations and round trips, one seed after the other."""

    def __init__(self, pairs: Paired):
        self.pairs, self.y = pairs, pairs.test.y
        self.of_target, self.of_source = classifier(pairs.train.target), classifier(pairs.train.source)

    def table(self, moved: torch.Tensor) -> torch.Tensor:
        """Shares [class, named by the classifier of the target domain]."""
        named = self.of_target(moved).argmax(-1)
        counts = torch.bincount(10 * self.y + named, minlength=100).reshape(10, 10).double()
        return counts / counts.sum(1, keepdim=True)

    def kept(self, moved: torch.Tensor) -> float:
        return float((self.of_target(moved).argmax(-1) == self.y).double().mean())

    @torch.no_grad()
    def back(self, model, moved: torch.Tensor) -> dict:
        """The way back from translations, with noise added to them."""
        rows, rng = {}, torch.Generator().manual_seed(0)
        for std in NOISE:
            x = model.decoder(moved + std * torch.randn(moved.shape, generator=rng)).mean
            right = (self.of_source(x).argmax(-1) == self.y).double().mean()
            rows[std] = (float((x - self.pairs.test.x).abs().mean()), float(right))
        return rows


def images(quick: bool, name: str) -> dict:
    pairs = styles()
    judged, test = Judged(pairs), pairs.test
    shuffled = test.other[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))]
    taught = with_pairs(NETWORKS["convolutional"][0], 50 if quick else 600)
    pairing = lambda moved: float(pairs.errors(moved[None])[0, 0])
    out = dict(
        data=dict(
            source=pairs.train.source.digest,
            target=pairs.train.target.digest,
            n=len(pairs.train),
            n_test=len(test),
            pixels=test.x[0].numel(),
        ),
        references=dict(
            kept_target=judged.kept(test.other),
            kept_nothing=judged.kept(test.x),
            pairing_nothing=pairing(test.x),
            pairing_random=pairing(shuffled),
            pairing_with_pairs=pairing(taught),
        ),
        models={},
    )
    print(out["references"], flush=True)
    panels = [("light, given", test.x), ("bold, hidden partner", test.other)]
    seeds = [20, 21] if quick else [20, 21, 22, 23]
    for network, (options, training) in NETWORKS.items():
        steps = 40 if quick else 500 if "conv" in network else 1000
        rows = []
        for seed in seeds:  # one after the other: stacked convolutions gain nothing on a CPU
            model = build(zoo.CYCLEGAN, pairs.train, observation="laplace", **options)
            run = fit(model, pairs.train, steps=steps, seeds=[seed], device="cpu", progress=False, **training)
            moved = run.infer(test.x)[0]
            table, back = judged.table(moved), judged.back(run.model, moved)
            rows.append(
                dict(
                    kept=judged.kept(moved),
                    pairing=pairing(moved),
                    judges=float(judges(run)),
                    common=float(table.max(1).values.mean()),
                    table=table,
                    back=back,
                )
            )
            print(
                network,
                seed,
                {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float)},
                flush=True,
            )
            if seed == seeds[0] and "10" not in network:
                again = run.reconstruct(test.x)[0]
                panels += [(f"{network}: bold", moved), ("... and light again", again)]
        column = lambda key, rows=rows: record.summary([row[key] for row in rows])
        noisy = lambda std, part, rows=rows: record.summary([row["back"][std][part] for row in rows])
        out["models"][network] = dict(
            seeds=seeds,
            steps=steps,
            **options,
            **training,
            **{key: column(key) for key in ("pairing", "kept", "common", "judges")},
            round_trip=noisy(0.0, 0),
            kept_back=noisy(0.0, 1),
            noise=[dict(std=std, round_trip=noisy(std, 0), kept_back=noisy(std, 1)) for std in NOISE],
            tables=[[[round(float(v), 3) for v in line] for line in row["table"]] for row in rows],
        )
    picture(name, panels, [int((test.y == c).nonzero()[k]) for k in range(2) for c in range(10)])
    return out


def picture(name: str, panels: list, rows: list[int]) -> None:
    """Save results/<name>.png: one line per panel, the same digits in each."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    draw.style()
    figure, axes = plt.subplots(len(panels), 1, figsize=(7.2, 0.62 * len(panels)))
    for ax, (title, x) in zip(axes, panels, strict=True):
        draw.images(x[rows], columns=len(rows), title=title, ax=ax)
    figure.savefig(record.RESULTS / f"{name}.png", dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a trial of the script: few steps and seeds")
    parser.add_argument("--points", action="store_true", help="keep what the file says of the images")
    parser.add_argument("--name", default="cyclegan", help="name of the files in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = dict(clouds=point_worlds(args.quick), weights=weights(args.quick), thin=thin(args.quick))
    seconds = dict(points=round(time.perf_counter() - started))
    started = time.perf_counter()
    if args.points:
        before = json.loads((record.RESULTS / f"{args.name}.json").read_text(encoding="utf-8"))
        found["images"], seconds["images"] = before["images"], before["seconds"]["images"]
    else:
        found["images"] = images(args.quick, args.name)
        seconds["images"] = round(time.perf_counter() - started)
    path = record.write(
        args.name,
        dict(
            experiment="CycleGAN with a hidden pairing",
            command="python benchmarks/cyclegan.py",
            objective=repr(zoo.CYCLEGAN),
            **found,
            seconds=seconds,
            environment=record.environment(),
        ),
    )
    print(path.name)


if __name__ == "__main__":
    main()
