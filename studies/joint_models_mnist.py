"""What each sum of terms buys, on MNIST: the models of joint_models_ring but for GMMN and WAE-MMD.

    python -m ganvae_lib study joint_models_mnist   # about 6 minutes on one CPU thread

After a first look at the VAE and the GAN the scale was changed from 1 to 0.5 for all, and the steps were cut from 800
to 600 to save time. Samples and reconstructions are the means f(z); ``scale`` only sets the weight of the
reconstruction. The picture shows test digits, their reconstructions, samples; seed 0.
"""

from functools import partial

import torch

from ganvae_lib import zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures
from studies.joint_models_ring import MODELS, PAIRS, WORDS

CHOSEN = {name: objective for name, objective in MODELS.items() if name not in ("GMMN", "WAE-MMD")}


def seen(x, world) -> dict[str, float]:
    """What the classifier names in images x, beside ten equally frequent digits; and how sharp they are."""
    verdict = measures.verdict(measures.classes(world.classifier, x), torch.full((10,), 0.1))
    energy = measures.laplacian_energy(x) / measures.laplacian_energy(world.test.x)
    return {"classes": verdict["classes"], "confident": verdict["confident"], "laplacian": energy}


@torch.no_grad()
def samples(run) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and the means f(z) of a single run."""
    torch.manual_seed(0)
    z = torch.randn(2000, *run.model.prior().event_shape)
    return z, run.model.decoder(z).mean


@torch.no_grad()
def measure(run, world) -> dict:
    z, made = samples(run)
    scores = seen(made, world)
    if "encoder" in run.model.networks:
        x, y = world.test.x[:2000], world.test.y[:2000]
        reconstructed = run.reconstruct(x)[0]
        scores |= {
            "reconstruction": float((reconstructed - x).square().mean().sqrt()),
            "wrong": float((measures.classes(world.classifier, reconstructed).argmax(1) != y).double().mean()),
            "round_trip": float((run.model.encoder(made).mean - z).square().mean().sqrt()),
            "again_laplacian": measures.laplacian_energy(reconstructed) / measures.laplacian_energy(world.test.x),
        }
    return scores


def panels(name, run, world) -> dict:
    """Eight reconstructions, if there are any, over sixteen samples."""
    x = world.test.x
    if run is None:
        return {"test digits": torch.cat([x[:8], x[100:116]])}
    if name == "VAE, 0.25":
        return {}
    reconstructed = torch.zeros_like(x[:8])  # black, without an encoder
    if "encoder" in run.model.networks:
        reconstructed = run.reconstruct(x[:2000])[0][:8]
    _, made = samples(run)
    return {name: torch.cat([reconstructed, made[:16]])}


def references(world, seeds) -> dict:
    wrong = 1 - world.facts["accuracy of the classifier"]
    return {"test digits": seen(world.test.x, world) | {"wrong": wrong}}


STUDY = Study(
    "What each sum of terms buys, on MNIST",
    {name: Trial(objective) for name, objective in CHOSEN.items()} | {"VAE, 0.25": Trial(zoo.VAE, dict(scale=0.25))},
    data=partial(measures.train_and_test, "mnist"),
    prepare=measures.classified,
    measure=measure,
    references=references,
    words=measures.DIGIT_WORDS
    | {
        "reconstruction": "root mean squared distance of x from f(z), z ~ q(z|x), per pixel",
        "wrong": "share of test digits whose reconstruction is another digit to the classifier",
        "round_trip": WORDS["round_trip"],
        "again_laplacian": "the Laplacian of reconstructions",
    },
    networks=dict(latent=16, hidden=(256,), observation="gaussian", scale=0.5, noiseless=True),
    training=dict(batch=64, lr=1e-3),
    steps=600,
    seeds=range(4),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    pairs=[pair for pair in PAIRS if set(pair) <= set(CHOSEN)],
    panels=panels,
    picture=partial(measures.side_by_side, columns=4, width=10, height=2.0),
)
