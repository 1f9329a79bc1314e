"""A sum of terms that has no name, against its named neighbours: two toys and the 8 x 8 digits, eight seeds.

    python benchmarks/compose_study.py              # about 6 minutes of one CPU thread

The sum is chosen by an argument, not by its results: on 22 November 2026, before any result was seen of it or of
another sum with a term in pairs.

    Reconstruct("x") + 10 * Match("xz", MMD())

The argument. Generation makes pairs p(z) p(x|z), inference makes pairs d(x) q(z|x), and a model is right when the two
are equal. In the zoo the pairs are compared by KL (the VAE, by the chain rule) and by an adversary (ALI, BiGAN). The
place of MMD is empty. MMD needs what an adversary needs, samples of both sides, but no third player whose optimum one
must trust; and it is zero only where the pairs agree, so that one term asks for the right samples, the right codes
and the right posterior at once. It sees a minibatch through a kernel of finite width, though, and not which z belongs
to which x: so a reconstruction of x is added, as ALICE adds one to ALI (Li et al., 2017). The weight 10 and the kernel
are those of WAE-MMD, its neighbour with MMD in z alone.

What was expected: samples nearer to the data than those of WAE-MMD and of the VAE, whose decoders are never shown a
draw of the prior; reconstructions better than ALI's; less scatter over seeds than ALI and ALICE. The neighbour "MMD in
x and z" says whether pairs are needed, or the two margins do.

A search of public pages, documentation and code found no name for the sum. It belongs to the family of Zhao et al.
(2018, "The Information Autoencoding Family"), who divide such objectives into information and consistency.

The worlds (ring; grid, 25 modes; digits), the measures and the settings were fixed before, too, and are the same for
all. Seeds 100 to 107, which compose.py does not use. Nothing was tuned. On the digits samples are the mean of p(x|z).

Writes results/compose_study.json after each model, and goes on where it stopped:

    experiment, command, chosen {objective, on, expected}, seeds [8], config, conventions
    models.<name>            objective, name (in the zoo, or null), literature (a name beyond the zoo, or null)
    worlds.<world>           digest, n, config
      .results.<name>        seconds (the machine was busy), failed {seed: message},
                             each measure: {values, mean, half_width_95};
                             samples (digits): 20 of the first seed, base64 of bytes, 64 each
      .compare.<neighbour>   measure: {mean, half_width_95, agree}: the sum minus the neighbour, Welch's 95 % interval
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
from compose import CONVENTIONS

from ganvae_lib import MMD, Adversary, Data, Match, Reconstruct, build, load, ring, zoo
from ganvae_lib.data.toys import grid
from ganvae_lib.widgets.choices import SETTINGS, measure

NEW = "MMD in pairs"
MODELS = {
    NEW: Reconstruct("x") + 10 * Match("xz", MMD()),
    "VAE": zoo.VAE,
    "WAE-MMD": zoo.WAE_MMD,
    "AAE": zoo.AAE,
    "ALI": zoo.ALI,
    "ALICE": Reconstruct("x") + Match("xz", Adversary()),
    "MMD in x and z": Reconstruct("x") + 10 * Match("x", MMD()) + 10 * Match("z", MMD()),
}
BEYOND = {"ALICE": "ALICE (Li et al., 2017)"}
EXPECTED = {"mismatch_x": ["VAE", "WAE-MMD"], "error_x": ["ALI"]}
WORDS = CONVENTIONS | {
    "precision": "share of samples nearer to a training digit than its third neighbour is, %",
    "recall": "share of training digits nearer to a sample than its third neighbour is, %",
}


class Digits:
    """Held-out digits in the place of a toy: ``sample`` draws them without replacement."""

    def __init__(self, x: torch.Tensor):
        self.x = x

    def sample(self, n: int, seed: int) -> torch.Tensor:
        return self.x[torch.randperm(len(self.x), generator=torch.Generator().manual_seed(seed))[:n]]


def within(a: torch.Tensor, b: torch.Tensor, k: int = 3) -> float:
    """Share of the points a [n, D] that lie nearer to some point of b than b's own k-th neighbour does, in %."""
    radius = torch.cdist(b, b).kthvalue(k + 1, 1).values  # the first is the point itself
    return 100 * (torch.cdist(a, b) < radius).any(1).double().mean().item()


def worlds() -> dict[str, tuple[Data, object, int, dict]]:
    """Per world: the training data, where to draw fresh ones from, how many are measured, and what build is told."""
    toys = {
        name: (Data(toy.sample(20_000, 0), None, name, toy), toy, 4000, {})
        for name, toy in (("ring", ring()), ("grid", grid()))
    }
    train, test = (Data(load("digits", split).x.flatten(1), None, "digits") for split in ("train", "test"))
    return toys | {"digits": (train, Digits(test.x), len(test), dict(latent=8, hidden=(128, 128)))}


def result(objective, data: Data, fresh, n: int, sizes: dict, seeds: list[int], settings: dict) -> dict:
    """What is written of one model on one world."""
    started, how = time.perf_counter(), settings | sizes
    build_for = {k: how.pop(k) for k in ("latent", "hidden")}
    digits = data.name == "digits"
    if digits and any(isinstance(t, Reconstruct) for t in objective.terms):
        build_for |= dict(observation="gaussian", noiseless=True)
    run, failed = measures.survivors(build(objective, data, **build_for), data, seeds, **how)
    found = dict(failed=failed)
    if run is not None:
        values, x, _ = measure(run, fresh, n)
        if digits:
            made = run.sample(len(data), seed=2)
            values |= {
                "precision": torch.tensor([within(each, data.x) for each in made]),
                "recall": torch.tensor([within(data.x, each) for each in made]),
            }
            grey = (x[0, :20].clamp(0, 1) * 255).round().to(torch.uint8).flatten().tolist()
            found["samples"] = base64.b64encode(bytes(grey)).decode()
        found |= {name: record.summary(v) for name, v in values.items()}
    return found | dict(seconds=round(time.perf_counter() - started, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--name", default="compose_study", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, settings = list(range(100, 100 + args.seeds)), SETTINGS | dict(steps=args.steps)
    config = settings | dict(optimizer="Adam", betas={"with an adversary": [0.5, 0.999], "without": [0.9, 0.999]})
    out = dict(
        experiment="A sum of terms without a name",
        command="python benchmarks/compose_study.py",
        chosen=dict(objective=repr(MODELS[NEW]), on="2026-11-22", expected=EXPECTED),
        seeds=seeds,
        config=config,
        conventions=WORDS,
        worlds={},
        models={
            name: dict(objective=repr(o), name=zoo.name(o), literature=BEYOND.get(name)) for name, o in MODELS.items()
        },
    )
    path = record.RESULTS / f"{args.name}.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = old.get("seeds") == seeds and old.get("config") == json.loads(json.dumps(config))
    for world, (data, fresh, n, sizes) in worlds().items():
        done = old["worlds"].get(world, {}).get("results", {}) if same else {}
        results: dict[str, dict] = {}
        out["worlds"][world] = dict(digest=data.digest, n=len(data), config=sizes, results=results, compare={})
        for name, objective in MODELS.items():
            found = done.get(name) or result(objective, data, fresh, n, sizes, seeds, settings)
            results[name], new = found, results.get(NEW, found)
            short = {m: found[m]["mean"] for m in WORDS if m in found}
            print(f"{world}, {name}: {short}, {found['seconds']} s", flush=True)
            if name != NEW:
                both = [m for m in WORDS if m in new and m in found]
                out["worlds"][world]["compare"][name] = {
                    m: record.difference(new[m]["values"], found[m]["values"]) for m in both
                }
            record.write(args.name, out | dict(environment=record.environment()))


if __name__ == "__main__":
    main()
