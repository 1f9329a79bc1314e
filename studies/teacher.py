"""DMD with a teacher that was trained before, beside DMD whose two denoisers learn together (chapter 20).

    python -m ganvae_lib study teacher              # about 5 minutes on one CPU thread

The taught generator gets as many updates as the other, and so does the denoiser of its samples. Its denoiser of data is
the teacher, trained for as many steps before, and then fixed. So it costs more (``seconds`` counts the teacher, too)
and has the better judge from the first step on. The teacher itself is sampled along its flow, in 50 steps of Heun.
Rates are those that the pilot of ``diffusion`` chose for DMD and for flow matching; sizes and steps were chosen for
time, before any result.
"""

from functools import partial
from types import SimpleNamespace

from ganvae_lib import Denoise, Match, build, fit, zoo
from ganvae_lib.experiments import Study, Trial
from ganvae_lib.training import Run
from studies import diffusion, measures, modes

TEACHER = Match("x", Denoise("velocity", "cosine", "velocity"))  # the loss of the denoisers within DMD
RATE, TEACHERS_RATE = 3e-4, 3e-3
STEPS = 1500
WORLDS = {name: modes.WORLDS[name] for name in ("ring", "grid")}


def train(trial: Trial, world: SimpleNamespace, seeds: list[int]) -> Run:
    """One run of all seeds; a model with a teacher first trains it, and keeps it as it is."""
    networks, training = dict(trial.networks), dict(trial.training, device="cpu")
    taught = networks.pop("taught", False)
    data, model = world.train, build(trial.objective, world.train, **networks)
    if not taught:
        return fit(model, data, seeds=seeds, **training)
    teacher = fit(build(TEACHER, data, **networks), data, seeds=seeds, **training | {"lr": TEACHERS_RATE})
    copies = model.copies(seeds)
    pair = copies.networks["scores_x"]
    pair.of_data = teacher.model.networks["denoiser_x"].requires_grad_(False)
    return fit(copies, data, seeds=seeds, fresh=False, **training)


def measure(run: Run, world: SimpleNamespace) -> dict:
    return diffusion.look(modes.draws(run, diffusion.SAMPLES), world)


def together(run: Run, world: SimpleNamespace) -> dict:
    return {"cloud": measures.cloud(run.sample(300)[0])}


STUDY = Study(
    "Distillation with and without a teacher",
    {
        "teacher": Trial(TEACHER, training=dict(lr=TEACHERS_RATE)),
        "DMD": Trial(zoo.DMD),
        "DMD, taught": Trial(zoo.DMD, networks=dict(taught=True)),
    },
    data={name: partial(measures.train_only, name, law) for name, law in WORLDS.items()},
    prepare=diffusion.prepare,
    train=train,
    measure=measure,
    examples=together,
    references=diffusion.references,
    words={key: words for key, words in diffusion.WORDS.items() if key in diffusion.KEPT},
    notes={"samples": diffusion.SAMPLES, "learning rates": "chosen by the pilot, diffusion_pilot.json"},
    networks=dict(latent=diffusion.LATENT, hidden=(72, 72)),
    training=dict(batch=128, lr=RATE),
    steps=STEPS,
    seeds=range(8),
    pairs=[("DMD, taught", "DMD"), ("teacher", "DMD, taught")],
)
