"""MMD as the tool, on MNIST: in the space of the images (GMMN), of the codes (WAE-MMD), and a GAN beside them.

    python -m ganvae_lib study kernels              # about 4 minutes on one CPU thread

Nothing was tuned on MNIST: learning rates and kernel widths are those of the 8 x 8 digits of chapter 14 (widths grow
with the number of pixels by themselves); the WAE-MMD has squared error and weight 10. Its picture shows samples of
seed 0.
"""

from functools import partial

import torch

from ganvae_lib import MMD, Match, zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures


def prepare(at) -> dict:
    return measures.classified(at, epochs=1) | {"real": at.test.x[:2000], "known": at.train.x[:10_000]}


@torch.no_grad()
def look(x, at) -> dict[str, float]:
    seen = measures.verdict(measures.classes(at.classifier, x), torch.full((10,), 0.1))
    seen |= measures.sharpness(x, at.real, at.known, count=500)
    return {key: seen[key] for key in ("classes", "confident", "laplacian", "nearest")}


def measure(run, at) -> dict:
    row = look(run.sample(2000, mean=True)[0], at)
    if "encoder" in run.model.networks:
        row["reconstruction"] = (run.reconstruct(at.real)[0] - at.real).square().mean().sqrt().item()
        row["code_std"] = run.infer(at.real)[0].std(0).mean().item()
    return row


STUDY = Study(
    "MMD in the space of images and in that of codes, on MNIST",
    {
        "GMMN": Trial(Match("x", MMD("gaussian", (0.01, 0.05))), training=dict(lr=2e-3)),
        "WAE-MMD": Trial(zoo.WAE_MMD, dict(codes="point", observation="gaussian", scale=0.5**0.5), dict(lr=2e-3)),
        "GAN": Trial(zoo.GAN, training=dict(lr=1e-3, betas=(0.0, 0.9))),
    },
    data=partial(measures.train_and_test, "mnist"),
    prepare=prepare,
    measure=measure,
    references=lambda at, seeds: {"test digits": look(at.real, at)},
    words=measures.DIGIT_WORDS
    | {
        "reconstruction": "root mean squared error per pixel, test digits",
        "code_std": "standard deviation of the codes of test digits",
    },
    networks=dict(latent=16, hidden=(256, 256)),
    training=dict(batch=128),
    steps=800,
    seeds=range(3),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    panels=lambda name, run, at: {name: run.sample(24, mean=True)[0]} if run else {"test digits": at.real[:24]},
    picture=partial(measures.side_by_side, width=8.4, height=2.4),
)
