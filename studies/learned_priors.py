"""Two models that learn their prior, on the worlds of ``diffusion`` and at its budget (chapter 20).

    python -m ganvae_lib study learned_priors       # about 10 minutes on one CPU thread; after learned_priors_pilot

A VQ-VAE of 32 entries and latent diffusion, with as many parameters as the models of ``diffusion``, all networks
together, and as many steps: every network sees an example once in a step, so one step is worth one of a VAE. Worlds,
seeds, batches and measures are those of ``diffusion``, so that both records can be read side by side. The density of a
VQ-VAE is a sum over its 32 entries, and exact; that of latent diffusion is an average over 5,000 codes.

The learning rate of each is chosen before, on another world and other seeds (learned_priors_pilot.py). All settings
were fixed before any result.
"""

from functools import partial
from pathlib import Path

from ganvae_lib import zoo
from ganvae_lib.experiments import Study, Trial
from studies import diffusion, measures

MODELS = {"VQ-VAE": (zoo.VQ_VAE, (95, 95), 1.0), "latent diffusion": (zoo.LATENT_DIFFUSION, (74, 74), 1.0)}
WORDS = diffusion.WORDS | {
    "nats_d_g": "KL(d || g), from densities: of a VQ-VAE exactly, of latent diffusion by 5,000 codes; nats"
}


def models(folder: Path) -> dict[str, Trial]:
    """Each with the rate that came nearest to the pinwheel in the pilot's record, without a failure."""
    return diffusion.with_rates(MODELS, measures.earlier_record("learned_priors_pilot", folder))


STUDY = Study(
    "Models that learn their prior, on worlds with a known truth",
    models,
    data={name: partial(measures.train_only, name, world) for name, world in diffusion.WORLDS.items()},
    prepare=diffusion.prepare,
    measure=diffusion.measure,
    examples=diffusion.examples,
    references=diffusion.references,
    words=WORDS,
    notes={"samples": diffusion.SAMPLES, "learning rates": "chosen by the pilot, learned_priors_pilot.json"},
    networks=dict(latent=diffusion.LATENT),
    training=dict(batch=128),
    steps=3000,
    seeds=range(8),
    pairs=[("VQ-VAE", "latent diffusion")],
)
