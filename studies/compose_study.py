"""A sum of terms that has no name, against its named neighbours: two toys and the 8 x 8 digits, eight seeds.

    python -m ganvae_lib study compose_study        # about 6 minutes of one CPU thread

The sum, Reconstruct("x") + 10 * Match("xz", MMD()), is chosen by an argument, not by its results: on 22 November 2026,
before any result was seen of it or of another sum with a term in pairs. Generation makes pairs p(z) p(x|z), inference
makes pairs d(x) q(z|x), and a model is right when the two are equal. In the zoo the pairs are compared by KL (the VAE,
by the chain rule) and by an adversary (ALI, BiGAN). The place of MMD is empty. MMD needs samples of both sides, too,
but no third player whose optimum one must trust; and it is zero only where the pairs agree, so that one term asks for
the right samples, codes and posterior at once. It sees a minibatch through a kernel of finite width, though, and not
which z belongs to which x: so a reconstruction of x is added, as ALICE adds one to ALI (Li et al., 2017). The weight
and the kernel are those of WAE-MMD, its neighbour with MMD in z alone.

What was expected: samples nearer to the data than those of WAE-MMD and of the VAE, whose decoders are never shown a
draw of the prior; reconstructions better than ALI's; less scatter over seeds than ALI and ALICE. The neighbour "MMD in
x and z" says whether pairs are needed, or the two margins do.

A search of public pages, documentation and code found no name for the sum. It belongs to the family of Zhao et al.
(2018, "The Information Autoencoding Family"), who divide such objectives into information and consistency.

Worlds, measures and settings were fixed before, too; nothing was tuned, and ``compose`` does not use the seeds. On the
digits samples are the mean of p(x|z); examples are 20 of the first seed, base64 of bytes, 64 each.
"""

from dataclasses import replace
from functools import partial

import torch

from ganvae_lib import MMD, Adversary, Data, Match, Reconstruct, load, ring, zoo
from ganvae_lib.data.toys import grid
from ganvae_lib.experiments import Study, Trial
from ganvae_lib.experiments.study import fit_trial
from ganvae_lib.widgets.choices import SETTINGS, measure as look
from studies.compose import SAMPLES, WORDS, grey
from studies.measures import train_only

NEW = "MMD in pairs"
NEIGHBOURS = {
    "VAE": zoo.VAE,
    "WAE-MMD": zoo.WAE_MMD,
    "AAE": zoo.AAE,
    "ALI": zoo.ALI,
    "ALICE": Reconstruct("x") + Match("xz", Adversary()),
    "MMD in x and z": Reconstruct("x") + 10 * Match("x", MMD()) + 10 * Match("z", MMD()),
}
MODELS = {NEW: Reconstruct("x") + 10 * Match("xz", MMD())} | NEIGHBOURS
BEYOND = {"ALICE": "ALICE (Li et al., 2017)"}  # names that are not in the zoo
CHOSEN = {
    "objective": repr(MODELS[NEW]),
    "on": "2026-11-22",
    "expected": {"mismatch_x": ["VAE", "WAE-MMD"], "error_x": ["ALI"]},
}


class Digits:
    """Held-out digits in the place of a toy: ``sample`` draws them without replacement."""

    def __init__(self, x: torch.Tensor):
        self.x = x

    def sample(self, n: int, seed: int) -> torch.Tensor:
        order = torch.randperm(len(self.x), generator=torch.Generator().manual_seed(seed))
        return self.x[order[:n]]


def within(a: torch.Tensor, b: torch.Tensor, k: int = 3) -> float:
    """Share of the points a [n, D] that lie nearer to some point of b than b's own k-th neighbour does, in %."""
    radius = torch.cdist(b, b).kthvalue(k + 1, 1).values  # the first is the point itself
    return 100 * (torch.cdist(a, b) < radius).any(1).double().mean().item()


def digits() -> dict:
    return {split: Data(load("digits", split).x.flatten(1), None, "digits") for split in ("train", "test")}


def prepare(world) -> dict:
    """Where fresh data are drawn from, and how many are measured."""
    if world.name == "digits":
        return {"fresh": Digits(world.test.x), "n": len(world.test), "facts": {"latent": 8, "hidden": [128, 128]}}
    return {"fresh": world.train.law, "n": SAMPLES}


def train(trial, world, seeds):
    if world.name == "digits":
        networks = dict(trial.networks, latent=8, hidden=(128, 128))
        if any(isinstance(term, Reconstruct) for term in trial.objective.terms):
            networks |= dict(observation="gaussian", noiseless=True)
        trial = replace(trial, networks=networks)
    return fit_trial(trial, world, seeds)


def measure(run, world) -> dict:
    scores = look(run, world.fresh, world.n)[0]
    if world.name == "digits":
        real = world.train.x
        made = run.sample(len(world.train), seed=2)
        scores["precision"] = [within(samples, real) for samples in made]
        scores["recall"] = [within(real, samples) for samples in made]
    return scores


def examples(run, world) -> dict:
    if world.name != "digits":
        return {}
    _, samples, _ = look(run, world.fresh, world.n)
    return {"samples": grey(samples[0, :20].clamp(0, 1))}


STUDY = Study(
    "A sum of terms without a name",
    {
        name: Trial(objective, about={"name": zoo.name(objective), "literature": BEYOND.get(name)})
        for name, objective in MODELS.items()
    },
    data={"ring": partial(train_only, "ring", ring()), "grid": partial(train_only, "grid", grid()), "digits": digits},
    prepare=prepare,
    train=train,
    measure=measure,
    examples=examples,
    words=WORDS
    | {
        "precision": "share of samples nearer to a training digit than its third neighbour is, %",
        "recall": "share of training digits nearer to a sample than its third neighbour is, %",
    },
    notes={"chosen": CHOSEN},
    networks={key: SETTINGS[key] for key in ("latent", "hidden")},
    training={key: SETTINGS[key] for key in ("batch", "lr")},
    steps=1500,
    seeds=range(100, 108),
    pairs=[(NEW, neighbour) for neighbour in NEIGHBOURS],
)
