"""When does a discriminator help a VAE? Few examples of two moons of known density, and 8 x 8 digits. Twelve seeds.

    python -m ganvae_lib study activated            # about 6 minutes on one CPU thread

Every seed has its own training set, initial weights and noise; all models of a seed share them, so differences are
paired. World, rate and number of steps were chosen on seeds 100 to 103 with the VAE alone, so that it overfits a small
training set before the end. The models differ in who weighs the examples:

    VAE         nobody: real examples only
    blind       a discriminator that is never trained (it answers about 1/2)
    weak        a tenth of the learning rate
    AAVAE       the learning rate of the others
    strong      that, and four updates per step
    stopped     as AAVAE, but trained in the first tenth of the steps only
    informed    as AAVAE, but its real examples are from a far larger set (not so with all 1350 digits)

The record's examples are the steps at which bounds were measured and, of the AAVAE on digits, the training digits of
one seed with the largest and the smallest D.
"""

from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor

from ganvae_lib import Batch, Data, Noise, build, load, metrics, moons, zoo
from ganvae_lib.experiments import Study, Trial
from studies.measures import drawn

STD = 0.15  # of the moons, and of p(x|z)
SIZES = {"moons": (25, 50, 100, 400), "digits": (135, 1350)}
WORLDS = [f"{name}, {n}" for name, sizes in SIZES.items() for n in sizes]
NETWORKS = {
    "moons": dict(latent=2, hidden=(64, 64), observation="gaussian", scale=STD),
    "digits": dict(latent=8, hidden=(64,), observation="bernoulli"),
}
BATCH = {"moons": 32, "digits": 64}
SPECIAL = ("phi_lr", "updates", "until", "informed")  # how the discriminator's training may differ
WORDS = {
    "last": "the IWAE-32 bound on test examples at the last step, nats per example",
    "best": "the same at the step with the best bound on validation examples",
    "elbo": "the ELBO on test examples at the last step",
    "D on training examples": "mean answer of the discriminator at the last step",
    "D on unseen examples": "the same, on test examples",
    "D on generated examples": "the same, on samples",
    "test": "the IWAE-32 bound on test examples at the steps that the examples name",
    "validation": "the same on validation examples",
}


def evaluation_steps(steps: int) -> list[int]:
    """Where to measure: twelve steps, closer at the start."""
    return sorted({max(1, round(steps * (i / 12) ** 2)) for i in range(1, 13)})


def rows(pool_size: int, n: int, generators: list[torch.Generator]) -> Tensor:
    """n rows out of ``many`` for each seed, [seeds, n]."""
    return torch.stack([torch.randint(pool_size, (n,), generator=generator) for generator in generators])


def update(model, phase, batch, adam) -> None:
    """One step of a phase's players."""
    parameters = model.of(phase.players)
    gradients = torch.autograd.grad(phase.total(phase.losses(batch)).sum(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        # Fused Adam walks through memory: parameter and gradient must lie alike in it.
        parameter.grad = (
            gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)
        )
    adam.step()


def weighed(
    template, x, larger, seeds, look, *, steps, batch_size, lr, phi_lr=None, updates=1, until=1.0, informed=False
):
    """Train a copy of ``template`` per seed on its own x [seeds, n, ...]; look at it at ``evaluation_steps(steps)``.

    The discriminator learns at the rate ``phi_lr`` in the first part ``until`` of the steps, ``updates`` times a step;
    ``informed``, its real examples are from ``larger`` [m, ...]. Returns the model, and what look(model) said.
    """
    model = template.copies(seeds)
    noise = Noise(seeds)
    phases = model.objective.phases()
    phi_lr = lr if phi_lr is None else phi_lr
    players = [
        torch.optim.Adam(model.of(phase.players), lr=phi_lr if phase.discriminates else lr, fused=True)
        for phase in phases
    ]
    n = min(batch_size, x.shape[1])
    # One stream of minibatches that all models share, and one for the further updates of the discriminator.
    generators, further_generators = (
        [torch.Generator().manual_seed(first + s) for s in seeds] for first in (9000, 5000)
    )
    copy = torch.arange(len(seeds))[:, None]  # seed k draws its rows from its own examples x[k]
    looks = []
    for step in range(1, steps + 1):
        batch = Batch(model, x[copy, rows(x.shape[1], n, generators)], noise)
        for phase, adam in zip(phases, players, strict=True):
            if phase.discriminates and (phi_lr == 0 or step > int(until * steps)):
                continue
            for turn in range(updates if phase.discriminates else 1):
                seen = batch
                if phase.discriminates and informed:
                    seen = Batch(model, larger[rows(len(larger), n, further_generators)], noise, detached=True)
                elif turn:
                    seen = Batch(model, x[copy, rows(x.shape[1], n, further_generators)], noise, detached=True)
                update(model, phase, seen, adam)
            batch.moved(phase.players)
        if step in evaluation_steps(steps):
            looks.append(look(model))
    return model, looks


def train(trial: Trial, world, seeds: list[int]) -> SimpleNamespace:
    x = torch.stack([world.own(seed) for seed in seeds])
    template = build(trial.objective, world.larger, **world.networks)

    def bounds_now(model) -> tuple[Tensor, Tensor]:
        return metrics.iwae(model, world.test, 32), metrics.iwae(model, world.validation, 32, seed=1)

    model, bounds = weighed(template, x, world.larger.x, seeds, bounds_now, batch_size=world.batch, **trial.training)
    return SimpleNamespace(model=model, seeds=seeds, x=x, bounds=bounds, how=trial.training)


@torch.no_grad()
def answers(model, x: Tensor, unseen: Tensor) -> dict[str, Tensor]:
    """Mean D on training, test and generated examples, [seeds]."""
    if "discriminator_x" not in model.networks:
        return {}
    z = torch.randn(len(x), 1000, *model.prior().event_shape, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    made = model.decoder(z).sample()
    kinds = {"training": x, "unseen": unseen.expand(len(x), *unseen.shape), "generated": made}
    return {f"D on {kind} examples": model.discriminator_x(v).logits.sigmoid().mean(-1) for kind, v in kinds.items()}


def measure(run, world) -> dict:
    on_test, on_validation = (torch.stack(column) for column in zip(*run.bounds, strict=True))  # [steps, seeds]
    best = on_test.gather(0, on_validation.argmax(0, keepdim=True))[0]
    bounds = {"last": on_test[-1], "best": best, "elbo": metrics.elbo(run.model, world.test)}
    return {**bounds, **answers(run.model, run.x, world.test.x), "test": on_test.T, "validation": on_validation.T}


@torch.no_grad()
def examples(run, world) -> dict:
    shown: dict = {"steps": evaluation_steps(run.how["steps"])}
    is_aavae = "discriminator_x" in run.model.networks and not any(key in run.how for key in SPECIAL)
    if world.name.startswith("digits") and is_aavae:
        D = run.model.discriminator_x(run.x).logits.sigmoid()[0]
        order = D.argsort(descending=True)
        for key, rows_shown in (("large", order[:16]), ("small", order[-16:])):
            pixels = run.x[0, rows_shown].flatten(1).int().tolist()
            shown[f"{key} D"] = {"D": [round(answer, 4) for answer in D[rows_shown].tolist()], "x": pixels}
    return shown


def two_moons() -> dict[str, Data]:
    sizes = {"test": 600, "validation": 300, "larger": 20_000}
    law = moons(std=STD)
    return {name: drawn("moons", law, seed, n) for seed, (name, n) in enumerate(sizes.items(), 1)}


def digits() -> dict[str, Data]:
    train_split, test = (load("digits", split, binarize="threshold") for split in ("train", "test"))
    return {"test": test, "validation": train_split[1350:], "larger": train_split[:1350]}


def prepare(world) -> dict:
    """``own(seed)`` draws the training set of a seed."""
    name, n = world.name.split(", ")
    prepared = {"networks": NETWORKS[name], "batch": BATCH[name]}
    if name == "moons":
        truth = {"E_d log d": float(world.test.law.log_prob(world.test.x).mean())}
        return prepared | {"own": lambda seed: world.test.law.sample(int(n), 1000 + seed), "facts": truth}
    pool = world.larger.x

    def own(seed: int) -> Tensor:
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(1000 + seed))
        return pool[order[: int(n)]]

    return prepared | {"own": own}


only_50 = partial(Trial, zoo.AAVAE, worlds=("moons, 50",))
STUDY = Study(
    "A discriminator that weighs the examples of a VAE",
    {
        "VAE": Trial(zoo.VAE),
        "blind": Trial(zoo.AAVAE, training=dict(phi_lr=0.0)),
        "weak": only_50(training=dict(phi_lr=3e-4)),
        "AAVAE": Trial(zoo.AAVAE),
        "strong": only_50(training=dict(updates=4)),
        "stopped": only_50(training=dict(until=0.1)),
        "informed": Trial(zoo.AAVAE, training=dict(informed=True)),
    },
    data={world: two_moons if world.startswith("moons") else digits for world in WORLDS},
    prepare=prepare,
    train=train,
    measure=measure,
    examples=examples,
    words=WORDS,
    notes={"networks": NETWORKS, "batch": BATCH},
    training=dict(lr=3e-3),
    steps=1000,
    seeds=range(12),
    pairs=[(name, "VAE") for name in ("blind", "weak", "AAVAE", "strong", "stopped", "informed")],
    paired=True,
)
