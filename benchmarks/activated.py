"""When does a discriminator help a VAE? Few examples of two moons of known density, and 8 x 8 digits. Twelve seeds.

    python benchmarks/activated.py                  # about 6 minutes on one CPU thread
    python benchmarks/activated.py --part moons --steps 200 --seeds 2 --name trial

Every seed has its own training set, initial weights and noise; all models of a seed share them, so differences are
paired. All players use Adam on minibatches of the same size. World, rate and number of steps were chosen on
seeds 100 to 103 with the VAE alone, so that it overfits a small training set before the end.

The models differ in who weighs the examples:

    VAE         nobody: real examples only
    blind       a discriminator that is never trained (it answers about 1/2)
    weak        a tenth of the learning rate
    AAVAE       the learning rate of the others
    strong      that, and four updates per step
    stopped     as AAVAE, but trained in the first tenth of the steps only
    informed    as AAVAE, but its real examples are from a far larger set: what it could do if it knew more

All seven are compared on 50 points, the four of EVERYWHERE elsewhere.

Writes results/activated.json:

    experiment, command, seeds, environment, config
    moons, digits  data, truth (moons: E_d log d), sizes {n: by model:
                     steps, test [steps][seeds] and validation [steps][seeds]: the IWAE-32 bound, nats per example
                     elbo [seeds]: the test ELBO at the last step
                     trust {train, test, generated: [seeds]}: the mean D at the last step
                     last, best [seeds]: the test bound at the last step; at the step with the best validation bound
                     gain {last, best, elbo}: minus the VAE's, seed by seed, {values, mean, half_width_95}}
    digits also has examples of one seed: the training digits with the largest and smallest D.
"""

from __future__ import annotations

import argparse
import json
import time

import record
import torch

from ganvae_lib import Data, Noise, World, build, load, metrics, moons, zoo

MODELS = ("VAE", "blind", "weak", "AAVAE", "strong", "stopped", "informed")
EVERYWHERE = ("VAE", "blind", "AAVAE", "informed")
RATE = 3e-3
MOONS = dict(latent=2, hidden=(64, 64), observation="gaussian", scale=0.15)
DIGITS = dict(latent=8, hidden=(64,), observation="bernoulli")
STD = 0.15  # of the moons, and of the observation
ALL_AT = {50}


def points_of(steps: int) -> list[int]:
    """Where to measure: twelve steps, closer at the start."""
    return sorted({max(1, round(steps * (i / 12) ** 2)) for i in range(1, 13)})


def train(kind: str, x, others, template, steps: int, batch: int, seeds: list[int], measure) -> tuple:
    """Train a copy per seed on its own x [seeds, n, ...]; ``others`` [m, ...] are the real examples of "informed".

    Returns the model and measure(model) at ``points_of(steps)``.
    """
    model = template.copies(seeds)
    noise, n = Noise(seeds), x.shape[1]
    rows = [torch.Generator().manual_seed(9000 + s) for s in seeds]
    fresh = [torch.Generator().manual_seed(5000 + s) for s in seeds]
    rates = {"blind": 0.0, "weak": RATE / 10}
    players = [
        torch.optim.Adam(model.of(p.players), lr=rates.get(kind, RATE) if p.discriminates else RATE, fused=True)
        for p in model.objective.phases()
    ]
    at = torch.arange(len(seeds))[:, None]
    pick = lambda many, generators: torch.stack(
        [torch.randint(many, (min(batch, n),), generator=g) for g in generators]
    )
    found, wanted = [], set(points_of(steps))
    for step in range(1, steps + 1):
        real = x[at, pick(n, rows)]
        world = World(model, real, noise)
        for phase, adam in zip(model.objective.phases(), players, strict=True):
            if phase.discriminates and (kind == "blind" or (kind == "stopped" and step > steps // 10)):
                continue
            for turn in range(4 if phase.discriminates and kind == "strong" else 1):
                seen = world
                if phase.discriminates and kind == "informed":
                    seen = World(model, others[pick(len(others), fresh)], noise, detached=True)
                elif turn:
                    seen = World(model, x[at, pick(n, fresh)], noise, detached=True)
                parameters = model.of(phase.players)
                slopes = torch.autograd.grad(phase.total(phase.losses(seen)).sum(), parameters)
                for p, slope in zip(parameters, slopes, strict=True):
                    # Fused Adam walks through memory: parameter and gradient must lie alike in it.
                    p.grad = slope if slope.stride() == p.stride() else torch.empty_like(p).copy_(slope)
                adam.step()
            world.moved(phase.players)
        if step in wanted:
            found.append(measure(model))
    return model, found


@torch.no_grad()
def trust(model, x, many) -> dict | None:
    """Mean D on training, test and generated examples, [seeds]."""
    if "discriminator_x" not in model.networks:
        return None
    z = torch.randn(len(x), 1000, *model.prior().event_shape, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    of = {"train": x, "test": many.expand(len(x), *many.shape), "generated": model.decoder(z).sample()}
    return {k: model.discriminator_x(v).logits.sigmoid().mean(-1).tolist() for k, v in of.items()}


def compare(name, sets, others, shape, settings, steps, batch, seeds, test, validation, kinds, say) -> tuple:
    """Every model on every training set: {n: {model: measures}}, and the models; sets {n: [seeds, n, ...]}."""
    sizes, kept = {}, {}
    for n, x in sets.items():
        entries = {}
        for kind in kinds if n in ALL_AT else [k for k in kinds if k in EVERYWHERE]:
            objective = zoo.VAE if kind == "VAE" else zoo.AAVAE
            measure = lambda m: (metrics.iwae(m, test, 32), metrics.iwae(m, validation, 32, seed=1))
            model, found = train(kind, x, others, build(objective, shape, **settings), steps, batch, seeds, measure)
            on_test, on_validation = (torch.stack(column) for column in zip(*found, strict=True))
            best = on_test.gather(0, on_validation.argmax(0, keepdim=True))[0]
            entry = dict(
                steps=points_of(steps),
                test=rounded(on_test),
                validation=rounded(on_validation),
                last=rounded(on_test[-1]),
                best=rounded(best),
                elbo=rounded(metrics.elbo(model, test)),
                trust=trust(model, x, test.x),
            )
            entries[kind], kept[n, kind] = entry, model
            entry["gain"] = {
                key: record.summary([a - b for a, b in zip(entry[key], entries["VAE"][key], strict=True)])
                for key in ("last", "best", "elbo")
            }
            gains = [f"{key} {g['mean']:+.3f} ± {g['half_width_95'] or 0:.3f}" for key, g in entry["gain"].items()]
            say(name, n, kind, *gains, f"test {on_test[-1].mean():.3f} best {best.mean():.3f}")
        sizes[n] = entries
    return sizes, kept


def rounded(values: torch.Tensor) -> list:
    return (
        [[round(v, 4) for v in row] for row in values.tolist()]
        if values.ndim > 1
        else [round(v, 4) for v in values.tolist()]
    )


def of_moons(steps, seeds, say, kinds=MODELS) -> dict:
    world = moons(std=STD)
    test, validation = (Data(world.sample(m, s), name="moons") for m, s in ((600, 1), (300, 2)))
    sets = {n: torch.stack([world.sample(n, 1000 + s) for s in seeds]) for n in (25, 50, 100, 400)}
    others = world.sample(20_000, 3)
    sizes, _ = compare("moons", sets, others, test, MOONS, steps, 32, seeds, test, validation, kinds, say)
    data = dict(std=STD, test=len(test), validation=len(validation))
    return dict(data=data, truth=float(world.log_prob(test.x).mean()), sizes=sizes)


def of_digits(steps, seeds, say, kinds=MODELS) -> dict:
    digits, test = (load("digits", split=s, binarize="threshold") for s in ("train", "test"))
    pool, validation = digits[:1350], digits[1350:]
    orders = [torch.randperm(1350, generator=torch.Generator().manual_seed(1000 + s)) for s in seeds]
    draw = {n: torch.stack([pool.x[order[:n]] for order in orders]) for n in (135, 1350)}
    # With all 1350 digits there is no larger set: "informed" differs from "AAVAE" in its minibatches only.
    sizes, kept = compare("digits", draw, pool.x, pool, DIGITS, steps, 64, seeds, test, validation, kinds, say)
    examples = {}
    for n in draw:
        D = kept[n, "AAVAE"].discriminator_x(draw[n]).logits.sigmoid()[0].detach()
        order = D.argsort(descending=True)
        examples[n] = {
            key: dict(D=rounded(D[rows]), x=draw[n][0, rows].flatten(1).int().tolist())
            for key, rows in (("large", order[:16]), ("small", order[-16:]))
        }
    data = dict(name=digits.name, note=digits.note, pool=1350, test=len(test), validation=len(validation))
    return dict(data=data, sizes=sizes, examples=examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("moons", "digits"), help="one part only; the other stays as it is")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--name", default="activated", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, started = list(range(args.first, args.first + args.seeds)), time.perf_counter()

    def say(*words):
        print(f"{time.perf_counter() - started:6.0f} s", *words, flush=True)

    config = dict(
        steps=args.steps,
        rate=RATE,
        batch={"moons": 32, "digits": 64},
        moons=MOONS,
        digits=DIGITS,
        objectives={"VAE": repr(zoo.VAE), "AAVAE": repr(zoo.AAVAE)},
    )
    path = record.RESULTS / f"{args.name}.json"
    content = json.loads(path.read_text(encoding="utf-8")) if args.part and path.exists() else {}
    content |= dict(
        experiment="a discriminator that weighs the examples of a VAE",
        command=f"python benchmarks/activated.py --steps {args.steps} --seeds {args.seeds}",
        seeds=seeds,
        environment=record.environment(),
        config=config,
    )
    for part, measure in (("moons", of_moons), ("digits", of_digits)):
        if args.part in (None, part):
            content[part] = measure(args.steps, seeds, say, tuple(args.models))
            say(record.write(args.name, content).name)


if __name__ == "__main__":
    main()
