"""Every sensible sum of the book's terms, trained on the ring of eight Gaussians: the grid of chapter 14.

    python -m ganvae_lib study compose              # about 12 minutes of one CPU thread

A combination is a :class:`ganvae_lib.widgets.choices.Choice`. Trained are, as far as they are models of x,

    nothing for pairs      all four tools for x, all four for z, reconstructions of neither, x, z, both; with nothing or
                           the non-saturating adversary for x also both in wake-sleep; with nothing for x and a
                           reconstruction of x also the weights 1/4 and 4 of the term in z
    pairs (x, z), either tool, and no tool for z: all tools for x but reverse KL, reconstructions of neither, x, z, both
    z given x, and no tool for z: all tools for x but reverse KL, reconstructions of x or both
    reconstructions of x seen by D(x), which trains on them or is only asked; an adversary for x: all tools for z,
                           a reconstruction of x
    reverse KL in x        only with nothing or an adversary for z

Every combination gets the same settings. Nothing was tuned, so a combination that would do well with others may do
badly here; and every adversary brings a network and updates of its own. The learning rate is the one that most models
chose in the pilot of the study ``modes``; the steps are few, and chosen for time.

Examples are pictures of the first seed, ``x`` samples and ``z`` codes: base64 of bytes, two a point.
"""

import base64
from functools import partial

import torch

from ganvae_lib import coverage, ring
from ganvae_lib.experiments import Study, Trial
from ganvae_lib.widgets.choices import SETTINGS, Choice, all_choices, distance, measure as look
from studies.measures import train_only

WORDS = {
    "modes": "modes covered: at least 20 % of the samples of a perfect model, counting samples of high quality only",
    "high_quality": "samples within 3 standard deviations of a mode, %",
    "mismatch_x": "sliced Wasserstein-1 distance of samples and fresh data, in the unit of x (the ring's radius is 2)",
    "error_x": "root mean squared error per dimension of the mean of p(x|z), z inferred from fresh data",
    "mismatch_z": "sliced Wasserstein-1 distance of codes of fresh data and draws of the prior N(0, 1)",
    "error_z": "root mean squared error per dimension of the mean of q(z|x), x generated from draws of the prior",
}
POINTS = 150  # of a picture
REACH = {"x": 3.2, "z": 4.0}  # of a picture, from its middle to its edge
SAMPLES = 4000  # that are measured


def chosen(choice: Choice) -> bool:
    """Is the combination in the grid?"""
    plain = choice.weight == 1 and choice.players == "all"
    only_x = (choice.rec_x, choice.rec_z) == (True, False)
    later = choice.x in ("noisy", "scores", "noise") or choice.z in ("learned", "codebook")  # tools of chapter 20
    if later or choice.missing() or (choice.x == "rkl" and choice.z not in ("none", "adversary")):
        return False
    if choice.joint == "none":
        wake_sleep = choice.weight == 1 and choice.rec_x and choice.rec_z and choice.x in ("none", "ns")
        weighed = choice.players == "all" and only_x and choice.x == "none"
        return plain or wake_sleep or weighed
    if choice.joint in ("xz", "xz-mmd", "z|x"):
        return plain and choice.z == "none" and choice.x != "rkl" and (choice.rec_x or choice.joint != "z|x")
    return plain and choice.x in ("ns", "rkl") and only_x


def grid() -> dict[str, Choice]:
    """The combinations by key, in the order of training."""
    combinations = {choice.key: choice for choice in all_choices() if chosen(choice)}
    in_training_order = lambda item: (item[1].weight != 1, item[1].joint == "asked")
    return dict(sorted(combinations.items(), key=in_training_order))


def prepare(world) -> dict:
    law = world.train.law
    return {"facts": {"std": law.std, "modes": law.modes.tolist(), "samples": SAMPLES}}


def points(x: torch.Tensor, reach: float) -> str:
    """Points [n, 2] as base64 of bytes; a byte counts from -reach, 0, to reach, 255."""
    return grey((x[:POINTS].clamp(-reach, reach) / reach + 1) / 2)


def grey(x: torch.Tensor) -> str:
    """Numbers from 0 to 1 as base64 of bytes."""
    return base64.b64encode(bytes((x * 255).round().to(torch.uint8).flatten().tolist())).decode()


def examples(run, world) -> dict:
    _, x, z = look(run, world.train.law, SAMPLES)
    return {"x": points(x[0], REACH["x"]), "z": None if z is None else points(z[0], REACH["z"])}


def references(world, seeds) -> dict:
    """What a model that knows the world and the prior would score: two draws of each are compared."""
    law = world.train.law
    n = SAMPLES
    x = torch.stack([law.sample(n, 20_000 + s) for s in seeds])
    z = torch.stack([torch.randn(n, 2, generator=torch.Generator().manual_seed(s)) for s in seeds])
    counts = coverage(x, law)
    fresh = torch.randn(n, 2, generator=torch.Generator().manual_seed(20_000))
    return {
        "perfect": {
            "modes": counts["modes"],
            "high_quality": 100 * counts["high quality"],
            "mismatch_x": distance(x, law.sample(n, 30_000)),
            "mismatch_z": distance(z, fresh),
        }
    }


STUDY = Study(
    "Every sensible sum of terms, on the ring",
    {key: Trial(choice.objective(), about={"name": choice.name()}) for key, choice in grid().items()},
    data=partial(train_only, "ring", ring()),
    prepare=prepare,
    measure=lambda run, world: look(run, world.train.law, SAMPLES)[0],
    references=references,
    examples=examples,
    words=WORDS,
    notes={"cloud": {"points": POINTS, "reach": REACH}},
    networks={key: SETTINGS[key] for key in ("latent", "hidden")},
    training={key: SETTINGS[key] for key in ("batch", "lr")},
    steps=SETTINGS["steps"],
    seeds=range(4),
)
