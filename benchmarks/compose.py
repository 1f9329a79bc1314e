"""Every sensible sum of the book's terms, trained on the ring of eight Gaussians: the grid of chapter 14.

    python benchmarks/compose.py                    # about 12 minutes of one CPU thread; goes on where it stopped

A combination is a :class:`ganvae_lib.widgets.choices.Choice`: a tool for x, one for z, one for pairs or
reconstructions, reconstructions of x and z, the weight of the term in z, and who descends the reconstructions.
Trained are

    nothing for pairs      all four tools for x, all four for z, reconstructions of neither, x, z, both; with nothing or
                           the non-saturating adversary for x also both in wake-sleep; with nothing for x and a
                           reconstruction of x also the weights 1/4 and 4 of the term in z
    pairs (x, z), either tool, and no tool for z: all tools for x but reverse KL, reconstructions of neither, x, z, both
    z given x, and no tool for z: all tools for x but reverse KL, reconstructions of x or both
    reconstructions of x judged by D(x), which trains on them or is only asked; an adversary for x: all tools for z,
                           a reconstruction of x
    reverse KL in x        only with nothing or an adversary for z

as far as they are models of x (``Choice.missing``). Every combination gets the same networks, steps, batches, learning
rate and seeds. Nothing was tuned, so a combination that would do well with other settings may do badly here; and every
adversary brings a network and updates of its own. The learning rate is the one that most models chose in the pilot of
modes.py, on another world; 1,000 steps are few, and chosen for time.

Writes results/compose.json after each combination:

    experiment, command, seeds, config {latent, hidden, steps, batch, lr, betas}
    conventions      what each measure means, in words
    n_samples        samples judged per seed
    world            name, digest, modes [8][2], std
    perfect          the measures of draws of the world and of the prior themselves, by seed
    cloud            what the pictures hold: how many points, and the reach of each axis
    grid.<key>       objective, name (in the zoo; null if it has none), seconds (all seeds; the machine was busy),
                     failed {seed: message}: seeds whose loss stopped being a number
        <measure>    {values [seeds that did not fail], mean, half_width_95}, where it applies
        x, z         pictures of the first seed, samples and codes: base64 of bytes, two a point
    environment
"""

from __future__ import annotations

import argparse
import base64
import json
import time

import measures
import record
import torch

from ganvae_lib import Data, build, ring
from ganvae_lib.widgets.choices import SETTINGS, Choice, distance, every, measure

CONVENTIONS = {
    "modes": "modes covered: at least 20 % of the samples of a perfect model, counting samples of high quality only",
    "high_quality": "samples within 3 standard deviations of a mode, %",
    "mismatch_x": "sliced Wasserstein-1 distance of samples and fresh data, in the unit of x (the ring's radius is 2)",
    "error_x": "root mean squared error per dimension of the mean of p(x|z), z inferred from fresh data",
    "mismatch_z": "sliced Wasserstein-1 distance of codes of fresh data and draws of the prior N(0, 1)",
    "error_z": "root mean squared error per dimension of the mean of q(z|x), x generated from draws of the prior",
}
POINTS, REACH = 150, {"x": 3.2, "z": 4.0}


def chosen(c: Choice) -> bool:
    """Is the combination in the grid?"""
    rec, plain = (c.rec_x, c.rec_z), c.weight == 1 and c.players == "all"
    if c.missing() or (c.x == "rkl" and c.z not in ("none", "adversary")):
        return False
    if c.joint == "none":
        weighed = c.players == "all" and rec == (True, False) and c.x == "none"
        return plain or (c.weight == 1 and all(rec) and c.x in ("none", "ns")) or weighed
    if c.joint in ("xz", "xz-mmd", "z|x"):
        return plain and c.z == "none" and c.x != "rkl" and (c.rec_x or c.joint != "z|x")
    return plain and c.x in ("ns", "rkl") and rec == (True, False)


def grid() -> dict[str, Choice]:
    """The combinations by key, in the order of training."""
    found = {c.key: c for c in every() if chosen(c)}
    return dict(sorted(found.items(), key=lambda item: (item[1].weight != 1, item[1].joint == "asked")))


def picture(points: torch.Tensor, reach: float) -> str:
    """Points [n, 2] as base64 of bytes; a byte counts from -reach, 0, to reach, 255."""
    scaled = (points[:POINTS].clamp(-reach, reach) / reach + 1) / 2 * 255
    return base64.b64encode(bytes(scaled.round().to(torch.uint8).flatten().tolist())).decode()


def entry(choice: Choice, data: Data, seeds: list[int], settings: dict, n: int) -> dict:
    """Train and measure one combination."""
    started, objective, how = time.perf_counter(), choice.objective(), dict(settings)
    model = build(objective, data, latent=how.pop("latent"), hidden=how.pop("hidden"))
    run, failed = measures.survivors(model, data, seeds, **how)
    found = dict(objective=repr(objective), name=choice.name(), failed=failed)
    if run is not None:
        values, x, z = measure(run, data.law, n)
        found |= {name: record.summary(v) for name, v in values.items()}
        found |= dict(x=picture(x[0], REACH["x"]), z=None if z is None else picture(z[0], REACH["z"]))
    return found | dict(seconds=round(time.perf_counter() - started, 1))


def perfect(world, seeds: list[int], n: int) -> dict:
    """What a model that knows the world and the prior would score: two draws of each are compared."""
    from ganvae_lib import coverage

    x = torch.stack([world.sample(n, 20_000 + s) for s in seeds])
    z = torch.stack([torch.randn(n, 2, generator=torch.Generator().manual_seed(s)) for s in seeds])
    counts = coverage(x, world)
    fresh = torch.randn(n, 2, generator=torch.Generator().manual_seed(20_000))
    return {
        "modes": record.summary(counts["modes"]),
        "high_quality": record.summary(100 * counts["high quality"]),
        "mismatch_x": record.summary(distance(x, world.sample(n, 30_000))),
        "mismatch_z": record.summary(distance(z, fresh)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--name", default="compose", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    world, seeds, settings = ring(), list(range(args.seeds)), SETTINGS | dict(steps=args.steps)
    data = Data(world.sample(20_000, 0), None, "ring", world)
    betas = {"with an adversary": [0.5, 0.999], "without": [0.9, 0.999]}
    head = dict(
        experiment="Every sensible sum of terms, on the ring",
        command="python benchmarks/compose.py",
        seeds=seeds,
        config=settings | dict(hidden=list(settings["hidden"]), optimizer="Adam", betas=betas),
        conventions=CONVENTIONS,
        n_samples=args.samples,
        cloud=dict(points=POINTS, reach=REACH),
        world=dict(
            name="ring",
            digest=data.digest,
            std=world.std,
            modes=[[round(v, 4) for v in row] for row in world.modes.tolist()],
        ),
        perfect=perfect(world, seeds, args.samples),
    )
    path, done = record.RESULTS / f"{args.name}.json", {}
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        done = old["grid"] if old["config"] == head["config"] and old["seeds"] == seeds else {}
    combinations = grid()
    for i, (key, choice) in enumerate(combinations.items()):
        if key not in done:
            done[key] = entry(choice, data, seeds, settings, args.samples)
            short = {m: done[key][m]["mean"] for m in CONVENTIONS if m in done[key]}
            print(f"{i + 1} of {len(combinations)}: {key}: {short}, {done[key]['seconds']} s", flush=True)
            record.write(args.name, head | dict(grid=done, environment=record.environment()))
    record.write(args.name, head | dict(grid={k: done[k] for k in combinations}, environment=record.environment()))


if __name__ == "__main__":
    main()
