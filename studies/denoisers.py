"""What makes three denoisers differ: the path, what the network says, or the weight of each noise level (chapter 20).

    python -m ganvae_lib study denoisers            # about 5 minutes on one CPU thread

In ``diffusion`` three denoisers of one size end far apart, and differ in four things at once: these three, and the
learning rate. Here each changes alone, on the unequal ring only, with the network, the batches, the steps and the
measures of that study, but half of its samples, for time. All have one rate, the one that the pilot chose for two of
the three.

Of the twelve combinations of two paths, two things to say and three weights, two are left out: noise that is told with
the weight of the velocity. There the loss multiplies the squared error by 1/(1-t)^2 on the linear path, and by as much
on the other, so up to a million, and the last noise levels drown all others. The diffusion model of ``diffusion`` is on
a third path; it is here as well, at the rate of the others. All settings were fixed before any result.
"""

from functools import partial
from types import SimpleNamespace

from ganvae_lib import Denoise, Match
from ganvae_lib.experiments import Study, Trial
from ganvae_lib.training import Run
from studies import diffusion, measures

SAMPLES = 5000
RATE = 3e-3
SAYS_AND_WEIGHT = (
    ("velocity", "velocity"),
    ("velocity", "noise"),
    ("velocity", "bound"),
    ("noise", "noise"),
    ("noise", "bound"),
)
COMBINATIONS = [(path, *both) for path in ("linear", "cosine") for both in SAYS_AND_WEIGHT]
COMBINATIONS += [("variance preserving", "noise", "noise")]


def measure(run: Run, world: SimpleNamespace) -> dict:
    return diffusion.look(run.sample(SAMPLES), world)


STUDY = Study(
    "Path, what the network says, and weight of a denoiser, one at a time",
    {
        f"{path}, {says}, {weight}": Trial(
            Match("x", Denoise(weight, path, says)), about=dict(path=path, says=says, weight=weight)
        )
        for path, says, weight in COMBINATIONS
    },
    data=partial(measures.train_only, "unequal", diffusion.WORLDS["unequal"]),
    prepare=diffusion.prepare,
    measure=measure,
    references=diffusion.references,
    words={key: words for key, words in diffusion.WORDS.items() if key in diffusion.KEPT},
    notes={"samples": SAMPLES, "samples of perfect": diffusion.SAMPLES},
    networks=dict(latent=diffusion.LATENT, hidden=diffusion.MODELS["flow matching"][1]),
    training=dict(batch=128, lr=RATE),
    steps=3000,
    seeds=range(8),
)
